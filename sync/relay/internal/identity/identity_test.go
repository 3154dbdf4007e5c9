package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

func newRegister(t *testing.T, now *time.Time) (*Register, ledger.DB) {
	t.Helper()
	db, err := ledger.Open(filepath.Join(t.TempDir(), "relay.db"), ledger.Config{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return NewRegister(db, func() time.Time { return *now }), db
}

func request(t *testing.T, code string) wire.EnrolRequest {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return wire.EnrolRequest{Code: code, PublicKey: public, Signature: ed25519.Sign(key, wire.EnrolBytes(code, public)), Name: "laptop"}
}

func TestACodeLetsOneOfManyIn(t *testing.T) {
	now := time.Now()
	r, _ := newRegister(t, &now)
	p, err := r.AddPerson(t.Context(), "Tobias Brandt", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := r.Issue(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	in := make(chan error, 8)
	for range cap(in) {
		q := request(t, code)
		all.Go(func() {
			_, _, err := r.Enrol(t.Context(), q)
			in <- err
		})
	}
	all.Wait()
	close(in)
	admitted := 0
	for err := range in {
		switch {
		case err == nil:
			admitted++
		case !errors.Is(err, wire.ErrCodeUsed):
			t.Error(err)
		}
	}
	if devices, err := r.Devices(t.Context()); err != nil || admitted != 1 || len(devices) != 1 {
		t.Errorf("%d admitted, %d devices, %v", admitted, len(devices), err)
	}
}

func TestCodesAreForgottenLongAfterTheyExpired(t *testing.T) {
	now := time.Now()
	r, db := newRegister(t, &now)
	p, err := r.AddPerson(t.Context(), "Tobias Brandt", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, _, err := r.Issue(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		now = now.Add(7 * 24 * time.Hour)
	}
	n := 0
	err = db.View(t.Context(), Shard, func(tx ledger.Tx) error {
		for range tx.Scan(bucketCode, nil, nil) {
			n++
		}
		return nil
	})
	if err != nil || n > 6 {
		t.Errorf("%d codes are kept: %v", n, err)
	}
}
