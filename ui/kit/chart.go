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

// Chart paints columns into a box and names the areas "bar 0", "bar 1" and so on, each as high as the box.
func (s *Sketch) Chart(c Chart, x, y, w, h float32) {
	most := c.Least
	for _, st := range c.Stacks {
		var sum float64
		for _, p := range st.Parts {
			sum += p
		}
		most = max(most, sum)
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
	x, w, h = x+left, w-left, h-foot
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
	for i, st := range c.Stacks {
		bx := x + float32(i)*step
		at := y + h
		for j, p := range st.Parts {
			ph := float32(p/top) * h
			if p > 0 {
				ph = max(ph, 1)
			}
			if ph <= 0 {
				continue
			}
			s.Rect(round(bx+gap/2), at-ph, max(round(step-gap), 1), ph, c.Inks[j%len(c.Inks)], 0)
			at -= ph
		}
		if c.Scale != nil && i%each == 0 {
			s.TextIn(st.Label, bx+step/2-40, y+h+5, 80, Meta, s.P.TextFaint, AlignCenter)
		}
		s.Area("bar "+strconv.Itoa(i), bx, y, step, h)
	}
}
