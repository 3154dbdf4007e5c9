package mask

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// A scanner makes one pass over one text. The stages run in the order of scan; what one has taken the next leave alone.
type scanner struct {
	policy Policy
	known  *Known
	folded
	hits  []hit
	space [4]hit // for hits, which are few
	taken []hit  // stretches that stay as they are: the company's own
	found []Found

	home    []string // see regions
	lookups int      // calls into the phone number library so far
}

// scan returns what must be replaced, in order and apart, as ranges of the original text.
func (s *scanner) scan(where look) []hit {
	s.hits = s.space[:0]
	if where&lookWords != 0 {
		if bytes.IndexByte(s.b, '/') >= 0 {
			s.links()
		}
		s.metaIDs()
		s.addresses()
		s.handles()
	}
	if where&lookDigits != 0 {
		s.ibans()
		s.numbers()
	}
	for i := range s.hits {
		h := &s.hits[i]
		h.from, h.to = s.source(h.from, h.to)
	}
	if len(s.hits) > 1 {
		slices.SortStableFunc(s.hits, func(a, b hit) int { return a.from - b.from })
	}
	return merge(s.hits)
}

func (s *scanner) hide(from, to int, kind inbox.SpanKind, hint string) {
	s.hits = append(s.hits, hit{from, to, kind, hint})
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
			s.hide(from, to, inbox.Phone, s.policy.phoneHint(d, callingCode(d)))
			s.find(inbox.Phone, d)
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "@"), "?")
		name = name[strings.LastIndexByte(strings.TrimRight(name, "/"), '/')+1:]
		s.hide(from, to, inbox.Handle, hintHandle)
		if name = strings.TrimRight(name, "/"); len(name) >= 3 && len(name) <= 64 {
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

// addresses hides e-mail addresses, spelled ones too.
func (s *scanner) addresses() {
	for _, e := range s.known.Emails {
		s.whole(e, func(from, to int) { s.hide(from, to, inbox.Email, emailHint(e)) })
	}
	b := s.b
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != '@' && c != 'a' && c != 'c' && c != 'k' && c < utf8.RuneSelf {
			continue
		}
		at, ok := s.atSign(i)
		if !ok {
			continue
		}
		from, local := s.localPart(at.from)
		to, domain := s.domain(at)
		if local == "" || domain == "" || !s.free(from, to) {
			continue
		}
		addr := local + "@" + domain
		if s.ours(addr) {
			// The name of the mailbox and the company, not the whole address: see Known.Company.
			s.rewrite(from, to, addr[:strings.LastIndexByte(addr, '.')])
			i = to - 1
			continue
		}
		s.hide(from, to, inbox.Email, emailHint(addr))
		s.find(inbox.Email, addr)
		i = to - 1
	}
}

func (s *scanner) ours(addr string) bool {
	for _, c := range s.known.Company {
		if strings.EqualFold(c, addr) {
			return true
		}
	}
	return false
}

// atSign is something that is read as the @ of an address.
type atSign struct {
	from, to int
	plain    bool // an @ with nothing around it
	weak     bool // the English word "at", which needs more evidence
}

// atSign returns the at sign that starts at i, in brackets or spaces included.
func (s *scanner) atSign(i int) (atSign, bool) {
	b := s.b
	word := ""
	if b[i] == '@' {
		word = "@"
	} else {
		if i == 0 || isWordByte(b[i-1]) {
			return atSign{}, false
		}
		j := i
		for j < len(b) && (isLetter(b[j]) || b[j] >= utf8.RuneSelf) {
			j++
		}
		if !atWords[string(b[i:j])] {
			return atSign{}, false
		}
		word = string(b[i:j])
	}
	at := atSign{from: i, to: i + len(word), plain: word == "@"}
	for at.from > 0 && b[at.from-1] == ' ' && i-at.from < 3 {
		at.from--
	}
	for at.to < len(b) && b[at.to] == ' ' && at.to-i-len(word) < 3 {
		at.to++
	}
	spaced := at.from < i && at.to > i+len(word)
	bracketed := false
	if at.from > 0 && at.to < len(b) {
		if open := strings.IndexByte("([{<", b[at.from-1]); open >= 0 && b[at.to] == ")]}>"[open] {
			at.from, at.to, bracketed = at.from-1, at.to+1, true
			for at.from > 0 && b[at.from-1] == ' ' {
				at.from--
			}
			for at.to < len(b) && b[at.to] == ' ' {
				at.to++
			}
		}
	}
	switch {
	case bracketed:
	case word == "@":
		if at.from < i || at.to > i+1 {
			at.plain = false // "@ 15 Uhr" is no address: ask for a known top-level domain
		}
	case !spaced || word == "a":
		return atSign{}, false
	default:
		at.weak = word == "at"
	}
	at.plain = at.plain && !bracketed
	return at, true
}

// localPart reads the part before the at sign backwards; dots may be spelled.
func (s *scanner) localPart(end int) (int, string) {
	b := s.b
	from := end
	local := ""
	for {
		start := from
		for start > 0 && (isWordByte(b[start-1]) || strings.IndexByte("._%+-'", b[start-1]) >= 0) {
			start--
		}
		part := string(b[start:from])
		part = strings.TrimLeft(part, ".'-")
		start = from - len(part)
		if part == "" {
			return from, local
		}
		from, local = start, part+local
		before, ok := s.dotBefore(from)
		if !ok {
			return from, local
		}
		if before == 0 || !isWordByte(b[before-1]) {
			return from, local
		}
		from, local = before, "."+local
	}
}

// dotBefore reports whether a spelled dot ends before i, and where it starts.
func (s *scanner) dotBefore(i int) (int, bool) {
	j := i
	for j > 0 && (s.b[j-1] == ' ' || strings.IndexByte(")]}>", s.b[j-1]) >= 0) {
		j--
	}
	end := j
	for j > 0 && isLetter(s.b[j-1]) {
		j--
	}
	if j == end || end == i || !dotWords[string(s.b[j:end])] {
		return 0, false
	}
	k := j
	for k > 0 && (s.b[k-1] == ' ' || strings.IndexByte("([{<", s.b[k-1]) >= 0) {
		k--
	}
	return k, k < j
}

// domain reads the part behind the at sign. It returns "" unless it ends in a top-level domain that the way it is
// written makes believable.
func (s *scanner) domain(at atSign) (int, string) {
	b := s.b
	i := at.to
	if s.bulletAt(i) { // a hint of ours
		return 0, ""
	}
	var labels []string
	spelled, good, goodEnd := false, 0, 0
	goodSpelled := false
	for i < len(b) {
		start := i
		for i < len(b) && (isWordByte(b[i]) || b[i] == '-' && i > start) {
			i++
		}
		if i == start {
			break
		}
		label := strings.TrimRight(string(b[start:i]), "-")
		labels = append(labels, label)
		if len(labels) > 1 && believable(label, spelled || !at.plain) {
			good, goodEnd, goodSpelled = len(labels), start+len(label), spelled
		}
		next, literal, ok := s.dotAt(i)
		if !ok {
			break
		}
		if !literal {
			spelled = true
		}
		i = next
	}
	if good == 0 {
		return 0, ""
	}
	if at.weak && !goodSpelled && !mailProviders[labels[0]] {
		return 0, ""
	}
	return goodEnd, strings.Join(labels[:good], ".")
}

// dotAt reads a dot at i: the character directly before a word, or a word or a character with spaces or brackets
// around it.
func (s *scanner) dotAt(i int) (next int, literal, ok bool) {
	b := s.b
	if i+1 < len(b) && b[i] == '.' && isWordByte(b[i+1]) {
		return i + 1, true, true
	}
	j := i
	for j < len(b) && (b[j] == ' ' || strings.IndexByte("([{<", b[j]) >= 0) && j-i < 3 {
		j++
	}
	k := j
	if k < len(b) && b[k] == '.' {
		k++
	} else {
		for k < len(b) && isLetter(b[k]) {
			k++
		}
		if j == i || !dotWords[string(b[j:k])] {
			return 0, false, false
		}
	}
	end := k
	for k < len(b) && (b[k] == ' ' || strings.IndexByte(")]}>", b[k]) >= 0) && k-end < 3 {
		k++
	}
	if k >= len(b) || !isWordByte(b[k]) || k == end && j == i {
		return 0, false, false
	}
	return k, false, true
}

// believable reports whether label may be a top-level domain; strictly, whether it is one people use for mail.
func believable(label string, strictly bool) bool {
	if strictly {
		return mailDomains[label]
	}
	return isTopLevel(label)
}

func isTopLevel(label string) bool {
	if len(label) < 2 || len(label) > 24 {
		return false
	}
	for i := 0; i < len(label); i++ {
		if !isLetter(label[i]) && label[i] < utf8.RuneSelf {
			return false
		}
	}
	return !strings.ContainsRune(label, bullet)
}

// handles hides names on social networks: the contact's own wherever they stand, others behind an @ or behind the name
// of a network and a colon.
func (s *scanner) handles() {
	for _, h := range s.known.Handles {
		if h = strings.TrimPrefix(h, "@"); len(h) >= 4 {
			s.whole(h, func(from, to int) {
				if from > 0 && s.b[from-1] == '@' {
					from--
				}
				s.hide(from, to, inbox.Handle, handleHint(h))
			})
		}
	}
	b := s.b
	for i, c := range b {
		switch {
		case c == '@' && (i == 0 || !isWordByte(b[i-1])):
			if end := handleEnd(b, i+1); end > i+2 && !s.bulletAt(end) {
				s.handle(i, i+1, end)
			}
		case c == ':' && i > 1 && i+1 < len(b):
			start := i
			for start > 0 && (isLetter(b[start-1]) || b[start-1] >= utf8.RuneSelf) {
				start--
			}
			if start == i || !networks[string(b[start:i])] {
				continue
			}
			from := i + 1
			for from < len(b) && (b[from] == ' ' || b[from] == '@') {
				from++
			}
			end := handleEnd(b, from)
			if end < from+3 || s.bulletAt(end) {
				continue
			}
			if bytes.ContainsAny(b[from:end], "0123456789_.") || endsClause(b[end:]) {
				s.handle(from, from, end)
			}
		}
	}
}

func (s *scanner) handle(from, name, to int) {
	if !s.free(from, to) || !hasASCIILetter(string(s.b[name:to])) {
		return
	}
	if n := string(s.b[name:to]); !s.ours("@" + n) {
		s.hide(from, to, inbox.Handle, handleHint(n))
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
	return len(rest) == 0 || strings.IndexByte("\n,;)", rest[0]) >= 0
}

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
		start := i - 2
		if !isLetter(b[i-1]) && i > 2 {
			start--
		}
		if end := ibanAt(b, start); end > 0 && s.free(start, end) {
			s.hide(start, end, inbox.Account, strings.ToUpper(string(b[start:start+2]))+"•• ••••")
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
