package maskcheck

import (
	"fmt"
	"slices"
	"strings"
)

// fill puts made-up things into the slots of a frame.
func (a *author) fill(frame string) string {
	for {
		from := strings.IndexByte(frame, '{')
		to := strings.IndexByte(frame, '}')
		if from < 0 || to < from || slots[frame[from+1:to]] == nil {
			return frame
		}
		frame = frame[:from] + slots[frame[from+1:to]](a) + frame[to+1:]
	}
}

var slots map[string]func(*author) string

// thousands writes a whole number in groups of three.
func thousands(digits, sep string) string {
	var g []string
	for len(digits) > 3 {
		g = append(g, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	g = append(g, digits)
	slices.Reverse(g)
	return strings.Join(g, sep)
}

func init() {
	lead := func(a *author, n int) string { return a.upto(1, 9) + a.roll(n-1) }
	date := func(a *author) (y, m, d int) { return 2019 + a.IntN(11), 1 + a.IntN(12), 1 + a.IntN(28) }
	slots = map[string]func(*author) string{
		"price": func(a *author) string {
			n := lead(a, 2+a.IntN(4))
			switch a.IntN(22) {
			case 0:
				return "€ " + thousands(n, ".") + "," + a.roll(2)
			case 1:
				return "$" + thousands(lead(a, 3+a.IntN(6)), ",") + "." + a.roll(2)
			case 2:
				return "Rp " + thousands(lead(a, 2+a.IntN(4))+"000", ".")
			case 3:
				return "Rp" + thousands(lead(a, 2+a.IntN(4))+"000", ".") + ",-"
			case 4:
				return thousands(lead(a, 3+a.IntN(3))+"000", ".") + pick(a, []string{" đ", "đ", " VND", " đồng", "₫"})
			case 5:
				return "₹" + a.upto(1, 9) + "," + a.roll(2) + "," + a.roll(3)
			case 6:
				return "Rs. " + thousands(n, ",") + "/-"
			case 7:
				return "R$ " + thousands(n, ".") + "," + a.roll(2)
			case 8:
				return "USD " + lead(a, 5+a.IntN(3))
			case 9:
				return thousands(lead(a, 4+a.IntN(4)), " ") + " руб."
			case 10:
				return thousands(lead(a, 4+a.IntN(4)), ".") + " TL"
			case 11:
				return "IDR " + lead(a, 4+a.IntN(2)) + "000"
			case 12:
				return "CHF " + thousands(lead(a, 4), "'") + "." + a.roll(2)
			case 13:
				return pick(a, []string{"¥", "₩"}) + thousands(lead(a, 4+a.IntN(5)), ",")
			case 14:
				return thousands(n, " ") + "," + a.roll(2) + " zł"
			case 15:
				return "AED " + thousands(n, ",")
			case 16:
				return thousands(n, ",") + " درهم"
			case 17:
				return lead(a, 4) + "000 rupiah"
			case 18:
				return "€" + n
			case 19:
				return n + " EUR"
			case 20:
				return n + "k"
			}
			return n + "," + a.roll(2) + " €"
		},
		"date": func(a *author) string {
			y, m, d := date(a)
			switch a.IntN(9) {
			case 0:
				return fmt.Sprintf("%02d.%02d.%d", d, m, y)
			case 1:
				return fmt.Sprintf("%d-%02d-%02d", y, m, d)
			case 2:
				return fmt.Sprintf("%02d/%02d/%d", d, m, y)
			case 3:
				return fmt.Sprintf("%02d-%02d-%02d", d, m, y%100)
			case 4:
				return fmt.Sprintf("%d.%d.", d, m)
			case 5:
				return fmt.Sprintf("%02d.%02d.–%02d.%02d.%d", d, m, min(d+3, 30), m, y)
			case 6:
				return fmt.Sprintf("%d. %s %d", d, pick(a, []string{"Mai", "mars", "giugno", "May", "mayıs", "мая"}), y)
			case 7:
				return fmt.Sprintf("%d-%02d-%02d %s", y, m, d, slots["time"](a))
			}
			return fmt.Sprintf("%d/%d", d, m)
		},
		"time": func(a *author) string {
			return fmt.Sprintf(pick(a, []string{"%02d:%02d", "%02d.%02d", "%02dh%02d"}), 7+a.IntN(13), a.IntN(12)*5)
		},
		"order": func(a *author) string {
			y, m, d := date(a)
			return pick(a, []string{"order #" + lead(a, 4+a.IntN(6)), "order no. " + lead(a, 10), "Bestellung " + lead(a, 7), "pedido nº " + fmt.Sprint(y) + a.roll(6), "invoice INV-" + fmt.Sprint(y) + "-" + a.roll(6), "Rechnung RE " + fmt.Sprint(y) + "/" + a.roll(5),
				"ordine n. " + lead(a, 9), "commande " + lead(a, 7), "заказ № " + lead(a, 8), "sipariş no " + lead(a, 8), fmt.Sprintf("pesanan %02d%02d%02dABC%s", y%100, m, d, a.roll(3)), "zamówienie " + lead(a, 6) + "/" + fmt.Sprint(y), "bestelnummer " + lead(a, 10),
				"Auftrag 4711-" + fmt.Sprint(y) + "-" + a.roll(5)})
		},
		"qty": func(a *author) string {
			return a.upto(2, 900) + pick(a, []string{" pcs", " pc", "x", " units", " Stk"})
		},
		"pct":  func(a *author) string { return a.upto(1, 90) + pick(a, []string{"%", " %", ",5 %", ".25%"}) },
		"year": func(a *author) string { return a.upto(1985, 2031) },
		"size": func(a *author) string {
			return pick(a, []string{a.upto(10, 220) + "x" + a.upto(10, 220) + "x" + a.upto(10, 99) + " cm", a.upto(35, 47), a.upto(36, 46) + ",5", "205/55 R16", "W" + a.upto(28, 38) + " L" + a.upto(30, 36), "1920x1080", a.upto(100, 900) + " ml", "M8 x " + a.upto(10, 90),
				a.upto(1, 20) + ",5 kg", a.upto(100, 300) + " × " + a.upto(100, 300) + " mm"})
		},
		"item": func(a *author) string {
			return pick(a, []string{"Samsung A" + a.upto(10, 55), "lamp no. " + a.upto(2, 80), "iPhone " + a.upto(11, 17) + " Pro 256GB", "the " + a.upto(2, 6) + "-seater sofa", "RTX " + a.upto(3, 5) + "070", "chair type " + a.upto(100, 999) + "B", "IKEA 004.521.37"})
		},
		"addr": func(a *author) string {
			return pick(a, []string{"Gartenweg " + a.upto(1, 120) + ", " + a.upto(10000, 99000) + " Musterstadt", a.upto(1, 900) + " Mill Lane, Flat " + a.upto(1, 40), "Via Roma " + a.upto(1, 200) + ", 00" + a.upto(100, 199) + " Roma", "rue Haute " + a.upto(1, 99) + ", 75011 Paris", "Calle Mayor " + a.upto(1, 99) + ", 3º B, 28013 Madrid"})
		},
		"digit": func(a *author) string { return a.roll(1) },
		"two":   func(a *author) string { return lead(a, 2) },
		"three": func(a *author) string { return lead(a, 3) },
		"four":  func(a *author) string { return lead(a, 4) },
		"five":  func(a *author) string { return lead(a, 5) },
		"six":   func(a *author) string { return lead(a, 6) },
		"seven": func(a *author) string { return lead(a, 7) },
		"eight": func(a *author) string { return lead(a, 8) },
		"ten":   func(a *author) string { return lead(a, 10) },
		"octet": func(a *author) string { return a.upto(0, 255) },
		"lat":   func(a *author) string { return a.upto(-80, 80) + "." + a.roll(4+a.IntN(3)) },
		"long":  func(a *author) string { return a.upto(-179, 179) + "." + a.roll(4+a.IntN(3)) },
		"sixty": func(a *author) string { return fmt.Sprintf("%02d", a.IntN(60)) },
		"tracking": func(a *author) string {
			return pick(a, []string{"1Z" + strings.ToUpper(a.roll(3)+"AA1"+a.roll(10)), "003404" + a.roll(14), "JD01" + a.roll(14), "RR" + a.roll(9) + "DE", "JJD00" + a.roll(16), "9400 1" + a.roll(3) + " " + a.roll(4) + " " + a.roll(4) + " " + a.roll(4) + " " + a.roll(2), lead(a, 12), lead(a, 10)})
		},
	}
	negativeKinds = make([]string, 0, len(negativeFrames))
	for k := range negativeFrames {
		negativeKinds = append(negativeKinds, k)
	}
	slices.Sort(negativeKinds)
}

var negativeKinds []string

// negativeFrames hold nobody's identifier.
var negativeFrames = map[string][]string{
	"price": {"{price}", "That makes {price} in total", "{qty} at {price} each = {price}", "zusammen {price}, Anzahlung {price}", "prezzo {price} iva incl.", "total a pagar: {price}", "ça fait {price}", "hepsi {price}", "harga {price} nett ya kak", "cuma {price}, ongkir {price}",
		"giá {price} em nhé", "السعر {price} فقط", "сумма {price}", "price was {price}, now {price}!", "{price} / {price} / {price}", "EMI {price} x 12", "dp {price} lunas {price}", "{price} + {price} = {price}"},
	"date":     {"{date}", "between {date} and {date}", "Termin am {date} oder {date}?", "il {date} va bene", "el {date} por la tarde", "le {date} au matin", "tgl {date} bisa?", "{date} günü", "до {date}", "valid {date} - {date}", "born {year}, moved {year}, back {year}"},
	"time":     {"{time}", "open {time}-{time}", "Mo-Fr {time}–{time}, Sa {time}-{time}", "um {time} Uhr oder {time} Uhr", "alle {time}, non alle {time}", "saat {time}", "в {time}", "call lasted 00:{sixty}:{sixty}", "jam {time} wib", "cut-off is {time}:{sixty}"},
	"order":    {"{order}", "where is my {order}?", "{order} and {order} please together", "ref: {order}", "#{six} on hold", "ticket #{seven}", "Vorgang {eight} ist offen", "customer no {six}", "Kundennummer {eight}", "contract {year}-{five}", "RMA {six}", "booking code {three}{four}"},
	"tracking": {"tracking {tracking}", "Sendungsnummer: {tracking}", "DHL {tracking} unterwegs", "tracciamento {tracking}", "nº de seguimiento {tracking}", "numéro de suivi {tracking}", "resi {tracking}", "kargo takip no {tracking}", "трек-номер {tracking}", "track & trace {tracking}", "parcel {tracking} is late"},
	"part": {"part no. 11 42 7 5{two} {three}", "OEM 1K0-615-{three}-AA", "Teilenummer A 203 820 {two} 5{digit}", "EAN 4006381333931", "ISBN 978-3-16-148410-0", "SKU {three}-{three}-{four}", "serial SN8H{four}K00{two}", "bearing 6205-2RS", "model HP-{four}/{two}B", "Artikel-Nr. {eight}", "codice articolo {seven}",
		"referencia {six}-{two}", "art. nr {three}.{three}.{two}", "item code {five}-{three}", "spare part {four} {three} {three}"},
	"size":       {"{size}", "{size} or {size}", "box {size}, bag {size}", "sizes 36 37 38 39 40 41 42", "Gr. 36/37/38/39/40", "{qty} of {size}", "{two} mm, {two} mm, {two} mm", "150.000 km, Bj. {year}", "{three} 000 km on the clock", "area 4.500.000 m²", "{two}.{digit} x {two}.{digit} x {two}.{digit} inch"},
	"coordinate": {"{lat}, {long}", "pin: {lat},{long}", "https://maps.google.com/?q={lat},{long}", "52°{sixty}'{sixty}.0\"N 13°{sixty}'{sixty}.0\"E", "lat {lat} lon {long}", "we are at {lat} {long}", "standort {lat} / {long}"},
	"ip":         {"{octet}.{octet}.{octet}.{octet}", "printer on 192.168.{octet}.{octet}", "10.0.{octet}.{octet}:8080", "ping 172.16.{octet}.{octet} fails", "2001:db8::{four}:1", "gateway 192.168.{octet}.1 / 255.255.255.0"},
	"version":    {"v{two}.{digit}.{digit}.{four}", "Firmware 3.{two}.{digit} is out", "build 22{three}.{four}", "iOS 17.{digit}.1", "driver 5{two}.{two} to 5{two}.{two}", "app version 2.24.{two}.{two}", "kernel 6.{digit}.{two}-{two}"},
	"meter":      {"Zählerstand 0{five},{digit}", "meter reading {six}", "relevé compteur 0{five}", "lettura contatore {eight}", "показания 00{five}", "{five}.{digit} kWh", "stand {six} m³", "odometer {six} km", "sayaç {seven}"},
	"percent":    {"{pct}", "{pct} now, {pct} later", "up {pct} since {year}", "sconto {pct}", "alcohol {two},{digit} %"},
	"score":      {"{digit}-{digit}", "won 6-4 6-{digit} 7-5", "{digit}:{digit} ({digit}:{digit})", "10{digit}:9{digit} after overtime", "21-1{digit}, 21-1{digit}, 15-21", "set: 25:2{digit} 25:2{digit} 2{digit}:25 25:1{digit}"},
	"year":       {"{year}-{year}", "seasons {year}/{year} and {year}/{year}", "years {year} {year} {year} {year}", "seit {year}, Modell {year}", "du {year} au {year}", "class of {year}"},
	"address":    {"{addr}", "deliver to {addr} please", "CEP 0{four}-{three}", "PIN code {six}", "1{three} AB Amsterdam", "00-{three} Warszawa", "Musterstr. {two}a, 3. Stock", "km {three}, exit {two}"},
	"amount":     {"120 pcs", "{three} 000 Stück", "qty {six}", "we sold {six} units", "pallets: {two}, cartons: {three}, pieces: {four}", "stock {five}, reserved {four}", "1) 12 2) 34 3) 56", "1. {two} 2. {two} 3. {two} 4. {two}"},
	// ten digits or more with nothing that says what they are fail closed by design
	"unmarked": {"{four} / {four} / {four}"},
	"at": {"Give me a second. at half past nine", "see you at the shop. dot", "@ {time}", "2 @ {price}", "meet at noon. com certeza!", "we are at work. de nada", "look at that. it is new", "ok at five. in the hall", "arroba is the sign @", "è a due passi. it's ok", "bin at home. de facto fertig", "I'm @ the office",
		"c'est un bon point. merci", "hasta este punto. es todo", "point at the list. no rush", "the dot at the end. info follows"},
	"social":  {"I saw it on Instagram yesterday", "Instagram ist gerade langsam", "follow us on instagram please", "do you have telegram?", "vi su vuestro instagram ayer", "ho visto la foto su instagram ieri", "telegram is not working today", "my insta is down", "the reel on tiktok was great", "vu sur instagram hier soir", "instagram'da gördüm", "увидел в инстаграме", "lihat di instagram kemarin"},
	"counted": {"one two three, ready", "two or three of them", "uno, due, tre e via", "eins zwei drei los geht's", "un deux trois soleil", "uno dos tres", "satu dua tiga", "один два три", "one at a time, two by two, four in a row", "bir iki üç", "ek do teen", "dwa albo trzy, może cztery", "six of one, half a dozen of the other"},
	"web":     {"https://shop.example/p/{six}", "see https://shop.example/item/{seven}?size=42", "www.musterladen.example/angebote/{year}", "catalogue-{year}-{two}.pdf", "IMG_{four}.jpg", "IMG-{year}0512-WA00{two}.jpg", "photo_{year}-05-12_14-{sixty}-{sixty}.jpg", "Screenshot {year}-05-12 at 14.30.{sixty}.png"},
	"short":   {"call 112", "Notruf 110", "ext. {two}", "room {three}, table {two}", "bus {three} at {time}", "flight LH {three}, gate B{two}", "platform {digit}, train ICE {three}", "chapter {two}, page {three}", "PIN {four}", "code {six}", "Otp {six}"},
}
