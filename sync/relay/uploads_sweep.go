package relay

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// sweepUploads forgets the uploads of an inbox that nobody finished or used in time.
func (r *Relay) sweepUploads(ctx context.Context, in inbox.InboxID) error {
	shard, now := eventlog.Shard(in.Log()), inbox.At(r.now())
	var late []inbox.MediaID
	err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
		late = late[:0]
		for key, value := range tx.Scan(bucketUploadOpen, nil, nil) {
			var open openUpload
			if cbor.Unmarshal(value, &open) != nil {
				return errRow
			}
			if open.Until <= now {
				late = append(late, inbox.MediaID(key))
			}
		}
		return nil
	})
	for _, id := range late {
		if err != nil {
			break
		}
		if !r.uploads.isBusy(id) {
			err = r.sweepUpload(ctx, shard, id, now)
		}
	}
	return err
}

func (r *Relay) sweepUpload(ctx context.Context, shard string, id inbox.MediaID, now inbox.Moment) error {
	dropped := false
	err := r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		dropped = false
		value, err := tx.Get(bucketUploadOpen, []byte(id))
		var open openUpload
		if err != nil || value == nil || cbor.Unmarshal(value, &open) != nil || open.Until > now {
			return err // a message has it by now, or it goes on
		}
		row, ok, err := uploadAt(tx, id)
		if err != nil {
			return err
		}
		if !ok {
			return tx.Delete(bucketUploadOpen, []byte(id))
		}
		dropped = true
		return dropUpload(tx, row)
	})
	if err == nil && dropped {
		os.Remove(r.partFile(id))
		os.Remove(r.mediaFile(id))
		r.metrics.uploads.WithLabelValues("expired").Inc()
	}
	return err
}

// sweep sweeps until ctx ends, beginning with what lies in the folder without a row.
func (r *Relay) sweep(ctx context.Context) error {
	if err := r.sweepParts(ctx); err != nil && ctx.Err() == nil {
		r.log.Error("media folder cannot be swept", "error", err)
	}
	tick := time.NewTicker(sweepEach)
	defer tick.Stop()
	for {
		for _, in := range r.inboxes {
			if err := r.sweepUploads(ctx, in); err != nil && ctx.Err() == nil {
				r.log.Error("uploads cannot be swept", "inbox", string(in), "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweepParts removes parts that no upload that goes on belongs to: a crash came between the two.
func (r *Relay) sweepParts(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(r.mediaDir(), partPrefix+"*"))
	if err != nil || len(files) == 0 {
		return err
	}
	for _, file := range files {
		id := inbox.MediaID(strings.TrimPrefix(filepath.Base(file), partPrefix))
		wanted := r.uploads.isBusy(id)
		for _, in := range r.inboxes {
			err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
				row, ok, err := uploadAt(tx, id)
				wanted = wanted || ok && row.Media.State != inbox.MediaReady
				return err
			})
			if err != nil {
				return err
			}
		}
		if !wanted {
			os.Remove(file)
		}
	}
	return nil
}
