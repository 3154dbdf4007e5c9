package whatsapp

import (
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"
)

// SendMedia sends a file uploaded with [Client.MediaUpload]. There is no sending by link on purpose: a link that Meta can
// fetch everybody can fetch, its bytes may differ from those that were checked, and it would carry the file past the
// limits of [Client.MediaUpload].
type SendMedia struct {
	unprintable
	Kind MediaKind
	ID   MediaID
	// Caption is for images, videos and documents, Filename for documents; both may be empty.
	Caption, Filename string
}

// SendLocation sends a point on the map, in degrees. Name and Address may be empty; an address shows only below a name.
type SendLocation struct {
	unprintable
	Latitude, Longitude float64
	Name, Address       string
}

// SendCards sends 1 to [MaxCards] cards, such as a colleague's or the company's own. A card needs a formatted name.
// [Card.VCard] and [Card.Origin] are not sent; an address goes out as one line.
type SendCards struct {
	unprintable
	Cards []Card
}

type mediaRequest struct {
	ID       string `json:"id"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

// locationRequest spells degrees as text, as Meta's description does.
type locationRequest struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
	Name      string `json:"name,omitempty"`
	Address   string `json:"address,omitempty"`
}

type cardRequest struct {
	Name      cardName      `json:"name"`
	Org       *cardOrg      `json:"org,omitempty"`
	Birthday  string        `json:"birthday,omitempty"`
	Phones    []cardPhone   `json:"phones,omitempty"`
	Emails    []cardEmail   `json:"emails,omitempty"`
	URLs      []cardURL     `json:"urls,omitempty"`
	Addresses []cardAddress `json:"addresses,omitempty"`
}

type cardName struct {
	Formatted string `json:"formatted_name"`
	First     string `json:"first_name,omitempty"`
	Last      string `json:"last_name,omitempty"`
}

type cardOrg struct {
	Company    string `json:"company,omitempty"`
	Department string `json:"department,omitempty"`
	Title      string `json:"title,omitempty"`
}

type cardPhone struct {
	Phone string `json:"phone"`
	WaID  string `json:"wa_id,omitempty"`
	Type  string `json:"type,omitempty"`
}

type cardEmail struct {
	Email string `json:"email"`
}

type cardURL struct {
	URL string `json:"url"`
}

type cardAddress struct {
	Street string `json:"street"`
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
	if !words(s.Caption, 0, MaxCaptionRunes) {
		return nil, fmt.Errorf("%w: caption too long or not UTF-8", ErrRequest)
	}
	if !words(s.Filename, 0, MaxFilenameRunes) {
		return nil, fmt.Errorf("%w: file name too long or not UTF-8", ErrRequest)
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

func (l SendLocation) fill(r *sendRequest) error {
	q, err := l.request()
	if err != nil {
		return err
	}
	r.Type, r.Location = "location", q
	return nil
}

func (l SendLocation) request() (*locationRequest, error) {
	// written so that NaN is refused
	if !(math.Abs(l.Latitude) <= 90 && math.Abs(l.Longitude) <= 180) {
		return nil, fmt.Errorf("%w: no place on earth", ErrRequest)
	}
	if !words(l.Name, 0, MaxPlaceRunes) || !words(l.Address, 0, MaxPlaceRunes) {
		return nil, fmt.Errorf("%w: name or address of a place too long or not UTF-8", ErrRequest)
	}
	return &locationRequest{
		Latitude:  strconv.FormatFloat(l.Latitude, 'f', -1, 64),
		Longitude: strconv.FormatFloat(l.Longitude, 'f', -1, 64),
		Name:      l.Name, Address: l.Address,
	}, nil
}

func (s SendCards) fill(r *sendRequest) error {
	if len(s.Cards) == 0 || len(s.Cards) > MaxCards {
		return fmt.Errorf("%w: %d contact cards", ErrRequest, len(s.Cards))
	}
	for i, c := range s.Cards {
		q, err := c.request()
		if err != nil {
			return fmt.Errorf("contact card %d: %w", i, err)
		}
		r.Contacts = append(r.Contacts, q)
	}
	r.Type = "contacts"
	return nil
}

func (c Card) request() (cardRequest, error) {
	q := cardRequest{Name: cardName{c.FormattedName, c.FirstName, c.LastName}, Birthday: c.Birthday}
	if !words(c.FormattedName, 1, MaxPlaceRunes) {
		return q, fmt.Errorf("%w: no name", ErrRequest)
	}
	if c.FirstName == "" && c.LastName == "" { // Meta wants one part of the name beside the whole
		q.Name.First = c.FormattedName
	}
	if c.Birthday != "" {
		if _, err := time.Parse(time.DateOnly, c.Birthday); err != nil {
			return q, fmt.Errorf("%w: birthday is no date", ErrRequest)
		}
	}
	if org := (cardOrg{c.Company, c.Department, c.Role}); org != (cardOrg{}) {
		q.Org = &org
	}
	for _, p := range c.Phones {
		if p.Phone.IsZero() {
			return q, fmt.Errorf("%w: empty telephone number", ErrRequest)
		}
		q.Phones = append(q.Phones, cardPhone{p.Phone.Reveal(), p.WaID.Reveal(), p.Type})
	}
	for _, e := range c.Emails {
		if _, err := mail.ParseAddress(e); err != nil {
			return q, fmt.Errorf("%w: not an e-mail address", ErrRequest)
		}
		q.Emails = append(q.Emails, cardEmail{e})
	}
	for _, u := range c.URLs {
		if !webURL(u) {
			return q, fmt.Errorf("%w: not a web address", ErrRequest)
		}
		q.URLs = append(q.URLs, cardURL{u})
	}
	for _, a := range c.Addresses {
		q.Addresses = append(q.Addresses, cardAddress{a})
	}
	for _, s := range append([]string{c.FirstName, c.LastName, c.Company, c.Department, c.Role}, c.Addresses...) {
		if !utf8.ValidString(s) {
			return q, fmt.Errorf("%w: text not UTF-8", ErrRequest)
		}
	}
	return q, nil
}

// webURL reports whether s is an address a browser would open.
func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= MaxURLBytes && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
