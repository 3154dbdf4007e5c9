package relay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
)

// A backup is two folders. One holds the store: the ledger, files, and the key file of contacts, all sealed. The other holds
// the safe that opens the key file, and the relay's own keys. They are kept apart, and the second for less long: package vault
// says what that is worth. The master key and the secrets of the environment are in neither.
//
// The order of the copy is what makes it whole. Webhooks come before the ledger: one that becomes a fact in between is in
// both, and a fact is made once. Files come after the ledger, whose rows name them. Keys come after both, so that nothing
// lacks its key, and the lists of who was erased and wiped last, so that they know whatever the rest does not.

// BackupAdmin is the part of [Admin] that copies the store.
type BackupAdmin interface {
	// Backup writes a copy of all the relay keeps, of one moment, while everything goes on. [TakeBackup] reads it. An error
	// leaves what cannot be taken for a whole copy.
	Backup(ctx context.Context, to io.Writer) error
	// LastBackup is when a backup was begun last, as the audit log says; 0: never, or too long ago to be found quickly.
	LastBackup(ctx context.Context) (inbox.Moment, error)
	// BackupState is how far a running relay's sealed backup is.
	BackupState(ctx context.Context) (BackupState, error)
	// NoteDrill writes into the audit log that a restore was tried.
	NoteDrill(ctx context.Context, d DrillNote) error
	// LastDrill is when a restore was tried last and was well; 0: never, or too long ago to be found quickly.
	LastDrill(ctx context.Context) (inbox.Moment, error)
}

const actBackup audit.Act = "backup.taken"

// The folders of a backup.
const (
	partStore = "store"
	partKeys  = "keys"
)

const (
	halvesSuffix = ".devices" // see package vault
	rollSuffix   = ".erased"
	safeSuffix   = ".safe"
)

// Backup implements [BackupAdmin].
func (r *Relay) Backup(ctx context.Context, to io.Writer) error {
	if err := r.noteAudit(ctx, audit.Entry{Act: actBackup}); err != nil {
		return err
	}
	out := newPacker(to)
	if err := r.packStore(ctx, out); err != nil {
		return err
	}
	if err := r.packMedia(ctx, out); err != nil {
		return err
	}
	if err := r.packKeys(out); err != nil {
		return err
	}
	return out.end()
}

// packStore copies the webhooks, then the ledger.
func (r *Relay) packStore(ctx context.Context, out *packer) error {
	for i, file := range r.storeFiles() {
		err := out.add(path.Join(partStore, file), func(w io.Writer) error {
			_, err := r.files[i].Backup(ctx, w)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// storeFiles are the names of r.files, in that order.
func (r *Relay) storeFiles() [2]string {
	return [2]string{filepath.Base(r.cfg.RawFile()), filepath.Base(r.cfg.LedgerFile())}
}

// LastBackup implements [BackupAdmin].
func (r *Relay) LastBackup(ctx context.Context) (inbox.Moment, error) { return lastBackup(ctx, r.db) }

func lastBackup(ctx context.Context, db ledger.DB) (inbox.Moment, error) {
	return lastOf(ctx, db, actBackup)
}

// lastOf is when an act of the company's log was last recorded.
func lastOf(ctx context.Context, db ledger.DB, act audit.Act) (inbox.Moment, error) {
	page, err := audit.Search(ctx, db, audit.Query{Shard: audit.KeyShard, Act: act, Limit: 1})
	if err != nil || len(page.Found) == 0 {
		return 0, err
	}
	return page.Found[0].At, nil
}

// packMedia copies the files of customers and colleagues, sealed as they are. One that is erased meanwhile is left out.
func (r *Relay) packMedia(ctx context.Context, out *packer) error {
	list, err := os.ReadDir(r.mediaDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copying media: %w", err)
	}
	for _, e := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), halfMedia) {
			continue
		}
		f, err := os.Open(filepath.Join(r.mediaDir(), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("copying media: %w", err)
		}
		err = out.add(path.Join(partStore, "media", e.Name()), func(w io.Writer) error {
			_, err := io.Copy(w, f)
			return err
		})
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// packKeys copies the keys of one moment, then the lists of what was destroyed.
func (r *Relay) packKeys(out *packer) error {
	files, err := r.keyFiles()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := out.addBytes(path.Join(f.part, f.name), f.content); err != nil {
			return err
		}
	}
	return nil
}

type keyFile struct {
	part, name string
	content    []byte
}

// keyFiles returns the keys of one moment, then the lists of what was destroyed.
func (r *Relay) keyFiles() ([]keyFile, error) {
	keys, safe, halves, err := r.vault.BackupKeys()
	if err != nil {
		return nil, err
	}
	name := filepath.Base(r.cfg.KeyFile())
	files := []keyFile{{partStore, name, keys}, {partStore, name + halvesSuffix, halves}, {partKeys, name + safeSuffix, safe}}
	for _, more := range []struct{ part, path string }{
		{partKeys, filepath.Join(r.cfg.Data, "verify.key")},
		{partStore, r.cfg.KeyFile() + rollSuffix}, {partStore, r.cfg.KeyFile() + halvesSuffix + rollSuffix},
	} {
		content, err := readPerhaps(more.path)
		if err != nil {
			return nil, err
		}
		files = append(files, keyFile{more.part, filepath.Base(more.path), content})
	}
	return slices.DeleteFunc(files, func(f keyFile) bool { return f.content == nil }), nil
}

func readPerhaps(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("copying the keys: %w", err)
	}
	return b, nil
}

// A packer writes files one after another. Each is a line with its name, pieces that say how long they are, an empty one, and
// the SHA-256 of all; an empty line is the end.
type packer struct{ w *bufio.Writer }

const packPiece = 256 << 10

func newPacker(to io.Writer) *packer { return &packer{bufio.NewWriterSize(to, packPiece)} }

func (p *packer) add(name string, write func(io.Writer) error) error {
	if _, err := p.w.WriteString(name + "\n"); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(sum, pieces{p.w})); err != nil {
		return fmt.Errorf("copying for the backup: %w", err)
	}
	if _, err := p.w.Write(sum.Sum(make([]byte, 4))); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

func (p *packer) end() error {
	err := p.w.WriteByte('\n')
	if err = errors.Join(err, p.w.Flush()); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

type pieces struct{ w io.Writer }

func (p pieces) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), packPiece)]
		if _, err := p.w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(piece)))); err != nil {
			return n, err
		}
		m, err := p.w.Write(piece)
		if n += m; err != nil {
			return n, err
		}
		b = b[m:]
	}
	return n, nil
}

var errPack = fmt.Errorf("%w: the copy was cut short", ErrNoAnswer)

// unpack reads what a [packer] wrote. sink takes the content of a file, and hears at its end whether it is whole.
func unpack(from io.Reader, sink func(name string, content io.Reader) error) error {
	r := bufio.NewReaderSize(from, packPiece)
	for {
		name, err := r.ReadString('\n')
		if err != nil {
			return errPack
		}
		if name = strings.TrimSuffix(name, "\n"); name == "" {
			return nil
		}
		if !filepath.IsLocal(name) || strings.ContainsRune(name, '\\') {
			return errPack
		}
		file := &packed{r: r, sum: sha256.New()}
		if err := sink(name, file); err != nil {
			return err
		}
		if !file.whole {
			return errPack
		}
	}
}

// packed is the content of one file.
type packed struct {
	r     *bufio.Reader
	sum   hash.Hash
	left  uint32
	whole bool
}

// Read implements [io.Reader]. It ends well only when the file is what was sent.
func (p *packed) Read(b []byte) (int, error) {
	if p.whole {
		return 0, io.EOF
	}
	if p.left == 0 {
		var head [4]byte
		if _, err := io.ReadFull(p.r, head[:]); err != nil {
			return 0, errPack
		}
		if p.left = binary.BigEndian.Uint32(head[:]); p.left > packPiece {
			return 0, errPack
		}
		if p.left == 0 {
			var want [sha256.Size]byte
			if _, err := io.ReadFull(p.r, want[:]); err != nil || !bytes.Equal(want[:], p.sum.Sum(nil)) {
				return 0, errPack
			}
			p.whole = true
			return 0, io.EOF
		}
	}
	n, err := p.r.Read(b[:min(len(b), int(p.left))])
	p.left -= uint32(n)
	p.sum.Write(b[:n])
	if err != nil {
		return n, errPack
	}
	return n, nil
}

// adminBackup serves [BackupAdmin].
func (r *Relay) adminBackup(mux *http.ServeMux) {
	mux.HandleFunc("POST /backup/last", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.LastBackup(q.Context()) })
	})
	mux.HandleFunc("POST /backup/state", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.BackupState(q.Context()) })
	})
	mux.HandleFunc("POST /backup/drill", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(d DrillNote) (any, error) { return struct{}{}, r.NoteDrill(q.Context(), d) })
	})
	mux.HandleFunc("POST /backup/drill/last", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.LastDrill(q.Context()) })
	})
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, q *http.Request) {
		out := stream(w)
		switch err := r.Backup(q.Context(), out); {
		case err == nil:
		case !out.begun:
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		default:
			r.log.Error("a backup was not finished", "error", err)
			panic(http.ErrAbortHandler) // what is half must not be taken for whole
		}
	})
}

// LastBackup implements [BackupAdmin].
func (a *remoteAdmin) LastBackup(ctx context.Context) (at inbox.Moment, err error) {
	return at, a.call(ctx, "backup/last", struct{}{}, &at)
}

// BackupState implements [BackupAdmin].
func (a *remoteAdmin) BackupState(ctx context.Context) (s BackupState, err error) {
	return s, a.call(ctx, "backup/state", struct{}{}, &s)
}

// NoteDrill implements [BackupAdmin].
func (a *remoteAdmin) NoteDrill(ctx context.Context, d DrillNote) error {
	return a.call(ctx, "backup/drill", d, &struct{}{})
}

// LastDrill implements [BackupAdmin].
func (a *remoteAdmin) LastDrill(ctx context.Context) (at inbox.Moment, err error) {
	return at, a.call(ctx, "backup/drill/last", struct{}{}, &at)
}

// Backup implements [BackupAdmin].
func (a *remoteAdmin) Backup(ctx context.Context, to io.Writer) error {
	return a.long(ctx, "backup", struct{}{}, func(from io.Reader) error {
		if _, err := io.Copy(to, from); err != nil {
			return fmt.Errorf("reading the backup: %w", err)
		}
		return nil
	})
}
