package portal

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// An Installer is one file for one kind of machine.
type Installer struct {
	System  string // as Go names it: linux, windows, darwin
	Arch    string // as Go names it: amd64, arm64
	Kind    string // deb, rpm, msi, pkg
	Version string
	Path    string // on the relay, beginning with a slash
	Size    int64  // bytes
	SHA256  string // hexadecimal
}

// State is what the page tells. Nothing in it is secret.
type State struct {
	Works      bool   // the relay answers, and so does its store
	Version    string // of the relay; "": not told
	Host       string // "host:port" laptops dial
	Pin        [sha256.Size]byte
	Short      string // the pin as the app shows it
	Installers []Installer
}

//go:embed page.html
var pageText string

//go:embed page.css
var styleText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"size": size, "blocks": blocks}).Parse(pageText))

// policy lets a browser load nothing but the page's own style and the icon in it, and put the page into no other.
var policy = func() string {
	sum := sha256.Sum256([]byte(styleText))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var (
	tags    = []language.Tag{language.English, language.German, language.Italian}
	matcher = language.NewMatcher(tags)
)

// Handler serves the page. state is asked for every request.
func Handler(state func(*http.Request) State) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		lang := choose(q)
		var out bytes.Buffer
		if err := page.Execute(&out, fill(state(q), lang)); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Language", lang)
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Accept-Language")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		w.Write(out.Bytes())
	})
}

// choose returns the language a browser is answered in.
func choose(q *http.Request) string {
	if want := q.URL.Query().Get("lang"); words[want].Title != "" {
		return want
	}
	_, at := language.MatchStrings(matcher, q.Header.Get("Accept-Language"))
	base, _ := tags[at].Base()
	return base.String()
}

// view is what the template sees.
type view struct {
	State
	W       Words
	Lang    string
	Style   template.CSS
	Others  []other
	Systems []system
	PinHex  []string // in lines
}

type other struct{ Lang, Name string }

type system struct {
	Name, Icon, Check string
	Files             []Installer
}

// The systems in the order most laptops have them, and how a checksum is computed there.
var order = []struct{ id, name, check string }{
	{"windows", "Windows", "certutil -hashfile "},
	{"darwin", "macOS", "shasum -a 256 "},
	{"linux", "Linux", "sha256sum "},
}

func fill(s State, lang string) view {
	v := view{State: s, W: words[lang], Lang: lang, Style: template.CSS(styleText)}
	v.Others = []other{{"en", "English"}, {"de", "Deutsch"}, {"it", "Italiano"}}
	text := strings.ToUpper(hex.EncodeToString(s.Pin[:]))
	for line := range slices.Chunk([]byte(text), 32) {
		var parts []string
		for b := range slices.Chunk(line, 2) {
			parts = append(parts, string(b))
		}
		v.PinHex = append(v.PinHex, strings.Join(parts, ":"))
	}
	for _, o := range order {
		sys := system{Name: o.name, Icon: o.id}
		for _, f := range s.Installers {
			if f.System == o.id {
				sys.Files = append(sys.Files, f)
			}
		}
		if len(sys.Files) == 0 {
			continue
		}
		slices.SortStableFunc(sys.Files, func(a, b Installer) int { return cmp.Or(cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Kind, b.Kind)) })
		sys.Check = o.check + name(sys.Files[0])
		if o.id == "windows" {
			sys.Check += " SHA256"
		}
		v.Systems = append(v.Systems, sys)
	}
	return v
}

func name(f Installer) string {
	_, file, _ := strings.Cut(f.Path[strings.LastIndexByte(f.Path, '/')+1:], ".")
	return file
}

// Name is the installer's file name, without the hash the feed puts before it.
func (f Installer) Name() string { return name(f) }

// Machine says in people's words which computers it is for.
func (f Installer) Machine() string {
	switch {
	case f.System == "darwin" && f.Arch == "arm64":
		return "Apple silicon"
	case f.System == "darwin" && f.Arch == "amd64":
		return "Intel"
	case f.Arch == "amd64":
		return "x86-64"
	case f.Arch == "arm64":
		return "ARM64"
	}
	return f.Arch
}

// For says which systems the kind is for, where there are several.
func (f Installer) For() string {
	return map[string]string{"deb": "Debian, Ubuntu", "rpm": "Fedora, RHEL, SUSE", "msi": "Windows 10, 11", "pkg": "macOS"}[f.Kind]
}

func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KB", (n+1023)>>10)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// blocks breaks a checksum into parts an eye can hold.
func blocks(sum string) []string {
	var out []string
	for part := range slices.Chunk([]byte(sum), 8) {
		out = append(out, string(part))
	}
	return out
}
