package ui

import (
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
)

// A Notice is what a notification says. Its words never change and hold nothing of anybody: on some systems a notification
// is written to disk, or to a script.
type Notice struct {
	Title, Text string
	Sound       bool
}

// burst is how long somebody who was told of a conversation is not told again, unless it was read meanwhile.
const burst = 3 * time.Minute

// alerts remembers of which conversations the reader was told.
type alerts struct {
	told map[inbox.ConversationID]time.Time
}

// due reports whether any of the conversations in which customers wrote is worth telling: the reader's own or nobody's, and
// not told of a moment ago. What was read is forgotten first.
func (a *alerts) due(wrote []*Row, me inbox.PersonID, now time.Time) bool {
	due := false
	for _, r := range wrote {
		if r.Assignee != "" && r.Assignee != me || r.State == inbox.Closed {
			continue
		}
		if at, ok := a.told[r.ID]; ok && now.Sub(at) < burst {
			a.told[r.ID] = now // it goes on
			continue
		}
		if a.told == nil {
			a.told = map[inbox.ConversationID]time.Time{}
		}
		a.told[r.ID] = now
		due = true
	}
	return due
}

// read forgets conversations that hold nothing new any more.
func (a *alerts) read(rows []*Row) {
	if len(a.told) == 0 {
		return
	}
	for _, r := range rows {
		if r.Unread == 0 {
			delete(a.told, r.ID)
		}
	}
}

// notify tells somebody who looks elsewhere that a customer wrote.
func (d *desk) notify(wrote []*Row) {
	d.alerts.read(d.all)
	if d.u.active || !d.u.settings.Notify || !d.alerts.due(wrote, d.staff.me.ID, d.u.cfg.Now()) {
		return
	}
	d.u.notify()
}

// notify shows the one notification there is.
func (u *UI) notify() {
	n := Notice{Title: word("window.title"), Text: word("notify.message"), Sound: u.settings.Sound}
	if u.cfg.Notify != nil {
		u.cfg.Notify(n)
	} else {
		u.cfg.App.SendNotification(fyne.NewNotification(n.Title, n.Text))
	}
	u.trace("notification shown")
}
