package kit

import (
	"image/color"
	"slices"
	"strconv"
	"strings"
)

// ChipStyle is what a chip says by its colour, beside its word.
type ChipStyle uint8

// The chip styles. ChipFilter is the pill of a filter row, filled when Active.
const (
	ChipNeutral ChipStyle = iota
	ChipOK
	ChipWarn
	ChipDanger
	ChipInfo
	ChipPrivacy
	ChipAccent
	ChipFilter
)

// Chip is a short word on a soft background. The zero value is an empty neutral chip.
type Chip struct {
	Text   string
	Short  string // where several stand side by side and not all have room; "" is Text
	Icon   string
	Plain  bool // its words say enough without the icon
	Style  ChipStyle
	Count  string // after the text of a filter, "" for none
	Active bool   // the chosen filter
}

// inks returns the colours of a style.
func (p *Palette) inks(c ChipStyle) Pair {
	switch c {
	case ChipOK:
		return p.OK
	case ChipWarn:
		return p.Warn
	case ChipDanger:
		return p.Danger
	case ChipInfo:
		return p.Info
	case ChipPrivacy:
		return p.Privacy
	case ChipAccent:
		return Pair{p.AccentText, p.AccentSoft}
	}
	return Pair{p.TextMuted, p.Sunken}
}

func (c Chip) label() string {
	if c.Count == "" {
		return c.Text
	}
	return c.Text + " " + c.Count
}

func (c Chip) shape() (t Type, inset, h, icon float32) {
	if c.Style == ChipFilter {
		return Label, Scaled(10), Scaled(26), Scaled(14)
	}
	return ChipText, ChipInset, Scaled(18), Scaled(12)
}

// ChipWidth is the width Sketch.Chip will take.
func ChipWidth(c Chip) float32 {
	t, inset, _, icon := c.shape()
	w := ceil(TextWidth(c.label(), t)) + 2*inset
	if c.Icon != "" {
		w += icon + 4
	}
	return w
}

// ChipHeight is the height of every chip but a filter.
func ChipHeight() float32 { return Scaled(18) }

// FilterHeight is the height of a filter pill.
func FilterHeight() float32 { return Scaled(26) }

// Chip paints a chip and returns its width.
func (s *Sketch) Chip(c Chip, x, y float32) float32 {
	t, inset, h, icon := c.shape()
	w := ChipWidth(c)
	pair := s.P.inks(c.Style)
	if c.Style == ChipFilter && c.Active {
		pair = Pair{s.P.OnAccent, s.P.Accent}
	}
	s.Rect(x, y, w, h, pair.Soft, h/2)
	tx := x + inset
	if c.Icon != "" {
		s.Icon(c.Icon, tx-1, y+round((h-icon)/2), icon, pair.Ink)
		tx += icon + 3
	}
	s.Text(c.label(), tx, y+round((h-LineHeight(t))/2), t, pair.Ink)
	return w
}

// AreaRest is the region of the chip that counts those there is no room for. See RestOfChips for its tooltip.
const AreaRest = "rest"

// Chips paints chips side by side within maxW, whole ones only: a last chip counts those there is no room for. It returns the
// width. Callers put what matters most first.
func (s *Sketch) Chips(chips []Chip, x, y, maxW float32) float32 {
	at := x
	fit, rest := fitChips(chips, maxW)
	for i, c := range fit {
		w := s.Chip(c, at, y)
		if rest > 0 && i == len(fit)-1 {
			s.Area(AreaRest, at-ChipGap/2, y-3, w+ChipGap, ChipHeight()+6)
		}
		at += w + ChipGap
	}
	return max(at-ChipGap-x, 0)
}

// RestOfChips names the chips that Chips only counts in that room; "" when all are shown.
func RestOfChips(chips []Chip, maxW float32) string {
	_, rest := fitChips(chips, maxW)
	var names []string
	for _, c := range chips[len(chips)-rest:] {
		names = append(names, c.label())
	}
	return strings.Join(names, ", ")
}

// leastChip is how narrow the second chip may be cut before it is rather left out.
const leastChip = 60

// fitChips are the chips that fit side by side, and the number of those that do not. Where not all fit they take their short
// words, then lose the icons they can do without; the second one is shortened too, if it must be.
func fitChips(chips []Chip, maxW float32) (fit []Chip, rest int) {
	wide := func(list []Chip) float32 {
		w := -ChipGap
		for _, c := range list {
			w += ChipWidth(c) + ChipGap
		}
		return w
	}
	if wide(chips) > maxW {
		chips = slices.Clone(chips)
		for i, c := range chips {
			if c.Short != "" {
				chips[i].Text = c.Short
			}
		}
	}
	for n := len(chips); n > 0; n-- {
		out := slices.Clone(chips[:n])
		if rest = len(chips) - n; rest > 0 {
			out = append(out, Chip{Text: "+" + strconv.Itoa(rest)})
		}
		if wide(out) > maxW {
			for i, c := range out {
				if c.Plain {
					out[i].Icon = ""
				}
			}
		}
		last := &out[n-1]
		if room := ChipWidth(*last) - (wide(out) - maxW); n == 1 || n == 2 && last.Plain && room >= Scaled(leastChip) {
			*last = last.Within(room)
		}
		if n == 1 || wide(out) <= maxW {
			return out, rest
		}
	}
	return nil, 0
}

// Within is the chip with its text shortened to fit a width.
func (c Chip) Within(width float32) Chip {
	for left := []rune(c.label()); len(left) > 1 && ChipWidth(c) > width; {
		left = left[:len(left)-1]
		c.Text, c.Count = strings.TrimRight(string(left), " ")+"…", ""
	}
	return c
}

// Avatar paints a disc with up to two letters, or an icon, in one of eight calm colours; colour is any
// number, such as a stable hash of what it stands for.
func (s *Sketch) Avatar(initials, icon string, colour int, x, y, d float32) {
	n := len(s.P.Avatars)
	fill := s.P.Avatars[((colour%n)+n)%n]
	s.Rect(x, y, d, d, fill, d/2)
	white := color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	if icon != "" {
		i := round(d * 0.55)
		s.Icon(icon, x+round((d-i)/2), y+round((d-i)/2), i, white)
		return
	}
	// The letters fill the disc, not the text size: they are a picture, not something to read.
	f := Face{FontSemiBold, round(d * 0.36)}
	if !latinOnly(initials) {
		_, c := nextCluster(initials)
		f.Font = fontFor(c, SemiBold)
	}
	w, b := s.M.width(initials, f), s.M.box(f)
	s.glyphs(initials, f, white, x+round((d-w)/2), y+round(d/2-b.baseline+0.36*f.Size), w, b.height)
}

// Badge paints a count whose right edge is at right, and returns its width.
func (s *Sketch) Badge(text string, right, y float32) float32 {
	d := Scaled(18)
	w := max(d, ceil(TextWidth(text, ChipText))+10)
	s.Rect(right-w, y, w, d, s.P.Accent, d/2)
	s.Text(text, right-w+round((w-TextWidth(text, ChipText))/2), y+round((d-LineHeight(ChipText))/2), ChipText, s.P.OnAccent)
	return w
}

// focusRing paints the ring every focused widget has.
func (s *Sketch) focusRing(w, h, radius float32) {
	s.Frame(0, 0, w, h, nil, s.P.Accent, FocusWidth, radius)
}
