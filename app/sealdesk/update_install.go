package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sealdesk/app/managed"
	"sealdesk/sync/updates"
	"sealdesk/sync/wire"
)

// Errors of installing.
var (
	errRights    = errors.New("only an administrator may install updates: run this as root, or as SYSTEM on Windows")
	errUntrusted = errors.New("the system does not trust it")
	errPackage   = errors.New("this program was not installed by a package, so it cannot be updated by one")
)

// A way installs packages of one kind.
type way struct {
	kind updates.Kind
	// ours reports whether the program's own file came from a package of this kind: what was put here by hand is not replaced.
	ours []string
	// Commands that must succeed, one after the other; the last of install is the first that is there. FILE is the package.
	check   []string
	install [][]string
	restart []int // statuses of install that mean: done, and a file in use changes with the next start of the machine
}

// ways are those there are. A package is fetched and checked against the feed before any of them.
var ways = []way{
	{updates.Deb, []string{"dpkg-query", "--search", "PROGRAM"}, nil,
		[][]string{{"apt-get", "install", "--yes", "--no-remove", "--option", "Dpkg::Options::=--force-confold", "FILE"}}, nil},
	{updates.RPM, []string{"rpm", "--query", "--file", "PROGRAM"}, []string{"rpmkeys", "--checksig", "FILE"},
		[][]string{{"dnf", "install", "--assumeyes", "FILE"}, {"zypper", "--non-interactive", "install", "FILE"}, {"rpm", "--upgrade", "FILE"}}, nil},
	// The updater is the program it replaces, so Windows Installer mostly ends with "a restart is needed" (3010).
	{updates.MSI, nil, nil, [][]string{{"msiexec.exe", "/i", "FILE", "/qn", "/norestart"}}, []int{3010, 1641}},
	{updates.PKG, nil, []string{"pkgutil", "--check-signature", "FILE"}, [][]string{{"installer", "-pkg", "FILE", "-target", "/"}}, nil},
}

// An installer updates the machine's Sealdesk without anybody's help. It takes nothing from whoever starts it: where updates come
// from stands in the policy, what they are in the signed feed, and both are read again in this run.
type installer struct {
	policy  func() (*managed.Policy, error)
	room    func() (string, error)
	anchor  []byte
	version string
	program string
	out     io.Writer
	run     func(ctx context.Context, args []string) error
	find    func(name string) (string, error)
}

// installUpdate is `sealdesk --install-update`.
func installUpdate(ctx context.Context, out io.Writer) error {
	if !mayInstall() {
		return errRights
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	i := installer{policy: machinePolicy, room: updateRoom, anchor: updates.Builtin(), version: version(), program: program, out: out, run: runPlain, find: findTool}
	return i.install(ctx)
}

func (i installer) install(ctx context.Context) error {
	policy, err := i.policy()
	if err != nil {
		return fmt.Errorf("nothing was installed: %w", err)
	}
	wish := policy.Updates()
	if wish.Mode != "auto" {
		fmt.Fprintln(i.out, "Nothing was done: the policy does not have UpdateMode auto.")
		return nil
	}
	how, err := i.way(ctx)
	if err != nil {
		return err
	}
	dir, err := i.room()
	if err != nil {
		return nothing(err)
	}
	named := policy.Relay()
	relay := relayPlace{address: named.Address}
	for _, p := range named.Pins {
		relay.pins = append(relay.pins, wire.Pin(p))
	}
	feed, from, done, err := openFeed(ctx, policy, relay, i.anchor, filepath.Join(dir, "seen"), nil)
	if errors.Is(err, errNoFeedYet) {
		return fmt.Errorf("nothing was installed: the policy names no relay with its RelayPin and no UpdateURL, this build has no root.json, or the feed is not there yet: %w", err)
	}
	if err != nil {
		return nothing(err)
	}
	defer done()
	o := feed.For(thisDevice(i.version, wish.Ring, []updates.Kind{how.kind}))
	if !o.Found() {
		fmt.Fprintln(i.out, "Nothing was done: there is no newer version for this machine.")
		return nil
	}
	file, err := i.fetch(ctx, feed, from, o.File, dir)
	if err != nil {
		return nothing(err)
	}
	defer os.RemoveAll(filepath.Dir(file))
	if err := i.put(ctx, how, file); err != nil {
		return err
	}
	fmt.Fprintf(i.out, "Installed version %s. It runs when Sealdesk is opened again.\n", o.File.Version)
	return nil
}

// nothing says that nothing was installed, and what to do where a person must.
func nothing(err error) error {
	if noRoom(err) {
		return fmt.Errorf("nothing was installed: there is no room left on the disk. Make room; the next run tries again: %w", err)
	}
	return fmt.Errorf("nothing was installed: %w", err)
}

// way is how this program was installed.
func (i installer) way(ctx context.Context) (way, error) {
	for _, w := range ways {
		if !slices.Contains(updates.KindsHere(), w.kind) {
			continue
		}
		if len(w.ours) > 0 {
			ask := fill(w.ours, "PROGRAM", i.program)
			tool, err := i.find(ask[0])
			if err != nil {
				continue
			}
			if ask[0] = tool; i.run(ctx, ask) != nil {
				continue
			}
		}
		return w, nil
	}
	return way{}, errPackage
}

// fetch brings the package into the room, where nobody else can change it, and returns it once it is what was signed.
func (i installer) fetch(ctx context.Context, feed updates.Feed, from updates.Source, f updates.File, dir string) (name string, err error) {
	in, err := os.MkdirTemp(dir, "fetched-*")
	if err != nil {
		return "", err
	}
	name = filepath.Join(in, f.Name)
	w, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(in))
	}
	if err = errors.Join(feed.Fetch(ctx, from, f, w), w.Sync(), w.Close()); err != nil {
		return "", errors.Join(err, os.RemoveAll(in))
	}
	return name, nil
}

// put has the system check the package's own signature and install it.
func (i installer) put(ctx context.Context, how way, file string) error {
	if err := trustFile(file); err != nil {
		return fmt.Errorf("nothing was installed: the package's own signature: %w", err)
	}
	if how.check != nil {
		check := fill(how.check, "FILE", file)
		tool, err := i.find(check[0])
		if err == nil {
			check[0] = tool
			err = i.run(ctx, check)
		}
		if err != nil {
			return fmt.Errorf("nothing was installed: the package's own signature: %w: %w", errUntrusted, err)
		}
	}
	for _, install := range how.install {
		tool, err := i.find(install[0])
		if err != nil {
			continue
		}
		args := fill(install, "FILE", file)
		args[0] = tool
		var ended interface{ ExitCode() int } // *exec.ExitError
		if err := i.run(ctx, args); err != nil && !(errors.As(err, &ended) && slices.Contains(how.restart, ended.ExitCode())) {
			return fmt.Errorf("the system's installer did not finish, what was installed before is still there: %w", err)
		}
		return nil
	}
	return errors.New("nothing was installed: the system's installer is not there")
}

func fill(args []string, word, with string) []string {
	out := slices.Clone(args)
	for n := range out {
		if out[n] == word {
			out[n] = with
		}
	}
	return out
}

// toolDirs are where the system's own tools are; what a variable says is not asked.
var toolDirs = []string{"/usr/bin", "/usr/sbin", "/bin", "/sbin", `C:\Windows\System32`}

func findTool(name string) (string, error) {
	for _, dir := range toolDirs {
		p := filepath.Join(dir, name)
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", exec.ErrNotFound
}

// installIn is how long the system's installer may take.
const installIn = 20 * time.Minute

// runPlain runs a tool of the system with an environment of its own.
func runPlain(ctx context.Context, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, installIn)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=" + strings.Join(toolDirs, string(os.PathListSeparator)), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", `SystemRoot=C:\Windows`, `TEMP=` + os.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, lastLine(out))
	}
	return nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
