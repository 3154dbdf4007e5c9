package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/ledger/ledgertest"
)

// fixedKey is known to the child processes of the suite, too.
func fixedKey() seal.Key {
	k, err := seal.NewKey([]byte("thirty-two bytes known to tests."))
	if err != nil {
		panic(err)
	}
	return k
}

func place(t *testing.T) string { return filepath.Join(t.TempDir(), "relay.db") }

func fileBytes(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	plain = ledgertest.Engine{
		Name:  "bbolt plain",
		Place: place,
		Open:  func(path string) (ledger.DB, error) { return ledger.Open(path, ledger.Config{Plain: true}) },
	}
	sealed = ledgertest.Engine{
		Name:  "bbolt sealed",
		Place: place,
		Open:  func(path string) (ledger.DB, error) { return ledger.Open(path, ledger.Config{Key: fixedKey()}) },
		Bytes: fileBytes,
	}
	// As a relay has it: some shards in a file of their own.
	apart = ledgertest.Engine{
		Name:  "bbolt apart",
		Place: place,
		Open: func(path string) (ledger.DB, error) {
			main, err := ledger.Open(path, ledger.Config{Key: fixedKey()})
			if err != nil {
				return nil, err
			}
			aside, err := ledger.Open(path+".aside", ledger.Config{Key: fixedKey()})
			if err != nil {
				return nil, errors.Join(err, main.Close())
			}
			return ledger.Split(main, aside, "a"), nil
		},
		Bytes: fileBytes,
		Kills: 3,
	}
	// As another engine will be used: one that knows nothing of sealing, wrapped.
	wrapped = ledgertest.Engine{
		Name:  "wrapped",
		Place: place,
		Open: func(path string) (ledger.DB, error) {
			db, err := ledger.Open(path, ledger.Config{Plain: true})
			if err != nil {
				return nil, err
			}
			sealer, err := seal.New(fixedKey(), seal.Scope{Store: db.StoreID(), Schema: 1, Suite: seal.AES256GCM})
			if err != nil {
				return nil, err
			}
			return ledger.Sealed(db, sealer), nil
		},
		Bytes: fileBytes,
		Kills: 3,
	}
)

func TestMain(m *testing.M) { ledgertest.Main(m, plain, sealed, wrapped, apart) }

func TestConformancePlain(t *testing.T)   { ledgertest.Run(t, plain) }
func TestConformanceSealed(t *testing.T)  { ledgertest.Run(t, sealed) }
func TestConformanceWrapped(t *testing.T) { ledgertest.Run(t, wrapped) }
func TestConformanceApart(t *testing.T)   { ledgertest.Run(t, apart) }
