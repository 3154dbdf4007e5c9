package inbox

import (
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // Windows has no time zones of its own
)

// Hours are when an inbox is staffed. The zero value is always.
type Hours struct {
	Zone string     `cbor:"1,keyasint,omitempty"` // IANA, such as "Europe/Berlin"; "" is UTC
	Week [7][]Shift `cbor:"2,keyasint,omitzero"`  // from Sunday, as [time.Weekday] counts; each day in order, without overlaps
	Off  []string   `cbor:"3,keyasint,omitempty"` // days without any, such as "2026-12-25"
}

// A Shift is a stretch of a day in minutes since midnight, To not included: 540 to 1080 is 9:00 to 18:00.
type Shift struct {
	_    struct{} `cbor:",toarray"`
	From int
	To   int
}

// longestOff is how many days in a row may be without hours before After gives up.
const longestOff = 31

// IsZero reports whether the hours are always.
func (h Hours) IsZero() bool {
	return !slices.ContainsFunc(h.Week[:], func(day []Shift) bool { return len(day) > 0 })
}

// Open reports whether the inbox is staffed at that moment.
func (h Hours) Open(at Moment) bool {
	if h.IsZero() {
		return true
	}
	t := at.Time().In(h.Location())
	minute := t.Hour()*60 + t.Minute()
	return slices.ContainsFunc(h.day(t), func(s Shift) bool { return s.From <= minute && minute < s.To })
}

// After returns the moment by which the inbox has been staffed for so many minutes since at. Hours that never come within a
// month give at itself and the minutes, as if they were always.
func (h Hours) After(at Moment, minutes int) Moment {
	left := time.Duration(minutes) * time.Minute
	if h.IsZero() {
		return at.Add(left)
	}
	t := at.Time().In(h.Location())
	for n := range longestOff {
		day := noon(t, n)
		for _, s := range h.day(day) {
			from, to := clock(day, s.From), clock(day, s.To)
			if from.Before(t) {
				from = t
			}
			if open := to.Sub(from); open >= left {
				return At(from.Add(left))
			} else if open > 0 {
				left -= open
			}
		}
	}
	return at.Add(time.Duration(minutes) * time.Minute)
}

// Next returns when the inbox is staffed next: at itself while it is; 0 when it will not be for a month.
func (h Hours) Next(at Moment) Moment {
	if h.Open(at) {
		return at
	}
	t := at.Time().In(h.Location())
	for n := range longestOff {
		day := noon(t, n)
		for _, s := range h.day(day) {
			if from := clock(day, s.From); from.Before(clock(day, s.To)) && !from.Before(t) {
				return At(from)
			}
		}
	}
	return 0
}

// places are the time zones that were looked up: reading one takes longer than everything that is done with it.
var places sync.Map

// Location returns the inbox's time zone; UTC when it is none this machine knows.
func (h Hours) Location() *time.Location {
	if loc, ok := places.Load(h.Zone); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(h.Zone)
	if err != nil {
		return time.UTC
	}
	places.Store(h.Zone, loc)
	return loc
}

func (h Hours) day(t time.Time) []Shift {
	if slices.Contains(h.Off, t.Format(time.DateOnly)) {
		return nil
	}
	return h.Week[t.Weekday()]
}

// noon returns a moment of the day that comes n days after t's. Days are told apart by their noon: some zones go over to summer
// time at midnight, and that day has none.
func noon(t time.Time, n int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+n, 12, 0, 0, 0, t.Location())
}

// clock returns t's day at so many minutes after midnight by the wall clock. What the clock skips comes as much later.
func clock(t time.Time, minute int) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), 0, minute, 0, 0, t.Location())
	y, m, d := t.Date()
	wall := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	return at.Add(max(0, time.Date(y, m, d, 0, minute, 0, 0, time.UTC).Sub(wall)))
}

// Staffed returns for how many seconds the inbox was staffed from one moment to a later one. Stretches of more than a month count
// as if it always were.
func (h Hours) Staffed(from, to Moment) int {
	if to <= from {
		return 0
	}
	start, end := from.Time().In(h.Location()), to.Time()
	if h.IsZero() || end.Sub(start) > longestOff*24*time.Hour {
		return int(end.Sub(start) / time.Second)
	}
	var sum time.Duration
	for n := range longestOff + 2 { // the days at both ends count as begun
		day := noon(start, n)
		for _, s := range h.day(day) {
			from, to := clock(day, s.From), clock(day, s.To)
			if from.Before(start) {
				from = start
			}
			if to.After(end) {
				to = end
			}
			sum += max(0, to.Sub(from))
		}
	}
	return int(sum / time.Second)
}
