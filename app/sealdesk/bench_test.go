package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/figure"
	"sealdesk/store"
	"sealdesk/store/seal"
	"sealdesk/sync/wire"
)

// The benchmarks of a start: B8, from exec to the inbox on the screen, and B9, the memory it takes there. Both run the
// real program on a real display, beside a window with nothing in it (testdata/empty), by turns.

const (
	benchRounds   = 7
	benchSize     = "1440x900"
	benchPatience = time.Minute
)

// The caches a start is measured with. A conversation has 100 messages on average, so the largest has 10,000 rows.
var benchCaches = []struct {
	name     string
	messages int
}{{"10k", 10_000}, {"100k", 100_000}, {"1M", 1_000_000}}

// bench is what the benchmarks of a start share: the two programs and the caches. It is made once.
type bench struct {
	client, empty string
	data          map[string]string // folder of the client's data by the cache's name
	ring          *store.Keyring
	device        store.Device
	welcome       wire.Welcome // what the relay lent: a half, for hours without it
}

var (
	benchOnce sync.Once
	benchIs   *bench
	benchErr  error
	benchDir  string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if benchDir != "" {
		os.RemoveAll(benchDir)
	}
	os.Exit(code)
}

// prepared builds and fills at the first call. It skips without a display and a keyring of the benchmark's own: these
// benchmarks keep a device in the keyring, and would overwrite a person's.
func prepared(b *testing.B) *bench {
	b.Helper()
	if os.Getenv("SEALDESK_KEYRING") == "" || os.Getenv("DISPLAY") == "" {
		b.Skip("needs a display and a keyring of its own: go run ./packaging/dev bench --only B8,B9")
	}
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		b.Skip("memory is read from /proc, which this system does not have")
	}
	benchOnce.Do(func() { benchIs, benchErr = prepare(context.Background()) })
	if benchErr != nil {
		b.Fatal(benchErr)
	}
	return benchIs
}

func prepare(ctx context.Context) (*bench, error) {
	var err error
	if benchDir, err = os.MkdirTemp("", "sealdesk-bench"); err != nil {
		return nil, err
	}
	p := &bench{client: filepath.Join(benchDir, "sealdesk"), empty: filepath.Join(benchDir, "empty"), data: map[string]string{}, ring: store.OpenKeyring("sealdesk")}
	for out, pkg := range map[string]string{p.client: ".", p.empty: "./testdata/empty"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", "migrated_fynedo,no_animations", "-o", out, pkg)
		if said, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w: %s", pkg, err, said)
		}
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	relay, lender, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	// Nobody listens there: a start does not wait for the relay.
	p.device = store.Device{ID: inbox.NewID[inbox.DeviceID](), Person: benchReader, Relay: "127.0.0.1:1", Key: private, RelayKey: relay}
	now := inbox.At(time.Now())
	p.welcome = wire.Welcome{Half: make(wire.Half, wire.HalfLen), Generation: 1, Time: now,
		Lease: wire.SignLease(lender, wire.Lease{Device: p.device.ID, Generation: 1, Issued: now, Offline: 12 * 3600, Idle: 3600, Silent: 14 * 86400})}
	crand.Read(p.welcome.Half)
	return p, p.ring.SetDevice(ctx, p.device)
}

// filled makes the caches of these names, once.
func (p *bench) filled(b *testing.B, names ...string) {
	b.Helper()
	for _, c := range benchCaches {
		if p.data[c.name] != "" || !slices.Contains(names, c.name) {
			continue
		}
		p.data[c.name] = filepath.Join(benchDir, c.name)
		if err := p.fill(b.Context(), c.name, c.messages); err != nil {
			b.Fatalf("filling the cache of %s messages: %v", c.name, err)
		}
	}
}

const benchReader inbox.PersonID = "person-of-the-bench"

// fill makes a cache of so many messages, as a relay would have told them over the months.
func (p *bench) fill(ctx context.Context, name string, messages int) error {
	if err := os.MkdirAll(p.data[name], 0o700); err != nil {
		return err
	}
	k := custody.New(custody.Config{Dir: p.data[name], Ring: p.ring, Device: p.device})
	defer k.Close()
	welcome := p.welcome
	welcome.Half = slices.Clone(welcome.Half) // whoever takes a half takes it away
	if _, err := k.Open(ctx, welcome); err != nil {
		return err
	}
	s := k.Store()
	err := s.Apply(ctx, inbox.Batch{Log: inbox.CompanyLog, Epoch: "e", To: 2, Events: []inbox.Event{
		{Seq: 1, Body: inbox.InboxChanged{Inbox: inbox.Inbox{ID: "sales", Name: "Sales"}}},
		{Seq: 2, Body: inbox.PersonChanged{Person: inbox.Person{ID: benchReader, Name: "Test Agent", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}}}},
	}})
	if err != nil {
		return err
	}
	const batch = 20_000
	g := newGossip(messages / 100)
	for g.seq < uint64(messages+messages/100) {
		from := g.seq
		events := g.events(batch)
		if err := s.Apply(ctx, inbox.Batch{Log: inbox.InboxID("sales").Log(), Epoch: "e", From: from, To: g.seq, Events: events}); err != nil {
			return err
		}
	}
	return k.Close()
}

// gossip makes up what customers and agents write to each other: some conversations are busier than others.
type gossip struct {
	random *rand.Rand
	words  []string
	ids    []inbox.ConversationID
	seq    uint64
}

func newGossip(conversations int) *gossip {
	g := &gossip{random: rand.New(rand.NewPCG(1, 2)), ids: make([]inbox.ConversationID, conversations),
		words: strings.Fields("the order came today but one of the two parts is missing could you please look what happened thank you very much Angebot Termin Lieferung morgen Montage Rechnung wann können Sie bitte noch einmal")}
	for i := range g.ids {
		g.ids[i] = inbox.NewID[inbox.ConversationID]()
	}
	return g
}

func (g *gossip) events(n int) []inbox.Event {
	// The newest message is of today, as in an inbox that is used.
	began := time.Now().Add(-time.Duration(len(g.ids)*101) * 10 * time.Second)
	list := make([]inbox.Event, 0, n)
	for range n {
		if g.seq >= uint64(len(g.ids)*101) {
			break
		}
		g.seq++
		at := inbox.At(began.Add(time.Duration(g.seq) * 10 * time.Second))
		if g.seq <= uint64(len(g.ids)) {
			i := int(g.seq - 1)
			list = append(list, inbox.Event{Seq: g.seq, At: at, Body: inbox.ConversationOpened{Conversation: g.ids[i], Inbox: "sales", Contact: inbox.Contact{
				ID: inbox.NewID[inbox.ContactID](), Alias: "K7-MX4Q", Name: inbox.PlainText("Contact " + strconv.Itoa(i)), Country: "DE",
				Phone: inbox.NewMasked(inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••34"})}}})
			continue
		}
		var text strings.Builder
		for range 4 + g.random.IntN(26) {
			text.WriteString(g.words[g.random.IntN(len(g.words))])
			text.WriteByte(' ')
		}
		m := inbox.Message{ID: inbox.NewID[inbox.MessageID](), At: at, Side: inbox.FromContact, Kind: inbox.Text, Body: inbox.PlainText(text.String()),
			Conversation: g.ids[int(float64(len(g.ids))*g.random.Float64()*g.random.Float64())]}
		if g.random.IntN(2) == 0 {
			m.Side, m.Author, m.Receipt = inbox.FromPerson, benchReader, inbox.Read
		}
		list = append(list, inbox.Event{Seq: g.seq, At: at, Body: inbox.MessageAdded{Message: m}})
	}
	return list
}

// A running program whose milestones have been read.
type running struct {
	cmd   *exec.Cmd
	took  time.Duration // from exec to the milestone
	lines *bufio.Scanner
	said  *bytes.Buffer
}

// launch starts a program and waits for a line on its standard output that holds the milestone.
func launch(milestone, path string, args ...string) (*running, error) {
	r := &running{cmd: exec.Command(path, args...), said: &bytes.Buffer{}}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.cmd.Stderr = r.said
	began := time.Now()
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(benchPatience, func() { r.cmd.Process.Kill() })
	defer late.Stop()
	r.lines = bufio.NewScanner(out)
	for r.lines.Scan() {
		if strings.Contains(r.lines.Text(), milestone) {
			r.took = time.Since(began)
			return r, nil
		}
	}
	r.end()
	return nil, fmt.Errorf("%s never said %q: %s", filepath.Base(path), milestone, r.said)
}

// end asks the program to leave, as a session's end does, and waits until it has.
func (r *running) end() {
	r.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(benchPatience, func() { r.cmd.Process.Kill() })
	defer late.Stop()
	for r.lines.Scan() { // a program that cannot write does not end
	}
	r.cmd.Wait()
}

func (p *bench) startEmpty() (*running, error) { return launch("started", p.empty, benchSize) }

func (p *bench) startClient(cache string) (*running, error) {
	return launch("inbox shown", p.client, "--data", p.data[cache], "--size", benchSize, "--lang", "en", "--theme", "light", "--trace", "/dev/stdout")
}

// startTimes is one round: how long each start took, in milliseconds.
func (p *bench) startTime(start func() (*running, error)) (float64, error) {
	r, err := start()
	if err != nil {
		return 0, err
	}
	defer r.end()
	return r.took.Seconds() * 1000, nil
}

// BenchmarkB8 is a start from exec to the frame that shows the inbox, with caches of three sizes, against a window with
// nothing in it; and what of it is the cache's.
func BenchmarkB8(b *testing.B) {
	p := prepared(b)
	for _, c := range benchCaches {
		p.filled(b, c.name)
	}
	var empty []float64
	ours := map[string][]float64{}
	for round := range benchRounds + 1 {
		took, err := p.startTime(p.startEmpty)
		if err != nil {
			b.Fatal(err)
		}
		if round > 0 { // the first round reads the programs from the disk
			empty = append(empty, took)
		}
		for _, c := range benchCaches {
			took, err := p.startTime(func() (*running, error) { return p.startClient(c.name) })
			if err != nil {
				b.Fatal(err)
			}
			if round > 0 {
				ours[c.name] = append(ours[c.name], took)
			}
		}
	}
	first := benchCaches[0].name
	f := figure.Compare(ours[first], empty)
	f.Case, f.Peer, f.Target = "start to inbox, 10k messages", "empty Fyne window", "≤1.25"
	f.Note = "exec to the first frame with rows, software GL, no relay running"
	emitB8(b, f)
	for _, c := range benchCaches[1:] {
		f := figure.Compare(ours[c.name], ours[first])
		f.Case, f.Peer, f.Target = "start to inbox, "+c.name+" messages", "the same with 10k", "≤1.05"
		emitB8(b, f)
	}
	for _, c := range benchCaches {
		var took, budget []float64
		for range benchRounds {
			ms, err := p.cachePart(b.Context(), c.name)
			if err != nil {
				b.Fatal(err)
			}
			took, budget = append(took, ms), append(budget, 2)
		}
		f := figure.Compare(took, budget)
		f.Case, f.Peer, f.Target = "cache part, "+c.name+" messages", "budget", "≤1.00"
		f.Note = "opening the store and reading the rows of the first frame"
		emitB8(b, f)
	}
}

func emitB8(b *testing.B, f figure.Figure) {
	b.Helper()
	f.ID, f.Unit, f.Better = "B8", "ms", figure.Lower
	emit(b, f)
}

func emit(b *testing.B, f figure.Figure) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(f.Ratio, strings.NewReplacer(" ", "-", ",", "").Replace(f.Case)+"-ratio")
	b.Logf("%s %s: %.4g %s, %s %.4g: %.3g (target %s, spread %.0f %%)", f.ID, f.Case, f.Ours, f.Unit, f.Peer, f.PeerValue, f.Ratio, f.Target, f.Spread*100)
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

// cachePart is how many milliseconds of a start are the cache's: opening it, and reading what the first frame shows.
func (p *bench) cachePart(ctx context.Context, name string) (float64, error) {
	key, err := p.ring.CacheKey(ctx, custody.StoreDir(p.data[name]))
	if err != nil {
		return 0, err
	}
	half, err := seal.NewKey(slices.Clone(p.welcome.Half))
	if err != nil {
		return 0, err
	}
	cfg := store.Config{Dir: custody.StoreDir(p.data[name]), Key: key, RelayHalf: half, Reader: benchReader}
	runtime.GC()
	began := time.Now()
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return 0, err
	}
	rows, err := s.Head(ctx)
	took := time.Since(began)
	if err == nil && len(rows) < 60 {
		err = fmt.Errorf("%d rows", len(rows))
	}
	return took.Seconds() * 1000, errors.Join(err, s.Close())
}

// BenchmarkB9 is the memory the client takes three seconds after its inbox is on the screen, against a window with nothing
// in it at the same moment.
func BenchmarkB9(b *testing.B) {
	const cache, rounds = "100k", 5
	p := prepared(b)
	p.filled(b, cache)
	var ours, empty []float64
	for range rounds {
		for _, x := range []struct {
			start func() (*running, error)
			into  *[]float64
		}{{p.startEmpty, &empty}, {func() (*running, error) { return p.startClient(cache) }, &ours}} {
			r, err := x.start()
			if err != nil {
				b.Fatal(err)
			}
			time.Sleep(3 * time.Second) // a real process comes to rest
			size, err := r.memory()
			r.end()
			if err != nil {
				b.Fatal(err)
			}
			*x.into = append(*x.into, size)
		}
	}
	f := figure.Compare(ours, empty)
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B9", "memory at the inbox, 100k messages", "empty Fyne window", "MB", "≤1.10", figure.Lower
	f.Note = "resident size 3 s after the first frame, software GL included; 30 minutes under load are not measured"
	emit(b, f)
}

// memory is the program's resident size in MB.
func (r *running) memory() (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, errors.New("statm has no resident size")
	}
	pages, err := strconv.Atoi(fields[1])
	return float64(pages) * float64(os.Getpagesize()) / 1e6, err
}
