package whatsapp

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// Limits of the contract that [Client.Send] checks before anything leaves.
const (
	MaxTextRunes     = 4096
	MaxCaptionRunes  = 1024
	MaxCallbackBytes = 512
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

// Content is what to send: [SendText], [SendReaction], [SendMedia] or [SendTemplate].
type Content interface {
	// fill completes the request and checks the limits of the contract.
	fill(r *sendRequest) error
}

// SendText is plain text of 1 to [MaxTextRunes] runes. Links get no preview: Meta would fetch them.
type SendText struct {
	unprintable
	Body string
}

// SendReaction puts an emoji on a message; an empty one takes it back.
type SendReaction struct {
	unprintable
	Target MessageID
	Emoji  string
}

// SendMedia sends a file uploaded with [Client.MediaUpload].
type SendMedia struct {
	unprintable
	Kind MediaKind
	ID   MediaID
	// Caption is for images, videos and documents, Filename for documents; both may be empty.
	Caption, Filename string
}

// SendTemplate sends a template approved by Meta, the only thing allowed outside the window.
type SendTemplate struct {
	unprintable
	Name string
	// Language is a code such as "de" or "en_US" under which the template was approved.
	Language string
	// Components fill its variables, in Meta's order.
	Components []TemplateComponent
}

// TemplateComponent fills one part of a template.
type TemplateComponent struct {
	unprintable
	// Type is "header", "body" or "button".
	Type string
	// SubType and Index are for buttons only: "quick_reply" or "url", counted from 0.
	SubType string
	Index   int
	// Parameters are the values, in order.
	Parameters []TemplateParameter
}

// TemplateParameter is one value: Text, or Payload of a quick reply, or a file by Media.
type TemplateParameter struct {
	unprintable
	// Name is for templates with named parameters.
	Name    string
	Text    string
	Payload string
	Media   *SendMedia
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
	Template *templateRequest `json:"template,omitempty"`
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

type mediaRequest struct {
	ID       string `json:"id"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

type templateRequest struct {
	Name     string `json:"name"`
	Language struct {
		Code string `json:"code"`
	} `json:"language"`
	Components []componentRequest `json:"components,omitempty"`
}

type componentRequest struct {
	Type       string             `json:"type"`
	SubType    string             `json:"sub_type,omitempty"`
	Index      *int               `json:"index,omitempty"`
	Parameters []parameterRequest `json:"parameters,omitempty"`
}

type parameterRequest struct {
	Type     string        `json:"type"`
	Name     string        `json:"parameter_name,omitempty"`
	Text     string        `json:"text,omitempty"`
	Payload  string        `json:"payload,omitempty"`
	Image    *mediaRequest `json:"image,omitempty"`
	Video    *mediaRequest `json:"video,omitempty"`
	Document *mediaRequest `json:"document,omitempty"`
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
	r.Type, r.Text = "text", &textRequest{Body: t.Body}
	return nil
}

func (s SendReaction) fill(r *sendRequest) error {
	if s.Target.IsZero() {
		return fmt.Errorf("%w: reaction to nothing", ErrRequest)
	}
	r.Type, r.Reaction = "reaction", &reactionRequest{MessageID: s.Target.Reveal(), Emoji: s.Emoji}
	r.Context = nil // a reaction names its message itself
	return nil
}

func (s SendMedia) fill(r *sendRequest) error {
	m, err := s.request()
	if err != nil {
		return err
	}
	r.Type = string(s.Kind)
	switch s.Kind {
	case Image:
		r.Image = m
	case Video:
		r.Video = m
	case Audio:
		r.Audio = m
	case Document:
		r.Document = m
	case Sticker:
		r.Sticker = m
	}
	return nil
}

func (s SendMedia) request() (*mediaRequest, error) {
	if s.ID.IsZero() {
		return nil, fmt.Errorf("%w: media without id", ErrRequest)
	}
	if utf8.RuneCountInString(s.Caption) > MaxCaptionRunes || !utf8.ValidString(s.Caption) {
		return nil, fmt.Errorf("%w: caption too long or not UTF-8", ErrRequest)
	}
	m := &mediaRequest{ID: s.ID.Reveal(), Caption: s.Caption, Filename: s.Filename}
	switch s.Kind {
	case Image, Video:
		m.Filename = ""
	case Document:
	case Audio, Sticker:
		if s.Caption != "" {
			return nil, fmt.Errorf("%w: caption on audio or sticker", ErrRequest)
		}
		m.Filename = ""
	default:
		return nil, fmt.Errorf("%w: unknown kind of media", ErrRequest)
	}
	return m, nil
}

func (t SendTemplate) fill(r *sendRequest) error {
	if t.Name == "" || len(t.Name) > 512 || t.Language == "" {
		return fmt.Errorf("%w: template without name or language", ErrRequest)
	}
	req := &templateRequest{Name: t.Name}
	req.Language.Code = t.Language
	for _, c := range t.Components {
		cr := componentRequest{Type: c.Type}
		switch c.Type {
		case "header", "body":
		case "button":
			cr.SubType, cr.Index = c.SubType, &c.Index
		default:
			return fmt.Errorf("%w: unknown template component", ErrRequest)
		}
		for _, p := range c.Parameters {
			pr, err := p.request()
			if err != nil {
				return err
			}
			cr.Parameters = append(cr.Parameters, pr)
		}
		req.Components = append(req.Components, cr)
	}
	r.Type, r.Template = "template", req
	return nil
}

func (p TemplateParameter) request() (parameterRequest, error) {
	r := parameterRequest{Name: p.Name}
	switch {
	case p.Media != nil:
		m, err := p.Media.request()
		if err != nil {
			return r, err
		}
		r.Type = string(p.Media.Kind)
		m.Caption = ""
		switch p.Media.Kind {
		case Image:
			r.Image = m
		case Video:
			r.Video = m
		case Document:
			r.Document = m
		default:
			return r, fmt.Errorf("%w: this kind of media cannot stand in a template", ErrRequest)
		}
	case p.Payload != "":
		r.Type, r.Payload = "payload", p.Payload
	case p.Text != "":
		r.Type, r.Text = "text", p.Text
	default:
		return r, fmt.Errorf("%w: empty template parameter", ErrRequest)
	}
	return r, nil
}
