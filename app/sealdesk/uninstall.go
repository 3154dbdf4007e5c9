package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	defer leaveNoToolkit(out)
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

// leaveNoToolkit removes what the toolkit kept for this program, and its own folder unless another program uses it. What the
// wipe shredded is gone by then; a device that was never set up has no wipe. Nothing in it is the company's, so what stays is
// said and no reason to keep the program.
func leaveNoToolkit(out io.Writer) {
	for _, dir := range toolkitDirs() {
		var names []string
		filepath.WalkDir(dir, func(name string, _ fs.DirEntry, _ error) error {
			names = append(names, name)
			return nil
		})
		for _, name := range slices.Backward(names) { // by name: not every Windows removes through a folder's handle
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintln(out, "  left:", name)
			}
		}
		os.Remove(filepath.Dir(dir)) // refused while something is in it
	}
}
