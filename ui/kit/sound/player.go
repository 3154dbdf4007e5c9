package sound

import (
	"sync/atomic"
	"time"
)

// A Player hands out a recording from some place on.
type Player struct {
	r     *Recording
	t     track
	speed float64
	from  int
	out   atomic.Int64 // samples handed out
	ended atomic.Bool

	// What follows is for speeds other than 1.
	in   []float32 // read and still needed
	pos  float64   // in in, where the next piece is taken
	tail []float32 // what followed the piece before: the next one is laid over it
	rest []float32 // made and not handed out
}

// Play plays from a place at a speed. Voices keep their pitch.
func (r *Recording) Play(at time.Duration, speed float64) *Player {
	p := &Player{r: r, speed: min(max(speed, 0.5), 3), from: min(max(samples(at), 0), r.total)}
	if p.t = r.at(p.from); p.t == nil {
		p.ended.Store(true)
	}
	return p
}

// At is the place that was handed out last.
func (p *Player) At() time.Duration {
	if p.ended.Load() {
		return p.r.Length()
	}
	return duration(min(p.from+int(float64(p.out.Load())*p.speed), p.r.total))
}

// Ended reports whether everything was handed out.
func (p *Player) Ended() bool { return p.ended.Load() }

// Fill writes the next samples and returns how many; 0 at the end.
func (p *Player) Fill(buf []float32) int {
	n := 0
	if p.t == nil || p.ended.Load() {
		return 0
	}
	if !p.r.with(func() {
		if p.speed == 1 {
			n = p.t.read(buf)
		} else {
			n = p.stretched(buf)
		}
	}) {
		n = 0
	}
	if n == 0 {
		p.ended.Store(true)
		p.in, p.rest, p.tail, p.t = nil, nil, nil, nil
	}
	p.out.Add(int64(n))
	return n
}

// Playing faster lays pieces of the recording over each other where they fit best (W. Verhelst and M. Roelands, "An overlap-add
// technique based on waveform similarity", 1993).
const (
	piece  = Rate * 20 / 1000 // samples a piece adds
	search = Rate * 8 / 1000  // how far from its place it may be taken
	step   = 6                // compared are every sixth sample: enough for voices
)

func (p *Player) stretched(buf []float32) int {
	n := 0
	for n < len(buf) {
		if len(p.rest) == 0 && !p.more() {
			break
		}
		k := copy(buf[n:], p.rest)
		p.rest, n = p.rest[k:], n+k
	}
	return n
}

// more makes the next piece.
func (p *Player) more() bool {
	need := int(p.pos) + search + 2*piece
	for len(p.in) < need {
		k := len(p.in)
		p.in = append(p.in, make([]float32, need-k)...)
		got := p.t.read(p.in[k:])
		p.in = p.in[:k+got]
		if got == 0 {
			break
		}
	}
	if int(p.pos)+2*piece > len(p.in) { // the end: what is left is too short to be laid over anything
		p.rest = p.tail
		if p.tail == nil { // nothing was longer
			p.rest = append(p.rest, p.in...)
		}
		p.in, p.tail, p.pos = p.in[:0], nil, 0
		return len(p.rest) > 0
	}
	at := p.best()
	out := make([]float32, piece)
	copy(out, p.in[at:at+piece])
	for i, v := range p.tail {
		w := float32(i) / piece
		out[i] = v*(1-w) + out[i]*w
	}
	p.tail = append(p.tail[:0:0], p.in[at+piece:at+2*piece]...)
	p.rest = out
	p.pos += piece * p.speed
	if drop := int(p.pos) - search; drop > 8*piece {
		p.in = append(p.in[:0], p.in[drop:]...)
		p.pos -= float64(drop)
	}
	return true
}

// best is where the piece starts that follows the last one most smoothly.
func (p *Player) best() int {
	mid := int(p.pos)
	if p.tail == nil {
		return mid
	}
	lo, hi := max(mid-search, 0), min(mid+search, len(p.in)-2*piece)
	best, most := mid, float32(-1)
	for at := lo; at <= hi; at += step {
		var dot, power float32
		for i := 0; i < piece; i += step {
			v := p.in[at+i]
			dot += v * p.tail[i]
			power += v * v
		}
		if dot <= 0 {
			continue
		}
		if like := dot * dot / (power + 1e-9); like > most {
			best, most = at, like
		}
	}
	return best
}
