package relaytest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

// An oracle is several people who conspire to ask the relay for numbers: each may ask ten an hour.
type oracle struct {
	k       *counter
	devices []*Device
	laptops []*rawDevice
	frames  []int // each laptop has sent since it connected
	in      inbox.InboxID
	asked   int
	inHour  int
	refs    uint64
}

func (k *counter) oracle(n int) *oracle {
	o := &oracle{k: k, in: inbox.InboxID(k.c.Config.Inboxes[0].ID)}
	for i := range n {
		d := k.c.Device(k.c.Person(fmt.Sprint("Agent ", i), inbox.Agent), DeviceOptions{})
		d.Down()
		o.devices, o.laptops, o.frames = append(o.devices, d), append(o.laptops, k.c.raw(k.t, d)), append(o.frames, 0)
	}
	return o
}

// ask asks for one number and says in a word what came back, and after how long.
func (o *oracle) ask(number string) (answer string, took time.Duration) {
	o.k.t.Helper()
	return o.askBy(o.asked%len(o.laptops), number)
}

func (o *oracle) askBy(i int, number string) (answer string, took time.Duration) {
	o.k.t.Helper()
	o.asked++
	if o.frames[i]++; o.frames[i] > 40 { // a connection may send 50 at once
		o.laptops[i].conn.Close()
		o.laptops[i], o.frames[i] = o.k.c.raw(o.k.t, o.devices[i]), 0
	}
	laptop := o.laptops[i]
	o.refs++
	frame, err := wire.EncodeAsk(wire.Ask{ID: o.refs, Question: inbox.LookUp{Inbox: o.in, Number: number}})
	if err != nil {
		o.k.t.Fatal(err)
	}
	start := time.Now()
	laptop.send(frame)
	for {
		if a, ok := laptop.next().(wire.Answer); ok && a.ID == o.refs {
			took = time.Since(start)
			if f, ok := a.Answer.(inbox.Found); ok && f.Conversation != "" {
				return "found", took
			} else if ok {
				return "nobody", took
			}
			return fmt.Sprintf("refused: %v", a.Refusal), took
		}
	}
}

// rest moves the clock on when the hour's questions are nearly spent.
func (o *oracle) rest(n int) {
	if o.inHour += n; o.inHour > 9*len(o.laptops) {
		o.k.later(61 * time.Minute)
		o.inHour = n
	}
}

// bits is the mutual information between what was true and what was answered, in bits.
func bits(table map[[2]string]int) (sum float64) {
	n := 0.0
	truth, said := map[string]float64{}, map[string]float64{}
	for k, c := range table {
		n, truth[k[0]], said[k[1]] = n+float64(c), truth[k[0]]+float64(c), said[k[1]]+float64(c)
	}
	for k, c := range table {
		p := float64(c) / n
		sum += p * math.Log2(p*n*n/(truth[k[0]]*said[k[1]]))
	}
	return sum
}

// TestAskingForPartsOfNumbersTellsNothing is T20: somebody who knows a number in part asks on, each time for what the last
// answer made likelier, in every way a number can be asked for. Beside each part that is true a part of the same shape is
// asked for that is nobody's: if the answers tell the two apart in anything, that is what leaks.
func TestAskingForPartsOfNumbersTellsNothing(t *testing.T) {
	const queries = 5000
	f := newFlock(t)
	var people []wasim.Persona
	for _, region := range []string{"DE", "IT", "FR", "BR", "IN", "SA"} {
		people = append(people, f.persona("of-"+region, region))
	}
	k := openCounter(t, func(w *wasim.Config) { w.Personas, w.Log = people, nil }, nil)
	for _, p := range people {
		say(t, k.c, p.Key, "Hello, you can reach me on +"+p.Number)
	}
	k.d.Await("everybody", func() bool { return len(k.d.Rows()) == len(people) })
	o := k.oracle(8)

	// Whole numbers are answered, however they are written.
	for i, p := range people {
		for _, text := range []string{"+" + p.Number, "00" + p.Number, "+" + spaced(p.Number, " ")}[:1+i%3] {
			o.rest(1)
			if got, _ := o.ask(text); got != "found" {
				t.Fatalf("a whole number: %s", got)
			}
		}
	}

	rng := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func(n string) string{
		"prefix": func(n string) string { return "+" + n[:4+rng.IntN(len(n)-4)] },
		"prefix and wildcard": func(n string) string {
			return "+" + n[:4+rng.IntN(len(n)-4)] + []string{"*", "%", "?", "_", ".*"}[rng.IntN(5)]
		},
		"suffix":              func(n string) string { return n[1+rng.IntN(len(n)-4):] },
		"suffix after a plus": func(n string) string { return "+" + n[1+rng.IntN(len(n)-4):] },
		"substring": func(n string) string {
			from := 1 + rng.IntN(5)
			return n[from : from+4+rng.IntN(len(n)-from-4)]
		},
		"national":       func(n string) string { return "0" + n[2:] },
		"one digit more": func(n string) string { return "+" + n + string(tenDigits[rng.IntN(10)]) },
		"one digit less": func(n string) string { return "+" + n[:len(n)-1] },
		"one digit other": func(n string) string {
			return "+" + n[:len(n)-1] + string('0'+(n[len(n)-1]-'0'+1+byte(rng.IntN(9)))%10)
		},
		"digits exchanged":     func(n string) string { return "+" + n[:len(n)-2] + string(n[len(n)-1]) + string(n[len(n)-2]) + "0" },
		"with a letter":        func(n string) string { return "+" + n[:8] + "O" + n[9:] },
		"with a zero byte":     func(n string) string { return "+" + n[:10] + "\x00" + n[10:] },
		"two at once":          func(n string) string { return "+" + n + ",+" + n },
		"a masked one":         func(n string) string { return "+" + n[:2] + " ••• ••" + n[len(n)-2:] },
		"a name":               func(n string) string { return "Kim" },
		"with another country": func(n string) string { return "+1" + n[2:] },
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range shapes {
			if !yield(name) {
				return
			}
		}
	})
	said, pace := map[[2]string]int{}, map[[2]string]int{}
	var trueTimes, falseTimes []time.Duration
	weight := map[string]int{} // the attacker follows what answered otherwise
	leaky := map[string]int{}
	decoy := func(n string) string { // of the same country and shape, nobody's
		for {
			d := n[:5] + f.word("123456789", len(n)-5)
			if !slices.ContainsFunc(people, func(p wasim.Persona) bool { return strings.Contains(p.Number, d[5:10]) }) {
				return d
			}
		}
	}
	for i := 0; o.asked < queries; i++ {
		name := names[i%len(names)]
		for other, n := range weight {
			if n > weight[name] {
				name = other
			}
		}
		p := people[rng.IntN(len(people))]
		seed := rng.Uint64()
		shape := func(n string) string { rng = rand.New(rand.NewPCG(seed, 3)); return shapes[name](n) } // the same cuts of both
		ask := []string{"true", "false"}
		if seed%2 == 0 {
			slices.Reverse(ask)
		}
		o.rest(2)
		answers := map[string]string{}
		for _, truth := range ask {
			n := p.Number
			if truth == "false" {
				n = decoy(n)
			}
			got, took := o.ask(shape(n))
			answers[truth] = got
			said[[2]string{truth, name + ": " + got}]++
			if truth == "true" {
				trueTimes = append(trueTimes, took)
			} else {
				falseTimes = append(falseTimes, took)
			}
			if got == "found" {
				t.Errorf("%s: a part of a number was answered", name)
			}
		}
		if answers["true"] != answers["false"] {
			weight[name]++
			leaky[name]++
		}
	}
	for name, n := range leaky {
		t.Errorf("%s: %d answers tell what is true", name, n)
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(trueTimes), falseTimes...)))
	middle := all[len(all)/2]
	for truth, times := range map[string][]time.Duration{"true": trueTimes, "false": falseTimes} {
		for _, d := range times {
			bucket := "fast"
			if d > middle {
				bucket = "slow"
			}
			pace[[2]string{truth, bucket}]++
		}
	}
	learnt, told := bits(said), bits(pace)
	// Of n answers without any information, noise alone makes about 1/(2 n ln 2) bits, and 25 times that once in two million
	// runs; ten times that would be once in six hundred.
	noise := 25 / (2 * float64(len(all)) * math.Ln2)
	t.Logf("%d questions of %d shapes: %.6f bits by answers, %.6f bits by time (noise is up to %.6f), median %s", o.asked, len(names), learnt, told, noise, middle)
	if learnt > 1e-9 {
		t.Error("answers tell parts of numbers")
	}
	if told > noise {
		t.Error("time tells parts of numbers")
	}

	// The cap: in one hour ten, whatever is asked for.
	k.later(61 * time.Minute)
	before := o.asked
	count := map[string]int{}
	for i := range 15 {
		n := people[i%len(people)].Number
		if i%2 == 1 {
			n = decoy(n)
		}
		got, _ := o.askBy(0, "+"+n)
		count[got]++
	}
	if count["found"]+count["nobody"] != 10 || count[fmt.Sprintf("refused: %v", inbox.RefusedCap)] != 5 {
		t.Errorf("an hour's questions are answered %v", count)
	}
	o.asked = before + 15

	// What the device itself can be searched for.
	texts := ""
	for _, row := range k.d.Rows() {
		texts += row.Contact.Name.Visible() + "\n" + row.Snippet.Visible() + "\n"
		for _, m := range k.d.Messages(row.ID) {
			texts += m.Body.Visible() + "\n"
		}
	}
	searched := 0
	for _, p := range people {
		for n := 4; n <= len(p.Number); n++ {
			for from := 0; from+n <= len(p.Number); from++ {
				searched++
				if strings.Contains(texts, p.Number[from:from+n]) {
					t.Errorf("a search of the laptop finds %d digits of a number", n)
				}
			}
		}
	}
	t.Logf("%d searches of the laptop find nothing", searched)

	// Each question is in the audit log, without the number.
	k.c.Down()
	master, err := vault.MasterFromFile(filepath.Join(k.c.Config.Data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := vault.LedgerKey(master, k.c.Config.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledger.Open(k.c.Config.LedgerFile(), ledger.Config{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	entries := 0
	err = db.View(context.Background(), identity.Shard, func(tx ledger.Tx) error {
		all, err := audit.Entries(tx, 0, 100_000)
		for _, e := range all {
			if e.Act == audit.LookedUp {
				entries++
			}
			for _, p := range people {
				if strings.Contains(fmt.Sprintf("%+v", e), p.Number[2:]) {
					return errors.New("an entry holds a number")
				}
			}
		}
		return err
	})
	if err != nil || entries != o.asked {
		t.Errorf("%d entries of %d questions: %v", entries, o.asked, err)
	}
}
