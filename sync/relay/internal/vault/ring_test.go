package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

var quiet = slog.New(slog.DiscardHandler)

func testMaster(b byte) Master {
	m, err := NewMaster(bytes.Repeat([]byte{b}, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return m
}

func newRing(t testing.TB, d disk) *ring {
	t.Helper()
	r, err := createRing(d, "keys", testMaster(1), newSafe(nil, random(32)), quiet)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func keyOf(t testing.TB, r *ring, id inbox.ContactID) []byte {
	t.Helper()
	k, err := r.key(digestOf(id))
	if err != nil {
		t.Fatal(err)
	}
	return k.Bytes()
}

// story is what a ring is put through, and what it promised by the time the power went.
type story struct {
	kept      map[inbox.ContactID][]byte // given away: must be there
	destroyed map[inbox.ContactID]bool   // must not be there
	between   map[inbox.ContactID]bool   // being destroyed when the power went
	masters   []Master                   // one of them opens the safe
}

func (s *story) tell(r *ring) error {
	reserve := func(n int) error {
		for range n {
			id, err := r.reserve()
			if err != nil {
				return err
			}
			k, err := r.key(digestOf(id))
			if err != nil {
				return err
			}
			s.kept[id] = k.Bytes()
		}
		return nil
	}
	rewrite := func(drop int, next Master) error {
		c := change{drop: map[digest]bool{}, master: next}
		for id := range s.kept {
			if drop--; drop < 0 {
				break
			}
			c.drop[digestOf(id)] = true
			s.between[id] = true
		}
		for id := range s.between {
			delete(s.kept, id)
		}
		if !next.IsZero() {
			s.masters = append(s.masters, next)
		}
		if _, err := r.rewrite(c); err != nil {
			return err
		}
		if !next.IsZero() {
			s.masters = []Master{next}
		}
		for id := range s.between {
			s.destroyed[id] = true
			delete(s.between, id)
		}
		return nil
	}
	for i := range 3 {
		if err := reserve(100); err != nil {
			return err
		}
		next := Master{}
		if i == 1 {
			next = testMaster(2)
		}
		if err := rewrite(7, next); err != nil {
			return err
		}
	}
	return reserve(90)
}

func (s *story) check(d *powerDisk) error {
	var r *ring
	var err error
	for _, m := range s.masters {
		if r, err = openRing(d, "keys", m, quiet); !errors.Is(err, ErrMaster) {
			break
		}
	}
	if err != nil {
		return err
	}
	for id, want := range s.kept {
		k, err := r.key(digestOf(id))
		if err != nil {
			return fmt.Errorf("a key in use: %w", err)
		}
		if !bytes.Equal(k.Bytes(), want) {
			return errors.New("a key in use is another one")
		}
	}
	for id := range s.destroyed {
		if r.has(digestOf(id)) {
			return errors.New("a destroyed key is back")
		}
	}
	for range 90 { // it goes on
		id, err := r.reserve()
		if err != nil {
			return err
		}
		if s.kept[id] != nil || s.destroyed[id] {
			return errors.New("an id was given twice")
		}
	}
	if _, err := r.rewrite(change{}); err != nil {
		return err
	}
	return nil
}

func TestKeysSurviveAPowerCutAtEveryStep(t *testing.T) {
	total, cuts := 0, 0
	for cut := 1; total == 0 || cut <= total; cut++ {
		for seed := range uint64(6) {
			d := newPowerDisk()
			d.rng = rand.New(rand.NewPCG(seed, uint64(cut)))
			r := newRing(t, d)
			before := d.calls
			d.left = cut
			s := &story{
				kept: map[inbox.ContactID][]byte{}, destroyed: map[inbox.ContactID]bool{}, between: map[inbox.ContactID]bool{},
				masters: []Master{testMaster(1)},
			}
			err := s.tell(r)
			if err == nil {
				total = d.calls - before
			} else if !errors.Is(err, errPower) {
				t.Fatal(err)
			}
			cuts++
			d = d.restart(seed)
			if seed%2 == 1 { // the power goes again while the next start tidies up
				d.left = 1 + int(seed)
				for _, m := range s.masters {
					_, _ = openRing(d, "keys", m, quiet)
				}
				d = d.restart(seed / 2)
			}
			if err := s.check(d); err != nil {
				t.Fatalf("power cut at call %d, seed %d: %v", cut, seed, err)
			}
		}
	}
	if total < 30 || cuts < 200 {
		t.Fatalf("only %d cuts of %d calls: the test proves nothing", cuts, total)
	}
}

// The control of the test above: on a disk that says it has synced and has not, the same check must fail.
func TestOnADiskThatLiesKeysAreLost(t *testing.T) {
	lost := 0
	for seed := range uint64(20) {
		d := newPowerDisk()
		r := newRing(t, d)
		s := &story{
			kept: map[inbox.ContactID][]byte{}, destroyed: map[inbox.ContactID]bool{}, between: map[inbox.ContactID]bool{},
			masters: []Master{testMaster(1)},
		}
		if err := s.tell(r); err != nil {
			t.Fatal(err)
		}
		f := d.names["keys"]
		f.kept = f.kept[:pageSize*(2+int(seed)%2)]
		if s.check(d.restart(seed)) != nil {
			lost++
		}
	}
	if lost != 20 {
		t.Errorf("a loss was noticed %d of 20 times", lost)
	}
}

func TestAKeyFileCutAtAnyByteLosesOnlyWhatWasNeverGivenAway(t *testing.T) {
	d := newPowerDisk()
	r := newRing(t, d)
	var old []inbox.ContactID
	for range perPage {
		id, err := r.reserve()
		if err != nil {
			t.Fatal(err)
		}
		old = append(old, id)
	}
	if _, err := r.rewrite(change{}); err != nil {
		t.Fatal(err)
	}
	fresh, err := r.reserve() // writes a page of its own
	if err != nil {
		t.Fatal(err)
	}
	file, _ := d.Read("keys")
	if len(file) != 3*pageSize {
		t.Fatalf("the file has %d bytes", len(file))
	}
	for n := range file {
		if n%97 != 0 && n%pageSize > 8 && n%pageSize < pageSize-30 { // every byte around the borders, some in between
			continue
		}
		p, err := r.parse(file[:n])
		if n < 2*pageSize {
			if !errors.Is(err, ErrKeys) {
				t.Fatalf("cut at byte %d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
		if _, ok := p.at[digestOf(old[0])]; !ok || len(p.at) != perPage {
			t.Fatalf("cut at byte %d: %d keys", n, len(p.at))
		}
		if _, ok := p.at[digestOf(fresh)]; ok {
			t.Fatal("half a page was read")
		}
	}
}

func TestADamagedKeyFileIsRefused(t *testing.T) {
	d := newPowerDisk()
	r := newRing(t, d)
	var ids []inbox.ContactID
	for range 3 * perPage {
		id, err := r.reserve()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if _, err := r.rewrite(change{}); err != nil {
		t.Fatal(err)
	}
	file, _ := d.Read("keys")
	for at := 0; at < len(file); at += 13 {
		bad := bytes.Clone(file)
		bad[at] ^= 0x10
		p, err := r.parse(bad)
		if err != nil {
			if !errors.Is(err, ErrKeys) {
				t.Fatalf("byte %d: %v", at, err)
			}
			continue
		}
		used := pageSize - 23
		if at < pageSize {
			used = headSize + 41
		}
		if at%pageSize < used || len(p.at) != len(ids) {
			t.Fatalf("byte %d was changed and nobody noticed", at)
		}
	}
	for range 2*perPage + 1 { // three pages more; a crash can only leave the last one unfinished
		if _, err := r.reserve(); err != nil {
			t.Fatal(err)
		}
	}
	longer, _ := d.Read("keys")
	for i := 3; i < 6; i++ {
		bad := bytes.Clone(longer)
		bad[(1+i)*pageSize+100] ^= 1
		switch p, err := r.parse(bad); {
		case i < 5 && !errors.Is(err, ErrKeys):
			t.Errorf("an added page in the middle is damaged: %v", err)
		case i == 5 && (err != nil || len(p.at) != 5*perPage):
			t.Errorf("the last page was never finished: %v", err)
		}
	}
	page := func(b []byte, i int) []byte { return b[(1+i)*pageSize : (2+i)*pageSize] }
	swapped := bytes.Clone(file)
	copy(page(swapped, 0), page(file, 1))
	copy(page(swapped, 1), page(file, 0))
	if _, err := r.parse(swapped); !errors.Is(err, ErrKeys) {
		t.Errorf("pages that changed places: %v", err)
	}
	if _, err := r.rewrite(change{}); err != nil {
		t.Fatal(err)
	}
	now, _ := d.Read("keys")
	mixed := bytes.Clone(now)
	copy(page(mixed, 1), page(file, 1))
	if _, err := r.parse(mixed); !errors.Is(err, ErrKeys) {
		t.Errorf("a page of an older version: %v", err)
	}
	if _, err := r.parse(file); !errors.Is(err, ErrKeys) {
		t.Errorf("the file of an older epoch: %v", err)
	}
	other := newRing(t, newPowerDisk())
	if _, err := other.parse(now); !errors.Is(err, ErrKeys) {
		t.Errorf("another vault's key file: %v", err)
	}
}

func TestADamagedSafeIsRefused(t *testing.T) {
	d := newPowerDisk()
	newRing(t, d)
	file, _ := d.Read("keys" + safeSuffix)
	for n := range file {
		if _, err := parseSafe(file[:n], testMaster(1)); !errors.Is(err, ErrKeys) {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
		bad := bytes.Clone(file)
		bad[n] ^= 1
		if _, err := parseSafe(bad, testMaster(1)); !errors.Is(err, ErrKeys) && !errors.Is(err, ErrMaster) {
			t.Fatalf("byte %d: %v", n, err)
		}
	}
	if _, err := parseSafe(file, testMaster(2)); !errors.Is(err, ErrMaster) {
		t.Errorf("another master: %v", err)
	}
}

func TestAMissingFileIsNeverMadeAnew(t *testing.T) {
	for name, gone := range map[string][]string{"key file": {"vault.keys"}, "safe": {"vault.keys.safe"}, "both": {"vault.keys", "vault.keys.safe"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.resolve(t, anna, 1)
			for _, f := range gone {
				if err := (folder(b.dir)).Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Open(t.Context(), b.db, b.master, Config{KeyFile: b.keyFile}); !errors.Is(err, ErrKeys) {
				t.Errorf("got %v, want ErrKeys", err)
			}
			for _, f := range gone {
				if _, err := (folder(b.dir)).Read(f); !errors.Is(err, fs.ErrNotExist) {
					t.Error("a file was made")
				}
			}
		})
	}
}

func TestAKeyFileOfAnotherVaultIsRefused(t *testing.T) {
	b := newBench(t, Config{})
	b.resolve(t, anna, 1)
	d := folder(b.dir)
	if _, err := createRing(d, "other.keys", b.master, newSafe(nil, random(32)), quiet); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), b.db, b.master, Config{KeyFile: d.path("other.keys")}); !errors.Is(err, ErrKeys) {
		t.Errorf("got %v, want ErrKeys", err)
	}
	if _, err := Open(t.Context(), b.db, b.master, Config{}); !errors.Is(err, ErrKeys) {
		t.Errorf("without a key file: got %v, want ErrKeys", err)
	}
}

func TestAFullDiskKeepsNobodyOutForLong(t *testing.T) {
	d := &fullDisk{disk: newPowerDisk()}
	r := newRing(t, d)
	first, err := r.reserve()
	if err != nil {
		t.Fatal(err)
	}
	want := keyOf(t, r, first)
	for range perPage - 1 {
		if _, err := r.reserve(); err != nil {
			t.Fatal(err)
		}
	}
	d.full = true
	if _, err := r.reserve(); !errors.Is(err, errFullDisk) {
		t.Fatalf("got %v", err)
	}
	if begun, err := r.rewrite(change{}); !errors.Is(err, errFullDisk) || begun {
		t.Fatalf("got %v, begun %v", err, begun)
	}
	if !bytes.Equal(keyOf(t, r, first), want) {
		t.Error("a key is gone")
	}
	d.full = false
	if _, err := r.reserve(); err != nil {
		t.Error(err)
	}
	if _, err := r.rewrite(change{}); err != nil {
		t.Error(err)
	}
	again, err := openRing(d, "keys", testMaster(1), quiet)
	if err != nil || !bytes.Equal(keyOf(t, again, first), want) {
		t.Errorf("after a start: %v", err)
	}
}

var errFullDisk = errors.New("no room")

type fullDisk struct {
	disk
	full bool
}

func (d *fullDisk) Write(name string, b []byte) error {
	if d.full {
		return errFullDisk
	}
	return d.disk.Write(name, b)
}

func (d *fullDisk) WriteAt(name string, b []byte, off int64) error {
	if d.full {
		return errFullDisk
	}
	return d.disk.WriteAt(name, b, off)
}

func FuzzKeyFile(f *testing.F) {
	d := newPowerDisk()
	r, err := createRing(d, "keys", testMaster(1), newSafe(nil, random(32)), quiet)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := r.reserve(); err != nil {
		f.Fatal(err)
	}
	file, _ := d.Read("keys")
	safe, _ := d.Read("keys" + safeSuffix)
	f.Add(file, safe)
	f.Add(file[:pageSize], safe[:40])
	f.Fuzz(func(t *testing.T, keys, box []byte) {
		if p, err := r.parse(keys); err == nil && !bytes.HasPrefix(keys, file[:headSize]) {
			t.Errorf("a file nobody wrote was taken: %d keys", len(p.at))
		}
		if _, err := parseSafe(box, testMaster(1)); err == nil { // a seed
			box = bytes.Clone(box)
			box[len(box)-1] ^= 1
			if _, err := parseSafe(box, testMaster(1)); err == nil {
				t.Error("a safe nobody wrote was taken")
			}
		} else if !errors.Is(err, ErrKeys) && !errors.Is(err, ErrMaster) {
			t.Error(err)
		}
	})
}

const manyContacts = 100_000

func crowd(b *testing.B, dir string) (*ring, []inbox.ContactID) {
	b.Helper()
	r := newRing(b, folder(dir))
	ids := make([]inbox.ContactID, manyContacts)
	add := make(map[digest]seal.Key, manyContacts)
	for i := range ids {
		ids[i] = inbox.NewID[inbox.ContactID]()
		add[digestOf(ids[i])] = seal.RandomKey()
	}
	if _, err := r.rewrite(change{add: add}); err != nil {
		b.Fatal(err)
	}
	return r, ids
}

// BenchmarkKeys measures the key file with 100,000 contacts in it. A plain write and sync of one page, which is the least
// a durable addition without reserves would cost, is the peer of "add".
func BenchmarkKeys(b *testing.B) {
	r, ids := crowd(b, b.TempDir())
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := r.key(digestOf(ids[i%len(ids)])); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.reserve(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sync-of-a-page", func(b *testing.B) {
		d := folder(b.TempDir())
		page := make([]byte, pageSize)
		if err := d.Write("f", page); err != nil {
			b.Fatal(err)
		}
		for i := int64(0); b.Loop(); i++ {
			if err := d.WriteAt("f", page, i*pageSize); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("rotate", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.rewrite(change{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := openRing(r.disk, r.name, r.master, quiet); err != nil {
				b.Fatal(err)
			}
		}
	})
}
