package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sealdesk-relay": main})
}

// TestTheCommandLine runs the scripts of testdata against the real program.
func TestTheCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}

func TestTheExampleIsAConfigurationThatCanWork(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "relay.toml")
	if err := os.WriteFile(path, []byte(relay.Example()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{relay.EnvAppSecret, relay.EnvVerifyToken, relay.EnvToken} {
		t.Setenv(key, "x")
	}
	if _, err := relay.LoadConfig(path); err != nil {
		t.Error(err)
	}
}

func TestEveryKeyOfTheExampleIsExplained(t *testing.T) {
	lines := strings.Split(relay.Example(), "\n")
	key := regexp.MustCompile(`^[a-z_]+ = `)
	for i, line := range lines {
		if !key.MatchString(line) {
			continue
		}
		// A comment stands above the key, or above the group of keys right before it.
		j := i
		for j > 0 && (key.MatchString(lines[j]) || strings.HasPrefix(lines[j], "[")) {
			j--
		}
		if !strings.HasPrefix(lines[j], "#") && line != `certificate = "relay.crt"` && line != `key = "relay.key"` {
			t.Errorf("nobody explains %q", line)
		}
	}
}

func TestAnEnrolmentStringCanBePasted(t *testing.T) {
	config := filepath.Join(t.TempDir(), "relay.toml")
	do := func(args ...string) string {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := run(append([]string{"--config", config}, args...), strings.NewReader(""), &out, &errOut); code != 0 {
			t.Fatalf("%v: %d %s", args, code, errOut.String())
		}
		return out.String()
	}
	do("init", "--public", "relay.example.com:8443", "--number", "+493023125000", "--phone-number-id", "106540352242922",
		"--app-secret", "s", "--token", "t")
	do("person", "add", "Tobias Brandt")
	out := do("enrol", "tobias  brandt")
	line := regexp.MustCompile(`(?m)^sealdesk:\S+$`).FindString(out)
	if e, err := wire.ParseEnrolment(line); err != nil || e.Relay != "relay.example.com:8443" {
		t.Errorf("%v in %q", err, out)
	}
	if !strings.Contains(out, "█") && !strings.Contains(out, "▀") {
		t.Error("there is no QR code")
	}
}

func TestLanguagesOfAPersonAreSetAndTakenAway(t *testing.T) {
	config := filepath.Join(t.TempDir(), "relay.toml")
	do := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := run(append([]string{"--config", config}, args...), strings.NewReader(""), &out, &errOut)
		return code, out.String() + errOut.String()
	}
	if code, text := do("init", "--public", "relay.example.com:8443", "--number", "+493023125000", "--phone-number-id", "106540352242922",
		"--app-secret", "s", "--token", "t"); code != 0 {
		t.Fatal(text)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"person", "add", "Tobias Brandt"}, 0, "agent"},
		{[]string{"person", "languages", "tobias brandt", "de", "IT"}, 0, "Tobias Brandt speaks de, it."},
		{[]string{"person", "languages", "Tobias Brandt", "German"}, 1, "two or three lower-case letters"},
		{[]string{"person", "languages", "Tobias Brandt"}, 0, "Tobias Brandt takes whatever comes."},
		{[]string{"person", "languages", "Nobody", "de"}, 1, "Nobody"},
	} {
		if code, text := do(c.args...); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%v: %d %s", c.args, code, text)
		}
	}
}

func TestErrorsSayWhatIsSafeAndWhatToDo(t *testing.T) {
	for name, x := range map[string]struct {
		spoil func(t *testing.T, dir string)
		says  string
	}{
		"another relay": {func(t *testing.T, dir string) {
			cfg, err := relay.LoadConfig(filepath.Join(dir, "relay.toml"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := relay.Open(t.Context(), cfg, relay.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close() })
		}, "Nothing was changed. Another relay or another command has the store open"},
		"no master key": {func(t *testing.T, dir string) { remove(t, dir, "data/master.key") }, "data/master.key back from its backup"},
		"other master key": {func(t *testing.T, dir string) {
			remove(t, dir, "data/master.key")
			write(t, dir, "data/master.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
		}, "is not the key of this store"},
		"damaged store": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "data/relay.db"), 5000); err != nil {
				t.Fatal(err)
			}
		}, "Keep the data folder as it is, and restore the last backup"},
		"no certificate":   {func(t *testing.T, dir string) { remove(t, dir, "relay.crt") }, "Nothing was changed. Mend it and try again"},
		"no configuration": {func(t *testing.T, dir string) { remove(t, dir, "relay.toml") }, "`sealdesk-relay init` makes one"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "r")
			config := filepath.Join(dir, "relay.toml")
			do := func(args ...string) (int, string) {
				var errOut bytes.Buffer
				code := run(append([]string{"--config", config}, args...), strings.NewReader(""), new(bytes.Buffer), &errOut)
				return code, errOut.String()
			}
			if code, text := do("init", "--public", "relay.example.com:8443", "--number", "+493023125000", "--phone-number-id", "106540352242922",
				"--app-secret", "s", "--token", "t"); code != 0 {
				t.Fatal(text)
			}
			if code, text := do("person", "list"); code != 0 { // makes the store
				t.Fatal(text)
			}
			x.spoil(t, dir)
			for _, command := range [][]string{{"serve"}, {"person", "list"}} {
				if code, text := do(command...); code != 1 || !strings.Contains(text, x.says) {
					t.Errorf("%v ends with %d and says %q", command, code, text)
				}
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestARestoreSaysWhetherErasuresSinceTheBackupAreKnown(t *testing.T) {
	for _, c := range []struct {
		rule  string
		known bool
		cmd   backupRestoreCmd
		has   []string
	}{
		{"with newer lists", true, backupRestoreCmd{Data: "data", Before: "data.broken"}, []string{"is known from data.broken", "done again at the next start"}},
		{"without the former folder", false, backupRestoreCmd{Data: "data"}, []string{"were not carried over: no former data folder was named", "move data aside", "restore again with --before"}},
		{"with a folder that has no lists", false, backupRestoreCmd{Data: "data", Before: "other"}, []string{"other holds no list of any", "do not start the relay", "sealdesk-relay wipe"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			said := sinceBackup(c.cmd, c.known)
			for _, want := range c.has {
				if !strings.Contains(said, want) {
					t.Errorf("%q does not say %q", said, want)
				}
			}
			if strings.Contains(said, "not carried over") == c.known {
				t.Errorf("known is %v: %s", c.known, said)
			}
		})
	}
}
