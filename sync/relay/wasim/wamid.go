package wasim

import (
	"encoding/base64"
	"math/rand/v2"
)

// wamid makes a message id as Meta does: base64 of a small record that holds the customer's number (or, for somebody
// without one, their user id) in plain digits. Leak tests are only worth something with ids that really leak.
func wamid(rng *rand.Rand, who string, inbound bool) string {
	direction, length := byte(0x11), 18
	if inbound {
		direction, length = 0x12, 20
	}
	rec := []byte{0x1C, 0x18, byte(len(who))}
	rec = append(rec, who...)
	rec = append(rec, 0x15, 0x02, 0x00, direction, 0x18, byte(length))
	rec = append(rec, word(rng, "0123456789ABCDEF", length)...)
	rec = append(rec, 0)
	return "wamid." + base64.StdEncoding.EncodeToString(rec)
}

func word(rng *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(b)
}

const digits = "0123456789"
