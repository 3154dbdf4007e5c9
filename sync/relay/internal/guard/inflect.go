package guard

import (
	"slices"
	"strings"
)

// A form is one form of a word, and what the form itself says of who does it to whom.
type form struct {
	text string
	is   sign
}

// forms returns what an expression of the table stands for. "[a|b|]" stands for a, b or nothing, and a mark behind a
// stem for its inflection:
//
//	write~e    an English verb: writes, writing, writed (what is not said does no harm)
//	schreib~d  a German verb: schreibe, schreibst, schreibt, schreiben
//	privat~j   a German adjective: private, privater, privates, privaten, privatem
//	chiam~a    an Italian verb in -are, with what hangs on it: chiamo, chiamami, chiamarti, chiamiamoci
//	contatt~an the same, where the first person is a noun as well: il contatto
//	scriv~i    one in -ere, sent~s one in -ire
//	nuov~o     an Italian or Spanish adjective or noun: nuovo, nuova, nuovi, nuove, nuovos
func forms(expression string) (out []form) {
	for _, text := range spread(expression) {
		all := []form{{}}
		for w := range strings.FieldsSeq(text) {
			var next []form
			for _, tail := range inflected(w) {
				for _, head := range all {
					next = append(next, form{strings.TrimSpace(head.text + " " + tail.text), head.is | tail.is})
				}
			}
			all = next
		}
		out = append(out, all...)
	}
	return out
}

// spread writes out the brackets of an expression.
func spread(e string) []string {
	end := strings.IndexByte(e, ']')
	if end < 0 {
		return []string{e}
	}
	open := strings.LastIndexByte(e[:end], '[')
	var out []string
	for choice := range strings.SplitSeq(e[open+1:end], "|") {
		out = append(out, spread(e[:open]+choice+e[end+1:])...)
	}
	return out
}

// inflected returns the forms of one word.
func inflected(w string) []form {
	stem, kind, marked := strings.Cut(w, "~")
	if !marked {
		return []form{{text: w}}
	}
	var endings []string
	switch kind {
	case "e":
		return english(stem)
	case "d":
		endings = []string{"", "e", "st", "t", "en", "est", "et", "n"}
	case "j":
		endings = []string{"", "e", "er", "es", "en", "em"}
	case "o":
		endings = []string{"o", "a", "i", "e", "os", "as"}
	default:
		return italian(stem, kind)
	}
	out := make([]form, len(endings))
	for i, e := range endings {
		out[i].text = stem + e
	}
	return out
}

func english(stem string) []form {
	bare := strings.TrimSuffix(stem, "e")
	out := []form{{text: stem}, {text: stem + "s"}, {text: bare + "ing"}, {text: bare + "ed"}}
	if n := len(stem); n >= 3 && n <= 5 && !vowel(stem[n-1]) && stem[n-1] != 'w' && stem[n-1] != 'y' && vowel(stem[n-2]) && !vowel(stem[n-3]) {
		out = append(out, form{text: stem + stem[n-1:] + "ing"}, form{text: stem + stem[n-1:] + "ed"})
	}
	return out
}

func vowel(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }

// italian returns the forms of a verb that matter in talk between two: the present, the future, the wish, the order, and
// the pronouns that hang on them. Those say who is meant: "chiamami" me, "chiamiamoci" the two of us, "chiamaci" the company.
func italian(stem, kind string) (out []form) {
	add := func(is sign, endings ...string) {
		for _, e := range endings {
			s := stem
			switch soft := e[0] == 'i' || e[0] == 'e'; {
			case kind != "a" || !soft:
			case strings.HasSuffix(s, "c") || strings.HasSuffix(s, "g"): // cercare, cerchi
				s += "h"
			case strings.HasSuffix(s, "i"): // lasciare, lasci
				s = s[:len(s)-1]
			}
			out = append(out, form{s + e, is})
		}
	}
	kind, noun := strings.CutSuffix(kind, "n")
	infinitive, order, future, wish, gerund := "ar", "a", "er", "i", "ando"
	switch kind {
	case "i":
		infinitive, order, wish, gerund = "er", "i", "a", "endo"
	case "s":
		infinitive, order, future, wish, gerund = "ir", "i", "ir", "a", "endo"
	}
	if !noun {
		add(sI, "o")
	}
	add(sI, future+"ò", future+"ei")
	add(0, "i", order, "e", wish, wish+"no", "iamo", infinitive+"e", gerund, future+"ai", future+"à", future+"emo", future+"anno", future+"ebbe")
	if kind == "a" {
		add(0, "ate", "ano", "ato", "ata", "ati")
	} else {
		add(0, "ete", "ite", "ono", "uto", "ito")
	}
	for _, head := range []string{order, infinitive, gerund, infinitive[:1] + "te"} {
		add(sMe, head+"mi", head+"melo", head+"mela", head+"meli", head+"mele")
		add(0, head+"lo", head+"la", head+"li", head+"le", head+"ti", head+"telo", head+"tela", head+"glielo")
		if head == infinitive {
			add(0, head+"ci", head+"vi", head+"cela")
		}
	}
	add(sLets, "iamoci", "iamone", "iamocene")
	add(sUs, order+"ci")
	slices.SortFunc(out, func(a, b form) int { return strings.Compare(a.text, b.text) })
	return slices.Compact(out)
}
