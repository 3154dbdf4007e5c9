package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
)

// memoryRing is a keyring that can be told how to fail.
type memoryRing struct {
	mu    sync.Mutex
	items map[string]string
	fail  error
	hang  chan struct{}
	loses bool
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
	delete(r.items, service+"/"+user)
	return nil
}

func someDevice(t testing.TB) Device {
	_, key, err := ed25519.GenerateKey(nil)
	try(t, err)
	return Device{ID: inbox.NewID[inbox.DeviceID](), Person: inbox.NewID[inbox.PersonID](), Relay: "relay.example:8443", Pin: [32]byte{1, 31: 9}, Key: key}
}

func sameDevice(a, b Device) bool {
	return a.ID == b.ID && a.Person == b.Person && a.Relay == b.Relay && a.Pin == b.Pin && a.Key.Equal(b.Key)
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
		"item is too short": {func(r *memoryRing) { r.items["test/cache"] = "oQFBAQ" }, false, ErrKeyringUnavailable},
		"set is forgotten":  {func(r *memoryRing) { r.loses = true }, false, ErrKeyringUnavailable},
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
}

// edKey is a device key that is always the same.
func edKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }
