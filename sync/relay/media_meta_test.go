package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

func TestWhatsAppIsHandedAFileOnceInItsTime(t *testing.T) {
	text := []byte("Angebot\n")
	var uploads atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		f, head, err := q.FormFile("file")
		if err != nil {
			t.Errorf("no file: %v", err)
			return
		}
		b, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(b, text) || head.Header.Get("Content-Type") != "text/plain" || strings.Contains(head.Filename, "Angebot") {
			t.Errorf("%d bytes of %s: %v", len(b), head.Header.Get("Content-Type"), err)
		}
		fmt.Fprintf(w, `{"id":"77001%d"}`, uploads.Add(1))
	}))
	defer srv.Close()
	d := newDeskAt(t, srv.URL)
	id, reply := d.hand(t, offerOf(text, "text/plain"), text)
	if reply.Media == nil {
		t.Fatalf("%+v", reply)
	}
	files := metaFiles{r: d.Relay, inbox: "sales", number: "106540352242922"}
	expect := func(what string, n int) {
		t.Helper()
		got, err := files.MetaID(t.Context(), d.contact, id)
		if err != nil || got.Reveal() != fmt.Sprintf("77001%d", n) || int(uploads.Load()) != n {
			t.Errorf("%s: upload %d, %v", what, uploads.Load(), err)
		}
	}
	expect("the first time", 1)
	expect("again", 1)
	d.now = d.now.Add(metaLife - time.Second)
	expect("just in time", 1)
	d.now = d.now.Add(time.Second)
	expect("too late", 2)
	if err := files.ForgetMetaID(t.Context(), d.contact, id); err != nil {
		t.Fatal(err)
	}
	expect("after it was no good", 3)
	if _, err := files.MetaID(t.Context(), d.contact, "nothing"); !errors.Is(err, whatsapp.ErrRequest) || whatsapp.OutcomeOf(err) != whatsapp.OutcomeNotSent {
		t.Errorf("no such file: %v", err)
	}
	if err := files.ForgetMetaID(t.Context(), d.contact, id); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.mediaFile(id), flipped(read(t, d.mediaFile(id)), 50), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := files.MetaID(t.Context(), d.contact, id); !errors.Is(err, whatsapp.ErrRequest) || uploads.Load() != 3 {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestWhatWasTakenBackIsNotShownAgain(t *testing.T) {
	d := newDesk(t)
	d.happen(t, inbox.MessageAdded{Message: inbox.Message{ID: "m1", Conversation: "c", Side: inbox.FromContact, Kind: inbox.Image, Media: &inbox.Media{ID: "med-1"}}})
	row := mediaRow{Media: inbox.Media{ID: "med-1"}, Message: "m1", Conversation: "c", Contact: d.contact, Kind: inbox.Image}
	if !d.fetchOne(t.Context(), d.shard, "106540352242922", row) {
		t.Fatal("not written down")
	}
	err := d.db.View(t.Context(), d.shard, func(tx ledger.Tx) error {
		m, _, err := eventlog.Message(tx, "m1")
		if m.Media.State != inbox.MediaPending {
			t.Errorf("state %d", m.Media.State)
		}
		queued, _ := tx.Get(bucketMediaQueue, []byte("med-1"))
		if queued != nil {
			t.Error("it is asked for again")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestASlowConnectionIsNotCutAsLongAsItMoves serves with timeouts far shorter than the transfers take.
func TestASlowConnectionIsNotCutAsLongAsItMoves(t *testing.T) {
	const limit = 300 * time.Millisecond
	d := newDesk(t)
	d.device, _ = admitted(t, d.Relay)
	srv := httptest.NewUnstartedServer(d.Devices())
	srv.TLS = d.TLS()
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = limit, limit
	srv.StartTLS()
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err == nil {
				conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			}
			return conn, err
		},
	}}
	file := bytes.Repeat([]byte("Guten Tag\n"), 1_600_000)
	offer := offerOf(file, "text/plain")
	up := d.ask(t, d.agent, offer).Answer.(inbox.UploadTicket)
	q, err := http.NewRequest(http.MethodPut, srv.URL+up.Path, &slowly{r: bytes.NewReader(file), each: 1 << 20, pause: limit / 4})
	if err != nil {
		t.Fatal(err)
	}
	q.ContentLength = int64(len(file))
	q.Header.Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(file)-1, len(file)))
	began := time.Now()
	res, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || time.Since(began) < 2*limit {
		t.Errorf("status %d after %s", res.StatusCode, time.Since(began))
	}
	d.happen(t, inbox.MessageAdded{Message: inbox.Message{
		ID: "m1", Conversation: "c", Side: inbox.FromPerson, Kind: inbox.Document,
		Media: &inbox.Media{ID: up.Media, Size: int64(len(file)), State: inbox.MediaReady},
	}})
	k := d.ask(t, d.agent, inbox.FetchMedia{Conversation: "c", Message: "m1", Media: up.Media}).Answer.(inbox.Ticket)
	began = time.Now()
	if res, err = client.Get(srv.URL + k.Path); err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(&slowly{r: res.Body, each: 1 << 20, pause: limit / 4})
	if err != nil || !bytes.Equal(got, file) || time.Since(began) < 2*limit {
		t.Errorf("%d bytes after %s: %v", len(got), time.Since(began), err)
	}
}

// slowly reads so much before each pause.
type slowly struct {
	r     io.Reader
	each  int
	pause time.Duration
	n     int
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.n >= s.each {
		s.n = 0
		<-time.After(s.pause) // as a slow network has it
	}
	n, err := s.r.Read(p[:min(len(p), s.each-s.n)])
	s.n += n
	return n, err
}
