package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/ui/kit"
)

var byPassword = []SignInWay{ByPassword}

// asking is a company whose gate asks.
func asking(list ...SignIn) *memory {
	m := company()
	for i := range list {
		list[i].Name = "Katja Moor"
		if list[i].Ways == nil {
			list[i].Ways = byPassword
		}
	}
	m.openErr = TroubleSignIn
	m.gate.asks = list
	return m
}

func secondFactor() *SecondFactor {
	return &SecondFactor{URL: "otpauth://totp/Sealdesk:Katja%20Moor?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sealdesk", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
}

func recoveryCodes() []string {
	var out []string
	for _, a := range "ABCDEFGHJK" {
		out = append(out, strings.ReplaceAll("XXXX-XXXX-XXXX-XXXX-XXXX-XXXX", "X", string(a)))
	}
	return out
}

func TestTheGateLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     Settings
		w, h  float32
		asked []SignIn
		do    func(g *stage)
	}{
		{"password", Settings{}, 820, 560, []SignIn{{}}, nil},
		{"password-both-de", Settings{Theme: "dark", Language: "de"}, 1100, 700, []SignIn{{Ways: []SignInWay{ByPassword, ByBrowser}, Trouble: SignInWrong}}, nil},
		{"password-shown-it", Settings{Language: "it"}, 820, 560, []SignIn{{}}, func(g *stage) {
			g.typeText("cavallo batteria graffetta")
			test.Tap(kit.Find(g.win.Canvas().Content(), "Mostra ciò che scrivi").(fyne.Tappable))
		}},
		{"wait", Settings{}, 820, 560, []SignIn{{Trouble: SignInWrong, Next: noon.Add(28 * time.Second)}}, nil},
		{"code-de", Settings{Language: "de"}, 820, 560, []SignIn{{Need: NeedCode, Trouble: SignInWrong}}, nil},
		{"recovery-large", Settings{TextSize: 130, Theme: "dark"}, 820, 560, []SignIn{{Need: NeedCode}}, func(g *stage) {
			test.Tap(kit.Find(g.win.Canvas().Content(), "Use a recovery code").(fyne.Tappable))
		}},
		{"new", Settings{}, 820, 600, []SignIn{{Need: NeedNew, Trouble: SignInWeak}}, func(g *stage) { g.typeText("short one") }},
		{"second", Settings{}, 820, 560, []SignIn{{Need: NeedSecond, Second: secondFactor()}}, nil},
		{"second-dark-de", Settings{Theme: "dark", Language: "de"}, 1440, 860, []SignIn{{Need: NeedSecond, Second: secondFactor()}}, nil},
		{"second-large-it", Settings{TextSize: 130, Language: "it"}, 820, 640, []SignIn{{Need: NeedSecond, Second: secondFactor()}}, nil},
		{"kept", Settings{}, 820, 600, []SignIn{{Need: NeedKept, Recovery: recoveryCodes()}}, nil},
		{"kept-dark-de", Settings{Theme: "dark", Language: "de"}, 820, 600, []SignIn{{Need: NeedKept, Recovery: recoveryCodes()}}, nil},
		{"kept-large-de", Settings{Theme: "dark", Language: "de", TextSize: 130}, 1100, 760, []SignIn{{Need: NeedKept, Recovery: recoveryCodes()}}, nil},
		{"browser", Settings{}, 820, 560, []SignIn{{Ways: []SignInWay{ByBrowser}}}, nil},
		{"down-de", Settings{Language: "de"}, 820, 560, nil, func(g *stage) {
			g.m.gate.mu.Lock()
			g.m.gate.link = Link{State: LinkUnreachable}
			g.m.gate.mu.Unlock()
			g.m.poke()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := asking(c.asked...)
			if len(c.asked) == 0 {
				m.gate.link = Link{State: LinkConnecting}
			}
			g := newStage(t, m, c.s, c.w, c.h)
			g.heard("sign-in shown")
			g.rest()
			if c.do != nil {
				c.do(g)
				g.rest()
			}
			g.picture("gate-" + c.name)
		})
	}
	t.Run("browsing", func(t *testing.T) {
		m := asking(SignIn{Ways: []SignInWay{ByPassword, ByBrowser}})
		m.gate.browse = func(ctx context.Context, open func(string) error) error { <-ctx.Done(); return ctx.Err() }
		g := newStage(t, m, Settings{Theme: "dark"}, 820, 560)
		g.heard("sign-in shown")
		g.rest()
		test.Tap(kit.Find(g.win.Canvas().Content(), "Continue in the browser").(fyne.Tappable))
		g.heard("browser shown")
		g.picture("gate-browsing")
		g.press(fyne.KeyReturn, 0) // Cancel has the keyboard
		g.wantShown("Password")
		if !g.shows("Continue in the browser") || g.shows("did not get through") {
			t.Errorf("giving the browser up is no failure: %v", g.texts())
		}
	})
}

func TestRecoveryCodesAreWholeAtEverySize(t *testing.T) {
	for _, size := range []int{80, 100, 130, 200} {
		g := newStage(t, asking(SignIn{Need: NeedKept, Recovery: recoveryCodes()}), Settings{TextSize: size}, 820, 560)
		g.heard("sign-in shown")
		g.rest()
		for _, c := range recoveryCodes() {
			if !g.shows(c) {
				t.Errorf("at %d %%: %s is not whole", size, c)
			}
		}
	}
}

func TestShortMessagesStandClearOfTheWayOnOfACard(t *testing.T) {
	for _, size := range []fyne.Size{{Width: 820, Height: 560}, {Width: 1100, Height: 700}, {Width: 1440, Height: 900}} {
		for _, text := range []int{100, 130} {
			g := newStage(t, asking(SignIn{Need: NeedKept, Recovery: recoveryCodes()}), Settings{TextSize: text, Language: "de"}, size.Width, size.Height)
			g.heard("sign-in shown")
			g.rest()
			test.Tap(kit.Find(g.win.Canvas().Content(), "Alle kopieren").(fyne.Tappable))
			toast := kit.Find(g.win.Canvas().Content(), word("toast.copied.plain"))
			if toast == nil || !toast.Visible() {
				t.Fatal("no message")
			}
			if text == 130 && size.Width == 1100 {
				g.picture("gate-kept-copied-large-de")
			}
			d := g.app.Driver()
			top, end := d.AbsolutePositionForObject(toast).Y, d.AbsolutePositionForObject(toast).Y+toast.Size().Height
			on := g.ui.gate.form.button
			if at := d.AbsolutePositionForObject(on).Y; top < 0 || end > at && top < at+on.Size().Height {
				t.Errorf("%v at %d %%: the message from %v to %v, the way on at %v", size, text, top, end, at)
			}
		}
	}
}

func TestAPersonSignsInForTheFirstTimeByKeyboardAlone(t *testing.T) {
	m := asking(SignIn{Need: NeedNew}, SignIn{Need: NeedSecond, Second: secondFactor()}, SignIn{Need: NeedKept, Recovery: recoveryCodes()})
	var saved string
	g := newStageWith(t, m, Settings{EnterSends: true}, 1280, 800, func(c *Config) {
		c.Save = func(name string, data []byte, done func(bool, error)) {
			saved = name + "\n" + string(data)
			done(true, nil)
		}
	})
	g.heard("sign-in shown")
	g.wantShown("Choose a password")
	g.typeText("four words")
	g.press(fyne.KeyReturn, 0)
	g.typeText("four words")
	g.press(fyne.KeyReturn, 0)
	g.rest()
	if n := len(m.gate.credentials()); n != 0 {
		t.Fatalf("a password of ten characters was sent, %d times", n)
	}
	f := g.ui.gate.form
	f.password.SetText("four unrelated words")
	f.repeat.SetText("four unrelated words")
	g.win.Canvas().Focus(f.repeat.Input())
	g.press(fyne.KeyReturn, 0)
	g.wantShown("Set up your second factor")
	g.wantShown("JBSW Y3DP")
	g.typeText("123 456") // as apps print it
	g.wantShown("Keep these recovery codes")
	test.Tap(kit.Find(g.win.Canvas().Content(), "Save for printing…").(fyne.Tappable))
	for _, c := range recoveryCodes() {
		if !strings.Contains(saved, "[ ]  "+c) {
			t.Errorf("the file lacks a code:\n%s", saved)
		}
	}
	if !strings.HasPrefix(saved, "recovery-codes.txt\n") {
		t.Errorf("the file is called %q", saved)
	}
	test.Tap(kit.Find(g.win.Canvas().Content(), "Copy all").(fyne.Tappable))
	if got := g.app.Clipboard().Content(); got != strings.Join(recoveryCodes(), "\n") {
		t.Errorf("copied %q", got)
	}
	g.ui.gate.form.focus()
	g.press(fyne.KeyReturn, 0)
	g.heard("signed in")
	g.heard("inbox shown")
	got := m.gate.credentials()
	want := []Credential{{New: "four unrelated words"}, {Code: "123456"}, {}}
	if len(got) != len(want) {
		t.Fatalf("%d credentials", len(got))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("credential %d is another one", i)
		}
	}
	if raced {
		return // the rest looks through memory others work in
	}
	m.gate.shown = nil // what the other end remembers is not looked for
	if found := traces(g.ui, "four unrelated words"); len(found) > 0 {
		t.Errorf("the password stays at %v", found)
	}
}

func TestThePasswordGoesBesideTheCode(t *testing.T) {
	m := asking(SignIn{}, SignIn{Need: NeedCode}, SignIn{Need: NeedCode, Trouble: SignInWrong})
	g := newStage(t, m, Settings{}, 1000, 700)
	g.wantShown("Password")
	g.press(fyne.KeyReturn, 0) // nothing typed: nothing sent
	g.typeText("correct horse battery")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("The password is right")
	g.typeText("000000")
	g.wantShown("That code is not right")
	if g.ui.gate.form.code.Text() != "" {
		t.Error("a wrong code is still in the field")
	}
	test.Tap(kit.Find(g.win.Canvas().Content(), "Use a recovery code").(fyne.Tappable))
	g.typeText("AAAA-BBBB")
	g.press(fyne.KeyReturn, 0)
	g.heard("inbox shown")
	got := m.gate.credentials()
	want := []Credential{{Password: "correct horse battery"}, {Password: "correct horse battery", Code: "000000"}, {Password: "correct horse battery", Code: "AAAA-BBBB"}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Error("other credentials were shown")
	}
}

func TestAfterFailuresTheButtonWaitsAndCountsDown(t *testing.T) {
	m := asking(SignIn{Trouble: SignInWrong, Next: noon.Add(3 * time.Second)})
	g := newStage(t, m, Settings{}, 820, 560)
	g.wantShown("try again in 0:03")
	g.typeText("correct horse battery")
	g.press(fyne.KeyReturn, 0)
	g.rest()
	if len(m.gate.credentials()) != 0 {
		t.Error("it was tried before its time")
	}
	for range 3 {
		g.pass(time.Second)
		g.rest()
	}
	if g.shows("try again in") {
		t.Errorf("still waiting: %v", g.texts())
	}
	g.press(fyne.KeyReturn, 0)
	g.heard("inbox shown")
}

func TestTheCountdownRunsOnWhenTheSameQuestionIsLookedAtAgain(t *testing.T) {
	m := asking(SignIn{Trouble: SignInWrong, Next: noon.Add(20 * time.Second)})
	g := newStage(t, m, Settings{}, 820, 560)
	g.wantShown("try again in 0:20")
	g.advance(5 * time.Second)
	g.wantShown("try again in 0:15")
	m.gate.ask(SignIn{Name: "Katja Moor", Ways: byPassword, Trouble: SignInWrong, Next: g.clock().Add(20 * time.Second)}) // counted from when it was read
	g.rest()
	if !g.shows("try again in 0:15") {
		t.Errorf("on screen: %v", g.texts())
	}
}

func TestAGateThatIsShutForGoodLeadsToThePageThatSaysWhy(t *testing.T) {
	m := asking(SignIn{})
	g := newStage(t, m, Settings{}, 820, 560)
	g.wantShown("Password")
	m.gate.mu.Lock()
	m.gate.asks, m.gate.link = nil, Link{State: LinkRevoked}
	m.gate.mu.Unlock()
	m.tell(func() { m.openErr = TroubleRevoked })
	g.wantShown("This device was excluded")
	if g.said("signed in") {
		t.Error("nobody signed in")
	}
}

func TestAnUnreachableServerSaysWhatIsSafeAndGoesOnByItself(t *testing.T) {
	m := asking(SignIn{})
	m.gate.asks, m.gate.link = nil, Link{State: LinkUnreachable}
	g := newStage(t, m, Settings{}, 820, 560)
	g.wantShown("Nothing is lost")
	m.gate.mu.Lock()
	m.gate.link = Link{State: LinkOnline}
	m.gate.asks = []SignIn{{Name: "Katja Moor", Ways: byPassword}}
	m.gate.mu.Unlock()
	m.poke()
	g.wantShown("Password")
}

func TestTheBrowserIsOpenedAtTheCompanysAddressOnly(t *testing.T) {
	for address, want := range map[string]error{"https://sso.company.example/authorize": nil, "file:///etc/passwd": errNoBrowser, "javascript:alert(1)": errNoBrowser, "::": errNoBrowser} {
		m := asking(SignIn{Ways: []SignInWay{ByBrowser}})
		said := make(chan error, 1)
		m.gate.browse = func(_ context.Context, open func(string) error) error {
			err := open(address)
			said <- err
			if err == nil {
				m.gate.next()
			}
			return err
		}
		g := newStage(t, m, Settings{}, 820, 560)
		g.wantShown("Continue in the browser")
		g.press(fyne.KeyReturn, 0)
		var err error
		g.until("the browser was asked", func() bool {
			select {
			case err = <-said:
				return true
			default:
				return false
			}
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", address, err)
		}
		if want == nil {
			g.heard("inbox shown")
		} else {
			g.wantShown("could not be opened")
		}
	}
}

func TestEveryTroubleOfASignInHasWordsOfItsOwn(t *testing.T) {
	english(t)
	seen := map[string]bool{}
	for _, x := range []SignInTrouble{SignInWrong, SignInWeak, SignInBusy, SignInBrowser, SignInOther, SignInUsed} {
		text, _ := signInProblem(x, SignInPass, NeedPassword)
		if text == "" || seen[text] {
			t.Errorf("trouble %d: %q", x, text)
		}
		seen[text] = true
	}
	for s := LinkConnecting; s <= LinkRewritten; s++ {
		if linkWord(s) == "" {
			t.Errorf("state %d has no name for the trace", s)
		}
	}
	for x := TroubleUnknown; x <= TroubleNotAdmitted; x++ {
		if troubleNames[x] == "" {
			t.Errorf("trouble %d has no name", x)
		}
		if v := startView(x); v.Title == "" || v.Text == "" || strings.Contains(v.Title, ".title") {
			t.Errorf("%v: %+v", x, v)
		}
	}
	for _, s := range []any{SignIn{Recovery: []string{"AAAA"}}, Credential{Password: "AAAA"}, SecondFactor{Secret: "AAAA"}} {
		if got := strings.ToUpper(fmt.Sprintf("%v %+v %#v", s, s, s)); strings.Contains(got, "AAAA") {
			t.Errorf("%T prints %s", s, got)
		}
	}
}
