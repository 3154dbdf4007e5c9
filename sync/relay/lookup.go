package relay

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
	"unicode"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	// bucketLookedUp, of the company's shard, is person, moment and a mark -> nothing: who asked for a number, of the last
	// hour.
	bucketLookedUp = "lookedup"
	lookUpsPerHour = 10
)

// lookUp finds the conversation with whom a number belongs to. A number is found whole or not at all: no part of one leads
// anywhere. Every question counts and is written down, with a keyed hash in place of the number, before it is answered.
// Finding does what not finding does, so that the time it takes tells nothing that the answer hides.
func (r *Relay) lookUp(ctx context.Context, a asker, q inbox.LookUp) (inbox.Found, error) {
	no := inbox.Granted
	in := r.ours(q.Inbox)
	switch {
	case in == "", !a.person.WorksIn(in):
		return inbox.Found{}, inbox.RefusedUnknown
	case inbox.Can(a.person, inbox.ActLookUp, inbox.Subject{Inbox: in}) != nil:
		no = inbox.RefusedRight
	}
	number, ok := wholeNumber(q.Number)
	object := "" // what is no number is not written down in any form
	if ok {
		hash := r.vault.Hash("look-up", number)
		object = hex.EncodeToString(hash[:])
	} else if no == inbox.Granted {
		no = inbox.RefusedMalformed
	}
	if no, err := r.countLookUp(ctx, a, in, object, no); err != nil || no != inbox.Granted {
		return inbox.Found{}, orRefusal(err, no)
	}
	contact, found, err := r.vault.Lookup(ctx, number)
	if err != nil {
		return inbox.Found{}, err
	}
	if !found {
		contact = inbox.NewID[inbox.ContactID]() // nobody's: what follows is done all the same
	}
	var c inbox.Conversation
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		id, err := tx.Get(bucketThread, []byte(contact))
		if err != nil {
			return err
		}
		if id == nil {
			id = []byte(contact)
		}
		log := eventlog.NewWriter(tx)
		to, err := goesOn(log, inbox.ConversationID(id))
		if err == nil {
			c, _, err = log.Conversation(to)
		}
		return err
	})
	if err != nil {
		return inbox.Found{}, err
	}
	if c.ID == "" || c.Erased != 0 || inbox.Can(a.person, inbox.ActRead, c.Subject()) != nil {
		return inbox.Found{}, nil
	}
	return inbox.Found{Conversation: c.ID}, nil
}

// ours returns the inbox of that id, "" if there is none.
func (r *Relay) ours(id inbox.InboxID) inbox.InboxID {
	if _, ok := r.intakes[id]; ok {
		return id
	}
	return ""
}

func orRefusal(err error, why inbox.Refusal) error {
	if err != nil {
		return err
	}
	return why
}

// countLookUp writes a question for a number down, or that it was refused, and counts it against what the person may ask.
func (r *Relay) countLookUp(ctx context.Context, a asker, in inbox.InboxID, object string, no inbox.Refusal) (why inbox.Refusal, err error) {
	at := inbox.At(r.now())
	person := append([]byte(a.person.ID), 0)
	from := binary.BigEndian.AppendUint64(append([]byte(nil), person...), uint64(at.Add(-time.Hour)+1))
	err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		why = no
		var late [][]byte
		n := 0
		for key := range tx.Scan(bucketLookedUp, person, ledger.After(person)) {
			if string(key) < string(from) {
				late = append(late, append([]byte(nil), key...))
				continue
			}
			n++
		}
		for _, key := range late {
			if err := tx.Delete(bucketLookedUp, key); err != nil {
				return err
			}
		}
		if why == inbox.Granted && n >= lookUpsPerHour {
			why = inbox.RefusedCap
		}
		if why == inbox.Granted {
			key := binary.BigEndian.AppendUint64(append([]byte(nil), person...), uint64(at))
			key = append(key, inbox.NewID[string]()...)
			if err := tx.Put(bucketLookedUp, key, []byte{1}); err != nil {
				return err
			}
		}
		return audit.Record(tx, audit.Entry{
			At: at, Actor: a.person.ID, Device: a.device, Act: audit.LookedUp, Object: object, Detail: string(in), Refused: why,
		})
	})
	return why, err
}

// wholeNumber returns the digits of a number that stands there whole, with the code of its country: after a plus or 00, or
// without either if it cannot be a national one. Separators and the digits of any script are fine; anything else is no
// number.
func wholeNumber(s string) (string, bool) {
	var digits strings.Builder
	plus := false
	for i, c := range strings.TrimSpace(s) {
		switch {
		case unicode.IsDigit(c):
			digits.WriteByte(digitOf(c))
		case (c == '+' || c == '＋') && i == 0:
			plus = true
		case unicode.IsSpace(c), unicode.Is(unicode.Cf, c), strings.ContainsRune("-‐‑–/.()", c):
		default:
			return "", false
		}
	}
	n := digits.String()
	if !plus {
		n = strings.TrimPrefix(n, "00")
	}
	if len(n) < 7 || len(n) > 15 || n[0] == '0' { // no code of a country begins with a zero (E.164)
		return "", false
	}
	return n, true
}

// digitOf is a decimal digit of any script in ASCII: Unicode keeps the ten of a script together (UAX 44, Decimal).
func digitOf(c rune) byte {
	zero := c
	for unicode.IsDigit(zero-1) && c-zero < 9 {
		zero--
	}
	return byte('0' + (c-zero)%10)
}
