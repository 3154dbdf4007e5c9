// Package chromium drives a real headless Chromium in tests, over its debugging socket (Chrome DevTools Protocol).
//
// It knows how to open a page, run scripts in it, press and type, take pictures, and lend the page an authenticator for
// passkeys that signs for real (the domain WebAuthn). It must not know what is on the page. Whatever goes wrong fails the test
// it was opened for. A [Page] is of one test and one goroutine; the browser behind it is shared by all tests of a program, and
// ends with that.
package chromium
