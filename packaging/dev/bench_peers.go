package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sealdesk/packaging/dev/figure"
)

const (
	peerRounds  = 5
	peerWriters = "100"
	peerSeconds = "1.5"
	quickSync   = 0.2 // ms for one fdatasync: a disk that is no faster hides what an engine does between two
)

// peerResult is the line that the program in packaging/bench prints.
type peerResult struct {
	PerSecond float64 `json:"rows_per_second"`
	Sync      float64 `json:"fdatasync_ms"`
}

// againstPeers compares our log with stores that are too heavy to be our dependencies. They live in a module of their own,
// so ours runs in a process of its own too, by turns with them. When that module cannot be built, most likely because its
// dependencies cannot be downloaded, the rest of the suite is none the worse: it says so and goes on.
func (d *dev) againstPeers(ctx context.Context, log *os.File, b benchmark, raw string) error {
	peers, ours := d.build("bin", "bench-peers"+exeSuffix()), d.build("bin", "bench-log"+exeSuffix())
	if err := (call{dir: filepath.Join(d.root, "packaging", "bench"), env: []string{"CGO_ENABLED=0"}, log: d.tee(log)}).run(ctx, "go", "build", "-o", peers, "."); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.out.say("%s is left out: packaging/bench cannot be built: %v", b.id, err)
		return nil
	}
	if err := (call{dir: d.root, env: []string{"CGO_ENABLED=0"}, log: d.tee(log)}).run(ctx, "go", "test", "-c", "-o", ours, b.pkg); err != nil {
		return err
	}
	files, err := os.MkdirTemp(d.build("bench"), "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(files)
	rates := map[string][]float64{}
	var syncs []float64
	for range peerRounds {
		rate, err := d.ourAppends(ctx, log, b, ours, files)
		if err != nil {
			return err
		}
		rates["ours"] = append(rates["ours"], rate)
		for _, name := range []string{"jetstream", "sqlite"} {
			out, err := call{dir: files, log: d.tee(log)}.output(ctx, peers, "-peer", name, "-writers", peerWriters, "-seconds", peerSeconds, "-folder", files)
			if err != nil {
				return err
			}
			var r peerResult
			if err := json.Unmarshal([]byte(out), &r); err != nil || r.PerSecond <= 0 {
				return fmt.Errorf("%s: no figure in %q", name, strings.TrimSpace(out))
			}
			rates[name], syncs = append(rates[name], r.PerSecond), append(syncs, r.Sync)
		}
	}
	for _, f := range peerFigures(rates, figure.Median(syncs)) {
		if err := figure.AppendTo(raw, f); err != nil {
			return err
		}
	}
	return nil
}

// peerFigures compares what was measured with targets that depend on the disk: where one sync takes long, every engine
// waits for it and they come closer.
func peerFigures(rates map[string][]float64, sync float64) []figure.Figure {
	targets := map[string]string{"jetstream": "≥10", "sqlite": "≥1.0"}
	if sync > quickSync {
		targets = map[string]string{"jetstream": "≥3", "sqlite": "≥0.6"}
	}
	var all []figure.Figure
	for _, p := range []struct{ name, says string }{{"jetstream", "NATS JetStream, SyncAlways"}, {"sqlite", "SQLite WAL, synchronous=FULL"}} {
		f := figure.Compare(rates["ours"], rates[p.name])
		f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B2", peerWriters+" writers against "+strings.Fields(p.says)[0], p.says, "rows/s", targets[p.name], figure.Higher
		f.Note = fmt.Sprintf("one fdatasync took %.2f ms; up to %.1f ms the targets are ≥10 and ≥1.0, above ≥3 and ≥0.6", sync, quickSync)
		all = append(all, f)
	}
	return all
}

// ourAppends is one run of our own benchmark, which compares with the bare disk and knows our rate.
func (d *dev) ourAppends(ctx context.Context, log *os.File, b benchmark, program, files string) (float64, error) {
	out := filepath.Join(files, "ours.jsonl")
	defer os.Remove(out)
	err := call{dir: files, env: []string{figure.Out + "=" + out, "TMPDIR=" + files}, log: d.tee(log)}.run(ctx, program,
		"-test.run", "^$", "-test.bench", b.regexp, "-test.benchtime", "1x", "-test.timeout", "5m")
	if err != nil {
		return 0, err
	}
	got, err := readFigures(out)
	if err == nil && len(got) != 1 {
		err = fmt.Errorf("%s wrote %d figures, want one", b.regexp, len(got))
	}
	if err != nil {
		return 0, err
	}
	return got[0].Ours, nil
}
