package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/sync/relay/internal/ledger"
)

// stagedSuffix ends the folder beside the data folder where a sealed backup is opened before it takes its place.
const stagedSuffix = ".restoring"

// A sealedBackup is one chain and the keys to it, as they lie there.
type sealedBackup struct {
	store, keys string
	chain       string
	increments  []int
	version     int // of the keys
	missing     int // the first increment that is not there; 0: none
}

// findSealed returns nil where there is no sealed backup.
func findSealed(w RestoreWish) (*sealedBackup, error) {
	for _, store := range []string{w.Backup, filepath.Join(w.Backup, partStore)} {
		all, err := chainsIn(store)
		if err != nil || len(all) == 0 {
			continue
		}
		b := &sealedBackup{store: store, keys: w.Keys}
		if b.keys == "" {
			b.keys = filepath.Join(filepath.Dir(store), partKeys)
		} else if len(keyVersions(b.keys)) == 0 {
			b.keys = filepath.Join(b.keys, partKeys)
		}
		return b, b.look(all, w.Chain)
	}
	return nil, nil
}

func (b *sealedBackup) look(all []chainFolder, want string) error {
	for _, c := range slices.Backward(all) {
		if want == "" && c.whole || want == c.name {
			b.chain = c.name
			break
		}
	}
	switch {
	case b.chain == "" && want != "":
		return fmt.Errorf("%w: there is no copy %s", ErrBackup, want)
	case b.chain == "":
		return fmt.Errorf("%w: no copy in %s was finished", ErrBackup, b.store)
	}
	list, err := os.ReadDir(filepath.Join(b.store, b.chain))
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	for _, e := range list {
		if n, err := strconv.Atoi(strings.TrimSuffix(e.Name(), sealedSuffix)); err == nil && strings.HasSuffix(e.Name(), sealedSuffix) {
			b.increments = append(b.increments, n)
		}
	}
	slices.Sort(b.increments)
	for i, n := range b.increments {
		if n != i+1 {
			b.missing = i + 1
			break
		}
	}
	ours := keyVersions(b.store)
	for _, v := range keyVersions(b.keys) {
		if slices.Contains(ours, v) {
			b.version = max(b.version, v)
		}
	}
	if b.version == 0 {
		return fmt.Errorf("%w: %s does not hold the keys to it; name their folder with --keys", ErrBackup, b.keys)
	}
	return nil
}

// Sealed is what was read of a sealed backup.
type Sealed struct {
	Chain      string          `json:"chain"`
	Base       time.Time       `json:"base"`       // when the copy was begun
	Until      time.Time       `json:"until"`      // everything that was committed before is there
	Increments int             `json:"increments"` // that followed the copy
	Bytes      int64           `json:"bytes"`
	Lags       []time.Duration `json:"-"` // of each increment: how long its first commit was on one disk alone
}

// open writes what the backup holds into the folder to, which is made.
func (b *sealedBackup) open(ctx context.Context, w RestoreWish, to string) (out Sealed, err error) {
	if b.missing > 0 && !w.BeforeGap {
		return out, fmt.Errorf("%w: increment %d of %d. With --before-gap what came before it is restored", ErrGap, b.missing, b.increments[len(b.increments)-1])
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return out, fmt.Errorf("making the folder to restore in: %w", withRoom(err))
	}
	out.Chain = b.chain
	into := func(strip string) func(string, io.Reader) error {
		return func(name string, content io.Reader) error {
			rest, ok := strings.CutPrefix(name, strip)
			if !ok || rest == "" {
				return errPack
			}
			f, err := writeSummed(filepath.Join(to, filepath.FromSlash(rest)), content, nil)
			out.Bytes += f.Size
			return withRoom(err)
		}
	}
	head, _, err := openSealedFile(ctx, filepath.Join(b.store, b.chain, baseName), w.Identities, into(partStore+"/"))
	if err != nil {
		return out, err
	}
	if head.Chain != b.chain || head.Number != 0 {
		return out, fmt.Errorf("%w: %s is not the copy it was", ErrBackup, baseName)
	}
	out.Base, out.Until = head.Made, head.Made
	need, err := b.replay(ctx, w, to, &out)
	if err != nil {
		return out, err
	}
	if need > b.version {
		return out, fmt.Errorf("%w: the keys are older than the store: version %d is needed, %d is there. Bring the newest of both folders", ErrBackup, need, b.version)
	}
	for dir, strip := range map[string]string{b.store: "", b.keys: ""} {
		if _, _, err := openSealedFile(ctx, filepath.Join(dir, keysName(b.version)), w.Identities, into(strip)); err != nil {
			return out, err
		}
	}
	files, err := os.ReadDir(filepath.Join(b.store, mediaFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out, fmt.Errorf("reading the backup: %w", err)
	}
	for _, e := range files {
		if !strings.HasSuffix(e.Name(), sealedSuffix) {
			continue
		}
		put := into("")
		_, _, err := openSealedFile(ctx, filepath.Join(b.store, mediaFolder, e.Name()), w.Identities, func(name string, content io.Reader) error {
			if name+sealedSuffix != e.Name() {
				return errPack
			}
			return put(mediaFolder+"/"+name, content)
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// replay puts the increments into the copy, and returns the version of the keys that needs.
func (b *sealedBackup) replay(ctx context.Context, w RestoreWish, to string, out *Sealed) (keys int, err error) {
	copies := map[string]*ledger.Replay{}
	defer func() {
		for _, c := range copies {
			err = errors.Join(err, withRoom(c.Close()))
		}
	}()
	files, err := filepath.Glob(filepath.Join(to, "*.db"))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		c, err := ledger.OpenReplay(file)
		if err != nil {
			return 0, err
		}
		copies[filepath.Base(file)] = c
	}
	prev := ""
	for _, n := range b.increments {
		if b.missing > 0 && n >= b.missing {
			break // what follows builds on what is not there
		}
		name := fmt.Sprintf("%06d", n) + sealedSuffix
		var rows [2][]byte
		var whose [2]string
		i := 0
		head, sum, err := openSealedFile(ctx, filepath.Join(b.store, b.chain, name), w.Identities, func(file string, content io.Reader) (err error) {
			if i == len(rows) || copies[file] == nil {
				return errPack
			}
			rows[i], err = io.ReadAll(content)
			whose[i] = file
			i++
			return err
		})
		if w.BeforeGap && errors.Is(err, ErrBackup) {
			break
		}
		if err != nil {
			return keys, err
		}
		if head.Chain != b.chain || head.Number != n || head.Prev != prev {
			return keys, fmt.Errorf("%w: %s does not follow what comes before it", ErrBackup, name)
		}
		for i, file := range whose {
			if file == "" {
				continue
			}
			if err := copies[file].Apply(ctx, rows[i]); err != nil {
				return keys, fmt.Errorf("%w: %s: %w", ErrBackup, name, withRoom(err))
			}
		}
		prev, keys, out.Until, out.Increments = sum, max(keys, head.Keys), head.Made, out.Increments+1
		for _, r := range rows {
			out.Bytes += int64(len(r))
		}
		if n := len(out.Lags); n > 0 {
			out.Lags[n-1] += head.Took
		}
		if head.Oldest != nil {
			out.Lags = append(out.Lags, head.Made.Sub(*head.Oldest))
		}
	}
	return keys, nil
}

// restoreSealed opens a sealed backup beside the data folder and lets it take its place.
func restoreSealed(ctx context.Context, b *sealedBackup, w RestoreWish) (out Restored, err error) {
	if len(w.Identities) == 0 {
		return out, fmt.Errorf("%w: it is sealed; name the identity that opens it with --identity", ErrBackup)
	}
	if err := freeToFill(w.Data); err != nil {
		return out, err
	}
	staged := filepath.Clean(w.Data) + stagedSuffix
	if _, err := os.Lstat(staged); err == nil {
		return out, fmt.Errorf("%w: %s, left from a restore that was cut short; remove it", ErrBackupThere, staged)
	}
	defer func() { err = errors.Join(err, shredFolder(staged)) }()
	sealed, err := b.open(ctx, w, staged)
	if errors.Is(err, ErrNoRoom) || errors.Is(err, ledger.ErrFull) {
		return out, fmt.Errorf("%w of %s: it needs twice the size of the store", ErrNoRoom, filepath.Dir(staged))
	}
	if err != nil {
		return out, err
	}
	out.Made, out.Sealed = sealed.Until, &sealed
	var files []restoreFile
	err = filepath.WalkDir(staged, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(staged, file)
		if folder, _, _ := strings.Cut(filepath.ToSlash(name), "/"); err == nil && folder != configFolder && folder != tlsFolder {
			files = append(files, restoreFile{from: file, to: name, move: true})
		}
		return err
	})
	if err != nil {
		return out, err
	}
	if w.Before != "" {
		if out.Newer, err = newerLists(w.Before, &files); err != nil {
			return out, err
		}
	}
	if err := fillData(ctx, w.Data, files); err != nil {
		return out, err
	}
	return out, keepConfig(staged, filepath.Clean(w.Data)+".config", &out)
}

// keepConfig moves the configuration and the certificate's key beside the data folder: whoever lost the machine needs them.
func keepConfig(staged, to string, out *Restored) error {
	if _, err := os.Lstat(to); err == nil { // of a restore before; this one's is as good
		to += time.Now().UTC().Format("-20060102T150405Z")
	}
	if err := os.Rename(filepath.Join(staged, configFolder), to); err != nil {
		return fmt.Errorf("keeping the configuration: %w", err)
	}
	keys, _ := filepath.Glob(filepath.Join(staged, tlsFolder, "*"))
	for _, key := range keys {
		if err := os.Rename(key, filepath.Join(to, filepath.Base(key))); err != nil {
			return fmt.Errorf("keeping the certificate's key: %w", err)
		}
	}
	out.Config, out.TLSKey = to, to
	return nil
}

// shredFolder overwrites what is left of a folder that held keys, and removes it.
func shredFolder(dir string) error {
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if small, e := e.Info(); e == nil && small.Size() > 1<<20 && strings.HasSuffix(file, ".db") { // sealed by what is shredded
			return nil
		}
		return ledger.Shred(file)
	})
	return errors.Join(err, os.RemoveAll(dir))
}
