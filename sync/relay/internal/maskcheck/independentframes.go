package maskcheck

import "strings"

var (
	authorLangs = strings.Fields("en de it es fr pt tr ar hi hi-Latn id ru nl pl")
	authorTen   = strings.Fields("en es pt hi hi-Latn id ar de it fr ru") // the languages whose worded digits are promised
)

// digitWords are the digits from zero.
var digitWords = map[string]string{
	"en":      "zero one two three four five six seven eight nine",
	"de":      "null eins zwei drei vier fünf sechs sieben acht neun",
	"it":      "zero uno due tre quattro cinque sei sette otto nove",
	"es":      "cero uno dos tres cuatro cinco seis siete ocho nueve",
	"fr":      "zéro un deux trois quatre cinq six sept huit neuf",
	"pt":      "zero um dois três quatro cinco seis sete oito nove",
	"tr":      "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
	"ar":      "صفر واحد اثنين ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة",
	"hi":      "शून्य एक दो तीन चार पांच छह सात आठ नौ",
	"hi-Latn": "shunya ek do teen char paanch chhe saat aath nau",
	"id":      "nol satu dua tiga empat lima enam tujuh delapan sembilan",
	"ru":      "ноль один два три четыре пять шесть семь восемь девять",
	"nl":      "nul een twee drie vier vijf zes zeven acht negen",
	"pl":      "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
}

var teenWords = map[string]string{
	"en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
	"de": "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
	"it": "dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove",
	"es": "diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve",
	"fr": "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf",
	"pt": "dez onze doze treze quatorze quinze dezesseis dezessete dezoito dezenove",
}

var tensWords = map[string]string{
	"en": "twenty thirty forty fifty sixty seventy eighty ninety",
	"de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
	"it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
	"es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
	"fr": "vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt",
	"pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
}

// spokenPair says a number from 10 to 99.
func spokenPair(lang string, n int) string {
	digits, teens, tens := strings.Fields(digitWords[lang]), strings.Fields(teenWords[lang]), strings.Fields(tensWords[lang])
	if n < 20 {
		return teens[n-10]
	}
	ten, one := tens[n/10-2], n%10
	if lang == "fr" && (n/10 == 7 || n/10 == 9) {
		if n == 71 {
			return "soixante et onze"
		}
		return ten + "-" + teens[one]
	}
	if one == 0 {
		if n == 80 && lang == "fr" {
			return "quatre-vingts"
		}
		return ten
	}
	switch lang {
	case "de":
		return strings.TrimSuffix(digits[one], "s"[:b2i(one == 1)]) + "und" + ten
	case "it":
		if one == 1 || one == 8 {
			ten = ten[:len(ten)-1]
		}
		return ten + digits[one]
	case "es":
		if n < 30 {
			return "veinti" + digits[one]
		}
		return ten + " y " + digits[one]
	case "pt":
		return ten + " e " + digits[one]
	case "fr":
		if one == 1 && n < 80 {
			return ten + " et un"
		}
	}
	return ten + "-" + digits[one]
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// phoneFrames stand around a way to reach somebody. {…} are slots of fill.
var phoneFrames = map[string][]string{
	"en": {"%", "Could you ring my brother? He is on %, any time before noon.", "my new cell is % (same name)", "The driver wants a contact: % — thanks!", "2 pairs for {price} please, text % once shipped",
		"Sure, you can reach us at % on {date}", "I lost my phone, so from now on %", "whatsapp the invoice to % pls", "Delivery slot {time}? then ring %."},
	"de": {"%", "Rufen Sie bitte meine Frau an: %, sie ist bis Mittag da.", "neue Handynr: % (alte geht nicht mehr)", "Der Fahrer soll sich unter % melden, danke!", "Nehme 2 Paar für {price}, dann kurz an % schreiben",
		"Erreichbar bin ich am {date} unter %", "Mobil % oder einfach klingeln", "Meine Nummer ist % falls was ist"},
	"it":      {"%", "Chiamate mio fratello al %, è libero fino a mezzogiorno.", "il mio nuovo cellulare: % (l'altro è spento)", "Il corriere può chiamare % grazie!", "Ne prendo 2 a {price}, poi scrivetemi al %", "Mi trovate il {date} al %", "tel. % chiedere di Carla"},
	"es":      {"%", "Llamen a mi hermano al %, está libre hasta el mediodía.", "mi nuevo móvil es % (el otro ya no va)", "El repartidor puede llamar al % ¡gracias!", "Quiero 2 por {price}, avísame al %", "Me encuentras el {date} en el %", "anota: % y listo"},
	"fr":      {"%", "Appelez mon frère au %, il est là jusqu'à midi.", "mon nouveau portable : % (l'ancien est coupé)", "Le livreur peut joindre le % merci !", "J'en prends 2 à {price}, écrivez-moi au %", "Je suis joignable le {date} au %", "notez le % svp"},
	"pt":      {"%", "Liga para o meu irmão no %, ele está livre até meio-dia.", "meu celular novo é % (o velho parou)", "O motoboy pode chamar no % obrigado!", "Quero 2 por {price}, me avisa no %", "Estou disponível dia {date} no %", "zap: % valeu"},
	"tr":      {"%", "Kardeşimi arayın lütfen: %, öğlene kadar müsait.", "yeni numaram % (eskisi kapalı)", "Kurye % numarasını arasın, teşekkürler!", "2 tane alıyorum {price}, bana % üzerinden yazın", "{date} günü % ulaşabilirsiniz"},
	"ar":      {"%", "اتصل بأخي على % من فضلك", "رقمي الجديد هو % والقديم مغلق", "السائق يتصل على % شكرا", "أريد قطعتين بسعر {price} وراسلني على %", "يمكنك الوصول إلي على % يوم {date}"},
	"hi":      {"%", "मेरे भाई को % पर फोन करें, वह दोपहर तक है", "मेरा नया नंबर % है", "डिलीवरी वाला % पर कॉल करे, धन्यवाद", "दो पीस {price} में चाहिए, % पर मैसेज करना"},
	"hi-Latn": {"%", "mere bhai ko % par call karo, dopahar tak free hai", "mera naya number % hai", "delivery wala % pe phone kare, dhanyavaad", "do piece {price} mein chahiye, % pe batana", "{date} ko % pe milunga"},
	"id":      {"%", "Tolong telepon kakak saya di %, dia ada sampai siang.", "nomor baru saya % (yang lama mati)", "Kurir bisa hubungi % terima kasih!", "Saya ambil 2 seharga {price}, kabari ke %", "hp saya % ya kak"},
	"ru":      {"%", "Позвоните брату на %, он свободен до обеда.", "мой новый номер % (старый отключён)", "Курьер пусть наберёт % спасибо!", "Возьму 2 штуки за {price}, напишите на %", "Буду на связи {date} по %"},
	"nl":      {"%", "Bel mijn broer even op %, hij is er tot de middag.", "mijn nieuwe nummer is % (oude werkt niet)", "De koerier kan % bellen, bedankt!", "Ik neem er 2 voor {price}, app me op %", "Op {date} ben ik bereikbaar via %"},
	"pl":      {"%", "Proszę zadzwonić do brata: %, jest do południa.", "mój nowy numer to % (stary nie działa)", "Kurier może dzwonić na % dziękuję!", "Biorę 2 za {price}, napisz na %", "Jestem dostępny {date} pod %"},
}

// plainFrames stand around the contact's own number and say little of it.
var plainFrames = []string{"%", "ok %", "% bitte", "sono io: %", "esto es mío: % gracias", "c'est % hein", "anota % por favor", "this is me, %, as said", "so… %!", "{size}? and % ok?", "см. %", "yaz: %",
	"look: % and {price}", "fwd %", "takes {time}, then %", "bukan itu, tapi %", "هذا % تمام"}

var pieceFrames = []string{"first %", "then %", "and %", "dann %", "%...", "poi %", "y %", "% got it?", "weiter %", "% 👍", "et puis %"}

var betweenWords = [][3]string{{"en", "starts ", " then "}, {"en", "it is ", " after that "}, {"de", "erst ", " danach "}, {"it", "prima ", " poi "}, {"es", "empieza ", " luego "},
	{"fr", "c'est ", " puis "}, {"pt", "é ", " depois "}, {"id", "mulai ", " lalu "}, {"ru", "сначала ", " потом "}, {"en", "write ", " and "}, {"nl", "eerst ", " dan "}, {"de", "also ", " und "}}

var cardFrames = []string{"%", "Charge it to % please", "Karte: %, gültig bis 11/29", "la mia carta è % scad. 04/28", "mi tarjeta % caduca 08/27", "carte bancaire % merci", "cartão % titular eu mesmo", "kart no %",
	"بطاقتي % شكرا", "kartu kredit % ya", "номер карты %", "kaartnummer % graag", "karta % proszę", "मेरा कार्ड % है"}

var ibanFrames = []string{"%", "Please refund to % today", "Bitte überweisen auf % danke", "il mio IBAN: %", "mi cuenta es %, gracias", "mon compte : % merci", "conta %", "hesap %", "حسابي %", "rekening % ya", "счёт %", "overmaken naar % graag",
	"konto % proszę", "IBAN % (Erika M.)"}

var emailFrames = map[string][]string{
	"en": {"%", "send the quote to % please", "my mail is %, thanks", "Invoice copy: % (accounting)"}, "de": {"%", "Angebot bitte an % schicken", "meine Mail ist %, danke", "Rechnung geht an: % (Buchhaltung)"},
	"it": {"%", "mandate il preventivo a % grazie", "la mia mail è %, ciao"}, "es": {"%", "mande el presupuesto a % gracias", "mi correo es %, saludos"},
	"fr": {"%", "envoyez le devis à % merci", "mon mail est %, bonne journée"}, "pt": {"%", "mande o orçamento para % obrigado", "meu email é %, abraço"},
	"tr": {"%", "teklifi % adresine gönderin", "mailim %, teşekkürler"}, "ar": {"%", "أرسل العرض إلى % شكرا", "بريدي % تمام"}, "hi": {"%", "कोटेशन % पर भेजें", "मेरा ईमेल % है"},
	"hi-Latn": {"%", "quotation % par bhej do", "mera email % hai"}, "id": {"%", "kirim penawaran ke % ya", "email saya %, terima kasih"}, "ru": {"%", "пришлите счёт на % спасибо", "моя почта %, жду"},
	"nl": {"%", "stuur de offerte naar % graag", "mijn mail is %, bedankt"}, "pl": {"%", "proszę wysłać ofertę na % dziękuję", "mój mail to %, pozdrawiam"},
}

// spelledAts are how the at and the dots of an address are written out.
var spelledAts = map[string][][2]string{
	"en": {{" at ", " dot "}, {"(at)", "(dot)"}, {"[at]", "[dot]"}, {" (at) ", "."}, {" AT ", " DOT "}, {"{at}", "."}, {" [at] ", " [dot] "}, {"_at_", "_dot_"}},
	"de": {{" at ", " punkt "}, {"(at)", "(punkt)"}, {" ät ", " Punkt "}, {" klammeraffe ", " punkt "}, {"[at]", "."}}, "it": {{" chiocciola ", " punto "}, {"(chiocciola)", "."}, {" chiocciola ", "."}, {" at ", " punto "}},
	"es": {{" arroba ", " punto "}, {"(arroba)", "(punto)"}, {" arroba ", "."}, {"[arroba]", "[punto]"}}, "fr": {{" arobase ", " point "}, {"(arobase)", "."}, {" at ", " point "}},
	"pt": {{" arroba ", " ponto "}, {"(arroba)", "(ponto)"}, {" arroba ", "."}}, "ar": {{" at ", " dot "}, {"(at)", "."}, {" آت ", " دوت "}}, "hi": {{" at ", " dot "}, {"(at)", "(dot)"}, {" एट ", " डॉट "}}, "hi-Latn": {{" at ", " dot "}, {"[at]", "."}},
	"id": {{" at ", " titik "}, {"(at)", "(titik)"}, {" at ", "."}}, "ru": {{" собака ", " точка "}, {"(собака)", "."}, {" at ", " точка "}}, "tr": {{" et ", " nokta "}, {"(et)", "."}}, "nl": {{" apenstaartje ", " punt "}, {"(apenstaartje)", "."}},
	"pl": {{" małpa ", " kropka "}, {"(małpa)", "."}},
}

var handleFrames = map[string][]string{
	"en": {"my insta is %", "find me on telegram: %", "IG %", "add me on snapchat, %", "Telegram username: % thanks", "dm me on instagram %"}, "de": {"mein Insta ist %", "auf Telegram heiße ich %", "Telegram: %", "folg mir auf Instagram: %"},
	"it": {"il mio insta è %", "su telegram sono %", "instagram: % ciao"}, "es": {"mi insta es %", "en telegram soy %", "búscame en instagram: %"}, "fr": {"mon insta c'est %", "sur telegram : %", "mon instagram est %"},
	"pt": {"meu insta é %", "no telegram sou %", "instagram: % beijo"}, "tr": {"instagramım %", "telegram kullanıcı adım %", "insta: %"}, "ar": {"حسابي انستغرام %", "تيليجرام: %", "انستا %"}, "hi": {"मेरा इंस्टाग्राम % है", "टेलीग्राम: %"},
	"hi-Latn": {"mera insta % hai", "telegram id % hai", "instagram pe % search karo"}, "id": {"ig saya %", "telegram: % ya", "insta aku %"}, "ru": {"мой инстаграм %", "телеграм: %", "я в телеге %"},
	"nl": {"mijn insta is %", "op telegram: %", "instagram % groetjes"}, "pl": {"mój insta to %", "na telegramie: %", "instagram % pozdro"},
}

var (
	madeFirst  = strings.Fields("erika lena paolo ines hugo selin omar asha budi olga sanne kasia marta jonas nadia tobi rita felix mona ivo")
	madeSecond = strings.Fields("muster fabbrica lumen keramik baobab nordlicht velvet granit papaya tulpe wawel jaskier sahara monsun comet harbor atelier tandoor sombra")
)

// chatFrames are what customers and sellers write to each other all day.
var chatFrames = map[string][]string{
	"en": {"Hi, is the {item} still available?", "We can do {price} for {qty}, delivery {date}.", "Pick up at {addr} between {time} and {time}?", "Your {order} ships {date}, sorry for the wait", "I paid {price} yesterday but the app says {price}?", "size {size} or {size}, which is closer?",
		"Warranty runs {year}-{year}, so you are fine", "one or two? two please, and three bags", "Could you do {pct} off if I take {qty}?", "great, see you at the shop. dot not needed :)", "ok thanks!!", "the box is {size}, will it fit in the van?"},
	"de": {"Hallo, ist {item} noch zu haben?", "Wir können {price} für {qty} machen, Lieferung {date}.", "Abholung {addr}, zwischen {time} und {time}?", "Ihre {order} geht am {date} raus", "Habe gestern {price} bezahlt, im Konto stehen {price}?", "Größe {size} oder {size}?", "Garantie von {year} bis {year}",
		"eins oder zwei? zwei bitte", "{pct} Rabatt bei {qty}?", "Passt, bis morgen um {time}!", "das Paket ist {size}"},
	"it":      {"Salve, {item} è ancora disponibile?", "Possiamo fare {price} per {qty}, consegna {date}.", "Ritiro in {addr} tra le {time} e le {time}?", "Il suo {order} parte il {date}", "taglia {size} o {size}?", "Sconto del {pct} per {qty}?", "uno o due? due, grazie", "a domani alle {time}"},
	"es":      {"Hola, ¿sigue disponible {item}?", "Podemos dejarlo en {price} por {qty}, entrega {date}.", "¿Recojo en {addr} entre las {time} y las {time}?", "Su {order} sale el {date}", "talla {size} o {size}?", "¿{pct} de descuento por {qty}?", "uno o dos? dos, gracias"},
	"fr":      {"Bonjour, {item} est encore dispo ?", "On peut faire {price} pour {qty}, livraison le {date}.", "Retrait {addr} entre {time} et {time} ?", "Votre {order} part le {date}", "taille {size} ou {size} ?", "{pct} de remise pour {qty} ?", "un ou deux ? deux merci"},
	"pt":      {"Oi, {item} ainda está disponível?", "Fazemos {price} por {qty}, entrega {date}.", "Retiro na {addr} entre {time} e {time}?", "Seu {order} sai dia {date}", "tamanho {size} ou {size}?", "{pct} de desconto para {qty}?"},
	"tr":      {"Merhaba, {item} hala var mı?", "{qty} için {price} olur, teslimat {date}.", "{order} {date} günü çıkıyor", "beden {size} mi {size} mi?", "{pct} indirim olur mu?"},
	"ru":      {"Здравствуйте, {item} ещё есть?", "За {qty} сделаем {price}, доставка {date}.", "Ваш {order} отправим {date}", "размер {size} или {size}?", "скидка {pct} возможна?"},
	"id":      {"Halo, {item} masih ada?", "Bisa {price} untuk {qty}, kirim {date}.", "{order} dikirim {date} ya kak", "ukuran {size} atau {size}?", "diskon {pct} bisa?"},
	"hi-Latn": {"Namaste, {item} available hai?", "{qty} ke liye {price} lagega, delivery {date}.", "aapka {order} {date} ko niklega", "size {size} ya {size}?", "{pct} discount milega?"},
}
