// Package assets holds what Sealdesk ships beside its code: fonts, icons and translations.
//
// It knows the embedded files and how to name and colour them. It must not know any package of
// Sealdesk, where a font is used, or what a translation key means.
//
// Invariants: a name always yields the same resource pointer (Fyne caches fonts by pointer and
// textures by resource name, so equal things must be one thing and different things must have
// different names); every icon is drawn on a 24 grid with a stroke of 1.75; every font lies beside
// its licence text.
//
// Every function is safe for use by several goroutines and does no input or output at run time.
package assets
