package relaytest

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/relaytest/chromium"
	"sealdesk/sync/updates"
	"sealdesk/sync/updates/signing"
	"sealdesk/sync/wire"
)

// offer has a company serve a release with an installer for each of three systems.
func offer(t *testing.T, c *Company) (names []string) {
	t.Helper()
	desk := signing.Open(t.TempDir(), func(string, bool) ([]byte, error) { return nil, nil }, time.Now)
	if err := desk.Init(t.Context(), signing.Life); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"sealdesk-client-1.4.0-windows-amd64.msi", "sealdesk-client_1.4.0-1_amd64.deb", "sealdesk-client-1.4.0-1.x86_64.rpm"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(strings.Repeat(name+"\n", 3000)), 0o600); err != nil {
			t.Fatal(err)
		}
		names, files = append(names, name), append(files, file)
	}
	notes := map[string]string{"en": "Faster.", "de": "Schneller.", "it": "Più veloce."}
	if err := desk.Sign(t.Context(), signing.Wish{Version: "1.4.0", Ring: updates.Broad, Notes: notes}, files, signing.Life); err != nil {
		t.Fatal(err)
	}
	anchor, err := desk.Anchor()
	if err != nil {
		t.Fatal(err)
	}
	admin, done, err := relay.OpenAdmin(t.Context(), c.Config, nil)
	for errors.Is(err, ledger.ErrLocked) { // it runs, and opens its socket last
		time.Sleep(5 * time.Millisecond) // a real process
		admin, done, err = relay.OpenAdmin(t.Context(), c.Config, nil)
	}
	if err == nil {
		_, err = relay.SendUpdates(t.Context(), admin, desk.Feed(), anchor)
		err = errors.Join(err, done())
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// stray are the addresses among some that are not below an origin, and not in the page itself.
func stray(asked []string, origin string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(a string) bool {
		return strings.HasPrefix(a, origin+"/") || strings.HasPrefix(a, "data:") || a == "about:blank"
	})
}

// shown is what a person sees of the page: of each installer where it leads and which checksum stands beside it, the
// fingerprint, and how it looks.
const shown = `(() => {
	const text = (e) => e ? e.textContent.trim() : "";
	const canvas = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
	return JSON.stringify({
		lang: document.documentElement.lang, title: text(document.querySelector("h1")), status: text(document.querySelector(".status .chip")),
		files: [...document.querySelectorAll(".file")].map((f) => [f.querySelector("a.button").href, text(f.querySelector(".sum code")), f.querySelector("a.button").download].join(" ")),
		host: text(document.querySelector(".two .card > b")), pin: [...document.querySelectorAll(".pin span")].map(text).join(""),
		light: canvas[0] + canvas[1] + canvas[2] > 382, wide: document.documentElement.scrollWidth > innerWidth,
		ink: getComputedStyle(document.querySelector("h1")).color !== getComputedStyle(document.body).backgroundColor,
	});
})()`

// TestThePageForNewAgentsSaysWhatIsServed opens the relay's own page in a real browser, light and dark, in each language, wide and
// narrow: what it says of files and keys is what the relay serves and answers with, and nobody else is asked for anything.
func TestThePageForNewAgentsSaysWhatIsServed(t *testing.T) {
	c := Start(t, Options{})
	names := offer(t, c)
	origin := "https://" + c.Address
	answered, err := tls.Dial("tcp", c.Address, &tls.Config{InsecureSkipVerify: true}) // whatever key it answers with
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256(answered.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	answered.Close()
	client := engine.FeedClient([]wire.Pin{c.Relay().Pin()}, nil)
	defer client.CloseIdleConnections()
	served := func(address string) string {
		t.Helper()
		answer, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("a file: %d, %v", answer.StatusCode, err)
		}
		return hex.EncodeToString(sum.Sum(nil))
	}

	page := chromium.Open(t)
	page.Call("Security.setIgnoreCertificateErrors", map[string]any{"ignore": true}) // laptops pin it; a browser cannot
	titles := map[string]bool{}
	for _, look := range []struct {
		scheme, language string
		width            int
	}{{"light", "en", 1280}, {"dark", "de", 1280}, {"light", "it", 420}, {"dark", "it", 1280}, {"dark", "en", 420}, {"light", "de", 420}} {
		page.Look(look.scheme, look.language, look.width, 900)
		page.Go(origin + "/")
		var is struct {
			Lang, Title, Status, Host, Pin string
			Files                          []string
			Light, Wide, Ink               bool
		}
		if text, _ := page.Eval(shown).(string); json.Unmarshal([]byte(text), &is) != nil {
			t.Fatalf("the page says %q", text)
		}
		at := look.scheme + " " + look.language
		titles[is.Title] = true
		if is.Lang != look.language || is.Title == "" || is.Status == "" {
			t.Errorf("%s: it is in %q", at, is.Lang)
		}
		if is.Light != (look.scheme == "light") || !is.Ink || is.Wide {
			t.Errorf("%s: light: %v, its words can be told from the ground: %v, wider than the window: %v", at, is.Light, is.Ink, is.Wide)
		}
		if pin := strings.ReplaceAll(is.Pin, ":", ""); !strings.EqualFold(pin, hex.EncodeToString(key[:])) || is.Host != c.Address {
			t.Errorf("%s: the fingerprint of %s is %s", at, is.Host, pin)
		}
		if len(is.Files) != len(names) {
			t.Fatalf("%s: %d installers", at, len(is.Files))
		}
		for _, f := range is.Files {
			part := strings.Fields(f)
			if len(part) != 3 || !strings.HasPrefix(part[0], origin+"/updates/") || served(part[0]) != part[1] || !slices.Contains(names, part[2]) {
				t.Errorf("%s: an installer is not what is served: %s", at, f)
			}
		}
	}
	if len(titles) != 3 {
		t.Errorf("%d titles in three languages", len(titles))
	}
	if asked := page.Asked(); len(asked) < 6 || len(stray(asked, origin)) > 0 {
		t.Errorf("it asked for %q", asked)
	}
	if loaded := page.Eval(`performance.getEntriesByType("resource").filter((e) => !e.name.startsWith("data:")).length`); loaded != 0.0 {
		t.Errorf("it loaded %v things more", loaded)
	}

	// A page that does ask somebody else is caught.
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	curious := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<!doctype html><title>x</title><img src="`+elsewhere.URL+`/pixel">`)
	}))
	defer curious.Close()
	before := len(page.Asked())
	page.Go(curious.URL + "/")
	if got := stray(page.Asked()[before:], curious.URL); len(got) != 1 {
		t.Errorf("a page that asks elsewhere was seen to ask for %q", got)
	}
}
