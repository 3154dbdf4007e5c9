package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"sealdesk/ui/kit"
)

// cardScreen is a card in the middle of an empty window. One that is higher than the window scrolls.
func cardScreen(content fyne.CanvasObject, inset, width float32) []fyne.CanvasObject {
	card := kit.NewCard(content, inset)
	scroll := kit.NewScroller(kit.Column(kit.Gap(pageLead), kit.Min(card), kit.Gap(pageLead)))
	return []fyne.CanvasObject{kit.NewFill(inkCanvas), boxed(&cardPlace{card, scroll.View, width}, scroll.View)}
}

// footedScreen is a cardScreen whose foot stays in view when there is no room for all of it: what is above scrolls.
func footedScreen(content, foot *fyne.Container, inset, width float32) []fyne.CanvasObject {
	scroll := kit.NewScroller(content)
	card := kit.NewCard(kit.Column(kit.Grow(kit.Inset(scroll.View, -scrollLead, 0, -scrollBar, 0)), kit.Min(foot)), inset)
	return []fyne.CanvasObject{kit.NewFill(inkCanvas), boxed(&footedPlace{card, content, foot, inset, width}, card)}
}

type footedPlace struct {
	card         *kit.Card
	above, below *fyne.Container
	inset, width float32
}

// Layout implements fyne.Layout.
func (p *footedPlace) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	w := min(p.width, size.Width-2*pageLead)
	need := kit.NewCard(kit.Column(kit.Min(p.above), kit.Min(p.below)), p.inset).HeightFor(w)
	h := min(float32(int(need+1)), size.Height-2*pageLead)
	p.card.Move(fyne.NewPos(float32(int((size.Width-w)/2)), float32(int((size.Height-h)/2))))
	p.card.Resize(fyne.NewSize(w, h))
}

// MinSize implements fyne.Layout.
func (p *footedPlace) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(100, 100) }

type cardPlace struct {
	card  *kit.Card
	view  *container.Scroll
	width float32
}

// What a kit.Scroller keeps free at its left and right.
const (
	scrollLead float32 = 3
	scrollBar  float32 = 12
)

// Layout implements fyne.Layout.
func (p *cardPlace) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	w := min(p.width, size.Width-scrollLead-scrollBar)
	h := min(float32(int(p.card.HeightFor(w)+1))+2*pageLead, size.Height) // the lines of the card are not cut
	p.view.Move(fyne.NewPos(float32(int((size.Width-w)/2))-scrollLead, float32(int((size.Height-h)/2))))
	p.view.Resize(fyne.NewSize(w+scrollLead+scrollBar, h))
}

// MinSize implements fyne.Layout.
func (p *cardPlace) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(100, 100) }
