package ui

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

func TestASearchShowsLeadsAndEnds(t *testing.T) {
	m := team()
	var last inbox.Message
	for _, x := range m.messages["k"] {
		if x.Body.Visible() != "" && x.Kind == inbox.Text {
			last = x
		}
	}
	m.search = func(typed string, only inbox.ConversationID) (Search, error) {
		if typed == "has:money" {
			return Search{}, &SearchError{Fault: SearchHas, To: len(typed)}
		}
		if typed != "Termin" {
			return Search{}, nil
		}
		body := inbox.NewMasked(inbox.Span{Text: "Termin: "}, inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••47"}, inbox.Span{Text: " am Termin"})
		hit := SearchHit{Message: last.ID, At: last.At, Side: inbox.FromContact, Snippet: body, Marks: [][2]int{{0, 6}, {len(body.Visible()) - 6, len(body.Visible())}}}
		r := Search{Total: 3, Read: 40, Of: 100, Ask: inbox.AskSearch{Text: typed, Conversation: only}, Found: []Found{{Conversation: "k", Total: 2, Hits: []SearchHit{hit}}}}
		if only == "" {
			r.Found = append(r.Found, Found{Conversation: "o", Total: 1, Hits: []SearchHit{{Message: "x", At: ago(0), Side: inbox.FromPerson, Author: "tb", Snippet: inbox.PlainText("ein Termin")}}})
		}
		return r, nil
	}
	g := opened(t, m, "k")
	g.press(fyne.KeyF, ctrl|fyne.KeyModifierShift)
	g.heard("search shown")
	g.typeText("Termin")
	g.until("results", func() bool { return g.said("search found 3") })
	g.wantShown("40 of 100 conversations read so far")
	g.picture("search")
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyReturn, 0)
	g.heard("message led to")
	g.ui.desk.find.field.SetText("has:money")
	g.ui.desk.find.look()
	g.until("the trouble", func() bool { return g.shows(word("search.fault.has")) })
	g.press(fyne.KeyEscape, 0)
	if g.shows(word("search.placeholder")) || g.ui.desk.find.field.Text() != "" || len(g.ui.desk.find.rows) > 0 {
		t.Error("something of the search stays")
	}
}

func TestTheRelayIsAskedForMore(t *testing.T) {
	m := team()
	m.search = func(typed string, only inbox.ConversationID) (Search, error) {
		return Search{Ask: inbox.AskSearch{Text: typed}}, nil
	}
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		s, ok := q.(inbox.AskSearch)
		if !ok {
			return inbox.Done{}, nil
		}
		p := inbox.SearchPage{Hits: []inbox.Hit{{Conversation: "k", Message: "old" + inbox.MessageID(s.Before), At: ago(0), Side: inbox.FromContact, Body: inbox.PlainText("found far back" + s.Before)}}}
		if s.Before == "" {
			p.Next = "0.5"
		}
		return p, nil
	}
	g := opened(t, m, "k")
	g.ui.desk.showSearch("")
	g.typeText("old")
	g.until("nothing", func() bool { return g.ui.desk.find.result.Ask.Text == "old" })
	g.ui.desk.find.askFar()
	g.until("a page", func() bool { return g.shows("found far back") })
	g.wantShown(word("search.far.more"))
	g.ui.desk.find.askFar()
	g.until("the last page", func() bool { return g.shows("found far back0.5") })
	if g.ui.desk.find.far.Visible() {
		t.Error("more is offered where nothing is")
	}
}

func TestHiddenPartsOfAHitStayHidden(t *testing.T) {
	m := inbox.NewMasked(inbox.Span{Text: "ab cd "}, inbox.Span{Kind: inbox.Email, Text: "k•••@•••.de"}, inbox.Span{Text: " cd"})
	all := len(m.Visible())
	got := hitPieces(m, [][2]int{{3, 5}, {3, 5}, {4, 8}, {all - 2, all}})
	var shown, wanted string
	for _, r := range got {
		shown += r.Text
	}
	for _, sp := range m.Spans() {
		wanted += sp.Text
	}
	if shown != wanted || !slices.ContainsFunc(got, func(r HitPiece) bool { return r.Hidden && !r.Sought && r.Text == "k•••@•••.de" }) {
		t.Errorf("shown as %+v", got)
	}
}

func TestNothingFoundIsSaidOnce(t *testing.T) {
	english(t)
	for _, c := range []struct {
		rule, want string
		r          Search
	}{
		{"none", "", Search{Of: 3, Read: 3}},
		{"none so far", "3 of 9 conversations read so far", Search{Of: 9, Read: 3}},
		{"some", "2 messages found", Search{Total: 2, Of: 3, Read: 3}},
		{"some so far", "1 message found · 3 of 9 conversations read so far", Search{Total: 1, Of: 9, Read: 3}},
		{"not all are searched", "2 messages found · the oldest conversations are not included", Search{Total: 2, Full: true}},
	} {
		if got := searchLine(c.r, "offer"); got != c.want {
			t.Errorf("%s: %q", c.rule, got)
		}
	}
}

func TestWhatIsFoundIsNamedAfterWhoWroteIt(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	for _, c := range []struct {
		rule string
		hit  inbox.Hit
		want string
	}{
		{"the customer, whom the row above names", inbox.Hit{Side: inbox.FromContact, Kind: inbox.Text}, "Customer"},
		{"a colleague", inbox.Hit{Side: inbox.FromPerson, Author: "tb", Kind: inbox.Text}, s.name("tb")},
		{"a colleague, for colleagues", inbox.Hit{Side: inbox.FromPerson, Author: "tb", Kind: inbox.Note}, "Internal note · " + s.name("tb")},
		{"nobody of the staff: by itself, or past the company's server", inbox.Hit{Side: inbox.FromPerson, Kind: inbox.Text}, "Your company"},
		{"the company's server", inbox.Hit{Side: inbox.FromSystem, Kind: inbox.System}, "The server"},
	} {
		row := &Row{Conversation: inbox.Conversation{ID: "k", Contact: inbox.Contact{Name: inbox.PlainText("Katharina W.")}}}
		c.hit.Conversation, c.hit.Message, c.hit.Body = "k", "m", inbox.PlainText("Termin")
		rows := searchRows(foundIn([]inbox.Hit{c.hit}), func(inbox.ConversationID) *Row { return row }, house{}, s, at1453)
		if len(rows) != 2 || rows[1].Title != c.want {
			t.Errorf("%s: %+v", c.rule, rows)
		}
	}
}

func TestFewChoicesAreAllInViewAndManyAreSearched(t *testing.T) {
	g := opened(t, company(), "k")
	d := g.ui.desk
	few := d.choice("few", []string{"a", "b", "c"}, 1, func(int) {})
	if _, ok := few.(*kit.Segments); !ok {
		t.Errorf("few choices are %T", few)
	}
	texts, chosen := []string{"Anna", "Bea", "Carl", "Dora", "Emil", "Frida", "Gerd", "Hanna"}, -1
	field := d.choice("many", texts, 2, func(i int) { chosen = i }).(*kit.Choice)
	if field.Text() != "Carl" {
		t.Errorf("%q is chosen", field.Text())
	}
	field.OnTap()
	g.typeText("Frida")
	g.press(fyne.KeyReturn, 0)
	if chosen != 5 || field.Text() != "Frida" {
		t.Errorf("%d was chosen, it shows %q", chosen, field.Text())
	}
}
