package guard

import (
	"context"
	_ "embed"
	"os"
	"strings"
	"testing"
)

// frozenDrafts were written down from imagination before the rules of diversion were widened: 165 drafts that lure a
// customer away and 165 of what a shop says all day and sounds like it, in three languages. Nobody mends a rule for one of
// them: a set that rules were mended for tells nothing about the next draft. Who wrote them widened the lists of words
// afterwards, so they flatter: of what others thought up the widened lists found 62 % (the sealed set, see
// [TestIndependentDrafts]), of what hints rather than says 32 % (the oblique drafts). Expect that of a stranger.
//
//go:embed testdata/frozen.txt
var frozenDrafts string

// obliqueDrafts are lures that hint, which the rules were mended for once.
//
//go:embed testdata/oblique.txt
var obliqueDrafts string

// What stood before: frozen 53.3 % found and 0.6 % of the harmless stopped, with the rules as they were; oblique 32 %, when
// the rules had been widened but not yet mended for it.
func TestFrozenDrafts(t *testing.T) {
	for _, c := range []struct {
		name, drafts string
		found, stop  float64 // percent
	}{
		{"frozen", frozenDrafts, 82, 1.5},
		{"oblique", obliqueDrafts, 80, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, hit := stoppedLines(t, c.drafts)
			share := func(key string) float64 { return 100 * float64(hit[key]) / float64(max(1, all[key])) }
			for _, key := range []string{"away", "away en", "away de", "away it", "stays", "stays en", "stays de", "stays it"} {
				if all[key] == 0 {
					continue
				}
				t.Logf("%-8s %3d of %3d stopped, %5.1f %%", key, hit[key], all[key], share(key))
			}
			if got := share("away"); got < c.found {
				t.Errorf("%.1f %% of what lures away is found, want %.1f %%", got, c.found)
			}
			if got := share("stays"); got > c.stop {
				t.Errorf("%.1f %% of what is harmless is stopped, want at most %.1f %%", got, c.stop)
			}
		})
	}
}

// stoppedLines judges a file of drafts and returns how many there are of a class, and how many of them are stopped. What
// lures away must be found out as a diversion or a payee that is not the company's; what is harmless must not be held.
func stoppedLines(t *testing.T, drafts string) (all, hit map[string]int) {
	g, err := New(speakerPolicy(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, hit = map[string]int{}, map[string]int{}
	for line := range strings.Lines(drafts) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		lang, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		class, text, ok := strings.Cut(rest, " ")
		if !ok || class != "away" && class != "stays" {
			t.Fatal("a line is no draft")
		}
		v, err := g.Judge(context.Background(), Draft{To: speakerTo, From: speakerFrom, Conversation: "conv-1", At: speakerAt, Parts: []Part{{Text: text}}})
		if err != nil {
			t.Fatal(err)
		}
		stopped := v.Action >= Hold
		if class == "away" {
			stopped = false
			for _, f := range v.Findings {
				stopped = stopped || (f.Rule == Diversion || f.Rule == BankAccount) && f.Action >= Hold
			}
		}
		for _, key := range []string{class, class + " " + lang} {
			all[key]++
			if stopped {
				hit[key]++
			}
		}
		if stopped != (class == "away") && os.Getenv("GUARD_FROZEN") != "" {
			t.Log(v.Action, rulesOf(v), line)
		}
	}
	return all, hit
}
