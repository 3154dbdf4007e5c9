package relaytest

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/wasim"
)

// TestARelayKilledAtAnyMomentLosesAndDoublesNothing runs the real binary and kills it, without warning, while customers
// write and an agent answers.
func TestARelayKilledAtAnyMomentLosesAndDoublesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	const kills = 8
	binary := filepath.Join(t.TempDir(), "sealdesk-relay")
	if out, err := exec.Command("go", "build", "-o", binary, "sealdesk/app/relay").CombinedOutput(); err != nil {
		t.Fatalf("building the relay: %v\n%s", err, out)
	}
	c := Start(t, Options{Sim: func(w *wasim.Config) { w.Faults = wasim.Faults{Duplicate: 0.2, DropResponse: 0.1} }})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "marco", "Ciao 0")
	d.Await("the first message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	c.Down()

	serve := func() *exec.Cmd {
		cmd := exec.Command(binary, "--config", c.Path, "serve")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		d.Engine.Nudge()
		d.Await("the relay to be there", func() bool { return d.Engine.Link().State == engine.Online })
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		cmd.Process.Kill()
		cmd.Wait()
	}
	cmd := serve()
	said, wished := 1, 0
	for range kills {
		for range 6 {
			say(t, c, "marco", fmt.Sprintf("Ciao %d", said))
			said++
			d.Wish(inbox.SendText{Conversation: id, Text: fmt.Sprintf("Risposta %d", wished)})
			wished++
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // a real process is killed at a random moment of its life
		kill(cmd)
		cmd = serve()
	}
	defer func() { kill(cmd) }()

	// A message whose post may or may not have left when the relay died is shown as unknown, unless a status tells.
	inbound, outbound, unknown := map[string]int{}, map[string]int{}, map[string]bool{}
	d.Await("everything to settle", func() bool {
		clear(inbound)
		clear(outbound)
		clear(unknown)
		for _, m := range d.Messages(id) {
			switch {
			case m.Side == inbox.FromContact:
				inbound[m.Body.Visible()]++
			case m.Seq == 0 || m.Receipt != inbox.Read && m.Receipt != inbox.Unknown:
				return false
			case m.Receipt == inbox.Unknown:
				unknown[m.Body.Visible()] = true
				fallthrough
			default:
				outbound[m.Body.Visible()]++
			}
		}
		return len(inbound) == said && len(outbound) == wished
	})
	for text, n := range inbound {
		if n != 1 {
			t.Errorf("%q is shown %d times", text, n)
		}
	}
	got := map[string]int{}
	for _, m := range c.Sim.Sent() {
		got[m.Text]++
	}
	for text := range outbound {
		if outbound[text] != 1 || got[text] > 1 || got[text] == 0 && !unknown[text] {
			t.Errorf("%q is shown %d times and reached the customer %d times", text, outbound[text], got[text])
		}
	}
}
