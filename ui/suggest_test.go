package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
)

func TestTheLastWordCallsForSuggestions(t *testing.T) {
	for _, c := range []struct {
		text  string
		note  bool
		kind  rune
		query string
	}{
		{"/", false, '/', ""}, {"/ho", false, '/', "ho"}, {"Hello /ho", false, '/', "ho"}, {"line\n/ho", false, '/', "ho"},
		{"and/or", false, 0, ""}, {"/ho there", false, 0, ""}, {"@to", false, 0, ""}, {"@to", true, '@', "to"}, {"/ho", true, 0, ""}, {"a@b", true, 0, ""}, {"", false, 0, ""},
	} {
		kind, query, token := called(c.text, c.note)
		if kind != c.kind || query != c.query || kind != 0 && !strings.HasSuffix(c.text, token) {
			t.Errorf("%q calls for %q %q", c.text, kind, query)
		}
	}
}

func TestAQuickReplyTakesThePlaceOfItsShortcut(t *testing.T) {
	m := team()
	g := opened(t, m, "k")
	g.ui.desk.comp.focus()
	g.typeText("Hi /")
	g.heard("suggestions shown")
	g.wantShown("/hours")
	g.picture("quick-replies")
	g.typeText("of")
	if g.shows("/hours") {
		t.Error("what does not begin so stays")
	}
	g.press(fyne.KeyReturn, 0)
	if got := g.ui.desk.comp.text(); got != "Hi Hello {{contact.name}}" {
		t.Errorf("the draft is %q", got)
	}
	if len(m.wishes()) > 0 && slices.ContainsFunc(m.wishes(), func(i inbox.Intent) bool { _, sent := i.Body.(inbox.SendText); return sent }) {
		t.Error("choosing has sent")
	}
	g.ui.desk.comp.setText("")
	g.typeText("/h")
	g.wantShown("/hours")
	g.press(fyne.KeyEscape, 0)
	if g.shows("/hours") || g.ui.desk.comp.text() != "/h" {
		t.Error("Escape does not only send the suggestions away")
	}
}

func TestAQuickReplyShowsWhatIsFilledInFromTheCustomerAsAMask(t *testing.T) {
	english(t)
	m := team()
	list := quickReplies(m.replies, "", newStaff(m.me, m.people), inbox.Inbox{})
	masks := map[string]int{"/hours": 0, "/offer": 1}
	if len(list) != len(masks) {
		t.Fatalf("%+v", list)
	}
	for _, it := range list {
		n := 0
		for _, sp := range it.Text.Spans() {
			if sp.Kind != inbox.Plain {
				n++
			}
		}
		if n != masks[it.Title] {
			t.Errorf("%s shows %d masks", it.Title, n)
		}
		if it.Icon == "note" {
			t.Errorf("%s looks like an internal note", it.Title)
		}
	}
}

func TestANoteAsksAColleagueToLook(t *testing.T) {
	m := team()
	g := opened(t, m, "k")
	g.press(fyne.KeyN, ctrl|fyne.KeyModifierShift)
	g.ui.desk.comp.focus()
	g.typeText("@to")
	g.wantShown("Tobias Brandt")
	g.picture("mention")
	g.press(fyne.KeyReturn, 0)
	g.typeText("please look")
	g.press(fyne.KeyReturn, 0)
	g.until("the note", func() bool {
		b, ok := wished[inbox.AddNote](m)
		return ok && slices.Equal(b.Mentions, []inbox.PersonID{"tb"}) && b.Text == "@Tobias Brandt please look"
	})
	g.press(fyne.KeyN, ctrl|fyne.KeyModifierShift)
	g.typeText("@to")
	g.press(fyne.KeyReturn, 0)
	g.ui.desk.comp.setText("nobody after all")
	g.press(fyne.KeyReturn, 0)
	g.until("another note", func() bool {
		b, ok := wished[inbox.AddNote](m)
		return ok && b.Text == "nobody after all" && len(b.Mentions) == 0
	})
}
