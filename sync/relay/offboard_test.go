package relay

import (
	"context"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const salesInbox = inbox.InboxID("sales")

// assigned makes conversations of a person.
func (d *wipeDesk) assigned(to inbox.PersonID, n int) (ids []inbox.ConversationID) {
	d.t.Helper()
	err := d.db.Update(context.Background(), eventlog.Shard(salesInbox.Log()), func(tx ledger.Tx) error {
		ids = nil
		for range n {
			id := inbox.NewID[inbox.ConversationID]()
			m := inbox.Message{ID: inbox.NewID[inbox.MessageID](), Conversation: id, At: inbox.At(d.now), Side: inbox.FromContact, Kind: inbox.Text}
			c := inbox.Contact{ID: inbox.NewID[inbox.ContactID]()}
			_, err := eventlog.Append(tx, inbox.At(d.now), "",
				inbox.ConversationOpened{Conversation: id, Inbox: salesInbox, Contact: c}, inbox.MessageAdded{Message: m},
				inbox.Assigned{Conversation: id, To: to, By: to})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return ids
}

func (d *wipeDesk) conversation(id inbox.ConversationID) (c inbox.Conversation) {
	d.t.Helper()
	err := d.db.View(context.Background(), eventlog.Shard(salesInbox.Log()), func(tx ledger.Tx) (err error) {
		c, _, err = eventlog.Conversation(tx, id)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func TestAPersonLeavesInOneAction(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent, peer := d.person("Sabine Lorenz", inbox.Supervisor, "north"), d.person("Tobias Brandt", inbox.Agent, "north"), d.person("Mira Falk", inbox.Agent, "north")
	second := d.device(agent.person, "old laptop")
	ids := d.assigned(agent.person.ID, 5)
	untouched := d.assigned(peer.person.ID, 1)
	said := wire.Sign(boss.key, inbox.Offboard{Person: agent.person.ID, To: peer.person.ID, At: inbox.At(d.now)})
	a, no := d.askRaw(boss, said)
	if no != inbox.Granted {
		t.Fatal(no)
	}
	out := a.(inbox.Offboarded)
	if out.Conversations != 5 || len(out.Wipes) != 2 || len(out.Devices) != 2 {
		t.Errorf("report %+v", out)
	}
	for _, c := range []colleague{agent, second} {
		if w := d.last(c); w.Level != inbox.WipeHalfGone || w.Why != inbox.WipeLeaving || w.By != boss.person.ID {
			t.Errorf("%+v", w)
		}
	}
	for _, id := range append(ids, untouched...) {
		if c := d.conversation(id); c.Assignee != peer.person.ID {
			t.Errorf("assigned to %q", c.Assignee)
		}
	}
	if n := len(d.inboxActs(audit.Assigned)); n != 5 {
		t.Errorf("%d assignments are written down", n)
	}
	p, err := d.people.Person(t.Context(), agent.person.ID)
	if err != nil || p.Left == 0 {
		t.Errorf("has not left: %v", err)
	}
	if _, _, err := d.people.Issue(t.Context(), p.ID); err == nil {
		t.Error("a new laptop is let in")
	}
	// The words count once: taken back, the person is not let go again by them.
	if _, err := d.ChangePerson(t.Context(), "Tobias Brandt", PersonChange{Return: true}); err != nil {
		t.Fatal(err)
	}
	back := d.device(agent.person, "new laptop")
	if _, no := d.askRaw(boss, said); no != inbox.RefusedState {
		t.Errorf("replayed: %v", no)
	}
	if _, ok, err := d.lastWipe(t.Context(), back.device); ok || err != nil {
		t.Errorf("wiped by a replay: %v", err)
	}
}

func (d *wipeDesk) inboxActs(act audit.Act) (all []audit.Entry) {
	d.t.Helper()
	err := d.db.View(context.Background(), eventlog.Shard(salesInbox.Log()), func(tx ledger.Tx) error {
		entries, err := audit.Entries(tx, 0, 100_000)
		all = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Act != act })
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

func TestWhatNobodyCanTakeOverIsNobodys(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	officer := d.person("Petra Ohm", inbox.PrivacyOfficer, "") // may not send
	ids := d.assigned(agent.person.ID, 2)
	for name, to := range map[string]inbox.PersonID{"nobody known": "nobody", "the one who leaves": agent.person.ID} {
		if _, no := d.ask(boss, inbox.Offboard{Person: agent.person.ID, To: to}); no != inbox.RefusedMalformed {
			t.Errorf("to %s: %v", name, no)
		}
	}
	if p, err := d.people.Person(t.Context(), agent.person.ID); err != nil || p.Left != 0 {
		t.Errorf("left by a wish that was refused: %v", err)
	}
	if a, no := d.ask(boss, inbox.Offboard{Person: agent.person.ID, To: officer.person.ID}); no != inbox.Granted || a.(inbox.Offboarded).Conversations != 2 {
		t.Errorf("%+v %v", a, no)
	}
	for _, id := range ids {
		if c := d.conversation(id); c.Assignee != "" {
			t.Errorf("assigned to %q", c.Assignee)
		}
	}
}

func TestManyDevicesOfOnePersonWaitToo(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	for _, name := range []string{"2", "3", "4", "5"} {
		d.device(agent.person, name)
	}
	a, no := d.ask(boss, inbox.Offboard{Person: agent.person.ID})
	if no != inbox.Granted {
		t.Fatal(no)
	}
	levels := map[inbox.WipeLevel]int{}
	for _, w := range a.(inbox.Offboarded).Wipes {
		levels[w.Level]++
	}
	if levels[inbox.WipeHalfGone] != inbox.ManyWipes || levels[inbox.WipeWaits] != 2 {
		t.Errorf("levels %v", levels)
	}
}

func TestAnotherRoleTurnsTheKeysOfAPersonsDevices(t *testing.T) {
	d := newWipeDesk(t)
	agent, peer := d.person("Tobias Brandt", inbox.Agent, ""), d.person("Mira Falk", inbox.Agent, "")
	if p, err := d.ChangePerson(t.Context(), "Tobias Brandt", PersonChange{Role: inbox.Supervisor}); err != nil || p.Role != inbox.Supervisor {
		t.Fatalf("%+v: %v", p, err)
	}
	for who, want := range map[inbox.DeviceID]bool{agent.device: true, peer.device: false} {
		err := d.db.View(t.Context(), identity.Shard, func(tx ledger.Tx) error {
			s, err := deviceStateOf(tx, who)
			if s.Turn != want {
				t.Errorf("turns: %v, want %v", s.Turn, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDevicesAreSeenByWhoMay(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent, south := d.person("Sabine Lorenz", inbox.Supervisor, "north"), d.person("Tobias Brandt", inbox.Agent, "north"), d.person("Mira Falk", inbox.Agent, "south")
	it, auditor := d.person("Ines Traut", inbox.ITAdmin, ""), d.person("Vera Kolb", inbox.Auditor, "")
	d.now = d.now.Add(time.Second)
	if err := d.met(t.Context(), agent.device, &wire.Hello{App: "2.0.0\n", System: "linux/arm64", Posture: inbox.Posture{Disk: inbox.Holds}}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		by   colleague
		of   inbox.PersonID
		want int
	}{
		"supervisor": {boss, "", 2}, "agent": {agent, "", 1}, "it": {it, "", 5}, "auditor": {auditor, "", 0},
		"of another team": {boss, south.person.ID, 0}, "of one": {it, south.person.ID, 1},
	} {
		a, no := d.ask(c.by, inbox.AskDevices{Person: c.of})
		if no != inbox.Granted || len(a.(inbox.Devices).List) != c.want {
			t.Errorf("%s sees %d devices: %v", name, len(a.(inbox.Devices).List), no)
		}
	}
	a, _ := d.ask(it, inbox.AskDevices{})
	first := a.(inbox.Devices).List[0]
	if first.ID != agent.device || first.App != "2.0.0 " || first.System != "linux/arm64" || first.Posture.Disk != inbox.Holds || first.Seen == 0 {
		t.Errorf("first is %+v", first)
	}
	if _, no := d.ask(boss, inbox.RenameDevice{Device: agent.device, Name: "  Desk 12 "}); no != inbox.Granted {
		t.Errorf("renaming: %v", no)
	}
	if _, no := d.ask(boss, inbox.RenameDevice{Device: south.device, Name: "Desk 13"}); no != inbox.RefusedUnknown {
		t.Errorf("renaming a device of another team: %v", no)
	}
	if _, no := d.ask(boss, inbox.RenameDevice{Device: agent.device, Name: "\x00"}); no != inbox.RefusedMalformed {
		t.Errorf("renaming to nothing: %v", no)
	}
	if dev, err := d.deviceNamed(t.Context(), "desk 12"); err != nil || dev.ID != agent.device {
		t.Errorf("by its new name: %v", err)
	}
}
