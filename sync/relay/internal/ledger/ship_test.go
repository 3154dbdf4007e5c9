package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// contents is every row of a store, opened.
func contents(t testing.TB, db DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	shards, err := db.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		err := db.View(t.Context(), shard, func(tx Tx) error {
			buckets, err := tx.Buckets("")
			for _, b := range buckets {
				for k, v := range tx.Scan(b, nil, nil) {
					all[shard+"/"+b+"/"+string(k)] = string(v)
				}
			}
			n, err2 := tx.LastSequence("n")
			all[shard+" n"] = fmt.Sprint(n)
			return errors.Join(err, err2, tx.Err())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// copied backs a store up into a file of its own.
func copied(t testing.TB, db *Bolt) string {
	t.Helper()
	var file bytes.Buffer
	if _, err := db.Backup(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func replayed(t testing.TB, path string, spans ...Span) error {
	t.Helper()
	r, err := OpenReplay(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spans {
		if err = r.Apply(context.Background(), s.Rows); err != nil {
			break
		}
	}
	return errors.Join(err, r.Close())
}

// A copy taken at any moment and the journal begun before it are the store, whatever was put, deleted and dropped.
func TestACopyAndItsJournalAreTheStore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := mustOpen(t, newPath(t), Config{})
		do := func() {
			for range rapid.IntRange(0, 6).Draw(rt, "updates") {
				shard := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "shard")
				err := db.Update(t.Context(), shard, func(tx Tx) error {
					for range rapid.IntRange(0, 5).Draw(rt, "writes") {
						bucket := rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "bucket")
						key := rapid.SliceOfN(rapid.ByteRange('a', 'f'), 1, 2).Draw(rt, "key")
						var err error
						switch rapid.IntRange(0, 6).Draw(rt, "what") {
						case 0:
							err = tx.Delete(bucket, key)
						case 1:
							err = tx.Drop(bucket)
						case 2:
							_, err = tx.Sequence("n")
						default:
							err = tx.Put(bucket, key, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "value"))
						}
						if err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					rt.Fatal(err)
				}
			}
		}
		var spans []Span
		take := func(j *Journal) {
			s, err := j.Take()
			if err != nil {
				rt.Fatal(err)
			}
			spans = append(spans, s)
		}
		do()
		j := db.Follow(1 << 20)
		do()
		take(j)
		path := copied(t, db)
		do()
		take(j)
		do()
		take(j)
		want := contents(t, db)
		if err := replayed(t, path, spans...); err != nil {
			rt.Fatal(err)
		}
		back := mustOpen(t, path, Config{})
		if got := contents(t, back); fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("the copy differs:\n%v\n%v", got, want)
		}
	})
}

// Many write while the copy is taken: nothing of it is lost between copy and journal.
func TestACopyTakenAtWorkMissesNothing(t *testing.T) {
	db := mustOpen(t, newPath(t), Config{})
	j := db.Follow(64 << 20)
	stop := make(chan struct{})
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					if err := db.Update(context.Background(), fmt.Sprint("s", w), appendRow(fmt.Sprint(i))); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	var span Span
	var path string
	for i := range 20 {
		if i == 7 {
			path = copied(t, db)
		}
		s, err := j.Take()
		if err != nil {
			t.Fatal(err)
		}
		span.Append(s)
		mustAppend(t, db, "own", "x")
	}
	close(stop)
	work.Wait()
	s, err := j.Take()
	if err != nil {
		t.Fatal(err)
	}
	span.Append(s)
	if err := replayed(t, path, span); err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), path, Config{Key: testKey}); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, mustOpen(t, path, Config{})), contents(t, db); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d rows in the copy, %d in the store, or others", len(got), len(want))
	}
}

func TestAJournalSaysWhatIsMissing(t *testing.T) {
	db := mustOpen(t, newPath(t), Config{})
	mustAppend(t, db, "a", "1")
	path := copied(t, db)
	j := db.Follow(1 << 10)
	var spans []Span
	for range 3 {
		mustAppend(t, db, "a", "2")
		s, err := j.Take()
		if err != nil || s.From == 0 || s.To != s.From || s.Oldest.IsZero() {
			t.Fatalf("%+v %v", s, err)
		}
		spans = append(spans, s)
	}
	if err := replayed(t, path, spans[0], spans[2]); !errors.Is(err, ErrGap) {
		t.Errorf("the middle is missing: %v", err)
	}
	if err := replayed(t, copied(t, db), slices.Concat(spans, spans)...); err != nil { // what the copy holds is left out
		t.Errorf("twice: %v", err)
	}
	for cut := range spans[0].Rows {
		if cut == 0 {
			continue
		}
		if err := replayed(t, copied(t, db), Span{Rows: spans[0].Rows[:cut]}); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut after %d bytes: %v", cut, err)
		}
	}
	mustAppend(t, db, "a", string(make([]byte, 2<<10)))
	if _, err := j.Take(); !errors.Is(err, ErrGap) {
		t.Errorf("more than it holds: %v", err)
	}
	j.Stop()
	if s, err := db.Follow(1 << 10).Take(); err != nil || s.From != 0 {
		t.Errorf("a fresh journal: %+v %v", s, err)
	}
}

func FuzzReplay(f *testing.F) {
	db := mustOpen(f, newPath(f), Config{})
	j := db.Follow(1 << 20)
	mustAppend(f, db, "a", "1")
	s, _ := j.Take()
	f.Add(s.Rows)
	f.Fuzz(func(t *testing.T, rows []byte) {
		in := journalReader{rest: rows}
		for len(in.rest) > 0 && !in.bad {
			in.number()
			for {
				if _, more := in.layer(); !more {
					break
				}
			}
		}
	})
}
