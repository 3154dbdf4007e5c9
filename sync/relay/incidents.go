package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// Buckets of the oversight shard.
const (
	bucketIncident     = "incident"     // incident id -> inbox.Incident
	bucketIncidentOpen = "incidentopen" // what the trouble is -> id of the incident, while it is open
	bucketOnce         = "once/"        // + day: keyed hash of an occurrence that was counted
	onceDays           = 8              // Meta delivers again for up to seven days
)

// ErrNoIncident is returned for an incident that is not there, or is closed already.
var ErrNoIncident = errors.New("no such incident is open")

func oversightShard() string { return eventlog.Shard(inbox.OversightLog) }

// incidentKey is the same for the same trouble.
func incidentKey(i inbox.Incident) []byte {
	return fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s", i.Kind, i.Inbox, i.Conversation, i.Detail)
}

// maxDetail keeps a detail, which may be a word of Meta's, within what a key and a line can hold.
const maxDetail = 200

// raise opens an incident, or counts the one up that is open for the same kind, inbox, conversation and detail. once names
// the occurrence, so that one that is told twice counts once; "" counts always. raise fills in the incident's id, times and
// count. It must not be called inside a transaction.
func (r *Relay) raise(ctx context.Context, once string, i inbox.Incident) error {
	if len(i.Detail) > maxDetail {
		i.Detail = strings.ToValidUTF8(i.Detail[:maxDetail], "")
	}
	mark := r.vault.Hash("once", once)
	err := r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		now := r.now()
		if once != "" {
			if again, err := countedOnce(tx, now, mark[:]); err != nil || again {
				return err
			}
		}
		key, at := incidentKey(i), inbox.At(now)
		id, err := tx.Get(bucketIncidentOpen, key)
		if err != nil {
			return err
		}
		next := i
		next.ID, next.At, next.Count = inbox.NewID[inbox.IncidentID](), at, 0
		if id != nil {
			if next, _, err = incident(tx, inbox.IncidentID(id)); err != nil {
				return err
			}
		} else if err := tx.Put(bucketIncidentOpen, key, []byte(next.ID)); err != nil {
			return err
		}
		next.Last, next.Closed, next.By = at, 0, ""
		next.Count++
		return putIncident(tx, next, at)
	})
	if err != nil {
		return fmt.Errorf("raising an incident: %w", err)
	}
	r.log.Warn("incident", "kind", int(i.Kind), "inbox", string(i.Inbox), "conversation", string(i.Conversation))
	return nil
}

// calm closes the open incidents of a kind and inbox because the trouble ended by itself; detail "" means whatever theirs
// is. None is no error. It must not be called inside a transaction.
func (r *Relay) calm(ctx context.Context, kind inbox.IncidentKind, in inbox.InboxID, detail string) error {
	ends := func(i inbox.Incident) bool {
		return i.Kind == kind && i.Inbox == in && (detail == "" || i.Detail == detail)
	}
	var any bool
	err := r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error {
		open, err := openIncidents(tx)
		any = slices.ContainsFunc(open, ends)
		return err
	})
	if err != nil || !any { // good news comes often, trouble seldom: no write for nothing
		return err
	}
	err = r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		open, err := openIncidents(tx)
		if err != nil {
			return err
		}
		for _, i := range open {
			if ends(i) {
				if err := closeIncident(tx, i, "", inbox.At(r.now())); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("closing an incident: %w", err)
	}
	return nil
}

func closeIncident(tx ledger.Tx, i inbox.Incident, by inbox.PersonID, at inbox.Moment) error {
	i.Closed, i.By = at, by
	if err := tx.Delete(bucketIncidentOpen, incidentKey(i)); err != nil {
		return err
	}
	return putIncident(tx, i, at)
}

// putIncident writes the state of an incident and tells those who watch.
func putIncident(tx ledger.Tx, i inbox.Incident, at inbox.Moment) error {
	row, err := cbor.Marshal(i)
	if err != nil {
		return err
	}
	if err := tx.Put(bucketIncident, []byte(i.ID), row); err != nil {
		return err
	}
	_, err = eventlog.Append(tx, at, "", inbox.IncidentChanged{Incident: i})
	return err
}

func incident(tx ledger.Tx, id inbox.IncidentID) (i inbox.Incident, ok bool, err error) {
	row, err := tx.Get(bucketIncident, []byte(id))
	if err != nil || row == nil {
		return i, false, err
	}
	if cbor.Unmarshal(row, &i) != nil {
		return i, false, errRow
	}
	return i, true, nil
}

func openIncidents(tx ledger.Tx) (open []inbox.Incident, err error) {
	var ids []inbox.IncidentID
	for _, id := range tx.Scan(bucketIncidentOpen, nil, nil) {
		ids = append(ids, inbox.IncidentID(id))
	}
	for _, id := range ids {
		i, ok, err := incident(tx, id)
		if err != nil {
			return nil, err
		}
		if ok {
			open = append(open, i)
		}
	}
	return open, tx.Err()
}

func allIncidents(tx ledger.Tx) (all []inbox.Incident, err error) {
	for _, row := range tx.Scan(bucketIncident, nil, nil) {
		var i inbox.Incident
		if cbor.Unmarshal(row, &i) != nil {
			return nil, errRow
		}
		all = append(all, i)
	}
	return all, tx.Err()
}

// countedOnce remembers an occurrence for as long as Meta may tell it again, and reports whether it was known.
func countedOnce(tx ledger.Tx, now time.Time, mark []byte) (bool, error) {
	days, err := tx.Buckets(bucketOnce)
	if err != nil {
		return false, err
	}
	oldest := bucketOnce + now.UTC().AddDate(0, 0, -onceDays).Format(time.DateOnly)
	for _, day := range days {
		if day < oldest {
			if err := tx.Drop(day); err != nil {
				return false, err
			}
			continue
		}
		if known, err := tx.Get(day, mark); err != nil || known != nil {
			return known != nil, err
		}
	}
	return false, tx.Put(bucketOnce+now.UTC().Format(time.DateOnly), mark, []byte{1})
}

var incidentNames = map[inbox.IncidentKind]string{
	inbox.IncidentSentOutside: "sent-outside", inbox.IncidentAccess: "access", inbox.IncidentRestricted: "restricted",
	inbox.IncidentSpam: "spam", inbox.IncidentPayment: "payment", inbox.IncidentSecurity: "security", inbox.IncidentQuality: "quality",
	inbox.IncidentTemplate: "template", inbox.IncidentName: "name", inbox.IncidentLimit: "limit", inbox.IncidentSetup: "setup",
	inbox.IncidentAccountNotice: "account-notice", inbox.IncidentRefusedData: "refused-data", inbox.IncidentUnreadable: "unreadable",
	inbox.IncidentIdentity: "identity", inbox.IncidentDiversion: "diversion", inbox.IncidentReveals: "reveals",
	inbox.IncidentTwice: "twice", inbox.IncidentWipe: "wipe", inbox.IncidentRewritten: "rewritten", inbox.IncidentTampering: "tampering",
}

// IncidentName is the word for a kind of incident on the command line and in metrics.
func IncidentName(kind inbox.IncidentKind) string {
	if name := incidentNames[kind]; name != "" {
		return name
	}
	return "other"
}

// Incidents implements [Admin].
func (r *Relay) Incidents(ctx context.Context, all bool) (list []inbox.Incident, err error) {
	err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) (err error) {
		if all {
			list, err = allIncidents(tx)
		} else {
			list, err = openIncidents(tx)
		}
		return err
	})
	slices.SortFunc(list, func(a, b inbox.Incident) int { return int(b.Last - a.Last) })
	return list, err
}

// CloseIncident implements [Admin].
func (r *Relay) CloseIncident(ctx context.Context, id inbox.IncidentID, by string) (i inbox.Incident, err error) {
	p, err := r.personNamed(ctx, by)
	if err != nil {
		return i, err
	}
	err = r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		var ok bool
		if i, ok, err = incident(tx, id); err != nil {
			return err
		}
		if !ok || i.Closed != 0 {
			return ErrNoIncident
		}
		entry := audit.Entry{At: inbox.At(r.now()), Actor: p.ID, Act: audit.IncidentClosed, Object: string(id)}
		if !oversees(p, i.Inbox) {
			entry.Refused = inbox.RefusedRight
			return audit.Record(tx, entry)
		}
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		i.Closed, i.By = entry.At, p.ID
		return closeIncident(tx, i, p.ID, entry.At)
	})
	if err == nil && i.Closed == 0 {
		err = inbox.RefusedRight
	}
	return i, err
}

// oversees reports whether a person may act on what concerns an inbox; "" is the whole company, for which any inbox of
// theirs will do.
func oversees(p inbox.Person, in inbox.InboxID) bool {
	if in != "" {
		return inbox.Can(p, inbox.ActOversee, inbox.Subject{Inbox: in}) == nil
	}
	return slices.ContainsFunc(p.Inboxes, func(id inbox.InboxID) bool {
		return inbox.Can(p, inbox.ActOversee, inbox.Subject{Inbox: id}) == nil
	})
}

// personNamed finds a colleague by id or name.
func (r *Relay) personNamed(ctx context.Context, who string) (inbox.Person, error) {
	people, err := r.people.People(ctx)
	if err != nil {
		return inbox.Person{}, err
	}
	name := strings.Join(strings.Fields(who), " ")
	for _, p := range people {
		if string(p.ID) == who || strings.EqualFold(p.Name, name) {
			return p, nil
		}
	}
	return inbox.Person{}, ErrNoPerson
}
