package relay

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Buckets of an inbox's shard.
const (
	bucketPriced    = "priced"    // keyed hash of Meta's id of a message -> pricedRow
	bucketCost      = "cost"      // day and class -> costRow, of the whole inbox
	bucketCostOf    = "costof"    // conversation id, day and class -> costRow
	bucketAllowance = "allowance" // month -> service messages so far
	maxCostDays     = 400
)

// A pricedRow says what is known of the price of one message. WhatsApp bills what it delivered, and says a message's price
// with some of its statuses and not with others, in any order.
type pricedRow struct {
	Category  string `cbor:"1,keyasint,omitempty"`
	Type      string `cbor:"2,keyasint,omitempty"`
	Billable  bool   `cbor:"3,keyasint,omitempty"`
	Priced    bool   `cbor:"4,keyasint,omitempty"`
	Delivered string `cbor:"5,keyasint,omitempty"` // the day, in UTC
	Counted   bool   `cbor:"6,keyasint,omitempty"`
}

// A costRow is a sum.
type costRow struct {
	Messages int   `cbor:"1,keyasint"`
	Billed   int   `cbor:"2,keyasint,omitempty"`
	Amount   int64 `cbor:"3,keyasint,omitempty"`
	Unpriced int   `cbor:"4,keyasint,omitempty"`
}

func (c *costRow) add(o costRow) {
	c.Messages += o.Messages
	c.Billed += o.Billed
	c.Amount += o.Amount
	c.Unpriced += o.Unpriced
}

// A charge is what one status says about a message's price.
type charge struct {
	rates     rates
	key       []byte
	pricing   *whatsapp.Pricing
	delivered string // the day, if the status says so
	country   string
}

// newCharge prepares what a status says about a price, nil if it says nothing.
func (r *Relay) newCharge(ctx context.Context, s whatsapp.Status, contact inbox.ContactID, key []byte, at inbox.Moment) (*charge, error) {
	c := &charge{rates: r.rates, key: key, pricing: s.Pricing}
	switch s.State {
	case whatsapp.StateDelivered, whatsapp.StateRead, whatsapp.StatePlayed:
		c.delivered = at.Time().Format(time.DateOnly)
	}
	if s.ID.IsZero() || c.pricing == nil && c.delivered == "" {
		return nil, nil
	}
	if contact == "" {
		c.country = vault.Country(identityOf(s.Recipient))
		return c, nil
	}
	card, err := r.vault.Card(ctx, contact)
	c.country = card.Country
	return c, err
}

// write counts the message once its price is known and it was delivered, for the conversation that where finds.
func (c *charge) write(tx ledger.Tx, where func(ledger.Tx) (inbox.ConversationID, error)) error {
	var row pricedRow
	known, err := getRow(tx, bucketPriced, c.key, &row)
	if err != nil || row.Counted {
		return err
	}
	before := row
	if c.pricing != nil && !row.Priced {
		row.Category, row.Type, row.Billable, row.Priced = c.pricing.Category, c.pricing.Type, c.pricing.Billable, true
	}
	if row.Delivered == "" {
		row.Delivered = c.delivered
	}
	if row.Priced && row.Delivered != "" {
		conversation, err := where(tx)
		if err != nil {
			return err
		}
		if err := c.count(tx, conversation, row); err != nil {
			return err
		}
		row = pricedRow{Counted: true}
	}
	if known && row == before {
		return nil
	}
	return putValue(tx, bucketPriced, c.key, row)
}

func (c *charge) count(tx ledger.Tx, conversation inbox.ConversationID, row pricedRow) error {
	class := classOf(row.Category, row.Type)
	if row.Type == "" && !row.Billable { // as WhatsApp wrote before there were types
		class = inbox.CostFree
	}
	if row.Category == "service" && row.Type != "free_entry_point" {
		used, err := countService(tx, row.Delivered[:len("2006-01")])
		if err != nil {
			return err
		}
		if used <= c.rates.freeService(row.Delivered) {
			class = inbox.CostFree
		}
	}
	sum := costRow{Messages: 1}
	if class != inbox.CostFree {
		sum.Billed = 1
		amount, ok := c.rates.price(row.Delivered, c.country, row.Category)
		if sum.Amount = amount; !ok {
			sum.Unpriced = 1
		}
	}
	key := append([]byte(row.Delivered), byte(class))
	if err := addCost(tx, bucketCost, key, sum); err != nil || conversation == "" {
		return err
	}
	return addCost(tx, bucketCostOf, append(costPrefix(conversation), key...), sum)
}

func costPrefix(c inbox.ConversationID) []byte { return append([]byte(c), 0) }

// countService counts one more service message of the month and returns how many there are.
func countService(tx ledger.Tx, month string) (int, error) {
	row, err := tx.Get(bucketAllowance, []byte(month))
	if err != nil {
		return 0, err
	}
	var n uint64
	if len(row) == 8 {
		n = binary.BigEndian.Uint64(row)
	}
	n++
	return int(n), tx.Put(bucketAllowance, []byte(month), binary.BigEndian.AppendUint64(nil, n))
}

func addCost(tx ledger.Tx, bucket string, key []byte, more costRow) error {
	var sum costRow
	if _, err := getRow(tx, bucket, key, &sum); err != nil {
		return err
	}
	sum.add(more)
	return putValue(tx, bucket, key, sum)
}

func getRow(tx ledger.Tx, bucket string, key []byte, into any) (bool, error) {
	row, err := tx.Get(bucket, key)
	if err != nil || row == nil {
		return false, err
	}
	if cbor.Unmarshal(row, into) != nil {
		return false, errRow
	}
	return true, nil
}

func putValue(tx ledger.Tx, bucket string, key []byte, v any) error {
	row, err := cbor.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(bucket, key, row)
}

// costs answers what WhatsApp billed. It returns an [inbox.Refusal] to who may not know, or asks what cannot be answered.
func (r *Relay) costs(ctx context.Context, p inbox.Person, q inbox.AskCosts) (inbox.Costs, error) {
	from, err := time.Parse(time.DateOnly, q.From)
	to, err2 := time.Parse(time.DateOnly, q.To)
	if err != nil || err2 != nil || to.Before(from) || to.Sub(from) >= maxCostDays*24*time.Hour {
		return inbox.Costs{}, inbox.RefusedMalformed
	}
	places, err := r.costPlaces(ctx, p, q)
	if err != nil {
		return inbox.Costs{}, err
	}
	out := inbox.Costs{Currency: r.rates.currency}
	sums := map[string]costRow{}
	bucket, prefix := bucketCost, []byte(nil)
	if q.Conversation != "" {
		bucket, prefix = bucketCostOf, costPrefix(q.Conversation)
	}
	begin := append(slices.Clone(prefix), q.From...)
	end := append(slices.Clone(prefix), to.AddDate(0, 0, 1).Format(time.DateOnly)...)
	for _, id := range places {
		one := map[string]costRow{}
		err := r.db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
			clear(one)
			for key, value := range tx.Scan(bucket, begin, end) {
				var sum costRow
				if len(key) != len(prefix)+len(time.DateOnly)+1 || cbor.Unmarshal(value, &sum) != nil {
					return errRow
				}
				one[string(key[len(prefix):])] = sum
			}
			return nil
		})
		if err != nil {
			return inbox.Costs{}, err
		}
		for key, sum := range one {
			all := sums[key]
			all.add(sum)
			sums[key] = all
		}
	}
	for key, sum := range sums {
		day := key[:len(time.DateOnly)]
		out.Lines = append(out.Lines, inbox.CostLine{
			Day: day, Class: inbox.CostClass(key[len(day)]), Messages: sum.Messages, Billed: sum.Billed, Amount: sum.Amount,
		})
		out.Unpriced += sum.Unpriced
	}
	slices.SortFunc(out.Lines, func(a, b inbox.CostLine) int {
		if a.Day != b.Day {
			if a.Day < b.Day {
				return -1
			}
			return 1
		}
		return int(a.Class) - int(b.Class)
	})
	return out, nil
}

// costPlaces returns the inboxes a question is about. Who may not see a conversation cannot tell it from one that is not
// there.
func (r *Relay) costPlaces(ctx context.Context, p inbox.Person, q inbox.AskCosts) ([]inbox.InboxID, error) {
	if q.Conversation != "" {
		if !isID(string(q.Conversation)) {
			return nil, inbox.RefusedMalformed
		}
		in, err := r.placeOf(ctx, q.Conversation)
		if err != nil {
			return nil, err
		}
		if in == "" || q.Inbox != "" && q.Inbox != in || inbox.Can(p, inbox.ActRead, inbox.Subject{Inbox: in}) != nil {
			return nil, inbox.RefusedUnknown
		}
		if err := inbox.Can(p, inbox.ActCosts, inbox.Subject{Inbox: in}); err != nil {
			return nil, err
		}
		return []inbox.InboxID{in}, nil
	}
	var out []inbox.InboxID
	for _, id := range r.inboxes {
		if (q.Inbox == "" || q.Inbox == id) && inbox.Can(p, inbox.ActCosts, inbox.Subject{Inbox: id}) == nil {
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		return nil, inbox.RefusedRight
	}
	return out, nil
}
