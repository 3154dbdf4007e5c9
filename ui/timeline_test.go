package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// talk is a conversation of that many messages, the last a minute ago, one each half an hour.
func talk(n int) *memory {
	m := company()
	m.tell(func() { m.messages["k"] = nil })
	for i := range n {
		x := in(time.Duration(n-i)*30*time.Minute, strings.Repeat(fmt.Sprintf("Nachricht %d von vielen. ", i+1), 1+i*7%9))
		if i%3 == 0 {
			x = out(time.Duration(n-i)*30*time.Minute, "me", inbox.Read, fmt.Sprint("Antwort ", i+1))
		}
		x.ID, x.Kind = inbox.MessageID(fmt.Sprint("t", i)), inbox.Text
		m.say("k", x)
	}
	return m
}

// seen is the first message that is in view, and where.
func (g *stage) seen() (id inbox.MessageID, y float32) {
	g.t.Helper()
	line := g.ui.desk.line
	first, last := line.list.Range()
	for i := first; i >= 0 && i <= last; i++ {
		if v := line.items[i]; v.Message != "" {
			p, ok := line.list.Where(v.ID)
			if !ok {
				g.t.Fatal("not in view")
			}
			return v.Message, p.Y
		}
	}
	g.t.Fatal("nothing is in view")
	return "", 0
}

func TestOlderMessagesNeverMoveWhatIsRead(t *testing.T) {
	m := talk(420)
	g := opened(t, m, "k")
	line := g.ui.desk.line
	for round := 0; line.items[0].Kind == ItemOlder; round++ {
		if round > 12 {
			t.Fatal("it never ends")
		}
		// The row that says that there is more, or a day, may be the first in view, in part or whole.
		line.list.ScrollToTop()
		if round%2 == 1 {
			line.list.ScrollBy(float32(11 * round))
		}
		id, y := g.seen()
		n := len(line.items)
		g.until("older messages", func() bool { return len(line.items) > n })
		if now, at := g.seen(); now != id || at != y {
			// What is above a message may be higher than guessed: the message itself stays.
			p, ok := line.list.Where(string(id))
			if !ok || p.Y != y {
				t.Fatalf("round %d: %s at %v was moved; %s at %v is first now", round, id, y, now, at)
			}
		}
	}
	if first := line.items[1].Message; first != "t0" {
		t.Errorf("the first message is %s", first)
	}
}

func TestOlderMessagesThatCannotBeReadCanBeTriedAgain(t *testing.T) {
	m := talk(200)
	g := opened(t, m, "k")
	line := g.ui.desk.line
	m.tell(func() { m.fail = errors.New("a disk") })
	line.list.ScrollToTop()
	g.wantShown("Older messages could not be loaded")
	n := len(line.items)
	m.tell(func() { m.fail = nil })
	line.tapped(0, areaOlder, fyne.Position{})
	g.until("older messages", func() bool { return len(line.items) > n })
}

func TestAQuoteLeadsToItsMessageHoweverFarItIs(t *testing.T) {
	m := talk(420)
	q := in(time.Second, "Wie besprochen?")
	q.ID, q.Quote = "asks", &inbox.Quote{Message: "t33", Side: inbox.FromPerson, Excerpt: inbox.PlainText("Antwort 34")}
	m.say("k", q)
	lost := in(time.Second, "Und das?")
	lost.ID, lost.Quote = "lost", &inbox.Quote{Message: "nowhere", Side: inbox.FromPerson, Excerpt: inbox.PlainText("Etwas")}
	m.say("k", lost)
	g := opened(t, m, "k")
	line := g.ui.desk.line
	tap := func(id string) {
		line.list.ScrollToBottom()
		line.tapped(line.at(id), areaQuote, fyne.Position{})
	}
	if line.at("t33") >= 0 {
		t.Fatal("it was read already")
	}
	tap("asks")
	g.heard("message led to")
	if p, ok := line.list.Where("t33"); !ok || line.flash != "t33" {
		t.Errorf("at %v, in view %v, marked %q", p, ok, line.flash)
	}
	g.advance(2 * time.Second)
	if line.flash != "" {
		t.Error("the mark stays")
	}
	tap("lost")
	g.wantShown("not on this device")
}

func TestShiftGoesOnWithASelection(t *testing.T) {
	held := fyne.KeyModifier(0)
	g := newStageWith(t, company(), Settings{}, 1280, 800, func(c *Config) { c.Modifiers = func() fyne.KeyModifier { return held } })
	g.heard("inbox shown")
	g.ui.desk.openConversation("k")
	g.heard("conversation opened")
	g.rest()
	line := g.ui.desk.line
	_, at := g.bubble("Perfekt")
	g.dragIn(at.AddXY(1, 8), at.AddXY(40, 8))
	short := line.markedText()
	press := func(x float32, mod fyne.KeyModifier) {
		held = mod
		line.list.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at.AddXY(x, 8)}, Button: desktop.MouseButtonPrimary, Modifier: mod})
		line.list.MouseUp(nil)
		held = 0
	}
	press(120, fyne.KeyModifierShift)
	long := line.markedText()
	if short == "" || !strings.HasPrefix(long, short) || len(long) <= len(short) {
		t.Errorf("%q became %q", short, long)
	}
	press(10, fyne.KeyModifierShift)
	if got := line.markedText(); got == "" || len(got) >= len(short) || !strings.HasPrefix(long, got) {
		t.Errorf("back to %q", got)
	}
	line.list.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at.AddXY(10, 8)}, Button: desktop.MouseButtonSecondary})
	if line.markedText() == "" {
		t.Error("the menu takes the selection away")
	}
	g.press(fyne.KeyEscape, 0)
	if line.markedText() != "" {
		t.Error("Escape leaves the selection")
	}
	g.dragIn(at.AddXY(1, 8), at.AddXY(40, 8))
	_, other := g.bubble("Anbei")
	g.dragIn(other.AddXY(1, 8), other.AddXY(40, 8))
	if got := line.markedText(); !strings.HasPrefix("Anbei das Datenblatt.", got) || got == "" {
		t.Errorf("a selection elsewhere is the only one: %q", got)
	}
	g.ui.desk.openConversation("m")
	if line.marked != "" {
		t.Error("it stays when the conversation is left")
	}
}

func TestNamesInANoteStandOut(t *testing.T) {
	english(t)
	m := newMemory()
	x := inbox.Message{ID: "n", Kind: inbox.Note, At: ago(time.Minute), Side: inbox.FromPerson, Author: "me", Body: inbox.PlainText("Frag @" + m.people[1].Name + ", bitte."), Mentions: []inbox.PersonID{m.people[1].ID}}
	v := itemView(&x, newStaff(m.me, m.people), at1453)
	runs := named(v.runs(v.Body, nil), v.Names)
	if len(runs) != 3 || runs[1].Text != "@"+m.people[1].Name || runs[0].Text+runs[1].Text+runs[2].Text != x.Body.Visible() {
		t.Errorf("%+v", runs)
	}
	if got := named(runs, []string{"Nobody", ""}); len(got) != 3 {
		t.Errorf("%+v", got)
	}
	x.Body, x.Mentions = inbox.PlainText("Frag @"+m.me.Name+", bitte."), []inbox.PersonID{m.me.ID} // who is elsewhere called "You"
	v = itemView(&x, newStaff(m.me, m.people), at1453)
	if runs := named(v.runs(v.Body, nil), v.Names); len(runs) != 3 || runs[1].Text != "@"+m.me.Name {
		t.Errorf("the reader's own name: %+v", runs)
	}
}

func TestPicturesOfAConversationFollowEachOther(t *testing.T) {
	m := equipped()
	for i := range 2 {
		x := in(time.Duration(30+i)*time.Second, "")
		x.ID, x.Kind = inbox.MessageID(fmt.Sprint("p", i)), inbox.Image
		x.Media = &inbox.Media{ID: inbox.MediaID(x.ID), Type: "image/jpeg", Size: 1000 * int64(i+1), State: inbox.MediaReady}
		m.say("k", x)
	}
	g := opened(t, m, "k")
	g.look("p0")
	g.heard("picture shown")
	view := g.viewer()
	g.wantShown("2 of 3")
	g.wantShown("Saving is off by company policy")
	shown := func(text string) {
		t.Helper()
		g.wantShown(text)
		g.until("the picture", view.HasPicture)
	}
	g.press(fyne.KeyRight, 0)
	shown("3 of 3")
	g.press(fyne.KeyRight, 0)
	shown("3 of 3")
	view.TypedRune('+')
	g.press(fyne.KeyLeft, 0) // a larger picture is moved
	shown("3 of 3")
	view.TypedRune('0')
	g.press(fyne.KeyLeft, 0)
	g.press(fyne.KeyLeft, 0)
	shown("1 of 3")
	g.press(fyne.KeyEscape, 0)
	if view.HasPicture() || g.win.Canvas().Overlays().Top() != nil {
		t.Error("it is still there")
	}
}

// viewer is the viewer that has the keyboard.
func (g *stage) viewer() *kit.Viewer {
	g.t.Helper()
	v, ok := g.win.Canvas().Focused().(*kit.Viewer)
	if !ok {
		g.t.Fatal("no viewer")
	}
	return v
}

func TestAConversationOpensWhereTheReaderGoesOn(t *testing.T) {
	long := strings.Repeat("Noch eine Frage zum Angebot und zum Termin. ", 6)
	for _, c := range []struct {
		rule        string
		before, new int
		at          string // the item a third below the top, "" for the end
	}{
		{"all that is new is in view at the end", 40, 1, ""},
		{"what is new begins above the end", 40, 12, newLine},
		{"what is new begins on an older page", 40, 80, newLine},
		{"everything is new", 0, 30, newLine},
		{"too much is new", 40, 700, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := talk(c.before)
			if c.before > 0 {
				m.say("k", out(2*time.Minute, "me", inbox.Read, "Bis dahin gelesen."))
			}
			for range c.new {
				m.say("k", in(time.Minute, long))
			}
			g := newStage(t, m, Settings{}, 1280, 800)
			g.heard("inbox shown")
			g.ui.desk.openConversation("k")
			g.heard("conversation opened")
			g.rest()
			line := g.ui.desk.line
			if c.at == "" {
				if !line.list.AtBottom() || line.news != 0 {
					t.Errorf("at the end: %v, below: %d", line.list.AtBottom(), line.news)
				}
				return
			}
			at, ok := line.list.Place(c.at)
			height := line.list.Size().Height
			if top := line.list.Size().Height/3 - 40; !ok || line.list.AtBottom() || c.before > 0 && (at.Y < top || at.Y > height/3) {
				t.Fatalf("the line is at %v of %v, in view: %v, at the end: %v", at.Y, height, ok, line.list.AtBottom())
			}
			first := line.at(newLine) + 1
			_, last := line.list.Range()
			if want := c.new - (last + 1 - first); line.news != want || want < 1 {
				t.Errorf("%d are below, said: %d", want, line.news)
			}
			if g.ui.desk.row.Unread < c.new {
				t.Error("called read though nobody has seen it")
			}
			m.say("k", in(0, "Noch etwas"))
			m.tell(func() {})
			g.until("one more below", func() bool { return line.news == c.new-(last+1-first)+1 })
			if now, ok := line.list.Place(c.at); !ok || now != at {
				t.Errorf("the line moved from %v to %v", at, now)
			}
			line.list.ScrollToBottom()
			g.until("read", func() bool { return g.ui.desk.row.Unread == 0 && line.news == 0 })
		})
	}
}
