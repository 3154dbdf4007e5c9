package maskcheck

import (
	"fmt"
	"strings"
)

func (m *maker) date() string {
	d, mo, y := m.between(1, 28), m.between(1, 12), m.between(2019, 2031)
	return one(m, fmt.Sprintf("%02d.%02d.%d", d, mo, y), fmt.Sprintf("%d/%d/%d", d, mo, y), fmt.Sprintf("%d-%02d-%02d", y, mo, d), fmt.Sprintf("%02d/%02d/%02d", mo, d, y%100),
		fmt.Sprintf("%d.%d.", d, mo), fmt.Sprintf("%02d.%02d.%02d", d, mo, y%100))
}

func (m *maker) clock() string {
	h, mi := m.between(7, 21), one(m, 0, 15, 30, 45)
	return one(m, fmt.Sprintf("%d:%02d", h, mi), fmt.Sprintf("%02d:%02d", h, mi), fmt.Sprintf("%d.%02d", h, mi), fmt.Sprintf("%dh%02d", h, mi))
}

func (m *maker) price() string {
	n := m.between(5, 99999)
	c := m.between(0, 99)
	thousands := func(sep string) string {
		if n < 1000 {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%d%s%03d", n/1000, sep, n%1000)
	}
	return one(m, fmt.Sprintf("%s,%02d €", thousands("."), c), fmt.Sprintf("$%s.%02d", thousands(","), c), fmt.Sprintf("%d€", n), fmt.Sprintf("€ %s,-", thousands(".")),
		fmt.Sprintf("CHF %s.%02d", thousands("'"), c), fmt.Sprintf("R$ %s,%02d", thousands("."), c), fmt.Sprintf("Rp %d.%03d.000", m.between(1, 90), n%1000), fmt.Sprintf("₹%d,%02d,%03d", m.between(1, 9), c, n%1000),
		fmt.Sprintf("%s EUR", thousands(" ")), fmt.Sprintf("£%d", n), fmt.Sprintf("%d %03d руб", m.between(1, 99), n%1000), fmt.Sprintf("%d.%03d TL", m.between(1, 99), n%1000), fmt.Sprintf("%d AED", n))
}

// clean makes one thing that looks like numbers and is nobody's.
func (m *maker) clean() (string, string) {
	switch m.IntN(20) {
	case 0:
		return m.price(), "price"
	case 1:
		return m.price() + one(m, " statt ", " instead of ", " invece di ", " en vez de ") + m.price(), "price"
	case 2:
		return m.date(), "date"
	case 3:
		return m.date() + " " + one(m, "um ", "at ", "alle ", "") + m.clock(), "date"
	case 4:
		return m.clock() + one(m, "-", " - ", "–", " to ", " bis ") + m.clock(), "time"
	case 5:
		return one(m, "order #", "Order no. ", "Bestellung ", "Bestellnummer ", "ordine n. ", "pedido ", "pedido nº ", "commande n° ", "Auftrag ", "sipariş no ", "pesanan ", "заказ № ", "طلب رقم ") + m.digits(m.between(5, 12)), "order"
	case 6:
		return one(m, "invoice ", "Rechnung Nr. ", "Rechnungsnummer: ", "fattura ", "factura ", "facture ", "fatura ", "RE-", "INV-", "счёт № ", "fatura no ") + m.digits(m.between(6, 11)), "order"
	case 7:
		return m.num(20, 250) + one(m, "x", " x ", "×", "*") + m.num(20, 250) + one(m, "x", " x ", "×", "*") + m.num(10, 90) + one(m, " cm", " mm", "cm"), "size"
	case 8:
		return one(m, "Gr. ", "size ", "taglia ", "talla ", "taille ") + m.num(34, 56) + one(m, "", "/"+m.num(30, 36)), "size"
	case 9:
		return fmt.Sprintf("%d.%05d, %d.%05d", m.between(1, 70), m.IntN(99999), m.between(1, 150), m.IntN(99999)), "coordinates"
	case 10:
		return fmt.Sprintf("%d°%02d'%02d.%d\"N %d°%02d'%02d.%d\"E", m.between(1, 80), m.IntN(60), m.IntN(60), m.IntN(9), m.between(1, 150), m.IntN(60), m.IntN(60), m.IntN(9)), "coordinates"
	case 11:
		return one(m, "tracking 1Z", "UPS 1Z", "1Z") + "999AA1" + m.digits(10), "tracking"
	case 12:
		return one(m, "DHL ", "Sendungsnummer ", "tracking number ", "spedizione ", "envío ", "colis ", "Paket ", "rastreio ", "трек ", "kargo takip no ", "resi ") + one(m, m.digits(12), "00340434"+m.tail(12), "JD01"+m.digits(14), "RR"+m.digits(9)+"DE", m.digits(14)), "tracking"
	case 13:
		return one(m, "Art.-Nr. ", "SKU ", "part no. ", "Artikel ", "modello ", "ref. ", "référence ", "Teilenummer ", "código ") + one(m, m.digits(m.between(5, 9)), m.digits(3)+"."+m.digits(3)+"."+m.digits(2), m.digits(2)+"-"+m.digits(4)+"-"+m.digits(3)), "part"
	case 14:
		return one(m, "WP", "BX-", "KT", "AB-", "SM-G", "BS", "LS-") + m.digits(m.between(3, 7)), "part"
	case 15:
		return fmt.Sprintf("192.168.%d.%d", m.IntN(255), m.IntN(255)), "ip"
	case 16:
		return m.num(1, 900) + one(m, " kg", " g", " kWh", " W", " l", " m²", " km", " bar", " Stück", " pcs", " pz", "ml", " litros", " m", "kW"), "measurement"
	case 17:
		return m.num(1, 99) + one(m, ",", ".") + m.num(1, 99) + one(m, " %", " kg", " m", "%"), "measurement"
	case 18:
		return one(m, "EAN ", "GTIN: ", "ISBN ", "barcode ", "Seriennummer ", "S/N ", "IMEI ", "Kundennummer ", "customer no. ", "Zählernummer ", "matricola ") + m.digits(m.between(8, 13)), "part"
	default:
		return one(m, "PLZ ", "CAP ", "zip ", "", "code postal ") + m.digits(5) + one(m, " München", " Roma", " Springfield", " Lyon"), "place"
	}
}

func devNegatives(m *maker, count int) {
	frames := []string{"%", "ok %", "Das macht %.", "we have % for you", "è % va bene?", "son % en total", "c'est % merci", "são % certo?", "bitte % notieren", "% or later", "tomorrow %", "siehe %", "itu %"}
	for range count {
		s, kind := m.clean()
		if m.IntN(4) == 0 {
			other, _ := m.clean()
			s += one(m, ", ", " und ", " and ", "; ", "\n") + other
		}
		f := one(m, frames...)
		text := strings.Replace(f, "%", s, 1)
		m.put(Case{Class: "negative-" + kind, Lang: "en", Region: one(m, "DE", "US", "IT", "ES", "FR", "BR", "GB", "IN", "ID", "TR"), Text: Texts{text}, Keep: []string{text}})
	}
}

var devTalk = map[string][]string{
	"en": {"Hi! Is the {item} still available? I'd need {n} pieces by {date}.", "Great, so {n} x {item} at {price} each, total {price}. Deal?", "Could you deliver on {date} between {clock} and {clock}?",
		"My order {order} hasn't arrived, tracking says {track}.", "The table is {size}, will it fit a room of {n} m²?", "We open at {clock}, see you at {clock} then!", "I paid {price} on {date}, invoice {order} 😊",
		"Do you have size {n} or {n}? Two of the black one and one of the blue one please.", "one two three, testing, does this thing work? 😂", "Dot the i's: {n} percent off until {date}, right?", "The discount code is SUMMER{n}, {n}% off above {price}",
		"I'll be at the shop around {clock}, look at the photo", "at 5 or at 6? {clock} works best, {n} people", "please check the link https://shop.example/p/{n}?id={n}"},
	"de": {"Hallo, ist der {item} noch da? Ich bräuchte {n} Stück bis {date}.", "Super, dann {n} x {item} zu je {price}, macht {price}.", "Können Sie am {date} zwischen {clock} und {clock} liefern?", "Meine Bestellung {order} ist noch nicht da, Sendung {track}.",
		"Der Tisch hat {size}, passt das in {n} m²?", "Wir haben ab {clock} Uhr offen, bis {clock} Uhr dann!", "Ich habe {price} am {date} überwiesen, Rechnung {order} 👍", "Haben Sie Größe {n} oder {n}? Zwei in schwarz, eins in blau bitte.",
		"Der Zähler steht bei {n}{n} kWh, Baujahr 2009, {n} kW", "Punkt {clock} geht es los, an der Ecke", "Ein, zwei Fragen noch: Garantie {n} Jahre? Und Lieferung in {n} bis {n} Tagen?"},
	"it": {"Ciao, avete ancora il {item}? Me ne servono {n} entro il {date}.", "Perfetto, {n} x {item} a {price} l'uno, totale {price}.", "Potete consegnare il {date} tra le {clock} e le {clock}?", "Il mio ordine {order} non è arrivato, spedizione {track}",
		"Le misure sono {size}, va bene?", "Ho pagato {price} il {date}, fattura {order}", "Due o tre colori? Uno blu e uno nero, taglia {n}", "Sei di Roma? Noi siamo aperti dalle {clock} alle {clock}"},
	"es": {"Hola, ¿tienen el {item}? Necesito {n} para el {date}.", "Perfecto, {n} x {item} a {price}, total {price}.", "¿Entregan el {date} entre las {clock} y las {clock}?", "Mi pedido {order} no ha llegado, envío {track}",
		"Medidas {size}, ¿caben?", "Pagué {price} el {date}, factura {order}", "Uno o dos? Talla {n} en rojo", "Abren a las {clock}? somos {n} personas"},
	"fr": {"Bonjour, avez-vous encore le {item} ? Il m'en faut {n} avant le {date}.", "Parfait, {n} x {item} à {price}, total {price}.", "Pouvez-vous livrer le {date} entre {clock} et {clock} ?", "Ma commande {order} n'est pas arrivée, colis {track}",
		"Dimensions {size}, ça passe ?", "J'ai payé {price} le {date}, facture {order}", "Un ou deux ? Taille {n} en noir, c'est neuf ?", "Un point important : {n} pièces, {n} % de remise"},
	"pt": {"Oi, ainda tem o {item}? Preciso de {n} até {date}.", "Fechado, {n} x {item} a {price}, total {price}.", "Entregam dia {date} entre {clock} e {clock}?", "Meu pedido {order} não chegou, rastreio {track}",
		"Medidas {size}, serve?", "Paguei {price} em {date}, fatura {order}", "Uma ou duas? tamanho {n}", "Abre às {clock}? são {n} pessoas, nove adultos"},
	"id": {"Halo kak, {item} masih ada? Saya butuh {n} pcs sebelum {date}.", "Oke, {n} x {item} harga {price}, total {price} ya", "Bisa kirim tanggal {date} jam {clock}?", "Pesanan {order} belum sampai, resi {track}", "Ukuran {size} kak?", "Satu atau dua? size {n}", "sudah transfer {price} ya kak, lima menit lalu"},
	"tr": {"Merhaba, {item} hâlâ var mı? {date} tarihine kadar {n} adet lazım.", "Tamam, {n} x {item} {price}, toplam {price}.", "{date} günü {clock} ile {clock} arası teslim olur mu?", "Siparişim {order} gelmedi, takip {track}", "Ölçüler {size}, olur mu?", "bir veya iki? beden {n}", "ödeme yapıldı {price}, on dakika önce"},
}

var devItems = []string{"iPhone 14 128GB", "sofa", "AirPods Pro 2", "RTX 4070", "Wärmepumpe WP 12", "bike 28\"", "jacket XL", "PS5", "TV 55\" 4K", "Samsung S23 256 GB", "mesa", "lampe", "BMW 320d", "Bosch GSR 18V-55", "205/55 R16 91V"}

func devChats(m *maker, count int) {
	langs := []string{"en", "de", "it", "es", "fr", "pt", "id", "tr"}
	for i := range count {
		lang := langs[i%len(langs)]
		var parts []string
		for range m.between(1, 3) {
			parts = append(parts, fillChat(m, one(m, devTalk[lang]...), lang))
		}
		text := strings.Join(parts, one(m, " ", "\n"))
		m.put(Case{Class: "chat", Lang: lang, Region: map[string]string{"en": "US", "de": "DE", "it": "IT", "es": "ES", "fr": "FR", "pt": "BR", "id": "ID", "tr": "TR"}[lang], Text: Texts{text}, Keep: []string{text}})
	}
}

func fillChat(m *maker, t, lang string) string {
	for strings.Contains(t, "{") {
		i := strings.IndexByte(t, '{')
		j := i + strings.IndexByte(t[i:], '}')
		var s string
		switch t[i+1 : j] {
		case "item":
			s = one(m, devItems...)
		case "n":
			s = m.num(1, 99)
		case "price":
			s = m.price()
		case "date":
			s = m.date()
		case "clock":
			s = m.clock()
		case "order":
			s = one(m, "#"+m.digits(6), m.digits(7), "2025-"+m.digits(5), "A"+m.digits(8))
		case "track":
			s = one(m, "1Z999AA1"+m.digits(10), "00340434"+m.tail(12), "RR"+m.digits(9)+"DE")
		case "size":
			s = m.num(60, 240) + "x" + m.num(40, 120) + one(m, "", "x"+m.num(40, 90)) + " cm"
		}
		t = t[:i] + s + t[j+1:]
	}
	return t
}
