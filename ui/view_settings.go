package ui

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Settings is what a person chose about looks, keys and sounds. It is kept in Fyne's preferences, a plain file: nothing
// personal belongs in it.
type Settings struct {
	Language   string // "" follows the system
	Theme      string // "", "light" or "dark"
	TextSize   int    // percent
	Contrast   bool
	Compact    bool
	EnterSends bool
	Notify     bool
	Sound      bool
	Idle       int // minutes until the inbox locks, where that is sooner than the company wants; 0 is the company's time
}

// A Rule is what the company says about a setting: its value, in the words of the setting's table; whether it stands or only
// is what a person begins with; and where the rule comes from.
type Rule struct {
	Value  string
	Locked bool
	Source string // in the reader's words, such as the name of a policy; "" for none
}

// The names of the settings, in rules and in the preferences.
const (
	SettingLanguage = "language"
	SettingTheme    = "theme"
	SettingText     = "text"
	SettingContrast = "contrast"
	SettingDensity  = "density"
	SettingEnter    = "enter"
	SettingNotify   = "notify"
	SettingSound    = "sound"
	SettingIdle     = "idle"
)

// A setting is one choice: what it can be, and where it stands in Settings. The screen, the preferences and the company's
// rules are made from one table of them.
type setting struct {
	name   string
	group  string // key of the heading it stands under
	values []string
	texts  func(value string) string
	of     func(*Settings) string
	set    func(*Settings, string)
}

const (
	settingOn  = "on"
	settingOff = "off"
)

// onOff is a setting that holds or not. The first of the values is what is shown first.
func onOff(name, group, first, second string, yes string, field func(*Settings) *bool) setting {
	values := []string{first, second}
	return setting{name: name, group: group, values: values,
		texts: func(v string) string { return word("settings." + name + "." + v) },
		of: func(s *Settings) string {
			if *field(s) {
				return yes
			}
			return values[1-slices.Index(values, yes)]
		},
		set: func(s *Settings, v string) { *field(s) = v == yes }}
}

// languageNames are the languages in their own words.
var languageNames = map[string]string{"en": "English", "de": "Deutsch", "it": "Italiano"}

// settings is the table, in the order of the screen.
var settings = []setting{
	{name: SettingLanguage, group: "settings.group.looks", values: []string{"", "en", "de", "it"},
		texts: func(v string) string {
			if v == "" {
				return word("settings.language.system")
			}
			return languageNames[v]
		},
		of: func(s *Settings) string { return s.Language }, set: func(s *Settings, v string) { s.Language = v }},
	{name: SettingTheme, group: "settings.group.looks", values: []string{"", "light", "dark"},
		texts: func(v string) string {
			if v == "" {
				v = "system"
			}
			return word("settings.theme." + v)
		},
		of: func(s *Settings) string { return s.Theme }, set: func(s *Settings, v string) { s.Theme = v }},
	{name: SettingText, group: "settings.group.looks", values: []string{"90", "100", "115", "130"},
		texts: func(v string) string { return v + " %" },
		of: func(s *Settings) string {
			if s.TextSize == 0 {
				return "100"
			}
			return strconv.Itoa(s.TextSize)
		}, set: func(s *Settings, v string) { s.TextSize, _ = strconv.Atoi(v) }},
	onOff(SettingDensity, "settings.group.looks", "comfortable", "compact", "compact", func(s *Settings) *bool { return &s.Compact }),
	onOff(SettingContrast, "settings.group.looks", "normal", "high", "high", func(s *Settings) *bool { return &s.Contrast }),
	onOff(SettingEnter, "settings.group.writing", "sends", "newline", "sends", func(s *Settings) *bool { return &s.EnterSends }),
	onOff(SettingNotify, "settings.group.notice", settingOn, settingOff, settingOn, func(s *Settings) *bool { return &s.Notify }),
	onOff(SettingSound, "settings.group.notice", settingOn, settingOff, settingOn, func(s *Settings) *bool { return &s.Sound }),
	{name: SettingIdle, group: "settings.group.safety", values: []string{"0", "2", "5", "10", "15", "30"},
		texts: func(v string) string {
			if v == "0" {
				return word("settings.idle.company")
			}
			n, _ := strconv.Atoi(v)
			return word("span.m", "M", n)
		},
		of: func(s *Settings) string { return strconv.Itoa(s.Idle) }, set: func(s *Settings, v string) { s.Idle, _ = strconv.Atoi(v) }},
}

// defaultSettings are those of somebody who has chosen nothing.
func defaultSettings() Settings {
	return Settings{TextSize: 100, EnterSends: true, Notify: true, Sound: true}
}

// holds reports whether a value is one of the table's.
func (x setting) holds(v string) bool { return slices.Contains(x.values, v) }

// recommended are those of somebody who has chosen nothing, where the company has an opinion.
func recommended(rules map[string]Rule) Settings {
	s := defaultSettings()
	for _, x := range settings {
		if r, ok := rules[x.name]; ok && x.holds(r.Value) {
			x.set(&s, r.Value)
		}
	}
	return s
}

// ruled are the settings in force: what a person chose, under what the company has fixed. Values that are none of the table's
// are left as they are.
func ruled(s Settings, rules map[string]Rule) Settings {
	for _, x := range settings {
		if r, ok := rules[x.name]; ok && r.Locked && x.holds(r.Value) {
			x.set(&s, r.Value)
		}
	}
	return s
}

// idleAfter is after how long without a person the inbox locks: a person may want it sooner than the company, never later.
func idleAfter(company time.Duration, s Settings) time.Duration {
	own := time.Duration(s.Idle) * time.Minute
	if own > 0 && (company <= 0 || own < company) {
		return own
	}
	return company
}

// A SettingView is one row of the screen.
type SettingView struct {
	Name   string
	Label  string
	Help   string // "" for none
	Values []string
	Texts  []string
	At     int
	Lock   string // who decided it, in words; "" where the reader does
}

// A SettingGroup is rows under a heading.
type SettingGroup struct {
	Title string
	Rows  []SettingView
}

// settingsView is the screen, narrowed to what matches a query: every word of it must begin a word of a row.
func settingsView(s Settings, rules map[string]Rule, company time.Duration, query string) []SettingGroup {
	s = ruled(s, rules)
	var out []SettingGroup
	for _, x := range settings {
		v := SettingView{Name: x.name, Label: word("settings." + x.name), Help: settingHelp(x.name, company)}
		for _, value := range x.values {
			if n, _ := strconv.Atoi(value); x.name == SettingIdle && company > 0 && n > 0 && time.Duration(n)*time.Minute >= company {
				continue // later than the company wants
			}
			v.Values, v.Texts = append(v.Values, value), append(v.Texts, x.texts(value))
		}
		v.At = max(slices.Index(v.Values, x.of(&s)), 0)
		if r, ok := rules[x.name]; ok && r.Locked {
			v.Lock = word("settings.locked")
			if r.Source != "" {
				v.Lock = word("settings.locked.by", "Source", r.Source)
			}
		}
		title := word(x.group)
		if !matches(query, append([]string{title, v.Label, v.Help}, v.Texts...)...) {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Title != title {
			out = append(out, SettingGroup{Title: title})
		}
		g := &out[len(out)-1]
		g.Rows = append(g.Rows, v)
	}
	return out
}

// settingHelp is the line below a label.
func settingHelp(name string, company time.Duration) string {
	switch name {
	case SettingContrast:
		return word("settings.contrast.help")
	case SettingNotify:
		return word("settings.notify.help")
	case SettingIdle:
		if company <= 0 {
			return word("settings.idle.never")
		}
		return word("settings.idle.help", "Span", span(company))
	}
	return ""
}

// matches reports whether every word of a query begins a word of the texts.
func matches(query string, texts ...string) bool {
	all := strings.Fields(strings.ToLower(strings.Join(texts, " ")))
	for _, q := range strings.Fields(strings.ToLower(query)) {
		if !slices.ContainsFunc(all, func(t string) bool { return strings.HasPrefix(strings.TrimLeft(t, "(„“\"'"), q) }) {
			return false
		}
	}
	return true
}
