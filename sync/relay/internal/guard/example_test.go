package guard_test

import (
	"context"
	"fmt"

	"sealdesk/sync/relay/internal/guard"
)

func Example() {
	p := guard.DefaultPolicy()
	p.Company.Domains = []string{"seaside.example"}
	g, err := guard.New(p, nil)
	if err != nil {
		panic(err)
	}
	v, err := g.Judge(context.Background(), guard.Draft{
		To:    guard.Contact{Names: []string{"Marco", "Rossi"}},
		Parts: []guard.Part{{Text: "Hallo Frau Weber, schreiben Sie mir auf Telegram!"}},
	})
	fmt.Println(v.Action, v.Alert, err)
	for _, f := range v.Findings {
		fmt.Println(f.Rule, f.Why, f.Action, f.From, f.To)
	}
	// Output:
	// block true <nil>
	// wrong-recipient  reason 6 16
	// diversion other-app block 18 48
}
