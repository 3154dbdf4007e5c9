package ui

import (
	"context"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// This file is what can be done about a message of ours that has not left, or did not get through.

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

// undo takes back what the short message at the bottom offers to, else the message that was sent last, unless something was
// typed since. A text entry with something to undo was asked before.
func (d *desk) undo() bool {
	if d.u.layers.Act(word("toast.undo")) {
		d.u.trace("undone")
		return true
	}
	id, ok := d.undoable()
	if !ok || d.comp.text() != "" {
		return false
	}
	d.withdraw(id)
	return true
}

// undo is what Ctrl+Z does where no text entry undoes what was typed.
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
