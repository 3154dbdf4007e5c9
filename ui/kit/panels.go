package kit

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"
)

// group is a painted background with widgets on it, placed by a function of the size.
type group struct {
	Painted
	kids    []fyne.CanvasObject
	arrange func(size fyne.Size)
}

func (g *group) visibleObjects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject(nil), g.sketch.objs...), g.kids...)
}

// CreateRenderer implements fyne.Widget.
func (g *group) CreateRenderer() fyne.WidgetRenderer { return &groupRenderer{g: g} }

type groupRenderer struct {
	g    *group
	objs []fyne.CanvasObject
}

func (r *groupRenderer) Destroy() {}
func (r *groupRenderer) Layout(size fyne.Size) {
	if r.g.arrange != nil {
		r.g.arrange(size)
	}
	r.g.redraw(size)
}
func (r *groupRenderer) Refresh() {
	r.Layout(r.g.Size())
	for _, k := range r.g.kids {
		k.Refresh()
	}
}
func (r *groupRenderer) MinSize() fyne.Size {
	if r.g.min == nil {
		return fyne.NewSize(1, 1)
	}
	return r.g.min()
}
func (r *groupRenderer) Objects() []fyne.CanvasObject {
	r.objs = append(append(r.objs[:0], r.g.sketch.objs...), r.g.kids...)
	return r.objs
}

// Action is a word that can be tapped in a banner, strip or empty page.
type Action struct {
	Text string
	Do   func()
}

// buttons makes, or makes again, the flat buttons of actions.
func (g *group) buttons(actions []Action, kind ButtonKind) {
	g.kids = g.kids[:0]
	for _, a := range actions {
		g.kids = append(g.kids, NewButton(a.Text, kind, a.Do))
	}
}

// layRow places the group's widgets from x to the right, centred at y, and returns the end.
func (g *group) layRow(x, mid float32) float32 {
	for _, k := range g.kids {
		m := k.MinSize()
		k.Resize(m)
		k.Move(fyne.NewPos(x, round(mid-m.Height/2)))
		x += m.Width
	}
	return x
}

func (g *group) rowWidth() float32 {
	var w float32
	for _, k := range g.kids {
		w += k.MinSize().Width
	}
	return w
}

// Divider is a hairline.
type Divider struct{ Painted }

// NewDivider returns a horizontal or vertical hairline.
func NewDivider(vertical bool) *Divider {
	d := &Divider{}
	d.init(d, "", func(s *Sketch, size fyne.Size) {
		s.Rect(0, 0, size.Width, size.Height, s.P.Border, 0)
	}, func() fyne.Size { return fyne.NewSize(1, 1) })
	return d
}

// NewFill returns a plain background in a colour of the palette.
func NewFill(ink Ink) *Painted {
	return NewPainted("", func(s *Sketch, size fyne.Size) { s.Rect(0, 0, size.Width, size.Height, ink(s.P), 0) })
}

// Card is a bordered surface around contents.
type Card struct {
	group
	inset float32
}

// NewCard returns contents on a card with that much space inside its edge.
func NewCard(content fyne.CanvasObject, inset float32) *Card {
	c := &Card{inset: inset}
	c.kids = []fyne.CanvasObject{content}
	c.arrange = func(size fyne.Size) {
		content.Move(fyne.NewPos(inset, inset))
		content.Resize(fyne.NewSize(max(size.Width-2*inset, 0), max(size.Height-2*inset, 0)))
	}
	c.init(c, "", func(s *Sketch, size fyne.Size) {
		s.Frame(0, 0, size.Width, size.Height, s.P.Surface, s.P.Border, 1, CardRadius)
	}, func() fyne.Size { return content.MinSize().AddWidthHeight(2*inset, 2*inset) })
	return c
}

// HeightFor implements HeightFor.
func (c *Card) HeightFor(width float32) float32 {
	return heightFor(c.kids[0], width-2*c.inset) + 2*c.inset
}

// Panel is a soft field around contents, in the colours of a style.
type Panel struct {
	group
	style ChipStyle
	inset float32
}

// NewPanel returns contents on a soft field with that much space inside its edge.
func NewPanel(content fyne.CanvasObject, style ChipStyle, inset float32) *Panel {
	p := &Panel{style: style, inset: inset}
	p.kids = []fyne.CanvasObject{content}
	p.arrange = func(size fyne.Size) {
		content.Move(fyne.NewPos(inset, inset))
		content.Resize(fyne.NewSize(max(size.Width-2*inset, 0), max(size.Height-2*inset, 0)))
	}
	p.init(p, "", func(s *Sketch, size fyne.Size) {
		s.Rect(0, 0, size.Width, size.Height, s.P.inks(p.style).Soft, InputRadius)
	}, func() fyne.Size {
		m := content.MinSize().AddWidthHeight(2*inset, 2*inset)
		if w := p.Size().Width; w > 0 {
			m.Height = p.HeightFor(w)
		}
		return m
	})
	return p
}

// SetStyle changes the colours.
func (p *Panel) SetStyle(style ChipStyle) {
	p.style = style
	p.Refresh()
}

// HeightFor implements HeightFor.
func (p *Panel) HeightFor(width float32) float32 {
	return heightFor(p.kids[0], width-2*p.inset) + 2*p.inset
}

// InkOf is the colour of words on a soft field of a style.
func InkOf(style ChipStyle) Ink { return func(p *Palette) color.Color { return p.inks(style).Ink } }

// SoftOf is the ground words of a style are read on.
func SoftOf(style ChipStyle) Ink { return func(p *Palette) color.Color { return p.inks(style).Soft } }

// Notice is what a Banner or StatusStrip says.
type Notice struct {
	Style   ChipStyle // ChipNeutral, ChipOK, ChipWarn, ChipDanger, ChipInfo or ChipPrivacy
	Icon    string
	Title   string // in a banner: semibold above the text, "" for one line
	Text    string
	Actions []Action
}

// Banner is a soft field that says something about what is below it.
type Banner struct {
	group
	n Notice
}

// NewBanner returns a banner.
func NewBanner(n Notice) *Banner {
	b := &Banner{}
	b.init(b, "", b.paint, b.least)
	b.arrange = func(size fyne.Size) { b.layRow(b.textEnd(size.Width), size.Height/2) }
	b.Set(n)
	return b
}

// Set changes what the banner says.
func (b *Banner) Set(n Notice) {
	b.n = n
	b.name = n.Text
	if n.Title != "" {
		b.name = n.Title
	}
	b.buttons(n.Actions, Flat)
	b.Refresh()
}

const bannerLead = 40 // left edge to text

func (b *Banner) textWidth() float32 {
	w := TextWidth(b.n.Text, Label)
	if b.n.Title != "" {
		w = max(TextWidth(b.n.Text, Snippet), TextWidth(b.n.Title, NameBold))
	}
	return ceil(w)
}

func (b *Banner) textEnd(width float32) float32 {
	return bannerLead + min(b.textWidth(), max(width-bannerLead-b.rowWidth()-12, 40)) + 8
}

// wrapped lays out a text of the banner in the room its buttons leave.
func (b *Banner) wrapped(text string, t Type, width float32) Block {
	room := width - bannerLead - b.rowWidth() - 12
	if b.n.Title != "" {
		room -= 4
	}
	return Layout(SharedMetrics(), []Run{{Text: text}}, max(room, 40), Style{Type: t, Fill: true, Scale: Current().scale})
}

// HeightFor implements HeightFor: what a banner says is read to its end, on as many lines as it takes.
func (b *Banner) HeightFor(width float32) float32 {
	if b.n.Title == "" {
		return Scaled(34) + float32(b.wrapped(b.n.Text, Label, width).Lines-1)*LineHeight(Label)
	}
	return Scaled(62) + float32(b.wrapped(b.n.Title, NameBold, width).Lines-1)*LineHeight(NameBold) +
		float32(max(b.wrapped(b.n.Text, Snippet, width).Lines-1, 0))*LineHeight(Snippet)
}

func (b *Banner) least() fyne.Size {
	width := b.Size().Width
	if width <= 0 {
		width = 1e5 // nothing is known yet: one line
	}
	return fyne.NewSize(bannerLead+60+b.rowWidth(), b.HeightFor(width))
}

func (b *Banner) paint(s *Sketch, size fyne.Size) {
	pair := s.P.inks(b.n.Style)
	s.Rect(0, 0, size.Width, size.Height, pair.Soft, InputRadius)
	if b.n.Title == "" {
		text := b.wrapped(b.n.Text, Label, size.Width)
		top := round((size.Height - text.Height) / 2)
		s.Icon(b.n.Icon, 11, top+round((LineHeight(Label)-18)/2), 18, pair.Ink)
		s.Block(text, bannerLead-4, top, pair.Ink)
		return
	}
	// Over a title the icon stands beside the first line.
	title, text := b.wrapped(b.n.Title, NameBold, size.Width), b.wrapped(b.n.Text, Snippet, size.Width)
	top := round((size.Height - title.Height - max(text.Height, LineHeight(Snippet))) / 2)
	s.Icon(b.n.Icon, 13, top+1+round((LineHeight(NameBold)-20)/2), 20, pair.Ink)
	ink := pair.Ink
	if b.n.Style == ChipNeutral {
		ink = s.P.Text
	}
	s.Block(title, bannerLead+4, top, ink)
	s.Block(text, bannerLead+4, top+title.Height, pair.Ink)
}

// StatusStrip is the 28 pixel line above the panes. It is hidden while it has nothing to say.
type StatusStrip struct {
	group
	n Notice
}

// NewStatusStrip returns a hidden strip.
func NewStatusStrip() *StatusStrip {
	b := &StatusStrip{}
	b.init(b, "", func(s *Sketch, size fyne.Size) {
		pair := s.P.inks(b.n.Style)
		s.Rect(0, 0, size.Width, size.Height, pair.Soft, 0)
		x := b.lead(size.Width)
		s.Icon(b.n.Icon, x, round((size.Height-16)/2), 16, pair.Ink)
		s.TextIn(b.n.Text, x+24, round((size.Height-LineHeight(Label))/2), max(size.Width-x-24-b.rowWidth(), 40), Label, pair.Ink, AlignStart)
	}, func() fyne.Size { return fyne.NewSize(60+b.rowWidth(), Scaled(28)) })
	b.arrange = func(size fyne.Size) {
		b.layRow(b.lead(size.Width)+24+min(ceil(TextWidth(b.n.Text, Label)), max(size.Width-40-b.rowWidth(), 40))+4, size.Height/2)
	}
	b.Hide()
	return b
}

func (b *StatusStrip) lead(width float32) float32 {
	return max(round((width-24-TextWidth(b.n.Text, Label)-b.rowWidth())/2), 16)
}

// Set shows the strip with a notice. The title is not used.
func (b *StatusStrip) Set(n Notice) {
	b.n, b.name = n, n.Text
	b.buttons(n.Actions, Flat)
	b.Refresh()
	b.Show()
}

// Clear hides the strip.
func (b *StatusStrip) Clear() {
	b.n, b.name, b.kids = Notice{}, "", nil
	b.Hide()
}

// StepState is how far a step is.
type StepState uint8

// The states of a step.
const (
	StepTodo StepState = iota
	StepNow
	StepWait
	StepDone
	StepFailed
)

// Step is one line of Steps.
type Step struct {
	Title, Detail string
	State         StepState
}

// Steps shows a sequence: numbered, as on an enrolment card, or joined by a line, as on a receipt.
type Steps struct {
	Painted
	steps []Step
	joint bool
	start int
}

// NewSteps returns a sequence; joined draws it as a track of icons instead of numbered discs. first is
// the number of the first step, so that a form can put fields between steps.
func NewSteps(steps []Step, joined bool, first int) *Steps {
	v := &Steps{steps: steps, joint: joined, start: first}
	v.init(v, "", v.paint, func() fyne.Size { return fyne.NewSize(160, v.HeightFor(v.Size().Width)) })
	if len(steps) > 0 {
		v.name = steps[0].Title
	}
	return v
}

// Set changes the steps.
func (v *Steps) Set(steps []Step) {
	v.steps = steps
	v.Refresh()
}

// HeightFor implements HeightFor: what does not fit beside the track or the disc goes on in another line.
func (v *Steps) HeightFor(width float32) float32 {
	var h float32
	for i := range v.steps {
		h += v.height(i, width)
	}
	return h
}

const (
	trackLead = 30 // left edge of the track to text
	discLead  = 40 // left edge of the discs to text
)

// blocks lays out a step.
func (v *Steps) blocks(i int, width float32) (title, detail Block) {
	lead, typ := float32(discLead), NameBold
	if v.joint {
		lead, typ = trackLead, Name
	}
	room, m, scale := max(width-lead, 60), SharedMetrics(), Current().scale
	title = Layout(m, []Run{{Text: v.steps[i].Title}}, room, Style{Type: typ, Scale: scale})
	if v.steps[i].Detail != "" {
		detail = Layout(m, []Run{{Text: v.steps[i].Detail}}, room, Style{Type: Caption, Scale: scale})
	}
	return title, detail
}

func (v *Steps) height(i int, width float32) float32 {
	if v.joint {
		h := LineHeight(Name) + LineHeight(Caption)
		if width > trackLead {
			title, detail := v.blocks(i, width)
			h = max(h, title.Height+detail.Height)
		}
		return h + Scaled(18)
	}
	h := LineHeight(NameBold)
	if v.steps[i].Detail != "" {
		h += LineHeight(Caption)
	}
	if width > discLead {
		title, detail := v.blocks(i, width)
		h = max(h, title.Height+detail.Height)
	}
	return max(h+Scaled(10), 40)
}

func (v *Steps) paint(s *Sketch, size fyne.Size) {
	y := float32(0)
	for i, st := range v.steps {
		h := v.height(i, size.Width)
		ink, detail := color.Color(s.P.Text), color.Color(s.P.TextMuted)
		if st.State == StepTodo {
			ink = s.P.TextMuted
		}
		if v.joint {
			icon, c := "queued", color.Color(s.P.TextFaint)
			switch st.State {
			case StepDone:
				icon, c = "check", s.P.OK.Ink
			case StepNow, StepWait:
				icon, c = "clock", s.P.Warn.Ink
			case StepFailed:
				icon, c, detail = "warn", s.P.Danger.Ink, s.P.Danger.Ink
			}
			down := round((LineHeight(Name) - 20) / 2)
			s.Icon(icon, 0, y+1+down, 20, c)
			if i+1 < len(v.steps) {
				s.Rect(9, y+25+down, 2, h-28-down, s.P.Border, 1)
			}
			one, two := v.blocks(i, size.Width)
			s.Block(one, trackLead, y, ink)
			s.Block(two, trackLead, y+one.Height, detail)
			y += h
			continue
		}
		const d = 28
		switch st.State {
		case StepDone:
			s.Rect(0, y, d, d, s.P.OK.Soft, d/2)
			s.Icon("check", 6, y+6, 16, s.P.OK.Ink)
		case StepFailed:
			s.Rect(0, y, d, d, s.P.Danger.Soft, d/2)
			s.Icon("warn", 6, y+5, 16, s.P.Danger.Ink)
			detail = s.P.Danger.Ink
		default:
			fill, num := color.Color(s.P.Sunken), color.Color(s.P.TextMuted)
			if st.State != StepTodo {
				fill, num = s.P.Accent, s.P.OnAccent
			}
			s.Rect(0, y, d, d, fill, d/2)
			n := strconv.Itoa(v.start + i)
			s.Text(n, round((d-TextWidth(n, LabelBold))/2), y+round((d-LineHeight(LabelBold))/2), LabelBold, num)
		}
		top := y - 1
		if st.Detail == "" {
			top = y + round((d-LineHeight(NameBold))/2)
		}
		one, two := v.blocks(i, size.Width)
		s.Block(one, discLead, top, ink)
		s.Block(two, discLead, top+one.Height, detail)
		y += h
	}
}

// NewSkeleton returns grey placeholders in the shape of list rows of that height. They do not move.
func NewSkeleton(name string, rows int, height float32) *Painted {
	return NewPainted(name, func(s *Sketch, size fyne.Size) {
		for i := range rows {
			y := float32(i) * height
			if y > size.Height {
				return
			}
			d := min(float32(40), height-20)
			s.Rect(PaneInset, y+round((height-d)/2), d, d, s.P.Sunken, d/2)
			x := PaneInset + d + 12
			room := max(size.Width-x-PaneInset, 20)
			top := y + round(height/2) - 16
			// Widths vary a little, as names and sentences do.
			s.Rect(x, top, room*[]float32{.42, .35, .5, .38}[i%4], 11, s.P.Sunken, 5)
			s.Rect(x, top+20, room*[]float32{.86, .7, .78, .92}[i%4], 10, s.P.Sunken, 5)
		}
	})
}

// EmptyState is what a pane shows instead of nothing: what is the case and what to do.
type EmptyState struct {
	group
	icon  string
	title string
	text  *Text
	do    *Button // kept over what it says, and with it the keyboard's focus
}

// NewEmptyState returns an empty state. action may have no text.
func NewEmptyState(icon, title, advice string, action Action) *EmptyState {
	e := &EmptyState{}
	e.init(e, title, e.paint, func() fyne.Size { return fyne.NewSize(120, 80) })
	e.arrange = e.place
	e.text = NewText("", Snippet, InkMuted).Align(AlignCenter)
	e.do = NewButton("", Secondary, nil)
	e.Set(icon, title, advice, action)
	return e
}

// Set changes what is shown.
func (e *EmptyState) Set(icon, title, advice string, action Action) {
	e.icon, e.title, e.name = icon, title, title
	e.text.Set(advice)
	e.kids = append(e.kids[:0], e.text)
	if action.Text != "" {
		e.do.SetText(action.Text)
		e.do.OnTap = action.Do
		e.kids = append(e.kids, e.do)
	}
	e.Refresh()
}

func (e *EmptyState) top(size fyne.Size) (top, width float32) {
	width = min(size.Width-2*PaneInset, 320)
	h := 56 + 14 + LineHeight(Heading) + 6 + e.text.HeightFor(width)
	if len(e.kids) > 1 {
		h += 18 + e.kids[1].MinSize().Height
	}
	return max(round((size.Height-h)*0.42), 8), width
}

func (e *EmptyState) place(size fyne.Size) {
	top, width := e.top(size)
	if width <= 0 {
		return
	}
	y := top + 56 + 14 + LineHeight(Heading) + 6
	e.text.Move(fyne.NewPos(round((size.Width-width)/2), y))
	h := e.text.HeightFor(width)
	e.text.Resize(fyne.NewSize(width, h))
	if len(e.kids) > 1 {
		m := e.kids[1].MinSize()
		e.kids[1].Move(fyne.NewPos(round((size.Width-m.Width)/2), y+h+18))
		e.kids[1].Resize(m)
	}
}

func (e *EmptyState) paint(s *Sketch, size fyne.Size) {
	top, _ := e.top(size)
	x := round((size.Width - 56) / 2)
	s.Rect(x, top, 56, 56, s.P.AccentSoft, 28)
	s.Icon(e.icon, x+16, top+16, 24, s.P.AccentText)
	s.TextIn(e.title, PaneInset, top+56+14, size.Width-2*PaneInset, Heading, s.P.Text, AlignCenter)
}
