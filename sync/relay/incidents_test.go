package relay

import (
	"errors"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// told returns the facts of a log, oldest first.
func toldIn(t *testing.T, r *Relay, log inbox.LogID) (all []inbox.EventBody) {
	t.Helper()
	err := r.db.View(t.Context(), eventlog.Shard(log), func(tx ledger.Tx) error {
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			all = append([]inbox.EventBody{e.Body}, all...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheSameTroubleIsOneIncidentCountedOncePerOccurrence(t *testing.T) {
	r := newRelay(t, nil)
	raise := func(once string, i inbox.Incident) {
		t.Helper()
		if err := r.raise(t.Context(), once, i); err != nil {
			t.Fatal(err)
		}
	}
	paused := inbox.Incident{Kind: inbox.IncidentTemplate, Inbox: "sales", Detail: "offer"}
	for range 3 {
		raise("delivery 1", paused)
	}
	raise("delivery 2", paused)
	raise("", paused)
	raise("", paused)
	raise("delivery 1", inbox.Incident{Kind: inbox.IncidentQuality, Inbox: "sales"}) // known by name, whatever it is about
	raise("delivery 3", inbox.Incident{Kind: inbox.IncidentTemplate, Inbox: "sales", Detail: "other"})
	open, err := r.Incidents(t.Context(), false)
	if err != nil || len(open) != 2 {
		t.Fatalf("%d incidents, %v", len(open), err)
	}
	counts := map[string]int{}
	for _, i := range open {
		counts[i.Detail] = i.Count
	}
	if counts["offer"] != 4 || counts["other"] != 1 {
		t.Errorf("counted %v", counts)
	}
	if n := len(toldIn(t, r, inbox.OversightLog)); n != 5 {
		t.Errorf("told %d times", n)
	}
	if err := r.calm(t.Context(), inbox.IncidentTemplate, "sales", "offer"); err != nil {
		t.Fatal(err)
	}
	raise("delivery 4", paused)
	all, err := r.Incidents(t.Context(), true)
	if err != nil || len(all) != 3 {
		t.Errorf("after it ended and came again there are %d incidents, %v", len(all), err)
	}
}

func TestOnlyWhoOverseesTheInboxClosesItsIncidents(t *testing.T) {
	r := newRelay(t, nil)
	agent, err := r.AddPerson(t.Context(), "Tobias Brandt", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	it, err := r.AddPerson(t.Context(), "Sabine Lorenz", inbox.ITAdmin, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.raise(t.Context(), "", inbox.Incident{Kind: inbox.IncidentSecurity, Inbox: "sales"}); err != nil {
		t.Fatal(err)
	}
	open, _ := r.Incidents(t.Context(), false)
	if _, err := r.CloseIncident(t.Context(), open[0].ID, agent.Name); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("an agent: %v", err)
	}
	if _, err := r.CloseIncident(t.Context(), open[0].ID, "Nobody"); !errors.Is(err, ErrNoPerson) {
		t.Errorf("nobody: %v", err)
	}
	i, err := r.CloseIncident(t.Context(), open[0].ID, "sabine lorenz")
	if err != nil || i.By != it.ID || i.Closed == 0 {
		t.Errorf("IT: %+v, %v", i, err)
	}
	if _, err := r.CloseIncident(t.Context(), open[0].ID, it.Name); !errors.Is(err, ErrNoIncident) {
		t.Errorf("again: %v", err)
	}
	var entries []audit.Entry
	err = r.db.View(t.Context(), oversightShard(), func(tx ledger.Tx) (err error) {
		entries, err = audit.Entries(tx, 0, 10)
		return err
	})
	if err != nil || len(entries) != 2 || entries[0].Actor != agent.ID || entries[0].Refused != inbox.RefusedRight || entries[1].Refused != 0 {
		t.Errorf("audit has %d entries, %v", len(entries), err)
	}
}
