package ui

import (
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// This file is what can be sent beside text and files: a place, a contact card, a message with choices.

// sends reports whether free messages can be sent now.
func (d *desk) sends() bool {
	return d.row != nil && d.page == pageInbox && d.comp.view.Mode == ComposerReply
}

// moreItems are the things the plus button offers.
func (d *desk) moreItems() []kit.MenuItem {
	items := []kit.MenuItem{
		{Text: word("action.templates"), Icon: "template", Hint: d.u.router.Hint(actTemplates), Do: d.showTemplates},
		{Text: word("action.attach"), Icon: "clip", Hint: d.u.router.Hint(actAttach), Do: d.showPick},
		{Text: word("more.location"), Icon: "pin", Do: d.showLocation},
	}
	if len(companyCards(d.house.cards)) > 0 {
		items = append(items, kit.MenuItem{Text: word("more.card"), Icon: "user", Do: d.showCards})
	}
	return append(items, kit.MenuItem{Text: word("more.buttons"), Icon: "reply", Do: func() { d.showChoices(false) }},
		kit.MenuItem{Text: word("more.list"), Icon: "list", Do: func() { d.showChoices(true) }},
		kit.MenuItem{Text: word("variable.insert"), Icon: "braces", Do: func() { d.showVariables(d.comp.plus, d.comp.field.InsertText) }})
}

// showMore opens the menu of the plus button.
func (c *composer) showMore() {
	d := c.d
	if !d.sends() {
		return
	}
	cfg := kit.MenuConfig{Name: word("action.more"), Active: -1, Items: d.moreItems(), OnClose: func() {
		c.focus()
		d.u.trace("overlay closed")
	}}
	cfg.At = fyne.CurrentApp().Driver().AbsolutePositionForObject(c.plus).SubtractXY(0, 6)
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("more shown")
}

func companyCards(list []inbox.CompanyCard) []inbox.CompanyCard {
	var out []inbox.CompanyCard
	for _, c := range list {
		if !c.Removed {
			out = append(out, c)
		}
	}
	return out
}

// takeQuote is the message that is being answered, and takes the quote away.
func (c *composer) takeQuote() inbox.MessageID {
	if c.quote == nil {
		return ""
	}
	id := c.quote.Message
	c.answer(nil)
	return id
}

// sent does what follows every message sent from a sheet.
func (d *desk) sent() {
	d.lines.answered()
	d.line.list.ScrollToBottom()
	d.comp.focus()
	d.u.trace("intent submitted")
}

// showCards lets the reader send a contact card of the company.
func (d *desk) showCards() {
	if !d.sends() {
		return
	}
	cards := companyCards(d.house.cards)
	kit.NewPicker(kit.PickerConfig{Name: word("more.card"), Placeholder: word("card.search"), Empty: word("card.none"),
		OnClose: func() { d.u.trace("overlay closed"); d.comp.focus() },
		OnPick: func(it kit.Item) {
			d.submit(inbox.SendCard{Conversation: d.open, Card: inbox.CardID(it.ID), Quote: d.comp.takeQuote()})
			d.sent()
		},
		Items: func(string) []kit.Item {
			var items []kit.Item
			for _, c := range cards {
				items = append(items, kit.Item{ID: string(c.ID), Title: c.Name, Hint: c.Company, Icon: "user"})
			}
			return items
		}}).Open(d.u.cfg.Window.Canvas())
	d.u.trace("cards shown")
}

// showLocation asks for a place of the company.
func (d *desk) showLocation() {
	if !d.sends() {
		return
	}
	name := kit.NewField(word("location.name"), word("location.name.example"), false).SetMost(100)
	address := kit.NewField(word("location.address"), word("location.address.example"), false).SetMost(200)
	lat := kit.NewField(word("location.latitude"), "48.13710", false)
	lon := kit.NewField(word("location.longitude"), "11.57540", false)
	fields := []*kit.Field{name, address, lat, lon}
	var dialog *kit.Dialog
	check := func() bool {
		_, _, problem := placeOf(lat.Text(), lon.Text())
		ok := problem == "" && !name.Long() && !address.Long()
		if ok {
			dialog.DoButton().Enable()
		} else {
			dialog.DoButton().Disable()
		}
		note := ""
		if lat.Text() != "" && lon.Text() != "" {
			note = problem
		}
		lon.SetNote(kit.ChipDanger, note)
		return ok
	}
	send := func() {
		a, b, _ := placeOf(lat.Text(), lon.Text())
		d.submit(inbox.SendLocation{Conversation: d.open, Latitude: a, Longitude: b, Name: oneLine(name.Text()), Address: oneLine(address.Text()), Quote: d.comp.takeQuote()})
		d.sent()
	}
	for i, f := range fields {
		f.OnChange = func(string) { check() }
		f.OnSubmit = func() {
			if i+1 < len(fields) {
				d.u.cfg.Window.Canvas().Focus(fields[i+1].Input())
			} else if check() {
				dialog.Close()
				send()
			}
		}
	}
	body := kit.Column(kit.Min(name), kit.Min(address), kit.Min(kit.Row(kit.Grow(lat), kit.Gap(16), kit.Grow(lon))))
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("location.title"), Text: word("location.text"), Body: body, Focus: name.Input(), Width: 520,
		Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("location.send"), Do: send}})
	dialog.DoButton().Disable()
	d.u.trace("location shown")
}

// placeOf reads coordinates as people write them, with a point or a comma; problem says what is wrong.
func placeOf(latitude, longitude string) (lat, lon float64, problem string) {
	read := func(text string, most float64) (float64, bool) {
		v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(text), ",", ".", 1), 64)
		return v, err == nil && v >= -most && v <= most
	}
	lat, ok1 := read(latitude, 90)
	lon, ok2 := read(longitude, 180)
	switch {
	case !ok1:
		return 0, 0, word("location.badlatitude")
	case !ok2:
		return 0, 0, word("location.badlongitude")
	}
	return lat, lon, ""
}

// The limits of WhatsApp for messages with choices, in characters (see [inbox.CheckInteractive]).
const (
	mostBody    = 1024
	mostLabel   = 60 // header and footer
	mostButton  = 20
	mostButtons = 3
	mostRow     = 24
	mostNote    = 72
	mostRowsIn  = 10
)

// choiceSheet is the small editor of a message with buttons or with a list.
type choiceSheet struct {
	d      *desk
	list   bool
	dialog *kit.Dialog
	scroll *kit.Scroller
	text   *kit.Field
	footer *kit.Field
	menu   *kit.Field
	rows   [][2]*kit.Field
	box    *fyne.Container
	why    *kit.Text
}

// showChoices opens the editor.
func (d *desk) showChoices(list bool) {
	if !d.sends() {
		return
	}
	s := &choiceSheet{d: d, list: list}
	s.text = kit.NewField(word("choices.text"), word("choices.text.example"), false).SetMost(mostBody)
	s.text.SetText(oneLine(d.comp.text()))
	s.footer = kit.NewField(word("choices.footer"), "", false).SetMost(mostLabel)
	title, do := word("choices.buttons.title"), word("choices.send")
	if list {
		title = word("choices.list.title")
		s.menu = kit.NewField(word("choices.menu"), word("choices.menu.example"), false).SetMost(mostButton)
	}
	s.box = boxed(fill{})
	s.why = kit.NewText("", kit.Caption, kit.InkMuted).MaxLines(1)
	canvas := d.u.cfg.Window.Canvas()
	s.add(false)
	if !list {
		s.add(false)
	}
	s.build()
	body := kit.Tall(kit.Column(kit.Grow(kit.Inset(s.box, -3, 0, 0, 0)), kit.Gap(6), kit.Min(s.why)), func() float32 { return min(460, max(canvas.Size().Height-150-kit.Scaled(40), 220)) })
	s.dialog = kit.ShowDialog(canvas, kit.DialogConfig{Title: title, Body: body, Focus: s.text.Input(), Width: 560,
		Safe: kit.Action{Text: word("action.cancel"), Do: d.comp.focus}, Do: kit.Action{Text: do, Do: s.send}})
	s.check()
	d.u.trace("choices shown")
}

func (s *choiceSheet) add(focus bool) {
	n := len(s.rows) + 1
	most, label := mostButton, word("choices.button", "N", n)
	if s.list {
		most, label = mostRow, word("choices.row", "N", n)
	}
	row := [2]*kit.Field{kit.NewField(label, "", false).SetMost(most)}
	if s.list {
		row[1] = kit.NewField(word("choices.note"), "", false).SetMost(mostNote)
	}
	s.rows = append(s.rows, row)
	if focus {
		s.build()
		s.d.u.cfg.Window.Canvas().Focus(row[0].Input())
		s.check()
	}
}

// build lays the fields out anew.
func (s *choiceSheet) build() {
	cells := []kit.Cell{kit.Min(s.text), kit.Min(s.footer)}
	if s.menu != nil {
		cells = append(cells, kit.Min(s.menu))
	}
	all := []*kit.Field{s.text, s.footer}
	if s.menu != nil {
		all = append(all, s.menu)
	}
	for _, r := range s.rows {
		all = append(all, r[0])
		if r[1] == nil {
			cells = append(cells, kit.Min(r[0]))
			continue
		}
		all = append(all, r[1])
		cells = append(cells, kit.Min(kit.Row(kit.Grow(r[0]), kit.Gap(12), kit.Grow(r[1]))))
	}
	if most := map[bool]int{true: mostRowsIn, false: mostButtons}[s.list]; len(s.rows) < most {
		cells = append(cells, kit.Min(kit.Row(kit.Min(kit.NewButton(word("choices.add"), kit.Flat, func() { s.add(true) }).SetIcon("plus")), kit.Spring())))
	}
	s.scroll = kit.NewScroller(kit.Column(cells...))
	for i, f := range all {
		f.OnChange = func(string) { s.check() }
		f.OnFocus = func() { s.scroll.Reveal(f) }
		f.OnSubmit = func() {
			if i+1 < len(all) {
				s.d.u.cfg.Window.Canvas().Focus(all[i+1].Input())
			} else if b := s.dialog.DoButton(); !b.Disabled() {
				s.d.u.cfg.Window.Canvas().Focus(b)
			}
		}
	}
	s.box.Objects = []fyne.CanvasObject{s.scroll.View}
	relayout(s.box)
	s.box.Refresh()
}

// wish is the message as it stands.
func (s *choiceSheet) wish() inbox.SendInteractive {
	w := inbox.SendInteractive{Conversation: s.d.open, Text: strings.TrimSpace(s.text.Text()), Footer: oneLine(s.footer.Text())}
	if s.menu != nil {
		w.Menu = oneLine(s.menu.Text())
	}
	for _, r := range s.rows {
		o := inbox.Option{Title: oneLine(r[0].Text())}
		if r[1] != nil {
			o.Note = oneLine(r[1].Text())
		}
		if o != (inbox.Option{}) {
			w.Options = append(w.Options, o)
		}
	}
	return w
}

func (s *choiceSheet) check() {
	if s.dialog == nil {
		return
	}
	why := choicesProblem(s.wish(), s.list)
	s.why.Set(why)
	if why == "" {
		s.dialog.DoButton().Enable()
	} else {
		s.dialog.DoButton().Disable()
	}
}

// choicesProblem is why WhatsApp would not take a message with choices; "" when it would.
func choicesProblem(w inbox.SendInteractive, list bool) string {
	if w.Text == "" {
		return word("choices.why.text")
	}
	if list && w.Menu == "" {
		return word("choices.why.menu")
	}
	switch inbox.CheckInteractive(w) {
	case nil:
		return ""
	case inbox.RefusedEmpty:
		return word("choices.why.empty")
	case inbox.RefusedTooLong:
		return word("choices.why.long")
	}
	return word("choices.why.twice")
}

func (s *choiceSheet) send() {
	d := s.d
	w := s.wish()
	w.Quote = d.comp.takeQuote()
	d.submit(w)
	if oneLine(d.comp.text()) == oneLine(w.Text) { // it began as what was typed
		d.comp.setText("")
		d.typed[d.open] = ""
		d.writer.undraft(d.open)
	}
	d.sent()
}
