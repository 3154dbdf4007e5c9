package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

const (
	bucketParked  = "parked"              // raw rows that could not be turned into facts
	bucketThread  = "thread"              // contact id -> conversation id
	rawPerRound   = 4096                  // raw rows turned into facts in one transaction, at most
	bytesPerRound = 8 << 20               // and about so many bytes of them
	crowdPause    = 60 * time.Millisecond // between rounds while many webhooks wait for their 200: fewer, larger rounds
	maxRawTries   = 5                     // then the row is parked and an alarm raised
	rememberedRaw = 16 << 20              // bytes of decoded rows kept in memory between the two steps
)

var errRow = errors.New("row of the relay is damaged")

// An item is one message, one message the company wrote elsewhere, one status, or what else a change holds.
type item struct {
	change  *whatsapp.Change
	message *whatsapp.Message
	echo    *whatsapp.Message
	status  *whatsapp.Status
}

// items yields the items of one inbox in the order Meta wrote them.
func (r *Relay) items(id inbox.InboxID, d whatsapp.Delivery) iter.Seq[item] {
	return func(yield func(item) bool) {
		for i := range d.Changes {
			c := &d.Changes[i]
			if !slices.Contains(r.concerned(c), id) {
				continue
			}
			if refused(c) { // whatever it holds
				if !yield(item{change: c}) {
					return
				}
				continue
			}
			for j := range c.Messages {
				if !yield(item{change: c, message: &c.Messages[j]}) {
					return
				}
			}
			for j := range c.Echoes {
				if !yield(item{change: c, echo: &c.Echoes[j]}) {
					return
				}
			}
			for j := range c.Statuses {
				if !yield(item{change: c, status: &c.Statuses[j]}) {
					return
				}
			}
			more := len(c.Errors)+len(c.Preferences) > 0
			if (more || len(c.Messages)+len(c.Echoes)+len(c.Statuses) == 0) && !yield(item{change: c}) {
				return
			}
		}
	}
}

// An intake turns the raw rows of one inbox into facts, in order. While one lot of facts waits for the disk, the next is
// being prepared.
type intake struct {
	r     *Relay
	id    inbox.InboxID
	shard string

	after uint64 // the last row that became facts, or was parked; owned by run
	first uint64 // the first row that this process found; owned by run until the first trim

	mu    sync.Mutex
	ready map[uint64]decoded // rows that were just written, so that they need not be read and decoded again
	bytes int
	taken uint64 // the last row that was had from the ledger instead
}

type decoded struct {
	row      rawRow
	delivery whatsapp.Delivery
	err      error // set: the row cannot be read
}

func newIntake(r *Relay, id inbox.InboxID) *intake {
	return &intake{r: r, id: id, shard: eventlog.Shard(id.Log()), ready: map[uint64]decoded{}}
}

func (in *intake) remember(n uint64, row rawRow, d whatsapp.Delivery) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if n <= in.taken || in.bytes+len(row.Body) > rememberedRaw {
		return
	}
	in.bytes += len(row.Body)
	in.ready[n] = decoded{row: row, delivery: d}
}

// recall takes the row n if it is in memory. With elsewhere, a row that is not will be had from the ledger.
func (in *intake) recall(n uint64, elsewhere bool) (decoded, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	d, ok := in.ready[n]
	if ok {
		delete(in.ready, n)
		in.bytes -= len(d.row.Body)
	} else if elsewhere {
		in.taken = max(in.taken, n)
	}
	return d, ok
}

// run works until ctx ends. poke tells that there may be rows; it is only a hint.
func (in *intake) run(ctx context.Context, poke <-chan struct{}) error {
	trim := make(chan uint64, 1)
	var trimmer sync.WaitGroup
	trimmer.Go(func() {
		var done uint64
		for n := range trim {
			if err := in.trim(ctx, max(done+1, in.first), n); err == nil {
				done = n
			} else if ctx.Err() == nil {
				in.r.log.Error("raw webhooks cannot be removed", "inbox", string(in.id), "error", err)
			}
		}
	})
	defer trimmer.Wait()
	defer close(trim)
	tries := map[uint64]int{}
	next := in.ahead(ctx, in.after)
	defer func() { <-next }()
	for ctx.Err() == nil {
		now := <-next
		done, err := 0, now.err
		if len(now.rows) == 0 {
			next = make(chan lot, 1)
			next <- lot{}
		} else {
			next = in.ahead(ctx, now.rows[len(now.rows)-1].n)
			done, err = in.round(ctx, now, tries)
			if done < len(now.rows) {
				<-next // it stands on what did not happen
				next = in.ahead(ctx, in.after)
			}
		}
		if err != nil && ctx.Err() == nil {
			in.r.log.Error("intake stopped for a moment", "inbox", string(in.id), "error", err)
		}
		if done > 0 {
			select { // the newest number counts
			case <-trim:
			default:
			}
			trim <- in.after
		}
		if len(now.rows) > 0 && err == nil {
			continue
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
		<-next
		next = in.ahead(ctx, in.after)
	}
	return nil
}

// trim removes the rows from and to n, which are facts now. If the relay dies before, they become facts once more,
// without harm.
func (in *intake) trim(ctx context.Context, from, n uint64) error {
	return in.r.db.Update(ctx, rawShard(in.id), func(tx ledger.Tx) error {
		for ; from <= n; from++ {
			if err := tx.Delete(bucketRaw, binary.BigEndian.AppendUint64(nil, from)); err != nil {
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

// A lot is some consecutive rows and the facts they lead to. err says why the facts are not known.
type lot struct {
	rows  []numbered
	facts []fact
	err   error
}

// ahead prepares the rows after a place in the background.
func (in *intake) ahead(ctx context.Context, after uint64) chan lot {
	c := make(chan lot, 1)
	go func() {
		var l lot
		if in.r.raw.crowded() {
			pause(ctx, crowdPause)
		}
		if l.rows, l.err = in.rows(ctx, after); l.err == nil {
			l.facts, l.err = in.prepare(ctx, l.rows)
		}
		c <- l
	}()
	return c
}

// round turns a lot into facts in one transaction and returns how many rows it is done with. If that does not work, it
// goes row by row, so that a row that cannot be understood does not hold up the others for ever.
func (in *intake) round(ctx context.Context, l lot, tries map[uint64]int) (done int, err error) {
	if in.first == 0 {
		in.first = l.rows[0].n
	}
	if err = l.err; err == nil {
		err = in.write(ctx, l.facts)
	}
	if errors.Is(err, errStale) { // something was learnt since the lot was prepared
		if l.facts, err = in.prepare(ctx, l.rows); err == nil {
			err = in.write(ctx, l.facts)
		}
	}
	if err == nil {
		in.after = l.rows[len(l.rows)-1].n
		return len(l.rows), nil
	}
	for _, row := range l.rows {
		facts, err := in.prepare(ctx, []numbered{row})
		if err == nil {
			err = in.write(ctx, facts)
		}
		if errors.Is(err, ledger.ErrFull) {
			return done, err // no fault of the row, and there will be room again
		}
		if err != nil {
			if tries[row.n]++; ctx.Err() != nil || tries[row.n] < maxRawTries {
				return done, err // later rows wait: order matters more than haste
			}
			in.r.log.Error("webhook parked", "inbox", string(in.id), "row", row.n, "error", err)
			in.r.metrics.parked.Inc()
			if err := in.park(ctx, row.n); err != nil {
				return done, err
			}
			once := fmt.Sprint("parked ", in.id, " ", row.n)
			if err := in.r.raise(ctx, once, inbox.Incident{Kind: inbox.IncidentUnreadable, Inbox: in.id}); err != nil {
				return done, err
			}
		}
		delete(tries, row.n)
		in.after = row.n
		done++
	}
	return done, nil
}

// rows returns the next rows after a place: those that were just written from memory, else what the ledger has.
func (in *intake) rows(ctx context.Context, after uint64) (rows []numbered, err error) {
	bytes := 0
	full := func(row numbered) bool {
		rows = append(rows, row)
		bytes += len(row.row.Body)
		return len(rows) == rawPerRound || bytes > bytesPerRound
	}
	for n := after + 1; ; n++ { // numbers have no gaps
		d, ok := in.recall(n, false)
		if !ok || full(numbered{n: n, decoded: d}) {
			break
		}
	}
	if len(rows) > 0 {
		return rows, nil
	}
	err = in.r.db.View(ctx, rawShard(in.id), func(tx ledger.Tx) error {
		for key, value := range tx.Scan(bucketRaw, binary.BigEndian.AppendUint64(nil, after+1), nil) {
			row := numbered{n: binary.BigEndian.Uint64(key)}
			if d, ok := in.recall(row.n, true); ok {
				row.decoded = d
			} else if cbor.Unmarshal(value, &row.row) != nil {
				row.err = errRow
			} else {
				row.delivery, row.err = whatsapp.Decode(row.row.Body)
			}
			if full(row) {
				break
			}
		}
		return nil
	})
	return rows, err
}

// prepare does for every item what needs the vault, and nothing that lasts beside it.
func (in *intake) prepare(ctx context.Context, rows []numbered) ([]fact, error) {
	facts := make([]fact, 0, len(rows))
	for _, row := range rows {
		if row.err != nil {
			return nil, row.err
		}
		for it := range in.r.items(in.id, row.delivery) {
			f, err := in.prepareItem(ctx, it, row.row.At)
			if err != nil {
				return nil, err
			}
			if f.write != nil {
				facts = append(facts, f)
			}
		}
	}
	return facts, nil
}

// prepareItem keeps a fault of ours in judging one text from ending the relay: the row is put aside as any that cannot be
// understood.
func (in *intake) prepareItem(ctx context.Context, it item, at inbox.Moment) (f fact, err error) {
	defer func() {
		if v := recover(); v != nil {
			in.r.log.Error("a delivery made the relay stumble", "inbox", string(in.id), "stack", string(debug.Stack()))
			f, err = fact{}, errStumbled
		}
	}()
	return in.r.prepare(ctx, in.id, it, at)
}

var errStumbled = errors.New("preparing an item panicked")

// write writes the facts in one transaction.
func (in *intake) write(ctx context.Context, facts []fact) error {
	at := inbox.At(in.r.now())
	err := in.r.db.Update(ctx, in.shard, func(tx ledger.Tx) error {
		log := eventlog.NewWriter(tx)
		for _, f := range facts {
			if err := f.write(tx, log, at); err != nil {
				return err
			}
		}
		return log.Flush()
	})
	if err != nil {
		return err
	}
	in.r.metrics.facts.Add(float64(len(facts)))
	for _, f := range facts {
		if f.after != nil {
			if err := f.after(ctx); err != nil {
				return err
			}
		}
	}
	return nil
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
