package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// plot draws how far each figure with a target got, as horizontal bars on a logarithmic scale around the target: right of
// the line is better than promised. It is an SVG of our own: shapes and text, no script, no outside reference.
func plot(figures []measured) string {
	const (
		left, right, top = 330.0, 170.0, 78.0
		barArea          = 460.0
		rowHeight        = 24.0
		least, most      = 0.25, 8.0
	)
	var rows []measured
	for _, f := range figures {
		if !math.IsNaN(attained(f.Figure)) {
			rows = append(rows, f)
		}
	}
	width, height := left+barArea+right, top+rowHeight*float64(len(rows))+40
	x := func(v float64) float64 {
		v = min(max(v, least), most)
		return left + barArea*math.Log(v/least)/math.Log(most/least)
	}
	var b strings.Builder
	text := func(x, y float64, size int, fill, anchor, weight, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s" font-weight="%s">`, x, y, size, fill, anchor, weight)
		_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
		b.WriteString("</text>\n")
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="Inter, DejaVu Sans, sans-serif">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect x="0" y="0" width="%.0f" height="%.0f" fill="#ffffff"/>`+"\n", width, height)
	text(24, 30, 17, "#14171a", "start", "bold", "Sealdesk: measured ratio against its target")
	text(24, 50, 12, "#5b6570", "start", "normal", "each ratio against a peer in the same run; the line is the target, right is better, whiskers are the spread")
	bottom := top + rowHeight*float64(len(rows))
	for _, v := range []float64{0.25, 0.5, 1, 2, 4, 8} {
		stroke, w := "#e3e7eb", 1.0
		if v == 1 {
			stroke, w = "#14171a", 1.5
		}
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n", x(v), top-6, x(v), bottom+4, stroke, w)
		label := short(v) + "x"
		if v == 1 {
			label = "target"
		}
		text(x(v), bottom+20, 11, "#5b6570", "middle", "normal", label)
	}
	for i, f := range rows {
		y := top + rowHeight*float64(i)
		got := attained(f.Figure)
		fill := map[string]string{reached: "#1f8a5b", nearly: "#c98a12", missed: "#c23b3b"}[f.Verdict]
		from, to := min(x(1), x(got)), max(x(1), x(got))
		text(left-12, y+15, 12, "#14171a", "end", "normal", clip(strings.TrimSpace(f.ID+"  "+f.Case), 44))
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="%s"/>`+"\n", from, y+4, max(to-from, 2), rowHeight-10, fill)
		if half := min(f.Spread/2, 0.9); half > 0 {
			lo, hi := x(got*(1-half)), x(got*(1+half))
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#14171a" stroke-width="1"/>`+"\n", lo, y+11, hi, y+11)
		}
		text(left+barArea+12, y+15, 12, "#14171a", "start", "bold", short(f.Ratio)+"x")
		text(left+barArea+72, y+15, 11, "#5b6570", "start", "normal", "target "+f.Target)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
