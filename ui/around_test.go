package ui

import (
	"bytes"
	"errors"
	"image/png"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/assets"
	"sealdesk/ui/kit"
)

func TestEveryErrorSaysWhatHappenedWhatIsSafeAndWhatToDo(t *testing.T) {
	defer english(t)
	for _, l := range assets.Languages() {
		if err := speak(l); err != nil {
			t.Fatal(err)
		}
		list := errorGallery(noon)
		seen := map[string]bool{}
		for _, e := range list {
			seen[e.Kind] = true
			for what, text := range map[string]string{"what happened": e.What, "what is safe": e.Safe, "what to do": e.Do} {
				if text == "" || regexp.MustCompile(`^[a-z]+\.[a-z.]+$`).MatchString(text) {
					t.Errorf("%s: %s %s has no words for %s: %q", l, e.Kind, e.Name, what, text)
				}
			}
		}
		if len(seen) != 4 {
			t.Errorf("kinds %v", seen)
		}
	}
	for r := inbox.Refusal(1); r.Error() != "refused"; r++ {
		if _, ok := refusalWays[r]; !ok {
			t.Errorf("refusal %d (%v) has no way out", r, r)
		}
	}
	for f := inbox.Failure(1); failureText(f) != failureText(inbox.Failure(1<<14)); f++ {
		if _, ok := failureWays[f]; !ok {
			t.Errorf("failure %d has no way out", f)
		}
	}
	for s := LinkNoNetwork; s <= LinkRewritten; s++ {
		if _, ok := linkWays[s]; !ok {
			t.Errorf("link %s has no way out", linkWord(s))
		}
	}
}

func TestTheGalleryOfErrorsLooksAsDesigned(t *testing.T) {
	for _, l := range []string{"en", "de", "it"} {
		g := newStage(t, company(), Settings{Language: l}, 1100, 760)
		g.heard("inbox shown")
		list := errorGallery(noon)
		rows := kit.NewList(kit.ListConfig{Name: "errors", Len: func() int { return len(list) }, ID: func(i int) string { return grouped(i) }, Background: inkSurface,
			Uniform: func() float32 { return kit.LineHeight(kit.Body) + kit.LineHeight(kit.Caption) + 10 },
			Draw: func(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
				e := list[i]
				s.TextIn(e.What, 12, 4, size.Width-24, kit.Body, s.P.Text, kit.AlignStart)
				s.TextIn(e.Safe+"  "+e.Do, 12, 4+kit.LineHeight(kit.Body), size.Width-24, kit.Caption, s.P.TextMuted, kit.AlignStart)
				s.Line(12, size.Height-1, size.Width-24, s.P.Border)
			}})
		g.win.SetContent(rows)
		g.win.Resize(fyne.NewSize(900, float32(len(list))*(kit.LineHeight(kit.Body)+kit.LineHeight(kit.Caption)+10)))
		g.picture("errors-" + l)
	}
}

func TestActionsAreInOneTable(t *testing.T) {
	english(t)
	seen := map[string]bool{}
	for _, a := range actions {
		if seen[a.id] {
			t.Errorf("%s is there twice", a.id)
		}
		seen[a.id] = true
		if a.do == nil && a.free == nil && a.typed == "" {
			t.Errorf("%s does nothing", a.id)
		}
		if a.quiet && a.group == "" {
			t.Errorf("%s is neither in the palette nor on the sheet", a.id)
		}
		if !a.quiet && a.icon == "" {
			t.Errorf("%s has no icon in the palette", a.id)
		}
		if a.icon != "" && !slices.Contains(assets.IconNames(), a.icon) {
			t.Errorf("%s: no icon %s", a.id, a.icon)
		}
		if word(a.label) == a.label {
			t.Errorf("%s has no name", a.id)
		}
	}
	if err := kit.CheckBindings(bindings()); err != nil {
		t.Error(err)
	}
	src := sources(t)
	call := regexp.MustCompile(`\bact[A-Z]\w+ += "([\w.]+)"`)
	for _, m := range call.FindAllStringSubmatch(src["keys.go"], -1) {
		if !seen[m[1]] {
			t.Errorf("%s is no action of the table", m[1])
		}
	}
}

func TestTheSheetHoldsEveryKeyUnderAHeading(t *testing.T) {
	g := opened(t, company(), "k")
	text := ""
	for _, group := range g.ui.shortcuts() {
		if len(group) < 2 || group[0].Keys != "" {
			t.Errorf("a group without a heading: %+v", group)
		}
		for _, l := range group {
			text += l.Label + "|" + l.Keys + "\n"
		}
	}
	for _, a := range actions {
		if len(a.keys) > 0 && (a.has == nil || a.has(g.ui.desk)) && !strings.Contains(text, word(a.label)+"|"+g.ui.router.Hint(a.id)) {
			t.Errorf("%s is not on the sheet", a.id)
		}
	}
}

func TestAddressesLeadToOneConversationOrOneSetUp(t *testing.T) {
	id := string(inbox.NewID[inbox.ConversationID]())
	for text, want := range map[string]Address{
		"": {}, "sealdesk:open?conversation=" + id: {Conversation: inbox.ConversationID(id)}, "sealdesk:enrol?relay=x&pin=y&code=z": {Enrolment: "sealdesk:enrol?relay=x&pin=y&code=z"},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"sealdesk:", "sealdesk:open", "sealdesk:open?conversation=", "sealdesk:open?conversation=+49 151 5550100", "sealdesk:open?conversation=" + id + "&x=1",
		"sealdesk:open?conversation=" + id + "&conversation=" + id, "sealdesk:open?conversation=../../etc/passwd", "sealdesk:open?conversation=" + strings.ToUpper(id), "https://example.com", "sealdesk:wipe?",
		"sealdesk://open?conversation=" + id, "sealdesk:enrol?relay=x\ny", "sealdesk:enrol?" + strings.Repeat("x", mostAddress)} {
		if got, err := ParseAddress(bad); !errors.Is(err, ErrAddress) || got != (Address{}) {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}

// known gives a conversation of the company an id of the kind addresses carry.
const knownID = inbox.ConversationID("22222222222222222222222222")

func addressed(m *memory) *memory {
	m.add(string(knownID), "Lena P.", "+49 ••• ••12", "me")
	return m
}

func TestAnAddressOpensItsConversationAtOnceAndAfterALock(t *testing.T) {
	g := opened(t, addressed(company()), "k")
	g.ui.Visit("sealdesk:open?conversation=" + string(knownID))
	g.until("it is open", func() bool { return g.ui.desk.open == knownID })

	g.ui.Visit("sealdesk:open?conversation=33333333333333333333333333")
	g.wantShown("That conversation is not on this device")
	g.ui.Visit("sealdesk:open?conversation=DROP")
	g.wantShown("That address leads nowhere here")
	g.ui.Visit("sealdesk:enrol?relay=x&pin=y&code=z")
	g.wantShown("This device is set up already")
	if g.ui.desk.open != knownID {
		t.Error("what leads nowhere moved something")
	}
}

func TestAnAddressWaitsForTheInbox(t *testing.T) {
	g := newStageWith(t, addressed(company()), Settings{EnterSends: true}, 1280, 800, func(c *Config) { c.Address = "sealdesk:open?conversation=" + string(knownID) })
	g.until("it is open", func() bool { return g.ui.desk != nil && g.ui.desk.open == knownID })
}

func TestPeopleAreToldOncePerBurst(t *testing.T) {
	mine := func(id inbox.ConversationID, who inbox.PersonID) *Row {
		return &Row{Conversation: inbox.Conversation{ID: id, Assignee: who, Unread: 1}}
	}
	var a alerts
	at := noon
	for i, c := range []struct {
		rule string
		row  *Row
		wait time.Duration
		want bool
	}{
		{"the first message of one's own is told", mine("a", "me"), 0, true},
		{"the next ones are the same burst", mine("a", "me"), time.Minute, false},
		{"a burst goes on while it lasts", mine("a", "me"), 2 * time.Minute, false},
		{"a new burst is told again", mine("a", "me"), burst, true},
		{"another conversation is told", mine("b", ""), 0, true},
		{"a colleague's is not", mine("c", "tb"), 0, false},
	} {
		at = at.Add(c.wait)
		if got := a.due([]*Row{c.row}, "me", at); got != c.want {
			t.Errorf("%d: %s: %v", i, c.rule, got)
		}
	}
	read := mine("a", "me")
	read.Unread = 0
	a.read([]*Row{read})
	if !a.due([]*Row{mine("a", "me")}, "me", at) {
		t.Error("what was read meanwhile is told again")
	}
}

func TestTheOnlyNotificationHoldsNoWordOfAnybody(t *testing.T) {
	for name, src := range sources(t) {
		for _, m := range regexp.MustCompile(`(?:NewNotification|Notice\{)[^\n]*`).FindAllString(src, -1) {
			if name != "notify.go" && !strings.Contains(m, "kit.") && strings.Contains(m, "Notification") {
				t.Errorf("%s makes a notification of its own: %s", name, m)
			}
		}
	}
	var got []Notice
	m := company()
	g := newStageWith(t, m, Settings{EnterSends: true, Notify: true, Sound: true}, 1280, 800, func(c *Config) { c.Notify = func(n Notice) { got = append(got, n) } })
	g.heard("inbox shown")
	g.ui.SetActive(false)
	for range 3 {
		m.mu.Lock()
		m.say("s", in(0, "secret words"))
		m.mu.Unlock()
		m.poke()
		g.rest()
	}
	if len(got) != 1 || got[0] != (Notice{Title: "Inbox", Text: "New message", Sound: true}) {
		t.Errorf("%+v", got)
	}
}

func TestTheTrayTellsHowTheInboxStands(t *testing.T) {
	english(t)
	for _, c := range []struct {
		state  TrayState
		unread int
		want   string
	}{{TrayOnline, 0, "Online"}, {TrayOnline, 3, "Online · 3 unread"}, {TrayOffline, 1, "Offline · 1 unread"}, {TrayLocked, 3, "Locked"}, {TrayClosed, 3, "Not open"}} {
		v := trayView(c.state, c.unread)
		if v.Text != c.want || (v.Unread > 0) != (c.unread > 0 && c.state <= TrayOffline) {
			t.Errorf("%d %d: %+v", c.state, c.unread, v)
		}
	}
	seen := map[string]bool{}
	for _, s := range []TrayState{TrayOnline, TrayOffline, TrayLocked} {
		for _, unread := range []bool{false, true} {
			b := trayIcon(s, unread).Content()
			if _, err := png.Decode(bytes.NewReader(b)); err != nil {
				t.Error(err)
			}
			if s != TrayLocked && seen[string(b)] {
				t.Errorf("%d %v looks like another", s, unread)
			}
			seen[string(b)] = true
		}
	}
}

func TestTheTourIsShownOncePerPerson(t *testing.T) {
	m := company()
	with := func(c *Config) { c.Tour = true }
	g := newStageWith(t, m, Settings{EnterSends: true}, 1280, 800, with)
	g.wantShown("Violet with a lock is hidden")
	for i := range 4 {
		g.press(fyne.KeyReturn, 0)
		g.heard("tour card " + grouped(i+2))
	}
	if !g.shows("It works without a connection") {
		t.Errorf("%v", g.texts())
	}
	g.press(fyne.KeyReturn, 0)
	g.heard("tour ended")
	if g.ui.context() == contextOverlay {
		t.Error("the tour stays")
	}
	g.ui.welcomed = false
	g.ui.welcome("me")
	if g.ui.context() == contextOverlay {
		t.Error("it is shown to the same person again")
	}
	g.ui.welcomed = false
	g.ui.welcome("somebody")
	g.wantShown("Violet with a lock is hidden")
	g.press(fyne.KeyEscape, 0)
	if g.ui.context() == contextOverlay {
		t.Error("Escape does not end it")
	}
}

func TestSettingsAreFoundChosenByKeyboardAndKept(t *testing.T) {
	g := opened(t, company(), "k")
	g.ui.cfg.Settings = nil
	g.ui.showSettings()
	search, _ := g.win.Canvas().Focused().(interface{ TypedRune(rune) })
	if search == nil {
		t.Fatal("the field that finds has not the keyboard")
	}
	for _, r := range "densi" {
		search.TypedRune(r)
	}
	g.wantShown("Compact")
	if g.shows("Text size") {
		t.Error("what does not match is still there")
	}
	g.win.Canvas().FocusNext()
	g.press(fyne.KeyRight, 0)
	if !g.ui.settings.Compact || kit.Dense(1, 2) != 2 {
		t.Error("compact is not in force")
	}
	if got := KeptSettings(g.app); !got.Compact || !got.EnterSends {
		t.Errorf("%+v", got)
	}
	if f, _ := g.win.Canvas().Focused().(kit.Accessible); f == nil || f.AccessibleName() != "Density" {
		t.Error("the keyboard is not where it was")
	}
}

func TestWhatTheCompanyFixedStandsAndIsNotTakenForAChoice(t *testing.T) {
	english(t)
	rules := map[string]Rule{SettingTheme: {Value: "dark", Locked: true, Source: "Windows policy"}, SettingText: {Value: "115"}, SettingSound: {Value: "loud", Locked: true}}
	own := Settings{Theme: "light", TextSize: 90, Notify: true, Sound: true, EnterSends: true}
	if got := ruled(own, rules); got.Theme != "dark" || got.TextSize != 90 || !got.Sound {
		t.Errorf("%+v", got)
	}
	if got := recommended(rules); got.TextSize != 115 {
		t.Errorf("%+v", got)
	}
	for _, group := range settingsView(own, rules, 10*time.Minute, "") {
		for _, v := range group.Rows {
			if (v.Name == SettingTheme) != strings.Contains(v.Lock, "Windows policy") {
				t.Errorf("%s: %q", v.Name, v.Lock)
			}
			if v.Name == SettingTheme && v.Values[v.At] != "dark" {
				t.Error("the fixed value is not the one that is shown")
			}
			if v.Name == SettingIdle && slices.Contains(v.Values, "10") {
				t.Error("a time that is not sooner than the company's is offered")
			}
		}
	}
	for company, c := range map[time.Duration]map[int]time.Duration{10 * time.Minute: {0: 10 * time.Minute, 2: 2 * time.Minute, 30: 10 * time.Minute}, 0: {0: 0, 5: 5 * time.Minute}} {
		for minutes, want := range c {
			if got := idleAfter(company, Settings{Idle: minutes}); got != want {
				t.Errorf("company %v, own %d: %v", company, minutes, got)
			}
		}
	}
}

func TestChoicesBelongToPeople(t *testing.T) {
	g := opened(t, company(), "k")
	g.ui.cfg.Settings = nil
	g.ui.whose, g.ui.settings = "", defaultSettings()
	g.ui.belong("anna")
	g.ui.settings.TextSize = 130
	g.ui.settled()
	g.ui.belong("bert")
	if g.ui.settings.TextSize != 100 {
		t.Errorf("another person begins with %d", g.ui.settings.TextSize)
	}
	g.ui.belong("anna")
	if g.ui.settings.TextSize != 130 {
		t.Errorf("who comes back has %d", g.ui.settings.TextSize)
	}
}

func TestACrashIsToldOnceAndItsFileGoesOnRequest(t *testing.T) {
	gone := make(chan bool, 1)
	g := newStageWith(t, company(), Settings{}, 1100, 760, func(c *Config) {
		c.Crash = &Crash{Path: "/home/anna/.local/share/sealdesk/crash.txt", Forget: func() error { gone <- true; return nil }}
	})
	g.wantShown("crash.txt")
	g.press(fyne.KeyReturn, 0) // the safe choice has the keyboard
	g.wantShown("The file is deleted")
	if !<-gone || g.ui.cfg.Crash != nil {
		t.Error("it is still there")
	}
}

func TestWhatIsAroundTheWindowLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
	}{{"light", Settings{EnterSends: true, Notify: true, Sound: true}, 1100, 900}, {"dark-de", Settings{Theme: "dark", Language: "de", EnterSends: true, Notify: true}, 1100, 900},
		{"it-130", Settings{TextSize: 130, Language: "it", EnterSends: true, Compact: true}, 820, 700}} {
		g := newStageWith(t, company(), c.s, c.w, c.h, func(cfg *Config) {
			cfg.Rules = map[string]Rule{SettingSound: {Value: settingOn, Locked: true, Source: "/etc/sealdesk/policy.json"}}
			cfg.Modules = []Module{{"example.org/one", "v1.2.3"}, {"example.org/two", "v0.9.0"}}
		})
		g.heard("inbox shown")
		g.open("k")
		g.ui.layers.SetContent(kit.NewFill(inkCanvas)) // what is behind has pictures of its own
		for _, p := range []struct {
			name string
			show func()
		}{{"settings", g.ui.showSettings}, {"tour", g.ui.showTour}, {"help", g.ui.showHelp}, {"about", g.ui.showAbout},
			{"crash", func() {
				g.ui.cfg.Crash = &Crash{Path: "/home/anna/.local/share/sealdesk/crash.txt", Forget: func() error { return nil }}
				g.ui.showCrash()
			}}} {
			p.show()
			g.rest()
			g.picture("around-" + p.name + "-" + c.name)
			kit.EscapeDialog(g.win.Canvas())
			g.rest()
		}
	}
}

func TestNoWordIsCutInLargeText(t *testing.T) {
	for _, c := range []struct {
		name, language string
		w, h           float32
	}{{"1440-de", "de", 1440, 900}, {"1100-it", "it", 1100, 760}} {
		g := newStage(t, company(), Settings{Theme: "dark", Language: c.language, TextSize: 130}, c.w, c.h)
		g.heard("inbox shown")
		g.ui.layers.SetContent(kit.NewFill(inkCanvas))
		whole := func(what string) {
			t.Helper()
			for _, text := range g.texts() {
				if strings.HasSuffix(text, "…") && !slices.ContainsFunc(actions, func(a action) bool { return strings.HasSuffix(word(a.label), text) }) {
					t.Errorf("%s, %s: %q is cut", c.name, what, text)
				}
			}
			g.picture("around-" + what + "-" + c.name)
		}
		g.ui.showHelp()
		g.rest()
		whole("help")
		kit.EscapeDialog(g.win.Canvas())
		g.ui.showTour()
		g.press(fyne.KeyReturn, 0)
		g.rest()
		whole("tour-window")
		kit.EscapeDialog(g.win.Canvas())
	}
}

func TestTheWindowLooksAsDesignedInHighContrast(t *testing.T) {
	for name, s := range map[string]Settings{"contrast-light": {Contrast: true, EnterSends: true}, "contrast-dark-compact-130-de": {Theme: "dark", Contrast: true, Compact: true, TextSize: 130, Language: "de", EnterSends: true}} {
		g := newStage(t, company(), s, 1440, 900)
		g.heard("inbox shown")
		g.open("k")
		g.rest()
		g.picture("window-" + name)
	}
}

func TestTabReachesEveryWayOutOfTheLock(t *testing.T) {
	g := newStage(t, idle(), Settings{}, 1000, 700)
	g.heard("inbox shown")
	g.press(fyne.KeyL, ctrl|shift)
	g.heard("lock ready")
	g.rest()
	reached := map[string]bool{}
	for range 8 {
		g.win.Canvas().FocusNext()
		if a, ok := g.win.Canvas().Focused().(kit.Accessible); ok {
			reached[a.AccessibleName()] = true
		}
	}
	for _, want := range []string{"Sign in instead", "Your password, or the passphrase of this device"} {
		if !reached[want] {
			t.Errorf("Tab never reaches %q, only %v", want, reached)
		}
	}
}

func TestTabLeavesTheMessageField(t *testing.T) {
	g := opened(t, company(), "k")
	seen := map[fyne.Focusable]bool{}
	for range 60 {
		g.win.Canvas().FocusNext()
		f := g.win.Canvas().Focused()
		seen[f] = true
		if e, ok := f.(interface{ AcceptsTab() bool }); ok && e.AcceptsTab() {
			t.Fatalf("%T keeps Tab", f)
		}
	}
	if len(seen) < 12 {
		t.Errorf("Tab reaches %d widgets", len(seen))
	}
}

func TestAWholeNumberIsShownInGroups(t *testing.T) {
	for in, want := range map[string]string{"+4915155501234": "+49 151 555 012 34", "+12025550123": "+1 202 555 0123", "+390655501234": "+39 065 550 1234", "+358405550123": "+358 405 550 123",
		"+49": "+49", "katja@example.com": "katja@example.com", "+49 151 5550123": "+49 151 5550123"} {
		value := []byte(in)
		if got := string(spacedNumber(value)); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
		if in != want && strings.Contains(string(value), "5") {
			t.Error("the number is left behind")
		}
	}
}

func TestALicenceIsNamedAsPeopleWriteIt(t *testing.T) {
	for file, want := range map[string]string{"Inter": "Inter", "NotoSans": "Noto Sans", "NotoColorEmoji": "Noto Color Emoji", "A font": "A font"} {
		if got := nameOf(Licence{Name: file}); got != want {
			t.Errorf("%q for %q", got, file)
		}
	}
}
