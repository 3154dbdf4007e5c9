package relay

import (
	"context"
	"errors"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

// The wishes of team work: who does what, and when.

// longestSnooze is how far ahead something may be put off, in milliseconds: a year.
const longestSnooze = 366 * 24 * 60 * 60 * 1000

func (r *Relay) prepareState(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.SetState) (deed, error) {
	what, known := map[inbox.ConversationState]inbox.What{
		inbox.Open: inbox.WhatReopened, inbox.Closed: inbox.WhatClosed, inbox.Snoozed: inbox.WhatSnoozed,
	}[b.State]
	if !known || b.Until != 0 && b.State != inbox.Snoozed || b.Until < 0 {
		return nil, inbox.RefusedMalformed
	}
	var question *ownMessage
	if b.State == inbox.Closed {
		var err error
		if question, err = r.prepareRating(ctx, c); err != nil {
			return nil, err
		}
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		switch {
		case c.Into != "":
			return inbox.RefusedJoined, nil
		case c.State == b.State && c.Until == b.Until:
			return inbox.Granted, nil
		case b.Until > at+longestSnooze:
			return inbox.RefusedMalformed, nil
		case b.State == inbox.Snoozed && b.Until != 0 && b.Until <= at: // the wish was long on its way
			return inbox.Granted, nil
		}
		if b.State == inbox.Snoozed && b.Until != 0 {
			if err := setAlarm(tx, b.Until, c.ID); err != nil {
				return inbox.Granted, err
			}
		}
		told := happened(c.ID, at, what, p.ID, "")
		told.Message.Wakes = b.Until
		if _, err := eventlog.Append(tx, at, cause, inbox.StateChanged{Conversation: c.ID, State: b.State, By: p.ID, Until: b.Until}, told); err != nil {
			return inbox.Granted, err
		}
		return inbox.Granted, question.ask(tx, c, at)
	}, nil
}

func (r *Relay) prepareTags(ctx context.Context, p inbox.Person, cause inbox.IntentID, b inbox.SetTags) (deed, error) {
	if len(b.Add)+len(b.Remove) == 0 || len(b.Add) > inbox.MaxTags || len(b.Remove) > inbox.MaxTags {
		return nil, inbox.RefusedMalformed
	}
	if len(b.Add) > 0 {
		tags, err := r.tags(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range b.Add {
			if t, ok := tags[id]; !ok || t.Removed {
				return nil, inbox.RefusedMalformed
			}
		}
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		tags := c.Tagged(b)
		switch {
		case c.Into != "":
			return inbox.RefusedJoined, nil
		case slices.Equal(tags, c.Tags):
			return inbox.Granted, nil
		case len(tags) > inbox.MaxTags:
			return inbox.RefusedCap, nil
		}
		_, err := eventlog.Append(tx, at, cause, inbox.TagsChanged{Conversation: c.ID, Tags: tags, By: p.ID})
		return inbox.Granted, err
	}, nil
}

func (r *Relay) prepareTask(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.EditTask) (deed, error) {
	if b.Task == "" || b.Due < 0 {
		return nil, inbox.RefusedMalformed
	}
	task := inbox.Task{ID: b.Task, Person: b.Person, Due: b.Due, By: p.ID}
	if !b.Removed {
		if err := inbox.CheckText(b.Text); err != nil {
			return nil, err
		}
		if err := r.worksOn(ctx, c, b.Person); err != nil {
			return nil, err
		}
		var err error
		if task.Text, err = r.vault.MaskOurs(ctx, c.Contact.ID, b.Text); err != nil {
			return nil, err
		}
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		task := task
		i := slices.IndexFunc(c.Tasks, func(t inbox.Task) bool { return t.ID == b.Task })
		switch {
		case c.Into != "": // nobody looks there any more
			return inbox.RefusedJoined, nil
		case i < 0 && b.Removed:
			return inbox.Granted, nil
		case i < 0 && len(c.Tasks) >= inbox.MaxTasks:
			return inbox.RefusedCap, nil
		case i >= 0:
			task.By, task.Done = c.Tasks[i].By, c.Tasks[i].Done
		}
		if b.Done && task.Done == 0 {
			task.Done = at
		} else if !b.Done {
			task.Done = 0
		}
		_, err := eventlog.Append(tx, at, cause, inbox.TaskChanged{Conversation: c.ID, Task: task, Removed: b.Removed})
		return inbox.Granted, err
	}, nil
}

// worksOn returns nil when the person, if one is named, may answer in the conversation.
func (r *Relay) worksOn(ctx context.Context, c inbox.Conversation, id inbox.PersonID) error {
	if id == "" {
		return nil
	}
	p, err := r.people.Person(ctx, id)
	if errors.Is(err, identity.ErrNoPerson) || err == nil && inbox.Can(p, inbox.ActSend, c.Subject()) != nil {
		return inbox.RefusedMalformed
	}
	return err
}
