package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// This file is what `package --check darwin` can prove without a Mac: that the kit's files are read by other people's readers
// and say what they must, and that the kit is the same twice.

func checkDarwin(b *build) []step {
	return []step{
		{name: "darwin-plists", does: "the property lists are read by plistutil, and say what they must", run: b.darwinPlists},
		{name: "darwin-kit", does: "the icon holds every size, the scripts parse, the installer's choices resolve, the kit is the same twice", run: b.darwinKitHolds},
	}
}

func (b *build) darwinFile(parts ...string) string {
	return b.work(append([]string{"darwin", "sealdesk-" + b.version + "-macos-kit"}, parts...)...)
}

// plistWants is what the property lists must say, by file and key.
func plistWants(version string, number int, id string) map[string]map[string]any {
	return map[string]map[string]any{
		"Sealdesk.app/Contents/Info.plist": {
			"CFBundleIdentifier": id, "CFBundleShortVersionString": version, "CFBundleVersion": strconv.Itoa(number), "CFBundlePackageType": "APPL",
			"CFBundleExecutable": "sealdesk", "CFBundleIconFile": "Sealdesk.icns", "LSMinimumSystemVersion": "12.0",
			"LSApplicationCategoryType": "public.app-category.business", "NSHighResolutionCapable": true,
			"CFBundleURLTypes": []any{map[string]any{"CFBundleTypeRole": "Viewer", "CFBundleURLName": id, "CFBundleURLSchemes": []any{"sealdesk"}}},
		},
		"sealdesk.entitlements": {},
		"component.plist":       {"BundleIsRelocatable": false, "BundleHasStrictIdentifier": true, "RootRelativeBundlePath": "Applications/Sealdesk.app"},
	}
}

func (b *build) darwinPlists(ctx context.Context, log *os.File) error {
	app, err := os.ReadFile(filepath.Join(b.root, "FyneApp.toml"))
	if err != nil {
		return err
	}
	var wrong []string
	for name, want := range plistWants(b.version, b.number, string(appID.FindSubmatch(app)[1])) {
		path := b.darwinFile(filepath.FromSlash(name))
		if err := b.run(ctx, log, "", nil, "plistutil", "-i", path, "-o", b.work("darwin", "read.bin"), "-f", "bin"); err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		got, err := readPlist(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if list, ok := got.([]any); ok && len(list) == 1 {
			got = list[0]
		}
		dict, ok := got.(map[string]any)
		if !ok {
			wrong = append(wrong, name+" is no dictionary")
			continue
		}
		if len(want) == 0 && len(dict) > 0 {
			wrong = append(wrong, name+" asks for something")
		}
		for key, value := range want {
			if !reflect.DeepEqual(dict[key], value) {
				wrong = append(wrong, fmt.Sprintf("%s: %s is %v, not %v", name, key, dict[key], value))
			}
		}
	}
	slices.Sort(wrong)
	return complain("a property list does not say what it must", wrong)
}

func (b *build) darwinKitHolds(ctx context.Context, log *os.File) error {
	raw, err := os.ReadFile(b.darwinFile("Sealdesk.app", "Contents", "Resources", "Sealdesk.icns"))
	if err != nil {
		return err
	}
	wrong := icnsFaults(raw)
	if err := b.run(ctx, log, "", nil, "sh", "-n", filepath.Join(b.root, "packaging", "darwin", "build.sh")); err != nil {
		return err
	}
	script, err := os.ReadFile(filepath.Join(b.root, "packaging", "darwin", "build.sh"))
	if err != nil {
		return err
	}
	if !strings.Contains(string(script), "-tags "+releaseTags+" ") {
		wrong = append(wrong, "build.sh does not build with "+releaseTags)
	}
	raw, err = os.ReadFile(b.darwinFile("Distribution"))
	if err != nil {
		return err
	}
	wrong = append(wrong, distributionFaults(raw, b.version)...)
	again := b.work("darwin", "again.tar.gz")
	if err := b.tarball(b.darwinFile(), again); err != nil {
		return err
	}
	x, _, err := sumOf(again)
	y, _, err2 := sumOf(b.work("darwin", "sealdesk-"+b.version+"-macos-kit.tar.gz"))
	if x != y {
		wrong = append(wrong, "the kit packed again differs")
	}
	return errors.Join(err, err2, complain("the kit is not what it should be", wrong))
}

// readPlist reads a property list in XML: dictionaries, arrays, strings and truths.
func readPlist(raw []byte) (any, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		if s, ok := t.(xml.StartElement); ok && s.Name.Local != "plist" {
			return plistValue(d, s)
		}
	}
}

func plistValue(d *xml.Decoder, s xml.StartElement) (any, error) {
	switch s.Name.Local {
	case "true", "false":
		return s.Name.Local == "true", d.Skip()
	case "string", "key", "integer":
		var text string
		err := d.DecodeElement(&text, &s)
		return text, err
	case "dict", "array":
	default:
		return nil, fmt.Errorf("no such kind of value: %s", s.Name.Local)
	}
	var list []any
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			v, err := plistValue(d, t)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		case xml.EndElement:
			if s.Name.Local == "array" {
				return list, nil
			}
			dict := map[string]any{}
			for i := 0; i+1 < len(list); i += 2 {
				key, ok := list[i].(string)
				if _, twice := dict[key]; !ok || twice {
					return nil, fmt.Errorf("a key is no text, or stands there twice: %v", list[i])
				}
				dict[key] = list[i+1]
			}
			if len(list)%2 != 0 {
				return nil, errors.New("a key has no value")
			}
			return dict, nil
		}
	}
}

// icnsFaults says what is wrong with an icon file: every kind once, each a PNG of its size, nothing else.
func icnsFaults(raw []byte) (wrong []string) {
	if len(raw) < 8 || string(raw[:4]) != "icns" || int(binary.BigEndian.Uint32(raw[4:])) != len(raw) {
		return []string{"no icon file, or one cut short"}
	}
	var kinds []string
	for at := 8; at < len(raw); {
		if len(raw)-at < 8 {
			return append(wrong, "a picture is cut short")
		}
		kind, n := string(raw[at:at+4]), int(binary.BigEndian.Uint32(raw[at+4:]))
		if n < 8 || n > len(raw)-at {
			return append(wrong, kind+" is cut short")
		}
		i := slices.IndexFunc(icnsKinds, func(k struct {
			kind string
			size int
		}) bool {
			return k.kind == kind
		})
		config, err := png.DecodeConfig(bytes.NewReader(raw[at+8 : at+n]))
		if i < 0 || err != nil || config.Width != icnsKinds[i].size || config.Height != icnsKinds[i].size {
			wrong = append(wrong, kind+" is not the picture it should be")
		}
		kinds = append(kinds, kind)
		at += n
	}
	for _, k := range icnsKinds {
		if n := len(kinds) - len(slices.DeleteFunc(slices.Clone(kinds), func(s string) bool { return s == k.kind })); n != 1 {
			wrong = append(wrong, fmt.Sprintf("%s is there %d times", k.kind, n))
		}
	}
	return wrong
}

// distributionFaults says what is wrong with the description of a Mac's installer: each choice it names must be there, each
// package have a version, and its file be the one build.sh makes.
func distributionFaults(raw []byte, version string) (wrong []string) {
	named, there := map[string]bool{}, map[string]bool{}
	d := xml.NewDecoder(bytes.NewReader(raw))
	file := ""
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return []string{err.Error()}
		}
		s, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		of := map[string]string{}
		for _, a := range s.Attr {
			of[a.Name.Local] = a.Value
		}
		switch s.Name.Local {
		case "line":
			named["choice "+of["choice"]] = true
		case "choice":
			there["choice "+of["id"]] = true
		case "pkg-ref":
			if of["version"] == "" {
				named["package "+of["id"]] = true
				continue
			}
			there["package "+of["id"]] = true
			if of["version"] != version {
				wrong = append(wrong, "the package is of version "+of["version"])
			}
			if err := d.DecodeElement(&file, &s); err != nil {
				return append(wrong, err.Error())
			}
		}
	}
	for name := range named {
		if !there[name] {
			wrong = append(wrong, name+" is named and not there")
		}
	}
	if file != "sealdesk-component.pkg" {
		wrong = append(wrong, fmt.Sprintf("the package's file is %q", file))
	}
	return wrong
}
