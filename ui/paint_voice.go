package ui

import (
	"image/color"
	"time"

	"sealdesk/ui/kit"
)

// Lengths of a recording in its bubble.
const (
	voiceDisc float32 = 38
	voiceLead float32 = voiceDisc + 10 // where the waveform starts
	voiceWide float32 = 272
)

// voiceSize is the room of a recording.
func voiceSize(most float32) (w, h float32) {
	return min(kit.Scaled(voiceWide), most), max(voiceDisc, waveHeight()+kit.LineHeight(kit.Caption))
}

func waveHeight() float32 { return kit.Scaled(24) }

// wavePart is how far along a waveform a place of the row is, from 0 to 1.
func (l *placed) wavePart(x float32) float32 {
	from := l.x + bubblePadX + voiceLead
	return min(max((x-from)/max(l.cardW-voiceLead, 1), 0), 1)
}

// drawVoice paints a recording: what plays it, its waveform, and below that how long it is.
func (l *placed) drawVoice(s *kit.Sketch, x, y float32, k look) {
	c, p, v := l.v.Card, s.P, k.voice
	top := y + float32(int((l.cardH-voiceDisc)/2))
	fill, sign, icon := color.Color(p.Accent), color.Color(p.OnAccent), "play"
	switch v.state {
	case voiceComing:
		fill, sign, icon = l.inset(p), p.AccentText, "close"
	case voicePlaying:
		icon = "pause"
	case voiceFailed:
		fill, sign, icon = p.Warn.Soft, p.Warn.Ink, "retry"
	}
	s.Rect(x, top, voiceDisc, voiceDisc, fill, voiceDisc/2)
	if k.area == areaPlay {
		s.Frame(x-2, top-2, voiceDisc+4, voiceDisc+4, nil, p.Accent, kit.FocusWidth, voiceDisc/2+2)
	}
	if v.state == voiceComing {
		s.Ring(x, top, voiceDisc, 3, v.part, p.Accent, p.Border)
	}
	s.Icon(icon, x+10, top+10, voiceDisc-20, sign)
	s.Area(areaPlay, x-4, y-2, voiceDisc+8, l.cardH+4)
	x += voiceLead
	w := l.cardW - voiceLead
	if v.state == voiceFailed {
		b := layoutText([]kit.Run{{Text: v.problem}}, w, kit.Style{Type: kit.Caption, MaxLines: 2})
		s.Block(b, x, y, p.Warn.Ink)
		return
	}
	l.drawWave(s, x, y, w, v)
	s.Area(areaWave, x, y-2, w, waveHeight()+4)
	text := c.Detail
	if v.length > 0 {
		text = heardText(v.at) + " / " + lengthText(v.length.Milliseconds())
	}
	under := y + waveHeight() + 1
	d := kit.Scaled(13)
	s.Icon(c.Icon, x, under+float32(int((kit.LineHeight(kit.Caption)-d)/2)), d, p.TextMuted)
	at := x + d + 4
	at += s.Text(text, at, under, kit.Caption, p.TextMuted)
	if v.speed != "" {
		cw := kit.TextWidth(v.speed, kit.ChipText) + 12
		ch := kit.LineHeight(kit.Caption)
		ground, line := l.inset(p), color.Color(p.Border)
		if k.area == areaSpeed {
			line = p.BorderStrong
		}
		s.Frame(at+8, under, cw, ch, ground, line, 1, ch/2)
		s.Text(v.speed, at+14, under+float32(int((ch-kit.LineHeight(kit.ChipText))/2)), kit.ChipText, p.AccentText)
		s.Area(areaSpeed, at+2, under-6, cw+12, ch+14)
	}
}

// drawWave paints how loud a recording is when, as far as that is known, and how far it was heard.
func (l *placed) drawWave(s *kit.Sketch, x, y, w float32, v voiceLook) {
	p := s.P
	heard := v.part
	if v.state == voiceNone || v.state == voiceComing {
		heard = 0
	}
	mid := y + float32(int(waveHeight()/2))
	rest := p.TextFaint
	rest.A = 0x90
	if len(v.shape) == 0 {
		s.Rect(x, mid-1.5, w, 3, l.track(p), 1.5)
		if heard > 0 {
			s.Rect(x, mid-1.5, w*heard, 3, p.Accent, 1.5)
		}
	} else {
		step := w / float32(len(v.shape))
		thick := max(step*0.55, 2)
		for i, n := range v.shape {
			h := max((waveHeight()-2)*float32(n)/255, 3)
			ink := color.Color(rest)
			if (float32(i)+0.5)/float32(len(v.shape)) <= heard {
				ink = p.Accent
			}
			s.Rect(x+float32(i)*step, mid-h/2, thick, h, ink, thick/2)
		}
	}
	if v.speed != "" {
		const knob = 10
		s.Rect(x+(w-knob)*heard, mid-knob/2, knob, knob, p.Accent, knob/2)
	}
}

// track is the colour of a line that stands for a recording nobody has heard yet.
func (l *placed) track(p *kit.Palette) color.Color {
	c := p.TextFaint
	c.A = 0x60
	return c
}

// heardText is a place in a recording, as players write it.
func heardText(d time.Duration) string { return lengthText(d.Truncate(time.Second).Milliseconds()) }
