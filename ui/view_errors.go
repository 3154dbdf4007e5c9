package ui

import (
	"time"

	"sealdesk/app/inbox"
)

// An ErrorView is an error as a person meets it: what happened, what is safe all the same, and what can be done.
type ErrorView struct {
	Kind string // a word for tests and pictures
	Name string // which one
	What string
	Safe string
	Do   string
}

// What is safe, and what can be done, as keys of words.
const (
	safeNothing = "error.safe.nothing" // nothing was sent or changed
	safeKept    = "error.safe.kept"    // what was written is kept
	safeServer  = "error.safe.server"  // everything is on the company's server
	safeClosed  = "error.safe.closed"  // nobody can read it here

	doAgain      = "error.do.again"
	doLater      = "error.do.later"
	doWait       = "error.do.wait"
	doChange     = "error.do.change"
	doTemplate   = "error.do.template"
	doElsewhere  = "error.do.elsewhere"
	doOther      = "error.do.other"
	doSupervisor = "error.do.supervisor"
	doIT         = "error.do.it"
	doSignIn     = "error.do.signin"
	doUpdate     = "error.do.update"
	doSetUp      = "error.do.setup"
	doSpace      = "error.do.space"
	doClock      = "error.do.clock"
	doClose      = "error.do.close"
	doReason     = "error.do.reason"
)

// A way out is what is safe and what can be done about one error.
type wayOut struct{ safe, do string }

var refusalWays = map[inbox.Refusal]wayOut{
	inbox.RefusedRight: {safeNothing, doSupervisor}, inbox.RefusedUnknown: {safeNothing, doAgain}, inbox.RefusedWindow: {safeKept, doTemplate}, inbox.RefusedEmpty: {safeNothing, doChange},
	inbox.RefusedTooLong: {safeKept, doChange}, inbox.RefusedState: {safeNothing, doElsewhere}, inbox.RefusedMalformed: {safeNothing, doIT}, inbox.RefusedNewerWords: {safeKept, doIT},
	inbox.RefusedTemplate: {safeNothing, doTemplate}, inbox.RefusedConsent: {safeNothing, doOther}, inbox.RefusedVariable: {safeKept, doChange}, inbox.RefusedMedia: {safeKept, doChange},
	inbox.RefusedLarge: {safeKept, doChange}, inbox.RefusedJoined: {safeKept, doElsewhere}, inbox.RefusedGuard: {safeKept, doChange}, inbox.RefusedReason: {safeKept, doReason},
	inbox.RefusedErased: {safeNothing, doOther}, inbox.RefusedCap: {safeNothing, doLater}, inbox.RefusedSelf: {safeNothing, doOther}, inbox.RefusedStepUp: {safeNothing, doSignIn},
	inbox.RefusedSignature: {safeNothing, doSignIn},
}

var failureWays = map[inbox.Failure]wayOut{
	inbox.FailWindow: {safeKept, doTemplate}, inbox.FailUndeliverable: {safeKept, doAgain}, inbox.FailStopped: {safeNothing, doOther}, inbox.FailPolicy: {safeKept, doChange},
	inbox.FailCompanyAccount: {safeKept, doIT}, inbox.FailBusy: {safeKept, doLater}, inbox.FailRefusedByUs: {safeKept, doChange}, inbox.FailMedia: {safeKept, doChange},
	inbox.FailInternal: {safeKept, doIT}, inbox.FailNotToday: {safeKept, doLater}, inbox.FailTemplate: {safeKept, doTemplate}, inbox.FailNumberNeeded: {safeKept, doTemplate},
	inbox.FailNotReleased: {safeKept, doSupervisor},
}

var linkWays = map[LinkState]wayOut{
	LinkNoNetwork: {safeKept, doWait}, LinkUnreachable: {safeKept, doWait}, LinkTrouble: {safeKept, doWait}, LinkCertificate: {safeNothing, doIT}, LinkClock: {safeKept, doClock},
	LinkCache: {safeServer, doSpace}, LinkUpdate: {safeKept, doUpdate}, LinkServerOld: {safeKept, doIT}, LinkRevoked: {safeServer, doSupervisor}, LinkWiped: {safeServer, doSetUp},
	LinkReplaced: {safeServer, doClose}, LinkNotAdmitted: {safeServer, doSetUp}, LinkSignIn: {safeKept, doSignIn}, LinkTwice: {safeServer, doSetUp}, LinkLeft: {safeServer, doSupervisor},
	LinkRewritten: {safeKept, doIT}, LinkCopy: {safeServer, doIT},
}

var startWays = map[Trouble]wayOut{
	TroubleUnknown: {safeNothing, doAgain}, TroubleKeyring: {safeClosed, doWait}, TroubleKeyLost: {safeServer, doSetUp}, TroubleDamaged: {safeServer, doAgain}, TroubleRunning: {safeNothing, doClose},
	TroubleNewer: {safeKept, doUpdate}, TroubleFull: {safeKept, doSpace}, TroubleLeaseOver: {safeClosed, doSignIn}, TroubleClockBack: {safeClosed, doClock}, TroubleUpdate: {safeKept, doUpdate},
}

// errorGallery is every error a person can meet in the window, in the order of the tables' numbers. Pictures of it are looked
// at, and tests hold it against the errors there are: an error without words, or without a way out, is missing here.
func errorGallery(t time.Time) []ErrorView {
	var out []ErrorView
	add := func(kind, name, what string, w wayOut) {
		if w.safe != "" {
			out = append(out, ErrorView{Kind: kind, Name: name, What: what, Safe: word(w.safe), Do: word(w.do)})
		}
	}
	for k := range Trouble(64) {
		add("start", k.Error(), startView(k).Title, startWays[k])
	}
	for s := range LinkState(64) {
		w, ok := linkWays[s]
		if !ok {
			continue
		}
		what := statusView(Link{State: s, Since: t.Add(-time.Hour)}, t).Text
		if v := goneView(s); v != nil {
			what = v.Title
		}
		add("link", linkWord(s), what, w)
	}
	for r := range inbox.Refusal(64) {
		add("refusal", r.Error(), refusalText(r), refusalWays[r])
	}
	for f := range inbox.Failure(64) {
		add("failure", "", failureText(f), failureWays[f])
	}
	return out
}
