package wire

import (
	"errors"
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
	i.Body, err = intentKinds.decode(row.Kind, row.Body)
	switch {
	case errors.Is(err, ErrNewerWords):
		return i, fmt.Errorf("intent of kind %d: %w", row.Kind, err)
	case err != nil:
		return nil, err
	}
	return i, nil
}
