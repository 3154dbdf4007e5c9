package ui

import (
	"strings"
	"unicode"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// A Licence is a licence text shown in the about box.
type Licence struct{ Name, Text string }

// A Module is a part of the program that others wrote, as the build names it.
type Module struct{ Name, Version string }

// showAbout says what this is, and under which licences.
func (u *UI) showAbout() {
	c := u.cfg.Window.Canvas()
	cells := []kit.Cell{
		kit.Min(kit.NewText(word("about.version", "Version", u.cfg.Version), kit.Snippet, kit.InkMuted)), kit.Gap(10),
		kit.Min(kit.NewText(word("about.text"), kit.Body, kit.InkText)), kit.Gap(10),
		kit.Min(kit.NewText(word("about.licence"), kit.Snippet, kit.InkMuted)), kit.Gap(6),
		kit.Min(kit.NewText(word("about.emoji"), kit.Snippet, kit.InkMuted)), kit.Gap(8),
	}
	var dialog *kit.Dialog
	link := func(text string, do func()) {
		cells = append(cells, kit.Min(kit.Inset(kit.Row(kit.Min(kit.NewButton(text, kit.Flat, func() {
			dialog.Close()
			do()
		})), kit.Spring()), -8, 0, 0, 0)))
	}
	if u.cfg.Updates != nil {
		link(word("update.title"), u.showUpdate)
	}
	cells = append(cells, kit.Gap(8), kit.Min(kit.NewText(word("about.licences"), kit.Heading, kit.InkText)), kit.Gap(4))
	for _, l := range u.cfg.Licences {
		link(nameOf(l), func() { u.showLicence(l) })
	}
	if n := len(u.cfg.Modules); n > 0 {
		link(count("about.modules", n), u.showModules)
	}
	dialog = kit.ShowDialog(c, kit.DialogConfig{Title: word("about.title"), Body: kit.Column(cells...), Width: 520, Do: kit.Action{Text: word("settings.done"), Do: u.home}})
	u.trace("about shown")
}

// nameOf is what a licence covers, as people write it: files have no spaces in their names.
func nameOf(l Licence) string {
	var b strings.Builder
	small := false
	for _, r := range l.Name {
		if small && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return b.String()
}

func (u *UI) showLicence(l Licence) {
	paragraphs := paragraphsOf(l.Text)
	list := kit.NewList(kit.ListConfig{Name: nameOf(l), Len: func() int { return len(paragraphs) }, ID: func(i int) string { return grouped(i) },
		Measure: func(i int, w float32) float32 {
			return layoutText([]kit.Run{{Text: paragraphs[i]}}, w-24, kit.Style{Type: kit.Caption}).Height + 8
		},
		Draw: func(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
			s.Block(s.Layout([]kit.Run{{Text: paragraphs[i]}}, size.Width-24, kit.Style{Type: kit.Caption}), 8, 4, s.P.TextMuted)
		}})
	u.showList(nameOf(l), "", list)
}

// showModules lists what others wrote, with the versions of this build.
func (u *UI) showModules() {
	list := kit.NewList(kit.ListConfig{Name: word("about.modules.title"), Len: func() int { return len(u.cfg.Modules) }, ID: func(i int) string { return u.cfg.Modules[i].Name },
		Uniform: func() float32 { return kit.LineHeight(kit.Snippet) + 8 },
		Draw: func(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
			m := u.cfg.Modules[i]
			w := s.TextIn(m.Version, size.Width/2, 4, size.Width/2-20, kit.Caption, s.P.TextMuted, kit.AlignEnd)
			s.TextIn(m.Name, 8, 4, size.Width-w-40, kit.Snippet, s.P.Text, kit.AlignStart)
		}})
	u.showList(word("about.modules.title"), word("about.modules.text"), list)
}

// showList shows a long text, and the about box again after it.
func (u *UI) showList(title, text string, list *kit.List) {
	kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: title, Text: text, Body: kit.Column(kit.Fix(list, 360)), Width: 640,
		Do: kit.Action{Text: word("about.back"), Do: u.showAbout}})
}
