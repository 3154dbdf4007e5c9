package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// vmCheck boots a machine with a systemd of its own, in which packaging/relay/vm-check.sh lives the relay's life and says
// what holds. It is emulated: hosted machines seldom lend their processor's own virtualisation.
func (b *build) vmCheck(ctx context.Context, log *os.File) error {
	if !asRoot() {
		return skipped{"making a machine's disk needs root"}
	}
	tar, err := b.cleanSystem(ctx, log, "systemd", "systemd-sysv", "linux-image-cloud-amd64", "initramfs-tools", "init-system-helpers", "ca-certificates", "curl")
	if err != nil {
		return err
	}
	dir := b.work("vm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	r, err := b.unpack(ctx, log, tar, filepath.Join(dir, "root"))
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.repository(ctx, r); err != nil {
		return err
	}
	next, err := b.nextVersion(ctx, log, relayInstaller)
	if err != nil {
		return err
	}
	if err := copyFile(next, r.path("srv", "next.deb")); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(b.root, "packaging", "relay", "vm-check.sh"), r.path("srv", "check.sh")); err != nil {
		return err
	}
	for name, text := range map[string]string{
		r.path("srv", "setup.sh"):                           relaySetup + "\n",
		r.path("etc", "fstab"):                              "/dev/vda / ext4 rw 0 0\n",
		r.path("etc", "hostname"):                           "relay\n",
		r.path("etc", "apt", "sources.list"):                "", // it has no network
		r.path("etc", "systemd", "system", "proof.service"): proofUnit,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := r.sh(ctx, "systemctl enable proof.service && systemctl mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer"); err != nil {
		return err
	}
	kernel, err := newest(r.path("boot", "vmlinuz-*"))
	if err != nil {
		return err
	}
	initrd, err := newest(r.path("boot", "initrd.img-*"))
	if err != nil {
		return err
	}
	for from, to := range map[string]string{kernel: "vmlinuz", initrd: "initrd"} {
		if err := copyFile(from, filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	disk := filepath.Join(dir, "disk.img")
	if err := b.run(ctx, log, dir, nil, "mke2fs", "-q", "-t", "ext4", "-d", r.dir, disk, "2G"); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	path := b.build("log", "package-vm-console.log") // told as it comes: a machine that hangs shows where
	console, err := os.Create(path)
	if err != nil {
		return err
	}
	defer console.Close()
	err = call{dir: dir, log: console}.run(limit, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-nographic",
		"-no-reboot", "-kernel", "vmlinuz", "-initrd", "initrd", "-append", "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0", "-drive", "file=disk.img,format=raw,if=virtio,cache=unsafe", "-net", "none")
	if err != nil {
		return err
	}
	said, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "%s", said)
	return proven(string(said))
}

// proofUnit runs the check on the machine's console and switches it off.
const proofUnit = `[Unit]
Description=Proof of the relay's package
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /srv/check.sh
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity
[Install]
WantedBy=graphical.target
`

// proven reads the console: each proof is a line, a last line says that all were tried.
func proven(console string) error {
	var failed []string
	done := false
	for line := range strings.Lines(console) {
		line = strings.TrimSpace(line)
		if what, ok := strings.CutPrefix(line, "PROOF FAILED: "); ok {
			failed = append(failed, what)
		}
		done = done || line == "PROOFS DONE"
	}
	switch {
	case len(failed) > 0:
		return errors.New("it does not hold that " + strings.Join(failed, "; "))
	case !done:
		return errors.New("the machine stopped before all was tried")
	}
	return nil
}

// newest returns the last file of a pattern.
func newest(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", errors.Join(fmt.Errorf("the system has no %s", filepath.Base(pattern)), err)
	}
	return found[len(found)-1], nil
}
