package identity

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// Errors of changing people.
var (
	ErrLeft = errors.New("the person has left the company")
	ErrTeam = errors.New("a team is at most 40 lower-case letters, digits and dashes")
)

var teamSlug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// A Change is what becomes of a person. What is not set stays.
type Change struct {
	Role    inbox.Role
	Team    *inbox.TeamID   // "" is the team of all who have none
	Inboxes []inbox.InboxID // nil keeps them; empty: works in none
	Speaks  []string        // languages, such as "de"; nil keeps them; empty: whatever comes
}

// Changed is what came of a change: what a relay must act on at once.
type Changed struct {
	Person    inbox.Person
	Devices   []inbox.DeviceID // all of the person that are not excluded: what they see may have changed
	SignedOut []inbox.DeviceID // those of them whose session the change has ended
}

// Change gives a person another role, team or other inboxes. Another role signs the person out everywhere. Errors:
// [ErrNoPerson], [ErrLeft], [ErrRole], [ErrTeam], or the ledger's.
func (r *Register) Change(ctx context.Context, by By, id inbox.PersonID, c Change) (Changed, error) {
	if c.Role > inbox.Auditor {
		return Changed{}, ErrRole
	}
	if c.Team != nil && *c.Team != "" && !teamSlug.MatchString(string(*c.Team)) {
		return Changed{}, ErrTeam
	}
	return r.alter(ctx, id, func(tx ledger.Tx, at inbox.Moment, p *inbox.Person) (ended []inbox.DeviceID, err error) {
		if p.Left != 0 {
			return nil, ErrLeft
		}
		if c.Role != inbox.NoRole && c.Role != p.Role {
			p.Role = c.Role
			if err := by.record(tx, at, ActRoleSet, string(id), p.Role.String()); err != nil {
				return nil, err
			}
			if ended, err = endSessions(tx, by, at, id, WhyRole); err != nil {
				return nil, err
			}
		}
		if c.Team != nil && *c.Team != p.Team {
			p.Team = *c.Team
			if err := by.record(tx, at, ActTeamSet, string(id), string(p.Team)); err != nil {
				return nil, err
			}
		}
		if c.Speaks != nil && !slices.Equal(c.Speaks, p.Speaks) {
			p.Speaks = c.Speaks
			if err := by.record(tx, at, ActSpeaksSet, string(id), strings.Join(c.Speaks, " ")); err != nil {
				return nil, err
			}
		}
		if c.Inboxes != nil {
			inboxes := slices.Compact(slices.Sorted(slices.Values(c.Inboxes)))
			if !slices.Equal(inboxes, slices.Sorted(slices.Values(p.Inboxes))) {
				p.Inboxes = inboxes
				var words []string
				for _, in := range inboxes {
					words = append(words, string(in))
				}
				return ended, by.record(tx, at, ActInboxesSet, string(id), strings.Join(words, " "))
			}
		}
		return ended, nil
	})
}

// SetAway notes that a person is not to be given conversations for now, or is again. Errors: [ErrNoPerson], [ErrLeft], or the
// ledger's.
func (r *Register) SetAway(ctx context.Context, by By, id inbox.PersonID, away bool) (Changed, error) {
	return r.alter(ctx, id, func(tx ledger.Tx, at inbox.Moment, p *inbox.Person) ([]inbox.DeviceID, error) {
		switch {
		case p.Left != 0:
			return nil, ErrLeft
		case p.Away == away:
			return nil, nil
		}
		p.Away = away
		return nil, by.record(tx, at, ActAwaySet, string(id), map[bool]string{true: "away", false: "back"}[away])
	})
}

// Leave says that a person has left the company: the person is signed out everywhere, and account, sign-on and codes
// that were not used are forgotten. Leaving twice changes nothing. Errors: [ErrNoPerson], or the ledger's.
func (r *Register) Leave(ctx context.Context, by By, id inbox.PersonID) (Changed, error) {
	return r.alter(ctx, id, func(tx ledger.Tx, at inbox.Moment, p *inbox.Person) ([]inbox.DeviceID, error) {
		if p.Left != 0 {
			return nil, nil
		}
		p.Left = at
		if err := forgetWays(tx, id); err != nil {
			return nil, err
		}
		if err := by.record(tx, at, ActPersonLeft, string(id), ""); err != nil {
			return nil, err
		}
		return endSessions(tx, by, at, id, WhyLeft)
	})
}

// Return takes a person back who has left, as somebody who never signed in. Errors: [ErrNoPerson], or the ledger's.
func (r *Register) Return(ctx context.Context, by By, id inbox.PersonID) (Changed, error) {
	return r.alter(ctx, id, func(tx ledger.Tx, at inbox.Moment, p *inbox.Person) ([]inbox.DeviceID, error) {
		if p.Left == 0 {
			return nil, nil
		}
		p.Left = 0
		if err := tx.Delete(bucketAccount, []byte(id)); err != nil { // failures since
			return nil, err
		}
		return nil, by.record(tx, at, ActPersonReturned, string(id), "")
	})
}

// alter changes a person and announces it, unless nothing changed.
func (r *Register) alter(ctx context.Context, id inbox.PersonID, f func(ledger.Tx, inbox.Moment, *inbox.Person) ([]inbox.DeviceID, error)) (Changed, error) {
	var out Changed
	err := r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		out = Changed{}
		at := inbox.At(r.now())
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		before, err := cbor.Marshal(p)
		if err != nil {
			return err
		}
		if out.SignedOut, err = f(tx, at, &p); err != nil {
			return err
		}
		out.Person = p
		if out.Devices, err = devicesOf(tx, id); err != nil {
			return err
		}
		after, err := cbor.Marshal(p)
		if err != nil || string(after) == string(before) {
			return err
		}
		if err := put(tx, bucketPerson, []byte(id), p); err != nil {
			return err
		}
		_, err = eventlog.Append(tx, at, "", inbox.PersonChanged{Person: p})
		return err
	})
	if err != nil {
		return Changed{}, err
	}
	return out, nil
}

// devicesOf returns the devices of a person that are not excluded.
func devicesOf(tx ledger.Tx, id inbox.PersonID) (devices []inbox.DeviceID, err error) {
	for _, row := range tx.Scan(bucketDevice, nil, nil) {
		var d Device
		if cbor.Unmarshal(row, &d) != nil {
			return nil, errRow
		}
		if d.Person == id && d.Revoked == 0 {
			devices = append(devices, d.ID)
		}
	}
	return devices, tx.Err()
}

// forgetWays removes everything with which a person, or a new device of that person, could come in.
func forgetWays(tx ledger.Tx, id inbox.PersonID) error {
	for _, bucket := range []string{bucketAccount, bucketSignOn} {
		if err := tx.Delete(bucket, []byte(id)); err != nil {
			return err
		}
	}
	if err := errors.Join(forgetGrants(tx, id), forgetPasskeys(tx, id)); err != nil {
		return err
	}
	return forgetCodes(tx, func(k code) bool { return k.Person == id && k.Used == 0 })
}

// RenameDevice gives a device another name for people, of at most 80 characters. Errors: [ErrNoDevice], [ErrName], or
// the ledger's.
func (r *Register) RenameDevice(ctx context.Context, by By, id inbox.DeviceID, name string) error {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || len([]rune(name)) > 80 || strings.ContainsFunc(name, unicode.IsControl) {
		return ErrName
	}
	return r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		var d Device
		if err := get(tx, bucketDevice, []byte(id), &d, ErrNoDevice); err != nil || d.Name == name {
			return err
		}
		d.Name = name
		if err := put(tx, bucketDevice, []byte(id), d); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: inbox.At(r.now()), Actor: by.Person, Device: by.Device, Act: ActDeviceRenamed, Object: string(id)})
	})
}
