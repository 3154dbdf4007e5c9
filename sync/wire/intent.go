package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
)

type intentRow struct {
	_    struct{} `cbor:",toarray"`
	ID   inbox.IntentID
	At   inbox.Moment
	Kind inbox.IntentKind
	Body cbor.RawMessage
}

var intentDecoders = map[inbox.IntentKind]func([]byte) (inbox.IntentBody, error){
	inbox.IntentSendText:  intentBody[inbox.SendText],
	inbox.IntentAddNote:   intentBody[inbox.AddNote],
	inbox.IntentReact:     intentBody[inbox.AddReaction],
	inbox.IntentAssign:    intentBody[inbox.Assign],
	inbox.IntentSetState:  intentBody[inbox.SetState],
	inbox.IntentMarkRead:  intentBody[inbox.MarkRead],
	inbox.IntentSendAgain: intentBody[inbox.SendAgain],
}

func intentBody[T inbox.IntentBody](b []byte) (inbox.IntentBody, error) {
	v, err := decode[T](b)
	return v, err
}

// EncodeIntent makes a frame of an intent.
func EncodeIntent(i inbox.Intent) ([]byte, error) {
	body, err := encMode.Marshal(i.Body)
	if err != nil {
		return nil, fmt.Errorf("encoding intent of kind %d: %w", i.Body.IntentKind(), err)
	}
	payload, err := encMode.Marshal(intentRow{ID: i.ID, At: i.At, Kind: i.Body.IntentKind(), Body: body})
	if err != nil {
		return nil, fmt.Errorf("encoding intent of kind %d: %w", i.Body.IntentKind(), err)
	}
	return append([]byte{byte(TypeIntent)}, payload...), nil
}

func decodeIntent(payload []byte) (any, error) {
	row, err := decode[intentRow](payload)
	if err != nil {
		return nil, err
	}
	i := inbox.Intent{ID: row.ID, At: row.At}
	if i.ID == "" {
		return nil, ErrMalformed
	}
	body, ok := intentDecoders[row.Kind]
	if !ok {
		return i, fmt.Errorf("intent of kind %d: %w", row.Kind, ErrNewerWords)
	}
	if i.Body, err = body(row.Body); err != nil {
		return nil, err
	}
	return i, nil
}
