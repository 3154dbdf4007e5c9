package ui

import (
	"errors"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// Areas of a decision.
const (
	areaAgree  = "agree"
	areaRefuse = "refuse"
)

// newDecisions is the page of what waits for the reader's decision: what colleagues ask to see, and messages the guard
// holds. Nobody finds anything of his own there.
func newDecisions(d *desk) *oversight {
	o := newOversight(d, word("action.decisions"), "check", word("decide.empty"), word("decide.empty.text"), word("decide.how"))
	o.line = func() string { return counted("decide.line", d.waiting()) }
	views := map[string]DecisionView{}
	o.gather = func() []oversightRow {
		clear(views)
		asks, messages := d.decisions()
		rows := func(list []DecisionView) (out []oversightRow) {
			for _, v := range list {
				views[v.ID] = v
				out = append(out, oversightRow{id: v.ID, conversation: v.Conversation, height: func(w float32) float32 { return decisionHeight(v, w) },
					draw: func(s *kit.Sketch, x, y, w float32) { paintDecision(s, v, o.hover, x, y, w) }})
			}
			return out
		}
		return o.group(rows(asks), rows(messages), word("decide.reveals"), word("decide.messages"))
	}
	o.act = func(id, area string) {
		if v, ok := views[id]; ok && !v.Busy && (area == areaAgree || area == areaRefuse) {
			d.decide(v, area == areaAgree)
		}
	}
	o.letter = func(id string, r rune) {
		switch r {
		case 'a', 'A':
			o.act(id, areaAgree)
		case 'd', 'D':
			o.act(id, areaRefuse)
		}
	}
	return o
}

// decisions are what waits for the reader.
func (d *desk) decisions() (asks, messages []DecisionView) {
	return decisionViews(d.house.reveals, d.house.held, func(id inbox.ConversationID) *Row { return rowWith(d.all, id) }, d.deciding, d.house, d.staff, d.clock())
}

func (d *desk) waiting() int {
	asks, messages := d.decisions()
	return len(asks) + len(messages)
}

// decide agrees to what somebody else asked for or wrote, or does not.
func (d *desk) decide(v DecisionView, agree bool) {
	if v.Message != "" {
		d.stepped(func() {
			d.submit(inbox.DecideHeld{Conversation: v.Conversation, Message: v.Message, Agree: agree})
			text := word("decide.released")
			if !agree {
				text = word("decide.kept")
			}
			d.u.toast(kit.Toast{Text: text, Icon: "check"})
			d.u.trace("held message decided")
		})
		return
	}
	d.deciding[v.ID] = true
	d.refreshPages()
	d.u.trace("reveal decided")
	go func() {
		_, err := d.ask(d.ctx, inbox.DecideReveal{Conversation: v.Conversation, Reveal: v.Reveal, Agree: agree})
		d.u.cfg.Post(func() {
			if d.ended() {
				return
			}
			text, icon := word("decide.agreed"), "check"
			if !agree {
				text = word("decide.refused")
			}
			if err != nil {
				text, icon = trouble(err), "warn"
				if !errors.Is(err, inbox.RefusedState) {
					delete(d.deciding, v.ID) // it can be tried again; otherwise somebody else was faster, and it goes by itself
				}
			}
			d.u.toast(kit.Toast{Text: text, Icon: icon})
			d.refreshPages()
			d.u.trace("reveal decision answered")
		})
	}()
}

// decisionText lays out what a decision is about.
func decisionText(v DecisionView, w float32) kit.Block {
	return layoutText(runsOf(v.Text), w-50-24, kit.Style{Type: kit.Snippet, MaxLines: 6})
}

// foundBlock lays out why a message is held.
func foundBlock(v DecisionView, w float32) kit.Block {
	return layoutText([]kit.Run{{Text: v.Found}}, w-50, kit.Style{Type: kit.Snippet, MaxLines: 3})
}

func decisionHeight(v DecisionView, w float32) float32 {
	h := 12 + kit.LineHeight(kit.Name) + kit.LineHeight(kit.Snippet) + kit.LineHeight(kit.Caption) + 8 + kit.Scaled(32) + 22
	if !v.Text.IsZero() {
		h += decisionText(v, w-pageLead-44).Height + 20
	}
	if v.Found != "" {
		h += foundBlock(v, w-pageLead-44).Height + 6
	}
	return h
}

// paintDecision paints who asks for what, about whom, why, and the two answers.
func paintDecision(s *kit.Sketch, v DecisionView, hover func(id string) string, x, y, w float32) {
	p := s.P
	pair := p.Privacy
	if v.Quoted {
		pair = p.Warn
	}
	top := y + 12
	s.Rect(x, top, 36, 36, pair.Soft, 18)
	s.Icon(v.Icon, x+9, top+9, 18, pair.Ink)
	tx, right := x+50, x+w
	if v.Left.Text != "" {
		c := chip(v.Left)
		right -= kit.ChipWidth(c)
		s.Chip(c, right, top+1)
	}
	s.TextIn(v.Title, tx, top, right-tx-8, kit.NameBold, p.Text, kit.AlignStart)
	top += kit.LineHeight(kit.Name)
	used := s.TextIn(v.Who, tx, top, w-60, kit.Snippet, p.TextMuted, kit.AlignStart)
	if v.Number != "" && used+tx+160 < x+w {
		s.RunsIn([]kit.Run{{Text: v.Number, Look: kit.Masked}}, tx+used+10, top, 160, kit.Snippet, p.Privacy.Ink, kit.AlignStart)
	}
	top += kit.LineHeight(kit.Snippet) + 2
	s.TextIn(v.Line, tx, top, x+w-tx, kit.Caption, p.TextMuted, kit.AlignStart)
	top += kit.LineHeight(kit.Caption) + 6
	if v.Found != "" {
		b := foundBlock(v, w)
		s.Block(b, tx, top-2, p.Warn.Ink)
		top += b.Height + 6
	}
	if !v.Text.IsZero() {
		b := decisionText(v, w)
		if v.Quoted {
			s.QuoteBar(tx, top, x+w-tx, b.Height+12, p.Accent, p.Sunken)
			s.Block(b, tx+14, top+6, p.Text)
		} else {
			s.Rect(tx, top, x+w-tx, b.Height+12, p.Sunken, kit.InputRadius)
			s.Block(b, tx+12, top+6, p.Text)
		}
		top += b.Height + 20
	}
	h := kit.Scaled(32)
	if v.Busy {
		s.TextIn(word("decide.busy"), tx, top+float32(int((h-kit.LineHeight(kit.Snippet))/2)), x+w-tx, kit.Snippet, p.TextMuted, kit.AlignStart)
		return
	}
	at := tx
	button := func(text, key, area string, strong bool) {
		tw, kw := kit.TextWidth(text, kit.NameBold), kit.TextWidth(key, kit.Snippet)
		bw := tw + kw + 38
		fill, line, c, k := p.Surface, p.BorderStrong, p.Text, p.TextMuted
		if strong {
			fill, line, c, k = p.Accent, p.Accent, p.OnAccent, p.OnAccent
		} else if hover(v.ID) == area {
			fill = p.Hover
		}
		s.Frame(at, top, bw, h, fill, line, 1, kit.InputRadius)
		mid := top + float32(int((h-kit.LineHeight(kit.NameBold))/2))
		s.Text(text, at+14, mid, kit.NameBold, c)
		s.Text(key, at+14+tw+10, top+float32(int((h-kit.LineHeight(kit.Snippet))/2)), kit.Snippet, k)
		s.Area(area, at, top-2, bw, h+4)
		at += bw + 10
	}
	button(v.Agree, "A", areaAgree, true)
	button(v.Refuse, "D", areaRefuse, false)
}
