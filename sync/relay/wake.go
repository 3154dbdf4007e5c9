package relay

import (
	"context"
	"encoding/binary"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// bucketAlarm, of an inbox's shard, is when which snoozed conversation wakes: the moment and the conversation, in order of time.
// A row is only a reminder to look: whoever woke, closed or put off the conversation meanwhile leaves it.
const bucketAlarm = "alarm"

// wakeEvery is how often the relay looks whose time has come.
const wakeEvery = 5 * time.Second

// alarmTime is how many bytes of an alarm's key are its moment.
const alarmTime = 8

func alarmKey(until inbox.Moment, id inbox.ConversationID) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(until)), id...)
}

func setAlarm(tx ledger.Tx, until inbox.Moment, id inbox.ConversationID) error {
	return tx.Put(bucketAlarm, alarmKey(until, id), []byte{1})
}

// wakeSnoozed opens snoozed conversations when their time has come, until ctx ends.
func (r *Relay) wakeSnoozed(ctx context.Context, tick <-chan time.Time) error {
	for {
		for _, in := range r.inboxes {
			if err := r.wake(ctx, in); err != nil && ctx.Err() == nil {
				r.log.Error("snoozed conversations cannot be woken", "inbox", string(in), "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// wake opens what is to wake by now in one inbox. After an hour in which the relay was down it does what it would have done.
func (r *Relay) wake(ctx context.Context, in inbox.InboxID) error {
	at := inbox.At(r.now())
	rung := func(tx ledger.Tx) (keys [][]byte, err error) {
		for key := range tx.Scan(bucketAlarm, nil, alarmKey(at+1, "")) {
			keys = append(keys, append([]byte(nil), key...))
		}
		return keys, tx.Err()
	}
	var keys [][]byte
	shard := eventlog.Shard(in.Log())
	err := r.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		keys, err = rung(tx)
		return err
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	return r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		keys, err := rung(tx)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if len(key) < alarmTime {
				return errRow
			}
			until, id := inbox.Moment(binary.BigEndian.Uint64(key)), inbox.ConversationID(key[alarmTime:])
			if err := tx.Delete(bucketAlarm, key); err != nil {
				return err
			}
			c, ok, err := eventlog.Conversation(tx, id)
			if err != nil {
				return err
			}
			if !ok || c.State != inbox.Snoozed || c.Until != until {
				continue
			}
			_, err = eventlog.Append(tx, at, "", inbox.StateChanged{Conversation: id, State: inbox.Open}, happened(id, at, inbox.WhatWoke, "", ""))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
