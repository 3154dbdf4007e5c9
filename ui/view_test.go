package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2/lang"

	"sealdesk/app/inbox"
	"sealdesk/assets"
	"sealdesk/ui/kit"
)

func english(t *testing.T) {
	t.Helper()
	if err := speak("en"); err != nil {
		t.Fatal(err)
	}
}

var at1453 = clock{now: inbox.At(noon), loc: time.UTC}

func TestWindowChipSaysHowLongTheCustomerCanBeAnswered(t *testing.T) {
	english(t)
	for _, c := range []struct {
		since time.Duration
		text  string
		tone  Tone
	}{
		{time.Minute, "23 h", ToneOK},
		{19 * time.Hour, "5 h", ToneOK},
		{20*time.Hour + 48*time.Minute, "3 h 12 min", ToneWarn},
		{23*time.Hour + 19*time.Minute, "41 min left", ToneDanger},
		{24*time.Hour - time.Second, "1 min left", ToneDanger},
		{24 * time.Hour, "Window closed", ToneQuiet},
	} {
		got := windowChip(inbox.Conversation{LastInbound: ago(c.since)}, at1453)
		if got.Icon != "" || dueChip(at1453.now, at1453).Icon != "clock" {
			t.Error("the clock stands for the answer that is due, and for nothing else")
		}
		if got.Text != c.text || got.Tone != c.tone {
			t.Errorf("%v after the last message: %q tone %d, want %q tone %d", c.since, got.Text, got.Tone, c.text, c.tone)
		}
	}
}

func TestTimesAreShortTodayAndDatedBefore(t *testing.T) {
	english(t)
	for _, c := range []struct {
		before         time.Duration
		row, when, day string
	}{
		{time.Minute, "14:52", "14:52", "Today"},
		{20 * time.Hour, "Yesterday", "Yesterday, 18:53", "Yesterday"},
		{3 * 24 * time.Hour, "Tue", "18 Nov, 14:53", "Tuesday, 18 Nov"},
		{30 * 24 * time.Hour, "22 Oct", "22 Oct, 14:53", "Wednesday, 22 Oct"},
		{400 * 24 * time.Hour, "17 Oct 2024", "17 Oct 2024, 14:53", "Thursday, 17 Oct 2024"},
	} {
		m := ago(c.before)
		if got := []string{at1453.row(m), at1453.when(m), at1453.day(m)}; !slices.Equal(got, []string{c.row, c.when, c.day}) {
			t.Errorf("%v before: %q", c.before, got)
		}
	}
}

func TestRowsSayWhoWroteLast(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	base := inbox.Conversation{ID: "c", Contact: inbox.Contact{Alias: "K7-MX4Q"}, Snippet: inbox.PlainText("hello"), LastKind: inbox.Text, LastSide: inbox.FromContact}
	with := func(f func(*Row)) *Row { r := &Row{Conversation: base}; f(r); return r }
	sent := func(msg inbox.Message) *Row { // after a message of the customer, as the row of a device comes about
		return with(func(r *Row) {
			for i, x := range []inbox.Message{{Side: inbox.FromContact, At: 1}, msg} {
				x.ID, x.Kind, x.Body = inbox.MessageID(rune('a'+i)), inbox.Text, inbox.PlainText("hello")
				r.Apply(inbox.Event{Seq: uint64(i + 1), Body: inbox.MessageAdded{Message: x}}, "")
			}
			r.Unread = 0
		})
	}
	for _, c := range []struct {
		rule            string
		row             *Row
		prefix, snippet string
		icon, name      string
		alert           bool
	}{
		{"a customer's text stands alone", with(func(*Row) {}), "", "hello", "", "K7-MX4Q", false},
		{"one's own text says so", with(func(r *Row) { r.LastSide, r.LastAuthor = inbox.FromPerson, "me" }), "You:", "hello", "", "K7-MX4Q", false},
		{"a colleague's text has the first name", with(func(r *Row) { r.LastSide, r.LastAuthor = inbox.FromPerson, "tb" }), "Tobias:", "hello", "", "K7-MX4Q", false},
		{"the relay's own answer leaves the customer waiting", sent(inbox.Message{Side: inbox.FromPerson, Receipt: inbox.Delivered}), "Automatic:", "hello", "", "K7-MX4Q", false},
		{"what may have passed Sealdesk is not called automatic", sent(inbox.Message{Side: inbox.FromPerson, Outside: true, Receipt: inbox.Sent}), "Your team:", "hello", "", "K7-MX4Q", false},
		{"a note says whose", with(func(r *Row) { r.LastSide, r.LastAuthor, r.LastKind = inbox.FromPerson, "tb", inbox.Note }), "Note, Tobias:", "hello", "", "K7-MX4Q", false},
		{"what failed is alarming", with(func(r *Row) { r.LastSide, r.LastAuthor, r.LastReceipt = inbox.FromPerson, "me", inbox.Failed }), "Not sent:", "hello", "", "K7-MX4Q", true},
		{"a draft hides the last message", with(func(r *Row) { r.Draft, r.LastKind = " two\nlines ", inbox.Image }), "Draft:", "two lines", "", "K7-MX4Q", true},
		{"a blank draft is none", with(func(r *Row) { r.Draft = " \n" }), "", "hello", "", "K7-MX4Q", false},
		{"a picture has a word", with(func(r *Row) { r.LastKind, r.Snippet = inbox.Image, inbox.Masked{} }), "", "Photo", "image", "K7-MX4Q", false},
		{"a picture's caption wins over the word", with(func(r *Row) { r.LastKind = inbox.Image }), "", "hello", "image", "K7-MX4Q", false},
		{"a name wins over the alias", with(func(r *Row) { r.Contact.Name = inbox.PlainText("Marco R.") }), "", "hello", "", "Marco R.", false},
	} {
		v := rowView(c.row, FilterAll, s, house{}, inbox.Presence{}, at1453)
		if v.Prefix != c.prefix || v.Snippet != c.snippet || v.Icon != c.icon || v.Name != c.name || v.Alert != c.alert {
			t.Errorf("%s: %+v", c.rule, v)
		}
	}
}

func TestFiltersHoldWhatTheirNameSays(t *testing.T) {
	open := func(who inbox.PersonID) inbox.Conversation { return inbox.Conversation{Assignee: who} }
	closed := inbox.Conversation{Assignee: "me", State: inbox.Closed}
	for _, c := range []struct {
		f    Filter
		c    inbox.Conversation
		want bool
	}{
		{FilterMine, open("me"), true}, {FilterMine, open("tb"), false}, {FilterMine, open(""), false}, {FilterMine, closed, false},
		{FilterUnassigned, open(""), true}, {FilterUnassigned, open("me"), false}, {FilterUnassigned, inbox.Conversation{State: inbox.Closed}, false},
		{FilterAll, closed, true}, {FilterAll, open("tb"), true},
		{FilterDue, inbox.Conversation{Assignee: "me", Waiting: 5}, true}, {FilterDue, inbox.Conversation{Assignee: "tb", Waiting: 5}, false}, {FilterDue, open("me"), false},
		{FilterMentioned, inbox.Conversation{Mentioned: 5, ReadSeq: 4}, true}, {FilterMentioned, inbox.Conversation{Mentioned: 5, ReadSeq: 5}, false},
		{FilterTasks, inbox.Conversation{Tasks: []inbox.Task{{Person: "me"}}}, true}, {FilterTasks, inbox.Conversation{Tasks: []inbox.Task{{Person: "me", Done: 1}, {Person: "tb"}}}, false},
		{FilterSnoozed, inbox.Conversation{State: inbox.Snoozed}, true}, {FilterMine, inbox.Conversation{Assignee: "me", State: inbox.Snoozed}, false}, {FilterClosed, closed, true},
	} {
		if got := c.f.Holds(c.c, "me"); got != c.want {
			t.Errorf("filter %d, assignee %q, state %d: %v", c.f, c.c.Assignee, c.c.State, got)
		}
	}
	if FilterMine.Holds(open(""), "") {
		t.Error("nobody's conversations are nobody's")
	}
}

func TestAFilterThatNamesWhoAnswersSpendsNoChipOnIt(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	names := map[inbox.PersonID]string{"me": "You", "": "Unassigned", "tb": "Tobias Brandt"}
	for f := FilterMine; f <= FilterClosed; f++ {
		for who, name := range names {
			c := inbox.Conversation{ID: "c", Assignee: who, LastInbound: ago(time.Hour)}
			got := slices.ContainsFunc(rowView(&Row{Conversation: c}, f, s, house{}, inbox.Presence{}, at1453).Chips, func(v ChipView) bool { return v.Text == name })
			if want := !(f == FilterMine && who == "me" || f == FilterUnassigned && who == ""); got != want {
				t.Errorf("filter %d, assignee %q: %v", f, who, got)
			}
		}
	}
}

func TestPillsCountWhatTheScopeLetsThrough(t *testing.T) {
	english(t)
	row := func(who inbox.PersonID, in inbox.InboxID, state inbox.ConversationState, tags ...inbox.TagID) *Row {
		return &Row{Conversation: inbox.Conversation{Assignee: who, Inbox: in, State: state, Tags: tags, Unread: 1}}
	}
	list := []*Row{row("me", "i1", inbox.Open, "t1"), row("me", "i2", inbox.Open), row("", "i2", inbox.Open, "t1", "t2"), row("tb", "i1", inbox.Closed, "t2")}
	for _, c := range []struct {
		s    scope
		want string
	}{
		{scope{}, "Mine 2, Unassigned 1, All 4, Closed 1"}, {scope{tag: "t1"}, "Mine 1, Unassigned 1, All 2, Closed"},
		{scope{inbox: "i2"}, "Mine 1, Unassigned 1, All 2, Closed"}, {scope{inbox: "i1", tag: "t2"}, "Mine, Unassigned, All 1, Closed 1"},
		{scope{tag: "t9"}, "Mine, Unassigned, All, Closed"},
	} {
		tally := tallyOf(list, c.s, "me", house{}, at1453.now)
		var got []string
		for _, v := range pills(tally, FilterClosed, "") {
			if v.Text != "" && v.Filter != FilterDue {
				got = append(got, v.Text)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%+v: %v", c.s, got)
		}
		if tally.unread != 4 {
			t.Errorf("%+v: %d unread, whatever the list shows", c.s, tally.unread)
		}
	}
	if e := emptyInbox(0, tally{}, FilterAll, scope{tag: "t9"}); e == nil || e.Action != word("empty.show.all") {
		t.Errorf("an empty scope offers %+v", e)
	}
}

func TestHeldListsKeepTheirOrder(t *testing.T) {
	row := func(id string, at inbox.Moment) *Row {
		return &Row{Conversation: inbox.Conversation{ID: inbox.ConversationID(id), LastAt: at}}
	}
	ids := func(list []*Row) string {
		var b strings.Builder
		for _, r := range list {
			b.WriteString(string(r.ID))
		}
		return b.String()
	}
	shown := []*Row{row("a", 3), row("b", 2), row("c", 1)}
	for _, c := range []struct {
		rule    string
		fresh   []*Row
		hold    bool
		want    string
		waiting int
	}{
		{"free lists follow", []*Row{row("c", 9), row("a", 3), row("b", 2)}, false, "cab", 0},
		{"a held list stays and counts what moved", []*Row{row("c", 9), row("a", 3), row("b", 2)}, true, "abc", 1},
		{"new rows wait", []*Row{row("d", 9), row("a", 3), row("b", 2), row("c", 1)}, true, "abc", 1},
		{"gone rows go at once", []*Row{row("a", 3), row("c", 1)}, true, "ac", 0},
		{"nothing moved, nothing waits", []*Row{row("a", 3), row("b", 2), row("c", 1)}, true, "abc", 0},
	} {
		got, waiting := settle(shown, c.fresh, c.hold)
		if ids(got) != c.want || waiting != c.waiting {
			t.Errorf("%s: %s, %d waiting", c.rule, ids(got), waiting)
		}
	}
	got, _ := settle(shown, []*Row{row("c", 9), row("a", 3), row("b", 2)}, true)
	if got[2].LastAt != 9 {
		t.Error("a row that keeps its place still shows what is new")
	}
}

func TestReceiptsHaveASignAndAWord(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	for _, c := range []struct {
		receipt inbox.Receipt
		failure inbox.Failure
		icon    string
		tone    Tone
		notice  bool
		action  bool
		confirm bool
	}{
		{inbox.Queued, 0, "queued", ToneQuiet, false, false, false},
		{inbox.Sent, 0, "tick", ToneQuiet, false, false, false},
		{inbox.Delivered, 0, "double-tick", ToneQuiet, false, false, false},
		{inbox.Read, 0, "double-tick", ToneInfo, false, false, false},
		{inbox.Unknown, 0, "help", ToneWarn, true, true, true},
		{inbox.Failed, inbox.FailUndeliverable, "warn", ToneDanger, true, true, false},
		{inbox.Failed, inbox.FailWindow, "warn", ToneDanger, true, false, false},
		{inbox.Failed, inbox.FailStopped, "warn", ToneDanger, true, false, false},
		{inbox.Failed, inbox.NoFailure, "warn", ToneDanger, true, true, false},
	} {
		msg := out(time.Minute, "me", c.receipt, "x")
		msg.Kind, msg.Seq, msg.Failure = inbox.Text, 5, c.failure
		v := itemView(&msg, s, at1453)
		if v.Mark.Icon != c.icon || v.Mark.Tone != c.tone || v.Mark.Word == "" || (v.Notice != "") != c.notice || (v.Action != "") != c.action || v.Confirm != c.confirm {
			t.Errorf("receipt %d, failure %d: %+v", c.receipt, c.failure, v)
		}
	}
	sentByCustomer := in(time.Minute, "x")
	sentByCustomer.Receipt = inbox.Read
	if v := itemView(&sentByCustomer, s, at1453); v.Mark.Icon != "" {
		t.Error("what a customer wrote has no receipt")
	}
}

func TestEveryFailureHasItsOwnWords(t *testing.T) {
	for _, l := range assets.Languages() {
		if err := speak(l); err != nil {
			t.Fatal(err)
		}
		seen := map[string]inbox.Failure{}
		for f := inbox.FailWindow; f <= inbox.FailNotToday; f++ {
			text := failureText(f)
			if other, ok := seen[text]; ok || strings.Contains(text, "fail.") {
				t.Errorf("%s: failure %d reads %q, as %d", l, f, text, other)
			}
			seen[text] = f
		}
	}
}

func TestTimelinesHaveDaysTurnsAndANewLine(t *testing.T) {
	english(t)
	m := newMemory()
	list := []inbox.Message{in(26*time.Hour, "a"), in(10*time.Minute, "b"), in(9*time.Minute, "c"), out(8*time.Minute, "me", inbox.Sent, "d"), in(2*time.Minute, "e")}
	for i := range list {
		list[i].ID, list[i].Seq, list[i].Kind = inbox.MessageID(rune('a'+i)), uint64(i+1), inbox.Text
	}
	var got []string
	for _, v := range timelineView(list, 4, newStaff(m.me, m.people), at1453) {
		word := map[ItemKind]string{ItemDay: "day", ItemNew: "new", ItemBubble: string(v.Message)}[v.Kind]
		if v.Joined {
			word += "+"
		}
		got = append(got, word)
	}
	if want := "day a day b c+ d new e"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
	for _, v := range timelineView(list, 0, newStaff(m.me, m.people), at1453) {
		if v.Kind == ItemNew {
			t.Error("nothing is new in a conversation that was read")
		}
	}
}

func TestItemIDsAreUnique(t *testing.T) {
	english(t)
	m := newMemory()
	seen := map[string]bool{}
	for _, v := range timelineView(everyItem(), 14, newStaff(m.me, m.people), at1453) {
		if seen[v.ID] {
			t.Errorf("two items are %q", v.ID)
		}
		seen[v.ID] = true
	}
}

func TestOnlyItemsThatLookDifferentAreDifferent(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	a, b := timelineView(everyItem(), 14, s, at1453), timelineView(everyItem(), 14, s, at1453)
	for i := range a {
		if !a[i].same(b[i]) {
			t.Errorf("item %d differs from itself", i)
		}
	}
	list := everyItem()
	changed := list[len(list)-2]
	for _, f := range []func(*inbox.Message){
		func(m *inbox.Message) { m.Receipt = inbox.Sent },
		func(m *inbox.Message) { m.Reactions = []inbox.Reaction{{Emoji: "👍"}} },
		func(m *inbox.Message) { m.Body = inbox.PlainText("other") },
		func(m *inbox.Message) { m.Quote = &inbox.Quote{Excerpt: inbox.PlainText("q")} },
	} {
		x := changed
		f(&x)
		if itemView(&changed, s, at1453).same(itemView(&x, s, at1453)) {
			t.Error("a change would not be drawn")
		}
	}
}

func TestComposersOfferWhatTheRelayWouldGrant(t *testing.T) {
	english(t)
	m := newMemory()
	s := newStaff(m.me, m.people)
	auditor := m.me
	auditor.Role = inbox.Auditor
	open := inbox.Conversation{Inbox: "sales", LastInbound: ago(time.Hour), Contact: inbox.Contact{Alias: "K7-MX4Q"}}
	soon, closed := open, open
	soon.LastInbound, closed.LastInbound = ago(23*time.Hour+50*time.Minute), ago(30*time.Hour)
	never := inbox.Conversation{Inbox: "sales"}
	for _, c := range []struct {
		rule   string
		c      inbox.Conversation
		s      staff
		note   bool
		link   LinkState
		mode   ComposerMode
		button string
		hint   string
	}{
		{"an open window sends", open, s, false, LinkOnline, ComposerReply, "Send", ""},
		{"without a connection it queues", open, s, false, LinkUnreachable, ComposerReply, "Queue", ""},
		{"connecting is not offline", open, s, false, LinkConnecting, ComposerReply, "Send", ""},
		{"little time is said", soon, s, false, LinkOnline, ComposerReply, "Send", "10 min left to reply freely"},
		{"notes go to colleagues", closed, s, true, LinkOnline, ComposerNote, "Add note", ""},
		{"a closed window offers a note", closed, s, false, LinkOnline, ComposerClosed, "", ""},
		{"before the customer wrote it is closed", never, s, false, LinkOnline, ComposerClosed, "", ""},
		{"who may not write reads", open, newStaff(auditor, m.people), true, LinkOnline, ComposerRead, "", ""},
		{"who works elsewhere reads", inbox.Conversation{Inbox: "support", LastInbound: ago(time.Hour)}, s, false, LinkOnline, ComposerRead, "", ""},
	} {
		v := composerView(c.c, inbox.Inbox{}, c.note, true, c.link, c.s, at1453)
		if v.Mode != c.mode || v.Button != c.button || v.Hint != c.hint {
			t.Errorf("%s: %+v", c.rule, v)
		}
	}
	if v := composerView(closed, inbox.Inbox{}, false, true, LinkOnline, s, at1453); v.Title != "The 24-hour reply window closed at 08:53" {
		t.Error(v.Title)
	}
	if v := composerView(open, inbox.Inbox{}, false, false, LinkOnline, s, at1453); !strings.Contains(v.Placeholder, "Ctrl+Enter sends") {
		t.Error(v.Placeholder)
	}
}

func TestCounterAppearsWhenItMatters(t *testing.T) {
	english(t)
	for n, want := range map[int]string{10: "", counterFrom - 1: "", counterFrom: "3,500/4,096", 4096: "4,096/4,096"} {
		if got := counter(strings.Repeat("ä", n)); got != want {
			t.Errorf("%d characters: %q", n, got)
		}
	}
}

func TestStatusStripSpeaksOnlyWhenItMust(t *testing.T) {
	english(t)
	for _, c := range []struct {
		link   Link
		text   string
		action bool
	}{
		{Link{State: LinkOnline}, "", false},
		{Link{State: LinkOnline, Behind: 3}, "", false},
		{Link{State: LinkOnline, Behind: 1234}, "Catching up: 1,234 messages behind", false},
		{Link{State: LinkConnecting, Since: noon.Add(-time.Second)}, "", false},
		{Link{State: LinkConnecting, Since: noon.Add(-3 * time.Second)}, "Connecting to the company's server…", false},
		{Link{State: LinkNoNetwork}, "Offline. Messages wait here and go out later.", true},
		{Link{State: LinkUpdate}, "This app must be updated to connect. You can still read.", false},
		{Link{State: LinkRevoked}, "Your company excluded this device. Nothing new arrives.", false},
	} {
		v := statusView(c.link, noon)
		if v.Text != c.text || (v.Action != "") != c.action {
			t.Errorf("%+v: %+v", c.link, v)
		}
	}
	for s := LinkNoNetwork; s <= LinkNotAdmitted; s++ {
		if v := statusView(Link{State: s}, noon); v.Text == "" || strings.HasPrefix(v.Text, "status.") || v.Icon == "" || linkWord(s) == "" {
			t.Errorf("state %d is not shown: %+v", s, v)
		}
	}
}

func TestTheStripDoesNotBlinkWhileTryingAgain(t *testing.T) {
	down, online := Link{State: LinkUnreachable}, Link{State: LinkOnline}
	trying := Link{State: LinkConnecting, Since: noon}
	for _, c := range []struct {
		was, now Link
		at       time.Duration
		want     LinkState
	}{
		{down, trying, time.Second, LinkUnreachable},
		{down, trying, 3 * time.Second, LinkConnecting},
		{online, trying, time.Second, LinkOnline},
		{down, online, 0, LinkOnline},
		{trying, trying, time.Second, LinkConnecting},
	} {
		if got := steady(c.was, c.now, noon.Add(c.at)); got.State != c.want {
			t.Errorf("%+v: state %d", c, got.State)
		}
	}
}

func TestEveryTroubleHasASentenceAndAWayOn(t *testing.T) {
	english(t)
	for tr := TroubleUnknown; tr <= TroubleFull; tr++ {
		v := startView(fmt.Errorf("opening: %w", tr))
		if v.Title == "" || v.Text == "" || v.Button == "" || v.Way == WayNone || strings.HasPrefix(v.Title, "start.") {
			t.Errorf("%v: %+v", tr, v)
		}
	}
	for tr := TroubleNotEnrolment; tr <= TroubleServer; tr++ {
		v := enrolView(&Enrolling{}, fmt.Errorf("enrolling: %w", tr), nil)
		if v.Error == "" && v.Alarm == "" || v.Busy || strings.HasPrefix(v.Error, "enrol.") {
			t.Errorf("%v: %+v", tr, v)
		}
	}
	v := enrolView(&Enrolling{}, fmt.Errorf("enrolling: %w", Mismatch{Want: "AA", Got: "BB"}), nil)
	if !strings.Contains(v.Alarm, "AA") || !strings.Contains(v.Alarm, "BB") || v.AlarmBig == "" {
		t.Errorf("both fingerprints are shown: %+v", v)
	}
	if !errors.Is(fmt.Errorf("x: %w", Mismatch{}), TroubleCertificate) {
		t.Error("a mismatch is certificate trouble")
	}
	if v := startView(TroubleKeyring); !v.Auto {
		t.Error("a locked keyring is tried again by itself")
	}
}

func TestPeopleAreOfferedWhoCouldAnswer(t *testing.T) {
	english(t)
	m := newMemory()
	m.people = append(m.people, inbox.Person{ID: "far", Name: "Far Away", Role: inbox.Agent, Inboxes: []inbox.InboxID{"support"}},
		inbox.Person{ID: "aud", Name: "Audit Or", Role: inbox.Auditor, Inboxes: []inbox.InboxID{"sales"}})
	s := newStaff(m.me, m.people)
	titles := func(c inbox.Conversation) string {
		var out []string
		for _, p := range colleagues(s, c, nil) {
			out = append(out, p.Title)
		}
		return strings.Join(out, ", ")
	}
	if got := titles(inbox.Conversation{Inbox: "sales"}); got != "Assign to me, Sabine Lang, Tobias Brandt" {
		t.Error(got)
	}
	if got := titles(inbox.Conversation{Inbox: "sales", Assignee: "me"}); got != "Sabine Lang, Tobias Brandt, Assign to nobody" {
		t.Error(got)
	}
}

func TestContactPanelSaysWhyFieldsAreHidden(t *testing.T) {
	english(t)
	m := company()
	c := m.rows["k"].Conversation
	v := contactView(c, m.messages["k"], newStaff(m.me, m.people), at1453)
	var fields []string
	for _, f := range v.Fields {
		text := f.Text
		if f.Chip != nil {
			text = f.Chip.Text
		}
		fields = append(fields, fmt.Sprintf("%s=%s/%v", f.Label, text, f.Masked))
	}
	want := "Name=Katharina W./true Phone=+49 ••• ••47/true E-mail=k•••@•••.de/true Alias=K7-MX4Q/false Country=Germany/false Reply window=Reply window 23 h/false Consent to advertising=Unknown: ask before advertising/false Assigned to=You/false"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if v.Policy == "" || len(v.Notes) != 1 || v.Line != "Customer since Mar 2023" {
		t.Errorf("%+v", v)
	}
	v.Gone = true // the fields alone
	rows := (&contactPane{}).lay(v)
	if at := slices.IndexFunc(rows, func(r sideRow) bool { return r.kind == sidePolicy }); at < 0 || v.Fields[rows[at-1].at].Label != "E-mail" {
		t.Error("why fields are hidden is not said below the last of them")
	}
	if v := contactView(inbox.Conversation{Contact: inbox.Contact{Alias: "A"}}, nil, newStaff(m.me, m.people), at1453); v.Policy != "" {
		t.Error("nothing is hidden where nothing is known")
	}
}

func TestCopiesAreWhatIsShown(t *testing.T) {
	english(t)
	m := newMemory()
	msg := in(time.Minute, "")
	msg.Body = inbox.NewMasked(inbox.Span{Text: "Call "}, inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••47"})
	if got := copyText(itemView(&msg, newStaff(m.me, m.people), at1453)); got != "Call +49 ••• ••47" {
		t.Error(got)
	}
}

func TestInitialsAreLettersOfOneScript(t *testing.T) {
	for name, want := range map[string]string{"Katharina W.": "KW", "Øyvind Hansen": "ØH", "Sofia": "S", "李 伟": "李", "محمد A.": "م", "": "", "•••": "", "K7-MX4Q": "K"} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestKeysAreFreeOfConflictsAndHaveNames(t *testing.T) {
	if err := kit.CheckBindings(bindings()); err != nil {
		t.Error(err)
	}
	texts := translations(t, "en")
	for _, b := range bindings() {
		if _, ok := texts[b.Label]; !ok {
			t.Errorf("action %s has no name", b.ID)
		}
	}
}

func translations(t *testing.T, language string) map[string]any {
	t.Helper()
	data, err := assets.Translations(language)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

func TestTranslationsAreComplete(t *testing.T) {
	want := translations(t, "en")
	for _, l := range assets.Languages() {
		got := translations(t, l)
		if a, b := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)); !slices.Equal(a, b) {
			for _, k := range a {
				if _, ok := got[k]; !ok {
					t.Errorf("%s has no %s", l, k)
				}
			}
			for _, k := range b {
				if _, ok := want[k]; !ok {
					t.Errorf("%s has %s, which en has not", l, k)
				}
			}
		}
		for k := range want {
			for _, form := range []string{"one", "other"} {
				a, b := formOf(want[k], form), formOf(got[k], form)
				if holes(a) != holes(b) {
					t.Errorf("%s %s has other placeholders than en: %s, %s", l, k, holes(b), holes(a))
				}
				if (a == "") != (b == "") {
					t.Errorf("%s %s is empty", l, k)
				}
			}
		}
	}
}

// formOf is a text, or one of its plural forms.
func formOf(v any, form string) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		s, _ := v[form].(string)
		return s
	}
	return ""
}

func holes(text string) string {
	var list []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestWordsKeepTheHouseStyle(t *testing.T) {
	forms := map[string]*regexp.Regexp{
		"en": regexp.MustCompile(`(?i)!|\bplease\b|session|oops|sorry`),
		"de": regexp.MustCompile(`(?i)!|\bbitte\b|\bdu\b|\bdein\w*\b|\bdir\b`),
		"it": regexp.MustCompile(`(?i)!|per favore|\blei\b|\bsuo account\b`),
	}
	for l, bad := range forms {
		for k, v := range translations(t, l) {
			for _, form := range []string{"one", "other"} {
				if text := formOf(v, form); bad.MatchString(text) {
					t.Errorf("%s %s: %q", l, k, text)
				}
			}
		}
	}
}

func TestEveryKeyInTheCodeIsTranslated(t *testing.T) {
	texts := translations(t, "en")
	call := regexp.MustCompile(`\b(?:word|count|masked|pill|down|final)\((?:[^"()]*, )?"([a-z]+\.[a-z0-9.]+)"`)
	used := 0
	for name, src := range sources(t) {
		for _, m := range call.FindAllStringSubmatch(src, -1) {
			if strings.HasSuffix(m[1], ".") {
				continue
			}
			used++
			if _, ok := texts[m[1]]; !ok && texts[m[1]+".one"] == nil {
				t.Errorf("%s uses %s, which has no text", name, m[1])
			}
		}
	}
	if used < 150 {
		t.Errorf("only %d keys found: the search is wrong", used)
	}
}

func TestLanguagesSwitchWhileRunning(t *testing.T) {
	for _, l := range []struct{ code, send, undo string }{{"de", "Senden", "Rückgängig"}, {"it", "Invia", "Annulla"}, {"en", "Send", "Undo"}} {
		if err := speak(l.code); err != nil {
			t.Fatal(err)
		}
		if got := word("composer.send"); got != l.send {
			t.Errorf("%s: %q", l.code, got)
		}
		if got := lang.L("Undo"); got != l.undo {
			t.Errorf("%s: Fyne's own words stay %q", l.code, got)
		}
	}
	if err := speak("fr"); err == nil {
		t.Error("a language we do not have is an error")
	}
	if nearest("de-AT") != "de" || nearest("fr") != "en" || nearest("") != "en" {
		t.Error("the nearest language is found by its tag")
	}
}

func TestPluralsFollowTheNumber(t *testing.T) {
	english(t)
	for n, want := range map[int]string{1: "Catching up: 1 message behind", 2: "Catching up: 2 messages behind", 12345: "Catching up: 12,345 messages behind"} {
		if got := count("status.behind", n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestCloudsNeedAWholePicture(t *testing.T) {
	if img := cloud(blur(), 140, 84); img == nil || img.Bounds().Dx() != 140 || img.Bounds().Dy() != 84 {
		t.Error("a whole picture becomes a cloud of the size asked for")
	}
	for _, bad := range [][]byte{nil, {8}, {0, 1, 2, 3}, {8, 1, 2, 3}, append(blur(), 1)} {
		if cloud(bad, 140, 84) != nil {
			t.Errorf("%d bytes became a picture", len(bad))
		}
	}
}

func TestSeveralConversationsCanBeGivenToWhoHasOneOfThem(t *testing.T) {
	s := staff{me: inbox.Person{ID: "me", Name: "Test Agent", Role: inbox.Agent}}
	offered := func(assignee inbox.PersonID) (out []inbox.PersonID) {
		for _, c := range colleagues(s, inbox.Conversation{Assignee: assignee}, nil) {
			out = append(out, c.ID)
		}
		return out
	}
	for assignee, want := range map[inbox.PersonID][]inbox.PersonID{"me": {""}, "": {"me"}, severalPeople: {"me", ""}} {
		if got := offered(assignee); !slices.Equal(got, want) {
			t.Errorf("where %q answers, %q are offered, want %q", assignee, got, want)
		}
	}
}
