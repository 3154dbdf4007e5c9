package ui

import (
	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// organisePage is where what all inboxes share is kept in order: tags and quick replies.
type organisePage struct {
	d      *desk
	root   *fyne.Container
	tabs   *tabs
	head   *kit.Painted
	kinds  *kit.Segments
	search *kit.Field
	add    *kit.Button
	list   *kit.List
	blank  *kit.EmptyState

	replies bool // quick replies are shown; else tags
	tagged  []TagRow
	texts   []ReplyRow
}

// Areas of the rows.
const (
	areaRow  = "row"
	areaAway = "away"
)

func newOrganise(d *desk) *organisePage {
	p := &organisePage{d: d}
	p.head = teamHead(word("action.organise"), p.line)
	p.tabs = newTabs(d, pageOrganise)
	p.kinds = kit.NewSegments(word("action.organise"), []string{word("organise.tags"), word("organise.replies")}, 0, func(i int) {
		p.replies = i == 1
		p.search.SetText("")
		p.refresh()
		p.list.ScrollToTop()
	})
	p.search = kit.NewField("", word("organise.search.tags"), false)
	p.search.OnChange = func(string) { p.refresh() }
	p.search.OnKey = p.key
	p.add = kit.NewButton(word("organise.tag.new"), kit.Primary, func() { p.edit("") }).SetIcon("plus")
	p.list = kit.NewList(kit.ListConfig{Name: word("action.organise"), Len: p.len, ID: p.id, Uniform: func() float32 {
		return kit.LineHeight(kit.Body) + kit.LineHeight(kit.Caption) + kit.Dense(26, 16)
	}, Draw: p.draw, HoverRows: true, RingRow: true, PadBottom: 8, Background: inkSurface, OnKey: p.key,
		OnTap: func(i int, area string, _ fyne.Position) {
			p.list.Select(p.id(i))
			if area == areaAway {
				p.remove(p.id(i))
			} else {
				p.edit(p.id(i))
			}
		}})
	p.blank = kit.NewEmptyState("tag", "", "", kit.Action{})
	kinds := &flanked{d: d, seg: p.kinds, rest: p.add}
	steer := kit.Column(kit.Min(boxed(kinds, p.kinds, p.add)), kit.Gap(10), kit.Min(kit.Inset(p.search, 0, 0, 12, -kit.LineHeight(kit.Caption)-4)))
	body := kit.NewCard(boxed(fill{}, p.list, p.blank), 5) // its corners stay round
	p.root = pageFrame(p.tabs.headed(p.head), steer, kit.Inset(body, pageLead, 0, 12, 0))
	p.refresh()
	return p
}

// online reports whether something can be changed now.
func (p *organisePage) online() bool { return p.d.link.State == LinkOnline }

func (p *organisePage) line() string {
	if !p.online() {
		return word("organise.offline")
	}
	return word("organise.line")
}

func (p *organisePage) len() int {
	if p.replies {
		return len(p.texts)
	}
	return len(p.tagged)
}

func (p *organisePage) id(i int) string {
	if p.replies {
		return string(p.texts[i].Reply.ID)
	}
	return string(p.tagged[i].Tag.ID)
}

func (p *organisePage) index() int {
	for i := range p.len() {
		if p.id(i) == p.list.Selected() {
			return i
		}
	}
	return -1
}

// first chooses the first row while none is chosen.
func (p *organisePage) first() {
	if p.index() < 0 {
		id := "none"
		if p.len() > 0 {
			id = p.id(0)
		}
		p.list.Select(id)
	}
}

func (p *organisePage) refresh() {
	d := p.d
	if p.replies {
		p.texts = replyRows(d.house, d.staff, p.search.Text())
	} else {
		p.tagged = tagRows(d.house, d.all, p.search.Text())
	}
	sought, text, title, advice, icon := word("organise.search.tags"), word("organise.tag.new"), word("organise.tags.empty"), word("organise.tags.empty.text"), "tag"
	if p.replies {
		sought, text, title, advice, icon = word("organise.search.replies"), word("organise.reply.new"), word("organise.replies.empty"), word("organise.replies.empty.text"), "reply"
	}
	do := kit.Action{Text: text, Do: func() { p.edit("") }}
	if p.search.Text() != "" {
		title, advice, icon, do = word("organise.none"), word("organise.none.text"), "search", kit.Action{}
	}
	if !p.online() {
		do = kit.Action{}
	}
	p.blank.Set(icon, title, advice, do)
	visible(p.blank, p.len() == 0)
	visible(p.list, p.len() > 0)
	p.search.SetPlaceholder(sought)
	p.add.SetText(text)
	allow(p.add, p.online())
	p.head.Refresh()
	p.list.Changed()
	p.first()
	p.list.Refresh()
	relayout(p.root)
}

// forget drops what was shown.
func (p *organisePage) forget() { p.tagged, p.texts = nil, nil }

// key walks through the list, also from the search field; Enter changes what is chosen, Delete removes it.
func (p *organisePage) key(ev *fyne.KeyEvent) bool {
	at := p.index()
	searching := p.d.u.cfg.Window.Canvas().Focused() == p.search.Input()
	switch ev.Name {
	case fyne.KeyDown, fyne.KeyUp:
		to := at + 1
		if ev.Name == fyne.KeyUp {
			to = at - 1
		}
		if to >= 0 && to < p.len() {
			p.list.Select(p.id(to))
			p.list.ScrollTo(p.id(to))
		}
	case fyne.KeyReturn, fyne.KeyEnter:
		if at >= 0 {
			p.edit(p.id(at))
		}
	case fyne.KeyDelete:
		if at < 0 || searching {
			return false
		}
		p.remove(p.id(at))
	default:
		return false
	}
	return true
}

func (p *organisePage) draw(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	if st.Selected {
		s.Rect(4, 2, size.Width-8, size.Height-4, s.P.Selected, kit.InputRadius)
	} else if st.Hovered {
		s.Rect(4, 2, size.Width-8, size.Height-4, s.P.Hover, kit.InputRadius)
	}
	s.Area(areaRow, 0, 0, size.Width, size.Height)
	right := size.Width - 20
	if p.online() {
		c := s.P.TextMuted
		if st.Area == areaAway {
			c = s.P.Danger.Ink
		}
		w := s.TextIn(word("organise.remove"), right-size.Width/3, (size.Height-kit.LineHeight(kit.Label))/2, size.Width/3, kit.Label, c, kit.AlignEnd)
		s.Area(areaAway, right-w-8, (size.Height-kit.HitSize)/2, w+16, kit.HitSize)
		right -= w + 24
	}
	if !p.replies {
		r := p.tagged[i]
		c := chip(r.Chip)
		y := float32(int((size.Height - kit.ChipHeight()) / 2))
		if st.Selected { // no soft ground stands out from the ground of what is chosen
			s.Rect(14, y-2, kit.ChipWidth(c)+4, kit.ChipHeight()+4, s.P.Surface, kit.ChipHeight()/2+2)
		}
		s.Chip(c, 16, y)
		s.TextIn(r.Line, 40+kit.ChipWidth(c), (size.Height-kit.LineHeight(kit.Caption))/2, right-40-kit.ChipWidth(c), kit.Caption, s.P.TextMuted, kit.AlignEnd)
		return
	}
	r := p.texts[i]
	top := float32(int((size.Height - kit.LineHeight(kit.Body) - kit.LineHeight(kit.Caption)) / 2))
	w := s.TextIn(join(r.Language, r.Where), 16+right*0.6, (size.Height-kit.LineHeight(kit.Caption))/2, right*0.4-16, kit.Caption, s.P.TextMuted, kit.AlignEnd)
	s.TextIn(r.Shortcut, 16, top, right-w-36, kit.NameBold, s.P.Text, kit.AlignStart)
	s.RunsIn(runsOf(r.Text), 16, top+kit.LineHeight(kit.Body), right-w-36, kit.Caption, s.P.TextMuted, kit.AlignStart)
}

// edit changes what is chosen, or makes something new for "".
func (p *organisePage) edit(id string) {
	d := p.d
	if !p.online() {
		d.u.toast(kit.Toast{Text: word("organise.offline"), Icon: "wifi-off"})
		return
	}
	if p.replies {
		q := inbox.QuickReply{ID: inbox.NewID[inbox.QuickReplyID]()}
		for _, r := range p.texts {
			if string(r.Reply.ID) == id {
				q = r.Reply
			}
		}
		d.showQuickReply(q, id == "")
		return
	}
	t := inbox.Tag{ID: inbox.NewID[inbox.TagID]()}
	for _, r := range p.tagged {
		if string(r.Tag.ID) == id {
			t = r.Tag
		}
	}
	d.showTag(t, id == "")
}

// remove takes something away, which can be undone.
func (p *organisePage) remove(id string) {
	d := p.d
	if !p.online() {
		d.u.toast(kit.Toast{Text: word("organise.offline"), Icon: "wifi-off"})
		return
	}
	for _, r := range p.texts {
		if gone := r.Reply; p.replies && string(gone.ID) == id {
			gone.Removed = true
			d.change(inbox.EditQuickReply{QuickReply: gone}, inbox.EditQuickReply{QuickReply: r.Reply}, word("organise.reply.removed", "Name", gone.Shortcut), false)
			return
		}
	}
	for _, r := range p.tagged {
		if gone := r.Tag; !p.replies && string(gone.ID) == id {
			gone.Removed = true
			d.change(inbox.EditTag{Tag: gone}, inbox.EditTag{Tag: r.Tag}, word("organise.tag.removed", "Name", gone.Name), true)
			return
		}
	}
}

// change asks for a removal and offers to undo it.
func (d *desk) change(do, undo inbox.Question, said string, tag bool) {
	d.put(do, tag, func() {
		d.u.toast(kit.Toast{Text: said, Icon: "check", Action: kit.Action{Text: word("toast.undo"), Do: func() {
			d.put(undo, tag, func() { d.u.toast(kit.Toast{Text: word("organise.restored"), Icon: "check"}) }, nil)
		}}})
	}, nil)
}

// put asks for a change. What was not taken is said by failed, or by a toast.
func (d *desk) put(q inbox.Question, tag bool, then func(), failed func(why string)) {
	if failed == nil {
		failed = func(why string) { d.u.toast(kit.Toast{Text: why, Icon: "warn"}) }
	}
	go func() {
		_, err := d.ask(d.ctx, q)
		d.u.cfg.Post(func() {
			if d.ended() {
				return
			}
			if err != nil {
				failed(organiseProblem(err, tag))
				d.u.trace("change refused")
				return
			}
			then()
			d.u.trace("change taken")
		})
	}()
}
