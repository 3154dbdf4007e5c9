package kit_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"sealdesk/ui/kit"
)

// offered opens a menu of six signs and three items over a composer and records what was chosen.
func offered(t *testing.T, at fyne.Position) (fyne.Window, *kit.Menu, *[]string, *kit.Composer) {
	t.Helper()
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	w := window(t, kit.Column(kit.Gap(200), kit.Min(c)), 500, 400)
	w.Canvas().Focus(c)
	var did []string
	note := func(s string) kit.MenuItem {
		return kit.MenuItem{Text: s, Icon: "copy", Do: func() { did = append(did, s) }}
	}
	cfg := kit.MenuConfig{Name: "What to do", Active: 1, At: at, OnClose: func() { did = append(did, "closed") },
		Items: []kit.MenuItem{note("Reply"), note("Copy text"), note("Remove")}}
	cfg.Items[0].Hint = "R"
	for _, e := range []string{"👍", "❤️", "😂", "😮", "😢", "🙏"} {
		cfg.Quick = append(cfg.Quick, note(e))
	}
	return w, kit.ShowMenu(w.Canvas(), cfg), &did, c
}

func TestAMenuIsDrivenByTheKeyboardAlone(t *testing.T) {
	themed(t, kit.Options{})
	for want, keys := range map[string][]fyne.KeyName{
		"Reply":     {fyne.KeyDown, fyne.KeyReturn},
		"Copy text": {fyne.KeyDown, fyne.KeyDown, fyne.KeyReturn},
		"Remove":    {fyne.KeyDown, fyne.KeyDown, fyne.KeyDown, fyne.KeyDown, fyne.KeyReturn},
		"👍":         {fyne.KeyRight, fyne.KeyReturn},
		"😂":         {fyne.KeyRight, fyne.KeyRight, fyne.KeyRight, fyne.KeyEnter},
		"🙏":         {fyne.KeyRight, fyne.KeyLeft, fyne.KeyReturn},
		"closed":    {fyne.KeyDown, fyne.KeyEscape},
	} {
		w, _, did, c := offered(t, fyne.NewPos(60, 60))
		for _, k := range keys {
			w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: k})
		}
		if len(*did) == 0 || (*did)[0] != want || (*did)[len(*did)-1] != "closed" {
			t.Errorf("%v chose %v, want %s", keys, *did, want)
		}
		if w.Canvas().Overlays().Top() != nil || w.Canvas().Focused() != fyne.Focusable(c) {
			t.Errorf("%s: the keyboard is not back in the field", want)
		}
	}
}

func TestAMenuStaysInTheWindowAndGoesWithATapBesideIt(t *testing.T) {
	themed(t, kit.Options{})
	for _, at := range []fyne.Position{{X: 60, Y: 60}, {X: 495, Y: 20}, {X: 495, Y: 395}, {X: 2, Y: 398}} {
		w, m, did, _ := offered(t, at)
		p, s := m.Position(), m.Size()
		if p.X < 0 || p.Y < 0 || p.X+s.Width > 500 || p.Y+s.Height > 400 {
			t.Errorf("opened at %v the menu lies at %v %v", at, p, s)
		}
		test.TapCanvas(w.Canvas(), fyne.NewPos(p.X-4, p.Y+s.Height/2))
		if len(*did) != 1 || w.Canvas().Overlays().Top() != nil {
			t.Errorf("a tap beside the menu: %v", *did)
		}
	}
}

func TestGoldenMenu(t *testing.T) {
	for name, mode := range map[string]kit.Mode{"light": kit.Light, "dark": kit.Dark} {
		themed(t, kit.Options{Mode: mode})
		w, m, _, _ := offered(t, fyne.NewPos(60, 60))
		m.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(40, 70)}})
		golden(t, "menu-"+name, w)
	}
}
