// Package audit keeps the record of who did what to whose data.
//
// It knows that an act and its entry are one transaction: [Record] is called inside the transaction of the act, so
// neither exists without the other. It must not know names, numbers or texts: an entry holds ids, and words of the
// program's own; what a person gave as a reason is sealed before it comes here, for the contact it is about. The entries of a shard are numbered without gaps.
//
// Functions work inside a transaction of the caller and keep no state.
package audit
