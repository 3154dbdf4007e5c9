package ui

import (
	"fyne.io/fyne/v2"
)

// gateScreen is the card with which the inbox is opened.
type gateScreen struct {
	u    *UI
	root *fyne.Container
	form *signInForm
}

// showGate asks who is there. begin tells the server first that somebody wants to sign in.
func (u *UI) showGate(begin bool) {
	if u.gate != nil && !u.gate.form.over {
		return // it is asking
	}
	g := &gateScreen{u: u, root: boxed(fill{})}
	g.form = newSignInForm(u, u.cfg.Door.Gate(), false)
	g.form.done = func() {
		u.gate = nil
		u.start.set(startView(nil))
		u.show(u.start.root)
		u.open()
	}
	g.form.resized = func() { relayout(g.root) }
	u.gate = g
	g.build()
	u.show(g.root)
	g.form.run(begin)
	u.trace("sign-in shown")
}

func (g *gateScreen) build() {
	g.root.Objects = cardScreen(g.form.root, 36, 560)
	g.root.Refresh()
}

// rebuild shows the card in another language.
func (g *gateScreen) rebuild() {
	g.form.built = false
	g.build()
	g.form.refresh()
}

// leaveGate takes the card away, with what was typed.
func (u *UI) leaveGate() {
	if u.gate != nil {
		u.gate.form.end()
		u.gate = nil
	}
}
