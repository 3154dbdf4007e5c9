package identity

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"

	"sealdesk/sync/wire"
)

// A provider is a real OpenID provider, in a process of its own; see testdata/provider.
type provider struct {
	issuer string
	logout atomic.Pointer[http.Handler] // where it says that somebody signed out
	mu     sync.Mutex
	in     io.Writer
	out    *bufio.Reader
}

// theProvider is started once for all tests; it ends when its standard input does.
var theProvider = sync.OnceValues(func() (*provider, error) {
	folder, err := installProvider()
	if err != nil {
		return nil, err
	}
	p := &provider{}
	ear := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if h := p.logout.Load(); h != nil {
			(*h).ServeHTTP(w, q)
		}
	}))
	conf, err := json.Marshal(map[string]string{"logoutURI": ear.URL + "/logout"})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("node", "provider.mjs", string(conf))
	cmd.Dir = folder
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("node cannot be started (apt-get install nodejs npm): %w", err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	p.issuer = strings.TrimSpace(line)
	return p, err
})

// installProvider returns a folder with the provider and what it needs: exactly what the lock file names.
func installProvider() (string, error) {
	source := filepath.Join("testdata", "provider")
	if _, err := os.Stat(filepath.Join(source, "node_modules")); err == nil {
		return source, nil
	}
	hash := sha256.New()
	files := []string{"package.json", "package-lock.json", "provider.mjs"}
	texts := map[string][]byte{}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		texts[name] = text
		hash.Write(text)
	}
	ready := filepath.Join(os.TempDir(), "sealdesk-test-provider-"+hex.EncodeToString(hash.Sum(nil)[:8]))
	if _, err := os.Stat(ready); err == nil {
		return ready, nil
	}
	folder, err := os.MkdirTemp("", "sealdesk-test-provider-")
	if err != nil {
		return "", err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return "", err
		}
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed: apt-get install nodejs npm (go run ./packaging/dev test installs it)")
	}
	cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = folder
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, said)
	}
	if err := os.Rename(folder, ready); err != nil {
		if _, there := os.Stat(ready); there != nil {
			return "", err
		}
		os.RemoveAll(folder) // another test was quicker
	}
	return ready, nil
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	p, err := theProvider()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tell gives the provider's process an order and returns its answer.
func (p *provider) tell(t *testing.T, order map[string]any) (answer struct{ Token string }) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		t.Fatal(err)
	}
	said, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(said, &answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// account says what the provider knows of a subject; no claims at all disable it.
func (p *provider) account(t *testing.T, subject string, claims map[string]any) {
	t.Helper()
	order := map[string]any{"account": subject}
	if claims != nil {
		order["claims"] = claims
	}
	p.tell(t, order)
}

func employee(subject string, groups ...string) map[string]any {
	return map[string]any{"email": subject + "@example.com", "email_verified": true, "groups": groups}
}

// A browser is what the device opens: it keeps cookies, and stops at the device's own address.
type browser struct {
	t      *testing.T
	client *http.Client
	p      *provider
}

const redirect = "http://127.0.0.1:49731/"

func (p *provider) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, p: p, client: &http.Client{Jar: jar, CheckRedirect: func(q *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(q.URL.String(), redirect) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([a-z]+)"`)
	formXSRF   = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)
)

// visit does what the device does with the address it was given, and what a person does with what then shows.
func (b *browser) visit(address, login string, change func(url.Values)) wire.BrowserCode {
	b.t.Helper()
	verifier := oauth2.GenerateVerifier()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	q := u.Query()
	q.Set("redirect_uri", redirect)
	q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(verifier))
	if change != nil {
		change(q)
	}
	u.RawQuery = q.Encode()
	response, page := b.get(b.client.Get(u.String()))
	for range 8 {
		if back, err := response.Location(); err == nil && strings.HasPrefix(back.String(), redirect) {
			if back.Query().Get("error") != "" {
				b.t.Fatalf("the provider says %s: %s", back.Query().Get("error"), back.Query().Get("error_description"))
			}
			return wire.BrowserCode{Code: back.Query().Get("code"), State: back.Query().Get("state"), Verifier: verifier, Redirect: redirect}
		}
		action, prompt := formAction.FindStringSubmatch(page), formPrompt.FindStringSubmatch(page)
		if action == nil || prompt == nil {
			b.t.Fatalf("status %d, no form\n%s", response.StatusCode, page)
		}
		to, err := response.Request.URL.Parse(html.UnescapeString(action[1]))
		if err != nil {
			b.t.Fatal(err)
		}
		response, page = b.get(b.client.PostForm(to.String(), url.Values{"prompt": {prompt[1]}, "login": {login}, "password": {"any"}}))
	}
	b.t.Fatal("the provider never comes to an end")
	return wire.BrowserCode{}
}

// signOut ends the browser's session at the provider.
func (b *browser) signOut() {
	b.t.Helper()
	_, page := b.get(b.client.Get(b.p.issuer + "/session/end"))
	action, xsrf := formAction.FindStringSubmatch(page), formXSRF.FindStringSubmatch(page)
	if action == nil || xsrf == nil {
		b.t.Fatalf("no form\n%s", page)
	}
	if response, page := b.get(b.client.PostForm(action[1], url.Values{"xsrf": {xsrf[1]}, "logout": {"yes"}})); response.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d\n%s", response.StatusCode, page)
	}
}

func (b *browser) get(response *http.Response, err error) (*http.Response, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response, string(page)
}
