package engine

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

const log = inbox.LogID("inbox/a")

func stretch(from, to uint64) inbox.Batch {
	b := inbox.Batch{Log: log, Epoch: "e1", From: from, To: to}
	for seq := from + 1; seq <= to; seq++ {
		b.Events = append(b.Events, inbox.Event{Seq: seq, Body: inbox.ReadMoved{Conversation: "c", UpTo: seq}})
	}
	return b
}

func upTo(n uint64) (out []uint64) {
	for seq := uint64(1); seq <= n; seq++ {
		out = append(out, seq)
	}
	return out
}

// running starts an engine; the function returned ends it and gives what Run returned.
func running(t *testing.T, e *Engine) (end func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	var once bool
	end = func() error {
		once = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !once {
			end()
		}
	})
	return end
}

func wait(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

func TestADeviceResumesWhereItsCacheStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		r.heads = []wire.LogHead{{Log: log, Epoch: "e1", Seq: 9}}
		r.script = func(p *peer) {
			r.mu.Lock()
			resume := r.resumes[len(r.resumes)-1]
			first := len(r.hellos) == 1
			r.mu.Unlock()
			if first { // tell a third, tell a part twice, and go away in the middle of a frame
				p.batch(stretch(0, 3))
				p.batch(stretch(2, 3))
				if a, ok := next[wire.Ack](p); !ok || a.Cursor.Seq != 3 {
					t.Errorf("acknowledged %d", a.Cursor.Seq)
				}
				w, _ := p.conn.NextWriter(websocket.BinaryMessage)
				w.Write(make([]byte, 10_000))
				p.conn.NetConn().Close()
				return
			}
			if len(resume.Cursors) != 1 || resume.Cursors[0] != (inbox.Cursor{Log: log, Epoch: "e1", Seq: 3}) {
				t.Errorf("resumed from %v", resume.Cursors)
			}
			p.write([]byte{200, 1, 2, 3}) // a frame of a protocol to come
			p.batch(stretch(3, 7))
		}
		e := r.engine(m)
		end := running(t, e)
		wait(5 * time.Second)
		if got := m.events(log); !slices.Equal(got, upTo(7)) {
			t.Errorf("events %v", got)
		}
		if l := e.Link(); l.State != Online || l.Behind != 2 || l.Err != nil {
			t.Errorf("link %+v", l)
		}
		if err := end(); !errors.Is(err, context.Canceled) || len(r.hellos) != 2 {
			t.Errorf("%v after %d hellos", err, len(r.hellos))
		}
	})
}

func TestBatchesThatWaitAreOneApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		m.slow = time.Second
		r.script = func(p *peer) {
			for n := range uint64(20) {
				p.batch(stretch(n, n+1))
			}
		}
		running(t, r.engine(m))
		wait(5 * time.Second)
		if got := m.events(log); !slices.Equal(got, upTo(20)) || len(m.applies) > 3 {
			t.Errorf("%d events in %v", len(got), m.applies)
		}
	})
}

func TestTerminalAnswersEndItAndOthersDoNot(t *testing.T) {
	for code, want := range map[int]error{
		wire.CloseProof: ErrNotAdmitted, wire.CloseRevoked: ErrRevoked, wire.CloseWiped: ErrWiped, wire.CloseUpdate: ErrUpdateNeeded,
		wire.CloseReplaced: ErrReplaced, wire.CloseRelayTooOld: ErrRelayTooOld, 4999: ErrUpdateNeeded,
		wire.CloseGoingAway: nil, wire.CloseTrouble: nil, wire.CloseTooSlow: nil, 4499: nil, 5000: nil, websocket.CloseServiceRestart: nil,
	} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d early %v", code, early), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r, m := newRelay(t), newMemory()
					end := func(p *peer) bool { p.close(code); return true }
					if early {
						r.before = end
					} else {
						r.script = func(p *peer) { end(p) }
					}
					// Whoever writes into the closing connection must not hide why it closed.
					for n := range 40 {
						m.submit(intent(fmt.Sprint("i", n), fmt.Sprint("c", n)))
					}
					e := r.engine(m)
					stop := running(t, e)
					wait(30 * time.Second)
					state := e.Link().State
					if want == nil {
						if len(r.hellos) < 3 || state > Offline {
							t.Errorf("%d hellos, state %d", len(r.hellos), state)
						}
						return
					}
					if err := stop(); !errors.Is(err, want) || len(r.hellos) != 1 || state < UpdateNeeded {
						t.Errorf("%v after %d hellos, state %d", err, len(r.hellos), state)
					}
				})
			})
		}
	}
}

func TestFactsOfANewerKindAskForAnUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		r.script = func(p *peer) {
			p.batch(stretch(0, 1))
			var b wire.BatchBuilder
			b.Add([]byte{0x85, 2, 0, 0x60, 0x19, 0xea, 0x60, 0xa0}) // [2, 0, "", 60000, {}]: RFC 8949
			p.write(b.Frame(inbox.Batch{Log: log, Epoch: "e1", From: 1, To: 2}))
		}
		e := r.engine(m)
		stop := running(t, e)
		wait(10 * time.Second)
		if err := stop(); !errors.Is(err, ErrUpdateNeeded) || len(r.hellos) != 1 || e.Link().State != UpdateNeeded {
			t.Errorf("%v after %d hellos", err, len(r.hellos))
		}
	})
}

func TestTheLinkSaysWhyItIsDown(t *testing.T) {
	for name, tt := range map[string]struct {
		set    func(*relay, *memory, *Config)
		reason Reason
		is     error
	}{
		"wrong certificate": {func(r *relay, _ *memory, c *Config) { c.Pin[0] ^= 1 }, WrongCertificate, ErrWrongRelay},
		"clock slow":        {func(r *relay, _ *memory, c *Config) { r.skew = 6 * time.Minute }, ClockWrong, ErrClock},
		"clock fast":        {func(r *relay, _ *memory, c *Config) { r.skew = -6 * time.Minute }, ClockWrong, ErrClock},
		"no network": {func(r *relay, _ *memory, c *Config) {
			r.dialErr = &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
		}, NoNetwork, ErrUnreachable},
		"refused": {func(r *relay, _ *memory, c *Config) {
			r.dialErr = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}, RelayUnreachable, ErrUnreachable},
		"no relay": {func(r *relay, _ *memory, c *Config) { r.server.Handler = nil }, RelayUnreachable, ErrAnswer},
		"cache full": {func(r *relay, m *memory, c *Config) {
			m.fail = errFull
			r.script = func(p *peer) { p.batch(stretch(0, 1)) }
		}, CacheTrouble, errFull},
		"garbage": {func(r *relay, m *memory, c *Config) {
			r.script = func(p *peer) { p.write([]byte{byte(wire.TypeBatch), 1, 2, 3}) }
		}, RelayTrouble, wire.ErrMalformed},
		"too long a frame": {func(r *relay, m *memory, c *Config) {
			r.script = func(p *peer) { p.write(make([]byte, wire.MaxRelayFrame+1)) }
		}, RelayUnreachable, websocket.ErrReadLimit},
		"a version nobody offered": {func(r *relay, m *memory, c *Config) { r.version = 99 }, RelayUnreachable, ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, m := newRelay(t), newMemory()
				e := r.engine(m, func(c *Config) { tt.set(r, m, c) })
				running(t, e)
				wait(500 * time.Millisecond)
				l := e.Link()
				if l.State != Offline || l.Reason != tt.reason || !errors.Is(l.Err, tt.is) {
					t.Errorf("state %d, reason %d, error %v", l.State, l.Reason, l.Err)
				}
				if until := time.Until(l.Next); until <= 0 || until > time.Second {
					t.Errorf("next try in %v", until)
				}
				if l.Reason == WrongCertificate && !strings.Contains(l.Err.Error(), r.pin.Short()) {
					t.Errorf("nothing to compare: %v", l.Err)
				}
				if len(m.outcomes) != 0 || l.Reason == WrongCertificate && len(r.hellos) != 0 {
					t.Error("something was said to a stranger")
				}
			})
		})
	}
}

func TestBackOffGrowsToAMinuteANudgeCutsItShortAndAGoodMinuteEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		r.dialErr = syscall.ECONNREFUSED
		e := r.engine(m)
		running(t, e)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			synctest.Wait()
			got := time.Until(e.Link().Next)
			if want *= time.Second; got > want || got < want-time.Millisecond {
				t.Errorf("pause %v, want %v", got, want)
			}
			wait(got)
		}
		before := r.dials
		wait(time.Second)
		e.Nudge()
		synctest.Wait()
		if r.dials != before+1 {
			t.Errorf("%d dials after a nudge", r.dials-before)
		}
		drop := make(chan struct{})
		r.mu.Lock()
		r.dialErr = nil
		r.script = func(p *peer) { <-drop; p.close(wire.CloseGoingAway) }
		r.mu.Unlock()
		e.Nudge()
		wait(10 * time.Second)
		if l := e.Link(); l.State != Online {
			t.Fatalf("state %d", l.State)
		}
		for range 4 { // a relay that pings keeps the connection
			wait(wire.PingEvery)
			r.ping()
		}
		if len(r.hellos) != 1 {
			t.Errorf("%d hellos", len(r.hellos))
		}
		close(drop)
		synctest.Wait()
		if l := e.Link(); l.State != Offline || l.Reason != RelayTrouble || time.Until(l.Next) > time.Second {
			t.Errorf("state %d, next in %v", l.State, time.Until(l.Next))
		}
	})
}

func TestASilentConnectionIsDead(t *testing.T) {
	for name, tt := range map[string]struct {
		nudge bool
		dies  time.Duration
	}{"by itself": {false, wire.DeadAfter}, "after a nudge": {true, time.Second + nudgeIn}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, m := newRelay(t), newMemory()
				mute := make(chan struct{})
				r.script = func(p *peer) {
					p.conn.SetPingHandler(func(string) error { <-mute; return nil })
				}
				e := r.engine(m)
				running(t, e)
				defer close(mute)
				wait(time.Second)
				if tt.nudge {
					e.Nudge()
				}
				wait(tt.dies - 1500*time.Millisecond)
				if l := e.Link(); l.State != Online {
					t.Errorf("gave up early: %v", l.Err)
				}
				wait(time.Second)
				if l := e.Link(); l.State != Offline {
					t.Errorf("still state %d", l.State)
				}
			})
		})
	}
}

func intent(id, conv string) inbox.Intent {
	return inbox.Intent{ID: inbox.IntentID(id), Body: inbox.SendText{Conversation: inbox.ConversationID(conv), Text: "x"}}
}

func TestTheOutboxIsSentInOrderAndAgainUnderTheSameID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		var order []string           // as the relay granted them
		got := map[string]int{}      // how often each came
		retried := map[string]bool{} // asked once to wait
		r.script = func(p *peer) {
			for n := 0; ; n++ {
				i, ok := next[inbox.Intent](p)
				if !ok {
					return
				}
				id := string(i.ID)
				got[id]++
				switch {
				case n == 7: // granted, and the answer is lost with the connection
					if !slices.Contains(order, id) {
						order = append(order, id)
					}
					p.conn.NetConn().Close()
					return
				case len(id)%2 == 0 && !retried[id]:
					retried[id] = true
					p.write(wire.Encode(wire.Outcome{Intent: i.ID, Retry: 1500}))
				default:
					if !slices.Contains(order, id) {
						order = append(order, id)
					}
					p.write(wire.Encode(wire.Outcome{Intent: i.ID}))
				}
			}
		}
		const each = 12
		var all []inbox.Intent
		for n := range each {
			for _, conv := range []string{"a", "b", "cc"} {
				all = append(all, intent(fmt.Sprintf("%s%02d", conv, n), conv))
			}
		}
		m.submit(all[:20]...)
		running(t, r.engine(m))
		wait(time.Second)
		m.submit(all[20:]...)
		wait(10 * time.Minute)
		if len(m.pending) != 0 || len(order) != len(all) {
			t.Fatalf("%d pending, %d granted of %d", len(m.pending), len(order), len(all))
		}
		for _, conv := range []string{"a", "b", "cc"} {
			var of []string
			for _, id := range order {
				if strings.TrimRight(id, "0123456789") == conv {
					of = append(of, id)
				}
			}
			if !slices.IsSorted(of) || len(of) != each {
				t.Errorf("conversation %s: %v", conv, of)
			}
		}
		again := 0
		for id, n := range got {
			if n > 1 && !retried[id] {
				again++
			}
		}
		if again == 0 || len(m.outcomes) != len(all) {
			t.Errorf("%d sent again after a lost answer, %d outcomes", again, len(m.outcomes))
		}
	})
}

func TestNoMoreThanAWindowIsOnItsWayAndSilenceEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		came := 0
		r.script = func(p *peer) {
			for {
				if _, ok := next[inbox.Intent](p); !ok {
					return
				}
				came++
				r.ping()
			}
		}
		for n := range 40 {
			m.submit(intent(fmt.Sprint("i", n), fmt.Sprint("c", n)))
		}
		e := r.engine(m)
		running(t, e)
		wait(time.Second)
		if came != inFlight {
			t.Errorf("%d on their way", came)
		}
		m.mu.Lock()
		m.pending = m.pending[8:] // the events of eight came in batches
		m.mu.Unlock()
		m.submit()
		wait(time.Second)
		if came != inFlight+8 {
			t.Errorf("%d on their way", came)
		}
		for range 3 {
			wait(19 * time.Second)
			r.ping()
		}
		wait(1500 * time.Millisecond)
		if l := e.Link(); len(r.hellos) != 2 && !errors.Is(l.Err, errSilence) {
			t.Errorf("%d hellos, %v", len(r.hellos), l.Err)
		}
	})
}

func TestEveryFrameIsSeenByTheRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		r.script = func(p *peer) { p.batch(stretch(0, 1)) }
		var seen []string
		frames := make(chan string, 100)
		running(t, r.engine(m, func(c *Config) {
			c.Frames = func(d Direction, f []byte) { frames <- fmt.Sprint(d, f[0]) }
		}))
		wait(time.Second)
		for len(frames) > 0 {
			seen = append(seen, <-frames)
		}
		if want := []string{"1 1", "2 2", "1 3", "2 4", "1 11", "2 5", "1 6"}; !slices.Equal(seen, want) {
			t.Errorf("%v", seen)
		}
	})
}

func TestTheLinkPokes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		e := r.engine(m)
		c := e.Watch(t.Context())
		<-c
		running(t, e)
		wait(time.Second)
		select {
		case <-c:
		default:
			t.Error("no poke")
		}
		if e.Link().State != Online {
			t.Error("not online")
		}
	})
}

func TestEnrolment(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(*relay, *wire.Enrolment)
		want error
	}{
		"admitted":          {func(*relay, *wire.Enrolment) {}, nil},
		"code used":         {func(r *relay, _ *wire.Enrolment) { r.refuse(wire.ErrCodeUsed) }, wire.ErrCodeUsed},
		"code expired":      {func(r *relay, _ *wire.Enrolment) { r.refuse(wire.ErrCodeExpired) }, wire.ErrCodeExpired},
		"relay busy":        {func(r *relay, _ *wire.Enrolment) { r.refuse(wire.ErrBusy) }, wire.ErrBusy},
		"wrong certificate": {func(_ *relay, e *wire.Enrolment) { e.Pin[5] ^= 1 }, ErrWrongRelay},
		"unreachable":       {func(r *relay, _ *wire.Enrolment) { r.dialErr = syscall.ECONNREFUSED }, ErrUnreachable},
		"no relay":          {func(r *relay, _ *wire.Enrolment) { r.server.Handler = nil }, ErrAnswer},
		"no address":        {func(_ *relay, e *wire.Enrolment) { e.Relay = "a b" }, wire.ErrEnrolment},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRelay(t)
				var key ed25519.PublicKey
				r.enrol = func(e wire.EnrolRequest) wire.EnrolReply {
					key = e.PublicKey
					if e.Code != "ABC" || e.Name != "desk 4" {
						t.Errorf("asked with %q", e.Name)
					}
					return wire.EnrolReply{Device: "d", Person: inbox.Person{ID: "p"}}
				}
				ask := wire.Enrolment{Relay: "relay.example:8443", Pin: r.pin, Code: "ABC"}
				tt.set(r, &ask)
				got, err := Enrol(t.Context(), ask, EnrolConfig{Name: "desk 4", Dial: r.dial})
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Fatalf("got %v", err)
				}
				if err == nil && (got.Device != "d" || got.Person.ID != "p" || got.Pin != r.pin || got.Relay != ask.Relay ||
					!key.Equal(got.Key.Public())) {
					t.Errorf("%+v", got.Device)
				}
			})
		})
	}
}

func (r *relay) refuse(e *wire.Error) {
	r.enrol = func(wire.EnrolRequest) wire.EnrolReply { return wire.EnrolReply{Error: e} }
}
