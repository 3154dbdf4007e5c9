package ui

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// draftWorker asks the company's server what the guard thinks of what is being typed, once its writer pauses.
type draftWorker struct {
	relay Relay
	post  Post
	after func(time.Duration) <-chan time.Time
	show  func(q inbox.CheckDraft, v inbox.Verdict, err error)
	typed poke

	mu     sync.Mutex
	target inbox.CheckDraft
}

// guardPause is how long nobody must have typed before a draft is judged.
const guardPause = 150 * time.Millisecond

// want asks for a text to be judged; without one nothing is asked.
func (w *draftWorker) want(q inbox.CheckDraft) {
	w.mu.Lock()
	w.target = q
	w.mu.Unlock()
	w.typed.set()
}

func (w *draftWorker) wanted() inbox.CheckDraft {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.target
}

func (w *draftWorker) run(ctx context.Context) {
	var asked inbox.CheckDraft
	for {
		select {
		case <-w.typed:
		case <-ctx.Done():
			return
		}
		q := w.wanted()
		for paused := false; !paused; {
			select {
			case <-w.typed:
			case <-w.after(guardPause):
				now := w.wanted()
				paused = now == q
				q = now
			case <-ctx.Done():
				return
			}
		}
		if q == asked {
			continue
		}
		if asked = q; q.Text == "" {
			continue
		}
		a, err := w.relay.Ask(ctx, q)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			asked = inbox.CheckDraft{} // it may be asked again
		}
		v, _ := a.(inbox.Verdict)
		w.post(func() { w.show(q, v, err) })
	}
}

// guardBar is the field above the composer in which the guard speaks.
type guardBar struct {
	c      *composer
	root   fyne.CanvasObject
	panel  *kit.Panel
	icon   *kit.Painted
	title  *kit.Text
	lines  *kit.Text
	reason *kit.Field
	answer *fyne.Container // the reason with its margin
	give   *fyne.Container // buttons for a message that is not in the composer
	take   *fyne.Container // the button that takes out what is refused
	view   GuardView

	about inbox.CheckDraft // what the verdict is about
	said  inbox.Verdict
	back  map[inbox.ConversationID]returned // what the company's server sent back, by conversation
	again map[inbox.ConversationID]Refused  // what waits for a reason
	seen  map[inbox.IntentID]bool           // refused messages whose text went back into the composer
}

func newGuardBar(c *composer) *guardBar {
	g := &guardBar{c: c, back: map[inbox.ConversationID]returned{}, again: map[inbox.ConversationID]Refused{}, seen: map[inbox.IntentID]bool{}}
	g.title = kit.NewText("", kit.NameBold, kit.InkWarn)
	g.lines = kit.NewText("", kit.Snippet, kit.InkText)
	g.reason = kit.NewField("", word("guard.reason"), false).SetMost(mostNoteReveal)
	g.reason.OnSubmit = g.submit
	g.reason.OnChange = func(string) { g.reason.SetNote(kit.ChipNeutral, "") }
	g.icon = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		s.Icon(g.view.Icon, 2, float32(int((kit.LineHeight(kit.NameBold)-18)/2)), 18, ink(g.view.Tone, s.P))
	}).SetMin(func() fyne.Size { return fyne.NewSize(28, 22) })
	send := kit.NewButton(word("guard.send.reason"), kit.Primary, g.submit)
	drop := kit.NewButton(word("guard.drop"), kit.Secondary, g.giveUp)
	g.give = kit.Inset(kit.Row(kit.Spring(), kit.Min(drop), kit.Gap(8), kit.Min(send)), 0, 2, 0, 0)
	g.take = kit.Inset(kit.Row(kit.Spring(), kit.Min(kit.NewButton(word("action.remove"), kit.Secondary, g.takeOut))), 0, 2, 0, 0)
	g.answer = kit.Inset(g.reason, 0, 6, 0, -8)
	g.panel = kit.NewPanel(kit.Row(kit.Fix(g.icon, 28), kit.Grow(kit.Column(kit.Min(g.title), kit.Gap(1), kit.Min(g.lines), kit.Min(g.answer), kit.Min(g.give), kit.Min(g.take)))), kit.ChipWarn, 10)
	g.root = kit.Inset(g.panel, 0, 0, 0, 8)
	g.root.Hide()
	return g
}

// waiting is a message of the open conversation that needs a reason and is not in the composer.
func (g *guardBar) waiting() (Refused, bool) {
	r, ok := g.again[g.c.d.open]
	return r, ok && r.Text == ""
}

// judge asks what the guard thinks of what is in the composer.
func (g *guardBar) judge() {
	c, d := g.c, g.c.d
	q := inbox.CheckDraft{Conversation: d.open, Text: c.text(), Pasted: d.pastedIn(d.open)}
	if c.view.Mode != ComposerReply || c.note || d.link.State != LinkOnline || strings.TrimSpace(q.Text) == "" {
		q = inbox.CheckDraft{}
	}
	if q.Text == "" {
		g.about, g.said = inbox.CheckDraft{}, inbox.Verdict{}
	}
	d.drafts.want(q)
	g.refresh()
}

// judged takes in what the guard answered.
func (g *guardBar) judged(q inbox.CheckDraft, v inbox.Verdict, err error) {
	d := g.c.d
	if d.ended() || q.Conversation != d.open || q.Text != g.c.text() {
		return
	}
	if err != nil {
		v = inbox.Verdict{} // the company's server looks at it again before it leaves
	}
	g.about, g.said = q, v
	g.refresh()
	if err == nil {
		d.u.trace("draft judged " + [...]string{"pass", "warn", "ask", "hold", "refuse"}[min(v.Action, inbox.GuardRefuse)])
	}
}

// refresh shows what the guard thinks.
func (g *guardBar) refresh() {
	c, d := g.c, g.c.d
	var v GuardView
	switch r, waits := g.waiting(); {
	case d.row == nil || d.row.Erased != 0 || c.note:
	case waits:
		v = GuardView{Action: inbox.GuardAsk, Tone: ToneWarn, Icon: "warn", Title: word("guard.ask"), Reason: true, Lines: []string{word("guard.back.other", "What", wishWord(r.Intent.Body))}}
	case c.view.Mode == ComposerReply:
		said := g.said
		if g.about.Conversation != d.open {
			said = inbox.Verdict{}
		}
		text := c.text()
		if said.Action != 0 && g.about.Text != text { // what it found may stand elsewhere now
			text = g.about.Text
		}
		v = guardView(text, said, g.backHere())
	}
	_, takes := g.without()
	takes = takes && v.Action == inbox.GuardRefuse
	if sameGuard(v, g.view) && g.root.Visible() == (v.Action != 0) && g.take.Visible() == takes {
		return
	}
	was := g.view
	g.view = v
	visible(g.root, v.Action != 0)
	_, waits := g.waiting()
	visible(g.answer, v.Reason)
	visible(g.give, waits)
	visible(g.take, takes)
	if v.Reason && !was.Reason {
		g.reason.SetText("")
		g.reason.SetNote(kit.ChipNeutral, "")
	}
	style := chipStyles[v.Tone]
	g.panel.SetStyle(style)
	g.title.SetInk(kit.InkOf(style))
	g.title.Set(v.Title)
	g.lines.Set(strings.Join(v.Lines, "\n"))
	g.icon.Refresh()
	c.enable()
	d.panes.refresh()
	if v.Action != 0 && v.Title != was.Title {
		d.u.trace("guard shown")
	}
}

// without is the draft without the parts that are refused, and false when none of it can be pointed at, or it changed since.
func (g *guardBar) without() (string, bool) {
	text := g.c.text()
	if g.about.Conversation != g.c.d.open || g.about.Text != text {
		return "", false
	}
	cut := make([]bool, len(text))
	found := false
	for _, f := range g.said.Findings {
		if f.Action == inbox.GuardRefuse && quotedPart(f, text) != "" {
			found = true
			for i := f.From; i < f.To || i == f.To && i < len(text) && text[i] == ' '; i++ { // with the space after it
				cut[i] = true
			}
		}
	}
	var left []byte
	for i := range cut {
		if !cut[i] {
			left = append(left, text[i])
		}
	}
	return strings.TrimSpace(string(left)), found
}

// takeOut leaves only what may be sent in the composer.
func (g *guardBar) takeOut() {
	if text, ok := g.without(); ok {
		g.c.d.putBack(text)
	}
}

// backHere is what came back in the open conversation.
func (g *guardBar) backHere() returned {
	d := g.c.d
	if r, ok := g.again[d.open]; ok {
		return returned{text: r.Text, action: inbox.GuardAsk}
	}
	return g.back[d.open]
}

func sameGuard(a, b GuardView) bool {
	return a.Action == b.Action && a.Tone == b.Tone && a.Icon == b.Icon && a.Title == b.Title && a.Reason == b.Reason && a.Button == b.Button && slices.Equal(a.Lines, b.Lines)
}

// answered returns what is said to the guard with a message, and false when it must not be sent, or not yet.
func (g *guardBar) answered() (inbox.Said, bool) {
	d := g.c.d
	s := inbox.Said{Pasted: d.pastedIn(d.open)}
	switch {
	case g.view.Action == inbox.GuardRefuse:
		d.u.toast(kit.Toast{Text: g.view.Title, Icon: "warn"})
		return s, false
	case g.view.Reason:
		s.Reason = strings.TrimSpace(g.reason.Text())
		if s.Reason == "" || g.reason.Long() {
			g.reason.SetNote(kit.ChipDanger, word("guard.reason.missing"))
			d.u.cfg.Window.Canvas().Focus(g.reason.Input())
			return s, false
		}
	}
	return s, true
}

// submit sends what waits for a reason.
func (g *guardBar) submit() {
	d := g.c.d
	r, waits := g.waiting()
	if !waits {
		d.send()
		return
	}
	s, ok := g.answered()
	if !ok {
		return
	}
	d.submitInstead(r.Intent.ID, withSaid(r.Intent.Body, s))
	g.settled()
	d.sent()
}

// giveUp drops a message that waits for a reason.
func (g *guardBar) giveUp() {
	if r, waits := g.waiting(); waits {
		g.c.d.dismiss(r.Intent.ID)
		g.settled()
		g.c.focus()
	}
}

// settled forgets what the guard said about what has just been sent.
func (g *guardBar) settled() {
	d := g.c.d
	if r, ok := g.again[d.open]; ok {
		g.seen[r.Intent.ID] = true
	}
	delete(g.again, d.open)
	delete(g.back, d.open)
	g.about, g.said = inbox.CheckDraft{}, inbox.Verdict{}
	d.drafts.want(inbox.CheckDraft{})
	g.refresh()
}

// refused takes in which messages of the open conversation came back.
func (g *guardBar) refused(list []Refused) {
	c, d := g.c, g.c.d
	var ask *Refused
	for i := range list {
		r := &list[i]
		switch {
		case g.seen[r.Intent.ID]:
		case r.Returned:
			ask = r
		case r.Refusal == inbox.RefusedGuard && r.Text != "":
			g.seen[r.Intent.ID] = true
			if c.text() == "" && !c.note && c.view.Mode == ComposerReply { // else it stays where it is, with its reason
				g.back[d.open] = returned{text: r.Text, action: inbox.GuardRefuse}
				d.putBack(r.Text)
				d.dismiss(r.Intent.ID)
			}
		}
	}
	was, had := g.again[d.open]
	switch {
	case ask == nil && had:
		delete(g.again, d.open)
	case ask != nil && (!had || was.Intent.ID != ask.Intent.ID):
		g.again[d.open] = *ask
		if ask.Text != "" && c.text() == "" && !c.note {
			d.putBack(ask.Text)
		}
		d.u.trace("message came back")
	default:
		return
	}
	g.judge()
}

// putBack puts a text that was sent back into the composer.
func (d *desk) putBack(text string) {
	d.comp.setText(text)
	d.keepDraft(d.open, text)
	d.comp.guard.judge()
	d.comp.focus()
}

// submitInstead makes a wish in the place of one that was refused.
func (d *desk) submitInstead(refused inbox.IntentID, body inbox.IntentBody) {
	i := inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(d.u.cfg.Now()), Body: body}
	d.writer.later(func(ctx context.Context) {
		if err := d.writer.model.SubmitInstead(ctx, refused, i); err != nil && ctx.Err() == nil {
			d.writer.failed(i, err)
		}
	})
}

// copies remembers from which conversation text was copied: its hash, not the text.
type copies struct {
	salt [16]byte
	list []copied
}

type copied struct {
	sum  [sha256.Size]byte
	from inbox.ConversationID
}

// mostCopies is how many copies are remembered.
const mostCopies = 32

func (c *copies) hash(text string) [sha256.Size]byte {
	return sha256.Sum256(append(c.salt[:], strings.Join(strings.Fields(text), " ")...))
}

func (c *copies) remember(text string, from inbox.ConversationID) {
	if strings.TrimSpace(text) == "" || from == "" {
		return
	}
	c.list = append(c.list, copied{c.hash(text), from})
	if len(c.list) > mostCopies {
		c.list = slices.Delete(c.list, 0, 1)
	}
}

// origin is where a text was copied last; "" for elsewhere.
func (c *copies) origin(text string) inbox.ConversationID {
	sum := c.hash(text)
	for i := len(c.list) - 1; i >= 0; i-- {
		if c.list[i].sum == sum {
			return c.list[i].from
		}
	}
	return ""
}

// pasting notes that a text goes into the open composer that came from another conversation.
func (d *desk) pasting(text string) {
	if from := d.copies.origin(text); from != "" && from != d.open {
		d.pastes[d.open] = from
		d.u.trace("pasted from another conversation")
	}
}

// pastedIn is the conversation from which a part of what is being written was pasted; "" for none.
func (d *desk) pastedIn(id inbox.ConversationID) inbox.ConversationID { return d.pastes[id] }
