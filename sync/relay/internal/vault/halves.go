package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// The relay's halves of the keys of devices' caches. They lie in a fourth, small file beside the key file, sealed as a whole
// under the key of an epoch that the safe holds. Destroying a half writes the file anew without it under the key of a new
// epoch, and forgets the old one's, so that a copy of the file from before is noise. That takes as long with 100,000
// contacts as with none, because their keys are not touched.
//
// Whose half was destroyed is remembered on a roll of its own (roll.go), before the half goes: a backup that brings the half
// back does not make it lendable again.

const halvesSuffix = ".devices"

var (
	halvesMagic  = []byte("sealdesk half 1\n")
	bucketHalves = "halves"
)

const halvesHead = 16 + 16 + 16 + 8 // magic, vault, random id of the version, epoch

var (
	// ErrHalfGone means that the half of the device was destroyed: nothing is lent to it any more.
	ErrHalfGone = errors.New("the half of the device was destroyed")
	// ErrGeneration means that the device speaks of a half it was never given.
	ErrGeneration = errors.New("no such generation of the device's half")
)

// A halfRow is what is kept of one device.
type halfRow struct {
	Half       []byte `cbor:"1,keyasint"`
	Generation uint64 `cbor:"2,keyasint"`
	Next       []byte `cbor:"3,keyasint,omitempty"` // of the next generation, while the device writes its cache anew
}

// halves is safe for concurrent use. Whoever changes rows holds the lock of the ring, too, because the safe is its.
type halves struct {
	ring *ring
	gone *roll
	name string

	mu    sync.RWMutex
	rows  map[inbox.DeviceID]halfRow
	want  map[inbox.DeviceID]bool // devices that wait for their first half: many come at once, and one write is enough
	dirty bool                    // the key of an old epoch is still in the safe on the disk
}

// Lend returns the relay's half of the key of a device's cache, and its generation. The first call makes it, and it is
// durable before it is returned. While a device changes to the next generation ([Vault.Next]) it is still the old one: a
// device that was cut short opens with either. Errors: ErrHalfGone, ErrNoKeyFile, the disk's.
func (v *Vault) Lend(_ context.Context, id inbox.DeviceID) (half seal.Key, generation uint64, err error) {
	if v.halves == nil {
		return half, 0, fmt.Errorf("lending a half: %w", ErrNoKeyFile)
	}
	row, err := v.halves.lend(id)
	if err == nil {
		half, err = seal.NewKey(row.Half)
	}
	if err != nil {
		return half, 0, fmt.Errorf("lending a half: %w", err)
	}
	return half, row.Generation, nil
}

// Next returns the half of the next generation, and makes it if there is none. It is returned again until
// [Vault.Settle]; until then the old one is kept. Errors as of [Vault.Lend].
func (v *Vault) Next(_ context.Context, id inbox.DeviceID) (half seal.Key, generation uint64, err error) {
	if v.halves == nil {
		return half, 0, fmt.Errorf("changing a half: %w", ErrNoKeyFile)
	}
	row, err := v.halves.turn(id)
	if err == nil {
		half, err = seal.NewKey(row.Next)
	}
	if err != nil {
		return half, 0, fmt.Errorf("changing a half: %w", err)
	}
	return half, row.Generation + 1, nil
}

// Turning reports whether a device was given a half of the next generation and has not settled yet.
func (v *Vault) Turning(id inbox.DeviceID) bool {
	if v.halves == nil {
		return false
	}
	v.halves.mu.RLock()
	defer v.halves.mu.RUnlock()
	return v.halves.rows[id].Next != nil
}

// Settle says that nothing on the device is sealed under a generation before this one, and destroys the older half.
// Settling twice is no error. Errors: ErrHalfGone, ErrGeneration, ErrNoKeyFile, and ErrUnfinished if the new half is in force
// and the older one may still be on the disk; say it again then.
func (v *Vault) Settle(_ context.Context, id inbox.DeviceID, generation uint64) error {
	if v.halves == nil {
		return fmt.Errorf("settling a half: %w", ErrNoKeyFile)
	}
	if err := v.halves.settle(id, generation); err != nil {
		return fmt.Errorf("settling a half: %w", err)
	}
	return nil
}

// Destroy destroys the halves of devices for good, all in one write, and returns those that had one. From the first step on
// [Vault.Lend] answers ErrHalfGone, also for devices that never had a half. When it returns nil, that is durable. It may be
// repeated, and finishes by itself after a crash. Errors: ErrNoKeyFile, and ErrUnfinished if nothing is lent any more but a
// half may still be on the disk.
func (v *Vault) Destroy(_ context.Context, ids ...inbox.DeviceID) (had []inbox.DeviceID, err error) {
	if v.halves == nil {
		return nil, fmt.Errorf("destroying a half: %w", ErrNoKeyFile)
	}
	if had, err = v.halves.destroy(ids); err != nil {
		return had, fmt.Errorf("destroying a half: %w", err)
	}
	return had, nil
}

// rotate puts the halves under the key of a new epoch, as [Vault.RotateEpoch] does the contacts' keys.
func (h *halves) rotate() error {
	h.ring.write.Lock()
	defer h.ring.write.Unlock()
	if len(h.rows) == 0 && !h.dirty {
		return nil
	}
	return h.anew(maps.Clone(h.rows))
}

// HasHalf reports whether there is a half of the device that could be lent.
func (v *Vault) HasHalf(id inbox.DeviceID) bool {
	if v.halves == nil || v.halves.gone.has(inbox.ContactID(id)) {
		return false
	}
	v.halves.mu.RLock()
	defer v.halves.mu.RUnlock()
	_, ok := v.halves.rows[id]
	return ok
}

// Unlendable returns the devices whose halves were ever destroyed, also those the ledger does not remember because a backup
// was restored.
func (v *Vault) Unlendable() (ids []inbox.DeviceID) {
	if v.halves == nil {
		return nil
	}
	for _, id := range v.halves.gone.all() {
		ids = append(ids, inbox.DeviceID(id))
	}
	return ids
}

// openHalves reads the file; there is none before the first half is lent. Halves of another epoch than the safe's are lost,
// which a restored backup of the safe leaves: the devices' caches are built anew then. It returns ErrKeys if the file is
// damaged.
func openHalves(r *ring, log *slog.Logger) (*halves, error) {
	lookup, err := seal.NewKey(r.safe.Lookup)
	if err != nil {
		return nil, err
	}
	defer lookup.Destroy()
	h := &halves{ring: r, name: r.name + halvesSuffix, rows: map[inbox.DeviceID]halfRow{}, want: map[inbox.DeviceID]bool{}}
	apart := r.safe // so that nobody can put one list in the place of the other
	secret := lookup.Derive("sealdesk/vault/halves/v1")
	apart.Lookup = secret.Bytes()
	secret.Destroy()
	defer clear(apart.Lookup)
	if h.gone, err = openRoll(r.disk, h.name, apart); err != nil {
		return nil, err
	}
	if err := tidy(r.disk, h.name); err != nil {
		return nil, err
	}
	file, err := r.disk.Read(h.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.safe.Halves > 0 {
			log.Warn("the halves of the devices' keys are missing; every cache is built anew")
		}
		return h, nil
	case err != nil:
		return nil, err
	}
	epoch, err := h.parse(file)
	if errors.Is(err, errOtherEpoch) {
		log.Warn("the halves of the devices' keys are of another time than the safe; every cache is built anew")
		return h, nil
	}
	if err != nil {
		return nil, err
	}
	if epoch == r.safe.HalvesNext && epoch != 0 {
		r.safe = r.safe.halvesSettled()
		_, err := r.safe.write(r.disk, r.name, r.master)
		h.dirty = err != nil
	}
	for id := range h.rows {
		if h.gone.has(inbox.ContactID(id)) { // a crash came between, or a backup
			if _, err := h.destroy([]inbox.DeviceID{id}); err != nil {
				log.Error("halves of devices are yet to be destroyed", "err", err)
			}
		}
	}
	return h, nil
}

var errOtherEpoch = errors.New("another epoch")

func (h *halves) parse(file []byte) (epoch uint64, err error) {
	bad := fmt.Errorf("%w: the halves of the devices' keys are damaged: bring back a copy, or remove the file and every cache is built anew", ErrKeys)
	if len(file) < halvesHead || !bytes.HasPrefix(file, halvesMagic) {
		return 0, bad
	}
	head := file[:halvesHead]
	epoch = binary.BigEndian.Uint64(head[48:])
	s := h.ring.safe
	if !bytes.Equal(head[16:32], s.Vault) || epoch == 0 || epoch != s.Halves && epoch != s.HalvesNext {
		return epoch, errOtherEpoch
	}
	sealer, err := s.halvesSealer(epoch)
	if err != nil {
		return epoch, err
	}
	plain, err := sealer.Open(nil, bucketHalves, head, file[halvesHead:])
	if err != nil {
		return epoch, bad
	}
	defer clear(plain)
	if cbor.Unmarshal(plain, &h.rows) != nil {
		return epoch, bad
	}
	for _, row := range h.rows {
		if len(row.Half) != seal.KeySize || row.Next != nil && len(row.Next) != seal.KeySize || row.Generation == 0 {
			return epoch, bad
		}
	}
	return epoch, nil
}

func (s safe) halvesSealer(epoch uint64) (*seal.Sealer, error) {
	secret := s.HalvesKey
	if epoch == s.HalvesNext {
		secret = s.HalvesNextKey
	}
	key, err := seal.NewKey(secret)
	if err != nil {
		return nil, err
	}
	return seal.New(key, seal.Scope{Store: binary.BigEndian.AppendUint64(bytes.Clone(s.Vault), epoch), Schema: 2})
}

// halvesSettled is [safe.settled] for the halves.
func (s safe) halvesSettled() safe {
	if s.HalvesNext != 0 {
		s.Halves, s.HalvesKey, s.HalvesNext, s.HalvesNextKey = s.HalvesNext, s.HalvesNextKey, 0, nil
	}
	return s
}

func (h *halves) get(id inbox.DeviceID) (row halfRow, ok bool, err error) {
	if h.gone.has(inbox.ContactID(id)) {
		return row, false, ErrHalfGone
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	row, ok = h.rows[id]
	return row.clone(), ok, nil
}

// clone is for whoever goes on without the lock: a destroyed half is overwritten.
func (row halfRow) clone() halfRow {
	row.Half, row.Next = bytes.Clone(row.Half), bytes.Clone(row.Next)
	return row
}

func (h *halves) lend(id inbox.DeviceID) (halfRow, error) {
	if id == "" {
		return halfRow{}, ErrHalfGone
	}
	row, ok, err := h.get(id)
	if ok || err != nil {
		return row, err
	}
	h.mu.Lock()
	h.want[id] = true
	h.mu.Unlock()
	h.ring.write.Lock()
	defer h.ring.write.Unlock()
	if row, ok, err := h.get(id); ok || err != nil {
		h.mu.Lock()
		delete(h.want, id) // it was made while this one waited
		h.mu.Unlock()
		return row, err
	}
	h.mu.Lock()
	next := maps.Clone(h.rows)
	h.want[id] = true // somebody's write may have failed for all
	for w := range h.want {
		if _, made := next[w]; !made && !h.gone.has(inbox.ContactID(w)) {
			next[w] = halfRow{Half: random(seal.KeySize), Generation: 1}
		}
	}
	clear(h.want)
	h.mu.Unlock()
	if err := h.keep(next); err != nil {
		return halfRow{}, err
	}
	row, _, err = h.get(id)
	return row, err
}

func (h *halves) turn(id inbox.DeviceID) (halfRow, error) {
	if _, err := h.lend(id); err != nil {
		return halfRow{}, err
	}
	h.ring.write.Lock()
	defer h.ring.write.Unlock()
	row, _, err := h.get(id)
	if err != nil || row.Next != nil {
		return row, err
	}
	row.Next = random(seal.KeySize)
	next := maps.Clone(h.rows)
	next[id] = row
	if err := h.keep(next); err != nil {
		return halfRow{}, err
	}
	return row.clone(), nil
}

func (h *halves) settle(id inbox.DeviceID, generation uint64) error {
	h.ring.write.Lock()
	defer h.ring.write.Unlock()
	row, ok, err := h.get(id)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrGeneration
	case row.Generation == generation && row.Next == nil:
		if h.dirty {
			return h.anew(maps.Clone(h.rows))
		}
		return nil
	case row.Generation+1 != generation || row.Next == nil:
		return ErrGeneration
	}
	next := maps.Clone(h.rows)
	next[id] = halfRow{Half: row.Next, Generation: generation}
	return h.anew(next)
}

func (h *halves) destroy(ids []inbox.DeviceID) (had []inbox.DeviceID, err error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id inbox.DeviceID) bool { return id == "" })
	as := make([]inbox.ContactID, len(ids))
	for i, id := range ids {
		as[i] = inbox.ContactID(id)
	}
	h.ring.write.Lock()
	defer h.ring.write.Unlock()
	if err := h.gone.add(as); err != nil {
		return nil, err
	}
	next := maps.Clone(h.rows)
	for _, id := range ids {
		if _, ok := next[id]; ok {
			had = append(had, id)
			delete(next, id)
		}
	}
	if len(had) == 0 && !h.dirty {
		return nil, nil
	}
	if err := h.anew(next); err != nil {
		return had, fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return had, nil
}

// keep writes rows under the key of this epoch. The caller holds the lock of the ring.
func (h *halves) keep(rows map[inbox.DeviceID]halfRow) error {
	r := h.ring
	if r.broken != nil {
		return r.broken
	}
	if r.safe.Halves == 0 {
		s := r.safe
		s.Halves, s.HalvesKey = 1, random(seal.KeySize)
		if moved, err := s.write(r.disk, r.name, r.master); err != nil {
			return r.lost(moved, err)
		}
		r.safe = s
	}
	return h.put(rows, r.safe.Halves)
}

// anew writes rows under the key of a new epoch and destroys the old one's, in the order of [ring.rewrite]. The caller holds
// the lock of the ring.
func (h *halves) anew(rows map[inbox.DeviceID]halfRow) error {
	r := h.ring
	if r.broken != nil {
		return r.broken
	}
	s := r.safe
	s.HalvesNext, s.HalvesNextKey = s.Halves+1, random(seal.KeySize)
	moved, err := s.write(r.disk, r.name, r.master)
	if err != nil {
		return r.lost(moved, err)
	}
	r.safe = s
	if err := h.put(rows, s.HalvesNext); err != nil {
		return err
	}
	old := s.HalvesKey
	r.safe = s.halvesSettled()
	h.dirty = true
	if moved, err = r.safe.write(r.disk, r.name, r.master); err != nil {
		return r.lost(moved, err)
	}
	h.dirty = false
	clear(old)
	return nil
}

// put replaces the file, and then the rows in memory. Secrets that are in them no more are overwritten.
func (h *halves) put(rows map[inbox.DeviceID]halfRow, epoch uint64) error {
	r := h.ring
	sealer, err := r.safe.halvesSealer(epoch)
	if err != nil {
		return err
	}
	plain, err := recordMode.Marshal(rows)
	if err != nil {
		return errors.New("the halves of the devices' keys cannot be encoded")
	}
	defer clear(plain)
	head := append(append(bytes.Clone(halvesMagic), r.safe.Vault...), random(16)...)
	head = binary.BigEndian.AppendUint64(head, epoch)
	if moved, err := replace(r.disk, h.name, sealer.Seal(bytes.Clone(head), bucketHalves, head, plain)); err != nil {
		return r.lost(moved, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, old := range h.rows {
		now := rows[id]
		for _, secret := range [][]byte{old.Half, old.Next} {
			if !bytes.Equal(secret, now.Half) && !bytes.Equal(secret, now.Next) {
				clear(secret)
			}
		}
	}
	h.rows = rows
	return nil
}
