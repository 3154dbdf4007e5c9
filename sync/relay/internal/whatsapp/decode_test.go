package whatsapp

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// show writes v with every secret revealed, leaving out what is zero, for golden files of made-up people.
func show(b *strings.Builder, indent string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case time.Time:
		fmt.Fprintf(b, "%s\n", x.Format(time.RFC3339Nano))
		return
	case Raw:
		fmt.Fprintf(b, "%d bytes\n", len(x))
		return
	case interface{ Reveal() string }:
		fmt.Fprintf(b, "secret %q\n", x.Reveal())
		return
	case []byte:
		fmt.Fprintf(b, "%x\n", x)
		return
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		show(b, indent, v.Elem())
	case reflect.Slice:
		b.WriteString("\n")
		for i := range v.Len() {
			fmt.Fprintf(b, "%s- ", indent)
			show(b, indent+"  ", v.Index(i))
		}
	case reflect.Struct:
		fmt.Fprintf(b, "%s\n", v.Type().Name())
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || v.Field(i).IsZero() {
				continue
			}
			fmt.Fprintf(b, "%s%s: ", indent, f.Name)
			show(b, indent+"  ", v.Field(i))
		}
	case reflect.String:
		fmt.Fprintf(b, "%q\n", v.String())
	default:
		fmt.Fprintf(b, "%v\n", v.Interface())
	}
}

func fixtures(tb testing.TB) map[string][]byte {
	tb.Helper()
	names, err := filepath.Glob("testdata/webhook/*.json")
	if err != nil || len(names) < 40 {
		tb.Fatalf("fixtures: %d, %v", len(names), err)
	}
	all := map[string][]byte{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(n), ".json")] = b
	}
	return all
}

func TestEveryWebhookTypeDecodesAsRecorded(t *testing.T) {
	for name, body := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			var compact bytes.Buffer
			if err := json.Compact(&compact, body); err != nil {
				t.Fatal(err)
			}
			d, err := Decode(compact.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			show(&b, "", reflect.ValueOf(d))
			golden := filepath.Join("testdata/webhook", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRawHoldsTheMessageAsWritten(t *testing.T) {
	d, err := Decode([]byte(`{"entry":[{"changes":[{"value":{"messages":[ {"type":"hologram", "hologram":{"depth":3}} ]},"field":"messages"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m := d.Changes[0].Messages[0]
	if got := string(m.Raw.Reveal()); got != `{"type":"hologram", "hologram":{"depth":3}}` {
		t.Errorf("raw = %s", got)
	}
	if _, ok := m.Body.(Unknown); !ok {
		t.Errorf("body = %T", m.Body)
	}
}

func TestMalformedBodiesAreRefusedWithoutEcho(t *testing.T) {
	deep := `{"x":` + strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1) + `}`
	for name, body := range map[string]string{
		"empty": "", "not an object": `["+4917155501"]`, "half": `{"entry":[{"id":"1"`, "entry is no list": `{"entry":{"id":1}}`,
		"entry holds no objects": `{"entry":[1]}`, "trailing text": `{} 4917155501`, "trailing comma": `{"a":1,}`, "bare word": `{"a":nul}`,
		"bad escape": `{"a":"\x"}`, "control character": "{\"a\":\"\x01\"}", "number": `{"a":01}`, "too deep": deep,
		"NUL inside": "{\"a\":1\x00}", "NUL behind": "{}\x00",
		"too large": `{"a":"` + strings.Repeat("x", MaxBody) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(body))
			if err != ErrMalformed {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestOneOddFieldCostsNoMessage(t *testing.T) {
	d, err := Decode([]byte(`{"entry":[{"id":7,"changes":[{"field":"messages","value":{"contacts":"none","messages":[
		5, {"id":"wamid.A","timestamp":12,"type":"text","text":{"body":["x"]},"context":"y","from":null},
		{"id":"wamid.B","type":"text","text":{"body":"still here"}}],"statuses":{}}},17]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := d.Changes[0]
	if c.AccountID != "7" || len(c.Messages) != 2 || len(d.Changes) != 2 {
		t.Fatalf("account %q, %d messages, %d changes", c.AccountID, len(c.Messages), len(d.Changes))
	}
	if m := c.Messages[0]; !m.At.Equal(time.Unix(12, 0)) || m.Context != nil || m.Body.(Text).Body != "" {
		t.Errorf("odd message: at %v, context %v", m.At, m.Context)
	}
	if got := c.Messages[1].Body.(Text).Body; got != "still here" {
		t.Errorf("body = %q", got)
	}
}

func TestDedupeKeysAreEqualForTheSameThingOnly(t *testing.T) {
	keys := map[string]string{}
	add := func(name string, key []byte) {
		if other, ok := keys[string(key)]; ok {
			t.Errorf("%s and %s share a key", name, other)
		}
		keys[string(key)] = name
	}
	d, err := Decode([]byte(`{"entry":[{"id":"1","changes":[{"field":"messages","value":{
		"messages":[{"id":"wamid.A"},{"id":"wamid.B"},{"type":"text"}],
		"statuses":[{"id":"wamid.A","status":"sent","recipient_id":"15550100"},{"id":"wamid.A","status":"read","recipient_id":"15550100"},
		{"id":"wamid.A","status":"read","recipient_id":"15550101"},{"id":"wamid.A","status":"read","recipient_user_id":"US.9"}],
		"user_preferences":[{"wa_id":"1","value":"stop"},{"wa_id":"1","value":"resume"}]}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // the second time every key must be known
		if i == 1 && len(keys) != 10 {
			t.Fatalf("%d keys", len(keys))
		}
		for _, c := range d.Changes {
			named := func(kind string, n int, key []byte) {
				if i == 0 {
					add(fmt.Sprint(kind, n), key)
				} else if keys[string(key)] != fmt.Sprint(kind, n) {
					t.Errorf("%s %d changed its key", kind, n)
				}
			}
			for n, m := range c.Messages {
				named("message", n, m.DedupeKey())
			}
			for n, s := range c.Statuses {
				named("status", n, s.DedupeKey())
			}
			for n, p := range c.Preferences {
				named("preference", n, p.DedupeKey())
			}
			named("change", 0, c.DedupeKey())
		}
	}
	// profile news and order of members do not make another message of it
	a, _ := Decode([]byte(`{"entry":[{"changes":[{"value":{"messages":[{"id":"wamid.A","type":"text"}]}}]}]}`))
	b, _ := Decode([]byte(`{"entry":[{"changes":[{"value":{"contacts":[{"wa_id":"1"}],"messages":[{"type":"text","id":"wamid.A"}]}}]}]}`))
	if !bytes.Equal(a.Changes[0].Messages[0].DedupeKey(), b.Changes[0].Messages[0].DedupeKey()) {
		t.Error("the same message has two keys")
	}
}

// FuzzDecode holds the walker against encoding/json: it accepts what encoding/json accepts, and reads strings alike.
func FuzzDecode(f *testing.F) {
	for _, b := range fixtures(f) {
		f.Add(b)
	}
	f.Add([]byte(`{"object":"\ud83d\ude0a\ud83d \udc00x\u00e4\/","entry":[]}`))
	f.Add([]byte("{\"object\":\"\xff\xc3\x28\"}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Decode(b)
		if err == nil && !json.Valid(b) {
			t.Fatal("accepted what is not JSON")
		}
		w := walker{b: b}
		w.skip()
		w.peek()
		if deep := bytes.Count(b, []byte("[")) + bytes.Count(b, []byte("{")); deep <= MaxDepth {
			if whole := !w.bad && w.i == len(b); whole != json.Valid(b) {
				t.Fatalf("walker says %v, encoding/json %v", whole, json.Valid(b))
			}
		}
		if err != nil {
			return
		}
		for _, c := range d.Changes {
			_ = c.DedupeKey()
			switch c.Field {
			case "messages", "smb_message_echoes", "user_preferences":
				if c.Notice != nil {
					t.Fatal("what people write is no notice")
				}
			default:
				if c.Notice == nil {
					t.Fatal("a change without a word about it")
				}
			}
			for _, s := range c.Statuses {
				if n := s.Recipient.Number().Reveal(); strings.Contains(n, ".") {
					t.Fatal("a user id for a number")
				}
			}
			for _, m := range append(c.Messages, c.Echoes...) {
				if strings.Contains(m.From.Phone.Reveal(), ".") {
					t.Fatal("a user id for a number")
				}
				if e, ok := m.Body.(Edit); ok && e.New != nil && saying(e.New) == nil {
					t.Fatal("an edit to something that cannot be said")
				}
				if m.Body == nil || !json.Valid(m.Raw) {
					t.Fatal("message without body or raw")
				}
				if fmt.Sprintf("%v %+v", m, &m) != "[redacted] [redacted]" {
					t.Fatal("message prints")
				}
			}
		}
		var ref map[string]json.RawMessage
		var want string
		if json.Unmarshal(b, &ref) == nil && bytes.HasPrefix(ref["object"], []byte(`"`)) && json.Unmarshal(ref["object"], &want) == nil &&
			want != d.Object {
			t.Fatalf("object %q, encoding/json %q", d.Object, want)
		}
	})
}

// FuzzUnquote holds string decoding against encoding/json.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`a`, `\u00e4\/\n`, `\ud83d\ude0a`, `\ud83d`, `\ude0a\ud83d`, `\ud83dx`, "\xff", "ä\xc3", `\"\\\b\f\r\t`, `\uD83D\uDE0A`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := []byte(`"` + s + `"`)
		var want string
		if json.Unmarshal(quoted, &want) != nil {
			return
		}
		w := walker{b: quoted}
		if got := w.str(); got != want || w.bad || w.i != len(quoted) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body := kilobyte(b)
	b.Run("walker", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json-any", func(b *testing.B) { // the peer: the same text through the standard decoder
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(body, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		secret := NewAppSecret("0123456789abcdef0123456789abcdef")
		header := "sha256=" + strings.Repeat("0", 64)
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			_ = VerifySignature(body, header, secret)
		}
	})
}

// kilobyte is a text message of about 1 KB in Meta's spelling.
func kilobyte(tb testing.TB) []byte {
	var compact bytes.Buffer
	if err := json.Compact(&compact, fixtures(tb)["text"]); err != nil {
		tb.Fatal(err)
	}
	long := strings.Repeat(`Wir brauchen die W\u00e4rmepumpe bis Ende Mai. `, 8)
	body := bytes.Replace(compact.Bytes(), []byte(`"body":"`), []byte(`"body":"`+long), 1)
	if len(body) < 900 || len(body) > 1200 {
		tb.Fatalf("%d bytes", len(body))
	}
	return body
}
