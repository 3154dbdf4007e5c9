package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// The proof of a wipe is one file that is judged without the relay: the order with the signatures of those who asked for it,
// the receipt, the keys, and the entries of the audit log that tell of it, with the proof that they stand in a tree that was
// signed. Nothing in it names a person or a customer.

// ErrProof means that a file proves nothing: it is none of ours, altered, or judged by a wrong key.
var ErrProof = errors.New("the file proves nothing")

const proofFormat = "sealdesk wipe proof 1"

type proofFile struct {
	Format  string            `cbor:"1,keyasint"`
	Device  inbox.DeviceID    `cbor:"2,keyasint"`
	Key     ed25519.PublicKey `cbor:"3,keyasint"` // the device's
	Relay   ed25519.PublicKey `cbor:"4,keyasint"` // signs orders
	Order   []byte            `cbor:"5,keyasint,omitempty"`
	Receipt []byte            `cbor:"6,keyasint,omitempty"`
	Wipe    inbox.Wipe        `cbor:"7,keyasint"` // as the relay told it when the file was made: its word alone
	Made    inbox.Moment      `cbor:"8,keyasint"`
	Audit   *proofAudit       `cbor:"9,keyasint,omitempty"` // nothing before the first start with an audit key
}

type proofAudit struct {
	Verifier   string       `cbor:"1,keyasint"`
	Checkpoint string       `cbor:"2,keyasint"`
	Entries    []proofEntry `cbor:"3,keyasint"`
}

// A proofEntry is an entry of the audit log as it is written, and its place in the tree (RFC 6962, section 2.1.1).
type proofEntry struct {
	Row   []byte   `cbor:"1,keyasint"`
	Place uint64   `cbor:"2,keyasint"` // counted from 1
	Path  [][]byte `cbor:"3,keyasint,omitempty"`
}

var proofEncoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // constant options
	}
	return mode
}()

// askProof answers who wants to keep the proof of a wipe.
func (r *Relay) askProof(ctx context.Context, a asker, q inbox.AskProof) (inbox.Proof, error) {
	err := r.mayDo(ctx, a, q.Device, inbox.ActWipe)
	if errors.Is(err, inbox.RefusedRight) || errors.Is(err, inbox.RefusedUnknown) { // who verifies the log may see what is in it
		if r.mayDo(ctx, a, q.Device, inbox.ActProve) == nil {
			err = nil
		}
	}
	if err == nil && !isID(string(q.Wipe)) {
		err = inbox.RefusedMalformed
	}
	var p inbox.Proof
	if err == nil {
		p, err = r.proofOf(ctx, a.by(), q.Device, q.Wipe)
	}
	return p, r.refusedAct(ctx, a, actWipeSaved, string(q.Device), err)
}

// proofOf makes the file for a wipe that was ordered, or that a device did by itself. It returns [inbox.RefusedState] for
// one that is not in force, [inbox.RefusedUnknown] if there is none.
func (r *Relay) proofOf(ctx context.Context, by identity.By, id inbox.DeviceID, wipe inbox.WipeID) (inbox.Proof, error) {
	d, _, err := r.deviceAndOwner(ctx, id)
	if err != nil {
		return inbox.Proof{}, err
	}
	var f proofFile
	err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		var row wipeRow
		known, err := getRow(tx, bucketWipe, wipeKey(id, wipe), &row)
		switch {
		case err != nil:
			return err
		case !known:
			return inbox.RefusedUnknown
		case !row.inForce():
			return inbox.RefusedState
		}
		at := inbox.At(r.now())
		entry := audit.Entry{At: at, Actor: by.Person, Device: by.Device, Act: actWipeSaved, Object: string(id), Detail: string(wipe)}
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		f = proofFile{
			Format: proofFormat, Device: id, Key: d.Key, Relay: r.PublicKey(), Order: row.Order, Receipt: row.Receipt,
			Wipe: row.told(at), Made: at,
		}
		f.Audit, err = auditProof(tx, row.Entries, at)
		return err
	})
	if err != nil {
		return inbox.Proof{}, err
	}
	file, err := proofEncoding.Marshal(f)
	if err != nil {
		return inbox.Proof{}, fmt.Errorf("encoding a proof: %w", err)
	}
	return inbox.Proof{Name: "wipe-" + string(wipe) + ".proof", File: file}, nil
}

// auditProof signs the company's tree as it is and proves that entries stand in it; nil while there is no key.
func auditProof(tx ledger.Tx, entries []uint64, at inbox.Moment) (*proofAudit, error) {
	key, err := audit.ReadKey(tx)
	if errors.Is(err, audit.ErrNoKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := key.Sign(tx, identity.Shard, at)
	if err != nil {
		return nil, err
	}
	p := &proofAudit{Verifier: key.Verifier(), Checkpoint: c.Note}
	for _, n := range entries {
		list, err := audit.Entries(tx, n-1, 1)
		if err != nil {
			return nil, err
		}
		path, leaf, err := audit.Inclusion(tx, n, c.Size)
		if err != nil {
			return nil, err
		}
		if len(list) != 1 || list[0].Number != n {
			return nil, audit.ErrRow
		}
		row, err := cbor.Marshal(list[0])
		if err != nil || tlog.RecordHash(row) != leaf {
			return nil, audit.ErrRow
		}
		e := proofEntry{Row: row, Place: n}
		for _, h := range path {
			e.Path = append(e.Path, bytes.Clone(h[:]))
		}
		p.Entries = append(p.Entries, e)
	}
	return p, nil
}

// ReceiptKey is the public key of wipe orders as the command line prints and takes it.
func ReceiptKey(key ed25519.PublicKey) string { return base64.RawURLEncoding.EncodeToString(key) }

// ParseReceiptKey is the reverse of [ReceiptKey]. Errors wrap [ErrProof].
func ParseReceiptKey(s string) (ed25519.PublicKey, error) {
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: that is no key as `sealdesk-relay receipt key` prints it", ErrProof)
	}
	return key, nil
}

// A ProofAccount is what a proof file proves.
type ProofAccount struct {
	Device   inbox.DeviceID
	Wipe     inbox.WipeID
	Why      inbox.WipeReason
	Issued   inbox.Moment // of the order; 0: the device wiped itself
	Epoch    uint64
	Asked    []ProofSigner     // who asked for it, by the signatures of their devices
	Receipt  *wire.WipeReceipt // what the device said it destroyed; nil: nothing proves that it obeyed
	Entries  []ProofAuditEntry // that stand in the signed tree
	Audit    *audit.Checkpoint // the tree; nil: the file has none
	Verifier string            // of the tree; the file's own, if the caller gave none
	Told     inbox.Wipe        // what the relay told when it made the file: its word alone
	Made     inbox.Moment      // likewise
}

// A ProofSigner is a person whose device signed what led to the order.
type ProofSigner struct {
	Person inbox.PersonID
	Device inbox.DeviceID
	Agreed bool // as the second person
	At     inbox.Moment
}

// A ProofAuditEntry is an entry of the audit log that a proof holds.
type ProofAuditEntry struct {
	At     inbox.Moment
	Act    string
	Actor  inbox.PersonID
	Detail string
}

// VerifyProof judges a proof file by the relay's public key, without the relay. verifier is that of the audit log; "" takes
// the one in the file, which then proves only that the file agrees with itself. Errors wrap [ErrProof].
func VerifyProof(file []byte, relay ed25519.PublicKey, verifier string) (a ProofAccount, err error) {
	bad := func(what string) (ProofAccount, error) { return ProofAccount{}, fmt.Errorf("%w: %s", ErrProof, what) }
	var f proofFile
	if cbor.Unmarshal(file, &f) != nil || f.Format != proofFormat {
		return bad("it is no proof of a wipe")
	}
	if again, err := proofEncoding.Marshal(f); err != nil || !bytes.Equal(again, file) {
		return bad("it holds more than it says")
	}
	if !bytes.Equal(f.Relay, relay) {
		return bad("it is of another relay than the key is")
	}
	a = ProofAccount{Device: f.Device, Told: f.Wipe, Made: f.Made}
	if f.Order != nil {
		o, err := wire.OpenOrder(relay, f.Device, f.Order)
		if err != nil {
			return bad("the order is not signed by this relay, or is for another device")
		}
		a.Wipe, a.Why, a.Issued, a.Epoch = o.ID, o.Why, o.Issued, o.Epoch
		for _, p := range o.Approval {
			s, ok := signerOf(o, p)
			if !ok {
				return bad("somebody's signature under the order is wrong, or is about something else")
			}
			a.Asked = append(a.Asked, s)
		}
	}
	if f.Receipt != nil {
		receipt, err := wire.OpenReceipt(f.Key, f.Receipt)
		switch {
		case err != nil || receipt.Device != f.Device:
			return bad("the receipt is not signed by the device")
		case f.Order == nil && (len(receipt.Order) != 0 || receipt.Why < inbox.WipeSilent):
			return bad("the receipt is for an order that is not there")
		case f.Order != nil && (receipt.Wipe != a.Wipe || receipt.Epoch != a.Epoch || !bytes.Equal(receipt.Order, wire.OrderDigest(f.Order))):
			return bad("the receipt is for another order")
		}
		a.Wipe, a.Why, a.Receipt = receipt.Wipe, receipt.Why, &receipt
	}
	if f.Order == nil && f.Receipt == nil {
		return bad("there is neither an order nor a receipt in it")
	}
	if f.Audit == nil {
		return a, nil
	}
	if a.Verifier = verifier; verifier == "" {
		a.Verifier = f.Audit.Verifier
	}
	c, err := audit.ParseCheckpoint(f.Audit.Checkpoint, a.Verifier)
	if err != nil || c.Shard != identity.Shard {
		return bad("the state of the audit log is not signed by its key")
	}
	a.Audit = &c
	said := map[string]bool{}
	for _, p := range f.Audit.Entries {
		path := make(tlog.RecordProof, len(p.Path))
		for i, h := range p.Path {
			if len(h) != tlog.HashSize {
				return bad("an entry of the audit log has no place in it")
			}
			copy(path[i][:], h)
		}
		var e audit.Entry
		if p.Place == 0 || tlog.CheckRecord(path, int64(c.Size), tlog.Hash(c.Root), int64(p.Place-1), tlog.RecordHash(p.Row)) != nil ||
			cbor.Unmarshal(p.Row, &e) != nil || e.Number != p.Place || e.Object != string(f.Device) {
			return bad("an entry of the audit log is not what was signed")
		}
		for _, word := range strings.Fields(e.Detail) {
			said[string(e.Act)+" "+word] = true
		}
		a.Entries = append(a.Entries, ProofAuditEntry{At: e.At, Act: string(e.Act), Actor: e.Actor, Detail: e.Detail})
	}
	digest := func(b []byte) string { return hex.EncodeToString(wire.OrderDigest(b)) }
	switch {
	case f.Order != nil && !said[string(actWipeOrdered)+" "+digest(f.Order)]:
		return bad("the audit log does not tell of this order")
	case f.Receipt != nil && !said[string(actWipeProven)+" "+digest(f.Receipt)]:
		return bad("the audit log does not tell of this receipt")
	}
	return a, nil
}

// signerOf judges what a person's device signed, and that it is about this order. That the key is that device's is the
// relay's word, as is whose the device is: the audit log has the enrolment.
func signerOf(o wire.WipeOrder, p wire.Approval) (s ProofSigner, ok bool) {
	if len(p.Key) != ed25519.PublicKeySize || !ed25519.Verify(p.Key, p.Said, p.Signature) {
		return s, false
	}
	_, body, found := bytes.Cut(p.Said, []byte{0})
	var said struct {
		_        struct{} `cbor:",toarray"`
		Kind     inbox.QuestionKind
		Question cbor.RawMessage
	}
	if !found || cbor.Unmarshal(body, &said) != nil {
		return s, false
	}
	s = ProofSigner{Person: p.Person, Device: p.Device}
	// What was signed is rebuilt from what it says, so that no other bytes pass for it.
	var q inbox.Question
	switch said.Kind {
	case inbox.QuestionWipe:
		var w inbox.OrderWipe
		if cbor.Unmarshal(said.Question, &w) != nil || w.Device != o.Device || w.Why != o.Why || p.Person != o.By {
			return s, false
		}
		q, s.At = w, w.At
	case inbox.QuestionDecideWipe:
		var w inbox.DecideWipe
		if cbor.Unmarshal(said.Question, &w) != nil || w.Device != o.Device || w.Wipe != o.ID || !w.Agree || p.Person != o.Second {
			return s, false
		}
		q, s.At, s.Agreed = w, w.At, true
	case inbox.QuestionOffboard:
		var w inbox.Offboard
		if cbor.Unmarshal(said.Question, &w) != nil || o.Why != inbox.WipeLeaving || p.Person != o.By {
			return s, false
		}
		q, s.At = w, w.At
	default:
		return s, false
	}
	again, _ := wire.AskBytes(q)
	return s, bytes.Equal(again, p.Said)
}
