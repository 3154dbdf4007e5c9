package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

const metaTemplate = `{"id":"1","name":"order_ready","language":"en","status":"APPROVED","category":"UTILITY","components":[
	{"type":"HEADER","format":"DOCUMENT"},
	{"type":"BODY","text":"Hello {{1}}, order {{2}} is ready.","example":{"body_text":[["Jo","17"]]}},
	{"type":"FOOTER","text":"Example Ltd"},
	{"type":"BUTTONS","buttons":[{"type":"URL","text":"Track","url":"https://example.com/{{1}}","example":["https://example.com/17"]},{"type":"QUICK_REPLY","text":"Stop"}]}]}`

func aTemplate(category inbox.TemplateCategory) *Template {
	return &Template{ID: "t1", Category: category, Meta: []byte(`{"id":"1","name":"hello","language":"en","status":"APPROVED","category":"UTILITY","components":[{"type":"BODY","text":"Hello"}]}`)}
}

// parcels are one of every content.
func parcels() map[string]Parcel {
	file := func(kind inbox.MessageKind) Parcel { return Parcel{File: &File{Kind: kind, Media: "m1"}} }
	picture := file(inbox.Image)
	picture.File.Caption = "look"
	paper := file(inbox.Document)
	paper.File.Name = "offer.pdf"
	return map[string]Parcel{
		"text": {Text: "hello", Preview: true}, "image": picture, "video": file(inbox.Video), "audio": file(inbox.Audio),
		"voice": file(inbox.Voice), "document": paper, "sticker": file(inbox.Sticker),
		"template": {Template: &Template{
			ID: "t1", Category: inbox.Utility, Meta: []byte(metaTemplate), File: &File{Kind: inbox.Document, Media: "m1", Name: "offer.pdf"},
			Values: map[string]string{"body.1": "Jo", "body.2": "17", "button.0": "17"},
		}},
		"buttons":  {Menu: &Menu{Text: "Which?", Header: "Colours", Footer: "soon", Options: []inbox.Option{{Title: "Red"}, {Title: "Blue"}}}},
		"list":     {Menu: &Menu{Text: "Which?", Label: "Choose", Options: []inbox.Option{{Title: "Red", Note: "like fire"}, {Title: "Blue"}}}},
		"location": {Place: &Place{Latitude: 52.5, Longitude: 13.4, Name: "Shop", Address: "Example Street 1"}},
		"card":     {Card: &Card{Name: "Front desk", Company: "Example Ltd", Phone: "+493023125001", Email: "desk@example.com", URL: "https://example.com"}},
	}
}

// contents are what WhatsApp is asked to send for each.
var contents = map[string]whatsapp.Content{
	"text":     whatsapp.SendText{Body: "hello", Preview: true},
	"image":    whatsapp.SendMedia{Kind: whatsapp.Image, ID: whatsapp.NewMediaID("900"), Caption: "look"},
	"video":    whatsapp.SendMedia{Kind: whatsapp.Video, ID: whatsapp.NewMediaID("900")},
	"audio":    whatsapp.SendMedia{Kind: whatsapp.Audio, ID: whatsapp.NewMediaID("900")},
	"voice":    whatsapp.SendMedia{Kind: whatsapp.Audio, ID: whatsapp.NewMediaID("900")},
	"document": whatsapp.SendMedia{Kind: whatsapp.Document, ID: whatsapp.NewMediaID("900"), Filename: "offer.pdf"},
	"sticker":  whatsapp.SendMedia{Kind: whatsapp.Sticker, ID: whatsapp.NewMediaID("900")},
	"location": whatsapp.SendLocation{Latitude: 52.5, Longitude: 13.4, Name: "Shop", Address: "Example Street 1"},
	"buttons": whatsapp.SendInteractive{
		Body: "Which?", Footer: "soon", Header: &whatsapp.Header{Text: "Colours"},
		Action: whatsapp.ReplyButtons{Buttons: []whatsapp.Choice{{ID: "o0", Title: "Red"}, {ID: "o1", Title: "Blue"}}},
	},
	"list": whatsapp.SendInteractive{Body: "Which?", Action: whatsapp.ChoiceList{Button: "Choose", Sections: []whatsapp.Section{
		{Rows: []whatsapp.Choice{{ID: "o0", Title: "Red", Description: "like fire"}, {ID: "o1", Title: "Blue"}}},
	}}},
	"card": whatsapp.SendCards{Cards: []whatsapp.Card{{
		FormattedName: "Front desk", Company: "Example Ltd", Emails: []string{"desk@example.com"}, URLs: []string{"https://example.com"},
		Phones: []whatsapp.CardPhone{{Phone: whatsapp.NewPhone("+493023125001"), Type: "WORK"}},
	}}},
	"template": whatsapp.SendTemplate{Name: "order_ready", Language: "en", Components: []whatsapp.TemplateComponent{
		{Type: "header", Parameters: []whatsapp.TemplateParameter{{Media: &whatsapp.SendMedia{Kind: whatsapp.Document, ID: whatsapp.NewMediaID("900"), Filename: "offer.pdf"}}}},
		{Type: "body", Parameters: []whatsapp.TemplateParameter{{Text: "Jo"}, {Text: "17"}}},
		{Type: "button", SubType: "url", Index: 0, Parameters: []whatsapp.TemplateParameter{{Text: "17"}}},
	}},
}

// A shelf hands out ids of files as a test says.
type shelf struct {
	mu      sync.Mutex
	asked   int
	dropped int
	give    func(n int) (string, error)
}

func (s *shelf) MetaID(_ context.Context, _ inbox.ContactID, media inbox.MediaID) (whatsapp.MediaID, error) {
	s.mu.Lock()
	s.asked++
	n, give := s.asked, s.give
	s.mu.Unlock()
	if media != "m1" {
		return whatsapp.MediaID{}, errors.New("another file")
	}
	if give == nil {
		return whatsapp.NewMediaID("900"), nil
	}
	id, err := give(n)
	return whatsapp.NewMediaID(id), err
}

func (s *shelf) ForgetMetaID(context.Context, inbox.ContactID, inbox.MediaID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped++
	return nil
}

func (s *shelf) counts() (asked, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.dropped
}

func withShelf(d *desk) *shelf {
	s := &shelf{}
	d.config = func(c *Config) { c.Files = s }
	return s
}

// reveal spells a content with its secrets, for comparing.
func reveal(c whatsapp.Content) string {
	media := func(m *whatsapp.SendMedia) string {
		if m == nil {
			return ""
		}
		return fmt.Sprint("media ", string(m.Kind), " ", m.ID.Reveal(), " ", m.Caption, " ", m.Filename)
	}
	switch c := c.(type) {
	case whatsapp.SendText:
		return fmt.Sprint("text ", c.Body, c.Preview)
	case whatsapp.SendMedia:
		return media(&c)
	case whatsapp.SendLocation:
		return fmt.Sprint("place ", c.Latitude, c.Longitude, c.Name, c.Address)
	case whatsapp.SendInteractive:
		s := "menu " + c.Body + c.Footer
		if c.Header != nil {
			s += c.Header.Text
		}
		list := func(cs []whatsapp.Choice) {
			for _, x := range cs {
				s += "|" + x.ID + x.Title + x.Description
			}
		}
		switch a := c.Action.(type) {
		case whatsapp.ReplyButtons:
			list(a.Buttons)
		case whatsapp.ChoiceList:
			s += a.Button
			for _, x := range a.Sections {
				list(x.Rows)
			}
		}
		return s
	case whatsapp.SendCards:
		s := "cards"
		for _, x := range c.Cards {
			s += fmt.Sprint(" ", x.FormattedName, x.Company, x.Emails, x.URLs)
			for _, p := range x.Phones {
				s += p.Phone.Reveal() + p.Type
			}
		}
		return s
	case whatsapp.SendTemplate:
		s := "template " + c.Name + c.Language
		for _, x := range c.Components {
			s += fmt.Sprint("|", x.Type, x.SubType, x.Index)
			for _, p := range x.Parameters {
				s += "(" + p.Name + p.Text + p.Payload + p.Coupon + media(p.Media) + ")"
			}
		}
		return s
	}
	return fmt.Sprintf("%T", c)
}

func TestEveryContentLeavesAsItWasWished(t *testing.T) {
	d := newDesk(t)
	withShelf(d)
	contact, conversation, theirs := d.customer(1)
	ref, err := NewRef(t.Context(), d.vault, contact, whatsapp.NewMessageID("wamid.theirs"), theirs)
	if err != nil {
		t.Fatal(err)
	}
	d.update(ref.Bind)
	names := map[string]string{}
	for name, p := range parcels() {
		p.Contact, p.Quote = contact, theirs
		names[string(d.queueParcel(conversation, p))] = name
	}
	d.run(d.db)
	d.await("all of them", func() bool { return d.waiting() == 0 })
	if n := len(d.posted()); n != len(names) {
		t.Fatalf("%d posts for %d parcels\n%s", n, len(names), d.log.String())
	}
	for _, p := range d.posted() {
		name := names[p.message]
		if got, want := reveal(p.mail.Content), reveal(contents[name]); got != want {
			t.Errorf("%s left as\n%s\nwant\n%s", name, got, want)
		}
		if p.mail.ReplyTo.Reveal() != "wamid.theirs" || p.mail.Phone.Reveal() != "15550100001" {
			t.Errorf("%s: the quote or the recipient is wrong", name)
		}
	}
}

// TestAPostWithoutAnAnswerIsNeverRepeatedAndSettledByALaterStatus holds for every content.
func TestAPostWithoutAnAnswerIsNeverRepeatedAndSettledByALaterStatus(t *testing.T) {
	for name, p := range parcels() {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			withShelf(d)
			d.answer(func(context.Context, string) (whatsapp.SendResult, error) {
				return whatsapp.SendResult{}, &whatsapp.TransportError{Outcome: whatsapp.OutcomeUnknown, Timeout: true}
			})
			contact, conversation, _ := d.customer(1)
			p.Contact = contact
			id := d.queueParcel(conversation, p)
			poke, stop := d.run(d.db)
			d.await("the post", func() bool { return len(d.posted()) == 1 })
			d.await("it to be given up", func() bool {
				d.later(SettleWait, poke)
				return d.receipt(id).Receipt == inbox.Unknown
			})
			stop()
			poke, _ = d.run(d.db) // nor by a relay that starts again
			for range 3 {
				d.later(time.Hour, poke)
				if n := d.quiet(); n != 1 {
					t.Fatalf("%d posts", n)
				}
			}
			report, err := NewReport(t.Context(), d.db, d.vault, sales, whatsapp.Status{
				ID: whatsapp.NewMessageID("wamid.late"), State: whatsapp.StateDelivered, Callback: string(id), At: d.now(),
			})
			if err != nil {
				t.Fatal(err)
			}
			d.update(func(tx ledger.Tx) error {
				log := eventlog.NewWriter(tx)
				_, _, err := report.Settle(tx, log, inbox.At(d.now()))
				return errors.Join(err, log.Flush())
			})
			if got := d.receipt(id).Receipt; got != inbox.Delivered {
				t.Errorf("it is shown as %d", got)
			}
		})
	}
}

func TestAFileWhatsAppCannotUseIsHandedOverOnceMoreAndNotAThirdTime(t *testing.T) {
	for name, x := range map[string]struct {
		refusals int
		failure  inbox.Failure
		posts    int
	}{"the second is good": {1, inbox.NoFailure, 2}, "the second is no better": {9, inbox.FailMedia, 2}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			s := withShelf(d)
			n := 0
			d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
				d.mu.Lock()
				defer d.mu.Unlock()
				if n++; n <= x.refusals {
					return whatsapp.SendResult{}, refused(400, 131053)
				}
				return accept(ctx, text)
			})
			contact, conversation, _ := d.customer(1)
			id := d.queueParcel(conversation, Parcel{Contact: contact, File: &File{Kind: inbox.Image, Media: "m1"}})
			poke, _ := d.run(d.db)
			d.await("its end", func() bool {
				d.later(time.Second, poke)
				return d.waiting() == 0
			})
			if got := d.receipt(id).Failure; got != x.failure || len(d.posted()) != x.posts {
				t.Errorf("%d posts, failure %d", len(d.posted()), got)
			}
			if asked, dropped := s.counts(); asked != 2 || dropped != 1 {
				t.Errorf("the file was asked for %d times and forgotten %d times", asked, dropped)
			}
		})
	}
}

func TestAFileThatCannotBeHandedOver(t *testing.T) {
	unreachable := &whatsapp.TransportError{Outcome: whatsapp.OutcomeUnknown, Timeout: true}
	for name, x := range map[string]struct {
		err     error
		lasts   int
		failure inbox.Failure
		held    bool
		asked   int
	}{
		"for a moment, leaves later":             {unreachable, 3, inbox.NoFailure, false, 4},
		"while WhatsApp is busy, leaves later":   {refused(500, 131016), 3, inbox.NoFailure, false, 4},
		"because it is too large, fails at once": {whatsapp.ErrMediaTooLarge, 99, inbox.FailMedia, false, 1},
		"because it is refused, fails at once":   {refused(400, 100), 99, inbox.FailMedia, false, 1},
		"as a medium, is tried twice":            {refused(400, 131053), 99, inbox.FailMedia, false, 2},
		"with this token, holds the number":      {refused(401, 190), 3, inbox.NoFailure, true, 4},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			s := withShelf(d)
			s.give = func(n int) (string, error) {
				if n <= x.lasts {
					return "", fmt.Errorf("uploading: %w", x.err)
				}
				return "900", nil
			}
			contact, conversation, _ := d.customer(1)
			id := d.queueParcel(conversation, Parcel{Contact: contact, File: &File{Kind: inbox.Image, Media: "m1"}})
			poke, _ := d.run(d.db)
			start := d.now()
			d.await("its end", func() bool {
				d.later(5*time.Second, poke)
				return d.waiting() == 0
			})
			if got := d.receipt(id).Failure; got != x.failure {
				t.Errorf("failure %d", got)
			}
			if took := d.now().Sub(start); x.held && took < 3*probeEvery {
				t.Errorf("it was tried %d times within %v", x.asked, took)
			}
			if asked, _ := s.counts(); asked != x.asked {
				t.Errorf("asked for %d times", asked)
			}
			if held := len(d.heard()) > 1; held != x.held {
				t.Errorf("told: %s", d.heard())
			}
			if x.failure == inbox.NoFailure && len(d.posted()) != 1 {
				t.Errorf("%d posts", len(d.posted()))
			}
		})
	}
}

func TestNoFileIsHandedOverForAMessageThatMayNotLeave(t *testing.T) {
	d := newDesk(t)
	s := withShelf(d)
	contact, conversation, _ := d.customer(1)
	id := d.queueParcel(conversation, Parcel{Contact: contact, File: &File{Kind: inbox.Image, Media: "m1"}})
	d.ahead.Add(int64(inbox.ReplyWindow + time.Hour))
	d.run(d.db)
	d.await("its failure", func() bool { return d.receipt(id).Failure == inbox.FailWindow })
	if asked, _ := s.counts(); asked != 0 {
		t.Errorf("asked for %d times", asked)
	}
}

func TestSlowFilesHoldNoTextUp(t *testing.T) {
	d := newDesk(t)
	s := withShelf(d)
	hold := make(chan struct{})
	s.give = func(int) (string, error) {
		<-hold
		return "900", nil
	}
	for i := range 2 * inFlight {
		contact, conversation, _ := d.customer(i)
		d.queueParcel(conversation, Parcel{Contact: contact, File: &File{Kind: inbox.Video, Media: "m1"}})
	}
	contact, conversation, _ := d.customer(500)
	d.queue(contact, conversation, "hello")
	d.run(d.db)
	d.await("the text", func() bool { return slices.ContainsFunc(d.posted(), func(p post) bool { return p.text == "hello" }) })
	if asked, _ := s.counts(); asked > filesAtOnce {
		t.Errorf("%d files at once", asked)
	}
	close(hold)
	d.await("all files", func() bool { return d.waiting() == 0 })
	if n := len(d.posted()); n != 2*inFlight+1 {
		t.Errorf("%d posts", n)
	}
}

func TestWhatAnEarlierRelayQueuedStillLeaves(t *testing.T) {
	d := newDesk(t)
	contact, conversation, theirs := d.customer(1)
	id := d.queue(contact, conversation, "to be replaced")
	old, err := cbor.Marshal(map[int]string{1: "from before", 2: string(theirs)})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := d.vault.Seal(t.Context(), contact, bucketPayload, []byte(id), old)
	if err != nil {
		t.Fatal(err)
	}
	d.update(func(tx ledger.Tx) error {
		key, err := tx.Get(bucketPlace, []byte(id))
		if err != nil {
			return err
		}
		r, err := cbor.Marshal(map[int]string{1: string(id), 2: string(contact)})
		return errors.Join(err, tx.Put(bucketQueue, key, r), tx.Put(bucketPayload, []byte(id), sealed))
	})
	d.run(d.db)
	d.await("it to leave", func() bool { return d.waiting() == 0 })
	if p := d.posted(); len(p) != 1 || p[0].text != "from before" {
		t.Errorf("posted %v", p)
	}
	again, ok, err := Again(t.Context(), d.db, d.vault, sales, contact, id)
	if err != nil || !ok || again.Text != "from before" || again.Quote != theirs {
		t.Errorf("to be sent again: %v, %v, %v", again, ok, err)
	}
}

func TestEveryParcelCanBeSentAgain(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	for name, p := range parcels() {
		p.Contact = contact
		id := d.queueParcel(conversation, p)
		again, ok, err := Again(t.Context(), d.db, d.vault, sales, contact, id)
		if err != nil || !ok {
			t.Fatal(name, ok, err)
		}
		want, _ := json.Marshal(p)
		if got, _ := json.Marshal(again); string(got) != string(want) {
			t.Errorf("%s comes back as %s", name, got)
		}
	}
}

// A marker notes what customers were told beside messages.
type marker struct {
	mu   sync.Mutex
	told []string
}

func (m *marker) MarkRead(_ context.Context, _ string, id whatsapp.MessageID, typing bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, fmt.Sprint(id.Reveal(), " ", typing))
	return nil
}

func (m *marker) list() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.told)
}

func TestACustomerIsToldOnceWhatWasReadAndNowAndThenThatSomebodyWrites(t *testing.T) {
	d := newDesk(t)
	m := &marker{}
	d.config = func(c *Config) { c.Marker = m }
	contact, conversation, theirs := d.customer(1)
	ref, err := NewRef(t.Context(), d.vault, contact, whatsapp.NewMessageID("wamid.theirs"), theirs)
	if err != nil {
		t.Fatal(err)
	}
	d.update(ref.Bind)
	var seq uint64
	d.update(func(tx ledger.Tx) error {
		c, _, err := eventlog.Conversation(tx, conversation)
		seq = c.InboundSeq
		return err
	})
	p := d.pipeline(d.db)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, nil) }()
	defer func() { cancel(); <-done }()
	told := func(want ...string) {
		t.Helper()
		d.await(fmt.Sprint(want), func() bool { return len(m.list()) >= len(want) })
		<-time.After(300 * time.Millisecond)
		if got := m.list(); !slices.Equal(got, want) {
			t.Fatalf("told %v, want %v", got, want)
		}
	}
	p.Read(conversation, seq)
	p.Read(conversation, seq)
	told("wamid.theirs false")
	p.Read(conversation, seq)
	p.Typing(conversation, seq)
	p.Typing(conversation, seq)
	told("wamid.theirs false", "wamid.theirs true")
	d.ahead.Add(int64(typingEvery))
	p.Typing(conversation, seq)
	told("wamid.theirs false", "wamid.theirs true", "wamid.theirs true")
	p.Read(conversation, seq+1)    // what stands there is nothing of the customer's
	p.Typing("somebody-else", seq) // nor is this his
	told("wamid.theirs false", "wamid.theirs true", "wamid.theirs true")
}
