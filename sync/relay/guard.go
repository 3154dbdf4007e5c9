package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/guard"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/mask"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
)

// maxReason is the longest reason a person may give, in characters.
const maxReason = 500

// bucketAudit names what is sealed into audit entries; the key is the wish.
const bucketAudit = "audit"

// A guarding is the guard with all it must know of this company from one message to the next.
type guarding struct {
	owners  guard.Owners
	persons []PersonContactConfig
	recent  recent
	codes   codes
	paces   paces

	mu     sync.Mutex
	policy guard.Policy
	made   *guard.Guard
	stale  bool // a code has got an owner since
}

func newGuarding(cfg *Config, v *vault.Vault) (*guarding, error) {
	p, err := cfg.guardPolicy()
	if err != nil {
		return nil, err
	}
	g := &guarding{owners: owners{v}, persons: cfg.PersonContacts, policy: p}
	g.recent.keep, g.recent.most = max(p.Mass.Within, mask.JoinWindow), max(512, 4*p.Mass.Contacts)
	for _, o := range cfg.Offers {
		if o.SingleUse {
			g.codes.single = append(g.codes.single, foldCode(o.Code))
		}
	}
	g.made, err = guard.New(p, g.owners)
	return g, err
}

// guard returns the guard as the policy is now. A code that was told a contact is his from then on.
func (g *guarding) guard() (*guard.Guard, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stale {
		return g.made, nil
	}
	p := g.policy
	p.Offers = slices.Clone(p.Offers)
	for i, o := range p.Offers {
		if o.Code != "" {
			p.Offers[i].For = g.codes.owner(foldCode(o.Code))
		}
	}
	made, err := guard.New(p, g.owners)
	if err != nil {
		return nil, err
	}
	g.made, g.stale = made, false
	return made, nil
}

func (g *guarding) outdated() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stale = true
}

// private is what the company knows of how a colleague can be reached past it.
func (g *guarding) private(p inbox.Person) (k mask.Known) {
	for _, c := range g.persons {
		if c.Person == string(p.ID) || strings.EqualFold(strings.Join(strings.Fields(c.Person), " "), p.Name) {
			k.Phones, k.Emails, k.Handles = append(k.Phones, c.Numbers...), append(k.Emails, c.Emails...), append(k.Handles, c.Handles...)
		}
	}
	return k
}

// owners asks the vault whose identifiers are.
type owners struct{ v *vault.Vault }

// Owners implements [guard.Owners].
func (o owners) Owners(ctx context.Context, finds []mask.Found) ([]guard.Owner, error) {
	asked := make([]string, len(finds))
	for i, f := range finds {
		switch f.Kind {
		case inbox.Phone, inbox.Email:
			asked[i] = f.Value
		case inbox.Handle:
			asked[i] = "@" + f.Value
		}
	}
	known, err := o.v.Owners(ctx, asked)
	if err != nil {
		return nil, err
	}
	out := make([]guard.Owner, len(finds))
	for i := range finds {
		out[i].Contact = known[asked[i]]
	}
	return out, nil
}

// addressee is what the guard must know of whom a message is for.
func (r *Relay) addressee(ctx context.Context, id inbox.ContactID) (to guard.Contact, err error) {
	same, err := r.vault.Same(ctx, id)
	if err != nil {
		return to, err
	}
	who, err := r.vault.Identity(ctx, id)
	if err != nil {
		return to, err
	}
	to = guard.Contact{ID: same[0], Profile: who.ProfileName}
	to.Known, err = r.vault.Known(ctx, id) // what he told about himself may be said back to him
	return to, err
}

// draftOf collects the facts the guard needs about what a person writes to the contact of a conversation.
func (r *Relay) draftOf(ctx context.Context, p inbox.Person, c inbox.Conversation, parts []guard.Part) (d guard.Draft, err error) {
	d = guard.Draft{
		Parts: parts, Conversation: c.ID, At: r.now(),
		From: guard.Agent{Role: p.Role, Name: p.Name, Private: r.guarding.private(p)},
	}
	if d.To, err = r.addressee(ctx, c.Contact.ID); err != nil {
		return d, err
	}
	d.Recent, d.Earlier = r.guarding.recent.of(p.ID, c.ID, d.At)
	return d, nil
}

// partsOf are the texts of a parcel that a person wrote.
func partsOf(p outbound.Parcel) (parts []guard.Part) {
	add := func(kind guard.Kind, texts ...string) {
		for _, s := range texts {
			if s != "" {
				parts = append(parts, guard.Part{Kind: kind, Text: s})
			}
		}
	}
	add(guard.Body, p.Text)
	if p.File != nil {
		add(guard.Caption, p.File.Caption)
	}
	if p.Template != nil {
		keys := make([]string, 0, len(p.Template.Values))
		for key := range p.Template.Values {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			add(guard.Value, p.Template.Values[key])
		}
	}
	if m := p.Menu; m != nil {
		add(guard.Body, m.Header, m.Text, m.Footer)
		add(guard.Value, m.Label)
		for _, o := range m.Options {
			add(guard.Value, o.Title, o.Note)
		}
	}
	if p.Place != nil {
		add(guard.Value, p.Place.Name, p.Place.Address)
	}
	return parts
}

// fileOf is the file a draft takes along, by the name the customer will see.
func fileOf(d draft) *guard.File {
	f := d.parcel.File
	if d.parcel.Template != nil {
		f = d.parcel.Template.File
	}
	if f == nil || d.message.Media == nil {
		return nil
	}
	return &guard.File{Name: f.Name, Type: d.message.Media.Type, Size: d.message.Media.Size}
}

// saidOf returns what a person told the guard along with a wish.
func saidOf(b inbox.IntentBody) (said inbox.Said) {
	switch b := b.(type) {
	case inbox.SendText:
		said = b.Said
	case inbox.SendMedia:
		said = b.Said
	case inbox.SendTemplate:
		said = b.Said
	case inbox.SendInteractive:
		said = b.Said
	case inbox.SendLocation:
		said = b.Said
	}
	return said
}

// prepareGuarded puts the guard before a draft. What it found is recorded in the transaction of what comes of it.
func (r *Relay) prepareGuarded(ctx context.Context, p inbox.Person, device inbox.DeviceID, c inbox.Conversation, i inbox.Intent, d draft) (deed, error) {
	said := saidOf(i.Body)
	if utf8.RuneCountInString(said.Reason) > maxReason {
		return nil, inbox.RefusedTooLong
	}
	parts := partsOf(d.parcel)
	draft, err := r.draftOf(ctx, p, c, parts)
	if err != nil {
		return nil, err
	}
	draft.File, draft.Pasted, draft.Template = fileOf(d), said.Pasted, d.parcel.Template != nil
	g, err := r.guarding.guard()
	if err != nil {
		return nil, err
	}
	v, err := g.Judge(ctx, draft)
	if err != nil { // what was not judged does not leave
		return nil, fmt.Errorf("judging a message: %w", err)
	}
	r.metrics.guarded(v)
	stop := refusalFor(v.Action, said)
	var reason []byte
	if v.Action >= guard.Ask && strings.TrimSpace(said.Reason) != "" {
		if reason, err = r.vault.Seal(ctx, c.Contact.ID, bucketAudit, []byte(i.ID), []byte(said.Reason)); err != nil {
			return nil, fmt.Errorf("sealing a reason: %w", err)
		}
	}
	d.message.ID, d.held = r.newMessageID(), v.Action == guard.Hold
	if d.held {
		d.message.Found = rulesOf(v)
	}
	if v.Alert {
		trouble := inbox.Incident{Kind: inbox.IncidentDiversion, Inbox: c.Inbox, Conversation: c.ID, Detail: p.Name}
		if err := r.raise(ctx, "guard "+string(i.ID), trouble); err != nil {
			return nil, fmt.Errorf("raising what the guard found: %w", err)
		}
	}
	send, err := r.prepareSend(ctx, p, c, i.ID, d)
	if err != nil {
		return nil, err
	}
	codes := r.guarding.codes.in(parts)
	entry := audit.Entry{
		Actor: p.ID, Device: device, Object: string(c.ID), Reason: cbor.ByteString(reason),
		Detail: "wish " + string(i.ID) + " message " + string(d.message.ID) + foundWords(v),
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		why, err := stop, error(nil)
		mine, free := []string(nil), true
		if why == inbox.Granted {
			mine, free = r.guarding.codes.claim(codes, draft.To.ID)
		}
		switch {
		case why != inbox.Granted: // who could not send it anyway is told that
			may, err := maySend(tx, c, d.parcel.Template, at)
			if err != nil {
				return why, err
			}
			if may != inbox.Granted {
				why = may
			}
		case !free: // somebody else was told the code a moment ago
			why = inbox.RefusedGuard
		default:
			if why, err = send(tx, c, at); err != nil || why != inbox.Granted {
				r.guarding.codes.disclaim(mine)
			}
			if err != nil {
				return why, err
			}
		}
		if len(v.Findings) > 0 || !free {
			e := entry
			e.At, e.Act, e.Refused = at, audit.GuardFound, why
			if !free {
				e.Detail += " " + string(guard.ForeignCode) + "//" + guard.Block.String()
			}
			if err := audit.Record(tx, e); err != nil {
				return why, err
			}
			if v.Alert {
				e.Act, e.Reason = audit.GuardAlerted, ""
				if err := audit.Record(tx, e); err != nil {
					return why, err
				}
			}
		}
		if why != inbox.Granted {
			return why, nil
		}
		if len(codes) > 0 {
			if err := r.guarding.codes.give(tx, codes, draft.To.ID); err != nil {
				return why, err
			}
			r.guarding.outdated()
		}
		if len(parts) > 0 {
			r.guarding.recent.add(p.ID, c.ID, draft.To.ID, at.Time(), parts)
		}
		return why, nil
	}, nil
}

// refusalFor says what the guard's word means for a wish.
func refusalFor(a guard.Action, said inbox.Said) inbox.Refusal {
	switch {
	case a == guard.Block:
		return inbox.RefusedGuard
	case a == guard.Ask && strings.TrimSpace(said.Reason) == "":
		return inbox.RefusedReason
	}
	return inbox.Granted
}

// foundWords lists what was found in the guard's words and our ids: no text, and nothing of a text.
func foundWords(v guard.Verdict) string {
	var out strings.Builder
	for _, f := range v.Findings {
		word := " " + string(f.Rule) + "/" + string(f.Why) + "/" + f.Action.String()
		if f.Owner.Contact != "" {
			word += "/" + string(f.Owner.Contact)
		}
		if !strings.Contains(out.String()+" ", word+" ") && out.Len() < 1000 {
			out.WriteString(word)
		}
	}
	return out.String()
}

// A recent remembers what people sent in the last minutes, in memory alone.
type recent struct {
	keep time.Duration
	most int // entries of one person

	mu sync.Mutex
	by map[inbox.PersonID][]sent
}

type sent struct {
	guard.Sent
	conversation inbox.ConversationID
	piece        string // the text, if it is short enough to be a part of a number that goes over several messages
}

// add remembers a message that may leave. A transaction that runs again adds it again, which changes nothing: what counts
// is to how many contacts a text went.
func (m *recent) add(by inbox.PersonID, c inbox.ConversationID, to inbox.ContactID, at time.Time, parts []guard.Part) {
	s := sent{Sent: guard.Sent{To: to, At: at, Print: guard.PrintOf(parts)}, conversation: c}
	if n := len(parts); n > 0 && len(parts[n-1].Text) <= mask.JoinLength {
		s.piece = parts[n-1].Text
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = map[inbox.PersonID][]sent{}
	}
	list := m.by[by]
	if n := len(list); n > 0 && list[n-1].At.Equal(at) && list[n-1].conversation == c && list[n-1].piece == s.piece {
		return
	}
	drop := 0
	for drop < len(list) && (at.Sub(list[drop].At) > m.keep || len(list)-drop >= m.most) {
		drop++
	}
	m.by[by] = append(slices.Clone(list[drop:]), s)
}

// of returns what a person sent lately, and what of it went to a conversation in one breath.
func (m *recent) of(by inbox.PersonID, c inbox.ConversationID, now time.Time) (all []guard.Sent, pieces []mask.Piece) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.by[by] {
		ago := now.Sub(s.At)
		if ago > m.keep {
			continue
		}
		all = append(all, s.Sent)
		if s.conversation == c && s.piece != "" && ago <= mask.JoinWindow {
			pieces = append(pieces, mask.Piece{Text: s.piece, Ago: max(0, ago)})
		}
	}
	return all, pieces
}

// forget drops what is older than anybody asks for: texts do not stay in memory because somebody went home.
func (m *recent) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for by, list := range m.by {
		list = slices.DeleteFunc(list, func(s sent) bool { return now.Sub(s.At) > m.keep })
		if len(list) == 0 {
			delete(m.by, by)
			continue
		}
		m.by[by] = list
	}
}

// rememberRecent fills the memory of what was sent from the log's last minutes, as far as colleagues may see it.
func (r *Relay) rememberRecent(ctx context.Context, in inbox.InboxID) error {
	const most = 5000
	since := inbox.At(r.now().Add(-r.guarding.recent.keep))
	type line struct {
		by   inbox.PersonID
		c    inbox.ConversationID
		to   inbox.ContactID
		at   time.Time
		text string
	}
	var lines []line
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		lines = nil
		n := 0
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			if n++; e.At < since || n > most {
				break
			}
			b, ok := e.Body.(inbox.MessageAdded)
			m := b.Message
			if !ok || m.Side != inbox.FromPerson || m.Author == "" || m.Kind == inbox.Note {
				continue
			}
			c, _, err := eventlog.Conversation(tx, m.Conversation)
			if err != nil {
				return err
			}
			lines = append(lines, line{m.Author, c.ID, c.Contact.ID, m.At.Time(), m.Body.Visible()})
		}
		return nil
	})
	slices.Reverse(lines)
	for _, l := range lines {
		r.guarding.recent.add(l.by, l.c, l.to, l.at, []guard.Part{{Text: l.text}})
	}
	return err
}

func (m *metrics) guarded(v guard.Verdict) {
	for _, f := range v.Findings {
		m.guardFound.WithLabelValues(string(f.Rule), f.Action.String()).Inc()
	}
	m.guardAsked.Add(float64(v.Asked))
	if v.Alert {
		m.guardAlerts.Inc()
	}
}
