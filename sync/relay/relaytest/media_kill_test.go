package relaytest

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/internal/media"
)

// TestARelayKilledAtAnyMomentLosesNoFile runs the real binary and kills it, without warning, while it fetches customers'
// pictures and takes a colleague's file.
func TestARelayKilledAtAnyMomentLosesNoFile(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	const kills = 5
	binary := filepath.Join(t.TempDir(), "sealdesk-relay")
	if out, err := exec.Command("go", "build", "-o", binary, "sealdesk/app/relay").CombinedOutput(); err != nil {
		t.Fatalf("building the relay: %v\n%s", err, out)
	}
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	p := c.porter(t, d)
	say(t, c, "katharina", "Guten Tag")
	id, _ := settled(d, 1)
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
	defer func() { kill(cmd) }()
	picture := photograph(600)
	file := paper(12 << 20)
	offer := offerOf(id, "a.txt", "text/plain", file)
	reached := int64(0)
	sent := 1
	for n := 0; n < kills || reached == 0 && n < 20*kills; n++ { // a busy machine may have carried nothing when it is killed
		u, err := ask[inbox.UploadTicket](p, offer)
		if err != nil {
			t.Fatal(err)
		}
		if u.Offset < reached {
			t.Fatalf("it goes on at %d, where it was at %d before", u.Offset, reached)
		}
		reached = u.Offset
		for range 2 {
			if _, err := c.Sim.SendFile("katharina", "image", "image/jpeg", "", "", picture); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			p.put(u, file, -1, 4*time.Millisecond)
		}()
		time.Sleep(time.Duration(30+rand.IntN(150)) * time.Millisecond) // a real process is killed at a random moment of its life
		kill(cmd)
		<-cut
		cmd = serve()
	}
	u, err := ask[inbox.UploadTicket](p, offer)
	if err != nil || u.Offset <= 0 {
		t.Fatalf("nothing of the file is left: %+v, %v", u, err)
	}
	if u.Path != "" {
		if _, reply, err := p.put(u, file, -1, 0); err != nil || reply.Media == nil {
			t.Fatalf("%+v, %v", reply, err)
		}
	}
	d.Wish(inbox.SendMedia{Conversation: id, Media: u.Media})
	d.Await("the file to arrive", func() bool { return len(c.Sim.Sent()) == 1 })
	if !bytes.Equal(atMeta(t, c, c.Sim.Sent()[0].MediaID), file) {
		t.Error("the customer got another file")
	}
	want := cleaned(t, picture, media.Declared{Kind: media.Image, MIME: "image/jpeg", Inbound: true})
	_, all := settled(d, sent+1)
	pictures := 0
	for _, m := range all {
		if m.Kind != inbox.Image {
			continue
		}
		pictures++
		var b bytes.Buffer
		if err := d.Engine.FetchMedia(t.Context(), id, m.ID, m.Media.ID, &b, nil); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("picture %d: state %d, %d bytes, %v", pictures, m.Media.State, b.Len(), err)
		}
	}
	if pictures != sent-1 {
		t.Errorf("%d pictures of %d", pictures, sent-1)
	}
}
