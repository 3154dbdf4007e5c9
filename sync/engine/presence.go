package engine

import (
	"context"
	"reflect"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// Attend says which conversation the person has open, "" for none, and whether he is writing an answer there. Colleagues are
// told while the device is online. It never waits.
func (e *Engine) Attend(id inbox.ConversationID, writing bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := wire.Attend{Conversation: id, Writing: writing && id != ""}
	if now == e.attends {
		return
	}
	e.attends = now
	select {
	case e.attending <- struct{}{}:
	default:
	}
}

// Presence returns who else is there, as the relay said last; nothing while the device is offline. Watch pokes when it changes.
func (e *Engine) Presence() inbox.Presence {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.present
}

func (e *Engine) setPresence(p inbox.Presence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if reflect.DeepEqual(p, e.present) {
		return
	}
	e.present = p
	e.poke()
}

// attend tells the relay where the person is: when that changes, and again while it does not.
func (s *session) attend(ctx context.Context) error {
	again := time.NewTicker(wire.AttendEvery)
	defer again.Stop()
	defer s.e.setPresence(inbox.Presence{})
	var told wire.Attend
	for {
		s.e.mu.Lock()
		now := s.e.attends
		s.e.mu.Unlock()
		if now != (wire.Attend{}) || now != told {
			if err := s.write(wire.Encode(now)); err != nil {
				return err
			}
			told = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.e.attending:
		case <-again.C:
		}
	}
}
