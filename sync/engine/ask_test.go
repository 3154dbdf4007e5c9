package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

func TestQuestionsAreAnsweredInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRelay(t), newMemory()
		const n = 40
		r.script = func(p *peer) { // answers the newest first, a full load at a time
			var waiting []wire.Ask
			for f := range p.in {
				waiting = append(waiting, f.(wire.Ask))
				if len(waiting) < 8 {
					continue
				}
				for _, a := range slices.Backward(waiting) {
					frame, _ := wire.EncodeAnswer(wire.Answer{ID: a.ID, Answer: inbox.Ticket{Path: string(a.Question.(inbox.FetchMedia).Media)}})
					p.write(frame)
				}
				waiting = nil
			}
		}
		e := r.engine(m)
		running(t, e)
		wait(time.Second)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				id := fmt.Sprint("media", i)
				a, err := e.Ask(t.Context(), inbox.FetchMedia{Media: inbox.MediaID(id)})
				if err != nil || a != (inbox.Ticket{Path: id}) {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
	})
}

func TestAQuestionEndsWithItsAnswerOrItsConnection(t *testing.T) {
	reply := func(a wire.Answer) func(*peer, wire.Ask) {
		return func(p *peer, q wire.Ask) {
			a.ID = q.ID
			frame, _ := wire.EncodeAnswer(a)
			p.write(frame)
		}
	}
	for name, tt := range map[string]struct {
		do   func(*peer, wire.Ask)
		want error
	}{
		"granted": {reply(wire.Answer{Answer: inbox.Done{}}), nil},
		"refused": {reply(wire.Answer{Refusal: inbox.RefusedRight}), inbox.RefusedRight},
		"asked to wait": {func(p *peer, q wire.Ask) {
			a := wire.Answer{Retry: 5000}
			if q.ID == 3 {
				a = wire.Answer{Answer: inbox.Done{}}
			}
			reply(a)(p, q)
		}, nil},
		"waits longer than we": {reply(wire.Answer{Retry: 5000}), context.DeadlineExceeded},
		"lost":                 {func(p *peer, _ wire.Ask) { p.conn.NetConn().Close() }, ErrOffline},
		"closed":               {func(p *peer, _ wire.Ask) { p.close(wire.CloseGoingAway) }, ErrOffline},
		"silence":              {func(*peer, wire.Ask) {}, ErrOffline},
		"nothing":              {reply(wire.Answer{}), ErrAnswer},
		"another kind":         {reply(wire.Answer{Answer: inbox.Costs{}}), ErrAnswer},
		"a kind to come": {func(p *peer, q wire.Ask) {
			p.write([]byte{byte(wire.TypeAnswer), 0x85, byte(q.ID), 0x19, 0xea, 0x60, 0xa0, 0, 0}) // [ID, 60000, {}, 0, 0]: RFC 8949
		}, ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, m := newRelay(t), newMemory()
				r.script = func(p *peer) {
					for f := range p.in {
						tt.do(p, f.(wire.Ask))
					}
				}
				e := r.engine(m)
				if _, err := e.Ask(t.Context(), inbox.Typing{}); !errors.Is(err, ErrOffline) {
					t.Errorf("before it is connected: %v", err)
				}
				running(t, e)
				wait(time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
				defer cancel()
				began := time.Now()
				a, err := e.Ask(ctx, inbox.Typing{Conversation: "c"})
				if took := time.Since(began); took > 15*time.Second && name != "silence" && tt.want != context.DeadlineExceeded {
					t.Errorf("it took %v", took)
				}
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || (a == inbox.Done{}) != (err == nil) {
					t.Errorf("got %v", err)
				}
				if s := e.Link().State; s == UpdateNeeded {
					t.Error("an answer ended the engine")
				}
			})
		})
	}
}
