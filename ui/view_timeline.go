package ui

import (
	"image"
	"slices"
	"time"

	"sealdesk/app/inbox"
)

// An ItemKind says how an item of the timeline is drawn.
type ItemKind uint8

// The kinds of items.
const (
	ItemBubble ItemKind = iota
	ItemNote
	ItemSystem // a centred caption
	ItemDay    // a pill with the day
	ItemNew    // the line above what is new
)

// A MarkView is the small sign after the time of a message somebody sent.
type MarkView struct {
	Icon string
	Tone Tone
	Word string // what it means, for the tooltip
}

// A QuoteView is the message another one answers.
type QuoteView struct {
	Who     string
	Text    inbox.Masked
	Message inbox.MessageID
}

// A CardView is what a bubble shows besides text: a tile, a document, a place.
type CardView struct {
	Icon   string
	Title  string
	Detail string
	Tile   bool // a picture's place, in the picture's colours
	Wide   int  // of the picture, in pixels; 0 when unknown
	High   int
	Blur   []byte
	Key    string // identity of the picture
	// Picture is made from Blur by a worker, never on the main goroutine.
	Picture image.Image
}

// An ItemView is one item of the timeline. Items are made anew at each change and never changed.
type ItemView struct {
	ID        string // unique in the timeline, stable
	Message   inbox.MessageID
	Kind      ItemKind
	Out       bool
	Joined    bool // follows another of the same person closely
	Pending   bool // only this device knows it
	Head      string
	Forwarded string
	Quote     *QuoteView
	Card      *CardView
	Body      inbox.Masked
	Faint     bool // the body is about a message, not the message
	Text      string
	Alert     bool // a caption that asks for attention
	Time      string
	Mark      MarkView
	Notice    string // why it did not get through, in words
	NoticeBad bool
	Action    string // words of the button under the notice
	Confirm   bool   // the action needs a second thought
	Restore   inbox.IntentID
	Reactions []string
	Replies   bool   // can be quoted in an answer
	Reacts    bool   // can get a reaction
	Ours      string // the company's reaction
}

// same reports whether two items would look alike.
func (v *ItemView) same(o *ItemView) bool {
	a, b := *v, *o
	if !a.Body.Equal(b.Body) || !slices.Equal(a.Reactions, b.Reactions) || (a.Quote == nil) != (b.Quote == nil) || (a.Card == nil) != (b.Card == nil) {
		return false
	}
	if a.Quote != nil && (a.Quote.Who != b.Quote.Who || a.Quote.Message != b.Quote.Message || !a.Quote.Text.Equal(b.Quote.Text)) {
		return false
	}
	if a.Card != nil && (a.Card.Title != b.Card.Title || a.Card.Detail != b.Card.Detail || a.Card.Key != b.Card.Key || a.Card.Icon != b.Card.Icon ||
		a.Card.Wide != b.Card.Wide || a.Card.High != b.Card.High || !slices.Equal(a.Card.Blur, b.Card.Blur)) {
		return false
	}
	return a.ID == b.ID && a.Message == b.Message && a.Kind == b.Kind && a.Out == b.Out && a.Joined == b.Joined && a.Pending == b.Pending &&
		a.Head == b.Head && a.Forwarded == b.Forwarded && a.Faint == b.Faint && a.Alert == b.Alert && a.Text == b.Text && a.Time == b.Time && a.Mark == b.Mark &&
		a.Notice == b.Notice && a.NoticeBad == b.NoticeBad && a.Action == b.Action && a.Confirm == b.Confirm && a.Restore == b.Restore &&
		a.Replies == b.Replies && a.Reacts == b.Reacts && a.Ours == b.Ours
}

// joinWithin is how close two messages of one person must follow each other to look like one turn.
const joinWithin = 3 * time.Minute

// timelineView says how the messages of a conversation look, oldest first. Above the first message of the customer after
// newAfter stands the "new" line; 0 for none.
func timelineView(list []inbox.Message, newAfter uint64, s staff, t clock) []*ItemView {
	out := make([]*ItemView, 0, len(list)+8)
	var last *inbox.Message
	marked := newAfter == 0
	for i := range list {
		m := &list[i]
		if last == nil || t.in(last.At).YearDay() != t.in(m.At).YearDay() || t.in(last.At).Year() != t.in(m.At).Year() {
			out = append(out, &ItemView{ID: "day " + t.in(m.At).Format(time.DateOnly), Kind: ItemDay, Text: t.day(m.At)})
			last = nil
		}
		if !marked && m.Seq > newAfter && m.Side == inbox.FromContact {
			out = append(out, &ItemView{ID: "new", Kind: ItemNew, Text: word("timeline.new")})
			marked, last = true, nil
		}
		v := itemView(m, s, t)
		if last != nil && v.Kind == ItemBubble && last.Kind != inbox.Note && last.Kind != inbox.System &&
			last.Side == m.Side && last.Author == m.Author && m.At.Sub(last.At) < joinWithin && len(last.Reactions) == 0 && out[len(out)-1].Notice == "" {
			v.Joined, v.Head = true, ""
		}
		out = append(out, v)
		last = m
	}
	return out
}

func itemView(m *inbox.Message, s staff, t clock) *ItemView {
	v := &ItemView{ID: string(m.ID), Message: m.ID, Time: t.hour(m.At), Body: m.Body, Out: m.Side == inbox.FromPerson, Pending: m.Seq == 0}
	switch m.Kind {
	case inbox.System:
		v.Kind, v.Text, v.Body = ItemSystem, captionText(m, s, t), inbox.Masked{}
		v.Alert = m.What == inbox.WhatNewIdentity || m.What == inbox.WhatNewNumber
		return v
	case inbox.Note:
		v.Kind, v.Out, v.Head = ItemNote, true, word("note.head", "Name", s.name(m.Author))
		if m.Receipt == inbox.Failed {
			failed(v, m)
		}
		return v
	}
	if v.Out && m.Author != s.me.ID && m.Author != "" {
		v.Head = s.name(m.Author)
	}
	if m.Forwarded {
		v.Forwarded = word("message.forwarded")
	}
	if q := m.Quote; q != nil {
		who := s.customer
		if who == "" {
			who = word("quote.customer")
		}
		if q.Side == inbox.FromPerson {
			who = word("quote.company")
		}
		v.Quote = &QuoteView{Who: who, Text: q.Excerpt, Message: q.Message}
		if q.Excerpt.IsZero() {
			v.Quote.Text = inbox.PlainText(word("quote.gone"))
		}
	}
	v.Card = cardView(m)
	if m.Kind == inbox.Deleted {
		v.Body, v.Faint = inbox.PlainText(word("media.deleted")), true
	}
	for _, r := range m.Reactions {
		v.Reactions = append(v.Reactions, r.Emoji)
		if r.Side == inbox.FromPerson {
			v.Ours = r.Emoji
		}
	}
	v.Replies, v.Reacts = answerable(m)
	if v.Out {
		receipt(v, m)
	}
	return v
}

// answerable says whether WhatsApp lets us quote a message and react to it: it must have been there, and still be.
func answerable(m *inbox.Message) (replies, reacts bool) {
	switch m.Kind {
	case inbox.System, inbox.Note, inbox.Deleted, inbox.Unsupported:
		return false, false
	}
	if m.Seq == 0 {
		return false, false
	}
	if m.Side == inbox.FromContact {
		return true, true
	}
	return m.Receipt == inbox.Sent || m.Receipt >= inbox.Delivered, false
}

// quoteView is how a message looks above the answer to it.
func quoteView(v *ItemView) *QuoteView {
	q := &QuoteView{Who: word("composer.reply.own"), Text: v.Body, Message: v.Message}
	if q.Text.IsZero() && v.Card != nil {
		q.Text = inbox.PlainText(v.Card.Title)
	}
	return q
}

// receipt says how far a message has come, and what to do when it did not get through.
func receipt(v *ItemView, m *inbox.Message) {
	switch m.Receipt {
	case inbox.Queued:
		v.Mark = MarkView{Icon: "queued", Word: word("receipt.queued")}
	case inbox.Sent:
		v.Mark = MarkView{Icon: "tick", Word: word("receipt.sent")}
	case inbox.Delivered:
		v.Mark = MarkView{Icon: "double-tick", Word: word("receipt.delivered")}
	case inbox.Read:
		v.Mark = MarkView{Icon: "double-tick", Tone: ToneInfo, Word: word("receipt.read")}
	case inbox.Unknown:
		v.Mark = MarkView{Icon: "help", Tone: ToneWarn, Word: word("receipt.unknown")}
		v.Notice, v.Action, v.Confirm = word("unknown.notice"), word("action.again"), true
	case inbox.Failed:
		failed(v, m)
	}
}

func failed(v *ItemView, m *inbox.Message) {
	v.Mark = MarkView{Icon: "warn", Tone: ToneDanger, Word: word("receipt.failed")}
	v.Notice, v.NoticeBad = failureText(m.Failure), true
	if m.Seq == 0 {
		v.Restore = m.Cause
	}
	switch m.Failure {
	case inbox.FailWindow, inbox.FailStopped, inbox.FailPolicy, inbox.FailNotToday, inbox.FailInternal:
		return // the same again would fail again
	}
	v.Action = word("action.again")
}

// failureText is why a message did not reach the customer.
func failureText(f inbox.Failure) string {
	keys := map[inbox.Failure]string{
		inbox.FailWindow: "fail.window", inbox.FailUndeliverable: "fail.undeliverable", inbox.FailStopped: "fail.stopped",
		inbox.FailPolicy: "fail.policy", inbox.FailCompanyAccount: "fail.account", inbox.FailBusy: "fail.busy",
		inbox.FailRefusedByUs: "fail.refused", inbox.FailMedia: "fail.media", inbox.FailInternal: "fail.internal",
		inbox.FailNotToday: "fail.nottoday",
	}
	if k, ok := keys[f]; ok {
		return word(k)
	}
	return word("fail.other")
}

func cardView(m *inbox.Message) *CardView {
	icon, name := medium(m.Kind)
	if icon == "" {
		return nil
	}
	c := &CardView{Icon: icon, Title: name}
	if m.Media != nil {
		c.Key, c.Wide, c.High, c.Blur = string(m.Media.ID), m.Media.Width, m.Media.Height, m.Media.Blur
	}
	switch m.Kind {
	case inbox.Image, inbox.Video, inbox.Sticker, inbox.Audio, inbox.Voice, inbox.Document:
		c.Tile = m.Kind == inbox.Image || m.Kind == inbox.Video
		c.Detail = mediaDetail(m.Media)
		if m.Media == nil {
			break
		}
		if m.Kind == inbox.Document && !m.Media.Name.IsZero() {
			c.Title = m.Media.Name.Visible()
		}
		if m.Media.Size > 0 {
			c.Title += " · " + bytesText(m.Media.Size)
		}
	case inbox.Location:
		c.Detail = word("media.location.detail")
	case inbox.ContactCard:
		c.Detail = word("media.contact.detail")
	case inbox.Button:
		c.Detail = word("media.button.detail")
	case inbox.Order:
		c.Detail = word("media.order.detail")
	case inbox.Unsupported:
		c.Detail = word("media.unsupported.detail")
	case inbox.Templated:
		return &CardView{Icon: icon, Title: name}
	}
	return c
}

// mediaDetail is where the bytes are: they stay on the company's server.
func mediaDetail(m *inbox.Media) string {
	switch {
	case m == nil:
	case m.State == inbox.MediaBroken:
		return word("media.broken")
	case m.State == inbox.MediaPending:
		return word("media.pending")
	}
	return word("media.stays")
}

// copyText is what a reader gets who copies an item: what is shown, masks included.
func copyText(v *ItemView) string {
	if v.Kind == ItemSystem || v.Kind == ItemDay || v.Kind == ItemNew {
		return v.Text
	}
	if !v.Body.IsZero() {
		return v.Body.Visible()
	}
	if v.Card != nil {
		return v.Card.Title
	}
	return ""
}
