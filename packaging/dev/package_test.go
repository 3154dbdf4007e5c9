package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func read(t *testing.T, parts ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestTheVersionStandsInOnePlace(t *testing.T) {
	version, number, err := versionOf(read(t, "FyneApp.toml"))
	if err != nil || number < 1 {
		t.Fatalf("FyneApp.toml: %q, build %d: %v", version, number, err)
	}
	releases, err := readReleases(filepath.Join("..", "linux", appName+".metainfo.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if releases[0].Version != version {
		t.Errorf("the list of releases begins with %s, FyneApp.toml says %s", releases[0].Version, version)
	}
	// The linker fills in main.release: a program that does not have it would say "dev" for ever.
	for _, main := range []string{"sealdesk", "relay"} {
		if !strings.Contains(read(t, "app", main, "main.go"), "\nvar release string\n") {
			t.Errorf("app/%s has no release for the linker to set", main)
		}
	}
	for _, text := range []string{"", `Version = "1.0"` + "\nBuild = 1\n", `Version = "1.0.0"` + "\n", `# Version = "1.0.0"` + "\nBuild = 1\n"} {
		if v, _, err := versionOf(text); err == nil {
			t.Errorf("%q was taken for %s", text, v)
		}
	}
}

func TestReleasesAreToldInOrder(t *testing.T) {
	all, err := readReleases(filepath.Join("..", "linux", appName+".metainfo.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range all {
		if _, err := time.Parse(time.DateOnly, r.Date); err != nil || len(r.Notes) == 0 {
			t.Errorf("release %s has no day or no words", r.Version)
		}
		for _, n := range r.Notes {
			if len(n) > 74 { // lintian counts 80, with the changelog's indent
				t.Errorf("a line of %s is too long for a changelog: %s", r.Version, n)
			}
		}
		if i > 0 && !laterThan(all[i-1].Version, r.Version) {
			t.Errorf("%s stands before %s", all[i-1].Version, r.Version)
		}
	}
	want := "- semver: \"1.2.3-1\"\n  date: 2026-05-31T00:00:00Z\n"
	if got := changelog([]releaseNote{{Version: "1.2.3", Date: "2026-05-31", Notes: []string{"Two\n   lines: one."}}}); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "    - note: \"Two lines: one.\"\n") {
		t.Errorf("changelog:\n%s", got)
	}
}

func TestSettingsOfSign(t *testing.T) {
	s, err := readSettings(read(t, "packaging", "sign.example.toml"), "/keys")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"gpg.key": "/keys/release.asc", "code.passphrase": "/keys/code.pass", "code.timestamp": "http://timestamp.example.com"} {
		if filepath.ToSlash(s[key]) != want {
			t.Errorf("%s is %q, want %q", key, s[key], want)
		}
	}
	for _, c := range []struct{ rule, text, fault string }{
		{"a key nobody knows is a typing error", "[gpg]\nkye = \"a\"\n", "line 2: no such key: gpg.kye"},
		{"a key outside its table is one too", "key = \"a\"\n", "line 1: no such key: .key"},
		{"values stand in quotes", "[gpg]\nkey = release.asc\n", "line 2"},
		{"an empty value is none", "[gpg]\nkey = \"\"\n", "line 2"},
		{"escapes are not guessed at", `[gpg]` + "\n" + `key = "a\tb"` + "\n", "line 2"},
		{"nothing follows a value", "[gpg]\nkey = \"a\" \"b\"\n", "line 2"},
		{"nothing stands there twice", "[gpg]\nkey = \"a\"\nkey = \"b\"\n", "line 3: gpg.key stands there twice"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := readSettings(c.text, "/keys"); err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
	s, err = readSettings("[code]\nkey = 'pkcs11:token=release;object=code' # on the token\n", "/keys")
	if err != nil || s["code.key"] != "pkcs11:token=release;object=code" {
		t.Errorf("a token's address is not a file: %q, %v", s["code.key"], err)
	}
}

func TestKeysThatCannotSignAreSaidBeforeAnythingIsBuilt(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not here")
	}
	dir := t.TempDir()
	if err := throwAwayCode(dir); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked.key")
	if out, err := exec.Command("openssl", "pkey", "-in", filepath.Join(dir, "code.key"), "-aes256", "-passout", "pass:right", "-out", locked).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, text := range map[string]string{
		"wrong.pass": "wrong\n", "right.pass": "right\n",
		"lacking.toml":  "[code]\ncertificate = \"code.pem\"\nkey = \"nowhere.key\"\n",
		"none.toml":     "[gpg]\nfingerprint = \"0\"\n",
		"wrong.toml":    "[code]\ncertificate = \"code.pem\"\nkey = \"locked.key\"\npassphrase = \"wrong.pass\"\n",
		"stranger.toml": "[code]\ncertificate = \"tsa.pem\"\nkey = \"code.key\"\n",
		"right.toml":    "[code]\ncertificate = \"code.pem\"\nkey = \"locked.key\"\npassphrase = \"right.pass\"\n",
		"token.toml":    "[code]\ncertificate = \"code.pem\"\nkey = \"pkcs11:token=release\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ rule, file, says string }{
		{"a key file that is not there", "lacking.toml", "a key is missing: code.key names a file that is not there"},
		{"no key at all", "none.toml", "a key is missing: nothing to sign Windows programs with"},
		{"a wrong passphrase", "wrong.toml", "the passphrase is wrong"},
		{"a certificate of another key", "stranger.toml", "is of another key"},
		{"a token without its module", "token.toml", "its module is not named"},
		{"the right ones", "right.toml", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			log, err := os.Create(filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			b := &build{dev: &dev{out: newConsole(io.Discard)}, base: t.TempDir()}
			close, err := b.openKeys(context.Background(), filepath.Join(dir, c.file), false, []string{keyCode}, log)
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				close()
				return
			}
			var p *problem
			if !errors.As(err, &p) || !strings.Contains(p.happened, c.says) || p.do == "" {
				t.Errorf("got %v, want a problem that says %q and what to do", err, c.says)
			}
			if _, err := os.Stat(b.work("keys")); err == nil {
				t.Error("copies of keys stay when they do not open")
			}
		})
	}
}

func TestThrowAwayCertificatesAreGoodForTheirUseAlone(t *testing.T) {
	dir := t.TempDir()
	if err := throwAwayCode(dir); err != nil {
		t.Fatal(err)
	}
	load := func(name string) *x509.Certificate {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(raw)
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	roots := x509.NewCertPool()
	roots.AddCert(load("ca.pem"))
	for _, c := range []struct {
		file string
		use  x509.ExtKeyUsage
		good bool
	}{
		{"code.pem", x509.ExtKeyUsageCodeSigning, true}, {"code.pem", x509.ExtKeyUsageTimeStamping, false},
		{"tsa.pem", x509.ExtKeyUsageTimeStamping, true}, {"tsa.pem", x509.ExtKeyUsageCodeSigning, false},
	} {
		_, err := load(c.file).Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{c.use}})
		if (err == nil) != c.good {
			t.Errorf("%s for use %d: %v", c.file, c.use, err)
		}
	}
}

func TestPrimaryKeysAreNotTheirSubkeys(t *testing.T) {
	listed := "tru::1:0:0:3:1:5\nsec:u:3072:1:AAAA:1:::u:::scESC:::+:::23::0:\nfpr:::::::::FIRST:\ngrp:::::::::X:\nuid:u::::1::Y::A::::::::::0:\nssb:u:3072:1:BBBB:1::::::e:::+:::23:\nfpr:::::::::SUB:\nsec:u:255:22:CCCC:1:::u:::scESC:::+:::23::0:\nfpr:::::::::SECOND:\n"
	if got := strings.Join(primaryKeys(listed), " "); got != "FIRST SECOND" {
		t.Errorf("got %q", got)
	}
}

func TestOnlyPermissiveLicencesPass(t *testing.T) {
	all, err := parseLicences("example.com/a,https://example.com/a,MIT\nexample.com/b,Unknown,BSD-3-Clause\n")
	if err != nil || len(all) != 2 || all[1] != (licence{"example.com/b", "BSD-3-Clause"}) {
		t.Errorf("got %v, %v", all, err)
	}
	for _, report := range []string{"example.com/c,Unknown,GPL-3.0\n", "example.com/c,Unknown,Unknown\n", "example.com/c,Unknown,MPL-2.0\n", ""} {
		if _, err := parseLicences(report); err == nil {
			t.Errorf("%q passes", report)
		}
	}
}

func TestAFullDiskIsSaidBeforeAnythingIsBuilt(t *testing.T) {
	df := func(out string) func(context.Context, string) (int64, error) {
		return func(context.Context, string) (int64, error) { return parseDF(out) }
	}
	const head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
	if err := enoughSpace(context.Background(), ".", 1<<30, df(head+"/dev/vda         263112772 43000000   1048576      46% /\n")); err != nil {
		t.Errorf("just enough is refused: %v", err)
	}
	err := enoughSpace(context.Background(), ".", 1<<30, df(head+"/dev/vda         263112772 43000000   1048575      46% /\n"))
	var p *problem
	if !errors.As(err, &p) || p.happened != "the disk is too full: 1024 MB are needed, 1023 MB are free" || p.safe == "" || p.do == "" {
		t.Errorf("got %v", err)
	}
	for _, out := range []string{"", head, "df: nothing\n"} {
		if n, err := parseDF(out); err == nil {
			t.Errorf("%q is %d bytes", out, n)
		}
	}
}

func TestARepositorySaysHowLongItIsBelieved(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Packages"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := releaseText(dir, "amd64", time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC), "Packages")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"Date: Sun, 31 May 2026 12:00:00 UTC\n", "Valid-Until: Sat, 29 Aug 2026 12:00:00 UTC\n",
		" ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad                3 Packages\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	sources := sourcesText("https://packages.example.com/apt", "amd64", "-----BEGIN\n\nabc\n-----END\n")
	if !strings.HasSuffix(sources, "Signed-By:\n -----BEGIN\n .\n abc\n -----END\n") {
		t.Errorf("the key stands in the file with dots for empty lines:\n%s", sources)
	}
}

func TestTheServiceIsConfined(t *testing.T) {
	unit := read(t, "packaging", "relay", "sealdesk-relay.service")
	for _, line := range []string{"DynamicUser=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes", "Restart=always"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has lost %s", line)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not here to measure the rest")
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := exposure(context.Background(), log, filepath.Join("..", "relay", "sealdesk-relay.service")); err != nil {
		t.Errorf("%v\n%s", err, tailOf(log.Name(), 3))
	}
	loose := filepath.Join(t.TempDir(), "loose.service")
	if err := os.WriteFile(loose, []byte(strings.ReplaceAll(strings.ReplaceAll(unit, "DynamicUser=yes", "User=root"), "ProtectSystem=strict", "ProtectSystem=no")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := exposure(context.Background(), log, loose); err == nil {
		t.Error("a service that runs as root passes too")
	}
}

// The manual pages name every option and command there is, and none that is gone.
func TestManualPagesAreOfTheseVeryPrograms(t *testing.T) {
	named := regexp.MustCompile(`name:"([^"]+)"`)
	// words reads the fields of a struct of kong's flags or commands as a person types them.
	words := func(file, begin, tag string) (all []string) {
		_, rest, _ := strings.Cut(read(t, "app", file), begin+" struct {\n")
		body, _, _ := strings.Cut(rest, "\n}\n")
		for line := range strings.Lines(body) {
			f := strings.Fields(line)
			if len(f) < 3 || !strings.Contains(line, tag) || strings.Contains(line, "hidden:") || strings.Contains(line, `arg:"`) {
				continue
			}
			name := strings.ToLower(f[0])
			if m := named.FindStringSubmatch(line); m != nil {
				name = m[1]
			}
			all = append(all, strings.ReplaceAll(name, "-", `\-`))
		}
		if len(all) < 5 {
			t.Fatalf("only %d found in app/%s", len(all), file)
		}
		return all
	}
	page := read(t, "packaging", "linux", "sealdesk.1")
	options := words("sealdesk/main.go", "type flags", "help:")
	for _, o := range options {
		if !strings.Contains(page, `\-\-`+o+"=") && !strings.Contains(page, `\-\-`+o+"\n") {
			t.Errorf("sealdesk(1) does not explain --%s", o)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\.B[RI]? \\-\\-([a-z\\-]+)`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(options, m[1]) {
			t.Errorf("sealdesk(1) explains --%s, which is gone", m[1])
		}
	}
	page = read(t, "packaging", "relay", "sealdesk-relay.1")
	for _, c := range words("relay/main.go", "type cli", `cmd:""`) {
		if !regexp.MustCompile(`(?m)^\.BR? (.* )?` + regexp.QuoteMeta(c) + `( |$)`).MatchString(page) {
			t.Errorf("sealdesk-relay(1) does not name the command %s", c)
		}
	}
}

func TestWhatAMachineProves(t *testing.T) {
	for _, c := range []struct{ rule, console, fault string }{
		{"all proofs and the end", "boot\r\nPROOF: it starts\r\nPROOFS DONE\r\n", ""},
		{"a failed proof is named", "PROOF FAILED: it starts\r\nPROOFS DONE\r\n", "it does not hold that it starts"},
		{"a machine that stops early proves nothing", "PROOF: it starts\r\nKernel panic\r\n", "before all was tried"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := proven(c.console)
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
}

func TestTargetsAreChosenByName(t *testing.T) {
	some, err := chooseTargets([]string{"relay", "linux"})
	if err != nil || len(some) != 2 || some[0].name != "linux" {
		t.Errorf("got %v, %v", some, err)
	}
	if _, err := chooseTargets([]string{"linux", "beos"}); err == nil || !strings.Contains(err.Error(), "beos") {
		t.Errorf("got %v", err)
	}
	for _, t2 := range targets() {
		for _, g := range append(t2.needs, t2.checkNeeds...) {
			if _, ok := packages[g]; !ok {
				t.Errorf("%s needs %s, which is no group of packages", t2.name, g)
			}
		}
	}
}
