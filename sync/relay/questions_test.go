package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A desk is a relay with one conversation and people.
type desk struct {
	*Relay
	shard   string
	contact inbox.ContactID
	agent   inbox.Person
	auditor inbox.Person
	device  inbox.DeviceID // who asks
	now     time.Time
}

func newDesk(t *testing.T) *desk { return newDeskAt(t, testAnswers.API) }

// newDeskAt has WhatsApp at an address.
func newDeskAt(t *testing.T, api string) *desk {
	t.Helper()
	d := &desk{shard: eventlog.Shard("inbox/sales"), device: "d", now: time.Now()}
	var err error
	if d.Relay, err = Open(t.Context(), newConfig(t, func(a *Answers) { a.API = api }), Options{Now: func() time.Time { return d.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.contact = someContact(t, d.Relay)
	if d.agent, err = d.AddPerson(t.Context(), "Greta Vogel", inbox.Agent, nil); err != nil {
		t.Fatal(err)
	}
	if d.auditor, err = d.AddPerson(t.Context(), "Anna Auditor", inbox.Auditor, nil); err != nil {
		t.Fatal(err)
	}
	d.happen(t, inbox.ConversationOpened{Conversation: "c", Inbox: "sales", Contact: inbox.Contact{ID: d.contact}})
	return d
}

func (d *desk) happen(t *testing.T, bodies ...inbox.EventBody) {
	t.Helper()
	err := d.db.Update(t.Context(), d.shard, func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, inbox.At(d.now), "", bodies...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) ask(t *testing.T, p inbox.Person, q inbox.Question) wire.Answer {
	t.Helper()
	return d.answer(t.Context(), asker{person: p, device: d.device}, wire.Ask{ID: 7, Question: q})
}

// hand hands a whole file over, past HTTP.
func (d *desk) hand(t *testing.T, q inbox.OfferMedia, file []byte) (inbox.MediaID, wire.UploadReply) {
	t.Helper()
	a := d.ask(t, d.agent, q)
	up, ok := a.Answer.(inbox.UploadTicket)
	if !ok {
		t.Fatalf("offering a file: refusal %d, retry %d", a.Refusal, a.Retry)
	}
	var row uploadRow
	err := d.db.View(t.Context(), d.shard, func(tx ledger.Tx) (err error) {
		row, _, err = uploadAt(tx, up.Media)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.openPart(t.Context(), row)
	if err != nil {
		t.Fatal(err)
	}
	p.Write(file[p.offset():])
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	reply, err := d.standOf(t.Context(), "sales", up.Media)
	if err != nil {
		t.Fatal(err)
	}
	return up.Media, reply
}

func offerOf(file []byte, kind string) inbox.OfferMedia {
	sum := sha256.Sum256(file)
	return inbox.OfferMedia{Conversation: "c", Name: "Angebot.txt", Type: kind, Size: int64(len(file)), Digest: sum[:]}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestWhoSeesAFileIsWrittenDownBeforeItIsShown(t *testing.T) {
	d := newDesk(t)
	ready := &inbox.Media{ID: "med-1", Type: "image/png", Size: 5, State: inbox.MediaReady}
	d.happen(t, inbox.MessageAdded{Message: inbox.Message{ID: "m1", Conversation: "c", Side: inbox.FromContact, Kind: inbox.Image, Media: ready}},
		inbox.MessageAdded{Message: inbox.Message{ID: "m2", Conversation: "c", Side: inbox.FromContact, Kind: inbox.Image, Media: &inbox.Media{ID: "med-2"}}},
		inbox.MessageAdded{Message: inbox.Message{ID: "m3", Conversation: "c", Side: inbox.FromContact, Kind: inbox.Image, Media: &inbox.Media{ID: "med-3", State: inbox.MediaFalse}}})
	err := d.db.Update(t.Context(), d.shard, func(tx ledger.Tx) error { return tx.Put(bucketMediaOf, []byte("med-1"), []byte(d.contact)) })
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range []struct {
		who     inbox.Person
		q       inbox.FetchMedia
		refusal inbox.Refusal
		retry   bool
		entry   bool
	}{
		{d.agent, inbox.FetchMedia{Conversation: "c", Message: "m1", Media: "med-1"}, inbox.Granted, false, true},
		{d.auditor, inbox.FetchMedia{Conversation: "c", Message: "m1", Media: "med-1"}, inbox.RefusedUnknown, false, true},
		{d.agent, inbox.FetchMedia{Conversation: "c", Message: "m1", Media: "med-3"}, inbox.RefusedUnknown, false, true},
		{d.agent, inbox.FetchMedia{Conversation: "c", Message: "m9", Media: "med-1"}, inbox.RefusedUnknown, false, true},
		{d.agent, inbox.FetchMedia{Conversation: "c", Message: "m3", Media: "med-3"}, inbox.RefusedMedia, false, true},
		{d.agent, inbox.FetchMedia{Conversation: "c", Message: "m2", Media: "med-2"}, inbox.Granted, true, false},
		{d.agent, inbox.FetchMedia{Conversation: "other", Message: "m1", Media: "med-1"}, inbox.RefusedUnknown, false, false},
		{d.agent, inbox.FetchMedia{Conversation: "c", Message: "m1", Media: "../master.key"}, inbox.RefusedMalformed, false, false},
		{d.agent, inbox.FetchMedia{}, inbox.RefusedMalformed, false, false},
	} {
		before := d.entries(t)
		a := d.ask(t, x.who, x.q)
		got := d.entries(t)
		if a.ID != 7 || a.Refusal != x.refusal || (a.Retry > 0) != x.retry || (a.Answer != nil) != (x.refusal == inbox.Granted && !x.retry) {
			t.Errorf("%d: %+v", i, a)
		}
		if len(got)-len(before) != map[bool]int{true: 1}[x.entry] {
			t.Errorf("%d: %d entries", i, len(got)-len(before))
			continue
		}
		if x.entry {
			last := got[len(got)-1]
			want := audit.Entry{Number: last.Number, At: last.At, Actor: x.who.ID, Device: "d", Act: audit.FetchedMedia, Object: string(x.q.Message), Refused: x.refusal}
			if last != want {
				t.Errorf("%d: %+v", i, last)
			}
		}
	}
	w := d.db.(*watched)
	w.DB = fullDB{w.DB}
	if a := d.ask(t, d.agent, inbox.FetchMedia{Conversation: "c", Message: "m1", Media: "med-1"}); a.Answer != nil || a.Retry == 0 {
		t.Errorf("a file is shown that cannot be written down: %+v", a)
	}
}

func (d *desk) entries(t *testing.T) (all []audit.Entry) {
	t.Helper()
	err := d.db.View(t.Context(), d.shard, func(tx ledger.Tx) (err error) {
		all, err = audit.Entries(tx, 0, 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAFileIsTakenFromThoseWhoMaySendAndNothingElse(t *testing.T) {
	d := newDesk(t)
	good := offerOf([]byte("Guten Tag\n"), "text/plain")
	with := func(change func(*inbox.OfferMedia)) inbox.OfferMedia {
		q := good
		change(&q)
		return q
	}
	for name, x := range map[string]struct {
		who     inbox.Person
		q       inbox.OfferMedia
		refusal inbox.Refusal
	}{
		"a text":                 {d.agent, good, inbox.Granted},
		"by who may not see":     {d.auditor, good, inbox.RefusedUnknown},
		"for nobody":             {d.agent, with(func(q *inbox.OfferMedia) { q.Conversation = "other" }), inbox.RefusedUnknown},
		"for no name":            {d.agent, with(func(q *inbox.OfferMedia) { q.Conversation = "../c" }), inbox.RefusedMalformed},
		"without a digest":       {d.agent, with(func(q *inbox.OfferMedia) { q.Digest = nil }), inbox.RefusedMalformed},
		"empty":                  {d.agent, with(func(q *inbox.OfferMedia) { q.Size = 0 }), inbox.RefusedMedia},
		"less than empty":        {d.agent, with(func(q *inbox.OfferMedia) { q.Size = -1 }), inbox.RefusedMedia},
		"a large document":       {d.agent, with(func(q *inbox.OfferMedia) { q.Size = 100<<20 + 1 }), inbox.RefusedLarge},
		"a large picture":        {d.agent, with(func(q *inbox.OfferMedia) { q.Type, q.Size = "image/jpeg", 5<<20+1 }), inbox.RefusedLarge},
		"a large film":           {d.agent, with(func(q *inbox.OfferMedia) { q.Type, q.Size = "video/mp4", 16<<20+1 }), inbox.RefusedLarge},
		"a kind nobody takes":    {d.agent, with(func(q *inbox.OfferMedia) { q.Type = "image/svg+xml" }), inbox.RefusedMedia},
		"a program":              {d.agent, with(func(q *inbox.OfferMedia) { q.Type = "application/x-msdownload" }), inbox.RefusedMedia},
		"both voice and paper":   {d.agent, with(func(q *inbox.OfferMedia) { q.Voice, q.Document = true, true }), inbox.RefusedMalformed},
		"a voice that is a text": {d.agent, with(func(q *inbox.OfferMedia) { q.Voice = true }), inbox.RefusedMedia},
	} {
		a := d.ask(t, x.who, x.q)
		if a.Refusal != x.refusal || a.Retry != 0 || (a.Answer != nil) != (x.refusal == inbox.Granted) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if refused := d.ask(t, d.agent, inbox.OfferMedia{}); refused.Refusal != inbox.RefusedMalformed {
		t.Errorf("nothing: %+v", refused)
	}
}

func TestAnUploadGoesAsItCameUnlessAMessageHasIt(t *testing.T) {
	d := newDesk(t)
	text := []byte("Angebot\n")
	id, reply := d.hand(t, offerOf(text, "text/plain"), text)
	if reply.Media == nil || reply.Media.State != inbox.MediaReady || reply.Media.ID != id || reply.Offset != int64(len(text)) {
		t.Fatalf("%+v", reply)
	}
	other, _ := d.hand(t, offerOf(append(text, '!'), "text/plain"), append(text, '!'))
	if m, kind, err := d.uploaded(t.Context(), "sales", "c", id); err != nil || m.ID != id || kind != inbox.Document {
		t.Errorf("%v, kind %d", err, kind)
	}
	for _, x := range []struct {
		c  inbox.ConversationID
		id inbox.MediaID
	}{{"c", "nothing"}, {"elsewhere", id}} {
		if _, _, err := d.uploaded(t.Context(), "sales", x.c, x.id); !errors.Is(err, inbox.RefusedMedia) {
			t.Errorf("%s for %s: %v", x.id, x.c, err)
		}
	}
	half := d.ask(t, d.agent, offerOf([]byte("half a file"), "text/plain")).Answer.(inbox.UploadTicket)
	if _, _, err := d.uploaded(t.Context(), "sales", "c", half.Media); !errors.Is(err, inbox.RefusedMedia) {
		t.Errorf("a file that is not there: %v", err)
	}
	if !exists(t, d.partFile(half.Media)) || exists(t, d.partFile(id)) || !exists(t, d.mediaFile(id)) {
		t.Error("files do not lie where they should")
	}
	err := d.db.Update(t.Context(), d.shard, func(tx ledger.Tx) error { return keepUpload(tx, id) })
	if err != nil {
		t.Fatal(err)
	}
	later := func(by time.Duration) {
		t.Helper()
		d.now = d.now.Add(by)
		if err := d.sweepUploads(t.Context(), "sales"); err != nil {
			t.Fatal(err)
		}
	}
	later(partLife - time.Second)
	if !exists(t, d.partFile(half.Media)) {
		t.Error("a part is gone before its time")
	}
	later(time.Second)
	if exists(t, d.partFile(half.Media)) || !exists(t, d.mediaFile(other)) {
		t.Error("a part is kept for a day, a file for a week")
	}
	later(readyLife)
	if exists(t, d.mediaFile(other)) || !exists(t, d.mediaFile(id)) {
		t.Error("what a message has stays, and nothing else")
	}
	if _, _, err := d.uploaded(t.Context(), "sales", "c", other); !errors.Is(err, inbox.RefusedMedia) {
		t.Errorf("what is gone: %v", err)
	}
	if _, _, err := d.uploaded(t.Context(), "sales", "c", id); err != nil {
		t.Errorf("what stayed: %v", err)
	}
	// The same file again is another one now.
	again, reply := d.hand(t, offerOf(append(text, '!'), "text/plain"), append(text, '!'))
	if again == other || reply.Media == nil {
		t.Errorf("%s after %s: %+v", again, other, reply)
	}
}

func TestWhatIsOnlyHandedOverHasBounds(t *testing.T) {
	d := newDesk(t)
	offer := func(n int) wire.Answer {
		return d.ask(t, d.agent, offerOf(fmt.Appendf(nil, "file %d", n), "text/plain"))
	}
	for n := range maxOpenPerson {
		if a := offer(n); a.Answer == nil {
			t.Fatalf("file %d: %+v", n, a)
		}
		d.now = d.now.Add(2 * time.Second) // tickets pass
	}
	if a := offer(maxOpenPerson); a.Retry == 0 {
		t.Errorf("one more: %+v", a)
	}
	if a := offer(3); a.Answer == nil {
		t.Errorf("one that goes on: %+v", a)
	}
	other, err := d.AddPerson(t.Context(), "Sabine Lorenz", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := d.ask(t, other, offerOf([]byte("another's"), "text/plain")); a.Answer == nil {
		t.Errorf("a colleague: %+v", a)
	}
	d.now = d.now.Add(partLife)
	if a := offer(maxOpenPerson); a.Answer == nil {
		t.Errorf("a day later: %+v", a)
	}
	big := offerOf([]byte("big"), "application/pdf")
	for n := range 6 {
		big.Digest[0] = byte(n)
		big.Size = 100 << 20
		if a := d.ask(t, d.agent, big); (a.Answer != nil) != (n < 5) {
			t.Errorf("the big file %d: %+v", n, a)
		}
	}
	d.cfg.Media.MaxStore = 1
	if a := d.ask(t, other, offerOf([]byte("one more byte"), "text/plain")); a.Retry == 0 {
		t.Errorf("without room: %+v", a)
	}
}

// TestAFileDamagedOnDiskComesAgain: what lies there is not sent, and not served.
func TestAFileDamagedOnDiskComesAgain(t *testing.T) {
	d := newDesk(t)
	file := make([]byte, 2*mediaChunk+5)
	for i := range file {
		file[i] = "Guten Tag\n"[i%10]
	}
	up := d.ask(t, d.agent, offerOf(file, "text/plain")).Answer.(inbox.UploadTicket)
	var row uploadRow
	d.db.View(t.Context(), d.shard, func(tx ledger.Tx) (err error) {
		row, _, err = uploadAt(tx, up.Media)
		return err
	})
	p, err := d.openPart(t.Context(), row)
	if err != nil {
		t.Fatal(err)
	}
	p.Write(file)
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	b := read(t, d.partFile(up.Media))
	b[len(b)/2] ^= 1
	if err := os.WriteFile(d.partFile(up.Media), b, 0o600); err != nil {
		t.Fatal(err)
	}
	a := d.ask(t, d.agent, offerOf(file, "text/plain"))
	if again, ok := a.Answer.(inbox.UploadTicket); !ok || again.Offset != 0 || again.Media != up.Media || again.Path == "" {
		t.Fatalf("%+v", a)
	}
	if id, reply := d.hand(t, offerOf(file, "text/plain"), file); id != up.Media || reply.Media == nil {
		t.Errorf("%s: %+v", id, reply)
	}
}

func TestASlowAnswerHoldsUpNobody(t *testing.T) {
	const kind = inbox.QuestionTyping
	hold, held := make(chan struct{}), make(chan struct{}, asksAtOnce+2)
	real := questions[kind]
	questions[kind] = func(_ *Relay, ctx context.Context, _ asker, q inbox.Question) (inbox.Answer, error) {
		held <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return inbox.Done{}, nil
	}
	t.Cleanup(func() { questions[kind] = real })
	r := newRelay(t, nil)
	id, key := admitted(t, r)
	conn := dialDevice(t, devices(t, r), net.Dialer{})
	prove(t, conn, r, id, key)
	say := func(frame []byte, err error) {
		t.Helper()
		if err == nil {
			err = conn.WriteMessage(websocket.BinaryMessage, frame)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	hear := func() wire.Answer {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			body, _ := wire.Decode(frame)
			if a, ok := body.(wire.Answer); ok {
				return a
			}
		}
	}
	for n := range asksAtOnce {
		say(wire.EncodeAsk(wire.Ask{ID: uint64(n + 1), Question: inbox.Typing{Conversation: "c"}}))
		<-held
	}
	say(wire.EncodeAsk(wire.Ask{ID: 100, Question: inbox.Typing{Conversation: "c"}}))
	if a := hear(); a.ID != 100 || a.Retry == 0 {
		t.Errorf("one too many: %+v", a)
	}
	row, err := cbor.Marshal([]any{101, 60000, map[int]string{1: "x"}})
	say(append([]byte{byte(wire.TypeAsk)}, row...), err)
	if a := hear(); a.ID != 101 || a.Refusal != inbox.RefusedNewerWords {
		t.Errorf("a newer question: %+v", a)
	}
	close(hold)
	seen := map[uint64]bool{}
	for range asksAtOnce {
		a := hear()
		if seen[a.ID] || a.ID > asksAtOnce || a.Answer != (inbox.Done{}) {
			t.Errorf("%+v", a)
		}
		seen[a.ID] = true
	}
	say(wire.EncodeAsk(wire.Ask{ID: 102, Question: inbox.FetchMedia{Conversation: "c", Message: "m", Media: "x"}}))
	if a := hear(); a.ID != 102 || a.Refusal != inbox.RefusedUnknown {
		t.Errorf("afterwards: %+v", a)
	}
}
