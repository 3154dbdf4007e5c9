package ui

import (
	"errors"
	"strconv"
	"time"

	"sealdesk/app/inbox"
)

// A LockCause says what locked the inbox.
type LockCause uint8

// The causes.
const (
	LockedAtStart LockCause = iota
	LockedByHand
	LockedIdle
	LockedBySystem
)

// A LockView is the card over a locked inbox.
type LockView struct {
	Title  string
	Text   string
	Field  bool // the passphrase can be given
	Error  string
	Note   string // until when the passphrase is enough
	Button string
	Other  string
	Foot   string
	Busy   bool
}

// lockedAt is what the card knows.
type lockedAt struct {
	cause LockCause
	since time.Time
	idle  time.Duration
	known bool // what the door says has come
	door  Locked
	busy  bool
	err   error
	clock clock
}

func lockView(at lockedAt) LockView {
	t := at.clock
	v := LockView{Title: word("lock.title"), Busy: at.busy || !at.known, Foot: join(at.door.Person, at.door.Device)}
	when := t.when(inbox.At(at.since))
	switch at.cause {
	case LockedByHand:
		v.Text = word("lock.hand", "Time", when)
	case LockedIdle:
		v.Text = word("lock.idle", "Time", when, "Span", span(at.idle))
	case LockedBySystem:
		v.Text = word("lock.system", "Time", when)
	default:
		v.Text = word("lock.start")
	}
	if !at.known {
		return v
	}
	if !at.door.Passphrase || at.door.Tries <= 0 {
		v.Button, v.Note = word("lock.signin"), word("lock.nopass")
		if at.door.Passphrase {
			v.Note = word("lock.tries.none")
		}
		return v
	}
	v.Field, v.Button, v.Other = true, word("lock.unlock"), word("lock.signin.instead")
	if !at.door.Lease.IsZero() {
		v.Note = word("lock.lease", "Time", t.when(inbox.At(at.door.Lease)))
	}
	switch {
	case at.err == nil:
	case errors.Is(at.err, TroubleWrongPassphrase):
		v.Error = count("lock.wrong", at.door.Tries)
	default:
		v.Error = word("lock.failed")
	}
	return v
}

// join puts facts that are known side by side.
func join(list ...string) string {
	out := ""
	for _, t := range list {
		if t == "" {
			continue
		}
		if out != "" {
			out += " · "
		}
		out += t
	}
	return out
}

// idleWarning is how long before the inbox locks it says so; a short time has a short warning.
func idleWarning(idle time.Duration) time.Duration { return min(30*time.Second, idle/2) }

// passphraseHint says what is still missing of a new passphrase for this device.
func passphraseHint(text, again string) (note string, tone Tone, ok bool) {
	return newPasswordHint(text, again)
}

// A WipedView is the page that stands where the inbox was.
type WipedView struct {
	Icon   string
	Tone   Tone
	Title  string
	Text   string
	Line   string // when, why, which order
	Steps  []StepView
	Left   string // what could not be destroyed
	State  string // of the receipt
	OK     bool   // of State
	Button string // "" while it runs
	Copy   string
}

func wipedView(w Wiped, t clock) WipedView {
	v := WipedView{Icon: "wipe", Tone: ToneDanger, Title: word("wiped.title"), Text: word("wiped.text"), Button: word("start.keylost.button")}
	own := w.Why >= inbox.WipeSilent // nobody ordered it: the rules did
	if own {
		v.Title = word("wiped.self")
	}
	if !w.Done {
		v.Title, v.Text, v.Button = word("wiped.running"), word("wiped.running.text"), ""
		if own {
			v.Text = word("wiped.running.self")
		}
	}
	v.Line = wipeReason(w.Why)
	if !w.At.IsZero() {
		v.Line = join(t.when(inbox.At(w.At)), v.Line)
	}
	v.Steps = actSteps(w.Steps, !w.Done, t)
	if n := len(w.Left); n > 0 {
		list := w.Left[0]
		if n > 1 {
			list += word("wiped.left.more", "N", strconv.Itoa(n-1))
		}
		v.Left = word("wiped.left", "Names", list)
	}
	switch {
	case !w.Done:
	case w.Sent.IsZero():
		v.State = word("wiped.unsent")
	default:
		v.State, v.OK = word("wiped.sent", "Time", t.when(inbox.At(w.Sent))), true
	}
	if w.Order != "" {
		v.Copy = word("wiped.copy")
	}
	return v
}

// wipeActs are the steps of a wipe in their order.
var wipeActs = []inbox.WipeAct{inbox.WipeIntended, inbox.WipeStopped, inbox.WipeKeys, inbox.WipeStore, inbox.WipeFiles, inbox.WipeSwept, inbox.WipeSigned}

// actSteps tells what a device has destroyed, and what comes yet.
func actSteps(done []inbox.WipeStep, running bool, t clock) []StepView {
	var out []StepView
	next := true
	for _, a := range wipeActs {
		if a == inbox.WipeIntended || a == inbox.WipeStopped { // nobody needs to know these apart
			if a == inbox.WipeIntended {
				continue
			}
		}
		s := StepView{Title: actWord(a)}
		for _, x := range done {
			if x.Did != a {
				continue
			}
			s.State, s.Detail = StepDone, stepDetail(x, t)
			if x.Left > 0 {
				s.State = StepFailed
			}
		}
		if s.State == StepTodo && next && running {
			s.State, next = StepNow, false
		}
		out = append(out, s)
	}
	return out
}

func actWord(a inbox.WipeAct) string {
	switch a {
	case inbox.WipeStopped:
		return word("wipe.act.stopped")
	case inbox.WipeKeys:
		return word("wipe.act.keys")
	case inbox.WipeStore:
		return word("wipe.act.store")
	case inbox.WipeFiles:
		return word("wipe.act.files")
	case inbox.WipeSwept:
		return word("wipe.act.swept")
	}
	return word("wipe.act.signed")
}

func stepDetail(x inbox.WipeStep, t clock) string {
	out := t.clockTime(x.At)
	if x.Count > 0 {
		out = join(out, count("wipe.items", x.Count))
	}
	if x.Bytes > 0 {
		out = join(out, word("wipe.bytes", "Size", bytesText(x.Bytes)))
	}
	if x.Left > 0 {
		out = join(out, count("wipe.stays", x.Left))
	}
	return out
}

// clockTime is the time with seconds, and its date when that is not today.
func (c clock) clockTime(m inbox.Moment) string {
	if m == 0 {
		return ""
	}
	at := c.in(m).Format("15:04:05")
	if c.days(m) != 0 {
		return c.date(m) + ", " + at
	}
	return at
}
