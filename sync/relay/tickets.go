package relay

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

const (
	maxTickets       = 4096 // not yet used
	ticketsPerDevice = 64
	transfersAtOnce  = 64 // files on their way, in both directions
	transfersEach    = 8  // of one device

	transferPiece = 64 << 10
	transferStall = time.Minute // for one piece: the slowest connection that counts makes a kilobyte a second
)

// A ticket is the right of one device to fetch or to hand over one file once.
type ticket struct {
	device  inbox.DeviceID
	inbox   inbox.InboxID
	media   inbox.MediaID
	contact inbox.ContactID
	size    int64
	upload  bool
	offset  int64
	until   time.Time
}

// tickets are those that were given and not used, and the transfers under way. They live in memory: a relay that starts
// again knows none, and devices ask for others. What stands in a path is never kept, only its hash.
type tickets struct {
	now  func() time.Time
	life context.Context
	stop context.CancelFunc
	wait sync.WaitGroup

	mu   sync.Mutex
	open map[[sha256.Size]byte]ticket
	uses map[*use]struct{}
}

// A use is a transfer under way.
type use struct {
	device inbox.DeviceID
	stop   context.CancelFunc
}

func newTickets(life context.Context, now func() time.Time) *tickets {
	life, stop := context.WithCancel(life)
	return &tickets{now: now, life: life, stop: stop, open: map[[sha256.Size]byte]ticket{}, uses: map[*use]struct{}{}}
}

// issue makes a ticket and returns its path. It reports false while there are too many.
func (t *tickets) issue(k ticket) (path string, ok bool) {
	secret := make([]byte, 32)
	rand.Read(secret)
	name := base64.RawURLEncoding.EncodeToString(secret)
	t.mu.Lock()
	defer t.mu.Unlock()
	now, own := t.now(), 0
	for hash, other := range t.open {
		if !now.Before(other.until) {
			delete(t.open, hash)
		} else if other.device == k.device {
			own++
		}
	}
	if own >= ticketsPerDevice || len(t.open) >= maxTickets {
		return "", false
	}
	k.until = now.Add(wire.TicketLife)
	t.open[sha256.Sum256([]byte(name))] = k
	return wire.MediaPath + name, true
}

var (
	errTicket  = errors.New("no such ticket")
	errCrowded = errors.New("too many files on their way")
)

// take uses a ticket up. The context it returns ends when the transfer must; done must be called. Errors: errTicket;
// errCrowded, which leaves the ticket as it was.
func (t *tickets) take(ctx context.Context, name string, upload bool) (k ticket, _ context.Context, done func(), err error) {
	hash := sha256.Sum256([]byte(name))
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.open[hash]
	if !ok || k.upload != upload || !t.now().Before(k.until) {
		return k, nil, nil, errTicket
	}
	own := 0
	for u := range t.uses {
		if u.device == k.device {
			own++
		}
	}
	if own >= transfersEach || len(t.uses) >= transfersAtOnce || t.life.Err() != nil {
		return k, nil, nil, errCrowded
	}
	delete(t.open, hash)
	ctx, stop := context.WithCancel(ctx)
	forget := context.AfterFunc(t.life, stop)
	u := &use{device: k.device, stop: stop}
	t.uses[u] = struct{}{}
	t.wait.Add(1)
	return k, ctx, func() {
		forget()
		stop()
		t.mu.Lock()
		delete(t.uses, u)
		t.mu.Unlock()
		t.wait.Done()
	}, nil
}

// revoke makes a device's tickets worthless and ends its transfers.
func (t *tickets) revoke(id inbox.DeviceID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for hash, k := range t.open {
		if k.device == id {
			delete(t.open, hash)
		}
	}
	for u := range t.uses {
		if u.device == id {
			u.stop()
		}
	}
}

// closeAll ends every transfer, admits no more, and returns when what came was written down.
func (t *tickets) closeAll() {
	t.mu.Lock()
	t.stop()
	t.mu.Unlock()
	t.wait.Wait()
}

// admit takes the ticket a request carries. It has answered when it reports false.
func (r *Relay) admit(w http.ResponseWriter, q *http.Request, upload bool) (k ticket, ctx context.Context, done func(), ok bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	k, ctx, done, err := r.tickets.take(q.Context(), q.PathValue("ticket"), upload)
	if errors.Is(err, errCrowded) {
		h.Set("Retry-After", "2")
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return k, nil, nil, false
	}
	if err == nil {
		ok, err = r.stillIn(ctx, k.device)
		if !ok {
			done()
		}
	}
	switch {
	case ok:
		return k, ctx, done, true
	case err == nil, errors.Is(err, errTicket):
		http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
	default:
		r.log.Error("device cannot be looked up", "error", err)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
	return k, nil, nil, false
}

// getMedia serves a file, opened piece by piece. Time is counted for each piece: a large file over bad Wi-Fi may take as
// long as it takes.
func (r *Relay) getMedia(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodGet { // a look at the headers would cost the ticket
		w.Header().Set("Allow", "GET, PUT")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	k, ctx, done, ok := r.admit(w, q, false)
	if !ok {
		return
	}
	defer done()
	file, err := r.openMedia(ctx, k.contact, k.media)
	if err != nil {
		r.log.Error("file cannot be served", "media", string(k.media), "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	h := w.Header()
	from, partial := rangeFrom(q.Header.Get("Range"))
	if partial && from >= file.size {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", file.size))
		http.Error(w, http.StatusText(http.StatusRequestedRangeNotSatisfiable), http.StatusRequestedRangeNotSatisfiable)
		return
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(file.size-from, 10))
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, file.size-1, file.size))
	}
	rc := http.NewResponseController(w)
	defer context.AfterFunc(ctx, func() { rc.SetWriteDeadline(time.Unix(1, 0)) })()
	w.WriteHeader(status)
	piece := make([]byte, transferPiece)
	for at := from; at < file.size; {
		n, err := file.ReadAt(piece, at)
		if err != nil && !errors.Is(err, io.EOF) {
			if ctx.Err() == nil {
				r.log.Error("file cannot be served", "media", string(k.media), "error", err)
			}
			return // the device sees that it is too short
		}
		rc.SetWriteDeadline(time.Now().Add(transferStall))
		if ctx.Err() != nil {
			return
		}
		n, err = w.Write(piece[:n])
		at += int64(n)
		r.metrics.mediaBytes.Add(float64(n))
		if err != nil {
			return
		}
	}
}

// rangeFrom reads "bytes=N-", the one form of range that is served. All others are as good as none (RFC 9110, section
// 14.2).
func rangeFrom(s string) (from int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes=")
	if !ok {
		return 0, false
	}
	s, ok = strings.CutSuffix(s, "-")
	if !ok || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	from, err := strconv.ParseInt(s, 10, 64)
	return from, err == nil
}
