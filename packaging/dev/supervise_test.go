//go:build unix

package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSupervisorReportsADeathWithTheTailOfItsLog(t *testing.T) {

	s, err := newSupervisor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	p, err := s.start(launch{name: "mayfly", path: "sh", args: []string{"-c", "echo one; echo two >&2; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	err = p.ready(t.Context(), time.Minute, func(context.Context) bool { return false })
	var pr *problem
	if !errors.As(err, &pr) || !errors.Is(err, errDied) {
		t.Fatalf("err %v, want a death", err)
	}
	if !strings.Contains(pr.tail, "one") || !strings.Contains(pr.tail, "two") || !strings.Contains(pr.Error(), "exit status 3") {
		t.Errorf("the report hides the reason: %q, tail %q", pr.Error(), pr.tail)
	}
	if err := s.watch(t.Context()); !errors.Is(err, errDied) {
		t.Errorf("watch: %v, want a death", err)
	}
}

func TestSupervisorWaitsForHealth(t *testing.T) {

	s, err := newSupervisor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	p, err := s.start(launch{name: "server", path: "sh", args: []string{"-c", "exec cat"}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 10)
	for _, code := range []int{503, 503, 200} {
		status <- code
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(<-status) })}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	if err := p.ready(t.Context(), time.Minute, answers("http://"+l.Addr().String()+"/healthz")); err != nil {
		t.Fatal(err)
	}
	if len(status) != 0 {
		t.Error("ready before the server said 200")
	}
	err = p.ready(t.Context(), 200*time.Millisecond, func(context.Context) bool { return false })
	if !errors.Is(err, errTooLong) {
		t.Errorf("err %v, want a limit", err)
	}
}

func TestSupervisorEndsWholeGroupsInReverseOrder(t *testing.T) {

	dir := t.TempDir()
	s, err := newSupervisor(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	order := filepath.Join(dir, "order")
	for _, name := range []string{"first", "second"} {
		// The shell starts a grandchild that ignores the polite signal; it must not outlive the verb.
		script := `trap 'echo ` + name + ` >>"$0"; exit 0' TERM; sh -c 'trap "" TERM; echo $$; while :; do sleep 0.05; done' & wait`
		line := newFirstLine()
		p, err := s.start(launch{name: name, path: "sh", args: []string{"-c", script, order}, out: line})
		if err != nil {
			t.Fatal(err)
		}
		grandchild, err := line.await(t.Context(), p, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(grandchild))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			err := until(t.Context(), 10*time.Second, 20*time.Millisecond, func() (bool, error) { return gone(pid), nil })
			if err != nil {
				t.Errorf("a grandchild of %s is alive: %v", name, err)
			}
		}()
	}
	s.close()
	got, err := os.ReadFile(order)
	if err != nil || string(got) != "second\nfirst\n" {
		t.Errorf("order %q, %v", got, err)
	}
	select {
	case p := <-s.died:
		t.Errorf("%s was asked to end and counts as dead", p.name)
	default:
	}
}

func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ") // ended, not yet collected by its new parent
}

func TestSupervisorInsistsWhenAChildDoesNotListen(t *testing.T) {

	s, err := newSupervisor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	line := newFirstLine()
	p, err := s.start(launch{name: "deaf", path: "sh", args: []string{"-c", `trap "" TERM; echo up; while :; do sleep 0.05; done`}, out: line})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := line.await(t.Context(), p, time.Minute); err != nil {
		t.Fatal(err)
	}
	p.stop(100 * time.Millisecond)
	p.stop(time.Minute) // twice is harmless
	select {
	case <-p.done:
	default:
		t.Error("still running")
	}
}

func TestSupervisorKeepsLogsApartAndTogether(t *testing.T) {

	dir := t.TempDir()
	s, err := newSupervisor(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		p, err := s.start(launch{name: name, path: "sh", args: []string{"-c", "printf 'hello\nhalf'"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.wait(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
	own, _ := os.ReadFile(filepath.Join(dir, "a.log"))
	all, _ := os.ReadFile(filepath.Join(dir, "all.log"))
	if string(own) != "hello\nhalf" || string(all) != "a | hello\na | half\nb | hello\nb | half\n" {
		t.Errorf("own %q, all %q", own, all)
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"HOME=/x", "DISPLAY=:0", "PATH=/bin"}, []string{"-DISPLAY", "HOME=/y", "A=1", "A=2"})
	if want := "PATH=/bin HOME=/y A=2"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := environment([]string{"DISPLAY=:0"}, []string{"-DISPLAY", "DISPLAY=:7"}); len(got) != 1 || got[0] != "DISPLAY=:7" {
		t.Errorf("a removed variable cannot be set again: %q", got)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := call{}.run(ctx, "sh", "-c", "sleep 60 & wait")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}
