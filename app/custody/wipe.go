package custody

import (
	"context"
	"errors"
	"fmt"

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
	w := k.wiping
	k.mu.Unlock()
	if w != nil {
		return *w, true
	}
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
	if j, pending, err := store.PendingWipe(k.cfg.Dir); err == nil && pending {
		return k.destroy(ctx, j.Intent, step) // it goes on, or gives its receipt again
	}
	o, err := wire.OpenOrder(k.cfg.Device.RelayKey, k.cfg.Device.ID, order)
	if err != nil || o.Epoch <= k.cfg.Device.WipeEpoch {
		return nil, fmt.Errorf("reading the order: %w", engine.ErrOrder)
	}
	return k.destroy(ctx, store.WipeIntent{ID: o.ID, Order: order, Epoch: o.Epoch, Why: o.Why}, step)
}

// WipeItself destroys the cache for a reason of the program's own, or goes on with what an earlier run began. The receipt
// waits for the relay.
func (k *Keeper) WipeItself(ctx context.Context, why inbox.WipeReason) error {
	_, err := k.destroy(ctx, store.WipeIntent{ID: inbox.NewID[inbox.WipeID](), Why: why}, nil)
	return err
}

// destroy wipes and signs.
func (k *Keeper) destroy(ctx context.Context, intent store.WipeIntent, step func(inbox.WipeID, inbox.WipeStep)) ([]byte, error) {
	if j, pending, err := store.PendingWipe(k.cfg.Dir); err != nil {
		return nil, err
	} else if pending && j.Receipt != nil {
		return j.Receipt, nil
	} else if pending {
		intent = j.Intent
	}
	k.show(Wiping{ID: intent.ID, Why: intent.Why})
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
				step(intent.ID, s)
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
	receipt := wire.WipeReceipt{
		Wipe: intent.ID, Device: k.cfg.Device.ID, Store: done.Store, Epoch: intent.Epoch, Why: intent.Why, Steps: done.Steps, Left: done.Left,
		App: k.cfg.App, System: k.cfg.System, Cut: done.Cut,
	}
	if len(intent.Order) > 0 {
		receipt.Order = wire.OrderDigest(intent.Order)
	}
	signed := wire.SignReceipt(k.cfg.Device.Key, receipt)
	if err := store.KeepReceipt(k.cfg.Dir, signed, inbox.At(k.cfg.Now())); err != nil {
		return nil, err
	}
	k.show(Wiping{ID: intent.ID, Why: intent.Why, Steps: done.Steps, Left: done.Left, Signed: true})
	return signed, nil
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
	if err := store.FinishWipe(ctx, k.cfg.Dir, k.cfg.Ring); err != nil {
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
