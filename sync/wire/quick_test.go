package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

func texts[T ~string]() *rapid.Generator[T] {
	return rapid.Map(rapid.OneOf(rapid.Just(""), rapid.StringN(0, 40, -1), rapid.Just(string([]byte{0xff})), rapid.StringN(250, 300, -1)),
		func(s string) T { return T(s) })
}

func number[T ~uint8 | ~uint16](t *rapid.T, name string) T {
	return T(rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16()).Draw(t, name))
}

func events() *rapid.Generator[inbox.Event] {
	moments := rapid.OneOf(rapid.Int64Range(-3, 300), rapid.Int64())
	return rapid.Custom(func(t *rapid.T) inbox.Event {
		e := inbox.Event{
			Seq: rapid.Uint64().Draw(t, "seq"), At: inbox.Moment(moments.Draw(t, "at")), Cause: texts[inbox.IntentID]().Draw(t, "cause"),
		}
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			e.Body = inbox.ReceiptChanged{
				Conversation: texts[inbox.ConversationID]().Draw(t, "conversation"), Message: texts[inbox.MessageID]().Draw(t, "message"),
				Receipt: number[inbox.Receipt](t, "receipt"), Failure: number[inbox.Failure](t, "failure"),
			}
			return e
		}
		m := inbox.Message{
			ID: texts[inbox.MessageID]().Draw(t, "id"), Conversation: texts[inbox.ConversationID]().Draw(t, "conversation"),
			Seq: rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64()).Draw(t, "place"), At: inbox.Moment(moments.Draw(t, "written")),
			Side: number[inbox.Side](t, "side"), Author: texts[inbox.PersonID]().Draw(t, "author"), Kind: number[inbox.MessageKind](t, "message kind"),
			Receipt: number[inbox.Receipt](t, "receipt"), Cause: texts[inbox.IntentID]().Draw(t, "message cause"), Forwarded: rapid.Bool().Draw(t, "forwarded"),
			Body: inbox.NewMasked(
				inbox.Span{Text: rapid.String().Draw(t, "text")},
				inbox.Span{Kind: inbox.SpanKind(rapid.IntRange(0, int(inbox.Digits)).Draw(t, "span")), Text: rapid.StringN(0, 300, -1).Draw(t, "hint")},
			),
		}
		switch rapid.IntRange(0, 20).Draw(t, "more") {
		case 1:
			m.Quote = &inbox.Quote{Message: "q", Excerpt: inbox.PlainText("quoted")}
		case 2:
			m.Media = &inbox.Media{ID: "x", Size: 7}
		case 3:
			m.Failure = number[inbox.Failure](t, "failure")
		case 4:
			m.What, m.Whom = number[inbox.What](t, "what"), texts[inbox.PersonID]().Draw(t, "whom")
		case 6:
			m.Mentions = []inbox.PersonID{"p"}
		case 7:
			m.Wakes = 9
		case 5:
			m.Reactions = []inbox.Reaction{{Side: inbox.FromContact, Emoji: "👍"}}
		}
		e.Body = inbox.MessageAdded{Message: m}
		return e
	})
}

func TestWhatIsWrittenByHandIsWhatTheLibraryWrites(t *testing.T) {
	quick := 0
	rapid.Check(t, func(t *rapid.T) {
		e := events().Draw(t, "event")
		want, err := slowEncode(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := quickEncode(nil, e); ok {
			quick++
			if !bytes.Equal(got, want) {
				t.Fatalf("by hand %x, by the library %x", got, want)
			}
		}
		agree(t, append(want, 0x80))
	})
	if quick == 0 {
		t.Error("nothing was written by hand")
	}
}

// agree fails unless reading by hand has no opinion, or the library's.
func agree(t interface{ Fatalf(string, ...any) }, b []byte) bool {
	got, rest, ok := quickDecode(b)
	if !ok {
		return false
	}
	want, after, err := slowDecodeFirst(b)
	if err != nil {
		t.Fatalf("by hand %x is an event, by the library %v", b, err)
	}
	if d := cmp.Diff(want, got); d != "" || !bytes.Equal(rest, after) {
		t.Fatalf("%x is another event by hand, or leaves other bytes: %s", b, d)
	}
	return true
}

func TestPlainMessagesAndReceiptsAreReadByHand(t *testing.T) {
	for _, body := range []inbox.EventBody{
		inbox.MessageAdded{Message: inbox.Message{
			ID: "m", Conversation: "c", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromPerson, Author: "p", Kind: inbox.Text,
			Body: inbox.PlainText("hello"), Receipt: inbox.Queued, Cause: "i", Forwarded: true,
		}},
		inbox.ReceiptChanged{Conversation: "c", Message: "m", Receipt: inbox.Failed, Failure: inbox.FailWindow},
	} {
		row, err := EncodeEvent(inbox.Event{Seq: 70_000, At: 1_790_000_000_000, Cause: "i", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if !agree(t, row) {
			t.Errorf("kind %d is left to the library", body.Kind())
		}
	}
}

func FuzzQuickDecode(f *testing.F) {
	for _, body := range inbox.EventBodies() {
		row, _ := EncodeEvent(inbox.Event{Seq: 300, At: 4, Cause: "c", Body: body})
		f.Add(row)
	}
	row, _ := EncodeEvent(inbox.Event{Seq: 3, At: 4, Body: inbox.MessageAdded{Message: inbox.Message{
		ID: "m", Conversation: "c", Seq: 1 << 40, At: 5, Side: 1, Author: "p", Kind: 1, Body: inbox.PlainText("hello"), Receipt: 3, Cause: "i", Forwarded: true,
	}}})
	f.Add(row)
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, b) })
}

func BenchmarkEvent(b *testing.B) {
	e := inbox.Event{Seq: 70_000, At: 1_790_000_000_000, Body: inbox.MessageAdded{Message: inbox.Message{
		ID: "abcdefghabcdefghabcdefgh23", Conversation: "abcdefghabcdefghabcdefgh23", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromContact, Kind: inbox.Text,
		Body: inbox.PlainText("Guten Tag, ich habe Ihr Angebot bekommen und hätte noch zwei Fragen zur Montage und zum Liefertermin."),
	}}}
	row, _ := EncodeEvent(e)
	b.Run("encode by hand", func(b *testing.B) {
		for b.Loop() {
			EncodeEvent(e)
		}
	})
	b.Run("encode by the library", func(b *testing.B) {
		for b.Loop() {
			slowEncode(e)
		}
	})
	b.Run("decode by hand", func(b *testing.B) {
		for b.Loop() {
			quickDecode(row)
		}
	})
	b.Run("decode by the library", func(b *testing.B) {
		for b.Loop() {
			slowDecodeFirst(row)
		}
	})
}
