package relay

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/guard"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

const (
	draftRate  = 5 // drafts a second that one device may ask about
	draftBurst = 5
	draftPaces = 1024 // devices whose pace is remembered
)

// paces keeps how often each device asks about drafts.
type paces struct {
	mu sync.Mutex
	by map[inbox.DeviceID]*rate.Limiter
}

func (p *paces) allow(id inbox.DeviceID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil || p.by[id] == nil && len(p.by) >= draftPaces {
		p.by = map[inbox.DeviceID]*rate.Limiter{} // a second of grace for everybody
	}
	if p.by[id] == nil {
		p.by[id] = rate.NewLimiter(draftRate, draftBurst)
	}
	return p.by[id].Allow()
}

// checkDraft tells what the guard thinks of what a person types. It is no oracle: whose an identifier is, it is not asked
// (see [guard.Draft]), and variables about the contact are filled in as colleagues see them.
func (r *Relay) checkDraft(ctx context.Context, a asker, q inbox.CheckDraft) (inbox.Verdict, error) {
	if q.Pasted != "" && !isID(string(q.Pasted)) {
		return inbox.Verdict{}, inbox.RefusedMalformed
	}
	in, c, err := r.mayAsk(ctx, a.person, q.Conversation, inbox.ActSend)
	if err != nil {
		return inbox.Verdict{}, err
	}
	if !r.guarding.paces.allow(a.device) {
		return inbox.Verdict{}, errNotYet
	}
	switch err := inbox.CheckText(q.Text); {
	case errors.Is(err, inbox.RefusedEmpty):
		return inbox.Verdict{}, nil
	case err != nil:
		return inbox.Verdict{}, err
	case strings.Contains(q.Text, gap):
		return inbox.Verdict{}, inbox.RefusedMalformed
	}
	text, stretches := r.typed(a.person, c, q.Text)
	d, err := r.draftOf(ctx, a.person, c, []guard.Part{{Kind: guard.Body, Text: text}})
	if errors.Is(err, vault.ErrErased) {
		err = inbox.RefusedErased
	}
	if err != nil {
		return inbox.Verdict{}, err
	}
	d.Preview, d.Pasted, d.Outside = true, q.Pasted, !c.WindowOpen(inbox.At(d.At))
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		d.NoConsent, err = erasing(tx, c.Contact.ID)
		return err
	})
	if err != nil {
		return inbox.Verdict{}, err
	}
	g, err := r.guarding.guard()
	if err != nil {
		return inbox.Verdict{}, err
	}
	v, err := g.Judge(ctx, d)
	if err != nil {
		return inbox.Verdict{}, err
	}
	return shownVerdict(v.Blind(nil), stretches), nil
}

// A stretch is where a piece of a typed text went when its variables were filled in.
type stretch struct {
	from, to   int // typed
	at, end    int // filled in
	isVariable bool
}

// typed fills in the variables of a text that is being typed, with nothing colleagues do not see. A text whose variables
// make no sense stays as it is.
func (r *Relay) typed(p inbox.Person, c inbox.Conversation, text string) (string, []stretch) {
	var values []string
	filled, err := inbox.Expand(text, func(name inbox.Variable) (string, bool) {
		value := ""
		switch name {
		case inbox.VarAgentName:
			value = p.Name
		case inbox.VarInboxName:
			value = r.inboxName(c.Inbox)
		default:
			value = shownOf(c.Contact, name).Visible()
		}
		values = append(values, value)
		return gap + strconv.Itoa(len(values)-1) + gap, true
	})
	if err != nil {
		return text, []stretch{{to: len(text), end: len(text)}}
	}
	var out strings.Builder
	var list []stretch
	at := 0
	for i, piece := range strings.Split(filled, gap) {
		s := stretch{from: at, at: out.Len(), isVariable: i%2 == 1}
		if n, err := strconv.Atoi(piece); s.isVariable && err == nil && n < len(values) {
			at += strings.Index(text[at:], "}}") + len("}}")
			out.WriteString(values[n])
		} else {
			at += len(piece)
			out.WriteString(piece)
		}
		if s.to, s.end = at, out.Len(); s.from < s.to {
			list = append(list, s)
		}
	}
	return out.String(), list
}

// rules are the guard's rules in the words devices know.
var rules = map[guard.Rule]inbox.GuardRule{
	guard.OtherContact: inbox.GuardOthersData, guard.PaymentCard: inbox.GuardPayCard, guard.BankAccount: inbox.GuardBank,
	guard.Diversion: inbox.GuardDiversion, guard.Link: inbox.GuardLink, guard.BadLink: inbox.GuardLink, guard.MassSend: inbox.GuardMass,
	guard.Discount: inbox.GuardDiscount, guard.ForeignCode: inbox.GuardDiscount, guard.WrongRecipient: inbox.GuardRecipient,
	guard.Pasted: inbox.GuardRecipient, guard.FileKind: inbox.GuardFile, guard.Window: inbox.GuardWindow, guard.Consent: inbox.GuardWindow,
	guard.Claim: inbox.GuardForbidden, guard.Unsaid: inbox.GuardForbidden, guard.Sensitive: inbox.GuardAsksTooMuch,
	guard.Unreadable: inbox.GuardForbidden,
}

// rulesOf lists the rules by which something was found, each once.
func rulesOf(v guard.Verdict) (out []inbox.GuardRule) {
	for _, f := range v.Findings {
		if !slices.Contains(out, rules[f.Rule]) {
			out = append(out, rules[f.Rule])
		}
	}
	return out
}

// shownVerdict is a verdict in the words devices know, about the text as it was typed.
func shownVerdict(v guard.Verdict, stretches []stretch) (out inbox.Verdict) {
	for _, f := range v.Findings {
		found := inbox.Finding{Rule: rules[f.Rule], Action: inbox.GuardAction(f.Action), Detail: f.Detail}
		if inbox.Identifying(found.Detail) {
			found.Detail = ""
		}
		if f.Part == 0 && f.From < f.To {
			var own bool
			if found.From, found.To, own = typedRange(stretches, f.From, f.To); own {
				continue // what a variable stands for, the company put there
			}
		}
		out.Findings = append(out.Findings, found)
		out.Action = max(out.Action, found.Action)
	}
	return out
}

// typedRange returns where a range of a filled text was typed, and whether all of it is what a variable stands for.
func typedRange(stretches []stretch, from, to int) (a, b int, own bool) {
	a, b, own = -1, 0, true
	for _, s := range stretches {
		if s.end <= from || s.at >= to {
			continue
		}
		x, y := s.from, s.to
		if !s.isVariable {
			own = false
			x, y = s.from+max(0, from-s.at), s.from+min(to, s.end)-s.at
		}
		if a < 0 {
			a = x
		}
		b = y
	}
	if a < 0 {
		return 0, 0, false
	}
	return a, b, own
}
