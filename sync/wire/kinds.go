package wire

import (
	"errors"
	"fmt"
	"reflect"

	"sealdesk/app/inbox"
)

// kinds is a closed set of the vocabulary: the type that each kind of body has. A new word in app/inbox is spoken here at
// once.
type kinds[K ~uint16, B any] map[K]reflect.Type

func kindsOf[K ~uint16, B any](list []B, kind func(B) K) kinds[K, B] {
	out := make(kinds[K, B], len(list))
	for _, b := range list {
		out[kind(b)] = reflect.TypeOf(b)
	}
	return out
}

var (
	eventKinds    = kindsOf(inbox.EventBodies(), inbox.EventBody.Kind)
	intentKinds   = kindsOf(inbox.IntentBodies(), inbox.IntentBody.IntentKind)
	questionKinds = kindsOf(inbox.Questions(), inbox.Question.QuestionKind)
	answerKinds   = kindsOf(inbox.Answers(), inbox.Answer.AnswerKind)
)

// decode returns the body of a kind. An unknown kind gives [ErrNewerWords].
func (k kinds[K, B]) decode(kind K, raw []byte) (b B, err error) {
	t, ok := k[kind]
	if !ok {
		return b, ErrNewerWords
	}
	v := reflect.New(t)
	if err := decMode.Unmarshal(raw, v.Interface()); err != nil {
		return b, reason(err)
	}
	return v.Elem().Interface().(B), nil
}

// reason keeps why bytes were not decoded apart from what they hold: an error of the CBOR library may quote it.
func reason(err error) error {
	if errors.Is(err, inbox.ErrIdentifying) {
		return fmt.Errorf("decoding: %w", inbox.ErrIdentifying)
	}
	return ErrMalformed
}
