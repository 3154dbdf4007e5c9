package guard

// developed is what the rules were written against.
var developed = corpus{
	name: "developed", seed: 11,
	fill: map[string][]string{
		"product": {"lamp", "Wärmepumpe", "divano", "e-bike", "Sideboard", "bread maker", "tenda da sole", "Gartentisch", "necklace"},
		"app":     {"Telegram", "Signal", "Instagram", "insta", "Threema", "Viber", "Facebook Messenger", "T3legram", "Tele gram", "Snapchat", "telegram"},
		"wrong":   {"Frau Weber", "Anna", "Herr Schulze", "Mrs Brown", "Signora Conti", "Giulia", "Thomas", "Mr Smith", "Petra", "Dr. Lindner", "Luca Bianchi"},
		"name":    {"Marco", "Herr Rossi", "Marco Rossi", "Signor Rossi", "Mr Rossi", "Sig. Rossi", "marco"},
	},
	around: []string{"Guten Tag!", "Vielen Dank für Ihre Nachricht.", "Thanks for your patience.", "Grazie per averci contattato.", "Einen schönen Tag noch!", "Have a nice day!",
		"Buona giornata!", "Wir melden uns gleich.", "Ich habe es gerade geprüft.", "I just checked it for you.", "Ho appena controllato.", "The parcel left today.", "Das Paket ist unterwegs.", "Il pacco è partito oggi."},
	other: []string{
		"The other customer is at {phone}.", "Frau Weber erreichen Sie unter {phone}.", "Il cliente di prima: {phone}", "{phone}", "Anna's mail is {mail}", "Die Adresse ist {mail}, danke",
		"scriva a {mail} per favore", "please forward it to {mail}", "Ihre Nachbarin hat {phone}", "call her at {phone} today", "la signora ha il numero {phone} e anche {mail}",
		"Kundin von gestern: {phone}, bitte nicht verwechseln", "she posts as @{handle}", "Tel. {phone}", "die Nummer lautet {phone}", "lieferung an den Kunden ({phone}) morgen",
		"Her contact details: {mail}, {phone}", "t.me/{handle}", "instagram.com/{handle}", "ho parlato con {phone} ieri", "Rückfragen an {mail}",
	},
	card: []string{
		"The card was {card}", "Ihre Karte {card} wurde belastet", "la carta {card} è scaduta", "{card}", "I have {card} on file, exp 12/27", "Wir haben die {card} abgebucht", "Kartennummer {card} bitte bestätigen",
		"use {card} instead", "ho usato la carta n. {card} per l'ordine", "card ending... well, {card}", "Kreditkarte: {card}, CVC 123",
	},
	own: []string{
		"Call me at {phone}", "Schreiben Sie mir an {mail}", "Mi scriva a {mail}", "meine Nummer: {phone}", "my private mail is {mail}", "Rufen Sie mich privat an: {phone}", "il mio numero è {phone}", "text me {phone}",
		"{phone} - Jana", "find me on insta: {handle}", "ich bin @{handle}", "mi trovi come @{handle}", "Handy {phone}", "write to {mail}, it's faster", "chiamami al {phone} stasera", "my number {phone} any time",
	},
	lure: []string{
		"Write me on {app}", "Let's continue on {app}.", "Schreib mir auf {app}", "Wechseln wir zu {app}?", "Lass uns auf {app} weiterschreiben", "Scrivimi su {app}", "Passiamo su {app}?", "Continuiamo su {app}", "Do you have Telegram?", "Hast du Telegram?", "Haben Sie auch Instagram?",
		"Hai Telegram?", "Add me on {app} please", "Folge mir auf {app}", "Aggiungimi su {app}", "call me on my private number", "rufen Sie mich auf meiner privaten Nummer an", "mi chiami sul mio numero privato", "text me on my private WhatsApp", "schreib mir auf mein privates WhatsApp",
		"scrivimi sul mio WhatsApp privato", "You can reach me on my mobile", "ich gebe Ihnen meine Handynummer", "Ti do il mio numero", "I'll give you my number", "I can give you my private email", "meine Privatnummer hat immer Empfang, rufen Sie mich dort an",
		"write me privately", "schreib mir privat", "scrivimi in privato", "let's talk in private about it", "lass uns privat weiterreden", "parliamone in privato", "Can we move to {app}?", "Können wir auf {app} wechseln?", "possiamo passare a {app}?",
		"you can buy it directly from me, cheaper", "Sie können es direkt bei mir kaufen, das ist günstiger", "può comprare direttamente da me, costa meno", "without going through the company it is cheaper", "ohne die Firma wäre es günstiger für Sie, zahlen Sie direkt", "senza passare dall'azienda le costa meno, paga direttamente a me", "I have my own business now, come with me", "ich habe jetzt mein eigenes Geschäft",
		"speichern Sie meine Nummer", "save my number", "salvati il mio numero", "contact me at my personal email", "kontaktieren Sie mich unter meiner privaten E-Mail", "contattami sulla mia email personale", "pay me in cash directly", "zahlen Sie bar direkt an mich", "my insta is easier", "ich bin auch auf {app} zu finden, schreib mir da", "sono anche su Telegram, scrivimi lì",
	},
	iban: []string{"Please transfer to {iban}", "Bitte überweisen Sie auf {iban}", "faccia il bonifico su {iban}", "IBAN {iban}", "neues Konto: {iban} bitte ändern", "our account is {iban}"},
	discount: []string{
		"I can give you {percent} off", "{percent} discount for you", "Sie bekommen {percent} Rabatt", "Rabatt von {percent} für Sie", "uno sconto del {percent}", "{percent} di sconto solo oggi", "we offer you €{euro} off", "{euro} € Rabatt", "{euro} euro di sconto",
		"you get it for half price", "zum halben Preis", "a metà prezzo", "I'll give it to you for free", "Ich gebe es Ihnen gratis dazu", "te lo do gratis", "use code SAVE40 at checkout", "Gutscheincode HERBST50", "usa il codice PROMO35", "fifty percent off", "fünfzig Prozent Rabatt", "-{percent} auf alles",
	},
	greet: []string{"Hallo {wrong}, Ihr Paket ist da.", "Dear {wrong},\nyour order is ready.", "Ciao {wrong}! Il tuo ordine è pronto.", "Guten Tag {wrong}, wie gewünscht das Angebot.", "Hi {wrong}, thanks for waiting", "Gentile {wrong}, in allegato il preventivo.", "Hello {wrong} - done!", "Liebe {wrong}, danke!"},
	harmless: []string{
		"The {product} costs {price}.", "Der Preis für {product} beträgt {price} inkl. MwSt.", "Il prezzo del {product} è {price} IVA inclusa.", "Your order {order} ships on {date}.", "Ihre Bestellung {order} wird am {date} geliefert.", "L'ordine {order} parte il {date}.",
		"Tracking {tracking}", "Sendungsnummer: {tracking}", "il codice di tracking è {tracking}", "See you at {time}.", "Termin am {date} um {time} Uhr passt.", "Appuntamento alle {time} del {date}.", "You can reach us at {company}.", "Rufen Sie uns an: {company}", "Ci chiami allo {company}",
		"Our hotline is {company}, daily from {time}", "Write to info@seaside.example", "Bitte schreiben Sie an support@partner.example", "Scriva a info@seaside.example e risponderemo presto", "100 % cotton, washable at 30 degrees", "100 % Baumwolle, bei 40 Grad waschbar", "100% cotone", "19 % MwSt. sind enthalten", "22% IVA inclusa", "20% VAT included", "We need a 30% deposit.", "Wir brauchen 30 % Anzahlung.", "serve un acconto del 30%",
		"The battery is at 80 %.", "Der Akku ist zu 90 % geladen.", "Is {theirs} still right?", "Stimmt {theirs} noch?", "Le scriviamo a {theirs}", "See {link}", "Details hier: {link}", "Tutti i dettagli su {link}", "We are open from {time} to {time}.", "^Hallo {name}, vielen Dank!", "^Dear {name},\nthank you for your order {order}.", "^Ciao {name}, tutto bene?", "^Guten Morgen {name}! Das Angebot über {price} ist fertig.", "^Gentile {name}, grazie.", "^Hi {name} - the {product} is back in stock",
		"Feel free to ask.", "Are you free tomorrow at {time}?", "Free shipping over 50 €", "Versandkostenfrei ab 50 €", "Die Lieferung ist kostenlos.", "La spedizione è gratuita sopra i 50 €", "Der Rückversand ist kostenlos für Sie", "We never ask for your password.", "Wir fragen Sie nie nach Ihrem Passwort.", "non chiediamo mai la password", "Unfortunately we cannot give any discount.", "Leider können wir keinen Rabatt geben.", "Purtroppo non possiamo fare sconti.", "Follow us on Instagram!", "Folgen Sie uns auf Instagram", "Seguiteci su Facebook",
		"Call us back any time.", "Rufen Sie mich gern zurück, wenn Sie Fragen haben.", "Mi chiami pure se ha domande", "Write me here if anything is missing.", "Schreiben Sie mir hier einfach wieder.", "mi scriva pure qui", "Size {n}, colour blue", "{n} x {product} = {price}", "Artikelnummer {order}", "EAN 4006381333931", "The signal lamp is red.", "Das Signal ist schwach.", "Maße: 120 x 80 x 45 cm, {n} kg", "The invoice {order} over {price} is attached.", "Rechnung {order} über {price} anbei", "fattura {order} del {date}",
		"Our IBAN is DE89 3704 0044 0532 0130 00", "Bitte überweisen Sie {price} auf DE89370400440532013000", "With SUMMER15 you get 15 % off.", "Mit dem Code SUMMER15 sparen Sie 15 %", "10 % Rabatt für Sie", "10% di sconto per lei", "Your personal code MARCO-25 gives 25 % off.", "My colleague will call you.", "Mein Kollege ruft Sie an.", "Did you get my email?", "Haben Sie meine E-Mail erhalten?", "Ha ricevuto la mia email?", "Private customers pay VAT.", "Für Privatkunden gilt das Widerrufsrecht.", "Your personal account is active.", "GPS 48.13715, 11.57612", "from 8 to 18, Mon-Fri", "Model X-200 (2024), 230V, 50 Hz",
		"Ihr Termin: {date}, {time} Uhr, Seestraße 12, 80331 München", "via Roma 15, 20121 Milano", "The link works now.", "Ok.Danke", "Perfetto.La ringrazio", "The discount is only possible in the shop.", "Half of the order is here.", "Die Hälfte der Bestellung ist da.", "Il prezzo totale è {price}",
	},
}
