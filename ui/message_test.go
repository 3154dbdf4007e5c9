package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/assets"
	"sealdesk/ui/kit"
)

// letter types one letter as a keyboard does: the key first, then the letter, to whatever has the focus by then.
func (g *stage) letter(r rune) {
	g.press(fyne.KeyName(strings.ToUpper(string(r))), 0)
	if f := g.win.Canvas().Focused(); f != nil {
		f.TypedRune(r)
	}
}

func (g *stage) pressCopy() {
	s := &fyne.ShortcutCopy{Clipboard: g.app.Clipboard()}
	if f, ok := g.win.Canvas().Focused().(fyne.Shortcutable); ok {
		f.TypedShortcut(s)
	}
}

func TestAMessageIsQuotedByKeyboardAlone(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	g.press(fyne.KeyUp, 0)
	g.heard("message chosen")
	g.letter('r')
	g.heard("reply shown")
	g.wantShown("Reply to Katharina W.")
	if got := g.ui.desk.comp.text(); got != "" {
		t.Fatalf("the key that quotes was typed: %q", got)
	}
	g.typeText("Bis morgen")
	g.press(fyne.KeyReturn, 0)
	g.until("sent", func() bool { _, ok := wishOf[inbox.SendText](m); return ok })
	list := m.messages["k"]
	if b, _ := wishOf[inbox.SendText](m); b.Quote == "" || b.Quote != list[len(list)-2].ID || b.Text != "Bis morgen" {
		t.Errorf("sent %+v", b)
	}
	g.rest()
	if g.shows("Reply to Katharina W.") {
		t.Error("the quote stays after sending")
	}
}

func TestEscapeTakesTheQuoteAwayThenTheChoice(t *testing.T) {
	g := opened(t, company(), "k")
	d := g.ui.desk
	g.press(fyne.KeyUp, 0)
	g.letter('R')
	g.press(fyne.KeyEscape, 0)
	if d.comp.quote != nil {
		t.Fatal("the quote is still there")
	}
	g.press(fyne.KeyUp, 0)
	if d.line.chosen() == nil {
		t.Fatal("nothing is chosen")
	}
	g.press(fyne.KeyEscape, 0)
	if d.line.chosen() != nil || g.win.Canvas().Focused() != fyne.Focusable(d.comp.field) {
		t.Error("Escape goes back to the message field")
	}
}

func TestArrowsGoThroughMessagesAndBackToTheField(t *testing.T) {
	g := opened(t, company(), "k")
	d := g.ui.desk
	g.press(fyne.KeyUp, 0)
	last := d.line.chosen()
	g.press(fyne.KeyUp, 0)
	if v := d.line.chosen(); v == last || v == nil {
		t.Fatal("up goes to the message above")
	}
	for range 40 {
		g.press(fyne.KeyUp, 0)
	}
	if v := d.line.chosen(); v == nil || !choosable(v) {
		t.Error("captions are not chosen")
	}
	for range 40 {
		g.press(fyne.KeyDown, 0)
	}
	if d.line.chosen() != nil || g.win.Canvas().Focused() != fyne.Focusable(d.comp.field) {
		t.Error("below the last message is the field")
	}
	g.typeText("x")
	g.press(fyne.KeyUp, 0)
	if d.line.chosen() != nil {
		t.Error("in a text, up moves the cursor")
	}
}

// bubble returns the item of the first message with that text and where its body stands in the list.
func (g *stage) bubble(text string) (v *ItemView, at fyne.Position) {
	g.t.Helper()
	line := g.ui.desk.line
	for i, v := range line.items {
		if strings.Contains(v.Body.Visible(), text) {
			line.list.ScrollTo(v.ID)
			p, ok := line.list.Where(v.ID)
			if !ok {
				g.t.Fatal("not in view")
			}
			origin := fyne.CurrentApp().Driver().AbsolutePositionForObject(line.list)
			return v, p.Subtract(origin).Add(line.place(i, line.list.Size().Width).bodyAt())
		}
	}
	g.t.Fatalf("no message says %q", text)
	return nil, fyne.Position{}
}

func (g *stage) dragIn(from, to fyne.Position) {
	list := g.ui.desk.line.list
	list.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: from}, Button: desktop.MouseButtonPrimary})
	list.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: to}})
	list.DragEnd()
}

func TestDraggedTextIsCopiedAsShown(t *testing.T) {
	g := opened(t, company(), "k")
	_, at := g.bubble("Meine Nummer")
	g.dragIn(at.AddXY(1, 8), at.AddXY(900, 900))
	g.pressCopy()
	got := g.app.Clipboard().Content()
	if !strings.HasPrefix(got, "Hier ein Foto") || !strings.HasSuffix(got, "+49 ••• ••47, Mail k•••@•••.de") {
		t.Errorf("copied %q", got)
	}
	g.wantShown("Copied as shown")
	g.picture("selection")
	list := g.ui.desk.line.list
	list.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at}, Button: desktop.MouseButtonPrimary})
	if g.ui.desk.line.markedText() != "" {
		t.Error("a press takes the selection away")
	}
}

func TestTheFieldCopiesItsOwnSelectionFirst(t *testing.T) {
	g := opened(t, company(), "k")
	g.typeText("typed")
	_, at := g.bubble("Perfekt")
	g.dragIn(at.AddXY(1, 8), at.AddXY(80, 8))
	g.win.Canvas().Focus(g.ui.desk.comp.field)
	g.ui.desk.comp.field.TypedShortcut(&fyne.ShortcutSelectAll{})
	g.pressCopy()
	if got := g.app.Clipboard().Content(); got != "typed" {
		t.Errorf("copied %q", got)
	}
}

func TestReactionsArePutAndTakenAway(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	v, _ := g.bubble("👩‍👩‍👧")
	menu := func() {
		for i, x := range g.ui.desk.line.items {
			if x.ID == v.ID {
				g.ui.desk.line.menu(i, areaBubble, fyne.NewPos(400, 300))
			}
		}
		g.press(fyne.KeyRight, 0)
		g.press(fyne.KeyRight, 0)
	}
	menu()
	g.picture("menu-message")
	g.press(fyne.KeyReturn, 0)
	g.until("reacted", func() bool {
		b, ok := wishOf[inbox.AddReaction](m)
		return ok && b.Emoji == "❤️" && b.Message == v.Message && b.Conversation == "k"
	})
	taken := *v
	taken.Ours = "❤️"
	list, active := g.ui.desk.signs(&taken)
	if active != 1 {
		t.Errorf("the reaction that is there is marked, not %d", active)
	}
	list[1].Do()
	g.until("taken away", func() bool {
		all := m.wishes()
		b, ok := all[len(all)-1].Body.(inbox.AddReaction)
		return ok && b.Emoji == "" && b.Message == v.Message
	})
}

func TestOnlyWhatWhatsAppTakesIsOffered(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	for name, c := range map[string]struct {
		msg             inbox.Message
		replies, reacts bool
	}{
		"a customer's text":   {inbox.Message{Seq: 1, Kind: inbox.Text, Side: inbox.FromContact}, true, true},
		"our text that left":  {inbox.Message{Seq: 1, Kind: inbox.Text, Side: inbox.FromPerson, Receipt: inbox.Read}, true, false},
		"our text that waits": {inbox.Message{Seq: 1, Kind: inbox.Text, Side: inbox.FromPerson, Receipt: inbox.Queued}, false, false},
		"our failed text":     {inbox.Message{Seq: 1, Kind: inbox.Text, Side: inbox.FromPerson, Receipt: inbox.Failed}, false, false},
		"a note":              {inbox.Message{Seq: 1, Kind: inbox.Note, Side: inbox.FromPerson}, false, false},
		"a caption":           {inbox.Message{Seq: 1, Kind: inbox.System, Side: inbox.FromSystem}, false, false},
		"a deleted message":   {inbox.Message{Seq: 1, Kind: inbox.Deleted, Side: inbox.FromContact}, false, false},
	} {
		if v := itemView(&c.msg, s, at1453); v.Replies != c.replies || v.Reacts != c.reacts {
			t.Errorf("%s: replies %v, reacts %v", name, v.Replies, v.Reacts)
		}
	}
	g := opened(t, company(), "g") // its window is closed
	if g.ui.desk.line.answers() {
		t.Error("nothing can be answered in a closed window")
	}
}

func TestCaptionsSayWhoDidWhatInEveryLanguage(t *testing.T) {
	m := newMemory()
	s := newStaff(m.me, m.people)
	people := []inbox.PersonID{"", "me", "tb", "sl"}
	for _, l := range assets.Languages() {
		if err := speak(l); err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for what := inbox.WhatAssigned; what <= inbox.WhatOtherHappened; what++ {
			for _, by := range people {
				for _, whom := range people {
					if what != inbox.WhatAssigned && whom != "" || what > inbox.WhatReopened && by != "" {
						continue
					}
					text := happenedText(&inbox.Message{What: what, Author: by, Whom: whom}, s, at1453)
					id := string(rune('0'+what)) + string(by) + ">" + string(whom)
					if text == "" || strings.Contains(text, "happened.") || strings.Contains(text, "{{") || strings.Contains(text, "no value") {
						t.Errorf("%s %s: %q", l, id, text)
					}
					if other, ok := seen[text]; ok {
						t.Errorf("%s: %s and %s both say %q", l, id, other, text)
					}
					seen[text] = id
					for _, who := range []inbox.PersonID{by, whom} {
						if p := s.people[who]; who != "" && who != "me" && !strings.Contains(text, p.Name) {
							t.Errorf("%s %s does not name %s: %q", l, id, who, text)
						}
					}
				}
			}
		}
	}
	english(t)
	if got := captionText(&inbox.Message{At: ago(0), What: inbox.WhatAssigned, Author: "tb", Whom: "me"}, s, at1453); got != "Tobias Brandt assigned the conversation to you · 14:53" {
		t.Error(got)
	}
}

func TestTheNewLineGoesWithTheAnswer(t *testing.T) {
	g := opened(t, company(), "k")
	g.wantShown("New")
	fresh := func() bool {
		for _, v := range g.ui.desk.line.items {
			if v.Kind == ItemNew {
				return true
			}
		}
		return false
	}
	if !fresh() {
		t.Fatal("what is new is marked")
	}
	g.typeText("Bis morgen")
	g.press(fyne.KeyReturn, 0)
	g.until("no new line", func() bool { return !fresh() })
	g.open("m")
	g.open("k")
	if fresh() {
		t.Error("what was read is marked as new again")
	}
}

func TestAnExcludedDeviceShowsNothingOfAnybody(t *testing.T) {
	for _, c := range []struct {
		state LinkState
		look  Settings
		says  string
	}{
		{LinkRevoked, Settings{}, "This device was excluded"},
		{LinkWiped, Settings{Theme: "dark", Language: "de"}, "die Löschung dieses Geräts"},
		{LinkReplaced, Settings{Language: "it"}, "aperta altrove"},
		{LinkNotAdmitted, Settings{Theme: "dark"}, "does not know this device"},
	} {
		t.Run(linkWord(c.state), func(t *testing.T) {
			m := company()
			c.look.EnterSends = true
			g := newStage(t, m, c.look, 1100, 700)
			g.heard("inbox shown")
			g.open("k")
			g.typeText("half a thought")
			g.press(fyne.KeyUp, 0)
			g.ui.copied("Perfekt, dann bis morgen 10 Uhr")
			g.press(fyne.KeyK, ctrl)
			g.heard("palette shown")
			m.mu.Lock()
			m.link = Link{State: c.state}
			m.mu.Unlock()
			m.poke()
			g.heard("gone " + linkWord(c.state))
			g.rest()
			if !g.shows(c.says) {
				t.Errorf("on screen: %v", g.texts())
			}
			all := strings.Join(g.texts(), " ")
			for _, secret := range []string{"Katharina", "Perfekt", "•••", "half a thought", "Marco"} {
				if strings.Contains(all, secret) {
					t.Errorf("%q is still there", secret)
				}
			}
			if g.app.Clipboard().Content() != "" {
				t.Error("the clipboard still holds a message")
			}
			if g.win.Canvas().Overlays().Top() != nil {
				t.Error("the palette is still open")
			}
			g.until("the draft is kept", func() bool { r, _ := m.Rows(t.Context()); return rowOf(r, "k").Draft == "half a thought" })
			m.poke() // what comes late is not shown
			g.pass(time.Hour)
			g.rest()
			if g.shows("Katharina") {
				t.Error("a late view came through")
			}
			g.picture("gone-" + linkWord(c.state))
			if c.state == LinkReplaced {
				m.mu.Lock()
				m.link = Link{State: LinkOnline}
				m.mu.Unlock()
				g.press(fyne.KeyReturn, 0)
				g.until("the inbox is back", func() bool { return g.ui.desk != nil && len(g.ui.desk.shown) > 0 })
				g.press(fyne.KeyDown, alt)
				g.until("a conversation is open", func() bool { return g.ui.desk.open != "" })
			}
		})
	}
}

func TestAConversationsMenuActsOnIt(t *testing.T) {
	m := company()
	g := opened(t, m, "k")
	d := g.ui.desk
	for i, r := range d.shown {
		if r.ID == "m" {
			d.listing.menu(i, "row", fyne.NewPos(200, 260))
		}
	}
	g.heard("menu shown")
	g.picture("menu-row")
	for range 5 { // open, assign, tag, snooze, close
		g.press(fyne.KeyDown, 0)
	}
	g.press(fyne.KeyReturn, 0)
	g.until("closed", func() bool {
		b, ok := wishOf[inbox.SetState](m)
		return ok && b.Conversation == "m" && b.State == inbox.Closed
	})
}

func TestEmojiGoIntoTheText(t *testing.T) {
	g := opened(t, company(), "k")
	g.typeText("Danke ")
	test.Tap(kit.Find(g.win.Canvas().Content(), "Insert an emoji  Ctrl+E").(fyne.Tappable))
	g.heard("emoji shown")
	g.picture("emoji")
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyReturn, 0)
	if got := g.ui.desk.comp.text(); got != "Danke 👍" {
		t.Errorf("the field holds %q", got)
	}
	if g.win.Canvas().Focused() != fyne.Focusable(g.ui.desk.comp.field) {
		t.Error("writing goes on in the field")
	}
}

func TestKeysAreNamedAsOnTheReadersKeyboard(t *testing.T) {
	g := newStage(t, company(), Settings{Language: "de", EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	g.press(fyne.KeyF1, 0)
	g.heard("help shown")
	g.picture("overlay-help-de")
	for id, want := range map[string]string{actPalette: "Strg+K", actNote: "Strg+Umschalt+N", actPageUp: "Bild ↑", actTop: "Strg+Pos1", actEscape: "Esc"} {
		if got := g.ui.router.Hint(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}
