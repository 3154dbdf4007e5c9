package ui

import (
	"errors"
	"strings"
	"unicode"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// lookUpInboxes are the inboxes in which the reader may look for a number.
func (d *desk) lookUpInboxes() []inbox.Inbox {
	var out []inbox.Inbox
	for _, in := range d.house.inboxes {
		if inbox.Can(d.staff.me, inbox.ActLookUp, inbox.Subject{Inbox: in.ID}) == nil {
			out = append(out, in)
		}
	}
	return out
}

// wholeNumber reports whether a text could be a telephone number with its country code: the server wants no less.
func wholeNumber(text string) bool {
	text = strings.TrimSpace(text)
	digits := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return digits >= 8 && (strings.HasPrefix(text, "+") || strings.HasPrefix(text, "＋") || strings.HasPrefix(text, "00"))
}

// showFind asks for a whole number and opens the conversation with whom it belongs to. What was typed is asked once and
// kept nowhere here.
func (d *desk) showFind() bool {
	inboxes := d.lookUpInboxes()
	if len(inboxes) == 0 {
		return false
	}
	at := 0
	if d.row != nil {
		for i, in := range inboxes {
			if in.ID == d.row.Inbox {
				at = i
			}
		}
	}
	field := kit.NewField(word("find.field"), word("find.example"), false).SetMost(40)
	cells := []kit.Cell{}
	if len(inboxes) > 1 {
		var names []string
		for _, in := range inboxes {
			names = append(names, in.Name)
		}
		cells = append(cells, kit.Min(kit.NewText(word("find.inbox"), kit.Label, kit.InkText)), kit.Gap(2), kit.Min(kit.NewRadio(word("find.inbox"), names, at, func(i int) { at = i })), kit.Gap(10))
	}
	cells = append(cells, kit.Min(field), kit.Gap(6), kit.Min(kit.NewBanner(kit.Notice{Style: kit.ChipPrivacy, Icon: "lock", Text: word("find.recorded")})))
	var dialog *kit.Dialog
	asking := false
	ready := func() bool {
		ok := !asking && wholeNumber(field.Text()) && !field.Long()
		if ok {
			dialog.DoButton().Enable()
		} else {
			dialog.DoButton().Disable()
		}
		return ok
	}
	find := func() {
		if !ready() {
			if strings.TrimSpace(field.Text()) != "" && !asking {
				field.SetNote(kit.ChipDanger, word("find.whole"))
			}
			return
		}
		asking = true
		ready()
		field.SetNote(kit.ChipNeutral, word("find.asking"))
		q := inbox.LookUp{Inbox: inboxes[at].ID, Number: strings.TrimSpace(field.Text())}
		d.u.trace("number asked")
		go func() {
			a, err := d.ask(d.ctx, q)
			q.Number = ""
			d.u.cfg.Post(func() {
				asking = false
				if d.ended() || dialog.Closed() {
					return
				}
				found, _ := a.(inbox.Found)
				switch {
				case err != nil:
					field.SetNote(kit.ChipDanger, findProblem(err))
				case found.Conversation == "":
					field.SetNote(kit.ChipWarn, word("find.none"))
				case rowWith(d.all, found.Conversation) == nil:
					field.SetNote(kit.ChipWarn, word("joined.elsewhere"))
				default:
					field.SetText("")
					dialog.Close()
					d.openConversation(found.Conversation)
				}
				ready()
				d.u.trace("number answered")
			})
		}()
	}
	field.OnChange = func(string) {
		field.SetNote(kit.ChipNeutral, "")
		ready()
	}
	field.OnSubmit = find
	leave := func() {
		field.SetText("")
		d.comp.focus()
	}
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("find.title"), Text: word("find.text"), Body: kit.Column(cells...), Focus: field.Input(), Width: 520, Stays: true,
		Safe: kit.Action{Text: word("action.cancel"), Do: leave}, Do: kit.Action{Text: word("find.do"), Do: find}})
	dialog.DoButton().Disable()
	d.u.trace("find shown")
	return true
}

func findProblem(err error) string {
	switch {
	case errors.Is(err, inbox.RefusedCap):
		return word("find.cap")
	case errors.Is(err, inbox.RefusedMalformed):
		return word("find.whole")
	}
	return trouble(err)
}
