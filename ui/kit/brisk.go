package kit

import "fyne.io/fyne/v2"

// Fyne's entry wraps its whole text at every key, twice, and for each row it measures all that is left of the paragraph, at a
// dozen places: at 4,096 characters without a break that is 200,000 shaped characters a key. It only wants to know whether
// that fits. briskly lends the entry a driver that adds up words it has measured before until they do not.

// briskFrom is from how many bytes for a pixel of width on a text is added up. A row has less, so where it breaks is exact.
const briskFrom = 1. / 3

// briskWord is the longest piece that is measured whole, in bytes: somebody may write no blanks at all.
const briskWord = 32

// briskly runs f, in which an entry of that width may wrap its text. Call it on the main goroutine.
func briskly(width float32, f func()) {
	app := fyne.CurrentApp()
	if _, already := app.(briskApp); already || app == nil {
		f()
		return
	}
	fyne.SetCurrentApp(briskApp{app, briskDriver{app.Driver(), width}})
	defer fyne.SetCurrentApp(app)
	f()
}

type briskApp struct {
	fyne.App
	driver fyne.Driver
}

func (a briskApp) Driver() fyne.Driver { return a.driver }

type briskDriver struct {
	fyne.Driver
	width float32 // of the entry
}

// RenderedTextSize implements fyne.Driver. Of a long text that is wider than the entry it tells just that.
func (d briskDriver) RenderedTextSize(text string, size float32, style fyne.TextStyle, source fyne.Resource) (fyne.Size, float32) {
	if float32(len(text)) < d.width*briskFrom || source != nil || style != (fyne.TextStyle{}) {
		return d.Driver.RenderedTextSize(text, size, style, source)
	}
	m, face := SharedMetrics(), Face{FontRegular, size}
	b := m.box(face)
	width, begin := float32(0), 0
	for i, r := range text {
		if width > d.width {
			return fyne.NewSize(width, b.height), b.baseline
		}
		if r == ' ' || i-begin >= briskWord {
			width += m.width(text[begin:i], face)
			begin = i
		}
	}
	return fyne.NewSize(width+m.width(text[begin:], face), b.height), b.baseline
}
