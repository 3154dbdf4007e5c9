package main

import (
	"errors"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// This file is the page that shows all pictures of a run.

// picture is one of the gallery: what it shows and how the window looks in it.
type picture struct{ File, Screen, Look string }

// shelf is the pictures of one screen, each in another look.
type shelf struct {
	Screen   string
	Pictures []picture
}

// gallery finds the pictures below a folder, by screen, in the order in which the screens are come to.
func gallery(dir string) ([]shelf, error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var shelves []shelf
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, f.Name(), "*.png"))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		group, look, cut := strings.Cut(f.Name(), "-")
		if !cut || strings.ContainsAny(group, "0123456789") { // a look of the inbox, or a folder of its own
			group, look = "", f.Name()
		}
		for _, file := range files {
			_, screen, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".png"), "-")
			screen = strings.TrimSpace(group + " " + strings.ReplaceAll(screen, "-", " "))
			at := slices.IndexFunc(shelves, func(s shelf) bool { return s.Screen == screen })
			if at < 0 {
				at, shelves = len(shelves), append(shelves, shelf{Screen: screen})
			}
			shelves[at].Pictures = append(shelves[at].Pictures, picture{File: path.Join(f.Name(), filepath.Base(file)), Screen: screen, Look: strings.ReplaceAll(look, "-", " ")})
		}
	}
	return shelves, nil
}

var galleryPage = template.Must(template.New("gallery").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sealdesk: every screen</title>
<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 0 auto; max-width: 1900px; padding: 24px }
nav { columns: 14em; margin: 16px 0 32px }
nav a { display: block; color: inherit }
section { margin: 0 0 40px; content-visibility: auto; contain-intrinsic-size: auto 900px }
div { display: grid; grid-template-columns: repeat(auto-fill, minmax(420px, 1fr)); gap: 18px; align-items: start }
figure { margin: 0 }
img { width: 100%; height: auto; border: 1px solid #8886; border-radius: 6px }
figcaption { opacity: .75 }
</style>
<h1>Every screen</h1>
<nav>{{range .}}<a href="#{{.Screen}}">{{.Screen}} ({{len .Pictures}})</a>{{end}}</nav>
{{range .}}<section id="{{.Screen}}"><h2>{{.Screen}}</h2><div>
{{range .Pictures}}<figure><a href="{{.File}}"><img loading="lazy" src="{{.File}}" alt="{{.Screen}}, {{.Look}}"></a><figcaption>{{.Look}}</figcaption></figure>
{{end}}</div></section>
{{end}}</html>
`))

// writeGallery writes the page beside the folders of pictures and returns its path.
func writeGallery(dir string) (string, error) {
	shelves, err := gallery(dir)
	if err != nil {
		return "", err
	}
	page := filepath.Join(dir, "index.html")
	out, err := os.Create(page)
	if err != nil {
		return "", err
	}
	return page, errors.Join(galleryPage.Execute(out, shelves), out.Close())
}
