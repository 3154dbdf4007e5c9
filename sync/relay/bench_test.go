package relay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/packaging/dev/figure"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

const benchNumber = "106540352242922"

// benchRelay is a relay without WhatsApp: nothing is sent in these benchmarks.
func benchRelay(b *testing.B) *Relay {
	b.Helper()
	path, err := Init(filepath.Join(b.TempDir(), "relay"), Answers{
		Trusting: true,
		Public:   "127.0.0.1:8443", API: "http://127.0.0.1:1", Number: "+493023125000", PhoneNumberID: benchNumber,
		AppSecret: "bench-app-secret", VerifyToken: "bench-verify", Token: "bench-token",
	})
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := LoadConfig(path)
	if err != nil {
		b.Fatal(err)
	}
	r, err := Open(context.Background(), cfg, Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Work(ctx)
	}()
	b.Cleanup(func() {
		cancel()
		<-done
		r.Close()
	})
	return r
}

type signed struct {
	body   []byte
	header string
}

// benchWebhooks are webhooks of about a kilobyte, one message each, from 200 customers who keep writing.
func benchWebhooks(n, run int) []signed {
	texts := []string{
		"Guten Tag, ich habe Ihr Angebot für die Wärmepumpe bekommen und hätte noch zwei Fragen zur Montage und zum Liefertermin.",
		"Hello, could you tell me whether the kitchen can be delivered before 24 December? My number is +44 7700 900123, thanks!",
		"Perfetto, allora ci vediamo martedì alle 10:30 in negozio. Il preventivo era di 4.350 €, giusto?",
		"Bitte senden Sie die Rechnung an k.weber@example.org und rufen Sie mich unter 030 23125 117 zurück.",
		"Ok, danke!",
	}
	out := make([]signed, n)
	for i := range out {
		from := fmt.Sprintf("4915155501%03d", i%200)
		body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"493023125000","phone_number_id":%q},"contacts":[{"profile":{"name":"Katharina Weber"},"wa_id":%q,"user_id":"DE.13491208655302741918"}],"messages":[{"from":%q,"from_user_id":"DE.1349120865530%03d","id":"wamid.HBgNNDkxNTE1NTUwMTAwMRUCABIYIDNBNUY%dX%d","timestamp":"%d","text":{"body":%q},"type":"text"}]},"field":"messages"}]}]}`,
			benchNumber, from, from, i%200, run, i, time.Now().Unix(), texts[i%len(texts)])
		mac := hmac.New(sha256.New, []byte("bench-app-secret"))
		mac.Write(body)
		out[i] = signed{body: body, header: "sha256=" + hex.EncodeToString(mac.Sum(nil))}
	}
	return out
}

// awaitFacts waits until the log has grown to n.
func awaitFacts(b *testing.B, r *Relay, n uint64) {
	b.Helper()
	log := r.inboxes[benchNumber].Log()
	poke := make(chan struct{}, 1)
	defer r.logs.Subscribe(log, poke)()
	for {
		head, err := r.logs.Head(context.Background(), log)
		if err != nil {
			b.Fatal(err)
		}
		if head.Seq >= n {
			return
		}
		<-poke
	}
}

func headOf(b *testing.B, r *Relay) uint64 {
	head, err := r.logs.Head(context.Background(), r.inboxes[benchNumber].Log())
	if err != nil {
		b.Fatal(err)
	}
	return head.Seq
}

// flood calls f for 0 to n-1 from width goroutines and returns calls a second.
func flood(n, width int, f func(i int)) float64 {
	var next atomic.Int64
	var wait sync.WaitGroup
	start := time.Now()
	for range width {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkB1 takes webhooks from bytes to verified, masked, sealed and durable facts, 100 in flight, against committing
// the same bytes, sealed, and nothing else. "Taken in" is how fast WhatsApp gets its answer meanwhile.
func BenchmarkB1(b *testing.B) {
	const n, width, rounds = 8000, 100, 5
	r := benchRelay(b)
	raw, err := ledger.Open(filepath.Join(b.TempDir(), "raw.db"), ledger.Config{Key: seal.RandomKey()})
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	var ours, taken, peer []float64
	for round := range rounds {
		hooks := benchWebhooks(n, round)
		before := headOf(b, r)
		opened := uint64(0)
		if round == 0 {
			opened = 200 // the first message of each customer also opens a conversation
		}
		start := time.Now()
		flood(n, width, func(i int) {
			if whatsapp.VerifySignature(hooks[i].body, hooks[i].header, r.cfg.Secrets.AppSecret) != nil {
				b.Error("signature refused")
			}
			if err := r.ingest(context.Background(), hooks[i].body); err != nil {
				b.Error(err)
			}
		})
		taken = append(taken, n/time.Since(start).Seconds())
		awaitFacts(b, r, before+opened+n)
		ours = append(ours, n/time.Since(start).Seconds())
		peer = append(peer, flood(n, width, func(i int) {
			err := raw.Update(context.Background(), "shard", func(tx ledger.Tx) error {
				seq, err := tx.Sequence("raw")
				if err != nil {
					return err
				}
				return tx.Put("raw", binary.BigEndian.AppendUint64(nil, seq), hooks[i].body)
			})
			if err != nil {
				b.Error(err)
			}
		}))
	}
	f := figure.Compare(ours[1:], peer[1:]) // the first round makes the contacts
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B1", "100 in flight", "group commit of the same sealed bytes", "webhooks/s", "≥0.40", figure.Higher
	report(b, f)
	f = figure.Compare(taken[1:], peer[1:])
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B1", "taken in, 100 in flight", "group commit of the same sealed bytes", "webhooks/s", "≥0.50", figure.Higher
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

func report(b *testing.B, f figure.Figure) {
	b.Helper()
	b.ReportMetric(f.Ours, "ours_"+strings.ReplaceAll(f.Unit, " ", "_"))
	b.ReportMetric(f.Ratio, "ratio")
	b.ReportMetric(0, "ns/op")
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkB1h posts webhooks over HTTP, 100 connections, against a handler that reads the body and answers; and paced
// at 1,000 a second against Meta's bar.
func BenchmarkB1h(b *testing.B) {
	const n, width, rounds = 6000, 100, 3
	r := benchRelay(b)
	serveAt := func(h http.Handler) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		srv := &http.Server{Handler: h}
		go srv.Serve(l)
		b.Cleanup(func() { srv.Close() })
		return "http://" + l.Addr().String() + WebhookPath
	}
	ourURL := serveAt(r.Webhooks())
	nullURL := serveAt(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		w.WriteHeader(200)
	}))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: width, MaxConnsPerHost: width}}
	post := func(url string, s signed) {
		q, _ := http.NewRequest(http.MethodPost, url, newReader(s.body))
		q.Header.Set(whatsapp.SignatureHeader, s.header)
		res, err := client.Do(q)
		if err != nil {
			b.Error(err)
			return
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != 200 {
			b.Errorf("status %d", res.StatusCode)
		}
	}
	var ours, peer []float64
	for round := range rounds + 1 {
		hooks := benchWebhooks(n, 100+round)
		o := flood(n, width, func(i int) { post(ourURL, hooks[i]) })
		drain(b, r)
		p := flood(n, width, func(i int) { post(nullURL, hooks[i]) })
		if round > 0 { // the first round warms up
			ours, peer = append(ours, o), append(peer, p)
		}
	}
	f := figure.Compare(ours, peer)
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B1h", "100 connections", "null net/http handler", "webhooks/s", "≥0.35", figure.Higher
	report(b, f)

	const paced, seconds = 1000, 5
	hooks := benchWebhooks(paced*seconds, 200)
	took := make([]float64, len(hooks))
	var wait sync.WaitGroup
	tick := time.NewTicker(time.Second / 100)
	defer tick.Stop()
	for i := 0; i < len(hooks); i += paced / 100 {
		<-tick.C
		for j := i; j < i+paced/100; j++ {
			wait.Go(func() {
				start := time.Now()
				post(ourURL, hooks[j])
				took[j] = time.Since(start).Seconds() * 1000
			})
		}
	}
	wait.Wait()
	p50, p99 := percentile(took, 0.50), percentile(took, 0.99)
	for _, x := range []struct {
		name       string
		value, bar float64
		target     string
	}{{"paced 1,000/s, p50", p50, 250, "≤0.02"}, {"paced 1,000/s, p99", p99, 1000, "≤0.05"}} {
		if err := figure.Emit(figure.Figure{
			ID: "B1h", Case: x.name, Ours: x.value, Peer: "Meta's bar", PeerValue: x.bar, Unit: "ms", Target: x.target, Better: figure.Lower,
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(p50, "paced_p50_ms")
	b.ReportMetric(p99, "paced_p99_ms")
}

// drain waits until nothing of a flood is left to be turned into facts, so that it does not slow the peer down.
func drain(b *testing.B, r *Relay) {
	b.Helper()
	id := r.inboxes[benchNumber]
	poke := make(chan struct{}, 1)
	defer r.logs.Subscribe(id.Log(), poke)()
	for {
		n, err := r.intakes[id].backlog(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			return
		}
		select {
		case <-poke:
		case <-time.After(50 * time.Millisecond):
		}
	}
}
