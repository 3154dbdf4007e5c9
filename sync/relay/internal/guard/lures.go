package guard

// A sentence is the words of one clause, and answers what is said in it.
type sentence struct {
	t      *text
	lo, hi int // words[lo:hi]
}

// sentences calls f for each clause.
func (t *text) sentences(f func(sentence)) {
	for lo := 0; lo < len(t.words); {
		hi := lo + 1
		for hi < len(t.words) && t.words[hi].clause == t.words[lo].clause {
			hi++
		}
		f(sentence{t, lo, hi})
		lo = hi
	}
}

func (s sentence) is(i int, c concept) bool {
	return i >= s.lo && i < s.hi && s.t.words[i].is&c != 0
}

// near returns the word nearest to i that means c, from i-before to i+after, or -1.
func (s sentence) near(i, before, after int, c concept) int {
	for d := 1; d <= max(before, after); d++ {
		if d <= after && s.is(i+d, c) {
			return i + d
		}
		if d <= before && s.is(i-d, c) {
			return i - d
		}
	}
	return -1
}

// all returns everything the clause means.
func (s sentence) all() (c concept) {
	for i := s.lo; i < s.hi; i++ {
		c |= s.t.words[i].is
	}
	return c
}

// denied reports whether what is said around words i to k is denied: "do not call my private number". A condition
// denies nothing: "if you can't reach me, call …".
func (s sentence) denied(i, k int) bool {
	i, k = min(i, k), max(i, k)
	for n := max(s.lo, i-6); n < min(s.hi, k+6); n++ {
		if !s.is(n, not) || s.t.words[n].piece != s.t.words[i].piece && s.t.words[n].piece != s.t.words[k].piece {
			continue
		}
		if s.is(n+1, my) && s.asks(n) && s.all()&give != 0 {
			continue // "this is not my private number, shall I give you that?"
		}
		if n > k && !follows(s.t.str(n)) || s.near(n, 4, 0, iff) >= 0 {
			continue
		}
		return true
	}
	return false
}

// follows tells the negations that stand behind what they deny.
func follows(w string) bool {
	return w == "nicht" || w == "not" || w == "nich" || w == "pas" || w == "nie" || w == "keinem" || w == "niemandem" || w == "nobody" || w == "nessuno"
}

// lures finds what draws a customer away from the company.
func (j *judge) lures(part int, t *text) {
	here := j.appeals(part, t)
	t.sentences(func(s sentence) {
		c := s.all()
		found := func(why Why, i, k int) {
			from, to := t.span(i, k)
			j.add(Finding{Rule: Diversion, Why: why, Part: part, From: from, To: to})
		}
		if c&(own|my) != 0 && c&(wayPhone|wayMail|wayAcct|app|appWeak|whatsapp) != 0 {
			s.privateWay(c, found)
		}
		if c&(app|appWeak) != 0 && !here(s) {
			s.otherApp(c, found)
		}
	})
}

// privateWay finds an invitation to a private number, address or account of the writer's.
func (s sentence) privateWay(c concept, found func(Why, int, int)) {
	const way = wayPhone | wayMail | wayAcct | app | appWeak | whatsapp
	for i := s.lo; i < s.hi; i++ {
		if !s.is(i, own) {
			continue
		}
		k := i
		if !s.is(i, way) {
			if k = s.near(i, 2, 3, way); k < 0 {
				continue
			}
		}
		owner := s.near(min(i, k), 3, 0, my|your)
		if owner < 0 && k < i { // "il mio numero privato", "Handy privat"
			owner = s.near(k, 3, 0, my|your)
		}
		mine := owner >= 0 && s.is(owner, my)
		if owner >= 0 && !mine || !mine && (c&us != 0 && c&(me|my|first) == 0) {
			continue // "your personal account"
		}
		if !mine && (c&(reach|give|move) == 0 || c&(me|my|first) == 0) {
			continue
		}
		if mine && s.is(k, wayAcct) && !s.is(k, wayPhone|wayMail) && c&(reach|give|move|pay|on) == 0 {
			continue
		}
		if s.denied(min(i, k), max(i, k)) {
			continue
		}
		found(WhyPrivate, min(i, k), max(i, k))
		return
	}
	for i := s.lo; i < s.hi; i++ { // "call me on my mobile", "I give you my number", "my WhatsApp is"
		if !s.is(i, my) {
			continue
		}
		k := -1
		for n := i + 1; n < min(i+3, s.hi); n++ {
			if s.is(n, way) && !s.is(n, me) {
				k = n
				break
			}
		}
		if k < 0 || s.is(i+1, firm|business) || k == i+2 && s.is(i+1, on|not|have|you|your|us|firm|reach&^wayPhone|move|give) && !s.is(i+1, own|wayPhone|whatsapp) {
			continue
		}
		if s.is(i, me) && !s.is(i, on) && k != i+1 {
			continue // "mi" is "me" too
		}
		reached := s.near(i, 7, 0, reach) >= 0 && (s.near(i, 7, 0, me) >= 0 || s.near(i, 4, 0, on) >= 0) || s.near(k, 0, 6, reach) >= 0 && s.near(i, 3, 0, on) >= 0
		given := s.near(i, 6, 0, give) >= 0 || s.near(i, 4, 0, have) >= 0 && s.near(i, 5, 0, you|here|iff) < 0 && s.now() || s.near(i, 4, 0, have) >= 0 && s.now() || s.near(k, 0, 3, give) >= 0 && c&first != 0
		told := k+1 < s.hi && isCopula(s.t.str(k+1))
		number := s.is(k, wayPhone|whatsapp|app|appWeak)
		switch {
		case s.is(k, wayMail) && !number && !(reached && s.near(i, 2, 0, on) >= 0):
			continue
		case s.is(k, wayAcct) && !number && !(reached && s.near(i, 2, 0, on) >= 0):
			continue
		case !reached && !(number && (given || told)):
			continue
		case c&firm != 0 && !s.is(k, app), s.denied(i, k):
			continue
		}
		found(WhyPrivate, i, k)
		return
	}
}

func isCopula(w string) bool {
	switch w {
	case "is", "ist", "lautet", "e", "es", "est", "era", "here":
		return true
	}
	return false
}

func isLets(w string) bool {
	switch w {
	case "lets", "let", "passiamo", "spostiamoci", "continuiamo", "sentiamoci", "parliamone", "parliamo", "vediamoci", "hablemos", "hablamos", "sigamos", "pasemos", "passons", "continuons", "parlons", "vamos", "scriviamoci":
		return true
	}
	return false
}

// otherApp finds an invitation to another app.
func (s sentence) otherApp(c concept, found func(Why, int, int)) {
	for i := s.lo; i < s.hi; i++ {
		if !s.is(i, app|appWeak) {
			continue
		}
		weak := !s.is(i, app)
		placed := s.near(i, 2, 0, on) >= 0 || !weak && s.word(i-1) == "a" || s.word(i-1) == "a" && s.is(i-2, move)
		if weak && !placed && s.near(i, 2, 0, my|have|prefer) < 0 {
			continue // a signal lamp
		}
		if weak && s.t.str(i) == "line" && s.near(i, 1, 0, on) < 0 {
			continue
		}
		k := -1
		for n := max(s.lo, i-8); n < min(s.hi, i+6); n++ {
			switch {
			case n == i:
			case s.is(n, reach) && !s.is(n, us) && (s.is(n, me) || s.near(n, 4, 3, me) >= 0 && s.near(n, 0, 2, us) < 0) && (placed || !weak || c&(there|prefer) != 0):
				k = n
			case s.is(n, move) && placed && (!s.is(n, reach) || isLets(s.t.str(n))) && (!weak || s.is(i-1, on) || s.word(i-1) == "a") && !s.offered(n) && !(c&us != 0 && s.found()):
				k = n
			case s.is(n, me) && s.is(n, reach):
				k = n
			}
			if k >= 0 {
				break
			}
		}
		if asked := s.near(i, 4, 0, you); k < 0 && asked >= 0 && c&us == 0 && s.asks(i) && (s.is(i-1, on) || i == s.hi-1 || !weak) && (s.near(i, 4, 0, have) >= 0 || s.is(i-1, on)) && (!weak || s.t.capital(i)) && c&(buy|pay|not) == 0 && s.lo+6 >= i {
			k = asked // do you have Telegram? are you on Signal?
		}
		if k < 0 && !weak {
			switch {
			case s.near(i, 1, 0, my) >= 0: // my insta
				if s.t.words[i-1].is&my != 0 && !s.denied(i-1, i) {
					k = i - 1
				}
			case c&us == 0 && s.near(i, 4, 0, have) >= 0 && s.near(i, 5, 0, you) >= 0 && s.asks(i): // do you have Telegram?
				k = s.near(i, 4, 0, have)
			case c&us == 0 && placed && s.near(i, 5, 0, first) >= 0 && c&(buy|pay|ask) == 0 && s.present(i): // I am on Telegram
				k = s.near(i, 5, 0, first)
			}
		}
		if k < 0 && s.messenger(c, i) {
			k = i
		}
		if k < 0 || s.denied(min(i, k), max(i, k)) || c&us != 0 && c&(me|my|first|move|reach) == 0 {
			continue
		}
		found(WhyApp, min(i, k), max(i, k))
		return
	}
}

// messenger reports whether the app at word i has no business in a message of the company's. A company speaks of its
// own pages and of what it shows there; who speaks of talking there, or of himself there, does not.
func (s sentence) messenger(c concept, i int) bool {
	name := s.is(i, app) || s.is(i-1, on) && s.t.capital(i) && s.t.str(i) == "signal" && !s.is(i+1, showing)
	switch talk := c&(reach|move) != 0 || c&give != 0 && c&(me|my) != 0; {
	case !name, s.device(), s.found() && c&us != 0 && c&(me|my|first) == 0:
		return false
	case c&us != 0 && !talk, c&us != 0 && c&(me|my|first|move|reach) == 0:
		return false
	case c&us != 0 && s.us(), s.is(i, social) && c&showing != 0 && c&my == 0:
		return false
	case s.is(i, social):
		if s.near(i, 2, 0, your) >= 0 && s.asks(i) {
			return true // what's your name there?
		}
		return talk && (c&(me|my|you|your|first) != 0 || s.near(i, 2, 0, on) >= 0) || c&(me|my) != 0 || s.near(i, 5, 2, first) >= 0 && s.near(i, 2, 0, on) >= 0
	}
	return true
}

// device reports whether the clause speaks of an app as something a device has, and of nobody who talks there.
func (s sentence) device() bool {
	has := false
	for n := s.lo; n < s.hi; n++ {
		switch s.t.str(n) {
		case "phone", "phones", "smartphone", "tablet", "laptop", "computer", "pc", "device", "handy", "gerat", "telefon", "telefono", "dispositivo":
			has = true
			continue
		}
		if s.is(n, reach|move|me|my|first|give) && !s.is(n, on|showing|have) {
			return false
		}
	}
	return has
}

// us reports whether the clause has the company as what is reached or shown: "follow us", "our page".
func (s sentence) us() bool {
	for n := s.lo; n < s.hi; n++ {
		switch s.t.str(n) {
		case "us", "our", "ours", "uns", "unser", "unsere", "unserer", "unserem", "unseren", "nostro", "nostra", "nostri", "nostre", "seguici", "seguiteci", "nuestro", "nuestra", "notre", "nosso", "nossa", "team":
			if n > s.lo && s.t.str(n-1) == "let" || n > s.lo && s.t.str(n) == "uns" && (s.t.str(n-1) == "lass" || s.t.str(n-1) == "lassen" || s.is(n-1, you) && n > s.lo+1 && s.t.str(n-2) == "lassen") {
				continue
			}
			return true
		}
	}
	return false
}

// offered reports whether a word of moving is one of the company's own: "go to our page".
func (s sentence) offered(n int) bool {
	for k := n + 1; k <= min(n+4, s.hi-1); k++ {
		switch s.t.str(k) {
		case "our", "ours", "unser", "unsere", "unserer", "unserem", "unseren", "nostro", "nostra", "nostri", "nostre", "nuestro", "nuestra", "notre", "nosso", "nossa":
			return true
		}
	}
	return false
}

// found reports whether the clause says where the company is found: "you find us on Facebook".
func (s sentence) found() bool {
	for n := s.lo; n < s.hi; n++ {
		switch s.t.str(n) {
		case "find", "finden", "findest", "findet", "trova", "trovi", "trovate", "trovano", "siamo", "encuentra", "trouvez", "visit", "besuchen", "besucht", "visita", "visitate":
			return true
		}
	}
	return false
}

// asks reports whether the clause ends with a question mark.
func (s sentence) asks(int) bool {
	b := s.t.b
	for k := s.t.words[s.hi-1].to; k < len(b); k++ {
		switch b[k] {
		case '?':
			return true
		case ' ', '"', ')', '\'', '*', '_':
		default:
			return false
		}
	}
	return false
}

// present reports whether the clause says that the writer is somewhere, not that he saw or posted something there.
func (s sentence) present(i int) bool {
	for n := max(s.lo, i-5); n < i; n++ {
		switch s.t.str(n) {
		case "am", "m", "im", "bin", "sono", "soy", "estoy", "suis", "sou", "estou":
			return true
		}
	}
	return false
}

// now reports whether the clause says "now" or "any time": "now you have my number".
func (s sentence) now() bool {
	for n := s.lo; n < s.hi; n++ {
		switch s.t.str(n) {
		case "now", "jetzt", "ora", "adesso", "ahora", "anytime":
			return true
		}
	}
	return false
}

// phrases finds what the policy lists: claims, missing disclaimers, questions for data nobody should ask for.
func (j *judge) phrases(part int, t *text) {
	j.claims.find(t, func(i, k int) bool {
		from, to := t.span(i, k)
		j.add(Finding{Rule: Claim, Part: part, From: from, To: to})
		return true
	})
	s := sentence{t: t}
	j.sensitive.find(t, func(i, k int) bool {
		s.lo, s.hi = i, k+1
		for s.lo > 0 && i-s.lo < 40 && t.words[s.lo-1].clause == t.words[i].clause {
			s.lo--
		}
		for s.hi < len(t.words) && s.hi-k < 40 && t.words[s.hi].clause == t.words[i].clause {
			s.hi++
		}
		asked := s.near(i, 9, 0, ask)
		if asked < 0 {
			asked = s.near(k, 0, 6, ask)
		}
		if asked < 0 || s.denied(min(asked, i), max(asked, k)) {
			return true
		}
		if c := s.all(); c&(your|me|us|want) == 0 && c&perm == 0 && !s.asks(i) && asked > i {
			return true
		}
		from, to := t.span(i, k)
		j.add(Finding{Rule: Sensitive, Part: part, From: from, To: to})
		return true
	})
}
