package ui

import "errors"

// A Way is what the button of a start screen does.
type Way uint8

// The ways on.
const (
	WayNone Way = iota
	WayRetry
	WayRebuild
	WaySetUp
	WayQuit
	WaySignIn
)

// A StartView is a screen before the inbox: what is the matter, and the way on.
type StartView struct {
	Icon   string
	Title  string
	Text   string
	Button string
	Way    Way
	Tone   Tone // of the icon
	Auto   bool // tried again by itself every few seconds
}

// startView says why the inbox is not open yet. A nil error is the calm first screen.
func startView(err error) StartView {
	if err == nil {
		return StartView{Icon: "lock-solid", Title: word("start.opening.title"), Text: word("start.opening.text")}
	}
	switch troubleOf(err) {
	case TroubleKeyring:
		return StartView{Icon: "lock-solid", Title: word("start.keyring.title"), Text: word("start.keyring.text"), Button: word("action.retry"), Way: WayRetry, Auto: true}
	case TroubleKeyLost:
		return StartView{Icon: "shield", Tone: ToneWarn, Title: word("start.keylost.title"), Text: word("start.keylost.text"), Button: word("start.keylost.button"), Way: WaySetUp}
	case TroubleDamaged:
		return StartView{Icon: "warn", Tone: ToneWarn, Title: word("start.damaged.title"), Text: word("start.damaged.text"), Button: word("start.damaged.button"), Way: WayRebuild}
	case TroubleRunning:
		return StartView{Icon: "device", Title: word("start.running.title"), Text: word("start.running.text"), Button: word("action.quit"), Way: WayQuit}
	case TroubleNewer:
		return StartView{Icon: "update", Title: word("start.newer.title"), Text: word("start.newer.text"), Button: word("action.quit"), Way: WayQuit}
	case TroublePolicy:
		var b BrokenPolicy
		errors.As(err, &b)
		return brokenPolicyView(b.Problems)
	case TroubleFull:
		return StartView{Icon: "warn", Tone: ToneWarn, Title: word("start.full.title"), Text: word("start.full.text"), Button: word("action.retry"), Way: WayRetry}
	}
	switch t := troubleOf(err); t {
	case TroubleLeaseOver:
		return StartView{Icon: "clock", Tone: ToneWarn, Title: word("start.lease.title"), Text: word("start.lease.text"), Button: word("lock.signin"), Way: WaySignIn}
	case TroubleClockBack:
		return StartView{Icon: "clock", Tone: ToneWarn, Title: word("start.clock.title"), Text: word("start.clock.text"), Button: word("lock.signin"), Way: WaySignIn}
	case TroubleUpdate:
		return StartView{Icon: "update", Tone: ToneWarn, Title: word("start.update.title"), Text: word("start.update.text"), Button: word("action.quit"), Way: WayQuit}
	case TroubleUnreachable, TroubleServer, TroubleClock, TroubleCertificate:
		return StartView{Icon: "wifi-off", Tone: ToneWarn, Title: word("signin.down.title"), Text: word("signin.down.server") + " " + word("signin.down.safe"), Button: word("action.retry"), Way: WayRetry}
	case TroubleRevoked, TroubleLeft, TroubleTwice, TroubleRewritten, TroubleNotAdmitted, TroubleWiped, TroubleCopy:
		return *goneView(map[Trouble]LinkState{TroubleRevoked: LinkRevoked, TroubleLeft: LinkLeft, TroubleTwice: LinkTwice, TroubleRewritten: LinkRewritten,
			TroubleNotAdmitted: LinkNotAdmitted, TroubleWiped: LinkWiped, TroubleCopy: LinkCopy}[t])
	}
	return StartView{Icon: "warn", Tone: ToneWarn, Title: word("start.unknown.title"), Text: word("start.unknown.text"), Button: word("action.retry"), Way: WayRetry}
}

// goneView says why there is no inbox any more; nil for links that leave it on screen. Nothing of it is shown behind.
func goneView(s LinkState) *StartView {
	switch s {
	case LinkRevoked:
		return &StartView{Icon: "lock", Tone: ToneDanger, Title: word("gone.revoked.title"), Text: word("gone.revoked.text"), Button: word("start.keylost.button"), Way: WaySetUp}
	case LinkWiped:
		return &StartView{Icon: "wipe", Tone: ToneDanger, Title: word("gone.wiped.title"), Text: word("gone.wiped.text"), Button: word("start.keylost.button"), Way: WaySetUp}
	case LinkReplaced:
		return &StartView{Icon: "device", Tone: ToneWarn, Title: word("gone.replaced.title"), Text: word("gone.replaced.text"), Button: word("gone.replaced.button"), Way: WayRetry}
	case LinkTwice:
		return &StartView{Icon: "device", Tone: ToneDanger, Title: word("gone.twice.title"), Text: word("gone.twice.text"), Button: word("start.keylost.button"), Way: WaySetUp}
	case LinkCopy:
		return &StartView{Icon: "device", Tone: ToneDanger, Title: word("gone.copy.title"), Text: word("gone.copy.text"), Button: word("start.keylost.button"), Way: WaySetUp}
	case LinkLeft:
		return &StartView{Icon: "lock", Tone: ToneWarn, Title: word("gone.left.title"), Text: word("gone.left.text"), Button: word("action.quit"), Way: WayQuit}
	case LinkRewritten:
		return &StartView{Icon: "shield", Tone: ToneDanger, Title: word("gone.rewritten.title"), Text: word("gone.rewritten.text"), Button: word("action.retry"), Way: WayRetry}
	case LinkNotAdmitted:
		return &StartView{Icon: "lock", Tone: ToneWarn, Title: word("gone.notadmitted.title"), Text: word("gone.notadmitted.text"), Button: word("start.keylost.button"), Way: WaySetUp}
	}
	return nil
}

// rebuildingView stands while a damaged store is replaced.
func rebuildingView() StartView {
	return StartView{Icon: "shield", Title: word("start.rebuilding.title"), Text: word("start.rebuilding.text")}
}

// A StepState is where a step of the enrolment stands.
type StepState uint8

// The states of a step.
const (
	StepTodo StepState = iota
	StepNow
	StepDone
	StepFailed
)

// A StepView is one step of the enrolment.
type StepView struct {
	Title, Detail string
	State         StepState
}

// An EnrolView is the card that sets up a device.
type EnrolView struct {
	Title    string
	Steps    []StepView
	Field    string // label of the field
	Error    string // beside the field
	Alarm    string // a refusal without a way round, in a banner
	AlarmBig string
	Honest   string // what the company can do on this device
	Button   string
	Busy     bool
	Done     bool
	Stuck    bool // only another string leads on
}

// enrolView says how far the enrolment has come. reached is nil before the first try; err is why the last one failed.
func enrolView(reached *Enrolling, err error, done *Enrolled) EnrolView {
	v := EnrolView{Title: word("enrol.title"), Field: word("enrol.field"), Honest: word("enrol.honest"), Button: word("enrol.button"),
		Busy: reached != nil && err == nil && done == nil}
	server := StepView{Title: word("enrol.server"), Detail: word("enrol.server.detail"), State: StepNow}
	code := StepView{Title: word("enrol.code"), Detail: word("enrol.code.detail")}
	key := StepView{Title: word("enrol.key"), Detail: word("enrol.key.detail")}
	if reached != nil {
		if err == nil && reached.Step == EnrolReading {
			server.Detail = word("enrol.server.looking")
		}
		if reached.Step >= EnrolServer {
			server = StepView{Title: word("enrol.server.done"), Detail: word("enrol.server.found", "Server", reached.Server, "Pin", reached.Pin), State: StepDone}
			code.State = StepNow
		}
		if reached.Step >= EnrolCode {
			code = StepView{Title: word("enrol.code.done"), Detail: word("enrol.code.done.detail"), State: StepDone}
			key.State = StepNow
		}
		if reached.Step >= EnrolKey {
			key = StepView{Title: word("enrol.key.done"), Detail: word("enrol.key.done.detail"), State: StepDone}
		}
	}
	if err != nil {
		fail := func(s *StepView) { s.State, s.Detail = StepFailed, word("enrol.failed") }
		switch t := troubleOf(err); t {
		case TroubleNotEnrolment:
			v.Error, v.Stuck = word("enrol.err.string"), true
		case TroubleUnreachable:
			v.Error = word("enrol.err.unreachable")
			fail(&server)
		case TroubleCertificate:
			v.AlarmBig, v.Alarm, v.Stuck = word("enrol.err.certificate.title"), word("enrol.err.certificate"), true
			var m Mismatch
			if errors.As(err, &m) {
				v.Alarm = word("enrol.err.certificate.both", "Want", m.Want, "Got", m.Got)
			}
			fail(&server)
		case TroubleOtherServer:
			v.AlarmBig, v.Alarm, v.Stuck = word("enrol.err.certificate.title"), word("enrol.err.other"), true
			fail(&server)
		case TroubleCodeWrong, TroubleCodeExpired, TroubleCodeUsed:
			v.Error = word(map[Trouble]string{TroubleCodeWrong: "enrol.err.wrong", TroubleCodeExpired: "enrol.err.expired", TroubleCodeUsed: "enrol.err.used"}[t])
			v.Stuck = true
			fail(&code)
		case TroubleClock:
			v.Error = word("enrol.err.clock")
			fail(&server)
		case TroubleKeyring:
			v.Error = word("enrol.err.keyring")
			fail(&key)
		case TroubleServer:
			v.Error = word("enrol.err.server")
			fail(&server)
		default:
			v.Error = word("enrol.err.unknown")
		}
	}
	if done != nil {
		v.Done, v.Error, v.Title = true, "", word("enrol.done.title")
		v.Honest, v.Button = word("enrol.done.text", "Device", done.Device, "Person", done.Person), word("enrol.done.button")
		server.State, code.State, key.State = StepDone, StepDone, StepDone
	}
	v.Steps = []StepView{server, code, key}
	return v
}
