package main

import (
	"bytes"
	"context"
	"debug/pe"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// This file is what `package --check windows` proves without running anything of it: the same bytes again, what the program
// and the installer hold, and whom their signatures convince.

func checkWindows(b *build) []step {
	return append([]step{
		{name: "windows-again", does: "the client built in another folder, and its installer, have the same sha256", run: b.windowsAgain},
		{name: "windows-program", does: "the client has its icon, manifest and version, and needs nothing Windows has not", run: b.windowsProgramHolds},
		{name: "windows-tables", does: "the installer's tables say what it promises", run: b.windowsTables},
		{name: "windows-signature", does: "a signature holds; one byte changed, a stranger's authority, and none at all do not", run: b.windowsSignatures},
		{name: "windows-token", does: "a key on a PKCS#11 token signs, with its PIN only", run: b.windowsToken},
	}, wineSteps(b)...)
}

// windowsAgain builds the client from a copy of what git keeps, in a folder of another name, and packs the same client twice.
func (b *build) windowsAgain(ctx context.Context, log *os.File) error {
	dir := b.work("windows-again")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	root := filepath.Join(dir, "elsewhere")
	if err := b.copyCheckout(ctx, root); err != nil {
		return err
	}
	exe := filepath.Join(dir, windowsProgram)
	var env []string
	if b.cold {
		env = append(env, "GOCACHE="+filepath.Join(dir, "cache"))
	}
	if err := b.compileWindows(ctx, log, root, exe, env...); err != nil {
		return err
	}
	sum, _, err := sumOf(exe)
	if err != nil {
		return err
	}
	if was := b.unsigned[windowsProgram]; sum != was {
		return &problem{happened: fmt.Sprintf("the client built elsewhere differs: %.12s, was %.12s", sum, was)}
	}
	var packed []string
	for _, folder := range []string{"one", "another"} {
		msi := filepath.Join(dir, folder+".msi")
		if err := b.windowsInstaller(ctx, log, exe, b.version, filepath.Join(dir, folder), msi); err != nil {
			return err
		}
		sum, _, err := sumOf(msi)
		if err != nil {
			return err
		}
		packed = append(packed, sum)
	}
	if packed[0] != packed[1] {
		return &problem{happened: fmt.Sprintf("the same client packed twice differs: %.12s and %.12s", packed[0], packed[1])}
	}
	fmt.Fprintf(log, "client %s, installer %s\n", sum, packed[0])
	return nil
}

// windowsLibraries are what the client may be linked with: parts of every Windows, so that no library has to be shipped.
var windowsLibraries = []string{"gdi32.dll", "kernel32.dll", "msvcrt.dll", "opengl32.dll", "shell32.dll", "user32.dll"}

func (b *build) windowsProgramHolds(ctx context.Context, log *os.File) error {
	exe := b.work("windows", windowsProgram)
	f, err := pe.Open(exe)
	if err != nil {
		return err
	}
	defer f.Close()
	var wrong []string
	head, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
		return &problem{happened: "the client is not of 64 bit"}
	}
	if head.Subsystem != pe.IMAGE_SUBSYSTEM_WINDOWS_GUI {
		wrong = append(wrong, "it opens a console")
	}
	const hard = pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA | pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT
	if head.DllCharacteristics&hard != hard {
		wrong = append(wrong, "its memory is not protected as it could be")
	}
	if f.TimeDateStamp != 0 {
		wrong = append(wrong, "it says when it was built")
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	if len(libraries) == 0 { // debug/pe of Go gives none for every program: symbols tell
		symbols, err := f.ImportedSymbols()
		if err != nil {
			return err
		}
		for _, s := range symbols {
			_, library, _ := strings.Cut(s, ":")
			libraries = append(libraries, library)
		}
	}
	for _, l := range unique(libraries) {
		if !slices.Contains(windowsLibraries, strings.ToLower(l)) {
			wrong = append(wrong, "it needs "+l)
		}
	}
	if len(libraries) == 0 {
		wrong = append(wrong, "its libraries cannot be read")
	}
	listed, err := b.output(ctx, log, "wrestool", "--list", exe)
	if err != nil {
		return err
	}
	for kind, n := range map[string]int{"--type=3": len(windowsIconSizes), "--type=14": 1, "--type=16": 1, "--type=24": 1} {
		if got := strings.Count(listed, kind+" "); got != n {
			wrong = append(wrong, fmt.Sprintf("it holds %d resources of %s, not %d", got, kind, n))
		}
	}
	for _, r := range []struct{ kind, must string }{
		{"24", `level="asInvoker"`}, {"24", "permonitorv2"}, {"24", "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"}, {"24", "longPathAware"},
		{"16", "ProductVersion\x00\x00" + b.version + "."}, {"16", "FileDescription\x00Sealdesk"},
	} {
		raw, err := b.output(ctx, log, "wrestool", "--raw", "--extract", "--type="+r.kind, exe)
		if err != nil {
			return err
		}
		if r.kind == "16" { // UTF-16, padded to four bytes
			raw = strings.ReplaceAll(raw, "\x00", "")
			r.must = strings.ReplaceAll(r.must, "\x00", "")
		}
		if !strings.Contains(raw, r.must) {
			wrong = append(wrong, fmt.Sprintf("its resource %s does not hold %q", r.kind, r.must))
		}
	}
	return complain("the client is not what it should be", wrong)
}

// complain is a problem with all that is wrong, or nil.
func complain(what string, wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	return &problem{happened: what + ": " + strings.Join(wrong, "; "), tail: strings.Join(wrong, "\n")}
}

func (b *build) output(ctx context.Context, log *os.File, name string, args ...string) (string, error) {
	return call{env: b.env(), log: log}.output(ctx, name, args...)
}

func (b *build) windowsTables(ctx context.Context, log *os.File) error {
	msi, err := b.find("sealdesk-client-*.msi")
	if err != nil {
		return err
	}
	tables, err := b.readMSI(ctx, log, msi.path)
	if err != nil {
		return err
	}
	return complain("the installer breaks a promise", msiFaults(tables, b.version))
}

func (b *build) windowsSignatures(ctx context.Context, log *os.File) error {
	k := b.keys.code
	if k == nil {
		return skipped{"nothing is signed without a key: --test-keys makes one"}
	}
	msi, err := b.find("sealdesk-client-*.msi")
	if err != nil {
		return err
	}
	dir := b.work("windows-signature")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	// An authority of the same names that nobody here knows.
	if err := throwAwayCode(dir); err != nil {
		return err
	}
	stranger := filepath.Join(dir, "ca.pem")
	var wrong []string
	for _, path := range []string{b.work("windows", windowsProgram), msi.path} {
		name := filepath.Base(path)
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := len(raw) / 2
		raw[at] ^= 1
		tampered := filepath.Join(dir, "tampered-"+name)
		if err := os.WriteFile(tampered, raw, 0o644); err != nil {
			return err
		}
		bare := filepath.Join(dir, "bare-"+name)
		if err := b.run(ctx, log, "", nil, "osslsigncode", "remove-signature", "-in", path, "-out", bare); err != nil {
			return err
		}
		for _, c := range []struct {
			rule, path, roots string
			holds             bool
		}{
			{"as it is handed out", path, k.roots, true},
			{"one bit changed", tampered, k.roots, false},
			{"for one who trusts somebody else", path, stranger, false},
			{"without a signature", bare, k.roots, false},
		} {
			err := b.verifyCode(ctx, log, c.path, c.roots)
			var status *exec.ExitError
			if err != nil && !errors.As(err, &status) {
				return err // it could not be asked
			}
			if (err == nil) != c.holds {
				wrong = append(wrong, fmt.Sprintf("%s, %s: holds is %v", name, c.rule, err == nil))
			}
		}
		// Whoever has no key can still compare a signed program with one built again: only the checksum in its head differs.
		if name == windowsProgram {
			if err := sameButChecksum(bare, b.work("windows-again", windowsProgram)); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
	}
	return complain("a signature does not do what it is for", wrong)
}

// windowsToken signs with a throw-away key on a token of software.
func (b *build) windowsToken(ctx context.Context, log *os.File) error {
	dir := b.work("windows-token")
	in := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.RemoveAll(dir), os.MkdirAll(in("tokens"), 0o700), throwAwayCode(dir),
		os.WriteFile(in("softhsm.conf"), []byte("directories.tokendir = "+in("tokens")+"\nobjectstore.backend = file\n"), 0o600),
		os.WriteFile(in("pin"), []byte("2468"), 0o600), os.WriteFile(in("other-pin"), []byte("1357"), 0o600))
	if err != nil {
		return err
	}
	env := []string{"SOFTHSM2_CONF=" + in("softhsm.conf")}
	for _, args := range [][]string{
		{"--init-token", "--free", "--label", "release", "--pin", "2468", "--so-pin", "2468"},
		{"--import", in("code.key"), "--token", "release", "--label", "code", "--id", "01", "--pin", "2468"},
	} {
		if err := b.run(ctx, log, dir, env, "softhsm2-util", args...); err != nil {
			return err
		}
	}
	k := codeKey{certificate: in("code.pem"), chain: in("ca.pem"), key: "pkcs11:token=release;object=code", module: "/usr/lib/softhsm/libsofthsm2.so", passphrase: in("pin"), roots: in("ca.pem")}
	bare, signed := b.work("windows-again", windowsProgram), in(windowsProgram)
	if err := b.signCodeWith(ctx, log, &k, env, bare, signed); err != nil {
		return err
	}
	if err := b.verifyCode(ctx, log, signed, k.roots); err != nil {
		return err
	}
	k.passphrase = in("other-pin")
	if err := b.signCodeWith(ctx, log, &k, env, bare, in("never.exe")); err == nil {
		return &problem{happened: "the token signed with another PIN than its own"}
	}
	return ctx.Err()
}

// sameButChecksum compares two programs but for the four bytes of the checksum in their optional header ("PE Format",
// "Optional Header Windows-Specific Fields"), and zeroes at the end that align what was signed.
func sameButChecksum(x, y string) error {
	var raw [2][]byte
	for i, path := range []string{x, y} {
		var err error
		if raw[i], err = os.ReadFile(path); err != nil {
			return err
		}
		if len(raw[i]) < 0x40 {
			return fmt.Errorf("%s is no program", filepath.Base(path))
		}
		head := int(raw[i][0x3c]) | int(raw[i][0x3d])<<8
		if len(raw[i]) < head+92 {
			return fmt.Errorf("%s is no program", filepath.Base(path))
		}
		copy(raw[i][head+88:], []byte{0, 0, 0, 0})
		raw[i] = bytes.TrimRight(raw[i], "\x00")
	}
	if !bytes.Equal(raw[0], raw[1]) {
		return errors.New("the signed client without its signature is not the client that was built")
	}
	return nil
}
