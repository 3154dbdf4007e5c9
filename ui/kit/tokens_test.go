package kit

import (
	"image/color"
	"math"
	"reflect"
	"testing"
)

func TestContrastOfEveryPairInUse(t *testing.T) {
	if got := contrast(hex(0x000000), hex(0xffffff)); math.Abs(got-21) > 0.01 {
		t.Fatalf("black on white is %v, want 21", got)
	}
	if got := contrast(hex(0x777777), hex(0xffffff)); math.Abs(got-4.48) > 0.01 {
		t.Fatalf("the textbook grey is %v, want 4.48", got)
	}
	for name, c := range map[string]struct {
		p          Palette
		text, line float64
	}{
		"light": {lightPalette(), textContrast, lineContrast}, "dark": {darkPalette(), textContrast, lineContrast},
		"light contrast": {contrasted(lightPalette()), highContrast, highLineRatio}, "dark contrast": {contrasted(darkPalette()), highContrast, highLineRatio},
	} {
		check := func(what string, list map[string]reading, least float64) {
			for ink, r := range list {
				if len(r.grounds) == 0 {
					t.Errorf("%s is read on nothing", ink)
				}
				for _, g := range r.grounds {
					if got := contrast(*r.ink, g); got < least-0.005 {
						t.Errorf("%s, %s on %v: %.2f, %s needs %.1f", name, ink, g, got, what, least)
					}
				}
			}
		}
		check("text", c.p.texts(), c.text)
		check("a line", c.p.lines(), c.line)
		for i, a := range c.p.Avatars {
			if got := contrast(hex(0xffffff), a); got < c.text-0.005 {
				t.Errorf("%s, avatar %d: %.2f", name, i, got)
			}
		}
		if got := contrast(c.p.Danger.Soft, c.p.Danger.Ink); got < c.text-0.005 {
			t.Errorf("%s, danger button: %.2f", name, got)
		}
	}
}

func TestEveryColourOfAPaletteIsToldApartFromItsGround(t *testing.T) {
	p := lightPalette()
	v := reflect.ValueOf(&p).Elem()
	known := map[*color.NRGBA]bool{}
	for _, list := range []map[string]reading{p.texts(), p.lines()} {
		for _, r := range list {
			known[r.ink] = true
			for _, g := range r.grounds {
				for i := range v.NumField() {
					for _, f := range colours(v.Field(i)) {
						if *f == g {
							known[f] = true
						}
					}
				}
			}
		}
	}
	for i := range v.NumField() {
		switch v.Type().Field(i).Name {
		case "Border", "Scrim", "Avatars": // hairlines, what dims, and white's grounds
			continue
		}
		for _, f := range colours(v.Field(i)) {
			if !known[f] {
				t.Errorf("%s is neither text nor line nor a ground of one", v.Type().Field(i).Name)
			}
		}
	}
}

// colours are those of a field of a palette.
func colours(v reflect.Value) []*color.NRGBA {
	switch f := v.Addr().Interface().(type) {
	case *color.NRGBA:
		return []*color.NRGBA{f}
	case *Pair:
		return []*color.NRGBA{&f.Ink, &f.Soft}
	}
	return nil
}

func TestPrivacyColourMeansNothingElse(t *testing.T) {
	for _, p := range []Palette{lightPalette(), darkPalette()} {
		for _, c := range []color.NRGBA{p.Accent, p.AccentText, p.Info.Ink, p.Danger.Ink, p.Warn.Ink, p.OK.Ink, p.Note.Ink, p.Text, p.TextMuted} {
			if c == p.Privacy.Ink {
				t.Error("the privacy colour is used twice")
			}
		}
	}
}
