package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

const (
	bucketMetaID = "metaid" // media id -> metaRow
	metaLife     = 29 * 24 * time.Hour
)

// A metaRow is the id under which WhatsApp has a file, sealed, and since when. WhatsApp forgets it after 30 days.
type metaRow struct {
	At inbox.Moment `cbor:"1,keyasint"`
	ID []byte       `cbor:"2,keyasint"`
}

// metaFiles are the files of one number: [outbound.Files].
type metaFiles struct {
	r      *Relay
	inbox  inbox.InboxID
	number string
}

// MetaID implements [outbound.Files].
func (f metaFiles) MetaID(ctx context.Context, contact inbox.ContactID, id inbox.MediaID) (whatsapp.MediaID, error) {
	shard := eventlog.Shard(f.inbox.Log())
	var up uploadRow
	var known metaRow
	var have, cached bool
	err := f.r.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		if up, have, err = uploadAt(tx, id); err != nil {
			return err
		}
		row, err := tx.Get(bucketMetaID, []byte(id))
		if cached = row != nil; err == nil && cached && cbor.Unmarshal(row, &known) != nil {
			return errRow
		}
		return err
	})
	if err != nil {
		return whatsapp.MediaID{}, fmt.Errorf("looking a file up: %w", err)
	}
	if !have || up.Media.State != inbox.MediaReady {
		return whatsapp.MediaID{}, fmt.Errorf("%w: there is no such file", whatsapp.ErrRequest)
	}
	if cached && f.r.now().Sub(known.At.Time()) < metaLife {
		plain, err := f.r.vault.Open(ctx, contact, bucketMetaID, []byte(id), known.ID)
		if err == nil {
			return whatsapp.NewMediaID(string(plain)), nil
		}
		f.r.log.Warn("id of a file cannot be opened", "media", string(id), "error", err)
	}
	at := inbox.At(f.r.now())
	given, err := f.handOver(ctx, up)
	if err != nil {
		return whatsapp.MediaID{}, err
	}
	sealed, err := f.r.vault.Seal(ctx, contact, bucketMetaID, []byte(id), []byte(given.Reveal()))
	var row []byte
	if err == nil {
		row, err = cbor.Marshal(metaRow{At: at, ID: sealed})
	}
	if err == nil {
		err = f.r.db.Update(ctx, shard, func(tx ledger.Tx) error { return tx.Put(bucketMetaID, []byte(id), row) })
	}
	if err != nil { // the file is there all the same; it is only handed over once more the next time
		f.r.log.Warn("id of a file cannot be kept", "media", string(id), "error", err)
	}
	return given, nil
}

// handOver gives WhatsApp the file, straight from its seal.
func (f metaFiles) handOver(ctx context.Context, up uploadRow) (whatsapp.MediaID, error) {
	file, err := f.r.openMedia(ctx, up.Contact, up.Media.ID)
	if err != nil {
		f.r.log.Error("file to send cannot be opened", "media", string(up.Media.ID), "error", err)
		return whatsapp.MediaID{}, fmt.Errorf("%w: the file cannot be opened", whatsapp.ErrRequest)
	}
	defer file.Close()
	src := &watchedReader{r: io.NewSectionReader(file, 0, file.size)}
	given, err := f.r.graph.MediaUpload(ctx, f.number, up.Media.Type, src)
	if err != nil && src.damaged.Load() {
		f.r.log.Error("file to send is damaged", "media", string(up.Media.ID))
		return whatsapp.MediaID{}, fmt.Errorf("%w: the file is damaged", whatsapp.ErrRequest)
	}
	return given, err
}

// ForgetMetaID implements [outbound.Forgetter].
func (f metaFiles) ForgetMetaID(ctx context.Context, _ inbox.ContactID, id inbox.MediaID) error {
	return f.r.db.Update(ctx, eventlog.Shard(f.inbox.Log()), func(tx ledger.Tx) error {
		return tx.Delete(bucketMetaID, []byte(id))
	})
}

// A watchedReader remembers that it was the file that went wrong. The request that reads it may outlive its caller.
type watchedReader struct {
	r       io.Reader
	damaged atomic.Bool
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if errors.Is(err, errDamaged) {
		w.damaged.Store(true)
	}
	return n, err
}
