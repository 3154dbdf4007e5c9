package wasim

import (
	"container/heap"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config describes a simulated WhatsApp. AppSecret, VerifyToken, Token and at least one number are required.
type Config struct {
	// Clock is the time of the simulation; nil is [RealClock].
	Clock Clock
	// AppSecret signs webhooks, VerifyToken is presented in the handshake, Token is the one bearer token accepted.
	AppSecret, VerifyToken, Token string
	// Account is the id of the company's WhatsApp Business Account; "" is a made-up one.
	Account string
	// Numbers are the company's own.
	Numbers []Number
	// WebhookURL is where webhooks go; "" keeps them queued until [Sim.SetWebhook].
	WebhookURL string
	// Seed decides every random choice.
	Seed uint64
	// Personas are the people who have WhatsApp; nil is [Personas]. Any other number is accepted and fails later, as with
	// Meta.
	Personas []Persona
	// Live makes the personas follow their scripts as soon as the simulation runs. Otherwise they only do as told.
	Live bool
	// Tempo is how long things take; its zero value is no time at all.
	Tempo Tempo
	// Faults are what goes wrong from the start.
	Faults Faults
	// Templates are those approved; nil is [DefaultTemplates].
	Templates []Template
	// Version is the version webhooks are written in; "" is v25.0. Before v24.0 statuses carry a conversation object.
	Version string
	// WindowAtOnce refuses a send outside the window in the answer, as some of Meta's machines do. Otherwise the send is
	// accepted and fails by webhook, as most do.
	WindowAtOnce bool
	// AllowList makes the company's numbers test numbers, which may write to the personas alone and are told so (131030).
	AllowList bool
	// WebhookRoots are the certificate authorities an https webhook is checked against; nil is the system's.
	WebhookRoots *x509.CertPool
	// WebhookTimeout bounds one delivery; 0 is 10 seconds.
	WebhookTimeout time.Duration
	// OnIdentifier, if set, is called once for every identifier as it is made, in order and under a lock: it must not call
	// back.
	OnIdentifier func(Identifier)
	// Log receives what the engine does, without identifiers. nil is silence.
	Log *slog.Logger
}

// Number is one of the company's own WhatsApp numbers.
type Number struct {
	// ID is Meta's id of it, Display its digits, Name the company as customers see it.
	ID, Display, Name string
	// PerSecond is its throughput; 0 is 80.
	PerSecond int
}

// Tempo is how long things take. Every time varies by a third either way.
type Tempo struct {
	// Sent, Delivered and Read pass one after the other once a message was accepted.
	Sent, Delivered, Read time.Duration
	// Thinking passes before somebody begins to answer, PerRune for each character they type.
	Thinking, PerRune time.Duration
}

// NaturalTempo is that of people with telephones, divided by speed (1 is natural, 4 is four times as fast).
func NaturalTempo(speed float64) Tempo {
	if speed <= 0 {
		speed = 1
	}
	d := func(t time.Duration) time.Duration { return time.Duration(float64(t) / speed) }
	return Tempo{
		Sent: d(250 * time.Millisecond), Delivered: d(700 * time.Millisecond), Read: d(2500 * time.Millisecond),
		Thinking: d(2 * time.Second), PerRune: d(45 * time.Millisecond),
	}
}

// Identifier is something that must never reach an agent's laptop.
type Identifier struct {
	// Kind is phone, bsuid, username, email, wamid, media-id, media-url or written: a number or address the way its owner
	// spelled it in a message.
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// Sim is one simulated WhatsApp. Make it with [New].
type Sim struct {
	cfg     Config
	clock   Clock
	log     *slog.Logger
	client  *http.Client
	mux     *http.ServeMux
	closing chan struct{}
	closed  sync.Once

	turn sync.Mutex // held by whoever moves the queue

	mu          sync.Mutex
	wake        chan struct{} // closed and replaced when the queue changes
	queue       eventQueue
	seq         int
	open        int // events of the webhook engine in the queue
	webhook     string
	ids         *rand.Rand
	luck        *rand.Rand // for faults
	manners     *rand.Rand // for personas and tempo
	numbers     map[string]*line
	people      map[string]*person
	byAddress   map[string]*person // digits and user ids
	messages    map[string]*message
	media       map[string]*file
	mediaURLs   map[string]mediaURL
	sent        []*message
	marks       []Mark
	deliveries  []Delivery
	pending     []piece
	flushing    bool
	waiting     []heldDelivery
	made        int // deliveries so far
	lost        int
	faults      Faults
	scripted    []Faults
	graphFaults []GraphFault
	failCodes   []int
	holding     bool
	held        []func()
	identifiers []Identifier
	recorded    map[Identifier]bool
	performing  bool
}

// line is the state of one company number.
type line struct {
	Number
	bucket  bucket
	threads map[*person]*thread
}

// thread is the state between a company number and a person.
type thread struct {
	lastInbound   time.Time
	lastMessage   string // newest inbound wamid
	lastFromAgent string // newest outbound wamid
	pair          bucket
}

// event is something due.
type event struct {
	due time.Time
	seq int
	own bool // of the webhook engine, not of somebody's script
	run func(context.Context)
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].seq < q[j].seq
	}
	return q[i].due.Before(q[j].due)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}

// New checks cfg and returns a simulation at rest: it answers as an http.Handler at once, and delivers webhooks while
// [Sim.Serve] or [Sim.Run] runs, or when told to by [Sim.Settle] or [Sim.Advance].
func New(cfg Config) (*Sim, error) {
	if cfg.AppSecret == "" || cfg.VerifyToken == "" || cfg.Token == "" {
		return nil, errors.New("wasim: app secret, verify token and token are required")
	}
	if len(cfg.Numbers) == 0 {
		return nil, errors.New("wasim: no company number")
	}
	if cfg.Clock == nil {
		cfg.Clock = RealClock{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Version == "" {
		cfg.Version = "v25.0"
	}
	if cfg.Personas == nil {
		cfg.Personas = Personas()
	}
	if cfg.Templates == nil {
		cfg.Templates = DefaultTemplates()
	}
	if cfg.WebhookTimeout <= 0 {
		cfg.WebhookTimeout = 10 * time.Second
	}
	s := &Sim{
		cfg: cfg, clock: cfg.Clock, log: cfg.Log, closing: make(chan struct{}), wake: make(chan struct{}),
		client: &http.Client{
			Timeout: cfg.WebhookTimeout,
			Transport: &http.Transport{
				MaxIdleConnsPerHost: 128, IdleConnTimeout: 30 * time.Second,
				TLSClientConfig: &tls.Config{RootCAs: cfg.WebhookRoots, MinVersion: tls.VersionTLS12},
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ids:     rand.New(rand.NewPCG(cfg.Seed, 1)),
		luck:    rand.New(rand.NewPCG(cfg.Seed, 2)),
		manners: rand.New(rand.NewPCG(cfg.Seed, 3)),
		numbers: map[string]*line{}, people: map[string]*person{}, byAddress: map[string]*person{},
		messages: map[string]*message{}, media: map[string]*file{}, mediaURLs: map[string]mediaURL{},
		recorded: map[Identifier]bool{}, faults: cfg.Faults,
	}
	if s.cfg.Account == "" {
		s.cfg.Account = "1" + word(s.ids, digits, 14)
	}
	for _, n := range cfg.Numbers {
		if n.ID == "" || n.Display == "" || s.numbers[n.ID] != nil {
			return nil, errors.New("wasim: a company number needs an id of its own and digits")
		}
		if n.PerSecond == 0 {
			n.PerSecond = 80
		}
		s.numbers[n.ID] = &line{
			Number: n, threads: map[*person]*thread{}, bucket: bucket{size: float64(n.PerSecond), perSecond: float64(n.PerSecond)},
		}
	}
	for _, p := range cfg.Personas {
		if err := s.AddPersona(p); err != nil {
			return nil, err
		}
	}
	if err := s.SetWebhook(cfg.WebhookURL); err != nil {
		return nil, err
	}
	s.mux = s.routes()
	return s, nil
}

// AddPersona gives one more person WhatsApp. A missing user id is made up.
func (s *Sim) AddPersona(p Persona) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addPersona(p)
}

func (s *Sim) addPersona(p Persona) error {
	if p.Key == "" || s.people[p.Key] != nil {
		return errors.New("wasim: a persona needs a key of its own")
	}
	if p.Number != "" && strings.Trim(p.Number, digits) != "" {
		return errors.New("wasim: a persona's number is digits only")
	}
	if p.UserID == "" {
		country := p.Country
		if country == "" {
			country = "US"
		}
		p.UserID = country + "." + word(s.ids, "123456789", 1) + word(s.ids, digits, 19)
	}
	h := &person{Persona: p}
	for _, a := range []string{p.Number, p.UserID} {
		if a == "" {
			continue
		}
		if s.byAddress[a] != nil {
			return errors.New("wasim: two personas share a number or user id")
		}
		s.byAddress[a] = h
	}
	s.people[p.Key] = h
	s.record("phone", p.Number)
	s.record("bsuid", p.UserID)
	s.record("username", p.Username)
	s.record("email", p.Email)
	return nil
}

// SetWebhook changes where webhooks go from now on.
func (s *Sim) SetWebhook(raw string) error {
	if raw != "" {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errors.New("wasim: webhook must be an http or https URL")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhook = raw
	s.poke()
	return nil
}

// record keeps an identifier for [Sim.Identifiers]. The caller holds mu.
func (s *Sim) record(kind, value string) {
	id := Identifier{Kind: kind, Value: value}
	if value == "" || s.recorded[id] {
		return
	}
	s.recorded[id] = true
	s.identifiers = append(s.identifiers, id)
	if s.cfg.OnIdentifier != nil {
		s.cfg.OnIdentifier(id)
	}
}

// Identifiers returns the value of every identifier of this run: numbers, user ids, user names, e-mail addresses, wamids,
// media ids and URLs, and numbers and addresses as their owners wrote them. None may be found on an agent's laptop.
func (s *Sim) Identifiers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make([]string, len(s.identifiers))
	for i, id := range s.identifiers {
		values[i] = id.Value
	}
	return values
}

// Serve answers the Graph API on l, proves the webhook by handshake and runs the engine until ctx ends; then it returns
// nil. It refuses a listener that is not on a loopback address.
func (s *Sim) Serve(ctx context.Context, l net.Listener) error {
	if ap, err := netip.ParseAddrPort(l.Addr().String()); err != nil || !ap.Addr().IsLoopback() {
		_ = l.Close()
		return errors.New("wasim: listens on loopback addresses only")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	engine := make(chan error, 1)
	go func() { engine <- s.Run(ctx) }()
	var err error
	select {
	case err = <-served:
		cancel()
		<-engine
	case err = <-engine:
	}
	s.closed.Do(func() { close(s.closing) })
	_ = server.Close()
	s.client.CloseIdleConnections()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// Run shakes hands with the webhook, again and again until it succeeds, then delivers what is due, until ctx ends; then it
// returns nil. With [Config.Live] the personas begin.
func (s *Sim) Run(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := s.Handshake(ctx)
		if err == nil {
			break
		}
		if errors.Is(err, errRefused) {
			return err
		}
		s.log.Info("webhook not reachable yet", "again_in", wait)
		timer := time.NewTimer(wait) // real time: the relay is a real process
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	if s.cfg.Live {
		s.Perform()
	}
	for ctx.Err() == nil {
		s.runDue(ctx)
		if !s.await(ctx, false) {
			break
		}
	}
	return nil
}

// await blocks until something is due or the queue changes; idle makes it return false when the engine has nothing left.
func (s *Sim) await(ctx context.Context, idle bool) bool {
	s.mu.Lock()
	wake := s.wake
	if idle && s.open == 0 {
		s.mu.Unlock()
		return false
	}
	var due <-chan struct{}
	stop := func() {}
	if len(s.queue) > 0 {
		due, stop = s.clock.Wait(s.queue[0].due)
	}
	s.mu.Unlock()
	defer stop()
	select {
	case <-ctx.Done():
		return false
	case <-due:
	case <-wake:
	}
	return true
}

// poke tells whoever waits that the queue changed. The caller holds mu.
func (s *Sim) poke() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// schedule plans f. The caller holds mu; f runs without it.
func (s *Sim) schedule(after time.Duration, own bool, f func(context.Context)) {
	s.seq++
	heap.Push(&s.queue, &event{due: s.clock.Now().Add(after), seq: s.seq, own: own, run: f})
	if own {
		s.open++
	}
	s.poke()
}

// runDue runs everything due by now, in order.
func (s *Sim) runDue(ctx context.Context) {
	s.turn.Lock()
	defer s.turn.Unlock()
	for ctx.Err() == nil && s.step(ctx, s.clock.Now()) {
	}
}

// step runs the earliest event not later than until. The caller holds turn.
func (s *Sim) step(ctx context.Context, until time.Time) bool {
	s.mu.Lock()
	if len(s.queue) == 0 || s.queue[0].due.After(until) {
		s.mu.Unlock()
		return false
	}
	e := heap.Pop(&s.queue).(*event)
	s.mu.Unlock()
	if v, ok := s.clock.(*Virtual); ok {
		v.Set(e.due)
	}
	e.run(ctx)
	s.mu.Lock()
	if e.own {
		s.open-- // only now: what it caused is already counted
	}
	s.poke()
	s.mu.Unlock()
	return true
}

// Settle delivers what is due. With a [Virtual] clock it returns when nothing more is due at the present; otherwise it
// waits until the webhook engine has nothing left to do, retries included, or ctx ends.
func (s *Sim) Settle(ctx context.Context) error {
	for {
		s.runDue(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, ok := s.clock.(*Virtual); ok {
			return nil
		}
		if !s.await(ctx, true) {
			return ctx.Err()
		}
	}
}

// Advance moves a [Virtual] clock by d, running on the way everything that falls due, at its time and in order.
func (s *Sim) Advance(ctx context.Context, d time.Duration) error {
	v, ok := s.clock.(*Virtual)
	if !ok {
		return errors.New("wasim: only a virtual clock can be advanced")
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	until := v.Now().Add(d)
	for s.step(ctx, until) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("advancing the clock: %w", err)
		}
	}
	v.Set(until)
	return nil
}

// vary returns d give or take a third. The caller holds mu.
func (s *Sim) vary(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d*2/3 + time.Duration(s.manners.Int64N(int64(d)*2/3+1))
}

// bucket is a token bucket on the simulation's clock.
type bucket struct {
	size, perSecond, level float64
	at                     time.Time
}

func (b *bucket) refill(now time.Time) {
	if b.at.IsZero() {
		b.level = b.size
	} else if d := now.Sub(b.at); d > 0 {
		b.level = min(b.size, b.level+d.Seconds()*b.perSecond)
	}
	b.at = now
}

func (b *bucket) take(now time.Time) bool {
	b.refill(now)
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}
