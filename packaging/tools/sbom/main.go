// Command sbom writes a CycloneDX bill of materials of a Go program that was built, from what the program says of itself.
//
// It reads the modules the linker recorded in the binary (debug/buildinfo), so that it lists what is shipped and not what
// go.mod wishes. C code that a module carries is not recorded there: it is named by --c. The bill is the same for the same
// binary: its serial number is made of the binary's hash, its time is SOURCE_DATE_EPOCH.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	w := wish{c: map[string]string{}}
	flag.StringVar(&w.binary, "binary", "", "the program")
	flag.StringVar(&w.name, "name", "", "its name")
	flag.StringVar(&w.version, "version", "", "its version")
	flag.StringVar(&w.licences, "licences", "", "file of go-licenses report: package, address, licence")
	flag.Func("c", "C code a module carries: module=name@version:licence", func(s string) error {
		module, what, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("write module=name@version:licence")
		}
		w.c[module] = what
		return nil
	})
	flag.Parse()
	if err := w.write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

type wish struct {
	binary, name, version, licences string
	c                               map[string]string
}

func (w wish) write(to io.Writer) error {
	info, err := buildinfo.ReadFile(w.binary)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(w.binary)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(raw)
	licence, err := readLicences(w.licences)
	if err != nil {
		return err
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = serial(hash)
	root := cdx.Component{
		BOMRef: "program", Type: cdx.ComponentTypeApplication, Name: w.name, Version: w.version,
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(hash[:])}},
	}
	bom.Metadata = &cdx.Metadata{Component: &root, Timestamp: stamp(), Properties: buildProperties(info)}
	all := []cdx.Component{component("golang.org/go", "std", strings.TrimPrefix(info.GoVersion, "go"), "pkg:golang/std@"+strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause", "")}
	for _, d := range info.Deps {
		m := d
		if d.Replace != nil {
			m = d.Replace
		}
		all = append(all, component(m.Path, m.Path, m.Version, "pkg:golang/"+m.Path+"@"+m.Version, licence(m.Path), m.Sum))
		if what, ok := w.c[m.Path]; ok {
			name, id, _ := strings.Cut(what, ":")
			name, version, _ := strings.Cut(name, "@")
			c := component(m.Path+"#"+name, name, version, "pkg:generic/"+name+"@"+version, id, "")
			c.Description = "C code inside " + m.Path
			all = append(all, c)
			delete(w.c, m.Path)
		}
	}
	for module := range w.c {
		return fmt.Errorf("the program does not hold %s, which --c names", module)
	}
	bom.Components = &all
	refs := make([]string, len(all))
	for i, c := range all {
		refs[i] = c.BOMRef
	}
	slices.Sort(refs)
	bom.Dependencies = &[]cdx.Dependency{{Ref: root.BOMRef, Dependencies: &refs}}
	e := cdx.NewBOMEncoder(to, cdx.BOMFileFormatJSON)
	e.SetPretty(true)
	return e.Encode(bom)
}

func component(ref, name, version, purl, licence, sum string) cdx.Component {
	c := cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: purl}
	if licence != "" {
		c.Licenses = &cdx.Licenses{{License: &cdx.License{ID: licence}}}
	}
	if sum != "" { // not a hash of one file, so no hash of CycloneDX: go.sum's, of the module's tree
		c.Properties = &[]cdx.Property{{Name: "golang:sum", Value: sum}}
	}
	return c
}

// buildProperties are the settings of the build that change what is in the program.
func buildProperties(info *buildinfo.BuildInfo) *[]cdx.Property {
	p := []cdx.Property{{Name: "golang:version", Value: info.GoVersion}}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "GOAMD64", "CGO_ENABLED", "-tags", "-trimpath", "-buildmode":
			p = append(p, cdx.Property{Name: "golang:" + s.Key, Value: s.Value})
		}
	}
	return &p
}

// readLicences returns a look-up of the licence of a module: that of its first package in the report.
func readLicences(path string) (func(module string) string, error) {
	if path == "" {
		return func(string) string { return "" }, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	return func(module string) string {
		for _, r := range rows {
			if len(r) == 3 && (r[0] == module || strings.HasPrefix(r[0], module+"/")) {
				return r[2]
			}
		}
		return ""
	}, nil
}

// serial is a UUID of version 8 (RFC 9562) made of the program's hash.
func serial(hash [32]byte) string {
	u := hash[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

func stamp() string {
	n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return ""
	}
	return time.Unix(n, 0).UTC().Format(time.RFC3339)
}
