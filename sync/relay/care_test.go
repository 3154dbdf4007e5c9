package relay

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// caring is a desk whose first inbox says by itself that nobody is there, and asks how it went.
func caring(t *testing.T) (*intakeDesk, inbox.Person) {
	t.Helper()
	d := newIntakeDesk(t)
	desk := &d.cfg.Inboxes[0].DeskConfig
	desk.Rating, desk.Away, desk.Hours.Monday = true, map[string]string{"en": "Nobody is here."}, []string{"09:00-09:01"}
	p, err := d.AddPerson(t.Context(), "Tobias Brandt", inbox.Supervisor, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, p
}

func (d *intakeDesk) says(who object, id, words string) {
	d.t.Helper()
	d.now = d.now.Add(time.Second)
	d.feed(from(testNumber, who, id, d.now.Unix(), "text", text(words)))
}

func (d *intakeDesk) grants(p inbox.Person, b inbox.IntentBody) inbox.Refusal {
	d.t.Helper()
	return d.wish(context.Background(), p, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: b}).Refusal
}

// own are the messages the relay wrote by itself.
func (d *intakeDesk) own(kind inbox.MessageKind) (all []inbox.Message) {
	for _, m := range d.messages(d.one) {
		if m.Side == inbox.FromPerson && m.Author == "" && m.Kind == kind {
			all = append(all, m)
		}
	}
	return all
}

// presses answers the question how it went with its nth option.
func (d *intakeDesk) presses(who object, id string, question inbox.Message, c inbox.Conversation, n int) {
	d.t.Helper()
	ref, err := outbound.NewRef(context.Background(), d.vault, c.Contact.ID, whatsapp.NewMessageID("wamid.Q"+string(question.ID)), question.ID)
	if err == nil {
		err = d.db.Update(context.Background(), eventlog.Shard(d.one.Log()), ref.Bind)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.now = d.now.Add(time.Second)
	d.feed(hook(testNumber, "messages", object{"contacts": []any{who}, "messages": []any{object{
		"from": who["wa_id"], "from_user_id": who["user_id"], "id": "wamid." + id, "timestamp": d.now.Unix(), "type": "interactive",
		"interactive": object{"type": "list_reply", "list_reply": object{"id": inbox.OptionID(n), "title": "Gut"}},
		"context":     object{"id": "wamid.Q" + string(question.ID)},
	}}}))
}

func (d *intakeDesk) row(id inbox.ConversationID) inbox.Conversation {
	d.t.Helper()
	all := d.conversations(d.one)
	i := slices.IndexFunc(all, func(c inbox.Conversation) bool { return c.ID == id })
	if i < 0 {
		d.t.Fatal("there is no such conversation")
	}
	return all[i]
}

func TestARatingIsNoWorkDoneTwice(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello")
	id := d.conversations(d.one)[0].ID
	d.now = d.now.Add(10 * time.Minute)
	if no := d.grants(p, inbox.SetState{Conversation: id, State: inbox.Closed}); no != inbox.Granted {
		t.Fatal(no)
	}
	question := d.own(inbox.Interactive)
	if len(question) != 1 {
		t.Fatalf("asked %d times", len(question))
	}
	d.presses(anna, "R1", question[0], d.row(id), 1)
	if c := d.row(id); c.Rating != 4 || c.State != inbox.Closed {
		t.Fatalf("rated %d, state %d", c.Rating, c.State)
	}
	day := d.now.UTC().Format(time.DateOnly)
	r, err := d.askReport(t.Context(), asker{person: p}, inbox.AskReport{From: day, To: day, By: inbox.ByDay})
	if err != nil {
		t.Fatal(err)
	}
	if r.All.Closed != 1 || r.All.CloseMedian < 600 || r.All.Ratings != [5]int{3: 1} || r.All.Out != 0 {
		t.Errorf("the report says %+v", r.All)
	}
	b, err := d.askBoard(t.Context(), asker{person: p}, inbox.AskBoard{})
	if err != nil || b.Lines[0].Closed != 1 || b.Lines[0].Out != 0 {
		t.Errorf("the board says %+v, %v", b.Lines, err)
	}
	d.presses(anna, "R2", question[0], d.row(id), 0)
	if c := d.row(id); c.Rating != 4 || c.State != inbox.Open {
		t.Errorf("a list that was answered is answered again: %d, state %d", c.Rating, c.State)
	}
}

func TestARatingLeavesWhatIsPutOff(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello")
	id := d.conversations(d.one)[0].ID
	until := inbox.At(d.now).Add(5 * time.Hour)
	for _, b := range []inbox.SetState{{Conversation: id, State: inbox.Closed}, {Conversation: id, State: inbox.Snoozed, Until: until}} {
		if no := d.grants(p, b); no != inbox.Granted {
			t.Fatal(no)
		}
	}
	d.presses(anna, "R1", d.own(inbox.Interactive)[0], d.row(id), 0)
	if c := d.row(id); c.Rating != 5 || c.State != inbox.Snoozed || c.Until != until {
		t.Errorf("rated %d, state %d until %d", c.Rating, c.State, c.Until)
	}
	d.now = until.Time()
	if err := d.wake(t.Context(), d.one); err != nil || d.row(id).State != inbox.Open {
		t.Errorf("it sleeps on: %v", err)
	}
}

func TestNobodyIsToldUnasked(t *testing.T) {
	d, _ := caring(t)
	for i := range 3 {
		d.says(anna, string(rune('A'+i)), "hello")
	}
	if n := len(d.own(inbox.Text)); n != 1 {
		t.Fatalf("told %d times", n)
	}
	d.now = d.now.Add(9 * time.Hour)
	group := from(testNumber, anna, "G", d.now.Unix(), "text", text("hello all"))
	group = bytes.Replace(group, []byte(`"type":"text"`), []byte(`"group_id":"120363012345678901","type":"text"`), 1)
	if d.feed(group); len(d.own(inbox.Text)) != 1 {
		t.Error("who wrote to a group is told that nobody is there")
	}
	d.says(anna, "S", "STOP ALL")
	before := len(d.own(inbox.Text)) // that was answered
	d.says(anna, "T", "one more thing")
	if n := len(d.own(inbox.Text)); n != before {
		t.Error("who wants no automatic messages gets one")
	}
}

func TestNothingThatIsKeptByConversationOutlivesItsCustomer(t *testing.T) {
	d, p := caring(t)
	d.says(anna, "A", "hello")
	id := d.conversations(d.one)[0].ID
	for _, b := range []inbox.IntentBody{
		inbox.EditTask{Conversation: id, Task: "task", Text: "Kanarienvogel"},
		inbox.SetState{Conversation: id, State: inbox.Closed},
		inbox.SetState{Conversation: id, State: inbox.Snoozed, Until: inbox.At(d.now).Add(time.Hour)},
	} {
		if no := d.grants(p, b); no != inbox.Granted {
			t.Fatal(no)
		}
	}
	kept := func() (all []string) {
		err := d.db.View(t.Context(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
			all = nil
			for _, bucket := range []string{bucketAlarm, bucketAway, bucketRating} {
				for key := range tx.Scan(bucket, nil, nil) {
					if bytes.Contains(key, []byte(id)) {
						all = append(all, bucket)
					}
				}
			}
			return tx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if len(kept()) != 3 || len(where(d.dump(), "Kanarienvogel")) == 0 {
		t.Fatalf("only %v are kept; the test proves nothing", kept())
	}
	err := d.eraseIn(t.Context(), d.one, []erasureOrder{{inbox.Request{ID: "request"}, []inbox.ContactID{d.row(id).Contact.ID}}})
	if err != nil || len(kept()) != 0 {
		t.Errorf("%v are left: %v", kept(), err)
	}
	if at := where(d.dump(), "Kanarienvogel"); len(at) > 0 {
		t.Errorf("a task is still in %v", at)
	}
}

func TestWorkOnTheYoungerConversationGoesOnInTheOlder(t *testing.T) {
	d, p := caring(t)
	d.says(byNumber, "A", "by number")
	elder := d.conversations(d.one)[0].ID
	d.says(byUser, "B", "by user id")
	all := d.conversations(d.one)
	young := all[slices.IndexFunc(all, func(c inbox.Conversation) bool { return c.ID != elder })].ID
	for _, id := range []inbox.TagID{"offer", "late"} {
		if _, err := d.editTag(t.Context(), asker{person: p}, inbox.EditTag{Tag: inbox.Tag{ID: id, Name: string(id)}}); err != nil {
			t.Fatal(err)
		}
	}
	until := inbox.At(d.now).Add(30 * time.Hour)
	for _, b := range []inbox.IntentBody{
		inbox.SetTags{Conversation: elder, Add: []inbox.TagID{"late"}},
		inbox.SetTags{Conversation: young, Add: []inbox.TagID{"offer", "late"}},
		inbox.EditTask{Conversation: young, Task: "call", Text: "call", Due: until},
		inbox.SetState{Conversation: elder, State: inbox.Closed},
		inbox.SetState{Conversation: young, State: inbox.Closed},
		inbox.SetState{Conversation: young, State: inbox.Snoozed, Until: until},
	} {
		d.now = d.now.Add(time.Second)
		if no := d.grants(p, b); no != inbox.Granted {
			t.Fatalf("%T: %d", b, no)
		}
	}
	question := d.own(inbox.Interactive)
	asked := question[slices.IndexFunc(question, func(m inbox.Message) bool { return m.Conversation == young })]
	// It is another inbox that learns who he is: nobody writes here.
	d.feed(from(otherNumber, byBoth, "C", d.now.Unix(), "text", text("both")))
	if d.row(young).Into != elder {
		t.Fatal("they are not joined")
	}
	c := d.row(elder)
	if !slices.Equal(c.Tags, []inbox.TagID{"late", "offer"}) || len(c.Tasks) != 1 || c.Tasks[0].Due != until || c.State != inbox.Snoozed || c.Until != until {
		t.Errorf("tags %v, %d tasks, state %d until %d", c.Tags, len(c.Tasks), c.State, c.Until)
	}
	told := len(d.own(inbox.Text))
	d.presses(byUser, "R", asked, c, 0)
	if c := d.row(elder); c.Rating != 5 || c.State != inbox.Snoozed {
		t.Errorf("rated %d, state %d", c.Rating, c.State)
	}
	d.says(byUser, "D", "again")
	if len(d.own(inbox.Text)) != told {
		t.Error("he is told once more that nobody is there")
	}
	d.now = until.Time()
	if err := d.wake(t.Context(), d.one); err != nil || d.row(elder).State != inbox.Open {
		t.Errorf("it sleeps on: %v", err)
	}
	if no := d.grants(p, inbox.EditTask{Conversation: young, Task: "new", Text: "lost"}); no != inbox.RefusedJoined {
		t.Errorf("a task where nobody looks any more: %d", no)
	}
}

func TestWhatGoesSaysNothing(t *testing.T) {
	d, p := caring(t)
	a := asker{person: p}
	if _, err := d.editTag(t.Context(), a, inbox.EditTag{Tag: inbox.Tag{ID: "t", Name: "+49 151 55501234", Removed: true}}); err != nil {
		t.Error(err)
	}
	if _, err := d.editQuickReply(t.Context(), a, inbox.EditQuickReply{QuickReply: inbox.QuickReply{
		ID: "q", Shortcut: "+49 151 55501234", Text: "+49 151 55501234", Language: "+49 151 55501234", Inboxes: []inbox.InboxID{"+49 151 55501234"}, Removed: true,
	}}); err != nil {
		t.Error(err)
	}
	if _, err := d.editQuickReply(t.Context(), a, inbox.EditQuickReply{QuickReply: inbox.QuickReply{
		ID: "r", Shortcut: "r", Text: "x", Inboxes: []inbox.InboxID{"+49 151 55501234"},
	}}); !errors.Is(err, inbox.RefusedMalformed) {
		t.Errorf("a quick reply for an inbox that is none: %v", err)
	}
	if at := where(d.dump(), "55501234"); len(at) > 0 {
		t.Errorf("a number is in %v", at)
	}
}
