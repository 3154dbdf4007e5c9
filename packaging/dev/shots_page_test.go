package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGalleryShowsEveryPictureByScreen(t *testing.T) {
	dir := t.TempDir()
	files := []string{"1440x900-light-en/01-inbox.png", "820x560-dark-de/01-inbox.png", "820x560-dark-de/02-search-none.png", "setup-820x560-dark-de/03-inbox.png", "morning/01-inbox.png"}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(f)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shelves, err := gallery(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range shelves {
		names = append(names, s.Screen)
	}
	if got, want := strings.Join(names, ", "), "inbox, search none, setup inbox"; got != want {
		t.Errorf("screens %q, want %q", got, want)
	}
	if n := len(shelves[0].Pictures); n != 3 {
		t.Errorf("%d pictures of the inbox, want 3", n)
	}
	path, err := writeGallery(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Count(string(page), `src="`+f+`"`) != 1 {
			t.Errorf("%s is not shown once", f)
		}
	}
	for _, outside := range []string{"http:", "https:", "//", "<script"} {
		if strings.Contains(string(page), outside) {
			t.Errorf("the page needs %q", outside)
		}
	}
}

func TestWordsOfTheWindowsThatAreTypedAreThere(t *testing.T) {
	d := &dev{root: filepath.Join("..", "..")}
	for _, language := range []string{"en_GB", "de_DE", "it_IT"} {
		words, err := d.lexiconOf(language)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range slices.Concat(shotJourney(words, light), oversightMoves(words)) {
			for _, k := range m.keys {
				if k.key == "" && strings.TrimSpace(k.text) == "" || strings.Contains(k.text, "{{") {
					t.Errorf("%s: %s types nothing, or what is no word", language, m.name)
				}
			}
		}
	}
}

func TestWhatJourneysTypeIntoThePaletteIsThere(t *testing.T) {
	d := &dev{root: filepath.Join("..", "..")}
	words, err := d.lexiconOf("en_GB")
	if err != nil {
		t.Fatal(err)
	}
	customers := []string{"katharina", "marco", "emily", "holger"}
	for _, m := range slices.Concat(agentJourney(), firstWork(), organiseMoves(), tagMoves(), taskMoves("x")) {
		for i, k := range m.keys {
			if k.text == "" || i == 0 || m.keys[i-1].key != "ctrl+k" || slices.Contains(customers, k.text) {
				continue
			}
			text := strings.TrimPrefix(k.text, "show ") // a filter, whose word is put into another
			found := false
			for id := range words {
				found = found || strings.HasPrefix(strings.ToLower(words.word(id, "")), text)
			}
			if !found {
				t.Errorf("%s: there is no %q", m.name, k.text)
			}
		}
	}
}
