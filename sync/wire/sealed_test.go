package wire

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestARevealedValueOpensForItsReaderAndItsRevealOnly(t *testing.T) {
	key, public, err := NewRevealKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := SealReveal(public, "reveal", "+49 151 5550100")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("5550100")) {
		t.Fatal("the value can be read")
	}
	if got, err := key.Open("reveal", sealed); err != nil || string(got) != "+49 151 5550100" {
		t.Errorf("opened %q, %v", got, err)
	}
	other, _, _ := NewRevealKey()
	for rule, try := range map[string]func() ([]byte, error){
		"another reveal": func() ([]byte, error) { return key.Open("other", sealed) },
		"another key":    func() ([]byte, error) { return other.Open("reveal", sealed) },
		"no key":         func() ([]byte, error) { return RevealKey{}.Open("reveal", sealed) },
		"a cut value":    func() ([]byte, error) { return key.Open("reveal", sealed[:len(sealed)-1]) },
		"nothing":        func() ([]byte, error) { return key.Open("reveal", nil) },
		"a turned bit": func() ([]byte, error) {
			b := bytes.Clone(sealed)
			b[len(b)-1] ^= 1
			return key.Open("reveal", b)
		},
	} {
		if got, err := try(); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s opened: %v", rule, err)
		}
	}
	if _, err := SealReveal([]byte("no key"), "reveal", "x"); !errors.Is(err, ErrMalformed) {
		t.Errorf("sealed to nothing: %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); s != "[redacted] [redacted] [redacted] [redacted]" {
		t.Errorf("a key prints as %q", s)
	}
}
