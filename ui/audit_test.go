package ui

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// entries are one of each act, the newest first.
func entries(n int) []inbox.AuditEntry {
	known := slices.Sorted(func(yield func(string) bool) {
		for a := range acts {
			if !yield(a) {
				return
			}
		}
	})
	people := []inbox.PersonID{"me", "tb", "sl"}
	var out []inbox.AuditEntry
	for i := range n {
		e := inbox.AuditEntry{ID: fmt.Sprintf("e%04d", n-i), At: ago(time.Duration(i) * 7 * time.Minute), Actor: people[i%3], Device: "d2", Act: known[i%len(known)], Object: fmt.Sprintf("%08x", i*7919), Inbox: "sales"}
		switch {
		case strings.HasPrefix(e.Act, "device."), strings.HasPrefix(e.Act, "keys."):
			e.Inbox, e.About = "", &inbox.AuditHint{Device: "LT-0391", Person: "tb"}
		case strings.HasPrefix(e.Act, "message."), strings.HasPrefix(e.Act, "reveal."), strings.HasPrefix(e.Act, "conversation."):
			e.About = &inbox.AuditHint{Conversation: "k", Name: "Katharina W."}
		}
		if i%9 == 4 {
			e.Refused = inbox.RefusedRight
		}
		out = append(out, e)
	}
	return out
}

func wholeChain() []inbox.AuditChain {
	return []inbox.AuditChain{{Log: "company", Size: 1204, Signed: ago(20 * time.Second), Witnesses: 12, Verified: ago(2 * time.Hour)},
		{Log: "sales", Size: 47009, Signed: ago(8 * time.Second), Witnesses: 9, Verified: ago(2 * time.Hour)}}
}

// audited is a supervisor, and a log of that many entries.
func audited(n int, chains []inbox.AuditChain) *memory {
	m := watching()
	rest := m.answer
	all := entries(n)
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		a, ok := q.(inbox.AskAudit)
		if !ok {
			return rest(q)
		}
		var out inbox.AuditPage
		out.Chains = chains
		for _, e := range all {
			if a.Before != "" && e.ID >= a.Before || a.Person != "" && e.Actor != a.Person || !strings.HasPrefix(e.Act, a.Act) || e.At < a.From ||
				a.Conversation != "" && (e.About == nil || e.About.Conversation != a.Conversation) || a.Device != "" && e.Device != a.Device {
				continue
			}
			if len(out.Entries) == 40 {
				out.More = true
				break
			}
			out.Entries = append(out.Entries, e)
		}
		return out, nil
	}
	return m
}

func auditStage(t *testing.T, m *memory, s Settings, w, h float32) *stage {
	t.Helper()
	g := newStage(t, m, s, w, h)
	g.heard("inbox shown")
	g.press(fyne.Key5, ctrl)
	g.heard("audit shown")
	g.rest()
	return g
}

func TestThePageOfTheAuditLogLooksAsDesigned(t *testing.T) {
	broken := wholeChain()
	broken[1].Broken = true
	unchecked := wholeChain()
	unchecked[0].Verified = 0
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
		m    func() *memory
		do   func(g *stage)
	}{
		{"list", Settings{}, 1440, 860, func() *memory { return audited(60, wholeChain()) }, nil},
		{"list-dark-de", Settings{Theme: "dark", Language: "de"}, 1180, 800, func() *memory { return audited(60, wholeChain()) }, nil},
		{"list-820-it", Settings{Language: "it", TextSize: 130}, 820, 600, func() *memory { return audited(60, wholeChain()) }, nil},
		{"broken", Settings{}, 1180, 800, func() *memory { return audited(60, broken) }, nil},
		{"unchecked-de", Settings{Language: "de"}, 820, 560, func() *memory { return audited(3, unchecked) }, nil},
		{"filtered", Settings{}, 1180, 800, func() *memory { return audited(60, wholeChain()) }, func(g *stage) {
			g.ui.desk.audit.narrow(auditFilter{person: "tb", group: "reveal.", conversation: "k", contact: "Katharina W.", days: 7, device: "d2", deviceName: "LT-0391"})
		}},
		{"none-de", Settings{Theme: "dark", Language: "de"}, 1000, 600, func() *memory { return audited(60, wholeChain()) }, func(g *stage) { g.ui.desk.audit.narrow(auditFilter{group: "wipe."}) }},
		{"entry", Settings{}, 1180, 800, func() *memory { return audited(60, wholeChain()) }, func(g *stage) { g.ui.desk.audit.open(4) }},
		{"menu", Settings{}, 1180, 800, func() *memory { return audited(60, wholeChain()) }, func(g *stage) { g.tap("All acts") }},
		{"own-it", Settings{Language: "it"}, 1000, 600, func() *memory { return officer(audited(12, nil), inbox.Agent) }, nil},
		{"offline", Settings{}, 1000, 600, func() *memory {
			m := audited(0, nil)
			m.answer = func(inbox.Question) (inbox.Answer, error) { return nil, ErrOffline }
			return m
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := auditStage(t, c.m(), c.s, c.w, c.h)
			if c.do != nil {
				c.do(g)
				g.rest()
			}
			g.picture("audit-" + c.name)
		})
	}
}

func TestEveryActHasASentenceAndAnUnknownOneIsShownAsItIs(t *testing.T) {
	s := newStaff(newMemory().me, newMemory().people)
	for _, l := range []string{"en", "de", "it"} {
		if err := speak(l); err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for act, a := range acts {
			text, icon := actText(inbox.AuditEntry{Act: act, Actor: "tb"}, s)
			if text == a.key || strings.Contains(text, "{{") || icon == "" || seen[text] != "" {
				t.Errorf("%s, %s: %q, like %s", l, act, text, seen[text])
			}
			seen[text] = act
		}
		for _, g := range actGroups {
			if word(g.Key) == g.Key {
				t.Errorf("%s has no %s", l, g.Key)
			}
		}
		for _, x := range auditSpans {
			if word(x.key) == x.key {
				t.Errorf("%s has no %s", l, x.key)
			}
		}
	}
	english(t)
	text, _ := actText(inbox.AuditEntry{Act: "moon.landed", Actor: "tb"}, s)
	if text != "Tobias Brandt: moon.landed" {
		t.Errorf("%q", text)
	}
	if text, _ = actText(inbox.AuditEntry{Act: "contact.erased"}, s); text != "The server destroyed what was held of a customer" {
		t.Errorf("%q", text)
	}
}

func TestEveryActTheServerWritesHasASentence(t *testing.T) {
	named := regexp.MustCompile(`\bAct\s*=\s*"([a-z.-]+)"`)
	written := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", "sync", "relay"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range named.FindAllSubmatch(src, -1) {
			written[string(m[1])] = true
		}
		return err
	})
	if err != nil || !written["message.sent"] || !written["wipe.ordered"] {
		t.Fatal("the acts of the server were not found", len(written), err)
	}
	for act := range written {
		if _, ok := acts[act]; !ok {
			t.Errorf("%s has no sentence", act)
		}
	}
	for act := range acts {
		if !written[act] {
			t.Errorf("%s has a sentence, and nobody writes it", act)
		}
	}
}

func TestAnEntryNamesTheDeviceItCameFrom(t *testing.T) {
	m := audited(3, wholeChain())
	g := auditStage(t, m, Settings{}, 1180, 800)
	g.until("the devices", func() bool { return len(g.ui.desk.audit.named) > 0 })
	p := g.ui.desk.audit
	from := p.entries[0].Device
	if p.named[from] == "" {
		t.Fatalf("%s has no name among %v", from, p.named)
	}
	p.open(0)
	g.wantShown(p.named[from])
	if slices.Contains(g.texts(), string(from)) {
		t.Errorf("the id of a device that has a name is shown: %v", g.texts())
	}
	kit.EscapeDialog(g.win.Canvas())
	p.entries[0].Device = "gone"
	p.open(0)
	g.wantShown("gone") // a device the reader may not see is told apart by its id
}

func TestTheWorstTreeSpeaksForTheLog(t *testing.T) {
	english(t)
	list := wholeChain()
	v := chainView(list, at1453)
	if v.Tone != ToneOK || v.Line != "48,213 entries · signed: 14:52 · 9 devices keep a copy of its state · checked: 12:53" {
		t.Errorf("%+v", v)
	}
	list[0].Verified = 0
	if v = chainView(list, at1453); v.Tone == ToneOK {
		t.Errorf("a tree that was never checked: %+v", v)
	}
	list[1].Broken = true
	if v = chainView(list, at1453); v.Tone != ToneDanger || !strings.Contains(v.Title, "changed") {
		t.Errorf("a broken tree: %+v", v)
	}
	if v = chainView(nil, at1453); v != (ChainView{}) {
		t.Errorf("nothing known: %+v", v)
	}
}

func TestTheLogIsNarrowedAndComesPageByPage(t *testing.T) {
	m := audited(130, wholeChain())
	g := auditStage(t, m, Settings{}, 1280, 800)
	p := g.ui.desk.audit
	if len(p.entries) != 40 {
		t.Fatalf("%d entries at first", len(p.entries))
	}
	for range 30 {
		p.list.Page(1)
		g.rest()
	}
	if len(p.entries) != 130 || p.more {
		t.Fatalf("%d entries in the end", len(p.entries))
	}
	for i := 1; i < len(p.entries); i++ {
		if p.entries[i].At > p.entries[i-1].At {
			t.Fatal("not the newest first")
		}
	}
	g.tap("Everybody")
	g.typeText("tobias")
	g.press(fyne.KeyReturn, 0)
	g.rest()
	g.tap("All acts")
	for range 5 {
		g.press(fyne.KeyDown, 0)
	}
	g.press(fyne.KeyReturn, 0)
	g.rest()
	g.tap("Any time")
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyReturn, 0)
	g.rest()
	var q inbox.AskAudit
	for _, x := range m.questions() {
		if a, ok := x.(inbox.AskAudit); ok {
			q = a
		}
	}
	want := inbox.AskAudit{Person: "tb", Act: "reveal.", From: inbox.At(time.Date(2025, 11, 21, 0, 0, 0, 0, time.UTC))}
	if q != want {
		t.Errorf("asked %+v", q)
	}
	for _, e := range p.entries {
		if e.Actor != "tb" || !strings.HasPrefix(e.Act, "reveal.") {
			t.Errorf("%s of %s is shown", e.Act, e.Actor)
		}
	}
	g.tap("Show everything")
	g.rest()
	if len(p.entries) != 40 || p.filter.narrowed() {
		t.Errorf("%d entries after everything was wanted", len(p.entries))
	}
}

func TestThePanelLeadsToWhoSawTheContact(t *testing.T) {
	m := audited(60, wholeChain())
	g := newStage(t, m, Settings{EnterSends: true}, 1440, 1000)
	g.heard("inbox shown")
	g.open("k")
	g.wantShown("In the audit log…")
	for i, r := range g.ui.desk.side.rows {
		if r.kind == sideSawAll {
			g.ui.desk.side.do(i, areaLog)
		}
	}
	g.heard("audit shown")
	g.rest()
	var q inbox.AskAudit
	for _, x := range m.questions() {
		if a, ok := x.(inbox.AskAudit); ok {
			q = a
		}
	}
	if q.Conversation != "k" || g.ui.desk.page != pageAudit || !g.shows("About Katharina W.") {
		t.Errorf("asked %+v, on screen %v", q, g.texts())
	}
	g.press(fyne.KeyReturn, 0)
	g.heard("entry shown")
	g.tap("Open the conversation")
	if g.ui.desk.page != pageInbox || g.ui.desk.open != "k" {
		t.Error("the entry leads to its conversation")
	}

	agent := officer(audited(60, nil), inbox.Agent)
	g = newStage(t, agent, Settings{EnterSends: true}, 1440, 1000)
	g.heard("inbox shown")
	g.open("k")
	if g.shows("In the audit log…") {
		t.Error("an agent sees only his own entries: the link would tell nothing")
	}
}

func TestWhoReadsNoConversationsBeginsWhereThereIsSomethingToDo(t *testing.T) {
	for role, want := range map[inbox.Role]page{inbox.PrivacyOfficer: pageDecisions, inbox.ITAdmin: pageRequests, inbox.Auditor: pageAudit, inbox.Agent: pageInbox, inbox.Supervisor: pageInbox} {
		m := officer(audited(20, wholeChain()), role)
		g := newStage(t, m, Settings{}, 1180, 800)
		g.until("the desk", func() bool { return g.ui.desk != nil && g.ui.desk.loaded })
		g.rest()
		if g.ui.desk.page != want {
			t.Errorf("%v begins at page %d", role, g.ui.desk.page)
		}
	}
}

func TestAPrivacyOfficerDecidesWithoutAConversation(t *testing.T) {
	m := newMemory()
	m.me.Role, m.me.Inboxes = inbox.PrivacyOfficer, nil
	m.reveals = []inbox.Reveal{{ID: "r1", Conversation: "far", Field: inbox.FieldPhone, By: "tb", Why: inbox.ReasonLaw, Note: inbox.PlainText("Anfrage der Polizei"), At: ago(time.Minute), Until: ago(-14 * time.Minute)}}
	m.pending = m.reveals
	m.answer = func(q inbox.Question) (inbox.Answer, error) { return inbox.Decided{State: inbox.RevealGranted}, nil }
	g := newStage(t, m, Settings{}, 1000, 600)
	g.wantShown("Tobias Brandt asks to see: Phone")
	g.rest()
	if g.ui.desk.page != pageDecisions {
		t.Error("what waits for him is not where he begins")
	}
	g.picture("decisions-officer")
	g.press(fyne.KeyDown, 0)
	g.win.Canvas().Focused().TypedRune('a')
	g.heard("reveal decision answered")
}

func TestWhyAMessageIsHeldStandsBesideIt(t *testing.T) {
	m := supervising()
	m.tell(func() {
		for i := range m.held {
			m.held[i].Message.Found = []inbox.GuardRule{inbox.GuardDiscount, inbox.GuardLink}
		}
	})
	g := newStage(t, m, Settings{}, 1180, 820)
	g.heard("inbox shown")
	g.press(fyne.Key3, ctrl)
	g.wantShown("Found: a discount nobody has approved; a link the company does not know.")
	g.rest()
	g.picture("decisions-found")

	english(t)
	msg := out(0, "tb", inbox.Queued, "20 %")
	msg.Seq, msg.Held, msg.Found, msg.Kind = 4, true, []inbox.GuardRule{inbox.GuardDiscount, inbox.GuardDiscount}, inbox.Text
	for role, want := range map[inbox.Role]string{inbox.Agent: "Held: a supervisor decides before it leaves. Found: a discount nobody has approved.",
		inbox.Supervisor: "Held: it waits for your decision. Found: a discount nobody has approved."} {
		me := newMemory().me
		me.Role = role
		var v ItemView
		unsent(&v, &msg, newStaff(me, newMemory().people))
		if v.Notice != want {
			t.Errorf("%v reads %q", role, v.Notice)
		}
	}
}

func TestEveryIncidentHasItsOwnWords(t *testing.T) {
	for _, l := range []string{"en", "de", "it"} {
		if err := speak(l); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for k := inbox.IncidentSentOutside; k <= inbox.IncidentTampering; k++ {
			text := incidentWord(k)
			if text == "" || seen[text] || strings.HasPrefix(text, "incident.") {
				t.Errorf("%s, kind %d: %q", l, k, text)
			}
			seen[text] = true
		}
	}
}

func TestAPassphraseIsSetOnThisDevice(t *testing.T) {
	m := idle()
	var set string
	with := m.with
	m.with = func(s *Session) {
		with(s)
		s.Passphrase = func(_ context.Context, text string) error { set = text; return nil }
	}
	g := newStage(t, m, Settings{EnterSends: true}, 1280, 800)
	g.heard("inbox shown")
	g.press(fyne.KeyComma, ctrl)
	g.rest()
	g.picture("settings-signed")
	g.tap("Passphrase of this device")
	g.heard("passphrase shown")
	g.typeText("four unrelated words")
	g.press(fyne.KeyReturn, 0)
	g.picture("passphrase")
	g.typeText("four unrelated words")
	g.press(fyne.KeyReturn, 0)
	g.heard("passphrase set")
	if set != "four unrelated words" || !g.ui.desk.session.HasPassphrase {
		t.Error("it was not set")
	}
	g.press(fyne.KeyComma, ctrl)
	g.tap("Sign out")
	g.tap("Sign out")
	g.heard("lock ready")
	if g.ui.desk != nil {
		t.Error("the inbox is still there")
	}
}

func TestARowOfTheLogShowsNoIDs(t *testing.T) {
	english(t)
	const id = "28j257hx4b22chc86buhmikby2"
	for _, x := range []struct{ act, detail, want string }{
		{"guard.found", "wish " + id + " message " + id + " discount/above-limit/hold discount/unknown/warn payment-card//block", "a discount nobody has approved; a payment card's number"},
		{"guard.alerted", "wish " + id + " message " + id + " other-contact/number/block/" + id, "data of another customer"},
		{"message.withdrawn", id, ""},
		{"reveal.asked", "field 2 why 3", word("contact.phone") + " · " + word("reason.call")},
		{"device.holdings", "2026-11-01 2026-11-22", "2026-11-01 2026-11-22"},
		{"wipe.proven", id + " receipt 0a1b", ""},
		{"wipe.ordered", id + " why 1 epoch 3 order 0a1b", wipeReason(1)},
		{"session.ended", "revoked", word("audit.why.revoked")},
		{"sign-in.refused", "password", word("audit.why.password")},
		{"keys.rotated", "7", ""},
	} {
		if got := plainDetail(inbox.AuditEntry{Act: x.act, Detail: x.detail}); got != x.want {
			t.Errorf("%s: %q", x.act, got)
		}
	}
	m := company()
	e := inbox.AuditEntry{ID: "e1", Act: "message.withdrawn", Detail: id}
	whole := entryFacts(e, house{}, newStaff(m.me, m.people), map[inbox.DeviceID]string{"d2": "LT-0391"}, at1453)
	if !slices.ContainsFunc(whole, func(f FactView) bool { return f.Text == id }) {
		t.Error("the entry in full leaves its detail out")
	}
}
