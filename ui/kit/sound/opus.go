package sound

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/pion/opus"
	"github.com/pion/opus/pkg/oggreader"
)

const (
	mostPackets = 1 << 20 // five hours, as WhatsApp cuts them
	longest     = 5760    // samples of a packet: 120 ms (RFC 6716, section 3.2.5)
	// settle is how many packets before a place must be decoded for it to sound right: 80 ms (RFC 7845, section 4.6).
	settle = 5
)

// opusTrack plays the packets of an Ogg Opus file.
type opusTrack struct {
	packets [][]byte
	starts  []int // the first sample of each packet; one more for the end
	skip    int   // samples before the first that counts
	total   int

	dec  opus.Decoder
	next int       // packet
	left []float32 // decoded and not read
	buf  [longest]float32
	drop int // samples to leave out
	done int // samples read
}

func (r *Recording) opus() error {
	in, head, err := oggreader.NewWith(bytes.NewReader(r.data))
	if err != nil || head.Channels < 1 {
		return fmt.Errorf("reading a recording's head: %w", ErrKind) // Vorbis, Speex, FLAC
	}
	if head.Channels > 2 || head.ChannelMap != 0 {
		return ErrKind
	}
	var packets [][]byte
	starts := []int{0}
	last := uint64(0)
	for {
		p, page, err := in.ParseNextPacket()
		if errors.Is(err, io.EOF) || err != nil && len(packets) > 0 {
			break // what is whole is played
		}
		if err != nil || len(packets) >= mostPackets {
			return ErrBroken
		}
		if bytes.HasPrefix(p, []byte("OpusTags")) {
			continue
		}
		n := packetSamples(p)
		if n == 0 {
			continue
		}
		packets, starts = append(packets, p), append(starts, starts[len(starts)-1]+n)
		if page.GranulePosition != ^uint64(0) {
			last = page.GranulePosition
		}
	}
	skip := int(head.PreSkip)
	total := starts[len(starts)-1] - skip
	if end := int(last) - skip; last > 0 && end > 0 && end < total { // the last packet is longer than what was said
		total = end
	}
	clear(r.data) // the packets are copies
	r.data, r.parts, r.total = nil, packets, total
	r.open = func() (track, error) {
		t := &opusTrack{packets: packets, starts: starts, skip: skip, total: total}
		t.seek(0)
		return t, nil
	}
	return nil
}

// packetSamples is how long a packet plays (RFC 6716, section 3.1); 0 for one that is none.
func packetSamples(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	frame := 0
	switch c := int(p[0] >> 3); {
	case c < 12: // SILK
		frame = []int{480, 960, 1920, 2880}[c%4]
	case c < 16: // hybrid
		frame = []int{480, 960}[c%2]
	default: // CELT
		frame = []int{120, 240, 480, 960}[c%4]
	}
	count := 1
	switch p[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(p) < 2 {
			return 0
		}
		count = int(p[1] & 0x3f)
	}
	if n := count * frame; n <= longest {
		return n
	}
	return 0
}

func (t *opusTrack) seek(sample int) {
	sample = min(max(sample, 0), t.total)
	want := sample + t.skip
	at := 0
	for lo, hi := 0, len(t.packets); lo < hi; { // the packet that holds it
		if mid := (lo + hi) / 2; t.starts[mid] <= want {
			at, lo = mid, mid+1
		} else {
			hi = mid
		}
	}
	at = max(at-settle, 0)
	dec, err := opus.NewDecoderWithOutput(Rate, 1)
	if err != nil {
		t.done = t.total
		return
	}
	t.dec, t.next, t.left, t.drop, t.done = dec, at, nil, want-t.starts[at], sample
}

func (t *opusTrack) read(buf []float32) int {
	n := 0
	for n < len(buf) && t.done < t.total {
		if len(t.left) == 0 && !t.decode() {
			break
		}
		k := copy(buf[n:], t.left[:min(len(t.left), t.total-t.done)])
		t.left, n, t.done = t.left[k:], n+k, t.done+k
	}
	return n
}

// decode brings the next samples that count, and reports false at the end. A packet that cannot be decoded is silence: what
// is behind it must not come too early.
func (t *opusTrack) decode() bool {
	for t.next < len(t.packets) {
		i := t.next
		t.next++
		n := t.starts[i+1] - t.starts[i]
		if k, err := t.dec.DecodeToFloat32(t.packets[i], t.buf[:]); err != nil || k != n {
			clear(t.buf[:n])
		}
		cut := min(t.drop, n)
		t.drop -= cut
		if t.left = t.buf[cut:n]; len(t.left) > 0 {
			return true
		}
	}
	return false
}
