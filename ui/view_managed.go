package ui

import (
	"reflect"
	"strings"
	"time"
)

// A ManagedView is the page that says what the organisation set on this machine.
type ManagedView struct {
	Lead    string
	Notices []ManagedNotice
	Groups  []ManagedGroup
	Empty   string // there is nothing to show; Advice says what that means
	Advice  string
}

// A ManagedNotice says that something about the policy is not as IT meant it.
type ManagedNotice struct {
	Tone        Tone
	Title, Text string
}

// A ManagedGroup is rows under a heading.
type ManagedGroup struct {
	Title string
	Rows  []ManagedRow
}

// A ManagedRow is one setting.
type ManagedRow struct {
	Title, Help, Value string
	Notes              []ManagedNote
}

// A ManagedNote is an icon and a sentence: who says so, and when it counts.
type ManagedNote struct{ Icon, Text string }

// managedView is the page in a language.
func managedView(m Managed, language string) ManagedView {
	var set, left []ManagedRow
	for _, s := range m.Settings {
		r := ManagedRow{Title: inLanguage(s.Title, language), Help: inLanguage(s.Help, language), Value: managedValue(s.Value, language)}
		if !s.Set {
			left = append(left, r)
			continue
		}
		r.Notes = append(r.Notes, ManagedNote{"lock", word("managed.origin", "Place", s.Origin)})
		if s.Later {
			r.Notes = append(r.Notes, ManagedNote{"clock", word("managed.later")})
		}
		if s.Void {
			r.Notes = append(r.Notes, ManagedNote{"info", word("managed.void")})
		}
		set = append(set, r)
	}
	v := ManagedView{Notices: managedNotices(m)}
	if len(set) == 0 {
		v.Empty, v.Advice = word("managed.empty"), word("managed.empty.text")
		return v
	}
	v.Lead = word("managed.lead")
	v.Groups = append(v.Groups, ManagedGroup{word("managed.set"), set})
	if len(left) > 0 {
		v.Groups = append(v.Groups, ManagedGroup{word("managed.left"), left})
	}
	return v
}

func managedNotices(m Managed) (out []ManagedNotice) {
	if len(m.Trouble) > 0 {
		out = append(out, ManagedNotice{ToneWarn, word("managed.broken"), word("managed.broken.text", "Problem", strings.Join(m.Trouble, "\n"))})
	}
	if len(m.Unknown) > 0 {
		out = append(out, ManagedNotice{ToneInfo, word("managed.unknown"), word("managed.unknown.text", "Keys", strings.Join(m.Unknown, ", "))})
	}
	return out
}

func inLanguage(words map[string]string, language string) string {
	if text, ok := words[language]; ok {
		return text
	}
	return words["en"]
}

// managedValue is a value for people.
func managedValue(value any, language string) string {
	switch v := value.(type) {
	case map[string]string:
		return inLanguage(v, language)
	case []string:
		return strings.Join(v, ", ")
	case time.Duration:
		if v%time.Minute == 0 {
			return span(v)
		}
		return word("span.s", "S", grouped(int(v/time.Second)))
	case bool:
		if v {
			return word("managed.yes")
		}
		return word("managed.no")
	}
	return ""
}

// policyTold is what the strip has to say of the policy.
type policyTold uint8

const (
	newsNone policyTold = iota
	newsChanged
	newsLater  // some of it takes effect at the next start
	newsBroken // the policy that is there cannot be obeyed; the one before is
)

// policyNews is what there is to say when one policy follows another.
func policyNews(before, after Managed) policyTold {
	if len(after.Trouble) > 0 {
		return newsBroken
	}
	news := newsNone
	for _, i := range managedChanges(before, after) {
		if news = max(news, newsChanged); i >= 0 && after.Settings[i].Later {
			news = newsLater
		}
	}
	return news
}

// managedChanges are the settings that differ, by their number; -1 when the table itself or anything else does.
func managedChanges(before, after Managed) []int {
	var out []int
	rest := func(m Managed) Managed {
		m.Settings, m.Trouble = nil, nil
		return m
	}
	if len(before.Settings) != len(after.Settings) || !reflect.DeepEqual(rest(before), rest(after)) {
		out = append(out, -1)
	}
	for i := range min(len(before.Settings), len(after.Settings)) {
		if !reflect.DeepEqual(before.Settings[i], after.Settings[i]) {
			out = append(out, i)
		}
	}
	return out
}

// policyStatus is the strip's view of it.
func policyStatus(n policyTold) StatusView {
	v := StatusView{Icon: "settings", Tone: ToneInfo, Action: word("managed.show")}
	switch n {
	case newsChanged:
		v.Text = word("status.policy")
	case newsLater:
		v.Text = word("status.policy.later")
	case newsBroken:
		v.Icon, v.Tone, v.Text = "warn", ToneWarn, word("status.policy.broken")
	default:
		return StatusView{}
	}
	return v
}

// sooner is the shorter of two times after which something happens; 0 is never.
func sooner(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

// brokenPolicyView stands before an inbox that stays closed because nobody knows what the organisation wants.
func brokenPolicyView(problems []string) StartView {
	v := StartView{Icon: "shield", Tone: ToneWarn, Title: word("start.policy.title"), Text: word("start.policy.text"), Button: word("action.retry"), Way: WayRetry, Auto: true}
	if len(problems) > 0 {
		v.Text += "\n\n" + word("start.policy.problem", "Problem", problems[0])
		if more := len(problems) - 1; more > 0 {
			v.Text += " " + count("start.policy.more", more)
		}
	}
	return v
}

// serverKnown says the first step of an enrolment in other words where the policy names the server: only the code is missing.
func (v *EnrolView) serverKnown(s *KnownServer, err error) {
	if s == nil || v.Done || v.Steps[0].State != StepNow {
		return
	}
	if troubleOf(err) == TroubleNotEnrolment {
		v.Error = word("enrol.err.code")
	}
	v.Field = word("enrol.code.field")
	v.Steps[0].Title, v.Steps[0].Detail = word("enrol.known"), word("enrol.known.detail", "Server", s.Address)
}

// BrokenPolicy is TroublePolicy with what is wrong, in IT's words.
type BrokenPolicy struct{ Problems []string }

// Error returns the trouble's name, for logs.
func (BrokenPolicy) Error() string { return TroublePolicy.Error() }

// Is makes it a TroublePolicy.
func (BrokenPolicy) Is(target error) bool { return target == TroublePolicy }
