// Package ledgertest states the contract of package ledger as tests. Every engine runs them: from its tests it calls
// [Run], and from TestMain [Main], so that the suite can start the test binary again as a child and kill it.
//
// It knows ledger.DB and nothing of any engine; what an engine promises beyond the contract, it tests itself.
package ledgertest
