package relaytest

import (
	"fmt"
	"os"
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
	k := openCounter(t, func(w *wasim.Config) { w.Numbers[0].PerSecond = 1000 }, func(c *relay.Config) { c.Inboxes[0].Rate = 1000 })
	post := func(f wasim.GraphFault, p float64) wasim.Faults {
		return wasim.Faults{Graph: map[wasim.GraphFault]float64{f: p}}
	}
	cases := []struct {
		name   string
		faults wasim.Faults
		slow   bool // a post that is never answered takes as long as the relay is patient
		silent bool // no status comes before the relay has given up
	}{
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
		{name: "no answer and no status", faults: post(wasim.ResetAfter, 0.5), silent: true},
	}
	t.Logf("%-28s %8s %8s %8s %8s %8s %8s %8s", "case", "wished", "reached", "shown", "unknown", "failed", "twice", "untrue")
	for n, x := range cases {
		if x.slow && !long() {
			continue
		}
		ids := make([]inbox.ConversationID, customers)
		for i := range ids {
			key := fmt.Sprintf("t5-%d-%d", n, i)
			err := k.c.Sim.AddPersona(wasim.Persona{Key: key, Name: "Jo", Country: "US", Language: "en", Number: fmt.Sprintf("1555012%02d%02d", n, i)})
			if err != nil {
				t.Fatal(err)
			}
			ids[i], _, _ = k.customer(key, PhoneNumberID)
		}
		if x.silent {
			k.c.Sim.Hold()
		}
		k.c.Sim.SetFaults(x.faults)
		text := func(i, j int) string { return fmt.Sprintf("Case %d, customer %d, text %d", n, i, j) }
		for j := range each {
			for i, id := range ids {
				k.say(id, text(i, j))
			}
		}
		settled := func(sure bool) (shown map[string][]inbox.Receipt, ok bool) {
			shown = map[string][]inbox.Receipt{}
			for _, id := range ids {
				for _, m := range k.d.Messages(id) {
					if m.Side != inbox.FromPerson || m.Kind == inbox.Note {
						continue
					}
					if m.Receipt < inbox.Unknown || sure && m.Receipt == inbox.Sent {
						return nil, false
					}
					shown[m.Body.Visible()] = append(shown[m.Body.Visible()], m.Receipt)
				}
			}
			return shown, len(shown) == customers*each
		}
		until := func(what string, holds func() bool) {
			t.Helper()
			deadline := time.Now().Add(3 * time.Minute)
			for !holds() {
				if time.Now().After(deadline) {
					t.Fatalf("%s: waited in vain for %s", x.name, what)
				}
				k.later(10 * time.Second)
				if k.wish(inbox.AddNote{Conversation: ids[0], Text: "look again"}) != inbox.Granted {
					t.Fatal("a note is refused")
				}
				time.Sleep(100 * time.Millisecond) // a real relay works on it meanwhile
			}
		}
		if x.silent {
			// Nothing tells the relay what became of half of them: it must say so, and then learn it.
			until("the unknown", func() bool {
				n := 0
				for _, id := range ids {
					for _, m := range k.d.Messages(id) {
						if m.Receipt == inbox.Unknown {
							n++
						}
					}
				}
				return n > 0
			})
			k.c.Sim.Release()
		}
		until("every post", func() bool {
			_, ok := settled(false)
			return ok
		})
		k.c.Sim.SetFaults(wasim.Faults{})
		for _, f := range []wasim.GraphFault{wasim.HangAfter, wasim.ErrorAfter, wasim.ResetAfter, wasim.GarbageAfter} {
			if x.faults.Graph[f] > 0 { // a status resolves every one of them
				until("the unknown to be resolved", func() bool {
					shown, ok := settled(true)
					for _, all := range shown {
						for _, r := range all {
							ok = ok && r != inbox.Unknown
						}
					}
					return ok
				})
			}
		}
		var shown map[string][]inbox.Receipt
		until("everything to settle", func() (ok bool) {
			shown, ok = settled(true)
			return ok
		})
		got := map[string]int{}
		for _, m := range k.c.Sim.Sent() {
			got[m.Text]++
		}
		var reached, unknown, failed, twice, untrue int
		for i := range ids {
			for j := range each {
				s := text(i, j)
				reached += min(1, got[s])
				if got[s] > 1 || len(shown[s]) != 1 {
					twice++
					continue
				}
				switch shown[s][0] {
				case inbox.Unknown:
					unknown++
				case inbox.Failed:
					failed++
					untrue += got[s]
				default:
					untrue += 1 - got[s]
				}
			}
		}
		t.Logf("%-28s %8d %8d %8d %8d %8d %8d %8d", x.name, customers*each, reached, len(shown), unknown, failed, twice, untrue)
		if twice > 0 || untrue > 0 || failed > 0 || reached+unknown != customers*each {
			t.Errorf("%s: it is not so", x.name)
		}
	}
}
