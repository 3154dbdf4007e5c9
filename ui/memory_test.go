package ui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"sealdesk/app/inbox"
)

// noon is the present in every test.
var noon = time.Date(2025, 11, 21, 14, 53, 0, 0, time.UTC)

func ago(d time.Duration) inbox.Moment { return inbox.At(noon.Add(-d)) }

// memory is a Model, a Relay and a Door over made-up conversations.
type memory struct {
	mu       sync.Mutex
	me       inbox.Person
	people   []inbox.Person
	rows     map[inbox.ConversationID]*Row
	messages map[inbox.ConversationID][]inbox.Message
	typed    map[inbox.IntentID]string
	intents  []inbox.Intent
	pokes    []chan struct{}
	link     Link
	seq      uint64
	fail     error // what every read and write returns
	openErr  error
	enrolErr error
	joinErr  error
	stop     EnrolStep // how far an enrolment gets before enrolErr
	nudges   int

	inboxes   []inbox.Inbox
	templates []inbox.Template
	cards     []inbox.CompanyCard
	incidents []inbox.Incident
	requests  []inbox.Request
	refused   map[inbox.IntentID]inbox.Refusal
	attached  []Attachment
	files     map[inbox.MediaID][]byte
	uploads   []Upload
	reveals   []inbox.Reveal // newest first
	held      []Held
	back      map[inbox.ConversationID][]Refused
	instead   []inbox.IntentID
	key       *lockKey
	tags      []inbox.Tag
	replies   []inbox.QuickReply
	present   inbox.Presence
	attended  []inbox.Here // what was told: of the reader himself
	search    func(typed string, only inbox.ConversationID) (Search, error)
	asked     []inbox.Question
	answer    func(inbox.Question) (inbox.Answer, error)
	fetch     func(ctx context.Context, q inbox.FetchMedia, w io.Writer, progress func(done, total int64)) error

	gate    *gateway
	locks   int
	system  chan struct{}
	fleet   []inbox.Device
	pending []inbox.Reveal // instead of those in reveals
	with    func(*Session) // what the next session has beside
}

func newMemory() *memory {
	m := &memory{
		me:   inbox.Person{ID: "me", Name: "Katja Moor", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}},
		rows: map[inbox.ConversationID]*Row{}, messages: map[inbox.ConversationID][]inbox.Message{}, typed: map[inbox.IntentID]string{},
		link: Link{State: LinkOnline},
	}
	m.gate = &gateway{m: m, link: Link{State: LinkOnline}, locked: Locked{Person: "Katja Moor", Device: "LT-0427", Passphrase: true, Tries: 5, Lease: noon.Add(10 * time.Hour)}}
	m.inboxes = []inbox.Inbox{{ID: "sales", Name: "Sales"}}
	m.files, m.back, m.key = map[inbox.MediaID][]byte{}, map[inbox.ConversationID][]Refused{}, &lockKey{}
	m.people = []inbox.Person{m.me, {ID: "tb", Name: "Tobias Brandt", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}},
		{ID: "sl", Name: "Sabine Lang", Role: inbox.Supervisor, Inboxes: []inbox.InboxID{"sales"}}}
	return m
}

func phone(text string) inbox.Masked {
	return inbox.NewMasked(inbox.Span{Kind: inbox.Phone, Text: text})
}
func mail(text string) inbox.Masked {
	return inbox.NewMasked(inbox.Span{Kind: inbox.Email, Text: text})
}

// add puts a conversation in.
func (m *memory) add(id, name, number string, assignee inbox.PersonID) *Row {
	r := &Row{Conversation: inbox.Conversation{ID: inbox.ConversationID(id), Inbox: "sales", Assignee: assignee,
		Contact: inbox.Contact{ID: inbox.ContactID("contact " + id), Alias: "K7-MX4Q", Phone: phone(number), Country: "DE", Since: inbox.At(noon.AddDate(-2, -8, 0))}}}
	if name != "" {
		r.Contact.Name = inbox.PlainText(name)
	}
	m.rows[r.ID] = r
	return r
}

// say appends a message and folds it into the row.
func (m *memory) say(id string, msg inbox.Message) inbox.MessageID {
	m.seq++
	msg.Conversation, msg.Seq = inbox.ConversationID(id), m.seq
	if msg.ID == "" {
		msg.ID = inbox.NewID[inbox.MessageID]()
	}
	if msg.Kind == 0 {
		msg.Kind = inbox.Text
	}
	m.messages[msg.Conversation] = append(m.messages[msg.Conversation], msg)
	row := *m.rows[msg.Conversation]
	row.Apply(inbox.Event{Seq: m.seq, At: msg.At, Body: inbox.MessageAdded{Message: msg}}, m.me.ID)
	m.rows[msg.Conversation] = &row
	return msg.ID
}

func in(at time.Duration, text string) inbox.Message {
	return inbox.Message{At: ago(at), Side: inbox.FromContact, Body: inbox.PlainText(text)}
}

func out(at time.Duration, by inbox.PersonID, receipt inbox.Receipt, text string) inbox.Message {
	return inbox.Message{At: ago(at), Side: inbox.FromPerson, Author: by, Receipt: receipt, Body: inbox.PlainText(text)}
}

func (m *memory) poke() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.pokes {
		select {
		case p <- struct{}{}:
		default:
		}
	}
}

func (m *memory) Watch(ctx context.Context) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := make(chan struct{}, 1)
	p <- struct{}{}
	m.pokes = append(m.pokes, p)
	return p
}

func (m *memory) Head(ctx context.Context) ([]*Row, error) { return m.Rows(ctx) }

func (m *memory) Rows(context.Context) ([]*Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*Row
	for _, r := range m.rows {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *Row) int {
		if a.LastAt != b.LastAt {
			return int(b.LastAt - a.LastAt)
		}
		return int(b.LastSeq) - int(a.LastSeq)
	})
	return out, m.fail
}

func (m *memory) Page(_ context.Context, id inbox.ConversationID, before any, n int) (Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.messages[id]
	end := len(list)
	if before != nil {
		end = before.(int)
	}
	start := max(0, end-n)
	return Page{Messages: slices.Clone(list[start:end]), Older: start, More: start > 0}, m.fail
}

func (m *memory) Me() (inbox.Person, bool) { return m.me, true }
func (m *memory) People() []inbox.Person   { return m.people }

func (m *memory) Submit(_ context.Context, i inbox.Intent) error {
	m.mu.Lock()
	if m.fail != nil {
		m.mu.Unlock()
		return m.fail
	}
	m.intents = append(m.intents, i)
	id := i.Body.On()
	row := *m.rows[id]
	switch b := i.Body.(type) {
	case inbox.SendText:
		msg := out(0, m.me.ID, inbox.Queued, b.Text)
		if b.Quote != "" {
			msg.Quote = &inbox.Quote{Message: b.Quote, Side: inbox.FromContact, Excerpt: inbox.PlainText("quoted")}
		}
		msg.ID, msg.Cause, msg.Conversation, msg.Kind, msg.At = inbox.MessageID(i.ID), i.ID, id, inbox.Text, i.At
		m.messages[id] = append(m.messages[id], msg)
		row.Snippet, row.LastSide, row.LastAuthor, row.LastAt, row.LastKind = msg.Body, inbox.FromPerson, m.me.ID, i.At, inbox.Text
	case inbox.SendMedia:
		a := m.detach(b.Media)
		msg := out(0, m.me.ID, inbox.Queued, b.Caption)
		msg.ID, msg.Cause, msg.Conversation, msg.Kind, msg.At = inbox.MessageID(i.ID), i.ID, id, a.Kind, i.At
		msg.Media = &inbox.Media{ID: a.ID, Type: a.Type, Size: a.Size, Name: inbox.PlainText(a.Name)}
		m.messages[id] = append(m.messages[id], msg)
	case inbox.AddNote:
		msg := inbox.Message{ID: inbox.MessageID(i.ID), Cause: i.ID, Conversation: id, Kind: inbox.Note, At: i.At, Side: inbox.FromPerson, Author: m.me.ID, Body: inbox.PlainText(b.Text)}
		m.messages[id] = append(m.messages[id], msg)
	case inbox.Withdraw:
		list := slices.Clone(m.messages[id])
		for i, x := range list {
			if x.ID == b.Message {
				row.Draft = x.Body.Visible()
				list = slices.Delete(list, i, i+1)
				break
			}
		}
		m.messages[id] = list
	case inbox.DecideHeld:
		m.held = slices.DeleteFunc(slices.Clone(m.held), func(h Held) bool { return h.Message.ID == b.Message })
	case inbox.Assign:
		row.Assignee = b.To
	case inbox.SetState:
		row.State = b.State
	case inbox.MarkRead:
		row.ReadSeq, row.Unread = b.UpTo, 0
	}
	m.rows[id] = &row
	m.mu.Unlock()
	m.poke()
	return nil
}

func (m *memory) Typed(id inbox.IntentID) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.typed[id]
	return t, ok
}

func (m *memory) Dismiss(_ context.Context, id inbox.IntentID) error {
	m.mu.Lock()
	for c, list := range m.messages {
		m.messages[c] = slices.DeleteFunc(slices.Clone(list), func(x inbox.Message) bool { return x.Cause == id })
	}
	m.mu.Unlock()
	m.poke()
	return nil
}

func (m *memory) SetDraft(_ context.Context, id inbox.ConversationID, text string) error {
	m.mu.Lock()
	row := *m.rows[id]
	row.Draft = text
	m.rows[id] = &row
	m.mu.Unlock()
	m.poke()
	return nil
}

// receipt moves a message on.
func (m *memory) receipt(id inbox.ConversationID, msg inbox.MessageID, r inbox.Receipt) {
	m.mu.Lock()
	list := slices.Clone(m.messages[id])
	for i := range list {
		if list[i].ID == msg {
			list[i].Receipt = r
			if list[i].Seq == 0 {
				m.seq++
				list[i].Seq = m.seq
			}
		}
	}
	m.messages[id] = list
	m.mu.Unlock()
	m.poke()
}

func (m *memory) wishes() []inbox.Intent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.intents)
}

// questions are what was asked of the company's server.
func (m *memory) questions() []inbox.Question {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

func (m *memory) Refusal(id inbox.IntentID) (inbox.Refusal, bool) {
	r, ok := m.refused[id]
	return r, ok
}

func (m *memory) Reveals(id inbox.ConversationID) []inbox.Reveal {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.reveals), func(r inbox.Reveal) bool { return r.Conversation != id })
}

func (m *memory) PendingReveals() []inbox.Reveal {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending != nil {
		return slices.Clone(m.pending)
	}
	return slices.DeleteFunc(slices.Clone(m.reveals), func(r inbox.Reveal) bool {
		return r.State != inbox.RevealAsked || r.By == m.me.ID || !may(m.me, inbox.ActDecide)
	})
}

func (m *memory) Held() []Held {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.held)
}

func (m *memory) Refused(id inbox.ConversationID) []Refused {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.back[id])
}

func (m *memory) SubmitInstead(ctx context.Context, refused inbox.IntentID, i inbox.Intent) error {
	m.mu.Lock()
	m.instead = append(m.instead, refused)
	for c, list := range m.back {
		m.back[c] = slices.DeleteFunc(slices.Clone(list), func(r Refused) bool { return r.Intent.ID == refused })
	}
	m.mu.Unlock()
	return m.Submit(ctx, i)
}

// tell changes what the memory knows, as a fact from the company's server would.
func (m *memory) tell(f func()) {
	m.mu.Lock()
	f()
	m.mu.Unlock()
	m.poke()
}

// lockKey is a RevealKey that remembers what it opened.
type lockKey struct {
	mu     sync.Mutex
	opened [][]byte
}

func (*lockKey) Public() []byte { return []byte("public") }

func (k *lockKey) Open(id inbox.RevealID, sealed []byte) ([]byte, error) {
	value, ok := bytes.CutPrefix(sealed, []byte("sealed for "+id+":"))
	if !ok {
		return nil, errors.New("does not open")
	}
	value = bytes.Clone(value)
	k.mu.Lock()
	k.opened = append(k.opened, value)
	k.mu.Unlock()
	return value, nil
}

func (m *memory) Inboxes() []inbox.Inbox {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.inboxes)
}

func (m *memory) Templates(in inbox.InboxID) []inbox.Template {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.templates), func(t inbox.Template) bool { return t.Inbox != in })
}

func (m *memory) Cards() []inbox.CompanyCard { return m.cards }

func (m *memory) Incidents() []inbox.Incident {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.incidents)
}
func (m *memory) Requests() []inbox.Request { return m.requests }

func (m *memory) Attach(_ context.Context, id inbox.ConversationID, name, mime string, r io.Reader) (Attachment, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Attachment{}, err
	}
	m.mu.Lock()
	if m.fail != nil {
		m.mu.Unlock()
		return Attachment{}, m.fail
	}
	a := Attachment{ID: inbox.NewID[inbox.MediaID](), Conversation: id, Name: name, Type: mime, Size: int64(len(data)), Kind: mediaKind(mime)}
	m.attached, m.files[a.ID] = append(m.attached, a), data
	m.mu.Unlock()
	m.poke()
	return a, nil
}

func (m *memory) Attachments(id inbox.ConversationID) []Attachment {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.attached), func(a Attachment) bool { return a.Conversation != id })
}

type held struct{ *bytes.Reader }

func (held) Close() error { return nil }

func (m *memory) OpenAttachment(id inbox.MediaID) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[id]
	if !ok {
		return nil, errors.New("unknown")
	}
	return held{bytes.NewReader(data)}, nil
}

func (m *memory) SendAs(_ context.Context, id inbox.MediaID, kind inbox.MessageKind) error {
	m.mu.Lock()
	for i := range m.attached {
		if m.attached[i].ID == id {
			m.attached[i].Kind = kind
		}
	}
	m.mu.Unlock()
	m.poke()
	return nil
}

func (m *memory) Detach(_ context.Context, id inbox.MediaID) error {
	m.mu.Lock()
	m.detach(id)
	m.mu.Unlock()
	m.poke()
	return nil
}

func (m *memory) detach(id inbox.MediaID) Attachment {
	for i, a := range m.attached {
		if a.ID == id {
			m.attached = slices.Delete(slices.Clone(m.attached), i, i+1)
			return a
		}
	}
	return Attachment{}
}

// relay is the Relay of a memory: they both have a Watch.
type relay struct{ m *memory }

func (r relay) Link() Link {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.m.link
}
func (r relay) Watch(ctx context.Context) <-chan struct{} { return r.m.Watch(ctx) }
func (r relay) Ask(_ context.Context, q inbox.Question) (inbox.Answer, error) {
	r.m.mu.Lock()
	r.m.asked = append(r.m.asked, q)
	answer, state := r.m.answer, r.m.link.State
	r.m.mu.Unlock()
	if answer == nil || state != LinkOnline {
		return nil, ErrOffline
	}
	return answer(q)
}

func (r relay) FetchMedia(ctx context.Context, q inbox.FetchMedia, w io.Writer, progress func(done, total int64)) error {
	r.m.mu.Lock()
	fetch := r.m.fetch
	r.m.mu.Unlock()
	if fetch == nil {
		return ErrOffline
	}
	return fetch(ctx, q, w, progress)
}

func (r relay) Uploads() []Upload {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return slices.Clone(r.m.uploads)
}

func (r relay) Nudge() {
	r.m.mu.Lock()
	r.m.nudges++
	r.m.mu.Unlock()
}

func (m *memory) Open(context.Context) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.openErr != nil {
		return Session{}, m.openErr
	}
	s := Session{Model: m, Relay: relay{m}, Device: "LT-0427", NewRevealKey: func() (RevealKey, error) { return m.key, nil }, StepUp: m.gate}
	if m.with != nil {
		m.with(&s)
	}
	return s, nil
}

func (m *memory) Enrol(_ context.Context, _ string, reached func(Enrolling)) (Enrolled, error) {
	m.mu.Lock()
	err, stop := m.enrolErr, m.stop
	m.mu.Unlock()
	for step := EnrolReading; step <= EnrolKey; step++ {
		if err != nil && step > stop {
			break
		}
		e := Enrolling{Step: step}
		if step >= EnrolServer {
			e.Server, e.Pin = "inbox.company:8443", "3F:9A…C1"
		}
		reached(e)
	}
	if err != nil {
		return Enrolled{}, err
	}
	m.mu.Lock()
	m.openErr = nil
	m.mu.Unlock()
	return Enrolled{Device: "LT-0427", Person: "Katja Moor"}, nil
}

// Join lets in who answers what the gate asks.
func (m *memory) Join(ctx context.Context, reached func(Enrolling)) (Enrolled, error) {
	m.mu.Lock()
	err := m.joinErr
	m.mu.Unlock()
	reached(Enrolling{Server: "inbox.company:8443"})
	if err != nil {
		return Enrolled{}, err
	}
	reached(Enrolling{Step: EnrolServer, Server: "inbox.company:8443", Pin: "3F:9A…C1", Company: "Nordlicht GmbH"})
	for pokes := m.Watch(ctx); ; {
		if _, asks := m.gate.Asked(); !asks {
			m.mu.Lock()
			m.openErr = nil
			m.mu.Unlock()
			return Enrolled{Device: "LT-0427", Person: "Katja Moor"}, nil
		}
		select {
		case <-pokes:
		case <-ctx.Done():
			return Enrolled{}, ctx.Err()
		}
	}
}

func (m *memory) Rebuild(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.openErr = nil
	return nil
}

func (m *memory) SetUpAgain(context.Context) error { return nil }

func (m *memory) Gate() Gate { return m.gate }

func (m *memory) Lock(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locks++
	m.openErr = m.gate.locked
	return nil
}

// blur is a made-up picture of that many colours.
func blur() []byte {
	const n = 8
	b := []byte{n}
	for y := range n {
		for x := range n {
			b = append(b, byte(30+x*14), byte(90+((x*7+y*11)%9)*10), byte(60+y*16))
		}
	}
	return b
}

// company fills a memory with a morning's work.
func company() *memory {
	m := newMemory()
	h := time.Hour
	mi := time.Minute
	k := m.add("k", "Katharina W.", "+49 ••• ••47", "me")
	k.Contact.Email = mail("k•••@•••.de")
	m.add("m", "Marco R.", "+39 ••• ••08", "me").Contact.Country = "IT"
	m.add("a", "محمد A.", "+49 ••• ••63", "tb")
	m.add("s", "Sofia W.", "+44 ••• ••44", "")
	m.add("l", "Luca R.", "+49 ••• ••65", "tb")
	m.add("o", "Øyvind H.", "+41 ••• ••95", "me")
	m.add("x", "", "+43 ••• ••06", "")
	m.add("g", "Giulia G.", "+43 ••• ••74", "me")
	m.add("d", "Leon S.", "+49 ••• ••27", "sl")

	m.say("g", in(30*h, "Quando potete passare per il preventivo?"))
	m.say("g", out(29*h, "me", inbox.Read, "Domani alle 10 va bene?"))
	m.say("d", in(9*h, "Danke, alles erledigt."))
	d := *m.rows["d"]
	d.State = inbox.Closed
	m.rows["d"] = &d
	m.say("o", in(26*h, "Buongiorno, potrei avere il preventivo aggiornato?"))
	m.say("o", in(6*h, "Takk! Buongiorno, potrei avere il preventivo aggiornato per la pompa di calore?"))
	m.say("l", in(4*h+20*mi, "Wann kommt der Monteur?"))
	m.say("l", out(22*mi, "tb", inbox.Delivered, "Zwischen 8 und 10 Uhr, er ruft vorher an."))
	m.say("x", inbox.Message{At: ago(57 * mi), Side: inbox.FromContact, Kind: inbox.Voice, Media: &inbox.Media{ID: "v1", Type: "audio/ogg", Size: 48_000, State: inbox.MediaReady}})
	m.say("s", in(43*mi, "Hello, is the offer from last week still valid?"))
	m.say("a", in(23*mi, "مرحبا، هل يمكنكم إرسال عرض السعر؟"))
	m.say("m", in(23*h+19*mi, "Potrei avere il preventivo aggiornato per il condominio?"))

	m.say("k", in(25*h, "Guten Tag, unsere Heizung macht seit gestern laute Geräusche. Können Sie einen Termin anbieten?"))
	m.say("k", out(24*h+50*mi, "tb", inbox.Read, "Guten Tag! Gerne. Schicken Sie uns bitte ein Foto vom Heizungsraum und vom Typenschild, dann bereiten wir alles vor."))
	photo := inbox.Message{ID: "photo", At: ago(13 * mi), Side: inbox.FromContact, Kind: inbox.Image,
		Media: &inbox.Media{ID: "p1", Type: "image/jpeg", Size: 240_000, Width: 1600, Height: 960, Blur: blur(), State: inbox.MediaReady},
		Body: inbox.NewMasked(inbox.Span{Text: "Hier ein Foto vom Heizungsraum. Meine Nummer für den Monteur: "}, inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••47"},
			inbox.Span{Text: ", Mail "}, inbox.Span{Kind: inbox.Email, Text: "k•••@•••.de"})}
	m.say("k", photo)
	m.say("k", inbox.Message{At: ago(10 * mi), Side: inbox.FromPerson, Author: "tb", Kind: inbox.Note, Body: inbox.PlainText("Rabatt max. 4 % — mehr nur mit Freigabe.")})
	m.say("k", inbox.Message{At: ago(9 * mi), Side: inbox.FromSystem, Kind: inbox.System, What: inbox.WhatAssigned, Author: "tb", Whom: "me"})
	m.say("k", out(5*mi, "me", inbox.Read, "Ich habe Ihnen einen Termin vorgeschlagen: morgen, 10:00 Uhr, per Videogespräch. Passt das? 👍"))
	failed := out(4*mi, "me", inbox.Failed, "Anbei das Datenblatt.")
	failed.Failure = inbox.FailUndeliverable
	m.say("k", failed)
	reacted := in(2*mi, "👩‍👩‍👧 🇩🇪 👍🏽 ❤️ 😊 🥳")
	m.say("k", reacted)
	last := in(1*mi, "Perfekt, dann bis morgen 10 Uhr 😊")
	last.Quote = &inbox.Quote{Message: "photo", Side: inbox.FromPerson, Excerpt: inbox.PlainText("Ich habe Ihnen einen Termin vorgeschlagen: morgen, 10:00 Uhr")}
	last.Reactions = []inbox.Reaction{{Side: inbox.FromPerson, By: "me", Emoji: "👍"}}
	m.say("k", last)
	row := *m.rows["o"]
	row.Draft = "Gerne, ich schicke es Ihnen"
	m.rows["o"] = &row
	return m
}
