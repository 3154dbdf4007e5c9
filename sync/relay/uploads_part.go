package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
)

func (row uploadRow) part() fileKey { return fileKey{row.Contact, sealedUpload, row.Media.ID} }

// A part is a file that is being handed over. Its chunks are sealed as they fill; the last one, which may be short, is
// sealed when the connection ends, and again, fuller, in the same place.
type part struct {
	ctx   context.Context
	r     *Relay
	key   fileKey
	file  *os.File
	n     uint32 // full chunks on disk
	chunk []byte // what follows them
	fresh bool   // chunk is not on disk as it is
}

// openPart opens what there is of an upload.
func (r *Relay) openPart(ctx context.Context, row uploadRow) (*part, error) {
	if err := os.MkdirAll(r.mediaDir(), 0o700); err != nil {
		return nil, fmt.Errorf("making the media folder: %w", err)
	}
	file, err := os.OpenFile(r.partFile(row.Media.ID), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a handed over file: %w", err)
	}
	p := &part{ctx: ctx, r: r, key: row.part(), file: file}
	have, err := openSealed(ctx, r.vault, p.key, file, true)
	if err == nil && have.size > 0 && have.size <= row.Size && (have.chunks == 1 && have.each <= mediaChunk || have.each == mediaChunk) {
		last, err := have.get(have.chunks - 1)
		if err != nil {
			file.Close()
			return nil, err
		}
		if p.n = uint32(have.chunks); len(last) < mediaChunk {
			p.n--
			p.chunk = append(make([]byte, 0, mediaChunk), last...)
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

func (p *part) offset() int64 { return int64(p.n)*mediaChunk + int64(len(p.chunk)) }

func (p *part) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), mediaChunk-len(p.chunk))
		p.chunk, rest, p.fresh = append(p.chunk, rest[:n]...), rest[n:], true
		if len(p.chunk) == mediaChunk {
			if err := p.flush(); err != nil {
				return 0, err
			}
			p.n++
			p.chunk = p.chunk[:0]
		}
	}
	return len(b), nil
}

// flush seals the last chunk. If there is no room for it, the file ends before it.
func (p *part) flush() error {
	if !p.fresh {
		return nil
	}
	sealed, err := p.key.seal(p.ctx, p.r.vault, p.n, false, p.chunk)
	if err != nil {
		return err
	}
	// Sealing adds the same to every chunk, so a full one tells where the next begins.
	at := int64(p.n) * (int64(len(sealed)-len(p.chunk)) + mediaChunk)
	if _, err := p.file.WriteAt(sealed, at); err != nil {
		p.chunk = p.chunk[:0]
		return errors.Join(fmt.Errorf("writing a handed over file: %w", err), p.file.Truncate(at))
	}
	p.fresh = false
	return nil
}

// close writes down what came and makes it durable.
func (p *part) close() error {
	changed := p.fresh || p.n > 0
	err := p.flush()
	if changed && err == nil {
		err = p.file.Sync()
	}
	if err = errors.Join(err, p.file.Close()); err != nil {
		return fmt.Errorf("keeping a handed over file: %w", err)
	}
	return nil
}
