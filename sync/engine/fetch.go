package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

const (
	stallIn       = 45 * time.Second // a transfer that moves nothing for so long is taken for lost
	fetchPatience = time.Minute      // how long a fetch that has begun waits for the connection to come back
	fetchTries    = 6                // in a row without a byte
)

// errStalled is why a transfer was given up.
var errStalled = errors.New("the transfer does not move")

// newClient returns a client for files: connections of their own, so that a large file never stands before an intent.
func (e *Engine) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: e.cfg.Dial, TLSClientConfig: pinned(e.cfg.Pin), TLSHandshakeTimeout: wire.HandshakeTimeout,
			DisableCompression: true, // what is fetched is compressed already, and lengths must be true
			MaxIdleConns:       4, IdleConnTimeout: 30 * time.Second, ExpectContinueTimeout: 2 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the pin is for this relay only
		},
	}
}

// ticketURL returns where a ticket is used; ErrAnswer if it leads anywhere but to the relay's media.
func (e *Engine) ticketURL(p string) (string, error) {
	u, err := url.Parse(p)
	if err != nil || u.Path != p || !strings.HasPrefix(p, wire.MediaPath) || len(p) == len(wire.MediaPath) || path.Clean(p) != p {
		return "", fmt.Errorf("using a ticket: %w", ErrAnswer)
	}
	return "https://" + e.cfg.Relay + p, nil
}

// send makes one request. Errors name no address: the path of a ticket is a key.
func (e *Engine) send(req *http.Request) (*http.Response, error) {
	resp, err := e.files.Do(req)
	var with *url.Error
	if errors.As(err, &with) {
		err = with.Err
	}
	if err != nil {
		if cause := context.Cause(req.Context()); errors.Is(cause, errStalled) {
			err = cause
		}
		return nil, unreachable(err)
	}
	return resp, nil
}

// watched returns a context that ends when still was not called for stallIn.
func watched(ctx context.Context) (_ context.Context, still func(), stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stallIn, func() { cancel(errStalled) })
	return ctx, func() { timer.Reset(stallIn) }, func() { timer.Stop(); cancel(nil) }
}

// FetchMedia fetches a file of a message and writes it to w from its start, each byte once. progress, if not nil, is told
// after each piece how many bytes are done; it must not block. A fetch that has begun survives lost connections: it goes
// on where it was, with another ticket, for a minute without a byte. When it returns nil, w has the whole file. Errors:
// an [inbox.Refusal] when the relay says no, [ErrOffline], [ErrUnreachable], [ErrAnswer] when what came is not the file
// announced, ctx's, or w's. Nothing is kept on this device.
func (e *Engine) FetchMedia(ctx context.Context, conv inbox.ConversationID, msg inbox.MessageID, media inbox.MediaID, w io.Writer, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	f := fetch{e: e, q: inbox.FetchMedia{Conversation: conv, Message: msg, Media: media}, w: w, progress: progress, total: -1}
	for tries := 0; ; tries++ {
		before := f.done
		again, err := f.once(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("fetching a file: %w", ctx.Err())
		case f.done > before:
			tries = 0
		}
		if !again || tries == fetchTries {
			return fmt.Errorf("fetching a file: %w", err)
		}
		if err = e.rest(ctx, tries); err == nil {
			err = e.awaitOnline(ctx, fetchPatience)
		}
		if err != nil {
			return fmt.Errorf("fetching a file: %w", err)
		}
	}
}

// rest waits as long as one does after a number of tries in vain.
func (e *Engine) rest(ctx context.Context, tries int) error {
	timer := time.NewTimer(e.pause(tries))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errStale means that a ticket is used up or too old.
var errStale = fmt.Errorf("the ticket is not good any more: %w", ErrAnswer)

// A fetch is one file on its way here.
type fetch struct {
	e        *Engine
	q        inbox.FetchMedia
	w        io.Writer
	progress func(done, total int64)
	done     int64
	total    int64 // -1: no ticket yet
}

// once uses one ticket. It says whether another may help.
func (f *fetch) once(ctx context.Context) (again bool, err error) {
	a, err := f.e.Ask(ctx, f.q)
	if err != nil {
		return f.total >= 0 && errors.Is(err, ErrOffline), err
	}
	ticket, ok := a.(inbox.Ticket)
	if !ok || ticket.Size < 0 || f.total >= 0 && ticket.Size != f.total {
		return false, ErrAnswer
	}
	f.total = ticket.Size
	f.progress(f.done, f.total)
	if f.done == f.total {
		return false, nil
	}
	address, err := f.e.ticketURL(ticket.Path)
	if err != nil {
		return false, err
	}
	ctx, still, stop := watched(ctx)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, ErrAnswer
	}
	if f.done > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(f.done, 10)+"-")
	}
	resp, err := f.e.send(req)
	if err != nil {
		return !errors.Is(err, ErrWrongRelay), err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusNotFound, http.StatusGone:
		return true, errStale
	default:
		return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("status %d: %w", resp.StatusCode, ErrAnswer)
	}
	from := int64(0) // a server may leave the range aside and tell all (RFC 9110 section 14.2)
	if resp.StatusCode == http.StatusPartialContent {
		if from = f.done; resp.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", f.done, f.total-1, f.total) {
			return false, ErrAnswer
		}
	}
	return f.take(resp.Body, f.done-from, still)
}

// take copies the rest of the file after passing over what is here already.
func (f *fetch) take(body io.Reader, skip int64, still func()) (again bool, err error) {
	piece := make([]byte, 32<<10)
	for {
		n, err := body.Read(piece)
		got := piece[:n]
		if n > 0 {
			still()
		}
		over := min(skip, int64(n))
		skip -= over
		if got = got[over:]; int64(len(got)) > f.total-f.done {
			return false, ErrAnswer
		}
		if len(got) > 0 {
			written, err := f.w.Write(got)
			f.done += int64(written)
			if err == nil && written < len(got) {
				err = io.ErrShortWrite
			}
			if err != nil {
				return false, err
			}
			f.progress(f.done, f.total)
		}
		switch {
		case err == nil:
		case f.done == f.total && errors.Is(err, io.EOF):
			return false, nil
		default:
			return true, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
	}
}
