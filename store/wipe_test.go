package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// fileRing is a keyring that outlives the program: one file an item.
type fileRing struct{ dir string }

func (r fileRing) path(service, user string) string { return filepath.Join(r.dir, service+"-"+user) }

func (r fileRing) Get(service, user string) (string, error) {
	b, err := os.ReadFile(r.path(service, user))
	if errors.Is(err, fs.ErrNotExist) {
		err = keyring.ErrNotFound
	}
	return string(b), err
}

func (r fileRing) Set(service, user, secret string) error {
	return writeSynced(r.dir, service+"-"+user, []byte(secret))
}

func (r fileRing) Delete(service, user string) error {
	err := os.Remove(r.path(service, user))
	if errors.Is(err, fs.ErrNotExist) {
		err = keyring.ErrNotFound
	}
	return err
}

func ringIn(dir string) *Keyring {
	k := OpenKeyring("test")
	k.back = fileRing{dir}
	return k
}

// A furnished is a data folder with some of everything in it, its keyring, and a link to each file from outside, through
// which one sees what became of the bytes.
type furnished struct {
	data, ring, links, also string
	foreign                 string // a file that is not ours, with links to it from the folder
	device                  Device
}

// furnish makes one. good is a filled store.
func furnish(t testing.TB, base, good string) furnished {
	ctx := context.Background()
	f := furnished{data: filepath.Join(base, "data"), ring: filepath.Join(base, "ring"), links: filepath.Join(base, "links"),
		also: filepath.Join(base, "preferences"), foreign: filepath.Join(base, "foreign"), device: someDevice(t)}
	storeDir := filepath.Join(f.data, "store")
	for _, dir := range []string{storeDir, f.ring, f.links, f.also, filepath.Join(f.data, "crash", "deep"), filepath.Join(f.data, "closed")} {
		try(t, os.MkdirAll(dir, 0o700))
	}
	copyStore(t, good, storeDir)
	paths, err := attachedFiles(good)
	try(t, err)
	for _, p := range paths {
		writeFile(t, filepath.Join(storeDir, filepath.Base(p)), snapshotOfFile(t, p))
	}
	copied := snapshotOfFile(t, filepath.Join(good, outboxFile))
	plain := []byte(strings.Repeat(canary+"\n", 3000))
	for name, b := range map[string][]byte{
		"store/" + cacheFile + oldSuffix: copied, "store/" + outboxFile + newSuffix: copied, "store/" + outboxFile + nextSuffix: copied, "store/" + damagedFile: nil,
		"sealdesk.log": plain, "sealdesk.log.old": plain, "crash/1.txt": plain, "crash/deep/2.txt": plain, "crash/empty": nil, ".hidden": plain,
		"window.json": []byte(canary), "wipe.order": []byte("order"), "closed/a.txt": plain, "closed/read-only.txt": plain, "tmp-123": plain,
	} {
		writeFile(t, filepath.Join(f.data, name), b)
	}
	writeFile(t, filepath.Join(f.also, "preferences.json"), plain)
	writeFile(t, filepath.Join(base, "single.tmp"), plain)
	writeFile(t, f.foreign, []byte("not ours"))
	n := 0
	for _, root := range []string{f.data, f.also, filepath.Join(base, "single.tmp")} {
		try(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if n++; err == nil && d.Type().IsRegular() {
				err = os.Link(path, filepath.Join(f.links, fmt.Sprint(n, "-", d.Name())))
			}
			return err
		}))
	}
	try(t, os.Symlink(f.foreign, filepath.Join(f.data, "link")))
	try(t, os.Symlink(f.foreign, filepath.Join(f.data, "store", "file-link")))
	try(t, os.Symlink(base, filepath.Join(f.data, "crash", "link-to-a-folder")))
	try(t, os.Chmod(filepath.Join(f.data, "closed", "read-only.txt"), 0o400))
	try(t, os.Chmod(filepath.Join(f.data, "closed"), 0o500))
	t.Cleanup(func() { os.Chmod(filepath.Join(f.data, "closed"), 0o700) })
	ring := ringIn(f.ring)
	try(t, ring.SetDevice(ctx, f.device))
	try(t, ring.setCacheKey(ctx, childConfig("").Key, seal.Key{}, 0))
	try(t, ring.SetLent(ctx, Lent{Half: seal.RandomKey(), Lease: []byte("lease"), Generation: 1}))
	return f
}

func (f furnished) config() WipeConfig {
	return WipeConfig{Dir: f.data, Ring: ringIn(f.ring), Also: []string{f.also, filepath.Join(filepath.Dir(f.also), "single.tmp"), "/nowhere/at/all"},
		Intent: WipeIntent{ID: "wipe", Order: []byte("an order"), Epoch: 1<<40 + 1, Why: inbox.WipeLost}}
}

var allActs = []inbox.WipeAct{inbox.WipeIntended, inbox.WipeStopped, inbox.WipeKeys, inbox.WipeStore, inbox.WipeFiles, inbox.WipeSwept}

// isWiped checks what is left after a wipe, from inside and through the links; then that the receipt can be signed and kept,
// and that finishing takes the rest.
func (f furnished) isWiped(t testing.TB, done WipeDone, cuts int) {
	t.Helper()
	ctx := context.Background()
	var acts []inbox.WipeAct
	at := inbox.Moment(0)
	for _, s := range done.Steps {
		acts = append(acts, s.Did)
		if s.At < at || s.Left != 0 {
			t.Errorf("act %d at %d after %d, %d left", s.Did, s.At, at, s.Left)
		}
		at = s.At
	}
	if !slices.Equal(acts, allActs) {
		t.Errorf("the order was not kept: %v", acts)
	}
	if len(done.Left) != 0 || done.Cut > cuts || !bytes.Equal(done.Store, childConfig("").Key.Store()) {
		t.Errorf("left %q, cut %d times of %d, store %x", done.Left, done.Cut, cuts, done.Store)
	}
	f.onlyHas(t, intentFile, lockFile)
	links, err := os.ReadDir(f.links)
	try(t, err)
	for _, l := range links {
		if b := snapshotOfFile(t, filepath.Join(f.links, l.Name())); len(bytes.Trim(b, "\x00")) != 0 {
			t.Errorf("%d bytes of %s were not overwritten", len(bytes.Trim(b, "\x00")), l.Name())
		}
	}
	if len(links) < 15 {
		t.Errorf("only %d links", len(links))
	}
	if string(snapshotOfFile(t, f.foreign)) != "not ours" {
		t.Error("a link was followed")
	}
	ring := ringIn(f.ring)
	for item, want := range map[string]bool{itemCache: false, itemLease: false, itemDevice: true} {
		if _, err := ring.text(ctx, item); (err == nil) != want {
			t.Errorf("%s item: %v", item, err)
		}
	}
	d, err := ring.Device(ctx)
	try(t, err)
	if !d.Key.Equal(f.device.Key) || d.WipeEpoch != 1<<40+1 {
		t.Error("the device cannot sign, or would obey the order again")
	}
	try(t, KeepReceipt(f.data, []byte("a signed receipt"), at+1))
	j, pending, err := PendingWipe(f.data)
	if err != nil || !pending || !j.Over() || string(j.Receipt) != "a signed receipt" || string(j.Intent.Order) != "an order" || j.Intent.Why != inbox.WipeLost || len(j.Done.Steps) != 7 {
		t.Errorf("pending %v, %v", pending, err)
	}
	f.onlyHas(t, intentFile, lockFile, receiptFile)
	try(t, FinishWipe(ctx, f.data, ring))
	f.onlyHas(t)
	if items, err := os.ReadDir(f.ring); err != nil || len(items) != 0 {
		t.Errorf("%d items are left in the keyring", len(items))
	}
	if _, pending, err := PendingWipe(f.data); pending || err != nil {
		t.Errorf("it is still pending: %v", err)
	}
	try(t, FinishWipe(ctx, f.data, ring))
}

// onlyHas checks which files there are, and that none shows the canary.
func (f furnished) onlyHas(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for _, dir := range []string{f.data, f.also} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && path != dir {
				got = append(got, d.Name())
			}
			return err
		})
		if dir == f.data || !errors.Is(err, fs.ErrNotExist) {
			try(t, err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %q", got)
	}
	noCanary(t, f.data)
}

func TestAWipeLeavesNothingAndSaysWhatItDid(t *testing.T) {
	base := t.TempDir()
	good := filepath.Join(base, "good")
	filled(t, good)
	f := furnish(t, base, good)
	cfg := f.config()
	var told []inbox.WipeStep
	stopped := false
	cfg.Stop = func(context.Context) error {
		if _, pending, err := PendingWipe(f.data); !pending || err != nil {
			t.Errorf("it is not written down: %v", err)
		}
		if _, err := cfg.Ring.text(t.Context(), itemCache); err != nil || missing(f.data, "store/"+cacheFile) {
			t.Errorf("something was destroyed before all use ended: %v", err)
		}
		stopped = true
		return nil
	}
	cfg.Step = func(s inbox.WipeStep) { told = append(told, s) }
	clock := start
	cfg.Now = func() inbox.Moment { clock -= 1000; return clock } // somebody puts the clock back meanwhile
	done, err := Wipe(t.Context(), cfg)
	try(t, err)
	if !stopped || !slices.Equal(told, done.Steps) {
		t.Errorf("told %v, did %v", told, done.Steps)
	}
	for act, least := range map[inbox.WipeAct]int{inbox.WipeKeys: 2, inbox.WipeStore: 6, inbox.WipeFiles: 12} {
		if s := done.Steps[act-1]; s.Count < least || act != inbox.WipeKeys && s.Bytes < 20_000 {
			t.Errorf("act %d: %d things, %d bytes", act, s.Count, s.Bytes)
		}
	}
	again, err := Wipe(t.Context(), cfg) // it is over
	if err != nil || !slices.Equal(again.Steps, done.Steps) || again.Cut != 0 {
		t.Errorf("once more: %v", err)
	}
	f.isWiped(t, done, 0)
}

// A file that was cut shows nothing of what became of its bytes; so the step before is looked at.
func TestAFileIsBlankBeforeItIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for _, size := range []int{0, 1, len(zeros) - 1, len(zeros), 2*len(zeros) + 77} {
		writeFile(t, path, bytes.Repeat([]byte{0xa5}, size))
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		try(t, err)
		try(t, errors.Join(blank(f), f.Close()))
		if b := snapshotOfFile(t, path); len(b) != size || len(bytes.Trim(b, "\x00")) != 0 {
			t.Errorf("of %d bytes %d are there, %d as they were", size, len(b), len(bytes.Trim(b, "\x00")))
		}
	}
}

// T13, as far as it is the store's: what comes with an old epoch, or with none, changes nothing.
func TestAnOrderThatIsNotNewIsNotObeyed(t *testing.T) {
	base := t.TempDir()
	good := filepath.Join(base, "good")
	filled(t, good)
	f := furnish(t, base, good)
	ring := ringIn(f.ring)
	before := snapshotOf(t, filepath.Join(f.data, "store"))
	order := []byte("an order")
	for name, tt := range map[string]struct {
		intent WipeIntent
		seen   uint64
	}{
		"below the enrolment":                 {WipeIntent{Order: order, Epoch: 1, Why: inbox.WipeLost}, 0},
		"of the enrolment":                    {WipeIntent{Order: order, Epoch: 1 << 40, Why: inbox.WipeLost}, 0},
		"replayed":                            {WipeIntent{Order: order, Epoch: 1<<40 + 5, Why: inbox.WipeLost}, 1<<40 + 5},
		"older than one that was seen":        {WipeIntent{Order: order, Epoch: 1<<40 + 4, Why: inbox.WipeLost}, 1<<40 + 5},
		"without an epoch":                    {WipeIntent{Order: order, Why: inbox.WipeLost}, 0},
		"no order, a person's reason":         {WipeIntent{Why: inbox.WipeLost}, 0},
		"no order, but an epoch":              {WipeIntent{Epoch: 1 << 50, Why: inbox.WipeSilent}, 0},
		"nothing":                             {},
		"an order with a reason of our own":   {WipeIntent{Order: order, Epoch: 7, Why: inbox.WipeUninstall}, 0},
		"the largest epoch, when it was seen": {WipeIntent{Order: order, Epoch: 1<<64 - 1, Why: inbox.WipeLost}, 1<<64 - 1},
	} {
		cfg := f.config()
		cfg.Intent, cfg.Seen = tt.intent, tt.seen
		cfg.Stop = func(context.Context) error { t.Errorf("%s: something was stopped", name); return nil }
		if _, err := Wipe(t.Context(), cfg); !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", name, err)
		}
		if _, pending, err := PendingWipe(f.data); pending || err != nil {
			t.Errorf("%s: pending %v, %v", name, pending, err)
		}
	}
	d, err := ring.Device(t.Context())
	if err != nil || !sameDevice(d, f.device) || !bytes.Equal(before, snapshotOf(t, filepath.Join(f.data, "store"))) {
		t.Errorf("something changed: %v", err)
	}
	if err := KeepReceipt(f.data, []byte("x"), start); err == nil || !missing(f.data, receiptFile) {
		t.Error("a receipt without a wipe was kept")
	}
	// Of its own accord a device may always.
	cfg := f.config()
	cfg.Intent = WipeIntent{Why: inbox.WipeSilent}
	done, err := Wipe(t.Context(), cfg)
	if err != nil || len(done.Left) != 0 || !missing(f.data, "store") {
		t.Errorf("silent: %v", err)
	}
}

func TestAWipeGoesOnWhateverRefuses(t *testing.T) {
	base := t.TempDir()
	good := filepath.Join(base, "good")
	filled(t, good)
	n := 0
	fresh := func(t *testing.T) (furnished, WipeConfig, *memoryRing) {
		n++
		f := furnish(t, filepath.Join(base, fmt.Sprint(n)), good)
		cfg, back := f.config(), newMemoryRing()
		cfg.Ring = OpenKeyring("test")
		cfg.Ring.back = back
		try(t, cfg.Ring.setCacheKey(t.Context(), childConfig("").Key, seal.Key{}, 0))
		try(t, cfg.Ring.SetDevice(t.Context(), f.device))
		return f, cfg, back
	}
	t.Run("the keyring keeps what it has", func(t *testing.T) {
		f, cfg, back := fresh(t)
		back.keeps, back.loses = errors.New("not allowed"), true
		done, err := Wipe(t.Context(), cfg)
		try(t, err)
		if !slices.Equal(done.Left, []string{"keyring/cache"}) || done.Steps[2].Left != 1 || done.Steps[2].Count != 1 || done.Steps[5].Left != 1 {
			t.Errorf("left %q, steps %+v", done.Left, done.Steps)
		}
		f.onlyHas(t, intentFile, lockFile)
		if err := FinishWipe(t.Context(), f.data, cfg.Ring); !errors.Is(err, ErrKeyringUnavailable) {
			t.Errorf("finishing: %v", err)
		}
		j, pending, err := PendingWipe(f.data)
		if err != nil || !pending || !j.Acknowledged {
			t.Errorf("the wipe is forgotten: %v", err)
		}
		back.keeps, back.loses = nil, false
		try(t, FinishWipe(t.Context(), f.data, cfg.Ring))
		if len(back.items) != 0 {
			t.Errorf("%d items", len(back.items))
		}
	})
	t.Run("the keyring cannot be asked", func(t *testing.T) {
		f, cfg, back := fresh(t)
		back.fail = errors.New("failed to unlock correct collection")
		cfg.Store = []byte("known to the caller")
		done, err := Wipe(t.Context(), cfg)
		try(t, err)
		if !slices.Equal(done.Left, []string{"keyring/cache", "keyring/lease"}) || string(done.Store) != "known to the caller" {
			t.Errorf("left %q of %q", done.Left, done.Store)
		}
		f.onlyHas(t, intentFile, lockFile)
	})
	t.Run("a folder cannot be entered, and another program holds the store", func(t *testing.T) {
		f, cfg, _ := fresh(t)
		try(t, os.Remove(filepath.Join(f.data, "store", damagedFile)))
		c := startChild(t, "hold", filepath.Join(f.data, "store"))
		in, err := c.StdinPipe()
		try(t, err)
		out, err := c.StdoutPipe()
		try(t, err)
		try(t, c.Start())
		if line, _ := bufio.NewReader(out).ReadString('\n'); line != "open <nil>\n" {
			t.Fatal(line)
		}
		cfg.Stop = func(context.Context) error { return errors.New("it does not stop") }
		done, err := Wipe(t.Context(), cfg)
		try(t, err)
		if len(done.Left) != 0 || done.Steps[1].Left != 1 {
			t.Errorf("left %q, %+v", done.Left, done.Steps[1])
		}
		f.onlyHas(t, intentFile, lockFile)
		in.Close()
		c.Wait()
	})
	t.Run("the intent cannot be written before something is destroyed", func(t *testing.T) {
		f, cfg, _ := fresh(t)
		inTheWay := filepath.Join(f.data, intentFile+newSuffix)
		try(t, os.Mkdir(inTheWay, 0o700))
		writeFile(t, filepath.Join(inTheWay, "x"), []byte(canary))
		done, err := Wipe(t.Context(), cfg)
		try(t, err)
		if len(done.Left) != 0 || len(done.Steps) != 6 || done.Steps[0].Left != 1 {
			t.Errorf("left %q, %+v", done.Left, done.Steps)
		}
		f.onlyHas(t, intentFile, lockFile)
	})
	t.Run("a journal nobody can read", func(t *testing.T) {
		f, cfg, _ := fresh(t)
		writeFile(t, filepath.Join(f.data, intentFile), []byte("garbage"))
		cfg.Intent = WipeIntent{}
		done, err := Wipe(t.Context(), cfg)
		if err != nil || len(done.Left) != 0 || len(done.Steps) != 6 {
			t.Errorf("left %q, %v", done.Left, err)
		}
		f.onlyHas(t, intentFile, lockFile)
	})
	t.Run("another program wipes", func(t *testing.T) {
		f, cfg, _ := fresh(t)
		lock, err := takeFolder(t.Context(), f.data)
		try(t, err)
		defer lock.Close()
		if _, err := Wipe(t.Context(), cfg); !errors.Is(err, ErrAlreadyRunning) || missing(f.data, "store/"+cacheFile) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cut short between two steps", func(t *testing.T) {
		f, cfg, _ := fresh(t)
		cfg.Ring = ringIn(f.ring)
		for act := inbox.WipeIntended; act < inbox.WipeSwept; act++ {
			ctx, cancel := context.WithCancel(t.Context())
			cfg.Step = func(s inbox.WipeStep) {
				if s.Did == act {
					cancel()
				}
			}
			if _, err := Wipe(ctx, cfg); !errors.Is(err, context.Canceled) {
				t.Errorf("act %d: %v", act, err)
			}
			cancel()
		}
		cfg.Step = nil
		done, err := Wipe(t.Context(), cfg)
		try(t, err)
		f.isWiped(t, done, 5)
		if done.Cut != 5 {
			t.Errorf("cut %d times", done.Cut)
		}
	})
}
