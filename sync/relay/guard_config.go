package relay

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/guard"
)

// GuardConfig is what may leave the company, and what happens to what may not. Left out, everything is judged by
// [guard.DefaultPolicy].
type GuardConfig struct {
	UndoSeconds *int `toml:"undo_seconds"` // nil is undoUsual, 0 sends at once
	HeldHours   int  `toml:"held_hours"`   // 0 is heldUsual

	Domains []string `toml:"domains"`
	Numbers []string `toml:"numbers"`
	Emails  []string `toml:"emails"`
	Handles []string `toml:"handles"`
	IBANs   []string `toml:"ibans"`
	Regions []string `toml:"regions"`
	Names   []string `toml:"names"`

	NeverBack  bool     `toml:"never_repeat_data"`
	Forbidden  []string `toml:"forbidden"`
	NeverAsk   []string `toml:"never_ask"`
	MayAsk     []string `toml:"may_ask"`
	Shorteners []string `toml:"shorteners"`

	FileTypes    []string `toml:"file_types"`
	FileMB       int      `toml:"file_mb"`
	MassContacts int      `toml:"mass_contacts"`
	MassMinutes  int      `toml:"mass_minutes"`

	Actions     map[string]string  `toml:"actions"`
	Limits      map[string]float64 `toml:"limits"`
	Disclaimers []DisclaimerConfig `toml:"disclaimer"`
}

// DisclaimerConfig is what must be said along with something.
type DisclaimerConfig struct {
	When []string `toml:"when"`
	Need []string `toml:"need"`
}

// OfferConfig is something the company decided to give.
type OfferConfig struct {
	Code      string   `toml:"code"` // "" for a discount that needs none
	Percent   float64  `toml:"percent"`
	Amount    float64  `toml:"amount"`
	Free      bool     `toml:"free"`
	From      string   `toml:"from"`  // first day, "2026-11-01"; "" is always
	Until     string   `toml:"until"` // last day
	Roles     []string `toml:"roles"`
	SingleUse bool     `toml:"single_use"` // it belongs to the first contact who is told it
}

// PersonContactConfig is how a colleague can be reached in private: customers must not be told. It is personal data.
type PersonContactConfig struct {
	Person  string   `toml:"person"` // id or name
	Numbers []string `toml:"numbers"`
	Emails  []string `toml:"emails"`
	Handles []string `toml:"handles"`
}

const (
	undoUsual = 5 // seconds
	undoMost  = 30
	heldUsual = 24 // hours
	heldMost  = 24 * 7
)

// fileTypes is what may leave besides the guard's own list: what offices still write.
var fileTypes = []string{"image/jpeg", "image/png", "image/webp", "video/mp4", "video/3gpp", "audio/aac", "audio/amr", "audio/mpeg",
	"audio/mp4", "audio/ogg", "application/pdf", "text/plain", "text/csv", "text/calendar", "application/msword", "application/vnd.ms-excel",
	"application/vnd.ms-powerpoint", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation"}

// undo is how long a message may be taken back before it leaves.
func (c *Config) undo() time.Duration {
	if c.Guard.UndoSeconds == nil {
		return undoUsual * time.Second
	}
	return time.Duration(*c.Guard.UndoSeconds) * time.Second
}

// heldFor is how long a message waits for a decision.
func (c *Config) heldFor() time.Duration {
	if c.Guard.HeldHours == 0 {
		return heldUsual * time.Hour
	}
	return time.Duration(c.Guard.HeldHours) * time.Hour
}

func (c *Config) checkGuard() error {
	g := &c.Guard
	switch {
	case g.UndoSeconds != nil && (*g.UndoSeconds < 0 || *g.UndoSeconds > undoMost):
		return wrong("guard.undo_seconds: 0 to %d", undoMost)
	case g.HeldHours < 0 || g.HeldHours > heldMost:
		return wrong("guard.held_hours: 1 to %d", heldMost)
	case g.FileMB < 0 || g.FileMB > 100:
		return wrong("guard.file_mb: 1 to 100")
	case g.MassContacts < 0 || g.MassMinutes < 0 || g.MassMinutes > 24*60 || g.MassContacts > 10000:
		return wrong("guard.mass_contacts, guard.mass_minutes: to how many within how many minutes the same text may go; at most 10000 and 1440")
	}
	for _, p := range c.PersonContacts {
		if strings.TrimSpace(p.Person) == "" {
			return wrong("person_contact.person: the name or id `sealdesk-relay person list` shows")
		}
	}
	p, err := c.guardPolicy()
	if err != nil {
		return err
	}
	if _, err := guard.New(p, nil); err != nil {
		return wrong("guard: %v", err)
	}
	return nil
}

// guardPolicy is the configuration in the guard's words.
func (c *Config) guardPolicy() (guard.Policy, error) {
	g := &c.Guard
	p := guard.DefaultPolicy()
	p.Company = guard.Company{
		Numbers: slices.Clone(g.Numbers), Emails: slices.Clone(g.Emails), Domains: slices.Clone(g.Domains), Handles: g.Handles,
		IBANs: g.IBANs, Regions: g.Regions, Names: g.Names,
	}
	c.ownAnyway(&p.Company)
	p.NotTheirs, p.Claims, p.Sensitive, p.Allowed, p.Shorteners = g.NeverBack, g.Forbidden, g.NeverAsk, g.MayAsk, g.Shorteners
	for _, d := range g.Disclaimers {
		if len(d.When) == 0 || len(d.Need) == 0 {
			return p, wrong("guard.disclaimer: `when` and `need` are lists of phrases")
		}
		p.Disclaimers = append(p.Disclaimers, guard.Disclaimer(d))
	}
	if p.Files.Types = fileTypes; len(g.FileTypes) > 0 {
		p.Files.Types = g.FileTypes
	}
	if g.FileMB > 0 {
		p.Files.MaxBytes = int64(g.FileMB) << 20
	}
	if g.MassContacts > 0 {
		p.Mass.Contacts = g.MassContacts
	}
	if g.MassMinutes > 0 {
		p.Mass.Within = time.Duration(g.MassMinutes) * time.Minute
	}
	for name, percent := range g.Limits {
		role, ok := inbox.ParseRole(name)
		if !ok || percent < 0 || percent > 100 {
			return p, wrong("guard.limits: a role, such as agent or supervisor, and the percent it may give on its own")
		}
		if p.Limits == nil {
			p.Limits = map[inbox.Role]guard.Limit{}
		}
		p.Limits[role] = guard.Limit{Percent: percent}
	}
	if len(g.Limits) == 0 && len(c.Offers) == 0 {
		p.Actions[guard.Discount] = guard.Warn // nobody has said what may be given: there is nothing to hold it against
	}
	for word, does := range g.Actions {
		rule := guard.Rule(word)
		action, ok := guard.ParseAction(does)
		switch {
		case !slices.Contains(guard.Rules(), rule):
			return p, wrong("guard.actions: no such rule: %s", word)
		case !ok:
			return p, wrong("guard.actions.%s: one of pass, warn, reason, hold, block", word)
		}
		p.Actions[rule] = action
	}
	for _, o := range c.Offers {
		offer, err := o.offer()
		if err != nil {
			return p, err
		}
		p.Offers = append(p.Offers, offer)
	}
	return p, nil
}

// ownAnyway adds what other parts of the configuration say is the company's.
func (c *Config) ownAnyway(o *guard.Company) {
	host := func(address string) {
		if u, err := url.Parse(address); err == nil && strings.Contains(u.Hostname(), ".") {
			o.Domains = append(o.Domains, strings.TrimPrefix(u.Hostname(), "www."))
		}
	}
	for _, own := range c.companyNumbers() {
		if strings.Contains(own, "@") {
			o.Emails = append(o.Emails, own)
		} else if n := digits(own); len(n) >= 5 && len(n) <= 15 {
			o.Numbers = append(o.Numbers, n)
		}
	}
	host(c.Privacy.URL)
	for _, card := range c.Cards {
		if card.Phone != "" {
			o.Numbers = append(o.Numbers, digits(card.Phone))
		}
		if a, err := mail.ParseAddress(card.Email); err == nil {
			o.Emails = append(o.Emails, a.Address)
		}
		host(card.URL)
	}
}

func (o OfferConfig) offer() (guard.Offer, error) {
	out := guard.Offer{Code: o.Code, Percent: o.Percent, Amount: o.Amount, Free: o.Free}
	if o.Code == "" && o.SingleUse {
		return out, wrong("offer: single_use needs a code")
	}
	if o.Code != "" && foldCode(o.Code) == "" {
		return out, wrong("offer.code: letters and digits")
	}
	for _, r := range o.Roles {
		role, ok := inbox.ParseRole(r)
		if !ok {
			return out, wrong("offer.roles of %s: no such role: %s", o.Code, r)
		}
		out.Roles = append(out.Roles, role)
	}
	for _, d := range []struct {
		key, text string
		days      int
		at        *time.Time
	}{{"from", o.From, 0, &out.From}, {"until", o.Until, 1, &out.Until}} {
		if d.text == "" {
			continue
		}
		day, err := time.ParseInLocation(time.DateOnly, d.text, time.Local)
		if err != nil {
			return out, wrong("offer.%s of %s: a day such as 2026-11-30", d.key, o.Code)
		}
		*d.at = day.AddDate(0, 0, d.days)
	}
	return out, nil
}

// checkGuarded says which parts of the guard judge less than they could.
func checkGuarded(cfg Config) Finding {
	var missing []string
	for _, key := range []struct {
		name string
		set  bool
	}{
		{"guard.domains", len(cfg.Guard.Domains) > 0}, {"guard.ibans", len(cfg.Guard.IBANs) > 0},
		{"guard.limits or [[offer]]", len(cfg.Guard.Limits) > 0 || len(cfg.Offers) > 0},
		{"guard.forbidden", len(cfg.Guard.Forbidden) > 0}, {"[[person_contact]]", len(cfg.PersonContacts) > 0},
	} {
		if !key.set {
			missing = append(missing, key.name)
		}
	}
	if len(missing) > 0 {
		return Finding{"guard", Watch, "outgoing messages are judged by what holds for everybody", "tell it more in relay.toml: " + strings.Join(missing, ", ")}
	}
	return Finding{What: "guard", Detail: "knows the company's domains, accounts, offers and words"}
}
