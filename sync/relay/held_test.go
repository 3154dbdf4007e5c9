package relay

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/whatsapp"
)

func TestARelayThatStartsWithAHeldInboxAndNothingToSendLearnsThatItWorks(t *testing.T) {
	var token atomic.Bool // whether it is good again
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !token.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":{"code":190,"message":"expired"}}`)
			return
		}
		io.WriteString(w, `{"id":"106540352242922","display_phone_number":"+49 30 23125000","quality_rating":"GREEN"}`)
	}))
	defer graph.Close()
	cfg := newConfig(t, func(a *Answers) { a.API = graph.URL })
	in := inbox.InboxID(cfg.Inboxes[0].ID)
	var ahead atomic.Int64
	open := func() (*Relay, func()) {
		t.Helper()
		r, err := Open(t.Context(), cfg, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Work(ctx) }()
		return r, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	r, stop := open()
	r.troubled(t.Context(), in, whatsapp.ClassAuth, 190) // and what waited has failed meanwhile
	stop()
	for _, good := range []bool{false, true} {
		token.Store(good)
		r, stop = open()
		began := time.Now()
		for {
			now, err := r.inboxNow(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if working := now.State == inbox.InboxWorking; good && working || !good && r.pipes[in].Held() && !working && time.Since(began) > time.Second {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("with a good token: %v; it is shown as %+v", good, now)
			}
			<-time.After(10 * time.Millisecond) // the relay asks on its own
		}
		stop()
	}
}
