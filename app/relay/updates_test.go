package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/relay"
	"sealdesk/sync/updates"
	"sealdesk/sync/updates/signing"
)

// feedOf is a release engineer's feed with one release, made at a time.
func feedOf(t *testing.T, at time.Time) (feed, root string) {
	t.Helper()
	desk := signing.Open(t.TempDir(), func(string, bool) ([]byte, error) { return nil, nil }, func() time.Time { return at })
	file := filepath.Join(t.TempDir(), "sealdesk-client_1.4.0-1_amd64.deb")
	notes := map[string]string{"en": "Faster.", "de": "Schneller.", "it": "Più veloce."}
	err := errors.Join(desk.Init(t.Context(), signing.Life), os.WriteFile(file, []byte("installer"), 0o600))
	if err == nil && time.Since(at) < signing.Life {
		err = desk.Sign(t.Context(), signing.Wish{Version: "1.4.0", Ring: updates.Broad, Notes: notes}, []string{file}, signing.Life)
	}
	if err != nil {
		t.Fatal(err)
	}
	return desk.Feed(), filepath.Join(desk.Feed(), "1.root.json")
}

func TestAnImportOfUpdatesThatIsRefusedSaysWhatIsSafeAndWhatToDo(t *testing.T) {
	config := filepath.Join(t.TempDir(), "r", "relay.toml")
	do := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := run(append([]string{"--config", config}, args...), strings.NewReader(""), &out, &errOut)
		return code, out.String() + errOut.String()
	}
	if code, text := do("init", "--public", "relay.example.com:8443", "--number", "+493023125000", "--phone-number-id", "106540352242922",
		"--app-secret", "s", "--token", "t"); code != 0 {
		t.Fatal(text)
	}
	feed, root := feedOf(t, time.Now())
	if code, text := do("updates", "import", feed); code != 1 || !strings.Contains(text, "Import once with --root") {
		t.Errorf("without an anchor it ends with %d and says %q", code, text)
	}
	if code, text := do("updates", "import", feed, "--root", root); code != 0 || !strings.Contains(text, "are served from now on") {
		t.Fatalf("a sound feed: %d, %q", code, text)
	}
	changed := func(change func(dir string) error) string {
		dir := t.TempDir()
		if err := errors.Join(os.CopyFS(dir, os.DirFS(feed)), change(dir)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	targets, err := filepath.Glob(filepath.Join(feed, "targets", "*"))
	if err != nil || len(targets) != 1 {
		t.Fatalf("%q, %v", targets, err)
	}
	stranger, _ := feedOf(t, time.Now())
	old, oldRoot := feedOf(t, time.Now().Add(-signing.Life-time.Hour))
	for rule, c := range map[string]struct {
		args []string
		says string
	}{
		"a stranger's": {[]string{stranger}, "Do not use it. Ask whoever makes the releases, on another way than this feed came"},
		"a changed package": {[]string{changed(func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "targets", filepath.Base(targets[0])), []byte("inst4ller"), 0o600)
		})}, "Copy it again. If it stays so, do not use it"},
		"half of one":      {[]string{changed(func(dir string) error { return os.Remove(filepath.Join(dir, "2.targets.json")) })}, "Copy the whole folder again"},
		"one that ran out": {[]string{old, "--root", oldRoot}, "Get a newer feed from whoever makes the releases"},
		"plain http":       {[]string{"http://releases.example/feed"}, "an address of a feed begins with https://"},
	} {
		t.Run(rule, func(t *testing.T) {
			code, text := do(append([]string{"updates", "import"}, c.args...)...)
			if code != 1 || !strings.Contains(text, c.says) || c.args[0] != "http://releases.example/feed" && !strings.Contains(text, "What was served before is served on.") {
				t.Errorf("it ends with %d and says %q", code, text)
			}
			if code, text := do("updates", "status"); code != 0 || !strings.Contains(text, "1.4.0") {
				t.Errorf("what is served: %d, %q", code, text)
			}
		})
	}
	if err := sayUpdates(relay.ErrNoRoom); !errors.Is(err, relay.ErrNoRoom) || !strings.Contains(err.Error(), "Make room on the disk") {
		t.Errorf("a full disk: %v", err)
	}
}
