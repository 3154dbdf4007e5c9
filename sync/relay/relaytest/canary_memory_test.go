package relaytest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/leak"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

// The environment that makes this program a laptop; see TestLaptopOfItsOwn.
const (
	envLaptop = "SEALDESK_TEST_LAPTOP" // its folder
	envEnrol  = "SEALDESK_TEST_ENROLMENT"
)

// TestLaptopOfItsOwn is no test but the laptop of those below, in a process of its own: what a laptop has in memory must
// not be mixed with what the relay and the customers have. It does what it is told, a word a line, and answers "done".
func TestLaptopOfItsOwn(t *testing.T) {
	dir := os.Getenv(envLaptop)
	if dir == "" {
		t.Skip("started by others")
	}
	e, err := wire.ParseEnrolment(os.Getenv(envEnrol))
	if err != nil {
		t.Fatal(err)
	}
	enrolled, err := engine.Enrol(t.Context(), e, engine.EnrolConfig{Name: "laptop", App: "test", System: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := store.Open(ctx, store.Config{Dir: dir, Key: store.NewCacheKey(), Reader: enrolled.Person.ID, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	crash := make(chan struct{})
	eng := engine.New(engine.Config{Relay: enrolled.Relay, Pin: enrolled.Pin, Device: enrolled.Device, Key: enrolled.Key, App: "test", System: "test", Cache: s, Log: log,
		Frames: func(engine.Direction, []byte) {
			select {
			case <-crash:
				panic("the laptop was told to crash")
			default:
			}
		}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		eng.Run(ctx)
	}()
	var held []any // what a window would show
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch word, arg, _ := strings.Cut(lines.Text(), " "); word {
		case "await": // until it shows so many conversations that say the last thing
			n, _ := strconv.Atoi(arg)
			changed := s.Watch(ctx)
			for {
				rows, err := s.Inbox(ctx)
				if err != nil {
					t.Fatal(err)
				}
				said := 0
				for _, row := range rows {
					if row.Snippet.Visible() == "that is all" {
						said++
					}
				}
				if said >= n {
					break
				}
				<-changed
			}
		case "show":
			rows, err := s.Inbox(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				held = append(held, row)
				var from store.PageCursor
				for {
					page, err := s.Page(ctx, row.ID, from, 100)
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range page.Messages {
						held = append(held, m, m.Body.Visible())
						if m.Media != nil && m.Media.State == inbox.MediaReady {
							var b bytes.Buffer
							if eng.FetchMedia(ctx, row.ID, m.ID, m.Media.ID, &b, nil) == nil {
								held = append(held, b.Bytes())
							}
						}
					}
					if !page.More {
						break
					}
					from = page.Older
				}
			}
		case "close":
			stop()
			<-ended
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			held, s, eng = nil, nil, nil
			for range 3 { // finalizers need more than one
				runtime.GC()
				debug.FreeOSMemory()
			}
		case "crash":
			close(crash)
		}
		fmt.Println("laptop:", len(held), "done")
	}
}

// A laptop is another process that holds a cache.
type laptop struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors record
	dir    string
}

func (c *Company) laptop(t *testing.T, p inbox.Person) *laptop {
	t.Helper()
	l := &laptop{t: t, dir: t.TempDir()}
	l.cmd = exec.Command(os.Args[0], "-test.run=^TestLaptopOfItsOwn$")
	l.cmd.Env = append(os.Environ(), envLaptop+"="+l.dir, envEnrol+"="+c.Invite(p).String(), "GOTRACEBACK=system")
	l.cmd.Stderr = &l.errors
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.in.Close()
		l.cmd.Process.Kill()
		l.cmd.Wait()
	})
	return l
}

// tell gives a command and waits for its end.
func (l *laptop) tell(command string) {
	l.t.Helper()
	fmt.Fprintln(l.in, command)
	for {
		line, err := l.out.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the laptop is gone: %v\n%s", err, l.errors.bytes())
		}
		if strings.HasPrefix(line, "laptop:") {
			return
		}
	}
}

// memory returns all that the process can read of itself, region by region, by where it lies.
func (l *laptop) memory(look func(where string, b []byte)) (total int64) {
	l.t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", l.cmd.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", l.cmd.Process.Pid))
	if err != nil {
		l.t.Skipf("this system does not let a parent look into its child: %v", err)
	}
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		f := strings.Fields(line)
		if len(f) < 5 || f[1][0] != 'r' || strings.HasPrefix(f[len(f)-1], "[v") {
			continue
		}
		lo, hi, _ := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseInt(lo, 16, 64)
		to, err2 := strconv.ParseInt(hi, 16, 64)
		if err1 != nil || err2 != nil {
			continue // above what a file offset can say: nothing of ours
		}
		where := "memory of its own"
		if len(f) > 5 {
			where = f[5][strings.LastIndexByte(f[5], '/')+1:]
		}
		const window, overlap = 16 << 20, 4096
		for at := from; at < to; at += window {
			b := make([]byte, min(window+overlap, to-at))
			n, err := mem.ReadAt(b, at)
			if n == 0 && err != nil {
				break // a device, or gone since
			}
			if b = b[:n]; len(bytes.TrimLeft(b, "\x00")) == 0 {
				continue
			}
			total += int64(n)
			look(where, b)
		}
	}
	return total
}

// TestALaptopsMemoryHoldsNoIdentifier is T9, as far as it goes without a window: a laptop with everything a window would
// show in memory holds no raw identifier at any moment, and a laptop that closed its cache holds no more than it says it
// does. It looks at all memory of the process, what was freed and not used again included; it cannot look at memory that
// the system took back, at registers, or at what a reveal shows, which has a test of its own.
//
// It goes on to crash the laptop in two ways and looks at what it says then.
func TestALaptopsMemoryHoldsNoIdentifier(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	if runtime.GOOS != "linux" {
		t.Skip("looks into another process as Linux lets it")
	}
	f := newFlock(t)
	var people []wasim.Persona
	for _, region := range []string{"DE", "IT", "FR", "BR", "IN", "SA", "JP"} { // of the others so few look the part that the program has some
		people = append(people, f.persona("of-"+region, region))
	}
	people = append(people, wasim.Persona{Key: "hidden", Name: "Noa", Country: "FR", Language: "fr", UserID: "FR." + f.put("user id", f.word(idLetters, 24)), Username: f.put("username", strings.ToLower(f.name())+".shop")})
	c := Start(t, Options{Sim: func(w *wasim.Config) { w.Log, w.Personas = nil, people }})
	l := c.laptop(t, c.Person("Tobias Brandt", inbox.Agent))
	spoken := map[string]string{} // what customers say that is no identifier: it must be there, or the look was blind
	for _, p := range people {
		spoken[p.Key] = strings.ToLower(f.name())
		say(t, c, p.Key, "the word is "+spoken[p.Key]+", my number is +"+f.put("number in a text", f.number("DE"))+", "+f.put("e-mail in a text", f.mail()))
		do := ok(t)
		do(c.Sim.Do(p.Key, wasim.Line{Cards: []wasim.Card{{Name: "Lee " + f.put("card name", f.name()), Phones: []string{"+" + f.put("card number", f.number("DE"))}}}}))
		do(c.Sim.SendFile(p.Key, "document", "application/pdf", "CV of "+f.put("e-mail in a file name", f.mail())+".pdf", "", pdfOf(f.put("pdf properties", f.mail()))))
		do(c.Sim.SendFile(p.Key, "image", "image/jpeg", "", "photo", photographOf(64, f.put("exif", f.mail()))))
	}
	if err := c.Sim.ChangeNumber("of-JP", f.put("new number", f.number("JP"))); err != nil {
		t.Fatal(err)
	}
	for _, p := range people { // each customer's messages are taken in in their order
		say(t, c, p.Key, "that is all")
	}
	l.tell(fmt.Sprint("await ", len(people)))
	l.tell("show")

	var sim []leak.Canary
	for _, id := range c.Sim.Identifiers() {
		sim = append(sim, leak.Canary{Class: "simulator's", Value: id})
	}
	s := f.scanner(sim...)
	words := slices.Collect(func(yield func(string) bool) {
		for _, w := range spoken {
			if !yield(w) {
				return
			}
		}
	})
	look := func(when string) (found int) {
		seen := map[string]int{}
		start := time.Now()
		total := l.memory(func(where string, b []byte) {
			for _, h := range s.Bytes(where, b) {
				t.Errorf("LEAK  %s, %s holds the canary %q as %s", when, where, h.Class, h.Encoding)
			}
			for _, w := range words {
				seen[w] += bytes.Count(b, []byte(w))
			}
		})
		places := 0
		for _, n := range seen {
			if places += n; n > 0 {
				found++
			}
		}
		t.Logf("%s: %d MB looked at in %s, %d of %d spoken words in %d places", when, total>>20, time.Since(start).Round(time.Millisecond), found, len(words), places)
		return found
	}
	if n := look("with everything shown"); n != len(words) {
		t.Errorf("%d of %d words a customer said were found: the look is blind", n, len(words))
	}
	l.tell("close")
	// Go frees memory without wiping it, and this is what stays until it is used again: masked texts, no identifier.
	look("after the cache was closed")

	// A dump of all goroutines, as when a person asks for one.
	dumped := c.laptop(t, c.Person("Ines Moretti", inbox.Supervisor))
	dumped.tell(fmt.Sprint("await ", len(people)))
	dumped.tell("show")
	if err := dumped.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := dumped.cmd.Wait(); !errors.As(err, &exit) {
		t.Error("it did not end")
	}
	// A crash, while a message is on its way in.
	crashed := c.laptop(t, c.Person("Sabine Lorenz", inbox.Supervisor))
	crashed.tell(fmt.Sprint("await ", len(people)))
	crashed.tell("show")
	fmt.Fprintln(crashed.in, "crash")
	say(t, c, "of-DE", "one more: "+words[0])
	if err := crashed.cmd.Wait(); !errors.As(err, &exit) {
		t.Error("it did not crash")
	}
	for name, x := range map[string]*laptop{"a panic": crashed, "a dump of goroutines": dumped} {
		text := x.errors.bytes()
		if !bytes.Contains(text, []byte("goroutine ")) {
			t.Errorf("%s says nothing: %d bytes", name, len(text))
		}
		for _, h := range s.Bytes(name, text) {
			t.Errorf("LEAK  %s holds the canary %q as %s", name, h.Class, h.Encoding)
		}
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				t.Errorf("LEAK  %s holds what a customer said", name)
			}
		}
		t.Logf("%s: %d bytes", name, len(text))
	}
}
