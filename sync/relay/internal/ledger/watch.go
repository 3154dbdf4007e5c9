package ledger

import (
	"context"
	"sync"
)

// watchers hand the names of changed shards to whoever watches. The zero value is ready.
type watchers struct {
	mu     sync.Mutex
	closed bool
	all    map[*watcher]struct{}
	done   sync.WaitGroup
}

// watcher keeps the names its reader has not fetched yet, each once, oldest first.
type watcher struct {
	mu    sync.Mutex
	names []string
	known map[string]bool
	wake  chan struct{} // holds one token while names is not empty
	end   context.CancelFunc
}

func (ws *watchers) add(ctx context.Context) <-chan string {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{known: make(map[string]bool), wake: make(chan struct{}, 1), end: cancel}
	out := make(chan string)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		cancel()
		close(out)
		return out
	}
	if ws.all == nil {
		ws.all = make(map[*watcher]struct{})
	}
	ws.all[w] = struct{}{}
	ws.done.Go(func() {
		defer close(out)
		w.serve(ctx, out)
		ws.mu.Lock()
		delete(ws.all, w)
		ws.mu.Unlock()
		cancel()
	})
	return out
}

func (ws *watchers) poke(shard string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		w.poke(shard)
	}
}

func (ws *watchers) close() {
	ws.mu.Lock()
	ws.closed = true
	for w := range ws.all {
		w.end()
	}
	ws.mu.Unlock()
	ws.done.Wait()
}

func (w *watcher) poke(shard string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known[shard] {
		return
	}
	w.known[shard] = true
	w.names = append(w.names, shard)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take removes the oldest name. From here on a change is news again, so a change during the delivery is not lost.
func (w *watcher) take() (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.names) == 0 {
		return "", false
	}
	name := w.names[0]
	w.names = w.names[1:]
	delete(w.known, name)
	return name, true
}

func (w *watcher) serve(ctx context.Context, out chan<- string) {
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
		for {
			name, ok := w.take()
			if !ok {
				break
			}
			select {
			case out <- name:
			case <-ctx.Done():
				return
			}
		}
	}
}
