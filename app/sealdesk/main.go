package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/driver/desktop"
	"github.com/alecthomas/kong"

	"sealdesk/app/managed"
	"sealdesk/assets"
	"sealdesk/ui"
)

// AppID is the application's id in FyneApp.toml; a test keeps the two equal.
const AppID = "app.sealdesk.client"

type flags struct {
	Data    string           `help:"Folder for the sealed messages and the log." placeholder:"DIR"`
	Lang    string           `help:"Language of this run." enum:",en,de,it" default:"" placeholder:"en|de|it"`
	Theme   string           `help:"Theme of this run." enum:",light,dark" default:"" placeholder:"light|dark"`
	Text    int              `help:"Text size of this run, in percent." enum:"0,90,100,115,130" default:"0" placeholder:"100"`
	Size    string           `help:"Size of the window." placeholder:"WxH"`
	Address string           `arg:"" optional:"" help:"Address to go to, such as sealdesk:open?conversation=ID."`
	Enrol   string           `help:"Enrolment string to set this device up with." placeholder:"STRING"`
	Trace   string           `help:"File that gets one line per milestone: constant words and ids." placeholder:"FILE" hidden:""`
	Frames  string           `help:"File that gets every frame exchanged with the relay, masked as it is." placeholder:"FILE" hidden:"" aliases:"record-frames"`
	Verify  bool             `name:"verify-store" help:"Open the store, say whether it is whole, and exit." hidden:""`
	Install bool             `name:"install-update" help:"Install the newest version the company's policy and the signed feed allow, and exit; nothing unless UpdateMode is auto. The package's timer (Linux) or task (Windows) runs it as root or SYSTEM; a Mac has neither."`
	Wipe    bool             `help:"Destroy what this device keeps, tell the company, and exit: for uninstallers."`
	Print   bool             `name:"print-policy" help:"Print what the company set on this machine, as JSON, and exit; with 3 when it is broken."`
	Check   string           `name:"check-policy" help:"Judge a policy (JSON, property list or configuration profile) before it is rolled out, and exit; with 3 when something is wrong." placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

// firstPatience is how long the window waits for the inbox before it is shown with a card that asks for patience. The inbox
// is usually there sooner than the window could be made.
const firstPatience = 100 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sealdesk:", err)
		code := exitCode{code: 1}
		errors.As(err, &code)
		os.Exit(code.code)
	}
}

// errDone ends run after a flag that only prints.
var errDone = errors.New("nothing more to do")

func run(ctx context.Context, args []string, out, errOut io.Writer) (err error) {
	f, err := parse(args, out, errOut)
	if errors.Is(err, errDone) {
		return nil
	}
	if err != nil {
		return err
	}
	switch { // neither needs a display, a data folder or the keyring
	case f.Print:
		return printPolicy(managed.System(), out)
	case f.Check != "":
		return checkPolicy(f.Check, out)
	}
	width, height, err := windowSize(f.Size)
	if err != nil {
		return err
	}
	if f.Install {
		return installUpdate(ctx, out)
	}
	if done, err := f.handOver(); done {
		return err
	}
	h, err := newHouse(f.Data)
	if err != nil {
		return err
	}
	h.args = nextArgs(args)
	h.policy = newPolicy(managed.System(), &h.level, h.log)
	defer func() { err = errors.Join(err, h.close()) }()
	defer h.guardCrash()
	harden()
	crash := h.watch()
	if err := h.observe(f.Trace, f.Frames); err != nil {
		return err
	}
	switch {
	case f.Verify:
		return h.verify(ctx, out)
	case f.Wipe:
		h.quiet = true
		return h.wipe(ctx, out)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h.openAhead(ctx)
	go h.policy.watch(ctx)
	go h.guard(ctx)
	app := fyneapp.NewWithID(AppID)
	app.SetIcon(assets.AppIcon())
	window := app.NewWindow("")
	if width == 0 {
		width, height = ui.KeptSize(app)
	}
	posts := newEarly(ui.Main())
	news := h.updater()
	screens := ui.New(ui.Config{
		Updates: news.Update, WatchUpdates: news.pokes.watch,
		App: app, Window: window, Door: h, Post: posts.post, Log: h.log, Trace: h.trace, Modifiers: modifiers(app),
		Version: version(), Licences: licences(), Settings: chosen(app, f), Enrolment: f.Enrol, PastePicture: pastePicture, Sound: loudspeaker{},
		SystemLock: systemLock, Managed: h.policy.shown, WatchManaged: h.policy.pokes.watch, Modules: modules(), Tour: f.Trace == "", Address: f.Address, Crash: crash, Protect: protector(window, func() bool { return h.policy.now().Bool(managed.BlockScreenCapture) }), Notify: notifier(h.log),
	})
	go news.run(ctx)
	h.serve(ctx, func(address string) { posts.post(func() { screens.Visit(address) }) })
	window.Resize(fyne.NewSize(width, height))
	app.Lifecycle().SetOnStarted(posts.live)
	app.Lifecycle().SetOnEnteredForeground(func() { screens.SetActive(true) })
	app.Lifecycle().SetOnExitedForeground(func() { screens.SetActive(false) })
	window.SetOnClosed(func() { screens.KeepSize() })
	untie := context.AfterFunc(ctx, func() { posts.post(app.Quit) })
	window.Content().Resize(fyne.NewSize(width, height)) // what is made now is made for the size it will be drawn in
	screens.Run(ctx)
	posts.until(screens.Ready, firstPatience)
	window.Show() // draws the first frame before it returns
	screens.Shown()
	runApp(app)
	untie() // the window is gone: nobody may close it once more
	screens.Close()
	cancel()
	return nil
}

// nextArgs are those of a run that follows this one: an enrolment string is good once.
func nextArgs(args []string) []string {
	out := []string{os.Args[0]}
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--enrol":
			i++
		case !strings.HasPrefix(args[i], "--enrol="):
			out = append(out, args[i])
		}
	}
	return out
}

func parse(args []string, out, errOut io.Writer) (flags, error) {
	var f flags
	exited := false
	parser, err := kong.New(&f, kong.Name("sealdesk"), kong.Description("Your company's WhatsApp inbox."),
		kong.Vars{"version": version()}, kong.Writers(out, errOut), kong.Exit(func(int) { exited = true }))
	if err != nil {
		return f, err
	}
	_, err = parser.Parse(args)
	if exited { // after --help or --version
		return f, errDone
	}
	return f, err
}

// chosen are the kept settings with this run's wishes on top; nil when there are none.
func chosen(app fyne.App, f flags) *ui.Settings {
	if f.Lang == "" && f.Theme == "" && f.Text == 0 {
		return nil
	}
	s := ui.KeptSettings(app)
	if f.Lang != "" {
		s.Language = f.Lang
	}
	if f.Theme != "" {
		s.Theme = f.Theme
	}
	if f.Text != 0 {
		s.TextSize = f.Text
	}
	return &s
}

// windowSize reads "1440x900"; zero for no wish.
func windowSize(text string) (w, h float32, err error) {
	if text == "" {
		return 0, 0, nil
	}
	if n, err := fmt.Sscanf(text, "%fx%f", &w, &h); n != 2 || err != nil || w < 1 || h < 1 {
		return 0, 0, fmt.Errorf("the size of the window is written like 1440x900, not %q", text)
	}
	return w, h, nil
}

// runApp shows the window until it is closed. When it ends, Fyne's tray closes a connection that it has not made where there is no
// session bus, or no time for one: that panic comes when all else is over, and is no crash anybody must hear of.
func runApp(app fyne.App) {
	defer func() {
		if v := recover(); v != nil && !ofTheTraysEnd() {
			panic(v)
		}
	}()
	app.Run()
}

// ofTheTraysEnd reports whether the panic whose deferred call asks is that of the tray's connection.
func ofTheTraysEnd() bool {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	for called := ""; ; {
		f, more := frames.Next()
		if f.Function == "fyne.io/systray.nativeEnd" || !more {
			return called == "github.com/godbus/dbus/v5.(*Conn).Close"
		}
		called = f.Function
	}
}

// modifiers tells which of Ctrl, Alt and Shift are held down; only a desktop knows.
func modifiers(app fyne.App) func() fyne.KeyModifier {
	if d, ok := app.Driver().(desktop.Driver); ok {
		return d.CurrentKeyModifiers
	}
	return nil
}

// handOver gives this start to a run over the same data that is there already: its window comes to the front and goes where
// the address leads. A start that somebody traces stands for itself.
func (f flags) handOver() (done bool, err error) {
	if f.Verify || f.Wipe || f.Address == "" && (f.Trace != "" || f.Enrol != "") {
		return false, nil
	}
	dir := f.Data
	if dir == "" {
		if dir, err = dataDir(); err != nil {
			return true, err
		}
	}
	err = handOver(dir, f.Address)
	return !errors.Is(err, errNobody), err
}

// modules are those of others that are in this build.
func modules() []ui.Module {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var out []ui.Module
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, ui.Module{Name: m.Path, Version: m.Version})
	}
	return out
}

func licences() []ui.Licence {
	var out []ui.Licence
	for _, l := range assets.FontLicences() {
		out = append(out, ui.Licence(l))
	}
	return out
}

// release is the version of what is handed out: FyneApp.toml's, set by the linker.
var release string

// version is what the build says of itself.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
