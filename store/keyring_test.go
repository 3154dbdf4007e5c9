package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// memoryRing is a keyring that can be told how to fail.
type memoryRing struct {
	mu    sync.Mutex
	items map[string]string
	fail  error
	hang  chan struct{}
	loses bool
	stays bool  // what is deleted stays, and nothing says so
	keeps error // of every Delete
	calls int
}

func newMemoryRing() *memoryRing { return &memoryRing{items: map[string]string{}} }

func (r *memoryRing) enter() error {
	r.mu.Lock()
	r.calls++
	hang, err := r.hang, r.fail
	r.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return err
}

func (r *memoryRing) Get(service, user string) (string, error) {
	if err := r.enter(); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.items[service+"/"+user]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return v, nil
}

func (r *memoryRing) Set(service, user, secret string) error {
	if err := r.enter(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.loses {
		r.items[service+"/"+user] = secret
	}
	return nil
}

func (r *memoryRing) Delete(service, user string) error {
	if err := r.enter(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.items[service+"/"+user]; !ok {
		return keyring.ErrNotFound
	}
	if r.keeps != nil || r.stays {
		return r.keeps
	}
	delete(r.items, service+"/"+user)
	return nil
}

func someDevice(t testing.TB) Device {
	_, key, err := ed25519.GenerateKey(nil)
	try(t, err)
	relay, _, err := ed25519.GenerateKey(nil)
	try(t, err)
	return Device{ID: inbox.NewID[inbox.DeviceID](), Person: inbox.NewID[inbox.PersonID](), Relay: "relay.example:8443", Pin: [32]byte{1, 31: 9}, Key: key,
		RelayKey: relay, Audit: "relay.example/audit+00000000+" + strings.Repeat("A", 44), WipeEpoch: 1 << 40}
}

func sameDevice(a, b Device) bool {
	return a.ID == b.ID && a.Person == b.Person && a.Relay == b.Relay && a.Pin == b.Pin && a.Key.Equal(b.Key) &&
		a.RelayKey.Equal(b.RelayKey) && a.Audit == b.Audit && a.WipeEpoch == b.WipeEpoch
}

func TestTheKeyringsTroubleIsNeverTakenForAMissingKey(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		set   func(*memoryRing)
		store bool
		want  error
	}{
		"missing, no store": {func(r *memoryRing) {}, false, nil},
		"missing, a store":  {func(r *memoryRing) {}, true, ErrKeyLost},
		"locked, no store":  {func(r *memoryRing) { r.fail = errors.New("failed to unlock correct collection") }, false, ErrKeyringUnavailable},
		"locked, a store":   {func(r *memoryRing) { r.fail = errors.New("failed to unlock correct collection") }, true, ErrKeyringUnavailable},
		"item is garbage":   {func(r *memoryRing) { r.items["test/cache"] = "%%%" }, true, ErrKeyringUnavailable},
		"item was replaced instead of deleted, no store": {func(r *memoryRing) { r.items["test/cache"] = goneItem }, false, nil},
		"item was replaced instead of deleted, a store":  {func(r *memoryRing) { r.items["test/cache"] = goneItem }, true, ErrKeyLost},
		"item is too short":                              {func(r *memoryRing) { r.items["test/cache"] = "oQFBAQ" }, false, ErrKeyringUnavailable},
		"set is forgotten":                               {func(r *memoryRing) { r.loses = true }, false, ErrKeyringUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.store {
				writeFile(t, filepath.Join(dir, outboxFile), []byte("x"))
			}
			back := newMemoryRing()
			tt.set(back)
			k := OpenKeyring("test")
			k.back = back
			key, err := k.CacheKey(ctx, dir)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || key.IsZero() != (tt.want != nil) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			again, err := k.CacheKey(ctx, dir)
			try(t, err)
			if string(again.half.Bytes()) != string(key.half.Bytes()) || again.store != key.store {
				t.Error("another key the second time")
			}
			if len(back.items["test/cache"]) >= maxItem {
				t.Error("the item is too long")
			}
			if s := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); s != "[redacted] [redacted] [redacted] [redacted]" {
				t.Error("the key prints itself")
			}
		})
	}
}

func TestAHangingKeyringIsGivenUpAfterFiveSecondsAndAskedByOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := newMemoryRing()
		back.hang = make(chan struct{})
		k := OpenKeyring("test")
		k.back = back
		for range 3 {
			began := time.Now()
			if _, err := k.Device(t.Context()); !errors.Is(err, ErrKeyringUnavailable) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took != keyringPatience {
				t.Errorf("it took %v", took)
			}
		}
		back.mu.Lock()
		if back.calls != 1 {
			t.Errorf("%d calls hang", back.calls)
		}
		close(back.hang) // somebody answered the prompt
		back.hang = nil
		back.mu.Unlock()
		synctest.Wait()
		if _, err := k.Device(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("after the prompt: %v", err)
		}
	})
}

func TestADeviceComesBackAsItWasKept(t *testing.T) {
	k := OpenKeyring("test")
	k.back = newMemoryRing()
	d := someDevice(t)
	try(t, k.SetDevice(t.Context(), d))
	got, err := k.Device(t.Context())
	try(t, err)
	if !sameDevice(d, got) {
		t.Error("another device came back")
	}
	d.Relay = string(make([]byte, maxItem))
	if k.SetDevice(t.Context(), d) == nil {
		t.Error("an item too long for some keyrings was taken")
	}
	try(t, k.Forget(t.Context()))
	try(t, k.Forget(t.Context()))
	// A device of an enrolment that knew no orders yet.
	old := someDevice(t)
	old.RelayKey, old.Audit, old.WipeEpoch = nil, "", 0
	try(t, k.SetDevice(t.Context(), old))
	if got, err := k.Device(t.Context()); err != nil || !sameDevice(old, got) {
		t.Errorf("an older device: %v", err)
	}
}

func TestAnItemThatAKeyringDoesNotLetGoOfLosesItsSecretOrIsSaidSo(t *testing.T) {
	ctx := t.Context()
	for name, tt := range map[string]struct {
		set  func(*memoryRing)
		gone bool
	}{
		"deletes":                      {func(*memoryRing) {}, true},
		"replaces but does not delete": {func(r *memoryRing) { r.keeps = errors.New("not allowed") }, true},
		"only says that it deleted":    {func(r *memoryRing) { r.stays = true }, false},
		"neither":                      {func(r *memoryRing) { r.keeps, r.loses = errors.New("not allowed"), true }, false},
		"cannot be asked":              {func(r *memoryRing) { r.fail = errors.New("failed to unlock correct collection") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			back := newMemoryRing()
			k := OpenKeyring("test")
			k.back = back
			dir := t.TempDir()
			key, err := k.CacheKey(ctx, dir)
			try(t, err)
			try(t, k.SetLent(ctx, Lent{Half: seal.RandomKey(), Generation: 1}))
			tt.set(back)
			err = errors.Join(k.forget(ctx, itemCache), k.ForgetLent(ctx))
			if (err == nil) != tt.gone || err != nil && !errors.Is(err, ErrKeyringUnavailable) {
				t.Errorf("got %v", err)
			}
			back.fail, back.keeps, back.stays, back.loses = nil, nil, false, false
			again, err := k.CacheKey(ctx, dir)
			if err != nil || tt.gone == bytes.Equal(again.Store(), key.Store()) {
				t.Errorf("afterwards the old key is there or no new one can be made: %v", err)
			}
			if _, err := k.Lent(ctx); errors.Is(err, ErrNotFound) != tt.gone {
				t.Errorf("the lease: %v", err)
			}
		})
	}
}

// edKey is a device key that is always the same.
func edKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }
