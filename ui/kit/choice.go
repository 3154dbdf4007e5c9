package kit

import "fyne.io/fyne/v2"

// Choice is a field that shows what is chosen out of many, and opens the rest when tapped: too many for Segments and Radio.
type Choice struct {
	control
	text string
}

// NewChoice returns a field; open offers the choices, and Set shows the one that was made.
func NewChoice(name, text string, open func()) *Choice {
	c := &Choice{text: text}
	c.OnTap = open
	c.init(c, name, c.paint, func() fyne.Size {
		return fyne.NewSize(ceil(TextWidth(c.text, Body))+2*choicePad+choiceSign, max(Scaled(34), HitSize))
	})
	return c
}

const (
	choicePad  float32 = 10
	choiceSign float32 = 28 // the sign at the end, and the room before it
)

// Set shows what is chosen.
func (c *Choice) Set(text string) {
	if c.text != text {
		c.text = text
		c.Refresh()
	}
}

// Text is what is chosen.
func (c *Choice) Text() string { return c.text }

func (c *Choice) paint(s *Sketch, size fyne.Size) {
	fill := s.P.Surface
	if c.hovered {
		fill = s.P.Hover
	}
	s.Frame(0, 0, size.Width, size.Height, fill, s.P.BorderStrong, 1, InputRadius)
	s.TextIn(c.text, choicePad, round((size.Height-LineHeight(Body))/2), size.Width-2*choicePad-choiceSign, Body, s.P.Text, AlignStart)
	s.Icon("chevron-down", size.Width-choicePad-16, round((size.Height-16)/2), 16, s.P.TextMuted)
	if c.focused {
		s.focusRing(size.Width, size.Height, InputRadius)
	}
}
