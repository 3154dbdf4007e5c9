package whatsapp

import (
	"encoding/binary"
	"time"
)

// Delivery is one webhook POST, decoded: all changes of all entries in the order Meta wrote them. It aliases the bytes it
// came from.
type Delivery struct {
	unprintable
	// Object is "whatsapp_business_account" for everything this package was written for.
	Object  string
	Changes []Change
}

// Change is one element of entry[].changes[]. Its lists are filled from the value whatever Field says, so a field we do
// not know yet still yields the messages it carries.
type Change struct {
	unprintable
	// AccountID is the id of the company's WhatsApp Business Account, not of a customer.
	AccountID string
	// EntryTime is when Meta made the entry; zero when it did not say.
	EntryTime time.Time
	// Field names the subscription: "messages", "smb_message_echoes", "user_preferences", "account_update" ...
	Field string
	// PhoneNumberID is Meta's id of the company's own number, the key of an inbox.
	PhoneNumberID string
	// DisplayPhoneNumber is the company's own number.
	DisplayPhoneNumber string
	// Contacts are the people the value names, as listed. Messages and statuses carry their own copies.
	Contacts []Identity
	// Messages are what people wrote to the company.
	Messages []Message
	// Echoes are what the company wrote from the Business app or a linked device, past this relay.
	Echoes []Message
	// Statuses report on messages the company sent.
	Statuses []Status
	// Preferences are marketing opt-outs and opt-ins.
	Preferences []Preference
	// Notice is news about the company's account, numbers or templates, or a kind of change that is declined. nil for
	// "messages", "smb_message_echoes" and "user_preferences", whose contents are above.
	Notice Notice
	// Errors are faults of the account or the number rather than of one message.
	Errors []Fault
	// Raw is the whole value.
	Raw Raw
}

// Identity is what Meta told about a person. Any field may be zero, and a person without any telephone number is normal:
// key contacts by UserID when there is one, else by WaID.
type Identity struct {
	unprintable
	Phone        Phone
	WaID         WaID
	UserID       UserID
	ParentUserID UserID
	Username     Username
	Name         Name
	// KeyHash changes when the person's encryption keys change (a new phone, or a SIM swap). "" when not subscribed.
	KeyHash string
}

// IsZero reports whether nothing identifies the person; a name alone does not.
func (i Identity) IsZero() bool {
	return i.Phone.IsZero() && i.WaID.IsZero() && i.UserID.IsZero() && i.Username.IsZero()
}

// Number returns the telephone number to know the person by: the account's id, which may differ from the number a message
// came from, else that number. It is zero for a person who shows none, and never holds a user id: where Meta writes one in
// a number's place, decoding has moved it to UserID or ParentUserID.
func (i Identity) Number() Phone {
	if !i.WaID.IsZero() {
		return Phone{i.WaID.secret}
	}
	return i.Phone
}

// merge fills the gaps of i from o.
func (i Identity) merge(o Identity) Identity {
	if i.Phone.IsZero() {
		i.Phone = o.Phone
	}
	// contacts[] knows the account id; the message knows only the number it came from.
	if !o.WaID.IsZero() {
		i.WaID = o.WaID
	}
	if i.UserID.IsZero() {
		i.UserID = o.UserID
	}
	if i.ParentUserID.IsZero() {
		i.ParentUserID = o.ParentUserID
	}
	if i.Username.IsZero() {
		i.Username = o.Username
	}
	if i.Name.IsZero() {
		i.Name = o.Name
	}
	if i.KeyHash == "" {
		i.KeyHash = o.KeyHash
	}
	return i
}

// Message is one message, inbound or (in [Change.Echoes]) written by the company elsewhere.
type Message struct {
	unprintable
	ID MessageID
	// From is the writer, joined with the matching entry of contacts[].
	From Identity
	// To is the customer of an echo; zero for inbound messages.
	To Identity
	// Group is set when the message was written in a group.
	Group GroupID
	// At has a resolution of seconds, in UTC. Zero when Meta gave no readable time.
	At time.Time
	// Type is Meta's word, also for types this package does not know.
	Type string
	// Body is never nil: what is not understood is [Unknown].
	Body Body
	// Context is nil unless the message answers or forwards another.
	Context *Context
	// Referral is nil unless the message came from an advertisement or a post.
	Referral *Referral
	// Errors are faults Meta reports about this message; those of a message it would not relay are in [Unsupported] too.
	Errors []Fault
	// Raw is the whole message.
	Raw Raw

	account, field string
}

// Context says which message a message answers, or that it was forwarded.
type Context struct {
	unprintable
	From                  Phone
	UserID                UserID
	ID                    MessageID
	Forwarded             bool
	FrequentlyForwarded   bool
	CatalogID, ProductSKU string
}

// Referral is the advertisement or post a person came from.
type Referral struct {
	unprintable
	SourceURL, SourceID, SourceType string
	Headline, Body                  string
	// MediaType is "image" or "video"; the URLs are of the picture, the film or its still, whichever there is.
	MediaType                        string
	ImageURL, VideoURL, ThumbnailURL string
	// ClickID identifies the person's click to the advertiser.
	ClickID string
	// Welcome is the greeting the advertisement showed.
	Welcome string
}

// StatusState is Meta's word for how far a message got. It arrives unordered and repeatedly.
type StatusState string

// The states Meta documents. Others are kept as written.
const (
	StateSent      StatusState = "sent"
	StateDelivered StatusState = "delivered"
	StateRead      StatusState = "read"
	StatePlayed    StatusState = "played"
	StateFailed    StatusState = "failed"
	StateDeleted   StatusState = "deleted"
)

// Status is news about one message the company sent.
type Status struct {
	unprintable
	ID    MessageID
	State StatusState
	At    time.Time
	// Recipient has no number when the person has none to show, and may be empty on failures.
	Recipient Identity
	Group     GroupID
	// Callback is the biz_opaque_callback_data of the send, "" when it had none: then it did not come from this relay.
	Callback string
	// Pricing is nil when Meta sent none.
	Pricing *Pricing
	// ConversationID and ConversationOrigin are "" since v24.0, but for free entry points.
	ConversationID, ConversationOrigin string
	// ConversationUntil is when that conversation, or the free entry point, ends; zero when Meta did not say.
	ConversationUntil time.Time
	// Errors says why, for failed messages.
	Errors []Fault
	Raw    Raw

	account, field string
}

// Pricing is how Meta bills a message.
type Pricing struct {
	Billable bool
	// Model is CBP (per conversation, until 2025) or PMP (per message).
	Model string
	// Category is service, utility, marketing, marketing_lite, authentication, authentication_international or
	// referral_conversion.
	Category string
	// Type is regular, free_customer_service or free_entry_point.
	Type string
}

// Preference is a person's wish about marketing messages from one company number.
type Preference struct {
	unprintable
	Who      Identity
	Category string
	// Stop is true for "stop", false for "resume".
	Stop bool
	At   time.Time
	Raw  Raw

	account, field string
}

// Fault is an error inside a webhook. Act on the code; the texts may hold numbers and are for the vault alone.
type Fault struct {
	unprintable
	Code    int
	Title   string
	Message string
	Details string
}

// Class returns what the fault means for a sender.
func (f Fault) Class() Class { return ClassOf(f.Code) }

// DedupeKey returns bytes equal for every delivery of this message and different for any other. They hold the wamid: hash
// them under a key before storing.
func (m Message) DedupeKey() []byte {
	if m.ID.IsZero() {
		return dedupe('x', m.account, m.field, string(m.Raw))
	}
	return dedupe('m', m.ID.Reveal())
}

// DedupeKey returns bytes equal for every delivery of this state of this message to this recipient. Hash before storing.
func (s Status) DedupeKey() []byte {
	if s.ID.IsZero() {
		return dedupe('x', s.account, s.field, string(s.Raw))
	}
	who := s.Recipient.UserID.Reveal()
	if !s.Recipient.WaID.IsZero() {
		who = s.Recipient.WaID.Reveal()
	}
	return dedupe('s', s.ID.Reveal(), string(s.State), who)
}

// DedupeKey returns bytes equal for every delivery of this preference. Hash before storing.
func (p Preference) DedupeKey() []byte { return dedupe('x', p.account, p.field, string(p.Raw)) }

// DedupeKey returns bytes equal for every delivery of this change as a whole, for changes that hold nothing with a key of
// its own. Hash before storing.
func (c Change) DedupeKey() []byte { return dedupe('c', c.AccountID, c.Field, string(c.Raw)) }

func dedupe(kind byte, parts ...string) []byte {
	n := 1
	for _, p := range parts {
		n += len(p) + binary.MaxVarintLen32
	}
	key := append(make([]byte, 0, n), kind)
	for _, p := range parts { // lengths first, so that no two lists of parts run into the same bytes
		key = binary.AppendUvarint(key, uint64(len(p)))
		key = append(key, p...)
	}
	return key
}
