package relay

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// PeopleAdmin is the part of [Admin] that is about how people sign in. What it does closes connections at once; the audit log
// says that it was done at the command line.
type PeopleAdmin interface {
	// AddColleague adds a person with all that is said of them. What is wrong is found before anybody is added. Errors:
	// those of AddPerson, of a team, ErrSignOn, and ErrAddedInPart if the person is there and the rest is not.
	AddColleague(ctx context.Context, c Colleague) (inbox.Person, error)
	// PeopleAccounts lists everybody, with how far each has set up signing in, by name. It tells no address.
	PeopleAccounts(ctx context.Context) ([]PersonAccount, error)
	// PersonAccount returns all there is to know of how the person with the given id or name comes in.
	PersonAccount(ctx context.Context, who string) (PersonAccount, error)
	// ResetPerson takes a password, a second factor with its recovery codes, or both away, so that the next sign-in makes
	// them anew, and signs the person out everywhere. It returns on how many devices. Errors: ErrNoPerson, ErrLeft.
	ResetPerson(ctx context.Context, who string, password, second bool) (signedOut int, err error)
	// ForgetPasskeys takes a passkey away, by the id PersonAccount tells, or all with "", and signs the person out everywhere if
	// there was any. It returns how many, and on how many devices. Errors: ErrNoPerson.
	ForgetPasskeys(ctx context.Context, who, which string) (removed, signedOut int, err error)
	// SetSignOn says who a person is at the company's sign-on; nothing takes that away. It signs the person out everywhere
	// if that is news, and returns on how many devices. Errors: ErrNoPerson, ErrLeft, ErrSignOn.
	SetSignOn(ctx context.Context, who string, on SignOn) (signedOut int, err error)
	// AuditChains is how the audit logs stand: how long they are, when they were signed last, and what the running relay
	// found when it last verified them.
	AuditChains(ctx context.Context) ([]inbox.AuditChain, error)
}

// SignOn is who a person is at the company's sign-on.
type SignOn = identity.SignOn

// A Colleague is a person to be added.
type Colleague struct {
	Name    string
	Role    inbox.Role
	Team    inbox.TeamID
	Inboxes []inbox.InboxID // none: all
	SignOn  SignOn
}

// A SignInWay is how a person signs in, by the policy of the relay.
type SignInWay int

// The ways.
const (
	SignInNone     SignInWay = iota // policy requires no sign-in: for a trial
	SignInPassword                  // with a password on the relay
	SignInCompany                   // at the company's sign-on
	SignInCannot                    // not at all: policy wants the sign-on, and nobody said who the person is there
)

// A PersonAccount is a person, and how that one signs in. It holds no secret.
type PersonAccount struct {
	Person   inbox.Person
	Way      SignInWay
	NoSecond bool   // policy wants no second factor beside a password
	Password bool   // there is one
	Second   bool   // there is a second factor
	Recovery int    // recovery codes that were not used
	Subject  string // at the sign-on; only a single account tells it
	Email    string // at the sign-on, until the first sign-in there; only a single account tells it
	Bound    bool   // the sign-on knows the person by a subject: the address counts no more

	Failures int          // in a row
	Waits    inbox.Moment // nothing is looked at before
	Until    inbox.Moment // signed in somewhere, until then at the latest; 0: nowhere
	Last     inbox.Moment // the last sign-in in the audit log; only a single account tells it
	Devices  []inbox.Device
	Passkeys []Passkey // only a single account tells them
	MustKey  bool      // policy wants a passkey
}

// A Passkey is what may be told of one.
type Passkey = identity.Passkey

// Errors of the command line's wishes about signing in.
var (
	ErrSignOn      = identity.ErrSignOn
	ErrAddedInPart = errors.New("the person was added, but not with all that was said of them")
	ErrLanguage    = errors.New("a language is two or three lower-case letters such as de")
)

// languageSubtag is a primary language of BCP 47, which is all that a customer's country tells.
var languageSubtag = regexp.MustCompile(`^[a-z]{2,3}$`)

// way is how a person signs in.
func (c SignInConfig) way(on SignOn) SignInWay {
	switch {
	case !c.required():
		return SignInNone
	case c.OIDC.Issuer == "" || on == SignOn{} && c.OIDC.Local:
		return SignInPassword
	case on == SignOn{}:
		return SignInCannot
	}
	return SignInCompany
}

// AddColleague implements [PeopleAdmin].
func (r *Relay) AddColleague(ctx context.Context, c Colleague) (inbox.Person, error) {
	change := identity.Change{Team: &c.Team}
	// Asked of nobody, the register still says what is wrong with the words.
	if _, err := r.people.Change(ctx, identity.By{}, "", change); !errors.Is(err, ErrNoPerson) {
		return inbox.Person{}, err
	}
	if _, err := r.people.SetSignOn(ctx, identity.By{}, "", c.SignOn); !errors.Is(err, ErrNoPerson) {
		return inbox.Person{}, err
	}
	if err := r.signOnFree(ctx, c.SignOn); err != nil {
		return inbox.Person{}, err
	}
	p, err := r.AddPerson(ctx, c.Name, c.Role, c.Inboxes)
	if err != nil {
		return p, err
	}
	if c.Team != "" {
		changed, err := r.people.Change(ctx, identity.By{}, p.ID, change)
		if err != nil {
			r.log.Error("a person was added without a team", "person", string(p.ID), "error", err)
			return p, ErrAddedInPart
		}
		p = changed.Person
	}
	if c.SignOn != (SignOn{}) {
		if _, err := r.people.SetSignOn(ctx, identity.By{}, p.ID, c.SignOn); err != nil {
			r.log.Error("a person was added without a sign-on", "person", string(p.ID), "error", err)
			return p, ErrAddedInPart
		}
	}
	return p, nil
}

// signOnFree returns [ErrSignOn] if somebody has that subject or address.
func (r *Relay) signOnFree(ctx context.Context, on SignOn) error {
	if on == (SignOn{}) {
		return nil
	}
	people, err := r.people.People(ctx)
	if err != nil {
		return err
	}
	for _, p := range people {
		a, err := r.people.Account(ctx, p.ID)
		switch {
		case err != nil:
			return err
		case on.Subject != "" && a.SignOn.Subject == strings.TrimSpace(on.Subject),
			on.Email != "" && strings.EqualFold(a.SignOn.Email, strings.TrimSpace(on.Email)):
			return ErrSignOn
		}
	}
	return nil
}

// PeopleAccounts implements [PeopleAdmin].
func (r *Relay) PeopleAccounts(ctx context.Context) ([]PersonAccount, error) {
	people, err := r.people.People(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := r.listDevices(ctx, func(inbox.Person) bool { return true })
	if err != nil {
		return nil, err
	}
	all := make([]PersonAccount, 0, len(people))
	for _, p := range people {
		a, err := r.accountWith(ctx, p, devices)
		if err != nil {
			return nil, err
		}
		a.Subject, a.Email = "", ""
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b PersonAccount) int { return strings.Compare(a.Person.Name, b.Person.Name) })
	return all, nil
}

// accountWith is what is known of a person, whose devices are among these.
func (r *Relay) accountWith(ctx context.Context, p inbox.Person, devices []inbox.Device) (PersonAccount, error) {
	a, err := r.people.Account(ctx, p.ID)
	if err != nil {
		return PersonAccount{}, err
	}
	out := accountOf(r.cfg, p, a)
	for _, d := range devices {
		if d.Person == p.ID {
			out.Devices = append(out.Devices, d)
			out.Until = max(out.Until, d.SignedIn)
		}
	}
	return out, nil
}

func accountOf(cfg Config, p inbox.Person, a identity.Account) PersonAccount {
	out := PersonAccount{
		Person: p, Way: cfg.SignIn.way(a.SignOn), NoSecond: !cfg.SignIn.secondFactor(), Password: a.Password, Second: a.Second,
		Recovery: a.Recovery, Subject: a.SignOn.Subject, Email: a.SignOn.Email, Bound: a.SignOn.Subject != "", Failures: a.Failures,
	}
	if a.Failures > 0 {
		out.Waits = a.Until
	}
	roles, err := cfg.SignIn.Passkey.roles()
	out.MustKey = err == nil && slices.Contains(roles, p.Role)
	return out
}

// PersonAccount implements [PeopleAdmin].
func (r *Relay) PersonAccount(ctx context.Context, who string) (PersonAccount, error) {
	p, err := r.personNamed(ctx, who)
	if err != nil {
		return PersonAccount{}, err
	}
	devices, err := r.listDevices(ctx, func(q inbox.Person) bool { return q.ID == p.ID })
	if err != nil {
		return PersonAccount{}, err
	}
	a, err := r.accountWith(ctx, p, devices)
	if err != nil {
		return PersonAccount{}, err
	}
	if a.Passkeys, err = r.people.PasskeysOf(ctx, p.ID); err != nil {
		return PersonAccount{}, err
	}
	a.Last, err = r.lastSignIn(ctx, p.ID)
	return a, err
}

// lastSignIn is when a person signed in last, as far back as a search looks that nobody waits long for.
func (r *Relay) lastSignIn(ctx context.Context, id inbox.PersonID) (inbox.Moment, error) {
	page, err := audit.Search(ctx, r.db, audit.Query{Shard: audit.KeyShard, Actor: id, Act: identity.ActSignedIn, Limit: 1})
	if err != nil || len(page.Found) == 0 {
		return 0, err
	}
	return page.Found[0].At, nil
}

// ResetPerson implements [PeopleAdmin].
func (r *Relay) ResetPerson(ctx context.Context, who string, password, second bool) (int, error) {
	p, err := r.personNamed(ctx, who)
	if err == nil && p.Left != 0 {
		err = ErrLeft
	}
	if err != nil {
		return 0, err
	}
	return r.signedOut(r.people.Reset(ctx, identity.By{}, p.ID, password, second))
}

// ForgetPasskeys implements [PeopleAdmin].
func (r *Relay) ForgetPasskeys(ctx context.Context, who, which string) (removed, signedOut int, err error) {
	p, err := r.personNamed(ctx, who)
	if err != nil {
		return 0, 0, err
	}
	removed, ended, err := r.people.RemovePasskeys(ctx, identity.By{}, p.ID, which)
	signedOut, err = r.signedOut(ended, err)
	return removed, signedOut, err
}

// SetSignOn implements [PeopleAdmin].
func (r *Relay) SetSignOn(ctx context.Context, who string, on SignOn) (int, error) {
	p, err := r.personNamed(ctx, who)
	if err != nil {
		return 0, err
	}
	return r.signedOut(r.people.SetSignOn(ctx, identity.By{}, p.ID, on))
}

// signedOut closes the connections of devices whose sessions were ended.
func (r *Relay) signedOut(ended []inbox.DeviceID, err error) (int, error) {
	for _, id := range ended {
		r.sessions.closeDevice(id, wire.CloseSignedOut)
	}
	return len(ended), err
}

// AuditChains implements [PeopleAdmin].
func (r *Relay) AuditChains(ctx context.Context) ([]inbox.AuditChain, error) { return r.chains(ctx) }

// What is asked over the socket.
type accountBody struct {
	Who              string
	Password, Second bool
	SignOn           SignOn
	Passkey          string
}

type forgottenBody struct{ Removed, SignedOut int }

// adminPeople serves [PeopleAdmin].
func (r *Relay) adminPeople(mux *http.ServeMux) {
	account := func(path string, do func(context.Context, accountBody) (any, error)) {
		mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, q *http.Request) {
			answerJSON(w, q, func(b accountBody) (any, error) { return do(q.Context(), b) })
		})
	}
	mux.HandleFunc("POST /person/add", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(c Colleague) (any, error) { return r.AddColleague(q.Context(), c) })
	})
	account("people/accounts", func(ctx context.Context, _ accountBody) (any, error) { return r.PeopleAccounts(ctx) })
	account("person/account", func(ctx context.Context, b accountBody) (any, error) { return r.PersonAccount(ctx, b.Who) })
	account("person/reset", func(ctx context.Context, b accountBody) (any, error) {
		return r.ResetPerson(ctx, b.Who, b.Password, b.Second)
	})
	account("person/passkeys", func(ctx context.Context, b accountBody) (any, error) {
		removed, n, err := r.ForgetPasskeys(ctx, b.Who, b.Passkey)
		return forgottenBody{removed, n}, err
	})
	account("person/sign-on", func(ctx context.Context, b accountBody) (any, error) { return r.SetSignOn(ctx, b.Who, b.SignOn) })
	account("audit/chains", func(ctx context.Context, _ accountBody) (any, error) { return r.AuditChains(ctx) })
}

func (a *remoteAdmin) AddColleague(ctx context.Context, c Colleague) (p inbox.Person, err error) {
	return p, a.call(ctx, "person/add", c, &p)
}

func (a *remoteAdmin) PeopleAccounts(ctx context.Context) (all []PersonAccount, err error) {
	return all, a.call(ctx, "people/accounts", accountBody{}, &all)
}

func (a *remoteAdmin) PersonAccount(ctx context.Context, who string) (p PersonAccount, err error) {
	return p, a.call(ctx, "person/account", accountBody{Who: who}, &p)
}

func (a *remoteAdmin) ResetPerson(ctx context.Context, who string, password, second bool) (n int, err error) {
	return n, a.call(ctx, "person/reset", accountBody{Who: who, Password: password, Second: second}, &n)
}

func (a *remoteAdmin) ForgetPasskeys(ctx context.Context, who, which string) (removed, signedOut int, err error) {
	var out forgottenBody
	err = a.call(ctx, "person/passkeys", accountBody{Who: who, Passkey: which}, &out)
	return out.Removed, out.SignedOut, err
}

func (a *remoteAdmin) SetSignOn(ctx context.Context, who string, on SignOn) (n int, err error) {
	return n, a.call(ctx, "person/sign-on", accountBody{Who: who, SignOn: on}, &n)
}

func (a *remoteAdmin) AuditChains(ctx context.Context) (all []inbox.AuditChain, err error) {
	return all, a.call(ctx, "audit/chains", accountBody{}, &all)
}
