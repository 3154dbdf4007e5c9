package leak

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A Canary is one identifier to look for. Class says what it is, for the report; it must not name the person.
type Canary struct{ Class, Value string }

// needle is one form in which a canary could lie somewhere.
type needle struct {
	id   int
	form string
	text string
	fold bool // compare without regard to ASCII case
}

const (
	leastNeedle = 5 // shorter forms would be found everywhere by chance
	localDigits = 9 // of a longer number, this many last digits give it away without the country code
	leastDigits = 7 // fewer are no telephone number
)

// source is a canary's value, or the part of it that gives it away alone.
type source struct{ name, text string }

func sourcesOf(value string) []source {
	all := []source{{"plain", value}}
	if d := onlyDigits(value); len(d) >= leastDigits && 2*len(d) > len([]rune(value)) {
		all = append(all, source{"digits", d})
		if len(d) > localDigits+1 {
			all = append(all, source{"local digits", d[len(d)-localDigits:]})
		}
	}
	return all
}

// formsOf returns every form of a canary that is looked for.
func formsOf(i int, value string) []needle {
	var list []needle
	seen := map[string]bool{}
	add := func(form, text string, fold bool) {
		if len(text) >= leastNeedle && !seen[text] {
			seen[text] = true
			fold = fold && len(text) > leastNeedle // a five-letter name in any case turns up in sealed noise by chance
			list = append(list, needle{i, form, text, fold})
		}
	}
	for _, s := range sourcesOf(value) {
		text := s.text
		named := func(form string) string { return s.name + " " + form }
		add(s.name, text, true)
		add(named("reversed"), reversed(text), true)
		for pad := range 3 {
			add(named(fmt.Sprint("base64+", pad)), core(base64.RawStdEncoding.EncodeToString, 6, text, pad), false)
			add(named(fmt.Sprint("base64url+", pad)), core(base64.RawURLEncoding.EncodeToString, 6, text, pad), false)
		}
		for pad := range 5 {
			add(named(fmt.Sprint("base32+", pad)), core(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString, 5, text, pad), true)
		}
		le, be := utf16Bytes(text)
		add(named("utf-16le"), le, true)
		add(named("utf-16be"), be, true)
		add(named("utf-32"), utf32Bytes(text), true)
		add(named("url query"), url.QueryEscape(text), true)
		add(named("url path"), url.PathEscape(text), true)
		add(named("json"), jsonInner(text), true)
		add(named("json escaped"), jsonEscaped(text, false), true)
		add(named("json escaped all"), jsonEscaped(text, true), true)
		add(named("go quoted"), strings.Trim(strconv.QuoteToASCII(text), `"`), true)
		add(named("html"), html.EscapeString(text), true)
		add(named("html decimal"), eachRune(text, "&#%d;", ""), true)
		add(named("html hex"), eachRune(text, "&#x%x;", ""), true)
		add(named("quoted-printable"), quotedPrintable(text), true)
		add(named("hex"), hex.EncodeToString([]byte(text)), true)
		add(named("hex spaced"), eachByte(text, "%02x", " "), true)
		add(named("hex escaped"), eachByte(text, `\x%02x`, ""), true)
		add(named("hex list"), eachByte(text, "0x%x", ", "), true)
		add(named("url all"), eachByte(text, "%%%02x", ""), true)
		add(named("quoted-printable all"), eachByte(text, "=%02x", ""), true)
		add(named("byte list"), eachByte(text, "%d", " "), false)
		add(named("byte list, commas"), eachByte(text, "%d", ","), false)
		add(named("byte list, commas and spaces"), eachByte(text, "%d", ", "), false)
		if onlyDigits(text) == text {
			for name, zero := range map[string]rune{"full-width": '０', "arabic-indic": '٠', "persian": '۰', "devanagari": '०'} {
				add(named(name), otherDigits(text, zero), false)
			}
			for lang, words := range digitWords {
				for name, between := range map[string]string{"words": " ", "words, commas": ", ", "words, hyphens": "-", "words, joined": ""} {
					add(named(lang+" "+name), inWords(text, words, between), true)
				}
			}
		}
	}
	return list
}

// digitWords are how a number is read out.
var digitWords = map[string][10]string{
	"en": {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"},
	"de": {"null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"},
	"it": {"zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"},
	"es": {"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"},
}

func inWords(digits string, words [10]string, between string) string {
	all := make([]string, len(digits))
	for i := range len(digits) {
		all[i] = words[digits[i]-'0']
	}
	return strings.Join(all, between)
}

func otherDigits(digits string, zero rune) string {
	return strings.Map(func(r rune) rune { return zero + r - '0' }, digits)
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// core is the part of an encoding of text, of so many bits a character, that does not depend on what stands before and
// after it, when text begins at an offset that leaves pad. This finds a number inside a wamid, which is base64 of more
// than it.
func core(encode func([]byte) string, bits int, text string, pad int) string {
	full := encode([]byte(strings.Repeat("\x00", pad) + text))
	from := (pad*8 + bits - 1) / bits // first character that holds only bits of text
	to := (pad + len(text)) * 8 / bits
	if from >= to {
		return ""
	}
	return full[from:to]
}

func utf16Bytes(s string) (le, be string) {
	var l, b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		l.WriteByte(byte(u))
		l.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return l.String(), b.String()
}

// utf32Bytes is little endian: how a []rune lies in memory.
func utf32Bytes(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.Write([]byte{byte(r), byte(r >> 8), byte(r >> 16), byte(r >> 24)})
	}
	return b.String()
}

func eachByte(s, format, between string) string {
	all := make([]string, len(s))
	for i := range len(s) {
		all[i] = fmt.Sprintf(format, s[i])
	}
	return strings.Join(all, between)
}

func eachRune(s, format, between string) string {
	var all []string
	for _, r := range s {
		all = append(all, fmt.Sprintf(format, r))
	}
	return strings.Join(all, between)
}

// quotedPrintable encodes what must be; soft line breaks are taken out before anything is looked for.
func quotedPrintable(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c == '=' || c < ' ' || c > '~' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func jsonInner(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(out[1 : len(out)-1])
}

// jsonEscaped writes \uXXXX for everything that is not plain ASCII letters and digits, or for everything.
func jsonEscaped(s string, all bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		plain := u < 0x80 && (u == ' ' || u == '.' || u == '-' || u == '_' || u >= '0' && u <= '9' || u|0x20 >= 'a' && u|0x20 <= 'z')
		if plain && !all {
			b.WriteByte(byte(u))
		} else {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String()
}
