package ui

import "sealdesk/app/inbox"

// captionText says what happened to a conversation, in words, with the time.
func captionText(m *inbox.Message, s staff, t clock) string {
	text := happenedText(m, s, t)
	if text == "" {
		text = m.Body.Visible()
	}
	return text + " · " + t.hour(m.At)
}

// happenedText is "" for what has no words here.
func happenedText(m *inbox.Message, s staff, t clock) string {
	switch m.What {
	case inbox.WhatAssigned:
		return assignedText(m.Author, m.Whom, s)
	case inbox.WhatClosed:
		return didText(m.Author, s, word("happened.closed"), word("happened.closed.you"), "happened.closed.by")
	case inbox.WhatReopened:
		return didText(m.Author, s, word("happened.reopened"), word("happened.reopened.you"), "happened.reopened.by")
	case inbox.WhatSnoozed:
		if m.Wakes == 0 {
			return didText(m.Author, s, word("happened.snoozed"), word("happened.snoozed.you"), "happened.snoozed.by")
		}
		return didText(m.Author, s, word("happened.snoozed"), word("happened.snoozed.until.you", "When", t.soon(m.Wakes)), "happened.snoozed.until.by", "When", t.soon(m.Wakes))
	case inbox.WhatWoke:
		return word("happened.woke")
	case inbox.WhatNewNumber:
		return word("happened.newnumber")
	case inbox.WhatNewIdentity:
		return word("happened.newidentity")
	case inbox.WhatChatOpened:
		return word("happened.chatopened")
	case inbox.WhatStopped:
		return word("happened.stopped")
	case inbox.WhatStoppedAll:
		return word("happened.stoppedall")
	case inbox.WhatResumed:
		return word("happened.resumed")
	case inbox.WhatConsented:
		return didText(m.Author, s, word("happened.consented"), word("happened.consented.you"), "happened.consented.by")
	case inbox.WhatNoticeSent:
		return word("happened.notice")
	case inbox.WhatDataAsked:
		return word("happened.dataasked")
	case inbox.WhatErasureAsked:
		return word("happened.erasureasked")
	case inbox.WhatVerified:
		return word("happened.verified")
	case inbox.WhatJoined:
		return word("happened.joined")
	case inbox.WhatSentOutside:
		return word("happened.outside")
	case inbox.WhatRevealed:
		return didText(m.Author, s, word("happened.revealed"), word("happened.revealed.you"), "happened.revealed.by")
	case inbox.WhatErased:
		return word("happened.erased")
	case inbox.WhatOtherHappened:
		if m.Body.IsZero() {
			return word("happened.other")
		}
		return ""
	}
	if m.Body.IsZero() {
		return word("happened.other")
	}
	return ""
}

// didText says who did something: nobody we know of, the reader, or a colleague.
func didText(by inbox.PersonID, s staff, nobody, you, key string, more ...any) string {
	switch by {
	case "":
		return nobody
	case s.me.ID:
		return you
	}
	return word(key, append([]any{"Name", s.name(by)}, more...)...)
}

func assignedText(by, whom inbox.PersonID, s staff) string {
	me := s.me.ID
	switch {
	case whom == "":
		return didText(by, s, word("header.nobody"), word("happened.unassigned.you"), "happened.unassigned.by")
	case by == whom && by == me:
		return word("happened.took.you")
	case by == whom:
		return word("happened.took.by", "Name", s.name(by))
	case by == "" && whom == me:
		return word("header.you")
	case by == "":
		return word("header.other", "Name", s.name(whom))
	case by == me:
		return word("happened.assigned.you", "Whom", s.name(whom))
	case whom == me:
		return word("happened.assigned.tome", "Name", s.name(by))
	}
	return word("happened.assigned.by", "Name", s.name(by), "Whom", s.name(whom))
}
