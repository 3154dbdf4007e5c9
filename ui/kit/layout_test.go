package kit

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fixed measures every rune 10 wide (emoji 20, marks 0), so that layouts can be written down.
type fixed struct{ calls int }

func (f *fixed) Measure(text string, face Face) (float32, float32, float32) {
	f.calls++
	if face.Font == FontEmoji {
		return 18, 20, 14
	}
	w := float32(0)
	for _, r := range text {
		if !unicode.In(r, unicode.Mn) {
			w += 10
		}
	}
	h, b := float32(18), float32(14)
	if face.Font == FontArabic {
		h, b = 24, 17
	}
	return w, h, b
}

func metrics() *Metrics { return NewMetrics(&fixed{}) }

func lay(width float32, st Style, runs ...Run) Block { return Layout(metrics(), runs, width, st) }

// lines returns the texts of each line from left to right, pieces joined by |.
func lines(b Block) []string {
	var out []string
	last := -1
	for i := range b.Fragments {
		f := &b.Fragments[i]
		line := int((f.Y + f.Baseline) / b.LineHeight)
		if line != last {
			out = append(out, "")
			last = line
		} else {
			out[len(out)-1] += "|"
		}
		out[len(out)-1] += f.Text
	}
	return out
}

func TestLinesBreakWhereReadersExpect(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		width float32
		want  []string
	}{
		"at spaces":                      {"one two three", 80, []string{"one two", "three"}},
		"exactly full":                   {"one two", 70, []string{"one two"}},
		"spaces at the end do not count": {"one two   ", 70, []string{"one two"}},
		"several spaces stay":            {"a  b", 100, []string{"a  b"}},
		"line breaks":                    {"a\nb", 100, []string{"a", "b"}},
		"long words are cut":             {"abcdefghij", 40, []string{"abcd", "efgh", "ij"}},
		"long word after a short":        {"ab cdefghij", 50, []string{"ab", "cdefg", "hij"}},
		"after a hyphen":                 {"blau-gelbe Bahn", 60, []string{"blau-", "gelbe", "Bahn"}},
		"ideographs":                     {"您好请问什么", 30, []string{"您好请", "问什么"}},
		"no closing mark at the start":   {"您好请。问", 30, []string{"您好", "请。问"}},
		"emoji between words":            {"ok 👍👍 ok", 62, []string{"ok|👍", "👍|ok"}},
		"a no-break space holds":         {"10 000 EUR", 60, []string{"10 000", "EUR"}},
	} {
		got := lines(lay(c.width, Style{}, Run{Text: c.in}))
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestABoldWordInsideAWordDoesNotBreakIt(t *testing.T) {
	b := lay(60, Style{}, Run{Text: "ab ("}, Run{Text: "cd", Look: Strong}, Run{Text: ")."})
	if d := cmp.Diff([]string{"ab", "(|cd|)."}, lines(b)); d != "" {
		t.Error(d)
	}
}

func TestClustersStayWhole(t *testing.T) {
	for _, s := range []string{"👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "é", "é"} {
		if n, _ := nextCluster(s + "x"); n != len(s) {
			t.Errorf("%q: %d bytes, want %d", s, n, len(s))
		}
	}
	if n, _ := nextCluster("🇩🇪🇮🇹"); n != 8 {
		t.Errorf("two flags became one")
	}
}

func TestEllipsis(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		width float32
		st    Style
		want  string
		cut   bool
	}{
		"fits":                      {"one two", 70, Style{MaxLines: 1}, "one two", false},
		"cut inside a word":         {"one twofold", 70, Style{MaxLines: 1}, "one tw…", true},
		"no space before it":        {"one two", 50, Style{MaxLines: 1}, "one…", true},
		"breaks are spaces":         {"one\ntwo", 100, Style{MaxLines: 1}, "one two", false},
		"a long first word":         {"abcdefgh", 50, Style{MaxLines: 1}, "abcd…", true},
		"text after the last break": {"a\nb\nc", 100, Style{MaxLines: 2}, "b…", true},
	} {
		b := lay(c.width, c.st, Run{Text: c.in})
		got := lines(b)
		last := strings.ReplaceAll(got[len(got)-1], "|", "")
		if last != c.want || b.Truncated != c.cut || b.Width > c.width {
			t.Errorf("%s: %q cut %v width %v, want %q %v", name, last, b.Truncated, b.Width, c.want, c.cut)
		}
	}
}

func TestRightToLeftOrder(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want string
	}{
		"a right-to-left line starts right":       {"שלום עולם", "שלום עולם"},
		"marks at its end stand left":             {"שלום!", "!|שלום"},
		"a number keeps its order":                {"שלום 123 עולם", "עולם|123|שלום"},
		"inside a left-to-right line":             {"ab שלום 123 עולם, ok", "ab|עולם|123|שלום|, ok"},
		"brackets close on the right side":        {"שלום (כן) x", "x|(|כן|)|שלום"},
		"a Latin word in a right-to-left line":    {"שלום Fyne שלום", "שלום|Fyne|שלום"},
		"an override cannot turn a text round":    {"abc \u202e123", "abc 123"},
		"Arabic numbers after Arabic stay in row": {"رقم 4711", "4711|رقم"},
	} {
		b := lay(1000, Style{}, Run{Text: c.in})
		var parts []string
		x := float32(-1)
		for _, f := range b.Fragments {
			if f.X < x {
				t.Errorf("%s: fragments are not from left to right", name)
			}
			x = f.X
			parts = append(parts, strings.TrimSpace(f.Text))
		}
		want := strings.Split(c.want, "|")
		if d := cmp.Diff(want, parts); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestRightToLeftStandsAtTheRight(t *testing.T) {
	b := lay(200, Style{Fill: true}, Run{Text: "שלום"})
	if f := b.Fragments[0]; f.X+f.W != 200 || !b.RTL {
		t.Errorf("ends at %v, RTL %v", f.X+f.W, b.RTL)
	}
	b = lay(200, Style{}, Run{Text: "שלום"})
	if b.Width != 40 {
		t.Errorf("without Fill the block shrinks: %v", b.Width)
	}
}

func TestBaselinesMeetAcrossFonts(t *testing.T) {
	b := lay(1000, Style{}, Run{Text: "A. محمد 👍"})
	if len(b.Fragments) < 3 {
		t.Fatalf("%d fragments", len(b.Fragments))
	}
	want := b.Fragments[0].Y + b.Fragments[0].Baseline
	for _, f := range b.Fragments {
		if got := f.Y + f.Baseline; got != want {
			t.Errorf("%q stands at %v, not %v", f.Text, got, want)
		}
	}
}

func TestMaskedRunsAreChips(t *testing.T) {
	b := lay(400, Style{}, Run{Text: "Tel "}, Run{Text: "+49 ••• ••47", Look: Masked, ID: "f1"}, Run{Text: ", ok"})
	var chip *Fragment
	for i := range b.Fragments {
		if b.Fragments[i].Look == Masked {
			chip = &b.Fragments[i]
		}
	}
	if chip == nil || chip.Text != "+49 ••• ••47" || chip.ChipX != 40 || chip.X <= chip.ChipX || chip.ChipW <= chip.W {
		t.Fatalf("chip: %+v", chip)
	}
	if i, ok := b.RunAt(chip.ChipX+2, 10); !ok || i != 1 {
		t.Errorf("hit test on the chip: run %d %v", i, ok)
	}
	if _, ok := b.RunAt(390, 10); ok {
		t.Error("hit beside everything")
	}
	// A chip that is wider than the line is cut, never broken.
	b = lay(100, Style{}, Run{Text: "Hauptstrasse 12, 20095 Hamburg", Look: Revealed})
	if b.Lines != 1 || !strings.HasSuffix(b.Fragments[0].Text, "…") || b.Fragments[0].ChipW > 100 {
		t.Errorf("%d lines, %q, %v wide", b.Lines, b.Fragments[0].Text, b.Fragments[0].ChipW)
	}
}

func TestSpacesNeverPushAWordOutOfItsLine(t *testing.T) {
	for _, text := range []string{"  ש", "\ufe0f  ש", "   שלום", "ש   ש", "  ש ab"} {
		for _, f := range lay(20, Style{}, Run{Text: text}).Fragments {
			if f.X < 0 || f.X+f.W > 20 {
				t.Errorf("%q: %q stands from %v to %v of 20", text, f.Text, f.X, f.X+f.W)
			}
		}
	}
}

func TestMetaStandsOnTheLastLineWhenItFits(t *testing.T) {
	one := lay(200, Style{Meta: 50}, Run{Text: "short"})
	if one.Lines != 1 || one.Height != one.LineHeight || one.Width != 50+12+50 || one.MetaX != 62 || one.MetaY != 0 {
		t.Errorf("fits: %+v", one)
	}
	two := lay(100, Style{Meta: 50}, Run{Text: "ninechars"})
	if two.Height <= two.LineHeight || two.MetaY < two.LineHeight-4 || two.MetaX+50 != two.Width {
		t.Errorf("does not fit: %+v", two)
	}
	rtl := lay(300, Style{Meta: 50}, Run{Text: "שלום"})
	if rtl.Height <= rtl.LineHeight {
		t.Error("a right-to-left line must not run into the time")
	}
}

func TestLayoutNeverLosesOrOverflows(t *testing.T) {
	alphabet := []rune("ab cd-/\n  WMi.,!?()äß•€שלםאبتمرد123456789您好。👍🇩🇪❤\ufe0f\u200d👩\u200b\u202eé")
	rapid.Check(t, func(t *rapid.T) {
		var runs []Run
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			text := string(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 40).Draw(t, "text"))
			runs = append(runs, Run{Text: text, Look: Look(rapid.IntRange(0, int(Revealed)).Draw(t, "look"))})
		}
		width := float32(rapid.IntRange(20, 300).Draw(t, "width"))
		st := Style{MaxLines: rapid.IntRange(0, 3).Draw(t, "max"), Meta: float32(rapid.IntRange(0, 40).Draw(t, "meta"))}
		m := metrics()
		b := Layout(m, runs, width, st)
		if st.MaxLines > 0 && b.Lines > st.MaxLines {
			t.Fatalf("%d lines of %d", b.Lines, st.MaxLines)
		}
		drawn := map[rune]int{}
		for _, f := range b.Fragments {
			if !utf8.ValidString(f.Text) {
				t.Fatalf("a cluster was torn: %q", f.Text)
			}
			if f.X < -0.5 {
				t.Fatalf("%q starts left of the block at %v", f.Text, f.X)
			}
			for _, r := range f.Text {
				drawn[mirror(r)+r]++
			}
		}
		if !b.Truncated {
			want := map[rune]int{}
			cut := false
			for _, r := range runs {
				cut = cut || r.Look == Masked || r.Look == Revealed
				for i := 0; i < len(r.Text); {
					n, c := nextCluster(r.Text[i:])
					if c != classSpace && c != classNewline && c != classIgnored {
						for _, x := range r.Text[i : i+n] {
							want[mirror(x)+x]++
						}
					}
					i += n
				}
			}
			if !cut {
				for r, n := range want {
					if drawn[r] != n {
						t.Fatalf("rune %U was drawn %d times, stands %d times in the text", r/2, drawn[r], n)
					}
				}
			}
		}
		// Pure: again, with warm metrics, gives the same.
		if d := cmp.Diff(b, Layout(m, runs, width, st), cmp.AllowUnexported(Block{})); d != "" {
			t.Fatalf("a second layout differs: %s", d)
		}
	})
}

func TestWarmLayoutMeasuresNothing(t *testing.T) {
	f := &fixed{}
	m := NewMetrics(f)
	runs := []Run{{Text: "Ich habe Ihnen einen Termin vorgeschlagen: morgen, 10:00 Uhr, per Videogespräch. Passt das? 👍"}}
	Layout(m, runs, 300, Style{})
	cold := f.calls
	Layout(m, runs, 300, Style{})
	if f.calls != cold {
		t.Errorf("%d more measurements", f.calls-cold)
	}
	m.Forget()
	Layout(m, runs, 300, Style{})
	if f.calls != 2*cold {
		t.Errorf("after Forget %d measurements, want %d", f.calls-cold, cold)
	}
}
