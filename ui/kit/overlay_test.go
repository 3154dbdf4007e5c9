package kit_test

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"github.com/google/go-cmp/cmp"

	"sealdesk/ui/kit"
)

var items = []kit.Item{
	{ID: "assign", Title: "Assign conversation to…", Hint: "Ctrl+Shift+A", Group: "Actions"},
	{ID: "close", Title: "Close conversation", Hint: "Ctrl+Shift+E", Group: "Actions"},
	{ID: "lock", Title: "Lock now", Hint: "Ctrl+Shift+L", Group: "Actions"},
	{ID: "marco", Title: "Marco R.", Runs: []kit.Run{{Text: "Marco R.  "}, {Text: "+39 ••• ••08", Look: kit.Masked}}, Group: "Conversations"},
	{ID: "øyvind", Title: "Émile Corné", Group: "Conversations"},
	{ID: "sabine", Title: "Sabine L.", Group: "People"},
}

func ids(list []kit.Item) string {
	var out []string
	for _, i := range list {
		out = append(out, i.ID)
	}
	return strings.Join(out, " ")
}

func TestRankFindsByWordStarts(t *testing.T) {
	for _, c := range []struct{ rule, query, want string }{
		{"nothing typed is everything", "", "assign close lock marco øyvind sabine"},
		{"beginnings of words, first word first", "co", "close assign øyvind"},
		{"every word must match", "as co", "assign"},
		{"beginnings together", "acon", "assign"},
		{"letters inside words do not match", "ock", ""},
		{"accents and case do not count", "EMILE", "øyvind"},
		{"no match", "zzz", ""},
	} {
		got := ids(kit.Rank(items, c.query, nil))
		if c.rule == "beginnings of words, first word first" {
			// Equal ones keep their order; what matters is who matches.
			a, b := strings.Fields(got), strings.Fields(c.want)
			slices.Sort(a)
			slices.Sort(b)
			got, c.want = strings.Join(a, " "), strings.Join(b, " ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
	if got := ids(kit.Rank(items, "", []string{"sabine", "lock"})); !strings.HasPrefix(got, "sabine lock") {
		t.Errorf("recent first: %q", got)
	}
}

func desktopWith(t testing.TB, o fyne.CanvasObject) (fyne.Window, *kit.Layers) {
	w := test.NewTempWindow(t, nil)
	w.SetPadded(false)
	l := kit.NewLayers(w.Canvas(), o)
	w.SetContent(l)
	w.Resize(fyne.NewSize(900, 600))
	t.Cleanup(func() { kit.Release(w.Canvas()) })
	return w, l
}

func TestPickerIsDrivenByTheKeyboardAlone(t *testing.T) {
	themed(t, kit.Options{})
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	w, _ := desktopWith(t, kit.Column(kit.Spring(), kit.Min(c)))
	w.Canvas().Focus(c)
	var picked []string
	p := kit.NewPicker(kit.PickerConfig{
		Name: "Palette", Placeholder: "Search", Empty: "Nothing found.", RecentGroup: "Recent",
		Items: func(string) []kit.Item { return items }, OnPick: func(i kit.Item) { picked = append(picked, i.ID) },
	})
	press := func(k fyne.KeyName) { w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: k}) }
	p.Open(w.Canvas())
	if w.Canvas().Focused() == nil || w.Canvas().Focused() == fyne.Focusable(c) {
		t.Fatal("the search field has no focus")
	}
	test.Type(w.Canvas().Focused(), "lo")
	press(fyne.KeyReturn)
	if d := cmp.Diff([]string{"lock"}, picked); d != "" || p.IsOpen() {
		t.Fatalf("picked %s, open %v", d, p.IsOpen())
	}
	if w.Canvas().Focused() != fyne.Focusable(c) {
		t.Error("the focus did not come back")
	}
	p.Open(w.Canvas())
	if p.Shown()[0].ID != "lock" {
		t.Errorf("recent is not first: %s", ids(p.Shown()))
	}
	press(fyne.KeyDown)
	press(fyne.KeyDown)
	press(fyne.KeyUp)
	press(fyne.KeyReturn)
	if len(picked) != 2 || picked[1] == "lock" {
		t.Errorf("picked %v", picked)
	}
	p.Open(w.Canvas())
	press(fyne.KeyEscape)
	if p.IsOpen() || len(picked) != 2 || w.Canvas().Overlays().Top() != nil {
		t.Error("Escape did not only close")
	}
}

func TestGoldenPicker(t *testing.T) {
	for name, mode := range map[string]kit.Mode{"light": kit.Light, "dark": kit.Dark} {
		themed(t, kit.Options{Mode: mode})
		w, _ := desktopWith(t, kit.NewFill(func(p *kit.Palette) color.Color { return p.Canvas }))
		p := kit.NewPicker(kit.PickerConfig{Name: "Palette", Placeholder: "Search people, conversations, actions",
			Items: func(string) []kit.Item { return items }})
		p.Open(w.Canvas())
		w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
		golden(t, "picker-"+name, w)
		p.Close()
	}
}

func TestDialogFocusesTheSafeChoiceAndEscapeTakesIt(t *testing.T) {
	themed(t, kit.Options{})
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	w, _ := desktopWith(t, kit.Column(kit.Spring(), kit.Min(c)))
	w.Canvas().Focus(c)
	var got []string
	show := func() *kit.Dialog {
		return kit.ShowDialog(w.Canvas(), kit.DialogConfig{
			Title: "Wipe LT-0427?", Text: "This can't be undone.", Danger: true,
			Safe: kit.Action{Text: "Keep device", Do: func() { got = append(got, "safe") }},
			Do:   kit.Action{Text: "Wipe device", Do: func() { got = append(got, "do") }},
		})
	}
	show()
	a, ok := w.Canvas().Focused().(kit.Accessible)
	if !ok || a.AccessibleName() != "Keep device" {
		t.Fatalf("focused: %v", w.Canvas().Focused())
	}
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	d := show()
	test.Tap(d.DoButton())
	show()
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if diff := cmp.Diff([]string{"safe", "do", "safe"}, got); diff != "" {
		t.Error(diff)
	}
	if w.Canvas().Focused() != fyne.Focusable(c) || w.Canvas().Overlays().Top() != nil || kit.EscapeDialog(w.Canvas()) {
		t.Error("something of the dialog is left")
	}
	show()
	kit.Release(w.Canvas())
	if w.Canvas().Overlays().Top() != nil {
		t.Error("Release leaves a dialog open")
	}
}

func TestGoldenDialog(t *testing.T) {
	for name, mode := range map[string]kit.Mode{"light": kit.Light, "dark": kit.Dark} {
		themed(t, kit.Options{Mode: mode})
		w, _ := desktopWith(t, kit.NewFill(func(p *kit.Palette) color.Color { return p.Canvas }))
		f := kit.NewField("Device name", "Type LT-0427 to confirm", false)
		d := kit.ShowDialog(w.Canvas(), kit.DialogConfig{
			Title: "Wipe LT-0427?", Danger: true, Body: f, Focus: f.Input(),
			Text: "Katharina M.'s session ends at once and every message, file and key on this laptop is destroyed. This can't be undone. Nothing is deleted on the server.",
			Safe: kit.Action{Text: "Keep device"}, Do: kit.Action{Text: "Wipe device"},
		})
		d.DoButton().Disable()
		golden(t, "dialog-"+name, w)
		d.Close()
	}
}

func TestToastUndoAndTooltip(t *testing.T) {
	themed(t, kit.Options{})
	b := kit.NewRailButton("eye", "Reveal requests", nil)
	w, l := desktopWith(t, kit.Row(kit.Fix(kit.Column(kit.Gap(40), kit.Fix(b, 40)), 56), kit.Spring()))
	undone := false
	l.Toast(kit.Toast{Text: "Conversation closed", Action: kit.Action{Text: "Undo", Do: func() { undone = true }}})
	undo := kit.Find(l, "Undo")
	if undo == nil || l.ToastText() != "Conversation closed" {
		t.Fatal("the toast is not shown")
	}
	test.Tap(undo.(fyne.Tappable))
	if !undone || l.ToastText() != "" || kit.Find(l, "Undo") != nil {
		t.Error("Undo did not run or left the toast")
	}
	test.MoveMouse(w.Canvas(), fyne.NewPos(20, 60))
	if l.TipText() != "Reveal requests" || w.Canvas().Overlays().Top() != nil {
		t.Errorf("tooltip %q", l.TipText())
	}
	test.MoveMouse(w.Canvas(), fyne.NewPos(400, 400))
	if l.TipText() != "" {
		t.Error("the tooltip stays")
	}
	test.MoveMouse(w.Canvas(), fyne.NewPos(20, 60))
	test.Tap(b)
	if l.TipText() != "" {
		t.Error("the tooltip lies over what the tap led to")
	}
}

func TestGoldenLayers(t *testing.T) {
	for name, mode := range map[string]kit.Mode{"light": kit.Light, "dark": kit.Dark} {
		themed(t, kit.Options{Mode: mode})
		b := kit.NewRailButton("eye", "Reveal requests", nil)
		rail := stack(kit.NewFill(func(p *kit.Palette) color.Color { return p.Rail }), kit.Inset(kit.Column(kit.Gap(40), kit.Fix(b, 40)), 4, 0, 4, 0))
		strip := kit.NewStatusStrip()
		strip.Set(kit.Notice{Style: kit.ChipWarn, Icon: "wifi-off", Text: "Offline. Messages wait here and go out later.", Actions: []kit.Action{{Text: "Try again"}}})
		w := test.NewTempWindow(t, nil)
		w.SetPadded(false)
		l := kit.NewLayers(w.Canvas(), kit.Column(kit.Min(strip), kit.Grow(kit.Row(kit.Fix(rail, 56), kit.Grow(kit.NewFill(surface))))))
		l.LiftToast(24)
		w.SetContent(l)
		w.Resize(fyne.NewSize(640, 240))
		l.Toast(kit.Toast{Text: "Conversation closed", Icon: "check", Action: kit.Action{Text: "Undo"}})
		test.MoveMouse(w.Canvas(), fyne.NewPos(20, 90))
		golden(t, "layers-"+name, w)
		kit.Release(w.Canvas())
	}
}

func TestGoldenPanels(t *testing.T) {
	both(t, "panels", 680, 560, func() fyne.CanvasObject {
		closed := kit.NewBanner(kit.Notice{Icon: "clock", Title: "The 24-hour reply window closed at 11:40", Text: "WhatsApp only allows an approved template until the customer writes again."})
		dlp := kit.NewBanner(kit.Notice{Style: kit.ChipWarn, Icon: "warn", Text: "This draft contains an IBAN.", Actions: []kit.Action{{Text: "Remove it"}, {Text: "Send with a reason…"}}})
		wrong := kit.NewBanner(kit.Notice{Style: kit.ChipDanger, Icon: "warn", Text: "Can't be sent: contains a card number"})
		receipt := kit.NewSteps([]kit.Step{
			{Title: "Ordered by Sabine L.", Detail: "14:50:02 · reason: device lost · order #8f21", State: kit.StepDone},
			{Title: "Device reached", Detail: "waiting — last seen 6 days ago", State: kit.StepWait},
			{Title: "Signed receipt"},
		}, true, 1)
		empty := kit.NewEmptyState("inbox", "Nothing waits for you", "17 conversations are unassigned. Take one, or look at all of them.", kit.Action{Text: "Show unassigned"})
		return stack(kit.NewFill(func(p *kit.Palette) color.Color { return p.Canvas }), kit.Inset(kit.Column(
			kit.Min(dlp), kit.Gap(8), kit.Min(wrong), kit.Gap(8), kit.Min(closed), kit.Gap(12),
			kit.Grow(kit.Row(kit.Grow(kit.NewCard(kit.Column(kit.Min(kit.NewText("Wipe receipt — LT-0355", kit.Heading, kit.InkText)), kit.Gap(12), kit.Min(receipt)), 20)), kit.Gap(12),
				kit.Grow(stack(kit.NewFill(surface), empty)))), kit.Gap(12),
			kit.Fix(stack(kit.NewFill(surface), kit.NewSkeleton("Loading", 2, 64)), 128)), 16, 16, 16, 16))
	})
}

func TestGoldenEnrolment(t *testing.T) {
	both(t, "enrolment", 560, 480, func() fyne.CanvasObject {
		code := kit.NewField("", "7KQ4-9MXD-2TRW", false).SetMono()
		code.SetText("7KQ4-9MXD-2TRW")
		code.SetNote(kit.ChipDanger, "This code was used before. Ask your supervisor for a new one.")
		pass := kit.NewField("Passphrase", "At least 12 characters", true)
		pass.SetText("correct horse battery")
		pass.SetNote(kit.ChipOK, "Strong")
		card := kit.NewCard(kit.Column(
			kit.Min(kit.NewText("Set up this laptop", kit.Display, kit.InkText)), kit.Gap(14),
			kit.Min(kit.NewSteps([]kit.Step{{Title: "Server found", Detail: "inbox.company · certificate pinned 3F:9A…C1", State: kit.StepDone},
				{Title: "Enter your enrolment code", Detail: "From your supervisor, valid for 15 minutes", State: kit.StepNow}}, false, 1)),
			kit.Min(code), kit.Gap(4), kit.Min(pass), kit.Gap(6),
			kit.Min(kit.NewText("What your company can do on this device: lock the inbox, wipe its data, see when you open personal data. It can't see your screen, files or other apps.", kit.Body, kit.InkMuted)), kit.Gap(14),
			kit.Min(kit.Row(kit.Spring(), kit.Min(kit.NewButton("Back", kit.Secondary, nil)), kit.Gap(8), kit.Min(kit.NewButton("Continue", kit.Primary, nil))))), 32)
		return stack(kit.NewFill(func(p *kit.Palette) color.Color { return p.Canvas }), kit.Centered(card, 500))
	})
}

func TestGoldenComposer(t *testing.T) {
	both(t, "composer", 520, 230, func() fyne.CanvasObject {
		empty := kit.NewComposer(kit.ComposerConfig{Name: "Message", Placeholder: "Message Katharina W. — Enter sends, Shift+Enter new line"})
		note := kit.NewComposer(kit.ComposerConfig{Name: "Note"})
		note.SetNote(true)
		note.SetText("Rabatt max. 4 %, mehr nur mit Freigabe.")
		return stack(kit.NewFill(surface), kit.Inset(kit.Column(kit.Min(empty), kit.Gap(10), kit.Min(note)), 16, 16, 16, 16))
	})
}

func TestGoldenMedia(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 280, 168))
	for y := range 168 {
		for x := range 280 {
			img.Set(x, y, color.NRGBA{R: uint8(30 + x/4), G: uint8(90 + y/3), B: uint8(140 - x/6), A: 255})
		}
	}
	both(t, "media", 360, 330, func() fyne.CanvasObject {
		return kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
			s.Rect(0, 0, size.Width, size.Height, s.P.Canvas, 0)
			s.Bubble(20, 12, 304, 192, s.P.BubbleIn, s.P.Border, kit.TailTopLeft)
			s.Image("m1", img, 32, 24, 280, 168, 8)
			s.Bubble(20, 214, 304, 100, s.P.BubbleOut, nil, kit.TailTopRight)
			s.QuoteBar(30, 224, 284, 46, s.P.Accent, s.P.AccentSoft)
			s.TextIn("Katharina W.", 42, 228, 260, kit.LabelBold, s.P.AccentText, kit.AlignStart)
			s.TextIn("Ist das Angebot noch gültig, oder brauchen wir ein neues?", 42, 247, 262, kit.Snippet, s.P.TextMuted, kit.AlignStart)
			s.Text("Ja, bis Ende des Monats.", 32, 280, kit.Body, s.P.Text)
		})
	})
}

func TestGoldenLargeText(t *testing.T) {
	themed(t, kit.Options{Mode: kit.Light, TextSize: 130, Contrast: true})
	golden(t, "large", window(t, kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		s.Rect(0, 0, size.Width, size.Height, s.P.Canvas, 0)
		y := float32(12)
		for _, m := range talk[:4] {
			y += drawBubble(s, m, y, size.Width) + 8
		}
		s.Chips([]kit.Chip{{Text: "3h 12m", Style: kit.ChipWarn, Icon: "clock"}, {Text: "Unassigned", Style: kit.ChipInfo}, {Text: "never fits here at all because it is long"}}, 20, y, 300)
	}), 640, 380))
}

func TestChipsAreWholeAndThoseWithoutRoomAreCounted(t *testing.T) {
	themed(t, kit.Options{})
	chips := []kit.Chip{{Text: "One"}, {Text: "Two", Icon: "tag"}, {Text: "Three"}, {Text: "Four"}}
	for _, c := range []struct {
		room float32
		want string
	}{{400, "One Two Three Four"}, {150, "One Two +2"}, {100, "One +3"}, {70, "O… +3"}} {
		var used float32
		p := kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) { used = s.Chips(chips, 0, 0, c.room) })
		window(t, p, 400, 40)
		got := strings.Join(kit.Texts(p), " ")
		if got != c.want || used > c.room {
			t.Errorf("in %v: %q, %v wide", c.room, got, used)
		}
	}
}

func TestBannersAndToastsAreReadToTheirEnd(t *testing.T) {
	themed(t, kit.Options{Mode: kit.Light, TextSize: 130})
	text := "Ihr Name, das Feld und der Grund werden festgehalten und von der Leitung gelesen."
	for _, title := range []string{"", "Eine Begründung ist nötig, bevor die Nachricht hinausgeht"} {
		for _, width := range []float32{240, 320, 472, 900} {
			b := kit.NewBanner(kit.Notice{Style: kit.ChipPrivacy, Icon: "lock", Title: title, Text: text, Actions: []kit.Action{{Text: "Mehr", Do: func() {}}}})
			b.Resize(fyne.NewSize(width, b.HeightFor(width)))
			got := strings.Join(strings.Fields(strings.Join(kit.Texts(b), " ")), " ")
			if strings.Contains(got, "…") || !strings.Contains(got, text) || !strings.Contains(got, title) {
				t.Errorf("%v wide: %q", width, got)
			}
			if b.MinSize().Height != b.HeightFor(width) {
				t.Errorf("%v wide: asks for %v, needs %v", width, b.MinSize().Height, b.HeightFor(width))
			}
		}
	}
	w := test.NewWindow(nil)
	defer w.Close()
	l := kit.NewLayers(w.Canvas(), kit.NewFill(surface))
	w.SetContent(l)
	w.Resize(fyne.NewSize(360, 300))
	l.Toast(kit.Toast{Text: text, Icon: "lock", Action: kit.Action{Text: "Öffnen", Do: func() {}}})
	if got := strings.Join(strings.Fields(strings.Join(kit.Texts(w.Content()), " ")), " "); !strings.Contains(got, text) {
		t.Errorf("the toast says %q", got)
	}
}
