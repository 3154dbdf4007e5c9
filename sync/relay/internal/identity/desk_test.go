package identity

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// cheap is a password's cost in tests that are not about it.
var cheap = Cost{Time: 1, Memory: 64, Threads: 1}

const (
	goodPassword  = "violet kettle 39 harbour"
	otherPassword = "mellow ladder 17 quarry"
)

// A bench is a register with one person and one device, and a clock to turn.
type bench struct {
	t      *testing.T
	r      *Register
	db     ledger.DB
	now    *time.Time
	person inbox.Person
	device Device
}

func newBench(t *testing.T, conf SignInConfig) *bench {
	t.Helper()
	now := time.Now()
	r, db := newRegister(t, &now)
	b := &bench{t: t, r: r, db: db, now: &now}
	if conf.Cost == (Cost{}) {
		conf.Cost = cheap
	}
	b.configure(conf)
	b.person = b.hire("Tobias Brandt", inbox.Agent)
	b.device = b.enrol(b.person)
	return b
}

func (b *bench) configure(conf SignInConfig) {
	b.t.Helper()
	conf.Required = true
	if err := b.r.Configure(conf); err != nil {
		b.t.Fatal(err)
	}
}

// restart is a relay that knows nothing but what is in the ledger.
func (b *bench) restart() {
	conf := b.r.conf
	b.r = NewRegister(b.db, func() time.Time { return *b.now })
	b.configure(conf)
}

func (b *bench) pass(d time.Duration) { *b.now = b.now.Add(d) }

func (b *bench) hire(name string, role inbox.Role) inbox.Person {
	b.t.Helper()
	p, err := b.r.AddPerson(b.t.Context(), name, role, []inbox.InboxID{"north"})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) enrol(p inbox.Person) Device {
	b.t.Helper()
	code, _, err := b.r.Issue(b.t.Context(), p.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	d, _, err := b.r.Enrol(b.t.Context(), request(b.t, code))
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

// dial is a new connection of the device.
func (b *bench) dial() *SignIn {
	return b.r.NewSignIn(b.device, b.person, []byte("challenge"), "192.0.2.7")
}

// ask returns what a connection is told first.
func (b *bench) ask(s *SignIn) wire.SignIn {
	b.t.Helper()
	next, err := s.Ask(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return next
}

// try gives a credential that is not enough.
func (b *bench) try(s *SignIn, c wire.Credential) wire.SignIn {
	b.t.Helper()
	next, done, err := s.Try(b.t.Context(), c)
	if err != nil || done {
		b.t.Fatalf("done %v, %v", done, err)
	}
	return next
}

// in gives the credential that is.
func (b *bench) in(s *SignIn, c wire.Credential) Session {
	b.t.Helper()
	next, done, err := s.Try(b.t.Context(), c)
	if err != nil || !done {
		b.t.Fatalf("not signed in: need %d, trouble %d, wait %d, %v", next.Need, next.Trouble, next.Wait, err)
	}
	return s.Session()
}

// code is what an authenticator shows.
func (b *bench) code(secret string) string {
	b.t.Helper()
	code, err := totp.GenerateCode(secret, *b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	return code
}

// setUp walks a first sign-in, and returns the secret and the recovery codes.
func (b *bench) setUp() (secret string, recovery []string) {
	b.t.Helper()
	s := b.dial()
	second := b.try(s, wire.Credential{New: goodPassword})
	if second.Need != wire.NeedSecond || second.Second == nil {
		b.t.Fatalf("no second factor is offered: need %d, trouble %d", second.Need, second.Trouble)
	}
	kept := b.try(s, wire.Credential{Code: b.code(second.Second.Secret)})
	if kept.Need != wire.NeedKept {
		b.t.Fatalf("no recovery codes: need %d, trouble %d", kept.Need, kept.Trouble)
	}
	b.in(s, wire.Credential{})
	b.pass(stepSeconds * time.Second)
	return second.Second.Secret, kept.Recovery
}

// live says whether somebody is signed in on a device.
func (b *bench) live(d inbox.DeviceID) (Session, bool) {
	b.t.Helper()
	s, live, err := b.r.Session(b.t.Context(), d)
	if err != nil {
		b.t.Fatal(err)
	}
	return s, live
}

// acts returns what was recorded after a number, as "act detail", and the last number.
func (b *bench) acts(after uint64) (acts []string, last uint64) {
	b.t.Helper()
	last = after
	err := b.db.View(context.Background(), Shard, func(tx ledger.Tx) error {
		entries, err := audit.Entries(tx, after, 1<<20)
		for _, e := range entries {
			acts, last = append(acts, strings.TrimSpace(fmt.Sprintf("%s %s", e.Act, e.Detail))), e.Number
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return acts, last
}

// mark returns the number of the last entry.
func (b *bench) mark() uint64 { _, last := b.acts(0); return last }

// checkNotKept looks for texts in what is kept.
func (b *bench) checkNotKept(bucket func(string) bool, texts ...string) {
	b.t.Helper()
	err := b.db.View(context.Background(), Shard, func(tx ledger.Tx) error {
		names, err := tx.Buckets("")
		if err != nil {
			return err
		}
		looked := 0
		for _, name := range names {
			if !bucket(name) {
				continue
			}
			for key, row := range tx.Scan(name, nil, nil) {
				looked++
				for i, text := range texts {
					if bytes.Contains(row, []byte(text)) || bytes.Contains(key, []byte(text)) {
						b.t.Errorf("bucket %s holds text %d", name, i)
					}
				}
			}
		}
		if looked == 0 {
			b.t.Error("there was nothing to look at")
		}
		return tx.Err()
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
