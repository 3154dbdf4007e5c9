//go:build windows || darwin

package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/ebitengine/oto/v3"

	"sealdesk/ui"
	"sealdesk/ui/kit/sound"
)

// loudspeaker is the system's sound device.
type loudspeaker struct{}

// device opens it once: there can be no second one in a process.
var device = sync.OnceValues(func() (*oto.Context, error) {
	c, ready, err := oto.NewContext(&oto.NewContextOptions{SampleRate: sound.Rate, ChannelCount: 1, Format: oto.FormatFloat32LE, BufferSize: 150 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	select {
	case <-ready:
		return c, nil
	case <-time.After(5 * time.Second):
		return nil, ui.ErrNoSound
	}
})

// Play implements [ui.Loudspeaker].
func (loudspeaker) Play(fill func([]float32) int) (func(), error) {
	c, err := device()
	if err == nil {
		err = c.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("opening the sound device: %w: %w", ui.ErrNoSound, err)
	}
	f := newFeed(fill)
	p := c.NewPlayer(f)
	p.Play()
	return func() {
		f.end()
		p.Pause()
		p.Reset()
	}, nil
}
