package mask

import "strings"

// luhn reports whether digits have a valid check digit (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := 0; i < len(digits); i++ {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// paymentCard reports whether digits are the number of a payment card: a length and a beginning that are issued, and a
// valid check digit.
func paymentCard(digits string) bool {
	n := len(digits)
	if n < 13 || n > 19 {
		return false
	}
	two := int(digits[0]-'0')*10 + int(digits[1]-'0')
	four := two*100 + int(digits[2]-'0')*10 + int(digits[3]-'0')
	var issued bool
	switch {
	case digits[0] == '4':
		issued = n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		issued = n == 16
	case two == 34 || two == 37:
		issued = n == 15
	case two == 36 || two == 38 || two == 39 || four >= 3000 && four <= 3059:
		issued = n >= 14
	case four >= 3528 && four <= 3589, two == 62, two == 60, two == 64, two == 65, four >= 2200 && four <= 2204:
		issued = n >= 16
	case two == 50 || two >= 56 && two <= 69:
		issued = n >= 16
	}
	return issued && luhn(digits)
}

// ibanLength is how long an IBAN of a country is (ISO 13616 registry).
var ibanLength = map[string]int{
	"ad": 24, "ae": 23, "al": 28, "at": 20, "az": 28, "ba": 20, "be": 16, "bg": 22, "bh": 22, "bi": 27, "br": 29,
	"by": 28, "ch": 21, "cr": 22, "cy": 28, "cz": 24, "de": 22, "dj": 27, "dk": 18, "do": 28, "ee": 20, "eg": 29,
	"es": 24, "fi": 18, "fk": 18, "fo": 18, "fr": 27, "gb": 22, "ge": 22, "gi": 23, "gl": 18, "gr": 27, "gt": 28,
	"hr": 21, "hu": 28, "ie": 22, "il": 23, "iq": 23, "is": 26, "it": 27, "jo": 30, "kw": 30, "kz": 20, "lb": 28,
	"lc": 32, "li": 21, "lt": 20, "lu": 20, "lv": 21, "ly": 25, "mc": 27, "md": 24, "me": 22, "mk": 19, "mn": 20,
	"mr": 27, "mt": 31, "mu": 30, "ni": 28, "nl": 18, "no": 15, "om": 23, "pk": 24, "pl": 28, "ps": 29, "pt": 25,
	"qa": 29, "ro": 24, "rs": 22, "ru": 33, "sa": 24, "sc": 31, "sd": 18, "se": 24, "si": 19, "sk": 24, "sm": 27,
	"so": 23, "st": 25, "sv": 28, "tl": 23, "tn": 24, "tr": 26, "ua": 29, "va": 22, "vg": 24, "xk": 20, "ye": 30,
}

// digitsOnly are the countries whose account numbers have no letters.
var digitsOnly = set(`ae at ba be cr cz de dk ee eg es fi fo gl hr hu il is lt me mn mr no pl pt rs se si sk tl tn va xk`)

// ibanAt returns where the IBAN that starts at b[i] ends, or 0. Letters are lower-case; a space, dash, dot or the like may
// stand between its characters, more of them where hardly anything but digits is.
func ibanAt(b []byte, i int) int {
	if i+14 > len(b) || !isLetter(b[i]) || !isLetter(b[i+1]) || i > 0 && isWordByte(b[i-1]) {
		return 0
	}
	want, ok := ibanLength[string(b[i:i+2])]
	if !ok {
		return 0
	}
	var iban [34]byte
	n, gap, digits := 0, 0, 0
	odd := false
	for ; i < len(b) && n < want; i++ {
		switch c := b[i]; {
		case isDigit(c) || isLetter(c):
			if isDigit(c) {
				digits++
			}
			iban[n] = c
			n, gap = n+1, 0
		case n >= 2 && gap < 3 && strings.IndexByte(" -.\n\t/_|,:*~", c) >= 0:
			gap++
			odd = odd || gap > 1 || c != ' ' && c != '-' && c != '.'
		default:
			return 0
		}
	}
	if n < want || i < len(b) && (isDigit(b[i]) || isLetter(b[i])) || !isDigit(iban[2]) || !isDigit(iban[3]) || odd && digits*10 < n*6 ||
		digits < n-2 && digitsOnly[string(iban[:2])] {
		return 0
	}
	rest := 0 // ISO 7064 MOD 97-10, the first four characters last
	for j := range n {
		c := iban[(j+4)%n]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'a') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return i
}
