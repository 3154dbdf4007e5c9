package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// MaxAttachment is the largest file that can be attached, in bytes: what WhatsApp takes at most, of documents
// (Cloud API, "Supported media types").
const MaxAttachment = 100 << 20

const (
	attachedHere = "attached/" // what the name of a file begins with while only this device has it; no MediaID does
	attachedFile = "file-"
	pieceSize    = 64 << 10 // of a file, sealed on its own
)

// An Attachment is a file that somebody attached to a conversation, kept here until the message that sends it is there.
// ID is its name on this device: an [inbox.SendMedia] or [inbox.SendTemplate] whose Media is ID sends it, and the
// message shown meanwhile has it as the ID of its media.
type Attachment struct {
	ID           inbox.MediaID        `cbor:"1,keyasint"`
	Conversation inbox.ConversationID `cbor:"2,keyasint"`
	Name         string               `cbor:"3,keyasint,omitempty"`
	Type         string               `cbor:"4,keyasint"` // MIME type, as the device believes
	Size         int64                `cbor:"5,keyasint"` // bytes
	Digest       []byte               `cbor:"6,keyasint"` // SHA-256 of the file
	Kind         inbox.MessageKind    `cbor:"7,keyasint"` // what it is sent as; see [Store.SendAs]
	At           inbox.Moment         `cbor:"8,keyasint"` // when it was attached
}

// An attached is an attachment and the intent in the outbox that sends it; "" while there is none.
type attached struct {
	Attachment
	intent inbox.IntentID
}

func (a *attached) path(dir string) string {
	return filepath.Join(dir, attachedFile+strings.TrimPrefix(string(a.ID), attachedHere))
}

func isAttached(id inbox.MediaID) bool { return strings.HasPrefix(string(id), attachedHere) }

// natural is what WhatsApp makes of a file of a type (Cloud API, "Supported media types"); the relay looks inside and
// decides.
func natural(mime string) inbox.MessageKind {
	mime, _, _ = strings.Cut(strings.ToLower(mime), ";")
	switch mime {
	case "image/jpeg", "image/png":
		return inbox.Image
	case "image/webp":
		return inbox.Sticker
	case "video/mp4", "video/3gpp":
		return inbox.Video
	case "audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg":
		return inbox.Audio
	}
	return inbox.Document
}

// Attach keeps a file for a conversation, sealed, until it is detached, or sent and there. When it returns nil the file
// is on the disk. Of the name only the last element is kept. An empty file is refused with [inbox.RefusedEmpty], one
// larger than [MaxAttachment] with [inbox.RefusedLarge]; ErrFull means that there is no room. An error of r is returned
// as it is, and nothing is kept then. A cancelled ctx ends it between two reads.
func (s *Store) Attach(ctx context.Context, conv inbox.ConversationID, name, mime string, r io.Reader) (Attachment, error) {
	if !s.begin() {
		return Attachment{}, fmt.Errorf("attaching a file: %w", ErrClosed)
	}
	defer s.filing.Done()
	if s.erased(conv) {
		return Attachment{}, fmt.Errorf("attaching a file: %w", inbox.RefusedErased)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	id := inbox.MediaID(attachedHere + inbox.NewID[inbox.MediaID]())
	a := &attached{Attachment: Attachment{ID: id, Conversation: conv, Name: lastElement(name), Type: mime, Kind: natural(mime), At: inbox.At(time.Now())}}
	err := s.writeAttached(ctx, a, r)
	if err == nil {
		err = s.keepAttached(ctx, a)
	}
	if err != nil {
		if s.ending.Err() != nil {
			err = ErrClosed
		}
		return Attachment{}, errors.Join(sorted("attaching a file", err), shredPath(a.path(s.dir)))
	}
	return a.Attachment, nil
}

// begin counts the caller among those that use files of their own, for whom Close waits; false after Close.
func (s *Store) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.filing.Add(1)
	return true
}

func lastElement(name string) string { return name[strings.LastIndexAny(name, `/\`)+1:] }

func (s *Store) writeAttached(ctx context.Context, a *attached, r io.Reader) error {
	f, err := os.OpenFile(a.path(s.dir), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	digest := sha256.New()
	piece, padded, sealed := make([]byte, pieceSize), []byte(nil), []byte(nil)
	for n, end := uint64(0), false; !end; n++ {
		size, err := readPiece(ctx, r, piece)
		switch {
		case err == io.EOF:
			end = true
		case err != nil:
			return err
		}
		if size == 0 {
			break
		}
		if a.Size += int64(size); a.Size > MaxAttachment {
			return inbox.RefusedLarge
		}
		digest.Write(piece[:size])
		padded = seal.Pad(padded[:0], piece[:size])
		sealed = s.piece.Seal(sealed[:0], pieceKey(a.ID, n), padded)
		if _, err := f.Write(sealed); err != nil {
			return err
		}
	}
	if a.Size == 0 {
		return inbox.RefusedEmpty
	}
	a.Digest = digest.Sum(nil)
	if err := f.Sync(); err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(s.dir))
}

// readPiece fills the piece; io.EOF means that the piece is the last one, and may be shorter or empty.
func readPiece(ctx context.Context, r io.Reader, piece []byte) (n int, err error) {
	for idle := 0; n < len(piece) && err == nil; {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		var more int
		more, err = r.Read(piece[n:])
		if n += more; more > 0 {
			idle = 0
		} else if idle++; err == nil && idle == 100 {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

func pieceKey(id inbox.MediaID, n uint64) []byte { return append([]byte(id), be64(n)...) }

func (s *Store) keepAttached(ctx context.Context, a *attached) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.erased(a.Conversation) { // while it was written
		return inbox.RefusedErased
	}
	if err := s.writeRecord(a.Attachment); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached[a.ID] = a
	s.poke()
	return nil
}

func (s *Store) writeRecord(a Attachment) error {
	b, err := encMode.Marshal(a)
	if err != nil {
		return fmt.Errorf("encoding an attachment: %w", err)
	}
	return s.update("keeping an attachment", s.outbox, func(tx *bbolt.Tx) error {
		return s.file.put(tx, rowName(s.file, a.ID), b)
	})
}

// Attachments returns what is attached to a conversation and not sent, the first attached first: what a composer shows
// again after a restart.
func (s *Store) Attachments(conv inbox.ConversationID) []Attachment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Attachment
	for _, a := range s.attached {
		if a.Conversation == conv && a.intent == "" {
			out = append(out, a.Attachment)
		}
	}
	slices.SortFunc(out, func(a, b Attachment) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	return out
}

// SendAs says what an attachment is to be sent as: [inbox.Document] for a picture or film that must not be compressed,
// [inbox.Voice] for a recording, or again what its type says. Anything else, and an attachment that was sent, is refused
// with [inbox.RefusedMalformed] or [inbox.RefusedState].
func (s *Store) SendAs(ctx context.Context, id inbox.MediaID, kind inbox.MessageKind) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	a := s.attachment(id)
	switch {
	case a == nil:
		return fmt.Errorf("looking for an attachment: %w", ErrUnknown)
	case a.intent != "":
		return inbox.RefusedState
	case kind != inbox.Document && kind != natural(a.Type) && !(kind == inbox.Voice && natural(a.Type) == inbox.Audio):
		return inbox.RefusedMalformed
	}
	next := *a
	next.Kind = kind
	if err := s.writeRecord(next.Attachment); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached[id] = &next
	s.poke()
	return nil
}

func (s *Store) attachment(id inbox.MediaID) *attached {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.attached[id]
}

// Detach takes an attachment away for good. One that was sent it leaves alone: that is [Store.Dismiss]'s.
func (s *Store) Detach(ctx context.Context, id inbox.MediaID) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	a := s.attachment(id)
	if a == nil || a.intent != "" {
		return nil
	}
	if err := s.update("detaching a file", s.outbox, func(tx *bbolt.Tx) error {
		return tx.Bucket(s.file.name).Delete(rowName(s.file, id))
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attached, id)
	s.poke()
	s.shredLater(a.path(s.dir))
	return nil
}

// shredLater destroys files behind the caller's back: a large one takes a while. What a dying program leaves, the next
// start finds without a record and destroys. It needs mu.
func (s *Store) shredLater(paths ...string) {
	if s.closed || len(paths) == 0 {
		return
	}
	s.filing.Add(1)
	go func() {
		defer s.filing.Done()
		for _, path := range paths {
			if err := shredPath(path); err != nil {
				s.log.Warn("an attached file stays on the disk for now", "error", err)
			}
		}
	}()
}

// sweep destroys the files nobody refers to: of attachments that were never kept, or are gone.
func (s *Store) sweep() error {
	found, err := attachedFiles(s.dir)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[string]bool{}
	for _, a := range s.attached {
		known[a.path(s.dir)] = true
	}
	s.shredLater(slices.DeleteFunc(found, func(path string) bool { return known[path] })...)
	return nil
}

// attachedFiles returns the paths of all attached files in a folder.
func attachedFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), attachedFile) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, err
}

// OpenAttachment opens a file that was attached and is not settled, from its start. ErrUnknown means that there is none
// of that name, ErrLost, also from Read, that it is not what was attached. The reader is for one goroutine; close it.
func (s *Store) OpenAttachment(id inbox.MediaID) (io.ReadSeekCloser, Attachment, error) {
	a := s.attachment(id)
	if a == nil {
		return nil, Attachment{}, fmt.Errorf("opening an attachment: %w", ErrUnknown)
	}
	f, err := os.Open(a.path(s.dir))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, Attachment{}, fmt.Errorf("opening an attachment: %w", ErrLost)
	case err != nil:
		return nil, Attachment{}, fmt.Errorf("opening an attachment: %w", err)
	}
	return &pieces{seal: s.piece, file: f, id: id, size: a.Size, have: -1}, a.Attachment, nil
}

// pieces reads an attached file, one sealed piece at a time.
type pieces struct {
	seal   *seal.Bucket
	file   *os.File
	id     inbox.MediaID
	size   int64
	at     int64
	have   int64 // the piece that is in plain; -1: none
	sealed []byte
	padded []byte
	plain  []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.at >= p.size {
		return 0, io.EOF
	}
	if len(b) == 0 {
		return 0, nil
	}
	if n := p.at / pieceSize; n != p.have {
		if err := p.load(n); err != nil {
			return 0, fmt.Errorf("reading an attachment: %w", err)
		}
	}
	n := copy(b, p.plain[p.at%pieceSize:])
	p.at += int64(n)
	return n, nil
}

// load opens piece n.
func (p *pieces) load(n int64) error {
	full := int64(pieceSize + seal.Block + p.seal.Overhead())
	size := min(pieceSize, p.size-n*pieceSize)
	length := (size/seal.Block+1)*seal.Block + int64(p.seal.Overhead())
	p.sealed = slices.Grow(p.sealed[:0], int(full))[:length]
	p.have = -1
	if _, err := p.file.ReadAt(p.sealed, n*full); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrLost // cut short
	} else if err != nil {
		return err
	}
	var err error
	if p.padded, err = p.seal.Open(p.padded[:0], pieceKey(p.id, uint64(n)), p.sealed); err == nil {
		p.plain, err = seal.Unpad(p.padded)
	}
	if err != nil || int64(len(p.plain)) != size {
		return ErrLost
	}
	p.have = n
	return nil
}

func (p *pieces) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seeking in an attachment: out of range")
	}
	p.at = offset
	return offset, nil
}

func (p *pieces) Close() error {
	clear(p.plain)
	return p.file.Close()
}

// What the engine needs to hand a file over before the message that sends it. Intents are looked at by what they say and
// not by their id, so that an answer never depends on when it is asked for.

// Offer returns the file that must be handed to the relay before the intent, as Pending gave it, can be sent; false when
// it can be sent as it is. An offer without a digest means that the file is gone and the message can never be sent.
func (s *Store) Offer(i inbox.Intent) (inbox.OfferMedia, bool) {
	id := fileOf(i.Body)
	if !isAttached(id) {
		return inbox.OfferMedia{}, false
	}
	a := s.attachment(id)
	if a == nil {
		return inbox.OfferMedia{Conversation: i.Body.On()}, true
	}
	return inbox.OfferMedia{Conversation: a.Conversation, Name: a.Name, Type: a.Type, Size: a.Size, Digest: bytes.Clone(a.Digest),
		Voice: a.Kind == inbox.Voice, Document: a.Kind == inbox.Document}, true
}

// OpenOffer opens the file that Offer speaks of. Errors as of OpenAttachment.
func (s *Store) OpenOffer(i inbox.Intent) (io.ReadSeekCloser, error) {
	f, _, err := s.OpenAttachment(fileOf(i.Body))
	return f, err
}

// Offered takes in the name by which the relay has the file of an intent. From then on Pending gives the intent with it.
// An intent that was dismissed or settled meanwhile is left as it is.
func (s *Store) Offered(ctx context.Context, id inbox.IntentID, media inbox.MediaID) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	it := s.byID[id]
	s.mu.RUnlock()
	if it == nil || it.state != itemPending || !it.waitsForFile() {
		return nil
	}
	if media == "" || isAttached(media) {
		return errors.New("noting that the relay has a file: no name")
	}
	next := *it
	next.media = media
	b, err := encodeItem(&next)
	if err != nil {
		return err
	}
	if err := s.update("noting that the relay has a file", s.outbox, func(tx *bbolt.Tx) error {
		return s.post.put(tx, rowName(s.post, id), b)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[id] == it {
		s.swap(it, &next)
		s.poke()
	}
	return nil
}
