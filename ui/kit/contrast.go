package kit

import (
	"image/color"
	"math"
)

// Contrasts a palette reaches for text and for lines, and those of high contrast (WCAG 2.2, success criteria 1.4.3, 1.4.6 and
// 1.4.11).
const (
	textContrast  = 4.5
	lineContrast  = 3.0
	highContrast  = 7.0
	highLineRatio = 4.5
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

// A reading is a colour and the grounds it must be told apart from.
type reading struct {
	ink     *color.NRGBA
	grounds []color.NRGBA
}

// texts are the colours of text of a palette with every ground they are read on, lines those of borders, icons and rings. A
// colour that is itself a ground for text stands after the text on it.
func (p *Palette) texts() map[string]reading {
	plain := []color.NRGBA{p.Surface, p.Canvas, p.Sunken, p.Raised, p.BubbleIn, p.BubbleOut, p.Selected, p.Hover}
	on := func(ink *color.NRGBA, more ...color.NRGBA) reading { return reading{ink, more} }
	all := func(ink *color.NRGBA, more ...color.NRGBA) reading {
		return reading{ink, append(more, plain...)}
	}
	return map[string]reading{
		"text": all(&p.Text, p.Note.Soft), "muted": all(&p.TextMuted), "faint": all(&p.TextFaint),
		"link": all(&p.AccentText, p.AccentSoft, p.Warn.Soft, p.Danger.Soft, p.Info.Soft), "on accent": on(&p.OnAccent, p.Accent),
		"rail": on(&p.RailText, p.Rail), "rail active": on(&p.RailActive, p.Rail, p.RailHover), "note": on(&p.Note.Ink, p.Note.Soft),
		"privacy": on(&p.Privacy.Ink, p.Privacy.Soft, p.Surface, p.BubbleIn), "danger": on(&p.Danger.Ink, p.Danger.Soft, p.Surface, p.Raised),
		"warn": on(&p.Warn.Ink, p.Warn.Soft), "ok": on(&p.OK.Ink, p.OK.Soft), "info": on(&p.Info.Ink, p.Info.Soft, p.BubbleOut),
		"toast": on(&p.OnToast, p.Toast), "toast action": on(&p.ToastAction, p.Toast), "count": on(&p.Count, p.Rail),
	}
}

func (p *Palette) lines() map[string]reading {
	return map[string]reading{
		"input border": {&p.BorderStrong, []color.NRGBA{p.Surface, p.Raised}}, "focus ring": {&p.Accent, []color.NRGBA{p.Surface, p.Canvas, p.Raised, p.Selected}},
	}
}

// contrasted is a palette for people who asked for high contrast: lines as strong as those of inputs, and every colour of
// text taken towards black or white until it reaches 7 on each of its grounds.
func contrasted(p Palette) Palette {
	dark := luminance(p.Surface) < 0.5
	for i := range p.Avatars { // white stands on them
		p.Avatars[i] = stronger(p.Avatars[i], color.NRGBA{A: 0xff}, highContrast, color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff})
	}
	end := color.NRGBA{A: 0xff}
	if dark {
		end = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	}
	p.TextFaint, p.TextMuted = p.TextMuted, p.Text
	p.Accent = stronger(p.Accent, end, highContrast, p.OnAccent)
	for _, r := range p.lines() {
		*r.ink = stronger(*r.ink, end, highLineRatio, r.grounds...)
	}
	p.Border = p.BorderStrong
	for name, r := range p.texts() {
		to := end
		if name == "rail" || name == "rail active" || name == "toast" || name == "toast action" || name == "count" { // dark in both themes
			to = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
		}
		if name != "on accent" {
			*r.ink = stronger(*r.ink, to, highContrast, r.grounds...)
		}
	}
	return p
}

// stronger takes a colour towards another until it reaches a contrast on all grounds.
func stronger(c, to color.NRGBA, ratio float64, grounds ...color.NRGBA) color.NRGBA {
	for step := 0.0; step <= 1; step += 0.05 {
		out, _ := mix(c, to, step).(color.NRGBA)
		ok := true
		for _, g := range grounds {
			ok = ok && contrast(out, g) >= ratio
		}
		if ok {
			return out
		}
	}
	return to
}
