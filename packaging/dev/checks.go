package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Build tags. The client is always built for Fyne's new threading model and without cursor animation; goldens also ask
// Fyne for its software driver, which needs neither display nor cgo.
const (
	clientTags = "migrated_fynedo,no_animations"
	goldenTags = "ci," + clientTags
)

const (
	fynePath    = "fyne.io/fyne/v2"
	fyneAppPath = "fyne.io/fyne/v2/app"
)

// goPackage is what `go list -json` says of one of our packages.
type goPackage struct {
	ImportPath   string
	Name         string
	Dir          string
	Deps         []string
	TestGoFiles  []string
	XTestGoFiles []string
	TestImports  []string
	XTestImports []string
}

func (p goPackage) hasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// reaches says whether the package or its tests import path or something below it.
func (p goPackage) reaches(path string) bool {
	for _, list := range [][]string{p.Deps, p.TestImports, p.XTestImports} {
		for _, dep := range list {
			if dep == path || strings.HasPrefix(dep, path+"/") {
				return true
			}
		}
	}
	return false
}

// list returns all our packages as the client's build sees them.
func (d *dev) list(ctx context.Context, log io.Writer) ([]goPackage, error) {
	out, err := call{dir: d.root, log: log, env: []string{"CGO_ENABLED=1"}}.output(ctx, "go", "list", "-e", "-tags", clientTags,
		"-json=ImportPath,Name,Dir,Deps,TestGoFiles,XTestGoFiles,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	// A package that reaches another of ours through its tests reaches what that one reaches.
	deps := map[string][]string{}
	for _, p := range all {
		deps[p.ImportPath] = p.Deps
	}
	for i, p := range all {
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			all[i].Deps = append(all[i].Deps, deps[imp]...)
		}
	}
	return all, nil
}

// pick returns the import paths of the packages that match.
func pick(all []goPackage, match func(goPackage) bool) []string {
	var paths []string
	for _, p := range all {
		if match(p) {
			paths = append(paths, p.ImportPath)
		}
	}
	return paths
}

// The packages by what they need of the machine.
func plainPackages(p goPackage) bool  { return !p.reaches(fynePath) }
func windowPackages(p goPackage) bool { return p.reaches(fynePath) }
func goldenPackages(p goPackage) bool { return !p.reaches(fyneAppPath) }
func glPackages(p goPackage) bool     { return p.reaches(fyneAppPath) }

// goRun runs the go command over the packages that match; none is fine.
func (d *dev) goRun(ctx context.Context, log io.Writer, cgo bool, match func(goPackage) bool, args ...string) error {
	all, err := d.list(ctx, log)
	if err != nil {
		return err
	}
	paths := pick(all, match)
	if len(paths) == 0 {
		return skipped{"no such package in this checkout"}
	}
	return call{dir: d.root, env: []string{cgoEnv(cgo)}, log: d.tee(log)}.run(ctx, "go", append(args, paths...)...)
}

func cgoEnv(on bool) string {
	if on {
		return "CGO_ENABLED=1"
	}
	return "CGO_ENABLED=0"
}

func (d *dev) tee(log io.Writer) io.Writer {
	if d.verbose {
		return io.MultiWriter(log, d.out)
	}
	return log
}

// gofmtStep fails on files that gofmt would change and names them.
func (d *dev) gofmtStep() step {
	return step{name: "gofmt", does: "every Go file is formatted", run: func(ctx context.Context, log *os.File) error {
		out, err := call{dir: d.root, log: log}.output(ctx, "git", "ls-files", "-co", "--exclude-standard", "--", "*.go")
		if err != nil {
			return err
		}
		var files []string
		for line := range strings.Lines(out) {
			path := strings.TrimSpace(line)
			if _, err := os.Stat(filepath.Join(d.root, path)); err == nil && !strings.Contains(path, "testdata/") {
				files = append(files, path)
			}
		}
		gofmt := "gofmt"
		if root, err := (call{dir: d.root}).output(ctx, "go", "env", "GOROOT"); err == nil {
			if beside := filepath.Join(strings.TrimSpace(root), "bin", "gofmt"); isFile(beside) {
				gofmt = beside
			}
		}
		wrong, err := call{dir: d.root, log: log}.output(ctx, gofmt, append([]string{"-l"}, files...)...)
		if err != nil {
			return err
		}
		if wrong = strings.TrimSpace(wrong); wrong != "" {
			return &problem{happened: "these files are not formatted", tail: wrong, do: "run gofmt -w on them."}
		}
		return nil
	}}
}

func (d *dev) vetSteps() []step {
	return []step{
		{name: "vet-relay", does: "go vet of everything without Fyne, without cgo", run: func(ctx context.Context, log *os.File) error {
			return d.goRun(ctx, log, false, plainPackages, "vet")
		}},
		{name: "vet-client", does: "go vet of everything with Fyne, as the client is built", run: func(ctx context.Context, log *os.File) error {
			return d.goRun(ctx, log, true, windowPackages, "vet", "-tags", clientTags)
		}},
	}
}

func (d *dev) toolsDir() string { return filepath.Join(d.root, "packaging", "tools") }

// toolPaths are the packages of the pinned tools (packaging/tools/go.mod).
var toolPaths = map[string]string{
	"staticcheck": "honnef.co/go/tools/cmd/staticcheck", "govulncheck": "golang.org/x/vuln/cmd/govulncheck",
	"nfpm": "github.com/goreleaser/nfpm/v2/cmd/nfpm", "go-licenses": "github.com/google/go-licenses", "go-winres": "github.com/tc-hib/go-winres",
	"sbom": "sealdesk/packaging/tools/sbom",
}

// tool builds a pinned tool and returns its path.
func (d *dev) tool(ctx context.Context, log io.Writer, name string) (string, error) {
	dir := d.build("tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := (call{dir: d.toolsDir(), log: log, env: []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false"}}).run(ctx, "go", "build", "-o", dir+string(filepath.Separator), toolPaths[name]); err != nil {
		return "", err
	}
	return filepath.Join(dir, name+exeSuffix()), nil
}

func (d *dev) staticcheckStep() step {
	return step{name: "staticcheck", does: "staticcheck of everything, as the client is built", run: func(ctx context.Context, log *os.File) error {
		tool, err := d.tool(ctx, log, "staticcheck")
		if err != nil {
			return err
		}
		return call{dir: d.root, log: d.tee(log), env: []string{"CGO_ENABLED=1"}}.run(ctx, tool, "-tags", clientTags, "./...")
	}}
}

const vulnDBOnline = "https://vuln.go.dev"

func (d *dev) govulncheckStep(folder string) step {
	return step{name: "govulncheck", does: "no known vulnerability is called", run: func(ctx context.Context, log *os.File) error {
		db, err := vulnDB(ctx, folder, os.Getenv("GOVULNDB"), reachable)
		if err != nil {
			return err
		}
		tool, err := d.tool(ctx, log, "govulncheck")
		if err != nil {
			return err
		}
		return call{dir: d.root, log: d.tee(log), env: []string{"CGO_ENABLED=1"}}.run(ctx, tool, "-db", db, "-tags", clientTags, "./...")
	}}
}

// vulnDB chooses the vulnerability database: the folder given, else what GOVULNDB names, else Go's own if it answers.
func vulnDB(ctx context.Context, folder, env string, answers func(context.Context, string) bool) (string, error) {
	for _, given := range []string{folder, env} {
		switch {
		case given == "":
			continue
		case strings.Contains(given, "://"):
			return given, nil
		}
		abs, err := filepath.Abs(given)
		if err != nil {
			return "", err
		}
		if !isFile(filepath.Join(abs, "index", "db.json")) {
			return "", &problem{happened: "the vulnerability database folder holds no index/db.json", do: "point --vulndb or GOVULNDB at a copy of https://vuln.go.dev."}
		}
		return "file://" + filepath.ToSlash(abs), nil
	}
	if answers(ctx, vulnDBOnline+"/index/db.json") {
		return vulnDBOnline, nil
	}
	return "", skipped{"vuln.go.dev does not answer; set GOVULNDB or --vulndb to a copy of it"}
}

func reachable(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// unitStep runs all tests that need neither display nor keyring nor cgo, painted goldens included.
func (d *dev) unitStep() step {
	return step{name: "unit", does: "tests and painted goldens, without display and without cgo", run: func(ctx context.Context, log *os.File) error {
		return d.goRun(ctx, log, false, func(p goPackage) bool { return goldenPackages(p) && p.hasTests() }, "test", "-timeout", "15m", "-tags", goldenTags)
	}}
}

// windowTestsStep runs the tests of packages that only build with cgo.
func (d *dev) windowTestsStep() step {
	return step{name: "unit-cgo", does: "tests of the packages that link OpenGL", run: func(ctx context.Context, log *os.File) error {
		return d.goRun(ctx, log, true, func(p goPackage) bool { return glPackages(p) && p.hasTests() }, "test", "-timeout", "10m", "-tags", clientTags)
	}}
}

// singleHanded are rooms of pure functions that measure themselves on large corpora: nothing in them runs side by side.
var singleHanded = []string{
	"packaging/dev/figure", "sync/relay/internal/guard", "sync/relay/internal/mask", "sync/relay/internal/maskcheck",
}

// raceRuns is what runs under the race detector: logic, never pixels (the detector makes painting sixteen times slower).
var raceRuns = []struct {
	match func(goPackage) bool
	args  []string
}{
	{func(p goPackage) bool {
		return plainPackages(p) && p.hasTests() && !p.is("app", "packaging/dev") && !p.is(singleHanded...)
	}, []string{"-short"}},
	{func(p goPackage) bool { return windowPackages(p) && goldenPackages(p) && p.hasTests() }, []string{"-short", "-skip", "Golden|Paint|Pixel|Picture|Budget|AsDesigned"}},
}

// is says whether the package is one of these folders.
func (p goPackage) is(folders ...string) bool {
	return slices.Contains(folders, strings.TrimPrefix(p.ImportPath, "sealdesk/"))
}

func (d *dev) raceStep() step {
	return step{name: "race", does: "logic under the race detector", run: func(ctx context.Context, log *os.File) error {
		ran := false
		for _, r := range raceRuns {
			err := d.goRun(ctx, log, true, r.match, append([]string{"test", "-race", "-timeout", "15m", "-tags", goldenTags}, r.args...)...)
			if none := (skipped{}); errors.As(err, &none) {
				continue
			}
			if err != nil {
				return err
			}
			ran = true
		}
		if !ran {
			return skipped{"no logic package in this checkout"}
		}
		return nil
	}}
}

// keyringStep runs the tests that need a real keyring, inside a private one. SEALDESK_KEYRING=1 tells them that it is
// there. A test that skips itself, or none at all, fails the step: it would prove nothing.
func (d *dev) keyringStep() step {
	return step{name: "keyring", does: "the store's keyring tests against a real, private keyring", run: func(ctx context.Context, log *os.File) error {
		return d.inKeyring(ctx, log, func(env []string) error {
			var said bytes.Buffer
			err := call{dir: d.root, log: io.MultiWriter(d.tee(log), &said), env: append(env, "CGO_ENABLED=0")}.run(ctx,
				"go", "test", "-v", "-count=1", "-timeout", "5m", "-run", "Keyring", "./store/...")
			if err != nil {
				return err
			}
			return ranAll(said.String())
		})
	}}
}

// ranAll reads the output of go test -v: at least one test passed and none was skipped.
func ranAll(output string) error {
	passed := 0
	for line := range strings.Lines(output) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "--- PASS: "):
			passed++
		case strings.HasPrefix(line, "--- SKIP: "):
			return errors.New("a test skipped itself: " + strings.Fields(line)[2])
		}
	}
	if passed == 0 {
		return errors.New("no test ran: none has Keyring in its name")
	}
	return nil
}

// buildStep builds the programs into build/bin.
func (d *dev) buildStep() step {
	return step{name: "build", does: "the programs, into build/bin", run: func(ctx context.Context, log *os.File) error {
		return d.buildPrograms(ctx, log)
	}}
}

func runTest(ctx context.Context, d *dev, args []string) error {
	f := d.flags("test")
	vuln := f.String("vulndb", "", "folder with a copy of the Go vulnerability database (else GOVULNDB, else vuln.go.dev)")
	only := f.String("only", "", "run only these steps, separated by commas")
	list := f.Bool("list", false, "print the steps and stop")
	if err := f.Parse(args); err != nil {
		return parseProblem(err)
	}
	stage := d.stage("headless", true)
	defer stage.close()
	plan := slices.Concat(
		[]step{d.packagesStep("test"), d.modulesStep(), d.gofmtStep()},
		d.vetSteps(),
		[]step{d.buildStep(), d.unitStep(), d.windowTestsStep(), d.keyringStep(), d.raceStep(), d.staticcheckStep(), d.govulncheckStep(*vuln)},
		stage.steps(), stage.journeySteps(),
	)
	return d.followSome(ctx, "test", plan, *only, *list)
}

func runLint(ctx context.Context, d *dev, args []string) error {
	f := d.flags("lint")
	vuln := f.String("vulndb", "", "folder with a copy of the Go vulnerability database (else GOVULNDB, else vuln.go.dev)")
	only := f.String("only", "", "run only these steps, separated by commas")
	list := f.Bool("list", false, "print the steps and stop")
	if err := f.Parse(args); err != nil {
		return parseProblem(err)
	}
	plan := slices.Concat(
		[]step{d.packagesStep("lint"), d.modulesStep(), d.gofmtStep()}, d.vetSteps(),
		[]step{d.staticcheckStep(), d.govulncheckStep(*vuln)})
	return d.followSome(ctx, "lint", plan, *only, *list)
}

// followSome follows the plan, or the named part of it, or prints it.
func (d *dev) followSome(ctx context.Context, verb string, plan []step, only string, list bool) error {
	if list {
		for _, s := range plan {
			d.out.say("%-12s %s", s.name, s.does)
		}
		return nil
	}
	some, err := choose(plan, only)
	if err != nil {
		return err
	}
	return d.follow(ctx, verb, some)
}

// choose picks steps by name, in the plan's order; an unknown name is an error, so that a typing error never passes.
func choose(plan []step, only string) ([]step, error) {
	if only == "" {
		return plan, nil
	}
	names := strings.Split(only, ",")
	var some []step
	for _, s := range plan {
		if i := slices.Index(names, s.name); i >= 0 {
			names = slices.Delete(names, i, i+1)
			some = append(some, s)
		}
	}
	if len(names) > 0 {
		return nil, &problem{happened: "no step is called " + strings.Join(names, ", "), do: "repeat with --list to see the steps."}
	}
	return some, nil
}

func parseProblem(err error) error {
	return &problem{happened: "the flags were not understood", err: err, do: "repeat with --help."}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// exeSuffix is what the name of a program ends in on this system.
func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
