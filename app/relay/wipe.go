package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

type wipeCmd struct {
	Device string `arg:"" help:"The laptop, by id or name; see: sealdesk-relay device list."`
	Why    string `required:"" enum:"leaving,lost,suspected,replaced,other" help:"Why: leaving, lost, suspected, replaced or other."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (wipeCmd) Help() string {
	return `The relay destroys its half of the key at once: from then on, or from the end of the lease, nobody can read the cache, whether
the laptop is online or in a drawer. The laptop gets the order when it is next here, or by "sealdesk-relay order". What is
printed is what is proven; only a verified receipt is called wiped. No customer's data is lost: enrol the laptop again and it
fetches everything.

After three wipes within ten minutes every further one waits for a second person, who agrees in the Devices page.

Ends with 0 when the order is in force or waits, with 1 when nothing was ordered.

  sealdesk-relay wipe "Desk 12" --why lost
  sealdesk-relay order "Desk 12" --out wipe.order
  sealdesk-relay device list`
}

var whyNames = map[inbox.WipeReason]string{
	inbox.WipeLeaving: "leaving", inbox.WipeLost: "lost", inbox.WipeSuspected: "suspected", inbox.WipeReplaced: "replaced", inbox.WipeOther: "other",
	inbox.WipeSilent: "the relay was not reached for too long", inbox.WipeExcluded: "the laptop was excluded",
	inbox.WipeSignOn: "the company's sign-on removed the person", inbox.WipeTwice: "its key was seen in two places",
	inbox.WipeTampering: "its store was changed from outside", inbox.WipeUninstall: "uninstalled",
}

func whyName(why inbox.WipeReason) string {
	if name := whyNames[why]; name != "" {
		return name
	}
	return fmt.Sprint("reason ", int(why))
}

func (c wipeCmd) Run(e *env) error {
	var why inbox.WipeReason
	for reason, name := range whyNames {
		if name == c.Why {
			why = reason
		}
	}
	return e.admin(func(a relay.Admin) error {
		w, err := a.WipeDevice(e.ctx, c.Device, why)
		if err != nil {
			return explainDevice(err, c.Device)
		}
		if c.JSON {
			return e.json(wipeLineOf(w))
		}
		fmt.Fprintf(e.out, "%s: %s.\n", c.Device, wipeMeans(w, time.Now()))
		if w.Level != inbox.WipeWaits && w.Proven == 0 {
			fmt.Fprintf(e.out, "It gets the order when it is next here, or by a file: sealdesk-relay order %q\n", c.Device)
		}
		return nil
	})
}

type orderCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
	Out    string `short:"o" help:"The file to write." default:"${wipefile}" placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (orderCmd) Help() string {
	return `The order must have been given before, with "sealdesk-relay wipe" or in the window. Have your device management put the file
under the name ` + wire.WipeFile + ` into the laptop's data folder of Sealdesk: it obeys at once, or at its next start. Only that one
laptop obeys it. Ends with 1 when no wipe was ordered or the file is there already; then nothing was written.

  sealdesk-relay order "Desk 12" --out /srv/management/desk-12/` + wire.WipeFile
}

func (c orderCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		order, err := a.WipeOrder(e.ctx, c.Device)
		if errors.Is(err, inbox.RefusedState) {
			return fmt.Errorf("no wipe of %s was ordered; see: sealdesk-relay wipe --help", c.Device)
		}
		if err != nil {
			return explainDevice(err, c.Device)
		}
		if err := writeFresh(c.Out, order); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "The order is in %s. Put it, named %s, into the data folder of that laptop; no other obeys it.\n", c.Out, wire.WipeFile)
		return nil
	})
}

type receiptCmd struct {
	Key    receiptKeyCmd    `cmd:"" help:"Print the public key that proofs of wipes are judged by. Keep a copy apart from the relay."`
	Save   receiptSaveCmd   `cmd:"" help:"Write the proof of a laptop's wipe to a file."`
	Verify receiptVerifyCmd `cmd:"" help:"Judge a proof without the relay, and say what it proves. Ends with 1 unless the laptop's receipt is in it."`
}

// A keyWord is a key as it is printed: one in 64 begins with a dash, and is no flag for that.
type keyWord string

// Decode implements kong.MapperValue.
func (k *keyWord) Decode(ctx *kong.DecodeContext) error {
	word, _ := ctx.Scan.Pop().Value.(string)
	if word == "" || strings.HasPrefix(word, "--") {
		return errors.New("a key is missing")
	}
	*k = keyWord(word)
	return nil
}

// Help implements kong.HelpProvider.
func (receiptVerifyCmd) Help() string {
	return `Needs no relay, no configuration and no network. Ends with 0 only if the laptop's own signed receipt is in the file; with 1 if
the file was changed, is by another key, or proves no more than that the order was given.

  sealdesk-relay receipt verify wipe.proof --key "$(cat receipt-key.txt)"`
}

type receiptKeyCmd struct{}

func (receiptKeyCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		key, err := a.ReceiptKey(e.ctx)
		if err == nil {
			fmt.Fprintln(e.out, key)
		}
		return err
	})
}

type receiptSaveCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
	Out    string `short:"o" help:"The file to write; named after the wipe when left out." placeholder:"FILE"`
}

func (c receiptSaveCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		p, err := a.WipeProof(e.ctx, c.Device)
		if errors.Is(err, inbox.RefusedState) {
			return fmt.Errorf("no wipe of %s was ordered", c.Device)
		}
		if err != nil {
			return explainDevice(err, c.Device)
		}
		if c.Out == "" {
			c.Out = p.Name
		}
		if err := writeFresh(c.Out, p.File); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "The proof is in %s. Judge it anywhere with: sealdesk-relay receipt verify %s --key KEY\n", c.Out, c.Out)
		return nil
	})
}

type receiptVerifyCmd struct {
	File  string  `arg:"" help:"The proof."`
	Key   keyWord `required:"" help:"The relay's public key, as \"sealdesk-relay receipt key\" printed it." placeholder:"KEY"`
	Audit string  `help:"The public key of the audit log, as \"sealdesk-relay audit key\" printed it; the one in the file when left out." placeholder:"KEY"`
	JSON  bool    `name:"json" help:"Print JSON."`
}

func (c receiptVerifyCmd) Run(e *env) error {
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	key, err := relay.ParseReceiptKey(string(c.Key))
	if err != nil {
		return err
	}
	a, err := relay.VerifyProof(file, key, c.Audit)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := e.json(a); err != nil {
			return err
		}
	} else {
		c.account(e, a)
	}
	if a.Receipt == nil {
		return errors.New("the order is genuine, but nothing proves yet that the laptop obeyed it")
	}
	return nil
}

// account says what a proof proves, and by whose word.
func (c receiptVerifyCmd) account(e *env, a relay.ProofAccount) {
	line := func(what, format string, args ...any) {
		fmt.Fprintf(e.out, "%-12s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("Laptop", "%s", a.Device)
	line("Wipe", "%s, because: %s", a.Wipe, whyName(a.Why))
	if a.Issued != 0 {
		line("Order", "signed by the relay %s, number %d for this laptop", stamp(a.Issued), a.Epoch)
	} else {
		line("Order", "none: the laptop wiped itself")
	}
	for _, s := range a.Asked {
		what := "asked for"
		if s.Agreed {
			what = "agreed to"
		}
		line("", "%s by person %s, signed by laptop %s %s", what, s.Person, s.Device, stamp(s.At))
	}
	if r := a.Receipt; r != nil {
		line("Receipt", "signed by the laptop (%s, %s)", dash(r.App), dash(r.System))
		for _, s := range r.Steps {
			line("", "%s", stepText(s))
		}
		for _, name := range r.Left {
			line("LEFT", "%q could not be destroyed", name)
		}
		if r.Cut > 0 {
			line("", "it was cut short %d times, and went on", r.Cut)
		}
	}
	if a.Audit != nil {
		line("Audit log", "%d entries, signed %s by %s", a.Audit.Size, stamp(a.Audit.At), a.Verifier)
		for _, x := range a.Entries {
			line("", "%s %s", stamp(x.At), x.Act)
		}
		if c.Audit == "" {
			line("", "judged by the key in the file: compare it with `sealdesk-relay audit key`, or give it as --audit")
		}
	} else {
		line("Audit log", "not in this file")
	}
	if a.Told.Half != 0 {
		line("Relay says", "its half of the key was destroyed %s; nobody can read a copy from %s on", stamp(a.Told.Half), stamp(a.Told.Dark))
	}
}

var actNames = map[inbox.WipeAct]string{
	inbox.WipeIntended: "wrote down that there is no way back", inbox.WipeStopped: "stopped receiving, sending and showing",
	inbox.WipeKeys: "destroyed its half of the key", inbox.WipeStore: "destroyed the store", inbox.WipeFiles: "destroyed files and logs",
	inbox.WipeSwept: "looked for what may be left", inbox.WipeSigned: "signed the receipt",
}

func stepText(s inbox.WipeStep) string {
	text := fmt.Sprintf("%s (its clock) %s", stamp(s.At), actNames[s.Did])
	if s.Count > 0 || s.Bytes > 0 {
		text += fmt.Sprintf(": %d items, %d bytes", s.Count, s.Bytes)
	}
	if s.Left > 0 {
		text += fmt.Sprintf(", %d LEFT", s.Left)
	}
	return text
}

// writeFresh writes a file that must not be there yet.
func writeFresh(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}
