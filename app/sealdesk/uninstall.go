package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
)

// receiptPatience is how long --wipe waits for the relay to take the receipt. Without it the wipe counts all the same: the
// receipt just stays.
const receiptPatience = 20 * time.Second

// wipe destroys what this installation holds, as an uninstaller asks for, and hands the receipt over if the relay answers.
func (h *house) wipe(ctx context.Context, out io.Writer) error {
	device, err := h.ring.Device(ctx)
	if errors.Is(err, store.ErrNotFound) {
		fmt.Fprintln(out, "this device is not set up; there is nothing to wipe")
		return nil
	}
	if err != nil {
		return err
	}
	keeper := h.stand(device)
	if err := keeper.WipeItself(ctx, inbox.WipeUninstall); err != nil {
		return err
	}
	w, _ := keeper.Wiped()
	fmt.Fprintf(out, "wiped: %d steps, %d things could not be removed\n", len(w.Steps), len(w.Left))
	for _, name := range w.Left {
		fmt.Fprintln(out, "  left:", name)
	}
	open := h.dial(ctx, device, keeper, nil, false)
	defer h.shut()
	select {
	case <-open.done:
	case <-time.After(receiptPatience):
	}
	if errors.Is(open.engine.Link().Err, engine.ErrWiped) {
		fmt.Fprintln(out, "the company has the receipt")
	} else {
		fmt.Fprintln(out, "the company could not be told; the receipt stays until it can")
	}
	return nil
}
