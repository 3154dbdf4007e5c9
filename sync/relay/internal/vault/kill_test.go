package vault

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	killEnv    = "SEALDESK_TEST_VAULT_VICTIM" // the folder of the process that is killed
	killCycles = 40
	killFor    = 4 * time.Second // whichever ends first; with SEALDESK_LONG=1 300 cycles and 30 seconds
)

// openVictim opens what lies in the folder.
func openVictim(ctx context.Context, dir string) (*Vault, ledger.DB, error) {
	keyFile := filepath.Join(dir, "vault.keys")
	var last error
	for _, b := range []byte{1, 2} { // the masters it goes back and forth between
		m := testMaster(b)
		key, err := LedgerKey(m, keyFile)
		if errors.Is(err, ErrMaster) {
			last = err
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		db, err := ledger.Open(filepath.Join(dir, "relay.db"), ledger.Config{Key: key})
		if err != nil {
			return nil, nil, err
		}
		v, err := Open(ctx, db, m, Config{KeyFile: keyFile, Cache: 16})
		if err != nil {
			db.Close()
			return nil, nil, err
		}
		return v, db, nil
	}
	return nil, nil, last
}

// victim makes, seals, erases and rotates until it is killed, and says what was promised as soon as it was.
func victim(dir string) error {
	ctx := context.Background()
	v, _, err := openVictim(ctx, dir)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(time.Now().UnixNano())))
	var mine []inbox.ContactID
	for {
		switch n := rng.IntN(40); {
		case n < 34:
			card, _, err := v.Resolve(ctx, Identity{Phone: fmt.Sprintf("4915%09d", rng.IntN(1e9))}, 1)
			if err != nil {
				return err
			}
			sealed, err := v.Seal(ctx, card.ID, "x", nil, []byte(card.ID))
			if err != nil {
				return err
			}
			fmt.Println("made", card.ID, hex.EncodeToString(sealed))
			mine = append(mine, card.ID)
		case n < 37 && len(mine) > 0:
			id := mine[0]
			mine = mine[1:]
			fmt.Println("erasing", id)
			if err := v.Erase(ctx, id); err != nil {
				return err
			}
			fmt.Println("erased", id)
		case n < 39:
			if err := v.RotateEpoch(ctx); err != nil {
				return err
			}
		default:
			if err := v.RotateMaster(ctx, testMaster(byte(1+rng.IntN(2)))); err != nil {
				return err
			}
		}
	}
}

func TestKilledAtAnyMomentTheVaultKeepsItsPromises(t *testing.T) {
	if dir := os.Getenv(killEnv); dir != "" {
		fmt.Println("failed:", victim(dir)) // it only returns over an error
		return
	}
	cycles, end := killCycles, time.Now().Add(killFor)
	if os.Getenv("SEALDESK_LONG") != "" {
		cycles, end = 300, time.Now().Add(30*time.Second)
	}
	dir := t.TempDir()
	sealed := map[inbox.ContactID][]byte{}
	state := map[inbox.ContactID]string{}
	var order []inbox.ContactID
	check := func(v *Vault, id inbox.ContactID) {
		t.Helper()
		got, err := v.Open(t.Context(), id, "x", nil, sealed[id])
		switch state[id] {
		case "made":
			if err != nil || string(got) != string(id) {
				t.Fatalf("what was promised is gone: %v", err)
			}
		case "erased":
			if !errors.Is(err, ErrErased) || !v.Erased(t.Context(), id) || v.keys.ring.has(digestOf(id)) {
				t.Fatalf("who was erased is back: %v", err)
			}
		case "erasing": // either, but not half
			if err != nil && (!errors.Is(err, ErrErased) || !v.Erased(t.Context(), id) || v.keys.ring.has(digestOf(id))) {
				t.Fatalf("an erasure was left half done: %v", err)
			}
		}
	}
	kills, erased := 0, 0
	for kills < cycles && time.Now().Before(end) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyMomentTheVaultKeepsItsPromises$")
		cmd.Env = append(os.Environ(), killEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		var timer *time.Timer
		first := len(order)
		for {
			line, err := lines.ReadString('\n')
			if err != nil { // killed; half a line was no promise
				break
			}
			if timer == nil {
				timer = time.AfterFunc(time.Duration(rand.Int64N(int64(40*time.Millisecond))), func() { _ = cmd.Process.Kill() })
			}
			word := strings.Fields(line)
			switch {
			case word[0] == "failed:":
				t.Error(line)
			case word[0] == "made" && len(word) == 3:
				id := inbox.ContactID(word[1])
				if sealed[id], err = hex.DecodeString(word[2]); err != nil {
					t.Fatal(err)
				}
				state[id], order = "made", append(order, id)
			case len(word) == 2:
				state[inbox.ContactID(word[1])] = word[0]
			}
		}
		_ = cmd.Wait() // it was killed
		if timer == nil {
			t.Fatal("the process ended before it said anything")
		}
		timer.Stop()
		kills++
		v, db, err := openVictim(t.Context(), dir)
		if err != nil {
			t.Fatalf("after %d kills it does not open: %v", kills, err)
		}
		for _, id := range order[first:] {
			check(v, id)
		}
		for range min(20, len(order)) {
			check(v, order[rand.IntN(len(order))])
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	v, db, err := openVictim(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, id := range order {
		check(v, id)
		if state[id] == "erased" {
			erased++
		}
	}
	t.Logf("%d kills, %d contacts, %d of them erased, epoch %d", kills, len(order), erased, v.keys.ring.safe.Epoch)
	if len(order) < kills || erased < kills/40 {
		t.Error("too little happened: the test proves nothing")
	}
}
