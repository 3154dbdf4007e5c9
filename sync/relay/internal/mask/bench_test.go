package mask

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/packaging/dev/figure"
)

// talk is what a company hears: six messages in ten hold nothing that identifies anybody.
var talk = []string{
	"Guten Morgen, ist die Wärmepumpe WP 12 noch lieferbar und wie lange dauert der Versand ungefähr? Danke schon mal für die Antwort! 😊",
	"Hello, thanks for the quick reply. The second option looks good to us, could you please send the offer by Friday afternoon? Regards",
	"Buongiorno, vorrei sapere se avete ancora disponibile il modello bianco, taglia 42, e quanto costa la spedizione in Sicilia. Grazie",
	"Passt perfekt, dann sehen wir uns am 12.03. um 15:30 Uhr bei Ihnen. Der Preis von 1.299,00 € inklusive Montage geht für uns in Ordnung.",
	"Ok, I understand. We need 24 pieces in blue and 36 in black, size M, and the invoice should be made out to the company as last time.",
	"Der Monteur war heute da, alles läuft wieder. Vielen herzlichen Dank an das ganze Team, das war wirklich schnell und sehr freundlich!",
	"Meine Nummer ist +49 151 555 01 998, bitte rufen Sie mich morgen ab 9 Uhr zurück, vorher bin ich leider noch in einer Besprechung.",
	"You can send the documents to jane.roe@firma.example, and please put accounting@firma.example in copy so that nothing gets lost. Thanks",
	"La mia carta è 4111 1111 1111 1111, scadenza 12/27, ma preferirei pagare con bonifico se per voi è possibile, fatemi sapere. Grazie",
	"Bitte auf dieses Konto erstatten: DE89 3704 0044 0532 0130 00, und den Betrag von 249,90 € bitte auf der Rechnung entsprechend ändern.",
}

// The peer: what a relay without an engine of its own would run over every message.
var (
	peerEmail = regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}`)
	peerCard  = regexp.MustCompile(`\b(?:\d[ \-]?){13,19}\b`)
	peerIBAN  = regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`)
	peerPhone = regexp.MustCompile(`(?:\+|00)?\d[\d \-/().]{6,}\d`)
)

func peer(s string) int {
	return len(peerEmail.FindAllStringIndex(s, -1)) + len(peerCard.FindAllStringIndex(s, -1)) +
		len(peerIBAN.FindAllStringIndex(s, -1)) + len(peerPhone.FindAllStringIndex(s, -1))
}

// BenchmarkText is B13: masking a message, hints, spans and all, against only looking for candidates with four plain
// regular expressions.
func BenchmarkText(b *testing.B) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345"}}
	run := func(f func(string)) float64 {
		start := time.Now()
		n := 0
		for time.Since(start) < 60*time.Millisecond {
			for _, s := range talk {
				f(s)
				n++
			}
		}
		return float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	var clean, all, regexes []float64
	for range 7 {
		all = append(all, run(func(s string) { Policy{}.Text(s, k) }))
		regexes = append(regexes, run(func(s string) { peer(s) }))
		start := time.Now()
		n := 0
		for time.Since(start) < 30*time.Millisecond {
			for _, s := range talk[:6] {
				Policy{}.Text(s, k)
				n++
			}
		}
		clean = append(clean, float64(time.Since(start).Nanoseconds())/float64(n))
	}
	f := figure.Compare(all, regexes)
	f.ID, f.Case, f.Peer, f.Unit = "B13", "60 % clean", "4 regexes", "ns/message"
	f.Target, f.Better = "≤0.125", figure.Lower
	f.Note = "ours masks, the peer only searches"
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(f.Ours, "ours-ns/message")
	b.ReportMetric(f.PeerValue, "peer-ns/message")
	b.ReportMetric(f.PeerValue/f.Ours, "times")
	b.ReportMetric(figure.Median(clean), "clean-ns/message")
	if err := figure.Emit(f); err != nil {
		b.Fatal(err)
	}
}

// scan is the least anybody does to a text: look at each byte once.
func scan(s string) (digits, signs int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '@' || c == '+' || c == '/':
			signs++
		}
	}
	return digits, signs
}

// BenchmarkAgainstScan is B13 against a plain scan of the same bytes in the same run: a message without candidates,
// which most are, and the mix.
func BenchmarkAgainstScan(b *testing.B) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345"}}
	sink := 0
	run := func(texts []string, f func(string)) float64 {
		start := time.Now()
		n := 0
		for time.Since(start) < 20*time.Millisecond {
			for _, s := range texts {
				f(s)
				n++
			}
		}
		return float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	for _, c := range []struct {
		name  string
		texts []string
	}{{"nothing in it", []string{talk[0], talk[1], talk[4], talk[5]}}, {"60 % clean", talk}} {
		var ours, plain []float64
		for range 9 {
			ours = append(ours, run(c.texts, func(s string) { Policy{}.Text(s, k) }))
			plain = append(plain, run(c.texts, func(s string) { d, _ := scan(s); sink += d }))
		}
		f := figure.Compare(ours, plain)
		f.ID, f.Case, f.Peer, f.Unit, f.Better = "B13", c.name+", against a scan", "one look at each byte", "ns/message", figure.Lower
		f.Note = "the scan decides nothing"
		b.ReportMetric(f.Ratio, "ratio-"+c.name[:2])
		if err := figure.Emit(f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFullText is the limit for a text of 4 KiB: the 99th percentile over texts of several kinds, in milliseconds
// against the 2 allowed.
func BenchmarkFullText(b *testing.B) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}}
	kinds := []string{talk[0], talk[3], talk[6], talk[7] + talk[8], "0151 5550998\n", "null eins fünf ", "eins 5 und 12.30 ", "max at gmail punkt com ", "O1S 5l ", "my insta is foo.bar ", "1 2 3 4 ", "٠١٥١ ", "4111 1111 ", "+49 ", "DE89 37", "⟦phone 1⟧ 12 "}
	var times []float64
	for b.Loop() {
		for _, kind := range kinds {
			s := strings.Repeat(kind, 4096/len(kind))
			start := time.Now()
			Policy{}.Text(s, k)
			times = append(times, float64(time.Since(start).Microseconds())/1000)
		}
	}
	slices.Sort(times)
	p99 := times[len(times)*99/100]
	b.ReportMetric(p99, "p99-ms")
	err := figure.Emit(figure.Figure{ID: "B13", Case: "4 KiB, p99", Ours: p99, Peer: "limit", PeerValue: 2, Unit: "ms", Target: "≤1.00", Better: figure.Lower,
		Note: "texts made of nothing but candidates included"})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWorstText is the 99th percentile to expect of a full text of 4 KiB: nothing but candidates.
func BenchmarkWorstText(b *testing.B) {
	var s string
	for len(s) < 4000 {
		s += "0151 5550" + string(rune('0'+len(s)%10)) + "998\n"
	}
	k := Known{Region: "DE", Phones: []string{"4915155501234"}}
	for b.Loop() {
		Policy{}.Text(s, k)
	}
}
