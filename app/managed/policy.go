package managed

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ErrBroken is what every [Broken] is.
var ErrBroken = errors.New("the policy of this machine is broken")

// A Raw is one setting as a source gave it, before anybody looked whether it is right.
type Raw struct {
	Key   string
	Value any
	Place string // where it stands: a file, or a key of the registry
	Line  int    // in the file; 0 where that is not known
}

// A Problem is one thing that is wrong with a policy. Why is for IT, in English, and holds no text of a value.
type Problem struct {
	Place string // a file, or a key of the registry
	Line  int    // 0 where it is not known
	Key   string // "" when it is about the whole
	Why   string
}

// String is the problem on one line: place:line: key: why.
func (p Problem) String() string {
	at := p.Place
	if p.Line > 0 {
		at += fmt.Sprintf(":%d", p.Line)
	}
	return strings.Join(slices.DeleteFunc([]string{at, p.Key, p.Why}, func(s string) bool { return s == "" }), ": ")
}

// Broken is a policy that is not obeyed because something in it is wrong: everything that is. It is [ErrBroken].
type Broken struct{ Problems []Problem }

// Error returns the problems, one after the other.
func (b *Broken) Error() string {
	lines := make([]string, len(b.Problems))
	for i, p := range b.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

// Is makes it an [ErrBroken].
func (b *Broken) Is(target error) bool { return target == ErrBroken }

func broken(p ...Problem) error { return &Broken{Problems: p} }

// A Setting is what is in force for one key.
type Setting struct {
	Def     Def
	Value   any    // as [Kind] says; nil: somebody else decides, see Def.Left
	Managed bool   // the company set it
	Origin  string // where, if it did
}

// A Policy is what is in force on this machine. A nil Policy manages nothing. It is never changed.
type Policy struct {
	set     map[Key]Setting
	Unknown []Problem // keys this version does not know: they do nothing
}

// Resolve judges what sources gave. The error is [*Broken] with everything that is wrong; there is no policy then.
func Resolve(raws []Raw) (*Policy, error) {
	p := &Policy{set: map[Key]Setting{}}
	var wrong []Problem
	first := map[Key]Raw{}
	for _, r := range raws {
		at := Problem{Place: r.Place, Line: r.Line, Key: r.Key}
		d, known := Find(Key(r.Key))
		if !known {
			at.Why = "is not a key this version knows"
			p.Unknown = append(p.Unknown, at)
			continue
		}
		if before, twice := first[d.Key]; twice {
			at.Why = "is set in " + before.Place + " already"
			if before.Place == r.Place {
				at.Why = "is set twice"
			}
			wrong = append(wrong, at)
			continue
		}
		first[d.Key] = r
		value, why := d.take(r.Value)
		if why != "" {
			at.Why = why
			wrong = append(wrong, at)
			continue
		}
		p.set[d.Key] = Setting{Def: d, Value: value, Managed: true, Origin: r.Place}
	}
	if url, ok := first[RelayURL]; ok {
		if _, ok := first[RelayPin]; !ok {
			wrong = append(wrong, Problem{Place: url.Place, Line: url.Line, Key: string(RelayURL), Why: "is set without RelayPin, so that nobody could tell the relay from another"})
		}
	}
	if len(wrong) > 0 {
		return nil, broken(wrong...)
	}
	return p, nil
}

// Setting returns what is in force for a key.
func (p *Policy) Setting(k Key) Setting {
	if p != nil {
		if s, ok := p.set[k]; ok {
			return s
		}
	}
	d, _ := Find(k)
	return Setting{Def: d, Value: d.Default}
}

// Settings returns what is in force for every key, in the order of [Defs].
func (p *Policy) Settings() []Setting {
	out := make([]Setting, len(defs))
	for i, d := range defs {
		out[i] = p.Setting(d.Key)
	}
	return out
}

// Managed reports whether the company set a key.
func (p *Policy) Managed(k Key) bool { return p.Setting(k).Managed }

// Text returns the value in force of a Text, Enum or URL; "" when somebody else decides.
func (p *Policy) Text(k Key) string { return valueOf[string](p, k) }

// Int returns the value in force of an Int; 0 when somebody else decides.
func (p *Policy) Int(k Key) int { return valueOf[int](p, k) }

// Bool returns the value in force of a Bool; false when somebody else decides.
func (p *Policy) Bool(k Key) bool { return valueOf[bool](p, k) }

// List returns the value in force of a List; nil when somebody else decides. It is not changed.
func (p *Policy) List(k Key) []string { return valueOf[[]string](p, k) }

func valueOf[T any](p *Policy, k Key) (v T) {
	v, _ = p.Setting(k).Value.(T)
	return v
}

// A Relay is the company's relay as the policy names it. Address is host:port, "" when it names none; Pins are the
// SHA-256 of the SubjectPublicKeyInfo of the keys it may show (RFC 7469 section 2.4), the preferred one first.
type Relay struct {
	Address string
	Pins    [][32]byte
}

// Relay returns what the policy says of the relay. With an Address there is at least one of the Pins; there may be Pins
// alone, and then no other relay is to be trusted.
func (p *Policy) Relay() Relay {
	var r Relay
	if u := p.Text(RelayURL); u != "" {
		r.Address = address(u)
	}
	for _, text := range p.List(RelayPin) {
		if got, ok := Pin(text); ok {
			r.Pins = append(r.Pins, got)
		}
	}
	return r
}

// Updates is what the policy says of updates: Mode "off", "notify" or "auto", Ring "pilot", "early" or "broad", URL "" for
// the relay's own.
type Updates struct{ Mode, Ring, URL string }

// Updates returns what the policy says of updates; without a policy the defaults of the table.
func (p *Policy) Updates() Updates {
	return Updates{Mode: p.Text(UpdateMode), Ring: p.Text(UpdateRing), URL: p.Text(UpdateURL)}
}

// Changed returns the keys for which two policies have other values in force.
func Changed(before, after *Policy) []Key {
	var keys []Key
	for i, s := range after.Settings() {
		if was := before.Setting(defs[i].Key); was.Managed != s.Managed || !reflect.DeepEqual(was.Value, s.Value) {
			keys = append(keys, defs[i].Key)
		}
	}
	return keys
}

// ordered sorts what a source gave, so that two looks at the same can be compared.
func ordered(raws []Raw) []Raw {
	slices.SortStableFunc(raws, func(a, b Raw) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	return raws
}
