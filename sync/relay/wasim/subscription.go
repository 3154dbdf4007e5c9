package wasim

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// activity is something that happened to the account.
type activity struct {
	id, kind, actor string
	at              time.Time
}

// act remembers an activity. The caller holds mu.
func (s *Sim) act(kind, actor string) {
	s.activities = append(s.activities, activity{
		id: "8" + word(s.ids, digits, 15), kind: kind, actor: actor, at: s.clock.Now(),
	})
}

// Act adds an activity to the account, such as USER_ADDED or API_ACCESS_GRANTED, by an actor (USER, SYSTEM, API, ADMIN or
// AUTOMATED_PROCESS).
func (s *Sim) Act(kind, actor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.act(kind, actor)
}

func (s *Sim) getActivities(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	q := r.URL.Query()
	var bounds [2]time.Time
	for i, name := range []string{"since", "until"} {
		if v := q.Get(name); v != "" {
			at, err := time.Parse(time.RFC3339, v)
			if unix, bad := strconv.ParseInt(v, 10, 64); bad == nil {
				at, err = time.Unix(unix, 0), nil
			}
			if err != nil {
				return unexpected("Param " + name + " must be a time")
			}
			bounds[i] = at
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var data []any
	for _, a := range slices.Backward(s.activities) { // newest first
		if k := q.Get("activity_type"); k != "" && !slices.Contains(strings.Split(k, ","), a.kind) ||
			!bounds[0].IsZero() && a.at.Before(bounds[0]) || !bounds[1].IsZero() && a.at.After(bounds[1]) {
			continue
		}
		o, p := fields(object{
			"id": a.id, "activity_type": a.kind, "timestamp": a.at.UTC().Format(time.RFC3339), "actor_type": a.actor,
		}, q.Get("fields"), "id", "activity_type", "timestamp", "actor_type")
		if p != nil {
			return p
		}
		data = append(data, o)
	}
	return page(w, r, data, 25)
}

// getHistory lists what became of messages; the id of a history is not the message's.
func (s *Sim) getHistory(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	id := r.URL.Query().Get("message_id")
	s.mu.Lock()
	defer s.mu.Unlock()
	var data []any
	for _, m := range slices.Backward(s.sent) {
		if m.number != n || id != "" && m.ID != id {
			continue
		}
		data = append(data, object{
			"id": "h" + opaque(m.ID), "message_id": m.ID, "events": object{"data": s.eventsOf(m)},
		})
	}
	return page(w, r, data, 25)
}

func (s *Sim) getEvents(w http.ResponseWriter, r *http.Request) *problem {
	filter := r.URL.Query().Get("status_filter")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.sent {
		if "h"+opaque(m.ID) != r.PathValue("id") {
			continue
		}
		var data []any
		for _, e := range s.eventsOf(m) {
			if filter == "" || e.(object)["delivery_status"] == filter {
				data = append(data, e)
			}
		}
		return page(w, r, data, 25)
	}
	return unknownObject
}

func (s *Sim) eventsOf(m *message) (all []any) {
	for i, p := range m.states {
		if p.state == "accepted" || p.state == "played" {
			continue
		}
		o := object{
			"id": "e" + opaque(m.ID) + strconv.Itoa(i), "delivery_status": strings.ToUpper(p.state), "timestamp": p.at.Unix(),
		}
		if p.code != 0 {
			o["error_description"] = refusal(p.code, m.To).message
		}
		all = append(all, o)
	}
	return all
}

func (s *Sim) getSubscribed(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data := []any{}
	if s.subscribed {
		app := object{"whatsapp_business_api_data": object{"id": "1" + opaque(s.cfg.Account), "name": "Sealdesk"}}
		if s.override != "" {
			app["override_callback_uri"] = s.override
		}
		data = append(data, app)
	}
	answer(w, r, object{"data": data})
	return nil
}

// postSubscribed turns webhooks on. An override must pass a handshake with its own verify token first.
func (s *Sim) postSubscribed(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	body := object{}
	if r.ContentLength != 0 {
		var p *problem
		if body, p = readBody(r, "subscribed_apps"); p != nil {
			return p
		}
	}
	to := str(body, "override_callback_uri")
	if to != "" {
		if u, err := url.Parse(to); err != nil || !onThisMachine(u.Hostname()) {
			return invalid("override_callback_uri must be on this machine")
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.WebhookTimeout)
		defer cancel()
		if err := s.handshake(ctx, to, str(body, "verify_token")); err != nil {
			return &problem{status: 400, code: 2200, message: "Callback verification failed", details: "The callback URL did not echo the challenge"}
		}
	}
	s.mu.Lock()
	s.subscribed, s.override = true, to
	s.act("WEBHOOK_CONFIGURED", "API")
	s.poke()
	s.mu.Unlock()
	answer(w, r, object{"success": true})
	return nil
}

func (s *Sim) deleteSubscribed(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	s.mu.Lock()
	s.subscribed, s.override = false, ""
	s.act("WEBHOOK_CONFIGURED", "API")
	s.mu.Unlock()
	answer(w, r, object{"success": true})
	return nil
}

// onThisMachine reports whether a host is this machine whatever a resolver says.
func onThisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
