package relay

import (
	"context"
	"errors"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// bucketDeviceState is a bucket of the company's shard: device id -> deviceState.
const bucketDeviceState = "devicestate"

// A deviceState is what the relay knows of a device beside its enrolment.
type deviceState struct {
	App     string        `cbor:"1,keyasint,omitempty"`
	System  string        `cbor:"2,keyasint,omitempty"`
	Posture inbox.Posture `cbor:"3,keyasint,omitzero"`
	Seen    inbox.Moment  `cbor:"4,keyasint,omitempty"` // it was connected last
	Lease   inbox.Moment  `cbor:"5,keyasint,omitempty"` // the last lease ends
	Twice   inbox.Moment  `cbor:"6,keyasint,omitempty"`
	Wipe    inbox.WipeID  `cbor:"7,keyasint,omitempty"`  // the wipe that counts
	Epoch   uint64        `cbor:"8,keyasint,omitempty"`  // of the last order
	Turned  inbox.Moment  `cbor:"9,keyasint,omitempty"`  // when its cache got another key last
	Turn    bool          `cbor:"10,keyasint,omitempty"` // and shall get one at the next occasion
}

func deviceStateOf(tx ledger.Tx, id inbox.DeviceID) (s deviceState, err error) {
	_, err = getRow(tx, bucketDeviceState, []byte(id), &s)
	return s, err
}

func putDeviceState(tx ledger.Tx, id inbox.DeviceID, s deviceState) error {
	return putValue(tx, bucketDeviceState, []byte(id), s)
}

// changeDevice changes what is known of a device, in a transaction.
func (r *Relay) changeDevice(ctx context.Context, id inbox.DeviceID, f func(*deviceState) error) error {
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		s, err := deviceStateOf(tx, id)
		if err != nil {
			return err
		}
		if err := f(&s); err != nil {
			return err
		}
		return putDeviceState(tx, id, s)
	})
}

// met writes down that a device is, or was until now, connected, and what it said of itself; hello is nil when it leaves.
func (r *Relay) met(ctx context.Context, id inbox.DeviceID, hello *wire.Hello) error {
	at := inbox.At(r.now())
	return r.changeDevice(ctx, id, func(s *deviceState) error {
		s.Seen = max(s.Seen, at)
		if hello != nil {
			s.App, s.System, s.Posture = short(hello.App), short(hello.System), hello.Posture
			s.Posture.Release, s.Posture.Keyring = short(s.Posture.Release), short(s.Posture.Keyring)
		}
		return nil
	})
}

// short keeps what a device says of itself within what a line can hold.
func short(s string) string {
	clean := make([]rune, 0, 80)
	for _, c := range s {
		if len(clean) == 80 {
			break
		}
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		clean = append(clean, c)
	}
	return string(clean)
}

// leased writes down until when a lease holds that is about to be handed to a device; call it before every one, also before
// one that is strict and ends as it is issued: it says that the device was lent a half. It returns [identity.ErrRevoked] for a device that is to be wiped: nothing may be lent to it any more.
func (r *Relay) leased(ctx context.Context, id inbox.DeviceID, until inbox.Moment) error {
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		row, ok, err := lastWipe(tx, id)
		if err != nil {
			return err
		}
		if ok && row.inForce() {
			return identity.ErrRevoked
		}
		s, err := deviceStateOf(tx, id)
		if err != nil || s.Lease >= until {
			return err
		}
		s.Lease = until
		return putDeviceState(tx, id, s)
	})
}

// twice is called when a device's key was seen in two places at once: somebody copied it, so both lose it.
func (r *Relay) twice(ctx context.Context, id inbox.DeviceID) error {
	ctx = context.WithoutCancel(ctx) // it is told of whether or not that device is still there
	at := inbox.At(r.now())
	err := r.changeDevice(ctx, id, func(s *deviceState) error {
		s.Twice = at
		return nil
	})
	if err != nil {
		return err
	}
	d, _, err := r.people.Device(ctx, id)
	if err != nil && !gone(err) {
		return err
	}
	return errors.Join(r.wipeDevice(ctx, id, inbox.WipeTwice), r.raise(ctx, "", inbox.Incident{Kind: inbox.IncidentTwice, Detail: d.Name}))
}

// deviceAndOwner returns a device, excluded or not, and whose it is. It returns [inbox.RefusedUnknown] if there is none.
func (r *Relay) deviceAndOwner(ctx context.Context, id inbox.DeviceID) (d identity.Device, owner inbox.Person, err error) {
	d, owner, err = r.people.Device(ctx, id)
	if errors.Is(err, identity.ErrRevoked) {
		owner, err = r.people.Person(ctx, d.Person)
	}
	if errors.Is(err, identity.ErrNoDevice) || errors.Is(err, identity.ErrNoPerson) {
		err = inbox.RefusedUnknown
	}
	return d, owner, err
}

// listDevices returns the devices of the people for whom see holds, those that were connected last first.
func (r *Relay) listDevices(ctx context.Context, see func(inbox.Person) bool) ([]inbox.Device, error) {
	people, err := r.people.People(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[inbox.PersonID]bool{}
	for _, p := range people {
		seen[p.ID] = see(p)
	}
	devices, err := r.people.Devices(ctx)
	if err != nil {
		return nil, err
	}
	devices = slices.DeleteFunc(devices, func(d identity.Device) bool { return !seen[d.Person] })
	out := make([]inbox.Device, len(devices))
	now := inbox.At(r.now())
	err = r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		for i, d := range devices {
			s, err := deviceStateOf(tx, d.ID)
			if err != nil {
				return err
			}
			x := inbox.Device{
				ID: d.ID, Person: d.Person, Name: d.Name, App: d.App, System: d.System, Posture: s.Posture,
				Enrolled: d.Enrolled, Seen: s.Seen, Lease: s.Lease, Twice: s.Twice, Revoked: d.Revoked,
			}
			if s.App != "" {
				x.App = s.App
			}
			if s.System != "" {
				x.System = s.System
			}
			row, ok, err := lastWipe(tx, d.ID)
			if err != nil {
				return err
			}
			if ok {
				wipe := row.told(now)
				x.Wipe = &wipe
			}
			out[i] = x
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		x := &out[i]
		if x.Online = r.sessions.isOpen(x.ID); x.Online {
			x.Seen = now
		}
		s, live, err := r.people.Session(ctx, x.ID)
		if err != nil {
			return nil, err
		}
		if live && r.cfg.SignIn.required() {
			x.SignedIn = s.Until
		}
	}
	slices.SortFunc(out, func(a, b inbox.Device) int {
		return int(max(b.Seen, b.Enrolled) - max(a.Seen, a.Enrolled))
	})
	return out, nil
}

// isOpen reports whether a device is connected.
func (s *sessions) isOpen(id inbox.DeviceID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id] != nil
}

// askDevices answers who wants to see devices.
func (r *Relay) askDevices(ctx context.Context, a asker, q inbox.AskDevices) (inbox.Devices, error) {
	if q.Person != "" && !isID(string(q.Person)) {
		return inbox.Devices{}, inbox.RefusedMalformed
	}
	list, err := r.listDevices(ctx, func(p inbox.Person) bool {
		return (q.Person == "" || q.Person == p.ID) && inbox.Can(a.person, inbox.ActDevices, p.Subject()) == nil
	})
	return inbox.Devices{List: list, Now: inbox.At(r.now())}, err
}

// renameDevice answers who gives a device another name.
func (r *Relay) renameDevice(ctx context.Context, a asker, q inbox.RenameDevice) (inbox.Renamed, error) {
	err := r.mayDo(ctx, a, q.Device, inbox.ActDevices)
	if err == nil {
		err = r.people.RenameDevice(ctx, a.by(), q.Device, q.Name)
	}
	if errors.Is(err, identity.ErrName) {
		err = inbox.RefusedMalformed
	}
	return inbox.Renamed{}, r.refusedAct(ctx, a, identity.ActDeviceRenamed, string(q.Device), err)
}

// mayDo asks whether the asker may do something to a device.
func (r *Relay) mayDo(ctx context.Context, a asker, id inbox.DeviceID, what inbox.Action) error {
	if !isID(string(id)) {
		return inbox.RefusedMalformed
	}
	_, owner, err := r.deviceAndOwner(ctx, id)
	switch {
	case err != nil:
		return err
	case inbox.Can(a.person, what, owner.Subject()) == nil:
		return nil
	case inbox.Can(a.person, inbox.ActDevices, owner.Subject()) != nil:
		return inbox.RefusedUnknown
	}
	return inbox.RefusedRight
}

// reimaged answers who says that a machine was set up anew.
func (r *Relay) reimaged(ctx context.Context, a asker, q inbox.Reimaged) (inbox.Noticed, error) {
	err := r.mayDo(ctx, a, q.Device, inbox.ActAdmit)
	var w inbox.Wipe
	if err == nil {
		w, err = r.setUpAnew(ctx, a.by(), q.Device)
	}
	return inbox.Noticed{Wipe: w}, r.refusedAct(ctx, a, actReimaged, string(q.Device), err)
}

// setUpAnew writes down that a machine was set up anew. It returns [inbox.RefusedState] for a device that was never to be
// wiped: then there is nothing to be said of its cache.
func (r *Relay) setUpAnew(ctx context.Context, by identity.By, id inbox.DeviceID) (inbox.Wipe, error) {
	last, ok, err := r.lastWipe(ctx, id)
	if err != nil {
		return inbox.Wipe{}, err
	}
	if !ok || !last.inForce() {
		return inbox.Wipe{}, inbox.RefusedState
	}
	at := inbox.At(r.now())
	row, err := r.changeWipe(ctx, id, last.Wipe.ID, func(tx ledger.Tx, row *wipeRow) error {
		if row.Wipe.Reimaged != 0 {
			return nil
		}
		row.Wipe.Reimaged = at
		return row.record(tx, audit.Entry{At: at, Actor: by.Person, Device: by.Device, Act: actReimaged, Object: string(id), Detail: string(row.Wipe.ID)})
	})
	if err != nil {
		return inbox.Wipe{}, err
	}
	r.settleIncident(ctx, row.Name)
	return row.told(inbox.At(r.now())), nil
}
