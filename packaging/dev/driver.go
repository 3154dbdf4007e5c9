package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// driver presses keys in one window, waits for the milestones the client traces, and takes pictures. It never sleeps:
// it waits for a trace line or for pixels that have come to rest. Not safe for concurrent use.
type driver struct {
	display *display
	client  *process
	window  string // X window id
	trace   *trace
	album   *album // where the pictures go
	alone   bool   // pictures show the window alone, not the whole display

	// properties, if set, is a file that gets the window's title and other properties after every move: they are there for
	// every program of the session to read.
	properties string

	// who, if set, is whoever uses the window: a dialog that wants to know once more who is there is answered on the way.
	who *account

	say func(format string, args ...any)
}

// album is a folder of numbered pictures.
type album struct {
	dir   string
	taken int
}

func newAlbum(dir string) (*album, error) { return &album{dir: dir}, os.MkdirAll(dir, 0o755) }

// move is one row of a journey.
type move struct {
	name  string        // what a person would say: "open the first conversation"
	keys  []press       // sent in order
	await []string      // milestones that must follow, in any order
	never []string      // milestones that must not come before those; without any, not at all
	rest  bool          // the pixels come to rest before the next move: the milestones come before what they are about is drawn
	shot  string        // picture's name, if one is taken at the end
	limit time.Duration // for all milestones together; zero means a minute
}

// press is one of: a key chord in xdotool's words ("ctrl+k", "Return"), a text to type, a text that is made when it is to be
// typed, a text that must come to the clipboard.
type press struct {
	key, text string
	make      func(context.Context) (string, error)
	pattern   string // of the text on the clipboard, as a whole
	take      func(text string)
}

func key(chord string) press                                { return press{key: chord} }
func typed(text string) press                               { return press{text: text} }
func made(text func(context.Context) (string, error)) press { return press{make: text} }
func copied(pattern string, take func(text string)) press   { return press{pattern: pattern, take: take} }

// findWindow waits for the client's window, gives it the focus, and remembers it.
func (d *driver) findWindow(ctx context.Context, title string) error {
	d.window = ""
	err := d.client.ready(ctx, 60*time.Second, func(ctx context.Context) bool {
		out, err := d.tool(ctx, "xdotool", "search", "--onlyvisible", "--name", title)
		if err != nil {
			return false
		}
		// Two clients may have windows of the same name; not every program says which ones are its own.
		for _, id := range strings.Fields(out) {
			pid, err := d.tool(ctx, "xdotool", "getwindowpid", id)
			if err != nil || strings.TrimSpace(pid) == fmt.Sprint(d.client.cmd.Process.Pid) {
				d.window = id
			}
		}
		return d.window != ""
	})
	if err != nil {
		return err
	}
	return d.focus(ctx)
}

// focus gives the window the keyboard.
func (d *driver) focus(ctx context.Context) error {
	_, err := d.tool(ctx, "xdotool", "windowactivate", "--sync", d.window, "windowfocus", "--sync", d.window)
	if err == nil {
		d.display.front = d.window
	}
	return err
}

// resize sets the window's size in pixels.
func (d *driver) resize(ctx context.Context, w, h int) error {
	_, err := d.tool(ctx, "xdotool", "windowsize", "--sync", d.window, fmt.Sprint(w), fmt.Sprint(h))
	return err
}

func (d *driver) tool(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return call{env: d.display.toolEnv()}.output(ctx, name, args...)
}

// do makes one move.
func (d *driver) do(ctx context.Context, m move) error {
	start := time.Now()
	if d.display.front != d.window { // another window of the journey had the keyboard
		if err := d.focus(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	begun := d.trace.at
	for _, p := range m.keys {
		if err := d.press(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	limit := m.limit
	if limit == 0 {
		limit = time.Minute
	}
	if err := d.await(ctx, m.await, limit); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	picture, err := d.look(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	upTo := d.trace.at
	if len(m.await) == 0 { // it must not come at all
		if err := d.trace.read(); err != nil {
			return err
		}
		upTo = len(d.trace.lines)
	}
	for _, line := range d.trace.lines[begun:upTo] {
		for _, never := range m.never {
			if line == never || strings.HasPrefix(line, never+" ") {
				return &problem{happened: fmt.Sprintf("%s: the client said %q, which it must not", m.name, never)}
			}
		}
	}
	d.say("      %-44s %6s%s", m.name, since(time.Since(start)), picture)
	return nil
}

// look waits until what a move brought about is drawn, and takes the picture of it.
func (d *driver) look(ctx context.Context, m move) (picture string, err error) {
	if m.rest && m.shot == "" {
		still := filepath.Join(d.album.dir, "still.png")
		if _, err := d.still(ctx, still); err != nil {
			return "", err
		}
		if err := os.Remove(still); err != nil {
			return "", err
		}
	}
	if err := d.note(ctx); err != nil || m.shot == "" {
		return "", err
	}
	path, err := d.shot(ctx, m.shot)
	return "  " + shortPath(path), err
}

// make makes moves, one after the other.
func (d *driver) make(ctx context.Context, moves ...move) error {
	for _, m := range moves {
		if err := d.do(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// press presses one key, types one text, or reads the clipboard.
func (d *driver) press(ctx context.Context, p press) error {
	args := []string{"key", "--clearmodifiers", p.key}
	switch {
	case p.pattern != "":
		return d.copied(ctx, p)
	case p.make != nil:
		text, err := p.make(ctx)
		if err != nil {
			return err
		}
		p.text = text
	}
	if p.text != "" {
		args = []string{"type", "--clearmodifiers", "--delay", "15", "--", p.text}
	}
	_, err := d.tool(ctx, "xdotool", args...)
	return err
}

// copied waits until the clipboard holds what it must, and hands it over. What it holds is never shown: it may be a secret.
func (d *driver) copied(ctx context.Context, p press) error {
	fits := regexp.MustCompile(`^(?:` + p.pattern + `)$`)
	err := d.client.ready(ctx, 20*time.Second, func(ctx context.Context) bool {
		text, err := d.clipboard(ctx)
		if err != nil || !fits.MatchString(text) {
			return false
		}
		p.take(text)
		return true
	})
	if errors.Is(err, errTooLong) {
		return &problem{happened: "what was to be copied did not come to the clipboard", err: err}
	}
	return err
}

// clipboard is the text on the clipboard. It is an error if there is none.
func (d *driver) clipboard(ctx context.Context) (string, error) {
	return d.tool(ctx, "xclip", "-selection", "clipboard", "-out")
}

// note adds the window's properties to the file of them.
func (d *driver) note(ctx context.Context) (err error) {
	if d.properties == "" {
		return nil
	}
	out, err := d.tool(ctx, "xprop", "-id", d.window)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(d.properties, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteString(out)
	return err
}

// await waits until all milestones were traced after the last one awaited.
func (d *driver) await(ctx context.Context, milestones []string, limit time.Duration) error {
	open := append([]string(nil), milestones...)
	furthest := d.trace.at
	var readErr error
	err := d.client.ready(ctx, limit, func(context.Context) bool {
		if readErr = errors.Join(d.trace.read(), d.confirm(ctx)); readErr != nil {
			return true
		}
		for i := 0; i < len(open); {
			if n := d.trace.find(open[i]); n >= 0 {
				furthest = max(furthest, n+1)
				open = append(open[:i], open[i+1:]...)
				continue
			}
			i++
		}
		return len(open) == 0
	})
	if err == nil {
		err = readErr
	}
	if errors.Is(err, errTooLong) {
		return &problem{happened: fmt.Sprintf("the client did not say %q", strings.Join(open, `", "`)), err: err,
			tail: "last milestones:\n" + strings.Join(d.trace.last(12), "\n") + "\n\nend of its log:\n" + tailOf(d.client.logPath, 15)}
	}
	d.trace.at = furthest
	return err
}

// online waits until the window is connected, as far as it says.
func (d *driver) online(ctx context.Context) error {
	return d.client.ready(ctx, 2*minute, func(context.Context) bool {
		if err := d.trace.read(); err != nil {
			return false
		}
		for _, line := range slices.Backward(d.trace.lines) {
			if strings.HasPrefix(line, "state ") {
				return line == seesOnline
			}
		}
		return false
	})
}

// confirm answers the dialog in which a window wants to know once more who is there, as far as it has asked. How long ago
// somebody showed that depends on how busy the machine is.
func (d *driver) confirm(ctx context.Context) error {
	if d.who == nil || d.trace.find(seesStepUp) < 0 {
		return nil
	}
	for d.trace.told = max(d.trace.told, d.trace.at); d.trace.told < len(d.trace.lines); d.trace.told++ {
		var keys []press
		switch d.trace.lines[d.trace.told] {
		case seesAsksPassword:
			keys = []press{typed(d.who.password), key("Return")}
		case seesAsksCode:
			keys = []press{made(d.who.code)}
		}
		for _, p := range keys {
			if err := d.press(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// shot takes a numbered picture once its pixels have come to rest. A picture with next to no colours is an error: nobody can
// look at nothing.
func (d *driver) shot(ctx context.Context, name string) (string, error) {
	d.album.taken++
	path := filepath.Join(d.album.dir, fmt.Sprintf("%02d-%s.png", d.album.taken, name))
	now, err := d.still(ctx, path)
	if err != nil {
		return path, err
	}
	if n := colours(now, 64); n < 8 {
		return path, &problem{happened: fmt.Sprintf("the picture %s is nearly blank (%d colours)", filepath.Base(path), n)}
	}
	return path, nil
}

// rests is for how long pixels must have stayed the same: a milestone comes before the frame that shows it, and a large frame
// takes its time.
const rests = 350 * time.Millisecond

// still takes a picture when its pixels have come to rest.
func (d *driver) still(ctx context.Context, path string) (now *image.NRGBA, err error) {
	target := "root"
	if d.alone {
		target = d.window
	}
	changed := time.Now()
	err = until(ctx, 15*time.Second, 80*time.Millisecond, func() (bool, error) {
		if _, err := d.tool(ctx, "import", "-window", target, "-depth", "8", path); err != nil {
			return false, err
		}
		before := now
		var err error
		if now, err = readPNG(path); err != nil {
			return false, err
		}
		if before == nil || !samePixels(before, now) {
			changed = time.Now()
		}
		return time.Since(changed) >= rests, nil
	})
	if errors.Is(err, errTooLong) { // something that always moves is still worth a picture
		err = nil
	}
	return now, err
}

func readPNG(path string) (*image.NRGBA, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return nil, err
	}
	if same, ok := img.(*image.NRGBA); ok {
		return same, nil
	}
	out := image.NewNRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, out.Rect.Min, draw.Src)
	return out, nil
}

func samePixels(a, b *image.NRGBA) bool {
	return a.Rect == b.Rect && string(a.Pix) == string(b.Pix)
}

// colours counts distinct colours, up to a limit.
func colours(img *image.NRGBA, limit int) int {
	seen := map[[4]byte]bool{}
	for i := 0; i+4 <= len(img.Pix) && len(seen) < limit; i += 4 {
		seen[[4]byte(img.Pix[i:i+4])] = true
	}
	return len(seen)
}

// trace is the file in which the client names its milestones: one line each, constant words and ids, nothing of a
// customer. A line may begin with a time stamp, which is cut off.
type trace struct {
	path  string
	lines []string
	part  string
	off   int64
	at    int // the line after the last one awaited
	told  int // the line after the last one that was answered, see [driver.confirm]
}

// read takes in what was added to the file. A file that is not there yet is empty.
func (t *trace) read() error {
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() <= t.off {
		return nil
	}
	buf := make([]byte, info.Size()-t.off)
	n, err := f.ReadAt(buf, t.off)
	if n == 0 && err != nil {
		return err
	}
	t.off += int64(n)
	text := t.part + string(buf[:n])
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			t.part = text
			return nil
		}
		t.lines = append(t.lines, withoutStamp(line))
		text = rest
	}
}

// withoutStamp cuts a leading word that begins with a digit: a time or a count of milliseconds.
func withoutStamp(line string) string {
	line = strings.TrimSpace(line)
	word, rest, ok := strings.Cut(line, " ")
	if ok && word != "" && word[0] >= '0' && word[0] <= '9' {
		return strings.TrimSpace(rest)
	}
	return line
}

// find returns the number of the first line, from the place reached, that is the milestone or the milestone and more words.
func (t *trace) find(milestone string) int {
	for i := t.at; i < len(t.lines); i++ {
		if t.lines[i] == milestone || strings.HasPrefix(t.lines[i], milestone+" ") {
			return i
		}
	}
	return -1
}

// open is the id of the conversation that was opened last; "" for none.
func (t *trace) open() string {
	for _, line := range slices.Backward(t.lines) {
		if id, ok := strings.CutPrefix(line, seesConversation+" "); ok {
			return id
		}
	}
	return ""
}

func (t *trace) last(n int) []string { return t.lines[max(0, len(t.lines)-n):] }
