package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/figure"
	"sealdesk/store/arena"
)

// BenchmarkSearch is B10 for the arena: a search against the byte search it is made of, over the same bytes; the memory it
// takes against the text in it; and how fast it is filled from the cache, against opening the same chunks alone.
func BenchmarkSearch(b *testing.B) {
	const messages, convs = 100_000, 500
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.1, 4, 20_000)
	vocabulary := make([]string, 20_001)
	for i := range vocabulary {
		for n := 2 + rng.IntN(4); n > 0; n-- {
			vocabulary[i] += []string{"ka", "ro", "mi", "Te", "lü", "so", "nd", "er", "ge", "ba", "ß"}[rng.IntN(11)]
		}
	}
	cfg := config(b)
	s := mustOpen(b, cfg)
	at, size := uint64(0), 0
	var flat []byte
	for at < messages {
		var bodies []inbox.EventBody
		for range 1000 {
			words := make([]string, 12+rng.IntN(13))
			for i := range words {
				words[i] = vocabulary[zipf.Uint64()]
			}
			text := strings.Join(words, " ")
			size += len(text)
			flat = append(append(flat, arena.Fold(text)...), 0)
			bodies = append(bodies, from(inbox.FromContact, fmt.Sprint("c", rng.IntN(convs)), string(inbox.NewIDAt[inbox.MessageID](start)), text))
		}
		batch := stretch(numberA.Log(), at, bodies...)
		at = batch.To
		try(b, s.Apply(ctx, batch))
	}
	filledSearch(b, s)
	queries := map[string]string{"rare": vocabulary[19_000] + vocabulary[18_000], "a word": vocabulary[900], "two letters": "ka"}
	figures := map[string]*rounds{}
	var fill, memory rounds
	for b.Loop() {
		for name, word := range queries {
			needle := arena.Fold(word)
			var ours, peer []float64
			for range 7 {
				began := time.Now()
				r, err := s.Search(ctx, Query{Words: []string{word}})
				try(b, err)
				ours = append(ours, time.Since(began).Seconds())
				began = time.Now()
				n := 0
				for at := 0; ; n++ { // each text that has it once
					i := bytes.Index(flat[at:], needle)
					if i < 0 {
						break
					}
					at += i
					at += bytes.IndexByte(flat[at:], 0)
				}
				peer = append(peer, time.Since(began).Seconds())
				if n != r.Total {
					b.Fatalf("%s: %d found, the peer finds %d", name, r.Total, n)
				}
			}
			if figures[name] == nil {
				figures[name] = &rounds{}
			}
			o, p := figure.Median(ours)*1000, figure.Median(peer)*1000
			figures[name].add(o, p, o/p)
		}
		st := s.search.texts.Stats()
		memory.add(float64(st.Mapped)/1e6, float64(size)/1e6, float64(st.Mapped)/float64(size))
		try(b, s.ClearSearch())
		runtime.GC()
		began := time.Now()
		try(b, s.FillSearch(ctx))
		filledSearch(b, s)
		took := time.Since(began).Seconds()
		began = time.Now()
		opened := 0
		try(b, s.view("test", func(tx *boltTx) error {
			return tx.Bucket(s.ev.name).ForEach(func(k, v []byte) error {
				plain, err := s.ev.open(k, v)
				opened += len(plain)
				return err
			})
		}))
		alone := time.Since(began).Seconds()
		fill.add(messages/took, messages/alone, alone/took)
	}
	names := []string{"rare", "a word", "two letters"}
	for _, name := range slices.Sorted(slices.Values(names)) {
		figures[name].emit(b, figure.Figure{ID: "B10", Case: "100k messages, " + name, Peer: "byte search over the same folded text", Unit: "ms", Target: "≤3", Better: figure.Lower})
	}
	memory.emit(b, figure.Figure{ID: "B10", Case: "100k messages, memory", Peer: "their text", Unit: "MB", Target: "≤2.5", Better: figure.Lower})
	fill.emit(b, figure.Figure{ID: "B10", Case: "fill from the cache", Peer: "the same chunks opened only", Unit: "messages/s", Target: "≥0.1", Better: figure.Higher})
}
