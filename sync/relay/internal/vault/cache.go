package vault

import (
	"sync"

	"sealdesk/app/inbox"
)

// cache holds the contacts used last: when it is full, one that was not used since the hand last passed goes (the
// "clock" rule), so that looking up takes only a read lock.
type cache struct {
	mu     sync.RWMutex
	byID   map[inbox.ContactID]*contact
	byName map[name]*contact
	gone   map[inbox.ContactID]bool // erased: never to be held again, whatever a slow reader still brings
	ring   []inbox.ContactID
	hand   int
	limit  int
}

func newCache(limit int) *cache {
	return &cache{
		byID: make(map[inbox.ContactID]*contact), byName: make(map[name]*contact), gone: make(map[inbox.ContactID]bool), limit: limit,
	}
}

func (c *cache) get(id inbox.ContactID) *contact {
	c.mu.RLock()
	e := c.byID[id]
	c.mu.RUnlock()
	if e != nil {
		e.used.Store(true)
	}
	return e
}

// find returns the contact all the identifiers lead to, nil if one of them is unknown here or leads elsewhere.
func (c *cache) find(names []name) *contact {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var e *contact
	for _, n := range names {
		got := c.byName[n]
		if got == nil || e != nil && got != e {
			return nil
		}
		e = got
	}
	if e != nil {
		e.used.Store(true)
	}
	return e
}

// put keeps a contact unless a newer version of it is here: two updates may end in one order and arrive in another.
func (c *cache) put(e *contact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.byID[e.id]
	switch {
	case c.gone[e.id]:
		return
	case old == nil:
		c.makeRoom(e.id)
	case old.rec.Version > e.rec.Version:
		return
	default:
		c.forgetNames(old)
	}
	e.used.Store(true)
	c.byID[e.id] = e
	for _, n := range e.names {
		c.byName[n] = e
	}
}

// drop forgets a contact.
func (c *cache) drop(id inbox.ContactID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(id)
}

// forget forgets contacts for good.
func (c *cache) forget(ids []inbox.ContactID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		c.gone[id] = true
		c.remove(id)
	}
}

func (c *cache) remove(id inbox.ContactID) {
	if e := c.byID[id]; e != nil {
		c.forgetNames(e)
		delete(c.byID, id) // its place in the ring is found empty when the hand comes by
	}
}

func (c *cache) forgetNames(e *contact) {
	for _, n := range e.names {
		if c.byName[n] == e {
			delete(c.byName, n)
		}
	}
}

// makeRoom gives id a place in the ring.
func (c *cache) makeRoom(id inbox.ContactID) {
	if len(c.ring) < c.limit {
		c.ring = append(c.ring, id)
		return
	}
	for {
		c.hand = (c.hand + 1) % len(c.ring)
		e := c.byID[c.ring[c.hand]]
		if e == nil || !e.used.Swap(false) {
			if e != nil {
				c.forgetNames(e)
				delete(c.byID, e.id)
			}
			c.ring[c.hand] = id
			return
		}
	}
}
