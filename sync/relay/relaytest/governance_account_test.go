package relaytest

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
)

// metrics returns what the relay says to those who run it.
func metrics(t *testing.T, c *Company) string {
	t.Helper()
	res, err := http.Get("http://" + c.Config.Listen.Ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestNewsAboutTheNumberAndTheAccountBecomeIncidentsOnceAndEnd(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	agent := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	find := func(kind inbox.IncidentKind) (i inbox.Incident) {
		for _, i = range d.Store.Incidents() {
			if i.Kind == kind {
				return i
			}
		}
		return inbox.Incident{}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Sim.SetFaults(wasim.Faults{Duplicate: 1, Copies: 2})
	d.Await("the number to be asked about", func() bool { return len(d.Store.Inboxes()) == 1 && d.Store.Inboxes()[0].Quality == inbox.QualityHigh })
	must(c.Sim.RateNumber(PhoneNumberID, "RED"))
	d.Await("a low rating", func() bool {
		return d.Store.Inboxes()[0].Quality == inbox.QualityLow && find(inbox.IncidentQuality).Count == 1
	})
	must(c.Sim.SecurityEvent(PhoneNumberID, "PIN_CHANGED"))
	d.Await("the PIN", func() bool { return find(inbox.IncidentSecurity).Detail == "PIN_CHANGED" })
	must(c.Sim.RenameNumber(PhoneNumberID, "Sales Ltd", "REJECTED"))
	d.Await("the name", func() bool { return find(inbox.IncidentName).Detail == "REJECTED" })
	c.Sim.Alert("WARNING", "PROFILE_PICTURE_LOST", "Look at it")
	d.Await("the alert", func() bool { return find(inbox.IncidentAccountNotice).Detail == "PROFILE_PICTURE_LOST" })
	must(c.Sim.UpdateAccount("DISABLED_UPDATE", map[string]any{"ban_info": map[string]any{"waba_ban_state": "DISABLE", "waba_ban_date": "November 21, 2026"}}))
	d.Await("the ban", func() bool {
		return find(inbox.IncidentRestricted).Count == 1 && d.Store.Inboxes()[0].State == inbox.InboxHeld
	})
	text := metrics(t, c)
	for _, line := range []string{`sealdesk_incidents_open{kind="security"} 1`, `sealdesk_incidents_open{kind="spam"} 0`, "sealdesk_requests_overdue 0"} {
		if !strings.Contains(text, line) {
			t.Errorf("metrics have no %s", line)
		}
	}

	must(c.Sim.UpdateAccount("DISABLED_UPDATE", map[string]any{"ban_info": map[string]any{"waba_ban_state": "REINSTATE"}}))
	d.Await("the end of the ban", func() bool {
		return find(inbox.IncidentRestricted).Closed != 0 && d.Store.Inboxes()[0].State == inbox.InboxWorking
	})
	must(c.Sim.RateNumber(PhoneNumberID, "GREEN"))
	d.Await("a better rating", func() bool { return find(inbox.IncidentQuality).Closed != 0 })
	must(c.Sim.RenameNumber(PhoneNumberID, "Sales Ltd", "APPROVED"))
	d.Await("the name to be taken", func() bool { return find(inbox.IncidentName).Closed != 0 })
	for _, i := range d.Store.Incidents() {
		if i.Count != 1 {
			t.Errorf("kind %d was counted %d times", i.Kind, i.Count)
		}
	}
	if n := len(agent.Store.Incidents()); n != 0 {
		t.Errorf("an agent sees %d incidents", n)
	}
}

func TestALowerLimitIsAnIncidentAndAHigherOneEndsIt(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	limit := func(n int) {
		c.Sim.SetPortfolioLimit(n)
		d.Await("the limit", func() bool { return len(d.Store.Inboxes()) == 1 && d.Store.Inboxes()[0].Daily == n })
	}
	limit(10_000)
	limit(250)
	d.Await("the incident", func() bool {
		return len(d.Store.Incidents()) == 1 && d.Store.Incidents()[0].Kind == inbox.IncidentLimit
	})
	limit(100_000)
	d.Await("its end", func() bool { return d.Store.Incidents()[0].Closed != 0 })
}

const newTemplate = `name = "order_ready"
language = "en"
category = "utility"
body = "Hello {{1}}, your order is ready for you."
examples = ["Ann"]
`

func TestATemplateLives(t *testing.T) {
	c := Start(t, Options{Sim: func(conf *wasim.Config) { conf.ReviewAfter = 200 * time.Millisecond }})
	supervisor, agent := c.Person("Sabine Lorenz", inbox.Supervisor), c.Person("Tobias Brandt", inbox.Agent)
	d := c.Device(supervisor, DeviceOptions{})
	r, ctx := c.Relay(), t.Context()
	if _, err := r.CreateTemplate(ctx, relay.TemplateWish{By: agent.Name, File: newTemplate}); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("an agent: %v", err)
	}
	made, err := r.CreateTemplate(ctx, relay.TemplateWish{By: supervisor.Name, File: newTemplate})
	if err != nil || made.ID == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := r.CreateTemplate(ctx, relay.TemplateWish{By: supervisor.Name, File: newTemplate}); !errors.Is(err, relay.ErrTemplateRefused) {
		t.Errorf("the same again: %v", err)
	}
	state := func(want inbox.TemplateState) func() bool {
		return func() bool { x := templateOn(t, d, "order_ready", "en"); return x.ID == made.ID && x.State == want }
	}
	d.Await("the approval", state(inbox.TemplateApproved))

	incident := func() (i inbox.Incident) {
		for _, i = range d.Store.Incidents() {
			if i.Kind == inbox.IncidentTemplate && i.Detail == "order_ready" {
				return i
			}
		}
		return inbox.Incident{}
	}
	c.Sim.NextDelivery(wasim.Faults{Duplicate: 1, Copies: 2})
	if err := c.Sim.Review("order_ready", "en", "PAUSED", ""); err != nil {
		t.Fatal(err)
	}
	d.Await("the pause", state(inbox.TemplatePaused))
	d.Await("its incident", func() bool { return incident().Count == 1 && incident().Closed == 0 })
	if err := c.Sim.Review("order_ready", "en", "UNPAUSED", ""); err != nil {
		t.Fatal(err)
	}
	d.Await("the end of the pause", state(inbox.TemplateApproved))
	d.Await("the end of the incident", func() bool { return incident().Closed != 0 })

	if err := c.Sim.RateTemplate("order_ready", "en", "RED"); err != nil {
		t.Fatal(err)
	}
	d.Await("the rating", func() bool { return templateOn(t, d, "order_ready", "en").Quality == inbox.QualityLow })
	if err := c.Sim.Recategorize("order_ready", "en", "MARKETING", false); err != nil {
		t.Fatal(err)
	}
	d.Await("the category", func() bool {
		return templateOn(t, d, "order_ready", "en").Category == inbox.Marketing && incident().Closed == 0 && incident().Count == 1
	})
	edited, err := r.EditTemplate(ctx, relay.TemplateWish{By: supervisor.Name, File: strings.Replace(newTemplate, "ready for you", "on its way", 1)})
	if err != nil || edited.ID != made.ID {
		t.Fatalf("%+v, %v", edited, err)
	}
	d.Await("the new text", func() bool { return strings.Contains(templateOn(t, d, "order_ready", "en").Body, "on its way") })
}

func TestDeletingTakesOneLanguageUnlessAllAreMeant(t *testing.T) {
	c := Start(t, Options{})
	p := c.Person("Sabine Lorenz", inbox.Supervisor)
	d := c.Device(p, DeviceOptions{})
	r, ctx := c.Relay(), t.Context()
	templateOn(t, d, "follow_up", "de")
	languages := func(name string) (all []string) {
		for _, x := range d.Store.Templates("sales") {
			if x.Name == name {
				all = append(all, x.Language)
			}
		}
		return all
	}
	for name, w := range map[string]relay.TemplateWish{
		"neither": {By: p.Name, Name: "follow_up"}, "both": {By: p.Name, Name: "follow_up", Language: "de", AllLanguages: true},
	} {
		if _, err := r.DeleteTemplate(ctx, w); !errors.Is(err, relay.ErrLanguages) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if gone, err := r.DeleteTemplate(ctx, relay.TemplateWish{By: p.Name, Name: "follow_up", Language: "de"}); err != nil || len(gone) != 1 {
		t.Fatalf("%d went, %v", len(gone), err)
	}
	d.Await("one language to go", func() bool { return slices.Equal(languages("follow_up"), []string{"en", "it"}) })
	if n, err := r.SyncTemplates(ctx); err != nil || n != 0 {
		t.Errorf("WhatsApp has it otherwise: %d changes, %v", n, err)
	}
	if gone, err := r.DeleteTemplate(ctx, relay.TemplateWish{By: p.Name, Name: "appointment", AllLanguages: true}); err != nil || len(gone) != 3 {
		t.Fatalf("%d went, %v", len(gone), err)
	}
	d.Await("all languages to go", func() bool { return languages("appointment") == nil })
	if _, err := r.DeleteTemplate(ctx, relay.TemplateWish{By: p.Name, Name: "appointment", Language: "en"}); !errors.Is(err, relay.ErrNoTemplate) {
		t.Errorf("what is not there: %v", err)
	}
	if n, err := r.SyncTemplates(ctx); err != nil || n != 0 {
		t.Errorf("WhatsApp has it otherwise: %d changes, %v", n, err)
	}
}

func TestTheCommandLineAsksTheRunningRelay(t *testing.T) {
	c := Start(t, Options{})
	p := c.Person("Sabine Lorenz", inbox.Supervisor)
	d := c.Device(p, DeviceOptions{})
	templateOn(t, d, "follow_up", "de")
	say(t, c, "emily", "my data")
	awaitSent(t, d, c, 1)
	d.Await("the request", func() bool { return len(d.Store.Requests()) == 1 })
	if _, err := net.Dial("tcp", c.Address); err != nil {
		t.Fatal(err)
	}
	a, done, err := relay.OpenAdmin(t.Context(), c.Config, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, same := a.(*relay.Relay); same {
		t.Fatal("the store was opened beside the running relay")
	}
	ctx := t.Context()
	list, err := a.Templates(ctx, "")
	if err != nil || len(list) != 8 {
		t.Errorf("%d templates, %v", len(list), err)
	}
	if _, err := a.CreateTemplate(ctx, relay.TemplateWish{By: "Nobody", File: newTemplate}); !errors.Is(err, relay.ErrNoPerson) {
		t.Errorf("nobody: %v", err)
	}
	if x, err := a.CreateTemplate(ctx, relay.TemplateWish{By: p.Name, File: newTemplate}); err != nil || x.Name != "order_ready" {
		t.Errorf("%+v, %v", x, err)
	}
	q, err := a.Requests(ctx, false)
	if err != nil || len(q) != 1 {
		t.Fatalf("%d requests, %v", len(q), err)
	}
	if _, err := a.DecideRequest(ctx, relay.Reference(q[0].ID), p.Name, true, ""); err != nil {
		t.Fatal(err)
	}
	if doc, err := a.ExportRequest(ctx, relay.Reference(q[0].ID), p.Name); err != nil || !json.Valid(doc) {
		t.Errorf("%d bytes, %v", len(doc), err)
	}
	for _, f := range relay.Doctor(ctx, c.Path) {
		if f.What == "requests" && f.Detail != "1 customers wait for an answer about their data" {
			t.Errorf("the doctor says %q", f.Detail)
		}
		if f.What == "inbox sales" && !strings.Contains(f.Detail, "rated GREEN") {
			t.Errorf("the doctor says %q", f.Detail)
		}
	}
}
