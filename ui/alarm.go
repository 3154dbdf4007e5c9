package ui

import (
	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// alarm is a soft field for what must not be passed over: unlike a banner of the kit it is as high as its words need.
type alarm struct {
	*tall
	n kit.Notice
}

// newAlarm returns a field that says nothing yet and is hidden. below is free space under it.
func newAlarm(below float32) *alarm {
	a := &alarm{}
	blocks := func(width float32) (title, text kit.Block) {
		if a.n.Title != "" {
			title = layoutText([]kit.Run{{Text: a.n.Title}}, width-58, kit.Style{Type: kit.NameBold})
		}
		if a.n.Text != "" {
			text = layoutText([]kit.Run{{Text: a.n.Text}}, width-58, kit.Style{Type: kit.Snippet})
		}
		return title, text
	}
	a.tall = newTall("", func(s *kit.Sketch, size fyne.Size) {
		title, text := blocks(size.Width)
		ink := kit.InkOf(a.n.Style)(s.P)
		s.Rect(0, 0, size.Width, size.Height-below, kit.SoftOf(a.n.Style)(s.P), kit.InputRadius)
		y, first := float32(12), kit.Snippet
		if a.n.Title != "" {
			first = kit.NameBold
		}
		s.Icon(a.n.Icon, 12, y+float32(int((kit.LineHeight(first)-20)/2)), 20, ink)
		if a.n.Title != "" {
			s.Block(title, 44, y, ink)
			y += title.Height + 2
		}
		s.Block(text, 44, y, ink)
	}, func(width float32) float32 {
		title, text := blocks(width)
		return max(title.Height+text.Height+26, 44) + below
	})
	a.Hide()
	return a
}

// set says something, or with no words hides the field.
func (a *alarm) set(n kit.Notice) {
	a.n = n
	a.painted.SetAccessibleName(oneLine(n.Title + " " + n.Text))
	visible(a.tall, n.Text != "" || n.Title != "")
	a.Refresh()
}

// told is a field that says something from the beginning.
func told(n kit.Notice, below float32) *tall {
	a := newAlarm(below)
	a.set(n)
	return a.tall
}
