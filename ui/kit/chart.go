package kit

import (
	"image/color"
	"math"
	"strconv"
)

// Stack is one column of a Chart: parts lie on each other, the first at the bottom.
type Stack struct {
	Label string
	Parts []float64
	// Above stands over the column, "" for nothing.
	Above string
}

// Chart is columns over days or the like.
type Chart struct {
	Stacks []Stack
	// Inks colour the parts, by place.
	Inks []color.Color
	// Scale writes a value beside its line. Nil draws neither lines nor labels: a small plot.
	Scale func(v float64) string
	// Least is the smallest value the highest line may stand for: without it, hardly anything would fill the chart.
	Least float64
	// Beside puts the parts of a column side by side.
	Beside bool
	// Level, above 0, draws a line at a value, such as a measure that should be kept.
	Level    float64
	LevelInk color.Color
	// Name begins the names of the areas, for owners of several charts.
	Name string
}

// height is what a column needs of the scale.
func (c Chart) height(st Stack) (most float64) {
	for _, p := range st.Parts {
		if c.Beside {
			most = max(most, p)
		} else {
			most += p
		}
	}
	return most
}

// ceiling is a round number at or above v, and how many steps lead there.
func ceiling(v float64) (top float64, steps int) {
	if v <= 0 {
		return 1, 2
	}
	mag := math.Pow(10, math.Floor(math.Log10(v)))
	for _, c := range []struct {
		k float64
		n int
	}{{1, 2}, {2, 4}, {3, 3}, {4, 4}, {5, 5}, {6, 3}, {8, 4}, {10, 5}} {
		if c.k*mag >= v-1e-9 {
			return c.k * mag, c.n
		}
	}
	return 10 * mag, 5
}

// widestBar keeps few columns from becoming walls.
const widestBar float32 = 96

// labelRoom is the width of a column from which its label is cut rather than left out.
const labelRoom float32 = 56

// Chart paints columns into a box and names the areas "bar 0", "bar 1" and so on, each as high as the box.
func (s *Sketch) Chart(c Chart, x, y, w, h float32) {
	most := max(c.Least, c.Level)
	head := float32(0)
	for _, st := range c.Stacks {
		most = max(most, c.height(st))
		if st.Above != "" {
			head = LineHeight(Meta) + 2
		}
	}
	left, foot := float32(0), float32(0)
	top, steps := most, 1
	if top <= 0 {
		top = 1
	}
	if c.Scale != nil {
		top, steps = ceiling(most)
		foot = LineHeight(Meta) + 6
		for i := 0; i <= steps; i++ {
			left = max(left, ceil(TextWidth(c.Scale(top*float64(i)/float64(steps)), Meta)))
		}
		left += 10
	}
	x, y, w, h = x+left, y+head, w-left, h-foot-head
	if w <= 0 || h <= 0 || len(c.Stacks) == 0 {
		return
	}
	if c.Scale != nil {
		for i := 0; i <= steps; i++ {
			at := y + h - round(h*float32(i)/float32(steps))
			s.Line(x, at, w, s.P.Border)
			s.TextIn(c.Scale(top*float64(i)/float64(steps)), x-left, at-round(LineHeight(Meta)/2), left-8, Meta, s.P.TextFaint, AlignEnd)
		}
	}
	n := float32(len(c.Stacks))
	step := w / n
	gap := min(max(round(step*0.28), 1), 14)
	// Labels stand under every column, or under so many that they do not touch.
	widest := float32(0)
	for _, st := range c.Stacks {
		widest = max(widest, TextWidth(st.Label, Meta))
	}
	each := max(int(math.Ceil(float64((widest+10)/step))), 1)
	room := float32(80)
	if step >= labelRoom {
		each, room = 1, step-8
	}
	for i, st := range c.Stacks {
		bx := x + float32(i)*step
		cw := min(max(round(step-gap), 1), widestBar)
		at, base := c.column(s, st, round(bx+(step-cw)/2), y, cw, h, top), y+h
		if c.Scale != nil && i%each == 0 {
			s.TextIn(st.Label, bx+(step-room)/2, base+5, room, Meta, s.P.TextFaint, AlignCenter)
		}
		if st.Above != "" && step >= TextWidth(st.Above, Meta) {
			s.TextIn(st.Above, bx, at-LineHeight(Meta)-1, step, Meta, s.P.TextMuted, AlignCenter)
		}
		s.Area(c.Name+"bar "+strconv.Itoa(i), bx, y, step, h)
	}
	if c.Level > 0 {
		s.Rect(x, y+h-round(float32(c.Level/top)*h)-1, w, 2, c.LevelInk, 0)
	}
}

// column paints one column into a box and returns where it ends above.
func (c Chart) column(s *Sketch, st Stack, x, y, w, h float32, top float64) float32 {
	at, end := y+h, y+h
	if c.Beside {
		w = max(float32(int(w/float32(max(len(st.Parts), 1)))), 1)
	}
	for j, p := range st.Parts {
		ph := float32(p/top) * h
		if p > 0 {
			ph = max(ph, 1)
		}
		if ph > 0 {
			s.Rect(x, at-ph, w, ph, c.Inks[j%len(c.Inks)], 0)
			end = min(end, at-ph)
		}
		if c.Beside {
			x += w
		} else {
			at -= max(ph, 0)
		}
	}
	return end
}
