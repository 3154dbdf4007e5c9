package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"sealdesk/sync/updates"
)

// Bounds of what is served. All laptops of a branch office may come from one address.
const (
	updatesEvery  = 100 * time.Millisecond
	updatesBurst  = 200
	updatesAtOnce = 32 // files at once; the parts of a feed are small and always pass
)

var updatesExpireDesc = prometheus.NewDesc("sealdesk_updates_expire_seconds", "When the feed of updates runs out, as Unix time; absent without a feed.", nil, nil)

// getUpdates serves the feed of updates: to anybody, for nothing in it is secret and everything in it is signed.
func (r *Relay) getUpdates() http.HandlerFunc {
	guard := newThrottle(rate.Every(updatesEvery), updatesBurst)
	room := make(chan struct{}, updatesAtOnce)
	busy := func(w http.ResponseWriter, status int) {
		r.metrics.updatesServed.WithLabelValues("busy").Inc()
		w.Header().Set("Retry-After", "60")
		http.Error(w, http.StatusText(status), status)
	}
	return func(w http.ResponseWriter, q *http.Request) {
		if !guard.allow(q.RemoteAddr) {
			busy(w, http.StatusTooManyRequests)
			return
		}
		name := q.PathValue("name")
		file := r.updates.find(name)
		if file == "" {
			r.metrics.updatesServed.WithLabelValues("absent").Inc()
			http.NotFound(w, q)
			return
		}
		if strings.HasPrefix(name, "targets/") {
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
			default:
				busy(w, http.StatusServiceUnavailable)
				return
			}
		}
		r.sendUpdate(w, q, name, file)
	}
}

// find returns where a file of the current feed lies, or one of the feed before; "" when no feed names it.
func (s *shelf) find(name string) string {
	for _, one := range s.shown() {
		if one.names[name] {
			return filepath.Join(one.folder, filepath.FromSlash(name))
		}
	}
	return ""
}

// sendUpdate sends one file, or the range of it that is asked for (RFC 9110 section 14).
func (r *Relay) sendUpdate(w http.ResponseWriter, q *http.Request, name, file string) {
	f, err := os.Open(file)
	if err != nil { // it went with the feed before last while somebody asked
		http.NotFound(w, q)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if strings.HasSuffix(name, ".json") && !strings.Contains(name, "/") {
		h.Set("Content-Type", "application/json")
	}
	// All names but one hold a version or a hash and never mean anything else.
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	tag := path.Base(name)
	if name == "timestamp.json" {
		h.Set("Cache-Control", "no-cache")
		tag = strconv.FormatInt(info.ModTime().UnixNano(), 36)
	}
	h.Set("ETag", strconv.Quote(tag))
	h.Set("X-Content-Type-Options", "nosniff")
	out := &counted{streamed: stream(w)}
	http.ServeContent(out, q, "", time.Time{}, f)
	r.metrics.updatesServed.WithLabelValues("served").Inc()
	r.metrics.updatesBytes.Add(float64(out.n))
}

// counted counts what was written.
type counted struct {
	*streamed
	n int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.streamed.Write(b)
	c.n += int64(n)
	return n, err
}

// collectUpdates tells until when the feed may be believed.
func (r *Relay) collectUpdates(ch chan<- prometheus.Metric) {
	if u, err := r.Updates(context.Background()); err == nil {
		ch <- prometheus.MustNewConstMetric(updatesExpireDesc, prometheus.GaugeValue, float64(u.Feed.Expires.Unix()))
	}
}

// adminUpdates serves [UpdatesAdmin].
func (r *Relay) adminUpdates(mux *http.ServeMux) {
	mux.HandleFunc("POST /updates", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.Updates(q.Context()) })
	})
	mux.HandleFunc("POST /updates/import", func(w http.ResponseWriter, q *http.Request) {
		bytes, err := strconv.ParseInt(q.URL.Query().Get("bytes"), 10, 64)
		if err != nil || bytes < 0 {
			http.Error(w, "request cannot be read", http.StatusBadRequest)
			return
		}
		rc := http.NewResponseController(w)
		body := &patientBody{Reader: q.Body, rc: rc}
		u, err := r.ImportUpdates(q.Context(), bytes, body)
		if body.begun { // who is still sending does not hear an answer
			io.Copy(io.Discard, body)
		}
		rc.SetWriteDeadline(time.Now().Add(time.Minute))
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(u)
	})
}

// patientBody lets a long request take its time: each piece gets as long as a whole one has otherwise.
type patientBody struct {
	io.Reader
	rc    *http.ResponseController
	begun bool
}

func (p *patientBody) Read(b []byte) (int, error) {
	p.begun = true
	p.rc.SetReadDeadline(time.Now().Add(time.Minute))
	return p.Reader.Read(b)
}

// toldUpdates are the errors of feeds that mean the same on both sides of the socket.
var toldUpdates = []error{
	ErrNoFeed, ErrNoRoom, ErrImporting, updates.ErrNoAnchor, updates.ErrExpired, updates.ErrRollback, updates.ErrSignature,
	updates.ErrTampered, updates.ErrTooLarge, updates.ErrIncomplete, updates.ErrMalformed,
}

// ImportUpdates implements [UpdatesAdmin].
func (a *remoteAdmin) ImportUpdates(ctx context.Context, bytes int64, from io.Reader) (u UpdatesReport, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://relay/updates/import?bytes="+strconv.FormatInt(bytes, 10), from)
	if err != nil {
		return u, err
	}
	q.Header.Set("Expect", "100-continue") // a feed there is no room for is not sent at all
	way := a.client.Transport.(*http.Transport).Clone()
	way.ExpectContinueTimeout = time.Minute
	patient := http.Client{Transport: way}
	res, err := patient.Do(q)
	if err != nil {
		return u, ErrNoAnswer
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return u, toldUpdate(strings.TrimSpace(string(raw)))
	}
	return u, json.NewDecoder(res.Body).Decode(&u)
}

// Updates implements [UpdatesAdmin].
func (a *remoteAdmin) Updates(ctx context.Context) (u UpdatesReport, err error) {
	if err = a.call(ctx, "updates", struct{}{}, &u); err != nil && !errors.Is(err, ErrNoAnswer) {
		err = toldUpdate(err.Error())
	}
	return u, err
}

// toldUpdate is the error a text of an import stands for, with all it says.
func toldUpdate(text string) error {
	for _, e := range toldUpdates {
		if before, after, ok := strings.Cut(text, e.Error()); ok {
			return fmt.Errorf("%s%w%s", before, e, after)
		}
	}
	return toldError(text)
}
