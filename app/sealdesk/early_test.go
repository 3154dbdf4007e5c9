package main

import (
	"slices"
	"testing"
	"time"
)

func TestPostsRunInOrderBeforeAndAfterTheApplicationRuns(t *testing.T) {
	var got []int
	note := func(n int) func() { return func() { got = append(got, n) } }
	var fyne []func()
	e := newEarly(func(f func()) { fyne = append(fyne, f) })

	go func() {
		e.post(note(1))
		e.post(note(2))
	}()
	e.until(func() bool { return len(got) == 2 }, time.Minute)
	e.post(note(3))
	e.post(func() { e.post(note(5)) })
	e.post(note(4))
	if len(got) != 2 {
		t.Fatalf("%v: nobody runs what is posted now", got)
	}
	e.live()
	e.post(note(6))
	if len(fyne) != 1 {
		t.Fatalf("%d posts reached the running application", len(fyne))
	}
	fyne[0]()
	if want := []int{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTheWindowDoesNotWaitForeverForTheInbox(t *testing.T) {
	e := newEarly(nil)
	e.until(func() bool { return false }, time.Millisecond)
}

func TestTheInboxOpenedAheadIsTheOneThatIsAskedFor(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // no keyring: opening fails, and says so each time
	h, err := newHouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h.openAhead(t.Context())
	for range 2 {
		if _, err := h.Open(t.Context()); err == nil {
			t.Error("opened without a keyring")
		}
	}
	h.openAhead(t.Context()) // nobody asks for it
	if err := h.close(); err != nil {
		t.Error(err)
	}
}
