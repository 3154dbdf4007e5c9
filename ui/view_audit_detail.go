package ui

import (
	"fmt"
	"strings"

	"sealdesk/app/inbox"
)

// detailWords are the words the log uses where a person reads a sentence: why a session ended, how somebody signed in, what was
// wrong.
var detailWords = map[string]string{
	"asked": "audit.why.asked", "left": "audit.why.left", "role": "audit.why.role", "reset": "audit.why.reset", "revoked": "audit.why.revoked", "logout": "audit.why.logout",
	"over": "audit.why.over", "unsure": "audit.why.unsure", "grant": "audit.why.grant", "group": "audit.why.group", "password": "audit.why.password", "state": "audit.why.browser",
	"old": "audit.why.over", "way": "audit.why.way", "devices": "audit.why.devices", "passkey": "audit.why.passkey", "code": "audit.why.code", "oidc": "audit.why.signon", "sign-on": "audit.why.signon", "browser": "audit.why.signon",
	"recovery": "audit.why.recovery",
}

// machineActs are those whose detail is the log's own shorthand: what of it is not among the words is left to the entry in
// full.
var machineActs = []string{"session.", "sign-in.", "step-up.", "wipe.", "keys.", "audit.", "person.off", "person.sign-on", "person.away", "person.languages", "backup.", "device.reimaged"}

// shorthand is a detail of the log's own shorthand as a sentence; false for a detail that people wrote.
func shorthand(act, detail string) (text string, ok bool) {
	if _, rest, found := strings.Cut(detail, "why "); found && strings.HasPrefix(act, "wipe.") {
		var why int
		if n, _ := fmt.Sscanf(rest, "%d epoch", &why); n == 1 {
			return wipeReason(inbox.WipeReason(why)), true
		}
	}
	for _, prefix := range machineActs {
		if strings.HasPrefix(act, prefix) {
			var parts []string
			for w := range strings.FieldsSeq(detail) {
				if key, known := detailWords[w]; known {
					parts = append(parts, word(key))
				}
			}
			return join(parts...), true
		}
	}
	return "", false
}
