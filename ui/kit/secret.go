package kit

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"github.com/go-text/render"
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
	fix "golang.org/x/image/math/fixed"
)

// Secret is a value that a person may look at for a while and that must leave nothing behind. It is drawn as pixels by
// itself: a canvas.Text would keep it as a string, in the caches of text sizes and of textures as well. So it cannot be
// selected or copied, has no accessible name, and no string of it exists here. Across it stands a mark in faint letters
// that says who looked, and when.
//
// Drop overwrites the value and what was drawn of it. What the graphics driver was given is replaced with the next frame.
type Secret struct {
	value  []byte
	mark   string
	raster *canvas.Raster
	drawn  *image.NRGBA
}

// NewSecret returns a value to be drawn with Sketch.Secret. It takes the bytes over: nobody else may keep them.
func NewSecret(value []byte, mark string) *Secret {
	v := &Secret{value: value, mark: mark}
	v.raster = canvas.NewRaster(v.draw)
	return v
}

// Drop overwrites the value. From then on the Secret draws nothing.
func (v *Secret) Drop() {
	clear(v.value)
	v.value = nil
	v.wash()
	v.raster.Refresh()
}

// Dropped reports whether the value is gone.
func (v *Secret) Dropped() bool { return v.value == nil }

// Format prints [redacted] for every verb.
func (v *Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

func (v *Secret) wash() {
	if v.drawn != nil {
		clear(v.drawn.Pix)
		v.drawn = nil
	}
}

// The field a Secret is drawn on.
const (
	secretSize float32 = 15 // of its letters, larger than text: it is read aloud and typed off
	secretPadX float32 = 10
	secretPadY float32 = 7
	markSize   float32 = 9
	markTilt           = -0.2 // radians
)

// Height is what the value needs at a width: letters break where the line ends.
func (v *Secret) Height(width float32) float32 {
	return float32(max(len(v.lines(width)), 1))*Scaled(22) + 2*secretPadY
}

// Drawable reports whether the fonts of the theme have every letter of the value.
func (v *Secret) Drawable() bool {
	fonts := secretFonts()
	for b := v.value; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) && !fonts.has(r) {
			return false
		}
	}
	return true
}

// Secret paints a secret on a field of its own.
func (s *Sketch) Secret(v *Secret, x, y, w, h float32) {
	s.Frame(x, y, w, h, s.P.Privacy.Soft, s.P.Privacy.Ink, 1, InputRadius)
	s.put(v.raster, x, y, w, h)
}

// faces are the fonts of a theme, for one rune after the other.
type faces struct {
	sources []fyne.Resource
	loaded  []*font.Face
}

// parsed keeps fonts, which hold no text; parsing one takes milliseconds.
var parsed = map[string]*font.Face{}

func secretFonts() *faces {
	res := Current().res
	f := &faces{}
	for _, r := range []fyne.Resource{res.Medium, res.Regular, res.Arabic, res.Hebrew, res.Emoji} {
		if r != nil {
			f.sources = append(f.sources, r)
		}
	}
	if len(f.sources) == 0 {
		f.sources = append(f.sources, Current().Font(fyne.TextStyle{}))
	}
	return f
}

func (f *faces) at(i int) *font.Face {
	if i < len(f.loaded) {
		return f.loaded[i]
	}
	face := parse(f.sources[i])
	f.loaded = append(f.loaded, face)
	return face
}

// parse returns the face of a font file, nil for one that cannot be read.
func parse(r fyne.Resource) *font.Face {
	face, ok := parsed[r.Name()]
	if !ok {
		var err error
		if face, err = font.ParseTTF(bytes.NewReader(r.Content())); err != nil {
			face = nil
		}
		parsed[r.Name()] = face
	}
	return face
}

func (f *faces) find(r rune) *font.Face {
	for i := range f.sources {
		if face := f.at(i); face != nil {
			if _, ok := face.NominalGlyph(r); ok {
				return face
			}
		}
	}
	return nil
}

func (f *faces) has(r rune) bool { return f.find(r) != nil }

// ResolveFace implements shaping.Fontmap.
func (f *faces) ResolveFace(r rune) *font.Face {
	if face := f.find(r); face != nil {
		return face
	}
	return f.at(0)
}

// shape turns runes into glyphs from left to right, and returns how wide they are in pixels.
func (f *faces) shape(text []rune, size float32) (runs []shaping.Output, width float32) {
	if len(text) == 0 || f.at(0) == nil {
		return nil, 0
	}
	in := shaping.Input{Text: text, RunEnd: len(text), Direction: di.DirectionLTR, Size: fix.Int26_6(size * 64)}
	for _, r := range text {
		if isStrongRTL(r) {
			in.Direction = di.DirectionRTL
		}
		if unicode.IsLetter(r) {
			break
		}
	}
	var shaper shaping.HarfbuzzShaper // made anew each time: it keeps what it shaped last
	var segments shaping.Segmenter
	for _, part := range segments.Split(in, f) {
		out := shaper.Shape(part)
		width += float32(out.Advance) / 64
		runs = append(runs, out)
	}
	if in.Direction == di.DirectionRTL {
		for i, j := 0, len(runs)-1; i < j; i, j = i+1, j-1 {
			runs[i], runs[j] = runs[j], runs[i]
		}
	}
	return runs, width
}

// lines breaks the value so that each line fits into a width. The caller clears what it was given.
func (v *Secret) lines(width float32) [][]rune {
	room, size, fonts := width-2*secretPadX, secretSize*Current().scale, secretFonts()
	text := bytes.Runes(v.value)
	var out [][]rune
	for len(text) > 0 {
		n := len(text)
		for n > 1 {
			if _, w := fonts.shape(text[:n], size); w <= room {
				break
			}
			n--
		}
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

// draw is called by the painter with the size in the screen's own pixels.
func (v *Secret) draw(w, h int) image.Image {
	v.wash()
	size := v.raster.Size()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	if v.value == nil || size.Width <= 0 || w <= 0 || h <= 0 {
		return img
	}
	v.drawn = img
	p, fonts := Colours(), secretFonts()
	scale := float32(w) / size.Width
	letters := secretSize * Current().scale * scale
	base := (secretPadY + Scaled(22)*0.5) * scale
	for _, line := range v.lines(size.Width) {
		runs, _ := fonts.shape(line, letters)
		paintRuns(img, runs, secretPadX*scale, base+letters*0.36, letters, p.Privacy.Ink)
		clear(line)
		base += Scaled(22) * scale
	}
	v.watermark(img, fonts, scale, p.Privacy.Ink)
	return img
}

func paintRuns(dst draw.Image, runs []shaping.Output, x, y, size float32, c color.Color) {
	r := render.Renderer{FontSize: size, PixScale: 1, Color: c}
	for _, run := range runs {
		r.DrawShapedRunAt(run, dst, int(x), int(y))
		x += float32(run.Advance) / 64
	}
}

// watermark lays the mark over the whole field, slanted, line below line.
func (v *Secret) watermark(img *image.NRGBA, fonts *faces, scale float32, ink color.NRGBA) {
	if v.mark == "" {
		return
	}
	size := markSize * Current().scale * scale
	runs, width := fonts.shape([]rune(v.mark), size)
	if width <= 0 {
		return
	}
	ink.A = 0x58
	b := img.Bounds()
	side := b.Dx() + b.Dy()
	sheet := image.NewNRGBA(image.Rect(0, 0, side, side))
	step, gap := size*1.9, size*2.2
	for i, y := 0, size; y < float32(side); i, y = i+1, y+step {
		for x := -float32(i%3) * (width + gap) / 3; x < float32(side); x += width + gap {
			paintRuns(sheet, runs, x, y, size, ink)
		}
	}
	sin, cos := math.Sincos(markTilt)
	cx, cy := float64(b.Dx())/2, float64(b.Dy())/2
	half := float64(side) / 2
	draw.BiLinear.Transform(img, f64.Aff3{cos, -sin, cx - cos*half + sin*half, sin, cos, cy - sin*half - cos*half}, sheet, sheet.Bounds(), draw.Over, nil)
}
