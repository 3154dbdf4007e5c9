package guard

import "strings"

// A concept is what a word may mean, in whatever language. Rules are written over concepts, so that one rule holds for
// all languages and for the mixtures people write. A word may mean several things.
type concept uint64

const (
	reach    concept = 1 << iota // to get in contact: write, call, text, add
	me                           // the writer
	my                           // the writer's
	own                          // private, personal
	wayPhone                     // a number, a mobile
	wayMail                      // a mail address
	wayAcct                      // an account, a profile, a channel
	app                          // another app, unmistakably
	appWeak                      // another app, or something else: signal, line, sms
	whatsapp
	here
	move // to go on somewhere else, to talk
	on   // on, at, via
	not  // negation
	us   // the company
	firm // the company, the boss
	pay
	buy
	give // to hand over: give, send, save, note
	have // do you have, use
	you
	your
	cheap // cheaper, discount between friends
	iff   // if
	business
	ask // to request: send, tell, need, what is
	rebate
	off // behind an amount
	free
	half
	price
	code
	quote // a word that excuses a percentage: VAT, cotton, deposit
	numeral
	atWord
	bank
	account
	perm     // may, can
	first    // I
	shipping // what is free is carriage
	nope     // "free" that gives nothing: feel free, free time
	want     // would like
	there    // in that other place
	prefer
	social  // an app companies are on too
	showing // what companies do there: to post, to share
)

var vocabulary = []struct {
	is    concept
	words string
}{
	{reach, `look suchen suche such cerchi cercate write writes text texts call calls message msg contact reach ping ring dm pm phone add find ask follow hit inbox whatsapp
		schreib schreibe schreiben schreibt schreibst anschreiben ruf rufe rufen ruft anrufen anruf kontaktier kontaktiere kontaktieren
		erreich erreiche erreichen erreichst erreichbar meld melde melden meldet meldest adde adden hinzu folge folg
		scrivere scrivi scriva scrivete chiama chiami chiamare contatta contattare contatti cerca cercami raggiungere aggiungi
		escribe escriba escribir llama llame llamar contacta contacte contactar agrega
		ecris ecrivez ecrire appelle appelez appeler contactez contacter ajoute joindre
		escreva escreve ligue liga ligar chame chama chamar contate adicione adiciona fala fale`},
	{reach | me, `scrivimi scrivetemi scrivermi chiamami chiamatemi chiamarmi contattami contattatemi contattarmi aggiungimi trovami cercami raggiungimi seguimi seguitemi seguimi aggiungetemi
		escribeme escribame escribirme llamame llameme llamarme contactame contacteme contactarme agregame buscame
		mandami inviami sentiamoci mandame`},
	{me, `me mir mich mi moi m im i'm myself`},
	{my, `my mein meine meiner meinem meinen meines mio mia miei mie mi mis mon ma mes meu minha meus mine`},
	{own, `private privately privat private privaten privater privates privatem privato privata privati privatamente privado privada privadamente
		prive privee particulier personal personally personlich personliche personlichen personlicher personale personali personalmente persoenlich persoenliche persoenlichen
		pessoal personnel personnelle perso particular own eigene eigenen eigenes eigener priv`},
	{wayPhone, `number numbers phone cell cellphone mobile tel telephone nummer handynummer telefonnummer handy telefon mobilnummer rufnummer mobil festnetz
		numero cellulare telefono cell cel movil celular portable telephone numero telefone telemovel whatsappnummer mobiltelefon fon smartphone line leitung linea`},
	{wayMail, `mail email emails mailadresse emailadresse postfach correo courriel posta gmail outlook icloud gmx hotmail yahoo mails`},
	{wayAcct, `account accounts profile profil konto profilo perfil compte conta chat kanal channel nick nickname username benutzername contatto contact`},
	{own | wayPhone, `privatnummer privathandy privattelefon privatnr privatenummer`},
	{own | wayMail, `privatmail privatemail privatadresse`},
	{own | wayAcct, `privataccount privatchat privatkonto`},
	{app, `telegram telegramm insta instagram instagramm snapchat threema wechat viber skype discord tiktok facebook messenger linkedin imessage facetime fb telegrama hangouts kik`},
	{appWeak, `signal line tg ig snap teams zoom wire matrix tele vk twitter`},
	{whatsapp, `whatsapp wa wapp whatsap watsapp wapp wsp zap`},
	{here, `here hier qui aqui ici ca hiesigen questa questo diesem dieser diesen this esta este esse essa ce cette`},
	{move, `move switch continue talk chat lets let go discuss wechseln wechsel weiter reden sprechen weiterschreiben weiterreden weitermachen ruber rueber umsteigen klaren besprechen quatschen
		passiamo passare spostiamoci spostarci continuiamo continuare proseguiamo sentiamoci parliamone parliamo vediamoci andiamo scriviamoci
		pasemos sigamos seguimos hablemos hablamos continuemos cambiemos passons continuons parlons discutons vamos continuar falar conversamos conversar mudar`},
	{on, `on at via over by to through auf per uber ueber unter bei zu an su sul sulla sullo tramite per con al alla in da
		por en sur par no na pelo pela em`},
	{not, `nn nich ned not no never t don dont cannot cant nicht nie niemals kein keine keinen keinem keiner non mai nessun nessuna nunca jamas pas jamais nao nem niemand niemandem niemanden nobody nessuno nadie ninguem neither unable leider unfortunately purtroppo`},
	{us, `us our ours uns unser unsere unserer unserem unseren wir we noi nostro nostra nostri nostre ci nuestro nuestra nosotros nous notre nos nosso nossa seguici seguiteci contattaci scrivici chiamaci`},
	{firm, `company firm boss office employer firma chef chefin arbeitgeber unternehmen betrieb laden azienda ditta capo ufficio titolare empresa jefe societe entreprise patron chefe middleman shop store negozio`},
	{pay, `pay paying payment transfer send zahl zahle zahlen bezahl bezahle bezahlen bezahlst uberweis uberweise uberweisen ueberweise uberweist paga paghi pagare pagamento bonifico bonifica pague pagar paie payez payer virement virez transferencia transferir money geld soldi dinero argent dinheiro betrag zahlung anzahlung importo`},
	{buy, `buy order deal purchase sell kauf kaufe kaufen kaufst bestell bestelle bestellen verkauf verkaufe verkaufen geschaft deal compra compri comprare acquista acquistare ordina ordinare vendo affare comprar vendre achete achetez acheter commander`},
	{give, `give send save take note here's gebe geb geben gib schick schicke schicken speicher speichere speichern notier notieren notiere nimm nehmen lass lasse hinterlasse do lascio dare salva salvi salvati segna segnati prendi doy dejo guarda apunta donne laisse note enregistre dou deixo salve anota anote mando passo reach`},
	{have, `have use got using hast haben habt nutzt nutzen verwenden hai avete ha usi usate usa tienes tiene usas as avez utilises utilisez tem tens`},
	{you, `you du sie ihr dir ihnen euch tu lei voi ti le usted vous toi te voce tienes tiene hai avete usi tem`},
	{your, `your yours dein deine deinen deiner deinem ihre ihren ihrem ihrer ihres ihr eure euer tuo tua tuoi tue suo sua suoi sue vostro vostra su sus tus votre vos ton ta tes seu sua teu tua`},
	{cheap, `weniger cheaper cheap less gunstiger guenstiger billiger billig guenstig gunstig meno economico economica conviene barato menos cher moins mais`},
	{iff, `if when wenn falls se si quando cuando quand why warum perche porque`},
	{business, `business shop company firm store startup geschaft firma laden unternehmen agentur attivita negozio azienda ditta negocio tienda empresa entreprise boutique loja`},
	{ask, `send give tell share provide need upload forward show enter photo picture scan copy what whats schick schicke schicken senden sende sendet gib geben nenn nenne nennen teil teile teilen brauche brauchen benotige benotigen benotigt zeig zeigen foto kopie scannen scan lautet mitteilen
		manda mandi mandami mandare invia invii inviami inviare dammi dimmi dica dia fornisca fornire serve servono foto copia scansione mostrami qual comunichi comunicami comunicare inviarci mandarci inviarmi mandarmi
		envia envie enviame enviar dame deme dime necesito necesitamos envoyez envoie donnez donne dites besoin passe passez mande manda preciso precisamos forneca diga`},
	{rebate, `discount discounts discounted rebate rabatt rabatte rabattiert nachlass preisnachlass nachlasse ermassigung ermaessigung ermassigt reduziert vergunstigung sonderrabatt personalrabatt mitarbeiterrabatt treuerabatt mengenrabatt extrarabatt sconto sconti scontato scontata scontati sconticino scontare ribasso riduzione descuento descuentos rebaja remise reduction rabais ristourne desconto descontos reduced reduction cheaper gunstiger billiger guenstiger markdown promo promotion sale`},
	{off, `off`},
	{free, `free gratis kostenlos kostenlose kostenloser kostenloses kostenfrei umsonst geschenkt gratisartikel gratuito gratuita gratuitamente gratuiti omaggio regalo regalato regaliamo gratuit gratuite gratuitement gratuitos gratuita freebie complimentary geschenk verschenke schenke schenken`},
	{half, `half halb halben halber halbe halfte haelfte meta mezzo mitad moitie metade`},
	{price, `price prices preis preise preises prezzo prezzi precio precios prix preco precos cost kosten costo listenpreis kaufpreis rechnungsbetrag total totale gesamtpreis listino`},
	{code, `code codes gutschein gutscheincode gutscheine rabattcode aktionscode promocode coupon coupons voucher voucher codice codici buono sconto vale cupon codigo bon cupom vouchercode gutscheinnummer`},
	{quote, `vat tax mwst ust umsatzsteuer mehrwertsteuer steuer iva tva cotton baumwolle cotone wool wolle lana polyester leather leder pelle silk seta seide linen leinen lino deposit anzahlung caparra acconto anticipo battery akku batteria humidity satisfied zufrieden sicher sure sicuro sicura charged full voll geladen recycled recycelt riciclato interest zinsen zins interessi commission provision commissione alcohol vol alkohol acid elastane elasthan customs zoll dazio efficiency wirkungsgrad efficienza sugar sicurezza natural naturale natuerlich biologico bio finanzierung`},
	{numeral, `zero one two three four five six seven eight nine oh double triple null eins zwei zwo drei vier funf fuenf sechs sieben acht neun zehn elf zwolf uno due tre quattro cinque sei sette otto nove dos cuatro cinco siete ocho nueve cero tres seis un ein deux trois quatre cinq sept huit neuf um dois quatro sete oito plus piu`},
	{atWord, `at at ät aet arroba chiocciola chiocciolina arobase klammeraffe dot punkt punto underscore unterstrich`},
	{bank, `iban bic swift blz bankleitzahl sortcode bankkonto bankverbindung bank banca banco banque bancario bancaria bancarie bankdaten routing coordinate conto contocorrente bankverbindungen postepay paypal revolut bizum venmo cashapp zelle satispay wise twint`},
	{account, `account konto kontonummer kto conto cuenta compte conta wallet kontoverbindung bankkonto postepay paypal revolut bizum venmo cashapp zelle satispay wise twint karte carta paypalkonto`},
	{perm, `allowed may can could able permitted darf durfen duerfen kann konnen koennen erlaubt posso possiamo puo permesso puedo peux posso podemos`},
	{first, `i ich io yo je eu ive sono bin soy suis sou i'm`},
	{shipping, `shipping delivery returns return versand lieferung rucksendung ruckversand retoure spedizione consegna reso envio entrega livraison frete devolucion ruckgabe sending postage carriage parking parkplatze parkplatz parken parcheggio wifi wlan consultation beratung consulenza erstberatung preventivo kostenvoranschlag quote estimate sample cancellation stornierung cancellazione storno umtausch exchange hotline app advice download info trial test`},
	{nope, `feel sugar gluten fett tax duty hands toll zoll steuer stress error allergy lead smoke phone free't time slot tomorrow today monday tuesday wednesday thursday friday appointment termin frei fragrance oil bpa lactose zucker`},
	{there, `there dort da dahin druben rueber ruber drueben li la alli ahi dort`},
	{prefer, `prefer prefere preferisco preferirei bevorzuge lieber besser better easier faster quicker schneller einfacher meglio veloce comodo facile prefiero mejor`},
	{give, `gib* gibt lascio`},
	{buy, `ordini ordina ordinate vend* verkauf* sell selling`},
	{move, `parl* chiacchier* trasfer* verleg* take portiamo portare bring`},
	{quote, `consuma consumo consumi verbraucht verbrauch uses energy strom energia wasser acqua weight gewicht faster schneller leichter piu stromverbrauch energieverbrauch risparmio`},
	{reach, `schreib* anschreib* kontaktier* erreich* anruf* angeruf* scriv* contatt* chiam* raggiung* contact* messag* escrib* rispond* antwort* answer* reply* texting writing calling pinging adding`},
	{move, `wechsel* umsteig* switch* continu* spost* prosegu* besprech* discuss* weiterred* weiterschreib* rubergeh* rueberkomm* transfer* chatt*`},
	{give, `speicher* notier* salvi salvat* segnat* segni annot* memorizz* hinterlass* aufschreib*`},
	{own, `personlich* persoenlich* privat* personal* personel* prive* privad*`},
	{pay, `uberweis* ueberweis* zahl* bezahl* paghi bonific* vers* payer* transfer*`},
	{buy, `compr* acquist* bestell* kauf* order*`},
	{have, `nutz* verwend* utilizz*`},
	{rebate, `rabatt* nachlass* scont* descuent* descont* discount* ermassig* ermaessig* vergunstig*`},
	{social, `instagram insta instagramm facebook fb tiktok linkedin ig twitter messenger`},
	{showing, `post posts posted posting poste posten gepostet postet pubblicato pubblichiamo pubblicare share shared sharing teilen geteilt condividere saw seen see gesehen sehen visto vedere ad ads anzeige werbung pubblicita foto fotos photo photos bild bilder picture story stories reel reels page seite pagina profile profil profilo channel kanal canale tag tagged markiert markieren video videos giveaway gewinnspiel concorso review bewertung recensione followers follower live hashtag feed campaign kampagne`},
	{want, `want would like mochte moechte vorrei voglio`},
}

// lexicon fills stems on the way.
var lexicon = func() map[string]concept {
	m := map[string]concept{}
	for _, v := range vocabulary {
		for w := range strings.FieldsSeq(v.words) {
			if stem, ok := strings.CutSuffix(w, "*"); ok {
				stems[stem] |= v.is
				continue
			}
			m[plainWord(w)] |= v.is
		}
	}
	return m
}()

// stems are the beginnings of words whose endings say only who and when. A word that is listed whole is not looked up
// here. compounds of these with other nouns are as listed: see notStems.
var stems = map[string]concept{}

// notStems are words that only begin like one of stems.
var notStems = set(`privatkunde privatkunden privatkundin privatperson privatpersonen personalausweis personalabteilung personalmangel personale
	passwort chattanooga zahler zahlen zahl version versand versandt versione versando versuch versuche verse verso versicherung versichert versprochen verspatung verspaetung
	versandkosten versandfertig versandkostenfrei verschicken verstehe verstehen verschiedene verschieden privatgebrauch transfers orders ordered ordering order personalized personalised personnel personalizzato personalizzata
	kaufhaus kaufvertrag kaufpreis kaufdatum kaufbeleg bestellt bestellung bestellungen bestellnummer zahlungseingang zahlungsart chiamata chiamate contattato scrivania contactless contacted scritto messaggio messaggi
	discussed spoken besprochen parlato privatverkauf privatleben kaufmann comprende comprensivo compreso compresa compresi comprensione zahlreich bestellstatus gekauft contacts zahlt ordernumber`)

// apps are looked for when a word is written with other things between its letters.
var apps = func() map[string]concept {
	m := map[string]concept{}
	for w, c := range lexicon {
		if c &= app | whatsapp; c != 0 && len(w) >= 6 && w != "imessage" { // "can I message you"
			m[w] = c
		}
	}
	return m
}()

// appOpenings are the first two letters of apps.
var appOpenings = func() map[[2]byte]bool {
	m := map[[2]byte]bool{}
	for w := range apps {
		m[[2]byte{w[0], w[1]}] = true
	}
	return m
}()

func plainWord(w string) string {
	var b strings.Builder
	for _, r := range w {
		if as, ok := latin[r]; ok {
			b.WriteString(as)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// meaning returns what a folded word may mean.
func meaning(w []byte) concept {
	if len(w) > 24 {
		return 0
	}
	c, ok := lexicon[string(w)]
	if ok || len(w) < 5 || w[0] < 'a' {
		return c
	}
	for n := 4; n <= min(len(w), 11); n++ {
		c |= stems[string(w[:n])]
	}
	if notStems[string(w)] {
		return 0
	}
	if c == 0 && len(w) >= slipLetters {
		if near := mistyped.meant(w); near != "" {
			return lexicon[near]
		}
	}
	return c
}

// mistyped are the words of the lexicon that are recognised with a slip in them: those that make a discount or a lure, and
// those that excuse one.
var mistyped = func() slips {
	s := slips{}
	for w, c := range lexicon {
		if c&(rebate|own|us|half|cheap|not|showing|shipping|quote) != 0 && c&numeral == 0 {
			s.learn(w)
		}
	}
	return s
}()

// builtinSensitive is what no company asks for in a chat. A policy's Allowed takes phrases out.
var builtinSensitive = []string{
	"password*", "passwort*", "passwd", "kennwort*", "contrasena*", "mot de passe", "senha", "parola chiave",
	"pin", "pin code", "tan", "one time code", "one-time code", "otp", "verification code", "bestatigungscode", "verifizierungscode", "codice di verifica", "codice otp", "sms code",
	"cvv", "cvc", "security code", "sicherheitscode", "kartenprufnummer", "prufziffer", "codice di sicurezza", "kartenpruefnummer",
	"card number", "card details", "credit card", "debit card", "kreditkarte*", "kartennummer*", "kartendaten", "numero di carta", "numero della carta", "carta di credito", "dati della carta", "tarjeta de credito", "carte bancaire", "cartao de credito",
	"id card", "identity card", "identity document", "passport*", "driving licence", "driver license", "drivers license", "driver s license", "ausweis*", "personalausweis*", "reisepass*", "fuhrerschein*", "fuehrerschein*", "carta d identita", "carta identita", "documento d identita", "documento di identita", "passaporto", "patente", "codice fiscale", "dni", "pasaporte", "carte d identite", "passeport", "passaporte",
	"social security number", "ssn", "tax id", "sozialversicherungsnummer", "steuer id", "steueridentifikationsnummer", "versichertennummer", "tessera sanitaria",
	"online banking", "mother s maiden name", "health record*", "medical record*", "diagnose*", "krankenakte", "cartella clinica",
}
