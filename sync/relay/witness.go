package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const (
	signEvery   = 10 * time.Second // between two checkpoints of a log that grows
	verifyEvery = 24 * time.Hour   // between two looks at the whole of the log
	witnessEach = 10 * time.Minute // between two words of one device about one log that are kept
	proofsKept  = 256
)

// checkpoints are the newest signed states of the audit log, and the proofs devices need to go on from older ones: most
// devices hold the same.
type checkpoints struct {
	key      audit.Key
	mu       sync.Mutex
	newest   map[inbox.LogID]audit.Checkpoint
	verified map[inbox.LogID]verified
	proofs   map[proofKey][][]byte
}

// verified is what a look at the whole of a log found.
type verified struct {
	at     inbox.Moment
	broken bool
}

type proofKey struct {
	log      inbox.LogID
	from, to uint64
}

// tendAudit signs checkpoints of what was written, until ctx ends.
func (r *Relay) tendAudit(ctx context.Context, tick <-chan time.Time) error {
	var looked time.Time
	for {
		r.signAudit(ctx)
		if now := r.now(); now.Sub(looked) >= verifyEvery {
			looked = now
			r.verifyAudit(ctx)
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return nil
		}
	}
}

// verifyAudit computes the whole log again, anchors it, and says so when it is not what was signed.
func (r *Relay) verifyAudit(ctx context.Context) {
	reports, err := r.AuditVerify(ctx, AuditVerifyWish{}, nil)
	if err == nil {
		err = audit.Anchor(ctx, r.db, inbox.At(r.now()))
	}
	if err != nil && ctx.Err() == nil {
		r.log.Error("the audit log cannot be verified", "error", err)
	}
	r.foundAudit(ctx, reports)
}

// foundAudit notes what a look at the whole log found.
func (r *Relay) foundAudit(ctx context.Context, reports []AuditReport) {
	at := inbox.At(r.now())
	for _, x := range reports {
		log := inbox.LogID(x.Shard)
		r.checkpoints.mu.Lock()
		r.checkpoints.verified[log] = verified{at, !x.Sound()}
		r.checkpoints.mu.Unlock()
		if !x.Sound() {
			r.log.Error("the audit log is not what was signed", "log", x.Shard, "faults", len(x.Faults)+x.More)
			r.alarm(ctx, inbox.Incident{Kind: inbox.IncidentRewritten, Inbox: log.Inbox()})
		}
	}
}

func (r *Relay) signAudit(ctx context.Context) {
	made, err := r.checkpoints.key.SignAll(ctx, r.db, inbox.At(r.now()), 1)
	r.checkpoints.mu.Lock()
	for _, c := range made {
		r.checkpoints.newest[inbox.LogID(c.Shard)] = c
	}
	if len(made) > 0 {
		clear(r.checkpoints.proofs)
	}
	r.checkpoints.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		r.log.Error("the audit log cannot be signed", "error", err)
		r.alarm(ctx, inbox.Incident{Kind: inbox.IncidentRewritten})
	}
}

// checkpoint returns the newest checkpoint of a log with the proof that it goes on from a tree of a size; false when there is
// none that is newer. A device that holds more than there is gets it without a proof: that is for it to protest against.
func (r *Relay) checkpoint(ctx context.Context, log inbox.LogID, from uint64) (wire.Checkpoint, audit.Checkpoint, bool) {
	r.checkpoints.mu.Lock()
	c, ok := r.checkpoints.newest[log]
	proof, known := r.checkpoints.proofs[proofKey{log, from, c.Size}]
	r.checkpoints.mu.Unlock()
	if !ok || c.Size == from {
		return wire.Checkpoint{}, audit.Checkpoint{}, false
	}
	out := wire.Checkpoint{Log: log, Note: []byte(c.Note), Proof: proof}
	if known || from == 0 || from > c.Size {
		return out, c, true
	}
	err := r.db.View(ctx, eventlog.Shard(log), func(tx ledger.Tx) error {
		p, err := audit.Consistency(tx, from, c.Size)
		out.Proof = nil
		for _, h := range p {
			out.Proof = append(out.Proof, h[:])
		}
		return err
	})
	if err != nil {
		r.log.Error("a checkpoint cannot be proven", "log", string(log), "error", err)
		return wire.Checkpoint{}, audit.Checkpoint{}, false
	}
	r.checkpoints.mu.Lock()
	if len(r.checkpoints.proofs) < proofsKept {
		r.checkpoints.proofs[proofKey{log, from, c.Size}] = out.Proof
	}
	r.checkpoints.mu.Unlock()
	return out, c, true
}

// readCheckpoints makes the newest checkpoints known that were signed before.
func (r *Relay) readCheckpoints(ctx context.Context) (err error) {
	if r.checkpoints.key, err = r.auditKey(ctx); err != nil {
		return fmt.Errorf("reading the key of the audit log: %w", err)
	}
	r.checkpoints.newest, r.checkpoints.proofs = map[inbox.LogID]audit.Checkpoint{}, map[proofKey][][]byte{}
	r.checkpoints.verified = map[inbox.LogID]verified{}
	for _, log := range r.allLogs() {
		err := r.db.View(ctx, eventlog.Shard(log), func(tx ledger.Tx) error {
			c, err := audit.Latest(tx)
			if err == nil && c.Size > 0 {
				r.checkpoints.newest[log] = c
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("reading a checkpoint: %w", err)
		}
	}
	return nil
}

// allLogs are the company's log, that of what is watched over, and those of the inboxes.
func (r *Relay) allLogs() []inbox.LogID {
	out := []inbox.LogID{inbox.CompanyLog, inbox.OversightLog}
	for _, in := range r.cfg.Inboxes {
		out = append(out, inbox.InboxID(in.ID).Log())
	}
	return out
}

// holds notes which checkpoints a device says it holds. What is not signed by the relay says nothing.
func (x *session) holds(ctx context.Context, list []wire.Checkpoint) {
	r := x.s.r
	x.held = map[inbox.LogID]uint64{}
	for _, c := range list {
		signed, err := audit.ParseCheckpoint(string(c.Note), r.checkpoints.key.Verifier())
		if err != nil || signed.Shard != eventlog.Shard(c.Log) {
			continue
		}
		x.held[c.Log] = signed.Size
		x.vouch(signed)
		r.checkpoints.mu.Lock()
		ours, ok := r.checkpoints.newest[c.Log]
		r.checkpoints.mu.Unlock()
		if ok && ours.Size == signed.Size && ours.Root != signed.Root && r.follows(x, c.Log) { // it is sent none of the same size
			r.rewritten(ctx, x.device.ID, c.Log)
		}
	}
}

// testify sends the device what was signed of the logs it follows since what it holds.
func (x *session) testify(ctx context.Context) error {
	for _, c := range x.cursors {
		next, signed, ok := x.s.r.checkpoint(ctx, c.Log, x.held[c.Log])
		if !ok {
			continue
		}
		x.vouch(signed)
		if err := x.send(wire.Encode(next)); err != nil {
			return err
		}
		x.held[c.Log] = signed.Size
	}
	return nil
}

// A shownTree is a state of the audit log that the relay signed and a device was shown: a word about any other is none.
type shownTree struct {
	shard string
	size  uint64
	root  audit.Hash
}

const treesShown = 32 // remembered of one connection

// vouch remembers that the device was shown a state of the audit log.
func (x *session) vouch(c audit.Checkpoint) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.shownTrees = append(x.shownTrees, shownTree{c.Shard, c.Size, c.Root})
	x.shownTrees = x.shownTrees[max(0, len(x.shownTrees)-treesShown):]
}

// heeds reports whether it is long enough since a device last spoke of a log, and notes that it does.
func (x *session) heeds(last *map[inbox.LogID]time.Time, log inbox.LogID) bool {
	now := x.s.r.now()
	if since := now.Sub((*last)[log]); since >= 0 && since < witnessEach {
		return false
	}
	if *last == nil {
		*last = map[inbox.LogID]time.Time{}
	}
	(*last)[log] = now
	return true
}

// witnessed keeps a device's word about a log, now and then. Its signature is easily made: what it speaks of must be a tree
// that the relay signed, or anybody could call the log rewritten.
func (x *session) witnessed(ctx context.Context, w wire.Witness) {
	r := x.s.r
	if len(w.Root) != tlog.HashSize || w.Size <= 0 || !r.follows(x, w.Log) {
		return
	}
	word := audit.Witness{Shard: eventlog.Shard(w.Log), Size: uint64(w.Size), Device: x.device.ID, Signature: w.Signature}
	copy(word.Hash[:], w.Root)
	x.mu.Lock()
	shown := slices.Contains(x.shownTrees, shownTree{word.Shard, word.Size, word.Hash})
	x.mu.Unlock()
	if !shown || !word.SignedBy(x.device.Key) || !x.heeds(&x.words, w.Log) {
		return
	}
	agrees := true
	err := r.db.Update(ctx, word.Shard, func(tx ledger.Tx) (err error) {
		agrees, err = audit.Keep(tx, word)
		return err
	})
	if err != nil {
		r.log.Error("a witness cannot be kept", "error", err)
	} else if !agrees {
		r.rewritten(ctx, x.device.ID, w.Log)
	}
}

// protested takes in that a device holds a checkpoint that ours does not go on from, or was given one. It counts if the relay
// signed one that our tree contradicts.
func (x *session) protested(ctx context.Context, p wire.Protest) {
	r := x.s.r
	held, err := audit.ParseCheckpoint(string(p.Held), r.checkpoints.key.Verifier())
	if err != nil || held.Shard != eventlog.Shard(p.Log) || !r.follows(x, p.Log) {
		return
	}
	signed := []audit.Checkpoint{held}
	if got, err := audit.ParseCheckpoint(string(p.Got), r.checkpoints.key.Verifier()); err == nil && got.Shard == held.Shard {
		signed = append(signed, got)
	}
	against := false
	err = r.db.View(ctx, held.Shard, func(tx ledger.Tx) error {
		against = false
		for _, c := range signed {
			root, err := audit.Root(tx, c.Size)
			switch {
			case errors.Is(err, audit.ErrSize), errors.Is(err, audit.ErrRow):
				against = true
			case err != nil:
				return err
			default:
				against = against || root != c.Root
			}
		}
		return nil
	})
	switch {
	case err != nil:
		r.log.Error("a protest cannot be judged", "error", err)
	case against && x.heeds(&x.cries, p.Log):
		r.rewritten(ctx, x.device.ID, p.Log)
	case !against:
		r.log.Warn("a device protests against an audit log that is what was signed", "device", string(x.device.ID), "log", string(p.Log))
	}
}

// rewritten raises the alarm: the audit log is not what was signed.
func (r *Relay) rewritten(ctx context.Context, device inbox.DeviceID, log inbox.LogID) {
	r.log.Error("a device holds another audit log", "device", string(device), "log", string(log))
	r.alarm(ctx, inbox.Incident{Kind: inbox.IncidentRewritten, Inbox: log.Inbox()})
}

// alarm raises an incident and says so when that is not possible either.
func (r *Relay) alarm(ctx context.Context, i inbox.Incident) {
	if err := r.raise(ctx, "", i); err != nil && ctx.Err() == nil {
		r.log.Error("an incident cannot be written down", "kind", int(i.Kind), "error", err)
	}
}

func (r *Relay) follows(x *session, log inbox.LogID) bool {
	return slices.Contains(x.logs, log)
}
