package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A person leaves in one action: signed out everywhere and marked as gone, every device wiped, every conversation handed on.
// It is journalled like a wipe: a row stands until all of it is done.

// Buckets of the company's shard.
const (
	bucketOffboard     = "offboard"     // person id -> offboardRow, while it is under way
	bucketOffboardSaid = "offboardsaid" // digest of what a device signed -> nothing: it counts once
)

// The acts of letting a person go. Object is the person.
const (
	actOffboard   audit.Act = "person.offboarding" // Detail is who takes over
	actOffboarded audit.Act = "person.offboarded"  // Detail is how many conversations went on, and how many devices are wiped
)

const reassignLot = 256 // conversations in one transaction

type offboardRow struct {
	To       inbox.PersonID `cbor:"1,keyasint,omitempty"`
	By       identity.By    `cbor:"2,keyasint"`
	At       inbox.Moment   `cbor:"3,keyasint"`
	Approval *wire.Approval `cbor:"4,keyasint,omitempty"`
}

// offboard answers who lets a person go.
func (r *Relay) offboard(ctx context.Context, a asker, q inbox.Offboard) (inbox.Offboarded, error) {
	row := offboardRow{To: q.To, By: a.by()}
	err := r.mayOffboard(ctx, a, q)
	if err == nil {
		var approval wire.Approval
		approval, err = r.approval(ctx, a, q)
		row.Approval = &approval
	}
	var out inbox.Offboarded
	if err == nil {
		out, err = r.letGo(ctx, q.Person, row)
	}
	if err != nil {
		return out, r.refusedAct(ctx, a, actOffboard, string(q.Person), err)
	}
	return out, nil
}

func (r *Relay) mayOffboard(ctx context.Context, a asker, q inbox.Offboard) error {
	if !isID(string(q.Person)) || q.To != "" && !isID(string(q.To)) {
		return inbox.RefusedMalformed
	}
	p, err := r.people.Person(ctx, q.Person)
	switch {
	case errors.Is(err, identity.ErrNoPerson):
		return inbox.RefusedUnknown
	case err != nil:
		return err
	case inbox.Can(a.person, inbox.ActOffboard, p.Subject()) != nil:
		return inbox.RefusedRight
	case a.person.ID == p.ID:
		return inbox.RefusedSelf
	}
	return nil
}

// letGo begins and carries out. It returns [inbox.RefusedMalformed] for somebody who cannot take over, [inbox.RefusedState]
// for words that were spent already.
func (r *Relay) letGo(ctx context.Context, id inbox.PersonID, row offboardRow) (inbox.Offboarded, error) {
	if row.To != "" {
		to, err := r.people.Person(ctx, row.To)
		if errors.Is(err, identity.ErrNoPerson) || err == nil && (to.Left != 0 || to.ID == id) {
			return inbox.Offboarded{}, inbox.RefusedMalformed
		}
		if err != nil {
			return inbox.Offboarded{}, err
		}
	}
	err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		row.At = inbox.At(r.now())
		if row.Approval != nil {
			said := sha256.Sum256(row.Approval.Said)
			spent, err := tx.Get(bucketOffboardSaid, said[:])
			if err != nil {
				return err
			}
			if spent != nil {
				return inbox.RefusedState
			}
			if err := tx.Put(bucketOffboardSaid, said[:], []byte{1}); err != nil {
				return err
			}
		}
		entry := audit.Entry{At: row.At, Actor: row.By.Person, Device: row.By.Device, Act: actOffboard, Object: string(id), Detail: string(row.To)}
		return errors.Join(putValue(tx, bucketOffboard, []byte(id), row), audit.Record(tx, entry))
	})
	if err != nil {
		return inbox.Offboarded{}, err
	}
	r.reached("offboarding")
	return r.carryLeave(context.WithoutCancel(ctx), id, row)
}

// finishOffboarding goes on with what a crash or a fault cut short.
func (r *Relay) finishOffboarding(ctx context.Context) error {
	rows := map[inbox.PersonID]offboardRow{}
	err := r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		clear(rows)
		var ids [][]byte
		for id := range tx.Scan(bucketOffboard, nil, nil) {
			ids = append(ids, slices.Clone(id))
		}
		for _, id := range ids {
			var row offboardRow
			if _, err := getRow(tx, bucketOffboard, id, &row); err != nil {
				return err
			}
			rows[inbox.PersonID(id)] = row
		}
		return tx.Err()
	})
	for id, row := range rows {
		_, e := r.carryLeave(ctx, id, row)
		err = errors.Join(err, e)
	}
	return err
}

// carryLeave does all of it. Every step may be repeated.
func (r *Relay) carryLeave(ctx context.Context, id inbox.PersonID, row offboardRow) (out inbox.Offboarded, err error) {
	changed, err := r.people.Leave(ctx, row.By, id)
	if err != nil {
		return out, err
	}
	r.reached("left")
	if len(changed.Devices) > 0 {
		wipes, err := r.orderWipes(ctx, changed.Devices, wipeWish{why: inbox.WipeLeaving, by: row.By, hand: true, approval: row.Approval})
		for i, w := range wipes {
			if w.Level == inbox.WipeWaits { // the others have their order, and are given a while for the receipt
				r.sessions.closeDevice(changed.Devices[i], wire.CloseLeft)
			}
		}
		if err != nil {
			r.sessions.closePerson(id, wire.CloseLeft) // whatever is yet to be done, nobody of that name is served
			return out, err
		}
	}
	r.reached("wiped")
	if out.Conversations, err = r.reassign(ctx, row.By, id, row.To); err != nil {
		return out, err
	}
	r.reached("reassigned")
	if out.Devices, err = r.listDevices(ctx, func(p inbox.Person) bool { return p.ID == id }); err != nil {
		return out, err
	}
	for _, d := range out.Devices {
		if d.Wipe != nil && d.Wipe.Ordered >= row.At {
			out.Wipes = append(out.Wipes, *d.Wipe)
		}
	}
	err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		entry := audit.Entry{
			At: inbox.At(r.now()), Actor: row.By.Person, Device: row.By.Device, Act: actOffboarded, Object: string(id),
			Detail: fmt.Sprint(out.Conversations, " ", len(out.Wipes)),
		}
		return errors.Join(tx.Delete(bucketOffboard, []byte(id)), audit.Record(tx, entry))
	})
	return out, err
}

// reassign hands every conversation of a person on: to a colleague, or to nobody where that one does not work. It returns
// how many.
func (r *Relay) reassign(ctx context.Context, by identity.By, from, to inbox.PersonID) (n int, err error) {
	for _, in := range r.inboxes {
		shard := eventlog.Shard(in.Log())
		var ids []inbox.ConversationID
		err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
			ids = nil
			for c, err := range eventlog.Conversations(tx) {
				if err != nil {
					return err
				}
				if c.Assignee == from && c.Erased == 0 {
					ids = append(ids, c.ID)
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		if len(ids) == 0 {
			continue
		}
		taker := to
		actor := inbox.Person{ID: by.Person}
		about := inbox.Conversation{Inbox: in}
		do, err := r.prepareAssign(ctx, actor, about, "", inbox.Assign{To: taker})
		if errors.Is(err, inbox.RefusedMalformed) {
			taker = ""
			do, err = r.prepareAssign(ctx, actor, about, "", inbox.Assign{To: taker})
		}
		if err != nil {
			return n, err
		}
		for lot := range slices.Chunk(ids, reassignLot) {
			moved := 0
			err := r.db.Update(ctx, shard, func(tx ledger.Tx) error {
				moved = 0
				for _, id := range lot {
					c, ok, err := eventlog.Conversation(tx, id)
					if err != nil {
						return err
					}
					if !ok || c.Assignee != from {
						continue
					}
					at := inbox.At(r.now())
					if _, err := do(tx, c, at); err != nil {
						return err
					}
					entry := audit.Entry{At: at, Actor: by.Person, Device: by.Device, Act: audit.Assigned, Object: string(id), Detail: string(taker)}
					if err := audit.Record(tx, entry); err != nil {
						return err
					}
					moved++
				}
				return nil
			})
			if err != nil {
				return n, err
			}
			n += moved
		}
	}
	return n, nil
}
