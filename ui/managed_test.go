package ui

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/ui/kit"
)

func words3(en, de, it string) map[string]string {
	return map[string]string{"en": en, "de": de, "it": it}
}

// policied is a policy of some settings, as the client hands it to the screens.
func policied(set bool) Managed {
	const place = "/etc/sealdesk/policies.d/50-company.json"
	m := Managed{Settings: []ManagedSetting{
		{Title: words3("Address of the relay", "Adresse des Relays", "Indirizzo del relay"), Value: words3("https://inbox.company.example", "https://inbox.company.example", "https://inbox.company.example"),
			Help: words3("Where the company's relay is.", "Wo das Relay des Unternehmens ist.", "Dove si trova il relay dell'azienda."), Later: set},
		{Title: words3("Lock when nobody is there", "Sperren, wenn niemand da ist", "Blocco quando non c'è nessuno"), Value: 90 * time.Second,
			Help: words3("After how many seconds without a key, tap or movement the inbox locks. The shorter time counts.", "Nach wie vielen Sekunden ohne Taste, Berührung oder Bewegung der Posteingang gesperrt wird. Die kürzere Zeit gilt.", "Dopo quanti secondi la posta si blocca.")},
		{Title: words3("Keep the window out of screenshots", "Fenster aus Bildschirmfotos heraushalten", "Finestra esclusa dagli screenshot"), Value: true,
			Help: words3("Whether Windows is asked to leave the window out.", "Ob Windows gebeten wird, das Fenster auszulassen.", "Se si chiede a Windows di escludere la finestra."), Void: set},
		{Title: words3("Language", "Sprache", "Lingua"), Help: words3("The language of the window.", "Die Sprache des Fensters.", "La lingua della finestra."), Value: words3("Left to each person", "Bleibt jeder Person überlassen", "Lasciato a ciascuno")},
	}}
	for i := range 3 {
		m.Settings[i].Set = set
		if set {
			m.Settings[i].Origin = place
		}
	}
	return m
}

// policyOf is a stage whose policy the test changes.
type policyOf struct {
	g    *stage
	m    *memory
	now  Managed
	poke chan struct{}
}

func newPolicyStage(t *testing.T, m *memory, first Managed, s Settings, w, h float32) *policyOf {
	t.Helper()
	p := &policyOf{m: m, now: first, poke: make(chan struct{}, 1)}
	p.g = newStageWith(t, m, s, w, h, func(c *Config) {
		c.Managed = func() Managed {
			m.mu.Lock()
			defer m.mu.Unlock()
			return p.now
		}
		c.WatchManaged = func(context.Context) <-chan struct{} { return p.poke }
	})
	t.Cleanup(func() { close(p.poke) })
	return p
}

func (p *policyOf) set(m Managed) {
	p.m.mu.Lock()
	p.now = m
	p.m.mu.Unlock()
	p.poke <- struct{}{}
}

func TestThePageOfThePolicyLooksAsDesigned(t *testing.T) {
	all := policied(true)
	amiss := policied(true)
	amiss.Unknown = []string{"FromTheFuture"}
	amiss.Trouble = []string{"/etc/sealdesk/policies.d/50-company.json:3: IdleLockSeconds: 5 is outside 30 to 3600"}
	for _, c := range []struct {
		name string
		m    Managed
		s    Settings
		w, h float32
	}{
		{"light", all, Settings{}, 1000, 760},
		{"dark-de", all, Settings{Theme: "dark", Language: "de"}, 1000, 820},
		{"amiss-it", amiss, Settings{Language: "it", TextSize: 115}, 820, 560},
		{"empty", policied(false), Settings{}, 1000, 560},
		{"empty-dark-de", policied(false), Settings{Theme: "dark", Language: "de"}, 820, 560},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory() // the page is there before there is an inbox, too
			m.openErr = TroubleNotEnrolled
			p := newPolicyStage(t, m, c.m, c.s, c.w, c.h)
			p.g.heard("enrol shown")
			p.g.ui.showManaged()
			p.g.rest()
			p.g.picture("managed-" + c.name)
		})
	}
}

func TestABrokenPolicyKeepsTheInboxClosedAndSaysWhatIsSafeAndWhatToDo(t *testing.T) {
	problem := "/etc/sealdesk/policies.d/50-company.json:3: IdleLockSeconds: 5 is outside 30 to 3600"
	for name, s := range map[string]Settings{"light": {}, "dark-de": {Theme: "dark", Language: "de"}} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			m.openErr = TroublePolicy
			g := newStage(t, m, s, 820, 560)
			g.heard("start policy broken")
			g.ui.failed(BrokenPolicy{Problems: []string{problem, "b", "c"}})
			g.picture("start-policy-" + name)
			if !g.shows(problem) {
				t.Errorf("IT is not told: %v", g.texts())
			}
		})
	}
	m := company()
	m.openErr = TroublePolicy
	g := newStage(t, m, Settings{}, 820, 560)
	g.wantShown("Nothing is lost")
	m.mu.Lock()
	m.openErr = nil
	m.mu.Unlock()
	g.pass(6 * time.Second) // nobody touches anything
	g.heard("inbox shown")
}

func TestWhatTheCompanySetIsLockedInTheSettingsWithItsSource(t *testing.T) {
	m := policied(true)
	m.Rules = map[string]Rule{SettingLanguage: {Value: "de", Locked: true, Source: "/etc/sealdesk/policies.d/50-company.json"}, SettingNotify: {Value: settingOff, Locked: true}}
	closed := newMemory()
	closed.openErr = TroubleNotEnrolled
	p := newPolicyStage(t, closed, m, Settings{Language: "en", Notify: true, TextSize: 100}, 1100, 800)
	g := p.g
	g.heard("enrol shown")
	if g.ui.settings.Language != "de" || g.ui.settings.Notify {
		t.Fatalf("%+v", g.ui.settings)
	}
	g.ui.showSettings()
	g.rest()
	if !g.shows("50-company.json") || !g.shows("Von Ihrem Unternehmen verwaltet") {
		t.Errorf("on screen: %v", g.texts())
	}
	g.picture("settings-managed-de")
	p.set(policied(true))
	g.heard("policy changed")
	g.rest()
	if g.ui.settings.Language != "en" || !g.ui.settings.Notify {
		t.Errorf("what the company no longer sets is not the person's again: %+v", g.ui.settings)
	}
}

func TestAChangedPolicyTakesEffectAndTheStripSaysSo(t *testing.T) {
	first := policied(true)
	first.Settings[0].Later = false
	p := newPolicyStage(t, company(), first, Settings{EnterSends: true, Notify: true}, 1180, 760)
	g := p.g
	g.heard("inbox shown")
	g.rest()
	if g.shows("Your company changed") {
		t.Error("nothing changed yet")
	}
	next := policied(true)
	next.Settings[0].Later = false
	next.Settings[1].Value = time.Minute
	next.Idle, next.SaveFiles, next.Copying = time.Minute, true, CopyNowhere
	p.set(next)
	g.wantShown("Your company changed settings of this device")
	if !g.ui.cfg.SaveFiles || g.ui.companyIdle() != time.Minute {
		t.Error("the change is not in force")
	}
	test.Tap(kit.Find(g.win.Canvas().Content(), "Show").(fyne.Tappable))
	g.wantShown("Managed by your organisation")
	g.press(fyne.KeyEscape, 0)
	g.rest()
	if g.shows("Your company changed") {
		t.Error("it was looked at")
	}
	later := next
	later.Settings = slices.Clone(next.Settings)
	later.Settings[0].Later = true
	p.set(later)
	g.wantShown("some take effect at the next start")
	bad := later
	bad.Trouble = []string{"x"}
	p.set(bad)
	g.wantShown("those before still hold")
	p.set(later)
	g.until("the strip is gone", func() bool { return !g.shows("those before still hold") })
	g.advance(61 * time.Second)
	g.heard("lock shown")
}

func TestWhereCopiesMayGo(t *testing.T) {
	for _, c := range []struct {
		rule           Copying
		system, pasted string
	}{{CopyAnywhere, "typed", "typed"}, {CopyInside, "before", "typed"}, {CopyNowhere, "before", "before"}} {
		m := policied(true)
		m.Copying = c.rule
		g := newPolicyStage(t, company(), m, Settings{EnterSends: true}, 1180, 760).g
		g.heard("inbox shown")
		g.open("k")
		clip := g.app.Clipboard()
		clip.SetContent("before")
		field := g.ui.desk.comp.field
		for _, how := range []fyne.Shortcut{&fyne.ShortcutCopy{Clipboard: clip}, &fyne.ShortcutCut{Clipboard: clip}} {
			field.SetText("typed")
			field.TypedShortcut(&fyne.ShortcutSelectAll{})
			field.TypedShortcut(how)
			if got := clip.Content(); got != c.system {
				t.Errorf("rule %d, %s: the system's clipboard holds %q", c.rule, how.ShortcutName(), got)
			}
			if c.rule == CopyNowhere && field.Content() != "typed" {
				t.Errorf("%s: what was not copied is gone", how.ShortcutName())
			}
		}
		field.SetText("")
		field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clip})
		if got := field.Content(); got != c.pasted {
			t.Errorf("rule %d: %q was pasted", c.rule, got)
		}
		if c.rule == CopyNowhere {
			g.wantShown("Copying is off by company policy")
		}
		clip.SetContent("from another program")
		field.SetText("")
		field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clip})
		if got := field.Content(); got != "from another program" {
			t.Errorf("rule %d: what came last is not what is pasted, but %q", c.rule, got)
		}
		clip.SetContent("before")
		field.SetText("")
		g.ui.copied("of a message")
		if got := clip.Content(); (got == "of a message") != (c.rule == CopyAnywhere) {
			t.Errorf("rule %d: a message is on the system's clipboard: %q", c.rule, got)
		}
		g.ui.lock(LockedByHand)
		if g.ui.inside.text != "" {
			t.Errorf("rule %d: a copy outlives the lock", c.rule)
		}
	}
	kit.UseClipboard(nil)
}

func TestOnlyTheCodeIsAskedForWhereThePolicyNamesTheServer(t *testing.T) {
	m := company()
	m.openErr, m.enrolErr, m.stop = TroubleNotEnrolled, TroubleNotEnrolment, EnrolReading
	policy := policied(true)
	policy.Server = &KnownServer{Address: "inbox.company.example:443", Pins: []string{"3F:9A…C1"}}
	g := newPolicyStage(t, m, policy, Settings{}, 820, 680).g
	g.heard("join shown")
	g.ui.join.useCode()
	g.wantShown("Enter the code")
	g.picture("enrol-known")
	g.typeText("7KQ4")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("That is not a code")
	m.mu.Lock()
	m.enrolErr = TroubleOtherServer
	m.mu.Unlock()
	g.typeText("sealdesk:enrol?relay=other")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("another server than your company's")
}

func TestThePolicysPageHasWordsForEveryKindOfValue(t *testing.T) {
	english(t)
	for want, value := range map[string]any{"Yes": true, "No": false, "5 min": 5 * time.Minute, "90 s": 90 * time.Second, "a, b": []string{"a", "b"}, "words": words3("words", "x", "x")} {
		if got := managedValue(value, "en"); got != want {
			t.Errorf("%v: %q", value, got)
		}
	}
	for _, c := range [][3]time.Duration{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 3, 3}, {3, 5, 3}} {
		if got := sooner(c[0], c[1]); got != c[2] {
			t.Errorf("sooner(%d, %d) = %d", c[0], c[1], got)
		}
	}
	if v := managedView(Managed{}, "en"); v.Empty == "" || v.Advice == "" || len(v.Groups) != 0 {
		t.Errorf("%+v", v)
	}
	if v := brokenPolicyView([]string{"a", "b"}); !strings.Contains(v.Text, "For your IT: a and 1 more") || !v.Auto {
		t.Errorf("%+v", v)
	}
}
