package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module  = "sealdesk"
	fyne    = "fyne.io/fyne/v2"
	bbolt   = "go.etcd.io/bbolt"
	keyring = "github.com/zalando/go-keyring"
)

// rule says what a group of packages must not import, directly or by any way, and why. Names of our own packages are
// relative to the module. "x/..." is x and everything below it; "ours" is every package of the module, "foreign" every
// package that is neither ours nor the standard library's.
type rule struct {
	who    []string // these packages
	but    []string // except these
	not    []string // must not import these
	unless []string // except these
	deep   bool     // nor reach them through others
	reason string
}

// rules are the import rules of the house. A package that does not exist yet breaks none of them; one that appears is
// bound by all of them.
var rules = []rule{
	{who: []string{"app/inbox"}, not: []string{"ours", "foreign"}, deep: true,
		reason: "the words of the house are true without any of its parts"},
	{who: []string{"app/inbox"}, not: []string{"net/...", "os/...", "database/...", "syscall", "io/fs"},
		reason: "the words know no bytes on a disk or a wire"},
	{who: []string{"store/seal", "store/arena", "assets", "ui/kit"}, not: []string{"ours"}, unless: []string{"ui/kit/..."}, deep: true,
		reason: "it serves anybody and knows nobody"},
	{who: []string{"sync/wire"}, not: []string{"ours"}, unless: []string{"app/inbox"}, deep: true,
		reason: "the protocol is frames around the words, nothing else"},
	{who: []string{"store"}, not: []string{"ours"}, unless: []string{"app/inbox", "store/seal", "store/arena"}, deep: true,
		reason: "what the device remembers knows no network, widget or frame"},
	{who: []string{"ours"}, but: []string{"store", "sync/relay/internal/ledger"}, not: []string{bbolt + "/..."},
		reason: "files have one owner at each end: store on the device, ledger on the relay"},
	{who: []string{"ours"}, but: []string{"store"}, not: []string{keyring},
		reason: "one place decides what found, missing and unavailable mean; a second would lose keys"},
	{who: []string{"sync/engine"}, not: []string{"ours"}, unless: []string{"app/inbox", "sync/wire"}, deep: true,
		reason: "the engine speaks frames and moves words; how they are kept or shown is not its business"},
	{who: []string{"sync/engine", "sync/wire", "app/inbox", "store/..."}, not: []string{fyne + "/..."}, deep: true,
		reason: "only the ui knows widgets"},
	{who: []string{"ui"}, not: []string{"ours"}, unless: []string{"app/inbox", "ui/kit/...", "assets"}, deep: true,
		reason: "screens know no files, sockets, keys or frames"},
	{who: []string{"ui/..."}, not: []string{"net", "net/http", "crypto/tls", "database/sql"},
		reason: "screens know no sockets"},
	{who: []string{"ours"}, but: []string{"app/sealdesk"}, not: []string{fyne + "/app"},
		reason: "only the client's main opens a real window; everything else paints without a display and without cgo"},
	{who: []string{"sync/relay/..."}, not: []string{fyne + "/...", keyring, "ui/...", "store", "sync/engine"}, deep: true,
		but:    []string{"sync/relay/relaytest"},
		reason: "the company's end knows neither the window nor the device's store"},
	{who: []string{"ours"}, but: []string{"sync/relay", "sync/relay/internal/vault", "sync/relay/internal/outbound", "sync/relay/internal/whatsapp", "sync/relay/internal/mask"},
		not:    []string{"sync/relay/internal/vault"},
		reason: "raw identifiers have four rooms and an intake; everything else sees masked data"},
	{who: []string{"sync/relay/internal/ledger", "sync/relay/internal/eventlog", "sync/relay/internal/identity", "sync/relay/internal/audit", "sync/wire"},
		not: []string{"sync/relay/internal/vault", "sync/relay/internal/whatsapp", "sync/relay/internal/outbound"}, deep: true,
		reason: "the sync path has no code path to raw identifiers"},
	{who: []string{"sync/updates/..."}, not: []string{"ours"}, unless: []string{"sync/updates"}, deep: true,
		reason: "a feed is believed by its signatures alone: it knows neither who carries it nor who reads it"},
	{who: []string{"app/sealdesk", "app/relay"}, not: []string{"sync/updates/signing"}, deep: true,
		reason: "who believes a feed must not hold what makes one"},
	{who: []string{"app/custody"}, not: []string{"ours"}, unless: []string{"app/inbox", "store/...", "store", "sync/engine", "sync/wire"}, deep: true,
		reason: "what a device may still do is decided without a window, and without the company's end"},
	{who: []string{"app/managed"}, not: []string{"ours", fyne + "/...", "net/http"}, deep: true,
		reason: "what the company set is read without a window, a store or the relay, and by what makes IT's files"},
	{who: []string{"app/sealdesk"}, not: []string{"sync/relay/..."}, deep: true,
		reason: "the laptop must not hold the relay's code, least of all the vault's"},
	{who: []string{"app/relay"}, not: []string{fyne + "/...", keyring, "ui/...", "store", "sync/engine", "sync/relay/wasim", "sync/relay/relaytest", "app/wasim"}, deep: true,
		reason: "the relay is a server without windows, keyrings or a simulator inside"},
	{who: []string{"ours"}, but: []string{"app/wasim", "sync/relay/relaytest", "sync/relay/wasim"}, not: []string{"sync/relay/wasim", "sync/relay/relaytest"},
		reason: "the simulator is for demo and tests, never linked into a product"},
	{who: []string{"ours"}, not: []string{"app"},
		reason: "the plan of the house is read, never imported"},
	{who: []string{"ours"}, but: []string{"packaging/..."}, not: []string{"packaging/..."},
		reason: "what builds and checks the house is not part of it"},
	{who: []string{"packaging/dev"}, not: []string{"ours", "foreign"}, unless: []string{"packaging/dev/..."}, deep: true,
		reason: "the task runner works before anything is fetched: standard library only"},
}

// graph maps an import path to what it imports; our packages go without the module's name.
type graph map[string][]string

// matches says whether the name of a package fits a pattern.
func (g graph) matches(name, pattern string) bool {
	first, _, _ := strings.Cut(name, "/")
	_, known := g[name]
	ours := known && !strings.Contains(first, ".") && !std(name, g)
	switch pattern {
	case "ours":
		return ours
	case "foreign":
		return strings.Contains(first, ".")
	}
	below, isTree := strings.CutSuffix(pattern, "/...")
	return name == pattern || isTree && (name == below || strings.HasPrefix(name, below+"/"))
}

// std says whether a name is the standard library's: it is what go list does not give us as ours.
func std(name string, g graph) bool { return slices.Contains(g[stdMark], name) }

// stdMark is a key no package has; it lists the standard library's packages.
const stdMark = "(standard library)"

func (g graph) any(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return g.matches(name, p) })
}

// check returns a sentence for each way in which the graph breaks a rule, with the path that breaks it.
func (g graph) check(rules []rule) []string {
	var broken []string
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if name == stdMark {
			continue
		}
		for _, r := range rules {
			if !g.any(name, r.who) || g.any(name, r.but) {
				continue
			}
			for _, way := range g.ways(name, r) {
				broken = append(broken, strings.Join(way, " -> ")+": "+r.reason)
			}
		}
	}
	return broken
}

// ways finds the shortest way from a package to each forbidden one.
func (g graph) ways(from string, r rule) [][]string {
	var found [][]string
	seen := map[string]bool{from: true}
	queue := [][]string{{from}}
	for len(queue) > 0 {
		way := queue[0]
		queue = queue[1:]
		for _, next := range g[way[len(way)-1]] {
			if seen[next] {
				continue
			}
			seen[next] = true
			on := append(slices.Clone(way), next)
			if g.any(next, r.not) && !g.any(next, r.unless) {
				found = append(found, on)
				continue // what lies behind it is its fault
			}
			if r.deep {
				queue = append(queue, on)
			}
		}
	}
	return found
}

// root is the checkout, seen from this package's folder.
const root = ".."

// source is one Go file of ours, whatever its build tags.
type source struct {
	path string // relative to the checkout, with slashes
	test bool
	file *ast.File
	set  *token.FileSet
}

func (s source) folder() string { return path.Dir(s.path) }

// forTests says whether a file is only ever linked into tests: it is one, or its package, or the one it lies in, is made for them
// (relaytest).
func (s source) forTests() bool {
	return s.test || strings.HasSuffix(s.folder(), "test") || strings.Contains(s.folder(), "test/")
}

// at names a place for a person.
func (s source) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(pos).Line)
}

// sources parses every Go file of the module. Reading them here also tells go test when a cached result is stale.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		base := entry.Name()
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if rel != "." && (base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || rel == "build" || rel == "packaging/tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{path: rel, test: strings.HasSuffix(base, "_test.go"), file: file, set: set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// imports returns the name under which a file knows each package it imports.
func (s source) imports() map[string]string {
	known := map[string]string{}
	for _, spec := range s.file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		as := path.Base(name)
		if regexp.MustCompile(`^v\d+$`).MatchString(as) {
			as = path.Base(path.Dir(name))
		}
		if spec.Name != nil {
			as = spec.Name.Name
		}
		known[name] = as
	}
	return known
}

// uses calls found for every mention of pkg.name in a file, for the names that match.
func (s source) uses(pkg string, names *regexp.Regexp, found func(pos token.Pos, name string)) {
	as, ok := s.imports()[pkg]
	if !ok {
		return
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && names.MatchString(sel.Sel.Name) {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == as {
				found(sel.Pos(), sel.Sel.Name)
			}
		}
		return true
	})
}

// loadGraph asks the go command for all dependencies as the client is built, and adds the imports of every file of ours
// whatever its build tags: a rule holds on every system.
func loadGraph(t *testing.T, all []source) graph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-tags", "migrated_fynedo,no_animations", "-json=ImportPath,Imports,Standard", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	g := graph{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
			Standard   bool
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := own(p.ImportPath)
		for _, i := range p.Imports {
			g[name] = append(g[name], own(i))
		}
		if p.Standard {
			g[stdMark] = append(g[stdMark], name)
		} else if g[name] == nil {
			g[name] = []string{}
		}
	}
	for _, s := range all {
		if s.test {
			continue
		}
		for name := range s.imports() {
			if first, _, _ := strings.Cut(name, "/"); g[own(name)] == nil && !strings.Contains(first, ".") && first != module {
				g[stdMark] = append(g[stdMark], name)
			}
			if !slices.Contains(g[s.folder()], own(name)) {
				g[s.folder()] = append(g[s.folder()], own(name))
			}
		}
	}
	return g
}

// own cuts the module's name off our own import paths.
func own(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

func TestImportsKeepTheRules(t *testing.T) {
	g := loadGraph(t, sources(t))
	if len(g) < 10 {
		t.Fatalf("go list gave %d packages: the rules were not tried on anything", len(g))
	}
	for _, sentence := range g.check(rules) {
		t.Error(sentence)
	}
}

// The checker itself: each rule must fail on a house that breaks it, however far away the break is.
func TestRulesFailOnAHouseThatBreaksThem(t *testing.T) {
	standard := []string{"net", "net/http", "os", "time", "database/sql", "crypto/tls", "strings"}
	for _, c := range []struct {
		rule   string
		house  graph
		broken string // the way that must be reported; empty: all is well
	}{
		{"an empty house is well", graph{}, ""},
		{"the plan's own imports are well", graph{
			"app/inbox": {"time", "strings"}, "sync/wire": {"app/inbox", "github.com/fxamacker/cbor/v2"}, "store/seal": {"golang.org/x/crypto/chacha20poly1305"},
			"store": {"app/inbox", "store/seal", bbolt, keyring, "os"}, "sync/engine": {"app/inbox", "sync/wire", "github.com/gorilla/websocket"},
			"ui/kit": {fyne}, "assets": {fyne}, "ui": {"app/inbox", "ui/kit", "assets", fyne + "/widget"}, "app/sealdesk": {"ui", "store", "sync/engine", fyne + "/app"},
			"sync/relay/internal/ledger": {bbolt}, "sync/relay/internal/vault": {"store/seal", "sync/relay/internal/ledger"}, "sync/relay/internal/outbound": {"sync/relay/internal/vault"},
			"sync/relay": {"sync/wire", "app/inbox", "sync/relay/internal/vault", "sync/relay/internal/outbound", "net/http"}, "app/relay": {"sync/relay"},
			"sync/relay/wasim": {"net/http"}, "app/wasim": {"sync/relay/wasim"}, "sync/relay/relaytest": {"sync/relay", "sync/relay/wasim"}, "packaging/dev": {"packaging/dev/figure"}, "packaging/dev/figure": {},
		}, ""},
		{"inbox imports a room", graph{"app/inbox": {"sync/wire"}, "sync/wire": {}}, "app/inbox -> sync/wire"},
		{"inbox imports a foreign package", graph{"app/inbox": {"github.com/x/y"}}, "app/inbox -> github.com/x/y"},
		{"inbox opens files", graph{"app/inbox": {"os"}}, "app/inbox -> os"},
		{"inbox knows the net", graph{"app/inbox": {"net/http"}}, "app/inbox -> net/http"},
		{"seal knows a room", graph{"store/seal": {"app/inbox"}, "app/inbox": {}}, "store/seal -> app/inbox"},
		{"kit knows a domain word", graph{"ui/kit": {"app/inbox"}, "app/inbox": {}}, "ui/kit -> app/inbox"},
		{"wire knows the store", graph{"sync/wire": {"app/inbox", "store"}, "app/inbox": {}, "store": {}}, "sync/wire -> store"},
		{"store knows frames through a helper", graph{"store": {"store/seal"}, "store/seal": {"sync/wire"}, "sync/wire": {}}, "store/seal -> sync/wire"},
		{"store knows the engine", graph{"store": {"sync/engine"}, "sync/engine": {}}, "store -> sync/engine"},
		{"a second owner of files", graph{"sync/engine": {bbolt}}, "sync/engine -> " + bbolt},
		{"a second owner of the keyring", graph{"app/sealdesk": {keyring}}, "app/sealdesk -> " + keyring},
		{"engine knows the store", graph{"sync/engine": {"store"}, "store": {}}, "sync/engine -> store"},
		{"store reaches Fyne through a foreign package", graph{"store": {"github.com/x/y"}, "github.com/x/y": {fyne + "/theme"}}, "store -> github.com/x/y -> " + fyne + "/theme"},
		{"ui knows the store", graph{"ui": {"store"}, "store": {}}, "ui -> store"},
		{"ui dials", graph{"ui": {"net/http"}}, "ui -> net/http"},
		{"ui opens a real window", graph{"ui": {fyne + "/app"}}, "ui -> " + fyne + "/app"},
		{"the relay paints", graph{"sync/relay": {fyne}}, "sync/relay -> " + fyne},
		{"a session package reads the vault", graph{"sync/relay/internal/identity": {"sync/relay/internal/vault"}, "sync/relay/internal/vault": {}}, "sync/relay/internal/identity -> sync/relay/internal/vault"},
		{"the log reaches the vault through the mask", graph{"sync/relay/internal/eventlog": {"sync/relay/internal/mask"}, "sync/relay/internal/mask": {"sync/relay/internal/vault"}, "sync/relay/internal/vault": {}},
			"sync/relay/internal/eventlog -> sync/relay/internal/mask -> sync/relay/internal/vault"},
		{"the client holds the relay, far away", graph{"app/sealdesk": {"ui"}, "ui": {"assets"}, "assets": {"sync/relay/internal/mask"}, "sync/relay/internal/mask": {}},
			"app/sealdesk -> ui -> assets -> sync/relay/internal/mask"},
		{"the relay's program holds the simulator", graph{"app/relay": {"sync/relay"}, "sync/relay": {"sync/relay/wasim"}, "sync/relay/wasim": {}}, "app/relay -> sync/relay -> sync/relay/wasim"},
		{"the relay's program holds the device's store", graph{"app/relay": {"store"}, "store": {}}, "app/relay -> store"},
		{"seal is the part of store the relay may hold", graph{"app/relay": {"store/seal"}, "store/seal": {}}, ""},
		{"the policy knows a window", graph{"app/managed": {"ui"}, "ui": {}}, "app/managed -> ui"},
		{"the policy asks somebody", graph{"app/managed": {"github.com/x/y"}, "github.com/x/y": {"net/http"}}, "app/managed -> github.com/x/y -> net/http"},
		{"somebody imports the plan", graph{"ui": {"app"}, "app": {}}, "ui -> app"},
		{"a product imports the task runner's parts", graph{"store": {"packaging/dev/figure"}, "packaging/dev/figure": {}}, "store -> packaging/dev/figure"},
		{"the task runner needs a module", graph{"packaging/dev": {"packaging/dev/figure"}, "packaging/dev/figure": {"github.com/x/y"}}, "packaging/dev -> packaging/dev/figure -> github.com/x/y"},
		{"the task runner needs a room", graph{"packaging/dev": {"app/inbox"}, "app/inbox": {}}, "packaging/dev -> app/inbox"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			c.house[stdMark] = standard
			got := c.house.check(rules)
			if c.broken == "" {
				if len(got) > 0 {
					t.Errorf("a sound house is refused: %q", got)
				}
				return
			}
			if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, c.broken+": ") }) {
				t.Errorf("not reported: %s; got %q", c.broken, got)
			}
		})
	}
}

// TestSourcesKeepTheRules holds what a list of imports cannot say. Each check returns a sentence per break.
func TestSourcesKeepTheRules(t *testing.T) {
	for _, sentence := range checkSources(sources(t)) {
		t.Error(sentence)
	}
}

var (
	doOnUI   = regexp.MustCompile(`^Do(AndWait)?$`)
	sleep    = regexp.MustCompile(`^Sleep$`)
	now      = regexp.MustCompile(`^(Now|Since|Until|After|AfterFunc|Tick|NewTimer|NewTicker)$`)
	printing = regexp.MustCompile(`^Print(f|ln)?$`)
	anything = regexp.MustCompile(`.`)
	badNames = []string{"util", "utils", "common", "models", "types", "sync", "log", "errors", "helpers"}
	syncPath = regexp.MustCompile(`^sync/relay/(session|hub|sync|wire|frame)[^/]*\.go$`)
	rawRooms = []string{"vault", "whatsapp", "outbound"}
)

func checkSources(all []source) []string {
	var broken []string
	say := func(s source, pos token.Pos, reason string) { broken = append(broken, s.at(pos)+": "+reason) }
	docs, mains := map[string][]string{}, map[string]bool{}
	for _, s := range all {
		name := s.file.Name.Name
		if !s.test && s.folder() != "zzdeps" {
			docs[s.folder()] = append(docs[s.folder()], "")
			mains[s.folder()] = name == "main"
			if s.file.Doc != nil {
				docs[s.folder()] = append(docs[s.folder()], s.path)
			}
		}
		if s.folder() == "sync" {
			say(s, s.file.Package, "sync is a folder of three packages and holds no Go file: a package sync would hide the standard library's")
		}
		if slices.Contains(badNames, strings.TrimSuffix(name, "_test")) {
			say(s, s.file.Package, "package "+name+" says nothing or hides a standard package: name it after what it knows")
		}
		s.uses(fyne, doOnUI, func(pos token.Pos, call string) {
			if s.path != "ui/dispatch.go" {
				say(s, pos, "fyne."+call+" only in ui/dispatch.go: one file decides what reaches the ui thread and when")
			}
		})
		s.uses("time", sleep, func(pos token.Pos, _ string) {
			if _, virtual := s.imports()["testing/synctest"]; s.forTests() && (virtual || s.explained(pos, "real process")) {
				return
			}
			say(s, pos, "no time.Sleep: use a channel, a ticker handed in, or testing/synctest (a test that waits for a real process says so in a comment on the line)")
		})
		if s.folder() == "app/inbox" && !s.test {
			s.uses("time", now, func(pos token.Pos, call string) {
				say(s, pos, "no time."+call+" in app/inbox: time comes in as an argument")
			})
		}
		if !s.test && name != "main" {
			s.uses("fmt", printing, func(pos token.Pos, call string) {
				say(s, pos, "no fmt."+call+" outside mains: facts go to the slog.Logger handed in, words to the ui")
			})
			s.uses("log", anything, func(pos token.Pos, call string) {
				say(s, pos, "no log."+call+" outside mains: use the slog.Logger handed in by config")
			})
			s.uses("log/slog", regexp.MustCompile(`^(Debug|Info|Warn|Error|Log|LogAttrs|Default|SetDefault)(Context)?$`), func(pos token.Pos, call string) {
				say(s, pos, "no slog."+call+": the logger is handed in by config, never the process's default")
			})
		}
		if strings.HasPrefix(path.Base(s.path), "view_") && strings.HasPrefix(s.path, "ui/") && !s.test {
			for name := range s.imports() {
				if strings.HasPrefix(name, "fyne.io/") && name != fyne+"/lang" {
					say(s, s.file.Package, "view models import no Fyne but lang: they are pure, "+name+" is not")
				}
			}
		}
		if syncPath.MatchString(s.path) && !s.test {
			for _, room := range rawRooms {
				if _, ok := s.imports()[module+"/sync/relay/internal/"+room]; ok {
					say(s, s.file.Package, "sessions, hub and wire code never import "+room+": the sync path has no code path to raw identifiers")
				}
			}
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(docs)) {
		with := slices.DeleteFunc(docs[folder], func(p string) bool { return p == "" })
		switch {
		case len(with) == 0:
			broken = append(broken, folder+": a package says in doc.go what it knows, must not know, its invariants and its concurrency; this one has no doc comment")
		case len(with) > 1:
			broken = append(broken, folder+": one doc comment per package, here are "+fmt.Sprint(len(with))+": "+strings.Join(with, ", "))
		case path.Base(with[0]) != "doc.go" && !(mains[folder] && path.Base(with[0]) == "main.go"):
			broken = append(broken, with[0]+": the doc comment of a package lives in doc.go (a command's may live in main.go)")
		}
	}
	return broken
}

// explained says whether a comment on the line of pos, or on the line before, holds the words.
func (s source) explained(pos token.Pos, words string) bool {
	line := s.set.Position(pos).Line
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if at := s.set.Position(c.End()).Line; (at == line || at == line-1) && strings.Contains(c.Text, words) {
				return true
			}
		}
	}
	return false
}

func TestSourceChecksFailOnFilesThatBreakThem(t *testing.T) {
	const docs = "// Package x is documented.\n"
	for _, c := range []struct {
		rule, path, text string
		broken           string
	}{
		{"a documented package is well", "store/doc.go", docs + "package store", ""},
		{"no doc comment", "store/store.go", "package store", "no doc comment"},
		{"a doc comment elsewhere", "store/store.go", docs + "package store", "lives in doc.go"},
		{"a command's may stand in main.go", "app/relay/main.go", docs + "package main", ""},
		{"fyne.Do in a screen", "ui/doc.go", docs + "package ui\nimport \"fyne.io/fyne/v2\"\nvar _ = fyne.Do", "fyne.Do only in ui/dispatch.go"},
		{"fyne.DoAndWait under another name", "ui/doc.go", docs + "package ui\nimport f \"fyne.io/fyne/v2\"\nvar _ = f.DoAndWait", "fyne.DoAndWait only in"},
		{"sleep in a product", "store/doc.go", docs + "package store\nimport \"time\"\nfunc x() { time.Sleep(1) }", "no time.Sleep"},
		{"an excuse does not help a product", "store/doc.go", docs + "package store\nimport \"time\"\nfunc x() { time.Sleep(1) } // a real process", "no time.Sleep"},
		{"sleep in a test", "store/x_test.go", "package store\nimport \"time\"\nfunc x() { time.Sleep(1) }", "no time.Sleep"},
		{"a test that waits for a real process says so", "store/x_test.go", "package store\nimport \"time\"\nfunc x() { time.Sleep(1) } // waits for a real process to write", ""},
		{"a package made for tests may too", "sync/relay/relaytest/doc.go", docs + "package relaytest\nimport \"time\"\nfunc x() { time.Sleep(1) } // waits for a real process", ""},
		{"virtual time may pass", "store/x_test.go", "package store\nimport (\"time\"; \"testing/synctest\")\nvar _ = synctest.Test\nfunc x() { time.Sleep(1) }", ""},
		{"printing", "sync/wire/doc.go", docs + "package wire\nimport \"fmt\"\nfunc x() { fmt.Println() }", "no fmt.Println"},
		{"formatting is not printing", "sync/wire/doc.go", docs + "package wire\nimport \"fmt\"\nvar _ = fmt.Sprintf", ""},
		{"the standard logger", "sync/wire/doc.go", docs + "package wire\nimport \"log\"\nfunc x() { log.Fatal() }", "no log.Fatal"},
		{"the default structured logger", "sync/wire/doc.go", docs + "package wire\nimport \"log/slog\"\nfunc x() { slog.Info(\"\") }", "no slog.Info"},
		{"a main may print", "app/relay/doc.go", docs + "package main\nimport \"fmt\"\nfunc x() { fmt.Println() }", ""},
		{"a clock in the words", "app/inbox/doc.go", docs + "package inbox\nimport \"time\"\nvar _ = time.Now()", "no time.Now in app/inbox"},
		{"a view that paints", "ui/view_inbox.go", "package ui\nimport _ \"fyne.io/fyne/v2/canvas\"", "view models import no Fyne"},
		{"a view that translates", "ui/kit/view_x.go", "package kit\nimport _ \"fyne.io/fyne/v2/lang\"", "kit: a package says"},
		{"a session reads the vault", "sync/relay/session.go", "package relay\nimport _ \"sealdesk/sync/relay/internal/vault\"", "never import vault"},
		{"the intake may", "sync/relay/intake.go", "package relay\nimport _ \"sealdesk/sync/relay/internal/vault\"", "sync/relay: a package says"},
		{"a package sync", "sync/x.go", "package sync", "holds no Go file"},
		{"a package util", "store/util/doc.go", docs + "package util", "says nothing"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, c.path, c.text, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			got := checkSources([]source{{path: c.path, test: strings.HasSuffix(c.path, "_test.go"), file: file, set: set}})
			all := strings.Join(got, "\n")
			if c.broken == "" && len(got) > 0 || c.broken != "" && !strings.Contains(all, c.broken) {
				t.Errorf("got %q, want %q", all, c.broken)
			}
		})
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	allowed := []string{"app", "ui", "store", "sync", "assets", "packaging", "go.mod", "go.sum", "FyneApp.toml", "README.md", "LICENSE",
		"build"} // git ignores it; everything the task runner makes lies there
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) {
			t.Errorf("%s: the top level is fixed; a new part belongs into one of the rooms", name)
		}
	}
}

func TestAppIDEqualsFyneAppToml(t *testing.T) {
	toml, err := os.ReadFile(filepath.Join(root, "FyneApp.toml"))
	if err != nil {
		t.Fatal(err)
	}
	value := func(key string) string {
		m := regexp.MustCompile(`(?m)^\s*` + key + `\s*=\s*"([^"]+)"`).FindSubmatch(toml)
		if m == nil {
			t.Fatalf("FyneApp.toml has no %s", key)
		}
		return string(m[1])
	}
	id, icon := value("ID"), value("Icon")
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(icon))); err != nil {
		t.Errorf("FyneApp.toml names an icon that is not there: %s", icon)
	}
	client, found := false, false
	for _, s := range sources(t) {
		if s.folder() != "app/sealdesk" || s.test {
			continue
		}
		client = true
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if name.Name != "AppID" || i >= len(spec.Values) {
					continue
				}
				found = true
				if lit, ok := spec.Values[i].(*ast.BasicLit); !ok || strings.Trim(lit.Value, `"`) != id {
					t.Errorf("%s: AppID differs from FyneApp.toml's %q; the store's folder and the keyring entry hang on it", s.at(spec.Pos()), id)
				}
			}
			return true
		})
	}
	if client && !found {
		t.Errorf("app/sealdesk has no constant AppID = %q", id)
	}
}

func TestRelayBuildsWithoutCgo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(t.TempDir(), "sealdesk-relay"), "./app/relay")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the relay runs in a container with nothing else in it, so it must build with CGO_ENABLED=0: %v\n%s", err, out)
	}
}
