package main

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func (b *build) linuxChecks() []step {
	return []step{
		b.versionCheck(clientInstaller),
		{name: "desktop", does: "the desktop entry and the AppStream file are valid", run: b.desktopCheck},
		{name: "libraries", does: "the client needs the libraries its packages name, and no others", run: b.librariesCheck},
		b.unitsCheck(clientInstaller),
		b.lintianCheck(clientInstaller),
	}
}

func (b *build) relayChecks() []step {
	return []step{
		b.versionCheck(relayInstaller),
		{name: "exposure", does: fmt.Sprintf("the service's exposure is %.1f or less", float64(maxExposure)/10), run: b.exposureCheck},
		b.unitsCheck(relayInstaller),
		b.lintianCheck(relayInstaller),
	}
}

// versionCheck asks the program that was packed what it is.
func (b *build) versionCheck(i installer) step {
	return step{name: "version-" + i.target, does: "the " + i.what + " says version " + b.version, run: func(ctx context.Context, log *os.File) error {
		said, err := call{log: log}.output(ctx, b.work(i.target, "stage", i.program.name), "--version")
		if err == nil && strings.TrimSpace(said) != b.version {
			err = fmt.Errorf("it says %q", strings.TrimSpace(said))
		}
		return err
	}}
}

func (b *build) desktopCheck(ctx context.Context, log *os.File) error {
	stage := b.work("linux", "stage")
	said, err := call{dir: stage, log: log}.output(ctx, "desktop-file-validate", appName+".desktop")
	if err == nil && strings.TrimSpace(said) != "" {
		err = errors.New(strings.TrimSpace(said))
	}
	return errors.Join(err, call{dir: stage, log: log}.run(ctx, "appstreamcli", "validate", "--no-net", "--pedantic", "--explain", appName+".metainfo.xml"))
}

// clientLibraries are what the client is linked with. GLFW opens more while it runs; the packages name those by hand.
var clientLibraries = []string{"libGL.so.1", "libX11.so.6", "libc.so.6", "libm.so.6"}

// oldestGlibc is what the packages promise to run on: Debian 12, Ubuntu 22.04, RHEL 9.
const oldestGlibc = "2.34"

// librariesCheck reads the program itself: a library more, or a newer glibc, would install and then not start.
func (b *build) librariesCheck(_ context.Context, log *os.File) error {
	f, err := elf.Open(b.work("linux", "stage", clientProgram.name))
	if err != nil {
		return err
	}
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return err
	}
	newest := "0"
	for _, s := range symbols {
		if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && laterThan(v, newest) {
			newest = v
		}
	}
	fmt.Fprintln(log, "needed:", needed, "glibc:", newest)
	for _, lib := range needed {
		if !slices.Contains(clientLibraries, lib) {
			return &problem{happened: "the client is linked with " + lib + ", which its packages do not name", do: "name its package in packaging/linux/nfpm.yaml and here."}
		}
	}
	if laterThan(newest, oldestGlibc) {
		return &problem{happened: "the client needs glibc " + newest + "; its packages promise " + oldestGlibc, do: "build on Debian 12, or raise the promise in packaging/linux/nfpm.yaml and here."}
	}
	if f.Type != elf.ET_DYN {
		return errors.New("the client is not position independent")
	}
	return nil
}

// laterThan compares versions such as 2.34 and 2.4.
func laterThan(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m > n
		}
	}
	return len(x) > len(y)
}

// lintianCheck lets Debian's own checker read the deb: not a warning is left that no override explains.
func (b *build) lintianCheck(i installer) step {
	return step{name: "lintian-" + i.target, does: "lintian finds nothing in the " + i.what + "'s deb", run: func(ctx context.Context, log *os.File) error {
		deb, err := b.find(i.pack + "_*.deb")
		if err != nil {
			return err
		}
		said, err := call{dir: b.work(), log: log}.output(ctx, "lintian", "--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning", deb.path)
		fmt.Fprint(log, said)
		if said = strings.TrimSpace(said); err == nil && said != "" {
			err = errors.New("it says something")
		}
		if err != nil {
			return &problem{happened: "lintian is not content", err: err, tail: said, do: "mend it, or explain it in packaging/" + i.target + "/lintian."}
		}
		return nil
	}}
}

// maxExposure is systemd's measure of what a service could do if it were broken into, times ten.
const maxExposure = 15

func (b *build) exposureCheck(ctx context.Context, log *os.File) error {
	return exposure(ctx, log, filepath.Join(b.root, "packaging", "relay", "sealdesk-relay.service"))
}

func exposure(ctx context.Context, log *os.File, unit string) error {
	return call{log: log}.run(ctx, "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold="+strconv.Itoa(maxExposure), unit)
}

// unitsCheck lets systemd read the units: a line it does not understand is a promise nobody keeps.
func (b *build) unitsCheck(i installer) step {
	return step{name: "units-" + i.target, does: "systemd understands every line of the " + i.what + "'s units", run: func(ctx context.Context, log *os.File) error {
		dir := b.work("units-" + i.target)
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
			return err
		}
		line := "exec 2>&1 systemd-analyze verify --man=no --recursive-errors=no"
		for _, name := range i.files {
			if ext := filepath.Ext(name); ext != ".service" && ext != ".timer" {
				continue
			}
			raw, err := os.ReadFile(b.work(i.target, "stage", name))
			if err != nil {
				return err
			}
			here := strings.ReplaceAll(string(raw), "=/usr/bin/"+i.program.name+" ", "=/bin/true ") // it is not installed on this machine
			if err := os.WriteFile(filepath.Join(dir, name), []byte(here), 0o644); err != nil {
				return err
			}
			line += " ./" + name
		}
		said, err := call{dir: dir, log: log}.output(ctx, "sh", "-c", line)
		if said = strings.TrimSpace(said); err != nil || said != "" {
			return &problem{happened: "systemd does not understand the units", err: err, tail: said}
		}
		return nil
	}}
}

// sharedChecks prove what holds for everything that was made here.
func (b *build) sharedChecks(w packageWish) []step {
	var made []installer
	for _, t := range w.targets {
		for _, i := range []installer{clientInstaller, relayInstaller} {
			if t.name == i.target {
				made = append(made, i)
			}
		}
	}
	if len(made) == 0 {
		return nil
	}
	plan := []step{{name: "again", does: "built again in another folder, every byte is the same", run: func(ctx context.Context, log *os.File) error {
		return b.again(ctx, log, made, false)
	}}}
	if w.cold {
		plan = append(plan, step{name: "cold", does: "built again from empty caches elsewhere, every byte is the same", run: func(ctx context.Context, log *os.File) error {
			return b.again(ctx, log, made, true)
		}})
	}
	plan = append(plan,
		step{name: "signatures", does: "signatures hold, and nothing changed, unknown or unsigned passes", run: b.signed(b.signatureCheck)},
		step{name: "install", does: "installed from the signed repository into a clean system, upgraded, purged without a trace", run: b.signed(func(ctx context.Context, log *os.File) error {
			return b.installCheck(ctx, log, made)
		})})
	if slices.ContainsFunc(made, func(i installer) bool { return i.target == "relay" }) {
		plan = append(plan, step{name: "rpm", does: "the relay's rpm installs, verifies and goes by rpm's own database", run: b.rpmCheck})
		if w.vm {
			plan = append(plan, step{name: "vm", does: "the relay lives under a real systemd: confined, restarted, upgraded, purged", run: b.signed(b.vmCheck)})
		}
	}
	return plan
}

// signed skips what makes no sense without signatures.
func (b *build) signed(f func(context.Context, *os.File) error) func(context.Context, *os.File) error {
	return func(ctx context.Context, log *os.File) error {
		if b.keys.gpg == nil {
			return skipped{"nothing is signed: --sign or --test-keys"}
		}
		return f(ctx, log)
	}
}

// again builds and packs a copy of the checkout in another folder and compares hashes of what carries no signature.
// cold also uses another module cache, filled from this one's downloads without a network, and an empty build cache.
func (b *build) again(ctx context.Context, log *os.File, made []installer, cold bool) error {
	name := "again"
	if cold {
		name = "cold"
	}
	root := b.work(name, "elsewhere", "checkout")
	defer os.RemoveAll(b.work(name))
	if err := os.RemoveAll(b.work(name)); err != nil {
		return err
	}
	if err := b.copyCheckout(ctx, root); err != nil {
		return err
	}
	var env []string
	if cold {
		cache, err := call{dir: b.root}.output(ctx, "go", "env", "GOMODCACHE")
		if err != nil {
			return err
		}
		env = []string{"GOCACHE=" + b.work(name, "gocache"), "GOMODCACHE=" + b.work(name, "modules"), "GOFLAGS=-buildvcs=false -modcacherw",
			"GOPROXY=file://" + filepath.ToSlash(strings.TrimSpace(cache)) + "/cache/download", "GONOSUMDB=*", "GOTOOLCHAIN=local"}
	}
	for _, i := range made {
		dir := b.work(name, i.target)
		binary, err := i.stage(ctx, b, log, root, dir, env)
		if err != nil {
			return err
		}
		if err := copyFile(b.work(i.target, "stage", "NOTICES.gz"), filepath.Join(dir, "stage", "NOTICES.gz")); err != nil {
			return err
		}
		packed, err := i.bundle(ctx, b, log, dir)
		if err != nil {
			return err
		}
		if err := sameSum(binary, b.work(i.target, "stage", i.program.name)); err != nil {
			return err
		}
		for _, a := range packed {
			sum, _, err := sumOf(a.path)
			if err != nil {
				return err
			}
			fmt.Fprintln(log, sum, a.name())
			if sum != b.unsigned[a.name()] {
				return fmt.Errorf("%s is not the same when it is built again", a.name())
			}
		}
	}
	return nil
}

func sameSum(x, y string) error {
	a, _, err := sumOf(x)
	if err != nil {
		return err
	}
	b, _, err := sumOf(y)
	if err == nil && a != b {
		err = fmt.Errorf("%s is not the same when it is built again", filepath.Base(x))
	}
	return err
}

// copyCheckout copies what git knows, or would know, of the checkout.
func (b *build) copyCheckout(ctx context.Context, to string) error {
	listed, err := call{dir: b.root}.output(ctx, "git", "ls-files", "-z", "-co", "--exclude-standard")
	if err != nil {
		return err
	}
	for _, name := range strings.Split(strings.TrimRight(listed, "\x00"), "\x00") {
		err := copyFile(filepath.Join(b.root, filepath.FromSlash(name)), filepath.Join(to, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a file that was removed and not committed
			return err
		}
	}
	return nil
}

// signatureCheck plays the people who get our files: with our key, with another, and with files somebody changed.
func (b *build) signatureCheck(ctx context.Context, log *os.File) error {
	dir := b.work("signatures")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	ring := filepath.Join(dir, "ring.gpg")
	if err := b.run(ctx, log, dir, nil, "gpg", "--homedir", b.keys.gpg.home, "--batch", "--yes", "--output", ring, "--dearmor", b.keys.gpg.public); err != nil {
		return err
	}
	verify := func(args ...string) error {
		return call{dir: b.dist, log: log, env: b.env()}.run(ctx, "gpgv", append([]string{"--keyring", ring}, args...)...)
	}
	known, stranger := filepath.Join(dir, "known"), filepath.Join(dir, "stranger")
	if err := b.run(ctx, log, dir, nil, "rpmkeys", "--dbpath", known, "--import", b.keys.gpg.public); err != nil {
		return err
	}
	rpmCheck := func(db string) func(path string) error {
		return func(path string) error {
			said, err := call{log: log, env: b.env()}.output(ctx, "rpmkeys", "--dbpath", db, "-K", path)
			fmt.Fprint(log, said)
			if err == nil && !strings.Contains(said, "digests signatures OK") {
				err = errors.New("rpm does not say that the signature is good")
			}
			return err
		}
	}
	type proof struct {
		file   string
		check  func(path string) error
		change int // where a byte is changed, from the end
	}
	var proofs []proof
	for _, a := range b.artefacts {
		if strings.HasSuffix(a.path, ".rpm") {
			proofs = append(proofs, proof{a.path, rpmCheck(known), 1000})
			if err := rpmCheck(stranger)(a.path); err == nil {
				return fmt.Errorf("%s is believed by who does not know the key", a.name())
			}
		}
	}
	detached := func(signature string) func(string) error {
		return func(path string) error { return verify(signature, path) }
	}
	sums := filepath.Join(b.dist, "SHA256SUMS")
	list := filepath.Join(b.dist, "rpm", "repodata", "repomd.xml")
	release := filepath.Join(b.dist, "apt", "dists", "stable", "Release")
	proofs = append(proofs,
		proof{filepath.Join(filepath.Dir(release), "InRelease"), func(path string) error { return verify(path) }, 900},
		proof{release, detached(release + ".gpg"), 10},
		proof{list, detached(list + ".asc"), 10},
		proof{sums, detached(sums + ".asc"), 10},
		proof{sums, func(path string) error {
			return call{dir: b.dist, log: log}.run(ctx, "sha256sum", "--check", "--quiet", "--strict", path)
		}, 200},
	)
	for _, p := range proofs {
		if err := p.check(p.file); err != nil {
			return err
		}
		raw, err := os.ReadFile(p.file)
		if err != nil {
			return err
		}
		changed := bytes.Clone(raw)
		at := max(0, len(raw)-p.change)
		changed[at] ^= 1
		path := filepath.Join(dir, filepath.Base(p.file))
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			return err
		}
		if err := p.check(path); err == nil {
			return fmt.Errorf("%s passes with a changed byte", filepath.Base(p.file))
		}
	}
	return nil
}

// rpmCheck installs the relay's rpm into an empty root, by the name rpm has for everything in it.
func (b *build) rpmCheck(ctx context.Context, log *os.File) error {
	if !asRoot() {
		return skipped{"installing into another root needs root"}
	}
	rpm, err := b.find("sealdesk-relay-*.rpm")
	if err != nil {
		return err
	}
	root := b.work("rpm-root")
	defer os.RemoveAll(root)
	if err := errors.Join(os.RemoveAll(root), os.MkdirAll(root, 0o755)); err != nil {
		return err
	}
	conf := filepath.Join(root, "etc", "sealdesk-relay", "service.env")
	rpmIn := func(args ...string) error {
		return b.run(ctx, log, root, nil, "rpm", append([]string{"--root", root}, args...)...)
	}
	// An empty root has neither systemd nor certificates, and no shell for the scripts.
	if err := rpmIn("-i", "--nodeps", "--noscripts", rpm.path); err != nil {
		return err
	}
	if err := rpmIn("-V", "--nodeps", "sealdesk-relay"); err != nil {
		return err
	}
	if err := os.WriteFile(conf, []byte("GOMEMLIMIT=1GiB\n"), 0o644); err != nil {
		return err
	}
	if err := rpmIn("-e", "--noscripts", "sealdesk-relay"); err != nil {
		return err
	}
	if !isFile(conf + ".rpmsave") {
		return errors.New("a changed configuration file was not kept")
	}
	return nil
}
