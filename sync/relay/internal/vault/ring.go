package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// The key file. It is a sequence of pages of 4,096 bytes: a head, then pages of 84 keys each, every page sealed under the
// key of the epoch and bound to its place in this very version of the file. Keys are added a page at a time: a page of
// keys for contacts that do not exist yet is written and synced, and contacts then come and take them, so that a key is
// durable long before anything is sealed under it and a new contact costs one 84th of a sync. A page is never written to
// again once a key of it was given away, so no crash can tear a key in use.
//
// Keys are destroyed by writing the whole file anew, without them, under the key of a new epoch, and forgetting the old
// epoch's key.

const (
	pageSize  = 4096
	entrySize = mark + seal.KeySize
	mark      = 16
	perPage   = 84 // 84 * 48 and the overhead of sealing, 4,073 bytes, make a page
	headSize  = 16 + 16 + 16 + 8 + 8
)

var (
	ringMagic  = []byte("sealdesk keys 1\n")
	bucketHead = "head"
	bucketPage = "page"
)

// A digest stands for a contact's id.
type digest = [mark]byte

func digestOf(id inbox.ContactID) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:mark])
}

// pages is one version of the key file in memory, as sealed as it is on the disk.
type pages struct {
	epoch  uint64
	id     []byte // random, of this version
	sealer *seal.Bucket
	sealed [][]byte
	at     map[digest]uint32 // page*perPage + slot
}

// A ring is the keys of all contacts, in the key file and in memory. It is safe for concurrent use; looking up never
// waits for the disk.
type ring struct {
	disk disk
	name string
	log  *slog.Logger

	write  sync.Mutex // held by whoever changes the files
	master Master
	safe   safe
	broken error // what the disk holds is not known any more

	mu  sync.RWMutex // guards now, which is replaced or grows
	now *pages

	spareMu sync.Mutex
	spare   []inbox.ContactID // ids that have a key and no contact
}

func (s safe) sealer(epoch uint64) (*seal.Sealer, error) {
	secret := s.Key
	if epoch == s.Next {
		secret = s.NextKey
	}
	key, err := seal.NewKey(secret)
	if err != nil {
		return nil, err
	}
	return seal.New(key, seal.Scope{Store: binary.BigEndian.AppendUint64(bytes.Clone(s.Vault), epoch), Schema: 1})
}

// openRing reads the key file and finishes what a crash interrupted. It returns fs.ErrNotExist if there is neither safe
// nor key file.
func openRing(d disk, name string, m Master, log *slog.Logger) (*ring, error) {
	for _, n := range []string{name, name + safeSuffix} {
		if err := tidy(d, n); err != nil {
			return nil, err
		}
	}
	s, err := readSafe(d, name, m)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := d.Read(name); err == nil {
			return nil, fmt.Errorf("%w: the key file is there, its safe is missing", ErrKeys)
		}
	}
	if err != nil {
		return nil, err
	}
	r := &ring{disk: d, name: name, log: log, master: m, safe: s}
	file, err := d.Read(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: the safe is there, the key file is missing", errNoKeyFile)
		}
		return nil, err
	}
	if r.now, err = r.parse(file); err != nil {
		return nil, err
	}
	if r.now.epoch == s.Next && s.Next != 0 {
		r.safe = s.settled() // the key of the old epoch is yet to be destroyed
		if _, err := r.safe.write(d, name, m); err != nil {
			log.Warn("the key of an old epoch could not be destroyed; the next rotation tries again", "err", err)
		}
	}
	return r, nil
}

// errNoKeyFile is for the crash between making the safe of a new vault and its key file.
var errNoKeyFile = fmt.Errorf("%w: incomplete", ErrKeys)

// createRing makes both files. It takes a safe that is there already.
func createRing(d disk, name string, m Master, s safe, log *slog.Logger) (*ring, error) {
	if have, err := readSafe(d, name, m); err == nil {
		s = have
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	} else if _, err := s.write(d, name, m); err != nil {
		return nil, err
	}
	r := &ring{disk: d, name: name, log: log, master: m, safe: s}
	now, content, err := r.build(s, s.Epoch, nil)
	if err != nil {
		return nil, err
	}
	if _, err := replace(d, name, content); err != nil {
		return nil, err
	}
	r.now = now
	return r, nil
}

// parse reads a key file. A page at the end that does not open was being written when the power went: no contact has a
// key of it.
func (r *ring) parse(file []byte) (*pages, error) {
	bad := func(what string) (*pages, error) { return nil, fmt.Errorf("%w: %s", ErrKeys, what) }
	if len(file) < pageSize || !bytes.HasPrefix(file, ringMagic) {
		return bad("the key file has no head")
	}
	head := file[:headSize]
	p := &pages{id: bytes.Clone(head[32:48]), epoch: binary.BigEndian.Uint64(head[48:56])}
	count := int(binary.BigEndian.Uint64(head[56:64]))
	if !bytes.Equal(head[16:32], r.safe.Vault) {
		return bad("the key file is another vault's")
	}
	if p.epoch != r.safe.Epoch && (p.epoch != r.safe.Next || p.epoch == 0) {
		return bad("the key file is of another epoch than its safe")
	}
	sealer, err := r.safe.sealer(p.epoch)
	if err != nil {
		return nil, err
	}
	p.sealer = sealer.Bucket(bucketPage)
	if _, err := sealer.Open(nil, bucketHead, head, file[headSize:headSize+p.sealer.Overhead()]); err != nil {
		return bad("the key file's head is damaged")
	}
	have := len(file)/pageSize - 1
	if have < count {
		return bad("the key file is cut short")
	}
	p.at = make(map[digest]uint32, have*perPage)
	torn := -1
	var plain []byte
	defer func() { clear(plain[:cap(plain)]) }()
	for i := range have {
		sealed := file[(1+i)*pageSize:][:perPage*entrySize+p.sealer.Overhead()]
		if plain, err = p.sealer.Open(plain[:0], p.place(i), sealed); err != nil {
			if i < count {
				return bad("a page of the key file is damaged")
			}
			if torn < 0 {
				torn = i
			}
			continue
		}
		if torn >= 0 {
			return bad("a page of the key file is damaged")
		}
		p.add(bytes.Clone(sealed), plain)
	}
	if torn >= 0 {
		r.log.Warn("the key file ends in a page that was never finished", "page", torn)
	}
	return p, nil
}

// place is what a page is bound to.
func (p *pages) place(i int) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(p.id), uint32(i))
}

// add takes in the next page.
func (p *pages) add(sealed, plain []byte) {
	n := uint32(len(p.sealed)) * perPage
	p.sealed = append(p.sealed, sealed)
	for slot := range perPage {
		d := digest(plain[slot*entrySize:])
		if d != (digest{}) {
			p.at[d] = n + uint32(slot)
		}
	}
}

// key returns the key of a contact.
func (r *ring) key(d digest) (seal.Key, error) {
	r.mu.RLock()
	p := r.now
	at, ok := p.at[d]
	var sealed []byte
	if len(p.sealed) > 0 {
		sealed = p.sealed[at/perPage] // also if there is no key: how long it takes must not tell
	}
	r.mu.RUnlock()
	if sealed == nil {
		return seal.Key{}, errNoKey
	}
	plain, err := p.sealer.Open(nil, p.place(int(at/perPage)), sealed)
	if err != nil {
		return seal.Key{}, fmt.Errorf("opening a page of keys: %w", err)
	}
	defer clear(plain)
	if !ok {
		return seal.Key{}, errNoKey
	}
	entry := plain[at%perPage*entrySize:][:entrySize]
	return seal.NewKey(entry[mark:])
}

func (r *ring) has(d digest) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.now.at[d]
	return ok
}

// reserve returns the id of a new contact whose key is durable. Hand it back with release if no contact came of it.
func (r *ring) reserve() (inbox.ContactID, error) {
	for {
		if id, ok := r.take(); ok {
			return id, nil
		}
		if err := r.refill(); err != nil {
			return "", fmt.Errorf("keeping keys for new contacts: %w", err)
		}
	}
}

func (r *ring) take() (inbox.ContactID, bool) {
	r.spareMu.Lock()
	defer r.spareMu.Unlock()
	n := len(r.spare)
	if n == 0 {
		return "", false
	}
	id := r.spare[n-1]
	r.spare = r.spare[:n-1]
	return id, true
}

func (r *ring) release(id inbox.ContactID) {
	r.spareMu.Lock()
	r.spare = append(r.spare, id)
	r.spareMu.Unlock()
}

// refill adds a page of keys. Whoever waits for it finds its keys when his turn comes.
func (r *ring) refill() error {
	r.write.Lock()
	defer r.write.Unlock()
	r.spareMu.Lock()
	enough := len(r.spare) > 0
	r.spareMu.Unlock()
	if enough {
		return nil
	}
	if r.broken != nil {
		return r.broken
	}
	plain := random(perPage * entrySize)
	defer clear(plain)
	ids := make([]inbox.ContactID, perPage)
	for i := range ids {
		ids[i] = inbox.NewID[inbox.ContactID]()
		d := digestOf(ids[i])
		copy(plain[i*entrySize:], d[:])
	}
	p := r.now // only changed under r.write
	n := len(p.sealed)
	page := make([]byte, 0, pageSize)
	page = p.sealer.Seal(page, p.place(n), plain)
	sealed := bytes.Clone(page)
	// After an error the page may be there or not; the next one is written in the same place.
	if err := r.disk.WriteAt(r.name, page[:pageSize], int64(1+n)*pageSize); err != nil {
		return err
	}
	r.mu.Lock()
	p.add(sealed, plain)
	r.mu.Unlock()
	r.spareMu.Lock()
	r.spare = append(r.spare, ids...)
	r.spareMu.Unlock()
	return nil
}

// each yields all keys of a version of the file. The key is lent for the one step.
func (p *pages) each(f func(d digest, key []byte)) error {
	var plain []byte
	defer func() { clear(plain[:cap(plain)]) }()
	for i, sealed := range p.sealed {
		var err error
		if plain, err = p.sealer.Open(plain[:0], p.place(i), sealed); err != nil {
			return fmt.Errorf("opening a page of keys: %w", err)
		}
		for e := plain; len(e) > 0; e = e[entrySize:] {
			if d := digest(e); d != (digest{}) {
				f(d, e[mark:entrySize])
			}
		}
	}
	return nil
}

// build makes the next version of the file, with the keys fill hands it.
func (r *ring) build(s safe, epoch uint64, fill func(put func(digest, []byte)) error) (*pages, []byte, error) {
	sealer, err := s.sealer(epoch)
	if err != nil {
		return nil, nil, err
	}
	p := &pages{epoch: epoch, id: random(16), sealer: sealer.Bucket(bucketPage), at: map[digest]uint32{}}
	content := make([]byte, pageSize)
	plain := make([]byte, 0, perPage*entrySize)
	defer func() { clear(plain[:cap(plain)]) }()
	flush := func() {
		plain = plain[:cap(plain)]
		n := len(p.sealed)
		at := len(content)
		content = p.sealer.Seal(content, p.place(n), plain)
		p.add(bytes.Clone(content[at:]), plain)
		for len(content)%pageSize != 0 {
			content = append(content, 0)
		}
		clear(plain)
		plain = plain[:0]
	}
	if fill != nil {
		err := fill(func(d digest, key []byte) {
			plain = append(append(plain, d[:]...), key...)
			if len(plain) == cap(plain) {
				flush()
			}
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if len(plain) > 0 {
		flush()
	}
	head := append(content[:0], ringMagic...)
	head = append(append(head, s.Vault...), p.id...)
	head = binary.BigEndian.AppendUint64(head, epoch)
	head = binary.BigEndian.AppendUint64(head, uint64(len(p.sealed)))
	copy(content[headSize:], sealer.Seal(nil, bucketHead, head, nil))
	return p, content, nil
}

// change is what becomes of the keys when the file is rewritten.
type change struct {
	drop   map[digest]bool
	add    map[digest]seal.Key
	master Master // the next one, if it changes
}

// rewrite writes the key file anew under the key of a new epoch and destroys the old one's. begun tells whether anything
// changed if there is an error: then a new master is in force, but old keys may still be there.
//
// The safe first holds the keys of both epochs, then the key file changes, then the old epoch's key goes: whatever a crash
// leaves, the safe opens the key file beside it.
func (r *ring) rewrite(c change) (begun bool, err error) {
	r.write.Lock()
	defer r.write.Unlock()
	if r.broken != nil {
		return false, r.broken
	}
	master := r.master
	if !c.master.IsZero() {
		master = c.master
	}
	s := r.safe
	s.Next, s.NextKey = s.Epoch+1, random(seal.KeySize)
	moved, err := s.write(r.disk, r.name, master)
	if err != nil {
		return moved, r.lost(moved, err)
	}
	r.master, r.safe = master, s
	p, content, err := r.build(s, s.Next, func(put func(digest, []byte)) error {
		err := r.now.each(func(d digest, key []byte) {
			if !c.drop[d] {
				put(d, key)
			}
		})
		for d, k := range c.add {
			if _, have := r.now.at[d]; !have {
				b := k.Bytes()
				put(d, b)
				clear(b)
			}
		}
		return err
	})
	if err != nil {
		return true, err
	}
	if moved, err = replace(r.disk, r.name, content); err != nil {
		return true, r.lost(moved, err)
	}
	r.mu.Lock()
	r.now = p
	r.mu.Unlock()
	old := s.Key
	r.safe = s.settled()
	moved, err = r.safe.write(r.disk, r.name, master)
	if err != nil {
		return true, r.lost(moved, err)
	}
	clear(old)
	return true, nil
}

// lost remembers that a name may turn back to what it was, which only a start can find out.
func (r *ring) lost(moved bool, err error) error {
	if moved {
		r.broken = fmt.Errorf("%w: the disk did not say whether it kept them; start again", ErrKeys)
	}
	return err
}
