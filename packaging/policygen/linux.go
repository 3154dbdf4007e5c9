package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sealdesk/app/managed"
)

const linuxFolder = "packaging/linux/policies/"

// schema is what an editor needs to know of a file of policies.d (JSON Schema 2020-12).
type schema struct {
	Schema      string              `json:"$schema,omitempty"`
	ID          string              `json:"$id,omitempty"`
	Title       string              `json:"title,omitempty"`
	Description string              `json:"description,omitempty"`
	Type        string              `json:"type,omitempty"`
	Default     any                 `json:"default,omitempty"`
	Pattern     string              `json:"pattern,omitempty"`
	Enum        []string            `json:"enum,omitempty"`
	MinLength   int                 `json:"minLength,omitempty"`
	MaxLength   int                 `json:"maxLength,omitempty"`
	Minimum     *int                `json:"minimum,omitempty"`
	Maximum     *int                `json:"maximum,omitempty"`
	MinItems    int                 `json:"minItems,omitempty"`
	MaxItems    int                 `json:"maxItems,omitempty"`
	Items       *schema             `json:"items,omitempty"`
	Properties  map[string]schema   `json:"properties,omitempty"`
	Needs       map[string][]string `json:"dependentRequired,omitempty"`
	Additional  *bool               `json:"additionalProperties,omitempty"`
}

// linux makes the schema of a file of policies.d, and an example with every key Linux obeys.
func linux(list map[string][]byte) error {
	no := false
	s := schema{Schema: "https://json-schema.org/draft/2020-12/schema", ID: "urn:sealdesk:policy", Title: "Sealdesk", Description: said["description"].In("en"), Type: "object",
		Properties: map[string]schema{"$schema": {Type: "string"}}, Additional: &no,
		Needs: map[string][]string{string(managed.RelayURL): {string(managed.RelayPin)}}}
	example := [][]byte{[]byte(`  "$schema": "schema.json"`)}
	for _, d := range obeyed("linux") {
		s.Properties[string(d.Key)] = property(d)
		value, err := json.Marshal(d.Sample)
		if err != nil {
			return err
		}
		example = append(example, fmt.Appendf(nil, "  %q: %s", d.Key, value))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return err
	}
	list[linuxFolder+"schema.json"] = b.Bytes()
	list[linuxFolder+"example.json"] = []byte("{\n" + string(bytes.Join(example, []byte(",\n"))) + "\n}\n")
	return nil
}

func property(d managed.Def) schema {
	s := schema{Title: d.Title.In("en"), Description: d.Help.In("en"), Default: d.Default}
	text := schema{Type: "string", MinLength: 1, MaxLength: 2048}
	switch d.Kind {
	case managed.Int:
		s.Type, s.Minimum, s.Maximum = "integer", &d.Min, &d.Max
	case managed.Bool:
		s.Type = "boolean"
	case managed.List:
		s.Type, s.MinItems, s.MaxItems, s.Items = "array", d.Min, d.Max, &text
	case managed.Enum:
		for _, v := range d.Values {
			s.Enum = append(s.Enum, v.Name)
		}
	case managed.URL:
		s.Type, s.MaxLength, s.Pattern = "string", 2048, "^https://[^/@?#]+(/[^?#]*)?$"
	default:
		s.Type, s.MinLength, s.MaxLength = "string", 1, 2048
	}
	return s
}
