package kit

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Resources is where a Theme takes fonts and icons from. A nil font means Fyne's own; a nil Icon
// draws none.
type Resources struct {
	Regular, Medium, SemiBold, Italic fyne.Resource
	Arabic, Hebrew, Emoji             fyne.Resource
	// Icon returns the icon of that name in that colour, always the same pointer for the same
	// arguments, because textures are kept per resource.
	Icon func(name string, c color.Color) fyne.Resource
}

// Mode says which palette a Theme uses.
type Mode uint8

// The modes. System follows the operating system.
const (
	System Mode = iota
	Light
	Dark
)

// Options are the choices a person has about looks. The zero value is the system's mode at 100 %.
type Options struct {
	Mode     Mode
	Contrast bool // text reaches 7 instead of 4.5, lines are stronger
	TextSize int  // percent, one of TextSizes; 0 is 100
	Compact  bool // less free space in and between rows
}

// Theme is a fyne.Theme over the tokens of this package. It is immutable: to change a choice, set the
// Theme that With returns on the application, and every widget redraws.
type Theme struct {
	res         Resources
	opt         Options
	scale       float32
	light, dark Palette
	base        fyne.Theme
}

var _ fyne.Theme = (*Theme)(nil)

// NewTheme returns a Theme with the given fonts, icons and choices.
func NewTheme(res Resources, opt Options) *Theme {
	t := &Theme{res: res, opt: opt, scale: 1, light: lightPalette(), dark: darkPalette(), base: theme.DefaultTheme()}
	if opt.TextSize > 0 {
		t.scale = float32(opt.TextSize) / 100
	}
	if opt.Contrast {
		t.light, t.dark = contrasted(t.light), contrasted(t.dark)
	}
	return t
}

// With returns a Theme of the same resources with other choices.
func (t *Theme) With(opt Options) *Theme { return NewTheme(t.res, opt) }

// Options returns the choices the Theme was made with.
func (t *Theme) Options() Options { return t.opt }

// Scale is the text size as a factor, 1 at 100 %.
func (t *Theme) Scale() float32 { return t.scale }

// Palette returns the colours for what the system currently prefers, unless a mode was chosen.
func (t *Theme) Palette(system fyne.ThemeVariant) *Palette {
	switch {
	case t.opt.Mode == Dark, t.opt.Mode == System && system == theme.VariantDark:
		return &t.dark
	}
	return &t.light
}

// Font implements fyne.Theme.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource {
	var r fyne.Resource
	switch {
	case s.Monospace, s.Symbol:
	case s.Bold:
		r = t.res.SemiBold
	case s.Italic:
		r = t.res.Italic
	default:
		r = t.res.Regular
	}
	if r == nil {
		return t.base.Font(s)
	}
	return r
}

// Icon implements fyne.Theme with Fyne's own icons, which appear only inside stock widgets.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return t.base.Icon(n) }

// Color implements fyne.Theme, so that stock widgets (text entries, menus) look like ours.
func (t *Theme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	p := t.Palette(v)
	switch n {
	case theme.ColorNameBackground:
		return p.Canvas
	case theme.ColorNameButton:
		return p.Sunken
	case theme.ColorNameDisabledButton:
		return p.Sunken
	case theme.ColorNameDisabled, theme.ColorNamePlaceHolder:
		return p.TextFaint
	case theme.ColorNameForeground:
		return p.Text
	case theme.ColorNameForegroundOnError, theme.ColorNameForegroundOnSuccess, theme.ColorNameForegroundOnWarning:
		return p.Surface
	case theme.ColorNameForegroundOnPrimary:
		return p.OnAccent
	case theme.ColorNamePrimary:
		return p.Accent
	case theme.ColorNameHyperlink:
		return p.AccentText
	case theme.ColorNameError:
		return p.Danger.Ink
	case theme.ColorNameWarning:
		return p.Warn.Ink
	case theme.ColorNameSuccess:
		return p.OK.Ink
	case theme.ColorNameFocus, theme.ColorNameSelection:
		// Both lie over text that keeps its colour, so they are washes of the accent.
		c := p.Accent
		c.A = 0x38
		return c
	case theme.ColorNameHover:
		return p.Hover
	case theme.ColorNamePressed:
		return p.Selected
	case theme.ColorNameHeaderBackground:
		return p.Surface
	case theme.ColorNameInputBackground:
		return p.Surface
	case theme.ColorNameInputBorder:
		return p.BorderStrong
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground:
		return p.Raised
	case theme.ColorNameSeparator:
		return p.Border
	case theme.ColorNameShadow:
		return color.NRGBA{} // shadows are slow and blurred; popups have a line
	case theme.ColorNameScrollBar:
		c := p.BorderStrong
		c.A = 0x90
		return c
	case theme.ColorNameScrollBarBackground:
		return color.NRGBA{}
	}
	return t.base.Color(n, v)
}

// Size implements fyne.Theme.
func (t *Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameText:
		return 14 * t.scale
	case theme.SizeNameHeadingText:
		return 20 * t.scale
	case theme.SizeNameSubHeadingText:
		return 15 * t.scale
	case theme.SizeNameCaptionText:
		return 12 * t.scale
	case theme.SizeNamePadding:
		return 4
	case theme.SizeNameInnerPadding:
		return 8
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius:
		return InputRadius
	case theme.SizeNameInputBorder, theme.SizeNameSeparatorThickness:
		return 1
	case theme.SizeNameScrollBar, theme.SizeNameScrollBarSmall:
		return 6
	case theme.SizeNameScrollBarRadius:
		return 3
	case theme.SizeNameInlineIcon:
		return 20
	case theme.SizeNameLineSpacing:
		return 4
	}
	return t.base.Size(n)
}

// plain stands in while no Theme of this package is set, so that a widget never draws nothing.
var plain = NewTheme(Resources{}, Options{Mode: Light})

// Current returns the Theme of the running application.
func Current() *Theme {
	if app := fyne.CurrentApp(); app != nil {
		if t, ok := app.Settings().Theme().(*Theme); ok {
			return t
		}
	}
	return plain
}

// Colours returns the colours in force.
func Colours() *Palette {
	v := theme.VariantLight
	if app := fyne.CurrentApp(); app != nil {
		v = app.Settings().ThemeVariant()
	}
	return Current().Palette(v)
}

// LineHeight is the height of one line of that type at the current text size.
func LineHeight(t Type) float32 { return round(typeScale[t].line * Current().scale) }

// Dense is the free space of a place in the density in force: one length where a person likes it roomy, another where
// compact. Neither grows with the text size.
func Dense(roomy, compact float32) float32 {
	if Current().opt.Compact {
		return compact
	}
	return roomy
}

// Scaled multiplies a length by the current text size, for things that must grow with text.
func Scaled(v float32) float32 { return round(v * Current().scale) }
