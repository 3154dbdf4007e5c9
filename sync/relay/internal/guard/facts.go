package guard

import (
	"errors"
	"hash/maphash"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// errOwners is what an implementation of Owners is told that answers something else than it was asked.
var errOwners = errors.New("answer has not the length of the question")

// facts reports what the caller knows of window and consent, so that one verdict tells all, and text that was copied in
// another conversation.
func (j *judge) facts() {
	d := j.draft
	if d.Outside && !d.Template {
		j.add(Finding{Rule: Window, Part: InDraft})
	}
	if d.NoConsent {
		j.add(Finding{Rule: Consent, Part: InDraft})
	}
	if d.Pasted != "" && d.Pasted != d.Conversation {
		j.add(Finding{Rule: Pasted, Part: InDraft})
	}
}

// file judges the file by what is known without opening it.
func (j *judge) file() {
	f := j.draft.File
	if f == nil {
		return
	}
	if f.Size > j.policy.Files.MaxBytes || f.Size < 0 {
		j.add(Finding{Rule: FileKind, Why: WhySize, Part: InFile, Detail: strconv.FormatInt(j.policy.Files.MaxBytes, 10)})
	}
	kind, _, _ := strings.Cut(strings.ToLower(f.Type), ";")
	kind = strings.TrimSpace(kind)
	ok := false
	for _, t := range j.types {
		if family, all := strings.CutSuffix(t, "/*"); kind == t || all && strings.HasPrefix(kind, family+"/") {
			ok = true
		}
	}
	if !ok || programs[strings.ToLower(path.Ext(strings.TrimRight(f.Name, ". ")))] {
		j.add(Finding{Rule: FileKind, Why: WhyType, Part: InFile, Detail: clip(kind)})
	}
	if f.Name == "" {
		return
	}
	if !utf8.ValidString(f.Name) || len(f.Name) > 1024 {
		j.add(Finding{Rule: Unreadable, Part: InFile})
		return
	}
	// The customer sees the name: bidirectional overrides make "gpj.exe" read as "exe.jpg".
	if i := strings.IndexAny(f.Name, "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f/\\\x00"); i >= 0 {
		_, n := utf8.DecodeRuneInString(f.Name[i:])
		j.add(Finding{Rule: FileKind, Why: WhyName, Part: InFile, From: i, To: i + n})
	}
	// People join the words of file names; the finders read words.
	name := strings.Map(func(r rune) rune {
		if r == '_' {
			return ' '
		}
		return r
	}, f.Name)
	if ext := path.Ext(name); len(ext) > 1 && len(ext) <= 6 {
		name = name[:len(name)-len(ext)]
	}
	j.named(name)
}

// named judges the identifiers in a file's name.
func (j *judge) named(name string) {
	t := read(name)
	j.prepare()
	for _, id := range identify(name, nil, j.known) {
		switch id.kind {
		case inbox.Phone, inbox.Email, inbox.Handle, inbox.Card:
			j.ident(InFile, id, t, true)
		case inbox.Account:
			j.add(Finding{Rule: FileKind, Why: WhyName, Part: InFile, From: id.from, To: id.to})
		}
	}
	j.guess(InFile, t, nil)
}

// programs are files that do something when they are opened.
var programs = set(`.exe .msi .bat .cmd .com .scr .js .jse .vbs .vbe .ps1 .jar .apk .ipa .app .dmg .pkg .deb .rpm .sh .lnk .hta .html .htm
	.svg .docm .xlsm .pptm .iso .img .reg .dll .wsf .url .desktop .vcf`)

// A Print is what a text has in common with others like it: minima of hashed shingles in one permutation (Li, Owen,
// Zhang 2012). It does not give the text back, but who guesses a text can tell that he guessed right: keep it in memory
// and no longer than Mass needs. The zero value is like nothing.
type Print [32]uint16

// seed is the process's own, so that a Print means nothing elsewhere.
var seed = maphash.MakeSeed()

// PrintOf returns the print of a draft's texts. Prints of one process can be compared.
func PrintOf(parts []Part) Print {
	var p Print
	n := 0
	for _, part := range parts {
		if part.Kind != Note && utf8.ValidString(part.Text) && len(part.Text) <= MaxText {
			n += p.take(read(part.Text))
		}
	}
	return p
}

// take adds a text's shingles of three words, in which digits are all the same, and returns how many there were.
func (p *Print) take(t *text) int {
	const size = 3
	var ring [size][]byte
	n := 0
	for i := range t.words {
		w := t.b[t.words[i].from:t.words[i].to]
		if isDigit(w[0]) {
			w = []byte("0")
		}
		ring[i%size] = w
		if i < size-1 {
			continue
		}
		var h maphash.Hash
		h.SetSeed(seed)
		for k := range size {
			h.Write(ring[(i+1+k)%size])
			h.WriteByte(' ')
		}
		sum := h.Sum64()
		bin := sum % uint64(len(p))
		v := uint16(sum>>48) &^ 1
		if p[bin] == 0 || ^v|1 > p[bin] { // zero is none, so minima are kept as maxima of complements
			p[bin] = ^v | 1
		}
		n++
	}
	return n
}

// alike returns the share two prints have in common, 0 to 1.
func (p *Print) alike(q *Print) float64 {
	same, any := 0, 0
	for i := range p {
		if p[i]|q[i] == 0 {
			continue
		}
		any++
		if p[i] == q[i] {
			same++
		}
	}
	if any == 0 {
		return 0
	}
	return float64(same) / float64(any)
}

// whole judges the draft as a whole: the same text to many, and what must be said along with something.
func (j *judge) whole() {
	d := j.draft
	size := 0
	for i, p := range d.Parts {
		if p.Kind == Note || !utf8.ValidString(p.Text) {
			continue
		}
		size += len(p.Text)
		for _, c := range j.disclaimers {
			if t := read(p.Text); c.when.any(t) && !j.said(c.need) {
				j.add(Finding{Rule: Unsaid, Part: i})
			}
		}
	}
	if size < j.policy.Mass.MinBytes || len(d.Recent) < j.policy.Mass.Contacts {
		return
	}
	p := PrintOf(d.Parts)
	others := map[inbox.ContactID]bool{}
	for i := range d.Recent {
		r := &d.Recent[i]
		if r.To != d.To.ID && !r.At.After(d.At) && d.At.Sub(r.At) <= j.policy.Mass.Within && p.alike(&r.Print) >= j.policy.Mass.Alike {
			others[r.To] = true
		}
	}
	if len(others)+1 > j.policy.Mass.Contacts {
		j.add(Finding{Rule: MassSend, Part: InDraft, Detail: strconv.Itoa(len(others) + 1)})
	}
}

func (j *judge) said(need phraseSet) bool {
	for _, p := range j.draft.Parts {
		if utf8.ValidString(p.Text) && need.any(read(p.Text)) {
			return true
		}
	}
	return false
}
