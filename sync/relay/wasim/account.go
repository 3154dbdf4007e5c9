package wasim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (n *line) quality() string {
	if n.rating == "" {
		return "GREEN"
	}
	return n.rating
}

// describe is a company number as Meta shows it.
func (s *Sim) describe(n *line) object {
	level, status := "STANDARD", "CONNECTED"
	if n.PerSecond >= 1000 {
		level = "HIGH"
	}
	switch {
	case !n.registered:
		status = "DISCONNECTED"
	case n.restricted == 131031:
		status = "BANNED"
	case n.restricted == 368:
		status = "RESTRICTED"
	case n.rating == "RED":
		status = "FLAGGED"
	}
	o := object{
		"id": n.ID, "display_phone_number": "+" + n.Display, "verified_name": n.Name, "quality_rating": n.quality(),
		"code_verification_status": "VERIFIED", "platform_type": "CLOUD_API", "name_status": "APPROVED", "status": status,
		"account_mode": "LIVE", "is_official_business_account": false, "is_on_biz_app": n.Coexistence,
		"throughput": object{"level": level}, "whatsapp_business_manager_messaging_limit": s.tier(),
		"webhook_configuration": object{"application": s.webhook},
	}
	if s.cfg.AllowList {
		o["account_mode"] = "SANDBOX"
	}
	if n.username != "" {
		o["username"] = n.username
	}
	return o
}

// tier is the portfolio's messaging limit in Meta's words.
func (s *Sim) tier() string {
	switch l := s.cfg.PortfolioLimit; {
	case l < 0:
		return "TIER_UNLIMITED"
	case l >= 1000:
		return "TIER_" + strconv.Itoa(l/1000) + "K"
	default:
		return "TIER_" + strconv.Itoa(l)
	}
}

func (s *Sim) getNumber(w http.ResponseWriter, r *http.Request, n *line) *problem {
	s.mu.Lock()
	o := s.describe(n)
	s.mu.Unlock()
	asked := r.URL.Query().Get("fields")
	if o["username"] == nil && slices.Contains(strings.Split(asked, ","), "username") {
		o["username"] = ""
	}
	out, p := fields(o, asked, "id", "display_phone_number", "verified_name", "quality_rating", "code_verification_status", "platform_type", "throughput", "webhook_configuration")
	if p == nil {
		answer(w, r, out)
	}
	return p
}

func (s *Sim) getNumbers(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var data []any
	for _, n := range s.cfg.Numbers {
		o, p := fields(s.describe(s.numbers[n.ID]), r.URL.Query().Get("fields"), "id", "display_phone_number", "verified_name", "quality_rating", "code_verification_status")
		if p != nil {
			return p
		}
		data = append(data, o)
	}
	return page(w, r, data, 25)
}

func (s *Sim) getProfile(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	s.mu.Lock()
	o := object{"messaging_product": "whatsapp"}
	for k, v := range n.profile {
		o[k] = v
	}
	s.mu.Unlock()
	asked := r.URL.Query().Get("fields")
	out, p := fields(o, asked, "messaging_product", "about", "address", "description", "email", "profile_picture_url", "websites", "vertical")
	if p != nil {
		return p
	}
	out["messaging_product"] = "whatsapp"
	answer(w, r, object{"data": []any{out}})
	return nil
}

func (s *Sim) postProfile(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	body, p := readBody(r, "profile")
	if p != nil {
		return p
	}
	s.mu.Lock()
	for k, v := range body {
		if k != "messaging_product" && k != "profile_picture_handle" {
			n.profile[k] = v
		}
	}
	s.mu.Unlock()
	answer(w, r, object{"success": true})
	return nil
}

func (s *Sim) getSettings(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	encryption := object{"status": "disabled"}
	if n.encryptionKey != "" {
		sum := sha256.Sum256([]byte(n.encryptionKey))
		encryption = object{"status": "enabled", "client_encryption_key_fingerprint": base64.StdEncoding.EncodeToString(sum[:])}
	}
	storage := object{"status": "default"}
	if n.noStorage {
		storage = object{"status": "no_storage_enabled", "retention_minutes": 60}
	} else if n.region != "" {
		storage = object{"status": "in_country_storage_enabled", "data_localization_region": n.region}
	}
	answer(w, r, object{
		"calling": object{"status": "DISABLED"}, "payload_encryption": encryption, "storage_configuration": storage,
		"user_identity_change": object{"enable_identity_key_check": n.identityKeys, "enabled": n.identityKeys},
	})
	return nil
}

// postSettings changes one feature at a time, as Meta demands.
func (s *Sim) postSettings(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	body, p := readBody(r, "settings")
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := obj(body, "payload_encryption"); o != nil {
		key := str(o, "client_encryption_key")
		if b, _ := pem.Decode([]byte(key)); str(o, "status") == "enabled" && (b == nil || b.Type != "PUBLIC KEY") {
			return invalid("client_encryption_key is not a PEM public key")
		}
		n.encryptionKey = key
		if str(o, "status") == "disabled" {
			n.encryptionKey = ""
		}
	}
	if o := obj(body, "storage_configuration"); o != nil {
		enabled, _ := o["enabled"].(bool)
		n.noStorage, n.region = !enabled, str(o, "region")
	}
	if o := obj(body, "user_identity_change"); o != nil {
		n.identityKeys, _ = o["enabled"].(bool)
	}
	answer(w, r, object{"success": true})
	return nil
}

func (s *Sim) getUsername(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.username == "" {
		answer(w, r, object{})
		return nil
	}
	answer(w, r, object{"username": n.username, "status": "approved"})
	return nil
}

func (s *Sim) postUsername(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	body, p := readBody(r, "username")
	if p != nil {
		return p
	}
	name := str(body, "username")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.numbers {
		if other != n && other.username == name {
			return invalid("The username is not available")
		}
	}
	for _, p := range s.people {
		if p.Username == name {
			return invalid("The username is not available")
		}
	}
	n.username = name
	answer(w, r, object{"username": name, "status": "approved"})
	return nil
}

func (s *Sim) deleteUsername(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	s.mu.Lock()
	n.username = ""
	s.mu.Unlock()
	answer(w, r, object{"success": true})
	return nil
}

// deleteBook forgets the number behind a user id. It returns when the two meet again by number, as it does with Meta.
func (s *Sim) deleteBook(w http.ResponseWriter, r *http.Request) *problem {
	if s.line(r) == nil {
		return unknownObject
	}
	body, p := readBody(r, "contact_book")
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.byAddress[str(body, "bsuid")]
	if h == nil {
		return invalid("bsuid is not a user id of this business portfolio")
	}
	deleted := h.inBook
	h.inBook = false
	answer(w, r, object{"messaging_product": "whatsapp", "success": true, "deleted": deleted})
	return nil
}

const blockLimit = 64_000

// blockable finds who a block request names, and says why they cannot be blocked.
func (s *Sim) blockable(n *line, u object, unblock bool) (input string, h *person, code int) {
	input = str(u, "user") + str(u, "user_id")
	address := input
	if str(u, "user") != "" {
		address = strings.NewReplacer("+", "", " ", "", "-", "").Replace(input)
	}
	h = s.byAddress[address]
	switch {
	case h == nil:
		return input, nil, 131026
	case unblock && !n.blocked[h]:
		return input, h, 131009
	case unblock:
		return input, h, 0
	case !n.thread(h).open(s.clock.Now()):
		return input, h, 131047 // only people who wrote in the last 24 hours
	case len(n.blocked) >= blockLimit && !n.blocked[h]:
		return input, h, 130429
	}
	return input, h, 0
}

func (s *Sim) postBlocked(w http.ResponseWriter, r *http.Request) *problem {
	return s.block(w, r, false)
}

func (s *Sim) deleteBlocked(w http.ResponseWriter, r *http.Request) *problem {
	return s.block(w, r, true)
}

func (s *Sim) block(w http.ResponseWriter, r *http.Request, unblock bool) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	body, p := readBody(r, "block_users")
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var done, failed []any
	for _, u := range list(body, "block_users") {
		input, h, code := s.blockable(n, u, unblock)
		if code != 0 {
			e := refusal(code, input)
			failed = append(failed, object{"input": input, "errors": []any{object{
				"message": e.message, "code": code, "error_data": object{"details": e.details},
			}}})
			continue
		}
		if unblock {
			delete(n.blocked, h)
		} else {
			n.blocked[h] = true
		}
		o := object{"input": input}
		if u["user"] != nil {
			o["wa_id"] = h.Number
		} else {
			o["user_id"] = h.UserID
		}
		done = append(done, o)
	}
	result, key := object{}, "added_users"
	if unblock {
		key = "removed_users"
	}
	if done != nil {
		result[key] = done
	}
	if failed == nil {
		answer(w, r, object{"messaging_product": "whatsapp", "block_users": result})
		return nil
	}
	result["failed_users"] = failed
	return &problem{
		status: 400, code: 139100, message: "Failed to block/unblock users", details: "Failed to block/unblock some users",
		more: object{"messaging_product": "whatsapp", "block_users": result},
	}
}

func (s *Sim) getBlocked(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for h := range n.blocked {
		keys = append(keys, h.Key)
	}
	slices.Sort(keys)
	var data []any
	for _, k := range keys {
		h := s.people[k]
		o := object{"messaging_product": "whatsapp"}
		if h.Number != "" {
			o["wa_id"] = h.Number
		} else {
			o["user_id"] = h.UserID
		}
		data = append(data, o)
	}
	return page(w, r, data, 25)
}

// postRegister takes a number into use with its two-step PIN. Ten wrong guesses are too many for 72 hours.
func (s *Sim) postRegister(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	body, p := readBody(r, "register")
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	n.registrations = slices.DeleteFunc(n.registrations, func(at time.Time) bool { return now.Sub(at) >= 72*time.Hour })
	if len(n.registrations) >= 10 {
		return refusal(133016, "")
	}
	n.registrations = append(n.registrations, now)
	if n.PIN != "" && str(body, "pin") != n.PIN {
		return refusal(133005, "")
	}
	n.PIN, n.registered = str(body, "pin"), true
	answer(w, r, object{"success": true})
	return nil
}

func (s *Sim) postDeregister(w http.ResponseWriter, r *http.Request) *problem {
	n := s.line(r)
	if n == nil {
		return unknownObject
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !n.registered {
		return refusal(133010, "")
	}
	n.registered = false
	answer(w, r, object{"success": true})
	return nil
}
