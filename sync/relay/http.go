package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/portal"
	"sealdesk/sync/updates"
	"sealdesk/sync/wire"
)

// Devices is the HTTP surface for devices: enrolment, the websocket, files by ticket, updates, and health; and the page for
// whoever comes with a browser.
func (r *Relay) Devices() http.Handler {
	guard := newThrottle(rate.Every(3*time.Second), 10)
	sockets := newSocketThrottle()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+wire.EnrolPath, func(w http.ResponseWriter, q *http.Request) {
		reply := wire.EnrolReply{Error: wire.ErrBusy}
		if guard.allow(q.RemoteAddr) {
			reply = r.enrol(q.Context(), q.Body, q.RemoteAddr)
		}
		w.Header().Set("Content-Type", "application/cbor")
		w.Write(wire.EncodeEnrolReply(reply))
	})
	mux.HandleFunc("GET "+wire.SyncPath, func(w http.ResponseWriter, q *http.Request) {
		if !sockets.allow(q.RemoteAddr) {
			w.Header().Set("Retry-After", "5")
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
			return
		}
		r.sessions.serve(addressed{w, q.RemoteAddr}, q)
	})
	mux.HandleFunc("GET "+wire.MediaPath+"{ticket}", r.getMedia)
	mux.HandleFunc("PUT "+wire.MediaPath+"{ticket}", r.putMedia)
	mux.HandleFunc("GET /updates/{name...}", r.getUpdates())
	mux.HandleFunc("GET /healthz", r.health)
	r.signInPages(mux)
	mux.Handle("GET /{$}", r.portal())
	return knownCaller(r.cfg.Listen.proxies(), mux)
}

// Ops is the HTTP surface for those who run the relay. It belongs on a loopback or private address.
func (r *Relay) Ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", r.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// portal is the page for a browser.
func (r *Relay) portal() http.Handler {
	guard := newThrottle(rate.Every(200*time.Millisecond), 30)
	page := portal.Handler(func(q *http.Request) portal.State {
		ctx, cancel := context.WithTimeout(q.Context(), 2*time.Second)
		defer cancel()
		_, err := r.db.Shards(ctx)
		return portal.State{
			Works: err == nil, Version: strings.TrimPrefix(r.version, "(devel)"), Host: r.cfg.Public, Pin: r.pin, Short: r.pin.Short(), Installers: r.installers(),
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !guard.allow(q.RemoteAddr) {
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		page.ServeHTTP(w, q)
	})
}

// installers are the newest release of each kind that every device is offered, as the feed of updates has it.
func (r *Relay) installers() (out []portal.Installer) {
	type machine struct {
		kind updates.Kind
		arch string
	}
	have := map[machine]bool{}
	if all := r.updates.shown(); len(all) > 0 {
		for _, f := range all[0].report.Feed.Files { // the newest first
			m := machine{f.Kind, f.Arch}
			if f.Ring != updates.Broad || have[m] {
				continue
			}
			have[m] = true
			out = append(out, portal.Installer{
				System: f.OS, Arch: f.Arch, Kind: string(f.Kind), Version: f.Version, Path: "/updates/" + f.Place(), Size: f.Size, SHA256: f.SHA256,
			})
		}
	}
	return out
}

// health answers 200 while the store answers.
func (r *Relay) health(w http.ResponseWriter, q *http.Request) {
	ctx, cancel := context.WithTimeout(q.Context(), 2*time.Second)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := r.db.Shards(ctx); err != nil {
		r.log.Error("store does not answer", "error", err)
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

func (r *Relay) enrol(ctx context.Context, body io.Reader, from string) wire.EnrolReply {
	raw, err := io.ReadAll(io.LimitReader(body, wire.MaxHandshakeFrame))
	if err != nil {
		return wire.EnrolReply{Error: wire.ErrRequest}
	}
	q, err := wire.DecodeEnrol(raw)
	if err != nil {
		return wire.EnrolReply{Error: wire.ErrRequest}
	}
	var (
		device identity.Device
		person inbox.Person
	)
	if q.Code == "" {
		device, err = r.people.Knock(q, from)
	} else {
		device, person, err = r.people.Enrol(ctx, q)
	}
	var known *wire.Error
	switch {
	case errors.As(err, &known):
		r.log.Warn("enrolment refused", "reason", known.Text)
		return wire.EnrolReply{Error: known}
	case err != nil:
		r.log.Error("enrolment cannot be kept", "error", err)
		return wire.EnrolReply{Error: wire.ErrBusy}
	}
	company := ""
	if person.ID == "" {
		company = r.cfg.companyName()
		r.log.Info("device waits for somebody to sign in", "device", string(device.ID), "waiting", len(r.people.Waiting()))
	} else {
		r.log.Info("device enrolled", "device", string(device.ID), "person", string(person.ID))
	}
	return wire.EnrolReply{Company: company, Device: device.ID, Person: person, Key: r.PublicKey(), Epoch: uint64(device.Enrolled), Audit: r.checkpoints.key.Verifier()}
}
