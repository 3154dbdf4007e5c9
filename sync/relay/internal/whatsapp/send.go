package whatsapp

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// Outgoing is one message to send. Content is required, and Phone or User.
type Outgoing struct {
	unprintable
	// Phone wins over User when both are set, as at Meta.
	Phone Phone
	User  UserID
	// ReplyTo quotes an earlier message; zero for none.
	ReplyTo MessageID
	// Callback is echoed in every status of the message, at most [MaxCallbackBytes] long. It is the only proof that a message
	// whose answer was lost did leave, so give every send its own.
	Callback string
	Content  Content
}

// Content is what to send: [SendText], [SendReaction], [SendMedia], [SendLocation], [SendCards], [SendInteractive] or
// [SendTemplate].
type Content interface {
	// fill completes the request and checks the limits of the contract.
	fill(r *sendRequest) error
}

// SendText is plain text of 1 to [MaxTextRunes] runes.
type SendText struct {
	unprintable
	Body string
	// Preview lets the first link show a preview. Meta fetches the page for it, so it tells that page's owner something.
	Preview bool
}

// SendReaction puts an emoji on a message; an empty one takes it back.
type SendReaction struct {
	unprintable
	Target MessageID
	Emoji  string
}

// SendResult is what Meta answered: accepted, not delivered.
type SendResult struct {
	ID MessageID
	// Recipient holds the ids under which Meta knows the person.
	Recipient Identity
	// Held is set when Meta keeps a template back to judge its quality first.
	Held bool
}

type sendRequest struct {
	Product   string          `json:"messaging_product"`
	Kind      string          `json:"recipient_type"`
	To        string          `json:"to,omitempty"`
	Recipient string          `json:"recipient,omitempty"`
	Context   *contextRequest `json:"context,omitempty"`
	Callback  string          `json:"biz_opaque_callback_data,omitempty"`
	Type      string          `json:"type"`

	Text     *textRequest     `json:"text,omitempty"`
	Reaction *reactionRequest `json:"reaction,omitempty"`
	Image    *mediaRequest    `json:"image,omitempty"`
	Video    *mediaRequest    `json:"video,omitempty"`
	Audio    *mediaRequest    `json:"audio,omitempty"`
	Document *mediaRequest    `json:"document,omitempty"`
	Sticker  *mediaRequest    `json:"sticker,omitempty"`

	Location    *locationRequest    `json:"location,omitempty"`
	Contacts    []cardRequest       `json:"contacts,omitempty"`
	Interactive *interactiveRequest `json:"interactive,omitempty"`
	Template    *templateRequest    `json:"template,omitempty"`
}

type contextRequest struct {
	MessageID string `json:"message_id"`
}

type textRequest struct {
	Body       string `json:"body"`
	PreviewURL bool   `json:"preview_url"`
}

type reactionRequest struct {
	MessageID string `json:"message_id"`
	Emoji     string `json:"emoji"`
}

// Send posts m once from the company number with this id. On error, [OutcomeOf] says whether the message may have gone.
// [ErrRequest] means that it broke a limit and nothing left.
func (c *Client) Send(ctx context.Context, phoneNumberID string, m Outgoing) (SendResult, error) {
	u, err := c.url(phoneNumberID, "messages")
	if err != nil {
		return SendResult{}, err
	}
	r := sendRequest{Product: "whatsapp", Kind: "individual", To: m.Phone.Reveal(), Callback: m.Callback}
	if r.To == "" {
		r.Recipient = m.User.Reveal()
	}
	switch {
	case r.To == "" && r.Recipient == "":
		return SendResult{}, fmt.Errorf("%w: no recipient", ErrRequest)
	case len(m.Callback) > MaxCallbackBytes:
		return SendResult{}, fmt.Errorf("%w: callback data too long", ErrRequest)
	case m.Content == nil:
		return SendResult{}, fmt.Errorf("%w: no content", ErrRequest)
	}
	if !m.ReplyTo.IsZero() {
		r.Context = &contextRequest{MessageID: m.ReplyTo.Reveal()}
	}
	if err := m.Content.fill(&r); err != nil {
		return SendResult{}, err
	}
	var answer struct {
		Contacts []struct {
			WaID   string `json:"wa_id"`
			UserID string `json:"user_id"`
		} `json:"contacts"`
		Messages []struct {
			ID     string `json:"id"`
			Status string `json:"message_status"`
		} `json:"messages"`
	}
	if err := c.post(ctx, u, r, &answer); err != nil {
		return SendResult{}, err
	}
	if len(answer.Messages) == 0 || answer.Messages[0].ID == "" {
		return SendResult{}, &TransportError{Outcome: OutcomeUnknown}
	}
	res := SendResult{
		ID:   NewMessageID(answer.Messages[0].ID),
		Held: answer.Messages[0].Status != "" && answer.Messages[0].Status != "accepted",
	}
	if len(answer.Contacts) > 0 {
		res.Recipient = person(answer.Contacts[0].WaID, answer.Contacts[0].UserID, "")
	}
	return res, nil
}

// MarkRead tells the customer that the message, and all before it, were read; with typing also that somebody is writing,
// which the customer sees for up to 25 seconds. Repeating it is harmless.
func (c *Client) MarkRead(ctx context.Context, phoneNumberID string, id MessageID, typing bool) error {
	u, err := c.url(phoneNumberID, "messages")
	if err != nil {
		return err
	}
	if id.IsZero() {
		return fmt.Errorf("%w: no message to mark", ErrRequest)
	}
	type indicator struct {
		Type string `json:"type"`
	}
	r := struct {
		Product string     `json:"messaging_product"`
		Status  string     `json:"status"`
		ID      string     `json:"message_id"`
		Typing  *indicator `json:"typing_indicator,omitempty"`
	}{Product: "whatsapp", Status: "read", ID: id.Reveal()}
	if typing {
		r.Typing = &indicator{Type: "text"}
	}
	return c.post(ctx, u, r, &struct{}{})
}

func (t SendText) fill(r *sendRequest) error {
	if n := utf8.RuneCountInString(t.Body); n == 0 || n > MaxTextRunes || !utf8.ValidString(t.Body) {
		return fmt.Errorf("%w: text empty, too long or not UTF-8", ErrRequest)
	}
	r.Type, r.Text = "text", &textRequest{Body: t.Body, PreviewURL: t.Preview}
	return nil
}

func (s SendReaction) fill(r *sendRequest) error {
	if s.Target.IsZero() {
		return fmt.Errorf("%w: reaction to nothing", ErrRequest)
	}
	if !utf8.ValidString(s.Emoji) {
		return fmt.Errorf("%w: reaction not UTF-8", ErrRequest)
	}
	r.Type, r.Reaction = "reaction", &reactionRequest{MessageID: s.Target.Reveal(), Emoji: s.Emoji}
	r.Context = nil // a reaction names its message itself
	return nil
}
