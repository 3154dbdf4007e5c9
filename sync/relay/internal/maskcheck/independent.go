package maskcheck

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Independent yields the second held-out set: about 40,000 cases at scale 1, written from the specification by another
// author than the first and than the engine's, who saw neither. It shares nothing with the other two sets. Classes
// that begin with "extra" go beyond what was promised. The same seed and scale make the same cases.
func Independent(seed uint64, scale float64) iter.Seq[Case] {
	return func(yield func(Case) bool) {
		a := &author{Rand: rand.New(rand.NewPCG(seed, 0x5ea1)), yield: yield}
		for _, r := range []struct {
			cases int
			write func()
		}{
			{10000, a.stranger}, {2500, a.ownSeparated}, {2000, a.ownScript}, {2000, a.ownSplit}, {500, a.ownReversed},
			{1500, a.ownMixed}, {600, a.ownBetween}, {300, a.ownEmbedded}, {500, a.ownPairs}, {1800, a.dictated},
			{300, a.dictatedMore}, {4000, a.email}, {300, a.emailMore}, {2000, a.card}, {2000, a.iban}, {2400, a.handle},
			{1200, a.link}, {9000, a.negative}, {2000, a.chat},
		} {
			for range int(float64(r.cases) * scale) {
				if r.write(); a.stopped {
					return
				}
			}
		}
	}
}

// An author writes cases.
type author struct {
	*rand.Rand
	yield   func(Case) bool
	written int
	stopped bool
}

func (a *author) say(c Case) {
	a.written++
	c.ID = "independent-" + strconv.Itoa(a.written)
	if len(c.Known) == 0 { // the relay holds something of everybody who writes
		c.Known = []string{a.dial(pick(a, authorRegions)).e164()}
	}
	if !a.yield(c) {
		a.stopped = true
	}
}

func pick[T any](a *author, of []T) T { return of[a.IntN(len(of))] }

func (a *author) chance(percent int) bool { return a.IntN(100) < percent }

func (a *author) roll(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + a.IntN(10))
	}
	return string(b)
}

func (a *author) upto(low, high int) string { return strconv.Itoa(low + a.IntN(high-low+1)) }

// framed puts a secret where a frame has its mark. What stands around it must stay.
func (a *author) framed(class, lang, frame, region string, known []string, secret string) {
	before, after, _ := strings.Cut(a.fill(frame), "%")
	c := Case{Class: class, Lang: lang, Region: region, Known: known, Text: Texts{before + secret + after}, Secrets: []string{secret}}
	for _, k := range []string{before, after} {
		if k = strings.TrimFunc(k, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }); k != "" {
			c.Keep = append(c.Keep, k)
		}
	}
	a.say(c)
}

var authorRegions = strings.Fields("DE AT CH IT ES FR PT BR TR AE SA EG MA IN PK ID RU KZ UA NL BE PL US CA GB IE MX AR CO CL PE ZA NG KE " +
	"GH AU NZ JP KR VN TH MY SG PH HK TW BD LK SE NO DK FI CZ SK HU RO BG GR RS HR IL JO KW QA LB IQ EC BO UY CR GT DO TZ UG ET SN CI")

var authorHome = map[string]string{"en": "GB", "de": "DE", "it": "IT", "es": "ES", "fr": "FR", "pt": "BR", "tr": "TR", "ar": "AE", "hi": "IN",
	"hi-Latn": "IN", "id": "ID", "ru": "RU", "nl": "NL", "pl": "PL"}

// A dialled number is one that a region's plan allows.
type dialled struct {
	region, code, nsn, national, international string
}

func (d dialled) e164() string { return "+" + d.code + d.nsn }

func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func (a *author) dial(region string) dialled {
	kind := phonenumbers.MOBILE
	if a.chance(30) {
		kind = phonenumbers.FIXED_LINE
	}
	for try := 0; ; try++ {
		n := phonenumbers.GetExampleNumberForType(region, kind)
		if n == nil {
			n = phonenumbers.GetExampleNumber(region)
		}
		nsn := phonenumbers.GetNationalSignificantNumber(n)
		code := strconv.Itoa(int(n.GetCountryCode()))
		if try < 40 {
			nsn = nsn[:len(nsn)-4] + a.roll(4)
		}
		p, err := phonenumbers.Parse("+"+code+nsn, region)
		if err != nil || try < 40 && !phonenumbers.IsValidNumberForRegion(p, region) {
			continue
		}
		return dialled{region, code, nsn, phonenumbers.Format(p, phonenumbers.NATIONAL), phonenumbers.Format(p, phonenumbers.INTERNATIONAL)}
	}
}

// groups cuts digits into groups of the sizes between low and high.
func (a *author) groups(digits string, low, high int) []string {
	var out []string
	for len(digits) > 0 {
		n := min(low+a.IntN(high-low+1), len(digits))
		if rest := len(digits) - n; rest > 0 && rest < low {
			n = len(digits)
		}
		out, digits = append(out, digits[:n]), digits[n:]
	}
	return out
}

// abroad spells a number so that it can be dialled from anywhere, home so that only its region can.
func (a *author) abroad(d dialled) string {
	switch a.IntN(13) {
	case 0:
		return d.e164()
	case 1:
		return "00" + d.code + d.nsn
	case 2:
		return "00" + strings.TrimPrefix(d.international, "+")
	case 3:
		return "+" + d.code + " " + strings.Join(a.groups(d.nsn, 2, 2), " ")
	case 4:
		return "+" + d.code + "." + strings.Join(a.groups(d.nsn, 3, 4), ".")
	case 5:
		return "(+" + d.code + ") " + strings.Join(a.groups(d.nsn, 3, 4), "-")
	case 6:
		return "+" + d.code + " (0) " + strings.Join(a.groups(d.nsn, 3, 5), " ")
	case 7:
		return "tel:" + d.e164()
	case 8:
		return "+ " + d.code + " " + strings.Join(a.groups(d.nsn, 3, 4), " ")
	case 9:
		return strings.ReplaceAll(d.international, " ", pick(a, []string{"\u00a0", "\u202f", "\u2009", "  "}))
	case 10:
		return "+" + d.code + "-" + strings.Join(a.groups(d.nsn, 3, 4), pick(a, []string{"-", "\u2013", "\u2010", " - "}))
	case 11:
		return translate(d.e164(), pick(a, authorScripts[:4]))
	}
	return d.international
}

func (a *author) home(d dialled) string {
	digits := bare(d.national)
	switch a.IntN(8) {
	case 0:
		return digits
	case 1:
		return strings.Join(a.groups(digits, 2, 2), pick(a, []string{" ", ".", "-"}))
	case 2:
		return strings.Join(a.groups(digits, 3, 4), pick(a, []string{" ", ".", "-"}))
	case 3:
		if len(digits) > 8 {
			return digits[:4] + pick(a, []string{"/", " / ", "-"}) + digits[4:]
		}
	case 4:
		return translate(digits, pick(a, authorScripts[:4]))
	case 5:
		if len(digits) > 8 {
			return "(" + digits[:3] + ") " + strings.Join(a.groups(digits[3:], 3, 4), "-")
		}
	case 6:
		return d.code + d.nsn
	}
	return d.national
}

func (a *author) stranger() {
	lang := pick(a, authorLangs)
	region := authorHome[lang]
	if a.chance(50) {
		region = pick(a, authorRegions)
	}
	frame := pick(a, phoneFrames[lang])
	if a.chance(55) {
		d := a.dial(pick(a, authorRegions))
		a.framed("phone-abroad", lang, frame, region, nil, a.abroad(d))
		return
	}
	for {
		if d := a.dial(region); len(d.nsn) >= 7 {
			a.framed("phone-home", lang, frame, region, nil, a.home(d))
			return
		}
		region = pick(a, authorRegions)
	}
}

// own returns the number of the contact who writes, and digits as he might give them.
func (a *author) own() (d dialled, digits string) {
	for {
		if d = a.dial(pick(a, authorRegions)); len(d.nsn) >= 8 {
			break
		}
	}
	switch a.IntN(4) {
	case 0:
		return d, d.code + d.nsn
	case 1:
		return d, "00" + d.code + d.nsn
	case 2:
		return d, d.nsn
	}
	return d, bare(d.national)
}

func (a *author) ownSeparated() {
	d, digits := a.own()
	seps := []string{" ", ".", "-", "/", "_", "*", "·", ",", "  ", " - ", "•", "~", "|", "\n", "...", "=", ":", ";", " . ", "'", "\u00ad", "\u2028", "–", "+", "><", "👉", "🔥"}
	sep := pick(a, seps)
	low, high := 1, pick(a, []int{1, 2, 3, 4})
	var b strings.Builder
	for i, g := range a.groups(digits, low, high) {
		if i > 0 {
			if a.chance(20) {
				sep = pick(a, seps)
			}
			b.WriteString(sep)
		}
		b.WriteString(g)
	}
	lang := pick(a, authorLangs)
	a.framed("own-separators", lang, pick(a, plainFrames), d.region, []string{d.e164()}, b.String())
}

// authorScripts are the zeros of digits; the ones that are no row are spelled out.
var authorScripts = []string{"０", "٠", "۰", "०", "০", "௦", "๐", "𝟎", "𝟘", "𝟶", "᠐", "keycap", "circle", "super", "sub", "mark", "zero-width", "flag"}

func translate(digits, script string) string {
	var b strings.Builder
	for _, r := range digits {
		if r < '0' || r > '9' {
			b.WriteRune(r)
			continue
		}
		n := r - '0'
		switch script {
		case "keycap":
			b.WriteString(string(r) + "\ufe0f\u20e3")
		case "circle":
			b.WriteRune([]rune("⓪①②③④⑤⑥⑦⑧⑨")[n])
		case "super":
			b.WriteRune([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[n])
		case "sub":
			b.WriteRune('₀' + n)
		case "mark":
			b.WriteString(string(r) + "\u0336")
		case "zero-width":
			b.WriteString(string(r) + "\u200b")
		case "flag":
			b.WriteString(string(r) + "\u2060\u200d")
		default:
			b.WriteRune([]rune(script)[0] + n)
		}
	}
	return b.String()
}

func (a *author) ownScript() {
	d, digits := a.own()
	script := pick(a, authorScripts)
	s := strings.Join(a.groups(digits, 2, 5), pick(a, []string{"", "", " ", "-"}))
	s = translate(s, script)
	if a.chance(15) { // half in one script, half in another
		r := []rune(translate(digits[:5], script))
		s = string(r) + translate(digits[5:], pick(a, authorScripts))
	}
	a.framed("own-scripts", pick(a, authorLangs), pick(a, plainFrames), d.region, []string{d.e164()}, s)
}

func (a *author) ownSplit() {
	d, digits := a.own()
	parts := 2 + a.IntN(3)
	cuts := map[int]bool{}
	for len(cuts) < parts-1 {
		cuts[2+a.IntN(len(digits)-3)] = true
	}
	c := Case{Class: "own-split", Lang: pick(a, authorLangs), Region: d.region, Known: []string{d.e164()}}
	from := 0
	for i := 1; i <= len(digits); i++ {
		if !cuts[i] && i < len(digits) {
			continue
		}
		piece := digits[from:i]
		if a.chance(25) {
			piece = strings.Join(a.groups(piece, 1, 3), " ")
		}
		from = i
		text := piece
		if a.chance(35) {
			before, after, _ := strings.Cut(pick(a, pieceFrames), "%")
			text = before + piece + after
		}
		c.Text, c.Secrets = append(c.Text, text), append(c.Secrets, piece)
	}
	a.say(c)
}

func (a *author) ownReversed() {
	d, digits := a.own()
	r := []byte(digits)
	slices.Reverse(r)
	s := string(r)
	if a.chance(40) {
		s = strings.Join(a.groups(s, 2, 4), " ")
	}
	a.framed("own-reversed", "en", pick(a, []string{"% (read it backwards)", "umgekehrt: %", "al contrario: %", "backwards % ok?", "à l'envers %"}), d.region, []string{d.e164()}, s)
}

func (a *author) ownMixed() {
	d, digits := a.own()
	lang := pick(a, authorTen)
	words := strings.Fields(digitWords[lang])
	var parts []string
	for _, g := range a.groups(digits, 1, 3) {
		if a.chance(50) {
			parts = append(parts, g)
			continue
		}
		for _, r := range g {
			parts = append(parts, words[r-'0'])
		}
	}
	a.framed("own-mixed", lang, pick(a, plainFrames), d.region, []string{d.e164()}, strings.Join(parts, pick(a, []string{" ", " ", ", ", "-", " - "})))
}

// ownBetween puts words between groups of the own number; only the groups are secret.
func (a *author) ownBetween() {
	d, digits := a.own()
	b := pick(a, betweenWords)
	c := Case{Class: "own-words-between", Lang: b[0], Region: d.region, Known: []string{d.e164()}}
	c.Secrets = a.groups(digits, 3, 5)
	c.Text = Texts{b[1] + strings.Join(c.Secrets, b[2])}
	a.say(c)
}

func (a *author) ownEmbedded() {
	d, _ := a.own()
	digits := d.code + d.nsn
	s := pick(a, []string{"user", "id_", "wa", "x", "REF", "abc-", "photo_", "n°"})
	c := Case{Class: "own-embedded", Lang: "en", Region: d.region, Known: []string{d.e164()}, Secrets: []string{digits}}
	c.Text = Texts{"see " + s + digits + pick(a, []string{"x", ".jpg", "_1.pdf", "@c.us", "", "Z", "/"})}
	a.say(c)
}

func (a *author) ownPairs() {
	d, digits := a.own()
	lang := pick(a, []string{"en", "de", "fr", "it", "es", "pt"})
	var parts []string
	for _, g := range a.groups(digits, 2, 2) {
		if n, _ := strconv.Atoi(g); len(g) == 2 && n >= 10 {
			parts = append(parts, spokenPair(lang, n))
			continue
		}
		for _, r := range g {
			parts = append(parts, strings.Fields(digitWords[lang])[r-'0'])
		}
	}
	a.framed("own-pairs", lang, pick(a, plainFrames), d.region, []string{d.e164()}, strings.Join(parts, pick(a, []string{" ", ", "})))
}

func (a *author) dictated()     { a.dictate("worded", pick(a, authorTen)) }
func (a *author) dictatedMore() { a.dictate("extra-worded", pick(a, []string{"tr", "nl", "pl"})) }

// dictate writes a stranger's number in words.
func (a *author) dictate(class, lang string) {
	d := a.dial(authorHome[lang])
	digits := bare(d.national)
	if a.chance(40) {
		digits = d.code + d.nsn
	}
	words := strings.Fields(digitWords[lang])
	var b strings.Builder
	sep := pick(a, []string{" ", " ", " ", ", ", "-", "\n", " . "})
	for i, r := range digits {
		if i > 0 {
			b.WriteString(sep)
		}
		w := words[r-'0']
		if sep == " " && a.chance(5) {
			w = strings.ToUpper(w)
		}
		b.WriteString(w)
	}
	a.framed(class, lang, pick(a, phoneFrames[lang]), d.region, nil, b.String())
}

func (a *author) card() {
	type brand struct {
		prefix string
		length int
	}
	b := pick(a, []brand{{"4", 16}, {"4", 16}, {"51", 16}, {"55", 16}, {"2221", 16}, {"2720", 16}, {"34", 15}, {"37", 15}, {"6011", 16}, {"65", 16},
		{"3528", 16}, {"3589", 16}, {"36", 14}, {"3005", 14}, {"62", 16}})
	digits := b.prefix + a.roll(b.length-1-len(b.prefix))
	sum := 0
	for i := range digits {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	digits += strconv.Itoa((10 - sum%10) % 10)
	s := digits
	sep := pick(a, []string{"", " ", "-", ".", "\u00a0", " - "})
	if b.length == 16 {
		s = strings.Join([]string{digits[:4], digits[4:8], digits[8:12], digits[12:]}, sep)
	} else {
		s = strings.Join([]string{digits[:4], digits[4:10], digits[10:]}, sep)
	}
	if a.chance(8) {
		s = translate(s, pick(a, authorScripts[:4]))
	}
	lang := pick(a, authorLangs)
	a.framed("card", lang, pick(a, cardFrames), authorHome[lang], nil, s)
}

func (a *author) iban() {
	// lengths after the check digits; A is a letter, 0 a digit
	form := pick(a, []string{"DE000000000000000000", "GBAAAA00000000000000", "FR0000000000AAAAAAAAAAA00", "FR00000000000000000000000", "ITA0000000000000000000000",
		"ES00000000000000000000", "NLAAAA0000000000", "BE000000000000", "PL000000000000000000000000", "AT0000000000000000", "CH00000000000000000",
		"TR0000000000000000000000", "PT000000000000000000000", "SA00000000000000000000", "AE0000000000000000000", "SE00000000000000000000", "IEAAAA00000000000000",
		"NO00000000000", "LU000000AAA0000000", "CZ00000000000000000000", "ROAAAA00AAAA00000000AAAA"})
	country, bban := form[:2], []byte(form[2:])
	if country == "RO" {
		bban = []byte("AAAA0000000000000000")
	}
	for i, c := range bban {
		if c == 'A' {
			bban[i] = byte('A' + a.IntN(26))
		} else {
			bban[i] = byte('0' + a.IntN(10))
		}
	}
	rest := 0
	for _, r := range string(bban) + country + "00" {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	check := strconv.Itoa(98 - rest)
	if len(check) == 1 {
		check = "0" + check
	}
	s := country + check + string(bban)
	if a.chance(15) {
		s = strings.ToLower(s)
	}
	if sep := pick(a, []string{"", "", " ", " ", "-", ".", "\u00a0"}); sep != "" {
		var g []string
		for i := 0; i < len(s); i += 4 {
			g = append(g, s[i:min(i+4, len(s))])
		}
		s = strings.Join(g, sep)
	}
	lang := pick(a, authorLangs)
	a.framed("iban", lang, pick(a, ibanFrames), authorHome[lang], nil, s)
}

func (a *author) user() string {
	first, second := pick(a, madeFirst), pick(a, madeSecond)
	switch a.IntN(7) {
	case 0:
		return first + "." + second
	case 1:
		return first + "_" + second
	case 2:
		return first + second + a.upto(1, 99)
	case 3:
		return first[:1] + "." + second
	case 4:
		return first + a.upto(1960, 2008)
	case 5:
		return second + "-" + first
	}
	return first + second
}

func (a *author) domain() string {
	if a.chance(50) {
		return pick(a, []string{"gmail.com", "gmx.de", "web.de", "outlook.com", "hotmail.it", "yahoo.co.uk", "libero.it", "orange.fr", "mail.ru", "yandex.ru", "icloud.com",
			"uol.com.br", "t-online.de", "wp.pl", "ziggo.nl", "proton.me"})
	}
	return pick(a, madeSecond) + pick(a, []string{"-shop", "", "-it", "24"}) + "." + pick(a, []string{"example", "de", "com", "org", "co.id", "com.tr", "it", "fr", "in", "online", "photography", "nl", "pl"})
}

func (a *author) email() {
	lang := pick(a, authorLangs)
	user, domain := a.user(), a.domain()
	s, class := user+"@"+domain, "email-plain"
	switch {
	case a.chance(40):
		switch a.IntN(6) {
		case 0:
			s = strings.ToUpper(s)
		case 1:
			s = user + "+" + pick(a, madeSecond) + "@" + domain
		case 2:
			s = "mailto:" + s
		case 3:
			s = "<" + s + ">"
		}
	case a.chance(20):
		class = "email-idn"
		s = pick(a, []string{"jörg." + pick(a, madeSecond), user, "søren" + a.upto(1, 99), "почта", "çağla"}) + "@" +
			pick(a, []string{"büro-müller.de", "кафе.рф", "пример.рф", "señal.es", "xn--bro-hoa.de", "çiçek.com.tr", "übergrößen.example", "例え.jp"})
	case a.chance(25):
		class = "email-disguised"
		switch a.IntN(6) {
		case 0:
			s = user + " @ " + domain
		case 1:
			s = user + "\uff20" + domain
		case 2:
			s = strings.ReplaceAll(s, ".", " . ")
		case 3:
			s = user + "@" + strings.ReplaceAll(domain, ".", ",")
		case 4:
			s = user + "\u200b@\u200b" + domain
		case 5:
			s = strings.Join(strings.Split(s, ""), " ")
		}
	default:
		class = "email-spelled"
		w := pick(a, spelledAts[lang])
		if lang == "tr" || lang == "nl" || lang == "pl" {
			w = pick(a, spelledAts["en"])
		}
		s = spell(user, domain, w)
	}
	a.framed(class, lang, pick(a, emailFrames[lang]), authorHome[lang], nil, s)
}

func spell(user, domain string, w [2]string) string {
	return user + w[0] + strings.ReplaceAll(domain, ".", w[1])
}

func (a *author) emailMore() {
	lang := pick(a, []string{"tr", "nl", "pl"})
	a.framed("extra-email", lang, pick(a, emailFrames[lang]), authorHome[lang], nil, spell(a.user(), a.domain(), pick(a, spelledAts[lang])))
}

func (a *author) handle() {
	lang := pick(a, authorLangs)
	name := a.user()
	name = strings.ReplaceAll(name, "-", "_")
	if a.chance(20) {
		known := a.dial(authorHome[lang]).e164()
		if a.chance(50) {
			name = strings.ToUpper(name[:1]) + name[1:]
		}
		frame := pick(a, []string{"%", "I am %", "das bin ich: %", "soy % :)", "ask for %", "nick %"})
		a.framed("handle-own", lang, frame, authorHome[lang], []string{known, "@" + strings.ToLower(name)}, name)
		return
	}
	frame := pick(a, handleFrames[lang])
	if a.chance(35) {
		frame, name = pick(a, phoneFrames[lang]), "@"+name
	}
	a.framed("handle", lang, frame, authorHome[lang], nil, name)
}

func (a *author) link() {
	lang := pick(a, authorLangs)
	name, d := strings.ReplaceAll(a.user(), "-", "_"), a.dial(pick(a, authorRegions))
	s := pick(a, []string{"wa.me/" + d.code + d.nsn, "https://wa.me/" + d.code + d.nsn + "?text=hi", "https://api.whatsapp.com/send?phone=" + d.code + d.nsn,
		"t.me/" + name, "https://t.me/" + name, "instagram.com/" + name, "https://www.instagram.com/" + name + "/", "facebook.com/" + name, "fb.com/" + name, "m.me/" + name,
		"https://www.tiktok.com/@" + name, "telegram.me/" + name, "http://wa.me/" + d.code + d.nsn, "WA.ME/" + d.code + d.nsn, "tel:" + d.e164(),
		"mailto:" + name + "@" + a.domain(), "instagram.com/" + name + "?igshid=Zx81", "tg://resolve?domain=" + name, "whatsapp://send?phone=" + d.code + d.nsn, "linkedin.com/in/" + name,
		"x.com/" + name, "twitter.com/" + name, "snapchat.com/add/" + name})
	// Only the name or the number is secret: the address of the service tells nothing.
	secret := name
	if strings.Contains(s, d.nsn) {
		secret = d.code + d.nsn
	}
	before, after, _ := strings.Cut(a.fill(pick(a, phoneFrames[lang])), "%")
	a.say(Case{Class: "link", Lang: lang, Region: authorHome[lang], Text: Texts{before + s + after}, Secrets: []string{secret}})
}

func (a *author) negative() {
	kind := pick(a, negativeKinds)
	text := a.fill(pick(a, negativeFrames[kind]))
	class := "negative-" + kind
	if kind == "unmarked" {
		class = "extra-" + class
	}
	a.say(Case{Class: class, Lang: "", Region: pick(a, authorRegions), Text: Texts{text}, Keep: []string{text}})
}

func (a *author) chat() {
	lang := pick(a, []string{"en", "de", "it", "es", "fr", "pt", "tr", "ru", "id", "hi-Latn"})
	text := a.fill(pick(a, chatFrames[lang]))
	a.say(Case{Class: "chat-" + lang, Lang: lang, Region: authorHome[lang], Text: Texts{text}, Keep: []string{text}})
}
