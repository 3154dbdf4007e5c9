package ui

import (
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// suggestions stand over the message field while the last word of the draft calls for them: "/" for a text that the company keeps
// ready, "@" in a note for a colleague. The field keeps the keyboard.
type suggestions struct {
	c     *composer
	list  *kit.Touch
	box   fyne.CanvasObject // list with its margin
	shown []Suggestion
	at    int
	token string // what calls for them
	shut  string // the token at which they were sent away
}

const suggestHeight float32 = 44

func newSuggestions(c *composer) *suggestions {
	s := &suggestions{c: c}
	s.list = kit.NewTouch(word("suggest.name"), s.paint)
	s.list.SetMin(func() fyne.Size { return fyne.NewSize(120, float32(len(s.shown))*kit.Scaled(suggestHeight)+8) })
	s.list.OnTap = func(_ string, pos fyne.Position) {
		if i := int((pos.Y - 4) / kit.Scaled(suggestHeight)); i >= 0 && i < len(s.shown) {
			s.at = i
			s.take()
		}
		c.focus()
	}
	s.box = kit.Inset(s.list, 0, 0, 0, 8)
	s.box.Hide()
	return s
}

// look shows what the draft calls for now.
func (s *suggestions) look() {
	d := s.c.d
	kind, query, token := called(s.c.text(), s.c.note)
	var list []Suggestion
	if d.row != nil && token != "" && token != s.shut {
		switch kind {
		case '/':
			list = quickReplies(d.house.repliesIn(d.row.Inbox), query, d.staff, d.house.inbox(d.row.Inbox))
		case '@':
			list = mentionable(d.staff, d.row.Conversation, query)
		}
	}
	if token != s.token {
		s.at = 0
	}
	if !strings.HasPrefix(token, s.shut) {
		s.shut = ""
	}
	s.token, s.shown = token, list
	s.at = min(s.at, max(len(list)-1, 0))
	if was := s.box.Visible(); was != (len(list) > 0) || was {
		visible(s.box, len(list) > 0)
		s.list.Refresh()
		relayout(s.c.body)
		d.panes.refresh()
	}
	if len(list) > 0 {
		d.u.trace("suggestions shown")
	}
}

// key takes the keys that choose; true means used.
func (s *suggestions) key(ev *fyne.KeyEvent) bool {
	if len(s.shown) == 0 {
		return false
	}
	switch ev.Name {
	case fyne.KeyDown:
		s.at = (s.at + 1) % len(s.shown)
	case fyne.KeyUp:
		s.at = (s.at + len(s.shown) - 1) % len(s.shown)
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeyTab:
		s.take()
		return true
	case fyne.KeyEscape:
		s.shut = s.token
		s.look()
		return true
	default:
		return false
	}
	s.list.Refresh()
	return true
}

// take puts what is chosen in the place of the word that called for it.
func (s *suggestions) take() {
	s.put(strings.TrimSuffix(s.c.text(), s.token), s.shown[s.at])
}

// put completes a text.
func (s *suggestions) put(text string, it Suggestion) {
	if len(text)+len(it.Insert) > 4*inbox.MaxText {
		return
	}
	s.c.field.SetText("")
	s.c.field.InsertText(text + it.Insert)
	if it.Person != "" {
		s.c.mentions = append(s.c.mentions, it)
	}
	s.look()
	s.c.d.u.trace("suggestion taken")
}

func (s *suggestions) paint(k *kit.Sketch, size fyne.Size) {
	p := k.P
	k.Frame(0, 0, size.Width, size.Height, p.Raised, p.Border, 1, kit.InputRadius)
	h := kit.Scaled(suggestHeight)
	for i, it := range s.shown {
		y := 4 + float32(i)*h
		if i == s.at {
			k.Rect(4, y, size.Width-8, h, p.Selected, kit.InputRadius-2)
		}
		top := y + float32(int((h-kit.LineHeight(kit.LabelBold)-kit.LineHeight(kit.Caption))/2))
		d := kit.Scaled(18)
		k.Icon(it.Icon, 14, y+(h-d)/2, d, p.TextMuted)
		x := 14 + d + 10
		w := k.TextIn(it.Title, x, top, size.Width-x-14, kit.LabelBold, p.Text, kit.AlignStart)
		if left := size.Width - x - w - 24; it.Hint != "" && left > 40 {
			k.TextIn(it.Hint, x+w+10, top+1, left, kit.Caption, p.TextFaint, kit.AlignStart)
		}
		k.RunsIn(runsOf(it.Text), x, top+kit.LineHeight(kit.LabelBold), size.Width-x-14, kit.Caption, p.TextMuted, kit.AlignStart)
		k.Area(it.Title, 4, y, size.Width-8, h)
	}
}
