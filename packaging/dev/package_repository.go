package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// repositoryLife is how long apt believes a repository that nobody signed again: who is fed an old one notices within
// it. It is as long as the update feed's targets live, so that one act of signing per release, or per quarter, serves both.
const repositoryLife = 90 * 24 * time.Hour

// repositorySteps make the signed repositories of whatever debs and rpms there are. Without a key there is none: what a
// package manager would have to be told to believe blindly is no repository.
func (b *build) repositorySteps(w packageWish) []step {
	linux := false
	for _, t := range w.targets {
		linux = linux || t.name == linuxTarget.name || t.name == relayTarget.name
	}
	if !linux {
		return nil
	}
	signed := func(make func(ctx context.Context, log *os.File, dir string) error, name string) func(context.Context, *os.File) error {
		return func(ctx context.Context, log *os.File) error {
			if b.keys.gpg == nil {
				return skipped{"nothing to sign it with: --sign or --test-keys"}
			}
			return make(ctx, log, filepath.Join(b.dist, name))
		}
	}
	return []step{
		{name: "apt", does: "the signed apt repository", must: true, run: signed(b.aptRepository, "apt")},
		{name: "dnf", does: "the signed dnf repository", must: true, run: signed(b.dnfRepository, "rpm")},
	}
}

// aptRepository lays out dir as apt reads it. Trust is InRelease: it signs the lists, which hold the hash of every deb.
func (b *build) aptRepository(ctx context.Context, log *os.File, dir string) error {
	arch := debArch[runtime.GOARCH]
	lists := filepath.Join(dir, "dists", "stable", "main", "binary-"+arch)
	if err := os.MkdirAll(lists, 0o755); err != nil {
		return err
	}
	if err := b.placeAll(".deb", filepath.Join(dir, "pool")); err != nil {
		return err
	}
	packages, err := call{dir: dir, env: b.env(), log: log}.output(ctx, "apt-ftparchive", "packages", "pool")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(lists, "Packages"), []byte(packages), 0o644); err != nil {
		return err
	}
	if err := writeGzip(filepath.Join(lists, "Packages.gz"), []byte(packages)); err != nil {
		return err
	}
	text, err := releaseText(filepath.Join(dir, "dists", "stable"), arch, time.Now().UTC(), "main/binary-"+arch+"/Packages", "main/binary-"+arch+"/Packages.gz")
	if err != nil {
		return err
	}
	release := filepath.Join(dir, "dists", "stable", "Release")
	if err := os.WriteFile(release, []byte(text), 0o644); err != nil {
		return err
	}
	k := b.keys.gpg
	if err := k.sign(ctx, log, "--clear-sign", release, filepath.Join(dir, "dists", "stable", "InRelease")); err != nil {
		return err
	}
	if err := k.sign(ctx, log, "--detach-sign", release, release+".gpg", "--armor"); err != nil {
		return err
	}
	public, err := os.ReadFile(k.public)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "sealdesk.sources"), []byte(sourcesText(exampleHost+"/apt", arch, string(public))), 0o644)
}

// exampleHost stands in the files that say where a repository is, for who serves it to put their own there.
const exampleHost = "https://packages.example.com"

// releaseText is the Release file of a repository (Debian wiki, RepositoryFormat) whose lists lie in dir.
func releaseText(dir, arch string, now time.Time, lists ...string) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "Origin: Sealdesk\nLabel: Sealdesk\nSuite: stable\nCodename: stable\nArchitectures: %s\nComponents: main\n", arch)
	const layout = "Mon, 02 Jan 2006 15:04:05 UTC"
	fmt.Fprintf(&text, "Date: %s\nValid-Until: %s\nAcquire-By-Hash: no\nSHA256:\n", now.Format(layout), now.Add(repositoryLife).Format(layout))
	for _, name := range lists {
		sum, size, err := sumOf(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, " %s %16d %s\n", sum, size, name)
	}
	return text.String(), nil
}

// sourcesText is the file a host gets in /etc/apt/sources.list.d: the key stands in it, so that it vouches for this
// repository and for no other.
func sourcesText(uri, arch, public string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "# Write the address you serve this folder at. For /etc/apt/sources.list.d/.\nTypes: deb\nURIs: %s\nSuites: stable\nComponents: main\nArchitectures: %s\nSigned-By:\n", uri, arch)
	for line := range strings.Lines(strings.TrimSpace(public)) {
		if line = strings.TrimSpace(line); line == "" {
			line = "."
		}
		text.WriteString(" " + line + "\n")
	}
	return text.String()
}

// dnfRepository lays out dir as dnf and zypper read it. Both the list and each rpm are signed.
func (b *build) dnfRepository(ctx context.Context, log *os.File, dir string) error {
	if err := b.placeAll(".rpm", dir); err != nil {
		return err
	}
	if err := b.run(ctx, log, dir, nil, "createrepo_c", "--quiet", "--checksum", "sha256", "--revision", strconv.FormatInt(b.epoch.Unix(), 10), "--set-timestamp-to-revision", "--no-database", "."); err != nil {
		return err
	}
	k := b.keys.gpg
	list := filepath.Join(dir, "repodata", "repomd.xml")
	if err := k.sign(ctx, log, "--detach-sign", list, list+".asc", "--armor"); err != nil {
		return err
	}
	for _, to := range []string{list + ".key", filepath.Join(dir, "sealdesk.asc")} {
		if err := copyFile(k.public, to); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "sealdesk.repo"), []byte(`# Write the address you serve this folder at. For /etc/yum.repos.d/.
[sealdesk]
name=Sealdesk
baseurl=`+exampleHost+`/rpm
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=`+exampleHost+`/rpm/sealdesk.asc
`), 0o644)
}

// placeAll puts every artefact with that ending into a folder too.
func (b *build) placeAll(ending, dir string) error {
	found := false
	for _, a := range b.artefacts {
		if strings.HasSuffix(a.path, ending) {
			found = true
			if err := place(a.path, filepath.Join(dir, a.name())); err != nil {
				return err
			}
		}
	}
	if !found {
		return errors.New("there is no " + ending + " to put into a repository")
	}
	return nil
}
