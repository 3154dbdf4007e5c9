package relay

import (
	"context"
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
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/updates"
)

// The relay carries the feed of updates to laptops. It has no key of it: package updates says why. It takes a feed in only
// after it has believed it as a laptop would, and keeps the one before, so that who is in the middle of it can finish.

// UpdatesAdmin is the part of [Admin] that is about updates of the app on laptops.
type UpdatesAdmin interface {
	// ImportUpdates reads a feed that [SendUpdates] writes, of so many bytes at most, verifies it, and serves it from then on.
	// Errors: those of package updates, ErrNoRoom. After an error the feed before is served as it was.
	ImportUpdates(ctx context.Context, bytes int64, from io.Reader) (UpdatesReport, error)
	// Updates says what is served; ErrNoFeed when nothing is.
	Updates(ctx context.Context) (UpdatesReport, error)
}

// UpdatesReport is a feed as it was verified when it was taken in.
type UpdatesReport struct {
	Feed     updates.Feed
	Imported time.Time
}

// Errors of feeds beside those of package updates.
var (
	// ErrNoFeed means that no feed was imported yet.
	ErrNoFeed = errors.New("no updates were imported yet")
	// ErrImporting means that another import goes on.
	ErrImporting = errors.New("another import goes on")
)

const actImported audit.Act = "updates.imported"

// Names below the shelf. Only what is below a feed's folder, and named by a verified feed, is served.
const (
	shelfAnchor   = "anchor.json"
	shelfSeen     = "seen"
	shelfIncoming = "incoming"
	shelfCurrent  = "current"
	shelfFeed     = "feed-"
	shelfFresh    = "fresh-" // a memory of nothing, while one is verified
	shelfReport   = "report.json"
	roomKept      = 512 << 20 // bytes of the disk an import leaves to the store
)

// A shelf is where feeds lie. The current one is a folder whose name stands in a file, which is replaced as a whole.
type shelf struct {
	dir       string
	importing sync.Mutex
	serving   atomic.Pointer[[]shown] // the current feed, and the one before
}

// shown is a feed that is served.
type shown struct {
	folder string
	report UpdatesReport
	names  map[string]bool
}

func openShelf(dir string) (*shelf, error) {
	s := &shelf{dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, shelfCurrent))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the updates: %w", err)
	}
	var all []shown
	for name := range strings.FieldsSeq(string(raw)) {
		one, err := readShown(filepath.Join(dir, filepath.Base(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a restored data folder has no feeds: the next import brings one
		}
		if err != nil {
			return nil, fmt.Errorf("reading the updates: %w", err)
		}
		all = append(all, one)
	}
	s.serving.Store(&all)
	return s, nil
}

func readShown(folder string) (s shown, err error) {
	raw, err := os.ReadFile(filepath.Join(folder, shelfReport))
	if err != nil {
		return s, err
	}
	s.folder = folder
	return s, errors.Join(json.Unmarshal(raw, &s.report), s.name())
}

func (s *shown) name() error {
	s.names = map[string]bool{}
	for _, p := range s.report.Feed.Parts {
		s.names[p] = true
	}
	for _, f := range s.report.Feed.Files {
		s.names[f.Place()] = true
	}
	for name := range s.names {
		if !updates.Served(name) {
			return updates.ErrMalformed
		}
	}
	return nil
}

// shown returns what is served, the current feed first.
func (s *shelf) shown() []shown {
	if all := s.serving.Load(); all != nil {
		return *all
	}
	return nil
}

// Updates implements [UpdatesAdmin].
func (r *Relay) Updates(context.Context) (UpdatesReport, error) {
	if all := r.updates.shown(); len(all) > 0 {
		return all[0].report, nil
	}
	return UpdatesReport{}, ErrNoFeed
}

// ImportUpdates implements [UpdatesAdmin]. It is in the audit log before the first laptop sees it.
func (r *Relay) ImportUpdates(ctx context.Context, bytes int64, from io.Reader) (UpdatesReport, error) {
	s := r.updates
	if !s.importing.TryLock() {
		return UpdatesReport{}, ErrImporting
	}
	defer s.importing.Unlock()
	incoming := filepath.Join(s.dir, shelfIncoming)
	if err := errors.Join(os.RemoveAll(incoming), os.MkdirAll(filepath.Join(incoming, "targets"), 0o700)); err != nil {
		return UpdatesReport{}, fmt.Errorf("making a place for the updates: %w", err)
	}
	defer os.RemoveAll(incoming)
	if err := s.hasRoom(bytes); err != nil {
		return UpdatesReport{}, err
	}
	anchor, err := s.receive(incoming, bytes, from)
	if err != nil {
		return UpdatesReport{}, full(err)
	}
	one, err := s.believe(ctx, incoming, anchor, r.now())
	if err != nil {
		return UpdatesReport{}, full(err)
	}
	if err := r.noteAudit(ctx, audit.Entry{Act: actImported, Detail: one.report.summary()}); err != nil {
		return UpdatesReport{}, err
	}
	if err := s.put(incoming, anchor, one); err != nil {
		return UpdatesReport{}, full(err)
	}
	r.log.Info("updates imported", "files", len(one.report.Feed.Files), "bytes", one.report.Feed.Bytes())
	return one.report, nil
}

// full says in our words that the disk is.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return ErrNoRoom
	}
	return err
}

// hasRoom looks for room before anything is written: an import must not take from the store what customers' messages need.
func (s *shelf) hasRoom(bytes int64) error {
	free, err := roomOn(s.dir)
	if err != nil {
		return fmt.Errorf("looking how much room there is: %w", err)
	}
	if need := bytes + roomKept; free < need {
		return fmt.Errorf("%w: %d MB are free, %d MB are needed", ErrNoRoom, free>>20, need>>20)
	}
	return nil
}

// receive writes what comes into the folder, and returns the anchor if one came with it.
func (s *shelf) receive(into string, most int64, from io.Reader) (anchor []byte, err error) {
	err = unpack(from, func(name string, content io.Reader) error {
		if name == shelfAnchor {
			anchor, err = io.ReadAll(io.LimitReader(content, 1<<20))
			return err
		}
		if !updates.Served(name) {
			return updates.ErrMalformed
		}
		f, err := os.OpenFile(filepath.Join(into, filepath.FromSlash(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("keeping the updates: %w", err)
		}
		n, err := io.Copy(f, io.LimitReader(content, most+1))
		if most -= n; most < 0 && err == nil {
			err = updates.ErrTooLarge
		}
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("keeping the updates: %w", err)
		}
		return nil
	})
	return anchor, err
}

// believe verifies what came as a laptop would: against the anchor that came with it, or the one trusted before, or the build's.
func (s *shelf) believe(ctx context.Context, dir string, anchor []byte, now time.Time) (one shown, err error) {
	if anchor == nil {
		if anchor, err = s.anchor(); err != nil {
			return one, err
		}
	}
	from := updates.Folder(dir)
	feed, err := updates.Verify(ctx, updates.Config{Root: anchor, From: from, Dir: filepath.Join(s.dir, shelfSeen), Now: now})
	if err != nil {
		return one, err
	}
	// What was seen before is not read again. Here all of it must be sound, for all of it is served.
	fresh, err := os.MkdirTemp(s.dir, shelfFresh+"*")
	if err != nil {
		return one, err
	}
	defer os.RemoveAll(fresh)
	if feed, err = updates.Verify(ctx, updates.Config{Root: anchor, From: from, Dir: fresh, Now: now}); err != nil {
		return one, err
	}
	for _, file := range feed.Files {
		if err := feed.Fetch(ctx, from, file, io.Discard); err != nil {
			return one, err
		}
	}
	one.report = UpdatesReport{Feed: feed, Imported: now}
	return one, one.name()
}

// anchor is the root.json an administrator trusted here, or the build's; nil when there is none.
func (s *shelf) anchor() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, shelfAnchor))
	if errors.Is(err, fs.ErrNotExist) {
		return updates.Builtin(), nil
	}
	return raw, err
}

// UpdatesAnchor is the root.json the relay of a configuration trusts; nil when there is none.
func UpdatesAnchor(cfg Config) ([]byte, error) {
	return (&shelf{dir: updatesDir(cfg)}).anchor()
}

func updatesDir(cfg Config) string { return filepath.Join(cfg.Data, "updates") }

// put makes what was believed the current feed. What the feed does not name goes.
func (s *shelf) put(incoming string, anchor []byte, one shown) error {
	err := filepath.WalkDir(incoming, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(incoming, p)
		if err == nil && !one.names[filepath.ToSlash(rel)] {
			err = os.Remove(p)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("tidying the updates: %w", err)
	}
	raw, err := json.MarshalIndent(one.report, "", "  ")
	if err != nil {
		return err
	}
	name := shelfFeed + one.report.Imported.UTC().Format("20060102T150405.000000000")
	one.folder = filepath.Join(s.dir, name)
	current := name
	all := []shown{one}
	if before := s.shown(); len(before) > 0 {
		all = append(all, before[0])
		current += "\n" + filepath.Base(before[0].folder)
	}
	if err := os.WriteFile(filepath.Join(incoming, shelfReport), raw, 0o600); err != nil {
		return fmt.Errorf("keeping the updates: %w", err)
	}
	if anchor != nil {
		if err := replaceFile(filepath.Join(s.dir, shelfAnchor), anchor); err != nil {
			return fmt.Errorf("keeping the anchor: %w", err)
		}
	}
	if err := os.Rename(incoming, one.folder); err != nil {
		return fmt.Errorf("keeping the updates: %w", err)
	}
	if err := replaceFile(filepath.Join(s.dir, shelfCurrent), []byte(current+"\n")); err != nil {
		return errors.Join(fmt.Errorf("keeping the updates: %w", err), os.RemoveAll(one.folder))
	}
	s.serving.Store(&all)
	s.sweep(all)
	return nil
}

// sweep removes feeds nobody is served any more. What cannot be removed now is tried again after the next import.
func (s *shelf) sweep(keep []shown) {
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range list {
		p := filepath.Join(s.dir, e.Name())
		ours := strings.HasPrefix(e.Name(), shelfFeed) || strings.HasPrefix(e.Name(), shelfFresh)
		if ours && !slices.ContainsFunc(keep, func(one shown) bool { return one.folder == p }) {
			os.RemoveAll(p)
		}
	}
}

// replaceFile puts content in the place of a file, whole or not at all.
func replaceFile(file string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// summary is what the audit log keeps of a feed.
func (u UpdatesReport) summary() string {
	var words []string
	for _, role := range u.Feed.Roles {
		words = append(words, fmt.Sprintf("%s %d", role.Name, role.Version))
	}
	for _, f := range u.Feed.Files {
		if word := f.Version + " " + string(f.Ring); f.Kind != "" && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words[:min(len(words), 12)], ", ")
}

// updatesLate is when one who does not import a feed soon has laptops that say theirs has run out.
const updatesLate = 14 * 24 * time.Hour

// checkUpdates looks until when laptops may believe the feed.
func checkUpdates(cfg Config, now time.Time) Finding {
	const again = "get a newer feed and: sealdesk-relay updates import DIR"
	s, err := openShelf(updatesDir(cfg))
	if err != nil {
		return Finding{"updates", Watch, "the feed of updates cannot be read", again}
	}
	all := s.shown()
	if len(all) == 0 {
		return Finding{What: "updates", Detail: "none are served: laptops get new versions on another way"}
	}
	expires := all[0].report.Feed.Expires
	switch left := expires.Sub(now); {
	case left <= 0:
		return Finding{"updates", Watch, "the feed ran out " + expires.Format("2006-01-02") + ": laptops are offered none, and say so", again}
	case left < updatesLate:
		return Finding{"updates", Watch, "the feed runs out " + expires.Format("2006-01-02"), again}
	}
	return Finding{What: "updates", Detail: "laptops may believe the feed until " + expires.Format("2006-01-02")}
}

// SendUpdates hands the feed in a folder to a. anchor, if not nil, is a root.json to trust from now on in the place of the
// one that was trusted.
func SendUpdates(ctx context.Context, a UpdatesAdmin, dir string, anchor []byte) (UpdatesReport, error) {
	var names []string
	var size int64
	for _, folder := range []string{".", "targets"} {
		list, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil && (folder == "." || !errors.Is(err, fs.ErrNotExist)) {
			return UpdatesReport{}, fmt.Errorf("reading the folder: %w", err)
		}
		for _, e := range list {
			name := path.Join(folder, e.Name())
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || !updates.Served(name) {
				continue
			}
			names = append(names, name)
			size += info.Size()
		}
	}
	if !slices.Contains(names, "timestamp.json") {
		return UpdatesReport{}, updates.ErrIncomplete
	}
	from, to := io.Pipe()
	defer from.Close()
	go func() { to.CloseWithError(packUpdates(to, dir, names, anchor)) }()
	return a.ImportUpdates(ctx, size, from)
}

func packUpdates(to io.Writer, dir string, names []string, anchor []byte) error {
	p := newPacker(to)
	if anchor != nil {
		err := p.add(shelfAnchor, func(w io.Writer) error {
			_, err := w.Write(anchor)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, name := range names {
		err := p.add(name, func(w io.Writer) error {
			f, err := os.OpenInRoot(dir, filepath.FromSlash(name))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.end()
}
