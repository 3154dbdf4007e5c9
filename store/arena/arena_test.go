package arena

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func folded(s string) string { return string(Fold(s)) }

func TestWhatIsTypedFindsWhatWasMeant(t *testing.T) {
	for name, c := range map[string]struct{ typed, meant string }{
		"capitals":             {"guten TAG", "Guten Tag"},
		"umlauts":              {"Grusse MULLER", "Grüße Müller"},
		"sharp s, capital":     {"strasse", "STRAẞE"},
		"composed and not":     {"M\u00fcller", "Mu\u0308ller"},
		"French":               {"oeuvre a l'ete", "Œuvre à l’été"},
		"Polish":               {"zazolc gesla jazn lodz", "Zażółć gęślą jaźń Łódź"},
		"Danish":               {"aerodefisk", "Ærødefisk"},
		"Turkish":              {"istanbul isik", "İstanbul ışık"},
		"Greek, final sigma":   {"ΟΔΟΣ", "οδός"},
		"Cyrillic":             {"ЕЖИК", "ёжик"},
		"Arabic, vowel marks":  {"كتاب", "كِتَابٌ"},
		"Arabic, tatweel":      {"كتاب", "كـتـاب"},
		"Arabic digits":        {"123", "١٢٣"},
		"Hebrew points":        {"שלום", "שָׁלוֹם"},
		"full width":           {"abc 123", "ＡＢＣ　１２３"},
		"ligature":             {"office", "oﬃce"},
		"Korean, decomposed":   {"한글", "한글"},
		"Japanese, decomposed": {"が", "か\u3099"},
		"half-width kana":      {"ガ", "ｶﾞ"},
		"quotes and dashes":    {`"a" - b's`, "„a“ – b’s"},
		"kinds of space":       {"a b", "a \u00a0\n\t b"},
		"what does not show":   {"passwort", "pass\u00adwo\u200brt\u202e"},
		"dots":                 {"...", "…"},
		"skin tone joins":      {"👩🏽‍💻", "👩🏽‍💻"},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := folded(c.typed), folded(c.meant); a != b || a == "" {
				t.Errorf("%q is not %q", a, b)
			}
		})
	}
	for _, c := range [][2]string{{"กา", "กี"}, {"कि", "कु"}, {"か", "が"}, {"a-b", "ab"}, {"o", "0"}} {
		if folded(c[0]) == folded(c[1]) {
			t.Errorf("%q and %q are one", c[0], c[1])
		}
	}
	for _, nothing := range []string{"", " \n", "\u200b\u00ad", "\x00\x10\x1f"} {
		if got := folded(nothing); got != "" {
			t.Errorf("%q folds to %q", nothing, got)
		}
	}
}

// was returns what a text was before it was folded.
func was(x *Text) (spans []Span) {
	atoms(x.text, x.patch, func(a atom) bool {
		s, kind := string(x.text[a.from:a.to]), uint8(0)
		if a.was != nil {
			if len(s) == 1 && s[0]&^maxKind == hidden {
				kind = s[0] - hidden
			}
			s = string(a.was)
		}
		if n := len(spans); n > 0 && kind == 0 && spans[n-1].Kind == 0 {
			spans[n-1].Text += s
		} else {
			spans = append(spans, Span{kind, s})
		}
		return true
	})
	return spans
}

// words are what random texts are made of.
var words = rapid.OneOf(rapid.SampledFrom([]string{"Guten", "tag", "Grüße", "ß", " ", "  ", "\n", "…", "ﷺ", "한", "하\u11ab", "か\u3099", "É", "e\u0301", "\u0301", "👩🏽‍💻", "İ", "١", "ＡＢ", "a", "b", "ab", "\u00ad", "Ж"}),
	rapid.StringN(0, 4, 12))

var sentence = rapid.Custom(func(t *rapid.T) string {
	return strings.ToValidUTF8(strings.Join(rapid.SliceOfN(words, 0, 12).Draw(t, "words"), ""), "")
})

func TestFoldingLeadsBack(t *testing.T) {
	x := NewText()
	rapid.Check(t, func(rt *rapid.T) {
		x.Reset()
		var want []Span
		for range rapid.IntRange(1, 4).Draw(rt, "parts") {
			s := Span{Text: sentence.Draw(rt, "text")}
			if rapid.Bool().Draw(rt, "hidden") && s.Text != "" {
				s.Kind = rapid.Uint8Range(1, maxKind).Draw(rt, "kind")
				x.Hidden(s.Kind, s.Text)
			} else {
				x.Plain(s.Text)
			}
			if n := len(want); s.Text == "" {
			} else if n > 0 && s.Kind == 0 && want[n-1].Kind == 0 {
				want[n-1].Text += s.Text
			} else {
				want = append(want, s)
			}
		}
		if got := was(x); !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
		x.Reset()
		for _, b := range [][]byte{x.text, x.patch, x.raw, x.part} {
			if len(bytes.Trim(b[:cap(b)], "\x00")) > 0 {
				rt.Fatal("Reset leaves text behind")
			}
		}
	})
}

func FuzzFoldingTwiceIsFoldingOnceAndLeadsBack(f *testing.F) {
	f.Add("Grüße, ÆØÅ ﷺ 한글 e\u0301 \u200b…")
	f.Add("\x00\xff\u0378")
	x := NewText()
	f.Fuzz(func(t *testing.T, s string) {
		once := folded(s)
		apart := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }) // parts of a syllable with something between them may meet
		if twice := folded(once); once != twice && !apart {
			t.Errorf("%q, then %q", once, twice)
		}
		if strings.ContainsFunc(once, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q holds what only we may write", once)
		}
		x.Reset()
		x.Plain(s)
		if x.full() {
			return
		}
		var back string
		for _, sp := range was(x) {
			back += sp.Text
		}
		if back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}

type model map[string]map[string]kept

type kept struct {
	r     Record
	spans []Span
}

func put(t testing.TB, add func(Record, *Text) error, k kept) {
	t.Helper()
	x := NewText()
	for _, s := range k.spans {
		if s.Kind == 0 {
			x.Plain(s.Text)
		} else {
			x.Hidden(s.Kind, s.Text)
		}
	}
	if err := add(k.r, x); err != nil {
		t.Fatal(err)
	}
}

// foldedOf is what of a record can be found.
func (k kept) folded() string {
	x := NewText()
	for _, s := range k.spans {
		if s.Kind == 0 {
			x.Plain(s.Text)
		} else {
			x.Hidden(s.Kind, s.Text)
		}
	}
	return string(x.text)
}

func TestFindingAnswersAsAPlainListWould(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := New(64 << 20)
		defer a.Clear()
		m := model{}
		name := rapid.SampledFrom([]string{"c1", "c2", "c3"})
		id := rapid.Map(rapid.IntRange(0, 40), func(n int) string { return fmt.Sprint("m", n) })
		filler := strings.Repeat("füllung ", 2000) // so that segments fill up, move and go
		for n := range rapid.IntRange(0, 120).Draw(rt, "steps") {
			g, i := name.Draw(rt, "group"), id.Draw(rt, "id")
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			default:
				k := kept{Record{g, i, rapid.SampledFrom([]string{"", "p", "q"}).Draw(rt, "author"), int64(rapid.IntRange(0, 5).Draw(rt, "at")), uint64(n), uint16(n % 3)},
					[]Span{{0, sentence.Draw(rt, "text")}, {3, "hint 47"}, {0, filler}}}
				a.Remove(g, i)
				put(t, a.Add, k)
				if m[g] == nil {
					m[g] = map[string]kept{}
				}
				m[g][i] = k
			case 6, 7, 8:
				_, had := m[g][i]
				if a.Has(g, i) != had || a.Remove(g, i) != had || a.Has(g, i) {
					rt.Fatalf("removing a record that is there: %v", had)
				}
				delete(m[g], i)
			case 9:
				a.Drop(g)
				delete(m, g)
			}
		}
		q := Query{Limit: rapid.IntRange(0, 10).Draw(rt, "limit"), Width: 60}
		for range rapid.IntRange(0, 2).Draw(rt, "words") {
			if w := Fold(words.Draw(rt, "word")); len(w) > 0 {
				q.Words = append(q.Words, w)
			}
		}
		if rapid.Bool().Draw(rt, "filtered") {
			q.Group = func(g string) bool { return g != "c1" }
			q.Keep = func(f Filter) bool { return f.At > 1 && f.Flags != 2 && f.Author != "p" }
		}
		var want []kept
		counts := map[string]int{}
		for _, of := range m {
			for _, k := range of {
				text := k.folded()
				if slices.ContainsFunc(q.Words, func(w []byte) bool { return !strings.Contains(text, string(w)) }) ||
					q.Group != nil && (!q.Group(k.r.Group) || !q.Keep(Filter{k.r.Author, k.r.At, k.r.Flags})) {
					continue
				}
				want = append(want, k)
				counts[k.r.Group]++
			}
		}
		slices.SortFunc(want, func(a, b kept) int {
			return cmp.Or(cmp.Compare(b.r.At, a.r.At), cmp.Compare(b.r.Place, a.r.Place))
		})
		hits, found, err := a.Find(context.Background(), q)
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range found {
			if counts[c.Group] != c.Count {
				rt.Fatalf("%d found in a group, want %d", c.Count, counts[c.Group])
			}
			delete(counts, c.Group)
		}
		if len(counts) > 0 || len(hits) != min(q.Limit, len(want)) {
			rt.Fatalf("%d hits of %d, groups without: %v", len(hits), len(want), counts)
		}
		for i, h := range hits {
			if h.Record != want[i].r {
				rt.Fatalf("hit %d is %v, want %v", i, h.Record, want[i].r)
			}
			checkMarks(rt, h, q.Words)
		}
		live := 0
		for _, of := range m {
			live += len(of)
		}
		st := a.Stats()
		if st.Records != live || st.Mapped > 4*(live*len(filler)+segmentSize)+segmentSize {
			rt.Fatalf("%d records of %d, %d bytes mapped", st.Records, live, st.Mapped)
		}
		overwritten(rt, a)
	})
}

// checkMarks holds that what is marked is what was looked for, and that something is.
func checkMarks(t *rapid.T, h Hit, words [][]byte) {
	var shown string
	for _, s := range h.Excerpt {
		shown += s.Text
	}
	end := -1
	for _, m := range h.Marks {
		if m.From <= end || m.To <= m.From || m.To > len(shown) {
			t.Fatalf("marks %v in %d bytes", h.Marks, len(shown))
		}
		end = m.To
		marked := folded(shown[m.From:m.To])
		if !slices.ContainsFunc(words, func(w []byte) bool { return strings.Contains(marked, string(w)) }) {
			t.Fatalf("%q is marked, looked for %q", shown[m.From:m.To], words)
		}
	}
	if len(words) > 0 && len(h.Marks) == 0 {
		t.Fatalf("nothing is marked in %q, looked for %q", shown, words)
	}
}

// overwritten holds that nothing but what lives has bytes other than 0.
func overwritten(t *rapid.T, a *Arena) {
	for _, s := range a.segments {
		if s == nil {
			continue
		}
		for n := range s.count {
			if e := s.entry(n); e.dead && len(bytes.Trim(s.mem[e.off:int(e.off)+e.size()], "\x00")) > 0 {
				t.Fatal("a record that was removed can still be read")
			}
		}
		if len(bytes.Trim(s.mem[s.used:len(s.mem)-s.count*entrySize], "\x00")) > 0 {
			t.Fatal("there is something where nothing is")
		}
	}
}

func TestAnExcerptShowsTheWordsAsTheyWereWritten(t *testing.T) {
	long := strings.Repeat("Lorem ipsum Dolor ", 20)
	for name, c := range map[string]struct {
		spans  []Span
		typed  []string
		shown  string
		marked []string
	}{
		"umlauts and case":  {[]Span{{0, "Viele Grüße aus MÜNCHEN"}}, []string{"munchen", "grusse"}, "Viele Grüße aus MÜNCHEN", []string{"Grüße", "MÜNCHEN"}},
		"half of a sharp s": {[]Span{{0, "Straße"}}, []string{"stras"}, "Straße", []string{"Straß"}},
		"lines and spaces":  {[]Span{{0, "eins\n\n  zwei"}}, []string{"eins zwei"}, "eins zwei", []string{"eins zwei"}},
		"hints are shown":   {[]Span{{0, "Ruf "}, {1, "+49 ••• ••47"}, {0, " an, Anna"}}, []string{"an"}, "Ruf +49 ••• ••47 an, Anna", []string{"an", "An"}},
		"cut on both sides": {[]Span{{0, long + "Nadel " + long}}, []string{"nadel"}, "…ipsum Dolor Nadel Lorem ipsum Dolor Lorem ipsum Dolor Lorem…", []string{"Nadel"}},
		"words that touch":  {[]Span{{0, "Abcd"}}, []string{"abc", "bcd"}, "Abcd", []string{"Abcd"}},
		"no words":          {[]Span{{0, "Guten Tag"}}, nil, "Guten Tag", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(1 << 24)
			defer a.Clear()
			put(t, a.Add, kept{Record{Group: "c", ID: "m"}, c.spans})
			q := Query{Limit: 1, Width: 60}
			for _, w := range c.typed {
				q.Words = append(q.Words, Fold(w))
			}
			hits, _, err := a.Find(context.Background(), q)
			if err != nil || len(hits) != 1 {
				t.Fatal(len(hits), err)
			}
			var shown string
			for _, s := range hits[0].Excerpt {
				shown += s.Text
			}
			var marked []string
			for _, m := range hits[0].Marks {
				marked = append(marked, shown[m.From:m.To])
			}
			if shown != c.shown || !slices.Equal(marked, c.marked) {
				t.Errorf("shown %q, marked %q", shown, marked)
			}
		})
	}
}

func TestAFindReachesNeitherOverASectionNorAHintNorARecord(t *testing.T) {
	a := New(1 << 24)
	defer a.Clear()
	x := NewText()
	x.Plain("vorne")
	x.Break()
	x.Plain("mitte")
	x.Hidden(1, "+49 ••• 47")
	x.Plain("hinten")
	for _, id := range []string{"vor", "nach"} {
		if err := a.Add(Record{Group: "c", ID: id}, x); err != nil {
			t.Fatal(err)
		}
	}
	for typed, want := range map[string]int{"vorne": 2, "mitte": 2, "hinten": 2, "vornemitte": 0, "vorne mitte": 0, "mittehinten": 0, "47": 0, "+49": 0,
		"vor": 2, "nach": 0, "hintenvorne": 0, "hinten\x00": 2, "•": 0} {
		_, n, err := a.Find(context.Background(), Query{Words: [][]byte{Fold(typed)}})
		got := 0
		for _, c := range n {
			got += c.Count
		}
		if err != nil || got != want {
			t.Errorf("%q: %d found, want %d, %v", typed, got, want, err)
		}
	}
}

func TestALimitAndALongTextAndManyAuthorsAreBorne(t *testing.T) {
	a := New(2 * segmentSize)
	x := NewText()
	x.Plain("anfang " + strings.Repeat("Ü\u200b ", 60_000) + "ende")
	x.Hidden(1, strings.Repeat("•", 9000))
	n := 0
	var err error
	for ; err == nil; n++ {
		err = a.Add(Record{Group: "c", ID: fmt.Sprint(n), Author: "p"}, x)
	}
	if !errors.Is(err, ErrFull) || n < 10 {
		t.Fatal(n, err)
	}
	_, found, err := a.Find(context.Background(), Query{Words: [][]byte{Fold("anfang")}})
	if err != nil || len(found) != 1 || found[0].Count != n-1 {
		t.Error(found, err)
	}
	a.Drop("c")
	if st := a.Stats(); st.Records != 0 || st.Mapped > segmentSize {
		t.Errorf("%+v", st)
	}
	x.Reset()
	for i := range 70_000 {
		a.author(fmt.Sprint("p", i))
	}
	if err := a.Add(Record{Group: "c", ID: "m", Author: "p69999"}, x); err != nil {
		t.Error(err)
	}
	if hits, _, err := a.Find(context.Background(), Query{Limit: 1, Keep: func(f Filter) bool { return f.Author == "" }}); err != nil || len(hits) != 1 {
		t.Error(hits, err)
	}
}

func TestAClearedArenaSaysSoAndDoesNotCrash(t *testing.T) {
	a := New(1 << 24)
	put(t, a.Add, kept{Record{Group: "c", ID: "m"}, []Span{{0, "geheim"}}})
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for {
				if _, _, err := a.Find(context.Background(), Query{Words: [][]byte{Fold("geheim")}, Limit: 1}); err != nil {
					if !errors.Is(err, ErrCleared) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	for range 2 {
		if err := a.Clear(); err != nil {
			t.Error(err)
		}
	}
	busy.Wait()
	if err := a.Add(Record{Group: "c", ID: "n"}, NewText()); !errors.Is(err, ErrCleared) {
		t.Error(err)
	}
	a.Drop("c")
	if a.Remove("c", "m") || a.Has("c", "m") || a.Stats() != (Stats{}) {
		t.Error("something is left")
	}
}
