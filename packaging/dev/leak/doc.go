// Package leak finds identifiers of people in bytes where none may be: files, frames, logs, memory.
//
// It knows how a known identifier looks in some thirty encodings that programs and people put text into, finds all of
// them in one pass, looks into what is compressed, and says where and which, never what. It must not know where the bytes
// come from, who made the identifiers up, or what may be shown instead: whoever calls it decides what counts. The
// standard library is all it needs; an unpacker for what that lacks is handed in.
//
// Invariants: a [Hit] never holds the identifier. A scan for nothing, or of nothing, is never a success in silence: New
// counts what is too short to look for, and a [Census] what was read and what could not be unpacked.
//
// A Scanner does not change once made; all its methods may be called concurrently.
package leak
