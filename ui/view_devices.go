package ui

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// A DeviceView is one row of the page of devices.
type DeviceView struct {
	ID     inbox.DeviceID
	Name   string
	Who    string
	System string
	Seen   string
	Online bool
	State  ChipView
}

// A FactView is a labelled line of the panel beside the list.
type FactView struct {
	Label, Text string
	Tone        Tone
}

// A DeviceDo is something that can be done with a device: Why is the reason it cannot be now.
type DeviceDo struct {
	Act  DeviceAct
	Text string
	Why  string
}

// A DeviceAct names what can be done with a device.
type DeviceAct uint8

// The acts.
const (
	DeviceWipe DeviceAct = iota
	DeviceAgree
	DeviceRefuse
	DeviceProof
	DeviceReimaged
	DeviceRename
	DeviceHoldings
	DeviceOffboard
	DeviceEntries
)

// A DetailView is the panel of one device.
type DetailView struct {
	Name     string
	Who      string
	Facts    []FactView
	Evidence string // what is proven of its wipe, in one sentence; "" without one
	Proof    string // the same in small: what that means
	Tone     Tone
	Icon     string
	Steps    []StepView
	Does     []DeviceDo
}

// seenLately is how long ago a device may have been connected to count as in use.
const seenLately = 14 * 24 * time.Hour

// wipeRuns reports whether something about a wipe may change within seconds.
func wipeRuns(d inbox.Device, now inbox.Moment) bool {
	w := d.Wipe
	if w == nil || w.Cancelled != 0 || w.Level < inbox.WipeOrdered || w.Level >= inbox.WipeProven {
		return false
	}
	return d.Online || now.Sub(w.Ordered) < 2*time.Minute || w.Started != 0 && now.Sub(w.Started) < 10*time.Minute
}

// wiped reports whether a device's last wipe still tells how it is: one that was refused does not, nor one from before the
// device was enrolled anew.
func wiping(d inbox.Device) *inbox.Wipe {
	if d.Wipe == nil || d.Wipe.Cancelled != 0 || d.Enrolled > d.Wipe.Ordered {
		return nil
	}
	return d.Wipe
}

// deviceState is how a device is, in a word. Nothing below [inbox.WipeProven] is called wiped.
func deviceState(d inbox.Device, t clock) ChipView {
	if w := wiping(d); w != nil {
		switch {
		case w.Level >= inbox.WipeConfirmed:
			return ChipView{Text: word("device.confirmed"), Tone: ToneOK, Icon: "check"}
		case w.Level >= inbox.WipeProven:
			return ChipView{Text: word("device.wiped"), Tone: ToneOK, Icon: "check"}
		case w.Level == inbox.WipeWaits:
			return ChipView{Text: word("device.waits"), Tone: ToneWarn}
		}
		return ChipView{Text: darkText(*w, t), Tone: ToneWarn}
	}
	switch {
	case d.Twice != 0 && d.Revoked == 0:
		return ChipView{Text: word("device.twice"), Tone: ToneDanger}
	case d.Revoked != 0:
		return ChipView{Text: word("device.revoked")}
	case d.Online:
		return ChipView{Text: word("device.online"), Tone: ToneOK}
	case d.Seen == 0:
		return ChipView{Text: word("device.never")}
	case t.now.Sub(d.Seen) > seenLately:
		return ChipView{Text: word("device.silent"), Tone: ToneWarn}
	}
	return ChipView{Text: word("device.offline")}
}

// darkText says since when, or from when, nobody can read a cache; that it was ordered while that is not known.
func darkText(w inbox.Wipe, t clock) string {
	switch {
	case w.Dark == 0:
		return word("device.ordered")
	case w.Dark <= t.now:
		return word("device.dark.since", "Time", t.when(w.Dark))
	}
	return word("device.dark.from", "Time", t.when(w.Dark))
}

func deviceView(d inbox.Device, s staff, t clock) DeviceView {
	v := DeviceView{ID: d.ID, Name: d.Name, Who: s.called(d.Person), System: systemText(d), Online: d.Online, State: deviceState(d, t)}
	switch {
	case d.Online:
		v.Seen = word("device.now")
	case d.Seen == 0:
		v.Seen = word("device.unseen")
	default:
		v.Seen = word("device.seen", "Time", t.when(d.Seen))
	}
	return v
}

// systemText is the system as the device names it.
func systemText(d inbox.Device) string {
	if d.Posture.Release != "" {
		return d.Posture.Release
	}
	return d.System
}

// deviceViews are the rows of the page: what needs somebody first, then by name, so that none moves because it was seen.
func deviceViews(list []inbox.Device, s staff, t clock) []DeviceView {
	sorted := slices.Clone(list)
	rank := func(d inbox.Device) int {
		w := wiping(d)
		switch {
		case w != nil && w.Level == inbox.WipeWaits, d.Twice != 0 && d.Revoked == 0:
			return 0
		case w != nil && w.Level < inbox.WipeProven:
			return 1
		case w != nil || d.Revoked != 0:
			return 3
		}
		return 2
	}
	slices.SortStableFunc(sorted, func(a, b inbox.Device) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(string(a.ID), string(b.ID)))
	})
	out := make([]DeviceView, len(sorted))
	for i, d := range sorted {
		out[i] = deviceView(d, s, t)
	}
	return out
}

// devicesLine sums a list up.
func devicesLine(list []inbox.Device) string {
	var active, wiping0, wiped int
	for _, d := range list {
		switch w := wiping(d); {
		case w != nil && w.Level >= inbox.WipeProven:
			wiped++
		case w != nil:
			wiping0++
		case d.Revoked == 0:
			active++
		}
	}
	parts := []string{count("devices.line", active)}
	if wiping0 > 0 {
		parts = append(parts, count("devices.line.wiping", wiping0))
	}
	if wiped > 0 {
		parts = append(parts, count("devices.line.wiped", wiped))
	}
	return strings.Join(parts, " · ")
}

// wipeReason is why a cache is destroyed.
func wipeReason(r inbox.WipeReason) string {
	switch r {
	case inbox.WipeLeaving:
		return word("wipe.why.leaving")
	case inbox.WipeLost:
		return word("wipe.why.lost")
	case inbox.WipeSuspected:
		return word("wipe.why.suspected")
	case inbox.WipeReplaced:
		return word("wipe.why.replaced")
	case inbox.WipeSilent:
		return word("wipe.why.silent")
	case inbox.WipeExcluded:
		return word("wipe.why.excluded")
	case inbox.WipeSignOn:
		return word("wipe.why.signon")
	case inbox.WipeTwice:
		return word("wipe.why.twice")
	case inbox.WipeTampering:
		return word("wipe.why.tampering")
	case inbox.WipeUninstall:
		return word("wipe.why.uninstall")
	}
	return word("wipe.why.other")
}

// wipeReasons are those a person may give, the most common first.
var wipeReasons = []inbox.WipeReason{inbox.WipeLeaving, inbox.WipeLost, inbox.WipeSuspected, inbox.WipeReplaced, inbox.WipeOther}

// personOf is who a device belongs to, as the subject of an action; of somebody unknown only the ID is known.
func (s staff) personOf(id inbox.PersonID) inbox.Person {
	if id == s.me.ID {
		return s.me
	}
	if p, ok := s.people[id]; ok {
		return p
	}
	return inbox.Person{ID: id, Team: "?"} // in no team anybody is in
}

// mayTo reports whether the reader may do something to a person.
func (s staff) mayTo(a inbox.Action, id inbox.PersonID) bool {
	return inbox.Can(s.me, a, s.personOf(id).Subject()) == nil
}

func detailView(d inbox.Device, s staff, t clock, online bool) DetailView {
	v := DetailView{Name: d.Name, Who: s.called(d.Person)}
	fact := func(label, text string, tone Tone) {
		if text != "" {
			v.Facts = append(v.Facts, FactView{label, text, tone})
		}
	}
	fact(word("device.person"), v.Who, ToneQuiet)
	fact(word("device.system"), systemFact(d), ToneQuiet)
	if d.Online {
		fact(word("device.contact"), word("device.now"), ToneOK)
	} else if d.Seen != 0 {
		fact(word("device.contact"), t.when(d.Seen), ToneQuiet)
	}
	if d.SignedIn > t.now {
		fact(word("device.signedin"), word("device.until", "Time", t.when(d.SignedIn)), ToneQuiet)
	} else {
		fact(word("device.signedin"), word("device.nobody"), ToneQuiet)
	}
	switch {
	case d.Lease > t.now:
		fact(word("device.lease"), word("device.until", "Time", t.when(d.Lease)), ToneQuiet)
	case d.Lease != 0:
		fact(word("device.lease"), word("device.lease.over", "Time", t.when(d.Lease)), ToneQuiet)
	default:
		fact(word("device.lease"), word("device.lease.none"), ToneQuiet)
	}
	switch d.Posture.Disk {
	case inbox.Holds:
		fact(word("device.disk"), word("device.disk.yes"), ToneOK)
	case inbox.Fails:
		fact(word("device.disk"), word("device.disk.no"), ToneWarn)
	default:
		fact(word("device.disk"), word("device.disk.unknown"), ToneQuiet)
	}
	fact(word("device.keyring"), d.Posture.Keyring, ToneQuiet)
	fact(word("device.enrolled"), t.when(d.Enrolled), ToneQuiet)
	if d.Twice != 0 {
		fact(word("device.twice"), t.when(d.Twice), ToneDanger)
	}
	if d.Revoked != 0 {
		fact(word("device.revoked"), t.when(d.Revoked), ToneQuiet)
	}
	if w := wiping(d); w != nil {
		v.Evidence, v.Proof, v.Tone, v.Icon = evidence(*w, t)
		v.Steps = wipeSteps(*w, d, s, t)
	} else if d.Wipe != nil && d.Wipe.Cancelled != 0 {
		v.Evidence, v.Tone, v.Icon = word("wipe.cancelled", "Time", t.when(d.Wipe.Cancelled)), ToneInfo, "info"
	}
	v.Does = deviceDoes(d, s, online)
	return v
}

// evidence says what is proven of a wipe, no more.
func evidence(w inbox.Wipe, t clock) (title, text string, tone Tone, icon string) {
	switch {
	case w.Level >= inbox.WipeConfirmed:
		if w.Reimaged != 0 {
			return word("wipe.level.confirmed"), word("wipe.level.reimaged", "Time", t.when(w.Reimaged)), ToneOK, "check"
		}
		return word("wipe.level.confirmed"), word("wipe.level.confirmed.text"), ToneOK, "check"
	case w.Level >= inbox.WipeProven:
		return word("wipe.level.proven"), word("wipe.level.proven.text", "Time", t.when(w.Proven)), ToneOK, "check"
	case w.Level == inbox.WipeWaits:
		return word("wipe.level.waits"), word("wipe.level.waits.text"), ToneWarn, "clock"
	}
	title = darkText(w, t)
	switch {
	case w.Level == inbox.WipeStarted:
		return title, word("wipe.level.started.text"), ToneWarn, "clock"
	case w.Level == inbox.WipeOrdered:
		return title, word("wipe.level.ordered.text"), ToneWarn, "clock"
	case w.Dark > t.now:
		return title, word("wipe.level.lease.text"), ToneWarn, "clock"
	}
	return title, word("wipe.level.half.text"), ToneWarn, "lock"
}

// wipeSteps is how a wipe went, from the order to the last proof.
func wipeSteps(w inbox.Wipe, d inbox.Device, s staff, t clock) []StepView {
	by := word("wipe.by.policy")
	if w.By != "" {
		by = s.called(w.By)
	}
	out := []StepView{{Title: word("wipe.step.ordered", "Name", by), Detail: join(t.clockTime(w.Ordered), wipeReason(w.Why)), State: StepDone}}
	switch {
	case w.Second != "":
		out = append(out, StepView{Title: word("wipe.step.agreed", "Name", s.called(w.Second)), State: StepDone})
	case w.Level == inbox.WipeWaits:
		out = append(out, StepView{Title: word("wipe.step.second"), Detail: word("wipe.step.second.text"), State: StepNow})
	}
	half := StepView{Title: word("wipe.step.half"), Detail: word("wipe.step.half.text")}
	if w.Half != 0 {
		half.State, half.Detail = StepDone, join(t.clockTime(w.Half), darkText(w, t))
	} else if w.Level == inbox.WipeOrdered {
		half.State = StepNow
	}
	out = append(out, half)
	if n := len(w.Steps); n > 0 && w.Level >= inbox.WipeProven && w.Steps[n-1].Did != inbox.WipeSigned {
		w.Steps = append(slices.Clone(w.Steps), inbox.WipeStep{Did: inbox.WipeSigned, At: w.Steps[n-1].At}) // the receipt cannot hold its own signing
	}
	began := StepView{Title: word("wipe.step.reached")}
	if w.Started != 0 {
		began.State, began.Detail = StepDone, t.clockTime(w.Started)
		out = append(out, began)
		done := w.Level >= inbox.WipeProven
		out = append(out, actSteps(w.Steps, !done, t)...)
	} else {
		if w.Level >= inbox.WipeProven { // it wiped itself, or came back with its receipt
			began.State = StepDone
			out = append(out, began)
			out = append(out, actSteps(w.Steps, false, t)...)
		} else {
			if w.Level == inbox.WipeHalfGone {
				began.State, began.Detail = StepNow, word("wipe.step.waiting")
				if d.Seen != 0 {
					began.Detail = word("wipe.step.waiting.seen", "Time", t.when(d.Seen))
				}
			}
			out = append(out, began)
		}
	}
	proof := StepView{Title: word("wipe.step.proof"), Detail: word("wipe.step.proof.text")}
	if w.Proven != 0 {
		proof.State, proof.Detail = StepDone, t.clockTime(w.Proven)
	}
	out = append(out, proof)
	last := StepView{Title: word("wipe.step.confirmed"), Detail: word("wipe.step.confirmed.text")}
	if w.Level >= inbox.WipeConfirmed {
		last.State, last.Detail = StepDone, word("wipe.step.lease")
		if w.Reimaged != 0 {
			last.Detail = join(t.when(w.Reimaged), word("wipe.step.reimaged"))
		}
	}
	return append(out, last)
}

// deviceDoes is what the reader can do with a device. What he has no right to is there and says why not, as far as he may
// see that it exists at all.
func deviceDoes(d inbox.Device, s staff, online bool) []DeviceDo {
	var out []DeviceDo
	right := func(a inbox.Action) string {
		if !s.mayTo(a, d.Person) {
			return word("why.right")
		}
		if !online {
			return word("ask.offline")
		}
		return ""
	}
	w := wiping(d)
	switch {
	case w != nil && w.Level == inbox.WipeWaits:
		why := right(inbox.ActWipe)
		if w.By == s.me.ID {
			why = word("wipe.second.self")
		}
		out = append(out, DeviceDo{DeviceAgree, word("wipe.agree"), why}, DeviceDo{DeviceRefuse, word("wipe.refuse"), why})
	case w == nil && d.Revoked == 0:
		out = append(out, DeviceDo{DeviceWipe, word("wipe.do"), right(inbox.ActWipe)})
	}
	if w != nil && w.Level >= inbox.WipeHalfGone {
		out = append(out, DeviceDo{DeviceProof, word("wipe.proof"), right(inbox.ActWipe)})
		if w.Reimaged == 0 && w.Level < inbox.WipeConfirmed && s.mayTo(inbox.ActAdmit, d.Person) {
			out = append(out, DeviceDo{DeviceReimaged, word("wipe.reimaged"), right(inbox.ActAdmit)})
		}
	}
	out = append(out, DeviceDo{DeviceRename, word("device.rename"), right(inbox.ActDevices)})
	if s.mayTo(inbox.ActHoldings, d.Person) {
		out = append(out, DeviceDo{DeviceHoldings, word("holdings.open"), right(inbox.ActHoldings)})
	}
	if s.mayTo(inbox.ActAudit, d.Person) {
		out = append(out, DeviceDo{DeviceEntries, word("device.entries"), ""})
	}
	if d.Person != s.me.ID && s.mayTo(inbox.ActOffboard, d.Person) && s.personOf(d.Person).Left == 0 {
		out = append(out, DeviceDo{DeviceOffboard, word("offboard.open"), right(inbox.ActOffboard)})
	}
	return out
}

// devicesProblem is why the list did not come.
func devicesProblem(err error) (icon, title, advice string) {
	switch {
	case errors.Is(err, ErrOffline):
		return "wifi-off", word("devices.offline"), word("devices.offline.text")
	case errors.Is(err, inbox.RefusedRight):
		return "lock", word("why.right"), ""
	}
	return "warn", word("devices.error"), word("devices.error.text")
}

// A HoldingView is one line of what was on a device.
type HoldingView struct {
	Who, Line, Revealed string
	Conversation        inbox.ConversationID
}

func holdingView(x inbox.Holding, row *Row, h house, t clock) HoldingView {
	v := HoldingView{Who: word("holdings.conversation", "ID", shortID(string(x.Conversation))), Conversation: x.Conversation}
	if row != nil {
		v.Who = join(row.Contact.Display(), row.Contact.Phone.Visible())
	}
	v.Line = join(h.inbox(x.Inbox).Name, count("holdings.messages", x.Messages))
	if x.First != 0 {
		v.Line = join(v.Line, word("holdings.span", "First", t.date(x.First), "Last", t.date(x.Last)))
	}
	var names []string
	for _, f := range x.Revealed {
		names = append(names, fieldWord(f))
	}
	if len(names) > 0 {
		v.Revealed = word("holdings.revealed", "Fields", strings.Join(names, ", "))
	}
	return v
}

// shortID is the beginning of an ID, enough to tell it from others on a screen.
func shortID(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return id
}

// offboardLines is what will happen when somebody is let go.
func offboardLines(conversations, devices int, to string) []string {
	out := []string{word("offboard.line.out")}
	if to == "" {
		out = append(out, count("offboard.line.nobody", conversations))
	} else {
		out = append(out, count("offboard.line.to", conversations, "Name", to))
	}
	return append(out, count("offboard.line.devices", devices), word("offboard.line.safe"))
}

// offboardReport is what has happened.
func offboardReport(o inbox.Offboarded, t clock) []StepView {
	out := []StepView{{Title: word("offboard.done.out"), State: StepDone}, {Title: count("offboard.done.conversations", o.Conversations), State: StepDone}}
	names := map[inbox.WipeID]string{}
	for _, d := range o.Devices {
		if d.Wipe != nil {
			names[d.Wipe.ID] = d.Name
		}
	}
	for i, w := range o.Wipes {
		name := names[w.ID]
		if name == "" && i < len(o.Devices) {
			name = o.Devices[i].Name
		}
		title, _, _, _ := evidence(w, t)
		state := StepNow
		if w.Level >= inbox.WipeProven {
			state = StepDone
		}
		out = append(out, StepView{Title: name, Detail: title, State: state})
	}
	return out
}

// systemFact is all that a device says of its system and of the app.
func systemFact(d inbox.Device) string {
	out := systemText(d)
	if d.System != out {
		out = join(out, d.System)
	}
	if d.App != "" {
		out = join(out, word("about.version", "Version", d.App))
	}
	return out
}
