//go:build !windows && !darwin

package main

import (
	"fmt"

	"github.com/jfreymuth/pulse"

	"sealdesk/ui"
	"sealdesk/ui/kit/sound"
)

// loudspeaker is the sound server of the person's session: PulseAudio, or PipeWire, which speaks the same. It is asked each
// time, so that headphones that were plugged in a moment ago are found.
type loudspeaker struct{}

// latency is how much is handed over ahead, in seconds: enough for a busy machine, and short enough to stop at once.
const latency = 0.15

// Play implements [ui.Loudspeaker].
func (loudspeaker) Play(fill func([]float32) int) (func(), error) {
	client, err := pulse.NewClient(pulse.ClientApplicationName("Sealdesk"))
	if err != nil {
		return nil, fmt.Errorf("asking the sound server: %w: %w", ui.ErrNoSound, err)
	}
	f := newFeed(fill)
	read := pulse.Float32Reader(func(buf []float32) (int, error) {
		if n := f.next(buf); n > 0 {
			return n, nil
		}
		return 0, pulse.EndOfData
	})
	stream, err := client.NewPlayback(read, pulse.PlaybackMono, pulse.PlaybackSampleRate(sound.Rate), pulse.PlaybackLatency(latency))
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("opening the sound device: %w: %w", ui.ErrNoSound, err)
	}
	stream.Start()
	return func() {
		f.end()
		stream.Stop()
		stream.Close()
		client.Close()
	}, nil
}
