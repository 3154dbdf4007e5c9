package ui

import (
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// Contexts of the keyboard. Everything else is "": the inbox.
const (
	contextStart   = "start"
	contextOverlay = "overlay"
)

// The actions that have keys. The palette, the tooltips and the sheet of shortcuts are made from the same table.
const (
	actPalette  = "palette"
	actNext     = "next"
	actPrevious = "previous"
	actUnread   = "unread"
	actPanes    = "panes"
	actBack     = "panes.back"
	actPageUp   = "pageup"
	actPageDown = "pagedown"
	actTop      = "top"
	actBottom   = "bottom"
	actSendNext = "sendnext"
	actNote     = "note"
	actEmoji    = "emoji"
	actAssign   = "assign"
	actClose    = "close"
	actContact  = "contact"
	actHelp     = "help"
	actSettings = "settings"
	actEscape   = "escape"

	actTemplates = "templates"
	actAttach    = "attach"
	actMore      = "more"
	actInbox     = "inbox"
	actRequests  = "requests"
	actIncidents = "incidents"
	actCosts     = "costs"
	actDecisions = "decisions"
	actReveal    = "reveal"
	actFind      = "find"
	actDevices   = "devices"
	actAudit     = "audit"
	actLock      = "lock"
)

// pageOf is which page a key leads to.
var pageOf = map[string]page{actRequests: pageRequests, actIncidents: pageIncidents, actCosts: pageCosts, actDecisions: pageDecisions, actDevices: pageDevices, actAudit: pageAudit}

// bindings is the table of keys.
func bindings() []kit.Binding {
	return []kit.Binding{
		{ID: actPalette, Keys: []string{"Ctrl+K"}, Label: "action.palette"},
		{ID: actNext, Keys: []string{"Alt+Down"}, Label: "action.next"},
		{ID: actPrevious, Keys: []string{"Alt+Up"}, Label: "action.previous"},
		{ID: actUnread, Keys: []string{"Alt+Shift+Down"}, Label: "action.unread"},
		{ID: actSendNext, Keys: []string{"Ctrl+Enter"}, Label: "action.sendnext"},
		{ID: actNote, Keys: []string{"Ctrl+Shift+N"}, Label: "action.note"},
		{ID: actTemplates, Keys: []string{"Ctrl+T"}, Label: "action.templates"},
		{ID: actAttach, Keys: []string{"Ctrl+Shift+U"}, Label: "action.attach"},
		{ID: actMore, Keys: []string{"Ctrl+Shift+M"}, Label: "action.more"},
		{ID: actEmoji, Keys: []string{"Ctrl+E"}, Label: "action.emoji"},
		{ID: actAssign, Keys: []string{"Ctrl+Shift+A"}, Label: "action.assign"},
		{ID: actClose, Keys: []string{"Ctrl+Shift+E"}, Label: "action.close"},
		{ID: actContact, Keys: []string{"Ctrl+I"}, Label: "action.contact"},
		{ID: actReveal, Keys: []string{"Ctrl+Shift+R"}, Label: "action.reveal"},
		{ID: actFind, Keys: []string{"Ctrl+Shift+K"}, Label: "action.find"},
		{ID: actPageUp, Keys: []string{"PageUp"}, Label: "action.pageup"},
		{ID: actPageDown, Keys: []string{"PageDown"}, Label: "action.pagedown"},
		{ID: actTop, Keys: []string{"Ctrl+Home"}, Label: "action.top"},
		{ID: actBottom, Keys: []string{"Ctrl+End"}, Label: "action.bottom"},
		{ID: actPanes, Keys: []string{"F6"}, Label: "action.panes"},
		{ID: actBack, Keys: []string{"Shift+F6"}, Label: "action.panes.back"},
		{ID: actInbox, Keys: []string{"Ctrl+1"}, Label: "action.inbox"},
		{ID: actDecisions, Keys: []string{"Ctrl+3"}, Label: "action.decisions"},
		{ID: actDevices, Keys: []string{"Ctrl+4"}, Label: "action.devices"},
		{ID: actAudit, Keys: []string{"Ctrl+5"}, Label: "action.audit"},
		{ID: actRequests, Keys: []string{"Ctrl+6"}, Label: "action.requests"},
		{ID: actIncidents, Keys: []string{"Ctrl+7"}, Label: "action.incidents"},
		{ID: actCosts, Keys: []string{"Ctrl+8"}, Label: "action.costs"},
		{ID: actSettings, Keys: []string{"Ctrl+,"}, Contexts: []string{"", contextStart}, Label: "action.settings"},
		{ID: actLock, Keys: []string{"Ctrl+Shift+L"}, Contexts: []string{"", contextOverlay}, Label: "action.lock"},
		{ID: actHelp, Keys: []string{"F1"}, Label: "action.help"},
		{ID: actEscape, Keys: []string{"Escape"}, Contexts: []string{"", contextOverlay}, Label: "action.escape"},
	}
}

// context says where the keyboard is.
func (u *UI) context() string {
	switch {
	case u.cfg.Window.Canvas().Overlays().Top() != nil:
		return contextOverlay
	case u.desk == nil:
		return contextStart
	}
	return ""
}

// do runs an action and reports whether there was something to do.
func (u *UI) do(id string) bool {
	u.typed = u.cfg.Now()
	if id == actEscape && u.context() == contextOverlay {
		if u.chooser != nil {
			u.chooser.Dismiss()
			return true
		}
		if kit.EscapeDialog(u.cfg.Window.Canvas()) {
			u.trace("overlay closed")
			return true
		}
		return false
	}
	if id == actSettings {
		u.showSettings()
		return true
	}
	d := u.desk
	if d == nil {
		return false
	}
	switch id {
	case actLock:
		u.lock(LockedByHand)
	case actDevices:
		return d.showPage(pageDevices)
	case actAudit:
		return d.showPage(pageAudit)
	case actPalette:
		d.showPalette()
	case actNext:
		d.step(1)
	case actPrevious:
		d.step(-1)
	case actUnread:
		d.nextUnread()
	case actPanes:
		d.cycle(1)
	case actBack:
		d.cycle(-1)
	case actPageUp:
		d.line.list.Page(-1)
	case actPageDown:
		d.line.list.Page(1)
	case actTop:
		d.line.list.ScrollToTop()
	case actBottom:
		d.line.list.ScrollToBottom()
	case actSendNext:
		if d.send() {
			d.nextUnread()
		}
	case actNote:
		d.toggleNote()
	case actTemplates:
		d.showTemplates()
	case actAttach:
		d.showPick()
	case actMore:
		d.comp.showMore()
	case actInbox:
		d.showPage(pageInbox)
	case actDecisions:
		return d.showPage(pageDecisions)
	case actReveal:
		return d.revealField()
	case actFind:
		return d.showFind()
	case actRequests:
		return d.showPage(pageRequests)
	case actIncidents:
		return d.showPage(pageIncidents)
	case actCosts:
		return d.showPage(pageCosts)
	case actEmoji:
		d.comp.showEmoji()
	case actAssign:
		d.showAssign()
	case actClose:
		d.toggleState()
	case actContact:
		d.toggleContact()
	case actHelp:
		u.showHelp()
	case actEscape:
		return d.escape()
	default:
		return false
	}
	return true
}

// keyName is what is printed on a key of the reader's keyboard.
func keyName(key string) string {
	switch key {
	case "Ctrl":
		return word("key.ctrl")
	case "Alt":
		return word("key.alt")
	case "Shift":
		return word("key.shift")
	case "Enter":
		return word("key.enter")
	case "PageUp":
		return word("key.pageup")
	case "PageDown":
		return word("key.pagedown")
	case "Home":
		return word("key.home")
	case "End":
		return word("key.end")
	}
	return ""
}

// pressed reports whether a key was used less than three seconds ago: the list then keeps its order.
func (u *UI) pressed() bool { return u.cfg.Now().Sub(u.typed) < 3*time.Second }

// tip is a tooltip with the keys that do the same.
func (u *UI) tip(text, id string) string {
	if u.router != nil {
		if h := u.router.Hint(id); h != "" {
			return text + "  " + h
		}
	}
	return text
}

// showHelp opens the sheet of shortcuts.
func (u *UI) showHelp() {
	type line struct{ label, keys string }
	enter := kit.KeyHint("Enter", keyName)
	lines := []line{{word("action.send"), enter}, {word("action.newline"), kit.KeyHint("Shift+Enter", keyName)}}
	if !u.settings.EnterSends {
		lines[0].keys, lines[1].keys = lines[1].keys, lines[0].keys
	}
	for _, b := range u.keys {
		if p, ok := pageOf[b.ID]; ok && u.desk != nil && !u.desk.allowed(p) {
			continue // a page this reader has no right to
		}
		if u.desk != nil && (b.ID == actReveal && !may(u.desk.staff.me, inbox.ActReveal) || b.ID == actFind && !may(u.desk.staff.me, inbox.ActLookUp)) {
			continue
		}
		if !b.Hidden {
			lines = append(lines, line{word(b.Label), u.router.Hint(b.ID)})
		}
	}
	lines = append(lines, line{word("action.choose"), "↑"}, line{word("action.reply"), "↑ R"}, line{word("action.copy"), "↑ C"}, line{word("action.view"), "↑ O"}, line{word("undo.what"), kit.KeyHint("Ctrl+Z", keyName)},
		line{word("action.message"), "↑ " + enter})
	half := (len(lines) + 1) / 2
	height := u.cfg.Window.Canvas().Size().Height
	row := func() float32 { // a low window has lower rows
		return min(kit.Scaled(30), max((height-140-kit.Scaled(20))/float32(half), kit.LineHeight(kit.Snippet)+3))
	}
	sheet := newTall(word("action.help"), func(s *kit.Sketch, size fyne.Size) {
		column := (size.Width - 40) / 2
		for i, l := range lines {
			x, y := float32(0), float32(i)*row()
			if i >= half {
				x, y = column+40, float32(i-half)*row()
			}
			w := kit.TextWidth(l.keys, kit.ChipText) + 14
			s.TextIn(l.label, x, y+(row()-kit.LineHeight(kit.Snippet))/2, column-w-8, kit.Snippet, s.P.Text, kit.AlignStart)
			h := min(kit.Scaled(20), row()-2)
			s.Frame(x+column-w, y+(row()-h)/2, w, h, s.P.Sunken, s.P.Border, 1, 5)
			s.Text(l.keys, x+column-w+7, y+(row()-kit.LineHeight(kit.ChipText))/2, kit.ChipText, s.P.TextMuted)
			if i != half-1 && i != len(lines)-1 {
				s.Line(x, y+row()-1, column, s.P.Border)
			}
		}
	}, func(float32) float32 { return float32(half) * row() })
	kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("action.help"), Body: kit.Column(kit.Min(sheet)), Width: 760,
		Do: kit.Action{Text: word("settings.done")}})
	u.trace("help shown")
}

// showPalette opens what finds conversations, people and actions.
func (d *desk) showPalette() {
	if d.palette == nil {
		d.palette = kit.NewPicker(kit.PickerConfig{Name: word("action.palette"), Placeholder: word("palette.placeholder"), Empty: word("palette.empty"),
			Items: d.paletteItems, OnPick: d.picked, OnClose: func() {
				d.u.trace("overlay closed")
				d.comp.focus()
			}})
	}
	d.palette.Open(d.u.cfg.Window.Canvas())
	d.u.trace("palette shown")
}

// Prefixes of what the palette offers.
const (
	pickAction = "a:"
	pickRow    = "c:"
	pickPerson = "p:"
	pickFilter = "f:"
	pickRemove = "r:"
	pickTurn   = "t:"
	pickField  = "v:"
)

// mostRows is how many conversations an empty palette lists; a query looks at all of them.
const mostRows = 12

func (d *desk) paletteItems(query string) []kit.Item {
	var items []kit.Item
	action := func(id, label, icon string) {
		items = append(items, kit.Item{ID: pickAction + id, Title: label, Hint: d.u.router.Hint(id), Icon: icon})
	}
	if d.row != nil {
		h := d.headerView()
		if h.CanAssign {
			if !h.Mine {
				action("assign.me", word("action.assign.me"), "user")
			}
			action(actAssign, word("action.assign"), "people")
		}
		if h.CanState {
			action(actClose, h.StateTip, "check")
		}
		action(actNote, word("action.note"), "note")
		action(actContact, word("action.contact"), "info")
		action(actTemplates, word("action.templates"), "template")
		for _, f := range fields {
			if v := d.looks.view(f); hidden(d.row.Contact, f) && d.row.Erased == 0 && (v.Step == RevealOffer || v.Action != "") {
				title := word("palette.field", "Field", fieldWord(f))
				if v.Action != "" {
					title = fieldWord(f) + ": " + v.Action
				}
				items = append(items, kit.Item{ID: pickField + string(rune('0'+f)), Title: title, Icon: "eye"})
			}
		}
		if _, ok := d.undoable(); ok {
			action("undo", word("undo.what"), "retry")
		}
		if mayRecord(d.row.Conversation, d.staff) {
			action("consent", word("consent.record.title"), "check")
		}
		if d.row.Into != "" {
			action("follow", word("happened.go"), "go")
		}
		if d.sends() {
			action(actAttach, word("action.attach"), "clip")
			action("location", word("more.location"), "pin")
			if len(companyCards(d.house.cards)) > 0 {
				action("card", word("more.card"), "user")
			}
			action("buttons", word("more.buttons"), "reply")
			action("list", word("more.list"), "list")
			action("variable", word("variable.insert"), "braces")
			for i, a := range d.comp.tray.files {
				items = append(items, kit.Item{ID: pickRemove + string(rune('0'+i)), Title: word("palette.detach", "Name", a.Name), Icon: "close"})
				if turns(a) {
					items = append(items, kit.Item{ID: pickTurn + string(rune('0'+i)), Title: word("palette.turn", "Name", a.Name), Icon: "file"})
				}
			}
		}
	}
	if may(d.staff.me, inbox.ActLookUp) {
		action(actFind, word("action.find"), "search")
	}
	for _, p := range railPages {
		if d.allowed(p.page) && d.page != p.page {
			action(p.act, word(p.label), p.icon)
		}
	}
	if d.page != pageInbox {
		action(actInbox, word("action.inbox"), "inbox")
	}
	action(actUnread, word("action.unread"), "inbox")
	for _, p := range d.pills {
		if !p.Active {
			items = append(items, kit.Item{ID: pickFilter + string(rune('0'+p.Filter)), Title: word("action.filter", "Name", p.Text), Icon: "inbox"})
		}
	}
	action(actLock, word("action.lock"), "lock")
	if d.session.SignOut != nil {
		action("signout", word("signout.do"), "go")
	}
	if d.session.Passphrase != nil {
		action("passphrase", word("passphrase.title"), "lock")
	}
	action(actSettings, word("action.settings"), "settings")
	action(actHelp, word("action.help"), "help")
	action("about", word("action.about"), "shield")
	rows := d.all
	if query == "" && len(rows) > mostRows {
		rows = rows[:mostRows]
	}
	for _, r := range rows {
		name, number := r.Contact.Display(), r.Contact.Phone.Visible()
		it := kit.Item{ID: pickRow + string(r.ID), Title: name + "  " + number, Hint: word("palette.conversation")}
		if number != "" {
			it.Runs = []kit.Run{{Text: name + "  "}, {Text: number, Look: kit.Masked}}
		}
		items = append(items, it)
	}
	return items
}

func (d *desk) picked(it kit.Item) {
	id := it.ID[2:]
	switch it.ID[:2] {
	case pickRow:
		d.openConversation(inbox.ConversationID(id))
	case pickPerson:
		d.assign(inbox.PersonID(id))
	case pickRemove:
		if i := int(id[0] - '0'); i < len(d.comp.tray.files) {
			d.detach(d.comp.tray.files[i].ID)
		}
	case pickTurn:
		if i := int(id[0] - '0'); i < len(d.comp.tray.files) {
			d.comp.tray.turn(i)
		}
	case pickField:
		d.looks.act(inbox.Field(id[0] - '0'))
	case pickFilter:
		d.setFilter(Filter(id[0] - '0'))
	case pickAction:
		switch id {
		case "assign.me":
			d.assign(d.staff.me.ID)
		case "signout":
			d.signOut()
		case "passphrase":
			d.showPassphrase()
		case "about":
			d.u.showAbout()
		case "consent":
			d.showConsent(nil)
		case "undo":
			d.undo()
		case "follow":
			d.follow()
		case "location":
			d.showLocation()
		case "card":
			d.showCards()
		case "buttons":
			d.showChoices(false)
		case "list":
			d.showChoices(true)
		case "variable":
			d.showVariables(d.comp.plus, d.comp.field.InsertText)
		default:
			d.u.do(id)
		}
	}
}

// showAssign lets the reader choose who answers.
func (d *desk) showAssign() {
	if d.row == nil || !d.headerView().CanAssign {
		return
	}
	people := colleagues(d.staff, d.row.Conversation)
	kit.NewPicker(kit.PickerConfig{Name: word("action.assign"), Placeholder: word("palette.assign"), Empty: word("palette.empty"),
		OnPick: d.picked, OnClose: func() { d.u.trace("overlay closed"); d.comp.focus() },
		Items: func(string) []kit.Item {
			var items []kit.Item
			for _, p := range people {
				items = append(items, kit.Item{ID: pickPerson + string(p.ID), Title: p.Title, Hint: p.Hint, Icon: p.Icon})
			}
			return items
		}}).Open(d.u.cfg.Window.Canvas())
	d.u.trace("assign shown")
}
