package wasim

import "time"

// Personas returns the people of the demo: they buy and sell ordinary things in English, German and Italian, and one each
// writes Arabic and Chinese. Two have a user name beside their number, one has no number at all. The German and British
// numbers come from ranges their regulators keep for fiction, the others only look the part; the mail addresses are of
// domains that can never receive mail. Who has bought already writes to the company's second number, where there is one, and
// answers how it went.
func Personas() []Persona {
	return []Persona{
		katharina(), marco(), emily(), holger(), giulia(), mohammed(), liwei(), oliver(), sofia(), jonas(), priya(),
	}
}

func katharina() Persona {
	return Persona{
		Key: "katharina", Name: "Katharina Weber", Country: "DE", Language: "de", Number: "491713920047",
		Email: "katharina.weber@example.de",
		Script: Script{
			Start: 600 * time.Millisecond,
			Opening: []Line{
				{Text: "Guten Tag, wir möchten unsere alte Gasheizung gegen eine Wärmepumpe tauschen 🙂"},
				{Text: "Einfamilienhaus, Baujahr 1994, 142 m², Fußbodenheizung im Erdgeschoss"},
				{Scene: "heating", Text: "So sieht der Heizungsraum aus. Meine Nummer für den Monteur: {{0171 39200 47}}, Mail {{katharina.weber@example.de}}"},
				{Text: "Haben Sie diese Woche noch einen Termin frei?", After: 2 * time.Second},
			},
			Replies: []Rule{
				{Words: []string{"termin", "uhr", "morgen", "montag", "dienstag", "mittwoch", "donnerstag", "freitag"}, Lines: []Line{
					{React: "👍"}, {Text: "Perfekt, das passt uns gut 😊"}, {Text: "Soll ich vorher noch die letzte Gasrechnung bereitlegen?"},
				}},
				{Words: []string{"preis", "angebot", "kosten", "€", "euro", "förderung"}, Lines: []Line{
					{Text: "Danke! Ist die Förderung da schon abgezogen?"}, {Text: "Wir rechnen mit etwa 17.500 kWh Verbrauch im Jahr."},
				}},
				{Words: []string{"danke", "dank"}, Lines: []Line{{React: "❤️"}, {Text: "Sehr gerne, bis dann!"}}},
			},
			Rest: [][]Line{
				{{Text: "Super, danke für die schnelle Antwort!"}, {Text: "Dann warte ich auf Ihren Vorschlag."}},
				{{Scene: "garden", Text: "Hier würde die Außeneinheit stehen, links neben der Hauswand."}},
				{{Text: "Alles klar 👍"}},
			},
		},
	}
}

func marco() Persona {
	return Persona{
		Key: "marco", Name: "Marco Ricci", Country: "IT", Language: "it", Number: "393205550108",
		Email: "m.ricci@example.org",
		Script: Script{
			Start: 2500 * time.Millisecond,
			Opening: []Line{
				{Text: "Buongiorno! Vi scrivo per la cucina che ho visto in esposizione sabato"},
				{Scene: "kitchen", Text: "Questa, ma con il piano in quarzo chiaro"},
				{Text: "Potrei avere il preventivo aggiornato? La parete è 3,60 m"},
				{Text: "Il mio cellulare è {{+39 320 555 01 08}}, la mail {{m.ricci@example.org}}", After: time.Second},
			},
			Replies: []Rule{
				{Words: []string{"preventivo", "prezzo", "euro", "€", "sconto"}, Lines: []Line{
					{Text: "Perfetto, grazie mille!"}, {Text: "Il montaggio è compreso oppure va aggiunto?"},
				}},
				{Words: []string{"montaggio", "consegna", "settiman", "giorni"}, Lines: []Line{
					{React: "🙏"}, {Text: "Ottimo. A noi andrebbe bene la seconda settimana di dicembre."},
				}},
				{Words: []string{"misur", "sopralluogo", "appuntamento", "domani"}, Lines: []Line{
					{Text: "Sì, domani pomeriggio sono a casa dopo le 15."},
					{Place: &Place{Latitude: 46.4983, Longitude: 11.3548, Name: "Casa Ricci", Address: "Via dei Portici 12, Bolzano"}},
				}},
			},
			Rest: [][]Line{
				{{Text: "D'accordo, ne parlo con mia moglie e le faccio sapere stasera."}},
				{{Text: "Mia moglie preferisce il legno 😅"}, {Text: "Si può cambiare ancora?"}},
				{{React: "👍"}, {Text: "Va benissimo, grazie!"}},
			},
		},
	}
}

func emily() Persona {
	return Persona{
		Key: "emily", Name: "Emily Carter", Country: "GB", Language: "en", Number: "447700900142",
		Email: "emily.carter@example.com",
		Script: Script{
			Start: 5 * time.Second,
			Opening: []Line{
				{Text: "Hi there! I'd like to sell my touring bike, would you be interested?"},
				{Scene: "bicycle", Text: "Steel frame, 28 inch, serviced in March"},
				{Text: "It has done about 3,200 miles. I was hoping for around £450."},
			},
			Replies: []Rule{
				{Words: []string{"number", "phone", "call", "reach", "e-mail", "email", "contact"}, Lines: []Line{
					{Text: "Sure, it's {{07700 900 142}} or {{emily.carter@example.com}}. Evenings are best."},
				}},
				{Words: []string{"price", "offer", "£", "pay", "pound"}, Lines: []Line{
					{Text: "Hmm, that's a little less than I hoped 🤔"}, {Text: "Could you go up to 420? I'd throw in the panniers."},
				}},
				{Words: []string{"photo", "picture", "frame", "condition"}, Lines: []Line{
					{Text: "One small scratch on the down tube, otherwise spotless."},
				}},
				{Words: []string{"deal", "agreed", "yes", "great"}, Lines: []Line{
					{React: "🎉"}, {Text: "Brilliant! I can bring it in on Saturday morning."},
				}},
			},
			Rest: [][]Line{
				{{Text: "Lovely, thank you for getting back to me so quickly!"}},
				{{Text: "Would Saturday around 10 work for you?"}},
				{{React: "👍"}},
			},
		},
	}
}

func holger() Persona {
	return Persona{
		Key: "holger", Name: "Holger Brandt", Country: "DE", Language: "de", Number: "493023125512",
		Email: "h.brandt@example.org",
		Line:  1,
		Script: Script{
			Start: 8 * time.Second,
			Opening: []Line{
				{Text: "Moin. Bei der Lieferung gestern war ein Karton beschädigt."},
				{Scene: "parcel", Text: "Ecke unten rechts, der Thermostat darin hat einen Riss"},
				{Text: "Bestellnummer 4711-2209. Bitte um Rückruf: {{030/23125-512}}"},
			},
			Replies: []Rule{
				{Words: []string{"wie zufrieden"}, Lines: []Line{{Press: "Sehr gut"}}},
				{Words: []string{"montag bis freitag"}, Lines: []Line{{React: "👍"}}},
				{Words: []string{"ersatz", "tausch", "neu", "schicken", "liefer"}, Lines: []Line{
					{Text: "Ja, Ersatz wäre mir am liebsten."}, {Text: "Geht das bis Freitag? Sonst steht die Baustelle."},
				}},
				{Words: []string{"mail", "adresse", "rechnung", "erreich"}, Lines: []Line{
					{Text: "Am besten an {{h.brandt (at) example.org}}"},
				}},
				{Words: []string{"entschuldig", "leid", "sorry"}, Lines: []Line{{React: "👍"}, {Text: "Kann passieren. Danke fürs Kümmern."}}},
			},
			Rest: [][]Line{
				{{Text: "Gut. Den defekten Karton hebe ich auf, falls Sie ihn brauchen."}},
				{{Text: "In Ordnung, danke."}},
			},
		},
	}
}

func giulia() Persona {
	return Persona{
		Key: "giulia", Name: "Giulia Sartori", Country: "IT", Language: "it", Number: "393475550135",
		Username: "giulia.eventi", Email: "giulia@sartori.example",
		Script: Script{
			Start: 12 * time.Second,
			Opening: []Line{
				{Text: "Ciao! Organizziamo un matrimonio il 14 giugno, circa 80 persone 🥂"},
				{Scene: "cake", Text: "Una torta così si può fare? Anche senza glutine?"},
				{Text: "E il catering per l'aperitivo?"},
			},
			Replies: []Rule{
				{Words: []string{"glutine", "torta", "allerg"}, Lines: []Line{
					{Text: "Fantastico! Gli ospiti celiaci sono sei."}, {Text: "Due hanno anche un'allergia alle noci."},
				}},
				{Words: []string{"menu", "menù", "aperitivo", "persona", "prezzo", "€"}, Lines: []Line{
					{React: "😍"}, {Text: "Mi piace molto! Mi manda tutto per mail? {{giulia@sartori.example}}"},
				}},
				{Words: []string{"telefono", "numero", "chiamare", "sentirci"}, Lines: []Line{
					{Text: "Certo: {{347.555.0135}}, oppure qui su WhatsApp, sono @{{giulia.eventi}}"},
				}},
			},
			Rest: [][]Line{
				{{Text: "Perfetto, sento gli sposi e vi dico entro venerdì."}},
				{{Text: "Gli sposi sono entusiasti 🎉🎉"}, {Text: "Come procediamo con l'acconto?"}},
				{{React: "❤️"}},
			},
		},
	}
}

func mohammed() Persona {
	return Persona{
		Key: "mohammed", Name: "محمد العلي", Country: "AE", Language: "ar", Number: "971505550163",
		Script: Script{
			Start: 16 * time.Second,
			Opening: []Line{
				{Text: "مرحبا، هل يمكنكم إرسال عرض السعر من فضلكم؟"},
				{Text: "نحتاج ١٢ مضخة حرارية للفندق، رقم الطلب 4711"},
				{Text: "رقم هاتفي {{+971 50 555 0163}}"},
			},
			Replies: []Rule{
				{Words: []string{"price", "offer", "preis", "angebot", "سعر", "عرض"}, Lines: []Line{
					{React: "🙏"}, {Text: "شكرا جزيلا. كم تستغرق مدة التوصيل؟"},
				}},
			},
			Rest: [][]Line{{{Text: "ممتاز، شكرا لكم على سرعة الرد"}}, {{Text: "سأتحدث مع المدير وأعود إليكم"}}},
		},
	}
}

func liwei() Persona {
	return Persona{
		Key: "liwei", Name: "李 伟", Country: "CN", Language: "zh", Number: "8613855500190",
		Script: Script{
			Start: 20 * time.Second,
			Opening: []Line{
				{Text: "您好,请问什么时候可以发货?"},
				{Text: "我们需要在本月底之前收到货物。联系电话 {{138 5550 0190}}"},
			},
			Replies: []Rule{
				{Words: []string{"week", "woche", "ship", "liefer", "发货", "monday", "montag"}, Lines: []Line{
					{React: "👌"}, {Text: "好的,谢谢!请把运单号发给我。"},
				}},
			},
			Rest: [][]Line{{{Text: "明白了,谢谢您的帮助 🙏"}}, {{Text: "好的"}}},
		},
	}
}

func oliver() Persona {
	return Persona{
		Key: "oliver", Name: "Oliver Hughes", Country: "GB", Language: "en", Number: "447700900388",
		Email: "oliver@hughes.example",
		Line:  1,
		Script: Script{
			Start: 26 * time.Second,
			Opening: []Line{
				{Text: "Morning, quick question about invoice 20931"},
				{Text: "It still shows our old address. Could you send it again to {{oliver@hughes.example}}? My direct line is {{+44 (0)7700 900388}}."},
			},
			Replies: []Rule{
				{Words: []string{"how did we do"}, Lines: []Line{{Press: "Very good"}}},
				{Words: []string{"address", "street", "postcode"}, Lines: []Line{
					{Text: "Unit 4, Mill Lane, from the first of the month."},
					{Place: &Place{Latitude: 51.4545, Longitude: -2.5879, Name: "Hughes & Sons", Address: "Unit 4, Mill Lane, Bristol"}},
				}},
				{Words: []string{"sent", "done", "corrected", "updated"}, Lines: []Line{{React: "🙏"}, {Text: "Got it, that was quick. Cheers!"}}},
			},
			Rest: [][]Line{{{Text: "Thanks. No rush, Friday is fine."}}, {{React: "👍"}}},
		},
	}
}

func sofia() Persona {
	return Persona{
		// Nobody but Meta knows her number: the company has a user id and a handle.
		Key: "sofia", Name: "Sofia", Country: "DE", Language: "de", Username: "sofia.wohnt",
		Script: Script{
			Start: 33 * time.Second,
			Opening: []Line{
				{Text: "Hallo! Ist das Sofa aus dem Schaufenster noch zu haben? 🛋️"},
				{Scene: "sofa"},
				{Text: "Ich würde es am Samstag abholen. Schreiben geht am besten: @{{sofia.wohnt}}"},
			},
			Replies: []Rule{
				{Words: []string{"verfügbar", "noch da", "ja", "reserv"}, Lines: []Line{{React: "🎉"}, {Text: "Juhu! Kann ich mit Karte zahlen?"}}},
				{Words: []string{"nummer", "telefon", "anruf"}, Lines: []Line{{Text: "Meine Nummer gebe ich ungern raus, geht es auch über den Chat?"}}},
				{Words: []string{"samstag", "abhol", "uhr"}, Lines: []Line{{Text: "Super, dann bis Samstag! Passt es in einen Kombi?"}}},
			},
			Rest: [][]Line{{{Text: "Alles klar, danke dir 😊"}}, {{React: "😍"}}},
		},
	}
}

func jonas() Persona {
	return Persona{
		Key: "jonas", Name: "Jonas Keller", Country: "DE", Language: "de", Number: "4917604069073",
		Username: "jonas_keller", Email: "jonas.keller@example.net",
		Line: 1,
		Script: Script{
			Start: 45 * time.Second,
			Opening: []Line{
				{Text: "Hi, habt ihr noch einen Platz im Fahrrad-Reparaturkurs?"},
				{Text: "Wir wären zu zweit"},
				{Text: "Anmeldung bitte auf {{jonas.keller@example.net}} bzw. {{0176 - 040 690 73}}"},
			},
			Replies: []Rule{
				{Words: []string{"wie zufrieden"}, Lines: []Line{{Press: "Gut"}}},
				{Words: []string{"platz", "plätze", "frei", "kurs"}, Lines: []Line{{Text: "Nice! Müssen wir Werkzeug mitbringen?"}}},
				{Words: []string{"werkzeug", "mitbringen"}, Lines: []Line{{React: "👍"}, {Text: "Ok, dann bringen wir nur die Räder mit 🚲"}}},
			},
			Rest: [][]Line{{{Text: "Cool, danke!"}}, {{Text: "Bis dann 👋"}}},
		},
	}
}

func priya() Persona {
	return Persona{
		Key: "priya", Name: "Priya N.", Country: "US", Language: "en", Number: "12125550147",
		Email: "priya@example.com",
		Script: Script{
			Start: time.Minute,
			Opening: []Line{
				{Text: "Hello! We loved the kitchen you fitted for our neighbours."},
				{Text: "Could somebody come and measure ours? You can reach me at {{(212) 555-0147}} or {{priya@example.com}}"},
				{Scene: "kitchen", Text: "This is theirs 😍"},
			},
			Replies: []Rule{
				{Words: []string{"measure", "visit", "appointment", "monday", "tuesday", "wednesday", "thursday", "friday", "tomorrow"}, Lines: []Line{
					{React: "👍"}, {Text: "That works. Please ring the bell twice, the dog is deaf 🐶"},
				}},
				{Words: []string{"budget", "price", "cost", "$"}, Lines: []Line{{Text: "We were thinking of 12 to 15 thousand, appliances included."}}},
			},
			Rest: [][]Line{{{Text: "Wonderful, thank you!"}}, {{React: "❤️"}}},
		},
	}
}
