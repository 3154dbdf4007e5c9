package kit

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

func TestChoicesThatDoNotFitIntoOneLineFillWholeLinesOfEqualBoxes(t *testing.T) {
	test.NewTempApp(t)
	for _, texts := range [][]string{{"Whoever has the conversation", "Ada", "Grace", "You"}, {"Never", "In an hour", "In three hours", "Tomorrow", "In 30 days"}, {"A long one", "Another long one"}} {
		g := NewSegments("choices", texts, 0, nil)
		for width := g.MinSize().Width; width < g.Width(); width += 7 {
			ends, widths := map[float32]float32{}, map[float32]float32{}
			seen := 0
			lines := g.places(width, func(i int, x, y, w float32) {
				if i != seen {
					t.Fatalf("choice %d comes as number %d", i, seen)
				}
				seen++
				if was, ok := widths[y]; ok && w-was > 0.1 || ok && was-w > 0.1 {
					t.Errorf("%d wide: boxes of %v and %v in one line", int(width), was, w)
				}
				if w+0.1 < g.width(i) {
					t.Errorf("%d wide: choice %d has %v of %v", int(width), i, w, g.width(i))
				}
				ends[y], widths[y] = x+w, w
			})
			if seen != len(texts) || lines < 2 || len(ends) != lines {
				t.Fatalf("%d wide: %d of %d choices in %d lines of %d", int(width), seen, len(texts), len(ends), lines)
			}
			for _, end := range ends {
				if d := end - (width - segmentPad); d > 0.1 || d < -0.1 {
					t.Errorf("%d wide: a line ends %v beside the edge", int(width), d)
				}
			}
		}
		if lines := g.places(g.Width(), func(i int, _, _, w float32) {
			if w != g.width(i) {
				t.Errorf("with room for all, choice %d has %v of %v", i, w, g.width(i))
			}
		}); lines != 1 {
			t.Errorf("%d lines with room for one", lines)
		}
	}
}

func TestThePaletteOfALowWindowShowsWholeRowsAndTheChosenOne(t *testing.T) {
	test.NewTempApp(t)
	win := test.NewTempWindow(t, NewFill(InkMuted))
	var items []Item
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		items = append(items, Item{ID: id, Title: id})
	}
	p := NewPicker(PickerConfig{Items: func(string) []Item { return items }})
	for height := float32(300); height < 700; height += 13 {
		win.Resize(fyne.NewSize(600, height))
		p.Open(win.Canvas())
		rows := p.list.Size().Height / p.rowHeight()
		if rows != float32(int(rows)) || rows < 1 || rows > pickerRows {
			t.Errorf("%v high: %v rows", height, rows)
		}
		for range items {
			p.move(1)
		}
		if in := p.at - p.from + 1; p.at != len(items)-1 || float32(in) > rows {
			t.Errorf("%v high: the chosen row is the %dth of %v", height, in, rows)
		}
		p.Close()
	}
}
