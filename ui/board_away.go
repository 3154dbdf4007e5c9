package ui

import (
	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// awayKey names what the reader can do about being given conversations.
func awayKey(away bool) string {
	if away {
		return "action.back"
	}
	return "action.away"
}

// turnAway says that the reader is not to be given conversations for now, or is again.
func (d *desk) turnAway() {
	away := !d.staff.me.Away
	d.question(inbox.SetAway{Away: away}, func(inbox.Answer) {
		said := word("away.over")
		if away {
			said = word("away.set")
		}
		d.u.toast(kit.Toast{Text: said, Icon: "pause"})
		d.u.trace("away answered")
	})
}

// newMark is the sign at the top of the rail. While the reader is away it says so, and a tap ends that.
func newMark(d *desk) *kit.Touch {
	mark := kit.NewTouch("", func(s *kit.Sketch, size fyne.Size) {
		x := (size.Width - 36) / 2
		if d.staff.me.Away {
			s.Rect(x, 0, 36, 36, s.P.Warn.Soft, 9)
			s.Icon("pause", x+8, 8, 20, s.P.Warn.Ink)
			s.Area("back", x, 0, 36, 36)
			return
		}
		s.Rect(x, 0, 36, 36, brand, 9)
		s.Icon("shield", x+7, 7, 22, onBrand)
	})
	mark.SetMin(func() fyne.Size { return fyne.NewSize(36, 36) })
	mark.Tip = func(area string) string {
		if area == "back" {
			return word("away.tip")
		}
		return ""
	}
	mark.OnTap = func(area string, _ fyne.Position) {
		if area == "back" {
			d.turnAway()
		}
	}
	return mark
}
