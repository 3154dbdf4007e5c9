package ui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit/sound"
)

// speaker is a loudspeaker that plays when the test says so.
type speaker struct {
	mu    sync.Mutex
	fill  func([]float32) int
	plays int
	stops int
	none  bool
}

func (s *speaker) Play(fill func([]float32) int) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.none {
		return nil, fmt.Errorf("a test: %w", ErrNoSound)
	}
	s.plays++
	s.fill = fill
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stops++
		s.fill = nil
	}, nil
}

// hear plays for a while and returns how loud it was, and whether there was anything.
func (s *speaker) hear(d time.Duration) (loudest float32, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fill == nil {
		return 0, false
	}
	buf := make([]float32, 480)
	for n := int(d.Seconds() * sound.Rate); n > 0; {
		k := s.fill(buf[:min(n, len(buf))])
		if k == 0 {
			break
		}
		any = true
		for _, v := range buf[:k] {
			loudest = max(loudest, v)
		}
		n -= k
	}
	return loudest, any
}

func (s *speaker) counts() (plays, stops int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plays, s.stops
}

// recorded adds a conversation with a recording: a second of silence, one of 300 Hz, one of 900 Hz.
func recorded(t *testing.T, file string) *memory {
	t.Helper()
	m := company()
	data, err := os.ReadFile("kit/sound/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	m.fetch = func(_ context.Context, q inbox.FetchMedia, w io.Writer, progress func(done, total int64)) error {
		progress(int64(len(data)/2), int64(len(data)))
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}
	for _, id := range []inbox.MessageID{"voice", "other"} {
		x := in(time.Minute, "")
		x.ID, x.Kind, x.Body = id, inbox.Voice, inbox.Masked{}
		x.Media = &inbox.Media{ID: inbox.MediaID(id), Type: "audio/ogg; codecs=opus", Size: int64(len(data)), Length: 3000, State: inbox.MediaReady}
		m.say("k", x)
	}
	return m
}

func listening(t *testing.T, m *memory) (*stage, *speaker) {
	t.Helper()
	s := &speaker{}
	g := newStageWith(t, m, Settings{}, 1280, 800, func(c *Config) { c.Sound = s })
	g.heard("inbox shown")
	g.ui.desk.openConversation("k")
	g.heard("conversation opened")
	return g, s
}

// tapArea taps an area of a message.
func (g *stage) tapArea(id inbox.MessageID, area string, x float32) {
	g.t.Helper()
	line := g.ui.desk.line
	for i, v := range line.items {
		if v.Message == id {
			l := line.place(i, line.list.Size().Width)
			line.tapped(i, area, fyne.NewPos(l.x+bubblePadX+voiceLead+x*(l.cardW-voiceLead), 20))
			return
		}
	}
	g.t.Fatalf("no message %q", id)
}

func TestARecordingIsFetchedHeardAndForgotten(t *testing.T) {
	g, s := listening(t, recorded(t, "voice.ogg"))
	v := g.ui.desk.voice
	if plays, _ := s.counts(); plays != 0 || v.rec != nil {
		t.Fatal("it came by itself")
	}
	g.tapArea("voice", areaPlay, 0)
	g.heard("voice playing")
	g.heard("waveform shown")
	if loud, any := s.hear(900 * time.Millisecond); !any || loud > 0.05 {
		t.Errorf("the first second: %v, %v", loud, any)
	}
	if loud, _ := s.hear(time.Second); loud < 0.3 {
		t.Errorf("the second second: %v", loud)
	}
	g.wantShown("0:01 / 0:03")
	g.tapArea("voice", areaPlay, 0)
	g.heard("voice paused")
	g.until("stopped", func() bool { _, stops := s.counts(); return stops == 1 })
	if at := v.place(); at < 1800*time.Millisecond || at > 2*time.Second {
		t.Errorf("paused at %v", at)
	}
	g.tapArea("voice", areaWave, 0.5)
	if at := v.place(); at < 1400*time.Millisecond || at > 1600*time.Millisecond || v.state != voiceReady {
		t.Errorf("a tap in the middle leads to %v", at)
	}
	g.tapArea("voice", areaSpeed, 0)
	g.wantShown("1.5×")
	g.tapArea("voice", areaPlay, 0)
	g.until("plays again", func() bool { plays, _ := s.counts(); return plays == 2 })
	for {
		if _, any := s.hear(time.Second); !any {
			break
		}
	}
	g.heard("voice ended")
	if v.place() != 0 || v.state != voiceReady {
		t.Errorf("after the end it is at %v", v.place())
	}

	rec := v.rec
	g.ui.desk.openConversation("m")
	if v.rec != nil || v.shapes != nil {
		t.Error("it stays when the conversation is left")
	}
	g.until("forgotten", func() bool { return rec.Peaks(t.Context(), 3) == nil })
}

func TestOnlyOneRecordingIsHeard(t *testing.T) {
	g, s := listening(t, recorded(t, "music.ogg"))
	g.tapArea("voice", areaPlay, 0)
	g.heard("voice playing")
	first := g.ui.desk.voice.rec
	g.tapArea("other", areaPlay, 0)
	g.until("the other plays", func() bool { plays, stops := s.counts(); return plays == 2 && stops == 1 })
	g.until("the first is forgotten", func() bool { return first.Peaks(t.Context(), 3) == nil })
	g.ui.lock(LockedByHand)
	g.until("silent", func() bool { _, stops := s.counts(); return stops == 2 })
	if g.ui.desk != nil {
		t.Fatal("not locked")
	}
}

func TestARecordingIsPlayedByKeyboardAlone(t *testing.T) {
	g, s := listening(t, recorded(t, "voice.ogg"))
	v := g.ui.desk.voice
	g.press(fyne.KeyUp, 0)
	g.press(fyne.KeyUp, 0)
	space := func() {
		g.press(fyne.KeySpace, 0)
		g.win.Canvas().Focused().TypedRune(' ')
	}
	space()
	g.heard("voice playing")
	s.hear(500 * time.Millisecond)
	g.letter('s')
	g.until("faster", func() bool { plays, _ := s.counts(); return plays == 2 && v.speed == 1 })
	space()
	g.heard("voice paused")
	g.press(fyne.KeyRight, 0)
	if v.place() != v.length {
		t.Errorf("five seconds on: %v of %v", v.place(), v.length)
	}
	g.press(fyne.KeyLeft, 0)
	if v.place() != 0 {
		t.Errorf("five seconds back: %v", v.place())
	}
	g.press(fyne.KeyReturn, 0)
	g.wantShown("Play at 2×")
}

func TestWhatCannotBeHeardIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *memory, s *speaker)
		want   string
	}{
		"no device": {func(_ *memory, s *speaker) { s.none = true }, "No loudspeaker"},
		"offline": {func(m *memory, _ *speaker) {
			m.fetch = func(context.Context, inbox.FetchMedia, io.Writer, func(int64, int64)) error { return ErrOffline }
		}, "need a connection"},
		"damaged": {func(m *memory, _ *speaker) {
			m.fetch = func(_ context.Context, _ inbox.FetchMedia, w io.Writer, _ func(int64, int64)) error {
				_, err := w.Write([]byte("ID3 and nothing behind it"))
				return err
			}
		}, "damaged"},
		"another kind": {func(m *memory, _ *speaker) {
			m.fetch = func(_ context.Context, _ inbox.FetchMedia, w io.Writer, _ func(int64, int64)) error {
				_, err := w.Write([]byte("#!AMR\n"))
				return err
			}
		}, "cannot be played here"},
	} {
		t.Run(name, func(t *testing.T) {
			m := recorded(t, "voice.ogg")
			works := m.fetch
			g, s := listening(t, m)
			m.tell(func() { c.change(m, s) })
			g.tapArea("voice", areaPlay, 0)
			g.heard("voice failed")
			g.wantShown(c.want)
			m.tell(func() { m.fetch = works })
			s.mu.Lock()
			s.none = false
			s.mu.Unlock()
			g.tapArea("voice", areaPlay, 0) // once more
			g.heard("voice playing")
		})
	}
}

func TestAKindNobodyPlaysHereIsAFile(t *testing.T) {
	english(t)
	x := in(time.Minute, "")
	x.Kind, x.Media = inbox.Audio, &inbox.Media{ID: "a", Type: "audio/amr", Size: 9000, State: inbox.MediaReady}
	if c := itemView(&x, newStaff(inbox.Person{}, nil), at1453).Card; c.Voice || c.Opens == "" || !strings.Contains(c.Detail, "Cannot be played here") {
		t.Errorf("%+v", c)
	}
	for mime, want := range map[string]bool{"audio/ogg": true, "audio/ogg; codecs=opus": true, "audio/mpeg": true, "audio/mp4": false, "audio/aac": false} {
		x.Media.Type = mime
		if c := itemView(&x, newStaff(inbox.Person{}, nil), at1453).Card; c.Voice != want {
			t.Errorf("%s: played %v", mime, c.Voice)
		}
	}
	x.Media.Type = "audio/ogg"
	leaving := x
	leaving.Side, leaving.Author, leaving.Seq = inbox.FromPerson, "me", 0
	if itemView(&leaving, newStaff(inbox.Person{}, nil), at1453).Card.Voice {
		t.Error("what is still leaving cannot be fetched")
	}
	x.Media.State = inbox.MediaPending
	if itemView(&x, newStaff(inbox.Person{}, nil), at1453).Card.Voice {
		t.Error("what is not there cannot be played")
	}
}

func TestARecordingInEveryState(t *testing.T) {
	shape := make([]byte, bars)
	for i := range shape {
		shape[i] = byte(20 + (i*37+i*i*11)%235)
	}
	states := []voiceLook{{}, {state: voiceComing, part: 0.4}, {state: voiceReady, shape: shape, length: 83 * time.Second, speed: "1×"}, {state: voicePlaying, shape: shape, part: 0.45, at: 38 * time.Second, length: 83 * time.Second, speed: "1.5×"},
		{state: voicePlaying, part: 0.3, at: 25 * time.Second, length: 83 * time.Second, speed: "1×"}, {state: voiceFailed, problem: "No loudspeaker or headphones found."}, {shape: shape}}
	for _, theme := range []string{"light", "dark"} {
		m := company()
		g := newStage(t, m, Settings{Theme: theme}, 640, 700)
		g.heard("inbox shown")
		var items []*placed
		looks := map[*placed]look{}
		for i, l := range states {
			x := in(time.Duration(20-i)*time.Minute, "")
			if i%3 == 2 {
				x = out(time.Duration(20-i)*time.Minute, "me", inbox.Read, "")
			}
			x.ID, x.Seq, x.Kind, x.Body = inbox.MessageID(fmt.Sprint("v", i)), uint64(i+1), inbox.Voice, inbox.Masked{}
			x.Media = &inbox.Media{ID: inbox.MediaID(x.ID), Type: "audio/ogg", Size: 61_000, Length: 83_000, State: inbox.MediaReady}
			p := placeItem(itemView(&x, newStaff(m.me, m.people), at1453), 520)
			items = append(items, p)
			looks[p] = look{voice: l, area: map[int]string{0: areaPlay, 3: areaSpeed}[i]}
		}
		g.paint("voice-"+theme, items, func(p *placed) look { return looks[p] })
	}
}
