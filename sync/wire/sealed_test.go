package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

func TestSecretsOfTheWirePrintAsRedacted(t *testing.T) {
	secrets := []any{
		Half("half of a key"), Credential{Password: "half of a key"}, SignIn{Recovery: []string{"half of a key"}},
		Welcome{Half: Half("half of a key")}, &Rotate{Half: Half("half of a key")},
	}
	for _, s := range secrets {
		j, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "it", s)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "it", s)
		all := fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s) + string(j) + log.String()
		for _, form := range []string{"half of a key", "aGFsZiBvZiBhIGtleQ", "104 97 108 102"} {
			if strings.Contains(all, form) {
				t.Errorf("%T shows its secret: %s", s, all)
			}
		}
	}
}
