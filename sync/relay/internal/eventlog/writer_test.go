package eventlog

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// aFact draws a fact about one of three conversations and few messages, so that facts meet.
func aFact(t *rapid.T) inbox.EventBody {
	c := inbox.ConversationID(fmt.Sprint("c", rapid.IntRange(1, 3).Draw(t, "conversation")))
	m := inbox.MessageID(fmt.Sprint(c, "m", rapid.IntRange(1, 4).Draw(t, "message")))
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return inbox.ConversationOpened{Conversation: c, Inbox: "sales", Contact: inbox.Contact{ID: "x", Alias: "K7-MX4Q"}}
	case 1:
		return inbox.ReceiptChanged{Conversation: c, Message: m, Receipt: inbox.Receipt(rapid.IntRange(1, 6).Draw(t, "receipt"))}
	case 2:
		return inbox.Reacted{Conversation: c, Message: m, Reaction: inbox.Reaction{Side: inbox.FromContact, Emoji: "👍"}}
	case 3:
		return inbox.MediaChanged{Conversation: c, Message: m, Media: inbox.Media{ID: "pic", State: inbox.MediaReady}}
	case 4:
		return inbox.Assigned{Conversation: c, To: "p"}
	}
	return inbox.MessageAdded{Message: inbox.Message{
		ID: m, Conversation: c, At: 7, Side: inbox.FromContact, Kind: inbox.Text, Body: inbox.PlainText(rapid.StringN(0, 200, -1).Draw(t, "text")),
	}}
}

// stateOf returns all the state of the log.
func stateOf(t *rapid.T, db ledger.DB) (state []any) {
	err := db.View(t.Context(), Shard(log), func(tx ledger.Tx) error {
		for i := range 3 {
			c := inbox.ConversationID(fmt.Sprint("c", i+1))
			row, ok, err := Conversation(tx, c)
			if err != nil {
				return err
			}
			state = append(state, ok, row)
			for j := range 4 {
				m, ok, err := Message(tx, inbox.MessageID(fmt.Sprint(c, "m", j+1)))
				if err != nil {
					return err
				}
				state = append(state, ok, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestAWriterLeavesWhatOneAppendForEachFactLeaves(t *testing.T) {
	// The messages of the model are folded by app/inbox from the facts alone.
	rapid.Check(t, func(rt *rapid.T) {
		facts := rapid.SliceOfN(rapid.Custom(aFact), 1, 30).Draw(rt, "facts")
		one, _ := open(t)
		many, _ := open(t)
		model := map[inbox.MessageID]inbox.Message{}
		for i, f := range facts {
			appendTo(t, one, f)
			if added, ok := f.(inbox.MessageAdded); ok {
				added.Message.Seq = uint64(i + 1)
				model[added.Message.ID] = added.Message
			}
			for id, m := range model {
				if inbox.ApplyTo(&m, f) {
					model[id] = m
				}
			}
		}
		for left := slices.Clone(facts); len(left) > 0; {
			now := left[:rapid.IntRange(1, len(left)).Draw(rt, "in one transaction")]
			left = left[len(now):]
			err := many.Update(t.Context(), Shard(log), func(tx ledger.Tx) error {
				w := NewWriter(tx)
				for i, f := range now {
					if i%5 == 4 { // somebody else writes in between
						if err := w.Flush(); err != nil {
							return err
						}
						if _, err := Append(tx, 1, "", f); err != nil {
							return err
						}
						continue
					}
					if _, err := w.Append(1, "", f); err != nil {
						return err
					}
					if c, ok, err := w.Conversation(f.Of()); err != nil || !ok {
						return errors.Join(err, fmt.Errorf("conversation %s is not there", c.ID))
					}
				}
				return w.Flush()
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		a, b := stateOf(rt, one), stateOf(rt, many)
		if d := cmp.Diff(a, b); d != "" {
			rt.Fatal(d)
		}
		for _, x := range b {
			if m, ok := x.(inbox.Message); ok && m.ID != "" {
				if d := cmp.Diff(model[m.ID], m); d != "" {
					rt.Fatal(d)
				}
			}
		}
	})
}

func TestAMessageKnowsItsPlaceAndCauseBeforeAndAfterAChange(t *testing.T) {
	db, _ := open(t)
	appendTo(t, db, message(9))
	err := db.Update(t.Context(), Shard(log), func(tx ledger.Tx) error {
		_, err := Append(tx, 1, "wish", message(1))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want inbox.Receipt) {
		t.Helper()
		err := db.View(t.Context(), Shard(log), func(tx ledger.Tx) error {
			m, ok, err := Message(tx, "m1")
			if !ok || m.Seq != 2 || m.Cause != "wish" || m.Receipt != want || m.Body.Visible() != "hello" {
				t.Errorf("found %v: place %d, cause %q, receipt %d", ok, m.Seq, m.Cause, m.Receipt)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check(inbox.NoReceipt)
	appendTo(t, db, inbox.ReceiptChanged{Conversation: "c", Message: "m1", Receipt: inbox.Read})
	check(inbox.Read)
}

func TestAMessageWhoseFactIsGoneIsDamage(t *testing.T) {
	db, _ := open(t)
	appendTo(t, db, message(1), message(2))
	for name, damage := range map[string]func(tx ledger.Tx) error{
		"no fact":            func(tx ledger.Tx) error { return tx.Put(bucketMessage, []byte("m1"), seqKey(99)) },
		"another's fact":     func(tx ledger.Tx) error { return tx.Put(bucketMessage, []byte("m1"), seqKey(2)) },
		"not what we write":  func(tx ledger.Tx) error { return tx.Put(bucketMessage, []byte("m1"), []byte("x")) },
		"an empty row":       func(tx ledger.Tx) error { return tx.Put(bucketMessage, []byte("m1"), nil) },
		"a fact that is not": func(tx ledger.Tx) error { return tx.Put(bucketLog, seqKey(1), []byte("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			err := db.Update(t.Context(), Shard(log), func(tx ledger.Tx) error {
				if err := damage(tx); err != nil {
					return err
				}
				if _, ok, err := Message(tx, "m1"); ok || !errors.Is(err, ErrRow) {
					t.Errorf("found %v, error %v", ok, err)
				}
				return errors.New("leave it as it was")
			})
			if err == nil {
				t.Fatal("the damage stayed")
			}
		})
	}
}
