package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestIdentifying(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		want       bool
	}{
		{"an address", "an anna@firma.example bitte", true},
		{"an address at the end", "anna@firma.ex", true},
		{"an address in another script", "анна@фирма.рф", true},
		{"a number with a plus", "+49 151 555", true},
		{"a number with a plus and brackets", "+1 (555) 010-4477", true},
		{"a number with two zeros", "0049 151 5550123", true},
		{"two zeros and punctuation", "00-49-151-555-01", true},
		{"a WhatsApp message id", "WAMID.HBgL", true},
		{"a chat link", "https://WA.me/x", true},
		{"nothing", "", false},
		{"a hint of an address", "k•••@•••.de", false},
		{"a hint of a number", "+49 ••• ••34", false},
		{"a hint of a handle", "@k•••", false},
		{"an at sign alone", "5 @ 20, @ home.de", false},
		{"an at sign without a dot", "anna@firma", false},
		{"a national number is the engine's business", "0151 55501234", false},
		{"a parcel's number is longer than any phone's", "00340434161094042557", false},
		{"a plus in a sum", "5 + 1.250,00", false},
		{"zeros inside a number", "1000000000000", false},
		{"words", "wann wurde was mehr?", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := Identifying(c.text); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestIdentifyingAllocatesNothing(t *testing.T) {
	text := strings.Repeat("Guten Tag, 12 Stück für 1.299,00 € bitte @ uns + mehr. ", 20)
	if n := testing.AllocsPerRun(100, func() { Identifying(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNewMaskedFailsClosed(t *testing.T) {
	for _, c := range []struct {
		rule  string
		spans []Span
		want  string
	}{
		{"a plain identifier is hidden whole", []Span{{Text: "ruf +4915155501234"}}, "•••"},
		{"a hint that is one is hidden too", []Span{{Kind: Phone, Text: "+4915155501234"}}, "•••"},
		{"one cut in two is hidden", []Span{{Text: "+49151"}, {Kind: Digits, Text: "55501234"}}, "•••"},
		{"plain runs are joined", []Span{{Text: "a"}, {Text: "b"}}, "ab"},
		{"empty spans go", []Span{{}, {Kind: Phone}}, ""},
		{"bytes that are no text are replaced", []Span{{Text: "a\xffb"}}, "a\uFFFDb"},
		{"hints stay", []Span{{Text: "ruf "}, {Kind: Phone, Text: "+49 ••• ••••"}}, "ruf +49 ••• ••••"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := NewMasked(c.spans...).Visible(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func spans() *rapid.Generator[[]Span] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Span {
		return Span{
			Kind: SpanKind(rapid.IntRange(0, int(lastSpanKind)).Draw(t, "kind")),
			Text: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
				"", "+49 151 ", "555", "01234", "anna", "@", "firma", ".de", "•••", "wa.me/", "00", "\n", "\xff",
			})).Draw(t, "text"),
		}
	}), 0, 8)
}

func TestMaskedNeverShowsAnIdentifierAndSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMasked(spans().Draw(t, "spans")...)
		if Identifying(m.Visible()) || !utf8.ValidString(m.Visible()) {
			t.Fatal("an identifier, or what is no text, can be seen")
		}
		raw, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back Masked
		if err := back.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if !back.Equal(m) || back.Visible() != m.Visible() || back.Hides() != m.Hides() || back.IsZero() != m.IsZero() {
			t.Fatal("another text comes back")
		}
		n := rapid.IntRange(0, 40).Draw(t, "n")
		cut := m.Excerpt(n)
		if c := utf8.RuneCountInString(cut.Visible()); c > n+1 && !(c == 3 && cut.Hides()) {
			t.Fatalf("an excerpt of %d runes has %d", n, c)
		}
		if strings.ContainsAny(cut.Visible(), "\r\n") || Identifying(cut.Visible()) {
			t.Fatal("an excerpt has lines, or shows an identifier")
		}
	})
}

func TestExcerpt(t *testing.T) {
	m := NewMasked(Span{Text: "ruf an:\n"}, Span{Kind: Phone, Text: "+49 •••"}, Span{Text: "\nab acht"})
	for n, want := range map[int]string{100: "ruf an:+49 •••ab acht", 7: "ruf an:…", 3: "ruf…", 0: "…", 16: "ruf an:+49 •••ab…"} {
		got := m.Excerpt(n).Visible()
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%d runes: got %q, want %q", n, got, want)
		}
	}
	if got := m.Excerpt(100); !got.Hides() {
		t.Error("an excerpt forgot that something is hidden")
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	encode := func(kind SpanKind, text string) []byte {
		return append([]byte{byte(kind), byte(len(text))}, text...)
	}
	for _, c := range []struct {
		rule string
		raw  []byte
		want error
	}{
		{"an address", encode(Plain, "anna@firma.example"), ErrIdentifying},
		{"a number", encode(Plain, "+4915155501234"), ErrIdentifying},
		{"a number called a hint", encode(Phone, "+4915155501234"), ErrIdentifying},
		{"a number cut in two", append(encode(Plain, "+49151"), encode(Plain, "55501234")...), ErrIdentifying},
		{"an unknown kind", encode(lastSpanKind+1, "x"), errMaskedForm},
		{"an empty span", encode(Plain, ""), errMaskedForm},
		{"bytes that are no text", encode(Plain, "\xff"), errMaskedForm},
		{"less than was promised", []byte{0, 5, 'a'}, errMaskedForm},
		{"no length", []byte{0}, errMaskedForm},
		{"an endless length", append([]byte{0}, strings.Repeat("\xff", 11)...), errMaskedForm},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := PlainText("before")
			if err := m.UnmarshalBinary(c.raw); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if m.Visible() != "before" {
				t.Error("a refused text was taken in")
			}
		})
	}
}

func TestMaskedPrintsOnlyItsLength(t *testing.T) {
	m := PlainText("vertraulich")
	out := fmt.Sprintf("%v %+v %#v %s %q %x %d", m, m, m, m, m, m, struct{ M Masked }{m})
	j, err := json.Marshal(map[string]any{"m": m})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "m", m)
	if out += string(j) + b.String(); strings.Contains(out, "vertraulich") || !strings.Contains(out, "11 bytes") {
		t.Error("content is printed, or its length is not")
	}
	if c := (Contact{Alias: "K7-MX4Q"}); c.Display() != "K7-MX4Q" {
		t.Error("a contact without a name does not show its alias")
	}
	if c := (Contact{Alias: "K7-MX4Q", Name: m}); c.Display() != "vertraulich" {
		t.Error("a contact with a name does not show it")
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, m := range []Masked{{}, PlainText("Hallo"), NewMasked(Span{Text: "ruf "}, Span{Kind: Phone, Text: "+49 ••• ••••"})} {
		raw, _ := m.MarshalBinary()
		f.Add(raw)
	}
	f.Add([]byte{0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m Masked
		if m.UnmarshalBinary(raw) != nil {
			return
		}
		if Identifying(m.Visible()) || !utf8.ValidString(m.Visible()) {
			t.Fatal("an identifier, or what is no text, was let in")
		}
		again, _ := m.MarshalBinary()
		var back Masked
		if err := back.UnmarshalBinary(again); err != nil || !back.Equal(m) {
			t.Fatalf("does not survive another turn: %v", err)
		}
	})
}

func FuzzIdentifying(f *testing.F) {
	for _, s := range []string{"anna@firma.example", "+49 151 5550123", "wamid.X", "k•••@•••.de", "@", "+", "00", "w"} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		// What stands behind a space does not make what stands before it harmless.
		if Identifying(a) && !Identifying(a+" "+b) {
			t.Fatal("text behind an identifier hides it")
		}
		if m := PlainText(a); Identifying(m.Visible()) {
			t.Fatal("an identifier can be seen")
		}
	})
}
