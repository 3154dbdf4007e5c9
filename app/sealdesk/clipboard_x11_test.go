//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// display starts an X server of its own.
func display(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Fatal("there is no Xvfb: apt-get install xvfb")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-displayfd", "3", "-noreset", "-screen", "0", "64x64x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); r.Close() })
	number := make(chan string, 1)
	go func() {
		b := make([]byte, 16)
		n, _ := r.Read(b)
		number <- strings.TrimSpace(string(b[:n]))
	}()
	select {
	case n := <-number:
		if n == "" {
			t.Fatal("the X server says no number")
		}
		return ":" + n
	case <-time.After(20 * time.Second):
		t.Fatal("the X server does not start")
	}
	return ""
}

// own makes a program that owns the clipboard and hands a picture out, in pieces if piece is not 0.
func own(t *testing.T, display, kind string, data []byte, piece int) {
	t.Helper()
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	atom := func(name string) xproto.Atom {
		r, err := xproto.InternAtom(conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			t.Error(err)
			return 0
		}
		return r.Atom
	}
	screen := xproto.Setup(conn).DefaultScreen(conn)
	win, _ := xproto.NewWindowId(conn)
	xproto.CreateWindow(conn, 0, win, screen.Root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, screen.RootVisual, 0, nil)
	target, incr := atom(kind), atom("INCR")
	if err := xproto.SetSelectionOwnerChecked(conn, win, atom("CLIPBOARD"), xproto.TimeCurrentTime).Check(); err != nil {
		t.Fatal(err)
	}
	go func() {
		var rest []byte
		var to xproto.SelectionRequestEvent
		put := func(form xproto.Atom, b []byte) {
			xproto.ChangeProperty(conn, xproto.PropModeReplace, to.Requestor, to.Property, form, 8, uint32(len(b)), b)
		}
		for {
			ev, err := conn.WaitForEvent()
			switch ev := ev.(type) {
			case nil:
				if err == nil {
					return
				}
			case xproto.SelectionRequestEvent:
				to = ev
				answer := xproto.SelectionNotifyEvent{Requestor: ev.Requestor, Selection: ev.Selection, Target: ev.Target, Property: ev.Property}
				switch {
				case ev.Target != target:
					answer.Property = xproto.AtomNone
				case piece == 0:
					put(target, data)
				default:
					rest = data
					xproto.ChangeWindowAttributes(conn, ev.Requestor, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
					put(incr, []byte{0, 0, 0, 0})
				}
				xproto.SendEvent(conn, false, ev.Requestor, 0, string(answer.Bytes()))
			case xproto.PropertyNotifyEvent:
				if piece > 0 && ev.State == xproto.PropertyDelete {
					n := min(piece, len(rest))
					put(target, rest[:n])
					rest = rest[n:]
				}
			}
		}
	}()
}

func TestPicturesComeFromTheClipboardWholeOrInPieces(t *testing.T) {
	at := display(t)
	if _, err := clipboardPicture(at); err == nil {
		t.Error("an empty clipboard has no picture")
	}
	for _, c := range []struct {
		rule, kind string
		size, cut  int
	}{{"a small one at once", "image/png", 3000, 0}, {"a large one in pieces", "image/png", 700_000, 60_000}, {"a photo", "image/jpeg", 5000, 0}} {
		data := bytes.Repeat([]byte("picture"), c.size/7)
		own(t, at, c.kind, data, c.cut)
		got, err := clipboardPicture(at)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d of %d bytes, %v", c.rule, len(got), len(data), err)
		}
	}
	own(t, at, "text/plain", []byte("words"), 0)
	if _, err := clipboardPicture(at); err == nil {
		t.Error("words are no picture")
	}
}
