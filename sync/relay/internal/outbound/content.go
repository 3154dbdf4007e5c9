package outbound

import (
	"context"
	"encoding/json"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A Parcel is what to send to a contact. Exactly one of Text, React, File, Template, Menu, Place and Card is set.
type Parcel struct {
	Message inbox.MessageID // our id of the message, or of the act for a reaction
	Contact inbox.ContactID
	Text    string
	Preview bool            // WhatsApp shows a picture of Text's first link
	Quote   inbox.MessageID // the message answered, if any
	React   inbox.MessageID // the message reacted to
	Emoji   string          // "" takes the reaction away

	File     *File
	Template *Template
	Menu     *Menu
	Place    *Place
	Card     *Card

	// Fresh hands a file over to WhatsApp once more, whatever id it has there from an earlier time.
	Fresh bool
}

// A File is one the relay holds; [Config.Files] knows where.
type File struct {
	Kind    inbox.MessageKind `cbor:"1,keyasint"` // Image, Video, Audio, Voice, Document or Sticker
	Media   inbox.MediaID     `cbor:"2,keyasint"`
	Caption string            `cbor:"3,keyasint,omitempty"`
	Name    string            `cbor:"4,keyasint,omitempty"` // what the customer sees of a document
}

// A Template is an approved template and what goes into its gaps. It leaves whether or not the window is open, unless the
// customer has stopped such messages meanwhile.
type Template struct {
	ID       inbox.TemplateID       `cbor:"1,keyasint"`
	Category inbox.TemplateCategory `cbor:"2,keyasint"`
	Meta     []byte                 `cbor:"3,keyasint"`           // whatsapp.Template as JSON, as it was when the wish was granted
	Values   map[string]string      `cbor:"4,keyasint,omitempty"` // by the key of the parameter
	File     *File                  `cbor:"5,keyasint,omitempty"` // of a header that has one
}

// A Menu is a text with buttons, or with a list when Label, which opens it, is set.
type Menu struct {
	Text    string         `cbor:"1,keyasint"`
	Header  string         `cbor:"2,keyasint,omitempty"`
	Footer  string         `cbor:"3,keyasint,omitempty"`
	Label   string         `cbor:"4,keyasint,omitempty"`
	Options []inbox.Option `cbor:"5,keyasint"`
}

// A Place is a point on the map, in degrees.
type Place struct {
	Latitude  float64 `cbor:"1,keyasint"`
	Longitude float64 `cbor:"2,keyasint"`
	Name      string  `cbor:"3,keyasint,omitempty"`
	Address   string  `cbor:"4,keyasint,omitempty"`
}

// A Card is a contact card of the company.
type Card struct {
	Name    string `cbor:"1,keyasint"`
	Company string `cbor:"2,keyasint,omitempty"`
	Phone   string `cbor:"3,keyasint,omitempty"`
	Email   string `cbor:"4,keyasint,omitempty"`
	URL     string `cbor:"5,keyasint,omitempty"`
}

// payload is what is sealed of a parcel. Rows of earlier versions hold the first four alone.
type payload struct {
	Text     string          `cbor:"1,keyasint,omitempty"`
	Quote    inbox.MessageID `cbor:"2,keyasint,omitempty"`
	React    inbox.MessageID `cbor:"3,keyasint,omitempty"`
	Emoji    string          `cbor:"4,keyasint,omitempty"`
	Preview  bool            `cbor:"5,keyasint,omitempty"`
	File     *File           `cbor:"6,keyasint,omitempty"`
	Template *Template       `cbor:"7,keyasint,omitempty"`
	Menu     *Menu           `cbor:"8,keyasint,omitempty"`
	Place    *Place          `cbor:"9,keyasint,omitempty"`
	Card     *Card           `cbor:"10,keyasint,omitempty"`
}

func (p Parcel) payload() payload {
	return payload{p.Text, p.Quote, p.React, p.Emoji, p.Preview, p.File, p.Template, p.Menu, p.Place, p.Card}
}

func (p payload) parcel(message inbox.MessageID, contact inbox.ContactID) Parcel {
	return Parcel{
		Message: message, Contact: contact, Text: p.Text, Preview: p.Preview, Quote: p.Quote, React: p.React, Emoji: p.Emoji,
		File: p.File, Template: p.Template, Menu: p.Menu, Place: p.Place, Card: p.Card,
	}
}

// file returns the file that WhatsApp must have before the message can leave, if there is one.
func (p payload) file() *File {
	if p.Template != nil {
		return p.Template.File
	}
	return p.File
}

// kinds are WhatsApp's words for what a file is. A voice message is a recording in the one format that WhatsApp draws so.
var kinds = map[inbox.MessageKind]whatsapp.MediaKind{
	inbox.Image: whatsapp.Image, inbox.Video: whatsapp.Video, inbox.Audio: whatsapp.Audio, inbox.Voice: whatsapp.Audio,
	inbox.Document: whatsapp.Document, inbox.Sticker: whatsapp.Sticker,
}

// content makes what the Cloud API wants of a payload. id is Meta's for its file, target Meta's for the message reacted to.
// An error wraps [whatsapp.ErrRequest]: the parcel should never have been queued.
func (p payload) content(id whatsapp.MediaID, target whatsapp.MessageID) (whatsapp.Content, error) {
	switch {
	case p.React != "":
		return whatsapp.SendReaction{Target: target, Emoji: p.Emoji}, nil
	case p.File != nil:
		return p.File.send(id), nil
	case p.Template != nil:
		return p.Template.fill(id)
	case p.Menu != nil:
		return p.Menu.send(), nil
	case p.Place != nil:
		l := p.Place
		return whatsapp.SendLocation{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address}, nil
	case p.Card != nil:
		return whatsapp.SendCards{Cards: []whatsapp.Card{p.Card.card()}}, nil
	}
	return whatsapp.SendText{Body: p.Text, Preview: p.Preview}, nil
}

func (f File) send(id whatsapp.MediaID) whatsapp.SendMedia {
	return whatsapp.SendMedia{Kind: kinds[f.Kind], ID: id, Caption: f.Caption, Filename: f.Name}
}

func (t Template) fill(id whatsapp.MediaID) (whatsapp.Content, error) {
	var meta whatsapp.Template
	if json.Unmarshal(t.Meta, &meta) != nil {
		return nil, fmt.Errorf("%w: template cannot be read", whatsapp.ErrRequest)
	}
	values := make(map[string]whatsapp.Value, len(t.Values)+1)
	for key, v := range t.Values {
		values[key] = whatsapp.Value{Text: v}
	}
	if t.File != nil {
		media := t.File.send(id)
		values[headerKey] = whatsapp.Value{Media: &media}
	}
	out, _, err := meta.Fill(values)
	if err != nil {
		return nil, fmt.Errorf("%w: template cannot be filled: %w", whatsapp.ErrRequest, err)
	}
	return out, nil
}

// headerKey is the name of a header's one parameter.
var headerKey = whatsapp.Parameter{Place: whatsapp.InHeader}.Key()

// Check returns why WhatsApp could not take the template with these values, or nil. A file it has is taken to be there.
func (t Template) Check() error {
	_, err := t.fill(whatsapp.NewMediaID("0"))
	return err
}

func (m Menu) send() whatsapp.SendInteractive {
	out := whatsapp.SendInteractive{Body: m.Text, Footer: m.Footer}
	if m.Header != "" {
		out.Header = &whatsapp.Header{Text: m.Header}
	}
	choices := make([]whatsapp.Choice, len(m.Options))
	for i, o := range m.Options {
		choices[i] = whatsapp.Choice{ID: inbox.OptionID(i), Title: o.Title, Description: o.Note}
	}
	out.Action = whatsapp.ReplyButtons{Buttons: choices}
	if m.Label != "" {
		out.Action = whatsapp.ChoiceList{Button: m.Label, Sections: []whatsapp.Section{{Rows: choices}}}
	}
	return out
}

func (c Card) card() whatsapp.Card {
	out := whatsapp.Card{FormattedName: c.Name, Company: c.Company}
	if c.Phone != "" {
		out.Phones = []whatsapp.CardPhone{{Phone: whatsapp.NewPhone(c.Phone), Type: "WORK"}}
	}
	if c.Email != "" {
		out.Emails = []string{c.Email}
	}
	if c.URL != "" {
		out.URLs = []string{c.URL}
	}
	return out
}

// Files knows the files of parcels. Its errors are classified as those of [Sender]: but whatever their outcome, handing
// a file over may be repeated.
type Files interface {
	// MetaID returns the id under which WhatsApp has the file now, after handing it over if need be.
	MetaID(ctx context.Context, contact inbox.ContactID, media inbox.MediaID) (whatsapp.MediaID, error)
}

// A Forgetter is a [Files] that can be told that WhatsApp has no use for the id it knows: the next MetaID hands the file
// over once more.
type Forgetter interface {
	ForgetMetaID(ctx context.Context, contact inbox.ContactID, media inbox.MediaID) error
}
