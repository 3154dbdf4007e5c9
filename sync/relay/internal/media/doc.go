// Package media judges a file on its way through the company, in either direction, and writes it again without what its
// maker's device added: where a picture was taken, with which camera, who wrote a document, when and with what.
//
// It knows how pictures (JPEG, PNG, WebP, GIF), films and sound (MP4, 3GP, M4A, Ogg Opus, MP3, AAC, AMR) and documents
// (PDF, Office in both generations, OpenDocument, text) are built, what WhatsApp takes as which kind and how large, and
// how a small file becomes a large one. It must not know whose file it is, where it comes from, where it goes, what it
// is called there, or what anybody may do with it: no contacts, no ids, no stores, no network, no log.
//
// Invariants:
//
//   - A file is judged whole before a byte of it is written. When [Clean] fails for one of this package's errors,
//     nothing was written.
//   - Content is never encoded again: pixels, samples, pages and sheets leave as the very bytes they came as. A picture
//     that only its EXIF turned upright keeps an EXIF with that one number, because turning the pixels of a JPEG costs
//     quality, time and memory, and because WhatsApp and every viewer turn it themselves.
//   - Cleaning is idempotent: cleaning what was cleaned changes nothing and finds nothing to remove.
//   - Formats whose parts point at each other by offset (MP4, PDF, the old Office) are blanked in place and keep their
//     size; the others lose the bytes. What follows a file's end is cut off.
//   - Nothing that comes in makes it panic, use more than about 200 MB, or work for longer than a few passes over the
//     bytes. Counts, sizes and depths read from a file are believed only up to a stated limit.
//   - No error and no [Report] holds anything a file contains but its sizes and counts.
//
// What it leaves, because it is content: text, comments and tracked changes of documents with their authors' names,
// attachments inside a PDF, colour profiles, settings an encoder left inside a film's or a song's frames. What is seen
// or heard is not looked at.
//
// PDF is read by a small lexer of its own and not by a library. The libraries load a whole document and write another
// one: that breaks signatures and costs memory by the file's wish, where blanking two kinds of objects needs neither.
//
// All functions may be called concurrently. Pictures are decoded one at a time in the whole process.
package media
