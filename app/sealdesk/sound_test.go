package main

import (
	"encoding/binary"
	"io"
	"math"
	"testing"
)

func TestWhatIsHeardIsWhatWasGiven(t *testing.T) {
	left := []float32{0.25, -0.5, 1}
	f := newFeed(func(buf []float32) int {
		n := copy(buf[:min(len(buf), 2)], left)
		left = left[n:]
		return n
	})
	var got []float32
	buf := make([]byte, 4096)
	for {
		n, err := f.Read(buf)
		for i := 0; i < n; i += 4 {
			got = append(got, math.Float32frombits(binary.LittleEndian.Uint32(buf[i:])))
		}
		if err == io.EOF {
			break
		}
	}
	if len(got) < 20_000 || got[0] != 0.25 || got[1] != -0.5 || got[2] != 1 {
		t.Fatalf("%d samples", len(got))
	}
	for _, v := range got[3:] {
		if v != 0 {
			t.Fatal("the end is not silent")
		}
	}
}

func TestNothingIsReadAfterTheEnd(t *testing.T) {
	f := newFeed(func(buf []float32) int { return len(buf) })
	f.next(make([]float32, 10))
	f.end()
	if f.next(make([]float32, 10)) != 0 {
		t.Error("it goes on")
	}
}
