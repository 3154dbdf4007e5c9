package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// Admin is what the command line may do. A running relay does it for the command line over a socket only the relay's own
// user can open; otherwise the command line opens the store itself. See [OpenAdmin].
type Admin interface {
	// AddPerson adds a person to inboxes, or to all of them when none is named.
	AddPerson(ctx context.Context, name string, role inbox.Role, inboxes []inbox.InboxID) (inbox.Person, error)
	// People lists everybody.
	People(ctx context.Context) ([]inbox.Person, error)
	// Invite makes an enrolment string for one device of the person with the given id or name.
	Invite(ctx context.Context, who string) (Invitation, error)

	// Incidents lists the incidents that are open, or all of them, the newest first.
	Incidents(ctx context.Context, all bool) ([]inbox.Incident, error)
	// CloseIncident closes an incident for the person with the given id or name. Errors: ErrNoIncident, ErrNoPerson,
	// [inbox.RefusedRight].
	CloseIncident(ctx context.Context, id inbox.IncidentID, by string) (inbox.Incident, error)

	// Templates lists the templates of an inbox, or of all for "", as the relay last heard of them.
	Templates(ctx context.Context, in inbox.InboxID) ([]inbox.Template, error)
	// SyncTemplates asks WhatsApp for all templates and returns how many had changed.
	SyncTemplates(ctx context.Context) (int, error)
	// CreateTemplate hands a template to WhatsApp for review and returns it with its state. Only a supervisor of every inbox
	// of the account may. Errors are this package's Err values about templates and those of people.
	CreateTemplate(ctx context.Context, w TemplateWish) (inbox.Template, error)
	// EditTemplate replaces what a template of the same name and language says.
	EditTemplate(ctx context.Context, w TemplateWish) (inbox.Template, error)
	// DeleteTemplate deletes one language of a template, or all of them, and returns what went.
	DeleteTemplate(ctx context.Context, w TemplateWish) ([]inbox.Template, error)

	// Requests lists what customers asked about their data and nobody has settled, or everything, the most urgent first.
	Requests(ctx context.Context, all bool) ([]inbox.Request, error)
	// Request finds a request by id, or by the reference the customer was told.
	Request(ctx context.Context, id string) (inbox.Request, error)
	// DecideRequest says for a person whether a request is granted; see [inbox.RequestDecision]. A refusal needs a reason.
	DecideRequest(ctx context.Context, id, by string, agree bool, reason string) (inbox.Request, error)
	// QuietContacts lists the customers with whom nobody has written for so many days, those longest quiet first; 0 days are those of
	// the configuration. It changes nothing.
	QuietContacts(ctx context.Context, days int) ([]Quiet, error)
	// RunRetention does now what a running relay does every six hours about customers with whom nobody wrote for privacy.keep_days.
	RunRetention(ctx context.Context) (KeepRun, error)
	// RunErasures carries out the erasures two people agreed to, and returns how many.
	RunErasures(ctx context.Context) (int, error)
	// FinishRequest says that a customer has got the copy he asked for.
	FinishRequest(ctx context.Context, id, by string) (inbox.Request, error)
	// ExportRequest returns all the relay holds about the customer of an approved request for a copy, as JSON. It is raw:
	// keep it to yourself.
	ExportRequest(ctx context.Context, id, by string) ([]byte, error)

	AuditAdmin
	DeviceAdmin
	PeopleAdmin
	BackupAdmin
	UpdatesAdmin
}

// An Invitation lets one device in until it expires.
type Invitation struct {
	Person    inbox.Person
	Enrolment string // see wire.Enrolment
	Expires   time.Time
}

// Errors of the command line's wishes.
var (
	ErrNoInbox  = errors.New("no such inbox in the configuration")
	ErrNoPerson = identity.ErrNoPerson
)

// told are the errors that mean the same on both sides of the socket.
var told = []error{
	ErrNoInbox, identity.ErrNoPerson, identity.ErrName, identity.ErrRole, inbox.RefusedRight, inbox.RefusedState,
	ErrNoIncident, ErrNoTemplate, ErrNoAccount, ErrWhichInbox, ErrTemplateUnknown, ErrLanguages,
	ErrNoRequest, ErrNotApproved, ErrErasureWaits, ErrNoCopy, ErrReason, ErrNotQuiet,
	ErrAuditKept, ErrAuditKey, ErrAuditCursor, ErrAuditFormat, ErrAuditFork,
	ErrNoDevice, ErrWhichDevice, ErrLeft, identity.ErrTeam, inbox.RefusedMalformed, inbox.RefusedUnknown, inbox.RefusedSelf,
	ErrSignOn, ErrAddedInPart, ErrLanguage,
}

// ErrNoAnswer means that the running relay went away while it was asked.
var ErrNoAnswer = errors.New("the running relay did not answer")

// AddPerson implements [Admin].
func (r *Relay) AddPerson(ctx context.Context, name string, role inbox.Role, inboxes []inbox.InboxID) (inbox.Person, error) {
	ours := map[inbox.InboxID]bool{}
	var all []inbox.InboxID
	for _, in := range r.cfg.Inboxes {
		ours[inbox.InboxID(in.ID)] = true
		all = append(all, inbox.InboxID(in.ID))
	}
	for _, id := range inboxes {
		if !ours[id] {
			return inbox.Person{}, ErrNoInbox
		}
	}
	if len(inboxes) == 0 {
		inboxes = all
	}
	return r.people.AddPerson(ctx, name, role, inboxes)
}

// People implements [Admin].
func (r *Relay) People(ctx context.Context) ([]inbox.Person, error) { return r.people.People(ctx) }

// Invite implements [Admin].
func (r *Relay) Invite(ctx context.Context, who string) (Invitation, error) {
	people, err := r.people.People(ctx)
	if err != nil {
		return Invitation{}, err
	}
	for _, p := range people {
		if string(p.ID) != who && !strings.EqualFold(p.Name, strings.Join(strings.Fields(who), " ")) {
			continue
		}
		code, expires, err := r.people.Issue(ctx, p.ID)
		if err != nil {
			return Invitation{}, err
		}
		e := wire.Enrolment{Relay: r.cfg.Public, Pin: r.pin, Code: code}
		return Invitation{Person: p, Enrolment: e.String(), Expires: expires}, nil
	}
	return Invitation{}, ErrNoPerson
}

type addPersonBody struct {
	Name    string
	Role    inbox.Role
	Inboxes []inbox.InboxID
}

// admin serves [Admin] on the socket.
func (r *Relay) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /person", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b addPersonBody) (any, error) { return r.AddPerson(q.Context(), b.Name, b.Role, b.Inboxes) })
	})
	mux.HandleFunc("POST /people", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.People(q.Context()) })
	})
	mux.HandleFunc("POST /invite", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(who string) (any, error) { return r.Invite(q.Context(), who) })
	})
	r.adminOversight(mux)
	r.adminDevices(mux)
	r.adminAudit(mux)
	r.adminPeople(mux)
	r.adminBackup(mux)
	r.adminUpdates(mux)
	return mux
}

func answerJSON[T any](w http.ResponseWriter, q *http.Request, do func(T) (any, error)) {
	var in T
	if err := json.NewDecoder(io.LimitReader(q.Body, 256<<10)).Decode(&in); err != nil {
		http.Error(w, "request cannot be read", http.StatusBadRequest)
		return
	}
	out, err := do(in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

// remoteAdmin asks the running relay.
type remoteAdmin struct{ client http.Client }

// OpenAdmin returns the way in for the command line: through the running relay if there is one, else through the store.
// Call close when done.
func OpenAdmin(ctx context.Context, cfg Config, log *slog.Logger) (a Admin, done func() error, err error) {
	socket := cfg.adminSocket()
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil, fmt.Errorf("asking the running relay: %w", err)
	}
	if err == nil {
		conn.Close()
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}
		c := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 3 * time.Minute}
		return &remoteAdmin{client: c}, func() error { return nil }, nil
	}
	r, err := Open(ctx, cfg, Options{Log: log})
	if err != nil {
		return nil, nil, err
	}
	return r, r.Close, nil
}

func (a *remoteAdmin) AddPerson(ctx context.Context, name string, role inbox.Role, inboxes []inbox.InboxID) (p inbox.Person, err error) {
	return p, a.call(ctx, "person", addPersonBody{Name: name, Role: role, Inboxes: inboxes}, &p)
}

func (a *remoteAdmin) People(ctx context.Context) (people []inbox.Person, err error) {
	return people, a.call(ctx, "people", struct{}{}, &people)
}

func (a *remoteAdmin) Invite(ctx context.Context, who string) (i Invitation, err error) {
	return i, a.call(ctx, "invite", who, &i)
}

func (a *remoteAdmin) call(ctx context.Context, what string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://relay/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := a.client.Do(q)
	if err != nil {
		return ErrNoAnswer
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return toldError(strings.TrimSpace(string(raw)))
	}
	return json.NewDecoder(res.Body).Decode(out)
}
