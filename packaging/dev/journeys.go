package main

import "slices"

// This file is what the windows are asked to do, by keyboard alone, and what they say they did.

// milestones are the lines of the client's trace that journeys wait for.
const (
	seesWindow        = "window shown"
	seesInbox         = "inbox shown"
	seesEmpty         = "inbox empty"
	seesConversation  = "conversation opened"
	seesDraft         = "draft kept"
	seesSubmitted     = "intent submitted"
	seesSent          = "receipt sent"
	seesDelivered     = "receipt delivered"
	seesRead          = "receipt read"
	seesInbound       = "message shown"
	seesPalette       = "palette shown"
	seesFilter        = "filter shown"
	seesOverlayClosed = "overlay closed"
	seesContact       = "contact panel shown"
	seesNote          = "note shown"
	seesReply         = "reply shown"
	seesMessage       = "message chosen"
	seesMenu          = "menu shown"
	seesEmoji         = "emoji shown"
	seesHelp          = "help shown"
	seesSettings      = "settings shown"
	seesAssign        = "assign shown"
	seesTemplates     = "templates shown"
	seesEnrol         = "enrol shown"
	seesEnrolled      = "enrolled"
	seesOffline       = "state unreachable"
	seesOnline        = "state online"
	seesStateSignIn   = "state signin"
	seesDesk          = "desk shown"
	seesSignIn        = "sign-in shown"
	seesAsksPassword  = "sign-in asks password"
	seesAsksCode      = "sign-in asks code"
	seesAsksNew       = "sign-in asks new"
	seesAsksSecond    = "sign-in asks second"
	seesAsksKept      = "sign-in asks kept"
	seesSignedIn      = "signed in"
	seesLock          = "lock shown"
	seesLockReady     = "lock ready"
	seesUnlockAsked   = "unlock asked"
	seesUnlockAnswer  = "unlock answered"
	seesDevicesPage   = "page shown devices"
	seesDevices       = "devices shown"
	seesDevice        = "device shown"
	seesWipeDialog    = "wipe dialog shown"
	seesWipeOrdered   = "wipe ordered"
	seesWipeAnswer    = "wipe answered"
	seesWiped         = "wiped shown"
	seesWipeProven    = "wipe proven"
	seesAuditPage     = "page shown audit"
	seesAudit         = "audit shown"
	seesStepUp        = "step-up shown"
	seesGuard         = "guard shown"
	seesRefusedDraft  = "draft judged refuse"
	seesAskedDraft    = "draft judged ask"
	seesTask          = "task shown"
	seesTicked        = "task ticked"
	seesSuggestions   = "suggestions shown"
	seesSuggested     = "suggestion taken"
	seesPresence      = "presence shown"
	seesSearch        = "search shown"
	seesFoundOne      = "search found 1"
	seesLed           = "message led to"
	seesSearchEnded   = "search ended"
	seesUndone        = "undone"
	seesField         = "field shown"
	seesRevealDialog  = "reveal dialog shown"
	seesRevealAsked   = "reveal asked"
	seesRevealAnswer  = "reveal answered"
	seesRevealTold    = "reveal decision told"
	seesDecisions     = "page shown decisions"
	seesDecided       = "reveal decided"
	seesDecidedAnswer = "reveal decision answered"
	seesValue         = "value shown"
	seesValueGone     = "value dropped"
	seesPicked        = "picked"
	seesTags          = "tags shown"
	seesOrganise      = "page shown organise"
	seesTagEdited     = "tag edited"
	seesReplyEdited   = "quick reply edited"
	seesChangeTaken   = "change taken"
	seesBoardPage     = "page shown board"
	seesBoard         = "board shown"
	seesReportsPage   = "page shown reports"
	seesReport        = "report shown"
	seesAbout         = "about shown"
	seesPolicy        = "policy shown"
	seesViewer        = "viewer shown"
	seesPicture       = "picture shown"
	seesFound         = "search found"
	seesTour          = "tour shown"
	seesTourCard      = "tour card"
	seesMore          = "more shown"
	seesRequests      = "page shown requests"
	seesIncidents     = "page shown incidents"
	seesCostsPage     = "page shown costs"
	seesCosts         = "costs shown"
)

// asking are the milestones of a window that wants to know who is there.
var asking = []string{seesSignIn, seesLock, seesEnrol}

// agentJourney is what demo --headless does in the window, by keyboard alone.
func agentJourney() []move {
	return []move{
		// She answers in words, and twice; others answer with a reaction alone.
		{name: "open a conversation", keys: opened("katharina"), await: []string{seesPalette, seesConversation}, shot: "conversation"},
		{name: "write an answer", keys: []press{typed("Guten Morgen! Das machen wir gern. Wie alt ist das Haus?")}, await: []string{seesDraft}, shot: "draft"},
		{name: "send it", keys: []press{key("Return")}, await: []string{seesSubmitted, seesSent}, shot: "sent"},
		{name: "the ticks turn: delivered, then read", await: []string{seesDelivered, seesRead}, shot: "read"},
		{name: "the customer answers", await: []string{seesInbound}, limit: 2 * minute, shot: "answered"},
		{name: "choose that message, to quote it", keys: []press{key("Up"), key("r")}, await: []string{seesMessage, seesReply}},
		{name: "write the reply", keys: []press{typed("Danke! Passt Donnerstag um 10 Uhr?")}, await: []string{seesDraft}, shot: "reply"},
		{name: "send it", keys: []press{key("Return")}, await: []string{seesSubmitted, seesSent}},
		{name: "the customer answers again", await: []string{seesInbound}, limit: 2 * minute},
		{name: "ask what can be done with that message", keys: []press{key("Up"), key("Return")}, await: []string{seesMessage, seesMenu}, shot: "menu"},
		{name: "react to it", keys: []press{key("Right"), key("Return")}, await: []string{seesSubmitted}},
		{name: "take the conversation", keys: []press{key("Escape"), key("ctrl+k"), typed("assign to me"), key("Return")}, await: []string{seesPalette, seesSubmitted}, shot: "taken"},
		{name: "write a note to colleagues", keys: []press{key("ctrl+shift+n"), typed("Site visit first, then the offer.")}, await: []string{seesNote}, shot: "note"},
		{name: "keep it", keys: []press{key("Return")}, await: []string{seesSubmitted}},
		{name: "choose a template", keys: []press{key("ctrl+t"), typed("follow")}, await: []string{seesTemplates}, shot: "templates"},
		{name: "fill it with what the relay knows, and send it", keys: []press{key("Return"), typed("{{contact.first_name}}"), key("Return"), key("Return")}, await: []string{seesSubmitted, seesSent}, shot: "template-sent"},
		{name: "show every conversation", keys: []press{key("Escape"), key("ctrl+k"), typed("show all"), key("Return")}, await: []string{seesPalette, seesFilter}, shot: "window"},
		{name: "open the palette", keys: []press{key("ctrl+k")}, await: []string{seesPalette}, shot: "palette"},
		{name: "close it and go to the next conversation", keys: []press{key("Escape"), key("alt+Down")}, await: []string{seesConversation}, shot: "next"},
	}
}

// firstWork is what the agent has done already when somebody looks at the demo for the first time.
func firstWork() []move {
	return slices.Concat([]move{
		{name: "open a conversation", keys: opened("katharina"), await: []string{seesPalette, seesConversation}},
		{name: "take it", keys: []press{key("ctrl+k"), typed("assign to me"), key("Return")}, await: []string{seesPalette, seesSubmitted}},
		{name: "answer", keys: []press{typed("Vielen Dank! Ich melde mich heute noch mit einem Vorschlag."), key("Return")}, await: []string{seesSubmitted, seesSent}},
		{name: "a note to colleagues", keys: []press{key("ctrl+shift+n"), typed("Site visit first, then the offer."), key("Return")}, await: []string{seesNote, seesSubmitted}},
		{name: "tag it", keys: tagged("offer"), await: []string{seesTags, seesSubmitted}},
	}, taskMoves("Send the offer"), []move{
		{name: "open another", keys: opened("marco"), await: []string{seesPalette, seesConversation}},
		{name: "tag that", keys: tagged("appointment"), await: []string{seesTags, seesSubmitted}},
	})
}

// opened is how one goes to a conversation, by its customer's first name.
func opened(name string) []press {
	return []press{key("Escape"), key("ctrl+k"), typed(name), key("Return")}
}

// tagged puts a tag on the open conversation.
func tagged(name string) []press {
	return []press{key("ctrl+shift+t"), typed(name), key("Return")}
}

// darkJourney is the pair of pictures that demo --headless takes in the dark.
func darkJourney() []move {
	return []move{
		{name: "the same inbox in the dark", await: []string{seesWindow, seesInbox}, never: asking, shot: "dark-inbox"},
		{name: "and a conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "dark-conversation"},
	}
}

// firstSignIn is a person's first: nobody knows a password of theirs yet. The window was just opened, on a device that was
// let in. second says whether the company wants a second factor.
func firstSignIn(a *account, second bool) []move {
	const secret, codes = `[A-Z2-7]{32}`, `(?s)[0-9A-Z-]{10,}(\n[0-9A-Z-]{10,}){5,}`
	moves := []move{
		{name: "who is there? a first password is asked for", await: []string{seesSignIn, seesAsksNew}, rest: true, shot: "sign-in-first"},
		{name: "choose it", keys: []press{typed(a.password), key("Return"), typed(a.password), key("Return")}, await: []string{seesInbox}, shot: "inbox"},
	}
	if !second {
		return moves
	}
	moves[1].await, moves[1].shot, moves[1].rest = []string{seesAsksSecond}, "sign-in-second", true
	return append(moves,
		// As a person would: the secret goes into an authenticator by the button that copies it.
		move{name: "set up the second factor", keys: []press{key("shift+Tab"), key("Return"), copied(secret, a.takeSecret), key("Tab"), made(a.code)}, await: []string{seesAsksKept},
			rest: true, shot: "sign-in-recovery"},
		move{name: "keep the recovery codes", keys: []press{key("shift+Tab"), key("shift+Tab"), key("Return"), copied(codes, a.takeCodes), key("Tab"), key("Tab"), key("Return")},
			await: []string{seesSignedIn, seesInbox}, shot: "inbox"})
}

// signIn is any later one; the keys bring the card about.
func signIn(a *account, keys ...press) []move {
	return []move{
		{name: "who is there? the password is asked for", keys: keys, await: []string{seesSignIn, seesAsksPassword}, rest: true, shot: "sign-in-password"},
		{name: "give it: a code is asked for", keys: []press{typed(a.password), key("Return")}, await: []string{seesAsksCode}, rest: true, shot: "sign-in-code"},
		{name: "give that", keys: []press{made(a.code)}, await: []string{seesSignedIn}},
	}
}

// lockMoves lock the window and unlock it by the passphrase of the device, after one that is wrong.
func lockMoves(a *account) []move {
	return []move{
		{name: "lock the window", keys: []press{key("ctrl+shift+l")}, await: []string{seesLock, seesLockReady}, shot: "locked"},
		{name: "a wrong passphrase", keys: []press{typed("not what was chosen"), key("Return")}, await: []string{seesUnlockAsked, seesUnlockAnswer}, never: []string{seesDesk}, shot: "locked-wrong"},
		{name: "the right one", keys: []press{typed(a.password), key("Return")}, await: []string{seesUnlockAsked, seesUnlockAnswer, seesInbox, seesOnline}, never: []string{seesSignIn, seesStateSignIn}},
	}
}

// toDevice turns to the page of devices and chooses one of them, by its place in the list.
func toDevice(place int) []move {
	choose := []press{key("Up")}
	for range place {
		choose = append(choose, key("Up")) // to the first, wherever it was
	}
	for range place {
		choose = append(choose, key("Down"))
	}
	choose = append(choose, key("Return")) // the keyboard is now at what can be done with it
	return []move{
		{name: "the devices of the team", keys: []press{key("ctrl+4")}, await: []string{seesDevicesPage, seesDevices}, shot: "devices"},
		{name: "choose the agent's", keys: choose, await: []string{seesDevice}, rest: true},
	}
}

// enrolMove lets a device in whose window asks for the string.
func enrolMove(code string) move {
	return move{name: "the device is let in", keys: []press{key("ctrl+a"), typed(code), key("Return")}, await: []string{seesEnrolled}, shot: "enrolled"}
}
