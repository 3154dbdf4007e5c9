package wasim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Faults is what goes wrong with webhooks. Probabilities are from 0 to 1 and drawn once per delivery; its zero value is a
// perfect world.
type Faults struct {
	// Duplicate is how likely a delivery that was answered 200 is posted again, Copies times (0 is once).
	Duplicate float64
	Copies    int
	// Reorder is how likely a delivery steps aside until one to three later ones have left.
	Reorder float64
	// Delay makes deliveries late by up to this long.
	Delay time.Duration
	// DropResponse is how likely an answer is lost on its way to Meta, who then delivers again.
	DropResponse float64
	// BadSignature and NoSignature are how likely the first attempt is signed wrongly or not at all. The refused delivery
	// comes again, signed well.
	BadSignature, NoSignature float64
	// OldSecret is how likely a delivery is signed with [Config.OldSecret], as in the hour of a rotation.
	OldSecret float64
	// Strange is how likely a delivery brings along what nobody has documented yet: members, a field, a type of message.
	Strange float64
	// PadTo makes deliveries at least this many bytes long; Meta's own go up to 3 MB.
	PadTo int
	// ReadFirst and FailedFirst are how likely a message is reported read before delivered, and failed before delivered.
	ReadFirst, FailedFirst float64
	// Milliseconds is how likely an item's timestamp is in milliseconds.
	Milliseconds float64
	// Batch is how many items one delivery may carry, up to 1,000; 0 is one. Deliveries then wait up to Linger for company.
	Batch  int
	Linger time.Duration
	// Graph is how likely each fault of the Graph API is, per message sent.
	Graph map[GraphFault]float64
}

// SetFaults changes what goes wrong from now on.
func (s *Sim) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// NextDelivery scripts the next deliveries: each takes one of fs, in order, in place of the general faults. Probabilities
// of 1 make a fault certain.
func (s *Sim) NextDelivery(fs ...Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripted = append(s.scripted, fs...)
}

// Delivery is the record of one attempt to post a webhook. It holds no identifier.
type Delivery struct {
	// N counts deliveries from 1; attempts and copies of the same delivery share it.
	N, Attempt int
	Copy       bool
	At         time.Time
	Items      int
	Bytes      int
	// Sum is the SHA-256 of the body in hex.
	Sum string
	// Signature is good, old, bad or none.
	Signature string
	// Status is the answer's, 0 when there was none.
	Status int
	// Lost is set when the answer was dropped on the way.
	Lost bool
}

// Deliveries returns every attempt so far.
func (s *Sim) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.deliveries...)
}

// Lost returns how many items were given up after seven days.
func (s *Sim) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// piece is one message, status or other item on its way into a webhook.
type piece struct {
	number  *line
	field   string
	list    string // messages, statuses, message_echoes ... ; "" when value is whole
	item    any
	contact map[string]any // nil when the item comes without
	value   map[string]any // for whole values
}

// delivery is one webhook body and what is to happen to it.
type delivery struct {
	n, items, attempt int
	body              []byte
	born              time.Time
	copies            int
	copied            bool
	drop              bool
	signature         string        // of the first attempt
	keep              time.Duration // how long it is tried
}

type heldDelivery struct {
	d     *delivery
	after int
}

// retryFor is how long Meta tries; for a number with No Storage it has the contents an hour at most.
const (
	retryFor      = 7 * 24 * time.Hour
	retryUnstored = time.Hour
)

// backoff is how long Meta waits before attempt n+1.
func backoff(n int) time.Duration {
	steps := []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour,
	}
	return steps[min(n-1, len(steps)-1)]
}

// emit queues an item. The caller holds mu.
func (s *Sim) emit(p piece) {
	if !s.subscribed {
		return
	}
	s.pending = append(s.pending, p)
	if s.flushing {
		return
	}
	s.flushing = true
	var linger time.Duration
	if s.faults.Batch > 1 {
		linger = s.faults.Linger
	}
	s.schedule(linger, true, s.flush)
}

// flush packs pending items into deliveries and lets them go.
func (s *Sim) flush(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		if len(s.pending) == 0 {
			s.flushing = false
			s.mu.Unlock()
			return
		}
		f := s.faults
		if len(s.scripted) > 0 {
			f, s.scripted = s.scripted[0], s.scripted[1:]
		}
		n := min(max(f.Batch, 1), 1000, len(s.pending))
		batch := append([]piece(nil), s.pending[:n]...)
		s.pending = s.pending[n:]
		d := &delivery{n: s.nextDelivery(), items: n, born: s.clock.Now(), signature: "good", keep: retryFor}
		for _, p := range batch {
			if p.number != nil && p.number.noStorage {
				d.keep = retryUnstored
			}
		}
		d.body = escape(mustJSON(s.strange(s.envelope(batch), f)))
		if s.quirk(f.OldSecret) && s.cfg.OldSecret != "" {
			d.signature = "old"
		}
		// Every draw is made whether it is needed or not, so that one more fault does not change all later luck.
		draw := [...]float64{s.luck.Float64(), s.luck.Float64(), s.luck.Float64(), s.luck.Float64(), s.luck.Float64()}
		late, aside := s.luck.Float64(), 1+s.luck.IntN(3)
		if draw[0] < f.Duplicate {
			d.copies = max(f.Copies, 1)
		}
		d.drop = draw[1] < f.DropResponse
		if draw[2] < f.BadSignature {
			d.signature = "bad"
		} else if draw[3] < f.NoSignature {
			d.signature = "none"
		}
		switch {
		case f.Delay > 0:
			s.schedule(time.Duration(late*float64(f.Delay)), true, func(ctx context.Context) { s.deliver(ctx, d) })
			s.mu.Unlock()
		case draw[4] < f.Reorder:
			h := heldDelivery{d: d, after: aside}
			s.waiting = append(s.waiting, h)
			// Nobody may come after it, so it also goes by itself.
			s.schedule(500*time.Millisecond, true, func(ctx context.Context) { s.release(ctx, d) })
			s.mu.Unlock()
		default:
			s.mu.Unlock()
			s.deliver(ctx, d)
			s.overtaken(ctx)
		}
	}
	s.mu.Lock() // ctx ended in the middle: the rest waits for the next run
	s.flushing = false
	if len(s.pending) > 0 {
		s.flushing = true
		s.schedule(0, true, s.flush)
	}
	s.mu.Unlock()
}

func (s *Sim) nextDelivery() int {
	s.made++
	return s.made
}

// overtaken lets deliveries go that enough others have passed.
func (s *Sim) overtaken(ctx context.Context) {
	s.mu.Lock()
	var ready []*delivery
	kept := s.waiting[:0]
	for _, h := range s.waiting {
		if h.after--; h.after <= 0 {
			ready = append(ready, h.d)
			continue
		}
		kept = append(kept, h)
	}
	s.waiting = kept
	s.mu.Unlock()
	for _, d := range ready {
		s.deliver(ctx, d)
	}
}

// release lets one delivery go if it still stands aside.
func (s *Sim) release(ctx context.Context, d *delivery) {
	s.mu.Lock()
	for i, h := range s.waiting {
		if h.d == d {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.mu.Unlock()
			s.deliver(ctx, d)
			return
		}
	}
	s.mu.Unlock()
}

// deliver posts d once and plans what follows.
func (s *Sim) deliver(ctx context.Context, d *delivery) {
	d.attempt++
	signature := "good"
	if d.attempt == 1 && !d.copied {
		signature = d.signature
	}
	status := s.post(ctx, d.body, signature)
	lost := d.drop && d.attempt == 1 && status == http.StatusOK

	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256(d.body)
	s.deliveries = append(s.deliveries, Delivery{
		N: d.n, Attempt: d.attempt, Copy: d.copied, At: s.clock.Now(), Items: d.items, Bytes: len(d.body),
		Sum: hex.EncodeToString(sum[:]), Signature: signature, Status: status, Lost: lost,
	})
	s.log.Debug("webhook delivered", "delivery", d.n, "attempt", d.attempt, "items", d.items, "status", status)
	if status == http.StatusOK && !lost {
		for range d.copies {
			again := &delivery{n: d.n, items: d.items, body: d.body, born: d.born, copied: true, keep: d.keep}
			s.schedule(0, true, func(ctx context.Context) { s.deliver(ctx, again) })
		}
		d.copies = 0
		return
	}
	if d.copied {
		return
	}
	wait := backoff(d.attempt)
	if s.clock.Now().Add(wait).Sub(d.born) > d.keep {
		s.lost += d.items
		return
	}
	s.schedule(wait, true, func(ctx context.Context) { s.deliver(ctx, d) })
}

// post sends a body and returns the answer's status, 0 for none.
func (s *Sim) post(ctx context.Context, body []byte, signature string) int {
	s.mu.Lock()
	target := s.webhook
	if s.override != "" {
		target = s.override
	}
	s.mu.Unlock()
	if target == "" {
		return 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "facebookexternalua")
	switch signature {
	case "good":
		req.Header.Set("X-Hub-Signature-256", sign(s.cfg.AppSecret, body))
	case "old":
		req.Header.Set("X-Hub-Signature-256", sign(s.cfg.OldSecret, body))
	case "bad":
		req.Header.Set("X-Hub-Signature-256", sign(s.cfg.AppSecret+"?", body))
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	_ = res.Body.Close()
	return res.StatusCode
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

var errRefused = errors.New("wasim: webhook refused the handshake")

// Handshake proves the webhook as Meta's console does: it must echo a challenge. A webhook that answers otherwise is an
// error for good; one that cannot be reached may be tried again.
func (s *Sim) Handshake(ctx context.Context) error {
	s.mu.Lock()
	target := s.webhook
	s.mu.Unlock()
	return s.handshake(ctx, target, s.cfg.VerifyToken)
}

func (s *Sim) handshake(ctx context.Context, target, token string) error {
	s.mu.Lock()
	challenge := strconv.Itoa(1_000_000_000 + s.ids.IntN(1_000_000_000))
	s.mu.Unlock()
	u, err := url.Parse(target)
	if err != nil || target == "" {
		return fmt.Errorf("%w: no webhook set", errRefused)
	}
	q := u.Query()
	q.Set("hub.mode", "subscribe")
	q.Set("hub.verify_token", token)
	q.Set("hub.challenge", challenge)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("%w: no webhook set", errRefused)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return errors.New("wasim: webhook cannot be reached")
	}
	defer func() { _ = res.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 1024))
	switch {
	case res.StatusCode >= 500:
		return errors.New("wasim: webhook is not ready")
	case res.StatusCode != http.StatusOK || string(answer) != challenge:
		return fmt.Errorf("%w: status %d", errRefused, res.StatusCode)
	}
	return nil
}

// envelope packs items as Meta does: neighbours of one number and kind may share a value, values share an entry or not.
func (s *Sim) envelope(items []piece) map[string]any {
	now := s.clock.Now().Unix()
	var entries []map[string]any
	var changes []any
	for i := 0; i < len(items); {
		p := items[i]
		j := i + 1
		if p.list != "" {
			for j < len(items) && items[j].number == p.number && items[j].field == p.field && items[j].list == p.list &&
				s.luck.IntN(2) == 0 {
				j++
			}
		}
		changes = append(changes, map[string]any{"field": p.field, "value": valueOf(items[i:j])})
		if i = j; i < len(items) && s.luck.IntN(2) == 0 {
			entries = append(entries, map[string]any{"id": s.cfg.Account, "time": now, "changes": changes})
			changes = nil
		}
	}
	entries = append(entries, map[string]any{"id": s.cfg.Account, "time": now, "changes": changes})
	return map[string]any{"object": "whatsapp_business_account", "entry": entries}
}

func valueOf(items []piece) map[string]any {
	p := items[0]
	value := map[string]any{}
	for k, v := range p.value {
		value[k] = v
	}
	if p.number != nil {
		value["messaging_product"] = "whatsapp"
		value["metadata"] = map[string]any{"display_phone_number": p.number.Display, "phone_number_id": p.number.ID}
	}
	if p.list == "" {
		return value
	}
	var list, contacts []any
	seen := map[any]bool{}
	for _, p := range items {
		list = append(list, p.item)
		key := [2]any{p.contact["user_id"], p.contact["wa_id"]}
		if p.contact != nil && !seen[key] {
			seen[key] = true
			contacts = append(contacts, p.contact)
		}
	}
	value[p.list] = list
	if len(contacts) > 0 {
		value["contacts"] = contacts
	}
	return value
}

// strange adds to a webhook what the faults ask for and Meta has done before: members, a field and a type nobody knows, and
// sheer length.
func (s *Sim) strange(envelope map[string]any, f Faults) map[string]any {
	if s.quirk(f.Strange) {
		entries := envelope["entry"].([]map[string]any)
		for _, e := range entries {
			e["uid_next"] = object{"depth": []any{1, nil, true, "x"}}
			for _, c := range e["changes"].([]any) {
				c.(map[string]any)["value"].(map[string]any)["standby_hint"] = nil
			}
		}
		envelope["entry"] = append(entries, map[string]any{
			"id": s.cfg.Account, "time": s.clock.Now().Unix(), "changes": []any{map[string]any{
				"field": "holograms", "value": object{"event": "PROJECTED", "count": 1e21},
			}},
		})
	}
	if f.PadTo > 0 {
		if missing := f.PadTo - len(escape(mustJSON(envelope))); missing > 0 {
			envelope["padding"] = strings.Repeat("x", missing)
		}
	}
	return envelope
}

func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("wasim: value cannot be JSON") // only our own maps and those of Emit, which checks
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// escape respells JSON as Meta signs it: everything beyond ASCII as \u escapes in lower case, and \/ for a slash. All such
// bytes stand inside strings, so the text needs no parsing.
func escape(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/4)
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == '/':
			out = append(out, '\\', '/')
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			i += n
			if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
				out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
		}
	}
	return out
}

// stamp is a timestamp as Meta writes it. The caller holds mu.
func (s *Sim) stamp(t time.Time) string {
	if f := s.faults.Milliseconds; f > 0 && s.luck.Float64() < f {
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return strconv.FormatInt(t.Unix(), 10)
}
