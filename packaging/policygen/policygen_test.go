package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sealdesk/app/managed"
)

func made(t *testing.T) map[string][]byte {
	t.Helper()
	list, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestWhatIsCheckedInIsWhatTheTableSays(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
}

func TestTheSameTableGivesTheSameBytes(t *testing.T) {
	first := made(t)
	for range 3 {
		for name, b := range made(t) {
			if !bytes.Equal(b, first[name]) {
				t.Errorf("%s differs", name)
			}
		}
	}
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// walk calls f for an element and everything in it.
func (e element) walk(f func(element)) {
	f(e)
	for _, c := range e.Children {
		c.walk(f)
	}
}

func (e element) named(name string) (out []element) {
	e.walk(func(x element) {
		if x.XMLName.Local == name {
			out = append(out, x)
		}
	})
	return out
}

func parse(t *testing.T, name string, data []byte) element {
	t.Helper()
	var e element
	dec := xml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&e); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		if _, err = dec.Token(); !errors.Is(err, io.EOF) {
			t.Fatalf("%s goes on after its end", name)
		}
	}
	if e.XMLName.Space != "" && e.XMLName.Space != policySpace {
		t.Errorf("%s is of the namespace %s", name, e.XMLName.Space)
	}
	return e
}

var reference = regexp.MustCompile(`\$\((string|presentation)\.([^)]*)\)`)

func TestEveryReferenceOfTheTemplatesLeadsSomewhere(t *testing.T) {
	list := made(t)
	policies := parse(t, "admx", list[admxFolder+"sealdesk.admx"])
	for _, culture := range cultures {
		name := admxFolder + culture + "/sealdesk.adml"
		texts := parse(t, name, list[name])
		known := map[string]bool{}
		for _, kind := range []string{"string", "presentation"} {
			for _, e := range texts.named(kind) {
				if known[kind+e.attr("id")] {
					t.Errorf("%s: %s %s twice", culture, kind, e.attr("id"))
				}
				if known[kind+e.attr("id")] = true; kind == "string" && strings.TrimSpace(e.Text) == "" {
					t.Errorf("%s: %s is empty", culture, e.attr("id"))
				}
			}
		}
		used := map[string]bool{}
		policies.walk(func(e element) {
			for _, a := range e.Attrs {
				for _, m := range reference.FindAllStringSubmatch(a.Value, -1) {
					if used[m[1]+m[2]] = true; !known[m[1]+m[2]] {
						t.Errorf("%s: %s leads nowhere", culture, m[0])
					}
				}
			}
		})
		for k := range known {
			if !used[k] {
				t.Errorf("%s: nobody asks for %s", culture, k)
			}
		}
		// Every field of a presentation stands for an element of its policy, and every element has a field.
		fields := map[string]string{}
		for _, p := range texts.named("presentation") {
			for _, f := range p.Children {
				fields[p.attr("id")+" "+f.attr("refId")] = f.XMLName.Local
			}
		}
		boxes := map[string]string{"decimal": "decimalTextBox", "list": "listBox", "enum": "dropdownList", "text": "textBox"}
		for _, p := range policies.named("policy") {
			for _, es := range p.named("elements") {
				for _, e := range es.Children {
					k := p.attr("name") + " " + e.attr("id")
					if fields[k] != boxes[e.XMLName.Local] {
						t.Errorf("%s: %s is shown as %q", culture, k, fields[k])
					}
					delete(fields, k)
				}
			}
		}
		if len(fields) > 0 {
			t.Errorf("%s: fields without an element: %v", culture, fields)
		}
	}
}

func TestTheTemplatesSetWhatTheTableDefines(t *testing.T) {
	policies := parse(t, "admx", made(t)[admxFolder+"sealdesk.admx"]).named("policy")
	var names []string
	for _, p := range policies {
		name := p.attr("name")
		names = append(names, name)
		d, ok := managed.Find(managed.Key(name))
		if !ok || p.attr("class") != "Machine" || p.attr("key") != `SOFTWARE\Policies\Sealdesk\Sealdesk` {
			t.Errorf("%s: %v", name, p.Attrs)
		}
		for _, ref := range []string{"parentCategory", "supportedOn"} {
			if e := p.named(ref); len(e) != 1 || !slices.Contains([]string{"Sealdesk", "SealdeskAny"}, e[0].attr("ref")) {
				t.Errorf("%s: %s", name, ref)
			}
		}
		where := p.attr("valueName")
		for _, e := range p.named("elements") {
			where = e.Children[0].attr("valueName")
			if e.Children[0].XMLName.Local == "list" {
				where = path.Base(strings.ReplaceAll(e.Children[0].attr("key"), `\`, "/"))
			}
		}
		if where != name {
			t.Errorf("%s is written to %q", name, where)
		}
		var values []string
		for _, e := range p.named("string") {
			values = append(values, e.Text)
		}
		var want []string
		for _, v := range d.Values {
			want = append(want, v.Name)
		}
		if !slices.Equal(values, want) {
			t.Errorf("%s may be %v", name, values)
		}
	}
	for _, d := range managed.Defs() {
		if d.Obeyed("windows") != slices.Contains(names, string(d.Key)) {
			t.Errorf("%s", d.Key)
		}
	}
}

func TestWhatIsHandedOutIsASoundPolicy(t *testing.T) {
	list := made(t)
	for name, system := range map[string]string{
		darwinFolder + appID + ".mobileconfig": "darwin", darwinFolder + appID + ".plist": "darwin", linuxFolder + "example.json": "linux"} {
		p, err := managed.Check(path.Base(name), list[name], system)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, d := range managed.Defs() {
			if p.Managed(d.Key) != d.Obeyed(system) {
				t.Errorf("%s: %s", name, d.Key)
			}
		}
	}
}

// The schema and the program say the same of a file, wherever a schema can tell.
func TestTheSchemaRefusesWhatTheProgramRefuses(t *testing.T) {
	list := made(t)
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(list[linuxFolder+"schema.json"]))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", raw); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(list[linuxFolder+"example.json"]), `{}`, `{"IdleLockSeconds": 29}`, `{"IdleLockSeconds": 3601}`, `{"IdleLockSeconds": 30}`, `{"IdleLockSeconds": "30"}`,
		`{"Locale": "fr"}`, `{"Locale": "it"}`, `{"AttachmentSave": 1}`, `{"Colour": 1}`, `{"BlockScreenCapture": true}`, `{"RelayURL": "https://inbox.company.example"}`,
		`{"RelayPin": []}`, `{"RelayPin": [7]}`, `{"UpdateURL": "http://x.example"}`, `{"UpdateURL": "https://u@x.example"}`, `{"UpdateURL": "https://x.example/y"}`, `[]`} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		_, ours := managed.Check("x", []byte(text), "linux")
		if theirs := s.Validate(v); (ours == nil) != (theirs == nil) {
			t.Errorf("%s: the program says %v, the schema %v", text, ours, theirs)
		}
	}
}
