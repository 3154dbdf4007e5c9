package relay

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"
	"github.com/fxamacker/cbor/v2"
	"golang.org/x/text/unicode/norm"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

//go:embed keywords.toml
var keywordsText string

// A command is what a customer can ask of the relay with one word.
type command string

// The commands, as keywords.toml names them.
const (
	commandStop    command = "stop"
	commandStopAll command = "stop_all"
	commandStart   command = "start"
	commandPrivacy command = "privacy"
	commandData    command = "data"
	commandErasure command = "erasure"
	commandVerify  command = "verify"
)

const (
	maxKeyword  = 80               // characters of a message that may be a keyword
	answerEvery = 10 * time.Minute // the same keyword of the same customer is answered once in this time
	// maxCounted is how many events are looked at for an answer: more would let a customer keep the relay busy.
	maxCounted = 200_000
	// bucketAnswered is command and contact id -> when the relay answered last.
	bucketAnswered = "answered"
)

// errStale means that what an answer says is not true any more. Preparing it anew helps.
var errStale = errors.New("answer is out of date")

// spoken is what a folded text means: one command, and the languages that say it so.
type spoken struct {
	command   command
	languages []string
}

var vocabulary = sync.OnceValue(func() map[string]spoken {
	var file map[string]map[command][]string
	if _, err := toml.Decode(keywordsText, &file); err != nil {
		panic(err) // the file is part of the program
	}
	out := map[string]spoken{}
	for _, language := range languages { // their order decides for whom nothing else is known
		for c, words := range file[language] {
			for _, word := range words {
				word = foldKeyword(word)
				s := out[word]
				if s.command != "" && s.command != c {
					panic("keywords.toml: one word for two commands")
				}
				s.command = c
				if !slices.Contains(s.languages, language) {
					s.languages = append(s.languages, language)
				}
				out[word] = s
			}
		}
	}
	return out
})

// foldKeyword returns the letters and digits of a text without case and accents, words apart by one space.
func foldKeyword(text string) string {
	var out strings.Builder
	gap := false
	// Some letters have a lower case only once they are taken apart, others come apart only then.
	for _, c := range norm.NFKD.String(strings.ToLower(norm.NFKD.String(text))) {
		switch {
		case unicode.Is(unicode.Mn, c) || unicode.Is(unicode.Cf, c):
			continue
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			gap = true
			continue
		}
		if gap && out.Len() > 0 {
			out.WriteByte(' ')
		}
		gap = false
		switch c {
		case 'ß':
			out.WriteString("ss")
		case 'œ':
			out.WriteString("oe")
		case 'ı':
			out.WriteByte('i')
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

// commandIn returns what a whole message asks for, if anything.
func commandIn(text string) (spoken, bool) {
	if len(text) > 4*maxKeyword || len([]rune(text)) > maxKeyword {
		return spoken{}, false
	}
	s, ok := vocabulary()[foldKeyword(text)]
	return s, ok
}

// commandOf returns what a customer's message asks for. Only what he wrote himself and quick replies of templates count:
// what an agent offers in a list has another meaning.
func commandOf(m whatsapp.Message) (spoken, bool) {
	if !m.Group.IsZero() {
		return spoken{}, false
	}
	switch b := m.Body.(type) {
	case whatsapp.Text:
		return commandIn(b.Body)
	case whatsapp.Button:
		if s, ok := commandIn(b.Text); ok {
			return s, true
		}
		return commandIn(b.Payload)
	}
	return spoken{}, false
}

// languageOf chooses among the languages a word belongs to: that of the customer's country, else the configured one.
func (s spoken) languageOf(country, configured string) string {
	if len(s.languages) == 1 {
		return s.languages[0]
	}
	for _, guess := range []string{countryLanguage[country], configured} {
		if slices.Contains(s.languages, guess) {
			return guess
		}
	}
	return s.languages[0]
}

var countryLanguage = map[string]string{
	"DE": "de", "AT": "de", "CH": "de", "LI": "de", "LU": "fr", "FR": "fr", "BE": "fr", "MC": "fr", "SN": "fr", "CI": "fr",
	"IT": "it", "SM": "it", "VA": "it", "ES": "es", "MX": "es", "AR": "es", "CO": "es", "CL": "es", "PE": "es", "EC": "es",
	"VE": "es", "UY": "es", "PY": "es", "BO": "es", "CR": "es", "PA": "es", "DO": "es", "GT": "es", "HN": "es", "SV": "es",
	"NI": "es", "CU": "es", "PT": "pt", "BR": "pt", "AO": "pt", "MZ": "pt", "CV": "pt",
	"GB": "en", "US": "en", "IE": "en", "AU": "en", "NZ": "en", "CA": "en", "IN": "en", "ZA": "en",
}

// A keyword is a word of a customer that the relay answers by itself, with all done that needs the vault.
type keyword struct {
	command command
	contact inbox.ContactID
	what    inbox.What // the item colleagues see, unless the ledger of consent adds it
	consent *consentRow
	request *inbox.Request // its conversation is filled in when it is written
	fresh   bool           // the request is a new one
	answer  inbox.Message
	parcel  outbound.Sealed
}

// keyword returns what a message asks of the relay, nil when it asks nothing. It must not be called inside a transaction.
func (r *Relay) keyword(ctx context.Context, in *incoming, m whatsapp.Message) (*keyword, error) {
	said, ok := commandOf(m)
	if !ok {
		return nil, nil
	}
	// He may have turned out to be somebody the company knows: what is kept of him belongs to that one.
	standing, err := r.vault.Standing(ctx, in.contact.ID)
	if err != nil {
		return nil, fmt.Errorf("reading a contact: %w", err)
	}
	who := standing.Card
	k := &keyword{command: said.command, contact: who.ID}
	s := r.speaker(in.inbox, said.languageOf(who.Country, r.cfg.Privacy.Language))
	entry := consentEntry{At: in.message.At, Source: inbox.FromKeyword, Message: in.message.ID}
	enter := false
	var text string
	switch said.command {
	case commandStop:
		text, enter = s.say(s.Stop, nil), true
		entry.Marketing, entry.What = inbox.Withdrawn, inbox.WhatStopped
	case commandStopAll:
		text, enter = s.say(s.StopAll, nil), true
		entry.Marketing, entry.Templates, entry.What = inbox.Withdrawn, inbox.Withdrawn, inbox.WhatStoppedAll
	case commandStart:
		text, enter = s.say(s.Start, nil), true
		entry.Marketing, entry.Templates, entry.What = inbox.Given, inbox.Given, inbox.WhatResumed
	case commandPrivacy:
		text, entry.Proof = s.privacyNotice()
		enter, k.what = true, inbox.WhatNoticeSent
	case commandVerify:
		k.what = inbox.WhatVerified
		text, err = r.verification(ctx, s, in.inbox, who.ID, m)
	case commandData:
		k.what = inbox.WhatDataAsked
		if err = r.keywordRequest(ctx, k, in.inbox, inbox.RequestData); err == nil {
			var h holdings
			h, err = r.holdings(ctx, in.inbox, who)
			text = s.dataAsked(Reference(k.request.ID), k.request.Due, h)
		}
	case commandErasure:
		k.what = inbox.WhatErasureAsked
		if err = r.keywordRequest(ctx, k, in.inbox, inbox.RequestErasure); err == nil {
			text = s.erasureAsked(Reference(k.request.ID), k.request.Due)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("preparing an answer: %w", err)
	}
	if enter {
		row, err := r.sealConsent(ctx, who.ID, string(in.message.ID), entry)
		if err != nil {
			return nil, err
		}
		k.consent = &row
	}
	return k, r.prepareAnswer(ctx, k, text)
}

// prepareAnswer makes the message of the relay's own.
func (r *Relay) prepareAnswer(ctx context.Context, k *keyword, text string) error {
	k.answer = inbox.Message{ID: r.newMessageID(), Side: inbox.FromPerson, Kind: inbox.Text, Receipt: inbox.Queued}
	var err error
	if k.answer.Body, err = r.vault.MaskOurs(ctx, k.contact, text); err != nil {
		return fmt.Errorf("masking an answer: %w", err)
	}
	k.parcel, err = outbound.Seal(ctx, r.vault, outbound.Parcel{Message: k.answer.ID, Contact: k.contact, Text: text})
	return err
}

// write carries the keyword out in the transaction that adds its message. k may be nil.
func (k *keyword) write(tx ledger.Tx, log *eventlog.Writer, c inbox.ConversationID, at inbox.Moment) error {
	if k == nil {
		return nil
	}
	key := []byte(string(k.command) + "\x00" + string(k.contact))
	last, err := answeredAt(tx, key)
	if err != nil {
		return err
	}
	silent := last != 0 && at.Sub(last) < answerEvery && at >= last
	if k.consent != nil { // a withdrawal counts whether or not it is answered
		if _, err := recordConsent(tx, log, c, *k.consent, at); err != nil {
			return err
		}
	}
	if silent {
		return nil
	}
	if k.request != nil && k.fresh {
		q := *k.request
		q.Conversation = c
		if err := announceRequest(tx, q); err != nil {
			return err
		}
	}
	if k.what != 0 {
		if _, err := log.Append(at, "", happened(c, at, k.what, "", "")); err != nil {
			return err
		}
	}
	row, err := cbor.Marshal(at)
	if err != nil {
		return err
	}
	if err := tx.Put(bucketAnswered, key, row); err != nil {
		return err
	}
	if now, _, err := log.Conversation(c); err != nil || !now.WindowOpen(at) {
		return err // a word that was on its way for more than a day: done, but WhatsApp takes no answer any more
	}
	m := k.answer
	m.Conversation, m.At = c, at
	if _, err := log.Append(at, "", inbox.MessageAdded{Message: m}); err != nil {
		return err
	}
	return k.parcel.Enqueue(tx)
}

func answeredAt(tx ledger.Tx, key []byte) (at inbox.Moment, err error) {
	row, err := tx.Get(bucketAnswered, key)
	if err == nil && row != nil && cbor.Unmarshal(row, &at) != nil {
		err = errRow
	}
	return at, err
}

// verification says whether the message a customer asks about, or the last one he got, was sent by the company through
// this relay. What was written past the relay cannot be vouched for, and neither can what is not known.
func (r *Relay) verification(ctx context.Context, s speaker, in inbox.InboxID, contact inbox.ContactID, m whatsapp.Message) (string, error) {
	var sent inbox.Message
	var ours bool
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		thread, err := tx.Get(bucketThread, []byte(contact))
		if err != nil || thread == nil {
			return err
		}
		if m.Context != nil && !m.Context.ID.IsZero() {
			id, err := outbound.NewLookup(r.vault, m.Context.ID).Message(tx)
			if err != nil {
				return err
			}
			if sent, ours, err = eventlog.Message(tx, id); err != nil || !ours {
				return err
			}
			c, _, err := eventlog.Conversation(tx, sent.Conversation)
			ours = sentByUs(sent) && (sent.Conversation == inbox.ConversationID(thread) || c.Into == inbox.ConversationID(thread))
			return err
		}
		n := 0
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			added, is := e.Body.(inbox.MessageAdded)
			if is && added.Message.Conversation == inbox.ConversationID(thread) && added.Message.Side == inbox.FromPerson && added.Message.Kind != inbox.Note {
				var there bool
				if sent, there, err = eventlog.Message(tx, added.Message.ID); err != nil {
					return err
				}
				if there && (sent.Receipt == inbox.Failed || sent.Receipt == inbox.Queued) { // he has not got that one
					continue
				}
				ours = there && sentByUs(sent)
				return nil
			}
			if n++; n > maxCounted {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if !ours {
		return s.say(s.Unverified, nil), nil
	}
	agent := ""
	if s.privacy.VerifyNamesAgent && sent.Author != "" {
		p, err := r.people.Person(ctx, sent.Author)
		if err == nil {
			agent, _, _ = strings.Cut(p.Name, " ")
		} else if !errors.Is(err, ErrNoPerson) {
			return "", err
		}
	}
	return s.verified(sent.At, agent), nil
}

// sentByUs reports whether a message left by this relay.
func sentByUs(m inbox.Message) bool {
	return m.Side == inbox.FromPerson && m.Kind != inbox.Note && !m.Outside
}

// holdings counts what the relay has of a contact.
func (r *Relay) holdings(ctx context.Context, in inbox.InboxID, contact inbox.Contact) (h holdings, err error) {
	who, err := r.vault.Identity(ctx, contact.ID)
	if err != nil {
		return h, err
	}
	for _, there := range []bool{
		who.Phone != "", who.UserID != "", who.ParentUserID != "", who.Username != "", who.ProfileName != "", !contact.Email.IsZero(),
	} {
		if there {
			h.details++
		}
	}
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		counted := holdings{details: h.details}
		prefix := append([]byte(contact.ID), 0)
		for range tx.Scan(bucketConsent, prefix, ledger.After(prefix)) {
			counted.consents++
		}
		thread, err := tx.Get(bucketThread, []byte(contact.ID))
		if err != nil {
			return err
		}
		n := 0
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			if n++; n > maxCounted {
				counted.more = true
				break
			}
			if string(e.Body.Of()) != string(thread) {
				continue
			}
			if _, first := e.Body.(inbox.ConversationOpened); first {
				break
			}
			if b, is := e.Body.(inbox.MessageAdded); is {
				counted.count(b.Message)
			}
		}
		h = counted
		return nil
	})
	return h, err
}

func (h *holdings) count(m inbox.Message) {
	switch {
	case m.Kind == inbox.Note:
		h.notes++
	case m.Side == inbox.FromContact:
		h.theirs++
	case m.Side == inbox.FromPerson:
		h.ours++
	}
	if m.Media != nil {
		h.files++
	}
}
