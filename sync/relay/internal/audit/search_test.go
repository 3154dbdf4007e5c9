package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// naive finds what a query asks for by reading everything.
func naive(t testing.TB, db ledger.DB, q Query) (out []string) {
	t.Helper()
	shards, err := db.Shards(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var all []Found
	for _, shard := range shards {
		view(t, db, shard, func(tx ledger.Tx) error {
			list, err := Entries(tx, 0, -1)
			for _, e := range list {
				words := append(strings.Fields(e.Detail), e.Object, string(e.Device))
				if (q.Shard == "" || q.Shard == shard) && (q.Actor == "" || e.Actor == q.Actor) && e.At >= q.From && (q.Until == 0 || e.At < q.Until) &&
					(!q.Refused || e.Refused != 0) && (q.Act == "" || e.Act == q.Act || strings.HasPrefix(string(e.Act), string(q.Act)+".")) &&
					strings.Contains(strings.ToLower(e.Detail), strings.ToLower(q.Text)) &&
					(len(q.About) == 0 || slices.ContainsFunc(words, func(w string) bool { return slices.Contains(q.About, w) })) {
					all = append(all, Found{shard, e})
				}
			}
			return err
		})
	}
	slices.SortStableFunc(all, func(a, b Found) int {
		if a.Shard == b.Shard {
			return int(b.Number) - int(a.Number)
		}
		return int(b.At - a.At)
	})
	for _, f := range all {
		out = append(out, fmt.Sprint(f.Shard, f.Number))
	}
	return out
}

func TestASearchFindsWhatReadingEverythingFindsInPagesOfAnySize(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	// Times of shards lie between each other, never on each other, so that there is one order.
	for i, shard := range []string{"a", "b", "c"} {
		update(t, db, shard, func(tx ledger.Tx) error {
			for n := range uint64(700 * (i + 1)) {
				e := entryOf(n + uint64(i)*1000)
				e.At = testStart.Add(time.Duration(n)*time.Second + time.Duration(i)*100*time.Millisecond)
				if err := Record(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, shard := range []string{"a", "b"} { // and one without tables
		if err := tabulate(t.Context(), db, shard); err != nil {
			t.Fatal(err)
		}
	}
	pick := func(r *rapid.T, name string, from ...string) string {
		return rapid.SampledFrom(append(from, "", "", "")).Draw(r, name)
	}
	rapid.Check(t, func(r *rapid.T) {
		q := Query{
			Shard: pick(r, "shard", "a", "b", "nowhere"), Actor: inbox.PersonID(pick(r, "actor", "ana", "bea", "nobody")),
			Act: Act(pick(r, "act", "reveal", "reveal.asked", "note.added", "rev")), Text: pick(r, "text", "M7", "=", "sales", "zzz"),
			Refused: rapid.Bool().Draw(r, "refused"), Limit: rapid.IntRange(20, 500).Draw(r, "limit"), Work: rapid.SampledFrom([]int{0, 1, 700}).Draw(r, "work"),
		}
		if about := pick(r, "about", "contact-7", "m7", "nothing"); about != "" {
			q.About = []string{about, "contact-9"}
		}
		if rapid.Bool().Draw(r, "times") {
			q.From = testStart.Add(time.Duration(rapid.IntRange(0, 2200).Draw(r, "from")) * time.Second)
			q.Until = q.From.Add(time.Duration(rapid.IntRange(0, 900).Draw(r, "long")) * time.Second)
		}
		want := naive(t, db, q)
		var got []string
		for pages := 0; ; pages++ {
			page, err := Search(context.Background(), db, q)
			if err != nil || len(page.Found) > q.Limit || pages > 5000 {
				r.Fatalf("page %d holds %d: %v", pages, len(page.Found), err)
			}
			for _, f := range page.Found {
				got = append(got, fmt.Sprint(f.Shard, f.Number))
			}
			if page.Next == "" {
				break
			}
			q.After = page.Next
		}
		if !slices.Equal(got, want) {
			r.Fatalf("found %d, want %d", len(got), len(want))
		}
	})
}

func TestASearchDoesNotReadWhatCannotHoldIt(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	const n = 20 * blockSize
	fill(t, db, "s", 1, 3000)
	update(t, db, "s", func(tx ledger.Tx) error {
		return Record(tx, Entry{At: testStart.Add(3001 * time.Second), Actor: "rare", Act: ContactErased, Object: "gone"})
	})
	fill(t, db, "s", 3002, n)
	if err := tabulate(t.Context(), db, "s"); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]Query{
		"actor": {Actor: "rare"}, "object": {About: []string{"gone"}}, "act": {Act: "contact.erased"},
		"time": {From: testStart.Add(3001 * time.Second), Until: testStart.Add(3001*time.Second + time.Millisecond)},
	} {
		page, err := Search(t.Context(), db, q)
		if err != nil || len(page.Found) != 1 || page.Found[0].Object != "gone" || page.Read > blockSize {
			t.Errorf("%s: %d found, %d read: %v", name, len(page.Found), page.Read, err)
		}
	}
}

func TestANonsensicalCursorIsRefused(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	fill(t, db, "s", 1, 100)
	page, err := Search(t.Context(), db, Query{Limit: 3})
	if err != nil || page.Next == "" {
		t.Fatal(err)
	}
	for _, q := range []Query{{After: "!"}, {After: "AAAA"}, {After: page.Next, Shard: "other"}} {
		if _, err := Search(t.Context(), db, q); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", q.After, err)
		}
	}
}

// TestACursorBeyondTheEndCostsNothing is about a cursor somebody made up: it leads neither far past the end of a log nor to
// logs that are not there.
func TestACursorBeyondTheEndCostsNothing(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	fill(t, db, "s", 1, 100)
	made := func(places map[string]uint64) string {
		raw, err := cbor.Marshal(places)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		page, err := Search(ctx, db, Query{After: made(map[string]uint64{"s": 1 << 60}), Limit: 500})
		if err != nil || len(page.Found) != 100 || page.Next != "" {
			t.Errorf("%d found: %v", len(page.Found), err)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("still searching where nothing is")
	}
	if _, err := Search(ctx, db, Query{After: made(map[string]uint64{"nowhere": 5})}); !errors.Is(err, ErrCursor) {
		t.Errorf("a log that is not there: %v", err)
	}
}

func TestASearchForSeveralPeopleFindsTheirEntriesOnly(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	fill(t, db, "s", 1, 2000)
	want := 0
	for _, q := range []Query{{Actor: "ana"}, {Actor: "cem"}} {
		q.Limit = 500
		for more := true; more; {
			page, err := Search(t.Context(), db, q)
			if err != nil {
				t.Fatal(err)
			}
			want += len(page.Found)
			q.After, more = page.Next, page.Next != ""
		}
	}
	got := 0
	q := Query{Actors: []inbox.PersonID{"ana", "cem", "nobody"}, Limit: 70}
	for more := true; more; {
		page, err := Search(t.Context(), db, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Found {
			if f.Actor != "ana" && f.Actor != "cem" {
				t.Fatalf("an entry of %q", f.Actor)
			}
		}
		got += len(page.Found)
		q.After, more = page.Next, page.Next != ""
	}
	if got != want || want == 0 {
		t.Errorf("%d of %d", got, want)
	}
}
