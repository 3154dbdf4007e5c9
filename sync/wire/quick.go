package wire

import (
	"encoding/binary"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// Nine facts in ten are plain messages and receipts. This file writes and reads those by hand, many times faster than
// the CBOR library does through reflection, and nothing else: whatever is not exactly such a fact in deterministic form
// is left to the library, which alone decides what is malformed. The tests hold the two against each other.

// CBOR's major types (RFC 8949 section 3.1).
const (
	majorUint  = 0
	majorNint  = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
)

func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, majorNint, uint64(-(n + 1)))
	}
	return appendHead(b, majorUint, uint64(n))
}

func appendText[T ~string](b []byte, s T) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

// appendRowHead appends all of an event but its body.
func appendRowHead(b []byte, e inbox.Event) []byte {
	b = appendHead(b, majorArray, 5)
	b = appendHead(b, majorUint, e.Seq)
	b = appendInt(b, int64(e.At))
	b = appendText(b, e.Cause)
	return appendHead(b, majorUint, uint64(e.Body.Kind()))
}

// quickEncode appends an event if it is a plain message or a receipt, and reports false if it is neither.
func quickEncode(b []byte, e inbox.Event) ([]byte, bool) {
	if !utf8.ValidString(string(e.Cause)) {
		return b, false
	}
	switch body := e.Body.(type) {
	case inbox.MessageAdded:
		return appendMessage(appendRowHead(b, e), &body.Message)
	case inbox.ReceiptChanged:
		return appendReceipt(appendRowHead(b, e), body)
	}
	return b, false
}

func appendReceipt(b []byte, r inbox.ReceiptChanged) ([]byte, bool) {
	if !utf8.ValidString(string(r.Conversation)) || !utf8.ValidString(string(r.Message)) {
		return b, false
	}
	fields := uint64(3)
	if r.Failure != 0 {
		fields++
	}
	b = appendHead(b, majorMap, fields)
	b = appendText(append(b, 1), r.Conversation)
	b = appendText(append(b, 2), r.Message)
	b = appendHead(append(b, 3), majorUint, uint64(r.Receipt))
	if r.Failure != 0 {
		b = appendHead(append(b, 4), majorUint, uint64(r.Failure))
	}
	return b, true
}

// appendMessage appends the body of a plain message, and reports false if m is none.
func appendMessage(b []byte, m *inbox.Message) ([]byte, bool) {
	if m.Quote != nil || m.Media != nil || len(m.Reactions) > 0 || m.Failure != 0 || m.What != 0 || m.Whom != "" ||
		!m.Header.IsZero() || !m.Footer.IsZero() || len(m.Choices) > 0 || m.Edited != 0 || m.Referral != nil || m.Outside || m.Held || m.Until != 0 ||
		len(m.Mentions) > 0 || m.Wakes != 0 {
		return b, false
	}
	for _, s := range [...]string{string(m.ID), string(m.Conversation), string(m.Author), string(m.Cause)} {
		if !utf8.ValidString(s) {
			return b, false
		}
	}
	text, err := m.Body.MarshalBinary()
	if err != nil {
		return b, false
	}
	fields := uint64(5) // those that are always there
	for _, there := range [...]bool{m.Seq != 0, m.Author != "", len(text) > 0, m.Receipt != 0, m.Cause != "", m.Forwarded} {
		if there {
			fields++
		}
	}
	b = appendHead(b, majorMap, 1)
	b = append(b, 1)
	b = appendHead(b, majorMap, fields)
	b = appendText(append(b, 1), m.ID)
	b = appendText(append(b, 2), m.Conversation)
	if m.Seq != 0 {
		b = appendHead(append(b, 3), majorUint, m.Seq)
	}
	b = appendInt(append(b, 4), int64(m.At))
	b = appendHead(append(b, 5), majorUint, uint64(m.Side))
	if m.Author != "" {
		b = appendText(append(b, 6), m.Author)
	}
	b = appendHead(append(b, 7), majorUint, uint64(m.Kind))
	if len(text) > 0 {
		b = appendHead(append(b, 8), majorBytes, uint64(len(text)))
		b = append(b, text...)
	}
	if m.Receipt != 0 {
		b = appendHead(append(b, 11), majorUint, uint64(m.Receipt))
	}
	if m.Cause != "" {
		b = appendText(append(b, 14), m.Cause)
	}
	if m.Forwarded {
		b = append(b, 15, 0xf5)
	}
	return b, true
}

// A cursor reads deterministic CBOR from the front of bytes. At anything unexpected it gives up, for good.
type cursor struct {
	left   []byte
	gaveUp bool
}

// head takes the head of an item of the major type and returns its argument.
func (c *cursor) head(major byte) uint64 {
	if len(c.left) == 0 || c.left[0]>>5 != major {
		c.gaveUp = true
		return 0
	}
	info := c.left[0] & 31
	if info < 24 {
		c.left = c.left[1:]
		return uint64(info)
	}
	size := 1 << (info - 24)
	if info > 27 || len(c.left) < 1+size {
		c.gaveUp = true
		return 0
	}
	var n uint64
	for _, b := range c.left[1 : 1+size] {
		n = n<<8 | uint64(b)
	}
	c.left = c.left[1+size:]
	return n
}

func (c *cursor) below(limit uint64) uint64 {
	n := c.head(majorUint)
	if n >= limit {
		c.gaveUp = true
	}
	return n
}

func (c *cursor) moment() inbox.Moment { return inbox.Moment(c.below(1 << 63)) }

func (c *cursor) bytes(major byte) []byte {
	n := c.head(major)
	if c.gaveUp || n > uint64(len(c.left)) {
		c.gaveUp = true
		return nil
	}
	b := c.left[:n]
	c.left = c.left[n:]
	return b
}

func (c *cursor) text() string {
	b := c.bytes(majorText)
	if !utf8.Valid(b) {
		c.gaveUp = true
	}
	return string(b)
}

// fields calls f with the number of each field of a map of few fields, whose value f then takes. The fields must come in
// order, each once.
func (c *cursor) fields(f func(field uint64)) {
	n := c.head(majorMap)
	if n > 32 {
		c.gaveUp = true
		return
	}
	last := -1
	for range n {
		field := c.below(32)
		if c.gaveUp || int(field) <= last {
			c.gaveUp = true
			return
		}
		last = int(field)
		f(field)
	}
}

// quickDecode takes one event from the front of plain if it is a plain message or a receipt, and returns what follows
// it. It reports false without an opinion: the bytes may be any event, or none.
func quickDecode(plain []byte) (e inbox.Event, rest []byte, ok bool) {
	c := cursor{left: plain}
	if c.head(majorArray) != 5 {
		return e, nil, false
	}
	e.Seq, e.At = c.head(majorUint), c.moment()
	e.Cause = inbox.IntentID(c.text())
	switch inbox.EventKind(c.below(1 << 16)) {
	case inbox.KindMessageAdded:
		e.Body = c.message()
	case inbox.KindReceiptChanged:
		e.Body = c.receipt()
	default:
		return e, nil, false
	}
	return e, c.left, !c.gaveUp
}

func (c *cursor) message() inbox.MessageAdded {
	var b inbox.MessageAdded
	m := &b.Message
	if c.head(majorMap) != 1 || c.head(majorUint) != 1 {
		c.gaveUp = true
	}
	c.fields(func(field uint64) {
		switch field {
		case 1:
			m.ID = inbox.MessageID(c.text())
		case 2:
			m.Conversation = inbox.ConversationID(c.text())
		case 3:
			m.Seq = c.head(majorUint)
		case 4:
			m.At = c.moment()
		case 5:
			m.Side = inbox.Side(c.below(1 << 8))
		case 6:
			m.Author = inbox.PersonID(c.text())
		case 7:
			m.Kind = inbox.MessageKind(c.below(1 << 8))
		case 8:
			if m.Body.UnmarshalBinary(c.bytes(majorBytes)) != nil {
				c.gaveUp = true
			}
		case 11:
			m.Receipt = inbox.Receipt(c.below(1 << 8))
		case 14:
			m.Cause = inbox.IntentID(c.text())
		case 15:
			if m.Forwarded = len(c.left) > 0 && c.left[0] == 0xf5; m.Forwarded {
				c.left = c.left[1:]
			} else {
				c.gaveUp = true
			}
		default:
			c.gaveUp = true
		}
	})
	return b
}

func (c *cursor) receipt() (r inbox.ReceiptChanged) {
	c.fields(func(field uint64) {
		switch field {
		case 1:
			r.Conversation = inbox.ConversationID(c.text())
		case 2:
			r.Message = inbox.MessageID(c.text())
		case 3:
			r.Receipt = inbox.Receipt(c.below(1 << 8))
		case 4:
			r.Failure = inbox.Failure(c.below(1 << 16))
		default:
			c.gaveUp = true
		}
	})
	return r
}
