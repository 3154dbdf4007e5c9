package guard

import (
	"strings"
	"testing"
	"time"

	"sealdesk/packaging/dev/figure"
)

// BenchmarkJudge is the guard's figure: judging a message as agents write them against folding its bytes to lower case and looking for
// a digit, which is the least a check of any kind does.
func BenchmarkJudge(b *testing.B) {
	drafts, w := heldOut.generate(400)
	g := guard(b, corpusPolicy(), w)
	run := func(f func(Draft)) float64 {
		start := time.Now()
		n := 0
		for time.Since(start) < 50*time.Millisecond {
			for i := range drafts {
				f(drafts[i].draft)
				n++
			}
		}
		return float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	sink := 0
	var ours, peer []float64
	for range 7 {
		ours = append(ours, run(func(d Draft) { sink += len(judged(b, g, d).Findings) }))
		peer = append(peer, run(func(d Draft) { sink += strings.IndexByte(strings.ToLower(d.Parts[0].Text), '7') }))
	}
	f := figure.Compare(ours, peer)
	f.ID, f.Case, f.Peer, f.Unit = "guard", "a message before it leaves", "lower case and one byte", "ns/message"
	f.Target, f.Better = "≤500", figure.Lower
	f.Note = "all rules, phone numbers looked up; the peer judges nothing"
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(f.Ours, "ours-ns/message")
	b.ReportMetric(f.PeerValue, "peer-ns/message")
	b.ReportMetric(f.Ratio, "times")
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkJudgeKiB is one KiB of decent talk.
func BenchmarkJudgeKiB(b *testing.B) {
	s := strings.Repeat("Ihre Bestellung ist fertig und wird am Montag um 10:30 Uhr geliefert, der Preis beträgt 249,90 € inkl. MwSt. ", 10)[:1024]
	g := guard(b, corpusPolicy(), someOwners())
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		judged(b, g, draft(strings.ToValidUTF8(s, "")))
	}
}
