package relay

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// The delivery ledger: how far each device has come in each log, day by day. A cache holds its log from the beginning, so
// that is enough to say what was on a device at any time, when the laptop itself is lost.
//
// It never says too little. Within a day it takes what was delivered by the end of it, cut to what was there at the time
// asked about; that a device dropped something since, such as an inbox its person does not work in any more, it leaves out
// of account.

const (
	// bucketDelivered is a bucket of the company's shard: device, log, day and epoch of the log -> seq and moment.
	bucketDelivered = "delivered"
	deliveredEvery  = 2 * time.Second
	holdingsPage    = 256
	holdingsLife    = 2 * time.Minute // of what was gathered for the first page

	actHoldings audit.Act = "device.holdings" // Detail is the time asked about
)

// A deliveryKey is a row of the ledger.
type deliveryKey struct {
	device inbox.DeviceID
	log    inbox.LogID
	day    string
	epoch  string
}

func (k deliveryKey) bytes() []byte {
	return []byte(strings.Join([]string{string(k.device), string(k.log), k.day, k.epoch}, "\x00"))
}

func deliveryKeyOf(b []byte) (k deliveryKey, ok bool) {
	part := strings.Split(string(b), "\x00")
	if len(part) != 4 {
		return k, false
	}
	return deliveryKey{inbox.DeviceID(part[0]), inbox.LogID(part[1]), part[2], part[3]}, true
}

// deliveries are what is yet to be written down.
type deliveries struct {
	mu   sync.Mutex
	last map[deliveryKey]inbox.Cursor
}

// delivered notes that a device has everything up to a cursor, or may have: what was sent and not acknowledged counts too.
// It costs a look into a map; what is noted is written down within two seconds, and by Close.
func (r *Relay) delivered(id inbox.DeviceID, c inbox.Cursor) {
	if c.Seq == 0 || c.Log.Inbox() == "" {
		return
	}
	key := deliveryKey{device: id, log: c.Log, day: r.now().UTC().Format(time.DateOnly), epoch: c.Epoch}
	x := &r.wipes.delivered
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.Seq > x.last[key].Seq {
		x.last[key] = c
	}
}

// elsewhere stands for every generation of a log but ours, where a device says that it has one.
const elsewhere = "elsewhere"

// claimed notes what a device says that it has of a log it follows: no more than there is, and a row of its own for no
// generation, because its word is all there is for that one.
func (r *Relay) claimed(id inbox.DeviceID, c inbox.Cursor, head wire.LogHead) {
	if c.Epoch != head.Epoch {
		c = inbox.Cursor{Log: c.Log, Epoch: elsewhere, Seq: min(c.Seq, 1)}
	}
	c.Seq = min(c.Seq, max(head.Seq, 1))
	r.delivered(id, c)
}

// flushDelivered writes down what was noted.
func (r *Relay) flushDelivered(ctx context.Context) error {
	x := &r.wipes.delivered
	x.mu.Lock()
	noted := x.last
	x.last = map[deliveryKey]inbox.Cursor{}
	x.mu.Unlock()
	if len(noted) == 0 {
		return nil
	}
	err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		for k, c := range noted {
			key := k.bytes()
			row, err := tx.Get(bucketDelivered, key)
			if err != nil {
				return err
			}
			if len(row) == 8 && binary.BigEndian.Uint64(row) >= c.Seq {
				continue
			}
			if err := tx.Put(bucketDelivered, key, binary.BigEndian.AppendUint64(nil, c.Seq)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for k, c := range noted {
		if c.Seq > x.last[k].Seq {
			x.last[k] = c
		}
	}
	return fmt.Errorf("writing down what was delivered: %w", err)
}

// A reachRow is how much of a log was on a device.
type reachRow struct {
	log inbox.LogID
	seq map[string]uint64 // by epoch
}

// reachOf returns how far a device had come in each inbox's log by the end of a day.
func (r *Relay) reachOf(ctx context.Context, id inbox.DeviceID, day string) (list []reachRow, err error) {
	if err := r.flushDelivered(ctx); err != nil {
		return nil, err
	}
	err = r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		list = nil
		first := append([]byte(id), 0)
		for key, row := range tx.Scan(bucketDelivered, first, ledger.After(first)) {
			k, ok := deliveryKeyOf(key)
			if !ok || len(row) != 8 {
				return errRow
			}
			if k.day > day {
				continue
			}
			if len(list) == 0 || list[len(list)-1].log != k.log { // rows of one log stand together
				list = append(list, reachRow{log: k.log, seq: map[string]uint64{}})
			}
			seq := list[len(list)-1].seq
			seq[k.epoch] = max(seq[k.epoch], binary.BigEndian.Uint64(row))
		}
		return tx.Err()
	})
	return list, err
}

// holdingsCache keeps what was gathered for one device, so that its pages cost one look through the logs.
type holdingsCache struct {
	mu   sync.Mutex
	key  string
	made time.Time
	list []inbox.Holding
}

// holdingsOf returns what was on a device at some time between two moments, to == 0 being now, by conversation.
func (r *Relay) holdingsOf(ctx context.Context, id inbox.DeviceID, from, to inbox.Moment) ([]inbox.Holding, error) {
	if to == 0 {
		to = inbox.At(r.now())
	}
	wipe, wiped, err := r.lastWipe(ctx, id)
	if err != nil {
		return nil, err
	}
	if over := wipe.Wipe.Proven; wiped && wipe.inForce() {
		if dark := wipe.Wipe.Dark; dark != 0 && (over == 0 || dark < over) {
			over = dark
		}
		if over != 0 && over <= from { // from then on there was nothing that anybody can read
			return nil, nil
		}
	}
	reach, err := r.reachOf(ctx, id, to.Time().UTC().Format(time.DateOnly))
	if err != nil {
		return nil, err
	}
	found := map[inbox.ConversationID]inbox.Holding{}
	for _, row := range reach {
		head, err := r.logs.Head(ctx, row.log)
		if err != nil {
			return nil, err
		}
		// Places of an older generation of the log say nothing of this one: then time alone decides.
		upTo := row.seq[head.Epoch]
		if len(row.seq) > 1 || row.seq[head.Epoch] == 0 {
			upTo = head.Seq
		}
		if err := r.holdingsIn(ctx, found, row.log, id, upTo, from, to); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b inbox.Holding) int {
		return strings.Compare(string(a.Conversation), string(b.Conversation))
	}), nil
}

func (r *Relay) holdingsIn(ctx context.Context, found map[inbox.ConversationID]inbox.Holding, log inbox.LogID, id inbox.DeviceID, upTo uint64, from, to inbox.Moment) error {
	return r.db.View(ctx, eventlog.Shard(log), func(tx ledger.Tx) error {
		mine := map[inbox.ConversationID]inbox.Holding{}
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			conversation := e.Body.Of()
			if e.Seq > upTo || e.At > to || conversation == "" {
				continue
			}
			h, ok := mine[conversation]
			if !ok {
				h = inbox.Holding{Inbox: log.Inbox(), Conversation: conversation}
			}
			if added, is := e.Body.(inbox.MessageAdded); is && added.Message.Kind != inbox.System {
				at := added.Message.At
				if h.Messages++; h.Messages == 1 {
					h.First, h.Last = at, at
				}
				h.First, h.Last = min(h.First, at), max(h.Last, at)
			} else if ok {
				continue
			}
			mine[conversation] = h
		}
		for _, value := range tx.Scan(bucketReveal, nil, nil) {
			var row revealRow
			if cbor.Unmarshal(value, &row) != nil {
				return errRow
			}
			x := row.Reveal
			if row.Device != id || x.Shown == 0 || x.Shown > to || x.Until < from {
				continue
			}
			h, ok := mine[x.Conversation]
			if !ok {
				h = inbox.Holding{Inbox: log.Inbox(), Conversation: x.Conversation}
			}
			if !slices.Contains(h.Revealed, x.Field) {
				h.Revealed = append(h.Revealed, x.Field)
				slices.Sort(h.Revealed)
			}
			mine[x.Conversation] = h
		}
		maps.Copy(found, mine)
		return tx.Err()
	})
}

// askHoldings answers what was on a device.
func (r *Relay) askHoldings(ctx context.Context, a asker, q inbox.AskHoldings) (inbox.Holdings, error) {
	err := r.mayDo(ctx, a, q.Device, inbox.ActHoldings)
	if err == nil && (q.After != "" && !isID(string(q.After)) || q.To != 0 && q.To < q.From || q.From < 0) {
		err = inbox.RefusedMalformed
	}
	if err != nil {
		return inbox.Holdings{}, r.refusedAct(ctx, a, actHoldings, string(q.Device), err)
	}
	// Each page is a look: where a page begins is for the asker to say.
	if err := r.recordHoldings(ctx, a.by(), q.Device, q.From, q.To); err != nil {
		return inbox.Holdings{}, err
	}
	list, err := r.cachedHoldings(ctx, q)
	if err != nil {
		return inbox.Holdings{}, err
	}
	i := sort.Search(len(list), func(i int) bool { return list[i].Conversation > q.After })
	page := list[i:min(len(list), i+holdingsPage)]
	return inbox.Holdings{List: page, Total: len(list), More: i+len(page) < len(list)}, nil
}

// cachedHoldings goes through the logs for a first page, and again when the pages come too late.
func (r *Relay) cachedHoldings(ctx context.Context, q inbox.AskHoldings) ([]inbox.Holding, error) {
	x := &r.wipes.holdings
	x.mu.Lock()
	defer x.mu.Unlock()
	key := fmt.Sprint(q.Device, " ", q.From, " ", q.To)
	if q.After != "" && x.key == key && r.now().Sub(x.made) < holdingsLife {
		return x.list, nil
	}
	list, err := r.holdingsOf(ctx, q.Device, q.From, q.To)
	if err != nil {
		return nil, err
	}
	x.key, x.made, x.list = key, r.now(), list
	return list, nil
}

// recordHoldings writes down that somebody looked at what was on a device.
func (r *Relay) recordHoldings(ctx context.Context, by identity.By, id inbox.DeviceID, from, to inbox.Moment) error {
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		return audit.Record(tx, audit.Entry{
			At: inbox.At(r.now()), Actor: by.Person, Device: by.Device, Act: actHoldings, Object: string(id), Detail: fmt.Sprint(from, " ", to),
		})
	})
}
