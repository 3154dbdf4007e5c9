package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"sealdesk/sync/wire"
)

// certLook is how often the files of the certificate are looked at.
const certLook = 10 * time.Second

// A certificates is the certificate devices are met with, as its files change. Its key does not: devices pin it, so a certificate
// for another one is not taken, and the one before goes on.
type certificates struct {
	r       *Relay
	now     atomic.Pointer[tls.Certificate]
	answers sync.Map // host -> *tls.Certificate that answers an authority (RFC 8737)

	mu    sync.Mutex
	looks string // of the files that were read last, well or not
}

func newCertificates(r *Relay, cert tls.Certificate) *certificates {
	c := &certificates{r: r}
	c.now.Store(&cert)
	return c
}

// acmeCertificate is where a certificate of an authority is kept: beside relay.toml the relay may not write.
func (c *Config) acmeCertificate() string { return filepath.Join(c.Data, "acme.crt") }

// certificateFile is the one in force: that of the authority, if there is one, else the configured one.
func (c *Config) certificateFile() string {
	if c.TLS.ACME.Terms {
		if _, err := os.Stat(c.acmeCertificate()); err == nil {
			return c.acmeCertificate()
		}
	}
	return c.TLS.Certificate
}

// get is for [tls.Config].
func (c *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		if answer, ok := c.answers.Load(hello.ServerName); ok {
			return answer.(*tls.Certificate), nil
		}
		return nil, errors.New("no authority is being answered")
	}
	return c.now.Load(), nil
}

// watch looks at the files with every tick until ctx ends.
func (c *certificates) watch(ctx context.Context, tick <-chan time.Time) error {
	for {
		c.look()
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// look takes what the files hold if they have changed. One that cannot be used is told once, and harms nothing.
func (c *certificates) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	file := c.r.cfg.certificateFile()
	looks := file
	for _, f := range []string{file, c.r.cfg.TLS.Key} {
		if info, err := os.Stat(f); err == nil {
			looks += fmt.Sprint(" ", info.Size(), " ", info.ModTime().UnixNano())
		}
	}
	if looks == c.looks {
		return
	}
	first := c.looks == ""
	c.looks = looks
	cert, err := readCertificate(file, c.r.cfg.TLS.Key, c.r.pin)
	switch {
	case err != nil:
		c.r.log.Error("the new certificate is not taken, the one before goes on", "error", err)
	case string(cert.Certificate[0]) != string(c.now.Load().Certificate[0]):
		c.now.Store(&cert)
		c.r.log.Info("certificate taken", "until", cert.Leaf.NotAfter.Format(time.DateOnly))
	case !first:
		c.now.Store(&cert) // the chain may be another
	}
}

var errOtherKey = errors.New("it is for another key than laptops have pinned: they would all have to be enrolled again")

// readCertificate reads a certificate that laptops will take.
func readCertificate(file, key string, pin wire.Pin) (tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		return cert, err
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return cert, err
		}
	}
	if wire.PinOf(cert.Leaf.RawSubjectPublicKeyInfo) != pin {
		return cert, errOtherKey
	}
	return cert, nil
}

// expiry is when the certificate in force ends.
func (c *certificates) expiry() time.Time {
	leaf, err := x509.ParseCertificate(c.now.Load().Certificate[0])
	if err != nil {
		return time.Time{}
	}
	return leaf.NotAfter
}
