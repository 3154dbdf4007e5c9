package ui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// mostTagName is how many characters a tag's name may have (see [inbox.Tag.Check]).
const mostTagName = 24

// saver is what dialogs share that ask the company's server to keep something: they stay until it has.
type saver struct {
	d      *desk
	dialog *kit.Dialog
	why    *kit.Text
	busy   bool
}

func newSaver(d *desk) *saver {
	return &saver{d: d, why: kit.NewText("", kit.Caption, kit.InkOf(kit.ChipDanger)).MaxLines(2)}
}

// save asks, closes the dialog when that was taken, and else says why not.
func (s *saver) save(q inbox.Question, tag bool, said string) {
	if s.busy {
		return
	}
	s.busy = true
	s.dialog.DoButton().Disable()
	s.d.put(q, tag, func() {
		s.dialog.Close()
		s.d.u.toast(kit.Toast{Text: said, Icon: "check"})
	}, func(why string) {
		s.busy = false
		s.dialog.DoButton().Enable()
		s.why.Set(why)
		s.dialog.Refit()
	})
}

// check lets the dialog be saved or not.
func (s *saver) check(ok bool) {
	if s.dialog != nil && !s.busy {
		allow(s.dialog.DoButton(), ok)
		s.why.Set("")
	}
}

// showTag lets the reader write a tag.
func (d *desk) showTag(t inbox.Tag, fresh bool) {
	s := newSaver(d)
	name := kit.NewField(word("organise.tag.name"), word("organise.tag.example"), false).SetMost(mostTagName)
	name.SetText(t.Name)
	colours := make([]string, len(tagColours))
	for i, key := range tagColours {
		colours[i] = word(key)
	}
	sample := kit.NewPainted("", func(k *kit.Sketch, size fyne.Size) {
		c := t
		if c.Name = oneLine(name.Text()); c.Name == "" {
			c.Name = word("organise.tag.example")
		}
		k.Chip(chip(tagChip(c)), 0, float32(int((size.Height-kit.ChipHeight())/2)))
	}).SetMin(func() fyne.Size { return fyne.NewSize(60, kit.ChipHeight()+4) })
	ready := func() bool {
		t.Name = oneLine(name.Text())
		why := ""
		if t.Name != "" {
			why = tagProblem(t, d.house)
		}
		name.SetNote(kit.ChipDanger, why)
		ok := t.Name != "" && why == ""
		s.check(ok)
		sample.Refresh()
		return ok
	}
	save := func() { s.save(inbox.EditTag{Tag: t}, true, word("organise.tag.saved")) }
	name.OnChange = func(string) { ready() }
	name.OnSubmit = func() {
		if ready() {
			save()
		}
	}
	colour := kit.NewSegments(word("organise.tag.colour"), colours, int(t.Colour)%len(tagColours), func(i int) {
		t.Colour = uint8(i)
		ready()
	})
	title := word("organise.tag.change")
	if fresh {
		title = word("organise.tag.new")
	}
	body := kit.Column(kit.Min(name), kit.Min(kit.NewText(word("organise.tag.colour"), kit.Label, kit.InkText)), kit.Gap(4), kit.Min(colour), kit.Gap(12), kit.Min(sample), kit.Gap(6), kit.Min(s.why))
	s.dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: title, Body: body, Focus: name.Input(), Width: 540, Stays: true,
		Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("organise.tag.save"), Do: save}})
	if !ready() {
		s.dialog.DoButton().Disable()
	}
	d.u.trace("tag edited")
}

// replyLanguages are the languages that are offered first.
var replyLanguages = []string{"", "de", "en", "it"}

// showQuickReply lets the reader write a quick reply.
func (d *desk) showQuickReply(q inbox.QuickReply, fresh bool) {
	s := newSaver(d)
	shortcut := kit.NewField(word("organise.reply.shortcut"), word("organise.reply.example"), false).SetMost(mostTagName)
	shortcut.SetText(q.Shortcut)
	note := kit.NewText("", kit.Caption, kit.InkOf(kit.ChipDanger)).MaxLines(1)
	counter := kit.NewText("", kit.Caption, kit.InkFaint).Align(kit.AlignEnd)
	var text *kit.Composer
	ready := func() bool {
		q.Shortcut, q.Text = strings.TrimPrefix(oneLine(shortcut.Text()), "/"), strings.TrimSpace(text.Content())
		counter.Set(grouped(len([]rune(text.Content()))) + "/" + grouped(inbox.MaxText))
		bad, why := "", ""
		if q.Shortcut != "" {
			bad = shortcutProblem(q)
		}
		switch {
		case bad != "":
			shortcut.SetNote(kit.ChipDanger, bad)
		case q.Shortcut != "" && twin(q, d.house):
			shortcut.SetNote(kit.ChipWarn, word("organise.reply.twice"))
		default:
			shortcut.SetNote(0, "")
		}
		if q.Text != "" {
			why = textProblem(q)
		}
		note.Set(why)
		ok := bad == "" && why == "" && q.Shortcut != "" && inbox.CheckText(q.Text) == nil
		s.check(ok)
		return ok
	}
	text = kit.NewComposer(kit.ComposerConfig{Name: word("organise.reply.text"), Placeholder: word("organise.reply.text.example"), EnterBreaks: func() bool { return true },
		OnChange: func(string) { ready() }, OnHeight: func() { s.dialog.Refit() },
		OnCut: func() { d.u.toast(kit.Toast{Text: word("composer.cut", "Max", grouped(inbox.MaxText)), Icon: "warn"}) }})
	variables := kit.NewButton(word("variable.insert"), kit.Flat, nil).SetIcon("braces")
	variables.OnTap = func() {
		d.showVariables(variables, func(v string) {
			text.InsertText(v)
			d.u.cfg.Window.Canvas().Focus(text)
		})
	}
	tongues := slices.Clone(replyLanguages)
	if !slices.Contains(tongues, q.Language) {
		tongues = append(tongues, q.Language)
	}
	names := make([]string, len(tongues))
	for i, l := range tongues {
		if names[i] = word("organise.reply.any"); l != "" {
			names[i] = languageName(l)
		}
	}
	language := d.choice(word("organise.reply.language"), names, slices.Index(tongues, q.Language), func(i int) {
		q.Language = tongues[i]
		ready()
	})
	label := func(key string) kit.Cell { return kit.Min(kit.NewText(word(key), kit.Label, kit.InkText)) }
	cells := []kit.Cell{kit.Min(shortcut), kit.Gap(4), kit.Min(kit.Row(kit.Grow(kit.NewText(word("organise.reply.text"), kit.Label, kit.InkText)), kit.Fix(counter, kit.Scaled(110)))), kit.Gap(4), kit.Min(text), kit.Gap(2),
		kit.Min(note), kit.Min(kit.Inset(kit.Row(kit.Min(variables), kit.Spring()), -8, 0, 0, 0)), kit.Gap(8),
		label("organise.reply.language"), kit.Gap(4), kit.Min(language)}
	if len(d.house.inboxes) > 1 {
		cells = append(cells, kit.Gap(12), label("organise.reply.inboxes"), kit.Gap(4), kit.Min(d.inboxChips(&q, func() { ready() })))
	}
	cells = append(cells, kit.Gap(6), kit.Min(s.why))
	title := word("organise.reply.change")
	if fresh {
		title = word("organise.reply.new")
	}
	s.dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: title, Body: kit.Column(cells...), Focus: shortcut.Input(), Width: 600, Stays: true,
		Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("organise.reply.save"), Do: func() {
			s.save(inbox.EditQuickReply{QuickReply: q}, false, word("organise.reply.saved"))
		}}})
	text.SetText(q.Text)
	shortcut.OnChange = func(string) { ready() }
	shortcut.OnSubmit = func() { d.u.cfg.Window.Canvas().Focus(text) }
	if !ready() {
		s.dialog.DoButton().Disable()
	}
	s.dialog.Refit()
	d.u.trace("quick reply edited")
}

// inboxChips choose where a quick reply is offered: in some inboxes, or everywhere.
func (d *desk) inboxChips(q *inbox.QuickReply, changed func()) fyne.CanvasObject {
	texts := []string{word("costs.all")}
	for _, in := range d.house.inboxes {
		texts = append(texts, short(in.Name))
	}
	var chips []*kit.ChipView
	show := func() {
		for i, v := range chips {
			on := len(q.Inboxes) == 0
			if i > 0 {
				on = slices.Contains(q.Inboxes, d.house.inboxes[i-1].ID)
			}
			v.Set(kit.Chip{Text: texts[i], Style: kit.ChipFilter, Active: on})
		}
	}
	flow := boxed(&flow{gap: kit.ChipGap})
	for i, text := range texts {
		v := kit.NewChip(kit.Chip{Text: text, Style: kit.ChipFilter}, func() {
			if i == 0 {
				q.Inboxes = nil
			} else if id := d.house.inboxes[i-1].ID; slices.Contains(q.Inboxes, id) {
				q.Inboxes = slices.DeleteFunc(slices.Clone(q.Inboxes), func(x inbox.InboxID) bool { return x == id })
			} else {
				q.Inboxes = append(slices.Clone(q.Inboxes), id)
			}
			show()
			changed()
		})
		chips = append(chips, v)
		flow.Objects = append(flow.Objects, v)
	}
	show()
	return flow
}

// flow puts objects beside each other, and in the next line where there is no room.
type flow struct {
	gap   float32
	width float32
}

func (f *flow) place(objs []fyne.CanvasObject, width float32, put func(o fyne.CanvasObject, x, y float32)) (height float32) {
	x, y, line := float32(0), float32(0), float32(0)
	for _, o := range objs {
		size := o.MinSize()
		if x > 0 && x+size.Width > width {
			x, y, line = 0, y+line+f.gap, 0
		}
		put(o, x, y)
		x += size.Width + f.gap
		line = max(line, size.Height)
	}
	return y + line
}

// Layout implements fyne.Layout.
func (f *flow) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	f.width = size.Width
	f.place(objs, size.Width, func(o fyne.CanvasObject, x, y float32) {
		o.Move(fyne.NewPos(x, y))
		o.Resize(o.MinSize())
	})
}

// MinSize implements fyne.Layout.
func (f *flow) MinSize(objs []fyne.CanvasObject) fyne.Size {
	width := f.width
	if width == 0 {
		width = 500
	}
	return fyne.NewSize(60, f.place(objs, width, func(fyne.CanvasObject, float32, float32) {}))
}
