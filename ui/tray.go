package ui

import (
	"image"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// tray is the line above the message field with the files that go out with it.
type tray struct {
	c      *composer
	root   fyne.CanvasObject
	touch  *kit.Touch
	files  []Attachment
	thumbs map[inbox.MediaID]image.Image
}

// Areas of the tray.
const (
	areaRemove = "remove "
	areaAsFile = "as "
)

const (
	trayCard  float32 = 236
	trayLeast float32 = 176
	trayGap   float32 = 8
)

func newTray(c *composer) *tray {
	t := &tray{c: c}
	t.touch = kit.NewTouch(word("tray.name"), t.paint)
	t.touch.SetMin(func() fyne.Size { return fyne.NewSize(120, kit.Scaled(58)) })
	t.touch.OnTap = func(area string, _ fyne.Position) {
		if i, ok := cutIndex(area, areaRemove); ok && i < len(t.files) {
			c.d.detach(t.files[i].ID)
		}
		if i, ok := cutIndex(area, areaAsFile); ok && i < len(t.files) {
			t.turn(i)
		}
	}
	t.touch.Tip = func(area string) string {
		switch {
		case strings.HasPrefix(area, areaRemove):
			return word("tray.remove")
		case strings.HasPrefix(area, areaAsFile):
			return word("tray.as.tip")
		}
		return ""
	}
	t.root = kit.Inset(t.touch, 0, 0, 0, 8)
	return t
}

func cutIndex(area, prefix string) (int, bool) {
	rest, ok := strings.CutPrefix(area, prefix)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(rest)
	return i, err == nil
}

// turn sends a picture as a file instead, or the other way round.
func (t *tray) turn(i int) {
	a := t.files[i]
	switch {
	case a.Kind == inbox.Document:
		t.c.d.sendAs(a, judge(a.Name, a.Type, a.Size).Kind)
	default:
		t.c.d.sendAs(a, inbox.Document)
	}
}

// turns reports whether there is a choice.
func turns(a Attachment) bool {
	return mediaKind(a.Type) != inbox.Document && judge(a.Name, a.Type, a.Size).Kind != inbox.Document
}

func (t *tray) paint(s *kit.Sketch, size fyne.Size) {
	p := s.P
	x := float32(0)
	hover, _ := t.touch.Hovered()
	h := size.Height
	card := trayCard
	if n := float32(len(t.files)); n > 1 {
		card = min(max(float32(int((size.Width-(n-1)*trayGap)/n)), trayLeast), trayCard)
	}
	for i, a := range t.files {
		left := len(t.files) - i
		if x+card > size.Width+1 && i > 0 || x+card+trayGap+card > size.Width+1 && x+card+60 > size.Width && left > 1 && i > 0 {
			s.Text(word("tray.more", "N", grouped(left)), x+4, float32(int((h-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, p.TextMuted)
			return
		}
		w := min(card, size.Width)
		s.Frame(x, 0, w, h, p.Surface, p.Border, 1, kit.InputRadius)
		d := h - 12
		if img := t.thumbs[a.ID]; img != nil {
			s.Image(string(a.ID), img, x+6, 6, d, d, 6)
		} else {
			icon, _ := medium(a.Kind)
			s.Rect(x+6, 6, d, d, p.Sunken, 6)
			s.Icon(icon, x+6+(d-20)/2, 6+(d-20)/2, 20, p.TextMuted)
		}
		tx := x + 6 + d + 8
		room := x + w - tx - 34
		top := float32(int((h - kit.LineHeight(kit.Label) - kit.LineHeight(kit.Caption) - 2) / 2))
		s.TextIn(a.Name, tx, top, room, kit.Label, p.Text, kit.AlignStart)
		line := bytesText(a.Size)
		_, name := medium(a.Kind)
		y := top + kit.LineHeight(kit.Label) + 2
		if turns(a) {
			used := s.TextIn(line+" ·", tx, y, room, kit.Caption, p.TextMuted, kit.AlignStart) + 4
			text := word("tray.as.picture")
			if a.Kind == inbox.Document {
				text = word("tray.as.file")
			}
			c := p.AccentText
			cw := s.TextIn(text, tx+used, y, room-used, kit.Caption, c, kit.AlignStart)
			if hover == areaAsFile+strconv.Itoa(i) {
				s.Line(tx+used, y+kit.LineHeight(kit.Caption)-1, cw, c)
			}
			s.Area(areaAsFile+strconv.Itoa(i), tx+used-4, y-4, cw+8, kit.LineHeight(kit.Caption)+10)
		} else {
			s.TextIn(line+" · "+name, tx, y, room, kit.Caption, p.TextMuted, kit.AlignStart)
		}
		bx, by := x+w-32, float32(int((h-28)/2))
		if hover == areaRemove+strconv.Itoa(i) {
			s.Rect(bx, by, 28, 28, p.Hover, kit.InputRadius)
		}
		s.Icon("close", bx+6, by+6, 16, p.TextMuted)
		s.Area(areaRemove+strconv.Itoa(i), bx-2, 0, 34, h)
		x += w + trayGap
	}
	if n := t.c.adding; n > 0 && x+120 < size.Width {
		s.Frame(x, 0, 190, h, p.Surface, p.Border, 1, kit.InputRadius)
		s.Ring(x+14, float32(int((h-22)/2)), 22, 3, 0, p.Accent, p.Border)
		s.TextIn(count("tray.adding", n), x+48, float32(int((h-kit.LineHeight(kit.Caption))/2)), 134, kit.Caption, p.TextMuted, kit.AlignStart)
	}
}

// refreshTray shows what is attached.
func (c *composer) refreshTray() {
	shown := c.view.Mode == ComposerReply && (len(c.tray.files) > 0 || c.adding > 0)
	was := c.tray.root.Visible()
	visible(c.tray.root, shown)
	c.tray.touch.Refresh()
	if was != shown {
		c.d.panes.refresh()
	}
	c.enable()
}

// attached takes in what lies in the tray. A file that is being chosen for a template
// is not among it, nor one whose wish is just being kept.
func (c *composer) attached(list []Attachment, thumbs map[inbox.MediaID]image.Image) {
	var files []Attachment
	for _, a := range list {
		if a.ID != c.reserved && !c.leaving[a.ID] {
			files = append(files, a)
		}
	}
	c.tray.files, c.tray.thumbs = files, thumbs
	c.refreshTray()
}
