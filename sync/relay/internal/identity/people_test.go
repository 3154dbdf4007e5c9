package identity

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// told returns the last announcement of a person, and how many there were.
func (b *bench) told(id inbox.PersonID) (p inbox.Person, n int) {
	b.t.Helper()
	err := b.db.View(b.t.Context(), Shard, func(tx ledger.Tx) error {
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			if c, ok := e.Body.(inbox.PersonChanged); ok && c.Person.ID == id {
				if n++; n == 1 {
					p = c.Person
				}
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return p, n
}

func TestAChangeOfAPersonIsAnnouncedRecordedAndActsAtOnce(t *testing.T) {
	team := inbox.TeamID("north-desk")
	for name, c := range map[string]struct {
		change  func(*bench) (Changed, error)
		acts    []string
		ended   bool
		person  func(*inbox.Person)
		unnoted bool
	}{
		"another role ends every session": {
			change: func(b *bench) (Changed, error) {
				return b.r.Change(b.t.Context(), By{Person: "it"}, b.person.ID, Change{Role: inbox.Supervisor})
			},
			acts: []string{"person.role-set supervisor", "session.ended role"}, ended: true,
			person: func(p *inbox.Person) { p.Role = inbox.Supervisor },
		},
		"another team does not": {
			change: func(b *bench) (Changed, error) {
				return b.r.Change(b.t.Context(), By{Person: "it"}, b.person.ID, Change{Team: &team})
			},
			acts:   []string{"person.team-set north-desk"},
			person: func(p *inbox.Person) { p.Team = team },
		},
		"nor do other inboxes": {
			change: func(b *bench) (Changed, error) {
				return b.r.Change(b.t.Context(), By{Person: "it"}, b.person.ID, Change{Inboxes: []inbox.InboxID{"south", "east", "south"}})
			},
			acts:   []string{"person.inboxes-set east south"},
			person: func(p *inbox.Person) { p.Inboxes = []inbox.InboxID{"east", "south"} },
		},
		"no inbox at all is a change": {
			change: func(b *bench) (Changed, error) {
				return b.r.Change(b.t.Context(), By{Person: "it"}, b.person.ID, Change{Inboxes: []inbox.InboxID{}})
			},
			acts:   []string{"person.inboxes-set"},
			person: func(p *inbox.Person) { p.Inboxes = nil },
		},
		"what changes nothing is not announced": {
			change: func(b *bench) (Changed, error) {
				return b.r.Change(b.t.Context(), By{Person: "it"}, b.person.ID, Change{Role: inbox.Agent, Inboxes: []inbox.InboxID{"north"}})
			},
			person: func(*inbox.Person) {}, unnoted: true,
		},
		"leaving ends every session": {
			change: func(b *bench) (Changed, error) { return b.r.Leave(b.t.Context(), By{Person: "it"}, b.person.ID) },
			acts:   []string{"person.left", "session.ended left"}, ended: true,
			person: func(p *inbox.Person) { p.Left = 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, SignInConfig{})
			b.in(b.dial(), wire.Credential{New: goodPassword})
			b.enrol(b.person) // a second device, on which nobody is signed in
			start := b.mark()
			got, err := c.change(b)
			if err != nil {
				t.Fatal(err)
			}
			want := b.person
			c.person(&want)
			if want.Left != 0 {
				want.Left = inbox.At(*b.now)
			}
			same := func(p inbox.Person) bool {
				return p.ID == want.ID && p.Role == want.Role && p.Team == want.Team && p.Left == want.Left && slices.Equal(p.Inboxes, want.Inboxes)
			}
			kept, err := b.r.Person(t.Context(), b.person.ID)
			if err != nil || !same(kept) || !same(got.Person) {
				t.Errorf("the person is not what was asked for: %v", err)
			}
			if last, n := b.told(b.person.ID); !same(last) || (n == 1) != c.unnoted {
				t.Errorf("announced %d times", n)
			}
			if acts, _ := b.acts(start); !slices.Equal(acts, c.acts) {
				t.Errorf("recorded %q, want %q", acts, c.acts)
			}
			var ended []inbox.DeviceID
			if c.ended {
				ended = []inbox.DeviceID{b.device.ID}
			}
			if _, live := b.live(b.device.ID); live == c.ended || !slices.Equal(got.SignedOut, ended) || len(got.Devices) != 2 {
				t.Errorf("live %v, signed out %v, %d devices", live, got.SignedOut, len(got.Devices))
			}
		})
	}
}

func TestWhoHasLeftStaysOutAndWhoReturnsBeginsAnew(t *testing.T) {
	b := newBench(t, SignInConfig{})
	b.in(b.dial(), wire.Credential{New: goodPassword})
	unused, _, err := b.r.Issue(t.Context(), b.person.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.r.Leave(t.Context(), By{}, b.person.ID); err != nil {
		t.Fatal(err)
	}
	start := b.mark()
	if again, err := b.r.Leave(t.Context(), By{}, b.person.ID); err != nil || len(again.SignedOut) != 0 || b.mark() != start {
		t.Errorf("leaving twice does something: %v", err)
	}
	if _, _, err := b.r.Issue(t.Context(), b.person.ID); !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
	if _, _, err := b.r.Enrol(t.Context(), request(t, unused)); !errors.Is(err, wire.ErrCodeUnknown) {
		t.Error(err)
	}
	if _, err := b.r.Change(t.Context(), By{}, b.person.ID, Change{Role: inbox.Auditor}); !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
	if next := b.try(b.dial(), wire.Credential{Password: goodPassword}); next.Trouble != wire.TroubleWrong {
		t.Errorf("trouble %d", next.Trouble)
	}
	if a, err := b.r.Account(t.Context(), b.person.ID); err != nil || a.Password {
		t.Error("the account is kept")
	}
	got, err := b.r.Return(t.Context(), By{}, b.person.ID)
	if err != nil || got.Person.Left != 0 {
		t.Fatal(err)
	}
	if last, _ := b.told(b.person.ID); last.Left != 0 {
		t.Error("the return is not announced")
	}
	if next := b.ask(b.dial()); next.Need != wire.NeedNew {
		t.Errorf("need %d", next.Need)
	}
}

func TestASessionEndsWithItsDeviceItsPersonAndWhenAsked(t *testing.T) {
	b := newBench(t, SignInConfig{})
	second := b.enrol(b.person)
	b.in(b.dial(), wire.Credential{New: goodPassword})
	b.in(b.r.NewSignIn(second, b.person, nil, ""), wire.Credential{Password: goodPassword})
	who := By{Person: b.person.ID, Device: b.device.ID}
	start := b.mark()
	for range 2 {
		if err := b.r.SignOut(t.Context(), who, b.device.ID, WhyAsked); err != nil {
			t.Fatal(err)
		}
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"session.ended asked"}) {
		t.Error(acts)
	}
	if _, live := b.live(b.device.ID); live {
		t.Error("signed out, and in")
	}
	if _, live := b.live(second.ID); !live {
		t.Error("the other device is signed out too")
	}
	b.in(b.dial(), wire.Credential{Password: goodPassword})
	if err := b.r.RevokeBy(t.Context(), By{Person: "it"}, second.ID); err != nil {
		t.Fatal(err)
	}
	if _, live := b.live(second.ID); live {
		t.Error("an excluded device is signed in")
	}
	if next := b.try(b.r.NewSignIn(second, b.person, nil, ""), wire.Credential{Password: goodPassword}); next.Trouble != wire.TroubleWrong {
		t.Error("an excluded device signs in")
	}
	ended, err := b.r.SignOutPerson(t.Context(), By{}, b.person.ID, WhyReset)
	if err != nil || !slices.Equal(ended, []inbox.DeviceID{b.device.ID}) {
		t.Error(ended, err)
	}
	b.in(b.dial(), wire.Credential{Password: goodPassword})
	b.pass(-time.Hour) // a clock turned back does not make a session younger
	if _, live := b.live(b.device.ID); live {
		t.Error("a session from the future is live")
	}
}

func TestWhereNoSignInIsRequiredTheDeviceSpeaksForItsPerson(t *testing.T) {
	b := newBench(t, SignInConfig{})
	if err := b.r.Configure(SignInConfig{}); err != nil {
		t.Fatal(err)
	}
	s, live := b.live(b.device.ID)
	if now := inbox.At(*b.now); !live || s.Person != b.person.ID || s.Until <= now || s.Fresh <= now {
		t.Error("nobody is signed in")
	}
	if err := b.r.Revoke(t.Context(), b.device.ID); err != nil {
		t.Fatal(err)
	}
	if _, live := b.live(b.device.ID); live {
		t.Error("an excluded device speaks for its person")
	}
	if _, live := b.live("nothing"); live {
		t.Error("an unknown device speaks for somebody")
	}
}

func TestNamesTeamsAndRolesThatCannotBe(t *testing.T) {
	b := newBench(t, SignInConfig{})
	for _, team := range []inbox.TeamID{"Ä", "two words", "-x", inbox.TeamID(make([]byte, 41))} {
		if _, err := b.r.Change(t.Context(), By{}, b.person.ID, Change{Team: &team}); !errors.Is(err, ErrTeam) {
			t.Error(err)
		}
	}
	if _, err := b.r.Change(t.Context(), By{}, b.person.ID, Change{Role: inbox.Auditor + 1}); !errors.Is(err, ErrRole) {
		t.Error(err)
	}
	for _, name := range []string{"", "  ", "a\x00b"} {
		if err := b.r.RenameDevice(t.Context(), By{}, b.device.ID, name); !errors.Is(err, ErrName) {
			t.Error(err)
		}
	}
	if err := b.r.RenameDevice(t.Context(), By{}, b.device.ID, " front   desk "); err != nil {
		t.Fatal(err)
	}
	if d, _, err := b.r.Device(t.Context(), b.device.ID); err != nil || d.Name != "front desk" {
		t.Error(d.Name, err)
	}
	second := b.hire("Second Person", inbox.Agent)
	if _, err := b.r.SetSignOn(t.Context(), By{}, b.person.ID, SignOn{Email: "tobias@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, on := range []SignOn{{Email: "Tobias@Example.com"}, {Email: "nobody"}} {
		if _, err := b.r.SetSignOn(t.Context(), By{}, second.ID, on); !errors.Is(err, ErrSignOn) {
			t.Error(err)
		}
	}
}
