package whatsapp

import (
	"strings"
	"time"
)

// notice reads the value of a change of the account. It is a second reading, by field, because the field may stand behind
// its value; the fields that come in bulk return at once.
func notice(field string, value Raw) Notice {
	switch field {
	case "messages", "smb_message_echoes", "user_preferences":
		return nil
	case "history", "smb_app_state_sync":
		return Declined{field, ReasonMassData}
	case "standby":
		return Declined{field, ReasonElsewhere}
	case "flows", "calls":
		return Declined{field, ReasonNotOffered}
	}
	if strings.HasPrefix(field, "group_") {
		return Declined{field, ReasonNotOffered}
	}
	read := notices[field]
	if read == nil {
		return Declined{field, ReasonUnknown}
	}
	return read(&walker{b: value})
}

var notices = map[string]func(*walker) Notice{
	"message_template_status_update":     (*walker).templateStatus,
	"message_template_quality_update":    (*walker).templateQuality,
	"message_template_components_update": (*walker).templateContent,
	"template_category_update":           (*walker).templateCategory,
	"phone_number_quality_update":        (*walker).numberQuality,
	"phone_number_name_update":           (*walker).numberName,
	"account_update":                     (*walker).accountUpdate,
	"account_alerts":                     (*walker).accountAlert,
	"account_review_update":              (*walker).accountReview,
	"business_capability_update":         (*walker).capability,
	"security":                           (*walker).securityEvent,
}

// object reads the members of an object; one that member declines is skipped.
func (w *walker) object(member func(name string) bool) {
	if !w.enter('{') {
		return
	}
	for n := 0; w.more('}', n); n++ {
		if !member(w.key()) {
			w.skip()
		}
	}
}

// template reads the members that say which template a notice is about.
func (w *walker) template(t *TemplateRef, name string) bool {
	switch name {
	case "message_template_id":
		t.ID = TemplateID(w.str())
	case "message_template_name":
		t.Name = w.str()
	case "message_template_language":
		t.Language = w.str()
	default:
		return false
	}
	return true
}

func (w *walker) templateStatus() Notice {
	var t TemplateStatusChange
	explain := func(name string) bool {
		switch name {
		case "title":
			t.Title = w.str()
		case "description", "recommendation":
			t.Description = w.str()
		case "disable_date":
			t.Disabled = moment(w.str())
		default:
			return false
		}
		return true
	}
	w.object(func(name string) bool {
		switch name {
		case "event":
			t.Event = TemplateStatus(w.str())
		case "reason":
			if t.Reason = w.str(); t.Reason == "NONE" {
				t.Reason = ""
			}
		case "other_info", "disable_info", "rejection_info":
			w.object(explain)
		default:
			return w.template(&t.Template, name)
		}
		return true
	})
	return t
}

func (w *walker) templateQuality() Notice {
	var t TemplateQualityChange
	w.object(func(name string) bool {
		switch name {
		case "previous_quality_score":
			t.Previous = Quality(w.str())
		case "new_quality_score":
			t.New = Quality(w.str())
		default:
			return w.template(&t.Template, name)
		}
		return true
	})
	return t
}

func (w *walker) templateCategory() Notice {
	var t TemplateCategoryChange
	w.object(func(name string) bool {
		switch name {
		case "previous_category":
			t.Previous = Category(w.str())
		case "new_category":
			t.New = Category(w.str())
		case "correct_category":
			t.Correct = Category(w.str())
		default:
			return w.template(&t.Template, name)
		}
		return true
	})
	return t
}

func (w *walker) templateContent() Notice {
	var t TemplateContentChange
	w.object(func(name string) bool {
		switch name {
		case "message_template_title":
			t.Header = w.str()
		case "message_template_element":
			t.Body = w.str()
		case "message_template_footer":
			t.Footer = w.str()
		case "message_template_buttons":
			t.Buttons = list(w, t.Buttons, func(w *walker) (b TemplateButton) {
				w.object(func(name string) bool {
					switch name {
					case "message_template_button_type":
						b.Type = ButtonType(w.str())
					case "message_template_button_text":
						b.Text = w.str()
					case "message_template_button_url":
						b.URL = w.str()
					case "message_template_button_phone_number":
						b.PhoneNumber = w.str()
					default:
						return false
					}
					return true
				})
				return b
			})
		default:
			return w.template(&t.Template, name)
		}
		return true
	})
	return t
}

func (w *walker) numberQuality() Notice {
	var q NumberQuality
	var business string
	w.object(func(name string) bool {
		switch name {
		case "display_phone_number":
			q.DisplayPhoneNumber = w.str()
		case "event":
			q.Event = w.str()
		case "old_limit":
			q.OldLimit = w.str()
		case "current_limit":
			q.Limit = w.str()
		case "max_daily_conversations_per_business": // the limit has belonged to the whole company since 2025
			business = w.str()
		default:
			return false
		}
		return true
	})
	if business != "" {
		q.Limit = business
	}
	return q
}

func (w *walker) numberName() Notice {
	var n NumberName
	w.object(func(name string) bool {
		switch name {
		case "display_phone_number":
			n.DisplayPhoneNumber = w.str()
		case "decision":
			n.Decision = w.str()
		case "requested_verified_name":
			n.Requested = w.str()
		case "rejection_reason":
			if n.Reason = w.str(); n.Reason == "NONE" {
				n.Reason = ""
			}
		default:
			return false
		}
		return true
	})
	return n
}

func (w *walker) accountUpdate() Notice {
	var a AccountUpdate
	w.object(func(name string) bool {
		switch name {
		case "event":
			a.Event = w.str()
		case "phone_number":
			a.PhoneNumber = w.str()
		case "ban_info":
			w.object(func(name string) bool {
				switch name {
				case "waba_ban_state":
					if w.peek() == '[' { // written as a list of one by older versions
						w.enter('[')
						for n := 0; w.more(']', n); n++ {
							a.BanState = w.str()
						}
					} else {
						a.BanState = w.str()
					}
				case "waba_ban_date":
					a.BanDate = w.str()
				default:
					return false
				}
				return true
			})
		case "violation_info":
			a.Violation = w.member("violation_type")
		case "restriction_info":
			a.Restrictions = list(w, a.Restrictions, func(w *walker) (r Restriction) {
				w.object(func(name string) bool {
					switch name {
					case "restriction_type":
						r.Type = w.str()
					case "expiration":
						r.Until = moment(w.str())
					default:
						return false
					}
					return true
				})
				return r
			})
		default:
			return false
		}
		return true
	})
	return a
}

func (w *walker) accountAlert() Notice {
	var a AccountAlert
	var member func(name string) bool
	member = func(name string) bool {
		switch name {
		case "entity_type":
			a.Entity = w.str()
		case "entity_id":
			a.EntityID = w.str()
		case "alert_info": // older versions write what is in it beside it
			w.object(member)
		case "alert_severity":
			a.Severity = w.str()
		case "alert_status":
			a.Status = w.str()
		case "alert_type":
			a.Type = w.str()
		case "alert_description":
			a.Description = w.str()
		default:
			return false
		}
		return true
	}
	w.object(member)
	return a
}

func (w *walker) accountReview() Notice { return AccountReview{Decision: w.member("decision")} }

func (w *walker) capability() Notice {
	var c Capability
	w.object(func(name string) bool {
		switch name {
		case "max_daily_conversations_per_business":
			c.DailyConversations = w.str()
		case "max_daily_conversation_per_phone":
			if n := w.str(); c.DailyConversations == "" {
				c.DailyConversations = n
			}
		case "max_phone_numbers_per_business", "max_phone_numbers_per_waba":
			c.PhoneNumbers = max(c.PhoneNumbers, w.integer())
		default:
			return false
		}
		return true
	})
	return c
}

func (w *walker) securityEvent() Notice {
	var s SecurityEvent
	w.object(func(name string) bool {
		switch name {
		case "display_phone_number":
			s.DisplayPhoneNumber = w.str()
		case "event":
			s.Event = w.str()
		case "requester":
			s.Requester = w.str()
		default:
			return false
		}
		return true
	})
	return s
}

// moment reads a time written as seconds or as a date, with or without the time of day.
func moment(s string) time.Time {
	if at := seconds(s); !at.IsZero() {
		return at
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", time.DateOnly, "January 2, 2006"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
