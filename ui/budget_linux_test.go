package ui

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"golang.org/x/sys/unix"

	"sealdesk/app/inbox"
	"sealdesk/assets"
	"sealdesk/packaging/dev/figure"
	"sealdesk/ui/kit"
)

// The budgets of ux.md section 2 for the main goroutine, as processor time, which a busy machine does not stretch as it
// stretches time on the wall. What the frame itself costs is the graphics driver's and is measured by nobody here.

const (
	budgetRounds  = 7
	budgetHistory = 5000 // messages of the conversation
)

// busy is the processor time, in milliseconds, that this thread spends in f.
func busy(b *testing.B, f func()) float64 {
	b.Helper()
	used := func() int64 {
		var t unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
			b.Fatal(err)
		}
		return t.Nano()
	}
	before := used()
	f()
	return float64(used()-before) / 1e6
}

// budget measures rounds and emits them against a limit.
func budget(b *testing.B, name string, limit float64, unit, note string, round func() float64) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	round() // what is made once is not the handler's
	var ours, peer []float64
	for range budgetRounds {
		runtime.GC()
		ours, peer = append(ours, round()), append(peer, limit)
	}
	f := figure.Compare(ours, peer)
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better, f.Note = "ui", name, "budget", unit, "≤1.00", figure.Lower, note
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(f.Ours, unit)
	b.ReportMetric(f.Ratio, "of-budget")
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

// shipped is an application with the fonts people get.
func shipped(b *testing.B) {
	b.Helper()
	test.NewTempApp(b).Settings().SetTheme(kit.NewTheme(kit.Resources{Regular: assets.Font(assets.FontRegular), Medium: assets.Font(assets.FontMedium),
		SemiBold: assets.Font(assets.FontSemiBold), Italic: assets.Font(assets.FontItalic), Arabic: assets.Font(assets.FontArabic),
		Hebrew: assets.Font(assets.FontHebrew), Emoji: assets.Font(assets.FontEmoji), Icon: assets.Icon}, kit.Options{Mode: kit.Light}))
}

// history is a long conversation in a window.
type history struct {
	*kit.List
	items  []*ItemView
	places map[*ItemView]*placed
	drawn  int // rows
}

// spoken counts the conversations made by fresh, to make each of other words.
var spoken int

// fresh is a conversation of words nobody used before, so that nothing is laid out from memory: the worst that can be.
func fresh(n int) []*ItemView {
	spoken++
	m := newMemory()
	var list []inbox.Message
	for i := range n {
		var text strings.Builder
		for w := range 3 + i*7%38 { // as long as people write: 21 words in the middle
			fmt.Fprintf(&text, "%c%dx%d ", 'a'+w%26, spoken, i*41+w)
		}
		msg := in(time.Duration(n-i)*time.Minute, text.String())
		if i%2 == 0 {
			msg = out(time.Duration(n-i)*time.Minute, "me", inbox.Read, text.String())
		}
		msg.ID, msg.Seq, msg.Kind = inbox.MessageID(fmt.Sprint("m", i)), uint64(i+1), inbox.Text
		list = append(list, msg)
	}
	return timelineView(list, 0, newStaff(m.me, m.people), at1453)
}

func openHistory(b *testing.B) *history {
	b.Helper()
	shipped(b)
	h := newHistory(fresh(budgetHistory))
	test.NewTempWindow(b, h.List).Resize(fyne.NewSize(700, 800))
	if h.drawn < 3 {
		b.Fatal("nothing is shown")
	}
	return h
}

func newHistory(items []*ItemView) *history {
	h := &history{items: items, places: map[*ItemView]*placed{}}
	t := &timeline{items: items, places: h.places}
	h.List = kit.NewList(kit.ListConfig{Name: "m", StickBottom: true, Len: func() int { return len(items) }, ID: func(i int) string { return items[i].ID },
		Estimate: t.estimate, Measure: func(i int, w float32) float32 { return t.place(i, w).height },
		Draw: func(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
			h.drawn++
			t.place(i, size.Width).draw(s, look{area: st.Area})
		}})
	return h
}

func BenchmarkBudgetOpenConversation(b *testing.B) {
	shipped(b)
	open := func(items []*ItemView) float64 {
		return busy(b, func() {
			h := newHistory(items)
			h.Resize(fyne.NewSize(700, 800))
			if h.drawn < 3 {
				b.Fatal("nothing is shown")
			}
		})
	}
	const note = "the window's own frame is not in it"
	known := long(budgetHistory)
	budget(b, "open a conversation of 5,000", 20, "ms", note, func() float64 { return open(known) })
	budget(b, "the same, every word new", 20, "ms", note, func() float64 { return open(fresh(budgetHistory)) })
}

func BenchmarkBudgetScroll(b *testing.B) {
	shipped(b)
	budget(b, "scroll, p95 of 200 notches, every word new", 6, "ms", "", func() float64 {
		h := newHistory(fresh(budgetHistory))
		h.Resize(fyne.NewSize(700, 800))
		var took []float64
		for range 200 {
			took = append(took, busy(b, func() { h.ScrollBy(-60) }))
		}
		if first, _ := h.Range(); first > budgetHistory-20 {
			b.Fatal("nothing was scrolled")
		}
		slices.Sort(took)
		return took[len(took)*95/100]
	})
}

func BenchmarkBudgetRow(b *testing.B) {
	h := openHistory(b)
	first, last := h.Range()
	budget(b, "bind a message row", 0.5, "ms", "mean of the rows in view, laid out and drawn anew, words seen before", func() float64 {
		const times = 200
		before := h.drawn
		took := busy(b, func() {
			for n := range times {
				v := h.items[first+n%(last-first+1)]
				delete(h.places, v)
				h.Update(v.ID)
			}
		}) / times
		if h.drawn-before < times {
			b.Fatalf("%d rows drawn", h.drawn-before)
		}
		return took
	})
}

func BenchmarkBudgetHiddenUpdates(b *testing.B) {
	h := openHistory(b)
	budget(b, "50 updates a second off the screen", 100, "ms/s", "ten views of a page a second, each with five changed rows; 100 ms/s is 10 % of a core", func() float64 {
		before := h.drawn
		took := busy(b, func() {
			for i := range 10 {
				if len(long(50)) < 50 {
					b.Fatal("no page")
				}
				for _, v := range h.items[5*i : 5*i+5] {
					h.Update(v.ID)
				}
			}
		})
		if h.drawn != before {
			b.Fatal("what nobody sees was drawn")
		}
		return took
	})
}
