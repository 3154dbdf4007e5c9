package guard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// What one draft may hold. More is blocked unread: WhatsApp takes 4,096 characters of text.
const (
	MaxText  = 16 << 10 // bytes, all parts together
	MaxParts = 64
	// maxFindings is how many findings a verdict has before only what is new of its kind is added: nobody reads more.
	maxFindings = 64
	maxAsked    = 64 // identifiers that Owners is asked about for one draft
)

// A Kind says what a part of a message is; different rules judge different kinds.
type Kind uint8

// The kinds of parts.
const (
	Body    Kind = iota // the text of a message
	Caption             // the text below a file
	Value               // what fills a template's parameter, or stands on its button
	Note                // an internal note: it does not leave, so only what must not be written down at all counts
)

// A Part is one text of a message.
type Part struct {
	Kind Kind
	Text string
}

// A File is what goes along with a message. Its content is not judged.
type File struct {
	Name string
	Type string // media type, as found by looking at the bytes
	Size int64  // bytes
}

// A Contact is whom the message is for, as the relay knows him. Names and Known are personal data.
type Contact struct {
	ID      inbox.ContactID
	Names   []string   // first and last name as the company has them; one may be missing
	Profile string     // the name he gave himself on WhatsApp; a greeting may use it
	Known   mask.Known // his numbers, addresses and usernames, those he gave in the conversation included; Company is not read
	Segment string     // what offers may be limited to
}

// An Agent is who writes.
type Agent struct {
	Role    inbox.Role
	Name    string     // a greeting that names the writer is a signature
	Private mask.Known // his own numbers, addresses and usernames as far as the company knows them; personal data
}

// Sent is one text the agent sent before.
type Sent struct {
	To    inbox.ContactID
	At    time.Time
	Print Print
}

// A Draft is what an agent wants to send, and the facts the guard needs to judge it. It holds personal data and prints
// "[redacted]" wherever it is printed.
type Draft struct {
	Parts        []Part // in the order the customer reads them
	File         *File
	To           Contact
	From         Agent
	Conversation inbox.ConversationID
	Pasted       inbox.ConversationID // where pasted text was copied; "" for nowhere in Sealdesk

	Recent  []Sent       // what this agent sent lately to anybody, in any order; at least as far back as Policy.Mass reaches
	Earlier []mask.Piece // what this agent wrote to this contact right before, oldest first: a number may go over several messages

	At        time.Time // of the wish to send
	Template  bool      // a template rather than free text
	Outside   bool      // the window is closed
	NoConsent bool      // the contact did not agree to be written to, or took it back

	Preview bool // it is being typed, not sent; see the package's words on oracles
}

const redacted = "[redacted]"

// Format prints "[redacted]" under every verb.
func (Draft) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// Format prints "[redacted]" under every verb.
func (Contact) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// Format prints "[redacted]" under every verb.
func (Agent) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// Format prints "[redacted]" under every verb.
func (Part) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalJSON prints "[redacted]": a draft has no other form in a log.
func (Draft) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// An Owner is whose identifier something is.
type Owner struct {
	Contact inbox.ContactID
	Alias   string // what agents call the contact
}

// Owners tells whose identifiers are. The relay implements it by keyed hash: an exact match or nothing, no prefixes.
type Owners interface {
	// Owners returns the owner of each identifier, the zero Owner where nobody's is known; the result is as long as the
	// question. Identifiers are normalised as [mask.Found] says. It may be called concurrently.
	Owners(context.Context, []mask.Found) ([]Owner, error)
}

// An Action is what must happen to a draft. Stronger ones are greater.
type Action uint8

// The actions, from the weakest to the strongest.
const (
	Pass  Action = iota // nothing
	Warn                // tell the agent
	Ask                 // the agent must give a reason, which is kept
	Hold                // a second person decides
	Block               // it does not leave
)

var actionNames = [...]string{"pass", "warn", "reason", "hold", "block"}

// String returns the word a policy file uses: "pass", "warn", "reason", "hold", "block".
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "block"
}

// ParseAction is the reverse of [Action.String].
func ParseAction(word string) (Action, bool) {
	i := slices.Index(actionNames[:], word)
	return Action(max(i, 0)), i >= 0
}

// A Rule is what a draft broke. Its text is the word policy files and audit entries use.
type Rule string

// The rules.
const (
	OtherContact   Rule = "other-contact"   // another contact's number, address or username
	PaymentCard    Rule = "payment-card"    // the number of a payment card
	BankAccount    Rule = "bank-account"    // an account that is not the company's
	Diversion      Rule = "diversion"       // a way around the company: private numbers, other apps, private deals
	Link           Rule = "link"            // a link that is not on the list
	BadLink        Rule = "bad-link"        // a link that hides or fakes where it leads
	MassSend       Rule = "mass-send"       // the same text to many
	Discount       Rule = "discount"        // more than the role may give, or not in the register of offers
	ForeignCode    Rule = "foreign-code"    // a code that belongs to another contact
	WrongRecipient Rule = "wrong-recipient" // a greeting for somebody else
	Pasted         Rule = "pasted"          // text copied from another conversation
	FileKind       Rule = "file"            // a file too big, of a type that is not allowed, or named after a person
	Window         Rule = "window"          // free text while the window is closed
	Consent        Rule = "consent"         // the contact does not want to be written to
	Claim          Rule = "claim"           // something the company must not say
	Unsaid         Rule = "disclaimer"      // something that must be said along with it is missing
	Sensitive      Rule = "sensitive-data"  // a question for data the company does not need
	Unreadable     Rule = "unreadable"      // not judged: no text, too long, or too much in it
)

// Rules returns all rules, in a fixed order.
func Rules() []Rule {
	return []Rule{OtherContact, PaymentCard, BankAccount, Diversion, Link, BadLink, MassSend, Discount, ForeignCode,
		WrongRecipient, Pasted, FileKind, Window, Consent, Claim, Unsaid, Sensitive, Unreadable}
}

// A Why narrows a rule down; a screen has a sentence for each. "" where the rule says it all.
type Why string

// The reasons.
const (
	WhyNumber    Why = "number"          // a telephone number that is not the company's
	WhyAddress   Why = "address"         // an e-mail address that is not the company's
	WhyHandle    Why = "handle"          // a username or a link to a person
	WhyDisguised Why = "disguised"       // a number or address written so that nobody finds it
	WhyOwn       Why = "own"             // it is the agent's own, as the company knows
	WhyPrivate   Why = "private-channel" // an invitation to a private number, account or chat
	WhyApp       Why = "other-app"       // an invitation to another app
	WhyBypass    Why = "bypass"          // a deal behind the company's back
	WhyBank      Why = "bank-details"    // bank details or a wallet, without an IBAN
	WhyPayee     Why = "private-payee"   // money to the writer rather than the company
	WhyLimit     Why = "above-limit"
	WhyExpired   Why = "expired"       // an offer that is not valid now
	WhyUnknown   Why = "not-in-offers" // a code or a discount nobody registered
	WhySegment   Why = "wrong-segment" // an offer for others than this contact, or for other roles
	WhyShortener Why = "shortener"
	WhyLookalike Why = "look-alike" // made to look like the company's
	WhyPunycode  Why = "punycode"   // letters of other scripts; Detail shows both forms
	WhyRaw       Why = "raw-address"
	WhyType      Why = "type"
	WhySize      Why = "size"
	WhyName      Why = "name"
)

// A Finding is one thing wrong with a draft.
type Finding struct {
	Rule   Rule
	Why    Why
	Action Action
	Part   int // which part of the draft; -1 for its file, -2 for the draft as a whole
	From   int // bytes of the part's text, or of the file's name; From == To when no stretch is to blame
	To     int
	Detail string // a fact about it that the agent may see: from his own words or from the policy, never from the vault

	// Owner is whose data it is, for [OtherContact] and [ForeignCode]. Only who may read the owner's conversation may see
	// it: see [Verdict.Blind].
	Owner Owner
	// Unsure is set while typing where sending will judge more kindly if the identifier is the contact's own.
	Unsure bool
}

// Values of Finding.Part that are no index.
const (
	InFile  = -1
	InDraft = -2
)

// A Verdict is what the guard thinks of a draft. The zero value finds nothing.
type Verdict struct {
	Action   Action    // the strongest of the findings'
	Alert    bool      // somebody who watches over the company must hear of it now
	Findings []Finding // by part and place
	Asked    int       // how many identifiers Owners was asked about: what limits look-ups counts them
	Hits     int       // how many of them were other contacts'
}

// Blind returns the verdict as somebody sees it who may not know whose data was found: what belongs to a contact sees
// does not hold for reads like what belongs to nobody. A nil sees holds for none.
func (v Verdict) Blind(sees func(inbox.ContactID) bool) Verdict {
	v.Findings = slices.Clone(v.Findings)
	v.Asked, v.Hits = 0, 0
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Owner == (Owner{}) || sees != nil && sees(f.Owner.Contact) {
			continue
		}
		f.Owner = Owner{}
		switch f.Rule {
		case OtherContact:
			f.Rule = Diversion
		case ForeignCode:
			f.Rule, f.Why = Discount, WhyUnknown
		}
	}
	return v
}

// A Guard judges by one policy.
type Guard struct {
	policy Policy
	owners Owners
	compiled
}

// Judge judges a draft. It returns an error, together with a verdict that blocks, when Owners failed: such a draft must
// not leave. It takes microseconds for decent text, plus what Owners takes, which is asked once at most.
func (g *Guard) Judge(ctx context.Context, d Draft) (Verdict, error) {
	j := judge{Guard: g, draft: &d}
	j.facts()
	size := 0
	for _, p := range d.Parts {
		size += len(p.Text)
	}
	if size > MaxText || len(d.Parts) > MaxParts {
		j.add(Finding{Rule: Unreadable, Part: InDraft})
		return j.verdict(), nil
	}
	for i := range d.Parts {
		if !utf8.ValidString(d.Parts[i].Text) {
			j.add(Finding{Rule: Unreadable, Part: i, To: len(d.Parts[i].Text)})
			continue
		}
		j.part(i)
	}
	j.file()
	j.whole()
	err := j.ask(ctx)
	v := j.verdict()
	if err != nil {
		v.Action = Block
		return v, fmt.Errorf("ask whose identifiers these are: %w", err)
	}
	return v, nil
}

// A judge is the work on one draft.
type judge struct {
	*Guard
	draft    *Draft
	known    mask.Known // everybody's whose identifiers are recognised in any disguise; made when first needed
	calling  []string   // calling codes numbers without one may belong to
	ready    bool
	findings []Finding
	asks     []asked
	verd     Verdict
}

func (j *judge) add(f Finding) {
	f.Action = j.policy.action(f.Rule)
	if f.Action == Pass {
		return
	}
	if f.Unsure && f.Action > Warn {
		f.Action = Warn
	}
	if len(j.findings) >= maxFindings && slices.ContainsFunc(j.findings, func(have Finding) bool { return have.Rule == f.Rule && have.Owner == f.Owner }) {
		return
	}
	for _, have := range j.findings { // one stretch breaks one rule once
		if have.Rule == f.Rule && have.Part == f.Part && have.From <= f.From && f.To <= have.To && have.Owner == f.Owner &&
			(have.Why == f.Why || f.From < f.To) {
			return
		}
	}
	j.findings = append(j.findings, f)
}

func (j *judge) verdict() Verdict {
	v := j.verd
	slices.SortStableFunc(j.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order(a.Part), order(b.Part)), cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Why, b.Why))
	})
	v.Findings = j.findings
	for _, f := range v.Findings {
		v.Action = max(v.Action, f.Action)
		v.Alert = v.Alert || f.Action > Warn && slices.Contains(j.policy.Alert, f.Rule)
	}
	return v
}

// order puts the file behind all parts, and the draft as a whole last.
func order(part int) int {
	if part < 0 {
		return MaxParts - part
	}
	return part
}

// part judges one text.
func (j *judge) part(i int) {
	p := j.draft.Parts[i]
	if strings.TrimSpace(p.Text) == "" {
		return
	}
	t := read(p.Text)
	j.ways(i, p, t, true)
	if p.Kind == Note {
		return
	}
	j.links(i, t)
	j.banks(i, t)
	j.lures(i, t)
	j.discounts(i, t)
	j.phrases(i, t)
	if i == 0 || p.Kind != Value {
		j.greeting(i, p, t)
	}
}
