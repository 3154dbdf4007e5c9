package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testDev(t *testing.T) (*dev, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	return &dev{root: t.TempDir(), out: newConsole(&out)}, &out
}

func TestFollowShowsAllFailuresInOneRun(t *testing.T) {
	d, out := testDev(t)
	ran := ""
	mark := func(name string, err error) func(context.Context, *os.File) error {
		return func(_ context.Context, log *os.File) error {
			ran += name
			fmt.Fprintf(log, "log of %s\n", name)
			return err
		}
	}
	err := d.follow(t.Context(), "test", []step{
		{name: "a", does: "first", run: mark("a", nil)},
		{name: "b", does: "second", run: mark("b", errors.New("b broke"))},
		{name: "c", does: "third", run: mark("c", skipped{"no such thing here"})},
		{name: "d", does: "fourth", must: true, run: mark("d", errors.New("d broke"))},
		{name: "e", does: "fifth", run: mark("e", nil)},
	})
	var p *problem
	if !errors.As(err, &p) || !strings.Contains(p.happened, "2 of 5 steps failed (b, d)") {
		t.Fatalf("err %v", err)
	}
	if ran != "abcd" {
		t.Errorf("ran %q: a step that needs d must not run, the others must", ran)
	}
	for _, want := range []string{"[2/5] b: second  FAILED", "| log of b", "no such thing here", "needs d", "skipped", "not run"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	if log, _ := os.ReadFile(filepath.Join(d.root, "build", "log", "test-a.log")); string(log) != "log of a\n" {
		t.Errorf("log %q", log)
	}
}

func TestFollowStopsQuietlyWhenAsked(t *testing.T) {
	d, _ := testDev(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := d.follow(ctx, "test", []step{
		{name: "a", does: "x", run: func(context.Context, *os.File) error { cancel(); return ctx.Err() }},
		{name: "b", does: "x", run: func(context.Context, *os.File) error { t.Error("ran after the stop"); return nil }},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err %v", err)
	}
}

func TestChooseKnowsItsSteps(t *testing.T) {
	plan := []step{{name: "a"}, {name: "b"}, {name: "c"}}
	some, err := choose(plan, "c,a")
	if err != nil || len(some) != 2 || some[0].name != "a" || some[1].name != "c" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := choose(plan, "a,typo"); err == nil {
		t.Error("an unknown step passed")
	}
}

func TestReportSaysWhatIsSafeAndWhatToDo(t *testing.T) {
	var out bytes.Buffer
	report(newConsole(&out), fmt.Errorf("outer: %w", &problem{happened: "it broke", do: "mend it.", tail: "last line"}))
	for _, want := range []string{"    | last line", "What happened: it broke.", "What is safe:  nothing in the checkout outside build/", "What to do:    mend it."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

func TestInvokeStatus(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, "go run ./packaging/dev demo"},
		{"help", 0, "go run ./packaging/dev shots"},
		{"tset", 2, `no verb "tset"`},
		{"test --list", 0, "govulncheck"},
		{"test --only nothing", 1, "no step is called nothing"},
		{"lint --frob", 1, "not understood"},
		{"bench --help", 0, "-rounds"},
	} {
		var out bytes.Buffer
		if code := invoke(t.Context(), strings.Fields(c.args), &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: status %d, want %d with %q:\n%s", c.args, code, c.code, c.says, out.String())
		}
	}
}

func TestTable(t *testing.T) {
	got := table([][]string{{"name", "n", "note"}, {"ä", "1", "plain"}, {"longer", "1,000", ""}})
	want := "name        n  note\n" +
		"--------------------\n" +
		"ä           1  plain\n" +
		"longer  1,000\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTailOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if tailOf(path, 3) != "" {
		t.Error("a log that is not there has a tail")
	}
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tailOf(path, 2); got != "line 49998\nline 49999" {
		t.Errorf("%q", got)
	}
}

func TestVulnDB(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "index"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index", "db.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, folder, env string
		online            bool
		want              string
		skip              bool
	}{
		{"the flag wins", dir, "https://elsewhere.example", true, "file://" + filepath.ToSlash(dir), false},
		{"the variable may be a folder", "", dir, false, "file://" + filepath.ToSlash(dir), false},
		{"the variable may be an address", "", "https://mirror.example", false, "https://mirror.example", false},
		{"else Go's own", "", "", true, vulnDBOnline, false},
		{"offline and without a copy, it says so", "", "", false, "", true},
		{"a folder that is no database is an error, never a silent skip", t.TempDir(), "", true, "", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := vulnDB(t.Context(), c.folder, c.env, func(context.Context, string) bool { return c.online })
			var s skipped
			if got != c.want || errors.As(err, &s) != c.skip || (err == nil) != (c.want != "") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestRanAll(t *testing.T) {
	for _, c := range []struct {
		rule, output string
		ok           bool
	}{
		{"passed", "=== RUN   TestKeyringX\n--- PASS: TestKeyringX (0.00s)\n    --- PASS: TestKeyringX/a (0.00s)\nPASS\n", true},
		{"one skipped", "--- PASS: TestKeyringX (0.00s)\n--- SKIP: TestKeyringY (0.00s)\nPASS\n", false},
		{"none there", "testing: warning: no tests to run\nPASS\nok sealdesk/store\n", false},
	} {
		if err := ranAll(c.output); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}
