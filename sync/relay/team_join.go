package relay

import (
	"bytes"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// What is kept by conversation follows the customer when two turn out to be one, and goes when he is forgotten.

// joinWork returns the facts by which the older conversation takes over what was to be done in the younger one, and moves the
// rows that stand for it: whoever put it off, asked how it went or said that nobody was there did so for the customer.
func joinWork(tx ledger.Tx, old, young inbox.Conversation) (bodies []inbox.EventBody, err error) {
	if tags := old.Tagged(inbox.SetTags{Add: young.Tags}); !slices.Equal(tags, old.Tags) {
		bodies = append(bodies, inbox.TagsChanged{Conversation: old.ID, Tags: tags[:min(len(tags), max(inbox.MaxTags, len(old.Tags)))]})
	}
	tasks := slices.Clone(young.Tasks)
	slices.SortStableFunc(tasks, func(a, b inbox.Task) int { return int(min(a.Done, 1) - min(b.Done, 1)) }) // if there are too many, what is done stays behind
	for _, t := range tasks[:min(len(tasks), max(0, inbox.MaxTasks-len(old.Tasks)))] {
		if !slices.ContainsFunc(old.Tasks, func(o inbox.Task) bool { return o.ID == t.ID }) {
			bodies = append(bodies, inbox.TaskChanged{Conversation: old.ID, Task: t})
		}
	}
	state, until := soonest(old, young)
	if state != old.State || until != old.Until {
		bodies = append(bodies, inbox.StateChanged{Conversation: old.ID, State: state, Until: until})
		if until != 0 {
			if err := setAlarm(tx, until, old.ID); err != nil {
				return nil, err
			}
		}
	}
	asked, err := ratingOf(tx, young.ID)
	if err != nil {
		return nil, err
	}
	if row, err := ratingOf(tx, old.ID); err != nil {
		return nil, err
	} else if asked.Asked > row.Asked {
		if err := putRating(tx, old.ID, asked); err != nil {
			return nil, err
		}
	}
	told, err := toldAway(tx, young.ID)
	if err != nil {
		return nil, err
	}
	if before, err := toldAway(tx, old.ID); err != nil {
		return nil, err
	} else if told > before {
		if err := putAway(tx, old.ID, told); err != nil {
			return nil, err
		}
	}
	return bodies, forgetWork(tx, map[inbox.ConversationID]inbox.ContactID{young.ID: ""})
}

// soonest returns the state of the one of two conversations in which somebody has to act first.
func soonest(a, b inbox.Conversation) (inbox.ConversationState, inbox.Moment) {
	urgency := func(c inbox.Conversation) int {
		return map[inbox.ConversationState]int{inbox.Open: 2, inbox.Snoozed: 1}[c.State]
	}
	earlier := b.Until != 0 && (a.Until == 0 || b.Until < a.Until)
	if urgency(b) > urgency(a) || b.State == inbox.Snoozed && a.State == inbox.Snoozed && earlier {
		return b.State, b.Until
	}
	return a.State, a.Until
}

// forgetWork deletes the rows that are kept by conversation.
func forgetWork(tx ledger.Tx, conversations map[inbox.ConversationID]inbox.ContactID) error {
	for id := range conversations {
		for _, bucket := range []string{bucketRating, bucketAway} {
			if err := tx.Delete(bucket, []byte(id)); err != nil {
				return err
			}
		}
	}
	return deleteWhere(tx, bucketAlarm, nil, func(key, _ []byte) bool {
		_, theirs := conversations[inbox.ConversationID(bytes.Clone(key[min(len(key), alarmTime):]))]
		return theirs
	})
}
