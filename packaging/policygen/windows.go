package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"text/template"

	"sealdesk/app/managed"
)

const (
	admxFolder  = "packaging/windows/admx/"
	policyKey   = `SOFTWARE\Policies\Sealdesk\Sealdesk`
	policySpace = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"
)

// cultures are the folders of ADML files, by our language.
var cultures = map[string]string{"en": "en-US", "de": "de-DE", "it": "it-IT"}

// funcs are what the templates call.
var funcs = template.FuncMap{
	"xml": func(text any) (string, error) {
		var b bytes.Buffer
		err := xml.EscapeText(&b, []byte(fmt.Sprint(text)))
		return b.String(), err
	},
	"kind": kindName,
}

// The elements of a policy are those of Microsoft's "ADMX Syntax"; namespaces and attribute names are theirs.
var admx = template.Must(template.New("admx").Funcs(funcs).Parse(`<?xml version="1.0" encoding="utf-8"?>
<!-- Made by packaging/policygen from the table in app/managed. -->
<policyDefinitions xmlns="` + policySpace + `" revision="1.0" schemaVersion="1.0">
  <policyNamespaces>
    <target prefix="sealdesk" namespace="Sealdesk.Policies.Sealdesk" />
  </policyNamespaces>
  <resources minRequiredRevision="1.0" fallbackCulture="en-US" />
  <supportedOn>
    <definitions>
      <definition name="SealdeskAny" displayName="$(string.SealdeskAny)" />
    </definitions>
  </supportedOn>
  <categories>
    <category name="Sealdesk" displayName="$(string.Sealdesk)" />
  </categories>
  <policies>
{{- range .Defs}}{{$k := xml .Key}}
    <policy name="{{$k}}" class="Machine" displayName="$(string.{{$k}})" explainText="$(string.{{$k}}_Help)" key="{{$.Key}}"
      {{- if eq (kind .) "bool"}} valueName="{{$k}}">{{else}} presentation="$(presentation.{{$k}})">{{end}}
      <parentCategory ref="Sealdesk" />
      <supportedOn ref="SealdeskAny" />
{{- if eq (kind .) "bool"}}
      <enabledValue><decimal value="1" /></enabledValue>
      <disabledValue><decimal value="0" /></disabledValue>
{{- else}}
      <elements>
{{- if eq (kind .) "int"}}
        <decimal id="{{$k}}" valueName="{{$k}}" required="true" minValue="{{.Min}}" maxValue="{{.Max}}" />
{{- else if eq (kind .) "list"}}
        <list id="{{$k}}" key="{{$.Key}}\{{$k}}" valuePrefix="" />
{{- else if eq (kind .) "enum"}}
        <enum id="{{$k}}" valueName="{{$k}}" required="true">
{{- range .Values}}
          <item displayName="$(string.{{$k}}_{{xml .Name}})"><value><string>{{xml .Name}}</string></value></item>
{{- end}}
        </enum>
{{- else}}
        <text id="{{$k}}" valueName="{{$k}}" required="true" maxLength="2048" />
{{- end}}
      </elements>
{{- end}}
    </policy>
{{- end}}
  </policies>
</policyDefinitions>
`))

var adml = template.Must(template.New("adml").Funcs(funcs).Parse(`<?xml version="1.0" encoding="utf-8"?>
<!-- Made by packaging/policygen from the table in app/managed. -->
<policyDefinitionResources xmlns="` + policySpace + `" revision="1.0" schemaVersion="1.0">
  <displayName>Sealdesk</displayName>
  <description>{{xml (.Say "description")}}</description>
  <resources>
    <stringTable>
      <string id="Sealdesk">Sealdesk</string>
      <string id="SealdeskAny">{{xml (.Say "supported")}}</string>
{{- range .Defs}}{{$k := xml .Key}}
      <string id="{{$k}}">{{xml (.Title.In $.Language)}}</string>
      <string id="{{$k}}_Help">{{xml ($.Help .)}}</string>
{{- range .Values}}
      <string id="{{$k}}_{{xml .Name}}">{{xml (.Title.In $.Language)}}</string>
{{- end}}{{end}}
    </stringTable>
    <presentationTable>
{{- range .Defs}}{{$k := xml .Key}}{{if ne (kind .) "bool"}}
      <presentation id="{{$k}}">
{{- if eq (kind .) "int"}}
        <decimalTextBox refId="{{$k}}" defaultValue="{{.Sample}}" spinStep="30">{{xml (.Title.In $.Language)}}</decimalTextBox>
{{- else if eq (kind .) "list"}}
        <listBox refId="{{$k}}">{{xml (.Title.In $.Language)}}</listBox>
{{- else if eq (kind .) "enum"}}
        <dropdownList refId="{{$k}}" noSort="true" defaultItem="{{$.Item .}}">{{xml (.Title.In $.Language)}}</dropdownList>
{{- else}}
        <textBox refId="{{$k}}"><label>{{xml (.Title.In $.Language)}}</label></textBox>
{{- end}}
      </presentation>
{{- end}}{{end}}
    </presentationTable>
  </resources>
</policyDefinitionResources>
`))

// page is what the templates of Windows are given.
type page struct {
	Defs     []managed.Def
	Key      string
	Language string
}

// Say is a text that belongs to no key.
func (p page) Say(what string) string { return said[what].In(p.Language) }

var said = map[string]managed.Words{
	"description": {"en": "What a company sets for the Sealdesk client.", "de": "Was ein Unternehmen für den Sealdesk-Client festlegt.", "it": "Ciò che un'azienda imposta per il client Sealdesk."},
	"supported":   {"en": "Every version of Sealdesk", "de": "Jede Version von Sealdesk", "it": "Ogni versione di Sealdesk"},
	"without":     {"en": "Not configured: ", "de": "Nicht konfiguriert: ", "it": "Non configurato: "},
	"enabled":     {"en": "Yes", "de": "Ja", "it": "Sì"},
	"disabled":    {"en": "No", "de": "Nein", "it": "No"},
}

// Help is the explanation of a policy, with what holds when nobody sets it.
func (p page) Help(d managed.Def) string {
	return d.Help.In(p.Language) + "\n\n" + p.Say("without") + p.unset(d) + "."
}

func (p page) unset(d managed.Def) string {
	switch v := d.Default.(type) {
	case nil:
		return lowerFirst(d.Left.In(p.Language), p.Language)
	case bool:
		if v {
			return p.Say("enabled")
		}
		return p.Say("disabled")
	case string:
		if value, ok := d.Value(v); ok {
			return value.Title.In(p.Language)
		}
	}
	return fmt.Sprint(d.Default)
}

// lowerFirst makes words go on after a colon, as English and Italian want it.
func lowerFirst(text, language string) string {
	if language == "de" || text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// Item is the number of the value that a list of choices begins with.
func (p page) Item(d managed.Def) int {
	for i, v := range d.Values {
		if v.Name == d.Sample {
			return i
		}
	}
	return 0
}

func kindName(d managed.Def) string {
	return map[managed.Kind]string{managed.Text: "text", managed.Int: "int", managed.Bool: "bool", managed.List: "list", managed.Enum: "enum", managed.URL: "url"}[d.Kind]
}

// windows makes the administrative templates.
func windows(list map[string][]byte) error {
	p := page{Defs: obeyed("windows"), Key: policyKey}
	var b bytes.Buffer
	if err := admx.Execute(&b, p); err != nil {
		return err
	}
	list[admxFolder+"sealdesk.admx"] = b.Bytes()
	for _, p.Language = range managed.Languages {
		var b bytes.Buffer
		if err := adml.Execute(&b, p); err != nil {
			return err
		}
		list[admxFolder+cultures[p.Language]+"/sealdesk.adml"] = b.Bytes()
	}
	return nil
}

// obeyed are the definitions of what a system can do.
func obeyed(system string) []managed.Def {
	var out []managed.Def
	for _, d := range managed.Defs() {
		if d.Obeyed(system) {
			out = append(out, d)
		}
	}
	return out
}
