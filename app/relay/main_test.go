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
