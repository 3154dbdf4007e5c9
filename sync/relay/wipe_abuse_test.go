package relay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// TestAReceiptThatProvesNothingIsRefused is the relay's half of the abuse of wipes: each receipt is signed by somebody, and
// none counts.
func TestAReceiptThatProvesNothingIsRefused(t *testing.T) {
	type at struct {
		d           *wipeDesk
		agent, peer colleague
	}
	for name, c := range map[string]struct {
		make func(x at) []byte
		why  string
	}{
		"forged: signed by a key nobody knows": {func(x at) []byte {
			_, key, _ := ed25519.GenerateKey(rand.Reader)
			return wire.SignReceipt(key, x.d.receipt(x.agent))
		}, "signature"},
		"forged: signed by a colleague's device": {func(x at) []byte { return wire.SignReceipt(x.peer.key, x.d.receipt(x.agent)) }, "signature"},
		"altered after it was signed": {func(x at) []byte {
			b := wire.SignReceipt(x.agent.key, x.d.receipt(x.agent))
			b[len(b)/2] ^= 1
			return b
		}, "signature"},
		"an order instead of a receipt": {func(x at) []byte {
			b, _, _ := x.d.pendingOrder(context.Background(), x.agent.device)
			return b
		}, "signature"},
		"foreign: of another device": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Device = x.peer.device
			return wire.SignReceipt(x.agent.key, r)
		}, "device"},
		"foreign: for a colleague's wipe": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Wipe = x.d.order(x.peer).ID
			return wire.SignReceipt(x.agent.key, r)
		}, "wipe"},
		"for a wipe nobody ordered": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Wipe = inbox.NewID[inbox.WipeID]()
			return wire.SignReceipt(x.agent.key, r)
		}, "wipe"},
		"for another order": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Order = wire.OrderDigest([]byte("another"))
			return wire.SignReceipt(x.agent.key, r)
		}, "order"},
		"older": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Epoch--
			return wire.SignReceipt(x.agent.key, r)
		}, "epoch"},
		"for another reason": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Why = inbox.WipeLeaving
			return wire.SignReceipt(x.agent.key, r)
		}, "reason"},
		"of a device that says it wiped itself": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Order, r.Why = nil, inbox.WipeSilent
			return wire.SignReceipt(x.agent.key, r)
		}, "order"},
		"of its own accord for a reason of people": {func(x at) []byte {
			r := x.d.receipt(x.agent)
			r.Order = nil
			return wire.SignReceipt(x.agent.key, r)
		}, "reason"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newWipeDesk(t)
			boss := d.person("Sabine Lorenz", inbox.Supervisor, "")
			x := at{d, d.person("Tobias Brandt", inbox.Agent, ""), d.person("Mira Falk", inbox.Agent, "")}
			d.wipes(boss, x.agent, inbox.WipeLost)
			d.wipes(boss, x.peer, inbox.WipeLost)
			if err := d.wipeReceipt(t.Context(), x.agent.device, c.make(x)); !errors.Is(err, errReceipt) {
				t.Errorf("taken: %v", err)
			}
			if w := d.last(x.agent); w.Level != inbox.WipeHalfGone {
				t.Errorf("it counts: %+v", w)
			}
			refused := d.acts(actWipeRefused, string(x.agent.device))
			if len(refused) != 1 || refused[0].Detail != c.why {
				t.Errorf("written down as %+v", refused)
			}
			// And the honest one counts all the same.
			if err := d.wipeReceipt(t.Context(), x.agent.device, wire.SignReceipt(x.agent.key, d.receipt(x.agent))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhoMayNotOrderIsNotObeyed is the other half of the abuse: questions.
func TestWhoMayNotOrderIsNotObeyed(t *testing.T) {
	d := newWipeDesk(t)
	boss := d.person("Sabine Lorenz", inbox.Supervisor, "north")
	other := d.person("Piet Oster", inbox.Supervisor, "south")
	agent, peer := d.person("Tobias Brandt", inbox.Agent, "north"), d.person("Mira Falk", inbox.Agent, "north")
	auditor := d.person("Vera Kolb", inbox.Auditor, "")
	q := inbox.OrderWipe{Device: agent.device, Why: inbox.WipeLost, At: inbox.At(d.now)}
	moved := wire.Sign(boss.key, inbox.OrderWipe{Device: peer.device, Why: inbox.WipeLost, At: inbox.At(d.now)}).(inbox.OrderWipe)
	moved.Device = agent.device
	asStranger := boss
	asStranger.device = agent.device // the signature is of boss's device, the connection of the agent's
	stale := boss
	stale.fresh = 0
	required := true
	d.Relay.cfg.SignIn.Required = &required
	for name, c := range map[string]struct {
		by   colleague
		q    inbox.Question
		want inbox.Refusal
	}{
		"without a signature":                 {boss, q, inbox.RefusedSignature},
		"signed by another device":            {boss, wire.Sign(agent.key, q), inbox.RefusedSignature},
		"signed for another device":           {boss, moved, inbox.RefusedSignature},
		"over another device's connection":    {asStranger, wire.Sign(boss.key, q), inbox.RefusedSignature},
		"not seen lately":                     {stale, wire.Sign(boss.key, q), inbox.RefusedStepUp},
		"of another team":                     {other, wire.Sign(other.key, q), inbox.RefusedUnknown},
		"a colleague":                         {peer, wire.Sign(peer.key, q), inbox.RefusedUnknown},
		"an auditor":                          {auditor, wire.Sign(auditor.key, q), inbox.RefusedUnknown},
		"of a device nobody knows":            {boss, wire.Sign(boss.key, inbox.OrderWipe{Device: "nowhere", Why: inbox.WipeLost}), inbox.RefusedUnknown},
		"of no device":                        {boss, wire.Sign(boss.key, inbox.OrderWipe{Why: inbox.WipeLost}), inbox.RefusedMalformed},
		"for a reason that is the program's":  {boss, wire.Sign(boss.key, inbox.OrderWipe{Device: agent.device, Why: inbox.WipeSilent}), inbox.RefusedMalformed},
		"agreeing to what nobody ordered":     {boss, wire.Sign(boss.key, inbox.DecideWipe{Device: agent.device, Wipe: "none", Agree: true}), inbox.RefusedUnknown},
		"letting oneself go":                  {boss, wire.Sign(boss.key, inbox.Offboard{Person: boss.person.ID}), inbox.RefusedSelf},
		"letting somebody of another team go": {other, wire.Sign(other.key, inbox.Offboard{Person: agent.person.ID}), inbox.RefusedRight},
	} {
		t.Run(name, func(t *testing.T) {
			if a, no := d.askRaw(c.by, c.q); no != c.want || a != nil {
				t.Errorf("%v, want %v", no, c.want)
			}
			for _, x := range []colleague{agent, boss, peer} {
				if _, ok, err := d.lastWipe(t.Context(), x.device); ok || err != nil {
					t.Fatalf("obeyed: %v", err)
				}
				if _, _, err := d.people.Device(t.Context(), x.device); err != nil {
					t.Fatalf("excluded: %v", err)
				}
			}
		})
	}
	if n := len(d.acts(actWipeOrdered, string(agent.device))); n < 6 {
		t.Errorf("%d refusals are written down", n)
	}
	// Everybody may wipe the device of their own.
	if w := d.wipes(agent, agent, inbox.WipeReplaced); w.Level != inbox.WipeHalfGone {
		t.Errorf("%+v", w)
	}
}
