package chromium

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// programs are the names Chromium goes by.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

// A running browser.
type running struct {
	address string // of its debugging socket
	profile string
	cmd     *exec.Cmd
}

// browser is started once for all tests of a program. [End] ends it.
var browser = sync.OnceValues(func() (*running, error) {
	program := ""
	for _, name := range programs {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		return nil, errors.New("no Chromium found: install the package chromium (apt-get install chromium)")
	}
	profile, err := os.MkdirTemp("", "sealdesk-test-chromium-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-port=0", "--user-data-dir="+profile, "about:blank")
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	endsWithUs(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	pattern := regexp.MustCompile(`ws://([^/]+)/`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := pattern.FindStringSubmatch(lines.Text()); m != nil {
			go io.Copy(io.Discard, out)
			return &running{address: m[1], profile: profile, cmd: cmd}, nil
		}
	}
	return nil, errors.New("the browser does not open its debugging socket")
})

// Main runs the tests of a package that opens pages, and ends the browser with them: func TestMain(m) { chromium.Main(m) }.
func Main(m *testing.M) {
	code := m.Run()
	End()
	os.Exit(code)
}

// End ends the browser, if one was started. Nothing of this package may be used afterwards.
func End() {
	b, err := ended()
	if err != nil || b == nil {
		return
	}
	b.cmd.Process.Kill()
	b.cmd.Wait()
	for end := time.Now().Add(3 * time.Second); os.RemoveAll(b.profile) != nil && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond) // a real process: what its children still write
	}
}

var (
	starting sync.Mutex
	started  bool
)

func ended() (*running, error) {
	starting.Lock()
	defer starting.Unlock()
	if !started {
		return nil, nil
	}
	return browser()
}

// A Page is one page with its own cookies.
type Page struct {
	t     testing.TB
	ws    *websocket.Conn
	n     int
	asked []string
}

// Open opens an empty page, which closes with the test.
func Open(t testing.TB) *Page {
	t.Helper()
	starting.Lock()
	started = true
	b, err := browser()
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+b.address+"/json/new?about:blank", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var target struct{ ID, WebSocketDebuggerURL string }
	if err := json.NewDecoder(answer.Body).Decode(&target); err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), target.WebSocketDebuggerURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ws.Close()
		if answer, err := http.Get("http://" + b.address + "/json/close/" + url.PathEscape(target.ID)); err == nil {
			answer.Body.Close()
		}
	})
	return &Page{t: t, ws: ws}
}

// Call gives the browser an order and returns its answer.
func (p *Page) Call(method string, params map[string]any) json.RawMessage {
	p.t.Helper()
	p.n++
	if err := p.ws.WriteJSON(map[string]any{"id": p.n, "method": method, "params": params}); err != nil {
		p.t.Fatal(err)
	}
	p.ws.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		var in struct {
			ID            int
			Result, Error json.RawMessage
			Method        string
			Params        struct{ Request struct{ URL string } }
		}
		if err := p.ws.ReadJSON(&in); err != nil {
			p.t.Fatalf("%s: %v", method, err)
		}
		switch {
		case in.ID != p.n: // an event
			if in.Method == "Network.requestWillBeSent" {
				p.asked = append(p.asked, in.Params.Request.URL)
			}
		case in.Error != nil:
			p.t.Fatalf("%s: %s", method, in.Error)
		default:
			return in.Result
		}
	}
}

// Go opens an address and waits until the page has loaded.
func (p *Page) Go(address string) {
	p.t.Helper()
	p.Call("Page.bringToFront", nil) // what nobody sees may not ask for everything
	p.Call("Page.navigate", map[string]any{"url": address})
	p.Until(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// Eval runs JavaScript in the page and returns its value.
func (p *Page) Eval(js string) any {
	p.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	if err := json.Unmarshal(p.Call("Runtime.evaluate", map[string]any{"expression": js, "awaitPromise": true, "returnByValue": true}), &out); err != nil {
		p.t.Fatal(err)
	}
	if out.ExceptionDetails != nil {
		p.t.Fatalf("%s\n%s", js, out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value
}

// Until waits for the page to make an expression true.
func (p *Page) Until(js string) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if p.Eval("!!("+js+")") == true {
			return
		}
		time.Sleep(20 * time.Millisecond) // a real browser, a real process
	}
	p.t.Fatalf("the page never shows %s", js)
}

// Click presses the middle of an element with a real pointer.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Until("document.querySelector(" + strconv.Quote(selector) + ")")
	at, ok := p.Eval(`(() => { const e = document.querySelector(` + strconv.Quote(selector) + `); e.scrollIntoView({block:"center"});
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`).([]any)
	if !ok {
		p.t.Fatalf("%s is nowhere", selector)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.Call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1})
	}
}

// Look sets colour scheme ("light" or "dark"), language ("de") and size.
func (p *Page) Look(scheme, language string, width, height int) {
	p.t.Helper()
	p.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
	p.Call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}})
	p.Call("Network.enable", nil)
	p.Call("Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]any{"Accept-Language": language}})
}

// Asked are the addresses the page has asked for since [Page.Look] was first called, its own and those that its policy then
// kept from loading.
func (p *Page) Asked() []string {
	p.t.Helper()
	p.Eval("0") // what was sent before has been heard
	return p.asked
}

// Picture keeps a screenshot where `go test -artifacts` puts such things.
func (p *Page) Picture(name string) {
	p.t.Helper()
	var shot struct{ Data string }
	err := json.Unmarshal(p.Call("Page.captureScreenshot", map[string]any{"format": "png"}), &shot)
	png, bad := base64.StdEncoding.DecodeString(shot.Data)
	if err = errors.Join(err, bad); err == nil {
		err = os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+".png"), png, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
