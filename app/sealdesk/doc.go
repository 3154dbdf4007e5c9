// Command sealdesk is the desktop client: a window on a company's WhatsApp inbox.
//
// It knows who is plugged into whom: the operating system's folders, the keyring and the store, the engine, the screens.
// It must not know what any of them does. It alone imports Fyne's app package, and asks the system's clipboard for pictures,
// which Fyne cannot.
//
// Everything that can wait (keyring, store, network) runs on goroutines behind the ui's Door; the main goroutine belongs to
// the window.
package main
