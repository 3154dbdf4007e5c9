package ui

import (
	"context"
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"sealdesk/ui/kit"
)

var update = flag.Bool("update", false, "write the pictures that tests compare with")

// stage is a window without a display: functions posted to the main goroutine wait until the test runs them, and so does
// everything that is to happen later than in a second.
type stage struct {
	t     *testing.T
	app   fyne.App
	win   fyne.Window
	ui    *UI
	m     *memory
	queue chan func()

	mu     sync.Mutex
	traced []string
	timers []timer
	now    time.Time
}

type timer struct {
	after time.Duration
	due   time.Time
	c     chan time.Time
}

func newStage(t *testing.T, m *memory, s Settings, w, h float32) *stage {
	t.Helper()
	return newStageWith(t, m, s, w, h, func(*Config) {})
}

func newStageWith(t *testing.T, m *memory, s Settings, w, h float32, with func(*Config)) *stage {
	t.Helper()
	g := &stage{t: t, m: m, queue: make(chan func(), 1000), now: noon, app: test.NewTempApp(t)}
	g.win = g.app.NewWindow("")
	t.Cleanup(g.win.Close)
	if s.Theme == "" {
		s.Theme = "light"
	}
	if s.Language == "" {
		s.Language = "en"
	}
	cfg := Config{App: g.app, Window: g.win, Door: m, Post: func(f func()) { g.queue <- f }, Now: g.clock, After: g.after, Location: time.UTC,
		Trace: g.trace, Version: "1.2.3", Licences: []Licence{{Name: "A font", Text: "Free.\n\nReally."}}, Settings: &s}
	with(&cfg)
	g.ui = New(cfg)
	g.win.Resize(fyne.NewSize(w, h))
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	g.ui.Run(ctx)
	g.ui.Shown()
	return g
}

func (g *stage) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

// after lets short pauses pass at once and keeps long ones until the test lets them pass.
func (g *stage) after(d time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	if d < time.Second {
		c <- noon
		return c
	}
	g.mu.Lock()
	g.timers = append(g.timers, timer{d, g.now.Add(d), c})
	g.mu.Unlock()
	return c
}

// pass lets every pause up to a length end.
func (g *stage) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
	var left []timer
	for _, t := range g.timers {
		if t.after <= d {
			t.c <- g.now
		} else {
			left = append(left, t)
		}
	}
	g.timers = left
}

// advance lets time pass as a clock does: pauses end one after the other, and what they lead to runs in between.
func (g *stage) advance(d time.Duration) {
	end := g.clock().Add(d)
	for {
		g.rest()
		g.mu.Lock()
		next := -1
		for i, t := range g.timers {
			if !t.due.After(end) && (next < 0 || t.due.Before(g.timers[next].due)) {
				next = i
			}
		}
		if next < 0 {
			g.now = end
			g.mu.Unlock()
			return
		}
		t := g.timers[next]
		g.timers = append(g.timers[:next:next], g.timers[next+1:]...)
		if t.due.After(g.now) {
			g.now = t.due
		}
		t.c <- g.now
		g.mu.Unlock()
	}
}

func (g *stage) trace(line string) {
	g.mu.Lock()
	g.traced = append(g.traced, line)
	g.mu.Unlock()
}

func (g *stage) said(line string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.traced {
		if l == line || strings.HasPrefix(l, line+" ") {
			return true
		}
	}
	return false
}

// until runs what was posted until the condition holds.
func (g *stage) until(what string, holds func() bool) {
	g.t.Helper()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case f := <-g.queue:
			f()
		case <-deadline:
			g.mu.Lock()
			defer g.mu.Unlock()
			g.t.Fatalf("never: %s\ntrace: %s\non screen: %s", what, strings.Join(g.traced, ", "), strings.Join(g.texts(), " | "))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (g *stage) heard(line string) {
	g.t.Helper()
	g.until("trace "+line, func() bool { return g.said(line) })
}

// rest runs what was posted until nothing comes for a moment.
func (g *stage) rest() {
	for {
		select {
		case f := <-g.queue:
			f()
		case <-time.After(60 * time.Millisecond):
			return
		}
	}
}

func (g *stage) texts() []string {
	list := kit.Texts(g.win.Canvas().Content())
	for _, o := range g.win.Canvas().Overlays().List() {
		list = append(list, kit.Texts(o)...)
	}
	return list
}

func (g *stage) shows(text string) bool {
	joined := strings.Join(g.texts(), " ")
	return strings.Contains(joined, text) || strings.Contains(strings.ReplaceAll(joined, "  ", " "), text)
}

func (g *stage) wantShown(text string) {
	g.t.Helper()
	g.until("on screen: "+text, func() bool { return g.shows(text) })
}

// press sends a key as a keyboard would: to what has the focus, or to the window.
func (g *stage) press(key fyne.KeyName, mod fyne.KeyModifier) {
	c := g.win.Canvas()
	if mod == 0 {
		if f := c.Focused(); f != nil {
			f.TypedKey(&fyne.KeyEvent{Name: key})
		} else if h := c.OnTypedKey(); h != nil {
			h(&fyne.KeyEvent{Name: key})
		}
		return
	}
	s := &desktop.CustomShortcut{KeyName: key, Modifier: mod}
	if f, ok := c.Focused().(fyne.Shortcutable); ok {
		f.TypedShortcut(s)
		return
	}
	g.ui.router.Handle(s)
}

const (
	ctrl  = fyne.KeyModifierControl
	shift = fyne.KeyModifierShift
	alt   = fyne.KeyModifierAlt
)

func (g *stage) typeText(text string) {
	f := g.win.Canvas().Focused()
	if f == nil {
		g.t.Fatal("nothing has the keyboard")
	}
	test.Type(f, text)
}

// picture compares what the window shows with a picture in testdata.
func (g *stage) picture(name string) {
	g.t.Helper()
	golden(g.t, name, g.win.Canvas().Capture())
}

// golden compares a picture with one in testdata: a few pixels may differ a little, as they do between machines.
func golden(t *testing.T, name string, got image.Image) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if *update {
		writePNG(t, path, got)
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if want.Bounds() != got.Bounds() {
		writePNG(t, filepath.Join("testdata", "failed", name+".png"), got)
		t.Fatalf("%s is %v, not %v", name, got.Bounds().Size(), want.Bounds().Size())
	}
	b, off := got.Bounds(), 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r1, g1, b1, _ := got.At(x, y).RGBA()
			r2, g2, b2, _ := want.At(x, y).RGBA()
			if far(r1, r2) || far(g1, g2) || far(b1, b2) {
				off++
			}
		}
	}
	if limit := b.Dx() * b.Dy() / 2000; off > limit {
		writePNG(t, filepath.Join("testdata", "failed", name+".png"), got)
		t.Errorf("%s differs in %d pixels, more than %d: look at testdata/failed", name, off, limit)
	}
}

func far(a, b uint32) bool { return max(a, b)-min(a, b) > 0x1800 }

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}
