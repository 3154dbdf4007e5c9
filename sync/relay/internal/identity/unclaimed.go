package identity

import (
	"cmp"
	"crypto/ed25519"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// This file is about devices that are to be of whoever signs in on them: IT's policy told them where the relay is, and nobody
// handed them a code. Until somebody has signed in such a device is nothing but a key in memory.

const (
	unclaimedMost = 256 // in all; more are told to come later
	unclaimedFrom = 64  // of one address: an office may be behind one
	claimsEvery   = 200 * time.Millisecond
	claimsBurst   = 50 // attempts of all unclaimed devices together, then one each claimsEvery
)

type unclaimed struct {
	now     func() time.Time
	tries   *rate.Limiter
	mu      sync.Mutex
	devices map[inbox.DeviceID]waiting
}

type waiting struct {
	device Device
	from   string
	until  time.Time
}

func newUnclaimed(now func() time.Time) *unclaimed {
	return &unclaimed{now: now, tries: rate.NewLimiter(rate.Every(claimsEvery), claimsBurst), devices: map[inbox.DeviceID]waiting{}}
}

// tidy drops what waited too long. mu must be held.
func (u *unclaimed) tidy() {
	for id, w := range u.devices {
		if !u.now().Before(w.until) {
			delete(u.devices, id)
		}
	}
}

// Knock takes in a device without a code, for [wire.UnclaimedLife]: it is nobody's until somebody has signed in on it
// ([Register.NewClaim]), and vanishes if nobody does. from is the address of the other end. Errors: [wire.ErrCodeNeeded] if
// policy lets nobody in like that, [wire.ErrRequest], [wire.ErrBusy] when too many wait.
func (r *Register) Knock(q wire.EnrolRequest, from string) (Device, error) {
	switch {
	case r.conf.Claims == 0:
		return Device{}, wire.ErrCodeNeeded
	case !soundRequest(q):
		return Device{}, wire.ErrRequest
	}
	u := r.unclaimed
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tidy()
	from, n := place(from), 0
	for _, w := range u.devices {
		if w.from == from {
			n++
		}
	}
	if len(u.devices) >= unclaimedMost || n >= unclaimedFrom {
		return Device{}, wire.ErrBusy
	}
	d := Device{ID: inbox.NewID[inbox.DeviceID](), Key: q.PublicKey, Name: q.Name, App: q.App, System: q.System, Enrolled: inbox.At(r.now())}
	u.devices[d.ID] = waiting{device: d, from: from, until: r.now().Add(wire.UnclaimedLife)}
	return d, nil
}

// soundRequest reports whether a request to enrol is one, by who holds the key.
func soundRequest(q wire.EnrolRequest) bool {
	return len(q.PublicKey) == ed25519.PublicKeySize && len(q.Name) <= 200 && ed25519.Verify(q.PublicKey, wire.EnrolBytes(q.Code, q.PublicKey), q.Signature)
}

// Unclaimed returns a device that waits for somebody to sign in on it.
func (r *Register) Unclaimed(id inbox.DeviceID) (Device, bool) {
	u := r.unclaimed
	u.mu.Lock()
	defer u.mu.Unlock()
	w, ok := u.devices[id]
	return w.device, ok && u.now().Before(w.until)
}

// A Waiting is a device that waits for somebody to sign in on it. What it says of itself, anybody may have made up.
type Waiting struct {
	Device Device       // Enrolled is since when it waits
	From   string       // the address of the other end; of an IPv6 address its network
	Until  inbox.Moment // when it is forgotten if nobody signs in
}

// Waiting returns the devices that wait for somebody to sign in on them, those that wait longest first.
func (r *Register) Waiting() []Waiting {
	u := r.unclaimed
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tidy()
	out := make([]Waiting, 0, len(u.devices))
	for _, w := range u.devices {
		out = append(out, Waiting{Device: w.device, From: w.from, Until: inbox.At(w.until)})
	}
	slices.SortFunc(out, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(a.Device.Enrolled, b.Device.Enrolled), cmp.Compare(a.Device.ID, b.Device.ID))
	})
	return out
}

func (u *unclaimed) drop(id inbox.DeviceID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.devices, id)
}

// NewClaim begins a sign-in on a device that is nobody's yet, whose key was just proven: whoever has signed in with what was
// set up before is its person from then on. It tells nobody who there is. from counts as for [Register.NewSignIn].
func (r *Register) NewClaim(d Device, challenge []byte, from string) *SignIn {
	s := r.newSignIn(d, inbox.Person{}, challenge, from, false)
	s.claim = true
	return s
}

// claimWays are the ways an unclaimed device is offered, whoever stands before it.
func (r *Register) claimWays() (ways []wire.Way) {
	if r.sso == nil || !r.sso.conf.Everybody {
		ways = append(ways, wire.WayPassword)
	}
	if r.sso != nil {
		ways = append(ways, wire.WayBrowser)
	}
	if r.web != nil && (r.sso == nil || !r.sso.conf.Everybody) {
		ways = append(ways, wire.WayPasskey)
	}
	return ways
}

// take makes the device the person's, in the transaction that signs the person in.
func (s *SignIn) take(tx ledger.Tx, at inbox.Moment) error {
	have, err := devicesOf(tx, s.person)
	if err != nil {
		return err
	}
	if len(have) >= s.r.conf.Claims {
		return errMany
	}
	d := s.device
	d.Person, d.Enrolled = s.person, at
	if err := put(tx, bucketDevice, []byte(d.ID), d); err != nil {
		return err
	}
	return audit.Record(tx, audit.Entry{At: at, Actor: s.person, Device: d.ID, Act: audit.DeviceAdded, Object: string(d.ID), Detail: "sign-in"})
}
