package maskcheck

import (
	"math/rand/v2"
	"testing"
)

// Frames nobody looked at while the engine was changed: their figures are those to believe.
var unspent = []struct{ class, lang, text string }{
	{"phone", "en", "gate code is at reception, buzz % when the van is outside"}, {"phone", "en", "Hey!! new SIM, save it: % 🙏 see you {date}"}, {"phone", "de", "Falls der Kurier fragt: %, zweite Klingel links"},
	{"phone", "de", "Bitte % eintragen statt der alten, Termin bleibt {date} {time}"}, {"phone", "it", "se non rispondo provate il % oppure citofono Rossi"}, {"phone", "es", "déjalo con el portero y avisa al % cuando llegues"},
	{"phone", "fr", "code porte chez le gardien, sinon faites sonner % merci bien"}, {"phone", "pt", "pode deixar na portaria e dar um toque no % que eu desço"}, {"phone", "tr", "kapıda bekliyorum, açmazsam % dene lütfen"}, {"phone", "id", "titip di satpam aja, kabarin ke % kalau sudah sampai"},
	{"phone", "ru", "оставьте у консьержа и наберите % как приедете"}, {"phone", "nl", "zet het bij de buren en stuur dan een appje naar %"}, {"phone", "pl", "zostawcie u sąsiada i dajcie znać na % dzięki"}, {"phone", "hi-Latn", "guard ke paas chhod do aur % pe bata dena"},
	{"email", "en", "the PDF bounced, try % instead"}, {"email", "de", "Mahnungen künftig an %, nicht mehr an mich"}, {"email", "it", "la ricevuta giratela a % per favore"}, {"email", "es", "el contrato firmado va a % mañana"}, {"email", "fr", "les photos, plutôt sur % si possible"},
	{"handle", "en", "my insta's %, the blue logo"}, {"handle", "de", "auf Insta findest du mich als %"}, {"handle", "es", "me puedes seguir en instagram como %"}, {"handle", "fr", "mon snap c'est % si tu veux"},
	{"negative", "en", "Invoice {six}: {price} due {date}, {pct} late fee after that"}, {"negative", "de", "Pos. 3: {qty}, Art. {six}, EP {price}, Liefertermin {date}"}, {"negative", "it", "fattura {year}/{four} del {date}, totale {price}, sconto {pct}"}, {"negative", "es", "albarán {seven}, {qty}, {size}, {price}"},
	{"negative", "id", "total {price} + ongkir {price}, est. tiba {date}"}, {"negative", "en", "{order}: {qty} shipped {date}, tracking {tracking}"}, {"negative", "fr", "devis n° {six} valable jusqu'au {date}, {price} TTC, {size}"}, {"negative", "tr", "fatura no {seven}, {date}, toplam {price}"},
	{"negative", "ru", "счёт № {six} от {date} на сумму {price}"}, {"negative", "pl", "faktura {four}/{year} z dnia {date}, {price}, rabat {pct}"},
}

func TestFramesWrittenAfterTheEngine(t *testing.T) {
	var cases []Case
	a := &author{Rand: rand.New(rand.NewPCG(31337, 9)), yield: func(c Case) bool { cases = append(cases, c); return true }}
	for range int(200 * scale(t, quick)) {
		for _, f := range unspent {
			d := a.dial(pick(a, authorRegions))
			secret, region := "", d.region
			switch f.class {
			case "phone":
				if secret = a.home(d); a.chance(60) || len(d.nsn) < 7 {
					secret, region = a.abroad(d), authorHome[f.lang]
				}
			case "email":
				if secret = a.user() + "@" + a.domain(); a.chance(50) {
					secret = spell(a.user(), a.domain(), pick(a, spelledAts[f.lang]))
				}
			case "handle":
				secret = pick(a, madeFirst) + pick(a, []string{"_", "."}) + pick(a, madeSecond)
			default:
				text := a.fill(f.text)
				a.say(Case{Class: f.class, Lang: f.lang, Region: region, Text: Texts{text}, Keep: []string{text}})
				continue
			}
			a.framed(f.class, f.lang, f.text, region, nil, secret)
		}
	}
	r := measure(t, func(yield func(Case) bool) {
		for _, c := range cases {
			if !yield(c) {
				return
			}
		}
	}, false, 6)
	for _, g := range []goal{{"phone", 0.998, 0.003}, {"email", 0.999, 0.003}, {"handle", 0.99, 0.003}, {"negative", 1, 0.003}} {
		g.check(t, r)
	}
}
