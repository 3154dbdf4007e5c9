package whatsapp

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := filepath.Glob("testdata/schema/*.json")
	if err != nil {
		return nil, err
	}
	all := map[string]*jsonschema.Schema{}
	for _, f := range files {
		s, err := c.Compile(f)
		if err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = s
	}
	return all, nil
})

// routes says which schema the body of which request must meet, "" for a request without a body. Nothing else may be asked.
var routes = []struct {
	method string
	path   *regexp.Regexp
	schema string
}{
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/messages$`), "messages"}, // or mark_read, by its member "status"
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/media$`), "media"},
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/(message_templates)$`), "template_create"},
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/block_users$`), "block_users"},
	{"DELETE", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/block_users$`), "block_users"},
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/settings$`), "settings"},
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/subscribed_apps$`), "subscribed_apps"},
	{"POST", regexp.MustCompile(`^/v[0-9.]+/[0-9]{6,}$`), "template_edit"},
	{"DELETE", regexp.MustCompile(`^/v[0-9.]+/[0-9]+/message_templates$`), ""},
	{"DELETE", regexp.MustCompile(`^/v[0-9.]+/[0-9]+$`), ""}, // media
	{"GET", regexp.MustCompile(`^/v[0-9.]+/[0-9]+(/(message_templates|block_users|settings|subscribed_apps|activities|message_history))?$`), ""},
	{"GET", regexp.MustCompile(`^/file$`), ""},
}

// violation checks a request against Meta's description of its route and returns why it does not keep to it.
func violation(method, path, contentType string, body []byte) (string, error) {
	all, err := schemas()
	if err != nil {
		return "", err
	}
	for _, r := range routes {
		if r.method != method || !r.path.MatchString(path) {
			continue
		}
		if r.schema == "" {
			if len(body) != 0 {
				return "a body where none belongs", nil
			}
			return "", nil
		}
		var v any
		switch kind, params, err := mime.ParseMediaType(contentType); {
		case err != nil:
			return "no content type", nil
		case kind == "multipart/form-data":
			if v, err = form(body, params["boundary"]); err != nil {
				return err.Error(), nil
			}
		case kind == "application/json":
			if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(body)); err != nil {
				return err.Error(), nil
			}
		default:
			return "content type " + kind, nil
		}
		name := r.schema
		if o, ok := v.(map[string]any); ok && name == "messages" && o["status"] != nil {
			name = "mark_read"
		}
		if err := all[name].Validate(v); err != nil {
			return err.Error(), nil
		}
		return "", nil
	}
	return "no such route", nil
}

func form(body []byte, boundary string) (map[string]any, error) {
	fields := map[string]any{}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		fields[p.FormName()] = string(b)
	}
}

// conform lets only requests through that keep to Meta's description: every test with a client is a contract test.
type conform struct{ t *testing.T }

func (c conform) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		c.check(r, nil)
	} else {
		// listening in, not reading ahead: the client watches whether its body was touched
		r = r.Clone(r.Context())
		r.Body = &overheard{ReadCloser: r.Body, done: func(body []byte) { c.check(r, body) }}
		r.GetBody = nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

// overheard passes a body on and hands it over once it was read to its end. One that is not was never a whole request.
type overheard struct {
	io.ReadCloser
	all  bytes.Buffer
	done func([]byte)
}

func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	o.all.Write(p[:n])
	if err == io.EOF && o.done != nil {
		o.done(o.all.Bytes())
		o.done = nil
	}
	return n, err
}

func (c conform) check(r *http.Request, body []byte) {
	why, err := violation(r.Method, r.URL.Path, r.Header.Get("Content-Type"), body)
	if err != nil {
		c.t.Error(err)
	} else if why != "" {
		c.t.Errorf("%s %s: %s", r.Method, r.URL.Path, why)
	}
}

// A schema that takes anything proves nothing.
func TestTheSchemasRefuseWhatMetaRefuses(t *testing.T) {
	const head = `{"messaging_product":"whatsapp","recipient_type":"individual",`
	for rule, body := range map[string]string{
		"nobody to send to":        head + `"type":"text","text":{"body":"x"}}`,
		"number and user id":       head + `"to":"15550100","recipient":"US.1","type":"text","text":{"body":"x"}}`,
		"a user id as number":      head + `"to":"US.1","type":"text","text":{"body":"x"}}`,
		"a number as user id":      head + `"recipient":"15550100","type":"text","text":{"body":"x"}}`,
		"no content":               head + `"to":"15550100","type":"text"}`,
		"another content":          head + `"to":"15550100","type":"text","image":{"id":"1"}}`,
		"two contents":             head + `"to":"15550100","type":"text","text":{"body":"x"},"image":{"id":"1"}}`,
		"unknown member":           head + `"to":"15550100","type":"text","text":{"body":"x","bold":true}}`,
		"text too long":            head + `"to":"15550100","type":"text","text":{"body":"` + strings.Repeat("x", 4097) + `"}}`,
		"media by link":            head + `"to":"15550100","type":"image","image":{"link":"https://example.com/a.png"}}`,
		"caption on a sticker":     head + `"to":"15550100","type":"sticker","sticker":{"id":"1","caption":"x"}}`,
		"numbers as numbers":       head + `"to":"15550100","type":"location","location":{"latitude":1,"longitude":2}}`,
		"four buttons":             head + `"to":"15550100","type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[` + strings.Repeat(`{"type":"reply","reply":{"id":"1","title":"x"}},`, 3) + `{"type":"reply","reply":{"id":"1","title":"x"}}]}}}`,
		"no body over the buttons": head + `"to":"15550100","type":"interactive","interactive":{"type":"button","action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"x"}}]}}}`,
		"template without policy":  head + `"to":"15550100","type":"template","template":{"name":"x","language":{"code":"de"}}}`,
		"button without index":     head + `"to":"15550100","type":"template","template":{"name":"x","language":{"policy":"deterministic","code":"de"},"components":[{"type":"button","sub_type":"url","parameters":[{"type":"text","text":"x"}]}]}}`,
		"card without name":        head + `"to":"15550100","type":"contacts","contacts":[{"phones":[{"phone":"1"}]}]}`,
		"not an e-mail":            head + `"to":"15550100","type":"contacts","contacts":[{"name":{"formatted_name":"x","first_name":"x"},"emails":[{"email":"x"}]}]}`,
		"read what":                `{"messaging_product":"whatsapp","status":"read"}`,
	} {
		why, err := violation("POST", "/v25.0/1/messages", "application/json", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid([]byte(body)) || why == "" {
			t.Errorf("%s: passes", rule)
		}
	}
	if why, _ := violation("POST", "/v25.0/1/elsewhere", "application/json", []byte(`{}`)); why == "" {
		t.Error("unknown route passes")
	}
}
