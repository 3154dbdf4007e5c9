package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// call is one program run to its end.
type call struct {
	dir   string   // where
	env   []string // changes to our own environment: "K=V" sets, "-K" removes
	stdin io.Reader
	log   io.Writer // both outputs
}

// run runs a program to its end in a process group of its own, which is killed as a whole when ctx ends.
func (c call) run(ctx context.Context, name string, args ...string) error {
	if c.log != nil {
		fmt.Fprintf(c.log, "$ %s\n", strings.Join(append([]string{name}, args...), " "))
	}
	cmd := c.command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w", strings.Join(append([]string{name}, firstOf(args, 3)...), " "), err)
	}
	return nil
}

// output is run that returns standard output; standard error goes to the log.
func (c call) output(ctx context.Context, name string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := c.command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, c.log
	var kept bytes.Buffer
	if c.log == nil {
		cmd.Stderr = &kept
	}
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		said := strings.TrimSpace(kept.String())
		if said != "" {
			said = ": " + said
		}
		return out.String(), fmt.Errorf("%s: %w%s", strings.Join(append([]string{name}, firstOf(args, 3)...), " "), err, said)
	}
	return out.String(), nil
}

func (c call) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdin, cmd.Env = c.dir, c.stdin, environment(os.Environ(), c.env)
	ownGroup(cmd)
	dieWithUs(cmd)
	cmd.Cancel = func() error {
		err := killGroup(cmd)
		if err != nil && cmd.Process != nil {
			return cmd.Process.Kill()
		}
		return err
	}
	cmd.WaitDelay = 3 * time.Second // a grandchild may hold the pipes open
	return cmd
}

// environment applies changes ("K=V" sets, "-K" removes) to a list of variables.
func environment(base, changes []string) []string {
	drop := map[string]bool{}
	var set []string
	for _, c := range changes {
		if name, ok := strings.CutPrefix(c, "-"); ok {
			drop[name] = true
			continue
		}
		name, _, _ := strings.Cut(c, "=")
		drop[name] = true
		for i, have := range set {
			if strings.HasPrefix(have, name+"=") {
				set = append(set[:i:i], set[i+1:]...)
				break
			}
		}
		set = append(set, c)
	}
	var env []string
	for _, v := range base {
		name, _, _ := strings.Cut(v, "=")
		if !drop[name] {
			env = append(env, v)
		}
	}
	return append(env, set...)
}

func firstOf(list []string, n int) []string {
	if len(list) > n {
		return append(append([]string(nil), list[:n]...), "...")
	}
	return list
}

// until asks again and again until ok says yes, a time limit passes or ctx ends. It is how a driver of real processes
// waits for them: they have no channel to wait on.
func until(ctx context.Context, limit, every time.Duration, ok func() (bool, error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		yes, err := ok()
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errTooLong
		case <-tick.C:
		}
	}
}

var errTooLong = errors.New("waited too long")
