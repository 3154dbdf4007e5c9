package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
)

// An erasure that two people agreed to is carried out in steps, each of which can be repeated, so that a relay that dies
// in between goes on where it was:
//
//	who     the contacts that turned out to be this one are written down: afterwards nobody can tell
//	strays  deliveries that lie about unread and name him are deleted, while it is known what to look for
//	keys    the vault destroys his keys; what is sealed for him anywhere is noise from here on
//	rows    every inbox: his facts become tombstones, his rows go, the log gets a new epoch, all in one transaction
//	files   his files are overwritten and removed
//	done    the request is settled, and the store's file is due to be written anew
//
// Those that are due at the same time take each step together.
//
// Until that last thing has happened (see [Compact]), free pages of the store's file hold what was deleted: what was sealed
// under his keys, as noise; the masked texts of his conversations, sealed under the ledger's key alone.

const (
	bucketErasure    = "erasure"    // of the oversight shard: request id -> erasureRow, while it is being carried out
	bucketGone       = "gone"       // of an inbox's shard: contact id -> id of the request: nothing of him may come back
	bucketErasedFile = "erasedfile" // of an inbox's shard: media id -> nothing, until the file is removed
	eraseEach        = 10 * time.Minute
	shortestNeedle   = 6
)

type erasureRow struct {
	Contacts []inbox.ContactID `cbor:"1,keyasint"` // the one that stayed first
}

// RunErasures implements [Admin].
func (r *Relay) RunErasures(ctx context.Context) (n int, err error) {
	r.erasing.Lock()
	defer r.erasing.Unlock()
	list, err := r.Requests(ctx, false)
	if err != nil {
		return 0, err
	}
	list = slices.DeleteFunc(list, func(q inbox.Request) bool { return q.Kind != inbox.RequestErasure || q.State != inbox.RequestApproved })
	n, err = r.erase(ctx, list)
	if n > 0 {
		_, e := r.settleEpoch(ctx)
		err = errors.Join(err, e)
	}
	return n, errors.Join(err, r.removeErasedFiles(ctx))
}

// runErasures carries out what was agreed to, until ctx ends.
func (r *Relay) runErasures(ctx context.Context) error {
	for ctx.Err() == nil {
		if n, err := r.RunErasures(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("erasures cannot be carried out now", "error", err)
		} else if n > 0 {
			r.log.Info("erasures carried out", "requests", n)
		}
		pause(ctx, eraseEach)
	}
	return nil
}

// An erasureOrder is whom a request is about.
type erasureOrder struct {
	request  inbox.Request
	contacts []inbox.ContactID // the one that stayed first
}

// erase carries requests out together: whatever looks through all keys or a whole log does so once for all of them, and devices start
// again once. It returns how many were carried out; one that cannot even begin holds up no other.
func (r *Relay) erase(ctx context.Context, requests []inbox.Request) (n int, err error) {
	if requests, err = r.wroteAgain(ctx, requests); err != nil {
		return 0, err
	}
	var orders []erasureOrder
	for _, q := range requests {
		row, e := r.begin(ctx, q)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("erasing for request %s: %w", q.ID, e))
			continue
		}
		orders = append(orders, erasureOrder{q, row.Contacts})
	}
	if len(orders) == 0 {
		return 0, err
	}
	if e := r.eraseAll(ctx, orders); e != nil {
		return 0, errors.Join(err, e)
	}
	for _, o := range orders {
		if e := r.settleErasure(ctx, o); e != nil {
			err = errors.Join(err, fmt.Errorf("settling request %s: %w", o.request.ID, e))
			continue
		}
		r.metrics.erased.Inc()
		n++
	}
	return n, err
}

// begin keeps everybody from writing to whom a request is about, and returns who that is.
func (r *Relay) begin(ctx context.Context, q inbox.Request) (erasureRow, error) {
	if err := r.closeToSends(ctx, q); err != nil {
		return erasureRow{}, err
	}
	return r.erasureOf(ctx, q)
}

// eraseAll destroys what is held of whom requests are about.
func (r *Relay) eraseAll(ctx context.Context, orders []erasureOrder) error {
	var first, known []inbox.ContactID // whose keys are still there, and every contact they are
	for _, o := range orders {
		if who := o.contacts[0]; !slices.Contains(first, who) && !r.vault.Erased(ctx, who) {
			first, known = append(first, who), append(known, o.contacts...)
		}
	}
	if len(first) > 0 {
		if err := r.eraseStrays(ctx, known); err != nil {
			return fmt.Errorf("looking through deliveries: %w", err)
		}
		if err := r.vault.EraseAll(ctx, first); err != nil {
			return fmt.Errorf("destroying keys: %w", err)
		}
	}
	for _, o := range orders {
		for _, contact := range o.contacts {
			r.breaths.forget(contact)
		}
	}
	for _, in := range r.cfg.Inboxes {
		if err := r.eraseIn(ctx, inbox.InboxID(in.ID), orders); err != nil {
			return fmt.Errorf("erasing in an inbox: %w", err)
		}
	}
	if err := r.removeErasedFiles(ctx); err != nil {
		return err
	}
	if err := touch(r.cfg.compactDue()); err != nil {
		return fmt.Errorf("remembering to compact: %w", err)
	}
	return nil
}

// erasureOf returns whom a request is about, and writes it down before the vault forgets it.
func (r *Relay) erasureOf(ctx context.Context, q inbox.Request) (row erasureRow, err error) {
	err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error {
		_, err := getRow(tx, bucketErasure, []byte(q.ID), &row)
		return err
	})
	if err != nil {
		return row, err
	}
	same, err := r.vault.Same(ctx, q.Contact)
	if errors.Is(err, vault.ErrErased) { // in force already, by this request or another one
		if len(row.Contacts) == 0 {
			row.Contacts = []inbox.ContactID{q.Contact}
		}
		return row, nil
	}
	if err != nil {
		return row, fmt.Errorf("looking for the contact: %w", err)
	}
	for _, id := range row.Contacts {
		if !slices.Contains(same, id) {
			same = append(same, id)
		}
	}
	row.Contacts = same
	return row, r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		return putValue(tx, bucketErasure, []byte(q.ID), row)
	})
}

// needlesOf returns what a delivery that names one of the contacts holds.
func (r *Relay) needlesOf(ctx context.Context, contacts []inbox.ContactID) (needles [][]byte, err error) {
	for _, id := range contacts {
		who, err := r.vault.Identity(ctx, id)
		if errors.Is(err, vault.ErrErased) || errors.Is(err, vault.ErrUnknownContact) {
			continue // an earlier attempt has been here, or a restored backup is older than he is
		}
		if err != nil {
			return nil, err
		}
		for _, s := range []string{who.Phone, who.UserID, who.ParentUserID} {
			if len(s) >= shortestNeedle {
				needles = append(needles, []byte(s))
			}
		}
	}
	return needles, nil
}

// eraseStrays deletes deliveries that were put aside and name one of the contacts.
func (r *Relay) eraseStrays(ctx context.Context, contacts []inbox.ContactID) error {
	needles, err := r.needlesOf(ctx, contacts)
	if err != nil {
		return err
	}
	names := func(value []byte) bool {
		return slices.ContainsFunc(needles, func(n []byte) bool { return bytes.Contains(value, n) })
	}
	places := map[string][]string{identity.Shard: {bucketStray + "/"}}
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		places[rawShard(id)] = []string{bucketParked}
		places[eventlog.Shard(id.Log())] = []string{bucketOther, bucketNobody}
	}
	if len(needles) == 0 {
		return nil
	}
	for shard, prefixes := range places {
		err := r.db.Update(ctx, shard, func(tx ledger.Tx) error {
			for _, prefix := range prefixes {
				buckets, err := tx.Buckets(prefix)
				if err != nil {
					return err
				}
				for _, bucket := range buckets {
					if err := deleteWhere(tx, bucket, nil, func(_, value []byte) bool { return names(value) }); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteWhere deletes the rows of a bucket whose keys begin with a prefix and for which due holds; nil holds for all.
func deleteWhere(tx ledger.Tx, bucket string, prefix []byte, due func(key, value []byte) bool) error {
	var keys [][]byte
	var to []byte
	if prefix != nil {
		to = ledger.After(prefix)
	}
	for key, value := range tx.Scan(bucket, prefix, to) {
		if due == nil || due(key, value) {
			keys = append(keys, bytes.Clone(key))
		}
	}
	if err := tx.Err(); err != nil {
		return err
	}
	for _, key := range keys {
		if err := tx.Delete(bucket, key); err != nil {
			return err
		}
	}
	return nil
}

// eraseIn destroys what an inbox holds of the contacts. A second time it finds nothing.
func (r *Relay) eraseIn(ctx context.Context, in inbox.InboxID, orders []erasureOrder) error {
	at := inbox.At(r.now())
	var contacts []inbox.ContactID
	for _, o := range orders {
		contacts = append(contacts, o.contacts...)
	}
	theirs := make(map[inbox.ContactID]bool, len(contacts))
	for _, contact := range contacts {
		theirs[contact] = true
	}
	return r.db.Update(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		conversations := map[inbox.ConversationID]inbox.ContactID{}
		for c, err := range eventlog.Conversations(tx) {
			if err != nil {
				return err
			}
			if theirs[c.Contact.ID] {
				conversations[c.ID] = c.Contact.ID
			}
		}
		gone, err := eventlog.Forget(tx, at, conversations)
		if err != nil {
			return err
		}
		hashes, err := outbound.Forget(tx, gone.Messages)
		if err != nil {
			return err
		}
		for _, key := range hashes {
			if err := tx.Delete(bucketAbout, key); err != nil {
				return err
			}
		}
		for _, id := range gone.Messages {
			for _, bucket := range []string{bucketOriginal, bucketAgain} {
				if err := tx.Delete(bucket, []byte(id)); err != nil {
					return err
				}
			}
		}
		if err := eraseMedia(tx, gone.Media, contacts); err != nil {
			return err
		}
		for id := range conversations {
			if err := deleteWhere(tx, bucketCostOf, costPrefix(id), nil); err != nil {
				return err
			}
		}
		if err := forgetWork(tx, conversations); err != nil {
			return err
		}
		here := map[inbox.ContactID]bool{}
		for _, contact := range conversations {
			here[contact] = true
		}
		for _, o := range orders {
			if err := eraseContacts(tx, o.contacts, o.request.ID); err != nil {
				return err
			}
			var objects []inbox.ContactID
			switch found := slices.DeleteFunc(slices.Clone(o.contacts), func(c inbox.ContactID) bool { return !here[c] }); {
			case o.request.ID == replayed: // not one person, but all that a backup brought back
				objects = slices.Sorted(slices.Values(found))
			case len(found) > 0:
				objects = o.contacts[:1]
			}
			for _, contact := range objects {
				if err := audit.Record(tx, audit.Entry{At: at, Act: audit.ContactErased, Object: string(contact), Detail: string(o.request.ID)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// eraseMedia deletes what an inbox holds of files, and remembers which have to be removed from the disk.
func eraseMedia(tx ledger.Tx, files []inbox.MediaID, contacts []inbox.ContactID) error {
	var uploads []uploadRow
	for _, value := range tx.Scan(bucketUpload, nil, nil) {
		var row uploadRow
		if cbor.Unmarshal(value, &row) != nil {
			return errRow
		}
		if slices.Contains(contacts, row.Contact) {
			uploads = append(uploads, row)
		}
	}
	if err := tx.Err(); err != nil {
		return err
	}
	for _, row := range uploads {
		if err := dropUpload(tx, row); err != nil {
			return err
		}
		files = append(files, row.Media.ID)
	}
	for id, contact := range tx.Scan(bucketMediaOf, nil, nil) {
		if slices.Contains(contacts, inbox.ContactID(contact)) {
			files = append(files, inbox.MediaID(id))
		}
	}
	if err := tx.Err(); err != nil {
		return err
	}
	for _, id := range files {
		for _, bucket := range []string{bucketMediaQueue, bucketMediaOf, bucketMetaID} {
			if err := tx.Delete(bucket, []byte(id)); err != nil {
				return err
			}
		}
		if err := tx.Put(bucketErasedFile, []byte(id), []byte{1}); err != nil {
			return err
		}
	}
	return nil
}

// eraseContacts deletes what is kept by contact. The mark that they are gone stays.
func eraseContacts(tx ledger.Tx, contacts []inbox.ContactID, request inbox.RequestID) error {
	for _, contact := range contacts {
		id := []byte(contact)
		for _, bucket := range []string{bucketThread, bucketTwin, bucketTold, bucketErasing, bucketConsentAt} {
			if err := tx.Delete(bucket, id); err != nil {
				return err
			}
		}
		if err := deleteWhere(tx, bucketConsent, append(bytes.Clone(id), 0), nil); err != nil {
			return err
		}
		if err := deleteWhere(tx, bucketAnswered, nil, func(key, _ []byte) bool { return bytes.Contains(key, id) }); err != nil {
			return err
		}
		if err := tx.Put(bucketGone, id, []byte(request)); err != nil {
			return err
		}
	}
	var reveals [][]byte
	for key, value := range tx.Scan(bucketReveal, nil, nil) {
		var row revealRow
		if cbor.Unmarshal(value, &row) != nil {
			return errRow
		}
		if slices.Contains(contacts, row.Contact) {
			reveals = append(reveals, bytes.Clone(key))
		}
	}
	for _, key := range reveals {
		if err := errors.Join(tx.Delete(bucketReveal, key), tx.Delete(bucketRevealOpen, key)); err != nil {
			return err
		}
	}
	return tx.Err()
}

// isGone reports whether a contact was erased from the inbox whose shard tx is on: what was prepared for him before is to
// be prepared anew, and finds somebody else.
func isGone(tx ledger.Tx, contact inbox.ContactID) (bool, error) {
	row, err := tx.Get(bucketGone, []byte(contact))
	return row != nil, err
}

// removeErasedFiles overwrites and removes the files of erased contacts.
func (r *Relay) removeErasedFiles(ctx context.Context) error {
	for _, in := range r.cfg.Inboxes {
		shard := eventlog.Shard(inbox.InboxID(in.ID).Log())
		var ids []inbox.MediaID
		err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
			ids = nil
			for id := range tx.Scan(bucketErasedFile, nil, nil) {
				ids = append(ids, inbox.MediaID(id))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := errors.Join(ledger.Shred(r.mediaFile(id)), ledger.Shred(r.partFile(id))); err != nil {
				return fmt.Errorf("removing a file: %w", err)
			}
			err := r.db.Update(ctx, shard, func(tx ledger.Tx) error { return tx.Delete(bucketErasedFile, []byte(id)) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// settleErasure says that a request was carried out, with all others the same customer had open: nothing is left to do
// for them.
func (r *Relay) settleErasure(ctx context.Context, o erasureOrder) error {
	done := o.request
	return r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		at := inbox.At(r.now())
		all, err := allRequests(tx)
		if err != nil {
			return err
		}
		for _, q := range all {
			if settled(q) || q.ID != done.ID && !slices.Contains(o.contacts, q.Contact) {
				continue
			}
			act := audit.RequestDone
			q.State, q.Settled = inbox.RequestDone, at
			if q.Kind != inbox.RequestErasure {
				act, q.State, q.Reason = audit.RequestRefused, inbox.RequestRefused, "nothing is held any more"
			}
			if err := audit.Record(tx, audit.Entry{At: at, Act: act, Object: string(q.ID), Detail: string(done.ID)}); err != nil {
				return err
			}
			if err := putRequest(tx, q, at); err != nil {
				return err
			}
		}
		return tx.Delete(bucketErasure, []byte(done.ID))
	})
}

// compactDue is a file that is there while the store's files hold what was erased.
func (c *Config) compactDue() string { return filepath.Join(c.Data, "compact.due") }

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Compact writes the store's files anew without what was deleted, and overwrites the old ones as far as the file system
// lets us; copying file systems, flash and backups keep what they keep. While a relay runs on them it returns
// [ledger.ErrLocked], and the next start does it.
func Compact(ctx context.Context, cfg Config) error {
	if err := touch(cfg.compactDue()); err != nil {
		return fmt.Errorf("remembering to compact: %w", err)
	}
	master, err := cfg.master()
	if err != nil {
		return err
	}
	key, err := vault.LedgerKey(master, cfg.KeyFile())
	if err != nil {
		return fmt.Errorf("reading the store's key: %w", err)
	}
	return compactFiles(ctx, cfg, ledger.Config{Key: key})
}

// ErrRunning is returned by [Compact] while a relay runs on the store: its next start compacts.
var ErrRunning = ledger.ErrLocked

func compactFiles(ctx context.Context, cfg Config, conf ledger.Config) error {
	if _, err := os.Stat(cfg.compactDue()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, path := range []string{cfg.LedgerFile(), cfg.RawFile()} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := ledger.Compact(ctx, path, conf); err != nil {
			return err
		}
	}
	return os.Remove(cfg.compactDue())
}
