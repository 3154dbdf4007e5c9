package ui

import (
	"image/color"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// templatePicker is the sheet in which a template is found, filled in and sent.
type templatePicker struct {
	d      *desk
	in     inbox.Inbox
	all    []inbox.Template
	dialog *kit.Dialog
	search *kit.Field
	list   *kit.List
	none   *kit.EmptyState
	side   *fyne.Container
	scroll *kit.Scroller

	shown  []inbox.Template
	chosen inbox.TemplateID
	values map[inbox.TemplateID][]string
	view   TemplateView

	fields  []*kit.Field
	preview *tall
	placed  *placed
	verdict *kit.Banner
	record  *kit.Button
	recBox  fyne.CanvasObject
	why     *kit.Text
	file    *kit.Button
	fileRow *kit.Text
	media   Attachment // of the header; its ID is "" while there is none
	reading bool
}

// showTemplates opens the sheet of templates.
func (d *desk) showTemplates() {
	if d.row == nil || d.page != pageInbox || d.row.Into != "" || inbox.Can(d.staff.me, inbox.ActSend, d.row.Subject()) != nil {
		return
	}
	p := &templatePicker{d: d, in: d.house.inbox(d.row.Inbox), all: d.house.templates[d.row.Inbox], values: map[inbox.TemplateID][]string{}}
	canvas := d.u.cfg.Window.Canvas()
	if len(findTemplates(p.all, "")) == 0 {
		kit.ShowDialog(canvas, kit.DialogConfig{Title: word("template.empty"), Text: word("template.empty.text"), Safe: kit.Action{Text: word("action.shut")}})
		d.u.trace("templates shown")
		return
	}
	p.search = kit.NewField("", word("template.search"), false)
	p.search.OnChange = func(string) { p.find() }
	p.search.OnKey = p.key
	p.search.OnSubmit = p.enter
	p.list = kit.NewList(kit.ListConfig{Name: word("template.list"), Uniform: func() float32 { return kit.Scaled(62) }, HoverRows: true,
		Len: func() int { return len(p.shown) }, ID: func(i int) string { return string(p.shown[i].ID) }, Draw: p.drawRow, Background: inkRaised,
		OnTap: func(i int, _ string, _ fyne.Position) { p.choose(p.shown[i].ID) },
		OnKey: p.key,
		Tip: func(i int, area string) string {
			if area == "dot" {
				return templateRow(p.shown[i]).DotTip
			}
			return ""
		}})
	p.none = kit.NewEmptyState("search", word("template.none"), "", kit.Action{})
	p.none.Hide()
	p.side = boxed(fill{})
	p.why = kit.NewText("", kit.Caption, kit.InkMuted).MaxLines(1)
	size := canvas.Size()
	width := min(float32(980), size.Width-2*kit.PaneInset)
	left := min(float32(330), (width-2*kit.CardInset)*0.4)
	body := kit.Tall(kit.Row(
		kit.Fix(kit.Column(kit.Min(p.search), kit.Grow(boxed(fill{}, p.list, p.none))), left), kit.Gap(17),
		kit.Grow(kit.Column(kit.Grow(p.side), kit.Gap(6), kit.Min(kit.Inset(p.why, 3, 0, 0, 0))))),
		func() float32 { return min(620, max(canvas.Size().Height-150-kit.Scaled(40), 220)) })
	p.dialog = kit.ShowDialog(canvas, kit.DialogConfig{Title: word("template.title"), Body: body, Width: width, Focus: p.search.Input(),
		Safe: kit.Action{Text: word("action.cancel"), Do: p.left}, Do: kit.Action{Text: word("template.send"), Do: p.send}})
	p.find()
	p.dialog.Refit()
	d.u.trace("templates shown")
}

func inkRaised(p *kit.Palette) color.Color { return p.Raised }

// find shows what matches the search. The chosen template stays chosen while it is among it.
func (p *templatePicker) find() {
	p.shown = findTemplates(p.all, p.search.Text())
	visible(p.none, len(p.shown) == 0)
	visible(p.list, len(p.shown) > 0)
	p.list.Reset()
	if len(p.shown) == 0 {
		return
	}
	for _, t := range p.shown {
		if t.ID == p.chosen {
			p.list.Select(string(p.chosen))
			p.list.ScrollTo(string(p.chosen))
			return
		}
	}
	p.choose(p.shown[0].ID)
}

func (p *templatePicker) template() inbox.Template {
	for _, t := range p.all {
		if t.ID == p.chosen {
			return t
		}
	}
	return inbox.Template{}
}

// key lets the arrows walk through the list while the search has the keyboard.
func (p *templatePicker) key(ev *fyne.KeyEvent) bool {
	by := 0
	switch ev.Name {
	case fyne.KeyDown:
		by = 1
	case fyne.KeyUp:
		by = -1
	case fyne.KeyReturn, fyne.KeyEnter:
		p.enter()
		return true
	default:
		return false
	}
	for i, t := range p.shown {
		if t.ID == p.chosen {
			p.choose(p.shown[min(max(i+by, 0), len(p.shown)-1)].ID)
			p.list.ScrollTo(string(p.chosen))
			return true
		}
	}
	return true
}

// enter goes from the list to the first gap, or to the button when there is none.
func (p *templatePicker) enter() { p.next(-1) }

func (p *templatePicker) next(i int) {
	c := p.d.u.cfg.Window.Canvas()
	if i+1 < len(p.fields) {
		c.Focus(p.fields[i+1].Input())
		return
	}
	if b := p.dialog.DoButton(); b != nil && !b.Disabled() {
		c.Focus(b)
	}
}

func (p *templatePicker) drawRow(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	r := templateRow(p.shown[i])
	if st.Selected {
		s.Rect(0, 1, size.Width-10, size.Height-2, s.P.Selected, kit.InputRadius)
	} else if st.Hovered {
		s.Rect(0, 1, size.Width-10, size.Height-2, s.P.Hover, kit.InputRadius)
	}
	name, line := s.P.Text, s.P.TextMuted
	if r.Why != "" {
		name = s.P.TextFaint
		line = s.P.TextFaint
	}
	top := float32(int((size.Height - kit.LineHeight(kit.Name) - kit.LineHeight(kit.Caption)) / 2))
	right := size.Width - 24
	switch {
	case r.Why != "":
		s.Icon("lock", right-14, top+2, 16, s.P.TextFaint)
	case r.Dot != ToneQuiet:
		s.Rect(right-10, top+float32(int((kit.LineHeight(kit.Name)-10)/2)), 10, 10, ink(r.Dot, s.P), 5)
		s.Area("dot", right-20, 0, 30, size.Height)
	}
	s.TextIn(r.Name, 12, top, right-32, kit.Name, name, kit.AlignStart)
	text := r.Line
	if r.Why != "" {
		text = r.Why
		line = s.P.Warn.Ink
	}
	s.TextIn(text, 12, top+kit.LineHeight(kit.Name), right-16, kit.Caption, line, kit.AlignStart)
}

// choose shows another template at the right.
func (p *templatePicker) choose(id inbox.TemplateID) {
	p.list.Select(string(id))
	if p.chosen == id && p.scroll != nil {
		return
	}
	if p.media.ID != "" { // it was chosen for another template
		p.drop()
	}
	p.chosen = id
	p.build()
}

// build makes the right side: the bubble as the customer will get it, the verdict, one field per gap.
func (p *templatePicker) build() {
	p.look()
	p.preview = newTall(word("template.preview"), func(s *kit.Sketch, size fyne.Size) {
		s.Rect(0, 0, size.Width, size.Height, s.P.Canvas, kit.CardRadius)
		p.bubble(size.Width).draw(s, look{})
	}, func(w float32) float32 { return p.bubble(w).height + 16 })
	p.verdict = kit.NewBanner(kit.Notice{})
	p.record = kit.NewButton(word("consent.record"), kit.Secondary, func() { p.d.showConsent(p.refresh) })
	p.recBox = kit.Inset(kit.Row(kit.Min(p.record), kit.Spring()), 0, 8, 0, 0)
	chips := kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		t := p.template()
		list := []kit.Chip{chip(p.view.Cost), {Text: languageName(t.Language)}}
		if rated := templateRow(t); rated.Dot != ToneQuiet {
			list = append(list, chip(ChipView{Text: rated.DotTip, Tone: rated.Dot}))
		}
		s.Chips(list, 0, float32(int((size.Height-kit.ChipHeight())/2)), size.Width)
	}).SetMin(func() fyne.Size { return fyne.NewSize(60, kit.ChipHeight()+4) })
	cells := []kit.Cell{kit.Min(chips), kit.Gap(8), kit.Min(p.preview), kit.Gap(10), kit.Min(p.verdict), kit.Min(p.recBox)}
	p.file = nil
	if p.view.File != 0 {
		p.fileRow = kit.NewText("", kit.Snippet, kit.InkMuted).MaxLines(1)
		p.file = kit.NewButton(word("template.file.choose"), kit.Secondary, p.pick).SetIcon("clip")
		cells = append(cells, kit.Gap(12), kit.Min(kit.NewText(p.view.FileLabel, kit.Label, kit.InkText)), kit.Gap(6),
			kit.Min(kit.Row(kit.Min(p.file), kit.Gap(12), kit.Grow(kit.Column(kit.Spring(), kit.Min(p.fileRow), kit.Spring())))), kit.Gap(4))
	}
	p.fields = nil
	for i, g := range p.view.Gaps {
		f := kit.NewField(g.Label, g.Example, false)
		f.SetText(p.value(i))
		f.OnChange = func(text string) {
			p.set(i, text)
			p.refresh()
		}
		f.OnSubmit = func() { p.next(i) }
		f.OnFocus = func() { p.scroll.Reveal(f) }
		p.fields = append(p.fields, f)
		row := fyne.CanvasObject(f)
		if !g.Code {
			more := kit.NewIconButton("braces", word("variable.insert"), nil)
			more.OnTap = func() { p.d.showVariables(more, f.Insert) }
			row = kit.Row(kit.Grow(f), kit.Gap(6), kit.Min(kit.Column(kit.Gap(kit.LineHeight(kit.Label)+4), kit.Fix(more, kit.HitSize+2))))
		}
		cells = append(cells, kit.Gap(10), kit.Min(row))
	}
	p.scroll = kit.NewScroller(kit.Column(cells...))
	p.side.Objects = []fyne.CanvasObject{p.scroll.View}
	relayout(p.side)
	p.side.Refresh()
	p.refresh()
}

func (p *templatePicker) value(i int) string {
	if v := p.values[p.chosen]; i < len(v) {
		return v[i]
	}
	return ""
}

func (p *templatePicker) set(i int, text string) {
	v := p.values[p.chosen]
	for len(v) <= i {
		v = append(v, "")
	}
	v[i] = text
	p.values[p.chosen] = v
}

// full are the values of the chosen template, one per gap.
func (p *templatePicker) full() []string {
	out := make([]string, len(p.template().Fields))
	copy(out, p.values[p.chosen])
	return out
}

// look decides anew what the chosen template looks like.
func (p *templatePicker) look() {
	file := ""
	if p.media.ID != "" {
		file = p.media.Name
	}
	p.view = templateView(p.template(), p.values[p.chosen], file, p.d.row.Conversation, p.in, p.d.staff, p.d.clock())
	p.placed = nil
}

func (p *templatePicker) bubble(width float32) *placed {
	if p.placed == nil || p.placed.width != width {
		p.placed = placeItem(p.view.Preview, width)
	}
	return p.placed
}

// refresh shows what changed by typing.
func (p *templatePicker) refresh() {
	if p.d.ended() || p.d.row == nil {
		return
	}
	p.look()
	n := kit.Notice{Style: kit.ChipOK, Icon: "check", Text: p.view.Verdict}
	if p.view.Bad {
		n.Style, n.Icon = kit.ChipWarn, "warn"
	}
	p.verdict.Set(n)
	visible(p.verdict, p.view.Verdict != "")
	visible(p.recBox, p.view.Record)
	if p.file != nil {
		text := word("template.file.choose")
		line := word("template.file.missing")
		switch {
		case p.reading:
			line = count("tray.adding", 1)
		case p.media.ID != "":
			text, line = word("template.file.other"), p.media.Name+" · "+bytesText(p.media.Size)
		}
		p.file.SetText(text)
		p.fileRow.Set(line)
	}
	why := p.view.Why
	if p.reading {
		why = count("tray.adding", 1)
	}
	p.why.Set(why)
	if why == "" {
		p.dialog.DoButton().Enable()
	} else {
		p.dialog.DoButton().Disable()
	}
	p.preview.Refresh()
	p.scroll.Refit()
}

// pick chooses the file of the header.
func (p *templatePicker) pick() {
	d, want, chosen := p.d, p.view.File, p.chosen
	id := d.open
	d.u.cfg.Pick(func(list []File) {
		if len(list) == 0 || d.ended() || p.chosen != chosen {
			return
		}
		p.drop()
		p.reading = true
		p.refresh()
		go func() {
			a, problem := d.keep(d.ctx, id, list[0], want)
			d.u.cfg.Post(func() {
				p.reading = false
				if problem != "" {
					d.u.toast(kit.Toast{Text: problem, Icon: "warn"})
				} else {
					p.media = a
					d.comp.reserved = a.ID
					d.lines.again.set()
				}
				p.refresh()
			})
		}()
	})
}

// drop forgets the file of the header.
func (p *templatePicker) drop() {
	if p.media.ID != "" {
		p.d.detach(p.media.ID)
	}
	p.media, p.d.comp.reserved = Attachment{}, ""
}

// left is what happens when the sheet goes without anything being sent.
func (p *templatePicker) left() {
	p.drop()
	p.d.u.trace("overlay closed")
	p.d.comp.focus()
}

func (p *templatePicker) send() {
	d := p.d
	t := p.template()
	d.submit(inbox.SendTemplate{Conversation: d.open, Template: t.ID, Values: p.full(), Media: p.media.ID})
	d.comp.reserved = ""
	d.lines.answered()
	d.line.list.ScrollToBottom()
	d.u.toast(kit.Toast{Text: word("template.sent"), Icon: "check"})
	d.u.trace("intent submitted")
	d.comp.focus()
}

// showVariables offers the variables beside a widget and hands the chosen one over, in its braces.
func (d *desk) showVariables(beside fyne.CanvasObject, put func(text string)) {
	cfg := kit.MenuConfig{Name: word("variable.insert"), Active: -1, OnClose: func() { d.u.trace("menu closed") }}
	for _, v := range inbox.Variables() {
		text, _ := variableWord(v)
		icon := "user"
		if personal(v) {
			icon = "lock"
		}
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: text, Icon: icon, Do: func() { put("{{" + string(v) + "}}") }})
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(beside)
	cfg.At = at.AddXY(0, beside.Size().Height+2)
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// showConsent lets the reader write down that the customer agreed to marketing; done is called when he did.
func (d *desk) showConsent(done func()) {
	if d.row == nil || !mayRecord(d.row.Conversation, d.staff) {
		return
	}
	id := d.open
	field := kit.NewField(word("consent.proof"), word("consent.proof.example"), false)
	var dialog *kit.Dialog
	record := func() {
		d.submit(inbox.RecordConsent{Conversation: id, Proof: oneLine(field.Text())})
		d.u.toast(kit.Toast{Text: word("consent.saved"), Icon: "check"})
		d.u.trace("intent submitted")
		if done != nil {
			done()
		}
	}
	enough := func() bool { return len([]rune(oneLine(field.Text()))) >= 4 }
	field.OnChange = func(string) {
		if enough() {
			dialog.DoButton().Enable()
			field.SetNote(0, "")
		} else {
			dialog.DoButton().Disable()
		}
	}
	field.OnSubmit = func() {
		if !enough() {
			field.SetNote(kit.ChipDanger, word("consent.proof.short"))
			return
		}
		dialog.Close()
		record()
	}
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("consent.record.title"), Text: word("consent.record.text"), Body: kit.Column(kit.Min(field)),
		Focus: field.Input(), Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("consent.save"), Do: record}})
	dialog.DoButton().Disable()
	d.u.trace("consent shown")
}
