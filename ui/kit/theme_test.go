package kit_test

import (
	"image/color"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"sealdesk/ui/kit"
)

func TestAChangeOfThemeRedrawsEverything(t *testing.T) {
	themed(t, kit.Options{Mode: kit.Light})
	l := newPile(30).list(kit.ListConfig{})
	text := kit.NewText("A sentence that takes more lines when it is larger than it was before.", kit.Body, kit.InkText)
	w := window(t, kit.Column(kit.Min(text), kit.Min(kit.NewButton("Send", kit.Primary, nil)), kit.Grow(l)), 260, 300)
	before := w.Canvas().Capture()
	height := text.HeightFor(200)
	app := fyne.CurrentApp()
	app.Settings().SetTheme(kit.Current().With(kit.Options{Mode: kit.Dark, TextSize: 130}))
	w.Content().Refresh() // the desktop driver does this for every window
	if n := different(before, w.Canvas().Capture()); n < 260*300/2 {
		t.Errorf("only %d pixels changed", n)
	}
	if text.HeightFor(200) <= height {
		t.Error("the text did not grow")
	}
}

func TestStockWidgetsTakeOurColoursAndSizes(t *testing.T) {
	th := kit.NewTheme(resources(), kit.Options{Mode: kit.Dark, TextSize: 115})
	p := th.Palette(theme.VariantLight)
	for name, want := range map[fyne.ThemeColorName]color.Color{
		theme.ColorNamePrimary: p.Accent, theme.ColorNameForeground: p.Text, theme.ColorNameMenuBackground: p.Raised,
		theme.ColorNameInputBorder: p.BorderStrong, theme.ColorNameSeparator: p.Border, theme.ColorNameError: p.Danger.Ink,
	} {
		if got := th.Color(name, theme.VariantLight); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if got := th.Size(theme.SizeNameText); got < 16.09 || got > 16.11 {
		t.Errorf("text at 115 %%: %v", got)
	}
	if th.Size(theme.SizeNameInputRadius) != kit.InputRadius {
		t.Error("inputs do not have our radius")
	}
	names := map[string]fyne.TextStyle{}
	for _, s := range []fyne.TextStyle{{}, {Bold: true}, {Italic: true}} {
		n := th.Font(s).Name()
		if _, twice := names[n]; twice {
			t.Errorf("two styles share the font resource %s", n)
		}
		names[n] = s
	}
}

func TestSystemModeFollowsTheSystem(t *testing.T) {
	th := kit.NewTheme(resources(), kit.Options{})
	if th.Palette(theme.VariantDark).Surface == th.Palette(theme.VariantLight).Surface {
		t.Error("the system's mode does not change the colours")
	}
	light := th.With(kit.Options{Mode: kit.Light})
	if light.Palette(theme.VariantDark).Surface != th.Palette(theme.VariantLight).Surface {
		t.Error("a chosen mode does not win over the system's")
	}
}

func TestNothingIsKeptAfterContentsGo(t *testing.T) {
	themed(t, kit.Options{})
	p := newPile(50)
	for _, id := range p.ids {
		p.text[id] = "secret " + id
	}
	l := p.list(kit.ListConfig{StickBottom: true})
	w := window(t, l, 300, 400)
	if !strings.Contains(strings.Join(kit.Texts(w.Content()), " "), "secret") {
		t.Fatal("the rows were not shown")
	}
	p.ids = nil
	l.Reset()
	if s := strings.Join(kit.Texts(w.Content()), " "); strings.Contains(s, "secret") {
		t.Errorf("still shown: %d runes", len(s))
	}
}

// The rules of the design that a reader of the code could break without noticing.
func TestSourceKeepsTheRules(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for rule, bad := range map[string]string{
			"no call that queues on the main goroutine": `\bfyne\.Do(AndWait)?\(`,
			"no goroutine":                   `(?m)^\s*go (func|\w+\.?\w*\()`,
			"no animation":                   `NewAnimation|StartAnimation`,
			"no timer":                       `\btime\.(Sleep|After|NewTimer|NewTicker|AfterFunc)`,
			"no wrapping label":              `widget\.NewLabel|widget\.NewRichText`,
			"no double tap":                  `func \([^)]*\) DoubleTapped\(`,
			"no package of ours":             `"sealdesk/`,
			"no cast to the desktop driver":  `\.\(desktop\.Driver\)`,
			"no colour outside the tokens":   `hex\(0x`,
			"no notification with contents":  `SendNotification`,
			"no shadow (slow, blurred)":      `NewShadow`,
			"no text a translator can't see": `lang\.L\(`,
		} {
			if f == "tokens.go" && rule == "no colour outside the tokens" {
				continue
			}
			if loc := regexp.MustCompile(bad).Find(src); loc != nil {
				t.Errorf("%s: %s (%s)", f, rule, loc)
			}
		}
	}
}
