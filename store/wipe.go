package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sealdesk/app/inbox"
)

// ErrOrder means that a wipe is not one to do: its order is not above those this device knows of, or it has none and no
// reason of the program's own.
var ErrOrder = errors.New("no order to obey")

const (
	maxLeft  = 100 // names a receipt may list
	shredded = 4   // files at a time
)

// WipeConfig says what is to be destroyed.
type WipeConfig struct {
	Dir      string     // the data folder; everything in it goes but the journal, the receipt and the lock
	StoreDir string     // of the store; "": "store" inside Dir
	Also     []string   // more files and folders of ours: what the toolkit keeps of the window, temporary files
	Ring     *Keyring   // loses the cache and the lease; the device stays until FinishWipe, for it must sign
	Intent   WipeIntent // what to do; ignored when one is pending in Dir
	Seen     uint64     // the highest epoch of an order or enrolment the caller knows of; the keyring's counts too
	Store    []byte     // id of the store; empty: the keyring tells

	// Stop ends all use of the data folder: connections, the store, the log. It is called before anything is destroyed, also
	// when a wipe goes on. An error is noted, and the wipe goes on.
	Stop func(context.Context) error
	Step func(inbox.WipeStep) // called after each step that was done now, when it is written down; nil: nobody asks
	Now  func() inbox.Moment  // nil: the clock of this machine

	reached func(string) // where tests die
}

// Wipe destroys what a device holds, in the order of [inbox.WipeAct] up to WipeSwept, and says what it has done. It writes
// down first that there is no way back; so killed at any point it goes on when it is called again, with no order needed. The
// keys go before the files: from then on what the disk still holds is noise. Nothing that refuses to go ends it; that is
// counted and named instead. Links are removed and never followed.
//
// ErrOrder refuses the wipe, ErrAlreadyRunning says that another program does it; nothing is changed then. Any other error
// says that it is not over: call it again. A cancelled ctx ends it between two files. Afterwards sign a receipt,
// [KeepReceipt], and [FinishWipe] when the relay has it.
//
// When the disk is so full that the intent cannot be written, the wipe goes on without: keys first.
func Wipe(ctx context.Context, cfg WipeConfig) (WipeDone, error) {
	w := &wiper{cfg: cfg}
	err := w.run(ctx)
	return w.journal.Done, sorted("wiping", err)
}

type wiper struct {
	cfg     WipeConfig
	journal WipeJournal

	mu    sync.Mutex // guards what follows: files are destroyed several at a time
	step  inbox.WipeStep
	names []string // of what this step leaves
}

func (w *wiper) run(ctx context.Context) error {
	if w.cfg.StoreDir == "" {
		w.cfg.StoreDir = filepath.Join(w.cfg.Dir, "store")
	}
	if w.cfg.Now == nil {
		w.cfg.Now = func() inbox.Moment { return inbox.At(time.Now()) }
	}
	if w.cfg.reached == nil {
		w.cfg.reached = func(string) {}
	}
	pending := !missing(w.cfg.Dir, intentFile)
	if !pending {
		if err := w.obey(ctx); err != nil {
			return err
		}
	}
	lock, err := takeFolder(ctx, w.cfg.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if !pending {
		w.begin(ctx)
	} else if err := w.resume(); err != nil {
		return err
	}
	for _, s := range []struct {
		act inbox.WipeAct
		do  func(context.Context)
	}{{inbox.WipeStopped, w.stop}, {inbox.WipeKeys, w.forgetKeys}, {inbox.WipeStore, w.shredStore}, {inbox.WipeFiles, w.shredFiles}, {inbox.WipeSwept, w.sweep}} {
		if w.journal.did(s.act) {
			if s.act == inbox.WipeStopped && !w.journal.Over() { // by a run that is no more
				w.stop(ctx)
			}
			continue
		}
		w.step, w.names = inbox.WipeStep{Did: s.act}, nil
		s.do(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		err = w.note()
	}
	return err // of the last note only: that is what counts
}

// obey refuses what must not be done.
func (w *wiper) obey(ctx context.Context) error {
	i := w.cfg.Intent
	if len(i.Order) == 0 {
		if i.Epoch != 0 || i.Why < inbox.WipeSilent {
			return ErrOrder
		}
		return nil
	}
	seen := w.cfg.Seen
	if d, err := w.cfg.Ring.Device(ctx); err == nil { // a keyring that cannot be asked must not save anybody's cache
		seen = max(seen, d.WipeEpoch)
	}
	if i.Epoch <= seen {
		return ErrOrder
	}
	return nil
}

// begin writes the intent down. Where that fails, no way back is needed: the keys go at once, and it is tried again.
func (w *wiper) begin(ctx context.Context) {
	w.journal.Intent = w.cfg.Intent
	if w.journal.Done.Store = slices.Clone(w.cfg.Store); len(w.journal.Done.Store) == 0 {
		var it cacheItem
		if w.cfg.Ring.get(ctx, itemCache, &it) == nil {
			w.journal.Done.Store = it.Store
		}
		clear(it.Half)
		clear(it.Next)
		clear(it.Old)
	}
	w.step = inbox.WipeStep{Did: inbox.WipeIntended}
	if w.note() != nil {
		w.journal.Done.Steps[0].Left = 1
	}
}

func (w *wiper) resume() error {
	j, _, err := PendingWipe(w.cfg.Dir)
	if err != nil {
		return err
	}
	w.journal = j
	if !j.did(inbox.WipeIntended) {
		w.journal.Done.Steps = []inbox.WipeStep{{Did: inbox.WipeIntended, At: w.cfg.Now()}}
	}
	if !j.Over() {
		w.journal.Done.Cut++
		w.journal.write(w.cfg.Dir)
	}
	return nil
}

// note writes down that a step was done, and says so.
func (w *wiper) note() error {
	w.step.At = w.cfg.Now()
	if n := len(w.journal.Done.Steps); n > 0 {
		w.step.At = max(w.step.At, w.journal.Done.Steps[n-1].At) // whoever puts the clock back does not change the order
	}
	w.cfg.reached("before")
	w.journal.Done.Steps = append(w.journal.Done.Steps, w.step)
	w.journal.Done.Left = append(w.journal.Done.Left, w.names...)
	slices.Sort(w.journal.Done.Left)
	w.journal.Done.Left = slices.Compact(w.journal.Done.Left)
	w.journal.Done.Left = w.journal.Done.Left[:min(len(w.journal.Done.Left), maxLeft)]
	err := w.journal.write(w.cfg.Dir)
	w.cfg.reached("noted")
	if w.cfg.Step != nil {
		w.cfg.Step(w.step)
	}
	return err
}

// leave notes that something could not be destroyed.
func (w *wiper) leave(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step.Left++
	if len(w.names) < maxLeft {
		w.names = append(w.names, name)
	}
}

func (w *wiper) stop(ctx context.Context) {
	if w.cfg.Stop != nil && w.cfg.Stop(ctx) != nil {
		w.step.Left++
	}
}

// ringTries is how often a keyring is asked to let go of an item before the wipe goes on: it is asked again at the end.
const ringTries = 2

func (w *wiper) forgetKeys(ctx context.Context) {
	if d, err := w.cfg.Ring.Device(ctx); err == nil && d.WipeEpoch < w.journal.Intent.Epoch { // should the keyring not let go of it later
		d.WipeEpoch = w.journal.Intent.Epoch
		w.cfg.Ring.SetDevice(ctx, d)
	}
	for _, item := range []string{itemCache, itemLease} {
		var err error
		for range ringTries {
			if err = w.cfg.Ring.forget(ctx, item); err == nil {
				break
			}
		}
		if err == nil {
			w.step.Count++
		} else {
			w.step.Left++ // it is named at the end, if it still is there
		}
		w.cfg.reached(item)
	}
}

// shredStore destroys both files of the store and all that stands in for them.
func (w *wiper) shredStore(ctx context.Context) {
	root, err := os.OpenRoot(w.cfg.StoreDir)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			w.leave(filepath.Base(w.cfg.StoreDir))
		}
		return
	}
	defer root.Close()
	if lock, err := takeFolder(ctx, w.cfg.StoreDir); err == nil { // or somebody has it who was given time to let go
		defer lock.Close()
	}
	for _, name := range storeFiles() {
		if ctx.Err() != nil {
			return
		}
		w.shredOne(root, name, path.Join(filepath.Base(w.cfg.StoreDir), name))
	}
	syncDir(w.cfg.StoreDir)
}

func (w *wiper) shredFiles(ctx context.Context) {
	w.everything(ctx, func(root *os.Root, name, shown string) { w.shredOne(root, name, shown) })
}

// sweep looks for what is left, tries it once more, and names what stays.
func (w *wiper) sweep(ctx context.Context) {
	w.shredFiles(ctx)
	w.mu.Lock()
	w.step.Left, w.names = 0, nil
	w.mu.Unlock()
	w.everything(ctx, func(_ *os.Root, _, shown string) { w.leave(shown) })
	for _, item := range []string{itemCache, itemLease} {
		if w.cfg.Ring.forget(ctx, item) != nil {
			w.leave("keyring/" + item)
		}
	}
}

// everything calls f for each file of ours that is there, several at a time, and removes the folders that are empty then.
func (w *wiper) everything(ctx context.Context, f func(root *os.Root, name, shown string)) {
	within := func(dir, shown string, keep ...string) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				w.leave(shown + filepath.Base(dir))
			}
			return
		}
		defer root.Close()
		w.tree(ctx, root, ".", shown, keep, f)
	}
	within(w.cfg.Dir, "", intentFile, receiptFile, lockFile)
	if inside, err := filepath.Rel(w.cfg.Dir, w.cfg.StoreDir); err != nil || !filepath.IsLocal(inside) {
		within(w.cfg.StoreDir, filepath.Base(w.cfg.StoreDir)+"/")
	}
	for _, also := range w.cfg.Also {
		if info, err := os.Lstat(also); err == nil && info.IsDir() {
			within(also, "also/"+filepath.Base(also)+"/")
			os.Remove(also)
		} else if err == nil {
			root, err := os.OpenRoot(filepath.Dir(also))
			if err != nil {
				w.leave("also/" + filepath.Base(also))
				continue
			}
			f(root, filepath.Base(also), "also/"+filepath.Base(also))
			syncDir(filepath.Dir(also))
			root.Close()
		}
	}
}

// tree is everything below a folder.
func (w *wiper) tree(ctx context.Context, root *os.Root, dir, shown string, keep []string, f func(root *os.Root, name, shown string)) {
	entries, err := readDir(root, dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.leave(shown + dir)
	}
	var files errgroup.Group
	files.SetLimit(shredded)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case ctx.Err() != nil, dir == "." && slices.Contains(keep, e.Name()):
		case e.IsDir():
			w.tree(ctx, root, name, shown, nil, f)
			root.Remove(name)
		default:
			files.Go(func() error {
				f(root, name, shown+name)
				return nil
			})
		}
	}
	files.Wait()
	if d, err := root.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

func readDir(root *os.Root, dir string) ([]os.DirEntry, error) {
	d, err := root.Open(dir)
	if errors.Is(err, os.ErrPermission) {
		root.Chmod(dir, 0o700)
		d, err = root.Open(dir)
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

// shredOne destroys one file and counts it.
func (w *wiper) shredOne(root *os.Root, name, shown string) {
	n, there, err := shredIn(root, name)
	w.cfg.reached(shown)
	if err != nil {
		w.leave(shown)
	}
	if !there {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step.Bytes += n
	if err == nil {
		w.step.Count++
	}
}

// shredIn overwrites a file and removes it; anything else but a folder is removed, for to write through a link would be to
// destroy what is not ours.
func shredIn(root *os.Root, name string) (n int64, there bool, err error) {
	info, err := root.Lstat(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return 0, false, err
	}
	if info.Mode().IsRegular() {
		f, bad := root.OpenFile(name, os.O_WRONLY, 0)
		if errors.Is(bad, os.ErrPermission) {
			root.Chmod(name, 0o600)
			f, bad = root.OpenFile(name, os.O_WRONLY, 0)
		}
		if err = bad; err == nil {
			if err = overwrite(f); err == nil {
				n = info.Size()
			}
		}
	}
	gone := root.Remove(name)
	if errors.Is(gone, os.ErrPermission) {
		root.Chmod(path.Dir(name), 0o700)
		gone = root.Remove(name)
	}
	if errors.Is(gone, os.ErrNotExist) {
		gone = nil
	}
	if errors.Is(err, os.ErrNotExist) { // somebody else did it
		err = nil
	}
	if err = errors.Join(err, gone); err != nil {
		err = fmt.Errorf("destroying a file: %w", err)
	}
	return n, true, err
}
