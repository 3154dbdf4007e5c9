package managed

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"
)

// A Source is where a system keeps policies. Safe for use by one goroutine at a time.
type Source interface {
	// Read returns what is set now; nothing where nobody set anything. Errors are [*Broken]: something is there that cannot
	// be read or trusted.
	Read() ([]Raw, error)
	// Next returns a channel that closes when something may have changed, or with ctx; nil where the system does not tell.
	Next(ctx context.Context) <-chan struct{}
}

// A Machine is the policy of this machine, as it is in force.
type Machine struct {
	source Source

	mu      sync.Mutex
	taken   look    // what is in force was made of this
	seen    look    // the last look, which differed: taken when the next one is the same
	policy  *Policy // in force
	ever    bool    // a sound policy was in force, be it an empty one
	trouble error   // what was taken last is broken
}

// A look is what a source said.
type look struct {
	raws []Raw
	err  error
}

func (l look) same(m look) bool {
	return reflect.DeepEqual(l.raws, m.raws) && (l.err == nil) == (m.err == nil) && (l.err == nil || l.err.Error() == m.err.Error())
}

// Open reads the policy of this machine.
func Open(s Source) *Machine {
	m := &Machine{source: s}
	m.take(m.read())
	return m
}

func (m *Machine) read() look {
	raws, err := m.source.Read()
	return look{ordered(raws), err}
}

// take makes a look count. mu must be held, or nobody else know m.
func (m *Machine) take(l look) {
	m.taken, m.seen = l, l
	policy, err := (*Policy)(nil), l.err
	if err == nil {
		policy, err = Resolve(l.raws)
	}
	if m.trouble = err; err == nil {
		m.policy, m.ever = policy, true
	}
}

// Policy returns what is in force. A policy that breaks while the program runs does not count: the one before stays in
// force, and Trouble tells. The error is [*Broken] while there was no sound one yet: nothing may be opened then.
func (m *Machine) Policy() (*Policy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ever {
		return nil, m.trouble
	}
	return m.policy, nil
}

// Trouble is why the policy that is there is not obeyed: [*Broken]; nil when it is.
func (m *Machine) Trouble() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

// Look reads the policy again and reports whether something else is in force now, or broken. A change counts when two
// looks in a row have seen it, so that what is being written is not taken for what was meant; until there was a sound policy,
// it counts at once.
func (m *Machine) Look() bool {
	l := m.read()
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.same(m.taken) {
		m.seen = l
		return false
	}
	if m.ever && !l.same(m.seen) {
		m.seen = l
		return false
	}
	m.take(l)
	return true
}

// Run looks at every tick, and when the system says that something changed, and calls changed after each change. It returns
// when ctx ends.
func (m *Machine) Run(ctx context.Context, tick <-chan time.Time, changed func()) {
	next := m.source.Next(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-next:
			next = nil
		case <-tick:
		}
		if ctx.Err() != nil {
			return
		}
		if next == nil {
			next = m.source.Next(ctx) // before the look: what changes after it is told
		}
		if m.Look() {
			changed()
		}
	}
}

// Problems are what an error of this package says is wrong; none for any other.
func Problems(err error) []Problem {
	var b *Broken
	if errors.As(err, &b) {
		return b.Problems
	}
	return nil
}
