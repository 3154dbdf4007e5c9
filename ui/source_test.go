package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sources is the text of every file of this package that is not a test.
func sources(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal("no sources", err)
	}
	out := map[string]string{}
	for _, n := range names {
		if strings.HasSuffix(n, "_test.go") {
			continue
		}
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = string(b)
	}
	return out
}

func TestViewsAreFreeOfWidgets(t *testing.T) {
	for name, src := range sources(t) {
		if !strings.HasPrefix(name, "view_") {
			continue
		}
		for line := range strings.Lines(src) {
			if strings.Contains(line, `"fyne.io/`) && !strings.Contains(line, `"fyne.io/fyne/v2/lang"`) || strings.Contains(line, `"sealdesk/ui/kit"`) {
				t.Errorf("%s imports %s", name, strings.TrimSpace(line))
			}
			if strings.Contains(line, "time.Now(") {
				t.Errorf("%s looks at the clock: time comes in as an argument", name)
			}
		}
	}
}
