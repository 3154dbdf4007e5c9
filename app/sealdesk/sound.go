package main

import (
	"encoding/binary"
	"io"
	"math"
	"sync"

	"sealdesk/ui/kit/sound"
)

// feed hands samples to a device, and a moment of silence after the last one: what a device was given last must not be cut off
// when it closes, and some begin to play only when they have enough.
type feed struct {
	mu   sync.Mutex
	fill func([]float32) int // nil at the end
	rest int                 // samples of silence to come
	buf  []float32
}

func newFeed(fill func([]float32) int) *feed { return &feed{fill: fill, rest: sound.Rate / 2} }

// next writes samples and returns how many, 0 at the end.
func (f *feed) next(buf []float32) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fill != nil {
		if n := f.fill(buf); n > 0 {
			return n
		}
		f.fill = nil
	}
	n := min(len(buf), f.rest)
	f.rest -= n
	clear(buf[:n])
	return n
}

// end lets go of what is read.
func (f *feed) end() {
	f.mu.Lock()
	f.fill, f.rest = nil, 0
	f.mu.Unlock()
}

// Read implements io.Reader: samples as the bytes of 32-bit numbers, lowest byte first.
func (f *feed) Read(p []byte) (int, error) {
	if len(f.buf) < len(p)/4 {
		f.buf = make([]float32, len(p)/4)
	}
	n := f.next(f.buf[:len(p)/4])
	if n == 0 && len(p) >= 4 {
		return 0, io.EOF
	}
	for i, v := range f.buf[:n] {
		binary.LittleEndian.PutUint32(p[4*i:], math.Float32bits(v))
	}
	clear(f.buf[:n])
	return 4 * n, nil
}
