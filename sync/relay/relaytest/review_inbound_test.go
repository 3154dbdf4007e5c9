package relaytest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A delivery of a thousand changes for two numbers of ours and one that is not, each change twice.
func TestADeliveryOfAThousandChangesIsTakenOnceByEveryInbox(t *testing.T) {
	k := openCounter(t, twoNumbers, twoInboxes)
	numbers := []string{PhoneNumberID, secondNumberID, "306540352242922"}
	var changes []string
	for n := range 500 {
		one := fmt.Sprintf(`{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"1","phone_number_id":%q},"contacts":[{"profile":{"name":"Ann"},"wa_id":"1555014%04d"}],"messages":[{"from":"1555014%04d","id":"wamid.many%d","timestamp":"%d","type":"text","text":{"body":%q}}]}}`,
			numbers[n%3], n%7, n%7, n, time.Now().Unix(), word(int64(n)))
		changes = append(changes, one, one)
	}
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[%s]}]}`, AccountID, strings.Join(changes, ","))
	for range 2 { // and the whole of it again
		if got := post(t, k.c, body, signature(AppSecret, body)); got != http.StatusOK {
			t.Fatal(got)
		}
	}
	count := func() map[string]int {
		out := map[string]int{}
		for _, r := range k.d.Rows() {
			for _, m := range k.d.Messages(r.ID) {
				out[fmt.Sprint(r.Inbox, " ", m.Body.Visible())]++
			}
		}
		return out
	}
	const theirs = 334 // of 500, two of three numbers
	k.d.Await("all of it", func() bool { return len(count()) >= theirs })
	got := count()
	for n := range 500 {
		for i, in := range []inbox.InboxID{inbox.InboxID(k.c.Config.Inboxes[0].ID), second} {
			want := 0
			if n%3 == i {
				want = 1
			}
			if shown := got[fmt.Sprint(in, " ", word(int64(n)))]; shown != want {
				t.Fatalf("message %d is shown %d times in %s", n, shown, in)
			}
		}
	}
}

func TestABodyThatIsNoWebhookIsRefusedAndTheNextIsTaken(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	deep := func(open, end string, n int) []byte {
		return []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":` + strings.Repeat(open, n) + strings.Repeat(end, n) + `}]}]}`)
	}
	for name, body := range map[string][]byte{
		"nothing": {}, "half": []byte(`{"object":`), "a word": []byte(`null`), "a list": []byte(`[]`),
		"lists in lists": deep("[", "]", 1_000_000), "objects in objects": deep(`{"a":`, "}", 300_000), "never closed": deep("[", "", 2_000_000),
		"numbers without end": []byte(`{"object":"whatsapp_business_account","entry":[{"id":1` + strings.Repeat("0", 2_000_000) + `}]}`),
		"no text":             bytes.Repeat([]byte{0xff}, 1000),
	} {
		start := time.Now()
		status := post(t, c, body, signature(AppSecret, body))
		if status != http.StatusBadRequest && status != http.StatusOK { // strange, but signed by Meta: either is an answer
			t.Errorf("%s: %d", name, status)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
	body := textWebhook("wamid.after", "still here")
	if got := post(t, c, body, signature(AppSecret, body)); got != http.StatusOK {
		t.Fatal(got)
	}
	d.Await("the message after", func() bool { return len(d.Rows()) == 1 })
}

func TestWhileASecretIsRotatedBothAreGoodAndThenOneIs(t *testing.T) {
	c := Start(t, Options{})
	const next = "the next secret of the test company"
	c.configure(func(cfg *relay.Config) {
		cfg.Secrets.PreviousAppSecret, cfg.Secrets.AppSecret = cfg.Secrets.AppSecret, whatsapp.NewAppSecret(next)
	})
	body := textWebhook("wamid.rotated", "hello")
	for _, secret := range []string{AppSecret, next} {
		if got := post(t, c, body, signature(secret, body)); got != http.StatusOK {
			t.Errorf("%s: %d", secret, got)
		}
	}
	c.configure(func(cfg *relay.Config) { cfg.Secrets.PreviousAppSecret = whatsapp.AppSecret{} })
	if got := post(t, c, body, signature(AppSecret, body)); got != http.StatusUnauthorized {
		t.Errorf("the old one still counts: %d", got)
	}
	if got := post(t, c, body, signature(next, body)); got != http.StatusOK {
		t.Errorf("the new one does not: %d", got)
	}
	if got := post(t, c, body, signature("", body)); got != http.StatusUnauthorized {
		t.Errorf("no secret at all counts: %d", got)
	}
}

func TestEveryVersionOfTheGraphAPIThatIsConfiguredIsSpoken(t *testing.T) {
	for _, version := range []string{"v23.0", "v25.0"} {
		t.Run(version, func(t *testing.T) {
			k := openCounter(t, nil, func(c *relay.Config) { c.WhatsApp.Version = version })
			id, theirs, _ := k.customer("marco", PhoneNumberID)
			k.must(inbox.SendText{Conversation: id, Text: "in " + version, Quote: theirs}, read)
		})
	}
}
