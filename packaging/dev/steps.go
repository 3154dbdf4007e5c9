package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// step is one row of a verb's plan. Add a check to a verb by adding a row.
type step struct {
	name string // short, stable: it names the log file too
	does string // what a person learns when it passes
	must bool   // the steps after it make no sense without it
	run  func(ctx context.Context, log *os.File) error
}

// skipped says that a step could not be done here, why, and that this is no fault of the code.
type skipped struct{ why string }

func (s skipped) Error() string { return s.why }

// result is what became of a step.
type result struct {
	step  step
	fate  string // ok, FAILED, skipped, not run
	why   string
	tail  string
	spent time.Duration
}

// follow runs the plan in order, prints progress and a summary, and returns a problem when a step failed. A failed step
// does not stop the others, unless they need it: one run shows everything that is wrong.
func (d *dev) follow(ctx context.Context, verb string, plan []step) error {
	logs := d.build("log")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return &problem{happened: "the log folder could not be made", err: err, do: "check that the checkout can be written to."}
	}
	start := time.Now()
	var results []result
	stopped := ""
	for n, s := range plan {
		if stopped != "" {
			results = append(results, result{step: s, fate: "not run", why: "needs " + stopped})
			continue
		}
		r := d.take(ctx, s, fmt.Sprintf("[%d/%d] %s", n+1, len(plan), s.name), filepath.Join(logs, verb+"-"+s.name+".log"))
		if ctx.Err() != nil {
			return context.Canceled
		}
		if r.fate == "FAILED" && s.must {
			stopped = s.name
		}
		results = append(results, r)
	}
	return d.conclude(verb, results, time.Since(start))
}

// take runs one step with its own log file.
func (d *dev) take(ctx context.Context, s step, label, logPath string) result {
	r := result{step: s, fate: "ok"}
	log, err := os.Create(logPath)
	if err != nil {
		r.fate, r.why = "FAILED", err.Error()
		return r
	}
	defer log.Close()
	end := d.out.progress(label + ": " + s.does)
	start := time.Now()
	err = s.run(ctx, log)
	r.spent = time.Since(start)
	var skip skipped
	switch {
	case errors.As(err, &skip):
		r.fate, r.why = "skipped", skip.why
	case err != nil:
		r.fate, r.why = "FAILED", err.Error()
		var p *problem
		if errors.As(err, &p) && p.tail != "" {
			r.tail = p.tail
		} else {
			r.tail = tailOf(logPath, 60)
		}
	}
	end(r.fate)
	return r
}

// conclude prints the summary of a plan.
func (d *dev) conclude(verb string, results []result, spent time.Duration) error {
	rows := [][]string{{"step", "result", "time", "note"}}
	var failed []string
	for _, r := range results {
		note := r.why
		if r.fate == "ok" {
			note = r.step.does
		}
		note, _, _ = strings.Cut(note, "\n")
		rows = append(rows, []string{r.step.name, r.fate, since(r.spent), note})
		if r.fate == "FAILED" {
			failed = append(failed, r.step.name)
		}
	}
	for _, r := range results {
		if r.fate == "FAILED" {
			d.out.say("")
			d.out.say("%s: %s", r.step.name, r.why)
			for line := range strings.Lines(r.tail) {
				d.out.say("    | %s", strings.TrimRight(line, "\n"))
			}
		}
	}
	d.out.say("")
	d.out.say("%s", strings.TrimRight(table(rows), "\n"))
	if len(failed) > 0 {
		return &problem{
			happened: fmt.Sprintf("%s: %d of %d steps failed (%s)", verb, len(failed), len(results), strings.Join(failed, ", ")),
			do:       fmt.Sprintf("read build/log/%s-<step>.log, mend it, and repeat the command; what did not change is cached.", verb),
		}
	}
	d.out.say("")
	d.out.say("%s: all %d steps done in %s. Logs are in build/log.", verb, len(results), since(spent))
	return nil
}

// tailOf returns the last lines of a file, without reading more than 64 KiB of it.
func tailOf(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, 2)
	}
	buf := make([]byte, most)
	n := 0
	for n < len(buf) {
		k, err := f.Read(buf[n:])
		n += k
		if err != nil {
			break
		}
	}
	all := strings.Split(strings.TrimRight(string(buf[:n]), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
