package relaytest

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// TestACacheTurnsToAnotherKeyAndLosesNothing: the key is changed again and again while somebody writes, and the connection,
// the program or both are cut at random, also between the words of the change. A strict lease makes it hard: every start
// depends on the half the relay lends then.
func TestACacheTurnsToAnotherKeyAndLosesNothing(t *testing.T) {
	const rounds = 24
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	none := 0
	c := Start(t, Options{Settle: func(cfg *relay.Config) { cfg.Device.OfflineHours = &none }})
	c.Person("Tobias Brandt", inbox.Agent)
	p, err := c.Relay().ChangePerson(t.Context(), "Tobias Brandt", relay.PersonChange{Role: inbox.Agent})
	if err != nil {
		t.Fatal(err)
	}
	var at atomic.Int32 // where the connection is cut next
	const (
		nowhere int32 = iota
		beforeTurning
		beforeTurned
		asTurned
		whileTurning
	)
	m := c.machine(t, p, machineOptions{frames: func(m *machine, way engine.Direction, frame []byte) {
		body, err := wire.Decode(frame)
		if err != nil {
			return
		}
		switch body.(type) {
		case wire.Rotate:
			if at.CompareAndSwap(beforeTurning, nowhere) {
				m.cut()
			}
			if at.CompareAndSwap(whileTurning, nowhere) {
				time.AfterFunc(time.Duration(rand.IntN(20))*time.Millisecond, m.cut)
			}
		case wire.Rotated:
			if at.CompareAndSwap(beforeTurned, nowhere) { // the word is lost
				m.cut()
			}
			if at.CompareAndSwap(asTurned, nowhere) { // it arrives, or not
				time.AfterFunc(time.Duration(rand.IntN(3))*time.Millisecond, m.cut)
			}
		}
	}})
	m.awaitOnline()
	id := m.seeded("katharina")
	boot := m.keeper.Store().Generation()
	wishes := 0
	lost, restarts := 0, 0
	for round := range rounds {
		s := m.keeper.Store()
		before := s.Generation()
		text := fmt.Sprintf("Entwurf %d", round)
		cutAt := int32(rng.IntN(int(whileTurning) + 1))
		at.Store(cutAt)
		role := []inbox.Role{inbox.Supervisor, inbox.Agent}[round%2]
		if _, err := c.Relay().ChangePerson(t.Context(), "Tobias Brandt", relay.PersonChange{Role: role}); err != nil {
			t.Fatal(err)
		}
		for range 3 { // written while the connection is away or the key turns
			wish := inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(time.Now()), Body: inbox.AddNote{Conversation: id, Text: fmt.Sprintf("Notiz %d", wishes)}}
			if err := s.Submit(t.Context(), wish); err != nil {
				t.Fatal(err)
			}
			wishes++
		}
		if err := s.SetDraft(t.Context(), id, text); err != nil { // a wish takes what was typed with it
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 { // the program ends somewhere in between, and with it all it knew
			<-time.After(time.Duration(rng.IntN(400)) * time.Millisecond)
			if err := m.restart(); err == nil {
				t.Fatal("a strict cache opens alone")
			}
			restarts++
		}
		m.await("another key", func() bool {
			s := m.keeper.Store()
			return at.Load() == nowhere && m.online() && s != nil && s.Generation() > before
		})
		if cutAt == beforeTurned {
			lost++
		}
		m.rows() // drafts are read with the rows
		if got := m.keeper.Store().Draft(id); got != text {
			t.Fatalf("round %d: the draft is lost", round)
		}
	}
	// The last word of all: a start that depends on the relay alone.
	m.restart()
	m.awaitOnline()
	m.await("the outbox to be empty", func() bool {
		pending, err := m.keeper.Store().Pending(t.Context())
		return err == nil && len(pending) == 0
	})
	count := func() map[string]int {
		notes := map[string]int{}
		page, err := m.keeper.Store().Page(t.Context(), id, store.PageCursor{}, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Messages {
			notes[x.Body.Visible()]++
		}
		return notes
	}
	m.await("all notes", func() bool { return len(count()) >= wishes+1 })
	for text, n := range count() {
		if n != 1 {
			t.Errorf("%q is there %d times", text, n)
		}
	}
	if err := m.keeper.Failure(); err != nil {
		t.Error(err)
	}
	if got := m.keeper.Store().Generation() - boot; got < rounds {
		t.Errorf("the key was changed %d times in %d rounds", got, rounds)
	}
	t.Logf("%d keys, %d words lost, %d restarts, %d wishes", m.keeper.Store().Generation()-boot, lost, restarts, wishes)
}
