package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
)

// Ask carries a question. Answers come in any order; ID, which the device counts up from 1 on each connection, brings
// the two together. A question without an answer when the connection ends is lost.
type Ask struct {
	ID       uint64
	Question inbox.Question
}

// Answer carries the answer to the Ask with the same ID: Answer if the relay granted it, else Refusal; or neither, and
// Retry says after how many milliseconds asking again may help.
type Answer struct {
	ID      uint64
	Answer  inbox.Answer
	Refusal inbox.Refusal
	Retry   int
}

type askRow struct {
	_    struct{} `cbor:",toarray"`
	ID   uint64
	Kind inbox.QuestionKind
	Body cbor.RawMessage
}

type answerRow struct {
	_       struct{} `cbor:",toarray"`
	ID      uint64
	Kind    inbox.QuestionKind // 0: there is no Body
	Body    cbor.RawMessage
	Refusal inbox.Refusal
	Retry   int
}

var nothing = cbor.RawMessage{0xf6} // CBOR's null

// EncodeAsk makes a frame of a question.
func EncodeAsk(a Ask) ([]byte, error) {
	body, err := encMode.Marshal(a.Question)
	if err != nil {
		return nil, fmt.Errorf("encoding question of kind %d: %w", a.Question.QuestionKind(), err)
	}
	payload, err := encMode.Marshal(askRow{ID: a.ID, Kind: a.Question.QuestionKind(), Body: body})
	if err != nil {
		return nil, fmt.Errorf("encoding question of kind %d: %w", a.Question.QuestionKind(), err)
	}
	return append([]byte{byte(TypeAsk)}, payload...), nil
}

// EncodeAnswer makes a frame of an answer.
func EncodeAnswer(a Answer) ([]byte, error) {
	row := answerRow{ID: a.ID, Body: nothing, Refusal: a.Refusal, Retry: a.Retry}
	if a.Answer != nil {
		row.Kind = a.Answer.AnswerKind()
		var err error
		if row.Body, err = encMode.Marshal(a.Answer); err != nil {
			return nil, fmt.Errorf("encoding answer of kind %d: %w", row.Kind, err)
		}
	}
	payload, err := encMode.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("encoding answer of kind %d: %w", row.Kind, err)
	}
	return append([]byte{byte(TypeAnswer)}, payload...), nil
}

func decodeAsk(payload []byte) (any, error) {
	row, err := decode[askRow](payload)
	if err != nil {
		return nil, err
	}
	a := Ask{ID: row.ID}
	if a.ID == 0 {
		return nil, ErrMalformed
	}
	if a.Question, err = questionKinds.decode(row.Kind, row.Body); err != nil {
		return a, fmt.Errorf("question of kind %d: %w", row.Kind, err)
	}
	return a, nil
}

func decodeAnswer(payload []byte) (any, error) {
	row, err := decode[answerRow](payload)
	if err != nil {
		return nil, err
	}
	a := Answer{ID: row.ID, Refusal: row.Refusal, Retry: row.Retry}
	if a.ID == 0 {
		return nil, ErrMalformed
	}
	if row.Kind == 0 {
		return a, nil
	}
	if a.Answer, err = answerKinds.decode(row.Kind, row.Body); err != nil {
		return a, fmt.Errorf("answer of kind %d: %w", row.Kind, err)
	}
	return a, nil
}

// MediaPath begins the paths of tickets on the relay's address for devices. A GET there fetches a file, from a place on if
// it has "Range: bytes=N-". A PUT hands one over with "Content-Range: bytes N-M/SIZE", N being the ticket's offset, and is
// answered with an [UploadReply]. A ticket is good for one request within [TicketLife]; to go on after a lost connection,
// ask for another.
const MediaPath = "/v1/media/"

// UploadReply says what became of a file that was handed over. Offset is how much of it the relay holds; Media is set once
// it has all and found it fit to send; Refusal says why it is not.
type UploadReply struct {
	Offset  int64         `cbor:"1,keyasint,omitempty"`
	Media   *inbox.Media  `cbor:"2,keyasint,omitempty"`
	Refusal inbox.Refusal `cbor:"3,keyasint,omitempty"`
}

// EncodeUploadReply returns the reply as the body of an HTTP response.
func EncodeUploadReply(r UploadReply) []byte {
	b, err := encMode.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding an upload reply: %v", err)) // plain types only
	}
	return b
}

// DecodeUploadReply is the reverse of [EncodeUploadReply]. Errors as for [Decode].
func DecodeUploadReply(b []byte) (UploadReply, error) { return decode[UploadReply](b) }
