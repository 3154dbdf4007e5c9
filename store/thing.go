package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// This file is about the facts of which only the latest about each thing counts, and whose things belong to a log and no
// conversation's timeline: templates, the company's cards, tags and quick replies, incidents, requests, reveals, messages that are held. Each is a
// row of its own, under its log's name, so that one change writes one row and a reset finds all.

// A thing is what such a fact is about.
type thing struct {
	kind inbox.EventKind
	id   string
}

// thingOf returns what a fact is about; false for any other fact.
func thingOf(b inbox.EventBody) (thing, bool) {
	id := ""
	switch b := b.(type) {
	case inbox.TemplateChanged:
		id = string(b.Template.ID)
	case inbox.CardChanged:
		id = string(b.Card.ID)
	case inbox.IncidentChanged:
		id = string(b.Incident.ID)
	case inbox.RequestChanged:
		id = string(b.Request.ID)
	case inbox.RevealChanged:
		id = string(b.Reveal.ID)
	case inbox.TagChanged:
		id = string(b.Tag.ID)
	case inbox.QuickReplyChanged:
		id = string(b.QuickReply.ID)
	case inbox.MessageAdded: // while it is held
		id = string(b.Message.ID)
	default:
		return thing{}, false
	}
	return thing{b.Kind(), id}, true
}

// things are the latest facts of a log.
type things map[thing]inbox.EventBody

func (s *Store) thingKey(log inbox.LogID, t thing) []byte {
	of := s.thing.seal.Name(append(be64(uint64(t.kind)), t.id...))
	return append(rowName(s.thing, log), of[:]...)
}

// note takes a fact about a thing in.
func (w *work) note(log inbox.LogID, t thing, e inbox.Event) {
	if w.noted[log] == nil {
		w.noted[log] = map[thing]inbox.Event{}
	}
	w.noted[log][t] = e
}

// drop takes a thing away: its event has no body.
func (w *work) drop(log inbox.LogID, t thing) { w.note(log, t, inbox.Event{}) }

// thing returns the latest fact about a thing, this work's included; nil for none. Only an Apply changes what was told,
// and this is the one that runs, so it is read without the lock.
func (w *work) thing(log inbox.LogID, t thing) inbox.EventBody {
	if e, ok := w.noted[log][t]; ok {
		return e.Body
	}
	if w.emptied[log] {
		return nil
	}
	return w.s.told[log][t]
}

// things returns the names of all things of a log, some of which may have been taken away.
func (w *work) things(log inbox.LogID) map[thing]bool {
	out := map[thing]bool{}
	for t := range w.noted[log] {
		out[t] = true
	}
	for t := range w.s.told[log] {
		out[t] = true
	}
	return out
}

// forgetThings takes all things of a log away.
func (w *work) forgetThings(log inbox.LogID) {
	delete(w.noted, log)
	w.emptied[log] = true
}

// writeThings puts the things of a work into the cache.
func (w *work) writeThings(tx *bbolt.Tx) error {
	b := tx.Bucket(w.s.thing.name)
	for log := range w.emptied {
		if err := deletePrefix(b, rowName(w.s.thing, log)); err != nil {
			return err
		}
	}
	for log, changed := range w.noted {
		for t, e := range changed {
			if e.Body == nil {
				if err := b.Delete(w.s.thingKey(log, t)); err != nil {
					return err
				}
				continue
			}
			fact, err := appendEvent(nil, e)
			if err != nil {
				return err
			}
			if err := w.s.thing.put(tx, w.s.thingKey(log, t), append(appendText(nil, log), fact...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// showThings makes them visible. It needs mu for writing. Maps are replaced, never changed: readers hold them.
func (s *Store) showThings(w *work) {
	for log := range w.emptied {
		delete(s.told, log)
	}
	for log, changed := range w.noted {
		next := make(things, len(s.told[log])+len(changed))
		maps.Copy(next, s.told[log])
		for t, e := range changed {
			if next[t] = e.Body; e.Body == nil {
				delete(next, t)
			}
		}
		s.told[log] = next
	}
}

// tell reads all of them, once. They are few beside the rows, and what the first frame shows of the company does not wait
// for those.
func (s *Store) tell() error {
	s.telling.Do(func() {
		var told map[inbox.LogID]things
		s.toldErr = s.view("reading what the company has", func(tx *bbolt.Tx) (err error) {
			told, err = s.readThings(tx)
			return err
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = told
	})
	return s.toldErr
}

// readThings reads all of them.
func (s *Store) readThings(tx *bbolt.Tx) (map[inbox.LogID]things, error) {
	out := map[inbox.LogID]things{}
	return out, tx.Bucket(s.thing.name).ForEach(func(k, v []byte) error {
		plain, err := s.thing.open(k, v)
		if err != nil {
			return err
		}
		r := reader{left: plain}
		log := inbox.LogID(r.text())
		events, err := splitChunk(nil, r.left)
		if err != nil || r.bad || len(events) != 1 {
			return errRow
		}
		b, err := events[0].decode()
		if err != nil {
			return err
		}
		t, ok := thingOf(b)
		if !ok || !bytes.Equal(k, s.thingKey(log, t)) {
			return errRow
		}
		if out[log] == nil {
			out[log] = things{}
		}
		out[log][t] = b
		return nil
	})
}

// thingsOf returns what is known of a log.
func (s *Store) thingsOf(log inbox.LogID) things {
	if s.tell() != nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.told[log]
}

// eachTold calls f for every thing of every log.
func (s *Store) eachTold(f func(log inbox.LogID, b inbox.EventBody)) {
	if s.tell() != nil {
		return
	}
	s.mu.RLock()
	told := maps.Clone(s.told)
	s.mu.RUnlock()
	for log, of := range told {
		for _, b := range of {
			f(log, b)
		}
	}
}

// Templates returns the templates of an inbox that were not removed, approved and others, by name and then language.
func (s *Store) Templates(in inbox.InboxID) []inbox.Template {
	var out []inbox.Template
	for _, b := range s.thingsOf(in.Log()) {
		if t, ok := b.(inbox.TemplateChanged); ok && !t.Template.Removed {
			out = append(out, t.Template)
		}
	}
	slices.SortFunc(out, func(a, b inbox.Template) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Language, b.Language), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Cards returns the company's contact cards that were not removed, by name.
func (s *Store) Cards() []inbox.CompanyCard {
	var out []inbox.CompanyCard
	for _, b := range s.thingsOf(inbox.CompanyLog) {
		if c, ok := b.(inbox.CardChanged); ok && !c.Card.Removed {
			out = append(out, c.Card)
		}
	}
	slices.SortFunc(out, func(a, b inbox.CompanyCard) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Incidents returns what this reader may watch over: open ones first, then the one that happened last first.
func (s *Store) Incidents() []inbox.Incident {
	var out []inbox.Incident
	for _, b := range s.thingsOf(inbox.OversightLog) {
		if i, ok := b.(inbox.IncidentChanged); ok {
			out = append(out, i.Incident)
		}
	}
	slices.SortFunc(out, func(a, b inbox.Incident) int {
		return cmp.Or(openFirst(a.Closed == 0, b.Closed == 0), cmp.Compare(b.Last, a.Last), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Requests returns what customers asked about their data: those that wait for somebody first, then the newest first.
func (s *Store) Requests() []inbox.Request {
	var out []inbox.Request
	for _, b := range s.thingsOf(inbox.OversightLog) {
		if r, ok := b.(inbox.RequestChanged); ok {
			out = append(out, r.Request)
		}
	}
	waits := func(r inbox.Request) bool { return r.State != inbox.RequestDone && r.State != inbox.RequestRefused }
	slices.SortFunc(out, func(a, b inbox.Request) int {
		return cmp.Or(openFirst(waits(a), waits(b)), cmp.Compare(b.At, a.At), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func openFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
