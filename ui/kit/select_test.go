package kit

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSelectedTextIsWhatStandsThere(t *testing.T) {
	m := metrics()
	for name, c := range map[string]struct {
		width          float32
		runs           []Run
		x1, y1, x2, y2 float32
		want           string
	}{
		"part of a line":               {500, []Run{{Text: "hello world"}}, 12, 5, 78, 5, "ello wo"},
		"backwards is the same":        {500, []Run{{Text: "hello world"}}, 78, 5, 12, 5, "ello wo"},
		"over a soft break":            {60, []Run{{Text: "hello world"}}, 0, 5, 300, 25, "hello world"},
		"over a hard break":            {500, []Run{{Text: "one\ntwo"}}, 0, 5, 300, 25, "one\ntwo"},
		"above everything to below":    {60, []Run{{Text: "hello  world"}}, 0, -10, 0, 500, "hello  world"},
		"a mask is taken whole":        {500, []Run{{Text: "call "}, {Text: "+49 ••• ••47", Look: Masked}, {Text: " now"}}, 0, 5, 150, 5, "call +49 ••• ••47"},
		"emoji are taken whole":        {500, []Run{{Text: "ok 👍🏽 yes"}}, 0, 5, 45, 5, "ok 👍🏽"},
		"nothing between equal ends":   {500, []Run{{Text: "hello"}}, 20, 5, 20, 5, ""},
		"right to left from its right": {500, []Run{{Text: "مرحبا"}}, 500, 5, 468, 5, "مرح"},
		"the end of a right to left":   {500, []Run{{Text: "مرحبا"}}, 0, 5, 468, 5, "با"},
		"numbers keep their direction": {500, []Run{{Text: "رقم 4711 الطلب"}}, 421, 5, 439, 5, "47"},
		"a word of another direction":  {500, []Run{{Text: "das ist שלום jetzt"}}, 80, 5, 120, 5, "שלום"},
		"over both directions":         {500, []Run{{Text: "das ist שלום jetzt"}}, 0, 5, 99, 5, "das ist של"},
		"a bracket in right to left":   {500, []Run{{Text: "שלום (עולם)"}}, 500, 5, 0, 5, "שלום (עולם)"},
		"marks nobody sees come along": {500, []Run{{Text: "a\u200bb\u2060c"}}, 0, 5, 300, 5, "a\u200bb\u2060c"},
		"and are not counted":          {500, []Run{{Text: "a\u200bbc"}}, 10, 5, 20, 5, "b"},
		"a wide space is one place":    {500, []Run{{Text: "a\u2003bc"}}, 20, 5, 30, 5, "b"},
		"an empty line between":        {500, []Run{{Text: "one\n\ntwo"}}, 300, 25, 300, 45, "\n\ntwo"},
		"beside a mask":                {500, []Run{{Text: "call "}, {Text: "+49 ••• ••47", Look: Masked}, {Text: " now"}}, 196, 5, 300, 5, " now"},
	} {
		b := Layout(m, c.runs, c.width, Style{Fill: true})
		got := b.Pick(b.CaretAt(m, c.x1, c.y1), b.CaretAt(m, c.x2, c.y2))
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestMarksLieUnderTheirLines(t *testing.T) {
	m := metrics()
	b := Layout(m, []Run{{Text: "hello 👍 world and more"}}, 120, Style{})
	marks := b.Marks(m, Caret{}, b.CaretAt(m, 500, 500))
	if len(marks) != b.Lines {
		t.Fatalf("%d marks for %d lines", len(marks), b.Lines)
	}
	for i, k := range marks {
		if k.Y != float32(i)*b.LineHeight || k.H != b.LineHeight || k.X != 0 || k.W <= 0 || k.X+k.W > b.Width {
			t.Errorf("line %d: %+v", i, k)
		}
	}
	mixed := Layout(m, []Run{{Text: "das שלום jetzt"}}, 500, Style{})
	if got := mixed.Marks(m, mixed.CaretAt(m, 0, 5), Caret{0, len("das ש")}); len(got) != 2 || got[0].X != 0 || got[0].W != 40 || got[1].X != 70 || got[1].W != 10 {
		t.Errorf("the first letter of a word that runs the other way stands at its right: %+v", got)
	}
	from, to := mixed.All()
	if got := mixed.Marks(m, from, to); len(got) != 1 || got[0].W != 140 {
		t.Errorf("everything is one piece: %+v", got)
	}
	if got := b.Marks(m, Caret{}, Caret{}); len(got) != 0 {
		t.Errorf("nothing selected is marked: %v", got)
	}
}

func TestSelectingNeverSplitsOrInventsText(t *testing.T) {
	words := rapid.SampledFrom([]string{"Guten", "Tag", "größer", "👩‍👩‍👧", "مرحبا", "4711", "—", "\n", "+49 ••• ••"})
	rapid.Check(t, func(t *rapid.T) {
		m := metrics()
		runs := []Run{{Text: strings.Join(rapid.SliceOfN(words, 1, 20).Draw(t, "words"), " ")},
			{Text: "+49 ••• ••47", Look: Masked}, {Text: strings.Join(rapid.SliceOfN(words, 1, 8).Draw(t, "more"), " ")}}
		source := runs[0].Text + runs[1].Text + runs[2].Text
		b := Layout(m, runs, float32(rapid.IntRange(40, 400).Draw(t, "width")), Style{})
		point := func(n string) Caret {
			return b.CaretAt(m, float32(rapid.IntRange(-20, 420).Draw(t, n+"x")), float32(rapid.IntRange(-20, 300).Draw(t, n+"y")))
		}
		a, z := point("a"), point("z")
		got := b.Pick(a, z)
		if !strings.Contains(source, got) || strings.ContainsRune(got, '\uFFFD') {
			t.Fatalf("%q is not in %q", got, source)
		}
		if other := b.Pick(z, a); other != got {
			t.Fatalf("%q one way, %q the other", got, other)
		}
		if from, to := b.All(); b.Pick(from, to) != strings.TrimRight(source, " \n") && b.Pick(from, to) != source {
			t.Fatalf("all is %q of %q", b.Pick(from, to), source)
		}
		narrow := Layout(m, runs, float32(rapid.IntRange(40, 400).Draw(t, "other width")), Style{})
		if other := narrow.Pick(a, z); other != got {
			t.Fatalf("%q in one layout, %q in another", got, other)
		}
	})
}
