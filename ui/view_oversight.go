package ui

import (
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// An IncidentView is one row of the page of incidents.
type IncidentView struct {
	ID           inbox.IncidentID
	Icon         string
	Tone         Tone
	Title        string
	Detail       string
	Inbox        string
	Since        string
	Last         string
	Count        string
	Closed       string // when and by whom; "" while it is open
	Conversation inbox.ConversationID
}

func incidentView(i inbox.Incident, h house, s staff, t clock) IncidentView {
	v := IncidentView{ID: i.ID, Icon: "warn", Tone: ToneWarn, Title: incidentWord(i.Kind), Detail: i.Detail, Since: t.when(i.At), Conversation: i.Conversation}
	switch i.Kind {
	case inbox.IncidentAccess, inbox.IncidentRestricted, inbox.IncidentPayment, inbox.IncidentSecurity, inbox.IncidentSetup, inbox.IncidentSentOutside,
		inbox.IncidentDiversion, inbox.IncidentTwice, inbox.IncidentRewritten, inbox.IncidentTampering:
		v.Tone = ToneDanger
	case inbox.IncidentName, inbox.IncidentLimit, inbox.IncidentAccountNotice, inbox.IncidentRefusedData, inbox.IncidentWipe:
		v.Icon, v.Tone = "info", ToneInfo
	}
	if i.Inbox != "" {
		v.Inbox = h.inbox(i.Inbox).Name
		if v.Inbox == "" {
			v.Inbox = string(i.Inbox)
		}
	}
	if i.Count > 1 {
		v.Count = "×" + grouped(i.Count)
		v.Last = word("incident.last", "Time", t.when(i.Last))
	}
	if i.Closed != 0 {
		v.Icon, v.Tone = "check", ToneQuiet
		v.Closed = word("incident.ended", "Time", t.when(i.Closed))
		if i.By != "" {
			v.Closed = word("incident.closed", "Time", t.when(i.Closed), "Name", s.called(i.By))
		}
	}
	return v
}

func incidentWord(k inbox.IncidentKind) string {
	switch k {
	case inbox.IncidentSentOutside:
		return word("incident.outside")
	case inbox.IncidentAccess:
		return word("incident.access")
	case inbox.IncidentRestricted:
		return word("incident.restricted")
	case inbox.IncidentSpam:
		return word("incident.spam")
	case inbox.IncidentPayment:
		return word("incident.payment")
	case inbox.IncidentSecurity:
		return word("incident.security")
	case inbox.IncidentQuality:
		return word("incident.quality")
	case inbox.IncidentTemplate:
		return word("incident.template")
	case inbox.IncidentName:
		return word("incident.name")
	case inbox.IncidentLimit:
		return word("incident.limit")
	case inbox.IncidentSetup:
		return word("incident.setup")
	case inbox.IncidentRefusedData:
		return word("incident.refused")
	case inbox.IncidentUnreadable:
		return word("incident.unreadable")
	case inbox.IncidentIdentity:
		return word("incident.identity")
	case inbox.IncidentDiversion:
		return word("incident.diversion")
	case inbox.IncidentReveals:
		return word("incident.reveals")
	case inbox.IncidentTwice:
		return word("incident.twice")
	case inbox.IncidentWipe:
		return word("incident.wipe")
	case inbox.IncidentRewritten:
		return word("incident.rewritten")
	case inbox.IncidentTampering:
		return word("incident.tampering")
	}
	return word("incident.notice")
}

// A RequestView is one row of the page of requests.
type RequestView struct {
	ID           inbox.RequestID
	Title        string
	Who          string
	Number       string
	Asked        string
	Due          ChipView
	State        ChipView
	Line         string // who decided what
	Open         bool
	Conversation inbox.ConversationID
	Command      string // what decides it on the company's server; "" when it is decided
}

func requestView(r inbox.Request, row *Row, h house, s staff, t clock) RequestView {
	v := RequestView{ID: r.ID, Title: word("request.data"), Asked: word("request.asked", "Time", t.when(r.At)), Conversation: r.Conversation,
		Open: r.State == inbox.RequestOpen || r.State == inbox.RequestSeconded}
	if r.Kind == inbox.RequestErasure {
		v.Title = word("request.erasure")
	}
	if r.Quiet != 0 {
		v.Title, v.Asked = word("request.quiet"), word("request.quiet.since", "Date", t.date(r.Quiet), "Time", t.when(r.At))
	}
	v.Who = word("request.someone")
	if row != nil {
		v.Who, v.Number = row.Contact.Display(), row.Contact.Phone.Visible()
	}
	if in := h.inbox(r.Inbox); in.Name != "" {
		v.Who += " · " + in.Name
	}
	var names []string
	switch r.State {
	case inbox.RequestOpen:
		v.State = ChipView{Text: word("request.open"), Tone: ToneWarn}
	case inbox.RequestSeconded:
		v.State = ChipView{Text: word("request.seconded"), Tone: ToneWarn}
		names = append(names, word("request.by", "Name", s.called(r.First)))
	case inbox.RequestApproved:
		v.State = ChipView{Text: word("request.approved"), Tone: ToneInfo}
	case inbox.RequestDone:
		v.State = ChipView{Text: word("request.done"), Tone: ToneOK, Icon: "check"}
	case inbox.RequestRefused:
		v.State = ChipView{Text: word("request.refused")}
		if r.Reason != "" {
			names = append(names, oneLine(r.Reason))
		}
	}
	if r.Settled != 0 {
		names = append(names, t.when(r.Settled))
	}
	v.Line = strings.Join(names, " · ")
	if !v.Open {
		return v
	}
	days := int(r.Due.Sub(t.now) / (24 * time.Hour))
	switch {
	case r.Due < t.now:
		v.Due = ChipView{Text: word("request.overdue", "Date", t.date(r.Due)), Tone: ToneDanger}
	case days < 7:
		v.Due = ChipView{Text: count("request.due", days+1, "Date", t.date(r.Due)), Tone: ToneDanger}
	case days < 14:
		v.Due = ChipView{Text: count("request.due", days+1, "Date", t.date(r.Due)), Tone: ToneWarn}
	default:
		v.Due = ChipView{Text: word("request.dueon", "Date", t.date(r.Due))}
	}
	return v
}

// openRequests is how many requests wait for somebody, openIncidents how many incidents are not over.
func openRequests(list []inbox.Request) (n int) {
	for _, r := range list {
		if r.State == inbox.RequestOpen || r.State == inbox.RequestSeconded {
			n++
		}
	}
	return n
}

func openIncidents(list []inbox.Incident) (n int) {
	for _, i := range list {
		if i.Closed == 0 {
			n++
		}
	}
	return n
}

// may reports whether a person may do something in any of the inboxes.
func may(p inbox.Person, a inbox.Action) bool {
	for _, in := range p.Inboxes {
		if inbox.Can(p, a, inbox.Subject{Inbox: in}) == nil {
			return true
		}
	}
	return false
}
