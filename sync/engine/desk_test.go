package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

const attachedHere = "attached/"

// mediaOf returns the file an intent sends.
func mediaOf(b inbox.IntentBody) inbox.MediaID {
	if send, ok := b.(inbox.SendMedia); ok {
		return send.Media
	}
	return ""
}

func (m *memory) Offer(i inbox.Intent) (inbox.OfferMedia, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := mediaOf(i.Body)
	if !strings.HasPrefix(string(id), attachedHere) {
		return inbox.OfferMedia{}, false
	}
	file := m.files[id]
	if file == nil {
		return inbox.OfferMedia{}, true
	}
	sum := sha256.Sum256(file)
	return inbox.OfferMedia{Conversation: i.Body.On(), Name: "plan.pdf", Type: "application/pdf", Size: int64(len(file)), Digest: sum[:]}, true
}

type openFile struct{ *bytes.Reader }

func (openFile) Close() error { return nil }

func (m *memory) OpenOffer(i inbox.Intent) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unread > 0 {
		m.unread--
		return nil, errors.New("the disk is tired")
	}
	return openFile{bytes.NewReader(m.files[mediaOf(i.Body)])}, nil
}

func (m *memory) Offered(ctx context.Context, id inbox.IntentID, media inbox.MediaID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.fail != nil {
		return m.fail
	}
	for n, i := range m.pending {
		if send, ok := i.Body.(inbox.SendMedia); ok && i.ID == id {
			send.Media = media
			m.pending = slices.Clone(m.pending)
			m.pending[n].Body = send
			m.offered = append(m.offered, media)
		}
	}
	return nil
}

// dismiss takes an intent away as a person does.
func (m *memory) dismiss(id inbox.IntentID) {
	m.mu.Lock()
	m.pending = slices.DeleteFunc(slices.Clone(m.pending), func(i inbox.Intent) bool { return i.ID == id })
	m.mu.Unlock()
	m.submit()
}

func (m *memory) attach(id string, file []byte) inbox.MediaID {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[inbox.MediaID(attachedHere+id)] = file
	return inbox.MediaID(attachedHere + id)
}

func sendFile(id, conv string, media inbox.MediaID) inbox.Intent {
	return inbox.Intent{ID: inbox.IntentID(id), Body: inbox.SendMedia{Conversation: inbox.ConversationID(conv), Media: media, Caption: "see"}}
}

// A desk is the relay's side of questions and files, to the letter of wire: a ticket is good once and for a minute, a
// range is kept to, a part of a file stays for the next attempt.
type desk struct {
	*relay
	random *rand.Rand

	mu      sync.Mutex
	files   map[inbox.MediaID][]byte // to fetch
	tickets map[string]ticket
	parts   map[[32]byte][]byte // handed over so far
	cuts    int                 // how many more requests break off in the middle
	drops   int                 // how many more questions end the connection instead of being answered
	retry   int                 // how many more questions are answered with a wish to wait
	judge   func(q inbox.OfferMedia) inbox.Refusal
	answer  func(q inbox.Question) inbox.Answer // instead of the right one; nil: the right one
	slow    time.Duration                       // after each 32 KiB handed over
	got     []inbox.Intent
	early   bool // a file is judged before it was read
	puts    int
	aborted int                          // requests that ended before they were whole
	now     map[inbox.ConversationID]int // uploads that run
	most    int                          // ran at once
}

type ticket struct {
	question inbox.Question
	offset   int64
	until    time.Time
}

func newDesk(t *testing.T, seed uint64) *desk { return deskOf(newRelay(t), seed) }

func deskOf(r *relay, seed uint64) *desk {
	d := &desk{relay: r, random: rand.New(rand.NewPCG(seed, 1)), files: map[inbox.MediaID][]byte{}, tickets: map[string]ticket{}, parts: map[[32]byte][]byte{}, now: map[inbox.ConversationID]int{}}
	d.relay.media = d.serveMedia
	d.script = d.talk
	return d
}

func (d *desk) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.random.Uint32())
	}
	return b
}

func (d *desk) talk(p *peer) {
	for f := range p.in {
		switch f := f.(type) {
		case inbox.Intent:
			d.mu.Lock()
			d.got = append(d.got, f)
			d.mu.Unlock()
			if strings.HasPrefix(string(mediaOf(f.Body)), attachedHere) {
				d.t.Errorf("intent %s names a file the relay does not have", f.ID)
			}
			p.write(wire.Encode(wire.Outcome{Intent: f.ID}))
		case wire.Ask:
			a := wire.Answer{ID: f.ID}
			d.mu.Lock()
			switch {
			case d.drops > 0:
				d.drops--
				d.mu.Unlock()
				p.conn.NetConn().Close()
				return
			case d.retry > 0:
				d.retry--
				a.Retry = 1500
			case d.answer != nil:
				a.Answer = d.answer(f.Question)
			default:
				a.Answer, a.Refusal = d.grant(f.Question)
			}
			d.mu.Unlock()
			frame, err := wire.EncodeAnswer(a)
			if err != nil {
				d.t.Error(err)
			}
			p.write(frame)
		}
	}
}

func (d *desk) grant(q inbox.Question) (inbox.Answer, inbox.Refusal) {
	path := fmt.Sprint(wire.MediaPath, inbox.NewID[inbox.MediaID]())
	t := ticket{question: q, until: time.Now().Add(wire.TicketLife)}
	switch q := q.(type) {
	case inbox.FetchMedia:
		file, ok := d.files[q.Media]
		if !ok {
			return nil, inbox.RefusedUnknown
		}
		d.tickets[path] = t
		return inbox.Ticket{Path: path, Size: int64(len(file)), Type: "image/png"}, inbox.Granted
	case inbox.OfferMedia:
		sum := [32]byte(q.Digest)
		t.offset = int64(len(d.parts[sum]))
		a := inbox.UploadTicket{Media: inbox.MediaID(fmt.Sprintf("media-%x", sum[:4])), Offset: t.offset}
		if t.offset < q.Size {
			a.Path = path
			d.tickets[path] = t
		}
		return a, inbox.Granted
	}
	return inbox.Done{}, inbox.Granted
}

func (d *desk) serveMedia(w http.ResponseWriter, req *http.Request) {
	d.mu.Lock()
	t, ok := d.tickets[req.URL.Path]
	delete(d.tickets, req.URL.Path)
	d.mu.Unlock()
	if !ok || time.Now().After(t.until) {
		http.Error(w, "", http.StatusNotFound)
		return
	}
	switch q := t.question.(type) {
	case inbox.FetchMedia:
		d.serveFile(w, req, d.files[q.Media])
	case inbox.OfferMedia:
		d.takeFile(w, req, q, t.offset)
	}
}

// cut returns after how many of n bytes a request breaks off; n+1 when it does not.
func (d *desk) cut(n int64) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cuts == 0 {
		return n + 1
	}
	d.cuts--
	return d.random.Int64N(n + 1)
}

func (d *desk) serveFile(w http.ResponseWriter, req *http.Request, file []byte) {
	from, status := int64(0), http.StatusOK
	if h := req.Header.Get("Range"); h != "" {
		if _, err := fmt.Sscanf(h, "bytes=%d-", &from); req.Method != http.MethodGet || err != nil || h != fmt.Sprintf("bytes=%d-", from) || from <= 0 {
			d.t.Errorf("asked for %q", h)
		}
		if from >= int64(len(file)) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(file)-1, len(file)))
	}
	rest := file[from:]
	w.Header().Set("Content-Length", fmt.Sprint(len(rest)))
	w.WriteHeader(status)
	if n := d.cut(int64(len(rest))); n <= int64(len(rest)) {
		w.Write(rest[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(rest)
}

func (d *desk) takeFile(w http.ResponseWriter, req *http.Request, q inbox.OfferMedia, offset int64) {
	want := fmt.Sprintf("bytes %d-%d/%d", offset, q.Size-1, q.Size)
	if req.Method != http.MethodPut || req.Header.Get("Content-Range") != want || req.ContentLength != q.Size-offset {
		d.t.Errorf("handed over %q of %d bytes, want %q", req.Header.Get("Content-Range"), req.ContentLength, want)
	}
	sum := [32]byte(q.Digest)
	d.mu.Lock()
	d.puts++
	if int64(len(d.parts[sum])) != offset {
		d.t.Errorf("a ticket from %d was used at %d", offset, len(d.parts[sum]))
	}
	slow, early := d.slow, d.early
	if d.now[q.Conversation]++; d.now[q.Conversation] > 1 {
		d.t.Error("two files of one conversation at once")
	}
	d.most = max(d.most, len(d.now))
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.now[q.Conversation]--; d.now[q.Conversation] == 0 {
			delete(d.now, q.Conversation)
		}
	}()
	if early {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		w.Write(wire.EncodeUploadReply(wire.UploadReply{Refusal: d.judge(q)}))
		return
	}
	end := d.cut(q.Size - offset)
	piece := make([]byte, 32<<10)
	for read := int64(0); ; {
		n, err := req.Body.Read(piece[:min(int64(len(piece)), max(1, end-read))])
		read += int64(n)
		d.mu.Lock()
		d.parts[sum] = append(d.parts[sum], piece[:n]...)
		d.mu.Unlock()
		if slow > 0 {
			<-time.After(slow)
		}
		if err == io.EOF {
			break
		}
		if err != nil || read >= end {
			d.mu.Lock()
			d.aborted++
			d.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
	}
	d.mu.Lock()
	reply := wire.UploadReply{Offset: q.Size}
	if d.judge != nil {
		reply.Refusal = d.judge(q)
	}
	if reply.Refusal == inbox.Granted {
		if sha256.Sum256(d.parts[sum]) != sum {
			d.t.Error("another file came than was offered")
		}
		reply.Media = &inbox.Media{ID: inbox.MediaID(fmt.Sprintf("media-%x", sum[:4])), Type: q.Type, Size: q.Size}
	}
	d.mu.Unlock()
	w.Write(wire.EncodeUploadReply(reply))
}

// order returns the ids of the intents as they came.
func (d *desk) order(conv string) (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.got {
		if conv == "" || i.Body.On() == inbox.ConversationID(conv) {
			out = append(out, string(i.ID))
		}
	}
	return out
}
