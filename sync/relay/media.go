package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/media"
	"sealdesk/sync/relay/internal/whatsapp"
)

const (
	bucketMediaQueue = "mediaqueue" // media id -> mediaRow, until the bytes are here or given up
	bucketMediaOf    = "mediaof"    // media id -> contact id, for whoever serves it

	maxMediaTries   = 176 // with back-off about seven days: as long as Meta keeps the bytes
	mediaAtOnce     = 3
	mediaRetryBase  = 4 * time.Second
	mediaRetryLimit = time.Hour
	cleanAtOnce     = 2
	mediaFullPause  = 10 * time.Second // before a file is fetched again whose fate could not be written
	linkLife        = 4 * time.Minute  // of an address that came with a message; Meta says five
)

// A mediaRow is one file to fetch from Meta. Its addresses are sealed under the contact's key.
type mediaRow struct {
	Media        inbox.Media          `cbor:"1,keyasint"`
	Message      inbox.MessageID      `cbor:"2,keyasint"`
	Conversation inbox.ConversationID `cbor:"3,keyasint"`
	Contact      inbox.ContactID      `cbor:"4,keyasint"`
	Address      []byte               `cbor:"5,keyasint"`           // Meta's id
	Digest       []byte               `cbor:"6,keyasint,omitempty"` // SHA-256 Meta announced
	Tries        int                  `cbor:"7,keyasint,omitempty"`
	Due          inbox.Moment         `cbor:"8,keyasint,omitempty"`
	Kind         inbox.MessageKind    `cbor:"9,keyasint,omitempty"`  // 0 in rows of earlier versions
	Link         []byte               `cbor:"10,keyasint,omitempty"` // where the file is, without asking
	Until        inbox.Moment         `cbor:"11,keyasint,omitempty"` // how long it is there
	Extension    string               `cbor:"12,keyasint,omitempty"` // of a document's name
}

// declared is what is claimed of the file.
func (row mediaRow) declared() media.Declared {
	kind := fileKinds[row.Kind]
	if kind == 0 {
		major, _, _ := strings.Cut(row.Media.Type, "/")
		if kind = map[string]media.Kind{"image": media.Image, "video": media.Video, "audio": media.Audio}[major]; kind == 0 {
			kind = media.Document
		}
	}
	return media.Declared{Kind: kind, MIME: row.Media.Type, Name: row.Extension, Inbound: true}
}

type mediaJob struct{ row mediaRow }

func (j mediaJob) enqueue(tx ledger.Tx, c inbox.ConversationID) error {
	j.row.Conversation = c
	if err := tx.Put(bucketMediaOf, []byte(j.row.Media.ID), []byte(j.row.Contact)); err != nil {
		return err
	}
	return putMediaRow(tx, j.row)
}

func putMediaRow(tx ledger.Tx, row mediaRow) error {
	value, err := cbor.Marshal(row)
	if err != nil {
		return err
	}
	return tx.Put(bucketMediaQueue, []byte(row.Media.ID), value)
}

func (r *Relay) translateMedia(ctx context.Context, in *incoming, b whatsapp.Media) error {
	kinds := map[whatsapp.MediaKind]inbox.MessageKind{
		whatsapp.Image: inbox.Image, whatsapp.Video: inbox.Video, whatsapp.Audio: inbox.Audio,
		whatsapp.Document: inbox.Document, whatsapp.Sticker: inbox.Sticker,
	}
	msg := &in.message
	if msg.Kind = kinds[b.Kind]; msg.Kind == 0 {
		msg.Kind = inbox.Unsupported
		return nil
	}
	if b.Voice {
		msg.Kind = inbox.Voice
	}
	var err error
	if msg.Body, _, err = r.vault.Mask(ctx, in.contact.ID, b.Caption); err != nil {
		return fmt.Errorf("masking a caption: %w", err)
	}
	kind, _, _ := strings.Cut(b.MIME, ";")
	file := inbox.Media{ID: inbox.NewID[inbox.MediaID](), Type: mimeType(kind)}
	if file.Name, _, err = r.vault.MaskFileName(ctx, in.contact.ID, b.Filename); err != nil {
		return fmt.Errorf("masking a file name: %w", err)
	}
	msg.Media = &file
	row := mediaRow{
		Media: file, Message: msg.ID, Contact: in.contact.ID, Digest: b.SHA256, Kind: msg.Kind, Extension: extension(b.Filename),
	}
	if row.Address, err = r.vault.Seal(ctx, row.Contact, bucketMediaQueue, []byte(file.ID), []byte(b.ID.Reveal())); err != nil {
		return fmt.Errorf("sealing a media address: %w", err)
	}
	if !b.URL.IsZero() {
		if row.Link, err = r.vault.Seal(ctx, row.Contact, bucketMediaQueue, linkKey(file.ID), []byte(b.URL.Reveal())); err != nil {
			return fmt.Errorf("sealing a media address: %w", err)
		}
		row.Until = msg.At.Add(linkLife)
	}
	in.media = &mediaJob{row: row}
	return nil
}

func linkKey(id inbox.MediaID) []byte { return []byte(string(id) + "/link") }

// mimeType keeps a type Meta announced only if it is one: it is shown to people and must not carry anything else.
func mimeType(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	major, minor, ok := strings.Cut(s, "/")
	plain := func(s string) bool {
		return s != "" && len(s) < 80 && !strings.ContainsFunc(s, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("+-.", c)
		})
	}
	if !ok || !plain(major) || !plain(minor) {
		return "application/octet-stream"
	}
	return s
}

// extension keeps of a file's name what tells its type, such as "x.pdf"; "" if there is nothing like that.
func extension(name string) string {
	const longest = 8
	i := strings.LastIndexByte(name, '.')
	if i < 0 || len(name)-i-1 > longest {
		return ""
	}
	ext := strings.ToLower(name[i+1:])
	if ext == "" || strings.Trim(ext, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || strings.Trim(ext, "0123456789") == "" {
		return ""
	}
	return "x." + ext
}

// fetchMedia fetches what an inbox's customers sent, until ctx ends: Meta's addresses live for five minutes, the files
// for seven days.
func (r *Relay) fetchMedia(ctx context.Context, id inbox.InboxID, number string, poke <-chan struct{}) error {
	shard := eventlog.Shard(id.Log())
	slots := make(chan struct{}, mediaAtOnce)
	done := make(chan inbox.MediaID, mediaAtOnce)
	busy := map[inbox.MediaID]bool{}
	for {
		var due []mediaRow
		next := time.Hour
		err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
			due, next = due[:0], time.Hour
			for _, value := range tx.Scan(bucketMediaQueue, nil, nil) {
				var row mediaRow
				if cbor.Unmarshal(value, &row) != nil {
					return errRow
				}
				wait := row.Due.Time().Sub(r.now())
				switch {
				case busy[row.Media.ID]:
				case row.Due != 0 && wait > 0:
					next = min(next, wait)
				case len(due) < mediaAtOnce:
					due = append(due, row)
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			r.log.Error("media queue cannot be read", "inbox", string(id), "error", err)
			next = time.Second
		}
		for _, row := range due {
			select {
			case slots <- struct{}{}:
			default:
				continue
			}
			busy[row.Media.ID] = true
			go func() {
				if !r.fetchOne(ctx, shard, number, row) {
					pause(ctx, mediaFullPause)
				}
				<-slots
				done <- row.Media.ID
			}()
		}
		wake := time.NewTimer(next)
		select {
		case <-ctx.Done():
			wake.Stop()
			for len(busy) > 0 {
				delete(busy, <-done)
			}
			return nil
		case id := <-done:
			delete(busy, id)
		case <-poke:
		case <-wake.C:
		}
		wake.Stop()
	}
}

// mediaTries is how often a file is asked for in all before an error is believed.
func mediaTries(err error) int {
	var api *whatsapp.APIError
	switch {
	case stateOf(err) != inbox.MediaGone:
		return 1 // it will not become better
	case errors.As(err, &api) && !api.Class.Temporary() && !api.Class.Stops():
		return 6 // WhatsApp says that there is no such file; it has been wrong about that for a minute
	}
	return maxMediaTries
}

// stateOf says what a file is that was given up: what was found in it, or gone, because WhatsApp does not have it, or
// will not have it any more.
func stateOf(err error) inbox.MediaState {
	switch {
	case errors.Is(err, media.ErrTooLarge), errors.Is(err, media.ErrBomb), errors.Is(err, whatsapp.ErrMediaTooLarge):
		return inbox.MediaLarge
	case errors.Is(err, media.ErrMismatch), errors.Is(err, media.ErrUnsupported):
		return inbox.MediaFalse
	case errors.Is(err, media.ErrBroken), errors.Is(err, whatsapp.ErrMediaDigest), errors.Is(err, whatsapp.ErrRequest):
		return inbox.MediaBroken
	}
	return inbox.MediaGone
}

// mediaRetry is how long to wait after so many tries.
func mediaRetry(tries int) time.Duration { return min(mediaRetryBase<<min(tries, 12), mediaRetryLimit) }

// fetchOne fetches a file and writes down what became of it. It reports false when it could not write that down.
func (r *Relay) fetchOne(ctx context.Context, shard, number string, row mediaRow) bool {
	file, trouble := r.fetch(ctx, number, row)
	if ctx.Err() != nil {
		return true // the row stays; the next start fetches it
	}
	if trouble != nil {
		r.log.Warn("media was not fetched", "media", string(row.Media.ID), "try", row.Tries, "error", trouble)
	}
	at := inbox.At(r.now())
	var unwanted bool
	var fate string
	err := r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		unwanted, fate = false, "again"
		if wanted, err := tx.Get(bucketMediaQueue, []byte(row.Media.ID)); err != nil {
			return err
		} else if wanted == nil { // the customer has taken it back meanwhile
			unwanted, fate = true, "unwanted"
			return tx.Delete(bucketMediaOf, []byte(row.Media.ID))
		}
		if trouble != nil && row.Tries+1 < mediaTries(trouble) {
			again := row
			again.Tries++
			again.Due = at.Add(mediaRetry(again.Tries))
			return putMediaRow(tx, again)
		}
		done := file
		if trouble != nil {
			done = row.Media
			done.State = stateOf(trouble)
		}
		fate = fates[done.State]
		if _, err := eventlog.Append(tx, at, "", inbox.MediaChanged{Conversation: row.Conversation, Message: row.Message, Media: done}); err != nil {
			return err
		}
		return tx.Delete(bucketMediaQueue, []byte(row.Media.ID))
	})
	if err != nil && ctx.Err() == nil {
		r.log.Error("media cannot be recorded", "media", string(row.Media.ID), "error", err)
	}
	if err != nil {
		return false
	}
	r.metrics.fetched(fate)
	if unwanted {
		os.Remove(r.mediaFile(row.Media.ID))
	}
	return true
}

// fates are the states of media for metrics.
var fates = map[inbox.MediaState]string{
	inbox.MediaReady: "ready", inbox.MediaBroken: "broken", inbox.MediaLarge: "large", inbox.MediaFalse: "false", inbox.MediaGone: "gone",
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// fetch brings the file to disk, cleaned and sealed, and returns what is known of it now. What comes from WhatsApp is
// first kept as it came: judging a file takes several passes and any order, which neither a connection nor the memory for
// 100 MB gives. It is sealed under the contact's key like everything else, so no plain byte ever lies on the disk, and
// what a crash leaves behind is gone with the key at the latest.
func (r *Relay) fetch(ctx context.Context, number string, row mediaRow) (inbox.Media, error) {
	file, want := row.Media, row.declared()
	if err := r.roomFor(0); err != nil {
		return file, err
	}
	spool, err := r.halfFile()
	if err != nil {
		return file, err
	}
	defer discard(spool)
	key := fileKey{row.Contact, sealedFetch, file.ID}
	w := &sealedWriter{ctx: ctx, vault: r.vault, key: key, to: spool}
	if err := r.download(ctx, number, row, w, media.Limit(want.Kind, true, true)); err != nil {
		return file, err
	}
	src, err := openSealed(ctx, r.vault, key, spool, false)
	if err != nil {
		return file, err
	}
	rep, err := r.keepClean(ctx, row.Contact, file.ID, src, want)
	if err != nil {
		return file, err
	}
	if rep.State != media.Cleaned { // what it holds besides is the customer's own affair; here somebody may want to know
		r.log.Info("media passes as it came", "media", string(file.ID), "state", rep.State.String())
	}
	describe(&file, rep)
	return file, nil
}

// download writes the file as WhatsApp has it, and its digest is right. An address that came with the message saves
// asking for one.
func (r *Relay) download(ctx context.Context, number string, row mediaRow, w *sealedWriter, limit int64) error {
	id := row.Media.ID
	if len(row.Link) > 0 && row.Digest != nil && r.now().Before(row.Until.Time()) {
		link, err := r.vault.Open(ctx, row.Contact, bucketMediaQueue, linkKey(id), row.Link)
		if err != nil {
			return err
		}
		info := whatsapp.MediaInfo{URL: whatsapp.NewMediaURL(string(link)), SHA256: row.Digest}
		_, err = r.graph.MediaDownload(ctx, info, w, limit)
		if err == nil || errors.Is(err, whatsapp.ErrMediaTooLarge) {
			return errors.Join(err, w.close())
		}
		r.log.Info("media is not where its message said", "media", string(id), "error", err)
		if err := w.restart(); err != nil {
			return err
		}
	}
	address, err := r.vault.Open(ctx, row.Contact, bucketMediaQueue, []byte(id), row.Address)
	if err != nil {
		return err
	}
	info, err := r.graph.MediaInfo(ctx, number, whatsapp.NewMediaID(string(address)))
	if err != nil {
		return err
	}
	if len(info.SHA256) == 0 {
		info.SHA256 = row.Digest
	}
	if _, err := r.graph.MediaDownload(ctx, info, w, limit); err != nil {
		return err
	}
	return w.close()
}
