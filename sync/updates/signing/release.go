package signing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"sealdesk/sync/updates"
)

// A Wish is what the release engineer says of a version. The rest is read from the names of files.
type Wish struct {
	Version string
	Ring    updates.Ring
	Minimum string            // "" is the feed's highest one, or 0.0.0 in a feed without
	System  map[string]string // the least version of each operating system, by GOOS
	Notes   map[string]string
}

// forms are the installers a client has, by the end of their names.
var forms = map[string]struct {
	os   string
	kind updates.Kind
}{".deb": {"linux", updates.Deb}, ".rpm": {"linux", updates.RPM}, ".msi": {"windows", updates.MSI}, ".pkg": {"darwin", updates.PKG}}

var archs = map[string]string{"amd64": "amd64", "x86_64": "amd64", "x64": "amd64", "arm64": "arm64", "aarch64": "arm64", "universal": "all"}

var words = regexp.MustCompile(`[a-z0-9]+(_64)?`)

// Read says what a file is by its name: an installer of the client, something that comes with one (a list of parts), or
// nothing for a feed.
func Read(name string) (r updates.Release, with, ok bool) {
	lower := strings.ToLower(filepath.Base(name))
	if strings.HasSuffix(lower, ".cdx.json") {
		return r, true, true
	}
	form, ok := forms[filepath.Ext(lower)]
	if !ok || !strings.HasPrefix(lower, "sealdesk") || strings.Contains(lower, "relay") {
		return r, false, false
	}
	r.OS, r.Kind = form.os, form.kind
	for _, word := range words.FindAllString(strings.TrimSuffix(lower, filepath.Ext(lower)), -1) {
		if a := archs[word]; a != "" {
			r.Arch = a
		}
	}
	if r.Arch == "" && r.Kind == updates.PKG {
		r.Arch = "all"
	}
	return r, false, r.Arch != ""
}

// Sign adds files to the feed as releases, or, with none, makes the feed good for as long again. Errors: those of package
// updates for a wish that cannot be, ErrSame, ErrLife, those of keys.
func (d *Desk) Sign(ctx context.Context, w Wish, files []string, life time.Duration) error {
	return d.state(ctx, life, func(t *metadata.Metadata[metadata.TargetsType]) error {
		if len(files) > 0 && w.Minimum == "" {
			w.Minimum = highest(t)
		}
		for _, file := range files {
			r, with, ok := Read(file)
			if !ok {
				return fmt.Errorf("%w: %s", ErrNoInstaller, filepath.Base(file))
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			target, err := metadata.TargetFile().FromBytes(filepath.Base(file), raw, "sha256")
			if err != nil {
				return err
			}
			name := filepath.Base(file)
			if had := t.Signed.Targets[name]; had != nil && !had.Hashes.Equal(target.Hashes) {
				return fmt.Errorf("%s: %w", name, ErrSame)
			}
			if !with {
				r.Version, r.Ring, r.Minimum, r.System, r.Notes = w.Version, w.Ring, w.Minimum, w.System[r.OS], w.Notes
				if err := r.Check(); err != nil {
					return err
				}
				if target.Custom, err = custom(r); err != nil {
					return err
				}
			}
			place := filepath.Join(d.Feed(), "targets", hex.EncodeToString(target.Hashes["sha256"])+"."+name)
			if !equalBytes(place, raw) {
				if err := replace(place, raw); err != nil {
					return err
				}
			}
			t.Signed.Targets[name] = target
		}
		return nil
	})
}

// highest is the highest minimum of a feed.
func highest(t *metadata.Metadata[metadata.TargetsType]) string {
	least := "0.0.0"
	for _, target := range t.Signed.Targets {
		if r, ok := released(target); ok && updates.Newer(r.Minimum, least) {
			least = r.Minimum
		}
	}
	return least
}

func released(t *metadata.TargetFiles) (r updates.Release, ok bool) {
	return r, t.Custom != nil && json.Unmarshal(*t.Custom, &r) == nil
}

// Promote gives a version another ring. Errors: ErrNoRelease.
func (d *Desk) Promote(ctx context.Context, version string, to updates.Ring, life time.Duration) error {
	return d.each(ctx, version, life, func(t *metadata.TargetFiles, r updates.Release) (err error) {
		r.Ring = to
		if err := r.Check(); err != nil {
			return err
		}
		t.Custom, err = custom(r)
		return err
	}, false)
}

// Require makes a version the least that is still allowed, for whoever is offered it or a later one. Errors: ErrNoRelease.
func (d *Desk) Require(ctx context.Context, version string, life time.Duration) error {
	return d.each(ctx, version, life, func(t *metadata.TargetFiles, r updates.Release) (err error) {
		r.Minimum = version
		t.Custom, err = custom(r)
		return err
	}, false)
}

// Withdraw takes a version out of the feed, and what came with it. Who has it keeps it: no device is ever led back. Errors:
// ErrNoRelease.
func (d *Desk) Withdraw(ctx context.Context, version string, life time.Duration) error {
	return d.each(ctx, version, life, nil, true)
}

func (d *Desk) each(ctx context.Context, version string, life time.Duration, do func(*metadata.TargetFiles, updates.Release) error, remove bool) error {
	return d.state(ctx, life, func(t *metadata.Metadata[metadata.TargetsType]) error {
		var versions []string
		for _, target := range t.Signed.Targets {
			if r, ok := released(target); ok {
				versions = append(versions, r.Version)
			}
		}
		found := false
		for name, target := range t.Signed.Targets {
			r, ok := released(target)
			switch {
			case !ok && remove && cameWith(name, versions) == version:
				delete(t.Signed.Targets, name)
				continue
			case !ok || r.Version != version:
				continue
			}
			found = true
			if remove {
				delete(t.Signed.Targets, name)
			} else if err := do(target, r); err != nil {
				return err
			}
		}
		if !found {
			return ErrNoRelease
		}
		return nil
	})
}

// cameWith is the version among some that a list of parts is of, by its name; "" when it is of none. The longest counts: the
// name of 1.4.0-rc.1's list holds 1.4.0, too.
func cameWith(name string, versions []string) (version string) {
	for _, v := range versions {
		of := regexp.MustCompile(`(?i)[-_]` + regexp.QuoteMeta(v) + `([-_].*)?\.cdx\.json$`)
		if len(v) > len(version) && of.MatchString(name) {
			version = v
		}
	}
	return version
}
