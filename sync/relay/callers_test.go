package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"sealdesk/sync/wire"
)

func TestOnlyATrustedProxySaysWhoCalls(t *testing.T) {
	proxies := ListenConfig{Proxies: []string{"127.0.0.1", "10.0.0.0/8", "fd00::/8"}}.proxies()
	for _, c := range []struct {
		what, remote string
		said         []string
		want         string
	}{
		{"nobody in between", "203.0.113.7:1000", nil, "203.0.113.7:1000"},
		{"a caller who pretends", "203.0.113.7:1000", []string{"198.51.100.1"}, "203.0.113.7:1000"},
		{"a proxy", "127.0.0.1:1000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a proxy behind a proxy", "127.0.0.1:1000", []string{"198.51.100.1, 10.2.3.4"}, "198.51.100.1"},
		{"a caller who pretends before a proxy", "127.0.0.1:1000", []string{"192.0.2.9, 198.51.100.1"}, "198.51.100.1"},
		{"two headers", "127.0.0.1:1000", []string{"192.0.2.9", "198.51.100.1"}, "198.51.100.1"},
		{"a port", "127.0.0.1:1000", []string{"198.51.100.1:4000"}, "198.51.100.1"},
		{"IPv6", "[fd00::1]:1000", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:1000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a proxy that says nothing", "127.0.0.1:1000", nil, ""},
		{"a proxy that says nonsense", "127.0.0.1:1000", []string{"198.51.100.1, unknown"}, ""},
		{"proxies alone", "127.0.0.1:1000", []string{"10.1.1.1, 10.2.2.2"}, ""},
	} {
		var got string
		h := knownCaller(proxies, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { got = q.RemoteAddr }))
		q := httptest.NewRequest("GET", "/", nil)
		q.RemoteAddr = c.remote
		for _, s := range c.said {
			q.Header.Add("X-Forwarded-For", s)
		}
		h.ServeHTTP(httptest.NewRecorder(), q)
		if got != c.want {
			t.Errorf("%s: %q", c.what, got)
		}
	}
}

// One caller who asks without end takes no turn from the others, also with all the addresses of an IPv6 network.
func TestOneCallerDoesNotStarveTheOthers(t *testing.T) {
	for _, c := range []struct {
		what   string
		greedy func(i int) string
	}{
		{"one address", func(int) string { return "203.0.113.7:1000" }},
		{"one network", func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1000", i) }},
	} {
		sockets := newSocketThrottle()
		taken := 0
		for i := range 5_000 {
			if sockets.allow(c.greedy(i)) {
				taken++
			}
		}
		if taken > sockets.burst*2 {
			t.Errorf("%s: %d turns for one caller", c.what, taken)
		}
		for i := range 40 {
			if !sockets.allow(fmt.Sprintf("198.51.100.%d:2000", i)) {
				t.Errorf("%s: caller %d has to wait for somebody else", c.what, i)
			}
		}
	}
}

func TestAllCallersTogetherAreBounded(t *testing.T) {
	sockets := newSocketThrottle()
	taken := 0
	for i := range 30_000 {
		if sockets.allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()) {
			taken++
		}
	}
	if taken > 1_000 || len(sockets.each) > throttleMost {
		t.Errorf("%d turns, %d addresses remembered", taken, len(sockets.each))
	}
	if newSocketThrottle(); !newSocketThrottle().allow("") {
		t.Error("a proxy that does not say whom it speaks for never gets a turn")
	}
}

// A websocket that came through a proxy is slowed down by the address of its device.
func TestAConnectionThroughAProxyHasItsCallersAddress(t *testing.T) {
	seen := make(chan string, 2)
	up := websocket.Upgrader{}
	h := knownCaller([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, err := up.Upgrade(addressed{w, q.RemoteAddr}, q, nil)
		if err != nil {
			t.Error(err)
			return
		}
		seen <- conn.RemoteAddr().String()
		conn.Close()
	}))
	srv := httptest.NewServer(h)
	defer srv.Close()
	for said, want := range map[string]string{"198.51.100.1": "198.51.100.1", "": ""} {
		header := http.Header{}
		if said != "" {
			header.Set("X-Forwarded-For", said)
		}
		conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), header)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if got := <-seen; got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}

// What package http says of connections reaches the log without an address.
func TestAConnectionThatFailsLeavesNoAddressInTheLog(t *testing.T) {
	var out bytes.Buffer
	r := newRelay(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := http.NewServeMux()
	h.Handle("/", r.Devices())
	h.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("127.0.0.1:99 is in it") })
	go func() {
		defer close(done)
		serve(ctx, tls.NewListener(l, r.TLS()), h, log)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET "+wire.SyncPath+" HTTP/1.1\r\n\r\n")
	conn.Read(make([]byte, 100))
	conn.Close()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if res, err := client.Get("https://" + l.Addr().String() + "/panic"); err == nil {
		res.Body.Close()
	}
	stop()
	<-done
	text := out.String()
	if strings.Contains(text, "127.0.0.1") || !strings.Contains(text, "a connection failed") || !strings.Contains(text, "made the relay stumble") || !strings.Contains(text, "goroutine") {
		t.Errorf("%.2000s", text)
	}
}
