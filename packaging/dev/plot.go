package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// The plot's measures, in pixels of a page that is as wide as a report's column twice over.
const (
	plotWidth = 1300.0
	plotTop   = 132.0 // where the first row begins
	plotRow   = 36.0
	plotGap   = 10.0  // between the figures of two benchmarks
	plotLeft  = 500.0 // where the scale begins
	plotScale = 470.0 // how long it is
	plotEdge  = 28.0
)

// The ends of the scale: a quarter of a target and eight times one. What lies beyond gets an arrow.
const plotLeast, plotMost = 0.25, 8.0

// Colours of the plot: ink in three strengths, and a bar for each verdict that also reads without colour, because the
// verdict stands beside it.
const (
	inkStrong, inkSoft, inkFaint = "#14191f", "#515c67", "#8b96a1"
	lineFaint                    = "#e3e8ec"
	colourReached, colourNearly  = "#0b6b6f", "#c98a12"
	colourMissed                 = "#c23b3b"
)

var verdictColours = map[string]string{reached: colourReached, nearly: colourNearly, missed: colourMissed}

// svg collects the pieces of a picture.
type svg struct{ strings.Builder }

func (s *svg) text(x, y float64, size int, fill, anchor, weight, words string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s" font-weight="%s">`, x, y, size, fill, anchor, weight)
	_ = xml.EscapeText(s, []byte(words)) // a strings.Builder never fails
	s.WriteString("</text>\n")
}

func (s *svg) rect(x, y, w, h, radius float64, fill string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.1f" fill="%s"/>`+"\n", x, y, w, h, radius, fill)
}

func (s *svg) line(x1, y1, x2, y2, width float64, stroke string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n", x1, y1, x2, y2, stroke, width)
}

// onScale is where an attainment lies, and whether it lies beyond an end of the scale.
func onScale(v float64) (x float64, beyond bool) {
	held := min(max(v, plotLeast), plotMost)
	return plotLeft + plotScale*math.Log(held/plotLeast)/math.Log(plotMost/plotLeast), held != v
}

// plot draws how far each figure with a target got, as bars on a logarithmic scale that start at the target: to the right
// is better than promised. It is an SVG of our own: shapes and text, no script, no outside reference. Below stands where
// it was measured.
func plot(figures []measured, where string) string {
	var rows []measured
	for _, f := range figures {
		if !math.IsNaN(attained(f.Figure)) {
			rows = append(rows, f)
		}
	}
	height := plotTop + 76
	for i, f := range rows {
		height += plotRow
		if i > 0 && rows[i-1].ID != f.ID {
			height += plotGap
		}
	}
	var s svg
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="Inter, DejaVu Sans, sans-serif">`+"\n", plotWidth, height, plotWidth, height)
	s.rect(0, 0, plotWidth, height, 0, "#ffffff")
	s.text(plotEdge, 42, 22, inkStrong, "start", "bold", "Sealdesk: what was measured, against what was promised")
	s.text(plotEdge, 66, 13, inkSoft, "start", "normal", "Each figure is a ratio to a peer in the same run. A bar starts at the target; to the right is better. The thin line is the spread of the rounds.")
	s.legend(rows)

	bottom := height - 56
	for _, v := range []float64{0.25, 0.5, 1, 2, 4, 8} {
		x, _ := onScale(v)
		if v == 1 {
			continue
		}
		s.line(x, plotTop-8, x, bottom, 1, lineFaint)
		s.text(x, bottom+18, 12, inkFaint, "middle", "normal", map[float64]string{0.25: "¼ of it", 0.5: "half of it", 2: "twice as good", 4: "4×", 8: "8×"}[v])
	}
	y := plotTop
	for i, f := range rows {
		if i > 0 && rows[i-1].ID != f.ID {
			s.line(plotEdge, y+plotGap/2, plotWidth-plotEdge, y+plotGap/2, 1, lineFaint)
			y += plotGap
		}
		s.figure(f, y, i == 0 || rows[i-1].ID != f.ID)
		y += plotRow
	}
	target, _ := onScale(1)
	s.line(target, plotTop-8, target, bottom, 2, inkStrong)
	s.text(target, bottom+18, 12, inkStrong, "middle", "bold", "target")
	s.text(plotEdge, height-14, 11, inkFaint, "start", "normal", where)
	s.WriteString("</svg>\n")
	return s.String()
}

// legend says what the colours mean and how often each occurs, and heads the columns.
func (s *svg) legend(rows []measured) {
	n := map[string]int{}
	for _, f := range rows {
		n[f.Verdict]++
	}
	x := plotEdge
	for _, v := range []string{reached, nearly, missed} {
		label := fmt.Sprintf("%d %s", n[v], strings.ToLower(v))
		s.rect(x, 84, 12, 12, 3, verdictColours[v])
		s.text(x+18, 94, 13, inkStrong, "start", "normal", label)
		x += 44 + 7.4*float64(len(label))
	}
	s.text(plotLeft+plotScale+100, 112, 11, inkFaint, "end", "normal", "ratio")
	s.text(plotLeft+plotScale+168, 112, 11, inkFaint, "end", "normal", "target")
	s.text(plotLeft+plotScale+188, 112, 11, inkFaint, "start", "normal", "measured")
}

// figure draws one row. The first of a benchmark carries its id.
func (s *svg) figure(f measured, y float64, first bool) {
	middle := y + plotRow/2
	if first {
		w := 14 + 8.2*float64(len(f.ID))
		s.rect(plotEdge, middle-10, w, 20, 5, inkStrong)
		s.text(plotEdge+w/2, middle+4.5, 12, "#ffffff", "middle", "bold", f.ID)
		s.text(plotEdge+w+8, middle+4.5, 13, inkStrong, "start", "bold", titleOf(f.ID))
	}
	s.text(plotLeft-18, middle-2, 13, inkStrong, "end", "normal", clip(f.Case, 40))
	s.text(plotLeft-18, middle+12, 10, inkFaint, "end", "normal", "against "+clip(f.Peer, 50))

	got := attained(f.Figure)
	fill := verdictColours[f.Verdict]
	target, _ := onScale(1)
	at, beyond := onScale(got)
	const bar = 14.0
	s.rect(min(target, at), middle-bar/2, max(math.Abs(at-target), 3), bar, 2, fill)
	if beyond { // the bar goes on
		tip, back := at+9, at
		if got < plotLeast {
			tip = at - 9
		}
		fmt.Fprintf(s, `<path d="M%.1f %.1f L%.1f %.1f L%.1f %.1f Z" fill="%s"/>`+"\n", back, middle-bar/2, tip, middle, back, middle+bar/2, fill)
	}
	if half := min(f.Spread/2, 0.9); half > 0 && !beyond {
		low, _ := onScale(got * (1 - half))
		high, _ := onScale(got * (1 + half))
		for _, edge := range []struct {
			width  float64
			stroke string
		}{{3.4, "#ffffff"}, {1.4, inkStrong}} { // a white seam keeps the line readable on the bar
			s.line(low, middle, high, middle, edge.width, edge.stroke)
			s.line(low, middle-3.5, low, middle+3.5, edge.width, edge.stroke)
			s.line(high, middle-3.5, high, middle+3.5, edge.width, edge.stroke)
		}
	}
	s.text(plotLeft+plotScale+100, middle+4.5, 14, fill, "end", "bold", short(f.Ratio)+"×")
	s.text(plotLeft+plotScale+168, middle+4.5, 13, inkSoft, "end", "normal", f.Target)
	s.text(plotLeft+plotScale+188, middle+4.5, 11, inkFaint, "start", "normal", short(f.Ours)+" "+clip(f.Unit, 14))
}

// titleOf is what a benchmark is about; "" for one that is not of the suite.
func titleOf(id string) string {
	for _, b := range benchmarks() {
		if b.id == id {
			return b.title
		}
	}
	return ""
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
