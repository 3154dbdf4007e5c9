package engine

import (
	"crypto/tls"
	"net/http"
	"time"

	"sealdesk/sync/wire"
)

// FeedClient returns a client for what a relay serves to everybody, such as updates: it speaks TLS 1.3 with who holds one of
// the keys and with nobody else, and follows no redirect. Without keys it trusts the system's authorities and uses the system's
// proxy, for a server that is no relay. dial nil is the system's. Close its idle connections when done.
func FeedClient(pins []wire.Pin, dial Dialer) *http.Client {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	proxy := http.ProxyFromEnvironment
	if len(pins) > 0 {
		proxy = nil // laptops reach their relay, or they do not
		conf.MinVersion = tls.VersionTLS13
		conf.InsecureSkipVerify = true // VerifyConnection decides
		conf.VerifyConnection = func(s tls.ConnectionState) (err error) {
			for _, pin := range pins {
				if err = pinned(pin).VerifyConnection(s); err == nil {
					return nil
				}
			}
			return err
		}
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: proxy, DialContext: dial, TLSClientConfig: conf, TLSHandshakeTimeout: wire.HandshakeTimeout,
			DisableCompression: true, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
