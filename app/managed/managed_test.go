package managed

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"
)

var key = func() (b [32]byte) {
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}()

func TestTheTableIsWhole(t *testing.T) {
	seen := map[Key]bool{}
	for _, d := range Defs() {
		if seen[d.Key] {
			t.Errorf("%s is defined twice", d.Key)
		}
		seen[d.Key] = true
		if (d.Default == nil) != (d.Left != nil) {
			t.Errorf("%s: either there is a default, or words for who decides", d.Key)
		}
		if d.Default != nil {
			if _, why := d.take(d.Default); why != "" {
				t.Errorf("%s: its own default %s", d.Key, why)
			}
		}
		if _, why := d.take(d.Sample); why != "" {
			t.Errorf("%s: its own sample %s", d.Key, why)
		}
		if (d.Kind == Enum) != (len(d.Values) > 1) || (d.Kind == Int || d.Kind == List) != (d.Max > d.Min) {
			t.Errorf("%s: values and range do not fit its kind", d.Key)
		}
		words := []Words{d.Title, d.Help}
		for _, v := range d.Values {
			words = append(words, v.Title)
		}
		if d.Left != nil {
			words = append(words, d.Left)
		}
		for _, w := range words {
			for _, l := range Languages {
				if w[l] == "" || strings.TrimSpace(w[l]) != w[l] {
					t.Errorf("%s: words missing in %s", d.Key, l)
				}
			}
			if len(w) != len(Languages) {
				t.Errorf("%s: words in %d languages", d.Key, len(w))
			}
		}
		for _, l := range Languages {
			if !strings.HasSuffix(d.Help[l], ".") || strings.HasSuffix(d.Title[l], ".") || len([]rune(d.Title[l])) > 44 {
				t.Errorf("%s: a title is a few words, its help sentences (%s)", d.Key, l)
			}
		}
	}
}

func TestAValueIsTakenOrRefusedByItsRule(t *testing.T) {
	std, url, hx := base64.StdEncoding.EncodeToString(key[:]), base64.RawURLEncoding.EncodeToString(key[:]), hex.EncodeToString(key[:])
	colons := strings.ToUpper(strings.Join(slices.Collect(func(yield func(string) bool) {
		for i := 0; i < len(hx); i += 2 {
			if !yield(hx[i : i+2]) {
				return
			}
		}
	}), ":"))
	for _, c := range []struct {
		key  Key
		raw  any
		want any
		why  string // part of it
	}{
		{IdleLockSeconds, int64(30), 30, ""},
		{IdleLockSeconds, uint64(3600), 3600, ""},
		{IdleLockSeconds, 5, nil, "5 is outside 30 to 3600"},
		{IdleLockSeconds, uint64(1) << 63, nil, "must be a whole number, is a number"},
		{IdleLockSeconds, 30.5, nil, "must be a whole number, is a number"},
		{IdleLockSeconds, "300", nil, "must be a whole number, is a text"},
		{IdleLockSeconds, nil, nil, "is null"},
		{AttachmentSave, true, true, ""},
		{AttachmentSave, int64(1), nil, "must be true or false, is a whole number"},
		{AttachmentSave, "true", nil, "is a text"},
		{ClipboardPolicy, "deny", "deny", ""},
		{ClipboardPolicy, "Deny", nil, "must be one of allow, internal, deny"},
		{ClipboardPolicy, "", nil, "is empty"},
		{RelayURL, "https://inbox.company.example", "https://inbox.company.example", ""},
		{RelayURL, "https://inbox.company.example:8443/", "https://inbox.company.example:8443/", ""},
		{RelayURL, "https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", ""},
		{RelayURL, "http://inbox.company.example", nil, "https://"},
		{RelayURL, "inbox.company.example:8443", nil, "https://"},
		{RelayURL, "https://", nil, "https://"},
		{RelayURL, "https://user:secret@inbox.company.example", nil, "without user"},
		{RelayURL, "https://inbox.company.example/path", nil, "without a path"},
		{RelayURL, "https://inbox.company.example?x", nil, "without user, ?"},
		{RelayURL, "https://inbox.company.example:0", nil, "no port"},
		{RelayURL, "https://inbox.company.example:99999", nil, "no port"},
		{RelayURL, "https://inbox\ncompany", nil, "cannot be shown"},
		{RelayURL, "https://" + strings.Repeat("a", maxText), nil, "longer than"},
		{UpdateURL, "https://updates.company.example/sealdesk", "https://updates.company.example/sealdesk", ""},
		{RelayPin, []any{std, url, hx, colons, "sha256/" + std}, []string{std, url, hx, colons, "sha256/" + std}, ""},
		{RelayPin, []string{std[:20]}, nil, "item 1 is no SHA-256"},
		{RelayPin, []any{std, 7}, nil, "must be a list of texts, is a list"},
		{RelayPin, std, nil, "must be a list of texts, is a text"},
		{RelayPin, []any{}, nil, "has 0 items"},
		{RelayPin, []any{std, std, std, std, std, std, std, std, std}, nil, "has 9 items"},
		{RelayPin, []any{std, " "}, nil, "item 2 is empty"},
	} {
		d, _ := Find(c.key)
		got, why := d.take(c.raw)
		if c.why == "" && (why != "" || !cmp.Equal(got, c.want)) || c.why != "" && !strings.Contains(why, c.why) {
			t.Errorf("%s = %#v: got %#v, %q; want %#v, %q", c.key, c.raw, got, why, c.want, c.why)
		}
		if s, ok := c.raw.(string); ok && len(s) > 8 && strings.Contains(why, s) {
			t.Errorf("%s: the reason repeats the value: %s", c.key, why)
		}
	}
	p := must(t, Raw{Key: "RelayURL", Value: "https://inbox.company.example"}, Raw{Key: "RelayPin", Value: []string{std, url, hx, colons}})
	r := p.Relay()
	if r.Address != "inbox.company.example:443" || len(r.Pins) != 4 || slices.ContainsFunc(r.Pins, func(b [32]byte) bool { return b != key }) {
		t.Errorf("%+v", r)
	}
}

func must(t *testing.T, raws ...Raw) *Policy {
	t.Helper()
	p, err := Resolve(raws)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOneWrongValueLeavesNoPolicyAndEveryFaultIsTold(t *testing.T) {
	p, err := Resolve([]Raw{
		{Key: "AttachmentSave", Value: true, Place: "a.json", Line: 2},
		{Key: "IdleLockSeconds", Value: 5, Place: "a.json", Line: 3},
		{Key: "Locale", Value: "de", Place: "a.json", Line: 4},
		{Key: "Locale", Value: "it", Place: "b.json", Line: 2},
		{Key: "LogLevel", Value: "info", Place: "b.json", Line: 3},
		{Key: "LogLevel", Value: "info", Place: "b.json", Line: 4},
		{Key: "RelayURL", Value: "https://inbox.company.example", Place: "b.json", Line: 5},
	})
	if p != nil || !errors.Is(err, ErrBroken) {
		t.Fatalf("%v, %v", p, err)
	}
	want := []Problem{
		{"a.json", 3, "IdleLockSeconds", "5 is outside 30 to 3600"},
		{"b.json", 2, "Locale", "is set in a.json already"},
		{"b.json", 4, "LogLevel", "is set twice"},
		{"b.json", 5, "RelayURL", "is set without RelayPin, so that nobody could tell the relay from another"},
	}
	if d := cmp.Diff(want, Problems(err)); d != "" {
		t.Error(d)
	}
	if !strings.HasPrefix(err.Error(), "a.json:3: IdleLockSeconds: 5 is outside 30 to 3600; b.json:2: Locale:") {
		t.Error(err)
	}
}

func TestWhatNobodySetKeepsItsDefaultAndSaysSo(t *testing.T) {
	for _, p := range []*Policy{nil, must(t)} {
		if p.Managed(ClipboardPolicy) || p.Text(ClipboardPolicy) != "allow" || p.Int(IdleLockSeconds) != 0 || p.Bool(AttachmentSave) || p.List(RelayPin) != nil {
			t.Errorf("%+v", p.Settings())
		}
		if u := p.Updates(); u != (Updates{"notify", "broad", ""}) {
			t.Errorf("%+v", u)
		}
		if r := p.Relay(); r.Address != "" || r.Pins != nil {
			t.Errorf("%+v", r)
		}
		if len(p.Settings()) != len(Defs()) {
			t.Error("a key is missing")
		}
	}
	p := must(t, Raw{Key: "ClipboardPolicy", Value: "deny", Place: "here"}, Raw{Key: "FromTheFuture", Value: 1, Place: "here", Line: 9})
	if s := p.Setting(ClipboardPolicy); !s.Managed || s.Value != "deny" || s.Origin != "here" {
		t.Errorf("%+v", s)
	}
	if len(p.Unknown) != 1 || p.Unknown[0].Key != "FromTheFuture" || p.Unknown[0].Line != 9 {
		t.Errorf("a key of a newer version stops nothing and is told: %+v", p.Unknown)
	}
	if got := Changed(nil, p); !slices.Equal(got, []Key{ClipboardPolicy}) {
		t.Errorf("changed: %v", got)
	}
	if got := Changed(p, must(t, Raw{Key: "ClipboardPolicy", Value: "deny", Place: "elsewhere"})); len(got) != 0 {
		t.Errorf("another place is no change: %v", got)
	}
}

func TestAFileIsJudgedWithTheLineOfEachFault(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"sound", "{\n \"$schema\": \"schema.json\",\n \"Locale\": \"de\"\n}", ""},
		{"empty object", "{}", ""},
		{"not JSON", "{\n \"Locale\": de\n}", "x:2: is not JSON: invalid character 'd' looking for beginning of value"},
		{"ends early", "{\n \"Locale\": \"de\"\n", "x:3: is not JSON: it ends too early"},
		{"nothing", "", "x:1: is not JSON: it ends too early"},
		{"a list", "[]", "x:1: must be an object"},
		{"goes on", "{}\n{}", "x:2: goes on after its end"},
		{"twice", "{\n\"Locale\":\"de\",\n\"Locale\":\"de\"}", "x:3: Locale: is set twice"},
		{"unknown", "{\n\n\"Colour\": 1}", "x:3: Colour: is not a key this version knows"},
		{"another case", "{\"locale\": \"de\"}", "x:1: locale: is not a key this version knows; Locale is"},
		{"all at once", "{\n\"Colour\": 1,\n\"IdleLockSeconds\": 5}", "x:2: Colour: is not a key this version knows; x:3: IdleLockSeconds: 5 is outside 30 to 3600"},
		{"nested", "{\"Locale\": {\"a\": 1}}", "x:1: Locale: must be a text, is a group of keys"},
		{"elsewhere", "{\n\"BlockScreenCapture\": true}", "x:2: BlockScreenCapture: does nothing on linux, only on windows"},
		{"plist", "<plist version=\"1.0\"><dict>\n<key>IdleLockSeconds</key><integer>5</integer></dict></plist>", "x:2: IdleLockSeconds: 5 is outside 30 to 3600"},
		{"plist that is none", "<plist", "x: is not a property list with keys and values"},
		{"plist without keys", "<plist version=\"1.0\"><array/></plist>", "x: is not a property list with keys and values"},
		{"profile", "<plist version=\"1.0\"><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>app.sealdesk.client</string>\n<key>Locale</key><string>fr</string></dict></array></dict></plist>", "x:2: Locale: must be one of en, de, it"},
		{"profile of somebody else", "<plist version=\"1.0\"><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.example</string></dict></array></dict></plist>", "x: has no payload of the type app.sealdesk.client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Check("x", []byte(c.text), "linux")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestABinaryPropertyListIsReadToo(t *testing.T) {
	data, err := plist.Marshal(map[string]any{"IdleLockSeconds": 300, "AttachmentSave": false, "RelayPin": []string{hex.EncodeToString(key[:])}, "PayloadUUID": "x"}, plist.BinaryFormat)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Check("x", data, "darwin")
	if err != nil || p.Int(IdleLockSeconds) != 300 || !p.Managed(AttachmentSave) || len(p.Relay().Pins) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestNamesOfTheRegistryComeInAnyCaseAndTrueIsOne(t *testing.T) {
	items := []Raw{registered("sub", "10", "b"), registered("sub", "2", "a"), registered("sub", "1", hex.EncodeToString(key[:]))}
	list := numbered(items)
	if d := cmp.Diff([]any{hex.EncodeToString(key[:]), "a", "b"}, list); d != "" {
		t.Error(d)
	}
	p := must(t, registered("k", "idlelockseconds", uint64(60)), registered("k", "ATTACHMENTSAVE", uint64(1)), registered("k", "Notifications", uint64(0)),
		registered("k", "Other", "x"))
	if p.Int(IdleLockSeconds) != 60 || !p.Bool(AttachmentSave) || !p.Managed(Notifications) || p.Bool(Notifications) || len(p.Unknown) != 1 {
		t.Errorf("%+v", p)
	}
	for name, value := range map[string]any{"AttachmentSave": uint64(2), "Locale": nil, "LogLevel": uint64(1)} {
		if _, err := Resolve([]Raw{registered("k", name, value)}); !errors.Is(err, ErrBroken) {
			t.Errorf("%s = %v was taken", name, value)
		}
	}
}

// Whatever bytes an administrator's file holds, it is judged: no fault of ours shows, and what is taken can be taken again.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"Locale":"de","RelayPin":["x"],"IdleLockSeconds":1e3}`))
	f.Add([]byte("<plist version=\"1.0\"><dict><key>Locale</key><string>de</string></dict></plist>"))
	f.Add([]byte("bplist00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Check("x", data, "linux")
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
		if err != nil && len(Problems(err)) == 0 {
			t.Fatalf("nothing is wrong, yet: %v", err)
		}
	})
}
