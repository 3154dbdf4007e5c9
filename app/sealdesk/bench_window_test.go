package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sealdesk/packaging/dev/figure"
)

// The budgets of ux.md section 2 that only the real window can tell: what it costs while nothing happens, what a key costs
// in a long text, and what memory it takes when somebody has scrolled for a while. Processor time is the operating system's
// account of the program.

const (
	restSpan   = 10 * time.Second // the search has been filled by then
	idleSpan   = 5 * time.Second
	longDraft  = 4000 // characters
	draftKeys  = 40
	scrollSpan = 30 * time.Second
)

// hands are a person at the window: xdotool.
func (r *running) hands(args ...string) error {
	if out, err := exec.Command("xdotool", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("xdotool %s: %w: %s", args[0], err, out)
	}
	return nil
}

// waits reads on until the program says the milestone.
func (r *running) waits(milestone string) error {
	late := time.AfterFunc(benchPatience, func() { r.cmd.Process.Kill() })
	defer late.Stop()
	for r.lines.Scan() {
		if strings.Contains(r.lines.Text(), milestone) {
			return nil
		}
	}
	return fmt.Errorf("never said %q", milestone)
}

// used is the processor time, in milliseconds, that the program has taken, and of it what its main thread has: that is
// where Fyne handles keys and walks the tree for a frame; the others are the painter of a machine without a graphics card.
func (r *running) used() (all, main float64, err error) {
	pid := r.cmd.Process.Pid
	for _, x := range []struct {
		path string
		into *float64
	}{{fmt.Sprintf("/proc/%d/stat", pid), &all}, {fmt.Sprintf("/proc/%d/task/%d/stat", pid, pid), &main}} {
		raw, err := os.ReadFile(x.path)
		if err != nil {
			return 0, 0, err
		}
		// The name, in brackets, may hold blanks; behind it utime and stime are the 12th and 13th field, in hundredths of a second.
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(fields) < 13 {
			return 0, 0, errors.New("stat has no times")
		}
		for _, f := range fields[11:13] {
			var ticks float64
			if _, err := fmt.Sscan(f, &ticks); err != nil {
				return 0, 0, err
			}
			*x.into += ticks * 10
		}
	}
	return all, main, nil
}

// window is a client at its inbox whose window has the keyboard.
func (p *bench) window(cache string) (*running, error) {
	r, err := p.startClient(cache)
	if err != nil {
		return nil, err
	}
	pid := fmt.Sprint(r.cmd.Process.Pid)
	if err := r.hands("search", "--sync", "--onlyvisible", "--pid", pid, "windowfocus"); err != nil {
		r.end()
		return nil, err
	}
	return r, nil
}

// BenchmarkWindow drives the real window through an idle moment, an open conversation, a long draft and a long scroll.
func BenchmarkWindow(b *testing.B) {
	const cache, rounds = "100k", 3
	p := prepared(b)
	p.filled(b, cache)
	type series struct {
		name, unit, note string
		limit            float64
		values           []float64
	}
	idle := &series{name: "idle at the inbox", unit: "% of a core", limit: 2}
	composing := &series{name: "idle in the composer", unit: "% of a core", limit: 3}
	key := &series{name: "a key in a draft of 4,000 characters", unit: "ms", limit: 30, note: "processor time of the main thread, the frames it makes included"}
	memory := &series{name: "memory after 30 s of scrolling", unit: "MB", limit: 320, note: "resident size, software GL included"}
	for range rounds {
		err := func() error {
			r, err := p.window(cache)
			if err != nil {
				return err
			}
			defer r.end()
			quiet := func(s *series) error {
				time.Sleep(restSpan) // a real process comes to rest
				before, _, err := r.used()
				if err != nil {
					return err
				}
				time.Sleep(idleSpan) // a real process is left alone
				after, _, err := r.used()
				s.values = append(s.values, (after-before)/float64(idleSpan.Milliseconds())*100)
				return err
			}
			if err := quiet(idle); err != nil {
				return err
			}
			if err := errors.Join(r.hands("key", "alt+Down"), r.waits("conversation opened")); err != nil {
				return err
			}
			if err := quiet(composing); err != nil {
				return err
			}
			draft := strings.Repeat("so long a text that nobody reads it ", longDraft/36+1)[:longDraft]
			if err := errors.Join(r.hands("type", "--delay", "0", draft), r.waits("draft kept")); err != nil {
				return err
			}
			time.Sleep(3 * time.Second) // a real process shows what was typed
			_, before, err := r.used()
			if err != nil {
				return err
			}
			if err := r.hands("type", "--delay", "60", strings.Repeat("ab c", draftKeys/4)); err != nil {
				return err
			}
			time.Sleep(time.Second) // a real process draws the last key
			_, after, err := r.used()
			if err != nil {
				return err
			}
			key.values = append(key.values, (after-before)/draftKeys)
			// The next round begins with an empty draft: a full one takes no keys.
			if err := errors.Join(r.hands("key", "ctrl+a", "BackSpace"), r.waits("draft kept")); err != nil {
				return err
			}
			notches := fmt.Sprint(int(scrollSpan.Milliseconds() / 40))
			if err := r.hands("mousemove", "700", "400", "click", "--repeat", notches, "--delay", "40", "4"); err != nil {
				return err
			}
			size, err := r.memory()
			memory.values = append(memory.values, size)
			return err
		}()
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, s := range []*series{idle, composing, key, memory} {
		limits := make([]float64, len(s.values))
		for i := range limits {
			limits[i] = s.limit
		}
		f := figure.Compare(s.values, limits)
		f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better, f.Note = "window", s.name, "budget", s.unit, "≤1.00", figure.Lower, s.note
		emit(b, f)
	}
}
