package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	canaryPhone = "+4915155501234"
	canaryMail  = "jane.doe+shop@example.org"
)

func TestReadIdentifiers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ids.jsonl")
	for _, c := range []struct {
		rule, text string
		n          int
	}{
		{"one a line, doubles once, other members ignored", "{\"kind\":\"phone\",\"value\":\"+15550100\",\"persona\":1}\n\n{\"kind\":\"phone\",\"value\":\"+15550100\"}\n{\"kind\":\"email\",\"value\":\"a@example.org\"}\n", 2},
		{"an empty list proves nothing", "\n", 0},
		{"half a line is an error", "{\"kind\":\"phone\",\"val", 0},
		{"a line without a value is an error", "{\"kind\":\"phone\"}\n", 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			ids, err := readIdentifiers(path)
			if len(ids) != c.n || (err == nil) != (c.n > 0) {
				t.Errorf("%d identifiers, %v; want %d", len(ids), err, c.n)
			}
		})
	}
}

func TestScanForSaysWhatItChecked(t *testing.T) {
	var out bytes.Buffer
	d := &dev{root: t.TempDir(), out: newConsole(&out)}
	file := filepath.Join(d.root, "client.log")
	if err := os.WriteFile(file, []byte("connected\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := []identifier{{"phone", canaryPhone}, {"email", canaryMail}}
	if err := d.scanFor("identifier", ids, file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 things to look for (1 email, 1 phone)", "client.log", "10", "no identifier in any form"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	if err := os.WriteFile(file, []byte("connected to "+canaryPhone+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.scanFor("identifier", ids, file); err == nil || !strings.Contains(out.String(), "LEAK") {
		t.Errorf("a leak passed: %v\n%s", err, out.String())
	}
	out.Reset()
	if err := os.WriteFile(file, []byte("born on 03.03.1984\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.scanFor("identifier", append(ids, identifier{"personal", "03.03.1984"}), file); err != nil || !strings.Contains(out.String(), "1 of 1 personal things") {
		t.Errorf("what is no identifier is no leak, and counted: %v\n%s", err, out.String())
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.scanFor("identifier", ids, file); err == nil {
		t.Error("a scan of nothing passed")
	}
}
