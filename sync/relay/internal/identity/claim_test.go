package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// knock is a new device that is nobody's, from an address, and its connection.
func (b *bench) knock(from string) (Device, *SignIn) {
	b.t.Helper()
	d, err := b.r.Knock(request(b.t, ""), from)
	if err != nil {
		b.t.Fatal(err)
	}
	waits, ok := b.r.Unclaimed(d.ID)
	if !ok || waits.Person != "" || string(waits.Key) != string(d.Key) {
		b.t.Fatal("the device does not wait")
	}
	return d, b.r.NewClaim(waits, []byte(d.ID), from)
}

func TestWhoeverSignsInOnADeviceWithoutACodeIsItsPerson(t *testing.T) {
	b := newBench(t, SignInConfig{SecondFactor: true, Claims: 3})
	secret, _ := b.setUp()
	start := b.mark()
	enter := func() (Device, wire.SignIn, bool) {
		t.Helper()
		b.pass(stepSeconds * time.Second)
		d, s := b.knock("192.0.2.9:1234")
		if asked := b.ask(s); asked.Name != "" || asked.Need != wire.NeedPassword || !slices.Equal(asked.Ways, []wire.Way{wire.WayPassword}) {
			t.Fatalf("need %d, ways %v", asked.Need, asked.Ways)
		}
		if next := b.try(s, wire.Credential{Name: "  tobias   BRANDT ", Password: goodPassword}); next.Need != wire.NeedCode || next.Name != "" {
			t.Fatalf("need %d, trouble %d", next.Need, next.Trouble)
		}
		next, done, err := s.Try(t.Context(), wire.Credential{Code: b.code(secret)})
		if err != nil {
			t.Fatal(err)
		}
		return d, next, done
	}
	d, _, done := enter()
	if !done {
		t.Fatal("not signed in")
	}
	got, p, err := b.r.Device(t.Context(), d.ID)
	if err != nil || p.ID != b.person.ID || got.Enrolled != inbox.At(*b.now) || string(got.Key) != string(d.Key) || got.Name != "laptop" {
		t.Errorf("%+v, %v", got, err)
	}
	if s, live := b.live(d.ID); !live || s.Person != b.person.ID {
		t.Error("nobody is signed in on it")
	}
	if _, waits := b.r.Unclaimed(d.ID); waits || len(b.r.Waiting()) != 0 {
		t.Error("it still waits for somebody")
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"device.added sign-in", "sign-in.done password"}) {
		t.Error(acts)
	}
	// Nobody has more than policy says; one less makes room.
	if _, _, done = enter(); !done {
		t.Fatal("the third is not let in")
	}
	fourth, said, done := enter()
	if done || said.Trouble != wire.TroubleDevices {
		t.Errorf("the fourth: trouble %d", said.Trouble)
	}
	if _, _, err := b.r.Device(t.Context(), fourth.ID); !errors.Is(err, ErrNoDevice) {
		t.Errorf("it is kept: %v", err)
	}
	if err := b.r.Revoke(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, done = enter(); !done {
		t.Error("nobody is let in for one that was excluded")
	}
}

// TestADeviceThatIsNobodysLearnsNothing: whoever calls a name learns neither that somebody has it nor how far that one is, by
// words, waits or work; and delays nobody on a device of his own.
func TestADeviceThatIsNobodysLearnsNothing(t *testing.T) {
	b := newBench(t, SignInConfig{SecondFactor: true, Claims: 3})
	b.setUp()
	b.hire("Nora Winter", inbox.Agent) // has no password
	half := b.hire("Sabine Lorenz", inbox.Agent)
	halfway := b.r.NewSignIn(b.enrol(half), half, []byte("half"), "192.0.2.7")
	b.try(halfway, wire.Credential{New: otherPassword}) // has no second factor
	gone := b.hire("Lea Vogt", inbox.Agent)
	if _, err := b.r.Leave(t.Context(), By{}, gone.ID); err != nil {
		t.Fatal(err)
	}
	hashes := 0
	b.r.hash.ran = func() { hashes++ }
	var want []wire.SignIn
	began := *b.now
	for i, c := range []wire.Credential{
		{Name: "Nobody Here", Password: goodPassword}, {Name: "Tobias Brandt", Password: otherPassword}, {Name: "Nora Winter", Password: otherPassword},
		{Name: "Sabine Lorenz", Password: otherPassword}, {Name: "Lea Vogt", Password: otherPassword}, {Password: otherPassword},
	} {
		*b.now = began
		var said []wire.SignIn
		for n := range 8 {
			_, s := b.knock(fmt.Sprintf("198.51.%d.%d", i, n)) // another address each time: only the name is the same
			before := hashes
			next := b.try(s, c)
			if waits := next.Trouble == wire.TroubleBusy; waits != (hashes == before) {
				t.Errorf("%d hashes, trouble %d", hashes-before, next.Trouble)
			}
			said = append(said, next)
			b.pass(time.Second)
		}
		if want == nil {
			if want = said; want[0].Trouble != wire.TroubleWrong || want[7].Trouble != wire.TroubleBusy || want[7].Wait == 0 {
				t.Fatalf("%+v", want)
			}
		}
		b.pass(time.Minute) // what all of them may try together comes back
		if diff := cmp.Diff(want, said, cmp.Transformer("told", func(s wire.SignIn) map[string]any {
			return map[string]any{"name": s.Name, "ways": s.Ways, "need": s.Need, "trouble": s.Trouble, "wait": s.Wait, "second": s.Second}
		})); diff != "" {
			t.Errorf("%d is answered otherwise: %s", i, diff)
		}
	}
	a, err := b.r.Account(t.Context(), b.person.ID)
	if err != nil || a.Failures != 0 || a.Until != 0 {
		t.Errorf("a stranger delays the person: %+v, %v", a, err)
	}
}

func TestDevicesThatAreNobodysAreFewAndVanish(t *testing.T) {
	b := newBench(t, SignInConfig{SecondFactor: true, Claims: 3})
	d, s := b.knock("192.0.2.9")
	for range unclaimedFrom - 1 {
		b.knock("192.0.2.9")
	}
	if _, err := b.r.Knock(request(t, ""), "192.0.2.9:7"); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("one more of an address: %v", err)
	}
	for i := 1; len(b.r.Waiting()) < unclaimedMost; i++ {
		b.knock(fmt.Sprintf("192.0.%d.9", 3+i/8))
	}
	if _, err := b.r.Knock(request(t, ""), "203.0.113.1"); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("one more in all: %v", err)
	}
	b.pass(wire.UnclaimedLife)
	if _, waits := b.r.Unclaimed(d.ID); waits || len(b.r.Waiting()) != 0 {
		t.Error("they wait for ever")
	}
	if said := b.try(s, wire.Credential{Name: "Tobias Brandt", Password: goodPassword}); said.Trouble != wire.TroubleWrong {
		t.Errorf("one that vanished: trouble %d", said.Trouble)
	}
	forged := request(t, "")
	forged.Signature[0] ^= 1
	if _, err := b.r.Knock(forged, "192.0.2.9"); !errors.Is(err, wire.ErrRequest) {
		t.Errorf("without its key: %v", err)
	}
	if _, _, err := b.r.Enrol(t.Context(), request(t, "")); !errors.Is(err, wire.ErrCodeUnknown) {
		t.Errorf("an empty code: %v", err)
	}
	b.configure(SignInConfig{SecondFactor: true, Cost: cheap})
	if _, err := b.r.Knock(request(t, ""), "192.0.2.9"); !errors.Is(err, wire.ErrCodeNeeded) {
		t.Errorf("where policy wants a code: %v", err)
	}
	if err := b.r.Configure(SignInConfig{Required: true, Claims: 1}); !errors.Is(err, ErrConfig) {
		t.Errorf("with a password only: %v", err)
	}
}

func TestADeviceBecomesThePersonsWhomTheSignOnMeans(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	b.r.conf.SecondFactor, b.r.conf.Claims = true, 3
	b.p.account(t, "stranger", employee("stranger"))
	for login, want := range map[string]wire.SignInTrouble{"stranger": wire.TroubleBrowser, "tobias": wire.TroubleNone} {
		d, s := b.knock("192.0.2.9")
		asked := b.ask(s)
		if !slices.Equal(asked.Ways, []wire.Way{wire.WayPassword, wire.WayBrowser}) || asked.Name != "" {
			t.Fatalf("ways %v", asked.Ways)
		}
		next, done, err := s.Try(t.Context(), wire.Credential{Browser: ptr(b.p.browser(t).visit(asked.Browser.URL, login, nil))})
		if err != nil || done != (want == wire.TroubleNone) || next.Trouble != want {
			t.Errorf("%s: done %v, trouble %d, %v", login, done, next.Trouble, err)
		}
		if got, _, err := b.r.Device(t.Context(), d.ID); done && (err != nil || got.Person != b.person.ID) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestADeviceBecomesThePersonsWhosePasskeyIsShown(t *testing.T) {
	b := newPasskeyBench(t, inbox.Supervisor, SignInConfig{Claims: 3})
	b.register()
	d, s := b.knock("192.0.2.9")
	asked := b.ask(s)
	if !slices.Equal(asked.Ways, []wire.Way{wire.WayPassword, wire.WayPasskey}) {
		t.Fatalf("ways %v", asked.Ways)
	}
	address, _ := b.address(asked.Passkey)
	b.page.Go(address)
	if options, _ := b.page.Eval(`document.getElementById("form").dataset.options`).(string); strings.Contains(options, "allowCredentials") {
		t.Error("a stranger is told which passkeys there are")
	}
	// The password alone does not do for who must show a passkey, nor does it tell that it was right.
	if said := b.try(s, wire.Credential{Name: "Sabine Lorenz", Password: goodPassword}); said.Trouble != wire.TroubleWrong {
		t.Errorf("trouble %d, need %d", said.Trouble, said.Need)
	}
	b.in(s, passkeyShown(b.visit(b.ask(b.again(&s, d)).Passkey)))
	if got, p, err := b.r.Device(t.Context(), d.ID); err != nil || p.ID != b.person.ID || got.Revoked != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// again is another connection of a device that is nobody's.
func (b *bench) again(s **SignIn, d Device) *SignIn {
	*s = b.r.NewClaim(d, []byte("again"), "192.0.2.9")
	return *s
}

// TestATokenFromABackupWipesNobody: a restore brings back tokens that may have been exchanged since, so that the sign-on's no to
// one signs the person out, and no more.
func TestATokenFromABackupWipesNobody(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	b.enter(b.device, b.p.browser(t), "tobias")
	old, _ := b.grantOf(b.device.ID)
	b.pass(PollEvery)
	b.wantTold() // the provider gives another token, and knows the old one as used
	put := func(renew bool) {
		t.Helper()
		err := b.db.Update(t.Context(), Shard, func(tx ledger.Tx) error {
			if renew { // as a restored relay does at its start
				if err := eventlog.Renew(tx); err != nil {
					return err
				}
			}
			return put(tx, bucketGrant, []byte(b.device.ID), old)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(true)
	b.restart()
	b.pass(PollEvery)
	b.wantTold(Removal{Person: b.person.ID, Devices: []inbox.DeviceID{b.device.ID}, Why: WhyUnsure})
	if _, live := b.live(b.device.ID); live {
		t.Error("still signed in")
	}
	// Signed in once again, a no is a no.
	b.enter(b.device, b.p.browser(t), "tobias")
	old, _ = b.grantOf(b.device.ID)
	b.pass(PollEvery)
	b.wantTold()
	put(false)
	b.pass(PollEvery)
	b.wantTold(Removal{Person: b.person.ID, Devices: []inbox.DeviceID{b.device.ID}, Why: WhyGrant})
	// And so it is once a token that came back was taken.
	*b.now = time.Now() // the provider's own clock went on by moments only
	b.enter(b.device, b.p.browser(t), "tobias")
	old, _ = b.grantOf(b.device.ID)
	put(true)
	b.pass(PollEvery)
	b.wantTold()
	if held, _ := b.grantOf(b.device.ID); held.Epoch == "" || held.Epoch == old.Epoch {
		t.Error("a token that was taken is doubted for ever")
	}
}
