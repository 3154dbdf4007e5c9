package relay

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// A BackupManifest lies in each of the two folders of a backup. It shows damage, not forgery: whoever writes to the folder can
// write another one. What is in the files is sealed, and shows forgery by itself.
type BackupManifest struct {
	Format  int          `json:"format"`
	Backup  string       `json:"backup"` // the same in both folders
	Part    string       `json:"part"`   // store or keys
	Made    time.Time    `json:"made"`
	Version string       `json:"version"`
	Files   []BackupFile `json:"files"`
}

// A BackupFile is one file of a backup. Its name has slashes and is below the manifest's folder.
type BackupFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Bytes is the size of all files.
func (m BackupManifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

const (
	backupFormat = 1
	manifestName = "manifest.json"
	configFolder = "config" // of the store's part
	manifestMost = 1 << 30
)

// Errors of backups.
var (
	// ErrBackup means that a folder holds no backup, or one that is not what was written. The wrapped text says what.
	ErrBackup = errors.New("the backup cannot be used")
	// ErrBackupThere means that there is something where a backup, or what is restored, shall be written.
	ErrBackupThere = errors.New("there is something there already")
)

// TakeBackup copies everything a relay keeps into a folder, which must not exist or be empty: its store through a, its
// configuration, named by config, as this process can read it. The configuration's secrets and the master key are not
// copied. progress may be nil; it hears of files as they grow. An error leaves no folder that could be taken for a backup.
func TakeBackup(ctx context.Context, a Admin, cfg Config, config, dir, version string, progress func(file string, bytes int64)) ([]BackupManifest, error) {
	b := &backupWriter{dir: dir, progress: progress, files: map[string][]BackupFile{}}
	return intoFolder(dir, func() ([]BackupManifest, error) { return b.take(ctx, a, cfg, config, version) })
}

// TakeSealedBackup is [TakeBackup] for a place others can read: what it writes opens only with the secret half of one of the
// recipients. Its manifests say no more than how large the two folders are.
func TakeSealedBackup(ctx context.Context, a Admin, cfg Config, dir, version string, to []age.Recipient, progress func(file string, bytes int64)) ([]BackupManifest, error) {
	return intoFolder(dir, func() ([]BackupManifest, error) { return takeSealed(ctx, a, cfg, dir, version, to, progress) })
}

// intoFolder lets a backup be made in a folder that is new or empty, and leaves none that could be taken for one when it fails.
func intoFolder(dir string, take func() ([]BackupManifest, error)) ([]BackupManifest, error) {
	made, err := emptyFolder(dir)
	if err != nil {
		return nil, err
	}
	parts, err := take()
	if err == nil {
		return parts, nil
	}
	for _, part := range []string{partStore, partKeys} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, part)))
	}
	if made {
		os.Remove(dir)
	}
	return nil, withRoom(err)
}

// takeThrough hands each file of a backup to sink.
func takeThrough(ctx context.Context, a Admin, sink func(name string, content io.Reader) error) error {
	from, to := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := a.Backup(ctx, to)
		to.CloseWithError(err)
		copied <- err
	}()
	err := unpack(from, sink)
	from.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	if e := <-copied; e != nil && !errors.Is(e, io.ErrClosedPipe) {
		err = e // what the other end says is the cause
	}
	return err
}

// emptyFolder makes a folder unless it is there and empty.
func emptyFolder(dir string) (made bool, err error) {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return false, fmt.Errorf("making the folder: %w", err)
		}
		return true, nil
	case err != nil:
		return false, fmt.Errorf("looking into the folder: %w", err)
	case len(list) > 0:
		return false, fmt.Errorf("%w: %s", ErrBackupThere, dir)
	}
	return false, nil
}

type backupWriter struct {
	dir      string
	progress func(string, int64)
	files    map[string][]BackupFile // by part
}

func (b *backupWriter) take(ctx context.Context, a Admin, cfg Config, config, version string) ([]BackupManifest, error) {
	for _, part := range []string{partStore, partKeys} {
		if err := os.Mkdir(filepath.Join(b.dir, part), 0o700); err != nil {
			return nil, fmt.Errorf("making the folder: %w", err)
		}
	}
	if err := takeThrough(ctx, a, b.write); err != nil {
		return nil, err
	}
	for _, f := range []struct{ part, path string }{
		{path.Join(partStore, configFolder), config}, {path.Join(partStore, configFolder), cfg.TLS.Certificate},
		{path.Join(partStore, configFolder), cfg.WhatsApp.Rates}, {partKeys, cfg.TLS.Key},
	} {
		if f.path == "" {
			continue
		}
		in, err := os.Open(f.path)
		if err != nil {
			return nil, fmt.Errorf("copying the configuration: %w", err)
		}
		err = b.write(path.Join(f.part, filepath.Base(f.path)), in)
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, err
		}
	}
	id := make([]byte, 8)
	rand.Read(id)
	var all []BackupManifest
	for _, part := range []string{partStore, partKeys} {
		m := BackupManifest{Format: backupFormat, Backup: hex.EncodeToString(id), Part: part, Made: time.Now().UTC().Truncate(time.Second), Version: version, Files: b.files[part]}
		if err := m.write(filepath.Join(b.dir, part)); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	syncFolder(b.dir)
	return all, nil
}

// write makes one file of the backup, durably.
func (b *backupWriter) write(name string, content io.Reader) error {
	part, rest, _ := strings.Cut(name, "/")
	if part != partStore && part != partKeys || rest == "" || rest == manifestName {
		return errPack
	}
	f, err := writeSummed(filepath.Join(b.dir, filepath.FromSlash(name)), content, func(n int64) {
		if b.progress != nil {
			b.progress(name, n)
		}
	})
	if err != nil {
		return err
	}
	f.Name = rest
	b.files[part] = append(b.files[part], f)
	return nil
}

// writeSummed writes a file that must not be there, durably, and returns its size and sum.
func writeSummed(file string, content io.Reader, progress func(int64)) (f BackupFile, err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return f, fmt.Errorf("making a folder: %w", err)
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return f, fmt.Errorf("writing a copy: %w", err)
	}
	sum := sha256.New()
	f.Size, err = io.Copy(io.MultiWriter(out, sum, counter{progress, new(int64)}), content)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return f, fmt.Errorf("writing a copy: %w", err)
	}
	syncFolder(filepath.Dir(file))
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f, nil
}

type counter struct {
	progress func(int64)
	n        *int64
}

func (c counter) Write(b []byte) (int, error) {
	*c.n += int64(len(b))
	if c.progress != nil {
		c.progress(*c.n)
	}
	return len(b), nil
}

func (m BackupManifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, manifestName), string(text)+"\n", 0o600); err != nil {
		return err
	}
	syncFolder(dir)
	return nil
}

// readManifest reads the manifest of a folder: [fs.ErrNotExist] if it has none, [ErrBackup] if it is none that can be used.
func readManifest(dir string) (m BackupManifest, err error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return m, err
	}
	defer f.Close()
	bad := fmt.Errorf("%w: %s is damaged", ErrBackup, filepath.Join(dir, manifestName))
	if json.NewDecoder(io.LimitReader(f, manifestMost)).Decode(&m) != nil || m.Part != partStore && m.Part != partKeys {
		return m, bad
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("%w: it is of another version of Sealdesk (%s)", ErrBackup, m.Version)
	}
	for _, file := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(file.Name)) || strings.ContainsRune(file.Name, '\\') {
			return m, bad
		}
	}
	return m, nil
}

// A BackupReport is what verifying a backup found.
type BackupReport struct {
	Parts  []BackupManifest `json:"parts"`
	Faults []string         `json:"faults"`
	Opened bool             `json:"opened"` // every row was opened with the master key
}

// CheckBackup reads every file of a backup, or of one of its folders, and holds it against the manifest. With both folders and
// the master key of cfg it also opens every row; cfg may be nil. It changes nothing. Errors: [ErrBackup] for a folder that is
// no backup at all; the file system's.
func CheckBackup(ctx context.Context, dir string, cfg *Config) (BackupReport, error) {
	r := BackupReport{Faults: []string{}}
	folders := map[string]string{}
	for _, folder := range []string{dir, filepath.Join(dir, partStore), filepath.Join(dir, partKeys)} {
		m, err := readManifest(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return r, err
		}
		if folders[m.Part] != "" {
			continue
		}
		folders[m.Part] = folder
		r.Parts = append(r.Parts, m)
		faults, err := m.check(ctx, folder)
		if err != nil {
			return r, err
		}
		r.Faults = append(r.Faults, faults...)
	}
	switch len(r.Parts) {
	case 0:
		for _, at := range []string{"", partStore} {
			if sealed, _ := filepath.Glob(filepath.Join(dir, at, "*"+sealedSuffix)); len(sealed) > 0 {
				return r, fmt.Errorf("%w: %s holds one that is sealed; `backup drill` tries it, with the identity that opens it", ErrBackup, dir)
			}
		}
		return r, fmt.Errorf("%w: %s holds none that was finished", ErrBackup, dir)
	case 1:
		return r, nil
	}
	if r.Parts[0].Backup != r.Parts[1].Backup {
		r.Faults = append(r.Faults, "store and keys are of two backups: they do not open each other")
	}
	if cfg == nil || len(r.Faults) > 0 {
		return r, nil
	}
	master, err := cfg.master()
	if err != nil {
		return r, nil // it is kept elsewhere, as it should
	}
	key, err := vault.LedgerKey(master, filepath.Join(folders[partKeys], filepath.Base(cfg.KeyFile())))
	if err != nil {
		r.Faults = append(r.Faults, "the master key of this relay does not open it")
		return r, nil
	}
	for _, name := range []string{cfg.LedgerFile(), cfg.RawFile()} {
		if err := ledger.Check(ctx, filepath.Join(folders[partStore], filepath.Base(name)), ledger.Config{Key: key}); err != nil {
			r.Faults = append(r.Faults, fmt.Sprintf("%s: %v", filepath.Base(name), err))
		}
	}
	r.Opened = len(r.Faults) == 0
	return r, nil
}

// check reads the files of one folder.
func (m BackupManifest) check(ctx context.Context, dir string) (faults []string, err error) {
	known := map[string]bool{manifestName: true}
	for _, want := range m.Files {
		known[want.Name] = true
		got, err := sumOf(ctx, filepath.Join(dir, filepath.FromSlash(want.Name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			faults = append(faults, fmt.Sprintf("%s/%s is missing", m.Part, want.Name))
		case err != nil:
			return nil, fmt.Errorf("reading the backup: %w", err)
		case got.Size != want.Size || got.SHA256 != want.SHA256:
			faults = append(faults, fmt.Sprintf("%s/%s is not what was written", m.Part, want.Name))
		}
	}
	err = filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if name = filepath.ToSlash(name); err == nil && !known[name] {
			faults = append(faults, fmt.Sprintf("%s/%s does not belong to it", m.Part, name))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
	return faults, nil
}

func sumOf(ctx context.Context, file string) (f BackupFile, err error) {
	in, err := os.Open(file)
	if err != nil {
		return f, err
	}
	defer in.Close()
	sum := sha256.New()
	if f.Size, err = io.Copy(heeding{ctx, sum}, in); err != nil {
		return f, err
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f, nil
}

// heeding is a writer that gives up when ctx ends.
type heeding struct {
	ctx context.Context
	w   io.Writer
}

func (h heeding) Write(b []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.w.Write(b)
}

// RestoreWish says what is restored to where.
type RestoreWish struct {
	Backup string // the folder of the backup, or of its store
	Keys   string // the folder of its keys, where that is kept elsewhere; "" is beside the store
	Data   string // the data folder to be filled: it must not exist, or hold at most master.key
	Before string // the data folder there was before, if there still is one: whom it knows to be erased or wiped stays so

	// Of a sealed backup:
	Identities []age.Identity // the secret half of a recipient
	Chain      string         // the copy to begin with; "" is the newest
	BeforeGap  bool           // restore what comes before a part that is missing or damaged
}

// Restored is what was restored.
type Restored struct {
	Made   time.Time // when the backup was
	Config string    // where relay.toml and the certificate are
	TLSKey string    // the folder with the certificate's key
	Newer  bool      // the lists of who was erased and wiped are those of the folder before
	Sealed *Sealed   // nil for a backup that is not
}

// Restore fills a data folder from a backup, after verifying it. The relay's next start carries out again what was erased or
// wiped and the backup does not know, as far as the lists of that know it: newer lists than the backup's are taken from
// Before. Errors: [ErrBackup], [ErrBackupThere], the file system's; then the data folder is as it was.
func Restore(ctx context.Context, w RestoreWish) (out Restored, err error) {
	if b, err := findSealed(w); err != nil {
		return out, err
	} else if b != nil {
		return restoreSealed(ctx, b, w)
	}
	store := w.Backup
	if m, err := readManifest(store); err != nil || m.Part != partStore {
		store = filepath.Join(w.Backup, partStore)
	}
	keys := w.Keys
	if keys == "" {
		keys = filepath.Join(filepath.Dir(store), partKeys)
	} else if m, err := readManifest(keys); err != nil || m.Part != partKeys {
		keys = filepath.Join(keys, partKeys)
	}
	var files []restoreFile
	var ids []string
	for _, folder := range []string{store, keys} {
		r, err := CheckBackup(ctx, folder, nil)
		switch {
		case err != nil:
			return out, err
		case len(r.Faults) > 0:
			return out, fmt.Errorf("%w: %s", ErrBackup, strings.Join(r.Faults, "; "))
		}
		ids = append(ids, r.Parts[0].Backup)
		out.Made = r.Parts[0].Made
		for _, f := range r.Parts[0].Files {
			if to := restoredName(r.Parts[0].Part, f.Name); to != "" {
				files = append(files, restoreFile{from: filepath.Join(folder, filepath.FromSlash(f.Name)), to: filepath.FromSlash(to), sum: f.SHA256})
			}
		}
	}
	if ids[0] != ids[1] {
		return out, fmt.Errorf("%w: store and keys are of two backups", ErrBackup)
	}
	out.Config, out.TLSKey = filepath.Join(store, configFolder), keys
	if w.Before != "" {
		if out.Newer, err = newerLists(w.Before, &files); err != nil {
			return out, err
		}
	}
	if err := freeToFill(w.Data); err != nil {
		return out, err
	}
	return out, fillData(ctx, w.Data, files)
}

// freeToFill returns [ErrBackupThere] for a data folder with anything but a master key in it.
func freeToFill(data string) error {
	list, err := os.ReadDir(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking into the data folder: %w", err)
	}
	for _, e := range list {
		if e.Name() != "master.key" {
			return fmt.Errorf("%w: %s", ErrBackupThere, filepath.Join(data, e.Name()))
		}
	}
	return nil
}

type restoreFile struct {
	from, to, sum string
	move          bool // it lies beside the data folder and is nobody else's
}

// place gives the data folder a file.
func (f restoreFile) place(data string) error {
	to := filepath.Join(data, f.to)
	if f.move {
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
		if err := os.Rename(f.from, to); err != nil {
			return fmt.Errorf("putting a file into its place: %w", err)
		}
		return nil
	}
	in, err := os.Open(f.from)
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	got, err := writeSummed(to, in, nil)
	if err = errors.Join(err, in.Close()); err != nil {
		return withRoom(err)
	}
	if got.SHA256 != f.sum {
		return fmt.Errorf("%w: %s changed while it was read", ErrBackup, filepath.Base(f.from))
	}
	return nil
}

// restoredName is where a file of a backup belongs in the data folder; "" for what does not belong there.
func restoredName(part, name string) string {
	switch {
	case part == partStore && strings.HasPrefix(name, configFolder+"/"):
		return ""
	case part == partKeys && name != "verify.key" && !strings.HasSuffix(name, safeSuffix):
		return ""
	}
	return name
}

// newerLists takes the lists of who was erased and wiped from the data folder there was before.
func newerLists(before string, files *[]restoreFile) (found bool, err error) {
	lists, err := filepath.Glob(filepath.Join(before, "*"+rollSuffix))
	if err != nil || len(lists) == 0 {
		return false, err
	}
	for _, list := range lists {
		f, err := sumOf(context.Background(), list)
		if err != nil {
			return false, fmt.Errorf("reading who was erased: %w", err)
		}
		name := filepath.Base(list)
		*files = slices.DeleteFunc(*files, func(f restoreFile) bool { return f.to == name })
		*files = append(*files, restoreFile{from: list, to: name, sum: f.SHA256})
	}
	return true, nil
}

// fillData writes the data folder, and takes back what it wrote when it cannot write all. What was deleted is still in the free
// pages of the copy: the first start writes it anew.
func fillData(ctx context.Context, data string, files []restoreFile) (err error) {
	_, absent := os.Stat(data)
	defer func() {
		if err == nil {
			return
		}
		for _, f := range files {
			os.Remove(filepath.Join(data, f.to))
		}
		os.Remove(filepath.Join(data, "media"))
		os.Remove(restoredMark(data))
		if errors.Is(absent, fs.ErrNotExist) {
			os.Remove(data)
		}
	}()
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if err := touch(restoredMark(data)); err != nil { // before there is a store to start on
		return fmt.Errorf("remembering the restore: %w", err)
	}
	// The lists come first and the ledger last: half a folder starts no relay that has forgotten whom it erased.
	slices.SortStableFunc(files, func(a, b restoreFile) int { return restoreOrder(a.to) - restoreOrder(b.to) })
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.place(data); err != nil {
			return err
		}
	}
	if err := touch(filepath.Join(data, "compact.due")); err != nil {
		return fmt.Errorf("remembering to compact: %w", err)
	}
	syncFolder(data)
	return nil
}

func restoreOrder(name string) int {
	switch {
	case strings.HasSuffix(name, rollSuffix):
		return 0
	case strings.HasSuffix(name, ".db"):
		return 2
	}
	return 1
}
