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
	edgeWidth float32 = 10   // of the shade a drawer throws on what it lies over
	fourFrom  float32 = 1180 // the contact panel stands beside the timeline
	listFrom  float32 = 900  // the list shows more than who it is
)

// panes lays the window out. The contact panel stands beside the timeline when there is room, else it lies over it when
// asked for.
type panes struct {
	rail, list, middle, side fyne.CanvasObject
	under                    func() (y, h float32) // what the panel lies over in a narrow window
	changed                  func()                // the arrangement is another one

	page     *fyne.Container // what stands in the place of all three, empty for the inbox
	box      *fyne.Container
	seams    [2]fyne.CanvasObject
	width    float32
	hidden   bool // the reader closed the panel in a wide window
	drawer   bool // the reader opened it in a narrow one
	broad    bool // the list keeps its width in a narrow window
	anything bool // a conversation is open
}

func (p *panes) container() *fyne.Container {
	p.seams = [2]fyne.CanvasObject{kit.NewDivider(true), kit.NewPainted("", paintEdge)}
	p.page = boxed(fill{})
	p.page.Hide()
	p.box = boxed(p, kit.NewFill(inkSurface), p.rail, p.list, p.middle, p.seams[0], p.side, p.seams[1], p.page)
	return p.box
}

// turn shows a page in the place of list, timeline and contact; nil shows these again.
func (p *panes) turn(o fyne.CanvasObject) {
	p.page.Objects = nil
	if o != nil {
		p.page.Objects = []fyne.CanvasObject{o}
	}
	visible(p.page, o != nil)
	visible(p.list, o == nil)
	visible(p.middle, o == nil)
	visible(p.seams[0], o == nil)
	p.refresh()
	p.page.Refresh()
}

func (p *panes) turned() bool { return p.page != nil && len(p.page.Objects) > 0 }

func (p *panes) wide() bool { return p.width >= fourFrom }

// sideShown reports whether the contact panel is in view, drawerShown whether it lies over the timeline.
func (p *panes) sideShown() bool {
	return !p.turned() && p.anything && (p.wide() && !p.hidden || !p.wide() && p.drawer)
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
	if size.Width < listFrom && !p.broad {
		list = stripWidth
	}
	place := func(o fyne.CanvasObject, x, w float32) {
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(max(w, 0), size.Height))
	}
	p.box.Objects[0].Resize(size)
	place(p.rail, 0, railWidth)
	place(p.list, railWidth, list)
	place(p.page, railWidth, size.Width-railWidth)
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
			place(p.seams[1], size.Width-sideWidth-edgeWidth, edgeWidth)
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

// paintEdge is the line between the timeline and the panel; where there is room for it, with the shade of a drawer.
func paintEdge(s *kit.Sketch, size fyne.Size) {
	for x := range int(size.Width) - 1 {
		shade := s.P.Scrim
		shade.A = uint8(int(shade.A) * (x + 1) / int(3*size.Width))
		s.LineV(float32(x), 0, size.Height, shade)
	}
	line := s.P.Border
	if size.Width > 1 {
		line = s.P.BorderStrong
	}
	s.LineV(size.Width-1, 0, size.Height, line)
}

// MinSize implements fyne.Layout. It is the window's least size.
func (p *panes) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(minWidth, minHeight-30) }

// The mark has the same colours in every theme.
var (
	brand   = color.NRGBA{R: 0x4C, G: 0xC2, B: 0xBC, A: 0xFF}
	onBrand = color.NRGBA{R: 0x10, G: 0x26, B: 0x2B, A: 0xFF}
)

// railPages are the pages beside the inbox, in the order of the rail.
var railPages = []struct {
	page             page
	icon, label, act string
}{{pageDecisions, "eye", "action.decisions", actDecisions}, {pageRequests, "scales", "action.requests", actRequests}, {pageDevices, "device", "action.devices", actDevices}, {pageAudit, "document", "action.audit", actAudit}, {pageIncidents, "bell", "action.incidents", actIncidents}, {pageBoard, "chart", "action.team", actBoard}}

// rail is the dark strip at the left: where one is, and the settings.
type rail struct {
	root  *fyne.Container
	mark  *kit.Touch
	inbox *kit.IconButton
	pages map[page]*kit.IconButton
	boxes map[page]fyne.CanvasObject
	shown string
}

func newRail(d *desk) *rail {
	u := d.u
	r := &rail{pages: map[page]*kit.IconButton{}, boxes: map[page]fyne.CanvasObject{}}
	r.mark = newMark(d)
	r.inbox = kit.NewRailButton("inbox", word("inbox.title"), func() {
		if d.page != pageInbox {
			d.showPage(pageInbox)
			return
		}
		d.listing.list.ScrollToTop()
	})
	r.inbox.SetActive(true)
	help := kit.NewRailButton("help", u.tip(word("action.help"), actHelp), u.showHelp)
	settings := kit.NewRailButton("settings", u.tip(word("action.settings"), actSettings), u.showSettings)
	pad := func(o fyne.CanvasObject) kit.Cell { return kit.Min(kit.Inset(o, 4, 0, 4, 0)) }
	cells := []kit.Cell{kit.Gap(12), kit.Min(r.mark), kit.Gap(14), pad(r.inbox)}
	for _, p := range railPages {
		b := kit.NewRailButton(p.icon, u.tip(word(p.label), p.act), func() { d.showPage(d.onRail(p.page)) })
		box := kit.Inset(b, 4, 6, 4, 0)
		box.Hide()
		r.pages[p.page], r.boxes[p.page] = b, box
		cells = append(cells, kit.Min(box))
	}
	lock := kit.NewRailButton("lock", u.tip(word("action.lock"), actLock), func() { u.lock(LockedByHand) })
	cells = append(cells, kit.Spring(), pad(lock), kit.Gap(6), pad(help), kit.Gap(6), pad(settings), kit.Gap(10))
	r.root = boxed(fill{}, kit.NewFill(inkRail), kit.Column(cells...))
	return r
}

func (r *rail) unread(n int) { r.inbox.SetDot(n > 0) }

// refresh shows where one is, and what waits on pages the reader may see.
func (r *rail) refresh(d *desk) {
	r.inbox.SetActive(d.page == pageInbox)
	r.mark.Refresh()
	key := ""
	for _, p := range railPages {
		leads := d.onRail(p.page)
		visible(r.boxes[p.page], d.allowed(leads))
		r.pages[p.page].SetActive(d.page == leads)
		if d.allowed(leads) {
			key += string(rune('0' + p.page))
		}
	}
	r.pages[pageRequests].SetCount(badge(openRequests(d.house.requests)))
	r.pages[pageDecisions].SetCount(badge(d.waiting()))
	r.pages[pageIncidents].SetCount(badge(openIncidents(d.house.incidents)))
	if key != r.shown {
		r.shown = key
		relayout(r.root)
	}
}
