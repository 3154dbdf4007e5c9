package main

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf16"
)

// This file makes the Windows client and its installer, on Linux: mingw compiles, go-winres lays in what Windows shows of a
// program, osslsigncode signs, wixl packs. packaging/windows holds what they read, and tells IT what comes of it.

var windowsTarget = target{
	name:  "windows",
	does:  "the client for Windows in an installer for a whole machine",
	needs: []string{"package-windows"},
	// A cold build leaves this much in Go's cache and the compiler's temporary files, which mostly lie on the same disk.
	space: 2 << 30,
	keys:  []string{keyCode},
	make:  makeWindows,

	checkNeeds: []string{"window", "wine", "token"},
	check:      checkWindows,
}

// windowsProgram is the client's file name there; wixl wants names of 8.3.
const windowsProgram = "sealdesk.exe"

func makeWindows(ctx context.Context, b *build, log *os.File) ([]artefact, error) {
	dir := b.work("windows")
	exe := filepath.Join(dir, windowsProgram)
	if err := b.compileWindows(ctx, log, b.root, exe); err != nil {
		return nil, err
	}
	list, err := b.billOf(ctx, log, clientProgram, exe, "windows", dir)
	if err != nil {
		return nil, err
	}
	stem := filepath.Join(dir, "sealdesk-client-"+b.version+"-windows-amd64")
	bill, notices, msi := stem+".cdx.json", stem+"-NOTICES.txt", stem+".msi"
	if err := errors.Join(b.sbom(ctx, log, clientProgram, exe, list, bill), place(list.notices, notices)); err != nil {
		return nil, err
	}
	if err := b.signCode(ctx, log, exe, "Sealdesk"); err != nil {
		return nil, err
	}
	if err := b.windowsInstaller(ctx, log, exe, b.version, filepath.Join(dir, "msi"), msi); err != nil {
		return nil, err
	}
	if err := b.signCode(ctx, log, msi, "Sealdesk "+b.version, "-add-msi-dse"); err != nil {
		return nil, err
	}
	client := artefact{path: msi, what: "client for Windows 10 and later, 64 bit"}
	if b.keys.code != nil {
		client.signed = b.keys.code.name()
	}
	return []artefact{client,
		{path: bill, what: client.what + ": what it is made of (CycloneDX)"},
		{path: notices, what: client.what + ": licences of what it is made of"}}, nil
}

// compileWindows builds the client from the checkout at root, with its icon, manifest and version.
func (b *build) compileWindows(ctx context.Context, log *os.File, root, exe string, env ...string) error {
	env = append([]string{"GOOS=windows", "GOARCH=amd64", "CC=x86_64-w64-mingw32-gcc", "CXX=x86_64-w64-mingw32-g++"}, env...)
	if err := b.compile(ctx, log, root, clientProgram, exe, env, "-ldflags", b.ldflags()+" -H windowsgui"); err != nil {
		return &problem{happened: "the client does not build for Windows", err: err, tail: tailOf(log.Name(), 30)}
	}
	dir := exe + ".resources"
	if err := b.windowsIcons(ctx, log, dir); err != nil {
		return err
	}
	if err := place(filepath.Join(b.root, "packaging", "windows", "winres.json"), filepath.Join(dir, "winres.json")); err != nil {
		return err
	}
	tool, err := b.tool(ctx, log, "go-winres")
	if err != nil {
		return err
	}
	version := b.version + "." + strconv.Itoa(b.number)
	return b.run(ctx, log, dir, nil, tool, "patch", "--in", "winres.json", "--no-backup", "--product-version", version, "--file-version", version, exe)
}

// windowsIconSizes are those winres.json names: Windows picks one for each place and each density of screen.
var windowsIconSizes = []int{16, 20, 24, 32, 40, 48, 64, 128, 256}

// windowsIcons draws the program's icon into dir, as pictures and as an .ico for the list of installed programs.
func (b *build) windowsIcons(ctx context.Context, log *os.File, dir string) error {
	if err := b.drawIcons(ctx, log, dir, windowsIconSizes); err != nil {
		return err
	}
	args := []string{"--create", "--output=sealdesk.ico"}
	for _, size := range windowsIconSizes {
		name := fmt.Sprintf("icon-%d.png", size)
		if size == 256 { // compressed as it is: as a bitmap it would be larger than all others together
			name = "--raw=" + name
		}
		args = append(args, name)
	}
	return b.run(ctx, log, dir, nil, "icotool", args...)
}

// drawIcons draws assets/icon.svg as icon-SIZE.png into dir.
func (b *build) drawIcons(ctx context.Context, log *os.File, dir string, sizes []int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, size := range sizes {
		s := strconv.Itoa(size)
		if err := b.run(ctx, log, dir, nil, "rsvg-convert", "-w", s, "-h", s, "-o", "icon-"+s+".png", filepath.Join(b.root, "assets", "icon.svg")); err != nil {
			return err
		}
	}
	return nil
}

// signCode signs a program or an installer where it lies, and sees that the signature holds. Without a key it stays as it is.
// What it was before is remembered: a signature is never the same twice.
func (b *build) signCode(ctx context.Context, log *os.File, path, description string, more ...string) error {
	sum, _, err := sumOf(path)
	if err != nil {
		return err
	}
	b.unsigned[filepath.Base(path)] = sum
	k := b.keys.code
	if k == nil {
		return nil
	}
	if err := b.signCodeWith(ctx, log, k, nil, path, path+".signed", append([]string{"-n", description}, more...)...); err != nil {
		return &problem{happened: filepath.Base(path) + " could not be signed", err: err, do: "see whether the token is there, its PIN is right, and the time stamping service answers.", tail: tailOf(log.Name(), 12)}
	}
	if err := os.Rename(path+".signed", path); err != nil {
		return err
	}
	if err := b.verifyCode(ctx, log, path, k.roots); err != nil {
		return &problem{happened: "the signature of " + filepath.Base(path) + " does not hold", err: err, do: "roots at [code] must name the authority of the certificate and of the time stamp.", tail: tailOf(log.Name(), 20)}
	}
	return nil
}

// signCodeWith signs in as out.
func (b *build) signCodeWith(ctx context.Context, log *os.File, k *codeKey, env []string, in, out string, more ...string) error {
	args := append(append([]string{"sign", "-h", "sha256", "-certs", k.certificate}, k.signArgs()...), more...)
	return b.run(ctx, log, "", env, "osslsigncode", append(args, "-in", in, "-out", out)...)
}

// signArgs are how osslsigncode is told of the key, what is between it and its root, and the time stamp. A signature without
// a time stamp ends with its certificate.
func (k *codeKey) signArgs() (args []string) {
	for _, a := range []struct{ flag, value string }{
		{"-pkcs11module", k.module}, {"-key", k.key}, {"-readpass", k.passphrase}, {"-ac", k.chain},
		{"-ts", k.timestamp}, {"-TSA-certs", k.tsa}, {"-TSA-key", k.tsaKey},
	} {
		if a.value != "" {
			args = append(args, a.flag, a.value)
		}
	}
	return args
}

// verifyCode checks a signature, and its time stamp, against root certificates in a PEM file; "" is the system's.
func (b *build) verifyCode(ctx context.Context, log *os.File, path, roots string) error {
	args := []string{"verify", "-in", path}
	if roots != "" {
		args = append(args, "-CAfile", roots, "-TSA-CAfile", roots)
	}
	return b.run(ctx, log, "", nil, "osslsigncode", args...)
}

// windowsInstaller packs a client into an installer. dir is made anew; the same client, version and texts give the same bytes.
func (b *build) windowsInstaller(ctx context.Context, log *os.File, exe, version, dir, msi string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755), os.RemoveAll(msi)); err != nil {
		return err
	}
	program, _, err := sumOf(exe)
	if err != nil {
		return err
	}
	for from, to := range map[string]string{
		exe: windowsProgram, filepath.Join(b.root, "LICENSE"): "LICENSE.txt", b.work("windows", "NOTICES"): "NOTICES.txt",
		exe + ".resources/sealdesk.ico": "sealdesk.ico", filepath.Join(b.root, "packaging", "windows", "sealdesk.wxs"): "sealdesk.wxs",
	} {
		to = filepath.Join(dir, to)
		if err := errors.Join(copyFile(from, to), os.Chtimes(to, b.epoch, b.epoch)); err != nil {
			return err
		}
	}
	if err := b.windowsTask(filepath.Join(dir, "update.xml")); err != nil {
		return err
	}
	clock := []string{"-f", b.epoch.Format("2006-01-02 15:04:05")} // wixl and msibuild write down when they ran
	pack := func(name string, args ...string) error {
		return b.run(ctx, log, dir, nil, "faketime", append(append(clock, name), args...)...)
	}
	const out = "sealdesk.msi"
	if err := pack("wixl", "--arch", "x64", "-D", "Version="+version, "-D", "ProductCode="+msiCode("product "+version), "-o", out, "sealdesk.wxs"); err != nil {
		return err
	}
	if err := pack("msibuild", append([]string{out}, msiCompletion()...)...); err != nil {
		return err
	}
	if err := pack("msibuild", out, "-s", "Sealdesk "+version, "Sealdesk", "x64;1033", msiCode("package "+version+" "+program)); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, out), msi)
}

// windowsTask writes the task that installs updates as schtasks reads it: UTF-16, which its first line says, and a byte order
// mark.
func (b *build) windowsTask(to string) error {
	raw, err := os.ReadFile(filepath.Join(b.root, "packaging", "windows", "update.xml"))
	if err != nil {
		return err
	}
	text := strings.ReplaceAll("\ufeff"+string(raw), "\n", "\r\n")
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return errors.Join(os.WriteFile(to, out, 0o644), os.Chtimes(to, b.epoch, b.epoch))
}

// taskName is what Windows calls the task.
const taskName = "Sealdesk update"

// How Windows is told of the task and forgets it: by its own tool, with its own rights and not as a user. A machine whose
// task service is off is installed to and removed from all the same.
const (
	addTask    = `"[System64Folder]schtasks.exe" /Create /TN "` + taskName + `" /XML "[#update.xml]" /F`
	removeTask = `"[System64Folder]schtasks.exe" /Delete /TN "` + taskName + `" /F`
	// What the updater remembers lies where only administrators may write.
	removeSeen = `"[System64Folder]cmd.exe" /d /c rmdir /s /q "[INSTALLDIR]updates"`
)

// msiCompletion are msibuild's arguments for what wixl 0.101 cannot say: a component that depends on a property; properties
// that reach the part of the installation that runs with an administrator's rights; the older version's removal inside the
// transaction, so that an upgrade that fails puts it back; and programs of Windows' own that are run.
func msiCompletion() (args []string) {
	for _, query := range []string{
		"UPDATE `Component` SET `Condition`='RELAYURL AND RELAYPIN' WHERE `Component`='Relay'",
		"UPDATE `Property` SET `Value`='WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;RELAYURL;RELAYPIN;KEPTRELAYURL;KEPTRELAYPIN;KEEPCACHE' WHERE `Property`='SecureCustomProperties'",
		"UPDATE `InstallExecuteSequence` SET `Sequence`=1501 WHERE `Action`='RemoveExistingProducts'",
		runsAsSystem("AddTask", addTask), runsAsSystem("RemoveTask", removeTask), runsAsSystem("RemoveSeen", removeSeen),
	} {
		args = append(args, "-q", query)
	}
	return args
}

func runsAsSystem(action, command string) string {
	return "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('" + action + "', " + msiRunAsSystem + ", 'INSTALLDIR', '" + command + "')"
}

// msiSpace is the name space of the codes below; it was made up once and never changes.
var msiSpace = [16]byte{0x6f, 0x1f, 0x6a, 0x0e, 0x6a, 0x52, 0x4f, 0x0e, 0x9a, 0x53, 0x5d, 0x5a, 0x3f, 0x0c, 0x1d, 0x27}

// msiCode makes a code of Windows Installer from a name: a UUID of version 5 (RFC 9562 section 5.5) in its spelling.
func msiCode(name string) string {
	h := sha1.Sum(append(msiSpace[:], name...))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("{%x-%x-%x-%x-%x}", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}
