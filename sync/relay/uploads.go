package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/media"
)

const (
	bucketUpload     = "upload"     // media id -> uploadRow
	bucketUploadKey  = "uploadkey"  // keyed hash of who hands what over for whom -> media id
	bucketUploadOpen = "uploadopen" // media id -> openUpload, until a message has the file

	partLife  = 24 * time.Hour     // of a file that was not handed over whole
	readyLife = 7 * 24 * time.Hour // of one that no message has
	sweepEach = time.Hour

	maxOpenBytes       = 4 << 30   // of all files without a message
	maxOpenBytesPerson = 512 << 20 // of one person's
	maxOpenPerson      = 64
	maxNameBytes       = 1 << 10

	partPrefix = "upload-" // begins the name of a file that is being handed over
)

// An uploadRow is a file a device hands over, or has. Media.State is ready once it is there, judged and cleaned.
type uploadRow struct {
	Media        inbox.Media          `cbor:"1,keyasint"`
	Kind         inbox.MessageKind    `cbor:"2,keyasint,omitempty"` // 0 until the bytes tell
	Conversation inbox.ConversationID `cbor:"3,keyasint"`
	Contact      inbox.ContactID      `cbor:"4,keyasint"`
	Digest       []byte               `cbor:"5,keyasint"` // of what the device hands over
	Size         int64                `cbor:"6,keyasint"`
	Extension    string               `cbor:"7,keyasint,omitempty"`
	Key          []byte               `cbor:"8,keyasint"`
}

// An openUpload is what counts of an upload until a message has it.
type openUpload struct {
	Person inbox.PersonID `cbor:"1,keyasint"`
	Size   int64          `cbor:"2,keyasint"`
	Until  inbox.Moment   `cbor:"3,keyasint"`
}

var (
	errStoreFull = errors.New("the room for media is used up")
	errCut       = errors.New("the file did not come whole")
)

// uploadAt returns an upload, and whether there is one.
func uploadAt(tx ledger.Tx, id inbox.MediaID) (row uploadRow, ok bool, err error) {
	value, err := tx.Get(bucketUpload, []byte(id))
	if err != nil || value == nil {
		return row, false, err
	}
	if cbor.Unmarshal(value, &row) != nil {
		return row, false, errRow
	}
	return row, true, nil
}

func putUpload(tx ledger.Tx, row uploadRow) error {
	value, err := cbor.Marshal(row)
	if err != nil {
		return err
	}
	return tx.Put(bucketUpload, []byte(row.Media.ID), value)
}

// extendUpload keeps an upload for so long from now, unless a message has it already.
func extendUpload(tx ledger.Tx, id inbox.MediaID, until inbox.Moment) error {
	value, err := tx.Get(bucketUploadOpen, []byte(id))
	if err != nil || value == nil {
		return err
	}
	var open openUpload
	if cbor.Unmarshal(value, &open) != nil {
		return errRow
	}
	open.Until = until
	if value, err = cbor.Marshal(open); err != nil {
		return err
	}
	return tx.Put(bucketUploadOpen, []byte(id), value)
}

// keepUpload says, in the transaction that adds it, that a message has the file: from then on it stays. Files that were
// not handed over by a device stay anyway.
func keepUpload(tx ledger.Tx, id inbox.MediaID) error { return tx.Delete(bucketUploadOpen, []byte(id)) }

// dropUpload forgets an upload. Its files are the caller's to remove, after the transaction.
func dropUpload(tx ledger.Tx, row uploadRow) error {
	for bucket, key := range map[string][]byte{
		bucketUpload: []byte(row.Media.ID), bucketUploadOpen: []byte(row.Media.ID), bucketMediaOf: []byte(row.Media.ID),
		bucketMetaID: []byte(row.Media.ID), bucketUploadKey: row.Key,
	} {
		if err := tx.Delete(bucket, key); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) partFile(id inbox.MediaID) string {
	return filepath.Join(r.mediaDir(), partPrefix+string(id))
}

// uploaded returns a file that was handed over for the conversation and found fit, and as what it can be sent;
// [inbox.RefusedMedia] if there is none.
func (r *Relay) uploaded(ctx context.Context, in inbox.InboxID, c inbox.ConversationID, id inbox.MediaID) (inbox.Media, inbox.MessageKind, error) {
	var row uploadRow
	var ok bool
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		row, ok, err = uploadAt(tx, id)
		return err
	})
	if err != nil {
		return inbox.Media{}, 0, err
	}
	if !ok || row.Conversation != c || row.Media.State != inbox.MediaReady {
		return inbox.Media{}, 0, inbox.RefusedMedia
	}
	return row.Media, row.Kind, nil
}

// kindOf says as what a file is meant to be sent; 0 when that is for the bytes to tell.
func kindOf(q inbox.OfferMedia) inbox.MessageKind {
	switch t := mimeType(q.Type); {
	case q.Voice:
		return inbox.Voice
	case q.Document:
		return inbox.Document
	case t == "application/octet-stream":
		return 0
	default:
		return kindOfType(t)
	}
}

func kindOfType(t string) inbox.MessageKind {
	major, _, _ := strings.Cut(t, "/")
	switch {
	case t == "image/webp":
		return inbox.Sticker
	case major == "image":
		return inbox.Image
	case major == "video":
		return inbox.Video
	case major == "audio", t == "application/ogg":
		return inbox.Audio
	}
	return inbox.Document
}

// refusalOf says why a file is not taken, if that is what the error says.
func refusalOf(err error) (inbox.Refusal, bool) {
	switch {
	case errors.Is(err, media.ErrTooLarge), errors.Is(err, media.ErrBomb):
		return inbox.RefusedLarge, true
	case errors.Is(err, media.ErrMismatch), errors.Is(err, media.ErrBroken), errors.Is(err, media.ErrUnsupported):
		return inbox.RefusedMedia, true
	}
	return inbox.Granted, false
}

// declared is what is claimed of a file with this kind.
func (row uploadRow) declared(kind inbox.MessageKind) media.Declared {
	return media.Declared{Kind: fileKinds[kind], MIME: row.Media.Type, Name: row.Extension}
}

// offer answers who wants to hand a file over. The same file by the same person for the same conversation, under the same
// name and meant alike, goes on where it was.
func (r *Relay) offer(ctx context.Context, a asker, q inbox.OfferMedia) (inbox.UploadTicket, error) {
	var none inbox.UploadTicket
	if len(q.Digest) != sha256.Size || len(q.Name) > maxNameBytes || q.Voice && q.Document {
		return none, inbox.RefusedMalformed
	}
	in, c, err := r.mayAsk(ctx, a.person, q.Conversation, inbox.ActSend)
	switch {
	case err != nil:
		return none, err
	case c.Into != "":
		return none, inbox.RefusedJoined
	case q.Size <= 0:
		return none, inbox.RefusedMedia
	}
	row := uploadRow{
		Media: inbox.Media{ID: inbox.NewID[inbox.MediaID](), Type: mimeType(q.Type), Size: q.Size}, Kind: kindOf(q),
		Conversation: c.ID, Contact: c.Contact.ID, Digest: q.Digest, Size: q.Size, Extension: extension(q.Name),
	}
	likely := row.Kind
	if likely == 0 {
		likely = inbox.Document // the largest
	}
	want := row.declared(likely)
	want.Size = q.Size
	if why, no := refusalOf(want.Check()); no {
		r.metrics.uploads.WithLabelValues("refused").Inc()
		return none, why
	}
	if row.Media.Name, err = r.vault.MaskOurFileName(ctx, row.Contact, q.Name); err != nil {
		return none, fmt.Errorf("masking a file name: %w", err)
	}
	key := r.vault.Hash("upload", fmt.Sprintf("%s %s %x %d %d %s %q", a.person.ID, c.ID, q.Digest, q.Size, row.Kind, row.Media.Type, q.Name))
	row.Key = key[:]
	if err := r.sweepUploads(ctx, in); err != nil {
		return none, err
	}
	if row, err = r.findUpload(ctx, in, a.person, row); err != nil {
		return none, err
	}
	end, err := r.uploads.begin(ctx, row.Media.ID, nil)
	if err != nil {
		return none, err
	}
	defer end()
	reply, err := r.standOf(ctx, in, row.Media.ID)
	switch {
	case err != nil:
		return none, err
	case reply.Refusal != inbox.Granted:
		return none, reply.Refusal
	case reply.Media != nil:
		return inbox.UploadTicket{Media: reply.Media.ID, Offset: q.Size}, nil
	}
	path, ok := r.tickets.issue(ticket{
		device: a.device, inbox: in, media: row.Media.ID, contact: row.Contact, size: row.Size, upload: true, offset: reply.Offset,
	})
	if !ok {
		return none, errNotYet
	}
	return inbox.UploadTicket{Media: row.Media.ID, Path: path, Offset: reply.Offset}, nil
}

// findUpload returns the upload that goes on, or writes down that this one begins.
func (r *Relay) findUpload(ctx context.Context, in inbox.InboxID, p inbox.Person, fresh uploadRow) (row uploadRow, err error) {
	shard := eventlog.Shard(in.Log())
	known := func(tx ledger.Tx) (uploadRow, bool, error) {
		id, err := tx.Get(bucketUploadKey, fresh.Key)
		if err != nil || id == nil {
			return uploadRow{}, false, err
		}
		return uploadAt(tx, inbox.MediaID(id))
	}
	var ok bool
	err = r.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		row, ok, err = known(tx)
		return err
	})
	if err != nil {
		return row, err
	}
	if !ok {
		if err := r.mayHandOver(ctx, p.ID, fresh.Size); err != nil {
			return row, err
		}
	}
	until := inbox.At(r.now()).Add(partLife)
	err = r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		var err error
		if row, ok, err = known(tx); err != nil {
			return err
		}
		if ok {
			if row.Media.State == inbox.MediaReady {
				return extendUpload(tx, row.Media.ID, until.Add(readyLife-partLife))
			}
			return extendUpload(tx, row.Media.ID, until)
		}
		row = fresh
		open, err := cbor.Marshal(openUpload{Person: p.ID, Size: row.Size, Until: until})
		if err != nil {
			return err
		}
		if err := tx.Put(bucketUploadOpen, []byte(row.Media.ID), open); err != nil {
			return err
		}
		if err := tx.Put(bucketMediaOf, []byte(row.Media.ID), []byte(row.Contact)); err != nil {
			return err
		}
		if err := tx.Put(bucketUploadKey, row.Key, []byte(row.Media.ID)); err != nil {
			return err
		}
		return putUpload(tx, row)
	})
	return row, err
}

// mayHandOver returns errNotYet while a person, or all together, have handed over too much that no message has.
func (r *Relay) mayHandOver(ctx context.Context, p inbox.PersonID, size int64) error {
	if err := r.roomFor(size); err != nil {
		return err
	}
	var count int
	var own, all int64
	for _, in := range r.inboxes {
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			for _, value := range tx.Scan(bucketUploadOpen, nil, nil) {
				var open openUpload
				if cbor.Unmarshal(value, &open) != nil {
					return errRow
				}
				if all += open.Size; open.Person == p {
					count, own = count+1, own+open.Size
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if count >= maxOpenPerson || own+size > maxOpenBytesPerson || all+size > maxOpenBytes {
		r.log.Warn("more files are handed over than sent", "person", string(p), "files", count, "bytes", own, "all", all)
		return errNotYet
	}
	return nil
}

// roomFor returns errStoreFull unless so many bytes more may be kept.
func (r *Relay) roomFor(size int64) error {
	if r.cfg.Media.MaxStore == 0 {
		return nil
	}
	have, err := folderSize(r.mediaDir())
	if err != nil {
		return fmt.Errorf("looking into the media folder: %w", err)
	}
	if have+size >= int64(r.cfg.Media.MaxStore) {
		return errStoreFull
	}
	return nil
}

// folderSize returns how many bytes the files of a folder have; 0 if it is not there.
func folderSize(dir string) (n int64, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, file := range files {
		if info, err := file.Info(); err == nil { // it may be gone by now
			n += info.Size()
		}
	}
	return n, err
}

// isFull reports whether it is room that is missing.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, ledger.ErrFull) || errors.Is(err, errStoreFull)
}
