package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// supervisor starts the long-running programs of a verb, watches them, and ends them in reverse order. It is not safe
// for concurrent use; the processes it returns are.
type supervisor struct {
	logs  string // folder: one file per process and all.log with every line prefixed
	all   *os.File
	mu    sync.Mutex // guards all
	procs []*process
	died  chan *process // the first process that ended without being asked to
}

// process is one running child.
type process struct {
	name    string
	logPath string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	done    chan struct{} // closed when it has ended
	err     error         // how, valid after done
	mu      sync.Mutex
	asked   bool
}

// errDied matches every error about a process that ended by itself.
var errDied = errors.New("the process ended by itself")

// death is errDied with the status the process left.
type death struct{ status error }

func (d death) Error() string {
	if d.status == nil {
		return "with status 0"
	}
	return d.status.Error()
}

func (d death) Is(target error) bool { return target == errDied }

func newSupervisor(logs string) (*supervisor, error) {
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	all, err := os.Create(filepath.Join(logs, "all.log"))
	if err != nil {
		return nil, err
	}
	return &supervisor{logs: logs, all: all, died: make(chan *process, 1)}, nil
}

// launch describes a program to start.
type launch struct {
	name string
	path string
	args []string
	dir  string
	env  []string  // changes, as in call
	out  io.Writer // also receives standard output, if set
	eof  bool      // ends by itself, with all it started, when its input ends: must not be killed before that
}

// start starts a program. Its standard input stays open until it is stopped, so that a child which waits for the end of
// its input dies with us even when we are killed.
func (s *supervisor) start(l launch) (*process, error) {
	p := &process{name: l.name, logPath: filepath.Join(s.logs, l.name+".log"), done: make(chan struct{})}
	log, err := os.Create(p.logPath)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(l.path, l.args...)
	cmd.Dir, cmd.Env = l.dir, environment(os.Environ(), l.env)
	ownGroup(cmd)
	if !l.eof {
		dieWithUs(cmd)
	}
	prefixed := &prefixWriter{prefix: l.name + " | ", lock: &s.mu, w: s.all}
	outs := []io.Writer{log, prefixed}
	cmd.Stderr = io.MultiWriter(outs...)
	if l.out != nil {
		outs = append(outs, l.out)
	}
	cmd.Stdout = io.MultiWriter(outs...)
	cmd.WaitDelay = 500 * time.Millisecond // a grandchild may hold the pipes open; it is killed right after
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		log.Close()
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", l.name, err)
	}
	p.cmd = cmd
	s.procs = append(s.procs, p)
	go func() {
		err := cmd.Wait()
		_ = killGroup(cmd) // whatever the leader left behind
		prefixed.flush()
		log.Close()
		p.mu.Lock()
		p.err = err
		asked := p.asked
		p.mu.Unlock()
		close(p.done)
		if !asked {
			select {
			case s.died <- p:
			default:
			}
		}
	}()
	return p, nil
}

// ready waits until ok says yes. It ends early, with the tail of its log, when the process dies meanwhile.
func (p *process) ready(ctx context.Context, limit time.Duration, ok func(context.Context) bool) error {
	err := until(ctx, limit, 50*time.Millisecond, func() (bool, error) {
		select {
		case <-p.done:
			return false, errDied
		default:
			return ok(ctx), nil
		}
	})
	switch {
	case errors.Is(err, errDied):
		return p.obituary()
	case errors.Is(err, errTooLong):
		return &problem{happened: fmt.Sprintf("%s was not ready after %s", p.name, since(limit)), err: err, tail: tailOf(p.logPath, 30), do: "read " + shortPath(p.logPath) + "; on a loaded machine simply repeat."}
	}
	return err
}

// wait waits for the process to end by itself, up to a limit.
func (p *process) wait(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.err
	case <-timer.C:
		return errTooLong
	case <-ctx.Done():
		return ctx.Err()
	}
}

// obituary says how a process ended, with the end of its log.
func (p *process) obituary() error {
	return &problem{
		happened: p.name + " ended by itself",
		err:      death{p.err},
		tail:     tailOf(p.logPath, 30),
		do:       "the lines above are the end of " + shortPath(p.logPath) + ".",
	}
}

// stop asks a process to end, waits, and then insists. Stopping twice is harmless.
func (p *process) stop(patience time.Duration) {
	p.mu.Lock()
	p.asked = true
	p.mu.Unlock()
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.stdin.Close()
	_ = interruptGroup(p.cmd)
	if p.wait(context.Background(), patience) != nil {
		select {
		case <-p.done:
			return
		default:
		}
		_ = killGroup(p.cmd)
		<-p.done
	}
}

// close ends everything, last started first.
func (s *supervisor) close() {
	for i := len(s.procs) - 1; i >= 0; i-- {
		s.procs[i].stop(10 * time.Second)
	}
	s.procs = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Close()
}

// watch waits until ctx ends, which is no error, or a process dies, which is.
func (s *supervisor) watch(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case p := <-s.died:
		return p.obituary()
	}
}

// prefixWriter puts a name before every line of a shared file.
type prefixWriter struct {
	prefix string
	lock   *sync.Mutex
	w      io.Writer
	mu     sync.Mutex
	part   []byte
}

func (p *prefixWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = append(p.part, b...)
	for {
		i := bytes.IndexByte(p.part, '\n')
		if i < 0 {
			return len(b), nil
		}
		p.line(p.part[:i])
		p.part = p.part[i+1:]
	}
}

func (p *prefixWriter) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.part) > 0 {
		p.line(p.part)
		p.part = nil
	}
}

func (p *prefixWriter) line(b []byte) {
	p.lock.Lock()
	defer p.lock.Unlock()
	_, _ = io.WriteString(p.w, p.prefix+string(b)+"\n") // a full disk must not end the programs we watch
}

// firstLine is a writer that hands over the first line written to it and swallows the rest.
type firstLine struct {
	mu   sync.Mutex
	part []byte
	sent bool
	got  chan string
}

func newFirstLine() *firstLine { return &firstLine{got: make(chan string, 1)} }

func (f *firstLine) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent {
		return len(b), nil
	}
	f.part = append(f.part, b...)
	if i := bytes.IndexByte(f.part, '\n'); i >= 0 {
		f.got <- string(f.part[:i])
		f.sent, f.part = true, nil
	}
	return len(b), nil
}

// await returns the first line, or an error when the process ends before it wrote one.
func (f *firstLine) await(ctx context.Context, p *process, limit time.Duration) (string, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case line := <-f.got:
		return line, nil
	case <-p.done:
		return "", p.obituary()
	case <-timer.C:
		return "", &problem{happened: p.name + " did not answer", err: errTooLong, tail: tailOf(p.logPath, 30)}
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// shortPath is a path as a person in the checkout would type it.
func shortPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			return rel
		}
	}
	return path
}
