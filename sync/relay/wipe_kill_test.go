package relay

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

const (
	wipeVictim = "SEALDESK_TEST_WIPE_VICTIM" // the configuration of the relay that is killed
	wipeVerb   = "SEALDESK_TEST_WIPE_VERB"   // what it does
	wipeStep   = "SEALDESK_TEST_WIPE_STEP"   // where it is killed
)

// dieIn is the process that is killed: it never returns.
func dieIn(t *testing.T, config string) {
	cfg, err := LoadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(context.Background(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.wipes.step = func(step string) {
		if step != os.Getenv(wipeStep) {
			return
		}
		me, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = me.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
		select {} // the end is near
	}
	switch os.Getenv(wipeVerb) {
	case "wipe":
		_, err = r.WipeDevice(context.Background(), "laptop of T", inbox.WipeLost)
	case "leave":
		_, err = r.Offboard(context.Background(), "T", "M")
	}
	t.Fatalf("it lived: %v", err)
}

// killed runs the relay of a desk in a process of its own, which is killed without warning.
func (d *wipeDesk) killed(t *testing.T, test, verb, step string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), wipeVictim+"="+filepath.Join(filepath.Dir(d.cfg.Data), "relay.toml"), wipeVerb+"="+verb, wipeStep+"="+step)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("not killed: %v\n%s", err, out)
	}
}

// TestARelayKilledInLegAGoesOnAtItsNextStart kills the process after each step.
func TestARelayKilledInLegAGoesOnAtItsNextStart(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	if config := os.Getenv(wipeVictim); config != "" {
		dieIn(t, config)
	}
	for _, step := range []string{"ordered", "excluded", "destroyed", "written"} {
		t.Run(step, func(t *testing.T) {
			d := newWipeDesk(t)
			p, err := d.AddPerson(t.Context(), "T", inbox.Agent, nil)
			if err != nil {
				t.Fatal(err)
			}
			lost, kept := d.device(p, "laptop of T"), d.device(p, "other laptop of T")
			d.restart(func() { d.killed(t, "TestARelayKilledInLegAGoesOnAtItsNextStart", "wipe", step) })
			w := d.last(lost)
			if w.Level != inbox.WipeHalfGone || w.Half == 0 || w.Dark != w.Half {
				t.Errorf("%+v", w)
			}
			if _, _, err := d.people.Device(t.Context(), lost.device); !errors.Is(err, identity.ErrRevoked) {
				t.Errorf("not excluded: %v", err)
			}
			if _, _, err := d.vault.Lend(t.Context(), lost.device); !errors.Is(err, vault.ErrHalfGone) {
				t.Errorf("the half is lent: %v", err)
			}
			if order, _, err := d.pendingOrder(t.Context(), lost.device); order == nil || err != nil {
				t.Errorf("no order is handed out: %v", err)
			}
			if _, _, err := d.vault.Lend(t.Context(), kept.device); err != nil {
				t.Errorf("the other laptop's half: %v", err)
			}
			for _, act := range []audit.Act{actWipeOrdered, audit.DeviceRevoked, actWipeHalf} {
				if n := len(d.acts(act, string(lost.device))); n != 1 {
					t.Errorf("%s is written down %d times", act, n)
				}
			}
			if left := d.rows(bucketWipeLeg); left != 0 {
				t.Errorf("%d legs are left", left)
			}
		})
	}
}

func (d *wipeDesk) rows(bucket string) (n int) {
	d.t.Helper()
	err := d.db.View(context.Background(), identity.Shard, func(tx ledger.Tx) error {
		n = 0
		for range tx.Scan(bucket, nil, nil) {
			n++
		}
		return tx.Err()
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestARelayKilledWhileAPersonLeavesGoesOnAtItsNextStart(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	if config := os.Getenv(wipeVictim); config != "" {
		dieIn(t, config)
	}
	for _, step := range []string{"offboarding", "left", "ordered", "destroyed", "wiped", "reassigned"} {
		t.Run(step, func(t *testing.T) {
			d := newWipeDesk(t)
			p, err := d.AddPerson(t.Context(), "T", inbox.Agent, nil)
			if err != nil {
				t.Fatal(err)
			}
			to, err := d.AddPerson(t.Context(), "M", inbox.Agent, nil)
			if err != nil {
				t.Fatal(err)
			}
			laptops := []colleague{d.device(p, "one"), d.device(p, "two")}
			ids := d.assigned(p.ID, 3)
			d.restart(func() { d.killed(t, "TestARelayKilledWhileAPersonLeavesGoesOnAtItsNextStart", "leave", step) })
			for _, c := range laptops {
				if w := d.last(c); w.Level != inbox.WipeHalfGone || w.Why != inbox.WipeLeaving {
					t.Errorf("%+v", w)
				}
			}
			for _, id := range ids {
				if c := d.conversation(id); c.Assignee != to.ID {
					t.Errorf("assigned to %q", c.Assignee)
				}
			}
			if now, err := d.people.Person(t.Context(), p.ID); err != nil || now.Left == 0 {
				t.Errorf("has not left: %v", err)
			}
			if n := len(d.acts(actOffboarded, string(p.ID))); n != 1 || d.rows(bucketOffboard) != 0 {
				t.Errorf("written down %d times", n)
			}
		})
	}
}
