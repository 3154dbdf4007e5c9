package relay

import (
	"context"
	"errors"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const (
	asksAtOnce = 16   // questions of one device being answered
	crowded    = 500  // milliseconds, for a device that asks more at once
	notYet     = 2000 // milliseconds, for what will be there soon
)

// An asker is who asks, by which device.
type asker struct {
	person inbox.Person
	device inbox.DeviceID
	fresh  inbox.Moment // until then the person counts as just seen
}

// errNotYet is why a question is better asked again a little later.
var errNotYet = errors.New("the answer is not known yet")

// questions is who answers what. Answers are refused with an [inbox.Refusal]; every other error is passing trouble.
var questions = map[inbox.QuestionKind]func(*Relay, context.Context, asker, inbox.Question) (inbox.Answer, error){
	inbox.QuestionFetchMedia: answers((*Relay).show),
	inbox.QuestionOfferMedia: answers((*Relay).offer),
	inbox.QuestionTyping: answers(func(r *Relay, ctx context.Context, a asker, q inbox.Typing) (inbox.Done, error) {
		return r.typing(ctx, a.person, q)
	}),
	inbox.QuestionCosts: answers(func(r *Relay, ctx context.Context, a asker, q inbox.AskCosts) (inbox.Costs, error) {
		return r.costs(ctx, a.person, q)
	}),
	inbox.QuestionReveal: answers((*Relay).askReveal),
	inbox.QuestionOpen:   answers((*Relay).openReveal),
	inbox.QuestionDecide: answers((*Relay).decideReveal),
	inbox.QuestionLookUp: answers((*Relay).lookUp),
	inbox.QuestionDraft:  answers((*Relay).checkDraft),

	inbox.QuestionDevices:    answers((*Relay).askDevices),
	inbox.QuestionWipe:       answers((*Relay).orderWipe),
	inbox.QuestionDecideWipe: answers((*Relay).decideWipe),
	inbox.QuestionOffboard:   answers((*Relay).offboard),
	inbox.QuestionRename:     answers((*Relay).renameDevice),
	inbox.QuestionReimaged:   answers((*Relay).reimaged),
	inbox.QuestionProof:      answers((*Relay).askProof),
	inbox.QuestionHoldings:   answers((*Relay).askHoldings),
	inbox.QuestionAudit:      answers((*Relay).askAudit),

	inbox.QuestionEditTag:        answers((*Relay).editTag),
	inbox.QuestionEditQuickReply: answers((*Relay).editQuickReply),
	inbox.QuestionAway:           answers((*Relay).setAway),
	inbox.QuestionBoard:          answers((*Relay).askBoard),
	inbox.QuestionReport:         answers((*Relay).askReport),
	inbox.QuestionSearch:         answers((*Relay).askSearch),
}

func answers[Q inbox.Question, A inbox.Answer](f func(*Relay, context.Context, asker, Q) (A, error)) func(*Relay, context.Context, asker, inbox.Question) (inbox.Answer, error) {
	return func(r *Relay, ctx context.Context, a asker, q inbox.Question) (inbox.Answer, error) {
		return f(r, ctx, a, q.(Q))
	}
}

// answer answers a question.
func (r *Relay) answer(ctx context.Context, a asker, q wire.Ask) wire.Answer {
	out := wire.Answer{ID: q.ID}
	kind := q.Question.QuestionKind()
	answer, ok := questions[kind]
	if !ok {
		out.Refusal = inbox.RefusedNewerWords
		return out
	}
	if !r.fresh(a, kind) {
		out.Refusal = inbox.RefusedStepUp
		r.metrics.question(kind, out.Refusal)
		return out
	}
	said, err := answer(r, ctx, a, q.Question)
	var refusal inbox.Refusal
	switch {
	case err == nil:
		out.Answer = said
	case errors.As(err, &refusal):
		out.Refusal = refusal
	default:
		if ctx.Err() == nil && !errors.Is(err, errNotYet) {
			r.log.Error("question cannot be answered now", "kind", int(kind), "error", err)
		}
		out.Retry = notYet
	}
	r.metrics.question(kind, out.Refusal)
	return out
}

// mayAsk returns the conversation a question is about and its inbox, if the person may see it and do that there. Who may
// not see it cannot tell it from one that is not there.
func (r *Relay) mayAsk(ctx context.Context, p inbox.Person, id inbox.ConversationID, a inbox.Action) (in inbox.InboxID, c inbox.Conversation, err error) {
	if !isID(string(id)) {
		return in, c, inbox.RefusedMalformed
	}
	if in, err = r.placeOf(ctx, id); err != nil {
		return in, c, err
	}
	if in == "" {
		return in, c, inbox.RefusedUnknown
	}
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		c, _, err = eventlog.Conversation(tx, id)
		return err
	})
	if err != nil {
		return in, c, err
	}
	switch {
	case inbox.Can(p, inbox.ActRead, c.Subject()) != nil:
		return in, c, inbox.RefusedUnknown
	case inbox.Can(p, a, c.Subject()) != nil:
		return in, c, inbox.RefusedRight
	case c.Erased != 0:
		return in, c, inbox.RefusedErased
	}
	return in, c, nil
}

// show answers who wants to see a file of a message. That a person saw a customer's file, or tried to, is written down
// before the ticket is given.
func (r *Relay) show(ctx context.Context, a asker, q inbox.FetchMedia) (inbox.Ticket, error) {
	if !isID(string(q.Message)) || !isID(string(q.Media)) {
		return inbox.Ticket{}, inbox.RefusedMalformed
	}
	in, _, err := r.mayAsk(ctx, a.person, q.Conversation, inbox.ActRead)
	var no inbox.Refusal
	if err != nil && (!errors.As(err, &no) || in == "") {
		return inbox.Ticket{}, err
	}
	var file inbox.Media
	var contact inbox.ContactID
	pending := false
	at := inbox.At(r.now())
	err = r.db.Update(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		why := no
		pending = false
		if why == inbox.Granted {
			m, ok, err := eventlog.Message(tx, q.Message)
			if err != nil {
				return err
			}
			switch {
			case !ok || m.Conversation != q.Conversation || m.Media == nil || m.Media.ID != q.Media || m.Kind == inbox.Deleted:
				why = inbox.RefusedUnknown
			case m.Media.State == inbox.MediaPending:
				pending = true
				return nil // nothing was shown
			case m.Media.State != inbox.MediaReady:
				why = inbox.RefusedMedia
			default:
				file = *m.Media
				id, err := tx.Get(bucketMediaOf, []byte(q.Media))
				if err != nil {
					return err
				}
				contact = inbox.ContactID(id)
			}
		}
		no = why
		return audit.Record(tx, audit.Entry{
			At: at, Actor: a.person.ID, Device: a.device, Act: audit.FetchedMedia, Object: string(q.Message), Refused: why,
		})
	})
	switch {
	case err != nil:
		return inbox.Ticket{}, err
	case pending:
		return inbox.Ticket{}, errNotYet
	case no != inbox.Granted:
		return inbox.Ticket{}, no
	case contact == "":
		r.log.Error("file of a message belongs to nobody", "media", string(q.Media))
		return inbox.Ticket{}, inbox.RefusedMedia
	}
	path, ok := r.tickets.issue(ticket{device: a.device, inbox: in, media: file.ID, contact: contact, size: file.Size})
	if !ok {
		return inbox.Ticket{}, errNotYet
	}
	return inbox.Ticket{Path: path, Size: file.Size, Type: file.Type}, nil
}

// stillIn reports whether a device may be served: since it got its ticket it was not excluded, nor its person let go or signed
// out.
func (r *Relay) stillIn(ctx context.Context, id inbox.DeviceID) (bool, error) {
	_, p, err := r.people.Device(ctx, id)
	if errors.Is(err, identity.ErrRevoked) || errors.Is(err, identity.ErrNoDevice) || errors.Is(err, identity.ErrNoPerson) {
		return false, nil
	}
	if err != nil || p.Left != 0 {
		return false, err
	}
	_, live, err := r.people.Session(ctx, id)
	return live, err
}
