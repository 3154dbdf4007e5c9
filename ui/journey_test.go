package ui

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// opened is a stage with a conversation open.
func opened(t *testing.T, m *memory, id inbox.ConversationID) *stage {
	t.Helper()
	g := newStage(t, m, Settings{EnterSends: true, Notify: true}, 1280, 800)
	g.heard("inbox shown")
	g.open(id)
	return g
}

func wishOf[T inbox.IntentBody](m *memory) (T, bool) {
	for _, i := range m.wishes() {
		if b, ok := i.Body.(T); ok {
			return b, true
		}
	}
	var none T
	return none, false
}

func TestAnAnswerIsSentAndItsTicksTurn(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.typeText("Bis morgen")
	g.press(fyne.KeyReturn, 0)
	g.heard("intent submitted")
	g.wantShown("Bis morgen")
	wish, ok := wishOf[inbox.SendText](m)
	if !ok || wish.Text != "Bis morgen" || wish.Conversation != "k" {
		t.Fatalf("%+v", m.wishes())
	}
	if g.ui.desk.comp.text() != "" {
		t.Error("the field is empty after sending")
	}
	var id inbox.MessageID
	for _, i := range m.wishes() {
		if _, ok := i.Body.(inbox.SendText); ok {
			id = inbox.MessageID(i.ID)
		}
	}
	g.heard("receipt queued")
	m.receipt("k", id, inbox.Delivered)
	g.heard("receipt sent")
	g.heard("receipt delivered")
	m.receipt("k", id, inbox.Read)
	g.heard("receipt read")
	g.until("draft gone", func() bool { r, _ := m.Rows(t.Context()); return rowOf(r, "k").Draft == "" })
}

func rowOf(list []*Row, id inbox.ConversationID) *Row {
	for _, r := range list {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func TestNothingBlankIsSent(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.typeText("  ")
	g.press(fyne.KeyReturn, 0)
	g.rest()
	if _, ok := wishOf[inbox.SendText](m); ok {
		t.Error("a blank text was sent")
	}
}

func TestDraftsAreKeptPerConversation(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.typeText("half a ")
	g.heard("draft kept")
	g.open("m")
	if got := g.ui.desk.comp.text(); got != "" {
		t.Errorf("another conversation has its own draft, not %q", got)
	}
	g.ui.desk.openConversation("k")
	if got := g.ui.desk.comp.text(); got != "half a " {
		t.Errorf("the draft is %q", got)
	}
}

func TestClosingTheWindowKeepsWhatWasTyped(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.ui.desk.writer.after = func(time.Duration) <-chan time.Time { return nil } // the pause never ends
	g.typeText("unfinished")
	g.ui.Close()
	r, _ := m.Rows(t.Context())
	if got := rowOf(r, "k").Draft; got != "unfinished" {
		t.Errorf("kept %q", got)
	}
}

func TestNotesAndRepliesDoNotMix(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.typeText("to the customer")
	g.press(fyne.KeyN, ctrl|shift)
	if g.ui.desk.comp.text() != "" {
		t.Error("a note begins empty")
	}
	g.typeText("for us")
	g.press(fyne.KeyReturn, 0)
	g.heard("intent submitted")
	g.until("note submitted", func() bool { n, ok := wishOf[inbox.AddNote](m); return ok && n.Text == "for us" })
	if _, ok := wishOf[inbox.SendText](m); ok {
		t.Error("a note went to the customer")
	}
	if got := g.ui.desk.comp.text(); got != "to the customer" || g.ui.desk.comp.note {
		t.Errorf("after the note the reply is back, not %q", got)
	}
}

func TestEscapeLeavesNoteModeFirst(t *testing.T) {
	g := opened(t, company(), "k")
	g.press(fyne.KeyN, ctrl|shift)
	g.press(fyne.KeyEscape, 0)
	if g.ui.desk.comp.note {
		t.Error("still a note")
	}
}

func TestUnconfirmedMessagesAreSentAgainOnlyAfterAQuestion(t *testing.T) {
	m := company()
	unknown := out(time.Minute, "me", inbox.Unknown, "Ist das angekommen?")
	unknown.ID = "u"
	m.say("k", unknown)
	g := opened(t, m, "k")
	g.wantShown("Not confirmed.")
	d := g.ui.desk
	press := func() {
		for i, v := range d.line.items {
			if v.Message == "u" {
				d.line.tapped(i, areaAgain, fyne.Position{})
			}
		}
	}
	press()
	g.wantShown("the customer gets it twice")
	g.press(fyne.KeyEscape, 0)
	g.rest()
	if _, ok := wishOf[inbox.SendAgain](m); ok {
		t.Fatal("Escape sends nothing")
	}
	press()
	test.Tap(kit.Find(g.win.Canvas().Overlays().Top(), "Send again").(fyne.Tappable))
	g.until("sent again", func() bool { b, ok := wishOf[inbox.SendAgain](m); return ok && b.Message == "u" })
}

func TestRefusedMessagesGoBackToTheField(t *testing.T) {
	m := company()
	refused := out(time.Minute, "me", inbox.Failed, "zu spät")
	refused.ID, refused.Cause, refused.Failure, refused.Kind, refused.Conversation = "i1", "i1", inbox.FailRefusedByUs, inbox.Text, "k"
	m.messages["k"] = append(m.messages["k"], refused)
	m.typed["i1"] = "zu spät"
	g := opened(t, m, "k")
	g.wantShown("Edit again")
	d := g.ui.desk
	for i, v := range d.line.items {
		if v.Restore == "i1" {
			d.line.tapped(i, areaEdit, fyne.Position{})
		}
	}
	g.until("text is back", func() bool { return d.comp.text() == "zu spät" })
	g.until("message is gone", func() bool { return !g.shows("Your company's rules") })
}

func TestFailingToKeepAMessageGivesTheTextBack(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.typeText("lost?")
	m.mu.Lock()
	m.fail = errors.New("disk full")
	m.mu.Unlock()
	g.press(fyne.KeyReturn, 0)
	g.wantShown("could not be kept on this device")
	if got := g.ui.desk.comp.text(); got != "lost?" {
		t.Errorf("the field holds %q", got)
	}
}

func TestKeysMoveThroughTheInbox(t *testing.T) {
	g := newStage(t, company(), Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	step := func(key fyne.KeyName, mod fyne.KeyModifier, want inbox.ConversationID) {
		t.Helper()
		g.press(key, mod)
		g.rest()
		if g.ui.desk.open != want {
			t.Errorf("%v %v opened %q, want %q", mod, key, g.ui.desk.open, want)
		}
	}
	step(fyne.KeyDown, alt, "k")
	step(fyne.KeyDown, alt, "o")
	step(fyne.KeyUp, alt, "k")
	step(fyne.KeyUp, alt, "k")
	step(fyne.KeyDown, alt|shift, "m") // o was read on the way
	g.typeText("x")
	g.press(fyne.KeyReturn, ctrl)
	g.rest()
	if _, ok := wishOf[inbox.SendText](g.m); !ok {
		t.Error("Ctrl+Enter sends")
	}
}

func TestPanesTakeTheKeyboardInTurn(t *testing.T) {
	g := opened(t, company(), "k")
	d := g.ui.desk
	c := g.win.Canvas()
	if c.Focused() != fyne.Focusable(d.comp.field) {
		t.Fatal("an opened conversation waits for an answer")
	}
	for i, want := range []fyne.Focusable{d.side.list, d.listing.list, d.line.list, d.comp.field} {
		g.press(fyne.KeyF6, 0)
		if c.Focused() != want {
			t.Errorf("stop %d is %T", i, c.Focused())
		}
	}
}

func TestPaletteFindsPeopleAndActions(t *testing.T) {
	g := opened(t, company(), "k")
	g.press(fyne.KeyK, ctrl)
	g.heard("palette shown")
	g.typeText("marco")
	g.press(fyne.KeyReturn, 0)
	g.heard("conversation opened m")
	g.press(fyne.KeyK, ctrl)
	g.typeText("close conv")
	g.press(fyne.KeyReturn, 0)
	g.until("closed", func() bool {
		b, ok := wishOf[inbox.SetState](g.m)
		return ok && b.State == inbox.Closed && b.Conversation == "m"
	})
	g.wantShown("Conversation closed")
}

func TestAssigningCanBeTakenBack(t *testing.T) {
	g := opened(t, company(), "k")
	g.press(fyne.KeyA, ctrl|shift)
	g.typeText("tobias")
	g.press(fyne.KeyReturn, 0)
	g.until("assigned", func() bool { b, ok := wishOf[inbox.Assign](g.m); return ok && b.To == "tb" })
	g.wantShown("Assigned to Tobias Brandt")
	test.Tap(kit.Find(g.win.Canvas().Content(), "Undo").(fyne.Tappable))
	g.until("taken back", func() bool {
		list := g.m.wishes()
		b, ok := list[len(list)-1].Body.(inbox.Assign)
		return ok && b.To == "me"
	})
}

func TestToastsGoByThemselves(t *testing.T) {
	g := opened(t, company(), "k")
	g.ui.toast(kit.Toast{Text: "hello there"})
	if !g.shows("hello there") {
		t.Fatal("no toast")
	}
	g.pass(4 * time.Second)
	g.until("toast gone", func() bool { return !g.shows("hello there") })
}

func TestFirstFilterIsTheMostPersonalThatIsNotEmpty(t *testing.T) {
	for _, c := range []struct {
		t    tally
		want Filter
	}{{tally{}, FilterMine}, {tally{mine: 1, unassigned: 2, all: 3}, FilterMine}, {tally{unassigned: 2, all: 3}, FilterUnassigned}, {tally{all: 3}, FilterAll}} {
		if got := firstFilter(c.t); got != c.want {
			t.Errorf("%+v: %d", c.t, got)
		}
	}
}

func TestReadingIsReportedOnlyWhileSomebodyLooks(t *testing.T) {
	m := company()
	g := newStage(t, m, Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	g.ui.SetActive(false)
	g.open("k")
	g.rest()
	if _, ok := wishOf[inbox.MarkRead](m); ok {
		t.Fatal("nobody looks at the window")
	}
	g.ui.SetActive(true)
	g.until("read", func() bool {
		b, ok := wishOf[inbox.MarkRead](m)
		return ok && b.Conversation == "k" && b.UpTo == rowOf(g.ui.desk.all, "k").InboundSeq
	})
}

func TestNotificationsSayNothingOfAnybody(t *testing.T) {
	m := company()
	g := newStage(t, m, Settings{EnterSends: true, Notify: true}, 1280, 800)
	g.heard("inbox shown")
	g.ui.SetActive(false)
	arrive := func() {
		m.mu.Lock()
		m.say("s", in(0, "secret words"))
		m.mu.Unlock()
		m.poke()
	}
	test.AssertNotificationSent(t, fyne.NewNotification("Inbox", "New message"), func() {
		arrive()
		g.heard("notification shown")
	})
	if title := g.win.Title(); strings.Contains(title, "Sofia") || !strings.HasSuffix(title, "Inbox") {
		t.Errorf("the title says %q", title)
	}
	g.ui.settings.Notify = false
	test.AssertNotificationSent(t, nil, func() { arrive(); g.rest() })
}

func TestOldMessagesAreReadWhenTheReaderScrollsUp(t *testing.T) {
	m := newMemory()
	m.add("k", "Katharina W.", "+49 ••• ••47", "me")
	for i := range 400 {
		m.say("k", in(time.Duration(500-i)*time.Minute, fmt.Sprintf("message %03d", i)))
	}
	m.rows["k"].ReadSeq, m.rows["k"].Unread = m.seq, 0
	g := opened(t, m, "k")
	d := g.ui.desk
	g.wantShown("message 399")
	have := len(d.messages)
	if have > 2*pageSize {
		t.Fatalf("%d messages were read to open", have)
	}
	for range 30 {
		g.press(fyne.KeyPageUp, 0)
		g.rest()
		if g.shows("message 000") {
			break
		}
	}
	if !g.shows("message 000") {
		t.Fatalf("the first message is never reached: %d of 400 read", len(d.messages))
	}
	first, _ := d.line.list.Range()
	seen := d.line.items[max(first, 1)].ID
	m.mu.Lock()
	m.say("k", in(0, "fresh"))
	m.mu.Unlock()
	m.poke()
	g.heard("message shown")
	g.rest()
	if now, _ := d.line.list.Range(); d.line.items[max(now, 1)].ID != seen {
		t.Error("the view moved when a message came")
	}
	if got := d.line.belowText(); got != "1 new" {
		t.Errorf("the pill says %q", got)
	}
	g.press(fyne.KeyEnd, ctrl)
	g.wantShown("fresh")
	for i, msg := range d.messages {
		if i > 0 && msg.Seq != d.messages[i-1].Seq+1 {
			t.Fatalf("a gap between %d and %d", d.messages[i-1].Seq, msg.Seq)
		}
	}
	if len(d.messages) != 401 {
		t.Errorf("%d messages", len(d.messages))
	}
}

func TestLateMessagesLeaveNoGap(t *testing.T) {
	m := newMemory()
	m.add("k", "Katharina W.", "+49 ••• ••47", "me")
	for i := range 60 {
		m.say("k", in(time.Duration(900-i)*time.Minute, fmt.Sprintf("old %03d", i)))
	}
	g := opened(t, m, "k")
	m.mu.Lock()
	for i := range 170 {
		m.say("k", in(time.Duration(200-i)*time.Minute, fmt.Sprintf("late %03d", i)))
	}
	m.mu.Unlock()
	m.poke()
	g.wantShown("late 169")
	list := g.ui.desk.messages
	for i, msg := range list {
		if i > 0 && msg.Seq != list[i-1].Seq+1 {
			t.Fatalf("a gap between %d and %d", list[i-1].Seq, msg.Seq)
		}
	}
}

func TestALockedKeyringIsTriedAgainByItself(t *testing.T) {
	m := company()
	m.openErr = fmt.Errorf("asking: %w", TroubleKeyring)
	g := newStage(t, m, Settings{}, 900, 600)
	g.wantShown("The keyring is locked")
	m.mu.Lock()
	m.openErr = nil
	m.mu.Unlock()
	g.pass(5 * time.Second)
	g.heard("inbox shown")
}

func TestADamagedStoreIsRebuilt(t *testing.T) {
	m := company()
	m.openErr = TroubleDamaged
	g := newStage(t, m, Settings{}, 900, 600)
	g.wantShown("nothing is lost")
	g.press(fyne.KeyReturn, 0) // the way on has the keyboard
	if !g.shows("Rebuilding") {
		t.Error("it says what it does")
	}
	g.heard("inbox shown")
}

func TestADeviceWithoutItsKeyIsSetUpAgain(t *testing.T) {
	m := company()
	m.openErr = TroubleKeyLost
	g := newStage(t, m, Settings{}, 900, 700)
	g.wantShown("The key of this device is gone")
	test.Tap(kit.Find(g.win.Canvas().Content(), "Set up again").(fyne.Tappable))
	g.heard("enrol shown")
	g.typeText("sealdesk:enrol?relay=inbox.company")
	g.press(fyne.KeyReturn, 0)
	g.heard("enrolled")
	g.wantShown("Set up as LT-0427 for Katja Moor.")
	g.press(fyne.KeyReturn, 0)
	g.heard("inbox shown")
}

func TestEnrolmentCanBeTriedAgainAfterAnError(t *testing.T) {
	m := company()
	m.openErr, m.enrolErr = TroubleNotEnrolled, TroubleNotEnrolment
	g := newStage(t, m, Settings{}, 900, 700)
	g.heard("enrol shown")
	g.typeText("nonsense")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("That is not an enrolment string.")
	g.typeText("x")
	if g.shows("That is not an enrolment string.") {
		t.Error("the error stays after the text changed")
	}
	m.mu.Lock()
	m.enrolErr = nil
	m.mu.Unlock()
	g.press(fyne.KeyReturn, 0)
	g.heard("enrolled")
	if g.ui.enrol.field.Text() != "" {
		t.Error("a spent code stays on screen")
	}
}

func TestAnEnrolmentStringFromTheCommandLineGoesStraightToTheInbox(t *testing.T) {
	m := company()
	m.openErr = TroubleNotEnrolled
	g := newStageWith(t, m, Settings{}, 900, 700, func(c *Config) { c.Enrolment = "sealdesk:enrol?relay=inbox.company" })
	g.heard("enrolled")
	g.heard("inbox shown")
}

func TestTheStripSaysOfflineAndTriesAgain(t *testing.T) {
	m := company()
	m.link = Link{State: LinkUnreachable}
	g := newStage(t, m, Settings{}, 1280, 800)
	g.heard("state unreachable")
	g.wantShown("The company's server can't be reached.")
	test.Tap(kit.Find(g.win.Canvas().Content(), "Try again").(fyne.Tappable))
	if m.nudges != 1 {
		t.Error("the button does nothing")
	}
	m.mu.Lock()
	m.link = Link{State: LinkOnline}
	m.mu.Unlock()
	m.poke()
	g.heard("state online")
	if g.shows("can't be reached") {
		t.Error("the strip stays")
	}
}

func TestTheContactPanelIsADrawerInANarrowWindow(t *testing.T) {
	g := newStage(t, company(), Settings{}, 1000, 700)
	g.heard("inbox shown")
	g.open("k")
	d := g.ui.desk
	if d.panes.sideShown() {
		t.Fatal("a narrow window opens without the panel")
	}
	g.press(fyne.KeyI, ctrl)
	if !d.panes.drawerShown() || !g.said("contact panel shown") {
		t.Error("Ctrl+I opens the drawer")
	}
	g.rest()
	edge, side := d.panes.seams[1], d.panes.side
	if end := edge.Position().X + edge.Size().Width; edge.Size().Width != edgeWidth || end != side.Position().X || edge.Size().Height != side.Size().Height {
		t.Errorf("the drawer throws its shade from %v to %v, and begins at %v", edge.Position().X, end, side.Position().X)
	}
	g.press(fyne.KeyEscape, 0)
	if d.panes.sideShown() {
		t.Error("Escape closes it")
	}
	g.win.Resize(fyne.NewSize(1300, 700))
	if !d.panes.sideShown() {
		t.Error("a wide window shows the panel beside the timeline")
	}
	if w := d.panes.seams[1].Size().Width; w != 1 {
		t.Errorf("beside the timeline the panel throws a shade %v wide", w)
	}
}

func TestSwitchingTheLanguageKeepsTheConversationAndTheText(t *testing.T) {
	g := opened(t, company(), "k")
	g.typeText("halb fertig")
	g.ui.settings.Language = "de"
	g.ui.respeak()
	g.until("German", func() bool { return g.shows("Posteingang") && g.shows("Senden") })
	if g.ui.desk.open != "k" || g.ui.desk.comp.text() != "halb fertig" {
		t.Errorf("open %q, text %q", g.ui.desk.open, g.ui.desk.comp.text())
	}
}

func TestSettingsHoldNothingPersonal(t *testing.T) {
	g := opened(t, company(), "k")
	g.ui.settings.Theme, g.ui.settings.TextSize = "dark", 115
	g.ui.settled()
	g.ui.KeepSize()
	kept := KeptSettings(g.app)
	if kept.Theme != "dark" || kept.TextSize != 115 || !kept.EnterSends {
		t.Errorf("%+v", kept)
	}
	if w, h := KeptSize(g.app); w != 1280 || h != 800 {
		t.Errorf("kept %v x %v", w, h)
	}
}

func TestTracesHoldNoWordsOfPeople(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.typeText("geheim")
	g.press(fyne.KeyReturn, 0)
	g.press(fyne.KeyK, ctrl)
	g.typeText("marco")
	g.press(fyne.KeyReturn, 0)
	g.heard("conversation opened m")
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range g.traced {
		for _, bad := range []string{"geheim", "Katharina", "Marco", "marco", "•", "Moor"} {
			if strings.Contains(line, bad) {
				t.Errorf("the trace says %q", line)
			}
		}
	}
}

func TestWorkersLookOnceForManyPokes(t *testing.T) {
	var looks atomic.Int32
	pokes := make(chan struct{}, 1)
	pause := make(chan time.Time)
	done := make(chan struct{})
	ctx := t.Context()
	go func() {
		loop(ctx, func(time.Duration) <-chan time.Time { return pause }, func() { looks.Add(1) }, pokes)
		close(done)
	}()
	for range 50 {
		pokes <- struct{}{} // taken one by one, folded into one
	}
	for range 3 {
		pause <- noon
		if looks.Load() == 2 {
			break
		}
	}
	if n := looks.Load(); n > 3 {
		t.Errorf("%d looks for 50 pokes", n)
	}
}

func TestAHeldListWaitsForTheReader(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	d := g.ui.desk
	d.setFilter(FilterAll)
	g.until("read", func() bool { return rowOf(d.all, "k").Unread == 0 })
	g.ui.typed = time.Time{}
	d.listing.list.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(100, 100)}})
	m.mu.Lock()
	m.say("g", in(0, "Ancora una domanda"))
	m.mu.Unlock()
	m.poke()
	g.wantShown("1 changed")
	if d.shown[0].ID != "k" {
		t.Fatal("the rows moved under the pointer")
	}
	g.rest()
	g.picture("window-held")
	d.listing.list.MouseOut()
	g.pass(time.Second)
	g.until("rows follow", func() bool { return d.shown[0].ID == "g" && !g.shows("1 changed") })
}
