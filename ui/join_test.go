package ui

import (
	"context"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// joining is a machine whose policy names the server, before anybody is there.
func joining(t *testing.T, m *memory, s Settings) *stage {
	t.Helper()
	m.openErr = TroubleNotEnrolled
	policy := policied(true)
	policy.Server = &KnownServer{Address: "inbox.company.example:443", Pins: []string{"3F:9A…C1"}}
	g := newPolicyStage(t, m, policy, s, 820, 720).g
	g.heard("join shown")
	return g
}

func TestWhereThePolicyNamesTheServerAPersonOnlySignsIn(t *testing.T) {
	m := company()
	m.gate.asks = []SignIn{{Ways: []SignInWay{ByPassword, ByPasskey}}, {Ways: []SignInWay{ByPassword, ByPasskey}, Need: NeedCode}}
	g := joining(t, m, Settings{})
	g.wantShown("Nordlicht GmbH")
	g.wantShown("Sign in to make this device yours.")
	g.rest()
	g.picture("join")
	g.typeText("Katja Moor")
	g.press(fyne.KeyReturn, 0)
	g.typeText("correct horse battery")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("Type the six digits your app shows now.")
	g.typeText("123456")
	g.heard("inbox shown")
	want := []Credential{{Name: "Katja Moor", Password: "correct horse battery"}, {Name: "Katja Moor", Password: "correct horse battery", Code: "123456"}}
	if got := m.gate.credentials(); !slices.Equal(got, want) {
		t.Errorf("%d answers, or not those", len(got))
	}
}

func TestAServerThatWantsACodeGetsOne(t *testing.T) {
	m := company()
	m.joinErr = TroubleCodeNeeded
	g := joining(t, m, Settings{})
	g.heard("enrol shown")
	g.wantShown("Enter the code")

	m = company()
	m.joinErr = TroubleUnreachable
	g = joining(t, m, Settings{Theme: "dark", Language: "de"})
	g.heard("enrol server unreachable")
	g.rest()
	g.picture("join-unreachable-dark-de")
	m.mu.Lock()
	m.joinErr = nil
	m.mu.Unlock()
	m.gate.ask(SignIn{Ways: byPassword})
	test.Tap(kit.Find(g.win.Canvas().Content(), "Erneut versuchen").(fyne.Tappable))
	g.wantShown("Melden Sie sich an")
}

func TestAPasskeyIsAWayOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		s     Settings
		asks  SignIn
		press string
	}{
		"passkey":         {Settings{}, SignIn{Name: "Katja Moor", Ways: []SignInWay{ByPasskey}}, "Use a passkey"},
		"passkey-beside":  {Settings{Theme: "dark", Language: "de"}, SignIn{Name: "Katja Moor", Ways: []SignInWay{ByPassword, ByPasskey}, Trouble: SignInPasskey}, "Passkey verwenden"},
		"passkey-code":    {Settings{Language: "it"}, SignIn{Name: "Katja Moor", Ways: []SignInWay{ByPassword, ByPasskey}, Need: NeedCode}, "Usa una passkey"},
		"passkey-make-de": {Settings{Language: "de"}, SignIn{Name: "Katja Moor", Ways: byPassword, Need: NeedPasskey}, "Browser öffnen"},
	} {
		m := asking(c.asks)
		m.gate.browse = func(ctx context.Context, open func(string) error) error { m.gate.next(); return nil }
		g := newStage(t, m, c.s, 820, 560)
		g.heard("sign-in shown")
		g.rest()
		g.picture("gate-" + name)
		test.Tap(kit.Find(g.win.Canvas().Content(), c.press).(fyne.Tappable))
		g.heard("inbox shown")
		m.gate.mu.Lock()
		if !slices.Equal(m.gate.ways, []SignInWay{ByPasskey}) {
			t.Errorf("%s: ways %v", name, m.gate.ways)
		}
		m.gate.mu.Unlock()
	}
}

// TestADecisionWaitsForAStepUp: a held message is decided once the person was just seen; who gives the dialog up has decided
// nothing.
func TestADecisionWaitsForAStepUp(t *testing.T) {
	for _, give := range []bool{false, true} {
		m := company()
		var fresh time.Time
		m.with = func(s *Session) { s.Fresh = func() time.Time { return fresh } }
		m.gate.answer = func(c Credential) error {
			if c.Begin {
				m.gate.ask(SignIn{Name: "Katja Moor", Ways: []SignInWay{ByPassword}})
				return nil
			}
			fresh = noon.Add(time.Hour)
			m.gate.ask()
			return nil
		}
		g := newStage(t, m, Settings{}, 1440, 860)
		g.heard("inbox shown")
		decided := func() (n int) {
			for _, i := range m.wishes() {
				if _, ok := i.Body.(inbox.DecideHeld); ok {
					n++
				}
			}
			return n
		}
		g.ui.desk.decide(DecisionView{ID: "m", Conversation: "k", Message: "held"}, true)
		g.heard("step-up shown")
		g.heard("sign-in answered")
		if !give {
			g.press(fyne.KeyEscape, 0)
			g.heard("step-up given up")
			if n := decided(); n != 0 {
				t.Errorf("%d decisions of nobody", n)
			}
			continue
		}
		g.typeText("correct horse battery")
		g.press(fyne.KeyReturn, 0)
		g.heard("held message decided")
		g.until("the decision", func() bool { return decided() == 1 })
		g.ui.desk.decide(DecisionView{ID: "n", Conversation: "k", Message: "held too"}, false) // at once, now
		g.until("the next", func() bool { return decided() == 2 })
	}
}
