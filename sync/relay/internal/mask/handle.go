package mask

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// links hides links that open a chat with a person or show his profile.
func (s *scanner) links() {
	for i, c := range s.b {
		if c != '/' || !s.free(i, i+1) || !reaches(s.b[:i+1]) {
			continue
		}
		from, to := i, i+1
		for from > 0 && s.b[from-1] > ' ' && strings.IndexByte("\"'<([{,;", s.b[from-1]) < 0 {
			from--
		}
		for to < len(s.b) && s.b[to] > ' ' && strings.IndexByte("\"'>)]},;", s.b[to]) < 0 {
			to++
		}
		for to > i+1 && strings.IndexByte(".!?:", s.b[to-1]) >= 0 {
			to--
		}
		rest := string(s.b[i+1 : to])
		if d := digitsOf(rest); len(d) >= 7 && len(d) <= 15 && !hasASCIILetter(strings.TrimPrefix(strings.TrimPrefix(rest, "send"), "?phone=")) {
			s.phone(from, to, d)
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "@"), "?")
		name = name[strings.LastIndexByte(strings.TrimRight(name, "/"), '/')+1:]
		name = strings.TrimRight(name, "/")
		s.hideAs(from, to, inbox.Handle, hintHandle, name)
		if len(name) >= 3 && len(name) <= 64 {
			s.find(inbox.Handle, name)
		}
	}
}

// reaches reports whether b, which ends in a slash, ends in a place where links to people begin.
func reaches(b []byte) bool {
	for _, host := range personLinks {
		if n := len(b) - len(host); n >= 0 && string(b[n:]) == host && (n == 0 || !isWordByte(b[n-1]) && b[n-1] != '-') {
			return true
		}
	}
	return false
}

// metaIDs hides what WhatsApp calls a person: a country, a dot, for a parent id "ENT." too, and up to 128 letters and
// digits (Cloud API, business-scoped user ids).
func (s *scanner) metaIDs() {
	b := s.b
	for i := 2; i+10 < len(b); i++ {
		if b[i] != '.' || !isLetter(b[i-1]) || !isLetter(b[i-2]) || i > 2 && isWordByte(b[i-3]) {
			continue
		}
		j := i + 1
		if bytes.HasPrefix(b[j:], []byte("ent.")) {
			j += len("ent.")
		}
		end, digits := j, 0
		for end < len(b) && (isDigit(b[end]) || isLetter(b[end])) {
			if isDigit(b[end]) {
				digits++
			}
			end++
		}
		if end-j >= 10 && digits >= 5 && s.free(i-2, end) {
			s.hide(i-2, end, inbox.Handle, hintHandle)
			i = end
		}
	}
}

// handles hides names on social networks: the contact's own wherever they stand, others behind an @, and what people
// say is their name on a network.
func (s *scanner) handles() {
	for _, h := range s.known.Handles {
		if h = strings.TrimPrefix(h, "@"); len(h) >= 4 {
			s.whole(h, func(from, to int) {
				if from > 0 && s.b[from-1] == '@' {
					from--
				}
				s.hideAs(from, to, inbox.Handle, handleHint(h), strings.ToLower(h))
			})
		}
	}
	b := s.b
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '@' && (i == 0 || !isWordByte(b[i-1])) {
			name := i + 1
			for name < len(b) && b[name] == ' ' && name-i < 3 {
				name++
			}
			if end := handleEnd(b, name); end > name+1 && !s.bulletAt(end) && (name == i+1 || telling(b[name:end]) && namely(b[name:end])) {
				s.handle(i, name, end)
			}
			continue
		}
		if c < utf8.RuneSelf && !isLetter(c) || i > 0 && isWordByte(b[i-1]) {
			continue
		}
		j := wordBytes(b, i)
		if k := prefixKey(string(b[i:min(j, i+3)])); wordPrefix[k>>6]&(1<<(k&63)) != 0 && networks[string(b[i:j])] && s.free(i, j) {
			s.network(i, j)
		}
		i = j - 1
	}
}

func wordBytes(b []byte, i int) int {
	for i < len(b) && (isLetter(b[i]) || b[i] >= utf8.RuneSelf) {
		i++
	}
	return i
}

// telling reports whether a name is a made-up one rather than a word of a sentence.
func telling(name []byte) bool {
	return hasASCIILetter(string(name)) && bytes.ContainsAny(name, "0123456789_.") && len(name) >= 3
}

// namely reports whether a name is more letters than digits and begins with several: "@ 15h45" and "@ rp717.000" are
// a time and a price.
func namely(name []byte) bool {
	lead, digits := 0, 0
	for lead < len(name) && isLetter(name[lead]) {
		lead++
	}
	for _, c := range name {
		if isDigit(c) {
			digits++
		}
	}
	return lead >= 3 && !currencyWords[string(name[:lead])] || lead >= 1 && digits == 0
}

// network hides the name that is said to belong to the network named in b[i:j]: behind it, "insta: name", "my insta is
// name", or before it, "name on insta".
func (s *scanner) network(i, j int) {
	b := s.b
	mine, named := s.mine(i), false
	at := j
	if bytes.HasPrefix(b[at:], []byte(".com")) {
		at += len(".com")
	}
	for words := 0; words < 6 && at < len(b); words++ {
		from := at
		for from < len(b) && strings.IndexByte(" :=-@>(\"'*_,/", b[from]) >= 0 && from-at < 5 {
			if strings.IndexByte(":=@>", b[from]) >= 0 {
				named = true
			}
			from++
		}
		for _, arrow := range []string{"→", "👉", "➡"} {
			if bytes.HasPrefix(b[from:], []byte(arrow)) {
				from, named = from+len(arrow), true
				for from < len(b) && b[from] == ' ' {
					from++
				}
			}
		}
		if from == at && (at == j || b[at-1] != '\'') || from >= len(b) {
			break
		}
		end := handleEnd(b, from)
		if end > from && !s.bulletAt(end) && (end == len(b) || b[end] < utf8.RuneSelf) && hasASCIILetter(string(b[from:end])) {
			name := b[from:end]
			word := string(name)
			if telling(name) && !isLink(word) {
				s.handle(from, from, end)
				return
			}
			if len(name) >= 3 && (named || mine > 0 || s.begins(i) && len(name) > 4 && endsClause(b[end:])) && !introducers[word] && !plainWords[word] && (endsClause(b[end:]) || mine > 0 && named) {
				s.handle(from, from, end)
				return
			}
		}
		next := wordBytes(b, from)
		if next == from {
			break
		}
		if !introducers[string(b[from:next])] {
			// One short word in between, in whatever language, if what follows can be nothing but a name.
			if at := next + 1; next-from <= 8 && next < len(b) && b[next] == ' ' && !plainWords[string(b[from:next])] {
				if end := handleEnd(b, at); end > at && !s.bulletAt(end) && telling(b[at:end]) && namely(b[at:end]) && end-at >= 5 && !isLink(string(b[at:end])) && !s.bulletAt(at) {
					s.handle(at, at, end)
					return
				}
			}
			break
		}
		if w := b[from:next]; asWords[string(w)] || mine > 0 && copulas[string(w)] {
			named = true
		}
		at = next
		if at < len(b) && b[at] == '\'' {
			at++
		}
	}
	s.nameBefore(i)
}

// begins reports whether b[i:] begins a line.
func (s *scanner) begins(i int) bool {
	for i > 0 && s.b[i-1] == ' ' {
		i--
	}
	return i == 0 || s.b[i-1] == '\n'
}

// mine counts the words that say whose it is before i: "my", "mein", "meu".
func (s *scanner) mine(i int) int {
	b := s.b
	for words := 0; words < 4; words++ {
		for i > 0 && (b[i-1] == ' ' || b[i-1] == '\'' || b[i-1] == '-') {
			i--
		}
		end := i
		for i > 0 && (isLetter(b[i-1]) || b[i-1] >= utf8.RuneSelf) {
			i--
		}
		if i == end {
			return 0
		}
		if w := b[i:end]; possessives[string(w)] || followWords[string(w)] {
			return 1
		}
	}
	return 0
}

// nameBefore hides "name" in "I am name on insta", where b[i:] begins with the network.
func (s *scanner) nameBefore(i int) {
	b := s.b
	prepositions := 0
	for i > 0 {
		end := i
		for end > 0 && strings.IndexByte(" '(", b[end-1]) >= 0 {
			end--
		}
		if end == i || end == 0 {
			return
		}
		start := end
		for start > 0 && (isWordByte(b[start-1]) || strings.IndexByte("_.-", b[start-1]) >= 0) {
			start--
		}
		word := b[start:end]
		if prepositions == 0 {
			if !prepositionWords[string(word)] {
				return
			}
			prepositions, i = 1, start
			continue
		}
		if prepositionWords[string(word)] && prepositions < 2 {
			prepositions, i = 2, start
			continue
		}
		if !hasASCIILetter(string(word)) || isLink(string(word)) {
			return
		}
		if telling(word) && word[len(word)-1] != '.' {
			s.handle(start, start, end)
			return
		}
		if len(word) >= 3 && !plainWords[string(word)] && !introducers[string(word)] && s.introduced(start) {
			s.handle(start, start, end)
		}
		return
	}
}

// introduced reports whether "I am", "as", "find me as" or the like stands right before i.
func (s *scanner) introduced(i int) bool {
	b := s.b
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '"') {
		i--
	}
	end := i
	for i > 0 && (isLetter(b[i-1]) || b[i-1] >= utf8.RuneSelf || b[i-1] == '\'') {
		i--
	}
	return selfWords[string(b[i:end])]
}

// isLink reports whether a name is a domain people shop at rather than a name.
func isLink(name string) bool {
	dot := strings.LastIndexByte(name, '.')
	return dot > 0 && (shopDomains[name[dot+1:]] || strings.HasPrefix(name, "www."))
}

func (s *scanner) handle(from, name, to int) {
	if !s.free(from, to) || !hasASCIILetter(string(s.b[name:to])) {
		return
	}
	if n := string(s.b[name:to]); !s.ours("@" + n) {
		s.hideAs(from, to, inbox.Handle, handleHint(n), n)
		s.find(inbox.Handle, n)
	}
}

func handleEnd(b []byte, i int) int {
	start := i
	for i < len(b) && (isDigit(b[i]) || isLetter(b[i]) || b[i] == '_' || b[i] == '.' || b[i] == '-') && i-start < 64 {
		i++
	}
	for i > start && (b[i-1] == '.' || b[i-1] == '-') {
		i--
	}
	return i
}

func endsClause(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " .!?")
	if len(rest) == 0 || strings.IndexByte("\n,;)\"", rest[0]) >= 0 {
		return true
	}
	r, _ := utf8.DecodeRune(rest)
	return r >= utf8.RuneSelf && !unicode.IsLetter(r) || clauseWords[string(rest[:wordBytes(rest, 0)])]
}
