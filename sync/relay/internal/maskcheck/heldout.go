package maskcheck

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// HeldOut yields the set the engine is judged on. It shares no frame, no spelling and no template with the development
// set, only the number maker. scale 1 is the full size: about 70,000 cases.
func HeldOut(seed uint64, scale float64) iter.Seq[Case] {
	return corpus("held", seed, scale, []set{
		{"phone", 20000, heldPhones}, {"own", 10000, heldOwn}, {"spoken", 3000, heldSpoken}, {"mail", 10000, heldMails},
		{"card", 5000, heldCards}, {"iban", 5000, heldIBANs}, {"handle", 5000, heldHandles}, {"negative", 10000, heldNegatives},
		{"chat", 2000, heldChats},
	})
}

var heldFrames = []struct{ lang, text string }{
	{"es", "Buenas, apunte mi móvil: % y me avisa"}, {"es", "le paso el contacto %"}, {"pt", "Bom dia! Pode ligar no % depois do almoço?"},
	{"pt", "segue o contato: %."}, {"fr", "Bonjour, joignable au % toute la journée"}, {"fr", "voici : %"}, {"ar", "رقم الجوال % شكرا"},
	{"ar", "تواصل معي على %"}, {"hi", "मेरा नंबर % है"}, {"hi", "call karo % pe bhai"}, {"ru", "Мой телефон %, звоните"}, {"ru", "пишите на %"},
	{"id", "WA saya % kak"}, {"it", "Buonasera, il cellulare di mia moglie: %"}, {"it", "per urgenze % (Anna)"}, {"pl", "Proszę dzwonić pod % po 16"},
	{"pl", "oto mój kontakt % pozdrawiam"}, {"sv", "Ring mig på % tack!"}, {"sv", "här är det: %"}, {"vi", "Gọi cho tôi số % nhé"}, {"vi", "liên hệ %"},
	{"sw", "nipigie kwa % tafadhali"}, {"sw", "namba yangu ni %"}, {"en", "reach my colleague on % if I don't answer"}, {"en", "%, that's me"}, {"en", "new one >> % <<"},
}

func heldPhoneForm(m *maker, n number) string {
	home := only(n.national)
	switch m.IntN(24) {
	case 0:
		return "tel:+" + n.code + "-" + grouped(n.subscribe, "-", 3, 4)
	case 1:
		return "(+" + n.code + ") " + grouped(n.subscribe, " ", 4, 3)
	case 2:
		return "+ " + n.code + " " + grouped(n.subscribe, " ", 2)
	case 3:
		return "＋" + script(n.e164, '０')
	case 4:
		return "+" + n.code + "\u2009" + grouped(n.subscribe, "\u2009", 3, 2, 2)
	case 5:
		return "+" + grouped(n.e164, "–", 2, 3, 4)
	case 6:
		return "00" + n.code + "/" + n.subscribe[:3] + "/" + n.subscribe[3:]
	case 7:
		return "00-" + n.code + "-" + grouped(n.subscribe, "-", 3)
	case 8:
		return "00" + n.code + "." + grouped(n.subscribe, ".", 2, 3)
	case 9:
		return spread(home, " ")
	case 10:
		return spread(home, "\u2060")
	case 11:
		return "\u202a" + n.inter + "\u202c"
	case 12:
		return strings.ReplaceAll(n.national, " ", "\u00a0")
	case 13:
		return strings.ReplaceAll(n.national, " ", "_")
	case 14:
		return "[" + home[:3] + "] " + grouped(home[3:], " ", 3, 4)
	case 15:
		return script(n.inter, one(m, '০', '௦', '๐', '០', '۰'))
	case 16:
		return script(home, one(m, '०', '٠', '𝟢', '𝟶'))
	case 17:
		return "➕" + n.code + " " + n.subscribe
	case 18:
		return n.inter
	case 19:
		return n.national
	case 20:
		return "+" + spread(n.e164, ".")
	case 21:
		return "+" + n.code + "\u00ad" + n.subscribe
	case 22:
		return grouped(home, "-", 4, 3)
	}
	return "+" + n.code + " / " + grouped(n.subscribe, " / ", 3, 3, 4)
}

func heldPhones(m *maker, count int) {
	for i := range count {
		n, ok := m.number(m.homes[(i*7)%len(m.homes)])
		if !ok || len(n.subscribe) < 7 {
			n = m.anyNumber()
		}
		form := heldPhoneForm(m, n)
		f := one(m, heldFrames...)
		text, keep := fill(f.text, form)
		m.put(Case{Class: "phone", Lang: f.lang, Region: n.region, Text: Texts{text}, Secrets: []string{form}, Keep: keep})
	}
}

var heldUnits = map[string][]string{
	"en": strings.Fields("oh one two three four five six seven eight nine"),
	"es": strings.Fields("CERO UNO DOS TRES CUATRO CINCO SEIS SIETE OCHO NUEVE"),
	"pt": strings.Fields("zero um dois tres quatro cinco meia sete oito nove"),
	"hi": strings.Fields("शून्य एक दो तीन चार पाँच छः सात आठ नौ"),
	"hl": strings.Fields("zero ek do teen char paanch che saat aath nau"),
	"id": strings.Fields("kosong satu dua tiga empat lima enam tujuh delapan sembilan"),
	"ar": strings.Fields("صفر واحد اثنان ثلاثه اربعه خمسه سته سبعه ثمانيه تسعه"),
	"de": strings.Fields("Null Eins Zwo Drei Vier Fuenf Sechs Sieben Acht Neun"),
	"it": strings.Fields("Zero Uno Due Tre Quattro Cinque Sei Sette Otto Nove"),
	"fr": strings.Fields("zero un deux trois quatre cinq six sept huit neuf"),
	"ru": strings.Fields("НОЛЬ ОДИН ДВА ТРИ ЧЕТЫРЕ ПЯТЬ ШЕСТЬ СЕМЬ ВОСЕМЬ ДЕВЯТЬ"),
}

var heldLangs = strings.Fields("en es pt hi hl id ar de it fr ru")

func (m *maker) heldWords(lang, digits string, chance int) []string {
	var out []string
	for i := 0; i < len(digits); i++ {
		switch {
		case m.IntN(100) >= chance:
			out = append(out, digits[i:i+1])
		case lang == "en" && i+2 < len(digits) && digits[i] == digits[i+1] && digits[i] == digits[i+2]:
			out = append(out, "triple "+heldUnits[lang][digits[i]-'0'])
			i += 2
		case lang == "de" && digits[i] >= '3' && i+1 < len(digits) && digits[i+1] >= '2' && m.IntN(3) == 0:
			tens := strings.Fields("- - - dreissig vierzig fuenfzig sechzig siebzig achtzig neunzig")
			out = append(out, strings.ToLower(heldUnits["de"][digits[i+1]-'0'])+"und"+tens[digits[i]-'0'])
			if digits[i+1] == '2' {
				out[len(out)-1] = "zweiund" + tens[digits[i]-'0']
			}
			i++
		case lang == "en" && digits[i] >= '2' && i+1 < len(digits) && digits[i+1] > '0' && m.IntN(3) == 0:
			tens := strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
			out = append(out, tens[digits[i]-'0']+" "+heldUnits["en"][digits[i+1]-'0'])
			i++
		default:
			out = append(out, heldUnits[lang][digits[i]-'0'])
		}
	}
	return out
}

// heldSpoken are strangers' numbers said in words: nothing is known of them.
func heldSpoken(m *maker, count int) {
	homes := map[string][]string{"en": {"US", "GB", "NG"}, "es": {"ES", "MX", "CO"}, "pt": {"BR", "PT"}, "hi": {"IN"}, "hl": {"IN"}, "id": {"ID"}, "ar": {"SA", "EG", "AE"}, "de": {"DE", "AT"}, "it": {"IT"}, "fr": {"FR", "SN"}, "ru": {"RU", "KZ"}}
	for range count {
		lang := one(m, heldLangs...)
		n := m.anyNumber(homes[lang]...)
		chance, class := 100, "worded"
		if m.IntN(2) == 0 {
			chance, class = 60, "worded-mixed"
		}
		s := strings.Join(m.heldWords(lang, one(m, only(n.national), n.e164), chance), one(m, " ", ", ", " - ", "... "))
		text, keep := fill(one(m, "%", "quick: %", "(%)", "%!!"), s)
		m.put(Case{Class: class, Lang: strings.Replace(lang, "hl", "hi", 1), Region: n.region, Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func heldOwn(m *maker, count int) {
	frames := []string{"%", ">> %", "pssst %", "aquí: %", "voilà %", "ini %", "% 👍", "вот %", "note % now"}
	for range count {
		n := m.anyNumber("DE", "FR", "ES", "PT", "BR", "AR", "CO", "EG", "MA", "SA", "IN", "PK", "ID", "MY", "PH", "RU", "UA", "PL", "SE", "KE", "US", "CA", "GB", "IT")
		form := one(m, n.e164, "00"+n.e164, only(n.national), n.subscribe)
		c := Case{Region: n.region, Lang: "en", Known: []string{"+" + n.e164}}
		put := func(class, s string) {
			text, keep := fill(one(m, frames...), s)
			c.Class, c.Text, c.Secrets, c.Keep = class, Texts{text}, []string{s}, keep
		}
		switch m.IntN(15) {
		case 0, 1:
			put("own-separators", grouped(form, one(m, "»", " · ", "+", " + ", "#", "\\", "'", "^", "¬", " :: ", "__", "--", "·", "❤️", " … ", "、", "。", "→", "%", "&", " x "), m.between(1, 3), m.between(2, 4)))
		case 2:
			put("own-separators", spread(form, one(m, " ", "\n", "*", "/", ",", "\u200d", "\u2063", "|")))
		case 3, 4:
			a, b := one(m, '௦', '౦', '೦', '൦', '០', '᠐', '꘠', '𝟎', '𝟢', '𝟶', '０', '߀', '٠'), one(m, '0', '۰', '०', '૦', '੦')
			cut := len(form) / 2
			put("own-scripts", script(form[:cut], a)+one(m, "", " ", "\u200c", "\u0338")+script(form[cut:], b))
		case 5:
			circ := strings.Map(func(r rune) rune {
				if r == '0' {
					return '⓪'
				}
				return '①' + r - '1'
			}, form)
			put("own-scripts", circ)
		case 6, 7, 8:
			c.Class = "own-split"
			for i, p := range m.cut(form, m.between(2, 4)) {
				if i > 0 && m.IntN(4) == 0 {
					c.Text = append(c.Text, one(m, "et", "y luego", "?", "👇", "sorry", "next"))
				}
				if m.IntN(5) == 0 {
					p = script(p, '٠')
				}
				c.Text, c.Secrets = append(c.Text, one(m, "", "", "-> ", "dann ")+p), append(c.Secrets, p)
			}
		case 9:
			b := []byte(form)
			slices.Reverse(b)
			put("own-reversed", grouped(string(b), one(m, "", " ", ".", "/"), 2, 3))
		case 10:
			parts := m.cut(form, 3)
			slices.Reverse(parts)
			put("own-reversed", strings.Join(parts, one(m, " ", " < ", " | ", "; ")))
		case 11, 12:
			lang := one(m, heldLangs...)
			put("own-mixed", strings.Join(m.heldWords(lang, form, one(m, 30, 50, 70)), one(m, " ", "-", " / ", ". ")))
			c.Lang = strings.Replace(lang, "hl", "hi", 1)
		case 13:
			lang := one(m, heldLangs...)
			put("own-mixed", strings.Join(m.heldWords(lang, form, 100), one(m, " ", ", ", "\n")))
			c.Lang = strings.Replace(lang, "hl", "hi", 1)
		default:
			parts := m.cut(form, m.between(2, 4))
			link := one(m, " entonces ", " und weiter mit ", " now comes ", " virgule ", " (pausa) ", " e dopo ", " baad mein ", " потом ")
			c.Class, c.Text, c.Secrets = "own-words-between", Texts{"va bene: " + strings.Join(parts, link) + " fine"}, parts
			c.Keep = []string{"va bene:", "fine"}
		}
		m.put(c)
	}
}

func heldMails(m *maker, count int) {
	for range count {
		local := one(m, "paula", "k.weber", "jp_costa", "r.kapoor", "sales", "nguyen.van", "o-petrova", "fatima88", "x.y.z", "luis+shop", "bintang_07", "giulia.b")
		domain := one(m, "gmail.com", "googlemail.com", "gmx.net", "live.com", "protonmail.com", "t-online.de", "wanadoo.fr", "bol.com.br", "virgilio.it", "yandex.ru", "rediffmail.com", "example.net", "почта.example", "bücher.example", "office.firma.example")
		plain := one(m, "gmail.com", "gmx.net", "live.com", "t-online.de", "virgilio.it", "rediffmail.com", "bol.com.br", "mein-laden.de", "acme.co.uk")
		word := func(dot, under, dash string) *strings.Replacer {
			return strings.NewReplacer(".", dot, "_", under, "-", dash)
		}
		simple := strings.NewReplacer("+", "", "_", ".").Replace(local)
		var s string
		switch m.IntN(14) {
		case 0, 1, 2:
			s = local + "@" + domain
		case 3:
			s = "<" + local + "@" + domain + ">"
		case 4:
			s = script(strings.ToUpper(local), '0') + "@" + strings.ToUpper(plain)
		case 5:
			s = local + " (a) " + plain
		case 6:
			s = simple + "_at_" + strings.ReplaceAll(plain, ".", "_dot_")
		case 7:
			s = simple + " *at* " + strings.ReplaceAll(plain, ".", " *dot* ")
		case 8:
			s = word(" punto ", " guión bajo ", " guión ").Replace(simple) + " arroba " + word(" punto ", "_", " guión ").Replace(plain)
		case 9:
			s = word(" Punkt ", " Unterstrich ", " minus ").Replace(simple) + " at " + word(" Punkt ", "_", " minus ").Replace(plain)
		case 10:
			s = word(" point ", " tiret du bas ", " tiret ").Replace(simple) + one(m, " arobase ", " arobas ") + word(" point ", "_", " tiret ").Replace(plain)
		case 11:
			s = word(" точка ", " нижнее подчеркивание ", " дефис ").Replace(simple) + " собака " + word(" точка ", "_", " дефис ").Replace(plain)
		case 12:
			s = simple + " AT " + strings.ReplaceAll(plain, ".", " DOT ")
		default:
			s = word(" punto ", " trattino basso ", " meno ").Replace(strings.ReplaceAll(simple, "-", ".")) + " chiocciola " + word(" punto ", "_", " trattino ").Replace(plain)
		}
		text, keep := fill(one(m, "%", "Adresse: %", "send the PDF to % pls", "escríbame a %", "le devis à % svp", "scrivimi: %", "отправьте на %", "an % bitte", "kirim ke % ya"), s)
		m.put(Case{Class: "email", Lang: "en", Region: one(m, "FR", "ES", "IN", "RU"), Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func heldCards(m *maker, count int) {
	for range count {
		d, sizes := m.card()
		s := one(m, d, grouped(d, " ", sizes...), grouped(d, "–", sizes...), grouped(d, "\u00a0", sizes...), grouped(d, " - ", sizes...), grouped(d, "*", sizes...), grouped(d, ":", sizes...),
			script(d, '۰'), spread(d, "-"), grouped(d, " ", 2), grouped(d, "|", sizes...), grouped(d, "\u2009", sizes...), spread(d, "."), grouped(d, " / ", sizes...))
		text, keep := fill(one(m, "%", "cobrar en la % por favor", "Kreditkarte: % CVC folgt", "carte bleue % expire 09/29", "% visa", "cartão % validade 11/30", "карта %", "kartu kredit %", "booking paid by %."), s)
		m.put(Case{Class: "card", Lang: "en", Region: one(m, "FR", "BR", "ID", "RU", ""), Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func heldIBANs(m *maker, count int) {
	upper := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('A' + m.IntN(26))
		}
		return string(b)
	}
	for range count {
		var s string
		switch m.IntN(12) {
		case 0:
			s = iban("BE", m.tail(12))
		case 1:
			s = iban("PT", m.tail(21))
		case 2:
			s = iban("PL", m.tail(24))
		case 3:
			s = iban("SE", m.tail(20))
		case 4:
			s = iban("TR", m.tail(5)+"0"+m.tail(16))
		case 5:
			s = iban("SA", m.tail(20))
		case 6:
			s = iban("AE", m.tail(19))
		case 7:
			s = iban("IE", upper(4)+m.tail(14))
		case 8:
			s = iban("RO", upper(4)+m.tail(16))
		case 9:
			s = iban("MT", upper(4)+m.tail(5)+m.tail(18))
		case 10:
			s = iban("BR", m.tail(23)+upper(1)+"1")
		default:
			s = iban("DE", m.tail(18))
		}
		s = one(m, s, grouped(s, " ", 4), grouped(s, " ", 4, 6), strings.ToLower(grouped(s, " ", 4)), grouped(s, "\u2009", 4), grouped(s, "–", 4), grouped(s, "|", 4), grouped(s, "\n", 8), grouped(s, ".", 2), spread(s, "\u200b"), script(s, '𝟎'))
		text, keep := fill(one(m, "%", "virement sur %", "transferencia a % hoy", "przelew na % dziękuję", "hesap % lütfen", "account number % thanks", "%, Inhaber: siehe oben"), s)
		m.put(Case{Class: "iban", Lang: "en", Region: one(m, "FR", "TR", "PL"), Text: Texts{text}, Secrets: []string{s}, Keep: keep})
	}
}

func heldHandles(m *maker, count int) {
	frames := map[string][]string{
		"en": {"catch me on Telegram, user %", "my IG handle: %", "Snapchat - %", "you'll find me on Instagram under %", "tiktok is %", "hit me up on insta @ %", "on discord I'm called %"},
		"de": {"bei Instagram findest du mich unter %", "mein Telegram lautet %", "Insta = %", "such auf TikTok nach %", "mein Snapchat Name ist %"},
		"it": {"cercami su Instagram: %", "il mio telegram è %", "mi chiamo % su insta", "profilo instagram %"},
		"es": {"mi usuario de telegram es %", "estoy en instagram como %", "mi ig: %", "agrégame en snapchat %"},
		"fr": {"mon compte insta : %", "retrouvez-moi sur Telegram sous %", "mon snap c'est %", "insta -> %"},
		"pt": {"meu perfil no insta é %", "me chama no telegram %", "meu tiktok: %", "me adiciona no snap %"},
	}
	for range count {
		name := one(m, "casa", "nord", "vera", "tio", "mister", "wild", "happy", "zoe", "dr", "la") + one(m, ".", "_", "__", "") + one(m, "bella", "cactus", "moda", "fotos", "bakes", "travels", "klein", "lopez", "vintage") + one(m, "", "", m.num(7, 2010), "_"+m.num(1, 99))
		lang := one(m, "en", "de", "it", "es", "fr", "pt")
		c := Case{Class: "handle", Lang: lang, Region: "ES", Secrets: []string{name}}
		switch m.IntN(6) {
		case 0:
			c.Class = "link"
			text, _ := fill(one(m, "%", "mira %", "→ % ←", "hier geht's lang: % ok?"), one(m, "https://instagram.com/%?igsh=abc", "www.t.me/%", "http://fb.com/%", "https://www.tiktok.com/@%", "m.me/%", "telegram.me/%", "https://www.snapchat.com/add/%", "https://x.com/%", "linktr.ee/%", "https://discord.gg/%"))
			c.Text, c.Keep = Texts{strings.Replace(text, "%", name, 1)}, nil
		case 1:
			text, keep := fill(one(m, "dm @% ok", "soy @%", "(@%)", "es ist @%, bis gleich", "@% 🙂"), name)
			for i, k := range keep {
				keep[i] = strings.TrimSpace(strings.Trim(k, "@"))
			}
			c.Text, c.Keep = Texts{text}, slices.DeleteFunc(keep, func(k string) bool { return len(k) < 3 })
		default:
			text, keep := fill(one(m, frames[lang]...), name)
			for i, k := range keep {
				keep[i] = strings.TrimRight(k, " @")
			}
			c.Text, c.Keep = Texts{text}, keep
		}
		m.put(c)
	}
}

func heldNegatives(m *maker, count int) {
	amount := func() string {
		n := m.between(3, 9_000_000)
		return one(m, fmt.Sprintf("%d,%02d zł", n%10000, n%100), fmt.Sprintf("%d kr", n), fmt.Sprintf("USD %d", n), fmt.Sprintf("%d.%03d COP", n/1000, n%1000), fmt.Sprintf("KSh %d", n), fmt.Sprintf("$ %d.%03d,00", n%900+1, m.IntN(1000)), fmt.Sprintf("%d dirhams", n%100000), fmt.Sprintf("₦%d", n), fmt.Sprintf("%d.%03d.000 đ", n%90+1, m.IntN(1000)), fmt.Sprintf("%d ₽", n), fmt.Sprintf("S/ %d.50", n%5000), fmt.Sprintf("%d SAR", n%100000))
	}
	for range count {
		var s, kind string
		switch m.IntN(14) {
		case 0:
			s, kind = amount(), "price"
		case 1:
			s, kind = amount()+" + "+amount(), "price"
		case 2:
			s, kind = fmt.Sprintf("%d %s %d", m.between(1, 28), one(m, "de marzo de", "janvier", "апреля", "Mei", "März", "maggio"), m.between(2024, 2031)), "date"
		case 3:
			s, kind = fmt.Sprintf("%02d/%02d - %02d/%02d/%d", m.between(1, 28), m.between(1, 12), m.between(1, 28), m.between(1, 12), m.between(2024, 2030)), "date"
		case 4:
			s, kind = fmt.Sprintf("%d-%02d-%02dT%02d:%02d:%02dZ", m.between(2020, 2030), m.between(1, 12), m.between(1, 28), m.IntN(24), m.IntN(60), m.IntN(60)), "date"
		case 5:
			s, kind = fmt.Sprintf("%02d:%02d:%02d", m.IntN(24), m.IntN(60), m.IntN(60)), "time"
		case 6:
			s, kind = one(m, "pedido n.º ", "Order ID: ", "Vorgang ", "commande numéro ", "zamówienie nr ", "booking ", "ref: ", "orden de compra ", "nº de factura ", "quote no ", "Ticket #", "заказ ")+m.digits(m.between(6, 12)), "order"
		case 7:
			s, kind = one(m, "FedEx ", "tracking # ", "número de guía ", "paczka ", "numéro de suivi ", "código de rastreio ", "AWB ", "TNT ", "Hermes ", "número de seguimiento ")+m.digits(m.between(10, 15)), "tracking"
		case 8:
			s, kind = fmt.Sprintf("%d/%d R%d", m.between(155, 255), one(m, 45, 55, 65), m.between(14, 20)), "size"
		case 9:
			s, kind = fmt.Sprintf("%d,%d x %d,%d x %d m", m.between(1, 9), m.IntN(10), m.between(1, 9), m.IntN(10), m.between(1, 9)), "size"
		case 10:
			s, kind = fmt.Sprintf("lat %d.%04d lon -%d.%04d", m.between(1, 80), m.IntN(9999), m.between(1, 170), m.IntN(9999)), "coordinates"
		case 11:
			s, kind = fmt.Sprintf("10.%d.%d.%d", m.IntN(255), m.IntN(255), m.IntN(255)), "ip"
		case 12:
			s, kind = one(m, "P/N ", "modelo ", "cod. ", "nr kat. ", "Typ ", "réf ", "Best.-Nr. ", "item ")+m.digits(4)+"-"+m.digits(m.between(2, 5)), "part"
		default:
			s, kind = m.num(1, 5000)+one(m, " ml", " cm²", " mAh", " unidades", " sztuk", " шт", " pcs/box", "GB", " lbs", " rpm", " m³", " Liter"), "measurement"
		}
		text := strings.Replace(one(m, "%", "¿% está bien?", "oui, %", "dann % bitte", "só % mesmo", "mamy %", "% then", "вот: %", "cirka %"), "%", s, 1)
		m.put(Case{Class: "negative-" + kind, Lang: "en", Region: one(m, "FR", "PL", "CO", "KE", "RU", "US", "DE", "ES"), Text: Texts{text}, Keep: []string{text}})
	}
}

var heldTalk = map[string][]string{
	"en": {"Morning, any chance of a discount if I take #n# of them?", "Received parcel today, #n# out of #n# items are broken :(", "What's the warranty? The old one lasted from 2016 to 2023.", "Could two people come on Friday #d# at #t#?", "Payment of #p# went through, thanks a lot!!!", "My flat is #n# sqm, which AC model, 9000 or 12000 BTU?", "Is it 4 for the price of 3 until #d#?", "I'm on instagram all day lol, saw your ad there"},
	"de": {"Moin, was kostet der Versand für #n# Kartons à #n# kg?", "Die Rechnung über #p# ist doppelt gekommen", "Passt der Reifen 195/65 R15 91H auch auf Baujahr 2011?", "Wir sind zu fünft, also #n# Portionen um #t# Uhr", "Steht bei euch auf Facebook nicht drin", "Ich melde mich am #d# nochmal, spätestens gegen #t#", "Hausnummer 12, dritter Stock, zweite Tür links"},
	"es": {"Buenas tardes, ¿me hacen precio por #n# cajas?", "Llegaron #n# de #n# unidades, falta el resto", "¿Cuánto vale el envío a 28013 Madrid?", "El día #d# a las #t# me viene bien", "Ya pagué los #p#, gracias", "Somos cuatro o cinco, aún no sé", "vi su tienda en Instagram, muy bonita"},
	"fr": {"Bonsoir, un prix pour #n# cartons svp ?", "J'ai reçu #n# sur #n# articles", "Livraison possible à 69003 Lyon ?", "Le #d# vers #t# c'est parfait", "Virement de #p# effectué", "On sera six ou sept, je confirme", "vu sur votre Facebook, très joli"},
	"it": {"Buonasera, uno sconto per #n# scatole?", "Arrivati #n# pezzi su #n#", "Spedite a 20121 Milano?", "Il #d# alle #t# va benissimo", "Bonifico di #p# fatto", "Siamo in quattro o cinque", "ho visto il post su Instagram, bellissimo"},
	"pt": {"Boa tarde, tem desconto para #n# caixas?", "Chegaram #n# de #n# peças", "Entrega em 01310-100 São Paulo?", "Dia #d# às #t# está ótimo", "Pix de #p# enviado", "Somos quatro ou cinco pessoas", "vi no Instagram de vocês, lindo demais"},
	"pl": {"Dzień dobry, jaki rabat za #n# sztuk?", "Doszło #n# z #n# paczek", "Wysyłka do 00-950 Warszawa?", "Pasuje #d# o #t#", "Przelew #p# zrobiony", "Rozmiar 38 czy 40?"},
	"nl": {"Goedemiddag, wat kost verzending van #n# dozen?", "Ik kreeg #n# van de #n# stuks", "Bezorgen in 1012 AB Amsterdam?", "Op #d# rond #t# is prima", "Betaling van #p# is gedaan", "We zijn met vier of vijf"},
}

func heldChats(m *maker, count int) {
	langs := strings.Fields("en de es fr it pt pl nl")
	homes := map[string]string{"en": "GB", "de": "AT", "es": "MX", "fr": "BE", "it": "CH", "pt": "PT", "pl": "PL", "nl": "NL"}
	for i := range count {
		lang := langs[i%len(langs)]
		var lines []string
		for range m.between(1, 4) {
			t := one(m, heldTalk[lang]...)
			for strings.Contains(t, "#n#") {
				t = strings.Replace(t, "#n#", m.num(2, 480), 1)
			}
			t = strings.Replace(t, "#d#", one(m, fmt.Sprintf("%d.%d.", m.between(1, 28), m.between(1, 12)), fmt.Sprintf("%02d/%02d", m.between(1, 28), m.between(1, 12)), fmt.Sprintf("%d.%02d.%d", m.between(1, 28), m.between(1, 12), m.between(2025, 2030))), 1)
			t = strings.Replace(t, "#t#", one(m, fmt.Sprintf("%d:%02d", m.between(8, 20), m.IntN(60)), fmt.Sprintf("%d", m.between(8, 20)), fmt.Sprintf("%d.30", m.between(8, 20))), 1)
			t = strings.Replace(t, "#p#", one(m, fmt.Sprintf("%d,%02d €", m.between(10, 9999), m.IntN(100)), fmt.Sprintf("€%d.%02d", m.between(10, 999), m.IntN(100)), fmt.Sprintf("%d.%03d,50 EUR", m.between(1, 90), m.IntN(1000)), fmt.Sprintf("%d zł", m.between(10, 9999))), 1)
			lines = append(lines, t)
		}
		text := strings.Join(lines, one(m, "\n", " ", "\n\n"))
		m.put(Case{Class: "chat", Lang: lang, Region: homes[lang], Text: Texts{text}, Keep: []string{text}})
	}
}
