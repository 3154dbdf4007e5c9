package relay

import (
	"context"
	"net/mail"
	"net/url"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

// CardConfig is a contact card of the company that agents may send.
type CardConfig struct {
	ID      string `toml:"id"`
	Name    string `toml:"name"`
	Company string `toml:"company"`
	Phone   string `toml:"phone"`
	Email   string `toml:"email"`
	URL     string `toml:"url"`
}

// bucketCard, of the company's shard, keeps what the company's log says about each card.
const bucketCard = "card"

const maxCards = 1000

func checkCards(cards []CardConfig) error {
	seen := map[string]bool{}
	for _, c := range cards {
		switch {
		case len(cards) > maxCards:
			return wrong("card: at most %d", maxCards)
		case !slug.MatchString(c.ID):
			return wrong("card.id: lower-case letters, digits and dashes, such as front-desk")
		case seen[c.ID]:
			return wrong("card %s stands there twice", c.ID)
		case blank(c.Name) || c.Name == "" || len(c.Name) > 200 || len(c.Company) > 200:
			return wrong("card.name of %s: what customers see, at most 200 bytes; the same goes for card.company", c.ID)
		case c.Phone == "" && c.Email == "" && c.URL == "":
			return wrong("card %s: phone, email or url; without any of them nobody can be reached", c.ID)
		case c.Phone != "" && !e164.MatchString(c.Phone):
			return wrong("card.phone of %s: international form, such as +4930231250000", c.ID)
		}
		if c.Email != "" {
			if a, err := mail.ParseAddress(c.Email); err != nil || a.Address != c.Email {
				return wrong("card.email of %s: an address such as desk@example.com", c.ID)
			}
		}
		if c.URL != "" {
			if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
				return wrong("card.url of %s: an address such as https://example.com", c.ID)
			}
		}
		seen[c.ID] = true
	}
	return nil
}

// card returns a card of the configuration.
func (r *Relay) card(id inbox.CardID) (CardConfig, bool) {
	for _, c := range r.cfg.Cards {
		if c.ID == string(id) {
			return c, true
		}
	}
	return CardConfig{}, false
}

// announceCards writes the cards of the configuration into the company's log, and the end of those it does not have any
// more, if that is news. A relay without news writes nothing.
func (r *Relay) announceCards(ctx context.Context) error {
	news := func(tx ledger.Tx) (list []inbox.CompanyCard, err error) {
		known := map[inbox.CardID]inbox.CompanyCard{}
		for id, row := range tx.Scan(bucketCard, nil, nil) {
			var c inbox.CompanyCard
			if cbor.Unmarshal(row, &c) != nil {
				return nil, errRow
			}
			known[inbox.CardID(id)] = c
		}
		for _, c := range r.cfg.Cards {
			now := inbox.CompanyCard{ID: inbox.CardID(c.ID), Name: c.Name, Company: c.Company}
			if known[now.ID] != now {
				list = append(list, now)
			}
			delete(known, now.ID)
		}
		for _, c := range known {
			if !c.Removed {
				c.Removed = true
				list = append(list, c)
			}
		}
		return list, tx.Err()
	}
	var list []inbox.CompanyCard
	err := r.db.View(ctx, identity.Shard, func(tx ledger.Tx) (err error) {
		list, err = news(tx)
		return err
	})
	if err != nil || len(list) == 0 {
		return err
	}
	return r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		list, err := news(tx)
		if err != nil {
			return err
		}
		at := inbox.At(r.now())
		for _, c := range list {
			row, err := cbor.Marshal(c)
			if err != nil {
				return err
			}
			if err := tx.Put(bucketCard, []byte(c.ID), row); err != nil {
				return err
			}
			if _, err := eventlog.Append(tx, at, "", inbox.CardChanged{Card: c}); err != nil {
				return err
			}
			act := audit.CardSet
			if c.Removed {
				act = audit.CardRemoved
			}
			if err := audit.Record(tx, audit.Entry{At: at, Act: act, Object: string(c.ID)}); err != nil {
				return err
			}
		}
		return nil
	})
}
