package managed

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText is the longest text a policy may hold, in bytes.
const maxText = 2048

// take turns what a source gave into a value of the key's kind, or says why it is none.
func (d Def) take(raw any) (value any, why string) {
	value, why = d.kind(plain(raw))
	if why == "" && d.valid != nil {
		why = d.valid(value)
	}
	return value, why
}

func (d Def) kind(raw any) (any, string) {
	switch d.Kind {
	case Int:
		n, ok := raw.(int64)
		if !ok {
			return nil, "must be a whole number, is " + called(raw)
		}
		if n < int64(d.Min) || n > int64(d.Max) {
			return nil, fmt.Sprintf("%d is outside %d to %d", n, d.Min, d.Max)
		}
		return int(n), ""
	case Bool:
		b, ok := raw.(bool)
		if !ok {
			return nil, "must be true or false, is " + called(raw)
		}
		return b, ""
	case List:
		list, ok := raw.([]string)
		if !ok {
			return nil, "must be a list of texts, is " + called(raw)
		}
		if len(list) < d.Min || len(list) > d.Max {
			return nil, fmt.Sprintf("has %d items, not %d to %d", len(list), d.Min, d.Max)
		}
		for i, s := range list {
			if why := text(s); why != "" {
				return nil, "item " + strconv.Itoa(i+1) + " " + why
			}
		}
		return list, ""
	}
	s, ok := raw.(string)
	if !ok {
		return nil, "must be a text, is " + called(raw)
	}
	if why := text(s); why != "" {
		return nil, why
	}
	switch d.Kind {
	case Enum:
		if _, ok := d.Value(s); !ok {
			return nil, "must be one of " + d.names()
		}
	case URL:
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
			return nil, "must be an address that begins with https://, without user, ? and #"
		}
		if p := u.Port(); p != "" {
			if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
				return nil, "has no port that exists"
			}
		}
	}
	return s, ""
}

func (d Def) names() string {
	var names []string
	for _, v := range d.Values {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}

func text(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty"
	case len(s) > maxText:
		return fmt.Sprintf("is longer than %d bytes", maxText)
	case !utf8.ValidString(s), strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "holds characters that cannot be shown"
	}
	return ""
}

// plain brings what the parsers and the registry give to string, bool, int64 or []string; anything else stays as it is.
func plain(raw any) any {
	switch v := raw.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
	case int:
		return int64(v)
	case uint64:
		if v <= 1<<62 {
			return int64(v)
		}
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return raw
			}
			list[i] = s
		}
		return list
	}
	return raw
}

// called is what people call a value of a wrong kind.
func called(raw any) string {
	switch raw.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case json.Number, float64, uint64:
		return "a number"
	case []string:
		return "a list of texts"
	case []any:
		return "a list"
	case map[string]any:
		return "a group of keys"
	case nil:
		return "null"
	}
	return "something else"
}

// bareHost wants an address that names a host and nothing on it.
func bareHost(value any) string {
	if u, err := url.Parse(value.(string)); err != nil || strings.Trim(u.Path, "/") != "" {
		return "must be an address without a path"
	}
	return ""
}

// address is an https URL as it is dialled: host:port.
func address(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// digest refuses what is no SHA-256 in hexadecimal digits.
func digest(value any) string {
	if b, err := hex.DecodeString(value.(string)); err != nil || len(b) != sha256.Size {
		return "is no SHA-256: 64 hexadecimal digits"
	}
	return ""
}

func pins(value any) string {
	for i, s := range value.([]string) {
		if _, ok := Pin(s); !ok {
			return "item " + strconv.Itoa(i+1) + " is no SHA-256 in base64 or hexadecimal"
		}
	}
	return ""
}

// Pin reads a SHA-256 as a policy writes it: in base64 of either alphabet, with or without padding, or in hexadecimal with or without colons.
func Pin(text string) (out [32]byte, ok bool) {
	text = strings.TrimSpace(text)
	if b, err := hex.DecodeString(strings.ReplaceAll(text, ":", "")); err == nil && len(b) == len(out) {
		return [32]byte(b), true
	}
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(strings.TrimPrefix(text, "sha256/"), "="))
	if b, err := base64.RawURLEncoding.DecodeString(text); err == nil && len(b) == len(out) {
		return [32]byte(b), true
	}
	return out, false
}
