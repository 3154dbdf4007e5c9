package leak

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

const (
	canaryPhone = "+4915155501234"
	canaryMail  = "jane.doe+shop@example.org"
	canaryName  = "Zoë O'Hara"
)

func three() *Scanner {
	return New([]Canary{{"phone", canaryPhone}, {"email", canaryMail}, {"name", canaryName}})
}

func packed(t *testing.T, open func(io.Writer) io.WriteCloser, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gz(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

// encodings are made by other means than the scanner's own, wherever the standard library has some.
func encodings(t *testing.T) map[string]func(string) string {
	utf16s := func(big bool) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, u := range utf16.Encode([]rune(s)) {
				if big {
					b.Write([]byte{byte(u >> 8), byte(u)})
				} else {
					b.Write([]byte{byte(u), byte(u >> 8)})
				}
			}
			return b.String()
		}
	}
	each := func(format string) func(string) string {
		return func(s string) (out string) {
			for _, b := range []byte(s) {
				out += fmt.Sprintf(format, b)
			}
			return out
		}
	}
	return map[string]func(string) string{
		"plain":            func(s string) string { return s },
		"capitals":         strings.ToUpper,
		"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 shifted 1": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s + "tail")) },
		"base64 shifted 2": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("xy" + s + "tail")) },
		"base64url":        func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("12345" + s + "?")) },
		"base64 in lines": func(s string) string {
			e := base64.StdEncoding.EncodeToString([]byte("a long header of a mail " + s + " and more"))
			return e[:38] + "\r\n" + e[38:]
		},
		"base32":       func(s string) string { return base32.StdEncoding.EncodeToString([]byte("ab" + s)) },
		"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
		"hex capitals": func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"hex verb":     func(s string) string { return fmt.Sprintf("% x", s) },
		"utf-16le":     utf16s(false),
		"utf-16be":     utf16s(true),
		"runes in memory": func(s string) (out string) {
			for _, r := range s {
				out += string([]byte{byte(r), byte(r >> 8), byte(r >> 16), 0})
			}
			return out
		},
		"reversed": func(s string) string {
			out := ""
			for _, r := range s {
				out = string(r) + out
			}
			return out
		},
		"url query":  url.QueryEscape,
		"url path":   url.PathEscape,
		"url all":    each("%%%02X"),
		"json":       func(s string) string { b, _ := json.Marshal("<" + s + ">"); return string(b) },
		"go quoted":  func(s string) string { return fmt.Sprintf("%+q", s) },
		"go bytes":   func(s string) string { return fmt.Sprint([]byte(s)) },
		"go literal": func(s string) string { return fmt.Sprintf("%#v", []byte(s)) },
		"json bytes": func(s string) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(s)), "[]"), " ", ",") },
		"html":       html.EscapeString,
		"html all": func(s string) (out string) {
			for _, r := range s {
				out += fmt.Sprintf("&#%d;", r)
			}
			return out
		},
		"quoted-printable": func(s string) string {
			return packed(t, func(w io.Writer) io.WriteCloser { return quotedprintable.NewWriter(w) }, strings.Repeat("word ", 13)+s+" and more")
		},
		"quoted-printable all": each("=%02X"),
		"gzip":                 func(s string) string { return packed(t, gz, s) },
		"zlib": func(s string) string {
			return packed(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, s)
		},
		"zip": func(s string) string {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			f, _ := w.Create("docProps/core.xml")
			io.WriteString(f, strings.Repeat("<a/>", 50)+s)
			w.Close()
			return b.String()
		},
		"gzip in gzip": func(s string) string { return packed(t, gz, "x"+packed(t, gz, s)) },
		"cbor text":    func(s string) string { return "\xa1\x01\x78" + string(rune(len(s))) + s + "\x02" },
		"wamid": func(s string) string {
			return "wamid." + base64.StdEncoding.EncodeToString([]byte("\x1c\x18\x0d"+s+"\x15\x02\x00\x12\x18\x14ABCDEF0123456789ABCD\x00"))
		},
	}
}

// TestEveryEncodingOfEveryCanaryIsFound is the test of all tests that use a Scanner: it must not be blind.
func TestEveryEncodingOfEveryCanaryIsFound(t *testing.T) {
	s := three()
	noise := make([]byte, 3000)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(noise)
	all := encodings(t)
	if len(all) < 25 {
		t.Fatalf("%d encodings", len(all))
	}
	for rule, encode := range all {
		for i, value := range []string{canaryPhone, canaryMail, canaryName, onlyDigits(canaryPhone)} {
			text := encode(value)
			for _, around := range []string{"%s", "noise before %s", "%s and after", "\x00\xff\x01%s\xfe", string(noise) + "%s"} {
				around = strings.ReplaceAll(strings.ReplaceAll(around, "%", "%%"), "%%s", "%s")
				found := false
				for _, h := range s.Bytes("f", fmt.Appendf(nil, around, text)) {
					found = found || h.Index == i%3
				}
				if !found && (rule != "capitals" || i != 2) { // the accent of a capital is another letter
					t.Errorf("%s of value %d is not found behind %.10q", rule, i, around)
				}
			}
		}
	}
}

func TestNumbersAreFoundAsPeopleWriteThem(t *testing.T) {
	s := three()
	for rule, text := range map[string]string{
		"digits of the number":              "4915155501234",
		"national number":                   "015155501234",
		"with spaces":                       "+49 151 555 01234",
		"with brackets and dashes":          "0049 (151) 555-012-34",
		"with dots":                         "49.151.555.01234",
		"with commas":                       "1,5,1,5,5,5,0,1,2,3,4",
		"with spaces that do not break":     "+49\u00a0151\u00a0555\u00a001234",
		"full-width":                        "４９１５１５５５０１２３４",
		"arabic-indic":                      "٤٩١٥١٥٥٥٠١٢٣٤",
		"persian, national":                 "۱۵۱۵۵۵۰۱۲۳۴",
		"devanagari":                        "४९१५१५५५०१२३४",
		"read out in English":               "one five one five five five zero one two three four",
		"read out in German, with commas":   "fünf, eins, fünf, fünf, fünf, null, eins, zwei, drei, vier",
		"read out in Italian":               "uno cinque cinque cinque zero uno due tre quattro",
		"read out in Spanish, with hyphens": "uno-cinco-cinco-cinco-cero-uno-dos-tres-cuatro",
		"over two lines":                    "+4915155\n501234",
		"reversed digits":                   "4321055515194",
	} {
		if len(s.Bytes("f", []byte("before "+text+" after"))) == 0 {
			t.Errorf("%s: not found", rule)
		}
	}
}

func TestNearMissesAreLeftAlone(t *testing.T) {
	s := three()
	for rule, text := range map[string]string{
		"a masked number keeps its last digits": "+49 ··· ···1234",
		"another number":                        "+4915155501235",
		"a number that begins alike":            "+4915155501 2 people",
		"digits too far apart":                  "4915155    501234",
		"a masked e-mail":                       "j···@example.org",
		"another mailbox of the domain":         "jane.d0e+shop@example.org",
		"first name alone":                      "Zoë",
		"base64 of another number":              base64.StdEncoding.EncodeToString([]byte("+4915155509999")),
		"hex of another number":                 hex.EncodeToString([]byte("+4915155509999")),
		"another number, packed":                packed(t, gz, "+4915155509999"),
		"empty":                                 "",
		"short":                                 "491",
	} {
		for _, h := range s.Bytes("f", []byte(text)) {
			t.Errorf("%s: taken for %s", rule, h.Encoding)
		}
	}
}

func TestNoiseIsNoCanary(t *testing.T) {
	var all []Canary
	for i := range 300 {
		all = append(all, Canary{"phone", fmt.Sprintf("+1555010%04d", i)}, Canary{"name", fmt.Sprintf("Nam%c%c", 'a'+i%26, 'a'+i/26)},
			Canary{"wamid", fmt.Sprintf("wamid.HBgN%032d==", i)})
	}
	s := New(all)
	noise := make([]byte, 8<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	for _, h := range s.Bytes("f", noise) {
		t.Errorf("taken for %s", h.Encoding)
	}
}

func TestNamesContentsAndLinksAreRead(t *testing.T) {
	s := New([]Canary{{"phone", canaryPhone}})
	dir := filepath.Join(t.TempDir(), "home")
	write := func(name string, content []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("clean.txt", []byte("nothing here"))
	if c, err := s.Tree(dir); err != nil || len(c.Hits) != 0 || c.Files != 1 || c.Bytes != 12 {
		t.Fatalf("clean folder: %+v, %v", c, err)
	}
	write("deep/er/4915155501234.db", nil)
	write("cache/blob", []byte("xx"+canaryPhone))
	if err := os.Symlink("/media/4915155501234", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	c, err := s.Tree(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, h := range c.Hits {
		if h.Encoding == "digits" {
			got[filepath.ToSlash(h.Where)] = h.Offset
		}
		if strings.Contains(h.String(), onlyDigits(canaryPhone)) {
			t.Error("the report itself shows the canary")
		}
	}
	for where, offset := range map[string]int64{"home/deep/er/[a canary].db": -1, "home/cache/blob": 3, "home/link": 7} {
		if at, ok := got[where]; !ok || at != offset {
			t.Errorf("%s: offset %d (found %v), want %d", where, at, ok, offset)
		}
	}
	if _, err := s.Tree(filepath.Join(dir, "absent")); err == nil {
		t.Error("a folder that is not there passed the scan")
	}
}

func TestWhatLiesAcrossPiecesIsFound(t *testing.T) {
	s := New([]Canary{{"phone", canaryPhone}})
	for _, at := range []int{0, pieceSize - 20, pieceSize - 7, pieceSize - 1, pieceSize, pieceSize + 1, 2*pieceSize - 300} {
		for _, text := range []string{canaryPhone, "+49 151 555 01234", packed(t, gz, "x"+canaryPhone)} {
			b := bytes.Repeat([]byte{'.', 'x', 0, 1}, (2*pieceSize+1<<10)/4)
			copy(b[at:], text)
			first := int64(-2)
			for _, h := range s.Bytes("f", b) {
				if first == -2 {
					first = h.Offset
				}
			}
			if first != int64(at) && first != int64(at)+1 {
				t.Errorf("%.4q at %d: found at %d", text, at, first)
			}
		}
	}
}

func TestWhatCannotBeUnpackedIsCounted(t *testing.T) {
	s := New([]Canary{{"phone", canaryPhone}})
	count := func(b string) int {
		_, n, err := s.Reader("f", strings.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	zstd := "\x28\xb5\x2f\xfd" + strings.Repeat("x", 20)
	if n := count(zstd); n != 1 {
		t.Errorf("without an unpacker: %d", n)
	}
	if n := count(packed(t, gz, strings.Repeat("\x00", mostMember+1))); n != 1 {
		t.Errorf("a bomb: %d", n)
	}
	s.Zstd = func(r io.Reader, limit int) []byte { return []byte(canaryPhone) }
	if hits := s.Bytes("f", []byte(zstd)); len(hits) == 0 || !strings.HasPrefix(hits[0].Encoding, "zstd/") || hits[0].Offset != 0 {
		t.Errorf("%v", hits)
	}
}
