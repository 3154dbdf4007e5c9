package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // what customers send
	_ "image/jpeg" // what customers send
	_ "image/png"  // what customers send
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // stickers

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

const (
	bucketMediaQueue = "mediaqueue" // media id -> mediaRow, until the bytes are here or given up
	bucketMediaOf    = "mediaof"    // media id -> contact id, for whoever serves it

	maxMediaTries   = 176       // with back-off about seven days: as long as Meta keeps the bytes
	maxMediaBytes   = 100 << 20 // Cloud API, largest document
	maxPixels       = 24 << 20  // a picture with more is stored but not decoded
	blurSide        = 16
	mediaChunk      = 1 << 20
	mediaAtOnce     = 3
	mediaRetryBase  = 4 * time.Second
	mediaRetryLimit = time.Hour
	mediaFullPause  = 10 * time.Second // before a file is fetched again whose fate could not be written
)

// A mediaRow is one file to fetch from Meta. Its address is sealed under the contact's key.
type mediaRow struct {
	Media        inbox.Media          `cbor:"1,keyasint"`
	Message      inbox.MessageID      `cbor:"2,keyasint"`
	Conversation inbox.ConversationID `cbor:"3,keyasint"`
	Contact      inbox.ContactID      `cbor:"4,keyasint"`
	Address      []byte               `cbor:"5,keyasint"`
	Digest       []byte               `cbor:"6,keyasint,omitempty"` // SHA-256 Meta announced
	Tries        int                  `cbor:"7,keyasint,omitempty"`
	Due          inbox.Moment         `cbor:"8,keyasint,omitempty"`
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
	media := inbox.Media{ID: inbox.NewID[inbox.MediaID](), Type: mimeType(kind)}
	if media.Name, _, err = r.vault.MaskFileName(ctx, in.contact.ID, b.Filename); err != nil {
		return fmt.Errorf("masking a file name: %w", err)
	}
	msg.Media = &media
	address, err := r.vault.Seal(ctx, in.contact.ID, bucketMediaQueue, []byte(media.ID), []byte(b.ID.Reveal()))
	if err != nil {
		return fmt.Errorf("sealing a media address: %w", err)
	}
	in.media = &mediaJob{row: mediaRow{
		Media: media, Message: msg.ID, Contact: in.contact.ID, Address: address, Digest: b.SHA256,
	}}
	return nil
}

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

// errMedia marks a file that will not become better by fetching it again.
var errMedia = errors.New("media is not what was announced")

// mediaTries is how often a file is asked for in all before an error is believed.
func mediaTries(err error) int {
	var api *whatsapp.APIError
	switch {
	case errors.Is(err, errMedia), errors.Is(err, whatsapp.ErrMediaTooLarge), errors.Is(err, whatsapp.ErrMediaDigest), errors.Is(err, whatsapp.ErrRequest):
		return 1
	case errors.As(err, &api) && !api.Class.Temporary() && !api.Class.Stops():
		return 6 // WhatsApp says that there is no such file; it has been wrong about that for a minute
	}
	return maxMediaTries
}

// mediaRetry is how long to wait after so many tries.
func mediaRetry(tries int) time.Duration { return min(mediaRetryBase<<min(tries, 12), mediaRetryLimit) }

// fetchOne fetches a file and writes down what became of it. It reports false when it could not write that down.
func (r *Relay) fetchOne(ctx context.Context, shard, number string, row mediaRow) bool {
	media, trouble := r.fetch(ctx, number, row)
	if ctx.Err() != nil {
		return true // the row stays; the next start fetches it
	}
	if trouble != nil {
		r.log.Warn("media was not fetched", "media", string(row.Media.ID), "try", row.Tries, "error", trouble)
	}
	at := inbox.At(r.now())
	err := r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		if trouble != nil && row.Tries+1 < mediaTries(trouble) {
			again := row
			again.Tries++
			again.Due = at.Add(mediaRetry(again.Tries))
			return putMediaRow(tx, again)
		}
		done := media
		if trouble != nil {
			done = row.Media
			done.State = inbox.MediaBroken
		}
		if _, err := eventlog.Append(tx, at, "", inbox.MediaChanged{Conversation: row.Conversation, Message: row.Message, Media: done}); err != nil {
			return err
		}
		return tx.Delete(bucketMediaQueue, []byte(row.Media.ID))
	})
	if err != nil && ctx.Err() == nil {
		r.log.Error("media cannot be recorded", "media", string(row.Media.ID), "error", err)
	}
	return err == nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (r *Relay) mediaDir() string { return filepath.Join(r.cfg.Data, "media") }

const halfMedia = "fetch-" // begins the name of a file that is being fetched

// forgetHalfMedia removes what a relay that died left half fetched.
func (r *Relay) forgetHalfMedia() {
	files, _ := filepath.Glob(filepath.Join(r.mediaDir(), halfMedia+"*"))
	for _, file := range files {
		os.Remove(file)
	}
}

// fetch brings the file to disk, sealed, and returns what is known of it now.
func (r *Relay) fetch(ctx context.Context, number string, row mediaRow) (inbox.Media, error) {
	media := row.Media
	address, err := r.vault.Open(ctx, row.Contact, bucketMediaQueue, []byte(media.ID), row.Address)
	if err != nil {
		return media, err
	}
	info, err := r.graph.MediaInfo(ctx, number, whatsapp.NewMediaID(string(address)))
	if err != nil {
		return media, err
	}
	if len(info.SHA256) == 0 {
		info.SHA256 = row.Digest
	}
	if err := os.MkdirAll(r.mediaDir(), 0o700); err != nil {
		return media, fmt.Errorf("making the media folder: %w", err)
	}
	file, err := os.CreateTemp(r.mediaDir(), halfMedia+"*")
	if err != nil {
		return media, fmt.Errorf("making a media file: %w", err)
	}
	defer os.Remove(file.Name()) // gone already when it got its name
	defer file.Close()
	w := &sealedWriter{ctx: ctx, r: r, row: row, to: file, isPicture: strings.HasPrefix(media.Type, "image/")}
	if media.Size, err = r.graph.MediaDownload(ctx, info, w, maxMediaBytes); err != nil {
		return media, err
	}
	if err := w.close(); err != nil {
		return media, err
	}
	if w.isPicture && int64(len(w.picture)) == media.Size {
		if media.Width, media.Height, media.Blur, err = r.blur(w.picture); err != nil {
			return media, err
		}
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return media, fmt.Errorf("keeping a media file: %w", err)
	}
	if err := os.Rename(file.Name(), r.mediaFile(media.ID)); err != nil {
		return media, fmt.Errorf("keeping a media file: %w", err)
	}
	syncFolder(r.mediaDir())
	media.State = inbox.MediaReady
	return media, nil
}

// syncFolder makes names in a folder durable where the system can.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

func (r *Relay) mediaFile(id inbox.MediaID) string {
	return filepath.Join(r.mediaDir(), string(id))
}

// A sealedWriter seals what is written to it in chunks under the contact's key. A chunk is its length (4 bytes, big
// endian) and its sealed bytes; its place and whether it is the last are authenticated, so chunks cannot be cut off,
// moved or exchanged.
type sealedWriter struct {
	ctx       context.Context
	r         *Relay
	row       mediaRow
	to        io.Writer
	n         uint32
	chunk     []byte
	isPicture bool
	picture   []byte // kept in memory for blur, unless it is too large
}

const maxPictureBytes = 16 << 20

func (w *sealedWriter) Write(p []byte) (int, error) {
	if w.isPicture && len(w.picture)+len(p) <= maxPictureBytes {
		w.picture = append(w.picture, p...)
	}
	w.chunk = append(w.chunk, p...)
	for len(w.chunk) > mediaChunk {
		if err := w.flush(w.chunk[:mediaChunk], false); err != nil {
			return 0, err
		}
		w.chunk = append(w.chunk[:0], w.chunk[mediaChunk:]...)
	}
	return len(p), nil
}

func (w *sealedWriter) close() error { return w.flush(w.chunk, true) }

func (w *sealedWriter) flush(chunk []byte, last bool) error {
	sealed, err := w.r.vault.Seal(w.ctx, w.row.Contact, "media", chunkKey(w.row.Media.ID, w.n, last), chunk)
	if err != nil {
		return fmt.Errorf("sealing a media file: %w", err)
	}
	w.n++
	if _, err := w.to.Write(binary.BigEndian.AppendUint32(nil, uint32(len(sealed)))); err != nil {
		return fmt.Errorf("writing a media file: %w", err)
	}
	if _, err := w.to.Write(sealed); err != nil {
		return fmt.Errorf("writing a media file: %w", err)
	}
	return nil
}

func chunkKey(id inbox.MediaID, n uint32, last bool) []byte {
	key := binary.BigEndian.AppendUint32([]byte(id), n)
	if last {
		return append(key, 1)
	}
	return append(key, 0)
}

// blur returns a picture's size and at most 16x16 of its colours (see [inbox.Media]). A picture whose header promises
// more pixels than WhatsApp passes on is not decoded and has no colours. Pictures are decoded one at a time: a small file
// may become a hundred megabytes.
func (r *Relay) blur(file []byte) (w, h int, colours []byte, err error) {
	conf, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || conf.Width <= 0 || conf.Height <= 0 {
		return 0, 0, nil, errMedia
	}
	if conf.Width > maxPixels/conf.Height {
		return conf.Width, conf.Height, nil, nil
	}
	r.decoding.Lock()
	defer r.decoding.Unlock()
	full, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return 0, 0, nil, errMedia
	}
	side := max(conf.Width, conf.Height)
	cols, rows := max(1, conf.Width*blurSide/side), max(1, conf.Height*blurSide/side)
	small := image.NewRGBA(image.Rect(0, 0, cols, rows))
	draw.BiLinear.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
	colours = append(make([]byte, 0, 1+3*cols*rows), byte(cols))
	for i := 0; i < len(small.Pix); i += 4 {
		colours = append(colours, small.Pix[i:i+3]...)
	}
	return conf.Width, conf.Height, colours, nil
}
