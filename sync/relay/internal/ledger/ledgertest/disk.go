package ledgertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sealdesk/sync/relay/internal/ledger"
)

func testReopen(t *testing.T, e Engine) {
	place := e.Place(t)
	for round := range 4 {
		db := openAt(t, e, place)
		for i := range round {
			if v, _ := get(t, db, "s", "b", fmt.Sprint(i)); v != fmt.Sprint("value ", i) {
				t.Fatalf("round %d: row %d is %q", round, i, v)
			}
		}
		put(t, db, "s", "b", fmt.Sprint(round), fmt.Sprint("value ", round), "dropped", "")
		update(t, db, "s", func(tx ledger.Tx) error {
			n, err := tx.Sequence("n")
			if n != uint64(round+1) {
				t.Errorf("sequence at %d in round %d", n, round)
			}
			return err
		})
		update(t, db, "s", func(tx ledger.Tx) error { return tx.Delete("b", []byte("dropped")) })
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, there := get(t, openAt(t, e, place), "s", "b", "dropped"); there {
		t.Error("a deleted row is back")
	}
}

// The child's writers each append to the shard they share and to one of their own, and say so once it is durable.
const childWriters = 8

func writeUntilKilled(e Engine, place, round string) {
	db, err := e.Open(place)
	if err != nil {
		fmt.Fprintln(os.Stderr, "open:", err)
		os.Exit(2)
	}
	var out sync.Mutex
	var all sync.WaitGroup
	for w := range childWriters {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s.%d.%d", round, w, i)
				var n uint64
				err := db.Update(context.Background(), "shared", func(tx ledger.Tx) (err error) {
					if n, err = tx.Sequence("n"); err != nil {
						return err
					}
					if err := tx.Put("log", be64(n), []byte(name)); err != nil {
						return err
					}
					return tx.Put("index", []byte(name), be64(n))
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, "update:", err)
					os.Exit(2)
				}
				out.Lock()
				fmt.Fprintln(os.Stdout, n, name)
				out.Unlock()
			}
		})
	}
	all.Wait()
}

// testKill kills a writing process again and again. What it said was durable must be there under the number it said;
// numbers have no gaps; log and index, written together, agree.
func testKill(t *testing.T, e Engine) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	kills := e.Kills
	if kills == 0 {
		kills = 15
	}
	place := e.Place(t)
	acknowledged := map[uint64]string{}
	for round := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEngine+"="+e.Name, childPlace+"="+place, childRound+"="+fmt.Sprint(round))
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed after a number of acknowledgements that differs each time, which is as random as a clock.
		lines, stopAt := bufio.NewScanner(stdout), 1+round*37
		for n := 0; lines.Scan(); n++ {
			number, name, _ := strings.Cut(lines.Text(), " ")
			if seq, err := strconv.ParseUint(number, 10, 64); err == nil && strings.Count(name, ".") == 2 {
				acknowledged[seq] = name
			}
			if n == stopAt {
				cmd.Process.Kill() // and read on: what is in the pipe was acknowledged before
			}
		}
		cmd.Wait()
		if complaint.Len() > 0 {
			t.Fatalf("round %d: %s", round, complaint.String())
		}
		db, err := e.Open(place)
		if err != nil {
			t.Fatalf("open after kill %d: %v", round, err)
		}
		view(t, db, "shared", func(tx ledger.Tx) error {
			last, err := tx.LastSequence("n")
			if err != nil {
				return err
			}
			want, found := uint64(1), 0
			for k, v := range tx.Scan("log", nil, nil) {
				if !bytes.Equal(k, be64(want)) {
					t.Fatalf("kill %d: number %d is missing", round, want)
				}
				if name, ok := acknowledged[want]; ok {
					if found++; name != string(v) {
						t.Fatalf("kill %d: number %d was acknowledged for another row", round, want)
					}
				}
				at, err := tx.Get("index", v)
				if err != nil || !bytes.Equal(at, k) {
					t.Fatalf("kill %d: half an update is there", round)
				}
				want++
			}
			if last != want-1 || found != len(acknowledged) {
				t.Fatalf("kill %d: %d acknowledged, %d found; last number %d, %d rows", round, len(acknowledged), found, last, want-1)
			}
			return nil
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) < kills {
		t.Fatalf("only %d rows were acknowledged: nothing was tested", len(acknowledged))
	}
}

func testSealed(t *testing.T, e Engine) {
	if e.Bytes == nil {
		t.Skip("this engine is run without sealing")
	}
	db, place := openPlace(t, e)
	const canary = "canary +1 555 0100 of the customer"
	for i := range 50 {
		put(t, db, "s", "b", fmt.Sprint("meaningless ", i), strings.Repeat(canary, 1+i%5))
	}
	update(t, db, "s", func(tx ledger.Tx) error { return tx.Drop("b") })
	put(t, db, "s", "b", "meaningless", canary)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw := e.Bytes(t, place)
	if !bytes.Contains(raw, []byte("meaningless")) {
		t.Fatal("the keys are not there: the test looks in the wrong place")
	}
	if bytes.Contains(raw, []byte("canary")) || bytes.Contains(raw, []byte("555 01")) {
		t.Error("a value is readable")
	}
	if v, _ := get(t, openAt(t, e, place), "s", "b", "meaningless"); v != canary {
		t.Errorf("came back as %q", v)
	}
}
