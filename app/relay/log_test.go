package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

func TestTheJournalGetsAPriorityAndNoTimeOfOurs(t *testing.T) {
	for _, c := range []struct {
		what, journal, format string
		priority, time, json  bool
	}{
		{"a terminal", "", "", false, true, false},
		{"a file of JSON", "", "json", false, true, true},
		{"the journal", "8:123", "", true, false, false},
		{"the journal, in JSON", "8:123", "json", true, false, true},
	} {
		var out bytes.Buffer
		env := map[string]string{"JOURNAL_STREAM": c.journal, envLogFormat: c.format}
		log := newLog(&out, slog.LevelInfo, func(k string) string { return env[k] })
		log.Debug("not heard")
		log.Info("one", "inbox", "sales")
		log.With("a", "b").WithGroup("g").Error("two", "time", "kept")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%s: %q", c.what, lines)
		}
		for i, want := range []string{"<6>", "<3>"} {
			rest, ok := strings.CutPrefix(lines[i], want)
			if ok != c.priority {
				t.Errorf("%s: %s", c.what, lines[i])
			}
			if c.json != json.Valid([]byte(rest)) {
				t.Errorf("%s: JSON: %s", c.what, rest)
			}
		}
		if got := strings.Contains(lines[0], "time"); got != c.time || !strings.Contains(lines[1], "kept") {
			t.Errorf("%s: %s", c.what, lines)
		}
	}
}
