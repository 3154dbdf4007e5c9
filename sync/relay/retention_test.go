package relay

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

var otto = object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}

const day = 24 * time.Hour

// keeping is a desk that keeps customers for a year.
func keeping(t *testing.T, decides string) *intakeDesk {
	t.Helper()
	d := newIntakeDesk(t)
	d.cfg.Privacy.KeepDays, d.cfg.Privacy.KeepDecides = 365, decides
	for name, role := range map[string]inbox.Role{"Sabine Lorenz": inbox.Supervisor, "Petra Zweite": inbox.PrivacyOfficer} {
		if _, err := d.AddPerson(t.Context(), name, role, nil); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// retains lets time pass and looks for quiet customers.
func (d *intakeDesk) retains(after time.Duration, want KeepRun) {
	d.t.Helper()
	d.now = d.now.Add(after)
	run, err := d.RunRetention(d.t.Context())
	if err != nil || run != want {
		d.t.Fatalf("%+v instead of %+v, %v", run, want, err)
	}
}

func (d *intakeDesk) onlyRequest() inbox.Request {
	d.t.Helper()
	list, err := d.Requests(d.t.Context(), false)
	if err != nil || len(list) != 1 {
		d.t.Fatalf("%d requests, %v", len(list), err)
	}
	return list[0]
}

// whose returns the conversation of a customer in the first inbox.
func (d *intakeDesk) whose(name string) inbox.Conversation {
	d.t.Helper()
	for _, c := range d.conversations(d.one) {
		if c.Contact.Name.Visible() == name {
			return c
		}
	}
	d.t.Fatal("there is no such customer")
	return inbox.Conversation{}
}

func TestWhomNobodyWritesWithIsForgottenWhenTwoPeopleAgree(t *testing.T) {
	d := keeping(t, "")
	d.says(byNumber, "A", "hello")
	d.says(otto, "B", "hello")
	anna, other := d.whose("Anna"), d.conversations(d.one)
	d.retains(300*day, KeepRun{})
	d.says(otto, "C", "me again")
	d.retains(66*day, KeepRun{PutForward: 1})
	d.retains(time.Hour, KeepRun{})
	q := d.onlyRequest()
	if q.Contact != anna.Contact.ID || q.Conversation != anna.ID || q.Inbox != d.one || q.Kind != inbox.RequestErasure || q.Quiet != anna.LastAt || q.State != inbox.RequestOpen {
		t.Errorf("put forward: %+v", q)
	}
	// Time alone decides nothing here.
	d.retains(400*day, KeepRun{PutForward: 1}) // Otto now
	if _, err := d.DecideRequest(t.Context(), string(q.ID), "Sabine Lorenz", true, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DecideRequest(t.Context(), string(q.ID), "Sabine Lorenz", true, ""); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("one person is two: %v", err)
	}
	if _, err := d.DecideRequest(t.Context(), string(q.ID), "Petra Zweite", true, ""); err != nil {
		t.Fatal(err)
	}
	d.again(func(Config) {}) // what was decided survives
	if n, err := d.RunErasures(t.Context()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if !d.vault.Erased(t.Context(), anna.Contact.ID) || d.row(anna.ID).Erased == 0 || len(other) != 2 || d.row(other[0].ID).Erased == d.row(other[1].ID).Erased {
		t.Error("not she was forgotten, or not she alone")
	}
	acts := d.acts(oversightShard()) // who tried to be two is there too
	for act, n := range map[string]int{"request.quiet keep_days": 2, "request.approved ": 3, "request.done " + string(q.ID): 1} {
		if acts[act] != n {
			t.Errorf("%d of %s in the audit log: %v", acts[act], act, acts)
		}
	}
	if n := d.acts(string(d.one.Log()))["contact.erased "+string(q.ID)]; n != 1 {
		t.Errorf("the erasure stands %d times in the audit log", n)
	}
}

func TestWhoWritesOrIsKeptIsNotForgotten(t *testing.T) {
	d := keeping(t, "relay")
	d.says(byNumber, "A", "hello")
	d.retains(366*day, KeepRun{PutForward: 1})
	first := d.onlyRequest()
	d.says(byNumber, "B", "still there")
	if _, err := d.DecideRequest(t.Context(), string(first.ID), "Petra Zweite", true, ""); !errors.Is(err, ErrNotQuiet) {
		t.Errorf("who has just written is agreed to be forgotten: %v", err)
	}
	d.retains(31*day, KeepRun{TakenBack: 1}) // also when its time is over
	d.retains(366*day, KeepRun{PutForward: 1})
	second := d.onlyRequest()
	for _, name := range []string{"Sabine Lorenz", "Petra Zweite"} {
		if _, err := d.DecideRequest(t.Context(), string(second.ID), name, true, ""); err != nil {
			t.Fatal(err)
		}
	}
	d.says(byNumber, "B2", "just in time") // it is decided, and was not begun
	if n, err := d.RunErasures(t.Context()); err != nil || n != 0 || d.whose("Anna").Erased != 0 {
		t.Fatalf("%d erased who has just written, %v", n, err)
	}
	boss, err := d.personNamed(t.Context(), "Sabine Lorenz")
	if err != nil {
		t.Fatal(err)
	}
	if no := d.grants(boss, inbox.SendText{Conversation: d.whose("Anna").ID, Text: "Welcome back"}); no != inbox.Granted {
		t.Errorf("nobody can answer her: %d", no)
	}
	d.retains(366*day, KeepRun{PutForward: 1})
	second = d.onlyRequest()
	if _, err := d.DecideRequest(t.Context(), string(second.ID), "Petra Zweite", false, "a lawsuit is open"); err != nil {
		t.Fatal(err)
	}
	d.retains(1000*day, KeepRun{})
	d.says(byNumber, "C", "and now?")
	d.retains(366*day, KeepRun{PutForward: 1})
	d.cfg.Privacy.KeepDays = 0
	d.retains(31*day, KeepRun{TakenBack: 1})
	if c := d.whose("Anna"); c.Erased != 0 {
		t.Error("she was forgotten")
	}
}

func TestTheRelayForgetsByItselfOnlyWhereToldSoAndAfterItsTime(t *testing.T) {
	d := keeping(t, "relay")
	// One customer with two numbers of ours, taken for two at first: what he wrote anywhere counts.
	d.feed(from(testNumber, byNumber, "A", d.now.Unix(), "text", text("Kanarienkäfig")))
	d.now = d.now.Add(100 * day)
	d.feed(from(testNumber, byUser, "B", d.now.Unix(), "text", text("Kanarienkäfig")))
	d.now = d.now.Add(100 * day)
	d.feed(from(otherNumber, byBoth, "C", d.now.Unix(), "text", text("Kanarienkäfig")))
	elder := d.whose("Anna").Contact.ID
	d.retains(364*day, KeepRun{})
	d.retains(2*day, KeepRun{PutForward: 1})
	if q := d.onlyRequest(); q.Contact != elder && q.Inbox != d.two {
		t.Errorf("put forward: %+v", q)
	}
	d.retains(30*day, KeepRun{})
	if d.vault.Erased(t.Context(), elder) {
		t.Fatal("forgotten before the time is over")
	}
	d.retains(time.Minute, KeepRun{Approved: 1})
	for _, in := range []inbox.InboxID{d.one, d.two} {
		for _, c := range d.conversations(in) {
			if c.Erased == 0 || !d.vault.Erased(t.Context(), c.Contact.ID) {
				t.Error("a conversation is left")
			}
		}
	}
	d.noLeak("Kanarienkäfig")
	if acts := d.acts(oversightShard()); acts["request.approved keep_days"] != 1 || acts["request.quiet keep_days"] != 1 || acts["request.done"] != 1 {
		t.Errorf("the audit log says %v", acts)
	}
	d.retains(1000*day, KeepRun{})
	d.says(byBoth, "D", "it is me")
	if c := d.conversations(d.one); c[len(c)-1].Contact.ID == elder {
		t.Error("who was forgotten is known again")
	}
}

func TestHowLongCustomersAreKeptIsSaidInSense(t *testing.T) {
	for _, c := range []struct {
		days    int
		decides string
		ok      bool
	}{
		{0, "", true}, {0, "people", true}, {730, "relay", true}, {30, "", true}, {29, "", false}, {-1, "", false}, {100*366 + 1, "", false}, {730, "nobody", false},
	} {
		if err := (PrivacyConfig{KeepDays: c.days, KeepDecides: c.decides}).check(); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%d days, %q decide: %v", c.days, c.decides, err)
		}
	}
}

func TestPeopleAreNotAskedAboutEverybodyAtOnce(t *testing.T) {
	d := keeping(t, "")
	const n = keepAtOnce + 7
	var all [][]byte
	for i := range n {
		all = append(all, from(testNumber, object{"wa_id": fmt.Sprintf("49151555%05d", i), "profile": object{"name": "A"}}, fmt.Sprint("M", i), d.now.Unix(), "text", text("hello")))
	}
	d.feed(all...)
	d.now = d.now.Add(400 * day)
	if list, err := d.QuietContacts(t.Context(), 0); err != nil || len(list) != n {
		t.Fatalf("%d customers are quiet, %v", len(list), err)
	}
	if list, err := d.QuietContacts(t.Context(), 500); err != nil || len(list) != 0 {
		t.Errorf("%d customers are quiet for longer, %v", len(list), err)
	}
	if list, err := d.Requests(t.Context(), true); err != nil || len(list) != 0 {
		t.Errorf("a look put %d forward, %v", len(list), err)
	}
	d.retains(0, KeepRun{PutForward: keepAtOnce})
	list, err := d.Requests(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range list[:3] {
		if _, err := d.DecideRequest(t.Context(), string(q.ID), "Petra Zweite", false, "kept"); err != nil {
			t.Fatal(err)
		}
	}
	d.retains(0, KeepRun{PutForward: 3})
	// Where nobody has to decide, all whose time is over go together: keys and logs are written anew once.
	d.cfg.Privacy.KeepDecides = keepByRelay
	d.retains(31*day, KeepRun{Approved: keepAtOnce, PutForward: n - 3 - keepAtOnce})
	erased := 0
	for _, c := range d.conversations(d.one) {
		if c.Erased != 0 && d.vault.Erased(t.Context(), c.Contact.ID) {
			erased++
		}
	}
	if rotated := d.acts(oversightShard())["keys.rotated"]; erased != keepAtOnce || rotated != 1 {
		t.Errorf("%d are forgotten, keys were written anew %d times", erased, rotated)
	}
}
