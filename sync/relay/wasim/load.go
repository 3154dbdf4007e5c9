package wasim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Load is a burst of inbound messages from people made up for it.
type Load struct {
	// Conversations is how many people write, up to 60,000; Messages how many each of them sends.
	Conversations, Messages int
	// Parallel is how many connections deliver; 0 is 8. Messages of one person keep their order.
	Parallel int
	// PerSecond paces the deliveries; 0 is as fast as they are answered.
	PerSecond float64
	// Batch is how many messages of a person one delivery carries; 0 is one.
	Batch int
}

// TenThousand is the load profile of a large company on a bad morning: 10,000 conversations, three messages each, at 500
// deliveries a second.
func TenThousand() Load { return Load{Conversations: 10_000, Messages: 3, PerSecond: 500} }

// LoadResult is what came of it.
type LoadResult struct {
	// Delivered counts messages answered 200, Repeated the deliveries that had to be posted again.
	Delivered, Repeated int
	// Wamids are those of all messages, in no order.
	Wamids []string
	// Latencies are of the answers that were 200, one per delivery.
	Latencies []time.Duration
	Elapsed   time.Duration
}

// Burst posts a load beside the ordinary queue, in real time, and returns when all of it was answered 200 or ctx ends. The
// faults do not apply, but a delivery that is not answered 200 is posted again.
func (s *Sim) Burst(ctx context.Context, load Load) (LoadResult, error) {
	if load.Conversations < 1 || load.Conversations > 60_000 || load.Messages < 1 {
		return LoadResult{}, errors.New("wasim: a load needs 1 to 60,000 conversations and a message")
	}
	if load.Parallel <= 0 {
		load.Parallel = 8
	}
	load.Batch = max(load.Batch, 1)
	queues := make([][][]byte, load.Parallel)
	items := make([][]int, load.Parallel)
	var res LoadResult
	s.mu.Lock()
	n := s.numbers[s.cfg.Numbers[0].ID]
	for c := range load.Conversations {
		p, err := s.crowd(c)
		if err != nil {
			s.mu.Unlock()
			return LoadResult{}, err
		}
		lane := c % load.Parallel
		for m := 0; m < load.Messages; m += load.Batch {
			var pieces []piece
			for k := m; k < min(m+load.Batch, load.Messages); k++ {
				id := wamid(s.ids, p.Number, true)
				s.record("wamid", id)
				res.Wamids = append(res.Wamids, id)
				s.messages[id] = &message{
					Message: Message{ID: id, Number: n.ID, At: s.clock.Now(), Type: "text", Persona: p.Key},
					person:  p, number: n, inbound: true,
				}
				pieces = append(pieces, piece{
					number: n, field: "messages", list: "messages", contact: s.profile(p, n, true),
					item: object{
						"from": p.Number, "from_user_id": p.UserID, "id": id, "timestamp": s.stamp(s.clock.Now()), "type": "text",
						"text": object{"body": chatter(s.ids, k)},
					},
				})
			}
			n.thread(p).lastInbound = s.clock.Now()
			queues[lane] = append(queues[lane], escape(mustJSON(s.envelope(pieces))))
			items[lane] = append(items[lane], len(pieces))
		}
	}
	s.mu.Unlock()

	var wg sync.WaitGroup
	var delivered, repeated atomic.Int64
	latencies := make([][]time.Duration, load.Parallel)
	start := time.Now()
	for lane := range load.Parallel {
		wg.Go(func() {
			for i, body := range queues[lane] {
				if load.PerSecond > 0 {
					// Lanes take turns, so that together they keep the pace.
					at := start.Add(time.Duration(float64(i*load.Parallel+lane) / load.PerSecond * float64(time.Second)))
					if !pause(ctx, time.Until(at)) {
						return
					}
				}
				for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
					began := time.Now()
					if s.post(ctx, body, "good") == http.StatusOK {
						latencies[lane] = append(latencies[lane], time.Since(began))
						delivered.Add(int64(items[lane][i]))
						break
					}
					repeated.Add(1)
					if !pause(ctx, wait) {
						return
					}
				}
			}
		})
	}
	wg.Wait()
	res.Elapsed = time.Since(start)
	res.Delivered, res.Repeated = int(delivered.Load()), int(repeated.Load())
	for _, l := range latencies {
		res.Latencies = append(res.Latencies, l...)
	}
	if err := ctx.Err(); err != nil {
		return res, fmt.Errorf("delivering a load: %w", err)
	}
	return res, nil
}

// pause waits in real time; false means that ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// crowd returns the c-th made-up person. The numbers +1 NXX 555 0100 to 0199 are kept for fiction in every area. The
// caller holds mu.
func (s *Sim) crowd(c int) (*person, error) {
	key := fmt.Sprintf("crowd-%05d", c)
	if p := s.people[key]; p != nil {
		return p, nil
	}
	first := [...]string{"Anna", "Ben", "Carla", "David", "Elena", "Felix", "Greta", "Hugo", "Irma", "Jonas", "Klara", "Luca"}
	number := fmt.Sprintf("1%03d55501%02d", 201+c/100, c%100)
	if s.byAddress[number] != nil { // a persona has it: the same in an area no crowd reaches
		number = fmt.Sprintf("1%03d55501%02d", 801+c/100%199, c%100)
	}
	p := Persona{
		Key: key, Name: fmt.Sprintf("%s %c.", first[c%len(first)], 'A'+rune(c%26)), Country: "US", Language: "en",
		Number: number,
	}
	if err := s.addPersona(p); err != nil {
		return nil, err
	}
	return s.people[key], nil
}

// chatter is a sentence of ordinary length.
func chatter(rng *rand.Rand, k int) string {
	lines := [...]string{
		"Hello, is the offer from last week still valid?",
		"Guten Tag, wann können Sie liefern? Wir brauchen die Ware bis Ende des Monats.",
		"Buongiorno, potrei avere un preventivo per la cucina?",
		"Thanks! And how long is the warranty on the compressor?",
		"Passt, dann bis Dienstag um zehn 😊",
		"Va bene, aspetto la conferma. Grazie mille!",
	}
	return fmt.Sprintf("%s (%d/%04d)", lines[rng.IntN(len(lines))], k+1, rng.IntN(10_000))
}
