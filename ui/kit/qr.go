package kit

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	qrcode "github.com/skip2/go-qrcode"
)

// QR is a code that a telephone reads with its camera. It is dark on white in every theme, with the free margin the
// standard wants (ISO/IEC 18004).
type QR struct {
	Painted
	img  image.Image
	side float32
}

// NewQR returns the code of a text, with each of its dots that many pixels wide. It returns nil for a text that is too long
// for a code.
func NewQR(name, text string, dot int) *QR {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil
	}
	dots := code.Bitmap()
	v := &QR{img: dotted(dots, 2*dot), side: float32(len(dots) * dot)}
	v.init(v, name, func(s *Sketch, size fyne.Size) {
		x, y := round((size.Width-v.side)/2), round((size.Height-v.side)/2)
		s.Rect(x, y, v.side, v.side, color.White, InputRadius)
		s.Image(name, v.img, x, y, v.side, v.side, InputRadius)
	}, func() fyne.Size { return fyne.NewSquareSize(v.side) })
	return v
}

// dotted draws dots of that many pixels: twice as many as on a screen of the usual density, so that edges stay sharp on others.
func dotted(dots [][]bool, px int) image.Image {
	img := image.NewGray(image.Rect(0, 0, len(dots)*px, len(dots)*px))
	for y := range len(dots) * px {
		row := dots[y/px]
		for x := range len(row) * px {
			if !row[x/px] {
				img.Pix[y*img.Stride+x] = 0xff
			}
		}
	}
	return img
}
