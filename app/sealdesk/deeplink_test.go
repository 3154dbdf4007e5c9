package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
)

func TestASecondStartHandsOverToTheFirst(t *testing.T) {
	for name, runtimeDir := range map[string]string{"in the folder of this sign-in": t.TempDir(), "in the data folder": ""} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_RUNTIME_DIR", runtimeDir)
			dir := t.TempDir()
			if err := handOver(dir, ""); !errors.Is(err, errNobody) {
				t.Fatalf("nobody is there: %v", err)
			}
			if err := os.WriteFile(socketPath(dir), nil, 0o600); err != nil { // what a killed run leaves
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan string, 4)
			_, err := listen(ctx, dir, func(a string) bool {
				got <- a
				return a != "bad"
			})
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(socketPath(dir)); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("others may open the socket: %v, %v", info.Mode(), err)
			}
			for _, address := range []string{"", "sealdesk:open?conversation=22222222222222222222222222"} {
				if err := handOver(dir, address); err != nil {
					t.Errorf("%q: %v", address, err)
				}
				if a := <-got; a != address {
					t.Errorf("%q came as %q", address, a)
				}
			}
			if err := handOver(dir, "bad"); err == nil || errors.Is(err, errNobody) {
				t.Errorf("refused: %v", err)
			}
			<-got
			if err := handOver(t.TempDir(), ""); !errors.Is(err, errNobody) {
				t.Errorf("another data folder is another program: %v", err)
			}
			for _, bad := range []string{"two\nlines", strings.Repeat("x", mostLine)} {
				if err := handOver(dir, bad); err == nil || errors.Is(err, errNobody) {
					t.Errorf("%d bytes: %v", len(bad), err)
				}
			}
			c, err := net.Dial("unix", socketPath(dir))
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte(strings.Repeat("y", mostLine+10)))
			c.Close()
			if len(got) != 0 {
				t.Error("a line without an end was taken")
			}
			cancel()
		})
	}
}
