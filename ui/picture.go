package ui

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // what WhatsApp passes on
	_ "image/jpeg"
	_ "image/png"
	"io"
	"sync"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // stickers

	"sealdesk/app/inbox"
)

// spline is the cubic B-spline kernel: it overshoots nowhere, so sixteen pixels become soft clouds and not rings.
var spline = draw.Kernel{Support: 2, At: func(t float64) float64 {
	if t < 1 {
		return (4 - 6*t*t + 3*t*t*t) / 6
	}
	return (2 - t) * (2 - t) * (2 - t) / 6
}}

// cloud makes the picture of a tile from the few colours that are known of it (see inbox.Media.Blur), or nil when they
// make no sense.
func cloud(blur []byte, w, h int) image.Image {
	if len(blur) < 4 || w < 1 || h < 1 {
		return nil
	}
	cols := int(blur[0])
	px := blur[1:]
	if cols == 0 || len(px)%(3*cols) != 0 {
		return nil
	}
	rows := len(px) / (3 * cols)
	// A border of repeated pixels keeps the edges from fading out.
	src := image.NewNRGBA(image.Rect(0, 0, cols+4, rows+4))
	for y := range rows + 4 {
		for x := range cols + 4 {
			i := 3 * (clampInt(y-2, rows)*cols + clampInt(x-2, cols))
			src.SetNRGBA(x, y, color.NRGBA{R: px[i], G: px[i+1], B: px[i+2], A: 0xff})
		}
	}
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	spline.Scale(dst, dst.Bounds(), src, image.Rect(2, 2, cols+2, rows+2), draw.Src, nil)
	return dst
}

func clampInt(v, n int) int { return min(max(v, 0), n-1) }

// clouds keeps the tiles' pictures of the conversation that is open. It belongs to one worker.
type clouds map[string]image.Image

// most is how many pictures are kept; each is a few ten kilobytes.
const mostClouds = 64

// fill gives every tile its picture.
func (c clouds) fill(items []*ItemView) {
	for _, v := range items {
		card := v.Card
		if card == nil || !card.Tile || len(card.Blur) == 0 {
			continue
		}
		img, ok := c[card.Key]
		if !ok {
			w, h := tileSize(card, tileWidth)
			img = cloud(card.Blur, int(w)/2, int(h)/2)
			if len(c) >= mostClouds {
				clear(c)
			}
			c[card.Key] = img
		}
		card.Picture = img
	}
}

// mostPixels is how large a picture may be for this device to draw it: one of these takes a hundred megabytes while it is
// being decoded.
const mostPixels = 25 << 20

// errPixels is returned for a picture that is too large to be drawn here.
var errPixels = errors.New("too many pixels")

// decoding lets one picture be decoded at a time.
var decoding sync.Mutex

// decodePicture decodes a picture and makes its longer side at most that long. It may take a second: never on the main
// goroutine.
func decodePicture(data []byte, longest int) (image.Image, error) {
	decoding.Lock()
	defer decoding.Unlock()
	cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading a picture's size: %w", err)
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > mostPixels/cfg.Height {
		return nil, errPixels
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decoding a picture: %w", err)
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > longest {
		w, h = max(w*longest/long, 1), max(h*longest/long, 1)
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	if w == b.Dx() {
		draw.Draw(out, out.Bounds(), img, b.Min, draw.Src)
	} else {
		draw.ApproxBiLinear.Scale(out, out.Bounds(), img, b, draw.Src, nil)
	}
	return out, nil
}

// thumbLongest is the longest side of the picture of an attached file.
const thumbLongest = 160

// attachments reads what is attached to a conversation, with a small picture of each picture.
func (w *lineWorker) attachments(id inbox.ConversationID) ([]Attachment, map[inbox.MediaID]image.Image) {
	list := w.model.Attachments(id)
	small := make(map[inbox.MediaID]image.Image, len(list))
	for _, a := range list {
		img, known := w.small[a.ID]
		if !known && mediaKind(a.Type) == inbox.Image && a.Size <= mostFilm {
			if r, err := w.model.OpenAttachment(a.ID); err == nil {
				if data, err := io.ReadAll(r); err == nil {
					img, _ = decodePicture(data, thumbLongest) // a picture that cannot be drawn has an icon
				}
				r.Close()
			}
		}
		small[a.ID] = img
	}
	w.small = small
	return list, small
}
