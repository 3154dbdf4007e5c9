package ui

import (
	"slices"
	"sync"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// awaited are the requests of this window that a colleague decides about. Who asked goes on with something else, and is
// told wherever he is then. It is safe for concurrent use.
type awaited struct {
	mu   sync.Mutex
	list map[inbox.RevealID]lookAt
}

func (a *awaited) add(id inbox.RevealID, at lookAt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.list == nil {
		a.list = map[inbox.RevealID]lookAt{}
	}
	a.list[id] = at
}

func (a *awaited) drop(id inbox.RevealID) (at lookAt, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok = a.list[id]
	delete(a.list, id)
	return at, ok
}

// answers are those of the requests that somebody decided about.
func (a *awaited) answers(m Model) (out []inbox.Reveal) {
	a.mu.Lock()
	waits := make(map[inbox.RevealID]lookAt, len(a.list))
	var about []inbox.ConversationID
	for id, at := range a.list {
		waits[id] = at
		if !slices.Contains(about, at.conversation) {
			about = append(about, at.conversation)
		}
	}
	a.mu.Unlock()
	for _, id := range about {
		for _, r := range m.Reveals(id) {
			if _, ok := waits[r.ID]; ok && r.State != inbox.RevealAsked {
				out = append(out, r)
			}
		}
	}
	return out
}

// news tells what colleagues decided, unless the panel shows it already.
func (l *looks) news(list []inbox.Reveal) {
	d := l.d
	for _, r := range list {
		at, ok := l.awaits.drop(r.ID)
		if !ok || at.conversation == d.open && d.page == pageInbox && d.panes.sideShown() {
			continue
		}
		key, icon := "reveal.news", "check"
		switch r.State {
		case inbox.RevealGranted:
		case inbox.RevealRefused:
			key, icon = "reveal.news.refused", "close"
		default:
			continue
		}
		who, _ := customerOf(rowWith(d.all, at.conversation))
		d.u.toast(kit.Toast{Icon: icon, Text: word(key, "Name", d.staff.name(r.Decider), "Field", fieldWord(at.field), "Customer", who),
			Action: kit.Action{Text: word("reveal.news.open"), Do: func() {
				d.openConversation(at.conversation)
				if !d.panes.sideShown() {
					d.toggleContact()
				}
			}}})
		d.u.trace("reveal decision told")
	}
}
