package engine

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// Cache is what the engine needs of the store.
type Cache interface {
	// Apply takes batches in durably, all or none. Any error ends the connection; the next one resumes from Cursors.
	Apply(ctx context.Context, batches ...inbox.Batch) error
	// Cursors returns how far each log has been applied.
	Cursors() []inbox.Cursor
	// Pending returns the intents that are not settled, in the order to send them.
	Pending(ctx context.Context) ([]inbox.Intent, error)
	// Settle takes in what became of an intent. An intent it does not know is no error.
	Settle(ctx context.Context, o inbox.Outcome) error
	// Offer returns the file that must be handed to the relay before an intent, as Pending gave it, can be sent; false
	// when it can be sent as it is. What it says depends on what the intent says, not on when it is asked. An offer
	// without a digest is of a file that is lost. It must not block.
	Offer(i inbox.Intent) (inbox.OfferMedia, bool)
	// OpenOffer opens that file.
	OpenOffer(i inbox.Intent) (io.ReadSeekCloser, error)
	// Offered takes in the relay's name for that file, with which Pending gives the intent from then on. An intent it
	// does not know is no error.
	Offered(ctx context.Context, id inbox.IntentID, media inbox.MediaID) error
	// Watch pokes after Pending may have changed.
	Watch(ctx context.Context) <-chan struct{}
}

// A Direction says which way a frame went.
type Direction uint8

// The directions.
const (
	Sent     Direction = 1
	Received Direction = 2
)

// Config says who connects to which relay. Relay, Device, Key, and Cache or Custody are needed.
type Config struct {
	Relay   string // "host:port"
	Pin     wire.Pin
	Device  inbox.DeviceID
	Key     ed25519.PrivateKey
	App     string  // version of the app
	System  string  // operating system and architecture
	Cache   Cache   // used when there is no Custody
	Custody Custody // nil: no half is lent, and no order is obeyed
	// Locked makes the person show who is there before the cache is opened, even while signed in.
	Locked  bool
	Posture inbox.Posture
	Audit   string                          // verifier of the audit log's checkpoints; "": they are not looked at
	Log     *slog.Logger                    // nil: silent
	Dial    Dialer                          // nil: the system's
	Rand    func(n int64) int64             // a number from 0 to n-1, for back-off; nil: random
	Now     func() time.Time                // this machine's clock, which must agree with the relay's; nil: time.Now
	Frames  func(d Direction, frame []byte) // sees every frame as it goes over the wire; nil: nobody
}

const (
	backoffFrom  = time.Second
	backoffTo    = time.Minute
	backoffFloor = 200 * time.Millisecond // full jitter may draw nearly nothing
	goodAfter    = time.Minute            // a connection that held this long starts back-off afresh
	clockSlack   = 5 * time.Minute
	inFlight     = 16               // intents on their way
	outcomeIn    = 60 * time.Second // after that the connection is taken for broken
	waitingMax   = 128              // frames read and not yet in the cache
	nudgeIn      = 5 * time.Second  // how long a connection may take to answer after a nudge
)

// Engine keeps a device connected. Make it with [New] and run it with [Engine.Run].
type Engine struct {
	cfg       Config
	nudges    chan struct{}
	attending chan struct{} // where the person is has changed
	files     *http.Client
	boot      [16]byte    // names this run of the program
	showing   sync.Mutex  // one credential at a time
	passkeys  atomic.Bool // the person may make one
	wiping    atomic.Bool // an order came, or there was a receipt to be handed over

	mu       sync.Mutex
	link     Link
	on       *session // nil while there is none
	door     *session // over which credentials go; nil while there is none
	asked    *wire.SignIn
	fresh    time.Time
	attends  wire.Attend
	present  inbox.Presence
	uploads  map[inbox.IntentID]Upload
	showed   time.Time // when the last progress was poked
	watchers map[chan struct{}]struct{}
}

// New returns an engine that does nothing until it is run.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Int64N
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Frames == nil {
		cfg.Frames = func(Direction, []byte) {}
	}
	e := &Engine{cfg: cfg, nudges: make(chan struct{}, 1), attending: make(chan struct{}, 1), watchers: map[chan struct{}]struct{}{}, uploads: map[inbox.IntentID]Upload{}}
	e.files = e.newClient()
	crand.Read(e.boot[:])
	return e
}

// Run keeps the device connected until ctx ends, and then returns ctx's error, or until the relay gives an answer that
// trying again cannot change, and then returns one of the terminal errors.
func (e *Engine) Run(ctx context.Context) error {
	defer e.files.CloseIdleConnections()
	for tries := 0; ; tries++ {
		e.setLink(Link{State: Connecting, Err: e.Link().Err})
		held, err := e.session(ctx)
		if ctx.Err() != nil {
			e.setLink(Link{State: Offline, Err: ctx.Err()})
			return ctx.Err()
		}
		state, reason, stop := judge(err)
		if state == Wiped && !e.wiping.Load() {
			state = Copied
		}
		if stop != nil {
			e.cfg.Log.Error("the connection is over for good", "state", int(state), "error", err)
			e.setLink(Link{State: state, Err: stop})
			return stop
		}
		if held >= goodAfter {
			tries = 0
		}
		pause := e.pause(tries)
		e.cfg.Log.Info("the connection is lost", "reason", int(reason), "error", err, "pause", pause)
		e.setLink(Link{State: Offline, Reason: reason, Err: err, Next: time.Now().Add(pause)})
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-e.nudges:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// pause is how long to wait before the next try: full jitter, so that a thousand devices a relay lost at once do not
// come back at once.
func (e *Engine) pause(tries int) time.Duration {
	limit := backoffTo
	if tries < 6 { // 1 s << 6 is above the limit
		limit = min(limit, backoffFrom<<tries)
	}
	return max(backoffFloor, time.Duration(e.cfg.Rand(int64(limit))))
}

// Nudge tells the engine that trying now may be worth it: the network changed, the machine woke up, somebody pressed
// "try again". While offline the next try starts at once; while online the connection must show within five seconds
// that it is alive.
func (e *Engine) Nudge() {
	select {
	case e.nudges <- struct{}{}:
	default:
	}
}
