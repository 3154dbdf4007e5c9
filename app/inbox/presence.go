package inbox

// Presence tells who is there, and where. It is no fact: it is said to whoever is there too, and kept nowhere.
type Presence struct {
	Online []PersonID `cbor:"1,keyasint,omitempty"`
	Here   []Here     `cbor:"2,keyasint,omitempty"` // conversations that others have open
}

// Here is a colleague who has a conversation open.
type Here struct {
	_            struct{} `cbor:",toarray"`
	Person       PersonID
	Conversation ConversationID
	Writing      bool // an answer
}

// In returns who else has the conversation open, those who are writing first.
func (p Presence) In(id ConversationID) (writing, reading []PersonID) {
	for _, h := range p.Here {
		switch {
		case h.Conversation != id:
		case h.Writing:
			writing = append(writing, h.Person)
		default:
			reading = append(reading, h.Person)
		}
	}
	return writing, reading
}
