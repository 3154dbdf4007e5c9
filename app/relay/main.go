// Command sealdesk-relay is the company's server: it talks to WhatsApp, keeps customers' identifiers, and gives laptops
// masked data.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	qrcode "github.com/skip2/go-qrcode"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

type cli struct {
	Config  string           `short:"c" help:"The configuration file." default:"${config}" env:"SEALDESK_RELAY_CONFIG" placeholder:"FILE"`
	Verbose bool             `short:"v" help:"Log more."`
	Version kong.VersionFlag `help:"Print the version."`

	Init     initCmd       `cmd:"" help:"Set up a relay: configuration, keys, certificate. Says what to enter in Meta's console."`
	Serve    serveCmd      `cmd:"" help:"Run the relay."`
	Person   personCmd     `cmd:"" help:"People who work with Sealdesk."`
	Device   deviceCmd     `cmd:"" help:"Laptops: who has them, what is known of them, what was on them."`
	Wipe     wipeCmd       `cmd:"" help:"Destroy a laptop's cache and exclude it, without needing the laptop."`
	Order    orderCmd      `cmd:"" help:"Write the order of a wipe to a file, for device management to put on the laptop."`
	Receipt  receiptCmd    `cmd:"" help:"Proofs that a laptop was wiped."`
	Enrol    enrolCmd      `cmd:"" help:"Let one laptop in: prints a string to paste and a QR code, good for 15 minutes and one laptop."`
	Incident incidentCmd   `cmd:"" help:"What IT or a supervisor must look at."`
	Template templateCmd   `cmd:"" help:"The texts WhatsApp has approved for writing to customers first."`
	Request  requestCmd    `cmd:"" help:"What customers ask about their own data: a copy, or to be forgotten."`
	Audit    auditCmd      `cmd:"" help:"The audit log: who did what to whose data, and the proof that nobody changed it."`
	Backup   backupCmd     `cmd:"" help:"Copy everything the relay keeps while it runs, verify a copy, and restore one."`
	Compact  compactCmd    `cmd:"" help:"Write the store's files anew, without what was deleted or erased."`
	Updates  updatesCmd    `cmd:"" help:"New versions of the app on laptops: take in what was signed, and say what is served."`
	Verify   verifyMaskCmd `cmd:"" name:"verify-mask" help:"Judge how well customers' data is masked, by corpora of your own or the built-in one. Fails when a figure is not as promised."`
	Doctor   doctorCmd     `cmd:"" help:"Check configuration, certificate, clock, store and the way to WhatsApp, and say what to do."`
	Example  exampleCmd    `cmd:"" help:"Print a configuration with every key explained."`
}

const description = `The company's side of Sealdesk. Start with: sealdesk-relay init

Ends with 0 when it was done, with 1 when it was not or what was to be proven is not proven, with 64 when it was not understood.
What goes wrong is said with what is safe and what to do. Commands work beside a running relay, through it.`

type env struct {
	ctx    context.Context
	config string
	in     io.Reader
	out    io.Writer
	log    *slog.Logger
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("sealdesk-relay"), kong.Writers(out, errOut), kong.UsageOnError(),
		kong.Description(description),
		kong.Vars{"config": defaultConfig(), "version": version(), "wipefile": wire.WipeFile}, kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(errOut, "sealdesk-relay:", err)
		return 70
	}
	k, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(errOut, "sealdesk-relay: %v\nTry: sealdesk-relay --help\n", err)
		return 64
	}
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{ctx: ctx, config: c.Config, in: in, out: out, log: newLog(errOut, level, os.Getenv)}
	if err := k.Run(e); err != nil {
		fmt.Fprintf(errOut, "sealdesk-relay: %v\n", err)
		if advice := relay.Advice(err); advice != "" {
			fmt.Fprintln(errOut, advice)
		}
		return 1
	}
	return 0
}

// defaultConfig is where a packaged relay has it, else the folder one works in.
func defaultConfig() string {
	const packaged = "/etc/sealdesk-relay/relay.toml"
	if _, err := os.Stat(packaged); err == nil {
		return packaged
	}
	return "relay.toml"
}

// release is the version of what is handed out: FyneApp.toml's, set by the linker.
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

type serveCmd struct{}

func (serveCmd) Run(e *env) error {
	cfg, err := relay.LoadConfig(e.config)
	if err != nil {
		return err
	}
	r, err := relay.Open(e.ctx, cfg, relay.Options{Log: e.log, Version: version()})
	if err != nil {
		return err
	}
	err = r.Serve(e.ctx)
	return errors.Join(err, r.Close())
}

func join(ids []inbox.InboxID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}

type enrolCmd struct {
	Who string `arg:"" help:"The person, by name."`
	QR  bool   `help:"Print the QR code too." default:"true" negatable:""`
}

func (c enrolCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		i, err := a.Invite(e.ctx, c.Who)
		if errors.Is(err, relay.ErrNoPerson) {
			return fmt.Errorf("%s is not known; add them first: sealdesk-relay person add %q", c.Who, c.Who)
		}
		if err != nil {
			return err
		}
		if c.QR {
			if code, err := qrcode.New(i.Enrolment, qrcode.Medium); err == nil {
				fmt.Fprintln(e.out, code.ToSmallString(false))
			}
		}
		fmt.Fprintf(e.out, "Enrolment for %s, one laptop, until %s:\n\n%s\n", i.Person.Name, i.Expires.Format("15:04"), i.Enrolment)
		return nil
	})
}

// admin runs f through the running relay, or on the store when none runs.
func (e *env) admin(f func(relay.Admin) error) error {
	cfg, err := relay.LoadConfig(e.config)
	if err != nil {
		return err
	}
	a, done, err := relay.OpenAdmin(e.ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(f(a), done())
}

type doctorCmd struct{}

func (doctorCmd) Run(e *env) error {
	bad := 0
	for _, f := range relay.Doctor(e.ctx, e.config) {
		fmt.Fprintf(e.out, "%s  %-16s %s\n", f.State, f.What, f.Detail)
		if f.Advice != "" {
			fmt.Fprintf(e.out, "      %-16s -> %s\n", "", f.Advice)
		}
		if f.State == relay.Bad {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of these must be mended before the relay can work", bad)
	}
	fmt.Fprintln(e.out, "The relay can work.")
	return nil
}

type exampleCmd struct{}

func (exampleCmd) Run(e *env) error {
	fmt.Fprint(e.out, relay.Example())
	return nil
}

// dirOf is the folder init writes into: the one of the configuration file.
func (e *env) dirOf() string { return filepath.Dir(e.config) }
