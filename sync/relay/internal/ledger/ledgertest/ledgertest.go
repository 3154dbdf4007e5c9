package ledgertest

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"sealdesk/sync/relay/internal/ledger"
)

// Engine is one way to store a ledger.
type Engine struct {
	// Name tells engines apart in a child process.
	Name string
	// Place returns a fresh, empty place for a store: a path, a connection string. It is gone after the test.
	Place func(t *testing.T) string
	// Open opens the store at a place, making it if there is none. It is called again after Close or a kill.
	Open func(place string) (ledger.DB, error)
	// Bytes returns all that is stored at a place, as someone sees it who has the disk but no key. Nil means values
	// are not sealed.
	Bytes func(t *testing.T, place string) []byte
	// Kills is how often the child is killed; zero means 15.
	Kills int
}

const (
	childEngine = "LEDGERTEST_ENGINE"
	childPlace  = "LEDGERTEST_PLACE"
	childRound  = "LEDGERTEST_ROUND"
)

// Main runs the tests, or, in a process started by the suite, the writer that is to be killed. Call it from TestMain.
func Main(m *testing.M, engines ...Engine) {
	if name := os.Getenv(childEngine); name != "" {
		for _, e := range engines {
			if e.Name == name {
				writeUntilKilled(e, os.Getenv(childPlace), os.Getenv(childRound))
			}
		}
		fmt.Fprintln(os.Stderr, "no such engine")
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// Run runs the whole suite against an engine.
func Run(t *testing.T, e Engine) {
	tests := []struct {
		rule string
		f    func(*testing.T, Engine)
	}{
		{"an absent key is nil and an empty value is not", testAbsentAndEmpty},
		{"a value got is the caller's own", testOwnCopy},
		{"a value put may be reused by the caller", testPutCopies},
		{"shards and buckets do not see each other", testApart},
		{"a scan is ordered by bytes and half open both ways", testScanOrder},
		{"a scan agrees with a sorted map whatever was written", testModel},
		{"a scan sees the writes of its own loop that lie ahead", testScanOwnWrites},
		{"drop removes a bucket and only that", testDrop},
		{"buckets are listed while they hold a key", testBuckets},
		{"shards are listed while they hold something", testShards},
		{"names and sizes outside the limits are refused", testLimits},
		{"the largest row is taken", testLargest},
		{"a view writes nothing", testViewReadOnly},
		{"a transaction ends with its function", testTxDone},
		{"a view shows one moment", testViewSnapshot},
		{"a view does not show what is not durable", testViewAfterUpdate},
		{"the error of a function comes back as it is and undoes its writes", testFailing},
		{"a failing update harms no neighbour", testFailingNeighbours},
		{"a panic is an error of its caller only", testPanic},
		{"writers of one shard run one after another", testSerial},
		{"sequences have no gaps under 100 writers", testSequences},
		{"sequences are apart by name and by shard", testSequenceNames},
		{"an ended ctx stops a view, an update and the wait for a shard", testCtx},
		{"a closed ledger says so", testClosed},
		{"close waits for what is under way", testCloseWaits},
		{"pokes come after the change and are never lost", testWatch},
		{"pokes coalesce for a slow reader and name every shard", testWatchSlow},
		{"a watch ends with its ctx and with the ledger", testWatchEnds},
		{"what was acknowledged is there after opening again", testReopen},
		{"what was acknowledged survives kill -9", testKill},
		{"values on disk are sealed", testSealed},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) { test.f(t, e) })
	}
}

// open opens a store at a fresh place and closes it after the test.
func open(t *testing.T, e Engine) ledger.DB {
	t.Helper()
	db, _ := openPlace(t, e)
	return db
}

func openPlace(t *testing.T, e Engine) (ledger.DB, string) {
	t.Helper()
	place := e.Place(t)
	return openAt(t, e, place), place
}

func openAt(t *testing.T, e Engine, place string) ledger.DB {
	t.Helper()
	db, err := e.Open(place)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t testing.TB, db ledger.DB, shard string, f func(ledger.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), shard, f); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t testing.TB, db ledger.DB, shard string, f func(ledger.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), shard, f); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// put stores rows given as key, value, key, value.
func put(t testing.TB, db ledger.DB, shard, bucket string, rows ...string) {
	t.Helper()
	update(t, db, shard, func(tx ledger.Tx) error { return putTx(tx, bucket, rows...) })
}

func putTx(tx ledger.Tx, bucket string, rows ...string) error {
	for i := 0; i < len(rows); i += 2 {
		if err := tx.Put(bucket, []byte(rows[i]), []byte(rows[i+1])); err != nil {
			return err
		}
	}
	return nil
}

func get(t testing.TB, db ledger.DB, shard, bucket, key string) (value string, there bool) {
	t.Helper()
	view(t, db, shard, func(tx ledger.Tx) error {
		v, err := tx.Get(bucket, []byte(key))
		value, there = string(v), v != nil
		return err
	})
	return value, there
}

// rows collects a scan as "key=value".
func rows(tx ledger.Tx, bucket, from, to string, back bool) []string {
	scan := tx.Scan
	if back {
		scan = tx.ScanBack
	}
	got := []string{}
	for k, v := range scan(bucket, []byte(from), []byte(to)) {
		got = append(got, string(k)+"="+string(v))
	}
	return got
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
