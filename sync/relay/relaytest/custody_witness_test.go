package relaytest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// A testimony is what a machine heard and said about the audit log.
type testimony struct {
	mu                             sync.Mutex
	checkpoints, proofs, witnesses int
	protests                       []wire.Protest
}

func (w *testimony) options() machineOptions {
	return machineOptions{frames: func(_ *machine, way engine.Direction, frame []byte) {
		body, err := wire.Decode(frame)
		if err != nil {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		switch b := body.(type) {
		case wire.Checkpoint:
			w.checkpoints++
			if len(b.Proof) > 0 {
				w.proofs++
			}
		case wire.Witness:
			w.witnesses++
		case wire.Protest:
			w.protests = append(w.protests, b)
		}
	}}
}

func (w *testimony) counts() (checkpoints, proofs, witnesses, protests int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checkpoints, w.proofs, w.witnesses, len(w.protests)
}

// held is what the machine holds of a log, by its size; "" for nothing.
func (m *machine) held(log inbox.LogID) string {
	for _, c := range m.keeper.Held() {
		if c.Log == log {
			return strings.Split(string(c.Note), "\n")[1]
		}
	}
	return ""
}

// signed stops the relay and starts it again, which signs what was written, and waits until the machine is a witness to all of
// it: a checkpoint of less may come first.
func (c *Company) signed(m *machine, log inbox.LogID, before string) string {
	c.t.Helper()
	reports, err := c.Relay().AuditVerify(c.t.Context(), relay.AuditVerifyWish{}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	written := uint64(0)
	for _, r := range reports {
		if inbox.LogID(r.Shard) == log {
			written = r.Entries
		}
	}
	if written == 0 {
		c.t.Fatal("nothing is written")
	}
	c.Down()
	c.Up()
	m.awaitOnline()
	m.await("a newer checkpoint", func() bool {
		now, err := strconv.ParseUint(m.held(log), 10, 64)
		return err == nil && now >= written && m.held(log) != before
	})
	return m.held(log)
}

func TestDevicesAreWitnessesOfTheAuditLog(t *testing.T) {
	var said testimony
	c := Start(t, Options{})
	m := c.machine(t, c.Person("Tobias Brandt", inbox.Supervisor), said.options())
	m.awaitOnline()
	m.seeded("katharina")
	at := ""
	for i := range 4 {
		say(t, c, "katharina", fmt.Sprintf("Frage %d", i))
		c.Person(fmt.Sprintf("Person %d", i), inbox.Agent)
		at = c.signed(m, inbox.CompanyLog, at)
	}
	m.await("a word as a witness", func() bool { _, proofs, words, _ := said.counts(); return words >= 4 && proofs >= 3 })
	if _, _, _, protests := said.counts(); protests != 0 || m.engine.Link().Rewritten {
		t.Errorf("%d protests against an honest relay", protests)
	}
	m.hangUp()
	at = m.held(inbox.CompanyLog) // more may have been signed before the line was cut
	m.opt.offline = true
	m.restart() // what it holds outlives the program
	if m.held(inbox.CompanyLog) != at {
		t.Error("what it held is forgotten")
	}
	checkpoints, proofs, words, _ := said.counts()
	t.Logf("%d checkpoints, %d with a proof, %d words", checkpoints, proofs, words)
}

// TestARelayRestoredFromABackupIsProtestedAgainst is T21's end-to-end half: the first machine to come back finds that
// entries are gone, whatever the relay has written since.
func TestARelayRestoredFromABackupIsProtestedAgainst(t *testing.T) {
	for name, after := range map[string]int{"as it was": 0, "and grown again": 12} {
		t.Run(name, func(t *testing.T) {
			var said testimony
			c := Start(t, Options{})
			m := c.machine(t, c.Person("Tobias Brandt", inbox.Supervisor), said.options())
			m.awaitOnline()
			at := c.signed(m, inbox.CompanyLog, "")
			m.hangUp()
			c.Down()
			backup := filepath.Join(t.TempDir(), "backup")
			if err := copyPrivate(backup, c.Config.Data); err != nil {
				t.Fatal(err)
			}
			c.Up()
			m.dial(false)
			m.awaitOnline()
			for i := range 5 { // what shall never have been
				c.Person(fmt.Sprintf("Somebody %d", i), inbox.Agent)
			}
			c.signed(m, inbox.CompanyLog, at)
			m.hangUp()
			at = m.held(inbox.CompanyLog) // more may have been signed before the line was cut
			c.Down()
			if err := os.RemoveAll(c.Config.Data); err != nil {
				t.Fatal(err)
			}
			if err := copyPrivate(c.Config.Data, backup); err != nil {
				t.Fatal(err)
			}
			c.Up()
			for i := range after {
				c.Person(fmt.Sprintf("Somebody else %d", i), inbox.Agent)
			}
			if after > 0 {
				c.Down()
				c.Up()
			}
			m.dial(false)
			m.await("a protest", func() bool { _, _, _, protests := said.counts(); return protests > 0 && m.engine.Link().Rewritten })
			if m.held(inbox.CompanyLog) != at {
				t.Error("the proof was given up for what the relay says now")
			}
			said.mu.Lock()
			if p := said.protests[0]; p.Log != inbox.CompanyLog || len(p.Held) == 0 || bytes.Equal(p.Held, p.Got) {
				t.Error("the protest does not show both")
			}
			said.mu.Unlock()
			m.await("the incident", func() bool {
				list, err := c.Relay().Incidents(t.Context(), false)
				return err == nil && has(list, inbox.IncidentRewritten)
			})
			m.await("the incident in the window", func() bool {
				for _, i := range m.keeper.Store().Incidents() {
					if i.Kind == inbox.IncidentRewritten {
						return true
					}
				}
				return false
			})
		})
	}
}

// copyPrivate copies a folder as a backup does: only its owner may read what comes of it.
func copyPrivate(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o600)
		if e.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
}
