package vault

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"sealdesk/app/inbox"
)

// Variable returns what a variable about the contact stands for, and whether anything is known to put there. It is for
// texts on their way to WhatsApp and for nothing an agent can see. Variables that are not about a contact are never
// known. It returns ErrUnknownContact if there is no such contact.
func (v *Vault) Variable(ctx context.Context, id inbox.ContactID, name inbox.Variable) (value string, ok bool, err error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return "", false, fmt.Errorf("looking up a variable: %w", err)
	}
	switch name {
	case inbox.VarContactName:
		value = written(c.rec.Name)
	case inbox.VarContactFirst:
		value, _, _ = strings.Cut(written(c.rec.Name), " ")
	case inbox.VarContactPhone:
		if p := first(c.rec.Phones); p != "" {
			value = "+" + p
		}
	case inbox.VarContactEmail:
		value = first(c.rec.Emails)
	}
	return value, value != "", nil
}

// written returns a profile's name as one line, "" if there is no letter in it: people call themselves by dots and emoji,
// and no letter to a customer begins with those.
func written(name string) string {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if !strings.ContainsFunc(name, unicode.IsLetter) {
		return ""
	}
	return name
}
