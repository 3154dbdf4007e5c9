package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

func TestRotatingUnderLoadLosesNothing(t *testing.T) {
	b := newBench(t, Config{Cache: 8})
	ctx := t.Context()
	stop := make(chan struct{})
	var all sync.WaitGroup
	made := make([][]inbox.ContactID, 4)
	for w := range made {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				card, _, err := b.Resolve(ctx, Identity{Phone: fmt.Sprintf("49151%d%06d", w, n)}, 1)
				if err != nil {
					t.Error(err)
					return
				}
				sealed, err := b.Seal(ctx, card.ID, "x", nil, []byte("hello"))
				if err != nil {
					t.Error(err)
					return
				}
				made[w] = append(made[w], card.ID)
				old := made[w][n/2]
				if got, err := b.Open(ctx, card.ID, "x", nil, sealed); err != nil || string(got) != "hello" {
					t.Error("does not open", err)
				}
				if _, err := b.Card(ctx, old); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		if err := b.RotateEpoch(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.RotateMaster(ctx, testMaster(9)); err != nil {
		t.Fatal(err)
	}
	close(stop)
	all.Wait()
	if b.keys.ring.safe.Epoch != 22 {
		t.Errorf("epoch %d", b.keys.ring.safe.Epoch)
	}
	b.master = testMaster(9)
	b.reopen(t, Config{})
	n := 0
	for _, ids := range made {
		for _, id := range ids {
			n++
			if _, err := b.Card(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d contacts: the test proves nothing", n)
	}
}

// TestReadersDoNotWaitForTheDisk holds the disk in the middle of a rotation for as long as the readers take.
func TestReadersDoNotWaitForTheDisk(t *testing.T) {
	b := newBench(t, Config{})
	disk := newPowerDisk()
	v, err := Open(t.Context(), freshLedger(t), b.master, Config{KeyFile: "keys", disk: disk, Cache: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	var cards []inbox.Contact
	for i := range 6 {
		c, _, err := v.Resolve(ctx, Identity{Phone: fmt.Sprintf("49151555%05d", i)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, c)
	}
	held, free := make(chan string), make(chan struct{})
	disk.hold = func(call string) {
		held <- call
		<-free
	}
	done := make(chan error, 1)
	go func() { done <- v.RotateEpoch(ctx) }()
	calls := 0
	for running := true; running; {
		select {
		case <-held: // the disk stands still now
			calls++
			for _, c := range cards {
				if _, err := v.Card(ctx, c.ID); err != nil {
					t.Error(err)
				}
				if _, err := v.Seal(ctx, c.ID, "x", nil, nil); err != nil {
					t.Error(err)
				}
			}
			if _, _, err := v.Resolve(ctx, Identity{Phone: fmt.Sprintf("49152555%05d", calls)}, 1); err != nil {
				t.Error(err) // a new contact takes a key that was made before
			}
			free <- struct{}{}
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		}
	}
	if calls < 10 {
		t.Errorf("the disk was held %d times: the test proves little", calls)
	}
}

func freshLedger(t testing.TB) ledger.DB {
	t.Helper()
	db, err := ledger.Open(filepath.Join(t.TempDir(), "relay.db"), ledger.Config{Key: seal.RandomKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestAnotherMasterTakesOver(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	card, _ := b.resolve(t, anna, 1)
	sealed, err := b.Seal(ctx, card.ID, "x", nil, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	hash, epoch := b.Hash("wamid", "x"), b.keys.ring.safe.Epoch
	before, err := LedgerKey(b.master, b.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RotateMaster(ctx, Master{}); !errors.Is(err, ErrMaster) {
		t.Errorf("no key: got %v, want ErrMaster", err)
	}
	next := testMaster(2)
	if err := b.RotateMaster(ctx, next); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Seal(ctx, card.ID, "x", nil, nil); err != nil {
		t.Error(err)
	}
	old := b.master
	if _, err := Open(ctx, b.db, old, Config{KeyFile: b.keyFile}); !errors.Is(err, ErrMaster) {
		t.Errorf("the old master: got %v, want ErrMaster", err)
	}
	if _, err := LedgerKey(old, b.keyFile); !errors.Is(err, ErrMaster) {
		t.Errorf("the ledger's key for the old master: got %v, want ErrMaster", err)
	}
	b.master = next
	b.reopen(t, Config{})
	if got, err := b.Open(ctx, card.ID, "x", nil, sealed); err != nil || string(got) != "hello" {
		t.Error(err)
	}
	if c, _ := b.resolve(t, Identity{Phone: anna.Phone}, 2); c.ID != card.ID || b.Hash("wamid", "x") != hash {
		t.Error("nobody is found any more")
	}
	if b.keys.ring.safe.Epoch != epoch+1 {
		t.Error("the epoch the old master opened is still in use")
	}
	after, err := LedgerKey(next, b.keyFile)
	if err != nil || string(after.Bytes()) != string(before.Bytes()) {
		t.Errorf("the ledger's key is another one: %v", err)
	}
	if strings.Contains(b.log.String(), anna.Phone) {
		t.Error("the log holds a number")
	}
}

func TestTheLedgersKeyChangesWhileItIsRebuilt(t *testing.T) {
	dir := t.TempDir()
	keyFile, m := filepath.Join(dir, "vault.keys"), testMaster(1)
	key, err := LedgerKey(m, keyFile)
	if err != nil || string(key.Bytes()) != string(m.LedgerKey().Bytes()) {
		t.Fatalf("before there is a safe: %v", err)
	}
	if _, err := StageLedgerKey(m, keyFile); err == nil {
		t.Error("a key was made for no vault")
	}
	rebuild := func(from, to string, key, next seal.Key) error {
		src, err := ledger.Open(filepath.Join(dir, from), ledger.Config{Key: key})
		if err != nil {
			return err
		}
		defer src.Close()
		dst, err := ledger.Open(filepath.Join(dir, to), ledger.Config{Key: next})
		if err != nil {
			return err
		}
		defer dst.Close()
		return src.View(t.Context(), Shard, func(from ledger.Tx) error {
			return dst.Update(t.Context(), Shard, func(to ledger.Tx) error {
				buckets, err := from.Buckets("")
				for _, bucket := range buckets {
					for k, v := range from.Scan(bucket, nil, nil) {
						if err := to.Put(bucket, k, v); err != nil {
							return err
						}
					}
				}
				return err
			})
		})
	}
	use := func(file string, key seal.Key, m Master) inbox.ContactID {
		t.Helper()
		db, err := ledger.Open(filepath.Join(dir, file), ledger.Config{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		v, err := Open(t.Context(), db, m, Config{KeyFile: keyFile})
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := v.Resolve(t.Context(), anna, 1)
		if err != nil {
			t.Fatal(err)
		}
		if m.secret[0] == 1 {
			if err := v.RotateMaster(t.Context(), testMaster(2)); err != nil {
				t.Fatal(err)
			}
		}
		return c.ID
	}
	id := use("one.db", key, m)
	m = testMaster(2)
	next, err := StageLedgerKey(m, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := StageLedgerKey(m, keyFile); err != nil || string(again.Bytes()) != string(next.Bytes()) {
		t.Errorf("repeating it makes another key: %v", err)
	}
	if err := rebuild("one.db", "two.db", key, next); err != nil {
		t.Fatal(err)
	}
	if k, staged, err := LedgerKeys(m, keyFile); err != nil || string(k.Bytes()) != string(key.Bytes()) || string(staged.Bytes()) != string(next.Bytes()) {
		t.Errorf("between the two: %v", err)
	}
	if err := SettleLedgerKey(m, keyFile, key); !errors.Is(err, ErrKeys) {
		t.Errorf("settling on the wrong key: got %v, want ErrKeys", err)
	}
	if err := SettleLedgerKey(m, keyFile, next); err != nil {
		t.Fatal(err)
	}
	k, staged, err := LedgerKeys(m, keyFile)
	if err != nil || string(k.Bytes()) != string(next.Bytes()) || !staged.IsZero() {
		t.Errorf("in the end: %v", err)
	}
	if got := use("two.db", k, m); got != id {
		t.Error("the rebuilt ledger has other contacts")
	}
	if _, err := ledger.Open(filepath.Join(dir, "two.db"), ledger.Config{Key: testMaster(1).LedgerKey()}); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("the first master still opens the ledger: %v", err)
	}
}

func TestACopyOfTheKeysIsOfOneMoment(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, anna, 1)
	want := keyOf(t, b.keys.ring, card.ID)
	done := make(chan error, 1)
	go func() {
		var err error
		for range 30 {
			err = errors.Join(err, b.RotateEpoch(context.Background()))
		}
		done <- err
	}()
	copies := 0
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
		keys, box, err := b.BackupKeys()
		if err != nil {
			t.Fatal(err)
		}
		d := newPowerDisk()
		if err := errors.Join(d.Write("keys", keys), d.Write("keys"+safeSuffix, box)); err != nil {
			t.Fatal(err)
		}
		r, err := openRing(d, "keys", b.master, quiet)
		if err != nil || !bytes.Equal(keyOf(t, r, card.ID), want) {
			t.Fatalf("a copy does not open: %v", err)
		}
		copies++
	}
	if copies < 5 {
		t.Errorf("%d copies: the test proves little", copies)
	}
	if _, _, err := newRowBench(t, Config{}).BackupKeys(); !errors.Is(err, ErrNoKeyFile) {
		t.Errorf("got %v, want ErrNoKeyFile", err)
	}
}
