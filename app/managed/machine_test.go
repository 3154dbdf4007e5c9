package managed

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// said is a source that says what a test lets it.
type said struct {
	raws []Raw
	err  error
	next chan struct{}
}

func (s *said) Read() ([]Raw, error)                 { return append([]Raw(nil), s.raws...), s.err }
func (s *said) Next(context.Context) <-chan struct{} { return s.next }

func locale(l string) []Raw { return []Raw{{Key: "Locale", Value: l, Place: "x"}} }

func TestAPolicyIsInForceUntilASoundOneReplacesIt(t *testing.T) {
	s := &said{raws: locale("de")}
	m := Open(s)
	at := func() string {
		p, err := m.Policy()
		if err != nil {
			t.Fatal(err)
		}
		return p.Text(Locale)
	}
	look := func(want bool) {
		t.Helper()
		if got := m.Look(); got != want {
			t.Errorf("changed: %v", got)
		}
	}
	look(false)
	s.raws = locale("it")
	look(false) // perhaps more is being written
	if at() != "de" {
		t.Error("half of a change is in force")
	}
	s.raws = locale("en")
	look(false) // it was
	look(true)
	look(false)
	if at() != "en" {
		t.Error("a change that stays is not in force")
	}
	s.raws = locale("fr")
	look(false)
	look(true)
	if at() != "en" || !errors.Is(m.Trouble(), ErrBroken) {
		t.Error("a broken policy replaces a sound one, or nobody is told")
	}
	look(false)
	s.raws = nil
	look(false)
	look(true)
	if at() != "" || m.Trouble() != nil {
		t.Error("a policy that was taken away is still there")
	}
}

func TestABrokenPolicyAtTheStartIsNoPolicyUntilItIsRepaired(t *testing.T) {
	s := &said{err: broken(Problem{Place: "x", Why: "cannot be read"})}
	m := Open(s)
	if p, err := m.Policy(); p != nil || !errors.Is(err, ErrBroken) || !errors.Is(m.Trouble(), ErrBroken) {
		t.Fatalf("%v, %v", p, err)
	}
	s.err, s.raws = nil, locale("fr")
	if !m.Look() {
		t.Error("another fault is not told")
	}
	s.raws = nil
	if !m.Look() {
		t.Error("the repair waits")
	}
	if _, err := m.Policy(); err != nil {
		t.Error(err)
	}
}

func TestAChangeIsSeenAtATickAndWhenTheSystemTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &said{raws: locale("de"), next: make(chan struct{})}
		m := Open(s)
		ctx, cancel := context.WithCancel(t.Context())
		tick, changed := make(chan time.Time), 0
		done := make(chan struct{})
		go func() {
			m.Run(ctx, tick, func() { changed++ })
			close(done)
		}()
		tick <- time.Time{}
		synctest.Wait()
		s.raws = locale("it")
		told := s.next
		s.next = nil // from now on the system does not tell
		close(told)
		synctest.Wait()
		if changed != 0 {
			t.Error("one look is enough")
		}
		tick <- time.Time{}
		synctest.Wait()
		if p, _ := m.Policy(); changed != 1 || p.Text(Locale) != "it" {
			t.Errorf("changed %d times", changed)
		}
		tick <- time.Time{}
		synctest.Wait()
		cancel()
		<-done
		if changed != 1 {
			t.Errorf("changed %d times", changed)
		}
	})
}
