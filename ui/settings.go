package ui

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// Keys of the preferences beside those of the settings' table.
const (
	prefWidth  = "width"
	prefHeight = "height"
	prefWhose  = "whose" // a short hash of the person whose choices stand without a prefix
	prefToured = "toured"
)

// whose is what a person's choices are kept under. A hash: the file is readable, and people's ids need not stand in it.
func whose(id inbox.PersonID) string {
	if id == "" {
		return ""
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	return fmt.Sprintf("%08x.", h.Sum32())
}

// loadSettings are the choices kept under a prefix, over those the company recommends.
func loadSettings(p fyne.Preferences, prefix string, rules map[string]Rule) Settings {
	s := recommended(rules)
	for _, x := range settings {
		if v := p.StringWithFallback("set."+prefix+x.name, x.of(&s)); x.holds(v) {
			x.set(&s, v)
		}
	}
	return s
}

// keep keeps what was chosen: neither what the company has fixed, nor what would be so without a choice.
func (s Settings) keep(p fyne.Preferences, prefix string, rules map[string]Rule) {
	base := recommended(rules)
	for _, x := range settings {
		switch key := "set." + prefix + x.name; {
		case rules[x.name].Locked:
		case x.of(&s) == x.of(&base):
			p.RemoveValue(key)
		default:
			p.SetString(key, x.of(&s))
		}
	}
}

func (s Settings) options() kit.Options {
	o := kit.Options{TextSize: s.TextSize, Contrast: s.Contrast, Compact: s.Compact}
	switch s.Theme {
	case "light":
		o.Mode = kit.Light
	case "dark":
		o.Mode = kit.Dark
	}
	return o
}

// belong takes up the choices of the person who is there now. Until somebody is, those of the last one stand.
func (u *UI) belong(me inbox.PersonID) {
	prefix := whose(me)
	if prefix == "" || u.whose == prefix || u.cfg.Settings != nil {
		return
	}
	u.whose = prefix
	p := u.cfg.App.Preferences()
	before, was := p.String(prefWhose), u.settings
	if before == prefix {
		return
	}
	p.SetString(prefWhose, prefix)
	if before == "" { // whoever sets a device up keeps what was chosen on the way
		u.settings.keep(p, prefix, u.cfg.Rules)
		return
	}
	own := loadSettings(p, prefix, u.cfg.Rules)
	own.keep(p, "", u.cfg.Rules)
	if u.settings = ruled(own, u.cfg.Rules); u.settings != was {
		u.restyle()
		if u.settings.Language != was.Language {
			u.respeak()
		}
	}
}

// settled puts the choices into force and keeps them.
func (u *UI) settled() {
	p := u.cfg.App.Preferences()
	u.settings.keep(p, "", u.cfg.Rules)
	if u.whose != "" {
		u.settings.keep(p, u.whose, u.cfg.Rules)
	}
	u.settings = ruled(u.settings, u.cfg.Rules)
	u.restyle()
}

func (u *UI) restyle() {
	u.theme = u.theme.With(u.settings.options())
	u.cfg.App.Settings().SetTheme(u.theme)
	if u.desk != nil {
		u.desk.restyled()
	}
}

// settingsScreen is the dialog of the settings: a field that finds, and every choice at work at once.
type settingsScreen struct {
	u      *UI
	dialog *kit.Dialog
	find   *kit.Field
	box    *fyne.Container
	rows   map[string]*kit.Segments
}

// showSettings opens the settings.
func (u *UI) showSettings() { u.openSettings("", "") }

// openSettings opens them narrowed to a query, with the keyboard at a setting.
func (u *UI) openSettings(query, at string) {
	s := &settingsScreen{u: u, box: kit.Column()}
	s.find = kit.NewField("", word("settings.find"), false)
	s.find.OnChange = func(string) { s.fill() }
	s.find.SetText(query)
	s.fill()
	var focus fyne.Focusable = s.find.Input()
	if row := s.rows[at]; row != nil {
		focus = row
	}
	s.dialog = kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("settings.title"), Head: s.find, Body: s.box, Focus: focus, Width: settingsWidth,
		Do: kit.Action{Text: word("settings.done"), Do: u.home}})
	if row := s.rows[at]; row != nil {
		s.dialog.Reveal(row)
	}
	u.trace("settings shown")
}

const settingsWidth float32 = 720

// home gives the keyboard back to where one writes.
func (u *UI) home() {
	if u.desk != nil {
		u.desk.comp.focus()
	}
}

func (s *settingsScreen) width() float32 {
	return min(settingsWidth, s.u.cfg.Window.Canvas().Size().Width-2*kit.PaneInset) - 2*kit.CardInset
}

// fill makes the rows that match.
func (s *settingsScreen) fill() {
	u := s.u
	s.rows = map[string]*kit.Segments{}
	var cells []kit.Cell
	head := func(title string) {
		if len(cells) > 0 {
			cells = append(cells, kit.Gap(kit.Dense(14, 8)), kit.Min(kit.NewDivider(false)), kit.Gap(kit.Dense(14, 8)))
		}
		cells = append(cells, kit.Min(kit.NewText(title, kit.Heading, kit.InkText)), kit.Gap(kit.Dense(8, 4)))
	}
	groups := settingsView(u.settings, u.cfg.Rules, u.companyIdle(), s.find.Text())
	for _, g := range groups {
		head(g.Title)
		for _, v := range g.Rows {
			cells = append(cells, kit.Min(s.row(v)), kit.Gap(kit.Dense(10, 4)))
		}
		if g.Title == word("settings.group.looks") && s.find.Text() == "" {
			cells = append(cells, kit.Gap(4), kit.Min(s.sample()), kit.Gap(8))
		}
	}
	facts := s.facts()
	if len(facts) > 0 {
		head(word("settings.group.device"))
		cells = append(cells, facts...)
	}
	if does := s.does(); len(does) > 0 {
		head(word("settings.group.more"))
		cells = append(cells, does...)
	}
	if len(cells) == 0 {
		cells = append(cells, kit.Gap(18), kit.Min(kit.NewText(word("settings.find.none"), kit.Body, kit.InkMuted)), kit.Gap(18))
	}
	made := kit.Column(cells...)
	s.box.Objects, s.box.Layout = made.Objects, made.Layout
	s.box.Refresh()
	if s.dialog != nil {
		s.dialog.Refit()
	}
}

// row is one setting: its words at the left, the choices beside them, or below where there is no room.
func (s *settingsScreen) row(v SettingView) fyne.CanvasObject {
	choices := kit.NewSegments(v.Label, v.Texts, v.At, func(i int) { s.choose(v.Name, v.Values[i]) })
	s.rows[v.Name] = choices
	left := []kit.Cell{kit.Min(kit.NewText(v.Label, kit.Name, kit.InkText))}
	if v.Lock != "" {
		choices.Disable()
		left = append(left, kit.Gap(1), kit.Min(noteLine("lock", v.Lock)))
	}
	label := kit.Scaled(200)
	if label+choices.Width()+16 <= s.width() {
		if v.Help != "" {
			left = append(left, kit.Gap(1), kit.Min(kit.NewText(v.Help, kit.Caption, kit.InkMuted)))
		}
		words := kit.Inset(kit.Column(left...), 0, max((choices.HeightFor(choices.Width())-kit.LineHeight(kit.Name))/2, 0), 0, 0)
		return kit.Row(kit.Grow(words), kit.Gap(16), kit.Fix(kit.Column(kit.Min(choices)), choices.Width()))
	}
	if v.Help != "" {
		left = append(left, kit.Gap(1), kit.Min(kit.NewText(v.Help, kit.Caption, kit.InkMuted)))
	}
	return kit.Column(append(left, kit.Gap(6), kit.Min(choices))...)
}

// choose puts a choice into force.
func (s *settingsScreen) choose(name, value string) {
	u := s.u
	i := slices.IndexFunc(settings, func(x setting) bool { return x.name == name })
	settings[i].set(&u.settings, value)
	u.settled()
	u.trace("setting " + name)
	if name == SettingLanguage { // every word changes: the dialog is made anew
		s.dialog.Close()
		u.respeak()
		u.openSettings("", name)
		return
	}
	if name == SettingText || name == SettingDensity || name == SettingContrast || name == SettingTheme {
		s.fill()
		u.cfg.Window.Canvas().Focus(s.rows[name])
		s.dialog.Reveal(s.rows[name])
	}
	if name == SettingIdle && u.desk != nil {
		u.touched()
		u.desk.watchIdle()
	}
}

// companyIdle is the company's time until the inbox locks; 0 where there is none, or nobody is there.
func (u *UI) companyIdle() time.Duration {
	if u.desk != nil {
		return sooner(u.desk.session.Idle, u.managed.Idle)
	}
	return u.managed.Idle
}

// sample is a row and two bubbles as they look now.
func (s *settingsScreen) sample() fyne.CanvasObject {
	name := word("settings.sample.name")
	v := RowView{Name: name, Number: "+49 ••• ••47", Face: faceOf("sample", name), Time: "14:48", Snippet: word("settings.sample.in"), Bold: true, Unread: "2",
		Chips: []ChipView{leftChip(3*time.Hour + 12*time.Minute)}}
	high := func() fyne.Size { return fyne.NewSize(200, rowHeight()) }
	row := kit.NewPainted("", func(k *kit.Sketch, size fyne.Size) { paintRow(k, size, v, true, false) }).SetMin(high)
	talk := kit.NewPainted("", func(k *kit.Sketch, size fyne.Size) {
		y := float32(0)
		for _, m := range []struct {
			key string
			out bool
		}{{"settings.sample.in", false}, {"settings.sample.out", true}} {
			b := k.Layout([]kit.Run{{Text: word(m.key)}}, size.Width-44, kit.Style{Type: kit.Snippet})
			w, h := b.Width+20, b.Height+10
			if m.out {
				k.Bubble(size.Width-w, y, w, h, k.P.BubbleOut, k.P.BubbleOut, kit.TailTopRight)
				k.Block(b, size.Width-w+10, y+5, k.P.Text)
			} else {
				k.Bubble(0, y, w, h, k.P.BubbleIn, k.P.Border, kit.TailTopLeft)
				k.Block(b, 10, y+5, k.P.Text)
			}
			y += h + kit.Dense(itemGap, 6)
		}
	}).SetMin(high)
	return kit.NewPanel(kit.Row(kit.Grow(row), kit.Gap(16), kit.Grow(talk)), kit.ChipNeutral, 10)
}

// noteLine is an icon and a quiet sentence.
func noteLine(icon, text string) fyne.CanvasObject {
	d := kit.Scaled(16)
	mark := kit.NewPainted("", func(k *kit.Sketch, _ fyne.Size) {
		k.Icon(icon, 0, float32(int((kit.LineHeight(kit.Snippet)-d)/2)), d, k.P.TextMuted)
	}).SetMin(func() fyne.Size { return fyne.NewSize(d, kit.LineHeight(kit.Snippet)) })
	return kit.Row(kit.Fix(mark, d), kit.Gap(8), kit.Grow(kit.NewText(text, kit.Snippet, kit.InkMuted)))
}

// facts are what the person should know and cannot choose.
func (s *settingsScreen) facts() []kit.Cell {
	u := s.u
	var cells []kit.Cell
	say := func(icon, text string) {
		if text != "" && matches(s.find.Text(), word("settings.group.device"), text) {
			cells = append(cells, kit.Min(noteLine(icon, text)), kit.Gap(6))
		}
	}
	if d := u.desk; d != nil && d.session.Device != "" {
		say("device", word("settings.device", "Device", d.session.Device, "Person", d.staff.me.Name))
	}
	if d := u.desk; d != nil && d.session.Lease != nil {
		if until := d.session.Lease(); !until.IsZero() {
			say("clock", word("lock.lease", "Time", u.clock().when(inbox.At(until))))
		}
	}
	say("eye-off", captureText(u.capture))
	say("info", word("settings.motion"))
	say("people", word("settings.reader"))
	return cells
}

// does are the ways from here.
func (s *settingsScreen) does() []kit.Cell {
	var row []kit.Cell
	for _, id := range []string{actPassphrase, actPasskey, actSignOut, actManaged, actHelp, actTour, actAbout} {
		a := actionOf(id)
		if !s.u.can(a) || !matches(s.find.Text(), word("settings.group.more"), a.title(s.u)) {
			continue
		}
		row = append(row, kit.Min(kit.Inset(kit.Row(kit.Min(kit.NewButton(a.title(s.u), kit.Flat, func() {
			s.dialog.Close()
			s.u.do(id)
		}).SetIcon(a.icon).SetHint(s.u.router.Hint(id))), kit.Spring()), -8, 0, 0, 0)))
	}
	return row
}

// KeptSettings are the choices kept in the application's preferences.
func KeptSettings(app fyne.App) Settings { return loadSettings(app.Preferences(), "", nil) }

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
