package relaytest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
)

// long reports whether somebody has minutes to spend: SEALDESK_LONG=1.
func long() bool { return os.Getenv("SEALDESK_LONG") != "" }

// TestWhateverHappensToAPostNothingLeavesTwiceAndNothingIsHidden sends many messages under each fault of the Graph API and
// of the statuses that follow. No customer gets one twice, every message gets one receipt in the end, and that is true:
// what is shown as sent was, what failed was not, and what nobody can know is shown so.
//
// With SEALDESK_LONG=1 it is 500 messages a case, and the two cases of a WhatsApp that never answers are among them.
func TestWhateverHappensToAPostNothingLeavesTwiceAndNothingIsHidden(t *testing.T) {
	customers, each := 3, 4
	if long() {
		customers, each = 20, 25
	}
	post := func(f wasim.GraphFault, p float64) wasim.Faults {
		return wasim.Faults{Graph: map[wasim.GraphFault]float64{f: p}}
	}
	cases := []mishap{
		{name: "never answered, not taken", faults: post(wasim.HangBefore, 0.1), slow: true},
		{name: "never answered, taken", faults: post(wasim.HangAfter, 0.1), slow: true},
		{name: "status of 500, not taken", faults: post(wasim.ErrorBefore, 0.5)},
		{name: "status of 503, taken", faults: post(wasim.ErrorAfter, 0.5)},
		{name: "too many, not taken", faults: post(wasim.TooMany, 0.3)},
		{name: "torn connection, not taken", faults: post(wasim.ResetBefore, 0.5)},
		{name: "torn connection, taken", faults: post(wasim.ResetAfter, 0.5)},
		{name: "garbage, taken", faults: post(wasim.GarbageAfter, 0.5)},
		{name: "statuses four times", faults: wasim.Faults{Duplicate: 1, Copies: 3}},
		{name: "statuses out of order", faults: wasim.Faults{Reorder: 0.5, ReadFirst: 0.5, DropResponse: 0.2}},
		{name: "failed, and then delivered", faults: wasim.Faults{FailedFirst: 0.5, Reorder: 0.3}},
		{name: "no answer and no status", faults: post(wasim.ResetAfter, 1), silent: true},
	}
	var mu sync.Mutex
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-28s %8s %8s %8s %8s %8s %8s %8s\n", "case", "wished", "reached", "shown", "unknown", "failed", "twice", "untrue")
	t.Cleanup(func() { t.Log(table.String()) })
	for _, x := range cases {
		if x.slow && !long() {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			if x.slow {
				t.Parallel() // most of it is waiting
			}
			got := x.play(t, customers, each)
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&table, "%-28s %8d %8d %8d %8d %8d %8d %8d\n", x.name, got.wished, got.reached, got.shown, got.unknown, got.failed, got.twice, got.untrue)
			if got.twice > 0 || got.untrue > 0 || got.failed > 0 || got.shown != got.wished || got.reached+got.unknown != got.wished {
				t.Errorf("it is not so: %+v", got)
			}
		})
	}
}

// A mishap is a fault of the Graph API or of the statuses that follow a post.
type mishap struct {
	name   string
	faults wasim.Faults
	slow   bool // a post that is never answered takes as long as the relay is patient
	silent bool // no status comes before the relay has given up
}

// A tally is what became of many messages. untrue counts receipts that say other than what happened.
type tally struct{ wished, reached, shown, unknown, failed, twice, untrue int }

// play sends messages while the mishap happens and tells what became of them once nothing changes any more.
func (x mishap) play(t *testing.T, customers, each int) (out tally) {
	k := openCounter(t, func(w *wasim.Config) { w.Numbers[0].PerSecond = 1000 }, func(c *relay.Config) { c.Inboxes[0].Rate = 1000 })
	ids := make([]inbox.ConversationID, customers)
	for i := range ids {
		key := fmt.Sprint("customer-", i)
		err := k.c.Sim.AddPersona(wasim.Persona{Key: key, Name: "Jo", Country: "US", Language: "en", Number: fmt.Sprintf("1555012%04d", i)})
		if err != nil {
			t.Fatal(err)
		}
		ids[i], _, _ = k.customer(key, PhoneNumberID)
	}
	laptops := []*rawDevice{k.raw} // one may wish only so much a second
	for len(laptops)*150 < customers*each {
		k.connect()
		laptops = append(laptops, k.raw)
	}
	if x.silent {
		k.c.Sim.Hold()
	}
	k.c.Sim.SetFaults(x.faults)
	text := func(i, j int) string { return fmt.Sprintf("Customer %d, text %d", i, j) }
	for j := range each {
		for i, id := range ids {
			k.raw = laptops[(j*customers+i)%len(laptops)]
			k.say(id, text(i, j))
		}
	}
	// receipts are those shown for each text; it reports whether every text is there, and none of the receipts given.
	receipts := func(but ...inbox.Receipt) (shown map[string][]inbox.Receipt, ok bool) {
		shown = map[string][]inbox.Receipt{}
		for _, id := range ids {
			for _, m := range k.d.Messages(id) {
				if m.Side != inbox.FromPerson || m.Kind == inbox.Note {
					continue
				}
				if slices.Contains(but, m.Receipt) {
					return nil, false
				}
				shown[m.Body.Visible()] = append(shown[m.Body.Visible()], m.Receipt)
			}
		}
		return shown, len(shown) == customers*each
	}
	const shift = 20 * time.Second // laptops do not speak with a relay whose clock is five minutes off
	shifted, deadline := time.Duration(0), time.Now().Add(5*time.Minute)
	until := func(what string, but ...inbox.Receipt) (shown map[string][]inbox.Receipt) {
		t.Helper()
		for {
			shown, ok := receipts(but...)
			if ok {
				return shown
			}
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s", what)
			}
			if shifted < 4*time.Minute {
				k.later(shift)
				shifted += shift
			}
			if k.wish(inbox.AddNote{Conversation: ids[0], Text: "look again"}) != inbox.Granted {
				t.Fatal("a note is refused")
			}
			time.Sleep(time.Duration(100+customers*20) * time.Millisecond) // a real process works meanwhile
		}
	}
	until("every post", inbox.NoReceipt, inbox.Queued)
	k.c.Sim.SetFaults(wasim.Faults{})
	if x.silent {
		shown, _ := receipts()
		unknown := 0
		for _, all := range shown {
			for _, r := range all {
				if r == inbox.Unknown {
					unknown++
				}
			}
		}
		if unknown == 0 {
			t.Error("nothing is shown as unknown although nothing is known")
		}
		k.c.Sim.Release()
	}
	open := []inbox.Receipt{inbox.Queued, inbox.Sent}
	if x.faults.FailedFirst > 0 { // every failure is followed by the truth
		open = append(open, inbox.Failed)
	}
	for f, p := range x.faults.Graph {
		if p > 0 && f.Accepts() { // a status tells of every one of them
			open = append(open, inbox.Unknown)
		}
	}
	shown := until("everything to settle", open...)
	got := map[string]int{}
	for _, m := range k.c.Sim.Sent() {
		got[m.Text]++
	}
	out.wished, out.shown = customers*each, len(shown)
	for i := range ids {
		for j := range each {
			s := text(i, j)
			out.reached += min(1, got[s])
			if got[s] > 1 || len(shown[s]) != 1 {
				out.twice++
				continue
			}
			switch shown[s][0] {
			case inbox.Unknown:
				out.unknown++
				out.untrue += got[s]
			case inbox.Failed:
				out.failed++
				out.untrue += got[s]
			default:
				out.untrue += 1 - got[s]
			}
		}
	}
	return out
}
