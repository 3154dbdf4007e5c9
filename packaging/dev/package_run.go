package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// packageWish is what the command line of the verb asks for.
type packageWish struct {
	targets  []target
	sign     string
	testKeys bool
	check    bool
	cold     bool
	vm       bool
}

func runPackage(ctx context.Context, d *dev, args []string) error {
	f := d.flags("package")
	var w packageWish
	f.StringVar(&w.sign, "sign", "", "sign with the keys that this file names (packaging/sign.example.toml)")
	f.BoolVar(&w.testKeys, "test-keys", false, "sign with keys made on the spot, worth nothing to anybody")
	f.BoolVar(&w.check, "check", false, "prove what was made: build it again elsewhere, lint, tamper, install, start")
	f.BoolVar(&w.cold, "cold", false, "with --check: build again with empty caches too, which takes minutes")
	f.BoolVar(&w.vm, "vm", false, "with --check: run the relay under a real systemd in a virtual machine, which takes minutes")
	out := f.String("out", d.build(), "folder for dist (what is handed out) and package (what it was made of)")
	only := f.String("only", "", "run only these steps, separated by commas")
	list := f.Bool("list", false, "print the steps and stop")
	var names []string
	for { // flags may stand before and after the names
		if err := f.Parse(args); err != nil {
			return parseProblem(err)
		}
		if f.NArg() == 0 {
			break
		}
		names, args = append(names, f.Arg(0)), f.Args()[1:]
	}
	var err error
	if w.targets, err = chooseTargets(names); err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return &problem{happened: "packages are made on Linux", do: "run it on Debian or Ubuntu; a Mac is needed for packaging/darwin/build.sh alone."}
	}
	base, err := filepath.Abs(*out)
	if err != nil {
		return err
	}
	b, err := d.newBuild(ctx, base)
	if err != nil {
		return err
	}
	b.cold = w.cold
	close := func() {}
	defer func() { close() }()
	if err := d.followSome(ctx, "package", b.plan(w, &close), *only, *list); err != nil || *list {
		return err
	}
	return b.summary(d.out)
}

func chooseTargets(names []string) ([]target, error) {
	all := targets()
	if len(names) == 0 {
		return all, nil
	}
	var some []target
	for _, t := range all {
		if i := slices.Index(names, t.name); i >= 0 {
			names = slices.Delete(names, i, i+1)
			some = append(some, t)
		}
	}
	if len(names) > 0 {
		var known []string
		for _, t := range all {
			known = append(known, t.name)
		}
		return nil, &problem{happened: "there is nothing to package called " + strings.Join(names, ", "), do: "name one or more of " + strings.Join(known, ", ") + "; none is all."}
	}
	return some, nil
}

// plan is the verb's rows: what must be there, then each target, then what holds for all, then the proofs.
func (b *build) plan(w packageWish, close *func()) []step {
	var groups, kinds []string
	var space int64
	for _, t := range w.targets {
		groups, kinds, space = append(groups, t.needs...), append(kinds, t.keys...), space+t.space
		if w.check {
			groups = append(groups, t.checkNeeds...)
		}
	}
	if w.vm {
		groups, space = append(groups, "package-vm"), space+4<<30
	}
	if w.cold {
		space += 6 << 30
	}
	if !w.testKeys && w.sign == "" {
		kinds = nil
	}
	groups, kinds = unique(groups), unique(kinds)
	plan := []step{
		{name: "packages", does: "system packages for " + strings.Join(groups, ", "), must: true, run: func(ctx context.Context, log *os.File) error {
			return b.ensurePackages(ctx, log, groups...)
		}},
		{name: "space", does: fmt.Sprintf("%d MB are free", space>>20), must: true, run: func(ctx context.Context, log *os.File) error {
			if err := os.MkdirAll(b.base, 0o755); err != nil {
				return err
			}
			return enoughSpace(ctx, b.base, space, freeBytes)
		}},
		b.modulesStep(),
		{name: "keys", does: "the keys open", must: true, run: func(ctx context.Context, log *os.File) (err error) {
			*close, err = b.openKeys(ctx, w.sign, w.testKeys, kinds, log)
			if err == nil && len(kinds) == 0 {
				return skipped{"neither --sign nor --test-keys: nothing is signed, and no repository is made"}
			}
			return err
		}},
		{name: "empty", does: "the folder for what is handed out is empty", must: true, run: func(context.Context, *os.File) error {
			if err := os.RemoveAll(b.dist); err != nil {
				return err
			}
			return os.MkdirAll(b.dist, 0o755)
		}},
	}
	for _, t := range w.targets {
		plan = append(plan, step{name: t.name, does: t.does, must: true, run: func(ctx context.Context, log *os.File) error {
			if err := os.RemoveAll(b.work(t.name)); err != nil {
				return err
			}
			if err := os.MkdirAll(b.work(t.name), 0o755); err != nil {
				return err
			}
			made, err := t.make(ctx, b, log)
			if err != nil {
				return err
			}
			return b.collect(t.name, made)
		}})
	}
	plan = append(plan, b.repositorySteps(w)...)
	plan = append(plan, step{name: "sums", does: "SHA256SUMS and index.txt name everything", must: true, run: b.sums})
	if w.check {
		for _, t := range w.targets {
			if t.check != nil {
				plan = append(plan, t.check(b)...)
			}
		}
		plan = append(plan, b.sharedChecks(w)...)
	}
	for i := range plan {
		plan[i].run = advised(plan[i].run)
	}
	return plan
}

// advised lets a failed step say what to do right below what it says of itself: for a key, a licence or a full disk that is
// worth more than the log.
func advised(run func(context.Context, *os.File) error) func(context.Context, *os.File) error {
	return func(ctx context.Context, log *os.File) error {
		err := run(ctx, log)
		var p *problem
		if errors.As(err, &p) && p.do != "" {
			if p.tail == "" {
				p.tail = tailOf(log.Name(), 60)
			}
			p.tail = strings.TrimSpace(p.tail + "\nWhat to do: " + p.do)
		}
		return err
	}
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// collect puts what a target made into dist and remembers it.
func (b *build) collect(target string, made []artefact) (err error) {
	for _, a := range made {
		if filepath.Dir(a.path) != b.dist {
			to := filepath.Join(b.dist, filepath.Base(a.path))
			if err := place(a.path, to); err != nil {
				return err
			}
			a.path = to
		}
		if a.sha256, a.size, err = sumOf(a.path); err != nil {
			return err
		}
		a.target = target
		b.artefacts = append(b.artefacts, a)
	}
	return nil
}

// place puts a file somewhere else too: by a link where that is possible, for what is large stands in several folders.
func place(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Link(from, to); err == nil {
		return nil
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o644)
}

// freeBytes asks df how much room a folder has left.
func freeBytes(ctx context.Context, dir string) (int64, error) {
	out, err := call{env: []string{"LC_ALL=C"}}.output(ctx, "df", "-Pk", dir)
	if err != nil {
		return 0, err
	}
	return parseDF(out)
}

func parseDF(out string) (int64, error) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	f := strings.Fields(lines[len(lines)-1])
	if len(lines) < 2 || len(f) < 4 {
		return 0, fmt.Errorf("df said nothing about free space")
	}
	kib, err := strconv.ParseInt(f[3], 10, 64)
	return kib << 10, err
}

// enoughSpace says so before anything is built if what will be built has no room.
func enoughSpace(ctx context.Context, dir string, need int64, free func(context.Context, string) (int64, error)) error {
	have, err := free(ctx, dir)
	if err != nil {
		return err
	}
	if have < need {
		return &problem{
			happened: fmt.Sprintf("the disk is too full: %d MB are needed, %d MB are free", need>>20, have>>20),
			safe:     "nothing was built or removed.",
			do:       "make room, or name a folder on another disk with --out.",
		}
	}
	return nil
}

// sums writes SHA256SUMS over everything in dist, repositories included, its signature, and index.txt for people.
func (b *build) sums(ctx context.Context, log *os.File) error {
	var lines []string
	err := filepath.WalkDir(b.dist, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		sum, _, err := sumOf(path)
		name, _ := filepath.Rel(b.dist, path)
		lines = append(lines, sum+"  "+filepath.ToSlash(name)+"\n")
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(lines, func(x, y string) int { return strings.Compare(x[64:], y[64:]) })
	sums := filepath.Join(b.dist, "SHA256SUMS")
	if err := os.WriteFile(sums, []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	if b.keys.gpg != nil {
		if err := b.keys.gpg.sign(ctx, log, "--detach-sign", sums, sums+".asc", "--armor"); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(b.dist, "index.txt"), []byte(b.index()), 0o644)
}

// index is what a person reads first.
func (b *build) index() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Sealdesk %s, made of the state of %s.\n", b.version, b.epoch.Format("2006-01-02 15:04 MST"))
	switch {
	case b.keys.test:
		text.WriteString("Signed with keys made for a trial and thrown away: do not install this anywhere that matters.\n")
	case b.keys.gpg == nil && b.keys.code == nil:
		text.WriteString("Nothing is signed: this is for looking at, not for handing out.\n")
	default:
		text.WriteString("Check SHA256SUMS with its signature before you trust a line of it.\n")
	}
	rows := [][]string{{"file", "what", "MB", "sha256", "signed by"}}
	for _, a := range b.artefacts {
		rows = append(rows, []string{a.name(), a.what, fmt.Sprintf("%.2f", float64(a.size)/1e6), a.sha256[:16], dashed(a.signed)})
	}
	return text.String() + "\n" + table(rows)
}

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (b *build) summary(out *console) error {
	if len(b.artefacts) == 0 {
		return nil
	}
	out.say("")
	for line := range strings.Lines(b.index()) {
		out.say("%s", strings.TrimRight(line, "\n"))
	}
	where, err := filepath.Rel(b.root, b.dist)
	if err != nil || strings.HasPrefix(where, "..") {
		where = b.dist
	}
	out.say("")
	out.say("Everything is in %s; index.txt there is this table, SHA256SUMS has every file.", where)
	return nil
}
