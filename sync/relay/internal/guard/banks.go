package guard

import (
	"bytes"
	"strings"
)

// banks finds accounts that are not the company's, and money for the writer.
func (j *judge) banks(part int, t *text) {
	b := t.b
	var last int
	for i := 0; i+14 < len(b); i++ {
		if !isLetter(b[i]) || !isLetter(b[i+1]) || i > 0 && isWordByte(b[i-1]) {
			continue
		}
		k := i + 2
		for k < len(b) && k < i+4 && (b[k] == ' ' || b[k] == '-') {
			k++
		}
		if k+1 >= len(b) || !isDigit(b[k]) || !isDigit(b[k+1]) {
			continue
		}
		number, end := iban(b, i)
		switch {
		case end == 0:
			continue
		case j.ibans[number]:
		default:
			from, to := t.source(i, end)
			j.add(Finding{Rule: BankAccount, Part: part, From: from, To: to})
		}
		i, last = end-1, end
	}
	t.sentences(func(s sentence) {
		c := s.all()
		if c&(bank|account) == 0 {
			return
		}
		for i := s.lo; i < s.hi; i++ {
			switch {
			case s.is(i, account) && s.near(i, 3, 0, my) >= 0 && c&pay != 0 && s.is(s.near(i, 3, 0, my), my) && s.near(s.near(i, 3, 0, my), 8, 0, pay)+s.near(i, 0, 4, pay) > -2 && c&us == 0:
				from, to := t.span(s.near(i, 3, 0, my), i)
				j.add(Finding{Rule: BankAccount, Why: WhyPayee, Part: part, From: from, To: to})
			case s.is(i, bank) && t.words[i].to > last:
				// "BLZ 37040044 Konto 1234567", "sort code 12-34-56": digits close behind a word of banks.
				n, end := 0, i
				for k := i + 1; k < min(s.hi, i+8); k++ {
					w := b[t.words[k].from:t.words[k].to]
					if d := countDigits(w); d >= 2 && d == len(w) && !j.amount(t, k) {
						n, end = n+d, k
					}
				}
				if n >= 6 && bankWord(t.str(i)) && !j.ibanAfter(t, i) {
					from, to := t.span(i, end)
					j.add(Finding{Rule: BankAccount, Why: WhyBank, Part: part, From: from, To: to})
				}
			}
		}
	})
	for _, link := range []string{"paypal.me/", "revolut.me/", "wise.com/pay", "venmo.com/", "cash.app/", "monzo.me/", "ko-fi.com/"} {
		if i := bytes.Index(b, []byte(link)); i >= 0 {
			end := i + len(link)
			for end < len(b) && b[end] > ' ' {
				end++
			}
			if name := string(b[i+len(link) : end]); j.handles[strings.Trim(name, "./!?")] {
				continue
			}
			from, to := t.source(i, end)
			j.add(Finding{Rule: BankAccount, Why: WhyBank, Part: part, From: from, To: to})
		}
	}
	for i := range t.words {
		w := t.words[i]
		if wallet(t.src[srcAt(t, w.from):srcAt(t, w.to)]) {
			from, to := t.source(w.from, w.to)
			j.add(Finding{Rule: BankAccount, Why: WhyBank, Part: part, From: from, To: to})
		}
	}
}

func srcAt(t *text, i int) int {
	from, _ := t.source(i, i)
	return from
}

// bankWord tells the words that a number of an account follows from those that only speak of banks.
func bankWord(w string) bool {
	switch w {
	case "iban", "blz", "bankleitzahl", "sortcode", "bankkonto", "bankverbindung", "bank", "bankdaten", "routing", "conto", "coordinate", "bancarie", "bancario", "bankverbindungen", "banca", "postepay":
		return true
	}
	return false
}

// ibanAfter reports whether the number behind word i is one of the company's accounts, which banks has passed.
func (j *judge) ibanAfter(t *text, i int) bool {
	for k := i + 1; k < min(len(t.words), i+5); k++ {
		if n, end := iban(t.b, t.words[k].from); end > 0 && j.ibans[n] {
			return true
		}
	}
	return false
}

// amount reports whether word k is a sum of money or a date rather than a part of a number.
func (j *judge) amount(t *text, k int) bool {
	rest := t.b[t.words[k].to:]
	if bytes.HasPrefix(rest, []byte(" €")) || bytes.HasPrefix(rest, []byte("€")) || bytes.HasPrefix(rest, []byte(" eur")) || bytes.HasPrefix(rest, []byte(",")) || bytes.HasPrefix(rest, []byte(":")) {
		return true
	}
	return false
}

func countDigits(w []byte) (n int) {
	for _, c := range w {
		if isDigit(c) {
			n++
		}
	}
	return n
}

// iban returns the IBAN that starts at b[i], without what stands between its characters, and where it ends; 0 if none
// does. ISO 13616: two letters, two check digits (ISO 7064 MOD 97-10), up to 30 letters and digits.
func iban(b []byte, i int) (string, int) {
	var n [34]byte
	var ends [34]int
	size, gap := 0, 0
	for k := i; k < len(b) && size < len(n); k++ {
		switch c := b[k]; {
		case isDigit(c) || isLetter(c):
			n[size], ends[size] = c, k+1
			size, gap = size+1, 0
			if size == 2 && !isLetter(n[1]) || size == 4 && !(isDigit(n[2]) && isDigit(n[3])) {
				return "", 0
			}
			continue
		case gap < 2 && (c == ' ' || c == '-' || c == '.' || c == '\n' || c == '/'):
			gap++
			continue
		}
		break
	}
	if size < 15 {
		return "", 0
	}
	want := ibanSize(string(n[:2]))
	if want == 0 || want > size || ends[want-1] < len(b) && wordAt(b, ends[want-1]) > 0 {
		return "", 0
	}
	rest := 0
	for k := range want {
		c := n[(k+4)%want]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'a') + 10) % 97
		}
	}
	if rest != 1 {
		return "", 0
	}
	return string(n[:want]), ends[want-1]
}

// ibanSizes are the countries of ISO 13616 and how long their IBANs are.
const ibanSizes = "ad24ae23al28at20az28ba20be16bg22bh22bi27br29by28ch21cr22cy28cz24de22dj27dk18do28ee20eg29es24fi18fk18fo18fr27gb22ge22gi23" +
	"gl18gr27gt28hn28hr21hu28ie22il23iq23is26it27jo30kw30kz20lb28lc32li21lt20lu20lv21ly25mc27md24me22mk19mn20mr27mt31mu30ni28nl18no15om23" +
	"pk24pl28ps29pt25qa29ro24rs22ru33sa24sc31sd18se24si19sk24sm27so23st25sv28tl23tn24tr26ua29va22vg24xk20ye30"

func ibanSize(country string) int {
	for i := 0; i < len(ibanSizes); i += 4 {
		if ibanSizes[i:i+2] == country {
			return int(ibanSizes[i+2]-'0')*10 + int(ibanSizes[i+3]-'0')
		}
	}
	return 0
}

// wallet reports whether a word is an address of Ethereum (0x and 40 hex digits) or of Bitcoin (base58 or bech32).
func wallet(w string) bool {
	if len(w) == 42 && strings.HasPrefix(w, "0x") {
		return strings.Trim(w[2:], "0123456789abcdefABCDEF") == ""
	}
	if len(w) >= 42 && len(w) <= 62 && strings.HasPrefix(strings.ToLower(w), "bc1") {
		return strings.Trim(strings.ToLower(w[3:]), "023456789acdefghjklmnpqrstuvwxyz") == ""
	}
	if len(w) < 26 || len(w) > 35 || w[0] != '1' && w[0] != '3' || strings.ContainsAny(w, "0OIl") {
		return false
	}
	upper, digits := 0, 0
	for i := 0; i < len(w); i++ {
		switch {
		case w[i] >= 'A' && w[i] <= 'Z':
			upper++
		case isDigit(w[i]):
			digits++
		case !isLetter(w[i]):
			return false
		}
	}
	return upper > 3 && digits > 3 && upper+digits < len(w)
}
