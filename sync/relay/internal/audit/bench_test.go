package audit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/packaging/dev/figure"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

// bare is Record as it would be without a tree: a number and a row.
func bare(tx ledger.Tx, e Entry) error {
	n, err := tx.Sequence(sequence)
	if err != nil {
		return err
	}
	e.Number = n
	row, err := cbor.Marshal(e)
	if err != nil {
		return err
	}
	return tx.Put(bucket, keyOf(n), row)
}

const (
	benchRounds = 5
	benchRound  = 500 * time.Millisecond
	benchAct    = 500 // bytes of what the act itself writes
)

// acts is how many acts a second that many writers get through, each an update of its own with a row of its own.
func acts(b *testing.B, width int, record func(ledger.Tx, Entry) error) float64 {
	db := openFile(b, ledger.Config{Key: seal.RandomKey()})
	body := make([]byte, benchAct)
	var n atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range width {
		all.Go(func() {
			for time.Since(start) < benchRound {
				i := uint64(n.Add(1))
				err := db.Update(context.Background(), "number", func(tx ledger.Tx) error {
					if err := tx.Put("log", keyOf(i), body); err != nil {
						return err
					}
					return record(tx, entryOf(i))
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// BenchmarkAct is an audited act with the tree and without it, beside each other, with the disk's part in both.
func BenchmarkAct(b *testing.B) {
	for _, width := range []int{1, 10, 100} {
		name := fmt.Sprintf("%d writers", width)
		b.Run(name, func(b *testing.B) {
			var ours, peer []float64
			for range benchRounds {
				ours, peer = append(ours, acts(b, width, Record)), append(peer, acts(b, width, bare))
			}
			f := figure.Compare(ours, peer)
			f.ID, f.Case, f.Peer, f.Unit = "audit", name, "the same entry without a tree", "acts/s"
			f.Better = figure.Higher
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(f.Ours, "ours-acts/s")
			b.ReportMetric(f.PeerValue, "peer-acts/s")
			b.ReportMetric(f.Ratio, "ratio")
			if err := figure.Emit(f); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRecord is the processor's part alone: a thousand entries in one transaction.
func BenchmarkRecord(b *testing.B) {
	for name, record := range map[string]func(ledger.Tx, Entry) error{"tree": Record, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			db := openFile(b, ledger.Config{Key: seal.RandomKey()})
			b.ReportAllocs()
			n := uint64(0)
			for b.Loop() {
				update(b, db, "s", func(tx ledger.Tx) error {
					for range 1000 {
						n++
						if err := record(tx, entryOf(n)); err != nil {
							return err
						}
					}
					return nil
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/entry")
		})
	}
}

// BenchmarkVerify is computing a tree of 100,000 entries again.
func BenchmarkVerify(b *testing.B) {
	db := openFile(b, ledger.Config{Key: seal.RandomKey()})
	k := makeKey(b, db)
	fill(b, db, "s", 1, 100_000)
	sign(b, db, k, testStart)
	for b.Loop() {
		mustBeSound(b, verify(b, db, VerifyOptions{}))
	}
}

// BenchmarkSearch is one page out of 1,000,000 entries.
func BenchmarkSearch(b *testing.B) {
	db := openFile(b, ledger.Config{Key: seal.RandomKey()})
	const n = 1_000_000
	rare := func(tx ledger.Tx) error {
		e := entryOf(1000)
		e.Actor, e.Object, e.Act, e.Detail = "rare", "one-contact", ContactErased, "the needle"
		return Record(tx, e)
	}
	fill(b, db, "s", 1, 1000)
	update(b, db, "s", rare)
	fill(b, db, "s", 1002, n)
	if err := tabulate(context.Background(), db, "s"); err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct {
		name string
		q    Query
		want int
	}{
		{"newest", Query{}, 50},
		{"a busy actor", Query{Actor: "ana"}, 50},
		{"the oldest act of an actor", Query{Actor: "rare"}, 1},
		{"the oldest act on an object", Query{About: []string{"one-contact"}}, 1},
		{"a day long ago", Query{From: testStart, Until: testStart.Add(time.Hour)}, 50},
		{"a word nothing is known of", Query{Text: "needle", Work: n + 1}, 1},
	} {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				page, err := Search(context.Background(), db, x.q)
				if err != nil || len(page.Found) != x.want {
					b.Fatal(len(page.Found), err)
				}
			}
		})
	}
}

// BenchmarkSign is a checkpoint of a shard with news.
func BenchmarkSign(b *testing.B) {
	db := openFile(b, ledger.Config{Key: seal.RandomKey()})
	k := makeKey(b, db)
	fill(b, db, "s", 1, 10_000)
	var took []time.Duration
	for b.Loop() {
		update(b, db, "s", func(tx ledger.Tx) error {
			if err := Record(tx, entryOf(1)); err != nil {
				return err
			}
			start := time.Now()
			_, err := k.Sign(tx, "s", testStart)
			took = append(took, time.Since(start))
			return err
		})
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/checkpoint")
}
