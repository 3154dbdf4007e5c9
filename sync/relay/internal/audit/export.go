package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// An ExportFormat is how an export is written.
type ExportFormat string

// The formats of an export.
const (
	JSONLines ExportFormat = "jsonl" // a JSON object per line
	CEF       ExportFormat = "cef"   // an event per line in ArcSight's Common Event Format, version 0
)

// ErrFormat is returned for a format that is none.
var ErrFormat = errors.New("not a format of an export: jsonl or cef")

// ExportOptions say what is exported.
type ExportOptions struct {
	Format  ExportFormat
	From    inbox.Moment // the first moment that counts; 0 is the beginning
	Until   inbox.Moment // the first that does not count any more; 0 is now
	At      inbox.Moment // when the export is made
	Key     Key          // signs the checkpoints the export is judged by
	Version string       // of the program
}

// A Summary says what an export holds.
type Summary struct {
	Company  string `json:"company"`
	Verifier string `json:"verifier"`
	From     string `json:"from,omitempty"`  // RFC 3339; "" is the beginning
	Until    string `json:"until,omitempty"` // "" is the end
	Shards   int    `json:"shards"`
	Entries  uint64 `json:"entries"`
}

// The records of an export, one a line. A shard's entries lie between its head, which says what tree they are of and all
// one must know of the part before them, and its end, which proves that they are in that tree.
const (
	recordExport = "export"
	recordShard  = "shard"
	recordEntry  = "entry"
	recordEnd    = "end"
	recordDone   = "done"

	exportVersion = 1
)

// record is any of them; what does not belong to a kind is left out.
type record struct {
	Kind string `json:"kind"`

	// export
	Format   int    `json:"format,omitempty"`
	Company  string `json:"company,omitempty"`
	Verifier string `json:"verifier,omitempty"`
	Version  string `json:"version,omitempty"`
	From     string `json:"from,omitempty"`
	Until    string `json:"until,omitempty"`

	// shard, entry, end
	Shard string `json:"shard,omitempty"`

	// shard
	Checkpoint string `json:"checkpoint,omitempty"` // signed: origin, size, root, time
	First      uint64 `json:"first,omitempty"`
	Before     []Hash `json:"before,omitempty"` // the whole subtrees before the first entry, the smallest first

	// entry
	Number  uint64 `json:"number,omitempty"`
	At      string `json:"at,omitempty"` // of an export, too: when it was made
	Actor   string `json:"actor,omitempty"`
	Device  string `json:"device,omitempty"`
	Act     string `json:"act,omitempty"`
	Object  string `json:"object,omitempty"`
	Refused uint16 `json:"refused,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Reason  []byte `json:"reason,omitempty"` // sealed
	Back    int64  `json:"back,omitempty"`
	Hash    *Hash  `json:"hash,omitempty"` // of the entry, as the tree has it

	// end, done
	Entries uint64 `json:"entries,omitempty"`
	Last    uint64 `json:"last,omitempty"`
	Proof   []Hash `json:"proof,omitempty"` // that the tree up to the last entry is in that of the checkpoint
	Shards  int    `json:"shards,omitempty"`

	// done
	Seal string `json:"seal,omitempty"` // signed: the hash of all lines before
}

func stamp(m inbox.Moment) string { return m.Time().Format(stampLayout) }

func stampUnless0(m inbox.Moment) string {
	if m == 0 {
		return ""
	}
	return stamp(m)
}

// Export writes the audit logs of all shards, as far as they lie in a span of time. If clocks were turned, it holds what
// lies between, too: an export has no gaps. It proves itself: see [CheckExport]. It reads in short transactions, and what
// is written meanwhile is not in it. An export that was cut short has no last record.
func Export(ctx context.Context, db ledger.DB, to io.Writer, opt ExportOptions) (Summary, error) {
	write, err := recordWriter(opt)
	if err != nil {
		return Summary{}, err
	}
	sum := Summary{Company: opt.Key.company, Verifier: opt.Key.Verifier()}
	if sum.Verifier == "" {
		return Summary{}, ErrNoKey
	}
	sum.From, sum.Until = stampUnless0(opt.From), stampUnless0(opt.Until)
	out, lines := bufio.NewWriterSize(to, 64<<10), sha256.New()
	both := io.MultiWriter(out, lines)
	x := &exporting{db: db, opt: opt, write: func(r *record) error { return write(both, r) }}
	shards, err := db.Shards(ctx)
	if err != nil {
		return sum, err
	}
	err = x.write(&record{Kind: recordExport, Format: exportVersion, Company: sum.Company, Verifier: sum.Verifier, Version: opt.Version,
		At: stamp(opt.At), From: sum.From, Until: sum.Until})
	if err != nil {
		return sum, err
	}
	for _, shard := range shards {
		n, there, err := x.shard(ctx, shard)
		if err != nil {
			return sum, fmt.Errorf("exporting the audit log of shard %s: %w", shard, err)
		}
		if there {
			sum.Shards++
			sum.Entries += n
		}
	}
	signer, err := opt.Key.signer()
	if err != nil {
		return sum, err
	}
	sealed, err := note.Sign(&note.Note{Text: sealText(sum.Company, lines.Sum(nil))}, signer)
	if err != nil {
		return sum, fmt.Errorf("signing an export: %w", err)
	}
	if err := x.write(&record{Kind: recordDone, Shards: sum.Shards, Entries: sum.Entries, Seal: string(sealed)}); err != nil {
		return sum, err
	}
	return sum, out.Flush()
}

// sealText is what is signed of an export. Its first line is that of no checkpoint.
func sealText(company string, lines []byte) string {
	return company + "/audit-export\n" + base64.StdEncoding.EncodeToString(lines) + "\n"
}

type exporting struct {
	db    ledger.DB
	opt   ExportOptions
	write func(*record) error
}

// exportChunk is how many entries are read in one transaction.
const exportChunk = 4096

// shard writes one shard, unless it has no audit log.
func (x *exporting) shard(ctx context.Context, shard string) (entries uint64, there bool, err error) {
	var c Checkpoint
	var first, last uint64
	var before crown
	var proof tlog.TreeProof
	err = x.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		if c, err = x.opt.Key.checkpoint(tx, shard, x.opt.At); err != nil || c.Size == 0 {
			return err
		}
		if first, last, err = span(tx, c.Size, x.opt.From, x.opt.Until); err != nil || last < first {
			return err
		}
		if before, err = readCrown(tx, first-1); err != nil {
			return err
		}
		proof, err = Consistency(tx, last, c.Size)
		return err
	})
	if err != nil || c.Size == 0 {
		return 0, false, err
	}
	if err := x.write(&record{Kind: recordShard, Shard: shard, Checkpoint: c.Note, First: first, Before: before.parts()}); err != nil {
		return 0, true, err
	}
	var rows [][]byte
	for next := first; next <= last; {
		rows = rows[:0]
		err := x.db.View(ctx, shard, func(tx ledger.Tx) error {
			for _, row := range tx.Scan(bucket, keyOf(next), keyOf(min(next+exportChunk, last+1))) {
				rows = append(rows, slices.Clone(row))
			}
			return tx.Err()
		})
		if err != nil {
			return entries, true, err
		}
		if len(rows) == 0 {
			return entries, true, ErrRow
		}
		for _, row := range rows {
			e, err := decode(row)
			if err != nil || e.Number != next {
				return entries, true, ErrRow
			}
			h := tlog.RecordHash(row)
			r := record{Kind: recordEntry, Shard: shard, Number: e.Number, At: stamp(e.At), Actor: string(e.Actor), Device: string(e.Device),
				Act: string(e.Act), Object: e.Object, Refused: uint16(e.Refused), Detail: e.Detail, Reason: []byte(e.Reason), Back: e.Back, Hash: &h}
			if err := x.write(&r); err != nil {
				return entries, true, err
			}
			next++
			entries++
		}
	}
	end := record{Kind: recordEnd, Shard: shard, Entries: entries, Proof: proof}
	if entries > 0 {
		end.Last = last
	}
	return entries, true, x.write(&end)
}

// span returns the numbers of the first and the last entry within a span of time; last < first if there is none.
func span(tx ledger.Tx, size uint64, from, until inbox.Moment) (first, last uint64, err error) {
	if from == 0 && until == 0 {
		return 1, size, nil
	}
	first, last = size+1, 0
	look := func(block uint64) error {
		t, err := readTable(tx, block)
		if err != nil || t != nil && !t.during(from, until) {
			return err
		}
		for key, row := range tx.Scan(bucket, keyOf((block-1)*blockSize+1), keyOf(min(block*blockSize, size)+1)) {
			e, err := decode(row)
			if err != nil {
				return err
			}
			if n := numberOf(key); e.At >= from && (until == 0 || e.At < until) {
				first, last = min(first, n), max(last, n)
			}
		}
		return tx.Err()
	}
	blocks := (size + blockSize - 1) / blockSize
	for block := uint64(1); block <= blocks && last == 0; block++ {
		if err := look(block); err != nil {
			return 1, 0, err
		}
	}
	for block := blocks; last > 0 && block > (last-1)/blockSize+1; block-- {
		if err := look(block); err != nil {
			return 1, 0, err
		}
	}
	if last == 0 {
		return 1, 0, nil
	}
	if from == 0 { // who sets no bound gets everything, however the clocks went
		first = 1
	}
	if until == 0 {
		last = size
	}
	return first, last, nil
}
