package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// T14, as far as arithmetic goes. The lease was issued at 0 h and the relay was heard last at "heard". Each scenario is what
// the clock on the wall shows, what the monotonic clock counted since, and how the lease stands then.
func TestALeaseEndsWhenEitherClockSaysSo(t *testing.T) {
	const m, h, day = time.Minute, time.Hour, 24 * time.Hour
	window := Terms{Issued: start, NotAfter: start.Add(12 * h), Silent: 14 * day}
	strict := Terms{Issued: start, NotAfter: start, Silent: 14 * day}
	never := Terms{Issued: start, NotAfter: start.Add(12 * h)}
	for name, tt := range map[string]struct {
		terms     Terms
		wall      time.Duration // of this machine, after Issued
		heard     time.Duration // after Issued
		monotonic time.Duration
		want      Standing
	}{
		"just lent":                                      {window, 0, 0, 0, Holds},
		"offline, an hour":                               {window, h, 0, h, Holds},
		"offline, a moment before the end":               {window, 12*h - time.Millisecond, 0, 12*h - time.Millisecond, Holds},
		"offline, at the end":                            {window, 12 * h, 0, 12 * h, Over},
		"offline, a day":                                 {window, day, 0, day, Over},
		"offline, started again":                         {window, 11 * h, 0, 0, Holds},
		"offline, started again after the end":           {window, 13 * h, 0, 0, Over},
		"asleep over the end":                            {window, 13 * h, 0, h, Over},
		"asleep, still in time":                          {window, 6 * h, 0, h, Holds},
		"asleep for two weeks":                           {window, 15 * day, 0, h, Silent},
		"clock forward past the end":                     {window, 20 * h, 0, m, Over},
		"clock forward two weeks":                        {window, 14 * day, 0, m, Silent},
		"clock forward a year, and the relay heard":      {window, 365 * day, 365 * day, 0, Over},
		"clock forward within the window":                {window, 11 * h, 0, m, Holds},
		"clock back a day before it was issued":          {window, -day, 0, 0, ClockBack},
		"clock back 4 minutes: drift":                    {window, -4 * m, 0, 0, Holds},
		"clock back 5 minutes: drift":                    {window, -5 * m, 0, 0, Holds},
		"clock back 5 minutes and a bit":                 {window, -5*m - time.Millisecond, 0, 0, ClockBack},
		"clock back below what was heard later":          {window, h, 2 * h, 0, ClockBack},
		"clock back, but not below what was heard":       {window, 2 * h, 2 * h, 0, Holds},
		"clock back while it runs":                       {window, h, 0, 3 * h, ClockBack},
		"clock stopped while it runs, past the end":      {window, 0, 0, 12 * h, ClockBack},
		"clock slow by 4 minutes, past the end":          {window, 12*h - 4*m, 0, 12 * h, Over},
		"clock slow by 4 minutes, before the end":        {window, 6*h - 4*m, 0, 6 * h, Holds},
		"clock back again and again to the last hour":    {window, 11 * h, 11*h + 10*m, 0, ClockBack},
		"clock back to 1970":                             {window, -time.Duration(start) * time.Millisecond, 0, 0, ClockBack},
		"clock back, two weeks by the monotonic clock":   {window, -h, 0, 14 * day, Silent},
		"clock back after two weeks nobody counted":      {window, -h, 0, 0, ClockBack},
		"monotonic clock says over, wall is right":       {window, 12 * h, 0, 12*h + m, Over},
		"monotonic clock runs fast, a little":            {window, 6 * h, 0, 6*h + 2*m, Holds},
		"monotonic clock below nothing":                  {window, h, 0, -h, Holds},
		"heard after the lease was issued, in time":      {window, 11 * h, 10 * h, h, Holds},
		"heard after the lease was issued, both over":    {window, 12 * h, 10 * h, 2 * h, Over},
		"heard later than the end":                       {window, 12 * h, 13 * h, 0, ClockBack},
		"silent for a moment less than two weeks":        {window, 14*day - time.Millisecond, 0, 0, Over},
		"silent since it was heard, not since the lease": {window, 14 * day, day, 0, Over},
		"strict, at once":                                {strict, 0, 0, 0, Over},
		"strict, clock back":                             {strict, -h, 0, 0, ClockBack},
		"strict, two weeks":                              {strict, 14 * day, 0, 0, Silent},
		"silence costs nothing":                          {never, 400 * day, 0, 400 * day, Over},
		"silence costs nothing, clock back":              {never, -400 * day, 0, 0, ClockBack},
		"no lease at all":                                {Terms{}, 0, 0, 0, Over},
	} {
		got := tt.terms.Judge(start.Add(tt.wall), start.Add(tt.heard), tt.monotonic)
		if name == "no lease at all" {
			got = tt.terms.Judge(start, 0, 0)
		}
		if got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	if s := (Terms{Silent: h}).Judge(start, 0, 0); s != Over {
		t.Errorf("a device that never heard the relay would wipe itself: %d", s)
	}
}

// Whatever happens to both clocks, the properties a person was promised hold.
func TestNoClockProlongsALease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.Int64Range(-40*24*3600_000, 40*24*3600_000)
		length := rapid.Int64Range(0, 72*3600_000).Draw(t, "length")
		terms := Terms{Issued: start, NotAfter: start + inbox.Moment(length), Silent: time.Duration(rapid.SampledFrom([]int64{0, 1, 14 * 24 * 3600}).Draw(t, "silent")) * time.Second}
		now, seen := start+inbox.Moment(span.Draw(t, "now")), start+inbox.Moment(span.Draw(t, "seen"))
		ran := time.Duration(rapid.Int64Range(0, 40*24*3600_000).Draw(t, "ran")) * time.Millisecond
		got := terms.Judge(now, seen, ran)
		heard := max(seen, start)
		if got == Holds {
			switch {
			case now >= terms.NotAfter, heard.Add(ran) >= terms.NotAfter, ran >= time.Duration(length)*time.Millisecond:
				t.Fatal("it holds after its end")
			case now < heard.Add(ran)-5*60_000:
				t.Fatal("it holds while the clock is back")
			}
		}
		if silent := terms.Silent > 0 && (now >= heard.Add(terms.Silent) || ran >= terms.Silent); silent != (got == Silent) {
			t.Fatalf("silent: %v, got %d", silent, got)
		}
		// More time on the monotonic clock, and a later word of the relay's clock, never make a lease hold that did not.
		more := time.Duration(rapid.Int64Range(0, 24*3600_000).Draw(t, "more")) * time.Millisecond
		if got != Holds && terms.Judge(now, seen, ran+more) == Holds {
			t.Fatal("waiting helps")
		}
		if got != Holds && got != Silent && terms.Judge(now, heard.Add(more), ran) == Holds {
			t.Fatal("a later high-water mark helps")
		}
		// The clock on the wall can make it hold only between five minutes before what the relay's clock has reached, and the end.
		if got != Holds {
			for _, wall := range []inbox.Moment{0, start, now + 1<<40, terms.NotAfter} {
				if terms.Judge(wall, seen, ran) == Holds && (wall >= terms.NotAfter || wall < heard.Add(ran)-5*60_000) {
					t.Fatal("setting the clock helps")
				}
			}
		}
	})
}

func TestALeaseComesBackAsItWasKept(t *testing.T) {
	k := OpenKeyring("test")
	back := newMemoryRing()
	k.back = back
	ctx := t.Context()
	if _, err := k.Lent(ctx); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	half := seal.RandomKey()
	locked, salt := LockHalf(half, "a passphrase of this person")
	for name, l := range map[string]Lent{
		"open":   {Half: half, Lease: bytes.Repeat([]byte{0xa5}, 170), Seen: start, Generation: 1 << 40},
		"locked": {Lease: bytes.Repeat([]byte{0xa5}, 170), Seen: start, Generation: 7, Locked: locked, Salt: salt, Tries: 4},
		"both":   {Half: half, Lease: bytes.Repeat([]byte{0xa5}, 170), Seen: start, Generation: 7, Locked: locked, Salt: salt},
	} {
		try(t, k.SetLent(ctx, l))
		got, err := k.Lent(ctx)
		try(t, err)
		if !bytes.Equal(got.Half.Bytes(), l.Half.Bytes()) || !bytes.Equal(got.Lease, l.Lease) || got.Seen != l.Seen || got.Generation != l.Generation ||
			!bytes.Equal(got.Locked, l.Locked) || !bytes.Equal(got.Salt, l.Salt) || got.Tries != l.Tries {
			t.Errorf("%s: another lease came back", name)
		}
		if n := len(back.items["test/lease"]); n >= maxItem {
			t.Errorf("%s: %d characters", name, n)
		}
		if shown := fmt.Sprintf("%v %+v %#v", l, got, l); strings.Contains(shown, fmt.Sprintf("%x", half.Bytes()[:6])) || strings.Contains(shown, strings.Trim(fmt.Sprint(half.Bytes()[:6]), "[]")) {
			t.Errorf("%s: the half prints itself", name)
		}
	}
	back.items["test/lease"] = "%%%"
	if _, err := k.Lent(ctx); !errors.Is(err, ErrKeyringUnavailable) {
		t.Errorf("garbage: %v", err)
	}
	try(t, k.ForgetLent(ctx))
	if _, err := k.Lent(ctx); !errors.Is(err, ErrNotFound) {
		t.Errorf("forgotten: %v", err)
	}
}

func TestAHalfOpensByItsPassphraseAlone(t *testing.T) {
	half := seal.RandomKey()
	const right = "blaues Fahrr\u00e4d 7" // the umlaut as one letter
	locked, salt := LockHalf(half, right)
	for name, typed := range map[string]string{"as it was typed": right, "the umlaut as two letters": "blaues Fahrra\u0308d 7"} {
		got, err := UnlockHalf(locked, salt, typed)
		if err != nil || !bytes.Equal(got.Bytes(), half.Bytes()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	changed := bytes.Clone(locked)
	changed[len(changed)-1] ^= 1
	for name, try := range map[string]func() (seal.Key, error){
		"another passphrase":  func() (seal.Key, error) { return UnlockHalf(locked, salt, "blaues Fahrrad 7") },
		"no passphrase":       func() (seal.Key, error) { return UnlockHalf(locked, salt, "") },
		"a changed half":      func() (seal.Key, error) { return UnlockHalf(changed, salt, right) },
		"another salt":        func() (seal.Key, error) { return UnlockHalf(locked, bytes.Repeat([]byte{1}, saltSize), right) },
		"a salt cut short":    func() (seal.Key, error) { return UnlockHalf(locked, salt[1:], right) },
		"nothing that locked": func() (seal.Key, error) { return UnlockHalf(nil, salt, right) },
	} {
		if got, err := try(); !errors.Is(err, ErrPassphrase) || !got.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if bytes.Contains(locked, half.Bytes()[:8]) {
		t.Error("the half shows")
	}
	if again, other := LockHalf(half, right); bytes.Equal(again, locked) || bytes.Equal(other, salt) {
		t.Error("the same half under the same passphrase looks the same")
	}
}
