package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/store/seal"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// This file is real runs of the program that another takes the place of: the test binary is started once per rule, holds what
// nobody may find afterwards, and does what the rule says. Each run writes what it is onto the standard output, which the run
// after it inherits.

// A replacing is one rule: what the first run does, and what the run after it finds.
type replacing struct {
	first func(r *replaced)
	none  bool             // no other run may follow
	next  func(error) bool // what the next run's inbox comes to
	gone  bool             // the keyring holds no device any more
	code  int              // of the end
}

var replacings = map[string]replacing{
	"the lease is over": {first: func(r *replaced) { r.open(-time.Hour, 60); r.look() }, next: is(ui.TroubleLeaseOver)},
	"the lease is over and the engine has given up": {first: func(r *replaced) {
		s := r.open(-time.Hour, 60)
		s.stop()
		<-s.done
		r.look()
	}, next: is(ui.TroubleLeaseOver)},
	"the lease is over while the window is locked": {first: func(r *replaced) { r.open(-time.Hour, 60); r.must(r.h.Lock(r.ctx)); r.look() }, next: is(ui.TroubleLeaseOver)},
	"the relay's order was obeyed and the relay is away": {first: func(r *replaced) {
		_, err := r.open(0, 3600).keeper.Wipe(r.ctx, r.order(), nil)
		r.must(err)
		r.look()
	}, next: isWiped},
	"an order lies in the folder": {first: func(r *replaced) { r.open(0, 3600); r.putOrder(); r.look() }, next: isWiped},
	"an order lies in the folder of a locked window": {first: func(r *replaced) {
		r.open(0, 3600)
		r.must(r.h.Lock(r.ctx))
		r.putOrder()
		r.h.openInbox(r.ctx)
		r.look()
	}, next: isWiped},
	"the relay has the receipt": {first: func(r *replaced) { r.wipe(r.open(0, 3600)) }, next: isWiped, gone: true},
	"another person":            {first: func(r *replaced) { r.open(0, 3600); r.must(r.h.become(r.ctx, r.enrolled())) }, next: is(ui.TroubleLeaseOver)},
	"set up again":              {first: func(r *replaced) { r.open(0, 3600); r.must(r.h.SetUpAgain(r.ctx)) }, next: is(ui.TroubleNotEnrolled), gone: true},
	"several reasons at once": {first: func(r *replaced) {
		r.open(-time.Hour, 60)
		for range 8 {
			go r.look()
		}
		select {}
	}, next: is(ui.TroubleLeaseOver)},
	"no run can follow: rather no window": {first: func(r *replaced) { r.open(-time.Hour, 60); r.h.args = []string{"\x00"}; r.look() }, none: true, code: 1},

	"the lease holds":                       {first: func(r *replaced) { r.open(0, 3600); r.look() }, none: true},
	"the lease holds and the window locked": {first: func(r *replaced) { r.open(0, 3600); r.must(r.h.Lock(r.ctx)); r.look() }, none: true},
	"a strict lease and a long loss": {first: func(r *replaced) {
		s := r.open(0, 0)
		r.lost(s)
		r.look()
		r.h.mu.Lock()
		s.heard = time.Now().Add(-strictGrace)
		r.h.mu.Unlock()
		r.look()
	}, next: is(ui.TroubleLeaseOver)},
	"a strict lease and a short loss": {first: func(r *replaced) { r.lost(r.open(0, 0)); r.look() }, none: true},
	"nobody's inbox was shown": {first: func(r *replaced) {
		r.must(r.h.ring.SetDevice(r.ctx, aDevice()))
		r.putOrder()
		r.h.openInbox(r.ctx)
		r.look()
		r.must(r.h.become(r.ctx, r.enrolled()))
		r.must(r.h.SetUpAgain(r.ctx))
	}, none: true},
	"the program ends":      {first: func(r *replaced) { r.open(-time.Hour, 60); r.must(r.h.close()); r.look(); r.h.replace() }, none: true},
	"an uninstaller's wipe": {first: func(r *replaced) { s := r.open(0, 3600); r.h.quiet = true; r.wipe(s); r.look() }, none: true},
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func isWiped(err error) bool { var w ui.Wiped; return errors.As(err, &w) && w.Done }

// A replaced is one run, with a house as run makes it.
type replaced struct {
	h   *house
	ctx context.Context
}

func (r *replaced) look() { r.h.look(r.ctx) }

func (r *replaced) must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(4)
	}
}

// The keys of the device and of its relay are the same in each run, as the keyring would keep them: that of a test is in memory.
func aKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func aDevice() store.Device {
	return store.Device{ID: "device", Person: "p", Relay: "127.0.0.1:1", Key: aKey(1), RelayKey: aKey(2).Public().(ed25519.PublicKey), WipeEpoch: 7}
}

func aLease(issued time.Duration, offline int) []byte {
	return wire.SignLease(aKey(2), wire.Lease{Device: "device", Generation: 1, Issued: inbox.At(time.Now().Add(issued)), Offline: offline})
}

// open shows somebody's inbox, under a lease of so many seconds from that time on. Nobody answers at the relay's address.
func (r *replaced) open(issued time.Duration, offline int) *session {
	device := aDevice()
	r.must(r.h.ring.SetDevice(r.ctx, device))
	keeper := r.h.stand(device)
	_, err := keeper.Open(r.ctx, wire.Welcome{Half: bytes.Repeat([]byte{3}, wire.HalfLen), Generation: 1, Time: inbox.At(time.Now().Add(issued)), Lease: aLease(issued, offline)})
	r.must(err)
	s := r.h.dial(r.ctx, device, keeper, keeper.Store(), false)
	_, err = r.h.sessionOf(r.ctx, device, s)
	r.must(err)
	return s
}

// lost waits until the engine has seen that the relay is away.
func (r *replaced) lost(s *session) {
	for range s.engine.Watch(r.ctx) {
		if s.engine.Link().State == engine.Offline {
			return
		}
	}
}

func (r *replaced) order() []byte {
	return wire.SignOrder(aKey(2), wire.WipeOrder{ID: inbox.NewID[inbox.WipeID](), Device: "device", Epoch: 8, Nonce: make([]byte, 16), Issued: inbox.At(time.Now()), Why: inbox.WipeLost})
}

func (r *replaced) putOrder() {
	r.must(os.WriteFile(filepath.Join(r.h.dir, wire.WipeFile), wire.Encode(wire.Wipe{Order: r.order()}), 0o600))
}

// wipe does what the engine does with an order, up to the relay's word that it has the receipt.
func (r *replaced) wipe(s *session) {
	_, err := s.keeper.Wipe(r.ctx, r.order(), nil)
	r.must(err)
	r.must(s.keeper.Acknowledged(r.ctx))
}

func (r *replaced) enrolled() engine.Enrolled {
	return engine.Enrolled{Device: "device", Person: inbox.Person{ID: "q"}, Key: aKey(1), Relay: "127.0.0.1:1", Orders: aDevice().RelayKey, Epoch: 8}
}

const replaceEnv = "SEALDESK_TEST_REPLACE"

// A runSays is what each run writes first.
type runSays struct {
	Pid    int
	Args   []string
	Copies int  // of the text that must be gone
	Hand   bool // the run before still takes addresses
}

func init() {
	rule, dir := os.Getenv(replaceEnv), os.Getenv(replaceEnv+"_DIR")
	if rule == "" {
		return
	}
	keyring.MockInit()
	c, r := replacings[rule], &replaced{ctx: context.Background()}
	mark := filepath.Join(dir, "mark")
	inverted, err := os.ReadFile(mark)
	next := err == nil
	if !next {
		inverted = secretOnHeap()
		r.must(os.WriteFile(mark, inverted, 0o600))
	}
	data := filepath.Join(dir, "data")
	says := runSays{Pid: os.Getpid(), Args: os.Args, Hand: there(socketPath(data))}
	says.Copies, err = copies(inverted)
	r.must(err)
	line, err := json.Marshal(says)
	r.must(err)
	fmt.Println(string(line))

	r.h, err = newHouse(data)
	r.must(err)
	r.must(watchCrashes(r.h.dir))
	harden()
	r.h.serve(r.ctx, func(string) {})
	if !there(socketPath(data)) {
		r.must(errors.New("nobody takes addresses"))
	}
	r.h.args = nextArgs(os.Args[1:])
	if !next {
		c.first(r)
	} else if c.next != nil {
		if _, err := r.h.ring.Device(r.ctx); err == nil {
			r.must(errors.New("the keyring of a test outlived its process"))
		}
		if !c.gone { // the keyring of a system holds what the run before left
			half, err := seal.NewKey(bytes.Repeat([]byte{3}, wire.HalfLen))
			r.must(err)
			r.must(r.h.ring.SetDevice(r.ctx, aDevice()))
			r.must(r.h.ring.SetLent(r.ctx, store.Lent{Half: half, Lease: aLease(-time.Hour, 60), Seen: inbox.At(time.Now().Add(-time.Hour)), Generation: 1}))
		}
		for range 2 {
			if _, err := r.h.openInbox(r.ctx); !c.next(err) {
				r.must(fmt.Errorf("the next run's inbox came to: %w", err))
			}
			r.look()
		}
	}
	fmt.Println("stayed")
	os.Exit(0)
}

func there(path string) bool { _, err := os.Lstat(path); return err == nil }

// secret is somebody's inbox, as the heap holds it.
var secret [][]byte

// secretOnHeap makes it up, and returns it inverted: whoever looks for it must not make a copy of it.
func secretOnHeap() (inverted []byte) {
	text := []byte(rand.Text())
	for range 1000 {
		secret = append(secret, bytes.Clone(text))
	}
	for _, b := range text {
		inverted = append(inverted, ^b)
	}
	return inverted
}

// copies counts how often a text is in what this process can write to.
func copies(inverted []byte) (n int, err error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		return 0, err
	}
	defer mem.Close()
	const step = 1 << 20
	buf := make([]byte, step+len(inverted)-1)
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var may string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &may); err != nil || !strings.HasPrefix(may, "rw") || to-from > 1<<32 { // the race detector's own
			continue
		}
		for at := from; at < to; at += step {
			got, err := mem.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
			if err != nil && !errors.Is(err, io.EOF) && got == 0 {
				break // a page of a device
			}
			n += countInverted(buf[:got], inverted)
		}
	}
	return n, nil
}

func countInverted(b, inverted []byte) (n int) {
	for {
		i := bytes.IndexByte(b, ^inverted[0])
		if i < 0 || len(b)-i < len(inverted) {
			return n
		}
		same := true
		for j, c := range inverted {
			same = same && b[i+j] == ^c
		}
		if same {
			n++
		}
		b = b[i+1:]
	}
}

func TestTheProgramReplacesItselfAndTakesNothingAlong(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	given := []string{"sealdesk", "--lang", "de", "--enrol", "one", "--enrol=two", "--size=800x600", "sealdesk:open?conversation=x"}
	kept := []string{"sealdesk", "--lang", "de", "--size=800x600", "sealdesk:open?conversation=x"}
	for rule, c := range replacings {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "sealdesk") // short: a socket's path is
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, self)
			cmd.Args = given
			cmd.Env = append(os.Environ(), replaceEnv+"="+rule, replaceEnv+"_DIR="+dir, "HOME="+dir, "XDG_CONFIG_HOME="+dir+"/config", "XDG_CACHE_HOME="+dir+"/cache", "XDG_RUNTIME_DIR="+dir)
			out, err := cmd.Output()
			said := strings.Split(strings.TrimSpace(string(out)), "\n")
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Fatalf("ended with %v: %s", err, out)
			}
			if stayed := said[len(said)-1] == "stayed"; stayed {
				said = said[:len(said)-1]
			} else if c.code == 0 {
				t.Fatalf("no run stayed: %s", out)
			}
			var runs []runSays
			for _, line := range said {
				var s runSays
				if err := json.Unmarshal([]byte(line), &s); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				runs = append(runs, s)
			}
			first := runs[0]
			if first.Copies < 1000 || !slices.Equal(first.Args, given) {
				t.Fatalf("the first run proves nothing: %+v", first)
			}
			if c.none {
				if len(runs) != 1 {
					t.Errorf("%d runs, where none may follow", len(runs))
				}
				return
			}
			if len(runs) != 2 {
				t.Fatalf("%d runs for one reason", len(runs))
			}
			next := runs[1]
			if next.Copies != 0 {
				t.Errorf("%d copies are left in memory", next.Copies)
			}
			if next.Pid != first.Pid || next.Pid != cmd.Process.Pid {
				t.Errorf("process %d, then %d", first.Pid, next.Pid)
			}
			if !slices.Equal(next.Args, kept) {
				t.Errorf("the next run was given %q", next.Args)
			}
			if next.Hand {
				t.Error("the next run finds somebody to hand over to")
			}
		})
	}
}
