package kit

import (
	"unicode"
	"unicode/utf8"
)

// glyphClass is what the layout needs to know of a cluster: which font draws it and whether a line
// may break beside it.
type glyphClass uint8

const (
	classLatin glyphClass = iota // Latin, Greek, Cyrillic and signs our own font covers
	classArabic
	classHebrew
	classIdeograph
	classOther
	classEmoji
	classSpace
	classNewline
	classIgnored // control and direction marks: never drawn
	classJoin    // continues the cluster before it
)

func classify(r rune) glyphClass {
	switch {
	case r < 0x80:
		switch {
		case r == '\n':
			return classNewline
		case r == ' ' || r == '\t':
			return classSpace
		case r < 0x20 || r == 0x7f:
			return classIgnored
		}
		return classLatin
	case r < 0x300:
		switch {
		case r == 0xa0:
			return classLatin
		case r < 0xa0 || r == 0xad:
			return classIgnored
		}
		return classLatin
	case r == 0x200d || r >= 0xfe00 && r <= 0xfe0f || unicode.In(r, unicode.Mn, unicode.Me):
		return classJoin
	case r >= 0x590 && r <= 0x5ff || r >= 0xfb1d && r <= 0xfb4f:
		return classHebrew
	case r >= 0x600 && r <= 0x6ff || r >= 0x750 && r <= 0x77f || r >= 0x8a0 && r <= 0x8ff ||
		r >= 0xfb50 && r <= 0xfdff || r >= 0xfe70 && r <= 0xfefc:
		return classArabic
	case r < 0x530 || r >= 0x1e00 && r < 0x2000:
		return classLatin
	case r >= 0x2000 && r <= 0x200a || r == 0x205f || r == 0x3000:
		if r == 0x2007 { // a figure space never breaks
			return classLatin
		}
		return classSpace
	case r == 0x2028 || r == 0x2029:
		return classNewline
	case r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff:
		return classIgnored
	case isEmoji(r):
		return classEmoji
	case r >= 0x2000 && r < 0x2c00:
		return classLatin
	case r >= 0x2e80 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff ||
		r >= 0xff00 && r <= 0xffef || r >= 0x20000 && r <= 0x3fffd:
		return classIdeograph
	}
	return classOther
}

// emojiRanges are the runes below U+1F000 that phones show as emoji, a choice out of the Emoji
// property of Unicode's emoji-data.txt. Ordinary signs such as ©, ™ and arrows stay text.
var emojiRanges = [...][2]rune{
	{0x231a, 0x231b}, {0x23e9, 0x23f3}, {0x23f8, 0x23fa}, {0x25fd, 0x25fe}, {0x2600, 0x2604},
	{0x260e, 0x260e}, {0x2614, 0x2615}, {0x2618, 0x2618}, {0x261d, 0x261d}, {0x2620, 0x2620},
	{0x2622, 0x2623}, {0x262e, 0x262f}, {0x2638, 0x263a}, {0x2648, 0x2653}, {0x2660, 0x2660},
	{0x2663, 0x2663}, {0x2665, 0x2666}, {0x2668, 0x2668}, {0x267b, 0x267b}, {0x267e, 0x267f},
	{0x2692, 0x2697}, {0x2699, 0x2699}, {0x269b, 0x269c}, {0x26a0, 0x26a1}, {0x26aa, 0x26ab},
	{0x26b0, 0x26b1}, {0x26bd, 0x26be}, {0x26c4, 0x26c5}, {0x26c8, 0x26c8}, {0x26ce, 0x26cf},
	{0x26d1, 0x26d1}, {0x26d3, 0x26d4}, {0x26e9, 0x26ea}, {0x26f0, 0x26f5}, {0x26f7, 0x26fa},
	{0x26fd, 0x26fd}, {0x2702, 0x2702}, {0x2705, 0x2705}, {0x2708, 0x270d}, {0x270f, 0x270f},
	{0x2712, 0x2712}, {0x2714, 0x2714}, {0x2716, 0x2716}, {0x271d, 0x271d}, {0x2721, 0x2721},
	{0x2728, 0x2728}, {0x2733, 0x2734}, {0x2744, 0x2744}, {0x2747, 0x2747}, {0x274c, 0x274c},
	{0x274e, 0x274e}, {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2763, 0x2764}, {0x2795, 0x2797},
	{0x27b0, 0x27b0}, {0x27bf, 0x27bf}, {0x2b1b, 0x2b1c}, {0x2b50, 0x2b50}, {0x2b55, 0x2b55},
}

func isEmoji(r rune) bool {
	if r < 0x231a {
		return false
	}
	if r >= 0x1f000 {
		return r <= 0x1f0ff || r >= 0x1f18e && r <= 0x1f19a || r >= 0x1f1e6 && r <= 0x1f251 ||
			r >= 0x1f300 && r <= 0x1faff
	}
	if r > 0x2b55 {
		return false
	}
	lo, hi := 0, len(emojiRanges)
	for lo < hi {
		mid := (lo + hi) / 2
		switch {
		case r < emojiRanges[mid][0]:
			hi = mid
		case r > emojiRanges[mid][1]:
			lo = mid + 1
		default:
			return true
		}
	}
	return false
}

// nextCluster returns the length in bytes of the first thing a reader sees as one sign, and its
// class: a letter with its marks, a flag, a family with its joiners and skin tones, a keycap.
func nextCluster(s string) (int, glyphClass) {
	r, n := utf8.DecodeRuneInString(s)
	class := classify(r)
	if class == classSpace || class == classNewline || class == classIgnored {
		return n, class
	}
	if class == classJoin { // a mark without a base still takes room
		class = classLatin
	}
	flag := r >= 0x1f1e6 && r <= 0x1f1ff
	for n < len(s) {
		b := s[n]
		if b < 0x80 {
			return n, class
		}
		r, size := utf8.DecodeRuneInString(s[n:])
		switch {
		case flag && r >= 0x1f1e6 && r <= 0x1f1ff:
			flag = false // a flag is exactly two
			n += size
		case r == 0x200d && class == classEmoji:
			// A joiner takes the next emoji with it.
			n += size
			if n < len(s) {
				if _, size = utf8.DecodeRuneInString(s[n:]); classify(firstRune(s[n:])) == classEmoji {
					n += size
				}
			}
		case r == 0xfe0f && class == classLatin:
			class = classEmoji // "show as emoji": keycaps, ©️, ↗️
			n += size
		case r == 0x20e3:
			class = classEmoji
			n += size
		case r >= 0x1f3fb && r <= 0x1f3ff && class == classEmoji, // skin tones
			r >= 0xe0020 && r <= 0xe007f && class == classEmoji, // flags of regions
			classify(r) == classJoin:
			n += size
		default:
			return n, class
		}
	}
	return n, class
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// fontFor chooses the font of a class in a weight. Only our own font has weights.
func fontFor(c glyphClass, w Weight) Font {
	switch c {
	case classArabic:
		return FontArabic
	case classHebrew:
		return FontHebrew
	case classEmoji:
		return FontEmoji
	case classIdeograph:
		return FontIdeograph
	case classOther:
		return FontFallback
	}
	switch w {
	case Medium:
		return FontMedium
	case SemiBold:
		return FontSemiBold
	case Italic:
		return FontItalic
	case Monospace:
		return FontMono
	}
	return FontRegular
}

// Closing marks never start a line and opening marks never end one in East Asian text.
func forbidsLineStart(r rune) bool {
	switch r {
	case '、', '。', '，', '．', '：', '；', '？', '！', '）', '」', '』', '】', '》', '〉', '’', '”', '…', 'ー', '々',
		',', '.', ':', ';', '?', '!', ')', ']', '}':
		return true
	}
	return false
}

func forbidsLineEnd(r rune) bool {
	switch r {
	case '（', '「', '『', '【', '《', '〈', '‘', '“', '(', '[', '{':
		return true
	}
	return false
}
