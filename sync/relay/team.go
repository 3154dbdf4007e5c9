package relay

import (
	"context"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

// What the company keeps ready for its people: tags and quick replies. They stand in the company's log, so every device has
// them, and in these buckets of its shard, so that a wish can be judged.
const (
	bucketTag        = "tag"
	bucketQuickReply = "quick-reply"
)

const (
	maxCompanyTags  = 200
	maxQuickReplies = 1000
)

// tags returns the company's tags, those that were removed too.
func (r *Relay) tags(ctx context.Context) (map[inbox.TagID]inbox.Tag, error) {
	out := map[inbox.TagID]inbox.Tag{}
	err := r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		clear(out)
		for id, row := range tx.Scan(bucketTag, nil, nil) {
			var t inbox.Tag
			if cbor.Unmarshal(row, &t) != nil {
				return errRow
			}
			out[inbox.TagID(id)] = t
		}
		return tx.Err()
	})
	return out, err
}

func (r *Relay) editTag(ctx context.Context, a asker, q inbox.EditTag) (inbox.Edited, error) {
	t := q.Tag
	if t.Removed {
		t = inbox.Tag{ID: t.ID, Removed: true} // what goes says nothing
	} else if err := t.Check(); err != nil {
		return inbox.Edited{}, err
	}
	return inbox.Edited{}, r.organise(ctx, a, bucketTag, maxCompanyTags, string(t.ID), t, inbox.TagChanged{Tag: t}, audit.TagSet)
}

func (r *Relay) editQuickReply(ctx context.Context, a asker, q inbox.EditQuickReply) (inbox.Written, error) {
	t := q.QuickReply
	if t.Removed {
		t = inbox.QuickReply{ID: t.ID, Removed: true}
	} else {
		if err := t.Check(); err != nil {
			return inbox.Written{}, err
		}
		if slices.ContainsFunc(t.Inboxes, func(in inbox.InboxID) bool { return r.ours(in) == "" }) {
			return inbox.Written{}, inbox.RefusedMalformed
		}
		if _, err := inbox.Expand(t.Text, func(v inbox.Variable) (string, bool) { return "x", slices.Contains(inbox.Variables(), v) }); err != nil {
			return inbox.Written{}, inbox.RefusedVariable
		}
	}
	return inbox.Written{}, r.organise(ctx, a, bucketQuickReply, maxQuickReplies, string(t.ID), t, inbox.QuickReplyChanged{QuickReply: t}, audit.QuickReplySet)
}

// organise keeps something of the company's and tells everybody.
func (r *Relay) organise(ctx context.Context, a asker, bucket string, most int, id string, thing any, told inbox.EventBody, act audit.Act) error {
	if !isID(id) {
		return inbox.RefusedMalformed
	}
	if !mayOrganise(a.person) {
		return inbox.RefusedRight
	}
	row, err := cbor.Marshal(thing)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		before, err := tx.Get(bucket, []byte(id))
		switch {
		case err != nil:
			return err
		case string(before) == string(row):
			return nil
		case before == nil:
			n := 0
			for range tx.Scan(bucket, nil, nil) {
				n++
			}
			if err := tx.Err(); err != nil {
				return err
			}
			if n >= most {
				return inbox.RefusedCap
			}
		}
		at := inbox.At(r.now())
		if err := tx.Put(bucket, []byte(id), row); err != nil {
			return err
		}
		if _, err := eventlog.Append(tx, at, "", told); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: at, Actor: a.person.ID, Device: a.device, Act: act, Object: id})
	})
}

// mayOrganise reports whether the person may change what all inboxes share: who may in one of his, may for the company.
func mayOrganise(p inbox.Person) bool {
	for _, in := range p.Inboxes {
		if inbox.Can(p, inbox.ActOrganise, inbox.Subject{Inbox: in}) == nil {
			return true
		}
	}
	return false
}

// setAway notes that the person is not to be given conversations for now.
func (r *Relay) setAway(ctx context.Context, a asker, q inbox.SetAway) (inbox.Away, error) {
	_, err := r.people.SetAway(ctx, identity.By{Person: a.person.ID, Device: a.device}, a.person.ID, q.Away)
	return inbox.Away{}, err
}
