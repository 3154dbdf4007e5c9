package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// errOffset is why a device must ask for another ticket: what it sends does not follow what is there.
var errOffset = errors.New("the file does not go on there")

// putMedia takes a file, or the rest of one. However the request ends, what came stays, and the device goes on from there.
func (r *Relay) putMedia(w http.ResponseWriter, q *http.Request) {
	k, ctx, done, ok := r.admit(w, q, true)
	if !ok {
		return
	}
	defer done()
	reply, err := r.handOver(ctx, w, q, k)
	status := http.StatusOK
	switch {
	case err == nil:
	case errors.Is(err, errOffset):
		status = http.StatusConflict
	case isFull(err):
		w.Header().Set("Retry-After", "60")
		status = http.StatusInsufficientStorage
		r.metrics.uploads.WithLabelValues("full").Inc()
		r.log.Error("no room for a file", "media", string(k.media), "error", err)
	case errors.Is(err, errCut), errors.Is(err, errNotYet):
		status = http.StatusServiceUnavailable
		r.metrics.uploads.WithLabelValues("cut").Inc()
	default:
		status = http.StatusServiceUnavailable
		r.metrics.uploads.WithLabelValues("failed").Inc()
		if ctx.Err() == nil {
			r.log.Error("file cannot be taken now", "media", string(k.media), "error", err)
		}
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(transferStall))
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(status)
	w.Write(wire.EncodeUploadReply(reply))
}

// handOver appends a request's bytes to the upload its ticket is for, and finishes it once it is whole.
func (r *Relay) handOver(ctx context.Context, w http.ResponseWriter, q *http.Request, k ticket) (reply wire.UploadReply, err error) {
	var from, to, size int64
	if n, err := fmt.Sscanf(q.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); n != 3 || err != nil ||
		from != k.offset || size != k.size || to < from || to >= size || q.ContentLength >= 0 && q.ContentLength != to-from+1 {
		return wire.UploadReply{Offset: k.offset}, errOffset
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	end, err := r.uploads.begin(ctx, k.media, stop)
	if err != nil {
		return reply, err
	}
	defer end()
	var row uploadRow
	var there bool
	err = r.db.View(ctx, eventlog.Shard(k.inbox.Log()), func(tx ledger.Tx) (err error) {
		row, there, err = uploadAt(tx, k.media)
		return err
	})
	switch {
	case err != nil:
		return reply, err
	case !there:
		return reply, errOffset
	case row.Media.State == inbox.MediaReady:
		return wire.UploadReply{Offset: row.Size, Media: &row.Media}, nil
	}
	// What came is written down even if the request, or the relay, is at its end.
	p, err := r.openPart(context.WithoutCancel(ctx), row)
	if err != nil {
		return reply, err
	}
	if reply.Offset = p.offset(); reply.Offset != from {
		return reply, errors.Join(errOffset, p.close())
	}
	err = receiveInto(ctx, p, w, q.Body, to-from+1)
	r.uploads.settle(k.media)
	err = errors.Join(err, p.close())
	reply.Offset = p.offset()
	if err != nil || reply.Offset < row.Size {
		return reply, err
	}
	// It is all here: what is left shall not depend on the connection any more.
	rest, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(r.tickets.life, cancel)()
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	return r.finish(rest, k.inbox, row)
}

// receiveInto copies so many bytes of a request, each piece in its time.
func receiveInto(ctx context.Context, p *part, w http.ResponseWriter, body io.Reader, left int64) error {
	rc := http.NewResponseController(w)
	defer context.AfterFunc(ctx, func() { rc.SetReadDeadline(time.Unix(1, 0)) })()
	piece := make([]byte, transferPiece)
	for left > 0 {
		rc.SetReadDeadline(time.Now().Add(transferStall))
		if ctx.Err() != nil {
			return errCut
		}
		n, err := io.ReadFull(body, piece[:min(left, transferPiece)])
		left -= int64(n)
		if _, err := p.Write(piece[:n]); err != nil {
			return err
		}
		if err != nil {
			return errCut
		}
	}
	return nil
}

// uploading knows which uploads are being worked on: one at a time may touch a file.
type uploading struct {
	mu   sync.Mutex
	busy map[inbox.MediaID]*handover
}

type handover struct {
	stop func() // nil: it must be waited for
	done chan struct{}
}

// begin waits for its turn with an upload. Who comes later on another connection stops the one before, if that gave a
// stop: its connection is likely dead. end must be called.
func (u *uploading) begin(ctx context.Context, id inbox.MediaID, stop func()) (end func(), err error) {
	me := &handover{stop: stop, done: make(chan struct{})}
	for {
		u.mu.Lock()
		other := u.busy[id]
		if other == nil {
			u.busy[id] = me
			u.mu.Unlock()
			return func() {
				u.mu.Lock()
				delete(u.busy, id)
				u.mu.Unlock()
				close(me.done)
			}, nil
		}
		if other.stop != nil {
			other.stop()
		}
		u.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// settle makes the rest of a handover's work unstoppable.
func (u *uploading) settle(id inbox.MediaID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if me := u.busy[id]; me != nil {
		me.stop = nil
	}
}

func (u *uploading) isBusy(id inbox.MediaID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.busy[id] != nil
}
