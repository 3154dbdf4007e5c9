package sound

import (
	"bytes"
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// Rate is how many samples a second has, in every recording that was opened. Samples are of one channel, between -1 and 1.
const Rate = 48000

// ErrKind is returned for recordings of a kind that is not known here, such as AAC and AMR.
var ErrKind = errors.New("kind of recording not known")

// ErrBroken is returned for recordings that are damaged.
var ErrBroken = errors.New("recording is damaged")

// A Recording is a file that can be played from any place.
type Recording struct {
	mu    sync.RWMutex // held while something is read
	data  []byte
	parts [][]byte              // of an Ogg file, instead of data
	total int                   // samples
	open  func() (track, error) // nil when it was forgotten
}

// track reads the samples of a recording one after the other.
type track interface {
	// seek goes to a sample. It may be a little off where the format has no better idea.
	seek(sample int)
	// read fills buf and returns how much it wrote, 0 at the end.
	read(buf []float32) int
}

// Open reads a file. It keeps data, which belongs to the Recording from then on. It returns an error wrapping [ErrKind] or
// [ErrBroken].
func Open(data []byte) (r *Recording, err error) {
	defer func() {
		if recover() != nil {
			r, err = nil, ErrBroken
		}
	}()
	r = &Recording{data: data}
	switch {
	case bytes.HasPrefix(data, []byte("OggS")):
		err = r.opus()
	case isMP3(data):
		err = r.mp3()
	default:
		err = ErrKind
	}
	if err == nil && r.total <= 0 {
		err = ErrBroken
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Length is how long it plays.
func (r *Recording) Length() time.Duration { return duration(r.total) }

// Forget overwrites the file. Players of it are at their end then.
func (r *Recording) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.data)
	for _, p := range r.parts {
		clear(p)
	}
	r.data, r.parts, r.open = nil, nil, nil
}

// with calls f while the recording is there, and reports whether it was. What f meets in a damaged file ends f.
func (r *Recording) with(f func()) (ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.open == nil {
		return false
	}
	defer func() { ok = recover() == nil }()
	f()
	return true
}

// at opens the recording at a sample; nil when it was forgotten.
func (r *Recording) at(sample int) (t track) {
	r.with(func() {
		opened, err := r.open()
		if err != nil {
			return
		}
		if sample > 0 {
			opened.seek(sample)
		}
		t = opened
	})
	return t
}

const (
	straight = 3 * 60 * Rate // up to here every sample is looked at
	probe    = Rate / 6      // of longer ones that many for each value
	grain    = Rate / 100    // loudness is that of a hundredth of a second
)

// Peaks tells how loud each n-th of the recording is, the loudest 255. Of long ones it takes samples. It takes a moment; nil
// when ctx ended first or the recording was forgotten.
func (r *Recording) Peaks(ctx context.Context, n int) []byte {
	if n < 1 {
		return nil
	}
	loud := make([]float64, n)
	t := r.at(0)
	if t == nil {
		return nil
	}
	buf := make([]float32, grain)
	for i := range loud {
		from, to := i*r.total/n, (i+1)*r.total/n
		if r.total > straight {
			mid := (from + to) / 2
			from, to = mid, mid+probe
			if !r.with(func() { t.seek(mid) }) {
				return nil
			}
		}
		for at := from; at < to; {
			if ctx.Err() != nil {
				return nil
			}
			k := 0
			if !r.with(func() { k = t.read(buf[:min(grain, to-at)]) }) {
				return nil
			}
			if k == 0 {
				break
			}
			at += k
			sum := 0.0
			for _, v := range buf[:k] {
				sum += float64(v) * float64(v)
			}
			loud[i] = max(loud[i], math.Sqrt(sum/float64(k)))
		}
	}
	most := 0.0
	for _, v := range loud {
		most = max(most, v)
	}
	out := make([]byte, n)
	for i, v := range loud {
		if most > 1e-4 {
			out[i] = byte(255 * math.Sqrt(v/most)) // as ears judge: half as loud is not half the power
		}
	}
	return out
}

func duration(samples int) time.Duration {
	return time.Duration(samples) * time.Second / Rate
}

func samples(d time.Duration) int { return int(d.Seconds() * Rate) }
