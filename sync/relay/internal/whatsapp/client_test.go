package whatsapp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func testClient(t *testing.T, base string, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{BaseURL: base, Version: "v25.0", Token: NewToken("secret-token"), Timeout: 2 * time.Second, Transport: conform{t}}
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var hello = Outgoing{Phone: NewPhone("491715550147"), Callback: "row-1", Content: SendText{Body: "hello"}}

func TestTheTokenTravelsOnlyEncryptedOrOnLoopback(t *testing.T) {
	for base, ok := range map[string]bool{
		"": true, "https://graph.facebook.com": true, "http://127.0.0.1:80": true, "http://[::1]:80": true, "http://localhost:1": true,
		"http://graph.facebook.com": false, "http://10.0.0.1": false, "ftp://127.0.0.1": false, "graph.facebook.com": false,
		"https://user:pw@graph.facebook.com": false, "https://a?b": false,
	} {
		if _, err := NewClient(Config{BaseURL: base, Token: NewToken("t")}); (err == nil) != ok {
			t.Errorf("%s: %v", base, err)
		}
	}
	if _, err := NewClient(Config{}); err == nil {
		t.Error("no token, no error")
	}
	if _, err := NewClient(Config{Token: NewToken("t"), Version: "../v1"}); err == nil {
		t.Error("version with a path")
	}
}

func TestOutcomeOfASend(t *testing.T) {
	for _, tt := range []struct {
		rule   string
		answer http.HandlerFunc
		want   Outcome
		class  Class
	}{
		{"accepted", write(200, `{"messages":[{"id":"wamid.X"}]}`), OutcomeAccepted, ""},
		{"refused with Meta's words", write(400, `{"error":{"code":131056,"message":"to 491715550147"}}`), OutcomeRefused, ClassPairRate},
		{"refused without", write(403, `<html>`), OutcomeRefused, ClassPermission},
		{"too many requests", write(429, ``), OutcomeRefused, ClassRate},
		{"token expired", write(401, `{"error":{"code":190,"error_subcode":463}}`), OutcomeRefused, ClassAuth},
		{"server error", write(500, `{"error":{"code":131000}}`), OutcomeUnknown, ClassService},
		{"gateway error", write(502, `<html>`), OutcomeUnknown, ClassService},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, OutcomeUnknown, ClassUnknown},
		{"200 without id", write(200, `{}`), OutcomeUnknown, ""},
		{"200 without JSON", write(200, `<html>`), OutcomeUnknown, ""},
		{"200 cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"mess`))
		}, OutcomeUnknown, ""},
		{"connection torn down", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, OutcomeUnknown, ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			var posts atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				posts.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				tt.answer(w, r)
			}))
			defer srv.Close()
			_, err := testClient(t, srv.URL, nil).Send(context.Background(), "1", hello)
			if got := OutcomeOf(err); got != tt.want {
				t.Errorf("outcome %v of %v", got, err)
			}
			var api *APIError
			if errors.As(err, &api) && api.Class != tt.class || api == nil && tt.class != "" {
				t.Errorf("err = %v", err)
			}
			if err != nil && strings.ContainsAny(strings.ReplaceAll(err.Error(), "190/463", ""), "<{") || strings.Contains(fmt.Sprint(err), "4917") {
				t.Errorf("error echoes: %v", err)
			}
			if posts.Load() != 1 {
				t.Errorf("%d posts", posts.Load())
			}
		})
	}
}

func write(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestNothingLeftMeansNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	_ = l.Close() // nobody listens here now
	_, err = testClient(t, base, nil).Send(context.Background(), "1", hello)
	if OutcomeOf(err) != OutcomeNotSent {
		t.Errorf("refused dial: %v", err)
	}

	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = testClient(t, srv.URL, nil).Send(done, "1", hello); OutcomeOf(err) != OutcomeNotSent {
		t.Errorf("context over before it began: %v", err)
	}

	// A TLS handshake that never ends: a connection, but no request.
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := testClient(t, "https://"+l.Addr().String(), func(c *Config) { c.Timeout = 100 * time.Millisecond })
	_, err = c.Send(context.Background(), "1", hello)
	var tr *TransportError
	if !errors.As(err, &tr) || tr.Outcome != OutcomeNotSent || !tr.Timeout {
		t.Errorf("silent TLS peer: %v", err)
	}
}

func TestSilenceAfterTheRequestIsUnknown(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer srv.Close()
	defer close(release)
	c := testClient(t, srv.URL, func(c *Config) { c.Timeout = 100 * time.Millisecond })
	_, err := c.Send(context.Background(), "1", hello)
	var tr *TransportError
	if !errors.As(err, &tr) || tr.Outcome != OutcomeUnknown || !tr.Timeout {
		t.Errorf("err = %v", err)
	}
}

func TestRequestsThatBreakTheContractDoNotLeave(t *testing.T) {
	c := testClient(t, "http://127.0.0.1:1", nil)
	long := strings.Repeat("ä", MaxTextRunes)
	for rule, m := range map[string]Outgoing{
		"no recipient":    {Content: SendText{Body: "x"}},
		"no content":      {Phone: NewPhone("1")},
		"empty text":      {Phone: NewPhone("1"), Content: SendText{}},
		"long text":       {Phone: NewPhone("1"), Content: SendText{Body: long + "x"}},
		"broken UTF-8":    {Phone: NewPhone("1"), Content: SendText{Body: "\xff"}},
		"long callback":   {Phone: NewPhone("1"), Callback: strings.Repeat("x", MaxCallbackBytes+1), Content: SendText{Body: "x"}},
		"reaction to air": {Phone: NewPhone("1"), Content: SendReaction{Emoji: "x"}},
		"media without":   {Phone: NewPhone("1"), Content: SendMedia{Kind: Image}},
		"kind unknown":    {Phone: NewPhone("1"), Content: SendMedia{Kind: "hologram", ID: NewMediaID("1")}},
		"voice caption":   {Phone: NewPhone("1"), Content: SendMedia{Kind: Audio, ID: NewMediaID("1"), Caption: "x"}},
		"template":        {Phone: NewPhone("1"), Content: SendTemplate{Name: "x"}},
	} {
		if _, err := c.Send(context.Background(), "1", m); !errors.Is(err, ErrRequest) || OutcomeOf(err) != OutcomeNotSent {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if _, err := c.Send(context.Background(), "../1", hello); !errors.Is(err, ErrRequest) {
		t.Errorf("path in an id: %v", err)
	}
	m := hello
	m.Content = SendText{Body: long}
	if _, err := c.Send(context.Background(), "1", m); errors.Is(err, ErrRequest) {
		t.Errorf("text at the limit: %v", err)
	}
}

func TestMediaComesFromMetaWholeAndUnchanged(t *testing.T) {
	data := bytes.Repeat([]byte("picture "), 1000)
	sum := sha256.Sum256(data)
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer secret-token" {
			w.WriteHeader(401)
			return
		}
		w.(http.Flusher).Flush() // no length: the limit must hold by itself
		_, _ = w.Write(data)
	}))
	defer srv.Close()
	c := testClient(t, srv.URL, nil)
	info := MediaInfo{URL: NewMediaURL(srv.URL + "/file?x=1"), SHA256: sum[:]}
	var out bytes.Buffer
	if n, err := c.MediaDownload(context.Background(), info, &out, int64(len(data))); err != nil || n != int64(len(data)) || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("%d bytes, %v", n, err)
	}
	out.Reset()
	if _, err := c.MediaDownload(context.Background(), info, &out, int64(len(data)-1)); err != ErrMediaTooLarge || out.Len() >= len(data) {
		t.Errorf("one byte too many: %v, %d written", err, out.Len())
	}
	if _, err := c.MediaDownload(context.Background(), MediaInfo{URL: info.URL, Size: 99}, io.Discard, 98); err != ErrMediaTooLarge {
		t.Errorf("announced too large: %v", err)
	}
	sum[0]++
	if _, err := c.MediaDownload(context.Background(), info, io.Discard, 1<<20); err != ErrMediaDigest {
		t.Errorf("other bytes: %v", err)
	}
	before := asked.Load()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token went elsewhere") }))
	defer other.Close()
	for _, u := range []string{
		other.URL + "/x", "https://fbsbx.com.evil.example/x", "http://lookaside.fbsbx.com/x", "https://u:p@lookaside.fbsbx.com/x", "file:///etc/passwd", "",
		"https://evilfbsbx.com/",
	} {
		if _, err := c.MediaDownload(context.Background(), MediaInfo{URL: NewMediaURL(u)}, io.Discard, 10); err != ErrMediaHost {
			t.Errorf("%q: %v", u, err)
		}
	}
	if asked.Load() != before {
		t.Error("asked for a refused URL")
	}
}

func TestEveryCodeOfTheContractHasAClass(t *testing.T) {
	for code, want := range map[int]Class{
		0: ClassAuth, 190: ClassAuth, 3: ClassPermission, 10: ClassPermission, 200: ClassPermission, 299: ClassPermission, 4: ClassRate,
		80007: ClassRate, 130429: ClassRate, 131056: ClassPairRate, 131048: ClassSpam, 131049: ClassHeldBack, 130472: ClassHeldBack,
		131050: ClassOptOut, 131047: ClassWindow, 470: ClassWindow, 131026: ClassUndeliverable, 131021: ClassBug, 131008: ClassBug,
		131009: ClassBug, 100: ClassBug, 33: ClassBug, 131051: ClassBug, 131052: ClassMedia, 131053: ClassMedia, 131031: ClassPolicy,
		368: ClassPolicy, 130497: ClassPolicy, 131037: ClassPolicy, 131042: ClassPolicy, 131045: ClassSetup, 131062: ClassNumberNeeded,
		132000: ClassTemplate, 132069: ClassTemplate, 133010: ClassSetup, 133016: ClassSetup, 135000: ClassBug, 134011: ClassPolicy,
		1: ClassService, 2: ClassService, 131000: ClassService, 131016: ClassService, 131057: ClassService, 133004: ClassService,
		300: ClassUnknown, 999999: ClassUnknown, -1: ClassUnknown,
	} {
		if got := ClassOf(code); got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
		if c := ClassOf(code); c.Temporary() && c.Stops() {
			t.Errorf("%d both passes by itself and needs a person", code)
		}
	}
}
