package store

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// makesMessage says which kinds of wishes make a message of their own.
var makesMessage = map[inbox.IntentKind]bool{
	inbox.IntentSendText: true, inbox.IntentAddNote: true, inbox.IntentSendMedia: true, inbox.IntentSendTemplate: true,
	inbox.IntentSendInteractive: true, inbox.IntentSendLocation: true, inbox.IntentSendCard: true,
}

// maxCaption is the longest text below a file, in characters (Cloud API, "caption").
const maxCaption = 1024

// typedOf returns the text of a wish as it was typed; "" for wishes without one.
func typedOf(b inbox.IntentBody) string {
	switch b := b.(type) {
	case inbox.SendText:
		return b.Text
	case inbox.AddNote:
		return b.Text
	case inbox.SendMedia:
		return b.Caption
	case inbox.SendInteractive:
		return b.Text
	}
	return ""
}

// fromComposer says whether a wish takes what stands in the composer with it.
func fromComposer(b inbox.IntentBody) bool {
	switch b := b.(type) {
	case inbox.SendText, inbox.AddNote:
		return true
	case inbox.SendMedia:
		return b.Caption != ""
	}
	return false
}

// quoteOf returns the message a wish answers; "" for none.
func quoteOf(b inbox.IntentBody) inbox.MessageID {
	switch b := b.(type) {
	case inbox.SendText:
		return b.Quote
	case inbox.SendMedia:
		return b.Quote
	case inbox.SendInteractive:
		return b.Quote
	case inbox.SendLocation:
		return b.Quote
	case inbox.SendCard:
		return b.Quote
	}
	return ""
}

// fileOf returns the file a wish sends; "" for none.
func fileOf(b inbox.IntentBody) inbox.MediaID {
	switch b := b.(type) {
	case inbox.SendMedia:
		return b.Media
	case inbox.SendTemplate:
		return b.Media
	}
	return ""
}

// withFile returns the wish with another name for its file.
func withFile(b inbox.IntentBody, media inbox.MediaID) inbox.IntentBody {
	switch b := b.(type) {
	case inbox.SendMedia:
		b.Media = media
		return b
	case inbox.SendTemplate:
		b.Media = media
		return b
	}
	return b
}

// plainFace is how a wish shows to somebody who knows nothing but the wish: kind, texts, what can be pressed.
func plainFace(b inbox.IntentBody) inbox.Message {
	switch b := b.(type) {
	case inbox.SendText:
		return inbox.Message{Kind: inbox.Text, Body: inbox.PlainText(b.Text)}
	case inbox.AddNote:
		return inbox.Message{Kind: inbox.Note, Body: inbox.PlainText(b.Text), Mentions: b.Mentions}
	case inbox.SendMedia:
		return inbox.Message{Kind: inbox.Document, Body: inbox.PlainText(b.Caption), Media: &inbox.Media{ID: b.Media}}
	case inbox.SendTemplate:
		return inbox.Message{Kind: inbox.Templated}
	case inbox.SendInteractive:
		m := inbox.Message{Kind: inbox.Interactive, Header: inbox.PlainText(b.Header), Body: inbox.PlainText(b.Text), Footer: inbox.PlainText(b.Footer)}
		kind := inbox.ChoiceReply
		if b.Menu != "" {
			kind = inbox.ChoiceRow
		}
		for _, o := range b.Options {
			m.Choices = append(m.Choices, inbox.Choice{Kind: kind, Title: inbox.PlainText(o.Title), Note: inbox.PlainText(o.Note)})
		}
		return m
	case inbox.SendLocation:
		lines := strings.TrimSpace(b.Name + "\n" + b.Address)
		if lines == "" {
			lines = fmt.Sprintf("%.5f, %.5f", b.Latitude, b.Longitude)
		}
		return inbox.Message{Kind: inbox.Location, Body: inbox.PlainText(lines)}
	case inbox.SendCard:
		return inbox.Message{Kind: inbox.ContactCard}
	}
	return inbox.Message{}
}

// face returns how a wish shows until its event is here, or the refusal it would get anyway. Instead, if not "",
// is the intent whose place it takes, and with it the file.
func (s *Store) face(b inbox.IntentBody, instead inbox.IntentID) (inbox.Message, error) {
	m := plainFace(b)
	var err error
	switch b := b.(type) {
	case inbox.SendText, inbox.AddNote:
		err = inbox.CheckText(typedOf(b))
	case inbox.RecordConsent:
		err = inbox.CheckText(b.Proof)
	case inbox.EditTask:
		if !b.Removed {
			err = inbox.CheckText(b.Text)
		}
	case inbox.SendInteractive:
		err = inbox.CheckInteractive(b)
	case inbox.SendLocation:
		if !(math.Abs(b.Latitude) <= 90 && math.Abs(b.Longitude) <= 180) {
			err = inbox.RefusedMalformed
		}
	case inbox.SendMedia:
		if utf8.RuneCountInString(b.Caption) > maxCaption {
			err = inbox.RefusedTooLong
		} else if b.Media == "" {
			err = inbox.RefusedMedia
		}
	case inbox.SendTemplate:
		t, ok := find[inbox.TemplateChanged](s, thing{inbox.KindTemplateChanged, string(b.Template)})
		if !ok {
			return m, inbox.RefusedTemplate
		}
		header, text := t.Template.Fill(b.Values)
		m.Header, m.Body, m.Footer = inbox.PlainText(header), inbox.PlainText(text), inbox.PlainText(t.Template.Footer)
		for _, o := range t.Template.Buttons {
			m.Choices = append(m.Choices, inbox.Choice{Kind: o.Kind, Title: inbox.PlainText(o.Text)})
		}
		err = t.Template.Check(b.Values, b.Media != "")
	case inbox.SendCard:
		c, ok := find[inbox.CardChanged](s, thing{inbox.KindCardChanged, string(b.Card)})
		if !ok || c.Card.Removed {
			return m, inbox.RefusedUnknown
		}
		m.Body = inbox.PlainText(strings.TrimSpace(c.Card.Name + "\n" + c.Card.Company))
	}
	if id := fileOf(b); err == nil && isAttached(id) {
		a := s.attachment(id)
		if a == nil || a.Conversation != b.On() || a.intent != "" && a.intent != instead {
			return m, inbox.RefusedMedia
		}
		if m.Kind == inbox.Document {
			m.Kind = a.Kind
		}
		m.Media = &inbox.Media{ID: id, Type: a.Type, Size: a.Size, Name: inbox.PlainText(a.Name), State: inbox.MediaReady}
	}
	return m, err
}

// find returns the latest fact about a thing, whichever log it stands in.
func find[T inbox.EventBody](s *Store, t thing) (T, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, of := range s.told {
		if b, ok := of[t].(T); ok {
			return b, true
		}
	}
	var none T
	return none, false
}

// refusedAs is how a refusal shows on a message.
var refusedAs = map[inbox.Refusal]inbox.Failure{
	inbox.RefusedWindow: inbox.FailWindow, inbox.RefusedConsent: inbox.FailStopped, inbox.RefusedTemplate: inbox.FailTemplate,
	inbox.RefusedMedia: inbox.FailMedia, inbox.RefusedLarge: inbox.FailMedia,
}

var errNoIntent = errors.New("submitting an intent: it has no name or no body")
