package vault

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

func deviceID(i int) inbox.DeviceID { return inbox.DeviceID(fmt.Sprintf("device%020d", i)) }

func halfOf(t testing.TB, v *Vault, id inbox.DeviceID) ([]byte, uint64) {
	t.Helper()
	half, generation, err := v.Lend(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return half.Bytes(), generation
}

func TestAHalfIsLentAgainAndAfterAStart(t *testing.T) {
	b := newBench(t, Config{})
	first, generation := halfOf(t, b.Vault, "d1")
	other, _ := halfOf(t, b.Vault, "d2")
	if generation != 1 || bytes.Equal(first, other) {
		t.Errorf("generation %d", generation)
	}
	if again, _ := halfOf(t, b.Vault, "d1"); !bytes.Equal(again, first) {
		t.Error("another half is lent")
	}
	if err := b.restart(t, func() {}); err != nil {
		t.Fatal(err)
	}
	if again, generation := halfOf(t, b.Vault, "d1"); !bytes.Equal(again, first) || generation != 1 {
		t.Error("another half is lent after a start")
	}
}

func TestAHalfTurnsOnceItIsSettled(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	old, _ := halfOf(t, b.Vault, "d")
	if err := b.Settle(ctx, "d", 2); !errors.Is(err, ErrGeneration) {
		t.Errorf("settled what was never begun: %v", err)
	}
	next, generation, err := b.Next(ctx, "d")
	if err != nil || generation != 2 || !b.Turning("d") {
		t.Fatalf("generation %d: %v", generation, err)
	}
	if same, generation := halfOf(t, b.Vault, "d"); !bytes.Equal(same, old) || generation != 1 {
		t.Error("the old half is not lent while it is needed")
	}
	before := read(t, b.keyFile+halvesSuffix)
	if err := b.restart(t, func() {}); err != nil {
		t.Fatal(err)
	}
	again, _, err := b.Next(ctx, "d")
	if err != nil || !bytes.Equal(again.Bytes(), next.Bytes()) {
		t.Errorf("another next half: %v", err)
	}
	for range 2 {
		if err := b.Settle(ctx, "d", 2); err != nil {
			t.Fatal(err)
		}
	}
	if now, generation := halfOf(t, b.Vault, "d"); !bytes.Equal(now, next.Bytes()) || generation != 2 || b.Turning("d") {
		t.Error("the new half is not in force")
	}
	if opens(t, b, before) {
		t.Error("a copy from before opens")
	}
}

// opens says whether a copy of the file can be read with all the relay has now.
func opens(t *testing.T, b *bench, file []byte) bool {
	t.Helper()
	h := &halves{ring: b.keys.ring, rows: map[inbox.DeviceID]halfRow{}}
	_, err := h.parse(file)
	return err == nil
}

// TestACopyOfTheFileIsNoiseOnceAHalfIsDestroyed keeps a copy of the key files from before, as a backup or a thief does.
func TestACopyOfTheFileIsNoiseOnceAHalfIsDestroyed(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	lost, _ := halfOf(t, b.Vault, "lost")
	kept, _ := halfOf(t, b.Vault, "kept")
	before := read(t, b.keyFile+halvesSuffix)
	if !opens(t, b, before) {
		t.Fatal("the control: the copy is readable as long as nothing was destroyed")
	}
	had, err := b.Destroy(ctx, "lost", "never-had-one")
	if err != nil || !slices.Equal(had, []inbox.DeviceID{"lost"}) {
		t.Fatalf("%v: %v", had, err)
	}
	for _, id := range []inbox.DeviceID{"lost", "never-had-one"} {
		if _, _, err := b.Lend(ctx, id); !errors.Is(err, ErrHalfGone) || b.HasHalf(id) {
			t.Errorf("a half is lent: %v", err)
		}
		if _, _, err := b.Next(ctx, id); !errors.Is(err, ErrHalfGone) {
			t.Errorf("a next half is lent: %v", err)
		}
		if err := b.Settle(ctx, id, 1); !errors.Is(err, ErrHalfGone) {
			t.Errorf("settled: %v", err)
		}
	}
	if again, _ := halfOf(t, b.Vault, "kept"); !bytes.Equal(again, kept) {
		t.Error("another device's half is another one")
	}
	if opens(t, b, before) {
		t.Error("the copy opens")
	}
	// Even the whole of it in place again is no half: it is of another epoch.
	if err := b.restart(t, func() { write(t, b.keyFile+halvesSuffix, before) }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Lend(ctx, "lost"); !errors.Is(err, ErrHalfGone) {
		t.Errorf("a destroyed half is back: %v", err)
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if bytes.Contains(read(t, b.file(e.Name())), lost) {
			t.Errorf("the half stands in %s", e.Name())
		}
	}
}

// TestADestroyedHalfStaysDestroyedWhateverIsRestored brings the safe back too, so that the copy opens.
func TestADestroyedHalfStaysDestroyedWhateverIsRestored(t *testing.T) {
	b := newBench(t, Config{})
	halfOf(t, b.Vault, "lost")
	kept, _ := halfOf(t, b.Vault, "kept")
	files := map[string][]byte{}
	for _, suffix := range []string{"", safeSuffix, halvesSuffix} {
		files[suffix] = read(t, b.keyFile+suffix)
	}
	if _, err := b.Destroy(t.Context(), "lost"); err != nil {
		t.Fatal(err)
	}
	err := b.restart(t, func() {
		for suffix, content := range files {
			write(t, b.keyFile+suffix, content)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Lend(t.Context(), "lost"); !errors.Is(err, ErrHalfGone) {
		t.Errorf("a destroyed half is back: %v", err)
	}
	if again, _ := halfOf(t, b.Vault, "kept"); !bytes.Equal(again, kept) {
		t.Error("the half of another device did not come back with the backup")
	}
	if opens(t, b, files[halvesSuffix]) {
		t.Error("the start left the restored copy readable")
	}
	if got := b.Unlendable(); !slices.Equal(got, []inbox.DeviceID{"lost"}) {
		t.Errorf("unlendable: %v", got)
	}
}

func TestADamagedFileOfHalvesIsRefused(t *testing.T) {
	b := newBench(t, Config{})
	halfOf(t, b.Vault, "d")
	file := read(t, b.keyFile+halvesSuffix)
	for _, n := range []int{0, 7, halvesHead - 1, halvesHead + 3, len(file) - 1} {
		spoilt := slices.Clone(file)
		if n == 0 {
			spoilt = spoilt[:40]
		} else {
			spoilt[n] ^= 1
		}
		err := b.restart(t, func() { write(t, b.keyFile+halvesSuffix, spoilt) })
		if n == halvesHead-1 { // the number of an epoch there is no key of
			if err != nil {
				t.Errorf("byte %d: %v", n, err)
			}
			continue
		}
		if !errors.Is(err, ErrKeys) {
			t.Errorf("byte %d: %v", n, err)
		}
	}
	// Without it there are no halves, and work goes on.
	if err := b.restart(t, func() { os.Remove(b.keyFile + halvesSuffix) }); err != nil {
		t.Fatal(err)
	}
	halfOf(t, b.Vault, "d")
}

func TestTheDailyRotationTakesTheHalvesAlong(t *testing.T) {
	b := newBench(t, Config{})
	half, _ := halfOf(t, b.Vault, "d")
	before := read(t, b.keyFile+halvesSuffix)
	if err := b.RotateEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if opens(t, b, before) {
		t.Error("a copy from before opens")
	}
	if again, _ := halfOf(t, b.Vault, "d"); !bytes.Equal(again, half) {
		t.Error("another half is lent")
	}
}

func TestAnotherMasterKeepsTheHalves(t *testing.T) {
	b := newBench(t, Config{})
	half, _ := halfOf(t, b.Vault, "d")
	next := testMaster(7)
	if err := b.RotateMaster(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	b.master = next
	b.reopen(t, Config{})
	if again, _ := halfOf(t, b.Vault, "d"); !bytes.Equal(again, half) {
		t.Error("another half is lent")
	}
}

func TestManyDevicesAtOnceWaitForFewWrites(t *testing.T) {
	d := newPowerDisk()
	r := newRing(t, d)
	h, err := openHalves(r, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.lend("first"); err != nil {
		t.Fatal(err)
	}
	before := d.calls
	r.write.Lock() // until all are there
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if _, err := h.lend(deviceID(i)); err != nil {
				t.Error(err)
			}
		})
	}
	for waiting := 0; waiting < 200; runtime.Gosched() {
		h.mu.RLock()
		waiting = len(h.want)
		h.mu.RUnlock()
	}
	r.write.Unlock()
	all.Wait()
	if n := d.calls - before; n > 20 {
		t.Errorf("%d calls of the disk", n)
	}
}

// TestAHalfIsMadeOnceHoweverOftenItIsAskedForMeanwhile has a device connect twice at its first time: the second call comes
// while the first one's half is being written. The half must not be made anew when the next device comes.
func TestAHalfIsMadeOnceHoweverOftenItIsAskedForMeanwhile(t *testing.T) {
	d := newPowerDisk()
	h, err := openHalves(newRing(t, d), quiet)
	if err != nil {
		t.Fatal(err)
	}
	var second sync.WaitGroup
	var again halfRow
	d.hold = func(string) {
		d.hold = nil
		second.Go(func() {
			var err error
			if again, err = h.lend("d"); err != nil {
				t.Error(err)
			}
		})
		for waits := false; !waits; runtime.Gosched() {
			h.mu.RLock()
			waits = h.want["d"]
			h.mu.RUnlock()
		}
	}
	first, err := h.lend("d")
	if err != nil {
		t.Fatal(err)
	}
	second.Wait()
	if _, err := h.lend("another"); err != nil {
		t.Fatal(err)
	}
	last, err := h.lend("d")
	if err != nil || !bytes.Equal(again.Half, first.Half) || !bytes.Equal(last.Half, first.Half) {
		t.Errorf("the device is lent another half than before: %v", err)
	}
}

// TestHalvesSurviveAPowerCutAtEveryStep tells one story on a disk whose power goes at every call: what was lent is lent
// again, what was destroyed is never lent again, and nothing is in between.
func TestHalvesSurviveAPowerCutAtEveryStep(t *testing.T) {
	type state struct {
		lent      map[inbox.DeviceID][]byte
		destroyed map[inbox.DeviceID]bool
		next      []byte
		settled   bool
	}
	tell := func(h *halves, s *state) error {
		for _, id := range []inbox.DeviceID{"a", "b", "turns"} {
			row, err := h.lend(id)
			if err != nil {
				return err
			}
			s.lent[id] = row.Half
		}
		if _, err := h.destroy([]inbox.DeviceID{"a"}); err != nil {
			return err
		}
		delete(s.lent, "a")
		s.destroyed["a"] = true
		row, err := h.turn("turns")
		if err != nil {
			return err
		}
		s.next = row.Next
		if err := h.settle("turns", 2); err != nil {
			return err
		}
		s.settled = true
		if _, err := h.ring.rewrite(change{}); err != nil { // the contacts' keys share the safe
			return err
		}
		if _, err := h.destroy([]inbox.DeviceID{"b"}); err != nil {
			return err
		}
		delete(s.lent, "b")
		s.destroyed["b"] = true
		return nil
	}
	total, cuts := 0, 0
	for cut := 1; total == 0 || cut <= total; cut++ {
		for seed := range uint64(6) {
			d := newPowerDisk()
			d.rng = rand.New(rand.NewPCG(seed, uint64(cut)))
			r := newRing(t, d)
			h, err := openHalves(r, quiet)
			if err != nil {
				t.Fatal(err)
			}
			before := d.calls
			d.left = cut
			s := &state{lent: map[inbox.DeviceID][]byte{}, destroyed: map[inbox.DeviceID]bool{}}
			if err := tell(h, s); err == nil {
				total = d.calls - before
			} else if !errors.Is(err, errPower) && d.left != 0 {
				t.Fatal(err)
			}
			cuts++
			d = d.restart(seed)
			if seed%2 == 1 {
				d.left = 1 + int(seed)
				if r, err := openRing(d, "keys", testMaster(1), quiet); err == nil {
					_, _ = openHalves(r, quiet)
				}
				d = d.restart(seed / 2)
			}
			where := fmt.Sprintf("power cut at call %d, seed %d", cut, seed)
			r, err = openRing(d, "keys", testMaster(1), quiet)
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			if h, err = openHalves(r, quiet); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			for id, half := range s.lent {
				row, err := h.lend(id)
				switch {
				case errors.Is(err, ErrHalfGone) && (id == "b" && s.settled || id == "a" && s.next == nil): // it was being destroyed
				case err != nil:
					t.Fatalf("%s: what was lent is not: %v", where, err)
				case id == "turns" && s.next != nil && bytes.Equal(row.Half, s.next):
				case !bytes.Equal(row.Half, half) || id == "turns" && s.settled:
					t.Fatalf("%s: another half is lent to %s", where, id)
				}
			}
			for id := range s.destroyed {
				if _, err := h.lend(id); !errors.Is(err, ErrHalfGone) {
					t.Fatalf("%s: a destroyed half is lent: %v", where, err)
				}
				if _, ok := h.rows[id]; ok {
					t.Fatalf("%s: a destroyed half is still there", where)
				}
			}
			if _, err := h.lend("later"); err != nil {
				t.Fatalf("%s: it does not go on: %v", where, err)
			}
			if _, err := h.destroy([]inbox.DeviceID{"later"}); err != nil {
				t.Fatalf("%s: it does not go on: %v", where, err)
			}
		}
	}
	if total < 30 || cuts < 180 {
		t.Fatalf("only %d cuts of %d calls: the test proves nothing", cuts, total)
	}
}

// TestDestroyingAHalfCostsTheSameWithManyContacts: the keys of 100,000 contacts are not written anew for one device. The
// verdict is by what the disk is asked to write, the time is only told.
func TestDestroyingAHalfCostsTheSameWithManyContacts(t *testing.T) {
	dir := t.TempDir()
	counting := &countingDisk{disk: folder(dir)}
	r := newRing(t, counting)
	many := map[digest]seal.Key{}
	for i := range 100_000 {
		key, err := seal.NewKey(random(seal.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		many[digestOf(inbox.ContactID(fmt.Sprint(i)))] = key
	}
	if _, err := r.rewrite(change{add: many}); err != nil {
		t.Fatal(err)
	}
	h, err := openHalves(r, quiet)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[inbox.DeviceID]halfRow{}
	for i := range 500 {
		rows[deviceID(i)] = halfRow{Half: random(seal.KeySize), Generation: 1}
	}
	if err := h.keep(rows); err != nil {
		t.Fatal(err)
	}
	counting.written = 0
	start := time.Now()
	if _, err := h.destroy([]inbox.DeviceID{deviceID(7)}); err != nil {
		t.Fatal(err)
	}
	t.Logf("with 100,000 contacts and 500 devices: %s, %d bytes written", time.Since(start), counting.written)
	if counting.written > 256<<10 {
		t.Errorf("%d bytes were written", counting.written)
	}
}

type countingDisk struct {
	disk
	written int
}

func (d *countingDisk) Write(name string, b []byte) error {
	d.written += len(b)
	return d.disk.Write(name, b)
}

func (d *countingDisk) WriteAt(name string, b []byte, off int64) error {
	d.written += len(b)
	return d.disk.WriteAt(name, b, off)
}
