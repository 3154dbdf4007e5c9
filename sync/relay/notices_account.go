package relay

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// bucketNewest, of the company's shard, keeps when the newest news about something was made: Meta keeps no order.
const bucketNewest = "newest"

// notice acts on a change that holds no message and no status: news about the account, the number, the templates, or what
// somebody set in WhatsApp. It may be told the same change again, and an older one after a newer. It must not be called
// inside a transaction.
func (r *Relay) notice(ctx context.Context, in inbox.InboxID, c whatsapp.Change) error {
	var all []error
	for _, p := range c.Preferences {
		all = append(all, r.preference(ctx, in, p))
	}
	once := string(c.DedupeKey())
	n := news{r: r, in: in, once: once, at: inbox.At(c.EntryTime)}
	switch b := c.Notice.(type) {
	case nil:
	case whatsapp.TemplateStatusChange, whatsapp.TemplateQualityChange, whatsapp.TemplateCategoryChange, whatsapp.TemplateContentChange:
		all = append(all, n.template(ctx, b))
	case whatsapp.NumberQuality:
		all = append(all, n.numberQuality(ctx, b))
	case whatsapp.NumberName:
		all = append(all, n.numberName(ctx, b))
	case whatsapp.AccountUpdate:
		all = append(all, n.accountUpdate(ctx, b))
	case whatsapp.AccountAlert:
		all = append(all, n.accountAlert(ctx, b))
	case whatsapp.AccountReview:
		all = append(all, n.accountReview(ctx, b))
	case whatsapp.Capability:
		all = append(all, n.daily(ctx, b.DailyConversations))
	case whatsapp.SecurityEvent:
		all = append(all, n.raise(ctx, inbox.IncidentSecurity, in, b.Event))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("acting on a notice: %w", err)
	}
	return nil
}

// news is one change on its way to its consequences.
type news struct {
	r    *Relay
	in   inbox.InboxID
	once string
	at   inbox.Moment // when Meta made it; 0 when it did not say
}

// metaWord is how Meta writes its words; anything else is not shown.
var metaWord = regexp.MustCompile(`^[A-Za-z0-9_]{1,80}$`)

func word(s string) string {
	if !metaWord.MatchString(s) || inbox.Identifying(s) {
		return "OTHER"
	}
	return s
}

func (n news) raise(ctx context.Context, kind inbox.IncidentKind, in inbox.InboxID, detail string) error {
	return n.r.raise(ctx, fmt.Sprintf("%s/%d/%s", n.once, kind, detail), inbox.Incident{Kind: kind, Inbox: in, Detail: word(detail)})
}

// stale reports whether something newer about the subject was acted on before. Of one second, all counts.
func (n news) stale(ctx context.Context, subject string) (old bool, err error) {
	if n.at == 0 {
		return false, nil
	}
	key := []byte(string(n.in) + "\x00" + subject)
	err = n.r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		row, err := tx.Get(bucketNewest, key)
		if err != nil {
			return err
		}
		var newest inbox.Moment
		if row != nil && cbor.Unmarshal(row, &newest) != nil {
			return errRow
		}
		if old = n.at < newest; old || n.at == newest {
			return nil
		}
		if row, err = cbor.Marshal(n.at); err != nil {
			return err
		}
		return tx.Put(bucketNewest, key, row)
	})
	return old, err
}

func (n news) numberQuality(ctx context.Context, b whatsapp.NumberQuality) error {
	if old, err := n.stale(ctx, "quality"); err != nil || old {
		return err
	}
	switch b.Event {
	case "FLAGGED":
		return errors.Join(n.quality(ctx, inbox.QualityLow), n.raise(ctx, inbox.IncidentQuality, n.in, b.Event), n.daily(ctx, b.Limit))
	case "UNFLAGGED":
		return errors.Join(n.quality(ctx, inbox.QualityUnknown), n.r.calm(ctx, inbox.IncidentQuality, n.in, ""), n.daily(ctx, b.Limit))
	}
	return n.daily(ctx, b.Limit)
}

func (n news) quality(ctx context.Context, q inbox.Quality) error {
	return n.r.changeInbox(ctx, n.in, func(in *inbox.Inbox) { in.Quality = q })
}

// daily takes note of how many customers a number may write to first in a day, and of every loss.
func (n news) daily(ctx context.Context, tier string) error {
	limit := tierOf(tier)
	if limit == 0 {
		return nil
	}
	if old, err := n.stale(ctx, "daily"); err != nil || old {
		return err
	}
	before, err := n.r.inboxNow(ctx, n.in)
	if err != nil {
		return err
	}
	if err := n.r.changeInbox(ctx, n.in, func(in *inbox.Inbox) { in.Daily = limit }); err != nil {
		return err
	}
	switch {
	case before.Daily == 0 || before.Daily == limit:
		return nil
	case before.Daily == -1 || limit != -1 && limit < before.Daily:
		return n.raise(ctx, inbox.IncidentLimit, n.r.scope(n.in), tier) // the limit is that of all numbers together
	}
	return errors.Join(n.r.calm(ctx, inbox.IncidentLimit, n.r.scope(n.in), ""), n.r.calm(ctx, inbox.IncidentLimit, n.in, ""))
}

// tierOf reads a messaging limit: "TIER_250", "TIER_10K", "TIER_UNLIMITED" or a number. 0 is not known, -1 no limit.
func tierOf(s string) int {
	s = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "TIER_")
	if s == "UNLIMITED" {
		return -1
	}
	digits, thousands := strings.CutSuffix(s, "K")
	n, err := strconv.Atoi(digits)
	if err != nil || n < -1 || n > 1e9 {
		return 0
	}
	if thousands {
		n *= 1000
	}
	return n
}

func (n news) numberName(ctx context.Context, b whatsapp.NumberName) error {
	if old, err := n.stale(ctx, "name"); err != nil || old {
		return err
	}
	switch b.Decision {
	case "APPROVED":
		return n.r.calm(ctx, inbox.IncidentName, n.in, "")
	case "REJECTED", "DECLINED", "DEFERRED":
		return n.raise(ctx, inbox.IncidentName, n.in, b.Decision)
	}
	return nil
}

// detailReview names the incident of an account whose review went wrong.
const detailReview = "ACCOUNT_REVIEW_REJECTED"

func (n news) accountUpdate(ctx context.Context, b whatsapp.AccountUpdate) error {
	if b.Event == "DISABLED_UPDATE" || b.BanState != "" {
		if old, err := n.stale(ctx, "ban"); err != nil || old {
			return err
		}
	}
	scope := n.in // news about one number has come to its inbox alone
	if b.PhoneNumber == "" {
		scope = n.r.scope(n.in)
	}
	hold := func(held bool) error {
		return n.r.changeInbox(ctx, n.in, func(in *inbox.Inbox) {
			if held {
				in.State, in.Why = inbox.InboxHeld, inbox.FailCompanyAccount
			} else {
				in.State, in.Why = inbox.InboxWorking, inbox.NoFailure
			}
		})
	}
	switch {
	case b.BanState == "REINSTATE":
		return errors.Join(hold(false), n.r.calm(ctx, inbox.IncidentRestricted, scope, "SCHEDULE_FOR_DISABLE"), n.r.calm(ctx, inbox.IncidentRestricted, scope, "DISABLE"))
	case b.BanState == "DISABLE":
		return errors.Join(hold(true), n.raise(ctx, inbox.IncidentRestricted, scope, b.BanState))
	case b.BanState != "":
		return n.raise(ctx, inbox.IncidentRestricted, scope, b.BanState)
	case b.Event == "ACCOUNT_DELETED":
		return errors.Join(hold(true), n.raise(ctx, inbox.IncidentRestricted, scope, b.Event))
	case len(b.Restrictions) > 0:
		var all []error
		for _, x := range b.Restrictions {
			all = append(all, n.raise(ctx, inbox.IncidentRestricted, scope, x.Type), n.r.endLater(ctx, inbox.IncidentRestricted, scope, x))
		}
		return errors.Join(all...)
	case b.Event == "ACCOUNT_RESTRICTION":
		return n.raise(ctx, inbox.IncidentRestricted, scope, b.Event)
	case b.Violation != "":
		return n.raise(ctx, inbox.IncidentRestricted, scope, b.Violation)
	case b.Event == "":
		return nil
	}
	return n.raise(ctx, inbox.IncidentAccountNotice, scope, b.Event)
}

func (n news) accountAlert(ctx context.Context, b whatsapp.AccountAlert) error {
	scope := n.r.scope(n.in)
	if number, ours := n.r.inboxes[b.EntityID]; ours {
		if number != n.in {
			return nil // that inbox is told too
		}
		scope = n.in
	}
	if b.Status == "NONE" {
		return n.r.calm(ctx, inbox.IncidentAccountNotice, scope, word(b.Type))
	}
	return n.raise(ctx, inbox.IncidentAccountNotice, scope, b.Type)
}

func (n news) accountReview(ctx context.Context, b whatsapp.AccountReview) error {
	if old, err := n.stale(ctx, "review"); err != nil || old {
		return err
	}
	scope := n.r.scope(n.in)
	switch b.Decision {
	case "APPROVED":
		return errors.Join(n.r.calm(ctx, inbox.IncidentRestricted, scope, detailReview), n.r.calm(ctx, inbox.IncidentAccountNotice, scope, "PENDING"),
			n.r.calm(ctx, inbox.IncidentAccountNotice, scope, "DEFERRED"))
	case "REJECTED":
		return n.raise(ctx, inbox.IncidentRestricted, scope, detailReview)
	}
	return n.raise(ctx, inbox.IncidentAccountNotice, scope, b.Decision)
}

// bucketEnds, of the oversight shard, keeps when a trouble ends by Meta's own word.
const bucketEnds = "ends"

type ending struct {
	Kind   inbox.IncidentKind `cbor:"1,keyasint"`
	Inbox  inbox.InboxID      `cbor:"2,keyasint,omitempty"`
	Detail string             `cbor:"3,keyasint"`
	At     inbox.Moment       `cbor:"4,keyasint"`
}

// endLater remembers when a restriction ends, for [Relay.endTroubles].
func (r *Relay) endLater(ctx context.Context, kind inbox.IncidentKind, in inbox.InboxID, x whatsapp.Restriction) error {
	if x.Until.IsZero() {
		return nil
	}
	e := ending{Kind: kind, Inbox: in, Detail: word(x.Type), At: inbox.At(x.Until)}
	row, err := cbor.Marshal(e)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		return tx.Put(bucketEnds, incidentKey(inbox.Incident{Kind: e.Kind, Inbox: e.Inbox, Detail: e.Detail}), row)
	})
}

// endTroubles closes the incidents whose end has come.
func (r *Relay) endTroubles(ctx context.Context) error {
	now := inbox.At(r.now())
	var over []ending
	err := r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error {
		over = nil
		for _, row := range tx.Scan(bucketEnds, nil, nil) {
			var e ending
			if cbor.Unmarshal(row, &e) != nil {
				return errRow
			}
			if e.At <= now {
				over = append(over, e)
			}
		}
		return nil
	})
	for _, e := range over {
		err = errors.Join(err, r.calm(ctx, e.Kind, e.Inbox, e.Detail), r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
			return tx.Delete(bucketEnds, incidentKey(inbox.Incident{Kind: e.Kind, Inbox: e.Inbox, Detail: e.Detail}))
		}))
	}
	return err
}

// preference acts on a customer's use of the switch in WhatsApp. It is about marketing from this number and nothing else.
func (r *Relay) preference(ctx context.Context, id inbox.InboxID, p whatsapp.Preference) error {
	if p.Category != "" && p.Category != "marketing_messages" {
		return nil
	}
	at := inbox.At(p.At)
	if now := inbox.At(r.now()); at == 0 || at > now {
		at = now
	}
	contact, _, err := r.vault.Resolve(ctx, identityOf(p.Who), at)
	if errors.Is(err, vault.ErrNobody) {
		r.metrics.nobody.Inc()
		return nil
	}
	if err != nil {
		return fmt.Errorf("resolving a contact: %w", err)
	}
	standing, err := r.vault.Standing(ctx, contact.ID)
	if err != nil {
		return fmt.Errorf("reading a contact: %w", err)
	}
	contact = standing.Card
	e := consentEntry{At: at, Source: inbox.FromSettings, Marketing: inbox.Withdrawn, What: inbox.WhatStopped}
	if !p.Stop {
		e.Marketing, e.What = inbox.Given, inbox.WhatResumed
	}
	row, err := r.sealConsent(ctx, contact.ID, string(p.DedupeKey()), e)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		now := inbox.At(r.now())
		log := eventlog.NewWriter(tx)
		in := &incoming{inbox: id, contact: contact, standing: standing}
		conversation, opened, err := in.thread(tx)
		if err != nil {
			return err
		}
		if opened { // nobody has to look at it, but what he said must stand when somebody writes to him
			_, err := log.Append(now, "", inbox.ConversationOpened{Conversation: conversation, Inbox: id, Contact: contact},
				inbox.StateChanged{Conversation: conversation, State: inbox.Closed})
			if err != nil {
				return err
			}
		}
		if _, err := recordConsent(tx, log, conversation, row, now); err != nil {
			return err
		}
		return log.Flush()
	})
}
