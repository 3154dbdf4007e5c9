package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

// content is a file that can be made again from its name.
func content(name string, size int) []byte {
	sum := sha256.Sum256([]byte(name))
	b := make([]byte, size)
	rand.NewChaCha8(sum).Read(b)
	return b
}

func attach(t testing.TB, s *Store, conv, name, mime string, file []byte) Attachment {
	t.Helper()
	a, err := s.Attach(context.Background(), inbox.ConversationID(conv), name, mime, bytes.NewReader(file))
	try(t, err)
	return a
}

func fileIs(t testing.TB, s *Store, id inbox.MediaID, want []byte) {
	t.Helper()
	f, a, err := s.OpenAttachment(id)
	try(t, err)
	defer f.Close()
	got, err := io.ReadAll(f)
	try(t, err)
	sum := sha256.Sum256(want)
	if !bytes.Equal(got, want) || a.Size != int64(len(want)) || !bytes.Equal(a.Digest, sum[:]) {
		t.Errorf("the file has %d bytes, want %d", len(got), len(want))
	}
}

// filesLeft closes the store, so that what is being destroyed is gone, and counts the files of attachments.
func filesLeft(t testing.TB, s *Store, dir string) int {
	t.Helper()
	try(t, s.Close())
	paths, err := attachedFiles(dir)
	try(t, err)
	return len(paths)
}

func TestAnAttachmentReadsAsItWasWritten(t *testing.T) {
	s := mustOpen(t, config(t))
	for _, size := range []int{1, 63, 64, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize - 7} {
		want := content("f", size)
		a, err := s.Attach(context.Background(), "c", "plan.pdf", "application/pdf", iotest.OneByteReader(bytes.NewReader(want[:min(size, 5000)])))
		try(t, err)
		fileIs(t, s, a.ID, want[:min(size, 5000)])
		a = attach(t, s, "c", "plan.pdf", "application/pdf", want)
		fileIs(t, s, a.ID, want)
		f, _, err := s.OpenAttachment(a.ID)
		try(t, err)
		if err := iotest.TestReader(f, want); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		f.Close()
	}
}

func TestAnAttachedFileThatChangedIsLostAndNothingElse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := config(t)
		s := mustOpen(t, cfg)
		defer s.Close()
		want := content("f", rapid.IntRange(1, 3*pieceSize).Draw(rt, "size"))
		a, other := attach(t, s, "c", "a.pdf", "application/pdf", want), attach(t, s, "c", "b.pdf", "application/pdf", want)
		path := s.attachment(a.ID).path(cfg.Dir)
		b, err := os.ReadFile(path)
		try(t, err)
		switch rapid.IntRange(0, 3).Draw(rt, "harm") {
		case 0:
			b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= 1
		case 1:
			b = b[:rapid.IntRange(0, len(b)-1).Draw(rt, "to")]
		case 2:
			b, err = os.ReadFile(s.attachment(other.ID).path(cfg.Dir))
			try(t, err)
		case 3:
			b = nil
			try(t, os.Remove(path))
		}
		if b != nil {
			try(t, os.WriteFile(path, b, 0o600))
		}
		f, _, err := s.OpenAttachment(a.ID)
		if err == nil {
			_, err = io.Copy(io.Discard, f)
			f.Close()
		}
		if !errors.Is(err, ErrLost) {
			rt.Fatalf("got %v", err)
		}
		fileIs(t, s, other.ID, want)
		if !missing(cfg.Dir, damagedFile) {
			rt.Fatal("a lost file counts as a damaged store")
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestWhatCannotBeAttachedLeavesNothing(t *testing.T) {
	cfg := config(t)
	s := mustOpen(t, cfg)
	broken := errors.New("the stick was pulled out")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"empty":     {context.Background(), strings.NewReader(""), inbox.RefusedEmpty},
		"too large": {context.Background(), endless{}, inbox.RefusedLarge},
		"unread":    {context.Background(), io.MultiReader(bytes.NewReader(content("f", 200_000)), iotest.ErrReader(broken)), broken},
		"cancelled": {cancelled, endless{}, context.Canceled},
		"stuck":     {context.Background(), stuck{}, io.ErrNoProgress},
	} {
		if _, err := s.Attach(tt.ctx, "c", name, "text/plain", tt.r); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.Attachments("c")) != 0 || filesLeft(t, s, cfg.Dir) != 0 {
		t.Error("something is left")
	}
	if _, err := s.Attach(context.Background(), "c", "x", "text/plain", strings.NewReader("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestAClosingStoreDoesNotWaitForAnEndlessFile(t *testing.T) {
	cfg := config(t)
	s := mustOpen(t, cfg)
	in, out := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := s.Attach(context.Background(), "c", "x", "text/plain", in)
		done <- err
	}()
	out.Write([]byte("x"))
	go func() {
		for { // whoever writes goes on for as long as somebody reads
			if _, err := out.Write([]byte("y")); err != nil {
				return
			}
		}
	}()
	try(t, s.Close())
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	in.Close()
	if paths, _ := attachedFiles(cfg.Dir); len(paths) != 0 {
		t.Error("half a file is left")
	}
}

func TestAFileIsSentOnceAndGoesWithItsMessage(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		end  func(t *testing.T, s *Store)
		left int // files, once it is over
	}{
		"event then outcome": {func(t *testing.T, s *Store) {
			try(t, s.Apply(ctx, answer(1, "i1", from(inbox.FromPerson, "c", "m2", "see"))))
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1"}))
		}, 0},
		"outcome then event": {func(t *testing.T, s *Store) {
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1"}))
			if len(texts(t, s, "c")) != 1 {
				t.Error("gone between the outcome and the event")
			}
			try(t, s.Apply(ctx, answer(1, "i1", from(inbox.FromPerson, "c", "m2", "see"))))
		}, 0},
		"refused": {func(t *testing.T, s *Store) {
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: inbox.RefusedLarge}))
		}, 1},
		"refused and dismissed": {func(t *testing.T, s *Store) {
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: inbox.RefusedLarge}))
			try(t, s.Dismiss(ctx, "i1"))
		}, 0},
		"dismissed": {func(t *testing.T, s *Store) { try(t, s.Dismiss(ctx, "i1")) }, 0},
		"dismissed too late": {func(t *testing.T, s *Store) {
			try(t, s.Offered(ctx, "i1", "media"))
			try(t, s.Dismiss(ctx, "i1"))
		}, 1},
		"handed over after it was dismissed": {func(t *testing.T, s *Store) {
			try(t, s.Dismiss(ctx, "i1"))
			try(t, s.Offered(ctx, "i1", "media"))
			if len(pending(t, s)) != 0 {
				t.Error("it came back")
			}
		}, 0},
		"refused and sent again": {func(t *testing.T, s *Store) {
			try(t, s.Offered(ctx, "i1", "media"))
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: inbox.RefusedWindow}))
			try(t, s.Submit(ctx, wish("i2", inbox.SendAgain{Conversation: "c", Message: "i1"})))
			list, err := s.Pending(ctx)
			try(t, err)
			if offer, ok := s.Offer(list[0]); len(list) != 1 || list[0].ID != "i2" || !ok || offer.Size != 100_000 {
				t.Errorf("%d pending", len(list))
			}
		}, 1},
		"detached although it was sent": {func(t *testing.T, s *Store) {
			for id := range s.attached {
				try(t, s.Detach(ctx, id))
			}
		}, 1},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", name, restart), func(t *testing.T) {
				cfg := config(t)
				s := mustOpen(t, cfg)
				try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"))))
				try(t, s.SetDraft(ctx, "c", "see"))
				file := content("f", 100_000)
				a := attach(t, s, "c", `C:\Users\mia\holiday.JPG`, "image/jpeg", file)
				s = reopened(t, s, cfg)
				if l := s.Attachments("c"); len(l) != 1 || l[0].ID != a.ID || l[0].Name != "holiday.JPG" || l[0].Kind != inbox.Image {
					t.Fatalf("%d attachments", len(l))
				}
				try(t, s.Submit(ctx, wish("i1", inbox.SendMedia{Conversation: "c", Media: a.ID, Caption: "see"})))
				if err := s.Submit(ctx, wish("i9", inbox.SendMedia{Conversation: "c", Media: a.ID})); !errors.Is(err, inbox.RefusedMedia) {
					t.Errorf("sent twice: %v", err)
				}
				if restart {
					s = reopened(t, s, cfg)
				}
				p, err := s.Page(ctx, "c", PageCursor{}, 9)
				try(t, err)
				m := p.Messages[0]
				if len(p.Messages) != 1 || m.Kind != inbox.Image || m.Body.Visible() != "see" || m.Receipt != inbox.Queued || m.Media == nil ||
					m.Media.ID != a.ID || m.Media.Size != a.Size || m.Media.Name.Visible() != "holiday.JPG" {
					t.Errorf("shown as a %d", m.Kind)
				}
				if text, ok := s.Typed("i1"); !ok || text != "see" || s.Draft("c") != "" || len(s.Attachments("c")) != 0 {
					t.Error("the composer is not empty, or what was in it is lost")
				}
				fileIs(t, s, m.Media.ID, file)
				tt.end(t, s)
				if restart {
					s = reopened(t, s, cfg)
				}
				if got := len(s.attached); got != tt.left {
					t.Errorf("%d attachments are known", got)
				}
				if tt.left > 0 {
					fileIs(t, s, a.ID, file)
				}
				if got := filesLeft(t, s, cfg.Dir); got != tt.left {
					t.Errorf("%d files are left", got)
				}
			})
		}
	}
}

func TestAnIntentIsReadyOnceTheRelayHasItsFile(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	picture, song := attach(t, s, "c", "a.png", "image/png", []byte("picture")), attach(t, s, "c", "a.ogg", "audio/ogg", []byte("song"))
	try(t, s.SendAs(ctx, picture.ID, inbox.Document))
	try(t, s.SendAs(ctx, song.ID, inbox.Voice))
	if err := s.SendAs(ctx, song.ID, inbox.Image); !errors.Is(err, inbox.RefusedMalformed) {
		t.Errorf("a song as a picture: %v", err)
	}
	s = reopened(t, s, cfg)
	try(t, s.Submit(ctx, wish("i1", inbox.SendMedia{Conversation: "c", Media: picture.ID, Quote: "q"})))
	try(t, s.Submit(ctx, wish("i2", inbox.SendMedia{Conversation: "c", Media: song.ID})))
	try(t, s.Submit(ctx, send("i3", "c", "text")))
	before, err := s.Pending(ctx)
	try(t, err)
	for i, want := range []inbox.OfferMedia{{Conversation: "c", Name: "a.png", Type: "image/png", Size: 7, Digest: picture.Digest, Document: true},
		{Conversation: "c", Name: "a.ogg", Type: "audio/ogg", Size: 4, Digest: song.Digest, Voice: true}} {
		offer, ok := s.Offer(before[i])
		if d := gocmp.Diff(want, offer); !ok || d != "" {
			t.Error(d)
		}
		f, err := s.OpenOffer(before[i])
		try(t, err)
		f.Close()
	}
	if _, ok := s.Offer(before[2]); ok {
		t.Error("a text has a file")
	}
	if s.Offered(ctx, "i1", "") == nil || s.Offered(ctx, "i1", song.ID) == nil {
		t.Error("a name that is none was taken")
	}
	try(t, s.Offered(ctx, "i1", "media-1"))
	try(t, s.Offered(ctx, "i1", "media-2")) // the first name stays: the intent may be on its way
	try(t, s.Offered(ctx, "unknown", "media-1"))
	s = reopened(t, s, cfg)
	after, err := s.Pending(ctx)
	try(t, err)
	if after[0].ID != "i1" || after[0].Body != (inbox.SendMedia{Conversation: "c", Media: "media-1", Quote: "q"}) {
		t.Errorf("%T is not ready", after[0].Body)
	}
	if _, ok := s.Offer(after[0]); ok {
		t.Error("the file would be handed over again")
	}
	// Who still holds the older list is told the same as before.
	if _, ok := s.Offer(before[0]); !ok {
		t.Error("an intent with a name of this device would be sent")
	}
	try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: inbox.RefusedWindow}))
	try(t, s.Dismiss(ctx, "i1"))
	if offer, ok := s.Offer(before[0]); !ok || offer.Digest != nil {
		t.Error("a file that is gone is offered")
	}
}

func TestDetachedFilesAndThoseNobodyKnowsAreDestroyed(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	a, b := attach(t, s, "c", "a", "text/plain", []byte("a")), attach(t, s, "c", "b", "text/plain", []byte("b"))
	try(t, s.Detach(ctx, a.ID))
	try(t, s.Detach(ctx, a.ID))
	if l := s.Attachments("c"); len(l) != 1 || l[0].ID != b.ID {
		t.Errorf("%d attachments", len(l))
	}
	writeFile(t, filepath.Join(cfg.Dir, attachedFile+"half"), []byte("written when the program died"))
	s = reopened(t, s, cfg)
	fileIs(t, s, b.ID, []byte("b"))
	if n := filesLeft(t, s, cfg.Dir); n != 1 {
		t.Errorf("%d files", n)
	}
	s = mustOpen(t, cfg)
	try(t, s.Close())
	try(t, Quarantine(cfg.Dir))
	if n, _ := attachedFiles(cfg.Dir); len(n) != 0 {
		t.Error("a file outlived the store")
	}
}

func TestAttachmentsOutliveALostCacheAndADamagedOutbox(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "s")
	cfg := childConfig(dir)
	s := mustOpen(t, cfg)
	a := attach(t, s, "c", "a.pdf", "application/pdf", content("a", 1000))
	b := attach(t, s, "c", "b.pdf", "application/pdf", content("b", 1000))
	try(t, s.Submit(ctx, wish("i1", inbox.SendMedia{Conversation: "c", Media: a.ID})))
	try(t, s.Submit(ctx, send("i2", "c", "text")))
	name := rowName(s.post, inbox.IntentID("i2"))
	try(t, s.Close())
	path := filepath.Join(dir, outboxFile)
	file := snapshotOfFile(t, path)
	for at := bytes.Index(file, name); at >= 0; {
		file[at+len(name)+30] ^= 1
		next := bytes.Index(file[at+1:], name)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	writeFile(t, path, file)
	if _, err := Open(ctx, cfg); !errors.Is(err, ErrDamaged) {
		t.Fatalf("open: %v", err)
	}
	try(t, Repair(ctx, cfg))
	s = mustOpen(t, cfg)
	if got := pending(t, s); !slices.Equal(got, []string{"i1"}) {
		t.Errorf("pending %v", got)
	}
	fileIs(t, s, a.ID, content("a", 1000))
	fileIs(t, s, b.ID, content("b", 1000))
}

func init() {
	// "attach" attaches and sends files for ever, saying after each step what was acknowledged.
	children["attach"] = func(args []string) int {
		ctx := context.Background()
		s, err := Open(ctx, childConfig(args[0]))
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		at := uint64(0)
		for _, c := range s.Cursors() {
			at = c.Seq
		}
		for n := 0; ; n++ {
			name := fmt.Sprintf("%s-%d", args[1], n)
			a, err := s.Attach(ctx, "c", name, "application/pdf", bytes.NewReader(content(name, 1000+n*40_000)))
			if err != nil {
				fmt.Println("error", err)
				return 1
			}
			fmt.Println("attached", name, a.ID)
			if n%3 == 0 {
				continue
			}
			if err := s.Submit(ctx, wish(name, inbox.SendMedia{Conversation: "c", Media: a.ID, Caption: name})); err != nil {
				fmt.Println("error", err)
			}
			fmt.Println("sent", name, a.ID)
			if n%3 == 1 {
				continue
			}
			b := stretch(numberA.Log(), at, from(inbox.FromPerson, "c", "m-"+name, name))
			b.Events[0].Cause = inbox.IntentID(name)
			if err := errors.Join(s.Offered(ctx, inbox.IntentID(name), "media"), s.Apply(ctx, b)); err != nil {
				fmt.Println("error", err)
			}
			at = b.To
			fmt.Println("there", name, a.ID)
		}
	}
}

func TestKillingTheAppLosesAndDoublesNoAttachment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	state, ids := map[string]string{}, map[string]inbox.MediaID{}
	for round := range 12 {
		c := startChild(t, "attach", dir, strconv.Itoa(round))
		out, err := c.StdoutPipe()
		try(t, err)
		try(t, c.Start())
		lines := bufio.NewScanner(out)
		stopAt := rand.IntN(12)
		for n := 0; lines.Scan(); n++ {
			f := strings.Fields(lines.Text())
			if len(f) != 3 {
				t.Fatalf("the child says: %s", lines.Text())
			}
			state[f[1]], ids[f[1]] = f[0], inbox.MediaID(f[2])
			if n == stopAt {
				c.Process.Kill()
			}
		}
		c.Wait()

		s := mustOpen(t, childConfig(dir))
		p, err := s.Page(context.Background(), "c", PageCursor{}, 10_000)
		try(t, err)
		bubbles, waiting := map[string]int{}, map[inbox.MediaID]bool{}
		for _, m := range p.Messages {
			bubbles[m.Body.Visible()]++
		}
		for _, a := range s.Attachments("c") {
			waiting[a.ID] = true
		}
		for name, is := range state {
			// What was acknowledged is the least that is true: the next step may have been done and not said.
			id, index := ids[name], strings.LastIndex(name, "-")
			n, err := strconv.Atoi(name[index+1:])
			try(t, err)
			switch {
			case is == "attached" && waiting[id] && bubbles[name] == 0:
				fileIs(t, s, id, content(name, 1000+n*40_000))
			case is != "there" && !waiting[id] && bubbles[name] == 1 && s.attachment(id) != nil:
				fileIs(t, s, id, content(name, 1000+n*40_000))
			case is != "attached" && !waiting[id] && bubbles[name] == 1 && s.attachment(id) == nil && n%3 == 2:
			default:
				t.Fatalf("round %d: a file that was %s: waiting %v, %d bubbles", round, is, waiting[id], bubbles[name])
			}
		}
		known := len(s.attached)
		if n := filesLeft(t, s, dir); n != known {
			t.Fatalf("round %d: %d files for %d attachments", round, n, known)
		}
	}
	t.Logf("%d files over 12 kills", len(state))
}

// The files of testdata/format1 are of a store made by the first format's own program, with an intent refused, one granted,
// two pending, and a draft.
func TestAStoreOfTheFirstFormatKeepsItsOutboxAndFetchesItsCacheAnew(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "s")
	try(t, os.MkdirAll(dir, 0o700))
	for _, name := range []string{cacheFile, outboxFile} {
		f, err := os.Open(filepath.Join("testdata", "format1", name+".gz"))
		try(t, err)
		defer f.Close()
		z, err := gzip.NewReader(f)
		try(t, err)
		b, err := io.ReadAll(z)
		try(t, err)
		writeFile(t, filepath.Join(dir, name), b)
	}
	cfg := childConfig(dir)
	wrong := cfg
	wrong.Reader = "somebody else"
	if _, err := Open(ctx, wrong); !errors.Is(err, ErrOtherPerson) {
		t.Fatalf("another person: %v", err)
	}
	s := mustOpen(t, cfg)
	check := func() {
		t.Helper()
		if got := pending(t, s); !slices.Equal(got, []string{"i3", "i4"}) {
			t.Errorf("pending %v", got)
		}
		if why, ok := s.Refusal("i1"); !ok || why != inbox.RefusedWindow || s.Draft("c") != "half a" {
			t.Error("the refused message or the draft is lost")
		}
	}
	check()
	if d := gocmp.Diff([]string{"0:one:4", "0:two:1", "0:note:0"}, texts(t, s, "c")); d != "" {
		t.Error(d)
	}
	if len(s.Cursors()) != 0 || len(s.People()) != 0 || !missing(dir, oldCache) {
		t.Error("the old cache is still in use")
	}
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m1", "hi"))))
	try(t, s.Apply(ctx, answer(2, "i2", from(inbox.FromPerson, "c", "m2", "two"))))
	a := attach(t, s, "c", "a.pdf", "application/pdf", []byte("file"))
	for range 2 {
		s = reopened(t, s, cfg)
		check()
		fileIs(t, s, a.ID, []byte("file"))
		if d := gocmp.Diff([]string{"2:hi:0", "3:two:1", "0:one:4", "0:note:0"}, texts(t, s, "c")); d != "" {
			t.Error(d)
		}
		try(t, s.Rebuild(ctx)) // gives the outbox a key of its own
	}
}
