package guard

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// An ident is an identifier in a text.
type ident struct {
	from, to int // bytes of the original
	kind     inbox.SpanKind
	joint    bool   // it goes over several messages
	value    string // normalised as mask.Found has it; "" when nobody can say
}

// asked is a question for Owners that is put at the end, once for the whole draft.
type asked struct {
	ident
	part  int
	found mask.Found
	alone *Finding // what holds if nobody owns it; nil for nothing
}

// prepare collects what is recognised however it is written.
func (j *judge) prepare() {
	if j.ready {
		return
	}
	j.ready = true
	c, a := &j.policy.Company, &j.draft.From.Private
	k := mask.Known{
		Phones:  slices.Concat(c.Numbers, a.Phones),
		Emails:  slices.Concat(c.Emails, a.Emails),
		Handles: slices.Concat(c.Handles, a.Handles),
		Region:  j.draft.To.Known.Region,
	}
	if !j.draft.Preview {
		own := &j.draft.To.Known
		k.Phones, k.Emails, k.Handles = append(k.Phones, own.Phones...), append(k.Emails, own.Emails...), append(k.Handles, own.Handles...)
	}
	for i, p := range k.Phones {
		k.Phones[i] = digitsOf(p)
	}
	j.known = k
	j.calling = slices.Clone(j.regionCodes)
	for _, p := range j.draft.To.Known.Phones {
		j.calling = addCode(j.calling, regionOf(digitsOf(p)))
	}
	j.calling = addCode(j.calling, k.Region)
}

// ways judges the identifiers in a text. private says whether a private way to be reached counts, or only other people's
// data.
func (j *judge) ways(part int, p Part, t *text, private bool) {
	if bytes.IndexFunc(t.b, func(r rune) bool { return r == '@' || r == '/' || r >= '0' && r <= '9' }) < 0 && !spellable(t) && len(j.draft.Earlier) == 0 {
		return
	}
	if crowded(t.b) {
		j.add(Finding{Rule: Unreadable, Part: part, To: len(t.src), Detail: "too many identifiers"})
		return
	}
	j.prepare()
	earlier := j.draft.Earlier
	if part > 0 {
		earlier = slices.Clone(earlier)
		for _, q := range j.draft.Parts[:part] {
			earlier = append(earlier, mask.Piece{Text: q.Text})
		}
	}
	private = private && p.Kind != Note
	covered := make([]ident, 0, 4)
	for _, id := range identify(p.Text, earlier, j.known) {
		if j.ident(part, id, t, private) {
			covered = append(covered, id)
		}
	}
	if private {
		j.written(part, t, covered)
	}
	j.guess(part, t, covered)
}

// crowded reports whether a text may hold more identifiers than are ever asked for, several times over. It goes over the
// bytes once; what it refuses would take the engine many milliseconds only to be blocked in the end.
func crowded(b []byte) bool {
	found, digits := 0, 0 // digits are those of a run that other characters than letters may divide
	for i, c := range b {
		switch {
		case isDigit(c):
			if digits++; digits >= 9 {
				found, digits = found+1, 0
			}
			continue
		case c == '@', c == '/' && i > 0 && b[i-1] == '/':
			found++
		case c == ' ', c == '-', c == '.', c == '/', c == '(', c == ')', c == '\n', c == '_', c == '|', c == '~', c == '*':
			continue
		}
		if digits >= 7 {
			found++
		}
		digits = 0
	}
	return found > maxAsked+maxAsked/2
}

// spellable reports whether a text without digits may spell a number or an address in words.
func spellable(t *text) bool {
	n := 0
	for i := range t.words {
		if t.words[i].is&(numeral|atWord|app|appWeak|wayMail) != 0 {
			if n++; t.words[i].is&(atWord|app|appWeak|wayMail) != 0 || n >= 4 {
				return true
			}
		}
		if t.b[t.words[i].from] >= 0x80 {
			return true
		}
	}
	return false
}

// ident judges one identifier, and reports whether nothing more is to be said of that stretch.
func (j *judge) ident(part int, id ident, t *text, private bool) bool {
	f := Finding{Part: part, From: id.from, To: id.to}
	foreign := func(why Why) *Finding {
		if !private || inCode(t.src, id) {
			return nil
		}
		g := f
		if why == WhyNumber && spelled(t.src[id.from:id.to]) {
			why = WhyDisguised
		}
		g.Rule, g.Why, g.Unsure = Diversion, why, j.draft.Preview
		return &g
	}
	own := &j.draft.To.Known
	switch id.kind {
	case inbox.Card:
		if inCode(t.src, id) {
			return false
		}
		f.Rule = PaymentCard
		j.add(f)
		return true
	case inbox.Account:
		return true // see banks, which tells whose it is
	case inbox.Email:
		_, domain, _ := strings.Cut(id.value, "@")
		switch {
		case !spelledOut(t.src[id.from:id.to], id.value):
			return false
		case j.emails[id.value] || id.value != "" && j.ourHost(domain):
		case holdsFold(j.draft.From.Private.Emails, id.value):
			j.private(f, private)
		case !j.draft.Preview && holdsFold(own.Emails, id.value):
			j.theirs(f, WhyAddress)
		default:
			j.question(part, id, foreign(WhyAddress))
		}
		return true
	case inbox.Handle:
		switch {
		case j.ourHandle(id, t), phoneLine(t, id):
		case holdsFold(j.draft.From.Private.Handles, id.value):
			j.private(f, private)
		case !j.draft.Preview && holdsFold(own.Handles, id.value):
			j.theirs(f, WhyHandle)
		case id.value == "":
			j.question(part, id, nil)
		default:
			j.question(part, id, foreign(WhyHandle))
		}
		return true
	case inbox.Phone:
		if src := t.src[id.from:id.to]; id.value != "" && !spelled(src) {
			for _, p := range j.known.Phones { // two known numbers may end alike
				if says(src, p) {
					id.value = p
					break
				}
			}
		}
		switch {
		case id.value == "" && (!j.dialable(t, id) || strings.IndexByte(t.src[id.from:id.to], '+') < 0 && j.codedAt(t, id.from)):
			return false // a parcel's, or an order's
		case id.value == "" && slices.ContainsFunc(j.candidates(digitsOf(string(read(t.src[id.from:id.to]).b))), tollFree), id.value == "" && inAccount(t.src, id.from):
			return true
		case id.value == "":
			j.question(part, id, foreign(WhyNumber))
			return false
		case id.joint && (j.numbers[id.value] || slices.ContainsFunc(own.Phones, func(p string) bool { return digitsOf(p) == id.value })):
		case j.numbers[id.value] && says(t.src[id.from:id.to], id.value):
		case slices.ContainsFunc(j.draft.From.Private.Phones, func(p string) bool { return digitsOf(p) == id.value }):
			j.private(f, private)
		case !j.draft.Preview && slices.ContainsFunc(own.Phones, func(p string) bool { return digitsOf(p) == id.value }) && says(t.src[id.from:id.to], id.value):
			j.theirs(f, WhyNumber)
		case tollFree(id.value), glued(t.src, id.from), inAccount(t.src, id.from), j.taxed(t, id), !id.joint && !j.dialable(t, id):
			j.question(part, id, nil)
			return false
		default:
			// The engine took it for a number of one country; it may be another's.
			j.question(part, id, foreign(WhyNumber))
			return false
		}
		return true
	}
	// A long run of digits nobody can place. It is a way to reach somebody if it is spelled out or said to be one.
	switch {
	case spelled(t.src[id.from:id.to]):
		j.question(part, id, foreign(WhyDisguised))
	case j.dialable(t, id) && j.dialled(t, id.from):
		j.question(part, id, foreign(WhyNumber))
	}
	return false
}

// private judges an identifier the company knows to be the agent's own.
func (j *judge) private(f Finding, counts bool) {
	if !counts {
		return
	}
	f.Rule, f.Why = Diversion, WhyOwn
	j.add(f)
}

// theirs judges the contact's own identifier.
func (j *judge) theirs(f Finding, why Why) {
	if j.policy.NotTheirs {
		f.Rule, f.Why = Diversion, why
		j.add(f)
	}
}

// spelledOut reports whether an address stands in the text as one: with its @, or with its dot or a word for it.
func spelledOut(src, addr string) bool {
	if strings.Contains(src, "@") || addr == "" {
		return true
	}
	_, domain, _ := strings.Cut(addr, "@")
	if i := strings.LastIndexByte(domain, '.'); i >= 0 && strings.Contains(strings.ToLower(src), domain[max(0, i-2):]) {
		return true
	}
	t, dots := read(src), 0
	for i := range t.words {
		if t.words[i].is&atWord != 0 {
			dots++
		}
	}
	return dots >= 2 || strings.ContainsAny(src, "([{＠")
}

// phoneLine reports whether the engine took a telephone line for the app of that name: "our phone line is busy".
func phoneLine(t *text, id ident) bool {
	for i := range t.words {
		if from, _ := t.source(t.words[i].from, t.words[i].to); from < id.from {
			continue
		}
		for k := max(1, i-2); k < i; k++ {
			if t.str(k) == "line" && t.words[k-1].is&(wayPhone|us|firm) != 0 {
				return true
			}
		}
		return false
	}
	return false
}

// ourHandle reports whether a username or a link to one is the company's.
func (j *judge) ourHandle(id ident, t *text) bool {
	if j.handles[strings.ToLower(id.value)] {
		return true
	}
	for seg := range strings.SplitSeq(strings.ToLower(t.src[id.from:id.to]), "/") {
		if seg != "" && j.handles[strings.TrimPrefix(seg, "@")] {
			return true
		}
	}
	return false
}

// question puts an identifier to Owners, or finds what holds of it without them.
func (j *judge) question(part int, id ident, alone *Finding) {
	if j.draft.Preview || j.owners == nil || id.value == "" {
		if alone != nil {
			j.add(*alone)
		}
		return
	}
	j.asks = append(j.asks, asked{id, part, mask.Found{Kind: id.kind, Value: id.value}, alone})
}

// ask puts all questions and finds what comes of the answers.
func (j *judge) ask(ctx context.Context) error {
	if len(j.asks) == 0 {
		return nil
	}
	finds := make([]mask.Found, 0, len(j.asks))
	place := make([]int, len(j.asks))
	for i, a := range j.asks {
		if place[i] = slices.Index(finds, a.found); place[i] < 0 {
			place[i] = len(finds)
			finds = append(finds, a.found)
		}
	}
	if len(finds) > maxAsked {
		finds = finds[:maxAsked]
		j.add(Finding{Rule: Unreadable, Part: InDraft, Detail: "more than " + strconv.Itoa(maxAsked) + " identifiers"})
	}
	j.verd.Asked = len(finds)
	owners, err := j.owners.Owners(ctx, finds)
	if err == nil && len(owners) != len(finds) {
		err = errOwners
	}
	hits := map[inbox.ContactID]bool{}
	whose := func(i int) (o Owner) {
		if err == nil && place[i] < len(owners) {
			o = owners[place[i]]
		}
		return o
	}
	owned := j.asks[:0:0]
	for i, a := range j.asks {
		if o := whose(i); o.Contact != "" {
			owned = append(owned, a)
			if o.Contact == j.draft.To.ID {
				j.theirs(Finding{Part: a.part, From: a.from, To: a.to}, whyKind(a.kind))
			} else {
				hits[o.Contact] = true
				j.add(Finding{Rule: OtherContact, Why: whyKind(a.kind), Part: a.part, From: a.from, To: a.to, Owner: o})
			}
		}
	}
	for _, a := range j.asks {
		// What belongs to somebody is no stranger's, whichever way of reading it told so.
		if a.alone != nil && !slices.ContainsFunc(owned, func(o asked) bool { return o.part == a.part && o.from < a.to && a.from < o.to }) {
			j.add(*a.alone)
		}
	}
	j.verd.Hits = len(hits)
	return err
}

func whyKind(k inbox.SpanKind) Why {
	switch k {
	case inbox.Email:
		return WhyAddress
	case inbox.Handle:
		return WhyHandle
	}
	return WhyNumber
}

// identify finds the identifiers in a text, with those before it in the same breath. The masking engine finds them: what
// an incoming message must not show an outgoing one must explain.
func identify(src string, earlier []mask.Piece, k mask.Known) []ident {
	places := mask.Find(src, earlier, k)
	out := make([]ident, len(places))
	for i, p := range places {
		out[i] = ident{p.From, p.To, p.Kind, p.Joint, p.Value}
	}
	return out
}

func holdsFold(list []string, value string) bool {
	return value != "" && slices.ContainsFunc(list, func(v string) bool { return strings.EqualFold(strings.TrimPrefix(v, "@"), value) })
}
