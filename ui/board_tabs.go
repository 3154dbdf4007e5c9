package ui

import (
	"slices"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// teamPages are the pages that share a place on the rail, in the order of their tabs.
var teamPages = []struct {
	page  page
	label string
}{{pageBoard, "action.board"}, {pageReports, "action.reports"}, {pageCosts, "action.costs"}, {pageOrganise, "action.organise.short"}}

// teamPage is the page to which the rail leads: the one of them that was shown last.
func (d *desk) teamPage() page {
	if d.allowed(d.lastTeam) && d.lastTeam != pageInbox {
		return d.lastTeam
	}
	for _, p := range teamPages {
		if d.allowed(p.page) {
			return p.page
		}
	}
	return pageBoard
}

// isTeam reports whether a page is one of them.
func (p page) isTeam() bool {
	for _, t := range teamPages {
		if t.page == p {
			return true
		}
	}
	return false
}

// tabs lead from one of the pages to the others.
type tabs struct {
	d     *desk
	own   page
	root  *fyne.Container
	seg   *kit.Segments
	pages []page
}

func newTabs(d *desk, own page) *tabs {
	t := &tabs{d: d, own: own, root: boxed(fill{})}
	t.rights()
	return t
}

// rights makes one tab for each page the reader may see.
func (t *tabs) rights() {
	var pages []page
	var texts []string
	at := 0
	for _, p := range teamPages {
		if p.page != t.own && !t.d.allowed(p.page) {
			continue
		}
		if p.page == t.own {
			at = len(pages)
		}
		pages, texts = append(pages, p.page), append(texts, word(p.label))
	}
	if slices.Equal(pages, t.pages) && t.seg != nil {
		return
	}
	t.pages = pages
	t.seg = kit.NewSegments(word("action.team"), texts, at, func(i int) {
		if t.pages[i] == t.own {
			return
		}
		to := t.pages[i]
		t.seg = nil // who comes back finds the tab of the page again
		t.rights()
		relayout(t.root)
		t.d.showPage(to)
	})
	t.root.Objects = []fyne.CanvasObject{t.seg}
	visible(t.root, len(pages) > 1)
}

// teamHead paints the title of one of these pages with a line below it, which goes on under the tabs.
func teamHead(title string, line func() string) *kit.Painted {
	return kit.NewPainted(title, func(s *kit.Sketch, size fyne.Size) {
		s.TextIn(title, 0, 0, size.Width, kit.Display, s.P.Text, kit.AlignStart)
		s.TextIn(line(), 0, kit.LineHeight(kit.Display)+8, size.Width, kit.Snippet, s.P.TextMuted, kit.AlignStart)
	}).SetMin(func() fyne.Size { return fyne.NewSize(200, kit.LineHeight(kit.Display)+kit.LineHeight(kit.Snippet)+10) })
}

// headed is a page's title with the tabs.
func (t *tabs) headed(head *kit.Painted) *fyne.Container {
	return boxed(&headed{head, t}, head, t.root)
}

// headed puts tabs beside a page's title, or below it where there is no room.
type headed struct {
	head *kit.Painted
	tabs *tabs
}

func (l *headed) beside(width float32) bool {
	return width >= l.tabs.seg.Width()+kit.TextWidth(l.head.AccessibleName(), kit.Display)+40
}

// Layout implements fyne.Layout.
func (l *headed) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	head, w := l.head.MinSize().Height, l.tabs.seg.Width()
	l.head.Move(fyne.NewPos(0, 0))
	l.head.Resize(fyne.NewSize(size.Width, head))
	x, y := size.Width-w-12, float32(-3)
	if !l.beside(size.Width) {
		x, y, w = 0, head+8, size.Width
	}
	l.tabs.root.Move(fyne.NewPos(x, y))
	l.tabs.root.Resize(fyne.NewSize(w, l.tabs.seg.HeightFor(w)))
}

// MinSize implements fyne.Layout. Its height follows from the width the tabs were given last.
func (l *headed) MinSize([]fyne.CanvasObject) fyne.Size {
	h := l.head.MinSize().Height
	if w := l.width(); l.tabs.root.Visible() && w > 0 && !l.beside(w) {
		h += 8 + l.tabs.seg.HeightFor(w)
	}
	return fyne.NewSize(200, h)
}

// width is the room there is: that of the page.
func (l *headed) width() float32 {
	return l.tabs.d.u.cfg.Window.Canvas().Size().Width - railWidth - 2*pageX
}

// onRail is where a place on the rail leads.
func (d *desk) onRail(p page) page {
	if p.isTeam() {
		return d.teamPage()
	}
	return p
}
