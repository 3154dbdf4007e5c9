package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestAnUninstallerLeavesNothingOfTheToolkitButOthersThings(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the folders of Linux")
	}
	for rule, other := range map[string]string{"alone": "", "beside another program": "com.example.other"} {
		t.Run(rule, func(t *testing.T) {
			base := t.TempDir()
			t.Setenv("XDG_CONFIG_HOME", filepath.Join(base, "config"))
			t.Setenv("XDG_CACHE_HOME", filepath.Join(base, "cache"))
			put := func(parts ...string) {
				t.Helper()
				name := filepath.Join(append([]string{base}, parts...)...)
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put("config", "fyne", AppID, "preferences.json")
			put("cache", "fyne", AppID, "icon.png")
			want := []string{"cache", "config"}
			if other != "" {
				put("cache", "fyne", other, "icon.png")
				want = []string{"cache", "cache/fyne", "cache/fyne/" + other, "cache/fyne/" + other + "/icon.png", "config"}
			}
			var out bytes.Buffer
			leaveNoToolkit(&out)
			leaveNoToolkit(&out) // there is nothing any more
			var left []string
			err := filepath.WalkDir(base, func(path string, _ os.DirEntry, err error) error {
				if name, _ := filepath.Rel(base, path); name != "." {
					left = append(left, filepath.ToSlash(name))
				}
				return err
			})
			if err != nil || !slices.Equal(left, want) || out.Len() > 0 {
				t.Errorf("left %q, said %q, %v", left, out.String(), err)
			}
		})
	}
}
