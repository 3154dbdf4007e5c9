package audit

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// placeOfVictim names the store to a process that is to be killed.
const placeOfVictim = "SEALDESK_TEST_AUDIT_VICTIM"

const bucketDone = "done" // what the acts did, by the object their entries name

// actUntilKilled does acts in three shards, refused ones too, and signs, and says what was promised as soon as it was.
func actUntilKilled(place string) error {
	db, err := ledger.Open(place, ledger.Config{Key: testKey()})
	if err != nil {
		return err
	}
	ctx := context.Background()
	var k Key
	err = db.Update(ctx, KeyShard, func(tx ledger.Tx) (err error) {
		k, err = MakeKey(tx, "relay.example.com")
		return err
	})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range 6 {
		go func() {
			for {
				object := string(inbox.NewID[inbox.MessageID]())
				err := db.Update(ctx, fmt.Sprint("shard", w%3), func(tx ledger.Tx) error {
					if err := tx.Put(bucketDone, []byte(object), []byte{1}); err != nil {
						return err
					}
					return Record(tx, Entry{At: inbox.At(time.Now()), Act: Sent, Object: object})
				})
				if err != nil {
					failed <- err
					return
				}
				fmt.Fprintln(os.Stdout, object) // one write, so lines do not mix
			}
		}()
	}
	for {
		if _, err := k.SignAll(ctx, db, inbox.At(time.Now()), 20); err != nil {
			return err
		}
		if err := Anchor(ctx, db, inbox.At(time.Now())); err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		default:
		}
	}
}

// TestKilledAtAnyMomentEveryActHasItsEntry is T22.
func TestKilledAtAnyMomentEveryActHasItsEntry(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	if place := os.Getenv(placeOfVictim); place != "" {
		fmt.Println("failed:", actUntilKilled(place)) // it returns only over an error
		return
	}
	kills := 30
	if long() {
		kills = 500
	}
	place := filepath.Join(t.TempDir(), "relay.db")
	promised := map[string]bool{}
	acts := 0
	for round := range kills {
		if killed(t, place, promised); t.Failed() {
			t.FailNow()
		}
		if round%10 != 9 && round != kills-1 && long() {
			continue // the store grows; what a kill broke stays broken
		}
		db, err := ledger.Open(place, ledger.Config{Key: testKey()})
		if err != nil {
			t.Fatal(err)
		}
		mustBeSound(t, verify(t, db, VerifyOptions{}))
		acts = 0
		for w := range 3 {
			view(t, db, fmt.Sprint("shard", w), func(tx ledger.Tx) error {
				done := map[string]bool{}
				for key := range tx.Scan(bucketDone, nil, nil) {
					done[string(key)] = true
				}
				list, err := Entries(tx, 0, -1)
				for _, e := range list {
					if !done[e.Object] {
						t.Fatal("an entry has no act")
					}
					delete(done, e.Object)
					delete(promised, e.Object)
					acts++
				}
				if len(done) > 0 {
					t.Fatalf("%d acts have no entry", len(done))
				}
				return err
			})
		}
		if len(promised) > 0 {
			t.Fatalf("%d acts that were promised are gone", len(promised))
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acts < kills*10 {
		t.Errorf("%d acts in %d kills: too little happened", acts, kills)
	}
	t.Logf("%d kills, %d acts", kills, acts)
}

// killed runs a process that acts, and kills it some time after its first act.
func killed(t *testing.T, place string, promised map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyMomentEveryActHasItsEntry$")
	cmd.Env = append(os.Environ(), placeOfVictim+"="+place)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopAt, said := 1+rand.IntN(120), 0
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // half a line was no promise
			break
		}
		if strings.HasPrefix(line, "failed:") {
			t.Error(line)
			break
		}
		promised[strings.TrimSpace(line)] = true
		if said++; said == stopAt {
			_ = cmd.Process.Kill() // and read on: what is in the pipe was promised before
		}
	}
	_ = cmd.Wait()
	if said == 0 {
		t.Error("the process ended before it said anything")
	}
}

// TestWritersOfOneShardGrowOneTree holds entries of many writers, most of which share a commit, against one tree.
func TestWritersOfOneShardGrowOneTree(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, db ledger.DB) {
		k := makeKey(t, db)
		var all sync.WaitGroup
		for w := range 20 {
			all.Go(func() {
				for i := range 40 {
					err := db.Update(context.Background(), "s", func(tx ledger.Tx) error {
						if err := Record(tx, entryOf(uint64(w*100+i))); err != nil {
							return err
						}
						if i%5 == 4 { // an act that does not happen leaves nothing
							return context.Canceled
						}
						return nil
					})
					if err != nil && i%5 != 4 {
						t.Error(err)
					}
				}
			})
		}
		for range 20 {
			sign(t, db, k, testStart)
		}
		all.Wait()
		sign(t, db, k, testStart)
		reports := verify(t, db, VerifyOptions{})
		mustBeSound(t, reports)
		if r := reports[1]; r.Entries != 20*32 || r.Signed != 20*32 {
			t.Errorf("%d entries, %d signed", r.Entries, r.Signed)
		}
	})
}
