//go:build unix

package managed

import (
	"os"
	"path/filepath"
	"testing"
)

func folder(t *testing.T, list map[string]string) (files, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policies.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range list {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files{at: dir, dir: true, owner: uint32(os.Getuid()), read: readJSON}, dir
}

func TestFilesAreReadInNameOrderAndOnlyThose(t *testing.T) {
	f, dir := folder(t, map[string]string{"20.json": `{"Locale":"de"}`, "10.json": `{"LogLevel":"warn"}`, "30.json~": `x`, "readme": `x`, ".40.json": `x`})
	raws, err := f.Read()
	if err != nil || len(raws) != 2 || raws[0].Place != filepath.Join(dir, "10.json") || raws[1].Key != "Locale" || raws[1].Line != 1 {
		t.Errorf("%+v, %v", raws, err)
	}
	f.at = filepath.Join(dir, "none")
	if raws, err := f.Read(); err != nil || raws != nil {
		t.Errorf("where there is no folder nothing is managed: %+v, %v", raws, err)
	}
	one := files{at: filepath.Join(dir, "10.json"), owner: f.owner, read: readJSON}
	if raws, err := one.Read(); err != nil || len(raws) != 1 {
		t.Errorf("%+v, %v", raws, err)
	}
	one.at = filepath.Join(dir, "none")
	if raws, err := one.Read(); err != nil || raws != nil {
		t.Errorf("%+v, %v", raws, err)
	}
}

func TestWhatSomebodyElseCouldHaveWrittenIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(f *files, dir string) error
		want string
	}{
		{"another owner", func(f *files, dir string) error { f.owner++; return nil }, "is not owned by root: chown root it"},
		{"a file of the group", func(f *files, dir string) error { return os.Chmod(filepath.Join(dir, "10.json"), 0o664) }, "may be written by others"},
		{"a file of everybody", func(f *files, dir string) error { return os.Chmod(filepath.Join(dir, "10.json"), 0o646) }, "may be written by others"},
		{"a folder of everybody", func(f *files, dir string) error { return os.Chmod(dir, 0o777) }, "may be written by others"},
		{"a folder in the place of a file", func(f *files, dir string) error { return os.Mkdir(filepath.Join(dir, "20.json"), 0o755) }, "is neither a file nor"},
		{"a file in the place of the folder", func(f *files, dir string) error { f.at = filepath.Join(dir, "10.json"); return nil }, "is neither a file nor"},
		{"a name that leads nowhere", func(f *files, dir string) error { return os.Symlink("none", filepath.Join(dir, "20.json")) }, "cannot be read"},
		{"a file without end", func(f *files, dir string) error { return os.Truncate(filepath.Join(dir, "10.json"), maxFile+1) }, "is longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, dir := folder(t, map[string]string{"10.json": `{}`})
			if err := c.do(&f, dir); err != nil {
				t.Fatal(err)
			}
			raws, err := f.Read()
			p := Problems(err)
			if raws != nil || len(p) != 1 || p[0].Place == "" || len(p[0].Why) < len(c.want) || p[0].Why[:len(c.want)] != c.want {
				t.Errorf("%+v, %v", raws, err)
			}
		})
	}
}

func TestEveryFileIsJudgedBeforeAnythingIsRefused(t *testing.T) {
	f, _ := folder(t, map[string]string{"10.json": "{", "20.json": `{"Locale":"de"}`, "30.json": "[]"})
	if _, err := f.Read(); len(Problems(err)) != 2 {
		t.Error(err)
	}
}
