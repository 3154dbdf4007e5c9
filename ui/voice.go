package ui

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
	"sealdesk/ui/kit/sound"
)

// A Loudspeaker plays sound on this device.
type Loudspeaker interface {
	// Play plays what fill writes, samples of one channel at [sound.Rate], until fill returns 0 or stop is called. fill is
	// called from one goroutine at a time, none of them the main one, and never after stop has returned. Play may wait and is
	// called by workers. It returns an error wrapping [ErrNoSound] when nothing can be heard here.
	Play(fill func([]float32) int) (stop func(), err error)
}

// ErrNoSound is returned by a [Loudspeaker] without a device to play on.
var ErrNoSound = errors.New("no device to play sound on")

// voiceState is how far a recording has come.
type voiceState uint8

const (
	voiceNone    voiceState = iota // its bytes are on the company's server
	voiceComing                    // on their way
	voiceReady                     // here, and silent
	voicePlaying                   // heard, or about to be
	voiceFailed                    // why stands in problem
)

// speeds a recording can be played at.
var speeds = []float64{1, 1.5, 2}

// jump is how far the arrow keys go in a recording.
const jump = 5 * time.Second

// beat is how often the place in a recording is drawn while it plays.
const beat = 200 * time.Millisecond

// bars is how many values a waveform has.
const bars = 46

// voice is the recording somebody listens to: one at a time. Its bytes are in memory from the moment it is asked for until
// another one is, the conversation is left, or the inbox locks. It lives on the main goroutine.
type voice struct {
	d       *desk
	message inbox.MessageID
	item    string // of the timeline
	state   voiceState
	part    float32 // of its bytes
	problem string
	length  time.Duration
	at      time.Duration // where it goes on
	speed   int           // index of speeds

	rec     *sound.Recording
	player  *sound.Player
	stop    func()
	cancel  context.CancelFunc
	turn    int // what was begun for an earlier turn does not count
	ticking bool
	shapes  map[inbox.MediaID][]byte // waveforms of this conversation
}

func newVoice(d *desk) *voice { return &voice{d: d} }

// voiceLook is what is drawn of a recording beside what is known of it.
type voiceLook struct {
	state   voiceState
	part    float32 // of its bytes while they come, else of what was heard
	at      time.Duration
	length  time.Duration // 0 until it is here
	speed   string
	shape   []byte
	problem string
}

// look is how the recording of an item looks now.
func (v *voice) look(it *ItemView) voiceLook {
	l := voiceLook{shape: v.shapes[it.Card.Opens]}
	if v.message == "" || it.Message != v.message {
		return l
	}
	l.state, l.part, l.problem = v.state, v.part, v.problem
	if v.rec != nil {
		l.at, l.length = v.place(), v.length
		l.part = float32(l.at) / float32(max(v.length, 1))
		l.speed = speedText(speeds[v.speed])
	}
	return l
}

func speedText(f float64) string {
	return strings.ReplaceAll(strconv.FormatFloat(f, 'f', -1, 64), ".", word("voice.point")) + "×"
}

// place is what was heard last.
func (v *voice) place() time.Duration {
	if v.player != nil {
		return v.player.At()
	}
	return v.at
}

// drop lets go of the recording. Waveforms stay until the conversation is left.
func (v *voice) drop() {
	v.turn++
	if v.cancel != nil {
		v.cancel()
	}
	v.silence()
	if rec := v.rec; rec != nil {
		go rec.Forget() // a player may be reading
	}
	item := v.item
	v.message, v.item, v.state, v.problem, v.rec, v.cancel, v.at, v.part, v.length = "", "", voiceNone, "", nil, nil, 0, 0, 0
	v.redraw(item)
}

// leave forgets everything about the recordings of a conversation.
func (v *voice) leave() {
	v.drop()
	for _, s := range v.shapes {
		clear(s)
	}
	v.shapes = nil
}

// silence stops what is heard and remembers where it was.
func (v *voice) silence() {
	if v.player != nil {
		v.at = v.player.At()
		if v.player.Ended() {
			v.at = 0
		}
		v.player = nil
	}
	if stop := v.stop; stop != nil {
		v.stop = nil
		go stop() // it may wait for the device
	}
}

func (v *voice) redraw(item string) {
	if item != "" {
		v.d.line.list.Redraw(item)
	}
}

// toggle plays a recording, or pauses it. What is not here yet is fetched first.
func (v *voice) toggle(it *ItemView) {
	if it.Message == v.message {
		switch v.state {
		case voiceComing:
			v.drop() // a second thought
			return
		case voicePlaying:
			v.turn++
			v.silence()
			v.state = voiceReady
			v.redraw(v.item)
			v.d.u.trace("voice paused")
			return
		case voiceReady:
			v.play()
			return
		case voiceFailed:
			if v.rec != nil {
				v.play()
				return
			}
		}
	}
	v.drop()
	v.message, v.item = it.Message, it.ID
	v.fetch()
}

// fetch brings the bytes, and plays them.
func (v *voice) fetch() {
	d := v.d
	m, ok := d.message(v.message)
	if !ok || m.Media == nil {
		return
	}
	v.state, v.part, v.problem = voiceComing, 0, ""
	v.redraw(v.item)
	ctx, cancel := context.WithCancel(d.ctx)
	v.cancel = cancel
	v.turn++
	turn := v.turn
	post := func(f func()) {
		d.u.cfg.Post(func() {
			if ctx.Err() == nil && v.turn == turn && !d.ended() {
				f()
			}
		})
	}
	q := inbox.FetchMedia{Conversation: d.open, Message: m.ID, Media: m.Media.ID}
	size, known := m.Media.Size, v.shapes[m.Media.ID] != nil
	go func() {
		data, err := d.bring(ctx, q, size, mostSound, func(done, total int64) {
			post(func() {
				v.part = min(float32(done)/float32(total), 1)
				v.redraw(v.item)
			})
		})
		var rec *sound.Recording
		if err == nil {
			rec, err = sound.Open(data)
		}
		if err != nil {
			clear(data)
			post(func() { v.failed(recordingProblem(err)) })
			return
		}
		if ctx.Err() != nil {
			rec.Forget()
			return
		}
		d.u.cfg.Post(func() {
			if ctx.Err() != nil || v.turn != turn || d.ended() {
				go rec.Forget()
				return
			}
			v.rec, v.length, v.at = rec, rec.Length(), 0
			v.play()
		})
		if known {
			return
		}
		shape := rec.Peaks(ctx, bars)
		if shape == nil {
			return
		}
		d.u.cfg.Post(func() {
			if ctx.Err() == nil && !d.ended() && v.rec == rec {
				if v.shapes == nil {
					v.shapes = map[inbox.MediaID][]byte{}
				}
				v.shapes[m.Media.ID] = shape
				v.redraw(v.item)
				d.u.trace("waveform shown")
			}
		})
	}()
}

// recordingProblem is why a recording cannot be heard.
func recordingProblem(err error) string {
	switch {
	case errors.Is(err, sound.ErrKind):
		return word("voice.kind")
	case errors.Is(err, sound.ErrBroken):
		return word("voice.broken")
	case errors.Is(err, ErrOffline):
		return word("voice.offline")
	case errors.Is(err, ErrNoSound):
		return word("voice.silent")
	}
	return fetchProblem(err)
}

func (v *voice) failed(problem string) {
	v.silence()
	v.state, v.problem = voiceFailed, problem
	v.redraw(v.item)
	v.d.u.trace("voice failed")
}

// play goes on where it was.
func (v *voice) play() {
	d := v.d
	if v.length > 0 && v.at >= v.length-50*time.Millisecond {
		v.at = 0
	}
	v.silence()
	v.state, v.problem = voicePlaying, ""
	v.player = v.rec.Play(v.at, speeds[v.speed])
	v.turn++
	turn, player := v.turn, v.player
	v.redraw(v.item)
	speaker := d.u.cfg.Sound
	go func() {
		stop, err := func() {}, error(ErrNoSound)
		if speaker != nil {
			stop, err = speaker.Play(player.Fill)
		}
		d.u.cfg.Post(func() {
			switch {
			case v.turn != turn || d.ended():
				if err == nil {
					go stop()
				}
			case err != nil:
				v.failed(recordingProblem(err))
			default:
				v.stop = stop
				d.u.trace("voice playing")
				v.tick()
			}
		})
	}()
}

// tick draws how far it is.
func (v *voice) tick() {
	if v.ticking {
		return
	}
	v.ticking = true
	ended := false
	var again func()
	again = func() {
		if v.state != voicePlaying {
			v.ticking = false
			return
		}
		v.redraw(v.item)
		if v.player != nil && v.player.Ended() {
			if ended { // a beat later: the device had some of it still to play
				v.ticking = false
				v.turn++
				v.silence()
				v.state = voiceReady
				v.redraw(v.item)
				v.d.u.trace("voice ended")
				return
			}
			ended = true
		} else {
			ended = false
		}
		v.d.later(beat, again)
	}
	v.d.later(beat, again)
}

// seek goes to a place; what plays goes on from there.
func (v *voice) seek(to time.Duration) {
	if v.rec == nil {
		return
	}
	plays := v.state == voicePlaying
	v.silence()
	v.at = min(max(to, 0), v.length)
	if plays {
		v.play()
	}
	v.redraw(v.item)
}

// faster plays at the next speed.
func (v *voice) faster() {
	v.speed = (v.speed + 1) % len(speeds)
	if v.state == voicePlaying {
		v.play()
	}
	v.redraw(v.item)
}

// of reports whether an item is the recording that is here.
func (v *voice) of(it *ItemView) bool { return v.rec != nil && it.Message == v.message }

// tip says what the button of a recording does, and what must be known before.
func (v *voice) tip(it *ItemView) string {
	switch l := v.look(it); l.state {
	case voicePlaying:
		return word("voice.pause")
	case voiceComing:
		return word("voice.stop")
	case voiceReady:
		return word("voice.play")
	}
	return word("voice.play") + " · " + word("media.unmasked")
}

// menu offers what can be done with a recording.
func (v *voice) menu(it *ItemView) []kit.MenuItem {
	play := kit.MenuItem{Text: word("voice.play"), Icon: "play", Hint: word("key.space"), Do: func() { v.toggle(it) }}
	if it.Message == v.message && v.state == voicePlaying {
		play.Text, play.Icon = word("voice.pause"), "pause"
	}
	if !v.of(it) {
		return []kit.MenuItem{play}
	}
	next := speeds[(v.speed+1)%len(speeds)]
	return []kit.MenuItem{play, {Text: word("voice.speed", "Speed", speedText(next)), Icon: "pulse", Hint: "S", Do: v.faster}}
}

// hearable reports whether recordings of a type can be played here.
func hearable(mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	return mime == "audio/ogg" || mime == "audio/opus" || mime == "audio/mpeg"
}
