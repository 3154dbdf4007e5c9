package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"sealdesk/sync/relay"
)

type initCmd struct {
	Public        string   `help:"Host and port laptops dial, such as relay.example.com:8443."`
	Number        string   `help:"The company's WhatsApp number, such as +493023125000."`
	PhoneNumberID string   `name:"phone-number-id" help:"Phone number ID from Meta's console."`
	AccountID     string   `name:"account-id" help:"WhatsApp Business Account ID from the same page; templates belong to it."`
	AppSecret     string   `help:"App secret from Meta's console (App settings > Basic)." env:"SEALDESK_APP_SECRET"`
	Token         string   `help:"Access token of a system user." env:"SEALDESK_WHATSAPP_TOKEN"`
	VerifyToken   string   `help:"A word agreed with Meta's console; made up when left out." env:"SEALDESK_VERIFY_TOKEN"`
	InboxID       string   `name:"inbox" help:"Short name of the inbox." default:"sales"`
	InboxName     string   `help:"Name of the inbox people see." default:"Sales"`
	Devices       string   `help:"Listen address for laptops." default:":8443"`
	Webhooks      string   `help:"Listen address for webhooks, behind a proxy." default:"127.0.0.1:8080"`
	Ops           string   `help:"Listen address for metrics and health." default:"127.0.0.1:9090"`
	API           string   `name:"api" help:"Base address of the Graph API; Meta's when left out."`
	APIVersion    string   `name:"api-version" help:"Version of the Graph API, such as v25.0."`
	MediaHosts    []string `help:"Hosts media may come from besides Meta's own." placeholder:"HOST"`
	Digits        int      `help:"Last digits of a number agents see: 0, 1 or 2." default:"0"`
	NoSignIn      bool     `help:"For a trial: nobody signs in, whoever uses an enrolled device is its person."`
}

func (c initCmd) Run(e *env) error {
	ask := asker{e: e, lines: bufio.NewReader(e.in)}
	for _, q := range []struct {
		field  *string
		prompt string
		secret bool
	}{
		{&c.Public, "Host and port laptops will dial (relay.example.com:8443)", false},
		{&c.Number, "The company's WhatsApp number (+49...)", false},
		{&c.PhoneNumberID, "Phone number ID (Meta console: WhatsApp > API setup)", false},
		{&c.AppSecret, "App secret (Meta console: App settings > Basic)", true},
		{&c.Token, "Access token of a system user", true},
	} {
		if err := ask.fill(q.field, q.prompt, q.secret); err != nil {
			return err
		}
	}
	a := relay.Answers{
		Public: c.Public, Devices: c.Devices, Webhooks: c.Webhooks, Ops: c.Ops, API: c.API, Version: c.APIVersion,
		InboxID: c.InboxID, InboxName: c.InboxName, Number: c.Number, PhoneNumberID: c.PhoneNumberID, AccountID: c.AccountID,
		AppSecret: c.AppSecret, VerifyToken: c.VerifyToken, Token: c.Token, Digits: c.Digits, MediaHosts: c.MediaHosts,
		Trusting: c.NoSignIn,
	}
	a.Defaults()
	path, err := relay.Init(e.dirOf(), a)
	if err != nil {
		return err
	}
	var key string
	err = e.admin(func(r relay.Admin) (err error) {
		key, err = r.AuditKey(e.ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("the relay is set up in %s, but it made no audit key: %w", path, err)
	}
	fmt.Fprintf(e.out, `The relay is set up: %s

In Meta's console, under WhatsApp > Configuration > Webhook, enter:
  Callback URL   https://<your public host>%s   (your proxy passes it on to %s)
  Verify token   %s
and subscribe to messages, user_preferences, security, smb_message_echoes and the fields whose names begin with message_template_,
template_, phone_number_, account_ and business_capability_: what is not subscribed is not known here.

Then:
  sealdesk-relay doctor
  sealdesk-relay serve
  sealdesk-relay person add "Your Name" --role supervisor
  sealdesk-relay enrol "Your Name"        and paste the string into the app's first screen
%s
Keep a copy of data/master.key in a safe place, apart from every backup, and take backups: sealdesk-relay backup --help

Public audit key: %s
Keep it on paper, away from who runs the relay: with it, and with what `+"`sealdesk-relay audit checkpoint`"+` prints now and then,
anybody can prove that the audit log of who did what was not changed.
`, path, relay.WebhookPath, c.Webhooks, a.VerifyToken, signInSteps(c.NoSignIn), key)
	return nil
}

// signInSteps says what people meet at the first start of the app.
func signInSteps(trial bool) string {
	if trial {
		return `
Nobody signs in: whoever holds an enrolled laptop is its person. That is for a trial; before customers' data comes in, write
required = true at [sign_in] in relay.toml.
`
	}
	return `
At the first start of the app the person chooses a password, scans a code with an authenticator app and keeps the recovery codes.
A forgotten password or a lost telephone: sealdesk-relay person reset --help
With the company's sign-on instead of passwords: [sign_in.oidc] in relay.toml, and for each person --email ADDRESS with person add,
or sealdesk-relay person sign-on.
`
}

// asker asks for what was not given as a flag, if there is a person to ask.
type asker struct {
	e     *env
	lines *bufio.Reader
}

func (a asker) fill(field *string, prompt string, secret bool) error {
	if *field != "" {
		return nil
	}
	f, isFile := a.e.in.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return fmt.Errorf("missing: %s. Give it as a flag; see sealdesk-relay init --help", prompt)
	}
	for *field == "" {
		fmt.Fprintf(a.e.out, "%s: ", prompt)
		if secret {
			typed, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(a.e.out)
			if err != nil {
				return fmt.Errorf("reading an answer: %w", err)
			}
			*field = strings.TrimSpace(string(typed))
			continue
		}
		line, err := a.lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("reading an answer: %w", err)
		}
		*field = strings.TrimSpace(line)
	}
	return nil
}
