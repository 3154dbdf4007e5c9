package kit

import (
	"image"
	"image/color"
	"strconv"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

func TestTheHighestLineOfAChartIsRoundAndNotBelowAnyColumn(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.07: 0.08, 1: 1, 1.01: 2, 23.16: 30, 99: 100, 101: 200, 4_100: 5000} {
		top, steps := ceiling(v)
		if top < want-1e-9 || top > want+1e-9 || steps < 2 || steps > 5 {
			t.Errorf("%v: %v in %d steps, want %v", v, top, steps, want)
		}
		for i := range steps { // each line is a short number
			if s := strconv.FormatFloat(top*float64(i)/float64(steps), 'g', 6, 64); len(s) > 6 {
				t.Errorf("%v has a line at %s", v, s)
			}
		}
	}
}

func TestChartsNameTheirColumnsAndKeepThemInTheBox(t *testing.T) {
	newTestApp(t, Options{Mode: Light})
	p := NewTouch("chart", func(s *Sketch, size fyne.Size) {
		c := Chart{Inks: []color.Color{s.P.Accent, s.P.Warn.Ink}, Scale: func(v float64) string { return strconv.Itoa(int(v)) }}
		for i := range 30 {
			c.Stacks = append(c.Stacks, Stack{Label: strconv.Itoa(i + 1), Parts: []float64{float64(i), 1}})
		}
		s.Chart(c, 0, 0, size.Width, size.Height)
	})
	w := test.NewTempWindow(t, p)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(400, 200))
	for _, o := range p.sketch.objs {
		if pos, size := o.Position(), o.Size(); pos.X < -41 || pos.Y < -8 || pos.X+size.Width > 441 || pos.Y+size.Height > 200.5 {
			t.Errorf("%T at %v, %v", o, pos, size)
		}
	}
	seen := map[string]bool{}
	for x := float32(0); x < 400; x++ {
		seen[p.sketch.areaAt(fyne.NewPos(x, 50))] = true
	}
	if !seen["bar 0"] || !seen["bar 29"] || seen["bar 30"] {
		t.Errorf("areas %v", seen)
	}
	labels := 0
	for _, text := range Texts(p) {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			labels++
		}
	}
	if labels > 28 {
		t.Errorf("%d labels: they touch", labels)
	}
}

func TestAViewerFitsZoomsMovesAndLetsGo(t *testing.T) {
	newTestApp(t, Options{Mode: Light})
	w := test.NewTempWindow(t, NewFill(InkText))
	w.Resize(fyne.NewSize(800, 600))
	closed := 0
	v := ShowViewer(w.Canvas(), ViewerConfig{Name: "Picture", Title: "t", Larger: "+", Smaller: "-", Fit: "0", Shut: "x", OnClose: func() { closed++ }})
	v.TypedRune('+')
	if v.Zoom() != 1 {
		t.Error("there is nothing to make larger yet")
	}
	v.SetPicture(image.NewNRGBA(image.Rect(0, 0, 2000, 1000)))
	if size := v.pic.Size(); size.Width > 752.5 || size.Height > 500 || size.Width/size.Height < 1.9 {
		t.Errorf("fitted at %v", size)
	}
	for range 30 {
		v.TypedRune('+')
	}
	if v.Zoom() != viewerMost {
		t.Errorf("zoom %v", v.Zoom())
	}
	for range 500 {
		v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyLeft})
	}
	if x := v.pic.Position().X; x > 60 {
		t.Errorf("the picture was pushed out of the window: %v", x)
	}
	v.TypedRune('0')
	if v.Zoom() != 1 || v.at != (fyne.Position{}) {
		t.Error("0 does not fit it")
	}
	v.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(50, 50)})
	if v.at != (fyne.Position{}) {
		t.Error("a fitted picture does not move")
	}
	if !EscapeDialog(w.Canvas()) || closed != 1 || v.HasPicture() || v.pic.Image != nil || w.Canvas().Overlays().Top() != nil {
		t.Error("it does not let go")
	}
	v.SetPicture(image.NewNRGBA(image.Rect(0, 0, 2, 2)))
	if v.pic.Image != nil {
		t.Error("what comes late is kept")
	}
}

func TestSmallPicturesAreNotBlownUp(t *testing.T) {
	newTestApp(t, Options{Mode: Light})
	w := test.NewTempWindow(t, NewFill(InkText))
	w.Resize(fyne.NewSize(800, 600))
	v := ShowViewer(w.Canvas(), ViewerConfig{Name: "Picture"})
	defer v.Close()
	v.SetPicture(image.NewNRGBA(image.Rect(0, 0, 40, 20)))
	if size := v.pic.Size(); size != fyne.NewSize(40, 20) {
		t.Errorf("%v", size)
	}
}

func TestAScrollerShowsTheFieldThatHasTheKeyboard(t *testing.T) {
	newTestApp(t, Options{Mode: Light})
	var fields []*Field
	var cells []Cell
	for i := range 12 {
		f := NewField(strconv.Itoa(i), "", false)
		fields = append(fields, f)
		cells = append(cells, Min(f))
	}
	s := NewScroller(Column(cells...))
	w := test.NewTempWindow(t, s.View)
	w.Resize(fyne.NewSize(300, 200))
	s.Reveal(fields[11])
	if y := s.View.Offset.Y; y < 400 {
		t.Errorf("scrolled to %v", y)
	}
	s.Reveal(fields[0])
	if y := s.View.Offset.Y; y != 0 {
		t.Errorf("scrolled to %v", y)
	}
}

func TestAFieldCountsWhatIsTyped(t *testing.T) {
	newTestApp(t, Options{Mode: Light})
	f := NewField("Label", "", false).SetMost(3)
	test.NewTempWindow(t, f).Resize(fyne.NewSize(300, 100))
	test.Type(f.Input(), "äöü")
	if f.Long() {
		t.Error("three are not too many")
	}
	f.Insert("é")
	if !f.Long() || f.Text() != "äöüé" {
		t.Errorf("%q", f.Text())
	}
	if texts := Texts(f); len(texts) < 2 || texts[1] != "4/3" {
		t.Errorf("%q", texts)
	}
}

func newTestApp(t *testing.T, opt Options) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(NewTheme(Resources{}, opt))
}
