package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// cleanSuite is the system the installation is tried on: the oldest one the packages promise.
const cleanSuite = "bookworm"

// root is a system of its own in a folder, as chroot enters it.
type root struct {
	dir string
	log *os.File
}

// cleanSystem returns an archive of a minimal Debian with some packages, made once and kept.
func (b *build) cleanSystem(ctx context.Context, log *os.File, name string, include ...string) (string, error) {
	path := b.build("cache", cleanSuite+"-"+name+".tar")
	if isFile(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	args := []string{"--variant=minbase"}
	if len(include) > 0 {
		args = append(args, "--include="+strings.Join(include, ","))
	}
	part := path + ".part.tar"
	if err := b.run(ctx, log, b.base, nil, "mmdebstrap", append(args, cleanSuite, part)...); err != nil {
		return "", &problem{happened: "a clean Debian could not be fetched to try the installation on", err: err, do: "check the network and /etc/apt, then repeat the command."}
	}
	return path, os.Rename(part, path)
}

// unpack makes a system of such an archive in dir.
func (b *build) unpack(ctx context.Context, log *os.File, tar, dir string) (root, error) {
	r := root{dir: dir, log: log}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return r, err
	}
	return r, b.run(ctx, log, dir, nil, "tar", "-xpf", tar, "--numeric-owner", "-C", dir)
}

func (r root) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

// sh runs a line of shell inside.
func (r root) sh(ctx context.Context, line string) error {
	_, err := r.ask(ctx, line)
	return err
}

// ask is sh that returns both outputs.
func (r root) ask(ctx context.Context, line string) (string, error) {
	return r.enter(ctx, line, "chroot", r.dir, "sh", "-c", "exec 2>&1; "+line)
}

// alone is sh with /proc, where programs find themselves, mounted for the one line.
func (r root) alone(ctx context.Context, line string) error {
	_, err := r.enter(ctx, line, "unshare", "--mount", "sh", "-ec", `mount -t proc proc "$0/proc"; exec chroot "$0" sh -c "$1"`, r.dir, "exec 2>&1; "+line)
	return err
}

func (r root) enter(ctx context.Context, line, name string, args ...string) (string, error) {
	fmt.Fprintln(r.log, "#", line)
	said, err := call{log: r.log, env: []string{"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "-TMPDIR"}}.
		output(ctx, name, args...)
	fmt.Fprint(r.log, said)
	return said, err
}

// apt is apt-get as a person without questions would use it. What the person changed in a configuration file stays.
const apt = "apt-get -q -y -o Dpkg::Options::=--force-confold -o APT::Sandbox::User=root "

// repository lays the signed repository inside, as a host would see it, and names it to apt.
func (b *build) repository(ctx context.Context, r root) error {
	if err := os.RemoveAll(r.path("srv", "apt")); err != nil {
		return err
	}
	if err := b.run(ctx, r.log, b.dist, nil, "cp", "-r", "apt", r.path("srv")); err != nil {
		return err
	}
	public, err := os.ReadFile(b.keys.gpg.public)
	if err != nil {
		return err
	}
	text := sourcesText("file:///srv/apt", debArch[runtime.GOARCH], string(public))
	return os.WriteFile(r.path("etc", "apt", "sources.list.d", "sealdesk.sources"), []byte(text), 0o644)
}

// installCheck is the life of our packages on a clean machine.
func (b *build) installCheck(ctx context.Context, log *os.File, made []installer) error {
	if !asRoot() {
		return skipped{"a clean system in a folder needs root"}
	}
	tar, err := b.cleanSystem(ctx, log, "minbase")
	if err != nil {
		return err
	}
	r, err := b.unpack(ctx, log, tar, b.work("root"))
	if err != nil {
		return err
	}
	defer os.RemoveAll(r.dir)
	if err := copyFile("/etc/resolv.conf", r.path("etc", "resolv.conf")); err != nil {
		return err
	}
	// Nothing may start a service here, and dpkg's database must be as the packages find it.
	if err := r.sh(ctx, apt+"update"); err != nil {
		return err
	}
	if err := b.distrust(ctx, r, made[0]); err != nil {
		return err
	}
	if err := b.repository(ctx, r); err != nil {
		return err
	}
	if err := r.sh(ctx, apt+"update"); err != nil {
		return err
	}
	for _, i := range made {
		if err := b.life(ctx, r, i); err != nil {
			return fmt.Errorf("%s: %w", i.pack, err)
		}
	}
	return nil
}

// distrust sees that apt refuses what it must: changed lists, a changed deb, lists that are too old.
func (b *build) distrust(ctx context.Context, r root, i installer) error {
	release := filepath.Join("srv", "apt", "dists", "stable", "Release")
	sign := func(text string) error {
		if err := os.WriteFile(r.path(release), []byte(text), 0o644); err != nil {
			return err
		}
		return b.keys.gpg.sign(ctx, r.log, "--clear-sign", r.path(release), r.path(filepath.Dir(release), "InRelease"))
	}
	change := func(path string, at func(raw []byte) int) error {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		raw[at(raw)] ^= 1
		return os.WriteFile(path, raw, 0o644)
	}
	middle := func(raw []byte) int { return len(raw) / 2 }
	origin := func(raw []byte) int { return bytes.Index(raw, []byte("Sealdesk")) }
	deb, err := b.find(i.pack + "_*.deb")
	if err != nil {
		return err
	}
	arch := debArch[runtime.GOARCH]
	for _, d := range []struct {
		what string
		do   func() error
		then string // what of apt must refuse
		says string
	}{
		{"a changed list", func() error { return change(r.path(filepath.Dir(release), "InRelease"), origin) }, "update", "BADSIG"},
		{"a changed deb", func() error { return change(r.path("srv", "apt", "pool", deb.name()), middle) }, "update && " + apt + "download " + i.pack, "Hash Sum mismatch"},
		{"a list nobody signed again for a quarter", func() error {
			text, err := releaseText(r.path(filepath.Dir(release)), arch, time.Now().UTC().Add(-repositoryLife-time.Hour), "main/binary-"+arch+"/Packages")
			if err != nil {
				return err
			}
			return sign(text)
		}, "update", "expired"},
	} {
		if err := errors.Join(b.repository(ctx, r), d.do()); err != nil {
			return err
		}
		// Ours alone: what Debian's mirrors say is not asked here.
		said, err := r.ask(ctx, "cd /tmp; rm -rf /srv/parts /var/lib/apt/lists/_srv*; mkdir /srv/parts; cp /etc/apt/sources.list.d/sealdesk.sources /srv/parts; "+
			"export APT_CONFIG=/srv/apt.conf; printf 'Dir::Etc::sourcelist \"-\";\nDir::Etc::sourceparts \"/srv/parts\";\nAPT::Update::Error-Mode \"any\";\n' >$APT_CONFIG; "+apt+d.then)
		if err == nil {
			return fmt.Errorf("apt takes %s", d.what)
		}
		if !strings.Contains(said, d.says) {
			return fmt.Errorf("apt refuses %s, but does not say %q", d.what, d.says)
		}
	}
	return nil
}

// life installs, verifies, upgrades, and purges one package, and looks for what is left.
func (b *build) life(ctx context.Context, r root, i installer) error {
	// Its dependencies stay when it goes: they come first.
	if err := r.sh(ctx, apt+"install --no-install-recommends "+i.pack+" && "+apt+"purge "+i.pack); err != nil {
		return err
	}
	before, err := r.files()
	if err != nil {
		return err
	}
	if err := r.sh(ctx, apt+"install --no-install-recommends "+i.pack+" && dpkg -V "+i.pack+" && "+i.program.name+" --version"); err != nil {
		return err
	}
	proof := b.clientLife
	if i.target == relayTarget.name {
		proof = b.relayLife
	}
	if err := proof(ctx, r, i); err != nil {
		return err
	}
	if err := r.sh(ctx, apt+"purge "+i.pack); err != nil {
		return err
	}
	after, err := r.files()
	if err != nil {
		return err
	}
	var left []string
	for _, f := range after {
		if _, found := slices.BinarySearch(before, f); !found {
			left = append(left, f)
		}
	}
	if len(left) > 0 {
		return errors.New("purging leaves " + strings.Join(firstOf(left, 5), ", "))
	}
	return nil
}

// files lists everything in the system but what package managers remember and what logs say.
func (r root) files() (all []string, err error) {
	skip := []string{"var/lib/apt", "var/lib/dpkg", "var/cache", "var/log", "tmp", "srv", "root", "proc", "dev", "sys"}
	err = filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(r.dir, path)
		if slices.Contains(skip, name) {
			return filepath.SkipDir
		}
		all = append(all, name)
		return nil
	})
	slices.Sort(all)
	return all, err
}

// relayLife sets the relay up, as an administrator would, and upgrades it: what was changed is kept.
func (b *build) relayLife(ctx context.Context, r root, i installer) error {
	next, err := b.nextVersion(ctx, r.log, i)
	if err != nil {
		return err
	}
	if err := copyFile(next, r.path("srv", "next.deb")); err != nil {
		return err
	}
	for _, line := range []string{
		relaySetup,
		"! " + relaySetup, // a second time would throw the company away
		"test -e /var/lib/sealdesk-relay/master.key && test ! -e /etc/sealdesk-relay/data",
		`sealdesk-relay person add "Ada Example" --role supervisor`,
		"echo GOMEMLIMIT=1GiB >>/etc/sealdesk-relay/service.env; echo '# ours' >>/etc/sealdesk-relay/relay.toml; sha256sum /etc/sealdesk-relay/* /var/lib/sealdesk-relay/master.key >/tmp/sums",
		apt + "install /srv/next.deb && sha256sum -c /tmp/sums",
		"sealdesk-relay person list | grep Ada",
		apt + "remove " + i.pack + " && sha256sum -c /tmp/sums",
		"systemctl list-unit-files >/dev/null 2>&1; " + apt + "install --allow-downgrades --no-install-recommends " + i.pack,
	} {
		if err := r.sh(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// relaySetup sets a relay up that reaches nobody.
const relaySetup = `sealdesk-relay-setup --public relay.sealdesk.test:8443 --number +493023125000 --phone-number-id 106540352242922 --app-secret 0123456789abcdef0123456789abcdef --token test-token --api http://127.0.0.1:9`

// nextVersion packs the same program as the next release, with another service.env: the case in which an upgrade would
// overwrite what somebody changed.
func (b *build) nextVersion(ctx context.Context, log *os.File, i installer) (string, error) {
	dir := b.work("next-" + i.target)
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(filepath.Join(dir, "stage"), os.DirFS(b.work(i.target, "stage")))); err != nil {
		return "", err
	}
	config, err := os.ReadFile(b.work(i.target, "nfpm.yaml"))
	if err != nil {
		return "", err
	}
	later := *b
	later.version = b.version + ".1"
	text := strings.Replace(string(config), "\nversion: "+b.version, "\nversion: "+later.version, 1)
	if err := os.WriteFile(filepath.Join(dir, "nfpm.yaml"), []byte(text), 0o644); err != nil {
		return "", err
	}
	if env := filepath.Join(dir, "stage", "service.env"); isFile(env) {
		if err := os.WriteFile(env, []byte("# Another default.\n"), 0o644); err != nil {
			return "", err
		}
	}
	packed, err := i.bundle(ctx, &later, log, dir, ".deb")
	if err != nil {
		return "", err
	}
	return packed[0].path, nil
}

// clientLife starts the installed client in a session of its own and takes a picture of its window.
func (b *build) clientLife(ctx context.Context, r root, i installer) error {
	for _, line := range []string{
		"test \"$(stat -c '%U %a' /etc/sealdesk/policies.d)\" = 'root 755'",
		"test /usr/lib/systemd/system/timers.target.wants/sealdesk-update.timer -ef /usr/lib/systemd/system/sealdesk-update.timer",
		"sealdesk --install-update | grep 'Nothing was done' && test ! -e /var/lib/sealdesk-update",
		// An updater that ran, from no relay, leaves what it remembers for purging to take along.
		`echo '{"UpdateMode":"auto","RelayURL":"https://127.0.0.1:9","RelayPin":["` + strings.Repeat("A", 43) + `"]}' >/etc/sealdesk/policies.d/50-company.json`,
		"! sealdesk --install-update && test -d /var/lib/sealdesk-update",
		`echo '{"UpdateMode":"sometimes"}' >/etc/sealdesk/policies.d/50-company.json && sealdesk --print-policy; test $? = 3`,
		"rm /etc/sealdesk/policies.d/50-company.json",
	} {
		if err := r.alone(ctx, line); err != nil {
			return err
		}
	}
	sup, err := newSupervisor(b.build("log", "package-window"))
	if err != nil {
		return err
	}
	defer sup.close()
	dir, err := os.MkdirTemp("", "sealdesk-home")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h, runtimeDir, clean, err := newHome(dir)
	if err != nil {
		return err
	}
	defer clean()
	env, err := startKeyring(ctx, sup, h, runtimeDir)
	if err != nil {
		return err
	}
	screen, err := startDisplay(ctx, sup, "1440x900", env)
	if err != nil {
		return err
	}
	pictures, err := newAlbum(b.work("pictures"))
	if err != nil {
		return err
	}
	// As the desktop entry starts it: the name by which the desktop finds the entry of the window.
	// The keyring's bus lies in the host's /tmp.
	enter := fmt.Sprintf(`mount --bind /tmp "%[1]s/tmp"; mount --bind /dev "%[1]s/dev"; mount -t proc proc "%[1]s/proc"; exec chroot "%[1]s" env RESOURCE_NAME=%[2]s sealdesk --size 1200x800`, r.dir, appName)
	client, err := sup.start(launch{name: "installed-client", path: "unshare", args: []string{"--mount", "sh", "-ec", enter}, env: screen.clientEnv(env, "en_GB")})
	if err != nil {
		return err
	}
	d := &driver{display: screen, alone: true, album: pictures, client: client}
	if err := d.findWindow(ctx, "Sealdesk|"+windowTitle); err != nil {
		return err
	}
	// A busy machine shows an empty window for a while.
	path := filepath.Join(pictures.dir, "installed.png")
	err = until(ctx, 2*time.Minute, time.Second, func() (bool, error) {
		now, err := d.still(ctx, path)
		return err == nil && colours(now, 64) >= 8, err
	})
	fmt.Fprintln(r.log, "picture:", path)
	class, e := d.tool(ctx, "xprop", "-id", d.window, "WM_CLASS")
	fmt.Fprint(r.log, class)
	if e == nil && !strings.Contains(class, `"`+appName+`"`) {
		e = fmt.Errorf("the window's class is not the desktop entry's: %s", strings.TrimSpace(class))
	}
	client.stop(10 * time.Second)
	return errors.Join(err, e)
}
