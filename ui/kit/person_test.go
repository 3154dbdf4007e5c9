package kit_test

import (
	"image"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	qrcode "github.com/skip2/go-qrcode"

	"sealdesk/ui/kit"
)

func TestACodeIsDarkOnWhiteWithItsMarginInEveryTheme(t *testing.T) {
	const text = "otpauth://totp/Company:somebody?secret=JBSWY3DPEHPK3PXP&issuer=Company"
	for _, mode := range []kit.Mode{kit.Light, kit.Dark} {
		themed(t, kit.Options{Mode: mode})
		const dot = 4
		v := kit.NewQR("code", text, dot)
		side := v.MinSize().Width
		win := window(t, v, side, side)
		img := win.Canvas().Capture()
		code, err := qrcode.New(text, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		dots := code.Bitmap()
		if float32(len(dots)*dot) != side {
			t.Fatalf("%d dots on %v pixels", len(dots), side)
		}
		wrong := 0
		for y, row := range dots {
			for x, dark := range row {
				if margin := min(x, y, len(row)-1-x, len(dots)-1-y); margin < 2 {
					continue // the corners are round
				}
				if isDark(img, x*dot+dot/2, y*dot+dot/2) != dark {
					wrong++
				}
			}
		}
		if wrong > 0 {
			t.Errorf("mode %d: %d of %d dots are wrong", mode, wrong, len(dots)*len(dots))
		}
		for i := range 4 * dot { // the free margin of four dots
			if isDark(img, int(side)/2, i) || isDark(img, i, int(side)/2) {
				t.Fatalf("mode %d: the margin is not free", mode)
			}
		}
	}
	if kit.NewQR("code", strings.Repeat("x", 5000), 4) != nil {
		t.Error("a text that fits no code")
	}
}

func isDark(img image.Image, x, y int) bool {
	r, _, _, _ := img.At(x, y).RGBA()
	return r < 0x8000
}

func TestEverythingAPersonDoesIsNoticed(t *testing.T) {
	themed(t, kit.Options{})
	button := kit.NewButton("Do", kit.Primary, func() {})
	field := kit.NewField("Name", "", false)
	list := kit.NewList(kit.ListConfig{Name: "list", Len: func() int { return 3 }, ID: func(i int) string { return string(rune('a' + i)) }, Uniform: func() float32 { return 20 },
		Draw: func(int, *kit.Sketch, fyne.Size, kit.RowState) {}})
	win := window(t, nil, 300, 300)
	layers := kit.NewLayers(win.Canvas(), kit.Column(kit.Min(button), kit.Min(field), kit.Grow(list)))
	win.SetContent(layers)
	win.Resize(fyne.NewSize(300, 300))
	n := 0
	r, err := kit.NewRouter(nil, kit.RouterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r.Attach(win.Canvas())
	kit.OnInput(win.Canvas(), func() { n++ })
	at := &desktop.MouseEvent{}
	entry := field.Input()
	for what, do := range map[string]func(){
		"a tap on a button":       func() { test.Tap(button) },
		"Enter on a button":       func() { button.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn}) },
		"a letter in a field":     func() { entry.TypedRune('x') },
		"an arrow in a field":     func() { entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyLeft}) },
		"the pointer over a list": func() { list.MouseMoved(at) },
		"the wheel":               func() { list.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -5)}) },
		"a key in a list":         func() { list.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown}) },
		"the pointer beside all":  func() { layers.MouseMoved(at) },
		"the pointer on a button": func() { button.MouseMoved(at) },
		"a tap beside all":        func() { layers.Tapped(&fyne.PointEvent{}) },
		"a key that nobody has":   func() { win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyF5}) },
		"a shortcut in a field":   func() { entry.(fyne.Shortcutable).TypedShortcut(&fyne.ShortcutSelectAll{}) },
		"the pointer over a sheet": func() {
			d := kit.ShowDialog(win.Canvas(), kit.DialogConfig{Title: "t"})
			win.Canvas().Overlays().Top().(desktop.Hoverable).MouseMoved(at)
			d.Close()
		},
	} {
		before := n
		do()
		if n == before {
			t.Errorf("%s is not noticed", what)
		}
	}
	kit.Release(win.Canvas())
	before := n
	button.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if n != before {
		t.Error("a window that was let go still tells")
	}
}

func TestADialogInALowWindowKeepsItsChoicesInView(t *testing.T) {
	themed(t, kit.Options{TextSize: 130})
	var cells []kit.Cell
	var fields []*kit.Field
	for range 6 {
		f := kit.NewField("Field", "", false)
		fields = append(fields, f)
		cells = append(cells, kit.Min(f))
	}
	win := window(t, kit.NewFill(kit.InkMuted), 700, 400)
	foot := kit.NewText("What must be known.", kit.Body, kit.InkText)
	d := kit.ShowDialog(win.Canvas(), kit.DialogConfig{Title: "Title", Text: "Words before.", Body: kit.Column(cells...), Foot: foot, Safe: kit.Action{Text: "Keep"}, Do: kit.Action{Text: "Do"}})
	low := func() float32 {
		return fyne.CurrentApp().Driver().AbsolutePositionForObject(d.DoButton()).Y + d.DoButton().Size().Height
	}
	if low() > 400 {
		t.Fatalf("the choices end at %v of 400", low())
	}
	if y := fyne.CurrentApp().Driver().AbsolutePositionForObject(foot).Y; y <= 0 || y+foot.Size().Height > low()-d.DoButton().Size().Height {
		t.Errorf("what must be known before choosing is at %v, the choices end at %v", y, low())
	}
	last := fields[5]
	d.Reveal(last)
	if y := fyne.CurrentApp().Driver().AbsolutePositionForObject(last).Y; y > low() {
		t.Errorf("the last field is at %v, below the choices", y)
	}
	before := low()
	win.Resize(fyne.NewSize(700, 900))
	d.Refit()
	if low() <= before || low() > 900 {
		t.Errorf("in a high window the choices end at %v", low())
	}
}

func TestAPasswordIsShownByItsEye(t *testing.T) {
	themed(t, kit.Options{})
	f := kit.NewField("Password", "", true).SetShow("Show", "Hide")
	win := window(t, f, 300, 90)
	f.SetText("secret words")
	hidden := win.Canvas().Capture()
	test.Tap(kit.Find(win.Canvas().Content(), "Show").(fyne.Tappable))
	shown := win.Canvas().Capture()
	if same(hidden, shown) {
		t.Error("nothing changed on screen")
	}
	test.Tap(kit.Find(win.Canvas().Content(), "Hide").(fyne.Tappable))
	if f.Text() != "secret words" {
		t.Errorf("the text is %q", f.Text())
	}
}

func same(a, b image.Image) bool {
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

func TestAListThatStaysAtItsBeginningStaysThereWhenItGrowsTooLong(t *testing.T) {
	themed(t, kit.Options{})
	n := 3
	l := kit.NewList(kit.ListConfig{Name: "list", StickTop: true, Len: func() int { return n }, ID: func(i int) string { return string(rune('a' + i)) },
		Measure: func(int, float32) float32 { return 50 }, Draw: func(int, *kit.Sketch, fyne.Size, kit.RowState) {}})
	window(t, l, 200, 200)
	l.Refresh()
	n = 8
	l.Refresh() // without Changed: the rows in view have other heights, and there are more
	l.Changed()
	if first, _ := l.Range(); first != 0 {
		t.Errorf("row %d is the first in view", first)
	}
}
