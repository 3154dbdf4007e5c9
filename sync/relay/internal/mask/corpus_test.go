package mask

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sealdesk/app/inbox"
)

// A sample is one line of a corpus: what the relay knows, a text, what must not be seen of it and what must.
type sample struct {
	ID, Class, Lang, Region string
	Known                   []string
	Text                    string
	Secrets, Keep           []string
}

func (s sample) known() Known {
	k := Known{Region: s.Region}
	for _, v := range s.Known {
		switch {
		case strings.Contains(v, "@"):
			k.Emails = append(k.Emails, v)
		case strings.Trim(v, "0123456789") == "":
			k.Phones = append(k.Phones, v)
		default:
			k.Handles = append(k.Handles, v)
		}
	}
	return k
}

func corpus(t testing.TB) []sample {
	t.Helper()
	f, err := os.Open("testdata/corpus.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []sample
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("line %d: %v", len(out)+1, err)
		}
		out = append(out, s)
	}
	return out
}

// plain returns what is seen without the hints.
func plain(m inbox.Masked) string {
	var b strings.Builder
	for _, s := range m.Spans() {
		if s.Kind == inbox.Plain {
			b.WriteString(s.Text)
		} else {
			b.WriteByte('\x00')
		}
	}
	return b.String()
}

// survivors returns how much of the sample's secrets can be seen: digits outside what must be kept, and secret words.
func survivors(s sample, m inbox.Masked) int {
	rest := plain(m)
	for _, k := range s.Keep {
		rest = strings.Replace(rest, k, "", 1)
	}
	folded := string(fold(rest).b)
	n := 0
	for _, secret := range s.Secrets {
		secret = string(fold(secret).b)
		if hasASCIILetter(secret) && strings.Contains(folded, secret) {
			n++
		}
	}
	if len(s.Secrets) > 0 {
		n += len(digitsOf(folded))
	}
	return n
}

func TestCorpusSecretsGoAndTheRestStays(t *testing.T) {
	for _, s := range corpus(t) {
		t.Run(s.ID, func(t *testing.T) {
			if s.Class != "clean" && len(s.Secrets) == 0 {
				t.Fatal("the sample proves nothing")
			}
			m, _ := Policy{}.Text(s.Text, s.known())
			if n := survivors(s, m); n > 0 {
				t.Errorf("%d digits or words of a secret can be seen: %q", n, m.Visible())
			}
			for _, k := range s.Keep {
				if !strings.Contains(plain(m), k) {
					t.Errorf("%q was masked: %q", k, m.Visible())
				}
			}
			if s.Class == "clean" && m.Hides() {
				t.Errorf("something was masked: %q", m.Visible())
			}
		})
	}
}

// The same corpus without knowing anything of the contact: only the class "own" may then leak.
func TestCorpusWithoutKnowledgeStillHidesStrangersNumbers(t *testing.T) {
	for _, s := range corpus(t) {
		if s.Class == "own" || s.Class == "clean" {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			if s.Class == "phone" && len(digitsOf(string(fold(strings.Join(s.Secrets, "")).b))) < 10 {
				t.Skip("a number this short is one only where it is dialled")
			}
			m, _ := Policy{}.Text(s.Text, Known{})
			if n := survivors(s, m); n > 0 {
				t.Errorf("%d digits or words of a secret can be seen: %q", n, m.Visible())
			}
		})
	}
}
