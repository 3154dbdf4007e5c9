package ui

import (
	"context"
	"sync"
	"time"

	"sealdesk/app/inbox"
)

// writer makes wishes and drafts durable, in the order they were made, so that the window never waits for the disk.
type writer struct {
	ctx    context.Context
	model  Model
	after  func(time.Duration) <-chan time.Time
	failed func(i inbox.Intent, err error)
	kept   func()

	mu     sync.Mutex
	jobs   []func(context.Context)
	drafts map[inbox.ConversationID]string
	wake   poke
	typed  poke

	working sync.Mutex // jobs run one after the other, also while the window closes
}

// draftPause is how long nobody must have typed before a draft is kept.
const draftPause = 400 * time.Millisecond

func newWriter(ctx context.Context, model Model, after func(time.Duration) <-chan time.Time) *writer {
	return &writer{ctx: ctx, model: model, after: after, drafts: map[inbox.ConversationID]string{}, wake: newPoke(), typed: newPoke()}
}

func (w *writer) run() {
	var pause <-chan time.Time
	for {
		select {
		case <-w.wake:
			w.work(w.ctx)
		case <-w.typed:
			pause = w.after(draftPause)
		case <-pause:
			pause = nil
			w.keepDrafts(w.ctx)
		case <-w.ctx.Done():
			return
		}
	}
}

func (w *writer) work(ctx context.Context) {
	w.working.Lock()
	defer w.working.Unlock()
	for {
		w.mu.Lock()
		if len(w.jobs) == 0 {
			w.mu.Unlock()
			return
		}
		job := w.jobs[0]
		w.jobs = w.jobs[1:]
		w.mu.Unlock()
		job(ctx)
	}
}

// later runs a job after the ones before it.
func (w *writer) later(job func(context.Context)) {
	w.mu.Lock()
	w.jobs = append(w.jobs, job)
	w.mu.Unlock()
	w.wake.set()
}

// submit makes a wish durable; failed hears when that did not work.
func (w *writer) submit(i inbox.Intent) {
	w.later(func(ctx context.Context) {
		if err := w.model.Submit(ctx, i); err != nil && ctx.Err() == nil {
			w.failed(i, err)
		}
	})
}

// draft keeps a text once its writer pauses.
func (w *writer) draft(id inbox.ConversationID, text string) {
	w.mu.Lock()
	w.drafts[id] = text
	w.mu.Unlock()
	w.typed.set()
}

// undraft forgets a draft at once, because it was sent.
func (w *writer) undraft(id inbox.ConversationID) {
	w.mu.Lock()
	delete(w.drafts, id)
	w.mu.Unlock()
	w.later(func(ctx context.Context) { _ = w.model.SetDraft(ctx, id, "") }) // a stale draft is a nuisance, not a loss
}

func (w *writer) keepDrafts(ctx context.Context) {
	w.mu.Lock()
	list := w.drafts
	w.drafts = map[inbox.ConversationID]string{}
	w.mu.Unlock()
	for id, text := range list {
		if err := w.model.SetDraft(ctx, id, text); err == nil && w.kept != nil {
			w.kept()
		}
	}
}

// flush makes everything durable that waits. It is for the end, and works after ctx ended too.
func (w *writer) flush() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 2*time.Second)
	defer cancel()
	w.work(ctx)
	w.keepDrafts(ctx)
}
