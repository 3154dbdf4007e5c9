package ui

import (
	"context"
	"errors"
	"image/color"
	"reflect"
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// boardEvery is how often the board asks while it is shown. The company's server counts hardly more often.
const boardEvery = 15 * time.Second

// boardPage shows how the inboxes stand right now: to one person at a desk, or to a room from a screen on the wall.
type boardPage struct {
	d     *desk
	root  *fyne.Container
	head  *kit.Painted
	tabs  *tabs
	list  *kit.List
	blank *kit.EmptyState
	load  *kit.Painted

	board  inbox.Board
	cards  []BoardCard
	shown  bool // something was answered
	stale  bool // what is shown is not from the last answer
	failed error
	asked  int
}

func newBoard(d *desk) *boardPage {
	p := &boardPage{d: d}
	p.head = teamHead(word("action.board"), p.line)
	p.tabs = newTabs(d, pageBoard)
	p.list = kit.NewList(kit.ListConfig{Name: word("action.board"), Len: func() int { return len(p.cards) }, ID: func(i int) string { return "card " + string(p.cards[i].ID) },
		Measure: p.measure, Draw: p.draw, PadTop: boardTop, PadBottom: 8, RingRow: true,
		Tip: func(i int, area string) string {
			if n := barOf(area); n >= 0 && n < len(p.cards[i].Hours) {
				return p.cards[i].Hours[n].Tip
			}
			return ""
		}, Hand: func(string) bool { return false }})
	p.list.Select("board") // it is read as a whole
	p.blank = kit.NewEmptyState("pulse", "", "", kit.Action{})
	p.load = kit.NewSkeleton(word("board.loading"), 3, 150)
	p.root = pageFrame(p.tabs.headed(p.head), nil, boxed(&resizing{changed: func(fyne.Size) { p.list.Reset() }}, p.list), p.load, p.blank)
	p.refresh()
	return p
}

// resizing gives its content all the room, and tells when that is another one.
type resizing struct {
	changed func(was fyne.Size)
	size    fyne.Size
}

// Layout implements fyne.Layout.
func (l *resizing) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	fill{}.Layout(objs, size)
	if was := l.size; was != size {
		l.size = size
		l.changed(was)
	}
}

// MinSize implements fyne.Layout.
func (l *resizing) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 100) }

// line is what stands under the title.
func (p *boardPage) line() string {
	switch {
	case !p.shown || len(p.cards) == 0:
		return ""
	case p.stale:
		why := word("board.stale.error")
		if errors.Is(p.failed, ErrOffline) {
			why = word("board.stale.offline")
		}
		return join(word("devices.asof", "Time", p.d.clock().when(p.board.Now)), word("board.stale", "Why", why))
	}
	locks := "" // nobody should be surprised by a dark wall
	if idle := idleAfter(p.d.u.companyIdle(), p.d.u.settings); idle > 0 {
		locks = word("board.locks", "Span", span(idle))
	}
	return join(word("devices.asof", "Time", p.d.clock().when(p.board.Now)), word("board.how"), locks)
}

// ask asks the company's server, and again after a while as long as the page is shown.
func (p *boardPage) ask() {
	d := p.d
	p.asked++
	mine := p.asked
	go func() {
		ctx, cancel := context.WithTimeout(d.ctx, 30*time.Second)
		a, err := d.ask(ctx, inbox.AskBoard{})
		cancel()
		d.u.cfg.Post(func() {
			if d.ended() || p.asked != mine {
				return
			}
			board, ok := a.(inbox.Board)
			if err == nil && !ok {
				err = errors.New("not an answer to the question")
			}
			p.take(board, err)
			d.u.trace("board shown")
			d.later(boardEvery, func() {
				if p.asked == mine && d.page == pageBoard && d.board == p {
					p.ask()
				}
			})
		})
	}()
}

// take takes an answer in. Nothing is drawn again when it says the same as the one before.
func (p *boardPage) take(board inbox.Board, err error) {
	was, before := p.stale, p.failed
	if p.failed = err; err == nil {
		p.shown, p.stale, p.board = true, false, board
		cards := boardCards(board, p.d.house, p.d.clock())
		if same := reflect.DeepEqual(cards, p.cards) && !was && before == nil; same && len(cards) > 0 {
			p.head.Refresh()
			return
		}
		p.cards = cards
	} else {
		p.stale = p.shown
		if errors.Is(err, inbox.RefusedRight) {
			p.shown, p.stale, p.cards = false, false, nil
		}
		if was && p.stale && before != nil {
			return // as it was
		}
	}
	p.refresh()
	p.d.takeList(pageBoard, p.list)
}

func (p *boardPage) refresh() {
	empty := p.shown && len(p.cards) == 0
	visible(p.load, !p.shown && p.failed == nil)
	visible(p.blank, !p.shown && p.failed != nil || empty)
	visible(p.list, p.shown && !empty)
	switch {
	case empty:
		p.blank.Set("pulse", word("board.empty"), word("board.empty.text"), kit.Action{})
	case p.failed != nil:
		icon, title, advice := askProblem(p.failed, errors.Is(p.failed, ErrOffline))
		switch icon {
		case "wifi-off":
			title, advice = word("board.offline"), word("board.offline.text")
		case "warn":
			title = word("board.error")
		}
		p.blank.Set(icon, title, advice, kit.Action{Text: word("action.retry"), Do: p.ask})
	}
	p.head.Refresh()
	p.list.Changed()
	p.list.Refresh()
}

// The measures of a card.
const (
	boardWide    float32 = 980 // from which the traffic stands beside the numbers
	boardTop     float32 = 4   // above the first card
	boardGap     float32 = 12  // between cards
	boardPad     float32 = 16
	boardPlot    float32 = 120 // the least height of the plot below the numbers
	boardHighest float32 = 460 // a card does not grow beyond it
)

// boardRows is in how many lines a card's tiles stand.
func (c BoardCard) boardRows(width float32) int {
	if c.ID == "" && width >= boardWide {
		return 1
	}
	return 2
}

func boardTile() float32 { return kit.LineHeight(kit.Display) + kit.LineHeight(kit.Caption) + 22 }

// least is the least height of a card, without the gap below it.
func (c BoardCard) least(width float32) float32 {
	h := 2*boardPad + kit.LineHeight(kit.Heading) + 10 + float32(c.boardRows(width))*boardTile() + float32(c.boardRows(width)-1)*8
	if len(c.Hours) > 0 && width < boardWide {
		h += 14 + kit.LineHeight(kit.Caption) + 8 + boardPlot
	}
	return h
}

// measure shares the height of the page among the cards, so that a large screen is filled.
func (p *boardPage) measure(i int, width float32) float32 {
	width -= pageLead + 12
	spare := p.list.Size().Height - boardTop - 8
	share := float32(0) // of rows of tiles
	for _, c := range p.cards {
		spare -= c.least(width) + boardGap
		share += float32(c.boardRows(width))
	}
	c := p.cards[i]
	h := c.least(width)
	if spare > 0 && share > 0 {
		h = min(h+spare*float32(c.boardRows(width))/share, max(h, boardHighest*float32(c.boardRows(width))/2))
	}
	return float32(int(h)) + boardGap
}

func (p *boardPage) draw(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
	p.paint(s, p.cards[i], pageLead, size.Width-pageLead-12, size.Height-boardGap)
}

// paint paints a card: its name, two lines of numbers, and the traffic beside or below them.
func (p *boardPage) paint(s *kit.Sketch, c BoardCard, x, w, h float32) {
	stale := p.stale
	s.Frame(x, 0, w, h, s.P.Surface, s.P.Border, 1, kit.CardRadius)
	text := color.Color(s.P.Text)
	if stale {
		text = s.P.TextFaint
	}
	left, top := x+boardPad, boardPad
	s.TextIn(c.Name, left, top, w-2*boardPad, kit.Heading, text, kit.AlignStart)
	top += kit.LineHeight(kit.Heading) + 10
	room, bottom := w-2*boardPad, h-boardPad
	plot := len(c.Hours) > 0
	if plot && w >= boardWide {
		side := max(float32(int(room*0.4)), 400)
		paintTraffic(s, c.Hours, left+room-side, boardPad, side, bottom-boardPad, stale)
		room -= side + 28
	} else if plot {
		ph := kit.LineHeight(kit.Caption) + 8 + max(boardPlot, float32(int((bottom-top)*0.4)))
		paintTraffic(s, c.Hours, left, bottom-ph, room, ph, stale)
		bottom -= ph + 14
	}
	rows := c.boardRows(w)
	columns := (len(c.Tiles) + rows - 1) / rows
	if rows == 2 {
		columns = boardFirst
	}
	tw, th := (room-float32(columns-1)*8)/float32(columns), (bottom-top-float32(rows-1)*8)/float32(rows)
	face := p.face(tw, th)
	for i, t := range c.Tiles {
		paintTile(s, t, left+float32(i%columns)*(tw+8), top+float32(i/columns)*(th+8), tw, th, face, stale)
	}
}

// boardFaces are the sizes of numbers, the largest first.
var boardFaces = []kit.Type{kit.Wall, kit.Figure, kit.Display, kit.NameBold}

// face is how large the numbers of all cards can be at a size of a tile. How long somebody waits is more than a number, and may be
// smaller.
func (p *boardPage) face(w, h float32) kit.Type {
	for _, f := range boardFaces {
		fits := kit.LineHeight(f)*1.4+kit.LineHeight(kit.Caption) <= h
		for _, c := range p.cards {
			for i, t := range c.Tiles {
				fits = fits && (i == boardFirst-1 || kit.TextWidth(t.Value, f) <= w-20)
			}
		}
		if fits {
			return f
		}
	}
	return kit.NameBold
}

func paintTile(s *kit.Sketch, t BoardTile, x, y, w, h float32, face kit.Type, stale bool) {
	p := s.P
	ground, number, label := p.Sunken, color.Color(p.Text), color.Color(p.TextMuted)
	switch {
	case stale:
		number, label = p.TextFaint, p.TextFaint
	case t.Tone == ToneDanger:
		ground, number, label = p.Danger.Soft, p.Danger.Ink, p.Danger.Ink
	case t.Tone == ToneWarn:
		number = p.Warn.Ink
	case t.Tone == ToneOK:
		number = p.OK.Ink
	}
	s.Rect(x, y, w, h, ground, kit.InputRadius)
	small := kit.Caption
	if face == kit.Wall {
		small = kit.Name
	}
	top := y + float32(int((h-kit.LineHeight(face)-kit.LineHeight(small))/2))
	own := face // or what the text has room for
	for _, f := range boardFaces[slices.Index(boardFaces, face):] {
		if own = f; kit.TextWidth(t.Value, f) <= w-20 {
			break
		}
	}
	drop := float32(int((kit.LineHeight(face) - kit.LineHeight(own)) * 0.7)) // on about the same line
	s.TextIn(t.Value, x+10, top+drop, w-20, own, number, kit.AlignStart)
	s.TextIn(t.Label, x+10, top+kit.LineHeight(face), w-16, small, label, kit.AlignStart)
}

// paintTraffic paints what came in and went out by the hour, with a legend.
func paintTraffic(s *kit.Sketch, hours []BoardHour, x, y, w, h float32, stale bool) {
	p := s.P
	inks := []color.Color{p.Accent, p.Info.Ink}
	text := color.Color(p.TextMuted)
	if stale {
		inks, text = []color.Color{p.BorderStrong, p.Border}, p.TextFaint
	}
	right := legend(s, []string{word("board.legend.in"), word("board.legend.out")}, inks, x, y, w)
	s.TextIn(word("board.hours"), x, y, w-right-12, kit.Caption, text, kit.AlignStart)
	c := kit.Chart{Inks: inks, Beside: true, Least: 4, Scale: func(v float64) string { return grouped(int(v + 0.5)) }}
	for _, b := range hours {
		c.Stacks = append(c.Stacks, kit.Stack{Label: b.Label, Parts: []float64{float64(b.In), float64(b.Out)}})
	}
	top := kit.LineHeight(kit.Caption) + 10
	s.Chart(c, x, y+top, w, h-top)
}

// legendWidth is what the names of a legend take in one line.
func legendWidth(names []string) (w float32) {
	for _, n := range names {
		w += kit.TextWidth(n, kit.Caption) + 34
	}
	return w
}

// legend names the colours of a chart at its right end and returns what it took.
func legend(s *kit.Sketch, names []string, inks []color.Color, x, y, w float32) float32 {
	used := float32(0)
	for i := len(names) - 1; i >= 0; i-- {
		tw := kit.TextWidth(names[i], kit.Caption)
		if used+tw+16 > w {
			break
		}
		at := x + w - used - tw
		s.Text(names[i], at, y, kit.Caption, s.P.TextMuted)
		s.Rect(at-16, y+float32(int((kit.LineHeight(kit.Caption)-10)/2)), 10, 10, inks[i], 3)
		used += tw + 16 + 18
	}
	return used
}

// forget drops what was shown.
func (p *boardPage) forget() { p.board, p.cards = inbox.Board{}, nil }
