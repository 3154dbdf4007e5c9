package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// MenuItem is something a Menu offers.
type MenuItem struct {
	Text string
	Icon string
	Hint string // keys that do the same, "" for none
	Do   func()
}

// MenuConfig says what a Menu offers.
type MenuConfig struct {
	// Name is the accessible name.
	Name string
	// Quick are drawn as large signs, such as emoji, eight in a row, above the items. Their Icon and Hint
	// are not used; Active marks one of them as chosen already, -1 none.
	Quick  []MenuItem
	Active int
	Items  []MenuItem
	// At is where the pointer was, on the window.
	At fyne.Position
	// OnClose is called whenever the menu closed, after what was chosen ran.
	OnClose func()
}

// Menu is a context menu: it floats above the window beside the pointer, has the keyboard, and goes
// with the first tap anywhere.
type Menu struct {
	Painted
	cfg   MenuConfig
	cover *cover
	at    int // chosen: items first, then quick ones; -1 for none
}

const (
	menuPad   = 6
	menuLeast = 200
	menuSign  = 36
	menuSigns = 8 // in a row
)

// ShowMenu shows a menu over a window.
func ShowMenu(c fyne.Canvas, cfg MenuConfig) *Menu {
	m := &Menu{cfg: cfg, at: -1}
	m.init(m, cfg.Name, m.paint, nil)
	m.cover = newCover(c, m.place, m.Close, m)
	m.cover.clear = true
	m.cover.name = cfg.Name
	m.cover.open(m)
	return m
}

// Close hides the menu without a choice.
func (m *Menu) Close() {
	if m.cover.isClosed {
		return
	}
	m.cover.close()
	if m.cfg.OnClose != nil {
		m.cfg.OnClose()
	}
}

func (m *Menu) row() float32 { return Scaled(34) }

func (m *Menu) signs() float32 {
	if len(m.cfg.Quick) == 0 {
		return 0
	}
	return float32((len(m.cfg.Quick)+menuSigns-1)/menuSigns)*Scaled(menuSign) + menuPad
}

func (m *Menu) size() fyne.Size {
	w := float32(min(len(m.cfg.Quick), menuSigns)) * Scaled(menuSign)
	if len(m.cfg.Items) > 0 {
		w = max(w, menuLeast)
	}
	for _, it := range m.cfg.Items {
		n := 44 + TextWidth(it.Text, Label) + 14
		if it.Hint != "" {
			n += TextWidth(it.Hint, Caption) + 24
		}
		w = max(w, n)
	}
	h := m.signs() + float32(len(m.cfg.Items))*m.row()
	if len(m.cfg.Items) == 0 {
		h -= menuPad
	}
	return fyne.NewSize(ceil(w)+2*menuPad, h+2*menuPad)
}

// place keeps the menu inside the window, above the pointer when there is no room below.
func (m *Menu) place(s *Sketch, size fyne.Size) {
	box := m.size()
	x, y := m.cfg.At.X, m.cfg.At.Y
	if y+box.Height > size.Height-8 {
		y = max(m.cfg.At.Y-box.Height, 8)
	}
	x = round(max(min(x, size.Width-box.Width-8), 8))
	y = round(y)
	s.Frame(x, y, box.Width, box.Height, s.P.Raised, s.P.BorderStrong, 1, 10)
	m.cover.box(x, y, box.Width, box.Height)
	m.Move(fyne.NewPos(x, y))
	m.Resize(box)
}

// cell is where a choice stands.
func (m *Menu) cell(i int) (x, y, w, h float32) {
	if n := len(m.cfg.Items); i >= n {
		d := Scaled(menuSign)
		return menuPad + float32((i-n)%menuSigns)*d, menuPad + float32((i-n)/menuSigns)*d, d, d
	}
	return menuPad, menuPad + m.signs() + float32(i)*m.row(), m.Size().Width - 2*menuPad, m.row()
}

func (m *Menu) count() int { return len(m.cfg.Items) + len(m.cfg.Quick) }

func (m *Menu) paint(s *Sketch, size fyne.Size) {
	for i := range m.count() {
		x, y, w, h := m.cell(i)
		if q := i - len(m.cfg.Items); q >= 0 {
			switch {
			case i == m.at:
				s.Rect(x, y, w, h, s.P.Selected, InputRadius)
			case q == m.cfg.Active:
				s.Rect(x, y, w, h, s.P.AccentSoft, InputRadius)
			}
			t := m.cfg.Quick[q].Text
			s.Text(t, x+round((w-TextWidth(t, Title))/2), y+round((h-LineHeight(Title))/2), Title, s.P.Text)
			continue
		}
		it := m.cfg.Items[i]
		if i == m.at {
			s.Rect(x, y, w, h, s.P.Selected, InputRadius)
		}
		s.Icon(it.Icon, x+10, y+round((h-18)/2), 18, s.P.TextMuted)
		s.Text(it.Text, x+38, y+round((h-LineHeight(Label))/2), Label, s.P.Text)
		if it.Hint != "" {
			n := TextWidth(it.Hint, Caption)
			s.Text(it.Hint, x+w-10-n, y+round((h-LineHeight(Caption))/2), Caption, s.P.TextFaint)
		}
	}
	if m.signs() > 0 && len(m.cfg.Items) > 0 {
		s.Line(menuPad, m.signs()+menuPad/2-1, size.Width-2*menuPad, s.P.Border)
	}
}

func (m *Menu) under(p fyne.Position) int {
	for i := range m.count() {
		if x, y, w, h := m.cell(i); p.X >= x && p.X < x+w && p.Y >= y && p.Y < y+h {
			return i
		}
	}
	return -1
}

func (m *Menu) choose(i int) {
	if m.at != i {
		m.at = i
		m.Refresh()
	}
}

// pick closes the menu and does what was chosen.
func (m *Menu) pick(i int) {
	if i < 0 || m.cover.isClosed {
		return
	}
	var do func()
	if q := i - len(m.cfg.Items); q >= 0 {
		do = m.cfg.Quick[q].Do
	} else {
		do = m.cfg.Items[i].Do
	}
	m.cover.close()
	if do != nil {
		do()
	}
	if m.cfg.OnClose != nil {
		m.cfg.OnClose()
	}
}

// Tapped implements fyne.Tappable.
func (m *Menu) Tapped(ev *fyne.PointEvent) { m.pick(m.under(ev.Position)) }

// MouseIn implements desktop.Hoverable.
func (m *Menu) MouseIn(ev *desktop.MouseEvent) {
	m.choose(m.under(ev.Position))
}

// MouseMoved implements desktop.Hoverable.
func (m *Menu) MouseMoved(ev *desktop.MouseEvent) {
	noticed(m)
	m.choose(m.under(ev.Position))
}

// MouseOut implements desktop.Hoverable.
func (m *Menu) MouseOut() { m.choose(-1) }

// FocusGained implements fyne.Focusable.
func (m *Menu) FocusGained() {}

// FocusLost implements fyne.Focusable.
func (m *Menu) FocusLost() {}

// TypedRune implements fyne.Focusable.
func (m *Menu) TypedRune(rune) {}

// TypedShortcut implements fyne.Shortcutable: nothing below a menu may act while it is open.
func (m *Menu) TypedShortcut(fyne.Shortcut) {}

// TypedKey implements fyne.Focusable: the arrows go through items and signs, Enter chooses, Escape
// closes.
func (m *Menu) TypedKey(ev *fyne.KeyEvent) {
	noticed(m)
	n, q := len(m.cfg.Items), len(m.cfg.Quick)
	sign := m.at - n // negative while an item is chosen
	switch ev.Name {
	case fyne.KeyEscape:
		m.Close()
	case fyne.KeyReturn, fyne.KeyEnter:
		m.pick(m.at)
	case fyne.KeyDown:
		switch {
		case m.at < 0 && q > 0 && n == 0:
			m.choose(n)
		case m.at < 0:
			m.choose(0)
		case sign >= 0 && sign+menuSigns < q:
			m.choose(m.at + menuSigns)
		case sign >= 0 && n > 0:
			m.choose(0)
		case sign < 0:
			m.choose(min(m.at+1, n-1))
		}
	case fyne.KeyUp:
		switch {
		case sign >= menuSigns:
			m.choose(m.at - menuSigns)
		case sign < 0 && m.at > 0:
			m.choose(m.at - 1)
		case sign < 0 && q > 0:
			m.choose(n)
		case m.at < 0:
			m.choose(n - 1)
		}
	case fyne.KeyRight:
		if q > 0 {
			m.choose(n + (max(sign, -1)+1)%q)
		}
	case fyne.KeyLeft:
		if q > 0 {
			m.choose(n + (max(sign, 0)+q-1)%q)
		}
	}
}
