package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
)

// A running relay ships its sealed backup: a copy of the store once a day, and every few seconds what was committed since,
// as the journal of package ledger gathered it. What breaks that chain, a folder that was away for too long, a start of the
// relay, begins a new one with a copy of its own; the old one stays what it was. Nothing the relay does waits for it.
//
// In each round the webhooks come before the ledger, files and keys after both, and what was committed is written last, so that
// whatever is in the backup has its file and its key there.

const (
	tlsFolder   = "tls"     // of the keys' part
	journalMost = 64 << 20  // bytes of commits between two rounds
	pendingMost = 256 << 20 // bytes of commits that wait for a folder that is away
	baseRetry   = time.Minute
	lastRound   = 10 * time.Second // how long a relay that stops waits for its last round
	keepBases   = 2
)

// BackupState is how far a sealed backup is.
type BackupState struct {
	Shipping bool          `json:"shipping"` // it is configured
	Chain    string        `json:"chain"`    // the newest that can be restored; "": none yet
	Base     inbox.Moment  `json:"base"`     // when its copy was begun
	Lag      time.Duration `json:"lag"`      // how old the oldest commit is that is on no other disk
	Worst    time.Duration `json:"worst"`    // the longest that took since the relay started
	Failing  string        `json:"failing"`  // why the last round failed; "": it did not
}

type shipper struct {
	r     *Relay
	cfg   BackupConfig
	to    []age.Recipient
	owner []byte

	round  sync.Mutex // one at a time
	chains []*chain   // the last is the newest; more than one while its copy is being made
	again  time.Time  // when the next copy may be tried
	keys   struct {
		looks   string // what the files looked like when they were shipped
		version int
	}
	mirrored map[string]bool // files of customers that are in the backup; nil: not known yet
	mediaAt  time.Time       // how the folder of files looked then

	mu      sync.Mutex
	state   BackupState
	live    *chain    // the newest that can be restored and goes on
	pending time.Time // when the oldest commit was made that a round took and could not write; zero: none
	bare    time.Time // since when nothing goes on; it counts while live is nil
}

// A chain is a copy and what was committed after it.
type chain struct {
	name     string
	begun    time.Time
	journals [2]*ledger.Journal
	spans    [2]ledger.Span // taken, and not written yet
	oldest   time.Time      // of what is in spans
	number   int
	prev     string
	took     time.Duration // to write the last increment
	copied   chan error    // tells once what became of the copy
	whole    bool
}

func newShipper(r *Relay) (*shipper, error) {
	if !r.cfg.Backup.on() {
		return nil, nil
	}
	to, err := ParseRecipients(r.cfg.Backup.Recipients)
	if err != nil {
		return nil, err
	}
	s := &shipper{r: r, cfg: r.cfg.Backup, to: to, owner: []byte(hex.EncodeToString(r.files[1].StoreID()) + "\n")}
	s.state.Shipping, s.bare = true, time.Now()
	return s, nil
}

// shipBackups does a round with every tick until ctx ends, and one more when it does.
func (r *Relay) shipBackups(ctx context.Context, tick <-chan time.Time) error {
	if r.ship == nil {
		return nil
	}
	for ctx.Err() == nil {
		r.ship.tend(ctx)
		select {
		case <-ctx.Done():
		case <-tick:
		}
	}
	return nil
}

// endShipping ships what was committed last.
func (r *Relay) endShipping() {
	if r.ship == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.life), lastRound)
	defer stop()
	if len(r.ship.chains) > 0 {
		r.ship.tend(ctx)
	}
	for _, c := range r.ship.chains {
		c.stop()
	}
}

// tend does a round, and says what is wrong once and not with every round.
func (s *shipper) tend(ctx context.Context) {
	s.round.Lock()
	defer s.round.Unlock()
	err := s.ship(ctx)
	if err != nil && ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	if s.pending = (time.Time{}); s.live != nil {
		s.pending = s.live.oldest
	}
	was := s.state.Failing
	s.state.Failing = ""
	if err != nil {
		s.state.Failing = err.Error()
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		s.r.metrics.shipFailures.Inc()
		if was != err.Error() {
			s.r.log.Error("the backup is not being written", "error", err)
		}
	case was != "":
		s.r.log.Info("the backup is being written again")
	}
}

func (s *shipper) ship(ctx context.Context) error {
	// What was committed is taken whatever the folders do, so that memory stays bounded.
	now := time.Now()
	s.chains = slices.DeleteFunc(s.chains, func(c *chain) bool {
		err := c.gather()
		if err != nil {
			s.r.log.Warn("the backup begins anew: more was written than waits for its folder")
			s.end(c)
		}
		return err != nil
	})
	if err := s.folders(); err != nil {
		return err
	}
	if s.due(now) {
		if err := s.begin(ctx, now); err != nil {
			return err
		}
	}
	if err := s.shipKeys(ctx); err != nil {
		return err
	}
	if err := s.mirror(ctx); err != nil {
		return err
	}
	for _, c := range s.chains {
		if err := s.increment(ctx, c); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

func (s *shipper) due(now time.Time) bool {
	if now.Before(s.again) {
		return false
	}
	if len(s.chains) == 0 {
		return true
	}
	newest := s.chains[len(s.chains)-1]
	return newest.whole && now.Sub(newest.begun) >= s.cfg.baseEvery()
}

// folders makes the folders, and the mark that says whose they are. What is there already must be ours: a round deletes what it
// does not know.
func (s *shipper) folders() error {
	for _, dir := range []string{s.cfg.Store, s.cfg.Keys} {
		if err := os.MkdirAll(filepath.Join(dir), 0o700); err != nil {
			return fmt.Errorf("making the backup's folder: %w", withRoom(err))
		}
		mark := filepath.Join(dir, ownerName)
		have, err := os.ReadFile(mark)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if list, err := os.ReadDir(dir); err == nil && slices.ContainsFunc(list, func(e fs.DirEntry) bool { return e.Name() != "lost+found" }) {
				return fmt.Errorf("%w: %s", ErrBackupThere, dir)
			}
			if err := writeNew(mark, string(s.owner), 0o600); err != nil {
				return withRoom(err)
			}
		case err != nil:
			return fmt.Errorf("reading the backup's folder: %w", err)
		case len(have) == 0: // the disk was full when it was made
			if err := os.Remove(mark); err != nil {
				return err
			}
		case !bytes.Equal(have, s.owner):
			return ErrOtherRelay
		}
	}
	if err := os.MkdirAll(filepath.Join(s.cfg.Store, mediaFolder), 0o700); err != nil {
		return fmt.Errorf("making the backup's folder: %w", withRoom(err))
	}
	return nil
}

// begin begins a chain: the journals first, then the copy, beside which rounds go on.
func (s *shipper) begin(ctx context.Context, now time.Time) error {
	some := make([]byte, 2)
	rand.Read(some)
	c := &chain{name: now.UTC().Format("20060102T150405Z-") + hex.EncodeToString(some), begun: now, copied: make(chan error, 1)}
	dir := filepath.Join(s.cfg.Store, c.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making the backup's folder: %w", withRoom(err))
	}
	if err := s.r.noteAudit(ctx, audit.Entry{Act: actBackup, Detail: "shipped"}); err != nil {
		return errors.Join(err, os.Remove(dir))
	}
	for i := range c.journals {
		c.journals[i] = s.r.files[i].Follow(journalMost)
	}
	s.chains = append(s.chains, c)
	life := s.r.life
	s.r.copying.Go(func() {
		_, size, err := sealToFile(life, filepath.Join(dir, baseName), s.to, shipHead{Chain: c.name, Made: now}, func(out *packer) error {
			return errors.Join(s.r.packStore(life, out), s.r.packConfig(out))
		})
		if err == nil {
			s.r.metrics.shipBytes.Add(float64(size))
		}
		c.copied <- err
	})
	return nil
}

// packConfig copies the configuration, which holds no secret, and what it names.
func (r *Relay) packConfig(out *packer) error {
	for _, file := range []string{r.cfg.file, r.cfg.TLS.Certificate, r.cfg.WhatsApp.Rates} {
		if file == "" {
			continue
		}
		if err := out.addFile(path.Join(partStore, configFolder, filepath.Base(file)), file); err != nil {
			return fmt.Errorf("copying the configuration: %w", err)
		}
	}
	return nil
}

// gather takes what was committed since it was asked last.
func (c *chain) gather() error {
	size := 0
	for i, j := range c.journals {
		span, err := j.Take()
		if err != nil {
			return err
		}
		if span.From != 0 && (c.oldest.IsZero() || span.Oldest.Before(c.oldest)) {
			c.oldest = span.Oldest
		}
		c.spans[i].Append(span)
		size += len(c.spans[i].Rows)
	}
	if size > pendingMost {
		return ledger.ErrGap
	}
	return nil
}

// end is for a chain that does not go on.
func (s *shipper) end(c *chain) {
	c.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == c {
		s.live, s.bare = nil, time.Now()
	}
}

func (c *chain) stop() {
	for _, j := range c.journals {
		if j != nil {
			j.Stop()
		}
	}
}

// increment writes what a chain has gathered.
func (s *shipper) increment(ctx context.Context, c *chain) error {
	if c.oldest.IsZero() {
		return nil
	}
	head := shipHead{Chain: c.name, Number: c.number + 1, Prev: c.prev, Made: time.Now(), Oldest: &c.oldest, Took: c.took, Keys: s.keys.version}
	file := filepath.Join(s.cfg.Store, c.name, fmt.Sprintf("%06d", head.Number)+sealedSuffix)
	names := s.r.storeFiles()
	sum, size, err := sealToFile(ctx, file, s.to, head, func(out *packer) error {
		for i, span := range c.spans {
			if err := out.addBytes(names[i], span.Rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(c.oldest)
	c.took = time.Since(head.Made)
	c.number, c.prev, c.oldest, c.spans = head.Number, sum, time.Time{}, [2]ledger.Span{}
	s.r.metrics.shipped.Inc()
	s.r.metrics.shipBytes.Add(float64(size))
	s.mu.Lock()
	if c == s.live {
		s.state.Worst = max(s.state.Worst, took)
	}
	s.mu.Unlock()
	return nil
}

// shipKeys writes the keys if they have changed, the safe before what it opens, and then forgets the older ones.
func (s *shipper) shipKeys(ctx context.Context) error {
	looks := s.looks()
	if looks == s.keys.looks {
		return nil
	}
	files, err := s.r.keyFiles()
	if err != nil {
		return err
	}
	if s.keys.version == 0 {
		for _, dir := range []string{s.cfg.Keys, s.cfg.Store} {
			s.keys.version = max(s.keys.version, slices.Max(append(keyVersions(dir), 0)))
		}
	}
	next := s.keys.version + 1
	name := keysName(next)
	for _, part := range []struct{ name, dir string }{{partKeys, s.cfg.Keys}, {partStore, s.cfg.Store}} {
		_, _, err := sealToFile(ctx, filepath.Join(part.dir, name), s.to, shipHead{Number: next, Made: time.Now()}, func(out *packer) error {
			for _, f := range files {
				if f.part == part.name {
					if err := out.addBytes(f.name, f.content); err != nil {
						return err
					}
				}
			}
			if part.name != partKeys {
				return nil
			}
			return out.addFile(path.Join(tlsFolder, filepath.Base(s.r.cfg.TLS.Key)), s.r.cfg.TLS.Key)
		})
		if err != nil {
			return err
		}
	}
	for _, f := range files {
		if f.part == partKeys {
			clear(f.content)
		}
	}
	for _, dir := range []string{s.cfg.Keys, s.cfg.Store} {
		for _, v := range keyVersions(dir) {
			if v != next {
				if err := ledger.Shred(filepath.Join(dir, keysName(v))); err != nil {
					return fmt.Errorf("forgetting older keys: %w", err)
				}
			}
		}
	}
	s.keys.looks, s.keys.version = looks, next
	return nil
}

// looks tells one version of the files of keys from another. It is asked before they are read.
func (s *shipper) looks() string {
	var b strings.Builder
	key := s.r.cfg.KeyFile()
	for _, file := range []string{key, key + halvesSuffix, key + safeSuffix, key + rollSuffix, key + halvesSuffix + rollSuffix, s.r.cfg.TLS.Key} {
		info, err := os.Stat(file)
		if err != nil {
			b.WriteString("-")
			continue
		}
		fmt.Fprint(&b, info.Size(), " ", info.ModTime().UnixNano(), "\n")
	}
	return b.String()
}

func keysName(version int) string { return fmt.Sprintf("%s%06d%s", keysPrefix, version, sealedSuffix) }

// keyVersions are the versions of keys in a folder.
func keyVersions(dir string) (out []int) {
	list, _ := filepath.Glob(filepath.Join(dir, keysPrefix+"*"+sealedSuffix))
	for _, file := range list {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), keysPrefix), sealedSuffix))
		if err == nil && keysName(n) == filepath.Base(file) {
			out = append(out, n)
		}
	}
	return out
}

// mirror copies customers' files that are new, and deletes those that went. A file does not change once it has its name.
func (s *shipper) mirror(ctx context.Context) error {
	from, to := s.r.mediaDir(), filepath.Join(s.cfg.Store, mediaFolder)
	var at time.Time
	if info, err := os.Stat(from); err == nil {
		at = info.ModTime()
	}
	if s.mirrored != nil && at.Equal(s.mediaAt) && time.Since(at) > time.Second { // a folder's time may be as coarse as a tick
		return nil
	}
	if s.mirrored == nil {
		list, err := os.ReadDir(to)
		if err != nil {
			return fmt.Errorf("reading the backup's folder: %w", err)
		}
		s.mirrored = map[string]bool{}
		for _, e := range list {
			if name, ok := strings.CutSuffix(e.Name(), sealedSuffix); ok {
				s.mirrored[name] = true
			} else {
				os.Remove(filepath.Join(to, e.Name()))
			}
		}
	}
	list, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copying media: %w", err)
	}
	there := map[string]bool{}
	for _, e := range list {
		// What is half fetched or half handed over is fetched and handed over again.
		if name := e.Name(); e.Type().IsRegular() && !strings.HasPrefix(name, halfMedia) && !strings.HasPrefix(name, partPrefix) {
			there[name] = true
		}
	}
	for name := range there {
		if s.mirrored[name] {
			continue
		}
		_, size, err := sealToFile(ctx, filepath.Join(to, name+sealedSuffix), s.to, shipHead{Made: time.Now()}, func(out *packer) error {
			return out.addFile(name, filepath.Join(from, name))
		})
		if errors.Is(err, fs.ErrNotExist) { // it was erased meanwhile
			continue
		}
		if err != nil {
			return err
		}
		s.mirrored[name] = true
		s.r.metrics.shipBytes.Add(float64(size))
	}
	for name := range s.mirrored {
		if !there[name] {
			if err := os.Remove(filepath.Join(to, name+sealedSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("deleting an erased file: %w", err)
			}
			delete(s.mirrored, name)
		}
	}
	s.mediaAt = at
	return nil
}

// settle looks what became of a copy: a whole one ends the chains before it.
func (s *shipper) settle(ctx context.Context) error {
	if len(s.chains) == 0 {
		return nil
	}
	c := s.chains[len(s.chains)-1]
	if c.whole {
		return nil
	}
	select {
	case err := <-c.copied:
		if err != nil {
			s.again = time.Now().Add(baseRetry)
			s.chains = s.chains[:len(s.chains)-1]
			s.end(c)
			return errors.Join(err, os.RemoveAll(filepath.Join(s.cfg.Store, c.name)))
		}
	default:
		return nil
	}
	c.whole = true
	for _, old := range s.chains[:len(s.chains)-1] {
		old.stop()
	}
	s.chains = []*chain{c}
	s.mu.Lock()
	s.live, s.state.Chain, s.state.Base = c, c.name, inbox.At(c.begun)
	s.mu.Unlock()
	s.r.log.Info("the backup has a new copy", "chain", c.name, "took", time.Since(c.begun).Round(time.Millisecond))
	return s.prune(ctx)
}

// prune deletes chains: those without a copy, and of those older than the newest two all but the last of each day, for as many
// days as the configuration says.
func (s *shipper) prune(ctx context.Context) error {
	all, err := chainsIn(s.cfg.Store)
	if err != nil {
		return err
	}
	newest := s.chains[len(s.chains)-1].name
	oldest := time.Now().AddDate(0, 0, -s.cfg.keepDays()).UTC().Format("20060102")
	kept, day := 0, ""
	for _, c := range slices.Backward(all) {
		if err := ctx.Err(); err != nil {
			return err
		}
		keep := c.name >= newest
		if !keep && c.whole {
			date := c.name[:len("20060102")]
			keep = kept < keepBases-1 || date >= oldest && date != day
			if keep {
				kept, day = kept+1, date
			}
		}
		if !keep {
			if err := os.RemoveAll(filepath.Join(s.cfg.Store, c.name)); err != nil {
				return fmt.Errorf("deleting an old copy: %w", err)
			}
		}
	}
	return nil
}

type chainFolder struct {
	name  string
	whole bool // its copy was finished
}

// chainsIn lists the chains of a folder, the oldest first.
func chainsIn(store string) (out []chainFolder, err error) {
	list, err := os.ReadDir(store)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if !e.IsDir() || len(e.Name()) < len("20060102T150405Z-") || e.Name()[8] != 'T' {
			continue
		}
		_, err := os.Stat(filepath.Join(store, e.Name(), baseName))
		out = append(out, chainFolder{e.Name(), err == nil})
	}
	return out, nil
}

// BackupState implements [BackupAdmin].
func (r *Relay) BackupState(context.Context) (BackupState, error) {
	if r.ship == nil {
		return BackupState{}, nil
	}
	s := r.ship
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.state
	oldest := s.bare
	if s.live != nil {
		if oldest = s.pending; oldest.IsZero() {
			oldest = s.live.waiting()
		}
	}
	if !oldest.IsZero() {
		out.Lag = time.Since(oldest)
	}
	return out, nil
}

// waiting is when the oldest commit was made that no round has taken yet; zero: none.
func (c *chain) waiting() (oldest time.Time) {
	for _, j := range c.journals {
		if at := j.Oldest(); !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest
}

// takeSealed fills a folder with a sealed backup of one moment: the same two folders a running relay ships to, with a copy alone.
func takeSealed(ctx context.Context, a Admin, cfg Config, dir, version string, to []age.Recipient, progress func(string, int64)) (parts []BackupManifest, err error) {
	now := time.Now()
	name := now.UTC().Format("20060102T150405Z-0000")
	store, keys := filepath.Join(dir, partStore), filepath.Join(dir, partKeys)
	for _, folder := range []string{filepath.Join(store, name), keys} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder: %w", withRoom(err))
		}
	}
	var held []keyFile
	head := shipHead{Chain: name, Made: now, Version: version}
	_, size, err := sealToFile(ctx, filepath.Join(store, name, baseName), to, head, func(out *packer) error {
		err := takeThrough(ctx, a, func(name string, content io.Reader) error {
			part, rest, _ := strings.Cut(name, "/")
			if part == partKeys || strings.HasPrefix(rest, filepath.Base(cfg.KeyFile())) {
				b, err := io.ReadAll(content)
				held = append(held, keyFile{part, rest, b})
				return err
			}
			return out.add(name, func(w io.Writer) error {
				_, err := io.Copy(io.MultiWriter(w, counter{func(n int64) {
					if progress != nil {
						progress(name, n)
					}
				}, new(int64)}), content)
				return err
			})
		})
		if err != nil {
			return err
		}
		return (&Relay{cfg: cfg}).packConfig(out)
	})
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{partStore: size}
	for part, folder := range map[string]string{partStore: store, partKeys: keys} {
		_, size, err := sealToFile(ctx, filepath.Join(folder, keysName(1)), to, shipHead{Number: 1, Made: now, Version: version}, func(out *packer) error {
			for _, f := range held {
				if f.part == part {
					if err := out.addBytes(f.name, f.content); err != nil {
						return err
					}
				}
			}
			if part != partKeys {
				return nil
			}
			return out.addFile(path.Join(tlsFolder, filepath.Base(cfg.TLS.Key)), cfg.TLS.Key)
		})
		if err != nil {
			return nil, err
		}
		sizes[part] += size
	}
	for _, part := range []string{partStore, partKeys} {
		parts = append(parts, BackupManifest{Format: sealedFormat, Part: part, Made: now.UTC().Truncate(time.Second), Version: version, Files: []BackupFile{{Name: "sealed", Size: sizes[part]}}})
	}
	return parts, nil
}
