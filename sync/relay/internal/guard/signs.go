package guard

import (
	"bytes"
	"strings"
	"sync"
)

// A sign is one of the things that make a lure when they come together: who, by which way, to do what, hidden from whom.
// Where a concept asks how a sentence is built, signs ask only what is spoken of, so that a lure nobody wrote down before
// still adds up (see scores.go).
type sign uint64

const (
	sMe       sign = 1 << iota // the writer as a goal: me, to me
	sMy                        // the writer's
	sI                         // the writer acts
	sToMe                      // from me, to me, with me: what is the company's goes to the writer
	sUs                        // the company speaks for itself
	sYour                      // the customer's
	sContact                   // write, call, find, add
	sTalk                      // talk, go on, switch, take it
	sWay                       // a number, an address, an account
	sPrivate                   // private, personal
	sOther                     // another, a second, my own
	sSecretly                  // privately, between the two of us: how a thing is done
	sHome                      // at home
	sElse                      // somewhere else, off this app
	sApp                       // an app
	sHere                      // here, this chat
	sWatch                     // read along, monitored
	sFree                      // freely, openly
	sLeave                     // to leave, to quit
	sFirm                      // the company, the boss
	sRival                     // competitor, new employer
	sNew                       // new, another
	sFollow                    // come along, stay in touch
	sWork                      // to work at
	sStart                     // to open, to start
	sKnow                      // to know, to find out
	sMust                      // must, need, should
	sSide                      // on the side, after hours, off the books
	sCash
	sNoBill // without an invoice
	sCheap
	sBuy
	sSell
	sDo
	sPay
	sAround // without, past, instead of
	sGive
	sKeep // save, note down
	sMeet
	sDelete
	sMessage
	sDirect
	sNot
	sIf
	sHave
	sBetter // easier, faster, always
	sThere
	sQuiet // behind "private": a lawful noun
	sNobody
	sAsk
	sAccount
	sCustomer
	sCancel
	sCome   // to come, to follow
	sLets   // let's, shall we
	sOut    // outside of it
	sKin    // the writer's family and friends
	sTell   // to tell others
	sHush   // not a word
	sSee    // to see
	sBiz    // a trade
	sDigits // six digits or more
)

// signWords says what words mean. Expressions are divided by commas; a star stands for any ending.
var signWords = []struct {
	is    sign
	words string
}{
	{sMe, `me, mir, mich, mi, myself, moi`},
	{sMy, `my, mein, meine, meiner, meinem, meinen, meines, mio, mia, miei, mie`},
	{sI | sContact, `ti scrivo, le scrivo, ti chiamo, la chiamo, ti aggiungo, la aggiungo, ti contatto, la contatto`},
	{sI, `i, ich, io, ive, ill, im, id, i'm, let me, vado, lascio, faccio, lavoro, sarò, ti do, le do, te lo, glielo, posso, ho, mando, passo, procuro, trovo, sono, apro, vendo, seguo`},
	{sToMe, `from me, to me, with me, at mine, by me, bei mir, von mir, zu mir, mit mir, an mich, mir direkt, da me, a me, con me, per me, from myself, me directly, me straight, me instead`},
	{sUs, `us, our, uns, unser, unsere, unserer, unserem, unseren, noi, nostro, nostra, nostri, nostre, ci trova, ci trovi, scrivici, seguici`},
	{sYour, `your, yours, ur, dein, deine, deinen, deiner, deinem, ihr, ihre, ihren, ihrem, ihrer, ihres, euer, eure, tuo, tua, tuoi, tue, suo, sua, suoi, sue, vostro, vostra`},

	{sContact, `write, text, message, msg, call, ring, phone, reach, contact, dm, pm, ping, add, find, get me, get hold, catch, hit me up, hmu, give me a bell, drop me a line, swing by, drop me, drop a line, shoot me, email, mail me, look me up, follow me, give me a, give a shout, reply, whatsapp me, be in touch, speak to, talk to me, buzz, holler, facetime,
		schreib, schreibe, schreiben, schreibst, schreibt, ruf, rufe, rufen, anrufen, rufst, meld, melde, melden, meldest, erreichst, erreichen, erreiche, erreichbar, kontaktier, kontaktiere, kontaktieren, adde, adden, add, such mich, suchen sie mich, find, findest, finden, folg mir, klingel, klingle, bimmel, durchklingeln, anschreiben, antexten, texte, sprich mich, nachricht an, anfunken, simsen, wende dich, wenden sie sich,
		scrivere, scriva, scrivi, scrivo, chiama, chiami, chiamare, chiamo, contatta, contatti, contattare, cercare, trova, trovi, trovare, raggiungere, aggiungo, aggiungere, squillo, telefonare, telefona, telefoni, rivolgersi, sentire`},
	{sContact | sMe, `meld dich, melde dich, melden sie sich, fatti sentire, si faccia sentire, get in touch, fatti vivo, si faccia vivo, scrivimi, scrivetemi, scrivermi, chiamami, chiamatemi, chiamarmi, contattami, contattarmi, aggiungimi, aggiungermi, trovami, trovarmi, cercami, cercarmi, cercatemi, raggiungimi, seguimi, telefonami, squillami, rispondimi, sentimi, mandami un messaggio, fammi uno squillo, fammi un fischio, rivolgiti a me, mi trovi, mi trova`},
	{sTalk, `rede, spreche, parlo, parla, parli, talk, talking, speak, chat, chatting, continue, carry on, move this, move our, move to, move over, move the conversation, move the chat, move on to, take this, take it, take our, take the conversation, take the chat, take the rest, switch, swap, hop over, discuss, go on, keep going, meet up,
		reden, sprechen, weiterreden, weiterschreiben, weitersprechen, weiterführen, weitermachen, fortsetzen, besprechen, klären, wechseln, wechsel, umsteigen, rüberwechseln, rübergehen, quatschen, unterhalten, austauschen, ausweichen, machen wir weiter, schreiben wir, reden wir, lass uns, lassen sie uns,
		parlare, parlarne, parliamo, parliamone, continuare, continuiamo, sentirci, sentiamoci, ci sentiamo, spostiamoci, spostarci, passiamo, passare a, proseguiamo, proseguire, scriverci, scriviamoci, vediamoci, discutere, discuterne, risentirci, sentirla, sentirti, chattare`},
	{sWay, `number, nr, num, phone, cell, cellphone, mobile, handy, handynummer, mobilnummer, nummer, telefon, telefonnummer, mail, email, mailadresse, mailadress, address, adresse, inbox, account, accounts, profile, profil, handle, nick, contact, contacts, kontakt, kontaktdaten, details, line, paypal, whatsapp, wa, channel, way, kanal, weg, anschluss, konto, postfach,
		numero, cellulare, telefono, indirizzo, contatto, recapito, recapiti, profilo, posta, conto, account, canale, modo, linea, iban`},
	{sWay | sPrivate, `landline, my wife's phone, festnetz, festnetznummer, fisso di casa, numero di casa, telefono di casa, privatnummer, privathandy, privatadresse, privatmail, privataccount, privatnr, privattelefon, festnetz zuhause, home number, home phone, home address`},
	{sAccount, `account, paypal, konto, privatkonto, conto, wallet, revolut, postepay, satispay, iban, venmo`},
	{sAccount | sPrivate, `privatkonto`},
	{sPrivate, `private, personal, priv, privat, private, privaten, privater, privates, privatem, persönlich, persönliche, persönlichen, persönlicher, persönliches, privato, privata, privati, private, personale, personali`},
	{sPrivate | sWay, `my personal, my private, my own number, my own phone, my own mobile, my own cell, my own mail, my own email, my own whatsapp, my own line, my own paypal, meine eigene nummer, meine eigene handynummer, meine eigene mail, eigene nummer, eigenes handy, eigenen handy, eigene handynummer, eigene mail, eigene mailadresse, eigenen account, il mio personale, mio personale, mio privato, sul personale, mio numero, mio cellulare, mio telefono`},
	{sOther, `other, another, second, different, separate, spare, own, eigene, eigenen, eigenes, eigener, andere, anderen, anderer, anderes, zweite, zweites, zweiten, zweit, altro, altra, secondo, seconda, diverso, diversa`},
	{sSecretly, `after reading, over a private, on a private, once you read, when you have read, nach dem lesen, sobald gelesen, dopo aver letto, dopo averlo letto, privately, in private, one on one, between the two of us, between you and me, between us two, between ourselves, just the two of us, just us two, only between us, between us, on the quiet, on the down low, quietly, discreetly, secretly, confidentially, off the record,
		privat, unter uns, unter vier augen, nur wir zwei, nur wir beide, zwischen uns beiden, heimlich, diskret, im vertrauen, vertraulich, inoffiziell, im stillen, auf privater ebene, auf privatem weg,
		privatamente, in privato, tra noi, tra noi due, fra noi, fra noi due, tra di noi, fra di noi, a quattr'occhi, di nascosto, in segreto, con discrezione, riservatamente, a tu per tu`},
	{sHome, `my flat, my apartment, my garage, der wohnung, meiner wohnung, meine wohnung, mein haus, mio appartamento, mia abitazione, at home, at my home, at my place, my place, my house, zu hause, zuhause, daheim, nach hause, bei mir daheim, a casa, casa mia, da casa`},
	{sElse, `elsewhere, somewhere else, some other place, someplace else, other place, off here, off this, off the app, off app, off platform, away from here, outside here, outside of here, outside this, outside of this, another app, another channel, different app, different channel, different place, another way, other way, different way, something else, somewhere private, somewhere more private, somewhere quieter, a more private, other channel, other app, another platform, different platform, not through here, out of this chat,
		woanders, anderswo, wo anders, anderer stelle, andere app, anderen app, anderer app, anderen kanal, anderer kanal, anderem weg, anderen weg, außerhalb von hier, außerhalb dieser, außerhalb dieses, außerhalb der app, raus aus, weg von hier, andere plattform, irgendwo anders, was anderes, etwas anderes, nicht über diesen, ausserhalb,
		altrove, altra parte, un altro posto, altro canale, altra app, altro modo, fuori di qui, fuori da qui, fuori da questa, fuori da questo, fuori dalla chat, via da qui, qualcos'altro, altro contatto, altra piattaforma`},
	{sApp, `telegram, instagram, insta, ig, signal, viber, threema, facebook, messenger, snapchat, snap, skype, wechat, discord, tiktok, linkedin, imessage, fb, tg, wickr, hangouts`},
	{sHere, `here, hier, qui, this chat, this app, this channel, this number, this line, this platform, diesem chat, dieser app, diesen kanal, diese app, questa chat, questo canale, questa app, questo numero, in the app, in der app, dieser chat, bei uns, with us, con noi, with the shop, from the shop, in the shop, in this shop, im laden, in negozio, dal negozio`},
	{sWatch, `look through, looks through, go through them, goes through, check them, checks them, check these, log everything, logs everything, snoop, schaut da rein, schaut rein, kontrollieren, protokolliert, schnüffelt, controllano, guardano, le guarda, li guarda, spia, monitored, watched, recorded, being read, reads along, read along, reads everything, read everything, reads this, read this, reads all, sees everything, see everything, sees this, can see this, listens, listening, supervised, being logged, gets logged, keeps an eye, tracked by,
		überwacht, mitgelesen, liest mit, mitliest, lesen mit, mitlesen, kontrolliert, aufgezeichnet, liest alles, lesen alles, sieht alles, sehen alles, gespeichert,
		controllata, controllato, controllano, legge tutto, leggono tutto, ci leggono, ci legge, registrata, registrato, registrano, monitorata, sorvegliata, vede tutto, vedono tutto, spiano, liest, chef mit`},
	{sFree, `freely, openly, frankly, properly, honest, open, offen, frei, ehrlich, in ruhe, liberamente, apertamente, tranquillamente`},
	{sLeave | sI, `me ne vado, lascio, sto per lasciare, mi licenzio, mi dimetto, mi sono licenziato, non lavorerò più, non sarò più, non lavoro più, non ci sarò, avrò cambiato lavoro, cambio lavoro, ho cambiato lavoro, verlasse, kündige, meiner kündigung, nicht mehr hier arbeite, nicht mehr da bin, nicht mehr hier bin, weg bin, bin weg, höre auf`},
	{sLeave, `leave, leaving, quit, quitting, resign, resigning, resigned, gone, move on, moving on, last day, last week, last month here, notice, not be here, don't work here anymore, no longer here, no longer work, no longer working, stop working, out of here, won't be working,
		verlasse, kündige, gekündigt, kündigung, weg bin, gehe weg, bin weg, höre hier auf, höre auf, aufhöre, nicht mehr hier, nicht mehr da, nicht mehr bei, letzter tag, letzte woche, letzten tag, wegging, weggehe, ausscheide, steige aus, hier raus,
		lascio, me ne vado, lasciare, vado via, andrò via, mi licenzio, licenziato, dimissioni, mi dimetto, non lavorerò più, non sarò più, non lavoro più, non ci sarò, ultimo giorno, ultima settimana, cambio lavoro, cambiato lavoro, smetto di lavorare, se non ci sono`},
	{sFirm, `company, firm, boss, employer, shop, store, office, manager, management, chef, chefin, firma, laden, unternehmen, arbeitgeber, betrieb, vorgesetzter, vorgesetzte, geschäft, zentrale, hotline, azienda, ditta, capo, negozio, titolare, ufficio, responsabile, centralino, headquarters, supervisor, hq`},
	{sRival, `rival, rivals, rival shop, another dealer, other dealer, anderen händler, anderer händler, anderem händler, mitbewerber, altro rivenditore, competitor, competitors, competition, new employer, new company, another company, other company, different company, another shop, different shop, another firm, new shop, new firm, new job, new boss, own business, own shop, own company, own workshop, own store, own studio, my own thing, self employed, freelance, on my own, by myself, out on my own, own boss, konkurrenz, mitbewerber, neuen arbeitgeber, neuer arbeitgeber, neue firma, neuen firma, anderen firma, andere firma, neuer chef, neuer laden, neuen laden, anderen laden, anderer laden, eigene firma, eigenen laden, eigene werkstatt, eigenes geschäft, eigener laden, selbstständig, selbständig, neuen job, neuer job, concorrenza, concorrente, nuovo datore, nuova azienda, nuova ditta, altra azienda, altra ditta, nuovo capo, nuovo negozio, altro negozio, in proprio, mia officina, mio negozio, mia attività, mia ditta, mia azienda, nuovo lavoro, nuovo posto`},
	{sFollow, `keep me in mind, think of me, have me in mind, bring your business, bist dabei, dann dabei, mit dabei, denk an mich, denk dann an mich, komm rüber, mit rüber, kommst rüber, pensa a me, pensi a me, spero che vieni, vieni di là, tieni presente me, come with me, come along, come over to, come to me, come to us there, come and see me, come see me, follow me, stay in touch, keep in touch, still come, still buy, still reach, still do your, still look after, keep looking after, i can look after, i will look after, join me, take you along, take you with, bring you, have you there, keep you as, my client, my customer, first customer, come to my, switch with me, not lose touch, not lose contact,
		komm mit, komm doch mit, kommen sie mit, kommen sie doch mit, komm dann zu, komm zu mir, kommen sie zu mir, zu mir kommen, bleib mit mir, bleiben wir in kontakt, in kontakt bleiben, in kontakt, mir folgen, folg mir, folgen sie mir, mitkommen, sie gern mitnehmen, dich mitnehmen, dich gern mitnehmen, sie mitnehmen, betreue ich, ich betreue, erster kunde, erste kundin, mein kunde, weiter bei mir, wechsel mit, da wird es, frag mich da, mach ich dir weiter, trotzdem, bei mir kaufen,
		vieni con me, venga con me, venire con me, venire da me, vieni da me, venga da me, seguimi, mi segua, resta in contatto, restiamo in contatto, rimaniamo in contatto, in contatto con me, la seguo io, ti seguo io, ti porto, la porto, portarti, mio cliente, primo cliente, comprare da me, comprare ancora da me, ci sentiamo direttamente, chiedi a me, passa con me, la seguirò, ti seguirò`},
	{sKin, `brother, cousin, mate, buddy, friend, wife, husband, girlfriend, boyfriend, brother in law, uncle, dad, father, son, sister, bruder, cousin, kumpel, schwager, freund, freundin, frau, mann, onkel, vater, sohn, schwester, spezl, bekannter, fratello, cugino, cugina, cognato, amico, amica, moglie, marito, zio, padre, papà, figlio, sorella`},
	{sTell, `tell, mention, say, breathe, erzähl, erzähle, erzählen, sag, sage, sagen, verrat, verrate, verraten, dire, dirlo, dica, dirgli, raccontare, raccontarlo, parlarne, farne parola`},
	{sHush, `not a word, no word, keep it quiet, keep quiet, keep this quiet, mum's the word, hush, psst, top secret, lips sealed, stay quiet, kein wort, kein sterbenswort, halt dicht, klappe halten, stillschweigen, pssst, still halten, acqua in bocca, non una parola, neanche una parola, zitto, zitta, silenzio`},
	{sSee, `see, seen, sehen, sieht, mitkriegen, vedere, vederlo, veda, vedano`},
	{sBiz, `business, workshop, shop, store, studio, garage, practice, salon, company, agency, werkstatt, laden, geschäft, firma, betrieb, praxis, atelier, agentur, officina, negozio, bottega, studio, attività, ditta, azienda, laboratorio, salone`},
	{sTell, `spoke, spoken, heard, talked, gesprochen, gehört, von mir, parlato, detto, sentito`},
	{sCome, `come, follow, switch, komm, komme, kommen, folg, folge, folgen, mitkommen, wechsel, vieni, venga, venire, seguire, seguirmi, passa`},
	{sLets, `we can, wir können, wir könnten, i can, i could, ich kann, ich könnte, let's, lets, shall we, we should, can we, could we, we could, why don't we, how about we, lass uns, lassen sie uns, wollen wir, können wir, sollen wir, könnten wir, wir sollten, possiamo, potremmo, vogliamo, dovremmo, che ne dici se, meglio se`},
	{sOut, `outside, vor dem, vor der, vorm, draussen, draußen, außerhalb, fuori, fuori dal, fuori dalla, davanti al, davanti alla, in front of, round the corner, around the corner, um die ecke, dietro l'angolo`},
	{sWork, `signed with, signed, moved to, unterschrieben, angeheuert, gewechselt zu, firmato, passato a, passata a, work, works, working, will work, join, joining, i'll be at, i'll be with, i will be at, i will be with, am at, i start, arbeite, fange, fang, bin ich, ich bin, lavoro, sarò, comincio, inizio, lavorerò, passo alla, passo a`},
	{sStart, `run, running, own, will have, habe ich, hab ich, avrò, start, starting, open, opening, set up, setting up, launch, launching, found, founding, mache mich, mach mich, eröffne, gründe, starte, apro, aprirò, sto aprendo, mi metto, avvio, fondo`},
	{sKnow, `know, knows, find out, finds out, hear, hears, learn about, notice, notices, be told, told, tell, mention, wissen, weiß, erfahren, erfährt, mitbekommen, mitkriegen, merken, merkt, davon, erzähl, erzählen, sag, sagen, sapere, saperlo, sa, saperne, accorgersene, accorga, scoprire, scopra, scoprirlo, venire a sapere, viene a sapere, sappia, dire, dirlo, lo sa`},
	{sMust, `must, mustn, mustnt, need, needs, needn, have to, has to, should, shouldn, shouldnt, may, muss, müssen, soll, sollte, sollen, darf, dürfen, braucht, brauchen, deve, devono, dovrebbe, bisogna, serve, c'è bisogno, occorre`},
	{sSide, `my garage, my basement, my cellar, my kitchen, meiner garage, meine garage, in der garage, nel garage, meinem keller, mio garage, mia cantina, mio box, on the side,  under the table, off the books, off the clock, after work, after hours, after my shift, outside of work, outside work, outside working hours, in my spare time, in my free time, in my own time, on my own time, my days off, my day off, when i'm off, not on the books, backhanded, moonlight, behind their back, behind the company, behind my boss, no questions asked,
		nebenbei, nebenher, nach feierabend, feierabend, unter der hand, schwarz, am chef vorbei, an der firma vorbei, am laden vorbei, an allen vorbei, außerhalb der arbeit, in meiner freizeit, freizeit, wenn ich frei habe, auf eigene rechnung, auf eigene faust, ohne dass es, hinten rum, hintenrum, hinter dem rücken,
		in nero, sottobanco, per conto mio, per conto proprio, dopo il lavoro, fuori dal lavoro, fuori orario di lavoro, nel tempo libero, mio tempo libero, tempo libero, a parte, alle spalle, sotto banco, nei giorni liberi, giorno libero, finito il turno, dopo il turno, fuori turno`},
	{sCash, `cash, in cash, banknotes, bar, bar auf die hand, bargeld, cash auf tacke, contanti, in contanti, crypto, bitcoin`},
	{sNoBill, `off the system, off the record, through the till, no one would notice, no trace, over the counter without, taucht nirgends, nirgends auf, nicht über die kasse, nicht durch die kasse, ohne kasse, papierkram, an der kasse vorbei, non risulta, non passa dalla cassa, senza cassa, senza carte, no invoice, without invoice, without an invoice, without a receipt, without receipt, no receipt, skip the invoice, forget the invoice, skip the tax, save the tax, save tax, no tax, tax free for you, no paper, no paperwork, auf die hand, in mano a me, in mano, ohne rechnung, ohne beleg, ohne quittung, rechnung sparen, rechnung sparen wir, sparen wir uns die rechnung, keine rechnung, steuer sparen, sparen die steuer, ohne steuer, ohne mwst, senza fattura, senza ricevuta, senza scontrino, saltiamo la fattura, niente fattura, niente scontrino, senza iva, risparmi l'iva, risparmiamo l'iva, evitiamo la fattura`},
	{sCheap, `save, savings, split, fee, half, sparen, spare, sparst, teilen uns, gebühr, hälfte, provision, metà, risparmio, risparmiamo, dividiamo, commissione, better deal, cheaper, cheap, for less, for half, half price, half the price, better price, better prices, good price, special price, friend price, mates rates, friends and family, lower price, same for less, less than here, costs less, less than the shop, billiger, günstiger, günstig, zum halben preis, halber preis, halben preis, bessere preise, besseren preis, guten preis, freundschaftspreis, sonderpreis, costa meno, a meno, meno caro, metà prezzo, prezzi migliori, prezzo migliore, buon prezzo, di meno, pagare meno, prezzo da amico, più conveniente, risparmi`},
	{sBuy, `buy, order, purchase, buying, ordering, get it, take it, get one, kauf, kaufe, kaufen, bestell, bestelle, bestellen, hol, holen, nimm, comprare, compra, compri, compralo, comprarlo, comprala, ordina, ordinare, ordini, prendi, prendilo, prenderlo, lo compri, acquistare, acquista`},
	{sSell, `sell, sell you, selling, bring it, bring one, verkaufe, verkauf, verkaufen, besorge, besorg, besorgen, bring es, bringe es, mitbringen, vendo, vendere, venderti, vendertelo, procuro, procurare, te lo porto, ti vendo, get it for you, get you one, get one for you, find you one`},
	{sDo, `do, sort, sort out, handle, settle, arrange, organise, organize, fix, repair, repairs, manage, make a deal, deal, machen, mache, mach, regeln, regle, klären, erledigen, erledige, abwickeln, lösen, reparieren, repariere, reparaturen, deal, vereinbaren, einig, einigen, fare, faccio, facciamo, farlo, risolvere, sistemare, sistemiamo, gestire, riparare, riparo, riparazioni, riparazione, accordo, accordarci, combinare, lavoretti, mettiamo d'accordo`},
	{sPay, `pay, transfer, send the money, wire, wire the, pay the, send the deposit, pays, zahl, zahle, zahlen, bezahl, bezahle, bezahlen, überweis, überweise, überweisen, bonifico, paga, paghi, pagare, pagarmi, pagami, pagando, versi, versa, versare, mandami i soldi, i soldi, soldi, geld, gibst, gib, dai, anzahlung, acconto, money, deposit`},
	{sPay | sMe, `pagarmi, pagami, pagandomi, mandami i soldi`},
	{sAround, `involve, involving, leave aside, brauchen wir die, brauchen wir den, brauchst du gar nicht, außen vor, raushalten, weglassen, ci serve, lasciamola fuori, lasciamo fuori, tenere fuori, saltiamo, scavalchiamo, evitiamo, without, bypass, bypassing, skip, skipping, past, around, behind, instead of, avoid, cut out, leave out, keep out, not through, not via, don't go through, don't need to go through, don't need the, then you don't need, ohne, vorbei, umgehen, hinter, statt, nicht über, geh nicht, gehen sie nicht, brauchst du die, brauchst du den, brauchen sie die, nicht durch, senza, alle spalle, saltando, evitando, saltare, evitare, scavalcare, bypassare, non passare, non passi, non serve, invece di, al posto di, non chiamare`},
	{sGive, `manda, mandi, mandami, invia, invii, give, send, pass, share, leave you, leave my, offer, let you have, here's, here is, take my, want my, like my, need my, you have my, geb, gebe, geben, schick, schicke, schicken, gib, hier ist, hier hast du, sende, lasse dir, nimm, willst du, möchten sie, möchtest du, brauchst, brauchen sie, haben sie, hast du, do, ti do, le do, lascio, ti lascio, ti mando, ti passo, mando, passo, dare, darti, darle, dartelo, lasciarti, vuoi, vuole, ti serve, le serve, ecco, prendi, eccoti, ti giro`},
	{sKeep, `save, keep, note, write down, note down, memorize, jot, put in your, speicher, speichere, speichern, notier, notiere, notieren, merk, merken, merke, schreib dir, schreib auf, salva, salvi, segnati, segna, segni, tieni, tenga, annota, annotati, memorizza, salvati, salvare, salvato, saved, notiert, gespeichert, wrote down`},
	{sMeet, `pop round, come round, come by, drop by, swing by, vorbei, vorbeischauen, meet, meet up, come by my, see each other, treffen, treff, vorbeikommen, komm, kommen, vediamoci, vederci, incontriamoci, incontrarci, incontrare, passa, passi, passare da, vieni, venga`},
	{sDelete, `clear, delete, erase, remove, wipe, lösch, lösche, löschen, cancella, cancelli, cancellare, elimina, elimini, eliminare`},
	{sMessage, `message, messages, chat, conversation, nachricht, nachrichten, verlauf, chatverlauf, messaggio, messaggi, conversazione`},
	{sDirect, `directly, direct, straight, personally, in person, direkt, direktem, selbst, persönlich, direttamente, di persona, personalmente, diretto, private, privat`},
	{sNot, `ned, net, not, no, never, don, dont, cannot, cant, can't, won't, wont, isn, doesn, doesnt, mustn, shouldn, needn, mustnt, shouldnt, unable, nicht, nich, nie, niemals, kein, keine, keinen, keiner, non, nn, mai, nessun, senza che, unfortunately, leider, purtroppo, niente, nulla, nichts, nix`},
	{0, `no problem, no problem at all, no worries, not at all, kein problem, keine sorge, kein stress, keine ahnung, nessun problema, non c'è problema, no matter, why not, warum nicht, perché no, no need, if not, wenn nicht, se no, nicht nur, not only, non solo, nicht hier, not here, non qui, no later, anche no, don't worry, no prob`},
	{sIf, `if, whether, when, once, as soon as, until, wenn, ob, sobald, falls, bis, quando, se, appena, finché, in case, while, während, mentre`},
	{sHave | sYour, `name of your, your name on, welchem namen, dein name auf, dein name bei, che nome sei, con che nome, il tuo nome su, what's your, whats your, what is your, wie heißt, wie heißen, come ti chiami, come si chiama, qual è il tuo, qual è il suo, your name on`},
	{sHave, `have, use, got, ho, habe, hab, habt, are you on, do you use, hast, haben, nutzt, nutzen, bist du auf, hai, ha, usi, usa, sei su, see you on`},
	{sBetter, `use that, use it, use this, usa quello, usi quello, nimm lieber, nimm die, nehmen sie die, just, instead, einfach, stattdessen, invece, easier, faster, quicker, better, rather, always, anytime, more convenient, prefer, quickest, safer, more relaxed, reachable, schneller, einfacher, besser, lieber, immer, jederzeit, bequemer, sicherer, erreichbar, in ruhe, gern, meglio, prima, sempre, più comodo, più facile, piuttosto, più veloce, faccio prima, preferisco, raggiungibile, con calma, choice`},
	{sThere, `there, over there, dort, drüben, da bin, da antworte, da können, da kann, da schreib, da schreibe, da reden, da geht, da erreichst, lì, laggiù`},
	{sQuiet, `use, usage, purpose, or, and, customer, customers, kunden, kunde, kundin, kundinnen, person, personen, data, daten, details, training, lessons, lesson, insurance, haftpflicht, haftpflichtversicherung, sale, seller, verkauf, verkäufer, nutzung, gebrauch, zweck, zwecke, reasons, gründen, oder, o, uso, clienti, cliente, dati, assicurazione, vendita, allenamento, fitting, favourite, favorite, favorit, favorito, preferito, beratung, consultation, consulenza, parking, parkplatz, household, haushalt, law, recht, versichert, krankenversichert, belongings, rechnung, invoice, fattura, event, events, feier, party, area, room, raum, bereich, taste, geschmack, gusto, opinion, meinung, opinione, advisor, berater, consulente, training, trainer, message, note, notes, information, informationen, informazioni, preferito, delivery, lieferung, consegna, advice`},
	{sNobody, `anyone, anybody, a soul, jemandem, jemand, keinem, niemandem, nobody, no one, noone, none of them, keiner, niemand, keiner muss, nessuno`},
	{sAsk, `asks, asked, fragt, fragen, chiede, chiedono, domanda, ask, ask me, frag, frag mich, fragen sie mich, chiedi, chieda, chiedi a me, let me know, sag bescheid, sag einfach, fammi sapere`},
	{sCustomer, `client, clients, customers like you, kunden wie, gute kunden, guten kunden, clienti migliori, good customers, best customers, regulars, stammkunden, special customers, clienti speciali, clienti affezionati`},
	{sCancel, `cancel, drop, storniere, stornier, stornieren, annulla, annulli, annullare, withdraw, disdici, disdica`},
}

// dictionary is signWords made ready for looking up.
type dictionary struct {
	single map[string]sign
	multi  map[string][]expression // by first word, longest first
	near   slips
}

// slips finds the word a mistyped one was meant to be: words of six letters or more, whole and with one letter left out.
type slips map[string]string

// learn adds a word. Nobody mistypes the first letter.
func (s slips) learn(w string) {
	if len(w) < slipLetters {
		return
	}
	s[w] = w
	for i := 1; i < len(w); i++ {
		if short := w[:i] + w[i+1:]; s[short] == "" {
			s[short] = w
		}
	}
}

// meant returns the word that w is with one slip, "" if it is none.
func (s slips) meant(w []byte) string {
	if len(w) < slipLetters-1 || len(w) > 24 || w[0] < 'a' || properWords[string(w)] {
		return ""
	}
	if near, ok := s[string(w)]; ok {
		if len(near) == len(w)+1 && near[:len(w)] != string(w) {
			return near
		}
		return ""
	}
	var buf [32]byte
	for i := 1; i < len(w); i++ {
		n := copy(buf[:], w[:i])
		n += copy(buf[n:], w[i+1:])
		if near, ok := s[string(buf[:n])]; ok && slipped(near, string(w)) {
			return near
		}
	}
	return ""
}

type expression struct {
	rest []string
	is   sign
}

var theDictionary = sync.OnceValue(func() *dictionary {
	d := &dictionary{single: map[string]sign{}, multi: map[string][]expression{}, near: slips{}}
	for _, v := range signWords {
		for e := range strings.SplitSeq(v.words, ",") {
			t := read(e)
			if len(t.words) == 0 {
				continue
			}
			for i := range t.words {
				d.near.learn(t.str(i))
			}
			first := t.str(0)
			if len(t.words) == 1 {
				d.single[first] |= v.is
				continue
			}
			x := expression{is: v.is}
			for i := 1; i < len(t.words); i++ {
				x.rest = append(x.rest, t.str(i))
			}
			list := d.multi[first]
			at := 0
			for at < len(list) && len(list[at].rest) >= len(x.rest) {
				at++
			}
			d.multi[first] = append(list[:at:at], append([]expression{x}, list[at:]...)...)
		}
	}
	return d
})

// slipLetters is how long a word must be to be recognised with one slip in it.
const slipLetters = 6

func (d *dictionary) knows(w []byte) bool {
	if _, ok := d.single[string(w)]; ok {
		return true
	}
	return d.multi[string(w)] != nil
}

// shorthand is what people type for whole words.
var shorthand = map[string]string{"nn": "non", "nich": "nicht", "x": "per", "cmq": "comunque", "ke": "che", "u": "you", "ur": "your", "nr": "nummer", "priv": "private", "msg": "message", "ma": "mal", "sn": "sono", "pvt": "private", "vllt": "vielleicht", "tel": "telefon"}

// slipped reports whether w may be a slip of the word near, rather than another form of it: those end in another letter.
func slipped(near, w string) bool {
	return within1(near, w) && !strings.HasPrefix(near, w) && !strings.HasPrefix(w, near) && (len(near) != len(w) || near[len(near)-1] == w[len(w)-1] || near[len(near)-2] != w[len(w)-2])
}

// canonical returns the word of the dictionary that w is, with umlauts in two letters or one slip.
func (d *dictionary) canonical(w []byte, buf *[32]byte) string {
	if full, ok := shorthand[string(w)]; ok {
		return full
	}
	if len(w) > 24 || len(w) < 4 || d.knows(w) || d.near[string(w)] == string(w) {
		return string(w)
	}
	if n := unlaut(buf[:], w); n < len(w) && d.knows(buf[:n]) {
		return string(buf[:n])
	}
	for _, article := range [2]string{"l", "un"} { // "lazienda", "unaltra"
		if rest, ok := bytes.CutPrefix(w, []byte(article)); ok && len(rest) >= 5 && d.knows(rest) {
			return string(rest)
		}
	}
	if _, known := lexicon[string(w)]; known {
		return string(w)
	}
	if near := d.near.meant(w); near != "" {
		return near
	}
	return string(w)
}

// unlaut writes w with a for ae, o for oe, u for ue, and returns how long it is.
func unlaut(to, w []byte) int {
	n := 0
	for i := 0; i < len(w); i++ {
		to[n] = w[i]
		n++
		if i+1 < len(w) && w[i+1] == 'e' && (w[i] == 'a' || w[i] == 'o' || w[i] == 'u') {
			i++
		}
	}
	return n
}

// properWords are words of their own that are one slip away from one of the dictionary's.
var properWords = set(`primate privacy person persone person's meeting handle candle fried pricing contract contracts container contrast content context lascia lasci lasciato chiamo chiama
	numbers nummern addresses adressen riding riparo signals signage finder schreiner schreiben beschreiben beschreibung schieben
	direction directions storage stories closer closes opened openings`)

// signs returns what each word of a text means.
func (t *text) signs() []sign {
	d := theDictionary()
	var buf [32]byte
	words := make([]string, len(t.words))
	for i, w := range t.words {
		if c := t.b[w.from]; isDigit(c) {
			continue // "4you" has no sign
		}
		words[i] = d.canonical(t.b[w.from:w.to], &buf)
	}
	out := make([]sign, len(words))
	for i := 0; i < len(words); i++ {
		out[i] |= d.single[words[i]]
		for _, x := range d.multi[words[i]] {
			end := i + len(x.rest)
			if end >= len(words) || t.words[end].clause != t.words[i].clause {
				continue
			}
			same := true
			for k, w := range x.rest {
				if words[i+1+k] != w {
					same = false
					break
				}
			}
			if !same {
				continue
			}
			for k := i; k <= end; k++ {
				if x.is == 0 {
					out[k] = 0 // "no problem" denies nothing
				} else {
					out[k] |= x.is
				}
			}
			if x.is == 0 {
				i = end
				break
			}
		}
	}
	return out
}
