package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// This file is how a second start of the program hands over to the first: one line into a socket that only this user of this
// machine may open. The line is an address of ours, or nothing: then the window is only brought to the front. Whoever could
// write to the socket could start the program too, so it opens no door that was closed.

// handTime is how long the first run may take to answer.
const handTime = 2 * time.Second

// mostLine is the longest line that is read.
const mostLine = 4096

// The answers.
const (
	handTaken   = "taken\n"
	handRefused = "refused\n"
)

// errNobody is returned when no other run answers.
var errNobody = errors.New("no other run of the program")

// socketPath is where the run over a data folder listens: in the folder the system gives this user for the time he is signed
// in, or in the data folder itself. The name depends on the data folder, because two of them are two programs.
func socketPath(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if base := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(base) {
		sum := sha256.Sum256([]byte(dir))
		return filepath.Join(base, "sealdesk-"+hex.EncodeToString(sum[:6])+".sock")
	}
	return filepath.Join(dir, "hand.sock")
}

// handOver gives an address to the run that is there already. Errors: errNobody; one that says that it was refused.
func handOver(dir, address string) error {
	if len(address) >= mostLine || strings.ContainsAny(address, "\r\n") {
		return errors.New("that is no address")
	}
	c, err := net.DialTimeout("unix", socketPath(dir), handTime)
	if err != nil {
		return errNobody
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(handTime))
	if _, err := io.WriteString(c, address+"\n"); err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	answer, err := bufio.NewReader(io.LimitReader(c, 64)).ReadString('\n')
	if err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	if answer != handTaken {
		return errors.New("the window that is open did not take the address")
	}
	return nil
}

// listen takes what other starts hand over, until ctx ends or what it returns is closed. take is called from a goroutine of its
// own, with a line without its end, and reports whether it is an address. A socket that a run left when it was killed is put
// aside: the caller asked before whether somebody answers.
func listen(ctx context.Context, dir string, take func(address string) bool) (io.Closer, error) {
	path := socketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listening for other starts: %w", err)
	}
	l, err := listenPrivately(path)
	if err != nil {
		return nil, fmt.Errorf("listening for other starts: %w", err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(handTime))
				if !sameUser(c) {
					return
				}
				line, err := bufio.NewReader(io.LimitReader(c, mostLine)).ReadString('\n')
				if err != nil {
					return
				}
				answer := handRefused
				if take(strings.TrimSuffix(line, "\n")) {
					answer = handTaken
				}
				io.WriteString(c, answer)
			}()
		}
	}()
	return l, nil
}
