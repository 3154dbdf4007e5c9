package ui

import (
	"sealdesk/ui/kit"
)

// A Crash is what a run that ended by itself left: a file with where it stood, and nothing of anybody.
type Crash struct {
	Path   string
	Forget func() error // deletes the file; it may wait for the disk
}

// showCrash says that the last run ended by itself, once, over whatever the window shows first.
func (u *UI) showCrash() {
	crash := u.cfg.Crash
	if crash == nil {
		return
	}
	u.cfg.Crash = nil
	kit.ShowDialog(u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("crash.title"), Text: word("crash.text"), Body: kit.Column(kit.Min(kit.NewRuns([]kit.Run{{Text: crash.Path, Look: kit.Code}}, kit.Snippet, kit.InkText))),
		Width: 560,
		Safe: kit.Action{Text: word("crash.delete"), Do: func() {
			go func() {
				err := crash.Forget()
				u.cfg.Post(func() {
					text, icon := word("crash.deleted"), "check"
					if err != nil {
						u.cfg.Log.Warn("crash file not deleted", "error", err)
						text, icon = word("crash.stays"), "warn"
					}
					u.toast(kit.Toast{Text: text, Icon: icon})
				})
			}()
			u.home()
		}},
		Do: kit.Action{Text: word("crash.copy"), Do: func() {
			u.cfg.App.Clipboard().SetContent(crash.Path)
			u.toast(kit.Toast{Text: word("crash.copied"), Icon: "copy"})
			u.home()
		}}})
	u.trace("crash shown")
}
