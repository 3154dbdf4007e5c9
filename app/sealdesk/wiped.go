package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"sealdesk/ui"
)

// wipedFile tells the run after a wipe what was done, so that the person learns why the inbox is gone. It holds counts and
// times only, and goes with the next enrolment.
const wipedFile = "wiped.json"

func writeWiped(dir string, w ui.Wiped) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, wipedFile), b, 0o600)
}

func readWiped(dir string) (w ui.Wiped, ok bool) {
	b, err := os.ReadFile(filepath.Join(dir, wipedFile))
	return w, err == nil && json.Unmarshal(b, &w) == nil
}

func forgetWiped(dir string) { os.Remove(filepath.Join(dir, wipedFile)) }
