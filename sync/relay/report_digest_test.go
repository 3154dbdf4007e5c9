package relay

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// minutely writes so many messages, one a minute from a moment on, three in each conversation.
func (d *intakeDesk) minutely(from inbox.Moment, n int) {
	d.t.Helper()
	err := d.db.Update(context.Background(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
		log := eventlog.NewWriter(tx)
		for i := range n {
			at := from.Add(time.Duration(i) * time.Minute)
			_, err := log.Append(at, "", inbox.MessageAdded{Message: inbox.Message{
				ID: inbox.MessageID(fmt.Sprint(at)), Conversation: inbox.ConversationID(fmt.Sprint("c", at/180_000)), At: at, Side: inbox.FromContact,
			}})
			if err != nil {
				return err
			}
		}
		return log.Flush()
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// heard counts what a digest holds of a stretch.
func (d *digest) heard(from, to inbox.Moment) (n int) {
	for _, f := range d.facts {
		if f.at >= from && f.at < to {
			n++
		}
	}
	return n
}

func TestADigestHoldsEveryFactOfAStretchOnceWhateverWasAskedBefore(t *testing.T) {
	d := newIntakeDesk(t)
	const n = 3*reportChunk + 100
	minute := func(i int) inbox.Moment { return monday.Add(time.Duration(i) * time.Minute) }
	d.minutely(monday, n)
	later := time.Now().Add(time.Hour)
	for _, c := range []struct {
		from, to int
		read     int // at most, after that
	}{
		{2 * reportChunk, 2*reportChunk + 10, 10},
		{2*reportChunk - 5, 2*reportChunk + 20, 25}, // both ends
		{2 * reportChunk, 2*reportChunk + 5, 25},    // nothing new
		{10, 20, 10},                                // far off: nothing between is read
		{0, n, n},                                   // several lots
		{n - 10, n + 50, n},                         // what is not there yet
		{n + 100, n + 200, n},                       // nothing
		{reportChunk - 1, 2*reportChunk + 1, n},     // inside
		{-100, 5, n},                                // before the first
	} {
		got, err := d.digestOf(t.Context(), d.one, minute(c.from), minute(c.to), later)
		if err != nil {
			t.Fatal(err)
		}
		want := max(0, min(c.to, n)-max(c.from, 0))
		if heard := got.heard(minute(c.from), minute(c.to)); heard != want || len(got.facts) > c.read {
			t.Errorf("from %d to %d: %d facts instead of %d, %d read", c.from, c.to, heard, want, len(got.facts))
		}
	}
	d.minutely(minute(n), 10)
	got, err := d.digestOf(t.Context(), d.one, minute(0), minute(n+10), later)
	if err != nil || got.heard(minute(0), minute(n+10)) != n+10 {
		t.Errorf("what was added is not there: %v", err)
	}
}

func TestAReportThatTakesTooLongGoesOnWhereItWasWhenAskedAgain(t *testing.T) {
	d := newIntakeDesk(t)
	const n = 2*reportChunk + 100
	d.minutely(monday, n)
	end := monday.Add(n * time.Minute)
	long := time.Now().Add(-time.Hour)
	for turn := 1; ; turn++ {
		got, err := d.digestOf(t.Context(), d.one, monday, end, long)
		if err == nil {
			if turn < 3 || got.heard(monday, end) != n {
				t.Errorf("%d facts after %d turns", got.heard(monday, end), turn)
			}
			break
		}
		if !errors.Is(err, errNotYet) || turn > 10 {
			t.Fatalf("turn %d: %v", turn, err)
		}
		if held := len(d.digests[d.one].facts); held != min(n, turn*reportChunk) {
			t.Errorf("%d facts after %d turns", held, turn)
		}
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	clear(d.digests)
	if _, err := d.digestOf(gone, d.one, monday, end, time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("who hung up: %v", err)
	}
	// A stretch that does not fit is refused; what was kept of another one gives way first.
	read := func(from, to inbox.Moment) (err error) {
		err = d.db.View(t.Context(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
			g := d.digests[d.one]
			for done := false; !done && err == nil; {
				done, err = g.read(tx, from, to, reportChunk+200)
			}
			return err
		})
		return err
	}
	d.digests[d.one] = &digest{}
	if err := read(monday, end); !errors.Is(err, inbox.RefusedCap) {
		t.Errorf("more than fits: %v", err)
	}
	half := monday.Add((reportChunk + 100) * time.Minute)
	if err := errors.Join(read(monday, half), read(half.Add(-time.Hour), end)); err != nil || len(d.digests[d.one].facts) > reportChunk+200 {
		t.Errorf("%d facts, %v", len(d.digests[d.one].facts), err)
	}
}

func TestAReportTellsNothingOfWhoWasForgotten(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello")
	day := d.now.UTC().Format(time.DateOnly)
	in := func() int {
		r, err := d.askReport(t.Context(), asker{person: p}, inbox.AskReport{From: day, To: day, By: inbox.ByDay})
		if err != nil {
			t.Fatal(err)
		}
		return r.All.In
	}
	if in() != 1 {
		t.Fatal("what he wrote is not counted")
	}
	d.agreeToErase(anna, "B")
	if _, err := d.RunErasures(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := in(); n != 0 {
		t.Errorf("%d messages of somebody forgotten", n)
	}
}
