package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
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
	cfg      Config
	log      *slog.Logger
	now      func() time.Time
	db       ledger.DB
	vault    *vault.Vault
	people   *identity.Register
	logs     *eventlog.Reader
	graph    *whatsapp.Client
	inboxes  map[string]inbox.InboxID // by Meta's id of the number
	intakes  map[inbox.InboxID]*intake
	pipes    map[inbox.InboxID]*outbound.Pipeline
	sessions *sessions
	metrics  *metrics
	pin      wire.Pin
	tls      tls.Certificate
	places   places
	raw      rawBudget
	life     context.Context // of everything that is not bound to a request
	stop     context.CancelFunc
}

// Options are what a test may replace. The zero value is right for a real relay.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// CommitDelay and the like stay the ledger's own business.
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
	if err != nil {
		return nil, wrong("tls: the certificate or its key cannot be used: %v", err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, wrong("tls.certificate: %v", err)
	}
	master, err := vault.MasterFromFile(cfg.masterKeyFile())
	if err != nil {
		return nil, fmt.Errorf("opening the master key: %w", err)
	}
	graph, err := whatsapp.NewClient(whatsapp.Config{
		BaseURL: cfg.WhatsApp.API, Version: cfg.WhatsApp.Version, Token: cfg.Secrets.Token, MediaHosts: cfg.WhatsApp.MediaHosts,
	})
	if err != nil {
		return nil, wrong("whatsapp: %v", err)
	}
	db, err := ledger.Open(cfg.LedgerFile(), ledger.Config{Key: master.LedgerKey()})
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	v, err := vault.Open(ctx, db, master, vault.Config{Policy: cfg.policy(), Company: cfg.companyNumbers(), Log: opt.Log})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the vault: %w", err), db.Close())
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Relay{
		cfg: cfg, log: opt.Log, now: opt.Now, db: db, vault: v, people: identity.NewRegister(db, opt.Now), graph: graph,
		logs: eventlog.NewReader(life, db), inboxes: cfg.inboxByNumber(), intakes: map[inbox.InboxID]*intake{},
		pipes: map[inbox.InboxID]*outbound.Pipeline{}, pin: wire.PinOf(leaf.RawSubjectPublicKeyInfo), tls: cert, life: life, stop: stop,
	}
	r.metrics = newMetrics(r)
	r.sessions = newSessions(r)
	for _, in := range cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		r.intakes[id] = newIntake(r, id)
		r.pipes[id] = outbound.New(id, in.PhoneNumberID, outbound.Config{
			DB: db, Vault: v, Sender: graph, Log: opt.Log, Now: opt.Now, Posted: r.metrics.posted, NumberRate: cfg.WhatsApp.Rate,
		})
	}
	if err := r.announceInboxes(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Pin is what devices must see of the relay's certificate.
func (r *Relay) Pin() wire.Pin { return r.pin }

// announceInboxes writes the inboxes of the configuration into the company's log, if they are news.
func (r *Relay) announceInboxes(ctx context.Context) error {
	const bucket = "inboxname"
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		at := inbox.At(r.now())
		for _, in := range r.cfg.Inboxes {
			known, err := tx.Get(bucket, []byte(in.ID))
			if err != nil {
				return err
			}
			if string(known) == in.Name {
				continue
			}
			if err := tx.Put(bucket, []byte(in.ID), []byte(in.Name)); err != nil {
				return err
			}
			body := inbox.InboxChanged{Inbox: inbox.Inbox{ID: inbox.InboxID(in.ID), Name: in.Name}}
			if _, err := eventlog.Append(tx, at, "", body); err != nil {
				return err
			}
			if err := audit.Record(tx, audit.Entry{At: at, Act: audit.InboxAdded, Object: in.ID}); err != nil {
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
// code that makes them come back, finishes what is under way, and returns.
func (r *Relay) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Work(ctx) })
	type surface struct {
		name, network, address string
		handler                http.Handler
		tls                    bool
	}
	for _, s := range []surface{
		{"devices", "tcp", r.cfg.Listen.Devices, r.Devices(), true},
		{"webhooks", "tcp", r.cfg.Listen.Webhooks, r.Webhooks(), false},
		{"ops", "tcp", r.cfg.Listen.Ops, r.Ops(), false},
		{"admin", "unix", r.cfg.adminSocket(), r.admin(), false},
	} {
		if s.address == "" {
			continue
		}
		if s.network == "unix" {
			os.Remove(s.address) // left behind by a relay that was killed; the store's lock says that none is running
		}
		l, err := net.Listen(s.network, s.address)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", s.name, err)
		}
		if s.network == "unix" {
			if err := os.Chmod(s.address, 0o600); err != nil {
				return fmt.Errorf("closing the admin socket to others: %w", err)
			}
		}
		r.log.Info("listening", "for", s.name, "address", l.Addr().String())
		if s.tls {
			l = tls.NewListener(l, r.TLS())
		}
		g.Go(func() error { return serve(ctx, l, s.handler, r.log) })
	}
	g.Go(func() error {
		<-ctx.Done()
		r.sessions.closeAll(wire.CloseGoingAway)
		return nil
	})
	return g.Wait()
}

// TLS is what devices are met with: TLS 1.3 and the pinned certificate.
func (r *Relay) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{r.tls}, NextProtos: []string{"http/1.1"}}
}

// serve runs one HTTP server until ctx ends and then gives requests under way ten seconds.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: wire.HandshakeTimeout, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		srv.Shutdown(grace)
	})
	err := srv.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	wait.Wait()
	return err
}

// Close closes the store. Nothing of the relay may be used afterwards.
func (r *Relay) Close() error {
	r.stop()
	return r.db.Close()
}
