package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// The keys of all contacts lie under a key of an epoch. A new epoch begins every day and with every erasure, and the old
// one's key is destroyed: a copy of the key file is noise to whoever does not have the safe of its day. What the vault has
// done is read off its epoch, so that no new epoch stays without its entry in the audit log, whenever the relay dies.
//
// A backup that is restored brings back who was erased since it was made. The vault's list of the erased is not restored,
// or only by a newer copy, and the erasures it knows are carried out again before anything else happens.

const (
	bucketEpoch = "epoch" // of the oversight shard: keyEpoch -> epochRow
	epochLasts  = 24 * time.Hour
	epochLook   = 10 * time.Minute // how often it is asked whether it is time

	// The acts of the keys' epochs; Detail is the number of the epoch, and for older keys that of the one before.
	actKeysRotated audit.Act = "keys.rotated"
	actKeysOlder   audit.Act = "keys.older" // the keys are of an epoch that was over: a backup was restored

	eraseLot = 256 // contacts erased again in one transaction
)

// replayed stands for the request where an erasure was carried out again.
const replayed inbox.RequestID = "restored"

var keyEpoch = []byte("last")

type epochRow struct {
	Epoch uint64       `cbor:"1,keyasint"`
	At    inbox.Moment `cbor:"2,keyasint"` // when that was first seen; 0: it is to end at once
}

// tendEpochs begins a new epoch when it is time, until ctx ends. It looks at once, and with every tick.
func (r *Relay) tendEpochs(ctx context.Context, tick <-chan time.Time) error {
	for ctx.Err() == nil {
		if err := r.tendEpoch(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("the keys could not be put under a new epoch", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick:
		}
	}
	return nil
}

func (r *Relay) tendEpoch(ctx context.Context) error {
	row, err := r.settleEpoch(ctx)
	if err != nil {
		return err
	}
	if age := r.now().Sub(row.At.Time()); row.At != 0 && age >= 0 && age < epochLasts { // a clock put back must not stop it
		return nil
	}
	if err := r.vault.RotateEpoch(ctx); err != nil {
		return err
	}
	_, err = r.settleEpoch(ctx)
	return err
}

// settleEpoch writes down that the keys are of another epoch than was known, if they are.
func (r *Relay) settleEpoch(ctx context.Context) (row epochRow, err error) {
	at, now := inbox.At(r.now()), r.vault.Epoch()
	err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error {
		_, err := getRow(tx, bucketEpoch, keyEpoch, &row)
		return err
	})
	if err != nil || row.Epoch == now {
		return row, err
	}
	var older bool
	err = r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		row = epochRow{}
		known, err := getRow(tx, bucketEpoch, keyEpoch, &row)
		if err != nil {
			return err
		}
		e := audit.Entry{At: at, Act: actKeysRotated, Object: "keys", Detail: strconv.FormatUint(now, 10)}
		older = known && row.Epoch > now
		if older {
			e.Act, e.Detail = actKeysOlder, fmt.Sprint(now, " ", row.Epoch)
		}
		row = epochRow{Epoch: now, At: at}
		if older { // whoever has the backup has what opens these
			row.At = 0
		}
		if known {
			if err := audit.Record(tx, e); err != nil {
				return err
			}
		}
		return putValue(tx, bucketEpoch, keyEpoch, row)
	})
	if err != nil {
		return row, fmt.Errorf("writing down the keys' epoch: %w", err)
	}
	if older {
		r.log.Warn("the keys are older than the store remembers: a backup was restored", "epoch", now)
	}
	return row, nil
}

// eraseAgain erases whom a restored backup brought back. It runs before anybody is answered, in the order of an erasure:
// first what needs to know who he was, then his keys, then what the inboxes hold of him, which also a start finds that
// died in between. Whom an erasure under way is about is left to it.
func (r *Relay) eraseAgain(ctx context.Context) error {
	back, err := r.vault.Returned(ctx)
	if err == nil {
		_, err = r.settleEpoch(ctx) // before the erasures begin another one
	}
	if err != nil {
		return err
	}
	if len(back) > 0 {
		r.log.Warn("a backup from before some erasures was restored; they are carried out again", "contacts", len(back))
		if err := errors.Join(r.eraseStrays(ctx, back), r.eraseWaiting(ctx, back)); err != nil {
			return fmt.Errorf("looking through deliveries: %w", err)
		}
		if err := r.vault.EraseAll(ctx, back); err != nil {
			return fmt.Errorf("destroying keys: %w", err)
		}
	}
	left, err := r.vault.ErasedContacts(ctx)
	if err != nil || len(left) == 0 {
		return err
	}
	busy, err := r.underErasure(ctx)
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(id inbox.ContactID) bool { return busy[id] })
	found := len(back) > 0
	for _, in := range r.cfg.Inboxes {
		some, err := r.eraseAgainIn(ctx, inbox.InboxID(in.ID), left)
		if err != nil {
			return fmt.Errorf("erasing in an inbox: %w", err)
		}
		found = found || some
	}
	if !found {
		return nil
	}
	return errors.Join(r.removeErasedFiles(ctx), touch(r.cfg.compactDue()))
}

// eraseWaiting deletes deliveries of the contacts that were no facts yet when the backup was made: they would be a
// stranger's now. One that says something of somebody else too stays.
func (r *Relay) eraseWaiting(ctx context.Context, contacts []inbox.ContactID) error {
	needles, err := r.needlesOf(ctx, contacts)
	if err != nil || len(needles) == 0 {
		return err
	}
	theirs := func(_, value []byte) bool {
		var row rawRow
		if !slices.ContainsFunc(needles, func(n []byte) bool { return bytes.Contains(value, n) }) || cbor.Unmarshal(value, &row) != nil {
			return false
		}
		d, err := whatsapp.Decode(row.Body)
		n := 0
		for _, c := range d.Changes {
			n += len(c.Messages) + len(c.Echoes) + len(c.Statuses)
		}
		return err == nil && n <= 1
	}
	for _, in := range r.cfg.Inboxes {
		err := r.db.Update(ctx, rawShard(inbox.InboxID(in.ID)), func(tx ledger.Tx) error { return deleteWhere(tx, bucketRaw, nil, theirs) })
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseAgainIn erases contacts from an inbox that does not know that they were erased, and reports whether it held any.
func (r *Relay) eraseAgainIn(ctx context.Context, in inbox.InboxID, erased []inbox.ContactID) (found bool, err error) {
	var left []inbox.ContactID
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		left, found = nil, false
		for _, id := range erased {
			gone, err := isGone(tx, id)
			if err != nil {
				return err
			}
			if gone {
				continue
			}
			left = append(left, id)
			thread, err := tx.Get(bucketThread, []byte(id))
			if err != nil {
				return err
			}
			found = found || thread != nil
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for lot := range slices.Chunk(left, eraseLot) {
		if err := r.eraseIn(ctx, in, []erasureOrder{{request: inbox.Request{ID: replayed}, contacts: lot}}); err != nil {
			return found, err
		}
	}
	return found, nil
}

// underErasure returns the contacts that a request is being carried out for.
func (r *Relay) underErasure(ctx context.Context) (busy map[inbox.ContactID]bool, err error) {
	err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error {
		busy = map[inbox.ContactID]bool{}
		var requests [][]byte
		for id := range tx.Scan(bucketErasure, nil, nil) {
			requests = append(requests, slices.Clone(id))
		}
		for _, id := range requests {
			var row erasureRow
			if _, err := getRow(tx, bucketErasure, id, &row); err != nil {
				return err
			}
			for _, contact := range row.Contacts {
				busy[contact] = true
			}
		}
		return tx.Err()
	})
	return busy, err
}
