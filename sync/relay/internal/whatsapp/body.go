package whatsapp

import "time"

// Body is what a message says. It is one of [Text], [Media], [Location], [Cards], [Reply], [FlowReply], [CallPermission],
// [Button], [Reaction], [Order], [System], [Revoke], [Edit], [Welcome], [Unsupported] or [Unknown].
type Body interface{ isBody() }

// Text is a written message.
type Text struct {
	unprintable
	Body string
}

// MediaKind tells media messages apart.
type MediaKind string

// The kinds of media Meta delivers and accepts.
const (
	Image    MediaKind = "image"
	Video    MediaKind = "video"
	Audio    MediaKind = "audio"
	Document MediaKind = "document"
	Sticker  MediaKind = "sticker"
)

// Media is a picture, film, sound, document or sticker.
type Media struct {
	unprintable
	Kind MediaKind
	ID   MediaID
	// MIME is Meta's claim, parameters included ("audio/ogg; codecs=opus"). Sniff the bytes before believing it.
	MIME string
	// SHA256 is the digest of the file as 32 bytes; nil when Meta gave none or an unreadable one.
	SHA256 []byte
	// Caption and Filename are the customer's words.
	Caption, Filename string
	// Voice marks a recording made in the chat.
	Voice bool
	// Animated marks a moving sticker.
	Animated bool
	// URL is set by newer versions of the API; it expires like any other.
	URL MediaURL
}

// Location is a point on the map, perhaps a named place.
type Location struct {
	unprintable
	Latitude, Longitude float64
	Name, Address, URL  string
}

// Cards is one or more shared contacts.
type Cards struct {
	unprintable
	Cards []Card
}

// Card is one shared contact. Everything in it identifies somebody.
type Card struct {
	unprintable
	FormattedName, FirstName, LastName string
	// Company, Department and Role are the person's place in an organisation.
	Company, Department, Role string
	Birthday                  string
	Phones                    []CardPhone
	Emails, URLs, Addresses   []string
	VCard                     string
	// Origin is "contact_request" when the card answers our request for contact data.
	Origin string
}

// CardPhone is a number on a card.
type CardPhone struct {
	Phone Phone
	WaID  WaID
	Type  string
}

// ReplyKind tells where a person tapped.
type ReplyKind string

// The kinds of interactive answers with a title.
const (
	ButtonReply ReplyKind = "button_reply"
	ListReply   ReplyKind = "list_reply"
)

// Reply is a tap on a button or list row we offered.
type Reply struct {
	unprintable
	Kind ReplyKind
	// ID is our own.
	ID                 string
	Title, Description string
}

// FlowReply is a filled-in form.
type FlowReply struct {
	unprintable
	Name, Body string
	// Response is the answers as JSON text.
	Response string
}

// CallPermission is the answer to our question whether we may call.
type CallPermission struct {
	unprintable
	Granted, Permanent bool
	// Until is when a permission that is not permanent ends; zero when Meta did not say.
	Until time.Time
}

// Button is a tap on a quick reply of a template.
type Button struct {
	unprintable
	Payload, Text string
}

// Reaction is an emoji on a message; an empty one takes the earlier reaction back.
type Reaction struct {
	unprintable
	Target MessageID
	Emoji  string
}

// Removed reports whether the reaction was taken back.
func (r Reaction) Removed() bool { return r.Emoji == "" }

// Order is a cart sent from the company's catalog.
type Order struct {
	unprintable
	CatalogID, Text string
	Items           []OrderItem
}

// OrderItem is one line of an order.
type OrderItem struct {
	SKU      string
	Quantity int
	Price    float64
	Currency string
}

// System is news about a person rather than from them. Its text holds numbers.
type System struct {
	unprintable
	// Kind is user_changed_number, user_changed_user_id, customer_identity_changed ...
	Kind string
	Text string
	// Now is who the person is after the change; Before holds what the notice says about the old identity.
	Now, Before Identity
}

// Revoke takes a message back. Only numbers that are also used in the Business app get it, up to two days later. In
// [Change.Echoes] it is the company that took back what it had written in the app.
type Revoke struct {
	unprintable
	Target MessageID
}

// Edit replaces a message's body. Where it comes from is as for [Revoke].
type Edit struct {
	unprintable
	Target MessageID
	// New is nil when the notice does not carry the new body in a known shape. It is never itself an edit, a revoke, a
	// reaction or news.
	New Body
}

// Welcome says that a person opened the chat for the first time.
type Welcome struct{}

// Unsupported is a message the person sent but Meta would not relay.
type Unsupported struct {
	unprintable
	// Kind is Meta's word for what it was ("poll_creation", "edit" ...), "" when it did not say.
	Kind   string
	Errors []Fault
}

// Unknown is a message of a type, or with a body, that this package does not know. [Message.Raw] has it.
type Unknown struct{}

func (Text) isBody()           {}
func (Media) isBody()          {}
func (Location) isBody()       {}
func (Cards) isBody()          {}
func (Reply) isBody()          {}
func (FlowReply) isBody()      {}
func (CallPermission) isBody() {}
func (Button) isBody()         {}
func (Reaction) isBody()       {}
func (Order) isBody()          {}
func (System) isBody()         {}
func (Revoke) isBody()         {}
func (Edit) isBody()           {}
func (Welcome) isBody()        {}
func (Unsupported) isBody()    {}
func (Unknown) isBody()        {}
