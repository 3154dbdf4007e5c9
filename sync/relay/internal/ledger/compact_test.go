package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestAfterCompactingNothingDeletedIsInTheFile(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "store.db"), context.Background()
	conf := Config{Plain: true} // so that what lies in the file can be looked for
	db, err := Open(path, conf)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 500
	for _, f := range []func(Tx) error{
		func(tx Tx) error {
			for i := range rows {
				word := "canary"
				if i%2 == 0 {
					word = "stays"
				}
				if err := tx.Put("bucket", fmt.Appendf(nil, "%04d", i), fmt.Appendf(nil, "%s-%d", word, i)); err != nil {
					return err
				}
			}
			_, err := tx.Sequence("log")
			return err
		},
		func(tx Tx) error {
			for i := 1; i < rows; i += 2 {
				if err := tx.Delete("bucket", fmt.Appendf(nil, "%04d", i)); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if err := db.Update(ctx, "shard", f); err != nil {
			t.Fatal(err)
		}
	}
	if err := Compact(ctx, path, conf); !errors.Is(err, ErrLocked) {
		t.Errorf("a store in use: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		all, err := filepath.Glob(path + "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range all {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(b, []byte("canary"))
		}
		return n
	}
	if count() == 0 {
		t.Fatal("what was deleted is gone before; the test proves nothing")
	}
	for range 2 {
		if err := Compact(ctx, path, conf); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 0 {
		t.Errorf("%d deleted rows are still there", n)
	}
	if db, err = Open(path, conf); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(ctx, "shard", func(tx Tx) error {
		n := 0
		for range tx.Scan("bucket", nil, nil) {
			n++
		}
		if last, err := tx.LastSequence("log"); n != rows/2 || last != 1 || err != nil {
			t.Errorf("%d rows, sequence %d, %v", n, last, err)
		}
		return tx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}
