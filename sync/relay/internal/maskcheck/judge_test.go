package maskcheck

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

func plain(s string) inbox.Span { return inbox.Span{Text: s} }
func hint(s string) inbox.Span  { return inbox.Span{Kind: inbox.Digits, Text: s} }

func TestVerdicts(t *testing.T) {
	c := Case{Text: Texts{"call 12 34 56 at 12"}, Secrets: []string{"12 34 56"}, Keep: []string{"at 12"}}
	mail := Case{Text: Texts{"to anna at gmail dot com now"}, Secrets: []string{"anna at gmail dot com"}, Keep: []string{"now"}}
	for _, x := range []struct {
		rule            string
		c               Case
		spans           []inbox.Span
		leaked, changed int
	}{
		{"all hidden", c, []inbox.Span{plain("call "), hint("•••"), plain(" at 12")}, 0, 0},
		{"nothing hidden", c, []inbox.Span{plain("call 12 34 56 at 12")}, 6, 0},
		{"one digit left in front", c, []inbox.Span{plain("call 1"), hint("•••"), plain(" at 12")}, 1, 0},
		{"one digit left behind", c, []inbox.Span{plain("call "), hint("•••"), plain("6 at 12")}, 1, 0},
		{"a group left in the middle", c, []inbox.Span{plain("call "), hint("•"), plain("34"), hint("•"), plain(" at 12")}, 2, 0},
		{"digits in a hint are no leak", c, []inbox.Span{plain("call "), hint("+12 •••"), plain(" at 12")}, 0, 0},
		{"too much hidden", c, []inbox.Span{plain("call "), hint("•••")}, 0, 1},
		{"everything hidden", c, []inbox.Span{hint("•••")}, 0, 1},
		{"what could stand elsewhere is read where it can stand", c, []inbox.Span{hint("•"), plain("12"), hint("•")}, 2, 1},
		{"a word of an address left", mail, []inbox.Span{plain("to "), hint("•"), plain(" com now")}, 3, 0},
		{"the digits rewritten", c, []inbox.Span{plain("call (1234) 56"), hint("•"), plain(" at 12")}, 6, 0},
	} {
		t.Run(x.rule, func(t *testing.T) {
			v := verdict(&x.c, []inbox.Masked{inbox.NewMasked(x.spans...)})
			if v.leaked != x.leaked || v.changed != x.changed {
				t.Errorf("leaked %d, changed %d, want %d and %d", v.leaked, v.changed, x.leaked, x.changed)
			}
		})
	}
}

func TestMessagesNobodyMaskedCountAsShown(t *testing.T) {
	c := Case{Text: Texts{"01", "23"}, Secrets: []string{"01", "23"}}
	if v := verdict(&c, []inbox.Masked{inbox.NewMasked(hint("•"))}); v.leaked != 2 {
		t.Errorf("leaked %d, want 2", v.leaked)
	}
}

const sampleCorpus = `{"id":"a","class":"phone","lang":"de","region":"DE","text":"ruf 0171 5550123 an","secrets":["0171 5550123"],"keep":["ruf"]}
{"id":"b","class":"own-split","lang":"de","region":"","known":["+4915155501234","anna@firma.example","anna_m"],"text":["15155","moment bitte","501234"],"secrets":["15155","501234"]}

{"id":"c","class":"negative","lang":"de","region":"DE","text":"am 12.03.2025 um 15:30","keep":["am 12.03.2025 um 15:30"]}
`

func TestARunJudgesOursTwiceAndSigns(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Key: key, Version: "1.2.3", Now: func() time.Time { return time.Unix(1700000000, 0) },
		Corpus: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(sampleCorpus)), nil }}
	j, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r := j.Known.All; r.Cases != 3 || r.Secret != 2 || r.Leaks != 0 || r.Keeping != 2 || r.FalseMasks != 0 {
		t.Errorf("the knowing engine: %+v", r)
	}
	if j.Blind == nil || j.Blind.Class("own-split").Leaks != 1 || !slices.Equal(j.Blind.Missed, []string{"b"}) {
		t.Error("the blind engine found a number nobody told it")
	}
	public := key.Public().(ed25519.PublicKey)
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("0123")) {
		t.Error("a report holds a number")
	}
	var back Judgement
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if err := back.Verify(public); err != nil {
		t.Errorf("a signed report: %v", err)
	}
	other, _, _ := ed25519.GenerateKey(nil)
	if err := back.Verify(other); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	back.Known.All.Leaks = 7
	if err := back.Verify(public); !errors.Is(err, ErrSignature) {
		t.Errorf("a changed report: %v", err)
	}
	back.Signature, back.Signer = nil, nil
	if err := back.Verify(public); !errors.Is(err, ErrSignature) {
		t.Errorf("an unsigned report: %v", err)
	}
	var table strings.Builder
	if err := j.Table(&table); err != nil || !strings.Contains(table.String(), "own-split") {
		t.Errorf("the table: %v", err)
	}
}

func TestAnEngineHandedInIsJudgedOnce(t *testing.T) {
	calls := 0
	j, err := Run(context.Background(), Options{Name: "relay", Corpus: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(sampleCorpus)), nil },
		Engine: func(_ context.Context, c *Case) ([]inbox.Masked, error) {
			calls++
			var out []inbox.Masked
			for _, s := range c.Text {
				out = append(out, inbox.PlainText(s))
			}
			return out, nil
		}})
	if err != nil || calls != 3 || j.Blind != nil || j.Known.All.Leaks != 2 || j.Known.All.Recall() != 0 {
		t.Errorf("%d calls, %v, %+v", calls, err, j.Known.All)
	}
}

func TestMalformedCorporaAreRefused(t *testing.T) {
	stop := errors.New("stop")
	none := func(context.Context, *Case) ([]inbox.Masked, error) { return nil, nil }
	for _, bad := range []string{"{", `{"id":"a"}`, `{"text":7}`, sampleCorpus + "x", `{"text":[]}`} {
		if _, err := Judge(context.Background(), strings.NewReader(bad), none); !errors.Is(err, ErrCorpus) {
			t.Errorf("%v", err)
		}
	}
	if _, err := Judge(context.Background(), strings.NewReader(sampleCorpus), func(context.Context, *Case) ([]inbox.Masked, error) { return nil, stop }); !errors.Is(err, stop) {
		t.Errorf("the engine's error: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Judge(ctx, strings.NewReader(sampleCorpus), none); !errors.Is(err, context.Canceled) {
		t.Errorf("the context's error: %v", err)
	}
}

func TestTheSameSeedMakesTheSameCorpus(t *testing.T) {
	var a, b, c bytes.Buffer
	for _, x := range []struct {
		w    *bytes.Buffer
		seed uint64
	}{{&a, 1}, {&b, 1}, {&c, 2}} {
		if err := Write(x.w, HeldOut(x.seed, 0.002)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) || bytes.Equal(a.Bytes(), c.Bytes()) {
		t.Error("a corpus does not follow from its seed")
	}
	n := 0
	for _, err := range Read(&a) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 50 {
		t.Errorf("%d cases came back", n)
	}
}

// Every secret and everything to keep stands in its case, or the figures mean nothing.
func TestCorporaAreSound(t *testing.T) {
	for _, cases := range []func(uint64, float64) func(func(Case) bool){
		func(s uint64, f float64) func(func(Case) bool) { return Development(s, f) },
		func(s uint64, f float64) func(func(Case) bool) { return HeldOut(s, f) },
	} {
		for c := range cases(seed, 0.01) {
			whole := strings.Join(c.Text, "\x00")
			for _, s := range append(slices.Clone(c.Secrets), c.Keep...) {
				if s == "" || !strings.Contains(whole, s) {
					t.Fatalf("case %s names what it does not hold", c.ID)
				}
			}
			if len(c.Secrets)+len(c.Keep) == 0 {
				t.Fatalf("case %s proves nothing", c.ID)
			}
		}
	}
}

func TestKnowledge(t *testing.T) {
	c := Case{Region: "DE", Known: []string{"+4915155501234", "Anna@Firma.example", "@anna_m", "12025550143"}}
	k := c.Knowledge(false)
	if !slices.Equal(k.Phones, []string{"4915155501234", "12025550143"}) || !slices.Equal(k.Emails, []string{"anna@firma.example"}) || !slices.Equal(k.Handles, []string{"anna_m"}) {
		t.Error("what is known was sorted wrongly")
	}
	if b := c.Knowledge(true); len(b.Phones)+len(b.Emails)+len(b.Handles) > 0 || b.Region != "DE" {
		t.Error("a blind engine knows something")
	}
}
