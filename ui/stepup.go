package ui

import (
	"context"
	"errors"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// errNotConfirmed is returned for a question that needed a person to show again who is there, and nobody did.
var errNotConfirmed = errors.New("nobody showed who is there")

// stepUp is the dialog in which a person shows again who is there. Several questions may wait for it.
type stepUp struct {
	d      *desk
	form   *signInForm
	dialog *kit.Dialog
	wait   []chan bool
}

// ask asks the company's server; when it wants to know again who is there, the person is asked, and then the question is
// asked once more. Workers call it.
func (d *desk) ask(ctx context.Context, q inbox.Question) (inbox.Answer, error) {
	a, err := d.session.Relay.Ask(ctx, q)
	if !errors.Is(err, inbox.RefusedStepUp) || d.session.StepUp == nil {
		return a, err
	}
	shown := make(chan bool, 1)
	d.u.cfg.Post(func() { d.showStepUp(shown, false) })
	select {
	case ok := <-shown:
		if !ok {
			return nil, errNotConfirmed
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-d.ctx.Done():
		return nil, d.ctx.Err()
	}
	return d.session.Relay.Ask(ctx, q)
}

// barely is how long before its end a step-up is done anew: what follows is still on its way then.
const barely = 10 * time.Second

// stepped does something that needs that the person was just seen, and cannot be asked for once more: the dialog comes first.
// Nothing is done when nobody shows who is there.
func (d *desk) stepped(do func()) {
	if d.session.StepUp == nil || d.session.Fresh == nil || d.session.Fresh().After(d.u.cfg.Now().Add(barely)) {
		do()
		return
	}
	shown := make(chan bool, 1)
	d.showStepUp(shown, false)
	go func() {
		select {
		case ok := <-shown:
			if ok {
				d.u.cfg.Post(func() {
					if !d.ended() {
						do()
					}
				})
			}
		case <-d.ctx.Done():
		}
	}()
}

// addPasskey has the person make a passkey, once it is shown who is there.
func (d *desk) addPasskey() {
	if d.session.StepUp == nil || d.sheet != nil {
		return
	}
	shown := make(chan bool, 1)
	d.showStepUp(shown, true)
	go func() {
		select {
		case ok := <-shown:
			if ok {
				d.u.cfg.Post(func() {
					d.u.toast(kit.Toast{Text: word("passkey.added"), Icon: "check"})
					d.u.trace("passkey added")
				})
			}
		case <-d.ctx.Done():
		}
	}()
}

// mayAddPasskey reports whether there is anything to be made.
func (d *desk) mayAddPasskey() bool {
	return d.session.StepUp != nil && d.session.Passkeys != nil && d.session.Passkeys()
}

// showStepUp opens the dialog, or waits for the one that is open.
func (d *desk) showStepUp(shown chan bool, adds bool) {
	if d.ended() {
		shown <- false
		return
	}
	if s := d.sheet; s != nil {
		s.wait = append(s.wait, shown)
		return
	}
	s := &stepUp{d: d, wait: []chan bool{shown}}
	d.sheet = s
	s.form = newSignInForm(d.u, d.session.StepUp, true)
	s.form.outside, s.form.built, s.form.adds = true, false, adds
	s.form.done = func() { s.close(true) }
	s.form.refresh()
	title := word("stepup.title")
	if adds {
		title = word("passkey.add")
	}
	s.dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: title, Body: s.form.root, Width: 520, Stays: true,
		Safe: kit.Action{Text: word("action.cancel"), Do: func() { s.close(false) }}, Do: kit.Action{Text: word("stepup.button"), Do: s.form.submit}})
	s.form.button = s.dialog.DoButton()
	s.form.resized = s.dialog.Refit
	s.form.run(true)
	d.u.trace("step-up shown")
}

// close ends the dialog and tells who waits.
func (s *stepUp) close(ok bool) {
	if s.d.sheet != s {
		return
	}
	s.d.sheet = nil
	s.form.end()
	if !s.dialog.Closed() {
		s.dialog.Close()
	}
	for _, w := range s.wait {
		w <- ok
	}
	if !ok {
		s.d.u.trace("step-up given up")
	}
}

// signInAgain asks who is there when nobody is signed in any more.
func (d *desk) signInAgain() {
	if d.session.StepUp != nil {
		d.showStepUp(make(chan bool, 1), false)
	}
}
