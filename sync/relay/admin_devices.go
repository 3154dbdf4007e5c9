package relay

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// DeviceAdmin is the part of [Admin] that is about devices, wipes and what becomes of people. A device is named by its id, or
// by its name if only one has that. Whoever can use the command line is trusted with all of it; the audit log says that it
// was done there.
type DeviceAdmin interface {
	// ListDevices lists the devices of the person with the given id or name, or of everybody for "".
	ListDevices(ctx context.Context, who string) ([]inbox.Device, error)
	// WaitingDevices lists the devices that came without a code and that nobody has signed in on yet, those that wait longest first.
	// Only a running relay knows them. Their person is nobody.
	WaitingDevices(ctx context.Context) ([]WaitingDevice, error)
	// RenameDevice gives a device another name for people.
	RenameDevice(ctx context.Context, device, name string) (inbox.Device, error)
	// ReimagedDevice says that a device's machine was set up anew. It returns [inbox.RefusedState] if it was never to be wiped.
	ReimagedDevice(ctx context.Context, device string) (inbox.Wipe, error)
	// Holdings returns everything that was on a device at some time between two moments; to == 0 is now.
	Holdings(ctx context.Context, device string, from, to inbox.Moment) ([]inbox.Holding, error)

	// WipeDevice orders a device's cache to be destroyed, and the device excluded. If people have had too many devices wiped
	// lately it waits for a second person, in the window. It returns how far it is.
	WipeDevice(ctx context.Context, device string, why inbox.WipeReason) (inbox.Wipe, error)
	// WipeOrder returns the order of a device that is to be wiped as the content of a file named [wire.WipeFile], which obeys
	// when it is put into the device's data folder. It returns [inbox.RefusedState] if there is none.
	WipeOrder(ctx context.Context, device string) ([]byte, error)
	// WipeProof returns the file that proves the wipe of a device; see [VerifyProof].
	WipeProof(ctx context.Context, device string) (inbox.Proof, error)
	// ReceiptKey is what proofs are judged by; see [ParseReceiptKey].
	ReceiptKey(ctx context.Context) (string, error)

	// ChangePerson gives the person with the given id or name another role, team, inboxes or languages, or takes one back who has
	// left. Errors: ErrNoPerson, ErrLeft, ErrNoInbox, ErrLanguage.
	ChangePerson(ctx context.Context, who string, c PersonChange) (inbox.Person, error)
	// Offboard lets a person go: all at once signed out, devices wiped, conversations handed to a colleague, or to nobody.
	Offboard(ctx context.Context, who, to string) (inbox.Offboarded, error)
}

// A PersonChange is what becomes of a person. What is not set stays.
type PersonChange struct {
	Role    inbox.Role
	Team    *inbox.TeamID
	Inboxes []inbox.InboxID
	Speaks  []string // languages, such as "de"; nil keeps them; empty: whatever comes
	Return  bool
}

// Errors of the command line's wishes about devices.
var (
	ErrNoDevice    = identity.ErrNoDevice
	ErrWhichDevice = errors.New("several devices have that name: use the id that the list shows")
	ErrLeft        = identity.ErrLeft
)

// deviceNamed finds a device by id or name. One that is excluded gives way to one that is not.
func (r *Relay) deviceNamed(ctx context.Context, what string) (identity.Device, error) {
	devices, err := r.people.Devices(ctx)
	if err != nil {
		return identity.Device{}, err
	}
	name := strings.Join(strings.Fields(what), " ")
	var found []identity.Device
	for _, excluded := range []bool{false, true} {
		for _, d := range devices {
			if string(d.ID) == what {
				return d, nil
			}
			if strings.EqualFold(d.Name, name) && (d.Revoked != 0) == excluded {
				found = append(found, d)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return identity.Device{}, ErrWhichDevice
		}
	}
	return identity.Device{}, ErrNoDevice
}

// ListDevices implements [DeviceAdmin].
func (r *Relay) ListDevices(ctx context.Context, who string) ([]inbox.Device, error) {
	var only inbox.PersonID
	if who != "" {
		p, err := r.personNamed(ctx, who)
		if err != nil {
			return nil, err
		}
		only = p.ID
	}
	return r.listDevices(ctx, func(p inbox.Person) bool { return only == "" || only == p.ID })
}

// A WaitingDevice is one that is nobody's yet. Name, App and System are its own words: anybody may have made them up.
type WaitingDevice struct {
	ID                inbox.DeviceID
	Name, App, System string
	From              string       // the address it came from
	Since             inbox.Moment // when it came
	Until             inbox.Moment // when it is forgotten if nobody signs in
}

// WaitingDevices implements [DeviceAdmin].
func (r *Relay) WaitingDevices(context.Context) ([]WaitingDevice, error) {
	waiting := r.people.Waiting()
	out := make([]WaitingDevice, len(waiting))
	for i, w := range waiting {
		d := w.Device
		out[i] = WaitingDevice{ID: d.ID, Name: short(d.Name), App: short(d.App), System: short(d.System), From: w.From, Since: d.Enrolled, Until: w.Until}
	}
	return out, nil
}

// RenameDevice implements [DeviceAdmin].
func (r *Relay) RenameDevice(ctx context.Context, device, name string) (inbox.Device, error) {
	d, err := r.deviceNamed(ctx, device)
	if err == nil {
		err = r.people.RenameDevice(ctx, identity.By{}, d.ID, name)
	}
	if err != nil {
		return inbox.Device{}, err
	}
	return inbox.Device{ID: d.ID, Person: d.Person, Name: strings.Join(strings.Fields(name), " ")}, nil
}

// ReimagedDevice implements [DeviceAdmin].
func (r *Relay) ReimagedDevice(ctx context.Context, device string) (inbox.Wipe, error) {
	d, err := r.deviceNamed(ctx, device)
	if err != nil {
		return inbox.Wipe{}, err
	}
	return r.setUpAnew(ctx, identity.By{}, d.ID)
}

// Holdings implements [DeviceAdmin].
func (r *Relay) Holdings(ctx context.Context, device string, from, to inbox.Moment) ([]inbox.Holding, error) {
	d, err := r.deviceNamed(ctx, device)
	if err == nil {
		err = r.recordHoldings(ctx, identity.By{}, d.ID, from, to)
	}
	if err != nil {
		return nil, err
	}
	return r.holdingsOf(ctx, d.ID, from, to)
}

// WipeDevice implements [DeviceAdmin].
func (r *Relay) WipeDevice(ctx context.Context, device string, why inbox.WipeReason) (inbox.Wipe, error) {
	if why < inbox.WipeLeaving || why > inbox.WipeOther {
		return inbox.Wipe{}, inbox.RefusedMalformed
	}
	d, err := r.deviceNamed(ctx, device)
	if err != nil {
		return inbox.Wipe{}, err
	}
	list, err := r.orderWipes(ctx, []inbox.DeviceID{d.ID}, wipeWish{why: why, hand: true})
	if len(list) == 0 {
		return inbox.Wipe{}, err
	}
	if err != nil { // it is in force, and what is left to do will be done
		r.log.Error("a wipe cannot be finished now", "device", string(d.ID), "error", err)
	}
	return list[0], nil
}

// WipeOrder implements [DeviceAdmin].
func (r *Relay) WipeOrder(ctx context.Context, device string) ([]byte, error) {
	d, err := r.deviceNamed(ctx, device)
	if err != nil {
		return nil, err
	}
	row, ok, err := r.lastWipe(ctx, d.ID)
	if err == nil && (!ok || row.Order == nil) {
		err = inbox.RefusedState
	}
	if err != nil {
		return nil, err
	}
	return wire.Encode(wire.Wipe{Order: row.Order}), nil
}

// WipeProof implements [DeviceAdmin].
func (r *Relay) WipeProof(ctx context.Context, device string) (inbox.Proof, error) {
	d, err := r.deviceNamed(ctx, device)
	if err != nil {
		return inbox.Proof{}, err
	}
	row, ok, err := r.lastWipe(ctx, d.ID)
	if err == nil && !ok {
		err = inbox.RefusedState
	}
	if err != nil {
		return inbox.Proof{}, err
	}
	return r.proofOf(ctx, identity.By{}, d.ID, row.Wipe.ID)
}

// ReceiptKey implements [DeviceAdmin].
func (r *Relay) ReceiptKey(context.Context) (string, error) { return ReceiptKey(r.PublicKey()), nil }

// ChangePerson implements [DeviceAdmin].
func (r *Relay) ChangePerson(ctx context.Context, who string, c PersonChange) (inbox.Person, error) {
	p, err := r.personNamed(ctx, who)
	if err != nil {
		return p, err
	}
	if c.Return {
		back, err := r.people.Return(ctx, identity.By{}, p.ID)
		return back.Person, err
	}
	ours := map[inbox.InboxID]bool{}
	for _, in := range r.cfg.Inboxes {
		ours[inbox.InboxID(in.ID)] = true
	}
	for _, id := range c.Inboxes {
		if !ours[id] {
			return p, ErrNoInbox
		}
	}
	for _, l := range c.Speaks {
		if !languageSubtag.MatchString(l) {
			return p, ErrLanguage
		}
	}
	changed, err := r.people.Change(ctx, identity.By{}, p.ID, identity.Change{Role: c.Role, Team: c.Team, Inboxes: c.Inboxes, Speaks: c.Speaks})
	if err != nil {
		return p, err
	}
	for _, id := range changed.SignedOut {
		r.sessions.closeDevice(id, wire.CloseSignedOut)
	}
	for _, id := range changed.Devices { // what they see may have changed: they come back at once
		if c.Role != inbox.NoRole || c.Inboxes != nil { // and what they saw before is put under another key
			turn := func(s *deviceState) error {
				s.Turn = true
				return nil
			}
			err = errors.Join(err, r.changeDevice(ctx, id, turn))
		}
		r.sessions.closeDevice(id, wire.CloseGoingAway)
	}
	return changed.Person, err
}

// Offboard implements [DeviceAdmin].
func (r *Relay) Offboard(ctx context.Context, who, to string) (inbox.Offboarded, error) {
	p, err := r.personNamed(ctx, who)
	if err != nil {
		return inbox.Offboarded{}, err
	}
	var row offboardRow
	if to != "" {
		taker, err := r.personNamed(ctx, to)
		if err != nil {
			return inbox.Offboarded{}, err
		}
		row.To = taker.ID
	}
	return r.letGo(ctx, p.ID, row)
}

// What is asked over the socket.
type (
	deviceBody struct {
		Device, Name string
		Why          inbox.WipeReason
		From, To     inbox.Moment
	}
	personBody struct {
		Who, To string
		Change  PersonChange
	}
)

// adminDevices serves [DeviceAdmin].
func (r *Relay) adminDevices(mux *http.ServeMux) {
	device := func(path string, do func(context.Context, deviceBody) (any, error)) {
		mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, q *http.Request) {
			answerJSON(w, q, func(b deviceBody) (any, error) { return do(q.Context(), b) })
		})
	}
	person := func(path string, do func(context.Context, personBody) (any, error)) {
		mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, q *http.Request) {
			answerJSON(w, q, func(b personBody) (any, error) { return do(q.Context(), b) })
		})
	}
	person("devices", func(ctx context.Context, b personBody) (any, error) { return r.ListDevices(ctx, b.Who) })
	device("device/waiting", func(ctx context.Context, _ deviceBody) (any, error) { return r.WaitingDevices(ctx) })
	device("device/rename", func(ctx context.Context, b deviceBody) (any, error) { return r.RenameDevice(ctx, b.Device, b.Name) })
	device("device/reimaged", func(ctx context.Context, b deviceBody) (any, error) { return r.ReimagedDevice(ctx, b.Device) })
	device("device/holdings", func(ctx context.Context, b deviceBody) (any, error) { return r.Holdings(ctx, b.Device, b.From, b.To) })
	device("wipe", func(ctx context.Context, b deviceBody) (any, error) { return r.WipeDevice(ctx, b.Device, b.Why) })
	device("wipe/order", func(ctx context.Context, b deviceBody) (any, error) { return r.WipeOrder(ctx, b.Device) })
	device("wipe/proof", func(ctx context.Context, b deviceBody) (any, error) { return r.WipeProof(ctx, b.Device) })
	device("wipe/key", func(ctx context.Context, _ deviceBody) (any, error) { return r.ReceiptKey(ctx) })
	person("person/change", func(ctx context.Context, b personBody) (any, error) { return r.ChangePerson(ctx, b.Who, b.Change) })
	person("person/leave", func(ctx context.Context, b personBody) (any, error) { return r.Offboard(ctx, b.Who, b.To) })
}

func (a *remoteAdmin) ListDevices(ctx context.Context, who string) (list []inbox.Device, err error) {
	return list, a.call(ctx, "devices", personBody{Who: who}, &list)
}

func (a *remoteAdmin) WaitingDevices(ctx context.Context) (list []WaitingDevice, err error) {
	return list, a.call(ctx, "device/waiting", deviceBody{}, &list)
}

func (a *remoteAdmin) RenameDevice(ctx context.Context, device, name string) (d inbox.Device, err error) {
	return d, a.call(ctx, "device/rename", deviceBody{Device: device, Name: name}, &d)
}

func (a *remoteAdmin) ReimagedDevice(ctx context.Context, device string) (w inbox.Wipe, err error) {
	return w, a.call(ctx, "device/reimaged", deviceBody{Device: device}, &w)
}

func (a *remoteAdmin) Holdings(ctx context.Context, device string, from, to inbox.Moment) (list []inbox.Holding, err error) {
	return list, a.call(ctx, "device/holdings", deviceBody{Device: device, From: from, To: to}, &list)
}

func (a *remoteAdmin) WipeDevice(ctx context.Context, device string, why inbox.WipeReason) (w inbox.Wipe, err error) {
	return w, a.call(ctx, "wipe", deviceBody{Device: device, Why: why}, &w)
}

func (a *remoteAdmin) WipeOrder(ctx context.Context, device string) (order []byte, err error) {
	return order, a.call(ctx, "wipe/order", deviceBody{Device: device}, &order)
}

func (a *remoteAdmin) WipeProof(ctx context.Context, device string) (p inbox.Proof, err error) {
	return p, a.call(ctx, "wipe/proof", deviceBody{Device: device}, &p)
}

func (a *remoteAdmin) ReceiptKey(ctx context.Context) (key string, err error) {
	return key, a.call(ctx, "wipe/key", deviceBody{}, &key)
}

func (a *remoteAdmin) ChangePerson(ctx context.Context, who string, c PersonChange) (p inbox.Person, err error) {
	return p, a.call(ctx, "person/change", personBody{Who: who, Change: c}, &p)
}

func (a *remoteAdmin) Offboard(ctx context.Context, who, to string) (o inbox.Offboarded, err error) {
	return o, a.call(ctx, "person/leave", personBody{Who: who, To: to}, &o)
}
