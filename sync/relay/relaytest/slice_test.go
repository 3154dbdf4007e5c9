package relaytest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/wasim"
)

func say(t *testing.T, c *Company, who, text string) string {
	t.Helper()
	id, err := c.Sim.Say(who, text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAMessageArrivesMaskedAndTheAnswerLeaves(t *testing.T) {
	var mu sync.Mutex
	var frames bytes.Buffer
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{Frames: func(_ engine.Direction, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		frames.Write(b)
	}})
	say(t, c, "katharina", "Guten Tag, meine Nummer ist {{+49 151 5550 1234}} und {{katharina.weber@example.org}}, Angebot über 4.500 €?")
	d.Await("a conversation", func() bool { return len(d.Rows()) == 1 })
	row := d.Rows()[0]
	if row.Unread != 1 || row.LastSide != inbox.FromContact {
		t.Errorf("unread %d, side %d", row.Unread, row.LastSide)
	}
	messages := d.Messages(row.ID)
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	text := messages[0].Body.Visible()
	if strings.Contains(text, "5550") || strings.Contains(text, "example.org") || !strings.Contains(text, "4.500 €") {
		t.Error("the text is not masked as it should be")
	}
	d.Wish(inbox.SendText{Conversation: row.ID, Text: "Gern, wir melden uns bis 17 Uhr.", Quote: messages[0].ID})
	d.Await("the answer to be read", func() bool {
		m := d.Messages(row.ID)
		return len(m) == 2 && m[1].Receipt == inbox.Read
	})
	sent := c.Sim.Sent()
	if len(sent) != 1 || sent[0].Text != "Gern, wir melden uns bis 17 Uhr." || sent[0].ReplyTo == "" {
		t.Errorf("the customer got %d messages", len(sent))
	}
	d.Down()
	mu.Lock()
	defer mu.Unlock()
	leaks(t, "the frames", frames.Bytes(), c.Sim.Identifiers())
	leaksBelow(t, d.Dir, c.Sim.Identifiers())
}

// leaks fails the test for every identifier that occurs in the bytes, plain or in a common disguise.
func leaks(t *testing.T, where string, data []byte, identifiers []string) {
	t.Helper()
	if len(identifiers) == 0 {
		t.Fatal("no identifiers to look for")
	}
	for i, id := range identifiers {
		if len(id) < 6 {
			continue
		}
		for name, form := range map[string]string{
			"plain": id, "base64": base64.StdEncoding.EncodeToString([]byte(id)), "hex": hex.EncodeToString([]byte(id)),
			"digits": strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r
				}
				return -1
			}, id),
		} {
			if len(form) >= 6 && bytes.Contains(data, []byte(form)) {
				t.Errorf("identifier %d is in %s as %s", i, where, name)
			}
		}
	}
}

func leaksBelow(t *testing.T, dir string, identifiers []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		leaks(t, e.Name(), data, identifiers)
		leaks(t, "a file name", []byte(path), identifiers)
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("looked at %d files: %v", files, err)
	}
}

func TestEveryKindOfMessageOfThePersonasIsShown(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	first := say(t, c, "sofia", "Hello from somebody without a number")
	if _, err := c.Sim.React("sofia", first, "👍"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sim.SendImage("marco", wasim.Scenes()[0], "La cucina"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sim.SendRaw("emily", "hologram", map[string]any{"x": 1}); err != nil {
		t.Fatal(err)
	}
	d.Await("three conversations with a picture", func() bool {
		kinds := map[inbox.MessageKind]bool{}
		for _, row := range d.Rows() {
			for _, m := range d.Messages(row.ID) {
				if m.Kind == inbox.Image && (m.Media == nil || m.Media.State != inbox.MediaReady || len(m.Media.Blur) == 0) {
					continue
				}
				if m.Kind == inbox.Text && len(m.Reactions) == 0 {
					continue
				}
				kinds[m.Kind] = true
			}
		}
		return kinds[inbox.Image] && kinds[inbox.Unsupported] && kinds[inbox.Text]
	})
}

func TestTwoDevicesSeeTheSameConversation(t *testing.T) {
	c := Start(t, Options{})
	a := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	b := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	a.Await("the message", func() bool { return len(a.Rows()) == 1 })
	id := a.Rows()[0].ID
	a.Wish(inbox.Assign{Conversation: id, To: a.Enrolled.Person.ID})
	a.Wish(inbox.SendText{Conversation: id, Text: "Buongiorno"})
	a.Wish(inbox.AddNote{Conversation: id, Text: "Sconto massimo 4 %"})
	a.Wish(inbox.SetState{Conversation: id, State: inbox.Closed})
	settled := func(d *Device) bool {
		m := d.Messages(id)
		return len(m) == 5 && m[2].Receipt == inbox.Read && d.Rows()[0].State == inbox.Closed
	}
	a.Await("its own view to settle", func() bool { return settled(a) })
	b.Await("the other view to settle", func() bool { return len(b.Rows()) == 1 && settled(b) })
	am, bm := a.Messages(id), b.Messages(id)
	for i := range am {
		if am[i].ID != bm[i].ID || am[i].Seq != bm[i].Seq || !am[i].Body.Equal(bm[i].Body) {
			t.Errorf("message %d differs", i)
		}
	}
	if b.Rows()[0].Unread != 1 || a.Rows()[0].Unread != 0 {
		t.Errorf("unread: %d and %d", a.Rows()[0].Unread, b.Rows()[0].Unread)
	}
}
