package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	c := &chain{name: now.UTC().Format("20060102T150405.000Z-") + hex.EncodeToString(some), begun: now, copied: make(chan error, 1)}
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
