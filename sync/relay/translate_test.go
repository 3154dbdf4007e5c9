package relay

import (
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

func TestEveryTypeOfMessageIsShownAsWhatItIs(t *testing.T) {
	for name, want := range map[string]struct {
		kind inbox.MessageKind
		side inbox.Side
		body string // what is seen; "*" is anything
		more func(inbox.Message) bool
	}{
		"text":               {inbox.Text, inbox.FromContact, "*", nil},
		"text_quote_forward": {inbox.Text, inbox.FromContact, "*", func(m inbox.Message) bool { return m.Forwarded && m.Quote != nil }},
		"text_referral": {inbox.Text, inbox.FromContact, "Hi", func(m inbox.Message) bool {
			return m.Referral != nil && !m.Referral.Post && m.Referral.Headline.Visible() == "Heat pumps" && m.Referral.Body.Visible() == "Now"
		}},
		"text_product": {inbox.Text, inbox.FromContact, "Is it in stock?", func(m inbox.Message) bool {
			return m.Quote != nil && m.Quote.Side == inbox.FromPerson && m.Quote.Excerpt.Visible() == "hp-9"
		}},
		"text_with_wrong_body": {inbox.Unsupported, inbox.FromContact, "", nil},
		"image":                {inbox.Image, inbox.FromContact, "*", hasMedia("image/jpeg")},
		"video":                {inbox.Video, inbox.FromContact, "*", hasMedia("video/mp4")},
		"voice_legacy":         {inbox.Voice, inbox.FromContact, "", hasMedia("audio/ogg")},
		"audio_voice":          {inbox.Voice, inbox.FromContact, "", hasMedia("audio/ogg")},
		"document":             {inbox.Document, inbox.FromContact, "*", func(m inbox.Message) bool { return m.Media != nil && !m.Media.Name.IsZero() }},
		"sticker":              {inbox.Sticker, inbox.FromContact, "", hasMedia("image/webp")},
		"location":             {inbox.Location, inbox.FromContact, "≈ 46.45, 11.40", nil},
		"contacts":             {inbox.ContactCard, inbox.FromContact, "*", func(m inbox.Message) bool { return m.Body.Hides() }},
		"button_reply":         {inbox.Button, inbox.FromContact, "*", hasBody},
		"list_reply":           {inbox.Button, inbox.FromContact, "*", hasBody},
		"flow_reply":           {inbox.Button, inbox.FromContact, "*", hasBody},
		"interactive_unknown":  {inbox.Unsupported, inbox.FromContact, "", nil},
		"button":               {inbox.Button, inbox.FromContact, "*", hasBody},
		"order":                {inbox.Order, inbox.FromContact, "*", hasBody},
		"system_number":        {inbox.System, inbox.FromSystem, "", happens(inbox.WhatNewNumber)},
		"system_user_id":       {inbox.System, inbox.FromSystem, "", happens(inbox.WhatNewIdentity)},
		"system_identity":      {inbox.System, inbox.FromSystem, "", happens(inbox.WhatNewIdentity)},
		"request_welcome":      {inbox.System, inbox.FromSystem, "", happens(inbox.WhatChatOpened)},
		"unsupported":          {inbox.Unsupported, inbox.FromContact, "", nil},
		"media_placeholder":    {inbox.Unsupported, inbox.FromContact, "", nil},
		"unknown_type":         {inbox.Unsupported, inbox.FromContact, "", nil},
		"group_text":           {inbox.Unsupported, inbox.FromSystem, "", nil},
		"call_permission":      {inbox.Button, inbox.FromContact, "*", hasBody},
		"contacts_requested":   {inbox.ContactCard, inbox.FromContact, "*", func(m inbox.Message) bool { return m.Body.Hides() }},
		"text_context_bsuid":   {inbox.Text, inbox.FromContact, "*", func(m inbox.Message) bool { return m.Quote != nil }},
		"text_key_hash":        {inbox.Text, inbox.FromContact, "*", hasBody},
		"text_milliseconds":    {inbox.Text, inbox.FromContact, "*", hasBody},
		"text_parent_in_from":  {inbox.Text, inbox.FromContact, "*", hasBody},
		"user_id_in_from":      {inbox.Text, inbox.FromContact, "*", hasBody},
		"user_id_only":         {inbox.Text, inbox.FromContact, "*", hasBody},
		"wa_id_differs":        {inbox.Text, inbox.FromContact, "*", hasBody},
		"text_with_errors":     {inbox.Text, inbox.FromContact, "*", hasBody},
		"text_referral_video":  {inbox.Text, inbox.FromContact, "*", func(m inbox.Message) bool { return m.Referral != nil }},
		"unsupported_kind":     {inbox.Unsupported, inbox.FromContact, "", nil},
		"edit_strange":         {inbox.Unsupported, inbox.FromContact, "", nil},
		"echo": {inbox.Text, inbox.FromPerson, "from the app", func(m inbox.Message) bool {
			return m.Outside && m.Author == "" && m.Receipt == inbox.Sent
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIntakeDesk(t)
			body := fixture(t, name)
			d.feed(body, body)
			all := d.messages(d.one)
			if len(all) != 1 && name != "button" { // "Stop promotions" has consequences
				t.Fatalf("%d items", len(all))
			}
			m := all[0]
			if m.Kind != want.kind || m.Side != want.side {
				t.Errorf("kind %d of side %d", m.Kind, m.Side)
			}
			if want.body != "*" && m.Body.Visible() != want.body {
				t.Errorf("the text is another one, of %d bytes", len(m.Body.Visible()))
			}
			if want.more != nil && !want.more(m) {
				t.Errorf("something is missing")
			}
			c := d.conversations(d.one)
			if len(c) != 1 || (c[0].LastInbound != 0) != (want.side == inbox.FromContact) {
				t.Errorf("%d conversations, or the window is wrong", len(c))
			}
			d.noLeak(canaries(t, body)...)
		})
	}
}

func hasMedia(kind string) func(inbox.Message) bool {
	return func(m inbox.Message) bool { return m.Media != nil && m.Media.Type == kind }
}

func hasBody(m inbox.Message) bool { return !m.Body.IsZero() }

func happens(w inbox.What) func(inbox.Message) bool {
	return func(m inbox.Message) bool { return m.What == w }
}

var anna = object{"profile": object{"name": "Anna Beispiel"}, "wa_id": "4915155501234", "user_id": "DE.1349120865530274"}

func TestAFormShowsItsAnswersMasked(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, anna, "F1", 1790000000, "interactive", object{"type": "nfm_reply", "nfm_reply": object{
		"name": "flow", "body": "Sent",
		"response_json": `{"flow_token":"tok-4915155501234","first_visit":true,"guests":2,"mail":"anna@example.com","when":{"day":"Monday"},"extras":["Wi-Fi","Parking"]}`,
	}}))
	got := d.messages(d.one)[0].Body.Visible()
	for _, line := range []string{"Sent", "first visit: true", "guests: 2", "day: Monday", "extras: Wi-Fi", "extras: Parking", "mail: "} {
		if !strings.Contains(got, line) {
			t.Errorf("an answer is missing: %q", line)
		}
	}
	d.noLeak("anna@example.com", "tok-", "4915155501234")
}

func TestAFormThatIsNoneShowsNothing(t *testing.T) {
	for _, s := range []string{"", "x", "[1]", `{"a":`, `{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}`, `{"flow_token":{"x":1}}`} {
		if got := form(s); got != "" {
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
	}
}

func TestAPermissionToCallIsTold(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(
		from(testNumber, anna, "P1", 1790000000, "interactive", object{"type": "call_permission_reply", "call_permission_reply": object{"response": "accept"}}),
		from(testNumber, anna, "P2", 1790000001, "interactive", object{"type": "call_permission_reply", "call_permission_reply": object{"response": "reject"}}))
	m := d.messages(d.one)
	if len(m) != 2 || m[0].Kind != inbox.Button || m[0].Body.Equal(m[1].Body) || m[0].Body.IsZero() {
		t.Errorf("%d answers", len(m))
	}
}

// TestWhatIsDoneToAMessageCountsInAnyOrder has each act before and after the message it is about, twice.
func TestWhatIsDoneToAMessageCountsInAnyOrder(t *testing.T) {
	const at = 1790000000
	target := from(testNumber, anna, "M1", at, "text", text("first wording"))
	react := func(id string, at int64, emoji string) []byte {
		r := object{"message_id": "wamid.M1"}
		if emoji != "" {
			r["emoji"] = emoji
		}
		return from(testNumber, anna, id, at, "reaction", r)
	}
	edit := func(id string, at int64, now string) []byte {
		return from(testNumber, anna, id, at, "edit", object{"original_message_id": "wamid.M1", "message": object{"type": "text", "text": text(now)}})
	}
	revoke := from(testNumber, anna, "X1", at+9, "revoke", object{"original_message_id": "wamid.M1"})
	for name, x := range map[string]struct {
		acts [][]byte
		want func(inbox.Message) bool
	}{
		"a reaction": {[][]byte{react("R1", at+1, "👍")}, func(m inbox.Message) bool {
			return len(m.Reactions) == 1 && m.Reactions[0].Emoji == "👍" && m.Reactions[0].Side == inbox.FromContact
		}},
		"another reaction":     {[][]byte{react("R1", at+1, "👍"), react("R2", at+2, "🎉")}, func(m inbox.Message) bool { return len(m.Reactions) == 1 && m.Reactions[0].Emoji == "🎉" }},
		"a reaction and none":  {[][]byte{react("R1", at+1, "👍"), react("R2", at+2, "")}, func(m inbox.Message) bool { return len(m.Reactions) == 0 }},
		"an edit":              {[][]byte{edit("E1", at+1, "write to anna@example.com")}, func(m inbox.Message) bool { return m.Edited != 0 && m.Body.Hides() }},
		"two edits":            {[][]byte{edit("E1", at+1, "second"), edit("E2", at+2, "third")}, func(m inbox.Message) bool { return m.Body.Visible() == "third" }},
		"a revoke":             {[][]byte{revoke}, func(m inbox.Message) bool { return m.Kind == inbox.Deleted && m.Body.IsZero() }},
		"an edit and a revoke": {[][]byte{edit("E1", at+1, "second"), revoke}, func(m inbox.Message) bool { return m.Kind == inbox.Deleted && m.Body.IsZero() }},
	} {
		t.Run(name, func(t *testing.T) {
			for order := range 3 {
				d := newIntakeDesk(t)
				all := append([][]byte{target}, x.acts...)
				switch order {
				case 1: // the acts overtake, the last one first
					for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
						all[i], all[j] = all[j], all[i]
					}
				case 2:
					all = append(append([][]byte{}, x.acts...), target)
				}
				for _, b := range all { // each alone, so that no two share a transaction
					d.feed(b)
				}
				d.feed(all...)
				m := d.messages(d.one)
				if len(m) != 1 || !x.want(m[0]) {
					t.Errorf("order %d: %d items, or the wrong end", order, len(m))
				}
				d.noLeak("anna@example.com", "4915155501234", "Beispiel")
			}
		})
	}
}

func TestNobodyChangesWhatSomebodyElseWrote(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(fixture(t, "echo"))
	echo := "HBgMNDkxNzE1NTUwMTQ3FQIAERgSM0E0QTY1OTlBRUUwMzgxMDE0AA=="
	d.feed(from(testNumber, anna, "E1", 1790000000, "edit", object{"original_message_id": "wamid." + echo, "text": text("forged")}))
	d.feed(from(testNumber, anna, "E2", 1790000000, "revoke", object{"original_message_id": "wamid." + echo}))
	if m := d.messages(d.one); len(m) != 1 || m[0].Body.Visible() != "from the app" || m[0].Kind != inbox.Text {
		t.Errorf("%d items, or another text", len(m))
	}
}

func TestMillisecondsAndMissingIdsAreBorne(t *testing.T) {
	d := newIntakeDesk(t)
	body := hook(testNumber, "messages", object{"contacts": []any{anna}, "messages": []any{
		object{"from": "4915155501234", "timestamp": "1790000000000", "type": "text", "text": text("no name")},
		object{"from": "4915155501234", "id": "wamid.A", "type": "text", "text": text("no time")},
	}})
	d.feed(body, body)
	m := d.messages(d.one)
	if len(m) != 2 || m[0].At != 1790000000000 || m[1].At != inbox.At(d.now) {
		t.Errorf("%d items, or another time", len(m))
	}
	d.feed(hook(testNumber, "messages", object{"messages": []any{object{"id": "wamid.B", "type": "text", "text": text("nobody")}}}))
	if m := d.messages(d.one); len(m) != 2 {
		t.Error("a message from nobody is shown")
	}
}

func TestAnAdvertisementOpensTheFreeEntryPoint(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(fixture(t, "text_referral"))
	if c := d.conversations(d.one); c[0].Referred == 0 || c[0].FreeUntil != 0 {
		t.Error("where the customer came from is not known, or it is free before an answer")
	}
}

func TestMassDataIsRefusedAndNothingOfItKept(t *testing.T) {
	d := newIntakeDesk(t)
	for _, name := range []string{"history", "app_state_sync"} {
		for range 3 {
			d.feed(fixture(t, name))
		}
	}
	if n := d.incidents()[inbox.IncidentRefusedData]; n != 2 {
		t.Errorf("%d incidents on one day", n)
	}
	if c := d.conversations(d.one); len(c) != 0 {
		t.Errorf("%d conversations", len(c))
	}
	d.noLeak(append(canaries(t, fixture(t, "history")), canaries(t, fixture(t, "app_state_sync"))...)...)
	for bucket, n := range d.rows(string(d.one.Log())) {
		if n > 0 && (bucket == bucketOther || bucket == bucketOriginal) {
			t.Errorf("%d rows of %s", n, bucket)
		}
	}
	d.now = d.now.AddDate(0, 0, 1)
	d.feed(fixture(t, "history"))
	if n := d.incidents()[inbox.IncidentRefusedData]; n != 3 {
		t.Errorf("the next day: %d", n)
	}
}

func TestAChangeThatNamesCustomersIsNotKept(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(fixture(t, "preference"))
	if n := d.rows(string(d.one.Log()))[bucketOther]; n != 0 {
		t.Errorf("%d rows", n)
	}
	d.noLeak(canaries(t, fixture(t, "preference"))...)
}

// rows counts the rows of each bucket of a shard.
func (d *intakeDesk) rows(shard string) map[string]int {
	d.t.Helper()
	n := map[string]int{}
	err := d.db.View(d.t.Context(), shard, func(tx ledger.Tx) error {
		clear(n)
		buckets, err := tx.Buckets("")
		if err != nil {
			return err
		}
		for _, b := range buckets {
			for range tx.Scan(b, nil, nil) {
				n[b]++
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestAnIdentityThatChangedIsAnIncident(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(fixture(t, "text"), fixture(t, "system_identity"), fixture(t, "system_identity"))
	if n := d.incidents()[inbox.IncidentIdentity]; n != 1 {
		t.Errorf("%d incidents", n)
	}
}

func TestAnErrorOfTheAccountIsAnIncidentAtEveryLevel(t *testing.T) {
	fault := func(code int) []any {
		return []any{object{"code": code, "title": "x", "error_data": object{"details": "about 4915155501234"}}}
	}
	d := newIntakeDesk(t)
	for range 2 {
		d.feed(hook(testNumber, "messages", object{"errors": fault(131031)}))
		d.feed(statusHook("S1", "failed", 1790000000, object{"recipient_id": "4915155501234", "errors": fault(131042)}))
	}
	if n := d.incidents(); n[inbox.IncidentRestricted] != 1 || n[inbox.IncidentPayment] != 1 {
		t.Errorf("%v", n)
	}
	d.noLeak("4915155501234")
}
