package ledger

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// garbledVar names the folder whose files the child reads. bbolt's pages have no checksums: where a flipped bit hits the
// shape of the tree, bbolt may run in a circle or fault in a way no program survives, so each look happens in a process
// that may be lost.
const garbledVar = "SEALDESK_LEDGER_GARBLED"

// TestGarbledChild is the child: it reads every file it is given and says so after each.
func TestGarbledChild(t *testing.T) {
	list := os.Getenv(garbledVar)
	if list == "" {
		return // not the child
	}
	for path := range strings.SplitSeq(list, "\n") {
		err := readAll(t, path)
		fmt.Printf("\nread %s %v\n", path, err != nil)
	}
}

// A flipped bit may hit what bbolt does not use, then all is as it was. It never shows a wrong value, and all but never
// does worse than an error.
func TestAFlippedBitIsNeverShownAsAValue(t *testing.T) {
	_, raw := filled(t)
	used := len(bytes.TrimRight(raw, "\x00"))
	rnd := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	var left []string
	for i := range 300 {
		broken := bytes.Clone(raw[:used+4096])
		broken[rnd.IntN(used)] ^= 1 << rnd.IntN(8)
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		left = append(left, path)
	}
	refused, lost := 0, 0
	for len(left) > 0 {
		read, no, wrong := readGarbled(t, left)
		if wrong != "" {
			t.Fatal(wrong)
		}
		refused += no
		if left = left[read:]; len(left) > 0 {
			left = left[1:] // the one it was lost over
			lost++
		}
	}
	t.Logf("%d of 300 flips were noticed, %d took the process", refused, lost)
	if refused < 30 || lost > 15 {
		t.Errorf("%d of 300 flips were noticed, %d took the process", refused, lost)
	}
}

// readGarbled has a child read the files, as far as it gets, and returns how many it read and how many it refused.
func readGarbled(t *testing.T, paths []string) (read, refused int, wrong string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestGarbledChild$", "-test.v")
	cmd.Env = append(os.Environ(), garbledVar+"="+strings.Join(paths, "\n"), "GOMEMLIMIT=512MiB")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A file takes milliseconds; a process that says nothing for so long runs in a circle.
	const patience = 5 * time.Second
	watch := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "read "):
			watch.Reset(patience)
			read++
			if strings.HasSuffix(line, " true") {
				refused++
			}
		case strings.Contains(line, "nobody noticed"):
			wrong = line
		}
	}
	watch.Stop()
	cmd.Wait()
	return read, refused, wrong
}
