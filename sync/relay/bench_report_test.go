package relay

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/figure"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// benchQuarter writes a quarter of a busy inbox: each day so many messages, half of them answers with their three receipts, in
// conversations that are assigned, read and closed. It returns the first and the last day.
func benchQuarter(b *testing.B, r *Relay, in inbox.InboxID, daily int) (from, to string) {
	b.Helper()
	zone, err := r.inboxNow(context.Background(), in)
	if err != nil {
		b.Fatal(err)
	}
	last := time.Now().In(zone.Hours.Location())
	begin := last.AddDate(0, 0, -maxReportDays)
	text := inbox.PlainText("Guten Tag, ich habe Ihr Angebot für die Wärmepumpe bekommen und hätte noch zwei Fragen zur Montage und zum Liefertermin.")
	for day := range maxReportDays {
		at := inbox.At(begin.AddDate(0, 0, day))
		err := r.db.Update(context.Background(), eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			log := eventlog.NewWriter(tx)
			for i := 0; i < daily; i += 2 {
				at = at.Add(24 * time.Hour / time.Duration(daily))
				id, who := inbox.ConversationID(fmt.Sprintf("%026d", (day*daily+i)/8)), inbox.PersonID(fmt.Sprintf("%026d", i%20))
				var bodies []inbox.EventBody
				if i%8 == 0 {
					bodies = append(bodies, inbox.ConversationOpened{Conversation: id, Inbox: in, Contact: inbox.Contact{ID: inbox.ContactID(id)}},
						inbox.Assigned{Conversation: id, To: who})
				}
				answer := inbox.MessageID(fmt.Sprintf("o%025d", day*daily+i))
				bodies = append(bodies,
					inbox.MessageAdded{Message: inbox.Message{ID: inbox.MessageID(fmt.Sprintf("i%025d", day*daily+i)), Conversation: id, At: at, Side: inbox.FromContact, Body: text}},
					inbox.ReadMoved{Conversation: id, Person: who},
					inbox.MessageAdded{Message: inbox.Message{ID: answer, Conversation: id, At: at, Side: inbox.FromPerson, Author: who, Body: text}})
				for receipt := inbox.Sent; receipt <= inbox.Read; receipt++ {
					bodies = append(bodies, inbox.ReceiptChanged{Conversation: id, Message: answer, Receipt: receipt})
				}
				if i%8 == 6 {
					bodies = append(bodies, inbox.StateChanged{Conversation: id, State: inbox.Closed, By: who})
				}
				if _, err := log.Append(at, "", bodies...); err != nil {
					return err
				}
			}
			return log.Flush()
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return begin.Format(time.DateOnly), last.AddDate(0, 0, -1).Format(time.DateOnly)
}

// BenchmarkReport asks for a report over a quarter of 2,000 messages a day, against reading the same facts and doing nothing with them;
// then asks again by something else, while a customer writes on. The longest the relay's other work waited for either is told beside.
func BenchmarkReport(b *testing.B) {
	const daily, rounds = 2000, 3
	r := benchRelay(b)
	ctx := context.Background()
	in := r.inboxes[benchNumber]
	from, to := benchQuarter(b, r, in, daily)
	boss, err := r.AddPerson(ctx, "Sabine Lenz", inbox.Supervisor, nil)
	if err != nil {
		b.Fatal(err)
	}
	head := headOf(b, r)
	ask := func(by inbox.Breakdown) (took time.Duration, turns int) {
		begin := time.Now()
		for turns = 1; ; turns++ {
			report, err := r.askReport(ctx, asker{person: boss, device: "laptop"}, inbox.AskReport{From: from, To: to, By: by})
			if errors.Is(err, errNotYet) {
				continue
			}
			if err != nil || report.All.Out < (maxReportDays-2)*daily/2 {
				b.Fatalf("%d answers, %v", report.All.Out, err)
			}
			return time.Since(begin), turns
		}
	}
	var first, again, plain []float64
	turns := 0
	for range rounds {
		begin := time.Now()
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			n := uint64(0)
			for _, err := range eventlog.Backwards(tx) {
				if err != nil {
					return err
				}
				n++
			}
			if n < head {
				return errRow
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		plain = append(plain, time.Since(begin).Seconds())
		clear(r.digests)
		took, n := ask(inbox.ByDay)
		first, turns = append(first, took.Seconds()), n
		took, _ = ask(inbox.ByTag)
		again = append(again, took.Seconds())
	}
	note := fmt.Sprintf("%d facts, %d questions; %.1f MB kept", head, turns, float64(cap(r.digests[in].facts)*25)/1e6)
	f := figure.Compare(first, plain)
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better, f.Note = "report", "a quarter of 2,000 messages a day", "reading the same facts", "s", "≤1.30", figure.Lower, note
	report(b, f)
	f = figure.Compare(again, plain)
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "report", "asked again, by tags", "reading the same facts", "s", "≤0.25", figure.Lower
	b.Logf("first %v, again %v, plain %v s: %s", first, again, plain, note)
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}
