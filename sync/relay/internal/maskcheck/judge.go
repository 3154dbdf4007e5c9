package maskcheck

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// An Engine masks the messages of a case and returns what agents see of each in the end, in the same order. An error
// ends the judging.
type Engine func(context.Context, *Case) ([]inbox.Masked, error)

// A Result is the figures of one class, or of all.
type Result struct {
	Class      string `json:"class"`
	Cases      int    `json:"cases"`
	Secret     int    `json:"secret"`      // cases that hold a secret
	Leaks      int    `json:"leaks"`       // of them, cases of which a digit or a letter survived
	LeakedMost int    `json:"leaked_most"` // the most digits and letters that survived of one case
	Leaked     int    `json:"leaked"`      // digits and letters that survived in all
	Keeping    int    `json:"keeping"`     // cases that say what must be kept
	FalseMasks int    `json:"false_masks"` // of them, cases of which something to keep was changed
	P50        int64  `json:"p50_ns"`      // time for a case, half are faster
	P99        int64  `json:"p99_ns"`
	times      []time.Duration
}

// Recall is the part of the cases with a secret of which nothing survived, 1 if there are none.
func (r *Result) Recall() float64 { return share(r.Secret-r.Leaks, r.Secret, 1) }

// False is the part of the cases that say what must be kept of which something was changed.
func (r *Result) False() float64 { return share(r.FalseMasks, r.Keeping, 0) }

// RecallBound is the lower end of the 95 % interval of Recall (Wilson 1927).
func (r *Result) RecallBound() float64 {
	if r.Secret == 0 {
		return 1
	}
	const z = 1.959964
	n, p := float64(r.Secret), r.Recall()
	return (p + z*z/(2*n) - z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}

func share(part, of int, none float64) float64 {
	if of == 0 {
		return none
	}
	return float64(part) / float64(of)
}

// A Report is what a judging found: per class in the order of their names, and over all. It holds no text.
type Report struct {
	Classes []Result `json:"classes"`
	All     Result   `json:"all"`
	Missed  []string `json:"missed,omitempty"` // ids of cases with a leak or a false mask, the first of them
}

const maxMissed = 1000

// Judge lets the engine mask every case of a corpus and counts what survived and what was changed. It returns an error
// that wraps ErrCorpus for a malformed corpus, the engine's error, or the context's.
func Judge(ctx context.Context, corpus io.Reader, engine Engine) (Report, error) {
	return JudgeCases(ctx, Read(corpus), engine, nil)
}

// JudgeCases is Judge for cases that need no reading. missed, if there is one, is called with every case of which
// something survived or was changed; it is for tests and looks at a terminal, never for a log.
func JudgeCases(ctx context.Context, cases iter.Seq2[Case, error], engine Engine, missed func(Case, []inbox.Masked)) (Report, error) {
	classes := map[string]*Result{}
	all := Result{Class: "all"}
	var report Report
	for c, err := range cases {
		if err != nil {
			return Report{}, err
		}
		if err := ctx.Err(); err != nil {
			return Report{}, fmt.Errorf("judging: %w", err)
		}
		r := classes[c.Class]
		if r == nil {
			r = &Result{Class: c.Class}
			classes[c.Class] = r
		}
		start := time.Now()
		masked, err := engine(ctx, &c)
		took := time.Since(start)
		if err != nil {
			return Report{}, fmt.Errorf("masking a case: %w", err)
		}
		v := verdict(&c, masked)
		for _, r := range []*Result{r, &all} {
			r.count(v, took)
		}
		if v.leaked > 0 || v.changed > 0 {
			if len(report.Missed) < maxMissed {
				report.Missed = append(report.Missed, c.ID)
			}
			if missed != nil {
				missed(c, masked)
			}
		}
	}
	for _, r := range classes {
		r.close()
		report.Classes = append(report.Classes, *r)
	}
	slices.SortFunc(report.Classes, func(a, b Result) int { return strings.Compare(a.Class, b.Class) })
	all.close()
	report.All = all
	return report, nil
}

func (r *Result) count(v judged, took time.Duration) {
	r.Cases++
	if v.secret {
		r.Secret++
	}
	if v.leaked > 0 {
		r.Leaks++
		r.Leaked += v.leaked
		r.LeakedMost = max(r.LeakedMost, v.leaked)
	}
	if v.keeping {
		r.Keeping++
	}
	if v.changed > 0 {
		r.FalseMasks++
	}
	r.times = append(r.times, took)
}

func (r *Result) close() {
	slices.Sort(r.times)
	if n := len(r.times); n > 0 {
		r.P50, r.P99 = r.times[n/2].Nanoseconds(), r.times[min(n-1, n*99/100)].Nanoseconds()
	}
	r.times = nil
}

// Class returns the figures of a class, zero ones if there is none.
func (r *Report) Class(name string) Result {
	for _, c := range r.Classes {
		if c.Class == name {
			return c
		}
	}
	return Result{Class: name}
}

// Table writes the figures for people to read.
func (r *Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "class\tcases\tleaks\trecall %\tat least %\tsurviving\tfalse masks\tfalse %\tp50 µs\tp99 µs\t")
	for _, c := range append(slices.Clone(r.Classes), r.All) {
		recall, bound, false_ := "-", "-", "-"
		if c.Secret > 0 {
			recall, bound = fmt.Sprintf("%.3f", 100*c.Recall()), fmt.Sprintf("%.3f", 100*c.RecallBound())
		}
		if c.Keeping > 0 {
			false_ = fmt.Sprintf("%.3f", 100*c.False())
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%d\t%d\t%s\t%.1f\t%.1f\t\n", c.Class, c.Cases, c.Leaks, recall, bound, c.Leaked,
			c.FalseMasks, false_, float64(c.P50)/1000, float64(c.P99)/1000)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

// A judged is what became of one case.
type judged struct {
	secret, keeping bool
	leaked, changed int
}

// verdict counts the digits and letters of secrets that can be read in what is visible, and the things to keep that
// were changed. Messages the engine did not return count as shown unmasked.
func verdict(c *Case, masked []inbox.Masked) judged {
	v := judged{secret: len(c.Secrets) > 0, keeping: len(c.Keep) > 0}
	secrets := c.Secrets
	var shown strings.Builder
	for i, text := range c.Text {
		text = strings.ToValidUTF8(text, "\uFFFD")
		var m inbox.Masked
		spans := []inbox.Span{{Text: text}}
		if i < len(masked) {
			m = masked[i]
			spans = m.Spans()
		}
		var secret []bool
		secret, secrets = places(text, secrets, i == len(c.Text)-1)
		v.leaked += survivors(text, secret, spans)
		for _, s := range spans {
			if s.Kind == inbox.Plain {
				shown.WriteString(s.Text)
			} else {
				shown.WriteByte(0)
			}
		}
		shown.WriteByte(0)
	}
	visible := shown.String()
	for _, k := range c.Keep {
		if !strings.Contains(visible, k) {
			v.changed++
		}
	}
	return v
}

// places marks the bytes of a text that belong to the secrets, which stand in it one behind the other. It returns the
// secrets that stand in a later message.
func places(text string, secrets []string, last bool) ([]bool, []string) {
	is := make([]bool, len(text))
	from := 0
	for n, s := range secrets {
		if s == "" {
			continue
		}
		i := strings.Index(text[from:], s)
		if i >= 0 {
			i += from
		} else if !last {
			return is, secrets[n:]
		} else if i = strings.Index(text, s); i < 0 { // a corpus that does not keep to the order
			continue
		}
		for j := i; j < i+len(s); j++ {
			is[j] = true
		}
		from = max(from, i+len(s))
	}
	return is, nil
}

// survivors returns how many digits and letters of the secrets can be seen: it lays the plain spans over the text they
// were cut from in the one way that reveals least, for what a reader cannot tell apart he has not learnt. Plain text
// that is nowhere in the original is what an engine may put there of the company's; if it holds letters or digits that
// only a secret has, they count.
func survivors(text string, secret []bool, spans []inbox.Span) int {
	const never = math.MaxInt32
	// cost[i] is the least that the spans so far reveal if the last one ends before i.
	cost := make([]int, len(text)+1)
	for _, s := range spans {
		next := make([]int, len(text)+1)
		for i := range next {
			next[i] = never
		}
		if s.Kind != inbox.Plain {
			// hides one byte or more
			for i, best := 1, cost[0]; i <= len(text); i++ {
				next[i] = best
				best = min(best, cost[i])
			}
			cost = next
			continue
		}
		found := false
		for at := 0; at+len(s.Text) <= len(text); at++ {
			i := strings.Index(text[at:], s.Text)
			if i < 0 {
				break
			}
			at += i
			if cost[at] == never {
				continue
			}
			found = true
			end := at + len(s.Text)
			if c := cost[at] + readable(text, secret, at, end); c < next[end] {
				next[end] = c
			}
		}
		if !found {
			extra := foreign(text, secret, s.Text)
			for i := range next {
				if cost[i] != never {
					next[i] = cost[i] + extra
				}
			}
		}
		cost = next
	}
	least := never
	for _, c := range cost {
		least = min(least, c)
	}
	if least == never {
		return readable(text, secret, 0, len(text))
	}
	return least
}

// readable counts the digits and letters of secrets between from and to.
func readable(text string, secret []bool, from, to int) (n int) {
	for i := from; i < to; {
		r, size := utf8.DecodeRuneInString(text[i:])
		if secret[i] && (unicode.IsLetter(r) || unicode.IsNumber(r)) {
			n++
		}
		i += size
	}
	return n
}

// foreign counts the digits of text that is not in the original and that also stand in a run of secret digits.
func foreign(text string, secret []bool, shown string) (n int) {
	var digits strings.Builder
	for i, r := range text {
		if secret[i] && unicode.IsDigit(r) {
			digits.WriteRune(r)
		}
	}
	run := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, shown)
	for i := 0; i+4 <= len(run); i++ {
		if strings.Contains(digits.String(), run[i:i+4]) {
			return len(run)
		}
	}
	return 0
}
