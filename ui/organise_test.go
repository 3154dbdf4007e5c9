package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// organising opens the page of tags, or of quick replies.
func organising(t *testing.T, m *memory, s Settings, w, h float32, replies bool) *stage {
	t.Helper()
	g := newStage(t, m, s, w, h)
	g.heard("inbox shown")
	g.until("the link", func() bool { return g.ui.desk.linked })
	g.ui.do(actOrganise)
	if replies {
		g.ui.desk.organise.kinds.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
	}
	g.rest()
	return g
}

func TestOrganisingLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name    string
		s       Settings
		w, h    float32
		replies bool
		with    func(m *memory)
		do      func(g *stage)
	}{
		{"tags", Settings{}, 1440, 900, false, nil, nil},
		{"replies-dark-de-820", Settings{Theme: "dark", Language: "de"}, 820, 600, true, nil, nil},
		{"tags-it-130", Settings{Language: "it", TextSize: 130}, 1100, 800, false, nil, nil},
		{"offline", Settings{}, 1100, 700, false, func(m *memory) { m.link.State = LinkNoNetwork }, nil},
		{"empty-de", Settings{Language: "de"}, 1100, 700, true, func(m *memory) { m.replies = nil }, nil},
		{"tag", Settings{}, 1100, 700, false, nil, func(g *stage) { g.ui.desk.organise.edit("t1") }},
		{"tag-it-130", Settings{Theme: "dark", Language: "it", TextSize: 130}, 820, 640, false, nil, func(g *stage) { g.ui.desk.organise.edit("") }},
		{"reply", Settings{}, 1100, 800, true, nil, func(g *stage) { g.ui.desk.organise.edit("q2") }},
		{"reply-dark-de-820", Settings{Theme: "dark", Language: "de"}, 820, 640, true, nil, func(g *stage) { g.ui.desk.organise.edit("q3") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := staffed()
			for i, id := range []inbox.ConversationID{"k", "m", "s"} {
				row := *m.rows[id]
				row.Tags = []inbox.TagID{"t1", "t2", "t3"}[:i+1]
				m.rows[id] = &row
			}
			if c.with != nil {
				c.with(m)
			}
			g := organising(t, m, c.s, c.w, c.h, c.replies)
			if c.do != nil {
				c.do(g)
				g.rest()
			}
			g.picture("organise-" + c.name)
		})
	}
}

// questioned returns the last question of a kind.
func questioned[Q inbox.Question](m *memory) (q Q, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range m.asked {
		if is, yes := x.(Q); yes {
			q, ok = is, true
		}
	}
	return q, ok
}

func TestTagsAreMadeChangedAndRemoved(t *testing.T) {
	m := staffed()
	g := organising(t, m, Settings{}, 1100, 700, false)
	g.wantShown("Remove")
	test.Tap(g.ui.desk.organise.add)
	g.heard("tag edited")
	g.typeText("complaint")
	g.wantShown("There is a tag of that name")
	if b := g.button("Save tag"); !b.Disabled() {
		t.Error("a second tag of the same name can be saved")
	}
	g.typeText("s 2026")
	g.press(fyne.KeyTab, 0)
	g.win.Canvas().FocusNext()
	g.press(fyne.KeyEnd, 0)
	test.Tap(g.button("Save tag"))
	g.wantShown("Tag saved")
	q, _ := questioned[inbox.EditTag](m)
	if q.Tag.Name != "complaints 2026" || q.Tag.Colour != 5 || q.Tag.ID == "" || q.Tag.Removed {
		t.Errorf("%+v", q.Tag)
	}
	g.win.Canvas().Focus(g.ui.desk.organise.list)
	g.ui.desk.organise.list.Select("t2")
	g.press(fyne.KeyDelete, 0)
	g.wantShown("Tag Offer removed")
	if q, _ := questioned[inbox.EditTag](m); q.Tag.ID != "t2" || !q.Tag.Removed {
		t.Errorf("%+v", q.Tag)
	}
	test.Tap(kit.Find(g.win.Canvas().Content(), "Undo").(fyne.Tappable))
	g.wantShown("It is back")
	if q, _ := questioned[inbox.EditTag](m); q.Tag != (inbox.Tag{ID: "t2", Name: "Offer", Colour: 2}) {
		t.Errorf("%+v", q.Tag)
	}
}

// button is one of the dialog on top.
func (g *stage) button(name string) *kit.Button {
	g.t.Helper()
	b, ok := kit.Find(g.win.Canvas().Overlays().Top(), name).(*kit.Button)
	if !ok {
		g.t.Fatalf("no button %q", name)
	}
	return b
}

func TestQuickRepliesAreWrittenAndRefusalsAreSaid(t *testing.T) {
	m := staffed()
	answer := m.answer
	var refuse error
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		if _, ok := q.(inbox.EditQuickReply); ok && refuse != nil {
			return nil, refuse
		}
		return answer(q)
	}
	g := organising(t, m, Settings{}, 1100, 800, true)
	test.Tap(g.ui.desk.organise.add)
	g.heard("quick reply edited")
	g.typeText("Back Soon")
	g.wantShown("Small letters without accents")
	shortcut := g.win.Canvas().Focused()
	for range len("Back Soon") {
		shortcut.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace})
	}
	g.typeText("hours")
	g.press(fyne.KeyReturn, 0)
	g.typeText("Call {{agent.nam}}")
	g.wantShown("One of the placeholders does not exist")
	if !g.button("Save quick reply").Disabled() {
		t.Error("an unknown placeholder can be saved")
	}
	for range len("nam}}") {
		g.press(fyne.KeyBackspace, 0)
	}
	g.typeText("name}}")
	test.Tap(kit.Find(g.win.Canvas().Overlays().Top(), "Service").(fyne.Tappable))
	for _, c := range []struct {
		err  error
		want string
	}{{inbox.RefusedMalformed, "shows a number or an address"}, {inbox.RefusedVariable, "does not exist"}, {inbox.RefusedCap, "as many quick replies as it can"}, {inbox.RefusedRight, "Your role does not allow this"}, {ErrOffline, "Needs a connection"}} {
		refuse = c.err
		test.Tap(g.button("Save quick reply"))
		g.wantShown(c.want)
	}
	refuse = nil
	test.Tap(g.button("Save quick reply"))
	g.wantShown("Quick reply saved")
	q, _ := questioned[inbox.EditQuickReply](m)
	if r := q.QuickReply; r.Shortcut != "hours" || r.Text != "Call {{agent.name}}" || !slices.Equal(r.Inboxes, []inbox.InboxID{"service"}) || r.Language != "" {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsOrganisedIsFound(t *testing.T) {
	english(t)
	m := staffed()
	h := house{inboxes: m.inboxes, tags: append(slices.Clone(m.tags), inbox.Tag{ID: "x", Name: "Old", Removed: true}), replies: append(slices.Clone(m.replies), inbox.QuickReply{ID: "x", Shortcut: "old", Removed: true})}
	tags := func(q string) string {
		var out []string
		for _, r := range tagRows(h, nil, q) {
			out = append(out, r.Tag.Name)
		}
		return strings.Join(out, " ")
	}
	replies := func(q string) string {
		var out []string
		for _, r := range replyRows(h, newStaff(m.me, m.people), q) {
			out = append(out, r.Shortcut+" "+r.Where)
		}
		return strings.Join(out, ", ")
	}
	for q, want := range map[string]string{"": "Appointment Complaint Offer Spare part", "OFF": "Offer", "zz": ""} {
		if got := tags(q); got != want {
			t.Errorf("%q: %q", q, got)
		}
	}
	for q, want := range map[string]string{"": "/hours All inboxes, /offer Sales, /termin All inboxes", "/of": "/offer Sales", "morgen": "/termin All inboxes", "old": ""} {
		if got := replies(q); got != want {
			t.Errorf("%q: %q", q, got)
		}
	}
}

func TestNothingIsOrganisedOffline(t *testing.T) {
	m := staffed()
	g := organising(t, m, Settings{}, 1100, 700, false)
	p := g.ui.desk.organise
	if p.add.Disabled() {
		t.Fatal("online nothing can be changed")
	}
	m.mu.Lock()
	m.link.State = LinkNoNetwork
	m.mu.Unlock()
	m.poke()
	g.until("the link", func() bool { return g.ui.desk.link.State == LinkNoNetwork })
	if !p.add.Disabled() || !g.shows("Changes need a connection") || !g.shows("Complaint") {
		t.Error("offline it can be read, and no more")
	}
	p.remove("t1")
	p.edit("t1")
	if _, asked := questioned[inbox.EditTag](m); asked || g.win.Canvas().Overlays().Top() != nil {
		t.Error("something was changed")
	}
}
