package store

import (
	"bytes"
	"cmp"
	"context"
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
)

// MaxAttachment is the largest file that can be attached, in bytes: what WhatsApp takes at most, of documents
// (Cloud API, "Supported media types").
const MaxAttachment = 100 << 20

const (
	attachedHere = "attached/" // what the name of a file begins with while only this device has it; no MediaID does
	attachedFile = "file-"
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
	key    []byte // the file's own; nil for one that was attached before files had keys
	moved  bool   // it was given a key, and another name, later
}

// attachedRow is an attachment as bytes. The key lies here and not with the file, so that the file need not be written anew
// when the store is turned to other halves.
type attachedRow struct {
	Attachment
	Key   []byte `cbor:"9,keyasint,omitempty"`
	Moved bool   `cbor:"10,keyasint,omitempty"`
}

func (a *attached) path(dir string) string {
	name := attachedFile + strings.TrimPrefix(string(a.ID), attachedHere)
	if a.moved {
		name += "-2"
	}
	return filepath.Join(dir, name)
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
	a := &attached{Attachment: Attachment{ID: id, Conversation: conv, Name: lastElement(name), Type: mime, Kind: natural(mime), At: inbox.At(time.Now())}, key: newFileKey()}
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

func (s *Store) keepAttached(ctx context.Context, a *attached) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.erased(a.Conversation) { // while it was written
		return inbox.RefusedErased
	}
	if err := s.writeRecord(a); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached[a.ID] = a
	s.poke()
	return nil
}

func (s *Store) writeRecord(a *attached) error {
	b, err := encMode.Marshal(attachedRow{Attachment: a.Attachment, Key: a.key, Moved: a.moved})
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
	if err := s.writeRecord(&next); err != nil {
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
	f, err := s.openPieces(a)
	if err != nil {
		return nil, Attachment{}, fmt.Errorf("opening an attachment: %w", err)
	}
	return f, a.Attachment, nil
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
