package ui

import (
	"slices"
	"strings"
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
	ItemOlder  // stands for the messages before
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

// A LineView is a small line at the top of a bubble: forwarded, from a template, written elsewhere.
type LineView struct {
	Icon string
	Text string
	Tone Tone
}

// A ChoiceView is something the customer can press, drawn as a row below a message.
type ChoiceView struct {
	Icon string
	Text inbox.Masked
	Note inbox.Masked // a second line
	List bool         // one of a list: it starts at the left
}

// A ReferralView is the advertisement that brought the customer.
type ReferralView struct {
	Line     string
	Headline inbox.Masked
	Body     inbox.Masked
}

// An UploadView is how far a file has come on its way to the company's server.
type UploadView struct {
	Part   float32 // of 1; below 0 while it waits
	Text   string
	Cancel inbox.IntentID
}

// An ItemView is one item of the timeline. Items are made anew at each change and never changed.
type ItemView struct {
	ID       string // unique in the timeline, stable
	Message  inbox.MessageID
	Kind     ItemKind
	Out      bool
	Joined   bool // follows another of the same person closely
	Pending  bool // only this device knows it
	Head     string
	Lines    []LineView
	Referral *ReferralView
	Quote    *QuoteView
	Card     *CardView
	Header   inbox.Masked // above the body, in bold
	Body     inbox.Masked
	Names    []string     // people the body of a note asks to look, as it names them
	Footer   inbox.Masked // below the body, small
	// Texts of the company's own take the place of the three above: they are not masked.
	HeaderSpans, BodySpans, FooterSpans []inbox.Span

	Choices   []ChoiceView
	Upload    *UploadView
	Faint     bool // the body is about a message, not the message
	Text      string
	Alert     bool // a caption that asks for attention
	Goes      bool // a caption that leads to another conversation
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
	At        inbox.Moment
	Undo      inbox.Moment // its author may take it back until then; 0 for never
	Withdraw  bool         // its author may take it back while it is held
	Decides   bool         // the reader may decide whether it leaves
}

// undoable reports whether a message can be taken back now.
func (v *ItemView) undoable(now inbox.Moment) bool { return v.Undo > now }

// same reports whether two items would look alike.
func (v *ItemView) same(o *ItemView) bool {
	a, b := *v, *o
	if !a.Body.Equal(b.Body) || !slices.Equal(a.Names, b.Names) || !a.Header.Equal(b.Header) || !a.Footer.Equal(b.Footer) || !slices.Equal(a.Reactions, b.Reactions) ||
		!slices.Equal(a.Lines, b.Lines) || (a.Quote == nil) != (b.Quote == nil) || (a.Referral == nil) != (b.Referral == nil) || (a.Upload == nil) != (b.Upload == nil) {
		return false
	}
	if a.Quote != nil && (a.Quote.Who != b.Quote.Who || a.Quote.Message != b.Quote.Message || !a.Quote.Text.Equal(b.Quote.Text)) {
		return false
	}
	if a.Referral != nil && (a.Referral.Line != b.Referral.Line || !a.Referral.Headline.Equal(b.Referral.Headline) || !a.Referral.Body.Equal(b.Referral.Body)) {
		return false
	}
	if a.Upload != nil && *a.Upload != *b.Upload {
		return false
	}
	if !a.Card.same(b.Card) || !slices.EqualFunc(a.Choices, b.Choices, func(x, y ChoiceView) bool {
		return x.Icon == y.Icon && x.List == y.List && x.Text.Equal(y.Text) && x.Note.Equal(y.Note)
	}) {
		return false
	}
	return a.ID == b.ID && a.Message == b.Message && a.Kind == b.Kind && a.Out == b.Out && a.Joined == b.Joined && a.Pending == b.Pending &&
		a.Head == b.Head && a.Faint == b.Faint && a.Alert == b.Alert && a.Goes == b.Goes && a.Text == b.Text && a.Time == b.Time && a.Mark == b.Mark &&
		a.Notice == b.Notice && a.NoticeBad == b.NoticeBad && a.Action == b.Action && a.Confirm == b.Confirm && a.Restore == b.Restore &&
		a.Replies == b.Replies && a.Reacts == b.Reacts && a.Ours == b.Ours && a.At == b.At && a.Undo == b.Undo && a.Withdraw == b.Withdraw && a.Decides == b.Decides
}

// newLine is the ID of the line above what is new.
const newLine = "new"

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
			out = append(out, &ItemView{ID: newLine, Kind: ItemNew, Text: word("timeline.new")})
			marked, last = true, nil
		}
		v := itemView(m, s, t)
		if last != nil && v.Kind == ItemBubble && last.Kind != inbox.Note && last.Kind != inbox.System &&
			last.Side == m.Side && last.Author == m.Author && last.Outside == m.Outside && m.At.Sub(last.At) < joinWithin && len(last.Reactions) == 0 && out[len(out)-1].Notice == "" {
			v.Joined, v.Head = true, ""
		}
		out = append(out, v)
		last = m
	}
	return out
}

func itemView(m *inbox.Message, s staff, t clock) *ItemView {
	v := &ItemView{ID: string(m.ID), Message: m.ID, At: m.At, Time: t.hour(m.At), Body: m.Body, Out: m.Side == inbox.FromPerson, Pending: m.Seq == 0}
	switch m.Kind {
	case inbox.System:
		v.Kind, v.Text, v.Body = ItemSystem, captionText(m, s, t), inbox.Masked{}
		v.Alert, v.Goes = alarming(m.What), m.What == inbox.WhatJoined
		return v
	case inbox.Note:
		v.Kind, v.Out, v.Head = ItemNote, true, word("note.head", "Name", s.name(m.Author))
		for _, id := range m.Mentions {
			v.Names = append(v.Names, s.written(id))
		}
		if m.Receipt == inbox.Failed {
			failed(v, m)
		}
		return v
	}
	switch {
	case !v.Out || m.Author == s.me.ID && m.Author != "" || m.Outside:
	case m.Author == "":
		v.Head = word("message.automatic")
	default:
		v.Head = s.name(m.Author)
	}
	v.Lines = linesOf(m)
	v.Referral = referralView(m.Referral)
	v.Header, v.Footer, v.Choices = m.Header, m.Footer, choiceViews(m)
	if m.Edited != 0 {
		v.Time = word("message.edited", "Time", v.Time)
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
	if m.Kind == inbox.Location && !v.Out {
		detail, hidden := placeText(m.Body)
		v.Card.Detail = detail
		if hidden {
			v.Body = inbox.Masked{}
		}
	}
	if m.Kind == inbox.Deleted {
		v.Body, v.Faint = inbox.PlainText(word("media.deleted")), true
		if v.Out {
			v.Body = inbox.PlainText(word("media.deleted.ours"))
		}
		v.Header, v.Footer, v.Choices, v.Card, v.Referral = inbox.Masked{}, inbox.Masked{}, nil, nil, nil
	}
	for _, r := range m.Reactions {
		v.Reactions = append(v.Reactions, r.Emoji)
		if r.Side == inbox.FromPerson {
			v.Ours = r.Emoji
		}
	}
	v.Replies, v.Reacts = answerable(m)
	if v.Out {
		receipt(v, m, s.held)
		unsent(v, m, s)
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
	if q.Text.IsZero() {
		q.Text = v.Header
	}
	if q.Text.IsZero() && v.Card != nil {
		q.Text = inbox.PlainText(v.Card.Title)
	}
	return q
}

// receipt says how far a message has come, and what to do when it did not get through.
func receipt(v *ItemView, m *inbox.Message, held bool) {
	switch m.Receipt {
	case inbox.Queued:
		v.Mark = MarkView{Icon: "queued", Word: word("receipt.queued")}
		if held {
			v.Mark.Tone, v.Mark.Word = ToneWarn, word("receipt.held")
			v.Notice = word("receipt.held")
		}
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

// unsent says what can be done about a message that has not left.
func unsent(v *ItemView, m *inbox.Message, s staff) {
	own := m.Author == s.me.ID && m.Author != ""
	if m.Receipt != inbox.Queued || m.Seq == 0 {
		return
	}
	if !m.Held {
		if own {
			v.Undo = m.Until
		}
		return
	}
	v.Mark = MarkView{Icon: "clock", Tone: ToneWarn, Word: word("receipt.guarded")}
	v.Notice = word("receipt.guarded")
	v.Withdraw, v.Decides = own, !own && may(s.me, inbox.ActDecide)
	if v.Decides {
		v.Notice = word("receipt.guarded.you")
	}
	if found := foundText(m.Found); found != "" {
		v.Notice += ". " + word("guard.found", "Found", found)
	}
}

func failed(v *ItemView, m *inbox.Message) {
	v.Mark = MarkView{Icon: "warn", Tone: ToneDanger, Word: word("receipt.failed")}
	v.Notice, v.NoticeBad = failureText(m.Failure), true
	if m.Seq == 0 {
		v.Restore = m.Cause
	}
	switch m.Failure {
	case inbox.FailWindow, inbox.FailStopped, inbox.FailPolicy, inbox.FailNotToday, inbox.FailInternal, inbox.FailTemplate, inbox.FailNumberNeeded, inbox.FailMedia, inbox.FailNotReleased:
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
		inbox.FailNotToday: "fail.nottoday", inbox.FailTemplate: "fail.template", inbox.FailNumberNeeded: "fail.number",
		inbox.FailNotReleased: "fail.notreleased",
	}
	if k, ok := keys[f]; ok {
		return word(k)
	}
	return word("fail.other")
}

// copyText is what a reader gets who copies an item: what is shown, masks included.
func copyText(v *ItemView) string {
	if v.Kind == ItemSystem || v.Kind == ItemDay || v.Kind == ItemNew {
		return v.Text
	}
	var parts []string
	for _, m := range []inbox.Masked{v.Header, v.Body, v.Footer} {
		if !m.IsZero() {
			parts = append(parts, shownText(m))
		}
	}
	if len(parts) > 0 {
		return strings.Join(parts, "\n")
	}
	if v.Card != nil {
		return v.Card.Title
	}
	return ""
}
