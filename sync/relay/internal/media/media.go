package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Errors that say what became of a file. [Clean] wraps them; test with [errors.Is]. An error that is none of them is the
// reader's, the writer's or the context's own, and says nothing about the file.
var (
	// ErrTooLarge says that the file is larger than its kind may be. See [Limit].
	ErrTooLarge = errors.New("file is too large for its kind")
	// ErrMismatch says that the file is something else than was declared, or two things at once.
	ErrMismatch = errors.New("file is not what it was declared to be")
	// ErrBroken says that the file is empty, cut short, or not built as its format demands.
	ErrBroken = errors.New("file is broken")
	// ErrBomb says that the file would become unreasonably large or slow when somebody opens it.
	ErrBomb = errors.New("file would become too large when opened")
	// ErrUnsupported says that the file is sound, but that WhatsApp does not take such a file as this kind.
	ErrUnsupported = errors.New("file type is not supported as this kind")
)

// A Kind is what a file is sent as.
type Kind uint8

// The kinds. The zero Kind is none.
const (
	Image    Kind = 1
	Video    Kind = 2
	Audio    Kind = 3
	Voice    Kind = 4 // a recorded voice message
	Document Kind = 5
	Sticker  Kind = 6
)

// Declared is what is said of a file before anybody looked into it. Its zero value is outbound, the stricter way.
type Declared struct {
	Kind    Kind
	MIME    string // parameters are ignored; empty or application/octet-stream claims nothing
	Name    string // the file's name; only its extension is looked at, and for documents only
	Size    int64  // bytes; 0 says nothing
	Inbound bool   // a customer sent it: WhatsApp has let it pass, so only what endangers us is refused
}

// State says how well a file was cleaned.
type State uint8

// The states. The zero State belongs to no report.
const (
	// Cleaned says that everything this package knows of the format's hidden parts is gone.
	Cleaned State = 1
	// Opaque says that the file passes as it came: its format is not known here. Only inbound documents may be opaque.
	Opaque State = 2
	// Locked says that the file passes as it came, or nearly: it is encrypted, or holds a part that could not be
	// rewritten. The caller decides whether to let it go.
	Locked State = 3
)

func (s State) String() string {
	return [...]string{"none", "cleaned", "opaque", "locked"}[min(s, 3)]
}

// Danger says why a document must never be opened by a click. The empty Danger is none that is known.
type Danger string

// The dangers.
const (
	Program Danger = "program" // runs when opened
	Script  Danger = "script"  // is run by a browser or a shell when opened: HTML and SVG, too
	Macros  Danger = "macros"  // a document with code in it
	Active  Danger = "active"  // a PDF with scripts or that starts programs
)

// A Part is a kind of thing that is removed.
type Part string

// The parts.
const (
	EXIF       Part = "exif"
	XMP        Part = "xmp"
	IPTC       Part = "iptc"
	Comment    Part = "comment"
	Thumbnail  Part = "thumbnail"
	Properties Part = "properties" // author, company, program and times of a document
	Tags       Part = "tags"       // title, artist and the like of a recording
	UserData   Part = "user data"  // of a film or recording: place, device, its makers' own
	Times      Part = "times"      // when a film was recorded
	Track      Part = "track"      // recorded beside the film: positions, motion
	Trailing   Part = "trailing"   // follows the file's end
	Other      Part = "other"
)

// Removed counts how often a part was removed.
type Removed struct {
	Part  Part
	Count int
}

// Report is what is known of a file that passed.
type Report struct {
	State State
	// MIME is the type found, as WhatsApp names it; application/octet-stream for everything that should not be opened
	// by its type: dangerous and opaque files.
	MIME string
	Size int64 // bytes written
	// Width and Height are the pixels of a picture or film as it is seen, upright; 0 if unknown.
	Width, Height int
	// Orientation is the EXIF orientation (1 to 8) that remains in a picture and that a viewer has to apply; 1 is
	// upright, 0 is no picture.
	Orientation int
	Animated    bool
	Duration    time.Duration // of a film or recording; 0 if unknown
	// Blur is an upright picture of at most 16x16 RGB pixels, row by row after a byte of width. It is made for images
	// and stickers only and missing when decoding would cost too much memory.
	Blur    []byte
	Danger  Danger
	Removed []Removed // sorted by part, none twice; empty if the file was clean
}

func (r *Report) removed(p Part) {
	i, found := slices.BinarySearchFunc(r.Removed, p, func(have Removed, p Part) int { return cmp.Compare(have.Part, p) })
	if !found {
		r.Removed = slices.Insert(r.Removed, i, Removed{Part: p})
	}
	r.Removed[i].Count++
}

const (
	mebi = 1 << 20

	maxBytes        = 100 * mebi // the largest document of the Cloud API, and the largest file of all
	maxPictureBytes = 16 * mebi
)

// Limit is how many bytes a file of a kind may have: outbound what the Cloud API's media page states (animated says
// that a sticker moves), inbound what the relay is ready to handle, whatever WhatsApp let pass. It is 0 for no kind.
func Limit(k Kind, inbound, animated bool) int64 {
	switch {
	case k < Image || k > Sticker:
		return 0
	case inbound && (k == Image || k == Sticker):
		return maxPictureBytes
	case inbound, k == Document:
		return maxBytes
	case k == Image:
		return 5 * mebi
	case k == Sticker && animated:
		return 500 << 10
	case k == Sticker:
		return 100 << 10
	}
	return 16 * mebi // video, audio, voice
}

// Check judges what is declared without a byte of the file: ErrUnsupported for a type that could never pass as its kind,
// ErrTooLarge for a size. Who takes files over a network asks it first.
func (d Declared) Check() error {
	limit := Limit(d.Kind, d.Inbound, true)
	if limit == 0 {
		return fmt.Errorf("judging a file of no kind: %w", ErrUnsupported)
	}
	if d.Size < 0 || d.Size > limit {
		return fmt.Errorf("judging a declared size: %w", ErrTooLarge)
	}
	if m := d.mime(); m != "" && !d.takes(m) {
		return fmt.Errorf("judging a declared type: %w", ErrUnsupported)
	}
	return nil
}

// Clean reads the size bytes of a file from src, finds out what it is, compares that with what was declared and with
// WhatsApp's limits, and writes it to dst without what its maker's device added. See the package's invariants for what
// stays and [Declared], [Report] for the rest.
//
// It reads src several times and mostly forwards, in pieces of up to 64 KiB. When it returns an error, dst holds nothing
// useful; for this package's own errors it holds nothing.
func Clean(ctx context.Context, dst io.Writer, src io.ReaderAt, size int64, d Declared) (rep Report, err error) {
	// The decoders of others are the one place where hostile bytes might do what nobody foresaw. One customer's file
	// must not stop the company's relay.
	defer func() {
		if p := recover(); p != nil {
			rep, err = Report{}, fmt.Errorf("reading a file: %w", ErrBroken)
		}
	}()
	return clean(ctx, dst, src, size, d)
}

func clean(ctx context.Context, dst io.Writer, src io.ReaderAt, size int64, d Declared) (Report, error) {
	if err := d.Check(); err != nil {
		return Report{}, err
	}
	switch {
	case size > Limit(d.Kind, d.Inbound, true):
		return Report{}, fmt.Errorf("judging a file's size: %w", ErrTooLarge)
	case size <= 0:
		return Report{}, fmt.Errorf("judging a file's size: %w", ErrBroken)
	case d.Size > 0 && d.Size != size:
		return Report{}, fmt.Errorf("comparing a file's size: %w", ErrBroken)
	}
	s := &source{ctx: ctx, r: src, size: size}
	rep, p, err := judge(s, d)
	if s.err != nil { // a disk or a context says nothing about the file
		return Report{}, fmt.Errorf("reading a file: %w", s.err)
	}
	if err != nil {
		return Report{}, err
	}
	rep.Size = p.size
	if _, err := io.CopyBuffer(struct{ io.Writer }{dst}, io.NewSectionReader(p, 0, p.size), make([]byte, windowSize)); err != nil {
		return Report{}, fmt.Errorf("writing a cleaned file: %w", err)
	}
	return rep, nil
}

// judge reads a file to its end and plans what is written of it.
func judge(s *source, d Declared) (Report, *plan, error) {
	f := sniff(s, groups[d.extension()] == "text")
	if s.err != nil {
		return Report{}, nil, s.err
	}
	if err := d.compare(f); err != nil {
		return Report{}, nil, err
	}
	rep := Report{State: Cleaned, MIME: f.mime}
	p := &plan{src: s}
	if err := f.clean(s, &rep, p, d); err != nil {
		return Report{}, nil, fmt.Errorf("reading a %s file: %w", f.family, err)
	}
	if s.err != nil {
		return Report{}, nil, s.err
	}
	if f.family != familyZip && f.family != familyOther && hasZip(p, f.isMedia()) {
		return Report{}, nil, fmt.Errorf("finding an archive within a %s file: %w", f.family, ErrMismatch)
	}
	// Only now is it known what a container holds and whether a picture moves.
	if err := d.accept(&rep, f, p.size); err != nil {
		return Report{}, nil, err
	}
	if d.Kind == Image || d.Kind == Sticker {
		if err := look(s.ctx, &rep, f, p); err != nil {
			return Report{}, nil, fmt.Errorf("decoding a %s file: %w", f.family, err)
		}
	}
	return rep, p, nil
}

func (d Declared) mime() string {
	m, _, _ := strings.Cut(d.MIME, ";")
	m = strings.ToLower(strings.TrimSpace(m))
	if m == octets {
		return ""
	}
	return m
}
