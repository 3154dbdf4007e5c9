package relaytest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/internal/media"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

func TestAPictureReachesADeviceWithoutWhatTheTelephoneAdded(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	p := c.porter(t, d)
	file := photograph(700)
	want := cleaned(t, file, media.Declared{Kind: media.Image, MIME: "image/jpeg", Inbound: true})
	if len(want) < 400_000 || bytes.Contains(want, []byte(mediaCanary)) || !bytes.Contains(file, []byte(mediaCanary)) {
		t.Fatalf("the picture is no test: %d bytes", len(want))
	}
	if _, err := c.Sim.SendFile("katharina", "image", "image/jpeg", "", "", file); err != nil {
		t.Fatal(err)
	}
	id, all := settled(d, 1)
	m := all[0]
	if m.Kind != inbox.Image || m.Media.State != inbox.MediaReady || m.Media.Size != int64(len(want)) || m.Media.Width != 700 || len(m.Media.Blur) == 0 {
		t.Fatalf("%+v", m.Media)
	}

	k := p.ticket(id, m)
	if k.Size != m.Media.Size || k.Type != "image/jpeg" {
		t.Errorf("%d bytes of %s", k.Size, k.Type)
	}
	if res, err := p.http.Head("https://" + c.Address + k.Path); err != nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %v", err)
	}
	res, got := p.get(k.Path, 0, -1)
	if res.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
		t.Errorf("status %d, %d bytes", res.StatusCode, len(got))
	}
	for name, value := range map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Length": strconv.Itoa(len(want)),
	} {
		if res.Header.Get(name) != value {
			t.Errorf("%s: %q", name, res.Header.Get(name))
		}
	}
	if res, got := p.get(k.Path, 0, -1); res.StatusCode != http.StatusNotFound || len(got) > 100 {
		t.Errorf("the ticket works twice: %d", res.StatusCode)
	}
	if res, _ := p.get(wire.MediaPath+strings.Repeat("A", 43), 0, -1); res.StatusCode != http.StatusNotFound {
		t.Errorf("a guessed ticket: %d", res.StatusCode)
	}

	for range 5 {
		got = got[:0]
		for len(got) < len(want) {
			from := int64(len(got))
			res, piece := p.get(p.ticket(id, m).Path, from, 1+rand.Int64N(300_000))
			wantStatus, wantRange := http.StatusOK, ""
			if from > 0 {
				wantStatus, wantRange = http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/%d", from, len(want)-1, len(want))
			}
			if res.StatusCode != wantStatus || res.Header.Get("Content-Range") != wantRange || res.ContentLength != int64(len(want))-from {
				t.Fatalf("from %d: status %d, %q, %d bytes", from, res.StatusCode, res.Header.Get("Content-Range"), res.ContentLength)
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("the pieces are not the file")
		}
	}
	if res, _ := p.get(p.ticket(id, m).Path, int64(len(want)), -1); res.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind its end: %d", res.StatusCode)
	}

	var b bytes.Buffer
	if err := d.Engine.FetchMedia(t.Context(), id, m.ID, m.Media.ID, &b, nil); err != nil || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("by the engine: %d bytes, %v", b.Len(), err)
	}

	path := p.ticket(id, m).Path
	if err := c.Relay().Revoke(t.Context(), d.Enrolled.Device); err != nil {
		t.Fatal(err)
	}
	if res, _ := p.get(path, 0, -1); res.StatusCode != http.StatusNotFound {
		t.Errorf("a ticket of an excluded device: %d", res.StatusCode)
	}
	c.Down()
	leaksBelow(t, c.Config.Data, []string{mediaCanary, string(want[2000:2040])})
}

func TestAFileReachesTheCustomerHoweverOftenItsWayIsCut(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	p := c.porter(t, d)
	say(t, c, "katharina", "Guten Tag")
	id, _ := settled(d, 1)
	file := paper(1_700_000)
	offer := offerOf(id, nameCanary+".txt", "text/plain", file)
	first, err := ask[inbox.UploadTicket](p, offer)
	if err != nil || first.Offset != 0 || first.Path == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	u, cuts := first, 0
	for ; cuts < 12; cuts++ {
		n := 1 + rand.IntN(250_000)
		if int64(n) >= offer.Size-u.Offset {
			break
		}
		if _, _, err := p.put(u, file, n, 0); err == nil {
			t.Fatal("a cut request has an answer")
		}
		next, err := ask[inbox.UploadTicket](p, offer)
		if err != nil {
			t.Fatal(err)
		}
		// What was cut may lack what was still on its way, and nothing that was there before.
		if next.Media != u.Media || next.Offset < u.Offset || next.Offset > u.Offset+int64(n) {
			t.Fatalf("it goes on at %d after %d bytes from %d on", next.Offset, n, u.Offset)
		}
		if status, _, err := p.put(u, file, -1, 0); err == nil && status != http.StatusNotFound {
			t.Fatalf("a used ticket: %d", status)
		}
		u = next
	}
	if cuts < 3 || u.Offset == 0 {
		t.Errorf("%d cuts, at %d", cuts, u.Offset)
	}
	wrong := u
	wrong.Offset = 0
	if u.Offset > 0 {
		if status, reply, err := p.put(wrong, file, -1, 0); err == nil && (status != http.StatusConflict || reply.Offset != u.Offset) {
			t.Errorf("from another place: %d, %+v", status, reply)
		}
		if u, err = ask[inbox.UploadTicket](p, offer); err != nil {
			t.Fatal(err)
		}
	}
	status, reply, err := p.put(u, file, -1, 0)
	if err != nil || status != http.StatusOK || reply.Media == nil || reply.Offset != offer.Size || reply.Media.State != inbox.MediaReady {
		t.Fatalf("status %d, %+v, %v", status, reply, err)
	}
	again, err := ask[inbox.UploadTicket](p, offer)
	if err != nil || again != (inbox.UploadTicket{Media: u.Media, Offset: offer.Size}) {
		t.Errorf("%+v, %v", again, err)
	}
	for range 2 { // WhatsApp has it already the second time
		d.Wish(inbox.SendMedia{Conversation: id, Media: u.Media, Caption: "Anbei"})
	}
	d.Await("the file to arrive", func() bool { return len(c.Sim.Sent()) == 2 })
	for _, sent := range c.Sim.Sent() {
		if sent.Type != "document" || sent.Filename != nameCanary+".txt" || sent.Caption != "Anbei" || !bytes.Equal(atMeta(t, c, sent.MediaID), file) {
			t.Errorf("a %s", sent.Type)
		}
		if sent.MediaID != c.Sim.Sent()[0].MediaID {
			t.Error("the file was handed over twice")
		}
	}
	_, all := settled(d, 3)
	var b bytes.Buffer
	last := all[len(all)-1]
	if last.Media == nil || d.Engine.FetchMedia(t.Context(), id, last.ID, last.Media.ID, &b, nil) != nil || !bytes.Equal(b.Bytes(), file) {
		t.Errorf("a colleague sees %d bytes", b.Len())
	}
	c.Down()
	leaksBelow(t, c.Config.Data, []string{nameCanary, string(file[1000:1060]), c.Sim.Sent()[0].MediaID})
}

// TestAnAttachedFileIsSent is the whole way of an attachment, with the device's own engine.
func TestAnAttachedFileIsSent(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "katharina", "Guten Tag")
	id, _ := settled(d, 1)
	file := photograph(300)
	a, err := d.Store.Attach(t.Context(), id, "IMG_1.jpg", "image/jpeg", bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	d.Wish(inbox.SendMedia{Conversation: id, Media: a.ID, Caption: "Wie gewünscht"})
	d.Await("the picture to be read", func() bool {
		all := d.Messages(id)
		return len(all) == 2 && all[1].Receipt == inbox.Read
	})
	sent := c.Sim.Sent()[0]
	want := cleaned(t, file, media.Declared{Kind: media.Image, MIME: "image/jpeg"})
	if sent.Type != "image" || sent.Caption != "Wie gewünscht" || !bytes.Equal(atMeta(t, c, sent.MediaID), want) {
		t.Errorf("a %s of other bytes", sent.Type)
	}
	m := d.Messages(id)[1]
	if m.Kind != inbox.Image || m.Media.Width != 300 || len(m.Media.Blur) == 0 || m.Media.Size != int64(len(want)) {
		t.Errorf("%+v", m.Media)
	}
}

// bombPNG promises 60,000 by 60,000 pixels.
func bombPNG() []byte {
	file := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		body := append([]byte(kind), data...)
		file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
		file = binary.BigEndian.AppendUint32(append(file, body...), crc32.ChecksumIEEE(body))
	}
	chunk("IHDR", append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 60_000), 60_000), 8, 2, 0, 0, 0))
	chunk("IDAT", []byte("x\x9c\x01\x00\x00\xff\xff\x00\x00\x00\x01"))
	chunk("IEND", nil)
	return file
}

// bombZip is a small document that is 200 MB when opened.
func bombZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, entry := range []struct {
		name, text string
		times      int
	}{
		{"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8"?><Types><Default Extension="rels" ContentType="r"/>` +
			`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`, 1},
		{"_rels/.rels", `<Relationships><Relationship Id="1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" ` +
			`Target="word/document.xml"/></Relationships>`, 1},
		{"word/document.xml", "<w:document>", 1},
		{"word/a.xml", strings.Repeat("0", 1<<20), 200},
	} {
		f, err := w.Create(entry.name)
		if err != nil {
			t.Fatal(err)
		}
		for range entry.times {
			io.WriteString(f, entry.text)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archived is a picture with an archive where its colours should be described, which is either to who opens it.
func archived(t *testing.T, picture []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if f, err := w.Create("a.js"); err != nil {
		t.Fatal(err)
	} else {
		io.WriteString(f, "alert(1)")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	segment := "ICC_PROFILE\x00" + b.String()
	return append(append([]byte{0xff, 0xd8, 0xff, 0xe2, byte((len(segment) + 2) >> 8), byte(len(segment) + 2)}, segment...), picture[2:]...)
}

func TestAFileThatIsNotFitGetsItsStateAndHarmsNobody(t *testing.T) {
	const page = "<!DOCTYPE html><html><script>alert(1)</script></html>"
	picture := photograph(100)
	program := append([]byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"), make([]byte, 600)...)
	docx := "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	type in struct {
		kind, mime, name string
		file             []byte
		state            inbox.MediaState
		danger           bool
		refusal          inbox.Refusal // the other way round; 0: not tried
	}
	all := map[string]in{
		"a page as a picture":     {"image", "image/jpeg", "", []byte(page), inbox.MediaFalse, false, inbox.RefusedMedia},
		"half a picture":          {"image", "image/jpeg", "", picture[:len(picture)/2], inbox.MediaBroken, false, inbox.RefusedMedia},
		"the beginning of one":    {"image", "image/jpeg", "", picture[:20], inbox.MediaBroken, false, inbox.RefusedMedia},
		"an archive in a picture": {"image", "image/jpeg", "", archived(t, picture), inbox.MediaFalse, false, inbox.RefusedMedia},
		"a picture that explodes": {"image", "image/png", "", bombPNG(), inbox.MediaLarge, false, inbox.RefusedLarge},
		"a huge picture":          {"image", "image/jpeg", "", append(picture, make([]byte, 16<<20)...), inbox.MediaLarge, false, inbox.RefusedLarge},
		"paper that explodes":     {"document", docx, "a.docx", bombZip(t), inbox.MediaLarge, false, inbox.RefusedLarge},
		"a program as paper":      {"document", "application/pdf", "Rechnung.pdf", program, inbox.MediaFalse, false, inbox.RefusedMedia},
		"a program":               {"document", "application/x-msdownload", "a.exe", program, inbox.MediaReady, true, inbox.RefusedMedia},
		"a page":                  {"document", "text/html", "a.html", []byte(page), inbox.MediaReady, true, inbox.RefusedMedia},
		"a film that is noise":    {"video", "video/mp4", "", paper(5000), inbox.MediaFalse, false, inbox.RefusedMedia},
		"nothing":                 {"document", "text/plain", "a.txt", nil, inbox.MediaBroken, false, inbox.RefusedMedia},
	}
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	p := c.porter(t, d)
	var order []string
	for name, x := range all {
		if _, err := c.Sim.SendFile("katharina", x.kind, x.mime, x.name, "", x.file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		order = append(order, name)
	}
	id, got := settled(d, len(all))
	for i, m := range got {
		x := all[order[i]]
		if m.Media == nil || m.Media.State != x.state || m.Media.Dangerous != x.danger {
			t.Errorf("%s: %+v", order[i], m.Media)
			continue
		}
		if _, err := ask[inbox.Ticket](p, inbox.FetchMedia{Conversation: id, Message: m.ID, Media: m.Media.ID}); (err == nil) != (x.state == inbox.MediaReady) ||
			err != nil && !errors.Is(err, inbox.RefusedMedia) {
			t.Errorf("%s: %v", order[i], err)
		}
		if x.state == inbox.MediaReady && m.Media.Type != "application/octet-stream" {
			t.Errorf("%s is shown as %s", order[i], m.Media.Type)
		}
	}
	for name, x := range all {
		offer := offerOf(id, x.name, x.mime, x.file)
		if _, err := p.handOver(offer, x.file); !errors.Is(err, x.refusal) {
			t.Errorf("%s, handed over: %v", name, err)
		}
	}
	changed := offerOf(id, "a.txt", "text/plain", paper(500))
	changed.Digest[0] ^= 1
	if _, err := p.handOver(changed, paper(500)); !errors.Is(err, inbox.RefusedMedia) {
		t.Errorf("not the file that was offered: %v", err)
	}
	if _, err := p.handOver(offerOf(id, "a.txt", "text/plain", paper(500)), paper(500)); err != nil {
		t.Errorf("a good one: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(c.Config.Data, "media", "*-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		if base := filepath.Base(file); strings.HasPrefix(base, "fetch-") || strings.HasPrefix(base, "upload-") {
			t.Errorf("%s is left over", base)
		}
	}
}

func TestAFileWhatsAppDoesNotHaveIsGone(t *testing.T) {
	var ahead atomic.Int64
	c := Start(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	if err := c.Sim.Inject(wasim.Injection{Route: wasim.RouteMedia, Code: 100}, wasim.Injection{Route: wasim.RouteFile, Code: 100, Status: 404}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sim.SendFile("katharina", "image", "image/jpeg", "", "", photograph(50)); err != nil {
		t.Fatal(err)
	}
	tries := 0
	d.Await("the picture to be given up", func() bool {
		if len(d.Rows()) == 0 {
			return false
		}
		m := d.Messages(d.Rows()[0].ID)[0]
		if m.Media.State == inbox.MediaPending {
			tries++
			ahead.Add(int64(10 * time.Minute))
			say(t, c, "katharina", "?") // what happens wakes the fetcher, which looks at the clock
			return false
		}
		if m.Media.State != inbox.MediaGone {
			t.Errorf("state %d", m.Media.State)
		}
		return true
	})
	if tries < 3 {
		t.Errorf("given up after %d tries", tries)
	}
}

func TestFilesWaitWhileThereIsNoRoom(t *testing.T) {
	var ahead atomic.Int64
	c := Start(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	c.configure(func(cfg *relay.Config) { cfg.Media.MaxStore = 100_000 })
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	p := c.porter(t, d)
	say(t, c, "katharina", "Guten Tag")
	id, _ := settled(d, 1)
	if _, err := p.handOver(offerOf(id, "a.txt", "text/plain", paper(90_000)), paper(90_000)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := d.Engine.Ask(ctx, offerOf(id, "b.txt", "text/plain", paper(20_000))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without room: %v", err)
	}
	c.configure(func(cfg *relay.Config) { cfg.Media.MaxStore = 1 })
	if _, err := c.Sim.SendFile("katharina", "image", "image/jpeg", "", "", photograph(50)); err != nil {
		t.Fatal(err)
	}
	d.Await("the message", func() bool { return len(d.Messages(id)) == 2 })
	say(t, c, "katharina", "Noch da?")
	d.Await("messages to go on", func() bool { return len(d.Messages(id)) == 3 })
	if s := d.Messages(id)[1].Media.State; s != inbox.MediaPending {
		t.Errorf("state %d", s)
	}
	ahead.Store(int64(20 * time.Second)) // the next try is due
	c.configure(func(cfg *relay.Config) { cfg.Media.MaxStore = 0 })
	_, all := settled(d, 3)
	if s := all[1].Media.State; s != inbox.MediaReady {
		t.Errorf("with room: state %d", s)
	}
	if _, err := p.handOver(offerOf(id, "b.txt", "text/plain", paper(20_000)), paper(20_000)); err != nil {
		t.Errorf("with room: %v", err)
	}
}

// TestEveryFileIsFetched has one the company sent past the relay, and one whose address comes with its message, which
// does where asking for another would fail.
func TestEveryFileIsFetched(t *testing.T) {
	c := Start(t, Options{Sim: func(cfg *wasim.Config) { cfg.Numbers[0].Coexistence = true }})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	file := photograph(60)
	want := cleaned(t, file, media.Declared{Kind: media.Image, MIME: "image/jpeg", Inbound: true})
	say(t, c, "katharina", "Guten Tag")
	if _, err := c.Sim.EchoLine("katharina", wasim.Line{File: &wasim.File{Kind: "image", MIME: "image/jpeg", Data: file}}); err != nil {
		t.Fatal(err)
	}
	settled(d, 2)
	if err := c.Sim.Inject(wasim.Injection{Route: wasim.RouteMedia, Code: 100}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sim.SendFile("katharina", "image", "image/jpeg", "", "", file); err != nil {
		t.Fatal(err)
	}
	pictures := map[bool]int{}
	id, all := settled(d, 3)
	for _, m := range all {
		if m.Media == nil {
			continue
		}
		var b bytes.Buffer
		if err := d.Engine.FetchMedia(t.Context(), id, m.ID, m.Media.ID, &b, nil); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("state %d, %d bytes, %v", m.Media.State, b.Len(), err)
		}
		pictures[m.Outside]++
	}
	if pictures[true] != 1 || pictures[false] != 1 {
		t.Errorf("%d sent past the relay, %d from the customer", pictures[true], pictures[false])
	}
}

func TestAFileWhatsAppCannotUseIsHandedOverAnew(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	p := c.porter(t, d)
	say(t, c, "katharina", "Guten Tag")
	id, _ := settled(d, 1)
	m, err := p.handOver(offerOf(id, "a.txt", "text/plain", paper(3000)), paper(3000))
	if err != nil {
		t.Fatal(err)
	}
	c.Sim.FailDelivery(131053)
	d.Wish(inbox.SendMedia{Conversation: id, Media: m.ID})
	d.Await("the file to arrive after all", func() bool {
		return len(c.Sim.Sent()) == 2 && d.Messages(id)[1].Receipt == inbox.Read
	})
	if sent := c.Sim.Sent(); sent[0].MediaID == sent[1].MediaID || !bytes.Equal(atMeta(t, c, sent[1].MediaID), paper(3000)) {
		t.Error("WhatsApp was given the id that did not work")
	}
}
