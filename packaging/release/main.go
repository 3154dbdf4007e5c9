package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"sealdesk/sync/updates"
	"sealdesk/sync/updates/signing"
)

type cli struct {
	Dir        string `help:"The desk: keys, and the feed to publish." default:"build/release" placeholder:"DIR"`
	Days       int    `help:"How many days the feed is good for, 90 at most." default:"90"`
	Passphrase string `help:"File with the passphrase of the keys, on its first line; else it is asked for." placeholder:"FILE" type:"existingfile" xor:"pass"`
	TestKeys   bool   `help:"Keys without a passphrase, to throw away." xor:"pass"`

	Init        initCmd        `cmd:"" help:"Make the five keys and a feed without a release."`
	Sign        signCmd        `cmd:"" help:"Release the installers of a version, or renew the feed when none are named."`
	Promote     promoteCmd     `cmd:"" help:"Give a version to another ring."`
	Require     requireCmd     `cmd:"" help:"Make a version the oldest that is still allowed."`
	Withdraw    withdrawCmd    `cmd:"" help:"Offer a version to nobody any more."`
	Refresh     refreshCmd     `cmd:"" help:"Say that the feed is still the newest. Needs the key fresh alone."`
	Rotate      rotateCmd      `cmd:"" help:"Make another key in the place of one, or renew the root; two root keys must countersign."`
	Countersign countersignCmd `cmd:"" help:"Sign the new root that waits, with one root key."`
	Status      statusCmd      `cmd:"" help:"Verify the feed as a stranger would, and say what is in it."`
	Anchor      anchorCmd      `cmd:"" help:"Print what builds and policies need to trust this feed."`
}

const description = `Makes and signs the feed of updates. Relays import it with: sealdesk-relay updates import DIR/feed

Begin with init, on a machine you trust; then move keys/root-1.key, root-2.key and root-3.key to three people, off this machine.
Any two of them replace any key, a lost one of their own too. DIR/feed holds no secret; DIR/keys is nothing but.`

type env struct {
	ctx  context.Context
	out  io.Writer
	desk *signing.Desk
	life time.Duration
	dir  string
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in *os.File, out, errOut io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("release"), kong.Writers(out, errOut), kong.Description(description), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(errOut, "release:", err)
		return 70
	}
	k, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(errOut, "release: %v\nTry: release --help\n", err)
		return 64
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	e := &env{ctx: ctx, out: out, life: time.Duration(c.Days) * 24 * time.Hour, dir: c.Dir}
	e.desk = signing.Open(c.Dir, c.asker(in, errOut), time.Now)
	if err := k.Run(e); err != nil {
		fmt.Fprintf(errOut, "release: %v\n", err)
		for _, a := range advice {
			if errors.Is(err, a.of) {
				fmt.Fprintln(errOut, a.text)
				break
			}
		}
		return 1
	}
	return 0
}

var advice = []struct {
	of   error
	text string
}{
	{signing.ErrThere, "Nothing was changed. Name another folder with --dir, or go on with the keys that are there."},
	{signing.ErrNoDesk, "Nothing was changed. Begin with: release init"},
	{signing.ErrSame, "Nothing was published. Give what was built a new version."},
	{signing.ErrNoInstaller, "Nothing was published. Laptops are offered the client alone: .deb, .rpm, .msi or .pkg, with the architecture in the name."},
	{signing.ErrWeak, "Nothing more was made. Remove the keys folder and begin again with a longer passphrase, such as six random words."},
	{signing.ErrPassphrase, "Nothing was changed. Try again; if it is lost, two root keys replace the key: release rotate NAME."},
	{os.ErrNotExist, "Nothing was published. Bring the file here, or name where it is."},
}

// asker returns how the passphrase of a key is learnt.
func (c cli) asker(in *os.File, prompt io.Writer) signing.Ask {
	return func(key string, fresh bool) ([]byte, error) {
		switch {
		case c.TestKeys:
			return nil, nil
		case c.Passphrase != "":
			raw, err := os.ReadFile(c.Passphrase)
			line, _, _ := bytes.Cut(raw, []byte("\n"))
			return bytes.TrimSuffix(line, []byte("\r")), err
		case !term.IsTerminal(int(in.Fd())):
			return nil, errors.New("a passphrase is asked for, and there is no terminal: use --passphrase FILE")
		}
		read := func(what string) ([]byte, error) {
			fmt.Fprintf(prompt, "%s %s: ", what, key)
			defer fmt.Fprintln(prompt)
			return term.ReadPassword(int(in.Fd()))
		}
		if !fresh {
			return read("Passphrase of the key")
		}
		one, err := read("New passphrase for the key")
		if err != nil {
			return nil, err
		}
		two, err := read("Once more for the key")
		if err == nil && !bytes.Equal(one, two) {
			err = errors.New("the two are not the same")
		}
		return one, err
	}
}

type initCmd struct{}

func (initCmd) Run(e *env) error {
	if err := e.desk.Init(e.ctx, e.life); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "Keys are in %s, the feed is in %s.\n", filepath.Join(e.dir, "keys"), e.desk.Feed())
	fmt.Fprintln(e.out, "Move root-1.key, root-2.key and root-3.key to three people, and keep none of them here.")
	return anchorCmd{}.Run(e)
}

type signCmd struct {
	Files   []string          `arg:"" optional:"" help:"Installers, lists of parts (.cdx.json), or a folder of them." type:"existingpath" placeholder:"FILE|DIR"`
	Version string            `help:"The version, such as 1.4.0." placeholder:"VERSION"`
	Ring    updates.Ring      `help:"Who gets it first." enum:"pilot,early,broad" default:"pilot"`
	Minimum string            `help:"The oldest version that is still allowed; else as the feed has it." placeholder:"VERSION"`
	System  map[string]string `help:"The least version of a system, such as windows=10.0.19045." placeholder:"OS=VERSION"`
	Notes   string            `help:"Folder with en.txt, de.txt and it.txt: what is new." type:"existingdir" placeholder:"DIR"`
}

func (c signCmd) Run(e *env) error {
	if len(c.Files) == 0 {
		if err := e.desk.Sign(e.ctx, signing.Wish{}, nil, e.life); err != nil {
			return err
		}
		return statusCmd{}.Run(e)
	}
	files, err := c.files(e.out)
	if err != nil {
		return err
	}
	w := signing.Wish{Version: c.Version, Ring: c.Ring, Minimum: c.Minimum, System: c.System, Notes: map[string]string{}}
	for _, language := range updates.Languages {
		raw, err := os.ReadFile(filepath.Join(c.Notes, language+".txt"))
		if c.Notes == "" || err != nil {
			return fmt.Errorf("people must be told what is new: --notes must name a folder with %s.txt", strings.Join(updates.Languages, ".txt, "))
		}
		w.Notes[language] = strings.TrimSpace(string(raw))
	}
	if err := e.desk.Sign(e.ctx, w, files, e.life); err != nil {
		return err
	}
	return statusCmd{}.Run(e)
}

// files are those named, and those of folders that belong into a feed. What is left out is said.
func (c signCmd) files(out io.Writer) (all []string, err error) {
	for _, name := range c.Files {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			all = append(all, name)
			continue
		}
		list, err := os.ReadDir(name)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			if _, _, ok := signing.Read(f.Name()); ok && f.Type().IsRegular() {
				all = append(all, filepath.Join(name, f.Name()))
			} else {
				fmt.Fprintf(out, "left out: %s\n", f.Name())
			}
		}
	}
	if !slices.ContainsFunc(all, func(name string) bool { _, with, _ := signing.Read(name); return !with }) {
		return nil, errors.New("there is no installer of the client among these files")
	}
	return all, nil
}

type promoteCmd struct {
	Version string       `arg:""`
	Ring    updates.Ring `arg:"" enum:"pilot,early,broad"`
}

func (c promoteCmd) Run(e *env) error {
	return e.then(e.desk.Promote(e.ctx, c.Version, c.Ring, e.life))
}

type requireCmd struct {
	Version string `arg:""`
}

func (c requireCmd) Run(e *env) error { return e.then(e.desk.Require(e.ctx, c.Version, e.life)) }

type withdrawCmd struct {
	Version string `arg:""`
}

func (c withdrawCmd) Run(e *env) error { return e.then(e.desk.Withdraw(e.ctx, c.Version, e.life)) }

type refreshCmd struct{}

func (refreshCmd) Run(e *env) error {
	_, err := e.desk.Refresh(e.ctx, e.life)
	return e.then(err)
}

// then shows the feed after what changed it.
func (e *env) then(err error) error {
	if err != nil {
		return err
	}
	return statusCmd{}.Run(e)
}

type rotateCmd struct {
	Key string `arg:"" optional:"" help:"root-1, root-2, root-3, targets or fresh; none only renews the root." placeholder:"KEY"`
}

func (c rotateCmd) Run(e *env) error {
	if err := e.desk.Rotate(c.Key); err != nil {
		return err
	}
	fmt.Fprintln(e.out, "A new root waits. Two holders of root keys sign it, each with: release countersign FILE")
	return nil
}

type countersignCmd struct {
	Key string `arg:"" help:"File of a root key." type:"existingfile" placeholder:"FILE"`
}

func (c countersignCmd) Run(e *env) error {
	left, err := e.desk.Countersign(e.ctx, c.Key, e.life)
	if err != nil {
		return err
	}
	if left > 0 {
		fmt.Fprintf(e.out, "Signed. Signatures still missing: %d.\n", left)
		return nil
	}
	fmt.Fprintln(e.out, "Signed by enough. The new root is in the feed.")
	return statusCmd{}.Run(e)
}

type statusCmd struct{}

func (statusCmd) Run(e *env) error {
	f, err := e.desk.Verify(e.ctx)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VERSION\tRING\tFOR\tLEAST ALLOWED\tSIZE\tFILE")
	for _, file := range f.Files {
		if file.Kind == "" {
			fmt.Fprintf(t, "-\t-\t-\t-\t%d\t%s\n", file.Size, file.Name)
		} else {
			fmt.Fprintf(t, "%s\t%s\t%s/%s %s\t%s\t%d\t%s\n", file.Version, file.Ring, file.OS, file.Arch, file.Kind, file.Minimum, file.Size, file.Name)
		}
	}
	fmt.Fprintln(t, "\nPART\tVERSION\tSIGNED BY\tGOOD UNTIL")
	for _, role := range f.Roles {
		fmt.Fprintf(t, "%s\t%d\t%s (%d needed)\t%s\n", role.Name, role.Version, strings.Join(role.Signers, ", "), role.Needed, role.Expires.Format("2006-01-02"))
	}
	return t.Flush()
}

type anchorCmd struct {
	Ldflag bool `help:"Print only the linker's flag."`
}

func (c anchorCmd) Run(e *env) error {
	raw, err := e.desk.Anchor()
	if err != nil {
		return err
	}
	flag := "-X sealdesk/sync/updates.builtin=" + base64.StdEncoding.EncodeToString(raw)
	if c.Ldflag {
		fmt.Fprintln(e.out, flag)
		return nil
	}
	sum := sha256.Sum256(raw)
	fmt.Fprintf(e.out, "Builds trust this feed by 1.root.json, SHA-256 (what a policy pins):\n%s\n", hex.EncodeToString(sum[:]))
	return nil
}
