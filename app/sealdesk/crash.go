package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"sealdesk/ui"
)

// This file is what a run that ends by itself leaves: where in the program it was, and nothing of what it held. The Go runtime
// writes what it knows into a raw file, with values in it; the next start keeps the names of functions, files and lines of it
// and destroys the rest. A panic of the main goroutine, where the window lives, is caught before that and leaves no raw file.

const (
	crashRaw  = "crash.raw"
	crashFile = "crash.txt"
)

// watchCrashes makes the runtime write into the raw file when it ends the program, whatever goroutine was the cause.
func watchCrashes(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, crashRaw), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("preparing for a crash: %w", err)
	}
	defer f.Close() // the runtime has its own handle
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// guardCrash is deferred by the main goroutine: it keeps what a panic came to, without its value, and ends the program.
func (h *house) guardCrash() {
	v := recover()
	if v == nil {
		return
	}
	reason := fmt.Sprintf("panic: a value of type %T", v)
	if e, ok := v.(runtime.Error); ok {
		reason = "panic: " + constantPart(e.Error())
	}
	writeCrash(h.dir, reason+"\n\n"+string(debug.Stack()), time.Now())
	h.log.Error("ended by a panic")
	os.Exit(2)
}

// takeCrash is what the last run left, nil for nothing. It filters the raw file and destroys it.
func takeCrash(dir string) (*ui.Crash, error) {
	raw := filepath.Join(dir, crashRaw)
	var errs []error
	if b, err := os.ReadFile(raw); err == nil && len(b) > 0 {
		at := time.Now()
		if info, err := os.Stat(raw); err == nil {
			at = info.ModTime()
		}
		errs = append(errs, writeCrash(dir, string(b), at), destroy(raw, len(b)))
	}
	path := filepath.Join(dir, crashFile)
	if _, err := os.Stat(path); err != nil {
		return nil, errors.Join(errs...)
	}
	return &ui.Crash{Path: path, Forget: func() error { return os.Remove(path) }}, errors.Join(errs...)
}

// destroy overwrites a file before it goes: until now it held values.
func destroy(path string, size int) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, size), 0)
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(path))
}

func writeCrash(dir, trace string, at time.Time) error {
	head := fmt.Sprintf("Sealdesk %s\n%s, %s\n%s\n\n", version(), system(), runtime.Version(), at.UTC().Format(time.RFC3339))
	return os.WriteFile(filepath.Join(dir, crashFile), append([]byte(head), filterTrace(trace)...), 0o600)
}

// What a trace of the Go runtime is made of (runtime/panic.go, runtime/traceback.go). Values are printed on lines that begin
// with "panic:" or with a tab; everything that is kept begins differently or is checked to the end.
var (
	traceHead    = regexp.MustCompile(`^(?:runtime )?goroutine \d+(?: gp=0x[0-9a-f]+ m=\S+(?: mp=0x[0-9a-f]+)?)? \[([a-z (),0-9-]+)\]:$`)
	traceFunc    = regexp.MustCompile(`^((?:[\w.\-]+/)*[\w.\-]+\.[\w.()*\[\]·/-]+)\([^()]*\)$`)
	traceCreated = regexp.MustCompile(`^created by ((?:[\w.\-]+/)*[\w.\-]+\.[\w.()*\[\]·/-]+)(?: in goroutine \d+)?$`)
	traceFile    = regexp.MustCompile(`^\t(.*[/\\])?([\w.\-]+\.(?:go|s|c)):(\d+)(?: \+0x[0-9a-f]+)?$`)
	traceSignal  = regexp.MustCompile(`^\[signal (SIG[A-Z]+)`)
	traceFatal   = regexp.MustCompile(`^fatal error: ([a-z ,:'-]+)$`)
)

// maxTrace is how many lines of a trace are kept.
const maxTrace = 400

// filterTrace keeps of a trace what the program is made of: functions, files, lines, and the runtime's own words. No value, no
// argument and no text of anybody is among them.
func filterTrace(trace string) []byte {
	var out bytes.Buffer
	kept := 0
	keep := func(format string, args ...any) {
		if kept++; kept <= maxTrace {
			fmt.Fprintf(&out, format+"\n", args...)
		}
	}
	inside, named := false, false // of a goroutine's stack; the line before named a function
	for line := range strings.SplitSeq(strings.ReplaceAll(trace, "\r\n", "\n"), "\n") {
		switch {
		case traceHead.MatchString(line):
			inside = true
			keep("\ngoroutine [%s]", traceHead.FindStringSubmatch(line)[1])
		case line == "":
		case !inside && strings.HasPrefix(line, "panic: "):
			keep("%s", panicWords(line))
		case !inside && traceFatal.MatchString(line):
			keep("%s", line)
		case !inside && traceSignal.MatchString(line):
			keep("signal %s", traceSignal.FindStringSubmatch(line)[1])
		case inside && traceFunc.MatchString(line):
			named = true
			keep("%s(...)", traceFunc.FindStringSubmatch(line)[1])
			continue
		case inside && traceCreated.MatchString(line):
			named = true
			keep("created by %s", traceCreated.FindStringSubmatch(line)[1])
			continue
		case inside && named && traceFile.MatchString(line):
			m := traceFile.FindStringSubmatch(line)
			keep("\t%s:%s", m[2], m[3])
		}
		named = false
	}
	return out.Bytes()
}

// panicWords is the first line of a panic without its value: the runtime's own errors have constant words, a value of anybody
// else is left out.
func panicWords(line string) string {
	line = strings.TrimPrefix(line, "panic: ")
	if rest, ok := strings.CutPrefix(line, "runtime error: "); ok {
		return "panic: runtime error: " + constantPart(rest)
	}
	if strings.HasPrefix(line, "a value of type ") {
		return "panic: " + constantPart(line)
	}
	return "panic: its value is left out"
}

// runtimeWords are those of the runtime's own errors (runtime/error.go, runtime/panic.go). Anything else in such a message is a
// value or a type of ours.
var runtimeWords = map[string]bool{}

func init() {
	for w := range strings.FieldsSeq("index slice bounds out of range with length capacity invalid memory address or nil pointer dereference integer divide by zero " +
		"overflow negative shift amount hash unhashable type assignment to entry in map makeslice len cap cannot convert array interface conversion is not missing method " +
		"close channel closed send on all goroutines are asleep deadlock comparing uncomparable a value runtime error string int *errors.errorString") {
		runtimeWords[w] = true
	}
}

// constantPart is a message of the runtime with everything left out that could be a value.
func constantPart(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	var out []string
	for w := range strings.FieldsSeq(text) {
		if runtimeWords[strings.Trim(w, ":,;.")] {
			out = append(out, w)
		} else if len(out) == 0 || out[len(out)-1] != "…" {
			out = append(out, "…")
		}
	}
	return strings.Join(out, " ")
}
