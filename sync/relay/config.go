package relay

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Config is the relay's configuration: what stands in relay.toml, and the secrets of its environment.
// [Example] documents every key.
type Config struct {
	Data     string         `toml:"data"`
	Public   string         `toml:"public"`
	Listen   ListenConfig   `toml:"listen"`
	TLS      TLSConfig      `toml:"tls"`
	WhatsApp WhatsAppConfig `toml:"whatsapp"`
	Masking  MaskingConfig  `toml:"masking"`
	Inboxes  []InboxConfig  `toml:"inbox"`

	Secrets Secrets `toml:"-"`
}

// ListenConfig says where the relay listens. An empty Webhooks or Ops is not served.
type ListenConfig struct {
	Devices  string `toml:"devices"`
	Webhooks string `toml:"webhooks"`
	Ops      string `toml:"ops"`
}

// TLSConfig names the certificate devices see and pin.
type TLSConfig struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// WhatsAppConfig says how to reach the Graph API.
type WhatsAppConfig struct {
	API        string   `toml:"api"`
	Version    string   `toml:"version"`
	MediaHosts []string `toml:"media_hosts"`
	Rate       int      `toml:"messages_per_second"`
}

// MaskingConfig says what stays visible of a customer.
type MaskingConfig struct {
	Name   string `toml:"name"`
	Digits int    `toml:"digits"`
}

// InboxConfig is one company WhatsApp number.
type InboxConfig struct {
	ID            string `toml:"id"`
	Name          string `toml:"name"`
	PhoneNumberID string `toml:"phone_number_id"`
	Number        string `toml:"number"`
}

// Secrets never stand in relay.toml. They print as [redacted].
type Secrets struct {
	AppSecret         whatsapp.AppSecret
	PreviousAppSecret whatsapp.AppSecret // still accepted while Meta's console is being changed
	VerifyToken       whatsapp.VerifyToken
	Token             whatsapp.Token
}

// The environment variables the secrets come from, and the file beside relay.toml that may hold them.
const (
	EnvAppSecret         = "SEALDESK_APP_SECRET"
	EnvPreviousAppSecret = "SEALDESK_APP_SECRET_PREVIOUS"
	EnvVerifyToken       = "SEALDESK_VERIFY_TOKEN"
	EnvToken             = "SEALDESK_WHATSAPP_TOKEN"
	EnvFile              = "relay.env"
)

// ErrConfig is returned for a configuration that cannot work. The wrapped text says which key, why, and what to write.
var ErrConfig = errors.New("configuration")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
}

// LoadConfig reads relay.toml and its secrets: from the environment, else from relay.env beside the file. It refuses
// keys it does not know, values that cannot work, and missing secrets.
func LoadConfig(path string) (Config, error) {
	var c Config
	meta, err := toml.DecodeFile(path, &c)
	if errors.Is(err, fs.ErrNotExist) {
		return c, wrong("%s is not there; `sealdesk-relay init` makes one", path)
	}
	if err != nil {
		return c, wrong("%s: %v", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, wrong("%s: no such key: %s", path, unknown[0])
	}
	dir := filepath.Dir(path)
	for _, file := range []*string{&c.Data, &c.TLS.Certificate, &c.TLS.Key} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
	env, err := readEnv(filepath.Join(dir, EnvFile))
	if err != nil {
		return c, err
	}
	c.Secrets = Secrets{
		AppSecret:         whatsapp.NewAppSecret(env(EnvAppSecret)),
		PreviousAppSecret: whatsapp.NewAppSecret(env(EnvPreviousAppSecret)),
		VerifyToken:       whatsapp.NewVerifyToken(env(EnvVerifyToken)),
		Token:             whatsapp.NewToken(env(EnvToken)),
	}
	return c, c.Check()
}

// readEnv returns a look-up in the environment that falls back to a file of KEY=value lines, as systemd reads them.
func readEnv(path string) (func(string) string, error) {
	values := map[string]string{}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Getenv, nil
	case err != nil:
		return nil, wrong("%s cannot be read: %v", path, err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, wrong("%s can be read by others; run: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, wrong("%s cannot be read: %v", path, err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, wrong("%s line %d is not KEY=value", path, n+1)
		}
		values[strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(value), `"'`)
	}
	return func(key string) string {
		if v := os.Getenv(key); v != "" {
			return v
		}
		return values[key]
	}, nil
}

var (
	slug     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	metaID   = regexp.MustCompile(`^[0-9]{5,25}$`)
	version  = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]$`)
	e164     = regexp.MustCompile(`^\+[0-9]{7,15}$`)
	nameRule = map[string]mask.NamePolicy{"": mask.FirstInitial, "first-initial": mask.FirstInitial, "full": mask.Full, "alias": mask.AliasOnly}
)

// Check returns an error wrapping [ErrConfig] for the first thing that cannot work.
func (c *Config) Check() error {
	if c.Data == "" {
		return wrong("data: the folder for the relay's store is missing")
	}
	if _, _, err := net.SplitHostPort(c.Public); err != nil {
		return wrong("public: write the host and port devices dial, such as relay.example.com:8443")
	}
	if _, _, err := net.SplitHostPort(c.Listen.Devices); err != nil {
		return wrong("listen.devices: write an address such as :8443")
	}
	for key, address := range map[string]string{"listen.webhooks": c.Listen.Webhooks, "listen.ops": c.Listen.Ops} {
		if address == "" {
			continue
		}
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback() && !ip.IsPrivate()) {
			return wrong("%s: it has no TLS of its own, so it takes a loopback or private address, such as 127.0.0.1:8080", key)
		}
	}
	if u, err := url.Parse(c.WhatsApp.API); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return wrong("whatsapp.api: write the base address, usually https://graph.facebook.com")
	}
	if !version.MatchString(c.WhatsApp.Version) {
		return wrong("whatsapp.version: write a version of the Graph API such as v24.0")
	}
	if _, ok := nameRule[c.Masking.Name]; !ok {
		return wrong("masking.name: one of first-initial, full, alias")
	}
	if c.Masking.Digits < 0 || c.Masking.Digits > 2 {
		return wrong("masking.digits: 0, 1 or 2")
	}
	if len(c.Inboxes) == 0 {
		return wrong("inbox: at least one [[inbox]] is needed")
	}
	ids, numbers := map[string]bool{}, map[string]bool{}
	for _, in := range c.Inboxes {
		switch {
		case !slug.MatchString(in.ID):
			return wrong("inbox.id: lower-case letters, digits and dashes, such as sales")
		case in.Name == "":
			return wrong("inbox.name of %s is missing", in.ID)
		case !metaID.MatchString(in.PhoneNumberID):
			return wrong("inbox.phone_number_id of %s: the digits Meta's console shows as Phone number ID", in.ID)
		case !e164.MatchString(in.Number):
			return wrong("inbox.number of %s: the company's own number in international form, such as +4930231250000", in.ID)
		case ids[in.ID] || numbers[in.PhoneNumberID]:
			return wrong("inbox %s stands there twice", in.ID)
		}
		ids[in.ID], numbers[in.PhoneNumberID] = true, true
	}
	switch {
	case c.Secrets.AppSecret.IsZero():
		return wrong("the app secret is missing: without it anybody could invent messages. Set %s, or write it into %s", EnvAppSecret, EnvFile)
	case c.Secrets.VerifyToken.IsZero():
		return wrong("the verify token is missing. Set %s, or write it into %s", EnvVerifyToken, EnvFile)
	case c.Secrets.Token.IsZero():
		return wrong("the WhatsApp access token is missing. Set %s, or write it into %s", EnvToken, EnvFile)
	}
	return nil
}

func (c *Config) policy() mask.Policy {
	return mask.Policy{Name: nameRule[c.Masking.Name], Digits: c.Masking.Digits}
}

// companyNumbers are the company's own numbers as digits: they are not a customer's data.
func (c *Config) companyNumbers() (out []string) {
	for _, in := range c.Inboxes {
		out = append(out, strings.TrimPrefix(in.Number, "+"))
	}
	return out
}

func (c *Config) inboxByNumber() map[string]inbox.InboxID {
	out := map[string]inbox.InboxID{}
	for _, in := range c.Inboxes {
		out[in.PhoneNumberID] = inbox.InboxID(in.ID)
	}
	return out
}

func (c *Config) masterKeyFile() string { return filepath.Join(c.Data, "master.key") }

// LedgerFile is where the embedded store lies.
func (c *Config) LedgerFile() string { return filepath.Join(c.Data, "relay.db") }

func (c *Config) adminSocket() string { return filepath.Join(c.Data, "admin.sock") }
