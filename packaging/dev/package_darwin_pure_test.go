package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestPropertyListsAreReadAsTheyAre(t *testing.T) {
	got, err := readPlist([]byte(`<?xml version="1.0"?><!-- one --><plist version="1.0"><dict>
		<key>Name</key><string>Seal &amp; desk</string><key>Yes</key><true/><key>No</key><false/>
		<key>List</key><array><string>a</string><dict/></array></dict></plist>`))
	want := map[string]any{"Name": "Seal & desk", "Yes": true, "No": false, "List": []any{"a", map[string]any{}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, %v", got, err)
	}
	for rule, text := range map[string]string{
		"a key without a value": "<plist><dict><key>a</key></dict></plist>", "a key twice": "<plist><dict><key>a</key><true/><key>a</key><true/></dict></plist>",
		"cut short": "<plist><dict><key>a</key>", "nothing": "", "another kind": "<plist><dict><key>a</key><date>x</date></dict></plist>",
	} {
		if got, err := readPlist([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", rule, got)
		}
	}
}

func TestAnIconFileHoldsEverySize(t *testing.T) {
	dir := t.TempDir()
	for _, size := range darwinIconSizes() {
		var raw bytes.Buffer
		if err := png.Encode(&raw, image.NewGray(image.Rect(0, 0, size, size))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("icon-%d.png", size)), raw.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good, err := icns(dir)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := icnsFaults(good); len(wrong) > 0 {
		t.Fatalf("nothing is wrong, and yet: %q", wrong)
	}
	n := binary.BigEndian.Uint32(good[12:])
	without := append(bytes.Clone(good[:8]), good[8+n:]...)
	binary.BigEndian.PutUint32(without[4:], uint32(len(without)))
	renamed := bytes.Clone(good)
	copy(renamed[8:], "ic12")
	for rule, raw := range map[string][]byte{"cut short": good[:len(good)-1], "a size missing": without, "a size under another's name": renamed, "nothing": nil} {
		if wrong := icnsFaults(raw); len(wrong) == 0 {
			t.Errorf("%s is not found", rule)
		}
	}
}

func TestAnInstallersChoicesResolve(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "darwin", "Distribution"))
	if err != nil {
		t.Fatal(err)
	}
	good := strings.NewReplacer("@ID@", "app.sealdesk.client", "@VERSION@", "1.2.3").Replace(string(raw))
	if wrong := distributionFaults([]byte(good), "1.2.3"); len(wrong) > 0 {
		t.Errorf("nothing is wrong, and yet: %q", wrong)
	}
	for rule, text := range map[string]string{
		"a choice that is not there":  strings.Replace(good, `<choice id="default"/>`, "", 1),
		"a package that is not there": strings.Replace(good, `<pkg-ref id="app.sealdesk.client"/>`, `<pkg-ref id="another"/>`, 1),
		"another version":             strings.Replace(good, `version="1.2.3"`, `version="1.2.4"`, 1),
		"another file":                strings.Replace(good, "sealdesk-component.pkg", "another.pkg", 1),
		"not closed":                  strings.Replace(good, "</installer-gui-script>", "", 1),
	} {
		if wrong := distributionFaults([]byte(text), "1.2.3"); len(wrong) == 0 {
			t.Errorf("%s is not found", rule)
		}
	}
}
