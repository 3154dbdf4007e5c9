package wasim

import (
	"bytes"
	"errors"
	"hash/fnv"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

const (
	pictureWidth  = 1200
	pictureHeight = 900
	aspect        = float64(pictureWidth) / pictureHeight
)

// rgb is a colour in linear-ish light, 0 to 1.
type rgb struct{ r, g, b float64 }

func colour(v uint32) rgb {
	return rgb{float64(v>>16&255) / 255, float64(v>>8&255) / 255, float64(v&255) / 255}
}

func (c rgb) mix(o rgb, t float64) rgb {
	return rgb{c.r + (o.r-c.r)*t, c.g + (o.g-c.g)*t, c.b + (o.b-c.b)*t}
}

// canvas is a picture in the making. Coordinates run from 0 to [aspect] and 0 to 1, y downwards.
type canvas struct {
	px  []rgb
	rng *rand.Rand
}

// form is a signed distance: negative inside.
type form func(x, y float64) float64

func box(cx, cy, w, h, r float64) (form, [4]float64) {
	return func(x, y float64) float64 {
		dx, dy := math.Abs(x-cx)-w/2+r, math.Abs(y-cy)-h/2+r
		return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - r
	}, [4]float64{cx - w/2, cy - h/2, cx + w/2, cy + h/2}
}

func disc(cx, cy, r float64) (form, [4]float64) {
	return func(x, y float64) float64 { return math.Hypot(x-cx, y-cy) - r }, [4]float64{cx - r, cy - r, cx + r, cy + r}
}

func ring(cx, cy, r, w float64) (form, [4]float64) {
	o := r + w
	return func(x, y float64) float64 { return math.Abs(math.Hypot(x-cx, y-cy)-r) - w/2 }, [4]float64{cx - o, cy - o, cx + o, cy + o}
}

func bar(ax, ay, bx, by, w float64) (form, [4]float64) {
	dx, dy := bx-ax, by-ay
	l := dx*dx + dy*dy
	return func(x, y float64) float64 {
			t := min(max(((x-ax)*dx+(y-ay)*dy)/l, 0), 1)
			return math.Hypot(x-ax-t*dx, y-ay-t*dy) - w/2
		}, [4]float64{
			min(ax, bx) - w, min(ay, by) - w, max(ax, bx) + w, max(ay, by) + w,
		}
}

// hill is everything below a gentle wave around level.
func hill(level, height, phase float64) (form, [4]float64) {
	return func(x, y float64) float64 {
		crest := level + height*(math.Sin(3*x+phase)*0.6+math.Sin(7.3*x+2.1*phase)*0.3+math.Sin(17*x+phase)*0.06)
		return crest - y
	}, [4]float64{0, level - height*1.2, aspect, 1}
}

// fill paints a form from top to bottom colour, with an edge of soft and an optional shadow of depth below it.
func (c *canvas) fill(f form, at [4]float64, top, bottom rgb, depth float64) {
	c.blend(at, depth, func(x, y float64) (rgb, float64) {
		d := f(x-depth*0.5, y-depth)
		return rgb{0.05, 0.05, 0.08}, 0.42 * (1 - smooth(-depth, depth*1.6, d))
	}, depth > 0)
	span := max(at[3]-at[1], 1e-6)
	c.blend(at, 0.004, func(x, y float64) (rgb, float64) {
		d := f(x, y)
		shade := top.mix(bottom, min(max((y-at[1])/span, 0), 1))
		if d > -0.006 && depth > 0 { // a rim of light makes things round
			shade = shade.mix(rgb{1, 1, 1}, 0.10)
		}
		return shade, 1 - smooth(-0.0008, 0.0008, d)
	}, true)
}

func (c *canvas) blend(at [4]float64, grow float64, f func(x, y float64) (rgb, float64), on bool) {
	if !on {
		return
	}
	grow *= 3
	x0, x1 := clampTo(at[0]-grow, pictureWidth), clampTo(at[2]+grow, pictureWidth)
	y0, y1 := clampTo(at[1]-grow, pictureHeight), clampTo(at[3]+grow, pictureHeight)
	for py := y0; py < y1; py++ {
		for px := x0; px < x1; px++ {
			shade, alpha := f(float64(px)/pictureHeight, float64(py)/pictureHeight)
			if alpha > 0 {
				i := py*pictureWidth + px
				c.px[i] = c.px[i].mix(shade, alpha)
			}
		}
	}
}

func clampTo(v float64, limit int) int { return min(max(int(v*pictureHeight), 0), limit) }

func smooth(a, b, v float64) float64 {
	t := min(max((v-a)/(b-a), 0), 1)
	return t * t * (3 - 2*t)
}

// sky paints the whole canvas between colours spread evenly from top to bottom.
func (c *canvas) sky(colours ...rgb) {
	c.blend([4]float64{0, 0, aspect, 1}, 0, func(_, y float64) (rgb, float64) {
		t := y * float64(len(colours)-1)
		i := min(int(t), len(colours)-2)
		return colours[i].mix(colours[i+1], t-float64(i)), 1
	}, true)
}

// glow adds light around a point.
func (c *canvas) glow(cx, cy, r float64, light rgb, strength float64) {
	c.blend([4]float64{cx - r, cy - r, cx + r, cy + r}, 0, func(x, y float64) (rgb, float64) {
		d := math.Hypot(x-cx, y-cy) / r
		return light, strength * math.Exp(-4*d*d) * (1 - smooth(0.7, 1, d))
	}, true)
}

// develop adds what a telephone's camera adds: a vignette, grain, and JPEG.
func (c *canvas) develop() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	for i, p := range c.px {
		x, y := float64(i%pictureWidth)/pictureWidth-0.5, float64(i/pictureWidth)/pictureHeight-0.5
		dim := 1 - 0.55*(x*x+y*y)
		grain := (c.rng.Float64() + c.rng.Float64() - 1) * 0.035
		o := i * 4
		img.Pix[o] = tone(p.r*dim + grain)
		img.Pix[o+1] = tone(p.g*dim + grain)
		img.Pix[o+2] = tone(p.b*dim + grain)
		img.Pix[o+3] = 255
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 78}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func tone(v float64) uint8 {
	v = min(max(v, 0), 1)
	v = v + 0.12*(v*v*(3-2*v)-v) // a little contrast
	return uint8(v*255 + 0.5)
}

var scenes = map[string]func(*canvas){
	"heating": heating, "kitchen": kitchen, "bicycle": bicycle, "garden": garden, "cake": cake, "sofa": sofa, "parcel": parcel,
}

// Scenes returns the names [Picture] knows, sorted.
func Scenes() []string {
	var names []string
	for n := range scenes {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

var drawn sync.Map // scene -> []byte; drawing takes a fraction of a second

// Picture returns a JPEG of 1200 x 900 pixels, about 100 to 200 KB, always the same for the same scene. The bytes must not be
// changed.
func Picture(scene string) ([]byte, error) {
	paint := scenes[scene]
	if paint == nil {
		return nil, errors.New("wasim: no such scene")
	}
	if b, ok := drawn.Load(scene); ok {
		return b.([]byte), nil
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(scene))
	c := &canvas{px: make([]rgb, pictureWidth*pictureHeight), rng: rand.New(rand.NewPCG(h.Sum64(), 7))}
	paint(c)
	b, err := c.develop()
	if err != nil {
		return nil, err
	}
	drawn.Store(scene, b)
	return b, nil
}

func (c *canvas) box(cx, cy, w, h, r float64, top, bottom rgb, depth float64) {
	f, at := box(cx, cy, w, h, r)
	c.fill(f, at, top, bottom, depth)
}

func (c *canvas) disc(cx, cy, r float64, top, bottom rgb, depth float64) {
	f, at := disc(cx, cy, r)
	c.fill(f, at, top, bottom, depth)
}

func (c *canvas) ring(cx, cy, r, w float64, top, bottom rgb, depth float64) {
	f, at := ring(cx, cy, r, w)
	c.fill(f, at, top, bottom, depth)
}

func (c *canvas) bar(ax, ay, bx, by, w float64, top, bottom rgb, depth float64) {
	f, at := bar(ax, ay, bx, by, w)
	c.fill(f, at, top, bottom, depth)
}

// room paints a wall and a floor with light from the left.
func (c *canvas) room(wall, floor rgb, horizon float64) {
	c.sky(wall.mix(rgb{1, 1, 1}, 0.15), wall, wall.mix(rgb{0, 0, 0}, 0.12))
	c.box(aspect/2, (1+horizon)/2, aspect+0.1, 1-horizon, 0, floor.mix(rgb{1, 1, 1}, 0.12), floor.mix(rgb{0, 0, 0}, 0.25), 0)
	c.box(aspect/2, horizon, aspect+0.1, 0.016, 0, wall.mix(rgb{1, 1, 1}, 0.4), wall.mix(rgb{1, 1, 1}, 0.2), 0)
	c.glow(0.1, 0.15, 0.9, rgb{1, 0.96, 0.86}, 0.45)
}

func heating(c *canvas) {
	c.room(colour(0xb9b4a8), colour(0x77706a), 0.80)
	for i := range 3 {
		x := 0.86 + 0.09*float64(i)
		c.bar(x, -0.05, x, 0.62, 0.028, colour(0xd08a5a), colour(0x9c5a34), 0.012)
	}
	c.bar(0.50, 0.10, 1.45, 0.10, 0.034, colour(0xd9dcdf), colour(0x9aa0a6), 0.012)
	c.box(0.50, 0.47, 0.44, 0.62, 0.03, colour(0xf4f5f6), colour(0xc9ced3), 0.03)
	c.box(0.50, 0.27, 0.36, 0.12, 0.015, colour(0x3a4a57), colour(0x24313b), 0.004)
	c.box(0.45, 0.27, 0.16, 0.07, 0.008, colour(0x8fd0c0), colour(0x5aa896), 0)
	c.disc(0.62, 0.27, 0.032, colour(0xf7f7f7), colour(0xcfd3d6), 0.004)
	c.bar(0.62, 0.27, 0.638, 0.250, 0.006, colour(0xc0392b), colour(0xc0392b), 0)
	c.box(0.50, 0.60, 0.30, 0.02, 0.01, colour(0x9aa0a6), colour(0x9aa0a6), 0)
	c.box(0.99, 0.72, 0.30, 0.26, 0.06, colour(0xcf4a3f), colour(0x8c2a24), 0.025)
	c.disc(0.95, 0.68, 0.04, colour(0xffffff), colour(0xdddddd), 0.003)
	c.bar(0.95, 0.68, 0.975, 0.66, 0.006, colour(0x222222), colour(0x222222), 0)
}

func kitchen(c *canvas) {
	c.room(colour(0xd9d3c7), colour(0xa98b6d), 0.84)
	c.box(0.36, 0.28, 0.42, 0.36, 0.01, colour(0xdff1fb), colour(0xb7dcef), 0.008)
	c.glow(0.36, 0.28, 0.5, rgb{1, 1, 0.95}, 0.5)
	c.bar(0.36, 0.10, 0.36, 0.46, 0.014, colour(0xfafafa), colour(0xe4e4e4), 0)
	for i := range 3 {
		c.box(0.80+0.21*float64(i), 0.22, 0.20, 0.30, 0.008, colour(0x5f7f76), colour(0x4a665f), 0.012)
		c.box(0.87+0.21*float64(i), 0.34, 0.012, 0.05, 0.005, colour(0xe0c48a), colour(0xb8954f), 0.003)
	}
	c.box(0.68, 0.575, 1.44, 0.05, 0.006, colour(0xf3efe8), colour(0xd8d0c2), 0.018)
	for i := range 6 {
		x := 0.10 + 0.235*float64(i)
		c.box(x, 0.735, 0.222, 0.26, 0.006, colour(0x6a8c82), colour(0x4a665f), 0.008)
		c.box(x, 0.632, 0.09, 0.010, 0.005, colour(0xe0c48a), colour(0xb8954f), 0.003)
	}
	c.box(0.34, 0.53, 0.012, 0.10, 0.006, colour(0xdadfe3), colour(0x9aa3aa), 0.004)
	c.bar(0.34, 0.475, 0.42, 0.475, 0.014, colour(0xdadfe3), colour(0xaeb6bc), 0.004)
	c.disc(1.05, 0.52, 0.035, colour(0xd9772f), colour(0xb3551a), 0.008)
	c.disc(1.11, 0.525, 0.030, colour(0xe3b23c), colour(0xbf8d1e), 0.008)
}

func bicycle(c *canvas) {
	c.sky(colour(0x6f9fd0), colour(0xa9c8e2), colour(0xf5dcbc), colour(0xf0c69a))
	c.glow(1.02, 0.46, 0.6, rgb{1, 0.9, 0.7}, 0.8)
	for i, shade := range []uint32{0x8fa6b4, 0x6f8f86, 0x4f7358} {
		f, at := hill(0.52+0.07*float64(i), 0.06, 1.3+float64(i)*2)
		c.fill(f, at, colour(shade), colour(shade).mix(rgb{}, 0.3), 0)
	}
	c.box(aspect/2, 0.92, aspect+0.2, 0.20, 0, colour(0x8d8a86), colour(0x5f5c59), 0)
	dark, paint := colour(0x1f2326), colour(0xc4392f)
	for _, x := range []float64{0.40, 0.94} {
		for i := range 10 {
			a := float64(i) * math.Pi / 10
			c.bar(x-0.17*math.Cos(a), 0.68-0.17*math.Sin(a), x+0.17*math.Cos(a), 0.68+0.17*math.Sin(a), 0.0028, colour(0xc9ced2), colour(0x9aa0a4), 0)
		}
		c.ring(x, 0.68, 0.175, 0.020, dark, dark, 0.008)
		c.ring(x, 0.68, 0.160, 0.006, colour(0xd7dbde), colour(0xa9adb0), 0)
		c.disc(x, 0.68, 0.016, colour(0xb9bec2), colour(0x7c8185), 0)
	}
	frame := [][4]float64{
		{0.40, 0.68, 0.60, 0.69}, {0.60, 0.69, 0.53, 0.44}, {0.53, 0.46, 0.40, 0.68}, {0.535, 0.46, 0.84, 0.44}, {0.60, 0.69, 0.85, 0.47},
		{0.83, 0.38, 0.94, 0.68},
	}
	for _, b := range frame {
		c.bar(b[0], b[1], b[2], b[3], 0.020, paint, paint.mix(rgb{}, 0.35), 0.006)
	}
	c.bar(0.52, 0.405, 0.53, 0.45, 0.012, dark, dark, 0)
	c.box(0.515, 0.395, 0.13, 0.026, 0.012, colour(0x6b4226), colour(0x4a2d19), 0.006)
	c.bar(0.82, 0.36, 0.90, 0.34, 0.012, dark, dark, 0.004)
	c.disc(0.60, 0.69, 0.035, colour(0x9da2a6), colour(0x5f6468), 0.006)
	c.bar(0.60, 0.69, 0.64, 0.75, 0.010, dark, dark, 0)
}

func garden(c *canvas) {
	c.sky(colour(0x5b93cf), colour(0x9cc4e6), colour(0xdcecf5), colour(0xe8efdf))
	c.glow(0.25, 0.2, 0.5, rgb{1, 0.98, 0.85}, 0.9)
	for i, shade := range []uint32{0x9ab7b0, 0x7fa579, 0x5e9150, 0x4b7d3c} {
		f, at := hill(0.50+0.10*float64(i), 0.05, 0.7+float64(i)*1.7)
		c.fill(f, at, colour(shade), colour(shade).mix(rgb{}, 0.22), 0)
	}
	c.box(0.92, 0.52, 0.44, 0.34, 0.004, colour(0xf1e9dc), colour(0xcfc3b0), 0.03)
	for i := range 14 {
		h := 0.012 * float64(i)
		c.box(0.92, 0.345-h, 0.50-0.034*float64(i), 0.014, 0.002, colour(0xa4523c), colour(0x8a4230), 0)
	}
	for _, x := range []float64{0.79, 0.94} {
		c.box(x, 0.46, 0.09, 0.10, 0.004, colour(0xa9cbe0), colour(0x6f98b4), 0.004)
	}
	c.box(1.07, 0.56, 0.09, 0.26, 0.004, colour(0x6a4a35), colour(0x4a3323), 0.004)
	c.box(0.60, 0.66, 0.17, 0.15, 0.012, colour(0xf0f2f3), colour(0xc3c9cd), 0.015)
	c.ring(0.58, 0.66, 0.05, 0.006, colour(0x596269), colour(0x3c444a), 0)
	for i := range 5 {
		a := float64(i) * 2 * math.Pi / 5
		c.bar(0.58, 0.66, 0.58+0.045*math.Cos(a), 0.66+0.045*math.Sin(a), 0.012, colour(0x6e777e), colour(0x4c555b), 0)
	}
	for i := range 40 {
		x, y := c.rng.Float64()*aspect, 0.82+c.rng.Float64()*0.17
		c.disc(x, y, 0.004+0.006*c.rng.Float64(), []rgb{colour(0xe9c64a), colour(0xf3f0ea), colour(0xd1687a)}[i%3], colour(0xb8935a), 0)
	}
}

func cake(c *canvas) {
	c.room(colour(0xe9d7d0), colour(0xb58e73), 0.72)
	for i := range 7 { // lights out of focus
		c.glow(0.1+0.2*float64(i), 0.18+0.08*math.Sin(float64(i)*2), 0.12, rgb{1, 0.85, 0.6}, 0.7)
	}
	c.box(aspect/2, 0.79, 0.74, 0.026, 0.013, colour(0xfafafa), colour(0xd4d6d8), 0.03)
	c.box(aspect/2, 0.68, 0.56, 0.20, 0.02, colour(0xfbf3ea), colour(0xe3d2c0), 0.02)
	c.box(aspect/2, 0.50, 0.40, 0.17, 0.02, colour(0xf7d9d6), colour(0xe0aeb0), 0.012)
	c.box(aspect/2, 0.35, 0.25, 0.14, 0.02, colour(0xfbf3ea), colour(0xe3d2c0), 0.012)
	for row, r := range []struct{ y, w float64 }{{0.585, 0.54}, {0.418, 0.38}, {0.283, 0.23}} {
		for i := range 9 - 2*row {
			x := aspect/2 - r.w/2 + r.w*(float64(i)+0.5)/float64(9-2*row)
			c.disc(x, r.y, 0.020, colour(0xc8364a), colour(0x8e1f30), 0.004)
			c.disc(x-0.006, r.y-0.007, 0.004, colour(0xffe9ec), colour(0xffe9ec), 0)
		}
	}
	for i := range 3 {
		x := aspect/2 + 0.06*float64(i-1)
		c.bar(x, 0.17, x, 0.26, 0.010, colour(0xf6f1d8), colour(0xd9cfa5), 0)
		c.glow(x, 0.150, 0.06, rgb{1, 0.8, 0.4}, 0.95)
	}
}

func sofa(c *canvas) {
	c.room(colour(0xc7d0cf), colour(0x9a7d62), 0.78)
	c.box(0.95, 0.24, 0.34, 0.26, 0.004, colour(0xf7f4ee), colour(0xe6e1d7), 0.012)
	c.disc(0.90, 0.24, 0.06, colour(0xe2a04f), colour(0xc97b32), 0)
	c.box(1.00, 0.27, 0.10, 0.12, 0, colour(0x2f5d62), colour(0x264b50), 0)
	cloth, deep := colour(0x3f6f78), colour(0x2a4d55)
	c.box(0.64, 0.56, 0.86, 0.28, 0.06, cloth, deep, 0.03)
	c.box(0.46, 0.68, 0.36, 0.12, 0.03, cloth.mix(rgb{1, 1, 1}, 0.14), deep, 0.012)
	c.box(0.82, 0.68, 0.36, 0.12, 0.03, cloth.mix(rgb{1, 1, 1}, 0.14), deep, 0.012)
	c.box(0.20, 0.66, 0.12, 0.24, 0.05, cloth, deep, 0.02)
	c.box(1.08, 0.66, 0.12, 0.24, 0.05, cloth, deep, 0.02)
	c.box(0.36, 0.56, 0.16, 0.14, 0.03, colour(0xd9a441), colour(0xb07f24), 0.012)
	c.box(0.92, 0.56, 0.15, 0.13, 0.03, colour(0xe9dfd2), colour(0xc9bba8), 0.012)
	for _, x := range []float64{0.22, 1.06} {
		c.bar(x, 0.78, x, 0.84, 0.018, colour(0x5b3f29), colour(0x3f2b1b), 0.006)
	}
	c.bar(1.24, 0.30, 1.24, 0.82, 0.010, colour(0x2b2b2b), colour(0x1b1b1b), 0.006)
	c.glow(1.24, 0.28, 0.28, rgb{1, 0.9, 0.7}, 0.85)
}

func parcel(c *canvas) {
	c.room(colour(0xbfc3c4), colour(0x8a7c70), 0.62)
	card, deep := colour(0xc99a66), colour(0x9a6f42)
	c.box(0.66, 0.62, 0.66, 0.46, 0.008, card, deep, 0.04)
	c.box(0.66, 0.415, 0.66, 0.05, 0.004, card.mix(rgb{1, 1, 1}, 0.2), card, 0)
	c.box(0.66, 0.62, 0.09, 0.46, 0, colour(0xd9c19a), colour(0xbfa377), 0)
	c.box(0.45, 0.55, 0.17, 0.12, 0.004, colour(0xf6f6f4), colour(0xe2e2df), 0.003)
	for i := range 9 {
		x := 0.385 + 0.016*float64(i)
		c.box(x, 0.565, 0.004+0.003*float64(i%3), 0.05, 0, colour(0x222222), colour(0x222222), 0)
	}
	// the damage the customer complains about: a corner torn open
	for i := range 9 {
		x := 0.80 + 0.022*float64(i)
		c.bar(x, 0.845, x+0.03, 0.70+0.012*float64((i*5)%4)+0.009*float64(8-i), 0.022, colour(0x5c4022), colour(0x3a2815), 0)
	}
	c.bar(0.79, 0.80, 0.90, 0.72, 0.012, colour(0xd8ae7c), colour(0xb98a57), 0.006)
	c.bar(0.90, 0.72, 0.985, 0.70, 0.012, colour(0xd8ae7c), colour(0xb98a57), 0.006)
}
