package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

func TestAFileArrivesWholeHoweverOftenTheConnectionBreaks(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, m := newDesk(t, seed), newMemory()
				file := d.bytes([]int{0, 1, 40_000, 300_000, d.random.IntN(500_000)}[seed%5])
				d.files["f"], d.cuts = file, d.random.IntN(6)
				e := d.engine(m)
				running(t, e)
				wait(time.Second)
				var got bytes.Buffer
				last := int64(0)
				err := e.FetchMedia(t.Context(), "c", "m", "f", &got, func(done, total int64) {
					if done < last || total != int64(len(file)) || done > total {
						t.Errorf("progress from %d to %d of %d", last, done, total)
					}
					if last == 0 && done > 0 && seed%2 == 1 { // once it has begun, the socket may go as well
						d.mu.Lock()
						d.drops = 1
						d.mu.Unlock()
					}
					last = done
				})
				if err != nil || !bytes.Equal(got.Bytes(), file) || last != int64(len(file)) {
					t.Errorf("%v after %d of %d bytes", err, got.Len(), len(file))
				}
			})
		})
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestAFetchThatCannotBeEndsWithItsReason(t *testing.T) {
	file := bytes.Repeat([]byte("x"), 1000)
	for name, tt := range map[string]struct {
		set  func(d *desk)
		into io.Writer
		want error
	}{
		"not for this person": {func(d *desk) { delete(d.files, "f") }, io.Discard, inbox.RefusedUnknown},
		"nowhere to put it":   {func(*desk) {}, fullDisk{}, errFull},
		"shorter than said":   {says(inbox.Ticket{Size: 999}), io.Discard, ErrAnswer},
		"longer than said":    {says(inbox.Ticket{Size: 1001}), io.Discard, ErrAnswer},
		"no size":             {says(inbox.Ticket{Size: -1}), io.Discard, ErrAnswer},
		"another answer":      {func(d *desk) { d.answer = func(inbox.Question) inbox.Answer { return inbox.Done{} } }, io.Discard, ErrAnswer},
		"elsewhere":           {says(inbox.Ticket{Size: 1000, Path: "//evil.example" + wire.MediaPath + "x"}), io.Discard, ErrAnswer},
		"out of the folder":   {says(inbox.Ticket{Size: 1000, Path: wire.MediaPath + "../sync"}), io.Discard, ErrAnswer},
		"with a query":        {says(inbox.Ticket{Size: 1000, Path: wire.MediaPath + "x?y"}), io.Discard, ErrAnswer},
		"never a good ticket": {says(inbox.Ticket{Size: 1000, Path: wire.MediaPath + "used"}), io.Discard, errStale},
		"always cut":          {func(d *desk) { d.files["f"] = file[:1]; d.cuts = 1 << 30; d.random = rand.New(zeros{}) }, io.Discard, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, m := newDesk(t, 1), newMemory()
				d.files["f"] = file
				tt.set(d)
				e := d.engine(m)
				running(t, e)
				wait(time.Second)
				err := e.FetchMedia(t.Context(), "c", "m", "f", tt.into, nil)
				if !errors.Is(err, tt.want) || strings.Contains(err.Error(), wire.MediaPath) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// zeros is a source of nothing but zeros.
type zeros struct{}

func (zeros) Uint64() uint64 { return 0 }

// says makes the relay answer with a ticket that is true but for what the ticket given says.
func says(t inbox.Ticket) func(d *desk) {
	return func(d *desk) {
		d.answer = func(q inbox.Question) inbox.Answer {
			a, _ := d.grant(q)
			right := a.(inbox.Ticket)
			right.Size = t.Size
			if t.Path != "" {
				right.Path = t.Path
			}
			return right
		}
	}
}

func TestAFetchWhileOfflineSaysSoAtOnceAndACancelledOneEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		e := d.engine(m)
		if err := e.FetchMedia(t.Context(), "c", "m", "f", io.Discard, nil); !errors.Is(err, ErrOffline) {
			t.Errorf("got %v", err)
		}
		running(t, e)
		wait(time.Second)
		d.files["f"], d.retry = []byte("x"), 1<<30
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := e.FetchMedia(ctx, "c", "m", "f", io.Discard, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAMessageFollowsItsFileHoweverOftenTheConnectionBreaks(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, m := newDesk(t, seed), newMemory()
				d.cuts, d.drops, d.retry = d.random.IntN(8), d.random.IntN(3), d.random.IntN(3)
				one, two := d.bytes(1+d.random.IntN(400_000)), d.bytes(100)
				m.submit(intent("a1", "a"), sendFile("a2", "a", m.attach("one", one)), intent("a3", "a"), sendFile("a4", "a", m.attach("two", two)), intent("a5", "a"),
					intent("b1", "b"))
				e := d.engine(m)
				running(t, e)
				wait(10 * time.Minute)
				if got := d.order("a"); !slices.Equal(slices.Compact(got), []string{"a1", "a2", "a3", "a4", "a5"}) {
					t.Errorf("sent %v", got)
				}
				m.mu.Lock()
				defer m.mu.Unlock()
				if len(m.pending) != 0 || len(m.outcomes) != 6 || len(m.offered) != 2 || len(e.Uploads()) != 0 {
					t.Errorf("%d pending, %d outcomes, %d offered, %d on their way", len(m.pending), len(m.outcomes), len(m.offered), len(e.Uploads()))
				}
				for _, file := range [][]byte{one, two} {
					if sum := sha256.Sum256(file); !bytes.Equal(d.parts[sum], file) {
						t.Errorf("the relay has %d bytes of %d", len(d.parts[sum]), len(file))
					}
				}
			})
		})
	}
}

func TestALargeFileHoldsUpNothingButTheMessagesBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		d.slow, d.room = 20*time.Millisecond, 8
		file := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB: more than 5 s
		m.submit(sendFile("a1", "a", m.attach("f", file)), intent("a2", "a"), intent("b1", "b"),
			inbox.Intent{ID: "a3", Body: inbox.MarkRead{Conversation: "a", UpTo: 3}}, inbox.Intent{ID: "a4", Body: inbox.Assign{Conversation: "a", To: "you"}})
		e := d.engine(m)
		pokes := e.Watch(t.Context())
		running(t, e)
		wait(time.Second)
		if got := d.order(""); !slices.Equal(got, []string{"b1", "a3", "a4"}) {
			t.Errorf("after a second: %v", got)
		}
		if _, err := e.Ask(t.Context(), inbox.Typing{Conversation: "a"}); err != nil {
			t.Errorf("a question: %v", err)
		}
		u := e.Uploads()
		if len(u) != 1 || u[0].Intent != "a1" || u[0].Total != int64(len(file)) || u[0].Done == 0 || u[0].Done == u[0].Total {
			t.Errorf("uploads %v", u)
		}
		told := 0
		for last := int64(-1); len(e.Uploads()) > 0; {
			select {
			case <-pokes:
				told++
			case <-time.After(time.Minute):
				t.Fatal("no poke")
			}
			if u := e.Uploads(); len(u) == 1 && u[0].Done < last {
				t.Errorf("back from %d to %d", last, u[0].Done)
			} else if len(u) == 1 {
				last = u[0].Done
			}
		}
		wait(time.Second)
		if got := d.order("a"); !slices.Equal(got, []string{"a3", "a4", "a1", "a2"}) || told < 20 || told > 100 {
			t.Errorf("in the end: %v, poked %d times", got, told)
		}
	})
}

func TestAFewFilesAtOnceAndOneInAConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		d.slow = 300 * time.Millisecond
		for i := range 3 {
			for conv := range 7 {
				id := fmt.Sprint("f", conv, i)
				m.submit(sendFile(id, fmt.Sprint("c", conv), m.attach(id, d.bytes(100_000))))
			}
		}
		e := d.engine(m)
		running(t, e)
		wait(time.Second)
		if n := len(e.Uploads()); n != uploadsAtOnce {
			t.Errorf("%d at once", n)
		}
		wait(40 * time.Second)
		if len(d.order("")) != 21 || d.most != uploadsAtOnce {
			t.Errorf("%d sent, %d files at once", len(d.order("")), d.most)
		}
		for conv := range 7 {
			if got := d.order(fmt.Sprint("c", conv)); !slices.IsSorted(got) {
				t.Errorf("sent %v", got)
			}
		}
	})
}

func TestAFileThatIsRefusedSettlesItsMessageWithTheReason(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(d *desk, m *memory)
		want inbox.Refusal
	}{
		"after it was seen":  {func(d *desk, _ *memory) { d.judge = func(inbox.OfferMedia) inbox.Refusal { return inbox.RefusedMedia } }, inbox.RefusedMedia},
		"too large":          {func(d *desk, _ *memory) { d.judge = func(inbox.OfferMedia) inbox.Refusal { return inbox.RefusedLarge } }, inbox.RefusedLarge},
		"lost here":          {func(_ *desk, m *memory) { m.attach("f", nil) }, inbox.RefusedMedia},
		"unreadable for now": {func(_ *desk, m *memory) { m.unread = fileTries - 1 }, inbox.Granted},
		"unreadable":         {func(_ *desk, m *memory) { m.unread = 1 << 30 }, inbox.RefusedMedia},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, m := newDesk(t, 1), newMemory()
				m.submit(sendFile("a1", "a", m.attach("f", []byte("file"))), intent("a2", "a"))
				tt.set(d, m)
				running(t, d.engine(m))
				wait(30 * time.Second)
				m.mu.Lock()
				defer m.mu.Unlock()
				if len(m.outcomes) != 2 || m.outcomes[0] != (inbox.Outcome{Intent: "a1", Refusal: tt.want}) || m.outcomes[1].Intent != "a2" || len(d.hellos) != 1 {
					t.Errorf("outcomes %v after %d hellos", m.outcomes, len(d.hellos))
				}
				if sent := slices.Contains(d.order(""), "a1"); sent != (tt.want == inbox.Granted) {
					t.Errorf("sent: %v", sent)
				}
			})
		})
	}
}

func TestADismissedMessageStopsItsUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		d.slow, d.room = time.Second, 8
		m.submit(sendFile("a1", "a", m.attach("f", make([]byte, 4<<20))), intent("a2", "a"))
		e := d.engine(m)
		running(t, e)
		wait(5 * time.Second)
		if len(e.Uploads()) != 1 {
			t.Fatal("no upload")
		}
		m.dismiss("a1")
		wait(5 * time.Second)
		if len(e.Uploads()) != 0 || !slices.Equal(d.order(""), []string{"a2"}) {
			t.Errorf("%d uploads, sent %v", len(e.Uploads()), d.order(""))
		}
		wait(time.Minute) // until the relay has noticed
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(m.offered) != 0 || d.puts != 1 || d.aborted != 1 {
			t.Errorf("%d offered, %d requests, %d broken off", len(m.offered), d.puts, d.aborted)
		}
	})
}

func TestACacheThatTakesNoNameEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDesk(t, 1), newMemory()
		m.fail = errFull
		m.submit(sendFile("a1", "a", m.attach("f", []byte("file"))))
		e := d.engine(m)
		running(t, e)
		wait(500 * time.Millisecond)
		if l := e.Link(); l.Reason != CacheTrouble || !errors.Is(l.Err, errFull) {
			t.Errorf("%+v", l)
		}
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		wait(time.Minute)
		if got := d.order(""); !slices.Equal(got, []string{"a1"}) || d.puts != 1 {
			t.Errorf("sent %v after %d requests", got, d.puts)
		}
	})
}

func TestFilesTravelOverRealSockets(t *testing.T) {
	d := deskOf(makeRelay(t), 7)
	server := httptest.NewUnstartedServer(d.server.Handler)
	server.TLS, server.Config.ErrorLog = d.server.TLSConfig, d.server.ErrorLog
	server.StartTLS()
	defer server.Close()
	m := newMemory()
	e := d.engine(m, func(c *Config) {
		c.Relay, c.Dial, c.Rand = server.Listener.Addr().String(), nil, func(int64) int64 { return 0 }
	})
	end := running(t, e)
	defer end()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(e.awaitOnline(ctx, time.Minute))
	settled := func(n int) {
		t.Helper()
		for {
			m.mu.Lock()
			got := len(m.outcomes)
			m.mu.Unlock()
			if got == n {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("%d outcomes", got)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	large := d.bytes(8 << 20)
	d.early, d.judge = true, func(inbox.OfferMedia) inbox.Refusal { return inbox.RefusedLarge }
	m.submit(sendFile("i1", "a", m.attach("one", large)))
	settled(1)
	d.mu.Lock()
	d.early, d.judge, d.cuts = false, nil, 3
	d.mu.Unlock()
	m.submit(sendFile("i2", "a", m.attach("two", large)))
	settled(2)
	d.mu.Lock()
	d.files["f"], d.cuts = large, 3
	d.mu.Unlock()
	var got bytes.Buffer
	try(e.FetchMedia(ctx, "c", "m", "f", &got, nil))
	if !bytes.Equal(got.Bytes(), large) || !bytes.Equal(d.parts[sha256.Sum256(large)], large) {
		t.Error("a file is not what it was")
	}
	if want := []inbox.Outcome{{Intent: "i1", Refusal: inbox.RefusedLarge}, {Intent: "i2"}}; !slices.Equal(m.outcomes, want) || !slices.Equal(d.order(""), []string{"i2"}) {
		t.Errorf("outcomes %v", m.outcomes)
	}
}
