package main

// mostPasted is the largest picture that is taken from the clipboard, in bytes: what WhatsApp takes as a document.
const mostPasted = 100 << 20
