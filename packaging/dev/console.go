package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// console is where a verb speaks. Safe for concurrent use.
type console struct {
	mu   sync.Mutex
	w    io.Writer
	live bool // a terminal: the running step may redraw its line
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" {
			c.live = true
		}
	}
	return c
}

// Write makes the console an io.Writer for the flag package and for verbose output.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.w.Write(p)
}

// say prints one line.
func (c *console) say(format string, args ...any) {
	line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.w, line)
}

// progress shows that something goes on until the returned function is called with its fate. On a terminal the line
// counts seconds; in a log file a long step speaks once a minute, so that a watchdog and a reader both see life.
func (c *console) progress(label string) (end func(fate string)) {
	start := time.Now()
	every := time.Minute
	if c.live {
		every = time.Second
		c.mu.Lock()
		fmt.Fprintf(c.w, "%s ...", label)
		c.mu.Unlock()
	} else {
		c.say("%s ...", label)
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if c.live {
					c.mu.Lock()
					fmt.Fprintf(c.w, "\r\x1b[K%s ... %s", label, since(time.Since(start)))
					c.mu.Unlock()
				} else {
					c.say("%s ... %s so far", label, since(time.Since(start)))
				}
			}
		}
	}()
	return func(fate string) {
		close(done)
		<-gone
		if c.live {
			c.mu.Lock()
			fmt.Fprint(c.w, "\r\x1b[K")
			c.mu.Unlock()
		}
		c.say("%s  %s  %s", label, fate, since(time.Since(start)))
	}
}

// table lays rows out in columns; the first row is the head. Columns whose cells (but the head) all look like numbers
// stand to the right.
func table(rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	width := make([]int, len(rows[0]))
	right := make([]bool, len(rows[0]))
	for i := range right {
		right[i] = len(rows) > 1
	}
	for n, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
			if n > 0 && cell != "" && !strings.ContainsRune("0123456789+-<>=~.", rune(cell[0])) {
				right[i] = false
			}
		}
	}
	var b strings.Builder
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if right[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if n == 0 {
			total := 2 * (len(width) - 1)
			for _, w := range width {
				total += w
			}
			b.WriteString(strings.Repeat("-", total) + "\n")
		}
	}
	return b.String()
}
