package inbox

import (
	"slices"
	"strings"
	"unicode"
)

// A Tag is a word the company sorts its conversations by.
type Tag struct {
	ID      TagID  `cbor:"1,keyasint"`
	Name    string `cbor:"2,keyasint"`
	Colour  uint8  `cbor:"3,keyasint,omitempty"` // one of the ui's tag colours, from 0
	Removed bool   `cbor:"4,keyasint,omitempty"`
}

// A QuickReply is a text the company keeps ready: "/" and its shortcut bring it into a draft. Variables in it (see
// [Variables]) are filled in by the relay.
type QuickReply struct {
	ID       QuickReplyID `cbor:"1,keyasint"`
	Shortcut string       `cbor:"2,keyasint"` // without "/"; letters, digits and dashes
	Text     string       `cbor:"3,keyasint"`
	Language string       `cbor:"4,keyasint,omitempty"` // BCP 47, such as "de"; "" for any
	Inboxes  []InboxID    `cbor:"5,keyasint,omitempty"` // where it is offered; empty: everywhere
	Removed  bool         `cbor:"6,keyasint,omitempty"`
}

// Check returns nil when the quick reply can be kept: [RefusedMalformed] for an unusable shortcut, language or list of inboxes,
// or a text that shows an identifier, or what [CheckText] says of the text.
func (q QuickReply) Check() error {
	switch {
	case !slug(q.Shortcut, 24), numbered(q.Shortcut), Identifying(q.Text), len(q.Inboxes) > maxReplyInboxes,
		q.Language != "" && !slug(strings.ToLower(q.Language), 16), numbered(q.Language):
		return RefusedMalformed
	}
	return CheckText(q.Text)
}

const maxReplyInboxes = 100

// Check returns nil when the tag can be kept, [RefusedMalformed] when its name is blank, longer than 24 characters, or shows
// an identifier, or so many digits that it may.
func (t Tag) Check() error {
	if CheckText(t.Name) != nil || len([]rune(t.Name)) > 24 || Identifying(t.Name) || numbered(t.Name) {
		return RefusedMalformed
	}
	return nil
}

// numbered reports whether a short name has as many digits as a telephone number: [Identifying] alone lets those pass that are
// written as at home.
func numbered(s string) bool {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n >= 7
}

func slug(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for _, r := range s {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}

// MaxTags is how many tags a conversation may have, MaxTasks how many tasks.
const (
	MaxTags  = 12
	MaxTasks = 20
)

// A Task is something somebody means to do for a customer, with or without a day.
type Task struct {
	ID     TaskID   `cbor:"1,keyasint"`
	Text   Masked   `cbor:"2,keyasint,omitzero"`
	Person PersonID `cbor:"3,keyasint,omitempty"` // who means to do it; "" for whoever has the conversation
	Due    Moment   `cbor:"4,keyasint,omitempty"` // when to be reminded; 0: never
	By     PersonID `cbor:"5,keyasint,omitempty"` // who wrote it down
	Done   Moment   `cbor:"6,keyasint,omitempty"`
}

// Mine reports whether the task is the person's to do, in a conversation that assignee has.
func (t Task) Mine(person, assignee PersonID) bool {
	return t.Person == person || t.Person == "" && assignee == person
}

// The wishes of team work.
type (
	// SetTags puts tags on the conversation and takes others off. What is there already, or gone already, is no mistake.
	SetTags struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Add          []TagID        `cbor:"2,keyasint,omitempty"`
		Remove       []TagID        `cbor:"3,keyasint,omitempty"`
	}
	// EditTask writes a task down or replaces what was written under its ID, which the device chose ([NewID]).
	EditTask struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Task         TaskID         `cbor:"2,keyasint"`
		Text         string         `cbor:"3,keyasint,omitempty"`
		Person       PersonID       `cbor:"4,keyasint,omitempty"`
		Due          Moment         `cbor:"5,keyasint,omitempty"`
		Done         bool           `cbor:"6,keyasint,omitempty"`
		Removed      bool           `cbor:"7,keyasint,omitempty"`
	}
)

// The facts of team work.
type (
	// TagChanged adds a tag of the company or replaces what is known of one. It stands in [CompanyLog].
	TagChanged struct {
		Tag Tag `cbor:"1,keyasint"`
	}
	// QuickReplyChanged adds a quick reply of the company or replaces what is known of one. It stands in [CompanyLog].
	QuickReplyChanged struct {
		QuickReply QuickReply `cbor:"1,keyasint"`
	}
	// TagsChanged replaces the conversation's tags.
	TagsChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Tags         []TagID        `cbor:"2,keyasint,omitempty"`
		By           PersonID       `cbor:"3,keyasint,omitempty"`
	}
	// TaskChanged adds a task, or replaces what is known of one.
	TaskChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Task         Task           `cbor:"2,keyasint"`
		Removed      bool           `cbor:"3,keyasint,omitempty"`
	}
	// Rated is what the customer answered when asked how it went.
	Rated struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Score        uint8          `cbor:"2,keyasint"`           // 1, bad, to 5, good
		For          PersonID       `cbor:"3,keyasint,omitempty"` // who had the conversation when it was closed
	}
)

// The questions of team work.
type (
	// EditTag adds a tag, or changes or removes one. The answer is [Edited].
	EditTag struct {
		Tag Tag `cbor:"1,keyasint"`
	}
	// EditQuickReply adds a quick reply, or changes or removes one. The answer is [Written].
	EditQuickReply struct {
		QuickReply QuickReply `cbor:"1,keyasint"`
	}
	// SetAway says that the person is not to be given conversations for now, or is again. The answer is [Away].
	SetAway struct {
		Away bool `cbor:"1,keyasint"`
	}
)

// The answers.
type (
	// Edited answers [EditTag].
	Edited struct{}
	// Written answers [EditQuickReply].
	Written struct{}
	// Away answers [SetAway].
	Away struct{}
)

func (SetTags) IntentKind() IntentKind  { return IntentSetTags }
func (EditTask) IntentKind() IntentKind { return IntentEditTask }

func (b SetTags) On() ConversationID  { return b.Conversation }
func (b EditTask) On() ConversationID { return b.Conversation }

func (TagChanged) Kind() EventKind        { return KindTagChanged }
func (QuickReplyChanged) Kind() EventKind { return KindQuickReplyChanged }
func (TagsChanged) Kind() EventKind       { return KindTagsChanged }
func (TaskChanged) Kind() EventKind       { return KindTaskChanged }
func (Rated) Kind() EventKind             { return KindRated }

func (TagChanged) Of() ConversationID        { return "" }
func (QuickReplyChanged) Of() ConversationID { return "" }
func (b TagsChanged) Of() ConversationID     { return b.Conversation }
func (b TaskChanged) Of() ConversationID     { return b.Conversation }
func (b Rated) Of() ConversationID           { return b.Conversation }

func (EditTag) QuestionKind() QuestionKind        { return QuestionEditTag }
func (EditQuickReply) QuestionKind() QuestionKind { return QuestionEditQuickReply }
func (SetAway) QuestionKind() QuestionKind        { return QuestionAway }

func (EditTag) About() ConversationID        { return "" }
func (EditQuickReply) About() ConversationID { return "" }
func (SetAway) About() ConversationID        { return "" }

func (Edited) AnswerKind() QuestionKind  { return QuestionEditTag }
func (Written) AnswerKind() QuestionKind { return QuestionEditQuickReply }
func (Away) AnswerKind() QuestionKind    { return QuestionAway }

// keep folds a changed task into the conversation's tasks.
func (c *Conversation) keep(b TaskChanged) {
	tasks := slices.Clone(c.Tasks)
	tasks = slices.DeleteFunc(tasks, func(t Task) bool { return t.ID == b.Task.ID })
	if !b.Removed {
		tasks = append(tasks, b.Task)
	}
	c.Tasks = tasks
}

// Tagged returns the conversation's tags after a wish: in the order they were put on.
func (c Conversation) Tagged(b SetTags) []TagID {
	var out []TagID
	for _, t := range append(slices.Clone(c.Tags), b.Add...) {
		if !slices.Contains(out, t) && !slices.Contains(b.Remove, t) {
			out = append(out, t)
		}
	}
	return out
}

// A Reply is a message that would end the customer's waiting, once it has left.
type Reply struct {
	_       struct{} `cbor:",toarray"`
	Message MessageID
	Seq     uint64
}

// maxReplies is how many answers on their way a row remembers: more wait only when nothing leaves at all.
const maxReplies = 16

// answered notes a message that somebody wrote to the customer who waits. What the relay says by itself is no answer, and neither
// is what has not left: it may be taken back, held, or fail.
func (c *Conversation) answered(m Message, seq uint64) {
	if m.Side != FromPerson || m.Kind == Note || m.Author == "" && !m.Outside || c.Waiting == 0 {
		return
	}
	switch {
	case m.Receipt >= Sent && m.Receipt != Failed && m.Receipt != Unknown:
		c.Waiting, c.Replies = 0, nil
	case len(c.Replies) < maxReplies:
		c.Replies = append(slices.Clone(c.Replies), Reply{Message: m.ID, Seq: seq})
	}
}

// left ends the waiting when one of the answers has left. Who wrote again meanwhile waits from then on.
func (c *Conversation) left(b ReceiptChanged) {
	i := slices.IndexFunc(c.Replies, func(a Reply) bool { return a.Message == b.Message })
	if i < 0 || b.Receipt < Sent || b.Receipt == Failed || b.Receipt == Unknown {
		return
	}
	seq := c.Replies[i].Seq
	if c.InboundSeq < seq {
		c.Waiting, c.Replies = 0, nil
		return
	}
	c.Waiting = c.LastInbound
	c.forgetReplies(func(a Reply) bool { return a.Seq < c.InboundSeq })
}

// forgetReplies leaves no empty list behind: a row in memory is the same as one that was kept.
func (c *Conversation) forgetReplies(gone func(Reply) bool) {
	if c.Replies = slices.DeleteFunc(slices.Clone(c.Replies), gone); len(c.Replies) == 0 {
		c.Replies = nil
	}
}

// Due returns when the customer should have an answer by the inbox's own measure; 0 when he waits for none, or the inbox has
// no measure.
func (c Conversation) Due(in Inbox) Moment {
	if c.Waiting == 0 || in.Answer == 0 || c.State == Closed {
		return 0
	}
	return in.Hours.After(c.Waiting, in.Answer)
}
