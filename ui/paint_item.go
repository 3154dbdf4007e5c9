package ui

import (
	"slices"
	"strings"

	"sealdesk/app/inbox"
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
	choiceGap   float32 = 4
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
	areaCard   = "card"   // shows what the card stands for
	areaGo     = "go"     // leads to another conversation
	areaUpload = "upload" // stops a file on its way
	areaUndo   = "undo"   // takes a message back
	areaDecide = "decide" // leads to what must be decided
	areaPlay   = "play"   // plays a recording, and pauses it
	areaWave   = "wave"   // goes to a place in a recording
	areaSpeed  = "speed"  // plays it faster
	areaOlder  = "older"  // asks for the messages before once more
	areaMask   = "mask "  // something hidden, with the number of its span
)

// look is what is drawn of an item beside what it says.
type look struct {
	area     string // under the pointer
	hovered  bool
	chosen   bool
	actions  bool // replying and reacting are possible here
	marked   bool // text is selected, from a to z
	from, to kit.Caret
	now      inbox.Moment
	online   bool
	flash    bool // somebody was led here
	failed   bool // what stands before the messages could not be read
	voice    voiceLook
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
	linesY     float32
	lines      []kit.Block
	referY     float32
	referH     float32
	refer      [2]kit.Block // headline, body
	headerY    float32
	header     kit.Block
	footerY    float32
	footer     kit.Block
	uploadY    float32
	choicesY   float32
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
	metaOn     bool // on a picture
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

// runs is a text of an item: the company's own, or masked.
func (v *ItemView) runs(m inbox.Masked, own []inbox.Span) []kit.Run {
	if own == nil {
		return runsOf(m)
	}
	runs := make([]kit.Run, len(own))
	for i, sp := range own {
		runs[i] = kit.Run{Text: sp.Text}
		if sp.Kind != inbox.Plain {
			runs[i].Look = kit.Masked
		}
	}
	return runs
}

// named sets off the names after an @ that stand for people who are asked to look.
func named(runs []kit.Run, names []string) []kit.Run {
	for _, name := range names {
		sign := "@" + name
		for i := 0; i < len(runs); i++ {
			r := runs[i]
			at := strings.Index(r.Text, sign)
			if at < 0 || r.Look != kit.Plain || name == "" {
				continue
			}
			parts := []kit.Run{{Text: r.Text[:at]}, {Text: sign, Look: kit.Mention}, {Text: r.Text[at+len(sign):]}}
			parts = slices.DeleteFunc(parts, func(p kit.Run) bool { return p.Text == "" })
			runs = slices.Concat(runs[:i], parts, runs[i+1:])
		}
	}
	return runs
}

// placeItem works out where everything of an item stands when the timeline has that width.
func placeItem(v *ItemView, width float32) *placed {
	l := &placed{v: v, width: width, scale: kit.Current().Scale()}
	switch v.Kind {
	case ItemDay:
		l.height = kit.LineHeight(kit.Caption) + 30
		return l
	case ItemOlder:
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
		if v.Goes {
			l.buttonsY = l.height - 6
			l.height = l.buttonsY + kit.Scaled(26) + 8
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
	if len(v.Lines) > 0 {
		l.linesY = y
		for _, line := range v.Lines {
			lead := kit.Scaled(14) + 5
			b := layoutText([]kit.Run{{Text: line.Text}}, most-lead, kit.Style{Type: kit.Caption})
			l.lines = append(l.lines, b)
			l.inner = max(l.inner, lead+b.Width)
			y += b.Height + 2
		}
		y += 2
	}
	if r := v.Referral; r != nil {
		l.referY = y
		l.referH = kit.LineHeight(kit.Caption) + 12
		for i, part := range []inbox.Masked{r.Headline, r.Body} {
			style := kit.Style{Type: kit.LabelBold, MaxLines: 2}
			if i == 1 {
				style.Type = kit.Caption
			}
			if part.IsZero() {
				continue
			}
			l.refer[i] = layoutText(runsOf(part), most-24, style)
			l.referH += l.refer[i].Height
			l.inner = max(l.inner, l.refer[i].Width+24)
		}
		l.inner = max(l.inner, min(kit.TextWidth(r.Line, kit.Caption)+kit.Scaled(14)+30, most))
		y += l.referH + 6
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
		} else if c.Voice {
			l.cardW, l.cardH = voiceSize(most)
		} else {
			text := max(kit.TextWidth(c.Title, kit.Name), kit.TextWidth(c.Detail, kit.Caption))
			l.cardW = min(cardIcon+10+text, most)
			l.cardH = max(cardIcon, kit.LineHeight(kit.Name)+kit.LineHeight(kit.Caption))
		}
		l.inner = max(l.inner, l.cardW)
		y += l.cardH + 6
	}
	if v.Card != nil && v.Card.Tile { // a caption is as wide as its picture
		most = max(l.inner, l.cardW)
	}
	if runs := v.runs(v.Header, v.HeaderSpans); len(runs) > 0 {
		l.headerY = y
		l.header = layoutText(runs, most, kit.Style{Type: kit.NameBold})
		l.inner = max(l.inner, l.header.Width)
		y += l.header.Height + 2
	}
	if v.Upload != nil {
		l.uploadY = y
		l.inner = max(l.inner, min(220, most))
		y += kit.Scaled(28)
	}
	body, foot := named(v.runs(v.Body, v.BodySpans), v.Names), v.runs(v.Footer, v.FooterSpans)
	if v.Faint { // about a message, not the message
		for i := range body {
			body[i].Look = kit.Emphasis
		}
	}
	switch beside := l.cardW + 14 + l.metaW; {
	case len(body) > 0:
		style := kit.Style{Type: kit.Body}
		if len(foot) == 0 {
			style.Meta = l.metaW
		}
		l.bodyY = y
		l.body = layoutText(body, most, style)
		l.inner = max(l.inner, l.body.Width)
		if l.body.RTL {
			style.Fill = true
			l.body = layoutText(body, l.inner, style)
		}
		l.metaY = y + l.body.Height - kit.LineHeight(kit.Meta) - 1
		y += l.body.Height
	case v.Card != nil && v.Card.Tile && len(foot) == 0 && v.Upload == nil && l.header.Lines == 0: // the time stands on the picture
		l.metaOn = true
		l.metaY = y - 6 - 8 - kit.LineHeight(kit.Meta)
		y -= 5
	case v.Card != nil && v.Card.Voice && v.Upload == nil: // the time stands at the end of the line below its waveform
		l.metaY = y - 6 - kit.LineHeight(kit.Meta)
		y -= 5
	case v.Upload == nil && l.header.Lines == 0 && v.Card != nil && !v.Card.Tile && v.Card.Detail != "" && beside <= most:
		l.inner = max(l.inner, beside) // the time stands beside the card's last line
		l.metaY = y - 6 - kit.LineHeight(kit.Meta)
		y -= 5
	case len(foot) == 0:
		l.inner = max(l.inner, l.metaW)
		l.metaY = y - 1
		y += kit.LineHeight(kit.Meta)
	}
	if len(foot) > 0 {
		l.footerY = y + 2
		l.footer = layoutText(foot, most, kit.Style{Type: kit.Caption, Meta: l.metaW})
		l.inner = max(l.inner, l.footer.Width)
		l.metaY = l.footerY + l.footer.Height - kit.LineHeight(kit.Meta) - 1
		y = l.footerY + l.footer.Height
	}
	if len(v.Choices) > 0 {
		y += 8
		l.choicesY = y
		for i := range v.Choices {
			w := max(kit.TextWidth(v.Choices[i].Text.Visible(), kit.LabelBold)+kit.Scaled(16)+34, kit.TextWidth(v.Choices[i].Note.Visible(), kit.Caption)+24)
			l.inner = max(l.inner, min(w, most))
			y += choiceHeight(v.Choices[i]) + choiceGap
		}
		y -= 1
	}
	if len(v.Reactions) > 0 {
		y += 5 // they must not touch the text
	}
	l.w, l.h = l.inner+2*bubblePadX, y+bubblePadY-1
	l.y = kit.Dense(itemGap, 6)
	if v.Joined {
		l.y = kit.Dense(joinedGap, 2)
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
		if v.Out && l.notice.Lines > 1 {
			l.notice = l.notice.Ended()
		}
		l.height = l.noticeY + l.notice.Height
		if v.Action != "" || v.Restore != "" || v.Withdraw || v.Decides {
			l.buttonsY = l.height + 6
			l.height = l.buttonsY + kit.Scaled(26) + 4
		}
	}
}

// choiceHeight is the height of a row that can be pressed.
func choiceHeight(c ChoiceView) float32 {
	if c.Note.IsZero() {
		return kit.Scaled(32)
	}
	return kit.LineHeight(kit.LabelBold) + kit.LineHeight(kit.Caption) + 12
}

// tileSize keeps a picture's shape within what a tile may take.
func tileSize(c *CardView, most float32) (w, h float32) {
	w, h = min(tileWidth, most), tileHeight
	if c.Wide > 0 && c.High > 0 {
		h = min(max(w*float32(c.High)/float32(c.Wide), 120), 240)
	}
	return w, float32(int(h))
}
