package sound

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// isMP3 reports whether a file begins as MP3 does: with a tag, or with the head of a frame of layer III (ISO/IEC 11172-3,
// section 2.4.1.3; AAC in ADTS has the same first bits and another layer).
func isMP3(data []byte) bool {
	if bytes.HasPrefix(data, []byte("ID3")) {
		return true
	}
	return len(data) > 3 && data[0] == 0xff && data[1]&0xe6 == 0xe2 && data[2]&0xf0 != 0xf0 && data[2]&0x0c != 0x0c
}

// mp3Track plays an MP3 file at our rate.
type mp3Track struct {
	dec   *mp3.Decoder
	rate  int
	total int
	done  int

	raw  [4096]byte // two channels of 16 bits
	from int        // the frame of the file that raw starts with
	have int        // frames in raw
	prev float32    // the frame before raw
}

func (r *Recording) mp3() error {
	open := func() (*mp3.Decoder, error) { return mp3.NewDecoder(bytes.NewReader(r.data)) }
	dec, err := open()
	if err != nil || dec.SampleRate() < 8000 || dec.Length() <= 0 {
		return fmt.Errorf("reading a recording's head: %w", ErrBroken)
	}
	rate := dec.SampleRate()
	r.total = int(dec.Length() / 4 * Rate / int64(rate))
	total := r.total
	r.open = func() (track, error) {
		dec, err := open()
		if err != nil {
			return nil, err
		}
		return &mp3Track{dec: dec, rate: rate, total: total}, nil
	}
	return nil
}

func (t *mp3Track) seek(sample int) {
	sample = min(max(sample, 0), t.total)
	frame := int(int64(sample) * int64(t.rate) / Rate)
	if _, err := t.dec.Seek(int64(frame)*4, io.SeekStart); err != nil {
		t.done = t.total
		return
	}
	t.done, t.from, t.have, t.prev = sample, frame, 0, 0
}

func (t *mp3Track) read(buf []float32) int {
	for n := range buf {
		if t.done >= t.total {
			return n
		}
		place := float64(t.done) * float64(t.rate) / Rate
		frame := int(place)
		for frame+1 >= t.from+t.have {
			if !t.load() {
				t.done = t.total
				return n
			}
		}
		a, b := t.frame(frame), t.frame(frame+1)
		buf[n] = a + (b-a)*float32(place-float64(frame))
		t.done++
	}
	return len(buf)
}

// load decodes on, keeping the last frame as a neighbour of the next.
func (t *mp3Track) load() bool {
	if t.have > 0 {
		t.prev = t.frame(t.from + t.have - 1)
		t.from += t.have
	}
	n, err := io.ReadFull(t.dec, t.raw[:])
	t.have = n / 4
	return t.have > 0 && (err == nil || err == io.ErrUnexpectedEOF)
}

// frame is the mean of both channels.
func (t *mp3Track) frame(i int) float32 {
	i -= t.from
	if i < 0 {
		return t.prev
	}
	l, r := int16(binary.LittleEndian.Uint16(t.raw[4*i:])), int16(binary.LittleEndian.Uint16(t.raw[4*i+2:]))
	return (float32(l) + float32(r)) / (2 * 32768)
}
