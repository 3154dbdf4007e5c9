package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// guides are the pages for people: the README, and what lies in packaging/docs.
func guides(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../docs/*.md")
	if err != nil || len(names) < 5 {
		t.Fatalf("the guides are not where they should be: %d, %v", len(names), err)
	}
	pages := map[string]string{}
	for _, name := range append(names, "../../README.md") {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(raw)
	}
	return pages
}

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor    = regexp.MustCompile(`[^\p{L}\p{N}\- ]`)
)

// anchors are the places of a page a link can lead to, as GitHub names them.
func anchors(text string) (out []string) {
	for _, h := range headingPattern.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return out
}

func TestEveryLinkAndPictureOfTheGuidesIsThere(t *testing.T) {
	used := map[string]bool{}
	for name, text := range guides(t) {
		for _, link := range linkPattern.FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			to, anchor, _ := strings.Cut(link[1], "#")
			path := filepath.Join(filepath.Dir(name), filepath.FromSlash(to))
			if to == "" {
				path = name
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", name, link[1])
				continue
			}
			used[filepath.Clean(path)] = true
			if raw, err := os.ReadFile(path); anchor != "" && (err != nil || !slices.Contains(anchors(string(raw)), anchor)) {
				t.Errorf("%s links to %s, which has no such heading", name, link[1])
			}
		}
	}
	err := filepath.WalkDir("../docs/pictures", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 150<<10 {
			t.Errorf("%s has %d kB: pictures of the guides have 150 at most", path, info.Size()>>10)
		}
		if !used[filepath.Clean(path)] {
			t.Errorf("%s is in no guide", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// commands are what a program can be told, read from the structs of its command line: each way through its verbs, with the flags
// that may stand there.
type commands map[string][]string

// commandsOf reads the structs of a program, from the one called root.
func commandsOf(t *testing.T, dir, root string) commands {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	structs := map[string]*ast.StructType{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if errors.Is(err, fs.ErrNotExist) { // it went since the folder was listed
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok {
				if body, ok := s.Type.(*ast.StructType); ok {
					structs[s.Name.Name] = body
				}
			}
			return true
		})
	}
	out := commands{}
	out.read(structs, structs[root], "", nil)
	return out
}

// read adds the verbs below one, and returns the flags of that one.
func (c commands) read(structs map[string]*ast.StructType, body *ast.StructType, way string, above []string) []string {
	flags := slices.Clone(above)
	type below struct{ name, kind, standard string }
	var verbs []below
	for _, field := range body.Fields.List {
		text := ""
		if field.Tag != nil {
			text, _ = strconv.Unquote(field.Tag.Value)
		}
		tag := reflect.StructTag(text)
		kind, _ := field.Type.(*ast.Ident)
		for _, id := range field.Names {
			name := tag.Get("name")
			if name == "" {
				name = dashes(id.Name)
			}
			_, verb := tag.Lookup("cmd")
			_, argument := tag.Lookup("arg")
			switch {
			case verb && kind != nil:
				verbs = append(verbs, below{name, kind.Name, tag.Get("default")})
			case !argument:
				flags = append(flags, name, "no-"+name)
			}
		}
		if len(field.Names) == 0 && kind != nil && structs[kind.Name] != nil { // flags that several verbs share
			flags = c.read(structs, structs[kind.Name], way, flags)
		}
	}
	for _, v := range verbs {
		mine := c.read(structs, structs[v.kind], strings.TrimSpace(way+" "+v.name), flags)
		if v.standard != "" {
			flags = append(flags, mine...)
		}
	}
	c[way] = flags
	return flags
}

var wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// dashes spells a field's name as a flag.
func dashes(name string) string {
	return strings.ToLower(wordStart.ReplaceAllString(name, "$1-$2"))
}

// fault says what of a line the program would not understand; "" if nothing.
func (c commands) fault(line string) string {
	way := ""
	words := strings.Fields(line)
	for i, w := range words {
		if next := strings.TrimSpace(way + " " + w); i == 0 || !strings.HasPrefix(w, "-") {
			if _, ok := c[next]; ok {
				way = next
				continue
			}
			if i == 0 && c.verbs("") && w != strings.ToUpper(w) && !strings.HasPrefix(w, "-") {
				return w
			}
		}
		if name, ok := strings.CutPrefix(w, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			if !slices.Contains(append(slices.Clone(c[way]), "help"), name) {
				return w
			}
		} else if c.verbs(way) && c[way+" "+w] == nil && plainWord.MatchString(w) && !slices.Contains(optionalVerb, way) {
			return way + " " + w
		}
	}
	return ""
}

// optionalVerb are verbs whose first verb below may be left out.
var optionalVerb = []string{"backup"}

var plainWord = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// verbs reports whether there are verbs below one.
func (c commands) verbs(way string) bool {
	for name := range c {
		if name != way && strings.HasPrefix(name, strings.TrimLeft(way+" ", " ")) {
			return true
		}
	}
	return false
}

var (
	codeBlock  = regexp.MustCompile("(?m)^ {4,}(.+)$|(?s:```sh\n(.*?)```)")
	codeInline = regexp.MustCompile("`([^`\n]+)`")
	codeQuoted = regexp.MustCompile(`"[^"\n]*"`)
	codeCut    = regexp.MustCompile(`\n| && | \| |; |\$\(|\s#\s|"`)
)

// said are the lines of a page that tell a program something, without the program's name.
func said(text, program string) (out []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, pattern := range []*regexp.Regexp{codeBlock, codeInline} {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			code := codeQuoted.ReplaceAllString(strings.Join(m[1:], ""), "X")
			for _, part := range codeCut.Split(code, -1) {
				part = strings.TrimPrefix(strings.TrimSpace(part), "./")
				if rest, ok := strings.CutPrefix(part, program+" "); ok {
					out = append(out, strings.Trim(rest, " )"))
				}
			}
		}
	}
	return out
}

func TestWhatTheGuidesTellProgramsTheyUnderstand(t *testing.T) {
	pages := guides(t)
	runner := commands{"": nil}
	for _, v := range verbs() {
		runner[v.name] = nil
	}
	for _, p := range []struct {
		program string
		knows   commands
		least   int // so many lines are there, or this test looks at nothing
		first   bool
	}{
		{"sealdesk-relay", commandsOf(t, "../../app/relay", "cli"), 60, false},
		{"sealdesk", commandsOf(t, "../../app/sealdesk", "flags"), 4, false},
		{"go run ./packaging/dev release", commandsOf(t, "../release", "cli"), 4, false},
		{"go run ./packaging/dev", runner, 8, true},
	} {
		found := 0
		for name, text := range pages {
			for _, line := range said(text, p.program) {
				if p.first { // what follows a verb is the verb's own
					line, _, _ = strings.Cut(line, " ")
					if line == "help" {
						continue
					}
				}
				found++
				if no := p.knows.fault(line); no != "" {
					t.Errorf("%s says `%s %s`, but there is no %s", name, p.program, line, no)
				}
			}
		}
		if found < p.least {
			t.Errorf("only %d lines of %s were found in the guides", found, p.program)
		}
	}
}

func TestTheGuidesWouldBeCaughtTellingWhatIsNot(t *testing.T) {
	c := commandsOf(t, "../../app/relay", "cli")
	for line, want := range map[string]string{
		"person add X --team north": "", "backup --to DIR": "", "backup /mnt/backup": "", "enrol X --no-qr": "", "COMMAND --help": "",
		"destroy X": "destroy", "person kill X": "person kill", "person add X --salary 3": "--salary", "wipe X --because lost": "--because",
	} {
		if got := c.fault(line); got != want {
			t.Errorf("%q: %q is said to be unknown, want %q", line, got, want)
		}
	}
	if got := said("    a | sealdesk-relay doctor && sealdesk-relay wipe \"Desk 12\"   # x\nand `./sealdesk-relay init`.", "sealdesk-relay"); len(got) != 3 || got[1] != "wipe X" {
		t.Errorf("found %q", got)
	}
}
