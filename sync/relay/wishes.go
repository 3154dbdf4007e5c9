package relay

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/wire"
)

const (
	bucketWish  = "wish/" // + day: intent id -> wishRow
	wishDays    = 40      // a device that was away longer than that has lost its lease long ago
	retrySoon   = 2000    // milliseconds
	maxIDLength = 64
)

// A wishRow is the outcome of a wish, kept so that the same wish gets the same answer and is not granted twice.
type wishRow struct {
	Device  inbox.DeviceID `cbor:"1,keyasint"`
	Refusal inbox.Refusal  `cbor:"2,keyasint,omitempty"`
	Print   []byte         `cbor:"3,keyasint,omitempty"` // keyed hash of what was wished
}

// places remembers which inbox a conversation belongs to. It is only a cache.
type places struct{ m sync.Map }

// placeOf finds the inbox of a conversation; "" if there is no such conversation.
func (r *Relay) placeOf(ctx context.Context, id inbox.ConversationID) (inbox.InboxID, error) {
	if in, ok := r.places.m.Load(id); ok {
		return in.(inbox.InboxID), nil
	}
	for _, in := range r.inboxes {
		var found bool
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
			_, found, err = eventlog.Conversation(tx, id)
			return err
		})
		if err != nil {
			return "", err
		}
		if found {
			r.places.m.Store(id, in)
			return in, nil
		}
	}
	return "", nil
}

// wish grants or refuses what a person wishes. The act, its audit entry and the memory of the answer are one
// transaction, so a wish that comes twice is granted once.
func (r *Relay) wish(ctx context.Context, p inbox.Person, device inbox.DeviceID, i inbox.Intent) wire.Outcome {
	out := wire.Outcome{Intent: i.ID}
	if !isID(string(i.ID)) {
		out.Intent, out.Refusal = "", inbox.RefusedMalformed // what is no name is not said back
		return out
	}
	if !isID(string(i.Body.On())) || !mayBeIDs(i.Body) {
		out.Refusal = inbox.RefusedMalformed
		return out
	}
	in, err := r.placeOf(ctx, i.Body.On())
	if err == nil && in == "" {
		out.Refusal = inbox.RefusedUnknown
		return out
	}
	if err == nil {
		err = r.grant(ctx, in, p, device, i)
	}
	var refusal inbox.Refusal
	switch {
	case errors.As(err, &refusal):
		out.Refusal = refusal
	case err != nil:
		if ctx.Err() == nil {
			r.log.Error("wish cannot be carried out now", "intent", string(i.ID), "kind", int(i.Body.IntentKind()), "error", err)
		}
		out.Retry = retrySoon
	}
	r.metrics.wish(i.Body.IntentKind(), out.Refusal)
	if b, ok := i.Body.(inbox.MarkRead); ok && out.Refusal == inbox.Granted && out.Retry == 0 {
		r.readByUs(ctx, in, b)
	}
	return out
}

// isID reports whether s may name something: what devices call things is looked up, stored and logged.
func isID(s string) bool {
	return s != "" && len(s) <= maxIDLength && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// mayBeIDs reports whether everything a wish names besides its conversation is nothing or may be a name.
func mayBeIDs(b inbox.IntentBody) bool {
	var named []string
	switch b := b.(type) {
	case inbox.SendText:
		named = []string{string(b.Quote)}
	case inbox.SendMedia:
		named = []string{string(b.Media), string(b.Quote)}
	case inbox.SendTemplate:
		named = []string{string(b.Template), string(b.Media)}
	case inbox.SendInteractive:
		named = []string{string(b.Quote)}
	case inbox.SendLocation:
		named = []string{string(b.Quote)}
	case inbox.SendCard:
		named = []string{string(b.Card), string(b.Quote)}
	case inbox.SendAgain:
		named = []string{string(b.Message)}
	case inbox.AddReaction:
		named = []string{string(b.Message)}
	case inbox.Assign:
		named = []string{string(b.To)}
	case inbox.Withdraw:
		named = []string{string(b.Message)}
	case inbox.DecideHeld:
		named = []string{string(b.Message)}
	case inbox.AddNote:
		named = strs(b.Mentions)
	case inbox.SetTags:
		named = append(strs(b.Add), strs(b.Remove)...)
	case inbox.EditTask:
		named = []string{string(b.Task), string(b.Person)}
	}
	named = append(named, string(saidOf(b).Pasted))
	for _, id := range named {
		if id != "" && !isID(id) {
			return false
		}
	}
	return true
}

func strs[T ~string](ids []T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// printOf tells two wishes apart that have the same name, and tells nothing of what they say.
func (r *Relay) printOf(b inbox.IntentBody) ([]byte, error) {
	words, err := wire.EncodeIntent(inbox.Intent{Body: b})
	if err != nil {
		return nil, err
	}
	h := r.vault.Hash("wish", string(words))
	return h[:], nil
}

func (r *Relay) grant(ctx context.Context, in inbox.InboxID, p inbox.Person, device inbox.DeviceID, i inbox.Intent) error {
	shard := eventlog.Shard(in.Log())
	print, err := r.printOf(i.Body)
	if err != nil {
		return err
	}
	var c inbox.Conversation
	var known *wishRow
	err = r.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		if known, err = rememberedWish(tx, i.ID); err != nil || known != nil {
			return err
		}
		c, _, err = eventlog.Conversation(tx, i.Body.On())
		return err
	})
	if err != nil {
		return err
	}
	if known != nil {
		return known.answer(device, print)
	}
	do, err := r.prepareWish(ctx, in, p, device, c, i)
	if err != nil {
		return err
	}
	var verdict inbox.Refusal
	err = r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		verdict = inbox.Granted
		known, err := rememberedWish(tx, i.ID)
		if err != nil {
			return err
		}
		if known != nil {
			return known.answer(device, print)
		}
		c, _, err := eventlog.Conversation(tx, i.Body.On())
		if err != nil {
			return err
		}
		now := r.now()
		if verdict = allowed(p, c, i.Body); verdict == inbox.Granted {
			if verdict, err = do(tx, c, inbox.At(now)); err != nil {
				return err
			}
		}
		entry := audit.Entry{
			At: inbox.At(now), Actor: p.ID, Device: device, Act: auditActs[i.Body.IntentKind()], Object: string(i.Body.On()), Refused: verdict,
			Detail: unsentOf(i.Body),
		}
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		return rememberWish(tx, now, i.ID, wishRow{Device: device, Refusal: verdict, Print: print})
	})
	if err == nil && verdict != inbox.Granted {
		return verdict
	}
	return err
}

// actions says what a person must be allowed to do for each wish.
var actions = map[inbox.IntentKind]inbox.Action{
	inbox.IntentSendText: inbox.ActSend, inbox.IntentSendMedia: inbox.ActSend, inbox.IntentSendTemplate: inbox.ActSend,
	inbox.IntentSendInteractive: inbox.ActSend, inbox.IntentSendLocation: inbox.ActSend, inbox.IntentSendCard: inbox.ActSend,
	inbox.IntentSendAgain: inbox.ActSend, inbox.IntentReact: inbox.ActSend,
	inbox.IntentAddNote: inbox.ActNote, inbox.IntentAssign: inbox.ActAssign, inbox.IntentSetState: inbox.ActSetState,
	inbox.IntentMarkRead: inbox.ActRead, inbox.IntentRecordConsent: inbox.ActConsent,
	inbox.IntentWithdraw: inbox.ActSend, inbox.IntentDecideHeld: inbox.ActDecide,
	inbox.IntentSetTags: inbox.ActTag, inbox.IntentEditTask: inbox.ActTask,
}

var auditActs = map[inbox.IntentKind]audit.Act{
	inbox.IntentSendText: audit.Sent, inbox.IntentSendMedia: audit.SentMedia, inbox.IntentSendTemplate: audit.SentTemplate,
	inbox.IntentSendInteractive: audit.SentInteractive, inbox.IntentSendLocation: audit.SentLocation, inbox.IntentSendCard: audit.SentCard,
	inbox.IntentSendAgain: audit.SentAgain, inbox.IntentReact: audit.Reacted,
	inbox.IntentAddNote: audit.Noted, inbox.IntentAssign: audit.Assigned, inbox.IntentSetState: audit.StateSet,
	inbox.IntentMarkRead: audit.ReadTo, inbox.IntentRecordConsent: audit.ConsentRecorded,
	inbox.IntentWithdraw: audit.Withdrawn, inbox.IntentDecideHeld: audit.HeldDecided,
	inbox.IntentSetTags: audit.Tagged, inbox.IntentEditTask: audit.TaskSet,
}

// allowed asks the policy. Who may not see a conversation cannot tell it from one that is not there.
func allowed(p inbox.Person, c inbox.Conversation, b inbox.IntentBody) inbox.Refusal {
	if inbox.Can(p, inbox.ActRead, c.Subject()) != nil {
		return inbox.RefusedUnknown
	}
	if inbox.Can(p, actions[b.IntentKind()], c.Subject()) != nil {
		return inbox.RefusedRight
	}
	if c.Erased != 0 {
		return inbox.RefusedErased
	}
	return inbox.Granted
}

// A deed carries out a wish in the transaction that also records it. It refuses before it writes anything, and may run
// more than once.
type deed func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error)

func refuse(why inbox.Refusal) deed {
	return func(ledger.Tx, inbox.Conversation, inbox.Moment) (inbox.Refusal, error) { return why, nil }
}

// prepareWish does what needs the vault, outside of any transaction, and returns what is left to do.
func (r *Relay) prepareWish(ctx context.Context, in inbox.InboxID, p inbox.Person, device inbox.DeviceID, c inbox.Conversation, i inbox.Intent) (deed, error) {
	do, err := r.prepareBody(ctx, in, p, device, c, i)
	var refusal inbox.Refusal
	if errors.As(err, &refusal) { // said where the act is recorded, and only to who may hear it
		return refuse(refusal), nil
	}
	if errors.Is(err, vault.ErrErased) {
		return refuse(inbox.RefusedErased), nil
	}
	return do, err
}

func (r *Relay) prepareBody(ctx context.Context, in inbox.InboxID, p inbox.Person, device inbox.DeviceID, c inbox.Conversation, i inbox.Intent) (deed, error) {
	switch b := i.Body.(type) {
	case inbox.SendText, inbox.SendMedia, inbox.SendTemplate, inbox.SendInteractive, inbox.SendLocation, inbox.SendCard:
		d, err := r.compose(ctx, in, p, c, b)
		if err != nil {
			return nil, err
		}
		return r.prepareGuarded(ctx, p, device, c, i, d)
	case inbox.Withdraw:
		return r.prepareWithdraw(p, i.ID, b), nil
	case inbox.DecideHeld:
		return r.prepareDecision(ctx, in, p, device, c, i.ID, b)
	case inbox.SendAgain:
		return r.prepareAgain(ctx, in, p, c, i.ID, b.Message)
	case inbox.AddReaction:
		return r.prepareReaction(ctx, c, i.ID, b)
	case inbox.AddNote:
		return r.prepareNote(ctx, p, c, i.ID, b)
	case inbox.Assign:
		return r.prepareAssign(ctx, p, c, i.ID, b)
	case inbox.SetState:
		return r.prepareState(ctx, p, c, i.ID, b)
	case inbox.MarkRead:
		return r.prepareRead(p, i.ID, b), nil
	case inbox.SetTags:
		return r.prepareTags(ctx, p, i.ID, b)
	case inbox.EditTask:
		return r.prepareTask(ctx, p, c, i.ID, b)
	case inbox.RecordConsent:
		return r.prepareConsent(ctx, p, c, i.ID, b)
	}
	return nil, inbox.RefusedNewerWords
}

func (r *Relay) newMessageID() inbox.MessageID {
	return inbox.NewIDAt[inbox.MessageID](inbox.At(r.now()))
}

// happened is the item that tells colleagues what somebody did to the conversation.
func happened(c inbox.ConversationID, at inbox.Moment, what inbox.What, by, whom inbox.PersonID) inbox.MessageAdded {
	return inbox.MessageAdded{Message: inbox.Message{
		ID: inbox.NewIDAt[inbox.MessageID](at), Conversation: c, At: at, Side: inbox.FromSystem, Kind: inbox.System,
		What: what, Author: by, Whom: whom,
	}}
}

// answer repeats the answer a wish got before. Another wish under the same name, or one of another device, is a fault of
// that device.
func (w wishRow) answer(device inbox.DeviceID, print []byte) error {
	switch {
	case w.Device != device, w.Print != nil && !bytes.Equal(w.Print, print):
		return inbox.RefusedMalformed
	case w.Refusal != inbox.Granted:
		return w.Refusal
	}
	return nil
}

func rememberedWish(tx ledger.Tx, id inbox.IntentID) (*wishRow, error) {
	days, err := tx.Buckets(bucketWish)
	if err != nil {
		return nil, err
	}
	for i := len(days) - 1; i >= 0; i-- { // it is most likely in the newest
		value, err := tx.Get(days[i], []byte(id))
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		var row wishRow
		if cbor.Unmarshal(value, &row) != nil {
			return nil, errRow
		}
		return &row, nil
	}
	return nil, nil
}

func rememberWish(tx ledger.Tx, now time.Time, id inbox.IntentID, row wishRow) error {
	days, err := tx.Buckets(bucketWish)
	if err != nil {
		return err
	}
	oldest := bucketWish + now.UTC().AddDate(0, 0, -wishDays).Format(time.DateOnly)
	for _, day := range days {
		if day < oldest {
			if err := tx.Drop(day); err != nil {
				return err
			}
		}
	}
	value, err := cbor.Marshal(row)
	if err != nil {
		return err
	}
	return tx.Put(bucketWish+now.UTC().Format(time.DateOnly), []byte(id), value)
}
