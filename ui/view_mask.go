package ui

import (
	"strconv"
	"strings"

	"sealdesk/app/inbox"
)

// maskKinds are what the kinds of hidden things are called; the keys of their tips begin like that.
var maskKinds = map[inbox.SpanKind]string{
	inbox.Phone: "mask.phone", inbox.Email: "mask.email", inbox.Handle: "mask.handle", inbox.Card: "mask.card", inbox.Account: "mask.account",
	inbox.Place: "mask.place", inbox.FullName: "mask.name", inbox.Digits: "mask.digits",
}

// tokenOf reads the sign that stands for one hidden thing wherever a customer mentions it, "⟦phone 1⟧" or "⟦phone 1 •34⟧":
// its number and what is shown of it. Number is 0 for other hints.
func tokenOf(s inbox.Span) (number int, shown string) {
	text, ok := strings.CutPrefix(s.Text, "⟦")
	if !ok || s.Kind == inbox.Plain {
		return 0, ""
	}
	text, ok = strings.CutSuffix(text, "⟧")
	_, rest, more := strings.Cut(text, " ")
	if !ok || !more {
		return 0, ""
	}
	digits, shown, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 {
		return 0, ""
	}
	return n, shown
}

// maskText is what is shown of a span: hints as they are, signs in the reader's language.
func maskText(s inbox.Span) string {
	n, shown := tokenOf(s)
	if n == 0 {
		return s.Text
	}
	text := word(maskKinds[s.Kind]+".n", "N", grouped(n))
	if shown != "" {
		text += " " + shown
	}
	return text
}

// maskTip says what is hidden, and that the same thing has the same sign.
func maskTip(s inbox.Span) string {
	kind, ok := maskKinds[s.Kind]
	if !ok {
		return ""
	}
	text := word(kind) + " · " + word("contact.policy")
	if n, _ := tokenOf(s); n > 0 {
		text = word(kind+".n", "N", grouped(n)) + " · " + word("mask.same")
	}
	return text
}

// shownText is what a reader sees of a text, and gets when he copies it.
func shownText(m inbox.Masked) string {
	var b strings.Builder
	for _, s := range m.Spans() {
		b.WriteString(maskText(s))
	}
	return b.String()
}

// placeText says how exact the place is that a customer sent; hidden reports that nothing of it is shown.
func placeText(m inbox.Masked) (text string, hidden bool) {
	for _, s := range m.Spans() {
		switch {
		case s.Kind != inbox.Place:
		case strings.HasPrefix(s.Text, "≈"):
			return word("media.location.area"), false
		case !strings.HasPrefix(s.Text, "•"):
			return word("media.location.exact"), false
		}
	}
	return word("media.location.detail"), true
}
