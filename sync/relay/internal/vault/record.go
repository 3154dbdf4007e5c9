package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/mask"
)

const redacted = "[redacted]"

// Identity is who a contact is to WhatsApp. Any field may be empty. It prints "[redacted]" wherever it is printed.
type Identity struct {
	Phone        string // E.164 digits
	UserID       string // the business-scoped user id (BSUID)
	ParentUserID string // the same across a portfolio of businesses
	Username     string // without @; changes hands, so it finds a contact only if nothing better is given
	ProfileName  string // what the contact calls himself
}

// String returns "[redacted]".
func (Identity) String() string { return redacted }

// Format prints "[redacted]" under every verb.
func (Identity) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalJSON prints "[redacted]".
func (Identity) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns "[redacted]".
func (Identity) LogValue() slog.Value { return slog.StringValue(redacted) }

// normal returns the identity with every value in the form it is compared in. WhatsApp sometimes puts a user id where
// a number belongs; it is told by its letters.
func (i Identity) normal() Identity {
	i.Phone = strings.TrimSpace(i.Phone)
	if strings.ContainsFunc(i.Phone, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }) {
		if i.UserID == "" {
			i.UserID = i.Phone
		}
		i.Phone = ""
	}
	i.Phone = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, i.Phone)
	i.UserID = strings.TrimSpace(i.UserID)
	i.ParentUserID = strings.TrimSpace(i.ParentUserID)
	i.Username = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(i.Username), "@")) // WhatsApp does not tell case apart
	return i
}

// The kinds of identifiers contacts are found by.
const (
	kindPhone    = "phone"
	kindUser     = "user"
	kindParent   = "parent"
	kindUsername = "username"
	kindEmail    = "email" // finds an owner for the guard, never a contact for a message
)

// A name is the keyed hash of an identifier.
type name = [seal.NameSize]byte

// names returns the keyed hashes of all identifiers, the surest first, and how many of them prove who it is: a
// username does only where nothing better is given.
func (v *Vault) names(i Identity) (all []name, sure int) {
	all = make([]name, 0, 4)
	add := func(kind, value string) {
		if value != "" {
			all = append(all, v.Hash(kind, value))
		}
	}
	add(kindUser, i.UserID)
	add(kindPhone, i.Phone)
	add(kindParent, i.ParentUserID)
	sure = len(all)
	add(kindUsername, i.Username)
	if sure == 0 {
		sure = len(all)
	}
	return all, sure
}

// maxLearnt bounds how many numbers, addresses and handles a contact's own messages can add to his record.
const maxLearnt = 32

// record is what the vault knows of a contact, as it lies sealed in its row.
type record struct {
	Version uint64       `cbor:"1,keyasint"` // grows with every change
	Alias   string       `cbor:"2,keyasint"`
	Since   inbox.Moment `cbor:"3,keyasint"`
	Phones  []string     `cbor:"4,keyasint,omitempty"` // the one in use first
	UserIDs []string     `cbor:"5,keyasint,omitempty"`
	Parents []string     `cbor:"6,keyasint,omitempty"`
	Name    string       `cbor:"7,keyasint,omitempty"`
	Users   []string     `cbor:"8,keyasint,omitempty"`  // usernames
	Emails  []string     `cbor:"9,keyasint,omitempty"`  // learnt from his messages, the first one first
	Numbers []string     `cbor:"10,keyasint,omitempty"` // likewise
	Handles []string     `cbor:"11,keyasint,omitempty"` // likewise

	Into    inbox.ContactID         `cbor:"12,keyasint,omitempty"` // the older contact this one turned out to be
	Twins   []inbox.ContactID       `cbor:"13,keyasint,omitempty"` // the younger ones that turned out to be this one
	Pending bool                    `cbor:"14,keyasint,omitempty"` // the card or the twins are news to conversations
	Left    map[string]inbox.Moment `cbor:"15,keyasint,omitempty"` // numbers and user ids given up, and when; others may get the numbers
	Tokens  []byte                  `cbor:"16,keyasint,omitempty"` // what stands in texts for what; see mask.Tokens
}

// phone returns the number the contact has now.
func (r *record) phone() string { return r.current(r.Phones) }

// current returns the first of list that was not given up.
func (r *record) current(list []string) string {
	for _, s := range list {
		if r.Left[s] == 0 {
			return s
		}
	}
	return ""
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// front returns list with s as its first element, without changing the given one.
func front(list []string, s string) []string {
	if s == "" || first(list) == s {
		return list
	}
	out := append(make([]string, 0, len(list)+1), s)
	for _, old := range list {
		if old != s {
			out = append(out, old)
		}
	}
	return out
}

func (r record) identity() Identity {
	return Identity{
		Phone: r.phone(), UserID: r.current(r.UserIDs), ParentUserID: first(r.Parents), Username: first(r.Users),
		ProfileName: r.Name,
	}
}

// with returns the record after i was heard. What i leaves out stays, and what was given up stays so.
func (r record) with(i Identity) record {
	if r.Left[i.Phone] != 0 {
		i.Phone = ""
	}
	if r.Left[i.UserID] != 0 {
		i.UserID = ""
	}
	r.Phones, r.UserIDs, r.Parents = front(r.Phones, i.Phone), front(r.UserIDs, i.UserID), front(r.Parents, i.ParentUserID)
	r.Users = front(r.Users, i.Username)
	if i.ProfileName != "" {
		r.Name = i.ProfileName
	}
	return r
}

// tells reports whether i says nothing r does not know.
func (r *record) tells(i Identity) bool {
	same := func(have []string, got string) bool { return got == "" || first(have) == got }
	return (r.Left[i.Phone] != 0 || i.Phone == "" || r.phone() == i.Phone) &&
		(r.Left[i.UserID] != 0 || i.UserID == "" || r.current(r.UserIDs) == i.UserID) && same(r.Parents, i.ParentUserID) &&
		same(r.Users, i.Username) && (i.ProfileName == "" || i.ProfileName == r.Name)
}

// learnt returns the record with what was found in a message, and whether that is news.
func (r record) learnt(found []mask.Found) (record, bool) {
	news := false
	add := func(list *[]string, own []string, s string) {
		if len(*list) < maxLearnt && !slices.Contains(*list, s) && !slices.Contains(own, s) {
			*list = append(slices.Clip(*list), s)
			news = true
		}
	}
	for _, f := range found {
		switch f.Kind {
		case inbox.Phone:
			add(&r.Numbers, r.Phones, f.Value)
		case inbox.Email:
			add(&r.Emails, nil, f.Value)
		case inbox.Handle:
			add(&r.Handles, r.Users, f.Value)
		}
	}
	return r, news
}

// country tells where the contact is at home: by his number, else by his user id, which begins with it.
func (r *record) country() string {
	p := r.phone()
	if p == "" {
		p = first(r.Phones)
	}
	if p != "" {
		if c := mask.Country(p); c != "" {
			return c
		}
	}
	if u := r.current(r.UserIDs); len(u) > 3 && u[2] == '.' && isUpper(u[0]) && isUpper(u[1]) {
		return u[:2]
	}
	return ""
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

var recordMode = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic("vault: " + err.Error()) // the options are constant
	}
	return m
}()

// A contact is an unchanging view of one record, with what is made from it.
type contact struct {
	id    inbox.ContactID
	rec   record
	card  inbox.Contact
	known mask.Known
	hand
	table func() (*mask.Tokens, error) // of his texts; fork it
	names []name                       // what the cache finds it by
	used  atomic.Bool                  // since the cache last looked for something to drop
}

func (v *Vault) contact(id inbox.ContactID, rec record, hand hand) *contact {
	c := &contact{id: id, rec: rec, hand: hand, table: newTable(hand.secret, rec.Tokens)}
	if rec.Into == "" {
		c.names, _ = v.names(rec.identity())
	}
	country := rec.country()
	c.known = mask.Known{
		Phones: slices.Concat(rec.Phones, rec.Numbers), Emails: rec.Emails, Handles: slices.Concat(rec.Users, rec.Handles),
		Region: country, Company: v.company,
	}
	p := v.policy
	c.card = inbox.Contact{
		ID: id, Alias: rec.Alias, Name: p.PersonName(rec.Name, c.known), Phone: p.Phone(rec.phone()),
		Email: p.Email(first(rec.Emails)), Username: p.Handle(first(rec.Users)), Country: country, Since: rec.Since,
	}
	return c
}

func sameCard(a, b inbox.Contact) bool {
	return a.ID == b.ID && a.Alias == b.Alias && a.Name.Equal(b.Name) && a.Phone.Equal(b.Phone) &&
		a.Email.Equal(b.Email) && a.Username.Equal(b.Username) && a.Country == b.Country && a.Since == b.Since
}

// place is the name a sealed value is bound to inside its contact: the bucket and the key, kept apart by a length.
func place(bucket string, key []byte) []byte {
	b := make([]byte, 0, 4+len(bucket)+len(key))
	b = binary.BigEndian.AppendUint32(b, uint32(len(bucket)))
	return append(append(b, bucket...), key...)
}

// The alphabet of aliases: no letter that reads as a digit, no vowel that makes words.
const (
	aliasLetters = "BCDFGHJKMNPQRSTVWXYZ"
	aliasDigits  = "23456789"
)

// newAlias returns a random alias such as "K7-MX4Q".
func newAlias() string {
	var b bytes.Buffer
	for i := range 6 {
		switch i {
		case 0:
			b.WriteByte(pick(aliasLetters))
		case 1:
			b.WriteByte(pick(aliasDigits))
			b.WriteByte('-')
		default:
			b.WriteByte(pick(aliasLetters + aliasDigits))
		}
	}
	return b.String()
}

// pick returns a random byte of s, each with the same chance.
func pick(s string) byte {
	limit := byte(256 - 256%len(s))
	var b [1]byte
	for {
		if rand.Read(b[:]); limit == 0 || b[0] < limit {
			return s[int(b[0])%len(s)]
		}
	}
}
