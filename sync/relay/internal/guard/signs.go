package guard

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// A sign is one of the things that make a lure when they come together: who, by which way, to do what, hidden from whom.
// Where a concept asks how a sentence is built, signs ask only what is spoken of, so that a lure nobody wrote down before
// still adds up (see scores.go).
type sign uint64

const (
	sMe       sign = 1 << iota // the writer as a goal: me, to me
	sMy                        // the writer's
	sI                         // the writer acts
	sToMe                      // from me, to me, with me: what is the company's goes to the writer
	sUs                        // the company speaks for itself
	sYour                      // the customer's
	sContact                   // write, call, find, add
	sTalk                      // talk, go on, switch, take it
	sWay                       // a number, an address, an account
	sPrivate                   // private, personal
	sOther                     // another, a second, my own
	sSecretly                  // privately, between the two of us: how a thing is done
	sHome                      // at home
	sElse                      // somewhere else, off this app
	sApp                       // an app
	sHere                      // here, this chat
	sWatch                     // read along, monitored
	sFree                      // freely, openly
	sLeave                     // to leave, to quit
	sFirm                      // the company, the boss
	sRival                     // competitor, new employer
	sPaper                     // a card, a slip, a picture: what a number is carried on
	sFollow                    // come along, stay in touch
	sWork                      // to work at
	sStart                     // to open, to start
	sKnow                      // to know, to find out
	sMust                      // must, need, should
	sSide                      // on the side, after hours, off the books
	sCash
	sNoBill // without an invoice
	sCheap
	sBuy
	sSell
	sDo
	sPay
	sAround // without, past, instead of
	sGive
	sKeep // save, note down
	sMeet
	sDelete
	sMessage
	sDirect
	sNot
	sIf
	sHave
	sBetter // easier, faster, always
	sThere
	sQuiet // behind "private": a lawful noun
	sNobody
	sAsk
	sAccount
	sCustomer
	sCancel
	sCome   // to come, to follow
	sLets   // let's, shall we
	sOut    // outside of it
	sKin    // the writer's family and friends
	sTell   // to tell others
	sHush   // not a word
	sBiz    // a trade
	sDigits // six digits or more
	sToo    // too dear, and who earns by it
	sDesk   // what is the company's own: the till, an extension, a colleague
	sLure   // an idiom nobody uses who means well
)

// dictionary is signWords made ready for looking up.
type dictionary struct {
	single map[string]sign
	multi  map[string]map[string][]expression // by their first two words, longest first
	near   slips
}

// slips finds the word a mistyped one was meant to be: words of six letters or more, whole and with one letter left out.
type slips map[string]string

// learn adds a word. Nobody mistypes the first letter.
func (s slips) learn(w string) {
	if len(w) < slipLetters || len(w) > maxSlipLetters {
		return
	}
	s[w] = w
	for i := 1; i < len(w); i++ {
		if short := w[:i] + w[i+1:]; s[short] == "" {
			s[short] = w
		}
	}
}

// meant returns the word that w is with one slip, "" if it is none.
func (s slips) meant(w []byte) string {
	if len(w) < slipLetters-1 || len(w) > 24 || w[0] < 'a' || properWords[string(w)] {
		return ""
	}
	if near, ok := s[string(w)]; ok {
		if len(near) == len(w)+1 && near[:len(w)] != string(w) {
			return near
		}
		return ""
	}
	var buf [32]byte
	for i := 1; i < len(w); i++ {
		n := copy(buf[:], w[:i])
		n += copy(buf[n:], w[i+1:])
		if near, ok := s[string(buf[:n])]; ok && slipped(near, string(w)) {
			return near
		}
	}
	return ""
}

type expression struct {
	rest []string // behind the first two words
	is   sign
}

var theDictionary = sync.OnceValue(func() *dictionary {
	d := &dictionary{single: map[string]sign{}, multi: map[string]map[string][]expression{}, near: slips{}}
	for _, v := range signWords {
		for e := range strings.SplitSeq(v.words, ",") {
			for _, f := range forms(e) {
				d.learn(f.text, v.is, v.is|f.is)
			}
		}
	}
	for _, seconds := range d.multi {
		for _, list := range seconds {
			slices.SortStableFunc(list, func(a, b expression) int { return len(b.rest) - len(a.rest) })
		}
	}
	return d
})

// learn takes up an expression. What its form says of who does it to whom counts for single words alone: in an
// expression the other words say it.
func (d *dictionary) learn(text string, is, single sign) {
	t := read(text)
	if len(t.words) == 0 {
		return
	}
	for i := range t.words {
		d.near.learn(t.str(i))
	}
	first := t.str(0)
	if len(t.words) == 1 {
		d.single[first] |= single
		return
	}
	x := expression{is: is}
	for i := 2; i < len(t.words); i++ {
		x.rest = append(x.rest, t.str(i))
	}
	second := t.str(1)
	if d.multi[first] == nil {
		d.multi[first] = map[string][]expression{}
	}
	d.multi[first][second] = append(d.multi[first][second], x)
}

// slipLetters is how long a word must be to be recognised with one slip in it.
const slipLetters = 6

// maxSlipLetters is how long: what is longer is a form few people type, and every form takes a place for each letter.
const maxSlipLetters = 11

func (d *dictionary) knows(w []byte) bool {
	if _, ok := d.single[string(w)]; ok {
		return true
	}
	return d.multi[string(w)] != nil
}

// shorthand is what people type for whole words.
var shorthand = pairs(`nn non nich nicht net nicht ned nicht x per xke perche cmq comunque ke che anke anche k che tt tutto tutt tutto cn con qst questo dv dove qnd quando msg message
	u you ur your r are nr nummer num number priv private pvt private ma mal sn sono vllt vielleicht vll vielleicht tel telefon thru through tho though pls please plz please abt about
	gimme give lemme let txt text fone phone mob mobile convo conversation biz business wld would cld could grad gerade nem einem nen einen ner einer dm dm`)

// pairs reads a list of words and what they are read as.
func pairs(list string) map[string]string {
	m := map[string]string{}
	words := strings.Fields(list)
	for i := 0; i+1 < len(words); i += 2 {
		m[words[i]] = words[i+1]
	}
	return m
}

// slipped reports whether w may be a slip of the word near, rather than another form of it: those end in another letter.
func slipped(near, w string) bool {
	return within1(near, w) && !strings.HasPrefix(near, w) && !strings.HasPrefix(w, near) && (len(near) != len(w) || near[len(near)-1] == w[len(w)-1] || near[len(near)-2] != w[len(w)-2])
}

// canonical returns the word of the dictionary that w is, with umlauts in two letters or one slip.
func (d *dictionary) canonical(w []byte, buf *[32]byte) string {
	if full, ok := shorthand[string(w)]; ok {
		return full
	}
	if len(w) > 24 || len(w) < 4 || d.knows(w) || d.near[string(w)] == string(w) {
		return string(w)
	}
	if n := unlaut(buf[:], w); n < len(w) && d.knows(buf[:n]) {
		return string(buf[:n])
	}
	for _, article := range [2]string{"l", "un"} { // "lazienda", "unaltra"
		if rest, ok := bytes.CutPrefix(w, []byte(article)); ok && len(rest) >= 5 && d.knows(rest) {
			return string(rest)
		}
	}
	if _, known := lexicon[string(w)]; known {
		return string(w)
	}
	if near := d.near.meant(w); near != "" {
		return near
	}
	return string(w)
}

// unlaut writes w with a for ae, o for oe, u for ue, and returns how long it is.
func unlaut(to, w []byte) int {
	n := 0
	for i := 0; i < len(w); i++ {
		to[n] = w[i]
		n++
		if i+1 < len(w) && w[i+1] == 'e' && (w[i] == 'a' || w[i] == 'o' || w[i] == 'u') {
			i++
		}
	}
	return n
}

// properWords are words of their own that are one slip away from one of the dictionary's.
var properWords = set(`riapriamo riaprire primate privacy person persone person's meeting handle candle fried pricing contract contracts container contrast content context lascia lasci lasciato chiamo chiama
	numbers nummern addresses adressen riding riparo signals signage finder schreiner schreiben beschreiben beschreibung schieben
	direction directions storage stories closer closes opened openings`)

// signs returns what each word of a text means.
func (t *text) signs() []sign {
	d := theDictionary()
	var buf [32]byte
	words := make([]string, len(t.words))
	for i, w := range t.words {
		if c := t.b[w.from]; isDigit(c) {
			continue // "4you" has no sign
		}
		words[i] = d.canonical(t.b[w.from:w.to], &buf)
	}
	out := make([]sign, len(words))
	for i := 0; i < len(words); i++ {
		out[i] |= d.single[words[i]]
		seconds := d.multi[words[i]]
		if seconds == nil || i+1 == len(words) {
			continue
		}
		for _, x := range seconds[words[i+1]] {
			end := i + 1 + len(x.rest)
			if end >= len(words) || t.words[end].clause != t.words[i].clause || !slices.Equal(x.rest, words[i+2:end+1]) {
				continue
			}
			for k := i; k <= end; k++ {
				if x.is == 0 {
					out[k] = 0 // "no problem" denies nothing
				} else {
					out[k] |= x.is
				}
			}
			if x.is == 0 {
				i = end
				break
			}
		}
	}
	return out
}
