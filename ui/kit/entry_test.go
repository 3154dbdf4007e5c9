package kit_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"sealdesk/ui/kit"
)

type desk struct {
	sent, cuts, changes, heights int
	c                            *kit.Composer
	w                            fyne.Window
}

func composer(t testing.TB) *desk {
	d := &desk{}
	d.c = kit.NewComposer(kit.ComposerConfig{
		Name: "Message", Placeholder: "Message Katharina W.",
		OnSend: func() { d.sent++ }, OnCut: func() { d.cuts++ },
		OnChange: func(string) { d.changes++ }, OnHeight: func() { d.heights++ },
	})
	d.w = window(t, kit.Column(kit.Spring(), kit.Min(d.c)), 500, 400)
	d.w.Canvas().Focus(d.c)
	return d
}

func TestTooLongTextNeverReachesTheEntry(t *testing.T) {
	themed(t, kit.Options{})
	long := strings.Repeat("ä", kit.ComposerLimit+500)
	for name, act := range map[string]func(d *desk){
		"pasted": func(d *desk) {
			clip := test.NewClipboard()
			clip.SetContent(long)
			d.c.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clip})
		},
		"set":      func(d *desk) { d.c.SetText(long) },
		"inserted": func(d *desk) { d.c.InsertText(long) },
	} {
		d := composer(t)
		act(d)
		if n := len([]rune(d.c.Content())); n != kit.ComposerLimit || d.cuts != 1 {
			t.Errorf("%s: %d runes, %d reports", name, n, d.cuts)
		}
		d.c.TypedRune('x')
		if n := len([]rune(d.c.Content())); n != kit.ComposerLimit || d.cuts != 2 {
			t.Errorf("%s, then a key: %d runes, %d reports", name, n, d.cuts)
		}
	}
}

func TestTextBeforeAWidthWaits(t *testing.T) {
	themed(t, kit.Options{})
	changes := 0
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message", OnChange: func(string) { changes++ }})
	c.SetText("a draft")
	if c.Text != "" || c.Content() != "a draft" {
		t.Errorf("unsized: entry holds %q, content %q", c.Text, c.Content())
	}
	window(t, c, 400, 200)
	if c.Text != "a draft" || c.Content() != "a draft" || changes != 0 {
		t.Errorf("sized: entry holds %q, %d changes reported", c.Text, changes)
	}
}

func TestEnterSendsAndShiftEnterBreaks(t *testing.T) {
	themed(t, kit.Options{})
	d := composer(t)
	test.Type(d.c, "one")
	d.c.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	d.c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	d.c.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	test.Type(d.c, "two")
	if d.c.Content() != "one\ntwo" || d.sent != 0 {
		t.Fatalf("%q, sent %d", d.c.Content(), d.sent)
	}
	d.c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	d.c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnter})
	if d.c.Content() != "one\ntwo" || d.sent != 2 {
		t.Errorf("%q, sent %d", d.c.Content(), d.sent)
	}
}

func TestComposerGrowsFromThreeToEightLines(t *testing.T) {
	themed(t, kit.Options{})
	d := composer(t)
	if d.c.Rows() != 3 {
		t.Errorf("empty: %d lines", d.c.Rows())
	}
	small := d.c.MinSize().Height
	for i, want := range []int{3, 3, 4, 5, 6, 7, 8, 8, 8} {
		d.c.InsertText("line\n")
		if d.c.Rows() != want {
			t.Errorf("%d breaks: %d lines, want %d", i+1, d.c.Rows(), want)
		}
	}
	if d.heights != 5 || d.c.MinSize().Height <= small {
		t.Errorf("%d reports, height %v of %v", d.heights, d.c.MinSize().Height, small)
	}
	d.c.SetText("")
	if d.c.Rows() != 3 {
		t.Errorf("emptied: %d lines", d.c.Rows())
	}
}

func TestATapBesideTheComposerGivesTheFocusBack(t *testing.T) {
	themed(t, kit.Options{})
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	header := kit.NewTouch("Header", func(s *kit.Sketch, size fyne.Size) { s.Area("name", 0, 0, size.Width, size.Height) })
	area := ""
	header.OnTap = func(a string, _ fyne.Position) { area = a }
	w := window(t, kit.Column(kit.Fix(header, 50), kit.Min(c)), 400, 300)
	w.Canvas().Focus(c)
	w.Canvas().Unfocus() // what the driver does when something else is pressed
	test.TapCanvas(w.Canvas(), fyne.NewPos(20, 20))
	if area != "name" || w.Canvas().Focused() != fyne.Focusable(c) {
		t.Errorf("area %q, focused %v", area, w.Canvas().Focused())
	}
}

func TestFieldSubmitsAndShowsItsState(t *testing.T) {
	themed(t, kit.Options{})
	f := kit.NewField("Enrolment code", "7KQ4-…", false)
	sent := ""
	f.OnSubmit = func() { sent = f.Text() }
	w := window(t, f, 300, 100)
	w.Canvas().Focus(f.Input())
	test.Type(f.Input(), "7KQ4")
	f.Input().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if sent != "7KQ4" {
		t.Errorf("submitted %q", sent)
	}
	before := f.MinSize()
	f.SetNote(kit.ChipDanger, "This code was used before.")
	if got := strings.Join(kit.Texts(w.Content()), "|"); !strings.Contains(got, "This code was used before.") {
		t.Errorf("shows %q", got)
	}
	if f.MinSize() != before {
		t.Error("the form jumps when an error appears")
	}
}

func TestATapOnNothingGivesTheFocusBack(t *testing.T) {
	themed(t, kit.Options{})
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	w, _ := desktopWith(t, kit.Column(kit.Gap(200), kit.Min(c)))
	w.Canvas().Focus(c)
	w.Canvas().Unfocus()
	test.TapCanvas(w.Canvas(), fyne.NewPos(20, 20))
	if w.Canvas().Focused() != fyne.Focusable(c) {
		t.Error("the composer did not get the focus back")
	}
}

func TestTextThatIsSetIsGoneOnWithAtItsEnd(t *testing.T) {
	themed(t, kit.Options{})
	d := composer(t)
	for _, text := range []string{"one", "one\ntwo lines", strings.Repeat("long enough to wrap ", 20)} {
		d.c.SetText(text)
		d.c.TypedRune('!')
		if d.c.Content() != text+"!" {
			t.Errorf("goes on at %q", d.c.Content())
		}
	}
	early := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	early.SetText("a draft")
	w := window(t, early, 400, 200)
	w.Canvas().Focus(early)
	early.TypedRune('!')
	if early.Content() != "a draft!" {
		t.Errorf("a draft from before goes on at %q", early.Content())
	}
}

// A menu that a key with Shift opened takes the key's release: Enter sends all the same.
func TestAShiftLetGoElsewhereIsNotHeld(t *testing.T) {
	themed(t, kit.Options{})
	d := composer(t)
	k := &keys{mod: fyne.KeyModifierShift, refuse: true}
	k.router(t).Attach(d.w.Canvas())
	t.Cleanup(func() { kit.Release(d.w.Canvas()) })
	enter := &fyne.KeyEvent{Name: fyne.KeyReturn}
	d.c.SetText("hello")
	d.c.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	if d.c.TypedKey(enter); d.sent != 0 || d.c.Content() != "hello\n" {
		t.Errorf("Shift+Enter: sent %d, %q", d.sent, d.c.Content())
	}
	k.mod = 0
	if d.c.TypedKey(enter); d.sent != 1 {
		t.Error("Enter breaks the line")
	}
}

func TestAnEmptyStateThatIsSetAgainKeepsTheFocus(t *testing.T) {
	themed(t, kit.Options{})
	done := ""
	act := func(name string) kit.Action { return kit.Action{Text: name, Do: func() { done = name }} }
	e := kit.NewEmptyState("tag", "No tags", "Make one.", act("New tag"))
	w := window(t, e, 400, 300)
	e.Set("tag", "No tags", "Make one.", act("New tag"))
	var first fyne.Focusable
	w.Canvas().FocusNext()
	if first = w.Canvas().Focused(); first == nil {
		t.Fatal("nothing takes the focus")
	}
	e.Set("tag", "No quick replies", "Make one.", act("New quick reply"))
	if w.Canvas().Focused() != first {
		t.Error("the focus is gone")
	}
	if first.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn}); done != "New quick reply" {
		t.Errorf("did %q", done)
	}
}

// TestLongTextIsWrappedAsFyneWrapsIt compares the rows of the composer, which measures in a way of its own, with those of
// Fyne's entry.
func TestLongTextIsWrappedAsFyneWrapsIt(t *testing.T) {
	themed(t, kit.Options{})
	var rows func(o fyne.CanvasObject) []string // as they stand: laying them out would wrap them anew
	rows = func(o fyne.CanvasObject) (list []string) {
		switch x := o.(type) {
		case *canvas.Text:
			if x.Visible() && x.Text != "" {
				list = append(list, x.Text)
			}
		case *fyne.Container:
			for _, inner := range x.Objects {
				list = append(list, rows(inner)...)
			}
		case fyne.Widget:
			for _, inner := range test.WidgetRenderer(x).Objects() {
				list = append(list, rows(inner)...)
			}
		}
		return list
	}
	words := strings.Fields("Guten Tag, wir brauchen bis Monatsende ein Angebot für die Wärmepumpe im Heizungsraum; (AVAST!) 漢字かな交じり文の長い文章 😊 مرحبا 1.234,56")
	random := rand.New(rand.NewPCG(3, 4))
	for _, width := range []float32{300, 700, 1900} {
		for range 2 {
			var text strings.Builder
			for text.Len() < 1100 {
				text.WriteString(words[random.IntN(len(words))])
				text.WriteString([]string{" ", " ", " ", "  ", ""}[random.IntN(5)])
				if random.IntN(100) == 0 {
					text.WriteByte('\n')
				}
			}
			plain := widget.NewMultiLineEntry()
			plain.Wrapping = fyne.TextWrapWord
			window(t, plain, width, 2000)
			c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
			window(t, c, width, 2000)
			half := text.String()[:len(strings.ToValidUTF8(text.String()[:1085], ""))] // the rest is typed
			plain.SetText(half)
			plain.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
			plain.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
			c.SetText(half)
			for _, r := range text.String()[len(half):] {
				plain.TypedRune(r)
				c.TypedRune(r)
			}
			want, got := rows(plain), rows(c)
			for i := range max(len(want), len(got)) {
				if i >= len(want) || i >= len(got) || want[i] != got[i] {
					t.Errorf("%.0f wide: %d rows, want %d; row %d is %q, want %q", width, len(got), len(want), i, got[i:min(i+2, len(got))], want[i:min(i+2, len(want))])
					break
				}
			}
		}
	}
}
