package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

// Lookup returns the contact who has a telephone number now, and whether there is one. The number is in E.164, with or
// without "+" or "00" and separators; it is found whole or not at all. Finding takes about as long as not finding. How
// often somebody may ask, and the record of it, are the caller's.
func (v *Vault) Lookup(ctx context.Context, e164 string) (id inbox.ContactID, ok bool, err error) {
	i := Identity{Phone: international(e164)}.normal()
	err = v.db.View(ctx, Shard, func(tx ledger.Tx) (err error) {
		id, ok, err = v.owner(tx, kindPhone, i.Phone)
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("looking up a number: %w", err)
	}
	return id, ok, nil
}

// Owners returns whose each of the candidates is, by the candidate as it was given: telephone numbers in E.164, e-mail
// addresses, usernames with their "@". Those of nobody are not in it. An address is that of the contact who named it first.
// It is for the guard, which then knows whom a text is about, and for nothing an agent can see.
func (v *Vault) Owners(ctx context.Context, candidates []string) (map[string]inbox.ContactID, error) {
	var owners map[string]inbox.ContactID
	err := v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		owners = make(map[string]inbox.ContactID)
		for _, c := range candidates {
			kind, value := kindPhone, strings.TrimSpace(c)
			switch at := strings.IndexByte(value, '@'); {
			case at == 0:
				kind, value = kindUsername, Identity{Username: value}.normal().Username
			case at > 0:
				kind, value = kindEmail, strings.ToLower(value)
			default:
				value = Identity{Phone: international(value)}.normal().Phone
			}
			id, ok, err := v.owner(tx, kind, value)
			if err != nil {
				return err
			}
			if ok {
				owners[c] = id
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for owners: %w", err)
	}
	return owners, nil
}

// international returns a number without the 00 many write for the plus; no number of E.164 begins with a zero.
func international(s string) string {
	if s = strings.TrimSpace(s); strings.HasPrefix(s, "00") {
		return s[2:]
	}
	return s
}

// owner returns whose an identifier is. It goes past the memory, and opens a record even if there is none to open, so that
// the time it takes tells little.
func (v *Vault) owner(tx ledger.Tx, kind, value string) (id inbox.ContactID, ok bool, err error) {
	n := v.Hash(kind, value)
	row, err := tx.Get(bucketFind, n[:])
	if err != nil {
		return "", false, err
	}
	if row == nil || value == "" {
		return "", false, v.pretend(tx)
	}
	id = inbox.ContactID(row)
	rec, _, err := v.read(tx, id)
	for err == nil && rec.Into != "" {
		id = rec.Into
		rec, _, err = v.read(tx, id)
	}
	if errors.Is(err, ErrUnknownContact) || errors.Is(err, ErrErased) {
		return "", false, nil
	}
	if err != nil || rec.Left[value] != 0 {
		return "", false, err
	}
	return id, true, nil
}

// A decoy is a contact nobody is.
type decoy struct {
	id  inbox.ContactID
	key []byte
	row []byte
}

func newDecoy() (d decoy, err error) {
	d = decoy{id: inbox.NewID[inbox.ContactID](), key: random(seal.KeySize)}
	key, err := seal.NewKey(d.key)
	if err != nil {
		return d, err
	}
	hand, err := newHand(key, d.id)
	if err != nil {
		return d, err
	}
	plain, err := recordMode.Marshal(record{ // fiction, of the usual size
		Version: 2, Alias: newAlias(), Since: 1, Phones: []string{"15550100000"}, UserIDs: []string{"US.10000000000000000000"},
		Name: "Nobody Inparticular",
	})
	if err != nil {
		return d, err
	}
	d.row = hand.sealer.Seal(nil, place(bucketContact, nil), plain)
	return d, nil
}

// pretend does what loading a contact does.
func (v *Vault) pretend(tx ledger.Tx) error {
	if _, err := tx.Get(bucketMeta, keyCheck); err != nil { // a row is opened in place of his
		return err
	}
	if _, err := v.keys.load(tx, v.decoy.id); err != nil && !errors.Is(err, errNoKey) {
		return err
	}
	key, err := seal.NewKey(v.decoy.key)
	if err != nil {
		return err
	}
	_, _, err = openRecord(v.decoy.id, v.decoy.row, key)
	return err
}
