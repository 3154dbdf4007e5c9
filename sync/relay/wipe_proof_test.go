package relay

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// auditKey makes sure that the log is signed, and returns by what it is judged.
func (d *wipeDesk) auditKey() (verifier string) {
	d.t.Helper()
	err := d.db.Update(d.t.Context(), identity.Shard, func(tx ledger.Tx) error {
		k, err := audit.MakeKey(tx, "relay.example.com")
		verifier = k.Verifier()
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return verifier
}

// proof is a proven wipe that a second person agreed to, and its file.
func (d *wipeDesk) proof() (agent colleague, file []byte) {
	d.t.Helper()
	boss, it := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Ines Traut", inbox.ITAdmin, "")
	for _, name := range []string{"A", "B", "C"} {
		d.wipes(boss, d.person(name, inbox.Agent, ""), inbox.WipeLost)
	}
	agent = d.person("Tobias Brandt", inbox.Agent, "")
	w := d.wipes(boss, agent, inbox.WipeLost)
	if _, no := d.ask(it, inbox.DecideWipe{Device: agent.device, Wipe: w.ID, Agree: true, At: inbox.At(d.now)}); no != inbox.Granted {
		d.t.Fatal(no)
	}
	if err := d.wipeReceipt(d.t.Context(), agent.device, wire.SignReceipt(agent.key, d.receipt(agent))); err != nil {
		d.t.Fatal(err)
	}
	a, no := d.ask(boss, inbox.AskProof{Device: agent.device, Wipe: w.ID})
	if no != inbox.Granted {
		d.t.Fatal(no)
	}
	return agent, a.(inbox.Proof).File
}

func TestAProofIsJudgedWithoutTheRelay(t *testing.T) {
	d := newWipeDesk(t)
	verifier := d.auditKey()
	agent, file := d.proof()
	for _, given := range []string{verifier, ""} {
		a, err := VerifyProof(file, d.PublicKey(), given)
		if err != nil {
			t.Fatal(err)
		}
		if a.Device != agent.device || a.Receipt == nil || len(a.Asked) != 2 || a.Asked[0].Agreed || !a.Asked[1].Agreed || a.Audit == nil || len(a.Entries) < 4 {
			t.Errorf("%+v", a)
		}
	}
	key, err := ParseReceiptKey(ReceiptKey(d.PublicKey()))
	if err != nil || !key.Equal(d.PublicKey()) {
		t.Errorf("the key as text: %v", err)
	}
	other, _, _ := ed25519.GenerateKey(nil)
	if _, err := VerifyProof(file, other, ""); !errors.Is(err, ErrProof) {
		t.Errorf("judged by another relay's key: %v", err)
	}
	if _, err := VerifyProof(file, d.PublicKey(), "relay.example.com/audit+00000000+AAAA"); !errors.Is(err, ErrProof) {
		t.Errorf("judged by another audit key: %v", err)
	}
	for _, name := range []string{"Sabine", "Ines", "Tobias"} {
		if bytes.Contains(file, []byte(name)) {
			t.Error("the file names a person")
		}
	}
}

// TestAProofWithOneBitChangedProvesNothing changes each byte; only what the relay alone says of the wipe may change, and the
// file is not what it says then either.
func TestAProofWithOneBitChangedProvesNothing(t *testing.T) {
	d := newWipeDesk(t)
	verifier := d.auditKey()
	_, file := d.proof()
	honest, err := VerifyProof(file, d.PublicKey(), verifier)
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		bent := slices.Clone(file)
		bent[i] ^= 1 << (i % 8)
		a, err := VerifyProof(bent, d.PublicKey(), verifier)
		if err != nil {
			continue
		}
		// What is left is the relay's own word, which the account calls so.
		a.Told, a.Made = honest.Told, honest.Made
		x, _ := cbor.Marshal(a.Receipt)
		y, _ := cbor.Marshal(honest.Receipt)
		if a.Wipe != honest.Wipe || a.Device != honest.Device || a.Epoch != honest.Epoch || !bytes.Equal(x, y) || len(a.Asked) != len(honest.Asked) {
			t.Fatalf("byte %d: another account is taken", i)
		}
	}
	if _, err := VerifyProof(append(slices.Clone(file), 0), d.PublicKey(), verifier); !errors.Is(err, ErrProof) {
		t.Errorf("with more behind it: %v", err)
	}
}

// TestAProofMadeUpOfGenuinePartsProvesNothing puts parts of different wipes together.
func TestAProofMadeUpOfGenuinePartsProvesNothing(t *testing.T) {
	d := newWipeDesk(t)
	d.auditKey()
	boss := d.person("Sabine Lorenz", inbox.Supervisor, "")
	var files []proofFile
	for _, name := range []string{"A", "B"} {
		c := d.person(name, inbox.Agent, "")
		w := d.wipes(boss, c, inbox.WipeLost)
		if err := d.wipeReceipt(t.Context(), c.device, wire.SignReceipt(c.key, d.receipt(c))); err != nil {
			t.Fatal(err)
		}
		p, err := d.proofOf(t.Context(), identity.By{}, c.device, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		var f proofFile
		if err := cbor.Unmarshal(p.File, &f); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for name, mix := range map[string]func(f, g *proofFile){
		"another receipt":      func(f, g *proofFile) { f.Receipt = g.Receipt },
		"another device's key": func(f, g *proofFile) { f.Key = g.Key },
		"another order":        func(f, g *proofFile) { f.Order = g.Order },
		"another device":       func(f, g *proofFile) { f.Device = g.Device },
		"another audit":        func(f, g *proofFile) { f.Audit = g.Audit },
		"no order":             func(f, _ *proofFile) { f.Order = nil },
		"neither":              func(f, _ *proofFile) { f.Order, f.Receipt = nil, nil },
		"entries of nothing": func(f, _ *proofFile) {
			f.Audit = &proofAudit{Verifier: f.Audit.Verifier, Checkpoint: f.Audit.Checkpoint}
		},
		"the audit's key of ours": func(f, _ *proofFile) {
			f.Audit = &proofAudit{Verifier: "x", Checkpoint: f.Audit.Checkpoint, Entries: f.Audit.Entries}
		},
	} {
		f, g := files[0], files[1]
		mix(&f, &g)
		b, err := proofEncoding.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyProof(b, d.PublicKey(), ""); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The control: unmixed it is taken. Without a receipt the order alone is, and the account says so.
	whole, _ := proofEncoding.Marshal(files[0])
	if a, err := VerifyProof(whole, d.PublicKey(), ""); err != nil || a.Receipt == nil {
		t.Errorf("the whole: %v", err)
	}
	bare := files[0]
	bare.Receipt = nil
	b, _ := proofEncoding.Marshal(bare)
	if a, err := VerifyProof(b, d.PublicKey(), ""); err != nil || a.Receipt != nil {
		t.Errorf("the order alone: %v", err)
	}
}

func FuzzProof(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	seed, err := proofEncoding.Marshal(proofFile{Format: proofFormat, Device: "d", Relay: key.Public().(ed25519.PublicKey),
		Order: wire.SignOrder(key, wire.WipeOrder{ID: "w", Device: "d", Epoch: 1, Why: inbox.WipeLost}), Audit: &proofAudit{Entries: []proofEntry{{Place: 1}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := VerifyProof(b, key.Public().(ed25519.PublicKey), "")
		if err == nil && a.Receipt == nil && a.Issued == 0 && a.Epoch == 0 {
			t.Error("nothing is taken for something")
		}
	})
}
