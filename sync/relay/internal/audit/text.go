package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// SignText returns a text, which ends in a line break, with the key's signature below it, as package note writes it: whoever
// has [Key.Verifier] can verify it. Error: [ErrNoKey].
func (k Key) SignText(text string) (string, error) {
	signer, err := k.signer()
	if err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return "", fmt.Errorf("signing a text: %w", err)
	}
	return string(signed), nil
}

// OpenText returns the text of what [Key.SignText] returned, or [ErrVerifier] for another key and note's errors for a text that
// is not what was signed.
func OpenText(signed, verifier string) (string, error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return "", ErrVerifier
	}
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return "", fmt.Errorf("verifying a text: %w", err)
	}
	return n.Text, nil
}
