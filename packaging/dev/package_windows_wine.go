package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// This file installs, runs and removes the Windows client in Wine, on a display of its own, against a relay of its own. Wine
// proves what our files and tables say, not what Windows makes of them: packaging/windows/README.md lists what is left.

// wineBench is a Windows of our own below build/, and the company its device is let into.
type wineBench struct {
	b      *build
	stage  *stage
	env    []string // of everything that runs in it
	prefix string
	window *driver
	up     bool
	next   string // an installer of the next version around the same client
}

// Wine's tools end with the lower byte of what Windows Installer returns ("Windows Installer Error Codes").
const (
	msiFailure = 1603 & 0xff // ERROR_INSTALL_FAILURE: a launch condition said no
	policyKey  = `HKLM\SOFTWARE\Policies\Sealdesk\Sealdesk`
	programKey = `HKLM\SOFTWARE\Sealdesk`
)

func wineSteps(b *build) []step {
	w := &wineBench{b: b}
	steps := []step{{name: "windows-bench", does: "a Windows of its own, a display, and a relay to work with", run: func(ctx context.Context, log *os.File) error {
		err := w.open(ctx, log)
		w.up = err == nil
		return err
	}}}
	for _, s := range []step{
		{name: "refused", does: "an older Windows is refused, and nothing is installed", run: w.refused},
		{name: "install", does: "it installs without a word: files, start menu, links, the relay's address, the updater's task, one entry", run: w.install},
		{name: "upgrade", does: "the next version replaces it: one entry, the address kept", run: w.upgrade},
		{name: "downgrade", does: "the version before is refused, and nothing changes", run: w.downgrade},
		{name: "policy", does: "the client reads the machine's policy from the registry", run: w.policy},
		{name: "window", does: "the installed client's window: set up, signed in, an inbox to look at", run: w.show},
		{name: "keep", does: "a removal as an upgrade makes it leaves the cache", run: w.keep},
		{name: "removal", does: "the removal wipes the cache and tells the company; nothing is left but the policy, of the updater and the toolkit neither", run: w.remove},
	} {
		steps = append(steps, step{name: "windows-" + s.name, does: s.does, run: func(ctx context.Context, log *os.File) error {
			if !w.up {
				return skipped{"it needs windows-bench"}
			}
			return s.run(ctx, log)
		}})
	}
	return append(steps, step{name: "windows-end", does: "everything that was started is ended", run: w.close})
}

func (w *wineBench) open(ctx context.Context, log *os.File) error {
	dir := w.b.work("wine")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	w.prefix = filepath.Join(dir, "prefix")
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	w.stage = w.b.dev.stage("package-wine", true)
	w.stage.second = false
	if err := w.stage.open(); err != nil {
		return err
	}
	w.env = []string{"HOME=" + home, "-XDG_RUNTIME_DIR", "WINEPREFIX=" + w.prefix, "WINEARCH=win64", "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=", "LC_ALL=C.UTF-8", "-WAYLAND_DISPLAY", "-DISPLAY"}
	screen, err := startDisplay(ctx, w.stage.sup, "1600x1000", nil)
	if err != nil {
		return err
	}
	w.env = append(w.env, "DISPLAY="+screen.name, "LIBGL_ALWAYS_SOFTWARE=1", "FYNE_SCALE=1", "TZ=Europe/Berlin")
	if err := os.Mkdir(w.prefix, 0o700); err != nil {
		return err
	}
	server := "/usr/lib/wine/wineserver64"
	if path, err := exec.LookPath("wineserver"); err == nil {
		server = path
	}
	// A Windows in the run that made it starts no service on demand, and the task service is one: it is turned off and on again.
	if err := w.must(ctx, log, "wineboot", "--init"); err != nil {
		return &problem{happened: "no Wine prefix could be made", err: err, tail: tailOf(log.Name(), 12)}
	}
	if _, _, err := w.run(ctx, log, "wineboot", "--kill"); err != nil {
		return err
	}
	if err := (call{env: w.env, log: log}).run(ctx, server, "--wait"); err != nil {
		return err
	}
	// In the foreground its server ends with us, and with it everything that runs in the prefix.
	if _, err := w.stage.sup.start(launch{name: "wineserver", path: server, args: []string{"-f", "-p"}, env: w.env}); err != nil {
		return err
	}
	// A notification area of its own would be a window that takes the keyboard away.
	if err := w.must(ctx, log, "reg", "add", `HKCU\Software\Wine\X11 Driver`, "/v", "ShowSystray", "/d", "N", "/f"); err != nil {
		return err
	}
	shim := filepath.Join(w.b.root, "packaging", "windows", "wine", "bcryptprimitives.c")
	if err := w.b.run(ctx, log, "", nil, "x86_64-w64-mingw32-gcc", "-O2", "-s", "-shared", "-o", w.c("windows", "system32", "bcryptprimitives.dll"), shim, "-ladvapi32"); err != nil {
		return err
	}
	w.next = filepath.Join(dir, "next.msi")
	if err := w.b.windowsInstaller(ctx, log, w.b.work("windows", windowsProgram), nextVersion(w.b.version), filepath.Join(dir, "next"), w.next); err != nil {
		return err
	}
	for _, p := range []program{relayProgram, wasimProgram} {
		if err := (call{dir: w.b.root, log: log, env: []string{cgoEnv(p.cgo)}}).run(ctx, "go", "build", "-o", w.b.binary(p), p.path); err != nil {
			return err
		}
	}
	for _, s := range w.stage.steps() {
		if err := s.run(ctx, log); err != nil {
			return err
		}
	}
	pictures, err := newAlbum(filepath.Join(w.b.base, "shots", "windows"))
	w.window = &driver{display: screen, alone: true, album: pictures, say: w.b.out.say}
	return err
}

func (w *wineBench) close(context.Context, *os.File) error {
	if w.stage != nil {
		w.stage.close()
	}
	return nil
}

// nextVersion is the version after one of three numbers.
func nextVersion(version string) string {
	var major, minor, patch int
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	return fmt.Sprintf("%d.%d.%d", major, minor, patch+1)
}

// c is a path on the bench's drive C:.
func (w *wineBench) c(parts ...string) string {
	return filepath.Join(append([]string{w.prefix, "drive_c"}, parts...)...)
}

// run runs a Windows program and returns what it said and its status. What it says goes through a file: programs that Wine
// leaves running would hold a pipe open.
func (w *wineBench) run(ctx context.Context, log *os.File, args ...string) (string, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	path := w.b.work("wine", "said.txt")
	out, err := os.Create(path)
	if err != nil {
		return "", 0, err
	}
	defer out.Close()
	err = call{env: w.env, dir: w.b.work("wine"), log: out}.run(ctx, "wine", args...)
	raw, err2 := os.ReadFile(path)
	said := strings.ReplaceAll(string(raw), "\r", "")
	fmt.Fprint(log, said)
	_, said, _ = strings.Cut(said, "\n") // the command
	var status *exec.ExitError
	if errors.As(err, &status) && ctx.Err() == nil {
		fmt.Fprintf(log, "status %d\n", status.ExitCode())
		return said, status.ExitCode(), err2
	}
	return said, 0, errors.Join(err, err2)
}

// must is run of what has to end with status 0.
func (w *wineBench) must(ctx context.Context, log *os.File, args ...string) error {
	_, status, err := w.run(ctx, log, args...)
	if err == nil && status != 0 {
		err = fmt.Errorf("%s ended with status %d", args[0], status)
	}
	return err
}

// windowsPath is how Windows calls a path of ours: Wine has the whole disk as Z:.
func windowsPath(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

func (w *wineBench) msi() (string, error) {
	a, err := w.b.find("sealdesk-client-*.msi")
	return windowsPath(a.path), err
}

// entry is one line of Windows' list of installed programs.
var entry = regexp.MustCompile(`(?m)^\s+DisplayName\s+REG_SZ\s+Sealdesk$[^$]*?^\s+DisplayVersion\s+REG_SZ\s+(\S+)$`)

// state is what of Sealdesk this Windows has.
type windowsState struct {
	entries []string // versions in the list of installed programs
	program bool
	links   string // the command that opens them
	start   bool   // the start menu has it
	relay   string // the address for a machine without a policy
	policy  bool
	task    bool     // Windows knows the one that installs updates
	caches  []string // folders of ours in somebody's profile
	toolkit []string // and of the toolkit
}

var registryText = regexp.MustCompile(`(?m)^\s+(?:\(Default\)|RelayURL|LogLevel|1)\s+REG_SZ\s+(.*)$`)

// value is a text of the registry, or "".
func (w *wineBench) value(ctx context.Context, log *os.File, args ...string) string {
	said, _, _ := w.run(ctx, log, append([]string{"reg", "query"}, args...)...)
	if m := registryText.FindStringSubmatch(said); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

func (w *wineBench) look(ctx context.Context, log *os.File) (s windowsState, err error) {
	listed, _, err := w.run(ctx, log, "reg", "query", `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall`, "/s")
	if err != nil {
		return s, err
	}
	for _, m := range entry.FindAllStringSubmatch(listed, -1) {
		s.entries = append(s.entries, m[1])
	}
	s.program = isFile(w.c("Program Files", "Sealdesk", windowsProgram))
	s.links = w.value(ctx, log, `HKLM\SOFTWARE\Classes\sealdesk\shell\open\command`, "/ve")
	s.relay = w.value(ctx, log, programKey, "/v", "RelayURL")
	s.policy = w.value(ctx, log, policyKey, "/v", "LogLevel") != ""
	menus, err := filepath.Glob(w.c("*", "*", "AppData", "Roaming", "Microsoft", "Windows", "Start Menu", "Programs", "Sealdesk.lnk"))
	common, err2 := filepath.Glob(w.c("ProgramData", "Microsoft", "Windows", "Start Menu", "Programs", "Sealdesk.lnk"))
	s.start = len(menus)+len(common) > 0
	var err3 error
	s.caches, err3 = filepath.Glob(w.c("users", "*", "AppData", "Local", "Sealdesk"))
	var err4 error
	s.toolkit, err4 = filepath.Glob(w.c("users", "*", "AppData", "*", "fyne"))
	s.task = isFile(w.c("windows", "system32", "tasks", taskName))
	return s, errors.Join(err, err2, err3, err4)
}

// expect compares what this Windows has with what it should.
func (w *wineBench) expect(ctx context.Context, log *os.File, version, relay string) error {
	s, err := w.look(ctx, log)
	if err != nil {
		return err
	}
	var wrong []string
	there := version != ""
	if got := strings.Join(s.entries, " "); got != version {
		wrong = append(wrong, fmt.Sprintf("the list of installed programs has %q, not %q", got, version))
	}
	if s.program != there {
		wrong = append(wrong, fmt.Sprintf("the program is there: %v", s.program))
	}
	links := ""
	if there {
		links = `"C:\Program Files\Sealdesk\sealdesk.exe" "%1"`
	}
	if s.links != links {
		wrong = append(wrong, fmt.Sprintf("links are opened by %q", s.links))
	}
	if s.task != there {
		wrong = append(wrong, fmt.Sprintf("Windows knows the task that installs updates: %v", s.task))
	}
	if s.start != there {
		wrong = append(wrong, fmt.Sprintf("the start menu has it: %v", s.start))
	}
	if pin := w.value(ctx, log, programKey+`\RelayPin`, "/v", "1"); (pin == benchPin) != (relay != "") {
		wrong = append(wrong, fmt.Sprintf("the relay's key is %q", pin))
	}
	if s.relay != relay {
		wrong = append(wrong, fmt.Sprintf("the relay's address is %q, not %q", s.relay, relay))
	}
	if _, err := os.Stat(w.c("Program Files", "Sealdesk")); !there && err == nil {
		wrong = append(wrong, "the program's folder is left")
	}
	return complain("this Windows is not as it should be", wrong)
}

const benchRelay = "https://relay.company.example:8443"

// benchPin is what a relay's key could be known by.
var benchPin = strings.Repeat("5e", 32)

// refused runs before the bench says it is Windows 10: Wine begins as Windows 7.
func (w *wineBench) refused(ctx context.Context, log *os.File) error {
	msi, err := w.msi()
	if err != nil {
		return err
	}
	if err := w.must(ctx, log, "winecfg", "-v", "win7"); err != nil {
		return err
	}
	_, status, err := w.run(ctx, log, "msiexec", "/i", msi, "/qn")
	if err == nil && status != msiFailure {
		err = fmt.Errorf("the installer ended with status %d on Windows 7, not %d", status, msiFailure)
	}
	return errors.Join(err, w.expect(ctx, log, "", ""))
}

func (w *wineBench) install(ctx context.Context, log *os.File) error {
	msi, err := w.msi()
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"winecfg", "-v", "win10"}, {"msiexec", "/i", msi, "/qn", "RELAYURL=" + benchRelay, "RELAYPIN=" + benchPin}} {
		if err := w.must(ctx, log, args...); err != nil {
			return err
		}
	}
	if err := w.expect(ctx, log, w.b.version, benchRelay); err != nil {
		return err
	}
	if k := w.b.keys.code; k != nil { // what lies on the disk is what was signed
		if err := w.b.verifyCode(ctx, log, w.c("Program Files", "Sealdesk", windowsProgram), k.roots); err != nil {
			return err
		}
	}
	said, status, err := w.run(ctx, log, `C:\Program Files\Sealdesk\sealdesk.exe`, "--version")
	if err == nil && (status != 0 || strings.TrimSpace(said) != w.b.version) {
		err = fmt.Errorf("the installed client says %q with status %d, not its version", strings.TrimSpace(said), status)
	}
	return err
}

func (w *wineBench) upgrade(ctx context.Context, log *os.File) error {
	if err := w.must(ctx, log, "msiexec", "/i", windowsPath(w.next), "/qn"); err != nil {
		return err
	}
	return w.expect(ctx, log, nextVersion(w.b.version), benchRelay)
}

func (w *wineBench) downgrade(ctx context.Context, log *os.File) error {
	msi, err := w.msi()
	if err != nil {
		return err
	}
	_, status, err := w.run(ctx, log, "msiexec", "/i", msi, "/qn")
	if err == nil && status != msiFailure {
		err = fmt.Errorf("the installer ended with status %d, not %d", status, msiFailure)
	}
	return errors.Join(err, w.expect(ctx, log, nextVersion(w.b.version), benchRelay))
}

// rule writes a policy of the machine, as group policy does.
func (w *wineBench) rule(ctx context.Context, log *os.File, relay string) error {
	if err := w.must(ctx, log, "reg", "add", policyKey, "/v", "RelayURL", "/t", "REG_SZ", "/d", relay, "/f"); err != nil {
		return err
	}
	return w.must(ctx, log, "reg", "add", policyKey+`\RelayPin`, "/v", "1", "/t", "REG_SZ", "/d", benchPin, "/f")
}

func (w *wineBench) policy(ctx context.Context, log *os.File) error {
	const ruled = "https://policy.company.example"
	tells := func(relay, place string) error {
		said, status, err := w.run(ctx, log, `C:\Program Files\Sealdesk\sealdesk.exe`, "--print-policy")
		if err == nil && (status != 0 || !strings.Contains(said, relay) || !strings.Contains(said, strings.ReplaceAll(place, `\`, `\\`)+`"`)) {
			err = &problem{happened: fmt.Sprintf("the client does not tell %s of %s (status %d)", relay, place, status), tail: said}
		}
		return err
	}
	if err := tells(benchRelay, programKey); err != nil { // no policy yet: what the installer was told
		return err
	}
	if err := w.rule(ctx, log, ruled); err != nil {
		return err
	}
	return tells(ruled, policyKey)
}

// show opens the installed client with an enrolment string, signs the agent in, and takes pictures.
func (w *wineBench) show(ctx context.Context, log *os.File) error {
	s := w.stage
	for _, key := range []string{policyKey, programKey} { // both name another company's relay than the one that lets this device in
		if err := w.must(ctx, log, "reg", "delete", key, "/f"); err != nil {
			return err
		}
	}
	w.window.trace = s.newTrace(demoAgent)
	args := append([]string{`C:\Program Files\Sealdesk\sealdesk.exe`}, s.c.client(demoAgent, s.codes[demoAgent.Home], light)...)
	client, err := s.sup.start(launch{name: s.run("client-wine"), path: "wine", args: args, dir: w.b.work("wine"), env: w.env})
	if err != nil {
		return err
	}
	w.window.client = client
	defer client.stop(10 * time.Second)
	if err := w.window.findWindow(ctx, windowTitle); err != nil {
		return err
	}
	if err := w.window.make(ctx, firstSignIn(s.account(demoAgent), s.second)...); err != nil {
		return err
	}
	if err := w.window.press(ctx, key("alt+F4")); err != nil {
		return err
	}
	return client.wait(ctx, 20*time.Second)
}

// cached says whether a device of this Windows keeps something.
func (w *wineBench) cached() bool {
	stores, err := filepath.Glob(w.c("users", "*", "AppData", "Local", "Sealdesk", "store", "*"))
	return err == nil && len(stores) > 0
}

// keep removes the program as Windows does when it upgrades it. Wine 8.0 upgrades without saying so (UPGRADINGPRODUCTCODE,
// which Windows sets in the older version's removal), so it is said here.
func (w *wineBench) keep(ctx context.Context, log *os.File) error {
	if !w.cached() {
		return skipped{"no device was set up"}
	}
	next := nextVersion(w.b.version)
	if err := w.must(ctx, log, "msiexec", "/i", msiCode("product "+next), "REMOVE=ALL", "UPGRADINGPRODUCTCODE="+msiCode("product "+nextVersion(next)), "/qn"); err != nil {
		return err
	}
	// The newer version takes the task over, which may be what runs it.
	if err := w.must(ctx, log, "schtasks", "/Delete", "/TN", taskName, "/F"); err != nil {
		return &problem{happened: "an upgrade would remove the task that installs updates", err: err}
	}
	if err := w.expect(ctx, log, "", ""); err != nil {
		return err
	}
	if !w.cached() {
		return &problem{happened: "an upgrade would wipe the cache"}
	}
	return w.must(ctx, log, "msiexec", "/i", windowsPath(w.next), "/qn")
}

func (w *wineBench) remove(ctx context.Context, log *os.File) error {
	was := w.cached()
	if err := w.must(ctx, log, "reg", "add", policyKey, "/v", "LogLevel", "/t", "REG_SZ", "/d", "warn", "/f"); err != nil {
		return err
	}
	// What an updater and a notification would have left.
	had, err := w.look(ctx, log)
	if err != nil {
		return err
	}
	made := []string{w.c("Program Files", "Sealdesk", "updates", "seen", "root.json")}
	for _, dir := range had.caches {
		made = append(made, filepath.Join(filepath.Dir(dir), "fyne", appName, "icon.png"))
	}
	for _, name := range made {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte("x"), 0o600)); err != nil {
			return err
		}
	}
	if err := w.must(ctx, log, "msiexec", "/x", msiCode("product "+nextVersion(w.b.version)), "/qn"); err != nil {
		return err
	}
	if err := w.expect(ctx, log, "", ""); err != nil {
		return err
	}
	s, err := w.look(ctx, log)
	if err != nil {
		return err
	}
	if !s.policy {
		return &problem{happened: "the removal took the machine's policy along, which is not ours"}
	}
	if !was {
		return skipped{"it is removed, but no device was set up: there was nothing to wipe"}
	}
	// Wine 8.0 empties a file through a folder's handle but does not remove it (FileDispositionInformationEx, which Windows has
	// since 10.1607): its name is left, and must be all that is.
	var left []string
	for _, dir := range s.caches {
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Size() > 0 {
				left = append(left, fmt.Sprintf("%s holds %d bytes", e.Name(), info.Size()))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, dir := range s.toolkit {
		left = append(left, "the toolkit's folder is left in "+filepath.Base(filepath.Dir(dir)))
	}
	told, err := w.stage.relayCall(log).output(ctx, w.b.binary(relayProgram), w.stage.c.auditSearch()...)
	if err != nil {
		return err
	}
	fmt.Fprint(log, told)
	if !strings.Contains(told, `"act":"wipe.proven"`) {
		left = append(left, "the relay has no receipt")
	}
	return complain("the removal did not wipe", left)
}
