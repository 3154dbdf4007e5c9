package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
)

// ErrExport is returned for an export that does not prove itself: it was changed, cut short, or is not of that company.
// The text around it says in which line.
var ErrExport = errors.New("the export does not prove itself")

// maxLine is the longest line of an export, in bytes.
const maxLine = 4 << 20

// CheckExport reads an export in either format, with nothing but the public audit key somebody kept, and says what it
// holds. Every entry is hashed again from what the line says, and the entries of each shard are proved to be, in that
// order and without a gap, in the tree of the signed checkpoint. If f is not nil it is called with each entry, which is
// proved only once CheckExport returned no error. With an empty verifier the export's own is believed: that shows damage,
// but no forgery. Errors: ErrExport, those of from and of f.
func CheckExport(from io.Reader, verifier string, f func(Found) error) (Summary, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	c := checking{verifier: verifier, lines: sha256.New()}
	n := 0
	for lines.Scan() {
		n++
		r, err := parseRecord(lines.Text())
		if err == nil {
			err = c.record(r)
		}
		c.lines.Write(lines.Bytes())
		c.lines.Write([]byte{'\n'})
		if err != nil {
			return c.sum, fmt.Errorf("reading line %d: %w", n, err)
		}
		if r.Kind == recordEntry && f != nil {
			if err := f(Found{Shard: r.Shard, Entry: c.entry}); err != nil {
				return c.sum, err
			}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return c.sum, fmt.Errorf("reading line %d: %w", n+1, ErrExport)
	} else if err != nil {
		return c.sum, err
	}
	if !c.done {
		return c.sum, fmt.Errorf("looking for the last line: %w: it was cut short", ErrExport)
	}
	return c.sum, nil
}

// A checking is an export while it is read.
type checking struct {
	verifier string
	sum      Summary
	open     string // the shard whose entries come
	last     string // the shard before it
	signed   Checkpoint
	tree     crown
	entries  uint64
	entry    Entry
	room     []Hash
	lines    hash.Hash // of the lines before
	done     bool
}

func (c *checking) record(r *record) error {
	if c.done || (r.Kind == recordExport) != (c.sum.Verifier == "") {
		return ErrExport
	}
	switch r.Kind {
	case recordExport:
		if r.Format != exportVersion || r.Verifier == "" || c.verifier != "" && r.Verifier != c.verifier {
			return ErrExport
		}
		c.sum.Company, c.sum.Verifier, c.sum.From, c.sum.Until = r.Company, r.Verifier, r.From, r.Until
	case recordShard:
		return c.begin(r)
	case recordEntry:
		return c.add(r)
	case recordEnd:
		return c.end(r)
	case recordDone:
		if c.open != "" || r.Shards != c.sum.Shards || r.Entries != c.sum.Entries {
			return ErrExport
		}
		v, err := note.NewVerifier(c.sum.Verifier)
		if err != nil {
			return ErrExport
		}
		n, err := note.Open([]byte(r.Seal), note.VerifierList(v))
		if err != nil || n.Text != sealText(c.sum.Company, c.lines.Sum(nil)) {
			return ErrExport
		}
		c.done = true
	default:
		return ErrExport
	}
	return nil
}

func (c *checking) begin(r *record) error {
	signed, err := ParseCheckpoint(r.Checkpoint, c.sum.Verifier)
	if err != nil {
		return errors.Join(ErrExport, err)
	}
	tree, ok := crownOf(r.First-1, r.Before)
	if !ok || c.open != "" || r.Shard <= c.last || signed.Shard != r.Shard || signed.Company != c.sum.Company || r.First == 0 || r.First > signed.Size {
		return ErrExport
	}
	c.open, c.signed, c.tree, c.entries = r.Shard, signed, tree, 0
	c.sum.Shards++
	return nil
}

func (c *checking) add(r *record) error {
	at, err := time.Parse(stampLayout, r.At)
	if err != nil || r.Hash == nil || c.open == "" || r.Shard != c.open || r.Number != c.tree.size+1 || r.Number > c.signed.Size {
		return ErrExport
	}
	c.entry = Entry{
		Number: r.Number, At: inbox.At(at), Actor: inbox.PersonID(r.Actor), Device: inbox.DeviceID(r.Device), Act: Act(r.Act), Object: r.Object,
		Refused: inbox.Refusal(r.Refused), Detail: r.Detail, Reason: cbor.ByteString(r.Reason), Back: r.Back,
	}
	row, err := cbor.Marshal(c.entry)
	if err != nil || tlog.RecordHash(row) != *r.Hash {
		return ErrExport
	}
	c.room = c.tree.add(*r.Hash, c.room)
	c.entries++
	c.sum.Entries++
	return nil
}

func (c *checking) end(r *record) error {
	if c.open == "" || r.Shard != c.open || r.Entries != c.entries {
		return ErrExport
	}
	// An export of everything has everything.
	if c.sum.From == "" && c.tree.size-c.entries != 0 || c.sum.Until == "" && c.entries > 0 && c.tree.size != c.signed.Size {
		return ErrExport
	}
	if c.entries > 0 {
		if r.Last != c.tree.size ||
			tlog.CheckTree(tlog.TreeProof(r.Proof), int64(c.signed.Size), c.signed.Root, int64(c.tree.size), c.tree.root()) != nil {
			return ErrExport
		}
	}
	c.last, c.open = c.open, ""
	return nil
}

// parseRecord reads a line of either format.
func parseRecord(line string) (*record, error) {
	if strings.HasPrefix(line, "{") {
		return parseJSON(line)
	}
	return parseCEF(line)
}

func parseJSON(line string) (*record, error) {
	var r record
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(&r) != nil || d.More() {
		return nil, ErrExport
	}
	return &r, nil
}

func parseCEF(line string) (*record, error) {
	heads, rest, ok := splitCEF(line)
	if !ok {
		return nil, ErrExport
	}
	fields, ok := cefFields(rest)
	if !ok {
		return nil, ErrExport
	}
	class := heads[4]
	if kind, chain := strings.CutPrefix(class, cefChain); chain {
		r, err := parseJSON(fields[cefState])
		if err != nil || r.Kind != kind || r.Kind == recordEntry || fields[cefShard] != r.Shard {
			return nil, ErrExport
		}
		return r, nil
	}
	at, err1 := strconv.ParseInt(fields[cefTime], 10, 64)
	number, err2 := strconv.ParseUint(fields[cefNumber], 10, 64)
	own, err3 := tlog.ParseHash(fields[cefHash])
	reason, err4 := base64.StdEncoding.DecodeString(fields[cefReason])
	r := &record{
		Kind: recordEntry, Shard: fields[cefShard], Number: number, At: stamp(inbox.Moment(at)), Actor: fields[cefActor], Device: fields[cefDevice],
		Act: class, Object: fields[cefObject], Detail: fields[cefDetail], Reason: reason, Hash: &own,
	}
	var err5, err6 error
	if refused := fields[cefRefused]; refused != "" {
		var n uint64
		n, err5 = strconv.ParseUint(refused, 10, 16)
		r.Refused = uint16(n)
	}
	if back := fields[cefBack]; back != "" {
		r.Back, err6 = strconv.ParseInt(back, 10, 64)
	}
	// What stands there twice, for those who read it, must not differ from what is hashed.
	outcome := cefSucceeded
	if r.Refused != 0 {
		outcome = cefFailed
	}
	if errors.Join(err1, err2, err3, err4, err5, err6) != nil || fields[cefOutcome] != outcome {
		return nil, ErrExport
	}
	return r, nil
}

// splitCEF splits a line into CEF's seven heads and the rest.
func splitCEF(line string) (heads []string, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case line[i] == '|':
			heads = append(heads, b.String())
			b.Reset()
			if len(heads) == 7 {
				return heads, line[i+1:], strings.HasPrefix(line, cefBegin)
			}
		default:
			b.WriteByte(line[i])
		}
	}
	return nil, "", false
}

// cefFields reads key=value key=value, where values may hold spaces and every = of theirs has a \ before it. It refuses a
// key that stands there twice.
func cefFields(s string) (map[string]string, bool) {
	out := map[string]string{}
	var cuts []int // where an = stands that ends a key
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '=':
			cuts = append(cuts, i)
		}
	}
	from := 0
	for i, cut := range cuts {
		key, end := s[from:cut], len(s)
		if i+1 < len(cuts) {
			end = strings.LastIndexByte(s[:cuts[i+1]], ' ')
			if end < cut {
				return nil, false
			}
		}
		if _, twice := out[key]; twice || key == "" || strings.ContainsRune(key, ' ') {
			return nil, false
		}
		out[key] = cefUnescape(s[cut+1 : end])
		from = end + 1
	}
	return out, len(cuts) > 0
}

func cefUnescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
