package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

//go:embed relay.toml.tmpl
var exampleText string

var exampleTemplate = template.Must(template.New("relay.toml").Funcs(template.FuncMap{"quote": tomlQuote}).Parse(exampleText))

// Answers are what [Init] cannot know by itself.
type Answers struct {
	Public        string // "host:port" devices dial
	Devices       string // listen address for devices
	Webhooks      string // listen address for Meta's webhooks, behind a proxy
	Ops           string
	API           string // base address of the Graph API
	Version       string
	InboxID       string
	InboxName     string
	Number        string
	PhoneNumberID string
	AccountID     string // the WhatsApp Business Account; without it templates cannot be read
	AppSecret     string
	VerifyToken   string // made up when empty
	Token         string
	Digits        int
	Trusting      bool // nobody signs in: for a trial
	MediaHosts    []string
}

// Defaults fills in everything that has a sensible value.
func (a *Answers) Defaults() {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&a.Devices, ":8443"}, {&a.Webhooks, "127.0.0.1:8080"}, {&a.Ops, "127.0.0.1:9090"},
		{&a.API, whatsapp.DefaultBaseURL}, {&a.Version, whatsapp.DefaultVersion}, {&a.InboxID, "sales"}, {&a.InboxName, "Sales"},
		{&a.VerifyToken, randomWord()},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
}

func randomWord() string {
	b := make([]byte, 24)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ErrExists is returned when a folder already holds a relay. Nothing was changed.
var ErrExists = errors.New("there is a relay here already")

// Init writes everything a relay needs into dir: relay.toml, relay.env with the secrets (0600), a certificate and the
// master key. It refuses to touch a folder that has any of them, writes nothing unless the configuration can work, and
// takes back what it wrote when it cannot write all. It returns the path of relay.toml.
func Init(dir string, a Answers) (path string, err error) {
	a.Defaults()
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the folder: %w", err)
	}
	path = filepath.Join(dir, "relay.toml")
	data := filepath.Join(dir, "data")
	for _, file := range []string{path, filepath.Join(dir, EnvFile), filepath.Join(dir, "relay.crt"), filepath.Join(dir, "relay.key"), data} {
		switch _, err := os.Lstat(file); {
		case err == nil:
			return "", fmt.Errorf("%w: %s", ErrExists, file)
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("looking into the folder: %w", err)
		}
	}
	text := a.toml()
	if err := a.check(path, text); err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(a.Public)
	crt, key, err := certificate(host, time.Now())
	if err != nil {
		return "", fmt.Errorf("making a certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the folder: %w", err)
	}
	var made []string
	defer func() {
		if err == nil {
			return
		}
		for _, file := range made {
			os.RemoveAll(file) // all of it was made here, a moment ago
		}
	}()
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", fmt.Errorf("making the data folder: %w", err)
	}
	made = append(made, data)
	if _, err := vault.CreateMasterFile(filepath.Join(data, "master.key")); err != nil {
		return "", fmt.Errorf("making the master key: %w", err)
	}
	for _, f := range []struct {
		name, text string
		mode       fs.FileMode
	}{
		{"relay.crt", string(crt), 0o644}, {"relay.key", string(key), 0o600}, {EnvFile, a.env(), 0o600}, {"relay.toml", text, 0o644},
	} {
		file := filepath.Join(dir, f.name)
		if err := writeNew(file, f.text, f.mode); err != nil {
			return "", err
		}
		made = append(made, file)
	}
	syncFolder(dir)
	return path, nil
}

// secrets are the answers that must not stand in relay.toml.
func (a *Answers) secrets() map[string]string {
	return map[string]string{EnvAppSecret: a.AppSecret, EnvVerifyToken: a.VerifyToken, EnvToken: a.Token}
}

func (a *Answers) env() string {
	s := a.secrets()
	var b strings.Builder
	b.WriteString("# Secrets of the relay. Keep this file to yourself (chmod 600).\n")
	for _, key := range []string{EnvAppSecret, EnvVerifyToken, EnvToken} {
		fmt.Fprintf(&b, "%s=%s\n", key, s[key])
	}
	fmt.Fprintf(&b, "# While the app secret is being changed in Meta's console, the old one still counts:\n# %s=\n", EnvPreviousAppSecret)
	return b.String()
}

func (a *Answers) toml() string {
	var text strings.Builder
	if err := exampleTemplate.Execute(&text, a); err != nil {
		panic(err) // the template is part of the program
	}
	return text.String()
}

// check reads the configuration back from the very text that will be written.
func (a *Answers) check(path, text string) error {
	s := a.secrets()
	for _, secret := range s {
		if strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c == '"' || c == '\'' || c > '~' }) {
			return wrong("a secret holds a space, a quote or something that is no plain letter; copy it again")
		}
	}
	_, err := parseConfig(path, text, func(key string) string { return s[key] })
	return err
}

// writeNew writes a file that must not exist yet, whole or not at all.
func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Example returns relay.toml with every key documented and the default values.
func Example() string {
	a := Answers{Public: "relay.example.com:8443", Number: "+493023125000", PhoneNumberID: "106540352242922"}
	a.Defaults()
	return a.toml()
}

func tomlQuote(s string) string {
	plain := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(plain) + `"`
}

// certificate makes a self-signed one for the host. Devices pin its key, so nobody needs to have signed it; ten years
// because changing it means enrolling every device again.
func certificate(host string, now time.Time) (crt, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "sealdesk-relay"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}
