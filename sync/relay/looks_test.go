package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

func TestEveryPageOfASearchIsWrittenDown(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello there")
	search := func(before string) error {
		_, err := d.askSearch(t.Context(), asker{person: p, device: "laptop"}, inbox.AskSearch{Text: "hello", Before: before})
		return err
	}
	if err := errors.Join(search(""), search("0.18446744073709551615"), search("0.2")); err != nil {
		t.Fatal(err)
	}
	if n := d.acts(identity.Shard)[fmt.Sprint(audit.SearchedMessages)]; n != 3 {
		t.Errorf("%d of 3 searches are in the audit log: %v", n, d.acts(identity.Shard))
	}
}

func TestOneDeviceCannotSearchForAll(t *testing.T) {
	l := newLooks()
	var leave []func()
	for range searchesEach {
		out, err := l.search(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, out)
	}
	if _, err := l.search(t.Context(), "a"); !errors.Is(err, errNotYet) {
		t.Errorf("one more of the same: %v", err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.search(gone, "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("who hung up: %v", err)
	}
	for _, out := range leave {
		out()
	}
	if out, err := l.search(t.Context(), "b"); err != nil {
		t.Error(err)
	} else {
		out()
	}
	if len(l.of) != 0 || len(l.searches) != 0 {
		t.Errorf("%v are still counted", l.of)
	}
}

func TestAReportReadsItsStretchAlone(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello")
	id := d.conversations(d.one)[0].ID
	start := d.now.UTC().Truncate(24 * time.Hour)
	const days, each = 5, 2 * reportChunk / 5
	for day := range days {
		at := inbox.At(start.AddDate(0, 0, 1+day).Add(time.Hour))
		bodies := make([]inbox.EventBody, each)
		for i := range bodies {
			bodies[i] = inbox.MessageAdded{Message: inbox.Message{ID: inbox.MessageID(fmt.Sprint(day, "-", i)), Conversation: id, At: at, Side: inbox.FromContact, Kind: inbox.Text}}
		}
		err := d.db.Update(t.Context(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
			_, err := eventlog.Append(tx, at, "", bodies...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	date := func(n int) string { return start.AddDate(0, 0, n).Format(time.DateOnly) }
	for _, c := range []struct{ from, to, want int }{{1, days, days * each}, {2, 4, 3 * each}, {0, 0, 1}, {0, 1, 1 + each}, {days, days + 9, each}, {-20, -10, 0}, {days + 1, days + 2, 0}} {
		r, err := d.askReport(t.Context(), asker{person: p}, inbox.AskReport{From: date(c.from), To: date(c.to), By: inbox.ByDay})
		if err != nil || r.All.In != c.want {
			t.Errorf("from %d to %d: %d of %d, %v", c.from, c.to, r.All.In, c.want, err)
		}
	}
}

func TestPresenceTellsWhatMayBeSeenAndIsSoonSaid(t *testing.T) {
	const n = 500
	var list []someone
	where := map[inbox.ConversationID]inbox.InboxID{"secret": "board"}
	for i := range n {
		in := inbox.InboxID(fmt.Sprint("in-", i%2))
		c := inbox.ConversationID(fmt.Sprintf("conversation-%04d", i))
		where[c] = in
		p := inbox.Person{ID: inbox.PersonID(fmt.Sprintf("person-%020d", i)), Role: inbox.Agent, Inboxes: []inbox.InboxID{in}}
		list = append(list, someone{x: &session{person: p}, at: wire.Attend{Conversation: c, Writing: i%3 == 0}})
	}
	list[2].at.Conversation = "conversation-0001" // of an inbox he does not work in
	list[4].at.Conversation = "secret"
	officer := inbox.Person{ID: "officer", Role: inbox.PrivacyOfficer, Inboxes: []inbox.InboxID{"in-0", "in-1"}}
	list = append(list, someone{x: &session{person: officer}}, someone{x: &session{person: list[0].x.person}, at: list[0].at})
	began := time.Now()
	all := whoSees(list, where)
	took := time.Since(began)
	if len(all) != len(list) {
		t.Fatalf("%d of %d are told", len(all), len(list))
	}
	if o := all[n]; len(o.Online) != n+1 || len(o.Here) != 0 {
		t.Errorf("who may read nothing is told of %d people and %d conversations", len(o.Online), len(o.Here))
	}
	for i, p := range all[:n] {
		if len(p.Online) != n/2+1 {
			t.Fatalf("%d is told of %d people", i, len(p.Online))
		}
		for _, h := range p.Here {
			if where[h.Conversation] != list[i].x.person.Inboxes[0] || h.Person == list[i].x.person.ID || h.Conversation == "secret" || h.Person == list[2].x.person.ID {
				t.Fatalf("%d is told that %s is in %s", i, h.Person, h.Conversation)
			}
		}
	}
	if took > 5*time.Second { // it takes a few hundredths
		t.Errorf("it took %v", took)
	}
	t.Log(took)
}

func TestWhatIsHiddenIsNotFoundByWhatIsLeftOfIt(t *testing.T) {
	m := inbox.Message{Body: inbox.NewMasked(inbox.Span{Text: "call "}, inbox.Span{Kind: inbox.Phone, Text: "••• ••47"}, inbox.Span{Text: " or mail "},
		inbox.Span{Kind: inbox.Email, Text: "m•••@example"}, inbox.Span{Text: " today"})}
	for word, found := range map[string]bool{"call": true, "today": true, "mail today": true, "47": false, "4": false, "m example": false, "example": false} {
		if got := (search{words: wordsOf(word)}).says(m); got != found {
			t.Errorf("%q: %v", word, got)
		}
	}
}

func TestAPageOfLongMessagesCanBeRead(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello")
	id := d.conversations(d.one)[0].ID
	const n = 60
	body := inbox.PlainText(strings.Repeat("straße 漢漢漢漢漢漢漢漢 ", inbox.MaxText/16))
	err := d.db.Update(t.Context(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
		for i := range n {
			m := inbox.Message{ID: inbox.MessageID(fmt.Sprint("m", i)), Conversation: id, At: inbox.At(d.now), Side: inbox.FromContact, Kind: inbox.Text, Body: body}
			if _, err := eventlog.Append(tx, m.At, "", inbox.MessageAdded{Message: m}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[inbox.MessageID]bool{}
	for q := (inbox.AskSearch{Text: "strasse", Inbox: d.one}); ; {
		page, err := d.askSearch(t.Context(), asker{person: p, device: "laptop"}, q)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := wire.EncodeAnswer(wire.Answer{ID: 1, Answer: page})
		if err != nil || len(frame) > wire.MaxRelayFrame {
			t.Fatalf("no device reads %d bytes: %v", len(frame), err)
		}
		for _, h := range page.Hits {
			found[h.Message] = true
		}
		if q.Before = page.Next; q.Before == "" {
			break
		}
	}
	if len(found) != n {
		t.Errorf("%d of %d found", len(found), n)
	}
}

func TestAPlaceThatDiffersByMachineIsNoZone(t *testing.T) {
	for zone, ok := range map[string]bool{"Local": false, "Europe/Berlin": true, "": true, "Atlantis": false} {
		if _, err := (HoursConfig{Zone: zone}).hours("sales"); (err == nil) != ok {
			t.Errorf("%q: %v", zone, err)
		}
	}
}
