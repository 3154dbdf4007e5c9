package ui

import (
	"slices"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// A GuardView is what stands above the composer when the guard found something. Its zero value is nothing.
type GuardView struct {
	Action inbox.GuardAction
	Tone   Tone
	Icon   string
	Title  string
	Lines  []string // what was found, and what to do about it
	Reason bool     // a reason must be written
	Button string   // words of the button that sends; "" for the usual ones
}

// A returned message came back from the company's server: the same text again would come back again.
type returned struct {
	text   string
	action inbox.GuardAction // GuardAsk or GuardRefuse
}

// guardLines is how many findings are told: more of them would be read by nobody.
const guardLines = 3

// guardView says what the guard thinks of a text: what it answered, and what it did with the same text before.
func guardView(text string, v inbox.Verdict, back returned) GuardView {
	action := v.Action
	if back.action > 0 && strings.TrimSpace(back.text) == strings.TrimSpace(text) && (text != "" || back.text == "") {
		action = max(action, back.action)
	}
	if action == inbox.GuardPass {
		return GuardView{}
	}
	out := GuardView{Action: action, Icon: "warn", Tone: ToneWarn}
	switch action {
	case inbox.GuardWarn:
		out.Icon, out.Title = "info", word("guard.warn")
	case inbox.GuardAsk:
		out.Title, out.Reason, out.Button = word("guard.ask"), true, word("guard.send.reason")
	case inbox.GuardHold:
		out.Icon, out.Title, out.Button = "clock", word("guard.hold"), word("guard.send.hold")
	default:
		out.Tone, out.Title = ToneDanger, word("guard.refuse")
	}
	findings := slices.Clone(v.Findings)
	slices.SortStableFunc(findings, func(a, b inbox.Finding) int { return int(b.Action) - int(a.Action) })
	for _, f := range findings {
		line := findingText(f, text)
		if f.Action == inbox.GuardPass || slices.Contains(out.Lines, line) {
			continue
		}
		if len(out.Lines) == guardLines {
			break
		}
		out.Lines = append(out.Lines, line)
	}
	if len(out.Lines) == 0 || action == inbox.GuardRefuse && findings[0].Action < action { // the company's server knew more when it was sent
		switch action {
		case inbox.GuardAsk:
			out.Lines = []string{word("guard.back.ask")}
		case inbox.GuardRefuse:
			out.Lines = append(out.Lines, word("guard.back.refuse"))
		}
	}
	return out
}

// mostQuoted is how many characters of a draft a finding quotes.
const mostQuoted = 40

// findingText is what was found, quoted, and what to do about it.
func findingText(f inbox.Finding, text string) string {
	key := ruleKey(f.Rule)
	quoted := quotedPart(f, text)
	found := word(key)
	switch {
	case quoted != "":
		found = word("guard.quoted", "Quote", quoted, "Found", found)
	case f.Detail != "":
		found = word("guard.detail", "Detail", oneLine(f.Detail), "Found", found)
	}
	if f.Action == inbox.GuardWarn {
		return found
	}
	return found + " " + word(key+".do")
}

// quotedPart is the part of a draft a finding is about; "" for the whole of it. What was typed since may have moved it.
func quotedPart(f inbox.Finding, text string) string {
	if f.From < 0 || f.To <= f.From || f.To > len(text) {
		return ""
	}
	part := oneLine(text[f.From:f.To])
	if !utf8.ValidString(part) || part == "" || part == oneLine(text) && utf8.RuneCountInString(part) > mostQuoted {
		return ""
	}
	if utf8.RuneCountInString(part) > mostQuoted {
		part = string([]rune(part)[:mostQuoted-1]) + "…"
	}
	return part
}

// ruleKey begins the keys of the words about a rule.
func ruleKey(r inbox.GuardRule) string {
	keys := map[inbox.GuardRule]string{
		inbox.GuardOthersData: "guard.others", inbox.GuardPayCard: "guard.card", inbox.GuardBank: "guard.bank", inbox.GuardDiversion: "guard.diversion",
		inbox.GuardLink: "guard.link", inbox.GuardMass: "guard.mass", inbox.GuardDiscount: "guard.discount", inbox.GuardRecipient: "guard.recipient",
		inbox.GuardFile: "guard.file", inbox.GuardWindow: "guard.window", inbox.GuardAsksTooMuch: "guard.asks", inbox.GuardForbidden: "guard.forbidden",
	}
	if k, ok := keys[r]; ok {
		return k
	}
	return "guard.rule"
}

// foundText is why the guard holds a message, in the words of its rules; "" when that is not told.
func foundText(rules []inbox.GuardRule) string {
	var out []string
	for _, r := range rules {
		text := strings.TrimSuffix(word(ruleKey(r)), ".")
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, "; ")
}

// withSaid adds what a person answered to the guard to a wish that sends something.
func withSaid(b inbox.IntentBody, s inbox.Said) inbox.IntentBody {
	switch b := b.(type) {
	case inbox.SendText:
		b.Said = s
		return b
	case inbox.SendMedia:
		b.Said = s
		return b
	case inbox.SendTemplate:
		b.Said = s
		return b
	case inbox.SendInteractive:
		b.Said = s
		return b
	case inbox.SendLocation:
		b.Said = s
		return b
	}
	return b
}

// wishWord is what a wish that sends something is called.
func wishWord(b inbox.IntentBody) string {
	kind := inbox.Text
	switch b.(type) {
	case inbox.SendMedia:
		kind = inbox.Document
	case inbox.SendTemplate:
		return word("media.template")
	case inbox.SendInteractive:
		return word("media.interactive")
	case inbox.SendLocation:
		kind = inbox.Location
	}
	_, name := medium(kind)
	return name
}
