package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// installer is a program as a deb and an rpm, which nfpm makes of a stage that is laid out here.
type installer struct {
	target  string // its folder below packaging and below package
	pack    string // the package's name
	what    string // for the summary
	program program
	flags   []string // more for go build
	files   []string // of packaging/<target>, as they are
	pages   []string // man pages of packaging/<target>

	icons bool
}

var (
	linuxTarget = target{
		name: "linux", does: "the client as deb and rpm", needs: []string{"client", "package-linux"}, checkNeeds: []string{"window", "keyring"},
		space: 2 << 30, keys: []string{keyGPG},
		make:  clientInstaller.make,
		check: (*build).linuxChecks,
	}
	relayTarget = target{
		name: "relay", does: "the relay as deb and rpm", needs: []string{"package-linux"},
		space: 1 << 30, keys: []string{keyGPG},
		make:  relayInstaller.make,
		check: (*build).relayChecks,
	}
	clientInstaller = installer{
		target: "linux", pack: "sealdesk-client", what: "client", program: clientProgram, flags: []string{"-buildmode=pie"}, icons: true,
		files: []string{appName + ".desktop", appName + ".metainfo.xml", "postinstall", "preremove", "postremove", "copyright", "lintian", "sealdesk-update.service", "sealdesk-update.timer"}, pages: []string{"sealdesk.1"},
	}
	relayInstaller = installer{
		target: "relay", pack: "sealdesk-relay", what: "relay", program: relayProgram,
		files: []string{
			"sealdesk-relay.service", "sealdesk-relay-setup", "service.env", "port-443.conf", "certificate.conf", "backup.conf", "lintian",
			"deb/postinst", "deb/prerm", "deb/postrm", "rpm/post", "rpm/preun", "rpm/postun",
		},
		pages: []string{"sealdesk-relay.1", "sealdesk-relay-setup.8"},
	}
)

// appName is the client's id in FyneApp.toml, by which desktops know its icon and entry.
const appName = "app.sealdesk.client"

// iconSizes are the pixels of the icons a desktop asks for.
var iconSizes = []int{16, 22, 24, 32, 48, 64, 128, 256, 512}

// debArch is what Debian, and rpm, call the architecture a program is built for.
var debArch, rpmArch = map[string]string{"amd64": "amd64", "arm64": "arm64"}, map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

func (i installer) make(ctx context.Context, b *build, log *os.File) ([]artefact, error) {
	dir := b.work(i.target)
	binary, err := i.stage(ctx, b, log, b.root, dir, nil)
	if err != nil {
		return nil, err
	}
	list, err := b.billOf(ctx, log, i.program, binary, "linux", dir)
	if err != nil {
		return nil, err
	}
	if err := gzipFile(list.notices, filepath.Join(dir, "stage", "NOTICES.gz")); err != nil {
		return nil, err
	}
	stem := fmt.Sprintf("%s-%s-linux-%s", i.pack, b.version, runtime.GOARCH)
	sbom := filepath.Join(dir, stem+".cdx.json")
	if err := b.sbom(ctx, log, i.program, binary, list, sbom); err != nil {
		return nil, err
	}
	notices := filepath.Join(dir, stem+"-NOTICES.txt")
	if err := place(list.notices, notices); err != nil {
		return nil, err
	}
	packed, err := i.bundle(ctx, b, log, dir)
	if err != nil {
		return nil, err
	}
	for n, a := range packed {
		if b.unsigned[a.name()], _, err = sumOf(a.path); err != nil {
			return nil, err
		}
		if strings.HasSuffix(a.path, ".rpm") && b.keys.gpg != nil {
			if err := b.signRPM(ctx, log, a.path); err != nil {
				return nil, err
			}
			packed[n].signed = b.keys.gpg.name()
		}
		if strings.HasSuffix(a.path, ".deb") && b.keys.gpg != nil {
			packed[n].signed = b.keys.gpg.name() + ", by apt/InRelease"
		}
	}
	return append(packed,
		artefact{path: sbom, what: i.what + ": what it is made of (CycloneDX)"},
		artefact{path: notices, what: i.what + ": licences of what it is made of"}), nil
}

// stage compiles the program of the checkout at root and lays everything nfpm packs out in dir/stage, but the notices.
func (i installer) stage(ctx context.Context, b *build, log *os.File, root, dir string, env []string) (binary string, err error) {
	stage, source := filepath.Join(dir, "stage"), filepath.Join(root, "packaging", i.target)
	if err := os.MkdirAll(stage, 0o755); err != nil {
		return "", err
	}
	binary = filepath.Join(stage, i.program.name)
	if err := b.compile(ctx, log, root, i.program, binary, env, i.flags...); err != nil {
		return "", err
	}
	releases, err := readReleases(filepath.Join(root, "packaging", "linux", appName+".metainfo.xml"))
	if err != nil {
		return "", err
	}
	filled := strings.NewReplacer("@VERSION@", b.version, "@DATE@", b.epoch.Format(time.DateOnly), "@ARCH@", runtime.GOARCH)
	for _, name := range i.files {
		if err := copyFile(filepath.Join(source, filepath.FromSlash(name)), filepath.Join(stage, filepath.FromSlash(name))); err != nil {
			return "", err
		}
	}
	for _, name := range i.pages {
		raw, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		if err := writeGzip(filepath.Join(stage, name+".gz"), []byte(filled.Replace(string(raw)))); err != nil {
			return "", err
		}
	}
	config, err := os.ReadFile(filepath.Join(source, "nfpm.yaml"))
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		filepath.Join(dir, "nfpm.yaml"):        filled.Replace(string(config)),
		filepath.Join(stage, "changelog.yaml"): changelog(releases),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	// One licence and one copyright for both packages.
	for from, to := range map[string]string{"LICENSE": "LICENSE", "packaging/linux/copyright": "copyright"} {
		if err := copyFile(filepath.Join(root, filepath.FromSlash(from)), filepath.Join(stage, to)); err != nil {
			return "", err
		}
	}
	if i.icons {
		err = b.icons(ctx, log, root, filepath.Join(stage, "icons"))
	}
	return binary, err
}

// bundle makes the deb and the rpm of a stage, or only those with one of the endings.
func (i installer) bundle(ctx context.Context, b *build, log *os.File, dir string, only ...string) ([]artefact, error) {
	tool, err := b.tool(ctx, log, "nfpm")
	if err != nil {
		return nil, err
	}
	all := []artefact{
		{path: filepath.Join(dir, fmt.Sprintf("%s_%s-1_%s.deb", i.pack, b.version, debArch[runtime.GOARCH])), what: i.what + " for Debian 12, Ubuntu 22.04 and later"},
		{path: filepath.Join(dir, fmt.Sprintf("%s-%s-1.%s.rpm", i.pack, b.version, rpmArch[runtime.GOARCH])), what: i.what + " for Fedora, RHEL 9, SUSE and later"},
	}
	if len(only) > 0 {
		all = slices.DeleteFunc(all, func(a artefact) bool { return !slices.Contains(only, filepath.Ext(a.path)) })
	}
	for _, a := range all {
		if err := b.run(ctx, log, dir, nil, tool, "package", "-f", "nfpm.yaml", "-p", strings.TrimPrefix(filepath.Ext(a.path), "."), "-t", a.path); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// icons draws the icon in every size.
func (b *build) icons(ctx context.Context, log *os.File, root, dir string) error {
	svg := filepath.Join(root, "assets", "icon.svg")
	for _, n := range iconSizes {
		size := fmt.Sprint(n)
		to := filepath.Join(dir, size+"x"+size, "apps", appName+".png")
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := b.run(ctx, log, dir, nil, "rsvg-convert", "-w", size, "-h", size, "-o", to, svg); err != nil {
			return err
		}
	}
	return copyFile(svg, filepath.Join(dir, "scalable", "apps", appName+".svg"))
}

// releaseNote is one release of the list in the metainfo file.
type releaseNote struct {
	Version string   `xml:"version,attr"`
	Date    string   `xml:"date,attr"`
	Notes   []string `xml:"description>ul>li"`
}

// readReleases reads the one list of releases there is, the newest first.
func readReleases(path string) ([]releaseNote, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Releases []releaseNote `xml:"releases>release"`
	}
	if err := xml.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	if len(file.Releases) == 0 {
		return nil, errors.New("the metainfo file lists no release")
	}
	return file.Releases, nil
}

// changelog is the list of releases as nfpm wants it.
func changelog(all []releaseNote) string {
	var text strings.Builder
	for _, r := range all {
		fmt.Fprintf(&text, "- semver: %q\n  date: %sT00:00:00Z\n  packager: Sealdesk <packages@sealdesk.app>\n  deb:\n    urgency: medium\n    distributions: [stable]\n  changes:\n", r.Version+"-1", r.Date)
		for _, n := range r.Notes {
			fmt.Fprintf(&text, "    - note: %q\n", strings.Join(strings.Fields(n), " "))
		}
	}
	return text.String()
}

// signRPM signs by rpm itself, which asks gpg: the key may be anywhere gpg knows.
func (b *build) signRPM(ctx context.Context, log *os.File, path string) error {
	k := b.keys.gpg
	extra := "--batch --no-tty"
	if k.passphrase != "" {
		extra += " --pinentry-mode loopback --passphrase-file " + k.passphrase
	}
	// Debian's rpm looks for gpg2 unless told; without digest_algo it would take SHA-1 of old macros.
	return b.run(ctx, log, b.base, nil, "rpm", "--define", "__gpg "+gpgPath, "--define", "_gpg_name "+k.fingerprint, "--define", "_gpg_path "+k.home,
		"--define", "_gpg_digest_algo sha256", "--define", "_gpg_sign_cmd_extra_args "+extra, "--addsign", path)
}

const gpgPath = "/usr/bin/gpg"

// writeGzip writes a file compressed, without the name and the time gzip would note in it.
func writeGzip(path string, raw []byte) error {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(raw); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func gzipFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeGzip(to, raw)
}

// copyFile copies a file with its mode, making folders.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, raw, info.Mode().Perm())
}
