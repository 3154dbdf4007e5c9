package ui

import (
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// This file is what can be done with a device and its person: the sheets that ask first, and what is shown afterwards.

// question asks the server something that acts, and says what came of it.
func (d *desk) question(q inbox.Question, then func(a inbox.Answer)) {
	go func() {
		a, err := d.ask(d.ctx, q)
		d.u.cfg.Post(func() {
			if d.ended() {
				return
			}
			if err != nil {
				d.u.toast(kit.Toast{Text: trouble(err), Icon: "warn"})
				d.u.trace("question refused")
				return
			}
			then(a)
		})
	}()
}

// allow lets a button be used or not, and reports which.
func allow(b *kit.Button, ok bool) bool {
	if ok {
		b.Enable()
	} else {
		b.Disable()
	}
	return ok
}

// showWipe asks before a device is wiped: why, and its name, typed.
func (d *desk) showWipe(dev inbox.Device) {
	var texts []string
	for _, r := range wipeReasons {
		texts = append(texts, wipeReason(r))
	}
	text := word("wipe.confirm.text", "Name", d.staff.called(dev.Person))
	if dev.Person == d.staff.me.ID {
		text = word("wipe.confirm.own")
	}
	var dialog *kit.Dialog
	var radio *kit.Radio
	name := kit.NewField(word("wipe.confirm.type", "Device", dev.Name), "", false)
	complete := func() bool {
		ok := radio.Chosen() >= 0 && strings.EqualFold(strings.TrimSpace(name.Text()), strings.TrimSpace(dev.Name))
		return allow(dialog.DoButton(), ok)
	}
	order := func() {
		q := inbox.OrderWipe{Device: dev.ID, Why: wipeReasons[radio.Chosen()], At: inbox.At(d.u.cfg.Now())}
		d.u.trace("wipe ordered")
		d.question(q, func(a inbox.Answer) {
			text := word("wipe.ordered")
			if o, ok := a.(inbox.Ordered); ok && o.Wipe.Level == inbox.WipeWaits {
				text = word("wipe.level.waits")
			}
			d.devices.done(text)
			d.u.trace("wipe answered")
		})
	}
	radio = kit.NewRadio(word("wipe.confirm.why"), texts, -1, func(int) { complete() })
	name.OnChange = func(string) { complete() }
	name.OnFocus = func() { dialog.Reveal(name) }
	name.OnSubmit = func() {
		if complete() {
			dialog.Close()
			order()
		}
	}
	body := kit.Column(kit.Min(kit.NewText(word("wipe.confirm.why"), kit.LabelBold, kit.InkText)), kit.Gap(4), kit.Min(radio), kit.Gap(10), kit.Min(name))
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("wipe.confirm.title", "Device", dev.Name), Text: text, Body: body, Focus: radio, Width: 560, Danger: true,
		Safe: kit.Action{Text: word("wipe.confirm.keep")}, Do: kit.Action{Text: word("wipe.do.now"), Do: order}})
	dialog.DoButton().Disable()
	d.u.trace("wipe dialog shown")
}

// showDecideWipe asks the second person.
func (d *desk) showDecideWipe(dev inbox.Device, agree bool) {
	w := dev.Wipe
	decide := func() {
		d.question(inbox.DecideWipe{Device: dev.ID, Wipe: w.ID, Agree: agree, At: inbox.At(d.u.cfg.Now())}, func(inbox.Answer) {
			text := word("wipe.ordered")
			if !agree {
				text = word("wipe.refused")
			}
			d.devices.done(text)
			d.u.trace("wipe decided")
		})
	}
	if !agree {
		decide()
		return
	}
	kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("wipe.confirm.title", "Device", dev.Name),
		Text: word("wipe.decide.text", "By", d.staff.called(w.By), "Why", wipeReason(w.Why)), Danger: true,
		Safe: kit.Action{Text: word("wipe.confirm.keep")}, Do: kit.Action{Text: word("wipe.do.now"), Do: decide}})
}

// mostDeviceName is how many characters a device's name may have.
const mostDeviceName = 60

func (d *desk) showRename(dev inbox.Device) {
	field := kit.NewField(word("device.name"), "", false).SetMost(mostDeviceName)
	field.SetText(dev.Name)
	var dialog *kit.Dialog
	ok := func() bool {
		good := oneLine(field.Text()) != "" && !field.Long() && oneLine(field.Text()) != dev.Name
		return allow(dialog.DoButton(), good)
	}
	rename := func() {
		d.question(inbox.RenameDevice{Device: dev.ID, Name: oneLine(field.Text())}, func(inbox.Answer) { d.devices.done(word("device.renamed")) })
	}
	field.OnChange = func(string) { ok() }
	field.OnSubmit = func() {
		if ok() {
			dialog.Close()
			rename()
		}
	}
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("device.rename.title", "Device", dev.Name), Body: field, Focus: field.Input(),
		Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("device.rename.do"), Do: rename}})
	dialog.DoButton().Disable()
}

// holdings is the list of what was on a device, a page at a time.
type holdings struct {
	d       *desk
	dev     inbox.Device
	list    *kit.List
	load    *kit.Painted
	blank   *kit.EmptyState
	head    *kit.Text
	rows    []inbox.Holding
	total   int
	more    bool
	asking  bool
	dialog  *kit.Dialog
	problem error
}

func (d *desk) showHoldings(dev inbox.Device) {
	h := &holdings{d: d, dev: dev, more: true}
	h.head = kit.NewText("", kit.Snippet, kit.InkMuted)
	h.list = kit.NewList(kit.ListConfig{Name: word("holdings.title", "Device", dev.Name), Len: func() int { return len(h.rows) }, ID: func(i int) string { return string(h.rows[i].Conversation) },
		Uniform: func() float32 { return kit.LineHeight(kit.Name) + kit.LineHeight(kit.Caption) + 20 }, Draw: h.draw,
		Background: inkRaised, RingRow: true,
		OnVisible: func(_, last int) {
			if last >= len(h.rows)-5 {
				h.ask()
			}
		}})
	h.list.Select("none") // it is read, nothing in it is chosen: no ring
	h.load = kit.NewSkeleton(word("devices.loading"), 5, 58)
	h.blank = kit.NewEmptyState("inbox", word("holdings.empty"), "", kit.Action{})
	canvas := d.u.cfg.Window.Canvas()
	body := kit.Column(kit.Min(h.head), kit.Gap(8), kit.Min(kit.Tall(boxed(fill{}, h.list, h.load, h.blank), func() float32 { return min(400, max(canvas.Size().Height-230, 200)) })))
	h.dialog = kit.ShowDialog(canvas, kit.DialogConfig{Title: word("holdings.title", "Device", dev.Name), Body: body, Width: 640, Do: kit.Action{Text: word("action.shut")}, Focus: h.list})
	h.ask()
	h.refresh()
	d.u.trace("holdings opened")
}

func (h *holdings) ask() {
	if h.asking || !h.more || h.dialog.Closed() {
		return
	}
	h.asking = true
	q := inbox.AskHoldings{Device: h.dev.ID}
	if n := len(h.rows); n > 0 {
		q.After = h.rows[n-1].Conversation
	}
	go func() {
		a, err := h.d.ask(h.d.ctx, q)
		h.d.u.cfg.Post(func() {
			h.asking = false
			if h.d.ended() || h.dialog.Closed() {
				return
			}
			if got, ok := a.(inbox.Holdings); err == nil && ok {
				h.problem = nil
				h.rows, h.total, h.more = append(h.rows, got.List...), got.Total, got.More && len(got.List) > 0
			} else if h.problem = err; err == nil {
				h.problem = ErrOffline
			}
			h.refresh()
			h.d.u.trace("holdings shown")
		})
	}()
}

func (h *holdings) refresh() {
	visible(h.load, h.asking && len(h.rows) == 0)
	visible(h.blank, !h.asking && len(h.rows) == 0)
	switch {
	case h.problem != nil:
		h.blank.Set("warn", trouble(h.problem), "", kit.Action{Text: word("action.retry"), Do: func() { h.ask(); h.refresh() }})
		h.head.Set(trouble(h.problem))
	case len(h.rows) == 0:
		h.blank.Set("inbox", word("holdings.empty"), "", kit.Action{})
		h.head.Set(word("holdings.text"))
	default:
		h.head.Set(count("holdings.total", h.total) + " " + word("holdings.text"))
	}
	h.list.Changed()
	h.list.Refresh()
}

func (h *holdings) draw(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
	v := holdingView(h.rows[i], rowWith(h.d.all, h.rows[i].Conversation), h.d.house, h.d.clock())
	w := size.Width - 16
	x, y := float32(12), float32(9)
	rw := float32(0)
	if v.Revealed != "" {
		c := kit.Chip{Text: v.Revealed, Style: kit.ChipPrivacy, Icon: "eye"}
		rw = kit.ChipWidth(c) + 8
		s.Chip(c, w-rw+8, y)
	}
	s.TextIn(v.Who, x, y, w-rw-x-8, kit.Name, s.P.Text, kit.AlignStart)
	s.TextIn(v.Line, x, y+kit.LineHeight(kit.Name), w-x, kit.Caption, s.P.TextMuted, kit.AlignStart)
	s.Line(x, size.Height-1, w-x, s.P.Border)
}

// showOffboard lets a person go: first who takes his conversations over.
func (d *desk) showOffboard(id inbox.PersonID) {
	who := d.staff.called(id)
	kit.NewPicker(kit.PickerConfig{Name: word("offboard.to", "Name", who), Placeholder: word("offboard.to", "Name", who), Empty: word("palette.empty"),
		OnClose: func() { d.u.trace("overlay closed") },
		OnPick:  func(it kit.Item) { d.confirmOffboard(id, inbox.PersonID(it.ID[2:])) },
		Items: func(string) []kit.Item {
			items := []kit.Item{{ID: pickPerson, Title: word("offboard.nobody"), Icon: "inbox"}}
			for _, p := range d.takers(id) {
				items = append(items, kit.Item{ID: pickPerson + string(p.ID), Title: p.Name, Icon: "user"})
			}
			return items
		}}).Open(d.u.cfg.Window.Canvas())
	d.u.trace("offboarding shown")
}

func (d *desk) confirmOffboard(id, to inbox.PersonID) {
	who, taker := d.staff.called(id), ""
	if to != "" {
		taker = d.staff.called(to)
	}
	conversations, devices := 0, 0
	for _, r := range d.all {
		if r.Assignee == id && r.State != inbox.Closed {
			conversations++
		}
	}
	for _, x := range d.devices.devices {
		if x.Person == id && x.Revoked == 0 && wiping(x) == nil {
			devices++
		}
	}
	var cells []kit.Cell
	for _, line := range offboardLines(conversations, devices, taker) {
		cells = append(cells, kit.Min(kit.Row(kit.Fix(kit.NewText("•", kit.Body, kit.InkMuted), 16), kit.Grow(kit.NewText(line, kit.Body, kit.InkText)))), kit.Gap(4))
	}
	name := kit.NewField(word("offboard.type", "Name", who), "", false)
	cells = append(cells, kit.Gap(10), kit.Min(name))
	var dialog *kit.Dialog
	complete := func() bool {
		ok := strings.EqualFold(oneLine(name.Text()), oneLine(who))
		return allow(dialog.DoButton(), ok)
	}
	do := func() {
		d.u.trace("offboarding asked")
		d.question(inbox.Offboard{Person: id, To: to, At: inbox.At(d.u.cfg.Now())}, func(a inbox.Answer) {
			o, _ := a.(inbox.Offboarded)
			d.offboarded(who, o)
		})
	}
	name.OnChange = func(string) { complete() }
	name.OnSubmit = func() {
		if complete() {
			dialog.Close()
			do()
		}
	}
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("offboard.title", "Name", who), Body: kit.Column(cells...), Focus: name.Input(), Width: 540, Danger: true,
		Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("offboard.do"), Do: do}})
	dialog.DoButton().Disable()
}

// takers are the colleagues who may take conversations over.
func (d *desk) takers(from inbox.PersonID) []inbox.Person {
	var out []inbox.Person
	for _, c := range colleaguesOf(d.staff) {
		if c.ID != from && c.Left == 0 && (c.Role == inbox.Agent || c.Role == inbox.Supervisor) {
			out = append(out, c)
		}
	}
	return out
}

// offboarded reports what was done.
func (d *desk) offboarded(who string, o inbox.Offboarded) {
	var steps []kit.Step
	for _, x := range offboardReport(o, d.clock()) {
		steps = append(steps, kitStep(x))
	}
	kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("offboard.done", "Name", who), Text: word("offboard.done.text"), Body: kit.NewSteps(steps, true, 1), Width: 520,
		Do: kit.Action{Text: word("action.shut")}})
	d.devices.ask()
	d.u.trace("offboarded")
}
