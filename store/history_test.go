package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

// history draws what one log tells: a few conversations with messages, receipts, reactions, media, edits, consent and read
// marks, messages that are held, released, taken back and masked anew, reveals, erasures, and the templates of an inbox.
func history(t *rapid.T, log inbox.LogID, n int) []inbox.Event {
	var events []inbox.Event
	var said []inbox.Message
	erased, left := map[inbox.ConversationID]bool{}, map[inbox.MessageID]bool{}
	for seq := uint64(1); seq <= uint64(n); seq++ {
		at := start.Add(time.Duration(seq) * time.Second)
		conv := inbox.ConversationID(fmt.Sprintf("%s-c%d", log.Inbox(), rapid.IntRange(0, 2).Draw(t, "conv")))
		var body inbox.EventBody
		kind := rapid.IntRange(0, 23).Draw(t, "kind")
		if len(said) == 0 && (kind > 4 && kind < 12 || kind > 15 && kind < 22) {
			kind = 0
		}
		old := func() inbox.Message { return said[rapid.IntRange(0, len(said)-1).Draw(t, "which")] }
		switch kind {
		case 0, 1, 2:
			m := inbox.Message{ID: inbox.MessageID(fmt.Sprintf("%s-m%d", log.Inbox(), seq)), Conversation: conv, At: at,
				Side: inbox.Side(rapid.IntRange(1, 2).Draw(t, "side")), Kind: inbox.Text, Body: inbox.PlainText(fmt.Sprint("text ", seq))}
			if m.Side == inbox.FromPerson {
				m.Author, m.Receipt = inbox.PersonID(rapid.SampledFrom([]string{"me", "you"}).Draw(t, "author")), inbox.Queued
				m.Held = rapid.Bool().Draw(t, "held")
			} else if rapid.IntRange(0, 3).Draw(t, "referred") == 0 {
				m.Referral = &inbox.Referral{}
			}
			if len(said) > 0 && rapid.Bool().Draw(t, "quotes") {
				if q := old(); q.Conversation == conv {
					m.Quote = &inbox.Quote{Message: q.ID, Side: q.Side, Excerpt: q.Body.Excerpt(120)}
				}
			}
			switch rapid.IntRange(0, 5).Draw(t, "shape") {
			case 0: // no row shows it
				m.Side, m.Kind, m.Author, m.Receipt, m.Held, m.Referral = inbox.FromSystem, inbox.System, "", inbox.NoReceipt, false, nil
			case 1: // no row shows all of it
				m.Body = inbox.PlainText(strings.Repeat(fmt.Sprint("long text ", seq, "\n"), 20))
			}
			said = append(said, m)
			body = inbox.MessageAdded{Message: m}
		case 3:
			body = inbox.ConversationOpened{Conversation: conv, Inbox: log.Inbox(), Contact: inbox.Contact{ID: "k", Alias: fmt.Sprint("A", seq)}}
		case 4:
			body = inbox.Assigned{Conversation: conv, To: "you"}
		case 5, 6:
			m := old()
			b := inbox.ReceiptChanged{Conversation: m.Conversation, Message: m.ID, Receipt: inbox.Receipt(rapid.IntRange(1, 6).Draw(t, "receipt"))}
			left[m.ID] = left[m.ID] || b.Receipt > inbox.Queued
			body = b
		case 7:
			m := old()
			body = inbox.Reacted{Conversation: m.Conversation, Message: m.ID, Reaction: inbox.Reaction{Side: inbox.FromContact,
				Emoji: rapid.SampledFrom([]string{"", "+", "-"}).Draw(t, "emoji")}}
		case 8:
			m := old()
			body = inbox.MediaChanged{Conversation: m.Conversation, Message: m.ID, Media: inbox.Media{ID: "x", Size: int64(seq)}}
		case 10, 11:
			m := old()
			body = inbox.MessageChanged{Conversation: m.Conversation, Message: m.ID, Body: inbox.PlainText(fmt.Sprint("changed ", seq)), At: at,
				Deleted: rapid.IntRange(0, 3).Draw(t, "deleted") == 0}
		case 12:
			body = inbox.ConsentChanged{Conversation: conv, Consent: inbox.Consent{Marketing: inbox.Given, At: at}}
		case 13:
			body = inbox.FreeEntryMoved{Conversation: conv, Until: at}
		case 14:
			body = inbox.ConversationJoined{Conversation: conv, Into: "elsewhere"}
		case 15:
			n := rapid.IntRange(0, 4).Draw(t, "template")
			body = inbox.TemplateChanged{Template: inbox.Template{ID: inbox.TemplateID(fmt.Sprint(log, n)), Inbox: log.Inbox(), Name: fmt.Sprint("t", 9-n),
				Language: "de", Body: fmt.Sprint("body ", seq), Removed: rapid.IntRange(0, 3).Draw(t, "removed") == 0}}
		case 16, 17:
			m := old()
			if m.Side != inbox.FromPerson || erased[m.Conversation] || left[m.ID] { // to somebody forgotten nobody writes, and what has left stays
				body = inbox.StateChanged{Conversation: conv, State: inbox.Open}
				break
			}
			body = inbox.MessageWithdrawn{Conversation: m.Conversation, Message: m.ID, By: m.Author}
			said = slices.DeleteFunc(slices.Clone(said), func(o inbox.Message) bool { return o.ID == m.ID })
		case 18, 19:
			m := old()
			body = inbox.MessageMasked{Conversation: m.Conversation, Message: m.ID, Body: inbox.PlainText(fmt.Sprint("masked ", seq))}
		case 20:
			m := old()
			body = inbox.MessageReleased{Conversation: m.Conversation, Message: m.ID, By: "boss"}
		case 21:
			if rapid.IntRange(0, 2).Draw(t, "erased") > 0 {
				body = inbox.StateChanged{Conversation: conv, State: inbox.Open}
				break
			}
			body = inbox.ContactErased{Conversation: conv, Contact: "k"}
			erased[conv] = true
			said = slices.DeleteFunc(slices.Clone(said), func(o inbox.Message) bool { return o.Conversation == conv })
		case 22, 23:
			body = inbox.RevealChanged{Reveal: inbox.Reveal{ID: inbox.RevealID(fmt.Sprint(log, rapid.IntRange(0, 3).Draw(t, "reveal"))), Conversation: conv,
				At: at, By: "you", State: inbox.RevealState(rapid.IntRange(0, 2).Draw(t, "reveal state"))}}
		case 9:
			body = inbox.ReadMoved{Conversation: conv, Person: me, UpTo: uint64(rapid.IntRange(0, int(seq)).Draw(t, "upto"))}
		}
		events = append(events, inbox.Event{Seq: seq, At: at, Body: body})
	}
	return events
}

// listed draws what the logs without conversations tell.
func listed(t *rapid.T, log inbox.LogID, n int) []inbox.Event {
	var events []inbox.Event
	for seq := uint64(1); seq <= uint64(n); seq++ {
		at := start.Add(time.Duration(seq) * time.Second)
		id := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "id"))
		var body inbox.EventBody
		switch {
		case log == inbox.CompanyLog:
			body = inbox.CardChanged{Card: inbox.CompanyCard{ID: inbox.CardID(id), Name: fmt.Sprint("Desk ", seq%3), Removed: rapid.IntRange(0, 3).Draw(t, "removed") == 0}}
		case rapid.Bool().Draw(t, "incident"):
			i := inbox.Incident{ID: inbox.IncidentID(id), Kind: inbox.IncidentQuality, At: start, Last: at, Count: int(seq)}
			if rapid.Bool().Draw(t, "closed") {
				i.Closed = at
			}
			body = inbox.IncidentChanged{Incident: i}
		default:
			body = inbox.RequestChanged{Request: inbox.Request{ID: inbox.RequestID(id), At: at, State: inbox.RequestState(rapid.IntRange(0, 4).Draw(t, "state"))}}
		}
		events = append(events, inbox.Event{Seq: seq, At: at, Body: body})
	}
	return events
}

// holdsThings compares the lists of things with the last fact about each.
func holdsThings(t interface{ Fatalf(string, ...any) }, s *Store, logs map[inbox.LogID][]inbox.Event) {
	last := map[string]inbox.EventBody{}
	for log, events := range logs {
		for _, e := range events {
			if gone, ok := e.Body.(inbox.ContactErased); ok {
				maps.DeleteFunc(last, func(_ string, b inbox.EventBody) bool { return b.Of() == gone.Conversation })
			}
			if of, ok := thingOf(e.Body); ok && of.kind != inbox.KindMessageAdded {
				last[fmt.Sprint(log, of)] = e.Body
			}
		}
	}
	var want, got []string
	for _, b := range last {
		switch b := b.(type) {
		case inbox.TemplateChanged:
			if b.Template.Removed {
				continue
			}
		case inbox.CardChanged:
			if b.Card.Removed {
				continue
			}
		}
		want = append(want, fmt.Sprintf("%+v", b))
	}
	for log := range logs {
		list := s.Templates(log.Inbox())
		if !slices.IsSortedFunc(list, func(a, b inbox.Template) int { return cmp.Compare(a.Name, b.Name) }) {
			t.Fatalf("templates are not sorted")
		}
		for _, v := range list {
			got = append(got, fmt.Sprintf("%+v", inbox.TemplateChanged{Template: v}))
		}
	}
	asked := 0
	for _, v := range last {
		if r, ok := v.(inbox.RevealChanged); ok {
			for i, v := range s.Reveals(r.Reveal.Conversation) {
				if v.ID == r.Reveal.ID {
					got = append(got, fmt.Sprintf("%+v", inbox.RevealChanged{Reveal: v}))
				}
				if all := s.Reveals(r.Reveal.Conversation); i > 0 && all[i-1].At < v.At {
					t.Fatalf("an older reveal stands before a newer one")
				}
			}
			if r.Reveal.State == inbox.RevealAsked {
				asked++
			}
		}
	}
	if n := len(s.PendingReveals()); n != asked {
		t.Fatalf("%d reveals wait for a decision, of %d", n, asked)
	}
	for _, v := range s.Cards() {
		got = append(got, fmt.Sprintf("%+v", inbox.CardChanged{Card: v}))
	}
	open := true
	for _, v := range s.Incidents() {
		if v.Closed == 0 && !open {
			t.Fatalf("an open incident stands behind a closed one")
		}
		open = v.Closed == 0
		got = append(got, fmt.Sprintf("%+v", inbox.IncidentChanged{Incident: v}))
	}
	for _, v := range s.Requests() {
		got = append(got, fmt.Sprintf("%+v", inbox.RequestChanged{Request: v}))
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := gocmp.Diff(want, got); d != "" {
		t.Fatalf("things: %s", d)
	}
}

// told is the plain answer: rows and messages folded in memory, in one pass.
func told(logs map[inbox.LogID][]inbox.Event) (rows []inbox.Conversation, messages map[inbox.ConversationID][]inbox.Message) {
	byID := map[inbox.ConversationID]*inbox.Conversation{}
	messages = map[inbox.ConversationID][]inbox.Message{}
	for log, events := range logs {
		withdrawn := map[inbox.MessageID]bool{}
		for _, e := range events {
			if b, ok := e.Body.(inbox.MessageWithdrawn); ok {
				withdrawn[b.Message] = true
			}
		}
		for _, e := range events {
			id := e.Body.Of()
			if _, reveal := e.Body.(inbox.RevealChanged); id == "" || reveal {
				continue
			}
			if byID[id] == nil {
				byID[id] = &inbox.Conversation{ID: id, Inbox: log.Inbox()}
			}
			if of := about(e.Body); withdrawn[of] { // as if it had never been written, but that who wrote had read
				m, ok := e.Body.(inbox.MessageAdded)
				if !ok || m.Message.Author != me {
					for i, q := range messages[id] {
						if _, now := e.Body.(inbox.MessageWithdrawn); now && q.Quote != nil && q.Quote.Message == of {
							messages[id][i].Quote = &inbox.Quote{Side: q.Quote.Side}
						}
					}
					continue
				}
				e.Body = inbox.ReadMoved{Conversation: id, Person: me, UpTo: e.Seq}
			}
			byID[id].Apply(e, me)
			switch b := e.Body.(type) {
			case inbox.MessageAdded:
				b.Message.Seq = e.Seq
				messages[id] = append(messages[id], b.Message)
			case inbox.ContactErased:
				delete(messages, id)
			case inbox.MessageMasked:
				for i, q := range messages[id] {
					if q.Quote != nil && q.Quote.Message == b.Message {
						messages[id][i].Quote = &inbox.Quote{Message: b.Message, Side: q.Quote.Side, Excerpt: b.Body.Excerpt(120)}
					}
				}
			}
			for i := range messages[id] {
				inbox.ApplyTo(&messages[id][i], e.Body)
			}
		}
	}
	for _, c := range byID {
		rows = append(rows, sameFree(*c))
	}
	slices.SortFunc(rows, func(a, b inbox.Conversation) int { return newer(&a, &b) })
	return rows, messages
}

func holds(t interface{ Fatalf(string, ...any) }, s *Store, logs map[inbox.LogID][]inbox.Event, pageSize int) {
	ctx := context.Background()
	rows, messages := told(logs)
	holdsThings(t, s, logs)
	holdsHeld(t, s, messages)
	for name, ask := range map[string]func(context.Context) ([]*Row, error){"head": s.Head, "inbox": s.Inbox} {
		got, err := ask(ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var list []inbox.Conversation
		for _, r := range got {
			list = append(list, sameFree(r.Conversation))
		}
		if d := gocmp.Diff(rows, list); d != "" {
			t.Fatalf("%s: %s", name, d)
		}
	}
	for _, row := range rows {
		var got []inbox.Message
		for at, more := (PageCursor{}), true; more; {
			p, err := s.Page(ctx, row.ID, at, pageSize)
			if err != nil {
				t.Fatalf("page: %v", err)
			}
			if p.More && len(p.Messages) != pageSize {
				t.Fatalf("a page of %d with more before it has %d messages", pageSize, len(p.Messages))
			}
			got, at, more = append(slices.Clone(p.Messages), got...), p.Older, p.More
		}
		if d := gocmp.Diff(messages[row.ID], got, sameReactions); d != "" {
			t.Fatalf("messages: %s", d)
		}
	}
}

// sameFree makes all times until which nothing was billed the same that were over before the customer came again.
func sameFree(c inbox.Conversation) inbox.Conversation {
	if c.FreeUntil < c.Referred {
		c.FreeUntil = 0
	}
	return c
}

// holdsHeld compares the messages that are held with those the timelines show as held.
func holdsHeld(t interface{ Fatalf(string, ...any) }, s *Store, messages map[inbox.ConversationID][]inbox.Message) {
	want, got := map[inbox.MessageID]inbox.Message{}, map[inbox.MessageID]inbox.Message{}
	others := 0
	for _, list := range messages {
		for _, m := range list {
			if m.Held && m.Kind != inbox.Deleted && m.Receipt <= inbox.Queued {
				want[m.ID] = m
				if m.Author != me {
					others++
				}
			}
		}
	}
	s.eachTold(func(_ inbox.LogID, b inbox.EventBody) {
		if m, ok := b.(inbox.MessageAdded); ok {
			got[m.Message.ID] = m.Message
		}
	})
	if d := gocmp.Diff(want, got, sameReactions); d != "" {
		t.Fatalf("held: %s", d)
	}
	list := s.Held()
	if len(list) != others || !slices.IsSortedFunc(list, func(a, b HeldMessage) int { return cmp.Compare(a.Message.At, b.Message.At) }) {
		t.Fatalf("%d messages wait for a decision, of %d", len(list), others)
	}
}

// An empty list of reactions and none are the same.
var sameReactions = gocmp.Transformer("reactions", func(l []inbox.Reaction) string { return fmt.Sprint(l) })
