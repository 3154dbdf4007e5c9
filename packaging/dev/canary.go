package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf16"
)

// identifier is one thing a customer or Meta made up and that must never reach a device. wasim writes them as JSON
// lines {"kind","value"}; other members are ignored.
type identifier struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// readIdentifiers reads wasim's list. An empty list is an error: a scan for nothing proves nothing.
func readIdentifiers(path string) ([]identifier, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	seen := map[identifier]bool{}
	var all []identifier
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var id identifier
		if err := json.Unmarshal(lines.Bytes(), &id); err != nil || id.Kind == "" || id.Value == "" {
			return nil, fmt.Errorf("identifier list, line %d: want {\"kind\",\"value\"}", n)
		}
		if !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the identifier list is empty")
	}
	return all, nil
}

// needle is one form in which an identifier could lie in a file.
type needle struct {
	id   int
	form string
	text string
	fold bool // compare without regard to ASCII case
}

const (
	leastNeedle = 5 // shorter forms would be found everywhere by chance
	localDigits = 9 // of a longer number, this many last digits give it away without the country code
)

// formsOf returns every form of an identifier that we look for. The number of a form's kind is what the report counts.
func formsOf(i int, id identifier) []needle {
	var list []needle
	seen := map[string]bool{}
	add := func(form, text string, fold bool) {
		if len(text) >= leastNeedle && !seen[text] {
			seen[text] = true
			fold = fold && len(text) > leastNeedle // a five-letter name in any case turns up in sealed noise by chance
			list = append(list, needle{i, form, text, fold})
		}
	}
	sources := []struct{ name, text string }{{"plain", id.Value}}
	if d := onlyDigits(id.Value); len(d) >= 7 && 2*len(d) > len(id.Value) {
		sources = append(sources, struct{ name, text string }{"digits", d})
		if len(d) > localDigits+1 {
			sources = append(sources, struct{ name, text string }{"local digits", d[len(d)-localDigits:]})
		}
	}
	for _, s := range sources {
		add(s.name, s.text, true)
		add(s.name+" reversed", reversed(s.text), true)
		for pad := range 3 {
			for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
				add(fmt.Sprintf("%s %s+%d", s.name, name, pad), base64Core(enc, s.text, pad), false)
			}
		}
		add(s.name+" hex", hex.EncodeToString([]byte(s.text)), true)
		le, be := utf16Bytes(s.text)
		add(s.name+" utf-16le", le, true)
		add(s.name+" utf-16be", be, true)
		add(s.name+" url query", url.QueryEscape(s.text), true)
		add(s.name+" url path", url.PathEscape(s.text), true)
		add(s.name+" url all", percentAll(s.text), true)
		add(s.name+" json", jsonInner(s.text), true)
		add(s.name+" json escaped", jsonEscaped(s.text, false), true)
		add(s.name+" json escaped all", jsonEscaped(s.text, true), true)
	}
	return list
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

// base64Core is the part of the encoding of text that does not depend on what stands before and after it, when text
// begins at an offset that leaves pad modulo 3. This finds a number inside a wamid, which is base64 of more than it.
func base64Core(enc *base64.Encoding, text string, pad int) string {
	full := enc.EncodeToString([]byte(strings.Repeat("\x00", pad) + text))
	from := (pad*8 + 5) / 6 // first character that holds only bits of text
	to := (pad + len(text)) * 8 / 6
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

func percentAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
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

// scanner finds all needles in one pass: a bitmap over the folded first four bytes rejects nearly every position, a map
// over them finds the few candidates, and only those are compared. Safe for concurrent use once made.
type scanner struct {
	ids     []identifier
	needles []needle
	forms   int // needles over all identifiers
	short   int // identifiers too short to look for
	filter  []uint64
	byHead  map[uint32][]int
	digits  map[string][]int // digit strings by their first 7 digits, to be found across separators
	longest int
}

const filterBits = 20

func newScanner(ids []identifier) *scanner {
	s := &scanner{ids: ids, filter: make([]uint64, 1<<filterBits/64), byHead: map[uint32][]int{}, digits: map[string][]int{}}
	for i, id := range ids {
		forms := formsOf(i, id)
		if len(forms) == 0 {
			s.short++
		}
		for _, n := range forms {
			at := len(s.needles)
			s.needles = append(s.needles, n)
			h := head([]byte(n.text))
			s.byHead[h] = append(s.byHead[h], at)
			s.filter[slot(h)/64] |= 1 << (slot(h) % 64)
			s.longest = max(s.longest, len(n.text))
			if n.form == "digits" || n.form == "local digits" || n.form == "plain" && onlyDigits(n.text) == n.text {
				s.digits[n.text[:min(7, len(n.text))]] = append(s.digits[n.text[:min(7, len(n.text))]], at)
			}
		}
	}
	s.forms = len(s.needles)
	return s
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b | 0x20
	}
	return b
}

func head(b []byte) uint32 {
	return uint32(lower(b[0])) | uint32(lower(b[1]))<<8 | uint32(lower(b[2]))<<16 | uint32(lower(b[3]))<<24
}

func slot(h uint32) uint32 { return (h * 2654435761) >> (32 - filterBits) }

// hit is one identifier found in one form at one place. It never shows the value: its output may be kept.
type hit struct {
	where  string // file, relative to the root of the scan
	offset int64  // -1: in the file's name
	form   string
	kind   string
	index  int // line of the identifier in wasim's list, from 0
}

func (h hit) String() string {
	at := fmt.Sprintf("byte %d", h.offset)
	if h.offset < 0 {
		at = "its name"
	}
	return fmt.Sprintf("%s, %s: %s of identifier %d (%s)", h.where, at, h.form, h.index+1, h.kind)
}

// bytes reports all needles in b; base is added to the offsets.
func (s *scanner) bytes(where string, b []byte, base int64, report func(hit)) {
	for i := 0; i+leastNeedle <= len(b); i++ {
		h := head(b[i:])
		k := slot(h)
		if s.filter[k/64]&(1<<(k%64)) == 0 {
			continue
		}
		for _, at := range s.byHead[h] {
			n := s.needles[at]
			if len(b)-i < len(n.text) || !matches(b[i:i+len(n.text)], n.text, n.fold) {
				continue
			}
			report(hit{where, base + int64(i), n.form, s.ids[n.id].Kind, n.id})
		}
	}
	s.spaced(where, b, base, report)
}

func matches(b []byte, text string, fold bool) bool {
	for i := range len(text) {
		if b[i] != text[i] && (!fold || lower(b[i]) != lower(text[i])) {
			return false
		}
	}
	return true
}

// spaced finds numbers written with separators between the digits: +49 (151) 555-01.23.
func (s *scanner) spaced(where string, b []byte, base int64, report func(hit)) {
	if len(s.digits) == 0 {
		return
	}
	const gap = 2 // separators in a row that still belong to one number
	run, places := make([]byte, 0, 64), make([]int, 0, 64)
	flush := func() {
		if len(run) >= 7 && places[len(places)-1]-places[0] > len(run)-1 { // else the plain search has seen it
			for i := 0; i+7 <= len(run); i++ {
				for _, at := range s.digits[string(run[i:i+7])] {
					n := s.needles[at]
					if len(run)-i >= len(n.text) && string(run[i:i+len(n.text)]) == n.text && places[i+len(n.text)-1]-places[i] >= len(n.text) {
						report(hit{where, base + int64(places[i]), n.form + " with separators", s.ids[n.id].Kind, n.id})
					}
				}
			}
		}
		run, places = run[:0], places[:0]
	}
	between := 0
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			run, places, between = append(run, c), append(places, i), 0
		case len(run) > 0 && strings.IndexByte(" -./()\t", c) >= 0 && between < gap:
			between++
		case len(run) > 0:
			flush()
			between = 0
		}
	}
	if len(run) > 0 {
		flush()
	}
}

// census is what a scan looked at and what it found.
type census struct {
	files int
	bytes int64
	hits  []hit
}

// tree scans every file below root: names, contents, and the targets of links. A root that is a file is scanned alone.
// A root that is missing is an error: somebody expected it to be there.
func (s *scanner) tree(root string) (census, error) {
	var c census
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		where, err := filepath.Rel(filepath.Dir(root), path)
		if err != nil {
			return err
		}
		seen := map[hit]bool{}
		report := func(h hit) {
			if !seen[h] {
				seen[h] = true
				c.hits = append(c.hits, h)
			}
		}
		name := []byte(entry.Name())
		s.bytes(where, name, 0, func(h hit) { h.offset = -1; report(h) })
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			c.files++
			s.bytes(where, []byte(target), 0, report)
		case entry.Type().IsRegular():
			f, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone since the folder was read
			}
			if err != nil {
				return err
			}
			defer f.Close()
			n, err := s.stream(where, f, report)
			c.files++
			c.bytes += n
			return err
		}
		return nil
	})
	sort.SliceStable(c.hits, func(i, j int) bool { return c.hits[i].where < c.hits[j].where })
	return c, err
}

// stream scans a reader in pieces that overlap by more than the longest needle, separators included.
func (s *scanner) stream(where string, r io.Reader, report func(hit)) (int64, error) {
	overlap := 4*s.longest + 64
	buf := make([]byte, overlap+(4<<20))
	var base int64 // offset of buf[0]
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		s.bytes(where, buf[:kept+n], base, report)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return base + int64(kept+n), nil
			}
			return base + int64(kept+n), err
		}
		copy(buf, buf[kept+n-overlap:kept+n])
		base += int64(kept + n - overlap)
		kept = overlap
	}
}

// scanFor scans the roots for all identifiers and prints what was checked. A hit is a problem.
func (d *dev) scanFor(ids []identifier, roots ...string) error {
	s := newScanner(ids)
	kinds := map[string]int{}
	for _, id := range ids {
		kinds[id.Kind]++
	}
	var names []string
	for k, n := range kinds {
		names = append(names, fmt.Sprintf("%d %s", n, k))
	}
	sort.Strings(names)
	rows := [][]string{{"place", "files", "bytes", "hits"}}
	var all []hit
	var files int
	var size int64
	for _, root := range roots {
		c, err := s.tree(root)
		if err != nil {
			return &problem{happened: "the leak scan could not read " + shortPath(root), err: err}
		}
		rows = append(rows, []string{shortPath(root), fmt.Sprint(c.files), fmt.Sprint(c.bytes), fmt.Sprint(len(c.hits))})
		all, files, size = append(all, c.hits...), files+c.files, size+c.bytes
	}
	d.out.say("leak scan: %d identifiers (%s) in %d forms; too short to look for: %d", len(ids), strings.Join(names, ", "), s.forms, s.short)
	d.out.say("%s", strings.TrimRight(table(rows), "\n"))
	if files == 0 || size == 0 {
		return &problem{happened: "the leak scan found nothing to read", do: "check that the client wrote its data where the scan looks."}
	}
	for i, h := range all {
		if i == 50 {
			d.out.say("  and %d more", len(all)-i)
			break
		}
		d.out.say("  LEAK %s", h)
	}
	if len(all) > 0 {
		return &problem{happened: fmt.Sprintf("%d places on the device hold a customer's identifier", len(all)),
			safe: "these are made-up people of the simulator.", do: "find who wrote the file; nothing may ship before this is empty."}
	}
	d.out.say("no identifier in any form.")
	return nil
}
