package main

import (
	"slices"
	"strings"
	"testing"
)

func TestPlanPackages(t *testing.T) {
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	but := func(missing ...string) func(string) bool {
		return func(name string) bool { return !slices.Contains(missing, name) }
	}
	cases := []struct {
		rule             string
		groups           []string
		installed, found func(string) bool
		install          []string
		missing          string // part of the only sentence
	}{
		{rule: "nothing is missing, nothing is done", groups: []string{"client", "window", "keyring", "fonts"}, installed: all, found: none},
		{rule: "only what is missing is installed", groups: []string{"client", "window"}, installed: but("gcc", "xdotool"), found: none, install: []string{"gcc", "xdotool"}},
		{rule: "a group that is not asked for is not installed", groups: []string{"client"}, installed: but("xdotool"), found: none},
		{rule: "a package is installed once however often it is asked for", groups: []string{"client", "client"}, installed: but("gcc"), found: none, install: []string{"gcc"}},
		{rule: "without dpkg, programs in the PATH are enough", groups: []string{"client", "window", "fonts"}, found: all},
		{rule: "without dpkg, nothing is installed and the lack is named", groups: []string{"client", "keyring"}, found: but("secret-tool"), missing: "not found: secret-tool. Fedora"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			p := planPackages(c.groups, c.installed, c.found)
			if !slices.Equal(p.install, c.install) {
				t.Errorf("install %v, want %v", p.install, c.install)
			}
			switch {
			case c.missing == "" && len(p.missing) > 0, c.missing != "" && (len(p.missing) != 1 || !strings.Contains(p.missing[0], c.missing)):
				t.Errorf("missing %q, want %q", p.missing, c.missing)
			}
		})
	}
}

func TestEveryVerbNeedsKnownPackages(t *testing.T) {
	for _, v := range verbs() {
		if _, said := needs[v.name]; !said {
			t.Errorf("verb %s does not say which groups it needs", v.name)
		}
	}
	for verb, groups := range needs {
		for _, g := range groups {
			if _, ok := packages[g]; !ok {
				t.Errorf("verb %s needs unknown group %q", verb, g)
			}
		}
	}
}

func TestAptCalls(t *testing.T) {
	cases := []struct {
		rule       string
		install    []string
		root, sudo bool
		want       []string
		refused    string
	}{
		{rule: "nothing to install, apt is not touched", root: true},
		{rule: "root updates once and installs once", install: []string{"a", "b"}, root: true, want: []string{
			"env DEBIAN_FRONTEND=noninteractive apt-get -q -y update",
			"env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends a b"}},
		{rule: "a user goes through sudo, which keeps the variable", install: []string{"a"}, sudo: true, want: []string{
			"sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y update",
			"sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends a"}},
		{rule: "without either, the person is told what to ask for", install: []string{"a", "b"}, refused: "apt-get install --no-install-recommends a b"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			calls, err := aptCalls(c.install, c.root, c.sudo)
			if c.refused != "" {
				p, ok := err.(*problem)
				if !ok || !strings.Contains(p.do, c.refused) {
					t.Fatalf("err %v, want advice with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, call := range calls {
				got = append(got, strings.Join(call, " "))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestParseDpkg(t *testing.T) {
	have := parseDpkg("gcc installed c-compiler\npkgconf installed pkg-config (= 1.8.1-1), pkgconf-bin\nxdotool not-installed\nopenbox config-files\n")
	for name, want := range map[string]bool{"gcc": true, "pkgconf": true, "pkg-config": true, "xdotool": false, "openbox": false, "": false} {
		if have[name] != want {
			t.Errorf("%q installed: %v, want %v", name, have[name], want)
		}
	}
}
