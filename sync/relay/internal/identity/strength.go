package identity

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sealdesk/sync/wire"
)

//go:embed common.txt
var commonText string

// common are the words that most passwords people choose are made of, folded. Together with what people add to them, they
// stand for far more passwords of twelve characters and more than a list of those could hold.
var common = sync.OnceValue(func() (words struct {
	is      map[string]bool
	longest int
}) {
	words.is = map[string]bool{}
	for line := range strings.Lines(commonText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			words.is[foldWord(word)] = true
			words.longest = max(words.longest, len(foldWord(word)))
		}
	}
	return words
})

const (
	// weakBelow is the cost of a password below which it is refused. A word that everybody tries costs 2, what needs no
	// guessing (walks, repeats, years) 2, any other digit or sign 1, any other letter 3.
	weakBelow = 10
	// nameLen is how long a word of a name must be, so that no password may contain it.
	nameLen = 4
)

// weak reports whether a password is shorter than [wire.MinPassword] characters, longer than is looked at, contains the
// name of the company or the person, or is one that everybody tries. It asks for no kinds of characters (NIST SP 800-63B,
// OWASP ASVS 6.2).
func weak(password, company, person, email string) bool {
	text := norm.NFC.String(password)
	n := 0
	for _, c := range text {
		if n++; c == unicode.ReplacementChar {
			return true // not text, or not the one that was typed
		}
	}
	if n < wire.MinPassword || len(text) > longestText {
		return true
	}
	folded := fold(text)
	local, _, _ := strings.Cut(email, "@")
	for _, name := range []string{company, person, local, "sealdesk"} {
		for _, word := range strings.FieldsFunc(name, func(c rune) bool { return !unicode.IsLetter(c) }) {
			if word = foldWord(word); len([]rune(word)) >= nameLen && (contains(folded, word) || contains([]rune(strings.ToLower(text)), word)) {
				return true
			}
		}
	}
	return cost(folded) < weakBelow || periodic(folded)
}

// fold makes letters of what people write for them, and takes case and accents away.
func fold(text string) []rune {
	var out []rune
	for _, c := range norm.NFD.String(text) {
		if unicode.Is(unicode.Mn, c) {
			continue
		}
		out = append(out, unicode.ToLower(c))
	}
	return out
}

func foldWord(word string) string { return string(fold(word)) }

// signs are what people write for letters, besides digits.
var signs = map[rune]string{'0': "o", '1': "il", '3': "e", '4': "a", '5': "s", '6': "g", '7': "t", '8': "b", '9': "g", '@': "a", '$': "s", '!': "i", '|': "il", '+': "t", '(': "c", '€': "e"}

// stands reports whether c may stand for a letter of a word.
func stands(c, letter rune) bool { return c == letter || strings.ContainsRune(signs[c], letter) }

// begins reports whether text begins with a word, however its letters are written.
func begins(text []rune, word string) bool {
	i := 0
	for _, letter := range word {
		if i >= len(text) || !stands(text[i], letter) {
			return false
		}
		i++
	}
	return true
}

func contains(text []rune, word string) bool {
	for i := range text {
		if begins(text[i:], word) {
			return true
		}
	}
	return false
}

// cost is the least it costs to write the text from pieces.
func cost(text []rune) int {
	words := common()
	best := make([]int, len(text)+1)
	reach := max(words.longest, 64) // no piece is longer
	for i := 1; i <= len(text); i++ {
		if i > reach && slices.Min(best[i-1-reach:i]) >= weakBelow {
			return weakBelow // and nothing that follows makes it less: a long text is not to cost more than a password does
		}
		c := text[i-1]
		best[i] = best[i-1] + 1
		if unicode.IsLetter(c) {
			best[i] += 2
		}
		for from := max(0, i-reach); from <= i-3; from++ {
			if piece := text[from:i]; best[from]+2 < best[i] && (easy(piece) || len(piece) <= words.longest && isWord(words.is, piece)) {
				best[i] = best[from] + 2
			}
		}
	}
	return best[len(text)]
}

// isWord reports whether a piece is one of the words, however its letters are written.
func isWord(words map[string]bool, piece []rune) bool {
	var try func(i int, soFar []rune) bool
	ambiguous := 0
	try = func(i int, soFar []rune) bool {
		if i == len(piece) {
			return words[string(soFar)]
		}
		if try(i+1, append(soFar, piece[i])) {
			return true
		}
		if ambiguous++; ambiguous > 256 {
			return false // digits only, most likely: no word
		}
		for _, letter := range signs[piece[i]] {
			if try(i+1, append(soFar, letter)) {
				return true
			}
		}
		return false
	}
	return try(0, make([]rune, 0, len(piece)))
}

// rows are what fingers walk along.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiopu", "yxcvbnm", "azertyuiop",
	"qsdfghjklm", "wxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "1q2w3e4r5t6y7u8i9o0p", "qawsedrftgyhujikolp", "147258369", "!@#$%^&*()", "!\"§$%&/()=",
}

// easy reports whether a piece is one character again and again, a walk along a row either way, or a year.
func easy(piece []rune) bool {
	same := true
	for _, c := range piece {
		same = same && c == piece[0]
	}
	if same {
		return true
	}
	text := string(piece)
	if len(piece) == 4 && (strings.HasPrefix(text, "19") || strings.HasPrefix(text, "20")) && unicode.IsDigit(piece[2]) && unicode.IsDigit(piece[3]) {
		return true
	}
	back := make([]rune, len(piece))
	for i, c := range piece {
		back[len(piece)-1-i] = c
	}
	for _, row := range rows {
		if strings.Contains(row, text) || strings.Contains(row, string(back)) {
			return true
		}
	}
	return false
}

// periodic reports whether the text is one short piece, twice or more often.
func periodic(text []rune) bool {
	for n := 1; n <= len(text)/2 && n <= 8; n++ {
		same := true
		for i := n; i < len(text) && same; i++ {
			same = text[i] == text[i-n]
		}
		if same {
			return true
		}
	}
	return false
}
