package mask

import "strings"

// The words the scanners know, folded. They are kept small on purpose: a word belongs here when people write it beside
// numbers and addresses in one of the languages the company's customers chat in.

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
		m[string(fold(w).b)] = true
	}
	return m
}

// phrases cuts a list at its bars, folded as texts are.
func phrases(list string) []string {
	var out []string
	for p := range strings.SplitSeq(list, "|") {
		out = append(out, string(fold(strings.TrimSpace(p)).b))
	}
	return out
}

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, p := range phrases(list) {
		m[p] = true
	}
	return m
}

var (
	// atPhrases and the phrases of spelledSigns: longer ones before those they begin with.
	atPhrases = phrases(`at the rate of|at the rate|at-the-rate|at sign|at-zeichen|at zeichen|at işareti|at|ät|aet|arroba|
		chiocciolina|chiocciola|arobase|arobas|klammeraffe|affenschwanz|affe|a commerciale|a commercial|a keong|a|et işareti|
		et|kuyruklu a|małpa|malpa|małpka|собачка|собака|эт|آت|ات|علامة آت|एट द रेट|एट|ऐट|apenstaartje|apestaartje`)
	weakAt   = words(`at|a|et|ات|эт|affe|एट`)
	beginsAt = func() (is [256]bool) {
		is['@'], is['%'], is['&'] = true, true, true
		for _, p := range atPhrases {
			is[p[0]] = true
		}
		return is
	}()

	atByFirst = func() (by [256][]string) {
		for _, p := range atPhrases {
			by[p[0]] = append(by[p[0]], p)
		}
		return by
	}()

	spelledSigns = []struct {
		sign    byte
		phrases []string
	}{
		{'.', phrases(`dot|punkt|punto|point|ponto|titik|nokta|kropka|точка|نقطة|نقطه|دوت|डॉट|डाट|बिंदु|punt`)},
		{'_', phrases(`underscore|underline|unterstrich|guion bajo|guión bajo|trattino basso|tiret bas|sublinhado|
			garis bawah|alt çizgi|нижнее подчеркивание|нижнее подчёркивание|подчеркивание|شرطة سفلية|अंडरस्कोर|laag streepje`)},
		{'-', phrases(`dash|minus|hyphen|bindestrich|guion|guión|trattino|tiret|traço|hífen|дефис|тире|شرطة|tire|koppelteken`)},
	}
	beginsSign = func() (is [256]bool) {
		for _, set := range spelledSigns {
			for _, p := range set.phrases {
				is[p[0]] = true
			}
		}
		return is
	}()
	dotWords  = set(`dot punkt punto point ponto titik nokta kropka точка نقطة نقطه دوت डॉट डाट punt`)
	mailWords = set(`mail email mails e-mail emails correo courriel posta postа surel почта почту почте имейл емейл мейл
		بريد ايميل إيميل الايميل ईमेल मेल mél eposta mailadresse write schreib`)
	sendWords = set(`send kirim kirimkan schick schicken schickt sende senden mandate manda mandami mande mandar envía envia envie
		envoyez envoyer envoie stuur sturen wyślij wysłać gönder gönderin пришлите отправьте отправить bhej bhejo bhejna
		copy kopie copia`)
	commonWords = set(`de it at es no in me us is app online shop mail si`)

	// mailDomains are top-level domains that make a spelled address believable.
	mailDomains = set(`com net org info biz eu de at ch it fr es pt uk nl be lu dk se no fi pl cz sk hu ro bg hr si gr
		ie tr ru ua us ca mx br ar cl co pe au nz in cn jp kr ae sa eg ma tn za ng ke il me io app dev online shop
		email mail example test invalid cat edu gov
		gt id pk bd lk vn th my sg ph hk tw il jo kw qa lb iq bh om kz ua by rs ba mk al md ge am az lt lv ee is mt cy
		ec bo uy py cr gt do pa hn ni sv cu ug et sn ci cm gh tz dz ly nz eus gal`)

	// newDomains are younger ones, which many a handle and word looks like.
	newDomains = set(`xyz site website store tech cloud digital agency studio design photography photo photos media news blog live life
		world today team group company solutions services consulting systems network center international global city
		space fun club vip pro name mobi asia travel hotel restaurant cafe food fashion shoes jewelry art music video
		games casino bet money finance bank insurance legal law tax doctor dental health fitness care school academy
		education training university church community social chat link page zone top win work works ltd gmbh kaufen
		haus immobilien versicherung reise berlin hamburg koeln bayern wien tirol swiss paris london moscow istanbul
		рф укр бел`)

	mailProviders = set(`gmail googlemail gmx web outlook hotmail yahoo ymail icloud me mac aol proton protonmail mail
		live msn freenet t-online posteo arcor libero virgilio alice tin tiscali fastweb orange wanadoo laposte free sfr
		uol bol terra telefonica sapo qq foxmail yandex zoho bluewin hispeed btinternet`)

	networks = set(`insta instagram ig telegram tg snap snapchat tiktok threema wechat weixin 微信 skype discord signal
		viber facebook fb twitter messenger linkedin threads kik vk zalo line instagramm tele insta-account
		انستغرام انستقرام انستا إنستغرام تيليجرام تلغرام تليجرام سناب инстаграм инстаграме инста инсте телеграм телеграме
		телега телеге тг телеграмм телеграмме телеграма инстаграма инстаграмм instagramım instagramim instagramimi
		instagrama instagramie instagramu instagramda telegramım telegramim telegramie telegrama telegramu telegramda इंस्टाग्राम इंस्टा टेलीग्राम username usernames benutzername nickname usuario usuário utilisateur
		nutzername`)
	// introducers stand between a network and the name on it.
	introducers = set(`is ist lautet heißt heisst heiße heisse est c è é e es se llama chiama appelle s si sono soy sou bin
		i ich je m me mi am im as als como come comme named called name handle id account username user profil profile
		profilo perfil nick konto compte cuenta conta benutzername usuario usuário utilisateur utente nome nom nombre
		unter sotto bajo sous under suis su on auf find finde findest mich trovi trovami encuentras encontras chamo
		du d it its the just only nur solo suche nach search for cerca busca cherche add dm nutzername aku gue to jako pe par pod się nazywa kullanıcı kullanici jestem adalah saya это
		меня я мой هو اسمي حسابي hesabım hesabim adım adim mijn ben`)
	copulas = set(`is ist lautet heißt heisst heiße heisse est è é es llama chiama appelle sono soy sou bin suis adalah aku to jako это as
		als como come comme called named`)
	asWords     = set(`aku as als como come comme under unter sotto bajo sous named called heiße heisse soy sono sou suis bin username id handle nick nickname nutzername`)
	followWords = set(`add follow segue segueme seguem folge folgt sígueme sigueme seguimi suivez suis siga dm message write schreib schreibt
		scrivimi escríbeme escribeme écris ecris chama adicione ajoute agrega aggiungi find agrégame agregame agrégueme búscame buscame adiciona chama catch hit cercami suche such profil profilo perfil profile compte cuenta conta konto account retrouvez retrouve encontra sígame`)
	prepositionWords = set(`on auf bei in su en sur no na em via über sul sull di de sa em by using the is und at w no на в في
		di op`)
	selfWords = set(`i'm im am as bin heiße heisse als sono soy suis sou comme come como user username under unter sotto bajo
		sous named called it's its find add @ ben chiamo llamo chamo appelle heisse name`)
	clauseWords = set(`on auf su sur en no und and y et e oder or o ou but aber ma pero mais thanks danke grazie gracias merci
		obrigado obrigada if falls wenn se si है hai ya ciao pozdro pozdrawiam saludos abraço beijo groetjes search спасибо спс teşekkürler شكرا धन्यवाद kak cheers bye for für per para pour there da lì dort ok please bitte`)
	// plainWords are no names although they end a clause: "my insta is down".
	plainWords = set(`down gone new neu nuovo nuevo nouveau novo private privat privato privado privé broken kaputt hacked
		gehackt blocked gesperrt there here hier dort great good gut cool nice super ok okay full voll empty leer not nicht
		public öffentlich the der die das ein eine a an this that diese dieser you your yours sie ihr ihre euch uns us we
		wir they too auch zu now jetzt today heute page seite shop story stories post posts reel reels bild bilder foto
		fotos photo photos video videos app link links ad ads anzeige werbung kampagne campaign noch schon schon già ya
		wieder again down, offline online fake weg old alt viejo vecchio vieux velho working funktioniert better besser
		best true falsch wrong same gleich what was who wer how wie where wo why warum yes ja sì si oui sim nein non
		nothing nichts something etwas mine deins dein mein fine slow langsam lento lent message nachricht mensaje
		messaggio account konto profil profile seen gesehen visto vu company firma business please pls plz bitte favor piacere svp stp porfa por ya lütfen proszę
		pożalujsta пожалуйста tolong minggu kemarin error eror yesterday gestern ayer ieri hier ontem dün вчера wczoraj gisteren`)
	shopDomains = set(`com net org info biz eu de at ch it fr es pt uk nl be lu dk se no fi pl cz br ar mx shop store example
		online io co us ru in id html pdf jpg png`)

	phoneWords = set(`tel phone fon fono ruf call cell cel tlf tél mob gsm wa ph whatsapp hp tlm porta bel bellen zap numaram numaramız hubungi appelez appelle chiama chiamami chiamatemi ruft
		ligue liga ara arayın звоните звони тел телефон номер फोन नंबर मोबाइल`)
	phoneStems = newStems(strings.Fields(`telefon telephon téléphon teléfon telefone handy mobil móvil movil cellular celular
		portable whatsapp anruf appel llam llám chiam zurückruf rückruf callback smartphone 电话 手机 电話 号码是 هاتف جوال
		موبايل واتس اتصل تلفون`))

	possessives = set(`my mine meine mein meiner meinem unsere unser our mia mio miei nostro mi mein mon ma notre meu minha
		nosso رقمي mijn мой моя мне benim saya mera मेरा mój moja moje moj onze я حسابي aku gue`)
	numberWords = set(`number numbers nummer nummern nr no num numero número numéro numer n № رقم 号码 号 رقمي`)
	fillers     = set(`is ist lautet lauten the der die das è é es est il la le lo el o a um as are sind of von für fur
		for unter auf bei to an neue neuer new nuovo nuovo nueva nouveau id code kennung hier here ecco dann und and says sagt dice dit shows zeigt op me mij mich mir at al alle au an ao à aan auf на по para pada ke pe par pour do di no ya bei de del dei della do da dos van`)

	// towardWords say where something goes: behind "invoice" they announce no invoice.
	towardWords = set(`to an a al à ao au aan na на по para pada ke pe par pour auf`)

	codeWords = set(`ref art ean gtin isbn sku sn imei pin plz zip order orders orden item items part parts model iso en
		din pos id vat iva ust piva steuer ticket case lot batch charge n° colis cmd awb bon po rma ups dhl gls dpd
		hermes fedex tnt mac uuid barcode resi kargo takip takipno nota cod lot batch seri pesanan nip typ compra trace build firmware version versione versión driver kernel rev réf kat cat best npwp nif cif siret vin ip`)
	// touchingWords mean a code only right before it: "EN 14511", but not "en la …".
	touchingWords = set(`en iso din pos id lot`)
	degreeWords   = set(`lat lon lng long latitude longitude latitud longitud gps coord coordinates koordinaten`)
	codeStems     = newStems(strings.Fields(`bestel auftrag rechnung invoice fattur ordine pedido command factur fatura encomenda
		tracking tracciamento tracciabilità sendung paket parcel spedizion envío envio rastre referen riferiment référ vorgang kundennr kundennum
		customer artikel article articol serial serien seriale modell angebot quote offert vertrag contract contrat
		zähler meterstand contatore compteur contador sayaç показан odometer liefersch matricol ordernumber ordernr teilenum typnr codice código codigo lieferant
		booking buchung reserv zamówien zamow suivi guía paczk seguim przesył śledz modelo modèle katalog teklif orcament orçament заказ счёт счет трек накладн артикул посылк sipariş siparis fatura kargo faktur pesanan inventar matrikel zählernummer рахун ऑर्डर बिल طلب فاتور شحن تتبع 订单 发票 快递 单号 运单 货号`))

	currencySigns = []string{"€", "$", "£", "¥", "₹", "₺", "₽", "₩", "₪", "元", "د.إ", "ر.س", "₦", "₫", "đ", "₴", "₱", "฿", "zł", "s/"}
	currencyWords = set(`eur euro euros usd dollar dollars us$ chf fr franken gbp pound pounds jpy yen cny rmb inr rs
		rupees brl reais real r mxn pesos peso ars clp cop pln zł zl czk kč sek nok dkk kr huf ft ron lei try tl rub aed kr cop ksh kes ngn dirhams uah грн zar php thb vnd idr rp egp руб р ron ₽ kzt тг pkr bdt lkr myr sgd hkd twd pen dop gtq crc uyu bob
		rupiah dong đồng đong lira lire złotych zlotych złoty dollari dólares dolares dólar dolar рублей рубля рубль рупий taka baht won
		ringgit naira shilling shillings rupien rupee rupie rupias rubel kroner kronor koruna forint hryvnia гривень гривен dirham sar riyal egp mad درهم ريال جنيه دينار 人民币 块 美元 欧元`)

	units = set(`mm cm m km kg g mg t l ml kwh wh kw w mw v mv a mah ma hz khz mhz ghz nm bar px dpi kb mb gb tb stk
		stück stueck st pcs pz pezzi pieces pièces unidades unidade uds liter litri litros litres meter metri metros
		gramm qm mq rpm lumen lm stunden hours km² m² m2 hl ha`)

	titles = set(`dr prof mr mrs ms herr frau sig sigra signor signora mme mlle sr sra dott dipl ing dipl-ing mag`)

	// personLinks end where a name or a number begins.
	personLinks = strings.Fields(`wa.me/ api.whatsapp.com/ chat.whatsapp.com/ web.whatsapp.com/ whatsapp.com/ whatsapp:/
		t.me/ telegram.me/ telegram.dog/ tg:/ instagram.com/ instagr.am/ ig.me/ m.me/ fb.me/ facebook.com/ fb.com/
		messenger.com/ tiktok.com/ snapchat.com/ twitter.com/ x.com/ linkedin.com/ signal.me/ line.me/ viber:/
		threema.id/ linktr.ee/ paypal.me/ kik.me/ u.wechat.com/ zalo.me/ ok.ru/ threads.com/ bsky.app/profile/ discord.gg/ discord.com/ vk.com/ vm.tiktok.com/ threads.net/ skype:/ sgnl:/`)
)
