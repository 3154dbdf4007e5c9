package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

func exported(t testing.TB, db ledger.DB, opt ExportOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := Export(context.Background(), db, &b, opt); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnExportIsWhatIsInTheLogAndProvesItself(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, db ledger.DB) {
		k := makeKey(t, db)
		fill(t, db, "sales", 1, 1300)
		fill(t, db, "support", 1, 5)
		update(t, db, "sales", func(tx ledger.Tx) error { // a clock turned back
			return Record(tx, Entry{At: testStart.Add(100 * time.Second), Act: Noted, Object: "a|b=c\\d", Detail: "x=1 cs1Label=no \\n | \n end "})
		})
		second := func(n int) inbox.Moment { return testStart.Add(time.Duration(n) * time.Second) }
		for _, format := range []ExportFormat{JSONLines, CEF} {
			for name, x := range map[string]struct {
				from, until inbox.Moment
				want        []uint64 // first and last of sales, then of support
			}{
				"all":     {0, 0, []uint64{1, 1301, 1, 5}},
				"a part":  {second(3), second(700), []uint64{3, 1301, 3, 5}},
				"from":    {second(600), 0, []uint64{600, 1301}},
				"until":   {0, second(4), []uint64{1, 3, 1, 3}},
				"nothing": {second(90_000), 0, nil},
				"one":     {second(1024), second(1024) + 1, []uint64{1024, 1024}},
			} {
				t.Run(string(format)+" "+name, func(t *testing.T) {
					raw := exported(t, db, ExportOptions{Format: format, From: x.from, Until: x.until, At: testStart, Key: k, Version: "v|1"})
					ends := map[string][2]uint64{}
					sum, err := CheckExport(bytes.NewReader(raw), k.Verifier(), func(f Found) error {
						var kept []Entry
						view(t, db, f.Shard, func(tx ledger.Tx) (err error) {
							kept, err = Entries(tx, f.Number-1, 1)
							return err
						})
						if kept[0] != f.Entry {
							t.Errorf("entry %d of %s comes back otherwise", f.Number, f.Shard)
						}
						e := ends[f.Shard]
						if e[0] == 0 {
							e[0] = f.Number
						}
						ends[f.Shard] = [2]uint64{e[0], f.Number}
						return nil
					})
					if err != nil || sum.Shards != 2 || sum.Company != "relay.example.com" {
						t.Fatalf("%d shards: %v", sum.Shards, err)
					}
					var got []uint64
					for _, shard := range []string{"sales", "support"} {
						if e, ok := ends[shard]; ok {
							got = append(got, e[0], e[1])
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(x.want) {
						t.Errorf("it spans %v, want %v", got, x.want)
					}
				})
			}
		}
	})
}

func TestAChangedExportDoesNotProveItself(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	k := makeKey(t, db)
	fill(t, db, "sales", 1, 40)
	fill(t, db, "support", 1, 5)
	tries := 60
	if long() {
		tries = 2000
	}
	for _, format := range []ExportFormat{JSONLines, CEF} {
		raw := exported(t, db, ExportOptions{Format: format, At: testStart, Key: k, Version: "1"})
		lines := bytes.SplitAfter(raw, []byte("\n"))
		lines = lines[:len(lines)-1]
		r := rand.New(rand.NewPCG(3, 4))
		refused := func(what string, changed []byte) {
			t.Helper()
			if bytes.Equal(changed, raw) {
				return
			}
			if _, err := CheckExport(bytes.NewReader(changed), k.Verifier(), nil); !errors.Is(err, ErrExport) {
				t.Errorf("%s: %s: %v", format, what, err)
			}
		}
		join := func(list [][]byte) []byte { return bytes.Join(list, nil) }
		for i := range lines {
			refused("a line dropped", join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...)))
			refused("a line doubled", join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...)))
			refused("cut short", join(lines[:i]))
			j := r.IntN(len(lines))
			swapped := append([][]byte{}, lines...)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			refused("two lines swapped", join(swapped))
		}
		for range tries {
			changed := bytes.Clone(raw[:len(raw)-1])
			changed[r.IntN(len(changed))] ^= 1 << r.IntN(8)
			if _, err := CheckExport(bytes.NewReader(changed), k.Verifier(), nil); err == nil && !sameButSignatureText(changed, raw) {
				t.Errorf("%s: a changed bit was not seen", format)
			}
		}
		other := makeKey(t, openFile(t, ledger.Config{Key: testKey()}))
		if _, err := CheckExport(bytes.NewReader(raw), other.Verifier(), nil); !errors.Is(err, ErrExport) {
			t.Errorf("by another key: %v", err)
		}
		if _, err := CheckExport(bytes.NewReader(raw), "", nil); err != nil {
			t.Errorf("by its own key: %v", err)
		}
	}
	if _, err := Export(t.Context(), db, new(bytes.Buffer), ExportOptions{Format: "xml", Key: k}); !errors.Is(err, ErrFormat) {
		t.Errorf("another format: %v", err)
	}
	if _, err := Export(t.Context(), db, new(bytes.Buffer), ExportOptions{Format: CEF}); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

// sameButSignatureText says whether only the last line differs, which carries the seal of all others: of CEF's heads, a
// label or the case of a letter in it nothing depends.
func sameButSignatureText(a, b []byte) bool {
	i, j := bytes.LastIndexByte(a, '\n'), bytes.LastIndexByte(b[:len(b)-1], '\n')
	return i == j && bytes.Equal(a[:i], b[:j])
}

// TestCEFIsWhatItsReadersExpect holds a line against the format as its document has it, without our own reader.
func TestCEFIsWhatItsReadersExpect(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	k := makeKey(t, db)
	update(t, db, "s", func(tx ledger.Tx) error {
		return Record(tx, Entry{At: testStart, Actor: "ana", Device: "d1", Act: RevealShown, Object: "x=1|y", Detail: `back\slash`, Refused: inbox.RefusedCap})
	})
	lines := strings.Split(string(exported(t, db, ExportOptions{Format: CEF, At: testStart, Key: k, Version: "v1|2"})), "\n")
	want := `CEF:0|Sealdesk|sealdesk-relay|v1\|2|reveal.shown|reveal shown|6|rt=1790000000000 externalId=1 suid=ana outcome=failure ` +
		`cs1=s cs1Label=shard cs2=d1 cs2Label=device cs3=x\=1|y cs3Label=object cs4=back\\slash cs4Label=detail cs5=`
	if !strings.HasPrefix(lines[2], want) || !strings.HasSuffix(lines[2], "= cs5Label=entryHash cn1=18 cn1Label=refusal") && !strings.Contains(lines[2], "cs5Label=entryHash cn1=18 cn1Label=refusal") {
		t.Errorf("the line is %s", lines[2])
	}
	if !strings.HasPrefix(lines[0], `CEF:0|Sealdesk|sealdesk-relay|v1\|2|audit-export.export|`) {
		t.Errorf("the first line is %s", lines[0])
	}
}

func FuzzCheckExport(f *testing.F) {
	db := openFile(f, ledger.Config{Key: testKey()})
	k := makeKey(f, db)
	fill(f, db, "s", 1, 3)
	for _, format := range []ExportFormat{JSONLines, CEF} {
		for line := range strings.Lines(string(exported(f, db, ExportOptions{Format: format, At: testStart, Key: k}))) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		if _, err := CheckExport(strings.NewReader(line), "", nil); err == nil {
			t.Error("one line proves itself")
		}
		_, _ = parseRecord(strings.TrimSuffix(line, "\n"))
	})
}
