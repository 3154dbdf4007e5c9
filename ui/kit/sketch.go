package kit

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// Align places a line of text inside its room.
type Align uint8

// The alignments. Start and end do not swap for right-to-left text: it aligns itself inside a Block.
const (
	AlignStart Align = iota
	AlignCenter
	AlignEnd
)

// Tail is the corner at which a bubble points to its speaker.
type Tail uint8

// The tails.
const (
	TailNone Tail = iota
	TailTopLeft
	TailTopRight
)

// Sketch is what a draw function paints on. Each call adds a shape above the ones before. The shapes of
// the previous drawing are used again where they fit, so that drawing is cheap and textures live on;
// an image is only uploaded when its key, picture or size is new.
type Sketch struct {
	// P holds the colours in force.
	P *Palette
	// M measures text, T is the theme in force.
	M *Metrics
	T *Theme

	objs   []fyne.CanvasObject
	ground *canvas.Rectangle // refreshing it repaints without freeing the textures of the others
	rects  []*canvas.Rectangle
	texts  []*canvas.Text
	arcs   []*canvas.Arc
	nr, nt int
	na     int
	images []*sketchImage
	areas  []area
	drawn  int
}

type sketchImage struct {
	key  string
	res  fyne.Resource
	img  image.Image
	obj  *canvas.Image
	used int // number of the drawing that used it last
}

type area struct {
	name       string
	x, y, w, h float32
}

func (s *Sketch) begin() {
	if s.ground == nil {
		s.ground = canvas.NewRectangle(color.Transparent)
	}
	s.T, s.P, s.M = Current(), Colours(), SharedMetrics()
	s.objs = append(s.objs[:0], s.ground)
	s.areas = s.areas[:0]
	s.nr, s.nt, s.na = 0, 0, 0
	s.drawn++
}

func (s *Sketch) end() {
	// Pictures that were not used for some drawings are let go, so that a reused row does not hoard.
	keep := s.images[:0]
	for _, i := range s.images {
		if s.drawn-i.used < 4 {
			keep = append(keep, i)
		}
	}
	clear(s.images[len(keep):])
	s.images = keep
	// Text that is no longer shown must not linger in memory after a lock.
	for _, t := range s.texts[s.nt:] {
		t.Text = ""
	}
	canvas.Refresh(s.ground)
}

// areaAt returns the name of the topmost area at a point, "" outside all.
func (s *Sketch) areaAt(p fyne.Position) string {
	for i := len(s.areas) - 1; i >= 0; i-- {
		a := &s.areas[i]
		if p.X >= a.x && p.X < a.x+a.w && p.Y >= a.y && p.Y < a.y+a.h {
			return a.name
		}
	}
	return ""
}

func (s *Sketch) areaNamed(name string) (area, bool) {
	for i := len(s.areas) - 1; i >= 0; i-- {
		if s.areas[i].name == name {
			return s.areas[i], true
		}
	}
	return area{}, false
}

// Area names a region for taps, menus and tooltips. Later areas lie above earlier ones.
func (s *Sketch) Area(name string, x, y, w, h float32) {
	s.areas = append(s.areas, area{name, x, y, w, h})
}

// Rect paints a filled rectangle.
func (s *Sketch) Rect(x, y, w, h float32, fill color.Color, radius float32) *canvas.Rectangle {
	return s.Frame(x, y, w, h, fill, color.Transparent, 0, radius)
}

// Frame paints a rectangle with a line inside its edge. fill may be nil.
func (s *Sketch) Frame(x, y, w, h float32, fill, stroke color.Color, strokeWidth, radius float32) *canvas.Rectangle {
	var r *canvas.Rectangle
	if s.nr < len(s.rects) {
		r = s.rects[s.nr]
		r.TopLeftCornerRadius, r.TopRightCornerRadius, r.BottomLeftCornerRadius, r.BottomRightCornerRadius = 0, 0, 0, 0
	} else {
		r = canvas.NewRectangle(nil)
		s.rects = append(s.rects, r)
	}
	s.nr++
	if fill == nil {
		fill = color.Transparent
	}
	r.FillColor, r.StrokeColor, r.StrokeWidth = fill, stroke, strokeWidth
	// A radius above half the height draws artefacts instead of a pill.
	r.CornerRadius = min(radius, w/2, h/2)
	s.put(r, x, y, w, h)
	return r
}

// Bubble paints a message's background with one small corner towards its speaker.
func (s *Sketch) Bubble(x, y, w, h float32, fill, stroke color.Color, tail Tail) {
	width := float32(0)
	if stroke != nil {
		width = 1
	} else {
		stroke = color.Transparent
	}
	r := s.Frame(x, y, w, h, fill, stroke, width, BubbleRadius)
	switch tail {
	case TailTopLeft:
		r.TopLeftCornerRadius = TailRadius
	case TailTopRight:
		r.TopRightCornerRadius = TailRadius
	}
}

// QuoteBar paints the soft field and upright bar before a quoted message.
func (s *Sketch) QuoteBar(x, y, w, h float32, bar, fill color.Color) {
	s.Rect(x, y, w, h, fill, 6)
	s.Rect(x, y, 3, h, bar, 1.5)
}

// Line paints a horizontal hairline.
func (s *Sketch) Line(x, y, w float32, c color.Color) { s.Rect(x, y, w, 1, c, 0) }

// LineV paints a vertical hairline.
func (s *Sketch) LineV(x, y, h float32, c color.Color) { s.Rect(x, y, 1, h, c, 0) }

// put must not touch an object that stays as it is: each touch looks up its canvas.
func (s *Sketch) put(o fyne.CanvasObject, x, y, w, h float32) {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
	s.objs = append(s.objs, o)
}

func (s *Sketch) glyphs(text string, f Face, c color.Color, x, y, w, h float32) {
	var t *canvas.Text
	if s.nt < len(s.texts) {
		t = s.texts[s.nt]
	} else {
		t = &canvas.Text{}
		s.texts = append(s.texts, t)
	}
	s.nt++
	t.FontSource, t.TextStyle = f.Font.source(s.T)
	t.Text, t.TextSize, t.Color = text, f.Size, c
	s.put(t, x, y, w, h)
}

// Text paints one line of any script and returns its width. The line's box starts at x, y and is
// LineHeight(t) high.
func (s *Sketch) Text(text string, x, y float32, t Type, c color.Color) float32 {
	if text == "" {
		return 0
	}
	spec := typeScale[t]
	if latinOnly(text) {
		f := Face{fontFor(classLatin, spec.weight), spec.size * s.T.scale}
		w, b := s.M.width(text, f), s.M.box(f)
		base := y + round((round(spec.line*s.T.scale)-b.height)/2+b.baseline)
		s.glyphs(text, f, c, x, base-ceil(b.baseline), w, b.height)
		return w
	}
	b := Layout(s.M, []Run{{Text: text}}, 1e6, Style{Type: t, MaxLines: 1, Scale: s.T.scale})
	s.Block(b, x, y, c)
	return b.Width
}

// TextIn paints one line that is cut with an ellipsis at maxW, and returns the width it took.
func (s *Sketch) TextIn(text string, x, y, maxW float32, t Type, c color.Color, align Align) float32 {
	return s.RunsIn([]Run{{Text: text}}, x, y, maxW, t, c, align)
}

// RunsIn is TextIn for text of several looks.
func (s *Sketch) RunsIn(runs []Run, x, y, maxW float32, t Type, c color.Color, align Align) float32 {
	b := Layout(s.M, runs, maxW, Style{Type: t, MaxLines: 1, Scale: s.T.scale})
	switch align {
	case AlignCenter:
		x += round((maxW - b.Width) / 2)
	case AlignEnd:
		x += maxW - b.Width
	}
	s.Block(b, x, y, c)
	return b.Width
}

// Layout lays out runs at the current text size.
func (s *Sketch) Layout(runs []Run, width float32, st Style) Block {
	st.Scale = s.T.scale
	return Layout(s.M, runs, width, st)
}

// Block paints laid-out text with its top left corner at x, y. Masked and revealed runs, links and
// mentions have colours of their own; ink is for the rest.
func (s *Sketch) Block(b Block, x, y float32, ink color.Color) {
	for i := range b.Fragments {
		f := &b.Fragments[i]
		c := ink
		switch f.Look {
		case Masked, Revealed:
			if f.ChipW > 0 {
				s.lockChip(f.Look == Revealed, x+f.ChipX, y+f.ChipY, f.ChipW, f.ChipH)
				c = s.P.Privacy.Ink
			}
		case Link:
			c = s.P.AccentText
		}
		s.glyphs(f.Text, f.Face, c, round(x+f.X), y+f.Y, f.W, f.H)
	}
}

func (s *Sketch) lockChip(open bool, x, y, w, h float32) {
	x, w = round(x), round(w)
	icon := "lock-solid"
	if open {
		icon = "unlock-solid"
		s.Frame(x, y, w, h, s.P.Privacy.Soft, s.P.Privacy.Ink, 1, 5)
	} else {
		s.Rect(x, y, w, h, s.P.Privacy.Soft, 5)
	}
	d := round(chipLock * s.T.scale)
	s.Icon(icon, x+round(chipPad*s.T.scale)-1, y+round((h-d)/2), d, s.P.Privacy.Ink)
}

// Masked paints a masked value (or a revealed one, when open) as a chip in a line of body text and
// returns its width.
func (s *Sketch) Masked(text string, x, y float32, open bool) float32 {
	look := Masked
	if open {
		look = Revealed
	}
	b := Layout(s.M, []Run{{Text: text, Look: look}}, 1e6, Style{Type: Body, MaxLines: 1, Scale: s.T.scale})
	s.Block(b, x, y, s.P.Privacy.Ink)
	return b.Width
}

// Icon paints an icon of the theme's resources.
func (s *Sketch) Icon(name string, x, y, size float32, c color.Color) {
	if name == "" || s.T.res.Icon == nil {
		return
	}
	res := s.T.res.Icon(name, c)
	if res == nil {
		return
	}
	for _, i := range s.images {
		if i.res == res && i.used != s.drawn && i.obj.Size().Width == size {
			i.used = s.drawn
			s.put(i.obj, x, y, size, size)
			return
		}
	}
	o := canvas.NewImageFromResource(res)
	o.FillMode = canvas.ImageFillContain
	s.images = append(s.images, &sketchImage{res: res, obj: o, used: s.drawn})
	s.put(o, x, y, size, size)
}

// Image paints a picture that covers its room, corners rounded. key is the picture's identity: the
// same key and img never upload again.
func (s *Sketch) Image(key string, img image.Image, x, y, w, h, radius float32) {
	var found *sketchImage
	for _, i := range s.images {
		if i.res == nil && i.key == key && i.used != s.drawn {
			found = i
			break
		}
	}
	if found == nil {
		found = &sketchImage{key: key, obj: &canvas.Image{FillMode: canvas.ImageFillCover, ScaleMode: canvas.ImageScaleSmooth}}
		s.images = append(s.images, found)
	}
	found.used = s.drawn
	if found.img != img {
		found.img, found.obj.Image = img, img
		found.obj.Refresh()
	}
	found.obj.CornerRadius = radius
	s.put(found.obj, x, y, w, h)
}

// Ring paints a track and, over it, the part of it that is done, from 0 to 1, clockwise from the top.
func (s *Sketch) Ring(x, y, d, width, part float32, ink, track color.Color) {
	s.arc(x, y, d, width, 0, 360, track)
	if part = min(max(part, 0), 1); part > 0 {
		s.arc(x, y, d, width, 0, 360*part, ink)
	}
}

// arc paints a piece of a ring. Its box is the ring's.
func (s *Sketch) arc(x, y, d, width, from, to float32, c color.Color) {
	var a *canvas.Arc
	if s.na < len(s.arcs) {
		a = s.arcs[s.na]
	} else {
		a = &canvas.Arc{}
		s.arcs = append(s.arcs, a)
	}
	s.na++
	a.FillColor, a.StartAngle, a.EndAngle, a.CutoutRatio = c, from, to, 1-2*width/d
	s.put(a, x, y, d, d)
}
