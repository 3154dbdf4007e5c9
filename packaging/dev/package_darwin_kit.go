package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// This file makes what a Mac needs to build the client there. Apple's headers and tools are on a Mac alone, so nothing here
// compiles, signs or installs anything: packaging/darwin/README.md says what is left to a Mac, none of which was tried.

var darwinTarget = target{
	name:       "darwin",
	does:       "a kit for a Mac: the bundle without its program, and what builds, signs and packs it there",
	needs:      []string{"package-darwin"},
	space:      1 << 28,
	make:       makeDarwin,
	checkNeeds: nil,
	check:      checkDarwin,
}

// icnsKinds are the pictures of an icon file, by size: PNG inside, those for screens of twice the density included. The names
// are of Apple's icns format as macOS 10.7 and later read it.
var icnsKinds = []struct {
	kind string
	size int
}{{"ic11", 32}, {"ic12", 64}, {"ic07", 128}, {"ic13", 256}, {"ic14", 512}, {"ic10", 1024}}

func darwinIconSizes() (sizes []int) {
	for _, k := range icnsKinds {
		sizes = append(sizes, k.size)
	}
	return sizes
}

// darwinKit is what of packaging/darwin goes into the kit; names are filled in where "@" stands.
var darwinKit = []struct{ from, to string }{
	{"packaging/darwin/Info.plist", "Sealdesk.app/Contents/Info.plist"},
	{"packaging/darwin/sealdesk.entitlements", "sealdesk.entitlements"},
	{"packaging/darwin/component.plist", "component.plist"},
	{"packaging/darwin/Distribution", "Distribution"},
	{"packaging/darwin/README.md", "README.md"},
	{"LICENSE", "resources/LICENSE.txt"},
}

func makeDarwin(ctx context.Context, b *build, log *os.File) ([]artefact, error) {
	dir := b.work("darwin")
	name := "sealdesk-" + b.version + "-macos-kit"
	kit := filepath.Join(dir, name)
	app, err := os.ReadFile(filepath.Join(b.root, "FyneApp.toml"))
	if err != nil {
		return nil, err
	}
	id := appID.FindSubmatch(app)
	if id == nil {
		return nil, &problem{happened: "FyneApp.toml names no ID", do: `write ID = "..." there.`}
	}
	names := strings.NewReplacer("@VERSION@", b.version, "@BUILD@", strconv.Itoa(b.number), "@ID@", string(id[1]))
	for _, f := range darwinKit {
		raw, err := os.ReadFile(filepath.Join(b.root, filepath.FromSlash(f.from)))
		if err == nil {
			err = writeBelow(kit, f.to, []byte(names.Replace(string(raw))))
		}
		if err != nil {
			return nil, err
		}
	}
	icons := filepath.Join(dir, "icons")
	if err := b.drawIcons(ctx, log, icons, darwinIconSizes()); err != nil {
		return nil, err
	}
	icon, err := icns(icons)
	if err != nil {
		return nil, err
	}
	err = errors.Join(writeBelow(kit, "Sealdesk.app/Contents/Resources/Sealdesk.icns", icon), writeBelow(kit, "Sealdesk.app/Contents/PkgInfo", []byte("APPL????")))
	if err != nil {
		return nil, err
	}
	profiles, err := filepath.Glob(filepath.Join(b.root, "packaging", "darwin", "*.mobileconfig"))
	if err != nil {
		return nil, err
	}
	for _, p := range profiles {
		raw, err := os.ReadFile(p)
		if err == nil {
			err = writeBelow(kit, filepath.Base(p), raw)
		}
		if err != nil {
			return nil, err
		}
	}
	packed := filepath.Join(dir, name+".tar.gz")
	if err := b.tarball(kit, packed); err != nil {
		return nil, err
	}
	return []artefact{{path: packed, what: "kit to build the client for macOS on a Mac; never tried on one"}}, nil
}

// appID is the client's identity in FyneApp.toml.
var appID = regexp.MustCompile(`(?m)^ID = "([A-Za-z0-9.-]+)"$`)

func writeBelow(dir, name string, raw []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}

// icns is an icon file of the pictures icon-SIZE.png in dir: a head, then each picture with its kind and length.
func icns(dir string) ([]byte, error) {
	out := []byte("icns\x00\x00\x00\x00")
	for _, k := range icnsKinds {
		raw, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("icon-%d.png", k.size)))
		if err != nil {
			return nil, err
		}
		out = append(out, k.kind...)
		out = binary.BigEndian.AppendUint32(out, uint32(8+len(raw)))
		out = append(out, raw...)
	}
	binary.BigEndian.PutUint32(out[4:], uint32(len(out)))
	return out, nil
}

// tarball packs a folder so that the same files give the same bytes: in order, as old as the last commit, of nobody.
func (b *build) tarball(dir, out string) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	var paths []string
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(paths)
	for _, path := range paths {
		name, err := filepath.Rel(filepath.Dir(dir), path)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		h := tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, ModTime: b.epoch, Typeflag: tar.TypeReg, Size: info.Size(), Format: tar.FormatUSTAR}
		if info.IsDir() {
			h.Name, h.Mode, h.Typeflag, h.Size = h.Name+"/", 0o755, tar.TypeDir, 0
		}
		if err := t.WriteHeader(&h); err != nil || info.IsDir() {
			if err != nil {
				return err
			}
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := t.Write(raw); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}
