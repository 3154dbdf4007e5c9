package relay

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// frames are all frames a device that knows nothing is sent of a log.
func (d *intakeDesk) frames(log inbox.LogID) (all []inbox.Event) {
	d.t.Helper()
	at := inbox.Cursor{Log: log}
	for {
		frame, next, err := d.logs.Next(context.Background(), at)
		if err != nil {
			d.t.Fatal(err)
		}
		if frame == nil {
			return all
		}
		body, err := wire.Decode(frame)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, body.(inbox.Batch).Events...)
		at = next
	}
}

// shownDigits are the digits that facts show in plain text of a conversation, in the order of their messages as a device
// has them in the end.
func shownDigits(events []inbox.Event, c inbox.ConversationID) string {
	var out strings.Builder
	add := func(m inbox.Masked) {
		for _, r := range plainOf(m) {
			if r >= '0' && r <= '9' {
				out.WriteRune(r)
			}
		}
	}
	for _, e := range events {
		if e.Body.Of() != c {
			continue
		}
		switch b := e.Body.(type) {
		case inbox.MessageAdded:
			add(b.Message.Body)
			if b.Message.Quote != nil {
				add(b.Message.Quote.Excerpt)
			}
		case inbox.MessageChanged:
			add(b.Body)
		case inbox.MessageMasked:
			add(b.Body)
		}
	}
	return out.String()
}

// ways are the kinds of messages a customer can put words into.
var ways = map[string]func(words string) (kind string, body object){
	"a text": func(w string) (string, object) { return "text", text(w) },
	"a picture": func(w string) (string, object) {
		return "image", object{"id": "900001", "mime_type": "image/jpeg", "caption": w}
	},
	"a video": func(w string) (string, object) {
		return "video", object{"id": "900002", "mime_type": "video/mp4", "caption": w}
	},
	"a document": func(w string) (string, object) {
		return "document", object{"id": "900003", "mime_type": "application/pdf", "caption": w}
	},
	"a button": func(w string) (string, object) { return "button", object{"payload": "p", "text": w} },
	"a choice": func(w string) (string, object) {
		return "interactive", object{"type": "button_reply", "button_reply": object{"id": "1", "title": w}}
	},
	"a list": func(w string) (string, object) {
		return "interactive", object{"type": "list_reply", "list_reply": object{"id": "1", "title": w, "description": ""}}
	},
	"a form": func(w string) (string, object) {
		return "interactive", object{"type": "nfm_reply", "nfm_reply": object{"name": "flow", "body": w, "response_json": "{}"}}
	},
	"an order": func(w string) (string, object) {
		return "order", object{"catalog_id": "1", "text": w, "product_items": []any{}}
	},
	"a place": func(w string) (string, object) {
		return "location", object{"latitude": 0.5, "longitude": 0.5, "name": w}
	},
}

func TestANumberInPartsIsHiddenHoweverItIsSplit(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	d := newIntakeDesk(t)
	d.cfg.Masking.Location = placeExact
	names := slices.Sorted(maps.Keys(ways))
	customer, n := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		customer++
		digits := fmt.Sprintf("0151%08d", 40_000_000+rapid.IntRange(0, 9_999_999).Draw(t, "number"))
		who := object{"wa_id": fmt.Sprintf("4916086%05d", customer)} // a part must not be one of his own number by chance
		own := rapid.Bool().Draw(t, "own")
		if own {
			who["wa_id"] = "49" + digits[1:]
		}
		var parts []string
		for rest := digits; rest != ""; {
			most := min(len(rest), 6)
			size := rapid.IntRange(min(2, most), most).Draw(t, "size")
			if len(parts) == 6 || len(rest)-size == 1 {
				size = len(rest)
			}
			parts, rest = append(parts, rest[:size]), rest[size:]
		}
		if len(parts) == 1 {
			return
		}
		at := d.now.Unix()
		together := rapid.Bool().Draw(t, "one webhook each")
		swap := -1
		if len(parts) > 2 && rapid.Bool().Draw(t, "overtakes") {
			swap = rapid.IntRange(0, len(parts)-2).Draw(t, "which")
		}
		var hooks [][]byte
		for i, p := range parts {
			n++
			kind, body := ways[rapid.SampledFrom(names).Draw(t, "way")](p)
			hooks = append(hooks, from(testNumber, who, fmt.Sprint("split", n), at+int64(i)*5, kind, body))
		}
		if swap >= 0 {
			hooks[swap], hooks[swap+1] = hooks[swap+1], hooks[swap]
		}
		d.now = d.now.Add(time.Minute)
		if together {
			d.feed(hooks...)
		} else {
			for i, h := range hooks {
				d.feed(h)
				if i == 0 && rapid.Bool().Draw(t, "dies") { // what is in memory is lost
					d.breaths = newBreaths(inbox.At(d.now))
				}
			}
		}
		all := d.conversations(d.one)
		c := all[len(all)-1].ID
		for where, events := range map[string][]inbox.Event{"the log": d.events(d.one.Log()), "a batch": d.frames(d.one.Log())} {
			if shown := shownDigits(events, c); shown != "" {
				t.Fatalf("%s shows %d digits of parts %d", where, len(shown), len(parts))
			}
		}
		if row := all[len(all)-1]; len(plainOf(row.Snippet)) > 0 && strings.ContainsAny(string(plainOf(row.Snippet)), "0123456789") {
			t.Fatal("the row of the conversation shows digits")
		}
	})
}

func TestAPartThatWasQuotedOrEditedIsHiddenThereToo(t *testing.T) {
	d := newIntakeDesk(t)
	who := object{"wa_id": "4916012345678"}
	at := d.now.Unix()
	d.feed(from(testNumber, who, "q1", at, "text", text("0151 44")))
	first := d.messages(d.one)[0]
	if !strings.Contains(first.Body.Visible(), "0151") {
		t.Fatal("a part alone is hidden; the test proves nothing")
	}
	d.happened(inbox.MessageAdded{Message: inbox.Message{
		ID: inbox.NewID[inbox.MessageID](), Conversation: first.Conversation, At: inbox.At(d.now), Side: inbox.FromPerson, Kind: inbox.Text,
		Body: inbox.PlainText("Und weiter?"), Quote: &inbox.Quote{Message: first.ID, Side: inbox.FromContact, Excerpt: first.Body},
	}})
	_ = d.frames(d.one.Log()) // somebody has read it
	d.feed(from(testNumber, who, "q2", at+20, "text", text("432")), from(testNumber, who, "q3", at+30, "text", text("109")))
	if shown := shownDigits(d.frames(d.one.Log()), first.Conversation); shown != "" {
		t.Errorf("%d digits are shown in parts, or where they were quoted", len(shown))
	}
	masked := 0
	for _, e := range d.events(d.one.Log()) {
		if _, ok := e.Body.(inbox.MessageMasked); ok {
			masked++
		}
	}
	if masked == 0 {
		t.Error("devices that have read it are told nothing")
	}
	d.feed(from(testNumber, who, "q4", at+300, "text", text("Es sind 12 Stück")))
	m := d.messages(d.one)
	if !strings.Contains(m[len(m)-1].Body.Visible(), "12 Stück") {
		t.Error("what is said minutes later is hidden too")
	}
	d.now = d.now.Add(10 * time.Minute)
	at = d.now.Unix()
	for i, said := range []string{"und 0171", "hm", "55"} {
		d.feed(from(testNumber, who, fmt.Sprint("e", i), at+int64(i), "text", text(said)))
	}
	d.feed(from(testNumber, who, "e9", at+9, "edit", object{
		"original_message_id": "wamid.e1", "message": object{"type": "text", "text": text("5440")},
	}), from(testNumber, who, "e3", at+10, "text", text("332")))
	m = d.messages(d.one)
	for _, m := range m[len(m)-4:] {
		if strings.ContainsAny(string(plainOf(m.Body)), "0123456789") {
			t.Error("a part that came by an edit is shown")
		}
	}
}

// happened appends to the first inbox's log.
func (d *intakeDesk) happened(bodies ...inbox.EventBody) {
	d.t.Helper()
	err := d.db.Update(context.Background(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, inbox.At(d.now), "", bodies...)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestOfTwoMaskingsOfATextTheStricterStays(t *testing.T) {
	open, half, other, all := inbox.PlainText("ab12 34"), inbox.NewMasked(inbox.Span{Text: "ab"}, inbox.Span{Kind: inbox.Phone, Text: "••"}, inbox.Span{Text: " 34"}),
		inbox.NewMasked(inbox.Span{Text: "ab12"}, inbox.Span{Kind: inbox.Phone, Text: "••"}), inbox.NewMasked(inbox.Span{Kind: inbox.Digits, Text: "•••"})
	for _, c := range []struct{ a, b, want inbox.Masked }{{open, half, half}, {half, open, half}, {half, other, all}, {all, open, all}} {
		if got := stricter(c.a, c.b); !got.Equal(c.want) {
			t.Errorf("of %d and %d bytes, %d are left", len(c.a.Visible()), len(c.b.Visible()), len(got.Visible()))
		}
	}
	if !bytes.Equal([]byte(string(plainOf(half))), []byte("ab 34")) {
		t.Error("plain text is not what is plain")
	}
}
