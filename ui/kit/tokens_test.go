package kit

import (
	"image/color"
	"math"
	"testing"
)

// luminance and contrast follow WCAG 2.2, "relative luminance" and "contrast ratio".
func luminance(c color.NRGBA) float64 {
	f := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*f(c.R) + 0.7152*f(c.G) + 0.0722*f(c.B)
}

func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

func TestContrastOfEveryPairInUse(t *testing.T) {
	if got := contrast(hex(0x000000), hex(0xffffff)); math.Abs(got-21) > 0.01 {
		t.Fatalf("black on white is %v, want 21", got)
	}
	if got := contrast(hex(0x777777), hex(0xffffff)); math.Abs(got-4.48) > 0.01 {
		t.Fatalf("the textbook grey is %v, want 4.48", got)
	}
	white := hex(0xffffff)
	for name, p := range map[string]Palette{
		"light": lightPalette(), "dark": darkPalette(),
		"light contrast": contrasted(lightPalette()), "dark contrast": contrasted(darkPalette()),
	} {
		text := map[string][2]color.NRGBA{
			"text on surface": {p.Text, p.Surface}, "text on canvas": {p.Text, p.Canvas}, "text on bubble in": {p.Text, p.BubbleIn},
			"text on bubble out": {p.Text, p.BubbleOut}, "text on selected": {p.Text, p.Selected}, "text on hover": {p.Text, p.Hover},
			"text on raised": {p.Text, p.Raised}, "text on sunken": {p.Text, p.Sunken}, "text on note": {p.Text, p.Note.Soft},
			"muted on surface": {p.TextMuted, p.Surface}, "muted on bubble out": {p.TextMuted, p.BubbleOut}, "muted on selected": {p.TextMuted, p.Selected},
			"muted on sunken": {p.TextMuted, p.Sunken}, "muted on raised": {p.TextMuted, p.Raised}, "muted on canvas": {p.TextMuted, p.Canvas},
			"muted on hover":   {p.TextMuted, p.Hover},
			"faint on surface": {p.TextFaint, p.Surface}, "faint on canvas": {p.TextFaint, p.Canvas}, "faint on selected": {p.TextFaint, p.Selected},
			"faint on bubble in": {p.TextFaint, p.BubbleIn}, "faint on raised": {p.TextFaint, p.Raised}, "faint on sunken": {p.TextFaint, p.Sunken},
			"on accent": {p.OnAccent, p.Accent}, "link on surface": {p.AccentText, p.Surface}, "link on soft accent": {p.AccentText, p.AccentSoft},
			"link on warn": {p.AccentText, p.Warn.Soft}, "link on danger": {p.AccentText, p.Danger.Soft}, "link on info": {p.AccentText, p.Info.Soft},
			"link on sunken": {p.AccentText, p.Sunken}, "link on bubble in": {p.AccentText, p.BubbleIn}, "link on bubble out": {p.AccentText, p.BubbleOut},
			"rail": {p.RailText, p.Rail}, "rail active": {p.RailActive, p.RailHover},
			"note": {p.Note.Ink, p.Note.Soft}, "privacy": {p.Privacy.Ink, p.Privacy.Soft}, "privacy on surface": {p.Privacy.Ink, p.Surface},
			"danger": {p.Danger.Ink, p.Danger.Soft}, "danger on surface": {p.Danger.Ink, p.Surface}, "danger button": {p.Danger.Soft, p.Danger.Ink},
			"warn": {p.Warn.Ink, p.Warn.Soft}, "ok": {p.OK.Ink, p.OK.Soft}, "info": {p.Info.Ink, p.Info.Soft}, "read ticks": {p.Info.Ink, p.BubbleOut},
			"toast": {p.OnToast, p.Toast}, "toast action": {darkPalette().AccentText, p.Toast},
		}
		for i, c := range avatarColours {
			text["avatar "+string(rune('0'+i))] = [2]color.NRGBA{white, c}
		}
		for what, pair := range text {
			if got := contrast(pair[0], pair[1]); got < 4.5 {
				t.Errorf("%s, %s: %.2f, text needs 4.5", name, what, got)
			}
		}
		for what, pair := range map[string][2]color.NRGBA{
			"input border": {p.BorderStrong, p.Surface}, "focus ring": {p.Accent, p.Surface}, "focus ring on canvas": {p.Accent, p.Canvas},
			"disabled icon": {p.BorderStrong, p.Surface}, "selection bar": {p.Accent, p.Selected},
		} {
			if got := contrast(pair[0], pair[1]); got < 3 {
				t.Errorf("%s, %s: %.2f, graphics need 3.0", name, what, got)
			}
		}
	}
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
