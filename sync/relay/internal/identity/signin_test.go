package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

var strict = SignInConfig{SecondFactor: true, Company: "Nordwind Handel"}

func TestTheFirstSignInSetsUpPasswordSecondFactorAndRecoveryCodes(t *testing.T) {
	b := newBench(t, strict)
	start := b.mark()
	s := b.dial()
	if first := b.ask(s); first.Need != wire.NeedNew || first.Name != b.person.Name || !slices.Equal(first.Ways, []wire.Way{wire.WayPassword}) {
		t.Fatalf("asked for %d by %v", first.Need, first.Ways)
	}
	if weak := b.try(s, wire.Credential{New: "short"}); weak.Trouble != wire.TroubleWeak || weak.Need != wire.NeedNew {
		t.Fatalf("a weak password: trouble %d, need %d", weak.Trouble, weak.Need)
	}
	offer := b.try(s, wire.Credential{New: goodPassword})
	key, err := otp.NewKeyFromURL(offer.Second.URL)
	if err != nil || key.Secret() != offer.Second.Secret || key.Issuer() != "Nordwind Handel" || key.Period() != 30 || key.Digits() != otp.DigitsSix || len(key.Secret()) != 32 {
		t.Errorf("not what an authenticator reads: %v", err)
	}
	if again := b.try(s, wire.Credential{Code: "000"}); again.Trouble != wire.TroubleWrong || again.Second == nil || again.Second.Secret != offer.Second.Secret {
		t.Errorf("a wrong code makes another secret, or none: trouble %d", again.Trouble)
	}
	if _, live := b.live(b.device.ID); live {
		t.Fatal("signed in without a second factor")
	}
	kept := b.try(s, wire.Credential{Code: b.code(offer.Second.Secret)})
	if kept.Need != wire.NeedKept || len(kept.Recovery) != 10 {
		t.Fatalf("need %d, %d codes", kept.Need, len(kept.Recovery))
	}
	for _, code := range kept.Recovery {
		if bare := wire.CleanCode(code); len(bare) != 24 || strings.Trim(bare, wire.CodeAlphabet) != "" { // 24 of 32: 120 bits
			t.Errorf("a recovery code of %d characters", len(bare))
		}
	}
	session := b.in(s, wire.Credential{})
	at := inbox.At(*b.now)
	want := Session{Device: b.device.ID, Person: b.person.ID, Since: at, Until: at.Add(12 * time.Hour), Fresh: at.Add(5 * time.Minute), Way: wire.WayPassword}
	if live, ok := b.live(b.device.ID); !ok || live != want || session != want {
		t.Errorf("the session is not what was agreed (%v)\n%s", ok, cmp.Diff(want, session))
	}
	acts, _ := b.acts(start)
	if diff := cmp.Diff([]string{"sign-in.password-set", "sign-in.second-set", "sign-in.recovery-kept", "sign-in.done password"}, acts); diff != "" {
		t.Error(diff)
	}
	everything := func(string) bool { return true }
	b.checkNotKept(everything, goodPassword, kept.Recovery[0], wire.CleanCode(kept.Recovery[0]))
	b.checkNotKept(func(bucket string) bool { return strings.HasPrefix(bucket, "audit") }, b.person.Name, offer.Second.Secret)
}

func TestASetUpThatWasCutOffGoesOn(t *testing.T) {
	b := newBench(t, strict)
	b.try(b.dial(), wire.Credential{New: goodPassword})
	// The connection is gone before the second factor: the password is asked for, and then another secret offered.
	s := b.dial()
	if first := b.ask(s); first.Need != wire.NeedPassword {
		t.Fatalf("need %d", first.Need)
	}
	offer := b.try(s, wire.Credential{Password: goodPassword})
	if offer.Need != wire.NeedSecond {
		t.Fatalf("need %d", offer.Need)
	}
	lost := b.try(s, wire.Credential{Code: b.code(offer.Second.Secret)}).Recovery
	b.pass(stepSeconds * time.Second)
	// And before the codes were kept: there are others, and those nobody kept are worth nothing.
	s = b.dial()
	kept := b.try(s, wire.Credential{Password: goodPassword, Code: b.code(offer.Second.Secret)})
	if kept.Need != wire.NeedKept || slices.Equal(kept.Recovery, lost) {
		t.Fatalf("need %d", kept.Need)
	}
	b.in(s, wire.Credential{})
	if wrong := b.try(b.dial(), wire.Credential{Password: goodPassword, Code: lost[0]}); wrong.Trouble != wire.TroubleWrong {
		t.Errorf("a code nobody kept: trouble %d", wrong.Trouble)
	}
	b.in(b.dial(), wire.Credential{Password: goodPassword, Code: kept.Recovery[3]})
}

func TestTheSecondFactorIsPolicysChoice(t *testing.T) {
	b := newBench(t, SignInConfig{})
	b.in(b.dial(), wire.Credential{New: goodPassword})
	b.in(b.dial(), wire.Credential{Password: goodPassword})
	b.configure(SignInConfig{SecondFactor: true, Cost: cheap})
	s := b.dial()
	offer := b.try(s, wire.Credential{Password: goodPassword})
	if offer.Need != wire.NeedSecond {
		t.Fatalf("need %d", offer.Need)
	}
	b.try(s, wire.Credential{Code: b.code(offer.Second.Secret)})
	b.in(s, wire.Credential{})
	b.pass(time.Minute)
	b.configure(SignInConfig{Cost: cheap}) // who has one goes on using it
	if next := b.try(b.dial(), wire.Credential{Password: goodPassword}); next.Need != wire.NeedCode {
		t.Errorf("need %d", next.Need)
	}
}

func TestWhatIsWrongIsNotTold(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	wrong := wire.Credential{Password: otherPassword, Code: b.code(secret)}
	answers := []wire.SignIn{
		b.try(b.dial(), wrong),
		b.try(b.dial(), wire.Credential{Password: goodPassword, Code: "000000x"}),
		b.try(b.dial(), wire.Credential{Password: goodPassword, Code: strings.Repeat("A", 24)}),
	}
	for _, a := range answers {
		if diff := cmp.Diff(answers[0], a); diff != "" || a.Trouble != wire.TroubleWrong || a.Need != wire.NeedPassword {
			t.Errorf("answers differ, or say too much: need %d, trouble %d", a.Need, a.Trouble)
		}
	}
	// Without a code, a right password is told: the code comes next, and is asked for again when it is wrong.
	s := b.dial()
	if next := b.try(s, wire.Credential{Password: goodPassword}); next.Need != wire.NeedCode || next.Trouble != wire.TroubleNone {
		t.Errorf("need %d, trouble %d", next.Need, next.Trouble)
	}
	if next := b.try(s, wire.Credential{Code: "12345"}); next.Need != wire.NeedCode || next.Trouble != wire.TroubleWrong {
		t.Errorf("need %d, trouble %d", next.Need, next.Trouble)
	}
	b.in(s, wire.Credential{Code: b.code(secret)})
}

func TestACodeIsAcceptedOnceAlsoAcrossRestarts(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	code := b.code(secret)
	b.in(b.dial(), wire.Credential{Password: goodPassword, Code: code})
	b.restart()
	start := b.mark()
	s := b.dial()
	if used := b.try(s, wire.Credential{Password: goodPassword, Code: code}); used.Trouble != wire.TroubleUsed || used.Wait != 0 {
		t.Errorf("trouble %d, wait %d", used.Trouble, used.Wait)
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.refused used"}) {
		t.Error(acts)
	}
	b.pass(stepSeconds * time.Second)
	b.in(s, wire.Credential{Code: b.code(secret)})
}

func TestACodeIsGoodForOneStepAroundItsTimeAndNeverTwice(t *testing.T) {
	offer := second{Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"} // fixed: two codes of a random one may be the same
	base := time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		s, accepted := offer, map[uint64]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "tries") {
			clock := base.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "clock")) * time.Second)
			made := base.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "made")) * time.Second)
			code, err := totp.GenerateCode(s.Secret, made)
			if err != nil {
				t.Fatal(err)
			}
			step, how := s.fit(code, clock)
			near := made.Unix()/30-clock.Unix()/30 >= -1 && made.Unix()/30-clock.Unix()/30 <= 1
			switch {
			case (how != fitsNot) != near:
				t.Fatalf("a code made at %v, looked at at %v: %d", made, clock, how)
			case how == fits && accepted[step]:
				t.Fatal("a step was accepted twice")
			case how == fits:
				accepted[step], s.Step = true, step
			}
		}
	})
}

func TestARecoveryCodeWorksOnce(t *testing.T) {
	b := newBench(t, strict)
	_, codes := b.setUp()
	for i, code := range codes[:9] {
		typed := []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", " ")}[i%3]
		b.in(b.dial(), wire.Credential{Password: goodPassword, Code: typed})
		if again := b.try(b.dial(), wire.Credential{Password: goodPassword, Code: code}); again.Trouble != wire.TroubleWrong {
			t.Fatalf("code %d again: trouble %d", i, again.Trouble)
		}
	}
	// After the last one there are others, before anybody is in.
	s := b.dial()
	next := b.try(s, wire.Credential{Password: goodPassword, Code: codes[9]})
	if next.Need != wire.NeedKept || len(next.Recovery) != 10 {
		t.Fatalf("need %d, %d codes", next.Need, len(next.Recovery))
	}
	start := b.mark()
	b.in(s, wire.Credential{})
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.recovery-kept", "sign-in.done recovery"}) {
		t.Error(acts)
	}
}

func TestFailuresDelayEachFurtherOneAndNeverForGood(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	s := b.r.NewSignIn(b.device, b.person, nil, "") // no address: the account alone
	wrong := wire.Credential{Password: otherPassword}
	var waits []int
	for range 14 {
		waits = append(waits, b.try(s, wrong).Wait)
		if w := waits[len(waits)-1]; w > 0 {
			b.pass(time.Duration(w)*time.Second - time.Millisecond)
			// Even the right password is not looked at, wherever it comes from, and whatever restarts.
			b.restart()
			s = b.r.NewSignIn(b.device, b.person, nil, "")
			if early := b.try(s, wire.Credential{Password: goodPassword, Code: b.code(secret)}); early.Trouble != wire.TroubleBusy || early.Wait != 1 {
				t.Fatalf("looked at too early: trouble %d, wait %d", early.Trouble, early.Wait)
			}
			b.pass(time.Millisecond)
		}
	}
	if want := []int{0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900, 900, 900}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	b.in(s, wire.Credential{Password: goodPassword, Code: b.code(secret)})
	if first := b.try(b.dial(), wrong); first.Wait != 0 {
		t.Error("the failures before a success still count")
	}
}

func TestFailuresOfAnAddressDelayThatAddressForAWhile(t *testing.T) {
	b := newBench(t, strict)
	var people []*SignIn
	for i, name := range []string{"Ada One", "Ben Two", "Cleo Three", "Dan Four", "Eva Five", "Finn Six"} {
		p := b.hire(name, inbox.Agent)
		people = append(people, b.r.NewSignIn(b.enrol(p), p, nil, fmt.Sprintf("198.51.100.9:%d", 50000+i)))
	}
	wait := 0
	for _, s := range people[:5] { // one failure each
		wait = b.try(s, wire.Credential{Password: otherPassword}).Wait
	}
	if wait != 15 {
		t.Fatalf("wait %d", wait)
	}
	if next := b.try(people[5], wire.Credential{New: goodPassword}); next.Trouble != wire.TroubleBusy || next.Wait != 15 {
		t.Errorf("trouble %d, wait %d", next.Trouble, next.Wait)
	}
	if elsewhere := b.try(b.dial(), wire.Credential{New: goodPassword}); elsewhere.Need != wire.NeedSecond {
		t.Error("another address waits too")
	}
	b.pass(15 * time.Second)
	if next := b.try(people[5], wire.Credential{New: goodPassword}); next.Need != wire.NeedSecond {
		t.Errorf("trouble %d", next.Trouble)
	}
	rapid.Check(t, func(t *rapid.T) { // it is never longer than a minute, and the memory of addresses has an end
		now := time.Unix(1_800_000_000, 0)
		d := newDoor(func() time.Time { return now })
		for range rapid.IntRange(1, 200).Draw(t, "failures") {
			if w := d.failed("198.51.100.9", addressDelay); w > addressDelay {
				t.Fatalf("waits %v", w)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "pause")) * time.Second)
		}
		now = now.Add(addressDelay)
		if d.wait("198.51.100.9") != 0 {
			t.Fatal("waits for good")
		}
	})
	d := newDoor(func() time.Time { return *b.now })
	for i := range 3 * addressesKept {
		d.failed(string(rune('a'+i%26))+time.Duration(i).String(), addressDelay)
	}
	if len(d.from) > addressesKept {
		t.Errorf("%d addresses are kept", len(d.from))
	}
}

func TestAddressesThatCountTogether(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "192.0.2.7:443": "192.0.2.7", "[::ffff:192.0.2.7]:443": "192.0.2.7", "": "", "pipe": "pipe",
		"[2001:db8:1:2:3:4:5:6]:443": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "[fe80::1%eth0]:443": "fe80::/64",
	} {
		if got := place(from); got != want {
			t.Errorf("%q counts as %q, want %q", from, got, want)
		}
	}
}

func TestOneAttemptOfAPersonAtATime(t *testing.T) {
	b := newBench(t, SignInConfig{})
	b.in(b.dial(), wire.Credential{New: goodPassword})
	inside, let := make(chan struct{}), make(chan struct{})
	b.r.hash.ran = func() { inside <- struct{}{}; <-let }
	first, second := b.dial(), b.dial()
	done := make(chan error, 1)
	go func() {
		_, _, err := first.Try(t.Context(), wire.Credential{Password: otherPassword})
		done <- err
	}()
	<-inside
	if busy := b.try(second, wire.Credential{Password: otherPassword}); busy.Trouble != wire.TroubleBusy || busy.Wait != 1 {
		t.Errorf("trouble %d, wait %d", busy.Trouble, busy.Wait)
	}
	close(let)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTwoPasswordsAtOnceEightWaitAndTheRestIsToldToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(cheap)
		inside, let := make(chan struct{}, 16), make(chan struct{})
		h.ran = func() { inside <- struct{}{}; <-let }
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := h.make(t.Context(), goodPassword, 1); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if len(inside) != 2 {
			t.Errorf("%d at once", len(inside))
		}
		if _, err := h.make(t.Context(), goodPassword, 1); !errors.Is(err, errBusy) {
			t.Error(err)
		}
		close(let)
		all.Wait()
		if _, err := h.make(t.Context(), goodPassword, 1); err != nil || len(inside) != 11 {
			t.Errorf("%d were hashed: %v", len(inside), err)
		}
	})
	b := newBench(t, SignInConfig{})
	for range cap(b.r.hash.inside) {
		b.r.hash.inside <- struct{}{}
	}
	s := b.dial()
	if busy := b.try(s, wire.Credential{New: goodPassword}); busy.Trouble != wire.TroubleBusy || busy.Wait != 5 || busy.Need != wire.NeedNew {
		t.Errorf("trouble %d, wait %d, need %d", busy.Trouble, busy.Wait, busy.Need)
	}
	<-b.r.hash.inside
	b.in(s, wire.Credential{New: goodPassword})
}

func TestEveryLookAtAPasswordCostsTheSame(t *testing.T) {
	b := newBench(t, strict)
	gone := b.hire("Gone Person", inbox.Agent)
	goneDevice := b.enrol(gone)
	left := b.r.NewSignIn(goneDevice, gone, nil, "")
	if _, err := b.r.Leave(t.Context(), By{}, gone.ID); err != nil {
		t.Fatal(err)
	}
	with := b.hire("With Password", inbox.Agent)
	withDevice := b.enrol(with)
	b.try(b.r.NewSignIn(withDevice, with, nil, ""), wire.Credential{New: goodPassword})
	stranger := inbox.Person{ID: inbox.NewID[inbox.PersonID]()}
	hashes := 0
	b.r.hash.ran = func() { hashes++ }
	for name, s := range map[string]*SignIn{
		"with a password": b.r.NewSignIn(withDevice, with, nil, ""),
		"without one":     b.r.NewSignIn(b.device, b.person, nil, ""),
		"left":            left,
		"unknown":         b.r.NewSignIn(b.device, stranger, nil, ""),
		"not the owner":   b.r.NewSignIn(b.device, with, nil, ""),
	} {
		hashes = 0
		if next := b.try(s, wire.Credential{Password: otherPassword}); hashes != 1 || next.Trouble != wire.TroubleWrong {
			t.Errorf("%s: %d hashes, trouble %d", name, hashes, next.Trouble)
		}
	}
	if next := b.try(b.r.NewSignIn(b.device, with, nil, ""), wire.Credential{Password: goodPassword}); next.Trouble != wire.TroubleWrong {
		t.Error("a person signs in on somebody else's device")
	}
	if next := b.ask(left); next.Need != wire.NeedPassword {
		t.Errorf("who has left is asked for %d", next.Need)
	}
	if next := b.try(left, wire.Credential{New: goodPassword}); next.Trouble != wire.TroubleWrong {
		t.Errorf("who has left chooses a password: trouble %d", next.Trouble)
	}
}

func TestAPasswordIsKeptAsArgon2idOfItsNormalForm(t *testing.T) {
	if DefaultCost != (Cost{Time: 3, Memory: 64 << 10, Threads: 1}) {
		t.Error("not the cost that was agreed")
	}
	h := newHasher(DefaultCost)
	composed, apart := "crème brûlée 1794", norm.NFD.String("crème brûlée 1794")
	p, err := h.make(t.Context(), apart, 1)
	if err != nil || len(p.Salt) != 16 || string(p.Hash) != string(argon2.IDKey([]byte(composed), p.Salt, 3, 64<<10, 1, 32)) {
		t.Fatalf("not argon2id of the composed form: %v", err)
	}
	if right, err := h.is(t.Context(), p, composed); err != nil || !right {
		t.Error("the same password, typed on another keyboard, is not taken")
	}
	if right, err := h.is(t.Context(), nil, ""); err != nil || right {
		t.Error("no password is a password")
	}
}

func TestResetsByITAreTakenUpAtTheNextSignIn(t *testing.T) {
	b := newBench(t, strict)
	secret, codes := b.setUp()
	it := By{Person: b.hire("Ines Admin", inbox.ITAdmin).ID, Device: "d"}
	start := b.mark()
	ended, err := b.r.Reset(t.Context(), it, b.person.ID, true, false)
	if err != nil || !slices.Equal(ended, []inbox.DeviceID{b.device.ID}) {
		t.Fatal(ended, err)
	}
	if _, live := b.live(b.device.ID); live {
		t.Error("still signed in")
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.password-reset", "session.ended reset"}) {
		t.Error(acts)
	}
	// Whoever has the device may not take the account over with it: the second factor stays.
	s := b.dial()
	if next := b.try(s, wire.Credential{New: otherPassword}); next.Need != wire.NeedCode {
		t.Fatalf("need %d", next.Need)
	}
	if a, err := b.r.Account(t.Context(), b.person.ID); err != nil || a.Password || !a.Second {
		t.Errorf("the password is set before the code was shown: %v", err)
	}
	b.try(s, wire.Credential{Code: "123"})
	b.in(s, wire.Credential{Code: b.code(secret)})
	b.pass(stepSeconds * time.Second)
	if next := b.try(b.dial(), wire.Credential{Password: goodPassword, Code: b.code(secret)}); next.Trouble != wire.TroubleWrong {
		t.Error("the old password is taken")
	}
	// A second factor anew: the old one and its recovery codes are worth nothing.
	if _, err := b.r.Reset(t.Context(), it, b.person.ID, false, true); err != nil {
		t.Fatal(err)
	}
	if a, err := b.r.Account(t.Context(), b.person.ID); err != nil || !a.Password || a.Second || a.Recovery != 0 {
		t.Errorf("something of the second factor is left: %v", err)
	}
	s = b.dial()
	next := b.try(s, wire.Credential{Password: otherPassword, Code: codes[0]})
	if next.Need != wire.NeedSecond || next.Second.Secret == secret {
		t.Fatalf("need %d", next.Need)
	}
	// And one reset while it is being set up does not go through.
	if _, err := b.r.Reset(t.Context(), it, b.person.ID, true, true); err != nil {
		t.Fatal(err)
	}
	if next := b.try(s, wire.Credential{Code: b.code(next.Second.Secret)}); next.Trouble != wire.TroubleWrong || next.Need != wire.NeedNew {
		t.Errorf("need %d, trouble %d", next.Need, next.Trouble)
	}
	if _, err := b.r.Reset(t.Context(), it, "nobody", true, true); !errors.Is(err, ErrNoPerson) {
		t.Error(err)
	}
}

func TestAPasswordShownBeforeItWasResetCountsNoMore(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	early := b.dial()
	if next := b.try(early, wire.Credential{Password: goodPassword}); next.Need != wire.NeedCode {
		t.Fatalf("need %d", next.Need)
	}
	if _, err := b.r.Reset(t.Context(), By{}, b.person.ID, true, false); err != nil {
		t.Fatal(err)
	}
	b.in(b.dial(), wire.Credential{New: otherPassword, Code: b.code(secret)})
	b.pass(stepSeconds * time.Second)
	if next := b.try(early, wire.Credential{Code: b.code(secret)}); next.Trouble != wire.TroubleWrong || next.Need != wire.NeedPassword {
		t.Errorf("need %d, trouble %d", next.Need, next.Trouble)
	}
}

func TestAPasswordShownLongAgoIsShownAgain(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	s := b.r.NewStepUp(b.device, b.person, nil, "")
	b.try(s, wire.Credential{Password: goodPassword})
	b.pass(wire.SignInTimeout + time.Second)
	if next := b.try(s, wire.Credential{Code: b.code(secret)}); next.Need != wire.NeedPassword || next.Trouble != wire.TroubleWrong {
		t.Errorf("need %d, trouble %d", next.Need, next.Trouble)
	}
	b.in(s, wire.Credential{Password: goodPassword, Code: b.code(secret)})
}

func TestAPasswordIsChangedByWhoShowsTheOldOne(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	s := b.r.NewStepUp(b.device, b.person, nil, "")
	if weak := b.try(s, wire.Credential{Password: goodPassword, Code: b.code(secret), New: "tobias brandt 77"}); weak.Trouble != wire.TroubleWeak || weak.Need != wire.NeedPassword {
		t.Errorf("trouble %d, need %d", weak.Trouble, weak.Need)
	}
	b.in(s, wire.Credential{Password: goodPassword, Code: b.code(secret), New: otherPassword})
	b.pass(stepSeconds * time.Second)
	b.in(b.dial(), wire.Credential{Password: otherPassword, Code: b.code(secret)})
}

func TestAStepUpMakesASessionFreshAndNoLonger(t *testing.T) {
	b := newBench(t, strict)
	secret, _ := b.setUp()
	before, _ := b.live(b.device.ID)
	b.pass(time.Hour)
	s := b.r.NewStepUp(b.device, b.person, nil, "")
	if next, done, err := s.Try(t.Context(), wire.Credential{Begin: true}); err != nil || done || next.Need != wire.NeedPassword {
		t.Fatal(next.Need, done, err)
	}
	start := b.mark()
	b.try(s, wire.Credential{Password: otherPassword, Code: b.code(secret)})
	want := before
	want.Fresh = inbox.At(*b.now).Add(5 * time.Minute)
	if got := b.in(s, wire.Credential{Password: goodPassword, Code: b.code(secret)}); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"step-up.refused password", "step-up.done password"}) {
		t.Error(acts)
	}
	// Near its end a session is not fresh for longer than it lives.
	*b.now = before.Until.Time().Add(-time.Minute)
	if got := b.in(b.r.NewStepUp(b.device, b.person, nil, ""), wire.Credential{Password: goodPassword, Code: b.code(secret)}); got.Fresh != before.Until || got.Until != before.Until {
		t.Error("a step-up outlives its session, or prolongs it")
	}
	b.pass(2 * time.Minute)
	if _, live := b.live(b.device.ID); live {
		t.Error("the session outlives its twelve hours")
	}
	if _, _, err := b.r.NewStepUp(b.device, b.person, nil, "").Try(t.Context(), wire.Credential{Password: goodPassword, Code: b.code(secret)}); !errors.Is(err, ErrSignedOut) {
		t.Error(err)
	}
	if a, _ := b.r.Account(t.Context(), b.person.ID); a.Failures != 0 {
		t.Error("that counts as a failure")
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	b := newBench(t, strict)
	for name, c := range map[string]SignInConfig{
		"a session for a week":      {Session: 7 * 24 * time.Hour},
		"fresh for an hour":         {Fresh: time.Hour},
		"a hash that costs nothing": {Cost: Cost{Memory: 64}},
		"a sign-on without TLS":     {OIDC: &OIDCConfig{Issuer: "http://login.example.com", Client: "c"}},
		"a sign-on without address": {OIDC: &OIDCConfig{Client: "c"}},
		"a sign-on without client":  {OIDC: &OIDCConfig{Issuer: "https://login.example.com"}},
	} {
		if err := b.r.Configure(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
