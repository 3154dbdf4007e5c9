package ui

import (
	"slices"
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

// The actions, by the names in traces and in what the palette remembers.
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

	actTemplates  = "templates"
	actAttach     = "attach"
	actMore       = "more"
	actInbox      = "inbox"
	actRequests   = "requests"
	actIncidents  = "incidents"
	actCosts      = "costs"
	actBoard      = "board"
	actReports    = "reports"
	actOrganise   = "organise"
	actAway       = "away"
	actDecisions  = "decisions"
	actReveal     = "reveal"
	actFind       = "find"
	actDevices    = "devices"
	actAudit      = "audit"
	actLock       = "lock"
	actSnooze     = "snooze"
	actTag        = "tag"
	actPick       = "pick"
	actTask       = "task"
	actSearch     = "search"
	actSearchHere = "search.here"
	actPickAll    = "pick.all"

	actAssignMe   = "assign.me"
	actSignOut    = "signout"
	actPassphrase = "passphrase"
	actPasskey    = "passkey"
	actManaged    = "managed"
	actAbout      = "about"
	actTour       = "tour"
	actConsent    = "consent"
	actUndo       = "undo"
	actFollow     = "follow"
	actLocation   = "location"
	actCard       = "card"
	actButtons    = "buttons"
	actList       = "list"
	actVariable   = "variable"
)

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
	a := actionOf(id)
	switch {
	case a.free != nil:
		a.free(u)
		return true
	case u.desk == nil, a.do == nil, a.has != nil && !a.has(u.desk):
		return false
	}
	return a.do(u.desk)
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
	groups := u.shortcuts()
	// Two columns of about the same length, no group torn.
	var columns [2][]ShortcutView
	total := 0
	for _, g := range groups {
		total += len(g) + 1
	}
	for _, g := range groups {
		c := 0
		if len(columns[1]) > 0 || len(columns[0])+len(g)/2 > total/2 {
			c = 1
		}
		if len(columns[c]) > 0 {
			columns[c] = append(columns[c], ShortcutView{})
		}
		columns[c] = append(columns[c], g...)
	}
	room := u.cfg.Window.Canvas().Size().Height - 220 // a low window has lower rows
	keysWidth := func(l ShortcutView) float32 { return kit.TextWidth(l.Keys, kit.ChipText) + 14 }
	label := func(l ShortcutView, column float32) kit.Block { // what has no room beside its keys goes on in another line
		return layoutText([]kit.Run{{Text: l.Label}}, column-keysWidth(l)-8, kit.Style{Type: kit.Snippet})
	}
	columnOf := func(width float32) float32 { return (width - 40) / 2 }
	row := func(l ShortcutView, column float32) float32 {
		if l.Label == "" {
			return kit.Dense(10, 6)
		}
		most := room / float32(max(len(columns[0]), len(columns[1]), 1))
		h := kit.LineHeight(kit.Snippet)
		if l.Keys != "" {
			h = label(l, column).Height
		}
		return h + min(kit.Dense(8, 4), max(most-kit.LineHeight(kit.Snippet), 2))
	}
	sheet := newTall(word("action.help"), func(s *kit.Sketch, size fyne.Size) {
		column := columnOf(size.Width)
		for c, lines := range columns {
			x, y := float32(c)*(column+40), float32(0)
			for _, l := range lines {
				h := row(l, column)
				switch {
				case l.Label == "":
				case l.Keys == "":
					s.TextIn(l.Label, x, y+(h-kit.LineHeight(kit.LabelBold))/2, column, kit.LabelBold, s.P.TextMuted, kit.AlignStart)
				default:
					w, text := keysWidth(l), label(l, column)
					s.Block(text, x, y+(h-text.Height)/2, s.P.Text)
					cap := min(kit.Scaled(20), h-2)
					s.Frame(x+column-w, y+(h-cap)/2, w, cap, s.P.Sunken, s.P.Border, 1, 5)
					s.Text(l.Keys, x+column-w+7, y+(h-kit.LineHeight(kit.ChipText))/2, kit.ChipText, s.P.TextMuted)
				}
				y += h
			}
		}
	}, func(width float32) float32 {
		var most float32
		for _, lines := range columns {
			var h float32
			for _, l := range lines {
				h += row(l, columnOf(width))
			}
			most = max(most, h)
		}
		return most
	})
	tour := kit.NewButton(word("tour.action"), kit.Flat, nil)
	dialog := kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("action.help"), Body: sheet, Foot: kit.Inset(kit.Row(kit.Min(tour), kit.Spring()), -8, 0, 0, 0), Width: kit.Scaled(820),
		Do: kit.Action{Text: word("settings.done"), Do: u.home}})
	tour.OnTap = func() {
		dialog.Close()
		u.showTour()
	}
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
	pickInbox  = "i:"
	pickTag    = "g:"
	pickRemove = "r:"
	pickTurn   = "t:"
	pickField  = "v:"
)

// mostRows is how many conversations an empty palette lists; a query looks at all of them.
const mostRows = 12

func (d *desk) paletteItems(query string) []kit.Item {
	var items []kit.Item
	for _, a := range actions {
		if !a.quiet && d.u.can(a) {
			hint := d.u.router.Hint(a.id)
			if a.typed != "" {
				hint = kit.KeyHint(a.typed, keyName)
			}
			items = append(items, kit.Item{ID: pickAction + a.id, Title: a.title(d.u), Hint: hint, Icon: a.icon})
		}
	}
	if d.row != nil {
		for _, f := range fields {
			if v := d.looks.view(f); hidden(d.row.Contact, f) && d.row.Erased == 0 && (v.Step == RevealOffer || v.Action != "") {
				title := word("palette.field", "Field", fieldWord(f))
				if v.Action != "" {
					title = fieldWord(f) + ": " + v.Action
				}
				items = append(items, kit.Item{ID: pickField + string(rune('0'+f)), Title: title, Icon: "eye"})
			}
		}
		if d.sends() {
			for i, a := range d.comp.tray.files {
				items = append(items, kit.Item{ID: pickRemove + string(rune('0'+i)), Title: word("palette.detach", "Name", a.Name), Icon: "close"})
				if turns(a) {
					items = append(items, kit.Item{ID: pickTurn + string(rune('0'+i)), Title: word("palette.turn", "Name", a.Name), Icon: "file"})
				}
			}
		}
	}
	for f := FilterMine; f <= FilterClosed; f++ {
		if f != d.filter {
			items = append(items, kit.Item{ID: pickFilter + string(rune('0'+f)), Title: word("action.filter", "Name", word(filterWords[f][0])), Icon: "inbox"})
		}
	}
	if query != "" { // an empty palette offers what one may not think of, not every tag
		for _, in := range d.scopeInboxes() {
			items = append(items, kit.Item{ID: pickInbox + string(in.ID), Title: word("action.filter", "Name", in.Name), Hint: word("find.inbox"), Icon: "inbox"})
		}
		for _, t := range d.house.tags {
			items = append(items, kit.Item{ID: pickTag + string(t.ID), Title: word("action.filter", "Name", t.Name), Hint: word("palette.tag"), Icon: "tag"})
		}
	}
	rows := d.all
	if query == "" && len(rows) > mostRows {
		rows = rows[:mostRows]
	}
	for _, r := range rows {
		name, number := r.Contact.Display(), r.Contact.Phone.Visible()
		it := kit.Item{ID: pickRow + string(r.ID), Title: name + "  " + number, Hint: word("palette.conversation"), Icon: "user"}
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
	case pickInbox:
		d.showScope(scope{inbox: inbox.InboxID(id)})
	case pickTag:
		d.showScope(scope{tag: inbox.TagID(id)})
	case pickFilter:
		d.setFilter(Filter(id[0] - '0'))
	case pickAction:
		d.u.do(id)
	}
}

// severalPeople answer in several conversations together: nobody has them all.
const severalPeople inbox.PersonID = "several"

// showAssign lets the reader choose who answers.
func (d *desk) showAssign() {
	if !d.mayAll(inbox.ActAssign) {
		return
	}
	where := word("palette.assign")
	if n := len(d.aim()); n > 1 {
		where = count("palette.assign.n", n)
	}
	about := d.aim()[0].Conversation
	if slices.ContainsFunc(d.aim(), func(r *Row) bool { return r.Assignee != about.Assignee }) {
		about.Assignee = severalPeople
	}
	people := colleagues(d.staff, about, d.session.Relay.Presence().Online)
	kit.NewPicker(kit.PickerConfig{Name: word("action.assign"), Placeholder: where, Empty: word("palette.empty"),
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
