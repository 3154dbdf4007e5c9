package wasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Emit sends a webhook of any field whose value holds these members, for the account rather than from a person.
func (s *Sim) Emit(field string, value map[string]any) error {
	if _, err := json.Marshal(value); err != nil {
		return fmt.Errorf("making a webhook: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news(field, value)
	return nil
}

// EmitErrors sends errors beside no message, as Meta does for a number that is in trouble as a whole.
func (s *Sim) EmitErrors(codes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range codes {
		s.emit(piece{number: s.numbers[s.cfg.Numbers[0].ID], field: "messages", list: "errors", item: fault(c, "")})
	}
}

// news emits a whole value. The caller holds mu.
func (s *Sim) news(field string, value object) { s.emit(piece{field: field, value: value}) }

// RateNumber gives a company number a quality (GREEN, YELLOW or RED) and reports it: the event is FLAGGED for RED, UNFLAGGED
// when it left that, otherwise ONBOARDING.
func (s *Sim) RateNumber(number, rating string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.numbers[number]
	if n == nil || !strings.Contains(" GREEN YELLOW RED ", " "+rating+" ") {
		return errors.New("wasim: no such number or rating")
	}
	event := "ONBOARDING"
	if rating == "RED" {
		event = "FLAGGED"
	} else if n.rating == "RED" {
		event = "UNFLAGGED"
	}
	n.rating = rating
	s.news("phone_number_quality_update", object{"display_phone_number": n.Display, "event": event, "current_limit": s.tier()})
	return nil
}

// RenameNumber decides about a company number's display name: decision is APPROVED, REJECTED or DEFERRED.
func (s *Sim) RenameNumber(number, name, decision string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.numbers[number]
	if n == nil || !strings.Contains(" APPROVED REJECTED DEFERRED ", " "+decision+" ") {
		return errors.New("wasim: no such number or decision")
	}
	value := object{"display_phone_number": n.Display, "decision": decision, "requested_verified_name": name, "rejection_reason": nil}
	if decision == "REJECTED" {
		value["rejection_reason"] = "NAME_EMPLOYEE_ACCESS"
	}
	if decision == "APPROVED" {
		n.Name = name
	}
	s.news("phone_number_name_update", value)
	return nil
}

// SetPortfolioLimit changes how many people the company may begin with in 24 hours and announces it; less than 0 is no
// limit.
func (s *Sim) SetPortfolioLimit(limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.PortfolioLimit = limit
	shown := limit
	if limit < 0 {
		shown = -1
	}
	s.news("business_capability_update", object{
		"max_daily_conversation_per_phone": shown, "max_daily_conversations_per_business": s.tier(), "max_phone_numbers_per_business": 25,
	})
}

// SecurityEvent reports that a number's two-step PIN was changed (PIN_CHANGED), that its reset was asked for
// (PIN_RESET_REQUEST) or had (PIN_RESET_SUCCESS).
func (s *Sim) SecurityEvent(number, event string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.numbers[number]
	if n == nil {
		return errors.New("wasim: no such number")
	}
	s.act("SECURITY_EVENT", "USER")
	s.news("security", object{"display_phone_number": n.Display, "event": event, "requester": "1" + word(s.ids, digits, 14)})
	return nil
}

// Alert reports an account alert: severity is INFORMATIONAL, WARNING or CRITICAL.
func (s *Sim) Alert(severity, kind, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news("account_alerts", object{
		"entity_type": "WABA", "entity_id": s.cfg.Account,
		"alert_info": object{"alert_severity": severity, "alert_status": "ACTIVE", "alert_type": kind, "alert_description": description},
	})
}

// ReviewAccount reports the decision about the account: APPROVED, REJECTED, PENDING or DEFERRED.
func (s *Sim) ReviewAccount(decision string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news("account_review_update", object{"decision": decision})
}

// UpdateAccount reports an account_update event with further members, such as VERIFIED_ACCOUNT or PARTNER_REMOVED. [Sim.Restrict]
// reports locks.
func (s *Sim) UpdateAccount(event string, more map[string]any) error {
	value := object{"event": event}
	for k, v := range more {
		value[k] = v
	}
	return s.Emit("account_update", value)
}
