package relay

import (
	"os"
	"testing"
)

func readFiles(t *testing.T, paths ...string) map[string][]byte {
	t.Helper()
	kept := map[string][]byte{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kept[path] = b
	}
	return kept
}

func writeFiles(t *testing.T, kept map[string][]byte) {
	t.Helper()
	for path, b := range kept {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
