package ui

import (
	"context"
	"errors"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// looks is what the reader of this window asked to see. The keys live here and nowhere else, and a value lives in one
// kit.Secret as long as it is looked at.
type looks struct {
	d     *desk
	list  []inbox.Reveal // of the open conversation, newest first
	mine  map[inbox.RevealID]inbox.Reveal
	keys  map[inbox.RevealID]RevealKey
	here  map[lookAt]revealing    // by conversation and field
	given map[inbox.RevealID]bool // requests that were taken back here
	value *shown

	awaits *awaited
}

// lookAt is a field of the contact of a conversation.
type lookAt struct {
	conversation inbox.ConversationID
	field        inbox.Field
}

// shown is the one value that is on screen.
type shown struct {
	at     lookAt
	reveal inbox.RevealID
	until  inbox.Moment
	secret *kit.Secret
	cancel context.CancelFunc
}

func newLooks(d *desk) *looks {
	return &looks{d: d, mine: map[inbox.RevealID]inbox.Reveal{}, keys: map[inbox.RevealID]RevealKey{}, here: map[lookAt]revealing{}, given: map[inbox.RevealID]bool{}, awaits: &awaited{}}
}

// forget drops every value and every key.
func (l *looks) forget() {
	l.hide()
	clear(l.keys)
	clear(l.mine)
	clear(l.here)
	clear(l.given)
	l.list = nil
}

// show takes in what the company's server told of the open conversation's reveals.
func (l *looks) show(list []inbox.Reveal) {
	l.list = list
	for _, r := range list {
		if own, ok := l.mine[r.ID]; ok && r.State >= own.State {
			delete(l.mine, r.ID) // the fact has come: what was known ahead of it is not needed any more
		}
		if r.State >= inbox.RevealEnded {
			delete(l.keys, r.ID)
		}
		if v := l.value; v != nil && v.reveal == r.ID && r.State >= inbox.RevealEnded {
			l.hide()
		}
	}
}

// known are the reveals of the open conversation, with what an answer told before its fact came.
func (l *looks) known() []inbox.Reveal {
	var out []inbox.Reveal
	told := map[inbox.RevealID]bool{}
	for _, r := range l.list {
		if own, ok := l.mine[r.ID]; ok && own.State > r.State {
			r = own
		}
		told[r.ID] = true
		out = append(out, r)
	}
	for id, r := range l.mine {
		if !told[id] && r.Conversation == l.d.open {
			out = append([]inbox.Reveal{r}, out...)
		}
	}
	return out
}

// view is how a field of the open contact looks.
func (l *looks) view(f inbox.Field) RevealView {
	d := l.d
	at := lookAt{d.open, f}
	here := l.here[at]
	here.key = func(id inbox.RevealID) bool { return l.keys[id] != nil }
	here.given = func(id inbox.RevealID) bool { return l.given[id] }
	if l.value != nil && l.value.at == at {
		here.shown = l.value.reveal
	}
	v := revealView(latest(l.known(), d.staff.me.ID, f), here, d.row.Conversation, d.staff, d.link.State == LinkOnline, d.clock())
	if d.session.NewRevealKey == nil && v.Step == RevealOffer {
		v.Step = RevealNothing
	}
	return v
}

// secret is the value of a field while it is shown.
func (l *looks) secret(f inbox.Field) *kit.Secret {
	if v := l.value; v != nil && v.at == (lookAt{l.d.open, f}) {
		return v.secret
	}
	return nil
}

// hide drops the value that is shown, if there is one. Nothing of it stays: not in the panel, not in memory of ours.
func (l *looks) hide() {
	v := l.value
	if v == nil {
		return
	}
	l.value = nil
	v.cancel()
	v.secret.Drop()
	l.d.side.forget()
	l.d.u.trace("value dropped")
}

// end hides the value that is shown and tells the company's server that the look is over. It reports whether there was one.
func (l *looks) end() bool {
	v := l.value
	if v == nil {
		return false
	}
	l.hide()
	delete(l.keys, v.reveal)
	l.finish(v.at, v.reveal)
	return true
}

// finish gives a reveal up, or ends it.
func (l *looks) finish(at lookAt, id inbox.RevealID) {
	d := l.d
	for _, r := range l.known() {
		if r.ID == id {
			r.State, r.Until = inbox.RevealEnded, d.clock().now
			l.mine[id] = r
		}
	}
	d.side.refresh()
	go func() { // it ends by itself as well, a little later
		_, err := d.ask(d.ctx, inbox.OpenReveal{Conversation: at.conversation, Reveal: id, End: true})
		if err != nil && d.ctx.Err() == nil {
			d.u.cfg.Log.Warn("end of a reveal not told", "reveal", string(id))
		}
	}()
}

func (l *looks) set(at lookAt, here revealing) {
	l.here[at] = here
	if !l.d.ended() {
		l.d.side.refresh()
	}
}

// trouble says why a question came to nothing.
func trouble(err error) string {
	var r inbox.Refusal
	switch {
	case errors.Is(err, ErrOffline):
		return word("ask.offline")
	case errors.Is(err, errNotConfirmed):
		return word("stepup.none")
	case errors.As(err, &r):
		return maskProblem(r)
	}
	return word("ask.lost")
}

// ask asks to see a field.
func (l *looks) ask(f inbox.Field, why inbox.RevealReason, note string) {
	d := l.d
	at := lookAt{d.open, f}
	if l.here[at].asking || d.row == nil || d.session.NewRevealKey == nil {
		return
	}
	l.set(at, revealing{asking: true})
	d.u.trace("reveal asked")
	go func() {
		key, err := d.session.NewRevealKey()
		var a inbox.Answer
		if err == nil {
			a, err = d.ask(d.ctx, inbox.AskReveal{Conversation: at.conversation, Field: f, Why: why, Note: note, Key: key.Public()})
		}
		d.u.cfg.Post(func() {
			if d.ended() {
				return
			}
			g, ok := a.(inbox.Grant)
			if err != nil || !ok {
				l.set(at, revealing{trouble: trouble(err)})
				d.u.trace("reveal not asked")
				return
			}
			now := d.clock().now
			l.keys[g.Reveal] = key
			l.mine[g.Reveal] = inbox.Reveal{ID: g.Reveal, Conversation: at.conversation, Field: f, By: d.staff.me.ID, Why: why, State: g.State, At: now, Until: g.Until}
			l.set(at, revealing{})
			d.u.trace("reveal answered")
			if g.State == inbox.RevealAsked {
				l.awaits.add(g.Reveal, at)
			}
			if g.Second && g.State == inbox.RevealAsked {
				d.u.toast(kit.Toast{Text: word("reveal.second"), Icon: "people"})
			}
			if g.State == inbox.RevealGranted && at.conversation == d.open { // nobody has to agree: who asked is looking
				l.open(at, g.Reveal)
			}
		})
	}()
}

// open fetches the value of a granted reveal and shows it.
func (l *looks) open(at lookAt, id inbox.RevealID) {
	d, key := l.d, l.keys[id]
	if key == nil || l.here[at].asking {
		return
	}
	l.hide()
	l.set(at, revealing{asking: true})
	ctx, cancel := context.WithCancel(d.ctx)
	go func() {
		a, err := d.ask(ctx, inbox.OpenReveal{Conversation: at.conversation, Reveal: id})
		o, ok := a.(inbox.Opened)
		var value []byte
		if err == nil && ok && len(o.Sealed) > 0 {
			value, err = key.Open(id, o.Sealed)
		}
		d.u.cfg.Post(func() {
			if d.ended() || err != nil || !ok {
				clear(value)
				cancel()
				if !d.ended() {
					l.set(at, revealing{trouble: trouble(err)})
					d.u.trace("value not shown")
				}
				return
			}
			l.set(at, revealing{})
			l.opened(at, o, value, ctx, cancel)
		})
	}()
}

// opened shows a value, unless who asked for it is not looking any more.
func (l *looks) opened(at lookAt, o inbox.Opened, value []byte, ctx context.Context, cancel context.CancelFunc) {
	d := l.d
	now := d.clock().now
	for _, r := range l.known() {
		if r.ID == o.Reveal {
			r.State, r.Until = o.State, o.Until
			if r.Shown == 0 && o.State == inbox.RevealShown {
				r.Shown = now
			}
			l.mine[r.ID] = r
		}
	}
	looking := at.conversation == d.open && d.u.active && d.page == pageInbox && d.panes.sideShown()
	if len(value) == 0 || o.State != inbox.RevealShown || now >= o.Until || !looking {
		clear(value)
		cancel()
		d.side.refresh()
		return
	}
	mark := d.staff.me.Name + " · " + d.clock().date(now) + " " + d.clock().hour(now)
	if at.field == inbox.FieldPhone {
		value = spacedNumber(value)
	}
	secret := kit.NewSecret(value, mark)
	if !secret.Drawable() {
		secret.Drop()
		cancel()
		l.set(at, revealing{trouble: word("reveal.undrawable")})
		return
	}
	l.value = &shown{at: at, reveal: o.Reveal, until: o.Until, secret: secret, cancel: cancel}
	d.side.refresh()
	d.u.trace("value shown")
	over := d.u.cfg.After(o.Until.Sub(now))
	go func() {
		select {
		case <-over:
			d.u.cfg.Post(func() {
				if !d.ended() && l.value != nil && l.value.reveal == o.Reveal {
					l.hide()
					delete(l.keys, o.Reveal)
					d.side.refresh()
					d.u.toast(kit.Toast{Text: word("reveal.over"), Icon: "lock"})
				}
			})
		case <-ctx.Done():
		}
	}()
	d.tick()
}

// act does what a field of the panel offers first.
func (l *looks) act(f inbox.Field) {
	d := l.d
	v := l.view(f)
	at := lookAt{d.open, f}
	switch v.Step {
	case RevealWaits:
		if v.Action != "" {
			delete(l.keys, v.Reveal)
			l.given[v.Reveal] = true
			l.awaits.drop(v.Reveal)
			l.finish(at, v.Reveal)
		}
	case RevealReady:
		if v.Action != "" {
			l.open(at, v.Reveal)
		}
	case RevealOpen:
		l.end()
		d.comp.focus()
	default:
		d.showField(f)
	}
}

// showField offers what can be done with a masked field: first what needs nobody to see it.
func (d *desk) showField(f inbox.Field) {
	if d.row == nil || d.page != pageInbox {
		return
	}
	if !d.panes.sideShown() {
		d.toggleContact()
	}
	v := d.looks.view(f)
	cfg := kit.MenuConfig{Name: fieldWord(f), Active: -1, At: d.side.beside(f), OnClose: func() { d.u.trace("overlay closed") }}
	if name := fieldVariable(f); name != "" && d.sends() {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("field.insert"), Icon: "braces", Do: func() {
			d.comp.field.InsertText("{{" + string(name) + "}}")
			d.comp.focus()
		}})
	}
	if d.row.Into == "" && inbox.Can(d.staff.me, inbox.ActSend, d.row.Subject()) == nil {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("field.template"), Icon: "template", Do: d.showTemplates})
	}
	if v.Step == RevealOffer {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("field.ask"), Icon: "eye", Hint: d.u.router.Hint(actReveal), Do: func() { d.showAskReveal(f) }})
	}
	if len(cfg.Items) == 0 {
		d.u.toast(kit.Toast{Text: word("why.right"), Icon: "lock"})
		return
	}
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("field shown")
}

// mostNoteReveal is how many characters say why somebody needs to see a field.
const mostNoteReveal = 500

// showAskReveal asks why somebody needs to see a field.
func (d *desk) showAskReveal(f inbox.Field) {
	if d.row == nil || d.looks.view(f).Step != RevealOffer {
		return
	}
	var texts []string
	for _, r := range reasons {
		texts = append(texts, reasonWord(r))
	}
	var dialog *kit.Dialog
	note := kit.NewField(word("reveal.note"), word("reveal.note.example"), false).SetMost(mostNoteReveal)
	var radio *kit.Radio
	complete := func() bool {
		ok := radio.Chosen() >= 0 && strings.TrimSpace(note.Text()) != "" && !note.Long()
		if ok {
			dialog.DoButton().Enable()
		} else {
			dialog.DoButton().Disable()
		}
		return ok
	}
	radio = kit.NewRadio(word("reveal.why"), texts, -1, func(int) { complete() })
	ask := func() { d.looks.ask(f, reasons[radio.Chosen()], oneLine(note.Text())) }
	note.OnChange = func(string) { complete() }
	note.OnSubmit = func() {
		if complete() {
			dialog.Close()
			ask()
		}
	}
	online := d.link.State == LinkOnline
	notice := kit.Notice{Style: kit.ChipPrivacy, Icon: "lock", Text: word("reveal.recorded")}
	if !online {
		notice = kit.Notice{Style: kit.ChipWarn, Icon: "wifi-off", Text: word("ask.offline")}
	}
	note.OnFocus = func() { dialog.Reveal(note) }
	body := kit.Column(kit.Min(kit.NewText(word("reveal.why"), kit.LabelBold, kit.InkText)), kit.Gap(4), kit.Min(radio), kit.Gap(10), kit.Min(note))
	known := kit.Column(kit.Min(kit.NewText(word("reveal.who", "Who", deciders(d.staff, d.row.Inbox)), kit.Snippet, kit.InkMuted)), kit.Gap(10), kit.Min(kit.NewBanner(notice)))
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("reveal.title", "Field", fieldWord(f), "Name", d.row.Contact.Display()), Body: body, Foot: known, Focus: radio,
		Width: 520, Safe: kit.Action{Text: word("action.cancel"), Do: d.comp.focus}, Do: kit.Action{Text: word("reveal.ask"), Do: ask}})
	dialog.DoButton().Disable()
	d.u.trace("reveal dialog shown")
}

// revealField is the field the keyboard is at, or the first one with something to do.
func (d *desk) revealField() bool {
	if d.row == nil || d.page != pageInbox {
		return false
	}
	if f := d.side.chosenField(); f != 0 {
		d.looks.act(f)
		return true
	}
	for _, f := range []inbox.Field{inbox.FieldPhone, inbox.FieldEmail, inbox.FieldUsername, inbox.FieldName} {
		if hidden(d.row.Contact, f) {
			d.looks.act(f)
			return true
		}
	}
	return false
}

// tick redraws once a second what counts down, as long as something does: a value that is shown, and what can still be
// taken back.
func (d *desk) tick() {
	if d.ticking {
		return
	}
	d.ticking = true
	d.later(time.Second, d.ticked)
}

func (d *desk) ticked() {
	d.ticking = false
	counts := false
	if v := d.looks.value; v != nil {
		counts = true
		d.side.refresh()
	}
	if d.line.count() {
		counts = true
	}
	if counts {
		d.tick()
	}
}

// later runs f on the main goroutine after a while, unless the inbox has gone by then.
func (d *desk) later(after time.Duration, f func()) {
	c := d.u.cfg.After(after)
	go func() {
		select {
		case <-c:
			d.u.cfg.Post(func() {
				if !d.ended() {
					f()
				}
			})
		case <-d.ctx.Done():
		}
	}()
}
