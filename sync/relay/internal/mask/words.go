package mask

import "strings"

// The words the scanners know, folded. They are kept small on purpose: a word belongs here when people write it beside
// numbers and addresses in one of the languages the company's customers chat in.

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

var (
	atWords = set(`@ at ät aet arroba chiocciola arobase arobas klammeraffe affe собака a`)

	dotWords = set(`dot punkt punto point ponto`)

	// mailDomains are top-level domains that make a spelled address believable.
	mailDomains = set(`com net org info biz eu de at ch it fr es pt uk nl be lu dk se no fi pl cz sk hu ro bg hr si gr
		ie tr ru ua us ca mx br ar cl co pe au nz in cn jp kr ae sa eg ma tn za ng ke il me io app dev online shop
		email mail example test invalid cat edu gov`)

	mailProviders = set(`gmail googlemail gmx web outlook hotmail yahoo ymail icloud me mac aol proton protonmail mail
		live msn freenet t-online posteo arcor libero virgilio alice tin tiscali fastweb orange wanadoo laposte free sfr
		uol bol terra telefonica sapo qq foxmail yandex zoho bluewin hispeed btinternet`)

	networks = set(`insta instagram ig telegram tg snap snapchat tiktok threema wechat weixin 微信 skype discord signal
		viber facebook fb twitter messenger linkedin انستغرام انستقرام تيليجرام سناب`)

	phoneWords = set(`tel phone fon fono ruf call cell cel tlf tél mob gsm wa ph whatsapp hp tlm porta`)
	phoneStems = strings.Fields(`telefon telephon téléphon teléfon telefone handy mobil móvil movil cellular celular
		portable whatsapp anruf appel llam llám chiam zurückruf rückruf callback smartphone 电话 手机 电話 号码是 هاتف جوال
		موبايل واتس اتصل تلفون`)

	possessives = set(`my mine meine mein meiner unsere unser our mia mio nostro mi mein mon ma notre meu minha nosso
		رقمي`)
	numberWords = set(`number numbers nummer nummern nr no num numero número numéro numer n № رقم 号码 号 رقمي`)
	fillers     = set(`is ist lautet lauten the der die das è é es est il la le lo el o a um as are sind of von für fur
		for unter auf bei to an neue neuer new nuovo nuovo nueva nouveau id code kennung hier here ecco dann und and`)

	codeWords = set(`ref art ean gtin isbn sku sn imei pin plz zip order orders orden item items part parts model iso en
		din pos id vat iva ust piva steuer ticket case lot batch charge n° colis cmd awb bon po rma ups dhl gls dpd
		hermes fedex tnt mac uuid barcode`)
	codeStems = strings.Fields(`bestell auftrag rechnung invoice fattur ordine pedido command factur fatura encomenda
		tracking sendung paket parcel spedizion envío envio rastre referen riferiment vorgang kundennr kundennum
		customer artikel article articol serial serien seriale modell angebot quote offert vertrag contract contrat
		zähler meterstand liefersch matricol ordernumber ordernr teilenum typnr codice código codigo lieferant
		طلب فاتور شحن تتبع 订单 发票 快递 单号 运单 货号`)

	currencySigns = []string{"€", "$", "£", "¥", "₹", "₺", "₽", "₩", "₪", "元", "د.إ", "ر.س"}
	currencyWords = set(`eur euro euros usd dollar dollars us$ chf fr franken gbp pound pounds jpy yen cny rmb inr rs
		rupees brl reais real r mxn pesos peso ars clp cop pln zł zl czk kč sek nok dkk kr huf ft ron lei try tl rub aed
		dirham sar riyal egp mad درهم ريال جنيه دينار 人民币 块 美元 欧元`)

	units = set(`mm cm m km kg g mg t l ml kwh wh kw w mw v mv a mah ma hz khz mhz ghz nm bar px dpi kb mb gb tb stk
		stück stueck st pcs pz pezzi pieces pièces unidades unidade uds liter litri litros litres meter metri metros
		gramm qm mq rpm lumen lm stunden hours km² m² m2 hl ha`)

	titles = set(`dr prof mr mrs ms herr frau sig sigra signor signora mme mlle sr sra dott dipl ing dipl-ing mag`)

	// personLinks end where a name or a number begins.
	personLinks = strings.Fields(`wa.me/ api.whatsapp.com/ chat.whatsapp.com/ web.whatsapp.com/ whatsapp.com/ whatsapp:/
		t.me/ telegram.me/ telegram.dog/ tg:/ instagram.com/ instagr.am/ ig.me/ m.me/ fb.me/ facebook.com/ fb.com/
		messenger.com/ tiktok.com/ snapchat.com/ twitter.com/ x.com/ linkedin.com/ signal.me/ line.me/ viber:/
		threema.id/ discord.gg/ discord.com/ vk.com/ vm.tiktok.com/ threads.net/ skype:/ sgnl:/`)
)
