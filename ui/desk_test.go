package ui

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

func TestTheMenuOfAFieldOpensBesideItThoughThePanelWasShut(t *testing.T) {
	for name, width := range map[string]float32{"a drawer": 1100, "a panel that was closed": 1440} {
		t.Run(name, func(t *testing.T) {
			g := newStage(t, company(), Settings{}, width, 760)
			g.heard("inbox shown")
			g.open("k")
			d := g.ui.desk
			if d.panes.sideShown() {
				g.press(fyne.KeyI, ctrl)
			}
			other := g.app.NewWindow("") // so that the driver does not know where the panel is, as it does not before it was drawn
			defer other.Close()
			if !g.ui.do(actReveal) {
				t.Fatal("nothing is done")
			}
			if !d.panes.sideShown() {
				t.Fatal("the panel stays shut")
			}
			menu, ok := g.win.Canvas().Focused().(*kit.Menu)
			if !ok {
				t.Fatal("no menu")
			}
			at, right := menu.Position(), menu.Position().X+menu.Size().Width
			var field fyne.Position
			for i := range d.side.rows {
				if v := d.side.field(i); v != nil && v.Field == inbox.FieldPhone {
					field, _ = d.side.list.Place(strconv.Itoa(i))
				}
			}
			field = field.Add(d.side.root.Position())
			if field.X != width-sideWidth || right < field.X+sideInset || right > width || at.Y <= field.Y || at.Y > field.Y+60 {
				t.Errorf("the menu is at %v to %v, the field at %v", at, right, field)
			}
		})
	}
}

func undo(f fyne.Shortcutable) { f.TypedShortcut(&fyne.ShortcutUndo{}) }

func TestUndoBelongsToTheFieldInWhichSomethingWasTyped(t *testing.T) {
	g := opened(t, company(), "k")
	d := g.ui.desk
	taken := 0
	offer := func() {
		g.ui.toast(kit.Toast{Text: "done", Action: kit.Action{Text: word("toast.undo"), Do: func() { taken++ }}})
	}
	offer()
	d.comp.focus()
	g.typeText("abc")
	for range 3 {
		g.press(fyne.KeyBackspace, 0)
	}
	undo(d.comp.field)
	if got := d.comp.text(); got != "abc" || taken != 0 {
		t.Fatalf("emptied by hand: %q comes back, taken back: %d", got, taken)
	}
	undo(d.comp.field)
	if got := d.comp.text(); got != "" || taken != 0 {
		t.Fatalf("%q stays, taken back: %d", got, taken)
	}
	undo(d.comp.field)
	if taken != 1 {
		t.Error("a field with nothing to undo keeps Undo from what the message offers")
	}
	g.press(fyne.KeyF, ctrl|shift)
	g.heard("search shown")
	g.typeText("xyz")
	offer()
	undo(g.win.Canvas().Focused().(fyne.Shortcutable))
	if got := d.find.field.Text(); got == "xyz" || taken != 1 {
		t.Errorf("the search holds %q, taken back: %d", got, taken)
	}
	for d.find.field.Text() != "" {
		undo(g.win.Canvas().Focused().(fyne.Shortcutable))
	}
	if undo(g.win.Canvas().Focused().(fyne.Shortcutable)); taken != 2 {
		t.Errorf("taken back: %d", taken)
	}
	d.comp.focus()
	g.typeText("a draft")
	offer()
	g.win.Canvas().Focus(d.line.list)
	if undo(d.line.list); taken != 3 || d.comp.text() != "a draft" {
		t.Errorf("out of the field it is what the message offers: %d, the draft is %q", taken, d.comp.text())
	}
}

func TestShortMessagesStandClearOfWhatTheGuardSays(t *testing.T) {
	g, _ := guarded(t, map[string]inbox.Verdict{"Herr Rossi": verdict(inbox.GuardAsk, inbox.GuardRecipient)}, Settings{}, 1100, 700)
	clear := func(when string) {
		t.Helper()
		toast := kit.Find(g.win.Canvas().Content(), "Task saved")
		if toast == nil || !toast.Visible() {
			t.Fatal("no message")
		}
		end, comp := toast.Position().Y+toast.Size().Height, g.win.Canvas().Size().Height-g.ui.desk.comp.root.Size().Height
		if end > comp || end < comp-40 {
			t.Errorf("%s: the message ends at %v, the composer begins at %v", when, end, comp)
		}
	}
	g.ui.toast(kit.Toast{Text: "Task saved", Icon: "task"})
	clear("before")
	low := g.ui.desk.comp.root.Size().Height
	g.typeText("Guten Tag Herr Rossi")
	g.wantShown("A reason is needed")
	g.rest()
	if g.ui.desk.comp.root.Size().Height <= low {
		t.Fatal("the guard takes no room")
	}
	clear("while the guard asks")
	g.ui.desk.comp.setText("")
	g.m.tell(func() {
		for i := range 4 {
			g.m.replies = append(g.m.replies, inbox.QuickReply{ID: inbox.QuickReplyID("q" + strconv.Itoa(i)), Shortcut: "s" + strconv.Itoa(i), Text: "One moment, please."})
		}
	})
	g.until("the quick replies", func() bool { return len(g.ui.desk.house.repliesIn(g.ui.desk.row.Inbox)) >= 4 })
	g.ui.desk.comp.focus()
	g.typeText("/s")
	g.wantShown("/s3")
	g.rest()
	if g.ui.desk.comp.root.Size().Height < low+3*kit.Scaled(suggestHeight) {
		t.Fatal("the suggestions take no room")
	}
	clear("over the suggestions")
	g.ui.toast(kit.Toast{Text: "Task saved", Icon: "task"})
	clear("told while there are suggestions")
	g.press(fyne.KeyEscape, 0)
	g.ui.desk.comp.setText("")
	g.ui.desk.comp.guard.judge()
	g.until("nothing is asked", func() bool { return g.ui.desk.comp.root.Size().Height <= low })
	clear("after")
}

func TestWhatARowHasNoRoomForIsNamedUnderThePointer(t *testing.T) {
	m := team()
	m.rows["k"].Tasks = []inbox.Task{{ID: "k1", Text: inbox.PlainText("Call back"), Due: ago(-10 * time.Minute), Person: "me"}}
	m.rows["k"].Tags = []inbox.TagID{"t2", "t1"}
	m.rows["k"].Mentioned = m.seq + 1
	for _, size := range []int{100, 130} {
		g := newStage(t, m, Settings{TextSize: size}, 1280, 800)
		g.heard("inbox shown")
		list := g.ui.desk.listing.list
		at, ok := list.Place("k")
		if !ok {
			t.Fatal("not in view")
		}
		tips := map[string]bool{}
		for x := float32(0); x < list.Size().Width; x += 4 {
			list.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at.AddXY(x, rowHeight()-rowMargin()-8)}})
			tips[g.ui.layers.TipText()] = true
		}
		chips := rowChips(g.ui.desk.listing.row(rowOf(g.ui.desk.all, "k")))
		delete(tips, "")
		var names []string
		for _, c := range chips {
			names = append(names, c.Text)
		}
		want := kit.RestOfChips(chips, chipsRoom(list.Size().Width))
		if len(tips) != 1 || !tips[want] || !strings.HasSuffix(strings.Join(names, ", "), want) || len(want) < 5 {
			t.Errorf("at %d %%: tips %v of %v, want %q", size, tips, names, want)
		}
	}
}

func TestARowShowsWhatItShowsWhole(t *testing.T) {
	m := team()
	g := newStage(t, m, Settings{Language: "de", TextSize: 130}, 1280, 800)
	g.heard("inbox shown")
	number, free, done := "+49 ••• ••47", word("chip.unassigned.short"), word("chip.done")
	v := RowView{Name: "Katharina W.", Number: number, Time: "15:40", Chips: []ChipView{dueChip(ago(-26*time.Minute), at1453),
		{}, leftChip(9 * time.Hour)}}
	for _, c := range rowView(&Row{Conversation: inbox.Conversation{ID: "c"}}, FilterAll, g.ui.desk.staff, house{}, inbox.Presence{}, at1453).Chips {
		v.Chips[1] = c // nobody answers
	}
	draw := func(width float32) string {
		p := kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) { paintRow(s, size, v, false, false) })
		p.Resize(fyne.NewSize(width, rowHeight()))
		g.rest()
		return strings.Join(kit.Texts(p), "|")
	}
	shown := 0
	for width := float32(260); width < 480; width += 4 {
		got := draw(width)
		if strings.Contains(got, number) {
			shown++
		} else if strings.Contains(got, "+49") {
			t.Errorf("%v wide, a number is cut: %s", width, got)
		}
	}
	if shown == 0 || shown == 55 {
		t.Errorf("the number is shown in %d of 55 rows", shown)
	}
	if got := draw(listWidth); !strings.Contains(got, free) {
		t.Errorf("nobody answers, and the row keeps it to itself: %s", got)
	}
	v.Chips = []ChipView{stateChips(inbox.Conversation{State: inbox.Closed}, house{}, at1453)[0], tagChip(inbox.Tag{Name: "Complaint"}), {Text: word("person.you")}}
	if got := draw(listWidth); !strings.Contains(got, done) || !strings.Contains(got, "Complaint") {
		t.Errorf("an icon stands where the word should: %s", got)
	}
}

func TestChoicesOfATaskLookLikeChoices(t *testing.T) {
	g := newStage(t, company(), Settings{Language: "de", TextSize: 130, Theme: "dark"}, 820, 640)
	g.heard("inbox shown")
	g.open("k")
	g.ui.desk.showTask(nil)
	g.typeText("Angebot schicken")
	for range 2 { // past who does it
		g.win.Canvas().FocusNext()
		if _, ok := g.win.Canvas().Focused().(*kit.Segments); !ok {
			t.Fatalf("%T has the keyboard", g.win.Canvas().Focused())
		}
	}
	g.press(fyne.KeyRight, 0)
	g.wantShown("fällig 15:53")
	g.picture("task-new-dark-de-130")
}

func TestATimeWithinASentenceIsNoHeading(t *testing.T) {
	if err := speak("de"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { english(t) })
	for when, want := range map[string]string{"Gestern, 12:53": "gestern, 12:53", "Mo 08:00": "Mo 08:00", "15:53": "15:53"} {
		if got := within(when); got != want {
			t.Errorf("%q stands as %q", when, got)
		}
	}
}

// A conversation whose reply window is closed has another widget that takes the keyboard, and that was not drawn yet.
func TestAShortcutRightAfterAStepIsForTheConversationSteppedTo(t *testing.T) {
	type key struct {
		name fyne.KeyName
		mod  fyne.KeyModifier
	}
	down, up := key{fyne.KeyDown, alt}, key{fyne.KeyUp, alt}
	for _, c := range []struct {
		rule string
		from inbox.ConversationID
		keys []key
		want inbox.ConversationID
	}{
		{"into a closed window", "m", []key{down}, "g"},
		{"into an open one", "k", []key{down}, "o"},
		{"there and back", "o", []key{down, down, up}, "m"},
		{"past a closed one", "m", []key{up, down, down}, "g"},
		{"out of a closed one", "g", []key{up}, "m"},
		{"at the end of the list", "g", []key{down}, "g"},
	} {
		for _, from := range []string{"the message field", "the list", "the messages", "nothing"} {
			t.Run(c.rule+" from "+from, func(t *testing.T) {
				m := company()
				g := opened(t, m, c.from)
				d := g.ui.desk
				g.until("the order", func() bool { return len(d.shown) == 4 })
				other := g.app.NewWindow("") // so that the driver knows no widget, as it does not before it was drawn
				defer other.Close()
				switch canvas := g.win.Canvas(); from {
				case "the list":
					canvas.Focus(d.listing.list)
				case "the messages":
					canvas.Focus(d.line.list)
				case "nothing":
					canvas.Unfocus()
				}
				for _, k := range c.keys {
					g.press(k.name, k.mod)
				}
				g.press(fyne.KeyX, ctrl|shift)
				if len(d.picks) != 1 || !d.picks[c.want] {
					t.Errorf("picked: %v, want %s", d.picks, c.want)
				}
				g.press(fyne.KeyX, ctrl|shift)
				g.press(fyne.KeyE, ctrl|shift)
				g.rest()
				var closed []inbox.ConversationID
				for _, w := range m.wishes() {
					if b, ok := w.Body.(inbox.SetState); ok && b.State == inbox.Closed {
						closed = append(closed, b.Conversation)
					}
				}
				if len(closed) != 1 || closed[0] != c.want {
					t.Errorf("closed: %v, want %s", closed, c.want)
				}
			})
		}
	}
}

// TestAListStaysWhatItsReaderLooksAt takes a conversation out of the list of those nobody has: the list does not turn to
// another filter by itself, and the open conversation stays until another is opened.
func TestAListStaysWhatItsReaderLooksAt(t *testing.T) {
	m := company()
	for _, r := range m.rows {
		if r.Assignee == "me" {
			r.Assignee = ""
		}
	}
	g := newStage(t, m, Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	g.until("what nobody has", func() bool { return g.ui.desk.filter == FilterUnassigned })
	g.open("s")
	m.mu.Lock()
	taken := *m.rows["s"]
	taken.Assignee = "me"
	m.rows["s"] = &taken
	m.mu.Unlock()
	m.poke()
	d := g.ui.desk
	g.until("it is the reader's", func() bool { r := rowWith(d.all, "s"); return r != nil && r.Assignee == "me" })
	g.rest()
	if d.filter != FilterUnassigned || rowWith(d.shown, "s") == nil {
		t.Errorf("the list shows filter %d, with the open conversation: %v", d.filter, rowWith(d.shown, "s") != nil)
	}
	g.open("x")
	g.until("the other has gone where it belongs", func() bool { return rowWith(d.shown, "s") == nil })
	if d.filter != FilterUnassigned {
		t.Errorf("the list shows filter %d", d.filter)
	}
}
