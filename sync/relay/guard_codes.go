package relay

import (
	"context"
	"strings"
	"sync"
	"unicode"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/guard"
	"sealdesk/sync/relay/internal/ledger"
)

// bucketCode is folded code -> the contact who was told it, for codes that may be used once.
const bucketCode = "offercode"

// codes are the codes that belong to the first contact who is told one. Memory holds all inboxes' rows.
type codes struct {
	single []string // folded

	mu   sync.Mutex
	told map[string]inbox.ContactID
}

// foldCode writes a code as words of capitals and digits: case, dashes and blanks make no other code.
func foldCode(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToUpper(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// in returns the single-use codes that stand in texts.
func (c *codes) in(parts []guard.Part) (found []string) {
	if len(c.single) == 0 {
		return nil
	}
	var all strings.Builder
	for _, p := range parts {
		all.WriteString(" " + foldCode(p.Text) + " ")
	}
	for _, code := range c.single {
		if strings.Contains(all.String(), " "+code+" ") {
			found = append(found, code)
		}
	}
	return found
}

func (c *codes) owner(code string) inbox.ContactID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told[code]
}

// claim keeps codes for a contact and returns which of them were nobody's. It reports false, and keeps none, if one of
// them is somebody else's. Inboxes write side by side, so memory decides who was first, not a row.
func (c *codes) claim(list []string, to inbox.ContactID) (fresh []string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, code := range list {
		switch c.told[code] {
		case to:
		case "":
			fresh = append(fresh, code)
		default:
			return nil, false
		}
	}
	for _, code := range fresh {
		c.set(code, to)
	}
	return fresh, true
}

// disclaim gives codes back that were claimed for a message that was not sent.
func (c *codes) disclaim(list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, code := range list {
		delete(c.told, code)
	}
}

func (c *codes) set(code string, to inbox.ContactID) {
	if c.told == nil {
		c.told = map[string]inbox.ContactID{}
	}
	c.told[code] = to
}

// give writes down whose the codes are, in the transaction of the message that tells them.
func (c *codes) give(tx ledger.Tx, list []string, to inbox.ContactID) error {
	for _, code := range list {
		if err := tx.Put(bucketCode, []byte(code), []byte(to)); err != nil {
			return err
		}
	}
	return nil
}

// rememberCodes reads whose the codes of an inbox are.
func (r *Relay) rememberCodes(ctx context.Context, in inbox.InboxID) error {
	c := &r.guarding.codes
	return r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for code, contact := range tx.Scan(bucketCode, nil, nil) {
			c.set(string(code), inbox.ContactID(contact))
			r.guarding.stale = true // nobody else is here yet
		}
		return tx.Err()
	})
}
