package relay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A wipe has two legs. Leg A is the relay's and needs no laptop: the order is signed and written down, the device is
// excluded, its connection gets the order or is closed, and the relay's half of the key is destroyed. Leg B is the device's:
// it obeys and sends a receipt. What is shown is what is proven, never a hope; see [inbox.WipeLevel].
//
// Leg A is journalled: the transaction that orders leaves a row, and only the one that says that the half is destroyed takes
// it away. Whoever finds that row goes on; every step may be repeated.

// Buckets of the company's shard.
const (
	bucketWipe      = "wipe"      // device id and wipe id -> wipeRow
	bucketWipeLeg   = "wipeleg"   // device id -> wipe id, while leg A is under way
	bucketWipeCount = "wipecount" // moment and device id -> nothing: orders of people, of the last [inbox.ManyWipesIn]
)

// The acts of wiping. Object is the device.
const (
	actWipeOrdered   audit.Act = "wipe.ordered" // Detail is the wipe, its reason, its epoch and the order's digest
	actWipeWaits     audit.Act = "wipe.waits"   // for a second person
	actWipeAgreed    audit.Act = "wipe.agreed"
	actWipeCancelled audit.Act = "wipe.cancelled"
	actWipeHalf      audit.Act = "wipe.half-destroyed" // Detail is the wipe, and from when nobody can read the cache
	actWipeStarted   audit.Act = "wipe.started"
	actWipeProven    audit.Act = "wipe.proven"  // Detail is the wipe and the receipt's digest
	actWipeRefused   audit.Act = "wipe.refused" // a receipt that proves nothing; Detail says why
	actWipeSaved     audit.Act = "wipe.proof-saved"
	actReimaged      audit.Act = "device.reimaged"
)

// wipes is what the relay keeps in memory for devices and their wipes.
type wipes struct {
	key       ed25519.PrivateKey // signs orders and leases
	one       sync.Mutex         // one leg A at a time: many devices are one write
	delivered deliveries
	holdings  holdingsCache
	stepped   allowance // of steps that devices tell
	refused   allowance // of receipts that prove nothing

	// hand hands an order to the device's open connection and reports whether there is one. Without it the connection is
	// closed, and the device gets the order when it comes back.
	hand func(inbox.DeviceID, []byte) bool
	step func(string) // tests: leg A has come so far
}

// openWipes makes the key that signs orders at the first start, finishes what a crash cut short, and excludes again who is
// back with a restored backup.
func (r *Relay) openWipes(ctx context.Context) error {
	r.wipes.delivered.last = map[deliveryKey]inbox.Cursor{}
	r.wipes.stepped.every, r.wipes.stepped.burst = time.Second, 32
	r.wipes.refused.every, r.wipes.refused.burst = time.Hour, 16
	if err := r.openRelayKey(ctx); err != nil {
		return fmt.Errorf("reading the key of wipe orders: %w", err)
	}
	// What fails here is tried again every minute: a full disk must keep nobody out. Meanwhile the devices are handed their
	// orders, and are lent nothing.
	for _, finish := range []func(context.Context) error{r.finishWipes, r.finishOffboarding, r.excludeAgain} {
		if err := finish(ctx); err != nil {
			r.log.Error("a wipe cannot be finished now", "error", err)
		}
	}
	return nil
}

// finishWipes does leg A of every device whose order was written down and whose half may still be there.
func (r *Relay) finishWipes(ctx context.Context) error {
	var ids []inbox.DeviceID
	err := r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		ids = nil
		for id := range tx.Scan(bucketWipeLeg, nil, nil) {
			ids = append(ids, inbox.DeviceID(id))
		}
		return tx.Err()
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return r.legA(ctx, identity.By{}, ids)
}

// excludeAgain wipes devices whose halves were destroyed and that a restored backup brought back.
func (r *Relay) excludeAgain(ctx context.Context) error {
	var back []inbox.DeviceID
	for _, id := range r.vault.Unlendable() {
		switch _, _, err := r.people.Device(ctx, id); {
		case err == nil:
			back = append(back, id)
		case !gone(err):
			return fmt.Errorf("looking devices up: %w", err)
		}
	}
	if len(back) == 0 {
		return nil
	}
	r.log.Warn("a backup from before some wipes was restored; the devices are excluded again", "devices", len(back))
	_, err := r.orderWipes(ctx, back, wipeWish{why: inbox.WipeExcluded})
	return err
}

// gone reports whether an error of looking a device up means that it may not be served.
func gone(err error) bool {
	return errors.Is(err, identity.ErrRevoked) || errors.Is(err, identity.ErrNoDevice) || errors.Is(err, identity.ErrNoPerson)
}

// A wipeWish is why devices are to be wiped, and who says so.
type wipeWish struct {
	why      inbox.WipeReason
	by       identity.By    // zero: policy, or somebody at the relay
	hand     bool           // people say so, not policy
	approval *wire.Approval // of whoever said so with a device
}

// errNoSuchDevice refuses a wish about a device nobody knows.
var errNoSuchDevice = inbox.RefusedUnknown

// orderWipes orders and carries out leg A, for all devices in one go. It returns a wipe for each: the one it ordered, the
// one that was ordered before, or one that waits for a second person. Rights are the caller's business. An error means that
// something is yet to be done, and will be.
func (r *Relay) orderWipes(ctx context.Context, ids []inbox.DeviceID, w wipeWish) ([]inbox.Wipe, error) {
	rows := make([]wipeRow, len(ids))
	news := make([]bool, len(ids))
	devices := make([]identity.Device, len(ids))
	for i, id := range ids {
		d, _, err := r.people.Device(ctx, id)
		if errors.Is(err, identity.ErrNoDevice) {
			return nil, errNoSuchDevice
		}
		if err != nil && !gone(err) {
			return nil, err
		}
		devices[i] = d
	}
	at := inbox.At(r.now())
	err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		for i, d := range devices {
			var err error
			if rows[i], news[i], err = r.writeOrder(tx, d, w, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // it is ordered: whoever asked may go, or be the one whose connection ends
	r.reached("ordered")
	var legs []inbox.DeviceID
	for i, id := range ids {
		if rows[i].Order != nil && rows[i].Wipe.Half == 0 {
			legs = append(legs, id)
		}
	}
	if len(legs) > 0 {
		err = r.legA(ctx, w.by, legs)
	}
	for i := range ids {
		if news[i] {
			err = errors.Join(err, r.raise(ctx, "", inbox.Incident{Kind: inbox.IncidentWipe, Detail: devices[i].Name}))
		}
	}
	out := make([]inbox.Wipe, len(ids))
	for i, id := range ids {
		now, e := r.wipeOf(ctx, id, rows[i].Wipe.ID)
		if e != nil {
			return nil, errors.Join(err, e)
		}
		out[i] = now.told(inbox.At(r.now()))
	}
	return out, err
}

// writeOrder writes an order down, or that it waits. If the device has a wipe already that one is returned, and fresh is
// false.
func (r *Relay) writeOrder(tx ledger.Tx, d identity.Device, w wipeWish, at inbox.Moment) (row wipeRow, fresh bool, err error) {
	id := d.ID
	state, err := deviceStateOf(tx, id)
	if err != nil {
		return row, false, err
	}
	before, err := wipesOf(tx, id)
	if err != nil {
		return row, false, err
	}
	for _, old := range before {
		if old.Wipe.ID == state.Wipe && old.Wipe.Cancelled == 0 && (old.inForce() || w.hand) {
			return old, false, nil
		}
		if w.approval != nil && slices.ContainsFunc(old.Approval, func(a wire.Approval) bool { return string(a.Said) == string(w.approval.Said) }) {
			return row, false, inbox.RefusedState // these very words were spent on a wipe that was cancelled
		}
	}
	if err := supersede(tx, id, at); err != nil {
		return row, false, err
	}
	row = wipeRow{
		Device: id, Hand: w.hand, Had: r.vault.HasHalf(id) || state.Lease != 0, Name: d.Name,
		Wipe: inbox.Wipe{ID: inbox.NewID[inbox.WipeID](), Why: w.why, By: w.by.Person, Ordered: at},
	}
	if w.approval != nil {
		row.Approval = []wire.Approval{*w.approval}
	}
	entry := audit.Entry{At: at, Actor: w.by.Person, Device: w.by.Device, Act: actWipeWaits, Object: string(id), Detail: string(row.Wipe.ID)}
	many, err := manyWipes(tx, at)
	if err != nil {
		return row, false, err
	}
	if w.hand && many {
		if err := audit.Record(tx, entry); err != nil {
			return row, false, err
		}
		state.Wipe = row.Wipe.ID
		return row, true, errors.Join(putDeviceState(tx, id, state), putWipe(tx, row))
	}
	err = r.putInForce(tx, &row, state, d.Enrolled, at, entry)
	return row, true, err
}

// supersede cancels a wipe of the device that waits for a second person, because the device is wiped without one.
func supersede(tx ledger.Tx, id inbox.DeviceID, at inbox.Moment) error {
	last, ok, err := lastWipe(tx, id)
	if err != nil || !ok || last.inForce() || last.Wipe.Cancelled != 0 {
		return err
	}
	last.Wipe.Cancelled = at
	return putWipe(tx, last)
}

// putInForce signs and writes the order of a row.
func (r *Relay) putInForce(tx ledger.Tx, row *wipeRow, state deviceState, enrolled inbox.Moment, at inbox.Moment, entry audit.Entry) error {
	// Epochs follow the clock, so that a relay restored from a backup does not count from where it stood then.
	row.Epoch = max(state.Epoch+1, uint64(enrolled)+1, uint64(at))
	state.Epoch, state.Wipe = row.Epoch, row.Wipe.ID
	o := wire.WipeOrder{
		ID: row.Wipe.ID, Company: r.cfg.Public, Device: row.Device, Epoch: row.Epoch, Nonce: make([]byte, 16), Issued: at,
		Why: row.Wipe.Why, By: row.Wipe.By, Second: row.Wipe.Second, Approval: row.Approval,
	}
	rand.Read(o.Nonce)
	row.Order = wire.SignOrder(r.wipes.key, o)
	entry.Act = actWipeOrdered
	entry.Detail = fmt.Sprintf("%s why %d epoch %d order %x", row.Wipe.ID, row.Wipe.Why, row.Epoch, wire.OrderDigest(row.Order))
	if err := row.record(tx, entry); err != nil {
		return err
	}
	if row.Hand {
		if err := tx.Put(bucketWipeCount, append(binary.BigEndian.AppendUint64(nil, uint64(at)), row.Device...), []byte{1}); err != nil {
			return err
		}
	}
	return errors.Join(tx.Put(bucketWipeLeg, []byte(row.Device), []byte(row.Wipe.ID)), putDeviceState(tx, row.Device, state), putWipe(tx, *row))
}

// manyWipes reports whether people have had so many devices wiped lately that the next one needs a second person.
func manyWipes(tx ledger.Tx, now inbox.Moment) (bool, error) {
	since := binary.BigEndian.AppendUint64(nil, uint64(max(0, now-inbox.ManyWipesIn)))
	var old [][]byte
	for key := range tx.Scan(bucketWipeCount, nil, since) {
		old = append(old, slices.Clone(key))
	}
	n := 0
	for range tx.Scan(bucketWipeCount, since, nil) {
		n++
	}
	if err := tx.Err(); err != nil {
		return false, err
	}
	for _, key := range old {
		if err := tx.Delete(bucketWipeCount, key); err != nil {
			return false, err
		}
	}
	return n >= inbox.ManyWipes, nil
}

// legA is the relay's leg for devices whose orders are written down. Every step may be repeated. by is who the exclusion is
// put down to.
func (r *Relay) legA(ctx context.Context, by identity.By, ids []inbox.DeviceID) error {
	ctx = context.WithoutCancel(ctx) // whoever asked may go; what was ordered is done
	r.wipes.one.Lock()
	defer r.wipes.one.Unlock()
	var failed error
	rows := map[inbox.DeviceID]wipeRow{}
	for _, id := range ids {
		row, ok, err := r.lastWipe(ctx, id)
		if err == nil && ok {
			rows[id] = row
			err = r.people.RevokeBy(ctx, by, id)
		}
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return failed
	}
	r.reached("excluded")
	for id, row := range rows {
		code := wire.CloseRevoked
		if row.Receipt != nil {
			code = wire.CloseWiped // it did so by itself, and is told that we know
		}
		if r.wipes.hand == nil || row.Order == nil || !r.wipes.hand(id, row.Order) {
			r.sessions.closeDevice(id, code)
		}
		r.tickets.revoke(id)
	}
	had, err := r.vault.Destroy(ctx, ids...)
	if err != nil {
		return err // nothing is lent any more; the row is still there, and the next look goes on
	}
	r.reached("destroyed")
	at := inbox.At(r.now())
	err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		for _, id := range ids {
			if err := halfGone(tx, id, slices.Contains(had, id), at); err != nil {
				return err
			}
		}
		return nil
	})
	r.reached("written")
	for _, id := range ids {
		err = errors.Join(err, r.endRevealsOf(ctx, id))
	}
	return err
}

// halfGone writes down that the half of a device is destroyed, and from when on its cache is dark.
func halfGone(tx ledger.Tx, id inbox.DeviceID, had bool, at inbox.Moment) error {
	row, ok, err := lastWipe(tx, id)
	if err != nil {
		return err
	}
	state, err := deviceStateOf(tx, id)
	if err != nil {
		return err
	}
	if !ok || row.Wipe.Half != 0 {
		return tx.Delete(bucketWipeLeg, []byte(id))
	}
	if row.Had = row.Had || had; row.Had {
		row.Wipe.Half, row.Wipe.Dark = at, max(at, state.Lease)
		detail := fmt.Sprintf("%s dark %d", row.Wipe.ID, row.Wipe.Dark)
		if err := row.record(tx, audit.Entry{At: at, Act: actWipeHalf, Object: string(id), Detail: detail}); err != nil {
			return err
		}
	}
	return errors.Join(tx.Delete(bucketWipeLeg, []byte(id)), putWipe(tx, row))
}

func (r *Relay) reached(step string) {
	if r.wipes.step != nil {
		r.wipes.step(step)
	}
}

// tendWipes goes on with what could not be finished, and keeps what devices have told in memory, until ctx ends.
func (r *Relay) tendWipes(ctx context.Context) error {
	look, keep := time.NewTicker(time.Minute), time.NewTicker(deliveredEvery)
	defer look.Stop()
	defer keep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-keep.C:
			if err := r.flushDelivered(ctx); err != nil && ctx.Err() == nil {
				r.log.Error("what is on devices cannot be written down", "error", err)
			}
		case <-look.C:
			if err := errors.Join(r.finishWipes(ctx), r.finishOffboarding(ctx), r.excludeAgain(ctx)); err != nil && ctx.Err() == nil {
				r.log.Error("a wipe cannot be finished now", "error", err)
			}
		}
	}
}

// pendingOrder returns the order a device is to be handed, nil if there is none. done reports that the device has proven
// that it obeyed: what is left to say is [wire.CloseWiped].
func (r *Relay) pendingOrder(ctx context.Context, id inbox.DeviceID) (order []byte, done bool, err error) {
	row, ok, err := r.lastWipe(ctx, id)
	switch {
	case err != nil || !ok:
		return nil, false, err
	case row.Receipt != nil:
		return nil, true, nil
	}
	return row.Order, false, nil
}

// wipeDevice has a device wiped by policy.
func (r *Relay) wipeDevice(ctx context.Context, id inbox.DeviceID, why inbox.WipeReason) error {
	_, err := r.orderWipes(ctx, []inbox.DeviceID{id}, wipeWish{why: why})
	return err
}

// Revoke excludes a device: its connection and its transfers end, and its cache is wiped.
func (r *Relay) Revoke(ctx context.Context, id inbox.DeviceID) error {
	err := r.wipeDevice(ctx, id, inbox.WipeExcluded)
	if errors.Is(err, errNoSuchDevice) {
		return identity.ErrNoDevice
	}
	return err
}

// An allowance limits what each device can make the relay write down. It holds a row for a device that has proven itself, so
// there are no more than devices.
type allowance struct {
	every time.Duration // until one more is allowed
	burst int
	mu    sync.Mutex
	each  map[inbox.DeviceID]*rate.Limiter
}

func (a *allowance) allow(id inbox.DeviceID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.each == nil {
		a.each = map[inbox.DeviceID]*rate.Limiter{}
	}
	l := a.each[id]
	if l == nil {
		l = rate.NewLimiter(rate.Every(a.every), a.burst)
		a.each[id] = l
	}
	return l.Allow()
}
