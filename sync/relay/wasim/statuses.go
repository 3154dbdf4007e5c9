package wasim

import (
	"strings"
	"time"
)

// Prices follow the dates Meta changed its rules on; what the old rules said stays true for the clock that shows them.
var (
	pricedPerMessage = time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)
	servicePriced    = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
)

// priceOf is the type of a message's pricing. The first answer to somebody from an ad opens the free entry point. That
// concerns the price alone: outside the 24 hours it is templates only, whatever they cost.
func (s *Sim) priceOf(m *message, t *thread) string {
	if !t.cameFromAd.IsZero() && m.At.Sub(t.cameFromAd) < answerIn {
		t.freeUntil, t.cameFromAd = m.At.Add(entry), time.Time{}
	}
	if m.At.Before(t.freeUntil) {
		return "free_entry_point"
	}
	free := m.category == "service" || m.category == "utility" && t.open(m.At)
	if free && m.At.Before(servicePriced) {
		return "free_customer_service"
	}
	return "regular"
}

// Hold stops messages from making progress: no statuses leave until [Sim.Release].
func (s *Sim) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// Release lets held statuses go, in order.
func (s *Sim) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, f := range s.held {
		f()
	}
	s.held = nil
}

// progress moves m to a state and reports it.
func (s *Sim) progress(m *message, state string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := func() {
		m.State, m.Code = state, code
		m.states = append(m.states, passed{state: state, code: code, at: s.clock.Now()})
		s.emit(s.status(m, state, code))
	}
	if s.holding {
		s.held = append(s.held, f)
		return
	}
	f()
}

// status describes a state as Meta does: who is named, what it costs, why it failed.
func (s *Sim) status(m *message, state string, code int) piece {
	item := object{"id": m.ID, "status": state, "timestamp": s.stamp(s.clock.Now())}
	p := piece{number: m.number, field: "messages", list: "statuses", item: item}
	if !strings.Contains(m.To, ".") {
		item["recipient_id"] = m.To
	}
	if m.Callback != "" {
		item["biz_opaque_callback_data"] = m.Callback
	}
	if state == "failed" {
		item["errors"] = []any{fault(code, m.To)}
		if strings.Contains(m.To, ".") {
			item["recipient_user_id"] = m.To // only a failure to a number says nothing more of whom
		}
		return p
	}
	if !m.person.NoUserID {
		item["recipient_user_id"] = m.person.UserID
	}
	p.contact = s.profile(m.person, m.number, state != "sent")
	if state == "sent" || state == "delivered" {
		pricing := object{"pricing_model": "PMP", "category": m.category, "billable": m.price == "regular", "type": m.price}
		if m.price == "free_entry_point" {
			pricing["category"] = "referral_conversion"
		}
		if m.At.Before(pricedPerMessage) {
			pricing = object{"pricing_model": "CBP", "category": m.category, "billable": m.category != "service"}
		}
		item["pricing"] = pricing
	}
	if entryPoint := m.price == "free_entry_point"; s.cfg.Version < "v24.0" || entryPoint {
		t := m.number.thread(m.person)
		until, origin := t.lastInbound.Add(window), m.category
		if entryPoint {
			until, origin = t.freeUntil, "referral_conversion"
		}
		conversation := object{"id": m.number.ID + opaque(m.person.UserID), "origin": object{"type": origin}}
		if state == "sent" {
			conversation["expiration_timestamp"] = s.stamp(until)
		}
		item["conversation"] = conversation
	}
	return p
}

// opaque makes a word of a user id for ids that should not hold one.
func opaque(id string) string {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	const hex = "0123456789abcdef"
	b := make([]byte, 16)
	for i := range b {
		b[i] = hex[h>>(4*i)&15]
	}
	return string(b)
}
