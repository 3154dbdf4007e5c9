package identity

import (
	"context"
	"errors"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const bucketSession = "session" // by device

// A Session says who is signed in on a device.
type Session struct {
	Device inbox.DeviceID `cbor:"1,keyasint"`
	Person inbox.PersonID `cbor:"2,keyasint"`
	Since  inbox.Moment   `cbor:"3,keyasint"`
	Until  inbox.Moment   `cbor:"4,keyasint"`           // absolute: nothing prolongs it
	Fresh  inbox.Moment   `cbor:"5,keyasint,omitempty"` // until when the person counts as just seen
	Way    wire.Way       `cbor:"6,keyasint,omitempty"` // 0 where no sign-in is required
	SID    string         `cbor:"7,keyasint,omitempty"` // the sign-on's own name of its session
}

// ErrSignedOut means that nobody is signed in on the device any more, so that there is nothing to step up.
var ErrSignedOut = errors.New("nobody is signed in on the device")

// Session returns who is signed in on a device, and false if nobody is: never, not any more, or the device or its person
// was excluded. Where policy requires no sign-in, the device's person always is, and just seen. Errors: the ledger's.
func (r *Register) Session(ctx context.Context, device inbox.DeviceID) (s Session, live bool, err error) {
	now := inbox.At(r.now())
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		var d Device
		if err := get(tx, bucketDevice, []byte(device), &d, ErrNoDevice); err != nil {
			return err
		}
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(d.Person), &p, ErrNoPerson); err != nil {
			return err
		}
		s, live = Session{}, false
		if d.Revoked != 0 || p.Left != 0 {
			return nil
		}
		if !r.conf.Required {
			s = Session{Device: d.ID, Person: p.ID, Since: d.Enrolled, Until: now.Add(r.conf.Session), Fresh: now.Add(r.conf.Fresh)}
			live = true
			return nil
		}
		s, live, err = liveSession(tx, d, now)
		return err
	})
	if errors.Is(err, ErrNoDevice) || errors.Is(err, ErrNoPerson) {
		err = nil
	}
	if err != nil || !live {
		return Session{}, false, err
	}
	return s, true, nil
}

// liveSession returns the session of a device at a moment, if there is one.
func liveSession(tx ledger.Tx, d Device, now inbox.Moment) (s Session, live bool, err error) {
	switch err := get(tx, bucketSession, []byte(d.ID), &s, ErrSignedOut); {
	case errors.Is(err, ErrSignedOut):
		return Session{}, false, nil
	case err != nil:
		return Session{}, false, err
	}
	// A clock that was turned back must not make an old session young again.
	if s.Person != d.Person || now >= s.Until || now.Add(clockSlack) < s.Since {
		return Session{}, false, nil
	}
	return s, true, nil
}

// clockSlack is how far the relay's clock may be corrected backwards before sessions end by it.
const clockSlack = 5 * time.Minute

// SignOut ends the session on a device, if there is one. Its connection is the caller's to close.
func (r *Register) SignOut(ctx context.Context, by By, device inbox.DeviceID, why Why) error {
	return r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		_, err := endSession(tx, by, inbox.At(r.now()), device, why)
		return err
	})
}

// SignOutPerson ends all sessions of a person, and returns the devices that had one.
func (r *Register) SignOutPerson(ctx context.Context, by By, person inbox.PersonID, why Why) (ended []inbox.DeviceID, err error) {
	err = r.db.Update(ctx, Shard, func(tx ledger.Tx) (err error) {
		ended, err = endSessions(tx, by, inbox.At(r.now()), person, why)
		return err
	})
	return ended, err
}

func endSession(tx ledger.Tx, by By, at inbox.Moment, device inbox.DeviceID, why Why) (bool, error) {
	if device == "" {
		return false, nil
	}
	row, err := tx.Get(bucketSession, []byte(device))
	if err != nil || row == nil {
		return false, err
	}
	if err := tx.Delete(bucketSession, []byte(device)); err != nil {
		return false, err
	}
	return true, by.record(tx, at, ActSignedOut, string(device), string(why))
}

func endSessions(tx ledger.Tx, by By, at inbox.Moment, person inbox.PersonID, why Why) ([]inbox.DeviceID, error) {
	return endWhere(tx, by, at, why, func(s Session) bool { return s.Person == person })
}

// endWhere ends the sessions that fit, and returns their devices.
func endWhere(tx ledger.Tx, by By, at inbox.Moment, why Why, fits func(Session) bool) (ended []inbox.DeviceID, err error) {
	for _, row := range tx.Scan(bucketSession, nil, nil) {
		var s Session
		if cbor.Unmarshal(row, &s) != nil {
			return nil, errRow
		}
		if fits(s) {
			ended = append(ended, s.Device)
		}
	}
	if err := tx.Err(); err != nil {
		return nil, err
	}
	for _, device := range ended {
		if _, err := endSession(tx, by, at, device, why); err != nil {
			return nil, err
		}
	}
	return ended, nil
}
