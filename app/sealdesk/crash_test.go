package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// canary is what must never be in a crash file, in whatever form it is in memory.
const canary = "Katharina Weber +49 1515 5501234"

// crashers are the ways in which a program ends by itself. They run in a process of their own.
var crashers = map[string]func(h *house){
	"a panic with a text":   func(*house) { elsewhere(func() { panic(canary) }) },
	"a panic with an error": func(*house) { elsewhere(func() { panic(errors.New("sending to " + canary)) }) },
	"a panic with lines like a trace": func(*house) {
		elsewhere(func() {
			panic("x\n\ngoroutine 1 [running]:\nmain." + strings.Fields(canary)[0] + "()\n\t/" + canary + ".go:1 +0x1")
		})
	},
	"a panic with a struct":      func(*house) { elsewhere(func() { panic(struct{ Name string }{canary}) }) },
	"arguments that are numbers": func(*house) { elsewhere(func() { inner(4915155501234, canary) }) },
	"a nil pointer":              func(*house) { elsewhere(func() { var p *house; p.args = []string{canary}; _ = p.dir }) },
	"the main goroutine":         func(h *house) { defer h.guardCrash(); inner(4915155501234, canary) },
	"the window": func(h *house) {
		defer h.guardCrash()
		runApp(window(func() { inner(4915155501234, canary) }))
	},
	"the main goroutine's own error": func(h *house) { defer h.guardCrash(); list := []string{canary}; _ = list[len(canary)] },
}

func elsewhere(f func()) {
	go f()
	select {}
}

//go:noinline
func inner(n int, name string) {
	if n > 0 {
		panic(name)
	}
}

const crashEnv = "SEALDESK_TEST_CRASH"

// A test binary that is told to crash does so before anything else.
func init() {
	how := os.Getenv(crashEnv)
	if how == "" {
		return
	}
	h, err := newHouse(os.Getenv(crashEnv + "_DIR"))
	if err != nil || watchCrashes(h.dir) != nil {
		os.Exit(3)
	}
	crashers[how](h)
	os.Exit(0)
}

func TestACrashLeavesWhereItWasAndNothingOfAnybody(t *testing.T) {
	for how := range crashers {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), crashEnv+"="+how, crashEnv+"_DIR="+dir)
			var ended *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &ended) || ended.ExitCode() != 2 {
				t.Fatalf("ended with %v", err)
			}
			crash, err := takeCrash(dir)
			if err != nil || crash == nil {
				t.Fatalf("%v, %v", crash, err)
			}
			b, err := os.ReadFile(crash.Path)
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			for _, bad := range append(strings.Fields(canary), canary, "4915155501234", "0x478", "0xc0") {
				if strings.Contains(text, bad) {
					t.Errorf("%q is in the file:\n%s", bad, text)
				}
			}
			for _, want := range []string{"crash_test.go:", "sealdesk/app/sealdesk.", "panic: ", "\ngoroutine [running", "Sealdesk "} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing:\n%s", want, text)
				}
			}
			if info, err := os.Stat(crash.Path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			if raw, err := os.ReadFile(filepath.Join(dir, crashRaw)); err == nil && len(raw) > 0 {
				t.Error("the raw file is still there")
			}
			if err := crash.Forget(); err != nil {
				t.Error(err)
			}
			if again, _ := takeCrash(dir); again != nil {
				t.Error("a crash is told twice")
			}
		})
	}
}

func TestARunThatEndsAsItShouldLeavesNoCrash(t *testing.T) {
	dir := t.TempDir()
	if err := watchCrashes(dir); err != nil {
		t.Fatal(err)
	}
	if crash, err := takeCrash(dir); crash != nil || err != nil {
		t.Errorf("%v, %v", crash, err)
	}
}

func TestATraceWithoutATraceIsEmpty(t *testing.T) {
	for _, raw := range []string{"", canary, "panic: " + canary, "\t" + canary + ".go:12", "goroutine 1 [" + canary + "]:", "main." + canary + "()"} {
		dir := t.TempDir()
		if err := writeCrash(dir, raw, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, crashFile))
		if strings.Contains(string(b), "Weber") {
			t.Errorf("%q", b)
		}
	}
}
