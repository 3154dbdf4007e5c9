package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sealdesk/sync/wire"
)

func passwords(t *testing.T, name string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	if len(list) < 10 {
		t.Fatalf("%d passwords in %s", len(list), name)
	}
	return list
}

func TestPasswordsThatEverybodyTriesAreRefused(t *testing.T) {
	for _, p := range passwords(t, "weak.txt") {
		if !weak(p, "Nordwind Handel", "Tobias Brändt", "julia.reads@example.com") {
			t.Errorf("taken: %q", p)
		}
		if len(p) >= wire.MinPassword && !weak(norm.NFD.String(p), "Nordwind Handel", "Tobias Brändt", "julia.reads@example.com") {
			t.Errorf("taken when typed in another form: %q", p)
		}
	}
}

func TestLongPasswordsAreTakenWhateverIsInThem(t *testing.T) {
	for _, p := range passwords(t, "strong.txt") {
		if weak(p, "Nordwind Handel", "Li Wu", "li@example.com") {
			t.Errorf("refused: %q", p)
		}
	}
	if !weak("grün7hm.x-t", "", "", "") || weak("grün7hm.x-t2", "", "", "") {
		t.Error("twelve characters are counted in another way")
	}
	if long := strings.Join(passwords(t, "strong.txt"), " "); weak(long, "", "", "") || !weak(strings.Repeat(long, 3), "", "", "") {
		t.Error("a long one is refused, or one longer than is looked at is taken")
	}
}

func TestTheBlocklistStandsForThousandsOfLongPasswords(t *testing.T) {
	words, refused, taken := common(), 0, 0
	if len(words.is) < 900 {
		t.Fatalf("%d words", len(words.is))
	}
	for word := range words.is {
		for _, form := range []string{word + "2026!", word + "123456", strings.ToUpper(word[:1]) + word[1:] + "_2024", word + word, word + "qwertz"} {
			if utf8.RuneCountInString(form) < wire.MinPassword {
				continue
			}
			if weak(form, "", "", "") {
				refused++
			} else {
				taken++
			}
		}
	}
	if refused < 2000 || taken > refused/200 {
		t.Errorf("%d refused, %d taken", refused, taken)
	}
}

func FuzzWeak(f *testing.F) {
	f.Add("violet kettle 39 harbour", "Nordwind", "Tobias Brandt")
	f.Add("\xff\xfe0000000000000", "", "é")
	f.Fuzz(func(t *testing.T, p, company, person string) {
		if !weak(p, company, person, "") {
			composed := norm.NFC.String(p)
			if n := utf8.RuneCountInString(composed); n < wire.MinPassword || len(composed) > longestText || !utf8.ValidString(p) {
				t.Errorf("taken: %d characters", n)
			}
		}
	})
}
