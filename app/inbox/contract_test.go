package inbox

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFreeEntryNeedsAnAnswerInTime(t *testing.T) {
	const start = Moment(1_790_000_000_000)
	for _, c := range []struct {
		rule   string
		answer time.Duration
		side   Side
		kind   MessageKind
		want   Moment
	}{
		{"answered within a day", time.Hour, FromPerson, Text, start.Add(time.Hour + FreeEntry)},
		{"answered too late", ReplyWindow, FromPerson, Templated, 0},
		{"a note is no answer", time.Hour, FromPerson, Note, 0},
		{"the customer's own message is none", time.Hour, FromContact, Text, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var row Conversation
			row.Apply(Event{Seq: 1, At: start, Body: MessageAdded{Message{ID: "a", Seq: 1, At: start, Side: FromContact, Kind: Text, Referral: &Referral{}}}}, "")
			at := start.Add(c.answer)
			row.Apply(Event{Seq: 2, At: at, Body: MessageAdded{Message{ID: "b", Seq: 2, At: at, Side: c.side, Kind: c.kind}}}, "")
			if row.FreeUntil != c.want {
				t.Errorf("free until %d, want %d", row.FreeUntil, c.want)
			}
			if row.FreeUntil != 0 && row.WindowOpen(start.Add(ReplyWindow)) {
				t.Error("a free entry keeps the reply window open")
			}
		})
	}
}

func TestAnAnswerDoesNotProlongFreeEntry(t *testing.T) {
	const start = Moment(1_790_000_000_000)
	row := Conversation{Referred: start}
	for i, after := range []time.Duration{time.Hour, 2 * time.Hour} {
		seq, at := uint64(i+1), start.Add(after)
		row.Apply(Event{Seq: seq, At: at, Body: MessageAdded{Message{ID: "m", Seq: seq, At: at, Side: FromPerson, Kind: Text}}}, "")
	}
	if want := start.Add(time.Hour + FreeEntry); row.FreeUntil != want {
		t.Errorf("free until %d, want %d", row.FreeUntil, want)
	}
	if row.CostOf(Marketing, row.FreeUntil-1) != CostFree || row.CostOf(Marketing, row.FreeUntil) != CostMarketing || row.CostOf(0, row.FreeUntil) != CostService {
		t.Error("a message is in another class than WhatsApp bills it under")
	}
}

func TestConsent(t *testing.T) {
	for _, c := range []struct {
		rule    string
		consent Consent
		want    map[TemplateCategory]bool
	}{
		{"nobody asked", Consent{}, map[TemplateCategory]bool{Utility: true, Authentication: true}},
		{"marketing given", Consent{Marketing: Given}, map[TemplateCategory]bool{Utility: true, Authentication: true, Marketing: true}},
		{"marketing stopped", Consent{Marketing: Withdrawn}, map[TemplateCategory]bool{Utility: true, Authentication: true}},
		{"all stopped", Consent{Marketing: Given, Templates: Withdrawn}, nil},
	} {
		for _, category := range []TemplateCategory{Utility, Marketing, Authentication} {
			if got := c.consent.Allows(category); got != c.want[category] {
				t.Errorf("%s: category %d allowed is %v", c.rule, category, got)
			}
		}
	}
}

func TestATemplateIsSentOnlyWhenItIsWhole(t *testing.T) {
	whole := Template{State: TemplateApproved, Body: "Hello {{1}}, your {{2}} is ready", Fields: []TemplateField{{Place: InBody, Name: "1"}, {Place: InBody, Name: "2"}}}
	if _, body := whole.Fill([]string{"Anna {{2}}", "bike"}); body != "Hello Anna {{2}}, your bike is ready" {
		t.Errorf("filled in as %q", body)
	}
	if _, body := whole.Fill([]string{"Anna"}); body != "Hello Anna, your {{2}} is ready" {
		t.Errorf("half filled in as %q", body)
	}
	for rule, c := range map[string]struct {
		change func(*Template)
		values []string
		media  bool
		ok     bool
	}{
		"whole":               {nil, []string{"Anna", "bike"}, false, true},
		"a value is missing":  {nil, []string{"Anna"}, false, false},
		"one too many":        {nil, []string{"Anna", "bike", "x"}, false, false},
		"a blank value":       {nil, []string{"Anna", " "}, false, false},
		"a value with a line": {nil, []string{"Anna", "a\nb"}, false, false},
		"paused":              {func(t *Template) { t.State = TemplatePaused }, []string{"Anna", "bike"}, false, false},
		"removed":             {func(t *Template) { t.Removed = true }, []string{"Anna", "bike"}, false, false},
		"picture is missing":  {func(t *Template) { t.Header.Kind = Image }, []string{"Anna", "bike"}, false, false},
		"with its picture":    {func(t *Template) { t.Header.Kind = Image }, []string{"Anna", "bike"}, true, true},
	} {
		tmpl := whole
		if c.change != nil {
			c.change(&tmpl)
		}
		if err := tmpl.Check(c.values, c.media); (err == nil) != c.ok || err != nil && !errors.Is(err, RefusedTemplate) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestVariables(t *testing.T) {
	values := map[Variable]string{VarContactName: "Anna {{agent.name}}", VarAgentName: "Tobias"}
	value := func(v Variable) (string, bool) { s, ok := values[v]; return s, ok }
	for text, want := range map[string]string{
		"Hello {{contact.name}}!":     "Hello Anna {{agent.name}}!", // a value is not looked into
		"{{ agent.name }}":            "Tobias",
		"{{1}} and {{curly} braces {": "{{1}} and {{curly} braces {",
		"{{not closed":                "{{not closed",
		"{{Contact.Name}}":            "{{Contact.Name}}",
	} {
		if got, err := Expand(text, value); err != nil || got != want {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"{{contact.phone}}", "{{contact.shoe_size}}"} {
		if _, err := Expand(text, value); !errors.Is(err, RefusedVariable) || !HasVariables(text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if HasVariables("{{1}} is no variable") {
		t.Error("a gap of a template was taken for a variable")
	}
}

func TestAnInteractiveMessageKeepsWithinWhatsAppsLimits(t *testing.T) {
	option := Option{Title: "Yes"}
	for rule, c := range map[string]struct {
		m    SendInteractive
		want error
	}{
		"two buttons":         {SendInteractive{Text: "Agree?", Options: []Option{option, {Title: "No"}}}, nil},
		"no button":           {SendInteractive{Text: "Agree?"}, RefusedEmpty},
		"no text":             {SendInteractive{Options: []Option{option}}, RefusedEmpty},
		"four buttons":        {SendInteractive{Text: "x", Options: []Option{{Title: "a"}, {Title: "b"}, {Title: "c"}, {Title: "d"}}}, RefusedTooLong},
		"four rows":           {SendInteractive{Text: "x", Menu: "Choose", Options: []Option{{Title: "a"}, {Title: "b"}, {Title: "c"}, {Title: "d"}}}, nil},
		"the same twice":      {SendInteractive{Text: "x", Options: []Option{option, option}}, RefusedMalformed},
		"a note on a button":  {SendInteractive{Text: "x", Options: []Option{{Title: "a", Note: "b"}}}, RefusedMalformed},
		"a long button":       {SendInteractive{Text: "x", Options: []Option{{Title: strings.Repeat("a", 21)}}}, RefusedTooLong},
		"a long row":          {SendInteractive{Text: "x", Menu: "m", Options: []Option{{Title: strings.Repeat("a", 24)}}}, nil},
		"a body over 1,024":   {SendInteractive{Text: strings.Repeat("a", 1025), Options: []Option{option}}, RefusedTooLong},
		"a button of nothing": {SendInteractive{Text: "x", Options: []Option{{Title: " "}}}, RefusedEmpty},
	} {
		if err := CheckInteractive(c.m); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", rule, err, c.want)
		}
	}
}

func TestErasureTakesTwoPeople(t *testing.T) {
	officer := Person{ID: "o", Role: PrivacyOfficer, Inboxes: []InboxID{"sales"}}
	other := Person{ID: "s", Role: Supervisor, Inboxes: []InboxID{"sales"}}
	agent := Person{ID: "a", Role: Agent, Inboxes: []InboxID{"sales"}}
	it := Person{ID: "i", Role: ITAdmin, Inboxes: []InboxID{"sales"}}
	r := Request{Kind: RequestErasure, Inbox: "sales"}
	decide := func(r Request, p Person, agree bool, want RequestState, err error) {
		t.Helper()
		if got, e := RequestDecision(r, p, agree); got != want || !errors.Is(e, err) {
			t.Errorf("got %d, %v; want %d, %v", got, e, want, err)
		}
	}
	decide(r, agent, true, RequestOpen, RefusedRight)
	decide(r, it, true, RequestOpen, RefusedRight)
	decide(r, officer, true, RequestSeconded, nil)
	seconded := r
	seconded.State, seconded.First = RequestSeconded, officer.ID
	decide(seconded, officer, true, RequestSeconded, RefusedRight)
	decide(seconded, other, true, RequestApproved, nil)
	decide(seconded, officer, false, RequestRefused, nil)
	done := r
	done.State = RequestDone
	decide(done, other, true, RequestDone, RefusedState)
	decide(Request{Kind: RequestData, Inbox: "sales"}, officer, true, RequestApproved, nil)
}

func TestATakenBackMessageStaysTakenBack(t *testing.T) {
	m := Message{ID: "m", Kind: Text, Body: PlainText("old")}
	if !ApplyTo(&m, MessageChanged{Message: "m", Body: PlainText("new"), At: 20}) || m.Body.Visible() != "new" || m.Edited != 20 {
		t.Fatal("an edit is not there")
	}
	if ApplyTo(&m, MessageChanged{Message: "m", Body: PlainText("older"), At: 10}) {
		t.Error("an older edit came later and won")
	}
	if !ApplyTo(&m, MessageChanged{Message: "m", Deleted: true, At: 5}) || m.Kind != Deleted || !m.Body.IsZero() {
		t.Error("a message taken back still says something")
	}
	row := Conversation{LastID: "m", LastKind: Text, Snippet: PlainText("old")}
	row.Apply(Event{Seq: 2, Body: MessageChanged{Message: "m", Deleted: true, At: 5}}, "")
	row.Apply(Event{Seq: 3, Body: MessageChanged{Message: "m", Body: PlainText("again"), At: 30}}, "")
	if row.LastKind != Deleted || !row.Snippet.IsZero() {
		t.Error("the row of a conversation shows what was taken back")
	}
	if ApplyTo(&m, MediaChanged{Message: "m", Media: Media{ID: "late"}}) {
		t.Error("a message taken back got its picture")
	}
	if ApplyTo(&m, MessageChanged{Message: "m", Body: PlainText("again"), At: 30}) {
		t.Error("a message taken back was edited")
	}
}

func TestAJoinedConversationStaysClosed(t *testing.T) {
	var row Conversation
	row.Apply(Event{Seq: 1, Body: ConversationJoined{Conversation: "a", Into: "b"}}, "")
	row.Apply(said(2, 5, FromContact, "", "late"), "")
	if row.State != Closed || row.Into != "b" {
		t.Error("a late message opened a conversation that goes on elsewhere")
	}
}
