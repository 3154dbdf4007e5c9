package assets

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"image/color"
	"image/png"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
)

var update = flag.Bool("update", false, "write icon.png from icon.svg again")

var ink = color.NRGBA{R: 0x0b, G: 0x6b, B: 0x6f, A: 0xff}

func TestSameNameAndColourIsTheSamePointer(t *testing.T) {
	if Font(FontRegular) != Font(FontRegular) {
		t.Error("a font was loaded twice")
	}
	if Icon("lock", ink) != Icon("lock", color.RGBA{R: 0x0b, G: 0x6b, B: 0x6f, A: 0xff}) {
		t.Error("an icon was coloured twice")
	}
	if Icon("lock", ink).Name() == Icon("lock", color.Black).Name() {
		t.Error("two colours share a resource name, so they would share a texture")
	}
}

func TestEveryFontIsEmbeddedUnderItsNameWithALicence(t *testing.T) {
	fontNames := []string{FontRegular, FontMedium, FontSemiBold, FontItalic, FontArabic, FontHebrew, FontEmoji}
	seen := map[string]bool{}
	for _, n := range fontNames {
		r := Font(n)
		if len(r.Content()) < 10_000 || seen[r.Name()] {
			t.Errorf("%s: %d bytes, name used before: %v", n, len(r.Content()), seen[r.Name()])
		}
		seen[r.Name()] = true
	}
	for _, l := range FontLicences() {
		if !strings.Contains(l.Text, "SIL OPEN FONT LICENSE") || !strings.Contains(l.Text, "Copyright") {
			t.Errorf("%s: not a licence with its notice", l.Name)
		}
	}
	if len(FontLicences()) != 3 {
		t.Errorf("licences: %d, want one per family", len(FontLicences()))
	}
}

func TestIconsFollowTheDrawingRules(t *testing.T) {
	head := `viewBox="0 0 24 24" fill="none" stroke="#000000" stroke-width="1.75" stroke-linecap="round"`
	other := regexp.MustCompile(`#[0-9a-fA-F]{6}`)
	want := strings.Fields("inbox user eye device document clock pulse shield lock unlock settings send clip template smile note search warn tick double-tick queued wipe check snooze close chevron-down image wifi-off update info retry plus help")
	names := IconNames()
	for _, w := range want {
		if !slices.Contains(names, w) {
			t.Errorf("icon %s is missing", w)
		}
	}
	for _, n := range names {
		raw, err := icons.ReadFile("icons/" + n + ".svg")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), head) {
			t.Errorf("icon %s is not on the 24 grid with the common stroke", n)
		}
		for _, c := range other.FindAllString(string(raw), -1) {
			if c != "#000000" {
				t.Errorf("icon %s has a colour of its own", n)
			}
		}
		if got := string(Icon(n, ink).Content()); strings.Contains(got, "#000000") || !strings.Contains(got, "#0b6b6f") {
			t.Errorf("icon %s was not coloured", n)
		}
	}
}

func TestEveryIconDrawsInsideItsGrid(t *testing.T) {
	test.NewTempApp(t)
	for _, n := range IconNames() {
		img := canvas.NewImageFromResource(Icon(n, color.Black))
		img.Resize(fyne.NewSquareSize(48))
		c := software.NewTransparentCanvas()
		c.SetPadded(false)
		c.SetContent(img)
		c.Resize(fyne.NewSquareSize(48))
		out := c.Capture()
		inked, edge := 0, 0
		b := out.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				if _, _, _, a := out.At(x, y).RGBA(); a > 0x8000 {
					inked++
					if x == b.Min.X || y == b.Min.Y || x == b.Max.X-1 || y == b.Max.Y-1 {
						edge++
					}
				}
			}
		}
		if inked < 20 || edge > 0 {
			t.Errorf("icon %s: %d pixels inked, %d on the edge", n, inked, edge)
		}
	}
}

func TestUnknownIconShowsAsHelp(t *testing.T) {
	if !bytes.Equal(Icon("no such icon", ink).Content(), Icon("help", ink).Content()) {
		t.Error("an unknown icon is not the help icon")
	}
}

func TestTranslationsAreJSONAndUnknownLanguagesAreRefused(t *testing.T) {
	for _, l := range Languages() {
		data, err := Translations(l)
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil || len(m) == 0 {
			t.Errorf("%s: %v, %d texts", l, err, len(m))
		}
	}
	if _, err := Translations("fr"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unshipped language: %v", err)
	}
}

func TestAppIconIsTheDrawingAt512(t *testing.T) {
	test.NewTempApp(t)
	svg, err := os.ReadFile("icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	img := canvas.NewImageFromResource(fyne.NewStaticResource("app-icon.svg", svg))
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(img)
	c.Resize(fyne.NewSquareSize(512))
	var buf bytes.Buffer
	if err := png.Encode(&buf, c.Capture()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("icon.png", buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := png.Decode(bytes.NewReader(AppIcon().Content()))
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Bounds().Size(); s.X != 512 || s.Y != 512 {
		t.Errorf("icon is %v", s)
	}
	if !bytes.Equal(AppIcon().Content(), buf.Bytes()) {
		t.Error("icon.png is not icon.svg: run with -update")
	}
}

// TestOneWordForOneThing keeps every language to the one word it has for a thing: who reads two words looks for two things.
func TestOneWordForOneThing(t *testing.T) {
	for language, other := range map[string]*regexp.Regexp{
		"en": regexp.MustCompile(`(?i)\bchats?\b|\bthreads?\b`),                                    // conversation
		"de": regexp.MustCompile(`(?i)gespräch|konversation|\bchats?|\bthreads?\b|\bzu werbung\b`), // Unterhaltung; Einwilligung in Werbung
		"it": regexp.MustCompile(`(?i)\bchat\b|\bdialog[oh]|\bcolloqui|\bdiscussion[ei]`),          // conversazione
	} {
		data, err := Translations(language)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatal(err)
		}
		for key, text := range texts {
			if s, ok := text.(string); ok && other.MatchString(s) {
				t.Errorf("%s: %s says %q", language, key, other.FindString(s))
			}
		}
	}
}

// TestTheWordsOfAPromiseAreThoseOfTheDesign keeps the words by which people know what is hidden, and how they ask for it.
func TestTheWordsOfAPromiseAreThoseOfTheDesign(t *testing.T) {
	want := map[string]map[string]string{
		"field.ask":          {"en": "Request reveal…", "de": "Anzeige anfragen…", "it": "Chiedi di mostrare…"},
		"contact.policy":     {"en": "Hidden by company policy", "de": "Durch Unternehmensrichtlinie verborgen", "it": "Nascosto per regola aziendale"},
		"chip.window.closed": {"en": "Window closed", "de": "Fenster geschlossen", "it": "Finestra chiusa"},
		"consent.title":      {"en": "Consent to advertising", "de": "Einwilligung in Werbung", "it": "Consenso alla pubblicità"},
	}
	for _, language := range []string{"en", "de", "it"} {
		data, err := Translations(language)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatal(err)
		}
		for key, words := range want {
			if texts[key] != words[language] {
				t.Errorf("%s: %s is %q, want %q", language, key, texts[key], words[language])
			}
		}
	}
}
