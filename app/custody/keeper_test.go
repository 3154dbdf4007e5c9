package custody

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

func TestMain(m *testing.M) {
	keyring.MockInit()
	os.Exit(m.Run())
}

// A lender is a relay as far as a keeper knows one.
type lender struct {
	key    ed25519.PrivateKey
	device store.Device
	halves map[uint64]wire.Half
}

func newLender(t *testing.T, id inbox.DeviceID) *lender {
	t.Helper()
	relay, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, own, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &lender{key, store.Device{ID: id, Person: "p", Relay: "127.0.0.1:1", Key: own, RelayKey: relay, WipeEpoch: 7}, map[uint64]wire.Half{}}
}

func (l *lender) half(generation uint64) wire.Half {
	if l.halves[generation] == nil {
		l.halves[generation] = make(wire.Half, wire.HalfLen)
		rand.Read(l.halves[generation])
	}
	return bytes.Clone(l.halves[generation])
}

func (l *lender) lease(generation uint64, offline int) []byte {
	return wire.SignLease(l.key, wire.Lease{Device: l.device.ID, Generation: generation, Issued: inbox.At(time.Now()), Offline: offline, Silent: 14 * 86400})
}

func (l *lender) welcome(generation uint64, offline int) wire.Welcome {
	return wire.Welcome{Half: l.half(generation), Generation: generation, Lease: l.lease(generation, offline), Time: inbox.At(time.Now())}
}

func (l *lender) rotate(generation uint64) wire.Rotate {
	return wire.Rotate{Half: l.half(generation), Generation: generation, Lease: l.lease(generation, 0)}
}

// keeper is one of the lender's device; the keyring is named after the folder.
func (l *lender) keeper(t *testing.T, dir string) *Keeper {
	t.Helper()
	ring := store.OpenKeyring(dir)
	if _, err := ring.Device(t.Context()); errors.Is(err, store.ErrNotFound) && len(l.device.ID) < 100 {
		if err := ring.SetDevice(t.Context(), l.device); err != nil {
			t.Fatal(err)
		}
	}
	k := New(Config{Dir: dir, Ring: ring, Device: l.device})
	t.Cleanup(func() { k.Close() })
	return k
}

func TestALeaseThatCannotBeKeptLeavesNothingOpen(t *testing.T) {
	l := newLender(t, inbox.DeviceID(strings.Repeat("d", 400))) // its lease is too long for any keyring
	k := l.keeper(t, t.TempDir())
	for range 2 {
		if _, err := k.Open(t.Context(), l.welcome(1, 0)); err == nil || errors.Is(err, store.ErrAlreadyRunning) || k.Store() != nil {
			t.Fatalf("open %v: %v", k.Store() != nil, err)
		}
	}
	if k.Failure() == nil {
		t.Error("nobody is told why")
	}
}

// TestAHalfServesUntilTheRelayLendsByTheNext: the word that a cache was turned may be lost, and a start is then lent the half
// before. It serves until the relay has shown that it has the word, and not a moment longer.
func TestAHalfServesUntilTheRelayLendsByTheNext(t *testing.T) {
	l := newLender(t, "device")
	dir := t.TempDir()
	k := l.keeper(t, dir)
	opens := func(generation uint64, want error) {
		t.Helper()
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		k = l.keeper(t, dir) // a start
		if _, err := k.Open(t.Context(), l.welcome(generation, 0)); !errors.Is(err, want) {
			t.Fatalf("lent generation %d: %v", generation, err)
		}
	}
	turns := func(generation uint64) {
		t.Helper()
		if err := k.Rotate(t.Context(), l.rotate(generation)); err != nil || k.Store().Generation() != generation {
			t.Fatalf("turning to generation %d: %v", generation, err)
		}
	}
	opens(1, nil)
	turns(2)
	opens(1, nil) // the word was lost
	opens(1, nil)
	turns(2) // it is asked for again
	opens(2, nil)
	opens(1, store.ErrWrongKey)
	opens(2, nil)
	turns(3)
	turns(4) // the relay had the word of 3, or it would not ask for 4; that of 4 was lost
	opens(3, nil)
	opens(4, nil)
	opens(3, store.ErrWrongKey)
	opens(4, nil)
	turns(5)
	if err := k.Lent(t.Context(), l.lease(5, 0)); err != nil { // so does a lease of that generation
		t.Fatal(err)
	}
	opens(4, store.ErrWrongKey)
	opens(5, nil)
	if err := k.Lent(t.Context(), l.lease(4, 0)); !errors.Is(err, wire.ErrSigned) {
		t.Errorf("a lease of another half: %v", err)
	}
}

func TestNothingOpensOnceAWipeWasBegun(t *testing.T) {
	l := newLender(t, "device")
	dir := t.TempDir()
	k := l.keeper(t, dir)
	if _, err := k.Open(t.Context(), l.welcome(1, 3600)); err != nil {
		t.Fatal(err)
	}
	if err := k.WipeItself(t.Context(), inbox.WipeTampering); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]*Keeper{"this run": k, "the next": l.keeper(t, dir)} {
		if _, err := at.Open(t.Context(), l.welcome(1, 3600)); !errors.Is(err, ErrWiping) {
			t.Errorf("%s, with the relay: %v", name, err)
		}
		if _, err := at.OpenAlone(t.Context()); !errors.Is(err, ErrWiping) {
			t.Errorf("%s, alone: %v", name, err)
		}
		if _, err := at.Unlock(t.Context(), "violet kettle 39 harbour"); !errors.Is(err, ErrWiping) {
			t.Errorf("%s, by a passphrase: %v", name, err)
		}
		if err := at.Rotate(t.Context(), l.rotate(2)); err == nil {
			t.Errorf("%s: another key was taken", name)
		}
		if err := at.SetPassphrase(t.Context(), "violet kettle 39 harbour"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := at.Lock(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := at.cfg.Ring.Lent(t.Context()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: there is a lease again: %v", name, err)
		}
	}
}

// TestAReceiptIsAboutTheOrderThatIsAskedAfter: whatever led to the wipe, who orders gets a receipt for the order.
func TestAReceiptIsAboutTheOrderThatIsAskedAfter(t *testing.T) {
	l := newLender(t, "device")
	k := l.keeper(t, t.TempDir())
	if _, err := k.Open(t.Context(), l.welcome(1, 3600)); err != nil {
		t.Fatal(err)
	}
	order := func(epoch uint64) (wire.WipeOrder, []byte) {
		o := wire.WipeOrder{ID: inbox.NewID[inbox.WipeID](), Device: l.device.ID, Epoch: epoch, Nonce: make([]byte, 16), Why: inbox.WipeLost}
		return o, wire.SignOrder(l.key, o)
	}
	read := func(receipt []byte, err error) wire.WipeReceipt {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r, err := wire.OpenReceipt(l.device.Key.Public().(ed25519.PublicKey), receipt)
		if err != nil || len(r.Steps) != 6 {
			t.Fatalf("%d steps: %v", len(r.Steps), err)
		}
		return r
	}
	if err := k.WipeItself(t.Context(), inbox.WipeSilent); err != nil {
		t.Fatal(err)
	}
	if r := read(k.Receipt(), nil); r.Why != inbox.WipeSilent || len(r.Order) != 0 {
		t.Errorf("why %d", r.Why)
	}
	for epoch := range uint64(2) { // the second as after a relay came back from a backup and ordered anew
		o, signed := order(8 + epoch)
		for range 2 {
			if r := read(k.Wipe(t.Context(), signed, nil)); r.Wipe != o.ID || r.Why != o.Why || r.Epoch != o.Epoch || !bytes.Equal(r.Order, wire.OrderDigest(signed)) {
				t.Errorf("the receipt is about another order: why %d, epoch %d", r.Why, r.Epoch)
			}
		}
	}
	_, old := order(7)
	if _, err := k.Wipe(t.Context(), old, nil); !errors.Is(err, engine.ErrOrder) {
		t.Errorf("an order from before the enrolment: %v", err)
	}
	if err := k.Acknowledged(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w, ok := k.Wiped(); !ok || !w.Known {
		t.Error("the screen does not say that the relay knows")
	}
}

func TestOnlyAFileWithAnOrderIsTakenForOne(t *testing.T) {
	l := newLender(t, "device")
	for name, put := range map[string]func(path string) error{
		"a folder":   func(path string) error { return os.Mkdir(path, 0o700) },
		"nothing":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"text":       func(path string) error { return os.WriteFile(path, []byte("wipe"), 0o600) },
		"too much":   func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"a wiping":   func(path string) error { return os.WriteFile(path, wire.Encode(wire.Wiping{}), 0o600) },
		"a link":     func(path string) error { return os.Symlink(os.DevNull, path) },
		"unreadable": func(path string) error { return os.WriteFile(path, wire.Encode(wire.Wipe{Order: []byte("x")}), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			k := l.keeper(t, t.TempDir())
			if obeyed, err := k.ObeyFile(t.Context()); obeyed || err != nil {
				t.Fatalf("no file: %v", err)
			}
			if err := put(filepath.Join(k.cfg.Dir, wire.WipeFile)); err != nil {
				t.Fatal(err)
			}
			if obeyed, err := k.ObeyFile(t.Context()); obeyed || err == nil {
				t.Errorf("obeyed %v, %v", obeyed, err)
			}
			if _, pending, _ := store.PendingWipe(k.cfg.Dir); pending {
				t.Error("a wipe was begun")
			}
		})
	}
}

func TestNothingOfAKeeperIsPrinted(t *testing.T) {
	l := newLender(t, "device")
	k := l.keeper(t, t.TempDir())
	w := l.welcome(1, 3600)
	if _, err := k.Open(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	const passphrase = "violet kettle 39 harbour"
	k.pass = []byte(passphrase)
	lent, err := k.cfg.Ring.Lent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, v := range []any{k, k.cfg, &k.cfg, w, &w, l.rotate(1), lent, wire.SignIn{Recovery: []string{passphrase}}, wire.Credential{Password: passphrase}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("said", "value", v)
	}
	for _, secret := range [][]byte{[]byte(passphrase), l.half(1), l.device.Key.Seed()} {
		for _, form := range []string{string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), strings.Trim(fmt.Sprint(secret), "[]"), strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}")} {
			if strings.Contains(out.String(), form) {
				t.Error("a secret is printed")
			}
		}
	}
}
