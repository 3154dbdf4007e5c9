package whatsapp

import "fmt"

// SendInteractive sends a text with something to tap. Body is 1 to [MaxBodyRunes] runes. Header and Footer are optional,
// and not allowed where Action says so.
type SendInteractive struct {
	unprintable
	Header       *Header
	Body, Footer string
	Action       Action
}

// Header stands above an interactive message: Text of at most [MaxHeaderRunes] runes, or an image, video or document.
type Header struct {
	unprintable
	Text  string
	Media *SendMedia
}

// Action is what can be tapped: [ReplyButtons], [ChoiceList], [LinkButton], [AskLocation] or [AskContact].
type Action interface {
	// act completes the request and checks the limits of the contract.
	act(r *interactiveRequest) error
}

// Choice is one answer offered. ID is ours: it comes back in [Reply], so it must not name the person or tell a secret.
// IDs and titles differ within one message. Description is for rows of a [ChoiceList] and may be empty.
type Choice struct {
	unprintable
	ID, Title, Description string
}

// ReplyButtons offers 1 to [MaxReplyButtons] answers as buttons.
type ReplyButtons struct{ Buttons []Choice }

// ChoiceList offers at most [MaxListRows] answers in a list that opens with a button named Button. Its header is a text.
type ChoiceList struct {
	unprintable
	Button   string
	Sections []Section
}

// Section is a group of rows in a [ChoiceList]. Its title may be empty only when it is the only one.
type Section struct {
	unprintable
	Title string
	Rows  []Choice
}

// LinkButton opens a web page, from a button instead of a long address in the text.
type LinkButton struct {
	unprintable
	Title, URL string
}

// AskLocation asks the person to send where they are. No header, no footer.
type AskLocation struct{}

// AskContact asks the person to share their telephone number, for those known by user id alone. The answer is [Cards] with
// the origin "contact_request". No header, no footer.
type AskContact struct{}

type interactiveRequest struct {
	Type   string         `json:"type"`
	Header *headerRequest `json:"header,omitempty"`
	Body   wordsRequest   `json:"body"`
	Footer *wordsRequest  `json:"footer,omitempty"`
	Action actionRequest  `json:"action"`
}

type wordsRequest struct {
	Text string `json:"text"`
}

type headerRequest struct {
	Type     string        `json:"type"`
	Text     string        `json:"text,omitempty"`
	Image    *mediaRequest `json:"image,omitempty"`
	Video    *mediaRequest `json:"video,omitempty"`
	Document *mediaRequest `json:"document,omitempty"`
}

type actionRequest struct {
	Name       string           `json:"name,omitempty"`
	Button     string           `json:"button,omitempty"`
	Buttons    []replyRequest   `json:"buttons,omitempty"`
	Sections   []sectionRequest `json:"sections,omitempty"`
	Parameters *linkRequest     `json:"parameters,omitempty"`
}

type replyRequest struct {
	Type  string        `json:"type"`
	Reply choiceRequest `json:"reply"`
}

type sectionRequest struct {
	Title string          `json:"title,omitempty"`
	Rows  []choiceRequest `json:"rows"`
}

type choiceRequest struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

type linkRequest struct {
	Text string `json:"display_text"`
	URL  string `json:"url"`
}

func (s SendInteractive) fill(r *sendRequest) error {
	if !words(s.Body, 1, MaxBodyRunes) {
		return fmt.Errorf("%w: body empty, too long or not UTF-8", ErrRequest)
	}
	if !words(s.Footer, 0, MaxFooterRunes) {
		return fmt.Errorf("%w: footer too long or not UTF-8", ErrRequest)
	}
	if s.Action == nil {
		return fmt.Errorf("%w: nothing to tap", ErrRequest)
	}
	q := &interactiveRequest{Body: wordsRequest{s.Body}}
	if s.Footer != "" {
		q.Footer = &wordsRequest{s.Footer}
	}
	if s.Header != nil {
		h, err := s.Header.request()
		if err != nil {
			return err
		}
		q.Header = h
	}
	if err := s.Action.act(q); err != nil {
		return err
	}
	r.Type, r.Interactive = "interactive", q
	return nil
}

func (h Header) request() (*headerRequest, error) {
	if (h.Text == "") == (h.Media == nil) {
		return nil, fmt.Errorf("%w: header is neither text nor media, or both", ErrRequest)
	}
	if h.Media == nil {
		if !words(h.Text, 1, MaxHeaderRunes) {
			return nil, fmt.Errorf("%w: header blank, too long or not UTF-8", ErrRequest)
		}
		return &headerRequest{Type: "text", Text: h.Text}, nil
	}
	m, err := h.Media.request()
	if err != nil {
		return nil, err
	}
	m.Caption = "" // the body is the caption
	q := &headerRequest{Type: string(h.Media.Kind)}
	switch h.Media.Kind {
	case Image:
		q.Image = m
	case Video:
		q.Video = m
	case Document:
		q.Document = m
	default:
		return nil, fmt.Errorf("%w: this kind of media cannot stand in a header", ErrRequest)
	}
	return q, nil
}

func (a ReplyButtons) act(r *interactiveRequest) error {
	if len(a.Buttons) == 0 || len(a.Buttons) > MaxReplyButtons {
		return fmt.Errorf("%w: %d reply buttons", ErrRequest, len(a.Buttons))
	}
	if err := distinct(a.Buttons); err != nil {
		return err
	}
	for i, b := range a.Buttons {
		if !token(b.ID, MaxReplyIDBytes) || !words(b.Title, 1, MaxReplyTitleRunes) || b.Description != "" {
			return fmt.Errorf("%w: reply button %d", ErrRequest, i)
		}
		r.Action.Buttons = append(r.Action.Buttons, replyRequest{"reply", choiceRequest{ID: b.ID, Title: b.Title}})
	}
	r.Type = "button"
	return nil
}

func (a ChoiceList) act(r *interactiveRequest) error {
	if r.Header != nil && r.Header.Type != "text" {
		return fmt.Errorf("%w: the header of a list is a text", ErrRequest)
	}
	if !words(a.Button, 1, MaxListButtonRunes) {
		return fmt.Errorf("%w: button of a list", ErrRequest)
	}
	if len(a.Sections) == 0 || len(a.Sections) > MaxListSections {
		return fmt.Errorf("%w: %d sections in a list", ErrRequest, len(a.Sections))
	}
	var all []Choice
	for i, s := range a.Sections {
		least := 1
		if len(a.Sections) == 1 {
			least = 0
		}
		if !words(s.Title, least, MaxSectionTitleRunes) || len(s.Rows) == 0 {
			return fmt.Errorf("%w: section %d of a list", ErrRequest, i)
		}
		q := sectionRequest{Title: s.Title}
		for j, c := range s.Rows {
			if !token(c.ID, MaxRowIDBytes) || !words(c.Title, 1, MaxRowTitleRunes) || !words(c.Description, 0, MaxRowDescriptionRunes) {
				return fmt.Errorf("%w: row %d of section %d of a list", ErrRequest, j, i)
			}
			q.Rows = append(q.Rows, choiceRequest{ID: c.ID, Title: c.Title, Description: c.Description})
		}
		all = append(all, s.Rows...)
		r.Action.Sections = append(r.Action.Sections, q)
	}
	if len(all) > MaxListRows {
		return fmt.Errorf("%w: %d rows in a list", ErrRequest, len(all))
	}
	if err := distinctIDs(all); err != nil { // two sections may well have a row of the same name
		return err
	}
	r.Type, r.Action.Button = "list", a.Button
	return nil
}

func (a LinkButton) act(r *interactiveRequest) error {
	if !words(a.Title, 1, MaxLinkTitleRunes) || !webURL(a.URL) {
		return fmt.Errorf("%w: link button", ErrRequest)
	}
	r.Type, r.Action.Name, r.Action.Parameters = "cta_url", "cta_url", &linkRequest{a.Title, a.URL}
	return nil
}

func (AskLocation) act(r *interactiveRequest) error {
	r.Type, r.Action.Name = "location_request_message", "send_location"
	return bare(r)
}

// Providers that pass the request on unchanged send the action's name as the type, too; Meta refuses "contact_request".
func (AskContact) act(r *interactiveRequest) error {
	r.Type, r.Action.Name = "request_contact_info", "request_contact_info"
	return bare(r)
}

func bare(r *interactiveRequest) error {
	if r.Header != nil || r.Footer != nil {
		return fmt.Errorf("%w: header or footer on a request to the person", ErrRequest)
	}
	return nil
}

func distinct(cs []Choice) error {
	titles := map[string]bool{}
	for _, c := range cs {
		if titles[c.Title] {
			return fmt.Errorf("%w: two buttons of one title", ErrRequest)
		}
		titles[c.Title] = true
	}
	return distinctIDs(cs)
}

func distinctIDs(cs []Choice) error {
	ids := map[string]bool{}
	for _, c := range cs {
		if ids[c.ID] {
			return fmt.Errorf("%w: two choices of one id", ErrRequest)
		}
		ids[c.ID] = true
	}
	return nil
}
