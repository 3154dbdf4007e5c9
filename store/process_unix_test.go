//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sealdesk/app/inbox"
)

func init() {
	// "full" fills a store until no file may grow any more, and checks what still works then.
	children["full"] = func(args []string) int {
		ctx := context.Background()
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 256 << 10, Max: 256 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			fmt.Println(err)
			return 1
		}
		s, err := Open(ctx, childConfig(args[0]))
		if err != nil {
			fmt.Println(err)
			return 1
		}
		at, intents := uint64(0), 0
		for {
			b := stretch(numberA.Log(), at, from(inbox.FromContact, fmt.Sprint("c", at), fmt.Sprint("m", at), strings.Repeat("x", 3000)))
			if err = s.Apply(ctx, b); err != nil {
				break
			}
			at = b.To
		}
		if !errors.Is(err, ErrFull) {
			fmt.Println("apply:", err)
			return 1
		}
		for {
			if err = s.Submit(ctx, send(fmt.Sprint("i", intents), "c0", strings.Repeat("y", 3000))); err != nil {
				break
			}
			intents++
		}
		if !errors.Is(err, ErrFull) {
			fmt.Println("submit:", err)
			return 1
		}
		if _, err = s.Attach(ctx, "c0", "a.pdf", "application/pdf", strings.NewReader(strings.Repeat("z", 300<<10))); !errors.Is(err, ErrFull) {
			fmt.Println("attach:", err)
			return 1
		}
		if left, _ := attachedFiles(args[0]); len(left)+len(s.Attachments("c0")) != 0 {
			fmt.Println("half a file is left")
			return 1
		}
		rows, err := s.Inbox(ctx)
		page, err2 := s.Page(ctx, "c0", PageCursor{}, 10000)
		if err != nil || err2 != nil || len(rows) != int(at) || len(page.Messages) != 1+intents {
			fmt.Println("reading:", err, err2, len(rows), at, len(page.Messages), intents)
			return 1
		}
		if c := s.Cursors(); len(c) != 1 || c[0].Seq != at {
			fmt.Println("the cursor moved")
			return 1
		}
		// Turning to new halves needs room for the new files, and gives up whole.
		ring := OpenKeyring("test")
		ring.back = newMemoryRing()
		limit.Cur = 20_000
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			fmt.Println(err)
			return 1
		}
		if err := s.Rotate(ctx, ring, halfOf(1), 1); !errors.Is(err, ErrFull) || s.Generation() != 0 {
			fmt.Println("rotate:", err)
			return 1
		}
		for _, name := range []string{cacheFile, outboxFile} {
			if !missing(args[0], name+nextSuffix) {
				fmt.Println("half a new file is left")
				return 1
			}
		}
		if again, err := s.Inbox(ctx); err != nil || len(again) != len(rows) {
			fmt.Println("reading after that:", err)
			return 1
		}
		s.Close()
		fmt.Println(at, intents)
		return 0
	}
}

func TestAFullDiskStopsWritingAndNotReading(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	out, err := startChild(t, "full", dir).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var at, intents int
	if _, err := fmt.Sscan(string(out), &at, &intents); err != nil || at < 3 || intents < 3 {
		t.Fatalf("%s", out)
	}
	// With room again everything is there and the store takes more.
	s := mustOpen(t, childConfig(dir))
	rows, err := s.Inbox(context.Background())
	try(t, err)
	if len(rows) != at || len(pending(t, s)) != intents {
		t.Errorf("%d rows of %d, %d intents of %d", len(rows), at, len(pending(t, s)), intents)
	}
	try(t, s.Apply(context.Background(), stretch(numberA.Log(), uint64(at), from(inbox.FromContact, "c", "m", "more"))))
}
