package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is one system, or one program, that `package` makes installers for. A new one is a row in targets.
type target struct {
	name       string
	does       string
	needs      []string // package groups
	checkNeeds []string // further ones for --check
	space      int64    // bytes it needs free below build/, checked before anything is built
	keys       []string // what of the keys it signs with: keyGPG, keyCode

	// make builds, packs and signs, below b.work(name), and returns what belongs into b.dist; the verb puts it there.
	make func(ctx context.Context, b *build, log *os.File) ([]artefact, error)
	// check is what --check adds: each row proves one promise about what make returned. b.artefacts is filled by then.
	check func(b *build) []step
}

func targets() []target {
	return []target{linuxTarget, windowsTarget, darwinTarget, relayTarget}
}

// artefact is one file of b.dist.
type artefact struct {
	path   string // where it lies; the verb links it into b.dist
	what   string // for people: "client for Debian and Ubuntu"
	signed string // by whom and how: "GPG 0123ABCD"; "" is not signed itself
	target string // set by the verb
	sha256 string // set by the verb
	size   int64  // set by the verb
}

func (a artefact) name() string { return filepath.Base(a.path) }

// build is one run of the verb: what every target gets.
type build struct {
	*dev
	version    string    // FyneApp.toml's, such as 0.1.0
	number     int       // FyneApp.toml's Build
	epoch      time.Time // of the last commit: every file, package and archive is as old as that
	base       string    // build, or what --out names: dist and package lie in it
	dist       string    // base/dist: what is handed out, and nothing else
	cold       bool      // built again from an empty cache too, when it is checked
	keys       *keys
	artefacts  []artefact
	updateRoot []byte            // the root.json whose updates this build believes; nil: nobody's, and it offers none
	unsigned   map[string]string // sha256 of what has a signature inside, from before it was signed, by name
}

// work is a path below the folder where targets lay what they need: work(target.name) is the target's own, and empty when
// make is called.
func (b *build) work(parts ...string) string {
	return filepath.Join(append([]string{b.base, "package"}, parts...)...)
}

// env is the environment of everything that packs: the clock of the last commit, one language, one zone.
func (b *build) env(more ...string) []string {
	return append([]string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(b.epoch.Unix(), 10), "TZ=UTC", "LC_ALL=C.UTF-8", "GOFLAGS=-buildvcs=false"}, more...)
}

// run runs a program in dir with b.env and more.
func (b *build) run(ctx context.Context, log io.Writer, dir string, env []string, name string, args ...string) error {
	return call{dir: dir, env: b.env(env...), log: b.tee(log)}.run(ctx, name, args...)
}

// releaseTags are the build tags of a client that is handed out: release keeps Fyne from reading a FyneApp.toml that lies
// beside the program.
const releaseTags = "release," + clientTags

// ldflags are the linker's flags of everything that is handed out.
func (b *build) ldflags() string {
	flags := "-s -w -X main.release=" + b.version
	if len(b.updateRoot) > 0 {
		flags += " -X sealdesk/sync/updates.builtin=" + base64.StdEncoding.EncodeToString(b.updateRoot)
	}
	return flags
}

// compile builds a program of the house from the checkout at root, reproducibly.
func (b *build) compile(ctx context.Context, log io.Writer, root string, p program, out string, env []string, more ...string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false"}
	if p.tags != "" {
		args = append(args, "-tags", strings.Replace(p.tags, clientTags, releaseTags, 1))
	}
	if !slices.Contains(more, "-ldflags") {
		args = append(args, "-ldflags", b.ldflags())
	}
	args = append(append(args, more...), "-o", out, p.path)
	return b.run(ctx, log, root, append([]string{cgoEnv(p.cgo)}, env...), "go", args...)
}

// find returns the artefact whose name matches the pattern of filepath.Match, or an error that says it is not there.
func (b *build) find(pattern string) (artefact, error) {
	for _, a := range b.artefacts {
		if ok, _ := filepath.Match(pattern, a.name()); ok {
			return a, nil
		}
	}
	return artefact{}, fmt.Errorf("build/dist holds no %s", pattern)
}

// sumOf returns the sha256 of a file, in hex, and its size.
func sumOf(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// appFile is what FyneApp.toml says of a release: the one place a version stands in.
var (
	appVersion = regexp.MustCompile(`(?m)^Version = "([0-9]+\.[0-9]+\.[0-9]+)"$`)
	appBuild   = regexp.MustCompile(`(?m)^Build = ([0-9]+)$`)
)

// versionOf reads version and build number from FyneApp.toml's text.
func versionOf(text string) (string, int, error) {
	v, n := appVersion.FindStringSubmatch(text), appBuild.FindStringSubmatch(text)
	if v == nil || n == nil {
		return "", 0, &problem{happened: "FyneApp.toml names no version and build number that can be released", do: `write Version = "1.2.3" and Build = 4 there.`}
	}
	number, err := strconv.Atoi(n[1])
	return v[1], number, err
}

// newBuild reads what a build needs of the checkout.
func (d *dev) newBuild(ctx context.Context, base string) (*build, error) {
	text, err := os.ReadFile(filepath.Join(d.root, "FyneApp.toml"))
	if err != nil {
		return nil, err
	}
	b := &build{dev: d, base: base, dist: filepath.Join(base, "dist"), keys: &keys{}, unsigned: map[string]string{}}
	if b.version, b.number, err = versionOf(string(text)); err != nil {
		return nil, err
	}
	said, err := call{dir: d.root}.output(ctx, "git", "log", "-1", "--format=%ct")
	if err == nil {
		var at int64
		at, err = strconv.ParseInt(strings.TrimSpace(said), 10, 64)
		b.epoch = time.Unix(at, 0).UTC()
	}
	if err != nil {
		return nil, &problem{happened: "the last commit's time could not be read; packages are as old as that", err: err, do: "run it in a clone made by git."}
	}
	return b, nil
}

// errNoKey is wrapped when a key that is needed is not there.
var errNoKey = errors.New("no such key")
