package ui

import (
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"fyne.io/fyne/v2/lang"

	"sealdesk/app/inbox"
)

// texts guards the translations: workers put words together while the main goroutine may be changing the language.
var texts sync.RWMutex

// word returns the text of a key in the reader's language. The pairs are names and values for the text's placeholders.
// A key without a translation shows itself, and a test fails on it.
func word(key string, pairs ...any) string {
	texts.RLock()
	defer texts.RUnlock()
	return lang.X(key, key, values(pairs))
}

// count is word for texts that depend on a number; N is the placeholder of the number. The form is chosen here: Fyne
// would choose it by the rules of the system's language, which need not be the language that is shown.
func count(key string, n int, pairs ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return word(key+form, append([]any{"N", grouped(n)}, pairs...)...)
}

func values(pairs []any) map[string]any {
	m := make(map[string]any, len(pairs)/2+1)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// grouped writes a number with the language's separator of thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	if n < 10000 && n > -10000 {
		if n < 1000 && n > -1000 {
			return s
		}
	}
	sep := word("number.group")
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteString(sep)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// A Tone is what a chip or a line says by its colour, always together with a word or an icon.
type Tone uint8

// The tones.
const (
	ToneQuiet Tone = iota
	ToneOK
	ToneWarn
	ToneDanger
	ToneInfo
	TonePrivacy
	ToneAccent
)

// clock holds what turns a moment into words: the present and the place.
type clock struct {
	now inbox.Moment
	loc *time.Location
}

func (c clock) in(m inbox.Moment) time.Time { return m.Time().In(c.loc) }

// days returns how many calendar days lie between m and now: 0 today, 1 yesterday.
func (c clock) days(m inbox.Moment) int {
	a, b := c.in(m), c.in(c.now)
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(b).Sub(day(a)).Hours() / 24)
}

// hour is the time of day, 24 hours.
func (c clock) hour(m inbox.Moment) string { return c.in(m).Format("15:04") }

// row is the time in a list: the hour today, then less and less exact.
func (c clock) row(m inbox.Moment) string {
	if m == 0 {
		return ""
	}
	t := c.in(m)
	switch d := c.days(m); {
	case d <= 0:
		return c.hour(m)
	case d == 1:
		return word("day.yesterday")
	case d < 7:
		return word("weekday." + strconv.Itoa(int(t.Weekday())) + ".short")
	}
	return c.date(m)
}

// date is day and month, with the year when it is another one.
func (c clock) date(m inbox.Moment) string {
	t := c.in(m)
	month := word("month." + strconv.Itoa(int(t.Month())) + ".short")
	if t.Year() == c.in(c.now).Year() {
		return word("date.short", "Day", t.Day(), "Month", month)
	}
	return word("date.year", "Day", t.Day(), "Month", month, "Year", t.Year())
}

// when is the time with its date when that is not today.
func (c clock) when(m inbox.Moment) string {
	switch c.days(m) {
	case 0:
		return c.hour(m)
	case 1:
		return word("day.yesterday") + ", " + c.hour(m)
	}
	return c.date(m) + ", " + c.hour(m)
}

// within is a time as it stands in a sentence: "due yesterday, 12:53".
func within(when string) string {
	if y := word("day.yesterday"); strings.HasPrefix(when, y) {
		return strings.ToLower(y) + when[len(y):]
	}
	return when
}

// day is the caption over the messages of a day.
func (c clock) day(m inbox.Moment) string {
	t := c.in(m)
	switch c.days(m) {
	case 0:
		return word("day.today")
	case 1:
		return word("day.yesterday")
	}
	return word("date.day", "Weekday", word("weekday."+strconv.Itoa(int(t.Weekday()))), "Date", c.date(m))
}

// span is a length of time in hours and minutes.
func span(d time.Duration) string {
	h, m := int(d.Hours()), int(d.Minutes())%60
	switch {
	case h >= 4 || h > 0 && m == 0:
		return word("span.h", "H", h)
	case h > 0:
		return word("span.hm", "H", h, "M", m)
	}
	return word("span.m", "M", max(m, 1))
}

// bytesText is a size for people.
func bytesText(n int64) string {
	if n < 1000*1000 {
		return strconv.FormatInt(max(1, (n+500)/1000), 10) + " kB"
	}
	s := strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64)
	return strings.Replace(s, ".", word("number.decimal"), 1) + " MB"
}

// firstFar is the first letter beyond Latin, Greek and Cyrillic.
const firstFar = '\u0590'

// initials returns up to two letters that stand for a name.
func initials(name string) string {
	var out []rune
	for _, w := range strings.Fields(name) {
		for _, r := range w {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				out = append(out, unicode.ToUpper(r))
			}
			break
		}
		if len(out) == 2 {
			break
		}
	}
	if len(out) == 2 && (out[0] >= firstFar || out[1] >= firstFar) {
		out = out[:1] // letters of two scripts, or of one that joins them, do not stand side by side
	}
	return string(out)
}

// A Face is how somebody's avatar looks: letters, or an icon when there is no name, on one of the palette's colours.
type Face struct {
	Initials string
	Icon     string
	Colour   int
}

func faceOf(id, name string) Face {
	h := fnv.New32a()
	h.Write([]byte(id))
	f := Face{Initials: initials(name), Colour: int(h.Sum32() % 8)}
	if f.Initials == "" {
		f.Icon = "user"
	}
	return f
}

func contactFace(c inbox.Contact) Face {
	if c.Name.IsZero() {
		f := faceOf(string(c.ID), "")
		return f
	}
	return faceOf(string(c.ID), c.Name.Visible())
}

// staff is who the colleagues are, as seen by one of them.
type staff struct {
	me     inbox.Person
	people map[inbox.PersonID]inbox.Person
	// customer is what the contact of the conversation at hand is called; "" where none is.
	customer string
	// held says that WhatsApp takes nothing from the inbox of the conversation at hand.
	held bool
}

func newStaff(me inbox.Person, people []inbox.Person) staff {
	s := staff{me: me, people: make(map[inbox.PersonID]inbox.Person, len(people))}
	for _, p := range people {
		s.people[p.ID] = p
	}
	return s
}

// name is what a colleague is called in a sentence; "You" for the reader.
func (s staff) name(id inbox.PersonID) string {
	if id == s.me.ID && id != "" {
		return word("person.you")
	}
	if p, ok := s.people[id]; ok && p.Name != "" {
		return p.Name
	}
	return word("person.unknown")
}

// written is how a text calls a person, the reader too.
func (s staff) written(id inbox.PersonID) string {
	if id == s.me.ID && s.me.Name != "" {
		return s.me.Name
	}
	return s.name(id)
}

// short is what a colleague is called where there is little room: the first name.
func (s staff) short(id inbox.PersonID) string {
	if p, ok := s.people[id]; ok && id != s.me.ID {
		if first, _, ok := strings.Cut(strings.TrimSpace(p.Name), " "); ok {
			return first
		}
	}
	return s.name(id)
}
