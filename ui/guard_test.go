package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"sealdesk/app/inbox"
)

// judge makes the company's server of a memory answer drafts that hold a word.
func (m *memory) judge(verdicts map[string]inbox.Verdict) {
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		if d, ok := q.(inbox.CheckDraft); ok {
			for word, v := range verdicts {
				if i := strings.Index(d.Text, word); i >= 0 {
					for n := range v.Findings {
						if v.Findings[n].To > 0 {
							v.Findings[n].From, v.Findings[n].To = i, i+len(word)
						}
					}
					return v, nil
				}
			}
			return inbox.Verdict{}, nil
		}
		return inbox.Done{}, nil
	}
}

func verdict(a inbox.GuardAction, r inbox.GuardRule) inbox.Verdict {
	return inbox.Verdict{Action: a, Findings: []inbox.Finding{{Rule: r, Action: a, From: 0, To: 1}}}
}

func guarded(t *testing.T, verdicts map[string]inbox.Verdict, s Settings, w, h float32) (*stage, *memory) {
	t.Helper()
	m := company()
	m.judge(verdicts)
	s.EnterSends = true
	g := newStage(t, m, s, w, h)
	g.heard("inbox shown")
	g.open("k")
	return g, m
}

func lastText(m *memory) (inbox.SendText, bool) {
	for _, i := range m.wishes() {
		if b, ok := i.Body.(inbox.SendText); ok {
			return b, true
		}
	}
	return inbox.SendText{}, false
}

func TestTheGuardSpeaksWhileOneTypesAndSendObeys(t *testing.T) {
	t.Run("a hint does not stop", func(t *testing.T) {
		g, m := guarded(t, map[string]inbox.Verdict{"bit.ly/x": verdict(inbox.GuardWarn, inbox.GuardLink)}, Settings{}, 1100, 700)
		g.typeText("siehe bit.ly/x")
		g.wantShown("“bit.ly/x”: a link the company does not know.")
		g.press(fyne.KeyReturn, 0)
		g.until("sent", func() bool { b, ok := lastText(m); return ok && b.Said == inbox.Said{} })
		if g.ui.desk.comp.guard.view.Action != 0 {
			t.Error("the guard still speaks about what was sent")
		}
	})
	t.Run("a question is answered first", func(t *testing.T) {
		g, m := guarded(t, map[string]inbox.Verdict{"Herr Rossi": verdict(inbox.GuardAsk, inbox.GuardRecipient)}, Settings{}, 1100, 700)
		g.typeText("Guten Tag Herr Rossi")
		g.wantShown("A reason is needed")
		g.press(fyne.KeyReturn, 0)
		if _, ok := lastText(m); ok {
			t.Fatal("sent without a reason")
		}
		g.typeText("Er schreibt für seinen Vater")
		g.press(fyne.KeyReturn, 0)
		g.until("sent", func() bool {
			b, ok := lastText(m)
			return ok && b.Said.Reason == "Er schreibt für seinen Vater" && b.Text == "Guten Tag Herr Rossi"
		})
	})
	t.Run("what is held says who decides", func(t *testing.T) {
		g, m := guarded(t, map[string]inbox.Verdict{"20 %": verdict(inbox.GuardHold, inbox.GuardDiscount)}, Settings{}, 1100, 700)
		g.typeText("Sie bekommen 20 %")
		g.wantShown("A supervisor decides before it leaves")
		g.wantShown("Send for decision")
		g.press(fyne.KeyReturn, 0)
		g.until("sent", func() bool { _, ok := lastText(m); return ok })
	})
	t.Run("what is refused stays", func(t *testing.T) {
		g, m := guarded(t, map[string]inbox.Verdict{"4111": verdict(inbox.GuardRefuse, inbox.GuardPayCard)}, Settings{}, 1100, 700)
		g.typeText("4111")
		g.wantShown("This can't be sent like that")
		g.press(fyne.KeyReturn, 0)
		g.rest()
		if _, ok := lastText(m); ok || g.ui.desk.comp.text() != "4111" || !g.ui.desk.comp.send.Disabled() {
			t.Error("it was sent, lost, or can be sent")
		}
		g.press(fyne.KeyBackspace, 0)
		g.until("fine again", func() bool { return !g.ui.desk.comp.send.Disabled() })
	})
	t.Run("what is refused is taken out by one button", func(t *testing.T) {
		g, _ := guarded(t, map[string]inbox.Verdict{"4111": verdict(inbox.GuardRefuse, inbox.GuardPayCard)}, Settings{}, 1100, 700)
		comp := g.ui.desk.comp
		g.typeText("Karte ü 4111 bitte")
		g.wantShown("This can't be sent like that")
		if !comp.guard.take.Visible() {
			t.Fatal("nothing takes it out")
		}
		comp.guard.takeOut()
		g.until("fine again", func() bool { return !comp.send.Disabled() })
		if text := comp.text(); text != "Karte ü bitte" || comp.guard.take.Visible() {
			t.Errorf("%q is left", text)
		}
	})
}

func TestDraftsAreOnlyJudgedOnlineAndOnce(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	drafts := func() (n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, q := range m.asked {
			if _, ok := q.(inbox.CheckDraft); ok {
				n++
			}
		}
		return n
	}
	g.typeText("eins")
	g.heard("draft judged pass")
	g.rest()
	before := drafts()
	g.ui.desk.comp.guard.judge()
	g.rest()
	if drafts() != before || before == 0 {
		t.Errorf("%d questions, then %d", before, drafts())
	}
	m.tell(func() { m.link = Link{State: LinkNoNetwork} })
	g.heard("state offline")
	g.typeText(" zwei")
	g.rest()
	if drafts() != before {
		t.Error("asked without a connection")
	}
	g.press(fyne.KeyN, ctrl|shift)
	m.tell(func() { m.link = Link{State: LinkOnline} })
	g.rest()
	g.typeText("only for colleagues")
	g.rest()
	for _, q := range m.asked {
		if d, ok := q.(inbox.CheckDraft); ok && strings.Contains(d.Text, "colleagues") {
			t.Error("a note was judged")
		}
	}
}

func TestAMessageThatComesBackForAReasonIsSentWithOne(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	m.tell(func() {
		m.back["k"] = []Refused{{Intent: inbox.Intent{ID: "i1", Body: inbox.SendText{Conversation: "k", Text: "Guten Tag Herr Rossi"}}, Refusal: inbox.RefusedReason, Text: "Guten Tag Herr Rossi", Returned: true}}
	})
	g.heard("message came back")
	g.wantShown("A reason is needed")
	if g.ui.desk.comp.text() != "Guten Tag Herr Rossi" {
		t.Errorf("in the composer: %d characters", len(g.ui.desk.comp.text()))
	}
	g.press(fyne.KeyReturn, 0)
	g.typeText("Ist sein Vater")
	g.press(fyne.KeyReturn, 0)
	g.until("sent instead", func() bool {
		b, ok := lastText(m)
		m.mu.Lock()
		defer m.mu.Unlock()
		return ok && b.Said.Reason == "Ist sein Vater" && len(m.instead) == 1 && m.instead[0] == "i1"
	})
	g.rest()
	if g.ui.desk.comp.text() != "" || g.ui.desk.comp.guard.view.Action != 0 {
		t.Error("text or banner are still there")
	}
}

func TestATemplateThatComesBackForAReasonHasItsOwn(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	m.tell(func() {
		m.back["k"] = []Refused{{Intent: inbox.Intent{ID: "i2", Body: inbox.SendTemplate{Conversation: "k", Template: "t"}}, Refusal: inbox.RefusedReason, Returned: true}}
	})
	g.wantShown("Template: the company's rules ask why this is right.")
	g.typeText("was typed meanwhile")
	g.win.Canvas().Focus(g.ui.desk.comp.guard.reason.Input())
	g.typeText("Frist läuft")
	g.press(fyne.KeyReturn, 0)
	g.until("sent instead", func() bool {
		for _, i := range m.wishes() {
			if b, ok := i.Body.(inbox.SendTemplate); ok {
				return b.Said.Reason == "Frist läuft"
			}
		}
		return false
	})
	if g.ui.desk.comp.text() != "was typed meanwhile" {
		t.Error("what was typed is lost")
	}
}

func TestARefusedMessageIsBackInTheComposer(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	m.tell(func() {
		m.back["k"] = []Refused{{Intent: inbox.Intent{ID: "i3", Body: inbox.SendText{Conversation: "k", Text: "Rufen Sie mich privat an"}}, Refusal: inbox.RefusedGuard, Text: "Rufen Sie mich privat an"}}
	})
	g.wantShown("The company's rules stopped this message.")
	if g.ui.desk.comp.text() != "Rufen Sie mich privat an" || !g.ui.desk.comp.send.Disabled() {
		t.Error("the text is not back, or could be sent again as it is")
	}
	g.typeText(" nicht")
	g.until("changed, so it can be tried", func() bool { return !g.ui.desk.comp.send.Disabled() })
}

func TestWhatIsPastedFromAnotherConversationSaysSo(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	g.ui.copied("Perfekt, dann bis morgen 10 Uhr 😊")
	g.press(fyne.KeyV, 0)
	paste := func() {
		g.ui.desk.comp.field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: g.app.Clipboard()})
	}
	paste()
	if g.ui.desk.pastedIn("k") != "" {
		t.Error("pasting where it was copied is nothing to tell")
	}
	g.ui.desk.comp.setText("")
	g.open("m")
	g.win.Canvas().Focus(g.ui.desk.comp.field)
	paste()
	g.heard("pasted from another conversation")
	g.press(fyne.KeyReturn, 0)
	g.until("sent", func() bool { b, ok := lastText(m); return ok && b.Said.Pasted == "k" && b.Conversation == "m" })
	g.rest()
	if g.ui.desk.pastedIn("m") != "" {
		t.Error("the next message is called pasted as well")
	}
	if found := traces(&g.ui.desk.copies, "Perfekt"); len(found) > 0 {
		t.Errorf("the copied text lies in %v", found)
	}
}

// sentNow puts a message of the reader's into a conversation that may be taken back for five seconds.
func sentNow(m *memory, text string) {
	m.tell(func() {
		msg := out(0, "me", inbox.Queued, text)
		msg.ID, msg.Until = "fresh", inbox.At(noon.Add(5*time.Second))
		m.say("k", msg)
	})
}

func TestWhatWasJustSentIsTakenBack(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	sentNow(m, "Zu früh gesendet")
	g.wantShown("Undo")
	g.typeText("x")
	g.ui.undo()
	g.rest()
	if g.said("message taken back") {
		t.Fatal("taken back while something was being typed")
	}
	g.ui.desk.withdraw("fresh")
	if g.said("message taken back") || g.ui.layers.ToastText() != word("undo.full") {
		t.Fatal("taken back although its text has nowhere to go")
	}
	for g.ui.desk.comp.text() != "" {
		undo(g.ui.desk.comp.field) // what was typed goes first
	}
	if g.said("message taken back") {
		t.Fatal("taken back with the letter that was typed")
	}
	undo(g.ui.desk.comp.field)
	g.heard("message taken back")
	g.heard("text came back")
	if g.ui.desk.comp.text() != "Zu früh gesendet" {
		t.Error("the text did not come back")
	}
	g.until("gone", func() bool { _, ok := g.ui.desk.message("fresh"); return !ok })
	g.rest()
	if g.ui.layers.ToastText() == word("undo.late") {
		t.Error("said to be too late")
	}
	sentNow(m, "Zu früh gesendet") // it had left after all
	g.until("told", func() bool { return g.ui.layers.ToastText() == word("undo.late") })
}

func TestUndoEndsWithItsTime(t *testing.T) {
	g, m := guarded(t, nil, Settings{}, 1100, 700)
	sentNow(m, "Gesendet")
	g.wantShown("Undo")
	for range 5 {
		g.rest()
		g.pass(time.Second)
	}
	g.until("no Undo", func() bool { return !g.shows("Undo") })
	g.rest()
	if g.ui.undo() || g.ui.desk.ticking {
		t.Error("it can be taken back, or counts on, after its time")
	}
}

func TestMaskedSpansHaveTheirSign(t *testing.T) {
	english(t)
	for _, x := range []struct {
		span      inbox.Span
		text, tip string
	}{
		{inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••47"}, "+49 ••• ••47", "Phone number · Hidden by company policy"},
		{inbox.Span{Kind: inbox.Phone, Text: "⟦phone 1⟧"}, "Phone 1", "Phone 1 · the same one has this sign everywhere here"},
		{inbox.Span{Kind: inbox.Phone, Text: "⟦phone 2 •34⟧"}, "Phone 2 •34", "Phone 2 · the same one has this sign everywhere here"},
		{inbox.Span{Kind: inbox.Digits, Text: "⟦number 12⟧"}, "Number 12", "Number 12 · the same one has this sign everywhere here"},
		{inbox.Span{Kind: inbox.Card, Text: "⟦card⟧"}, "⟦card⟧", "Payment card · Hidden by company policy"},
		{inbox.Span{Text: "⟦phone 1⟧"}, "⟦phone 1⟧", ""},
	} {
		if maskText(x.span) != x.text || maskTip(x.span) != x.tip {
			t.Errorf("%q: %q, %q", x.span.Text, maskText(x.span), maskTip(x.span))
		}
	}
}

func TestEveryRuleHasItsWords(t *testing.T) {
	for _, lang := range []string{"en", "de", "it"} {
		if err := speak(lang); err != nil {
			t.Fatal(err)
		}
		for r := inbox.GuardRule(0); r <= inbox.GuardForbidden+1; r++ {
			for a := inbox.GuardWarn; a <= inbox.GuardRefuse; a++ {
				v := guardView("ein Text", inbox.Verdict{Action: a, Findings: []inbox.Finding{{Rule: r, Action: a}}}, returned{})
				if v.Title == "" || len(v.Lines) != 1 || strings.Contains(v.Title+v.Lines[0], "guard.") {
					t.Errorf("%s: rule %d, action %d: %q %q", lang, r, a, v.Title, v.Lines)
				}
			}
		}
	}
	english(t)
}

func TestAFindingIsQuotedOnRuneBordersOrNotAtAll(t *testing.T) {
	english(t)
	text := "Für Müller: 20 %"
	for _, f := range []inbox.Finding{{From: 1, To: 2}, {From: -1, To: 4}, {From: 4, To: 400}, {From: 5, To: 3}, {From: 3, To: 3}} {
		if got := quotedPart(f, text); got != "" {
			t.Errorf("%d to %d quotes %q", f.From, f.To, got)
		}
	}
	if got := quotedPart(inbox.Finding{From: 5, To: 12}, text); got != "Müller" {
		t.Errorf("%q", got)
	}
}

// The pictures of these states. Values in them are bullets.
func TestGuardedStatesLookAsDesigned(t *testing.T) {
	type c struct {
		name string
		s    Settings
		w, h float32
		run  func(t *testing.T, s Settings, w, h float32) *stage
	}
	reveal := func(granted bool, then func(g *stage, m *memory)) func(*testing.T, Settings, float32, float32) *stage {
		return func(t *testing.T, s Settings, w, h float32) *stage {
			m := company()
			m.reveal("••• ••• ••••", granted)
			seen := inbox.Reveal{Conversation: "k", Field: inbox.FieldEmail, Why: inbox.ReasonContract, State: inbox.RevealEnded, Decider: "sl", At: ago(30 * time.Hour), Shown: ago(29 * time.Hour)}
			for i, by := range []inbox.PersonID{"tb", "sl"} {
				seen.ID, seen.By, seen.At = inbox.RevealID("old"+string(by)), by, ago(time.Duration(30+i)*time.Hour)
				m.reveals = append(m.reveals, seen)
			}
			s.EnterSends = true
			g := askedFor(t, m, s)
			g.win.Resize(fyne.NewSize(w, h))
			then(g, m)
			g.rest()
			return g
		}
	}
	draft := func(text string, v inbox.Verdict, quoted string) func(*testing.T, Settings, float32, float32) *stage {
		return func(t *testing.T, s Settings, w, h float32) *stage {
			g, _ := guarded(t, map[string]inbox.Verdict{quoted: v}, s, w, h)
			g.typeText(text)
			g.heard("guard shown")
			g.rest()
			return g
		}
	}
	for _, c := range []c{
		{"reveal-menu", Settings{}, 1440, 860, func(t *testing.T, s Settings, w, h float32) *stage {
			s.EnterSends = true
			g := newStage(t, company(), s, w, h)
			g.heard("inbox shown")
			g.open("k")
			g.press(fyne.KeyR, ctrl|shift)
			g.press(fyne.KeyDown, 0)
			g.rest()
			return g
		}},
		{"reveal-ask", Settings{}, 1440, 860, reveal(false, func(*stage, *memory) {})},
		{"reveal-ask-large-de", Settings{TextSize: 130, Language: "de"}, 1440, 860, reveal(false, func(*stage, *memory) {})},
		{"reveal-waits", Settings{}, 1440, 860, reveal(false, func(g *stage, _ *memory) { g.sayWhy() })},
		{"reveal-granted-de", Settings{Language: "de", Theme: "dark"}, 1440, 860, reveal(false, func(g *stage, m *memory) {
			g.sayWhy()
			m.tell(func() { m.reveals[0].State, m.reveals[0].Decider = inbox.RevealGranted, "sl" })
			g.wantShown("Jetzt zeigen")
		})},
		{"reveal-shown", Settings{}, 1440, 860, reveal(true, func(g *stage, _ *memory) { g.sayWhy(); g.heard("value shown") })},
		{"reveal-shown-large-it", Settings{TextSize: 130, Language: "it", Theme: "dark"}, 1100, 800, reveal(true, func(g *stage, _ *memory) {
			g.win.Resize(fyne.NewSize(1440, 860))
			g.sayWhy()
			g.heard("value shown")
		})},
		{"decisions", Settings{}, 1180, 820, func(t *testing.T, s Settings, w, h float32) *stage {
			g := newStage(t, supervising(), s, w, h)
			g.heard("inbox shown")
			g.press(fyne.Key3, ctrl)
			g.rest()
			return g
		}},
		{"decisions-820-de", Settings{Theme: "dark", Language: "de"}, 820, 700, func(t *testing.T, s Settings, w, h float32) *stage {
			g := newStage(t, supervising(), s, w, h)
			g.heard("inbox shown")
			g.press(fyne.Key3, ctrl)
			g.rest()
			return g
		}},
		{"guard-warn", Settings{}, 1000, 600, draft("Hier steht es: bit.ly/angebot", verdict(inbox.GuardWarn, inbox.GuardLink), "bit.ly/angebot")},
		{"guard-ask", Settings{}, 1000, 640, draft("Guten Tag Herr Rossi, Ihr Angebot ist fertig.", verdict(inbox.GuardAsk, inbox.GuardRecipient), "Herr Rossi")},
		{"guard-hold-de", Settings{Language: "de"}, 820, 600, draft("Gerne geben wir Ihnen 20 % auf alles.", verdict(inbox.GuardHold, inbox.GuardDiscount), "20 %")},
		{"guard-refuse-it", Settings{Language: "it", Theme: "dark"}, 820, 600, draft("Meine Karte 0000 0000 0000", verdict(inbox.GuardRefuse, inbox.GuardPayCard), "0000 0000 0000")},
		{"guard-ask-large", Settings{Language: "de", TextSize: 130}, 1100, 760, draft("Guten Tag Herr Rossi, Ihr Angebot ist fertig.", verdict(inbox.GuardAsk, inbox.GuardRecipient), "Herr Rossi")},
		{"undo", Settings{}, 1000, 600, func(t *testing.T, s Settings, w, h float32) *stage {
			g, m := guarded(t, nil, s, w, h)
			sentNow(m, "Der Termin steht: morgen um 10 Uhr.")
			g.wantShown("Undo")
			g.rest()
			g.pass(2 * time.Second)
			g.rest()
			return g
		}},
		{"guard-held", Settings{}, 1000, 600, func(t *testing.T, s Settings, w, h float32) *stage {
			g, m := guarded(t, nil, s, w, h)
			m.tell(func() {
				msg := out(0, "me", inbox.Queued, "Gerne geben wir Ihnen 20 % auf alles.")
				msg.Held = true
				m.say("k", msg)
			})
			g.wantShown("Held: a supervisor")
			g.rest()
			return g
		}},
		{"find", Settings{}, 1000, 640, func(t *testing.T, s Settings, w, h float32) *stage {
			m := company()
			m.inboxes = append(m.inboxes, inbox.Inbox{ID: "service", Name: "Service"})
			m.me.Inboxes = append(m.me.Inboxes, "service")
			m.answer = func(inbox.Question) (inbox.Answer, error) { return inbox.Found{}, nil }
			g := newStage(t, m, s, w, h)
			g.heard("inbox shown")
			g.press(fyne.KeyK, ctrl|shift)
			g.typeText("+1 555 0100")
			g.press(fyne.KeyReturn, 0)
			g.wantShown("There is no conversation with this number.")
			g.rest()
			return g
		}},
		{"erased", Settings{}, 1440, 760, func(t *testing.T, s Settings, w, h float32) *stage {
			g := newStage(t, company(), s, w, h)
			g.heard("inbox shown")
			g.open("k")
			g.m.forget("k")
			g.wantShown("Nothing is left here")
			g.ui.desk.setFilter(FilterAll)
			g.rest()
			return g
		}},
		{"masked-tip", Settings{}, 1000, 600, func(t *testing.T, s Settings, w, h float32) *stage {
			g, m := guarded(t, nil, s, w, h)
			m.tell(func() {
				m.say("k", inbox.Message{At: ago(0), Side: inbox.FromContact, Body: inbox.NewMasked(inbox.Span{Text: "Oder unter "}, inbox.Span{Kind: inbox.Phone, Text: "⟦phone 2⟧"}, inbox.Span{Text: ", wie gestern."})})
				m.say("k", inbox.Message{At: ago(0), Side: inbox.FromContact, Kind: inbox.Location, Body: inbox.NewMasked(inbox.Span{Kind: inbox.Place, Text: "≈ 48.15, 11.55"})})
			})
			g.wantShown("Phone 2")
			g.rest()
			hoverMask(g)
			g.rest()
			if got := g.ui.layers.TipText(); got != "Phone 2 · the same one has this sign everywhere here" {
				t.Errorf("tip %q", got)
			}
			return g
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := c.run(t, c.s, c.w, c.h)
			g.picture("guarded-" + c.name)
		})
	}
}

// hoverMask moves the pointer over the last masked span of the timeline.
func hoverMask(g *stage) {
	d := g.ui.desk
	for i := len(d.line.items) - 1; i >= 0; i-- {
		v := d.line.items[i]
		if v.Kind != ItemBubble || !v.Body.Hides() || v.Card != nil {
			continue
		}
		l := d.line.place(i, d.line.list.Size().Width)
		at, ok := d.line.list.Where(v.ID)
		if !ok {
			continue
		}
		for _, f := range l.body.Fragments {
			if f.ChipW > 0 {
				home := fyne.CurrentApp().Driver().AbsolutePositionForObject(d.line.list)
				p := at.Subtract(home).Add(l.bodyAt()).AddXY(f.ChipX+f.ChipW/2, f.ChipY+f.ChipH/2)
				d.line.list.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: p}})
				return
			}
		}
	}
}

func TestARefusalThatTheDraftDidNotShowIsExplained(t *testing.T) {
	english(t)
	text := "call +1 555 0100"
	v := guardView(text, inbox.Verdict{Action: inbox.GuardWarn, Findings: []inbox.Finding{{Rule: inbox.GuardDiversion, Action: inbox.GuardWarn, From: 5, To: 16}}}, returned{text: text, action: inbox.GuardRefuse})
	if v.Action != inbox.GuardRefuse || len(v.Lines) != 2 || v.Lines[1] != word("guard.back.refuse") {
		t.Errorf("says %q", v.Lines)
	}
}
