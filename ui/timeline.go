package ui

import (
	"context"
	"slices"
	"strconv"
	"strings"

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

	marked   string // the item in which text is selected
	from, to kit.Caret
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
			k := look{area: st.Area, hovered: st.Hovered, chosen: st.Selected, actions: t.answers(), now: d.clock().now, online: d.link.State == LinkOnline}
			if v.ID == t.marked && t.from != t.to {
				k.marked, k.from, k.to = true, t.from, t.to
			}
			t.place(i, size.Width).draw(s, k)
		},
		OnTap: t.tapped, OnMenu: t.menu, Tip: t.tip, OnPress: t.press, OnDrag: t.drag, OnKey: t.key, OnRune: t.letter, RingRow: true,
		Hand: func(area string) bool {
			switch area {
			case areaAgain, areaEdit, areaQuote, areaReply, areaReact, areaCard, areaGo, areaUpload, areaUndo, areaDecide:
				return true
			}
			return false
		},
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
	objs[4].Move(fyne.NewPos(float32(int((size.Width-w)/2)), size.Height-h-14))
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
	t.items, t.news, t.loaded, t.marked = nil, 0, false, ""
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
	t.items, t.more = v.items, v.more
	wasLoaded := t.loaded
	t.loaded = true
	if len(t.places) > 2*len(t.items)+100 {
		t.forget()
	}
	switch {
	case v.first || !wasLoaded:
		t.refresh()
		t.list.Reset()
	case v.moved:
		t.list.Changed()
		fallthrough
	default:
		t.list.Update(v.changed...)
	}
	if v.added > 0 && !bottom && !v.first {
		t.news += v.added
	}
	t.refresh()
}

// failed says that the messages could not be read.
func (t *timeline) failed() {
	if t.loaded && len(t.items) > 0 {
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
		return 46
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
		h += 60
		if v.Card.Tile {
			h += tileHeight - 60
		}
	}
	return h
}

func (t *timeline) older() {
	if t.more {
		t.d.lines.wantOlder()
	}
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
	case strings.HasPrefix(area, areaMask):
		spans := t.items[i].Body.Spans()
		if n, err := strconv.Atoi(area[len(areaMask):]); err == nil && n >= 0 && n < len(spans) {
			return maskTip(spans[n])
		}
	}
	return ""
}

func (t *timeline) tapped(i int, area string, _ fyne.Position) {
	v := t.items[i]
	switch area {
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
		for _, o := range t.items {
			if o.Message == v.Quote.Message {
				t.list.ScrollTo(o.ID)
				return
			}
		}
	}
}

// count redraws what can still be taken back, and reports whether there is something.
func (t *timeline) count() bool {
	now := t.d.clock().now
	counts := false
	for i := len(t.items) - 1; i >= 0 && i >= len(t.items)-8; i-- {
		v := t.items[i]
		if v.Undo == 0 {
			continue
		}
		counts = counts || v.undoable(now)
		t.list.Redraw(v.ID)
	}
	return counts
}

// undoable is the message that was sent last and has not left, if there is one.
func (d *desk) undoable() (inbox.MessageID, bool) {
	now := d.clock().now
	if d.row == nil || d.page != pageInbox || d.link.State != LinkOnline {
		return "", false
	}
	for _, v := range slices.Backward(d.line.items) {
		if v.undoable(now) {
			return v.Message, true
		}
	}
	return "", false
}

// undo takes the message back that was sent last, unless something was typed since.
func (d *desk) undo() bool {
	id, ok := d.undoable()
	if !ok || d.comp.text() != "" {
		return false
	}
	d.withdraw(id)
	return true
}

// undo is what Ctrl+Z does before a text entry undoes what was typed.
func (u *UI) undo() bool { return u.desk != nil && u.context() == "" && u.desk.undo() }

// withdraw takes a message of the reader's back that has not left. Its text comes back as the draft.
func (d *desk) withdraw(id inbox.MessageID) {
	if d.comp.note {
		d.toggleNote()
	}
	if d.comp.text() != "" {
		d.u.toast(kit.Toast{Text: word("undo.full"), Icon: "info"})
		return
	}
	d.typed[d.open] = ""
	d.writer.undraft(d.open) // a draft that was emptied a moment ago must not come after the text that returns
	d.expect[d.open] = true
	d.undone[id] = false
	d.submit(inbox.Withdraw{Conversation: d.open, Message: id})
	d.u.trace("message taken back")
	d.comp.focus()
}

// notice tells when a message that was taken back had left already.
func (d *desk) noticeUndone() {
	for id, gone := range d.undone {
		_, here := d.message(id)
		switch {
		case !here:
			d.undone[id] = true
		case gone:
			delete(d.undone, id)
			d.u.toast(kit.Toast{Text: word("undo.late"), Icon: "info"})
		}
	}
}

// takeBack puts texts that came back into the composer, once the drafts have them.
func (d *desk) takeBack() {
	for id := range d.expect {
		r := rowWith(d.all, id)
		if r == nil || r.Draft == "" || d.typed[id] != "" {
			continue
		}
		delete(d.expect, id)
		d.typed[id] = r.Draft
		if id == d.open && d.comp.text() == "" && !d.comp.note {
			d.comp.setText(r.Draft)
			d.comp.guard.judge()
			d.comp.focus()
			d.u.trace("text came back")
		}
	}
}

// decideMessage decides about a held message where it stands.
func (d *desk) decideMessage(id inbox.MessageID, agree bool) {
	d.decide(DecisionView{Conversation: d.open, Message: id}, agree)
}

// again sends a message once more: after a question when it may have arrived already.
func (t *timeline) again(v *ItemView) {
	d := t.d
	send := func() {
		d.submit(inbox.SendAgain{Conversation: d.open, Message: v.Message})
		d.u.trace("intent submitted")
	}
	if !v.Confirm {
		send()
		return
	}
	kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("again.title"), Text: word("again.text"),
		Safe: kit.Action{Text: word("again.keep")}, Do: kit.Action{Text: word("action.again"), Do: send}})
}

// restore puts the text of a refused message back where it was written.
func (d *desk) restore(id inbox.IntentID) {
	conversation := d.open
	d.writer.later(func(context.Context) {
		text, ok := d.session.Model.Typed(id)
		if !ok {
			return
		}
		d.u.cfg.Post(func() {
			if d.open != conversation || d.comp.text() != "" {
				return
			}
			d.comp.setText(text)
			d.keepDraft(conversation, text)
			d.dismiss(id)
			d.comp.focus()
		})
	})
}

// dismiss makes a refused message go away.
func (d *desk) dismiss(id inbox.IntentID) {
	d.writer.later(func(ctx context.Context) {
		if err := d.session.Model.Dismiss(ctx, id); err != nil && ctx.Err() == nil {
			d.u.cfg.Log.Error("message not dismissed", "error", err)
		}
	})
}
