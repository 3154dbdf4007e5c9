package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// WebhookPath is where Meta delivers.
const WebhookPath = "/webhooks/whatsapp"

const (
	// maxRawInFlight is how many bytes of webhooks may be on their way to the disk at once, and maxCalls how many of them;
	// more get a 503, and Meta comes again. Every byte is in memory a few times: as it came, as it is understood, and as
	// it is sealed.
	maxRawInFlight = 24 << 20
	maxCalls       = 2048
	// firstRead holds nearly every webhook.
	firstRead = 16 << 10
	// strayDays is how long a stray is kept: Meta delivers again for up to seven days.
	strayDays = 8
)

// Webhooks is the HTTP surface for Meta, behind a reverse proxy that holds the public certificate.
func (r *Relay) Webhooks() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+WebhookPath, r.handshake)
	mux.HandleFunc("POST "+WebhookPath, r.delivery)
	if r.cfg.SignIn.OIDC.Issuer != "" {
		mux.Handle("POST "+LogoutPath, r.logout())
	}
	mux.HandleFunc("GET /healthz", r.health)
	r.signInPages(mux)
	return mux
}

func (r *Relay) handshake(w http.ResponseWriter, q *http.Request) {
	challenge, err := whatsapp.Challenge(q.URL.Query(), r.cfg.Secrets.VerifyToken)
	if err != nil {
		r.log.Warn("webhook handshake refused")
		http.Error(w, "refused", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, challenge)
}

// delivery answers 200 only when everything in the body that is news is durable. Any other answer makes Meta come again.
func (r *Relay) delivery(w http.ResponseWriter, q *http.Request) {
	start := time.Now()
	status := r.take(w, q)
	r.metrics.webhook(status, time.Since(start))
	if status == http.StatusOK {
		w.WriteHeader(status)
		return
	}
	http.Error(w, http.StatusText(status), status)
}

func (r *Relay) take(w http.ResponseWriter, q *http.Request) int {
	if q.ContentLength > whatsapp.MaxBody {
		return http.StatusRequestEntityTooLarge
	}
	defer r.raw.open.Add(-1)
	if r.raw.open.Add(1) > maxCalls {
		return http.StatusServiceUnavailable
	}
	body, err := r.raw.read(http.MaxBytesReader(w, q.Body, whatsapp.MaxBody), q.ContentLength)
	defer r.raw.done(len(body))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable
	case err != nil:
		return http.StatusBadRequest
	}
	header := q.Header.Get(whatsapp.SignatureHeader)
	if whatsapp.VerifySignature(body, header, r.cfg.Secrets.AppSecret, r.cfg.Secrets.PreviousAppSecret) != nil {
		r.log.Warn("webhook signature refused", "bytes", len(body))
		return http.StatusUnauthorized
	}
	if err := r.ingest(q.Context(), body); errors.Is(err, whatsapp.ErrMalformed) {
		r.log.Warn("webhook cannot be read", "bytes", len(body))
		return http.StatusBadRequest
	} else if err != nil {
		r.log.Error("webhook cannot be kept", "bytes", len(body), "error", err)
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

var errBusy = errors.New("too much on its way to the disk")

// rawBudget bounds the bytes of webhooks in memory.
type rawBudget struct {
	used  atomic.Int64
	calls atomic.Int64 // webhooks that wait for the disk
	open  atomic.Int64 // webhooks that were begun
}

// crowded reports whether more webhooks wait than come in one commit on a quiet day.
func (b *rawBudget) crowded() bool { return b.calls.Load() > 8 }

func (b *rawBudget) read(body io.Reader, length int64) ([]byte, error) {
	if b.used.Load() > maxRawInFlight {
		return nil, errBusy
	}
	// What a caller announces costs nothing to announce: memory follows what really arrives.
	buf := make([]byte, 0, min(max(length, 512), firstRead)+1) // one more, to meet the end
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		b.used.Add(int64(n))
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
		if len(buf) == cap(buf) {
			if b.used.Load() > maxRawInFlight {
				return buf, errBusy
			}
			more := cap(buf)
			if rest := int(length) + 1 - cap(buf); 0 < rest && rest < more {
				more = rest
			}
			buf = slices.Grow(buf, more)
		}
	}
}

func (b *rawBudget) done(n int) { b.used.Add(-int64(n)) }

const (
	bucketRaw   = "raw"   // number -> rawRow, until it has been turned into facts
	bucketStray = "stray" // of the company's shard, by day: what belongs to no inbox of ours
)

// rawShard is where an inbox's deliveries wait. It is not the shard of the inbox's log, so that taking webhooks in never
// waits for turning them into facts.
func rawShard(id inbox.InboxID) string { return rawShards + string(id) }

const rawShards = "raw/"

// rawRow is a delivery on its way through an inbox. Meta repeats deliveries, whole and in parts; that is seen to when
// they become facts, where every fact can be written twice without harm.
type rawRow struct {
	At   inbox.Moment `cbor:"1,keyasint"`
	Body []byte       `cbor:"2,keyasint"`
}

// ingest keeps a verified webhook. When it returns nil, all of it is durable.
func (r *Relay) ingest(ctx context.Context, body []byte) error {
	d, err := whatsapp.Decode(body)
	if err != nil {
		return err
	}
	r.raw.calls.Add(1)
	defer r.raw.calls.Add(-1)
	at := r.now()
	taken := map[inbox.InboxID]bool{}
	stray := false
	for _, c := range d.Changes {
		concerned := r.concerned(&c)
		stray = stray || len(concerned) == 0 && !refused(&c)
		for _, id := range concerned {
			if taken[id] {
				continue
			}
			taken[id] = true
			if err := r.keep(ctx, id, at, body, d); err != nil {
				return err
			}
		}
	}
	if stray {
		r.metrics.strays.Inc()
		return r.keepStray(ctx, at, body)
	}
	return nil
}

// keep writes the delivery for one inbox.
func (r *Relay) keep(ctx context.Context, id inbox.InboxID, at time.Time, body []byte, d whatsapp.Delivery) error {
	row := rawRow{At: inbox.At(at), Body: body}
	value, err := cbor.Marshal(row)
	if err != nil {
		return err
	}
	var n uint64
	err = r.db.Update(ctx, rawShard(id), func(tx ledger.Tx) (err error) {
		if n, err = tx.Sequence(bucketRaw); err != nil {
			return err
		}
		return tx.Put(bucketRaw, binary.BigEndian.AppendUint64(nil, n), value)
	})
	if err == nil {
		r.intakes[id].remember(n, row, d)
		r.pipes[id].Received(r.messagesTo(id, d))
	}
	return err
}

// messagesTo counts the messages of a delivery that are for an inbox.
func (r *Relay) messagesTo(id inbox.InboxID, d whatsapp.Delivery) (n int) {
	for _, c := range d.Changes {
		if r.inboxes[c.PhoneNumberID] == id {
			n += len(c.Messages)
		}
	}
	return n
}

// keepStray keeps what belongs to no inbox for as long as Meta would repeat it, so that adding a forgotten number to the
// configuration in time is possible, and drops older days.
func (r *Relay) keepStray(ctx context.Context, at time.Time, body []byte) error {
	const prefix = bucketStray + "/"
	today := prefix + at.UTC().Format(time.DateOnly)
	oldest := prefix + at.UTC().AddDate(0, 0, -strayDays).Format(time.DateOnly)
	hash := r.vault.Hash("stray", string(body))
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		days, err := tx.Buckets(prefix)
		if err != nil {
			return err
		}
		for _, day := range days {
			if day < oldest {
				if err := tx.Drop(day); err != nil {
					return err
				}
			}
		}
		return tx.Put(today, hash[:], body)
	})
}
