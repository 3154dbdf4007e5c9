package store

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

const childVar = "SEALDESK_STORE_TEST_CHILD"

// children are what a test starts this program again for: what may die, or must.
var children = map[string]func(args []string) int{}

func TestMain(m *testing.M) {
	if run := children[os.Getenv(childVar)]; run != nil {
		os.Exit(run(os.Args[1:]))
	}
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		f.Value.Set("25") // each check syncs files dozens of times
	}
	os.Exit(m.Run())
}

const me = inbox.PersonID("me")

func config(t testing.TB) Config {
	return Config{Dir: filepath.Join(t.TempDir(), "s"), Key: NewCacheKey(), Reader: me}
}

func mustOpen(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const numberA = inbox.InboxID("a")

var start = inbox.At(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))

// opened, from and receipt make events of one place.
func opened(conv string) inbox.EventBody {
	return inbox.ConversationOpened{Conversation: inbox.ConversationID(conv), Inbox: numberA,
		Contact: inbox.Contact{ID: inbox.ContactID("contact-" + conv), Alias: "K7-" + conv}}
}

func from(side inbox.Side, conv, id, text string) inbox.EventBody {
	m := inbox.Message{ID: inbox.MessageID(id), Conversation: inbox.ConversationID(conv), At: start, Side: side,
		Kind: inbox.Text, Body: inbox.PlainText(text)}
	if side == inbox.FromPerson {
		m.Author, m.Receipt = me, inbox.Queued
	}
	return inbox.MessageAdded{Message: m}
}

// stretch makes a batch of bodies that follow a place.
func stretch(log inbox.LogID, after uint64, bodies ...inbox.EventBody) inbox.Batch {
	b := inbox.Batch{Log: log, Epoch: "e1", From: after, To: after + uint64(len(bodies))}
	for i, body := range bodies {
		seq := after + 1 + uint64(i)
		at := start.Add(time.Duration(seq) * time.Second)
		if m, ok := body.(inbox.MessageAdded); ok {
			m.Message.At = at
			body = m
		}
		b.Events = append(b.Events, inbox.Event{Seq: seq, At: at, Body: body})
	}
	return b
}

func texts(t testing.TB, s *Store, conv string) []string {
	t.Helper()
	p, err := s.Page(context.Background(), inbox.ConversationID(conv), PageCursor{}, 1000)
	try(t, err)
	var out []string
	for _, m := range p.Messages {
		out = append(out, fmt.Sprintf("%d:%s:%d", m.Seq, m.Body.Visible(), m.Receipt))
	}
	return out
}

func snapshotOfFile(t testing.TB, path string) []byte {
	b, err := os.ReadFile(path)
	try(t, err)
	return b
}

func writeFile(t testing.TB, path string, b []byte) { try(t, os.WriteFile(path, b, 0o600)) }
