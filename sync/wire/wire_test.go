package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

func TestFramesComeBackAsTheyWere(t *testing.T) {
	for _, b := range []Body{
		Hello{Low: 1, High: 3, Device: "d", App: "0.1", System: "linux", Boot: []byte{7}},
		Challenge{Version: 1, Nonce: bytes.Repeat([]byte{7}, 32), Time: 5},
		Proof{Signature: []byte{1}},
		Welcome{Person: inbox.Person{ID: "p", Name: "Tobias", Role: inbox.Agent}, Time: 9, Logs: []LogHead{{Log: "company", Epoch: "e", Seq: 2}}},
		Ack{Cursor: inbox.Cursor{Log: "company", Seq: 1}},
		Outcome{Intent: "i", Refusal: inbox.RefusedWindow},
	} {
		got, err := Decode(Encode(b))
		if err != nil || !cmp.Equal(got, any(b)) {
			t.Errorf("%T: %v, %v", b, got, err)
		}
	}
}

func TestEveryKindOfEventAndIntentHasACodec(t *testing.T) {
	for _, b := range inbox.EventBodies() {
		row, err := EncodeEvent(inbox.Event{Seq: 3, At: 4, Cause: "c", Body: b})
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEvent(row)
		if err != nil || got.Body.Kind() != b.Kind() || got.Seq != 3 || got.At != 4 || got.Cause != "c" {
			t.Errorf("kind %d: %v %v", b.Kind(), got, err)
		}
	}
	for _, b := range inbox.IntentBodies() {
		frame, err := EncodeIntent(inbox.Intent{ID: "i", At: 2, Body: b})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(frame)
		if err != nil || got.(inbox.Intent).Body.IntentKind() != b.IntentKind() {
			t.Errorf("kind %d: %v %v", b.IntentKind(), got, err)
		}
	}
}

func batchOf(bodies ...inbox.EventBody) inbox.Batch {
	b := inbox.Batch{Log: "inbox/a", Epoch: "e", From: 10, To: 10 + uint64(len(bodies))}
	for i, body := range bodies {
		b.Events = append(b.Events, inbox.Event{Seq: 11 + uint64(i), Body: body})
	}
	return b
}

func TestABatchComesBackAsItWas(t *testing.T) {
	want := batchOf(
		inbox.MessageAdded{Message: inbox.Message{ID: "m", Conversation: "c", Body: inbox.PlainText("hello")}},
		inbox.ReceiptChanged{Conversation: "c", Message: "m", Receipt: inbox.Read},
	)
	frame, err := EncodeBatch(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFactsAreNeverSkipped(t *testing.T) {
	row, _ := encMode.Marshal(eventRow{Seq: 11, Kind: 60000, Body: []byte{0xa0}})
	var b BatchBuilder
	b.Add(row)
	if _, err := Decode(b.Frame(inbox.Batch{Log: "l", From: 10, To: 11})); !errors.Is(err, ErrNewerWords) {
		t.Errorf("an unknown kind of event gave %v", err)
	}
}

func TestAnIntentOfANewerKindKeepsItsNameSoThatItCanBeRefused(t *testing.T) {
	payload, _ := encMode.Marshal(intentRow{ID: "i", Kind: 60000, Body: []byte{0xa0}})
	got, err := Decode(append([]byte{byte(TypeIntent)}, payload...))
	if !errors.Is(err, ErrNewerWords) || got.(inbox.Intent).ID != "i" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAFrameOfAnUnknownTypeIsIgnored(t *testing.T) {
	if got, err := Decode([]byte{200, 1, 2}); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBatchesOutsideTheirStretchAreRefused(t *testing.T) {
	for name, change := range map[string]func(*inbox.Batch){
		"event before the stretch": func(b *inbox.Batch) { b.Events[0].Seq = 10 },
		"event after the stretch":  func(b *inbox.Batch) { b.Events[1].Seq = 99 },
		"events out of order":      func(b *inbox.Batch) { b.Events[0].Seq, b.Events[1].Seq = 12, 11 },
		"stretch that ends early":  func(b *inbox.Batch) { b.From, b.To = 12, 11 },
	} {
		b := batchOf(inbox.ReadMoved{Conversation: "c"}, inbox.ReadMoved{Conversation: "c"})
		change(&b)
		frame, _ := EncodeBatch(b)
		if _, err := Decode(frame); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIdentifierInAFrameIsRefused(t *testing.T) {
	span := append([]byte{0, 17}, "wamid.HBgLMTY1MDA"...)
	body, _ := encMode.Marshal(map[int]any{1: map[int]any{1: "m", 2: "c", 4: 1, 5: 1, 7: 1, 8: span}})
	row, _ := encMode.Marshal(eventRow{Seq: 11, Kind: inbox.KindMessageAdded, Body: body})
	var b BatchBuilder
	b.Add(row)
	_, err := Decode(b.Frame(inbox.Batch{Log: "l", From: 10, To: 11}))
	if !errors.Is(err, inbox.ErrIdentifying) || strings.Contains(err.Error(), "HBgL") {
		t.Errorf("got %v", err)
	}
}

func TestABatchThatUnpacksTooLargeIsRefused(t *testing.T) {
	bomb := compressor.EncodeAll(make([]byte, 8*MaxBatchPlain), nil)
	payload, _ := encMode.Marshal(batchFrame{Log: "l", To: 1, Events: bomb})
	if _, err := Decode(append([]byte{byte(TypeBatch)}, payload...)); !errors.Is(err, ErrMalformed) {
		t.Errorf("got %v", err)
	}
}

func TestVersionsAgreeOnTheNewestInCommon(t *testing.T) {
	for _, c := range []struct {
		low, high, want int
		ok              bool
	}{{MinVersion, MinVersion, MinVersion, true}, {1, 99, Version, true}, {1, MinVersion - 1, 0, false}, {Version + 1, Version + 2, Version, false}, {Version, Version - 1, 1, false}} {
		got, ok := Choose(c.low, c.high)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%v: %d %v", c, got, ok)
		}
	}
}

func TestAnEnrolmentStringSurvivesPasting(t *testing.T) {
	want := Enrolment{Relay: "relay.example:8443", Pin: PinOf([]byte("key")), Code: "7KQ49MXD2TRWAB"}
	s := want.String()
	for name, pasted := range map[string]string{
		"as it is":       s,
		"line breaks":    "\n " + s[:30] + "\n" + s[30:] + " \n",
		"dashes in code": strings.Replace(s, "7KQ49MXD2TRWAB", "7kq4-9mxd-2trw-ab", 1),
	} {
		if got, err := ParseEnrolment(pasted); err != nil || got != want {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "hello", "sealdesk:enrol?relay=a&pin=zz&code=1", strings.Replace(s, "relay.example", "evil/..", 1)} {
		if _, err := ParseEnrolment(bad); !errors.Is(err, ErrEnrolment) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestProofsAreBoundToWhatTheyProve(t *testing.T) {
	base := Challenge{Version: 1, Nonce: bytes.Repeat([]byte{1}, 32)}
	other := base
	other.Nonce = bytes.Repeat([]byte{2}, 32)
	seen := map[string]bool{}
	for _, b := range [][]byte{
		ProofBytes(base, "d", Pin{1}, "v"), ProofBytes(other, "d", Pin{1}, "v"), ProofBytes(base, "e", Pin{1}, "v"),
		ProofBytes(base, "d", Pin{2}, "v"), ProofBytes(base, "d", Pin{1}, "w"), EnrolBytes("c", nil),
	} {
		if seen[string(b)] {
			t.Error("two different proofs sign the same bytes")
		}
		seen[string(b)] = true
	}
}

func FuzzDecode(f *testing.F) {
	b := batchOf(inbox.MessageAdded{Message: inbox.Message{ID: "m", Conversation: "c", Body: inbox.PlainText("hi")}})
	frame, _ := EncodeBatch(b)
	f.Add(frame)
	f.Add(Encode(Hello{Low: 1, High: 1, Device: "d"}))
	i, _ := EncodeIntent(inbox.Intent{ID: "i", Body: inbox.SendText{Conversation: "c", Text: "t"}})
	f.Add(i)
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, err := Decode(frame)
		if err != nil {
			return
		}
		if batch, ok := got.(inbox.Batch); ok {
			for _, e := range batch.Events {
				if m, ok := e.Body.(inbox.MessageAdded); ok && inbox.Identifying(m.Message.Body.Visible()) {
					t.Fatal("an identifier came through")
				}
			}
		}
	})
}
