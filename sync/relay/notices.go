package relay

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
)

//go:embed notices.toml
var noticesText string

// languages are those the relay answers in by itself. The first one is for whom nothing better is known.
var languages = []string{"en", "de", "it", "es", "fr", "pt"}

// wording is what the relay says by itself in one language.
type wording struct {
	Version    string   `toml:"version"`
	Date       string   `toml:"date"`
	Moment     string   `toml:"moment"`
	Privacy    string   `toml:"privacy"`
	Retention  string   `toml:"retention"`
	Officer    string   `toml:"officer"`
	URL        string   `toml:"url"`
	Edition    string   `toml:"edition"`
	Stop       string   `toml:"stop"`
	StopAll    string   `toml:"stop_all"`
	Start      string   `toml:"start"`
	Data       string   `toml:"data"`
	Erasure    string   `toml:"erasure"`
	Verified   string   `toml:"verified"`
	VerifiedBy string   `toml:"verified_by"`
	Unverified string   `toml:"unverified"`
	Held       []string `toml:"held"`
	More       string   `toml:"more"`
	Rating     string   `toml:"rating"`
	RatingMenu string   `toml:"rating_menu"`
	Ratings    []string `toml:"ratings"` // the best first
}

var wordings = sync.OnceValue(func() map[string]wording {
	out := map[string]wording{}
	if _, err := toml.Decode(noticesText, &out); err != nil {
		panic(err) // the file is part of the program
	}
	return out
})

// fill puts values in the place of {their names}.
func fill(text string, values map[string]string) string {
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// speaker says what the relay says by itself in one language, for one inbox.
type speaker struct {
	wording
	language string
	company  string
	privacy  PrivacyConfig
}

func (r *Relay) speaker(in inbox.InboxID, language string) speaker {
	s := speaker{wording: wordings()[language], language: language, company: r.cfg.Privacy.Company, privacy: r.cfg.Privacy}
	if s.company == "" {
		s.company = r.inboxName(in)
	}
	return s
}

func (s speaker) say(text string, more map[string]string) string {
	values := map[string]string{"company": s.company}
	for k, v := range more {
		values[k] = v
	}
	return fill(text, values)
}

// privacyNotice returns the notice and its version, which is another one whenever the text is.
func (s speaker) privacyNotice() (text, version string) {
	retention := s.privacy.Retention[s.language]
	if retention == "" {
		retention = s.wording.Retention
	}
	text = s.say(s.wording.Privacy, map[string]string{"retention": retention})
	if s.privacy.Officer != "" {
		text += "\n" + s.say(s.wording.Officer, map[string]string{"officer": s.privacy.Officer})
	}
	if s.privacy.URL != "" {
		text += "\n" + s.say(s.wording.URL, map[string]string{"url": s.privacy.URL})
	}
	sum := sha256.Sum256([]byte(text))
	version = s.language + "-" + s.wording.Version + "-" + hex.EncodeToString(sum[:3])
	return text + "\n" + s.say(s.Edition, map[string]string{"version": version}), version
}

// holdings is how much the relay holds about a contact, in the order of wording.Held.
type holdings struct {
	details, theirs, ours, files, notes, consents int
	more                                          bool // there is more than was counted
}

func (s speaker) dataAsked(reference string, due inbox.Moment, h holdings) string {
	var lines []string
	for i, n := range []int{h.details, h.theirs, h.ours, h.files, h.notes, h.consents} {
		count := strconv.Itoa(n)
		if h.more && i > 0 && i < 5 { // only those were counted in the log
			count = fill(s.More, map[string]string{"n": count})
		}
		lines = append(lines, "• "+fill(s.Held[i], map[string]string{"n": count}))
	}
	return s.say(s.wording.Data, map[string]string{"reference": reference, "due": due.Time().Format(s.Date), "held": strings.Join(lines, "\n")})
}

func (s speaker) erasureAsked(reference string, due inbox.Moment) string {
	return s.say(s.wording.Erasure, map[string]string{"reference": reference, "due": due.Time().Format(s.Date)})
}

// verified says that a message was the company's; agent is "" unless the policy tells who wrote it.
func (s speaker) verified(sent inbox.Moment, agent string) string {
	text := s.wording.Verified
	if agent != "" {
		text = s.VerifiedBy
	}
	return s.say(text, map[string]string{"sent": sent.Time().Format(s.Moment), "agent": agent})
}

// check returns an error wrapping [ErrConfig] for what cannot be said to a customer.
func (p PrivacyConfig) check() error {
	if p.Language != "" && !slices.Contains(languages, p.Language) {
		return wrong("privacy.language: one of %s", strings.Join(languages, ", "))
	}
	for language := range p.Retention {
		if !slices.Contains(languages, language) {
			return wrong("privacy.retention: %q is none of %s", language, strings.Join(languages, ", "))
		}
	}
	if u, err := url.Parse(p.URL); p.URL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return wrong("privacy.url: write a whole address such as https://example.com/privacy")
	}
	const longest = 500
	for _, text := range append([]string{p.Company, p.Officer, p.URL}, slices.Sorted(maps.Values(p.Retention))...) {
		if len(text) > longest {
			return wrong("privacy: a text is longer than %d bytes; customers read it on a telephone", longest)
		}
	}
	return p.checkKeep()
}

// addresses are the mail addresses and numbers customers are told to write to: they are the company's, never masked.
func (p PrivacyConfig) addresses() (out []string) {
	for _, word := range strings.FieldsFunc(p.Officer, func(c rune) bool { return c == ' ' || c == ',' || c == ';' || c == '<' || c == '>' }) {
		if _, err := mail.ParseAddress(word); err == nil {
			out = append(out, word)
		}
	}
	if number := digits(p.Officer); len(number) >= 7 && strings.Contains(p.Officer, "+") {
		out = append(out, number)
	}
	return out
}
