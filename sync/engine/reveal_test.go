package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// answered is a right answer to each kind of question.
var answered = func() map[inbox.QuestionKind]inbox.Answer {
	out := map[inbox.QuestionKind]inbox.Answer{}
	for _, a := range inbox.Answers() {
		out[a.AnswerKind()] = a
	}
	return out
}()

func TestEveryKindOfQuestionGetsItsKindOfAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, 1)
		d.answer = func(q inbox.Question) inbox.Answer { return answered[q.QuestionKind()] }
		e := d.engine(newMemory())
		running(t, e)
		wait(time.Second)
		for _, q := range inbox.Questions() {
			a, err := e.Ask(t.Context(), q)
			if err != nil || a.AnswerKind() != q.QuestionKind() {
				t.Errorf("question of kind %d: %v", q.QuestionKind(), err)
			}
		}
	})
}

// What is revealed is seen by who asked and by nobody else: not by who watches the frames, the log or the cache, not when
// the connection is lost in the middle, and not with another request's key.
func TestARevealedValueIsSealedAllTheWay(t *testing.T) {
	const value = "+49 151 555 0123"
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		var mu sync.Mutex
		var seen, logged bytes.Buffer
		var frames int
		public := map[inbox.RevealID][]byte{}
		opens := 0
		d.answer = func(q inbox.Question) inbox.Answer {
			switch q := q.(type) {
			case inbox.AskReveal:
				public["r1"] = q.Key
				return inbox.Grant{Reveal: "r1", State: inbox.RevealGranted}
			case inbox.OpenReveal:
				opens++
				sealed, err := wire.SealReveal(public[q.Reveal], q.Reveal, value)
				if err != nil {
					t.Error(err)
				}
				return inbox.Opened{Reveal: q.Reveal, State: inbox.RevealShown, Sealed: sealed}
			}
			return inbox.Done{}
		}
		e := d.engine(m, func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(&locked{mu: &mu, to: &logged}, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.Frames = func(_ Direction, f []byte) {
				mu.Lock()
				defer mu.Unlock()
				seen.Write(f)
				frames++
			}
		})
		running(t, e)
		wait(time.Second)
		key, half, err := wire.NewRevealKey()
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Ask(t.Context(), inbox.AskReveal{Conversation: "c", Field: inbox.FieldPhone, Why: inbox.ReasonCall, Key: half})
		if g, ok := a.(inbox.Grant); err != nil || !ok || g.State != inbox.RevealGranted || len(g.Sealed) != 0 {
			t.Fatalf("asked: %v", err)
		}
		d.mu.Lock()
		d.drops = 1
		d.mu.Unlock()
		open := inbox.OpenReveal{Conversation: "c", Reveal: "r1"}
		if _, err := e.Ask(t.Context(), open); !errors.Is(err, ErrOffline) {
			t.Errorf("the connection was lost: %v", err)
		}
		wait(2 * time.Minute) // it comes back, and nothing is asked by itself
		if opens != 0 {
			t.Errorf("asked %d times by itself", opens)
		}
		a, err = e.Ask(t.Context(), open)
		got, ok := a.(inbox.Opened)
		if err != nil || !ok {
			t.Fatalf("asked again: %v", err)
		}
		if v, err := key.Open("r1", got.Sealed); err != nil || string(v) != value {
			t.Errorf("the value does not open: %v", err)
		}
		other, _, err := wire.NewRevealKey()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Open("r1", got.Sealed); !errors.Is(err, wire.ErrSealed) {
			t.Errorf("another key: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if frames < 8 || !bytes.Contains(seen.Bytes(), got.Sealed) {
			t.Fatalf("%d frames prove nothing", frames)
		}
		digits := []byte("1515550123")
		for what, b := range map[string][]byte{"frames": seen.Bytes(), "log": logged.Bytes()} {
			for _, secret := range [][]byte{[]byte(value), digits, []byte(hex.EncodeToString([]byte(value))), []byte(base64.StdEncoding.EncodeToString([]byte(value))), reversed([]byte(value))} {
				if bytes.Contains(b, secret) {
					t.Errorf("the %s hold the value", what)
				}
			}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.applies)+len(m.outcomes)+len(m.pending)+len(m.cursors) != 0 {
			t.Error("the cache was given something")
		}
	})
}

// A device that was away while a customer was forgotten holds a log of another epoch: what it gets is the log told anew,
// before anything else of it.
func TestADeviceThatWasAwayGetsALogThatWasBuiltAnewFromItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		m.cursors[log] = inbox.Cursor{Log: log, Epoch: "e1", Seq: 9}
		m.seqs[log] = upTo(9)
		r.heads = []wire.LogHead{{Log: log, Epoch: "e2", Seq: 12}}
		r.script = func(p *peer) {
			p.mu.Lock()
			resume := p.resumes[len(p.resumes)-1]
			p.mu.Unlock()
			if len(resume.Cursors) == 1 && resume.Cursors[0].Epoch == "e1" {
				b := stretch(0, 10)
				b.Epoch, b.Reset = "e2", true
				b.Events = slices.DeleteFunc(b.Events, func(e inbox.Event) bool { return e.Seq < 8 })
				p.batch(b)
			}
			more := stretch(10, 12)
			more.Epoch = "e2"
			p.batch(more)
		}
		m.submit(inbox.Intent{ID: "i1", Body: inbox.SendText{Conversation: "c", Text: "kept"}})
		e := r.engine(m)
		running(t, e)
		wait(time.Second)
		if got := m.events(log); !slices.Equal(got, []uint64{8, 9, 10, 11, 12}) {
			t.Errorf("applied %v", got)
		}
		if c := m.Cursors(); len(c) != 1 || c[0] != (inbox.Cursor{Log: log, Epoch: "e2", Seq: 12}) {
			t.Errorf("cursors %v", c)
		}
		if l := e.Link(); l.State != Online || l.Behind != 0 {
			t.Errorf("link %v", l)
		}
		if p, _ := m.Pending(t.Context()); len(p) != 1 {
			t.Errorf("%d intents are left", len(p))
		}
	})
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

// locked is a writer for many goroutines.
type locked struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// Seconds count for both: neither waits for a file that is on its way in the same conversation, while a text does.
func TestTakingBackAndDecidingDoNotWaitForAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		d.slow = 200 * time.Millisecond
		e := d.engine(m)
		file := m.attach("one", d.bytes(1<<20)) // six seconds
		m.submit(sendFile("file", "c", file),
			inbox.Intent{ID: "text", Body: inbox.SendText{Conversation: "c", Text: "after the file"}},
			inbox.Intent{ID: "back", Body: inbox.Withdraw{Conversation: "c", Message: "m"}},
			inbox.Intent{ID: "decided", Body: inbox.DecideHeld{Conversation: "c", Message: "n", Agree: true}})
		running(t, e)
		wait(3 * time.Second)
		if got := d.order("c"); !slices.Equal(got, []string{"back", "decided"}) {
			t.Errorf("sent %v", got)
		}
		wait(2 * time.Minute)
		if got := d.order("c"); !slices.Equal(got, []string{"back", "decided", "file", "text"}) {
			t.Errorf("sent %v", got)
		}
	})
}
