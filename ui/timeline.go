package ui

import (
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// timeline shows the open conversation.
type timeline struct {
	d       *desk
	root    *fyne.Container
	list    *kit.List
	loading *kit.Painted
	blank   *kit.EmptyState
	below   *kit.Touch

	items  []*ItemView
	places map[*ItemView]*placed
	news   int // messages that arrived below what is in view
	more   bool
	loaded bool
	ends   bool // what came before could not be read

	marked   string // the item in which text is selected
	from, to kit.Caret
	flash    string // the item somebody was led to a moment ago
	flashes  int
}

func newTimeline(d *desk) *timeline {
	t := &timeline{d: d, places: map[*ItemView]*placed{}}
	t.list = kit.NewList(kit.ListConfig{
		Name: word("pane.timeline"), StickBottom: true, HoverRows: true, PadTop: 8, PadBottom: 16,
		Len:      func() int { return len(t.items) },
		ID:       func(i int) string { return t.items[i].ID },
		Estimate: t.estimate,
		Measure:  func(i int, width float32) float32 { return t.place(i, width).height },
		Draw: func(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
			v := t.items[i]
			k := look{area: st.Area, hovered: st.Hovered, chosen: st.Selected, actions: t.answers(), now: d.clock().now, online: d.link.State == LinkOnline, flash: v.ID == t.flash, failed: t.ends}
			if v.ID == t.marked && t.from != t.to {
				k.marked, k.from, k.to = true, t.from, t.to
			}
			if v.Card != nil && v.Card.Voice {
				k.voice = d.voice.look(v)
			}
			t.place(i, size.Width).draw(s, k)
		},
		OnTap: t.tapped, OnMenu: t.menu, Tip: t.tip, OnPress: t.press, OnDrag: t.drag, OnKey: t.key, OnRune: t.letter, RingRow: true,
		Hand: func(area string) bool {
			switch area {
			case areaAgain, areaEdit, areaQuote, areaReply, areaReact, areaCard, areaGo, areaUpload, areaUndo, areaDecide, areaPlay, areaWave, areaSpeed, areaOlder:
				return true
			}
			return false
		},
		Anchor:  func(i int) bool { return t.items[i].Message != "" },
		Text:    func(area string) bool { return area == areaText || strings.HasPrefix(area, areaMask) },
		OnOlder: t.older, OnBottom: t.bottom, OnVisible: t.visible,
	})
	t.loading = kit.NewPainted(word("pane.timeline"), paintLoading)
	t.blank = kit.NewEmptyState("inbox", word("welcome.title"), word("welcome.advice"), kit.Action{})
	t.below = kit.NewTouch(word("timeline.latest"), t.paintBelow)
	t.below.OnTap = func(string, fyne.Position) { t.list.ScrollToBottom() }
	t.loading.Hide()
	t.below.Hide()
	t.root = boxed(&timelineLayout{t}, kit.NewFill(inkCanvas), t.list, t.loading, t.blank, t.below)
	return t
}

type timelineLayout struct{ t *timeline }

func (l *timelineLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs[:4] {
		o.Move(fyne.NewPos(0, 0))
		o.Resize(size)
	}
	w, h := l.t.belowWidth(), kit.Scaled(32)
	x := float32(int((size.Width - w) / 2))
	if l.t.news == 0 { // beside what is read
		x = size.Width - w - 20
	}
	objs[4].Move(fyne.NewPos(x, size.Height-h-14))
	objs[4].Resize(fyne.NewSize(w, h))
}

func (l *timelineLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 120) }

// paintLoading shows bubbles of plausible size.
func paintLoading(s *kit.Sketch, size fyne.Size) {
	y := float32(24)
	for i, w := range []float32{.42, .55, .34, .5, .3, .46} {
		if y > size.Height-60 {
			return
		}
		width, h := size.Width*w, float32(44+18*(i%3))
		x := itemLeft
		if i%3 == 1 {
			x = size.Width - itemRight - width
		}
		s.Rect(x, y, width, h, s.P.Sunken, kit.BubbleRadius)
		y += h + 14
	}
}

// open makes room for another conversation.
func (t *timeline) open() {
	t.d.voice.leave()
	t.items, t.news, t.loaded, t.ends, t.marked, t.flash = nil, 0, false, false, "", ""
	t.list.Select("")
	clear(t.places)
	t.list.Reset()
	t.refresh()
}

// refresh shows what stands in for the messages while there are none.
func (t *timeline) refresh() {
	d := t.d
	erased := d.row != nil && d.row.Erased != 0
	blank := d.open == "" || t.loaded && len(t.items) == 0 || erased
	if erased {
		d.voice.leave()
		t.blank.Set("wipe", word("erased.title"), word("erased.text", "Date", d.clock().date(d.row.Erased)), kit.Action{})
	} else if blank && d.open == "" {
		t.blank.Set("inbox", word("welcome.title"), word("welcome.advice"), kit.Action{})
	} else if blank {
		t.blank.Set("inbox", word("timeline.empty"), "", kit.Action{})
	}
	visible(t.blank, blank)
	visible(t.loading, d.open != "" && !t.loaded && !erased)
	visible(t.list, d.open != "" && t.loaded && !erased)
	t.refreshBelow()
}

// show takes in a view.
func (t *timeline) show(v lineView) {
	bottom := t.list.AtBottom()
	was := len(t.items)
	t.items, t.more, t.ends = withOlder(v.items, v.more), v.more, false
	wasLoaded := t.loaded
	t.loaded = true
	if i := t.at(t.d.voice.item); t.d.voice.item != "" && (i < 0 || t.items[i].Card == nil) {
		t.d.voice.drop() // it was taken back
	}
	if len(t.places) > 2*len(t.items)+100 {
		t.forget()
	}
	switch {
	case v.first || !wasLoaded:
		t.refresh()
		t.list.Reset()
		t.begin(v.opens)
	case v.moved || len(t.items) != was:
		t.list.Changed()
		fallthrough
	default:
		t.list.Update(v.changed...)
	}
	if v.added > 0 && !bottom && !v.first {
		t.news += v.added
	}
	t.refresh()
	if v.found != "" {
		t.lead(v.found)
	} else if v.missed {
		t.d.u.toast(kit.Toast{Text: word("quote.far"), Icon: "info"})
	}
}

// begin shows where the reader goes on: at the line above what is new, unless all of that is in view at the end. What is below
// the view then counts as news.
func (t *timeline) begin(at string) {
	i := t.at(at)
	if at == "" || i < 0 || i+1 >= len(t.items) {
		return
	}
	if y, ok := t.list.Place(t.items[i+1].ID); ok && y.Y >= 0 {
		return
	}
	t.list.ScrollToThird(at)
	if _, last := t.list.Range(); !t.list.AtBottom() && last >= 0 {
		for _, v := range t.items[last+1:] {
			if v.Kind == ItemBubble && !v.Out {
				t.news++
			}
		}
	}
}

// failed says that the messages could not be read.
func (t *timeline) failed() {
	if t.loaded && len(t.items) > 0 {
		t.ends = t.more
		t.list.Redraw(t.items[0].ID)
		return
	}
	t.loading.Hide()
	t.blank.Set("warn", word("error.timeline"), "", kit.Action{Text: word("action.retry"), Do: t.d.lines.again.set})
	t.blank.Show()
	relayout(t.root)
}

// forget drops every length that was worked out.
func (t *timeline) forget() { clear(t.places) }

func (t *timeline) place(i int, width float32) *placed {
	v := t.items[i]
	p := t.places[v]
	if p == nil || p.width != width || p.scale != kit.Current().Scale() {
		p = placeItem(v, width)
		t.places[v] = p
	}
	return p
}

func (t *timeline) estimate(i int, width float32) float32 {
	v := t.items[i]
	if p := t.places[v]; p != nil && p.width == width {
		return p.height
	}
	if v.Kind != ItemBubble && v.Kind != ItemNote {
		return kit.LineHeight(kit.Caption) + 30
	}
	n := 0
	for _, s := range v.Body.Spans() {
		n += len(s.Text)
	}
	h := kit.EstimateHeight(n, min(width*0.72, bubbleMost)-2*bubblePadX, kit.Style{Type: kit.Body}) + 2*bubblePadY + itemGap
	if n := len(v.Choices); n > 0 {
		h += 8 + float32(n)*36
	}
	if !v.Footer.IsZero() {
		h += 18
	}
	if v.Referral != nil {
		h += 60
	}
	if v.Card != nil {
		h += 50
		if v.Card.Tile {
			_, high := tileSize(v.Card, min(width*0.72, bubbleMost)-2*bubblePadX)
			h += high - 50
		}
	}
	if v.Head != "" {
		h += kit.LineHeight(kit.LabelBold)
	}
	if v.Quote != nil {
		h += kit.LineHeight(kit.LabelBold) + kit.LineHeight(kit.Snippet) + 17
	}
	if len(v.Reactions) > 0 {
		h += 18
	}
	if v.Notice != "" {
		h += 22
	}
	return h
}

func (t *timeline) older() {
	if t.more && !t.ends {
		t.d.lines.wantOlder()
	}
}

// olderAgain asks for the messages before once more, after they could not be read.
func (t *timeline) olderAgain() {
	t.ends = false
	t.list.Redraw(t.items[0].ID)
	t.d.lines.wantOlder()
}

// withOlder puts a row above the messages that says that there are more. It is another one each time, so that it never holds
// the view in place.
func withOlder(items []*ItemView, more bool) []*ItemView {
	if !more || len(items) == 0 {
		return items
	}
	return append([]*ItemView{{ID: "older " + items[0].ID + " " + items[min(1, len(items)-1)].ID, Kind: ItemOlder}}, items...)
}

// flashing is how long a message is marked that somebody was led to.
const flashing = 1500 * time.Millisecond

// lead shows a message and marks it for a moment.
func (t *timeline) lead(id inbox.MessageID) bool {
	for _, v := range t.items {
		if v.Message != id || id == "" {
			continue
		}
		t.list.ScrollToMiddle(v.ID)
		was := t.flash
		t.flash = v.ID
		t.flashes++
		turn := t.flashes
		t.list.Redraw(was)
		t.list.Redraw(v.ID)
		t.d.u.trace("message led to")
		t.d.later(flashing, func() {
			if t.flashes == turn {
				t.flash = ""
				t.list.Redraw(v.ID)
			}
		})
		return true
	}
	return false
}

func (t *timeline) bottom(at bool) {
	if t.d.line != t {
		return // still being made
	}
	if at {
		t.news = 0
		t.d.markRead()
	}
	t.refreshBelow()
}

func (t *timeline) visible(first, _ int) {
	for i := max(first, 0); i < len(t.items) && i < first+4; i++ {
		id := t.items[i].Message
		if id == "" {
			continue
		}
		for j := range t.d.messages {
			if t.d.messages[j].ID == id {
				t.d.lines.visible(t.d.messages[j].Seq)
				return
			}
		}
	}
}

func (t *timeline) refreshBelow() {
	visible(t.below, t.loaded && !t.list.AtBottom() && len(t.items) > 0)
	relayout(t.root)
	if t.below.Visible() {
		t.below.Refresh()
	}
}

func (t *timeline) belowText() string {
	if t.news > 0 {
		return count("timeline.below", t.news)
	}
	return ""
}

func (t *timeline) belowWidth() float32 {
	w := kit.Scaled(32)
	if text := t.belowText(); text != "" {
		w += kit.TextWidth(text, kit.LabelBold) + 10
	}
	return w
}

func (t *timeline) paintBelow(s *kit.Sketch, size fyne.Size) {
	s.Frame(0, 0, size.Width, size.Height, s.P.Raised, s.P.Border, 1, size.Height/2)
	x := float32(int((size.Height - 18) / 2))
	if text := t.belowText(); text != "" {
		x = 12 + s.Text(text, 12, float32(int((size.Height-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, s.P.AccentText) + 4
	}
	s.Icon("arrow-down", x, float32(int((size.Height-18)/2)), 18, s.P.AccentText)
	s.Area("down", 0, 0, size.Width, size.Height)
}

func (t *timeline) tip(i int, area string) string {
	switch {
	case i >= len(t.items):
	case area == areaMark:
		return t.items[i].Mark.Word
	case area == areaReply:
		return word("action.reply")
	case area == areaCard:
		return word("action.view")
	case area == areaUpload:
		return word("upload.cancel")
	case area == areaReact:
		return word("action.react")
	case area == areaUndo:
		return t.d.u.tip(word("undo.tip"), "")
	case area == areaPlay:
		return t.d.voice.tip(t.items[i])
	case area == areaSpeed:
		return word("voice.faster")
	case area == areaQuote:
		return word("quote.go")
	case strings.HasPrefix(area, areaMask):
		spans := t.items[i].Body.Spans()
		if n, err := strconv.Atoi(area[len(areaMask):]); err == nil && n >= 0 && n < len(spans) {
			return maskTip(spans[n])
		}
	}
	return ""
}

func (t *timeline) tapped(i int, area string, pos fyne.Position) {
	v := t.items[i]
	switch area {
	case areaOlder:
		t.olderAgain()
	case areaPlay:
		t.d.voice.toggle(v)
	case areaSpeed:
		t.d.voice.faster()
	case areaWave:
		if !t.d.voice.of(v) {
			t.d.voice.toggle(v)
			return
		}
		part := t.place(i, t.list.Size().Width).wavePart(pos.X)
		t.d.voice.seek(time.Duration(part * float32(t.d.voice.length)))
	case areaAgain:
		t.again(v)
	case areaEdit:
		t.d.restore(v.Restore)
	case areaCard:
		t.d.view(v)
	case areaGo:
		t.d.follow()
	case areaUndo:
		t.d.withdraw(v.Message)
	case areaDecide:
		t.d.showPage(pageDecisions)
	case areaUpload:
		t.d.dismiss(v.Upload.Cancel)
	case areaReply:
		t.d.reply(v)
	case areaReact:
		if p, ok := t.list.Where(v.ID); ok {
			l := t.place(i, t.list.Size().Width)
			t.d.showReactions(v, p.AddXY(l.x+l.w+8, l.y+l.h/2+20))
		}
	case areaQuote:
		if !t.lead(v.Quote.Message) {
			t.d.lines.find(v.Quote.Message) // it was not read yet
		}
	}
}
