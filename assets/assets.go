package assets

import (
	"embed"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"fyne.io/fyne/v2"
)

// ErrUnknown is returned for a language that is not shipped.
var ErrUnknown = errors.New("no such asset")

// The fonts that are shipped, by the name Font takes. All are under the SIL Open Font License 1.1.
const (
	FontRegular  = "Inter-Regular.otf"
	FontMedium   = "Inter-Medium.otf"
	FontSemiBold = "Inter-SemiBold.otf"
	FontItalic   = "Inter-Italic.otf"
	FontArabic   = "NotoSansArabic-Regular.ttf"
	FontHebrew   = "NotoSansHebrew-Regular.ttf"
	FontEmoji    = "NotoColorEmoji.ttf"
)

// The fonts are byte slices, not files of an embed.FS: reading such a file copies it, and the emoji alone are 11 MB that a
// start would read, keep in memory and mostly never use.
var (
	//go:embed fonts/Inter-Regular.otf
	interRegular []byte
	//go:embed fonts/Inter-Medium.otf
	interMedium []byte
	//go:embed fonts/Inter-SemiBold.otf
	interSemiBold []byte
	//go:embed fonts/Inter-Italic.otf
	interItalic []byte
	//go:embed fonts/NotoSansArabic-Regular.ttf
	notoArabic []byte
	//go:embed fonts/NotoSansHebrew-Regular.ttf
	notoHebrew []byte
	//go:embed fonts/NotoColorEmoji.ttf
	notoEmoji []byte
)

var fonts = map[string]fyne.Resource{}

func init() {
	for name, data := range map[string][]byte{FontRegular: interRegular, FontMedium: interMedium, FontSemiBold: interSemiBold, FontItalic: interItalic,
		FontArabic: notoArabic, FontHebrew: notoHebrew, FontEmoji: notoEmoji} {
		fonts[name] = fyne.NewStaticResource(name, data)
	}
}

//go:embed fonts/*-OFL.txt
var licences embed.FS

//go:embed icons/*.svg
var icons embed.FS

//go:embed i18n/*.json
var translations embed.FS

//go:embed icon.png
var appIcon []byte

var (
	mu       sync.Mutex
	iconsBy  = map[iconKey]fyne.Resource{}
	appImage = fyne.NewStaticResource("sealdesk.png", appIcon)
)

type iconKey struct {
	name string
	c    color.NRGBA
}

// Font returns the font of that name, one of the Font constants, always the same pointer for the
// same name. It panics for any other name, because a missing font is a broken build.
func Font(name string) fyne.Resource {
	r, ok := fonts[name]
	if !ok {
		panic("assets: no font " + name)
	}
	return r
}

// Icon returns the icon of that name with its strokes in c, always the same pointer for the same
// name and colour. An unknown name yields the help icon, so that a slip shows instead of crashing.
func Icon(name string, c color.Color) fyne.Resource {
	k := iconKey{name, color.NRGBAModel.Convert(c).(color.NRGBA)}
	mu.Lock()
	defer mu.Unlock()
	if r, ok := iconsBy[k]; ok {
		return r
	}
	data, err := icons.ReadFile("icons/" + name + ".svg")
	if err != nil {
		data, _ = icons.ReadFile("icons/help.svg")
	}
	hex := fmt.Sprintf("#%02x%02x%02x", k.c.R, k.c.G, k.c.B)
	svg := strings.ReplaceAll(string(data), "#000000", hex)
	if k.c.A != 0xff {
		svg = strings.Replace(svg, "<svg ", fmt.Sprintf("<svg opacity=\"%.3f\" ", float64(k.c.A)/255), 1)
	}
	r := fyne.NewStaticResource(fmt.Sprintf("icon-%s-%02x%02x%02x%02x.svg", name, k.c.R, k.c.G, k.c.B, k.c.A), []byte(svg))
	iconsBy[k] = r
	return r
}

// IconNames lists every icon in alphabetical order.
func IconNames() []string {
	entries, err := fs.ReadDir(icons, "icons")
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".svg"))
	}
	slices.Sort(names)
	return names
}

// AppIcon is the program's icon, 512 pixels square.
func AppIcon() fyne.Resource { return appImage }

// Languages lists the languages Translations knows, in alphabetical order.
func Languages() []string { return []string{"de", "en", "it"} }

// Translations returns the texts of a language ("de", "en" or "it") as the JSON that Fyne's lang
// package reads. It returns ErrUnknown for any other language.
func Translations(lang string) ([]byte, error) {
	data, err := translations.ReadFile("i18n/" + lang + ".json")
	if err != nil {
		return nil, fmt.Errorf("translations: %w", ErrUnknown)
	}
	return data, nil
}

// A Licence is the licence text of shipped files.
type Licence struct {
	// Name says what the text covers.
	Name string
	// Text is the full licence.
	Text string
}

// FontLicences returns the licences of the shipped fonts, in alphabetical order of their names.
func FontLicences() []Licence {
	files, err := fs.Glob(licences, "fonts/*-OFL.txt")
	if err != nil {
		return nil
	}
	out := make([]Licence, 0, len(files))
	for _, f := range files {
		text, err := licences.ReadFile(f)
		if err != nil {
			continue
		}
		out = append(out, Licence{Name: strings.TrimSuffix(path.Base(f), "-OFL.txt"), Text: string(text)})
	}
	return out
}
