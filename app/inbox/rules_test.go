package inbox

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIdsAreRandomAndMeaningless(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-9]{26}$`)
	seen := map[MessageID]bool{}
	for range 1000 {
		id := NewID[MessageID]()
		if !form.MatchString(string(id)) || strings.ContainsAny(string(id), "lo01") {
			t.Fatalf("an id has another form: %q", id)
		}
		if seen[id] {
			t.Fatal("an id came twice")
		}
		seen[id] = true
	}
}

func TestLogsAndInboxesNameEachOther(t *testing.T) {
	if InboxID("sales").Log() != "inbox/sales" || LogID("inbox/sales").Inbox() != "sales" || CompanyLog.Inbox() != "" {
		t.Error("a log and its inbox do not lead to each other")
	}
}

func TestMoments(t *testing.T) {
	if At(time.Time{}) != 0 || !Moment(0).Time().IsZero() {
		t.Error("never is not the zero moment")
	}
	rapid.Check(t, func(t *rapid.T) {
		m := Moment(rapid.Int64Range(1, 1<<45).Draw(t, "ms"))
		d := time.Duration(rapid.Int64Range(-1<<30, 1<<30).Draw(t, "d")) * time.Millisecond
		if At(m.Time()) != m || m.Add(d).Sub(m) != d || m.Time().Location() != time.UTC {
			t.Fatal("a moment does not survive")
		}
	})
}

// said makes the event of an item.
func said(seq uint64, at Moment, side Side, author PersonID, id MessageID) Event {
	return Event{Seq: seq, At: at, Body: MessageAdded{Message{
		ID: id, Seq: seq, At: at, Side: side, Author: author, Kind: Text, Body: PlainText("text " + string(id)),
	}}}
}

func system(seq uint64, at Moment) Event {
	e := said(seq, at, FromSystem, "", "sys")
	m := e.Body.(MessageAdded)
	m.Message.Kind = System
	e.Body = m
	return e
}

func TestApply(t *testing.T) {
	const me, other = PersonID("me"), PersonID("other")
	read := func(p PersonID, upTo uint64) Event { return Event{Body: ReadMoved{Person: p, UpTo: upTo}} }
	receipt := func(id MessageID, r Receipt) Event { return Event{Body: ReceiptChanged{Message: id, Receipt: r}} }
	for _, c := range []struct {
		rule   string
		events []Event
		want   Conversation
	}{
		{"opening names it", []Event{{Seq: 1, At: 5, Body: ConversationOpened{"c", "sales", Contact{ID: "x", Alias: "A"}}}},
			Conversation{ID: "c", Inbox: "sales", Contact: Contact{ID: "x", Alias: "A"}, LastAt: 5}},
		{"a contact's change replaces the card", []Event{{Body: ContactChanged{"c", Contact{ID: "x", Alias: "B"}}}},
			Conversation{Contact: Contact{ID: "x", Alias: "B"}}},
		{"the customer's message counts and opens the window", []Event{said(1, 10, FromContact, "", "a"), said(2, 20, FromContact, "", "b")},
			Conversation{Waiting: 10, LastInbound: 20, LastAt: 20, LastSeq: 2, LastID: "b", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text b"), Unread: 2, InboundSeq: 2}},
		{"the customer's message opens a closed conversation", []Event{{Body: StateChanged{"c", Closed, other, 0}}, said(1, 10, FromContact, "", "a")},
			Conversation{State: Open, Waiting: 10, LastInbound: 10, LastAt: 10, LastSeq: 1, LastID: "a", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text a"), Unread: 1, InboundSeq: 1}},
		{"a colleague's answer reads nothing for me", []Event{said(1, 10, FromContact, "", "a"), said(2, 20, FromPerson, other, "b")},
			Conversation{Waiting: 10, Replies: []Reply{{Message: "b", Seq: 2}}, LastInbound: 10, LastAt: 20, LastSeq: 2, LastID: "b", LastSide: FromPerson, LastKind: Text, LastAuthor: other,
				Snippet: PlainText("text b"), Unread: 1, InboundSeq: 1}},
		{"who answers has read", []Event{said(1, 10, FromContact, "", "a"), said(2, 20, FromPerson, me, "b")},
			Conversation{Waiting: 10, Replies: []Reply{{Message: "b", Seq: 2}}, LastInbound: 10, LastAt: 20, LastSeq: 2, LastID: "b", LastSide: FromPerson, LastKind: Text, LastAuthor: me,
				Snippet: PlainText("text b"), ReadSeq: 2, InboundSeq: 1}},
		{"my read mark clears", []Event{said(1, 10, FromContact, "", "a"), read(me, 1)},
			Conversation{Waiting: 10, LastInbound: 10, LastAt: 10, LastSeq: 1, LastID: "a", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text a"), ReadSeq: 1, InboundSeq: 1}},
		{"another's read mark does not", []Event{said(1, 10, FromContact, "", "a"), read(other, 1)},
			Conversation{Waiting: 10, LastInbound: 10, LastAt: 10, LastSeq: 1, LastID: "a", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text a"), Unread: 1, InboundSeq: 1}},
		{"a read mark never goes back", []Event{read(me, 5), read(me, 3)}, Conversation{ReadSeq: 5}},
		{"what was read before it came does not count", []Event{read(me, 5), said(4, 10, FromContact, "", "a")},
			Conversation{Waiting: 10, LastInbound: 10, LastAt: 10, LastSeq: 4, LastID: "a", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text a"), ReadSeq: 5, InboundSeq: 4}},
		{"the last message's receipt shows", []Event{said(1, 10, FromPerson, other, "a"), receipt("a", Sent), receipt("a", Queued), receipt("b", Read)},
			Conversation{LastAt: 10, LastSeq: 1, LastID: "a", LastSide: FromPerson, LastKind: Text, LastAuthor: other,
				LastReceipt: Sent, Snippet: PlainText("text a")}},
		{"assigned and taken away", []Event{{Body: Assigned{"c", me, other}}, {Body: Assigned{"c", "", other}}}, Conversation{}},
		{"a system item is no last message", []Event{said(1, 10, FromContact, "", "a"), system(2, 20)},
			Conversation{Waiting: 10, LastInbound: 10, LastAt: 10, LastSeq: 2, LastID: "a", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text a"), Unread: 1, InboundSeq: 1}},
		{"a clock that went back moves nothing back", []Event{said(1, 20, FromContact, "", "a"), said(2, 10, FromContact, "", "b")},
			Conversation{Waiting: 20, LastInbound: 20, LastAt: 20, LastSeq: 2, LastID: "b", LastSide: FromContact, LastKind: Text,
				Snippet: PlainText("text b"), Unread: 2, InboundSeq: 2}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var got Conversation
			for _, e := range c.events {
				got.Apply(e, me)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got another row than expected:\n%+v\n%+v", got, c.want)
			}
		})
	}
}

// history draws a log of one conversation in its order.
func history(t *rapid.T) []Event {
	people := []PersonID{"me", "other", ""}
	var out []Event
	for i := range rapid.IntRange(0, 25).Draw(t, "events") {
		seq, at := uint64(i+1), Moment(rapid.IntRange(1, 1000).Draw(t, "at"))
		id := MessageID(fmt.Sprint("m", rapid.IntRange(1, i+1).Draw(t, "id")))
		person := rapid.SampledFrom(people).Draw(t, "person")
		e := Event{Seq: seq, At: at}
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			e.Body = ReceiptChanged{"c", id, Receipt(rapid.IntRange(0, 6).Draw(t, "receipt")), 0}
		case 1:
			e.Body = Assigned{"c", person, "other"}
		case 2:
			e.Body = StateChanged{"c", ConversationState(rapid.IntRange(0, 2).Draw(t, "state")), person, 7}
		case 3:
			e.Body = ReadMoved{"c", person, uint64(rapid.IntRange(0, i+1).Draw(t, "upto"))}
		case 4:
			e = system(seq, at)
		case 5:
			e = said(seq, at, FromPerson, person, MessageID(fmt.Sprint("m", seq)))
		case 6:
			e.Body = ContactChanged{"c", Contact{ID: "x", Alias: fmt.Sprint("A", i)}}
		default:
			e = said(seq, at, FromContact, "", MessageID(fmt.Sprint("m", seq)))
		}
		out = append(out, e)
	}
	return out
}

func TestApplyingTwiceIsApplyingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(t)
		reader := rapid.SampledFrom([]PersonID{"me", "other", ""}).Draw(t, "reader")
		var once, twice Conversation
		for _, e := range events {
			once.Apply(e, reader)
			twice.Apply(e, reader)
			twice.Apply(e, reader)
		}
		if !reflect.DeepEqual(once, twice) {
			t.Fatalf("rows differ:\n%+v\n%+v", once, twice)
		}
		if once.Unread < 0 || once.Unread > 0 && once.InboundSeq <= once.ReadSeq || once.InboundSeq > once.LastSeq {
			t.Fatalf("%d unread, read up to %d, the customer's last at %d of %d", once.Unread, once.ReadSeq, once.InboundSeq, once.LastSeq)
		}
	})
}

// Unread never counts less than what is there, and nothing once all is read.
func TestUnreadIsTheCustomersMessagesAfterTheMark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(t)
		var c Conversation
		for _, e := range events {
			c.Apply(e, "me")
		}
		n := 0
		for _, e := range events {
			if m, ok := e.Body.(MessageAdded); ok && m.Message.Side == FromContact && e.Seq > c.ReadSeq {
				n++
			}
		}
		if n == 0 && c.Unread != 0 || c.Unread < n {
			t.Fatalf("%d unread, want %d", c.Unread, n)
		}
	})
}

func TestTheReplyWindow(t *testing.T) {
	c := Conversation{LastInbound: 1000}
	end := Moment(1000).Add(24 * time.Hour)
	if c.WindowCloses() != end || !c.WindowOpen(1000) || !c.WindowOpen(end-1) || c.WindowOpen(end) {
		t.Error("the window is not the 24 hours after the customer's message")
	}
	if (Conversation{}).WindowOpen(0) || (Conversation{}).WindowCloses() != 0 {
		t.Error("a window is open although the customer never wrote")
	}
}

func receipts() *rapid.Generator[Receipt] {
	return rapid.Custom(func(t *rapid.T) Receipt { return Receipt(rapid.IntRange(0, int(Read)).Draw(t, "receipt")) })
}

func TestReceiptsOnlyMoveForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := receipts().Draw(t, "a"), receipts().Draw(t, "b"), receipts().Draw(t, "c")
		switch {
		case a.Advance(b) < a || a.Advance(b) < b:
			t.Fatal("a receipt moved back")
		case a.Advance(b) != b.Advance(a):
			t.Fatal("the order of reports matters")
		case a.Advance(b).Advance(c) != a.Advance(b.Advance(c)):
			t.Fatal("the grouping of reports matters")
		case a.Advance(a) != a:
			t.Fatal("a repeated report changes something")
		}
	})
	for _, next := range []Receipt{NoReceipt, Queued, Unknown} {
		if Failed.Advance(next) != Failed {
			t.Error("a failure was taken back without success")
		}
	}
	if Failed.Advance(Delivered) != Delivered || Unknown.Advance(Failed) != Failed || Unknown.Advance(Sent) != Sent {
		t.Error("what WhatsApp says later does not settle it")
	}
}

func TestApplyTo(t *testing.T) {
	m := Message{ID: "m", Receipt: Queued}
	steps := []struct {
		rule    string
		body    EventBody
		changed bool
		receipt Receipt
		failure Failure
	}{
		{"another message's event", ReceiptChanged{"c", "x", Read, 0}, false, Queued, 0},
		{"a failure says why", ReceiptChanged{"c", "m", Failed, FailWindow}, true, Failed, FailWindow},
		{"a late report", ReceiptChanged{"c", "m", Queued, 0}, false, Failed, FailWindow},
		{"success forgets the failure", ReceiptChanged{"c", "m", Delivered, FailWindow}, true, Delivered, NoFailure},
		{"a failure after success", ReceiptChanged{"c", "m", Failed, FailWindow}, false, Delivered, NoFailure},
		{"a fact about something else", Assigned{"c", "p", "p"}, false, Delivered, NoFailure},
	}
	for _, s := range steps {
		if got := ApplyTo(&m, s.body); got != s.changed || m.Receipt != s.receipt || m.Failure != s.failure {
			t.Errorf("%s: changed %v, receipt %d, failure %d", s.rule, got, m.Receipt, m.Failure)
		}
	}
	if !ApplyTo(&m, Reacted{"c", "m", Reaction{FromContact, "", "👍"}}) || len(m.Reactions) != 1 {
		t.Error("a reaction is not kept")
	}
	if !ApplyTo(&m, MediaChanged{"c", "m", Media{ID: "x", State: MediaReady}}) || m.Media == nil || m.Media.State != MediaReady {
		t.Error("the media is not replaced")
	}
	if ApplyTo(&m, Reacted{"c", "x", Reaction{FromContact, "", "👍"}}) || ApplyTo(&m, MediaChanged{"c", "x", Media{}}) {
		t.Error("another message's event changed this one")
	}
}

func TestReact(t *testing.T) {
	reaction := rapid.Custom(func(t *rapid.T) Reaction {
		side := rapid.SampledFrom([]Side{FromContact, FromPerson}).Draw(t, "side")
		r := Reaction{Side: side, Emoji: rapid.SampledFrom([]string{"", "👍", "❤️"}).Draw(t, "emoji")}
		if side == FromPerson {
			r.By = rapid.SampledFrom([]PersonID{"p", "q"}).Draw(t, "by")
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		var list []Reaction
		for _, r := range rapid.SliceOfN(reaction, 0, 12).Draw(t, "reactions") {
			before := append([]Reaction(nil), list...)
			next := React(list, r)
			if !reflect.DeepEqual(append([]Reaction(nil), list...), before) {
				t.Fatal("the given reactions were changed")
			}
			list = next
			mine, authors := 0, map[string]int{}
			for _, x := range list {
				if x.Side == r.Side && x.By == r.By {
					mine++
					if x != r {
						t.Fatal("an older reaction of the same author stayed")
					}
				}
				authors[fmt.Sprint(x.Side, x.By)]++
				if x.Emoji == "" || authors[fmt.Sprint(x.Side, x.By)] > 1 {
					t.Fatal("an author has none or two reactions in the list")
				}
			}
			if want := map[bool]int{true: 1, false: 0}[r.Emoji != ""]; mine != want {
				t.Fatalf("%d reactions of the author, want %d", mine, want)
			}
		}
	})
}

func TestCanDeniesByDefault(t *testing.T) {
	allowed := map[Role]map[Action]bool{
		Agent: {ActRead: true, ActSend: true, ActNote: true, ActAssign: true, ActSetState: true, ActConsent: true, ActReveal: true, ActLookUp: true, ActTag: true, ActTask: true},
		Supervisor: {
			ActRead: true, ActSend: true, ActNote: true, ActAssign: true, ActSetState: true, ActConsent: true, ActCosts: true, ActOversee: true,
			ActReveal: true, ActDecide: true, ActLookUp: true, ActTag: true, ActTask: true, ActOrganise: true, ActReport: true,
		},
		PrivacyOfficer: {ActOversee: true, ActDecide: true},
		ITAdmin:        {ActOversee: true},
	}
	cells := 0
	for role := range 256 {
		for action := range 256 {
			for _, works := range []bool{true, false} {
				p := Person{ID: "p", Role: Role(role), Inboxes: []InboxID{"other"}}
				if works {
					p.Inboxes = append(p.Inboxes, "sales")
				}
				for _, assignee := range []PersonID{"", "p", "q"} {
					cells++
					want := works && allowed[Role(role)][Action(action)]
					err := Can(p, Action(action), Subject{Inbox: "sales", Assignee: assignee})
					if (err == nil) != want || err != nil && !errors.Is(err, RefusedRight) {
						t.Fatalf("role %d, action %d, works there %v: got %v", role, action, works, err)
					}
				}
			}
		}
	}
	if Can(Person{Role: Supervisor}, ActRead, Subject{}) == nil {
		t.Error("a person without inboxes may read an inbox without a name")
	}
	if cells != 256*256*2*3 {
		t.Errorf("looked at %d cells", cells)
	}
}

func TestRolesHaveNames(t *testing.T) {
	for r := Agent; r <= Auditor; r++ {
		if got, ok := ParseRole(r.String()); !ok || got != r {
			t.Errorf("role %d does not survive its name", r)
		}
	}
	for _, name := range []string{"", "none", "unknown", "admin", "Agent"} {
		if r, ok := ParseRole(name); ok || r != NoRole {
			t.Errorf("%q was taken for a role", name)
		}
	}
}

func TestCheckText(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		want       error
	}{
		{"a text", "Guten Tag", nil},
		{"nothing", "", RefusedEmpty},
		{"blanks", " \t\r\n ", RefusedEmpty},
		{"blanks that are wider or cannot be seen", "\u00a0\u2003\u200b\ufeff", RefusedEmpty},
		{"the longest", strings.Repeat("ä", MaxText), nil},
		{"one more", strings.Repeat("ä", MaxText+1), RefusedTooLong},
		{"an emoji alone", "👍", nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := CheckText(c.text); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestKindsAreUniqueAndClosed(t *testing.T) {
	events := map[EventKind]bool{}
	for _, b := range EventBodies() {
		if b.Kind() == 0 || events[b.Kind()] {
			t.Errorf("kind %d is zero or taken", b.Kind())
		}
		events[b.Kind()] = true
	}
	intents := map[IntentKind]bool{}
	for _, b := range IntentBodies() {
		if b.IntentKind() == 0 || intents[b.IntentKind()] {
			t.Errorf("kind %d is zero or taken", b.IntentKind())
		}
		intents[b.IntentKind()] = true
	}
	if len(events) != 29 || len(intents) != 17 {
		t.Errorf("%d kinds of facts, %d of wishes: a new kind needs its place in the lists", len(events), len(intents))
	}
	questions := map[QuestionKind]bool{}
	for i, q := range Questions() {
		if q.QuestionKind() == 0 || questions[q.QuestionKind()] || Answers()[i].AnswerKind() != q.QuestionKind() {
			t.Errorf("kind %d of question is zero, taken or has no answer", q.QuestionKind())
		}
		questions[q.QuestionKind()] = true
	}
	for r := RefusedRight; r <= RefusedSignature; r++ {
		if r.Error() == "refused" {
			t.Errorf("refusal %d has no words", r)
		}
	}
	if Refusal(9999).Error() == "" {
		t.Error("an unknown refusal says nothing")
	}
}
