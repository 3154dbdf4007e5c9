package engine

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// A Dialer opens a connection, as net.Dialer.DialContext does.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// EnrolConfig says how a device presents itself.
type EnrolConfig struct {
	Name   string // what people call the device
	App    string // version of the app
	System string // operating system and architecture
	Dial   Dialer // nil: the system's
}

// Enrolled is a device the relay admits from now on. Keep all of it; Key is known to nobody else.
type Enrolled struct {
	Device inbox.DeviceID
	Person inbox.Person
	Key    ed25519.PrivateKey
	Relay  string
	Pin    wire.Pin
	Orders ed25519.PublicKey // who signs leases and wipe orders
	Audit  string            // verifier of the audit log's checkpoints
	Epoch  uint64            // no wipe order up to it is for this enrolment
	// Company is what people know the company by, for a device that is nobody's yet: see [NewClaim].
	Company string
}

// Format prints [redacted] for every verb: the key is in it.
func (Enrolled) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

const (
	enrolPatience = 20 * time.Second
	maxReply      = 64 << 10
)

// Enrol makes a key and asks the relay to admit the device. Without a code the device is nobody's, and Person is empty, until
// somebody has signed in on it (see [NewClaim]); [wire.ErrCodeNeeded] is a relay's that does not have that. Errors: a *[wire.Error] when the relay says no (compare
// with [wire.ErrCodeUsed] and its like), [ErrWrongRelay], [ErrUnreachable], [ErrAnswer], or the context's. A code that
// was used by a try whose answer was lost cannot be used again.
func Enrol(ctx context.Context, e wire.Enrolment, cfg EnrolConfig) (Enrolled, error) {
	ctx, cancel := context.WithTimeout(ctx, enrolPatience)
	defer cancel()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Enrolled{}, fmt.Errorf("making a device key: %w", err)
	}
	body := wire.EncodeEnrol(wire.EnrolRequest{
		Code: e.Code, PublicKey: public, Signature: ed25519.Sign(key, wire.EnrolBytes(e.Code, public)),
		Name: cfg.Name, App: cfg.App, System: cfg.System,
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+e.Relay+wire.EnrolPath, bytes.NewReader(body))
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrolling: %w", wire.ErrEnrolment)
	}
	req.Header.Set("Content-Type", "application/cbor")
	transport := &http.Transport{DialContext: cfg.Dial, TLSClientConfig: pinned(e.Pin), DisableKeepAlives: true,
		TLSHandshakeTimeout: wire.HandshakeTimeout}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the pin is for this relay only
	}}
	resp, err := client.Do(req)
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrolling: %w", unreachable(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrolling: %w", unreachable(err))
	}
	reply, err := wire.DecodeEnrolReply(b)
	switch {
	case err == nil && reply.Error != nil:
		return Enrolled{}, fmt.Errorf("enrolling: %w", reply.Error)
	case err != nil, reply.Device == "", resp.StatusCode/100 != 2:
		return Enrolled{}, fmt.Errorf("enrolling: status %d: %w", resp.StatusCode, ErrAnswer)
	}
	return Enrolled{Device: reply.Device, Person: reply.Person, Key: key, Relay: e.Relay, Pin: e.Pin, Orders: reply.Key, Audit: reply.Audit, Epoch: reply.Epoch, Company: reply.Company}, nil
}

// pinned is TLS 1.3 that trusts one key and no authority: the relay is one machine, and who enrolled the device handed
// its key over. Names and dates of the certificate mean nothing then, and a device with a wrong clock can still be told.
func pinned(pin wire.Pin) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection below decides
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return &WrongRelay{Want: pin}
			}
			if got := wire.PinOf(s.PeerCertificates[0].RawSubjectPublicKeyInfo); got != pin {
				return &WrongRelay{Want: pin, Got: got}
			}
			return nil
		},
	}
}

// unreachable keeps what matters of an error of dialling: its kind. Its text may name hosts.
func unreachable(err error) error {
	var wrong *WrongRelay
	if errors.As(err, &wrong) {
		return wrong
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
