package ui

import (
	"bytes"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// rawNumber is what a reveal shows in these tests. In pictures it is replaced by bullets.
const rawNumber = "+1 555 0100 147"

// answers makes the company's server of a memory answer about reveals: granted says whether a colleague must agree.
func (m *memory) reveal(value string, granted bool) {
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		switch q := q.(type) {
		case inbox.AskReveal:
			r := inbox.Reveal{ID: "r1", Conversation: q.Conversation, Field: q.Field, By: m.me.ID, Why: q.Why, At: inbox.At(noon), Until: inbox.At(noon.Add(15 * time.Minute))}
			if granted {
				r.State = inbox.RevealGranted
			}
			m.tell(func() { m.reveals = append([]inbox.Reveal{r}, m.reveals...) })
			return inbox.Grant{Reveal: "r1", State: r.State, Until: r.Until}, nil
		case inbox.OpenReveal:
			state, until := inbox.RevealShown, inbox.At(noon.Add(10*time.Minute))
			if q.End {
				state = inbox.RevealEnded
			}
			m.tell(func() {
				for i := range m.reveals {
					if m.reveals[i].ID == q.Reveal {
						m.reveals[i].State, m.reveals[i].Until, m.reveals[i].Shown = state, until, inbox.At(noon)
					}
				}
			})
			if q.End {
				return inbox.Opened{Reveal: q.Reveal, State: state, Until: until}, nil
			}
			return inbox.Opened{Reveal: q.Reveal, State: state, Sealed: []byte("sealed for " + string(q.Reveal) + ":" + value), Until: until}, nil
		case inbox.DecideReveal:
			state := inbox.RevealRefused
			if q.Agree {
				state = inbox.RevealGranted
			}
			m.tell(func() {
				for i := range m.reveals {
					if m.reveals[i].ID == q.Reveal {
						m.reveals[i].State, m.reveals[i].Decider = state, m.me.ID
					}
				}
			})
			return inbox.Decided{State: state}, nil
		}
		return inbox.Done{}, nil
	}
}

// asked shows a conversation in a wide window and asks to see the number, by keyboard.
func askedFor(t *testing.T, m *memory, s Settings) *stage {
	t.Helper()
	g := newStage(t, m, s, 1440, 860)
	g.heard("inbox shown")
	g.open("k")
	g.press(fyne.KeyR, ctrl|shift)
	g.heard("field shown")
	last := g.win.Canvas().Focused().(*kit.Menu)
	last.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp}) // asking comes last, after what needs nobody to see it
	last.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	g.heard("reveal dialog shown")
	g.press(fyne.KeyDown, 0)
	return g
}

func (g *stage) sayWhy() {
	note := kit.Find(g.top(), word("reveal.note")).(*kit.Field)
	g.win.Canvas().Focus(note.Input())
	g.typeText("Fitter calls")
	g.press(fyne.KeyReturn, 0)
	g.heard("reveal answered")
}

func (g *stage) top() fyne.CanvasObject { return g.win.Canvas().Overlays().Top() }

func shownStage(t *testing.T, value string, s Settings) (*stage, *memory) {
	t.Helper()
	m := company()
	m.reveal(value, true)
	g := askedFor(t, m, s)
	g.sayWhy()
	g.heard("value shown")
	g.rest()
	return g, m
}

func pixelsOf(g *stage) []byte { return bytes.Clone(g.win.Canvas().Capture().(*image.NRGBA).Pix) }

// onScreen are all strings that can be read off the window, its title and the clipboard.
func (g *stage) onScreen() string {
	return strings.Join(g.texts(), "\n") + g.win.Title() + g.app.Clipboard().Content() + g.ui.layers.TipText() + g.ui.layers.ToastText()
}

func TestAShownValueLeavesNothingBehind(t *testing.T) {
	if raced {
		t.Skip("looks through memory others work in")
	}
	parts := []string{rawNumber, "0100 147"}
	for name, end := range map[string]func(g *stage){
		"its time is up":                  func(g *stage) { g.pass(10 * time.Minute) },
		"the window loses the focus":      func(g *stage) { g.ui.SetActive(false) },
		"another conversation is opened":  func(g *stage) { g.ui.desk.openConversation("m") },
		"Escape":                          func(g *stage) { g.press(fyne.KeyEscape, 0) },
		"the panel is closed":             func(g *stage) { g.press(fyne.KeyI, ctrl) },
		"another page is turned to":       func(g *stage) { g.ui.desk.showPage(pageInbox) },
		"the language changes":            func(g *stage) { g.ui.settings.Language = "de"; g.ui.respeak() },
		"the server ends it":              func(g *stage) { g.m.tell(func() { g.m.reveals[0].State = inbox.RevealEnded }) },
		"the customer is forgotten":       func(g *stage) { g.m.forget("k") },
		"the device is excluded":          func(g *stage) { g.m.tell(func() { g.m.link = Link{State: LinkRevoked} }) },
		"the inbox is taken off the desk": func(g *stage) { g.ui.desk.end() },
	} {
		t.Run(name, func(t *testing.T) {
			g, m := shownStage(t, rawNumber, Settings{EnterSends: true})
			if found := traces(g.ui.desk.looks, rawNumber); len(found) == 0 {
				t.Fatal("the value is not where it is shown: this test would see nothing")
			}
			shown := pixelsOf(g)
			if !bytes.Equal(shown, pixelsOf(g)) {
				t.Fatal("the same picture twice differs")
			}
			for _, part := range parts {
				if strings.Contains(g.onScreen(), part) {
					t.Error("the value can be read as text while it is shown")
				}
			}
			g.ui.copy()
			end(g)
			g.heard("value dropped")
			g.rest()
			for _, part := range parts {
				if strings.Contains(g.onScreen(), part) {
					t.Error("the value is on the canvas, in the title or on the clipboard")
				}
				for _, value := range m.key.opened {
					if bytes.Contains(value, []byte(part)) || strings.Trim(string(value), "\x00") != "" {
						t.Error("its bytes were not overwritten")
					}
				}
			}
			if found := traces([]any{g.ui, g.win.Canvas().Content(), g.win.Canvas().Overlays().List(), kit.SharedMetrics(), g.traced}, parts...); len(found) > 0 {
				t.Errorf("the value is still in %s", strings.Join(found, ", "))
			}
			if g.ui.desk != nil && bytes.Equal(shown, pixelsOf(g)) {
				t.Error("the window still looks as it did")
			}
		})
	}
}

// forget is what a contact's erasure does to a conversation.
func (m *memory) forget(id inbox.ConversationID) {
	m.tell(func() {
		row := *m.rows[id]
		row.Apply(inbox.Event{Seq: 900, At: inbox.At(noon), Body: inbox.ContactErased{Conversation: id, Contact: row.Contact.ID}}, m.me.ID)
		m.rows[id], m.messages[id], m.reveals = &row, nil, nil
	})
}

func TestARevealIsAskedForWithAReasonAndShownOnceACollegueAgreed(t *testing.T) {
	m := company()
	m.reveal(rawNumber, false)
	g := askedFor(t, m, Settings{EnterSends: true})
	dialog := kit.Find(g.top(), word("reveal.ask")).(*kit.Button)
	if !dialog.Disabled() {
		t.Error("it can be asked for without a word")
	}
	g.sayWhy()
	g.wantShown("Waits for Sabine Lang. Lapses at 15:08")
	m.mu.Lock()
	q, ok := m.asked[len(m.asked)-1].(inbox.AskReveal)
	m.mu.Unlock()
	if !ok || q.Field != inbox.FieldPhone || q.Why != inbox.ReasonCall || q.Note != "Fitter calls" || string(q.Key) != "public" {
		t.Errorf("asked %+v", q)
	}
	if g.said("value shown") {
		t.Error("shown before anybody agreed")
	}
	m.tell(func() { m.reveals[0].State, m.reveals[0].Decider = inbox.RevealGranted, "sl" })
	g.wantShown("Sabine Lang agreed. Show it before 15:08")
	g.press(fyne.KeyR, ctrl|shift)
	g.heard("value shown")
	g.wantShown("10:00 left · Esc hides it")
	g.pass(time.Second)
	g.wantShown("9:59 left")
	g.press(fyne.KeyEscape, 0)
	g.until("told that it is over", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		o, ok := m.asked[len(m.asked)-1].(inbox.OpenReveal)
		return ok && o.End
	})
}

func TestAHiddenValueIsShownAgainWhileItsTimeLasts(t *testing.T) {
	g, m := shownStage(t, rawNumber, Settings{EnterSends: true})
	g.ui.SetActive(false)
	g.ui.SetActive(true)
	g.wantShown("Hidden, because you looked elsewhere. It can be shown until 15:03")
	g.press(fyne.KeyR, ctrl|shift)
	g.until("shown again", func() bool { return g.ui.desk.looks.value != nil })
	g.ui.SetActive(false)
	g.press(fyne.KeyR, ctrl|shift) // nobody is looking: the answer must not be shown
	g.rest()
	if g.ui.desk.looks.value != nil {
		t.Error("shown to a window that nobody looks at")
	}
	for _, v := range m.key.opened {
		if strings.Trim(string(v), "\x00") != "" {
			t.Error("bytes that nobody looked at were kept")
		}
	}
	if len(m.key.opened) != 3 {
		t.Errorf("opened %d times", len(m.key.opened))
	}
}

func TestWhatBecameOfARequestIsSaid(t *testing.T) {
	english(t)
	m := company()
	s, c := newStaff(m.me, m.people), m.rows["k"].Conversation
	base := inbox.Reveal{ID: "r", Conversation: "k", Field: inbox.FieldPhone, By: "me", At: ago(time.Minute), Until: inbox.At(noon.Add(14 * time.Minute))}
	with := func(f func(*inbox.Reveal)) *inbox.Reveal { r := base; f(&r); return &r }
	all := func(inbox.RevealID) bool { return true }
	none := func(inbox.RevealID) bool { return false }
	for _, x := range []struct {
		rule   string
		r      *inbox.Reveal
		here   revealing
		online bool
		step   RevealStep
		text   string
		action string
	}{
		{"nothing was asked", nil, revealing{key: all}, true, RevealOffer, "", ""},
		{"being asked", nil, revealing{key: all, asking: true}, true, RevealAsking, "Asking the company's server…", ""},
		{"caps are told", nil, revealing{key: all, trouble: maskProblem(inbox.RefusedCap)}, true, RevealOffer, word("reveal.cap"), ""},
		{"a colleague decides", &base, revealing{key: all}, true, RevealWaits, "Waits for Sabine Lang. Lapses at 15:07", "Take the request back"},
		{"asked on another device", &base, revealing{key: none}, true, RevealWaits, word("reveal.waits.elsewhere"), "Take the request back"},
		{"offline it waits", &base, revealing{key: all}, false, RevealWaits, "Waits for a decision. Needs a connection to go on", ""},
		{"nobody decided", with(func(r *inbox.Reveal) { r.Until = inbox.At(noon) }), revealing{key: all}, true, RevealOffer, word("reveal.lapsed"), ""},
		{"taken back in this window", with(func(r *inbox.Reveal) { r.State = inbox.RevealLapsed }), revealing{key: none, given: all}, true, RevealOffer, "", ""},
		{"taken back elsewhere, or lapsed", with(func(r *inbox.Reveal) { r.State = inbox.RevealLapsed }), revealing{key: none, given: none}, true, RevealOffer, word("reveal.lapsed"), ""},
		{"granted by policy", with(func(r *inbox.Reveal) { r.State = inbox.RevealGranted }), revealing{key: all}, true, RevealReady, "May be shown. Until 15:07", "Show now"},
		{"granted by a colleague", with(func(r *inbox.Reveal) { r.State, r.Decider = inbox.RevealGranted, "sl" }), revealing{key: all}, true, RevealReady, "Sabine Lang agreed. Show it before 15:07", "Show now"},
		{"granted to another device", with(func(r *inbox.Reveal) { r.State = inbox.RevealGranted }), revealing{key: none}, true, RevealOffer, word("reveal.elsewhere"), ""},
		{"granted while offline", with(func(r *inbox.Reveal) { r.State = inbox.RevealGranted }), revealing{key: all}, false, RevealReady, word("reveal.ready.offline"), ""},
		{"granted and not looked at", with(func(r *inbox.Reveal) { r.State, r.Decider, r.Until = inbox.RevealGranted, "sl", inbox.At(noon) }), revealing{key: all}, true, RevealOffer, word("reveal.lapsed.unseen"), ""},
		{"shown", with(func(r *inbox.Reveal) { r.State = inbox.RevealShown }), revealing{key: all, shown: "r"}, true, RevealOpen, "14:00 left · Esc hides it", "Hide"},
		{"hidden", with(func(r *inbox.Reveal) { r.State = inbox.RevealShown }), revealing{key: all}, true, RevealReady, "Hidden, because you looked elsewhere. It can be shown until 15:07", "Show again"},
		{"over", with(func(r *inbox.Reveal) { r.State, r.Until = inbox.RevealShown, inbox.At(noon) }), revealing{key: all}, true, RevealOffer, "", ""},
		{"refused", with(func(r *inbox.Reveal) { r.State, r.Decider = inbox.RevealRefused, "sl" }), revealing{key: all}, true, RevealOffer, "Sabine Lang refused", ""},
		{"refused long ago", with(func(r *inbox.Reveal) { r.State, r.Decider, r.At = inbox.RevealRefused, "sl", ago(2*time.Hour) }), revealing{key: all}, true, RevealOffer, "", ""},
	} {
		v := revealView(x.r, x.here, c, s, x.online, at1453)
		if v.Step != x.step || v.Text != x.text || v.Action != x.action {
			t.Errorf("%s: step %d, %q, %q", x.rule, v.Step, v.Text, v.Action)
		}
	}
	s.me.Role = inbox.Auditor
	if v := revealView(nil, revealing{key: all}, c, s, true, at1453); v.Step != RevealNothing {
		t.Error("offered to somebody who may not ask")
	}
}

func TestWhoSawWhatIsListed(t *testing.T) {
	english(t)
	m := company()
	s := newStaff(m.me, m.people)
	r := func(state inbox.RevealState, by inbox.PersonID, shown inbox.Moment) inbox.Reveal {
		return inbox.Reveal{Field: inbox.FieldPhone, By: by, Why: inbox.ReasonCall, State: state, At: ago(time.Hour), Shown: shown, Decider: "sl", Until: inbox.At(noon.Add(time.Minute))}
	}
	got := sawView([]inbox.Reveal{r(inbox.RevealShown, "me", ago(time.Minute)), r(inbox.RevealEnded, "tb", ago(2*time.Minute)), r(inbox.RevealEnded, "tb", 0), r(inbox.RevealRefused, "tb", 0),
		r(inbox.RevealLapsed, "tb", 0), r(inbox.RevealAsked, "tb", 0), r(inbox.RevealGranted, "tb", 0)}, s, at1453)
	var lines []string
	for _, v := range got {
		lines = append(lines, fmt.Sprintf("%s|%s|%s|%s", v.Icon, v.Text, v.Time, strings.TrimPrefix(v.Line, "The customer wants to be called · ")))
	}
	want := "eye|You · Phone|14:52|granted by Sabine Lang;eye|Tobias Brandt · Phone|14:51|granted by Sabine Lang;eye-off|Tobias Brandt · Phone|13:53|ended, not seen;" +
		"close|Tobias Brandt · Phone|13:53|refused by Sabine Lang;eye-off|Tobias Brandt · Phone|13:53|lapsed, not seen;clock|Tobias Brandt · Phone|13:53|asked, not decided;clock|Tobias Brandt · Phone|13:53|granted, not seen yet"
	if strings.Join(lines, ";") != want {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
}

// supervising is a memory in which something waits for a supervisor.
func supervising() *memory {
	m := company()
	m.me = inbox.Person{ID: "sl", Name: "Sabine Lang", Role: inbox.Supervisor, Inboxes: []inbox.InboxID{"sales"}}
	ask := inbox.Reveal{ID: "r1", Conversation: "k", Field: inbox.FieldPhone, By: "tb", Why: inbox.ReasonDelivery, Note: inbox.PlainText("The fitter calls half an hour before he comes."), At: ago(3 * time.Minute), Until: inbox.At(noon.Add(12 * time.Minute))}
	own := ask
	own.ID, own.By = "r2", "sl"
	late := ask
	late.ID, late.Until, late.Field, late.Conversation, late.Why = "r3", inbox.At(noon.Add(2*time.Minute)), inbox.FieldEmail, "m", inbox.ReasonContract
	m.reveals = []inbox.Reveal{ask, own, late}
	text := out(5*time.Minute, "tb", inbox.Queued, "Dann nehmen wir 20 % Rabatt, das Angebot schicke ich Ihnen heute noch.")
	text.ID, text.Conversation, text.Held, text.Kind, text.Seq = "h1", "l", true, inbox.Text, 90
	mine := text
	mine.ID, mine.Author = "h2", "sl"
	m.held = []Held{{Inbox: "sales", Message: text}, {Inbox: "sales", Message: mine}}
	return m
}

func TestADecisionIsNeverAboutOnesOwn(t *testing.T) {
	english(t)
	m := supervising()
	asks, messages := decisionViews(m.reveals, m.held, func(id inbox.ConversationID) *Row { return m.rows[id] }, nil, house{inboxes: m.inboxes}, newStaff(m.me, m.people), at1453)
	if len(asks) != 2 || len(messages) != 1 || asks[0].Reveal != "r1" || asks[1].Reveal != "r3" || messages[0].Message != "h1" {
		t.Errorf("%+v %+v", asks, messages)
	}
}

func TestDecisionsAreMadeByKeyboard(t *testing.T) {
	m := supervising()
	m.reveal("", true)
	g := newStage(t, m, Settings{}, 1180, 860)
	g.heard("inbox shown")
	g.press(fyne.Key3, ctrl)
	g.heard("page shown decisions")
	g.wantShown("3 wait for your decision")
	g.typeText("a")
	g.heard("reveal decision answered")
	g.wantShown("2 wait for your decision")
	m.mu.Lock()
	q, _ := m.asked[len(m.asked)-1].(inbox.DecideReveal)
	m.mu.Unlock()
	if q.Reveal != "r1" || !q.Agree || q.Conversation != "k" {
		t.Errorf("asked %+v", q)
	}
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	g.typeText("d")
	g.heard("held message decided")
	g.until("decided", func() bool {
		for _, i := range m.wishes() {
			if b, ok := i.Body.(inbox.DecideHeld); ok {
				return b.Message == "h1" && !b.Agree
			}
		}
		return false
	})
}

func TestAnAgentHasNoPageOfDecisions(t *testing.T) {
	g := newStage(t, company(), Settings{}, 1180, 700)
	g.heard("inbox shown")
	g.press(fyne.Key3, ctrl)
	g.rest()
	if g.ui.desk.page != pageInbox {
		t.Error("an agent got to the page of decisions")
	}
}

func TestThePanelIsWalkedByKeyboard(t *testing.T) {
	g := newStage(t, company(), Settings{}, 1440, 860)
	g.heard("inbox shown")
	g.open("k")
	side := g.ui.desk.side
	for g.win.Canvas().Focused() != fyne.Focusable(side.list) {
		g.press(fyne.KeyF6, 0)
	}
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	if f := side.chosenField(); f != inbox.FieldPhone {
		t.Fatalf("at field %d", f)
	}
	g.press(fyne.KeyReturn, 0)
	g.heard("field shown")
	menu := g.win.Canvas().Focused()
	menu.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	menu.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if got := g.ui.desk.comp.text(); got != "{{contact.phone}}" {
		t.Errorf("inserted %q", got)
	}
}

func TestANumberIsFoundWholeAndForgotten(t *testing.T) {
	if raced {
		t.Skip("looks through memory others work in")
	}
	m := company()
	answer := inbox.Found{Conversation: "m"}
	var refuse error
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		if _, ok := q.(inbox.LookUp); ok {
			return answer, refuse
		}
		return inbox.Done{}, nil
	}
	g := newStage(t, m, Settings{}, 1180, 800)
	g.heard("inbox shown")
	find := func(number string) {
		g.press(fyne.KeyK, ctrl|shift)
		g.typeText(number)
		g.press(fyne.KeyReturn, 0)
	}
	find("0301234")
	g.wantShown("Write the whole number, beginning with + or 00.")
	g.press(fyne.KeyEscape, 0)
	refuse = inbox.RefusedCap
	find("+1 555 0100 147")
	g.wantShown("No more numbers for now")
	g.press(fyne.KeyEscape, 0)
	refuse, answer.Conversation = nil, ""
	find("+1 555 0100 147")
	g.wantShown("There is no conversation with this number.")
	g.press(fyne.KeyEscape, 0)
	answer.Conversation = "m"
	find("+1 555 0100 147")
	g.heard("conversation opened m")
	g.rest()
	m.mu.Lock()
	m.asked = nil // the server's own memory
	m.mu.Unlock()
	for _, root := range []any{g.ui, g.traced} {
		if found := traces(root, "0100 147"); len(found) > 0 {
			t.Errorf("the number is still in %s", strings.Join(found, ", "))
		}
	}
}

func TestADecisionIsToldWhereverWhoAskedIs(t *testing.T) {
	for state, x := range map[inbox.RevealState]struct{ told, open string }{
		inbox.RevealGranted: {"Sabine Lang agreed: Phone of Katharina W.", "Sabine Lang agreed. Show it before 15:08"},
		inbox.RevealRefused: {"Sabine Lang refused: Phone of Katharina W.", "Sabine Lang refused"},
	} {
		m := company()
		m.reveal(rawNumber, false)
		g := askedFor(t, m, Settings{EnterSends: true})
		g.sayWhy()
		g.open("m")
		m.tell(func() { m.reveals[0].State, m.reveals[0].Decider = state, "sl" })
		g.heard("reveal decision told")
		if got := g.ui.layers.ToastText(); got != x.told {
			t.Errorf("told %q", got)
		}
		test.Tap(kit.Find(g.ui.layers, word("reveal.news.open")).(fyne.Tappable))
		g.wantShown(x.open)
		m.tell(func() {}) // it is told once
		g.rest()
		if got := g.ui.layers.ToastText(); got == x.told {
			t.Error("told again")
		}
	}
}

func TestADecisionTheReaderSeesIsNotToldAsWell(t *testing.T) {
	m := company()
	m.reveal(rawNumber, false)
	g := askedFor(t, m, Settings{EnterSends: true})
	g.sayWhy()
	m.tell(func() { m.reveals[0].State, m.reveals[0].Decider = inbox.RevealGranted, "sl" })
	g.wantShown("Sabine Lang agreed. Show it before 15:08")
	g.rest()
	if g.said("reveal decision told") {
		t.Error("said twice")
	}
}

func TestWhoTookARequestBackIsNotToldThatNobodyDecided(t *testing.T) {
	m := company()
	m.reveal(rawNumber, false)
	g := askedFor(t, m, Settings{EnterSends: true})
	g.sayWhy()
	g.wantShown("Take the request back")
	g.ui.desk.looks.act(inbox.FieldPhone)
	m.tell(func() { m.reveals[0].State, m.reveals[0].Until = inbox.RevealLapsed, inbox.At(noon) })
	g.rest()
	if strings.Contains(g.onScreen(), word("reveal.lapsed")) {
		t.Error("said to have lapsed")
	}
}
