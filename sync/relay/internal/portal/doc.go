// Package portal is the relay's page for a browser: where new agents and IT find the installers, how a laptop is set up, and what
// to compare so that nobody is led to somebody else's relay.
//
// It knows what it is handed: installers, a version, whether the relay works, the pin. It must not know people, devices, policy or
// anything a customer wrote: whoever reaches the relay can read the page, without a password.
//
// The page is one answer: no script, no cookie, no font or picture from elsewhere, and a policy that lets a browser load none. It is
// light or dark as the browser wants it, and in English, German or Italian as the browser asks or ?lang= says.
//
// A handler is safe for concurrent use.
package portal
