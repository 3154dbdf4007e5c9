package relaytest

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/wasim"
)

func TestEveryKindOfFileReachesTheCustomer(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, theirs, wamid := k.customer("katharina", PhoneNumberID)
	other, _, _ := k.customer("emily", PhoneNumberID)
	p := k.c.porter(t, k.d)
	picture, letter, voice := photograph(60), paper(2000), wasim.Voice()
	spoken := offerOf(id, "v.ogg", "audio/ogg", voice)
	spoken.Voice = true
	for name, x := range map[string]struct {
		offer     inbox.OfferMedia
		file      []byte
		kind      inbox.MessageKind
		sent      string
		captioned bool
	}{
		"a picture":       {offerOf(id, "p.jpg", "image/jpeg", picture), picture, inbox.Image, "image", true},
		"a letter":        {offerOf(id, "letter.txt", "text/plain", letter), letter, inbox.Document, "document", true},
		"a recording":     {offerOf(id, "r.ogg", "audio/ogg", voice), voice, inbox.Audio, "audio", false},
		"a voice message": {spoken, voice, inbox.Voice, "audio", false},
	} {
		t.Run(name, func(t *testing.T) {
			media, err := p.handOver(x.offer, x.file)
			if err != nil {
				t.Fatal(err)
			}
			caption := ""
			if x.captioned {
				caption = "For {{contact.phone}}, {{contact.first_name}}"
			} else if got := k.wish(inbox.SendMedia{Conversation: id, Media: media.ID, Caption: "hear"}); got != inbox.RefusedMalformed {
				t.Errorf("with a caption: %v", got)
			}
			m := k.must(inbox.SendMedia{Conversation: id, Media: media.ID, Caption: caption, Quote: theirs}, func(m inbox.Message) bool { return m.Receipt >= inbox.Delivered })
			got := k.last()
			if got.Type != x.sent || got.ReplyTo != wamid || x.captioned && got.Caption != "For +491713920047, Katharina" {
				t.Errorf("the customer got %s: %s", got.Type, got.Body)
			}
			if x.kind == inbox.Document && got.Filename != x.offer.Name {
				t.Errorf("it is called %q", got.Filename)
			}
			if m.Kind != x.kind || m.Media == nil || m.Media.ID != media.ID || strings.Contains(m.Body.Visible(), "3920047") {
				t.Errorf("colleagues see kind %d", m.Kind)
			}
			if got := k.wish(inbox.SendMedia{Conversation: other, Media: media.ID}); got != inbox.RefusedMedia {
				t.Errorf("in another conversation: %v", got)
			}
			if got := k.wish(inbox.SendMedia{Conversation: id, Media: media.ID, Caption: strings.Repeat("x", 1025)}); x.captioned && got != inbox.RefusedTooLong {
				t.Errorf("with a long caption: %v", got)
			}
		})
	}
	noLeaks(t, k)
}

func TestATemplateMayCarryAFileAbove(t *testing.T) {
	k := openCounter(t, func(w *wasim.Config) {
		w.Templates = append(wasim.DefaultTemplates(), wasim.Template{
			Name: "your_offer", Language: "en", Category: "UTILITY", Header: "DOCUMENT", Body: "Hello {{1}}, here it is.", Variables: 1,
		})
	}, nil)
	id, _, _ := k.customer("emily", PhoneNumberID)
	offer := k.template("your_offer", "en")
	p := k.c.porter(t, k.d)
	letter, picture := paper(3000), photograph(40)
	doc, err := p.handOver(offerOf(id, "offer.txt", "text/plain", letter), letter)
	if err != nil {
		t.Fatal(err)
	}
	photo, err := p.handOver(offerOf(id, "p.jpg", "image/jpeg", picture), picture)
	if err != nil {
		t.Fatal(err)
	}
	for name, wish := range map[string]inbox.SendTemplate{
		"without its file":   {Conversation: id, Template: offer.ID, Values: []string{"Emily"}},
		"with a picture":     {Conversation: id, Template: offer.ID, Values: []string{"Emily"}, Media: photo.ID},
		"a file on none":     {Conversation: id, Template: k.template("follow_up", "en").ID, Values: []string{"Emily"}, Media: doc.ID},
		"with no known file": {Conversation: id, Template: offer.ID, Values: []string{"Emily"}, Media: "nothing"},
	} {
		if got := k.wish(wish); got != inbox.RefusedTemplate && got != inbox.RefusedMedia {
			t.Errorf("%s: %v", name, got)
		}
	}
	m := k.must(inbox.SendTemplate{Conversation: id, Template: offer.ID, Values: []string{"Emily"}, Media: doc.ID}, read)
	if got := k.last(); got.Template != "your_offer" || !strings.Contains(string(got.Body), `"document"`) {
		t.Errorf("the customer got %s", got.Body)
	}
	if m.Media == nil || m.Media.ID != doc.ID {
		t.Error("colleagues do not see the file")
	}
}

func TestAFileWhatsAppCannotReadIsHandedOverAnew(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, _, _ := k.customer("emily", PhoneNumberID)
	p := k.c.porter(t, k.d)
	picture := photograph(40)
	media, err := p.handOver(offerOf(id, "p.jpg", "image/jpeg", picture), picture)
	if err != nil {
		t.Fatal(err)
	}
	k.must(inbox.SendMedia{Conversation: id, Media: media.ID}, read)
	first := k.last().MediaID
	if err := k.c.Sim.Inject(wasim.Injection{Code: 131053, Times: 1, To: k.number("emily")}); err != nil {
		t.Fatal(err)
	}
	if got := k.wish(inbox.SendMedia{Conversation: id, Media: media.ID}); got != inbox.Granted {
		t.Fatal(got)
	}
	k.d.Await("the second", func() bool {
		k.later(time.Second)
		k.poke(PhoneNumberID)
		return len(k.c.Sim.Sent()) == 2
	})
	second := k.last().MediaID
	if second == first {
		t.Error("WhatsApp was given the same id again")
	}
	k.c.Sim.FailDelivery(131053) // it is taken and turns out to be of no use: it leaves once more by itself
	before := len(k.c.Sim.Sent())
	k.must(inbox.SendMedia{Conversation: id, Media: media.ID}, read)
	third := k.last().MediaID
	if n := len(k.c.Sim.Sent()) - before; n != 2 || third == second {
		t.Errorf("%d posts, the last with the same id: %v", n, third == second)
	}
	k.c.Sim.FailDelivery(131053, 131053) // and once is enough: then a person decides
	m := k.must(inbox.SendMedia{Conversation: id, Media: media.ID}, func(m inbox.Message) bool { return m.Receipt == inbox.Failed })
	if m.Failure != inbox.FailMedia {
		t.Errorf("it failed for %d", m.Failure)
	}
	last := k.last().MediaID
	k.must(inbox.SendAgain{Conversation: id, Message: m.ID}, read)
	if again := k.last().MediaID; again == last || again == third {
		t.Error("WhatsApp was given an id again that it cannot use")
	}
}

// TestARelayKilledAtAnyMomentSendsNoTemplateAndNoFileTwice runs the real binary and kills it, without warning, while an
// agent sends templates and files.
func TestARelayKilledAtAnyMomentSendsNoTemplateAndNoFileTwice(t *testing.T) {
	const kills = 5
	binary := filepath.Join(t.TempDir(), "sealdesk-relay")
	if out, err := exec.Command("go", "build", "-o", binary, "sealdesk/app/relay").CombinedOutput(); err != nil {
		t.Fatalf("building the relay: %v\n%s", err, out)
	}
	k := openCounter(t, func(w *wasim.Config) { w.Faults = wasim.Faults{Duplicate: 0.2, DropResponse: 0.1} }, nil)
	id, _, _ := k.customer("emily", PhoneNumberID)
	follow := k.template("follow_up", "en")
	p := k.c.porter(t, k.d)
	picture := photograph(200)
	media, err := p.handOver(offerOf(id, "p.jpg", "image/jpeg", picture), picture)
	if err != nil {
		t.Fatal(err)
	}
	k.c.Down()
	serve := func() *exec.Cmd {
		cmd := exec.Command(binary, "--config", k.c.Path, "serve")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		k.d.Engine.Nudge()
		k.d.Await("the relay to be there", func() bool { return k.d.Engine.Link().State == engine.Online })
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		cmd.Process.Kill()
		cmd.Wait()
	}
	cmd := serve()
	defer func() { kill(cmd) }()
	wished := map[string]bool{}
	for n := range kills {
		for i := range 3 {
			name := fmt.Sprintf("number %d of %d", i, n)
			k.d.Wish(inbox.SendTemplate{Conversation: id, Template: follow.ID, Values: []string{name}})
			k.d.Wish(inbox.SendMedia{Conversation: id, Media: media.ID, Caption: name})
			wished["template "+name], wished["image "+name] = true, true
		}
		time.Sleep(time.Duration(rand.IntN(80)) * time.Millisecond) // a real process is killed at a random moment of its life
		kill(cmd)
		cmd = serve()
	}
	name := func(kind, text string) string {
		for w := range wished {
			if what, n, _ := strings.Cut(w, " "); what == kind && strings.Contains(text, n) {
				return w
			}
		}
		return ""
	}
	shown, unknown := map[string]int{}, map[string]bool{}
	k.d.Await("everything to settle", func() bool {
		clear(shown)
		clear(unknown)
		for _, m := range k.d.Messages(id) {
			if m.Side != inbox.FromPerson {
				continue
			}
			kind := "image"
			if m.Kind == inbox.Templated {
				kind = "template"
			}
			if m.Seq == 0 || m.Receipt < inbox.Delivered && m.Receipt != inbox.Unknown {
				return false
			}
			w := name(kind, m.Body.Visible())
			shown[w]++
			unknown[w] = m.Receipt == inbox.Unknown
		}
		return len(shown) == len(wished)
	})
	got := map[string]int{}
	for _, m := range k.c.Sim.Sent() {
		got[name(m.Type, m.Text+m.Caption)]++
	}
	for w := range wished {
		if shown[w] != 1 || got[w] > 1 || got[w] == 0 && !unknown[w] {
			t.Errorf("%s is shown %d times and reached the customer %d times", w, shown[w], got[w])
		}
	}
}
