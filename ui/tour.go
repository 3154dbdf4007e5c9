package ui

import (
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// A TourCard is one card of the first-run tour.
type TourCard struct {
	Title, Text string
	paint       func(s *kit.Sketch, size fyne.Size)
}

// tourCards are what somebody should know on the first day, in the words of this reader's keyboard.
func (u *UI) tourCards() []TourCard {
	hint := func(id string) string { return u.router.Hint(id) }
	return []TourCard{
		{word("tour.masks.title"), word("tour.masks.text"), tourMasks},
		{word("tour.window.title"), word("tour.window.text"), tourWindow},
		{word("tour.queue.title"), word("tour.queue.text", "Keys", hint(actPalette), "Unread", hint(actUnread), "Help", hint(actHelp)), func(s *kit.Sketch, size fyne.Size) { tourQueue(s, size, hint(actPalette), hint(actUnread)) }},
		{word("tour.reveal.title"), word("tour.reveal.text"), tourReveal},
		{word("tour.offline.title"), word("tour.offline.text"), tourOffline},
	}
}

// tour is the dialog that shows the cards one after the other.
type tour struct {
	u      *UI
	cards  []TourCard
	at     int
	dialog *kit.Dialog
	scene  *kit.Painted
	title  *kit.Text
	text   *kit.Text
	dots   *kit.Painted
	back   *kit.Button
}

const tourWidth float32 = 560

// showTour opens the tour at its first card.
func (u *UI) showTour() {
	t := &tour{u: u, cards: u.tourCards()}
	t.scene = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		s.Frame(0, 0, size.Width, size.Height, s.P.Canvas, s.P.Border, 1, kit.CardRadius)
		t.cards[t.at].paint(s, size)
	}).SetMin(func() fyne.Size { return fyne.NewSize(200, kit.Scaled(150)) })
	t.title = kit.NewText("", kit.Title, kit.InkText)
	t.text = kit.NewText("", kit.Body, kit.InkMuted)
	t.dots = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		for i := range t.cards {
			c, w := s.P.BorderStrong, float32(8)
			if i == t.at {
				c, w = s.P.Accent, 20
			}
			x := float32(i) * 14
			if i > t.at {
				x += 12
			}
			s.Rect(x, (size.Height-8)/2, w, 8, c, 4)
		}
	}).SetMin(func() fyne.Size { return fyne.NewSize(float32(len(t.cards))*14+12, kit.Scaled(28)) })
	t.back = kit.NewButton(word("tour.back"), kit.Flat, func() { t.turn(-1) })
	words := kit.Tall(kit.Column(kit.Min(t.title), kit.Gap(6), kit.Min(t.text)), t.height)
	body := kit.Column(kit.Min(t.scene), kit.Gap(18), kit.Min(words), kit.Gap(10), kit.Min(kit.Row(kit.Min(t.dots), kit.Spring(), kit.Min(t.back))))
	t.dialog = kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Body: body, Width: tourWidth, Stays: true,
		Safe: kit.Action{Text: word("tour.skip"), Do: t.end}, Do: kit.Action{Text: word("tour.next"), Do: func() { t.turn(1) }}})
	t.show()
	u.cfg.Window.Canvas().Focus(t.dialog.DoButton())
	u.trace("tour shown")
}

// height is that of the longest card, so that nothing jumps.
func (t *tour) height() float32 {
	w := min(tourWidth, t.u.cfg.Window.Canvas().Size().Width-2*kit.PaneInset) - 2*kit.CardInset
	var most float32
	for _, c := range t.cards {
		h := layoutText([]kit.Run{{Text: c.Title}}, w, kit.Style{Type: kit.Title}).Height + layoutText([]kit.Run{{Text: c.Text}}, w, kit.Style{Type: kit.Body}).Height
		most = max(most, h)
	}
	return most + 6
}

func (t *tour) turn(by int) {
	if t.at+by >= len(t.cards) {
		t.dialog.Close()
		t.end()
		return
	}
	t.at = max(t.at+by, 0)
	t.show()
}

func (t *tour) show() {
	c := t.cards[t.at]
	t.title.Set(c.Title)
	t.text.Set(c.Text)
	visible(t.back, t.at > 0)
	text := word("tour.next")
	if t.at == len(t.cards)-1 {
		text = word("tour.done")
	}
	t.dialog.DoButton().SetText(text)
	t.scene.Refresh()
	t.dots.Refresh()
	t.dialog.Refit()
	t.u.trace("tour card " + grouped(t.at+1))
}

func (t *tour) end() {
	t.u.home()
	t.u.trace("tour ended")
}

// welcome shows the tour to a person who has not seen it on this device.
func (u *UI) welcome(me inbox.PersonID) {
	if !u.cfg.Tour || me == "" || u.welcomed || u.context() == contextOverlay {
		return
	}
	u.welcomed = true
	p, key := u.cfg.App.Preferences(), "set."+whose(me)+prefToured
	if p.Bool(key) {
		return
	}
	p.SetBool(key, true)
	u.showTour()
}

// The pictures of the cards: what the words speak of, as it looks in the window.

func tourBubble(s *kit.Sketch, runs []kit.Run, x, y, w float32, out bool) float32 {
	b := s.Layout(runs, w-28, kit.Style{Type: kit.Body})
	bw, bh := b.Width+28, b.Height+18
	fill, line, tail := s.P.BubbleIn, s.P.Border, kit.TailTopLeft
	if out {
		x, fill, line, tail = x+w-bw, s.P.BubbleOut, s.P.BubbleOut, kit.TailTopRight
	}
	s.Bubble(x, y, bw, bh, fill, line, tail)
	s.Block(b, x+14, y+9, s.P.Text)
	return bh
}

func middle(size, of float32) float32 { return float32(int((size - of) / 2)) }

func tourMasks(s *kit.Sketch, size fyne.Size) {
	runs := []kit.Run{{Text: word("tour.masks.sample") + " "}, {Text: "+49 ••• ••47", Look: kit.Masked}}
	b := s.Layout(runs, size.Width-100, kit.Style{Type: kit.Body})
	tourBubble(s, runs, 36, middle(size.Height, b.Height+18), size.Width-72, false)
}

func tourWindow(s *kit.Sketch, size fyne.Size) {
	var chips []kit.Chip
	for _, left := range []time.Duration{9 * time.Hour, 3*time.Hour + 12*time.Minute, 41 * time.Minute, 0} {
		chips = append(chips, chip(leftChip(left)))
	}
	x, w := float32(36), (size.Width-72)/4
	rows := float32(1) // where the words are long every other chip stands in a second row, so that none is cut
	for _, c := range chips {
		if kit.ChipWidth(c) > w-4 {
			rows = 2
		}
	}
	y := middle(size.Height, 20+rows*(kit.ChipHeight()+6))
	for i, c := range chips {
		pair := []kit.Pair{s.P.OK, s.P.Warn, s.P.Danger, {Ink: s.P.BorderStrong, Soft: s.P.Sunken}}[i]
		s.Rect(x+float32(i)*w, y, w-4, 8, pair.Ink, 4)
		at := min(x+float32(i)*w, size.Width-36-kit.ChipWidth(c))
		s.Chips([]kit.Chip{c}, at, y+20+float32(i%int(rows))*(kit.ChipHeight()+6), size.Width-at)
	}
}

func tourQueue(s *kit.Sketch, size fyne.Size, palette, unread string) {
	y := middle(size.Height, 3*40-8)
	for i, keys := range []string{palette, unread, ""} {
		top := y + float32(i)*40
		s.Frame(36, top, size.Width-72, 32, s.P.Surface, s.P.Border, 1, kit.InputRadius)
		s.Avatar([]string{"KW", "MR", "K7"}[i], "", i*3, 42, top+4, 24)
		s.Rect(76, top+12, []float32{150, 110, 130}[i], 8, s.P.Border, 4)
		if keys != "" {
			w := kit.TextWidth(keys, kit.ChipText) + 16
			s.Frame(size.Width-46-w, top+6, w, 20, s.P.Sunken, s.P.BorderStrong, 1, 5)
			s.Text(keys, size.Width-46-w+8, top+6+middle(20, kit.LineHeight(kit.ChipText)), kit.ChipText, s.P.Text)
		}
	}
}

func tourReveal(s *kit.Sketch, size fyne.Size) {
	y := middle(size.Height, 76)
	s.Frame(36, y, size.Width-72, 36, s.P.Surface, s.P.Border, 1, kit.InputRadius)
	x := 50 + s.Masked("+49 171 555 01 47", 50, y+middle(36, kit.LineHeight(kit.Body)), true)
	s.Text("9:41", x+12, y+middle(36, kit.LineHeight(kit.Caption)), kit.Caption, s.P.Privacy.Ink)
	s.Icon("eye", 40, y+52, 18, s.P.Privacy.Ink)
	s.TextIn(word("tour.reveal.sample"), 66, y+52+middle(18, kit.LineHeight(kit.Caption)), size.Width-110, kit.Caption, s.P.TextMuted, kit.AlignStart)
}

func tourOffline(s *kit.Sketch, size fyne.Size) {
	y := middle(size.Height, 92)
	s.Rect(36, y, size.Width-72, 30, s.P.Warn.Soft, kit.InputRadius)
	s.Icon("wifi-off", 46, y+6, 18, s.P.Warn.Ink)
	s.TextIn(word("status.offline"), 72, y+middle(30, kit.LineHeight(kit.Caption)), size.Width-120, kit.Caption, s.P.Warn.Ink, kit.AlignStart)
	h := tourBubble(s, []kit.Run{{Text: word("tour.offline.sample")}}, 36, y+46, size.Width-72-26, true)
	s.Icon("clock", size.Width-54, y+46+middle(h, 16), 16, s.P.TextFaint)
}
