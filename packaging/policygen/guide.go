package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"sealdesk/app/managed"
)

//go:embed policy.md.tmpl
var guideText string

// guide makes the page of the administrator's guide.
func guide(list map[string][]byte) error {
	t, err := template.New("guide").Funcs(template.FuncMap{"holds": holds, "unset": unset, "sample": sample, "systems": systems, "one": oneLine}).Parse(guideText)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page{Defs: managed.Defs(), Key: policyKey}); err != nil {
		return err
	}
	list["packaging/docs/policy.md"] = b.Bytes()
	return nil
}

// holds is what a key may hold, for people.
func holds(d managed.Def) string {
	switch d.Kind {
	case managed.Int:
		return fmt.Sprintf("whole number, %d to %d", d.Min, d.Max)
	case managed.Bool:
		return "`true` or `false`"
	case managed.List:
		return fmt.Sprintf("list of %d to %d texts", d.Min, d.Max)
	case managed.URL:
		return "address, `https://…`"
	case managed.Enum:
		var names []string
		for _, v := range d.Values {
			names = append(names, fmt.Sprintf("`%s` (%s)", v.Name, lowerFirst(v.Title.In("en"), "en")))
		}
		if d.Key == managed.Locale { // names of languages speak for themselves
			names = nil
			for _, v := range d.Values {
				names = append(names, "`"+v.Name+"`")
			}
		}
		return strings.Join(names, ", ")
	}
	return "text"
}

func unset(d managed.Def) string {
	if d.Default != nil {
		return fmt.Sprintf("`%v`", d.Default)
	}
	return lowerFirst(d.Left.In("en"), "en")
}

func sample(d managed.Def) string {
	if list, ok := d.Sample.([]string); ok {
		return list[0]
	}
	return fmt.Sprint(d.Sample)
}

func systems(d managed.Def) string {
	if len(d.Systems) == 0 {
		return "all"
	}
	return strings.Join(d.Systems, ", ")
}

func oneLine(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
