package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"sealdesk/sync/relay/wasim"
)

type flags struct {
	Listen         string  `default:"127.0.0.1:8090" help:"Where the Graph API answers. Loopback only; port 0 picks a free one."`
	Webhook        string  `required:"" placeholder:"URL" help:"The relay's webhook, such as http://127.0.0.1:8080/webhooks/whatsapp. It must be on this machine."`
	WebhookCA      string  `name:"webhook-ca" type:"existingfile" placeholder:"FILE" help:"PEM certificates to check an https webhook against, such as the relay's own."`
	AppSecret      string  `env:"WASIM_APP_SECRET" xor:"secret" required:"" placeholder:"SECRET" help:"Key that signs webhooks; better given in the environment or a file."`
	OldSecret      string  `env:"WASIM_OLD_APP_SECRET" placeholder:"SECRET" help:"Key before a rotation; some webhooks are then signed with it, as Meta does while it rotates."`
	AppSecretFile  string  `type:"existingfile" xor:"secret" required:"" placeholder:"FILE" help:"File with that key."`
	VerifyToken    string  `env:"WASIM_VERIFY_TOKEN" required:"" placeholder:"WORD" help:"Word presented in the webhook handshake."`
	Token          string  `env:"WASIM_TOKEN" required:"" placeholder:"TOKEN" help:"A bearer token the Graph API accepts for everything."`
	Account        string  `default:"102290129340398" help:"Id of the WhatsApp Business Account."`
	PhoneNumberID  string  `name:"phone-number-id" default:"106540352242922" help:"Id of the company's number."`
	DisplayNumber  string  `default:"493023125100" help:"The company's number itself."`
	Name           string  `default:"Sealdesk Demo" help:"The company's name as customers see it."`
	Coexistence    bool    `help:"The company's number is also used in the WhatsApp Business app: 20 messages a second, echoes, edits and revokes."`
	TestNumber     bool    `help:"The number is a test number and may write to known people alone (131030 otherwise)."`
	Limit          int     `default:"250" help:"Different people the company may begin with in 24 hours: 250, 2000, 10000, 100000; -1 is no limit."`
	GraphVersion   string  `default:"v25.0" help:"Version webhooks are written in; requests may use v21.0 to v27.0."`
	Review         float64 `default:"20" placeholder:"SECONDS" help:"After how many seconds a new template is approved; 0 leaves it to the page."`
	Play           string  `enum:"on,off" default:"on" help:"on or off: serve a page at /play on the listen address, to play a customer by hand, break things and review templates."`
	Personas       string  `enum:"on,off" default:"on" help:"on or off: whether people write and answer by themselves."`
	People         string  `enum:"demo,cast,all" default:"demo" help:"Who has WhatsApp: demo are ordinary customers; cast are the difficult ones (personal data in every spelling, abuse, orders to machines, changing identities, STOP in six languages); all is both."`
	Speed          float64 `default:"1" help:"How fast people and networks are; 1 is natural."`
	Seed           uint64  `default:"1" help:"Decides every random choice."`
	IdentifiersOut string  `placeholder:"FILE" help:"Writes every identifier of the run as it is made, one JSON object a line, for leak tests."`
	Verbose        bool    `short:"v" help:"Log every delivery and refusal."`

	Also []string `sep:"none" placeholder:"ID:DIGITS:NAME" help:"Another number of the company: its id, the number itself, its name. Some people write to the second one."`
}

func main() {
	var f flags
	k := kong.Parse(&f, kong.Name("wasim"), kong.Description(
		"Simulates WhatsApp for a relay on this machine: Graph API, signed webhooks, and customers who write, send pictures "+
			"and answer. Point the relay's Graph base URL at the listen address and this program's --webhook at the relay. "+
			"Open /play on the listen address in a browser to play a customer yourself. It is as strict as WhatsApp: limits, "+
			"the 24-hour window, template reviews and expiring media are real, and requests are held to Meta's own schema.",
	), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.FatalIfErrorf(run(ctx, f))
}

func run(ctx context.Context, f flags) (err error) {
	if f.AppSecretFile != "" {
		b, err := os.ReadFile(f.AppSecretFile)
		if err != nil {
			return fmt.Errorf("reading the app secret: %w", err)
		}
		f.AppSecret = strings.TrimSpace(string(b))
	}
	if !loopback(f.Listen) {
		return errors.New("--listen must be a loopback address: this program knows no real security")
	}
	if u, err := url.Parse(f.Webhook); err != nil || !loopback(u.Host) {
		return errors.New("--webhook must be on this machine")
	}
	level := slog.LevelInfo
	if f.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	cfg := wasim.Config{
		AppSecret: f.AppSecret, VerifyToken: f.VerifyToken, Token: f.Token, Account: f.Account, WebhookURL: f.Webhook, Seed: f.Seed,
		Numbers: []wasim.Number{{ID: f.PhoneNumberID, Display: f.DisplayNumber, Name: f.Name, Coexistence: f.Coexistence}},
		Live:    f.Personas == "on", Tempo: wasim.NaturalTempo(f.Speed), Log: log, Play: f.Play == "on", OldSecret: f.OldSecret,
		AllowList: f.TestNumber, PortfolioLimit: f.Limit, Version: f.GraphVersion, ReviewAfter: time.Duration(f.Review * float64(time.Second)),
	}
	for _, text := range f.Also {
		id, rest, _ := strings.Cut(text, ":")
		digits, name, _ := strings.Cut(rest, ":")
		if id == "" || digits == "" || name == "" {
			return errors.New("--also takes ID:DIGITS:NAME, such as 106540352242933:493023125200:Service")
		}
		cfg.Numbers = append(cfg.Numbers, wasim.Number{ID: id, Display: digits, Name: name})
	}
	switch f.People {
	case "cast":
		cfg.Personas = wasim.Cast()
	case "all":
		cfg.Personas = append(wasim.Personas(), wasim.Cast()...)
	}
	if f.OldSecret != "" {
		cfg.Faults.OldSecret = 0.2
	}
	if f.WebhookCA != "" {
		pem, err := os.ReadFile(f.WebhookCA)
		if err != nil {
			return fmt.Errorf("reading the webhook's certificates: %w", err)
		}
		cfg.WebhookRoots = x509.NewCertPool()
		if !cfg.WebhookRoots.AppendCertsFromPEM(pem) {
			return errors.New("--webhook-ca holds no certificate")
		}
	}
	if f.IdentifiersOut != "" {
		out, err := os.OpenFile(f.IdentifiersOut, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("opening the list of identifiers: %w", err)
		}
		defer func() { err = errors.Join(err, out.Close()) }()
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		cfg.OnIdentifier = func(id wasim.Identifier) {
			if err := lines.Encode(id); err != nil {
				log.Error("identifier not written", "kind", id.Kind)
			}
		}
	}
	sim, err := wasim.New(cfg)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	base := "http://" + l.Addr().String()
	log.Info("simulated WhatsApp is up", "graph", base, "phone_number_id", f.PhoneNumberID, "personas", f.Personas)
	if cfg.Play {
		log.Info("play a customer by hand", "page", base+"/play")
	}
	return sim.Serve(ctx, l)
}

// loopback reports whether host:port is on this machine whatever the resolver says.
func loopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
