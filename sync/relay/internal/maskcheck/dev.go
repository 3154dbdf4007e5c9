package maskcheck

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Development yields the set the engine is tuned on. scale 1 is the full size: about 120,000 cases.
func Development(seed uint64, scale float64) iter.Seq[Case] {
	return corpus("dev", seed, scale, []set{
		{"phone", 58000, devPhones}, {"own", 10000, devOwn}, {"mail", 10000, devMails}, {"card", 5000, devCards},
		{"iban", 5000, devIBANs}, {"handle", 5000, devHandles}, {"negative", 30000, devNegatives}, {"chat", 2000, devChats},
	})
}

var devFrames = []struct{ lang, text string }{
	{"en", "%"}, {"en", "my number is %, thanks"}, {"en", "Hi, please call me back at % tomorrow"}, {"de", "Sie erreichen mich unter % ab 17 Uhr"},
	{"de", "Handy: %"}, {"de", "Guten Tag,\n%\nMit freundlichen Grüßen"}, {"it", "il mio numero è % grazie"}, {"it", "chiamami al %, ciao!"},
	{"es", "mi número es %, gracias"}, {"fr", "appelez-moi au % svp"}, {"pt", "meu zap: %"}, {"en", "(%)"},
	{"id", "hubungi saya di % ya"}, {"tr", "numaram % teşekkürler"}, {"en", "%\nok?"}, {"nl", "bel me op % graag"},
	{"en", "WhatsApp %!"}, {"de", "Tel.%"},
}

// phoneForms writes a number in twenty ways.
func phoneForms(m *maker, n number) (string, string) {
	switch k := m.IntN(22); k {
	case 0:
		return "+" + n.e164, "e164"
	case 1:
		return n.inter, "inter"
	case 2:
		return n.national, "national"
	case 3:
		return "00" + n.e164, "zeros"
	case 4:
		return strings.ReplaceAll(n.inter, " ", "."), "dots"
	case 5:
		return strings.ReplaceAll(n.inter, " ", "-"), "dashes"
	case 6:
		return only(n.national), "digits"
	case 7:
		return strings.ReplaceAll(n.national, " ", "."), "ndots"
	case 8:
		return strings.ReplaceAll(n.national, " ", " / "), "slashes"
	case 9:
		if trunk := only(n.national); strings.HasPrefix(trunk, "0") && n.code != "39" {
			return "+" + n.code + " (0)" + grouped(n.subscribe, " ", 3, 4), "bracket0"
		}
		return n.inter, "inter"
	case 10:
		return n.e164, "noplus"
	case 11:
		return script(n.inter, '０'), "fullwidth"
	case 12:
		return script(only(n.national), '٠'), "arabic"
	case 13:
		return spread(only(n.national), "\u200b"), "zerowidth"
	case 14:
		return grouped(only(n.national), " ", 2), "pairs"
	case 15:
		return "+" + n.code + " " + grouped(n.subscribe, " ", 3), "triples"
	case 16:
		return spread(only(n.national), "\ufe0f\u20e3") + "\ufe0f\u20e3", "keycaps"
	case 17:
		return "+" + grouped(n.e164, one(m, "_", "*", "|", "~"), 2, 3), "odd"
	case 18:
		return script(n.inter, one(m, '𝟎', '𝟘', '०', '۰', '০')), "math"
	case 19:
		return "00 " + n.code + " " + grouped(n.subscribe, "\u00a0", 3), "nbsp"
	case 20:
		return strings.ReplaceAll(n.inter, " ", "\n"), "lines"
	default:
		return "+" + n.code + "(" + n.subscribe[:2] + ")" + n.subscribe[2:], "area"
	}
}

func devPhones(m *maker, count int) {
	for i := range count {
		n, ok := m.number(m.homes[i%len(m.homes)])
		if !ok || len(n.subscribe) < 7 {
			n = m.anyNumber()
		}
		form, _ := phoneForms(m, n)
		f := one(m, devFrames...)
		text, keep := fill(f.text, form)
		c := Case{Class: "phone", Lang: f.lang, Region: n.region, Text: Texts{text}, Secrets: []string{form}, Keep: keep}
		if m.IntN(8) == 0 && (strings.HasPrefix(form, "+") || strings.HasPrefix(form, "00")) {
			c.Region = one(m, "DE", "US", "IN", "BR", "")
		}
		m.put(c)
	}
}

var devUnits = map[string][]string{
	"en": strings.Fields("zero one two three four five six seven eight nine"),
	"de": strings.Fields("null eins zwei drei vier fünf sechs sieben acht neun"),
	"es": strings.Fields("cero uno dos tres cuatro cinco seis siete ocho nueve"),
	"pt": strings.Fields("zero um dois três quatro cinco seis sete oito nove"),
	"it": strings.Fields("zero uno due tre quattro cinque sei sette otto nove"),
	"fr": strings.Fields("zéro un deux trois quatre cinq six sept huit neuf"),
	"ru": strings.Fields("ноль один два три четыре пять шесть семь восемь девять"),
	"id": strings.Fields("nol satu dua tiga empat lima enam tujuh delapan sembilan"),
	"hi": strings.Fields("शून्य एक दो तीन चार पांच छह सात आठ नौ"),
	"hl": strings.Fields("shunya ek do teen char paanch chhah saat aath nau"),
	"ar": strings.Fields("صفر واحد اثنين ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة"),
	"tr": strings.Fields("sıfır bir iki üç dört beş altı yedi sekiz dokuz"),
	"nl": strings.Fields("nul een twee drie vier vijf zes zeven acht negen"),
}

var devLangs = strings.Fields("en de es pt it fr ru id hi hl ar tr nl")

func sayDigits(units []string, digits string) []string {
	var out []string
	for _, d := range digits {
		out = append(out, units[d-'0'])
	}
	return out
}

// pairs says digits two by two, as the language does, from 21 to 99.
func sayPairs(lang, digits string) []string {
	units := devUnits[lang]
	tens := map[string][]string{
		"en": strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety"),
		"de": strings.Fields("- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"),
		"es": strings.Fields("- - veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa"),
		"it": strings.Fields("- - venti trenta quaranta cinquanta sessanta settanta ottanta novanta"),
		"pt": strings.Fields("- - vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"),
		"fr": strings.Fields("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt"),
		"ru": strings.Fields("- - двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"),
		"tr": strings.Fields("- - yirmi otuz kırk elli altmış yetmiş seksen doksan"),
		"id": nil,
	}[lang]
	french := strings.Fields("dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf")
	var out []string
	for len(digits) > 0 {
		if len(digits) == 1 || digits[0] < '2' || tens == nil {
			out, digits = append(out, units[digits[0]-'0']), digits[1:]
			continue
		}
		t, u := digits[0]-'0', digits[1]-'0'
		digits = digits[2:]
		word := tens[t]
		switch {
		case lang == "fr" && (t == 7 || t == 9):
			word += "-" + french[u]
		case u == 0:
		case lang == "de":
			one := units[u]
			if u == 1 {
				one = "ein"
			}
			word = one + "und" + word
		case lang == "en":
			word += "-" + units[u]
		case lang == "es":
			word += " y " + units[u]
		case lang == "pt":
			word += " e " + units[u]
		case lang == "it":
			if u == 1 || u == 8 {
				word = word[:len(word)-1]
			}
			word += units[u]
		case lang == "fr" && u == 1 && t < 8:
			word += " et un"
		case lang == "fr":
			word += "-" + units[u]
		default:
			word += " " + units[u]
		}
		out = append(out, word)
	}
	return out
}

var ownFrames = []string{"%", "hier %", "my number: %", "so: % ok", "ja %, danke", "è %", "sí, %", "% bitte", "write down: %", "je suis au %"}

func devOwn(m *maker, count int) {
	for range count {
		n := m.anyNumber("DE", "US", "GB", "IT", "ES", "FR", "BR", "IN", "ID", "SA", "RU", "TR", "NL", "MX", "CH", "AT", "PL", "AE", "NG", "ZA")
		home := only(n.national)
		base := one(m, n.e164, "00"+n.e164, home, n.subscribe)
		c := Case{Region: n.region, Lang: "en", Known: []string{n.e164}}
		single := func(class, s string) {
			text, keep := fill(one(m, ownFrames...), s)
			c.Class, c.Text, c.Secrets, c.Keep = class, Texts{text}, []string{s}, keep
		}
		switch k := m.IntN(20); k {
		case 0, 1:
			seps := []string{" ", "-", ".", " / ", "_", ",", "–", "|", "*", " . ", "\n", "...", " - ", ":", ";", "~", "=", "🙂", "•", "\t"}
			single("own-separators", grouped(base, one(m, seps...), m.between(1, 4), m.between(1, 4)))
		case 2, 3:
			zero := one(m, '٠', '۰', '०', '০', '０', '𝟎', '𝟘', '𝟬', '๐', '໐', '၀', '០')
			s := script(base, zero)
			if m.IntN(2) == 0 {
				s = script(grouped(base, one(m, " ", "-", "\u200b", "\u00a0", "\u0301", "\u20e3"), 3), zero)
			}
			single("own-scripts", s)
		case 4, 5, 6: // split over messages
			parts := m.cut(base, m.between(2, 4))
			c.Class = "own-split"
			for i, p := range parts {
				switch {
				case m.IntN(3) == 0:
					p = p + one(m, "", " ", "...", " und", " dann", ",")
				case i == 0 && m.IntN(2) == 0:
					c.Text = append(c.Text, one(m, "ok", "my number", "warte", "moment"))
				}
				c.Text = append(c.Text, p)
				c.Secrets = append(c.Secrets, strings.TrimRight(p, " .,abcdefghijklmnopqrstuvwxyz"))
			}
		case 7: // reversed
			r := []byte(base)
			slices.Reverse(r)
			s := string(r)
			if m.IntN(2) == 0 {
				s = grouped(s, one(m, " ", "-", "."), 3)
			}
			single("own-reversed", s)
		case 8: // groups in reverse
			parts := m.cut(base, m.between(3, 4))
			slices.Reverse(parts)
			single("own-groups-reversed", strings.Join(parts, one(m, " ", " - ", ", ", "/")))
		case 9, 10:
			lang := one(m, devLangs...)
			c.Lang = lang
			single("own-worded", strings.Join(sayDigits(devUnits[lang], base), one(m, " ", ", ", "-", " - ", "\n", ". ")))
		case 11, 12:
			lang := one(m, "en", "de", "es", "it", "pt", "fr", "ru", "tr")
			c.Lang = lang
			single("own-pairs", strings.Join(sayPairs(lang, base), one(m, " ", ", ")))
		case 13, 14, 15:
			lang := one(m, devLangs...)
			c.Lang = lang
			words := devUnits[lang]
			var out []string
			for _, d := range base {
				if m.IntN(2) == 0 {
					out = append(out, words[d-'0'])
				} else {
					out = append(out, string(d))
				}
			}
			single("own-mixed", strings.Join(out, one(m, " ", "-", ", ")))
		case 16: // words between
			parts := m.cut(base, m.between(3, 4))
			c.Class = "own-words-between"
			links := one(m, []string{" then ", " and then ", " dann ", " y luego ", " e poi ", " puis "}, []string{" after that comes ", " danach kommt noch ", " followed by "},
				[]string{" (wait) ", " ... moment ... ", " hmm, "})
			c.Text, c.Secrets = Texts{"it starts " + strings.Join(parts, one(m, links...)) + " done"}, parts
			c.Keep = []string{"it starts", "done"}
		case 17: // listed
			parts := m.cut(base, 3)
			c.Class = "own-listed"
			c.Text, c.Secrets = Texts{"1) " + parts[0] + "\n2) " + parts[1] + "\n3) " + parts[2]}, parts
		case 18:
			look := strings.NewReplacer("0", one(m, "O", "o", "О"), "1", one(m, "l", "I", "1"), "5", one(m, "S", "5"), "8", one(m, "B", "8"))
			single("own-lookalike", grouped(look.Replace(base), one(m, "", " ", "-"), 3, 4))
		default:
			lang := one(m, "en", "de", "es", "it")
			c.Lang = lang
			words := map[string]string{"en": "double ", "de": "doppel ", "es": "doble ", "it": "doppio "}
			var out []string
			for i := 0; i < len(base); i++ {
				if i+1 < len(base) && base[i] == base[i+1] {
					out = append(out, words[lang]+devUnits[lang][base[i]-'0'])
					i++
					continue
				}
				out = append(out, devUnits[lang][base[i]-'0'])
			}
			single("own-doubles", strings.Join(out, " "))
		}
		if c.Lang == "hl" {
			c.Lang = "hi"
		}
		m.put(c)
	}
}

// cut cuts digits into parts of two or more.
func (m *maker) cut(digits string, parts int) []string {
	parts = min(parts, len(digits)/2)
	var out []string
	for ; parts > 1; parts-- {
		n := m.between(2, max(2, len(digits)-2*(parts-1)))
		n = min(n, max(2, len(digits)/parts+1))
		out, digits = append(out, digits[:n]), digits[n:]
	}
	return append(out, digits)
}

func devMails(m *maker, count int) {
	names := strings.Fields("max anna jose maria john lucia pierre ivan priya ahmed budi ayse karl sofia tom info kontakt office")
	lasts := strings.Fields("muster roe rossi garcia silva dupont petrov sharma hassan santoso yilmaz bakker")
	for range count {
		local := one(m, names...)
		switch m.IntN(5) {
		case 0:
			local += "." + one(m, lasts...)
		case 1:
			local += "_" + one(m, lasts...)
		case 2:
			local += m.num(1, 99)
		case 3:
			local += "-" + one(m, lasts...)
		}
		host := one(m, "gmail.com", "gmx.de", "outlook.com", "yahoo.it", "libero.it", "firma.example", "web.de", "hotmail.fr", "uol.com.br", "yandex.ru", "mail.ru", "proton.me", "orange.fr", "icloud.com", "example.org", "müller-bau.example", "shop24.example", "mail.firma.example")
		spelledHost := one(m, "gmail.com", "gmx.de", "outlook.com", "libero.it", "hotmail.com", "web.de", "yahoo.com", "firma.de", "uol.com.br", "studio-rossi.it", "mail.ru", "icloud.com", "my-shop.com")
		lang := "en"
		s := local + "@" + host
		switch k := m.IntN(16); k {
		case 0, 1, 2, 3:
		case 4:
			s = strings.ToUpper(s)
		case 5:
			s = local + " @ " + spelledHost
		case 6:
			s = local + one(m, "(at)", "[at]", " (at) ", "{at}", "<at>", " [AT] ") + strings.ReplaceAll(spelledHost, ".", one(m, ".", "(dot)", "[dot]", " (dot) ", " dot "))
		case 7:
			s = strings.NewReplacer(".", " dot ", "_", " underscore ", "-", " dash ").Replace(local) + " at " + strings.ReplaceAll(spelledHost, ".", " dot ")
		case 8:
			lang = "de"
			s = strings.NewReplacer(".", " punkt ", "_", " unterstrich ", "-", " bindestrich ").Replace(local) + " ät " + strings.ReplaceAll(spelledHost, ".", " punkt ")
		case 9:
			lang = "it"
			s = strings.NewReplacer(".", " punto ", "_", " trattino basso ", "-", " trattino ").Replace(local) + " chiocciola " + strings.ReplaceAll(spelledHost, ".", " punto ")
		case 10:
			lang = one(m, "es", "pt")
			dot := map[string]string{"es": " punto ", "pt": " ponto "}[lang]
			s = strings.NewReplacer(".", dot, "_", " guion bajo ").Replace(local) + " arroba " + strings.ReplaceAll(spelledHost, ".", dot)
		case 11:
			lang = "fr"
			s = strings.NewReplacer(".", " point ", "_", " tiret bas ").Replace(local) + " arobase " + strings.ReplaceAll(spelledHost, ".", " point ")
		case 12:
			switch lang = one(m, "ru", "ar", "hi", "id", "tr", "nl"); lang {
			case "ru":
				s = local + " собака " + strings.ReplaceAll(spelledHost, ".", " точка ")
			case "ar":
				s = local + " آت " + strings.ReplaceAll(spelledHost, ".", " دوت ")
			case "hi":
				s = local + one(m, " at the rate ", " एट ") + strings.ReplaceAll(spelledHost, ".", one(m, " dot ", " डॉट "))
			case "id":
				s = local + " at " + strings.ReplaceAll(spelledHost, ".", " titik ")
			case "tr":
				s = local + " et " + strings.ReplaceAll(spelledHost, ".", " nokta ")
			case "nl":
				s = local + " apenstaartje " + strings.ReplaceAll(spelledHost, ".", " punt ")
			}
		case 13:
			s = strings.NewReplacer("@", one(m, "＠", "@\u200b", "\u200d@", "﹫")).Replace(s)
		case 14:
			s = spread(local+"@"+spelledHost, " ")
		default:
			s = one(m, local+"@gmail", local+"@hotmail", local+"%40"+spelledHost, local+"@gmail,com", local+" at gmail com", "mailto:"+s)
		}
		f := one(m, "%", "Meine Mail: %", "you can write to % please", "email %", "la mia mail è %, grazie", "mi correo: %", "%\nok", "mon mail %")
		text, keep := fill(f, s)
		m.put(Case{Class: "email", Lang: lang, Region: one(m, "DE", "IT", "US", "BR"), Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func (m *maker) card() (string, []int) {
	switch m.IntN(6) {
	case 0:
		return luhn("37" + m.tail(12)), []int{4, 6, 5}
	case 1:
		return luhn("5" + m.num(1, 5) + m.tail(13)), []int{4}
	case 2:
		return luhn(m.num(2221, 2720) + m.tail(11)), []int{4}
	case 3:
		return luhn("6011" + m.tail(11)), []int{4}
	case 4:
		return luhn("3528" + m.tail(11)), []int{4}
	}
	return luhn("4" + m.tail(14)), []int{4}
}

func devCards(m *maker, count int) {
	frames := []string{"%", "Karte %", "my card is % exp 12/27", "card number: %", "la carta % scade 05/28", "tarjeta % gracias", "pay with %.", "order paid with %", "mon numéro de carte %"}
	for range count {
		d, sizes := m.card()
		s := one(m, d, grouped(d, " ", sizes...), grouped(d, "-", sizes...), grouped(d, ".", sizes...), grouped(d, "  ", sizes...), grouped(d, "/", sizes...),
			grouped(d, "_", sizes...), grouped(d, ", ", sizes...), script(grouped(d, " ", sizes...), '٠'), spread(d, " "), spread(d, "\u200b"), grouped(d, "\n", sizes...), script(d, '０'))
		text, keep := fill(one(m, frames...), s)
		m.put(Case{Class: "card", Lang: "en", Region: one(m, "DE", "US", "IT", ""), Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func devIBANs(m *maker, count int) {
	frames := []string{"%", "IBAN %", "IBAN: % danke", "please refund to %, thanks", "il mio IBAN è %", "Konto %\nBank: Beispielbank", "cuenta %"}
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('A' + m.IntN(26))
		}
		return string(b)
	}
	for range count {
		var s string
		switch m.IntN(9) {
		case 0, 1:
			s = iban("DE", m.tail(18))
		case 2:
			s = iban("IT", letters(1)+m.tail(22))
		case 3:
			s = iban("FR", m.tail(23))
		case 4:
			s = iban("ES", m.tail(20))
		case 5:
			s = iban("GB", letters(4)+m.tail(14))
		case 6:
			s = iban("NL", letters(4)+m.tail(10))
		case 7:
			s = iban("AT", m.tail(16))
		default:
			s = iban(one(m, "CH", "LI"), m.tail(17))
		}
		s = one(m, s, grouped(s, " ", 4), grouped(s, "-", 4), strings.ToLower(s), grouped(s, ".", 4), grouped(s, "  ", 4), grouped(s, "\u00a0", 4), script(s, '０'),
			grouped(s, " - ", 4), grouped(s, "/", 4), grouped(s, "_", 4), s[:2]+" "+grouped(s[2:], " ", 4))
		text, keep := fill(one(m, frames...), s)
		m.put(Case{Class: "iban", Lang: "en", Region: one(m, "DE", "IT", "FR"), Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func devHandles(m *maker, count int) {
	heads := strings.Fields("max anna lucky blue studio pixel jo lena marco kiki foto art the real mr miss")
	tails := strings.Fields("muster design art photo love style rossi world fit music tattoo")
	frames := map[string][]string{
		"en": {"my insta is %", "add me on telegram: %", "insta: %", "find me on snapchat as %", "I'm % on instagram", "follow me on ig %", "tg %", "DM me on insta %"},
		"de": {"mein insta ist %", "auf Instagram heiße ich %", "insta: %", "ich bin auf Telegram: %", "schreib mir auf snap: %", "folgt mir auf insta, %", "ich bin % auf insta"},
		"it": {"il mio insta è %", "su instagram sono %", "mi trovi su telegram come %", "instagram: %", "sono % su tiktok"},
		"es": {"mi insta es %", "en instagram soy %", "telegram: %", "sígueme en insta %", "búscame en tiktok como %"},
		"fr": {"mon insta c'est %", "sur instagram je suis %", "snap : %", "ajoute moi sur snap %", "mon telegram est %"},
		"pt": {"meu insta é %", "no instagram sou %", "insta: %", "me segue no insta %", "meu telegram: %"},
	}
	hosts := strings.Fields("instagram.com/ t.me/ https://t.me/ https://www.instagram.com/ facebook.com/ https://wa.me/ tiktok.com/@ snapchat.com/add/ https://m.me/ signal.me/#eu/ twitter.com/ linkedin.com/in/")
	for range count {
		name := one(m, heads...) + one(m, "_", ".", "") + one(m, tails...)
		if m.IntN(2) == 0 {
			name += m.num(1, 999)
		}
		lang := one(m, "en", "de", "it", "es", "fr", "pt")
		c := Case{Class: "handle", Lang: lang, Region: "DE", Secrets: []string{name}}
		switch m.IntN(4) {
		case 0:
			host := one(m, hosts...)
			if strings.Contains(host, "wa.me") {
				name = m.anyNumber().e164
				c.Secrets = []string{name}
			}
			text, keep := fill(one(m, "look at % please", "%", "hier: %", "ciao % grazie"), host+name)
			c.Text, c.Keep, c.Class = Texts{text}, keep, "link"
		case 1:
			text, keep := fill(one(m, "%", "ich bin %", "write me % there", "soy % !", "cerca % grazie"), "@"+name)
			c.Text, c.Keep = Texts{text}, keep
		default:
			text, keep := fill(one(m, frames[lang]...), name)
			c.Text, c.Keep = Texts{text + one(m, "", "", "!", ".")}, keep
		}
		if utf8.RuneCountInString(c.Secrets[0]) < 3 {
			continue
		}
		m.put(c)
	}
}
