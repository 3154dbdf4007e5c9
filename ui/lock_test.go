package ui

import (
	"context"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// idle is a company whose inbox locks after ten minutes.
func idle() *memory { return locking(company()) }

func locking(m *memory) *memory {
	m.with = func(s *Session) {
		s.Idle, s.HasPassphrase = 10*time.Minute, true
		s.Lease = func() time.Time { return noon.Add(12 * time.Hour) }
		s.SignOut = func(context.Context) error { return nil }
		s.Passphrase = func(context.Context, string) error { return nil }
	}
	return m
}

func TestTheLockLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
		set  func(m *memory)
		do   func(g *stage)
	}{
		{"idle", Settings{}, 820, 560, nil, nil},
		{"hand-dark-de", Settings{Theme: "dark", Language: "de"}, 1440, 860, nil, nil},
		{"wrong-it", Settings{Language: "it"}, 820, 560, func(m *memory) { m.gate.unlock = func(string) error { return WrongPassphrase{Left: 3} } }, func(g *stage) {
			g.typeText("sbagliata")
			g.press(fyne.KeyReturn, 0)
			g.heard("unlock answered")
		}},
		{"none-large", Settings{TextSize: 130}, 820, 560, func(m *memory) { m.gate.locked.Passphrase = false }, nil},
		{"out-de", Settings{Language: "de", Theme: "dark"}, 820, 560, func(m *memory) { m.gate.unlock = func(string) error { return WrongPassphrase{} } }, func(g *stage) {
			g.typeText("falsch")
			g.press(fyne.KeyReturn, 0)
			g.heard("unlock answered")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := idle()
			if c.set != nil {
				c.set(m)
			}
			g := newStage(t, m, c.s, c.w, c.h)
			g.heard("inbox shown")
			if strings.HasPrefix(c.name, "idle") {
				g.ui.lock(LockedIdle)
			} else {
				g.press(fyne.KeyL, ctrl|shift)
			}
			g.heard("lock ready")
			if c.do != nil {
				c.do(g)
			}
			g.rest()
			g.picture("lock-" + c.name)
		})
	}
	for _, c := range []struct {
		name string
		err  error
		s    Settings
	}{{"lease", TroubleLeaseOver, Settings{}}, {"clock", TroubleClockBack, Settings{Language: "de", Theme: "dark"}}, {"twice", TroubleTwice, Settings{}}, {"left", TroubleLeft, Settings{Language: "it"}},
		{"rewritten", TroubleRewritten, Settings{Theme: "dark", Language: "de"}}, {"update", TroubleUpdate, Settings{}}} {
		t.Run(c.name, func(t *testing.T) {
			m := company()
			m.openErr = c.err
			g := newStage(t, m, c.s, 820, 560)
			g.heard("start " + c.err.Error())
			g.picture("start-" + c.name)
		})
	}
}

func TestALockedInboxHoldsNothingOfAnybody(t *testing.T) {
	if raced {
		t.Skip("looks through memory others work in")
	}
	for name, lock := range map[string]func(g *stage){
		"the key":               func(g *stage) { g.press(fyne.KeyL, ctrl|shift) },
		"the key over a dialog": func(g *stage) { g.press(fyne.KeyK, ctrl); g.heard("palette shown"); g.press(fyne.KeyL, ctrl|shift) },
		"nobody there":          func(g *stage) { g.pass(11 * time.Minute) },
		"the system's own lock": func(g *stage) { g.m.system <- struct{}{} },
		"the button on the rail": func(g *stage) {
			test.Tap(kit.Find(g.win.Canvas().Content(), "Lock the inbox  Ctrl+Shift+L").(fyne.Tappable))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := idle()
			m.system = make(chan struct{}, 1)
			g := newStageWith(t, m, Settings{EnterSends: true}, 1280, 800, func(c *Config) {
				c.SystemLock = func(context.Context) <-chan struct{} { return m.system }
			})
			g.heard("inbox shown")
			g.open("k")
			g.typeText("half a thought")
			g.ui.copied("Perfekt, dann bis morgen 10 Uhr")
			lock(g)
			g.heard("lock ready")
			g.rest()
			all := g.onScreen()
			for _, secret := range []string{"Katharina", "Perfekt", "•••", "half a thought", "Marco"} {
				if strings.Contains(all, secret) {
					t.Errorf("%q is still there", secret)
				}
			}
			if g.win.Title() != "Inbox" || g.win.Canvas().Overlays().Top() != nil || g.ui.desk != nil {
				t.Error("something of the inbox is still there")
			}
			if m.locks != 1 {
				t.Errorf("the door was locked %d times", m.locks)
			}
			if r, _ := m.Rows(t.Context()); rowOf(r, "k").Draft != "half a thought" {
				t.Error("what was typed was not kept before the store closed")
			}
			g.typeText("right one")
			g.press(fyne.KeyReturn, 0)
			g.until("the inbox is back where it was", func() bool { return g.ui.desk != nil && g.ui.desk.open == "k" })
			if got := g.ui.desk.comp.text(); got != "half a thought" {
				t.Errorf("the draft is %q", got)
			}
			if found := traces(g.ui, "right one"); len(found) > 0 {
				t.Errorf("the passphrase stays at %v", found)
			}
		})
	}
}

func TestALockedInboxHoldsNothingOfWorkThatWasUnderWay(t *testing.T) {
	if raced {
		t.Skip("looks through memory others work in")
	}
	typed := func(note bool, text string) func(g *stage) {
		return func(g *stage) {
			if note {
				g.press(fyne.KeyN, ctrl|shift)
			}
			g.ui.desk.comp.focus()
			g.typeText(text)
			g.heard("suggestions shown")
		}
	}
	for name, c := range map[string]struct {
		shows string // something of it
		do    func(g *stage)
	}{
		"what was found": {"Ersatzteil", func(g *stage) {
			g.press(fyne.KeyF, ctrl|shift)
			g.typeText("Termin")
			g.heard("search found " + grouped(1203))
		}},
		"texts kept ready":   {"9 to 18", typed(false, "/")},
		"colleagues":         {"Sabine Lang", typed(true, "@")},
		"a task being made":  {"boiler room", func(g *stage) { g.ui.desk.showTask(nil); g.heard("task shown"); g.typeText("Order the part") }},
		"a task that is due": {"Katharina", func(g *stage) { g.pass(9 * time.Minute); g.pass(2 * time.Minute); g.wantShown("A task is due") }},
		"a toast":            {"Assigned to Tobias", func(g *stage) { g.ui.desk.assign("tb") }},
		"tags":               {"Spare parts", func(g *stage) { g.ui.desk.showTags() }},
		"what is picked": {"3 selected", func(g *stage) {
			g.ui.desk.setFilter(FilterAll)
			g.ui.desk.pickAll()
			g.ui.desk.pick("l")
			g.ui.desk.unpick()
			for _, id := range []inbox.ConversationID{"k", "o", "l"} {
				g.ui.desk.pick(id)
			}
		}},
		"how long to put it off": {"Tomorrow morning", func(g *stage) { g.ui.desk.showSnooze() }},
	} {
		t.Run(name, func(t *testing.T) {
			m := locking(crowded())
			g := newStage(t, m, Settings{EnterSends: true}, 1280, 900)
			g.heard("inbox shown")
			g.open("k")
			c.do(g)
			g.wantShown(c.shows)
			d := g.ui.desk
			g.ui.lock(LockedByHand)
			g.heard("lock ready")
			g.rest()
			secrets := []string{c.shows, "Katharina", "Perfekt", "Termin", "Ersatzteil", "heating", "boiler", "the part", "the stock", "Complaint", "Spare", "hours", "9 to 18", "Tobias", "Sabine", "•••"}
			all := g.onScreen()
			for _, secret := range secrets {
				if strings.Contains(all, secret) {
					t.Errorf("%q can still be read", secret)
				}
			}
			if found := traces([]any{g.win.Canvas().Content(), g.win.Canvas().Overlays().List(), g.ui.layers}, secrets...); len(found) > 0 {
				t.Errorf("something lies at %s", strings.Join(found, ", "))
			}
			if len(d.find.rows)+len(d.find.result.Found)+len(d.comp.quick.shown)+len(d.comp.mentions)+len(d.side.rows)+len(d.side.view.Tasks)+len(d.listing.drawn)+len(d.picks)+len(d.house.tags) > 0 {
				t.Error("the inbox that was taken away keeps something")
			}
		})
	}
}

func TestTheInboxLocksOnlyWhenNobodyIsThere(t *testing.T) {
	m := idle()
	g := newStage(t, m, Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	g.open("k")
	g.pass(9*time.Minute + 29*time.Second)
	g.rest()
	if g.shows("The inbox locks in") {
		t.Fatal("it warns too early")
	}
	g.pass(time.Second)
	g.rest()
	g.pass(9*time.Minute + 30*time.Second) // the pause that was asked for
	g.rest()
	if !g.said("lock shown") {
		t.Fatal("nineteen minutes without anybody and no lock")
	}

	m = idle()
	g = newStage(t, m, Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	g.open("k")
	g.advance(9*time.Minute + 40*time.Second)
	g.rest()
	g.wantShown("The inbox locks in 0:20")
	g.picture("lock-warning")
	g.typeText("a")
	g.rest()
	if g.shows("The inbox locks in") {
		t.Error("somebody typed, and it still warns")
	}
	g.advance(9 * time.Minute)
	g.rest()
	if g.said("lock shown") || g.shows("The inbox locks in") {
		t.Error("nine minutes after a key it locks")
	}
	g.ui.layers.MouseMoved(nil) // the pointer counts too
	g.advance(9 * time.Minute)
	g.rest()
	if g.said("lock shown") {
		t.Error("the pointer does not count")
	}
	g.advance(61 * time.Second)
	g.rest()
	g.heard("lock shown")
}

func TestWrongPassphrasesLeadToTheSignIn(t *testing.T) {
	m := idle()
	left := 3
	m.gate.unlock = func(string) error {
		left--
		return WrongPassphrase{Left: left}
	}
	g := newStage(t, m, Settings{}, 1000, 700)
	g.heard("inbox shown")
	g.press(fyne.KeyL, ctrl|shift)
	g.heard("lock ready")
	g.typeText("one")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("2 tries are left")
	g.typeText("two")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("1 try is left")
	g.typeText("three")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("It was wrong too often")
	m.gate.ask(SignIn{Name: "Katja Moor", Ways: byPassword})
	g.press(fyne.KeyReturn, 0)
	g.heard("sign-in shown")
	g.until("the server was told that somebody wants to sign in", func() bool { got := m.gate.credentials(); return len(got) == 1 && got[0].Begin })
	g.heard("sign-in answered")
	g.wantShown("Password")
	g.typeText("correct horse battery")
	g.press(fyne.KeyReturn, 0)
	g.until("the inbox is back", func() bool { return g.ui.desk != nil })
}

func TestALockedInboxAtStartIsUnlocked(t *testing.T) {
	m := idle()
	m.openErr = m.gate.locked
	g := newStage(t, m, Settings{}, 820, 560)
	g.heard("lock ready")
	if !g.shows("Opens without the server until") || !g.shows("Katja Moor · LT-0427") {
		t.Errorf("on screen: %v", g.texts())
	}
	c := g.win.Canvas()
	for range 3 { // to the button, which is disabled while nothing is typed, or to the one below it
		c.(interface{ FocusNext() }).FocusNext()
		if b, ok := c.Focused().(*kit.Button); ok && b == g.ui.locked.other {
			break
		}
	}
	if c.Focused() != fyne.Focusable(g.ui.locked.other) {
		t.Errorf("the other way in cannot be reached by keyboard: %T", c.Focused())
	}
	c.Focus(g.ui.locked.field.Input())
	g.typeText("right one")
	g.press(fyne.KeyReturn, 0)
	g.heard("inbox shown")
	if f := c.Focused(); f != nil {
		t.Errorf("%T keeps the keyboard over the inbox", f)
	}
}

func TestAQuestionThatNeedsItAsksWhoIsThereAndGoesOnByItself(t *testing.T) {
	for _, give := range []bool{false, true} {
		m := company()
		fresh := false
		m.answer = func(q inbox.Question) (inbox.Answer, error) {
			if _, ok := q.(inbox.AskReveal); ok && !fresh {
				return nil, inbox.RefusedStepUp
			}
			return inbox.Grant{Reveal: "r", State: inbox.RevealAsked, Until: ago(-time.Hour), Second: true}, nil
		}
		m.gate.answer = func(c Credential) error {
			if c.Begin {
				m.gate.ask(SignIn{Name: "Katja Moor", Ways: []SignInWay{ByPassword}})
				return nil
			}
			fresh = true
			m.gate.ask()
			return nil
		}
		g := newStage(t, m, Settings{EnterSends: true}, 1440, 860)
		g.heard("inbox shown")
		g.open("k")
		g.ui.desk.looks.ask(inbox.FieldPhone, inbox.ReasonCall, "rückruf")
		g.heard("step-up shown")
		g.wantShown("confirm once more")
		g.heard("sign-in answered")
		if !give {
			g.picture("stepup")
			g.press(fyne.KeyEscape, 0)
			g.heard("step-up given up")
			g.heard("reveal not asked")
			if !g.shows("nobody confirmed who is there") {
				t.Errorf("on screen: %v", g.texts())
			}
			continue
		}
		g.typeText("correct horse battery")
		g.press(fyne.KeyReturn, 0)
		g.heard("reveal answered")
		n := 0
		for _, q := range m.questions() {
			if a, ok := q.(inbox.AskReveal); ok && a.Note == "rückruf" {
				n++
			}
		}
		if n != 2 {
			t.Errorf("the question was asked %d times", n)
		}
		if g.win.Canvas().Overlays().Top() != nil {
			t.Error("the dialog is still open")
		}
		if got := g.ui.layers.ToastText(); got != "A colleague must agree first" {
			t.Errorf("told %q", got)
		}
	}
}

func TestWhoIsSignedOutSignsInAboveTheInbox(t *testing.T) {
	m := company()
	g := newStage(t, m, Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	m.gate.ask(SignIn{Name: "Katja Moor", Ways: byPassword})
	m.tell(func() { m.link = Link{State: LinkSignIn} })
	g.wantShown("You are not signed in any more")
	test.Tap(kit.Find(g.win.Canvas().Content(), "Sign in").(fyne.Tappable))
	g.heard("step-up shown")
	g.heard("sign-in answered")
	g.typeText("correct horse battery")
	g.press(fyne.KeyReturn, 0)
	g.heard("signed in")
	if g.ui.desk == nil {
		t.Error("the inbox went away")
	}
}

func TestTheWipedPageSaysWhatIsProven(t *testing.T) {
	steps := func(n int) []inbox.WipeStep {
		var out []inbox.WipeStep
		for i, a := range wipeActs[:n] {
			out = append(out, inbox.WipeStep{Did: a, At: ago(time.Duration(len(wipeActs)-i) * time.Second)})
		}
		if n > 3 {
			out[3].Count, out[3].Bytes = 2, 48_200_000
		}
		return out
	}
	full := Wiped{Order: "w4711", Why: inbox.WipeLost, At: noon.Add(-3 * time.Minute), Steps: steps(7), Done: true, Sent: noon.Add(-2 * time.Minute)}
	for _, c := range []struct {
		name string
		s    Settings
		what Wiped
	}{
		{"proven", Settings{}, full},
		{"proven-dark-de-130", Settings{Theme: "dark", Language: "de", TextSize: 130}, full},
		{"running-dark-de", Settings{Theme: "dark", Language: "de"}, Wiped{Why: inbox.WipeLeaving, At: noon, Steps: steps(3)}},
		{"unsent-it", Settings{Language: "it"}, Wiped{Order: "w", Why: inbox.WipeTampering, At: noon, Steps: steps(7), Left: []string{"store/cache.old", "b"}, Done: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := company()
			m.openErr = c.what
			g := newStage(t, m, c.s, 820, 640)
			g.heard("wiped shown")
			g.picture("wiped-" + c.name)
		})
	}
	for _, lang := range []string{"en", "de", "it"} { // what is proven is in view at every size, whatever has to be scrolled
		m := company()
		m.openErr = full
		g := newStage(t, m, Settings{Language: lang, TextSize: 130, Theme: "dark"}, 1100, 700)
		g.heard("wiped shown")
		receipt, on := kit.Find(g.win.Canvas().Content(), wipedView(full, g.ui.clock()).State), g.ui.wiped.do
		if receipt == nil {
			t.Fatalf("%s: nothing is said of the receipt", lang)
		}
		at, way := g.app.Driver().AbsolutePositionForObject(receipt).Y, g.app.Driver().AbsolutePositionForObject(on).Y
		if at < 0 || at+receipt.Size().Height > way || way+on.Size().Height > 700 {
			t.Errorf("%s: the receipt is at %v, the way on at %v", lang, at, way)
		}
		if lang == "it" {
			g.picture("wiped-proven-large-it")
		}
	}
	m := company()
	running := full
	running.Done, running.Steps, running.Sent = false, steps(2), time.Time{}
	g := newStage(t, m, Settings{}, 820, 640)
	g.heard("inbox shown")
	m.tell(func() { m.openErr, m.link = running, Link{State: LinkWiped} })
	g.heard("wiped shown")
	if g.shows("was wiped") || g.shows("Set up again") {
		t.Error("it says that the device was wiped before it was")
	}
	unsent := full
	unsent.Sent = time.Time{}
	m.tell(func() { m.openErr = unsent })
	g.pass(time.Second)
	g.wantShown("waits for a connection")
	m.tell(func() { m.openErr = full })
	g.pass(5 * time.Second)
	g.heard("wipe proven")
	g.wantShown("The server has the signed receipt")
	m.tell(func() { m.openErr = TroubleNotEnrolled })
	g.press(fyne.KeyReturn, 0)
	g.heard("enrol shown")
}
