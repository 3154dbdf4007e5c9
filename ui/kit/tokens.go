package kit

import "image/color"

// Pair is a foreground and the soft background it is read on.
type Pair struct {
	// Ink is the colour of text and icons.
	Ink color.NRGBA
	// Soft is the background under them.
	Soft color.NRGBA
}

// Palette is every colour in use. There is one for light and one for dark; text on the backgrounds it
// is used on reaches a contrast of 4.5 and lines reach 3.0 (WCAG 2.2, success criteria 1.4.3 and
// 1.4.11), which a test computes.
type Palette struct {
	Canvas, Surface, Sunken, Raised       color.NRGBA // timeline, panes, chips, popups
	Rail, RailText, RailActive, RailHover color.NRGBA // navigation
	Border, BorderStrong                  color.NRGBA // lines, input borders
	Text, TextMuted, TextFaint            color.NRGBA // body, secondary, time and labels
	Accent, OnAccent                      color.NRGBA // primary actions and the focus ring, text on them
	AccentText, AccentSoft                color.NRGBA // links, soft fills
	BubbleIn, BubbleOut                   color.NRGBA // messages received and sent
	Note                                  Pair        // notes only colleagues see
	Privacy                               Pair        // masked data; this colour never means anything else
	Danger, Warn, OK, Info                Pair        // states
	Hover, Selected, Scrim                color.NRGBA // pointer over, chosen, dimmed behind a dialog
	Toast, OnToast, ToastAction           color.NRGBA // the short message at the bottom, dark in both themes
	Count                                 color.NRGBA // how much waits, on the rail
	Avatars                               [8]color.NRGBA
}

func hex(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func hexA(v uint32, alpha uint8) color.NRGBA {
	c := hex(v)
	c.A = alpha
	return c
}

func lightPalette() Palette {
	return Palette{
		Canvas: hex(0xF6F7F8), Surface: hex(0xFFFFFF), Sunken: hex(0xEEF1F3), Raised: hex(0xFFFFFF),
		Rail: hex(0x10262B), RailText: hex(0x9DB3B8), RailActive: hex(0xFFFFFF), RailHover: hex(0x243A3F),
		Border: hex(0xDFE4E8), BorderStrong: hex(0x868F98),
		Text: hex(0x14191F), TextMuted: hex(0x515C67), TextFaint: hex(0x5C6772),
		Accent: hex(0x0B6B6F), OnAccent: hex(0xFFFFFF), AccentText: hex(0x0A5F63), AccentSoft: hex(0xDDF0EF),
		BubbleIn: hex(0xFFFFFF), BubbleOut: hex(0xD9F0EC),
		Note:    Pair{hex(0x6B4A00), hex(0xFFF4D1)},
		Privacy: Pair{hex(0x5B3FC4), hex(0xECE7FB)},
		Danger:  Pair{hex(0xB42318), hex(0xFDE8E6)},
		Warn:    Pair{hex(0x8A4B00), hex(0xFFEFD6)},
		OK:      Pair{hex(0x1B6E3C), hex(0xE0F3E6)},
		Info:    Pair{hex(0x1F5FA8), hex(0xE3EEFA)},
		Hover:   hex(0xEEF2F4), Selected: hex(0xDCEEEE), Scrim: hexA(0x0A1216, 0x78),
		Toast: hex(0x1D262B), OnToast: hex(0xF2F5F7), ToastAction: hex(0x6FD3CD), Count: hex(0xFFC069), Avatars: avatarColours,
	}
}

func darkPalette() Palette {
	return Palette{
		Canvas: hex(0x0F1417), Surface: hex(0x151B1F), Sunken: hex(0x0B1013), Raised: hex(0x1C2429),
		Rail: hex(0x0A1214), RailText: hex(0x8FA3A9), RailActive: hex(0xFFFFFF), RailHover: hex(0x1E2A2E),
		Border: hex(0x29333A), BorderStrong: hex(0x6C7A84),
		Text: hex(0xE8EDF0), TextMuted: hex(0xA7B3BC), TextFaint: hex(0x95A3AD),
		Accent: hex(0x4CC2BC), OnAccent: hex(0x06201F), AccentText: hex(0x6FD3CD), AccentSoft: hex(0x14393A),
		BubbleIn: hex(0x1F282E), BubbleOut: hex(0x123F3D),
		Note:    Pair{hex(0xF2D48A), hex(0x3A3013)},
		Privacy: Pair{hex(0xB9A6FF), hex(0x2B2349)},
		Danger:  Pair{hex(0xFF8A80), hex(0x44201E)},
		Warn:    Pair{hex(0xFFC069), hex(0x3D2C12)},
		OK:      Pair{hex(0x7FD6A0), hex(0x163423)},
		Info:    Pair{hex(0x8DBEF5), hex(0x172E47)},
		Hover:   hex(0x1D262B), Selected: hex(0x17393A), Scrim: hexA(0x000000, 0x96),
		Toast: hex(0x2E3A41), OnToast: hex(0xE8EDF0), ToastAction: hex(0x6FD3CD), Count: hex(0xFFC069), Avatars: avatarColours,
	}
}

// avatarColours are calm backgrounds on which white reaches 4.5 in both themes.
var avatarColours = [...]color.NRGBA{
	hex(0x0B6B6F), hex(0x5B3FC4), hex(0x8A4B00), hex(0x1F5FA8),
	hex(0x9C2F6B), hex(0x3F6212), hex(0x8A3B2E), hex(0x475569),
}

// A Type is a step of the type scale. Sizes are for a text size of 100 %.
type Type uint8

// The type scale: size over line height, weight.
const (
	Body        Type = iota // 14/20 regular
	Display                 // 20/28 semibold
	Title                   // 18/24 semibold
	Heading                 // 15/20 semibold
	Name                    // 14/20 medium
	NameBold                // 14/20 semibold
	Label                   // 13/18 medium
	LabelBold               // 13/18 semibold
	Snippet                 // 13/18 regular
	Caption                 // 12/16 regular
	CaptionBold             // 12/16 semibold
	ChipText                // 11/18 medium
	Meta                    // 11/15 regular
	Mono                    // 13/20 monospace
	Figure                  // 32/40 semibold, a number to be read from afar
	Wall                    // 56/64 semibold, the same across a room
	typeCount
)

// Weight is the thickness of a face.
type Weight uint8

// The weights that are shipped.
const (
	Regular Weight = iota
	Medium
	SemiBold
	Italic
	Monospace
)

type typeSpec struct {
	size, line float32
	weight     Weight
}

var typeScale = [typeCount]typeSpec{
	Body:        {14, 20, Regular},
	Display:     {20, 28, SemiBold},
	Title:       {18, 24, SemiBold},
	Heading:     {15, 20, SemiBold},
	Name:        {14, 20, Medium},
	NameBold:    {14, 20, SemiBold},
	Label:       {13, 18, Medium},
	LabelBold:   {13, 18, SemiBold},
	Snippet:     {13, 18, Regular},
	Caption:     {12, 16, Regular},
	CaptionBold: {12, 16, SemiBold},
	ChipText:    {11, 18, Medium},
	Meta:        {11, 15, Regular},
	Mono:        {13, 20, Monospace},
	Figure:      {32, 40, SemiBold},
	Wall:        {56, 64, SemiBold},
}

// Space, radii and sizes in pixels at 100 %. They do not grow with the text size.
const (
	Grid         float32 = 4
	PaneInset    float32 = 16
	CardInset    float32 = 24
	ChipInset    float32 = 7
	ChipGap      float32 = 6
	ChipRadius   float32 = 9
	InputRadius  float32 = 8
	BubbleRadius float32 = 12
	TailRadius   float32 = 3
	CardRadius   float32 = 12
	DialogRadius float32 = 14
	HitSize      float32 = 32
	FocusWidth   float32 = 2
)

// TextSizes are the text sizes a person can choose, in percent.
var TextSizes = [...]int{90, 100, 115, 130}
