package managed

import (
	"runtime"
	"slices"
)

// A Key names one setting of the policy: the value's name in the registry, the key in a plist and in a JSON file.
type Key string

// The keys. A key is never given another meaning: policies outlive versions.
const (
	RelayURL           Key = "RelayURL"
	RelayPin           Key = "RelayPin"
	IdleLockSeconds    Key = "IdleLockSeconds"
	ClipboardPolicy    Key = "ClipboardPolicy"
	BlockScreenCapture Key = "BlockScreenCapture"
	AttachmentSave     Key = "AttachmentSave"
	Notifications      Key = "Notifications"
	Locale             Key = "Locale"
	LogLevel           Key = "LogLevel"
	UpdateMode         Key = "UpdateMode"
	UpdateRing         Key = "UpdateRing"
	UpdateURL          Key = "UpdateURL"
	UpdateRootPin      Key = "UpdateRootPin"
)

// A Kind says what a key holds.
type Kind uint8

// The kinds, with the Go type of their values.
const (
	Text Kind = iota // string
	Int              // int
	Bool             // bool
	List             // []string
	Enum             // string, one of Def.Values
	URL              // string: https, without user, query and fragment
)

// Languages are those the words of the table come in.
var Languages = []string{"en", "de", "it"}

// Words are a text in every language of [Languages], by its tag.
type Words map[string]string

// In returns the text in a language, or in English.
func (w Words) In(language string) string {
	if text, ok := w[language]; ok {
		return text
	}
	return w["en"]
}

// A Value is one of those an Enum may hold.
type Value struct {
	Name  string
	Title Words
}

// A Def defines a key.
type Def struct {
	Key      Key
	Kind     Kind
	Default  any      // in force while nobody manages it; nil: somebody else decides, see Left
	Left     Words    // with a nil Default: who decides then
	Min, Max int      // of an Int; of a List how many items it may have
	Values   []Value  // of an Enum
	Systems  []string // as runtime.GOOS names them; empty: all. Elsewhere the key is understood and does nothing
	Restart  bool     // a change takes effect at the next start
	Title    Words    // a few words
	Help     Words    // for IT, and for a person who asks what it means: plain sentences
	Sample   any      // a value for examples

	valid func(value any) string // beyond kind and range: why a value is refused; "" is fine
}

// Obeyed reports whether a system, as runtime.GOOS names it, can do what the key asks for.
func (d Def) Obeyed(system string) bool {
	return len(d.Systems) == 0 || slices.Contains(d.Systems, system)
}

// ObeyedHere reports it for this system.
func (d Def) ObeyedHere() bool { return d.Obeyed(runtime.GOOS) }

var (
	each     = Words{"en": "Left to each person", "de": "Bleibt jeder Person überlassen", "it": "Lasciato a ciascuno"}
	relaySet = Words{"en": "Set by the company's server", "de": "Vom Server des Unternehmens festgelegt", "it": "Deciso dal server dell'azienda"}
	nothing  = Words{"en": "Not set", "de": "Nicht gesetzt", "it": "Non impostato"}
)

var defs = []Def{
	{Key: RelayURL, Kind: URL, Left: nothing, Restart: true, Sample: "https://inbox.company.example", valid: bareHost,
		Title: Words{"en": "Address of the relay", "de": "Adresse des Relays", "it": "Indirizzo del relay"},
		Help: Words{
			"en": "Where the company's relay is, as https://host or https://host:port; without a port it is 443. People then set a device up by signing in, or with their code alone, and a device that is set up already connects there. RelayPin must be set as well.",
			"de": "Wo das Relay des Unternehmens ist, als https://host oder https://host:port; ohne Port gilt 443. Ein Gerät wird dann durch Anmelden oder allein mit dem Code eingerichtet, und ein eingerichtetes Gerät verbindet sich dorthin. RelayPin muss ebenfalls gesetzt sein.",
			"it": "Dove si trova il relay dell'azienda, come https://host o https://host:porta; senza porta vale 443. Un dispositivo si configura allora accedendo, o con il solo codice, e uno già configurato si collega lì. Anche RelayPin deve essere impostato."}},
	{Key: RelayPin, Kind: List, Left: nothing, Min: 1, Max: 8, Sample: []string{"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}, valid: pins,
		Title: Words{"en": "Keys of the relay", "de": "Schlüssel des Relays", "it": "Chiavi del relay"},
		Help: Words{
			"en": "Which keys the relay may show when a device is set up: the SHA-256 of the certificate's public key (SubjectPublicKeyInfo), in base64 or hexadecimal. Any other relay is refused, whatever an enrolment string says. Name the next key beside the present one before it changes.",
			"de": "Welche Schlüssel das Relay zeigen darf, wenn ein Gerät eingerichtet wird: SHA-256 des öffentlichen Schlüssels im Zertifikat (SubjectPublicKeyInfo), in Base64 oder hexadezimal. Jedes andere Relay wird abgelehnt, was auch immer in einer Einrichtungszeile steht. Vor einem Wechsel den nächsten Schlüssel neben dem jetzigen nennen.",
			"it": "Quali chiavi può mostrare il relay quando si configura un dispositivo: lo SHA-256 della chiave pubblica del certificato (SubjectPublicKeyInfo), in base64 o esadecimale. Ogni altro relay è rifiutato, qualunque cosa dica una riga di registrazione. Prima di un cambio indicare la chiave nuova accanto a quella attuale."}},
	{Key: IdleLockSeconds, Kind: Int, Left: relaySet, Min: 30, Max: 3600, Sample: 300,
		Title: Words{"en": "Lock when nobody is there", "de": "Sperren, wenn niemand da ist", "it": "Blocco quando non c'è nessuno"},
		Help: Words{
			"en": "After how many seconds without a key, tap or movement the inbox locks. The relay says one too: the shorter of the two counts.",
			"de": "Nach wie vielen Sekunden ohne Taste, Berührung oder Bewegung der Posteingang gesperrt wird. Auch das Relay nennt eine Zeit: Die kürzere gilt.",
			"it": "Dopo quanti secondi senza tasti, tocchi o movimenti la posta si blocca. Anche il relay indica un tempo: vale il più breve."}},
	{Key: ClipboardPolicy, Kind: Enum, Default: "allow", Sample: "internal",
		Values: []Value{
			{"allow", Words{"en": "Copying is allowed", "de": "Kopieren ist erlaubt", "it": "Copiare è consentito"}},
			{"internal", Words{"en": "Copies stay in Sealdesk", "de": "Kopiertes bleibt in Sealdesk", "it": "Le copie restano in Sealdesk"}},
			{"deny", Words{"en": "Nothing is copied", "de": "Nichts wird kopiert", "it": "Non si copia nulla"}}},
		Title: Words{"en": "Copying text", "de": "Text kopieren", "it": "Copiare testo"},
		Help: Words{
			"en": "Where text copied in Sealdesk may go: to every program, only to other places in Sealdesk, or nowhere. Pasting into Sealdesk is not affected.",
			"de": "Wohin in Sealdesk kopierter Text gelangen darf: in jedes Programm, nur an andere Stellen in Sealdesk oder nirgendwohin. Einfügen in Sealdesk ist davon nicht betroffen.",
			"it": "Dove può andare il testo copiato in Sealdesk: in ogni programma, solo altrove in Sealdesk, o da nessuna parte. Incollare in Sealdesk non è interessato."}},
	{Key: BlockScreenCapture, Kind: Bool, Default: true, Systems: []string{"windows"}, Sample: true,
		Title: Words{"en": "Keep the window out of screenshots", "de": "Fenster aus Bildschirmfotos heraushalten", "it": "Finestra esclusa dagli screenshot"},
		Help: Words{
			"en": "Whether Windows is asked to leave the window out of screenshots, recordings and shared screens. It needs Windows 10 of 2004 or later and is no protection against a camera. Other systems offer nothing of the kind.",
			"de": "Ob Windows gebeten wird, das Fenster aus Bildschirmfotos, Aufnahmen und geteilten Bildschirmen herauszuhalten. Das verlangt Windows 10 ab Version 2004 und schützt nicht vor einer Kamera. Andere Systeme bieten nichts dergleichen.",
			"it": "Se si chiede a Windows di escludere la finestra da screenshot, registrazioni e schermi condivisi. Richiede Windows 10 dalla versione 2004 e non protegge da una fotocamera. Gli altri sistemi non offrono nulla di simile."}},
	{Key: AttachmentSave, Kind: Bool, Default: false, Sample: false,
		Title: Words{"en": "Saving files", "de": "Dateien speichern", "it": "Salvare file"},
		Help: Words{
			"en": "Whether people may save files of messages on this machine. A saved file is out of the company's reach: no lock, no retention and no wipe covers it.",
			"de": "Ob Dateien aus Nachrichten auf diesem Rechner gespeichert werden dürfen. Eine gespeicherte Datei ist dem Unternehmen entzogen: Keine Sperre, keine Aufbewahrungsfrist und keine Löschung erfasst sie.",
			"it": "Se si possono salvare su questo computer i file dei messaggi. Un file salvato esce dal controllo dell'azienda: non vale più alcun blocco, termine di conservazione o cancellazione."}},
	{Key: Notifications, Kind: Bool, Left: each, Sample: true,
		Title: Words{"en": "Notifications", "de": "Benachrichtigungen", "it": "Notifiche"},
		Help: Words{
			"en": "Whether the system shows that a message came. A notification never holds what was written.",
			"de": "Ob das System zeigt, dass eine Nachricht gekommen ist. Eine Benachrichtigung enthält nie, was geschrieben wurde.",
			"it": "Se il sistema mostra che è arrivato un messaggio. Una notifica non contiene mai ciò che è stato scritto."}},
	{Key: Locale, Kind: Enum, Left: each, Sample: "en",
		Values: []Value{
			{"en", Words{"en": "English", "de": "English", "it": "English"}},
			{"de", Words{"en": "Deutsch", "de": "Deutsch", "it": "Deutsch"}},
			{"it", Words{"en": "Italiano", "de": "Italiano", "it": "Italiano"}}},
		Title: Words{"en": "Language", "de": "Sprache", "it": "Lingua"},
		Help: Words{
			"en": "The language of the window.",
			"de": "Die Sprache des Fensters.",
			"it": "La lingua della finestra."}},
	{Key: LogLevel, Kind: Enum, Default: "info", Sample: "info",
		Values: []Value{
			{"debug", Words{"en": "Every step", "de": "Jeder Schritt", "it": "Ogni passo"}},
			{"info", Words{"en": "What happens", "de": "Was geschieht", "it": "Ciò che accade"}},
			{"warn", Words{"en": "Only what is amiss", "de": "Nur Auffälliges", "it": "Solo ciò che non va"}},
			{"error", Words{"en": "Only failures", "de": "Nur Fehler", "it": "Solo i guasti"}}},
		Title: Words{"en": "Log on this machine", "de": "Protokoll auf diesem Rechner", "it": "Registro su questo computer"},
		Help: Words{
			"en": "How much the log of the program tells. At no level does it hold messages, names or numbers.",
			"de": "Wie viel das Protokoll des Programms erzählt. Auf keiner Stufe enthält es Nachrichten, Namen oder Nummern.",
			"it": "Quanto racconta il registro del programma. A nessun livello contiene messaggi, nomi o numeri."}},
	{Key: UpdateMode, Kind: Enum, Default: "notify", Sample: "notify",
		Values: []Value{
			{"off", Words{"en": "Not looked for", "de": "Wird nicht gesucht", "it": "Non si cercano"}},
			{"notify", Words{"en": "Announced", "de": "Wird angekündigt", "it": "Annunciati"}},
			{"auto", Words{"en": "Installed by themselves", "de": "Wird von selbst installiert", "it": "Installati da soli"}}},
		Title: Words{"en": "Updates", "de": "Aktualisierungen", "it": "Aggiornamenti"},
		Help: Words{
			"en": "Whether the program looks for updates and says so, or leaves that to IT's own tool. With automatic installation an updater with the system's rights installs what was verified.",
			"de": "Ob das Programm nach Aktualisierungen sucht und darauf hinweist oder das dem Werkzeug der IT überlässt. Bei automatischer Installation spielt ein Dienst mit Systemrechten ein, was geprüft wurde.",
			"it": "Se il programma cerca aggiornamenti e li annuncia, o lascia il compito allo strumento dell'IT. Con l'installazione automatica un servizio con i diritti di sistema installa ciò che è stato verificato."}},
	{Key: UpdateRing, Kind: Enum, Default: "broad", Sample: "broad",
		Values: []Value{
			{"pilot", Words{"en": "Pilot", "de": "Pilot", "it": "Pilota"}},
			{"early", Words{"en": "Early", "de": "Früh", "it": "Anticipato"}},
			{"broad", Words{"en": "Broad", "de": "Breit", "it": "Generale"}}},
		Title: Words{"en": "When updates come", "de": "Wann Aktualisierungen kommen", "it": "Quando arrivano gli aggiornamenti"},
		Help: Words{
			"en": "To which group of machines this one belongs: pilot gets a version first, then early, then everybody.",
			"de": "Zu welcher Gruppe dieser Rechner gehört: Pilot bekommt eine Version zuerst, dann Früh, dann alle.",
			"it": "A quale gruppo appartiene questo computer: Pilota riceve una versione per primo, poi Anticipato, poi tutti."}},
	{Key: UpdateURL, Kind: URL, Left: relaySet, Sample: "https://updates.company.example/sealdesk",
		Title: Words{"en": "Where updates come from", "de": "Woher Aktualisierungen kommen", "it": "Da dove arrivano gli aggiornamenti"},
		Help: Words{
			"en": "Another place for updates than the relay, such as a mirror inside a branch office. What comes from there is verified all the same.",
			"de": "Ein anderer Ort für Aktualisierungen als das Relay, etwa ein Spiegel in einer Zweigstelle. Was von dort kommt, wird ebenso geprüft.",
			"it": "Un luogo diverso dal relay per gli aggiornamenti, per esempio una copia in una filiale. Ciò che arriva da lì è verificato allo stesso modo."}},
	{Key: UpdateRootPin, Kind: Text, Left: Words{"en": "Sealdesk's own", "de": "Die von Sealdesk selbst", "it": "Quelli di Sealdesk stesso"}, valid: digest,
		Sample: "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
		Title:  Words{"en": "Whose updates are believed", "de": "Wessen Aktualisierungen geglaubt wird", "it": "Quali aggiornamenti sono creduti"},
		Help: Words{
			"en": "For a company that signs its own releases: the SHA-256 of the feed's first root.json, as 64 hexadecimal digits. Without it the key that the program was built with counts.",
			"de": "Für ein Unternehmen, das seine Versionen selbst signiert: der SHA-256 der ersten root.json, als 64 hexadezimale Ziffern. Ohne ihn gilt der Schlüssel, mit dem das Programm gebaut wurde.",
			"it": "Per un'azienda che firma da sé le proprie versioni: lo SHA-256 del primo root.json, in 64 cifre esadecimali. Senza, vale la chiave con cui il programma è stato costruito."}},
}

// Defs returns the table, in the order in which people read it.
func Defs() []Def { return slices.Clone(defs) }

// Find returns the definition of a key.
func Find(k Key) (Def, bool) {
	i := slices.IndexFunc(defs, func(d Def) bool { return d.Key == k })
	if i < 0 {
		return Def{}, false
	}
	return defs[i], true
}

// Value returns a value of an Enum by its name.
func (d Def) Value(name string) (Value, bool) {
	i := slices.IndexFunc(d.Values, func(v Value) bool { return v.Name == name })
	if i < 0 {
		return Value{}, false
	}
	return d.Values[i], true
}
