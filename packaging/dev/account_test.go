package main

import (
	"encoding/base32"
	"testing"
)

// The vectors of RFC 6238, appendix B, for SHA-1, in their last six digits.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[uint64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got, err := totp(secret, at/totpStep); err != nil || got != want {
			t.Errorf("at %d: %q, %v; want %q", at, got, err, want)
		}
	}
	if _, err := totp("not base32!", 1); err == nil {
		t.Error("a secret that is none passed")
	}
}

func TestACodeIsNeverGivenTwice(t *testing.T) {
	a := &account{secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
	one, err := a.code(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := a.step
	two, err := a.code(t.Context())
	if err != nil || a.step <= first || one == two {
		t.Errorf("%v; the same step, or the same code", err)
	}
}

func TestSecretsOfAnAccountAreAllLookedFor(t *testing.T) {
	a := newAccount()
	if b := newAccount(); a.password == b.password || len(a.password) < 12 {
		t.Error("a password is short, or everybody's")
	}
	a.takeSecret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	a.takeCodes("ABCDEF-GHJKLM\nNPQRST-UVWXYZ")
	if got := len(a.secrets()); got != 6 {
		t.Errorf("%d secrets, want 6", got)
	}
}
