package ui

import (
	"image/color"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// Distances of the timeline.
const (
	itemLeft    float32 = 20
	itemRight   float32 = 24
	itemGap     float32 = 10 // above an item
	joinedGap   float32 = 3  // above an item of the same turn
	bubblePadX  float32 = 12
	bubblePadY  float32 = 8
	bubbleMost  float32 = 560
	tileWidth   float32 = 320
	tileHeight  float32 = 192
	cardIcon    float32 = 36
	reactHeight float32 = 24
	reactOver   float32 = 8 // how far reactions lie over the bubble
)

// Areas of an item.
const (
	areaBubble = "bubble"
	areaQuote  = "quote"
	areaAgain  = "again"
	areaEdit   = "edit"
	areaMark   = "mark"
	areaText   = "text"
	areaReply  = "reply"
	areaReact  = "react"
)

// look is what is drawn of an item beside what it says.
type look struct {
	area     string // under the pointer
	hovered  bool
	chosen   bool
	actions  bool // replying and reacting are possible here
	marked   bool // text is selected, from a to z
	from, to kit.Caret
}

// placed is an item with every length worked out for one width.
type placed struct {
	v      *ItemView
	width  float32
	scale  float32
	height float32

	x, y, w, h float32 // the bubble
	inner      float32 // width of its contents
	headY      float32
	fwdY       float32
	quoteY     float32
	quoteH     float32
	quote      kit.Block
	cardY      float32
	cardW      float32
	cardH      float32
	bodyY      float32
	body       kit.Block
	metaY      float32
	metaW      float32
	reactY     float32
	noticeY    float32
	notice     kit.Block
	buttonsY   float32
	caption    kit.Block // for items that are not bubbles
}

func layoutText(runs []kit.Run, width float32, st kit.Style) kit.Block {
	st.Scale = kit.Current().Scale()
	return kit.Layout(kit.SharedMetrics(), runs, width, st)
}

// placeItem works out where everything of an item stands when the timeline has that width.
func placeItem(v *ItemView, width float32) *placed {
	l := &placed{v: v, width: width, scale: kit.Current().Scale()}
	switch v.Kind {
	case ItemDay:
		l.height = kit.LineHeight(kit.Caption) + 30
		return l
	case ItemNew:
		l.height = kit.LineHeight(kit.Caption) + 18
		return l
	case ItemSystem:
		l.caption = kit.LayoutCentered(kit.SharedMetrics(), []kit.Run{{Text: v.Text}}, min(width*0.8, 520), kit.Style{Type: kit.Caption, Scale: l.scale})
		l.height = l.caption.Height + 22
		if v.Alert {
			l.height += 12
		}
		return l
	}
	l.bubble()
	return l
}

func (l *placed) bubble() {
	v := l.v
	most := max(min(l.width*0.72, bubbleMost), 160) - 2*bubblePadX
	l.metaW = kit.TextWidth(v.Time, kit.Meta)
	if v.Mark.Icon != "" {
		l.metaW += 5 + kit.Scaled(15)
	}
	y := bubblePadY
	if v.Head != "" {
		l.headY = y
		w := kit.TextWidth(v.Head, kit.LabelBold)
		if v.Kind == ItemNote {
			w += kit.Scaled(14) + 6
		}
		l.inner = max(l.inner, min(w, most))
		y += kit.LineHeight(kit.LabelBold) + 2
	}
	if v.Forwarded != "" {
		l.fwdY = y
		l.inner = max(l.inner, kit.Scaled(14)+4+kit.TextWidth(v.Forwarded, kit.Caption))
		y += kit.LineHeight(kit.Caption) + 4
	}
	if q := v.Quote; q != nil {
		l.quote = layoutText(runsOf(q.Text), most-22, kit.Style{Type: kit.Snippet, MaxLines: 2})
		l.quoteY, l.quoteH = y, l.quote.Height+kit.LineHeight(kit.LabelBold)+11
		l.inner = max(l.inner, max(l.quote.Width, kit.TextWidth(q.Who, kit.LabelBold))+24, 120)
		y += l.quoteH + 6
	}
	if c := v.Card; c != nil {
		l.cardY = y
		if c.Tile {
			l.cardW, l.cardH = tileSize(c, most)
		} else {
			text := max(kit.TextWidth(c.Title, kit.Name), kit.TextWidth(c.Detail, kit.Caption))
			l.cardW = min(cardIcon+10+text, most)
			l.cardH = max(cardIcon, kit.LineHeight(kit.Name)+kit.LineHeight(kit.Caption))
			if c.Detail == "" {
				l.cardW, l.cardH = kit.Scaled(14)+6+kit.TextWidth(c.Title, kit.LabelBold), kit.LineHeight(kit.LabelBold)
			}
		}
		l.inner = max(l.inner, l.cardW)
		y += l.cardH + 6
	}
	if !v.Body.IsZero() {
		style := kit.Style{Type: kit.Body, Meta: l.metaW}
		l.bodyY = y
		if v.Card != nil && v.Card.Tile { // a caption is as wide as its picture
			most = max(l.inner, l.cardW)
		}
		l.body = layoutText(runsOf(v.Body), most, style)
		l.inner = max(l.inner, l.body.Width)
		if l.body.RTL {
			style.Fill = true
			l.body = layoutText(runsOf(v.Body), l.inner, style)
		}
		l.metaY = y + l.body.Height - kit.LineHeight(kit.Meta) - 1
		y += l.body.Height
	} else if beside := l.cardW + 14 + l.metaW; v.Card != nil && !v.Card.Tile && v.Card.Detail != "" && beside <= most {
		l.inner = max(l.inner, beside) // the time stands beside the card's last line
		l.metaY = y - 6 - kit.LineHeight(kit.Meta)
		y -= 5
	} else {
		l.inner = max(l.inner, l.metaW)
		l.metaY = y - 1
		y += kit.LineHeight(kit.Meta)
	}
	if len(v.Reactions) > 0 {
		y += 5 // they must not touch the text
	}
	l.w, l.h = l.inner+2*bubblePadX, y+bubblePadY-1
	l.y = itemGap
	if v.Joined {
		l.y = joinedGap
	}
	l.x = itemLeft
	if v.Out {
		l.x = l.width - itemRight - l.w
	}
	l.height = l.y + l.h
	if len(v.Reactions) > 0 {
		l.reactY = l.height - reactOver
		l.height = l.reactY + kit.Scaled(reactHeight)
	}
	if v.Notice != "" {
		l.noticeY = l.height + 5
		l.notice = layoutText([]kit.Run{{Text: v.Notice}}, max(most, l.inner), kit.Style{Type: kit.Caption})
		l.height = l.noticeY + l.notice.Height
		if v.Action != "" || v.Restore != "" {
			l.buttonsY = l.height + 6
			l.height = l.buttonsY + kit.Scaled(26) + 4
		}
	}
}

// tileSize keeps a picture's shape within what a tile may take.
func tileSize(c *CardView, most float32) (w, h float32) {
	w, h = min(tileWidth, most), tileHeight
	if c.Wide > 0 && c.High > 0 {
		h = min(max(w*float32(c.High)/float32(c.Wide), 120), 240)
	}
	return w, float32(int(h))
}

// draw paints the item.
func (l *placed) draw(s *kit.Sketch, k look) {
	switch l.v.Kind {
	case ItemDay:
		l.day(s)
	case ItemNew:
		l.fresh(s)
	case ItemSystem:
		l.happened(s)
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

// happened paints a caption; one that asks for attention stands on a ground.
func (l *placed) happened(s *kit.Sketch) {
	x := float32(int((l.width - l.caption.Width) / 2))
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
	if v.Forwarded != "" {
		d := kit.Scaled(14)
		s.Icon("chevron-right", x-2, y+l.fwdY+1, d, p.TextFaint)
		s.Text(v.Forwarded, x+d+2, y+l.fwdY, kit.Caption, p.TextFaint)
	}
	if v.Quote != nil {
		l.drawQuote(s, x, y+l.quoteY)
	}
	if v.Card != nil {
		l.drawCard(s, x, y+l.cardY)
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
	}
	l.drawMeta(s, x+l.inner, y+l.metaY, meta)
	l.drawReactions(s)
	l.drawNotice(s, k.area)
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

// drawMeta paints the time and the sign of the receipt so that they end at right.
func (l *placed) drawMeta(s *kit.Sketch, right, y float32, c color.Color) {
	v := l.v
	x := right - l.metaW
	s.Text(v.Time, x, y, kit.Meta, c)
	if v.Mark.Icon == "" {
		return
	}
	d := kit.Scaled(15)
	mark := c
	if v.Mark.Tone != ToneQuiet {
		mark = ink(v.Mark.Tone, s.P)
	}
	s.Icon(v.Mark.Icon, right-d, y, d, mark)
	s.Area(areaMark, x, y-2, l.metaW, d+4)
}

func (l *placed) drawQuote(s *kit.Sketch, x, y float32) {
	p := s.P
	ground := color.Color(p.Sunken)
	if l.v.Out {
		c := p.Surface
		c.A = 0x66
		ground = c
	}
	s.QuoteBar(x, y, l.inner, l.quoteH, p.Accent, ground)
	s.TextIn(l.v.Quote.Who, x+12, y+4, l.inner-22, kit.LabelBold, p.AccentText, kit.AlignStart)
	s.Block(l.quote, x+12, y+4+kit.LineHeight(kit.LabelBold), p.TextMuted)
	if l.v.Quote.Message != "" {
		s.Area(areaQuote, x, y, l.inner, l.quoteH)
	}
}

func (l *placed) drawCard(s *kit.Sketch, x, y float32) {
	c, p := l.v.Card, s.P
	switch {
	case c.Tile:
		l.drawTile(s, x, y)
	case c.Detail == "":
		d := kit.Scaled(14)
		s.Icon(c.Icon, x, y+float32(int((l.cardH-d)/2)), d, p.TextMuted)
		s.Text(c.Title, x+d+6, y, kit.LabelBold, p.TextMuted)
	default:
		ground := color.Color(p.Sunken)
		if l.v.Out {
			n := p.Surface
			n.A = 0x66
			ground = n
		}
		top := y + float32(int((l.cardH-cardIcon)/2))
		s.Rect(x, top, cardIcon, cardIcon, ground, 8)
		s.Icon(c.Icon, x+8, top+8, cardIcon-16, p.TextMuted)
		text := float32(int((l.cardH - kit.LineHeight(kit.Name) - kit.LineHeight(kit.Caption)) / 2))
		at, room := x+cardIcon+10, max(l.cardW, l.inner-l.metaW-14)-cardIcon-10
		s.TextIn(c.Title, at, y+text, room, kit.Name, p.Text, kit.AlignStart)
		s.TextIn(c.Detail, at, y+text+kit.LineHeight(kit.Name), room, kit.Caption, p.TextMuted, kit.AlignStart)
	}
}

// On a picture's colours only white on a dark veil can be read.
var (
	veil    = color.NRGBA{R: 0x0A, G: 0x12, B: 0x16, A: 0xB4}
	onVeil  = color.NRGBA{R: 0xFF, G: 0xFF, B: 0xFF, A: 0xFF}
	onVeil2 = color.NRGBA{R: 0xDC, G: 0xE4, B: 0xE8, A: 0xFF}
)

func (l *placed) drawTile(s *kit.Sketch, x, y float32) {
	c, p := l.v.Card, s.P
	title, detail, icon := color.Color(onVeil), color.Color(onVeil2), color.Color(onVeil)
	pill := color.Color(veil)
	if c.Picture != nil {
		s.Image(c.Key, c.Picture, x, y, l.cardW, l.cardH, 8)
	} else {
		s.Frame(x, y, l.cardW, l.cardH, p.Sunken, p.Border, 1, 8)
		title, detail, icon, pill = p.Text, p.TextMuted, p.TextMuted, color.Transparent
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
}
