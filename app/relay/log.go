package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// envLogFormat asks for lines a machine reads.
const envLogFormat = "SEALDESK_LOG_FORMAT"

// newLog writes lines of text, or of JSON where SEALDESK_LOG_FORMAT is json. The journal of systemd notes the time by itself, and
// takes how bad a line is from a number before it (sd-daemon(3)): there, a line has that and no time of its own.
func newLog(out io.Writer, level slog.Level, env func(string) string) *slog.Logger {
	opt := &slog.HandlerOptions{Level: level}
	to := out
	var j *journalLog
	if env("JOURNAL_STREAM") != "" {
		j = &journalLog{shared: &shared{out: out}}
		to = &j.shared.line
		opt.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	var h slog.Handler = slog.NewTextHandler(to, opt)
	if env(envLogFormat) == "json" {
		h = slog.NewJSONHandler(to, opt)
	}
	if j != nil {
		j.Handler = h
		h = j
	}
	return slog.New(h)
}

// A journalLog writes each line with its priority.
type journalLog struct {
	slog.Handler
	shared *shared
}

type shared struct {
	mu   sync.Mutex
	line bytes.Buffer
	out  io.Writer
}

// Handle implements [slog.Handler].
func (j *journalLog) Handle(ctx context.Context, rec slog.Record) error {
	j.shared.mu.Lock()
	defer j.shared.mu.Unlock()
	j.shared.line.Reset()
	fmt.Fprintf(&j.shared.line, "<%d>", priority(rec.Level))
	if err := j.Handler.Handle(ctx, rec); err != nil {
		return err
	}
	_, err := j.shared.out.Write(j.shared.line.Bytes())
	return err
}

// WithAttrs implements [slog.Handler].
func (j *journalLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalLog{j.Handler.WithAttrs(attrs), j.shared}
}

// WithGroup implements [slog.Handler].
func (j *journalLog) WithGroup(name string) slog.Handler {
	return &journalLog{j.Handler.WithGroup(name), j.shared}
}

// priority is what syslog calls a level.
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}
