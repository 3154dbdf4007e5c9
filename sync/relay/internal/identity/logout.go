package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	bucketLogout = "logout" // hashes of the ids of logout tokens that were obeyed; the value is when

	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutLife  = 5 * time.Minute // a token older than that, or that much ahead, is not obeyed
	logoutMost  = 16 << 10        // bytes of the request
)

var errLogout = errors.New("not a logout token to be obeyed")

// Logout returns where the sign-on says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0): an
// address for the provider's configuration. It ends the sessions that began with that sign-on, and tells gone whose they
// were, for closing connections; nothing is to be wiped for it. It answers 400 to anything that is not the provider's, and
// to the same token twice. gone must be safe for concurrent use; its error is answered with 500, and it is not told again.
func (r *Register) Logout(gone func(context.Context, Removal) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // section 2.8
		if r.sso == nil {
			http.NotFound(w, q)
			return
		}
		if q.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		q.Body = http.MaxBytesReader(w, q.Body, logoutMost)
		raw := q.PostFormValue("logout_token") // read before anybody waits for it
		// An unknown key makes us ask the provider for its keys: strangers shall not make us ask often.
		select {
		case r.sso.hearing <- struct{}{}:
			defer func() { <-r.sso.hearing }()
		default:
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		removals, err := r.loggedOut(q.Context(), raw)
		for _, removal := range removals {
			err = errors.Join(err, gone(q.Context(), removal))
		}
		switch {
		case errors.Is(err, errLogout):
			r.conf.Log.Warn("a logout token was refused")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"error":"invalid_request"}`))
		case err != nil:
			r.conf.Log.Error("a logout could not be obeyed", "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusOK)
		}
	})
}

// loggedOut verifies a logout token (section 2.6) and ends the sessions it means.
func (r *Register) loggedOut(ctx context.Context, raw string) ([]Removal, error) {
	if !mayBeLogout(raw) {
		return nil, errLogout
	}
	p, _, err := r.sso.provider(ctx)
	if err != nil {
		return nil, err
	}
	// go-oidc checks signature, algorithm, issuer and audience. The expiry became mandatory only in the final text: it is
	// checked below if it is there.
	token, err := p.Verifier(&oidc.Config{ClientID: r.sso.conf.Client, SkipExpiryCheck: true}).Verify(ctx, raw)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errLogout
	}
	var claims struct {
		ID     string                     `json:"jti"`
		SID    string                     `json:"sid"`
		Events map[string]json.RawMessage `json:"events"`
		Nonce  *json.RawMessage           `json:"nonce"`
	}
	now := r.now()
	age := now.Sub(token.IssuedAt)
	var event []byte
	if token.Claims(&claims) == nil {
		event = bytes.TrimSpace(claims.Events[logoutEvent])
	}
	switch {
	case !bytes.HasPrefix(event, []byte("{")), claims.Nonce != nil, claims.ID == "", token.Subject == "" && claims.SID == "":
		return nil, errLogout
	case token.IssuedAt.IsZero(), age > logoutLife, age < -logoutLife, token.Expiry.Unix() > 0 && now.After(token.Expiry.Add(seenSlack)):
		return nil, errLogout
	}
	var removals []Removal
	err = r.db.Update(ctx, Shard, func(tx ledger.Tx) (err error) {
		at := inbox.At(now)
		if err := once(tx, claims.ID, at); err != nil {
			return err
		}
		removals, err = endSignedOn(tx, at, token.Subject, claims.SID)
		return err
	})
	return removals, err
}

// mayBeLogout refuses tokens that say they are something else: typ must be logout+jwt where it says more than JWT.
func mayBeLogout(raw string) bool {
	head, _, ok := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Type string `json:"typ"`
	}
	if !ok || err != nil || json.Unmarshal(text, &header) != nil {
		return false
	}
	switch strings.TrimPrefix(strings.ToLower(header.Type), "application/") {
	case "", "jwt", "logout+jwt":
		return true
	}
	return false
}

// once refuses a token that was obeyed already, and forgets those that are too old to be.
func once(tx ledger.Tx, id string, at inbox.Moment) error {
	hash := sha256.Sum256([]byte("sealdesk/logout/v1\x00" + id))
	var old [][]byte
	for key, row := range tx.Scan(bucketLogout, nil, nil) {
		var when inbox.Moment
		if cbor.Unmarshal(row, &when) != nil {
			return errRow
		}
		if at.Sub(when) > 4*logoutLife {
			old = append(old, bytes.Clone(key))
		}
	}
	if err := tx.Err(); err != nil {
		return err
	}
	for _, key := range old {
		if err := tx.Delete(bucketLogout, key); err != nil {
			return err
		}
	}
	if row, err := tx.Get(bucketLogout, hash[:]); err != nil {
		return err
	} else if row != nil {
		return errLogout
	}
	return put(tx, bucketLogout, hash[:], at)
}

// endSignedOn ends the sessions of one session of the sign-on, or without one all that the subject has.
func endSignedOn(tx ledger.Tx, at inbox.Moment, subject, sid string) ([]Removal, error) {
	persons := map[inbox.PersonID]bool{}
	for key, row := range tx.Scan(bucketSignOn, nil, nil) {
		var on SignOn
		if cbor.Unmarshal(row, &on) != nil {
			return nil, errRow
		}
		if subject != "" && on.Subject == subject {
			persons[inbox.PersonID(key)] = true
		}
	}
	if err := tx.Err(); err != nil {
		return nil, err
	}
	whose := map[inbox.PersonID][]inbox.DeviceID{}
	_, err := endWhere(tx, By{}, at, WhyLogout, func(s Session) bool {
		fits := persons[s.Person]
		if sid != "" && s.SID != "" { // a session of which the provider told no name may be the one
			fits = s.SID == sid && (subject == "" || fits)
		}
		if fits {
			whose[s.Person] = append(whose[s.Person], s.Device)
		}
		return fits
	})
	var removals []Removal
	for person, devices := range whose {
		removals = append(removals, Removal{Person: person, Devices: devices, Why: WhyLogout})
	}
	return removals, err
}
