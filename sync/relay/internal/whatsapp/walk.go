package whatsapp

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deeply a webhook may nest. Meta's deepest shape has about twelve levels.
const MaxDepth = 64

// walker reads JSON once, front to back, without reflection. It exists because the intake pays for every microsecond
// before the 200, and because it yields the raw bytes of any value for free, which encoding/json only does by reading
// twice. The first error sticks: bad is set, the rest of the input is gone, and every loop ends.
type walker struct {
	b     []byte
	i     int
	depth int
	bad   bool
}

func (w *walker) fail() {
	w.bad = true
	w.i = len(w.b)
}

// peek skips white space and returns the next byte, 0 at the end.
func (w *walker) peek() byte {
	for w.i < len(w.b) {
		switch c := w.b[w.i]; c {
		case ' ', '\t', '\n', '\r':
			w.i++
		default:
			return c
		}
	}
	return 0
}

// enter steps into a value that starts with open. Any other value is skipped and false returned.
func (w *walker) enter(open byte) bool {
	if w.peek() != open {
		w.skip()
		return false
	}
	if w.depth++; w.depth > MaxDepth {
		w.fail()
		return false
	}
	w.i++
	return true
}

// more reports whether another element follows and stands before it; n is how many were read.
func (w *walker) more(end byte, n int) bool {
	c := w.peek()
	if c == end {
		w.i++
		w.depth--
		return false
	}
	if n > 0 {
		if c != ',' {
			w.fail()
			return false
		}
		w.i++
		c = w.peek()
		if c == end {
			c = 0
		}
	}
	if c == 0 {
		w.fail()
		return false
	}
	return true
}

// key reads a member's name and its colon.
func (w *walker) key() string {
	if w.peek() != '"' {
		w.fail()
		return ""
	}
	from, to, plain := w.scanString()
	if w.peek() != ':' {
		w.fail()
		return ""
	}
	w.i++
	if !plain {
		return unquote(w.b[from:to])
	}
	return known(w.b[from:to])
}

// known returns names without allocating those that every webhook has.
func known(b []byte) string {
	switch string(b) {
	case "from":
		return "from"
	case "id":
		return "id"
	case "timestamp":
		return "timestamp"
	case "type":
		return "type"
	case "text":
		return "text"
	case "body":
		return "body"
	case "profile":
		return "profile"
	case "name":
		return "name"
	case "wa_id":
		return "wa_id"
	case "user_id":
		return "user_id"
	case "from_user_id":
		return "from_user_id"
	case "metadata":
		return "metadata"
	case "messages":
		return "messages"
	case "statuses":
		return "statuses"
	case "contacts":
		return "contacts"
	case "messaging_product":
		return "messaging_product"
	case "display_phone_number":
		return "display_phone_number"
	case "phone_number_id":
		return "phone_number_id"
	case "field":
		return "field"
	case "value":
		return "value"
	case "changes":
		return "changes"
	case "entry":
		return "entry"
	case "object":
		return "object"
	case "status":
		return "status"
	case "recipient_id":
		return "recipient_id"
	case "recipient_user_id":
		return "recipient_user_id"
	case "conversation":
		return "conversation"
	case "pricing":
		return "pricing"
	case "biz_opaque_callback_data":
		return "biz_opaque_callback_data"
	}
	return string(b)
}

// scanString reads a string and returns where its contents lie; plain means that they need no decoding.
func (w *walker) scanString() (from, to int, plain bool) {
	w.i++ // the opening quote
	from, plain = w.i, true
	for w.i < len(w.b) {
		switch c := w.b[w.i]; {
		case c == '"':
			to = w.i
			w.i++
			return from, to, plain
		case c == '\\':
			plain = false
			if w.i+1 >= len(w.b) {
				w.fail()
				return 0, 0, true
			}
			switch w.b[w.i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				w.i += 2
			case 'u':
				if hex4(w.b[w.i+2:]) < 0 {
					w.fail()
					return 0, 0, true
				}
				w.i += 6
			default:
				w.fail()
				return 0, 0, true
			}
		case c < ' ':
			w.fail()
			return 0, 0, true
		case c >= utf8.RuneSelf:
			plain = false
			w.i++
		default:
			w.i++
		}
	}
	w.fail()
	return 0, 0, true
}

func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unquote decodes the contents of a scanned string: escapes, surrogate pairs, and U+FFFD for every byte that is not UTF-8.
func unquote(b []byte) string {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		c := b[i]
		if c != '\\' {
			if c < utf8.RuneSelf {
				out = append(out, c)
				i++
				continue
			}
			r, n := utf8.DecodeRune(b[i:])
			out = utf8.AppendRune(out, r)
			i += n
			continue
		}
		switch e := b[i+1]; e {
		case 'u':
			r := hex4(b[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if i+6 <= len(b) && b[i] == '\\' && b[i+1] == 'u' {
					pair = utf16.DecodeRune(r, hex4(b[i+2:]))
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		default:
			out = append(out, e)
		}
		i += 2
	}
	return string(out)
}

// skip reads a value of any kind and returns its bytes.
func (w *walker) skip() Raw {
	c := w.peek()
	from := w.i
	switch c {
	case '{':
		w.enter('{')
		for n := 0; w.more('}', n); n++ {
			if w.peek() != '"' {
				w.fail()
				break
			}
			w.scanString()
			if w.peek() != ':' {
				w.fail()
				break
			}
			w.i++
			w.skip()
		}
	case '[':
		w.enter('[')
		for n := 0; w.more(']', n); n++ {
			w.skip()
		}
	case '"':
		w.scanString()
	case 't':
		w.literal("true")
	case 'f':
		w.literal("false")
	case 'n':
		w.literal("null")
	default:
		w.number()
	}
	if w.bad {
		return nil
	}
	return Raw(w.b[from:w.i])
}

func (w *walker) literal(word string) {
	if len(w.b)-w.i < len(word) || string(w.b[w.i:w.i+len(word)]) != word {
		w.fail()
		return
	}
	w.i += len(word)
}

func (w *walker) digits() bool {
	from := w.i
	for w.i < len(w.b) && '0' <= w.b[w.i] && w.b[w.i] <= '9' {
		w.i++
	}
	return w.i > from
}

func (w *walker) at(c byte) bool { return w.i < len(w.b) && w.b[w.i] == c }

func (w *walker) number() {
	if w.at('-') {
		w.i++
	}
	if w.at('0') {
		w.i++
	} else if !w.digits() {
		w.fail()
		return
	}
	if w.at('.') {
		w.i++
		if !w.digits() {
			w.fail()
			return
		}
	}
	if w.at('e') || w.at('E') {
		w.i++
		if w.at('+') || w.at('-') {
			w.i++
		}
		if !w.digits() {
			w.fail()
		}
	}
}

// str reads a string. A number counts as its digits, because Meta writes some ids either way; anything else as absent.
func (w *walker) str() string {
	switch c := w.peek(); {
	case c == '"':
		from, to, plain := w.scanString()
		if plain {
			return string(w.b[from:to])
		}
		return unquote(w.b[from:to])
	case c == '-' || '0' <= c && c <= '9':
		return string(w.skip())
	default:
		w.skip()
		return ""
	}
}

func (w *walker) hidden() secret { return hide(w.str()) }

// boolean reads true, also as a string; everything else is false.
func (w *walker) boolean() bool {
	if w.peek() == '"' {
		return w.str() == "true"
	}
	return string(w.skip()) == "true"
}

// integer reads a whole number, also as a string; everything else is 0.
func (w *walker) integer() int {
	n, err := strconv.ParseInt(w.str(), 10, 64)
	if err != nil {
		return 0
	}
	return int(n)
}

// float reads a number, also as a string; everything else is 0.
func (w *walker) float() float64 {
	f, err := strconv.ParseFloat(w.str(), 64)
	if err != nil {
		return 0
	}
	return f
}

// digest reads a SHA-256 as base64 (webhooks) or hex (the media route); anything else is nil.
func (w *walker) digest() []byte { return parseDigest(w.str()) }
