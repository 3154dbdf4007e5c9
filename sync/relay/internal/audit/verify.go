package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// maxFaults is how many faults of a shard are told; the others are counted.
const maxFaults = 100

// A Report is what [Verify] found in one shard.
type Report struct {
	Shard       string  `json:"shard"`
	Entries     uint64  `json:"entries"`
	Root        Hash    `json:"root"` // computed from the entries
	Checkpoints int     `json:"checkpoints"`
	Signed      uint64  `json:"signed"`    // entries the newest checkpoint covers
	Anchors     int     `json:"anchors"`   // of this shard in the company's tree
	Witnesses   int     `json:"witnesses"` // stored and handed in
	Unproved    int     `json:"unproved"`  // of them, by devices nobody knows the key of
	Turned      int     `json:"turned"`    // entries that say the clock was turned back before them
	Faults      []Fault `json:"faults,omitempty"`
	More        int     `json:"more,omitempty"` // faults beyond those told
}

// Sound says that everything agrees.
func (r *Report) Sound() bool { return len(r.Faults) == 0 }

func (r *Report) fault(f Fault) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, f)
	} else {
		r.More++
	}
}

// VerifyOptions are what [Verify] is handed. The zero value judges the store by itself.
type VerifyOptions struct {
	Verifier    string                                             // the public audit key somebody kept; "" is the store's own
	Kept        []Checkpoint                                       // checkpoints somebody kept, whose signatures were judged
	Witnesses   []Witness                                          // handed in, beside the stored ones
	DeviceKey   func(inbox.DeviceID) (ed25519.PublicKey, bool)     // nil knows no device
	Progress    func(shard string, done, total uint64, faults int) // called now and then; nil for nobody
	beforeChunk func(shard string)                                 // for tests
}

// Verify computes every tree again from its entries and compares it with the stored hashes, with every stored checkpoint,
// with the anchors in the company's tree, with the witnesses, and with the tables searches go by. It reports every shard
// that has an audit log or is said to have had one, the company's first. It returns an error only if it could not look;
// what it found is in the reports. It reads in short transactions: a relay at work is not held up, and what it adds
// meanwhile is not looked at.
func Verify(ctx context.Context, db ledger.DB, opt VerifyOptions) ([]Report, error) {
	shards, err := db.Shards(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.Index(shards, KeyShard); i >= 0 { // its anchors are claims about the others
		shards = slices.Delete(shards, i, i+1)
	}
	v := &verifying{db: db, opt: opt, verifier: opt.Verifier, claims: map[string][]claim{}}
	all := []Report{}
	company, _, err := v.shard(ctx, KeyShard)
	if err != nil {
		return nil, err
	}
	all = append(all, company)
	for _, w := range opt.Witnesses {
		shards = append(shards, w.Shard)
	}
	for _, c := range opt.Kept {
		shards = append(shards, c.Shard)
	}
	for shard := range v.claims {
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	for _, shard := range slices.Compact(shards) {
		if shard == KeyShard {
			continue
		}
		r, there, err := v.shard(ctx, shard)
		if err != nil {
			return nil, err
		}
		if there || !r.Sound() {
			all = append(all, r)
		}
	}
	return all, nil
}

// A claim is that a tree of that size had that root.
type claim struct {
	size   uint64
	root   Hash
	kind   FaultKind // what it is when it does not hold
	device inbox.DeviceID
}

type verifying struct {
	db       ledger.DB
	opt      VerifyOptions
	verifier string
	claims   map[string][]claim // by shard: the anchors
}

// verifyChunk is how many entries are read in one transaction.
const verifyChunk = 8 * blockSize

// shard verifies one shard. there says whether it has anything of an audit log.
func (v *verifying) shard(ctx context.Context, shard string) (r Report, there bool, err error) {
	r.Shard = shard
	s := &scanning{verifying: v, r: &r, at: map[uint64][]claim{}, counted: map[uint64]bool{}}
	if err := v.view(ctx, shard, &r, s.begin); err != nil {
		return r, false, err
	}
	there = r.Entries > 0 || r.Checkpoints > 0 || len(r.Faults) > 0
	for _, c := range v.claims[shard] {
		r.Anchors++
		s.claim(c)
	}
	s.foreign(v.opt)
	for from := uint64(1); from <= r.Entries; from += verifyChunk {
		if v.opt.Progress != nil {
			v.opt.Progress(shard, from-1, r.Entries, len(r.Faults)+r.More)
		}
		if v.opt.beforeChunk != nil {
			v.opt.beforeChunk(shard)
		}
		if err := s.chunk(ctx, from, min(from+verifyChunk-1, r.Entries)); err != nil {
			return r, there, err
		}
	}
	r.Root = s.tree.root()
	if v.opt.Progress != nil && r.Entries > 0 {
		v.opt.Progress(shard, r.Entries, r.Entries, len(r.Faults)+r.More)
	}
	return r, there, nil
}

// view reads, and makes a fault of an error that comes from what is read.
func (v *verifying) view(ctx context.Context, shard string, r *Report, f func(ledger.Tx) error) error {
	err := v.db.View(ctx, shard, f)
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, ledger.ErrClosed), errors.Is(err, ledger.ErrName):
		return err
	}
	r.fault(Fault{Kind: Unreadable})
	return nil
}

// A scanning is one shard while it is verified.
type scanning struct {
	*verifying
	r     *Report
	tree  crown
	at    map[uint64][]claim // by size
	table maker
	last  inbox.Moment
	room  []Hash

	tables  uint64          // number of the last one
	counted map[uint64]bool // sizes of the checkpoints
}

func (s *scanning) claim(c claim) {
	if c.size > s.r.Entries {
		s.r.fault(Fault{Kind: Shortened, Number: c.size, Device: c.device})
		if c.kind == WitnessContradicts {
			s.r.fault(Fault{Kind: c.kind, Number: c.size, Device: c.device})
		}
		return
	}
	s.at[c.size] = append(s.at[c.size], c)
}

// begin reads all but entries and hashes.
func (s *scanning) begin(tx ledger.Tx) (err error) {
	if s.r.Entries, err = tx.LastSequence(sequence); err != nil {
		return err
	}
	for _, b := range []string{bucket, bucketHash} {
		for range tx.Scan(b, keyOf(s.r.Entries+1), nil) {
			s.r.fault(Fault{Kind: EntriesExtra, Number: s.r.Entries + 1})
			break
		}
	}
	for key := range tx.ScanBack(bucketBlock, nil, nil) {
		if s.tables = numberOf(key); s.tables > s.r.Entries/blockSize || s.tables == 0 {
			s.r.fault(Fault{Kind: TableWrong, Number: s.r.Entries})
		}
		break
	}
	if s.r.Shard == KeyShard {
		if err := s.key(tx); err != nil {
			return err
		}
	}
	if err := s.signed(tx); err != nil {
		return err
	}
	for key, row := range tx.Scan(bucketSeen, nil, nil) {
		w, err := decodeWitness(row)
		if err != nil || w.Shard != s.r.Shard || !bytes.Equal(key, w.key()) {
			s.r.fault(Fault{Kind: WitnessBad})
			continue
		}
		s.witness(w)
	}
	return tx.Err()
}

// key finds the public key checkpoints are judged by.
func (s *scanning) key(tx ledger.Tx) error {
	k, err := ReadKey(tx)
	switch {
	case errors.Is(err, ErrNoKey):
	case errors.Is(err, ErrRow):
		s.r.fault(Fault{Kind: KeyOther})
	case err != nil:
		return err
	case s.verifier == "":
		s.verifier = k.Verifier()
	case s.verifier != k.Verifier():
		s.r.fault(Fault{Kind: KeyOther})
	}
	return nil
}

// signed judges the stored checkpoints.
func (s *scanning) signed(tx ledger.Tx) error {
	newest, err := tx.LastSequence(sequenceSigned)
	if err != nil {
		return err
	}
	next := uint64(1)
	if newest > keepSigned {
		next = newest - keepSigned + 1
	}
	for key, row := range tx.Scan(bucketSigned, nil, nil) {
		n := numberOf(key)
		if n != next {
			s.r.fault(Fault{Kind: CheckpointMissing, Number: next})
		}
		next = n + 1
		c, ok := s.checkpoint(row)
		if ok && c.Size <= s.r.Signed {
			s.r.fault(Fault{Kind: CheckpointBad, Number: c.Size})
		}
		if ok {
			s.r.Signed = c.Size
		}
	}
	if next != newest+1 {
		s.r.fault(Fault{Kind: CheckpointMissing, Number: next})
	}
	for day, row := range tx.Scan(bucketDaily, nil, nil) {
		if c, ok := s.checkpoint(row); ok && c.At.Time().Format("2006-01-02") != string(day) {
			s.r.fault(Fault{Kind: CheckpointBad, Number: c.Size})
		}
	}
	if s.r.Checkpoints > 0 && newest == 0 {
		s.r.fault(Fault{Kind: CheckpointMissing, Number: 1})
	}
	return tx.Err()
}

func (s *scanning) checkpoint(row []byte) (c Checkpoint, ok bool) {
	c, err := unsigned(row)
	if err != nil || !s.counted[c.Size] { // the first of a day is kept twice while it is new
		s.counted[c.Size] = true
		s.r.Checkpoints++
	}
	if s.verifier == "" {
		if s.r.Checkpoints == 1 {
			s.r.fault(Fault{Kind: KeyMissing})
		}
	} else if _, bad := ParseCheckpoint(string(row), s.verifier); bad != nil {
		err = bad
	}
	if err != nil || c.Shard != s.r.Shard {
		s.r.fault(Fault{Kind: CheckpointBad, Number: c.Size})
		return c, false
	}
	s.claim(claim{size: c.Size, root: c.Root, kind: CheckpointContradicts})
	return c, true
}

// foreign takes up what was handed in.
func (s *scanning) foreign(opt VerifyOptions) {
	for _, c := range opt.Kept {
		if c.Shard == s.r.Shard {
			s.r.Witnesses++
			s.claim(claim{size: c.Size, root: c.Root, kind: WitnessContradicts})
		}
	}
	for _, w := range opt.Witnesses {
		if w.Shard == s.r.Shard {
			s.witness(w)
		}
	}
}

func (s *scanning) witness(w Witness) {
	s.r.Witnesses++
	var key ed25519.PublicKey
	known := false
	if s.opt.DeviceKey != nil {
		key, known = s.opt.DeviceKey(w.Device)
	}
	switch {
	case !known:
		s.r.Unproved++
	case !w.SignedBy(key):
		s.r.fault(Fault{Kind: WitnessBad, Number: w.Size, Device: w.Device})
		return
	}
	s.claim(claim{size: w.Size, root: w.Hash, kind: WitnessContradicts, device: w.Device})
}

// chunk verifies some entries: first to last, which begin a block.
func (s *scanning) chunk(ctx context.Context, first, last uint64) error {
	n := int(last - first + 1)
	entries, hashes, tables := make([][]byte, n), make([][]byte, n), map[uint64][]byte{}
	read := func(tx ledger.Tx) error {
		for b, rows := range map[string][][]byte{bucket: entries, bucketHash: hashes} {
			for key, row := range tx.Scan(b, keyOf(first), keyOf(last+1)) {
				if i := numberOf(key); i >= first && i <= last {
					rows[i-first] = bytes.Clone(row)
				} else { // not 8 bytes long, and so none of ours
					s.r.fault(Fault{Kind: EntriesExtra, Number: first})
				}
			}
		}
		for key, row := range tx.Scan(bucketBlock, keyOf((first-1)/blockSize+1), keyOf(last/blockSize+1)) {
			tables[numberOf(key)] = bytes.Clone(row)
		}
		return tx.Err()
	}
	faults := len(s.r.Faults) + s.r.More
	if err := s.view(ctx, s.r.Shard, s.r, read); err != nil {
		return err
	}
	if len(s.r.Faults)+s.r.More > faults { // find what of it can be read, row by row
		for i := range n {
			for b, rows := range map[string][][]byte{bucket: entries, bucketHash: hashes} {
				if rows[i] != nil {
					continue
				}
				err := s.db.View(ctx, s.r.Shard, func(tx ledger.Tx) (err error) {
					rows[i], err = tx.Get(b, keyOf(first+uint64(i)))
					return err
				})
				if ctx.Err() != nil {
					return err
				}
				if err != nil {
					s.r.fault(Fault{Kind: Unreadable, Number: first + uint64(i)})
				}
			}
		}
	}
	for i := range n {
		s.entry(first+uint64(i), entries[i], hashes[i])
		if number := first + uint64(i); number%blockSize == 0 {
			want, got := s.table.table(), tables[number/blockSize]
			// One that was never written does no harm, but they come one after another.
			if got == nil && number/blockSize < s.tables || got != nil && !bytes.Equal(want, got) {
				s.r.fault(Fault{Kind: TableWrong, Number: number})
			}
		}
	}
	return nil
}

// entry verifies one entry. Where entry and hash do not agree the tree goes on with the hash: then checkpoints tell which
// of the two was changed.
func (s *scanning) entry(n uint64, row, stored []byte) {
	var leaf Hash
	haveStored := len(stored) >= hashesAt+tlog.HashSize
	if haveStored {
		copy(leaf[:], stored[hashesAt:])
	}
	e, err := decode(row)
	switch {
	case row == nil:
		s.r.fault(Fault{Kind: EntryMissing, Number: n})
	case err != nil || e.Number != n:
		s.r.fault(Fault{Kind: EntryDamaged, Number: n})
	default:
		s.content(n, &e)
	}
	if row != nil {
		h := tlog.RecordHash(row)
		if haveStored && h != leaf {
			s.r.fault(Fault{Kind: EntryChanged, Number: n})
		}
		if !haveStored {
			leaf = h
		}
	}
	s.room = s.tree.add(leaf, s.room)
	switch {
	case stored == nil:
		s.r.fault(Fault{Kind: HashMissing, Number: n})
	case !bytes.Equal(stored, hashRow(e.At, s.room)) && row != nil:
		s.r.fault(Fault{Kind: HashChanged, Number: n})
	}
	if claims, ok := s.at[n]; ok {
		root := s.tree.root()
		for _, c := range claims {
			if c.root != root {
				s.r.fault(Fault{Kind: c.kind, Number: n, Device: c.device})
			}
		}
	}
}

// content looks at what an entry says.
func (s *scanning) content(n uint64, e *Entry) {
	s.table.add(e)
	back := int64(s.last - e.At)
	if n == 1 || back <= ClockSlack.Milliseconds() {
		back = 0
	}
	if e.Back != back {
		s.r.fault(Fault{Kind: ClockTurned, Number: n})
	} else if back != 0 {
		s.r.Turned++
	}
	s.last = e.At
	if s.r.Shard == KeyShard && e.Act == Anchored {
		shard, size, root, ok := e.anchor()
		if !ok {
			s.r.fault(Fault{Kind: EntryDamaged, Number: n})
			return
		}
		s.claims[shard] = append(s.claims[shard], claim{size: size, root: root, kind: AnchorContradicts})
	}
}
