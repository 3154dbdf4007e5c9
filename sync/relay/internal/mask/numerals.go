package mask

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// How a word is used when people say a number.
type numeralKind uint8

const (
	unit     numeralKind = iota + 1 // 0 to 9
	teen                            // 10 to 19
	tens                            // 20, 30 … 90
	hundreds                        // 100, 200 … 900 in one word
	hundred                         // multiplies the unit before it
	times                           // repeats what follows: "double"
	timesOf                         // between a unit and what it repeats: "two times five"
	tenfold                         // behind a unit: Indonesian "dua puluh"
	plusTen                         // behind a unit: Indonesian "dua belas"
	linked                          // between a unit and its tens: "drei und zwanzig", "veinte y uno"
)

type homograph struct {
	anywhere bool
	with     map[string]bool
}

type numeral struct {
	kind  numeralKind
	value int
}

// The words of numbers in the ten languages most spoken in commerce over WhatsApp (English, Spanish, Portuguese, Hindi,
// also in Latin letters, Indonesian, Arabic, German, Italian, French, Russian), in Turkish and Dutch, and the digits in
// Polish.
var (
	unitWords = [10]string{
		`zero oh null nil nought cero zéro nol kosong صفر शून्य ज़ीरो जीरो shunya zeero ноль нуль sıfır sifr nul`,
		`one eins ein uno un um une satu एक वन ek واحد wahid один одна раз bir een één jeden`,
		`two zwei zwo dos due deux dois duas dua दो टू do اثنان اثنين إثنان إثنين اتنين ithnan itnen два две iki twee dwa dwie`,
		`three drei tres tre trois três tiga तीन थ्री teen tin ثلاثة ثلاث تلاتة thalatha talata три üç drie trzy`,
		`four vier cuatro quattro quatre quatro empat चार फोर char chaar أربعة اربعة أربع اربع arbaa четыре dört cztery`,
		`five fünf fuenf cinco cinque cinq lima पाँच पांच फाइव paanch panch خمسة خمس khamsa пять beş vijf pięć`,
		`six sechs seis sei enam छह छः छे सिक्स chhah chhe che ستة ست sitta шесть altı zes meia sześć`,
		`seven sieben siete sette sept sete tujuh सात सेवन saat سبعة سبع sabaa семь yedi zeven siedem`,
		`eight acht ocho otto huit oito delapan आठ एट aath ثمانية ثماني تمانية ثمان thamaniya tamanya восемь sekiz osiem`,
		`nine neun nueve nove neuf sembilan नौ नाइन nau تسعة تسع tisaa девять dokuz negen dziewięć`,
	}
	teenWords = [10]string{
		`ten zehn diez dieci dix dez sepuluh دس दस das عشرة عشر десять tien`,
		`eleven elf once undici onze sebelas одиннадцать`,
		`twelve zwölf zwoelf doce dodici douze doze двенадцать twaalf`,
		`thirteen dreizehn trece tredici treize treze тринадцать dertien`,
		`fourteen vierzehn catorce quattordici quatorze catorze четырнадцать veertien`,
		`fifteen fünfzehn fuenfzehn quince quindici quinze пятнадцать vijftien`,
		`sixteen sechzehn dieciséis sedici seize dezesseis dezasseis шестнадцать zestien`,
		`seventeen siebzehn diecisiete diciassette dezessete dezassete семнадцать zeventien`,
		`eighteen achtzehn dieciocho diciotto dezoito восемнадцать achttien`,
		`nineteen neunzehn diecinueve diciannove dezenove dezanove девятнадцать negentien`,
	}
	tensWords = [10]string{
		1: `on`,
		2: `twenty zwanzig veinte venti vingt vingts vinte двадцать yirmi twintig عشرون عشرين`,
		3: `thirty dreißig dreissig treinta trenta trente trinta тридцать otuz dertig ثلاثون ثلاثين`,
		4: `forty fourty vierzig cuarenta quaranta quarante quarenta сорок kırk veertig أربعون أربعين اربعين`,
		5: `fifty fünfzig fuenfzig cincuenta cinquanta cinquante cinquenta пятьдесят elli vijftig خمسون خمسين`,
		6: `sixty sechzig sesenta sessanta soixante sessenta шестьдесят altmış zestig ستون ستين`,
		7: `seventy siebzig setenta settanta septante семьдесят yetmiş zeventig سبعون سبعين`,
		8: `eighty achtzig ochenta ottanta huitante octante oitenta восемьдесят seksen tachtig ثمانون ثمانين`,
		9: `ninety neunzig noventa novanta nonante девяносто doksan negentig تسعون تسعين`,
	}
	hundredsWords = [10]string{
		1: `cien ciento cem cento сто seratus مئة مائة`, 2: `doscientos duzentos duecento двести`,
		3: `trescientos trezentos trecento триста`, 4: `cuatrocientos quatrocentos quattrocento четыреста`,
		5: `quinientos quinhentos cinquecento пятьсот`, 6: `seiscientos seiscentos seicento шестьсот`,
		7: `setecientos setecentos settecento семьсот`, 8: `ochocientos oitocentos ottocento восемьсот`,
		9: `novecientos novecentos novecento девятьсот`,
	}
	hundredWords = `hundred hundert cent cents yüz ratus honderd`
	timesWords   = [5]string{
		2: `double doppel doppelt doppelte doble doppio doppia duplo dubbel çift डबल dabal zweimal tweemaal дважды`,
		3: `triple treble dreifach dreifache triplo tripla triplice tripel ट्रिपल dreimal трижды`,
		4: `quadruple viermal`,
	}
	timesOfWords = `times mal veces volte fois vezes kali раза kez`
	linkWords    = `and und y et e en dan и و और aur ve`

	// fillerWords stand between the parts of a number that is being dictated.
	spokenFillers = set(`and und y et e en dan и و और aur ve then dann luego después despues poi puis ensuite depois lalu
		kemudian terus ثم بعدها फिर phir потом затем далее sonra daarna dash hyphen minus space slash bindestrich strich
		leerzeichen guion guión trattino tiret traço espacio spazio espace spasi пробел тире strip hmm um uh eh ähm
		followed by gefolgt von seguido por de seguito da suivi again wieder the der die das nächste next`)

	joiningTens = set(`treinta cuarenta cincuenta sesenta setenta ochenta noventa vinte trinta quarenta cinquenta sessenta
		oitenta`)
	frenchTens = set(`vingt trente quarante cinquante soixante septante huitante octante nonante`)

	// shyWords are common words that also are numerals: only beside digits or other numerals the first look takes them for one.
	shyWords = set(`um un une on do due das ein one uno una sei once dos een che teen tin cent Um Un On Do Ein One`)

	// homographs are numerals that are common words in another language, with the numerals that go with them.
	homographs = func() map[string]homograph {
		m := map[string]homograph{}
		for _, h := range []struct {
			anywhere    bool
			words, with string
		}{
			{true, `on`, `sıfır bir iki üç dört beş altı yedi sekiz dokuz yirmi otuz kırk elli altmış yetmiş seksen doksan`},
			{true, `once`, `cero uno dos tres cuatro cinco seis siete ocho nueve diez doce trece catorce quince veinte`},
			{false, `do das che saat chat tin teen char nau`, `zero shunya ek do teen tin char chaar paanch panch chhe chhah che saat aath nau das`},
			{false, `um`, `zero dois duas três tres quatro cinco seis meia sete oito nove`},
			{false, `due tre sei`, `zero uno una due tre quattro cinque sei sette otto nove`},
			{false, `un une`, `zéro zero deux trois quatre cinq six sept huit neuf uno dos tres due tre`},
			{false, `ten nine`, `zero oh one two three four five six seven eight nine ten`},
			{false, `to dwa`, `zero jeden trzy cztery pięć sześć siedem osiem dziewięć`},
			{false, `cent cents`, `deux trois quatre cinq six sept huit neuf`},
			{false, `een dos`, `nul twee drie vier vijf zes zeven acht negen uno tres cuatro cinco seis siete ocho nueve cero`},
		} {
			for w := range set(h.words) {
				m[w] = homograph{h.anywhere, set(h.with)}
			}
		}
		return m
	}()

	plusWords = set(`plus plús più piu más mas mais плюс زائد प्लस artı tambah`)
)

var (
	numerals    = map[string]numeral{}
	longestWord int

	// numeralSizes has a bit for each length of the numerals that begin alike, the last one for all longer ones too.
	numeralSizes [32 * 32 * 32]uint32
)

func init() {
	add := func(words string, n numeral) {
		for _, w := range strings.Fields(words) {
			for _, form := range []string{w, unmarked(w), string(fold(w).b), strings.ReplaceAll(w, "ة", "ه"), strings.NewReplacer("أ", "ا", "إ", "ا", "ة", "ه").Replace(w)} {
				if _, ok := numerals[form]; !ok {
					numerals[form] = n
					longestWord = max(longestWord, len(form))
				}
			}
		}
	}
	for v := range 10 {
		add(unitWords[v], numeral{unit, v})
		add(teenWords[v], numeral{teen, 10 + v})
		add(tensWords[v], numeral{tens, 10 * v})
		add(hundredsWords[v], numeral{hundreds, 100 * v})
	}
	add(hundredWords, numeral{hundred, 100})
	for v, words := range timesWords {
		add(words, numeral{times, v})
	}
	add(timesOfWords, numeral{timesOf, 0})
	add("puluh", numeral{tenfold, 0})
	add("belas", numeral{plusTen, 0})
	// Italian and Spanish write the pairs in one word and drop a vowel.
	for i, ten := range strings.Fields("vent trent quarant cinquant sessant settant ottant novant") {
		last := "a"
		if i == 0 {
			last = "i"
		}
		for v, one := range strings.Fields("uno due tre quattro cinque sei sette otto nove") {
			if v == 0 || v == 7 {
				add(ten+one, numeral{tens, 20 + 10*i + v + 1})
			} else {
				add(ten+last+one, numeral{tens, 20 + 10*i + v + 1})
			}
		}
		add(ten+last+"tré", numeral{tens, 20 + 10*i + 3})
	}
	for v, one := range strings.Fields("uno dos trés cuatro cinco séis siete ocho nueve") {
		add("veinti"+one, numeral{tens, 21 + v})
	}
	add("veintiún veintiun veintidós", numeral{tens, 21})
	numerals["veintidós"] = numeral{tens, 22}
	learn := func(words string, flag wordFlag) {
		for _, w := range strings.Fields(words) {
			for _, form := range []string{w, unmarked(w), string(fold(w).b)} {
				wordFlags[form] |= flag
				for _, as := range []string{form, strings.ToUpper(form), strings.ToUpper(form[:1]) + form[1:], upperFirst(form)} {
					at := prefixKey(as)
					wordPrefix[at>>6] |= 1 << (at & 63)
					if flag&^(flagFiller|flagPlus) != 0 {
						h := uint16(0)
						for i := range len(as) {
							h = wordHash(h, as[i])
						}
						lookHash[h>>6] |= 1 << (h & 63)
						lookPrefix[at>>6] |= 1 << (at & 63)
					}
				}
			}
		}
	}
	for w, n := range numerals {
		numeralSizes[prefixKey(w)] |= 1 << min(len(w), 31)
		if len(w) >= 3 {
			k := prefixKey(w[len(w)-3:])
			endings[k>>6] |= 1 << (k & 63)
		} else { // "un": any byte before it
			for c := range 32 {
				k := c<<10 | prefixKey(w)>>5
				endings[k>>6] |= 1 << (k & 63)
			}
		}
		flag := flagNumeral
		if n.kind >= times { // nothing by itself
			flag = 0
		}
		if n.kind == tens || n.kind == teen {
			flag |= flagPair
		}
		if n.kind == times || n.kind == timesOf || n.kind == hundred || n.kind == hundreds || n.kind == tenfold || n.kind == plusTen {
			flag |= flagTimes
		}
		learn(w, flag)
	}
	keys := func(m map[string]bool) string {
		var b strings.Builder
		for w := range m {
			b.WriteString(w + " ")
		}
		return b.String()
	}
	learn(keys(spokenFillers), flagFiller)
	learn(keys(plusWords), flagPlus)
	learn(keys(networks), flagNetwork)
	learn(keys(dotWords), flagDot)
	learn(keys(mailProviders), flagProvider)
}

func upperFirst(w string) string {
	r, n := utf8.DecodeRuneInString(w)
	return string(unicode.ToUpper(r)) + w[n:]
}

// unmarked returns a word without its diacritics, as hurried people type it and as folding leaves it.
func unmarked(w string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn):
			return -1
		case r == 'ı':
			return 'i'
		}
		return r
	}, norm.NFD.String(w))
}

// What a word may be, for the first look.
type wordFlag uint8

const (
	flagNumeral wordFlag = 1 << iota
	flagPair             // a numeral of two digits
	flagFiller
	flagPlus
	flagNetwork
	flagDot
	flagProvider
	flagTimes
)

var (
	wordFlags  = map[string]wordFlag{}
	lookPrefix [32 * 32 * 32 / 64]uint64 // the same for the words the first look asks for
	wordPrefix [32 * 32 * 32 / 64]uint64 // which beginnings of three bytes, five bits of each, a word of wordFlags has
)

// lookHash is which hashes the words of ASCII letters have that the first look asks for.
var lookHash [1 << 16 / 64]uint64

// wordHash adds a letter to the hash of those before it, whatever its case.
func wordHash(h uint16, c byte) uint16 { return h*37 + uint16(c|0x20) }

func prefixKey(w string) int {
	k := int(w[0]&31) << 10
	if len(w) > 1 {
		k |= int(w[1]&31) << 5
	}
	if len(w) > 2 {
		k |= int(w[2] & 31)
	}
	return k
}

// wordAt returns what the word may be; a long one that begins like a numeral may be several written together.
func wordAt(w string) wordFlag {
	k := prefixKey(w)
	if wordPrefix[k>>6]&(1<<(k&63)) == 0 || len(w) > 64 {
		return 0
	}
	var buf [72]byte
	low := buf[:0]
	for i := 0; i < len(w); {
		if c := w[i]; c < utf8.RuneSelf {
			low = append(low, lower(c))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(w[i:])
		low = utf8.AppendRune(low, unicode.ToLower(r))
		i += n
	}
	f := wordFlags[string(low)]
	if f&^(flagNetwork|flagProvider|flagDot) == 0 && len(low) >= 6 && endsNumeral(string(low)) && splits(string(low)) {
		return flagNumeral | flagPair | flagTimes
	}
	return f
}

// A run of Chinese numerals is read like digits.
func hanDigit(r rune) (byte, bool) {
	switch r {
	case '〇', '零':
		return '0', true
	case '一', '壹', '幺':
		return '1', true
	case '二', '两', '贰':
		return '2', true
	case '三', '叁':
		return '3', true
	case '四', '肆':
		return '4', true
	case '五', '伍':
		return '5', true
	case '六', '陆':
		return '6', true
	case '七', '柒':
		return '7', true
	case '八', '捌':
		return '8', true
	case '九', '玖':
		return '9', true
	}
	return 0, false
}

// endings are the last three bytes of numerals, as prefixKey has beginnings.
var endings [32 * 32 * 32 / 64]uint64

// endsNumeral reports whether a word may end in a numeral.
func endsNumeral(w string) bool {
	k := prefixKey(w[len(w)-3:])
	return endings[k>>6]&(1<<(k&63)) != 0 || w[len(w)-1] >= utf8.RuneSelf
}

// splits reports whether a word is made of several numerals.
func splits(word string) bool {
	var buf [24]numeral
	parts, ok := decompose(word, buf[:0])
	return ok && len(parts) > 1
}

// decompose takes a word apart into the numerals it is made of: "dreiundzwanzig", "nullfünfeins", "وعشرون".
func decompose(word string, parts []numeral) ([]numeral, bool) {
	tries := 0
	return apart(word, parts, &tries)
}

// maxTries bounds the ways to take one word apart.
const maxTries = 64

func apart(word string, parts []numeral, tries *int) ([]numeral, bool) {
	if n, ok := numerals[word]; ok && len(parts) < cap(parts) {
		return append(parts, n), true
	}
	if *tries++; *tries > maxTries {
		return nil, false
	}
	sizes := numeralSizes[prefixKey(word)]
	if len(word) < 3 {
		sizes = ^uint32(0)
	}
	for n := min(longestWord, len(word)-2); n >= 2; n-- {
		if n == 2 { // the key of a numeral of two bytes is that of no longer word
			sizes = ^uint32(0)
		}
		if sizes&(1<<min(n, 31)) == 0 || !utf8.RuneStart(word[n]) {
			continue
		}
		part, ok := numerals[word[:n]]
		if !ok || len(parts) == cap(parts) {
			continue
		}
		if all, ok := apart(word[n:], append(parts, part), tries); ok {
			return all, true
		}
	}
	for _, link := range [...]string{"und", "en", "و", "y"} {
		rest, ok := strings.CutPrefix(word, link)
		switch {
		case !ok || len(rest) <= 2 || len(parts) == cap(parts):
		case len(parts) == 0 && link == "و":
			return apart(rest, parts, tries)
		case len(parts) > 0 && parts[len(parts)-1].kind == unit:
			return apart(rest, append(parts, numeral{linked, 0}), tries)
		}
	}
	return nil, false
}

// An item is a numeral, digits or a filler in a text, in the order they stand.
type item struct {
	numeral
	from, to int
	digits   string // of a literal; kind is 0
	joins    bool   // tens of a language that puts a word between them and the unit
	french   bool   // … only before one
	close    bool   // no comma or the like between it and the item before
}

// said returns the digits the items say, and how many of the items from the front it took: "dreiundzwanzig" is one
// number of two digits, "two five" are two of one.
func said(items []item) (digits string, n int) {
	kind := func(i int) numeralKind {
		if i >= len(items) || i > 0 && !items[i].close {
			return 0
		}
		return items[i].kind
	}
	v := func(i int) int { return items[i].value }
	pair := func(i int) (int, int) { // up to two digits at i: their value and how many items
		switch kind(i) {
		case tens:
			next, at := kind(i+1), i+1
			if next == linked {
				next, at = kind(i+2), i+2
			}
			switch {
			case v(i)%10 != 0:
			case next == unit && at == i+1 && items[i].joins && v(at) > 0 && (items[i].value > 10) && (!items[i].french || v(at) == 1):
				return v(i), 1 // "treinta uno" are two: one number has its "y"
			case next == unit && v(at) > 0:
				return v(i) + v(at), at + 1 - i
			case next == teen && (v(i) == 60 || v(i) == 80): // soixante-dix
				if v(at) == 10 && kind(at+1) == unit && v(at+1) >= 7 {
					return v(i) + 10 + v(at+1), at + 2 - i
				}
				return v(i) + v(at), at + 1 - i
			}
			return v(i), 1
		case teen:
			if v(i) == 10 && kind(i+1) == unit && v(i+1) >= 7 && items[i].to-items[i].from == 3 && items[i].digits == "dix" {
				return 10 + v(i+1), 2
			}
			return v(i), 1
		case unit:
			switch next := kind(i + 1); {
			case next == linked && kind(i+2) == tens && v(i) > 0 && v(i+2)%10 == 0:
				return v(i+2) + v(i), 3
			case next == tenfold:
				if kind(i+2) == unit && v(i+2) > 0 {
					return 10*v(i) + v(i+2), 3
				}
				return 10 * v(i), 2
			case next == plusTen:
				return 10 + v(i), 2
			case v(i) == 4 && next == tens && v(i+1) == 20: // quatre-vingt
				if k := kind(i + 2); k == teen {
					if v(i+2) == 10 && kind(i+3) == unit && v(i+3) >= 7 {
						return 90 + v(i+3), 4
					}
					return 80 + v(i+2), 3
				} else if k == unit && v(i+2) > 0 {
					return 80 + v(i+2), 3
				}
				return 80, 2
			}
			return v(i), 1
		}
		return 0, 0
	}
	switch items[0].kind {
	case 0:
		return items[0].digits, 1
	case times, timesOf, linked, tenfold, plusTen:
		if items[0].kind == times && len(items) > 1 {
			switch rest := items[1]; {
			case rest.kind == 0 && len(rest.digits) == 1:
				return strings.Repeat(rest.digits, v(0)), 2
			case rest.kind == unit:
				return strings.Repeat(strconv.Itoa(rest.value), v(0)), 2
			}
		}
		return "", 1
	case hundreds, hundred:
		if p, n := pair(1); n > 0 && p > 0 {
			return strconv.Itoa(v(0) + p), 1 + n
		}
		return strconv.Itoa(v(0)), 1
	}
	if items[0].kind == unit && v(0) >= 1 {
		switch {
		case kind(1) == hundred:
			at := 2
			if kind(2) == linked {
				at = 3
			}
			if p, n := pair(at); n > 0 && p > 0 {
				return strconv.Itoa(100*v(0) + p), at + n
			}
			return strconv.Itoa(100 * v(0)), 2
		case kind(1) == timesOf && v(0) >= 2 && v(0) <= 4 && len(items) > 2:
			if r := items[2]; r.kind == unit {
				return strings.Repeat(strconv.Itoa(r.value), v(0)), 3
			} else if r.kind == 0 && len(r.digits) == 1 {
				return strings.Repeat(r.digits, v(0)), 3
			}
		}
	}
	p, n := pair(0)
	return strconv.Itoa(p), max(n, 1)
}
