package ui

import (
	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// A Settings is what a person chose about looks and keys. It is kept in Fyne's preferences, a plain file: nothing
// personal belongs in it.
type Settings struct {
	Language   string // "" follows the system
	Theme      string // "", "light" or "dark"
	TextSize   int    // percent
	Contrast   bool
	EnterSends bool
	Notify     bool
}

// Keys of the preferences.
const (
	prefLanguage = "language"
	prefTheme    = "theme"
	prefText     = "text"
	prefContrast = "contrast"
	prefEnter    = "enterBreaks"
	prefQuiet    = "quiet"
	prefWidth    = "width"
	prefHeight   = "height"
)

func loadSettings(p fyne.Preferences) Settings {
	s := Settings{Language: p.String(prefLanguage), Theme: p.String(prefTheme), TextSize: p.IntWithFallback(prefText, 100),
		Contrast: p.Bool(prefContrast), EnterSends: !p.Bool(prefEnter), Notify: !p.Bool(prefQuiet)}
	return s
}

func (s Settings) keep(p fyne.Preferences) {
	p.SetString(prefLanguage, s.Language)
	p.SetString(prefTheme, s.Theme)
	p.SetInt(prefText, s.TextSize)
	p.SetBool(prefContrast, s.Contrast)
	p.SetBool(prefEnter, !s.EnterSends)
	p.SetBool(prefQuiet, !s.Notify)
}

func (s Settings) options() kit.Options {
	o := kit.Options{TextSize: s.TextSize, Contrast: s.Contrast}
	switch s.Theme {
	case "light":
		o.Mode = kit.Light
	case "dark":
		o.Mode = kit.Dark
	}
	return o
}

// choice is one row of the settings: a label and pills of which one is chosen.
type choice struct {
	label   string
	texts   []string
	at      int
	changed func(i int)
}

func (c choice) row() fyne.CanvasObject {
	var chips []*kit.ChipView
	cells := []kit.Cell{kit.Fix(kit.Inset(kit.NewText(c.label, kit.Name, kit.InkText), 0, (kit.FilterHeight()-kit.LineHeight(kit.Name))/2, 0, 0), kit.Scaled(140))}
	show := func(at int) {
		for i, v := range chips {
			v.Set(kit.Chip{Text: c.texts[i], Style: kit.ChipFilter, Active: i == at})
		}
	}
	for i, text := range c.texts {
		v := kit.NewChip(kit.Chip{Text: text, Style: kit.ChipFilter, Active: i == c.at}, func() {
			show(i)
			c.changed(i)
		})
		chips = append(chips, v)
		cells = append(cells, kit.Min(kit.Inset(v, 0, 0, kit.ChipGap, 0)))
	}
	return kit.Inset(kit.Row(cells...), 0, 5, 0, 5)
}

func at[T comparable](list []T, v T) int {
	for i, x := range list {
		if x == v {
			return i
		}
	}
	return 0
}

func pick(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// showSettings opens the settings; every choice works at once.
func (u *UI) showSettings() {
	s := &u.settings
	languages, themes, sizes := []string{"", "en", "de", "it"}, []string{"", "light", "dark"}, kit.TextSizes[:]
	sizeTexts := make([]string, len(sizes))
	for i, n := range sizes {
		sizeTexts[i] = grouped(n) + " %"
	}
	var dialog *kit.Dialog
	rows := []choice{
		{word("settings.language"), []string{word("settings.language.system"), "English", "Deutsch", "Italiano"}, at(languages, s.Language), func(i int) {
			s.Language = languages[i]
			dialog.Close()
			u.settled()
			u.respeak()
			u.showSettings()
		}},
		{word("settings.theme"), []string{word("settings.theme.system"), word("settings.theme.light"), word("settings.theme.dark")}, at(themes, s.Theme), func(i int) {
			s.Theme = themes[i]
			u.settled()
		}},
		{word("settings.text"), sizeTexts, at(sizes, s.TextSize), func(i int) {
			s.TextSize = sizes[i]
			u.settled()
			dialog.Refit()
		}},
		{word("settings.contrast"), []string{word("settings.contrast.normal"), word("settings.contrast.high")}, pick(!s.Contrast), func(i int) {
			s.Contrast = i == 1
			u.settled()
		}},
		{word("settings.enter"), []string{word("settings.enter.sends"), word("settings.enter.newline")}, pick(s.EnterSends), func(i int) {
			s.EnterSends = i == 0
			u.settled()
		}},
		{word("settings.notify"), []string{word("settings.notify.on"), word("settings.notify.off")}, pick(s.Notify), func(i int) {
			s.Notify = i == 0
			u.settled()
		}},
	}
	var cells []kit.Cell
	for _, r := range rows {
		cells = append(cells, kit.Min(r.row()))
	}
	cells = append(cells, kit.Gap(10), kit.Min(kit.NewDivider(false)), kit.Gap(12))
	if u.desk != nil && u.desk.session.Device != "" {
		cells = append(cells, kit.Min(kit.NewText(word("settings.device", "Device", u.desk.session.Device, "Person", u.desk.staff.me.Name), kit.Snippet, kit.InkMuted)))
	}
	if d := u.desk; d != nil && d.session.Lease != nil {
		if until := d.session.Lease(); !until.IsZero() {
			cells = append(cells, kit.Min(kit.NewText(word("lock.lease", "Time", u.clock().when(inbox.At(until))), kit.Snippet, kit.InkMuted)))
		}
	}
	if d := u.desk; d != nil && (d.session.Passphrase != nil || d.session.SignOut != nil) {
		row := []kit.Cell{}
		offer := func(text string, do func()) {
			row = append(row, kit.Min(kit.NewButton(text, kit.Flat, func() {
				dialog.Close()
				do()
			})), kit.Gap(4))
		}
		if d.session.Passphrase != nil {
			text := word("passphrase.title")
			if d.session.HasPassphrase {
				text = word("passphrase.other")
			}
			offer(text+"…", d.showPassphrase)
		}
		if d.session.SignOut != nil {
			offer(word("signout.do")+"…", d.signOut)
		}
		cells = append(cells, kit.Min(kit.Inset(kit.Row(append(row, kit.Spring())...), -8, 2, 0, 6)))
	}
	cells = append(cells, kit.Min(kit.NewText(word("settings.capture"), kit.Snippet, kit.InkMuted)), kit.Gap(6),
		kit.Min(kit.Inset(kit.Row(kit.Min(kit.NewButton(word("action.about"), kit.Flat, func() {
			dialog.Close()
			u.showAbout()
		})), kit.Spring()), -8, 0, 0, 0)))
	dialog = kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("settings.title"), Body: kit.Column(cells...),
		Do: kit.Action{Text: word("settings.done")}, Width: 540})
	u.trace("settings shown")
}

// settled puts the choices into force and keeps them.
func (u *UI) settled() {
	u.settings.keep(u.cfg.App.Preferences())
	u.theme = u.theme.With(u.settings.options())
	u.cfg.App.Settings().SetTheme(u.theme)
	if u.desk != nil {
		u.desk.restyled()
	}
}

// showAbout says what this is, and under which licences.
func (u *UI) showAbout() {
	c := u.cfg.Window.Canvas()
	cells := []kit.Cell{
		kit.Min(kit.NewText(word("about.version", "Version", u.cfg.Version), kit.Snippet, kit.InkMuted)), kit.Gap(10),
		kit.Min(kit.NewText(word("about.text"), kit.Body, kit.InkText)), kit.Gap(10),
		kit.Min(kit.NewText(word("about.licence"), kit.Snippet, kit.InkMuted)), kit.Gap(14),
		kit.Min(kit.NewText(word("about.licences"), kit.Heading, kit.InkText)), kit.Gap(4),
	}
	var dialog *kit.Dialog
	for _, l := range u.cfg.Licences {
		cells = append(cells, kit.Min(kit.Inset(kit.Row(kit.Min(kit.NewButton(l.Name, kit.Flat, func() {
			dialog.Close()
			u.showLicence(l)
		})), kit.Spring()), -8, 0, 0, 0)))
	}
	dialog = kit.ShowDialog(c, kit.DialogConfig{Title: word("about.title"), Body: kit.Column(cells...), Do: kit.Action{Text: word("settings.done")}})
	u.trace("about shown")
}

func (u *UI) showLicence(l Licence) {
	paragraphs := paragraphsOf(l.Text)
	list := kit.NewList(kit.ListConfig{Name: l.Name, Len: func() int { return len(paragraphs) }, ID: func(i int) string { return grouped(i) },
		Measure: func(i int, w float32) float32 {
			return layoutText([]kit.Run{{Text: paragraphs[i]}}, w-24, kit.Style{Type: kit.Caption}).Height + 8
		},
		Draw: func(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
			s.Block(s.Layout([]kit.Run{{Text: paragraphs[i]}}, size.Width-24, kit.Style{Type: kit.Caption}), 8, 4, s.P.TextMuted)
		}})
	kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: l.Name, Body: kit.Column(kit.Fix(list, 360)), Width: 640,
		Do: kit.Action{Text: word("settings.done"), Do: u.showAbout}})
}

// KeptSettings are the choices kept in the application's preferences.
func KeptSettings(app fyne.App) Settings { return loadSettings(app.Preferences()) }

// KeptSize is the window's size when it was closed last, or a good first one.
func KeptSize(app fyne.App) (w, h float32) {
	p := app.Preferences()
	return max(float32(p.FloatWithFallback(prefWidth, 1280)), minWidth), max(float32(p.FloatWithFallback(prefHeight, 800)), minHeight)
}

// KeepSize keeps the window's size for the next start.
func (u *UI) KeepSize() {
	size := u.cfg.Window.Canvas().Size()
	if size.Width < 1 || size.Height < 1 {
		return
	}
	p := u.cfg.App.Preferences()
	p.SetFloat(prefWidth, float64(size.Width))
	p.SetFloat(prefHeight, float64(size.Height))
}
