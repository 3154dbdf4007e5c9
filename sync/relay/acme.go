package relay

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// Laptops pin the relay's key, and browsers want a certificate of an authority. So the key stays what it is, and only the
// certificate around it is renewed (RFC 8555): every order is signed with the same key, the one of tls.key. The usual clients
// make a key of their own with the first certificate, and with each one when their folder is lost; every laptop would have to
// be enrolled again.

const (
	acmeLook     = time.Hour
	acmePatience = 5 * time.Minute // of one try
	acmePath     = "/.well-known/acme-challenge/"
)

// An authority gets certificates from one.
type authority struct {
	r      *Relay
	client *acme.Client
	host   string
	key    crypto.Signer
	tokens sync.Map // path -> what is answered there (RFC 8555 section 8.3)
	known  bool     // the account is
}

func newAuthority(r *Relay) (*authority, error) {
	c := r.cfg.TLS.ACME
	if !c.Terms {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(r.cfg.Public)
	if err != nil {
		return nil, wrong("public: write the host and port devices dial, such as relay.example.com:8443")
	}
	key, ok := r.tls.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, wrong("tls.key: a key that can sign is needed for an authority's certificate")
	}
	account, err := accountKey(filepath.Join(r.cfg.Data, "acme.key"))
	if err != nil {
		return nil, err
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return &authority{r: r, host: host, key: key, client: &acme.Client{
		Key: account, DirectoryURL: c.directory(), HTTPClient: client, UserAgent: "sealdesk-relay",
	}}, nil
}

// client speaks to the authority.
func (c ACMEConfig) client() (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if c.Roots != "" {
		text, err := os.ReadFile(c.Roots)
		if err != nil {
			return nil, wrong("tls.acme.roots: %v", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, wrong("tls.acme.roots: %s holds no certificate", c.Roots)
		}
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	return &http.Client{Transport: t, Timeout: 30 * time.Second}, nil
}

// accountKey reads the key the authority knows the relay by, making it if there is none.
func accountKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writeNew(file, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key of the authority's account: %w", err)
	}
	if block, _ := pem.Decode(text); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
	}
	return nil, wrong("%s is damaged; delete it, and another account is made", file)
}

// due reports whether a certificate is to be renewed: it is not an authority's, or the last third of its life has begun, but four
// weeks before its end at the latest.
func due(leaf *x509.Certificate, host string, now time.Time) bool {
	own := string(leaf.RawIssuer) == string(leaf.RawSubject)
	early := min(leaf.NotAfter.Sub(leaf.NotBefore)/3, 28*24*time.Hour)
	return own || leaf.VerifyHostname(host) != nil || now.After(leaf.NotAfter.Add(-early))
}

// renew gets a certificate when it is time, until ctx ends; it looks at once, and with every tick.
func (a *authority) renew(ctx context.Context, tick <-chan time.Time) error {
	if a == nil {
		return nil
	}
	for ctx.Err() == nil {
		if leaf, err := x509.ParseCertificate(a.r.certs.now.Load().Certificate[0]); err == nil && due(leaf, a.host, a.r.now()) {
			err := a.obtain(ctx)
			switch {
			case err == nil:
				a.r.metrics.renewals.WithLabelValues("ok").Inc()
			case ctx.Err() == nil:
				a.r.metrics.renewals.WithLabelValues("failed").Inc()
				a.r.log.Error("the certificate could not be renewed", "until", leaf.NotAfter.Format(time.DateOnly), "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-tick:
		}
	}
	return nil
}

// obtain gets a certificate for the relay's own key and lets it take effect.
func (a *authority) obtain(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, acmePatience)
	defer stop()
	if err := a.register(ctx); err != nil {
		return fmt.Errorf("telling the authority who asks: %w", err)
	}
	id := acme.DomainIDs(a.host)
	if net.ParseIP(a.host) != nil {
		id = acme.IPIDs(a.host)
	}
	order, err := a.client.AuthorizeOrder(ctx, id)
	if err != nil {
		return fmt.Errorf("ordering a certificate: %w", err)
	}
	for _, url := range order.AuthzURLs {
		if err := a.prove(ctx, url); err != nil {
			return fmt.Errorf("proving that the host is ours: %w", err)
		}
	}
	if order, err = a.client.WaitOrder(ctx, order.URI); err != nil {
		return fmt.Errorf("waiting for the certificate: %w", err)
	}
	request := &x509.CertificateRequest{Subject: pkix.Name{}}
	if ip := net.ParseIP(a.host); ip != nil {
		request.IPAddresses = []net.IP{ip}
	} else {
		request.DNSNames = []string{a.host}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, request, a.key)
	if err != nil {
		return fmt.Errorf("signing the order: %w", err)
	}
	chain, _, err := a.client.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	if err != nil {
		return fmt.Errorf("getting the certificate: %w", err)
	}
	var text strings.Builder
	for _, der := range chain {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	return a.keep(text.String())
}

// keep writes the certificate beside the one before, and lets it take its place if it is what was ordered.
func (a *authority) keep(text string) error {
	file := a.r.cfg.acmeCertificate()
	fresh := file + halfSuffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(fresh, text, 0o644); err != nil {
		return err
	}
	if _, err := readCertificate(fresh, a.r.cfg.TLS.Key, a.r.pin); err != nil {
		return errors.Join(fmt.Errorf("the authority's certificate cannot be used: %w", err), os.Remove(fresh))
	}
	if err := os.Rename(fresh, file); err != nil {
		return err
	}
	syncFolder(filepath.Dir(file))
	a.r.certs.look()
	return nil
}

func (a *authority) register(ctx context.Context) error {
	if a.known {
		return nil
	}
	account := &acme.Account{}
	if email := a.r.cfg.TLS.ACME.Email; email != "" {
		account.Contact = []string{"mailto:" + email}
	}
	_, err := a.client.Register(ctx, account, acme.AcceptTOS)
	if errors.Is(err, acme.ErrAccountAlreadyExists) {
		err = nil
	}
	a.known = err == nil
	return err
}

// prove answers one challenge.
func (a *authority) prove(ctx context.Context, url string) error {
	authz, err := a.client.GetAuthorization(ctx, url)
	if err != nil {
		return err
	}
	if authz.Status == acme.StatusValid {
		return nil
	}
	kind := map[string]string{challengeTLS: "tls-alpn-01", challengeHTTP: "http-01"}[a.r.cfg.TLS.ACME.challenge()]
	for _, c := range authz.Challenges {
		if c.Type != kind {
			continue
		}
		forget, err := a.answer(c)
		if err != nil {
			return err
		}
		defer forget()
		if _, err := a.client.Accept(ctx, c); err != nil {
			return err
		}
		_, err = a.client.WaitAuthorization(ctx, url)
		return err
	}
	return wrong("tls.acme.challenge: the authority does not offer %s", kind)
}

func (a *authority) answer(c *acme.Challenge) (forget func(), err error) {
	if c.Type == "tls-alpn-01" {
		cert, err := a.client.TLSALPN01ChallengeCert(c.Token, a.host)
		if err != nil {
			return nil, err
		}
		name := a.host
		if ip, err := netip.ParseAddr(a.host); err == nil {
			name = reverseName(ip)
		}
		a.r.certs.answers.Store(name, &cert)
		return func() { a.r.certs.answers.Delete(name) }, nil
	}
	text, err := a.client.HTTP01ChallengeResponse(c.Token)
	path := a.client.HTTP01ChallengePath(c.Token)
	a.tokens.Store(path, text)
	return func() { a.tokens.Delete(path) }, err
}

// reverseName is what an authority asks for that wants to see an address (RFC 8738 section 6).
func reverseName(ip netip.Addr) string {
	var b strings.Builder
	if ip.Is4() {
		for _, part := range slices.Backward(ip.AsSlice()) {
			fmt.Fprintf(&b, "%d.", part)
		}
		return b.String() + "in-addr.arpa"
	}
	for _, part := range slices.Backward(ip.AsSlice()) {
		fmt.Fprintf(&b, "%x.%x.", part&0xf, part>>4)
	}
	return b.String() + "ip6.arpa"
}

// ServeHTTP answers the authority, and sends everybody else to where the relay is.
func (a *authority) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if text, ok := a.tokens.Load(q.URL.Path); ok && q.Method == http.MethodGet {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte(text.(string)))
		return
	}
	if strings.HasPrefix(q.URL.Path, acmePath) {
		http.NotFound(w, q)
		return
	}
	http.Redirect(w, q, "https://"+strings.TrimSuffix(a.r.cfg.Public, ":443")+"/", http.StatusTemporaryRedirect)
}
