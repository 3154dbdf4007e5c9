//go:build !unix

package ledger

func isQuota(error) bool { return false }
