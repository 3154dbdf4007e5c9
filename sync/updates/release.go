package updates

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/semver"
)

// A Ring says how early a device gets a release, and how far a release has come. Its text is the policy's.
type Ring string

// The rings, from the first to the last.
const (
	Pilot Ring = "pilot"
	Early Ring = "early"
	Broad Ring = "broad"
)

var rings = []Ring{Pilot, Early, Broad}

// Valid reports whether a ring is one of the three.
func (r Ring) Valid() bool { return slices.Contains(rings, r) }

// Sees reports whether a device of this ring is offered releases of another: its own and the wider ones.
func (r Ring) Sees(of Ring) bool {
	return r.Valid() && of.Valid() && slices.Index(rings, of) >= slices.Index(rings, r)
}

// A Kind is the form of an installer.
type Kind string

// The kinds of installers.
const (
	Deb Kind = "deb"
	RPM Kind = "rpm"
	MSI Kind = "msi"
	PKG Kind = "pkg"
)

// systems says on which system each kind is installed.
var systems = map[Kind]string{Deb: "linux", RPM: "linux", MSI: "windows", PKG: "darwin"}

// KindsHere are the kinds that may be installed on this system.
func KindsHere() (out []Kind) {
	for k, system := range systems {
		if system == runtime.GOOS {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// Languages are those a release is described in.
var Languages = []string{"en", "de", "it"}

const maxNotes = 4000 // bytes of one language

// A Release is what the release engineer says of a file: the custom part of a TUF target.
type Release struct {
	OS      string            `json:"os"`   // as in GOOS
	Arch    string            `json:"arch"` // as in GOARCH; "all" for every one
	Kind    Kind              `json:"kind"`
	Version string            `json:"version"` // "1.4.0", as in semver.org, without a v
	Ring    Ring              `json:"ring"`
	Minimum string            `json:"minimum"`          // versions before it are no longer allowed; never above Version
	System  string            `json:"system,omitempty"` // the least version of the operating system: "10.0.19045"; "" is any
	Notes   map[string]string `json:"notes"`            // what is new, by language
}

var plainVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// Newer reports whether version a is newer than b. A version that is none, such as that of a build from a checkout, is older
// than every other.
func Newer(a, b string) bool { return semver.Compare("v"+a, "v"+b) > 0 }

// IsVersion reports whether a text is a version that can be compared.
func IsVersion(v string) bool { return plainVersion.MatchString(v) && semver.IsValid("v"+v) }

// Check says what is wrong with a release. Both who signs one and who reads one call it.
func (r Release) Check() error {
	switch {
	case systems[r.Kind] == "" || systems[r.Kind] != r.OS:
		return fmt.Errorf("%w: %q is no kind of installer for %q", ErrMalformed, r.Kind, r.OS)
	case r.Arch == "":
		return fmt.Errorf("%w: a release says no architecture", ErrMalformed)
	case !IsVersion(r.Version):
		return fmt.Errorf("%w: %q is no version like 1.4.0", ErrMalformed, r.Version)
	case !r.Ring.Valid():
		return fmt.Errorf("%w: %q is no ring: pilot, early or broad", ErrMalformed, r.Ring)
	case !IsVersion(r.Minimum) || Newer(r.Minimum, r.Version):
		return fmt.Errorf("%w: the minimum version %q is not one up to %s", ErrMalformed, r.Minimum, r.Version)
	case r.System != "" && dotted(r.System) == nil:
		return fmt.Errorf("%w: %q is no version of a system like 10.0.19045", ErrMalformed, r.System)
	}
	for _, language := range Languages {
		if text := r.Notes[language]; text == "" || len(text) > maxNotes || !utf8.ValidString(text) {
			return fmt.Errorf("%w: the notes in %q must have 1 to %d bytes", ErrMalformed, language, maxNotes)
		}
	}
	return nil
}

// dotted reads "10.0.19045"; nil when it is not such a text.
func dotted(s string) (out []int) {
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil
		}
		out = append(out, n)
	}
	return out
}

// A Device is what decides about what is offered.
type Device struct {
	OS      string
	Arch    string
	Kinds   []Kind // those it can install
	Ring    Ring
	Version string // of the app; one that is none is not offered anything
	System  string // version of the operating system; "" does not matter
}

// An Offer is what a feed means for a device. Its zero value: nothing is new.
type Offer struct {
	File    File   // the newest release for this device; zero when none is newer
	Minimum string // the version below which none is allowed; "" when there is no word on it
	TooOld  bool   // the device's version is below it
	System  string // a release newer than all that can be offered needs this version of the system; "" when there is none
}

// Found reports whether a newer version is offered.
func (o Offer) Found() bool { return o.File.Name != "" }

// For says what the feed means for a device: the newest release of its ring and the wider ones that fits it. A version that
// is not newer than the device's own is never offered. A minimum counts only as far as something offered fulfils it.
func (f Feed) For(d Device) (o Offer) {
	var newest, blocked File
	for _, file := range f.Files {
		r := file.Release
		if r.OS != d.OS || r.Arch != d.Arch && r.Arch != "all" || !slices.Contains(d.Kinds, r.Kind) || !d.Ring.Sees(r.Ring) {
			continue
		}
		if d.System != "" && r.System != "" && slices.Compare(dotted(d.System), dotted(r.System)) < 0 {
			if Newer(r.Version, blocked.Version) {
				blocked = file
			}
			continue
		}
		if Newer(r.Version, newest.Version) {
			newest = file
		}
		if o.Minimum == "" || Newer(r.Minimum, o.Minimum) {
			o.Minimum = r.Minimum
		}
	}
	if !IsVersion(d.Version) {
		return Offer{Minimum: o.Minimum}
	}
	o.TooOld = o.Minimum != "" && Newer(o.Minimum, d.Version)
	if Newer(newest.Version, d.Version) {
		o.File = newest
	}
	if Newer(blocked.Version, d.Version) && Newer(blocked.Version, newest.Version) {
		o.System = blocked.System
	}
	return o
}

// byRelease sorts files as people read them: the newest version first, then by name.
func byRelease(a, b File) int {
	return cmp.Or(semver.Compare("v"+b.Version, "v"+a.Version), cmp.Compare(a.Name, b.Name))
}
