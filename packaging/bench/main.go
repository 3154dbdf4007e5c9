package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const rowSize = 500

// peer is a store that appends rows durably.
type peer interface {
	// writer returns a function that appends one row and returns once it is durable. Each is used by one goroutine.
	writer() (func(row []byte) error, error)
	Close() error
}

type result struct {
	Peer      string  `json:"peer"`
	Writers   int     `json:"writers"`
	PerSecond float64 `json:"rows_per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Sync      float64 `json:"fdatasync_ms"`
}

func main() {
	name := flag.String("peer", "", "jetstream or sqlite")
	writers := flag.Int("writers", 100, "writers that append at once")
	seconds := flag.Float64("seconds", 2, "how long to measure")
	folder := flag.String("folder", "", "where to put the files, on the disk to be measured (default: the temporary folder)")
	flag.Parse()
	r, err := run(*name, *writers, time.Duration(*seconds*float64(time.Second)), *folder)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(name string, writers int, length time.Duration, folder string) (r result, err error) {
	open := map[string]func(string) (peer, error){"jetstream": openJetStream, "sqlite": openSQLite}[name]
	if open == nil {
		return r, errors.New("-peer is jetstream or sqlite")
	}
	if writers < 1 || length <= 0 {
		return r, errors.New("-writers and -seconds are above zero")
	}
	dir, err := os.MkdirTemp(folder, "bench")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	r = result{Peer: name, Writers: writers}
	if r.Sync, err = syncTime(dir); err != nil {
		return r, err
	}
	p, err := open(dir)
	if err != nil {
		return r, fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, p.Close()) }()

	appends := make([]func([]byte) error, writers)
	for i := range appends {
		if appends[i], err = p.writer(); err != nil {
			return r, err
		}
	}
	times := make([][]time.Duration, writers)
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	var all sync.WaitGroup
	start := time.Now()
	for i, put := range appends {
		all.Go(func() {
			row := make([]byte, rowSize)
			for before := time.Now(); before.Sub(start) < length && ctx.Err() == nil; {
				if err := put(row); err != nil {
					stop(err)
					return
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(before))
				before = now
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	every := slices.Concat(times...)
	if len(every) == 0 {
		return r, errors.New("not one row was appended")
	}
	slices.Sort(every)
	r.PerSecond = float64(len(every)) / took.Seconds()
	r.P50 = every[len(every)/2].Seconds() * 1000
	r.P99 = every[len(every)*99/100].Seconds() * 1000
	return r, nil
}

// syncTime returns the median time, in milliseconds, that this disk takes to make one appended page durable.
func syncTime(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	var times []time.Duration
	for range 51 {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		start := time.Now()
		if err := fdatasync(f); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2].Seconds() * 1000, nil
}
