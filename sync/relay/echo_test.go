package relay

import (
	"slices"
	"testing"

	"sealdesk/app/inbox"
)

// echoed is something the company did in the Business app.
func echoed(id string, at string, kind string, more any) []byte {
	return hook(testNumber, "smb_message_echoes", object{"message_echoes": []any{object{
		"from": "493023125100", "to": "4915155501234", "to_user_id": "DE.1349120865530274", "id": "wamid." + id, "timestamp": at,
		"type": kind, kind: more,
	}}})
}

func TestAnEchoIsShownMovesNoWindowAndIsAnIncident(t *testing.T) {
	echo := echoed("E1", "1790000100", "text", text("call us, or write to help@company.example"))
	statuses := [][]byte{
		statusHook("E1", "sent", 1790000101, nil), statusHook("E1", "delivered", 1790000102, nil), statusHook("E1", "read", 1790000103, nil),
	}
	for name, all := range map[string][][]byte{
		"the echo first": append([][]byte{echo}, statuses...),
		"the echo last":  append(slices.Clone(statuses), echo),
		"read overtakes": {echo, statuses[2], statuses[0], statuses[1]},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIntakeDesk(t)
			d.feed(from(testNumber, byBoth, "A", 1790000000, "text", text("one")))
			window := d.conversations(d.one)[0].WindowCloses()
			for _, b := range all {
				d.feed(b)
			}
			d.feed(all...)
			m := d.messages(d.one)
			if len(m) != 2 || !m[1].Outside || m[1].Side != inbox.FromPerson || m[1].Author != "" || m[1].Receipt != inbox.Read {
				t.Fatalf("%d items, or the wrong end", len(m))
			}
			if c := d.conversations(d.one); len(c) != 1 || c[0].WindowCloses() != window {
				t.Error("an echo moved the window")
			}
			if n := d.incidents()[inbox.IncidentSentOutside]; n != 1 {
				t.Errorf("counted %d times", n)
			}
			if !d.conversations(d.one)[0].Contact.Email.IsZero() {
				t.Error("the company's address is taken for the customer's")
			}
			d.noLeak("4915155501234", "1349120865530274", "help@company.example")
		})
	}
}

func TestWhatIsDoneInTheAppToAMessageIsShown(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(
		from(testNumber, byBoth, "A", 1790000000, "text", text("one")),
		echoed("E1", "1790000100", "text", text("frist")),
		echoed("X1", "1790000101", "edit", object{"original_message_id": "wamid.E1", "message": object{"type": "text", "text": text("first")}}),
		echoed("E2", "1790000102", "document", object{"id": "9988776655", "mime_type": "application/pdf", "filename": "offer for anna@example.com.pdf", "caption": "our offer"}),
		echoed("E3", "1790000103", "text", text("oops")),
		echoed("X2", "1790000104", "revoke", object{"original_message_id": "wamid.E3"}),
		echoed("X3", "1790000105", "reaction", object{"message_id": "wamid.A", "emoji": "👍"}),
	)
	m := d.messages(d.one)
	switch {
	case len(m) != 4:
		t.Fatalf("%d items", len(m))
	case len(m[0].Reactions) != 1 || m[0].Reactions[0].Side != inbox.FromPerson:
		t.Error("the reaction is not the company's")
	case m[1].Body.Visible() != "first" || m[1].Edited == 0:
		t.Error("the edit is not shown")
	case m[2].Kind != inbox.Document || m[2].Media == nil || !m[2].Media.Name.Hides() || m[2].Body.Visible() != "our offer" || !m[2].Outside:
		t.Error("the file is not shown, or its name shows an address")
	case m[3].Kind != inbox.Deleted:
		t.Error("what was taken back is shown")
	}
	if !d.conversations(d.one)[0].Contact.Email.IsZero() {
		t.Error("an address in the name of the company's file is taken for the customer's")
	}
	d.noLeak("4915155501234", "1349120865530274", "anna@example.com", "9988776655")
}

func TestAMessageTheRelayDoesNotKnowIsAnIncidentOnce(t *testing.T) {
	for name, callback := range map[string]string{"no callback": "", "somebody else's": "order-4711", "one that looks like ours": "abcdefghijkmnpqrstuvwxyz23"} {
		t.Run(name, func(t *testing.T) {
			d := newIntakeDesk(t)
			d.feed(from(testNumber, byBoth, "A", 1790000000, "text", text("one")))
			for range 2 {
				for i, state := range []string{"sent", "delivered", "read"} {
					more := object{"recipient_id": "4915155501234"}
					if callback != "" {
						more["biz_opaque_callback_data"] = callback
					}
					d.feed(statusHook("F1", state, 1790000100+int64(i), more))
				}
			}
			all, err := d.Incidents(t.Context(), false)
			if err != nil || len(all) != 1 || all[0].Kind != inbox.IncidentSentOutside || all[0].Count != 1 {
				t.Fatalf("%d incidents, %v", len(all), err)
			}
			if all[0].Conversation != d.conversations(d.one)[0].ID {
				t.Error("nobody is told whom it reached")
			}
			d.noLeak("4915155501234", "order-4711")
		})
	}
}

func TestAStrangersStatusMakesNoContact(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(statusHook("F1", "sent", 1790000100, object{"recipient_id": "4915155509999"}))
	if c := d.conversations(d.one); len(c) != 0 || d.incidents()[inbox.IncidentSentOutside] != 1 {
		t.Errorf("%d conversations", len(c))
	}
	if n := d.rows("vault")["contact"]; n != 0 {
		t.Errorf("%d contacts", n)
	}
}
