package mask

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// What counts as one breath: messages of one sender that may hold parts of one identifier.
const (
	JoinWindow = 2 * time.Minute // how long before the newest message an earlier one may have been sent
	JoinLength = 96              // how many bytes a message may have to be a part
	JoinPieces = 8               // how many earlier messages are looked at
)

// A Piece is an earlier message of the sender, as he wrote it. It is personal data.
type Piece struct {
	Text string
	Ago  time.Duration // how long before the newest message it was sent
}

// String returns "[redacted]".
func (Piece) String() string { return redacted }

// GoString returns "[redacted]".
func (Piece) GoString() string { return redacted }

// A Range is a stretch of a text, in bytes; it begins and ends on rune borders.
type Range struct{ From, To int }

// A Remask says what of an earlier message must not be seen any more.
type Remask struct {
	Piece int          // its place among the pieces handed in
	Hide  []Range      // what of its text belongs to an identifier that goes over several messages
	Text  inbox.Masked // the whole message, masked anew
}

// A Joint is what a message looks like together with those before it.
type Joint struct {
	Now     inbox.Masked // the newest message
	Earlier []Remask     // the earlier ones that look different now, oldest first
	Found   []Found      // what the newest message showed, by itself or together with the others
}

// Joined masks a message together with the sender's messages right before it, oldest first: a number dictated over
// several messages is none in any of them. Pieces that are too old or too long (see [JoinWindow], [JoinLength]) end the
// chain, those before them are left alone. Joined is pure: what it says about an earlier message depends on the
// arguments alone, and saying it again changes nothing. A nil table of tokens is allowed.
func (p Policy) Joined(earlier []Piece, now string, k Known, tokens *Tokens) Joint {
	b := p.breath(earlier, now, &k, tokens)
	last := len(b.texts) - 1
	var joint Joint
	for i, t := range b.texts[:last] {
		if len(b.more[i]) == 0 {
			continue
		}
		re := Remask{Piece: b.first + i}
		re.Text, _ = p.text(t, k, tokens, b.more[i])
		for _, h := range b.more[i] {
			re.Hide = append(re.Hide, Range{h.from, h.to})
		}
		joint.Earlier = append(joint.Earlier, re)
	}
	joint.Now, joint.Found = p.text(b.texts[last], k, tokens, b.more[last])
	for _, f := range b.found {
		joint.learn(f)
	}
	return joint
}

// A Place is an identifier and where it stands. It prints "[redacted]" wherever it is printed.
type Place struct {
	Range
	Found      // the value is "" where it cannot be told
	Joint bool // what stands here is a part of it, the others stand in the messages before
}

// Find returns what [Policy.Joined] would hide of a message, in order and apart: what stands where rather than what is
// shown instead. Ranges are of the message, its invalid UTF-8 replaced by U+FFFD.
func Find(now string, earlier []Piece, k Known) []Place {
	b := Policy{}.breath(earlier, now, &k, nil)
	last := len(b.texts) - 1
	_, _, stretches := Policy{}.stretches(b.texts[last], k, nil, b.more[last], true)
	var alone []stretch
	if len(b.more[last]) > 0 {
		_, _, alone = Policy{}.stretches(b.texts[last], k, nil, nil, true)
	}
	var out []Place
	for _, s := range stretches {
		if s.Kind == inbox.Plain || s.to <= s.from {
			continue
		}
		joint := len(b.more[last]) > 0 && !slices.ContainsFunc(alone, func(a stretch) bool {
			return a.Kind != inbox.Plain && a.from < s.to && s.from < a.to
		})
		out = append(out, Place{Range{s.from, s.to}, Found{s.Kind, s.value}, joint})
	}
	return out
}

// A breath is a message with those before it that may hold parts of the same identifier.
type breath struct {
	first int      // the place of the first text among the pieces
	texts []string // the message last
	more  [][]hit  // what of each belongs to something that was found in all of them together
	found []Found
}

func (p Policy) breath(earlier []Piece, now string, k *Known, tokens *Tokens) breath {
	now = strings.ToValidUTF8(now, "\uFFFD")
	first := len(earlier)
	for len(now) <= JoinLength && first > 0 && len(earlier)-first < JoinPieces {
		if e := earlier[first-1]; e.Ago < 0 || e.Ago > JoinWindow || len(e.Text) > JoinLength {
			break
		}
		first--
	}
	texts := make([]string, 0, len(earlier)-first+1)
	for _, e := range earlier[first:] {
		texts = append(texts, strings.ToValidUTF8(e.Text, "\uFFFD"))
	}
	texts = append(texts, now)
	b := breath{first: first, texts: texts, more: make([][]hit, len(texts))}
	if len(texts) == 1 {
		return b
	}
	var all strings.Builder
	starts := make([]int, len(texts)+1)
	for i, t := range texts {
		if i > 0 && !glued(texts[i-1], t) {
			all.WriteByte(' ')
		}
		starts[i] = all.Len()
		all.WriteString(t)
	}
	whole := all.String()
	if where := firstLook(whole, k); where != 0 {
		s := scanner{policy: p, known: k, tokens: tokens, folded: fold(whole)}
		for _, h := range s.scan(where) {
			if h.value == "" {
				h.value = string(fold(whole[h.from:h.to]).b)
			}
			if h.kind != inbox.Plain { // the company's own is shown message by message
				share(h, k, texts, starts, b.more)
			}
		}
		b.found = s.found
	}
	return b
}

func (j *Joint) learn(f Found) {
	for _, have := range j.Found {
		if have == f {
			return
		}
	}
	j.Found = append(j.Found, f)
}

// share gives each message its part of a hit that goes over several.
func share(h hit, k *Known, texts []string, starts []int, more [][]hit) {
	parts := 0
	var amounts []string
	for i, t := range texts {
		if from, to := max(h.from, starts[i]), min(h.to, starts[i]+len(t)); from < to {
			parts++
			amounts = append(amounts, t)
		}
	}
	if parts > 1 && (h.kind == inbox.Digits || h.kind == inbox.Phone && !slices.Contains(k.Phones, h.value)) && roundAmounts(amounts) {
		return
	}
	shown := false
	for i, t := range texts {
		from, to := max(h.from-starts[i], 0), min(h.to-starts[i], len(t))
		for from < to && t[from] == ' ' {
			from++
		}
		for to > from && t[to-1] == ' ' {
			to--
		}
		if from >= to || !utf8.RuneStart(t[from]) {
			continue
		}
		part := h
		part.from, part.to = from, to
		if shown {
			part.hint = hidden
		}
		shown = true
		more[i] = append(more[i], part)
	}
}

// roundAmounts reports whether messages of nothing but a short round number follow each other: prices, quantities.
func roundAmounts(texts []string) bool {
	for _, t := range texts {
		t = strings.TrimSpace(t)
		if len(t) == 0 || len(t) > 5 || t[len(t)-1] != '0' || t[0] == '0' || digitsOf(t) != t {
			return false
		}
	}
	return true
}

// glued reports whether two messages continue a word: "max.muster" and "@firma.example".
func glued(a, b string) bool {
	return a != "" && b != "" && (b[0] == '@' || b[0] == '.' || a[len(a)-1] == '@' || b[0] == '_' || a[len(a)-1] == '_')
}
