package kit

import (
	"math"
	"strings"

	"fyne.io/fyne/v2"
)

// A Font is a face the layout can choose. Which file that is, the Theme decides.
type Font uint8

// The fonts: ours in four weights and monospaced, one per foreign script that is shipped, and two
// the system draws: Ideograph for Chinese, Japanese and Korean, Fallback for all other scripts.
const (
	FontRegular Font = iota
	FontMedium
	FontSemiBold
	FontItalic
	FontMono
	FontArabic
	FontHebrew
	FontEmoji
	FontIdeograph
	FontFallback
)

// Face is a font at a size in pixels.
type Face struct {
	Font Font
	Size float32
}

// Measurer tells how much room text takes. Implementations may be slow: Metrics remembers.
type Measurer interface {
	// Measure returns the advance width of text in that face, the height of its box and the distance
	// from the top of the box to the baseline.
	Measure(text string, f Face) (width, height, baseline float32)
}

// driverMeasurer measures with Fyne's shaper and the fonts of the theme in force.
type driverMeasurer struct{ rulers map[Font]*ruler }

func (*driverMeasurer) Measure(text string, f Face) (float32, float32, float32) {
	src, style := f.Font.source(Current())
	size, base := fyne.CurrentApp().Driver().RenderedTextSize(text, f.Size, style, src)
	if src != nil {
		// The driver tells the baseline of the source, not of the font it finds behind it. These are
		// the ascents of the families most systems have: Noto and Source Han, then Noto Sans.
		switch f.Font {
		case FontIdeograph:
			base = f.Size * 1.16
		case FontFallback:
			base = f.Size * 1.07
		}
	}
	return size.Width, size.Height, base
}

// source says how a canvas text must be set up to draw in the font.
func (f Font) source(t *Theme) (fyne.Resource, fyne.TextStyle) {
	switch f {
	case FontRegular:
		return t.res.Regular, fyne.TextStyle{}
	case FontMedium:
		return t.res.Medium, fyne.TextStyle{}
	case FontSemiBold:
		return t.res.SemiBold, fyne.TextStyle{Bold: t.res.SemiBold == nil}
	case FontItalic:
		return t.res.Italic, fyne.TextStyle{Italic: t.res.Italic == nil}
	case FontMono:
		return nil, fyne.TextStyle{Monospace: true}
	case FontArabic:
		return t.res.Arabic, fyne.TextStyle{}
	case FontHebrew:
		return t.res.Hebrew, fyne.TextStyle{}
	case FontEmoji:
		return t.res.Emoji, fyne.TextStyle{}
	case FontIdeograph, FontFallback:
		// No shipped font has these, so the system's is found for any source. But the box of a text is
		// that of its source, and drawing starts from the ascent of the font that was found: in the box
		// of our Latin font the feet of ideographs are cut off. The Arabic one is tall enough.
		return t.res.Arabic, fyne.TextStyle{}
	}
	return nil, fyne.TextStyle{}
}

// Metrics is a cache of widths over a Measurer. Measuring a word costs a hundred times more than
// finding it here, and Fyne forgets after a minute. It holds words people wrote: Forget empties it.
type Metrics struct {
	m Measurer
	// Two generations: when young is full it becomes old, so that memory is bounded and the words in
	// use survive without a clock or a list.
	young, old map[metricKey]float32
	boxes      map[Face]box
}

type metricKey struct {
	text string
	face Face
}

type box struct{ height, baseline float32 }

const metricsLimit = 32768

// NewMetrics returns an empty cache over m; nil means Fyne's driver and the theme in force.
func NewMetrics(m Measurer) *Metrics {
	if m == nil {
		m = &driverMeasurer{}
	}
	c := &Metrics{m: m}
	c.Forget()
	return c
}

// Forget drops every remembered word.
func (c *Metrics) Forget() {
	if q, ok := c.m.(*driverMeasurer); ok {
		q.rulers = nil // a shaper keeps what it shaped last
	}
	c.young, c.old = make(map[metricKey]float32), nil
	c.boxes = make(map[Face]box)
}

func (c *Metrics) width(text string, f Face) float32 {
	if text == "" {
		return 0
	}
	k := metricKey{text, f}
	if w, ok := c.young[k]; ok {
		return w
	}
	w, ok := c.old[k]
	if !ok {
		if q, quick := c.m.(*driverMeasurer); quick {
			w = q.Width(text, f)
		} else {
			w, _, _ = c.m.Measure(text, f)
		}
	}
	if len(c.young) >= metricsLimit {
		c.old, c.young = c.young, make(map[metricKey]float32, metricsLimit/4)
	}
	k.text = strings.Clone(text) // the word must not keep its whole message alive
	c.young[k] = w
	return w
}

func (c *Metrics) box(f Face) box {
	b, ok := c.boxes[f]
	if !ok {
		_, b.height, b.baseline = c.m.Measure("x", f)
		c.boxes[f] = b
	}
	return b
}

// shared are the metrics of the running application, one set per look of the theme.
var shared struct {
	owner *Theme
	m     *Metrics
}

// SharedMetrics returns the application's cache of widths. It starts afresh when the theme changes.
func SharedMetrics() *Metrics {
	t := Current()
	if shared.m == nil || shared.owner.res.Regular != t.res.Regular {
		shared.m = NewMetrics(nil)
	}
	shared.owner = t
	return shared.m
}

// Forget empties every cache of this package that holds text of people. Call it on lock and wipe.
func Forget() {
	if shared.m != nil {
		shared.m.Forget()
	}
}

func round(v float32) float32 { return float32(math.Round(float64(v))) }
func ceil(v float32) float32  { return float32(math.Ceil(float64(v))) }
