package ui

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// wipeAt is a wipe that has come that far.
func wipeAt(l inbox.WipeLevel) *inbox.Wipe {
	s := time.Second
	w := &inbox.Wipe{ID: "w1", Why: inbox.WipeLost, By: "sl", Ordered: ago(90 * s), Level: l}
	if l >= inbox.WipeHalfGone {
		w.Half, w.Dark = ago(90*s), ago(90*s)
	}
	if l >= inbox.WipeStarted {
		w.Started = ago(89 * s)
		for i, a := range wipeActs[:4] {
			w.Steps = append(w.Steps, inbox.WipeStep{Did: a, At: ago(time.Duration(89-i) * s), Count: i, Bytes: int64(i) * 9_600_000})
		}
	}
	if l >= inbox.WipeProven {
		w.Proven = ago(60 * s)
		for i, a := range wipeActs[4:] {
			w.Steps = append(w.Steps, inbox.WipeStep{Did: a, At: ago(time.Duration(84-i) * s)})
		}
	}
	return w
}

// fleet are devices in every state.
func fleet() []inbox.Device {
	d := func(id, name string, who inbox.PersonID) inbox.Device {
		return inbox.Device{ID: inbox.DeviceID(id), Person: who, Name: name, App: "1.4.2", System: "windows/amd64", Enrolled: ago(200 * 24 * time.Hour), Seen: ago(2 * time.Minute),
			Posture:  inbox.Posture{Release: "Windows 11", Disk: inbox.Holds, Keyring: "Windows Credential Manager"},
			SignedIn: ago(-8 * time.Hour), Lease: ago(-12 * time.Hour)}
	}
	a, b, c, e, f, h, i := d("d1", "LT-0427", "me"), d("d2", "LT-0391", "tb"), d("d3", "MB-0118", "sl"), d("d4", "LT-0355", "tb"), d("d5", "LT-0312", "tb"), d("d6", "LT-0200", "tb"), d("d7", "LT-0466", "tb")
	a.Online, a.Seen = true, ago(0)
	b.Online = true
	c.Posture, c.System, c.Seen, c.SignedIn, c.Lease = inbox.Posture{Release: "macOS 15", Disk: inbox.Fails, Keyring: "Keychain"}, "darwin/arm64", ago(38*time.Minute), 0, 0
	e.Seen, e.Lease, e.Wipe, e.Revoked = ago(6*24*time.Hour), 0, wipeAt(inbox.WipeHalfGone), ago(90*time.Second)
	f.Seen, f.Wipe, f.Revoked = ago(time.Minute), wipeAt(inbox.WipeProven), ago(90*time.Second)
	h.Twice = ago(3 * time.Minute)
	i.Wipe = wipeAt(inbox.WipeWaits)
	i.Wipe.By = "me"
	return []inbox.Device{a, b, c, e, f, h, i}
}

// watching is a supervisor of a team whose devices are known.
func watching() *memory {
	m := equipped()
	rest := m.answer
	m.fleet = fleet()
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		switch q := q.(type) {
		case inbox.AskDevices:
			return inbox.Devices{List: append([]inbox.Device(nil), m.fleet...), Now: inbox.At(noon)}, nil
		case inbox.OrderWipe:
			for i := range m.fleet {
				if m.fleet[i].ID == q.Device {
					w := wipeAt(inbox.WipeHalfGone)
					w.By, w.Why = m.me.ID, q.Why
					m.fleet[i].Wipe, m.fleet[i].Revoked = w, inbox.At(noon)
					return inbox.Ordered{Wipe: *w}, nil
				}
			}
			return nil, inbox.RefusedUnknown
		case inbox.DecideWipe, inbox.RenameDevice, inbox.Reimaged:
			return map[inbox.QuestionKind]inbox.Answer{inbox.QuestionDecideWipe: inbox.WipeDecided{}, inbox.QuestionRename: inbox.Renamed{}, inbox.QuestionReimaged: inbox.Noticed{}}[q.QuestionKind()], nil
		case inbox.Offboard:
			d := fleet()[1]
			d.Wipe = wipeAt(inbox.WipeHalfGone)
			return inbox.Offboarded{Conversations: 2, Wipes: []inbox.Wipe{*d.Wipe}, Devices: []inbox.Device{d}}, nil
		case inbox.AskProof:
			return inbox.Proof{Name: "wipe-LT-0355.proof", File: []byte("signed")}, nil
		case inbox.AskHoldings:
			var h inbox.Holdings
			h.Total = 60
			from := 0
			if q.After != "" {
				from, _ = strconv.Atoi(string(q.After[:2]))
				from++
			}
			for i := from; i < min(from+20, 60); i++ {
				x := inbox.Holding{Inbox: "sales", Conversation: inbox.ConversationID(fmt.Sprintf("%02de94a1", i)), Messages: 3 * (i + 1), First: ago(90 * 24 * time.Hour), Last: ago(time.Hour)}
				if i%4 == 1 {
					x.Revealed = []inbox.Field{inbox.FieldPhone}
				}
				h.List = append(h.List, x)
			}
			h.More = from+20 < 60
			return h, nil
		}
		return rest(q)
	}
	return m
}

func officer(m *memory, r inbox.Role) *memory {
	m.me.Role = r
	m.people[0] = m.me
	return m
}

// devices turns to the page.
func devicesStage(t *testing.T, m *memory, s Settings, w, h float32) *stage {
	t.Helper()
	g := newStage(t, m, s, w, h)
	g.heard("inbox shown")
	g.press(fyne.Key4, ctrl)
	g.heard("devices shown")
	g.rest()
	return g
}

func (g *stage) tap(name string) {
	g.t.Helper()
	root := g.win.Canvas().Content()
	if top := g.win.Canvas().Overlays().Top(); top != nil {
		root = top
	}
	b, ok := kit.Find(root, name).(fyne.Tappable)
	if !ok {
		g.t.Fatalf("no %q on screen: %v", name, g.texts())
	}
	test.Tap(b)
}

func TestThePageOfDevicesLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
		m    func() *memory
		do   func(g *stage)
	}{
		{"list", Settings{}, 1440, 860, watching, nil},
		{"list-dark-de", Settings{Theme: "dark", Language: "de"}, 1180, 800, watching, func(g *stage) { g.ui.desk.devices.choose("d4", true) }},
		{"list-820", Settings{}, 820, 560, watching, nil},
		{"one-820-de", Settings{Language: "de"}, 820, 560, watching, func(g *stage) { g.ui.desk.devices.choose("d5", true) }},
		{"large-it", Settings{TextSize: 130, Language: "it"}, 1440, 860, watching, func(g *stage) { g.ui.desk.devices.choose("d5", true) }},
		{"second", Settings{}, 1280, 800, func() *memory {
			m := watching()
			m.fleet[6].Wipe.By = "sl"
			return m
		}, func(g *stage) { g.ui.desk.devices.choose("d7", true) }},
		{"own", Settings{}, 1280, 800, func() *memory { m := watching(); m.fleet = m.fleet[:1]; return officer(m, inbox.Agent) }, nil},
		{"empty", Settings{}, 1000, 600, func() *memory { m := watching(); m.fleet = nil; return m }, nil},
		{"offline-de", Settings{Language: "de"}, 1000, 600, func() *memory {
			m := watching()
			m.answer = func(inbox.Question) (inbox.Answer, error) { return nil, ErrOffline }
			return m
		}, nil},
		{"error", Settings{Theme: "dark"}, 1000, 600, func() *memory {
			m := watching()
			m.answer = func(inbox.Question) (inbox.Answer, error) { return nil, inbox.RefusedMalformed }
			return m
		}, nil},
		{"wipe", Settings{}, 1280, 800, watching, func(g *stage) { g.ui.desk.devices.choose("d2", true); g.tap("Wipe device…") }},
		{"wipe-large-de", Settings{TextSize: 130, Language: "de", Theme: "dark"}, 820, 600, watching, func(g *stage) { g.ui.desk.devices.choose("d2", true); g.tap("Gerät löschen…") }},
		{"offboard", Settings{}, 1280, 800, watching, func(g *stage) { g.ui.desk.confirmOffboard("tb", "sl") }},
		{"offboard-de", Settings{Language: "de", Theme: "dark"}, 820, 560, watching, func(g *stage) { g.ui.desk.confirmOffboard("tb", "") }},
		{"offboarded", Settings{}, 1000, 700, watching, func(g *stage) {
			d := fleet()[1]
			d.Wipe = wipeAt(inbox.WipeHalfGone)
			g.ui.desk.offboarded("Tobias Brandt", inbox.Offboarded{Conversations: 2, Wipes: []inbox.Wipe{*d.Wipe}, Devices: []inbox.Device{d}})
		}},
		{"holdings", Settings{}, 1180, 800, func() *memory { return officer(watching(), inbox.PrivacyOfficer) }, func(g *stage) {
			g.ui.desk.devices.choose("d2", true)
			g.tap("What was on it…")
			g.heard("holdings shown")
		}},
		{"rename-it", Settings{Language: "it"}, 1000, 600, watching, func(g *stage) { g.ui.desk.showRename(fleet()[0]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := devicesStage(t, c.m(), c.s, c.w, c.h)
			if c.do != nil {
				c.do(g)
				g.rest()
			}
			g.picture("devices-" + c.name)
		})
	}
	t.Run("loading", func(t *testing.T) {
		m := watching()
		wait := make(chan struct{})
		t.Cleanup(func() { close(wait) })
		m.answer = func(inbox.Question) (inbox.Answer, error) { <-wait; return nil, ErrOffline }
		g := newStage(t, m, Settings{}, 1000, 600)
		g.heard("inbox shown")
		g.press(fyne.Key4, ctrl)
		g.rest()
		g.picture("devices-loading")
	})
}

func TestNothingBelowAVerifiedReceiptIsCalledWiped(t *testing.T) {
	for _, l := range []string{"en", "de", "it"} {
		if err := speak(l); err != nil {
			t.Fatal(err)
		}
		bad := map[string][]string{"en": {"Wiped"}, "de": {"Gelöscht"}, "it": {"Cancellato"}}[l]
		for level := inbox.WipeWaits; level <= inbox.WipeConfirmed; level++ {
			d := fleet()[1]
			d.Wipe = wipeAt(level)
			chip := deviceState(d, at1453).Text
			title, text, _, _ := evidence(*d.Wipe, at1453)
			said := chip + " / " + title + " / " + text
			claims := false
			for _, b := range bad {
				claims = claims || strings.Contains(said, b)
			}
			if claims != (level >= inbox.WipeProven) {
				t.Errorf("%s, level %d: %s", l, level, said)
			}
		}
	}
	english(t)
	w := wipeAt(inbox.WipeHalfGone)
	if got := darkText(*w, at1453); got != "Unreadable since 14:51" {
		t.Errorf("%q", got)
	}
	w.Dark = ago(-3 * time.Hour)
	if got := darkText(*w, at1453); got != "Unreadable from 17:53 on" {
		t.Errorf("%q", got)
	}
	w.Dark, w.Level = 0, inbox.WipeOrdered
	if got := darkText(*w, at1453); got != "Wipe ordered" {
		t.Errorf("%q", got)
	}
}

func TestWhatMayBeDoneWithADeviceFollowsTheRights(t *testing.T) {
	english(t)
	people := newMemory().people
	all := func(s staff, d inbox.Device, online bool) string {
		var out []string
		for _, x := range deviceDoes(d, s, online) {
			text := x.Text
			if x.Why != "" {
				text += " (" + x.Why + ")"
			}
			out = append(out, text)
		}
		return strings.Join(out, ", ")
	}
	at := func(r inbox.Role) staff {
		me := people[0]
		me.Role = r
		s := newStaff(me, people)
		return s
	}
	devices := fleet()
	for _, c := range []struct {
		name   string
		s      staff
		d      inbox.Device
		online bool
		want   string
	}{
		{"an agent wipes his own", at(inbox.Agent), devices[0], true, "Wipe device…, Rename…, What it did…"},
		{"an agent has no right to others", at(inbox.Agent), devices[1], true, "Wipe device… (You have no right to do this), Rename… (You have no right to do this)"},
		{"a supervisor has his team", at(inbox.Supervisor), devices[1], true, "Wipe device…, Rename…, What it did…, Person leaves…"},
		{"a supervisor has no other supervisor", at(inbox.Supervisor), devices[2], true, "Wipe device… (You have no right to do this), Rename… (You have no right to do this)"},
		{"nothing without a connection", at(inbox.Agent), devices[0], false, "Wipe device… (Not connected. Try again once this device is.), Rename… (Not connected. Try again once this device is.), What it did…"},
		{"a privacy officer sees what was on it", at(inbox.PrivacyOfficer), devices[1], true, "Wipe device…, Rename…, What was on it…, What it did…"},
		{"IT says that a machine was set up anew", at(inbox.ITAdmin), devices[4], true, "Save the proof…, Machine was set up anew…, Rename…, Person leaves…"},
		{"who ordered it is not the second person", at(inbox.Supervisor), devices[6], true, "Agree: wipe it… (A colleague must agree: you ordered it.), Refuse (A colleague must agree: you ordered it.), Rename…, What it did…, Person leaves…"},
	} {
		got := all(c.s, c.d, c.online)
		got = strings.ReplaceAll(got, word("why.right"), "You have no right to do this")
		got = strings.ReplaceAll(got, word("ask.offline"), "Not connected. Try again once this device is.")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestADeviceIsWipedByKeyboardAndItsStepsRunLive(t *testing.T) {
	m := watching()
	g := devicesStage(t, m, Settings{}, 1280, 800)
	for range 9 {
		if g.ui.desk.devices.chosen == "d2" {
			break
		}
		g.press(fyne.KeyDown, 0)
	}
	g.press(fyne.KeyReturn, 0) // to the first thing that can be done
	g.press(fyne.KeyReturn, 0)
	g.heard("wipe dialog shown")
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	test.FocusNext(g.win.Canvas())
	g.typeText("LT-039")
	g.press(fyne.KeyReturn, 0)
	g.rest()
	if g.said("wipe ordered") {
		t.Fatal("half a name was enough")
	}
	g.typeText("1")
	g.press(fyne.KeyReturn, 0)
	g.heard("wipe answered")
	g.wantShown("Unreadable since 14:51")
	var order inbox.OrderWipe
	for _, q := range m.questions() {
		if o, ok := q.(inbox.OrderWipe); ok {
			order = o
		}
	}
	if order.Device != "d2" || order.Why != inbox.WipeLost || order.At != inbox.At(noon) {
		t.Errorf("ordered %+v", order)
	}
	asked := func() (n int) {
		for _, q := range m.questions() {
			if _, ok := q.(inbox.AskDevices); ok {
				n++
			}
		}
		return n
	}
	before := asked()
	m.tell(func() { m.fleet[1].Wipe = wipeAt(inbox.WipeStarted) })
	g.advance(time.Second)
	g.wantShown("Keys destroyed")
	if asked() == before {
		t.Error("while a wipe runs the page asks every second")
	}
	if kit.Find(g.ui.desk.devices.root, "Wipe device…") != nil {
		t.Error("it can be wiped twice")
	}
	m.tell(func() {
		m.fleet[1].Wipe = wipeAt(inbox.WipeProven)
		m.fleet = m.fleet[:2] // nothing runs any more
	})
	g.advance(time.Second)
	g.wantShown("The device's signed receipt was verified")
	before = asked()
	g.advance(9 * time.Second)
	g.rest()
	if n := asked(); n != before {
		t.Errorf("%d questions within nine seconds while nothing runs", n-before)
	}
	g.press(fyne.Key1, ctrl)
	g.advance(time.Minute)
	g.rest()
	if n := asked(); n > before+1 {
		t.Errorf("%d questions while the page is closed", n-before)
	}
}

func TestTheListGoesBackStepByStepInANarrowWindow(t *testing.T) {
	g := devicesStage(t, watching(), Settings{}, 820, 560)
	p := g.ui.desk.devices
	g.press(fyne.KeyReturn, 0)
	g.rest()
	if !p.aside.over || !g.shows("All devices") {
		t.Fatalf("on screen: %v", g.texts())
	}
	g.press(fyne.KeyEscape, 0)
	if p.aside.over || g.ui.desk.page != pageDevices || g.win.Canvas().Focused() != fyne.Focusable(p.list) {
		t.Error("Escape goes back to the list")
	}
	g.press(fyne.KeyEscape, 0)
	if g.ui.desk.page != pageInbox {
		t.Error("and then to the inbox")
	}
}

func TestSomebodyIsLetGoAndWhatWasDoneIsReported(t *testing.T) {
	m := watching()
	g := devicesStage(t, m, Settings{}, 1280, 800)
	g.ui.desk.devices.choose("d2", false)
	g.tap("Person leaves…")
	g.heard("offboarding shown")
	g.typeText("sabine")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("2 open conversations go to Sabine Lang.")
	g.typeText("tobias brandt")
	g.press(fyne.KeyReturn, 0)
	g.heard("offboarded")
	g.wantShown("2 conversations handed over")
	var q inbox.Offboard
	for _, x := range m.questions() {
		if o, ok := x.(inbox.Offboard); ok {
			q = o
		}
	}
	if q.Person != "tb" || q.To != "sl" || q.At == 0 {
		t.Errorf("asked %+v", q)
	}
}

func TestTheProofIsSavedAndWhatWasOnADeviceComesPageByPage(t *testing.T) {
	m := officer(watching(), inbox.PrivacyOfficer)
	var name string
	g := newStageWith(t, m, Settings{}, 1280, 800, func(c *Config) {
		c.Save = func(n string, data []byte, done func(bool, error)) { name = n + ":" + string(data); done(true, nil) }
	})
	g.heard("inbox shown")
	g.press(fyne.Key4, ctrl)
	g.heard("devices shown")
	g.ui.desk.devices.choose("d4", false)
	g.tap("Save the proof…")
	g.heard("file saved")
	if name != "wipe-LT-0355.proof:signed" {
		t.Errorf("saved %q", name)
	}
	g.tap("What was on it…")
	g.heard("holdings shown")
	g.wantShown("60 conversations.")
	list := g.win.Canvas().Focused().(*kit.List)
	for range 12 {
		list.Page(1)
		g.rest()
	}
	if !g.shows("180 messages") {
		t.Errorf("the last page did not come: %v", g.texts())
	}
}
