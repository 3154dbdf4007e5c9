package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A desk is one inbox with customers who have just written, and a WhatsApp that answers as the test says.
type desk struct {
	t     *testing.T
	db    ledger.DB
	vault *vault.Vault
	shard string
	log   lockedBuffer
	ahead atomic.Int64 // of the pipeline's clock, in nanoseconds

	mu    sync.Mutex
	posts []post
	reply func(ctx context.Context, text string) (whatsapp.SendResult, error)

	config func(*Config) // what a test wants otherwise
	told   []string      // trouble and limits, in order
}

type post struct {
	message, text string
	at            time.Time
	mail          whatsapp.Outgoing
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const sales = inbox.InboxID("sales")

func newDesk(t *testing.T) *desk {
	t.Helper()
	master, err := vault.NewMaster(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledger.Open(filepath.Join(t.TempDir(), "relay.db"), ledger.Config{Key: master.LedgerKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	v, err := vault.Open(t.Context(), db, master, vault.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, db: db, vault: v, shard: eventlog.Shard(sales.Log()), reply: accept}
}

func (d *desk) now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }

func accept(context.Context, string) (whatsapp.SendResult, error) {
	return whatsapp.SendResult{ID: whatsapp.NewMessageID("wamid." + string(inbox.NewID[inbox.MessageID]()))}, nil
}

func refused(status, code int) error {
	return &whatsapp.APIError{HTTPStatus: status, Code: code, Class: whatsapp.ClassOf(code)}
}

// Send implements [Sender].
func (d *desk) Send(ctx context.Context, _ string, m whatsapp.Outgoing) (whatsapp.SendResult, error) {
	text := fmt.Sprintf("%T", m.Content)
	if c, ok := m.Content.(whatsapp.SendText); ok {
		text = c.Body
	}
	d.mu.Lock()
	d.posts = append(d.posts, post{m.Callback, text, time.Now(), m})
	reply := d.reply
	d.mu.Unlock()
	return reply(ctx, text)
}

func (d *desk) answer(f func(ctx context.Context, text string) (whatsapp.SendResult, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reply = f
}

func (d *desk) posted() []post {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]post(nil), d.posts...)
}

func (d *desk) update(f func(ledger.Tx) error) {
	d.t.Helper()
	if err := d.db.Update(d.t.Context(), d.shard, f); err != nil {
		d.t.Fatal(err)
	}
}

// customer makes a contact who has just written, and returns the contact, the conversation and what was written.
func (d *desk) customer(n int) (inbox.ContactID, inbox.ConversationID, inbox.MessageID) {
	d.t.Helper()
	at := inbox.At(d.now())
	card, _, err := d.vault.Resolve(d.t.Context(), vault.Identity{Phone: fmt.Sprintf("15550100%03d", n)}, at)
	if err != nil {
		d.t.Fatal(err)
	}
	conversation, message := inbox.NewID[inbox.ConversationID](), inbox.NewID[inbox.MessageID]()
	d.update(func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, at, "",
			inbox.ConversationOpened{Conversation: conversation, Inbox: sales, Contact: card},
			inbox.MessageAdded{Message: inbox.Message{ID: message, Conversation: conversation, At: at, Side: inbox.FromContact, Kind: inbox.Text}})
		return err
	})
	return card.ID, conversation, message
}

// queue puts a text into the queue as a granted wish does.
func (d *desk) queue(contact inbox.ContactID, conversation inbox.ConversationID, text string) inbox.MessageID {
	d.t.Helper()
	return d.queueParcel(conversation, Parcel{Contact: contact, Text: text})
}

// queueParcel is queue for anything that is a message.
func (d *desk) queueParcel(conversation inbox.ConversationID, p Parcel) inbox.MessageID {
	d.t.Helper()
	id := inbox.NewID[inbox.MessageID]()
	p.Message = id
	parcel, err := Seal(d.t.Context(), d.vault, p)
	if err != nil {
		d.t.Fatal(err)
	}
	at := inbox.At(d.now())
	d.update(func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, at, "", inbox.MessageAdded{Message: inbox.Message{
			ID: id, Conversation: conversation, At: at, Side: inbox.FromPerson, Kind: inbox.Text, Receipt: inbox.Queued,
		}})
		return errors.Join(err, parcel.Enqueue(tx))
	})
	return id
}

func (d *desk) pipeline(db ledger.DB) *Pipeline {
	cfg := Config{DB: db, Vault: d.vault, Sender: d, Log: slog.New(slog.NewTextHandler(&d.log, nil)), Now: d.now}
	note := func(word string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.told = append(d.told, word)
	}
	cfg.Trouble = func(_ context.Context, c whatsapp.Class, code int) {
		note(strings.TrimSpace(fmt.Sprint(string(c), " ", code)))
	}
	cfg.Limited = func(context.Context) { note("limited") }
	if d.config != nil {
		d.config(&cfg)
	}
	return New(sales, "106540352242922", cfg)
}

// run starts a pipeline and returns how to poke and how to stop it.
func (d *desk) run(db ledger.DB) (poke func(), stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	pokes, done := make(chan struct{}, 1), make(chan error, 1)
	go func() { done <- d.pipeline(db).Run(ctx, pokes) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
	})
	d.t.Cleanup(stop)
	return func() {
		select {
		case pokes <- struct{}{}:
		default:
		}
	}, stop
}

func (d *desk) receipt(id inbox.MessageID) (m inbox.Message) {
	d.t.Helper()
	err := d.db.View(d.t.Context(), d.shard, func(tx ledger.Tx) (err error) {
		m, _, err = eventlog.Message(tx, id)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

func (d *desk) waiting() (n int) {
	d.t.Helper()
	n, err := d.pipeline(d.db).QueueLength(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d *desk) await(what string, holds func() bool) {
	d.t.Helper()
	late := time.After(20 * time.Second)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			d.t.Fatalf("waited in vain for: %s\n%s", what, d.log.String())
		}
	}
}

func TestAStoppingRelayLearnsTheFateOfThePostUnderWay(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	d.queue(contact, conversation, "hello")
	leaving, answer := make(chan struct{}), make(chan struct{})
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		close(leaving)
		select {
		case <-answer:
			return accept(ctx, text)
		case <-ctx.Done():
			return whatsapp.SendResult{}, &whatsapp.TransportError{Outcome: whatsapp.OutcomeUnknown, Timeout: true}
		}
	})
	_, stop := d.run(d.db)
	<-leaving
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	select {
	case <-stopped:
		t.Fatal("the relay stopped while a post was under way")
	case <-time.After(100 * time.Millisecond):
	}
	close(answer)
	<-stopped
	if n := d.waiting(); n != 0 {
		t.Errorf("%d messages are left without a fate", n)
	}
}

func TestAMessageThatCannotBePreparedIsPutOffAndHoldsNobodyElseUp(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	bad := d.queue(contact, conversation, "lost")
	d.update(func(tx ledger.Tx) error { // its text is somebody else's
		return tx.Put(bucketPayload, []byte(bad), []byte("not what was sealed"))
	})
	other, there, _ := d.customer(2)
	d.queue(other, there, "hello")
	poke, _ := d.run(d.db)
	d.await("the other message", func() bool { return len(d.posted()) == 1 })
	<-time.After(300 * time.Millisecond) // long enough for hundreds of useless attempts
	if n := strings.Count(d.log.String(), "cannot be claimed"); n != 1 {
		t.Errorf("it was tried %d times within a moment", n)
	}
	// It does not get better: in the end a person is told.
	d.await("the failure to be shown", func() bool {
		d.ahead.Add(int64(time.Hour))
		poke()
		return d.receipt(bad).Receipt == inbox.Failed && d.receipt(bad).Failure == inbox.FailInternal
	})
}

// A moodyDB refuses updates while told so.
type moodyDB struct {
	ledger.DB
	mood atomic.Pointer[error]
}

func (m *moodyDB) Update(ctx context.Context, shard string, f func(ledger.Tx) error) error {
	if err := m.mood.Load(); err != nil {
		return *err
	}
	return m.DB.Update(ctx, shard, f)
}

func (m *moodyDB) refuse(err error) { m.mood.Store(&err) }
func (m *moodyDB) relent()          { m.mood.Store(nil) }

func TestAConversationGoesOnWhenAFullDiskHasRoomAgain(t *testing.T) {
	d := newDesk(t)
	db := &moodyDB{DB: d.db}
	contact, conversation, _ := d.customer(1)
	d.queue(contact, conversation, "first")
	d.queue(contact, conversation, "second")
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		if text == "first" { // the disk fills up while the post is under way
			db.refuse(ledger.ErrFull)
			time.AfterFunc(1500*time.Millisecond, db.relent)
		}
		return accept(ctx, text)
	})
	d.run(db)
	d.await("both messages", func() bool { return len(d.posted()) == 2 && d.waiting() == 0 })
	if p := d.posted(); p[0].text != "first" || p[1].text != "second" {
		t.Errorf("posted %v", p)
	}
}

func TestARelayStartsOnAFullDisk(t *testing.T) {
	d := newDesk(t)
	db := &moodyDB{DB: d.db}
	db.refuse(ledger.ErrFull)
	contact, conversation, _ := d.customer(1)
	d.queue(contact, conversation, "hello")
	d.run(db)
	d.await("the trouble to be told", func() bool { return strings.Contains(d.log.String(), "stopped for a moment") })
	db.relent()
	d.await("the message", func() bool { return len(d.posted()) == 1 })
}

func TestAThroughputRefusalSilencesTheWholeNumber(t *testing.T) {
	d := newDesk(t)
	const customers = 40
	for i := range customers {
		contact, conversation, _ := d.customer(i)
		d.queue(contact, conversation, fmt.Sprint(i))
	}
	var first atomic.Bool
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		if !first.Swap(true) {
			return whatsapp.SendResult{}, refused(429, 130429)
		}
		<-time.After(150 * time.Millisecond) // a real answer takes its time
		return accept(ctx, text)
	})
	d.run(d.db)
	d.await("all", func() bool { return len(d.posted()) == customers+1 })
	posts := d.posted()
	// What was under way already is out of reach; nothing else left for a second.
	before := 0
	for _, p := range posts {
		if p.at.Sub(posts[0].at) < 900*time.Millisecond {
			before++
		}
	}
	if before > inFlight {
		t.Errorf("%d posts left while WhatsApp wanted silence", before-inFlight)
	}
}

func TestPostsWithoutAnAnswerDoNotKeepOthersFromLeaving(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	d.update(func(tx ledger.Tx) error {
		for range 3000 {
			key, err := tx.Sequence(bucketQueue)
			if err != nil {
				return err
			}
			r := row{Message: inbox.NewID[inbox.MessageID](), Contact: contact, State: silent, Due: inbox.At(d.now()).Add(time.Hour)}
			if err := putRow(tx, fmt.Appendf(nil, "%08d", key), r); err != nil {
				return err
			}
		}
		return nil
	})
	id := d.queue(contact, conversation, "hello")
	d.update(func(tx ledger.Tx) error { // behind all of them
		key, err := tx.Get(bucketPlace, []byte(id))
		if err != nil {
			return err
		}
		r, _, err := rowAt(tx, key)
		return errors.Join(err, tx.Delete(bucketQueue, key), putRow(tx, []byte("99999999"), r), tx.Put(bucketPlace, []byte(id), []byte("99999999")))
	})
	d.run(d.db)
	d.await("the message", func() bool { return len(d.posted()) == 1 })
}

func TestARequestWhatsAppCouldNotTakeIsShownAsFailedAtOnce(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	d.answer(func(context.Context, string) (whatsapp.SendResult, error) {
		return whatsapp.SendResult{}, fmt.Errorf("%w: no recipient", whatsapp.ErrRequest)
	})
	id := d.queue(contact, conversation, "hello")
	d.run(d.db)
	d.await("the failure", func() bool { return d.receipt(id).Failure == inbox.FailInternal })
	if n := d.waiting(); n != 0 {
		t.Errorf("%d messages still wait", n)
	}
}

func TestNothingLeavesOnceTheWindowHasClosed(t *testing.T) {
	d := newDesk(t)
	contact, conversation, theirs := d.customer(1)
	d.answer(func(context.Context, string) (whatsapp.SendResult, error) {
		return whatsapp.SendResult{}, &whatsapp.TransportError{Outcome: whatsapp.OutcomeNotSent} // the network is down
	})
	text := d.queue(contact, conversation, "hello")
	reaction, err := Seal(t.Context(), d.vault, Parcel{Message: inbox.NewID[inbox.MessageID](), Contact: contact, React: theirs, Emoji: "👍"})
	if err != nil {
		t.Fatal(err)
	}
	d.update(reaction.Enqueue)
	poke, _ := d.run(d.db)
	d.await("the first attempt", func() bool { return len(d.posted()) == 1 })
	d.ahead.Add(int64(inbox.ReplyWindow))
	d.answer(accept)
	d.await("the queue to be empty", func() bool {
		poke()
		return d.waiting() == 0
	})
	if m := d.receipt(text); m.Receipt != inbox.Failed || m.Failure != inbox.FailWindow {
		t.Errorf("the text is %d, %d", m.Receipt, m.Failure)
	}
	if n := len(d.posted()); n != 1 {
		t.Errorf("%d posts", n)
	}
}

func TestAMessageThatWasPutOffDoesNotLeaveEarly(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	d.queue(contact, conversation, "hello")
	var stale queued
	d.update(func(tx ledger.Tx) error {
		for q, err := range rows(tx) {
			if err != nil {
				return err
			}
			stale = q
		}
		put := stale.row
		put.Due = inbox.At(d.now()).Add(time.Hour)
		return putRow(tx, stale.key, put)
	})
	d.pipeline(d.db).deliver(t.Context(), stale.key, stale.row) // what a round does that read the queue before
	if n := len(d.posted()); n != 0 {
		t.Errorf("it was posted %d times", n)
	}
}

// TestARelayThatDiesBetweenAnyTwoWritesPostsNothingTwice stops the store after each of the writes sending makes, as a
// crash does, and goes on with a new pipeline.
func TestARelayThatDiesBetweenAnyTwoWritesPostsNothingTwice(t *testing.T) {
	for name, reply := range map[string]func(context.Context, string) (whatsapp.SendResult, error){
		"accepted": accept,
		"lost": func(context.Context, string) (whatsapp.SendResult, error) {
			return whatsapp.SendResult{}, &whatsapp.TransportError{Outcome: whatsapp.OutcomeUnknown}
		},
	} {
		for point := range 6 {
			t.Run(fmt.Sprintf("%s after %d writes", name, point), func(t *testing.T) {
				d := newDesk(t)
				d.answer(reply)
				contact, conversation, _ := d.customer(1)
				ids := []inbox.MessageID{d.queue(contact, conversation, "a"), d.queue(contact, conversation, "b")}
				db := &dyingDB{DB: d.db}
				db.left.Store(int64(point))
				_, stop := d.run(db)
				d.await("the crash, or nothing left to do", func() bool { return db.left.Load() < 0 || len(d.posted()) == 2 })
				stop()
				poke, _ := d.run(d.db)
				d.await("every message to leave or be given up", func() bool {
					d.ahead.Add(int64(SettleWait))
					poke()
					return d.waiting() == 0
				})
				times := map[string]int{}
				for _, p := range d.posted() {
					times[p.message]++
				}
				for _, id := range ids {
					if n := times[string(id)]; n > 1 || n == 0 && d.receipt(id).Receipt != inbox.Unknown {
						t.Errorf("a message left %d times and is shown as %d", n, d.receipt(id).Receipt)
					}
				}
			})
		}
	}
}

// A dyingDB takes a number of updates and no more.
type dyingDB struct {
	ledger.DB
	left atomic.Int64
}

func (d *dyingDB) Update(ctx context.Context, shard string, f func(ledger.Tx) error) error {
	if d.left.Add(-1) < 0 {
		return ledger.ErrClosed
	}
	return d.DB.Update(ctx, shard, f)
}

// TestMessagesToACustomerLeaveInOrderWhateverHappensToThem mixes refusals that ask for another try into a conversation.
func TestMessagesToACustomerLeaveInOrderWhateverHappensToThem(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	for i := range 8 {
		d.queue(contact, conversation, fmt.Sprint(i))
	}
	refusedOnce := map[string]bool{}
	var taken []string
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := text[0] - '0'; n%3 == 1 && !refusedOnce[text] {
			refusedOnce[text] = true
			return whatsapp.SendResult{}, refused(400, 131056)
		}
		taken = append(taken, text)
		return accept(ctx, text)
	})
	poke, _ := d.run(d.db)
	d.await("all", func() bool {
		d.ahead.Add(int64(100 * time.Millisecond))
		poke()
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(taken) == 8
	})
	if got := strings.Join(taken, ""); got != "01234567" {
		t.Errorf("they left as %s", got)
	}
}
