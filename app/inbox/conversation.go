package inbox

import (
	"slices"
	"time"
)

// ReplyWindow is how long after a customer's message the company may answer freely
// (WhatsApp Business Platform, "customer service window").
const ReplyWindow = 24 * time.Hour

// MaxText is the longest text WhatsApp takes, in characters (Cloud API, text.body).
const MaxText = 4096

// A ConversationState says whether somebody has to act.
type ConversationState uint8

// The states.
const (
	Open    ConversationState = 0
	Closed  ConversationState = 1
	Snoozed ConversationState = 2 // nobody has to act until it wakes
)

// A Conversation is the row an inbox list shows for the thread with one contact. It is a fold over the events of its
// log: see [Conversation.Apply].
type Conversation struct {
	ID          ConversationID    `cbor:"1,keyasint"`
	Inbox       InboxID           `cbor:"2,keyasint"`
	Contact     Contact           `cbor:"3,keyasint"`
	State       ConversationState `cbor:"4,keyasint,omitempty"`
	Assignee    PersonID          `cbor:"5,keyasint,omitempty"`
	LastInbound Moment            `cbor:"6,keyasint,omitempty"` // the customer's last message: opens the reply window
	LastAt      Moment            `cbor:"7,keyasint,omitempty"` // the last item anybody wrote
	LastSeq     uint64            `cbor:"8,keyasint,omitempty"` // its place
	LastID      MessageID         `cbor:"9,keyasint,omitempty"`
	LastSide    Side              `cbor:"10,keyasint,omitempty"`
	LastKind    MessageKind       `cbor:"11,keyasint,omitempty"`
	LastAuthor  PersonID          `cbor:"12,keyasint,omitempty"`
	LastReceipt Receipt           `cbor:"13,keyasint,omitempty"`
	Snippet     Masked            `cbor:"14,keyasint,omitzero"`
	ReadSeq     uint64            `cbor:"15,keyasint,omitempty"` // how far the reader of this row has read
	Unread      int               `cbor:"16,keyasint,omitempty"` // the customer's messages after ReadSeq
	InboundSeq  uint64            `cbor:"17,keyasint,omitempty"` // place of the customer's last message
	Referred    Moment            `cbor:"18,keyasint,omitempty"` // the customer last came from an advertisement
	FreeUntil   Moment            `cbor:"19,keyasint,omitempty"` // until then WhatsApp bills nothing here
	Consent     Consent           `cbor:"20,keyasint,omitzero"`
	Into        ConversationID    `cbor:"21,keyasint,omitempty"` // the same customer goes on there
	Erased      Moment            `cbor:"22,keyasint,omitempty"` // the customer was forgotten; nothing is left but this
	Until       Moment            `cbor:"23,keyasint,omitempty"` // when it wakes, while it is Snoozed; 0: when the customer writes
	Waiting     Moment            `cbor:"24,keyasint,omitempty"` // since when the customer waits for an answer; 0: he does not
	Tags        []TagID           `cbor:"25,keyasint,omitempty"`
	Tasks       []Task            `cbor:"26,keyasint,omitempty"` // in the order they were last changed
	Rating      uint8             `cbor:"27,keyasint,omitempty"` // 1 to 5, the customer's last; 0: none
	Mentioned   uint64            `cbor:"28,keyasint,omitempty"` // place of the last note that asks the reader to look
	Replies     []Reply           `cbor:"29,keyasint,omitempty"` // what people wrote while the customer waits, and has not left yet
}

// FreeEntry is how long nothing is billed after a customer came from an advertisement and was answered within
// [ReplyWindow] (WhatsApp Business Platform pricing, "free entry point"). It does not keep the reply window open.
const FreeEntry = 72 * time.Hour

const snippetRunes = 120

// WindowCloses returns when the reply window closes; zero when the customer never wrote.
func (c Conversation) WindowCloses() Moment {
	if c.LastInbound == 0 {
		return 0
	}
	return c.LastInbound.Add(ReplyWindow)
}

// WindowOpen reports whether free text may be sent at now.
func (c Conversation) WindowOpen(now Moment) bool {
	return c.LastInbound != 0 && now < c.WindowCloses()
}

// Apply folds e into the row, as seen by reader (whose read marks count; "" for nobody's). Events of other
// conversations must not be given. Applying an event twice leaves the row as applying it once does, as long as events
// come in the order of their log.
func (c *Conversation) Apply(e Event, reader PersonID) {
	switch b := e.Body.(type) {
	case ConversationOpened:
		c.ID, c.Inbox, c.Contact = b.Conversation, b.Inbox, b.Contact
		c.LastAt = max(c.LastAt, e.At)
	case ContactChanged:
		c.Contact = b.Contact
	case MessageAdded:
		c.add(b.Message, e.Seq, reader)
	case ReceiptChanged:
		if b.Message == c.LastID {
			c.LastReceipt = c.LastReceipt.Advance(b.Receipt)
		}
		c.left(b)
	case MessageWithdrawn:
		c.forgetReplies(func(a Reply) bool { return a.Message == b.Message })
	case Assigned:
		c.Assignee = b.To
	case StateChanged:
		c.State, c.Until = b.State, b.Until
		if b.State == Closed {
			c.Waiting, c.Replies = 0, nil
		}
	case ConsentChanged:
		c.Consent = b.Consent
	case FreeEntryMoved:
		c.FreeUntil = b.Until
	case ContactErased:
		*c = Conversation{ID: c.ID, Inbox: c.Inbox, Contact: Contact{ID: c.Contact.ID, Alias: c.Contact.Alias}, State: Closed, Erased: e.At, LastAt: c.LastAt, LastSeq: e.Seq}
	case ConversationJoined:
		c.Into, c.State, c.Until = b.Into, Closed, 0
		c.Waiting, c.Replies, c.Unread, c.Mentioned = 0, nil, 0, 0 // see TakeOver
	case TagsChanged:
		c.Tags = b.Tags
	case TaskChanged:
		c.keep(b)
	case Rated:
		c.Rating = b.Score
		if c.Waiting == c.LastInbound { // his last message said that, and waits for nothing
			c.Waiting, c.Replies = 0, nil
		}
	case MessageMasked:
		if b.Message == c.LastID && c.LastKind != Deleted {
			c.Snippet = b.Body.Excerpt(snippetRunes)
		}
	case MessageChanged:
		if b.Message == c.LastID && c.LastKind != Deleted {
			c.Snippet = b.Body.Excerpt(snippetRunes)
			if b.Deleted {
				c.LastKind, c.Snippet = Deleted, Masked{}
			}
		}
	case ReadMoved:
		if b.Person == reader && reader != "" && b.UpTo > c.ReadSeq {
			c.ReadSeq = b.UpTo
			if c.InboundSeq <= b.UpTo {
				c.Unread = 0
			}
		}
	}
}

// TakeOver folds into the row what waits for somebody in another conversation of the same customer, which e, an
// [ConversationJoined], joins into this one. Give the other row as it stood before e; afterwards it has nothing left to take over,
// so doing it twice is doing it once.
func (c *Conversation) TakeOver(young Conversation, e Event) {
	if young.Waiting != 0 && (c.Waiting == 0 || young.Waiting < c.Waiting) {
		c.Waiting = young.Waiting // an answer that is still on its way there ends nothing here: rather one look too many
	}
	c.LastInbound, c.InboundSeq = max(c.LastInbound, young.LastInbound), max(c.InboundSeq, young.InboundSeq)
	c.Referred, c.FreeUntil = max(c.Referred, young.Referred), max(c.FreeUntil, young.FreeUntil)
	c.LastAt = max(c.LastAt, young.LastAt)
	c.Unread += young.Unread
	if young.Mentioned > young.ReadSeq {
		c.Mentioned = e.Seq
	}
	if c.Rating == 0 {
		c.Rating = young.Rating
	}
}

func (c *Conversation) add(m Message, seq uint64, reader PersonID) {
	if seq <= c.LastSeq && c.LastSeq != 0 {
		return
	}
	if m.Side == FromContact {
		c.LastInbound = max(c.LastInbound, m.At)
		c.InboundSeq = seq
		if c.Into == "" {
			c.State, c.Until = Open, 0 // a customer's message always needs a look
		}
		if c.Waiting == 0 {
			c.Waiting = m.At
		}
		if m.Referral != nil {
			c.Referred = max(c.Referred, m.At)
		}
		if seq > c.ReadSeq {
			c.Unread++
		}
	}
	if m.Side == FromPerson && m.Kind != Note && c.Referred != 0 && m.At < c.Referred.Add(ReplyWindow) && c.FreeUntil < c.Referred {
		c.FreeUntil = m.At.Add(FreeEntry)
	}
	c.answered(m, seq)
	if reader != "" && slices.Contains(m.Mentions, reader) {
		c.Mentioned = seq
	}
	if m.Side == FromPerson && m.Author == reader && reader != "" { // who answers has read
		c.ReadSeq, c.Unread = max(c.ReadSeq, seq), 0
	}
	if m.Kind == System {
		c.LastSeq = seq
		return
	}
	c.LastSeq, c.LastAt, c.LastID = seq, max(c.LastAt, m.At), m.ID
	c.LastSide, c.LastKind, c.LastAuthor, c.LastReceipt = m.Side, m.Kind, m.Author, m.Receipt
	c.Snippet = m.Body.Excerpt(snippetRunes)
}
