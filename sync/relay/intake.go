package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

const (
	bucketParked  = "parked" // raw rows that could not be turned into facts
	bucketThread  = "thread" // contact id -> conversation id
	rawPerRound   = 512      // raw rows turned into facts in one transaction, at most
	bytesPerRound = 8 << 20  // and about so many bytes of them
	maxRawTries   = 5        // then the row is parked and an alarm raised
	rememberedRaw = 16 << 20 // bytes of decoded rows kept in memory between the two steps
)

var errRow = errors.New("row of the relay is damaged")

// An item is one message, one status, or a change that holds neither.
type item struct {
	change  *whatsapp.Change
	message *whatsapp.Message
	status  *whatsapp.Status
}

// items yields the items of one inbox in the order Meta wrote them.
func (r *Relay) items(id inbox.InboxID, d whatsapp.Delivery) iter.Seq[item] {
	return func(yield func(item) bool) {
		for i := range d.Changes {
			c := &d.Changes[i]
			if r.inboxes[c.PhoneNumberID] != id {
				continue
			}
			for j := range c.Messages {
				if !yield(item{change: c, message: &c.Messages[j]}) {
					return
				}
			}
			for j := range c.Statuses {
				if !yield(item{change: c, status: &c.Statuses[j]}) {
					return
				}
			}
			if len(c.Messages)+len(c.Statuses) == 0 && !yield(item{change: c}) {
				return
			}
		}
	}
}

// An intake turns the raw rows of one inbox into facts, in order.
type intake struct {
	r     *Relay
	id    inbox.InboxID
	shard string

	after uint64 // the last row that became facts, or was parked; owned by run

	mu    sync.Mutex
	ready map[uint64]decoded // rows that were just written, so that they need not be read and decoded again
	bytes int
}

type decoded struct {
	row      rawRow
	delivery whatsapp.Delivery
}

func newIntake(r *Relay, id inbox.InboxID) *intake {
	return &intake{r: r, id: id, shard: eventlog.Shard(id.Log()), ready: map[uint64]decoded{}}
}

func (in *intake) remember(n uint64, row rawRow, d whatsapp.Delivery) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.bytes+len(row.Body) > rememberedRaw {
		return
	}
	in.bytes += len(row.Body)
	in.ready[n] = decoded{row: row, delivery: d}
}

func (in *intake) recall(n uint64) (decoded, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	d, ok := in.ready[n]
	if ok {
		delete(in.ready, n)
		in.bytes -= len(d.row.Body)
	}
	return d, ok
}

// run works until ctx ends. poke tells that there may be rows; it is only a hint.
func (in *intake) run(ctx context.Context, poke <-chan struct{}) error {
	trim := make(chan uint64, 1)
	var trimmer sync.WaitGroup
	trimmer.Go(func() {
		for n := range trim {
			if err := in.trim(ctx, n); err != nil && ctx.Err() == nil {
				in.r.log.Error("raw webhooks cannot be removed", "inbox", string(in.id), "error", err)
			}
		}
	})
	defer trimmer.Wait()
	defer close(trim)
	tries := map[uint64]int{}
	for ctx.Err() == nil {
		n, err := in.round(ctx, tries)
		if err != nil && ctx.Err() == nil {
			in.r.log.Error("intake stopped for a moment", "inbox", string(in.id), "error", err)
		}
		if n > 0 {
			select { // the newest number counts
			case <-trim:
			default:
			}
			trim <- in.after
			if err == nil {
				continue
			}
		}
		wait := time.NewTimer(time.Minute)
		if err != nil {
			wait.Reset(time.Second)
		}
		select {
		case <-ctx.Done():
		case <-poke:
		case <-wait.C:
		}
		wait.Stop()
	}
	return nil
}

// trim removes the rows up to n, which are facts now. If the relay dies before, they become facts once more, without harm.
func (in *intake) trim(ctx context.Context, n uint64) error {
	return in.r.db.Update(ctx, rawShard(in.id), func(tx ledger.Tx) error {
		for key := range tx.Scan(bucketRaw, nil, binary.BigEndian.AppendUint64(nil, n+1)) {
			if err := tx.Delete(bucketRaw, key); err != nil {
				return err
			}
		}
		return nil
	})
}

type numbered struct {
	n uint64
	decoded
}

// round turns up to rawPerRound rows into facts in one transaction and returns how many it is done with. If that does
// not work, it goes row by row, so that a row that cannot be understood does not hold up the others for ever.
func (in *intake) round(ctx context.Context, tries map[uint64]int) (done int, err error) {
	rows, err := in.rows(ctx)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if err := in.project(ctx, rows); err == nil || ctx.Err() != nil {
		if err == nil {
			in.after = rows[len(rows)-1].n
		}
		return len(rows), err
	}
	for _, row := range rows {
		if err := in.project(ctx, []numbered{row}); err != nil {
			if tries[row.n]++; ctx.Err() != nil || tries[row.n] < maxRawTries {
				return done, err // later rows wait: order matters more than haste
			}
			in.r.log.Error("webhook parked", "inbox", string(in.id), "row", row.n, "error", err)
			in.r.metrics.parked.Inc()
			if err := in.park(ctx, row.n); err != nil {
				return done, err
			}
		}
		delete(tries, row.n)
		in.after = row.n
		done++
	}
	return done, nil
}

func (in *intake) rows(ctx context.Context) (rows []numbered, err error) {
	err = in.r.db.View(ctx, rawShard(in.id), func(tx ledger.Tx) error {
		rows = rows[:0]
		bytes := 0
		for key, value := range tx.Scan(bucketRaw, binary.BigEndian.AppendUint64(nil, in.after+1), nil) {
			row := numbered{n: binary.BigEndian.Uint64(key)}
			if d, ok := in.recall(row.n); ok {
				row.decoded = d
			} else {
				if cbor.Unmarshal(value, &row.row) != nil {
					return errRow
				}
				if row.delivery, err = whatsapp.Decode(row.row.Body); err != nil {
					return err
				}
			}
			rows = append(rows, row)
			if bytes += len(row.row.Body); len(rows) == rawPerRound || bytes > bytesPerRound {
				break
			}
		}
		return nil
	})
	return rows, err
}

// project prepares every item outside the transaction, where it may use the vault, and then writes them all.
func (in *intake) project(ctx context.Context, rows []numbered) error {
	var facts []fact
	for _, row := range rows {
		for it := range in.r.items(in.id, row.delivery) {
			f, err := in.r.prepare(ctx, in.id, it, row.row.At)
			if err != nil {
				return err
			}
			if f != nil {
				facts = append(facts, f)
			}
		}
	}
	at := inbox.At(in.r.now())
	err := in.r.db.Update(ctx, in.shard, func(tx ledger.Tx) error {
		for _, f := range facts {
			if err := f(tx, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		in.r.metrics.facts.Add(float64(len(facts)))
	}
	return err
}

// park keeps a row that cannot be turned into facts where a person can look at it.
func (in *intake) park(ctx context.Context, n uint64) error {
	key := binary.BigEndian.AppendUint64(nil, n)
	return in.r.db.Update(ctx, rawShard(in.id), func(tx ledger.Tx) error {
		value, err := tx.Get(bucketRaw, key)
		if err != nil || value == nil {
			return err
		}
		return tx.Put(bucketParked, key, value)
	})
}

// backlog returns how many raw rows wait, for metrics.
func (in *intake) backlog(ctx context.Context) (n int, err error) {
	err = in.r.db.View(ctx, rawShard(in.id), func(tx ledger.Tx) error {
		n = 0
		for range tx.Scan(bucketRaw, nil, nil) {
			n++
		}
		return nil
	})
	return n, err
}
