package ui

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// place is a value in memory, the place that leads to it and the step from there.
type place struct {
	v    reflect.Value
	from *place
	step string
}

func (p *place) path() string {
	if p.from == nil {
		return p.step
	}
	return p.from.path() + p.step
}

// mayHold reports whether a value of a type could lead to a text.
func mayHold(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Pointer, reflect.Interface, reflect.Map:
		return true
	case reflect.Slice, reflect.Array:
		return t.Elem().Kind() == reflect.Uint8 || mayHold(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if mayHold(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// traces are the places below a value where one of some texts lies as a string or as bytes. Each value is looked at once, however
// many ways lead to it, and numbers are passed over: the walk takes as long as there is memory, not as there are ways through it.
func traces(root any, texts ...string) []string {
	var out []string
	type visit struct {
		at   unsafe.Pointer
		t    reflect.Type
		size int
	}
	seen, holds := map[visit]bool{}, map[reflect.Type]bool{}
	first := func(v reflect.Value, size int) bool {
		k := visit{v.UnsafePointer(), v.Type(), size}
		if seen[k] {
			return false
		}
		seen[k] = true
		return true
	}
	queue := []*place{{v: reflect.ValueOf(root)}}
	has := func(whole []byte, p *place) {
		for _, text := range texts {
			if bytes.Contains(whole, []byte(text)) {
				out = append(out, p.path())
				return
			}
		}
	}
	// Many slices look into one array, such as a font's: each byte of it is looked at once.
	lowest, longest := map[uintptr]uintptr{}, 0
	for _, text := range texts {
		longest = max(longest, len(text))
	}
	whole := func(start unsafe.Pointer, size int, p *place) {
		from, end := uintptr(start), uintptr(start)+uintptr(size)
		low, known := lowest[end]
		if known && low <= from {
			return
		}
		lowest[end] = from
		if known {
			size = min(size, int(low-from)+longest)
		}
		has(unsafe.Slice((*byte)(start), size), p)
	}
	walk := func(v reflect.Value, from *place, step string) {
		if !v.IsValid() {
			return
		}
		may, known := holds[v.Type()]
		if !known {
			may = mayHold(v.Type())
			holds[v.Type()] = may
		}
		if may {
			queue = append(queue, &place{v, from, step})
		}
	}
	for len(queue) > 0 {
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		switch v := p.v; v.Kind() {
		case reflect.String:
			if s := v.String(); s != "" {
				has(unsafe.Slice(unsafe.StringData(s), len(s)), p)
			}
		case reflect.Pointer:
			if !v.IsNil() && !strings.Contains(v.Type().String(), "testing.") && first(v, 0) {
				walk(v.Elem(), p, "")
			}
		case reflect.Interface:
			walk(v.Elem(), p, "")
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i), p, "."+v.Type().Field(i).Name)
			}
		case reflect.Map:
			if first(v, 0) {
				for it := v.MapRange(); it.Next(); {
					walk(it.Key(), p, "[key]")
					walk(it.Value(), p, "[]")
				}
			}
		case reflect.Slice:
			bytewise := v.Type().Elem().Kind() == reflect.Uint8
			switch {
			case v.Cap() == 0 || !first(v, v.Len()):
			case bytewise:
				whole(v.UnsafePointer(), v.Cap(), p) // what is behind the end counts as well
			default:
				for i := range v.Len() {
					walk(v.Index(i), p, "["+strconv.Itoa(i)+"]")
				}
			}
		case reflect.Array:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				if v.CanAddr() && v.Len() > 0 {
					has(unsafe.Slice((*byte)(unsafe.Pointer(v.UnsafeAddr())), v.Len()), p)
				}
				continue
			}
			for i := range v.Len() {
				walk(v.Index(i), p, "["+strconv.Itoa(i)+"]")
			}
		}
	}
	return out
}

func TestTracesFindsATextWhereverItLies(t *testing.T) {
	type ring struct {
		next  *ring
		list  []any
		deep  map[string][2]string
		bytes []byte
		array [8]byte
		far   *ring
	}
	const text = "needle"
	for name, put := range map[string]func(r *ring){
		"in a list":    func(r *ring) { r.list = []any{1, []string{"x", "a needle"}} },
		"in a map":     func(r *ring) { r.deep = map[string][2]string{"k": {"", text}} },
		"as a key":     func(r *ring) { r.deep = map[string][2]string{text: {}} },
		"in bytes":     func(r *ring) { r.bytes = []byte("a needle") },
		"behind bytes": func(r *ring) { r.bytes = []byte("a needle")[:1] },
		"before bytes that were looked at": func(r *ring) {
			b := []byte("a needle and more")
			r.list = []any{b, b[5:]}
		},
		"in an array":         func(r *ring) { copy(r.array[:], text) },
		"behind a short list": func(r *ring) { all := []any{1, text}; r.list = []any{all[:1], all} },
		"far down": func(r *ring) {
			for range 500 {
				r.far = &ring{}
				r = r.far
			}
			r.bytes = []byte(text)
		},
	} {
		r := &ring{}
		r.next = r
		put(r)
		if len(traces(r, "other", text)) != 1 {
			t.Errorf("%s it is not found", name)
		}
		if len(traces(r, "other")) != 0 {
			t.Errorf("%s something else is found", name)
		}
	}
}
