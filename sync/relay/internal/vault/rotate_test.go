package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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

func TestTheLedgersKeyOutlivesTheMaster(t *testing.T) {
	b := newBench(t, Config{})
	if _, err := LedgerKey(Master{}, b.keyFile); !errors.Is(err, ErrMaster) {
		t.Errorf("no master: %v", err)
	}
	if key, err := LedgerKey(b.master, filepath.Join(t.TempDir(), "none.keys")); err != nil || string(key.Bytes()) != string(b.master.LedgerKey().Bytes()) {
		t.Errorf("before there is a safe: %v", err)
	}
	was, err := LedgerKey(b.master, b.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RotateMaster(t.Context(), testMaster(9)); err != nil {
		t.Fatal(err)
	}
	if now, err := LedgerKey(testMaster(9), b.keyFile); err != nil || string(now.Bytes()) != string(was.Bytes()) {
		t.Errorf("under the next master: %v", err)
	}
	if _, err := LedgerKey(b.master, b.keyFile); !errors.Is(err, ErrMaster) {
		t.Errorf("the first master still tells it: %v", err)
	}
	if err := os.Remove(b.keyFile + safeSuffix); err != nil {
		t.Fatal(err)
	}
	if _, err := LedgerKey(testMaster(9), b.keyFile); !errors.Is(err, ErrKeys) {
		t.Errorf("without the safe: %v", err)
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
		keys, box, _, err := b.BackupKeys()
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
	if _, _, _, err := newRowBench(t, Config{}).BackupKeys(); !errors.Is(err, ErrNoKeyFile) {
		t.Errorf("got %v, want ErrNoKeyFile", err)
	}
}
