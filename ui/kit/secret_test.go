package kit_test

import (
	"bytes"
	"fmt"
	"image"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// pixels is what a part of a window looks like.
func pixels(win fyne.Window) []byte {
	img := win.Canvas().Capture().(*image.NRGBA)
	return bytes.Clone(img.Pix)
}

func secretOn(t *testing.T, v **kit.Secret, w, h float32) fyne.Window {
	t.Helper()
	themed(t, kit.Options{})
	return window(t, kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		if *v != nil {
			s.Secret(*v, 0, 0, size.Width, size.Height)
		}
	}), w, h)
}

func TestASecretIsPixelsAndNothingElse(t *testing.T) {
	raw := []byte("+1 555 0100")
	value := bytes.Clone(raw)
	v := kit.NewSecret(value, "Katja 14:53")
	win := secretOn(t, &v, 260, 40)
	shown := pixels(win)
	for _, text := range kit.Texts(win.Canvas().Content()) {
		t.Errorf("text on the canvas: %q", text)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, v); got != "[redacted]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if !v.Drawable() || v.Dropped() {
		t.Error("an ordinary number cannot be drawn")
	}
	v.Drop()
	if !v.Dropped() || strings.Trim(string(value), "\x00") != "" {
		t.Error("the bytes are still there after Drop")
	}
	if bytes.Equal(shown, pixels(win)) {
		t.Error("what is shown does not change when the value goes")
	}
	blank := kit.NewSecret(nil, "")
	keep := v
	v = blank
	win.Content().Refresh()
	empty := pixels(win)
	v = keep
	win.Content().Refresh()
	if !bytes.Equal(empty, pixels(win)) {
		t.Error("a dropped value leaves something on screen")
	}
}

func TestASecretsPicturesDependOnItsValueAlone(t *testing.T) {
	draw := func(text string) []byte {
		v := kit.NewSecret([]byte(text), "Katja 14:53")
		return pixels(secretOn(t, &v, 260, 40))
	}
	if bytes.Equal(draw("+1 555 0100"), draw("+1 555 0101")) {
		t.Error("two values look alike")
	}
	if !bytes.Equal(draw("+1 555 0100"), draw("+1 555 0100")) {
		t.Error("one value looks different each time")
	}
}

func TestALongSecretTakesMoreLinesAndAForeignOneSaysSo(t *testing.T) {
	themed(t, kit.Options{})
	short, long := kit.NewSecret([]byte("a@b.example"), ""), kit.NewSecret([]byte(strings.Repeat("somebody.", 8)+"a@b.example"), "")
	if short.Height(240) >= long.Height(240) {
		t.Errorf("%v and %v high", short.Height(240), long.Height(240))
	}
	for text, want := range map[string]bool{"محمد علي": true, "דנה": true, "Øyvind 😊": true, "\U00013000": false} {
		if got := kit.NewSecret([]byte(text), "").Drawable(); got != want {
			t.Errorf("%d runes can be drawn: %v", len([]rune(text)), got)
		}
	}
}

// The value in this picture is no value.
func TestSecretLooksAsDesigned(t *testing.T) {
	for name, mode := range map[string]kit.Mode{"light": kit.Light, "dark": kit.Dark} {
		themed(t, kit.Options{Mode: mode})
		v := kit.NewSecret([]byte("••• ••• ••••"), "Katja Moor · 21 Nov 14:53")
		win := window(t, kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
			s.Rect(0, 0, size.Width, size.Height, s.P.Surface, 0)
			s.Secret(v, 8, 8, size.Width-16, v.Height(size.Width-16))
		}), 276, 52)
		golden(t, "secret-"+name, win)
	}
}

func TestRadioIsOneStopAndTheArrowsChoose(t *testing.T) {
	themed(t, kit.Options{})
	var chosen []int
	r := kit.NewRadio("Why", []string{"One", "Two", "Three"}, -1, func(i int) { chosen = append(chosen, i) })
	win := window(t, r, 200, 90)
	win.Canvas().Focus(r)
	for _, k := range []fyne.KeyName{fyne.KeyDown, fyne.KeyDown, fyne.KeyDown, fyne.KeyDown, fyne.KeyUp} {
		r.TypedKey(&fyne.KeyEvent{Name: k})
	}
	r.Tapped(&fyne.PointEvent{Position: fyne.NewPos(10, 5)})
	if fmt.Sprint(chosen) != "[0 1 2 1 0]" || r.Chosen() != 0 {
		t.Errorf("chosen %v, now %d", chosen, r.Chosen())
	}
}
