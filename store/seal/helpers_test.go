package seal

import "testing"

// testKey is the same in every run, so that a failure can be repeated.
func testKey(tb testing.TB, fill byte) Key {
	tb.Helper()
	b := make([]byte, KeySize)
	for i := range b {
		b[i] = fill + byte(i)
	}
	k, err := NewKey(b)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func mustSealer(tb testing.TB, suite Suite) *Sealer {
	tb.Helper()
	s, err := New(testKey(tb, 1), Scope{Store: []byte("store one"), Schema: 1, Suite: suite})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
