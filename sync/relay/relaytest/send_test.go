package relaytest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/wasim"
)

// receiptOf returns the item of the conversation whose text is given.
func receiptOf(d *Device, id inbox.ConversationID, text string) (m inbox.Message, n int) {
	for _, x := range d.Messages(id) {
		if x.Side == inbox.FromPerson && x.Body.Visible() == text {
			m = x
			n++
		}
	}
	return m, n
}

func customersGot(c *Company, text string) (n int) {
	for _, m := range c.Sim.Sent() {
		if m.Text == text {
			n++
		}
	}
	return n
}

func TestWhateverWhatsAppAnswersAMessageLeavesAtMostOnce(t *testing.T) {
	var later atomic.Int64
	c := Start(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	for _, x := range []struct {
		fault   wasim.GraphFault
		receipt inbox.Receipt
		got     int
	}{
		{wasim.TooMany, inbox.Read, 1},        // refused for now: tried again
		{wasim.ErrorAfter, inbox.Read, 1},     // taken, the answer said otherwise: a status settles it
		{wasim.ResetAfter, inbox.Read, 1},     // taken, the answer got lost
		{wasim.GarbageAfter, inbox.Read, 1},   // taken, the answer is unreadable
		{wasim.ErrorBefore, inbox.Unknown, 0}, // not taken, but the answer does not prove that
		{wasim.ResetBefore, inbox.Unknown, 0}, // not taken, and nobody can know
	} {
		text := fmt.Sprintf("Fault %d", x.fault)
		c.Sim.FailNext(x.fault)
		d.Wish(inbox.SendText{Conversation: id, Text: text})
		if x.receipt == inbox.Unknown {
			d.Await("the post", func() bool { m, _ := receiptOf(d, id, text); return m.Seq != 0 })
			// A minute without a status, told by the clock; the next message makes the relay look at it.
			d.Await("the minute to be noticed", func() bool {
				later.Add(int64(10 * time.Second))
				say(t, c, "marco", "?")
				m, _ := receiptOf(d, id, text)
				return m.Receipt == inbox.Unknown
			})
		}
		d.Await(text, func() bool { m, _ := receiptOf(d, id, text); return m.Receipt == x.receipt })
		m, shown := receiptOf(d, id, text)
		if got := customersGot(c, text); got != x.got || shown != 1 {
			t.Errorf("fault %d: the customer got it %d times, it is shown %d times", x.fault, got, shown)
		}
		if x.receipt == inbox.Unknown { // a person decides
			d.Wish(inbox.SendAgain{Conversation: id, Message: m.ID})
			d.Await("the second message to be read", func() bool {
				m, n := receiptOf(d, id, text)
				return n == 2 && m.Receipt == inbox.Read
			})
			if got := customersGot(c, text); got != 1 {
				t.Errorf("fault %d: after sending again the customer got it %d times", x.fault, got)
			}
		}
	}
}

func TestAFailureIsToldInTermsAnAgentUnderstands(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	for _, x := range []struct {
		code int
		want inbox.Failure
	}{
		{131026, inbox.FailUndeliverable}, {131050, inbox.FailStopped}, {131049, inbox.FailNotToday}, {131031, inbox.FailCompanyAccount}, // the last holds the number
	} {
		text := fmt.Sprintf("Code %d", x.code)
		c.Sim.FailDelivery(x.code)
		d.Wish(inbox.SendText{Conversation: id, Text: text})
		d.Await(text, func() bool {
			m, _ := receiptOf(d, id, text)
			return m.Receipt == inbox.Failed && m.Failure == x.want
		})
	}
}

func TestAReactionOfTheCompanyReachesTheCustomer(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	first := say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	row := d.Rows()[0]
	d.Wish(inbox.AddReaction{Conversation: row.ID, Message: d.Messages(row.ID)[0].ID, Emoji: "👍"})
	d.Await("the reaction at the customer's", func() bool {
		sent := c.Sim.Sent()
		return len(sent) == 1 && sent[0].Emoji == "👍" && sent[0].ReplyTo == first
	})
	d.Await("the reaction on the bubble", func() bool { m := d.Messages(row.ID); return len(m) == 1 && len(m[0].Reactions) == 1 })
	d.Wish(inbox.AddReaction{Conversation: row.ID, Message: d.Messages(row.ID)[0].ID, Emoji: "❤️"})
	for range 20 { // before and after the relay has recorded it, there is one reaction: the newer
		if r := d.Messages(row.ID)[0].Reactions; len(r) != 1 || r[0].Emoji != "❤️" {
			t.Fatalf("%d reactions", len(r))
		}
	}
}

// numbered is the text of a number, in letters: digits sent one after the other add up to a telephone number.
func numbered(i int) string { return fmt.Sprintf("%c%c", 'a'+i/10, 'a'+i%10) }

func TestMessagesToOneCustomerLeaveInOrder(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	for i := range 20 {
		d.Wish(inbox.SendText{Conversation: id, Text: numbered(i)})
	}
	d.Await("all of them", func() bool { return len(c.Sim.Sent()) == 20 })
	for i, m := range c.Sim.Sent() {
		if m.Text != numbered(i) {
			t.Fatalf("message %d arrived as number %d", i, i+1)
		}
	}
}
