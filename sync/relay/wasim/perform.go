package wasim

import (
	"context"
	"strings"
	"time"
)

// Perform makes the personas begin their scripts. It does nothing the second time.
func (s *Sim) Perform() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.performing {
		return
	}
	s.performing = true
	for _, p := range s.cfg.Personas {
		h := s.people[p.Key]
		if h == nil {
			continue
		}
		n := s.lineOf(h)
		s.schedule(s.natural(h.Script.Start), false, func(context.Context) { s.play(h, n, h.Script.Opening) })
	}
}

// natural scales a time of a script by the tempo. The caller holds mu.
func (s *Sim) natural(d time.Duration) time.Duration {
	if s.cfg.Tempo.Thinking <= 0 {
		return 0
	}
	scale := float64(s.cfg.Tempo.Thinking) / float64(NaturalTempo(1).Thinking)
	return time.Duration(float64(d) * scale)
}

// play performs lines one after the other, typing each. What was begun is finished, even if the agent writes meanwhile.
func (s *Sim) play(p *person, n *line, lines []Line) {
	if len(lines) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := lines[0]
	wait := s.natural(l.After) + s.vary(s.cfg.Tempo.PerRune*time.Duration(min(len([]rune(l.Text)), 160)))
	if l.Scene != "" {
		wait += s.natural(1500 * time.Millisecond)
	}
	s.schedule(wait, false, func(context.Context) {
		s.do(p, n, l)
		s.play(p, n, lines[1:])
	})
}

// do performs one line.
func (s *Sim) do(p *person, n *line, l Line) {
	if l.Echo {
		if _, err := s.EchoLine(p.Key, l); err != nil {
			s.log.Error("script cannot be followed", "error", err)
		}
		return
	}
	if _, err := s.DoTo(p.Key, n.ID, l); err != nil {
		s.log.Error("script cannot be followed", "error", err)
	}
}

// answerLater plans the answer to m, which will have been read after wait. A newer message replaces the plan, because
// people read all of it before they answer. The caller holds mu.
func (s *Sim) answerLater(m *message, wait time.Duration) {
	p := m.person
	p.answered++
	generation := p.answered
	s.schedule(wait+s.vary(s.cfg.Tempo.Thinking), false, func(context.Context) {
		s.mu.Lock()
		if p.answered != generation {
			s.mu.Unlock()
			return
		}
		lines := p.reply(m.Text + " " + m.Caption)
		s.mu.Unlock()
		s.play(p, m.number, lines)
	})
}

// reply chooses what to answer, and remembers that it was said.
func (p *person) reply(said string) []Line {
	said = strings.ToLower(said)
	if p.used == nil {
		p.used = map[int]bool{}
	}
	for i, r := range p.Script.Replies {
		if p.used[i] {
			continue
		}
		for _, w := range r.Words {
			if strings.Contains(said, w) {
				p.used[i] = true
				return r.Lines
			}
		}
	}
	if p.rest < len(p.Script.Rest) {
		p.rest++
		return p.Script.Rest[p.rest-1]
	}
	if p.thanked {
		return nil
	}
	p.thanked = true
	return []Line{{React: "👍"}}
}
