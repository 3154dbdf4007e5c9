package mask

import (
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"sealdesk/app/inbox"
)

// A NamePolicy says how much of a contact's name agents see.
type NamePolicy uint8

// The name policies.
const (
	FirstInitial NamePolicy = 0 // first name and the initial of the last
	Full         NamePolicy = 1
	AliasOnly    NamePolicy = 2 // no name, the alias stands in for it
)

// A Policy is what a company lets its agents see. The zero value is the default: first name and initial, no digits.
type Policy struct {
	Name   NamePolicy
	Digits int // how many last digits of a phone number a hint shows, 0 to 2; anything else counts as 0
}

// Known is what the relay knows around a text: it makes masking sharper, never weaker, except for Company. Its values
// are personal data: a Known prints "[redacted]" wherever it is printed.
type Known struct {
	Phones  []string // the contact's numbers, E.164 digits
	Emails  []string // the contact's addresses, lower-case
	Handles []string // the contact's usernames, without @
	Region  string   // ISO 3166-1 alpha-2 of the contact; "" when unknown
	// Company holds the company's own numbers (E.164 digits) and addresses. They are never masked. Because no text may
	// leave the relay that reads like somebody's identifier (see [inbox.Identifying]), a company number is shown in
	// national form and a company address without its top-level domain.
	Company []string
}

// Found is an identifier found in a text, normalised: the digits of E.164 for a phone number, a lower-case address
// for an e-mail, a lower-case name without @ for a handle. It prints "[redacted]" wherever it is printed.
type Found struct {
	Kind  inbox.SpanKind
	Value string
}

const redacted = "[redacted]"

// String returns "[redacted]".
func (Found) String() string { return redacted }

// Format prints "[redacted]" under every verb.
func (Found) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalJSON prints "[redacted]".
func (Found) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue prints "[redacted]".
func (Found) LogValue() slog.Value { return slog.StringValue(redacted) }

// String returns "[redacted]".
func (Known) String() string { return redacted }

// Format prints "[redacted]" under every verb.
func (Known) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalJSON prints "[redacted]".
func (Known) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue prints "[redacted]".
func (Known) LogValue() slog.Value { return slog.StringValue(redacted) }

// The hints. None of them holds enough digits, or an @ after a word, to be taken for an identifier.
const (
	hidden       = "•••"
	hintDigits   = hidden
	hintCard     = "•••• ••••"
	hintPhone    = "••• ••••"
	hintHandle   = "@" + hidden
	bullet       = '•'
	maxNameRunes = 64
)

// Phone returns the hint for a number in E.164 digits: its country's calling code and, by policy, its last digits. The
// zero Masked stands for no number.
func (p Policy) Phone(e164 string) inbox.Masked {
	d := digitsOf(e164)
	if d == "" {
		return inbox.Masked{}
	}
	return inbox.NewMasked(inbox.Span{Kind: inbox.Phone, Text: p.phoneHint(d, callingCode(d))})
}

// Email returns the hint for an address: its first letter and its top-level domain. The zero Masked stands for no
// address.
func (p Policy) Email(addr string) inbox.Masked {
	if addr == "" {
		return inbox.Masked{}
	}
	return inbox.NewMasked(inbox.Span{Kind: inbox.Email, Text: emailHint(addr)})
}

// Handle returns the hint for a username: its first letter. The zero Masked stands for no username.
func (p Policy) Handle(name string) inbox.Masked {
	name = strings.TrimPrefix(name, "@")
	if name == "" {
		return inbox.Masked{}
	}
	return inbox.NewMasked(inbox.Span{Kind: inbox.Handle, Text: handleHint(name)})
}

// PersonName returns what agents see of a name the contact gave himself. The zero Masked says that there is no name to show:
// by policy, or because what stands there is a number, an address or a handle rather than a name.
func (p Policy) PersonName(profile string, k Known) inbox.Masked {
	if p.Name == AliasOnly {
		return inbox.Masked{}
	}
	words := strings.FieldsFunc(strings.ToValidUTF8(profile, ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	whole := strings.Join(words, " ")
	if r := []rune(whole); len(r) > maxNameRunes {
		whole = string(r[:maxNameRunes])
	}
	shown, _ := p.Text(whole, k)
	if shown.Hides() || strings.ContainsAny(whole, "@/") || digitCount(whole) > 4 {
		return inbox.Masked{}
	}
	if p.Name == Full {
		return shown
	}
	names := words[:0]
	for _, w := range words {
		if hasLetter(w) && !titles[strings.ToLower(strings.Trim(w, "."))] {
			names = append(names, strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }))
		}
	}
	if len(names) == 0 {
		return inbox.Masked{}
	}
	first, cut := names[0], false
	r := []rune(first)
	switch {
	case unicode.In(r[0], unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
		if len(r) > 1 || len(names) > 1 { // the family's name comes first; an initial of the other would be all of it
			first, cut = string(r[0])+"••", true
		}
	case len(names) > 1:
		last := names[len(names)-1]
		if initial, n := utf8.DecodeRuneInString(last); letters(last[n:]) > 0 {
			first += " " + string(unicode.ToUpper(initial)) + "."
		} // else one letter is the whole name
		cut = true
	}
	kind := inbox.Plain
	if cut {
		kind = inbox.FullName
	}
	return inbox.NewMasked(inbox.Span{Kind: kind, Text: first})
}

// FileName masks the name of a file: its last path element, without characters that would make it read as another
// name, masked as text is.
func (p Policy) FileName(name string, k Known) (inbox.Masked, []Found) {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "_"), "\\", "/"))
	if name == "." || name == "/" {
		return inbox.Masked{}, nil
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) { // right-to-left marks turn "fdp.exe" around
			return -1
		}
		return r
	}, name)
	return p.Text(name, k)
}

func (p Policy) phoneHint(digits, code string) string {
	hint := hintPhone
	if n := p.Digits; n > 0 && n <= 2 && len(digits) >= 7 {
		hint = hint[:len(hint)-n*len(string(bullet))] + digits[len(digits)-n:]
	}
	if code == "" {
		return hint
	}
	return "+" + code + " " + hint
}

func emailHint(addr string) string {
	local, domain, _ := strings.Cut(strings.ToValidUTF8(addr, ""), "@")
	first, _ := utf8.DecodeRuneInString(local)
	if !unicode.IsLetter(first) {
		first = bullet
	}
	hint := string(first) + hidden + "@" + hidden
	if dot := strings.LastIndexByte(domain, '.'); dot >= 0 && isTopLevel(domain[dot+1:]) {
		hint += "." + strings.ToLower(domain[dot+1:])
	}
	return hint
}

func handleHint(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	if !unicode.IsLetter(first) {
		return hintHandle
	}
	return "@" + string(first) + hidden
}

// Country returns the ISO 3166-1 alpha-2 region of a number in E.164 digits; "" when it cannot be told.
func Country(e164 string) string {
	n, err := phonenumbers.Parse("+"+digitsOf(e164), "")
	if err != nil {
		return ""
	}
	if r := phonenumbers.GetRegionCodeForNumber(n); len(r) == 2 && r != "ZZ" {
		return r
	}
	return mainRegion(callingCode(digitsOf(e164)))
}

// callingCodes maps the calling codes that exist to their main region.
var callingCodes = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, 256)
	for code := range phonenumbers.GetSupportedCallingCodes() {
		m[fmt.Sprint(code)] = phonenumbers.GetRegionCodeForCountryCode(code)
	}
	return m
})

// isCallingCode is by number; no calling code begins with a zero.
var isCallingCode = sync.OnceValue(func() *[1000]bool {
	var is [1000]bool
	for code := range phonenumbers.GetSupportedCallingCodes() {
		is[code] = true
	}
	return &is
})

// callingCode returns the calling code digits start with, "" when there is none.
func callingCode(digits string) string {
	is := isCallingCode()
	for n, code := 1, 0; n <= 3 && n < len(digits) && isDigit(digits[n-1]); n++ {
		if code = code*10 + int(digits[n-1]-'0'); code == 0 {
			return ""
		}
		if is[code] {
			return digits[:n]
		}
	}
	return ""
}

func mainRegion(code string) string {
	if r := callingCodes()[code]; len(r) == 2 && r != "ZZ" {
		return r
	}
	return ""
}

func digitsOf(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = isDigit(s[i])
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func digitCount(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }
