package guard

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// shorteners hide where they lead.
var shorteners = set(`bit.ly bitly.com tinyurl.com t.co goo.gl is.gd v.gd ow.ly buff.ly cutt.ly rebrand.ly shorturl.at tiny.cc
	rb.gy t.ly s.id bl.ink lnkd.in adf.ly soo.gd clck.ru short.io shrtco.de qr.ae tny.im u.to x.co urlz.fr kutt.it
	linktr.ee lnk.bio surl.li dub.sh 1url.com shorte.st tr.im snip.ly`)

// hosts where people rather than companies are; links to them are judged as ways to reach somebody.
var personHosts = set(`wa.me api.whatsapp.com chat.whatsapp.com t.me telegram.me signal.me m.me ig.me paypal.me`)

// topLevels make a name without scheme a link. Those that are words too count only with a path behind them.
var (
	topLevels = set(`com net org info biz eu de at ch fr es pt uk nl be lu dk se pl cz sk hu ro bg hr gr tr ru ua us ca mx br ar
		cl au nz cn jp kr io app dev online shop store site xyz top click link club live pro tech cloud page web digital email
		example test invalid ly gl co tv cc me it ai gd ws gy ee vip icu work buzz`)
	wordTops = set(`it de me at es no in is so to am as be do ly pro top live work link page web site click store shop co at`)
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// links judges where the links of a text lead.
func (j *judge) links(part int, t *text) {
	s := t.src
	for i := 0; i < len(s); i++ {
		if s[i] != '.' && s[i] != ':' {
			continue
		}
		if s[i] == ':' && !strings.HasPrefix(s[i:], "://") {
			continue
		}
		from, to := token(s, i)
		j.link(part, t, from, to)
		i = max(i, to-1)
	}
}

// token returns the word around i with all that may stand in a link.
func token(s string, i int) (from, to int) {
	from, to = i, i+1
	for from > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:from])
		if unicode.IsSpace(r) || strings.ContainsRune("\"'<>()[]{},;«»„“”|*", r) || unicode.In(r, unicode.So) {
			break
		}
		from -= n
	}
	for to < len(s) {
		r, n := utf8.DecodeRuneInString(s[to:])
		if unicode.IsSpace(r) || strings.ContainsRune("\"'<>()[]{},;«»„“”|*", r) {
			break
		}
		to += n
	}
	for to > from && strings.IndexByte(".!?:_~-", s[to-1]) >= 0 {
		to--
	}
	return from, to
}

// link judges the word src[from:to], which may be a link.
func (j *judge) link(part int, t *text, from, to int) {
	if to-from < 4 {
		return
	}
	word := t.src[from:to]
	rest, scheme := word, false
	if i := strings.Index(word, "://"); i >= 0 {
		rest, scheme = word[i+3:], true
		for i > 0 && isLetter(word[i-1]) {
			i--
		}
		from += i // "here:https://…"
	}
	host, path, _ := cutAny(rest, "/?#\\")
	user := ""
	if k := strings.LastIndexByte(host, '@'); k >= 0 {
		user, host = host[:k], host[k+1:]
		if !scheme {
			return // an address
		}
	}
	if h, port, ok := strings.Cut(host, ":"); ok && strings.Trim(port, "0123456789") == "" {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "" || !strings.Contains(host, ".") && !scheme {
		return
	}
	ascii, shown := host, host
	if a, err := idna.ToASCII(host); err == nil {
		ascii = a
	}
	if u, err := idna.ToUnicode(ascii); err == nil {
		shown = u
	}
	labels := strings.Split(ascii, ".")
	top := labels[len(labels)-1]
	if _, err := netip.ParseAddr(host); err == nil {
		if scheme {
			j.add(Finding{Rule: BadLink, Why: WhyRaw, Part: part, From: from, To: to, Detail: host})
		}
		return
	}
	www := labels[0] == "www" && len(labels) > 2
	bare := !scheme && !www
	if bare {
		if !topLevels[top] && !strings.HasPrefix(top, "xn--") || len(labels[0]) == 0 || strings.ContainsAny(host, "%&+=!_$") || strings.Trim(labels[len(labels)-2], "0123456789") == "" {
			return
		}
		if wordTops[top] && len(labels) == 2 && path == "" && !j.ourHost(ascii) && (j.imitates(shown) == "" || len(labels[0]) < 4) {
			return // two sentences without a space between
		}
	}
	if !validHost(ascii) {
		if scheme {
			j.add(Finding{Rule: BadLink, Why: WhyRaw, Part: part, From: from, To: to, Detail: clip(host)})
		}
		return
	}
	f := Finding{Part: part, From: from, To: to, Detail: clip(ascii)}
	switch {
	case user != "":
		f.Rule, f.Why = BadLink, WhyLookalike
	case j.ourHost(ascii):
		return
	case shorteners[ascii] || j.short[ascii] || www && shorteners[strings.TrimPrefix(ascii, "www.")]:
		f.Rule, f.Why = BadLink, WhyShortener
	case j.imitates(shown) != "":
		f.Rule, f.Why = BadLink, WhyLookalike
		if ascii != shown {
			f.Detail = clip(shown + " = " + ascii)
		}
	case personHosts[ascii]:
		return // see ways
	case ascii != shown:
		f.Rule, f.Why, f.Detail = BadLink, WhyPunycode, clip(shown+" = "+ascii)
	default:
		if j.page(ascii, path) {
			return
		}
		f.Rule = Link
	}
	j.add(f)
}

// page reports whether a link shows one of the company's pages on a network.
func (j *judge) page(host, path string) bool {
	name, _, _ := cutAny(strings.TrimPrefix(path, "@"), "/?#")
	return name != "" && j.handles[strings.ToLower(name)] && strings.Contains("instagram.com facebook.com tiktok.com linkedin.com youtube.com x.com", strings.TrimPrefix(host, "www."))
}

// ourHost reports whether a host is on the list or below a domain that is.
func (j *judge) ourHost(host string) bool {
	for h := host; h != ""; {
		if j.domains[h] {
			return true
		}
		_, rest, ok := strings.Cut(h, ".")
		if !ok {
			break
		}
		h = rest
	}
	return false
}

// imitates returns the name of the company a host is made to look like, or "".
func (j *judge) imitates(host string) string {
	if j.ourHost(host) {
		return ""
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) < 4 || topLevels[label] {
			continue
		}
		bone := skeleton(label)
		for _, b := range j.brands {
			name := skeleton(b)
			if bone == name || strings.Contains(bone, name) && len(name) >= 6 || len(name) >= 6 && within1(bone, name) {
				return b
			}
		}
	}
	return ""
}

// skeleton brings what looks alike to one form: "paypa1", "rnodel", accents, other scripts.
func skeleton(s string) string {
	b := compact(string(read(s).b))
	b = strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "i", "l", "5", "s", "3", "e", "4", "a").Replace(b)
	return b
}

// within1 reports whether one edit makes a of b: a letter more, less, another, or two swapped.
func within1(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) > len(b) {
		return a[i+1:] == b[i:]
	}
	if i == len(a) || a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

func cutAny(s, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func validHost(h string) bool {
	for label := range strings.SplitSeq(h, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return strings.Contains(h, ".")
}

func clip(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
