package maskcheck

import (
	"context"
	"iter"
	"os"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// seed is the same in every run: a figure that moves was moved by the engine.
const seed = 20250312

func scale(t testing.TB, quick float64) float64 {
	t.Helper()
	if os.Getenv("MASK_FULL") == "1" {
		return 1
	}
	return quick
}

func all(cases iter.Seq[Case]) iter.Seq2[Case, error] {
	return func(yield func(Case, error) bool) {
		for c := range cases {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// measure judges our engine and logs the table. The texts of what was missed are made up here and may be printed.
func measure(t *testing.T, cases iter.Seq[Case], blind bool, show int) Report {
	t.Helper()
	shown := map[string]int{}
	r, err := JudgeCases(context.Background(), all(cases), Ours(mask.Policy{}, nil, blind), func(c Case, ms []inbox.Masked) {
		if shown[c.Class]++; shown[c.Class] <= show {
			var seen []string
			for _, m := range ms {
				seen = append(seen, m.Visible())
			}
			t.Logf("%s %s %q -> %q", c.Class, c.Region, []string(c.Text), seen)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
	return r
}

// quick is the part of the corpora a commit judges; MASK_FULL=1 judges all.
const quick = 0.25

// A goal is what a class, or all whose name begins so, must reach.
type goal struct {
	class  string
	recall float64 // at least
	false_ float64 // at most
}

func (g goal) check(t *testing.T, r Report) {
	t.Helper()
	sum := Result{}
	for _, c := range r.Classes {
		if strings.HasPrefix(c.Class, g.class) {
			sum.Cases += c.Cases
			sum.Secret += c.Secret
			sum.Leaks += c.Leaks
			sum.Keeping += c.Keeping
			sum.FalseMasks += c.FalseMasks
		}
	}
	if sum.Cases == 0 {
		t.Errorf("%s: no cases", g.class)
	}
	if sum.Recall() < g.recall {
		t.Errorf("%s: recall %.4f, want %.4f", g.class, sum.Recall(), g.recall)
	}
	if sum.False() > g.false_ {
		t.Errorf("%s: %.4f masked falsely, at most %.4f", g.class, sum.False(), g.false_)
	}
}

func TestDevelopmentSet(t *testing.T) {
	r := measure(t, Development(seed, scale(t, quick)), false, 0)
	for _, g := range []goal{
		{"phone", 0.9995, 0.003}, {"own-separators", 1, 0.003}, {"own-scripts", 1, 0.003}, {"own-split", 1, 0.003},
		{"own-reversed", 1, 0.003}, {"own-groups-reversed", 0.99, 0.003}, {"own-worded", 0.99, 0.003}, {"own-pairs", 0.99, 0.003},
		{"own-mixed", 0.99, 0.003}, {"own-doubles", 0.99, 0.003}, {"own-words-between", 0.99, 0.003}, {"own-lookalike", 0.98, 0.003},
		{"own-listed", 0.95, 0.003}, {"email", 0.999, 0.003}, {"card", 1, 0.003}, {"iban", 1, 0.003}, {"handle", 0.99, 0.003},
		{"link", 0.99, 0.003}, {"negative", 1, 0.003}, {"chat", 1, 0.01},
	} {
		g.check(t, r)
	}
}

func TestHeldOutSet(t *testing.T) {
	r := measure(t, HeldOut(seed, scale(t, quick)), false, 0)
	for _, g := range []goal{
		{"phone", 0.998, 0.003}, {"own-separators", 1, 0.003}, {"own-scripts", 1, 0.003}, {"own-split", 1, 0.003}, {"own-reversed", 0.99, 0.003},
		{"own-mixed", 0.99, 0.003}, {"own-words-between", 0.99, 0.003}, {"worded", 0.99, 0.003}, {"email", 0.999, 0.003},
		{"card", 1, 0.003}, {"iban", 1, 0.003}, {"handle", 0.99, 0.003}, {"link", 0.99, 0.003}, {"chat", 1, 0.01},
		{"negative-price", 1, 0.003}, {"negative-date", 1, 0.003}, {"negative-order", 1, 0.003}, {"negative-tracking", 1, 0.003},
		{"negative-part", 1, 0.003}, {"negative-size", 1, 0.003}, {"negative-time", 1, 0.003}, {"negative-coordinates", 1, 0.003},
		{"negative", 1, 0.003},
	} {
		g.check(t, r)
	}
	if p := r.Class("phone"); p.Cases >= 4000 && p.RecallBound() < 0.997 {
		t.Errorf("phone: recall is only known to be over %.4f", p.RecallBound())
	}
}

// What the engine finds of strangers' identifiers does not hang on what the relay knows of the contact.
func TestTheBlindEngineFindsStrangers(t *testing.T) {
	r := measure(t, HeldOut(seed, scale(t, quick/4)), true, 0)
	for _, g := range []goal{{"phone", 0.998, 0.003}, {"worded", 0.99, 0.003}, {"email", 0.999, 0.003}, {"card", 1, 0.003}, {"iban", 1, 0.003}, {"handle", 0.99, 0.003}} {
		g.check(t, r)
	}
}
