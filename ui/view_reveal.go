package ui

import (
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// revealRecent is how long the panel tells that a request was refused or lapsed.
const revealRecent = time.Hour

// fields are what can be revealed, in the order of the panel.
var fields = []inbox.Field{inbox.FieldName, inbox.FieldPhone, inbox.FieldEmail, inbox.FieldUsername}

// fieldWord is what a field is called.
func fieldWord(f inbox.Field) string {
	switch f {
	case inbox.FieldName:
		return word("contact.name")
	case inbox.FieldPhone:
		return word("contact.phone")
	case inbox.FieldEmail:
		return word("contact.email")
	}
	return word("contact.username")
}

// fieldVariable is what the company's server fills in for a field; "" for none.
func fieldVariable(f inbox.Field) inbox.Variable {
	switch f {
	case inbox.FieldName:
		return inbox.VarContactName
	case inbox.FieldPhone:
		return inbox.VarContactPhone
	case inbox.FieldEmail:
		return inbox.VarContactEmail
	}
	return ""
}

// fieldText is what is shown of a field.
func fieldText(c inbox.Contact, f inbox.Field) inbox.Masked {
	switch f {
	case inbox.FieldName:
		return c.Name
	case inbox.FieldPhone:
		return c.Phone
	case inbox.FieldEmail:
		return c.Email
	}
	return c.Username
}

// hidden reports whether a part of a field is kept from the reader.
func hidden(c inbox.Contact, f inbox.Field) bool {
	m := fieldText(c, f)
	if f == inbox.FieldName && !m.IsZero() { // "Katharina W."
		return m.Hides() || strings.HasSuffix(m.Visible(), ".")
	}
	return m.Hides()
}

// reasons are why somebody may need to see a field, the most common first.
var reasons = []inbox.RevealReason{inbox.ReasonCall, inbox.ReasonDelivery, inbox.ReasonContract, inbox.ReasonIdentity, inbox.ReasonComplaint, inbox.ReasonLaw, inbox.ReasonOther}

func reasonWord(r inbox.RevealReason) string {
	switch r {
	case inbox.ReasonDelivery:
		return word("reason.delivery")
	case inbox.ReasonContract:
		return word("reason.contract")
	case inbox.ReasonCall:
		return word("reason.call")
	case inbox.ReasonIdentity:
		return word("reason.identity")
	case inbox.ReasonComplaint:
		return word("reason.complaint")
	case inbox.ReasonLaw:
		return word("reason.law")
	}
	return word("reason.other")
}

// A RevealStep is what a field of the panel offers beside its mask.
type RevealStep uint8

// The steps.
const (
	RevealNothing RevealStep = iota
	RevealOffer              // it can be asked for
	RevealAsking             // the company's server is being asked
	RevealWaits              // a colleague decides
	RevealReady              // it may be shown
	RevealOpen               // it is shown
)

// A RevealView is how far the reader's wish to see a field has come.
type RevealView struct {
	Step   RevealStep
	Reveal inbox.RevealID
	Text   string
	Icon   string
	Tone   Tone
	Action string // words of what can be done next; "" for nothing
}

// revealing is what only this window knows of the reader's wish to see a field.
type revealing struct {
	asking  bool
	trouble string                       // why the last attempt came to nothing
	key     func(id inbox.RevealID) bool // whether the key of a reveal is in memory
	given   func(id inbox.RevealID) bool // whether a request was taken back in this window; nil is never
	shown   inbox.RevealID
}

// revealView says how a field looks whose latest request of the reader is r; nil for none.
func revealView(r *inbox.Reveal, here revealing, c inbox.Conversation, s staff, online bool, t clock) RevealView {
	v := RevealView{Step: RevealOffer}
	if inbox.Can(s.me, inbox.ActReveal, c.Subject()) != nil || c.Erased != 0 || c.Into != "" {
		v.Step = RevealNothing
	}
	if here.asking {
		return RevealView{Step: RevealAsking, Text: word("reveal.asking"), Icon: "clock"}
	}
	if here.trouble != "" {
		v.Text, v.Icon, v.Tone = here.trouble, "warn", ToneWarn
	}
	if r == nil {
		return v
	}
	state := r.State
	if (state == inbox.RevealAsked || state == inbox.RevealGranted) && r.Until != 0 && t.now >= r.Until {
		state = inbox.RevealLapsed // the company's server will say so in a moment
	}
	if state == inbox.RevealShown && t.now >= r.Until {
		state = inbox.RevealEnded
	}
	switch state {
	case inbox.RevealAsked:
		v = RevealView{Step: RevealWaits, Reveal: r.ID, Icon: "clock", Tone: ToneWarn, Action: word("reveal.takeback"),
			Text: word("reveal.waits", "Who", deciders(s, c.Inbox), "Time", t.hour(r.Until))}
		if !here.key(r.ID) { // whoever agrees would agree in vain
			v.Icon, v.Text = "info", word("reveal.waits.elsewhere")
		}
		if !online {
			v.Text, v.Icon, v.Action = word("reveal.waits.offline"), "wifi-off", ""
		}
	case inbox.RevealGranted, inbox.RevealShown:
		v = RevealView{Step: RevealReady, Reveal: r.ID, Icon: "check", Tone: ToneOK, Action: word("reveal.show")}
		switch {
		case r.ID == here.shown:
			return RevealView{Step: RevealOpen, Reveal: r.ID, Icon: "clock", Tone: TonePrivacy, Action: word("reveal.hide"),
				Text: word("reveal.open", "Span", countdown(r.Until.Sub(t.now)))}
		case !here.key(r.ID):
			v.Step, v.Icon, v.Tone, v.Action = RevealOffer, "info", ToneQuiet, ""
			v.Text = word("reveal.elsewhere")
		case state == inbox.RevealShown:
			v.Icon, v.Tone, v.Action = "eye-off", ToneQuiet, word("reveal.again")
			v.Text = word("reveal.hidden", "Time", t.hour(r.Until))
		case r.Decider == "":
			v.Text = word("reveal.granted", "Time", t.hour(r.Until))
		default:
			v.Text = word("reveal.granted.by", "Name", s.name(r.Decider), "Time", t.hour(r.Until))
		}
		if here.trouble != "" {
			v.Text, v.Icon, v.Tone = here.trouble, "warn", ToneWarn
		} else if !online {
			v.Text, v.Icon, v.Tone, v.Action = word("reveal.ready.offline"), "wifi-off", ToneWarn, ""
		}
	case inbox.RevealRefused:
		if v.Text == "" && t.now.Sub(r.At) < revealRecent {
			v.Icon, v.Tone, v.Text = "close", ToneDanger, word("reveal.refused", "Name", s.name(r.Decider))
		}
	case inbox.RevealLapsed:
		if here.given != nil && here.given(r.ID) {
			return v // who took it back knows
		}
		if v.Text == "" && t.now.Sub(r.At) < revealRecent {
			v.Icon, v.Text = "clock", word("reveal.lapsed")
			if r.Decider != "" {
				v.Text = word("reveal.lapsed.unseen")
			}
		}
	}
	return v
}

// countdown is a length of time in minutes and seconds, as clocks write it.
func countdown(d time.Duration) string {
	return lengthText(max(d, 0).Milliseconds())
}

// deciders are the colleagues who may decide about a request of the reader's: two by name.
func deciders(s staff, in inbox.InboxID) string {
	var names []string
	for _, p := range s.people {
		if p.ID != s.me.ID && inbox.Can(p, inbox.ActDecide, inbox.Subject{Inbox: in}) == nil {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	switch n := len(names); n {
	case 0:
		return word("reveal.deciders.none")
	case 1:
		return names[0]
	case 2:
		return word("reveal.deciders.two", "One", names[0], "Two", names[1])
	default:
		return word("reveal.deciders.more", "One", names[0], "N", grouped(n-1))
	}
}

// latest is the reader's last request for a field; list is newest first.
func latest(list []inbox.Reveal, me inbox.PersonID, f inbox.Field) *inbox.Reveal {
	for i := range list {
		if list[i].By == me && list[i].Field == f {
			return &list[i]
		}
	}
	return nil
}

// maskProblem is why a request about what is masked came to nothing.
func maskProblem(r inbox.Refusal) string {
	switch r {
	case inbox.RefusedCap:
		return word("reveal.cap")
	case inbox.RefusedVariable:
		return word("reveal.unknown")
	case inbox.RefusedErased:
		return word("refused.erased")
	case inbox.RefusedSelf:
		return word("refused.self")
	case inbox.RefusedState:
		return word("decide.late")
	case inbox.RefusedReason:
		return word("reveal.words")
	}
	return refusalText(r)
}

// A SawView is one line of who saw personal data.
type SawView struct {
	Icon string
	Tone Tone
	Text string
	Line string // why, and what became of it
	Time string
}

// sawMost is how many lines the panel shows until somebody wants all of them.
const sawMost = 4

// sawView tells who wanted to see a field of the contact, and whether he did.
func sawView(list []inbox.Reveal, s staff, t clock) []SawView {
	var out []SawView
	for _, r := range list {
		v := SawView{Icon: "eye", Tone: TonePrivacy, Text: s.name(r.By) + " · " + fieldWord(r.Field), Time: t.when(r.At)}
		line := []string{reasonWord(r.Why)}
		state := r.State
		if (state == inbox.RevealAsked || state == inbox.RevealGranted) && r.Until != 0 && t.now >= r.Until {
			state = inbox.RevealLapsed
		}
		switch state {
		case inbox.RevealAsked:
			v.Icon, v.Tone = "clock", ToneQuiet
			line = append(line, word("saw.asked"))
		case inbox.RevealGranted:
			v.Icon, v.Tone = "clock", ToneQuiet
			line = append(line, word("saw.granted"))
		case inbox.RevealRefused:
			v.Icon, v.Tone = "close", ToneQuiet
			line = append(line, word("saw.refused", "Name", s.name(r.Decider)))
		case inbox.RevealLapsed:
			v.Icon, v.Tone = "eye-off", ToneQuiet
			line = append(line, word("saw.lapsed"))
		default:
			v.Time = t.when(r.Shown)
			if r.Shown == 0 {
				v.Icon, v.Tone, v.Time = "eye-off", ToneQuiet, t.when(r.At)
				line = append(line, word("saw.unseen"))
			} else if r.Decider != "" {
				line = append(line, word("saw.by", "Name", s.name(r.Decider)))
			}
		}
		v.Line = strings.Join(line, " · ")
		out = append(out, v)
	}
	return out
}

// A DecisionView is one row of the page of decisions.
type DecisionView struct {
	ID     string
	Icon   string
	Title  string
	Who    string
	Number string
	Text   inbox.Masked // what is held, or why somebody asks
	Quoted bool         // Text is a message
	Line   string
	Found  string // why a message is held
	Left   ChipView
	Agree  string
	Refuse string
	Busy   bool
	Own    bool

	Conversation inbox.ConversationID
	Reveal       inbox.RevealID
	Message      inbox.MessageID
}

func customerOf(row *Row) (who, number string) {
	if row == nil {
		return word("request.someone"), ""
	}
	return row.Contact.Display(), row.Contact.Phone.Visible()
}

// decisionViews are what waits for the reader: what colleagues ask to see, then what is held, the oldest first. What has
// had its time is left out.
func decisionViews(reveals []inbox.Reveal, held []Held, rows func(inbox.ConversationID) *Row, busy map[string]bool, h house, s staff, t clock) (asks, messages []DecisionView) {
	for _, r := range reveals {
		if r.By == s.me.ID || r.State != inbox.RevealAsked || r.Until != 0 && t.now >= r.Until {
			continue
		}
		v := DecisionView{ID: "reveal " + string(r.ID), Icon: "eye", Title: word("decide.reveal", "Name", s.name(r.By), "Field", fieldWord(r.Field)),
			Text: r.Note, Conversation: r.Conversation, Reveal: r.ID, Agree: word("decide.agree"), Refuse: word("decide.refuse")}
		v.Who, v.Number = customerOf(rows(r.Conversation))
		v.Line = reasonWord(r.Why) + " · " + word("decide.asked", "Time", t.when(r.At))
		if r.Until != 0 {
			left := r.Until.Sub(t.now)
			v.Left = ChipView{Text: word("decide.left", "Span", span(left)), Tone: ToneQuiet}
			if left < 5*time.Minute {
				v.Left.Tone = ToneWarn
			}
		}
		v.Busy = busy[v.ID]
		asks = append(asks, v)
	}
	for _, x := range held {
		m := x.Message
		if m.Author == s.me.ID {
			continue
		}
		v := DecisionView{ID: "held " + string(m.ID), Icon: "shield", Title: word("decide.held", "Name", s.name(m.Author)), Text: m.Body, Quoted: true,
			Conversation: m.Conversation, Message: m.ID, Agree: word("decide.release"), Refuse: word("decide.keep"), Line: word("decide.written", "Time", t.when(m.At))}
		if m.Body.IsZero() {
			_, name := medium(m.Kind)
			v.Text = inbox.PlainText(name)
		}
		if in := h.inbox(x.Inbox); in.Name != "" {
			v.Line += " · " + in.Name
		}
		row := rows(m.Conversation)
		v.Who, v.Number = customerOf(row)
		if row != nil && row.WindowOpen(t.now) {
			left := row.WindowCloses().Sub(t.now)
			v.Left = ChipView{Text: word("window.open", "Span", span(left)), Tone: windowChip(row.Conversation, t).Tone}
		}
		if found := foundText(m.Found); found != "" {
			v.Found = word("guard.found", "Found", found)
		}
		v.Busy = busy[v.ID]
		messages = append(messages, v)
	}
	return asks, messages
}

// twoDigits are the country codes of two digits (ITU-T E.164, list of assigned codes); those that begin with 1 or 7 have one
// digit, all others three.
const twoDigits = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "

// spacedNumber is a whole number in groups that can be read aloud: the country's code, then three digits at a time and at most
// four at the end. The bytes it was given are overwritten; anything else comes back as it is.
func spacedNumber(value []byte) []byte {
	if len(value) < 9 || value[0] != '+' {
		return value
	}
	for _, b := range value[1:] {
		if b < '0' || b > '9' {
			return value
		}
	}
	code := 3
	switch {
	case value[1] == '1' || value[1] == '7':
		code = 1
	case strings.Contains(twoDigits, " "+string(value[1:3])+" "):
		code = 2
	}
	out := append(make([]byte, 0, 2*len(value)), value[:1+code]...)
	for rest := value[1+code:]; len(rest) > 0; {
		n := min(3, len(rest))
		if len(rest) <= 4 {
			n = len(rest)
		}
		out = append(append(out, ' '), rest[:n]...)
		rest = rest[n:]
	}
	clear(value)
	return out
}
