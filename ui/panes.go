package ui

import (
	"image/color"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// Widths of the panes, and the widths of the window from which they are shown.
const (
	railWidth float32 = 56
	listWidth float32 = 340
	sideWidth float32 = 300
	fourFrom  float32 = 1180 // the contact panel stands beside the timeline
	listFrom  float32 = 900  // the list shows more than who it is
)

// panes lays the window out. The contact panel stands beside the timeline when there is room, else it lies over it when
// asked for.
type panes struct {
	rail, list, middle, side fyne.CanvasObject
	under                    func() (y, h float32) // what the panel lies over in a narrow window
	changed                  func()                // the arrangement is another one

	box      *fyne.Container
	seams    [2]*kit.Divider
	width    float32
	hidden   bool // the reader closed the panel in a wide window
	drawer   bool // the reader opened it in a narrow one
	anything bool // a conversation is open
}

func (p *panes) container() *fyne.Container {
	for i := range p.seams {
		p.seams[i] = kit.NewDivider(true)
	}
	p.box = boxed(p, kit.NewFill(inkSurface), p.rail, p.list, p.middle, p.seams[0], p.side, p.seams[1])
	return p.box
}

func (p *panes) wide() bool { return p.width >= fourFrom }

// sideShown reports whether the contact panel is in view, drawerShown whether it lies over the timeline.
func (p *panes) sideShown() bool {
	return p.anything && (p.wide() && !p.hidden || !p.wide() && p.drawer)
}
func (p *panes) drawerShown() bool { return p.sideShown() && !p.wide() }

func (p *panes) toggle() {
	if p.wide() {
		p.hidden = !p.hidden
	} else {
		p.drawer = !p.drawer
	}
	p.refresh()
}

func (p *panes) open(v bool) { p.anything = v }

func (p *panes) refresh() {
	if p.box != nil && p.width > 0 {
		relayout(p.box)
	}
}

// Layout implements fyne.Layout.
func (p *panes) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	moved := p.width >= fourFrom != (size.Width >= fourFrom)
	p.width = size.Width
	list := listWidth
	if size.Width < listFrom {
		list = stripWidth
	}
	place := func(o fyne.CanvasObject, x, w float32) {
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(max(w, 0), size.Height))
	}
	p.box.Objects[0].Resize(size)
	place(p.rail, 0, railWidth)
	place(p.list, railWidth, list)
	x := railWidth + list
	place(p.seams[0], x, 1)
	right := size.Width
	shown := p.sideShown()
	visible(p.side, shown)
	visible(p.seams[1], shown)
	if shown && p.wide() {
		right = size.Width - sideWidth - 1
	}
	place(p.middle, x+1, right-x-1)
	if shown {
		place(p.side, size.Width-sideWidth, sideWidth)
		place(p.seams[1], size.Width-sideWidth-1, 1)
		if y, h := p.under(); !p.wide() {
			for _, o := range []fyne.CanvasObject{p.side, p.seams[1]} {
				o.Move(fyne.NewPos(o.Position().X, y))
				o.Resize(fyne.NewSize(o.Size().Width, h))
			}
		}
	}
	if moved && p.changed != nil {
		p.changed()
	}
}

// MinSize implements fyne.Layout. It is the window's least size.
func (p *panes) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(minWidth, minHeight-30) }

// The mark has the same colours in every theme.
var (
	brand   = color.NRGBA{R: 0x4C, G: 0xC2, B: 0xBC, A: 0xFF}
	onBrand = color.NRGBA{R: 0x10, G: 0x26, B: 0x2B, A: 0xFF}
)

// rail is the dark strip at the left: where one is, and the settings.
type rail struct {
	root  *fyne.Container
	inbox *kit.IconButton
}

func newRail(d *desk) *rail {
	u := d.u
	r := &rail{}
	mark := kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		x := (size.Width - 36) / 2
		s.Rect(x, 0, 36, 36, brand, 9)
		s.Icon("shield", x+7, 7, 22, onBrand)
	}).SetMin(func() fyne.Size { return fyne.NewSize(36, 36) })
	r.inbox = kit.NewRailButton("inbox", word("inbox.title"), func() { d.listing.list.ScrollToTop() })
	r.inbox.SetActive(true)
	help := kit.NewRailButton("help", u.tip(word("action.help"), actHelp), u.showHelp)
	settings := kit.NewRailButton("settings", u.tip(word("action.settings"), actSettings), u.showSettings)
	pad := func(o fyne.CanvasObject) kit.Cell { return kit.Min(kit.Inset(o, 4, 0, 4, 0)) }
	column := kit.Column(kit.Gap(12), kit.Min(mark), kit.Gap(14), pad(r.inbox), kit.Spring(), pad(help), kit.Gap(6), pad(settings), kit.Gap(10))
	r.root = boxed(fill{}, kit.NewFill(inkRail), column)
	return r
}

func (r *rail) unread(n int) { r.inbox.SetDot(n > 0) }
