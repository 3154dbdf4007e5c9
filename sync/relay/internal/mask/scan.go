package mask

import (
	"bytes"
	"slices"
	"strings"

	"sealdesk/app/inbox"
)

// A scanner makes one pass over one text. The stages run in the order of scan; what one has taken the next leave alone.
type scanner struct {
	policy Policy
	known  *Known
	folded
	hits  []hit
	taken []hit // stretches that stay as they are: the company's own
	found []Found

	tokens  *Tokens
	home    []string  // see regions
	dials   [2]string // the number nationalDigits was last asked for, and its answer
	steps   int       // see maxSteps
	lookups int       // calls into the phone number library so far

	// room for what a pass makes
	groupRoom []group
	itemRoom  []item
	atomRoom  []atom
}

// begin makes a scanner ready for a text. It keeps the room it has.
func (s *scanner) begin(p Policy, k *Known, tokens *Tokens, text string) {
	s.wipe()
	s.folded.read(text)
	s.policy, s.known, s.tokens = p, k, tokens
	s.home, s.dials, s.steps, s.lookups = nil, [2]string{}, 0, 0
}

// wipe empties what the pass before has filled.
func (s *scanner) wipe() {
	clear(s.hits)
	clear(s.taken)
	clear(s.found)
	clear(s.itemRoom)
	clear(s.atomRoom)
	s.hits, s.taken, s.found, s.itemRoom, s.atomRoom = s.hits[:0], s.taken[:0], s.found[:0], s.itemRoom[:0], s.atomRoom[:0]
}

// end forgets the text and what was found in it.
func (s *scanner) end() {
	s.wipe()
	clear(s.b[:cap(s.b)])
	s.known, s.tokens, s.text, s.dials, s.home = nil, nil, "", [2]string{}, nil
}

// scan returns what must be replaced, in order and apart, as ranges of the original text.
func (s *scanner) scan(where look) []hit {
	s.ownTokens()
	if where&lookWords != 0 {
		if bytes.IndexByte(s.b, '/') >= 0 {
			s.links()
		}
		s.metaIDs()
		s.addresses()
		s.handles()
	}
	if where&(lookDigits|lookSpoken) != 0 {
		s.ibans()
		s.numbers(where)
	}
	for i := range s.hits {
		h := &s.hits[i]
		h.from, h.to = s.source(h.from, h.to)
	}
	return merge(s.hits)
}

func (s *scanner) hide(from, to int, kind inbox.SpanKind, hint string) {
	s.hideAs(from, to, kind, hint, "")
}

// hideAs hides what is known to be value: the same value gets the same token. See [Tokens].
func (s *scanner) hideAs(from, to int, kind inbox.SpanKind, hint, value string) {
	s.hits = append(s.hits, hit{from: from, to: to, kind: kind, hint: hint, value: value})
}

func (s *scanner) keep(from, to int) { s.taken = append(s.taken, hit{from: from, to: to}) }

// rewrite shows a stretch in another form, or keeps it if it already has that form.
func (s *scanner) rewrite(from, to int, as string) {
	if a, b := s.source(from, to); s.text[a:b] == as {
		s.keep(from, to)
		return
	}
	s.hide(from, to, inbox.Plain, as)
}

func (s *scanner) find(kind inbox.SpanKind, value string) {
	if f := (Found{kind, value}); value != "" && !slices.Contains(s.found, f) {
		s.found = append(s.found, f)
	}
}

// free reports whether no earlier stage has dealt with any of b[from:to].
func (s *scanner) free(from, to int) bool {
	for _, h := range s.hits {
		if h.from < to && from < h.to {
			return false
		}
	}
	for _, h := range s.taken {
		if h.from < to && from < h.to {
			return false
		}
	}
	return true
}

func (s *scanner) bulletAt(i int) bool { return bytes.HasPrefix(s.b[min(i, len(s.b)):], bulletBytes) }

var bulletBytes = []byte(string(bullet))

// whole calls f for every place where value stands as a word of its own, in any case.
func (s *scanner) whole(value string, f func(from, to int)) {
	v := fold(value).b
	if len(v) == 0 {
		return
	}
	for i := 0; i+len(v) <= len(s.b); {
		j := bytes.Index(s.b[i:], v)
		if j < 0 {
			return
		}
		from, to := i+j, i+j+len(v)
		i = to
		if (from == 0 || !isWordByte(s.b[from-1])) && (to == len(s.b) || !isWordByte(s.b[to])) && s.free(from, to) {
			f(from, to)
		}
	}
}

// ibans hides bank accounts in international form.
func (s *scanner) ibans() {
	b := s.b
	for i := 2; i+10 < len(b); i++ {
		if !isDigit(b[i]) || isDigit(b[i-1]) { // the check digits, behind the country
			continue
		}
		start := i - 1
		for gap := 0; start > 0 && gap < 3 && !isLetter(b[start]) && !isDigit(b[start]); gap++ {
			start--
		}
		if start--; start < 0 {
			continue
		}
		if start+2 < i && !s.uppercase(start, start+2) {
			continue // "avisa al 2342…" is a word and a number
		}
		if end := ibanAt(b, start); end > 0 && s.free(start, end) {
			value := strings.Map(func(r rune) rune {
				if r < '0' || r > '9' && r < 'a' {
					return -1
				}
				return r
			}, string(b[start:end]))
			s.hideAs(start, end, inbox.Account, strings.ToUpper(string(b[start:start+2]))+"•• ••••", value)
			i = end - 1
		}
	}
}

func hasASCIILetter(s string) bool {
	for i := 0; i < len(s); i++ {
		if isLetter(s[i]) {
			return true
		}
	}
	return false
}
