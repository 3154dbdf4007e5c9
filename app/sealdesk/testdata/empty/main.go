// Command empty is the least a Fyne program can be: a window of a given size with one label. It is what the start and
// the memory of Sealdesk are measured against, so it is built with the same tags. It says on its standard output when
// its window was drawn and its life has begun.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/widget"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var width, height float32
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: empty WxH")
		os.Exit(2)
	}
	if _, err := fmt.Sscanf(os.Args[1], "%fx%f", &width, &height); err != nil {
		fmt.Fprintln(os.Stderr, "usage: empty WxH")
		os.Exit(2)
	}
	a := app.NewWithID("app.sealdesk.empty")
	w := a.NewWindow("Empty")
	w.SetContent(widget.NewLabel("Empty"))
	w.Resize(fyne.NewSize(width, height))
	context.AfterFunc(ctx, func() { fyne.Do(a.Quit) })
	a.Lifecycle().SetOnStarted(func() { fmt.Println("started") })
	w.Show() // draws the content once before it returns
	fmt.Println("drawn")
	a.Run()
}
