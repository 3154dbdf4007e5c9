package relay

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

// knownCaller lets a handler see the address of whoever calls, although a proxy is in between: the last address in X-Forwarded-For
// that is not a proxy's itself. It counts from configured proxies alone. Where a proxy does not say whom it speaks for,
// [http.Request.RemoteAddr] is empty. The address is for slowing down who asks too often, and for nothing else.
func knownCaller(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if from, ok := parseAddress(q.RemoteAddr); ok && isProxy(proxies, from) {
			q.RemoteAddr = forwarded(proxies, q.Header.Values("X-Forwarded-For"))
		}
		next.ServeHTTP(w, q)
	})
}

func isProxy(proxies []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

func forwarded(proxies []netip.Prefix, headers []string) string {
	for _, one := range slices.Backward(strings.Split(strings.Join(headers, ","), ",")) {
		a, ok := parseAddress(strings.TrimSpace(one))
		if !ok {
			return "" // what stands before it was not written by somebody we know
		}
		if !isProxy(proxies, a) {
			return a.String()
		}
	}
	return ""
}

// parseAddress takes an address with or without a port.
func parseAddress(s string) (netip.Addr, bool) {
	if p, err := netip.ParseAddrPort(s); err == nil {
		return p.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// addressed is a response whose connection, once it is a websocket, says that it comes from the caller and not from the proxy.
type addressed struct {
	http.ResponseWriter
	from string
}

// Unwrap is for [http.ResponseController].
func (a addressed) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Hijack implements [http.Hijacker].
func (a addressed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil && conn.RemoteAddr().String() != a.from {
		conn = addressedConn{conn, callerAddr(a.from)}
	}
	return conn, buffers, err
}

type addressedConn struct {
	net.Conn
	from callerAddr
}

// RemoteAddr implements [net.Conn].
func (c addressedConn) RemoteAddr() net.Addr { return c.from }

type callerAddr string

// Network implements [net.Addr].
func (callerAddr) Network() string { return "tcp" }

// String implements [net.Addr].
func (a callerAddr) String() string { return string(a) }

// A throttle slows down whoever asks too often: one limiter for each address, and a whole one for all together. Who is over
// its own takes nothing from the others.
type throttle struct {
	every rate.Limit
	burst int
	all   *rate.Limiter
	mu    sync.Mutex
	each  map[netip.Prefix]*rate.Limiter
}

// throttleMost is how many addresses are remembered.
const throttleMost = 10_000

func newThrottle(every rate.Limit, burst int) *throttle {
	return &throttle{every: every, burst: burst, all: rate.NewLimiter(50, 100), each: map[netip.Prefix]*rate.Limiter{}}
}

// newSocketThrottle is for connections of devices. A whole office may come from one address, all at once after a start of the
// relay; still there is room for the others beside it.
func newSocketThrottle() *throttle {
	return &throttle{every: 20, burst: 120, all: rate.NewLimiter(50, 200), each: map[netip.Prefix]*rate.Limiter{}}
}

// allow reports whether a caller may go on. One without an address is held against all together alone.
func (t *throttle) allow(remote string) bool {
	if a, ok := parseAddress(remote); ok && !t.of(a).Allow() {
		return false
	}
	return t.all.Allow()
}

// of returns the limiter of an address. Whoever has one IPv6 address has a network of them (RFC 6177).
func (t *throttle) of(a netip.Addr) *rate.Limiter {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	who, _ := a.WithZone("").Prefix(bits)
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.each[who]
	if l == nil {
		if len(t.each) >= throttleMost {
			t.forget()
		}
		l = rate.NewLimiter(t.every, t.burst)
		t.each[who] = l
	}
	return l
}

// forget makes room: who has been quiet is as good as new.
func (t *throttle) forget() {
	for who, l := range t.each {
		if l.Tokens() >= float64(t.burst) {
			delete(t.each, who)
		}
	}
	if len(t.each) >= throttleMost {
		clear(t.each)
	}
}

// connectionLog takes what package http says of connections, which begins with their addresses, and keeps of it what may be in
// a log.
type connectionLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h connectionLog) Handle(ctx context.Context, rec slog.Record) error {
	text := rec.Message
	if at := strings.Index(text, "panic serving"); at >= 0 {
		_, stack, _ := strings.Cut(text, "\n") // the first line is the address, and what it stumbled over
		out := slog.NewRecord(rec.Time, slog.LevelError, "a request made the relay stumble", 0)
		out.AddAttrs(slog.String("stack", stack))
		return h.Handler.Handle(ctx, out)
	}
	why := "other"
	for _, known := range connectionFaults {
		if strings.Contains(text, known) {
			why = known
			break
		}
	}
	if !h.Handler.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	out := slog.NewRecord(rec.Time, slog.LevelDebug, "a connection failed", 0)
	out.AddAttrs(slog.String("why", why), slog.Bool("tls", strings.Contains(text, "TLS handshake")))
	return h.Handler.Handle(ctx, out)
}

// Enabled implements [slog.Handler]; Handle decides.
func (h connectionLog) Enabled(context.Context, slog.Level) bool { return true }

// connectionFaults are the reasons a log may hold.
var connectionFaults = []string{
	"first record does not look like a TLS handshake", "unsupported versions", "unknown certificate", "bad certificate",
	"certificate required", "no authority is being answered", "protocol version", "handshake failure", "i/o timeout",
	"connection reset", "broken pipe", "EOF",
}
