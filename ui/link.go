package ui

import (
	"context"
	"sync/atomic"
	"time"

	"sealdesk/app/inbox"
)

// linkWorker reads how the device and the server stand. Some of it only shows after a while, so it looks again then.
type linkWorker struct {
	relay   Relay
	post    Post
	again   poke
	show    func(Link)
	pending atomic.Bool
}

func (w *linkWorker) run(ctx context.Context, after func(time.Duration) <-chan time.Time) {
	loop(ctx, after, func() {
		if w.pending.Load() {
			w.again.set()
			return
		}
		l := w.relay.Link()
		w.pending.Store(true)
		w.post(func() {
			w.pending.Store(false)
			w.show(l)
		})
		if l.State == LinkConnecting {
			late := after(patience + atMost)
			go func() {
				select {
				case <-late:
					w.again.set()
				case <-ctx.Done():
				}
			}()
		}
	}, w.relay.Watch(ctx), w.again)
}

// minutes keeps what depends on the time of day true: reply windows, "today".
func (d *desk) minutes() {
	for {
		select {
		case <-d.u.cfg.After(time.Minute):
			d.u.cfg.Post(func() {
				if d.ended() {
					return
				}
				d.applyRows()
				d.listing.list.Refresh()
				d.refreshPages() // what had its time goes
				d.remind()
			})
		case <-d.ctx.Done():
			return
		}
	}
}

// called is what a colleague is called where "You" would be odd.
func (s staff) called(id inbox.PersonID) string {
	if id == s.me.ID && s.me.Name != "" {
		return s.me.Name
	}
	return s.name(id)
}
