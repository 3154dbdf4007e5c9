package sound

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The files in testdata are a second of silence, one of 300 Hz and one of 900 Hz at half of that, made for these tests:
// speech as WhatsApp cuts it (SILK), wider speech (hybrid), music in stereo (CELT), and MP3 at another rate.
var files = []string{"voice.ogg", "wide.ogg", "music.ogg", "tone.mp3"}

func load(t testing.TB, name string) *Recording {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hear plays to the end.
func hear(p *Player) []float32 {
	var out []float32
	buf := make([]float32, 1000)
	for {
		n := p.Fill(buf)
		if n == 0 {
			return out
		}
		out = append(out, buf[:n]...)
	}
}

// pitch is how often a second the samples swing, and how loud they are.
func pitch(s []float32) (hertz, loud float64) {
	var sum float64
	up, down := 0, true
	for _, v := range s {
		sum += float64(v) * float64(v)
		if down && v > 0.02 {
			up, down = up+1, false
		} else if v < -0.02 {
			down = true
		}
	}
	return float64(up) * Rate / float64(len(s)), math.Sqrt(sum / float64(len(s)))
}

func near(a, b, within float64) bool { return math.Abs(a-b) <= within }

func TestRecordingsSoundAsTheyDid(t *testing.T) {
	for _, name := range files {
		r := load(t, name)
		if d := r.Length(); d < 2950*time.Millisecond || d > 3150*time.Millisecond {
			t.Errorf("%s lasts %v", name, d)
		}
		for speed, at := range map[float64]float64{1: 1, 1.5: 1.5, 2: 2} {
			all := hear(r.Play(0, speed))
			if got := float64(len(all)) / Rate; !near(got, 3/at, 0.2) {
				t.Errorf("%s at %v: %v seconds", name, speed, got)
			}
			part := func(from, to float64) []float32 { return all[int(from/at*Rate):int(to/at*Rate)] }
			if _, loud := pitch(part(0.2, 0.8)); loud > 0.01 {
				t.Errorf("%s at %v: the silence is %v loud", name, speed, loud)
			}
			if hz, loud := pitch(part(1.3, 1.8)); !near(hz, 300, 25) || !near(loud, 0.35, 0.06) {
				t.Errorf("%s at %v: %v Hz, %v loud", name, speed, hz, loud)
			}
			if hz, loud := pitch(part(2.3, 2.8)); !near(hz, 900, 60) || !near(loud, 0.177, 0.05) {
				t.Errorf("%s at %v: %v Hz, %v loud", name, speed, hz, loud)
			}
		}
	}
}

func TestPlayingStartsAnywhere(t *testing.T) {
	for _, name := range files {
		r := load(t, name)
		p := r.Play(2200*time.Millisecond, 1)
		if got := p.At(); !near(got.Seconds(), 2.2, 0.001) {
			t.Errorf("%s starts at %v", name, got)
		}
		buf := make([]float32, Rate/4)
		if p.Fill(buf) != len(buf) {
			t.Fatal("it ends")
		}
		if hz, _ := pitch(buf[Rate/20:]); !near(hz, 900, 60) {
			t.Errorf("%s from 2.2 s: %v Hz", name, hz)
		}
		if got := p.At(); !near(got.Seconds(), 2.45, 0.001) {
			t.Errorf("%s is at %v", name, got)
		}
		hear(p)
		if !p.Ended() || p.At() != r.Length() {
			t.Errorf("%s ends at %v", name, p.At())
		}
		if len(hear(r.Play(time.Hour, 1))) != 0 {
			t.Error("there is something behind the end")
		}
	}
}

func TestPeaksShowWhereItIsLoud(t *testing.T) {
	for _, name := range files {
		peaks := load(t, name).Peaks(t.Context(), 30)
		if len(peaks) != 30 || peaks[5] > 40 || peaks[15] < 230 || peaks[25] < 150 || peaks[25] >= peaks[15] {
			t.Errorf("%s: %v", name, peaks)
		}
	}
}

func TestAForgottenRecordingIsSilent(t *testing.T) {
	for _, name := range files {
		r := load(t, name)
		p := r.Play(0, 1)
		p.Fill(make([]float32, 100))
		data, parts := r.data, r.parts
		r.Forget()
		for _, b := range append(parts, data) {
			if len(bytes.Trim(b, "\x00")) > 0 {
				t.Fatalf("%s: its bytes are still there", name)
			}
		}
		if p.Fill(make([]float32, 100)) != 0 || !p.Ended() || len(hear(r.Play(0, 2))) != 0 || r.Peaks(t.Context(), 5) != nil {
			t.Errorf("%s can still be heard", name)
		}
	}
}

func TestUnknownAndDamagedFilesAreTold(t *testing.T) {
	voice, err := os.ReadFile("testdata/voice.ogg")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":           {nil, ErrKind},
		"AMR":               {[]byte("#!AMR\n\x3c"), ErrKind},
		"AAC in ADTS":       {[]byte{0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc}, ErrKind},
		"MPEG 4":            {[]byte("\x00\x00\x00\x18ftypM4A "), ErrKind},
		"Vorbis in Ogg":     {bytes.Replace(voice, []byte("OpusHead"), []byte("\x01vorbis\x00"), 1), ErrKind},
		"a head alone":      {voice[:47], ErrBroken},
		"no MP3 behind tag": {[]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), ErrBroken},
	} {
		if _, err := Open(bytes.Clone(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := Open(bytes.Clone(voice[:len(voice)/2]))
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Length(); d < time.Second/2 || d > 2500*time.Millisecond {
		t.Errorf("half a file lasts %v", d)
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Open(data)
		if err != nil {
			if !errors.Is(err, ErrKind) && !errors.Is(err, ErrBroken) {
				t.Fatal(err)
			}
			return
		}
		if r.Length() <= 0 {
			t.Fatal("nothing to hear")
		}
		buf := make([]float32, 4800)
		for _, speed := range []float64{1, 2} {
			p := r.Play(r.Length()/2, speed)
			for range 20 {
				for _, v := range buf[:p.Fill(buf)] {
					if v != v {
						t.Fatal("not a number")
					}
				}
			}
		}
		r.Forget()
	})
}
