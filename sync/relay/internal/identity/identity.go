package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// Shard is the ledger's shard for everything that concerns the whole company.
const Shard = string(inbox.CompanyLog)

// CodeLife is how long an enrolment code may be used.
const CodeLife = 15 * time.Minute

const (
	bucketPerson = "person"
	bucketDevice = "device"
	bucketCode   = "code"
)

// Errors of looking people and devices up.
var (
	ErrNoPerson = errors.New("no such person")
	ErrNoDevice = errors.New("no such device")
	ErrRevoked  = errors.New("the device was excluded")
	ErrName     = errors.New("a person needs a name of at most 80 characters that nobody else has")
	ErrRole     = errors.New("not a role that can be given")
)

var (
	errRow    = errors.New("identity row is damaged")
	errAbsent = errors.New("no such row")
)

// A Device is one installation that may speak for one person.
type Device struct {
	ID       inbox.DeviceID    `cbor:"1,keyasint"`
	Person   inbox.PersonID    `cbor:"2,keyasint"`
	Key      ed25519.PublicKey `cbor:"3,keyasint"`
	Name     string            `cbor:"4,keyasint"`
	App      string            `cbor:"5,keyasint,omitempty"`
	System   string            `cbor:"6,keyasint,omitempty"`
	Enrolled inbox.Moment      `cbor:"7,keyasint"`
	Revoked  inbox.Moment      `cbor:"8,keyasint,omitempty"`
}

type code struct {
	Person  inbox.PersonID `cbor:"1,keyasint"`
	Expires inbox.Moment   `cbor:"2,keyasint"`
	Used    inbox.Moment   `cbor:"3,keyasint,omitempty"`
}

// A Register is the company's people, their devices, and who is signed in.
type Register struct {
	db   ledger.DB
	now  func() time.Time
	conf SignInConfig
	sso  *signOn // nil: the company has none
	hash *hasher
	door *door

	web       *webauthn.WebAuthn // nil: there are no passkeys
	shows     *ceremonies
	unclaimed *unclaimed
}

// NewRegister returns the register kept in db. now is the relay's clock. Until [Register.Configure] is called, no sign-in
// is required.
func NewRegister(db ledger.DB, now func() time.Time) *Register {
	r := &Register{db: db, now: now}
	if err := r.Configure(SignInConfig{}); err != nil {
		panic(err) // the zero value is valid
	}
	return r
}

// AddPerson gives a new person a role in inboxes. Errors: [ErrName], [ErrRole], or the ledger's.
func (r *Register) AddPerson(ctx context.Context, name string, role inbox.Role, inboxes []inbox.InboxID) (inbox.Person, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || len([]rune(name)) > 80 {
		return inbox.Person{}, ErrName
	}
	if role < inbox.Agent || role > inbox.Auditor {
		return inbox.Person{}, ErrRole
	}
	p := inbox.Person{ID: inbox.NewID[inbox.PersonID](), Name: name, Role: role, Inboxes: inboxes}
	at := inbox.At(r.now())
	err := r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		for _, row := range tx.Scan(bucketPerson, nil, nil) {
			var other inbox.Person
			if cbor.Unmarshal(row, &other) != nil {
				return errRow
			}
			if strings.EqualFold(other.Name, name) {
				return ErrName
			}
		}
		if err := put(tx, bucketPerson, []byte(p.ID), p); err != nil {
			return err
		}
		if _, err := eventlog.Append(tx, at, "", inbox.PersonChanged{Person: p}); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: at, Act: audit.PersonAdded, Object: string(p.ID)})
	})
	return p, err
}

// People returns everybody, in no useful order.
func (r *Register) People(ctx context.Context) (people []inbox.Person, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		people = nil
		for _, row := range tx.Scan(bucketPerson, nil, nil) {
			var p inbox.Person
			if cbor.Unmarshal(row, &p) != nil {
				return errRow
			}
			people = append(people, p)
		}
		return nil
	})
	return people, err
}

// Person returns one person, or [ErrNoPerson].
func (r *Register) Person(ctx context.Context, id inbox.PersonID) (p inbox.Person, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error { return get(tx, bucketPerson, []byte(id), &p, ErrNoPerson) })
	return p, err
}

// Issue makes a code with which one device may be enrolled for the person until the time it returns. Errors:
// [ErrNoPerson], [ErrLeft], or the ledger's.
func (r *Register) Issue(ctx context.Context, id inbox.PersonID) (string, time.Time, error) {
	raw := make([]byte, wire.CodeLen)
	rand.Read(raw)
	for i := range raw {
		raw[i] = wire.CodeAlphabet[int(raw[i])%len(wire.CodeAlphabet)] // 256 is a multiple of 32: no bias
	}
	at := r.now()
	expires := at.Add(CodeLife)
	err := r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		if p.Left != 0 {
			return ErrLeft
		}
		before := inbox.At(at).Add(-codeMemory)
		if err := forgetCodes(tx, func(k code) bool { return k.Expires < before }); err != nil {
			return err
		}
		if err := put(tx, bucketCode, hashCode(string(raw)), code{Person: id, Expires: inbox.At(expires)}); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: inbox.At(at), Act: audit.CodeIssued, Object: string(id)})
	})
	return string(raw), expires, err
}

// codeMemory is how long a code that cannot be used any more is told from one that never was.
const codeMemory = 30 * 24 * time.Hour

// forgetCodes removes the codes that fit.
func forgetCodes(tx ledger.Tx, fits func(code) bool) error {
	for key, row := range tx.Scan(bucketCode, nil, nil) {
		var k code
		if cbor.Unmarshal(row, &k) != nil {
			return errRow
		}
		if fits(k) {
			if err := tx.Delete(bucketCode, key); err != nil {
				return err
			}
		}
	}
	return tx.Err()
}

// Enrol admits a device. The request's signature is checked here. Errors: [wire.ErrRequest], [wire.ErrCodeUnknown],
// [wire.ErrCodeExpired], [wire.ErrCodeUsed], or the ledger's.
func (r *Register) Enrol(ctx context.Context, q wire.EnrolRequest) (Device, inbox.Person, error) {
	c := wire.CleanCode(q.Code)
	if !soundRequest(q) {
		return Device{}, inbox.Person{}, wire.ErrRequest
	}
	var p inbox.Person
	d := Device{ID: inbox.NewID[inbox.DeviceID](), Key: q.PublicKey, Name: q.Name, App: q.App, System: q.System}
	err := r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		now := inbox.At(r.now())
		var k code
		if err := get(tx, bucketCode, hashCode(c), &k, wire.ErrCodeUnknown); err != nil {
			return err
		}
		switch {
		case k.Used != 0:
			return wire.ErrCodeUsed
		case now >= k.Expires:
			return wire.ErrCodeExpired
		}
		if err := get(tx, bucketPerson, []byte(k.Person), &p, ErrNoPerson); err != nil {
			return err
		}
		if p.Left != 0 {
			return wire.ErrCodeUnknown
		}
		k.Used = now
		d.Person, d.Enrolled = p.ID, now
		if err := put(tx, bucketCode, hashCode(c), k); err != nil {
			return err
		}
		if err := put(tx, bucketDevice, []byte(d.ID), d); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: now, Actor: p.ID, Device: d.ID, Act: audit.DeviceAdded, Object: string(d.ID)})
	})
	if err != nil {
		return Device{}, inbox.Person{}, err
	}
	return d, p, nil
}

// Device returns an enrolled device and its person. Errors: [ErrNoDevice], [ErrRevoked], [ErrNoPerson], or the ledger's.
func (r *Register) Device(ctx context.Context, id inbox.DeviceID) (d Device, p inbox.Person, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		if err := get(tx, bucketDevice, []byte(id), &d, ErrNoDevice); err != nil {
			return err
		}
		if d.Revoked != 0 {
			return ErrRevoked
		}
		return get(tx, bucketPerson, []byte(d.Person), &p, ErrNoPerson)
	})
	return d, p, err
}

// Devices returns all devices, in no useful order.
func (r *Register) Devices(ctx context.Context) (devices []Device, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		devices = nil
		for _, row := range tx.Scan(bucketDevice, nil, nil) {
			var d Device
			if cbor.Unmarshal(row, &d) != nil {
				return errRow
			}
			devices = append(devices, d)
		}
		return nil
	})
	return devices, err
}

// Revoke excludes a device, and ends its session. Its open connection is the caller's to close. Revoking twice is no error.
func (r *Register) Revoke(ctx context.Context, id inbox.DeviceID) error {
	return r.RevokeBy(ctx, By{}, id)
}

// RevokeBy is [Register.Revoke], done by somebody.
func (r *Register) RevokeBy(ctx context.Context, by By, id inbox.DeviceID) error {
	return r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		var d Device
		if err := get(tx, bucketDevice, []byte(id), &d, ErrNoDevice); err != nil || d.Revoked != 0 {
			return err
		}
		d.Revoked = inbox.At(r.now())
		if err := put(tx, bucketDevice, []byte(id), d); err != nil {
			return err
		}
		if err := tx.Delete(bucketGrant, []byte(id)); err != nil {
			return err
		}
		if _, err := endSession(tx, by, d.Revoked, id, WhyRevoked); err != nil {
			return err
		}
		return by.record(tx, d.Revoked, audit.DeviceRevoked, string(id), "")
	})
}

func hashCode(code string) []byte {
	h := sha256.Sum256([]byte("sealdesk/code/v1\x00" + code))
	return h[:]
}

func get(tx ledger.Tx, bucket string, key []byte, into any, absent error) error {
	if len(key) == 0 {
		return absent
	}
	row, err := tx.Get(bucket, key)
	switch {
	case err != nil:
		return err
	case row == nil:
		return absent
	case cbor.Unmarshal(row, into) != nil:
		return errRow
	}
	return nil
}

func put(tx ledger.Tx, bucket string, key []byte, v any) error {
	row, err := cbor.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a row of %s: %w", bucket, err)
	}
	return tx.Put(bucket, key, row)
}
