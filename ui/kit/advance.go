package kit

import (
	"fyne.io/fyne/v2"
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/shaping"
	fix "golang.org/x/image/math/fixed"
)

// ruler measures text in one face. Fyne prepares a face anew for every word it measures, which costs ten times more than the
// word does.
type ruler struct {
	shaper  *shaping.HarfbuzzShaper
	segment shaping.Segmenter
	face    *font.Face
}

func newRuler(face *font.Face) *ruler {
	r := &ruler{shaper: &shaping.HarfbuzzShaper{}, face: face}
	r.shaper.SetFontCacheSize(1)
	return r
}

// ResolveFace implements shaping.Fontmap.
func (r *ruler) ResolveFace(rune) *font.Face { return r.face }

// width is what Fyne's driver says of a text in that size, and false when other faces are needed to draw it.
func (r *ruler) width(text string, size float32) (float32, bool) {
	runes := []rune(text)
	for _, c := range runes {
		if _, ok := r.face.NominalGlyph(c); !ok || c < ' ' {
			return 0, false
		}
	}
	in := shaping.Input{Text: runes, RunEnd: len(runes), Direction: di.DirectionLTR, Face: r.face, Size: fix.Int26_6(float64(size) * 64)}
	var w float32
	for _, part := range r.segment.Split(in, r) {
		var advance fix.Int26_6
		for _, g := range r.shaper.Shape(part).Glyphs {
			if g.GlyphID == 0 {
				return 0, false
			}
			advance += g.XAdvance
		}
		w += float32(float64(advance) / 64)
	}
	return w, true
}

// Width is Measure without the box. It is quick for the fonts that are shipped.
func (d *driverMeasurer) Width(text string, f Face) float32 {
	if r := d.ruler(f.Font); r != nil {
		if w, ok := r.width(text, f.Size); ok {
			return w
		}
	}
	w, _, _ := d.Measure(text, f)
	return w
}

// ruler returns the ruler of a shipped font, nil for others.
func (d *driverMeasurer) ruler(f Font) *ruler {
	if f == FontMono || f == FontIdeograph || f == FontFallback {
		return nil
	}
	src, style := f.source(Current())
	if src == nil || style != (fyne.TextStyle{}) {
		return nil
	}
	if r, ok := d.rulers[f]; ok {
		return r
	}
	var r *ruler
	if face := parse(src); face != nil {
		r = newRuler(face)
	}
	if d.rulers == nil {
		d.rulers = map[Font]*ruler{}
	}
	d.rulers[f] = r
	return r
}
