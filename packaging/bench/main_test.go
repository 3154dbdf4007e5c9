package main

import (
	"testing"
	"time"
)

func TestPeersAppend(t *testing.T) {
	for _, name := range []string{"jetstream", "sqlite"} {
		for _, writers := range []int{1, 20} {
			r, err := run(name, writers, 100*time.Millisecond, t.TempDir())
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if r.PerSecond <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Sync <= 0 {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestRunRefusesWhatItCannotMeasure(t *testing.T) {
	for _, bad := range []struct {
		peer    string
		writers int
		length  time.Duration
	}{{"other", 1, time.Second}, {"sqlite", 0, time.Second}, {"sqlite", 1, 0}} {
		if _, err := run(bad.peer, bad.writers, bad.length, t.TempDir()); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
