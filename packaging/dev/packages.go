package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// group is a set of system packages that one purpose needs.
type group struct {
	purpose string
	debian  []string // Debian 12 and later, Ubuntu 22.04 and later
	probes  []string // programs that show the purpose is served, for systems without dpkg
	hint    string   // what to install elsewhere
}

// packages is the whole list of what we ever install, by the names verbs use.
var packages = map[string]group{
	"client": {
		purpose: "building the desktop client (C compiler, OpenGL and X11 headers)",
		debian:  []string{"gcc", "libc6-dev", "pkg-config", "libgl1-mesa-dev", "xorg-dev", "libxkbcommon-dev"},
		probes:  []string{"gcc", "pkg-config"},
		hint:    "Fedora: dnf install gcc pkgconf-pkg-config libXcursor-devel libXrandr-devel mesa-libGL-devel libXi-devel libXinerama-devel libXxf86vm-devel libxkbcommon-devel; macOS: xcode-select --install; Windows: MSYS2 with mingw-w64-x86_64-gcc",
	},
	"window": {
		purpose: "opening real windows on a display of our own",
		debian:  []string{"xvfb", "xauth", "openbox", "xdotool", "xclip", "imagemagick", "x11-xkb-utils", "x11-utils", "libgl1-mesa-dri"},
		probes:  []string{"Xvfb", "openbox", "xdotool", "xclip", "import", "xkbcomp", "xprop"},
		hint:    "Fedora: dnf install xorg-x11-server-Xvfb openbox xdotool xclip ImageMagick xkbcomp xprop mesa-dri-drivers; the headless journey runs on Linux only",
	},
	"keyring": {
		purpose: "a real, private keyring for the client",
		debian:  []string{"gnome-keyring", "dbus", "libsecret-tools"},
		probes:  []string{"gnome-keyring-daemon", "dbus-run-session", "secret-tool"},
		hint:    "Fedora: dnf install gnome-keyring dbus-daemon libsecret",
	},
	"fonts": {
		purpose: "fallback fonts, so that pictures look the same everywhere",
		debian:  []string{"fonts-noto-cjk", "fonts-dejavu-core"},
		hint:    "any system with Noto Sans CJK and DejaVu",
	},
	"browser": {
		purpose: "looking at our web pages as a browser does",
		debian:  []string{browserPackage()},
		probes:  []string{"chromium"},
		hint:    "Fedora: dnf install chromium; elsewhere put a chromium in the PATH",
	},
	"provider": {
		purpose: "a real OpenID provider for the tests of the company's sign-on",
		debian:  []string{"nodejs", "npm"},
		probes:  []string{"node", "npm"},
		hint:    "Fedora: dnf install nodejs npm",
	},
	"package-linux": {
		purpose: "packing, signing and checking deb, rpm and their repositories",
		debian: []string{"rpm", "createrepo-c", "apt-utils", "gpg", "gpg-agent", "gpgv", "openssl", "librsvg2-bin", "lintian", "man-db",
			"desktop-file-utils", "appstream", "mmdebstrap", "systemd"},
		probes: []string{"rpm", "createrepo_c", "apt-ftparchive", "gpg", "openssl", "rsvg-convert", "lintian", "desktop-file-validate", "appstreamcli", "mmdebstrap"},
		hint:   "Debian and Ubuntu have all of it; elsewhere run it in a container of theirs",
	},
	"package-vm": {
		purpose: "running the relay's service in a machine of its own",
		debian:  []string{"qemu-system-x86", "mmdebstrap", "e2fsprogs"},
		probes:  []string{"qemu-system-x86_64", "mmdebstrap", "mke2fs"},
		hint:    "Debian and Ubuntu have all of it",
	},
	"plot": {
		purpose: "turning the plot into a PNG",
		debian:  []string{"librsvg2-bin"},
		probes:  []string{"rsvg-convert"},
		hint:    "Fedora: dnf install librsvg2-tools; macOS: brew install librsvg",
	},
	"package-windows": {
		purpose: "building, signing and packing the client for Windows",
		debian:  []string{"gcc-mingw-w64-x86-64", "g++-mingw-w64-x86-64", "wixl", "msitools", "osslsigncode", "openssl", "icoutils", "librsvg2-bin", "faketime", "libengine-pkcs11-openssl"},
		probes:  []string{"x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++", "wixl", "msibuild", "osslsigncode", "openssl", "icotool", "rsvg-convert", "faketime"},
		hint:    "Fedora: dnf install mingw64-gcc mingw64-gcc-c++ msitools osslsigncode openssl icoutils librsvg2-tools libfaketime; packages are made on Debian 12, which is what was tried",
	},
	"wine": {
		purpose: "installing and running what was made for Windows",
		debian:  []string{"wine", "wine64"},
		probes:  []string{"wine"},
		hint:    "Fedora: dnf install wine",
	},
	"token": {
		purpose: "a PKCS#11 token of software, to sign with",
		debian:  []string{"softhsm2"},
		probes:  []string{"softhsm2-util"},
		hint:    "Fedora: dnf install softhsm",
	},
	"package-darwin": {
		purpose: "drawing the icons of a Mac's bundle and reading its property lists",
		debian:  []string{"librsvg2-bin", "libplist-utils"},
		probes:  []string{"rsvg-convert", "plistutil"},
		hint:    "Fedora: dnf install librsvg2-tools libplist",
	},
}

// browserPackage is Chromium's name: Ubuntu ships it as a snap behind a package of the older name.
func browserPackage() string {
	if release, err := os.ReadFile("/etc/os-release"); err == nil && strings.Contains(string(release), "ID=ubuntu") {
		return "chromium-browser"
	}
	return "chromium"
}

// provision is what must happen before a verb can work. The zero value means nothing is missing.
type provision struct {
	install []string // Debian packages to install
	missing []string // sentences for a person on a system we do not install on
}

// planPackages decides what to do for the wanted groups. It looks at the machine only through its arguments:
// installed says whether a Debian package is there (nil where there is no dpkg), found whether a program is in the PATH.
func planPackages(groups []string, installed func(pkg string) bool, found func(program string) bool) provision {
	var p provision
	for _, name := range groups {
		g, ok := packages[name]
		if !ok {
			panic("no package group " + name) // a verb's table is wrong
		}
		if installed != nil {
			for _, pkg := range g.debian {
				if !installed(pkg) && !slices.Contains(p.install, pkg) {
					p.install = append(p.install, pkg)
				}
			}
			continue
		}
		var lack []string
		for _, program := range g.probes {
			if !found(program) {
				lack = append(lack, program)
			}
		}
		if len(lack) > 0 {
			p.missing = append(p.missing, fmt.Sprintf("%s: not found: %s. %s", g.purpose, strings.Join(lack, ", "), g.hint))
		}
	}
	return p
}

// aptCalls is what installing means: at most one update and one install, as root or through sudo.
func aptCalls(install []string, root, sudo bool) ([][]string, error) {
	if len(install) == 0 {
		return nil, nil
	}
	var as []string
	if !root {
		if !sudo {
			return nil, &problem{
				happened: "system packages are missing (" + strings.Join(install, " ") + ") and this user may not install them",
				do:       "ask an administrator to run: apt-get install --no-install-recommends " + strings.Join(install, " "),
			}
		}
		as = []string{"sudo"}
	}
	env := []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"}
	update := slices.Concat(as, env, []string{"update"})
	add := slices.Concat(as, env, []string{"install", "--no-install-recommends"}, install)
	return [][]string{update, add}, nil
}

// ensurePackages makes the groups available, or says exactly what is missing. Repeating it costs one dpkg-query.
func (d *dev) ensurePackages(ctx context.Context, log *os.File, groups ...string) error {
	found := func(program string) bool { _, err := exec.LookPath(program); return err == nil }
	var installed func(string) bool
	if runtime.GOOS == "linux" && found("dpkg-query") && found("apt-get") {
		have := dpkgInstalled(ctx)
		installed = func(pkg string) bool { return have[pkg] }
	}
	p := planPackages(groups, installed, found)
	if len(p.missing) > 0 {
		return &problem{
			happened: "this system lacks what the verb needs, and we install only on Debian and Ubuntu",
			do:       strings.Join(p.missing, "\n               "),
		}
	}
	calls, err := aptCalls(p.install, asRoot(), found("sudo"))
	if err != nil {
		return err
	}
	if len(calls) > 0 {
		d.out.say("      installing: %s", strings.Join(p.install, " "))
	}
	for _, args := range calls {
		// The terminal stays connected: sudo may ask for a password.
		if err := (call{log: log, stdin: os.Stdin}).run(ctx, args[0], args[1:]...); err != nil {
			return &problem{
				happened: "apt-get could not install " + strings.Join(p.install, " "),
				err:      err,
				safe:     "apt keeps what it had; nothing of Sealdesk was changed.",
				do:       "read build/log, mend the package system (network? another apt running?), and repeat the command.",
			}
		}
	}
	if len(calls) > 0 {
		have := dpkgInstalled(ctx)
		if left := planPackages(groups, func(pkg string) bool { return have[pkg] }, found); len(left.install) > 0 {
			return &problem{happened: "still not installed after apt-get said yes: " + strings.Join(left.install, " "), do: "run apt-get -f install and repeat the command."}
		}
	}
	return nil
}

// dpkgInstalled asks dpkg once which of all our packages are there.
func dpkgInstalled(ctx context.Context) map[string]bool {
	var all []string
	for _, g := range packages {
		all = append(all, g.debian...)
	}
	// dpkg-query ends with status 1 when it knows one of the names not at all: that is an answer, not an error.
	out, _ := call{}.output(ctx, "dpkg-query", append([]string{"-W", "-f", "${Package} ${db:Status-Status} ${Provides}\n"}, all...)...)
	return parseDpkg(out)
}

// parseDpkg reads lines "package status provides..."; a provided name counts as installed (pkg-config by pkgconf).
func parseDpkg(out string) map[string]bool {
	have := map[string]bool{}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 2 || f[1] != "installed" {
			continue
		}
		have[f[0]] = true
		for _, p := range f[2:] {
			have[strings.TrimSuffix(p, ",")] = true
		}
	}
	return have
}

// packagesStep is the first row of every plan.
func (d *dev) packagesStep(verb string) step {
	groups := needs[verb]
	return step{name: "packages", does: "system packages for " + strings.Join(groups, ", "), must: true,
		run: func(ctx context.Context, log *os.File) error { return d.ensurePackages(ctx, log, groups...) }}
}

// modulesStep fetches what go.mod pins, so that the network is used in one place and named there.
func (d *dev) modulesStep() step {
	return step{name: "modules", does: "Go modules that go.mod pins", must: true, run: func(ctx context.Context, log *os.File) error {
		for _, dir := range []string{d.root, d.toolsDir()} {
			if err := (call{dir: dir, log: log}).run(ctx, "go", "mod", "download"); err != nil {
				return &problem{happened: "Go modules could not be fetched", err: err, do: "check the network and `go env GOPROXY`, then repeat the command.", tail: tailOf(log.Name(), 12)}
			}
		}
		return nil
	}}
}
