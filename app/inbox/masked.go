package inbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// A SpanKind says what a span of a [Masked] text hides.
type SpanKind uint8

// The kinds of spans. Plain text hides nothing; every other kind shows a hint in place of what was there.
const (
	Plain    SpanKind = 0
	Phone    SpanKind = 1
	Email    SpanKind = 2
	Handle   SpanKind = 3 // a username or a link that reaches a person
	Card     SpanKind = 4
	Account  SpanKind = 5 // an IBAN or another bank account
	Place    SpanKind = 6 // an address or coordinates
	FullName SpanKind = 7
	Digits   SpanKind = 8 // a long run of digits that could be an identifier

	lastSpanKind = Digits
)

// A Span is a run of text. Text is what is shown: the text itself for [Plain], a hint such as "+49 ••• ••" otherwise.
type Span struct {
	Kind SpanKind
	Text string
}

// Masked is text fit for an agent's eyes: runs of plain text and masked spans. Its zero value shows nothing.
// It is immutable. Decoding refuses anything that still looks like a full identifier.
//
// Under every fmt verb, in JSON and in slog a Masked prints only its length: content does not belong in logs.
// Use [Masked.Visible] to show it.
type Masked struct{ spans []Span }

// ErrIdentifying is returned when a text that should be masked still shows an identifier.
var ErrIdentifying = errors.New("text shows an identifier")

var errMaskedForm = errors.New("masked text is malformed")

// NewMasked makes a Masked of the spans. Plain text that is [Identifying] is hidden whole: NewMasked fails closed, so
// whoever masks should leave nothing for it to find. Invalid UTF-8 is replaced by U+FFFD.
func NewMasked(spans ...Span) Masked {
	out := make([]Span, 0, len(spans))
	for _, s := range spans {
		if s.Text == "" {
			continue
		}
		if !utf8.ValidString(s.Text) {
			s.Text = strings.ToValidUTF8(s.Text, "\uFFFD")
		}
		if Identifying(s.Text) {
			s = Span{Kind: Digits, Text: "•••"}
		}
		if n := len(out); n > 0 && s.Kind == Plain && out[n-1].Kind == Plain && !Identifying(out[n-1].Text+s.Text) {
			out[n-1].Text += s.Text
			continue
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return Masked{}
	}
	m := Masked{spans: out}
	if len(out) > 1 && Identifying(m.Visible()) { // an identifier cut in two by span borders
		return Masked{spans: []Span{{Kind: Digits, Text: "•••"}}}
	}
	return m
}

// PlainText makes a Masked of one plain run; see [NewMasked] for what happens to identifiers in it.
func PlainText(text string) Masked { return NewMasked(Span{Text: text}) }

// Spans returns the runs in order. The caller must not change them.
func (m Masked) Spans() []Span { return m.spans }

// IsZero reports whether m shows nothing.
func (m Masked) IsZero() bool { return len(m.spans) == 0 }

// Visible returns what an agent sees, hints included.
func (m Masked) Visible() string {
	switch len(m.spans) {
	case 0:
		return ""
	case 1:
		return m.spans[0].Text
	}
	n := 0
	for _, s := range m.spans {
		n += len(s.Text)
	}
	var b strings.Builder
	b.Grow(n)
	for _, s := range m.spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Hides reports whether m has a span that is not plain.
func (m Masked) Hides() bool {
	for _, s := range m.spans {
		if s.Kind != Plain {
			return true
		}
	}
	return false
}

// Excerpt returns the first n runes of m on one line, spans kept, with an ellipsis when something was cut.
func (m Masked) Excerpt(n int) Masked {
	if len(m.spans) == 1 && len(m.spans[0].Text) <= n && !strings.ContainsAny(m.spans[0].Text, "\r\n") {
		return m // most messages are short: nothing to copy
	}
	out := make([]Span, 0, len(m.spans))
	for _, s := range m.spans {
		s.Text = strings.Join(strings.FieldsFunc(s.Text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
		if c := utf8.RuneCountInString(s.Text); c <= n {
			n -= c
			out = append(out, s)
			continue
		}
		if s.Kind == Plain {
			r := []rune(s.Text)
			s.Text = string(r[:n])
			out = append(out, s)
		}
		out = append(out, Span{Text: "…"})
		break
	}
	return NewMasked(out...)
}

// String says only how long the text is.
func (m Masked) String() string { return fmt.Sprintf("[text of %d bytes]", len(m.Visible())) }

// Format prints [Masked.String] under every verb.
func (m Masked) Format(f fmt.State, _ rune) { fmt.Fprint(f, m.String()) }

// MarshalJSON prints [Masked.String]; JSON is for logs and diagnostics, never for storage.
func (m Masked) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// LogValue prints [Masked.String].
func (m Masked) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Equal reports whether both show the same spans.
func (m Masked) Equal(o Masked) bool {
	if len(m.spans) != len(o.spans) {
		return false
	}
	for i, s := range m.spans {
		if s != o.spans[i] {
			return false
		}
	}
	return true
}

// MarshalBinary encodes m as a sequence of kind (one byte), length (uvarint), text.
func (m Masked) MarshalBinary() ([]byte, error) {
	n := 0
	for _, s := range m.spans {
		n += 1 + binary.MaxVarintLen32 + len(s.Text)
	}
	b := make([]byte, 0, n)
	for _, s := range m.spans {
		b = append(b, byte(s.Kind))
		b = binary.AppendUvarint(b, uint64(len(s.Text)))
		b = append(b, s.Text...)
	}
	return b, nil
}

// UnmarshalBinary decodes what [Masked.MarshalBinary] made. It returns an error wrapping [ErrIdentifying] if a span
// still shows an identifier, and refuses unknown kinds, empty spans and invalid UTF-8.
func (m *Masked) UnmarshalBinary(b []byte) error {
	var spans []Span
	text := string(b) // one copy; spans are slices of it
	for len(text) > 0 {
		kind := SpanKind(text[0])
		if kind > lastSpanKind {
			return errMaskedForm
		}
		size, n := binary.Uvarint(b[len(b)-len(text)+1:])
		if n <= 0 || size == 0 || size > uint64(len(text)-1-n) {
			return errMaskedForm
		}
		s := Span{Kind: kind, Text: text[1+n : 1+n+int(size)]}
		if !utf8.ValidString(s.Text) {
			return errMaskedForm
		}
		spans = append(spans, s)
		text = text[1+n+int(size):]
	}
	out := Masked{spans: spans}
	if Identifying(out.Visible()) {
		return fmt.Errorf("decoding a masked text: %w", ErrIdentifying)
	}
	*m = out
	return nil
}

// Identifying reports whether text shows something no agent may see whichever way it got there: an e-mail address, a
// phone number in international form, a WhatsApp message id, a link that opens a chat with a person. It is the floor
// under the masking engine, shared by both ends of the wire: the relay never lets such a text out, a device never
// takes one in. It allocates nothing and is fast enough to run on every text decoded.
func Identifying(text string) bool {
	for i := 0; i < len(text); i++ {
		if !telling[text[i]] {
			continue
		}
		switch c := text[i]; {
		case c == '@':
			if addressAround(text, i) {
				return true
			}
		case c == '+' || c == '0' && i+1 < len(text) && text[i+1] == '0' && (i == 0 || !isDigit(text[i-1])):
			if c == '0' {
				// 00 and nine more; a longer run than any number has is a parcel's or a machine's
				if digitsFollowing(text[i:]) >= 11 && digitRun(text[i:]) <= 2+15 {
					return true
				}
			} else if n := digitsFollowing(text[i+1:]); n >= 10 || n >= 8 && isDigit(text[i+1]) { // "+ 39.203.000" adds up
				return true
			}
		case (c == 'w' || c == 'W') && i+5 < len(text):
			if hasFold(text[i:], "wamid.") || hasFold(text[i:], "wa.me/") {
				return true
			}
		}
	}
	return false
}

// telling are the bytes an identifier is recognised by. All others are passed over, which is most of a text.
var telling = [256]bool{'@': true, '+': true, '0': true, 'w': true, 'W': true}

// digitsFollowing counts the digits at the start of s, allowing up to two separators between neighbours.
func digitsFollowing(s string) int {
	n, gap := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			n, gap = n+1, 0
		case c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')':
			if gap++; gap > 2 {
				return n
			}
		default:
			return n
		}
	}
	return n
}

// digitRun counts the digits at the start of s that have nothing between them.
func digitRun(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// addressAround reports whether the @ at i stands inside local@domain.tld. A domain that begins with a bullet is a
// hint, "k•••@•••.de", and tells no address.
func addressAround(s string, i int) bool {
	if i == 0 || !isWord(s[i-1]) || strings.HasPrefix(s[i+1:], "•") {
		return false
	}
	letters, dot := 0, false
	for j := i + 1; j < len(s); j++ {
		switch c := s[j]; {
		case c == '.' && j > i+1:
			dot, letters = true, 0
		case isWord(c) || c == '-':
			if dot && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80) {
				letters++
			}
			if letters >= 2 {
				return true
			}
		default:
			return false
		}
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
