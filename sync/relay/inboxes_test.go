package relay

import (
	"reflect"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/whatsapp"
)

func TestWhatWasToldOfAnInboxStaysWhenItGetsAnotherName(t *testing.T) {
	cfg := newConfig(t, nil)
	r, err := Open(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	change := func(in *inbox.Inbox) { in.Quality, in.Daily = inbox.QualityLow, 250 }
	for range 2 { // the second time is no news
		if err := r.changeInbox(t.Context(), "sales", change); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(toldIn(t, r, inbox.CompanyLog)); n != 2 {
		t.Errorf("told %d times", n)
	}
	r.Close()
	cfg.Inboxes[0].Name = "Verkauf"
	if r, err = Open(t.Context(), cfg, Options{}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	facts := toldIn(t, r, inbox.CompanyLog)
	last, _ := facts[len(facts)-1].(inbox.InboxChanged)
	if !reflect.DeepEqual(last.Inbox, inbox.Inbox{ID: "sales", Name: "Verkauf", Quality: inbox.QualityLow, Daily: 250}) {
		t.Errorf("told %+v", last.Inbox)
	}
}

func TestNewsGoesToTheInboxesItIsAbout(t *testing.T) {
	inboxes := func(list ...InboxConfig) *Relay {
		r := &Relay{cfg: Config{Inboxes: list}}
		r.inboxes = r.cfg.inboxByNumber()
		return r
	}
	two := inboxes(InboxConfig{ID: "a", Number: "+4930111", PhoneNumberID: "1", AccountID: "100"},
		InboxConfig{ID: "b", Number: "+4930222", PhoneNumberID: "2", AccountID: "100"},
		InboxConfig{ID: "c", Number: "+4930333", PhoneNumberID: "3", AccountID: "200"})
	old := inboxes(InboxConfig{ID: "a", Number: "+4930111", PhoneNumberID: "1"})
	review := whatsapp.AccountReview{Decision: "APPROVED"}
	for name, x := range map[string]struct {
		r    *Relay
		c    whatsapp.Change
		want string
	}{
		"a number":                        {two, whatsapp.Change{PhoneNumberID: "2", AccountID: "100"}, "b"},
		"a number of nobody":              {two, whatsapp.Change{PhoneNumberID: "9", AccountID: "100", Notice: review}, ""},
		"an account":                      {two, whatsapp.Change{AccountID: "100", Notice: review}, "ab"},
		"another account":                 {two, whatsapp.Change{AccountID: "300", Notice: review}, ""},
		"a number of an account, by name": {two, whatsapp.Change{AccountID: "100", Notice: whatsapp.SecurityEvent{DisplayPhoneNumber: "49 30 222"}}, "b"},
		"an account nobody named":         {old, whatsapp.Change{AccountID: "300", Notice: review}, "a"},
		"messages without a number":       {old, whatsapp.Change{AccountID: "300", Messages: make([]whatsapp.Message, 1)}, ""},
	} {
		got := ""
		for _, id := range x.r.concerned(&x.c) {
			got += string(id)
		}
		if got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
	if two.scope("a") != "" || two.scope("c") != "c" {
		t.Error("an account of two inboxes has two incidents, or one of one inbox has none")
	}
}

func TestARestrictionEndsWhenWhatsAppSaidAndOldNewsChangesNothing(t *testing.T) {
	r := newRelay(t, nil)
	now := time.Now()
	r.now = func() time.Time { return now }
	tell := func(at time.Time, n whatsapp.Notice) {
		t.Helper()
		c := whatsapp.Change{AccountID: "1", EntryTime: at, Notice: n, Raw: whatsapp.Raw(at.String())}
		if err := r.notice(t.Context(), "sales", c); err != nil {
			t.Fatal(err)
		}
	}
	open := func() int {
		t.Helper()
		list, err := r.Incidents(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	tell(now, whatsapp.AccountUpdate{Event: "ACCOUNT_RESTRICTION", Restrictions: []whatsapp.Restriction{
		{Type: "RESTRICTED_BIZ_INITIATED_MESSAGING", Until: now.Add(time.Hour)}, {Type: "RESTRICTED_ADD_PHONE_NUMBER_ACTION"},
	}})
	for _, x := range []struct {
		after time.Duration
		open  int
	}{{0, 2}, {59 * time.Minute, 2}, {2 * time.Minute, 1}, {365 * 24 * time.Hour, 1}} {
		now = now.Add(x.after)
		if err := r.endTroubles(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := open(); n != x.open {
			t.Errorf("after %s more there are %d incidents", x.after, n)
		}
	}
	tell(now, whatsapp.NumberQuality{Event: "FLAGGED", Limit: "TIER_250"})
	tell(now.Add(-time.Hour), whatsapp.NumberQuality{Event: "UNFLAGGED", Limit: "TIER_100K"})
	in, err := r.inboxNow(t.Context(), "sales")
	if err != nil || in.Quality != inbox.QualityLow || in.Daily != 250 || open() != 2 {
		t.Errorf("%+v with %d incidents, %v", in, open(), err)
	}
	tell(now.Add(time.Hour), whatsapp.NumberQuality{Event: "UNFLAGGED", Limit: "TIER_100K"})
	if in, err = r.inboxNow(t.Context(), "sales"); err != nil || in.Daily != 100_000 || open() != 1 {
		t.Errorf("%+v with %d incidents, %v", in, open(), err)
	}
}
