package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/media"
	"sealdesk/sync/relay/internal/vault"
)

// A file is kept in chunks, each sealed under the contact's key. On disk a chunk is its length (4 bytes, big endian) and
// its sealed bytes. What the file is for, its place and whether it is the last are authenticated, so chunks cannot be cut
// off, moved or exchanged. All chunks but the last hold the same number of bytes, so any place of a file is found by
// arithmetic.
const (
	mediaChunk    = 256 << 10
	maxChunk      = 1 << 20 // of files of earlier versions
	chunkHead     = 4
	maxSealedHead = 1 << 10 // more than sealing ever adds

	sealedMedia  = "media"  // a file that devices may see
	sealedFetch  = "fetch"  // what WhatsApp sent, before it was judged
	sealedUpload = "upload" // what a device has handed over so far
)

// errDamaged is returned for a file that is not what this relay wrote.
var errDamaged = errors.New("media file is damaged")

// A fileKey says whose file it is and what it is for.
type fileKey struct {
	contact inbox.ContactID
	use     string
	id      inbox.MediaID
}

func (k fileKey) chunk(n uint32, last bool) []byte {
	key := binary.BigEndian.AppendUint32([]byte(k.id), n)
	if last {
		return append(key, 1)
	}
	return append(key, 0)
}

// seal returns a chunk as it lies on disk.
func (k fileKey) seal(ctx context.Context, v *vault.Vault, n uint32, last bool, plain []byte) ([]byte, error) {
	sealed, err := v.Seal(ctx, k.contact, k.use, k.chunk(n, last), plain)
	if err != nil {
		return nil, fmt.Errorf("sealing a media file: %w", err)
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, chunkHead+len(sealed)), uint32(len(sealed))), sealed...), nil
}

// A sealedWriter seals what is written to it. close it at the end.
type sealedWriter struct {
	ctx   context.Context
	vault *vault.Vault
	key   fileKey
	to    *os.File
	n     uint32
	chunk []byte
}

func (w *sealedWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if len(w.chunk) == mediaChunk { // there is more, so this one is not the last
			if err := w.flush(false); err != nil {
				return 0, err
			}
		}
		n := min(len(rest), mediaChunk-len(w.chunk))
		w.chunk, rest = append(w.chunk, rest[:n]...), rest[n:]
	}
	return len(p), nil
}

func (w *sealedWriter) close() error { return w.flush(true) }

// restart begins again with an empty file.
func (w *sealedWriter) restart() error {
	w.n, w.chunk = 0, w.chunk[:0]
	_, err := w.to.Seek(0, io.SeekStart)
	if err = errors.Join(err, w.to.Truncate(0)); err != nil {
		return fmt.Errorf("writing a media file: %w", err)
	}
	return nil
}

func (w *sealedWriter) flush(last bool) error {
	sealed, err := w.key.seal(w.ctx, w.vault, w.n, last, w.chunk)
	if err != nil {
		return err
	}
	w.n++
	w.chunk = w.chunk[:0]
	if _, err := w.to.Write(sealed); err != nil {
		return fmt.Errorf("writing a media file: %w", err)
	}
	return nil
}

// A sealedFile reads a file that a sealedWriter or a part wrote, from any place on. It holds two chunks in memory. It is
// safe for concurrent use.
type sealedFile struct {
	ctx    context.Context
	vault  *vault.Vault
	key    fileKey
	file   *os.File
	part   bool  // no chunk is marked as the last
	each   int64 // bytes of a chunk that is not the last
	extra  int64 // what sealing and its head add to a chunk
	chunks int64
	size   int64

	mu   sync.Mutex
	held [2]heldChunk // the one used last stands first
}

type heldChunk struct {
	n     int64
	plain []byte
}

// openSealed opens a file and proves that its end is its end. A part may lack a last chunk that a crash cut short; what
// comes before it counts.
func openSealed(ctx context.Context, v *vault.Vault, key fileKey, file *os.File, part bool) (*sealedFile, error) {
	f := &sealedFile{ctx: ctx, vault: v, key: key, file: file, part: part}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening a media file: %w", err)
	}
	length := info.Size()
	damaged := func() (*sealedFile, error) {
		if part {
			f.chunks, f.size = 0, 0
			return f, nil
		}
		return nil, errDamaged
	}
	var head [chunkHead]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return damaged()
	}
	first := int64(binary.BigEndian.Uint32(head[:])) + chunkHead
	if first > length || first > maxChunk+maxSealedHead {
		return damaged()
	}
	f.chunks = (length + first - 1) / first
	plain, err := f.open(0, first, f.chunks == 1)
	if errors.Is(err, errDamaged) {
		return damaged()
	}
	if err != nil {
		return nil, err
	}
	f.each, f.extra = int64(len(plain)), first-int64(len(plain))
	f.held[0] = heldChunk{n: 0, plain: plain}
	for f.chunks > 1 {
		rest := length - (f.chunks-1)*first
		plain, err := f.open(f.chunks-1, rest, true)
		if err == nil {
			f.size = (f.chunks-1)*f.each + int64(len(plain))
			f.held[1] = heldChunk{n: f.chunks - 1, plain: plain}
			return f, nil
		}
		if !part || !errors.Is(err, errDamaged) {
			return nil, err
		}
		length = (f.chunks - 1) * first
		f.chunks--
	}
	f.size = f.each
	return f, nil
}

// open returns the chunk n, which lies in so many bytes.
func (f *sealedFile) open(n, length int64, last bool) ([]byte, error) {
	if length <= chunkHead || length > maxChunk+maxSealedHead {
		return nil, errDamaged
	}
	at := int64(0)
	if n > 0 {
		at = n * (f.each + f.extra)
	}
	row := make([]byte, length)
	if _, err := f.file.ReadAt(row, at); errors.Is(err, io.EOF) {
		return nil, errDamaged
	} else if err != nil {
		return nil, fmt.Errorf("reading a media file: %w", err)
	}
	if int64(binary.BigEndian.Uint32(row)) != length-chunkHead {
		return nil, errDamaged
	}
	plain, err := f.vault.Open(f.ctx, f.key.contact, f.key.use, f.key.chunk(uint32(n), last && !f.part), row[chunkHead:])
	if errors.Is(err, vault.ErrSealed) {
		return nil, errDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("opening a media file: %w", err)
	}
	return plain, nil
}

// get returns the chunk n. What it returns is not changed any more.
func (f *sealedFile) get(n int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, h := range f.held {
		if h.n == n && h.plain != nil {
			if i > 0 {
				f.held[0], f.held[i] = f.held[i], f.held[0]
			}
			return h.plain, nil
		}
	}
	last := n == f.chunks-1
	length := f.each + f.extra
	if last {
		length = f.size - n*f.each + f.extra
	}
	plain, err := f.open(n, length, last)
	if err != nil {
		return nil, err
	}
	f.held[0], f.held[1] = heldChunk{n: n, plain: plain}, f.held[0]
	return plain, nil
}

// ReadAt implements [io.ReaderAt] on the plain bytes.
func (f *sealedFile) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errDamaged
	}
	for n < len(p) {
		if off >= f.size {
			return n, io.EOF
		}
		plain, err := f.get(off / f.each)
		if err != nil {
			return n, err
		}
		got := copy(p[n:], plain[off%f.each:])
		n, off = n+got, off+int64(got)
	}
	return n, nil
}

func (f *sealedFile) Close() error { return f.file.Close() }

func (r *Relay) mediaDir() string { return filepath.Join(r.cfg.Data, "media") }

func (r *Relay) mediaFile(id inbox.MediaID) string { return filepath.Join(r.mediaDir(), string(id)) }

const halfMedia = "fetch-" // begins the name of a file that is being made

// forgetHalfMedia removes what a relay that died left half made.
func (r *Relay) forgetHalfMedia() {
	files, _ := filepath.Glob(filepath.Join(r.mediaDir(), halfMedia+"*"))
	for _, file := range files {
		os.Remove(file)
	}
}

// halfFile makes a file that is gone after the next start unless it gets a name.
func (r *Relay) halfFile() (*os.File, error) {
	if err := os.MkdirAll(r.mediaDir(), 0o700); err != nil {
		return nil, fmt.Errorf("making the media folder: %w", err)
	}
	file, err := os.CreateTemp(r.mediaDir(), halfMedia+"*")
	if err != nil {
		return nil, fmt.Errorf("making a media file: %w", err)
	}
	return file, nil
}

// discard removes a half file. It is gone already when it got its name.
func discard(file *os.File) {
	file.Close()
	os.Remove(file.Name())
}

// openMedia opens a file that devices may see.
func (r *Relay) openMedia(ctx context.Context, contact inbox.ContactID, id inbox.MediaID) (*sealedFile, error) {
	file, err := os.Open(r.mediaFile(id))
	if err != nil {
		return nil, fmt.Errorf("opening a media file: %w", err)
	}
	f, err := openSealed(ctx, r.vault, fileKey{contact, sealedMedia, id}, file, false)
	if err != nil {
		file.Close()
	}
	return f, err
}

// keepClean judges and cleans a file and keeps it, sealed, in its place. Errors of the media package are about the file;
// all others are trouble of ours, and it may be done again.
func (r *Relay) keepClean(ctx context.Context, contact inbox.ContactID, id inbox.MediaID, src *sealedFile, d media.Declared) (media.Report, error) {
	select { // it takes a whole core; messages go first
	case r.cleaning <- struct{}{}:
		defer func() { <-r.cleaning }()
	case <-ctx.Done():
		return media.Report{}, ctx.Err()
	}
	file, err := r.halfFile()
	if err != nil {
		return media.Report{}, err
	}
	defer discard(file)
	w := &sealedWriter{ctx: ctx, vault: r.vault, key: fileKey{contact, sealedMedia, id}, to: file}
	rep, err := media.Clean(ctx, w, src, src.size, d)
	if err == nil {
		err = w.close()
	}
	if err != nil {
		return media.Report{}, err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return media.Report{}, fmt.Errorf("keeping a media file: %w", err)
	}
	if err := os.Rename(file.Name(), r.mediaFile(id)); err != nil {
		return media.Report{}, fmt.Errorf("keeping a media file: %w", err)
	}
	syncFolder(r.mediaDir())
	return rep, nil
}

// describe fills in what is known of a file that passed.
func describe(m *inbox.Media, rep media.Report) {
	m.State, m.Type, m.Size, m.Blur = inbox.MediaReady, rep.MIME, rep.Size, rep.Blur
	m.Width, m.Height, m.Length = rep.Width, rep.Height, rep.Duration.Milliseconds()
	m.Dangerous = rep.Danger != ""
}

// fileKinds are the words of the media room for the kinds of messages that have a file.
var fileKinds = map[inbox.MessageKind]media.Kind{
	inbox.Image: media.Image, inbox.Video: media.Video, inbox.Audio: media.Audio, inbox.Voice: media.Voice,
	inbox.Document: media.Document, inbox.Sticker: media.Sticker,
}

// syncFolder makes names in a folder durable where the system can.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
