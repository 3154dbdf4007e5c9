package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

const (
	maxPixels      = 24 << 20   // more than WhatsApp passes on as a picture
	maxDecodeBytes = 128 * mebi // a picture that would need more is passed on, but not decoded
	blurSide       = 16
)

// decoding is held while a picture is decoded: a small file may become a hundred megabytes.
var decoding = make(chan struct{}, 1)

// look decodes what will be written, and keeps its colours. It proves that viewers can open it.
func look(ctx context.Context, r *Report, f format, p *plan) error {
	if r.Width <= 0 || r.Height <= 0 {
		return ErrBroken
	}
	if r.Width > maxPixels/r.Height {
		return ErrBomb
	}
	select {
	case decoding <- struct{}{}:
		defer func() { <-decoding }()
	case <-ctx.Done():
		return ctx.Err()
	}
	// The pictures' own limit keeps this small, and decoders read bytewise.
	file, err := p.bytes()
	if err != nil {
		return err
	}
	var decode func(io.Reader) (image.Image, error)
	var config func(io.Reader) (image.Config, error)
	switch f.family {
	case familyJPEG:
		decode, config = jpeg.Decode, jpeg.DecodeConfig
	case familyPNG:
		decode, config = png.Decode, png.DecodeConfig
	case familyGIF:
		decode, config = gif.Decode, gif.DecodeConfig
	default:
		decode, config = webp.Decode, webp.DecodeConfig
		if s := (&source{ctx: ctx, r: bytes.NewReader(file), size: int64(len(file))}); s.has(12, "VP8X") && file[20]&webpAnimated != 0 {
			frame, ok := firstFrame(s)
			if !ok {
				return ErrBroken
			}
			file = frame
		}
	}
	conf, err := config(bytes.NewReader(file))
	if err != nil || conf.Width <= 0 || conf.Height <= 0 {
		return verdict(err)
	}
	if conf.Width > maxPixels/conf.Height {
		return ErrBomb
	}
	if conf.Width*conf.Height*weight(conf.ColorModel, file) > maxDecodeBytes {
		return nil
	}
	full, err := decode(stopping{ctx, bytes.NewReader(file)})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return verdict(err)
	}
	r.Blur = blur(full, r.Orientation)
	return nil
}

// verdict tells a picture nobody can read from one our decoder does not know, which is one WhatsApp does not know.
func verdict(err error) error {
	var j jpeg.UnsupportedError
	var n png.UnsupportedError
	if errors.As(err, &j) || errors.As(err, &n) {
		return ErrUnsupported
	}
	return ErrBroken
}

// weight is how many bytes a pixel takes while it is decoded, at worst.
func weight(m color.Model, file []byte) int {
	switch m {
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	case color.YCbCrModel, color.GrayModel, color.CMYKModel:
		// A progressive JPEG keeps four bytes for every sample until its last scan.
		if bytes.HasPrefix(file, []byte("\xff\xd8")) && bytes.Contains(file, []byte("\xff\xc2\x00")) {
			return 15
		}
		return 4
	}
	return 4
}

// A stopping reader ends a decoder's work when nobody waits for it any more.
type stopping struct {
	ctx context.Context
	io.Reader
}

func (r stopping) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p[:min(len(p), 4096)])
}

// blur is a width byte and at most 16x16 RGB pixels, row by row, upright.
func blur(full image.Image, orientation int) []byte {
	size := full.Bounds().Size()
	side := max(size.X, size.Y)
	cols, rows := max(1, size.X*blurSide/side), max(1, size.Y*blurSide/side)
	small := image.NewRGBA(image.Rect(0, 0, cols, rows))
	draw.BiLinear.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
	w, h := turned(cols, rows, orientation)
	out := append(make([]byte, 0, 1+3*w*h), byte(w))
	for y := range h {
		for x := range w {
			sx, sy := x, y // where the upright pixel stands in the picture as it was coded
			switch orientation {
			case 2:
				sx = cols - 1 - x
			case 3:
				sx, sy = cols-1-x, rows-1-y
			case 4:
				sy = rows - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, rows-1-x
			case 7:
				sx, sy = cols-1-y, rows-1-x
			case 8:
				sx, sy = cols-1-y, x
			}
			i := small.PixOffset(sx, sy)
			out = append(out, small.Pix[i:i+3]...)
		}
	}
	return out
}
