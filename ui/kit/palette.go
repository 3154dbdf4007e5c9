package kit

import (
	"image/color"
	"slices"
	"sort"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"golang.org/x/text/unicode/norm"
)

// Item is something a Picker can pick.
type Item struct {
	ID    string
	Title string
	Runs  []Run  // drawn instead of Title, for masked values; Title is still what is searched
	Hint  string // at the right: keys or kind
	Group string // items of a group stand together under its name
	Icon  string
}

// Rank returns the items that match a query, best first. Every word of the query must begin a word of
// the title, or all its letters together must begin words of the title in order ("ac" finds "Assign
// conversation"). Case and accents do not count. recent lists IDs that go first among equals. An empty
// query matches everything, recent first.
func Rank(items []Item, query string, recent []string) []Item {
	type hit struct {
		item  Item
		score int
		order int
	}
	words := strings.Fields(fold(query))
	fresh := map[string]int{}
	for i, id := range recent {
		fresh[id] = len(recent) - i
	}
	var hits []hit
	for i, it := range items {
		s := matchScore(strings.FieldsFunc(fold(it.Title), notWord), words)
		if s < 0 {
			continue
		}
		hits = append(hits, hit{it, s*64 + min(fresh[it.ID], 63), i})
	}
	sort.SliceStable(hits, func(a, b int) bool { return hits[a].score > hits[b].score })
	out := make([]Item, len(hits))
	for i, h := range hits {
		out[i] = h.item
	}
	return out
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// fold makes text comparable: lower case, no accents.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		ascii = ascii && s[i] < 0x80
	}
	s = strings.ToLower(s)
	if ascii {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "ß", "ss")
}

// matchScore is -1 for no match, higher for better ones.
func matchScore(title, query []string) int {
	if len(query) == 0 {
		return 0
	}
	score, all := 0, true
	for _, q := range query {
		best := -1
		for i, t := range title {
			if strings.HasPrefix(t, q) {
				s := 20 - min(i, 10)
				if t == q {
					s += 5
				}
				best = max(best, s)
			}
		}
		if best < 0 {
			all = false
			break
		}
		score += best
	}
	if all {
		return 40 + score/len(query)
	}
	if len(query) == 1 && initials(title, query[0]) {
		return 10
	}
	return -1
}

// initials reports whether q is made of beginnings of words of the title, in order.
func initials(title []string, q string) bool {
	if q == "" {
		return true
	}
	for i, t := range title {
		for n := 1; n <= len(t) && n <= len(q) && t[:n] == q[:n]; n++ {
			if initials(title[i+1:], q[n:]) {
				return true
			}
		}
	}
	return false
}

// PickerConfig says what a Picker offers.
type PickerConfig struct {
	// Name is the accessible name, Placeholder the search field's, Empty what no match says.
	Name, Placeholder, Empty string
	// RecentGroup is the heading over recent items when nothing is typed.
	RecentGroup string
	// Items returns what can be picked for a query; the picker ranks and filters it. It is called at
	// each change and must be quick.
	Items func(query string) []Item
	// OnPick is called after the picker closed.
	OnPick func(Item)
	// OnClose is called whenever it closed, picked or not.
	OnClose func()
}

// Picker is the command palette: a field and what matches it, above the window.
type Picker struct {
	cfg    PickerConfig
	recent []string
	cover  *cover
	entry  *fieldEntry
	list   *Touch
	shown  []Item
	lines  []pickerLine
	at     int     // chosen item
	from   int     // first line in view
	high   float32 // of the lines in view
}

type pickerLine struct {
	head string
	item int // index in shown, -1 for a heading
}

const (
	pickerWidth = 600
	pickerTop   = 120
	pickerRows  = 9
	pickerPad   = 8
)

// NewPicker returns a picker that is not shown.
func NewPicker(cfg PickerConfig) *Picker { return &Picker{cfg: cfg} }

// Open shows the picker over a window and gives it the keyboard.
func (p *Picker) Open(c fyne.Canvas) {
	if p.cover != nil {
		return
	}
	p.entry = &fieldEntry{name: p.cfg.Placeholder}
	p.entry.PlaceHolder = p.cfg.Placeholder
	p.entry.onKey = p.key
	p.entry.OnChanged = func(q string) { p.search(q) }
	p.entry.keepTab = true
	p.entry.setup(p.entry, 200)
	p.list = NewTouch(p.cfg.Name, p.paint)
	p.list.OnTap = func(area string, pos fyne.Position) { p.tapped(pos) }
	p.cover = newCover(c, p.place, p.Close, p.entry, p.list)
	p.cover.name = p.cfg.Name
	p.search("")
	p.cover.open(p.entry)
}

// Close hides the picker.
func (p *Picker) Close() {
	if p.cover == nil {
		return
	}
	p.cover.close()
	p.cover, p.entry, p.list = nil, nil, nil
	p.shown, p.lines = nil, nil
	if p.cfg.OnClose != nil {
		p.cfg.OnClose()
	}
}

// IsOpen reports whether the picker is shown.
func (p *Picker) IsOpen() bool { return p.cover != nil }

// Shown returns what matches now, in the order shown.
func (p *Picker) Shown() []Item { return slices.Clone(p.shown) }

func (p *Picker) search(q string) {
	ranked := Rank(p.cfg.Items(q), q, p.recent)
	// Groups stand in the order of their best item; when nothing is typed, what was used lately is a
	// group of its own.
	var groups []string
	by := map[string][]Item{}
	for _, it := range ranked {
		g := it.Group
		if strings.TrimSpace(q) == "" && p.cfg.RecentGroup != "" && slices.Contains(p.recent, it.ID) {
			g = p.cfg.RecentGroup
		}
		if _, ok := by[g]; !ok {
			groups = append(groups, g)
		}
		by[g] = append(by[g], it)
	}
	p.shown, p.lines, p.at, p.from = p.shown[:0], p.lines[:0], 0, 0
	for _, g := range groups {
		if g != "" {
			p.lines = append(p.lines, pickerLine{g, -1})
		}
		for _, it := range by[g] {
			p.lines = append(p.lines, pickerLine{item: len(p.shown)})
			p.shown = append(p.shown, it)
		}
	}
	p.cover.relayout()
}

func (p *Picker) rowHeight() float32 { return max(Scaled(Dense(40, 34)), HitSize) }

func (p *Picker) lineHeight(l pickerLine) float32 {
	if l.item < 0 {
		return Scaled(28)
	}
	return p.rowHeight()
}

// need is the height of some lines.
func (p *Picker) need(lines []pickerLine) float32 {
	var h float32
	for _, l := range lines {
		h += p.lineHeight(l)
	}
	return h
}

// room is the height for lines: what they need, at most nine rows, and no half row in a low window.
func (p *Picker) room(most float32) float32 {
	rows := min(max(float32(int(most/p.rowHeight())), 1), pickerRows)
	return min(max(p.need(p.lines), p.rowHeight()), rows*p.rowHeight())
}

func (p *Picker) place(s *Sketch, size fyne.Size) {
	w := min(pickerWidth, size.Width-2*PaneInset)
	x, y := round((size.Width-w)/2), min(float32(pickerTop), round(size.Height*0.15))
	eh := p.entry.MinSize().Height
	p.high = p.room(size.Height - y - PaneInset - 12 - eh - 2*pickerPad)
	h := 12 + eh + pickerPad + p.high + pickerPad
	s.Frame(x, y, w, h, s.P.Raised, s.P.Border, 1, DialogRadius)
	p.cover.box(x, y, w, h)
	p.entry.Move(fyne.NewPos(x+12, y+12))
	p.entry.Resize(fyne.NewSize(w-24, eh))
	p.list.Move(fyne.NewPos(x+pickerPad, y+12+eh+pickerPad))
	p.list.Resize(fyne.NewSize(w-2*pickerPad, p.high))
	p.show()
}

func (p *Picker) paint(s *Sketch, size fyne.Size) {
	if len(p.lines) == 0 {
		s.TextIn(p.cfg.Empty, 12, round((size.Height-LineHeight(Body))/2), size.Width-24, Body, s.P.TextMuted, AlignStart)
		return
	}
	if all := p.need(p.lines); all > size.Height+0.5 { // there is more than is in view
		bar := max(size.Height*size.Height/all, minBarHeight)
		at := (size.Height - bar) * min(p.need(p.lines[:p.from])/(all-size.Height), 1)
		c := s.P.BorderStrong
		c.A = 0x80
		s.Rect(size.Width, at, listBarWidth, bar, c, listBarWidth/2)
	}
	y := float32(0)
	for i := p.from; i < len(p.lines); i++ {
		l := p.lines[i]
		h := p.lineHeight(l)
		if y+h > size.Height+0.5 {
			return
		}
		if l.item < 0 {
			s.TextIn(l.head, 12, y+h-LineHeight(Meta)-3, size.Width-24, Meta, s.P.TextFaint, AlignStart)
			y += h
			continue
		}
		it := p.shown[l.item]
		chosen := l.item == p.at
		hint := color.Color(s.P.TextFaint)
		if chosen {
			s.Rect(0, y+1, size.Width, h-2, s.P.Selected, InputRadius)
			hint = s.P.TextMuted
		}
		x := float32(12)
		if it.Icon != "" {
			s.Icon(it.Icon, x, y+round((h-18)/2), 18, s.P.TextMuted)
			x += 28
		}
		hw := float32(0)
		if it.Hint != "" {
			hw = s.TextIn(it.Hint, size.Width/2, y+round((h-LineHeight(Caption))/2), size.Width/2-12, Caption, hint, AlignEnd) + 16
		}
		runs := it.Runs
		if runs == nil {
			runs = []Run{{Text: it.Title}}
		}
		s.RunsIn(runs, x, y+round((h-LineHeight(Body))/2), size.Width-x-12-hw, Body, s.P.Text, AlignStart)
		s.Area(it.ID, 0, y, size.Width, h)
		y += h
	}
}

func (p *Picker) tapped(pos fyne.Position) {
	y := float32(0)
	for i := p.from; i < len(p.lines); i++ {
		h := p.lineHeight(p.lines[i])
		if pos.Y < y+h {
			if p.lines[i].item >= 0 {
				p.pick(p.lines[i].item)
			}
			return
		}
		y += h
	}
}

func (p *Picker) pick(i int) {
	if i < 0 || i >= len(p.shown) {
		return
	}
	it := p.shown[i]
	p.recent = slices.DeleteFunc(p.recent, func(id string) bool { return id == it.ID })
	p.recent = append([]string{it.ID}, p.recent...)
	p.recent = p.recent[:min(len(p.recent), 8)]
	p.Close()
	if p.cfg.OnPick != nil {
		p.cfg.OnPick(it)
	}
}

func (p *Picker) key(ev *fyne.KeyEvent, _ bool) bool {
	switch ev.Name {
	case fyne.KeyEscape:
		p.Close()
	case fyne.KeyReturn, fyne.KeyEnter:
		p.pick(p.at)
	case fyne.KeyDown:
		p.move(1)
	case fyne.KeyUp:
		p.move(-1)
	case fyne.KeyPageDown:
		p.move(pickerRows - 1)
	case fyne.KeyPageUp:
		p.move(1 - pickerRows)
	case fyne.KeyTab:
	default:
		return false
	}
	return true
}

func (p *Picker) move(d int) {
	if len(p.shown) == 0 {
		return
	}
	p.at = min(max(p.at+d, 0), len(p.shown)-1)
	p.show()
}

// show keeps the chosen line, and the heading above it, in view.
func (p *Picker) show() {
	line := slices.IndexFunc(p.lines, func(l pickerLine) bool { return l.item == p.at })
	top := line
	if top > 0 && p.lines[top-1].item < 0 {
		top--
	}
	p.from = max(min(p.from, top), 0)
	for p.from < line && p.need(p.lines[p.from:line+1]) > p.high+0.5 {
		p.from++
	}
	p.list.Refresh()
}

// AcceptsTab keeps Tab inside the picker.
func (f *fieldEntry) AcceptsTab() bool { return f.keepTab }

// cover dims a window and holds what stands above it. It is sized before it is added, or Fyne would
// refuse it the focus.
type cover struct {
	group
	canvas   fyne.Canvas
	paint    func(s *Sketch, size fyne.Size)
	outside  func() // a tap beside the box
	bx, by   float32
	bw, bh   float32
	before   fyne.Focusable
	clear    bool // what is below is not dimmed
	isClosed bool
}

func newCover(c fyne.Canvas, paint func(*Sketch, fyne.Size), outside func(), kids ...fyne.CanvasObject) *cover {
	v := &cover{canvas: c, paint: paint, outside: outside}
	v.kids = kids
	v.init(v, "", func(s *Sketch, size fyne.Size) {
		if !v.clear {
			s.Rect(0, 0, size.Width, size.Height, s.P.Scrim, 0)
		}
		v.paint(s, size)
	}, nil)
	return v
}

func (v *cover) box(x, y, w, h float32) { v.bx, v.by, v.bw, v.bh = x, y, w, h }

func (v *cover) open(focus fyne.Focusable) {
	v.before = v.canvas.Focused()
	v.Resize(v.canvas.Size())
	v.canvas.Overlays().Add(v)
	v.Resize(v.canvas.Size())
	if focus != nil {
		v.canvas.Focus(focus)
	}
}

func (v *cover) relayout() {
	if v.Size().Width > 0 {
		v.Refresh()
	}
}

func (v *cover) close() {
	if v.isClosed {
		return
	}
	v.isClosed = true
	v.canvas.Overlays().Remove(v)
	if v.before != nil {
		if o, ok := v.before.(fyne.CanvasObject); ok && contains(v.canvas.Content(), o) {
			v.canvas.Focus(v.before)
		}
	}
	goHome(v.canvas.Content())
	// What was shown must not stay reachable.
	v.kids = nil
	v.sketch = Sketch{}
}

// Tapped implements fyne.Tappable: beside the box closes, on it does nothing.
func (v *cover) Tapped(ev *fyne.PointEvent) {
	stateOf(v.canvas).noticed()
	p := ev.Position
	if p.X < v.bx || p.Y < v.by || p.X >= v.bx+v.bw || p.Y >= v.by+v.bh {
		if v.outside != nil {
			v.outside()
		}
	}
}

// TappedSecondary implements fyne.SecondaryTappable, like Tapped.
func (v *cover) TappedSecondary(ev *fyne.PointEvent) { v.Tapped(ev) }

// MouseIn implements desktop.Hoverable, so that nothing below reacts to the pointer.
func (v *cover) MouseIn(*desktop.MouseEvent) {}

// MouseMoved implements desktop.Hoverable.
func (v *cover) MouseMoved(*desktop.MouseEvent) { stateOf(v.canvas).noticed() }

// MouseOut implements desktop.Hoverable.
func (v *cover) MouseOut() {}
