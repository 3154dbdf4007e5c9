package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// ErrPolicy is returned for a policy that cannot be followed.
var ErrPolicy = errors.New("guard policy is not usable")

// A Policy is what a company lets out. The zero value judges like [DefaultPolicy] without a company.
type Policy struct {
	Company   Company
	Actions   map[Rule]Action // instead of the default ones
	Alert     []Rule          // the rules whose breach is reported at once, if more than a warning comes of it
	NotTheirs bool            // a contact's own number or address must not stand in a message to him either

	Offers []Offer
	Limits map[inbox.Role]Limit // what a role may give without an offer; a role that is not listed may give nothing

	Claims      []string     // phrases nobody may say; see below
	Disclaimers []Disclaimer // what must be said along with something
	Sensitive   []string     // data nobody may ask for, besides the built-in ones
	Allowed     []string     // built-in sensitive data that this company does ask for, as the policy's words name it

	Shorteners []string // hosts besides the built-in ones
	Files      Files
	Mass       Mass
}

// Phrases of a policy are words in any case, with or without accents; "word*" stands for every word that begins like
// that, and one other word may stand between two.

// A Company is what belongs to the company and may therefore leave it.
type Company struct {
	Numbers []string // E.164 digits; partners' service lines too
	Emails  []string // single addresses; partners' too
	Domains []string // whose links and addresses may leave, subdomains included: "company.example"
	Handles []string // usernames, without @
	IBANs   []string // in any spelling
	Regions []string // ISO 3166-1 alpha-2: where numbers without calling code may belong, besides the numbers' own
	Names   []string // what a look-alike would imitate, besides the first label of Domains
}

// An Offer is something the company decided to give. Zero fields do not limit it.
type Offer struct {
	Code     string          // "" for a discount that needs none
	Percent  float64         // up to which it allows a discount
	Amount   float64         // up to which it allows money off, in the currency customers are told
	Free     bool            // it allows something for free
	From     time.Time       // first moment
	Until    time.Time       // first moment after it
	Segments []string        // the contacts it is for
	Roles    []inbox.Role    // who may offer it
	For      inbox.ContactID // a code that belongs to one contact alone
	Owner    string          // the alias of that contact
}

// A Limit is what somebody may give on his own.
type Limit struct {
	Percent float64
	Amount  float64
	Free    bool
}

// A Disclaimer must be in a message that says a certain thing.
type Disclaimer struct {
	When []string // phrases; any of them calls for it
	Need []string // phrases; any of them will do
}

// Files says which files may leave.
type Files struct {
	Types    []string // media types, "image/*" for a family; empty means the built-in list
	MaxBytes int64    // 0 means 100 MB, the most WhatsApp takes
}

// Mass says when the same text went to too many.
type Mass struct {
	Contacts int           // that may get the same text; 0 means 10
	Within   time.Duration // 0 means 10 minutes
	MinBytes int           // shorter texts, "thank you", do not count; 0 means 40
	Alike    float64       // the share two texts have in common to be the same, 0 to 1; 0 means 0.5
}

var defaultActions = map[Rule]Action{
	OtherContact: Block, PaymentCard: Block, BankAccount: Hold, Diversion: Block, Link: Ask, BadLink: Block,
	MassSend: Hold, Discount: Hold, ForeignCode: Block, WrongRecipient: Ask, Pasted: Ask, FileKind: Block,
	Window: Block, Consent: Block, Claim: Hold, Unsaid: Ask, Sensitive: Hold, Unreadable: Block,
}

// defaultTypes are what WhatsApp carries as media (Cloud API, supported media types) without the archives and programs
// nobody sends a customer.
var defaultTypes = []string{"image/jpeg", "image/png", "image/webp", "video/mp4", "video/3gpp", "audio/aac", "audio/amr",
	"audio/mpeg", "audio/mp4", "audio/ogg", "application/pdf", "text/plain",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation"}

// DefaultPolicy returns what holds where a company said nothing: every rule with the action of the design, no discount
// without an offer, no link off the company's domains without a reason.
func DefaultPolicy() Policy {
	return Policy{
		Actions: maps.Clone(defaultActions),
		Alert:   []Rule{Diversion, OtherContact},
		Files:   Files{Types: slices.Clone(defaultTypes), MaxBytes: 100 << 20},
		Mass:    Mass{Contacts: 10, Within: 10 * time.Minute, MinBytes: 40, Alike: 0.5},
	}
}

func (p *Policy) action(r Rule) Action {
	if a, ok := p.Actions[r]; ok {
		return a
	}
	return defaultActions[r]
}

// compiled is what a policy looks like to those who judge.
type compiled struct {
	numbers, emails, handles, ibans, domains map[string]bool
	brands                                   []string
	regionCodes                              []string
	short                                    map[string]bool
	codes                                    map[string][]int // folded code to offers
	claims, sensitive                        phraseSet
	disclaimers                              []compiledDisclaimer
	types                                    []string
}

type compiledDisclaimer struct{ when, need phraseSet }

// New makes a guard of a policy. It returns ErrPolicy for one that contradicts itself. A nil owners knows nobody.
func New(p Policy, owners Owners) (*Guard, error) {
	if p.Alert == nil && p.Actions == nil {
		p.Alert = DefaultPolicy().Alert
	}
	if p.Mass.Contacts == 0 {
		p.Mass.Contacts = 10
	}
	if p.Mass.Within == 0 {
		p.Mass.Within = 10 * time.Minute
	}
	if p.Mass.MinBytes == 0 {
		p.Mass.MinBytes = 40
	}
	if p.Mass.Alike == 0 {
		p.Mass.Alike = 0.5
	}
	if p.Files.MaxBytes == 0 {
		p.Files.MaxBytes = 100 << 20
	}
	if p.Mass.Contacts < 0 || p.Mass.Within < 0 || p.Mass.Alike < 0 || p.Mass.Alike > 1 || p.Files.MaxBytes < 0 {
		return nil, fmt.Errorf("%w: a limit is out of range", ErrPolicy)
	}
	for r, a := range p.Actions {
		if !slices.Contains(Rules(), r) || a > Block {
			return nil, fmt.Errorf("%w: no such rule or action", ErrPolicy)
		}
	}
	if p.action(OtherContact) != p.action(Diversion) {
		// Else the action alone would tell whether a number is a customer's.
		return nil, fmt.Errorf("%w: %s and %s must have the same action", ErrPolicy, OtherContact, Diversion)
	}
	if p.action(Unreadable) < Hold {
		return nil, fmt.Errorf("%w: what was not judged must not leave", ErrPolicy)
	}
	theDictionary() // takes long once; better now than for the first draft
	g := &Guard{policy: p, owners: owners}
	c := &g.compiled
	c.numbers, c.emails, c.handles = map[string]bool{}, map[string]bool{}, map[string]bool{}
	c.ibans, c.domains, c.short, c.codes = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string][]int{}
	for _, n := range p.Company.Numbers {
		d := digitsOf(n)
		if len(d) < 5 || len(d) > 15 {
			return nil, fmt.Errorf("%w: a company number has no E.164 form", ErrPolicy)
		}
		c.numbers[d] = true
		c.regionCodes = addCode(c.regionCodes, regionOf(d))
	}
	for _, r := range p.Company.Regions {
		c.regionCodes = addCode(c.regionCodes, strings.ToUpper(r))
	}
	for _, e := range p.Company.Emails {
		c.emails[strings.ToLower(e)] = true
	}
	for _, h := range p.Company.Handles {
		c.handles[strings.ToLower(strings.TrimPrefix(h, "@"))] = true
	}
	for _, i := range p.Company.IBANs {
		n := compact(i)
		if len(n) < 15 {
			return nil, fmt.Errorf("%w: a company account is no IBAN", ErrPolicy)
		}
		c.ibans[n] = true
	}
	for _, n := range p.Company.Names {
		c.brands = append(c.brands, compact(string(read(n).b)))
	}
	for _, d := range p.Company.Domains {
		d = strings.ToLower(strings.Trim(d, ". "))
		if !strings.Contains(d, ".") {
			return nil, fmt.Errorf("%w: a domain has no dot", ErrPolicy)
		}
		c.domains[d] = true
		if label, _, _ := strings.Cut(d, "."); len(label) >= 4 {
			c.brands = append(c.brands, compact(label))
		}
	}
	c.brands = slices.DeleteFunc(c.brands, func(b string) bool { return len(b) < 4 })
	for _, s := range p.Shorteners {
		c.short[strings.ToLower(s)] = true
	}
	for i, o := range p.Offers {
		if o.Percent < 0 || o.Amount < 0 || !o.Until.IsZero() && o.Until.Before(o.From) {
			return nil, fmt.Errorf("%w: an offer ends before it begins or takes more than it gives", ErrPolicy)
		}
		if o.Code != "" {
			key := string(read(o.Code).b)
			c.codes[key] = append(c.codes[key], i)
		}
	}
	allowed := newPhrases(p.Allowed)
	for _, s := range builtinSensitive {
		if t := read(s); !allowed.any(t) {
			c.sensitive.add(s)
		}
	}
	for _, s := range p.Sensitive {
		c.sensitive.add(s)
	}
	c.claims = newPhrases(p.Claims)
	for _, d := range p.Disclaimers {
		c.disclaimers = append(c.disclaimers, compiledDisclaimer{newPhrases(d.When), newPhrases(d.Need)})
	}
	if c.types = p.Files.Types; len(c.types) == 0 {
		c.types = defaultTypes
	}
	return g, nil
}
