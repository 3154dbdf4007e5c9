package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	canaryPhone = "+4915155501234"
	canaryMail  = "jane.doe+shop@example.org"
	canaryName  = "Zoë O'Hara"
)

// hitsIn returns the forms found in b.
func hitsIn(s *scanner, b []byte) []string {
	var forms []string
	s.bytes("f", b, 0, func(h hit) { forms = append(forms, h.form) })
	return forms
}

// Each encoding is made here by other means than the scanner's own, wherever the standard library has some.
func TestScannerFindsEveryEncoding(t *testing.T) {
	s := newScanner([]identifier{{"phone", canaryPhone}, {"email", canaryMail}, {"name", canaryName}})
	utf16le := func(s string) string {
		var b strings.Builder
		for _, r := range s {
			b.WriteByte(byte(r))
			b.WriteByte(byte(r >> 8))
		}
		return b.String()
	}
	html, _ := json.Marshal("<" + canaryName + ">")
	cases := []struct{ rule, text string }{
		{"plain phone", canaryPhone},
		{"plain e-mail", canaryMail},
		{"plain name", canaryName},
		{"e-mail in capitals", strings.ToUpper(canaryMail)},
		{"digits of the phone", "4915155501234"},
		{"national number", "015155501234"},
		{"number with spaces", "+49 151 555 01234"},
		{"number with brackets and dashes", "0049 (151) 555-012-34"},
		{"number with dots", "49.151.555.01234"},
		{"base64 aligned", base64.StdEncoding.EncodeToString([]byte(canaryPhone))},
		{"base64 shifted by one", base64.StdEncoding.EncodeToString([]byte("x" + canaryPhone + "tail"))},
		{"base64 shifted by two", base64.StdEncoding.EncodeToString([]byte("xy" + canaryPhone + "tail"))},
		{"base64 of the e-mail, shifted", base64.URLEncoding.EncodeToString([]byte("12345" + canaryMail + "?"))},
		{"a wamid, which is base64 around the digits", "wamid." + base64.StdEncoding.EncodeToString([]byte("\x1d\x0e\x0d4915155501234\x15\x02\x00\x11\x18\x12ABCDEF"))},
		{"hex", hex.EncodeToString([]byte(canaryMail))},
		{"hex in capitals", strings.ToUpper(hex.EncodeToString([]byte(canaryPhone)))},
		{"utf-16 little endian", utf16le(canaryName)},
		{"utf-16 big endian", "\x00" + utf16le(canaryMail)},
		{"url query", url.QueryEscape(canaryMail)},
		{"url path", url.PathEscape(canaryName)},
		{"url, every byte", percentAll(canaryPhone)},
		{"json with escapes for html", string(html)},
		{"json with every rune escaped", `\u0034\u0039\u0031\u0035\u0031\u0035\u0035\u0035\u0030\u0031\u0032\u0033\u0034`},
		{"json with plus escaped", `\u002b4915155501234`},
		{"json with the accent escaped", `Zo\u00eb O\u0027Hara`},
		{"reversed", "43210555151 94+"},
		{"reversed digits", "4321055515194"},
		{"reversed e-mail", "gro.elpmaxe@pohs+eod.enaj"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			text := c.text
			if c.rule == "reversed" {
				text = "4321055515194+"
			}
			for _, around := range []string{"%s", "noise before %s", "%s and after", "\x00\xff\x01%s\xfe"} {
				if len(hitsIn(s, []byte(fmt.Sprintf(around, text)))) == 0 {
					t.Errorf("not found in %q", fmt.Sprintf(around, text))
				}
			}
		})
	}
}

func TestScannerLeavesNearMissesAlone(t *testing.T) {
	s := newScanner([]identifier{{"phone", canaryPhone}, {"email", canaryMail}, {"name", canaryName}})
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
		"empty":                                 "",
		"short":                                 "491",
	} {
		if forms := hitsIn(s, []byte(text)); len(forms) > 0 {
			t.Errorf("%s: %q taken for %v", rule, text, forms)
		}
	}
}

func TestScannerIsNotFooledByNoise(t *testing.T) {
	var ids []identifier
	for i := range 300 {
		ids = append(ids, identifier{"phone", fmt.Sprintf("+1555010%04d", i)}, identifier{"name", fmt.Sprintf("Nam%c%c", 'a'+i%26, 'a'+i/26)},
			identifier{"wamid", fmt.Sprintf("wamid.HBgN%032d==", i)})
	}
	s := newScanner(ids)
	noise := make([]byte, 8<<20)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(noise)
	if forms := hitsIn(s, noise); len(forms) > 0 {
		t.Errorf("noise taken for %v", forms)
	}
}

func TestScanReadsNamesContentsAndLinks(t *testing.T) {
	s := newScanner([]identifier{{"phone", canaryPhone}})
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
	if c, err := s.tree(dir); err != nil || len(c.hits) != 0 || c.files != 1 || c.bytes != 12 {
		t.Fatalf("clean folder: %+v, %v", c, err)
	}
	write("deep/er/4915155501234.db", nil)
	write("cache/blob", []byte("xx"+canaryPhone))
	if err := os.Symlink("/media/4915155501234", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	c, err := s.tree(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, h := range c.hits {
		if h.form == "digits" {
			got[filepath.ToSlash(h.where)] = h.offset
		}
	}
	for where, offset := range map[string]int64{"home/deep/er/4915155501234.db": -1, "home/cache/blob": 3, "home/link": 7} {
		if at, ok := got[where]; !ok || at != offset {
			t.Errorf("%s: offset %d (found %v), want %d", where, at, ok, offset)
		}
	}
	for _, h := range c.hits {
		if strings.Contains(h.String(), canaryPhone) {
			t.Errorf("the report itself shows the identifier")
		}
	}
	if _, err := s.tree(filepath.Join(dir, "absent")); err == nil {
		t.Error("a folder that is not there passed the scan")
	}
}

func TestScanFindsWhatLiesAcrossPieces(t *testing.T) {
	s := newScanner([]identifier{{"phone", canaryPhone}})
	piece := 4*s.longest + 64 + (4 << 20)
	for _, at := range []int{0, piece - 20, piece - 7, piece - 1, piece, piece + 1, 2*piece - 300} {
		for _, text := range []string{canaryPhone, "+49 151 555 01234"} {
			b := bytes.Repeat([]byte{'.', 'x'}, piece+1<<10)
			copy(b[at:], text)
			var first int64 = -2
			n, err := s.stream("f", bytes.NewReader(b), func(h hit) {
				if first == -2 {
					first = h.offset
				}
			})
			if err != nil || n != int64(len(b)) {
				t.Fatalf("read %d of %d: %v", n, len(b), err)
			}
			if first != int64(at) && first != int64(at)+1 {
				t.Errorf("%q at %d: found at %d", text, at, first)
			}
		}
	}
}

func TestReadIdentifiers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ids.jsonl")
	for _, c := range []struct {
		rule, text string
		n          int
	}{
		{"one a line, doubles once, other members ignored", "{\"kind\":\"phone\",\"value\":\"+15550100\",\"persona\":1}\n\n{\"kind\":\"phone\",\"value\":\"+15550100\"}\n{\"kind\":\"email\",\"value\":\"a@example.org\"}\n", 2},
		{"an empty list proves nothing", "\n", 0},
		{"half a line is an error", "{\"kind\":\"phone\",\"val", 0},
		{"a line without a value is an error", "{\"kind\":\"phone\"}\n", 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			ids, err := readIdentifiers(path)
			if len(ids) != c.n || (err == nil) != (c.n > 0) {
				t.Errorf("%d identifiers, %v; want %d", len(ids), err, c.n)
			}
		})
	}
}

func TestScanForSaysWhatItChecked(t *testing.T) {
	var out bytes.Buffer
	d := &dev{root: t.TempDir(), out: newConsole(&out)}
	file := filepath.Join(d.root, "client.log")
	if err := os.WriteFile(file, []byte("connected\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := []identifier{{"phone", canaryPhone}, {"email", canaryMail}}
	if err := d.scanFor(ids, file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 identifiers (1 email, 1 phone)", "client.log", "10", "no identifier in any form"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	if err := os.WriteFile(file, []byte("connected to "+canaryPhone+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.scanFor(ids, file); err == nil || !strings.Contains(out.String(), "LEAK") {
		t.Errorf("a leak passed: %v\n%s", err, out.String())
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.scanFor(ids, file); err == nil {
		t.Error("a scan of nothing passed")
	}
}
