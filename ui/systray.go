package ui

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	xdraw "golang.org/x/image/draw"

	"sealdesk/assets"
)

// A TrayState is what the system's tray says of the inbox by its icon.
type TrayState uint8

// The states.
const (
	TrayOnline TrayState = iota
	TrayOffline
	TrayLocked
	TrayClosed // nobody is set up or signed in, or there is no inbox any more
)

// A TrayView is the icon and the first line of the menu.
type TrayView struct {
	State  TrayState
	Unread int
	Text   string
}

// trayView says how the inbox stands, and nothing of anybody.
func trayView(state TrayState, unread int) TrayView {
	v := TrayView{State: state, Text: word([...]string{"systray.online", "systray.offline", "systray.locked", "systray.closed"}[state])}
	if state == TrayOnline || state == TrayOffline {
		v.Unread = unread
		if unread > 0 {
			v.Text = join(v.Text, count("systray.unread", unread))
		}
	}
	return v
}

// sysTray is what the system's tray was told last.
type sysTray struct {
	view  TrayView
	lang  string
	shown bool
}

// refreshTray brings the icon in the system's tray up to date. Where there is no tray it does nothing.
func (u *UI) refreshTray() {
	app, ok := u.cfg.App.(desktop.App)
	if !ok || !u.drawn {
		return
	}
	state := TrayClosed
	switch d := u.desk; {
	case u.locked != nil && d == nil:
		state = TrayLocked
	case d != nil && d.linked && d.link.State != LinkOnline && d.link.State != LinkConnecting:
		state = TrayOffline
	case d != nil:
		state = TrayOnline
	}
	v, t := trayView(state, u.unread), &u.tray
	if t.shown && t.view == v && t.lang == u.settings.Language {
		return
	}
	said := !t.shown || t.view.State != v.State
	t.shown, t.view, t.lang = true, v, u.settings.Language
	head := fyne.NewMenuItem(v.Text, nil)
	head.Disabled = true
	items := []*fyne.MenuItem{head, fyne.NewMenuItemSeparator(), fyne.NewMenuItem(word("systray.show"), func() {
		u.cfg.Window.Show()
		u.cfg.Window.RequestFocus()
	})}
	if u.desk != nil {
		items = append(items, fyne.NewMenuItem(word("action.lock"), func() { u.lock(LockedByHand) }))
	}
	quit := fyne.NewMenuItem(word("action.quit"), u.cfg.App.Quit)
	quit.IsQuit = true
	app.SetSystemTrayMenu(fyne.NewMenu(word("window.title"), append(items, fyne.NewMenuItemSeparator(), quit)...))
	app.SetSystemTrayIcon(trayIcon(state, v.Unread > 0))
	if said {
		u.trace(fmt.Sprintf("tray %d", state))
	}
}

var trayIcons = map[string]fyne.Resource{}

// trayIcon is the program's icon with a sign of the state in its corner: a dot for something new, a lock, a grey icon while
// there is no connection.
func trayIcon(state TrayState, unread bool) fyne.Resource {
	name := fmt.Sprintf("tray-%d-%t.png", state, unread)
	if r, ok := trayIcons[name]; ok {
		return r
	}
	const size = 64
	out := image.NewNRGBA(image.Rect(0, 0, size, size))
	if src, err := png.Decode(bytes.NewReader(assets.AppIcon().Content())); err == nil {
		xdraw.CatmullRom.Scale(out, out.Bounds(), src, src.Bounds(), draw.Src, nil)
	}
	if state != TrayOnline {
		for i := 0; i < len(out.Pix); i += 4 {
			p := out.Pix[i : i+4]
			g := uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])) / 1000)
			p[0], p[1], p[2] = g, g, g
		}
	}
	disc := func(cx, cy, r float64, c color.NRGBA) {
		for y := range size {
			for x := range size {
				dx, dy := float64(x)+0.5-cx, float64(y)+0.5-cy
				if dx*dx+dy*dy <= r*r {
					out.SetNRGBA(x, y, c)
				}
			}
		}
	}
	white := color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	switch {
	case state == TrayLocked: // a padlock: shackle, then body
		disc(47, 40, 10, white)
		disc(47, 40, 6, color.NRGBA{A: 0})
		draw.Draw(out, image.Rect(33, 40, 61, 62), image.NewUniform(white), image.Point{}, draw.Src)
		draw.Draw(out, image.Rect(35, 42, 59, 60), image.NewUniform(color.NRGBA{R: 0x0b, G: 0x6b, B: 0x6f, A: 0xff}), image.Point{}, draw.Src)
	case unread:
		disc(48, 48, 15, white)
		disc(48, 48, 12, color.NRGBA{R: 0xb4, G: 0x23, B: 0x18, A: 0xff})
	}
	var b bytes.Buffer
	if png.Encode(&b, out) != nil {
		return assets.AppIcon()
	}
	r := fyne.NewStaticResource(name, b.Bytes())
	trayIcons[name] = r
	return r
}
