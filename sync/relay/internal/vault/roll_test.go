package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// restart closes the ledger, lets f change the files and opens everything again.
func (b *bench) restart(t testing.TB, f func()) error {
	t.Helper()
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	f()
	db, err := ledger.Open(filepath.Join(b.dir, "relay.db"), ledger.Config{Key: b.master.LedgerKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b.db = db
	v, err := Open(t.Context(), db, b.master, Config{KeyFile: b.keyFile})
	if err == nil {
		b.Vault = v
	}
	return err
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWhoIsErasedStaysErasedWhateverIsRestored brings back files of a backup from before an erasure, alone and together,
// and erases again who came back with them.
func TestWhoIsErasedStaysErasedWhateverIsRestored(t *testing.T) {
	const rows, keys = "relay.db", "vault.keys"
	for _, c := range []struct {
		restored string
		files    []string
		opens    bool // what was sealed for the erased opens until he is erased again
	}{
		{"nothing", nil, false},
		{"the ledger", []string{rows}, false},
		{"the keys", []string{keys, keys + safeSuffix}, false},
		{"the ledger and the keys", []string{rows, keys, keys + safeSuffix}, true},
	} {
		t.Run(c.restored, func(t *testing.T) {
			b := newBench(t, Config{})
			ctx := t.Context()
			older, _ := b.resolve(t, Identity{Phone: anna.Phone}, 1)
			younger, _ := b.resolve(t, Identity{UserID: anna.UserID}, 2)
			b.resolve(t, anna, 3)
			stays, _ := b.resolve(t, Identity{Phone: "4915155500001"}, 1)
			long, _ := b.resolve(t, Identity{Phone: "4915155500002"}, 1) // erased before the backup
			if err := b.Erase(ctx, long.ID); err != nil {
				t.Fatal(err)
			}
			sealed, err := b.Seal(ctx, older.ID, "x", []byte("k"), []byte("hers"))
			theirs, err2 := b.Seal(ctx, stays.ID, "x", []byte("k"), []byte("theirs"))
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			backup := map[string][]byte{}
			err = b.restart(t, func() {
				for _, name := range []string{rows, keys, keys + safeSuffix} {
					backup[name] = read(t, b.file(name))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Erase(ctx, younger.ID); err != nil {
				t.Fatal(err)
			}
			epoch := b.Epoch()
			err = b.restart(t, func() {
				for _, name := range c.files {
					write(t, b.file(name), backup[name])
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if older := slices.Contains(c.files, keys); (b.Epoch() < epoch) != older {
				t.Errorf("epoch %d after %d", b.Epoch(), epoch)
			}
			if _, err := b.Open(ctx, older.ID, "x", []byte("k"), sealed); (err == nil) != c.opens {
				t.Fatalf("what was sealed for her: %v; the test proves nothing", err)
			}
			back, err := b.Returned(ctx)
			if err != nil {
				t.Fatal(err)
			}
			want := []inbox.ContactID{older.ID, younger.ID}
			if slices.Sort(want); len(c.files) == 0 {
				want = nil
			}
			if !slices.Equal(back, want) {
				t.Fatalf("%d came back, want %d", len(back), len(want))
			}
			for range 2 { // doing it again changes nothing
				if err := b.EraseAll(ctx, back); err != nil {
					t.Fatal(err)
				}
				isErased(t, b, older.ID, sealed)
				isErased(t, b, younger.ID, sealed)
				isErased(t, b, long.ID, nil)
				if n := rowsLeadingTo(t, b, older.ID, younger.ID); n != 0 {
					t.Errorf("%d rows are left", n)
				}
				if got, err := b.Open(ctx, stays.ID, "x", []byte("k"), theirs); err != nil || string(got) != "theirs" {
					t.Errorf("another contact suffered: %v", err)
				}
				if more, err := b.Returned(ctx); err != nil || len(more) != 0 {
					t.Errorf("%d are back again, %v", len(more), err)
				}
				b.reopen(t, Config{})
			}
			if ids, err := b.ErasedContacts(ctx); err != nil || len(ids) != 3 {
				t.Errorf("%d erased contacts, %v", len(ids), err)
			}
			if again, changed := b.resolve(t, anna, 9); again.ID == older.ID || again.ID == younger.ID || !changed {
				t.Error("she came back as herself")
			}
		})
	}
}

func TestTheRollIsRefusedDamagedAndRefilledMissing(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	var ids []inbox.ContactID
	for i := range 3 {
		c, _ := b.resolve(t, Identity{Phone: fmt.Sprintf("49151555%05d", i)}, 1)
		ids = append(ids, c.ID)
	}
	if _, err := os.Stat(b.file("vault.keys" + rollSuffix)); err == nil {
		t.Error("a list of the erased before anybody was")
	}
	if err := b.EraseAll(ctx, ids[:2]); err != nil {
		t.Fatal(err)
	}
	path := b.file("vault.keys" + rollSuffix)
	good := read(t, path)
	if bytes.Contains(good, []byte(ids[0])) {
		t.Error("an id is written in the clear")
	}
	foreign := newBench(t, Config{})
	c, _ := foreign.resolve(t, anna, 1)
	if err := foreign.Erase(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	turned := bytes.Clone(good)
	turned[len(turned)-1] ^= 1
	for name, content := range map[string][]byte{
		"one bit turned": turned, "cut short": good[:len(good)-1], "empty": {}, "another vault's": read(t, foreign.file("vault.keys"+rollSuffix)),
	} {
		if err := b.restart(t, func() { write(t, path, content) }); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: got %v, want ErrKeys", name, err)
		}
	}
	if err := b.restart(t, func() { os.Remove(path) }); err != nil {
		t.Fatal(err)
	}
	if got := b.roll.all(); len(got) != 2 {
		t.Errorf("%d are on a roll made anew, want the 2 the ledger knows", len(got))
	}
	b.reopen(t, Config{})
	if got := b.roll.all(); len(got) != 2 {
		t.Errorf("%d are on the roll after a start", len(got))
	}
	if err := b.RotateMaster(ctx, testMaster(7)); err != nil {
		t.Fatal(err)
	}
	b.master = testMaster(7)
	b.reopen(t, Config{})
	if got := b.roll.all(); len(got) != 2 {
		t.Errorf("%d are on the roll under another master", len(got))
	}
}
