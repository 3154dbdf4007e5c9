package signing

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
)

func TestAKeyOpensByItsPassphraseAlone(t *testing.T) {
	word := []byte("six words that nobody guesses")
	k, private, err := newKey(Targets, word)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "targets.key")
	if err := k.write(file); err != nil {
		t.Fatal(err)
	}
	if err := k.write(file); err == nil {
		t.Error("a key was written over another")
	}
	kept, err := readKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := kept.open(word); err != nil || !bytes.Equal(got, private) {
		t.Errorf("the right passphrase: %v", err)
	}
	if _, err := kept.open([]byte("six words that somebody guesses")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
	kept.Name = Fresh // a key cannot be passed off as another
	if _, err := kept.open(word); !errors.Is(err, ErrPassphrase) {
		t.Errorf("under another name: %v", err)
	}
}
