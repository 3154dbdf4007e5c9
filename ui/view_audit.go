package ui

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// An EntryView is one row of the audit log.
type EntryView struct {
	ID      string
	Icon    string
	Tone    Tone
	Text    string
	Line    string
	Time    string
	Refused string
}

// acts are the acts of the log whose words are known: the sentence, and what it looks like. A new act is shown as it is.
var acts = map[string]struct{ key, icon string }{
	"message.sent": {"act.message.sent", "send"}, "message.sent-again": {"act.message.again", "send"}, "message.sent-media": {"act.message.media", "clip"},
	"message.sent-template": {"act.message.template", "template"}, "message.sent-interactive": {"act.message.interactive", "list"},
	"message.sent-location": {"act.message.location", "pin"}, "message.sent-card": {"act.message.card", "user"}, "message.reacted": {"act.message.reacted", "smile"},
	"message.withdrawn": {"act.message.withdrawn", "retry"}, "message.held-decided": {"act.message.decided", "shield"}, "message.released": {"act.message.released", "check"},
	"message.not-released": {"act.message.kept", "close"}, "note.added": {"act.note.added", "note"},
	"conversation.assigned": {"act.conversation.assigned", "user"}, "conversation.state-set": {"act.conversation.state", "check"}, "conversation.read": {"act.conversation.read", "eye"},
	"media.fetched": {"act.media.fetched", "image"}, "consent.recorded": {"act.consent.recorded", "check"},
	"card.set": {"act.card.set", "user"}, "card.removed": {"act.card.removed", "user"},
	"updates.imported": {"act.updates.imported", "update"},
	"template.created": {"act.template.created", "template"}, "template.edited": {"act.template.edited", "template"}, "template.deleted": {"act.template.deleted", "template"},
	"request.approved": {"act.request.approved", "scales"}, "request.refused": {"act.request.refused", "scales"}, "request.done": {"act.request.done", "scales"},
	"request.quiet":    {"act.request.quiet", "scales"},
	"request.exported": {"act.request.exported", "download"}, "incident.closed": {"act.incident.closed", "bell"},
	"guard.found": {"act.guard.found", "shield"}, "guard.alerted": {"act.guard.alerted", "shield"},
	"reveal.asked": {"act.reveal.asked", "eye"}, "reveal.granted": {"act.reveal.granted", "eye"}, "reveal.refused": {"act.reveal.refused", "eye-off"},
	"reveal.shown": {"act.reveal.shown", "eye"}, "reveal.ended": {"act.reveal.ended", "eye-off"}, "reveal.lapsed": {"act.reveal.lapsed", "eye-off"}, "reveal.many": {"act.reveal.many", "warn"},
	"contact.looked-up": {"act.contact.lookedup", "search"}, "contact.erased": {"act.contact.erased", "wipe"},
	"person.added": {"act.person.added", "user"}, "inbox.added": {"act.inbox.added", "inbox"},
	"device.code-issued": {"act.device.code", "device"}, "device.added": {"act.device.added", "device"}, "device.revoked": {"act.device.revoked", "device"},
	"device.holdings": {"act.device.holdings", "search"}, "device.reimaged": {"act.device.reimaged", "device"}, "device.renamed": {"act.device.renamed", "device"},
	"person.inboxes-set": {"act.person.inboxes", "user"}, "person.left": {"act.person.left", "user"}, "person.offboarding": {"act.person.offboarding", "user"},
	"person.offboarded": {"act.person.offboarded", "user"}, "person.returned": {"act.person.returned", "user"}, "person.role-set": {"act.person.role", "user"},
	"person.team-set": {"act.person.team", "people"}, "person.sign-on-set": {"act.person.signon", "link"}, "person.sign-on-gone": {"act.person.gone", "warn"},
	"session.ended": {"act.session.ended", "lock"}, "sign-in.done": {"act.signin.done", "lock"}, "sign-in.refused": {"act.signin.refused", "warn"},
	"sign-in.password-set": {"act.signin.password", "lock"}, "sign-in.password-reset": {"act.signin.reset", "lock"}, "sign-in.second-set": {"act.signin.second", "shield"},
	"sign-in.second-reset": {"act.signin.noself", "shield"}, "sign-in.recovery-kept": {"act.signin.recovery", "shield"},
	"sign-in.passkey-added": {"act.signin.passkey", "shield"}, "sign-in.passkey-removed": {"act.signin.nopasskey", "shield"}, "sign-in.passkey-copied": {"act.signin.copied", "warn"},
	"step-up.done": {"act.stepup.done", "shield"}, "step-up.refused": {"act.stepup.refused", "warn"},
	"wipe.ordered": {"act.wipe.ordered", "wipe"}, "wipe.waits": {"act.wipe.waits", "clock"}, "wipe.agreed": {"act.wipe.agreed", "wipe"}, "wipe.cancelled": {"act.wipe.cancelled", "close"},
	"wipe.half-destroyed": {"act.wipe.half", "wipe"}, "wipe.started": {"act.wipe.started", "wipe"}, "wipe.proven": {"act.wipe.proven", "check"}, "wipe.refused": {"act.wipe.refused", "warn"},
	"wipe.proof-saved": {"act.wipe.proof", "download"},
	"keys.rotated":     {"act.keys.rotated", "lock"}, "keys.older": {"act.keys.older", "warn"},
	"conversation.tagged": {"act.conversation.tagged", "tag"}, "task.set": {"act.task.set", "task"}, "tag.set": {"act.tag.set", "tag"}, "quick-reply.set": {"act.reply.set", "note"},
	"message.searched": {"act.message.searched", "search"}, "report.seen": {"act.report.seen", "chart"},
	"person.away-set": {"act.person.away", "pause"}, "person.languages-set": {"act.person.languages", "user"},
	"backup.taken": {"act.backup.taken", "download"}, "backup.drilled": {"act.backup.drilled", "check"}, "backup.drill-failed": {"act.backup.failed", "warn"},
	"audit.searched": {"act.audit.searched", "search"}, "audit.exported": {"act.audit.exported", "download"}, "audit.anchored": {"act.audit.anchored", "shield"},
}

// An ActGroup is a part of the log one can look at alone: the prefix of its acts, and what it is called.
type ActGroup struct{ Prefix, Key string }

// actGroups are what the log can be narrowed to.
var actGroups = []ActGroup{
	{"", "audit.group.all"}, {"message.", "audit.group.message"}, {"conversation.", "audit.group.conversation"}, {"media.", "audit.group.media"}, {"reveal.", "audit.group.reveal"},
	{"contact.", "audit.group.contact"}, {"guard.", "audit.group.guard"}, {"sign-in.", "audit.group.signin"}, {"device.", "audit.group.device"}, {"wipe.", "audit.group.wipe"}, {"person.", "audit.group.person"},
	{"request.", "audit.group.request"}, {"backup.", "audit.group.backup"}, {"audit.", "audit.group.audit"},
}

// auditSpans are the lengths of time the log can be narrowed to, in days; 0 is all.
var auditSpans = []struct {
	days int
	key  string
}{{1, "audit.span.day"}, {7, "audit.span.week"}, {30, "audit.span.month"}, {0, "audit.span.all"}}

// auditFilter is what the page is narrowed to.
type auditFilter struct {
	person       inbox.PersonID
	group        string
	conversation inbox.ConversationID
	contact      string // whose conversation that is
	device       inbox.DeviceID
	deviceName   string
	days         int
}

// question is what the page asks for, from an entry on.
func (f auditFilter) question(before string, now time.Time, loc *time.Location) inbox.AskAudit {
	q := inbox.AskAudit{Person: f.person, Conversation: f.conversation, Device: f.device, Act: f.group, Before: before}
	if f.days > 0 {
		n := now.In(loc)
		q.From = inbox.At(time.Date(n.Year(), n.Month(), n.Day(), 0, 0, 0, 0, loc).AddDate(0, 0, 1-f.days))
	}
	return q
}

// narrowed reports whether anything is filtered.
func (f auditFilter) narrowed() bool { return f != auditFilter{} }

// actText is an entry as a sentence.
func actText(e inbox.AuditEntry, s staff) (text, icon string) {
	who := word("audit.relay")
	if e.Actor != "" {
		who = s.called(e.Actor)
	}
	if a, ok := acts[e.Act]; ok {
		return word(a.key, "Who", who), a.icon
	}
	return word("act.other", "Who", who, "Act", e.Act), "document"
}

func entryView(e inbox.AuditEntry, h house, s staff, t clock) EntryView {
	v := EntryView{ID: e.ID, Tone: TonePrivacy, Time: t.clockTime(e.At)}
	v.Text, v.Icon = actText(e, s)
	var parts []string
	if a := e.About; a != nil {
		parts = append(parts, a.Name)
		if a.Person != "" {
			parts = append(parts, s.called(a.Person))
		}
		parts = append(parts, a.Device)
	}
	parts = append(parts, h.inbox(e.Inbox).Name, plainDetail(e))
	v.Line = join(parts...)
	if e.Refused != inbox.Granted {
		v.Refused, v.Tone = word("audit.refused"), ToneWarn
	}
	switch e.Act {
	case "reveal.many", "keys.older", "backup.drill-failed", "guard.alerted", "sign-in.refused", "step-up.refused", "wipe.refused", "person.sign-on-gone":
		v.Tone = ToneWarn
	}
	return v
}

// guardNames are the rules of the guard by the names they have in the log.
var guardNames = map[string]inbox.GuardRule{
	"other-contact": inbox.GuardOthersData, "payment-card": inbox.GuardPayCard, "bank-account": inbox.GuardBank, "diversion": inbox.GuardDiversion,
	"link": inbox.GuardLink, "bad-link": inbox.GuardLink, "mass-send": inbox.GuardMass, "discount": inbox.GuardDiscount, "foreign-code": inbox.GuardDiscount,
	"wrong-recipient": inbox.GuardRecipient, "pasted": inbox.GuardRecipient, "file": inbox.GuardFile, "window": inbox.GuardWindow, "consent": inbox.GuardWindow,
	"claim": inbox.GuardForbidden, "disclaimer": inbox.GuardForbidden, "unreadable": inbox.GuardForbidden, "sensitive-data": inbox.GuardAsksTooMuch,
}

// plainDetail is what a person reads of an entry's detail: what the guard found in words, and of anything else no ids. The
// entry in full has it as it stands in the log.
func plainDetail(e inbox.AuditEntry) string {
	words := strings.Fields(e.Detail)
	if strings.HasPrefix(e.Act, "guard.") {
		var found []inbox.GuardRule
		for _, w := range words {
			name, _, _ := strings.Cut(w, "/")
			if r, ok := guardNames[name]; ok && name != w {
				found = append(found, r)
			}
		}
		return foundText(found)
	}
	var field, why int
	if n, _ := fmt.Sscanf(e.Detail, "field %d why %d", &field, &why); n == 2 {
		return join(fieldWord(inbox.Field(field)), reasonWord(inbox.RevealReason(why)))
	}
	if text, ok := shorthand(e.Act, e.Detail); ok {
		return text
	}
	return strings.Join(slices.DeleteFunc(words, wireID), " ")
}

// wireID reports whether a word is an id of a message, a wish or the like, which tells a person nothing.
func wireID(word string) bool {
	if len(word) != 26 {
		return false
	}
	for _, r := range word {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// entryFacts is an entry in full. named are the devices the reader knows by name; of another one its id says which it was.
func entryFacts(e inbox.AuditEntry, h house, s staff, named map[inbox.DeviceID]string, t clock) []FactView {
	var out []FactView
	fact := func(label, text string) {
		if text != "" {
			out = append(out, FactView{Label: label, Text: text})
		}
	}
	fact(word("audit.fact.time"), t.clockTime(e.At))
	if e.Actor != "" {
		fact(word("audit.fact.person"), s.called(e.Actor))
	} else {
		fact(word("audit.fact.person"), word("audit.relay"))
	}
	fact(word("audit.fact.act"), e.Act)
	if e.Refused != inbox.Granted {
		fact(word("audit.refused"), refusalText(e.Refused))
	} else {
		fact(word("audit.fact.outcome"), word("audit.fact.done"))
	}
	if a := e.About; a != nil {
		fact(word("audit.fact.contact"), a.Name)
		if a.Person != "" {
			fact(word("audit.fact.whom"), s.called(a.Person))
		}
		fact(word("audit.fact.device"), a.Device)
	}
	fact(word("audit.fact.inbox"), h.inbox(e.Inbox).Name)
	fact(word("audit.fact.detail"), e.Detail)
	fact(word("audit.fact.object"), e.Object)
	fact(word("audit.fact.from"), cmp.Or(named[e.Device], string(e.Device)))
	fact(word("audit.fact.entry"), e.ID)
	return out
}

// A ChainView is the state of the log as a whole.
type ChainView struct {
	Tone  Tone
	Icon  string
	Title string
	Line  string
}

// chainView sums the trees up: the worst of them counts.
func chainView(list []inbox.AuditChain, t clock) ChainView {
	list = slices.DeleteFunc(slices.Clone(list), func(c inbox.AuditChain) bool { return c.Size == 0 }) // nothing to sign or keep yet
	if len(list) == 0 {
		return ChainView{}
	}
	var size uint64
	first := func(a, b inbox.Moment) inbox.Moment { return min(a, b) }
	signed, verified, witnesses := list[0].Signed, list[0].Verified, list[0].Witnesses
	broken := false
	for _, c := range list {
		size += c.Size
		signed, verified, witnesses = first(signed, c.Signed), first(verified, c.Verified), min(witnesses, c.Witnesses)
		broken = broken || c.Broken
	}
	line := []string{count("audit.chain.size", int(min(size, 1<<31)))}
	if signed != 0 {
		line = append(line, word("audit.chain.signed", "Time", t.when(signed)))
	}
	line = append(line, count("audit.chain.witnesses", witnesses))
	if verified != 0 {
		line = append(line, word("audit.chain.checked", "Time", t.when(verified)))
	}
	v := ChainView{Tone: ToneOK, Icon: "shield", Title: word("audit.chain.whole"), Line: strings.Join(line, " · ")}
	switch {
	case broken:
		v.Tone, v.Icon, v.Title, v.Line = ToneDanger, "warn", word("audit.chain.broken"), word("audit.chain.broken.text")
	case verified == 0:
		v.Tone, v.Title = ToneInfo, word("audit.chain.unchecked")
	}
	return v
}

// auditProblem is why entries did not come.
func auditProblem(err error) (icon, title, advice string) {
	switch {
	case errors.Is(err, ErrOffline):
		return "wifi-off", word("audit.offline"), word("audit.offline.text")
	case errors.Is(err, errNotConfirmed):
		return "lock", word("stepup.none"), ""
	case errors.Is(err, inbox.RefusedRight):
		return "lock", word("why.right"), ""
	}
	return "warn", word("audit.error"), word("devices.error.text")
}

// mayAuditOthers reports whether the reader may see what colleagues did.
func (s staff) mayAuditOthers() bool {
	for _, p := range s.people {
		if p.ID != s.me.ID && inbox.Can(s.me, inbox.ActAudit, p.Subject()) == nil {
			return true
		}
	}
	return false
}
