package ui

import (
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// watchUpdates takes up what is known of newer versions, now and whenever that changes.
func (u *UI) watchUpdates() {
	if u.cfg.Updates == nil || u.cfg.WatchUpdates == nil {
		return
	}
	pokes := u.cfg.WatchUpdates(u.ctx)
	go func() {
		for range pokes {
			now := u.cfg.Updates()
			u.cfg.Post(func() {
				if u.update.State != now.State || u.update.Ready != now.Ready {
					u.trace("update " + [...]string{"unknown", "current", "offered", "stale", "refused", "off"}[now.State])
				}
				u.update = now
				if u.desk != nil {
					u.desk.setStatus()
				}
			})
		}
	}()
}

// updateStatus is the notice of updates for a strip that has nothing else to say, and what its button does.
func (u *UI) updateStatus(v StatusView, do func()) (StatusView, func()) {
	if v.Text != "" {
		return v, do
	}
	return updateNotice(u.update, u.updateSeen), u.showUpdate
}

// showUpdate says what is known about updates, and takes the notice that led here away.
func (u *UI) showUpdate() {
	u.updateSeen = u.update.id()
	if u.desk != nil {
		u.desk.setStatus()
	}
	v := updateView(u.update, u.cfg.Version, u.speaks(), func(t time.Time) string { return u.clock().when(inbox.At(t)) })
	var cells []kit.Cell
	if n := v.Notice; n != nil {
		cells = append(cells, kit.Min(told(kit.Notice{Style: chipStyles[n.Tone], Icon: n.Icon, Text: n.Text}, 14)))
	}
	cells = append(cells, kit.Min(kit.NewText(v.Text, kit.Body, kit.InkText)), kit.Gap(14))
	if v.Notes != "" {
		cells = append(cells, kit.Min(kit.NewText(word("update.notes"), kit.Heading, kit.InkText)), kit.Gap(6))
		for _, p := range strings.FieldsFunc(v.Notes, func(r rune) bool { return r == '\n' }) {
			cells = append(cells, kit.Min(kit.NewText(p, kit.Body, kit.InkText)), kit.Gap(4))
		}
		cells = append(cells, kit.Gap(10))
	}
	cells = append(cells, kit.Min(kit.NewText(v.Detail, kit.Snippet, kit.InkMuted)))
	kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: v.Title, Body: kit.Column(cells...), Width: 520,
		Do: kit.Action{Text: word("settings.done"), Do: u.home}})
	u.trace("update shown")
}
