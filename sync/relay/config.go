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
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/mask"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
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
	Privacy  PrivacyConfig  `toml:"privacy"`
	Media    MediaConfig    `toml:"media"`
	Inboxes  []InboxConfig  `toml:"inbox"`
	Cards    []CardConfig   `toml:"card"`
	Reveal   RevealConfig   `toml:"reveal"`
	SignIn   SignInConfig   `toml:"sign_in"`
	Device   DeviceConfig   `toml:"device"`
	Guard    GuardConfig    `toml:"guard"`
	Backup   BackupConfig   `toml:"backup"`
	Offers   []OfferConfig  `toml:"offer"`
	// PersonContacts is how colleagues can be reached in private; see [PersonContactConfig].
	PersonContacts []PersonContactConfig `toml:"person_contact"`

	Secrets Secrets `toml:"-"`

	file string // where it was read from; "" if it was not
}

// ListenConfig says where the relay listens. An empty Webhooks or Ops is not served.
type ListenConfig struct {
	Devices  string `toml:"devices"`
	Webhooks string `toml:"webhooks"`
	Ops      string `toml:"ops"`
	// Proxies are the addresses and networks of proxies in front of Devices whose X-Forwarded-For counts.
	Proxies []string `toml:"proxies"`
}

// TLSConfig names the certificate devices see and pin.
type TLSConfig struct {
	Certificate string     `toml:"certificate"`
	Key         string     `toml:"key"`
	ACME        ACMEConfig `toml:"acme"`
}

// WhatsAppConfig says how to reach the Graph API.
type WhatsAppConfig struct {
	API        string   `toml:"api"`
	Version    string   `toml:"version"`
	MediaHosts []string `toml:"media_hosts"`
	Rate       int      `toml:"messages_per_second"`
	// ReadReceipts says whether customers are told that a message was read and that somebody writes; nil is yes.
	ReadReceipts *bool `toml:"read_receipts"`
	// Rates is a file of what WhatsApp bills per message; "" is the example's.
	Rates string `toml:"rates"`
}

// MaskingConfig says what stays visible of a customer.
type MaskingConfig struct {
	Name     string `toml:"name"`
	Digits   int    `toml:"digits"`
	Location string `toml:"location"` // of a place a customer sends: hidden, area or exact; "" is area
}

// PrivacyConfig is what customers are told when they ask about their data.
type PrivacyConfig struct {
	Company          string            `toml:"company"`   // "" is the name of the inbox
	Officer          string            `toml:"officer"`   // how to reach whoever answers for data protection
	URL              string            `toml:"url"`       // of the whole privacy notice
	Language         string            `toml:"language"`  // of answers to words that several languages share
	Retention        map[string]string `toml:"retention"` // by language: how long data is kept, in one sentence
	VerifyNamesAgent bool              `toml:"verify_names_agent"`
	// KeepDays is how many days after the last message a customer is put forward to be forgotten; 0: never. KeepDecides says whether
	// two people decide about each, "people", or the relay erases who was not refused in time, "relay"; "" is people.
	KeepDays    int    `toml:"keep_days"`
	KeepDecides string `toml:"keep_decides"`
}

// InboxConfig is one company WhatsApp number.
type InboxConfig struct {
	ID            string `toml:"id"`
	Name          string `toml:"name"`
	PhoneNumberID string `toml:"phone_number_id"`
	Rate          int    `toml:"rate"` // messages a second; 0 is what holds for all numbers
	Number        string `toml:"number"`
	AccountID     string `toml:"account_id"` // the WhatsApp Business Account the number belongs to; "" knows no templates
	DeskConfig
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
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Config{}, wrong("%s is not there; `sealdesk-relay init` makes one", path)
	case err != nil:
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	secret, err := readEnv(filepath.Join(filepath.Dir(path), EnvFile))
	if err != nil {
		return Config{}, err
	}
	return parseConfig(path, string(text), secret)
}

// parseConfig makes a configuration of the text at path. secret looks up the variables above.
func parseConfig(path, text string, secret func(string) string) (Config, error) {
	var c Config
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return c, wrong("%s: %v", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, wrong("%s: no such key: %s", path, unknown[0])
	}
	c.file = path
	for i, r := range c.Backup.Recipients {
		if !strings.HasPrefix(r, "age1") && !filepath.IsAbs(r) {
			c.Backup.Recipients[i] = filepath.Join(filepath.Dir(path), r)
		}
	}
	for _, file := range []*string{&c.Data, &c.TLS.Certificate, &c.TLS.Key, &c.TLS.ACME.Roots, &c.WhatsApp.Rates, &c.Backup.Store, &c.Backup.Keys} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(filepath.Dir(path), *file)
		}
	}
	c.Secrets = Secrets{
		AppSecret:         whatsapp.NewAppSecret(secret(EnvAppSecret)),
		PreviousAppSecret: whatsapp.NewAppSecret(secret(EnvPreviousAppSecret)),
		VerifyToken:       whatsapp.NewVerifyToken(secret(EnvVerifyToken)),
		Token:             whatsapp.NewToken(secret(EnvToken)),
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
		return nil, fmt.Errorf("reading the secrets: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, wrong("%s can be read by others; run: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secrets: %w", err)
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
	if host, port, err := net.SplitHostPort(c.Public); err != nil || host == "" || !isPort(port) {
		return wrong("public: write the host and port devices dial, such as relay.example.com:8443")
	}
	if c.TLS.Certificate == "" || c.TLS.Key == "" {
		return wrong("tls: certificate and key name the files devices see; init makes relay.crt and relay.key")
	}
	taken := map[string]string{}
	for _, l := range []struct {
		key, address string
		plain        bool
	}{{"listen.devices", c.Listen.Devices, false}, {"listen.webhooks", c.Listen.Webhooks, true}, {"listen.ops", c.Listen.Ops, true}, {"tls.acme.listen", c.TLS.ACME.listen(), false}} {
		if l.address == "" && l.key != "listen.devices" {
			continue
		}
		host, port, err := net.SplitHostPort(l.address)
		if err != nil || !isPort(port) {
			return wrong("%s: write an address such as 127.0.0.1:8080 or, for devices, :8443", l.key)
		}
		if ip := net.ParseIP(host); l.plain && host != "localhost" && (ip == nil || !ip.IsLoopback() && !ip.IsPrivate()) {
			return wrong("%s: it has no TLS of its own, so it takes a loopback or private address, such as 127.0.0.1:8080", l.key)
		}
		if taken[l.address] != "" {
			return wrong("%s: %s has %s already; write another port", l.key, taken[l.address], l.address)
		}
		taken[l.address] = l.key
	}
	if u, err := url.Parse(c.WhatsApp.API); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return wrong("whatsapp.api: write the base address, usually %s", whatsapp.DefaultBaseURL)
	}
	if !version.MatchString(c.WhatsApp.Version) {
		return wrong("whatsapp.version: write a version of the Graph API such as %s", whatsapp.DefaultVersion)
	}
	if c.WhatsApp.Rate < 0 || c.WhatsApp.Rate > maxNumberRate {
		return wrong("whatsapp.messages_per_second: 1 to %d, usually %d", maxNumberRate, outbound.NumberRate)
	}
	if _, err := loadRates(c.WhatsApp.Rates); err != nil {
		return err
	}
	if _, ok := nameRule[c.Masking.Name]; !ok {
		return wrong("masking.name: one of first-initial, full, alias")
	}
	if c.Masking.Digits < 0 || c.Masking.Digits > 2 {
		return wrong("masking.digits: 0, 1 or 2")
	}
	if l := c.Masking.location(); l != placeHidden && l != placeArea && l != placeExact {
		return wrong("masking.location: one of hidden, area, exact")
	}
	for _, part := range []interface{ check() error }{c.Listen, c.TLS.ACME, c.Backup, c.Reveal, c.SignIn, c.Device} {
		if err := part.check(); err != nil {
			return err
		}
	}
	if err := c.Privacy.check(); err != nil {
		return err
	}
	if len(c.Inboxes) == 0 {
		return wrong("inbox: at least one [[inbox]] is needed")
	}
	ids, numbers := map[string]bool{}, map[string]bool{}
	if err := checkCards(c.Cards); err != nil {
		return err
	}
	for _, in := range c.Inboxes {
		switch {
		case in.Rate < 0 || in.Rate > maxNumberRate:
			return wrong("inbox.rate of %s: messages a second, 1 to %d; 20 for a number shared with the Business app", in.ID, maxNumberRate)
		case !slug.MatchString(in.ID):
			return wrong("inbox.id: lower-case letters, digits and dashes, such as sales")
		case in.Name == "":
			return wrong("inbox.name of %s is missing", in.ID)
		case !metaID.MatchString(in.PhoneNumberID):
			return wrong("inbox.phone_number_id of %s: the digits Meta's console shows as Phone number ID", in.ID)
		case !e164.MatchString(in.Number):
			return wrong("inbox.number of %s: the company's own number in international form, such as +4930231250000", in.ID)
		case in.AccountID != "" && !metaID.MatchString(in.AccountID):
			return wrong("inbox.account_id of %s: the digits Meta's console shows as WhatsApp Business Account ID", in.ID)
		case ids[in.ID] || numbers[in.PhoneNumberID]:
			return wrong("inbox %s stands there twice", in.ID)
		}
		if err := in.DeskConfig.check(in.ID); err != nil {
			return err
		}
		ids[in.ID], numbers[in.PhoneNumberID] = true, true
	}
	if err := c.checkGuard(); err != nil {
		return err
	}
	switch {
	case c.Secrets.AppSecret.IsZero():
		return wrong("the app secret is missing: without it anybody could invent messages. Set %s, or write it into %s", EnvAppSecret, EnvFile)
	case c.Secrets.VerifyToken.IsZero():
		return wrong("the verify token is missing. Set %s, or write it into %s", EnvVerifyToken, EnvFile)
	case c.Secrets.Token.IsZero():
		return wrong("the WhatsApp access token is missing. Set %s, or write it into %s", EnvToken, EnvFile)
	}
	_, err := c.graph()
	return err
}

// maxNumberRate is the most messages a second Meta allows any number.
const maxNumberRate = 1000

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// graph returns the client of the Graph API the configuration describes. It opens no connection.
func (c *Config) graph() (*whatsapp.Client, error) {
	client, err := whatsapp.NewClient(whatsapp.Config{
		BaseURL: c.WhatsApp.API, Version: c.WhatsApp.Version, Token: c.Secrets.Token, MediaHosts: c.WhatsApp.MediaHosts,
	})
	if err != nil {
		return nil, wrong("whatsapp.api: %v", err)
	}
	return client, nil
}

func (c *Config) policy() mask.Policy {
	return mask.Policy{Name: nameRule[c.Masking.Name], Digits: c.Masking.Digits}
}

// companyNumbers are the company's own numbers as digits, and its addresses: they are not a customer's data.
func (c *Config) companyNumbers() (out []string) {
	for _, in := range c.Inboxes {
		out = append(out, strings.TrimPrefix(in.Number, "+"))
	}
	return append(out, c.Privacy.addresses()...)
}

func (c *Config) inboxByNumber() map[string]inbox.InboxID {
	out := map[string]inbox.InboxID{}
	for _, in := range c.Inboxes {
		out[in.PhoneNumberID] = inbox.InboxID(in.ID)
	}
	return out
}

func (c *Config) masterKeyFile() string { return filepath.Join(c.Data, "master.key") }

// master reads the master key. A missing one is [vault.ErrMaster] like one that cannot be used.
func (c *Config) master() (vault.Master, error) {
	m, err := vault.MasterFromFile(c.masterKeyFile())
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s is missing", vault.ErrMaster, c.masterKeyFile())
	}
	if err != nil {
		return m, fmt.Errorf("opening the master key: %w", err)
	}
	return m, nil
}

// LedgerFile is where the embedded store lies.
func (c *Config) LedgerFile() string { return filepath.Join(c.Data, "relay.db") }

// KeyFile is where the keys of contacts lie. Without it the store is noise, so it is backed up, apart from the store.
func (c *Config) KeyFile() string { return filepath.Join(c.Data, "vault.keys") }

// RawFile is where webhooks wait that are not facts yet. They have a file, and so commits, of their own: WhatsApp's
// answer must not wait for the work a webhook makes.
func (c *Config) RawFile() string { return filepath.Join(c.Data, "raw.db") }

func (c *Config) adminSocket() string { return filepath.Join(c.Data, "admin.sock") }

// ledgerKey is the key the embedded store is sealed under.
func (c *Config) ledgerKey() (seal.Key, error) {
	master, err := c.master()
	if err != nil {
		return seal.Key{}, err
	}
	key, err := vault.LedgerKey(master, c.KeyFile())
	if errors.Is(err, vault.ErrMaster) { // it is one, or master would have said so
		err = fmt.Errorf("%w: %w", seal.ErrWrongKey, err)
	}
	return key, err
}
