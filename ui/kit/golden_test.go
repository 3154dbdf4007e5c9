package kit_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"sealdesk/assets"
	"sealdesk/ui/kit"
)

var update = flag.Bool("update", false, "write the golden pictures again")

func resources() kit.Resources {
	return kit.Resources{
		Regular: assets.Font(assets.FontRegular), Medium: assets.Font(assets.FontMedium),
		SemiBold: assets.Font(assets.FontSemiBold), Italic: assets.Font(assets.FontItalic),
		Arabic: assets.Font(assets.FontArabic), Hebrew: assets.Font(assets.FontHebrew),
		Emoji: assets.Font(assets.FontEmoji), Icon: assets.Icon,
	}
}

// themed starts a test application with the kit's theme.
func themed(t testing.TB, opt kit.Options) {
	t.Helper()
	app := test.NewTempApp(t)
	if opt.Mode == kit.System {
		opt.Mode = kit.Light
	}
	app.Settings().SetTheme(kit.NewTheme(resources(), opt))
}

// window shows an object at a size and returns its window.
func window(t testing.TB, o fyne.CanvasObject, w, h float32) fyne.Window {
	t.Helper()
	win := test.NewTempWindow(t, o)
	win.SetPadded(false)
	win.Resize(fyne.NewSize(w, h))
	t.Cleanup(func() { kit.Release(win.Canvas()) })
	return win
}

// golden compares what a window shows with its picture in testdata.
func golden(t *testing.T, name string, win fyne.Window) {
	t.Helper()
	goldenImage(t, name, win.Canvas().Capture())
}

func goldenImage(t *testing.T, name string, got image.Image) {
	t.Helper()
	file := filepath.Join("testdata", name+".png")
	if *update {
		var buf bytes.Buffer
		if err := png.Encode(&buf, got); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("no golden picture: run with -update, then look at it: %v", err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if n := different(want, got); n > 0 {
		var buf bytes.Buffer
		if err := png.Encode(&buf, got); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.ArtifactDir(), name+".png") // kept with go test -artifacts
		if err := os.WriteFile(out, buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s: %d pixels differ; what was drawn is in %s", name, n, out)
	}
}

// different counts pixels that an eye could tell apart; processors round the last bits differently.
func different(a, b image.Image) int {
	if a.Bounds().Size() != b.Bounds().Size() {
		return a.Bounds().Dx() * a.Bounds().Dy()
	}
	x, y := toNRGBA(a), toNRGBA(b)
	n := 0
	for i := 0; i < len(x.Pix); i += 4 {
		for k := range 4 {
			d := int(x.Pix[i+k]) - int(y.Pix[i+k])
			if d > 6 || d < -6 {
				n++
				break
			}
		}
	}
	return n
}

func toNRGBA(m image.Image) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
	draw.Draw(out, out.Bounds(), m, m.Bounds().Min, draw.Src)
	return out
}

// both runs a golden in light and dark.
func both(t *testing.T, name string, w, h float32, build func() fyne.CanvasObject) {
	for _, m := range []struct {
		suffix string
		mode   kit.Mode
	}{{"light", kit.Light}, {"dark", kit.Dark}} {
		t.Run(m.suffix, func(t *testing.T) {
			themed(t, kit.Options{Mode: m.mode})
			golden(t, name+"-"+m.suffix, window(t, build(), w, h))
		})
	}
}

func surface(p *kit.Palette) color.Color { return p.Surface }

func onSurface(draw kit.Draw) fyne.CanvasObject {
	return kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		s.Rect(0, 0, size.Width, size.Height, s.P.Surface, 0)
		draw(s, size)
	})
}

func TestGoldenShapes(t *testing.T) {
	both(t, "shapes", 560, 250, func() fyne.CanvasObject {
		return onSurface(func(s *kit.Sketch, size fyne.Size) {
			x := float32(16)
			for i, in := range []string{"KW", "MR", "م", "TB", "LR", "GS", "ØH", "S"} {
				s.Avatar(in, "", i, x, 16, 40)
				x += 52
			}
			s.Avatar("", "user", 3, x, 16, 40)
			x = 16
			for _, c := range []kit.Chip{
				{Text: "9h", Style: kit.ChipOK}, {Text: "3h 12m", Style: kit.ChipWarn}, {Text: "41m left", Style: kit.ChipDanger},
				{Text: "offer sent", Style: kit.ChipInfo}, {Text: "Closed"}, {Text: "4 requests", Style: kit.ChipPrivacy, Icon: "lock-solid"},
				{Text: "You", Style: kit.ChipAccent}, {Text: "Draft", Style: kit.ChipWarn, Icon: "warn"},
			} {
				x += s.Chip(c, x, 72) + kit.ChipGap
			}
			x = 16
			for _, c := range []kit.Chip{{Text: "Mine", Count: "48", Active: true}, {Text: "Unassigned", Count: "17"}, {Text: "Due", Count: "6"}, {Text: "All"}} {
				c.Style = kit.ChipFilter
				x += s.Chip(c, x, 102) + 6
			}
			s.Badge("2", 360, 106)
			s.Badge("128", 400, 106)
			x = 16
			for i, n := range assets.IconNames() {
				s.Icon(n, 16+float32(i%19)*28, 142+float32(i/19)*32, 22, s.P.TextMuted)
			}
		})
	})
}

func TestGoldenButtons(t *testing.T) {
	both(t, "buttons", 640, 190, func() fyne.CanvasObject {
		off := kit.NewButton("Wipe device", kit.Danger, nil)
		off.Disable()
		focused := kit.NewButton("Send", kit.Primary, nil)
		focused.FocusGained()
		second := kit.NewButton("Keep device", kit.Secondary, nil)
		second.FocusGained()
		rail := kit.NewRailButton("inbox", "Inbox", nil)
		rail.SetActive(true)
		rail2 := kit.NewRailButton("eye", "Reveals", nil)
		rail2.SetDot(true)
		active := kit.NewIconButton("note", "Note", nil)
		active.SetActive(true)
		ring := kit.NewIconButton("smile", "Emoji", nil)
		ring.FocusGained()
		gone := kit.NewIconButton("clip", "Attach", nil)
		gone.Disable()
		col := kit.Column(
			kit.Fix(kit.Row(kit.Min(kit.NewButton("Choose template…", kit.Primary, nil).SetHint("Ctrl+T")), kit.Gap(8),
				kit.Min(kit.NewButton("Add internal note", kit.Secondary, nil).SetHint("Ctrl+Shift+N")), kit.Gap(8),
				kit.Min(kit.NewButton("Wipe device", kit.Danger, nil))), 36), kit.Gap(12),
			kit.Fix(kit.Row(kit.Min(focused), kit.Gap(8), kit.Min(second), kit.Gap(8), kit.Min(off), kit.Gap(8),
				kit.Min(kit.NewButton("Retry", kit.Secondary, nil).SetIcon("retry"))), 36), kit.Gap(12),
			kit.Fix(kit.Row(kit.Min(kit.NewButton("Remove it", kit.Flat, nil)), kit.Min(kit.NewButton("Reveal…", kit.FlatPrivacy, nil)),
				kit.Min(kit.NewButton("Wipe…", kit.FlatDanger, nil)), kit.Gap(20),
				kit.Min(kit.NewIconButton("template", "Templates", nil)), kit.Min(active), kit.Min(ring), kit.Min(gone), kit.Gap(20)), 32), kit.Gap(10),
			kit.Fix(kit.Row(kit.Fix(onRail(rail), 56), kit.Fix(onRail(rail2), 56), kit.Fix(onRail(kit.NewRailButton("settings", "Settings", nil)), 56)), 40),
		)
		return stack(kit.NewFill(surface), kit.Inset(col, 16, 16, 16, 8))
	})
}

func onRail(o fyne.CanvasObject) fyne.CanvasObject {
	return stack(kit.NewFill(func(p *kit.Palette) color.Color { return p.Rail }), kit.Inset(o, 4, 0, 4, 0))
}

func stack(objs ...fyne.CanvasObject) *fyne.Container {
	return container.New(stackLayout{}, objs...)
}

type stackLayout struct{}

func (stackLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		o.Move(fyne.Position{})
		o.Resize(size)
	}
}

func (stackLayout) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, o := range objs {
		m = m.Max(o.MinSize())
	}
	return m
}

type message struct {
	runs []kit.Run
	out  bool
	note string
	time string
	tick string
}

func say(s string) []kit.Run { return []kit.Run{{Text: s}} }

var talk = []message{
	{runs: []kit.Run{{Text: "Hier ein Foto vom Heizungsraum. Meine Nummer für den Monteur: "}, {Text: "+49 ••• ••47", Look: kit.Masked}, {Text: ", Mail "}, {Text: "k•••@•••.de", Look: kit.Masked}}, time: "14:40"},
	{runs: []kit.Run{{Text: "Rabatt max. 4 % — mehr nur mit Freigabe von "}, {Text: "@Sabine", Look: kit.Mention}, {Text: "."}}, out: true, note: "Internal note · Tobias B.", time: "14:43"},
	{runs: say("مرحبا، هل يمكنكم إرسال عرض السعر من فضلكم؟ رقم الطلب 4711"), time: "14:45"},
	{runs: say("שלום (דחוף), ההצעה 4711 בסך 250 ₪ התקבלה!"), time: "14:46"},
	{runs: say("Hello שלום 123 עולם, ok?"), time: "14:47"},
	{runs: say("Ich habe Ihnen einen Termin vorgeschlagen: morgen, 10:00 Uhr, per Videogespräch. Passt das? 👍"), out: true, time: "14:48", tick: "double-tick"},
	{runs: say("Anbei das Datenblatt."), out: true, time: "14:49", tick: "warn"},
	{runs: say("👩‍👩‍👧🇩🇪👍🏽❤️😊🥳🫠"), time: "14:51"},
	{runs: []kit.Run{{Text: "Die Nummer ist "}, {Text: "+49 151 5550147", Look: kit.Revealed}, {Text: " bis "}, {Text: "9:41", Look: kit.Strong}}, time: "14:52"},
	{runs: say("Perfekt, dann bis morgen 10 Uhr 😊"), time: "14:52"},
}

func bubbleLayout(m message, width float32) (kit.Block, float32) {
	limit := min(width*0.72, 560) - 24
	meta := kit.TextWidth(m.time, kit.Meta)
	if m.tick != "" {
		meta += 20
	}
	b := kit.Layout(kit.SharedMetrics(), m.runs, limit, kit.Style{Type: kit.Body, Meta: meta, Scale: kit.Current().Scale()})
	h := b.Height + 16
	if m.note != "" {
		h += kit.LineHeight(kit.Caption) + 2
	}
	return b, h
}

func drawBubble(s *kit.Sketch, m message, y, width float32) float32 {
	b, h := bubbleLayout(m, width)
	w := b.Width + 24
	if m.note != "" {
		w = max(w, kit.TextWidth(m.note, kit.CaptionBold)+48)
	}
	x, tail := float32(20), kit.TailTopLeft
	fill, stroke := color.Color(s.P.BubbleIn), color.Color(s.P.Border)
	ink, faint := color.Color(s.P.Text), color.Color(s.P.TextFaint)
	if m.out {
		x, tail, fill, stroke = width-24-w, kit.TailTopRight, s.P.BubbleOut, nil
		faint = s.P.TextMuted
	}
	top := y + 8
	if m.note != "" {
		fill, faint = s.P.Note.Soft, s.P.Note.Ink
	}
	s.Bubble(x, y, w, h, fill, stroke, tail)
	if m.note != "" {
		s.Icon("note", x+12, top, 14, s.P.Note.Ink)
		s.TextIn(m.note, x+32, top, w-44, kit.CaptionBold, s.P.Note.Ink, kit.AlignStart)
		top += kit.LineHeight(kit.Caption) + 2
	}
	s.Block(b, x+12, top, ink)
	mx, my := x+w-12-(b.Width-b.MetaX), top+b.MetaY+3
	s.Text(m.time, mx, my, kit.Meta, faint)
	if m.tick != "" {
		c := color.Color(s.P.TextMuted)
		if m.tick == "warn" {
			c = s.P.Danger.Ink
		}
		s.Icon(m.tick, mx+kit.TextWidth(m.time, kit.Meta)+4, my-1, 16, c)
	}
	return h
}

func TestGoldenBubbles(t *testing.T) {
	both(t, "bubbles", 700, 600, func() fyne.CanvasObject {
		return kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
			s.Rect(0, 0, size.Width, size.Height, s.P.Canvas, 0)
			y := float32(16)
			for _, m := range talk {
				y += drawBubble(s, m, y, size.Width) + 10
			}
		})
	})
}
