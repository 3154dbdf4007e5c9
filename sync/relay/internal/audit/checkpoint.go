package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// keepSigned is how many of a shard's newest checkpoints are kept. Of the older ones the first of each day is.
const keepSigned = 1000

// ErrCheckpoint is returned for a text that is no checkpoint signed by the given key.
var ErrCheckpoint = errors.New("not a checkpoint signed by this audit key")

// ErrFork is returned when a tree contradicts its own last checkpoint: entries were changed or taken away.
var ErrFork = errors.New("the audit log contradicts what was signed before")

// A Checkpoint says what a shard's tree was at a moment. Note is the same, signed: five lines of text and a signature, of
// the form of golang.org/x/mod/sumdb/note, whose first three lines are those of C2SP's tlog-checkpoint: the origin
// "<company>/audit/<shard>", the size, and the root. The zero value is no checkpoint.
type Checkpoint struct {
	Company string       `json:"company"`
	Shard   string       `json:"shard"`
	Size    uint64       `json:"size"`
	Root    Hash         `json:"root"`
	At      inbox.Moment `json:"at"` // when it was signed, in ms
	Note    string       `json:"note"`
}

func (c *Checkpoint) text() string {
	return fmt.Sprintf("%s/audit/%s\n%d\n%s\nat %s\n", c.Company, c.Shard, c.Size, c.Root, c.At.Time().Format(stampLayout))
}

// stampLayout is a Moment as text, to the millisecond, in UTC.
const stampLayout = "2006-01-02T15:04:05.000Z"

// ParseCheckpoint reads a signed checkpoint. verifier is the company's, as [Key.Verifier] returns it. It returns
// ErrCheckpoint unless the signature is of that key.
func ParseCheckpoint(signed, verifier string) (Checkpoint, error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading the public audit key: %w", ErrCheckpoint)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, ErrCheckpoint
	}
	c, ok := parseText(n.Text)
	if !ok || c.Company+"/audit" != v.Name() {
		return Checkpoint{}, ErrCheckpoint
	}
	c.Note = signed
	return c, nil
}

// parseText reads what [Checkpoint.text] wrote. It is exact: what it takes is written the same again.
func parseText(text string) (c Checkpoint, ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return c, false
	}
	at, isAt := strings.CutPrefix(lines[3], "at ")
	size, err1 := strconv.ParseUint(lines[1], 10, 63)
	root, err2 := tlog.ParseHash(lines[2])
	moment, err3 := time.Parse(stampLayout, at)
	if !isAt || err1 != nil || err2 != nil || err3 != nil {
		return c, false
	}
	c = Checkpoint{Size: size, Root: root, At: inbox.At(moment)}
	if c.Company, c.Shard, ok = strings.Cut(lines[0], "/audit/"); !ok || c.Company == "" || c.Shard == "" {
		return c, false
	}
	return c, c.text() == text
}

// unsigned reads a stored checkpoint without judging its signature.
func unsigned(signed []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	c, good := parseText(text + "\n")
	if !ok || !good {
		return Checkpoint{}, ErrRow
	}
	c.Note = string(signed)
	return c, nil
}

// checkpoint signs what the shard's tree is.
func (k Key) checkpoint(tx ledger.Tx, shard string, at inbox.Moment) (c Checkpoint, err error) {
	signer, err := k.signer()
	if err != nil {
		return c, err
	}
	c = Checkpoint{Company: k.company, Shard: shard, At: at}
	if c.Size, c.Root, err = Head(tx); err != nil {
		return c, err
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return c, fmt.Errorf("signing a checkpoint: %w", err)
	}
	c.Note = string(signed)
	return c, nil
}

// Sign signs a checkpoint of the shard tx is of, keeps it, and returns it. If nothing came since the last one, that one is
// returned and nothing is written. An empty shard has none: the zero Checkpoint. It never signs a tree that the last
// checkpoint contradicts: ErrFork.
func (k Key) Sign(tx ledger.Tx, shard string, at inbox.Moment) (Checkpoint, error) {
	last, err := Latest(tx)
	if err != nil {
		return Checkpoint{}, err
	}
	size, err := tx.LastSequence(sequence)
	if err != nil {
		return Checkpoint{}, err
	}
	if last.Size > size {
		return Checkpoint{}, ErrFork
	}
	if last.Size > 0 {
		switch root, err := Root(tx, last.Size); {
		case err != nil:
			return Checkpoint{}, err
		case root != last.Root:
			return Checkpoint{}, ErrFork
		}
	}
	if size == last.Size {
		return last, nil
	}
	c, err := k.checkpoint(tx, shard, at)
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := tx.Sequence(sequenceSigned)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("numbering a checkpoint: %w", err)
	}
	if err := tx.Put(bucketSigned, keyOf(n), []byte(c.Note)); err != nil {
		return Checkpoint{}, err
	}
	if n > keepSigned {
		if err := tx.Delete(bucketSigned, keyOf(n-keepSigned)); err != nil {
			return Checkpoint{}, err
		}
	}
	day := []byte(at.Time().Format(time.DateOnly))
	first, err := tx.Get(bucketDaily, day)
	if err == nil && first == nil {
		err = tx.Put(bucketDaily, day, []byte(c.Note))
	}
	return c, err
}

// Latest returns the newest checkpoint of the shard, or the zero one.
func Latest(tx ledger.Tx) (Checkpoint, error) {
	n, err := tx.LastSequence(sequenceSigned)
	if err != nil || n == 0 {
		return Checkpoint{}, err
	}
	row, err := tx.Get(bucketSigned, keyOf(n))
	if err != nil {
		return Checkpoint{}, err
	}
	return unsigned(row)
}

// Unsigned returns how many entries of the shard no checkpoint covers yet, or ErrFork if one covers more than there are.
func Unsigned(tx ledger.Tx) (uint64, error) {
	size, err := tx.LastSequence(sequence)
	if err != nil {
		return 0, err
	}
	last, err := Latest(tx)
	if err != nil {
		return 0, err
	}
	if last.Size > size {
		return 0, ErrFork
	}
	return size - last.Size, nil
}

// SignAll signs every shard that has at least that many entries no checkpoint covers yet, and returns the checkpoints it
// made. It also writes what lets a [Search] skip entries. A shard that fails does not keep the others from theirs; the
// errors are joined.
func (k Key) SignAll(ctx context.Context, db ledger.DB, at inbox.Moment, least uint64) (made []Checkpoint, err error) {
	shards, err := db.Shards(ctx)
	if err != nil {
		return nil, err
	}
	for _, shard := range shards {
		var open uint64
		failed := db.View(ctx, shard, func(tx ledger.Tx) (err error) {
			open, err = Unsigned(tx)
			return err
		})
		if failed == nil && open >= max(least, 1) {
			var c Checkpoint
			failed = db.Update(ctx, shard, func(tx ledger.Tx) (err error) {
				c, err = k.Sign(tx, shard, at)
				return err
			})
			if failed == nil {
				made = append(made, c)
				failed = tabulate(ctx, db, shard)
			}
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("signing the audit log of shard %s: %w", shard, failed))
		}
	}
	return made, err
}

// Anchor writes what the trees of all other shards are into the company's, as entries, unless nothing came since the last
// time. From then on no shard can be shortened, replaced or taken away whole without touching the company's tree. Once a
// day is enough.
func Anchor(ctx context.Context, db ledger.DB, at inbox.Moment) error {
	const bucketAnchor = "auditanchor"
	shards, err := db.Shards(ctx)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if shard == KeyShard {
			continue
		}
		var size uint64
		var root Hash
		err := db.View(ctx, shard, func(tx ledger.Tx) (err error) {
			size, root, err = Head(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("reading the audit log of shard %s: %w", shard, err)
		}
		if size == 0 {
			continue
		}
		detail := anchorDetail(size, root)
		err = db.Update(ctx, KeyShard, func(tx ledger.Tx) error {
			last, err := tx.Get(bucketAnchor, []byte(shard))
			if err != nil || string(last) == detail {
				return err
			}
			if err := tx.Put(bucketAnchor, []byte(shard), []byte(detail)); err != nil {
				return err
			}
			return Record(tx, Entry{At: at, Act: Anchored, Object: shard, Detail: detail})
		})
		if err != nil {
			return fmt.Errorf("anchoring the audit log of shard %s: %w", shard, err)
		}
	}
	return nil
}

func anchorDetail(size uint64, root Hash) string { return fmt.Sprintf("%d %s", size, root) }

// anchor reads what [Anchor] wrote.
func (e *Entry) anchor() (shard string, size uint64, root Hash, ok bool) {
	a, b, found := strings.Cut(e.Detail, " ")
	size, err1 := strconv.ParseUint(a, 10, 63)
	root, err2 := tlog.ParseHash(b)
	return e.Object, size, root, found && err1 == nil && err2 == nil && e.Act == Anchored && size > 0
}
