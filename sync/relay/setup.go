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
	AppSecret     string
	VerifyToken   string // made up when empty
	Token         string
	Digits        int
	MediaHosts    []string
}

// Defaults fills in everything that has a sensible value.
func (a *Answers) Defaults() {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&a.Devices, ":8443"}, {&a.Webhooks, "127.0.0.1:8080"}, {&a.Ops, "127.0.0.1:9090"},
		{&a.API, "https://graph.facebook.com"}, {&a.Version, "v24.0"}, {&a.InboxID, "sales"}, {&a.InboxName, "Sales"},
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
// master key. It refuses to touch a folder that has any of them, and writes nothing unless the configuration can work.
// It returns the path of relay.toml.
func Init(dir string, a Answers) (string, error) {
	a.Defaults()
	path := filepath.Join(dir, "relay.toml")
	data := filepath.Join(dir, "data")
	for _, file := range []string{path, filepath.Join(dir, EnvFile), filepath.Join(dir, "relay.crt"), filepath.Join(dir, "relay.key"), data} {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w: %s", ErrExists, file)
		}
	}
	cfg, err := a.config()
	if err != nil {
		return "", err
	}
	if err := cfg.Check(); err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(a.Public)
	crt, key, err := certificate(host, time.Now())
	if err != nil {
		return "", fmt.Errorf("making a certificate: %w", err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", fmt.Errorf("making the data folder: %w", err)
	}
	if _, err := vault.CreateMasterFile(filepath.Join(data, "master.key")); err != nil {
		return "", fmt.Errorf("making the master key: %w", err)
	}
	var text strings.Builder
	if err := exampleTemplate.Execute(&text, a); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	env := fmt.Sprintf("# Secrets of the relay. Keep this file to yourself (chmod 600).\n%s=%s\n%s=%s\n%s=%s\n# While the app secret is being changed in Meta's console, the old one still counts:\n# %s=\n",
		EnvAppSecret, a.AppSecret, EnvVerifyToken, a.VerifyToken, EnvToken, a.Token, EnvPreviousAppSecret)
	for _, f := range []struct {
		name, text string
		mode       fs.FileMode
	}{
		{"relay.crt", string(crt), 0o644}, {"relay.key", string(key), 0o600}, {EnvFile, env, 0o600}, {"relay.toml", text.String(), 0o644},
	} {
		if err := writeNew(filepath.Join(dir, f.name), f.text, f.mode); err != nil {
			return "", err
		}
	}
	return path, nil
}

// config is the configuration the answers lead to, read from the very text that will be written.
func (a *Answers) config() (Config, error) {
	for _, secret := range []string{a.AppSecret, a.VerifyToken, a.Token} {
		if strings.ContainsAny(secret, "\r\n\"' ") {
			return Config{}, wrong("a secret holds a space, a quote or a line break; copy it again")
		}
	}
	var text strings.Builder
	if err := exampleTemplate.Execute(&text, a); err != nil {
		return Config{}, fmt.Errorf("writing the configuration: %w", err)
	}
	dir, err := os.MkdirTemp("", "sealdesk-init-")
	if err != nil {
		return Config{}, fmt.Errorf("making a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "relay.toml")
	env := fmt.Sprintf("%s=%s\n%s=%s\n%s=%s\n", EnvAppSecret, a.AppSecret, EnvVerifyToken, a.VerifyToken, EnvToken, a.Token)
	if err := errors.Join(writeNew(path, text.String(), 0o600), writeNew(filepath.Join(dir, EnvFile), env, 0o600)); err != nil {
		return Config{}, err
	}
	return LoadConfig(path)
}

func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Example returns relay.toml with every key documented and the default values.
func Example() string {
	a := Answers{Public: "relay.example.com:8443", Number: "+493023125000", PhoneNumberID: "106540352242922"}
	a.Defaults()
	var text strings.Builder
	if err := exampleTemplate.Execute(&text, a); err != nil {
		panic(err) // the template is part of the program
	}
	return text.String()
}

func tomlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
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
