package kit_test

import (
	"fmt"
	"image/color"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"pgregory.net/rapid"

	"sealdesk/ui/kit"
)

// pile is a list's contents: rows by ID with heights.
type pile struct {
	ids     []string
	height  map[string]float32
	text    map[string]string
	drawn   map[string]int
	older   int
	bottoms []bool
}

func newPile(n int) *pile {
	p := &pile{height: map[string]float32{}, text: map[string]string{}, drawn: map[string]int{}}
	for i := range n {
		p.add(fmt.Sprintf("r%d", i), 40+float32(i*37%90))
	}
	return p
}

func (p *pile) add(id string, h float32) {
	p.ids = append(p.ids, id)
	p.height[id], p.text[id] = h, id
}

func (p *pile) list(cfg kit.ListConfig) *kit.List {
	cfg.Name = "rows"
	cfg.Len = func() int { return len(p.ids) }
	cfg.ID = func(i int) string { return p.ids[i] }
	if cfg.Measure == nil {
		cfg.Measure = func(i int, _ float32) float32 { return p.height[p.ids[i]] }
	}
	cfg.Draw = func(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
		p.drawn[p.ids[i]]++
		s.Rect(0, 0, size.Width, size.Height, s.P.Surface, 0)
		s.Text(p.text[p.ids[i]], 10, 4, kit.Body, s.P.Text)
		s.Area("tail", size.Width-60, 0, 60, size.Height)
	}
	cfg.OnOlder = func() { p.older++ }
	cfg.OnBottom = func(at bool) { p.bottoms = append(p.bottoms, at) }
	return kit.NewList(cfg)
}

// shown returns where each visible row stands.
func shown(l *kit.List) map[string]float32 {
	out := map[string]float32{}
	r := test.WidgetRenderer(l)
	for _, o := range r.Objects() {
		c, ok := o.(*fyne.Container)
		if !ok {
			continue
		}
		for _, t := range kit.Texts(c) {
			out[t] = c.Position().Y
		}
	}
	return out
}

func (p *pile) index(id string) int { return slices.Index(p.ids, id) }

func (p *pile) total() float32 {
	var h float32
	for _, id := range p.ids {
		h += p.height[id]
	}
	return h
}

func TestAStickingListOpensAtItsEndAndStaysThere(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(500)
	l := p.list(kit.ListConfig{StickBottom: true, PadBottom: 8})
	window(t, l, 400, 300)
	last := p.ids[len(p.ids)-1]
	if y := shown(l)[last]; y+p.height[last] != 292 || !l.AtBottom() {
		t.Fatalf("the last row ends at %v", y+p.height[last])
	}
	if n := len(p.drawn); n > 12 {
		t.Errorf("%d rows were drawn for a view of 300 pixels", n)
	}
	p.add("new", 70)
	l.Changed()
	if y := shown(l)["new"]; y+70 != 292 {
		t.Errorf("a new row ends at %v", y+70)
	}
}

func TestAListThatSticksToItsTopStaysThereUntilSomebodyScrolls(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(50)
	l := p.list(kit.ListConfig{StickTop: true, PadTop: 4})
	window(t, l, 400, 300)
	p.add("first", 50)
	p.ids = append([]string{"first"}, p.ids[:50]...)
	l.Changed()
	if y, ok := shown(l)["first"]; !ok || y != 4 {
		t.Errorf("a new first row stands at %v (%v)", y, ok)
	}
	l.Page(1)
	before := shown(l)
	p.add("second", 50)
	p.ids = append([]string{"second"}, p.ids[:51]...)
	l.Changed()
	after := shown(l)
	for id, y := range before {
		if after[id] != y {
			t.Errorf("row %s moved from %v to %v", id, y, after[id])
		}
	}
}

func TestWhatIsSeenDoesNotMove(t *testing.T) {
	themed(t, kit.Options{})
	for name, act := range map[string]func(p *pile, l *kit.List){
		"older rows come in front": func(p *pile, l *kit.List) {
			old := p.ids
			p.ids = nil
			for i := range 100 {
				p.add(fmt.Sprintf("old%d", i), 33+float32(i%50))
			}
			p.ids = append(p.ids, old...)
			l.Changed()
		},
		"a row comes at the end": func(p *pile, l *kit.List) {
			p.add("new", 200)
			l.Changed()
		},
		"a row above grows": func(p *pile, l *kit.List) {
			p.height["r3"] = 400
			l.Update("r3")
		},
		"a row below goes": func(p *pile, l *kit.List) {
			p.ids = p.ids[:len(p.ids)-1]
			l.Changed()
		},
		"the first visible row goes": func(p *pile, l *kit.List) {
			first, _ := l.Range()
			p.ids = append(p.ids[:first:first], p.ids[first+1:]...)
			l.Changed()
		},
	} {
		p := newPile(400)
		l := p.list(kit.ListConfig{StickBottom: true})
		window(t, l, 400, 600)
		l.ScrollBy(-3000)
		before := shown(l)
		if l.AtBottom() || len(before) < 4 {
			t.Fatalf("%s: scrolled away, at the bottom %v, %d rows", name, l.AtBottom(), len(before))
		}
		act(p, l)
		same := 0
		for id, y := range shown(l) {
			if was, ok := before[id]; ok {
				same++
				if was != y {
					t.Errorf("%s: %s moved from %v to %v", name, id, was, y)
				}
			}
		}
		if same < len(before)-1 {
			t.Errorf("%s: only %d of %d rows are still there", name, same, len(before))
		}
	}
}

func TestScrollingReachesBothEndsWhateverWasGuessed(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(300)
	l := p.list(kit.ListConfig{Estimate: func(int, float32) float32 { return 20 }, PadTop: 8, PadBottom: 8})
	w := window(t, l, 400, 300)
	if y := shown(l)["r0"]; y != 8 || l.AtBottom() {
		t.Fatalf("opens at %v, bottom %v", y, l.AtBottom())
	}
	for range 2000 {
		test.Scroll(w.Canvas(), fyne.NewPos(50, 50), 0, -25)
		if l.AtBottom() {
			break
		}
	}
	if y := shown(l)["r299"]; y+p.height["r299"] != 292 {
		t.Errorf("the last row ends at %v", y+p.height["r299"])
	}
	for range 2000 {
		l.Page(-1)
	}
	if y := shown(l)["r0"]; y != 8 {
		t.Errorf("the first row starts at %v", y)
	}
	l.ScrollToBottom()
	if y := shown(l)["r299"]; y+p.height["r299"] != 292 {
		t.Errorf("End: the last row ends at %v", y+p.height["r299"])
	}
	l.ScrollToTop()
	if shown(l)["r0"] != 8 {
		t.Error("Home does not show the first row")
	}
	l.ScrollTo("r150")
	if _, ok := shown(l)["r150"]; !ok {
		t.Error("ScrollTo does not show the row")
	}
}

func TestWheelNotchIsSixtyPixels(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(300)
	l := p.list(kit.ListConfig{Uniform: func() float32 { return 72 }})
	w := window(t, l, 400, 500)
	test.Scroll(w.Canvas(), fyne.NewPos(50, 50), 0, -25)
	if y := shown(l)["r0"]; y > -59.9 || y < -60.1 {
		t.Errorf("a notch moved by %v", -y)
	}
}

func TestRowsAreMeasuredAnewForAnotherWidth(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(200)
	l := p.list(kit.ListConfig{StickBottom: true, Measure: func(i int, width float32) float32 { return p.height[p.ids[i]] * 600 / width }})
	l.Resize(fyne.NewSize(600, 500))
	l.Resize(fyne.NewSize(300, 500))
	for id, y := range shown(l) {
		if next, ok := shown(l)[fmt.Sprintf("r%d", p.index(id)+1)]; ok && next-y != 2*p.height[id] {
			t.Errorf("%s is %v high, not %v", id, next-y, 2*p.height[id])
		}
	}
}

func TestUpdateOutOfViewTouchesNothing(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(300)
	l := p.list(kit.ListConfig{StickBottom: true})
	window(t, l, 400, 300)
	clear(p.drawn)
	l.Update("r1", "r2", "r3")
	if len(p.drawn) != 0 {
		t.Errorf("%d rows were drawn", len(p.drawn))
	}
	p.text["r299"] = "changed"
	l.Update("r1", "r299")
	if len(p.drawn) != 1 || p.drawn["r299"] != 1 {
		t.Errorf("drawn: %v, want the one row in view", p.drawn)
	}
	if _, ok := shown(l)["changed"]; !ok {
		t.Error("the row in view still shows its old text")
	}
}

func TestScrollingDrawsEachRowOnce(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(300)
	l := p.list(kit.ListConfig{})
	window(t, l, 400, 300)
	first, last := l.Range()
	for _, id := range p.ids[first : last+1] {
		p.drawn[id] = 1 // sizing the window drew these before
	}
	for range 40 {
		l.ScrollBy(30)
	}
	for id, n := range p.drawn {
		if n != 1 {
			t.Errorf("%s was drawn %d times", id, n)
		}
	}
}

func TestOlderIsAskedOnceNearTheTop(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(200)
	l := p.list(kit.ListConfig{StickBottom: true})
	window(t, l, 400, 300)
	if p.older != 0 {
		t.Fatal("asked at the end of the list")
	}
	for range 600 {
		l.ScrollBy(-60)
	}
	if p.older != 1 {
		t.Errorf("asked %d times", p.older)
	}
	if len(p.bottoms) == 0 || p.bottoms[len(p.bottoms)-1] {
		t.Errorf("bottom reports: %v, want the last to be false", p.bottoms)
	}
	l.Changed()
	if p.older != 2 {
		t.Errorf("after a page came, asked %d times", p.older)
	}
}

func TestAClickTapsTheRowAndLeavesTheFocusAlone(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(20)
	row, area := -1, ""
	var menu fyne.Position
	l := p.list(kit.ListConfig{
		Uniform: func() float32 { return 50 },
		OnTap:   func(i int, a string, _ fyne.Position) { row, area = i, a },
		OnMenu:  func(i int, a string, abs fyne.Position) { row, menu = i, abs },
	})
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	w := window(t, kit.Column(kit.Grow(l), kit.Min(c)), 400, 500)
	w.Canvas().Focus(c)
	test.TapCanvas(w.Canvas(), fyne.NewPos(30, 120))
	if row != 2 || area != "" {
		t.Errorf("tapped row %d area %q", row, area)
	}
	test.TapCanvas(w.Canvas(), fyne.NewPos(350, 20))
	if row != 0 || area != "tail" {
		t.Errorf("tapped row %d area %q", row, area)
	}
	l.TappedSecondary(&fyne.PointEvent{Position: fyne.NewPos(5, 60), AbsolutePosition: fyne.NewPos(15, 70)})
	if row != 1 || menu != fyne.NewPos(15, 70) {
		t.Errorf("menu on row %d at %v", row, menu)
	}
	if w.Canvas().Focused() != fyne.Focusable(c) {
		t.Error("a click took the focus from the composer")
	}
}

func TestListAnchorsUnderRandomWeather(t *testing.T) {
	themed(t, kit.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		p := newPile(rapid.IntRange(0, 60).Draw(rt, "rows"))
		stick := rapid.Bool().Draw(rt, "stick")
		l := p.list(kit.ListConfig{StickBottom: stick, PadTop: 6, PadBottom: 10})
		l.Resize(fyne.NewSize(300, 400))
		next := 1000
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				l.ScrollBy(float32(rapid.IntRange(-900, 900).Draw(rt, "by")))
			case 1:
				next++
				p.add(fmt.Sprintf("n%d", next), float32(rapid.IntRange(20, 300).Draw(rt, "h")))
				l.Changed()
			case 2:
				if len(p.ids) > 0 {
					i := rapid.IntRange(0, len(p.ids)-1).Draw(rt, "gone")
					p.ids = append(p.ids[:i:i], p.ids[i+1:]...)
					l.Changed()
				}
			case 3:
				if len(p.ids) > 0 {
					id := p.ids[rapid.IntRange(0, len(p.ids)-1).Draw(rt, "grown")]
					p.height[id] = float32(rapid.IntRange(20, 300).Draw(rt, "h"))
					l.Update(id)
				}
			case 4:
				l.Resize(fyne.NewSize(300, float32(rapid.IntRange(100, 700).Draw(rt, "height"))))
			case 5:
				l.ScrollToBottom()
			}
			checkList(rt, p, l, stick)
		}
	})
}

// checkList: rows stand in order without gaps or overlaps, fill the view, and pass no end.
func checkList(t *rapid.T, p *pile, l *kit.List, stick bool) {
	pos := shown(l)
	first, last := l.Range()
	if len(p.ids) == 0 {
		if len(pos) != 0 {
			t.Fatal("an empty list shows rows")
		}
		return
	}
	if first < 0 || last >= len(p.ids) || len(pos) != last-first+1 {
		t.Fatalf("range %d..%d of %d, %d rows shown", first, last, len(p.ids), len(pos))
	}
	view := l.Size().Height
	y := pos[p.ids[first]]
	for i := first; i <= last; i++ {
		if d := pos[p.ids[i]] - y; d > 0.01 || d < -0.01 {
			t.Fatalf("row %d stands at %v, want %v", i, pos[p.ids[i]], y)
		}
		y += p.height[p.ids[i]]
	}
	top := pos[p.ids[first]]
	fits := p.total()+16 <= view
	switch {
	case fits && !stick && top != 6:
		t.Fatalf("everything fits but starts at %v", top)
	case fits && stick && (y < view-10.01 || y > view-9.99):
		t.Fatalf("everything fits but ends at %v", y)
	case !fits && first == 0 && top > 6.01:
		t.Fatalf("a gap of %v above the first row", top)
	case !fits && last == len(p.ids)-1 && y < view-10.01:
		t.Fatalf("a gap below the last row: it ends at %v of %v", y, view)
	case !fits && first > 0 && top > 0.01, !fits && last < len(p.ids)-1 && y < view-0.01:
		t.Fatalf("the view is not filled: %v to %v", top, y)
	}
}

func TestGoldenList(t *testing.T) {
	both(t, "list", 340, 300, func() fyne.CanvasObject {
		names := []string{"Katharina W.", "Marco R.", "محمد A.", "Øyvind H."}
		lines := []string{"Perfekt, dann bis morgen 10 Uhr 😊", "Potrei avere il preventivo aggiornato entro venerdì?", "مرحبا، هل يمكنكم إرسال عرض السعر؟", "Buongiorno, potrei avere il preventivo per la pompa?"}
		l := kit.NewList(kit.ListConfig{
			Name: "Conversations", Len: func() int { return 40 }, ID: func(i int) string { return fmt.Sprint(i) },
			Uniform:    func() float32 { return 72 },
			Background: func(p *kit.Palette) color.Color { return p.Surface },
			Draw: func(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
				if st.Selected {
					s.Rect(6, 1, size.Width-20, size.Height-2, s.P.Selected, 8)
					s.Rect(6, 14, 3, size.Height-28, s.P.Accent, 1.5)
				}
				k := i % 4
				s.Avatar([]string{"KW", "MR", "م", "ØH"}[k], "", k, 16, 16, 40)
				name, ink := kit.NameBold, color.Color(s.P.Text)
				if k > 1 {
					name, ink = kit.Name, s.P.TextMuted
				}
				w := s.TextIn(names[k], 68, 6, 120, name, s.P.Text, kit.AlignStart)
				s.TextIn("+49 ••• ••47", 68+w+8, 7, 90, kit.Snippet, s.P.TextFaint, kit.AlignStart)
				s.TextIn("14:52", size.Width-78, 8, 50, kit.Caption, s.P.AccentText, kit.AlignEnd)
				room := size.Width - 68 - 28
				if k < 2 {
					room -= s.Badge("2", size.Width-28, 28) + 8
				}
				b := s.Layout([]kit.Run{{Text: lines[k]}}, room, kit.Style{Type: kit.Snippet, MaxLines: 1, Fill: true})
				s.Block(b, 68, 27, ink)
				s.Chips([]kit.Chip{{Text: "3h 12m", Style: kit.ChipWarn}, {Text: "You"}}, 68, 48, room)
			},
		})
		l.Select("0")
		return l
	})
}

func TestADragIsToldInTheRowItBeganIn(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(20)
	var presses, rows []int
	var from, to fyne.Position
	l := p.list(kit.ListConfig{
		Uniform: func() float32 { return 50 },
		OnPress: func(i int, _ string, _ fyne.Position) { presses = append(presses, i) },
		OnDrag:  func(i int, a, b fyne.Position) { rows, from, to = append(rows, i), a, b },
	})
	c := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	w := window(t, kit.Column(kit.Grow(l), kit.Min(c)), 400, 500)
	w.Canvas().Focus(c)
	w.Canvas().Unfocus() // as a press beside an entry does
	at := fyne.PointEvent{Position: fyne.NewPos(30, 120)}
	l.MouseDown(&desktop.MouseEvent{PointEvent: at, Button: desktop.MouseButtonPrimary})
	l.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(90, 260)}})
	l.DragEnd()
	if len(presses) != 1 || presses[0] != 2 || len(rows) != 1 || rows[0] != 2 || from != fyne.NewPos(30, 20) || to != fyne.NewPos(90, 160) {
		t.Errorf("presses %v rows %v from %v to %v", presses, rows, from, to)
	}
	if w.Canvas().Focused() != fyne.Focusable(c) {
		t.Error("a drag kept the focus from the field")
	}
	l.Dragged(&fyne.DragEvent{PointEvent: at})
	if len(rows) != 1 {
		t.Error("a drag went on after its end")
	}
}
