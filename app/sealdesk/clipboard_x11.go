//go:build linux || freebsd || openbsd || netbsd

package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Fyne's clipboard holds text only, so pictures are asked of the X server itself, as every program does: the owner of the
// clipboard is asked to put the picture into a property of a window of ours, in pieces when it is large
// (Inter-Client Communication Conventions Manual, section 2).

// clipboardPatience is how long the owner of the clipboard may take.
const clipboardPatience = 5 * time.Second

var quietX sync.Once

var errClipboard = errors.New("no picture on the clipboard")

// pastePicture returns the picture on the clipboard as a PNG or JPEG file; false when there is none.
func pastePicture() ([]byte, bool) {
	data, err := clipboardPicture("")
	return data, err == nil
}

// clipboardPicture asks the X server of that display, "" for the one of the environment.
func clipboardPicture(display string) ([]byte, error) {
	quietX.Do(func() { xgb.Logger.SetOutput(io.Discard) }) // what goes wrong comes back as an error
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("reaching the display: %w", err)
	}
	defer conn.Close()
	c := &clip{conn: conn, events: make(chan xgb.Event, 16), late: time.After(clipboardPatience)}
	screen := xproto.Setup(conn).DefaultScreen(conn)
	if c.window, err = xproto.NewWindowId(conn); err != nil {
		return nil, fmt.Errorf("making a window: %w", err)
	}
	if err := xproto.CreateWindowChecked(conn, 0, c.window, screen.Root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, screen.RootVisual,
		xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check(); err != nil {
		return nil, fmt.Errorf("making a window: %w", err)
	}
	go func() {
		defer close(c.events)
		for {
			ev, err := conn.WaitForEvent()
			if ev == nil && err == nil {
				return
			}
			if ev != nil {
				select {
				case c.events <- ev:
				case <-time.After(clipboardPatience):
					return
				}
			}
		}
	}()
	for _, kind := range []string{"image/png", "image/jpeg"} {
		data, err := c.ask(kind)
		if err == nil || !errors.Is(err, errClipboard) {
			return data, err
		}
	}
	return nil, errClipboard
}

// clip is one look at the clipboard.
type clip struct {
	conn   *xgb.Conn
	window xproto.Window
	events chan xgb.Event
	late   <-chan time.Time
}

func (c *clip) atom(name string) (xproto.Atom, error) {
	r, err := xproto.InternAtom(c.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		return 0, fmt.Errorf("naming a property: %w", err)
	}
	return r.Atom, nil
}

// ask asks the clipboard's owner for one form.
func (c *clip) ask(kind string) ([]byte, error) {
	var atoms [4]xproto.Atom
	for i, name := range []string{"CLIPBOARD", kind, "SEALDESK_PASTE", "INCR"} {
		var err error
		if atoms[i], err = c.atom(name); err != nil {
			return nil, err
		}
	}
	selection, target, property, incr := atoms[0], atoms[1], atoms[2], atoms[3]
	xproto.ConvertSelection(c.conn, c.window, selection, target, property, xproto.TimeCurrentTime)
	for {
		ev, err := c.next()
		if err != nil {
			return nil, err
		}
		if n, ok := ev.(xproto.SelectionNotifyEvent); ok {
			if n.Property == xproto.AtomNone {
				return nil, errClipboard
			}
			break
		}
	}
	data, form, err := c.take(property)
	if err != nil || form != incr {
		return data, err
	}
	var whole []byte
	for { // each new piece is announced; an empty one is the end
		ev, err := c.next()
		if err != nil {
			return nil, err
		}
		n, ok := ev.(xproto.PropertyNotifyEvent)
		if !ok || n.Atom != property || n.State != xproto.PropertyNewValue {
			continue
		}
		piece, _, err := c.take(property)
		switch {
		case err != nil:
			return nil, err
		case len(piece) == 0:
			return whole, nil
		case len(whole)+len(piece) > mostPasted:
			return nil, errClipboard
		}
		whole = append(whole, piece...)
	}
}

func (c *clip) next() (xgb.Event, error) {
	select {
	case ev, ok := <-c.events:
		if !ok {
			return nil, errors.New("the display went away")
		}
		return ev, nil
	case <-c.late:
		return nil, errors.New("the clipboard's owner does not answer")
	}
}

// take reads a property and deletes it, which asks for the next piece.
func (c *clip) take(property xproto.Atom) ([]byte, xproto.Atom, error) {
	r, err := xproto.GetProperty(c.conn, true, c.window, property, xproto.GetPropertyTypeAny, 0, mostPasted/4).Reply()
	if err != nil {
		return nil, 0, fmt.Errorf("reading the clipboard: %w", err)
	}
	return r.Value, r.Type, nil
}
