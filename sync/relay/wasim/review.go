package wasim

import (
	"context"
	"errors"
	"strings"
)

// reviewLater approves a template after [Config.ReviewAfter]. The caller holds mu.
func (s *Sim) reviewLater(t *template) {
	s.poke()
	if s.cfg.ReviewAfter <= 0 {
		return
	}
	generation := len(t.edited)
	s.schedule(s.cfg.ReviewAfter, false, func(context.Context) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.status == "PENDING" && len(t.edited) == generation {
			s.decide(t, "APPROVED", "")
		}
	})
}

// templateEvents are Meta's, with the status they lead to.
var templateEvents = map[string]string{
	"APPROVED": "APPROVED", "REJECTED": "REJECTED", "PENDING": "PENDING", "FLAGGED": "FLAGGED", "PAUSED": "PAUSED",
	"UNPAUSED": "APPROVED", "DISABLED": "DISABLED", "PENDING_DELETION": "PENDING_DELETION", "IN_APPEAL": "IN_APPEAL",
	"REINSTATED": "APPROVED", "ARCHIVED": "ARCHIVED",
}

// Review decides about a template as Meta's reviewers and machines do, and tells the webhook: event is APPROVED, REJECTED,
// PENDING, FLAGGED, PAUSED, UNPAUSED, DISABLED, PENDING_DELETION, IN_APPEAL, REINSTATED or ARCHIVED; reason is Meta's word
// for a rejection (such as INVALID_FORMAT) or "".
func (s *Sim) Review(name, language, event, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.template(name, language)
	if t == nil || templateEvents[event] == "" {
		return errors.New("wasim: no such template or event")
	}
	s.decide(t, event, reason)
	return nil
}

func (s *Sim) decide(t *template, event, reason string) {
	t.status = templateEvents[event]
	t.reason = ""
	if reason == "" {
		reason = "NONE"
	}
	value := object{
		"event": event, "message_template_id": t.id, "message_template_name": t.name, "message_template_language": t.language,
		"reason": reason,
	}
	switch event {
	case "REJECTED":
		t.reason = reason
	case "PAUSED":
		value["other_info"] = object{"title": "FIRST_PAUSE", "description": "Your template has been paused due to low quality."}
	case "DISABLED":
		value["disable_info"] = object{"disable_date": s.clock.Now().Format("2006-01-02")}
	}
	s.news("message_template_status_update", value)
	s.poke()
}

// RateTemplate gives a template a quality (GREEN, YELLOW, RED or UNKNOWN) and tells the webhook.
func (s *Sim) RateTemplate(name, language, score string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.template(name, language)
	if t == nil || !strings.Contains(" GREEN YELLOW RED UNKNOWN ", " "+score+" ") {
		return errors.New("wasim: no such template or score")
	}
	before := t.quality
	t.quality = score
	s.news("message_template_quality_update", object{
		"previous_quality_score": before, "new_quality_score": score,
		"message_template_id": t.id, "message_template_name": t.name, "message_template_language": t.language,
	})
	return nil
}

// Recategorize moves a template to another category and tells the webhook. announced says that it will move, 24 hours ahead.
func (s *Sim) Recategorize(name, language, category string, announced bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.template(name, language)
	if t == nil || category != "MARKETING" && category != "UTILITY" && category != "AUTHENTICATION" {
		return errors.New("wasim: no such template or category")
	}
	value := object{"message_template_id": t.id, "message_template_name": t.name, "message_template_language": t.language}
	if announced {
		value["new_category"], value["correct_category"] = t.category, category
	} else {
		value["previous_category"], value["new_category"] = t.category, category
		t.category = category
	}
	s.news("template_category_update", value)
	return nil
}

// components tells the webhook what a template now says. The caller holds mu.
func (s *Sim) components(t *template) {
	value := object{
		"message_template_id": t.id, "message_template_name": t.name, "message_template_language": t.language,
		"message_template_element": t.body,
	}
	if t.headline != "" {
		value["message_template_title"] = t.headline
	}
	if t.footer != "" {
		value["message_template_footer"] = t.footer
	}
	var buttons []any
	for _, b := range t.buttons {
		o := object{"message_template_button_type": b.kind, "message_template_button_text": b.text}
		if b.url != "" {
			o["message_template_button_url"] = b.url
		}
		if b.phone != "" {
			o["message_template_button_phone_number"] = b.phone
		}
		buttons = append(buttons, o)
	}
	if buttons != nil {
		value["message_template_buttons"] = buttons
	}
	s.news("message_template_components_update", value)
}
