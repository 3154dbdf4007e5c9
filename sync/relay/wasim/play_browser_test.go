package wasim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/relay/relaytest/chromium"
	"sealdesk/sync/relay/wasim"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// typeIn focuses a field and types.
func typeIn(p *chromium.Page, selector, text string) {
	p.Eval("document.querySelector(" + quote(selector) + ").focus()")
	p.Call("Input.insertText", map[string]any{"text": text})
}

func enter(p *chromium.Page) {
	for _, kind := range []string{"keyDown", "keyUp"} {
		p.Call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
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
	b := chromium.Open(t)
	b.Look("light", "en", 1280, 800)
	b.Go(w.graph.URL + "/play")

	// a customer nobody knows a number of
	b.Until(`document.querySelectorAll("#people button").length >= 11`)
	b.Click("#new")
	typeIn(b, "#c-name", "Wanda Window")
	b.Eval(`(() => { const k = document.querySelector("#c-kind"); k.value = "hidden"; k.dispatchEvent(new Event("change")); })()`)
	typeIn(b, "#c-username", "wanda.w")
	b.Click(`#create button[type="submit"]`)
	b.Until(`document.querySelector("#h-name").textContent === "Wanda Window"`)

	// what is written stays text
	hostile := `<img src=x onerror="window.broken=1"><script>window.broken=1</script> Hallo`
	typeIn(b, "#text", hostile)
	enter(b)
	b.Until(`[...document.querySelectorAll(".words")].some((e) => e.textContent === ` + quote(hostile) + `)`)
	if b.Eval(`!!window.broken || !!document.querySelector(".msg img, .msg script")`) == true {
		t.Error("a message became markup")
	}
	if b.Eval(`(() => { const s = document.createElement("script"); s.textContent = "window.inline=1"; document.body.append(s); return !!window.inline; })()`) == true {
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
	b.Until(`document.querySelectorAll(".choices button").length === 2`)
	b.Click(".choices button:nth-child(2)")
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
	b.Until(`[...document.querySelectorAll(".msg:not(.mine) img")].some((i) => i.complete && i.naturalWidth > 600)`)
	post(message("template", doc{"name": "follow_up", "language": doc{"code": "de"}, "components": []any{
		doc{"type": "body", "parameters": []any{doc{"type": "text", "text": "Wanda"}}},
	}}, to))
	b.Until(`document.querySelector("#messages").textContent.includes("Guten Tag Wanda")`)

	// everything in the tray leaves
	for kind, button := range map[string]string{"image": "picture", "audio": "voice", "location": "place", "contacts": "card", "order": "order"} {
		b.Click(`[data-send="` + button + `"]`)
		arrived(kind, func(m doc) bool { return m["type"] == kind })
	}
	b.Click(`[data-toggle="ad"]`)
	typeIn(b, "#text", "Ihre Anzeige")
	enter(b)
	arrived("the click on an ad", func(m doc) bool { return m["referral"] != nil })
	b.Eval(`document.querySelector(".msg:not(.mine) .acts button").click()`)
	arrived("the reaction", func(m doc) bool { return m["type"] == "reaction" })
	b.Eval(`[...document.querySelectorAll(".msg.mine .acts button")].filter((e) => e.title === "Take back").at(-1).click()`)
	arrived("the revoke", func(m doc) bool { return m["type"] == "revoke" })
	b.Until(`document.querySelector(".msg.gone")`)

	// faults and reviews are real
	b.Click(`[data-fault="token"]`)
	b.Until(`document.querySelector('[data-fault="token"]').checked`)
	await(t, func() bool { _, code := w.send(text("x")); return code == 190 })
	b.Click(`[data-fault="token"]`)
	await(t, func() bool { _, _, code := w.call("GET", "/v25.0/"+numberID, nil); return code == 0 })
	b.Click(`#code button`)
	b.Until(`!document.querySelector("#armed").hidden`)
	if _, code := w.send(message("text", doc{"body": "x"}, doc{"to": "447700900142"})); code != 131026 {
		t.Errorf("armed code: %d", code)
	}
	b.Click(`[data-template="spring_offer.en"][data-event="PAUSED"]`)
	await(t, func() bool { _, code := w.send(templateOf("spring_offer", "en")); return code == 132015 })

	for _, scheme := range []string{"light", "dark"} {
		b.Look(scheme, "en", 1280, 800)
		b.Picture("play-" + scheme)
		b.Look(scheme, "en", 900, 700)
		if over := b.Eval(`document.documentElement.scrollWidth - 900`).(float64); over > 0 {
			t.Errorf("%s: %.0f pixels too wide at 900", scheme, over)
		}
		b.Picture("play-" + scheme + "-900")
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
