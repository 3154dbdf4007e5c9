package relaytest

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// shapes are the forms in which a secret may stand somewhere.
func shapes(secret []byte) [][]byte {
	all := [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(strings.ToUpper(hex.EncodeToString(secret)))}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		all = append(all, []byte(e.EncodeToString(secret)))
	}
	all = append(all, []byte(strings.Trim(fmt.Sprint(secret), "[]")), []byte(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)))
	return all
}

// TestWhatPeopleShowAndWhatIsLentIsNowhereElse lets a person sign in, fail, step up, be lent halves, and be wiped, everything
// logged as loudly as it goes, and looks for what must be in one kind of frame only.
func TestWhatPeopleShowAndWhatIsLentIsNowhereElse(t *testing.T) {
	var relayLog, machineLog record
	loud := func(to *record) *slog.Logger {
		return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	var mu sync.Mutex
	frames := map[wire.Type]*bytes.Buffer{}
	var halves [][]byte
	clk := &clock{}
	c := Start(t, Options{SignIn: true, Now: clk.now, Log: loud(&relayLog)})
	m := c.machine(t, c.Person("Tobias Brandt", inbox.Supervisor), machineOptions{now: clk.now, log: loud(&machineLog), frames: func(_ *machine, _ engine.Direction, frame []byte) {
		mu.Lock()
		defer mu.Unlock()
		kind := wire.Type(frame[0])
		if frames[kind] == nil {
			frames[kind] = &bytes.Buffer{}
		}
		frames[kind].Write(frame)
		switch b, _ := wire.Decode(frame); b := b.(type) {
		case wire.Welcome:
			halves = append(halves, bytes.Clone(b.Half))
		case wire.Rotate:
			halves = append(halves, bytes.Clone(b.Half))
		}
	}})
	const wrong = "crimson anvil 52 meadow"
	a := m.firstSignIn(clk, goodPassword)
	m.awaitOnline()
	m.seeded("katharina")
	if err := m.keeper.SetPassphrase(t.Context(), goodPassword); err != nil {
		t.Fatal(err)
	}
	if asked, ok := m.show(wire.Credential{Begin: true}); !ok || asked.Need != wire.NeedPassword {
		t.Fatal("no step-up")
	}
	m.show(wire.Credential{Password: wrong, Code: a.next(t)})
	m.show(wire.Credential{Password: a.password, Code: a.recovery[3]})
	if _, err := c.Relay().ChangePerson(t.Context(), "Tobias Brandt", relay.PersonChange{Role: inbox.PrivacyOfficer}); err != nil {
		t.Fatal(err)
	}
	m.await("to be let in or asked", func() bool {
		_, asked := m.engine.Asked()
		return asked || m.engine.Link().State == engine.Offline
	})
	m.await("to be let in or asked", func() bool {
		_, asked := m.engine.Asked()
		return asked || m.online()
	})
	if _, asked := m.engine.Asked(); asked {
		m.show(a.both(t))
	}
	m.awaitOnline()
	m.await("another half", func() bool { return m.keeper.Store().Generation() > 1 })
	m.lock()
	m.start()
	m.asked(wire.NeedPassword)
	m.show(a.both(t))
	m.awaitOnline()

	secrets := map[string][][]byte{"the password": {[]byte(a.password)}, "a wrong password": {[]byte(wrong)}, "the second factor's secret": {[]byte(a.secret)}}
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.secret); err == nil {
		secrets["the second factor's secret"] = append(secrets["the second factor's secret"], raw)
	} else {
		t.Error(err)
	}
	for _, code := range a.recovery {
		secrets["a recovery code"] = append(secrets["a recovery code"], []byte(code), []byte(wire.CleanCode(code)))
	}
	mu.Lock()
	secrets["a half"] = halves
	mu.Unlock()
	if len(halves) < 3 {
		t.Fatalf("%d halves were lent", len(halves))
	}
	may := map[string][]wire.Type{
		"the password": {wire.TypeCredential}, "a wrong password": {wire.TypeCredential}, "the second factor's secret": {wire.TypeSignIn},
		"a recovery code": {wire.TypeSignIn, wire.TypeCredential}, "a half": {wire.TypeWelcome, wire.TypeRotate},
	}
	look := func(where string, data []byte, allowed func(what string) bool) {
		t.Helper()
		if len(data) == 0 {
			t.Errorf("there is nothing in %s to look at", where)
		}
		for what, list := range secrets {
			if allowed != nil && allowed(what) {
				continue
			}
			for _, secret := range list {
				for i, shape := range shapes(secret) {
					if bytes.Contains(data, shape) {
						t.Errorf("%s is in %s (form %d)", what, where, i)
					}
				}
			}
		}
	}
	mu.Lock()
	seen := map[string]bool{}
	for kind, b := range frames {
		look(fmt.Sprintf("frames of type %d", kind), b.Bytes(), func(what string) bool {
			for _, k := range may[what] {
				if k == kind {
					for _, secret := range secrets[what] {
						seen[what] = seen[what] || bytes.Contains(b.Bytes(), secret)
					}
					return true
				}
			}
			return false
		})
	}
	mu.Unlock()
	for what := range secrets {
		if !seen[what] {
			t.Errorf("%s was never in the frames it belongs into: the search is blind", what)
		}
	}
	resp, err := http.Get("http://" + c.Config.Listen.Ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	var metrics bytes.Buffer
	metrics.ReadFrom(resp.Body)
	resp.Body.Close()
	look("the metrics", metrics.Bytes(), nil)
	found, err := c.Relay().AuditSearch(t.Context(), relay.AuditSearchWish{})
	if err != nil {
		t.Fatal(err)
	}
	look("the audit log", fmt.Appendf(nil, "%+v", found), nil)
	for _, item := range []string{"device", "cache"} {
		text, err := keyring.Get(m.service, item)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := base64.RawStdEncoding.DecodeString(text)
		look("the keyring's "+item+" item", append([]byte(text), raw...), nil)
	}
	m.lock()
	if lease, err := keyring.Get(m.service, "lease"); err == nil {
		raw, _ := base64.RawStdEncoding.DecodeString(lease)
		look("the lease of a locked window", append([]byte(lease), raw...), nil)
	}
	if _, err := c.Relay().WipeDevice(t.Context(), string(m.device.ID), inbox.WipeLost); err != nil {
		t.Fatal(err)
	}
	below := func(dir string) {
		t.Helper()
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
				look("the file "+e.Name(), data, nil)
			}
			return nil
		})
	}
	below(m.dir)
	m.down()
	m.start()
	m.await("the end", m.gone.Load)
	c.Down()
	below(c.Config.Data)
	look("the relay's log", relayLog.bytes(), nil)
	look("the machine's log", machineLog.bytes(), nil)
	t.Logf("%d bytes of logs, %d kinds of frames, %d halves", len(relayLog.bytes())+len(machineLog.bytes()), len(frames), len(halves))
}
