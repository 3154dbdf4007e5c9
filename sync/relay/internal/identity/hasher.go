package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"sealdesk/app/inbox"
)

const (
	hashesAtOnce = 2 // each takes 64 MiB
	hashesQueued = 8 // that wait for one
	longestText  = 1 << 10
)

// errBusy means that too many passwords are being hashed.
var errBusy = errors.New("too many passwords are being looked at")

// A hasher hashes a few passwords at a time.
type hasher struct {
	cost   Cost
	run    chan struct{}
	inside chan struct{} // running or waiting
	ran    func()        // for tests; nil is nothing
}

func newHasher(c Cost) *hasher {
	return &hasher{cost: c, run: make(chan struct{}, hashesAtOnce), inside: make(chan struct{}, hashesAtOnce+hashesQueued)}
}

// A password is what is kept of one: argon2id (RFC 9106) of its NFC form.
type password struct {
	Salt []byte       `cbor:"1,keyasint"`
	Hash []byte       `cbor:"2,keyasint"`
	Cost Cost         `cbor:"3,keyasint"`
	Set  inbox.Moment `cbor:"4,keyasint"`
}

// make hashes a new password. Errors: errBusy, or that of ctx.
func (h *hasher) make(ctx context.Context, text string, at inbox.Moment) (*password, error) {
	p := &password{Salt: make([]byte, 16), Cost: h.cost, Set: at}
	rand.Read(p.Salt)
	var err error
	p.Hash, err = h.key(ctx, text, p.Salt, p.Cost)
	return p, err
}

// is reports whether text is the password. With no password it takes as long, and is not. Errors: errBusy, or that of ctx.
func (h *hasher) is(ctx context.Context, p *password, text string) (bool, error) {
	none := p == nil
	if none {
		p = &password{Salt: make([]byte, 16), Hash: make([]byte, 32), Cost: h.cost}
	}
	key, err := h.key(ctx, text, p.Salt, p.Cost)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, p.Hash) == 1 && !none, nil
}

func (h *hasher) key(ctx context.Context, text string, salt []byte, c Cost) ([]byte, error) {
	select {
	case h.inside <- struct{}{}:
		defer func() { <-h.inside }()
	default:
		return nil, errBusy
	}
	select {
	case h.run <- struct{}{}:
		defer func() { <-h.run }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.ran != nil {
		h.ran()
	}
	if len(text) > longestText {
		text = "" // no password is that long; looking at it shall cost no more
	}
	return argon2.IDKey(norm.NFC.Bytes([]byte(text)), salt, c.Time, c.Memory, c.Threads, 32), nil
}
