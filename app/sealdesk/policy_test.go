package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/managed"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// set is a policy source that says what a test lets it.
type set map[managed.Key]any

func (s set) Read() ([]managed.Raw, error) {
	var raws []managed.Raw
	for k, v := range s {
		raws = append(raws, managed.Raw{Key: string(k), Value: v, Place: "here"})
	}
	return raws, nil
}

func (set) Next(context.Context) <-chan struct{} { return nil }

func policyWith(t *testing.T, s set) (*policy, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return newPolicy(s, &slog.LevelVar{}, slog.New(slog.NewTextHandler(&log, nil))), &log
}

func pinText(p wire.Pin) string { return hex.EncodeToString(p[:]) }

func TestThePolicyIsPrintedWithOriginAndTheExitCodeSaysWhetherItIsSound(t *testing.T) {
	var out bytes.Buffer
	if err := printPolicy(set{managed.Locale: "de", "FromTheFuture": 1}, &out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Sound   bool
		Unknown []string
		Policy  map[managed.Key]printed
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Sound || len(got.Unknown) != 1 || len(got.Policy) != len(managed.Defs()) {
		t.Errorf("%s", out.String())
	}
	if l, c := got.Policy[managed.Locale], got.Policy[managed.ClipboardPolicy]; l != (printed{"de", true, "here", false}) || c != (printed{Value: "allow"}) {
		t.Errorf("%+v, %+v", l, c)
	}
	out.Reset()
	err := printPolicy(set{managed.Locale: "fr"}, &out)
	var code exitCode
	if !errors.As(err, &code) || code.code != policyExit || !strings.Contains(out.String(), "here: Locale: must be one of en, de, it") || strings.Contains(out.String(), `"policy"`) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestAFileIsCheckedBeforeItIsRolledOut(t *testing.T) {
	dir := t.TempDir()
	check := func(name, text string) (string, error) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := run(t.Context(), []string{"--check-policy", path}, &out, io.Discard)
		return strings.ReplaceAll(out.String(), path, name), err
	}
	if out, err := check("good.json", `{"Locale": "de"}`); err != nil || out != "good.json: sound, 1 of 13 keys set\n" {
		t.Errorf("%q, %v", out, err)
	}
	out, err := check("bad.json", "{\n\"Locale\": \"fr\",\n\"Colour\": 1\n}")
	var code exitCode
	if !errors.As(err, &code) || code.code != policyExit || out != "bad.json:2: Locale: must be one of en, de, it\nbad.json:3: Colour: is not a key this version knows\n" {
		t.Errorf("%q, %v", out, err)
	}
	if err := run(t.Context(), []string{"--check-policy", filepath.Join(dir, "none")}, io.Discard, io.Discard); err == nil || errors.As(err, &code) {
		t.Errorf("no file: %v", err)
	}
	out = ""
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &help, io.Discard); err != nil || !strings.Contains(help.String(), "--print-policy") || !strings.Contains(help.String(), "--check-policy=FILE") {
		t.Errorf("the help does not say so: %v\n%s", err, help.String())
	}
}

func TestThePolicyIsWhatTheScreensObey(t *testing.T) {
	pin := wire.Pin{1, 2, 3}
	s := set{managed.Locale: "de", managed.Notifications: false, managed.IdleLockSeconds: 90, managed.ClipboardPolicy: "internal", managed.AttachmentSave: true,
		managed.RelayURL: "https://inbox.company.example", managed.RelayPin: []string{pinText(pin)}, managed.LogLevel: "warn", "FromTheFuture": 1}
	level := &slog.LevelVar{}
	p := newPolicy(s, level, slog.New(slog.DiscardHandler))
	m := p.shown()
	if m.Idle != 90*time.Second || m.Copying != ui.CopyInside || !m.SaveFiles || len(m.Trouble) != 0 || !slices.Equal(m.Unknown, []string{"FromTheFuture"}) {
		t.Errorf("%+v", m)
	}
	if l, n := m.Rules[ui.SettingLanguage], m.Rules[ui.SettingNotify]; l != (ui.Rule{Value: "de", Locked: true, Source: "here"}) || n != (ui.Rule{Value: "off", Locked: true, Source: "here"}) {
		t.Errorf("%+v", m.Rules)
	}
	if m.Server == nil || m.Server.Address != "inbox.company.example:443" || !slices.Equal(m.Server.Pins, []string{pin.Short()}) {
		t.Errorf("%+v", m.Server)
	}
	if level.Level() != slog.LevelWarn {
		t.Errorf("the log is at %v", level.Level())
	}
	for i, d := range managed.Defs() {
		v := m.Settings[i]
		if v.Title["it"] != d.Title["it"] || v.Set != (s[d.Key] != nil) || v.Value == nil || v.Void != !d.ObeyedHere() || v.Later {
			t.Errorf("%s: %+v", d.Key, v)
		}
	}
	if p.relayOf(store.Device{Relay: "old:8443"}) != "inbox.company.example:443" {
		t.Error("a device that is set up does not follow the relay")
	}
	s[managed.RelayURL], s[managed.LogLevel] = "https://other.company.example", "debug"
	p.broken() // a policy counts once two looks agree
	if p.broken() != nil {
		t.Fatal("the change is broken")
	}
	m = p.shown()
	if !m.Settings[0].Later || m.Server.Address != "other.company.example:443" || level.Level() != slog.LevelDebug {
		t.Errorf("a change of the relay's address waits for the next start: %+v", m.Settings[0])
	}
	if got := p.relayOf(store.Device{}); got != "inbox.company.example:443" {
		t.Errorf("dialled is %s", got)
	}
	var nothing *policy
	if m := nothing.shown(); len(m.Settings) != 0 || nothing.broken() != nil || nothing.relayOf(store.Device{Relay: "a:1"}) != "a:1" {
		t.Error("no policy is something")
	}
}

func TestABrokenPolicyOpensNothingAndIsToldOnceUntilItIsRepaired(t *testing.T) {
	s := set{managed.IdleLockSeconds: 5}
	h, err := newHouse(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	var log bytes.Buffer
	h.policy = newPolicy(s, &h.level, slog.New(slog.NewTextHandler(&log, nil)))
	if err := h.policy.broken(); !errors.Is(err, ui.TroublePolicy) || !errors.Is(err, managed.ErrBroken) {
		t.Fatalf("%v", err)
	}
	var b ui.BrokenPolicy
	if err := h.policy.broken(); !errors.As(err, &b) || !slices.Equal(b.Problems, []string{"here: IdleLockSeconds: 5 is outside 30 to 3600"}) {
		t.Errorf("%v", err)
	}
	h.policy.changed()
	if n := strings.Count(log.String(), "the policy is broken"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	if m := h.policy.shown(); m.Idle != 0 || len(m.Trouble) != 1 {
		t.Errorf("half of it is in force: %+v", m)
	}
	s[managed.IdleLockSeconds] = 60
	if err := h.policy.broken(); err != nil || h.policy.shown().Idle != time.Minute {
		t.Errorf("repaired, and yet: %v", err)
	}
	s[managed.IdleLockSeconds] = 5
	h.policy.broken()
	if h.policy.broken() != nil || h.policy.shown().Idle != time.Minute || len(h.policy.shown().Trouble) != 1 {
		t.Error("a policy that breaks while the program runs must leave the one before in force, and be told")
	}
}

func TestOfAnInvitationThePolicyDecidesWhichRelay(t *testing.T) {
	ours, other := wire.Pin{1}, wire.Pin{2}
	const code = "7KQ49MXD2TRWAB"
	full := func(relay string, p wire.Pin) string {
		return wire.Enrolment{Relay: relay, Pin: p, Code: code}.String()
	}
	named := set{managed.RelayURL: "https://inbox.company.example:8443", managed.RelayPin: []string{pinText(ours), pinText(wire.Pin{3})}}
	pinned := set{managed.RelayPin: []string{pinText(ours)}}
	for _, c := range []struct {
		name, text string
		s          set
		relay      string
		err        error
	}{
		{"a string, and no policy", full("a:1", other), nil, "a:1", nil},
		{"a code, and no policy", code, nil, "", wire.ErrEnrolment},
		{"a code", "7kq4-9mxd 2trw-ab\n", named, "inbox.company.example:8443", nil},
		{"half a code", "7kq4", named, "", wire.ErrEnrolment},
		{"something else", "hello there, all", named, "", wire.ErrEnrolment},
		{"nothing", "", named, "", wire.ErrEnrolment},
		{"a string of our relay by another name", full("10.0.0.1:8443", ours), named, "inbox.company.example:8443", nil},
		{"a string of another relay", full("inbox.company.example:8443", other), named, "", errOtherServer},
		{"a string of our relay, keys alone", full("a:1", ours), pinned, "a:1", nil},
		{"a string of another relay, keys alone", full("a:1", other), pinned, "", errOtherServer},
		{"a code, keys alone", code, pinned, "", wire.ErrEnrolment},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := policyWith(t, c.s)
			e, pins, err := p.invitation(c.text)
			if !errors.Is(err, c.err) || c.err == nil && (err != nil || e.Relay != c.relay || e.Code != code || len(pins) == 0) {
				t.Errorf("%+v, %d pins, %v", e, len(pins), err)
			}
			if c.err == errOtherServer && !errors.Is(trouble(err), ui.TroubleOtherServer) {
				t.Error("it has no words")
			}
		})
	}
}

// The relay shows the second of two keys: no code is spent on the first try, and one on the second.
func TestARelayMayShowAnyOfThePoliciesKeys(t *testing.T) {
	asked := 0
	relay := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
		w.Write(wire.EncodeEnrolReply(wire.EnrolReply{Error: wire.ErrCodeUsed}))
	}))
	defer relay.Close()
	relay.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	cert, err := x509.ParseCertificate(relay.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	shows := wire.PinOf(cert.RawSubjectPublicKeyInfo)
	e := wire.Enrolment{Relay: relay.Listener.Addr().String(), Code: "7KQ49MXD2TRWAB"}
	if _, err := enrolWith(t.Context(), e, []wire.Pin{{1}, shows}, engine.EnrolConfig{}); !errors.Is(err, wire.ErrCodeUsed) || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	var wrong *engine.WrongRelay
	if _, err := enrolWith(t.Context(), e, []wire.Pin{{1}, {2}}, engine.EnrolConfig{}); !errors.As(err, &wrong) || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}
