package ui

import (
	"reflect"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"sealdesk/ui/kit"
)

// Managed is what the organisation set on this machine. Its zero value is nothing.
type Managed struct {
	Settings []ManagedSetting // every one there is, in the order people read them
	Unknown  []string         // names of those this version does not know: they do nothing
	Trouble  []string         // the policy that is there is broken, in IT's words; what is above is the one before
	Server   *KnownServer     // the company's server, where the policy names it; nil: a person must

	Rules     map[string]Rule // what people can no longer choose
	Idle      time.Duration   // after which the inbox locks, where that is sooner than the company's server says; 0: never
	Copying   Copying
	SaveFiles bool // people may save files of messages
}

// A ManagedSetting is one setting of the policy, in the words of every language we have, by its tag.
type ManagedSetting struct {
	Title, Help map[string]string
	Value       any    // bool, time.Duration, []string, or words in every language
	Set         bool   // the organisation set it
	Origin      string // where, if it did: a file or a key of the registry
	Later       bool   // it was changed and takes effect at the next start
	Void        bool   // this system cannot do it
}

// A KnownServer is the company's server as the policy names it: nobody has to type it.
type KnownServer struct {
	Address string   // host:port
	Pins    []string // of the keys it may show, in their short form
}

// manage takes up what the organisation set, now and whenever that changes.
func (u *UI) manage() {
	if u.cfg.Managed == nil || u.cfg.WatchManaged == nil {
		return
	}
	pokes := u.cfg.WatchManaged(u.ctx)
	go func() {
		for range pokes {
			u.cfg.Post(u.readManaged)
		}
	}()
}

// readManaged adopts what is set now.
func (u *UI) readManaged() {
	if u.cfg.Managed != nil {
		u.adopt(u.cfg.Managed())
	}
}

// adopt puts what the organisation set into force, and says so where it is another than before.
func (u *UI) adopt(m Managed) {
	before := u.managed
	changed := managedChanges(before, m)
	if len(changed) == 0 && slices.Equal(before.Trouble, m.Trouble) {
		return
	}
	u.obey(m)
	if u.drawn {
		u.protect()
	}
	own, was := u.own(), u.settings
	if u.settings = ruled(own, m.Rules); u.settings != was {
		u.restyle()
		if u.settings.Language != was.Language {
			u.respeak()
		}
	}
	if u.news = policyNews(before, m); len(before.Trouble) > 0 && u.desk == nil && u.locked == nil {
		u.news = newsNone // nothing was in force before
	}
	u.trace("policy changed")
	if e := u.enrol; e != nil && e.reached == nil && e.field.Text() == "" && !reflect.DeepEqual(before.Server, m.Server) {
		u.enrol = nil
		u.showEnrol() // another way may lead in now
	} else if j := u.join; j != nil && j.form == nil && !reflect.DeepEqual(before.Server, m.Server) {
		j.cancel()
		u.join = nil
		u.showEnrol()
	}
	if d := u.desk; d != nil {
		d.setStatus()
		d.watchIdle()
	}
}

// obey is what is in force without anything being shown yet.
func (u *UI) obey(m Managed) {
	u.managed = m
	u.cfg.Rules, u.cfg.SaveFiles, u.cfg.Copying = m.Rules, m.SaveFiles, m.Copying
}

// own are the choices of the person who is there, whatever the organisation says.
func (u *UI) own() Settings {
	if u.cfg.Settings != nil {
		return *u.cfg.Settings
	}
	return loadSettings(u.cfg.App.Preferences(), u.whose, u.cfg.Rules)
}

// speaks is the language the window speaks.
func (u *UI) speaks() string {
	if l := u.settings.Language; l != "" {
		return l
	}
	return nearest(lang.SystemLocale().LanguageString())
}

// showManaged shows what the organisation set.
func (u *UI) showManaged() {
	if u.news != newsBroken {
		u.news = newsNone
		if u.desk != nil {
			u.desk.setStatus()
		}
	}
	v := managedView(u.managed, u.speaks())
	var cells []kit.Cell
	for _, n := range v.Notices {
		ink := kit.InkOf(chipStyles[n.Tone])
		cells = append(cells, kit.Min(kit.NewPanel(kit.Column(kit.Min(kit.NewText(n.Title, kit.NameBold, ink)), kit.Gap(2), kit.Min(kit.NewText(n.Text, kit.Snippet, ink))), chipStyles[n.Tone], 12)), kit.Gap(12))
	}
	if v.Empty != "" {
		cells = append(cells, kit.Fix(kit.NewEmptyState("unlock", v.Empty, v.Advice, kit.Action{}), kit.Scaled(220)))
	}
	for _, g := range v.Groups {
		cells = append(cells, kit.Gap(6), kit.Min(kit.NewText(g.Title, kit.Heading, kit.InkText)), kit.Gap(8))
		for _, r := range g.Rows {
			cells = append(cells, kit.Min(managedRow(r)), kit.Gap(8))
		}
		cells = append(cells, kit.Gap(8))
	}
	kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("managed.title"), Text: v.Lead, Body: kit.Column(cells...), Width: 660,
		Do: kit.Action{Text: word("settings.done"), Do: u.home}})
	u.trace("policy shown")
}

// managedRow is one setting: what it is and what holds, what that means, and who says so.
func managedRow(r ManagedRow) fyne.CanvasObject {
	lines := []kit.Cell{
		kit.Min(kit.Row(kit.Grow(kit.NewText(r.Title, kit.Name, kit.InkText)), kit.Gap(16), kit.Grow(kit.NewText(r.Value, kit.NameBold, kit.InkText).Align(kit.AlignEnd)))),
		kit.Gap(2), kit.Min(kit.NewText(r.Help, kit.Caption, kit.InkMuted)),
	}
	for _, n := range r.Notes {
		lines = append(lines, kit.Gap(6), kit.Min(noteLine(n.Icon, n.Text)))
	}
	return kit.NewPanel(kit.Column(lines...), kit.ChipNeutral, 12)
}

// clipboard is what fields copy to and paste from; nil where nothing may be copied, which is said.
func (u *UI) clipboard(system fyne.Clipboard, copying bool) fyne.Clipboard {
	switch {
	case u.cfg.Copying == CopyAnywhere:
		return system
	case u.cfg.Copying == CopyInside:
		return &insideClipboard{u: u, Clipboard: system}
	case copying:
		u.toast(kit.Toast{Text: word("toast.copy.off"), Icon: "lock"})
		u.trace("copy refused")
		return nil
	}
	return system
}

// insideClipboard keeps what is copied from other programs. What they put on the system's clipboard later is newer, and wins.
type insideClipboard struct {
	fyne.Clipboard
	u *UI
}

// Content implements fyne.Clipboard.
func (c *insideClipboard) Content() string {
	if in := &c.u.inside; in.text != "" && c.Clipboard.Content() == in.over {
		return in.text
	}
	return c.Clipboard.Content()
}

// SetContent implements fyne.Clipboard.
func (c *insideClipboard) SetContent(text string) {
	c.u.inside = insideCopy{text: text, over: c.Clipboard.Content()}
}

// insideCopy is a text that was copied and stays in Sealdesk, and what was on the system's clipboard then.
type insideCopy struct{ text, over string }
