package inbox

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"
)

// The ids. Each is 26 lower-case characters of random base32 (128 bits), except the ids a company chooses itself
// (an [InboxID] or a [CardID] is a short slug from its configuration). The zero value of each means "none".
type (
	InboxID        string // a company WhatsApp number and its conversations
	ContactID      string // a customer, as far as anybody but the vault knows
	ConversationID string // the thread with one contact on one inbox
	MessageID      string // one item of a conversation
	MediaID        string // one picture, document or recording
	PersonID       string // somebody who works for the company
	DeviceID       string // one installation of the client
	IntentID       string // one wish of a person, named by the device
	TemplateID     string // one template in one language
	CardID         string // one contact card of the company: a slug from the configuration
	IncidentID     string // something that IT or a supervisor must look at
	RequestID      string // what a customer asked about his own data
	RevealID       string // one look at one field of a contact
	WipeID         string // the destruction of one device's cache
	TagID          string // a word the company sorts conversations by
	TaskID         string // something to do for a customer, named by the device
	QuickReplyID   string // a text the company keeps ready
	TeamID         string // people who work together: a short slug the company chose
	LogID          string // one log of events: an inbox's, or the company's
)

// CompanyLog is the log of facts that concern every inbox: people, inboxes, policy.
const CompanyLog LogID = "company"

// OversightLog is the log of what supervisors, privacy officers and IT watch over: incidents and customers' requests.
const OversightLog LogID = "oversight"

// Log returns the log that holds the inbox's history.
func (id InboxID) Log() LogID { return LogID("inbox/" + string(id)) }

// Inbox returns the inbox whose history the log holds, or "" for any other log.
func (l LogID) Inbox() InboxID {
	id, _ := strings.CutPrefix(string(l), "inbox/")
	if id == string(l) {
		return ""
	}
	return InboxID(id)
}

var idEncoding = base32.NewEncoding("23456789abcdefghijkmnpqrstuvwxyz").WithPadding(base32.NoPadding)

// NewID returns a fresh random id of 128 bits. It is safe for concurrent use.
func NewID[T ~string]() T {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return T(idEncoding.EncodeToString(b[:]))
}

// NewIDAt returns a fresh id that begins with the moment it was made (48 bits) and goes on at random (80 bits), so that
// ids made one after the other sort that way and a store can keep them side by side. It tells when the thing was made
// and nothing else: use it for things whose time everybody who sees the id sees too, such as messages.
func NewIDAt[T ~string](at Moment) T {
	var b [16]byte
	rand.Read(b[:])
	for i := range 6 {
		b[i] = byte(at >> (40 - 8*i))
	}
	return T(idEncoding.EncodeToString(b[:]))
}

// A Moment is a point in time in whole milliseconds since the Unix epoch, UTC. The zero value means "never".
type Moment int64

// At returns t as a Moment, cut to milliseconds. The zero time is the zero Moment.
func At(t time.Time) Moment {
	if t.IsZero() {
		return 0
	}
	return Moment(t.UnixMilli())
}

// Time returns m as a time in UTC; the zero Moment is the zero time.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// Add returns m shifted by d.
func (m Moment) Add(d time.Duration) Moment { return m + Moment(d.Milliseconds()) }

// Sub returns the time from n to m.
func (m Moment) Sub(n Moment) time.Duration { return time.Duration(m-n) * time.Millisecond }
