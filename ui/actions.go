package ui

import (
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// An action is something a person can do in the window. The palette, the sheet of shortcuts, the tooltips, the menus and the
// keys are made from one table of them.
type action struct {
	id    string
	label string // key of its name
	icon  string
	group string   // key of the heading on the sheet; "" keeps it off the sheet
	keys  []string // the first is printed
	typed string   // keys of a widget, which are printed and not bound
	in    []string // contexts of the keys; none is everywhere but in exclusive ones
	named func(d *desk) string
	has   func(d *desk) bool // whether this reader has it at all; nil is yes
	now   func(d *desk) bool // whether there is something to do now; nil is yes
	do    func(d *desk) bool
	free  func(u *UI) // what is done without an open inbox too, instead of do
	quiet bool        // the palette does not offer it: it moves within what one sees
}

// The headings of the sheet.
const (
	groupMove    = "keys.group.move"
	groupWrite   = "keys.group.write"
	groupTalk    = "keys.group.talk"
	groupMessage = "keys.group.message"
	groupPages   = "keys.group.pages"
	groupApp     = "keys.group.app"
)

// always turns a deed that cannot come to nothing into one that says so.
func always(f func(d *desk)) func(*desk) bool {
	return func(d *desk) bool {
		f(d)
		return true
	}
}

func hasRow(d *desk) bool { return d.row != nil }
func canSend(d *desk) bool {
	return d.sends()
}

// pageAction is the action that leads to a page.
func pageAction(id, label, icon, key string, p page) action {
	var keys []string
	if key != "" {
		keys = []string{key}
	}
	return action{id: id, label: label, icon: icon, group: groupPages, keys: keys, has: func(d *desk) bool { return d.allowed(p) },
		now: func(d *desk) bool { return d.page != p }, do: func(d *desk) bool { return d.showPage(p) }}
}

// actions is the table, in the order of the palette and of the sheet. It is filled in by init: what an action does leads back
// to it.
var actions []action

func init() {
	actions = []action{
		{id: actAssignMe, label: "action.assign.me", icon: "user", now: func(d *desk) bool { return d.row != nil && d.headerView().CanAssign && !d.headerView().Mine },
			do: always(func(d *desk) { d.assign(d.staff.me.ID) })},
		{id: actAssign, label: "action.assign", icon: "people", group: groupTalk, keys: []string{"Ctrl+Shift+A"}, now: func(d *desk) bool { return d.mayAll(inbox.ActAssign) }, do: always((*desk).showAssign)},
		{id: actClose, label: "action.close", icon: "check", group: groupTalk, keys: []string{"Ctrl+Shift+E"}, named: func(d *desk) string { return d.headerView().StateTip },
			now: func(d *desk) bool { return d.mayAll(inbox.ActSetState) }, do: always((*desk).toggleState)},
		{id: actSnooze, label: "action.snooze", icon: "snooze", group: groupTalk, keys: []string{"Ctrl+Shift+S"}, now: func(d *desk) bool { return d.mayAll(inbox.ActSetState) }, do: always((*desk).showSnooze)},
		{id: actTag, label: "action.tag", icon: "tag", group: groupTalk, keys: []string{"Ctrl+Shift+T"}, now: func(d *desk) bool { return d.mayAll(inbox.ActTag) }, do: always((*desk).showTags)},
		{id: actTask, label: "task.new", icon: "task", now: func(d *desk) bool { return d.row != nil && d.mayOn(d.row.Conversation, inbox.ActTask) }, do: always(func(d *desk) { d.showTask(nil) })},
		{id: actPick, label: "bulk.pick", icon: "list", group: groupTalk, keys: []string{"Ctrl+Shift+X"}, now: hasRow, do: always(func(d *desk) { d.pick(d.open) })},
		{id: actPickAll, label: "bulk.pick.all", icon: "list", now: func(d *desk) bool { return d.page == pageInbox && len(d.shown) > 0 }, do: always((*desk).pickAll)},
		{id: actNote, label: "action.note", icon: "note", group: groupWrite, keys: []string{"Ctrl+Shift+N"}, now: hasRow, do: always((*desk).toggleNote)},
		{id: actContact, label: "action.contact", icon: "info", group: groupTalk, keys: []string{"Ctrl+I"}, now: hasRow, do: always((*desk).toggleContact)},
		{id: actTemplates, label: "action.templates", icon: "template", group: groupWrite, keys: []string{"Ctrl+T"}, now: hasRow, do: always((*desk).showTemplates)},
		{id: actAttach, label: "action.attach", icon: "clip", group: groupWrite, keys: []string{"Ctrl+Shift+U"}, now: canSend, do: always((*desk).showPick)},
		{id: actEmoji, label: "action.emoji", icon: "smile", group: groupWrite, keys: []string{"Ctrl+E"}, now: hasRow, do: always(func(d *desk) { d.comp.showEmoji() })},
		{id: actLocation, label: "more.location", icon: "pin", now: canSend, do: always((*desk).showLocation)},
		{id: actCard, label: "more.card", icon: "user", now: func(d *desk) bool { return d.sends() && len(companyCards(d.house.cards)) > 0 }, do: always((*desk).showCards)},
		{id: actButtons, label: "more.buttons", icon: "reply", now: canSend, do: always(func(d *desk) { d.showChoices(false) })},
		{id: actList, label: "more.list", icon: "list", now: canSend, do: always(func(d *desk) { d.showChoices(true) })},
		{id: actVariable, label: "variable.insert", icon: "braces", now: canSend, do: always(func(d *desk) { d.showVariables(d.comp.plus, d.comp.field.InsertText) })},
		{id: actMore, label: "action.more", icon: "plus", group: groupWrite, keys: []string{"Ctrl+Shift+M"}, quiet: true, do: always(func(d *desk) { d.comp.showMore() })},
		{id: actSendNext, label: "action.sendnext", icon: "send", group: groupWrite, keys: []string{"Ctrl+Enter"}, quiet: true, do: always(func(d *desk) {
			if d.send() {
				d.nextUnread()
			}
		})},
		{id: actReveal, label: "action.reveal", icon: "eye", group: groupTalk, keys: []string{"Ctrl+Shift+R"}, quiet: true,
			has: func(d *desk) bool { return may(d.staff.me, inbox.ActReveal) }, do: (*desk).revealField},
		{id: actUndo, label: "undo.what", icon: "retry", group: groupWrite, typed: "Ctrl+Z", now: func(d *desk) bool { _, ok := d.undoable(); return ok }, do: always(func(d *desk) { d.undo() })},
		{id: actConsent, label: "consent.record.title", icon: "check", now: func(d *desk) bool { return d.row != nil && mayRecord(d.row.Conversation, d.staff) }, do: always(func(d *desk) { d.showConsent(nil) })},
		{id: actFollow, label: "happened.go", icon: "go", now: func(d *desk) bool { return d.row != nil && d.row.Into != "" }, do: always((*desk).follow)},
		{id: actSearch, label: "search.title", icon: "search", group: groupMove, keys: []string{"Ctrl+Shift+F"}, do: always(func(d *desk) { d.showSearch("") })},
		{id: actSearchHere, label: "search.here", icon: "search", group: groupMove, keys: []string{"Ctrl+F"}, now: hasRow, do: always(func(d *desk) { d.showSearch(d.open) })},
		{id: actFind, label: "action.find", icon: "search", group: groupMove, keys: []string{"Ctrl+Shift+K"}, has: func(d *desk) bool { return may(d.staff.me, inbox.ActLookUp) }, do: (*desk).showFind},

		{id: actPalette, label: "action.palette", icon: "search", group: groupMove, keys: []string{"Ctrl+K"}, quiet: true, do: always((*desk).showPalette)},
		{id: actNext, label: "action.next", icon: "inbox", group: groupMove, keys: []string{"Alt+Down"}, quiet: true, do: always(func(d *desk) { d.step(1) })},
		{id: actPrevious, label: "action.previous", icon: "inbox", group: groupMove, keys: []string{"Alt+Up"}, quiet: true, do: always(func(d *desk) { d.step(-1) })},
		{id: actUnread, label: "action.unread", icon: "inbox", group: groupMove, keys: []string{"Alt+Shift+Down"}, do: always((*desk).nextUnread)},
		{id: actPanes, label: "action.panes", group: groupMove, keys: []string{"F6"}, quiet: true, do: always(func(d *desk) { d.cycle(1) })},
		{id: actBack, label: "action.panes.back", group: groupMove, keys: []string{"Shift+F6"}, quiet: true, do: always(func(d *desk) { d.cycle(-1) })},
		{id: actPageUp, label: "action.pageup", group: groupMove, keys: []string{"PageUp"}, quiet: true, do: always(func(d *desk) { d.line.list.Page(-1) })},
		{id: actPageDown, label: "action.pagedown", group: groupMove, keys: []string{"PageDown"}, quiet: true, do: always(func(d *desk) { d.line.list.Page(1) })},
		{id: actTop, label: "action.top", group: groupMove, keys: []string{"Ctrl+Home"}, quiet: true, do: always(func(d *desk) { d.line.list.ScrollToTop() })},
		{id: actBottom, label: "action.bottom", group: groupMove, keys: []string{"Ctrl+End"}, quiet: true, do: always(func(d *desk) { d.line.list.ScrollToBottom() })},

		{id: actInbox, label: "action.inbox", icon: "inbox", group: groupPages, keys: []string{"Ctrl+1"}, now: func(d *desk) bool { return d.page != pageInbox }, do: always(func(d *desk) { d.showPage(pageInbox) })},
		pageAction(actDecisions, "action.decisions", "eye", "Ctrl+3", pageDecisions),
		pageAction(actDevices, "action.devices", "device", "Ctrl+4", pageDevices),
		pageAction(actAudit, "action.audit", "document", "Ctrl+5", pageAudit),
		pageAction(actRequests, "action.requests", "scales", "Ctrl+6", pageRequests),
		pageAction(actIncidents, "action.incidents", "bell", "Ctrl+7", pageIncidents),
		pageAction(actCosts, "action.costs", "chart", "Ctrl+8", pageCosts),
		pageAction(actBoard, "action.board", "pulse", "Ctrl+9", pageBoard),
		pageAction(actReports, "action.reports", "chart", "", pageReports),
		pageAction(actOrganise, "action.organise", "tag", "", pageOrganise),

		{id: actLock, label: "action.lock", icon: "lock", group: groupApp, keys: []string{"Ctrl+Shift+L"}, in: []string{"", contextOverlay}, do: always(func(d *desk) { d.u.lock(LockedByHand) })},
		{id: actAway, label: "action.away", icon: "pause", named: func(d *desk) string { return word(awayKey(d.staff.me.Away)) }, has: func(d *desk) bool { return may(d.staff.me, inbox.ActSend) }, do: always((*desk).turnAway)},
		{id: actSignOut, label: "signout.do", icon: "go", now: func(d *desk) bool { return d.session.SignOut != nil }, do: always((*desk).signOut)},
		{id: actPassphrase, label: "passphrase.title", icon: "lock", now: func(d *desk) bool { return d.session.Passphrase != nil }, do: always((*desk).showPassphrase)},
		{id: actPasskey, label: "passkey.add", icon: "shield", now: (*desk).mayAddPasskey, do: always((*desk).addPasskey)},
		{id: actSettings, label: "action.settings", icon: "settings", group: groupApp, keys: []string{"Ctrl+,"}, in: []string{"", contextStart}, free: (*UI).showSettings},
		{id: actHelp, label: "action.help", icon: "help", group: groupApp, keys: []string{"F1"}, in: []string{"", contextStart}, free: (*UI).showHelp},
		{id: actTour, label: "tour.action", icon: "info", group: groupApp, free: (*UI).showTour},
		{id: actManaged, label: "managed.title", icon: "scales", group: groupApp, free: (*UI).showManaged},
		{id: actAbout, label: "action.about", icon: "shield", group: groupApp, free: (*UI).showAbout},
		{id: actEscape, label: "action.escape", group: groupMove, keys: []string{"Escape"}, in: []string{"", contextOverlay}, quiet: true, do: (*desk).escape},

		// Keys of the message field and of a chosen message: their widgets take them.
		{id: "choose", label: "action.choose", group: groupMessage, typed: "Up", quiet: true},
		{id: "reply", label: "action.reply", group: groupMessage, typed: "R", quiet: true},
		{id: "copy", label: "action.copy", group: groupMessage, typed: "C", quiet: true},
		{id: "view", label: "action.view", group: groupMessage, typed: "O", quiet: true},
		{id: "message", label: "action.message", group: groupMessage, typed: "Enter", quiet: true},
	}
}

// actionOf is the row of an action; one without a name when there is none.
func actionOf(id string) action {
	if i := slices.IndexFunc(actions, func(a action) bool { return a.id == id }); i >= 0 {
		return actions[i]
	}
	return action{id: id}
}

// title is what the action is called now.
func (a action) title(u *UI) string {
	if d := u.desk; d != nil && a.named != nil && (a.now == nil || a.now(d)) {
		return a.named(d)
	}
	return word(a.label)
}

// can reports whether an action can be done now.
func (u *UI) can(a action) bool {
	if a.free != nil {
		return true
	}
	d := u.desk
	return d != nil && a.do != nil && (a.has == nil || a.has(d)) && (a.now == nil || a.now(d))
}

// bindings are the keys of the table.
func bindings() []kit.Binding {
	var out []kit.Binding
	for _, a := range actions {
		if len(a.keys) > 0 {
			out = append(out, kit.Binding{ID: a.id, Keys: a.keys, Contexts: a.in, Label: a.label})
		}
	}
	return out
}

// A ShortcutView is one line of the sheet of shortcuts; Keys is "" for a heading.
type ShortcutView struct{ Label, Keys string }

// shortcuts are the sheet, by headings, without what this reader has no right to.
func (u *UI) shortcuts() [][]ShortcutView {
	var out [][]ShortcutView
	for _, group := range []string{groupMove, groupWrite, groupTalk, groupMessage, groupPages, groupApp} {
		lines := []ShortcutView{{Label: word(group)}}
		if group == groupWrite {
			send, line := kit.KeyHint("Enter", keyName), kit.KeyHint("Shift+Enter", keyName)
			if !u.settings.EnterSends {
				send, line = line, send
			}
			lines = append(lines, ShortcutView{word("action.send"), send}, ShortcutView{word("action.newline"), line})
		}
		for _, a := range actions {
			if a.group != group || u.desk != nil && a.has != nil && !a.has(u.desk) {
				continue
			}
			keys := u.router.Hint(a.id)
			if a.typed != "" {
				keys = kit.KeyHint(a.typed, keyName)
			}
			if keys != "" {
				lines = append(lines, ShortcutView{word(a.label), keys})
			}
		}
		if len(lines) > 1 {
			out = append(out, lines)
		}
	}
	return out
}
