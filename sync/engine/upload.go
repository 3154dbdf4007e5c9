package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

const (
	uploadsAtOnce = 4                      // each of another conversation
	fileTries     = 3                      // to read a file before it is given up
	progressEvery = 100 * time.Millisecond // between two pokes for progress
	maxReplyBody  = 64 << 10
)

// An Upload is a file on its way to the relay.
type Upload struct {
	Intent inbox.IntentID // what sends it afterwards
	Done   int64          // bytes the relay has, or that are on their way to it
	Total  int64
}

// Uploads returns the files on their way to the relay, by intent. Watch pokes when they have come further, ten times a
// second at most.
func (e *Engine) Uploads() []Upload {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Upload, 0, len(e.uploads))
	for _, u := range e.uploads {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Upload) int { return cmp.Compare(a.Intent, b.Intent) })
	return out
}

func (e *Engine) showUpload(u Upload) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, known := e.uploads[u.Intent]
	e.uploads[u.Intent] = u
	if now := time.Now(); !known || now.Sub(e.showed) >= progressEvery {
		e.showed = now
		e.poke()
	}
}

func (e *Engine) hideUpload(id inbox.IntentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.uploads, id)
	e.poke()
}

// overtakes says whether a wish may be sent before an earlier message of its conversation whose file is still being
// handed over: it puts nothing into the timeline that would then stand before that message.
func overtakes(b inbox.IntentBody) bool {
	switch b.(type) {
	case inbox.MarkRead, inbox.Assign, inbox.SetState, inbox.AddReaction, inbox.RecordConsent, inbox.Withdraw, inbox.DecideHeld:
		return true
	}
	return false
}

// startUpload begins to hand a file over, unless that is under way or enough others are. It needs s.mu.
func (s *session) startUpload(ctx context.Context, i inbox.Intent, offer inbox.OfferMedia) {
	if s.uploads[i.ID] != nil || len(s.uploads) == uploadsAtOnce {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	s.uploads[i.ID] = cancel
	s.uploading.Go(func() {
		err := s.upload(ctx, i, offer)
		cancelled := ctx.Err() != nil
		cancel()
		s.e.hideUpload(i.ID)
		s.mu.Lock()
		delete(s.uploads, i.ID)
		s.mu.Unlock()
		if err != nil && !cancelled {
			select {
			case s.failed <- err:
			default:
			}
		}
		s.lookAgain()
	})
}

// upload hands a file over, however many tickets that takes, and tells the cache what became of it. Any error is the
// cache's.
func (s *session) upload(ctx context.Context, i inbox.Intent, offer inbox.OfferMedia) error {
	if len(offer.Digest) == 0 {
		return s.refuse(ctx, i, inbox.RefusedMedia)
	}
	u := transfer{s: s, intent: i, offer: offer}
	s.e.showUpload(Upload{Intent: i.ID, Total: offer.Size})
	for tries, unread, reached := 0, 0, int64(-1); ; tries++ {
		r, at, err := u.once(ctx)
		var refusal inbox.Refusal
		var file *fileError
		switch {
		case err == nil && r.Media != nil:
			if err := s.cache.Offered(ctx, i.ID, r.Media.ID); err != nil {
				return &cacheError{err}
			}
			return nil
		case err == nil && r.Refusal != inbox.Granted:
			return s.refuse(ctx, i, r.Refusal)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refusal):
			return s.refuse(ctx, i, refusal)
		case errors.As(err, &file):
			if unread++; unread == fileTries {
				s.e.cfg.Log.Warn("a file to send cannot be read", "intent", string(i.ID))
				return s.refuse(ctx, i, inbox.RefusedMedia)
			}
		}
		if at > reached {
			tries, reached = 0, at
		}
		s.e.cfg.Log.Info("a file was not handed over yet", "intent", string(i.ID), "offset", at, "size", offer.Size, "error", err)
		if err := s.e.rest(ctx, tries); err != nil {
			return err
		}
	}
}

// refuse settles an intent whose file the relay will never have.
func (s *session) refuse(ctx context.Context, i inbox.Intent, why inbox.Refusal) error {
	if err := s.cache.Settle(ctx, inbox.Outcome{Intent: i.ID, Refusal: why}); err != nil {
		return &cacheError{err}
	}
	return nil
}

// A transfer is one file on its way to the relay.
type transfer struct {
	s      *session
	intent inbox.Intent
	offer  inbox.OfferMedia
}

// once uses one ticket, from the place the relay names. at is that place.
func (u *transfer) once(ctx context.Context) (reply wire.UploadReply, at int64, err error) {
	a, err := u.s.ask(ctx, u.offer)
	if err != nil {
		return reply, -1, err
	}
	ticket, ok := a.(inbox.UploadTicket)
	if !ok || ticket.Media == "" || ticket.Offset < 0 || ticket.Offset > u.offer.Size {
		return reply, -1, ErrAnswer
	}
	at = ticket.Offset
	if at == u.offer.Size {
		return wire.UploadReply{Media: &inbox.Media{ID: ticket.Media}}, at, nil
	}
	address, err := u.s.e.ticketURL(ticket.Path)
	if err != nil {
		return reply, at, err
	}
	file, err := u.s.cache.OpenOffer(u.intent)
	if err != nil {
		return reply, at, &fileError{err}
	}
	ctx, still, stop := watched(ctx)
	defer stop()
	body := &body{file: file, left: u.offer.Size - at, moved: func(left int64) {
		still()
		u.s.e.showUpload(Upload{Intent: u.intent.ID, Done: u.offer.Size - left, Total: u.offer.Size})
	}}
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		body.Close()
		return reply, at, &fileError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, body)
	if err != nil {
		body.Close()
		return reply, at, ErrAnswer
	}
	req.ContentLength = u.offer.Size - at
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, u.offer.Size-1, u.offer.Size))
	req.Header.Set("Expect", "100-continue") // a ticket that is not good any more is told before the file is sent
	resp, err := u.s.e.send(req)
	if broken := body.broken(); broken != nil {
		err = &fileError{broken}
	}
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return reply, at, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBody))
	if err != nil {
		return reply, at, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	reply, err = wire.DecodeUploadReply(b)
	switch {
	case err == nil && reply.Refusal != inbox.Granted:
		return wire.UploadReply{Refusal: reply.Refusal}, at, nil
	case resp.StatusCode == http.StatusNotFound:
		return wire.UploadReply{}, at, errStale
	case err != nil, resp.StatusCode/100 != 2, reply.Media != nil && reply.Media.ID == "":
		return wire.UploadReply{}, at, fmt.Errorf("status %d: %w", resp.StatusCode, ErrAnswer)
	}
	return reply, at, nil
}

// A fileError is a file of the cache's that cannot be read.
type fileError struct{ err error }

func (e *fileError) Error() string { return "reading a file to send: " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// body is a file as a request sends it. The transport may close it while it reads.
type body struct {
	moved func(left int64)

	mu     sync.Mutex
	file   io.ReadSeekCloser
	left   int64
	closed bool
	err    error
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return 0, io.ErrClosedPipe
	case b.left == 0:
		return 0, io.EOF
	}
	n, err := b.file.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if errors.Is(err, io.EOF) && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	if n > 0 {
		b.moved(b.left)
	}
	return n, err
}

func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.file.Close()
}

// broken returns what kept the file from being read.
func (b *body) broken() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
