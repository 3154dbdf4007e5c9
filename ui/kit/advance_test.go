package kit_test

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// What is measured here must be what the driver draws: a difference would show as text over its neighbour.
func TestWidthsAreTheDrivers(t *testing.T) {
	themed(t, kit.Options{})
	words := strings.Fields("Wärmepumpe Heizungsraum AVATAR fjord fi ffl 4711 1x2 3.912/4.096 -> (10:00) Straße, „Angebot“ größer… perché città №5 " +
		"Ελλάδα Привет 👍 ❤️ 👩‍👩‍👧 🇩🇪 👍🏽 שלום עולם مرحبا، الطلب 2.345,00€ x—y @Sabine https://example.org/a?b=c&d")
	res := resources()
	for font, src := range map[kit.Font]fyne.Resource{kit.FontRegular: res.Regular, kit.FontMedium: res.Medium, kit.FontSemiBold: res.SemiBold,
		kit.FontItalic: res.Italic, kit.FontArabic: res.Arabic, kit.FontHebrew: res.Hebrew, kit.FontEmoji: res.Emoji} {
		for _, size := range []float32{11, 14, 14 * 1.15, 18.2} {
			for _, w := range append(words, strings.Join(words, " ")) {
				want, _ := fyne.CurrentApp().Driver().RenderedTextSize(w, size, fyne.TextStyle{}, src)
				if got := kit.Width(w, kit.Face{Font: font, Size: size}); got != want.Width {
					t.Errorf("font %d size %v %q: %v, the driver says %v", font, size, w, got, want.Width)
				}
			}
		}
	}
}

// A ratio to the driver in the same run: what a busy machine does to one it does to the other.
func TestMeasuringIsQuickerThanTheDriver(t *testing.T) {
	themed(t, kit.Options{})
	text := func(prefix string, i int) string {
		return prefix + strings.Repeat("aefg", i%5) + string(rune('A'+i%26)) + string(rune('a'+i/26))
	}
	res, n := resources(), 300
	took := func(f func(i int)) time.Duration {
		start := time.Now()
		for i := range n {
			f(i)
		}
		return time.Since(start)
	}
	face := kit.Face{Font: kit.FontRegular, Size: 14}
	kit.Width("warm", face)
	ours := took(func(i int) { kit.Width(text("ours", i), face) })
	theirs := took(func(i int) {
		fyne.CurrentApp().Driver().RenderedTextSize(text("else", i), 14, fyne.TextStyle{}, res.Regular)
	})
	if ours > theirs {
		t.Errorf("%d words: %v, the driver %v", n, ours, theirs)
	}
	t.Logf("%d words: %v, the driver %v", n, ours, theirs)
}
