package wasim_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/sync/relay/wasim"
)

// browser is a headless Chromium with one page, spoken to over its own debugging socket.
type browser struct {
	t  *testing.T
	ws *websocket.Conn
	n  int
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		t.Fatal("no Chromium found: install the package `chromium` (apt-get install chromium)")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	// Not t.TempDir: what Chromium's other processes still write as it ends is no failure of this test.
	profile, err := os.MkdirTemp("", "play")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(3 * time.Second); os.RemoveAll(profile) != nil && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond) // a real process starts
		}
	})
	cmd := exec.CommandContext(ctx, program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-port=0", "--user-data-dir="+profile, "about:blank")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := ""
	pattern := regexp.MustCompile(`ws://([^/]+)/`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := pattern.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
			break
		}
	}
	if address == "" {
		t.Fatal("Chromium does not open its debugging socket")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+address+"/json/new?about:blank", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var page struct{ WebSocketDebuggerURL string }
	if err := json.NewDecoder(res.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, page.WebSocketDebuggerURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return &browser{t: t, ws: ws}
}

func (b *browser) call(method string, params map[string]any) json.RawMessage {
	b.t.Helper()
	b.n++
	if err := b.ws.WriteJSON(map[string]any{"id": b.n, "method": method, "params": params}); err != nil {
		b.t.Fatal(err)
	}
	_ = b.ws.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		var in struct {
			ID     int
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := b.ws.ReadJSON(&in); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		if in.ID != b.n {
			continue
		}
		if in.Error != nil {
			b.t.Fatalf("%s: %s", method, in.Error)
		}
		return in.Result
	}
}

// eval runs JavaScript in the page and returns its value.
func (b *browser) eval(js string) any {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	raw := b.call("Runtime.evaluate", map[string]any{"expression": js, "awaitPromise": true, "returnByValue": true})
	if err := json.Unmarshal(raw, &out); err != nil {
		b.t.Fatal(err)
	}
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s\n%s", js, out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value
}

// until waits for the page to make an expression true.
func (b *browser) until(js string) {
	b.t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		if b.eval("!!("+js+")") == true {
			return
		}
		time.Sleep(30 * time.Millisecond) // a real browser, a real process
	}
	b.t.Fatalf("the page never shows %s", js)
}

// click presses the middle of an element with a real pointer.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.until("document.querySelector(" + quote(selector) + ")")
	at, ok := b.eval(`(() => { const e = document.querySelector(` + quote(selector) + `); e.scrollIntoView({block:"center"});
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`).([]any)
	if !ok {
		b.t.Fatalf("%s is nowhere", selector)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1})
	}
}

// typeIn focuses a field and types.
func (b *browser) typeIn(selector, text string) {
	b.t.Helper()
	b.eval("document.querySelector(" + quote(selector) + ").focus()")
	b.call("Input.insertText", map[string]any{"text": text})
}

func (b *browser) enter() {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
	}
}

func (b *browser) look(scheme string, width, height int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}})
}

// picture keeps a screenshot where `go test -artifacts` puts such things.
func (b *browser) picture(name string) {
	b.t.Helper()
	var shot struct{ Data string }
	if err := json.Unmarshal(b.call("Page.captureScreenshot", map[string]any{"format": "png"}), &shot); err != nil {
		b.t.Fatal(err)
	}
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestACustomerIsPlayedByHand(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) {
		c.Clock, c.Play, c.Numbers[0].Coexistence = nil, true, true
		c.Personas = wasim.Personas()
	})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- w.sim.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	b := openBrowser(t)
	b.call("Page.enable", nil)
	b.look("light", 1280, 800)
	b.call("Page.navigate", map[string]any{"url": w.graph.URL + "/play"})

	// a customer nobody knows a number of
	b.until(`document.querySelectorAll("#people button").length >= 11`)
	b.click("#new")
	b.typeIn("#c-name", "Wanda Window")
	b.eval(`(() => { const k = document.querySelector("#c-kind"); k.value = "hidden"; k.dispatchEvent(new Event("change")); })()`)
	b.typeIn("#c-username", "wanda.w")
	b.click(`#create button[type="submit"]`)
	b.until(`document.querySelector("#h-name").textContent === "Wanda Window"`)

	// what is written stays text
	hostile := `<img src=x onerror="window.broken=1"><script>window.broken=1</script> Hallo`
	b.typeIn("#text", hostile)
	b.enter()
	b.until(`[...document.querySelectorAll(".words")].some((e) => e.textContent === ` + quote(hostile) + `)`)
	if b.eval(`!!window.broken || !!document.querySelector(".msg img, .msg script")`) == true {
		t.Error("a message became markup")
	}
	if b.eval(`(() => { const s = document.createElement("script"); s.textContent = "window.inline=1"; document.body.append(s); return !!window.inline; })()`) == true {
		t.Error("the policy lets inline scripts run")
	}
	arrived := func(what string, is func(doc) bool) doc {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // a real process
			for _, m := range w.items("messages", "messages") {
				if is(m) {
					return m
				}
			}
		}
		t.Fatalf("%s did not arrive", what)
		return nil
	}
	first := arrived("the text", func(m doc) bool { return m["type"] == "text" && m["text"].(doc)["body"] == hostile })
	user := first["from_user_id"].(string)
	if first["from"] != nil {
		t.Error("a customer without a number has one")
	}

	// what the company sends can be pressed
	to := doc{"recipient": user}
	post := func(m doc) string {
		delete(m, "to")
		return w.sent(m)
	}
	post(message("interactive", doc{"type": "button", "body": doc{"text": "Delivery or pick-up?"}, "action": doc{"buttons": []any{
		doc{"type": "reply", "reply": doc{"id": "d", "title": "Delivery"}}, doc{"type": "reply", "reply": doc{"id": "p", "title": "Pick-up"}},
	}}}, to))
	b.until(`document.querySelectorAll(".choices button").length === 2`)
	b.click(".choices button:nth-child(2)")
	pressed := arrived("the button", func(m doc) bool { return m["type"] == "interactive" })
	if r := pressed["interactive"].(doc)["button_reply"].(doc); r["id"] != "p" || r["title"] != "Pick-up" {
		t.Errorf("pressed %v", r)
	}
	picture := must[[]byte](t)(wasim.Picture("kitchen"))
	file, code := w.upload("image/jpeg", picture)
	if code != 0 {
		t.Fatalf("upload refused with %d", code)
	}
	post(message("image", doc{"id": file, "caption": "So sieht sie aus"}, to))
	b.until(`[...document.querySelectorAll(".msg:not(.mine) img")].some((i) => i.complete && i.naturalWidth > 600)`)
	post(message("template", doc{"name": "follow_up", "language": doc{"code": "de"}, "components": []any{
		doc{"type": "body", "parameters": []any{doc{"type": "text", "text": "Wanda"}}},
	}}, to))
	b.until(`document.querySelector("#messages").textContent.includes("Guten Tag Wanda")`)

	// everything in the tray leaves
	for kind, button := range map[string]string{"image": "picture", "audio": "voice", "location": "place", "contacts": "card", "order": "order"} {
		b.click(`[data-send="` + button + `"]`)
		arrived(kind, func(m doc) bool { return m["type"] == kind })
	}
	b.click(`[data-toggle="ad"]`)
	b.typeIn("#text", "Ihre Anzeige")
	b.enter()
	arrived("the click on an ad", func(m doc) bool { return m["referral"] != nil })
	b.eval(`document.querySelector(".msg:not(.mine) .acts button").click()`)
	arrived("the reaction", func(m doc) bool { return m["type"] == "reaction" })
	b.eval(`[...document.querySelectorAll(".msg.mine .acts button")].filter((e) => e.title === "Take back").at(-1).click()`)
	arrived("the revoke", func(m doc) bool { return m["type"] == "revoke" })
	b.until(`document.querySelector(".msg.gone")`)

	// faults and reviews are real
	b.click(`[data-fault="token"]`)
	b.until(`document.querySelector('[data-fault="token"]').checked`)
	await(t, func() bool { _, code := w.send(text("x")); return code == 190 })
	b.click(`[data-fault="token"]`)
	await(t, func() bool { _, _, code := w.call("GET", "/v25.0/"+numberID, nil); return code == 0 })
	b.click(`#code button`)
	b.until(`!document.querySelector("#armed").hidden`)
	if _, code := w.send(message("text", doc{"body": "x"}, doc{"to": "447700900142"})); code != 131026 {
		t.Errorf("armed code: %d", code)
	}
	b.click(`[data-template="spring_offer.en"][data-event="PAUSED"]`)
	await(t, func() bool { _, code := w.send(templateOf("spring_offer", "en")); return code == 132015 })

	for _, scheme := range []string{"light", "dark"} {
		b.look(scheme, 1280, 800)
		b.picture("play-" + scheme)
		b.look(scheme, 900, 700)
		if over := b.eval(`document.documentElement.scrollWidth - 900`).(float64); over > 0 {
			t.Errorf("%s: %.0f pixels too wide at 900", scheme, over)
		}
		b.picture("play-" + scheme + "-900")
	}
}

// await waits for a real process to have done something.
func await(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // a real process
		if f() {
			return
		}
	}
	t.Fatal("time is up")
}

func TestThePageIsForThisMachineAlone(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) { c.Play = true })
	for rule, change := range map[string]func(*http.Request){
		"a name that leads here":   func(r *http.Request) { r.Host = "evil.example" },
		"a form of another site":   func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a script of another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a body that is not JSON":  func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"members nobody knows": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"Person":"emily","Shell":"x"}`))
			r.ContentLength = -1
		},
		"a person who is not there": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"Person":"no","Text":"x"}`))
			r.ContentLength = -1
		},
	} {
		r := must[*http.Request](t)(http.NewRequest("POST", w.graph.URL+"/play/do", strings.NewReader(`{"Person":"emily","Text":"x"}`)))
		r.Header.Set("Content-Type", "application/json")
		change(r)
		res := must[*http.Response](t)(http.DefaultClient.Do(r))
		_ = res.Body.Close()
		if res.StatusCode < 400 {
			t.Errorf("%s: %d", rule, res.StatusCode)
		}
	}
	if n := len(w.items("messages", "messages")); n != 0 {
		t.Errorf("%d messages left", n)
	}
	res := must[*http.Response](t)(http.Get(w.graph.URL + "/play"))
	_ = res.Body.Close()
	if p := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'self';") || strings.Contains(p, "unsafe") {
		t.Errorf("policy %s", p)
	}
	without := newWire(t, nil)
	res = must[*http.Response](t)(http.Get(without.graph.URL + "/play"))
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the page is there unasked: %d", res.StatusCode)
	}
}
