package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A revealDesk is a relay with one customer in its first inbox, whose number is +49 151 5550 1234.
type revealDesk struct {
	*intakeDesk
	conversation inbox.ConversationID
	key          wire.RevealKey
	public       []byte
}

func newRevealDesk(t *testing.T) *revealDesk {
	d := &revealDesk{intakeDesk: newIntakeDesk(t)}
	d.feed(from(testNumber, object{"wa_id": "4915155501234", "profile": object{"name": "Katharina Muster"}}, "r1", d.now.Unix(), "text", text("Hallo")))
	d.conversation = d.conversations(d.one)[0].ID
	var err error
	if d.key, d.public, err = wire.NewRevealKey(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *revealDesk) person(name string, role inbox.Role) asker {
	d.t.Helper()
	p, err := d.AddPerson(context.Background(), name, role, []inbox.InboxID{d.one})
	if err != nil {
		d.t.Fatal(err)
	}
	return asker{person: p, device: inbox.NewID[inbox.DeviceID]()}
}

func (d *revealDesk) asks(a asker, change func(*inbox.AskReveal)) (inbox.Grant, error) {
	q := inbox.AskReveal{Conversation: d.conversation, Field: inbox.FieldPhone, Why: inbox.ReasonDelivery, Note: "Der Fahrer steht vor der Tür.", Key: d.public}
	if change != nil {
		change(&q)
	}
	return d.askReveal(context.Background(), a, q)
}

func (d *revealDesk) opens(a asker, id inbox.RevealID, end bool) (inbox.Opened, error) {
	return d.openReveal(context.Background(), a, inbox.OpenReveal{Conversation: d.conversation, Reveal: id, End: end})
}

func (d *revealDesk) decides(a asker, id inbox.RevealID, agree bool) (inbox.Decided, error) {
	return d.decideReveal(context.Background(), a, inbox.DecideReveal{Conversation: d.conversation, Reveal: id, Agree: agree})
}

// states are the steps of a reveal everybody was told, in order.
func (d *revealDesk) states(id inbox.RevealID) (all []inbox.RevealState) {
	for _, e := range d.events(d.one.Log()) {
		if b, ok := e.Body.(inbox.RevealChanged); ok && b.Reveal.ID == id {
			all = append(all, b.Reveal.State)
		}
	}
	return all
}

func (d *revealDesk) acts(in string) (all []audit.Entry) {
	d.t.Helper()
	err := d.db.View(context.Background(), in, func(tx ledger.Tx) (err error) {
		all, err = audit.Entries(tx, 0, 10_000)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

func wants(t *testing.T, what string, err error, want inbox.Refusal) {
	t.Helper()
	var got inbox.Refusal
	if err != nil && !errors.As(err, &got) || got != want {
		t.Errorf("%s: %v, want refusal %d", what, err, want)
	}
}

func TestAFieldIsSeenByWhoAskedOnceSomebodyElseAgreed(t *testing.T) {
	d := newRevealDesk(t)
	ana, boss, other := d.person("Ana Beispiel", inbox.Agent), d.person("Sabine Lorenz", inbox.Supervisor), d.person("Tom Probe", inbox.Agent)
	g, err := d.asks(ana, nil)
	if err != nil || g.State != inbox.RevealAsked || g.Sealed != nil || g.Until.Time().Sub(d.now) != 15*time.Minute {
		t.Fatalf("asking: state %d, %v", g.State, err)
	}
	if o, err := d.opens(ana, g.Reveal, false); err != nil || o.State != inbox.RevealAsked || o.Sealed != nil {
		t.Fatalf("before anybody agreed: state %d, %v", o.State, err)
	}
	_, err = d.decides(ana, g.Reveal, true)
	wants(t, "agents do not decide", err, inbox.RefusedRight)
	if x, err := d.decides(boss, g.Reveal, true); err != nil || x.State != inbox.RevealGranted {
		t.Fatalf("agreeing: %d, %v", x.State, err)
	}
	_, err = d.decides(boss, g.Reveal, false)
	wants(t, "what is decided", err, inbox.RefusedState)
	_, err = d.opens(other, g.Reveal, false)
	wants(t, "somebody else's", err, inbox.RefusedUnknown)
	_, err = d.opens(asker{person: ana.person, device: other.device}, g.Reveal, false)
	wants(t, "another device", err, inbox.RefusedUnknown)
	o, err := d.opens(ana, g.Reveal, false)
	if err != nil || o.State != inbox.RevealShown || o.Until.Time().Sub(d.now) != 10*time.Minute {
		t.Fatalf("opening: state %d, %v", o.State, err)
	}
	if value, err := d.key.Open(g.Reveal, o.Sealed); err != nil || string(value) != "+4915155501234" {
		t.Fatalf("the value does not open: %v", err)
	}
	d.now = d.now.Add(9 * time.Minute)
	if again, err := d.opens(ana, g.Reveal, false); err != nil || again.Sealed == nil || again.Until != o.Until {
		t.Error("an answer that was lost cannot be asked for again")
	}
	d.now = d.now.Add(time.Minute)
	if late, err := d.opens(ana, g.Reveal, false); err != nil || late.Sealed != nil || late.State != inbox.RevealEnded {
		t.Errorf("after its time: state %d, %v", late.State, err)
	}
	if got := fmt.Sprint(d.states(g.Reveal)); got != "[0 1 2 3]" {
		t.Errorf("everybody was told %s", got)
	}
	var acts []audit.Act
	for _, e := range d.acts(eventlog.Shard(d.one.Log())) {
		if e.Refused == inbox.Granted {
			acts = append(acts, e.Act)
		}
		if e.Act == audit.RevealAsked {
			plain, err := d.vault.Open(context.Background(), d.conversations(d.one)[0].Contact.ID, bucketReveal, []byte(g.Reveal), []byte(e.Reason))
			if err != nil || string(plain) != "Der Fahrer steht vor der Tür." {
				t.Errorf("the reason is not what was said: %v", err)
			}
		}
	}
	want := []audit.Act{audit.RevealAsked, audit.RevealGranted, audit.RevealShown, audit.RevealShown, audit.RevealEnded}
	if fmt.Sprint(acts) != fmt.Sprint(want) {
		t.Errorf("the record has %v", acts)
	}
	d.noLeak("15155501234", "5550 1234")
}

func TestNobodyDecidesAboutHisOwn(t *testing.T) {
	d := newRevealDesk(t)
	boss, second := d.person("Sabine Lorenz", inbox.Supervisor), d.person("Petra Zweite", inbox.PrivacyOfficer)
	g, err := d.asks(boss, nil)
	if err != nil || g.State != inbox.RevealAsked {
		t.Fatalf("a supervisor's own needs nobody: state %d, %v", g.State, err)
	}
	_, err = d.decides(boss, g.Reveal, true)
	wants(t, "her own", err, inbox.RefusedSelf)
	if x, err := d.decides(second, g.Reveal, false); err != nil || x.State != inbox.RevealRefused {
		t.Errorf("a privacy officer refuses: %d, %v", x.State, err)
	}
	if o, err := d.opens(boss, g.Reveal, false); err != nil || o.Sealed != nil || o.State != inbox.RevealRefused {
		t.Errorf("after a refusal: state %d, %v", o.State, err)
	}
	_, err = d.asks(second, nil)
	wants(t, "who reads nothing sees nothing", err, inbox.RefusedUnknown)
}

func TestARevealNeedsAReasonAKeyAndSomethingToSee(t *testing.T) {
	d := newRevealDesk(t)
	ana := d.person("Ana Beispiel", inbox.Agent)
	for name, c := range map[string]struct {
		change func(*inbox.AskReveal)
		want   inbox.Refusal
	}{
		"no reason":     {func(q *inbox.AskReveal) { q.Why = 0 }, inbox.RefusedMalformed},
		"no words":      {func(q *inbox.AskReveal) { q.Note = " \u200b" }, inbox.RefusedReason},
		"no key":        {func(q *inbox.AskReveal) { q.Key = nil }, inbox.RefusedMalformed},
		"no such field": {func(q *inbox.AskReveal) { q.Field = 5 }, inbox.RefusedMalformed},
		"long words":    {func(q *inbox.AskReveal) { q.Note = string(bytes.Repeat([]byte("x"), maxRevealNote+1)) }, inbox.RefusedTooLong},
		"not known":     {func(q *inbox.AskReveal) { q.Field = inbox.FieldEmail }, inbox.RefusedVariable},
		"elsewhere":     {func(q *inbox.AskReveal) { q.Conversation = "nowhere" }, inbox.RefusedUnknown},
	} {
		_, err := d.asks(ana, c.change)
		wants(t, name, err, c.want)
	}
	stranger, err := d.AddPerson(context.Background(), "Otto Fremd", inbox.Agent, []inbox.InboxID{d.two})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.asks(asker{person: stranger, device: "x"}, func(q *inbox.AskReveal) { q.Field = inbox.FieldEmail })
	wants(t, "who may not see the conversation learns nothing of it", err, inbox.RefusedUnknown)
	g, err := d.asks(ana, func(q *inbox.AskReveal) { q.Note = "Ruft er von +49 151 5550 1234 an?" })
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d.events(d.one.Log()) {
		if b, ok := e.Body.(inbox.RevealChanged); ok && b.Reveal.ID == g.Reveal && !b.Reveal.Note.Hides() {
			t.Error("the note is not masked for colleagues")
		}
	}
	d.noLeak("5550 1234")
}

func TestRevealsHaveCaps(t *testing.T) {
	d := newRevealDesk(t)
	boss := d.person("Sabine Lorenz", inbox.Supervisor)
	ana := d.person("Ana Beispiel", inbox.Agent)
	see := func(a asker) error {
		g, err := d.asks(a, nil)
		if err == nil {
			if _, err = d.decides(boss, g.Reveal, true); err == nil {
				_, err = d.opens(a, g.Reveal, false)
			}
		}
		return err
	}
	for range 3 {
		if err := see(ana); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, "the fourth in an hour", see(ana), inbox.RefusedCap)
	for hour := range 3 {
		d.now = d.now.Add(time.Hour)
		for i := range 3 {
			want := inbox.Granted
			if hour == 2 && i > 0 {
				want = inbox.RefusedCap
			}
			wants(t, fmt.Sprint("hour ", hour, " number ", i), see(ana), want)
		}
	}
	d.now = d.now.Add(25 * time.Hour)
	if err := see(ana); err != nil {
		t.Errorf("on the next day: %v", err)
	}
	if n := len(d.acts(eventlog.Shard(d.one.Log()))); n == 0 {
		t.Error("nothing is recorded")
	}
	before := d.count(audit.RevealMany)
	for i := range 2 {
		if err := see(d.person(fmt.Sprint("Kollege ", string(rune('A'+i))), inbox.Agent)); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.count(audit.RevealMany); before != 0 || n != 1 {
		t.Errorf("three people who saw one customer were noticed %d times", n)
	}
	// Refusals are no looks, but nobody may ask without end.
	eva := d.person("Eva Emsig", inbox.Agent)
	for i := range asksPerHour + 1 {
		g, err := d.asks(eva, nil)
		if want := inbox.Granted; i == asksPerHour {
			wants(t, "asking without end", err, inbox.RefusedCap)
		} else if wants(t, "after refusals", err, want); err == nil {
			if _, err := d.decides(boss, g.Reveal, false); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (d *revealDesk) count(act audit.Act) (n int) {
	for _, e := range d.acts(eventlog.Shard(d.one.Log())) {
		if e.Act == act {
			n++
		}
	}
	return n
}

func TestAnOpenRevealEndsByTimeByWillAndWithItsDevice(t *testing.T) {
	d := newRevealDesk(t)
	boss := d.person("Sabine Lorenz", inbox.Supervisor)
	tend := func() {
		t.Helper()
		if _, err := d.tend(context.Background(), d.one); err != nil {
			t.Fatal(err)
		}
	}
	state := func(id inbox.RevealID) inbox.RevealState { all := d.states(id); return all[len(all)-1] }
	ana := d.person("Ana Beispiel", inbox.Agent)
	asked, _ := d.asks(ana, nil)
	granted, _ := d.asks(ana, nil)
	shown, _ := d.asks(ana, nil)
	for _, id := range []inbox.RevealID{granted.Reveal, shown.Reveal} {
		if _, err := d.decides(boss, id, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.opens(ana, shown.Reveal, false); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(10 * time.Minute)
	tend()
	if state(shown.Reveal) != inbox.RevealEnded || state(granted.Reveal) != inbox.RevealGranted || state(asked.Reveal) != inbox.RevealAsked {
		t.Error("after ten minutes the look alone is over")
	}
	d.now = d.now.Add(5 * time.Minute)
	_, err := d.decides(boss, asked.Reveal, true)
	wants(t, "too late", err, inbox.RefusedState)
	tend()
	if state(granted.Reveal) != inbox.RevealLapsed || state(asked.Reveal) != inbox.RevealLapsed {
		t.Error("after a quarter of an hour nothing lapsed")
	}
	d.now = d.now.Add(2 * time.Hour)
	seen, _ := d.asks(ana, nil)
	unseen, _ := d.asks(ana, nil)
	d.decides(boss, seen.Reveal, true)
	d.opens(ana, seen.Reveal, false)
	if o, err := d.opens(ana, seen.Reveal, true); err != nil || o.State != inbox.RevealEnded || o.Sealed != nil {
		t.Errorf("ending by will: state %d, %v", o.State, err)
	}
	if o, err := d.opens(ana, seen.Reveal, false); err != nil || o.Sealed != nil {
		t.Errorf("what was ended opens again: %v", err)
	}
	tend() // notices that the device is not there
	if state(unseen.Reveal) != inbox.RevealAsked {
		t.Error("a lost connection is no closed app")
	}
	d.reveals.gone[ana.device] = time.Now().Add(-unseenGrace)
	tend()
	if state(unseen.Reveal) != inbox.RevealLapsed {
		t.Error("the key is gone and the request is not")
	}
	last, _ := d.asks(ana, nil)
	d.decides(boss, last.Reveal, true)
	d.opens(ana, last.Reveal, false)
	if err := d.endRevealsOf(context.Background(), ana.device); err != nil || state(last.Reveal) != inbox.RevealEnded {
		t.Errorf("an excluded device goes on looking: %v", err)
	}
}

func TestWithoutASecondPersonPolicyGrants(t *testing.T) {
	d := newRevealDesk(t)
	no := false
	d.cfg.Reveal.SecondPerson = &no
	ana := d.person("Ana Beispiel", inbox.Agent)
	g, err := d.asks(ana, func(q *inbox.AskReveal) { q.Field = inbox.FieldName })
	if err != nil || g.State != inbox.RevealGranted {
		t.Fatalf("state %d, %v", g.State, err)
	}
	o, err := d.opens(ana, g.Reveal, false)
	if err != nil {
		t.Fatal(err)
	}
	if value, err := d.key.Open(g.Reveal, o.Sealed); err != nil || string(value) != "Katharina Muster" {
		t.Errorf("the name does not open: %v", err)
	}
}

func TestANumberIsFoundWholeOrNotAtAll(t *testing.T) {
	d := newRevealDesk(t)
	ana := d.person("Ana Beispiel", inbox.Agent)
	find := func(a asker, number string) (inbox.ConversationID, error) {
		f, err := d.lookUp(context.Background(), a, inbox.LookUp{Inbox: d.one, Number: number})
		return f.Conversation, err
	}
	for _, number := range []string{"+49 151 5550 1234", "0049-151/55501234", "٤٩١٥١٥٥٥٠١٢٣٤"} {
		if c, err := find(ana, number); err != nil || c != d.conversation {
			t.Errorf("the whole number is not found: %v", err)
		}
	}
	whole := "+4915155501234"
	bob := d.person("Bob Beispiel", inbox.Agent)
	for i := 4; i < 11; i++ { // no beginning, end or middle, and nothing one digit longer or off
		d.now = d.now.Add(20 * time.Minute)
		for _, part := range []string{whole[:len(whole)-i+3], "+" + whole[i:]} {
			if c, _ := find(bob, part); c != "" {
				t.Errorf("a part of a number finds its owner")
			}
		}
	}
	d.now = d.now.Add(2 * time.Hour)
	for _, near := range []string{whole + "0", whole[:len(whole)-1] + "5"} {
		if c, err := find(bob, near); c != "" || err != nil {
			t.Errorf("another number finds somebody: %v", err)
		}
	}
	for _, none := range []string{"", "+", "0151 5550 1234", "+49151555%", "katharina"} {
		_, err := find(bob, none)
		wants(t, "what is no whole number", err, inbox.RefusedMalformed)
	}
	d.now = d.now.Add(2 * time.Hour)
	for i := range 11 {
		_, err := find(bob, fmt.Sprintf("+1555010%04d", i))
		want := inbox.Granted
		if i == 10 {
			want = inbox.RefusedCap
		}
		wants(t, fmt.Sprint("question ", i), err, want)
	}
	_, err := find(d.person("Petra Zweite", inbox.PrivacyOfficer), whole)
	wants(t, "who may not", err, inbox.RefusedRight)
	if f, err := d.lookUp(context.Background(), ana, inbox.LookUp{Inbox: d.two, Number: whole}); f.Conversation != "" || err == nil {
		t.Error("an inbox one does not work in answers")
	}
	n := 0
	for _, e := range d.acts("company") {
		if e.Act == audit.LookedUp {
			n++
			if bytes.Contains([]byte(e.Object), []byte("5550")) && len(e.Object) != 32 {
				t.Error("the record names a number")
			}
		}
	}
	if n < 20 {
		t.Errorf("%d questions are recorded", n)
	}
}

func TestAPlaceIsShownAsThePolicySays(t *testing.T) {
	place := object{"latitude": 46.49831, "longitude": 11.35478, "name": "Casa", "address": "Via dei Portici 12"}
	for policy, want := range map[string]string{"hidden": "•••", "area": "≈ 46.45, 11.40", "": "≈ 46.45, 11.40", "exact": "46.49831, 11.35478\nCasa\nVia dei Portici 12"} {
		d := newIntakeDesk(t)
		d.cfg.Masking.Location = policy
		d.feed(from(testNumber, object{"wa_id": "4915155501234"}, "p1", d.now.Unix(), "location", place))
		if got := d.messages(d.one)[0].Body.Visible(); got != want {
			t.Errorf("%q shows %q, want %q", policy, got, want)
		}
	}
	for _, lat := range []float64{-90, -89.99, 0, 46.4, 89.99, 90} {
		for _, lon := range []float64{-180, -0.001, 0, 179.999, 180} {
			a, b := areaOf(lat, lon)
			if c, e := areaOf(a, b); c != a || e != b || a < -90 || a > 90 || b < -180 || b > 180 || a-lat > 0.06 || lat-a > 0.06 {
				t.Errorf("the area of %v, %v is around %v, %v", lat, lon, a, b)
			}
		}
	}
}
