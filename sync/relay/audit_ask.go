package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	auditPage  = 60 // entries of one answer
	auditPages = 8  // of the search, read in vain for one answer
)

// askAudit answers who reads the audit log: entries of people whose entries the asker may read, and of nobody else. That
// somebody looked is an entry itself.
func (r *Relay) askAudit(ctx context.Context, a asker, q inbox.AskAudit) (inbox.AuditPage, error) {
	page, err := r.auditPage(ctx, a, q)
	return page, r.refusedAct(ctx, a, audit.Searched, "", err)
}

func (r *Relay) auditPage(ctx context.Context, a asker, q inbox.AskAudit) (inbox.AuditPage, error) {
	for _, id := range []string{string(q.Person), string(q.Device), strings.ReplaceAll(q.Act, ".", "-")} { // they are looked for, and written down
		if id != "" && !isID(id) {
			return inbox.AuditPage{}, inbox.RefusedMalformed
		}
	}
	people, err := r.people.People(ctx)
	if err != nil {
		return inbox.AuditPage{}, err
	}
	x := auditor{r: r, asker: a, people: map[inbox.PersonID]inbox.Person{}, devices: map[inbox.DeviceID]string{}}
	for _, p := range people {
		x.people[p.ID] = p
	}
	all := inbox.Can(a.person, inbox.ActAudit, inbox.Person{ID: "nobody"}.Subject()) == nil
	mine := func(id inbox.PersonID) bool {
		p, known := x.people[id]
		return all || known && inbox.Can(a.person, inbox.ActAudit, p.Subject()) == nil
	}
	if q.Person != "" && !mine(q.Person) || inbox.Can(a.person, inbox.ActAudit, a.person.Subject()) != nil {
		return inbox.AuditPage{}, inbox.RefusedRight
	}
	var readable []inbox.PersonID // nil: everybody's, also what nobody did
	if !all {
		for _, p := range people {
			if mine(p.ID) {
				readable = append(readable, p.ID)
			}
		}
	}
	wish := audit.Query{
		Actors: readable,
		Actor:  q.Person, Act: audit.Act(q.Act), From: q.From, Until: q.To, After: q.Before, Limit: auditPage,
	}
	if len(q.Act) > 1 && q.Act[len(q.Act)-1] == '.' {
		wish.Act = audit.Act(q.Act[:len(q.Act)-1])
	}
	if q.Conversation != "" {
		if wish.About, err = r.idsAbout(ctx, q.Conversation); err != nil {
			return inbox.AuditPage{}, err
		}
	}
	if q.Device != "" {
		wish.About = append(wish.About, string(q.Device))
	}
	if err := x.read(ctx); err != nil {
		return inbox.AuditPage{}, err
	}
	var out inbox.AuditPage
	for range auditPages {
		page, err := audit.Search(ctx, r.db, wish)
		if errors.Is(err, audit.ErrCursor) {
			return inbox.AuditPage{}, inbox.RefusedMalformed
		}
		if err != nil {
			return inbox.AuditPage{}, err
		}
		for _, f := range page.Found {
			out.Entries = append(out.Entries, x.told(ctx, f))
		}
		out.More, wish.After = page.Next != "", page.Next
		if !out.More || len(out.Entries) >= auditPage/2 {
			break
		}
	}
	if n := len(out.Entries); n > 0 && out.More {
		out.Entries[n-1].ID = wish.After
	}
	if q.Before == "" {
		if out.Chains, err = r.chains(ctx); err != nil {
			return inbox.AuditPage{}, err
		}
	}
	// Each page is a look: where a page begins is for the asker to say.
	return out, r.noteAudit(ctx, audit.Entry{Actor: a.person.ID, Device: a.device, Act: audit.Searched, Object: string(q.Person)})
}

// idsAbout are what entries about a conversation name: itself, its contact, and the looks at his fields.
func (r *Relay) idsAbout(ctx context.Context, id inbox.ConversationID) ([]string, error) {
	if !isID(string(id)) {
		return nil, inbox.RefusedMalformed
	}
	in, err := r.placeOf(ctx, id)
	if err != nil {
		return nil, err
	}
	if in == "" {
		return nil, inbox.RefusedUnknown
	}
	out := []string{string(id)}
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		c, found, err := eventlog.Conversation(tx, id)
		if err == nil && found && c.Contact.ID != "" {
			out = append(out, string(c.Contact.ID))
		}
		return err
	})
	return out, err
}

// An auditor tells entries to one reader.
type auditor struct {
	r       *Relay
	asker   asker
	people  map[inbox.PersonID]inbox.Person
	devices map[inbox.DeviceID]string
}

func (x *auditor) read(ctx context.Context) error {
	list, err := x.r.people.Devices(ctx)
	for _, d := range list {
		x.devices[d.ID] = d.Name
	}
	return err
}

// told is an entry as the reader sees it, with what its object is, as far as that is his to know.
func (x *auditor) told(ctx context.Context, f audit.Found) inbox.AuditEntry {
	e := inbox.AuditEntry{
		ID: fmt.Sprint(f.Shard, "/", f.Number), At: f.At, Actor: f.Actor, Device: f.Device, Act: string(f.Act), Object: f.Object, Refused: f.Refused,
		Detail: f.Detail, Inbox: inbox.LogID(f.Shard).Inbox(),
	}
	var hint inbox.AuditHint
	if _, ok := x.people[inbox.PersonID(f.Object)]; ok {
		hint.Person = inbox.PersonID(f.Object)
	}
	hint.Device = x.devices[inbox.DeviceID(f.Object)]
	if e.Inbox != "" && inbox.Can(x.asker.person, inbox.ActRead, inbox.Subject{Inbox: e.Inbox}) == nil && isID(f.Object) {
		// Trouble with a hint is no trouble with the entry.
		_ = x.r.db.View(ctx, f.Shard, func(tx ledger.Tx) error {
			c, found, err := eventlog.Conversation(tx, inbox.ConversationID(f.Object))
			if err == nil && found {
				hint.Conversation, hint.Name = c.ID, c.Contact.Name.Visible()
			}
			return err
		})
	}
	if hint != (inbox.AuditHint{}) {
		e.About = &hint
	}
	return e
}

// chains is how the trees of the audit log stand.
func (r *Relay) chains(ctx context.Context) (out []inbox.AuditChain, err error) {
	devices, err := r.listDevices(ctx, func(inbox.Person) bool { return true })
	if err != nil {
		return nil, err
	}
	keeps := map[inbox.DeviceID]bool{} // what it was shown: a device that was wiped or excluded has forgotten it, or will not say
	for _, d := range devices {
		keeps[d.ID] = d.Revoked == 0 && (d.Wipe == nil || d.Wipe.Proven == 0)
	}
	for _, log := range r.allLogs() {
		c := inbox.AuditChain{Log: log}
		err := r.db.View(ctx, eventlog.Shard(log), func(tx ledger.Tx) (err error) {
			if c.Size, _, err = audit.Head(tx); err != nil {
				return err
			}
			words, err := audit.Witnesses(tx)
			counted := map[inbox.DeviceID]bool{}
			for _, w := range words {
				if keeps[w.Device] {
					counted[w.Device] = true
				}
			}
			c.Witnesses = len(counted)
			return err
		})
		if err != nil {
			return nil, err
		}
		r.checkpoints.mu.Lock()
		c.Signed = r.checkpoints.newest[log].At
		v := r.checkpoints.verified[log]
		r.checkpoints.mu.Unlock()
		c.Verified, c.Broken = v.at, v.broken
		out = append(out, c)
	}
	return out, nil
}
