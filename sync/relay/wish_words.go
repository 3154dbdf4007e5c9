package relay

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// A writer fills the variables of one message's texts, once for the customer and once for colleagues. The first thing that
// goes wrong stays in err, and nothing is done after it.
type writer struct {
	r            *Relay
	ctx          context.Context
	person       inbox.Person
	conversation inbox.Conversation
	values       []value
	err          error
}

// A value is what stands for a variable about the contact: as it is, and as colleagues may see it.
type value struct {
	raw   string
	shown inbox.Masked
	wide  int // characters it counts for
}

// widest is how many characters a variable counts for against WhatsApp's limits while colleagues do not see its value:
// whether a text fits must not tell how long the value is. What is longer is as unknown as what is not there.
var widest = map[inbox.Variable]int{
	inbox.VarContactName: 40, inbox.VarContactFirst: 24, inbox.VarContactPhone: 16, inbox.VarContactEmail: 60,
}

// gap surrounds the number of a value in a text that was filled in. No text of a person may hold it.
const gap = "\x00"

// fill replaces the variables of a text by gaps that [writer.raw] and [writer.mask] know what to put into. What is the
// company's own stands there at once.
func (w *writer) fill(text string) string {
	if w.err != nil {
		return ""
	}
	if strings.Contains(text, gap) {
		w.err = inbox.RefusedMalformed
		return ""
	}
	var trouble error
	out, err := inbox.Expand(text, func(name inbox.Variable) (string, bool) {
		switch name {
		case inbox.VarAgentName:
			return w.person.Name, true
		case inbox.VarInboxName:
			return w.r.inboxName(w.conversation.Inbox), true
		}
		raw, ok, err := w.r.vault.Variable(w.ctx, w.conversation.Contact.ID, name)
		if err != nil {
			trouble = err
		}
		if !ok || raw == "" || err != nil {
			return "", false
		}
		v := value{raw: raw, shown: shownOf(w.conversation.Contact, name), wide: utf8.RuneCountInString(raw)}
		if v.shown.Visible() != raw {
			if v.wide > widest[name] {
				return "", false
			}
			v.wide = widest[name]
		}
		w.values = append(w.values, v)
		return gap + strconv.Itoa(len(w.values)-1) + gap, true
	})
	if w.err = err; trouble != nil {
		w.err = trouble
	}
	return out
}

// pieces hands out a filled text piece by piece: what a person wrote, or a value.
func (w *writer) pieces(filled string, text func(string), val func(value)) {
	for i, piece := range strings.Split(filled, gap) {
		if n, err := strconv.Atoi(piece); i%2 == 1 && err == nil && 0 <= n && n < len(w.values) {
			val(w.values[n])
		} else if piece != "" {
			text(piece)
		}
	}
}

// raw is a filled text for the customer's eyes.
func (w *writer) raw(filled string) string {
	var out strings.Builder
	w.pieces(filled, func(s string) { out.WriteString(s) }, func(v value) { out.WriteString(v.raw) })
	return out.String()
}

// wide is a filled text as long as it counts, for limits.
func (w *writer) wide(filled string) string {
	var out strings.Builder
	w.pieces(filled, func(s string) { out.WriteString(s) }, func(v value) { out.WriteString(strings.Repeat("x", v.wide)) })
	return out.String()
}

// plain refuses a text without variables that holds what only [writer.fill] may write.
func (w *writer) plain(texts ...string) {
	for _, s := range texts {
		if w.err == nil && strings.Contains(s, gap) {
			w.err = inbox.RefusedMalformed
		}
	}
}

// mask is a filled text for colleagues' eyes. A value looks as it does on the contact's card: what the policy hides there
// nobody learns by writing a message.
func (w *writer) mask(filled string) inbox.Masked {
	if w.err != nil {
		return inbox.Masked{}
	}
	var spans []inbox.Span
	w.pieces(filled, func(s string) {
		m, err := w.r.vault.MaskOurs(w.ctx, w.conversation.Contact.ID, s)
		if err != nil && w.err == nil {
			w.err = err
		}
		spans = append(spans, m.Spans()...)
	}, func(v value) { spans = append(spans, v.shown.Spans()...) })
	return inbox.NewMasked(spans...)
}

// shownOf is how a variable about the contact looks to colleagues.
func shownOf(c inbox.Contact, name inbox.Variable) inbox.Masked {
	kind, m := inbox.FullName, c.Name
	switch name {
	case inbox.VarContactPhone:
		kind, m = inbox.Phone, c.Phone
	case inbox.VarContactEmail:
		kind, m = inbox.Email, c.Email
	case inbox.VarContactFirst:
		if !m.Hides() {
			first, _, _ := strings.Cut(m.Visible(), " ")
			m = inbox.PlainText(first)
		}
	}
	if m.IsZero() {
		return inbox.NewMasked(inbox.Span{Kind: kind, Text: "•••"})
	}
	return m
}
