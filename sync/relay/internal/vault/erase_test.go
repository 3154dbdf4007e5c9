package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

// isErased says of every question that it is answered by ErrErased.
func isErased(t testing.TB, b *bench, id inbox.ContactID, sealed []byte) {
	t.Helper()
	ctx := t.Context()
	_, err1 := b.Card(ctx, id)
	_, err2 := b.Identity(ctx, id)
	_, err3 := b.Open(ctx, id, "x", []byte("k"), sealed)
	_, err4 := b.Seal(ctx, id, "x", []byte("k"), []byte("more"))
	_, _, err5 := b.Mask(ctx, id, "x")
	_, err6 := b.Standing(ctx, id)
	_, err7 := b.Same(ctx, id)
	err8 := b.Teach(ctx, id, Identity{UserID: "DE.999"}, 9)
	_, _, err9 := b.Variable(ctx, id, inbox.VarContactPhone)
	err10 := b.Told(ctx, id, 1)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9, err10} {
		if !errors.Is(err, ErrErased) || errors.Is(err, ErrUnknownContact) {
			t.Errorf("question %d: got %v, want ErrErased", i+1, err)
		}
	}
	if !b.Erased(ctx, id) {
		t.Error("the vault does not say that he is erased")
	}
	if b.keys.ring.has(digestOf(id)) {
		t.Error("his key is still there")
	}
}

// rowsLeadingTo counts what is left of contacts in the shard, beside the rows that say they were erased.
func rowsLeadingTo(t testing.TB, b *bench, ids ...inbox.ContactID) (n int) {
	t.Helper()
	err := b.db.View(t.Context(), Shard, func(tx ledger.Tx) error {
		buckets, err := tx.Buckets("")
		for _, bucket := range buckets {
			for k, val := range tx.Scan(bucket, nil, nil) {
				for _, id := range ids {
					if bucket != bucketErased && (string(k) == string(id) || string(val) == string(id)) {
						n++
					}
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestErasingLeavesNothingThatLeadsToAContact(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	older, _ := b.resolve(t, Identity{Phone: anna.Phone, Username: "old.name"}, 1000)
	younger, _ := b.resolve(t, Identity{UserID: anna.UserID, Username: "anna.b55"}, 2000)
	sealed, err := b.Seal(ctx, younger.ID, "x", []byte("k"), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	b.resolve(t, anna, 3000)
	if _, _, err := b.Mask(ctx, older.ID, "anna@example.com, 0151 55507777"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Moved(ctx, Identity{Phone: anna.Phone}, Identity{Phone: "4915155501299"}, 4000); err != nil {
		t.Fatal(err)
	}
	other, _ := b.resolve(t, Identity{Phone: anna.Phone, ProfileName: "Bert Beispiel"}, 5000) // has her old number now
	bystander, _ := b.resolve(t, Identity{Phone: "4915155500001"}, 1000)
	theirs, err := b.Seal(ctx, bystander.ID, "x", []byte("k"), []byte("theirs"))
	if err != nil {
		t.Fatal(err)
	}
	if rowsLeadingTo(t, b, older.ID, younger.ID) < 6 {
		t.Fatal("too few rows: the test proves nothing")
	}
	if b.Erased(ctx, younger.ID) {
		t.Fatal("erased before")
	}
	for range 2 { // saying it again changes nothing
		if err := b.Erase(ctx, younger.ID); err != nil { // the younger twin is as good as the older
			t.Fatal(err)
		}
		for range 2 {
			isErased(t, b, older.ID, sealed)
			isErased(t, b, younger.ID, sealed)
			if n := rowsLeadingTo(t, b, older.ID, younger.ID); n != 0 {
				t.Errorf("%d rows are left", n)
			}
			if c, _ := b.resolve(t, Identity{Phone: anna.Phone}, 6000); c.ID != other.ID {
				t.Error("who has the number now lost it")
			}
			if got, err := b.Open(ctx, bystander.ID, "x", []byte("k"), theirs); err != nil || string(got) != "theirs" {
				t.Errorf("another contact suffered: %v", err)
			}
			b.reopen(t, Config{})
		}
	}
	ids, err := b.ErasedContacts(ctx)
	if err != nil || len(ids) != 2 || !slices.Contains(ids, older.ID) || !slices.Contains(ids, younger.ID) {
		t.Errorf("%d erased contacts, %v", len(ids), err)
	}
	for _, i := range []Identity{{Phone: "4915155501299"}, {UserID: anna.UserID}} {
		again, changed := b.resolve(t, i, 7000)
		if again.ID == older.ID || again.ID == younger.ID || !changed || again.Alias == older.Alias {
			t.Error("who comes back is not somebody new")
		}
		if _, err := b.Open(ctx, again.ID, "x", []byte("k"), sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("what was sealed before opens for who came back: %v", err)
		}
	}
	isErased(t, b, older.ID, sealed)
	if strings.Contains(b.log.String(), anna.Phone) || !strings.Contains(b.log.String(), "were destroyed") {
		t.Error("the log does not say what was done, or says too much")
	}
}

func TestErasingSeveralReportsTheUnknownAndErasesTheRest(t *testing.T) {
	b := newBench(t, Config{})
	var ids []inbox.ContactID
	for i := range 5 {
		c, _ := b.resolve(t, Identity{Phone: fmt.Sprintf("49151555%05d", i)}, 1)
		ids = append(ids, c.ID)
	}
	epoch := b.keys.ring.safe.Epoch
	nobody := inbox.NewID[inbox.ContactID]()
	if err := b.EraseAll(t.Context(), []inbox.ContactID{ids[0], nobody, ids[1], "", ids[2]}); !errors.Is(err, ErrUnknownContact) {
		t.Errorf("got %v, want ErrUnknownContact", err)
	}
	if got := b.keys.ring.safe.Epoch; got != epoch+1 {
		t.Errorf("%d rewrites", got-epoch)
	}
	for i, id := range ids {
		if b.Erased(t.Context(), id) != (i < 3) {
			t.Errorf("contact %d", i)
		}
	}
	if b.Erased(t.Context(), nobody) {
		t.Error("somebody unknown counts as erased")
	}
	if err := b.Erase(t.Context(), nobody); !errors.Is(err, ErrUnknownContact) {
		t.Errorf("got %v, want ErrUnknownContact", err)
	}
}

func TestWithoutAKeyFileNothingIsCalledErased(t *testing.T) {
	b := newRowBench(t, Config{})
	card, _ := b.resolve(t, anna, 1)
	err1, err2, err3 := b.Erase(t.Context(), card.ID), b.RotateEpoch(t.Context()), b.RotateMaster(t.Context(), testMaster(2))
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, ErrNoKeyFile) {
			t.Errorf("got %v, want ErrNoKeyFile", err)
		}
	}
	if b.Erased(t.Context(), card.ID) {
		t.Error("it counts as erased")
	}
	if _, err := b.Card(t.Context(), card.ID); err != nil {
		t.Error(err)
	}
}

// TestNoByteOfAKeySurvivesErasing looks at every file of the keys, and at the bytes of those that were replaced, which a
// second name keeps in sight.
func TestNoByteOfAKeySurvivesErasing(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	for i := range 200 {
		b.resolve(t, Identity{Phone: fmt.Sprintf("49151556%05d", i)}, 1)
	}
	card, _ := b.resolve(t, anna, 1)
	sealed, err := b.Seal(ctx, card.ID, "x", []byte("k"), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RotateEpoch(ctx); err != nil { // her key lies in the main part of the file
		t.Fatal(err)
	}
	r := b.keys.ring
	d := digestOf(card.ID)
	wrapped := bytes.Clone(r.now.sealed[r.now.at[d]/perPage])
	plain := keyOf(t, r, card.ID)
	box, err := os.ReadFile(b.keyFile + safeSuffix)
	if err != nil {
		t.Fatal(err)
	}
	kek := bytes.Clone(r.safe.Key)
	sealedKEK := box[len(safeMagic)+seal.CheckSize:]
	oldKeys, err := os.ReadFile(b.keyFile)
	if err != nil {
		t.Fatal(err)
	}

	watch := t.TempDir()
	for _, f := range []string{b.keyFile, b.keyFile + safeSuffix} {
		if err := os.Link(f, filepath.Join(watch, filepath.Base(f))); err != nil {
			t.Skip("no second names here")
		}
	}
	count := func() (n int) {
		for _, dir := range []string{b.dir, watch} {
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if strings.HasPrefix(f.Name(), "relay.db") {
					continue
				}
				content, err := os.ReadFile(filepath.Join(dir, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				for _, secret := range [][]byte{wrapped, sealedKEK} {
					for at := 0; at+16 <= len(secret); at += 16 {
						n += bytes.Count(content, secret[at:at+16])
					}
				}
				for _, secret := range [][]byte{plain[:16], plain[16:], d[:], kek[:16], kek[16:], []byte(card.ID)} {
					n += bytes.Count(content, secret)
				}
			}
		}
		return n
	}
	if n := count(); n < 500 {
		t.Fatalf("found %d pieces before: the test proves nothing", n)
	}
	if err := b.Erase(ctx, card.ID); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d pieces are left", n)
	}
	isErased(t, b, card.ID, sealed)
	files, _ := filepath.Glob(b.keyFile + "*")
	if len(files) != 3 {
		t.Errorf("%d files, want the key file, its safe and the list of the erased", len(files))
	}

	// A copy of the old key file alone is noise.
	if err := os.WriteFile(b.keyFile, oldKeys, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, b.db, b.master, Config{KeyFile: b.keyFile}); !errors.Is(err, ErrKeys) {
		t.Errorf("an old key file: got %v, want ErrKeys", err)
	}
	// With the safe of its time and the master it is not: what the package says about copies is true.
	if err := os.WriteFile(b.keyFile+safeSuffix, box, 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := openRing(folder(b.dir), filepath.Base(b.keyFile), b.master, quiet)
	if err != nil || !bytes.Equal(keyOf(t, old, card.ID), plain) {
		t.Errorf("an old copy of both: %v", err)
	}
}

// flakyDB fails the updates it is told to, as if the process had died before them.
type flakyDB struct {
	ledger.DB
	left int // updates that still work; negative: all
}

var errDied = errors.New("the process has died")

func (d *flakyDB) Update(ctx context.Context, shard string, f func(ledger.Tx) error) error {
	if d.left == 0 {
		return errDied
	}
	d.left--
	return d.DB.Update(ctx, shard, f)
}

func TestErasingSurvivesACrashAtEveryStep(t *testing.T) {
	finished := false
	for step := 0; !finished; step++ {
		for seed := range uint64(3) {
			disk := newPowerDisk()
			db := &flakyDB{left: -1}
			b := &bench{master: testMaster(1), keyFile: "keys", log: &bytes.Buffer{}}
			file, err := ledger.Open(filepath.Join(t.TempDir(), "relay.db"), ledger.Config{Key: b.master.LedgerKey()})
			if err != nil {
				t.Fatal(err)
			}
			db.DB, b.db = file, db
			reopen := func() error {
				v, err := Open(t.Context(), db, b.master, Config{KeyFile: "keys", disk: disk})
				b.Vault = v
				return err
			}
			if err := reopen(); err != nil {
				t.Fatal(err)
			}
			gone, _ := b.resolve(t, Identity{Phone: anna.Phone}, 1)
			twin, _ := b.resolve(t, Identity{UserID: anna.UserID}, 2)
			b.resolve(t, anna, 3)
			stays, _ := b.resolve(t, Identity{Phone: "4915155500001"}, 1)
			sealed, err := b.Seal(t.Context(), gone.ID, "x", []byte("k"), []byte("hers"))
			theirs, err2 := b.Seal(t.Context(), stays.ID, "x", []byte("k"), []byte("theirs"))
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}

			switch step { // 0: nothing yet; 1: only the first transaction; then every call to the disk; in the end all
			case 0:
				db.left = 0
			case 1:
				db.left = 1
			default:
				disk.left = step - 1
			}
			disk.rng.Uint64()
			err = b.Erase(t.Context(), gone.ID)
			began := step > 0
			if step > 1 && err == nil {
				finished = true
			}
			if step > 0 && err != nil && !errors.Is(err, ErrUnfinished) {
				t.Fatalf("step %d: %v", step, err)
			}
			if step > 0 && err != nil {
				if _, err := b.Card(t.Context(), twin.ID); !errors.Is(err, ErrErased) {
					t.Fatalf("step %d: begun and not forgotten: %v", step, err)
				}
			}
			for range 2 { // the first start dies at the same place
				disk = disk.restart(seed)
				db.left = -1
				if step > 1 && seed == 1 && disk.calls == 0 {
					disk.left = step - 1
					_ = reopen()
					disk = disk.restart(seed + 1)
				}
				if err := reopen(); err != nil {
					t.Fatalf("step %d, seed %d: the vault does not open: %v", step, seed, err)
				}
			}
			if !began {
				if got, err := b.Open(t.Context(), gone.ID, "x", []byte("k"), sealed); err != nil || string(got) != "hers" {
					t.Fatalf("nothing was done, and she is gone: %v", err)
				}
				if err := b.Erase(t.Context(), gone.ID); err != nil {
					t.Fatal(err)
				}
			}
			isErased(t, b, gone.ID, sealed)
			isErased(t, b, twin.ID, sealed)
			if n := rowsLeadingTo(t, b, gone.ID, twin.ID); n != 0 {
				t.Errorf("step %d: %d rows are left", step, n)
			}
			if got, err := b.Open(t.Context(), stays.ID, "x", []byte("k"), theirs); err != nil || string(got) != "theirs" {
				t.Fatalf("step %d: another contact suffered: %v", step, err)
			}
			if again, _ := b.resolve(t, Identity{Phone: anna.Phone}, 9); again.ID == gone.ID {
				t.Error("she came back as herself")
			}
			file.Close()
		}
		if step > 60 {
			t.Fatal("erasing never ends")
		}
	}
}

func TestKeysMoveFromTheLedgerToTheKeyFileThroughEveryPowerCut(t *testing.T) {
	for cut, moved := 1, false; !moved; cut++ {
		for seed := range uint64(2) {
			b := newRowBench(t, Config{})
			var ids []inbox.ContactID
			var sealed [][]byte
			for i := range 5 {
				c, _ := b.resolve(t, Identity{Phone: fmt.Sprintf("49151555%05d", i), UserID: fmt.Sprintf("DE.%d", i)}, 1)
				s, err := b.Seal(t.Context(), c.ID, "x", nil, []byte("hello"))
				if err != nil {
					t.Fatal(err)
				}
				ids, sealed = append(ids, c.ID), append(sealed, s)
			}
			hash := b.Hash("wamid", "x")
			disk := newPowerDisk()
			disk.left = cut
			_, err := Open(t.Context(), b.db, b.master, Config{KeyFile: "keys", disk: disk})
			moved = err == nil
			disk = disk.restart(seed)
			v, err := Open(t.Context(), b.db, b.master, Config{KeyFile: "keys", disk: disk})
			if err != nil {
				t.Fatalf("cut %d, seed %d: %v", cut, seed, err)
			}
			b.Vault, b.keyFile = v, "keys"
			if b.Hash("wamid", "x") != hash {
				t.Fatal("hashes changed: nothing is found any more")
			}
			for i, id := range ids {
				if got, err := b.Open(t.Context(), id, "x", nil, sealed[i]); err != nil || string(got) != "hello" {
					t.Fatalf("cut %d, seed %d: %v", cut, seed, err)
				}
				if c, _ := b.resolve(t, Identity{UserID: fmt.Sprintf("DE.%d", i)}, 2); c.ID != id {
					t.Fatal("a contact is not found")
				}
			}
			err = b.db.View(t.Context(), Shard, func(tx ledger.Tx) error {
				for range tx.Scan(bucketKey, nil, nil) {
					t.Error("a key stayed in the ledger")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Erase(t.Context(), ids[0]); err != nil {
				t.Fatal(err)
			}
			isErased(t, b, ids[0], sealed[0])
		}
		if cut > 60 {
			t.Fatal("moving never ends")
		}
	}
}

func TestWhoIsErasedWhileHeWritesStaysErased(t *testing.T) {
	b := newBench(t, Config{Cache: 3})
	ctx := t.Context()
	for round := range 15 {
		i := Identity{Phone: fmt.Sprintf("49151555%05d", round), UserID: fmt.Sprintf("DE.%d", round)}
		card, _ := b.resolve(t, i, 1)
		var all sync.WaitGroup
		for w := range 6 {
			all.Go(func() {
				for n := range 8 {
					if w == 0 && n == 4 {
						if err := b.Erase(ctx, card.ID); err != nil {
							t.Error(err)
						}
					}
					if w%2 == 1 { // reads bring her back into a memory that is too small
						for _, other := range []inbox.ContactID{card.ID, "x", "y"} {
							_, _ = b.Card(ctx, other)
						}
					}
					if _, _, err := b.Resolve(ctx, i, inbox.Moment(2+n)); err != nil {
						t.Error(err)
					}
					if _, _, err := b.Mask(ctx, card.ID, fmt.Sprintf("w%d.%d@firma.example", w, n)); err != nil && !errors.Is(err, ErrErased) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		isErased(t, b, card.ID, nil)
		if n := rowsLeadingTo(t, b, card.ID); n != 0 {
			t.Fatalf("%d rows are left", n)
		}
		if again, _ := b.resolve(t, i, 50); again.ID == card.ID {
			t.Fatal("an erased contact came back")
		}
	}
}
