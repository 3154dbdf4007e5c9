package kit_test

import (
	"fmt"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// chat is a conversation of n messages of plausible lengths and scripts, the same each time.
func chat(n int) []message {
	words := strings.Fields("Guten Tag wir brauchen bis Ende des Monats ein Angebot für die neue Wärmepumpe im Heizungsraum bitte auch mit Montage und Entsorgung der alten Anlage denn der Monteur kommt schon am Freitag um zehn Uhr")
	out := make([]message, n)
	seed := uint32(7)
	next := func(k int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>16) % k
	}
	for i := range out {
		var b strings.Builder
		for range 3 + next(8)*next(9) {
			b.WriteString(words[next(len(words))])
			if next(3) == 0 {
				fmt.Fprintf(&b, " %d", next(900))
			}
			b.WriteByte(' ')
		}
		if next(6) == 0 {
			b.WriteString("😊")
		}
		out[i] = message{runs: say(b.String()), out: next(2) == 0, time: "14:52"}
		if next(9) == 0 {
			out[i].runs = append(out[i].runs, kit.Run{Text: "+49 ••• ••47", Look: kit.Masked})
		}
		if i%40 == 0 {
			out[i].runs = say("مرحبا، هل يمكنكم إرسال عرض السعر من فضلكم؟ رقم الطلب 4711")
		}
	}
	return out
}

func BenchmarkBreak480(b *testing.B) {
	text := strings.Repeat("Guten Tag, wir brauchen bis Monatsende ein Angebot für die neue Wärmepumpe. ", 7)[:480]
	st := kit.Style{Type: kit.Body, Meta: 40, Scale: 1}
	runs := say(text)
	b.Run("warm", func(b *testing.B) {
		themed(b, kit.Options{})
		m := kit.NewMetrics(nil)
		kit.Layout(m, runs, 420, st)
		b.ReportAllocs()
		for b.Loop() {
			kit.Layout(m, runs, 420, st)
		}
	})
	b.Run("cold", func(b *testing.B) {
		themed(b, kit.Options{})
		m := kit.NewMetrics(nil)
		n := 0
		for b.Loop() {
			// New words every time: below our cache the driver has one of its own.
			n++
			kit.Layout(m, say(strings.ReplaceAll(text, " ", fmt.Sprintf("%c%d ", 'a'+n%26, n))), 420, st)
		}
	})
	b.Run("rtl", func(b *testing.B) {
		themed(b, kit.Options{})
		m := kit.NewMetrics(nil)
		rtl := say(strings.Repeat("مرحبا، هل يمكنكم إرسال عرض السعر 4711 ", 7))
		for b.Loop() {
			kit.Layout(m, rtl, 420, st)
		}
	})
}

func timeline(msgs []message) *kit.List {
	return kit.NewList(kit.ListConfig{
		Name: "Messages", StickBottom: true, PadTop: 8, PadBottom: 8,
		Len: func() int { return len(msgs) }, ID: func(i int) string { return fmt.Sprint("m", i) },
		Estimate: func(i int, width float32) float32 {
			return kit.EstimateHeight(len(msgs[i].runs[0].Text), min(width*0.72, 560)-24, kit.Style{Scale: 1}) + 26
		},
		Measure: func(i int, width float32) float32 { _, h := bubbleLayout(msgs[i], width); return h + 10 },
		Draw:    func(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) { drawBubble(s, msgs[i], 0, size.Width) },
	})
}

// BenchmarkOpen5000 is opening a conversation of 5,000 messages whose words were seen before.
func BenchmarkOpen5000(b *testing.B) {
	themed(b, kit.Options{})
	msgs := chat(5000)
	l := timeline(msgs)
	window(b, l, 700, 800)
	b.ReportAllocs()
	for b.Loop() {
		l.Reset()
	}
}

// BenchmarkScroll60 is one notch of the wheel through a conversation.
func BenchmarkScroll60(b *testing.B) {
	themed(b, kit.Options{})
	l := timeline(chat(5000))
	window(b, l, 700, 800)
	b.ReportAllocs()
	for b.Loop() {
		l.ScrollBy(-60)
		if first, _ := l.Range(); first == 0 {
			b.StopTimer()
			l.ScrollToBottom()
			b.StartTimer()
		}
	}
}

// BenchmarkBindRow is one visible row drawn again.
func BenchmarkBindRow(b *testing.B) {
	themed(b, kit.Options{})
	l := timeline(chat(200))
	window(b, l, 700, 800)
	_, last := l.Range()
	id := fmt.Sprint("m", last)
	b.ReportAllocs()
	for b.Loop() {
		l.Update(id)
	}
}

// BenchmarkUpdateHidden is an update of rows that are not in view.
func BenchmarkUpdateHidden(b *testing.B) {
	themed(b, kit.Options{})
	l := timeline(chat(5000))
	window(b, l, 700, 800)
	b.ReportAllocs()
	for b.Loop() {
		l.Update("m1", "m2", "m3", "m4", "m5")
	}
}

// BenchmarkMeasure5000 is the exact height of every message, cold.
func BenchmarkMeasure5000(b *testing.B) {
	themed(b, kit.Options{})
	msgs := chat(5000)
	for b.Loop() {
		kit.Forget()
		for _, m := range msgs {
			bubbleLayout(m, 700)
		}
	}
}

// BenchmarkLongDraft is a key typed in a message of nearly 4,000 characters: without a break, at its end and in its middle,
// and in one without blanks.
func BenchmarkLongDraft(b *testing.B) {
	blanks := strings.Repeat("so long a text that nobody reads it ", 100)
	for name, x := range map[string]struct {
		text string
		up   int
	}{"end": {blanks, 0}, "middle": {blanks, 25}, "no blanks": {strings.ReplaceAll(blanks, " ", "x"), 0}} {
		b.Run(name, func(b *testing.B) {
			themed(b, kit.Options{})
			d := composer(b)
			d.c.SetText(x.text)
			for range x.up {
				d.c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
			}
			n := 0
			for b.Loop() {
				d.c.TypedRune(rune('a' + n%26))
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/key")
		})
	}
}
