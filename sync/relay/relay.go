package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
	"sealdesk/sync/wire"
)

// A Relay is one running node.
type Relay struct {
	cfg         Config
	log         *slog.Logger
	now         func() time.Time
	db          ledger.DB
	files       [2]*ledger.Bolt // what db is made of: the webhooks, and all else
	vault       *vault.Vault
	people      *identity.Register
	logs        *eventlog.Reader
	graph       *whatsapp.Client
	inboxes     map[string]inbox.InboxID // by Meta's id of the number
	intakes     map[inbox.InboxID]*intake
	pipes       map[inbox.InboxID]*outbound.Pipeline
	sessions    *sessions
	presence    *presence
	boards      boards
	looks       *looks
	digests     map[inbox.InboxID]*digest // for reports
	metrics     *metrics
	pin         wire.Pin
	tls         tls.Certificate
	places      places
	rates       rates
	raw         rawBudget
	reveals     *reveals
	wipes       wipes
	checkpoints checkpoints
	breaths     *breaths
	erasing     sync.Mutex // one erasure at a time
	guarding    *guarding
	// templateNews pokes that Meta told of a change of templates.
	templateNews chan struct{}
	tickets      *tickets
	uploads      uploading
	updates      *shelf
	cleaning     chan struct{} // room for those who judge a file
	version      string        // of the program; "": not told
	certs        *certificates
	authority    *authority      // nil: none is configured
	ship         *shipper        // nil: no sealed backup is configured
	copying      sync.WaitGroup  // for copies under way
	lost         chan struct{}   // closed when the store takes no writes until it is opened again
	life         context.Context // of everything that is not bound to a request
	stop         context.CancelFunc
}

// Options are what a test may replace. The zero value is right for a real relay.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// Version is that of the program.
	Version string
	// StoreLimit is how large the store may become, in bytes; 0 is as large as the disk.
	StoreLimit int
	// WeakHashes makes a password's hash cost next to nothing.
	WeakHashes bool
}

// Open opens the relay's store and vault. The configuration must have passed [Config.Check]. Close it.
func Open(ctx context.Context, cfg Config, opt Options) (*Relay, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	cert, err := tls.LoadX509KeyPair(cfg.TLS.Certificate, cfg.TLS.Key)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if err != nil {
		return nil, wrong("tls: the certificate or its key cannot be used: %v", err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, wrong("tls.certificate: %v", err)
	}
	master, err := cfg.master()
	if err != nil {
		return nil, err
	}
	graph, err := cfg.graph()
	if err != nil {
		return nil, err
	}
	prices, err := loadRates(cfg.WhatsApp.Rates)
	if err != nil {
		return nil, err
	}
	key, err := cfg.ledgerKey()
	if err != nil {
		return nil, fmt.Errorf("reading the store's key: %w", err)
	}
	if err := compactFiles(ctx, cfg, ledger.Config{Key: key}); errors.Is(err, ledger.ErrFull) {
		opt.Log.Warn("no room to write the store anew; the next start tries again")
	} else if err != nil {
		return nil, fmt.Errorf("writing the store anew: %w", err)
	}
	file, err := ledger.Open(cfg.LedgerFile(), ledger.Config{Key: key, MaxSize: opt.StoreLimit, Log: opt.Log})
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	raw, err := ledger.Open(cfg.RawFile(), ledger.Config{Key: key, MaxSize: opt.StoreLimit, Log: opt.Log})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store of webhooks: %w", err), file.Close())
	}
	lost := make(chan struct{})
	db := &watched{DB: ledger.Split(file, raw, rawShards), lose: sync.OnceFunc(func() { close(lost) })}
	v, err := vault.Open(ctx, db, master, vault.Config{
		Policy: cfg.policy(), Company: cfg.companyNumbers(), KeyFile: cfg.KeyFile(), Log: opt.Log,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the vault: %w", err), db.Close())
	}
	cfg.SignIn.weak = cfg.SignIn.weak || opt.WeakHashes
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Relay{
		cfg: cfg, log: opt.Log, now: opt.Now, db: db, vault: v, people: identity.NewRegister(db, opt.Now), graph: graph,
		logs: eventlog.NewReader(life, db), inboxes: cfg.inboxByNumber(), intakes: map[inbox.InboxID]*intake{},
		pipes: map[inbox.InboxID]*outbound.Pipeline{}, pin: wire.PinOf(leaf.RawSubjectPublicKeyInfo), tls: cert, lost: lost, life: life, stop: stop,
	}
	r.files, r.version = [2]*ledger.Bolt{raw, file}, opt.Version
	r.templateNews = make(chan struct{}, 1)
	r.rates = prices
	r.metrics = newMetrics(r)
	r.presence = newPresence()
	r.boards.at, r.looks, r.digests = map[inbox.InboxID]*standing{}, newLooks(), map[inbox.InboxID]*digest{}
	r.sessions = newSessions(r)
	r.certs = newCertificates(r, cert)
	r.certs.look()
	r.tickets = newTickets(life, opt.Now)
	r.reveals = newReveals()
	r.breaths = newBreaths(inbox.At(opt.Now()))
	r.uploads.busy = map[inbox.MediaID]*handover{}
	r.cleaning = make(chan struct{}, cleanAtOnce)
	r.forgetHalfMedia()
	if r.authority, err = newAuthority(r); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.ship, err = newShipper(r); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.updates, err = openShelf(updatesDir(cfg)); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.guarding, err = newGuarding(&cfg, v); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := r.afterRestore(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := r.eraseAgain(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("erasing again who was erased: %w", err), r.Close())
	}
	if err := errors.Join(r.configureSignIn(), r.readCheckpoints(ctx)); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.wipes.hand = r.sessions.order
	if err := r.openWipes(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	for _, in := range cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		r.intakes[id] = newIntake(r, id)
		if err := errors.Join(r.rememberRecent(ctx, id), r.rememberCodes(ctx, id)); err != nil {
			return nil, errors.Join(fmt.Errorf("reading what was sent: %w", err), r.Close())
		}
		told, err := r.inboxNow(ctx, id)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("looking an inbox up: %w", err), r.Close())
		}
		r.pipes[id] = outbound.New(id, in.PhoneNumberID, r.outboundConfig(in, told.State == inbox.InboxHeld))
	}
	if err := r.announceInboxes(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := r.announceCards(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Pin is what devices must see of the relay's certificate.
func (r *Relay) Pin() wire.Pin { return r.pin }

// watched tells when the store has lost the fate of a commit: it takes no more writes then, and only opening it again helps.
type watched struct {
	ledger.DB
	lose func()
}

// Update implements [ledger.DB].
func (w *watched) Update(ctx context.Context, shard string, f func(ledger.Tx) error) error {
	err := w.DB.Update(ctx, shard, f)
	if errors.Is(err, ledger.ErrUnknown) {
		w.lose()
	}
	return err
}

// announceInboxes writes the inboxes of the configuration into the company's log, if they are news. A relay without news
// writes nothing, so it starts on a full disk.
func (r *Relay) announceInboxes(ctx context.Context) error {
	const bucket = "inboxname"
	news := func(tx ledger.Tx) (list []inbox.Inbox, err error) {
		for _, in := range r.cfg.Inboxes {
			known, err := tx.Get(bucket, []byte(in.ID))
			if err != nil {
				return nil, err
			}
			told, err := storedInbox(tx, inbox.InboxID(in.ID), in.Name)
			if err != nil {
				return nil, err
			}
			now := told
			now.Name, now.Answer = in.Name, in.AnswerMinutes
			if now.Hours, err = in.Hours.hours(in.ID); err != nil {
				return nil, err
			}
			if string(known) != in.Name || !reflect.DeepEqual(told, now) {
				list = append(list, now)
			}
		}
		return list, nil
	}
	var list []inbox.Inbox
	err := r.db.View(ctx, identity.Shard, func(tx ledger.Tx) (err error) {
		list, err = news(tx)
		return err
	})
	if err != nil || len(list) == 0 {
		return err
	}
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		list, err := news(tx)
		if err != nil {
			return err
		}
		at := inbox.At(r.now())
		for _, in := range list {
			if err := tx.Put(bucket, []byte(in.ID), []byte(in.Name)); err != nil {
				return err
			}
			if err := putInbox(tx, in, at); err != nil {
				return err
			}
			if err := audit.Record(tx, audit.Entry{At: at, Act: audit.InboxAdded, Object: string(in.ID)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Work turns raw webhooks into facts and sends what is queued, until ctx ends. It returns when all that was under way
// has been written down.
func (r *Relay) Work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	changed := r.db.Watch(ctx)
	pokes := map[string][]chan struct{}{}
	for number, id := range r.inboxes {
		in, out, media := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
		pokes[rawShard(id)] = []chan struct{}{in}
		pokes[eventlog.Shard(id.Log())] = []chan struct{}{out, media}
		g.Go(func() error { return r.intakes[id].run(ctx, in) })
		g.Go(func() error { return r.pipes[id].Run(ctx, out) })
		g.Go(func() error { return r.fetchMedia(ctx, id, number, media) })
	}
	g.Go(func() error { return r.sweep(ctx) })
	g.Go(func() error { return r.oversee(ctx) })
	g.Go(func() error { return r.tendReveals(ctx) })
	g.Go(func() error { return r.wakeSnoozed(ctx, time.Tick(wakeEvery)) })
	g.Go(func() error { return r.tellPresence(ctx) })
	g.Go(func() error { return r.tendWipes(ctx) })
	g.Go(func() error { return r.tendAudit(ctx, time.Tick(signEvery)) })
	g.Go(func() error { return r.watchSignOn(ctx) })
	g.Go(func() error { return r.runErasures(ctx) })
	g.Go(func() error { return r.tendRetention(ctx) })
	g.Go(func() error { return r.tendEpochs(ctx, time.Tick(epochLook)) })
	g.Go(func() error { return r.certs.watch(ctx, time.Tick(certLook)) })
	g.Go(func() error { return r.authority.renew(ctx, time.Tick(acmeLook)) })
	g.Go(func() error { return r.shipBackups(ctx, time.Tick(r.cfg.Backup.every())) })
	g.Go(func() error {
		for shard := range changed {
			for _, poke := range pokes[shard] {
				select {
				case poke <- struct{}{}:
				default:
				}
			}
		}
		return nil
	})
	return g.Wait()
}

// Serve listens where the configuration says, works, and serves until ctx ends; then it lets devices go with a close
// code that makes them come back, finishes what is under way, and returns. It sends nothing before every address is its
// own. It also ends, with an error, when the store takes no more writes.
func (r *Relay) Serve(ctx context.Context) error {
	doors := r.doors()
	for i := range doors {
		if err := r.open(&doors[i]); err != nil {
			for _, d := range doors[:i] {
				err = errors.Join(err, d.close())
			}
			return err
		}
		r.log.Info("listening", "for", doors[i].key, "address", doors[i].listener.Addr().String())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Work(ctx) })
	for _, d := range doors {
		g.Go(func() error { return errors.Join(serve(ctx, d.listener, d.handler, r.log), d.close()) })
	}
	g.Go(func() error {
		select {
		case <-ctx.Done():
			r.sessions.closeAll()
			r.tickets.closeAll()
			return nil
		case <-r.lost:
			return fmt.Errorf("writing to the store: %w", ledger.ErrUnknown)
		}
	})
	err := g.Wait()
	r.sessions.closeAll()
	r.tickets.closeAll()
	return err
}

// Close lets devices go that are still connected, and closes the store. Nothing of the relay may be used afterwards.
func (r *Relay) Close() error {
	r.sessions.closeAll()
	r.tickets.closeAll()
	flushed := r.flushDelivered(context.WithoutCancel(r.life))
	r.endShipping()
	r.stop()
	r.copying.Wait()
	return errors.Join(flushed, r.db.Close())
}
