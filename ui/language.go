package ui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"sealdesk/assets"
)

// speak makes the language ("en", "de" or "it"; "" follows the system) the one that every text comes in from now on.
// Texts that are already in widgets stay: the screens are built again.
//
// Fyne picks the language of the system and has no way to choose another. So the chosen texts are registered as those of
// the system's language.
func speak(language string) error {
	system := lang.SystemLocale()
	if language == "" {
		language = nearest(system.LanguageString())
	}
	data, err := assets.Translations(language)
	if err != nil {
		return err
	}
	texts.Lock()
	defer texts.Unlock()
	locales := []fyne.Locale{system, fyne.Locale(nearest(system.LanguageString())), "en"}
	slices.Sort(locales) // often two are the same, and reading the texts is a good part of a start
	for _, locale := range slices.Compact(locales) {
		if err := lang.AddTranslationsForLocale(data, locale); err != nil {
			return fmt.Errorf("registering the texts of %s: %w", language, err)
		}
	}
	return nil
}

// nearest is the language we have that is nearest to a language tag.
func nearest(tag string) string {
	if len(tag) >= 2 {
		for _, l := range assets.Languages() {
			if tag[:2] == l {
				return l
			}
		}
	}
	return "en"
}
