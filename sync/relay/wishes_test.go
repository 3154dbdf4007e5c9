package relay

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

func TestEveryWishNeedsARightAndLeavesAnAuditEntryOfItsOwn(t *testing.T) {
	acts := map[audit.Act]inbox.IntentKind{}
	for _, b := range inbox.IntentBodies() {
		kind := b.IntentKind()
		if actions[kind] == 0 {
			t.Errorf("%T needs no right", b)
		}
		act := auditActs[kind]
		if act == "" || acts[act] != 0 {
			t.Errorf("%T has no act of its own: %q", b, act)
		}
		acts[act] = kind
	}
}

// Whatever a wish names is looked up, stored and logged: nothing but a name may stand there.
func TestNoWishNamesAnythingThatIsNoName(t *testing.T) {
	for _, b := range inbox.IntentBodies() {
		fields := reflect.TypeOf(b)
		for i := range fields.NumField() {
			f := fields.Field(i)
			if f.Name == "Conversation" || f.Type.Kind() != reflect.String || !strings.HasSuffix(f.Type.Name(), "ID") {
				continue
			}
			x := reflect.New(fields).Elem()
			x.Field(i).SetString("+49 151 55501234")
			if mayBeIDs(x.Interface().(inbox.IntentBody)) {
				t.Errorf("%T: %s may be anything", b, f.Name)
			}
			x.Field(i).SetString(inbox.NewID[string]())
			if !mayBeIDs(x.Interface().(inbox.IntentBody)) {
				t.Errorf("%T: %s may not be a name", b, f.Name)
			}
		}
	}
}

func TestARecordedConsentIsProvenSealedAndAuditedOnce(t *testing.T) {
	r := newRelay(t, nil)
	in := inbox.InboxID(r.cfg.Inboxes[0].ID)
	shard := eventlog.Shard(in.Log())
	at := inbox.At(r.now())
	card, _, err := r.vault.Resolve(t.Context(), vault.Identity{Phone: "15550100777", ProfileName: "Jo"}, at)
	if err != nil {
		t.Fatal(err)
	}
	id := inbox.NewID[inbox.ConversationID]()
	update := func(bodies ...inbox.EventBody) {
		t.Helper()
		err := r.db.Update(t.Context(), shard, func(tx ledger.Tx) error {
			_, err := eventlog.Append(tx, at, "", bodies...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	update(inbox.ConversationOpened{Conversation: id, Inbox: in, Contact: card})
	agent := inbox.Person{ID: "agent", Role: inbox.Agent, Inboxes: []inbox.InboxID{in}}
	const proof = "signed form 4711 in the shop"
	wish := inbox.Intent{ID: "wish-1", Body: inbox.RecordConsent{Conversation: id, Proof: proof}}
	for range 2 {
		if o := r.wish(t.Context(), agent, "laptop", wish); o.Refusal != inbox.Granted || o.Retry != 0 {
			t.Fatalf("%+v", o)
		}
	}
	entries, err := r.consentLedger(t.Context(), in, card.ID)
	if err != nil || len(entries) != 1 || entries[0].Proof != proof || entries[0].By != agent.ID || entries[0].Marketing != inbox.Given {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	what, recorded := 0, 0
	err = r.db.View(t.Context(), shard, func(tx ledger.Tx) error {
		c, _, err := eventlog.Conversation(tx, id)
		if c.Consent.Marketing != inbox.Given || c.Consent.Source != inbox.FromRecord {
			t.Errorf("consent %+v", c.Consent)
		}
		for seq := uint64(1); seq < 10; seq++ {
			if m, ok, _ := eventlog.MessageAt(tx, seq); ok && m.What == inbox.WhatConsented {
				what++
			}
		}
		for bucket := range map[string]bool{bucketConsent: true, "log": true, "audit": true} {
			for _, row := range tx.Scan(bucket, nil, nil) {
				if strings.Contains(string(row), "4711") {
					t.Errorf("the proof stands open in %s", bucket)
				}
			}
		}
		all, err2 := audit.Entries(tx, 0, 100)
		for _, e := range all {
			if e.Act == audit.ConsentRecorded {
				recorded++
			}
		}
		if err == nil {
			err = err2
		}
		return err
	})
	if err != nil || what != 1 || recorded != 1 {
		t.Errorf("%d items and %d audit entries, %v", what, recorded, err)
	}
	for source, want := range map[inbox.ConsentSource]inbox.Refusal{
		inbox.FromKeyword: inbox.RefusedConsent, inbox.FromSettings: inbox.RefusedConsent, inbox.FromRefusal: inbox.RefusedConsent, inbox.FromRecord: inbox.Granted,
	} {
		for name, c := range map[string]inbox.Consent{
			"marketing": {Marketing: inbox.Withdrawn, Source: source}, "everything": {Templates: inbox.Withdrawn, Source: source},
		} {
			update(inbox.ConsentChanged{Conversation: id, Consent: c})
			o := r.wish(t.Context(), agent, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: wish.Body})
			if o.Refusal != want {
				t.Errorf("%s stopped by source %d: %v", name, source, o.Refusal)
			}
		}
	}
	for role, want := range map[inbox.Role]inbox.Refusal{inbox.Auditor: inbox.RefusedUnknown, inbox.PrivacyOfficer: inbox.RefusedUnknown, inbox.ITAdmin: inbox.RefusedUnknown} {
		p := inbox.Person{ID: "other", Role: role, Inboxes: []inbox.InboxID{in}}
		if o := r.wish(t.Context(), p, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: wish.Body}); o.Refusal != want {
			t.Errorf("role %d: %v", role, o.Refusal)
		}
		if _, err := r.typing(t.Context(), p, inbox.Typing{Conversation: id}); err != want {
			t.Errorf("role %d is told of typing: %v", role, err)
		}
	}
	if _, err := r.typing(t.Context(), agent, inbox.Typing{Conversation: "no-such"}); err != inbox.RefusedUnknown {
		t.Errorf("typing where there is no conversation: %v", err)
	}
	if _, err := r.typing(t.Context(), agent, inbox.Typing{Conversation: id}); err != inbox.RefusedWindow {
		t.Errorf("typing outside of the window: %v", err)
	}
}

func TestCardsAndRatesThatCannotWorkAreRefusedByTheirKey(t *testing.T) {
	good := CardConfig{ID: "desk", Name: "Desk", Phone: "+493023125001", Email: "desk@example.com", URL: "https://example.com"}
	with := func(change func(*CardConfig)) []CardConfig {
		c := good
		change(&c)
		return []CardConfig{c}
	}
	base := newConfig(t, nil)
	base.Cards = []CardConfig{good}
	if err := base.Check(); err != nil {
		t.Fatal(err)
	}
	for key, cards := range map[string][]CardConfig{
		"card.id":     with(func(c *CardConfig) { c.ID = "Front Desk" }),
		"twice":       {good, good},
		"card.name":   with(func(c *CardConfig) { c.Name = " " }),
		"can be":      with(func(c *CardConfig) { c.Phone, c.Email, c.URL = "", "", "" }),
		"card.phone":  with(func(c *CardConfig) { c.Phone = "030 23125001" }),
		"card.email":  with(func(c *CardConfig) { c.Email = "Desk <desk@example.com>" }),
		"card.url":    with(func(c *CardConfig) { c.URL = "example.com" }),
		"inbox.rate ": nil,
	} {
		c := base
		c.Cards = cards
		if cards == nil {
			c.Inboxes = []InboxConfig{base.Inboxes[0]}
			c.Inboxes[0].Rate = maxNumberRate + 1
		}
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	text := strings.NewReplacer("# [[card]]", "[[card]]", "# id = ", "id = ", "# name = ", "name = ", "# company = \"Example Ltd\"", "company = \"Example Ltd\"",
		"# phone = ", "phone = ", "# email = ", "email = ", "# url = ", "url = ", "# rate = ", "rate = ").Replace(Example())
	c, err := parseConfig(filepath.Join(t.TempDir(), "relay.toml"), text, func(string) string { return "secret" })
	if err != nil || len(c.Cards) != 1 || c.Inboxes[0].Rate != 20 || c.WhatsApp.ReadReceipts == nil || !*c.WhatsApp.ReadReceipts {
		t.Errorf("the example with everything switched on: %+v, %v", c.Cards, err)
	}
}
