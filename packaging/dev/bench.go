package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/packaging/dev/figure"
)

// benchmark is one row of the suite: where a family of figures comes from. The ids are those of the project's list of
// targets; a row may yield several figures.
type benchmark struct {
	id      string
	title   string // what it is about, in two or three words
	pkg     string // relative to the checkout
	regexp  string // of the Go benchmark functions
	tags    string
	cgo     bool
	display bool // needs a window: runs on a private display with a private keyring
	loops   int  // iterations of the Go benchmark, if each is one round; 0 is one, for those that make their rounds themselves
	once    bool // run once whatever --rounds says: preparing takes long, and it makes enough rounds
	peers   bool // is no Go benchmark alone: see againstPeers
}

// benchmarks is the suite. Add a figure by adding a row and a Benchmark function that writes it.
func benchmarks() []benchmark {
	return []benchmark{
		{id: "B1", title: "taking webhooks in", pkg: "./sync/relay", regexp: "^BenchmarkB1$"},
		{id: "B1h", title: "webhooks over HTTP", pkg: "./sync/relay", regexp: "^BenchmarkB1h$"},
		{id: "B2", title: "durable appends", pkg: "./sync/relay/internal/ledger", regexp: "^BenchmarkAppend$"},
		{id: "B2peers", title: "durable appends", pkg: "./sync/relay/internal/ledger", regexp: "^BenchmarkAppend$/^100_writers$", once: true, peers: true},
		{id: "B3", title: "fan-out to devices", pkg: "./sync/relay", regexp: "^BenchmarkB3$"},
		{id: "B5", title: "idle devices", pkg: "./sync/relay", regexp: "^BenchmarkB5$"},
		{id: "B6", title: "a week offline", pkg: "./sync/relay/relaytest", regexp: "^BenchmarkB6$"},
		{id: "B7", title: "reading the cache", pkg: "./store", regexp: "^BenchmarkB7ReadAndDecode$", loops: 5},
		{id: "B8", title: "cold start", pkg: "./app/sealdesk", regexp: "^BenchmarkB8$", tags: clientTags, cgo: true, display: true, once: true},
		{id: "B9", title: "memory", pkg: "./app/sealdesk", regexp: "^BenchmarkB9$", tags: clientTags, cgo: true, display: true, once: true},
		{id: "window", title: "the window at rest and at work", pkg: "./app/sealdesk", regexp: "^BenchmarkWindow$", tags: clientTags, cgo: true, display: true, once: true},
		{id: "size", title: "a relay's disk and memory", pkg: "./app/relay", regexp: "^BenchmarkSize$", once: true},
		{id: "report", title: "a report of 92 days", pkg: "./sync/relay", regexp: "^BenchmarkReport$", once: true},
		{id: "B13", title: "masking", pkg: "./sync/relay/internal/mask", regexp: "^BenchmarkText$"},
		{id: "ui", title: "main goroutine", pkg: "./ui", regexp: "^BenchmarkBudget", tags: goldenTags},
	}
}

// measured is a figure folded from its rounds, and what we think of it.
type measured struct {
	figure.Figure
	Runs    int    `json:"runs"` // how often the benchmark ran; each run has rounds of its own
	Verdict string `json:"verdict"`
}

// Verdicts.
const (
	reached = "reached"
	nearly  = "within spread"
	missed  = "MISSED"
	noGoal  = "-"
)

// goal is a target read back from how a person writes it: "≥0.40", "<= 1.25x". ok is false for no target and for one
// that is no ratio ("p99 <= 50 ms"): such a figure informs and is never judged.
func goal(f figure.Figure) (value float64, atMost, ok bool) {
	t := strings.TrimSpace(f.Target)
	atMost = f.Better == figure.Lower
	for _, sign := range []struct {
		text   string
		atMost bool
	}{{"≥", false}, {">=", false}, {"≤", true}, {"<=", true}} {
		if rest, found := strings.CutPrefix(t, sign.text); found {
			t, atMost = rest, sign.atMost
			break
		}
	}
	t = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(t), "x×"))
	value, err := strconv.ParseFloat(t, 64)
	return value, atMost, err == nil && value > 0
}

// judge compares a ratio with its target, relaxed by half the spread (the spread is the whole range around the median),
// so that a loaded machine does not fail a change that slowed nothing down. However wild the rounds were, what got less than
// half as far as promised is missed.
func judge(f figure.Figure) string {
	target, atMost, ok := goal(f)
	slack := min(f.Spread/2, 0.5)
	switch {
	case !ok:
		return noGoal
	case !atMost && f.Ratio >= target, atMost && f.Ratio <= target:
		return reached
	case !atMost && f.Ratio >= target*(1-slack), atMost && f.Ratio <= target*(1+slack):
		return nearly
	}
	return missed
}

// attained is how far a figure got: 1 is the target, 2 twice as good, 0.5 half as good, not a number without a target.
func attained(f figure.Figure) float64 {
	target, atMost, ok := goal(f)
	switch {
	case !ok || f.Ratio <= 0:
		return math.NaN()
	case atMost:
		return target / f.Ratio
	}
	return f.Ratio / target
}

// merge folds the runs of each figure into one: the run with the median ratio, and a spread that covers both what the
// runs said themselves and how far they lie apart. The order of first appearance is kept.
func merge(runs []figure.Figure) []measured {
	type name struct{ id, c string }
	var order []name
	by := map[name][]figure.Figure{}
	for _, f := range runs {
		k := name{f.ID, f.Case}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], f)
	}
	var all []measured
	for _, k := range order {
		fs := slices.SortedFunc(slices.Values(by[k]), func(a, b figure.Figure) int { return cmp.Compare(a.Ratio, b.Ratio) })
		m := measured{Figure: fs[(len(fs)-1)/2], Runs: len(fs)}
		if m.Ratio != 0 {
			m.Spread = (fs[len(fs)-1].Ratio - fs[0].Ratio) / math.Abs(m.Ratio)
		}
		for _, f := range fs {
			m.Spread = max(m.Spread, f.Spread)
		}
		m.Verdict = judge(m.Figure)
		all = append(all, m)
	}
	return all
}

// readFigures reads the lines that benchmarks wrote.
func readFigures(path string) ([]figure.Figure, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []figure.Figure
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var one figure.Figure
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("figure on line %d: %w", n, err)
		}
		if one.ID == "" || one.Better != figure.Higher && one.Better != figure.Lower || math.IsNaN(one.Ratio) || math.IsInf(one.Ratio, 0) {
			return nil, fmt.Errorf("figure on line %d: want id, ratio, and better as higher or lower", n)
		}
		all = append(all, one)
	}
	return all, lines.Err()
}

// figureTable is what a person reads at the end of a bench run.
func figureTable(figures []measured) string {
	rows := [][]string{{"id", "case", "ours", "peer", "peer's", "unit", "ratio", "spread", "target", "verdict"}}
	for _, f := range figures {
		row := []string{f.ID, f.Case, short(f.Ours), f.Peer, short(f.PeerValue), f.Unit, short(f.Ratio) + "x", fmt.Sprintf("%.0f%%", 100*f.Spread), f.Target, f.Verdict}
		if f.Peer == "" { // a size, compared with nothing
			row[4], row[6], row[7] = "", "", ""
		}
		rows = append(rows, row)
	}
	return table(rows) + "\n" + summary(figures) + "\n" + notes(figures)
}

// summary counts the verdicts.
func summary(figures []measured) string {
	n := map[string]int{}
	for _, f := range figures {
		n[f.Verdict]++
	}
	return fmt.Sprintf("%d figures: %d %s, %d %s, %d %s, %d without a target.\n", len(figures), n[reached], reached, n[nearly], nearly, n[missed], missed, n[noGoal])
}

// notes are what a reader must know, each once with the figures it is about.
func notes(figures []measured) string {
	var order []string
	about := map[string][]string{}
	for _, f := range figures {
		if f.Note == "" {
			continue
		}
		if about[f.Note] == nil {
			order = append(order, f.Note)
		}
		about[f.Note] = append(about[f.Note], strings.TrimSpace(f.ID+" "+f.Case))
	}
	var b strings.Builder
	for _, n := range order {
		fmt.Fprintf(&b, "%s: %s\n", strings.Join(about[n], "; "), n)
	}
	return b.String()
}

// short prints a number with three significant digits and no exponent.
func short(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits <= 0 {
		return group3(strconv.FormatFloat(v, 'f', 0, 64))
	}
	s := strconv.FormatFloat(v, 'f', min(digits, 6), 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// group3 puts a comma before every three digits.
func group3(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// benchReport is bench.json.
type benchReport struct {
	At      time.Time  `json:"at"`
	Go      string     `json:"go"`
	System  string     `json:"system"`
	CPUs    int        `json:"cpus"`
	Load    string     `json:"load"` // of the machine, before and after; "" where nobody says
	Rounds  int        `json:"rounds"`
	Figures []measured `json:"figures"`
}

func runBench(ctx context.Context, d *dev, args []string) error {
	f := d.flags("bench")
	rounds := f.Int("rounds", 3, "how often each benchmark runs; each run alternates between us and the peer itself")
	only := f.String("only", "", "run only these ids, separated by commas")
	check := f.Bool("check", false, "fail when a figure misses its target by more than its own spread")
	list := f.Bool("list", false, "print the suite and stop")
	if err := f.Parse(args); err != nil {
		return parseProblem(err)
	}
	out := d.build("bench")
	raw := filepath.Join(out, "figures.jsonl")
	prepare := []step{d.packagesStep("bench"), d.modulesStep()}
	var suite []step
	for _, b := range benchmarks() {
		suite = append(suite, step{name: b.id, does: "figures of " + b.pkg, run: func(ctx context.Context, log *os.File) error {
			return d.measure(ctx, log, b, *rounds, raw)
		}})
	}
	if *list {
		return d.followSome(ctx, "bench", suite, "", true)
	}
	suite, err := choose(suite, *only)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(raw); err != nil {
		return err
	}
	load := []string{loadAverage()}
	failed := d.follow(ctx, "bench", append(prepare, suite...))
	load = append(load, loadAverage())
	if errors.Is(failed, context.Canceled) {
		return failed
	}
	all, err := readFigures(raw)
	if err != nil {
		return err
	}
	figures := merge(all)
	if len(figures) > 0 {
		r := benchReport{At: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
			CPUs: runtime.NumCPU(), Load: strings.Join(slices.Compact(load), " to "), Rounds: *rounds, Figures: figures}
		if err := d.publish(ctx, out, r); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return verdict(figures, *check)
}

// verdict turns missed targets into a problem, if asked to.
func verdict(figures []measured, check bool) error {
	var miss []string
	for _, f := range figures {
		if f.Verdict == missed {
			miss = append(miss, strings.TrimSpace(f.ID+" "+f.Case))
		}
	}
	if check && len(miss) > 0 {
		return &problem{happened: "below target by more than the spread: " + strings.Join(miss, "; "),
			do: "repeat on a quiet machine; if it stays, the change made us slower."}
	}
	return nil
}

// measure runs one row, on a private display if it needs a window. A row that writes no figure has not run.
func (d *dev) measure(ctx context.Context, log *os.File, b benchmark, rounds int, raw string) error {
	if _, err := os.Stat(filepath.Join(d.root, filepath.FromSlash(b.pkg))); err != nil {
		return fmt.Errorf("no package %s", b.pkg)
	}
	before, err := readFigures(raw)
	if err != nil {
		return err
	}
	if b.once {
		rounds = 1
	}
	if b.peers {
		return d.againstPeers(ctx, log, b, raw)
	}
	run := func(env []string) error {
		args := []string{"test", "-run", "^$", "-bench", b.regexp, "-benchtime", fmt.Sprintf("%dx", max(b.loops, 1)), "-count", strconv.Itoa(rounds), "-timeout", "60m"}
		if b.tags != "" {
			args = append(args, "-tags", b.tags)
		}
		env = append(env, cgoEnv(b.cgo), figure.Out+"="+raw)
		return call{dir: d.root, env: env, log: d.tee(log)}.run(ctx, "go", append(args, b.pkg)...)
	}
	if b.display {
		err = d.inKeyring(ctx, log, func(env []string) error {
			s, err := newSupervisor(d.build("log", "bench-display"))
			if err != nil {
				return err
			}
			defer s.close()
			screen, err := startDisplay(ctx, s, "1440x900", env)
			if err != nil {
				return err
			}
			return run(screen.clientEnv(env, "en_GB"))
		})
	} else {
		err = run(nil)
	}
	if err != nil {
		return err
	}
	after, err := readFigures(raw)
	if err == nil && len(after) == len(before) {
		err = fmt.Errorf("%s in %s wrote no figure", b.regexp, b.pkg)
	}
	return err
}

// publish prints the table and writes bench.json, bench.svg and bench.png.
func (d *dev) publish(ctx context.Context, out string, r benchReport) error {
	d.out.say("")
	d.out.say("%s", strings.TrimRight(figureTable(r.Figures), "\n"))
	d.out.say("%s", r.where())
	d.out.say("")
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "bench.json"), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	svg := filepath.Join(out, "bench.svg")
	if err := os.WriteFile(svg, []byte(plot(r.Figures, r.where())), 0o644); err != nil {
		return err
	}
	if err := (call{}).run(ctx, "rsvg-convert", "--zoom", "2", "--output", filepath.Join(out, "bench.png"), svg); err != nil {
		return &problem{happened: "the plot could not be turned into a PNG", err: err, safe: "bench.json and bench.svg are written."}
	}
	d.out.say("Written: %s", shortPath(filepath.Join(out, "bench.{json,svg,png}")))
	return nil
}

// where says on what the figures were measured.
func (r benchReport) where() string {
	s := fmt.Sprintf("%s, %s, %s, %d CPUs", r.At.Format("2 January 2006 15:04 MST"), r.Go, r.System, r.CPUs)
	if r.Load != "" {
		s += ", load average " + r.Load
	}
	return s
}

// loadAverage is how many programs wanted to run in the last minute; "" where the system does not say.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(raw), " ")
	return first
}
