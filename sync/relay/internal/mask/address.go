package mask

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// addresses hides e-mail addresses, spelled ones too.
func (s *scanner) addresses() {
	for _, e := range s.known.Emails {
		s.whole(e, func(from, to int) { s.hideAs(from, to, inbox.Email, emailHint(e), strings.ToLower(e)) })
	}
	b := s.b
	for i := 0; i < len(b); i++ {
		if c := b[i]; !beginsAt[c] || (c >= 'a' || c == '&' && i+1 == len(b)) && i > 0 && isWordByte(b[i-1]) {
			continue
		}
		at, ok := s.atSign(i)
		if !ok {
			continue
		}
		from, local := s.localPart(at.from)
		to, domain := s.domain(at, local)
		if local == "" || domain == "" || !s.free(from, to) {
			if b[i] == '@' {
				i = s.spaced(i)
			}
			continue
		}
		s.address(from, to, local+"@"+domain)
		i = to - 1
	}
}

func (s *scanner) address(from, to int, addr string) {
	if s.ours(addr) {
		// The name of the mailbox and the company, not the whole address: see Known.Company.
		s.rewrite(from, to, addr[:strings.LastIndexByte(addr, '.')])
		return
	}
	if link := []byte("mailto:"); bytes.HasSuffix(s.b[:from], link) {
		from -= len(link)
	}
	s.hideAs(from, to, inbox.Email, emailHint(addr), addr)
	s.find(inbox.Email, addr)
}

// spaced hides an address written with a space between its characters, "m a x @ g m x . d e", and returns where to go
// on looking.
func (s *scanner) spaced(at int) int {
	b := s.b
	single := func(i int) bool {
		return i >= 0 && i < len(b) && (isDigit(b[i]) || isLetter(b[i]) || b[i] == '.' || b[i] == '_' || b[i] == '-')
	}
	lone := func(i int) bool {
		return single(i) && (i == 0 || b[i-1] == ' ') && (i+1 == len(b) || !isWordByte(b[i+1]))
	}
	from, to := at, at+1
	for from >= 2 && b[from-1] == ' ' && lone(from-2) {
		from -= 2
	}
	for to+1 < len(b) && b[to] == ' ' && lone(to+1) {
		to += 2
	}
	if at-from < 4 || to-at < 8 {
		return at
	}
	addr := strings.ReplaceAll(string(b[from:to]), " ", "")
	if dot := strings.LastIndexByte(addr, '.'); dot < 0 || !isTopLevel(addr[dot+1:]) || !s.free(from, to) {
		return at
	}
	s.address(from, to, addr)
	return to - 1
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
	lopsided bool // an @ behind a space and before a word
	weak     bool // a word that means other things too, which needs more evidence
}

// fence are the signs people put around a spelled at or dot, so that no machine reads it.
const fence = " ([{<)]}>*_-/|~\"'`="

// fenced returns the range around b[from:to] with up to three signs of fence on either side, and whether there are any
// but spaces on both.
func (s *scanner) fenced(from, to int) (a, z int, spaces, signs bool) {
	b := s.b
	a, z = from, to
	left, right := 0, 0
	for a > 0 && from-a < 3 && strings.IndexByte(fence, b[a-1]) >= 0 {
		if a--; b[a] != ' ' {
			left++
		}
	}
	for z < len(b) && z-to < 3 && strings.IndexByte(fence, b[z]) >= 0 {
		if b[z] != ' ' {
			right++
		}
		z++
	}
	return a, z, a < from && z > to, left > 0 && right > 0
}

// atSign returns the at sign that starts at i, with what stands around it.
func (s *scanner) atSign(i int) (atSign, bool) {
	b := s.b
	rest := b[i:]
	for _, sign := range [...]string{"@", "%40", "&#64;"} {
		if rest[0] == sign[0] && bytes.HasPrefix(rest, []byte(sign)) {
			at := atSign{from: i, to: i + len(sign)}
			a, z, _, signs := s.fenced(at.from, at.to)
			if at.plain = a == i && z == at.to; !at.plain && (signs || spacesOnly(b[a:i]) && spacesOnly(b[at.to:z])) {
				at.lopsided = z == at.to
				at.from, at.to = a, z
			} else if !at.plain && z == at.to {
				at.plain = true // "_@" belongs to the name
			}
			return at, true
		}
	}
	if i > 0 && isWordByte(b[i-1]) {
		return atSign{}, false
	}
	n := phraseAt(rest, atByFirst[b[i]])
	if n == 0 {
		return atSign{}, false
	}
	word := rest[:n]
	a, z, spaced, signs := s.fenced(i, i+n)
	if !spaced {
		return atSign{}, false
	}
	brackets := signs && strings.IndexByte("([{<*|~", firstSign(b[i+n:z])) >= 0 || signs && strings.IndexByte(")]}>*|~", firstSign(b[i+n:z])) >= 0
	return atSign{from: a, to: z, weak: weakAt[string(word)] && !brackets}, true
}

func firstSign(b []byte) byte {
	for _, c := range b {
		if c != ' ' {
			return c
		}
	}
	return 0
}

func spacesOnly(b []byte) bool { return len(bytes.Trim(b, " ")) == 0 }

// phraseAt returns how long the phrase is that b begins with and that ends where a word ends; 0 for none. Longer ones
// come first.
func phraseAt(b []byte, phrases []string) int {
	for _, p := range phrases {
		if len(b) >= len(p) && b[0] == p[0] && string(b[:len(p)]) == p && (len(b) == len(p) || !isWordByte(b[len(p)])) {
			return len(p)
		}
	}
	return 0
}

// sign returns the character a word stands for in an address, and how long the word is: "punkt", "underscore".
func (s *scanner) sign(i int) (byte, int) {
	if i >= len(s.b) || !beginsSign[s.b[i]] {
		return 0, 0
	}
	for _, set := range spelledSigns {
		if n := phraseAt(s.b[i:], set.phrases); n > 0 {
			return set.sign, n
		}
	}
	return 0, 0
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
		part = strings.TrimLeft(part, ".'-%")
		start = from - len(part)
		if part == "" {
			return from, local
		}
		from, local = start, part+local
		before, sign, ok := s.signBefore(from)
		if !ok || before == 0 || !isWordByte(b[before-1]) {
			return from, local
		}
		from, local = before, string(sign)+local
	}
}

// signBefore reports whether a spelled dot or the like ends before i, which it is, and where it starts.
func (s *scanner) signBefore(i int) (int, byte, bool) {
	b := s.b
	end := i
	for end > 0 && i-end < 3 && strings.IndexByte(fence, b[end-1]) >= 0 {
		end--
	}
	if end == i || end == 0 {
		return 0, 0, false
	}
	if b[end-1] == '.' && end > 1 && strings.IndexByte(fence, b[end-2]) >= 0 { // "max [.] muster", "max . muster"
		a, _, spaced, _ := s.fenced(end-1, end)
		return a, '.', spaced
	}
	start := end
	for words := 0; words < 2; words++ { // "guion bajo" are two
		for start > 0 && isWordByte(b[start-1]) {
			start--
		}
		if sign, n := s.sign(start); n == end-start && n > 0 {
			if a, _, spaced, _ := s.fenced(start, end); spaced {
				return a, sign, true
			}
			return 0, 0, false
		}
		if start == 0 || b[start-1] != ' ' {
			break
		}
		start--
	}
	return 0, 0, false
}

// domain reads the part behind the at sign. It returns "" unless it ends in a top-level domain that the way it is
// written makes believable, or is a well-known provider of mail.
func (s *scanner) domain(at atSign, local string) (int, string) {
	b := s.b
	i := at.to
	if s.bulletAt(i) { // a hint of ours
		return 0, ""
	}
	var labels []string
	spelled, good, goodEnd, firstEnd := false, 0, 0, 0
	goodSpelled := false
	label := ""
	for i < len(b) {
		start := i
		for i < len(b) && (isWordByte(b[i]) || b[i] == '-' && i > start) {
			i++
		}
		if i == start {
			break
		}
		part := strings.TrimRight(string(b[start:i]), "-")
		end := start + len(part)
		label += part
		next, sign, literal, ok := s.signAt(i, label, at.plain)
		if ok && sign == '.' && !literal && b[i] == '.' && !at.plain {
			ok = false // the dot ends a sentence: "a second. at nine"
		}
		if ok && sign == '-' {
			label, i, spelled = label+"-", next, true
			continue
		}
		labels = append(labels, label)
		if len(labels) == 1 {
			firstEnd = end
		} else if believable(label, spelled || !at.plain) || newDomains[label] && (spelled || !at.plain && !at.lopsided) {
			good, goodEnd, goodSpelled = len(labels), end, spelled
		}
		label = ""
		if !ok || sign != '.' {
			break
		}
		spelled = spelled || !literal
		i = next
	}
	provider := len(labels) > 0 && mailProviders[labels[0]]
	if good == 0 {
		if provider && firstEnd > 0 && (at.plain || !at.weak || s.mailBefore(at.from) || strings.ContainsAny(local, "0123456789._")) && len(labels[0]) > 2 {
			return firstEnd, labels[0]
		}
		return 0, ""
	}
	alone := len(local) >= 4 && len(bytes.TrimSpace(b[:at.from])) == len(local) && len(bytes.TrimSpace(b[goodEnd:])) == 0
	if at.weak && !alone && !goodSpelled && !provider && !s.mailBefore(at.from) && !(len(local) >= 6 && s.sent(at.from)) && !(hasASCIILetter(local) && strings.ContainsAny(local, "0123456789._")) {
		return 0, ""
	}
	return goodEnd, strings.Join(labels[:good], ".")
}

// sent reports whether something is said to be sent shortly before i.
func (s *scanner) sent(i int) bool {
	words := strings.FieldsFunc(string(s.b[max(0, i-64):i]), func(r rune) bool { return r < utf8.RuneSelf && !isLetter(byte(r)) })
	for _, w := range words {
		if sendWords[w] {
			return true
		}
	}
	return false
}

// mailBefore reports whether a word for mail stands shortly before i.
func (s *scanner) mailBefore(i int) bool {
	words := strings.FieldsFunc(string(s.b[max(0, i-48):i]), func(r rune) bool { return r < utf8.RuneSelf && !isLetter(byte(r)) })
	for _, w := range words {
		if mailWords[w] {
			return true
		}
	}
	return false
}

// signAt reads a sign at i, behind a label: a dot directly before a word, or a word or a dot with spaces or brackets
// around it.
func (s *scanner) signAt(i int, label string, plain bool) (next int, sign byte, literal, ok bool) {
	b := s.b
	if i+1 < len(b) && b[i] == '.' && isWordByte(b[i+1]) {
		return i + 1, '.', true, true
	}
	if i+2 < len(b) && b[i] == '.' && b[i+1] == '.' && isWordByte(b[i+2]) {
		return i + 2, '.', true, true
	}
	if i+1 < len(b) && (b[i] == ',' && plain || (b[i] == ',' || b[i] == ' ') && mailProviders[label]) { // "firma,com", "gmail com"
		j := i + 1
		for j < len(b) && isLetter(b[j]) {
			j++
		}
		if tld := b[i+1 : j]; j-i-1 >= 2 && (mailDomains[string(tld)] || b[i] == ',' && newDomains[string(tld)]) && (b[i] == ',' || !commonWords[string(tld)]) && (j == len(b) || !isWordByte(b[j])) {
			return i + 1, '.', true, true
		}
	}
	j := i
	for j < len(b) && j-i < 3 && strings.IndexByte(fence, b[j]) >= 0 {
		j++
	}
	k := j
	if k < len(b) && b[k] == '.' {
		k, sign = k+1, '.'
	} else {
		if j == i || j == len(b) {
			return 0, 0, false, false
		}
		c, n := s.sign(j)
		if n == 0 {
			return 0, 0, false, false
		}
		k, sign = k+n, c
	}
	end := k
	for k < len(b) && k-end < 3 && strings.IndexByte(fence, b[k]) >= 0 {
		k++
	}
	if k >= len(b) || !isWordByte(b[k]) || k == end && j == i || k == end && sign != '.' {
		return 0, 0, false, false
	}
	return k, sign, false, true
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
