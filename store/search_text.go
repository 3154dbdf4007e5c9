package store

import (
	"encoding/binary"
	"unsafe"

	"sealdesk/app/inbox"
	"sealdesk/store/arena"
)

// This file is about what of a message can be found, whether it is told or seen where it lies in a chunk.

// lean is of an inbox.Message what a search needs. Its texts are seen where they lie.
type lean struct {
	ID      inbox.MessageID   `cbor:"1,keyasint"`
	At      inbox.Moment      `cbor:"4,keyasint"`
	Side    inbox.Side        `cbor:"5,keyasint"`
	Author  inbox.PersonID    `cbor:"6,keyasint"`
	Kind    inbox.MessageKind `cbor:"7,keyasint"`
	Body    textBytes         `cbor:"8,keyasint"`
	Media   leanMedia         `cbor:"10,keyasint"`
	Header  textBytes         `cbor:"18,keyasint"`
	Choices []struct {
		Title textBytes `cbor:"2,keyasint"`
	} `cbor:"20,keyasint"`
	Edited   inbox.Moment `cbor:"21,keyasint"`
	Referral struct {
		Headline textBytes `cbor:"2,keyasint"`
	} `cbor:"22,keyasint"`
}

type leanMedia struct {
	Name textBytes `cbor:"6,keyasint"`
}

type leanAdded struct {
	Message lean `cbor:"1,keyasint"`
}

// leanChange is an inbox.MessageChanged, or an inbox.MessageMasked, which is one without a moment.
type leanChange struct {
	Message inbox.MessageID `cbor:"2,keyasint"`
	Body    textBytes       `cbor:"3,keyasint"`
	Deleted bool            `cbor:"4,keyasint"`
	At      inbox.Moment    `cbor:"5,keyasint"`
}

type leanMediaChange struct {
	Message inbox.MessageID `cbor:"2,keyasint"`
	Media   leanMedia       `cbor:"3,keyasint"`
}

// textBytes is a masked text as bytes, not copied: it is good as long as what was decoded.
type textBytes []byte

// UnmarshalBinary keeps the bytes it is given.
func (b *textBytes) UnmarshalBinary(text []byte) error {
	*b = text
	return nil
}

// leanName is what a change is about.
type leanName struct {
	Message inbox.MessageID `cbor:"2,keyasint"`
}

// enter puts a message into the arena, if it can be found at all.
func enter(texts *arena.Arena, id inbox.ConversationID, m lean, seq uint64, t *arena.Text, link bool) error {
	has := carries(m.Kind)
	if link {
		has |= HasLink
	}
	if !searchable(m.Kind) || has == 0 && t.Empty() {
		return nil
	}
	return texts.Add(arena.Record{Group: string(id), ID: string(m.ID), Author: string(m.Author), At: int64(m.At), Place: seq,
		Flags: uint16(has) | uint16(m.Kind)<<flagKind | uint16(m.Side)<<flagSide}, t)
}

// parts are the texts of a message, as masked text or as its bytes.
type parts[T any] struct {
	body, name, header, headline T
	choices                      []T
}

// onto adds the texts, the body first: most messages have nothing else.
func (p parts[T]) onto(t *arena.Text, empty func(T) bool, add func(*arena.Text, T) (link bool)) (link bool) {
	t.Reset()
	for _, list := range [][]T{{p.body, p.name, p.header, p.headline}, p.choices} {
		for _, part := range list {
			if empty(part) {
				continue
			}
			if !t.Empty() {
				t.Break()
			}
			link = add(t, part) || link
		}
	}
	return link
}

func addMasked(t *arena.Text, m inbox.Masked) (link bool) {
	for _, sp := range m.Spans() {
		link = addSpan(t, sp.Kind, sp.Text) || link
	}
	return link
}

func addSpan(t *arena.Text, kind inbox.SpanKind, text string) (link bool) {
	if kind != inbox.Plain {
		t.Hidden(uint8(kind), text)
		return false
	}
	t.Plain(text)
	return linking(text)
}

// linking reports whether a text has the address of a page.
func linking(text string) bool {
	for i := 0; i+4 < len(text); i++ {
		switch text[i] | 0x20 {
		case 'h':
			if hasPrefixFold(text[i:], "http://") || hasPrefixFold(text[i:], "https://") {
				return true
			}
		case 'w':
			if hasPrefixFold(text[i:], "www.") && (i == 0 || text[i-1] <= ' ' || text[i-1] == '(') {
				return true
			}
		}
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if c := s[i]; c != prefix[i] && c|0x20 != prefix[i] {
			return false
		}
	}
	return true
}

// addBytes adds a masked text from its bytes; see inbox.Masked.UnmarshalBinary. What is malformed, or would be refused there,
// is left out.
func addBytes(t *arena.Text, b textBytes) (link bool) {
	plain := false // the span before was
	for len(b) > 0 {
		kind := inbox.SpanKind(b[0])
		size, n := binary.Uvarint(b[1:])
		if n <= 0 || size > uint64(len(b)-1-n) {
			return link
		}
		text := textView(b[1+n : 1+n+int(size)])
		b = b[1+n+int(size):]
		if kind == inbox.Plain && inbox.Identifying(text) {
			plain = false
			continue
		}
		if kind == inbox.Plain && plain {
			t.Break() // together they may say what neither does
		}
		plain = kind == inbox.Plain
		link = addSpan(t, kind, text) || link
	}
	return link
}

// carries is what a message has by its kind.
func carries(kind inbox.MessageKind) Has {
	switch kind {
	case inbox.Document:
		return HasFile
	case inbox.Image, inbox.Sticker:
		return HasPicture
	case inbox.Video:
		return HasFilm
	case inbox.Audio, inbox.Voice:
		return HasVoice
	case inbox.Location:
		return HasPlace
	}
	return 0
}

// searchable says whether a kind of item can be found at all.
func searchable(kind inbox.MessageKind) bool {
	return kind != inbox.System && kind != inbox.Deleted && kind != inbox.Unsupported
}

// textView returns bytes as a string without a copy. They must not change while it is used.
func textView(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
