package guard

// fresh was written after the first rules stood and showed 81.4 % of lures by words alone, 0.25 % of harmless drafts
// stopped. The scores (see scores.go) were worked on with it, so it no longer says what the guard finds of words nobody
// thought of.
var fresh = corpus{
	name: "fresh", seed: 99, discountFloor: 0.75,
	fill: map[string][]string{
		"product": {"Teppich", "ladder", "frullatore", "Hörgerät", "saddle"},
		"app":     {"Telegram", "Signal", "Instagram", "Threema", "Viber", "Snapchat", "Skype"},
		"wrong":   {"Frau Brandt", "Elena", "Mr. Walker", "Signor Fontana", "Herr Aydin"},
		"name":    {"Marco", "Herr Rossi", "Signor Rossi"},
	},
	around:   []string{"Gern geschehen.", "My pleasure.", "Di nulla.", "Moment bitte.", "One moment.", "Arrivederci!"},
	other:    []string{"{phone} is the neighbour", "die Schwester: {mail}", "il cugino: {phone}", "see also {mail}"},
	card:     []string{"noted: {card}", "notiert: {card}", "annotata: {card}"},
	own:      []string{"later on {phone}", "später unter {phone}", "più tardi al {phone}", "home: {mail}", "zu Hause: {mail}", "a casa: {mail}"},
	iban:     []string{"alternatively {iban}", "alternativ {iban}", "in alternativa {iban}"},
	discount: []string{"I could do {percent} off", "{percent} Rabatt wären drin", "le faccio uno sconto di {percent}", "free of charge just for you, the {product}", "den {product} bekommen Sie zum halben Preis"},
	greet:    []string{"Hi {wrong}, one more thing", "Hallo {wrong}, noch etwas", "Buongiorno {wrong}, un'altra cosa"},
	lure: []string{
		"Do you happen to use {app}?", "Sind Sie zufällig bei {app}?", "per caso è su {app}?", "My {app} name is the same", "mein {app}-Name ist derselbe", "il mio nome su {app} è lo stesso", "shall we swap to {app}?", "machen wir auf {app} weiter?", "andiamo avanti su {app}?",
		"I'd rather talk on {app}", "ich würde lieber auf {app} reden", "preferirei sentirla su {app}", "here is slow, {app} is better", "hier ist es langsam, {app} ist besser", "qui è lento, meglio {app}", "give me a shout on {app}", "klingel mich über {app} an", "fammi uno squillo su {app}",
		"try my private mobile", "probieren Sie mein privates Handy", "provi il mio cellulare privato", "my personal number is better", "meine persönliche Nummer ist besser", "meglio il mio numero personale", "I'll write to you from my own phone", "ich melde mich von meinem eigenen Telefon", "le scrivo dal mio telefono",
		"off the record: buy it from me directly", "inoffiziell: kaufen Sie direkt bei mir", "in via non ufficiale: compri direttamente da me", "skip the company and save", "die Firma muss davon nichts wissen, zahlen Sie mir bar", "l'azienda non deve saperlo, mi paghi in contanti", "contact me outside of work", "kontaktieren Sie mich außerhalb der Arbeit", "mi contatti fuori dal lavoro",
		"let's keep this between us, write me privately", "das bleibt unter uns, schreiben Sie mir privat", "resta tra noi, mi scriva in privato",
	},
	harmless: []string{
		"The {product} is {price} plus delivery.", "Den {product} gibt es für {price}.", "il {product} viene {price}", "order {order}, {n} pieces", "Bestellung {order}, {n} Stück", "ordine {order}, {n} pezzi", "arrives {date} around {time}", "kommt am {date} gegen {time} Uhr", "arriva il {date} verso le {time}", "{tracking}", "Track it: {link}", "our number is {company}", "unsere Nummer: {company}", "il nostro numero è {company}",
		"I will call you tomorrow from the office.", "Ich rufe Sie morgen aus dem Büro an.", "la chiamo domani dall'ufficio", "Do you have a private or a business address?", "Privat- oder Firmenadresse?", "indirizzo privato o aziendale?", "Shall I send it to {theirs}?", "Soll ich es an {theirs} schicken?", "lo mando a {theirs}?", "The app is free in the store.", "Unsere App gibt es kostenlos im Store.", "la nostra app è gratuita", "We accept cash and cards.", "Wir nehmen Bargeld und Karten.", "accettiamo contanti e carte",
		"Half of it is ready", "die Hälfte ist fertig", "metà è pronta", "Insert your PIN at the terminal", "PIN bitte am Terminal eingeben", "inserisca il PIN sul terminale", "My name is Jana and I'll help you", "Ich heiße Jana und helfe Ihnen", "mi chiamo Jana e la aiuto", "the phone number in your profile is old", "die Nummer in Ihrem Profil ist alt", "il numero nel suo profilo è vecchio", "the company pays the shipping", "die Firma zahlt den Versand", "l'azienda paga la spedizione", "Please do not reply outside office hours", "außerhalb der Bürozeiten antworten wir später", "fuori orario rispondiamo dopo",
		"Like our page on Facebook", "Wir sind auch bei Instagram", "siamo anche su Facebook", "your photo on Instagram looks great", "Ihr Foto auf Instagram ist toll", "bella la sua foto su Instagram", "35 % Eiche, 65 % Buche", "65% polyester", "in {n} minutes", "^Hi {name}, all set", "^Hallo {name}, erledigt", "^Gentile {name}, fatto", "{n} of {n} done", "Terminal 2, Gate {n}",
	},
}
