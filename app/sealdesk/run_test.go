package main

import (
	"errors"
	"runtime"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/systray"
)

// window is an application whose window does what the test says.
func window(run func()) fyne.App { return aWindow{run: run} }

type aWindow struct {
	fyne.App
	run func()
}

func (w aWindow) Run() { w.run() }

// trayEnds ends Fyne's tray as the driver does, without a session bus: nothing has connected it.
func trayEnds(exit func()) {
	_, end := systray.RunWithExternalLoop(func() {}, exit)
	end()
}

func calm() {}

func TestOnlyThePanicOfTheTraysEndIsNoCrash(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the tray of this system has no bus")
	}
	wrong := errors.New("wrong")
	for rule, c := range map[string]struct {
		run  func()
		goes bool // on
	}{
		"a window that is closed":                       {calm, false},
		"the tray's connection":                         {func() { trayEnds(calm) }, false},
		"ours, called by the tray's end":                {func() { trayEnds(func() { panic(wrong) }) }, true},
		"ours, after one of the tray's that was caught": {func() { func() { defer func() { recover() }(); trayEnds(calm) }(); panic(wrong) }, true},
		"an error":                         {func() { panic(wrong) }, true},
		"a text that names the tray's end": {func() { panic("fyne.io/systray.nativeEnd()") }, true},
		"a nil pointer":                    {func() { var h *house; h.args = nil }, true},
	} {
		t.Run(rule, func(t *testing.T) {
			var v any
			func() {
				defer func() { v = recover() }()
				runApp(window(c.run))
			}()
			if (v != nil) != c.goes {
				t.Fatalf("goes on: %v", v)
			}
			if err, ok := v.(error); ok && !errors.Is(err, wrong) && !errors.As(err, new(runtime.Error)) {
				t.Errorf("another panic goes on: %v", v)
			}
		})
	}
}
