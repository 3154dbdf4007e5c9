package relay

import (
	"errors"
	"io/fs"

	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// Advice tells a person at the command line what is safe after an error and what to do, "" if the error says it all.
func Advice(err error) string {
	for _, a := range advice {
		if errors.Is(err, a.of) {
			return a.text
		}
	}
	return ""
}

// The first that fits counts: permissions are named by several of the others.
var advice = []struct {
	of   error
	text string
}{
	{fs.ErrPermission, "Nothing was changed. Run this as the user the relay's files belong to."},
	{ErrExists, "Nothing was changed. Choose another folder with --config."},
	{ErrTemplateFile, "Nothing was sent. `sealdesk-relay template example` explains every key."},
	{ErrConfig, "Nothing was changed. Mend it and try again; `sealdesk-relay example` explains every key."},
	{ledger.ErrLocked, "Nothing was changed. Another relay or another command has the store open: wait a moment, or stop it."},
	{seal.ErrWrongKey, "Nothing was changed. data/master.key is not the key of this store: put the right one back from its backup."},
	{vault.ErrKeys, "Nothing was changed. Put data/vault.keys and data/vault.keys.safe back from their backup, both of the same day; without them no contact can be read."},
	{vault.ErrMaster, "Nothing was changed. Put data/master.key back from its backup (chmod 600); without it the store cannot be read."},
	{ledger.ErrDamaged, "Nothing was changed. Keep the data folder as it is, and restore the last backup into another one."},
	{ledger.ErrFull, "What was confirmed is safe. Make room on the disk of the data folder and start again."},
	{ledger.ErrUnknown, "What was confirmed is safe. Look at the disk of the data folder (dmesg, smartctl), then start again."},
	{ErrNoAnswer, "It may have been done. Look with `sealdesk-relay person list` before you try again."},
}
