package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/figure"
	"sealdesk/store/seal"
)

// The benchmarks of performance.md section 4 that are the store's: B6 (catching up), B7 (reading), B8 (cache part of a
// cold start). Each iteration is one round: ours and the peer by turns.

const weekEvents = 100_000

// plainEvent is what a simpler client would get for an event: JSON.
type plainEvent struct {
	Seq     uint64 `json:"seq"`
	At      int64  `json:"at"`
	Kind    int    `json:"kind"`
	Conv    string `json:"conversation"`
	Message string `json:"message"`
	Side    int    `json:"side,omitempty"`
	Author  string `json:"author,omitempty"`
	Text    string `json:"text,omitempty"`
	Receipt int    `json:"receipt,omitempty"`
}

// A week is what a device missed, as our chunks of 256 and as JSON frames.
type week struct {
	chunks [][]byte
	frames [][]byte
	convs  int
}

func makeWeek(b *testing.B, events, convs int) week {
	random := rand.New(rand.NewPCG(1, 1))
	words := strings.Fields("the order came today but one of the two parts is missing could you please look what happened thank you very much and best regards from here")
	ids := make([]inbox.ConversationID, convs)
	for i := range ids {
		ids[i] = inbox.NewID[inbox.ConversationID]()
	}
	w := week{convs: convs}
	var chunk []byte
	var last inbox.Message
	for seq := uint64(1); seq <= uint64(events); seq++ {
		at := start.Add(time.Duration(seq) * 6 * time.Second)
		conv := ids[int(float64(convs)*random.Float64()*random.Float64())] // some are busier than others
		var body inbox.EventBody
		p := plainEvent{Seq: seq, At: int64(at), Conv: string(conv)}
		switch k := random.IntN(10); {
		case seq <= uint64(convs):
			conv = ids[seq-1]
			body = inbox.ConversationOpened{Conversation: conv, Inbox: numberA, Contact: inbox.Contact{ID: inbox.NewID[inbox.ContactID](),
				Alias: "K7-MX4Q", Name: inbox.PlainText("Jana K."), Phone: inbox.NewMasked(inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••34"}), Country: "DE"}}
			p.Kind, p.Conv, p.Text = 1, string(conv), "Jana K. +49 ••• ••34"
		case k < 6 || last.ID == "":
			var text []string
			for range 4 + random.IntN(26) {
				text = append(text, words[random.IntN(len(words))])
			}
			m := inbox.Message{ID: inbox.NewID[inbox.MessageID](), Conversation: conv, At: at, Side: inbox.FromContact, Kind: inbox.Text,
				Body: inbox.PlainText(strings.Join(text, " "))}
			if k < 3 {
				m.Side, m.Author, m.Receipt = inbox.FromPerson, me, inbox.Queued
				last = m
			}
			body = inbox.MessageAdded{Message: m}
			p.Kind, p.Message, p.Side, p.Author, p.Text = 3, string(m.ID), int(m.Side), string(m.Author), m.Body.Visible()
		default:
			body = inbox.ReceiptChanged{Conversation: last.Conversation, Message: last.ID, Receipt: inbox.Receipt(4 + k%3)}
			p.Kind, p.Conv, p.Message, p.Receipt = 4, string(last.Conversation), string(last.ID), 4+k%3
		}
		var err error
		if chunk, err = appendEvent(chunk, inbox.Event{Seq: seq, At: at, Body: body}); err != nil {
			b.Fatal(err)
		}
		j, err := json.Marshal(p)
		try(b, err)
		w.frames = append(w.frames, j)
		if seq%256 == 0 || seq == uint64(events) {
			w.chunks, chunk = append(w.chunks, chunk), nil
		}
	}
	return w
}

// batch decodes one chunk of the week in full, as the wire's end does.
func (w week) batch(b *testing.B, n int) inbox.Batch {
	raw, err := splitChunk(nil, w.chunks[n])
	try(b, err)
	out := inbox.Batch{Log: numberA.Log(), Epoch: "e1", From: uint64(n) * 256, To: raw[len(raw)-1].seq, Events: make([]inbox.Event, len(raw))}
	for i, r := range raw {
		e := inbox.Event{Seq: r.seq, At: r.at, Cause: r.cause}
		if r.kind == inbox.KindConversationOpened {
			e.Body, err = body[inbox.ConversationOpened](r.body)
		} else {
			e.Body, err = r.decode()
		}
		try(b, err)
		out.Events[i] = e
	}
	return out
}

// apply does what the engine does: one goroutine decodes, one applies whatever waits, at most 64 batches at once.
func (w week) apply(b *testing.B, cfg Config) *Store {
	s := mustOpen(b, cfg)
	waiting := make(chan inbox.Batch, 64)
	go func() {
		defer close(waiting)
		for i := range w.chunks {
			waiting <- w.batch(b, i)
		}
	}()
	for first := range waiting {
		group := []inbox.Batch{first}
		for more := true; more; {
			select {
			case next, ok := <-waiting:
				if more = ok; ok {
					group = append(group, next)
				}
			default:
				more = false
			}
		}
		try(b, s.Apply(context.Background(), group...))
	}
	return s
}

// perMessage is the peer of B6: a JSON frame per event, a sealed record per message, a synced transaction per 500.
func (w week) perMessage(b *testing.B, path string) {
	sealer, err := seal.New(seal.RandomKey(), seal.Scope{Store: []byte("peer"), Schema: 1})
	try(b, err)
	box := sealer.Bucket("m")
	db, err := bbolt.Open(path, 0o600, nil)
	try(b, err)
	defer db.Close()
	for n := 0; n < len(w.frames); n += 500 {
		try(b, db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("m"))
			if err != nil {
				return err
			}
			for _, frame := range w.frames[n:min(n+500, len(w.frames))] {
				var e plainEvent
				if err := json.Unmarshal(frame, &e); err != nil {
					return err
				}
				name := box.Name([]byte(e.Conv))
				key := append(name[:], be64(e.Seq)...)
				record, err := json.Marshal(e)
				if err != nil {
					return err
				}
				if err := bucket.Put(key, box.Seal(nil, key, record)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// rounds collects ours and the peer of each round.
type rounds struct{ ours, peer, ratio []float64 }

func (r *rounds) add(ours, peer, ratio float64) {
	r.ours, r.peer, r.ratio = append(r.ours, ours), append(r.peer, peer), append(r.ratio, ratio)
}

func (r *rounds) emit(b *testing.B, f figure.Figure) {
	f.Ours, f.PeerValue, f.Ratio = figure.Median(r.ours), figure.Median(r.peer), figure.Median(r.ratio)
	f.Spread = figure.Spread(r.ratio)
	b.ReportMetric(f.Ratio, f.ID+"-ratio")
	b.Logf("%s %s: %.4g %s, %s %.4g, ratio %.3g (target %s)", f.ID, f.Case, f.Ours, f.Unit, f.Peer, f.PeerValue, f.Ratio, f.Target)
	try(b, figure.Emit(f))
}

func seconds(f func()) float64 {
	began := time.Now()
	f()
	return time.Since(began).Seconds()
}

func BenchmarkB6CatchUp(b *testing.B) {
	w := makeWeek(b, weekEvents, 600)
	dir := b.TempDir()
	var against, decode rounds
	n := 0
	for b.Loop() {
		n++
		cfg := Config{Dir: filepath.Join(dir, fmt.Sprint("s", n)), Key: NewCacheKey(), Reader: me}
		var s *Store
		ours := seconds(func() { s = w.apply(b, cfg) })
		try(b, s.Close())
		peer := seconds(func() { w.perMessage(b, filepath.Join(dir, fmt.Sprint("p", n))) })
		bare := seconds(func() {
			for i := range w.chunks {
				w.batch(b, i)
			}
		})
		against.add(weekEvents/ours, weekEvents/peer, peer/ours)
		decode.add(weekEvents/ours, weekEvents/bare, bare/ours)
		os.RemoveAll(cfg.Dir)
		os.Remove(filepath.Join(dir, fmt.Sprint("p", n)))
	}
	against.emit(b, figure.Figure{ID: "B6", Case: "100k events to a sealed cache", Peer: "JSON frame per event, sealed record per message", Unit: "events/s", Target: "≥5", Better: figure.Higher, Note: "the store's part: frames are decoded, no socket"})
	decode.emit(b, figure.Figure{ID: "B6", Case: "100k events, store against none", Peer: "the same blocks decoded only", Unit: "events/s", Target: "≥0.5", Better: figure.Higher})
}

func BenchmarkB7ReadAndDecode(b *testing.B) {
	w := makeWeek(b, weekEvents, 600)
	cfg := config(b)
	s := w.apply(b, cfg)
	clear, err := bbolt.Open(filepath.Join(b.TempDir(), "clear"), 0o600, nil)
	try(b, err)
	defer clear.Close()
	try(b, clear.Update(func(out *bbolt.Tx) error {
		to, err := out.CreateBucket(s.ev.name)
		if err != nil {
			return err
		}
		return s.cache.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(s.ev.name).ForEach(func(k, v []byte) error {
				plain, err := s.ev.open(k, v)
				if err != nil {
					return err
				}
				return to.Put(k, plain)
			})
		})
	}))
	read := func(db *bbolt.DB, open func(k, v []byte) ([]byte, error)) float64 {
		return seconds(func() {
			count := 0
			var events []rawEvent
			try(b, db.View(func(tx *bbolt.Tx) error {
				return tx.Bucket(s.ev.name).ForEach(func(k, v []byte) error {
					plain, err := open(k, v)
					if err != nil {
						return err
					}
					if events, err = splitChunk(events[:0], plain); err != nil {
						return err
					}
					for _, e := range events {
						if _, err := e.decode(); err != nil {
							return err
						}
						count++
					}
					return nil
				})
			}))
			if count < weekEvents*9/10 {
				b.Fatalf("%d events", count)
			}
		})
	}
	var r rounds
	for b.Loop() {
		ours := read(s.cache, s.ev.open)
		peer := read(clear, func(_, v []byte) ([]byte, error) { return v, nil })
		r.add(ours, peer, ours/peer)
	}
	r.emit(b, figure.Figure{ID: "B7", Case: "read and decode 100k", Peer: "same bbolt layout, not encrypted", Unit: "s", Target: "≤1.6", Better: figure.Lower})
}

func BenchmarkB8CachePartOfAColdStart(b *testing.B) {
	for _, rows := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			cfg := config(b)
			try(b, makeWeek(b, 2*rows, rows).apply(b, cfg).Close())
			var first, all rounds
			for b.Loop() {
				var s *Store
				var err error
				ours := seconds(func() {
					if s, err = Open(context.Background(), cfg); err == nil {
						_, err = s.Head(context.Background())
					}
				})
				try(b, err)
				first.add(ours*1000, 2, ours*1000/2)
				rest := seconds(func() {
					list, err := s.Inbox(context.Background())
					try(b, err)
					if len(list) != rows {
						b.Fatalf("%d rows", len(list))
					}
				})
				all.add(rest*1000, 100, rest*1000/100)
				try(b, s.Close())
			}
			first.emit(b, figure.Figure{ID: "B8", Case: fmt.Sprintf("open and head, %d conversations", rows), Peer: "the budget of 2 ms", Unit: "ms", Target: "≤1", Better: figure.Lower})
			all.emit(b, figure.Figure{ID: "B8", Case: fmt.Sprintf("rest of %d rows, in the background", rows), Peer: "the budget of 100 ms", Unit: "ms", Target: "≤1", Better: figure.Lower})
		})
	}
}

func BenchmarkPageOfFifty(b *testing.B) {
	s := makeWeek(b, 20_000, 100).apply(b, config(b))
	rows, err := s.Inbox(context.Background())
	try(b, err)
	for b.Loop() {
		p, err := s.Page(context.Background(), rows[0].ID, PageCursor{}, 50)
		if err != nil || len(p.Messages) != 50 {
			b.Fatalf("%d messages: %v", len(p.Messages), err)
		}
	}
}

func BenchmarkOneMessageArrives(b *testing.B) {
	s := makeWeek(b, 20_000, 10_000).apply(b, config(b))
	rows, err := s.Inbox(context.Background())
	try(b, err)
	at := uint64(20_000)
	for b.Loop() {
		try(b, s.Apply(context.Background(), stretch(numberA.Log(), at, from(inbox.FromContact, string(rows[int(at)%100].ID), fmt.Sprint(at), "hello there"))))
		at++
	}
}
