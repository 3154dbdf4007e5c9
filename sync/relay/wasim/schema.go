package wasim

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// schemaFiles are distilled from Meta's OpenAPI description (v23.0). What that version lacks carries a $comment that names
// where it comes from.
//
//go:embed testdata/schema/*.json
var schemaFiles embed.FS

// schemas are the compiled bodies of requests, by file name without its ending.
var schemas = sync.OnceValue(func() map[string]*jsonschema.Schema {
	names, err := schemaFiles.ReadDir("testdata/schema")
	if err != nil {
		panic("wasim: embedded schemas cannot be listed")
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	for _, n := range names {
		raw, err := schemaFiles.ReadFile(path.Join("testdata/schema", n.Name()))
		if err != nil {
			panic("wasim: embedded schema cannot be read")
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err == nil {
			err = c.AddResource("wasim:"+strings.TrimSuffix(n.Name(), ".json"), doc)
		}
		if err != nil {
			panic("wasim: embedded schema " + n.Name() + ": " + err.Error())
		}
	}
	all := map[string]*jsonschema.Schema{}
	for _, n := range names {
		name := strings.TrimSuffix(n.Name(), ".json")
		all[name] = c.MustCompile("wasim:" + name)
	}
	return all
})

type object = map[string]any

// readBody reads a JSON object and holds it against a schema; "" leaves that to the caller.
func readBody(r *http.Request, schema string) (object, *problem) {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		return nil, unexpected("Content-Type must be application/json")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20+1))
	if err != nil || len(raw) > 1<<20 {
		return nil, unexpected("The body cannot be read")
	}
	var body object
	if !utf8.Valid(raw) || json.Unmarshal(raw, &body) != nil || body == nil {
		return nil, unexpected("The body is not a JSON object")
	}
	if schema == "" {
		return body, nil
	}
	return body, conform(schema, body)
}

// conform holds a body against a schema.
func conform(name string, body object) *problem {
	s := schemas()[name]
	if props := s.Properties["messaging_product"]; props != nil && props.Const != nil && body["messaging_product"] != "whatsapp" {
		return unexpected("The parameter messaging_product is required and must be whatsapp")
	}
	var v *jsonschema.ValidationError
	if err := s.Validate(body); errors.As(err, &v) {
		_, p := worst(v)
		return p
	}
	return nil
}

// worst chooses, among everything wrong with a body, the one thing to complain of: members that should not be there first,
// then values of the wrong kind, then what is missing, then values out of range. The order is fixed, because Meta names one
// fault an answer and clients are tested against which.
func worst(v *jsonschema.ValidationError) (rank int, p *problem) {
	where := "root"
	if len(v.InstanceLocation) > 0 {
		where = strings.Join(v.InstanceLocation, ".")
	}
	switch k := v.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return 5, unexpected(fmt.Sprintf("Unexpected key %q on param %q", k.Properties[0], where))
	case *kind.Type:
		return 4, unexpected(fmt.Sprintf("Param %s must be of type %s", where, strings.Join(k.Want, " or ")))
	case *kind.Const:
		return 4, unexpected(fmt.Sprintf("Param %s must be one of {%v}", where, k.Want))
	case *kind.Enum:
		return 4, unexpected(fmt.Sprintf("Param %s must be one of %v", where, k.Want))
	case *kind.MaxLength:
		return 4, unexpected(fmt.Sprintf("Param %s must be at most %d characters long", where, k.Want))
	case *kind.MinLength:
		return 3, missing(where)
	case *kind.Required:
		return 3, missing(strings.TrimPrefix(where+"."+k.Missing[0], "root."))
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			return 2, invalid(where + " has members that exclude each other")
		}
	}
	if len(v.Causes) == 0 {
		return 1, invalid("Param " + where + " is not valid")
	}
	for _, c := range v.Causes {
		if r, q := worst(c); r > rank {
			rank, p = r, q
		}
	}
	return rank, p
}

func missing(name string) *problem {
	return &problem{status: 400, code: 131008, message: "Required parameter is missing", details: name + " is required"}
}

func invalid(details string) *problem {
	return &problem{status: 400, code: 131009, message: "Parameter value is not valid", details: details}
}

func unexpected(details string) *problem {
	return &problem{status: 400, code: 100, message: "Invalid parameter", details: details}
}

// str reads a member that the schema made a string, "" when absent.
func str(o object, name string) string {
	v, _ := o[name].(string)
	return v
}

// obj reads a member that the schema made an object, nil when absent.
func obj(o object, name string) object {
	v, _ := o[name].(object)
	return v
}

// list reads a member that the schema made an array of objects.
func list(o object, name string) []object {
	values, _ := o[name].([]any)
	all := make([]object, 0, len(values))
	for _, v := range values {
		if o, ok := v.(object); ok {
			all = append(all, o)
		}
	}
	return all
}
