package relaytest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sealdesk/packaging/dev/leak"
	"sealdesk/sync/relay/wasim"
)

// A flock is the canaries of one run: made up as it begins, so that none stands in the program that is looked at.
type flock struct {
	rng   *rand.Rand
	all   []leak.Canary
	typed map[string]bool   // what people of the company typed themselves: their own laptop may say it to the relay
	held  map[string]string // by class
}

func newFlock(t testing.TB) *flock {
	seed := uint64(20) // a check of each commit says the same twice; the long one looks further
	if long() {
		seed = rand.Uint64()
	}
	if text := os.Getenv("SEALDESK_SEED"); text != "" { // once more what failed
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the canaries of SEALDESK_SEED=%d", seed)
	return &flock{rng: rand.New(rand.NewPCG(seed, 8)), typed: map[string]bool{}, held: map[string]string{}}
}

// put adds a canary and returns it.
func (f *flock) put(class, value string) string {
	if _, ok := f.held[class]; !ok {
		f.held[class] = value
	}
	f.all = append(f.all, leak.Canary{Class: class, Value: value})
	return value
}

// typedBy adds a canary that somebody of the company types.
func (f *flock) typedBy(class, value string) string {
	f.typed[class] = true
	return f.put(class, value)
}

func (f *flock) word(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[f.rng.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	tenDigits    = "0123456789"
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	idLetters    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// regions are prefixes that look the part, and how many digits follow. Nobody has these numbers: 555, or ranges kept for
// fiction.
var regions = map[string]struct {
	prefix string
	rest   int
}{
	"DE": {"49151555", 5}, "IT": {"39347555", 4}, "US": {"1202555", 4}, "FR": {"336399", 5}, "ES": {"34600555", 3}, "BR": {"551195550", 4},
	"IN": {"9199999", 5}, "SA": {"96650555", 4}, "JP": {"81905555", 4}, "GB": {"447700900", 3},
}

func (f *flock) number(region string) string {
	r := regions[region]
	for {
		n := r.prefix + f.word(tenDigits, r.rest)
		if !slices.ContainsFunc(f.all, func(c leak.Canary) bool { return strings.HasSuffix(c.Value, n[len(n)-8:]) }) {
			return n
		}
	}
}

// name is a made-up word that no language has.
func (f *flock) name() string {
	w := f.word("bcdfghjklmnprstvwz", 1)
	for range 4 {
		w += f.word("aeiou", 1) + f.word("bdfgklmnprstvz", 1)
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

func (f *flock) mail() string {
	return strings.ToLower(f.name()) + "." + strings.ToLower(f.name()) + "@" + f.word(lowerLetters, 6) + ".example"
}

// scanner looks for all of them, and for what else the simulator made.
func (f *flock) scanner(more ...leak.Canary) *leak.Scanner {
	s := leak.New(append(slices.Clone(f.all), more...))
	s.Zstd = unzstd
	return s
}

var zstdReaders = sync.Pool{New: func() any {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
	if err != nil {
		panic(err)
	}
	return r
}}

func unzstd(r io.Reader, limit int) []byte {
	z := zstdReaders.Get().(*zstd.Decoder)
	defer zstdReaders.Put(z)
	var b bytes.Buffer
	if z.Reset(r) == nil {
		_, _ = io.Copy(&b, io.LimitReader(z, int64(limit))) // what came before it breaks off counts
	}
	return b.Bytes()
}

// persona is somebody with a canary of a number, and a surname that is one.
func (f *flock) persona(key, region string) wasim.Persona {
	n := f.number(region)
	f.put("number "+region, "+"+n)
	return wasim.Persona{Key: key, Name: "Kim " + f.put("surname", f.name()), Country: region, Language: "en", Number: n}
}

func spelled(digits, zero string) string {
	var b strings.Builder
	for _, r := range digits {
		b.WriteRune([]rune(zero)[0] + r - '0')
	}
	return b.String()
}

func readOut(digits string, words ...string) string {
	var all []string
	for _, r := range digits {
		all = append(all, words[r-'0'])
	}
	return strings.Join(all, " ")
}

// spaced is a number as people group it.
func spaced(digits, between string) string {
	var all []string
	for len(digits) > 4 {
		all, digits = append(all, digits[:3]), digits[3:]
	}
	return strings.Join(append(all, digits), between)
}

// Files with something their makers' devices added.

// photographOf says in its EXIF, its comment and behind its end what it is given.
func photographOf(side int, said string) []byte {
	plain := photograph(side)
	at := 4 + int(binary.BigEndian.Uint16(plain[4:])) // the EXIF of photograph
	segment := func(code byte, data string) []byte {
		return append([]byte{0xff, code, byte((len(data) + 2) >> 8), byte(len(data) + 2)}, data...)
	}
	return slices.Concat(plain[:2], segment(0xe1, "Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x31\xa4\x02\x00"+string(rune(len(said)))+
		"\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00"+said), segment(0xfe, said), segment(0xed, "Photoshop 3.0\x00"+said), plain[at:], []byte(said))
}

func pngOf(said string) []byte {
	file := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data string) {
		body := append([]byte(kind), data...)
		file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
		file = binary.BigEndian.AppendUint32(append(file, body...), crc32.ChecksumIEEE(body))
	}
	chunk("IHDR", "\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00")
	chunk("tEXt", "Author\x00"+said)
	chunk("IDAT", "x\x9cc\xf8\x0f\x00\x01\x01\x01\x00")
	chunk("tEXt", "Comment\x00"+said)
	chunk("IEND", "")
	return append(file, said...)
}

func pdfOf(said string) []byte {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R /Metadata 6 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>", "<< /Length 7 >>\nstream\n0 0 m\n\nendstream",
		"<< /Author (" + said + ") /Title <" + fmt.Sprintf("%x", said) + "> >>",
		fmt.Sprintf("<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n<x>%s</x>\nendstream", len(said)+7, said)}
	out, table := "%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, o := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", len(out))
		out += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Appendf(nil, "%s%strailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n", out, table, len(objects)+1, len(out))
}

func docxOf(t testing.TB, said string) []byte {
	t.Helper()
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	const pack = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/"
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.SetComment(said)
	for _, e := range [][2]string{
		{"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8"?><Types><Default Extension="rels" ContentType="r"/>` +
			`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>` +
			`<Override PartName="/docProps/core.xml" ContentType="c"/><Override PartName="/docProps/app.xml" ContentType="a"/></Types>`},
		{"_rels/.rels", `<Relationships><Relationship Id="1" Type="` + office + `officeDocument" Target="word/document.xml"/>` +
			`<Relationship Id="2" Type="` + pack + `core-properties" Target="docProps/core.xml"/><Relationship Id="3" Type="` + office + `extended-properties" Target="/docProps/app.xml"/></Relationships>`},
		{"word/document.xml", "<w:document>what was written</w:document>"}, {"docProps/core.xml", "<dc:creator>" + said + "</dc:creator>"}, {"docProps/app.xml", "<Company>" + said + "</Company>"},
	} {
		f, err := w.Create(e[0])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, e[1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mp3Of(said string) []byte {
	frame := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	tag := append([]byte("ID3\x04\x00\x00\x00\x00\x00"), byte(len(said)))
	return slices.Concat(tag, []byte(said), bytes.Repeat(frame, 5), append([]byte("TAG"+said), make([]byte, 125-len(said))...))
}

func zstdOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
