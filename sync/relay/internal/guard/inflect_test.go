package guard

import (
	"slices"
	"testing"
)

func TestFormsOfWords(t *testing.T) {
	has := func(expression, want string, is sign) {
		t.Helper()
		for _, f := range forms(expression) {
			if f.text == want {
				if f.is != is {
					t.Errorf("%s of %s says %b, want %b", want, expression, f.is, is)
				}
				return
			}
		}
		t.Errorf("%s is no form of %s", want, expression)
	}
	has("write~e", "writing", 0)
	has("swap~e", "swapping", 0)
	has("schreib~d", "schreibst", 0)
	has("privat~j", "privatem", 0)
	has("chiam~a", "chiamami", sMe)
	has("chiam~a", "chiamo", sI)
	has("chiam~a", "chiamiamoci", sLets)
	has("chiam~a", "chiamaci", sUs)
	has("cerc~a", "cerchi", 0)
	has("lasci~a", "lasci", 0)
	has("scriv~i", "scrivermi", sMe)
	has("sent~s", "sentiamoci", sLets)
	has("my [old|new|] phone", "my phone", 0)
	has("[un|il mio] altr~o numero", "il mio altra numero", 0) // agreement is not asked for
	if slices.ContainsFunc(forms("contatt~an"), func(f form) bool { return f.text == "contatto" }) {
		t.Error("a noun is taken for the first person")
	}
}

func TestDigitsInsideARandomCodeAreNoNumber(t *testing.T) {
	g := guard(t, corpusPolicy(), nil)
	for _, c := range []struct {
		name, text string
		stopped    bool
	}{
		{"letters on both sides and more digits behind", "572234dz5wnx4fbnnpqzu6nqfw", false},
		{"a number's digits at its beginning", "your code: 9122722867d02fdrtp5ufchvgq", false},
		{"a hash", "checksum 8f9b400b67785936981e4f4490", false},
		{"a number glued to words", "textme01515557712", true},
	} {
		if v := judged(t, g, draft(c.text)); (v.Action >= Hold) != c.stopped {
			t.Errorf("%s: %v", c.name, v.Action)
		}
	}
}
