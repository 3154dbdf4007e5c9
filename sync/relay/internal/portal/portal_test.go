package portal

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var full = State{
	Works: true, Version: "1.4.0", Host: "relay.example.com:8443", Pin: [32]byte{0x3f, 0x9a, 31: 0xc1}, Short: "3F:9A…C1",
	Installers: []Installer{
		installer("windows", "amd64", "msi", "sealdesk-1.4.0-x64.msi", 24_150_000), installer("windows", "arm64", "msi", "sealdesk-1.4.0-arm64.msi", 23_000_000),
		installer("darwin", "arm64", "pkg", "sealdesk-1.4.0.pkg", 26_000_000),
		installer("linux", "amd64", "rpm", "sealdesk-1.4.0.x86_64.rpm", 21_000_000), installer("linux", "amd64", "deb", "sealdesk_1.4.0_amd64.deb", 20_400_000),
	},
}

func installer(system, arch, kind, file string, size int64) Installer {
	sum := strings.Repeat("0123456789abcdef", 4)
	return Installer{System: system, Arch: arch, Kind: kind, Version: "1.4.0", Path: "/updates/targets/" + sum + "." + file, Size: size, SHA256: sum}
}

func get(t *testing.T, s State, target, accept string) (*http.Response, string) {
	t.Helper()
	q := httptest.NewRequest("GET", target, nil)
	q.Header.Set("Accept-Language", accept)
	w := httptest.NewRecorder()
	Handler(func(*http.Request) State { return s }).ServeHTTP(w, q)
	return w.Result(), w.Body.String()
}

func TestThePageIsInTheLanguageTheBrowserAsksFor(t *testing.T) {
	for _, c := range []struct{ target, accept, want string }{
		{"/", "", "en"}, {"/", "de-AT,de;q=0.9,en;q=0.8", "de"}, {"/", "it", "it"}, {"/", "fr, it;q=0.5", "it"}, {"/", "ja", "en"},
		{"/?lang=it", "de", "it"}, {"/?lang=xx", "de", "de"}, {"/?lang=", "de", "de"}, {"/", "*;q=;,,", "en"},
	} {
		res, text := get(t, full, c.target, c.accept)
		if res.Header.Get("Content-Language") != c.want || !strings.Contains(text, `<html lang="`+c.want+`">`) || !strings.Contains(text, html.EscapeString(words[c.want].Title)) {
			t.Errorf("%s with %q: %s", c.target, c.accept, res.Header.Get("Content-Language"))
		}
	}
}

func TestEveryLanguageSaysEverything(t *testing.T) {
	if len(words) != len(tags) {
		t.Fatal("a language is missing")
	}
	for lang, w := range words {
		var walk func(string, reflect.Value)
		walk = func(name string, v reflect.Value) {
			switch v.Kind() {
			case reflect.String:
				if v.String() == "" {
					t.Errorf("%s: %s says nothing", lang, name)
				}
				if lang != "en" && v.Len() > 30 && v.String() == reflect.ValueOf(words["en"]).FieldByName(name).String() {
					t.Errorf("%s: %s is English", lang, name)
				}
			case reflect.Struct:
				for i := range v.NumField() {
					walk(v.Type().Field(i).Name, v.Field(i))
				}
			case reflect.Array:
				for i := range v.Len() {
					for j := range v.Index(i).NumField() {
						if v.Index(i).Field(j).String() == "" {
							t.Errorf("%s: step %d says nothing", lang, i)
						}
					}
				}
			}
		}
		walk("", reflect.ValueOf(w))
	}
}

// A browser may load nothing the page does not hold, run nothing, and keep nothing.
func TestThePageNeedsAndAllowsNothingElse(t *testing.T) {
	for name, s := range map[string]State{"with installers": full, "empty": {Host: "relay.example.com:8443"}} {
		res, text := get(t, s, "/", "en")
		csp := res.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: %s", name, csp)
		}
		if len(res.Cookies()) > 0 || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, res.Header)
		}
		doc, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		styles := 0
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "script", "iframe", "img", "form", "object", "embed", "base":
				t.Errorf("%s: a %s", name, n.Data)
			case "style":
				styles++
				if n.FirstChild == nil || n.FirstChild.Data != styleText {
					t.Errorf("%s: the style is not the one the policy allows", name)
				}
			}
			for _, a := range n.Attr {
				switch {
				case strings.HasPrefix(a.Key, "on") || a.Key == "style":
					t.Errorf("%s: %s at %s", name, a.Key, n.Data)
				case (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "?lang=") && !strings.HasPrefix(a.Val, "/updates/") && !strings.HasPrefix(a.Val, "data:image/svg+xml;base64,"):
					t.Errorf("%s: it leads to %s", name, a.Val)
				}
			}
		}
		if styles != 1 || regexp.MustCompile(`(?i)url\(|@import|https?://`).MatchString(styleText) {
			t.Errorf("%s: %d styles, or one loads something", name, styles)
		}
	}
}

func TestThePageTellsWhatItWasHanded(t *testing.T) {
	_, text := get(t, full, "/", "en")
	for _, want := range []string{
		"The relay works", "1.4.0", "relay.example.com:8443", "3F:9A…C1", "3F:9A:00", ":C1<", "23.0 MB", "sealdesk-1.4.0-x64.msi", "sealdesk_1.4.0_amd64.deb",
		"certutil -hashfile sealdesk-1.4.0-x64.msi SHA256", "sha256sum ", "shasum -a 256 ", "Apple silicon", "<span>01234567</span><span>89abcdef</span>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not on it", want)
		}
	}
	if strings.Contains(text, words["en"].EmptyTitle) || strings.Index(text, "<h3>Windows") > strings.Index(text, "<h3>Linux") || strings.Index(text, "amd64.deb") > strings.Index(text, "x86_64.rpm") {
		t.Error("the installers are not in order")
	}
	down := full
	down.Works, down.Installers, down.Version = false, nil, ""
	_, text = get(t, down, "/", "en")
	for _, want := range []string{"does not work right now", words["en"].EmptyTitle, "updates import"} {
		if !strings.Contains(text, want) {
			t.Errorf("empty: %s is not on it", want)
		}
	}
	if strings.Contains(text, "Download<") || strings.Contains(text, `class="version"`) {
		t.Error("empty: there is something")
	}
}

// Whatever stands in a feed or in the configuration is text, and never part of the page.
func TestWhatThePageIsHandedIsText(t *testing.T) {
	evil := `"><script>alert(1)</script>`
	s := State{Host: evil, Version: evil, Short: evil, Installers: []Installer{
		{System: "linux", Arch: evil, Kind: evil, Version: evil, Path: "javascript:alert(1)//." + evil, SHA256: evil},
		{System: evil, Path: evil},
	}}
	for _, target := range []string{"/", "/?lang=" + `%22%3E%3Cscript%3E`} {
		_, text := get(t, s, target, evil)
		if strings.Contains(text, "<script") || strings.Contains(text, `href="javascript`) {
			t.Error("it is part of the page")
		}
	}
}

// Every pair of colours text is in has the contrast WCAG 2.2 wants (1.4.3), in the light and in the dark.
func TestColoursCanBeRead(t *testing.T) {
	pairs := [][2]string{
		{"text", "canvas"}, {"text", "surface"}, {"text", "sunken"}, {"muted", "canvas"}, {"muted", "surface"}, {"faint", "canvas"}, {"faint", "surface"},
		{"on", "accent"}, {"accenttext", "soft"}, {"accenttext", "surface"}, {"ok", "oksoft"}, {"danger", "dangersoft"}, {"warn", "warnsoft"},
	}
	found := regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(styleText, -1)
	if len(found) != 2 {
		t.Fatalf("%d sets of colours", len(found))
	}
	for i, set := range found {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z]+):#([0-9a-f]+)`).FindAllStringSubmatch(set[1], -1) {
			colours[m[1]] = m[2]
		}
		for _, p := range pairs {
			if c := contrast(colours[p[0]], colours[p[1]]); c < 4.5 {
				t.Errorf("set %d: %s on %s has %.2f", i, p[0], p[1], c)
			}
		}
	}
}

func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(hex string) float64 {
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	var rgb [3]uint8
	fmt.Sscanf(hex, "%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2])
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(rgb[i]) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
