package custody

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

// Wiping is how far the destruction of the cache has come, for the screen.
type Wiping struct {
	ID     inbox.WipeID
	Why    inbox.WipeReason
	Steps  []inbox.WipeStep
	Left   []string
	Signed bool // the receipt is signed
	Known  bool // the relay has it
}

// Wiped returns how far the wipe has come that goes on, or that an earlier run began; false when there is none.
func (k *Keeper) Wiped() (Wiping, bool) {
	k.mu.Lock()
	if k.wiping != nil {
		defer k.mu.Unlock()
		return *k.wiping, true
	}
	k.mu.Unlock()
	j, pending, _ := store.PendingWipe(k.cfg.Dir)
	if !pending {
		return Wiping{}, false
	}
	return told(j), true
}

func told(j store.WipeJournal) Wiping {
	return Wiping{ID: j.Intent.ID, Why: j.Intent.Why, Steps: j.Done.Steps, Left: j.Done.Left, Signed: j.Receipt != nil, Known: j.Acknowledged}
}

// Wipe implements [engine.Custody].
func (k *Keeper) Wipe(ctx context.Context, order []byte, step func(inbox.WipeID, inbox.WipeStep)) ([]byte, error) {
	k.work.Lock()
	defer k.work.Unlock()
	j, pending, err := store.PendingWipe(k.cfg.Dir)
	if err != nil {
		return nil, err
	}
	if pending && bytes.Equal(j.Intent.Order, order) {
		return k.destroy(ctx, j.Intent, step) // it goes on, or gives its receipt again
	}
	o, err := wire.OpenOrder(k.cfg.Device.RelayKey, k.cfg.Device.ID, order)
	if err != nil || o.Epoch <= k.cfg.Device.WipeEpoch {
		return nil, fmt.Errorf("reading the order: %w", engine.ErrOrder)
	}
	return k.destroy(ctx, store.WipeIntent{ID: o.ID, Order: order, Epoch: o.Epoch, Why: o.Why}, step)
}

// ObeyFile obeys the order that lies as a file named [wire.WipeFile] in the data folder, and reports whether there was one
// and it was obeyed. It is to be called at each start, before anything is opened, and now and then while the program runs; it
// costs a look into the folder. engine.ErrOrder means that the file is no order for this device: it stays, and nothing was
// done.
func (k *Keeper) ObeyFile(ctx context.Context) (bool, error) {
	path := filepath.Join(k.cfg.Dir, wire.WipeFile)
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for an order: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > wire.MaxDeviceFrame { // a pipe would hold us up
		return false, fmt.Errorf("reading the order in the folder: %w", engine.ErrOrder)
	}
	frame, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("reading the order in the folder: %w", err)
	}
	body, _ := wire.Decode(frame)
	w, ok := body.(wire.Wipe)
	if !ok {
		return false, fmt.Errorf("reading the order in the folder: %w", engine.ErrOrder)
	}
	_, err = k.Wipe(ctx, w.Order, nil)
	return err == nil, err
}

// WipeItself destroys the cache for a reason of the program's own, or goes on with what an earlier run began. The receipt
// waits for the relay.
func (k *Keeper) WipeItself(ctx context.Context, why inbox.WipeReason) error {
	k.work.Lock()
	defer k.work.Unlock()
	_, err := k.destroy(ctx, store.WipeIntent{ID: inbox.NewID[inbox.WipeID](), Why: why}, nil)
	return err
}

// destroy wipes and signs. What was begun goes on; if it was begun for another reason than the order that came now, the
// receipt is about the order, for that is what the relay asks after. work must be held.
func (k *Keeper) destroy(ctx context.Context, intent store.WipeIntent, step func(inbox.WipeID, inbox.WipeStep)) ([]byte, error) {
	j, pending, err := store.PendingWipe(k.cfg.Dir)
	if err != nil {
		return nil, err
	}
	about := intent
	if pending && len(intent.Order) == 0 {
		about = j.Intent
		if about.ID == "" { // the journal was damaged
			about.ID, about.Why = intent.ID, intent.Why
		}
	}
	if pending && j.Receipt != nil && (len(intent.Order) == 0 || k.answers(j.Receipt, intent.Order)) {
		return j.Receipt, nil
	}
	k.show(Wiping{ID: about.ID, Why: about.Why, Steps: j.Done.Steps})
	done, err := store.Wipe(context.WithoutCancel(ctx), store.WipeConfig{
		Dir: k.cfg.Dir, StoreDir: StoreDir(k.cfg.Dir), Also: k.cfg.Also, Ring: k.cfg.Ring, Intent: intent, Seen: k.cfg.Device.WipeEpoch,
		Stop: func(context.Context) error {
			err := k.Close()
			if k.cfg.Stop != nil {
				err = errors.Join(err, k.cfg.Stop())
			}
			return err
		},
		Step: func(s inbox.WipeStep) {
			k.mu.Lock()
			k.wiping.Steps = append(k.wiping.Steps, s)
			k.mu.Unlock()
			k.cfg.Poke()
			if step != nil {
				step(about.ID, s)
			}
		},
		Now: func() inbox.Moment { return inbox.At(k.cfg.Now()) },
	})
	if errors.Is(err, store.ErrOrder) {
		k.mu.Lock()
		k.wiping = nil
		k.mu.Unlock()
		return nil, fmt.Errorf("wiping: %w", engine.ErrOrder)
	}
	if err != nil {
		return nil, err
	}
	done.Steps = slices.DeleteFunc(done.Steps, func(s inbox.WipeStep) bool { return s.Did == inbox.WipeSigned }) // of another receipt
	receipt := wire.WipeReceipt{
		Wipe: about.ID, Device: k.cfg.Device.ID, Store: done.Store, Epoch: about.Epoch, Why: about.Why, Steps: done.Steps, Left: done.Left,
		App: k.cfg.App, System: k.cfg.System, Cut: done.Cut,
	}
	if len(about.Order) > 0 {
		receipt.Order = wire.OrderDigest(about.Order)
	}
	signed := wire.SignReceipt(k.cfg.Device.Key, receipt)
	if err := store.KeepReceipt(k.cfg.Dir, signed, inbox.At(k.cfg.Now())); err != nil {
		return nil, err
	}
	k.show(Wiping{ID: about.ID, Why: about.Why, Steps: done.Steps, Left: done.Left, Signed: true})
	return signed, nil
}

// answers reports whether a receipt is about an order.
func (k *Keeper) answers(receipt, order []byte) bool {
	r, err := wire.OpenReceipt(k.cfg.Device.Key.Public().(ed25519.PublicKey), receipt)
	return err == nil && bytes.Equal(r.Order, wire.OrderDigest(order))
}

func (k *Keeper) show(w Wiping) {
	k.mu.Lock()
	k.wiping = &w
	k.mu.Unlock()
	k.cfg.Poke()
}

// Receipt implements [engine.Custody].
func (k *Keeper) Receipt() []byte {
	j, pending, err := store.PendingWipe(k.cfg.Dir)
	if err != nil || !pending {
		return nil
	}
	return j.Receipt
}

// Acknowledged implements [engine.Custody]: nothing of the device is left but the receipt the relay has.
func (k *Keeper) Acknowledged(ctx context.Context) error {
	k.work.Lock()
	err := store.FinishWipe(ctx, k.cfg.Dir, k.cfg.Ring)
	k.work.Unlock()
	if err != nil {
		return err
	}
	k.mu.Lock()
	if k.wiping == nil {
		k.wiping = &Wiping{}
	}
	k.wiping.Known = true
	k.mu.Unlock()
	k.cfg.Poke()
	if k.cfg.Ended != nil {
		k.cfg.Ended()
	}
	return nil
}
