package ui

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// A SignInStep is what the card of a sign-in asks for.
type SignInStep uint8

// The steps.
const (
	SignInReach  SignInStep = iota // the server is being reached
	SignInDown                     // it cannot be
	SignInPass                     // the password, or the browser
	SignInBrowse                   // the browser only
	SignInCode                     // a code beside the password
	SignInNew                      // the first password
	SignInFactor                   // a second factor is set up
	SignInKeep                     // recovery codes are to be kept
	SignInAway                     // somebody is in the browser
)

// A SignInView is the card of a sign-in.
type SignInView struct {
	Step    SignInStep
	Icon    string
	Title   string
	Text    string
	Note    string // what went wrong
	Tone    Tone   // of Note
	Button  string
	Off     bool      // the button waits
	Busy    bool      // so do the fields
	Other   string    // words of another way on
	By      SignInWay // of Button, where that opens the browser
	Passkey string    // words of the way by a passkey, beside others
	Who     bool      // asks for a name too: the device is nobody's yet
	Label   string    // of the field of the code
	Secret  string    // in groups
	URL     string
	Codes   []string
	Wait    bool // it changes every second
}

// signInAt is what a card knows of a sign-in.
type signInAt struct {
	asked    SignIn
	ok       bool // something is asked
	link     Link
	busy     bool // an answer is on its way
	browsing bool
	recovery bool // the person wants to give a recovery code
	again    bool // who is signed in already shows once more who is there
	err      error
	now      time.Time
}

// codeDigits is how long a code of the second factor is.
const codeDigits = 6

func signInView(at signInAt) SignInView {
	v := SignInView{Icon: "lock-solid", Busy: at.busy, Off: at.busy, Button: word("signin.button")}
	if !at.ok {
		v.Step, v.Title, v.Text, v.Button = SignInReach, word("signin.reach.title"), word("signin.reach.text"), ""
		if down := linkProblem(at.link.State); (down != "" || at.err != nil) && !at.busy {
			if down == "" {
				down = showProblem(at.err)
			}
			v.Step, v.Icon, v.Title, v.Text, v.Button = SignInDown, "wifi-off", word("signin.down.title"), down+" "+word("signin.down.safe"), word("action.retry")
		}
		return v
	}
	who := at.asked.Name
	v.Title, v.Text = word("signin.title"), who
	if at.again {
		v.Title, v.Text, v.Button = word("stepup.title"), word("stepup.text", "Name", who), word("stepup.button")
	}
	browser, password, passkey := hasWay(at.asked, ByBrowser), hasWay(at.asked, ByPassword), hasWay(at.asked, ByPasskey)
	if who == "" && !at.again {
		v.Text = word("join.signin")
	}
	switch {
	case at.browsing:
		v.Step, v.Icon, v.Text = SignInAway, "go", word("signin.browsing")
		v.Button, v.Other, v.Off = "", word("action.cancel"), false
		return v
	case at.asked.Need == NeedPasskey:
		v.Step, v.Icon, v.Title, v.Text, v.Button, v.By = SignInBrowse, "shield", word("signin.passkey.make.title"), word("signin.passkey.make.text"), word("signin.passkey.make"), ByPasskey
	case at.asked.Need == NeedCode:
		v.Step, v.Text, v.Label = SignInCode, word("signin.code.text"), word("signin.code")
		v.Other = word("signin.recovery.use")
		if at.recovery {
			v.Text, v.Label, v.Other = word("signin.recovery.text"), word("signin.recovery"), word("signin.code.use")
		}
	case at.asked.Need == NeedNew:
		v.Step, v.Title, v.Text, v.Button = SignInNew, word("signin.new.title"), word("signin.new.text"), word("signin.new.button")
	case at.asked.Need == NeedSecond && at.asked.Second != nil:
		v.Step, v.Title, v.Text, v.Button = SignInFactor, word("signin.second.title"), word("signin.second.text"), word("signin.second.button")
		v.Label, v.URL, v.Secret = word("signin.second.code"), at.asked.Second.URL, inFours(at.asked.Second.Secret)
	case at.asked.Need == NeedKept:
		v.Step, v.Icon, v.Title, v.Text, v.Button = SignInKeep, "shield", word("signin.kept.title"), word("signin.kept.text"), word("signin.kept.button")
		v.Codes = at.asked.Recovery
	case browser && !password:
		v.Step, v.Icon, v.Button, v.By = SignInBrowse, "go", word("signin.browser"), ByBrowser
		if !at.again && who != "" {
			v.Text = word("signin.browser.text", "Name", who)
		}
	case passkey && !password:
		v.Step, v.Icon, v.Button, v.By = SignInBrowse, "shield", word("signin.passkey"), ByPasskey
		if !at.again && who != "" {
			v.Text = word("signin.passkey.text", "Name", who)
		}
	default:
		v.Step, v.Who = SignInPass, who == ""
		if browser {
			v.Other = word("signin.browser")
		}
	}
	if passkey && v.By != ByPasskey && (v.Step == SignInPass || v.Step == SignInBrowse || v.Step == SignInCode) {
		v.Passkey = word("signin.passkey")
	}
	v.Note, v.Tone = signInProblem(at.asked.Trouble, v.Step, at.asked.Need)
	if at.err != nil {
		v.Note, v.Tone = showProblem(at.err), ToneWarn
	}
	if left := at.asked.Next.Sub(at.now); left > 0 && !at.asked.Next.IsZero() {
		v.Off, v.Wait = true, true
		v.Note, v.Tone = strings.TrimSpace(v.Note+" "+word("signin.wait", "Span", countdown(wholeSeconds(left)))), ToneWarn
	}
	if at.busy {
		v.Note = ""
	}
	return v
}

// wholeSeconds is a length of time rounded up: nobody waits for 0:00.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func hasWay(s SignIn, w SignInWay) bool {
	for _, x := range s.Ways {
		if x == w {
			return true
		}
	}
	return false
}

// signInProblem is why the last answer was not enough, what is safe, and what to do.
func signInProblem(t SignInTrouble, step SignInStep, need Need) (string, Tone) {
	switch t {
	case SignInWrong:
		if step == SignInCode || step == SignInFactor {
			return word("signin.wrong.code"), ToneDanger
		}
		return word("signin.wrong"), ToneDanger
	case SignInWeak:
		return word("signin.weak"), ToneDanger
	case SignInBusy:
		return word("signin.busy"), ToneWarn
	case SignInBrowser:
		return word("signin.browser.no"), ToneWarn
	case SignInOther:
		return word("signin.other"), ToneDanger
	case SignInUsed:
		return word("signin.used"), ToneWarn
	case SignInPasskey:
		return word("signin.passkey.no"), ToneDanger
	case SignInDevices:
		return word("signin.devices"), ToneDanger
	}
	return "", ToneQuiet
}

// showProblem is why an answer did not get through.
func showProblem(err error) string {
	switch {
	case errors.Is(err, ErrOffline):
		return word("signin.offline")
	case errors.Is(err, errNoBrowser):
		return word("signin.nobrowser")
	}
	return word("signin.lost")
}

// linkProblem is why the server is not reached; "" while it is, or may be in a moment.
func linkProblem(s LinkState) string {
	switch s {
	case LinkNoNetwork:
		return word("signin.down.network")
	case LinkUnreachable, LinkTrouble, LinkCache:
		return word("signin.down.server")
	case LinkCertificate:
		return word("enrol.err.certificate")
	case LinkClock:
		return word("enrol.err.clock")
	case LinkUpdate, LinkServerOld:
		return word("start.update.text")
	}
	return ""
}

// inFours writes a secret in groups that can be typed.
func inFours(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// digitsOf keeps the digits of a code as it was typed or pasted.
func digitsOf(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// newPasswordHint says what is still missing of a new password. Length is all that this device can judge.
func newPasswordHint(text, again string) (note string, tone Tone, ok bool) {
	n := utf8.RuneCountInString(text)
	switch {
	case n == 0:
		return "", ToneQuiet, false
	case n < MinPassword:
		return count("signin.new.short", MinPassword-n), ToneQuiet, false
	case again == "":
		return word("signin.new.long"), ToneOK, false
	case text != again:
		return word("signin.new.differ"), ToneWarn, false
	}
	return word("signin.new.same"), ToneOK, true
}

// recoveryFile is a list of recovery codes to be printed or put away.
func recoveryFile(name string, codes []string, t clock) string {
	var b strings.Builder
	b.WriteString(word("signin.kept.file") + "\n" + name + "\n" + t.date(t.now) + "\n\n" + word("signin.kept.file.how") + "\n\n")
	for _, c := range codes {
		b.WriteString("[ ]  " + c + "\n")
	}
	return b.String()
}
