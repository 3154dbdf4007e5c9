package ui

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// draw paints the item.
func (l *placed) draw(s *kit.Sketch, k look) {
	switch l.v.Kind {
	case ItemDay:
		l.day(s)
	case ItemNew:
		l.fresh(s)
	case ItemOlder:
		l.older(s, k)
	case ItemSystem:
		l.happened(s, k.area)
	default:
		l.drawBubble(s, k)
	}
}

func (l *placed) day(s *kit.Sketch) {
	w := kit.TextWidth(l.v.Text, kit.Caption) + 20
	h := kit.LineHeight(kit.Caption) + 6
	x, y := float32(int((l.width-w)/2)), float32(14)
	s.Rect(x, y, w, h, s.P.Sunken, h/2)
	s.Text(l.v.Text, x+10, y+3, kit.Caption, s.P.TextMuted)
}

// older paints what stands before the messages that were read.
func (l *placed) older(s *kit.Sketch, k look) {
	text, ink := word("timeline.older"), color.Color(s.P.TextFaint)
	lead := float32(0)
	if k.failed {
		text, ink, lead = word("timeline.older.failed"), s.P.Warn.Ink, kit.Scaled(14)+6
	}
	h := kit.LineHeight(kit.Caption)
	w := kit.TextWidth(text, kit.Caption)
	y := float32(14)
	if !k.failed {
		s.Text(text, float32(int((l.width-w)/2)), y+3, kit.Caption, ink)
		return
	}
	again := word("action.retry")
	aw := kit.TextWidth(again, kit.LabelBold)
	x := float32(int((l.width - lead - w - aw - 34) / 2))
	fill := s.P.Warn.Soft
	s.Rect(x, y-4, lead+w+aw+34, h+14, fill, kit.InputRadius)
	s.Icon("warn", x+10, y+float32(int((h+6-kit.Scaled(14))/2)), kit.Scaled(14), ink)
	s.Text(text, x+10+lead, y+3, kit.Caption, ink)
	s.Text(again, x+22+lead+w, y+3+float32(int((h-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, s.P.AccentText)
	s.Area(areaOlder, x, y-8, lead+w+aw+34, h+22)
}

// happened paints a caption; one that asks for attention stands on a ground.
func (l *placed) happened(s *kit.Sketch, hover string) {
	x := float32(int((l.width - l.caption.Width) / 2))
	if l.v.Goes {
		text := word("happened.go")
		d, h := kit.Scaled(14), kit.Scaled(26)
		w := kit.TextWidth(text, kit.LabelBold) + d + 26
		bx := float32(int((l.width - w) / 2))
		fill := s.P.Surface
		if hover == areaGo {
			fill = s.P.Hover
		}
		s.Frame(bx, l.buttonsY, w, h, fill, s.P.Border, 1, kit.InputRadius)
		s.Icon("go", bx+10, l.buttonsY+float32(int((h-d)/2)), d, s.P.AccentText)
		s.Text(text, bx+16+d, l.buttonsY+float32(int((h-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, s.P.AccentText)
		s.Area(areaGo, bx, l.buttonsY-3, w, h+6)
	}
	if !l.v.Alert {
		s.Block(l.caption, x, 12, s.P.TextMuted)
		return
	}
	const lead = 30 // for the icon
	s.Rect(x-lead-6, 12, l.caption.Width+lead+20, l.caption.Height+10, s.P.Warn.Soft, kit.InputRadius)
	s.Icon("warn", x-lead+6, 12+float32(int((l.caption.Height+10-16)/2)), 16, s.P.Warn.Ink)
	s.Block(l.caption, x+2, 17, s.P.Warn.Ink)
}

func (l *placed) fresh(s *kit.Sketch) {
	w := kit.TextWidth(l.v.Text, kit.ChipText)
	x, y := float32(int((l.width-w)/2)), float32(12)
	mid := y + float32(int(kit.LineHeight(kit.ChipText)/2))
	s.Line(itemLeft, mid, x-12-itemLeft, s.P.Accent)
	s.Text(l.v.Text, x, y, kit.ChipText, s.P.AccentText)
	s.Line(x+w+12, mid, l.width-itemRight-x-w-12, s.P.Accent)
}

func (l *placed) drawBubble(s *kit.Sketch, k look) {
	v, p := l.v, s.P
	fill, stroke, tail := color.Color(p.BubbleIn), color.Color(p.Border), kit.TailTopLeft
	text, head, meta := color.Color(p.Text), color.Color(p.AccentText), color.Color(p.TextFaint)
	switch {
	case v.Kind == ItemNote:
		fill, stroke, tail, head, meta = p.Note.Soft, nil, kit.TailTopRight, p.Note.Ink, p.Note.Ink
	case v.Out:
		fill, stroke, tail, meta = p.BubbleOut, nil, kit.TailTopRight, p.TextMuted
	}
	if v.Joined {
		tail = kit.TailNone
	}
	if v.Faint {
		text = p.TextMuted
	}
	if k.flash {
		s.Rect(0, l.y-4, l.width, l.height-l.y+6, p.AccentSoft, 0)
	}
	s.Bubble(l.x, l.y, l.w, l.h, fill, stroke, tail)
	if k.chosen {
		s.Frame(l.x-3, l.y-3, l.w+6, l.h+6, nil, p.Accent, kit.FocusWidth, kit.BubbleRadius+3)
	}
	s.Area(areaBubble, l.x, l.y, l.w, l.h)
	x, y := l.x+bubblePadX, l.y
	if v.Head != "" {
		at := x
		if v.Kind == ItemNote {
			d := kit.Scaled(14)
			s.Icon("note", at, y+l.headY+float32(int((kit.LineHeight(kit.LabelBold)-d)/2)), d, head)
			at += d + 6
		}
		s.TextIn(v.Head, at, y+l.headY, x+l.inner-at, kit.LabelBold, head, kit.AlignStart)
	}
	l.drawLines(s, x, y+l.linesY)
	if v.Referral != nil {
		l.drawReferral(s, x, y+l.referY)
	}
	if v.Quote != nil {
		l.drawQuote(s, x, y+l.quoteY)
	}
	if v.Card != nil {
		if v.Card.Voice {
			l.drawVoice(s, x, y+l.cardY, k)
		} else {
			l.drawCard(s, x, y+l.cardY, k.area == areaCard)
		}
	}
	s.Block(l.header, x, y+l.headerY, text)
	if v.Upload != nil {
		l.drawUpload(s, x, y+l.uploadY, k.area == areaUpload)
	}
	if l.body.Lines > 0 {
		at := l.bodyAt()
		if k.marked {
			s.Marks(&l.body, at.X, at.Y, k.from, k.to)
		}
		s.Block(l.body, at.X, at.Y, text)
		if !v.Faint {
			s.Area(areaText, at.X, at.Y, l.body.Width, l.body.Height)
		}
		for i := range l.body.Fragments {
			if f := &l.body.Fragments[i]; f.ChipW > 0 && f.Look == kit.Masked {
				s.Area(areaMask+strconv.Itoa(f.Run), at.X+f.ChipX, at.Y+f.ChipY, f.ChipW, f.ChipH)
			}
		}
	}
	s.Block(l.footer, x, y+l.footerY, meta)
	l.drawMeta(s, x+l.inner, y+l.metaY, meta)
	l.drawChoices(s, x, y+l.choicesY)
	l.drawReactions(s)
	l.drawNotice(s, k.area)
	if k.online && v.undoable(k.now) {
		l.drawUndo(s, k)
	}
	if k.hovered && k.actions {
		l.drawActions(s, k.area)
	}
}

// bodyAt is where the text starts in the row.
func (l *placed) bodyAt() fyne.Position { return fyne.NewPos(l.x+bubblePadX, l.y+l.bodyY) }

// drawActions paints what the pointer finds beside a bubble.
func (l *placed) drawActions(s *kit.Sketch, hover string) {
	const d = 30
	y := l.y + float32(int((l.h-d)/2))
	x, step := l.x+l.w+8, float32(d+4)
	if l.v.Out {
		x, step = l.x-8-d, -step
	}
	button := func(icon, area string) {
		fill, line := s.P.Surface, s.P.Border
		if hover == area {
			fill, line = s.P.Hover, s.P.BorderStrong
		}
		s.Frame(x, y, d, d, fill, line, 1, d/2)
		s.Icon(icon, x+7, y+7, d-14, s.P.TextMuted)
		s.Area(area, x-2, y-2, d+4, d+4)
		x += step
	}
	if l.v.Replies {
		button("reply", areaReply)
	}
	if l.v.Reacts {
		button("smile", areaReact)
	}
}

// drawUndo paints how long a message can be taken back, and what takes it back, beside the bubble: nothing moves when it
// goes.
func (l *placed) drawUndo(s *kit.Sketch, k look) {
	v, p := l.v, s.P
	text := word("undo.action")
	d, h := kit.Scaled(14), kit.Scaled(28)
	w := kit.TextWidth(text, kit.LabelBold) + d + 30
	x, y := max(l.x-8-w, 4), l.y+float32(int((l.h-h)/2))
	fill := p.Surface
	if k.area == areaUndo {
		fill = p.Hover
	}
	s.Frame(x, y, w, h, fill, p.Border, 1, h/2)
	part := float32(1)
	if all := v.Undo.Sub(v.At); all > 0 {
		part = float32(v.Undo.Sub(k.now)) / float32(all)
	}
	s.Ring(x+11, y+float32(int((h-d)/2)), d, 2.5, part, p.Accent, p.Border)
	s.Text(text, x+18+d, y+float32(int((h-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, p.AccentText)
	s.Area(areaUndo, x-2, y-2, w+4, h+4)
}

// drawMeta paints the time and the sign of the receipt so that they end at right.
func (l *placed) drawMeta(s *kit.Sketch, right, y float32, c color.Color) {
	v := l.v
	x := right - l.metaW
	if l.metaOn {
		right, x, c = right-12, x-12, onVeil
		s.Rect(x-8, y-3, l.metaW+16, kit.LineHeight(kit.Meta)+6, veil, (kit.LineHeight(kit.Meta)+6)/2)
	}
	s.Text(v.Time, x, y, kit.Meta, c)
	if v.Mark.Icon == "" {
		return
	}
	d := kit.Scaled(15)
	mark := c
	if v.Mark.Tone != ToneQuiet && !l.metaOn {
		mark = ink(v.Mark.Tone, s.P)
	}
	if l.metaOn && v.Mark.Tone != ToneQuiet {
		mark = onVeilTones[v.Mark.Tone]
	}
	s.Icon(v.Mark.Icon, right-d, y, d, mark)
	s.Area(areaMark, x, y-2, l.metaW, d+4)
}

func (l *placed) drawQuote(s *kit.Sketch, x, y float32) {
	p := s.P
	s.QuoteBar(x, y, l.inner, l.quoteH, p.Accent, l.inset(p))
	s.TextIn(l.v.Quote.Who, x+12, y+4, l.inner-22, kit.LabelBold, p.AccentText, kit.AlignStart)
	s.Block(l.quote, x+12, y+4+kit.LineHeight(kit.LabelBold), p.TextMuted)
	if l.v.Quote.Message != "" {
		s.Area(areaQuote, x, y, l.inner, l.quoteH)
	}
}

// inset is the ground of something that lies in a bubble.
func (l *placed) inset(p *kit.Palette) color.Color {
	if l.v.Out {
		c := p.Surface
		c.A = 0x66
		return c
	}
	return p.Sunken
}

func (l *placed) drawLines(s *kit.Sketch, x, y float32) {
	d := kit.Scaled(14)
	for i, line := range l.v.Lines {
		c := color.Color(s.P.TextMuted)
		if line.Tone != ToneQuiet {
			c = ink(line.Tone, s.P)
		}
		s.Icon(line.Icon, x, y+float32(int((kit.LineHeight(kit.Caption)-d)/2)), d, c)
		s.Block(l.lines[i], x+d+5, y, c)
		y += l.lines[i].Height + 2
	}
}

func (l *placed) drawReferral(s *kit.Sketch, x, y float32) {
	d := kit.Scaled(14)
	s.QuoteBar(x, y, l.inner, l.referH, s.P.Info.Ink, s.P.Info.Soft)
	s.Icon("megaphone", x+12, y+6+float32(int((kit.LineHeight(kit.Caption)-d)/2)), d, s.P.Info.Ink)
	s.TextIn(l.v.Referral.Line, x+18+d, y+6, l.inner-28-d, kit.Caption, s.P.Info.Ink, kit.AlignStart)
	y += 6 + kit.LineHeight(kit.Caption)
	s.Block(l.refer[0], x+12, y, s.P.Text)
	s.Block(l.refer[1], x+12, y+l.refer[0].Height, s.P.TextMuted)
}

func (l *placed) drawChoices(s *kit.Sketch, x, y float32) {
	p := s.P
	for _, c := range l.v.Choices {
		h := choiceHeight(c)
		s.Frame(x, y, l.inner, h, l.inset(p), p.Border, 1, kit.InputRadius)
		d := kit.Scaled(14)
		text := runsOf(c.Text)
		switch {
		case c.List:
			top := y + float32(int((h-kit.LineHeight(kit.LabelBold))/2))
			if !c.Note.IsZero() {
				top = y + 6
				s.RunsIn(runsOf(c.Note), x+12, top+kit.LineHeight(kit.LabelBold), l.inner-24, kit.Caption, p.TextMuted, kit.AlignStart)
			}
			s.RunsIn(text, x+12, top, l.inner-24, kit.LabelBold, p.AccentText, kit.AlignStart)
		default:
			w := min(kit.TextWidth(c.Text.Visible(), kit.LabelBold), l.inner-d-30)
			at := x + float32(int((l.inner-w-d-6)/2))
			s.Icon(c.Icon, at, y+float32(int((h-d)/2)), d, p.AccentText)
			s.RunsIn(text, at+d+6, y+float32(int((h-kit.LineHeight(kit.LabelBold))/2)), w+1, kit.LabelBold, p.AccentText, kit.AlignStart)
		}
		y += h + choiceGap
	}
}

// drawUpload paints how far a file is, and what stops it.
func (l *placed) drawUpload(s *kit.Sketch, x, y float32, hover bool) {
	u, p := l.v.Upload, s.P
	const d = 22
	mid := y + float32(int(kit.Scaled(28)/2))
	s.Ring(x, mid-d/2, d, 3, max(u.Part, 0), p.Accent, l.inset(p))
	s.TextIn(u.Text, x+d+8, mid-float32(int(kit.LineHeight(kit.Caption)/2)), l.inner-2*d-24, kit.Caption, p.TextMuted, kit.AlignStart)
	if u.Cancel == "" {
		return
	}
	bx := x + l.inner - d
	if hover {
		s.Rect(bx-3, mid-d/2-3, d+6, d+6, p.Hover, kit.InputRadius)
	}
	s.Icon("close", bx+3, mid-8, 16, p.TextMuted)
	s.Area(areaUpload, bx-4, mid-16, 32, 32)
}

func (l *placed) drawCard(s *kit.Sketch, x, y float32, hover bool) {
	c, p := l.v.Card, s.P
	if c.Tile {
		l.drawTile(s, x, y, hover)
	} else {
		iconInk, detail := color.Color(p.TextMuted), color.Color(p.TextMuted)
		ground := l.inset(p)
		if c.Tone != ToneQuiet {
			iconInk, detail = ink(c.Tone, p), ink(c.Tone, p)
			ground = p.Warn.Soft
			if c.Tone == ToneDanger {
				ground = p.Danger.Soft
			}
		}
		top := y + float32(int((l.cardH-cardIcon)/2))
		if hover && c.Opens != "" {
			s.Frame(x, top, cardIcon, cardIcon, ground, p.BorderStrong, 1, 8)
		} else {
			s.Rect(x, top, cardIcon, cardIcon, ground, 8)
		}
		s.Icon(c.Icon, x+8, top+8, cardIcon-16, iconInk)
		text := float32(int((l.cardH - kit.LineHeight(kit.Name) - kit.LineHeight(kit.Caption)) / 2))
		if c.Detail == "" {
			text = float32(int((l.cardH - kit.LineHeight(kit.Name)) / 2))
		}
		room := l.inner
		if l.v.Body.IsZero() && l.v.Upload == nil {
			room = max(l.cardW, l.inner-l.metaW-14)
		}
		at := x + cardIcon + 10
		room -= cardIcon + 10
		s.TextIn(c.Title, at, y+text, room, kit.Name, p.Text, kit.AlignStart)
		s.TextIn(c.Detail, at, y+text+kit.LineHeight(kit.Name), room, kit.Caption, detail, kit.AlignStart)
	}
	if c.Opens != "" {
		s.Area(areaCard, x, y, max(l.cardW, 44), l.cardH)
	}
}

// On a picture's colours only white on a dark veil can be read.
var (
	veil   = color.NRGBA{R: 0x0A, G: 0x12, B: 0x16, A: 0xB4}
	onVeil = color.NRGBA{R: 0xFF, G: 0xFF, B: 0xFF, A: 0xFF}
	// Marks that say something by their colour keep it there, as in the dark theme.
	onVeilTones = map[Tone]color.NRGBA{ToneInfo: {R: 0x8D, G: 0xBE, B: 0xF5, A: 0xFF}, ToneWarn: {R: 0xFF, G: 0xC0, B: 0x69, A: 0xFF}, ToneDanger: {R: 0xFF, G: 0x8A, B: 0x80, A: 0xFF}}
	onVeil2     = color.NRGBA{R: 0xDC, G: 0xE4, B: 0xE8, A: 0xFF}
)

func (l *placed) drawTile(s *kit.Sketch, x, y float32, hover bool) {
	c, p := l.v.Card, s.P
	title, detail, icon := color.Color(onVeil), color.Color(onVeil2), color.Color(onVeil)
	pill := color.Color(veil)
	if c.Picture != nil {
		s.Image(c.Key, c.Picture, x, y, l.cardW, l.cardH, 8)
	} else {
		s.Frame(x, y, l.cardW, l.cardH, p.Sunken, p.Border, 1, 8)
		title, detail, icon, pill = p.Text, p.TextMuted, p.TextMuted, color.Transparent
	}
	if hover && c.Opens != "" {
		s.Frame(x, y, l.cardW, l.cardH, nil, p.Accent, kit.FocusWidth, 8)
	}
	d := kit.Scaled(20)
	h := kit.LineHeight(kit.LabelBold) + kit.LineHeight(kit.Caption) + 12
	text := max(kit.TextWidth(c.Title, kit.LabelBold), kit.TextWidth(c.Detail, kit.Caption))
	w := min(d+10+text+24, l.cardW-8)
	px, py := x+float32(int((l.cardW-w)/2)), y+float32(int((l.cardH-h)/2))
	s.Rect(px, py, w, h, pill, 10)
	s.Icon(c.Icon, px+12, py+float32(int((h-d)/2)), d, icon)
	at, room := px+12+d+10, w-24-d-10
	s.TextIn(c.Title, at, py+6, room, kit.LabelBold, title, kit.AlignStart)
	s.TextIn(c.Detail, at, py+6+kit.LineHeight(kit.LabelBold), room, kit.Caption, detail, kit.AlignStart)
}

func (l *placed) drawReactions(s *kit.Sketch) {
	if len(l.v.Reactions) == 0 {
		return
	}
	h := kit.Scaled(reactHeight)
	var width float32
	for _, r := range l.v.Reactions {
		width += kit.TextWidth(r, kit.Label) + 4
	}
	width += 12
	x := l.x + 10
	if l.v.Out {
		x = l.x + l.w - width - 10
	}
	s.Frame(x, l.reactY, width, h, s.P.Raised, s.P.Border, 1, h/2)
	at := x + 8
	for _, r := range l.v.Reactions {
		at += s.Text(r, at, l.reactY+float32(int((h-kit.LineHeight(kit.Label))/2)), kit.Label, s.P.Text) + 4
	}
}

func (l *placed) drawNotice(s *kit.Sketch, hover string) {
	v, p := l.v, s.P
	if v.Notice == "" {
		return
	}
	tone := color.Color(p.Warn.Ink)
	if v.NoticeBad {
		tone = p.Danger.Ink
	}
	right := l.x + l.w
	s.Block(l.notice, right-l.notice.Width, l.noticeY, tone)
	if l.buttonsY == 0 {
		return
	}
	button := func(text, icon, area string) {
		h := kit.Scaled(26)
		d := kit.Scaled(14)
		w := kit.TextWidth(text, kit.LabelBold) + d + 6 + 20
		fill := p.Surface
		if hover == area {
			fill = p.Hover
		}
		s.Frame(right-w, l.buttonsY, w, h, fill, p.Border, 1, kit.InputRadius)
		s.Icon(icon, right-w+10, l.buttonsY+float32(int((h-d)/2)), d, p.AccentText)
		s.Text(text, right-w+10+d+6, l.buttonsY+float32(int((h-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, p.AccentText)
		s.Area(area, right-w, l.buttonsY-3, w, h+6)
		right -= w + 8
	}
	if v.Action != "" {
		button(v.Action, "retry", areaAgain)
	}
	if v.Restore != "" {
		button(word("action.edit"), "note", areaEdit)
	}
	if v.Withdraw {
		button(word("undo.take"), "retry", areaUndo)
	}
	if v.Decides {
		button(word("decide.go"), "eye", areaDecide)
	}
}
