package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// This file is about how an attached file lies on the disk: in pieces, sealed one by one under a key of the file's own.

const pieceSize = 64 << 10 // of a file, sealed on its own

// piecesOf is what the pieces of a file are sealed with.
func (s *Store) piecesOf(a *attached) (*seal.Bucket, error) {
	if a.key == nil {
		return s.piece, nil
	}
	sealer, err := fileSealer(a.key, seal.Scope{Store: s.ID(), Schema: schema})
	if err != nil {
		return nil, err
	}
	return sealer.Bucket(nameFile), nil
}

func newFileKey() []byte {
	key := seal.RandomKey()
	defer key.Destroy()
	return key.Bytes()
}

func (s *Store) writeAttached(ctx context.Context, a *attached, r io.Reader) error {
	sealed, err := s.piecesOf(a)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(a.path(s.dir), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	digest := sha256.New()
	piece, padded, out := make([]byte, pieceSize), []byte(nil), []byte(nil)
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
		out = sealed.Seal(out[:0], pieceKey(a.ID, n), padded)
		if _, err := f.Write(out); err != nil {
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

func (s *Store) openPieces(a *attached) (*pieces, error) {
	sealed, err := s.piecesOf(a)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(a.path(s.dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrLost
	} else if err != nil {
		return nil, err
	}
	return &pieces{seal: sealed, file: f, id: a.ID, size: a.Size, have: -1}, nil
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

// ownKeys gives every file without a key of its own one: it is copied, and the old one destroyed.
func (s *Store) ownKeys(ctx context.Context) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	s.mu.RLock()
	list := slices.Collect(maps.Values(s.attached))
	s.mu.RUnlock()
	for _, old := range list {
		if old.key != nil {
			continue
		}
		next := *old
		next.key, next.moved, next.Size = newFileKey(), true, 0
		err := errors.Join(ctx.Err(), shredPath(next.path(s.dir)))
		var from *pieces
		if err == nil {
			from, err = s.openPieces(old)
		}
		if err == nil {
			err = errors.Join(s.writeAttached(ctx, &next, from), from.Close())
		}
		switch {
		case errors.Is(err, ErrLost): // nobody could read it before either
			next.Size, next.Digest = old.Size, old.Digest
		case err != nil:
			return errors.Join(err, shredPath(next.path(s.dir)))
		}
		if err := s.writeRecord(&next); err != nil {
			return err
		}
		s.mu.Lock()
		s.attached[next.ID] = &next
		s.shredLater(old.path(s.dir))
		s.mu.Unlock()
	}
	return nil
}
