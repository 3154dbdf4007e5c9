package ui

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

func TestFilesGoWithTheTextAsTheirCaption(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	d := g.ui.desk
	d.attach([]File{fileOf("Raum.png", landscape(200, 100)), fileOf("Plan.pdf", []byte("%PDF-1.7"))})
	g.until("in the tray", func() bool { return len(d.comp.tray.files) == 2 && d.comp.adding == 0 })
	g.typeText("Wie besprochen")
	g.press(fyne.KeyReturn, 0)
	g.until("sent", func() bool { return len(g.sent()) == 2 })
	sent := g.sent()
	if sent[0].Caption != "Wie besprochen" || sent[1].Caption != "" || sent[0].Media == sent[1].Media {
		t.Errorf("sent %+v", sent)
	}
	if _, ok := wishOf[inbox.SendText](m); ok {
		t.Error("the caption went a second time")
	}
	if len(d.comp.tray.files) != 0 || d.comp.text() != "" {
		t.Error("tray and field are empty after sending")
	}
}

// sent are the files that were sent.
func (g *stage) sent() []inbox.SendMedia {
	var out []inbox.SendMedia
	for _, i := range g.m.wishes() {
		if b, ok := i.Body.(inbox.SendMedia); ok {
			out = append(out, b)
		}
	}
	return out
}

func TestAFileAloneCanBeSentAndOneThatIsBeingReadCannot(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	d := g.ui.desk
	release := make(chan struct{})
	d.attach([]File{{Name: "Plan.pdf", Open: func() (io.ReadCloser, error) {
		<-release
		return io.NopCloser(strings.NewReader("%PDF-1.7")), nil
	}}})
	g.press(fyne.KeyReturn, 0)
	if len(m.wishes()) > 1 {
		t.Fatal("sent before it was read")
	}
	close(release)
	g.until("in the tray", func() bool { return len(d.comp.tray.files) == 1 && d.comp.adding == 0 })
	g.press(fyne.KeyReturn, 0)
	g.until("sent", func() bool { return len(g.sent()) == 1 })
}

func TestWhatLiesInTheTrayIsThereAfterARestart(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	g.ui.desk.attach([]File{fileOf("Plan.pdf", []byte("%PDF-1.7"))})
	g.until("kept", func() bool { return len(m.Attachments("k")) == 1 })
	again := opened(t, m, "k")
	again.wantShown("Plan.pdf")
}

func TestPicturesCanGoAsFilesAndFilesBeTakenOut(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	d := g.ui.desk
	d.attach([]File{fileOf("Raum.png", landscape(200, 100))})
	g.until("a picture", func() bool { return len(d.comp.tray.files) == 1 && d.comp.tray.files[0].Kind == inbox.Image })
	g.until("a thumbnail", func() bool { return d.comp.tray.thumbs[d.comp.tray.files[0].ID] != nil })
	d.comp.tray.touch.OnTap(areaAsFile+"0", fyne.Position{})
	g.until("a file", func() bool { return d.comp.tray.files[0].Kind == inbox.Document })
	d.comp.tray.touch.OnTap(areaAsFile+"0", fyne.Position{})
	g.until("a picture again", func() bool { return d.comp.tray.files[0].Kind == inbox.Image })
	d.comp.tray.touch.OnTap(areaRemove+"0", fyne.Position{})
	g.until("taken out", func() bool { return len(d.comp.tray.files) == 0 && len(m.Attachments("k")) == 0 })
}

func TestFilesAreJudgedBeforeTheyLeave(t *testing.T) {
	english(t)
	for _, c := range []struct {
		rule, name, head string
		size             int64
		kind             inbox.MessageKind
		problem          string
	}{
		{"a photo goes as a picture", "a.jpg", "\xff\xd8\xff", 1 << 20, inbox.Image, ""},
		{"a large photo goes as a file", "a.jpg", "\xff\xd8\xff", 6 << 20, inbox.Document, ""},
		{"a form WhatsApp does not show goes as a file", "a.gif", "GIF89a", 1000, inbox.Document, ""},
		{"how it begins counts, not its name", "a.txt", "\x89PNG\r\n\x1a\n", 1000, inbox.Image, ""},
		{"a film goes as a film", "a.mp4", "", 1000, inbox.Video, ""},
		{"a recording goes as audio", "a.mp3", "", 1000, inbox.Audio, ""},
		{"what nobody knows goes as a file", "a.xyz", "", 1000, inbox.Document, ""},
		{"nothing empty", "a.pdf", "", 0, inbox.Document, "a.pdf is empty."},
		{"no programs", "Rechnung.pdf.EXE", "MZ", 1000, inbox.Document, "Rechnung.pdf.EXE is a program or a script. Such files are not sent."},
		{"nothing beyond what WhatsApp takes", "a.zip", "", 101 << 20, inbox.Document, "a.zip is too large. WhatsApp takes up to 104.9 MB."},
	} {
		if j := judge(c.name, typeOf(c.name, []byte(c.head)), c.size); j.Kind != c.kind || j.Problem != c.problem {
			t.Errorf("%s: %+v", c.rule, j)
		}
	}
}

func TestAHarmfulFileIsRefusedInWordsAndNothingIsKept(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	g.ui.desk.attach([]File{fileOf("setup.exe", []byte("MZ"))})
	g.wantShown("setup.exe is a program or a script")
	if len(m.Attachments("k")) != 0 {
		t.Error("it was kept")
	}
	_, problem := g.ui.desk.keep(t.Context(), "k", File{Name: "gone.pdf", Open: func() (io.ReadCloser, error) { return nil, errors.New("gone") }}, 0)
	if problem != "gone.pdf could not be read." {
		t.Errorf("%q", problem)
	}
	if _, err := io.Copy(io.Discard, &limited{r: zeroes{}, left: 1 << 20}); !errors.Is(err, errTooLarge) {
		t.Errorf("a file without an end ends in %v", err)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

func TestADroppedFileIsAttachedAndAPastedPictureToo(t *testing.T) {
	m := equipped()
	g := newStageWith(t, m, Settings{EnterSends: true}, 1280, 800, func(c *Config) {
		c.PastePicture = func() ([]byte, bool) { return landscape(64, 64), true }
	})
	g.heard("inbox shown")
	g.open("k")
	g.app.Clipboard().SetContent("")
	g.ui.desk.comp.field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: g.app.Clipboard()})
	g.wantShown("Pasted picture.png")
	g.app.Clipboard().SetContent("words")
	g.ui.desk.comp.field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: g.app.Clipboard()})
	if got := g.ui.desk.comp.text(); got != "words" {
		t.Errorf("text is pasted as text, not %q", got)
	}
}

func TestAPictureIsFetchedShownAndForgotten(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	g.look("photo")
	g.heard("picture shown")
	v := kit.Find(g.win.Canvas().Overlays().Top(), "Picture")
	if v == nil {
		t.Fatal("no viewer")
	}
	view := g.win.Canvas().Focused().(*kit.Viewer)
	if !view.HasPicture() || view.Zoom() != 1 {
		t.Error("the picture is not there, or not fitted")
	}
	view.TypedRune('+')
	view.TypedRune('+')
	if view.Zoom() <= 1.5 {
		t.Errorf("zoom %v", view.Zoom())
	}
	view.TypedRune('0')
	view.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)})
	if view.Zoom() <= 1 {
		t.Error("the wheel does nothing")
	}
	g.press(fyne.KeyEscape, 0)
	if g.win.Canvas().Overlays().Top() != nil || view.HasPicture() {
		t.Error("the picture outlives the viewer")
	}
}

func TestAFailedFetchCanBeTriedAgain(t *testing.T) {
	m := equipped()
	works := m.fetch
	m.fetch = func(context.Context, inbox.FetchMedia, io.Writer, func(int64, int64)) error { return ErrOffline }
	g := opened(t, m, "k")
	g.look("photo")
	g.wantShown("need a connection")
	m.mu.Lock()
	m.fetch = works
	m.mu.Unlock()
	g.press(fyne.KeyReturn, 0) // the button has the keyboard
	g.heard("picture shown")
	g.press(fyne.KeyEscape, 0)
	m.mu.Lock()
	m.fetch = func(_ context.Context, _ inbox.FetchMedia, w io.Writer, _ func(int64, int64)) error {
		_, err := w.Write([]byte("\x89PNG\r\n\x1a\nnot a picture"))
		return err
	}
	m.mu.Unlock()
	g.look("photo")
	g.wantShown("This picture cannot be drawn here")
}

func TestADangerousFileIsNeverFetched(t *testing.T) {
	m := equipped()
	fetched := false
	m.fetch = func(context.Context, inbox.FetchMedia, io.Writer, func(int64, int64)) error {
		fetched = true
		return nil
	}
	x := in(time.Minute, "")
	x.ID, x.Kind, x.Media = "exe", inbox.Image, &inbox.Media{ID: "exe", Type: "image/png", Size: 42, State: inbox.MediaReady, Dangerous: true}
	m.say("k", x)
	g := opened(t, m, "k")
	g.look("exe")
	g.wantShown("This file is never opened here")
	g.rest()
	if fetched {
		t.Error("it was fetched")
	}
}

func TestPicturesBeyondTheBudgetAreNotDecoded(t *testing.T) {
	huge := landscape(8, 8)
	// The size in the header is a lie that would cost gigabytes.
	copy(huge[16:24], []byte{0, 0, 0x80, 0, 0, 0, 0x80, 0})
	if _, err := decodePicture(huge, 100); err == nil {
		t.Error("decoded")
	}
	img, err := decodePicture(landscape(300, 100), 150)
	if err != nil || img.Bounds().Dx() != 150 || img.Bounds().Dy() != 50 {
		t.Errorf("%v %v", img.Bounds(), err)
	}
}

func TestAFileOnItsWayShowsHowFarItIsAndCanBeStopped(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	d := g.ui.desk
	d.attach([]File{fileOf("Plan.pdf", []byte("%PDF-1.7"))})
	g.until("in the tray", func() bool { return len(d.comp.tray.files) == 1 && d.comp.adding == 0 })
	g.press(fyne.KeyReturn, 0)
	g.wantShown("Waits to be handed over")
	var id inbox.IntentID
	for _, i := range m.wishes() {
		if _, ok := i.Body.(inbox.SendMedia); ok {
			id = i.ID
		}
	}
	m.mu.Lock()
	m.uploads = []Upload{{Intent: id, Done: 2_000_000, Total: 4_000_000}}
	m.mu.Unlock()
	m.poke()
	g.wantShown("2.0 MB of 4.0 MB")
	for i, v := range d.line.items {
		if v.Upload != nil {
			d.line.tapped(i, areaUpload, fyne.Position{})
			break
		}
	}
	m.mu.Lock()
	m.uploads = nil
	m.mu.Unlock()
	g.until("gone", func() bool { return !g.shows("2.0 MB of 4.0 MB") && !g.shows("Plan.pdf") })
}

func TestFilesLetGoAboveTheWindowAreAttached(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	path := filepath.Join(t.TempDir(), "Plan.pdf")
	if err := os.WriteFile(path, []byte("%PDF-1.7"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.ui.dropped(fyne.NewPos(600, 300), []fyne.URI{storage.NewFileURI(path)})
	g.wantShown("Plan.pdf")
	g.until("kept", func() bool { return len(m.Attachments("k")) == 1 })
	g.press(fyne.KeyN, ctrl|shift) // a note takes no files
	g.ui.dropped(fyne.NewPos(600, 300), []fyne.URI{storage.NewFileURI(path)})
	g.wantShown("Files can be sent while the reply window is open.")
	if len(m.Attachments("k")) != 1 {
		t.Error("it was attached to a note")
	}
}

func TestAFileWhoseWishWasNotKeptLiesInTheTrayAgain(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	d := g.ui.desk
	d.attach([]File{fileOf("Plan.pdf", []byte("%PDF-1.7"))})
	g.until("in the tray", func() bool { return len(d.comp.tray.files) == 1 && d.comp.adding == 0 })
	g.typeText("caption")
	m.mu.Lock()
	m.fail = errors.New("disk full")
	m.mu.Unlock()
	g.press(fyne.KeyReturn, 0)
	g.wantShown("could not be kept on this device")
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	m.poke()
	g.until("back in the tray", func() bool { return len(d.comp.tray.files) == 1 })
	if d.comp.text() != "caption" {
		t.Errorf("the field holds %q", d.comp.text())
	}
}
