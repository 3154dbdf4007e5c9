package main

import (
	"errors"
	"fmt"

	"sealdesk/sync/relay"
)

type verifyMaskCmd struct {
	Corpora      []string `arg:"" optional:"" name:"corpus" help:"Corpora in JSON Lines, one case a line; the built-in one when none is named." placeholder:"FILE"`
	BuiltIn      bool     `help:"The built-in held-out corpus too."`
	WithoutKnown bool     `help:"Show, and hold to its targets, also the engine that does not know the contact."`
	Live         bool     `help:"Judge a whole relay, started here for the purpose, by every byte a device receives of it."`
	Full         bool     `help:"The built-in corpora in their full size. Takes minutes, live hours."`
	Report       string   `help:"Write a signed report, which holds figures and no text." placeholder:"FILE"`
	Check        string   `help:"Verify the signature of a report and show it; nothing is judged." placeholder:"FILE"`
}

func (c verifyMaskCmd) Run(e *env) error {
	if c.Check != "" {
		return c.check(e)
	}
	v, err := relay.VerifyMask(e.ctx, relay.VerifyOptions{
		Config: e.config, Corpora: c.Corpora, BuiltIn: c.BuiltIn, Full: c.Full, Live: c.Live, Report: c.Report, Version: version(),
	})
	if err != nil {
		return err
	}
	if !c.WithoutKnown {
		v.Blind = nil // it stays in the report
	}
	if err := v.Table(e.out); err != nil {
		return err
	}
	short := 0
	for _, m := range v.Missed {
		if m.Blind && !c.WithoutKnown {
			continue
		}
		short++
		engine := ""
		if m.Blind {
			engine = ", without what the relay knows"
		}
		fmt.Fprintf(e.out, "MISSED  %s%s: %s %.3f %%, promised %.3f %%\n", m.Class, engine, m.What, 100*m.Got, 100*m.Promise)
	}
	if v.Frames > 0 {
		short++
		fmt.Fprintf(e.out, "MISSED  %d frames hold a secret in plain\n", v.Frames)
	}
	for _, id := range v.Known.Missed[:min(len(v.Known.Missed), 20)] {
		fmt.Fprintf(e.out, "look at %s\n", id)
	}
	if c.Report != "" {
		fmt.Fprintf(e.out, "The signed report is in %s. Verify it with: sealdesk-relay verify-mask --check %s\n", c.Report, c.Report)
	}
	if short > 0 {
		return fmt.Errorf("%d figures are not as promised", short)
	}
	fmt.Fprintln(e.out, "Every figure is as promised.")
	return nil
}

func (c verifyMaskCmd) check(e *env) error {
	if len(c.Corpora) > 0 || c.Report != "" || c.Live {
		return errors.New("--check verifies a report and judges nothing; leave the rest out")
	}
	j, own, err := relay.CheckMaskReport(c.Check, e.config)
	if err != nil {
		return err
	}
	if err := j.Table(e.out); err != nil {
		return err
	}
	whose := "This key is not known here: ask who gave you the report for it."
	if own {
		whose = "It is the key of the relay configured here."
	}
	fmt.Fprintf(e.out, "The signature of version %s is good, by key %x.\n%s\n", dash(j.Version), j.Signer, whose)
	return nil
}
