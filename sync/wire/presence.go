package wire

import (
	"time"

	"sealdesk/app/inbox"
)

// Presence is no fact: it is said to whoever is there, kept nowhere, and true for [PresentFor] unless it is said again.
const (
	AttendEvery = 20 * time.Second // how often a device repeats what has not changed
	PresentFor  = 45 * time.Second
	PresenceGap = time.Second // the relay says it no more often
)

// Attend says which conversation the person has open, and whether he is writing an answer there. The zero value: none.
type Attend struct {
	Conversation inbox.ConversationID `cbor:"1,keyasint,omitempty"`
	Writing      bool                 `cbor:"2,keyasint,omitempty"`
}

// Presence tells who is there, and where: everybody who works in an inbox of the person's. It replaces what was said before.
type Presence struct{ inbox.Presence }

func (Attend) frameType() Type   { return TypeAttend }
func (Presence) frameType() Type { return TypePresence }
