package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// verb is one word after `go run ./packaging/dev`.
type verb struct {
	name string
	does string // one line for help
	run  func(ctx context.Context, d *dev, args []string) error
}

func verbs() []verb {
	return []verb{
		{"demo", "run the whole house here: relay, simulator and the agent's window (--headless drives it by keyboard and scans for leaks)", runDemo},
		{"test", "everything that must hold before a change lands", runTest},
		{"bench", "our figures as ratios against a peer in the same run (--check fails on a missed target)", runBench},
		{"lint", "gofmt, go vet, staticcheck, govulncheck", runLint},
		{"shots", "pictures of the window in several sizes, themes and languages, into build/shots", runShots},
		{"package", "signed installers and repositories for linux, windows, darwin and relay, into build/dist (--check proves them)", runPackage},
		{"release", "sign what was packaged as an update: keys, rings, the feed relays import (release --help)", runRelease},
	}
}

// needs names the groups of system packages a verb needs, in the words of the packages table.
var needs = map[string][]string{
	"demo":            {"client", "window", "keyring"},
	"demo --headless": {"client", "window", "keyring", "fonts"},
	"test":            {"client", "window", "keyring", "fonts", "browser", "provider"},
	"bench":           {"client", "window", "keyring", "fonts", "plot"},
	"lint":            {"client"},
	"shots":           {"client", "window", "keyring", "fonts"},
	"release":         {}, // Go alone
	"package":         {"client", "package-linux", "package-windows", "package-darwin"},
	"package --check": {"client", "window", "keyring", "package-linux", "package-windows", "package-darwin", "wine", "token", "package-vm"},
}

// dev is what every verb gets: where the checkout is and where to speak.
type dev struct {
	root    string // absolute path of the checkout
	out     *console
	verbose bool
}

// build returns a path below the folder that git ignores.
func (d *dev) build(parts ...string) string {
	return filepath.Join(append([]string{d.root, "build"}, parts...)...)
}

// problem is an error worth reading: every verb ends in one of these or in success.
type problem struct {
	happened string // what happened
	safe     string // what is unharmed
	do       string // what to do now
	tail     string // the end of the log that shows it, if there is one
	err      error
}

func (p *problem) Error() string {
	if p.err != nil {
		return p.happened + ": " + p.err.Error()
	}
	return p.happened
}

func (p *problem) Unwrap() error { return p.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := invoke(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// invoke runs one verb and returns the exit status: 0 done, 1 not done, 2 not understood.
func invoke(ctx context.Context, args []string, w io.Writer) int {
	out := newConsole(w)
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		help(out)
		return 0
	}
	for _, v := range verbs() {
		if v.name != args[0] {
			continue
		}
		root, err := checkout()
		if err == nil {
			err = v.run(ctx, &dev{root: root, out: out}, args[1:])
		}
		switch {
		case err == nil:
			return 0
		case errors.Is(err, flag.ErrHelp):
			return 0
		case ctx.Err() != nil && errors.Is(err, context.Canceled):
			out.say("stopped. Everything that was started has been ended; run the same command to go on.")
			return 130
		}
		report(out, err)
		return 1
	}
	out.say("There is no verb %q.", args[0])
	help(out)
	return 2
}

func help(out *console) {
	out.say("Sealdesk's task runner. Use it from anywhere inside the checkout:")
	out.say("")
	for _, v := range verbs() {
		out.say("  go run ./packaging/dev %-6s %s", v.name, v.does)
	}
	out.say("")
	out.say("What is missing is installed once, with apt-get, on Debian and Ubuntu; elsewhere you are told what is missing:")
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		var by []string
		for _, v := range slices.Sorted(maps.Keys(needs)) {
			if slices.Contains(needs[v], name) {
				by = append(by, v)
			}
		}
		out.say("  %-8s %s", name, strings.Join(packages[name].debian, " "))
		out.say("  %-8s %s; for %s", "", packages[name].purpose, strings.Join(by, ", "))
	}
	out.say("")
	out.say("Every verb writes only below build/, may be repeated, and takes --help. Ctrl+C stops everything it started.")
}

// report prints a problem in the order a person needs it.
func report(out *console, err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = &problem{happened: "it did not work", err: err}
	}
	if p.tail != "" {
		out.say("")
		for line := range strings.Lines(p.tail) {
			out.say("    | %s", strings.TrimRight(line, "\n"))
		}
	}
	out.say("")
	out.say("What happened: %s.", strings.TrimSuffix(p.Error(), "."))
	if p.safe != "" {
		out.say("What is safe:  %s", p.safe)
	} else {
		out.say("What is safe:  nothing in the checkout outside build/ was changed.")
	}
	if p.do != "" {
		out.say("What to do:    %s", p.do)
	}
}

// checkout finds the folder of our go.mod, upwards from where we stand.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module sealdesk\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", &problem{happened: "this is not a Sealdesk checkout", do: "go into the folder that holds go.mod and repeat the command."}
		}
		dir = up
	}
}

// flags makes the flag set of a verb with the flags all verbs share.
func (d *dev) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("dev "+name, flag.ContinueOnError)
	f.SetOutput(d.out)
	f.BoolVar(&d.verbose, "v", false, "show the output of every step as it comes")
	return f
}

// since renders a duration for people: 0.4s, 12s, 3m05s.
func since(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
