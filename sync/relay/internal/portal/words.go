package portal

// Words are what the page says in one language.
type Words struct {
	Title, Lead           string
	Up, Down, Version     string
	Download, Checksum    string
	CheckText             string
	EmptyTitle, EmptyText string
	EmptyIT               string
	StepsTitle            string
	Steps                 [3]Step
	PinTitle, PinText     string
	PinShort, PinWarn     string
	ITTitle, ITText       string
	Footer, Language      string
	SystemsTitle          string
}

// A Step is one thing to do.
type Step struct{ Title, Text string }

var words = map[string]Words{
	"en": {
		Title: "Set up Sealdesk on your laptop", Lead: "Sealdesk is how we answer customers on WhatsApp. Most laptops have it already: ask your IT before you install it yourself.",
		Up: "The relay works", Down: "The relay does not work right now", Version: "Version",
		SystemsTitle: "Installers",
		Download:     "Download", Checksum: "SHA-256",
		CheckText:  "Compute the checksum and compare it with the one beside the file:",
		EmptyTitle: "No installers here yet", EmptyText: "Your IT puts Sealdesk on your laptop, or puts the installers here. Ask them.",
		EmptyIT:    "For IT: ",
		StepsTitle: "Three steps, and you are in",
		Steps: [3]Step{
			{"Install Sealdesk", "IT does it for you, or you take the installer for your system from this page."},
			{"Paste your enrolment string", "You get it from your supervisor or IT. It begins with sealdesk:enrol and is good for 15 minutes and one laptop."},
			{"Sign in", "With the company's sign-on, or with a password and an authenticator app."},
		},
		PinTitle: "Is this our relay?", PinText: "Sealdesk shows this fingerprint when it finds the relay. It must be the same here, there, and in what IT told you.",
		PinShort: "In the app", PinWarn: "If it differs, do not go on, and tell your IT.",
		ITTitle: "For IT", ITText: "Every installer here was verified against the keys of its release before the relay served it. The fingerprint is the SHA-256 of the relay's public key; it stays when the certificate is renewed.",
		Footer: "Nothing on this page is about a person or a customer. It sets no cookie.", Language: "Language",
	},
	"de": {
		Title: "Sealdesk auf Ihrem Laptop einrichten", Lead: "Mit Sealdesk antworten wir Kunden auf WhatsApp. Auf den meisten Laptops ist es schon: Fragen Sie Ihre IT, bevor Sie es selbst installieren.",
		Up: "Das Relay arbeitet", Down: "Das Relay arbeitet gerade nicht", Version: "Version",
		SystemsTitle: "Installationsdateien",
		Download:     "Herunterladen", Checksum: "SHA-256",
		CheckText:  "Berechnen Sie die Prüfsumme und vergleichen Sie sie mit der neben der Datei:",
		EmptyTitle: "Hier liegen noch keine Installationsdateien", EmptyText: "Ihre IT bringt Sealdesk auf Ihren Laptop oder legt die Dateien hier ab. Fragen Sie dort nach.",
		EmptyIT:    "Für die IT: ",
		StepsTitle: "In drei Schritten dabei",
		Steps: [3]Step{
			{"Sealdesk installieren", "Das macht Ihre IT, oder Sie nehmen die Datei für Ihr System von dieser Seite."},
			{"Die Einrichtungszeile einfügen", "Sie bekommen sie von Ihrer Teamleitung oder der IT. Sie beginnt mit sealdesk:enrol und gilt 15 Minuten für einen Laptop."},
			{"Anmelden", "Mit der Anmeldung Ihrer Firma oder mit Passwort und Authenticator-App."},
		},
		PinTitle: "Ist das unser Relay?", PinText: "Sealdesk zeigt diesen Fingerabdruck, wenn es das Relay findet. Er muss hier, dort und in der Auskunft Ihrer IT derselbe sein.",
		PinShort: "In der App", PinWarn: "Weicht er ab, machen Sie nicht weiter, und informieren Sie Ihre IT.",
		ITTitle: "Für die IT", ITText: "Jede Datei hier wurde mit den Schlüsseln ihrer Ausgabe geprüft, bevor das Relay sie angeboten hat. Der Fingerabdruck ist der SHA-256 des öffentlichen Schlüssels des Relays; er bleibt, wenn das Zertifikat erneuert wird.",
		Footer: "Auf dieser Seite steht nichts über eine Person oder einen Kunden. Sie setzt kein Cookie.", Language: "Sprache",
	},
	"it": {
		Title: "Configura Sealdesk sul tuo portatile", Lead: "Con Sealdesk rispondiamo ai clienti su WhatsApp. Quasi tutti i portatili lo hanno già: chiedi al tuo reparto IT prima di installarlo da solo.",
		Up: "Il relay funziona", Down: "In questo momento il relay non funziona", Version: "Versione",
		SystemsTitle: "File di installazione",
		Download:     "Scarica", Checksum: "SHA-256",
		CheckText:  "Calcola la somma di controllo e confrontala con quella accanto al file:",
		EmptyTitle: "Qui non c'è ancora nessun file", EmptyText: "Il tuo reparto IT installa Sealdesk sul tuo portatile o mette qui i file. Chiedi a loro.",
		EmptyIT:    "Per l'IT: ",
		StepsTitle: "Tre passi e ci sei",
		Steps: [3]Step{
			{"Installa Sealdesk", "Lo fa l'IT, oppure prendi da questa pagina il file per il tuo sistema."},
			{"Incolla la stringa di registrazione", "La ricevi dal tuo supervisore o dall'IT. Comincia con sealdesk:enrol e vale 15 minuti per un solo portatile."},
			{"Accedi", "Con l'accesso aziendale, oppure con una password e un'app di autenticazione."},
		},
		PinTitle: "È il nostro relay?", PinText: "Sealdesk mostra questa impronta quando trova il relay. Deve essere la stessa qui, lì e in ciò che ti ha detto l'IT.",
		PinShort: "Nell'app", PinWarn: "Se è diversa, non andare avanti e avvisa l'IT.",
		ITTitle: "Per l'IT", ITText: "Ogni file è stato verificato con le chiavi della sua versione prima che il relay lo offrisse. L'impronta è lo SHA-256 della chiave pubblica del relay; resta la stessa quando il certificato viene rinnovato.",
		Footer: "In questa pagina non c'è nulla su persone o clienti. Non imposta cookie.", Language: "Lingua",
	},
}
