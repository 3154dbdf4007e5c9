package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/packaging/dev/figure"
	"sealdesk/store/seal"
)

const (
	benchRow    = 500 // bytes of an event
	benchRounds = 5
	benchRound  = 600 * time.Millisecond
)

// BenchmarkAppend is B2: durable appends a second to one shard, each a gap-free number and a sealed row in an update of
// its own, against a bare file to which the same sealed bytes are appended, synced once for all writers that wait. It also
// prints what one fsync costs here, because bbolt needs two for a commit.
func BenchmarkAppend(b *testing.B) {
	for _, width := range []int{1, 10, 100, 1000} {
		name := fmt.Sprintf("%d writers", width)
		b.Run(name, func(b *testing.B) {
			var ours, peer, syncs []float64
			for range benchRounds {
				ours = append(ours, appendOurs(b, width))
				rate, took := appendRaw(b, width)
				peer, syncs = append(peer, rate), append(syncs, took)
			}
			f := figure.Compare(ours, peer)
			f.ID, f.Case, f.Peer, f.Unit = "B2", name, "raw file + fdatasync", "rows/s"
			f.Target, f.Better = "≥0.40", figure.Higher
			f.Note = fmt.Sprintf("one raw fdatasync %.2f ms", figure.Median(syncs)*1000)
			report(b, f)
			b.ReportMetric(figure.Median(syncs)*1e6, "µs/fdatasync")
		})
	}
}

func report(b *testing.B, f figure.Figure) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(f.Ours, "ours-"+f.Unit)
	b.ReportMetric(f.PeerValue, "peer-"+f.Unit)
	b.ReportMetric(f.Ratio, "ratio")
	b.ReportMetric(f.Spread, "spread")
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

// crowd runs f from many goroutines for one round and returns calls a second.
func crowd(width int, f func()) float64 {
	runtime.GC()
	var n atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range width {
		all.Go(func() {
			for time.Since(start) < benchRound {
				f()
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

func appendOurs(b *testing.B, width int) float64 {
	db, err := Open(filepath.Join(b.TempDir(), "relay.db"), Config{Key: seal.RandomKey()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	value := make([]byte, benchRow)
	ctx := context.Background()
	return crowd(width, func() {
		err := db.Update(ctx, "number", func(tx Tx) error {
			n, err := tx.Sequence("log")
			if err != nil {
				return err
			}
			return tx.Put("log", binary.BigEndian.AppendUint64(nil, n), value)
		})
		if err != nil {
			b.Error(err)
		}
	})
}

// appendRaw is the limit: rows are copied into one buffer, which one goroutine writes and syncs for all who wait.
func appendRaw(b *testing.B, width int) (rate, perSync float64) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	value := make([]byte, benchRow)
	sealer, err := seal.New(seal.RandomKey(), seal.Scope{Store: []byte("raw")})
	if err != nil {
		b.Fatal(err)
	}
	bucket, key := sealer.Bucket("log"), []byte("number 1")
	type row struct {
		sealed []byte
		done   chan struct{}
	}
	queue := make(chan *row, 4096)
	ended := make(chan struct{})
	var syncs int
	var syncing time.Duration
	go func() {
		defer close(ended)
		var waiting []*row
		var buf []byte
		for w := range queue {
			waiting, buf = append(waiting[:0], w), append(buf[:0], w.sealed...)
		drain:
			for len(waiting) < maxBatch {
				select {
				case w, ok := <-queue:
					if !ok {
						break drain
					}
					waiting, buf = append(waiting, w), append(buf, w.sealed...)
				default:
					break drain
				}
			}
			if _, err := f.Write(buf); err != nil {
				b.Error(err)
			}
			start := time.Now()
			if err := fdatasync(f); err != nil {
				b.Error(err)
			}
			syncing += time.Since(start)
			syncs++
			for _, w := range waiting {
				w.done <- struct{}{}
			}
		}
	}()
	rows := sync.Pool{New: func() any { return &row{done: make(chan struct{}, 1)} }}
	rate = crowd(width, func() {
		w := rows.Get().(*row)
		w.sealed = bucket.Seal(w.sealed[:0], key, value)
		queue <- w
		<-w.done
		rows.Put(w)
	})
	close(queue)
	<-ended
	return rate, syncing.Seconds() / float64(max(syncs, 1))
}

// BenchmarkScan is reading a log of 100,000 rows, sealed and plain, through View, against bbolt's bare cursor.
func BenchmarkScan(b *testing.B) {
	const rows = 100_000
	for _, plain := range []bool{false, true} {
		name := "sealed"
		conf := Config{Key: seal.RandomKey()}
		if plain {
			name, conf = "plain", Config{Plain: true}
		}
		db, err := Open(filepath.Join(b.TempDir(), "relay.db"), conf)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		ctx, value := context.Background(), make([]byte, benchRow)
		for range rows / 1000 {
			err := db.Update(ctx, "number", func(tx Tx) error {
				for range 1000 {
					n, err := tx.Sequence("log")
					if err != nil {
						return err
					}
					if err := tx.Put("log", binary.BigEndian.AppendUint64(nil, n), value); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				err := db.View(ctx, "number", func(tx Tx) error {
					for range tx.Scan("log", nil, nil) {
						n++
					}
					return nil
				})
				if err != nil || n != rows {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
		if plain {
			b.Run("bare cursor", func(b *testing.B) {
				for b.Loop() {
					tx, err := db.db.Begin(false)
					if err != nil {
						b.Fatal(err)
					}
					c := tx.Bucket(fullName("number", "log")).Cursor()
					for k, _ := c.First(); k != nil; k, _ = c.Next() {
					}
					tx.Rollback()
				}
				b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}
