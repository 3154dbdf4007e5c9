package guard

import (
	"strings"
	"unicode/utf8"
)

// What opens a message, longest first where one begins another, folded.
var greetings = newPhrases(strings.Split(`sehr geehrte*|guten tag|guten morgen|guten abend|gruss gott|gruess gott|hallo|halli hallo|hi|ehi|ehila|hey|hello|dear|liebe|lieber|
	moin|servus|ciao|salve|buongiorno|buonasera|buon giorno|buona sera|gentile|gentilissim*|caro|cara|egregio|egregia|spettabile|
	good morning|good afternoon|good evening|hola|buenos dias|buenas tardes|estimad*|bonjour|bonsoir|cher|chere|ola|bom dia|boa tarde|prezad*|grüezi|gruezi`, "|"))

// honorifics stand before a last name.
var honorifics = set(`herr herrn frau mr mrs ms miss mister madam sir dr doctor prof professor signor signora signorina signore sig sigra dott dottor dottoressa
	sr sra senor senora senhor senhora monsieur madame mme mlle ra ssa ing avv`)

// nobody are words behind a greeting that are no names.
var nobody = set(`there all everyone everybody team again zusammen alle allerseits nochmal nochmals kunde kundin kunden customer client clients cliente clienti guest gaste gast friend friends
	freunde freund tutti ragazzi ancora di nuovo a tutti e and und y et gruss grusse grusze gruesse liebe lieber dear danke thanks thank grazie gracias merci good morning day guten morgen tag abend
	buongiorno buonasera sir madam damen herren ladies gentlemen how what wie what we wir i ich your ihr ihre the das der die il la lo yes ja si sure your you du sie es it this hier here welcome willkommen benvenuto benvenuta
	just only quick short kurze kurz noch wonderful happy frohe schone schonen wunderschonen from aus da von for fur per team firma azienda company hope please bitte per vielen in im am an mit con with not nicht just vielleicht
	today heute oggi morgen tomorrow domani are is no nein weekend amica amico mate dude ok okay va come tutto beide beiden`)

// greeting asks when the draft greets somebody else than the contact.
func (j *judge) greeting(part int, p Part, t *text) {
	c := &j.draft.To
	if len(t.words) < 2 {
		return
	}
	var own, soft []string
	for _, n := range c.Names {
		own = append(own, names(n)...)
	}
	soft = names(c.Profile)
	if len(own) == 0 && !personal(c.Profile, soft) {
		return
	}
	from := 0
	greetings.find(t, func(i, k int) bool {
		if i < from || i > 0 && !opens(t, i) {
			return i < 12
		}
		from = k + 1
		j.greeted(part, t, k+1, own, soft)
		return k < 12
	})
}

// opens reports whether word i begins a line or a sentence near the start.
func opens(t *text, i int) bool {
	return i <= 2 || t.words[i].clause != t.words[i-1].clause && i < 12
}

// greeted judges who is greeted from word i on.
func (j *judge) greeted(part int, t *text, i int, own, soft []string) {
	start, titled, last := i, false, -1
	match, foreign := 0, 0
	for k := i; k < len(t.words) && k < i+7; k++ {
		w := t.str(k)
		gap := t.b[t.words[k-1].to:t.words[k].from]
		if k > i && breaks(gap) && !(honorifics[t.str(k-1)] && strings.TrimSpace(string(gap)) == ".") {
			break
		}
		if k == i && strings.ContainsAny(string(gap), ".!?:\n") {
			return // "Hello! Your order …"
		}
		if honorifics[w] {
			titled = true
			continue
		}
		if titled && k+1 < len(t.words) && (w == "und" || w == "and" || w == "e" || w == "y") && honorifics[t.str(k+1)] {
			continue
		}
		if len(w) == 1 && w != "e" && w != "y" { // an initial
			continue
		}
		if particles[w] && (t.capital(k) || titled) && k+1 < len(t.words) {
			continue
		}
		known := like(w, own) || like(w, soft)
		if !known && (nobody[w] || meaning([]byte(w)) != 0 && !titled || !isName(w)) {
			break
		}
		if !known && !t.capital(k) && !titled && !(k == i && k+1 < len(t.words) && closes(t, k)) {
			break
		}
		last = k
		if known {
			match++
		} else {
			foreign++
		}
		if match+foreign == 3 {
			break
		}
	}
	if foreign == 0 || last < 0 {
		return
	}
	// "Ciao Marco Ordine pronto": one name is enough, unless the other stands before it or has a title.
	if match > 0 && !(len(own) > 1 && match == 1 && foreign == 1 && closes(t, last)) {
		return
	}
	if match > 0 && len(own) > 2 {
		return
	}
	if match == 0 && !closes(t, last) && !titled && foreign > 1 {
		last = start // "Hallo Anna Ihr Paket": the first is the name
	}
	if match == 0 && titled && len(own) == 1 && len(soft) < 2 && len(j.draft.To.Names) < 2 {
		// Only a first name is known, and a last name is greeted: nobody can tell.
		return
	}
	if from := names(j.draft.From.Name); match == 0 && foreign <= len(from) && last < len(t.words) && like(t.str(last), from) && len(from) > 0 && !titled && !like(t.str(last), own) {
		// "Hallo, Maria hier": the writer's own name.
		if nextIs(t, last, "here", "hier", "qui", "from", "von", "da", "speaking") {
			return
		}
	}
	a, b := t.span(start, last)
	j.add(Finding{Rule: WrongRecipient, Part: part, From: a, To: b})
}

func nextIs(t *text, i int, list ...string) bool {
	if i+1 >= len(t.words) {
		return false
	}
	for _, w := range list {
		if t.str(i+1) == w {
			return true
		}
	}
	return false
}

var particles = set(`von van de der den del della di da dal dos das la le el al bin zu zur mc mac o`)

// breaks reports whether what stands between two words ends a greeting.
func breaks(gap []byte) bool { return strings.ContainsAny(string(gap), ",.!?:;\n") }

// closes reports whether a greeting may end behind word k: with a sign or with the text.
func closes(t *text, k int) bool {
	if k+1 >= len(t.words) {
		return true
	}
	gap := string(t.b[t.words[k].to:t.words[k+1].from])
	return strings.Trim(gap, " '") != ""
}

// names cuts a name into its folded words.
func names(s string) []string {
	if s == "" || !utf8.ValidString(s) {
		return nil
	}
	var out []string
	t := read(s)
	for i := range t.words {
		if w := t.str(i); len(w) > 1 && isName(w) && !honorifics[w] && !particles[w] {
			out = append(out, w)
		}
	}
	return out
}

// personal reports whether a name somebody gave himself reads like a person's: one to three words of letters.
func personal(profile string, words []string) bool {
	if len(words) < 2 || len(words) > 3 {
		return false
	}
	t := read(profile)
	for i := range t.words {
		if !t.capital(i) || !isName(t.str(i)) {
			return false
		}
	}
	return true
}

func isName(w string) bool { return !strings.ContainsAny(w, "0123456789") && len(w) > 1 }

// like reports whether a greeted name is one of the contact's: the same, short for it, or mistyped by one letter.
func like(w string, list []string) bool {
	for _, n := range list {
		a, b := vowels(w), vowels(n)
		switch {
		case w == n, a == b:
			return true
		case len(a) >= 3 && len(b) >= 3 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)):
			return true // Alex, Alexander
		case len(a) >= 3 && len(b) > len(a)+1 && strings.HasSuffix(b, a):
			return true // Sandro, Alessandro
		case len(a) >= 5 && len(b) >= 5 && within1(a, b) && a[0] == b[0] && a[len(a)-1] == b[len(b)-1]:
			return true
		case len(a) >= 4 && len(b) >= 4 && a[:3] == b[:3] && strings.ContainsAny(a[len(a)-1:], "yi"):
			return true // Eddy, Steffi
		case nick[a] != "" && nick[a] == b || nick[b] != "" && nick[b] == a:
			return true
		}
	}
	return false
}

// nick are short names that do not begin or end like the long one.
var nick = map[string]string{"bill": "william", "bob": "robert", "dick": "richard", "peggy": "margaret", "jack": "john", "gigi": "luigi",
	"beppe": "giuseppe", "peppe": "giuseppe", "pippo": "filippo", "hans": "johannes", "sepp": "josef", "mike": "michael", "kate": "catherine", "sandy": "alexandra", "pepe": "jose", "paco": "francisco", "uli": "ulrich"}

// vowels makes one of ae, oe, ue and a, o, u.
func vowels(w string) string { return umlauts.Replace(w) }

var umlauts = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "ph", "f", "th", "t")
