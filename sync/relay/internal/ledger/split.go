package ledger

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
)

// Split returns a DB whose shards with the prefix live in aside and all others in main. A file has one commit at a time:
// shards that must never wait for the rest get a file, and so commits, of their own. Closing it closes both.
func Split(main, aside DB, prefix string) DB { return split{main, aside, prefix} }

type split struct {
	main, aside DB
	prefix      string
}

func (s split) of(shard string) DB {
	if strings.HasPrefix(shard, s.prefix) {
		return s.aside
	}
	return s.main
}

// View implements [DB].
func (s split) View(ctx context.Context, shard string, f func(Tx) error) error {
	return s.of(shard).View(ctx, shard, f)
}

// Update implements [DB].
func (s split) Update(ctx context.Context, shard string, f func(Tx) error) error {
	return s.of(shard).Update(ctx, shard, f)
}

// Shards implements [DB].
func (s split) Shards(ctx context.Context) ([]string, error) {
	a, err := s.main.Shards(ctx)
	if err != nil {
		return nil, err
	}
	b, err := s.aside.Shards(ctx)
	if err != nil {
		return nil, err
	}
	all := append(a, b...)
	slices.Sort(all)
	return all, nil
}

// Watch implements [DB].
func (s split) Watch(ctx context.Context) <-chan string {
	out := make(chan string)
	var both sync.WaitGroup
	for _, in := range []<-chan string{s.main.Watch(ctx), s.aside.Watch(ctx)} {
		both.Go(func() {
			for shard := range in {
				select {
				case out <- shard:
				case <-ctx.Done():
					return // the other side closes in by itself
				}
			}
		})
	}
	go func() {
		both.Wait()
		close(out)
	}()
	return out
}

// Close implements [DB].
func (s split) Close() error { return errors.Join(s.aside.Close(), s.main.Close()) }
