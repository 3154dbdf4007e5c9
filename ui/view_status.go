package ui

import "time"

// A StatusView is the strip above the panes. Its zero value is no strip.
type StatusView struct {
	Icon   string
	Tone   Tone
	Text   string
	Action string // words of the button that tries again; "" for none
}

// catchUpFrom is how many events a device must be behind before the strip says so: fewer arrive before it could be read.
const catchUpFrom = 20

// patience is how long a connection may take before the strip says that there is none.
const patience = 2 * time.Second

// steady is the state to go by: a try to connect that began a moment ago is not worth a word yet, and until then what
// was before still holds. Without it the strip would blink at every try.
func steady(was, now Link, at time.Time) Link {
	if now.State == LinkConnecting && was.State != LinkConnecting && at.Sub(now.Since) < patience {
		return was
	}
	return now
}

// statusView says what the reader must know about the link. A link that is well, or has been down only for a moment,
// has no strip.
func statusView(l Link, now time.Time) StatusView {
	down := func(icon, key string) StatusView {
		return StatusView{Icon: icon, Tone: ToneWarn, Text: word(key), Action: word("action.retry")}
	}
	final := func(icon, key string) StatusView { return StatusView{Icon: icon, Tone: ToneDanger, Text: word(key)} }
	switch l.State {
	case LinkOnline:
		if l.Behind >= catchUpFrom {
			return StatusView{Icon: "clock", Tone: ToneInfo, Text: count("status.behind", int(min(l.Behind, 1<<30)))}
		}
		return StatusView{}
	case LinkConnecting:
		if now.Sub(l.Since) < patience {
			return StatusView{}
		}
		return StatusView{Icon: "retry", Tone: ToneWarn, Text: word("status.connecting")}
	case LinkNoNetwork:
		return down("wifi-off", "status.offline")
	case LinkUnreachable:
		return down("wifi-off", "status.unreachable")
	case LinkTrouble:
		return down("warn", "status.trouble")
	case LinkClock:
		return down("clock", "status.clock")
	case LinkCache:
		return down("warn", "status.cache")
	case LinkCertificate:
		return StatusView{Icon: "shield", Tone: ToneDanger, Text: word("status.certificate"), Action: word("action.retry")}
	case LinkUpdate:
		return final("update", "status.update")
	case LinkServerOld:
		return final("update", "status.serverold")
	case LinkRevoked:
		return final("lock", "status.revoked")
	case LinkWiped:
		return final("wipe", "status.wiped")
	case LinkReplaced:
		return final("device", "status.replaced")
	case LinkNotAdmitted:
		return final("lock", "status.notadmitted")
	case LinkSignIn:
		return StatusView{Icon: "lock", Tone: ToneWarn, Text: word("status.signin"), Action: word("lock.signin")}
	case LinkTwice:
		return final("device", "gone.twice.title")
	case LinkCopy:
		return final("device", "gone.copy.title")
	case LinkLeft:
		return final("lock", "gone.left.title")
	case LinkRewritten:
		return final("shield", "gone.rewritten.title")
	}
	return StatusView{}
}

// linkWord names a state for the trace.
func linkWord(s LinkState) string {
	return [...]string{"connecting", "online", "offline", "unreachable", "trouble", "certificate", "clock", "cache", "update", "serverold",
		"revoked", "wiped", "replaced", "notadmitted", "signin", "twice", "left", "copy", "rewritten"}[s]
}
