package ui

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"

	"sealdesk/app/inbox"
	"sealdesk/assets"
	"sealdesk/ui/kit"
)

// Config is what the screens need. Fields not marked optional are required.
type Config struct {
	App    fyne.App
	Window fyne.Window
	Door   Door
	Post   Post

	Log       *slog.Logger                         // optional
	Trace     func(line string)                    // optional; milestones in constant words and ids
	Now       func() time.Time                     // optional; time.Now
	After     func(time.Duration) <-chan time.Time // optional; time.After
	Location  *time.Location                       // optional; time.Local
	Modifiers func() fyne.KeyModifier              // optional; none
	Version   string
	Licences  []Licence
	Modules   []Module  // optional
	Settings  *Settings // optional; for this run, instead of the kept ones
	Enrolment string    // optional; fills the field of the enrolment card and goes on

	// Pick lets a person choose a file and calls done, with none if nobody did. Optional; Fyne's own chooser.
	Pick func(done func([]File))
	// PastePicture returns the picture on the clipboard, as PNG or JPEG; false when there is none. It may wait for another
	// program and is called by a worker. Optional; none.
	PastePicture func() ([]byte, bool)
	// Save lets a person put a file where he wants it, and calls done on the main goroutine. Optional; Fyne's own chooser.
	Save func(name string, data []byte, done func(saved bool, err error))
	// SystemLock tells each time that the system's own lock closed over the window. Optional; never.
	SystemLock func(ctx context.Context) <-chan struct{}
	// Managed is what the organisation set on this machine: with it, Rules, SaveFiles and Copying are what it says. WatchManaged returns
	// pokes when that has changed, and closes them with ctx. Neither waits. Optional.
	Managed      func() Managed
	WatchManaged func(ctx context.Context) <-chan struct{}
	// Rules are what the company says about settings, by their names. Optional.
	Rules map[string]Rule
	// Tour shows the first-run tour to people who have not seen it on this device.
	Tour bool
	// Address is where an address of ours leads once the inbox is open: see [UI.Visit]. Optional.
	Address string
	// Crash is what a run that ended by itself left. Optional.
	Crash *Crash
	// Protect asks the system to keep pictures of the window from being taken, and says what it does. Called once, when the
	// window is on the screen. Optional; [CaptureOpen].
	Protect func() Capture
	// Notify shows a notification. Optional; Fyne's own, which has its own sound.
	Notify func(Notice)
	// SaveFiles lets people save files of messages. Off, they stay on the company's server.
	SaveFiles bool
	// Copying says where text of messages may be copied to.
	Copying Copying
	// Sound plays recordings. Optional; nothing can be heard.
	Sound Loudspeaker

	// Updates is what is known of newer versions of the app, and WatchUpdates pokes after each change, the first time at once;
	// the channel closes with ctx. Optional; nothing is known.
	Updates      func() Update
	WatchUpdates func(ctx context.Context) <-chan struct{}
}

// Copying says where text of messages may be copied to.
type Copying uint8

// The choices a company has.
const (
	CopyAnywhere Copying = iota
	CopyInside           // only to other places of this window
	CopyNowhere
)

// Sizes of the window in pixels.
const (
	minWidth  = 820
	minHeight = 560
)

// UI is the window and what is in it. It lives on the main goroutine.
type UI struct {
	cfg      Config
	ctx      context.Context
	theme    *kit.Theme
	settings Settings
	layers   *kit.Layers
	router   *kit.Router
	keys     []kit.Binding
	start    *startScreen
	enrol    *enrolScreen
	join     *joinScreen
	desk     *desk
	active   bool     // the window has the focus
	begun    bool     // the window holds more than the card that asks for patience
	drawn    bool     // the window was drawn once
	unseen   []func() // what waits for that
	typed    time.Time
	unread   int // conversations with something new
	toasted  int
	clip     string // what was put on the clipboard last
	managed  Managed
	news     policyTold
	inside   insideCopy
	chooser  *dialog.FileDialog

	gate     *gateScreen
	locked   *lockScreen
	wiped    *wipedScreen
	vanished bool                 // this device was wiped while the inbox was open
	before   inbox.ConversationID // what was open when the inbox was locked
	moved    time.Time            // when a person last did something

	update     Update
	updateSeen string // whose notice was opened in this run

	whose    string // what the choices of the person who is there are kept under
	welcomed bool
	wanted   inbox.ConversationID // where an address leads
	invited  string               // an enrolment string from an address
	astray   bool                 // an address that leads nowhere came with the start
	capture  Capture
	tray     sysTray
}

// New prepares the window: theme, language, size, keys. Run starts it.
func New(cfg Config) *UI {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Location == nil {
		cfg.Location = time.Local
	}
	var managed Managed
	if cfg.Managed != nil {
		managed = cfg.Managed()
		cfg.Rules, cfg.SaveFiles, cfg.Copying = managed.Rules, managed.SaveFiles, managed.Copying
	}
	u := &UI{cfg: cfg, active: true, managed: managed, settings: loadSettings(cfg.App.Preferences(), "", cfg.Rules)}
	if cfg.Settings != nil {
		u.settings = *cfg.Settings
	}
	u.settings = ruled(u.settings, cfg.Rules)
	a, err := ParseAddress(cfg.Address)
	u.wanted, u.invited, u.astray = a.Conversation, a.Enrolment, err != nil
	if err := speak(u.settings.Language); err != nil {
		cfg.Log.Error("texts not available", "error", err)
	}
	kit.UseClipboard(u.clipboard)
	u.theme = kit.NewTheme(kit.Resources{Regular: assets.Font(assets.FontRegular), Medium: assets.Font(assets.FontMedium),
		SemiBold: assets.Font(assets.FontSemiBold), Italic: assets.Font(assets.FontItalic), Arabic: assets.Font(assets.FontArabic),
		Hebrew: assets.Font(assets.FontHebrew), Emoji: assets.Font(assets.FontEmoji), Icon: assets.Icon}, u.settings.options())
	cfg.App.Settings().SetTheme(u.theme)

	w := cfg.Window
	w.SetPadded(false)
	w.SetTitle(word("window.title"))
	u.start = newStartScreen(u)
	u.layers = kit.NewLayers(w.Canvas(), u.start.root)
	w.SetContent(u.layers)
	w.SetMaster()
	if u.cfg.Pick == nil {
		u.cfg.Pick = u.pickFile
	}
	w.SetOnDropped(u.dropped)
	u.attach()
	return u
}

// held returns the modifier keys that are held down; none where nobody knows.
func (u *UI) held() fyne.KeyModifier {
	if u.cfg.Modifiers == nil {
		return 0
	}
	return u.cfg.Modifiers()
}

// attach makes the window use our keys.
func (u *UI) attach() {
	u.keys = bindings()
	router, err := kit.NewRouter(u.keys, kit.RouterConfig{Do: u.do, Context: u.context, Exclusive: []string{contextStart, contextOverlay}, Modifiers: u.cfg.Modifiers,
		Key: keyName, Copy: u.copy, Undo: u.undo})
	if err != nil {
		u.cfg.Log.Error("keys do not work", "error", err) // a test keeps this from happening
		return
	}
	u.router = router
	u.router.Attach(u.cfg.Window.Canvas())
	kit.OnInput(u.cfg.Window.Canvas(), u.touched)
}

// Run opens the inbox in the background and keeps the window alive until ctx ends. It returns at once. It may be called
// before the window is shown, so that the first frame may be the inbox: see Ready.
func (u *UI) Run(ctx context.Context) {
	u.ctx = ctx
	u.manage()
	u.watchUpdates()
	u.open()
}

// Ready reports whether the window holds more than the card that asks for patience.
func (u *UI) Ready() bool { return u.begun }

// Shown tells that the window is on the screen and was drawn once.
func (u *UI) Shown() {
	u.drawn = true
	u.trace("window shown")
	for _, f := range u.unseen {
		f()
	}
	u.unseen = nil
	u.protect()
	u.refreshTray()
	u.showCrash()
	if u.astray {
		u.refuseAddress()
	}
	fyne.MeasureText("x", 14, fyne.TextStyle{}) // the toolkit finds its own fonts once, for entries: not when one is opened
}

// SetActive tells whether the window has the focus.
func (u *UI) SetActive(v bool) {
	u.active = v
	if u.desk != nil {
		u.desk.activity()
	}
}

// Close keeps what was typed and not sent. It waits for the disk; call it when the window is gone.
func (u *UI) Close() {
	if u.desk != nil {
		u.desk.writer.flush()
	}
}

func (u *UI) trace(line string) {
	if u.cfg.Trace != nil {
		u.cfg.Trace(line)
	}
}

// painted calls f on the main goroutine once a frame with what is there now has been drawn. Animations are stepped right
// before a frame is drawn, so what their step posts runs right after it.
func (u *UI) painted(f func()) {
	if !u.drawn {
		u.unseen = append(u.unseen, f)
		return
	}
	fyne.NewAnimation(0, func(done float32) {
		if done == 1 {
			u.cfg.Post(f)
		}
	}).Start()
}

func (u *UI) show(screen fyne.CanvasObject) {
	u.layers.SetContent(screen)
	u.refreshTray()
}

// respeak builds everything again in another language.
func (u *UI) respeak() {
	if err := speak(u.settings.Language); err != nil {
		u.cfg.Log.Error("texts not available", "error", err)
		return
	}
	u.attach()
	switch {
	case u.desk != nil:
		u.desk.rebuild()
	case u.enrol != nil:
		u.enrol.rebuild()
	case u.join != nil:
		u.join.rebuild()
	case u.gate != nil:
		u.gate.rebuild()
	case u.locked != nil:
		u.locked.rebuild()
	case u.wiped != nil:
		u.wiped.rebuild()
	default:
		u.start.rebuild()
	}
	u.title(0)
}

// title sets the window's title: neutral, with the number of unread conversations.
func (u *UI) title(unread int) {
	t := word("window.title")
	if unread > 0 {
		t = "(" + badge(unread) + ") " + t
	}
	u.cfg.Window.SetTitle(t)
	u.unread = unread
	u.refreshTray()
}

// toast shows a short message for some seconds; longer when it can be undone.
func (u *UI) toast(t kit.Toast) {
	u.toasted++
	mine := u.toasted
	u.liftToast()
	u.layers.Toast(t)
	stay := 4 * time.Second
	if t.Action.Text != "" {
		stay = 8 * time.Second
	}
	gone := u.cfg.After(stay)
	ctx := u.ctx
	go func() {
		select {
		case <-gone:
			u.cfg.Post(func() {
				if u.toasted == mine {
					u.layers.HideToast()
				}
			})
		case <-ctx.Done():
		}
	}()
}

// liftToast keeps short messages above the composer and all that grows out of it, such as what the guard says. Where the inbox
// is not open they stand at the top: the way on is at the foot of a card.
func (u *UI) liftToast() {
	lift := float32(88)
	switch d := u.desk; {
	case d == nil:
		lift = kit.AtTop
	case d.page == pageInbox && d.comp != nil && d.comp.root.Visible():
		lift = d.comp.root.Size().Height + 14
	}
	u.layers.LiftToast(lift)
}

func paragraphsOf(text string) []string {
	var out []string
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = oneLine(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
