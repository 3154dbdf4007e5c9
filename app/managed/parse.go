package managed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"howett.net/plist"
)

// maxFile is the largest file of a policy that is read, in bytes.
const maxFile = 1 << 20

// profileType is the PayloadType of a configuration profile that carries our policy: the id of the application, which is
// also the name of its preferences.
const profileType = "app.sealdesk.client"

// Check judges a file as an administrator wrote it, before it is handed out: JSON, or a property list or configuration
// profile when it begins as one. It is stricter than [Resolve]: a key this version does not know is a problem too. system is
// what the file is for, as runtime.GOOS names it; a key that does nothing there is one as well. The error is [*Broken].
func Check(name string, data []byte, system string) (*Policy, error) {
	read := readJSON
	if isPlist(data) {
		read = readPlist
		if system == "" {
			system = "darwin"
		}
	}
	if system == "" {
		system = runtime.GOOS
	}
	raws, err := read(name, data)
	if err != nil {
		return nil, err
	}
	p, err := Resolve(raws)
	var b *Broken
	if err != nil && !errors.As(err, &b) {
		return nil, err
	}
	var wrong []Problem
	if b != nil {
		wrong = b.Problems
	}
	for _, r := range raws {
		at := Problem{Place: r.Place, Line: r.Line, Key: r.Key}
		d, known := Find(Key(r.Key))
		switch {
		case !known:
			at.Why = "is not a key this version knows" + meant(r.Key)
		case !d.Obeyed(system):
			at.Why = "does nothing on " + system + ", only on " + strings.Join(d.Systems, ", ")
		default:
			continue
		}
		wrong = append(wrong, at)
	}
	if len(wrong) > 0 {
		slices.SortStableFunc(wrong, func(a, b Problem) int { return a.Line - b.Line })
		return nil, broken(wrong...)
	}
	return p, nil
}

// meant is the key that was probably meant by one that differs in upper and lower case only.
func meant(key string) string {
	for _, d := range defs {
		if strings.EqualFold(string(d.Key), key) {
			return "; " + string(d.Key) + " is"
		}
	}
	return ""
}

// readJSON reads a file of policies.d: one object with a value for each key.
func readJSON(name string, data []byte) ([]Raw, error) {
	lineAt := func(offset int64) int {
		return 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte("\n"))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	refuse := func(err error) ([]Raw, error) {
		p := Problem{Place: name, Line: lineAt(dec.InputOffset()), Why: "is not JSON"}
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			p.Line = lineAt(syntax.Offset)
			p.Why += ": " + syntax.Error()
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			p.Line = lineAt(int64(len(data)))
			p.Why += ": it ends too early"
		}
		return nil, broken(p)
	}
	first, err := dec.Token()
	if err != nil {
		return refuse(err)
	}
	if first != json.Delim('{') {
		return nil, broken(Problem{Place: name, Line: lineAt(dec.InputOffset()), Why: "must be an object: { \"Key\": value }"})
	}
	var raws []Raw
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return refuse(err)
		}
		r := Raw{Place: name, Line: lineAt(dec.InputOffset())}
		r.Key, _ = token.(string) // a key of an object is nothing else
		if err := dec.Decode(&r.Value); err != nil {
			return refuse(err)
		}
		if r.Key != "$schema" { // for editors
			raws = append(raws, r)
		}
	}
	if _, err := dec.Token(); err != nil {
		return refuse(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, broken(Problem{Place: name, Line: lineAt(dec.InputOffset()), Why: "goes on after its end"})
	}
	return raws, nil
}

func isPlist(data []byte) bool {
	data = bytes.TrimPrefix(bytes.TrimSpace(data), []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(data, []byte("bplist")) || bytes.HasPrefix(data, []byte("<"))
}

// readPlist reads managed preferences, or a configuration profile with a payload of ours, in any form of a property list.
func readPlist(name string, data []byte) ([]Raw, error) {
	var all map[string]any
	if _, err := plist.Unmarshal(data, &all); err != nil || all == nil {
		return nil, broken(Problem{Place: name, Why: "is not a property list with keys and values"})
	}
	if content, ok := all["PayloadContent"].([]any); ok {
		all = nil
		for _, c := range content {
			payload, _ := c.(map[string]any)
			switch {
			case payload["PayloadType"] != profileType:
			case all != nil:
				return nil, broken(Problem{Place: name, Why: "has two payloads of the type " + profileType})
			default:
				all = payload
			}
		}
		if all == nil {
			return nil, broken(Problem{Place: name, Why: "has no payload of the type " + profileType})
		}
	}
	var raws []Raw
	for key, value := range all {
		if !strings.HasPrefix(key, "Payload") { // the profile's own
			raws = append(raws, Raw{Key: key, Value: value, Place: name, Line: plistLine(data, key)})
		}
	}
	return ordered(raws), nil
}

// plistLine finds the line a key stands on; 0 in a binary property list.
func plistLine(data []byte, key string) int {
	at := bytes.Index(data, []byte("<key>"+key+"</key>"))
	if at < 0 || bytes.HasPrefix(data, []byte("bplist")) {
		return 0
	}
	return 1 + bytes.Count(data[:at], []byte("\n"))
}

// registered is a value of the registry: names there come in any case, and true is a 1.
func registered(place, name string, value any) Raw {
	r := Raw{Key: name, Value: value, Place: place}
	for _, d := range defs {
		if !strings.EqualFold(string(d.Key), name) {
			continue
		}
		r.Key = string(d.Key)
		if n, ok := value.(uint64); ok && d.Kind == Bool && n <= 1 {
			r.Value = n == 1
		}
	}
	return r
}

// numbered brings the values of a list's sub-key into the order of their names: 1, 2, ..., 10.
func numbered(items []Raw) any {
	slices.SortStableFunc(items, func(a, b Raw) int {
		x, errX := strconv.Atoi(a.Key)
		y, errY := strconv.Atoi(b.Key)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(a.Key, b.Key)
	})
	list := make([]any, len(items))
	for i, r := range items {
		list[i] = r.Value
	}
	return list
}
