//go:build unix

package ledger

import (
	"errors"
	"strings"
	"syscall"
)

// isQuota says whether a user's or project's share of the disk is used up.
func isQuota(err error) bool {
	return errors.Is(err, syscall.EDQUOT) || strings.Contains(err.Error(), syscall.EDQUOT.Error())
}
