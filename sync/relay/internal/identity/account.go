package identity

import (
	"context"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	bucketAccount = "account" // by person
	bucketSignOn  = "signon"  // by person
)

// An account is with what a person signs in at the relay itself.
type account struct {
	Password *password    `cbor:"1,keyasint,omitempty"` // nil: the next who signs in on a device of the person chooses one
	Second   *second      `cbor:"2,keyasint,omitempty"`
	Recovery [][]byte     `cbor:"3,keyasint,omitempty"` // hashes of the codes that were not used
	Kept     bool         `cbor:"4,keyasint,omitempty"` // the person said that the codes are kept
	Failures int          `cbor:"5,keyasint,omitempty"` // in a row
	Failed   inbox.Moment `cbor:"6,keyasint,omitempty"` // the last one
	Until    inbox.Moment `cbor:"7,keyasint,omitempty"` // nothing is looked at before
}

// fail counts a failure.
func (a *account) fail(now inbox.Moment) {
	if now.Sub(a.Failed) > forgiveAfter {
		a.Failures = 0
	}
	a.Failures++
	a.Failed, a.Until = now, now.Add(delayAfter(a.Failures, longestDelay))
}

// wait returns the seconds until something is looked at. A clock that was turned back does not prolong a delay.
func (a *account) wait(now inbox.Moment) int {
	left := min(a.Until.Sub(now), delayAfter(a.Failures, longestDelay))
	return seconds(left)
}

// An Account says how far a person has set up signing in. It holds no secret.
type Account struct {
	Password bool         // there is one
	Second   bool         // and a second factor
	Recovery int          // recovery codes that were not used
	SignOn   SignOn       // who the person is at the company's sign-on
	Failures int          // in a row
	Until    inbox.Moment // nothing is looked at before
}

// Account returns how far a person has set up signing in. Errors: [ErrNoPerson], or the ledger's.
func (r *Register) Account(ctx context.Context, id inbox.PersonID) (out Account, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		var a account
		var on SignOn
		if err := perhaps(tx, bucketAccount, []byte(id), &a); err != nil {
			return err
		}
		if err := perhaps(tx, bucketSignOn, []byte(id), &on); err != nil {
			return err
		}
		out = Account{Password: a.Password != nil, Second: a.Second != nil, Recovery: len(a.Recovery), SignOn: on, Failures: a.Failures, Until: a.Until}
		return nil
	})
	return out, err
}

// Reset takes a person's password, second factor (with its recovery codes) or both away, so that new ones are made at the
// next sign-in, and signs the person out everywhere. A password alone is made anew only with a code of the second factor
// that stays. It also ends the delay after failures. It returns the devices that had a session. Errors: [ErrNoPerson], or
// the ledger's.
func (r *Register) Reset(ctx context.Context, by By, id inbox.PersonID, password, second bool) (ended []inbox.DeviceID, err error) {
	err = r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		ended = nil
		at := inbox.At(r.now())
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		var a account
		if err := perhaps(tx, bucketAccount, []byte(id), &a); err != nil {
			return err
		}
		if password {
			a.Password = nil
			if err := by.record(tx, at, ActPasswordReset, string(id), ""); err != nil {
				return err
			}
		}
		if second {
			a.Second, a.Recovery, a.Kept = nil, nil, false
			if err := by.record(tx, at, ActSecondReset, string(id), ""); err != nil {
				return err
			}
		}
		if !password && !second {
			return nil
		}
		a.Failures, a.Failed, a.Until = 0, 0, 0
		if err := put(tx, bucketAccount, []byte(id), a); err != nil {
			return err
		}
		ended, err = endSessions(tx, by, at, id, WhyReset)
		return err
	})
	return ended, err
}

// A SignOn is who a person is at the company's sign-on. A person with an address only is bound to the subject that first
// shows it: afterwards the address counts no more.
type SignOn struct {
	Subject string `cbor:"1,keyasint,omitempty"`
	Email   string `cbor:"2,keyasint,omitempty"`
}

// SetSignOn says who a person is at the company's sign-on; the zero value takes it away. It signs the person out
// everywhere, and returns the devices that had a session. Errors: [ErrNoPerson], [ErrLeft], [ErrSignOn], or the ledger's.
func (r *Register) SetSignOn(ctx context.Context, by By, id inbox.PersonID, on SignOn) (ended []inbox.DeviceID, err error) {
	on.Email, on.Subject = strings.TrimSpace(on.Email), strings.TrimSpace(on.Subject)
	if len(on.Subject) > 255 || len(on.Email) > 254 || on.Email != "" && !strings.Contains(on.Email, "@") {
		return nil, ErrSignOn
	}
	err = r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		ended = nil
		at := inbox.At(r.now())
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		if p.Left != 0 {
			return ErrLeft
		}
		var before SignOn
		if err := perhaps(tx, bucketSignOn, []byte(id), &before); err != nil || before == on {
			return err
		}
		if err := checkAlone(tx, id, on); err != nil {
			return err
		}
		if err := put(tx, bucketSignOn, []byte(id), on); err != nil {
			return err
		}
		if on == (SignOn{}) {
			if err := tx.Delete(bucketSignOn, []byte(id)); err != nil {
				return err
			}
		}
		if err := forgetGrants(tx, id); err != nil {
			return err
		}
		if err := by.record(tx, at, ActSignOnSet, string(id), ""); err != nil {
			return err
		}
		ended, err = endSessions(tx, by, at, id, WhyReset)
		return err
	})
	return ended, err
}

// checkAlone refuses a sign-on that somebody else has.
func checkAlone(tx ledger.Tx, id inbox.PersonID, on SignOn) error {
	for key, row := range tx.Scan(bucketSignOn, nil, nil) {
		var other SignOn
		if cbor.Unmarshal(row, &other) != nil {
			return errRow
		}
		same := on.Subject != "" && on.Subject == other.Subject || on.Email != "" && sameEmail(on.Email, other.Email)
		if same && string(key) != string(id) {
			return ErrSignOn
		}
	}
	return tx.Err()
}

// perhaps is get for a row that may be absent: then into stays as it is.
func perhaps(tx ledger.Tx, bucket string, key []byte, into any) error {
	if err := get(tx, bucket, key, into, errAbsent); err != errAbsent {
		return err
	}
	return nil
}
