package relay

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// DeskConfig is how an inbox is worked: when it is staffed, who gets what comes, and what the relay says by itself. The zero
// value: always staffed, nobody is given anything, nothing is said.
type DeskConfig struct {
	Hours         HoursConfig       `toml:"hours"`
	AnswerMinutes int               `toml:"answer_minutes"` // staffed minutes within which a customer should have an answer
	Assign        string            `toml:"assign"`         // one of the words below; "" is nobody
	Away          map[string]string `toml:"away"`           // by language: what a customer who writes outside the hours is told
	Rating        bool              `toml:"rating"`         // whether customers are asked how it went, once a conversation is closed
}

// HoursConfig is when an inbox is staffed: by day, stretches such as "09:00-12:30". Without any it always is.
type HoursConfig struct {
	Zone      string   `toml:"zone"` // IANA, such as Europe/Berlin
	Monday    []string `toml:"monday"`
	Tuesday   []string `toml:"tuesday"`
	Wednesday []string `toml:"wednesday"`
	Thursday  []string `toml:"thursday"`
	Friday    []string `toml:"friday"`
	Saturday  []string `toml:"saturday"`
	Sunday    []string `toml:"sunday"`
	Off       []string `toml:"off"` // days without any, such as 2026-12-25
}

// The ways of giving conversations to people.
const (
	assignNobody = "nobody"
	assignInTurn = "in-turn"
	assignLeast  = "least-busy"
)

const maxAnswerMinutes = 7 * 24 * 60

var stretchForm = regexp.MustCompile(`^([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$`)

// hours returns the hours as the vocabulary has them. Errors wrap [ErrConfig].
func (c HoursConfig) hours(id string) (inbox.Hours, error) {
	h := inbox.Hours{Zone: c.Zone, Off: slices.Sorted(slices.Values(c.Off))}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == time.Local.String() { // that is another one on each device
		return h, wrong("inbox.hours.zone of %s: a place of the time zone database, such as Europe/Berlin", id)
	}
	for _, day := range c.Off {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return h, wrong("inbox.hours.off of %s: days such as 2026-12-25", id)
		}
	}
	for day, list := range [7][]string{c.Sunday, c.Monday, c.Tuesday, c.Wednesday, c.Thursday, c.Friday, c.Saturday} {
		last := 0
		for _, text := range list {
			m := stretchForm.FindStringSubmatch(text)
			if m == nil {
				return h, wrong("inbox.hours of %s, %s: stretches such as 09:00-12:30, in order and apart", id, time.Weekday(day))
			}
			s := inbox.Shift{From: clockMinutes(m[1], m[2]), To: clockMinutes(m[3], m[4])}
			if s.From >= s.To || s.To > 24*60 || s.From < last {
				return h, wrong("inbox.hours of %s, %s: stretches such as 09:00-12:30, in order and apart", id, time.Weekday(day))
			}
			last = s.To
			h.Week[day] = append(h.Week[day], s)
		}
	}
	return h, nil
}

func clockMinutes(hour, minute string) int {
	h, _ := strconv.Atoi(hour) // digits, as the form says
	m, _ := strconv.Atoi(minute)
	return h*60 + m
}

// check returns an error wrapping [ErrConfig] for the first thing that cannot work.
func (c DeskConfig) check(id string) error {
	hours, err := c.Hours.hours(id)
	switch {
	case err != nil:
		return err
	case c.AnswerMinutes < 0 || c.AnswerMinutes > maxAnswerMinutes:
		return wrong("inbox.answer_minutes of %s: 1 to %d, 0 for no measure", id, maxAnswerMinutes)
	case !slices.Contains([]string{"", assignNobody, assignInTurn, assignLeast}, c.Assign):
		return wrong("inbox.assign of %s: %s, %s or %s", id, assignNobody, assignInTurn, assignLeast)
	case len(c.Away) > 0 && hours.IsZero():
		return wrong("inbox.away of %s: say in inbox.hours when somebody is there", id)
	}
	for language, text := range c.Away {
		if !slices.Contains(languages, language) {
			return wrong("inbox.away of %s: by language, one of %s", id, strings.Join(languages, ", "))
		}
		if inbox.CheckText(text) != nil {
			return wrong("inbox.away of %s: some text, at most %d characters", id, inbox.MaxText)
		}
	}
	return nil
}

// desk returns how an inbox is worked.
func (r *Relay) desk(id inbox.InboxID) DeskConfig {
	for _, in := range r.cfg.Inboxes {
		if in.ID == string(id) {
			return in.DeskConfig
		}
	}
	return DeskConfig{}
}
