// Package kit holds the widgets of Sealdesk that know no word of its trade: colours and type, painted
// text, painted widgets, a virtual list, charts, a viewer for pictures, codes for cameras, a key router and the layers above a window.
//
// It knows Fyne, pixels, scripts and keys. It must not know any package of Sealdesk, a conversation, a
// role, a translation, a file or a socket. Fonts and icons come in through [Resources]; words come in
// as strings that are already in the reader's language.
//
// # How things are drawn
//
// Everything is painted: a widget is one [Painted] with one draw function, which describes itself to a
// [Sketch] from scratch each time. The Sketch keeps the canvas objects of the previous drawing and
// hands them out again, so that drawing the same thing twice uploads no texture. Text is laid out by
// [Layout], a pure function of runs, width and style; nothing in this package wraps with
// widget.Label, whose cost makes a timeline of messages unusable.
//
// # Invariants
//
//   - Colour, type and space come from the [Theme] in force and nowhere else; a change of theme
//     redraws every widget.
//   - No animation, no timer, no goroutine: nothing moves unless its owner calls it.
//   - A list binds only the rows that can be seen and never takes the focus when clicked.
//   - A Secret is pixels: no string, no cache and no accessible name holds it, and Drop overwrites it.
//   - A picture is held as long as the row or [Viewer] that shows it, and no longer.
//   - Each widget has an accessible name, by which tests find it ([Find]).
//   - Every focusable widget offers its keys to the window's [Router] before using them itself.
//   - Texts longer than [ComposerLimit] never reach a text entry, and no entry is given text before it
//     has a width: both freeze the window.
//
// # Concurrency
//
// Everything here belongs to the main goroutine, like the rest of Fyne. The one exception is
// [Theme], which is immutable and may be built and read anywhere.
package kit
