package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// ErrOffline means that there is no connection to ask over, or that it was lost before the answer came.
var ErrOffline = errors.New("not connected to the relay")

const (
	answerIn = 30 * time.Second // after that a question counts as lost
	atOnce   = 16               // questions on their way
)

// Ask asks the relay and waits for the answer, which is of the kind that belongs to the question. When the relay says no,
// the error is an [inbox.Refusal]; when it asks to wait, Ask waits and asks again, as long as ctx allows. ErrOffline
// means that there is no connection or that it was lost meanwhile: nothing is kept, ask again when it is back. Questions
// do not wait for each other.
func (e *Engine) Ask(ctx context.Context, q inbox.Question) (inbox.Answer, error) {
	s := e.online()
	if s == nil {
		return nil, fmt.Errorf("asking: %w", ErrOffline)
	}
	a, err := s.ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("asking: %w", err)
	}
	return a, nil
}

// online returns the session that is on; nil while there is none.
func (e *Engine) online() *session {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.on
}

// setOnline notes which session is on. What waits for its answers learns of its end by s.over.
func (e *Engine) setOnline(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = s
}

// awaitOnline waits until a session is on, or for so long in vain.
func (e *Engine) awaitOnline(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrOffline)
	defer cancel()
	for pokes := e.Watch(ctx); ; {
		if e.online() != nil {
			return nil
		}
		select {
		case <-pokes:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask asks over this connection.
func (s *session) ask(ctx context.Context, q inbox.Question) (inbox.Answer, error) {
	for {
		a, err := s.askOnce(ctx, q)
		switch {
		case err != nil:
			return nil, err
		case a.Refusal != inbox.Granted:
			return nil, a.Refusal
		case a.Answer != nil:
			if a.Answer.AnswerKind() != q.QuestionKind() {
				return nil, ErrAnswer
			}
			return a.Answer, nil
		case a.Retry <= 0:
			return nil, ErrAnswer
		}
		timer := time.NewTimer(min(time.Duration(a.Retry)*time.Millisecond, backoffTo))
		select {
		case <-timer.C:
		case <-s.over:
			err = ErrOffline
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			return nil, err
		}
	}
}

// askOnce sends a question and waits for what comes back.
func (s *session) askOnce(ctx context.Context, q inbox.Question) (wire.Answer, error) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-s.over:
		return wire.Answer{}, ErrOffline
	case <-ctx.Done():
		return wire.Answer{}, ctx.Err()
	}
	reply := make(chan wire.Answer, 1)
	s.mu.Lock()
	s.asked++
	id := s.asked
	s.asks[id] = reply
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.asks, id)
		s.mu.Unlock()
	}()
	frame, err := wire.EncodeAsk(wire.Ask{ID: id, Question: wire.Sign(s.e.cfg.Key, q)})
	if err != nil {
		return wire.Answer{}, err
	}
	if s.write(frame) != nil {
		return wire.Answer{}, ErrOffline
	}
	timer := time.NewTimer(answerIn)
	defer timer.Stop()
	select {
	case a := <-reply:
		return a, nil
	case <-timer.C:
	case <-s.over:
	case <-ctx.Done():
		return wire.Answer{}, ctx.Err()
	}
	return wire.Answer{}, ErrOffline
}

// answer hands an answer to who waits for it. One that nobody waits for any more is dropped.
func (s *session) answer(a wire.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply := s.asks[a.ID]; reply != nil {
		delete(s.asks, a.ID)
		reply <- a
	}
}
