package wasim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
	// AppSecret signs webhooks, VerifyToken is presented in the handshake, Token is a bearer token that may do everything.
	AppSecret, VerifyToken, Token string
	// OldSecret signs what [Faults] says is signed with the secret before a rotation.
	OldSecret string
	// Tokens are more bearer tokens, which may do less or expire.
	Tokens []Token
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
	// Templates are those there from the start; nil is [DefaultTemplates].
	Templates []Template
	// ReviewAfter is how long Meta takes to approve a new template; 0 leaves it pending until [Sim.Review].
	ReviewAfter time.Duration
	// PortfolioLimit is how many different people the company may begin with in 24 hours: 250, 2,000, 10,000 or 100,000;
	// 0 is 250, less is no limit.
	PortfolioLimit int
	// MarketingCap is how many marketing messages a person gets from anybody in 24 hours; 0 is 2, less is no cap. Meta keeps
	// its own figure to itself.
	MarketingCap int
	// Play serves the page to play a customer by hand, under /play.
	Play bool
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
	// PerSecond is its throughput, inbound included: 80, or 1,000 once Meta raised it; 0 is 80, and 20 with Coexistence.
	PerSecond int
	// Coexistence says that the number is also used in the WhatsApp Business app.
	Coexistence bool
	// PIN is its two-step PIN; "" takes the first one it is registered with.
	PIN string
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

// Identifier is something that must never reach an agent's laptop, unless it is personal and no more.
type Identifier struct {
	// Kind is phone, bsuid, username, email, wamid, media-id, media-url, ctwa-clid or written: a number or address the way
	// its owner spelled it in a message. A last kind is personal: what people tell of themselves that leads nobody to them,
	// such as a birthday, a postal code or the number of an identity card.
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
	page    *http.ServeMux // to play a customer
	closing chan struct{}
	closed  sync.Once

	turn sync.Mutex // held by whoever moves the queue

	mu            sync.Mutex
	wake          chan struct{} // closed and replaced when the queue changes
	queue         eventQueue
	seq           int
	open          int // events of the webhook engine in the queue
	webhook       string
	ids           *rand.Rand
	luck          *rand.Rand // for faults
	manners       *rand.Rand // for personas and tempo
	quirks        *rand.Rand // for faults that came later
	tokens        []*token
	numbers       map[string]*line
	people        map[string]*person
	byAddress     map[string]*person // digits and user ids
	messages      map[string]*message
	media         map[string]*file
	mediaURLs     map[string]mediaURL
	sent          []*message
	story         []*message // both directions, in order
	reached       map[*person]time.Time
	management    bucket
	injections    []*Injection
	templates     []*template
	creations     []time.Time
	activities    []activity
	deletedNames  map[string]time.Time
	templatesMade int
	subscribed    bool
	override      string // of the subscription
	base          string // where the Graph API is reached, once it is served
	marks         []Mark
	deliveries    []Delivery
	pending       []piece
	flushing      bool
	waiting       []heldDelivery
	made          int // deliveries so far
	lost          int
	faults        Faults
	scripted      []Faults
	graphFaults   []GraphFault
	failCodes     []int
	holding       bool
	held          []func()
	identifiers   []Identifier
	recorded      map[Identifier]bool
	performing    bool
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
	if cfg.PortfolioLimit == 0 {
		cfg.PortfolioLimit = 250
	}
	if cfg.MarketingCap == 0 {
		cfg.MarketingCap = 2
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
		quirks:  rand.New(rand.NewPCG(cfg.Seed, 4)),
		reached: map[*person]time.Time{}, deletedNames: map[string]time.Time{}, subscribed: true,
		management: bucket{size: 5000, perSecond: 5000.0 / 3600},
		numbers:    map[string]*line{}, people: map[string]*person{}, byAddress: map[string]*person{},
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
			if n.Coexistence {
				n.PerSecond = 20
			}
		}
		s.numbers[n.ID] = &line{
			Number: n, threads: map[*person]*thread{}, blocked: map[*person]bool{}, registered: true,
			profile: object{"about": "Hey there! I am using WhatsApp.", "vertical": "OTHER"}, bucket: bucket{size: float64(n.PerSecond), perSecond: float64(n.PerSecond)},
		}
	}
	s.tokens = []*token{{Token: Token{Value: cfg.Token}}}
	for _, t := range cfg.Tokens {
		if t.Value == "" {
			return nil, errors.New("wasim: a token needs a value")
		}
		s.tokens = append(s.tokens, &token{Token: t})
	}
	for _, t := range cfg.Templates {
		if t.Status == "" {
			t.Status = "APPROVED"
		}
		s.addTemplate(&template{
			name: t.Name, language: t.Language, category: t.Category, status: t.Status, named: t.Named, components: t.build(),
		})
	}
	s.act("ACCOUNT_CREATED", "USER")
	s.act("API_ACCESS_GRANTED", "ADMIN")
	for _, p := range cfg.Personas {
		if err := s.AddPersona(p); err != nil {
			return nil, err
		}
	}
	if err := s.SetWebhook(cfg.WebhookURL); err != nil {
		return nil, err
	}
	s.mux, s.page = s.routes(), s.playRoutes()
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
	h := &person{Persona: p, inBook: p.Number != ""}
	s.newKey(h)
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
// media ids and URLs, and numbers and addresses as their owners wrote them. None may be found on an agent's laptop. What is
// personal without being an identifier is not among them.
func (s *Sim) Identifiers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make([]string, 0, len(s.identifiers))
	for _, id := range s.identifiers {
		if id.Kind != "personal" {
			values = append(values, id.Value)
		}
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
	s.mu.Lock()
	s.base = "http://" + l.Addr().String()
	s.mu.Unlock()
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
