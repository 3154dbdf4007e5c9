package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// permissive are the licences what we hand out may be under: none asks more than to be named. Anything else stops a
// release until somebody has read it.
var permissive = map[string]bool{
	"0BSD": true, "Apache-2.0": true, "BSD-2-Clause": true, "BSD-3-Clause": true, "CC0-1.0": true, "ISC": true, "MIT": true,
	"OFL-1.1": true, "Unlicense": true, "Zlib": true,
}

// bill is what stands in a program besides our own code.
type bill struct {
	notices  string // file: everybody's name and licence text
	licences string // file: go-licenses' report, package by package
}

// carried is C code inside a Go module, which no tool of Go's sees.
type carried struct {
	module, name, licence, text string // text is the licence's file in the module
	version                     func(dir string) (string, error)
}

var glfw = carried{module: "github.com/go-gl/glfw/v3.3/glfw", name: "GLFW", licence: "Zlib", text: "glfw/LICENSE.md", version: func(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "glfw", "include", "GLFW", "glfw3.h"))
	if err != nil {
		return "", err
	}
	var parts []string
	for _, name := range []string{"MAJOR", "MINOR", "REVISION"} {
		m := regexp.MustCompile(`(?m)^#define GLFW_VERSION_` + name + `\s+([0-9]+)`).FindSubmatch(raw)
		if m == nil {
			return "", errors.New("GLFW's header names no version")
		}
		parts = append(parts, string(m[1]))
	}
	return strings.Join(parts, "."), nil
}}

// licence is one line of a report.
type licence struct{ module, id string }

// parseLicences reads go-licenses' report and refuses what is not permissive.
func parseLicences(report string) ([]licence, error) {
	rows, err := csv.NewReader(strings.NewReader(report)).ReadAll()
	if err != nil {
		return nil, err
	}
	var all []licence
	var wrong []string
	for _, r := range rows {
		if len(r) != 3 {
			return nil, fmt.Errorf("the licence report has a line of %d columns", len(r))
		}
		all = append(all, licence{r[0], r[2]})
		if !permissive[r[2]] {
			wrong = append(wrong, r[0]+" ("+r[2]+")")
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the licence report is empty")
	}
	if len(wrong) > 0 {
		return nil, &problem{happened: "not every licence is permissive: " + strings.Join(wrong, ", "), safe: "nothing was packed.", do: "leave the module out, or read its licence and, if it asks for nothing but its name, add it to the table in packaging/dev/package_bill.go."}
	}
	return all, nil
}

// billOf gathers the licences of a program for a system, from the checkout's own module cache. modules are those the built
// program names; one without a licence stops it.
func (b *build) billOf(ctx context.Context, log *os.File, p program, binary, goos, dir string) (bill, error) {
	tool, err := b.tool(ctx, log, "go-licenses")
	if err != nil {
		return bill{}, err
	}
	env := b.env("GOOS="+goos, cgoEnv(p.cgo))
	root, err := call{log: log}.output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return bill{}, err
	}
	env = append(env, "GOROOT="+strings.TrimSpace(root)) // it looks there for what is the standard library's
	if p.tags != "" {
		env = append(env, "GOFLAGS=-buildvcs=false -tags="+strings.Replace(p.tags, clientTags, releaseTags, 1))
	}
	if goos != "linux" { // it only reads: no cross compiler is needed to know what would be linked
		env = append(env, "CC=true", "CXX=true")
	}
	// It warns of every assembly file and of every address it cannot look up without a network: not in the step's own log.
	said, err := os.Create(filepath.Join(dir, "licences.log"))
	if err != nil {
		return bill{}, err
	}
	defer said.Close()
	at := call{dir: b.root, env: env, log: said}
	report, err := at.output(ctx, tool, "report", "--ignore", "sealdesk", p.path)
	if err != nil {
		return bill{}, err
	}
	all, err := parseLicences(report)
	if err != nil {
		return bill{}, err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return bill{}, err
	}
	var lack []string
	has := func(module string) bool {
		return slices.ContainsFunc(all, func(l licence) bool { return l.module == module || strings.HasPrefix(l.module, module+"/") })
	}
	for _, d := range info.Deps {
		if !has(d.Path) {
			lack = append(lack, d.Path)
		}
	}
	if len(lack) > 0 {
		return bill{}, &problem{happened: "no licence was found for " + strings.Join(lack, ", "), safe: "nothing was packed.", do: "read " + said.Name() + ": go-licenses says why."}
	}
	saved := filepath.Join(dir, "licences")
	if err := os.RemoveAll(saved); err != nil {
		return bill{}, err
	}
	if err := at.run(ctx, tool, "save", "--save_path", saved, "--ignore", "sealdesk", p.path); err != nil {
		return bill{}, err
	}
	out := bill{notices: filepath.Join(dir, "NOTICES"), licences: filepath.Join(dir, "licences.csv")}
	if err := os.WriteFile(out.licences, []byte(report), 0o644); err != nil {
		return bill{}, err
	}
	text, err := b.notices(ctx, p, all, saved, strings.TrimSpace(root))
	if err != nil {
		return bill{}, err
	}
	return out, os.WriteFile(out.notices, text, 0o644)
}

// notices is the text: a table, then every licence in full.
func (b *build) notices(ctx context.Context, p program, all []licence, saved, goroot string) ([]byte, error) {
	type file struct{ who, id, path string }
	files := []file{{"Go " + "standard library and runtime", "BSD-3-Clause", filepath.Join(goroot, "LICENSE")}}
	if p.cgo {
		dir, err := call{dir: b.root}.output(ctx, "go", "list", "-m", "-f", "{{.Dir}}", glfw.module)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"GLFW, C code in " + glfw.module, glfw.licence, filepath.Join(strings.TrimSpace(dir), filepath.FromSlash(glfw.text))})
		fonts, err := filepath.Glob(filepath.Join(b.root, "assets", "fonts", "*-OFL.txt"))
		if err != nil || len(fonts) == 0 {
			return nil, errors.Join(errors.New("the fonts' licences are missing"), err)
		}
		for _, f := range fonts {
			files = append(files, file{"Font " + strings.TrimSuffix(filepath.Base(f), "-OFL.txt"), "OFL-1.1", f})
		}
	}
	for _, l := range all {
		var own []string
		for _, name := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE"} {
			found, err := filepath.Glob(filepath.Join(saved, filepath.FromSlash(l.module), name+"*"))
			if err != nil {
				return nil, err
			}
			own = append(own, found...)
		}
		if len(own) == 0 {
			return nil, fmt.Errorf("the text of the licence of %s is missing", l.module)
		}
		for _, f := range own {
			files = append(files, file{l.module, l.id, f})
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "What Sealdesk's program %s is made of besides its own code, and the licences of it.\n\n", p.name)
	rows := [][]string{{"part", "licence"}}
	for _, f := range files {
		if row := []string{f.who, f.id}; !slices.Equal(rows[len(rows)-1], row) {
			rows = append(rows, row)
		}
	}
	text.WriteString(table(rows))
	for _, f := range files {
		raw, err := os.ReadFile(f.path)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "\n\n%s\n%s (%s)\n%s\n\n%s\n", strings.Repeat("=", 78), f.who, f.id, strings.Repeat("=", 78), bytes.TrimSpace(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))))
	}
	return text.Bytes(), nil
}

// sbom writes the CycloneDX bill of materials of a built program.
func (b *build) sbom(ctx context.Context, log *os.File, p program, binary string, list bill, out string) error {
	tool, err := b.tool(ctx, log, "sbom")
	if err != nil {
		return err
	}
	args := []string{"-binary", binary, "-name", p.name, "-version", b.version, "-licences", list.licences}
	if p.cgo {
		dir, err := call{dir: b.root}.output(ctx, "go", "list", "-m", "-f", "{{.Dir}}", glfw.module)
		if err != nil {
			return err
		}
		version, err := glfw.version(strings.TrimSpace(dir))
		if err != nil {
			return err
		}
		args = append(args, "-c", fmt.Sprintf("%s=%s@%s:%s", glfw.module, glfw.name, version, glfw.licence))
	}
	said, err := call{log: log, env: b.env()}.output(ctx, tool, args...)
	if err != nil {
		return err
	}
	return os.WriteFile(out, []byte(said), 0o644)
}
