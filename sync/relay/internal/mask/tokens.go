package mask

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"sealdesk/app/inbox"
)

// ErrTokens is returned for a saved table of tokens that is damaged or was saved under another key.
var ErrTokens = errors.New("table of tokens is damaged or of another contact")

const (
	markSize  = 16
	maxTokens = 99 // of one kind; more are not numbered any more
)

// tokenNames are what a token calls the kinds. They are words of the relay's, for programs to recognise; a screen shows
// its own language.
var tokenNames = [...]string{
	inbox.Phone: "phone", inbox.Email: "email", inbox.Handle: "handle", inbox.Card: "card", inbox.Account: "account",
	inbox.Place: "place", inbox.FullName: "name", inbox.Digits: "number",
}

// Tokens numbers what was hidden in one contact's texts: the first telephone number is "⟦phone 1⟧" wherever it occurs,
// the second "⟦phone 2⟧". It remembers a keyed hash of each value (HMAC-SHA-256 under a key of that contact alone), so
// that two contacts' tables cannot be compared and a table tells nothing without its key. It may be used concurrently.
// It prints nothing of what it holds.
type Tokens struct {
	key [sha256.Size]byte

	mu      sync.Mutex
	marks   []mark // in the order they were given
	changed bool
}

type mark struct {
	kind inbox.SpanKind
	sum  [markSize]byte
}

// NewTokens returns the table of the contact with this secret: an empty one, or with what [Tokens.Save] returned. It
// returns ErrTokens if saved is not such a thing under the same secret. The secret should be 32 random bytes.
func NewTokens(secret, saved []byte) (*Tokens, error) {
	t := &Tokens{}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("sealdesk/mask/tokens/v1"))
	mac.Sum(t.key[:0])
	if len(saved) == 0 {
		return t, nil
	}
	n := len(saved) - markSize
	if n < 0 || n%(1+markSize) != 0 || !hmac.Equal(saved[n:], t.check(saved[:n])) {
		return nil, ErrTokens
	}
	for b := saved[:n]; len(b) > 0; b = b[1+markSize:] {
		t.marks = append(t.marks, mark{inbox.SpanKind(b[0]), [markSize]byte(b[1 : 1+markSize])})
	}
	return t, nil
}

// Save returns the table as [NewTokens] takes it, 17 bytes for each thing hidden. Whoever keeps it must keep it before
// a text that shows a new token leaves; [Tokens.Changed] tells when.
func (t *Tokens) Save() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]byte, 0, len(t.marks)*(1+markSize)+markSize)
	for _, m := range t.marks {
		out = append(append(out, byte(m.kind)), m.sum[:]...)
	}
	t.changed = false
	return append(out, t.check(out)...)
}

// Fork returns a table of its own that holds what t holds, and costs next to nothing: for masking a text whose tokens may
// not be kept in the end.
func (t *Tokens) Fork() *Tokens {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Tokens{key: t.key, marks: t.marks[:len(t.marks):len(t.marks)]} // marks are only ever appended
}

// Changed reports whether a token was given since the table was made or saved.
func (t *Tokens) Changed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// Of returns the number of a value among those of its kind, from 1; 0 if it never was hidden. The value is normalised as
// [Found] has it.
func (t *Tokens) Of(kind inbox.SpanKind, value string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.find(mark{kind, t.sum(kind, value)})
	if !ok {
		return 0
	}
	return n
}

// find returns the number a mark has, or would get.
func (t *Tokens) find(want mark) (int, bool) {
	n := 0
	for _, m := range t.marks {
		if m.kind == want.kind {
			n++
		}
		if m == want {
			return n, true
		}
	}
	return n + 1, false
}

func (t *Tokens) sum(kind inbox.SpanKind, value string) (sum [markSize]byte) {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write([]byte{1, byte(kind)})
	mac.Write([]byte(value))
	var full [sha256.Size]byte
	copy(sum[:], mac.Sum(full[:0]))
	return sum
}

func (t *Tokens) check(saved []byte) []byte {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write(binary.BigEndian.AppendUint64([]byte{2}, uint64(len(saved))))
	mac.Write(saved)
	return mac.Sum(nil)[:markSize]
}

// token returns what stands in the text for a value, which gets a number if it has none.
func (t *Tokens) token(kind inbox.SpanKind, value string, p Policy) string {
	m := mark{kind, t.sum(kind, value)}
	t.mu.Lock()
	n, ok := t.find(m)
	if !ok && n <= maxTokens {
		t.marks, t.changed = append(t.marks, m), true
	}
	t.mu.Unlock()
	b := append([]byte("⟦"), tokenNames[kind]...)
	if n <= maxTokens {
		b = strconv.AppendInt(append(b, ' '), int64(n), 10)
	}
	if d := digitsOf(value); kind == inbox.Phone && p.Digits > 0 && p.Digits <= 2 && len(d) >= 7 {
		b = append(append(b, " •"...), d[len(d)-p.Digits:]...)
	}
	return string(append(b, "⟧"...))
}

// given reports how many tokens of a kind there are.
func (t *Tokens) given(kind inbox.SpanKind) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.marks {
		if m.kind == kind {
			n++
		}
	}
	return n
}

var (
	tokenOpen  = []byte("⟦")
	tokenClose = []byte("⟧")
)

// ownTokens leaves tokens of ours alone: "⟦phone 1⟧", "⟦phone 2 •34⟧". Where the table is at hand only those it gave
// count, so that nobody writes digits past us in brackets.
func (s *scanner) ownTokens() {
	b := s.b
	for from := 0; ; {
		i := bytes.Index(b[from:], tokenOpen)
		if i < 0 {
			return
		}
		i += from
		from = i + len(tokenOpen)
		end := bytes.Index(b[from:min(len(b), from+32)], tokenClose)
		if end < 0 {
			continue
		}
		name, rest, _ := bytes.Cut(b[from:from+end], []byte(" "))
		for kind, is := range tokenNames {
			if is == "" || string(name) != is {
				continue
			}
			number, shown, tail := bytes.Cut(rest, []byte(" "+string(bullet)))
			n, err := strconv.Atoi(string(number))
			most := maxTokens
			if s.tokens != nil {
				most = s.tokens.given(inbox.SpanKind(kind))
			}
			if len(rest) > 0 && (err != nil || n < 1 || n > most || number[0] == '0' || number[0] == '+') ||
				tail && (s.policy.Digits < len(shown) || len(shown) == 0 || len(shown) > 2 || !isDigit(shown[0]) || !isDigit(shown[len(shown)-1])) {
				break
			}
			s.keep(i, from+end+len(tokenClose))
		}
	}
}

// String returns "[redacted]".
func (*Tokens) String() string { return redacted }

// MarshalJSON prints "[redacted]".
func (*Tokens) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Format prints "[redacted]" under every verb.
func (*Tokens) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
