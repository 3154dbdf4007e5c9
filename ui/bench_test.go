package ui

import (
	"fmt"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// long is a conversation of that many messages, as views.
func long(n int) []*ItemView {
	m := newMemory()
	var list []inbox.Message
	texts := []string{"Gut, danke.", "Können Sie morgen zwischen 10 und 12 Uhr anrufen? Dann sind wir beide zu Hause und können die Einzelheiten besprechen.",
		"Das Angebot passt, nur die Lieferzeit ist zu lang. Gibt es eine andere Möglichkeit, und was würde sie kosten? Wir brauchen die Anlage bis Ende des Monats."}
	for i := range n {
		msg := in(time.Duration(n-i)*time.Minute, texts[i%3])
		if i%2 == 0 {
			msg = out(time.Duration(n-i)*time.Minute, "me", inbox.Read, texts[i%3])
		}
		msg.ID, msg.Seq, msg.Kind = inbox.MessageID(fmt.Sprint("m", i)), uint64(i+1), inbox.Text
		list = append(list, msg)
	}
	return timelineView(list, 0, newStaff(m.me, m.people), at1453)
}

// BenchmarkOpenConversation is the work of the main goroutine to show a conversation of 5,000 messages.
func BenchmarkOpenConversation(b *testing.B) {
	test.NewTempApp(b)
	items := long(5000)
	for b.Loop() {
		l, places := itemList(items)
		l.Resize(fyne.NewSize(700, 700))
		if first, last := l.Range(); last-first < 3 || len(places) < 3 {
			b.Fatal("nothing is shown")
		}
	}
}

// BenchmarkScroll is one notch of the wheel in that conversation.
func BenchmarkScroll(b *testing.B) {
	test.NewTempApp(b)
	l, _ := itemList(long(5000))
	l.Resize(fyne.NewSize(700, 700))
	for b.Loop() {
		l.ScrollBy(-60)
		if first, _ := l.Range(); first < 5 {
			l.ScrollToBottom()
		}
	}
}

// BenchmarkView is the work of a worker to turn 100 messages into views.
func BenchmarkView(b *testing.B) {
	for b.Loop() {
		long(100)
	}
}

func itemList(items []*ItemView) (*kit.List, map[int]*placed) {
	places := map[int]*placed{}
	t := &timeline{items: items, places: map[*ItemView]*placed{}}
	l := kit.NewList(kit.ListConfig{Name: "m", StickBottom: true, Len: func() int { return len(items) }, ID: func(i int) string { return items[i].ID },
		Estimate: t.estimate,
		Measure: func(i int, w float32) float32 {
			places[i] = t.place(i, w)
			return places[i].height
		},
		Draw: func(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
			t.place(i, size.Width).draw(s, look{area: st.Area})
		}})
	return l, places
}
