package maskcheck

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"sealdesk/sync/relay/internal/mask"
)

// ErrCorpus is returned for a corpus that is not JSON Lines of cases.
var ErrCorpus = errors.New("corpus is malformed")

// maxLine bounds one line of a corpus.
const maxLine = 1 << 20

// Texts are the messages of a case in the order they were sent, most often one. In JSON one message is a string,
// several are a list of strings.
type Texts []string

// MarshalJSON writes one message as a string, several as a list.
func (t Texts) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// UnmarshalJSON reads a string or a list of strings.
func (t *Texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*t = make(Texts, 1)
		return json.Unmarshal(b, &(*t)[0])
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// A Case is one line of a corpus.
type Case struct {
	ID     string `json:"id"`
	Class  string `json:"class"`  // what is counted together: "phone", "own-split", "negative"
	Lang   string `json:"lang"`   // ISO 639-1
	Region string `json:"region"` // ISO 3166-1 alpha-2 of the contact; "" when the relay does not know it
	// Known are the E.164 numbers (digits, with or without a plus), addresses and usernames the relay holds for the
	// contact.
	Known   []string `json:"known,omitempty"`
	Text    Texts    `json:"text"`
	Secrets []string `json:"secrets,omitempty"` // what must not be seen, as it stands in the text, in the order it stands there
	Keep    []string `json:"keep,omitempty"`    // what must be seen unchanged
}

// Knowledge returns what the relay holds, as the engine takes it; without the known values if blind.
func (c *Case) Knowledge(blind bool) mask.Known {
	k := mask.Known{Region: c.Region}
	if blind {
		return k
	}
	for _, v := range c.Known {
		switch {
		case strings.Contains(v, "@") && strings.IndexByte(v, '@') > 0:
			k.Emails = append(k.Emails, strings.ToLower(v))
		case strings.Trim(strings.TrimPrefix(v, "+"), "0123456789") == "":
			k.Phones = append(k.Phones, strings.TrimPrefix(v, "+"))
		default:
			k.Handles = append(k.Handles, strings.TrimPrefix(v, "@"))
		}
	}
	return k
}

// Read yields the cases of a corpus, one a line. It stops at the first line that is none with an error that wraps
// ErrCorpus and names the line.
func Read(r io.Reader) iter.Seq2[Case, error] {
	return func(yield func(Case, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for lines.Scan() {
			n++
			line := lines.Bytes()
			if len(strings.TrimSpace(string(line))) == 0 {
				continue
			}
			var c Case
			if json.Unmarshal(line, &c) != nil || len(c.Text) == 0 {
				yield(Case{}, fmt.Errorf("reading line %d: %w", n, ErrCorpus))
				return
			}
			if !yield(c, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Case{}, fmt.Errorf("reading line %d: %w: %w", n+1, ErrCorpus, err))
		}
	}
}

// Write writes cases as a corpus.
func Write(w io.Writer, cases iter.Seq[Case]) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for c := range cases {
		if err := e.Encode(c); err != nil {
			return fmt.Errorf("writing a corpus: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing a corpus: %w", err)
	}
	return nil
}
